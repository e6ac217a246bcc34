/* An instance of a plugin at work: memory, errors, random streams, progress, log. */
#include "plugin/job.h"
#include "data/source.h"
#include "files.h"
#include "plugin/archive.h"
#include "plugin/inside.h"
#include "plugin/options.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t cancelled;

void weir_cancel(void)
{
    cancelled = 1;
}

void weir_cancel_clear(void)
{
    cancelled = 0;
}

/* ---- Memory -----------------------------------------------------------------------------------*/

#define HEAD 64 /* a block's link, padded to the alignment */

void *weir_alloc(weir_job *job, size_t count, size_t size)
{
    weir_job *counter = job->owner ? job->owner : job;
    weir_block *block;
    size_t bytes;

    counter->allocs++;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - 2 * HEAD ||
        (counter->fail_alloc && --counter->fail_alloc == 0)) {
        weir_error_memory(&job->error, (unsigned long long)count * size, "the plugin");
        return NULL;
    }
    bytes = (bytes + HEAD - 1) / HEAD * HEAD + HEAD;
    block = aligned_alloc(HEAD, bytes);
    if (!block) {
        weir_error_memory(&job->error, bytes, "the plugin");
        return NULL;
    }
    memset(block, 0, bytes);
    block->next = job->blocks;
    job->blocks = block;
    return (char *)block + HEAD;
}

void weir_job_fail_alloc(weir_job *job, uint64_t n)
{
    job->fail_alloc = n;
}

uint64_t weir_job_allocs(const weir_job *job)
{
    return job->allocs;
}

void weir_job_cancel_at(weir_job *job, uint64_t n)
{
    job->cancel_at = n ? job->asked + n : 0;
}

uint64_t weir_job_asked(const weir_job *job)
{
    return job->asked;
}

void *weir_job_state(weir_job *job)
{
    void **states = realloc(job->states, (job->state_count + 1) * sizeof *states);
    size_t bytes = (job->setup.plugin->state_size + HEAD) / HEAD * HEAD;
    void *state = aligned_alloc(HEAD, bytes);

    if (states)
        job->states = states;
    if (!states || !state) {
        free(state);
        weir_error_memory(&job->error, bytes, "a model");
        return NULL;
    }
    memset(state, 0, bytes);
    job->states[job->state_count++] = state;
    return state;
}

int weir_job_keep(weir_job *job, weir_archive *archive)
{
    weir_archive **archives =
        realloc(job->archives, (job->archive_count + 1) * sizeof(weir_archive *));

    if (!archives) {
        weir_archive_free(archive);
        return weir_error_memory(&job->error, sizeof archive, "a model");
    }
    job->archives = archives;
    job->archives[job->archive_count++] = archive;
    return WEIR_OK;
}

/* ---- Life -------------------------------------------------------------------------------------*/

weir_job *weir_job_new(const weir_job_setup *setup, weir_error *error)
{
    weir_job *job = calloc(1, sizeof *job);

    if (!job) {
        weir_error_memory(error, sizeof *job, "a job");
        return NULL;
    }
    job->setup = *setup;
    job->parts = 1;
    strcpy(job->phase, "open");
    job->scores = json_array();
    job->artefacts = json_array();
    if (!job->scores || !job->artefacts)
        weir_error_memory(&job->error, 0, "a job");
    if (job->error.status == WEIR_OK && weir_options_fill(job) == WEIR_OK)
        return job;
    weir_job_end(job, job->error.status, error);
    weir_job_free(job);
    return NULL;
}

static void free_state(weir_job *job, void *state)
{
    const weir_plugin *plugin = job->setup.plugin;

    if (plugin->kind == WEIR_KIND_GENERATOR && ((const weir_generator *)plugin)->free)
        ((const weir_generator *)plugin)->free(job, state);
    if (plugin->kind == WEIR_KIND_ENCODER && ((const weir_encoder_plugin *)plugin)->free)
        ((const weir_encoder_plugin *)plugin)->free(job, state);
    free(state);
}

void weir_job_free(weir_job *job)
{
    if (!job)
        return;
    for (size_t i = 0; i < job->state_count; i++)
        free_state(job, job->states[i]);
    free(job->states);
    weir_encoders_free(job);
    weir_job_free(job->base);
    for (size_t i = 0; i < job->archive_count; i++)
        weir_archive_free(job->archives[i]);
    free(job->archives);
    for (weir_block *block = job->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    for (weir_named_stream *stream = job->streams, *next; stream; stream = next) {
        next = stream->next;
        free(stream);
    }
    for (size_t i = 0; i < job->trace_count; i++)
        weir_dataset_free(job->traces[i]);
    free(job->traces);
    if (job->scratch)
        weir_folder_remove(job->scratch, NULL);
    free(job->scratch);
    if (job->curves)
        fclose(job->curves);
    free(job->encoders_from);
    free(job->segments);
    free(job->wants);
    json_decref(job->about);
    json_decref(job->saved_streams);
    json_decref(job->scores);
    json_decref(job->artefacts);
    free(job);
}

void weir_job_event(const weir_job *job, json_t *event)
{
    char line[PIPE_BUF];
    size_t length;

    /* a line that fits in a pipe's atomic write is never torn; a full pipe drops it */
    length = event && job->setup.status_fd >= 0
                 ? json_dumpb(event, line, sizeof line - 1, JSON_COMPACT | JSON_REAL_PRECISION(17))
                 : 0;
    if (length && length < sizeof line) {
        line[length++] = '\n';
        if (write(job->setup.status_fd, line, length) < 0)
            errno = 0; /* a runner that went away is noticed by its signal, not here */
    }
    json_decref(event);
}

void weir_job_phase(weir_job *job, const char *phase)
{
    snprintf(job->phase, sizeof job->phase, "%s", phase);
    weir_job_event(job, json_pack("{s:s}", "phase", phase));
}

int weir_job_end(weir_job *job, int status, weir_error *error)
{
    const weir_plugin *plugin = job->setup.plugin;

    if (status != WEIR_OK && job->error.status == WEIR_OK) {
        bool known = status < 0 && status >= WEIR_EBUG;
        weir_error_set(&job->error, known ? (weir_status)status : WEIR_EBUG,
                       status == WEIR_ECANCEL ? "cancelled"
                                              : "it returned %d (%s) without a reason",
                       status, known ? weir_status_text(status) : "no status");
    }
    if (job->error.status == WEIR_OK)
        return WEIR_OK;
    weir_error_set(error, job->error.status, "%s %s: %s: %s", weir_kind_name((int)plugin->kind),
                   plugin->name, job->phase, job->error.text);
    return job->error.status;
}

/* ---- What a plugin calls ----------------------------------------------------------------------*/

const void *weir_options(const weir_job *job)
{
    return job->options;
}

int weir_fail(weir_job *job, weir_status status, const char *format, ...)
{
    char text[sizeof job->error.text];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return weir_error_set(&job->error, status < 0 && status >= WEIR_EBUG ? status : WEIR_EBUG, "%s",
                          text);
}

weir_error *weir_job_error(weir_job *job)
{
    return &job->error;
}

int weir_progress(weir_job *job, int64_t done, int64_t total)
{
    weir_job *root = job->owner ? job->owner : job;
    struct timespec now;
    double passed;

    if (++root->asked == root->cancel_at)
        weir_cancel();
    if (cancelled)
        return WEIR_ECANCEL;
    if (root->error.status != WEIR_OK)
        return root->error.status;
    if (job->owner || root->setup.status_fd < 0)
        return WEIR_OK;
    weir_training_progress(root, &done, &total);
    clock_gettime(CLOCK_MONOTONIC, &now);
    passed = (double)(now.tv_sec - root->reported.tv_sec) +
             1e-9 * (double)(now.tv_nsec - root->reported.tv_nsec);
    if (passed >= 0.2 || total != root->total || done == total) {
        root->reported = now;
        root->total = total;
        weir_job_event(
            root, json_pack("{s:I,s:I}", "done", (json_int_t)done, "total", (json_int_t)total));
    }
    return WEIR_OK;
}

void weir_log(weir_job *job, const char *format, ...)
{
    const weir_job *root = job->owner ? job->owner : job;
    char line[1024];
    va_list arguments;
    size_t length;

    va_start(arguments, format);
    vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    weir_text_repair(line);
    weir_job_event(root, json_pack("{s:s}", "log", line));
    length = strlen(line);
    line[length++] = '\n';
    if (root->setup.log_fd >= 0 && write(root->setup.log_fd, line, length) < 0)
        errno = 0; /* a log that cannot be written stops no job */
}

static bool restore(const json_t *saved, weir_random *random)
{
    uint32_t words[11];

    if (json_array_size(saved) != 11)
        return false;
    for (size_t i = 0; i < 11; i++)
        words[i] = (uint32_t)json_integer_value(json_array_get(saved, i));
    if (words[10] > 4)
        return false;
    memcpy(random->key, words, 8);
    memcpy(random->counter, words + 2, 16);
    memcpy(random->block, words + 6, 16);
    random->used = words[10];
    return true;
}

weir_random *weir_stream(weir_job *job, const char *name)
{
    static _Thread_local weir_random spare;
    size_t length = strlen(name) + 1;
    weir_named_stream *stream;
    char full[512];

    for (stream = job->streams; stream; stream = stream->next)
        if (!strcmp(stream->name, name))
            return &stream->random;
    stream = malloc(sizeof *stream + length);
    if (!stream) { /* the error stands in the job; the numbers still must come from somewhere */
        weir_error_memory(&job->error, sizeof *stream, "a random stream");
        spare = weir_random_new(job->setup.seed, name);
        return &spare;
    }
    memcpy(stream->name, name, length);
    if (job->part)
        snprintf(full, sizeof full, "%s%s/%s/%u", job->setup.within ? job->setup.within : "",
                 job->setup.plugin->name, name, job->part);
    else
        snprintf(full, sizeof full, "%s%s/%s", job->setup.within ? job->setup.within : "",
                 job->setup.plugin->name, name);
    stream->random = weir_random_new(job->setup.seed, full);
    restore(json_object_get(job->saved_streams, name), &stream->random);
    stream->next = job->streams;
    job->streams = stream;
    return &stream->random;
}

json_t *weir_streams_save(const weir_job *job)
{
    json_t *all = json_object();

    for (const weir_named_stream *stream = job->streams; all && stream; stream = stream->next) {
        const weir_random *random = &stream->random;
        uint32_t words[11];
        json_t *list = json_array();
        memcpy(words, random->key, 8);
        memcpy(words + 2, random->counter, 16);
        memcpy(words + 6, random->block, 16);
        words[10] = random->used;
        for (size_t i = 0; i < 11; i++)
            json_array_append_new(list, json_integer(words[i]));
        if (json_array_size(list) != 11 || json_object_set(all, stream->name, list)) {
            json_decref(all);
            all = NULL;
        }
        json_decref(list);
    }
    return all;
}

const char *weir_scratch(weir_job *job)
{
    const char *where = job->setup.folder;
    char path[PATH_MAX];

    if (job->scratch)
        return job->scratch;
    if (!where)
        where = getenv("TMPDIR") && getenv("TMPDIR")[0] ? getenv("TMPDIR") : "/tmp";
    snprintf(path, sizeof path, "%s/scratch-XXXXXX", where);
    if (mkdtemp(path))
        job->scratch = strdup(path);
    if (job->scratch)
        return job->scratch;
    weir_error_set(&job->error, WEIR_EIO, "%s: no scratch folder can be made: %s", where,
                   strerror(errno));
    return "/nonexistent"; /* what is written there fails, and the error above stands */
}

uint64_t weir_seed(const weir_job *job)
{
    return job->setup.seed;
}

int weir_threads(const weir_job *job)
{
    return job->setup.threads > 0 ? job->setup.threads : 1;
}

const char *weir_device(const weir_job *job)
{
    return job->setup.device ? job->setup.device : "cpu";
}

uint32_t weir_part(const weir_job *job)
{
    return job->part;
}

uint32_t weir_part_count(const weir_job *job)
{
    return job->parts;
}

const void *weir_part_base(const weir_job *job)
{
    return job->base_model;
}

int64_t weir_resumed(const weir_job *job)
{
    return job->resumed;
}

/* ---- Options into the struct ------------------------------------------------------------------*/

static const char *keep_text(weir_job *job, const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = weir_alloc(job, 1, length);

    if (copy)
        memcpy(copy, text, length);
    return copy;
}

static int fill_list(weir_job *job, const json_t *value, weir_list *list)
{
    size_t n = json_array_size(value);
    const char **items = weir_alloc(job, n + 1, sizeof *items);

    if (!items)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(value, i));
        items[i] = keep_text(job, text ? text : "");
        if (!items[i])
            return WEIR_ENOMEM;
    }
    *list = (weir_list){.count = n, .items = items};
    return WEIR_OK;
}

static int fill_trace(weir_job *job, const json_t *value, const weir_dataset **to)
{
    weir_dataset **traces = realloc(job->traces, (job->trace_count + 1) * sizeof *traces);
    json_t *source = json_pack("{s:[O]}", "files", value);

    if (traces)
        job->traces = traces;
    if (!traces || !source) {
        json_decref(source);
        return weir_error_memory(&job->error, 0, "a trace");
    }
    traces[job->trace_count] = weir_source_open(source, NULL, &job->error);
    json_decref(source);
    if (!traces[job->trace_count])
        return job->error.status;
    *to = traces[job->trace_count++];
    return WEIR_OK;
}

static int fill(weir_job *job, const weir_option *row, json_t *value)
{
    void *member = (char *)job->options + row->offset;
    const char *text = json_string_value(value);

    switch (row->kind) {
    case WEIR_OPTION_INT:
        *(int64_t *)member = json_integer_value(value);
        return json_is_integer(value) ? WEIR_OK : WEIR_EOPTION;
    case WEIR_OPTION_REAL:
        *(double *)member = json_number_value(value);
        return json_is_number(value) ? WEIR_OK : WEIR_EOPTION;
    case WEIR_OPTION_BOOL:
        *(bool *)member = json_is_true(value);
        return json_is_boolean(value) ? WEIR_OK : WEIR_EOPTION;
    case WEIR_OPTION_CHOICE:
        *(int *)member = text ? weir_option_choice(row, text) : -1;
        return *(int *)member >= 0 ? WEIR_OK : WEIR_EOPTION;
    case WEIR_OPTION_TEXT:
        *(const char **)member = text ? keep_text(job, text) : NULL;
        return text ? WEIR_OK : WEIR_EOPTION;
    case WEIR_OPTION_FILE:
        *(const char **)member = text ? keep_text(job, text) : NULL;
        return WEIR_OK;
    case WEIR_OPTION_LIST:
        return json_is_array(value) ? fill_list(job, value, member) : WEIR_EOPTION;
    case WEIR_OPTION_TRACE:
        return text && !job->setup.fitted ? fill_trace(job, value, member) : WEIR_OK;
    default:
        return WEIR_OK;
    }
}

int weir_options_fill(weir_job *job)
{
    const weir_plugin *plugin = job->setup.plugin;

    job->options = weir_alloc(job, 1, plugin->options_size + 1);
    if (!job->options)
        return WEIR_ENOMEM;
    for (const weir_option *row = plugin->options; row && row->kind != WEIR_OPTION_END; row++) {
        json_t *value = json_object_get(job->setup.options, row->name);
        if (row->kind == WEIR_OPTION_PRESET)
            continue;
        if (fill(job, row, value) != WEIR_OK)
            weir_error_set(&job->error, WEIR_EOPTION, "option '%s' is missing or not resolved",
                           row->name);
        if (job->error.status != WEIR_OK)
            return job->error.status;
    }
    job->allocs = 0;
    return WEIR_OK;
}
