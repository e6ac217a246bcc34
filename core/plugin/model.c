/* Models: a generator's state and its encoders as a folder, and checkpoints of a fit. */
#include "files.h"
#include "plugin/archive.h"
#include "plugin/inside.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/weir.h>

static const weir_generator *generator_of(const weir_job *job)
{
    return (const weir_generator *)job->setup.plugin;
}

/* Puts a new folder in the place of an older one. */
static int replace(const char *from, const char *to, weir_error *error)
{
    char old[PATH_MAX];

    snprintf(old, sizeof old, "%s.old", to);
    if (weir_folder_remove(old, error) != WEIR_OK)
        return error->status;
    if ((rename(to, old) && errno != ENOENT) || rename(from, to))
        return weir_error_set(error, WEIR_EIO, "%s: %s", to, strerror(errno));
    return weir_folder_remove(old, error);
}

/* model.json but for "values". */
static json_t *head_of(weir_job *job, const json_t *about)
{
    json_t *head =
        json_pack("{s:s,s:i,s:{s:s,s:s,s:s},s:O?,s:O?,s:I}", "weir", weir_version(), "format", 1,
                  "plugin", "kind", "generator", "name", job->setup.plugin->name, "abi", "",
                  "options", (json_t *)(uintptr_t)job->setup.options, "encoders",
                  (json_t *)(uintptr_t)job->setup.encoders, "seed", (json_int_t)job->setup.seed);
    json_t *abi = json_sprintf("%#llx", (unsigned long long)WEIR_ABI);

    if (!head || !abi || json_object_set(json_object_get(head, "plugin"), "abi", abi) ||
        (about && json_object_update((json_t *)head, (json_t *)(uintptr_t)about))) {
        weir_error_memory(&job->error, 0, "a model");
        json_decref(head);
        head = NULL;
    }
    json_decref(abi);
    return head;
}

/* Everything into a folder that exists. */
static int write_model(weir_job *job, const void *model, const char *folder, const json_t *about)
{
    weir_archive *archive = weir_archive_new(&job->error);
    json_t *head = head_of(job, about);
    int status = job->error.status;

    if (archive && head) {
        status = generator_of(job)->save(job, model, archive);
        if (status == WEIR_OK && job->error.status == WEIR_OK)
            status = weir_archive_write(archive, folder, head);
        if (status == WEIR_OK)
            status = weir_encoders_save(job, folder);
        if (status != WEIR_OK && job->error.status == WEIR_OK)
            weir_error_set(&job->error, WEIR_EBUG, "save returned %d without a reason", status);
    }
    weir_archive_free(archive);
    json_decref(head);
    return job->error.status;
}

int weir_model_save(weir_job *job, const void *model, const char *path, const json_t *about)
{
    char temporary[PATH_MAX];

    if ((size_t)snprintf(temporary, sizeof temporary, "%s.tmp-%ld", path, (long)getpid()) >=
        sizeof temporary - 8)
        return weir_error_set(&job->error, WEIR_EIO, "%s: the path is too long", path);
    if (weir_folder_remove(temporary, &job->error) == WEIR_OK &&
        weir_folder_make(temporary, &job->error) == WEIR_OK &&
        write_model(job, model, temporary, about) == WEIR_OK)
        replace(temporary, path, &job->error);
    weir_folder_remove(temporary, NULL);
    return job->error.status;
}

json_t *weir_model_about(const char *path, weir_error *error)
{
    char file[PATH_MAX];
    json_t *about;

    snprintf(file, sizeof file, "%s/model.json", path);
    if (access(file, F_OK)) {
        weir_error_set(error, WEIR_EOPTION, "%s: not a model: it has no model.json", path);
        return NULL;
    }
    about = weir_model_json(file, error);
    if (about && (!json_is_string(json_object_get(json_object_get(about, "plugin"), "name")) ||
                  !json_is_object(json_object_get(about, "options")) ||
                  json_integer_value(json_object_get(about, "format")) != 1)) {
        weir_error_set(error, WEIR_EDATA, "%s: not the model of a generator of this version", file);
        json_decref(about);
        return NULL;
    }
    json_object_del(about, "values");
    return about;
}

int weir_job_encoders_from(weir_job *job, const char *model)
{
    free(job->encoders_from);
    job->encoders_from = strdup(model);
    return job->encoders_from ? WEIR_OK : weir_error_memory(&job->error, 0, "a path");
}

static int load_into(weir_job *job, void *model, const char *path)
{
    weir_archive *archive = weir_archive_read(path, &job->error);
    const char *name;
    int status;

    if (!archive || weir_job_keep(job, archive) != WEIR_OK)
        return job->error.status;
    name = json_string_value(
        json_object_get(json_object_get(weir_archive_head(archive), "plugin"), "name"));
    if (!name || strcmp(name, job->setup.plugin->name) != 0)
        return weir_error_set(&job->error, WEIR_EDATA, "%s: the model is one of generator %s", path,
                              name ? name : "?");
    if (weir_job_encoders_from(job, path) != WEIR_OK)
        return job->error.status;
    status = generator_of(job)->load(job, model, archive);
    if (status != WEIR_OK && job->error.status == WEIR_OK)
        weir_error_set(&job->error, WEIR_EBUG, "load returned %d without a reason", status);
    return job->error.status;
}

void *weir_model_load(weir_job *job, const char *path)
{
    void *model = weir_job_state(job);

    return model && load_into(job, model, path) == WEIR_OK ? model : NULL;
}

int weir_job_set_part(weir_job *job, uint32_t part, uint32_t count, const char *base,
                      weir_error *error)
{
    weir_job_setup setup = job->setup;

    job->part = part;
    job->parts = count ? count : 1;
    if (!base)
        return WEIR_OK;
    setup.folder = NULL;
    setup.fitted = true;
    job->base = weir_job_new(&setup, error);
    if (!job->base)
        return error ? (int)error->status : WEIR_EBUG;
    weir_job_phase(job->base, "load");
    job->base_model = weir_model_load(job->base, base);
    if (!job->base_model)
        return weir_job_end(job->base, WEIR_OK, error);
    return weir_job_encoders_from(job, base);
}

/* ---- Checkpoints ------------------------------------------------------------------------------*/

int weir_checkpoint(weir_job *job, const void *model, int64_t step)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    json_t *about;

    job->training.last = step > job->training.last ? step : job->training.last;
    if (!job->setup.folder)
        return WEIR_OK;
    snprintf(path, sizeof path, "%s/checkpoint", job->setup.folder);
    snprintf(temporary, sizeof temporary, "%s/checkpoint.tmp", job->setup.folder);
    about = json_pack("{s:I,s:o,s:o}", "step", (json_int_t)step, "streams", weir_streams_save(job),
                      "trained", weir_training_save(job));
    if (!about || (job->about && json_object_update(about, job->about))) {
        json_decref(about);
        return weir_error_memory(&job->error, 0, "a checkpoint");
    }
    if (weir_folder_remove(temporary, &job->error) == WEIR_OK &&
        weir_folder_make(temporary, &job->error) == WEIR_OK &&
        write_model(job, model, temporary, about) == WEIR_OK &&
        weir_curves_keep(job, temporary) == WEIR_OK)
        replace(temporary, path, &job->error);
    if (job->error.status == WEIR_OK)
        weir_candidate_keep(job, step);
    json_decref(about);
    return job->error.status;
}

int weir_checkpoint_about(weir_job *job, const json_t *about)
{
    json_decref(job->about);
    job->about = json_deep_copy(about);
    return job->about ? WEIR_OK : weir_error_memory(&job->error, 0, "a checkpoint");
}

int64_t weir_checkpoint_resume(weir_job *job, void *model)
{
    static const char *const places[] = {"checkpoint", "checkpoint.old"};
    char path[PATH_MAX];
    json_t *about = NULL;

    for (size_t i = 0; i < 2 && !about && job->setup.folder; i++) {
        snprintf(path, sizeof path, "%s/%s", job->setup.folder, places[i]);
        about = weir_model_about(path, NULL);
    }
    if (!about)
        return 0;
    /* a folder used for another job before: its checkpoint says nothing about this one */
    if (json_integer_value(json_object_get(about, "seed")) != (json_int_t)job->setup.seed ||
        !json_equal(json_object_get(about, "options"), job->setup.options)) {
        weir_log(job, "the checkpoint is of another seed or other options; beginning anew");
        json_decref(about);
        return 0;
    }
    job->saved_streams = json_incref(json_object_get(about, "streams"));
    weir_training_resume(job, json_object_get(about, "trained"));
    if (load_into(job, model, path) == WEIR_OK && weir_curves_resume(job, path) == WEIR_OK)
        job->resumed = job->training.last = json_integer_value(json_object_get(about, "step"));
    json_decref(about);
    return job->resumed;
}

int weir_checkpoint_remove(weir_job *job)
{
    static const char *const places[] = {"checkpoint", "checkpoint.old", "checkpoint.tmp"};
    char path[PATH_MAX];

    for (size_t i = 0; i < 3 && job->setup.folder; i++) {
        snprintf(path, sizeof path, "%s/%s", job->setup.folder, places[i]);
        if (weir_folder_remove(path, &job->error) != WEIR_OK)
            return job->error.status;
    }
    return WEIR_OK;
}

/* ---- Of others --------------------------------------------------------------------------------*/

const weir_archive *weir_archive_open(weir_job *job, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length = (size_t)(name - path);
    char folder[PATH_MAX];
    weir_archive *archive;

    /* What a result's key knows of the model is what this file holds. */
    if (strcmp(name, "arrays.safetensors") != 0 || length + 2 > sizeof folder) {
        weir_fail(job, WEIR_EOPTION, "'%.200s' is not the arrays.safetensors of a model", path);
        return NULL;
    }
    memcpy(folder, path, length);
    strcpy(folder + length, ".");
    archive = weir_archive_read(folder, &job->error);
    if (!archive || weir_job_keep(job, archive) != WEIR_OK)
        return NULL;
    return archive;
}
