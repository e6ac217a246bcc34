/* Candidates: checkpoints of a fit that stay, so that the core can choose among them. */
#include "files.h"
#include "plugin/inside.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static int path_of(const weir_job *job, int64_t step, char path[WEIR_PATH], weir_error *error)
{
    if ((size_t)snprintf(path, WEIR_PATH, "%s/candidates/%lld", job->setup.folder,
                         (long long)step) >= WEIR_PATH)
        return weir_error_set(error, WEIR_EIO, "the path is too long: %.200s…", path);
    return WEIR_OK;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The steps that there are, rising. A new array of *n; NULL where there are none. */
static int64_t *steps_of(const weir_job *job, size_t *n, weir_error *error)
{
    char path[WEIR_PATH], *end;
    int64_t *steps = NULL, *grown;
    struct dirent *entry;
    DIR *list = NULL;

    *n = 0;
    if ((size_t)snprintf(path, sizeof path, "%s/candidates", job->setup.folder) < sizeof path)
        list = opendir(path);
    while (list && (entry = readdir(list))) {
        long long step = strtoll(entry->d_name, &end, 10);
        if (end == entry->d_name || *end)
            continue;
        grown = realloc(steps, (*n + 1) * sizeof *steps);
        if (!grown) {
            weir_error_memory(error, (*n + 1) * sizeof *steps, "the candidates");
            break;
        }
        steps = grown;
        steps[(*n)++] = step;
    }
    if (list)
        closedir(list);
    if (*n)
        qsort(steps, *n, sizeof *steps, compare);
    return steps;
}

static int drop(const weir_job *job, int64_t step, weir_error *error)
{
    char path[WEIR_PATH];

    if (path_of(job, step, path, error))
        return error->status;
    return weir_folder_remove(path, error);
}

/* The one of n > 1, not the last, whose neighbours lie closest together. */
static size_t densest(const int64_t *steps, size_t n)
{
    size_t found = 0;
    int64_t least = INT64_MAX;

    for (size_t i = 0; i + 1 < n; i++) {
        int64_t gap = steps[i + 1] - (i ? steps[i - 1] : 0);
        if (gap < least) {
            least = gap;
            found = i;
        }
    }
    return found;
}

/* Drops the densest until there are no more than asked for. */
static int thin(const weir_job *job, weir_error *error)
{
    bool many = true;

    while (many && error->status == WEIR_OK) {
        size_t n;
        int64_t *steps = steps_of(job, &n, error);

        many = n > (size_t)job->setup.candidates;
        if (many)
            drop(job, steps[densest(steps, n)], error);
        free(steps);
    }
    return error->status;
}

int weir_candidate_keep(weir_job *job, int64_t step)
{
    char path[WEIR_PATH], temporary[WEIR_PATH], checkpoint[WEIR_PATH];
    weir_error *error = &job->error;

    if (job->setup.candidates < 1 || !job->setup.folder)
        return WEIR_OK;
    if (path_of(job, step, path, error))
        return error->status;
    snprintf(checkpoint, sizeof checkpoint, "%.4000s/checkpoint", job->setup.folder);
    snprintf(temporary, sizeof temporary, "%.4000s/candidates/new", job->setup.folder);
    if (weir_folder_link(checkpoint, temporary, error) || weir_folder_remove(path, error))
        return error->status;
    if (rename(temporary, path))
        return weir_error_set(error, WEIR_EIO, "cannot write %s", path);
    return thin(job, error);
}

int weir_candidates_resume(weir_job *job)
{
    char path[WEIR_PATH];
    size_t n;
    int64_t *steps;

    if (!job->setup.folder)
        return WEIR_OK;
    if (!job->resumed || job->setup.candidates < 1) {
        snprintf(path, sizeof path, "%.4000s/candidates", job->setup.folder);
        return weir_folder_remove(path, &job->error);
    }
    steps = steps_of(job, &n, &job->error);
    for (size_t i = 0; i < n && job->error.status == WEIR_OK; i++)
        if (steps[i] > job->resumed)
            drop(job, steps[i], &job->error);
    /* killed between the checkpoint and its candidate, or before one was dropped for it */
    if (job->error.status == WEIR_OK && (!n || steps[n - 1] < job->resumed))
        weir_candidate_keep(job, job->resumed);
    else if (job->error.status == WEIR_OK)
        thin(job, &job->error);
    free(steps);
    return job->error.status;
}

/* Whether two models have the same arrays and values; those of their encoders are the fit's. */
static bool equal(const char *a, const char *b)
{
    char path[2][WEIR_PATH], block[2][65536];
    const char *folders[2] = {a, b};
    json_t *heads[2];
    FILE *files[2];
    size_t got[2];
    bool same;

    for (int i = 0; i < 2; i++) {
        snprintf(path[i], WEIR_PATH, "%.4000s/model.json", folders[i]);
        heads[i] = weir_json_read(path[i]);
        snprintf(path[i], WEIR_PATH, "%.4000s/arrays.safetensors", folders[i]);
        files[i] = fopen(path[i], "rbe");
    }
    same = heads[0] && heads[1] && !files[0] == !files[1] &&
           json_equal(json_object_get(heads[0], "values"), json_object_get(heads[1], "values"));
    while (same && files[0] && files[1]) {
        for (int i = 0; i < 2; i++)
            got[i] = fread(block[i], 1, sizeof block[i], files[i]);
        same = got[0] == got[1] && !memcmp(block[0], block[1], got[0]);
        if (!got[0])
            break;
    }
    for (int i = 0; i < 2; i++) {
        json_decref(heads[i]);
        if (files[i])
            fclose(files[i]);
    }
    return same;
}

json_t *weir_candidates_list(weir_job *job, const char *model)
{
    char path[WEIR_PATH];
    json_t *list = json_array();
    size_t n;
    int64_t *steps = steps_of(job, &n, &job->error);

    if (n && path_of(job, steps[n - 1], path, &job->error) == WEIR_OK && equal(path, model)) {
        drop(job, steps[n - 1], &job->error);
        n--;
    }
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(steps[i]));
    free(steps);
    if (!list)
        weir_error_memory(&job->error, 0, "the candidates");
    return list;
}
