/* Conformance checks of generators. */
#include "plugin/archive.h"
#include "plugin/conforming.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const weir_generator *generator_of(const weir_subject *subject)
{
    return (const weir_generator *)subject->plugin;
}

static int fit(weir_subject *subject, weir_job *job, const weir_dataset *train, void **model)
{
    uint32_t parts = 1;
    int status = WEIR_OK;

    *model = weir_job_state(job);
    if (!*model)
        return weir_job_error(job)->status;
    if (generator_of(subject)->parts)
        status = generator_of(subject)->parts(job, train, &parts);
    if (status == WEIR_OK)
        weir_job_set_part(job, 0, parts, NULL, weir_job_error(job));
    if (status == WEIR_OK)
        status = generator_of(subject)->fit(job, train, *model);
    return status == WEIR_OK ? (int)weir_job_error(job)->status : status;
}

/* An empty table as the training set's. */
static weir_table *empty_like(weir_subject *subject, const weir_dataset *train)
{
    const weir_series_shape *shape = weir_table_series(weir_dataset_table(train));
    weir_error error = {0};
    weir_table *table = shape ? weir_table_new_series(shape, 0, &error)
                              : weir_table_new(weir_dataset_schema(train), 0, &error);

    NEED(subject, table, "the check's own table: %s", error.text);
    return table;
}

static weir_dataset *sample(weir_subject *subject, weir_job *job, const void *model,
                            const weir_dataset *train, const weir_request *request)
{
    weir_table *table = empty_like(subject, train);
    weir_error error = {0};
    weir_dataset *made;
    int status = generator_of(subject)->sample(job, model, request, table);

    NEED(subject, status == WEIR_OK && weir_job_error(job)->status == WEIR_OK,
         "sample of %s failed: %s", weir_conform_schema_name(weir_dataset_schema(train)),
         weir_conform_why(job));
    made = weir_dataset_new(table, &error);
    NEED(subject, made, "what sample made is not sound: %s", error.text);
    return made;
}

static void must_fit(weir_subject *subject, weir_job *job, const weir_dataset *train, void **model)
{
    NEED(subject, fit(subject, job, train, model) == WEIR_OK, "fit of %s failed: %s",
         weir_conform_schema_name(weir_dataset_schema(train)), weir_conform_why(job));
}

/* Whether two datasets have equal columns, byte by byte. */
static bool equal(const weir_dataset *a, const weir_dataset *b)
{
    const weir_table *one = weir_dataset_table(a), *other = weir_dataset_table(b);

    if (weir_table_rows(one) != weir_table_rows(other) ||
        weir_table_columns(one) != weir_table_columns(other))
        return false;
    for (size_t i = 0; i < weir_table_columns(one); i++) {
        weir_type type, other_type;
        size_t width, other_width, bytes;
        const char *name = weir_table_column(one, i, &type, &width);
        if (strcmp(name, weir_table_column(other, i, &other_type, &other_width)) != 0 ||
            type != other_type || width != other_width)
            return false;
        bytes = weir_table_rows(one) * width * weir_type_size(type);
        if (bytes && memcmp(weir_table_read(one, name, type), weir_table_read(other, name, type),
                            bytes) != 0)
            return false;
    }
    return true;
}

/* Fits and samples with jobs of that seed. */
static weir_dataset *run(weir_subject *subject, const weir_dataset *train, uint64_t seed)
{
    weir_job *job = weir_conform_job(subject, seed, true);
    weir_request request = {0};
    weir_dataset *made;
    void *model;

    must_fit(subject, job, train, &model);
    made = sample(subject, job, model, train, &request);
    weir_job_free(job);
    return made;
}

/* ---- The checks -------------------------------------------------------------------------------*/

/* As many flows as are asked for; or, where the model cannot make as many, the reason. */
static void check_flows(weir_subject *subject, weir_job *job, const void *model,
                        const weir_dataset *train)
{
    weir_request request = {.flows = 12};
    weir_dataset *made = sample(subject, job, model, train, &request);
    const weir_flows *flows = weir_dataset_flows(made, NULL);

    NEED(subject, flows && flows->count == 12,
         "sample of %s: %u flows instead of the 12 that were asked for",
         weir_conform_schema_name(weir_dataset_schema(train)), flows ? flows->count : 0);
    weir_dataset_free(made);
}

static void check_works(weir_subject *subject)
{
    uint32_t schema;
    int at = 0;

    while ((schema = weir_conform_schema(subject, &at))) {
        weir_dataset *train =
            weir_conform_trace(subject, schema, schema == WEIR_SERIES ? 60 : 400, 1);
        weir_job *job = weir_conform_job(subject, 1, true);
        weir_request request = {0};
        weir_dataset *made;
        void *model;
        must_fit(subject, job, train, &model);
        made = sample(subject, job, model, train, &request);
        NEED(subject, weir_dataset_rows(made) > 0, "sample of %s made no rows",
             weir_conform_schema_name(schema));
        weir_dataset_free(made);
        if (schema == WEIR_SERIES)
            request.series = 10;
        else
            request.packets = 50;
        made = sample(subject, job, model, train, &request);
        NEED(subject, weir_dataset_rows(made) == (schema == WEIR_SERIES ? 10 : 50),
             "sample of %s: %zu rows instead of the %d that were asked for",
             weir_conform_schema_name(schema), weir_dataset_rows(made),
             schema == WEIR_SERIES ? 10 : 50);
        weir_dataset_free(made);
        if (schema != WEIR_SERIES && (generator_of(subject)->produces & WEIR_FLOWS))
            check_flows(subject, job, model, train);
        weir_job_free(job);
        weir_dataset_free(train);
    }
}

static void check_seeds(weir_subject *subject)
{
    uint32_t schema;
    int at = 0;

    while ((schema = weir_conform_schema(subject, &at))) {
        weir_dataset *train = weir_conform_trace(subject, schema, 200, 1);
        weir_dataset *a = run(subject, train, 1), *b = run(subject, train, 1);
        weir_dataset *c = run(subject, train, 2);
        NEED(subject, equal(a, b), "%s: two runs with one seed differ",
             weir_conform_schema_name(schema));
        if (subject->plugin->deterministic)
            NEED(subject, equal(a, c),
                 "%s: it says deterministic, but the seed changes what it makes",
                 weir_conform_schema_name(schema));
        else
            NEED(subject, !equal(a, c), "%s: another seed makes the same bytes",
                 weir_conform_schema_name(schema));
        weir_dataset_free(a);
        weir_dataset_free(b);
        weir_dataset_free(c);
        weir_dataset_free(train);
    }
}

static void check_saved(weir_subject *subject)
{
    weir_request request = {0};
    char path[PATH_MAX];
    uint32_t schema;
    int at = 0;

    while ((schema = weir_conform_schema(subject, &at))) {
        weir_dataset *train = weir_conform_trace(subject, schema, 200, 1), *before, *after;
        weir_job *fitting = weir_conform_job(subject, 1, true);
        weir_job *plain = weir_conform_job(subject, 7, true);
        weir_job *loading = weir_conform_job(subject, 7, true);
        void *model, *loaded;
        must_fit(subject, fitting, train, &model);
        snprintf(path, sizeof path, "%s/%s", subject->folder, weir_conform_schema_name(schema));
        NEED(subject, weir_model_save(fitting, model, path, NULL) == WEIR_OK, "save failed: %s",
             weir_conform_why(fitting));
        /* the model in memory and the one that was read, each with streams of its own */
        weir_job_encoders_from(plain, path);
        before = sample(subject, plain, model, train, &request);
        loaded = weir_model_load(loading, path);
        NEED(subject, loaded, "load failed: %s", weir_conform_why(loading));
        after = sample(subject, loading, loaded, train, &request);
        NEED(subject, equal(before, after),
             "%s: the model that was saved and loaded makes other bytes",
             weir_conform_schema_name(schema));
        weir_dataset_free(before);
        weir_dataset_free(after);
        weir_job_free(plain);
        weir_job_free(loading);
        weir_job_free(fitting);
        weir_dataset_free(train);
    }
}

static int cancelled_fit(weir_subject *subject, const weir_dataset *train, uint64_t n,
                         uint64_t *asked)
{
    weir_job *job = weir_conform_job(subject, 1, true);
    void *model;
    int status;

    weir_job_cancel_at(job, n);
    status = fit(subject, job, train, &model);
    *asked = weir_job_asked(job);
    weir_job_free(job);
    return status;
}

static int cancelled_sample(weir_subject *subject, const weir_dataset *train, uint64_t n,
                            uint64_t *asked)
{
    weir_job *job = weir_conform_job(subject, 1, true);
    weir_table *table = empty_like(subject, train);
    weir_request request = {0};
    void *model;
    int status;

    must_fit(subject, job, train, &model);
    *asked = weir_job_asked(job);
    weir_job_cancel_at(job, n);
    status = generator_of(subject)->sample(job, model, &request, table);
    *asked = weir_job_asked(job) - *asked;
    weir_table_free(table);
    weir_job_free(job);
    return status;
}

static void check_cancel(weir_subject *subject)
{
    int at = 0;
    uint32_t schema = weir_conform_schema(subject, &at);
    weir_dataset *train =
        weir_conform_trace(subject, schema, schema == WEIR_SERIES ? 2000 : 50000, 1);
    weir_job *job = weir_conform_job(subject, 1, false);
    void *model;
    int status;

    if (schema != WEIR_SERIES)
        weir_dataset_flows(train, NULL); /* not the plugin's time */
    weir_conform_cancel_soon();
    status = fit(subject, job, train, &model);
    NEED(subject, weir_conform_since_cancel() <= weir_conform_cancel_limit(),
         "fit went on for %.1f s after it was cancelled: call weir_progress more often",
         weir_conform_since_cancel());
    NEED(subject, status == WEIR_OK || status == WEIR_ECANCEL || weir_conform_since_cancel() <= 0,
         "a cancelled fit returned %s instead of WEIR_ECANCEL", weir_status_name(status));
    weir_conform_stop_cancel();
    train = weir_conform_trace(subject, schema, schema == WEIR_SERIES ? 60 : 400, 1);
    weir_conform_cancel_within(subject, "fit", cancelled_fit, train);
    weir_conform_cancel_within(subject, "sample", cancelled_sample, train);
}

static void check_small(weir_subject *subject)
{
    weir_request request = {0};
    uint32_t schema;
    int at = 0;

    while ((schema = weir_conform_schema(subject, &at))) {
        for (size_t rows = 0; rows < 2; rows++) {
            weir_dataset *train = weir_conform_trace(subject, schema, rows, 1);
            weir_job *job = weir_conform_job(subject, 1, true);
            weir_table *table = empty_like(subject, train);
            void *model = NULL;
            int status = fit(subject, job, train, &model);
            if (status == WEIR_OK)
                status = generator_of(subject)->sample(job, model, &request, table);
            NEED(subject, status == WEIR_OK || weir_job_error(job)->status != WEIR_OK,
                 "%s of %zu rows: it returned %s without weir_fail",
                 weir_conform_schema_name(schema), rows, weir_status_name(status));
            NEED(subject, status != WEIR_OK || weir_job_error(job)->status == WEIR_OK,
                 "%s of %zu rows: it called weir_fail and returned WEIR_OK",
                 weir_conform_schema_name(schema), rows);
            weir_table_free(table);
            weir_job_free(job);
            weir_dataset_free(train);
        }
    }
}

/* A whole life, fit to load, in which the n-th weir_alloc fails (0: none); returns its status. */
static int live(weir_subject *subject, const weir_dataset *train, uint64_t n, uint64_t *allocs)
{
    weir_job *job = weir_conform_job(subject, 1, true);
    weir_job *loading = weir_conform_job(subject, 1, true);
    weir_request request = {0};
    weir_table *table = empty_like(subject, train);
    char path[PATH_MAX];
    void *model;
    int status;

    weir_job_fail_alloc(job, n);
    status = fit(subject, job, train, &model);
    snprintf(path, sizeof path, "%s/model", subject->folder);
    if (status == WEIR_OK)
        status = weir_model_save(job, model, path, NULL);
    if (status == WEIR_OK)
        status = generator_of(subject)->sample(job, model, &request, table);
    if (status == WEIR_OK)
        status = weir_job_error(job)->status;
    *allocs = weir_job_allocs(job);
    if (status == WEIR_OK) {
        weir_job_fail_alloc(loading, n > *allocs ? n - *allocs : 0);
        if (!weir_model_load(loading, path))
            status = weir_job_error(loading)->status;
        *allocs += weir_job_allocs(loading);
    }
    weir_table_free(table);
    weir_job_free(job);
    weir_job_free(loading);
    return status;
}

static void check_memory(weir_subject *subject)
{
    int at = 0;

    weir_conform_memory(subject, "fit, save, sample or load", live,
                        weir_conform_trace(subject, weir_conform_schema(subject, &at), 100, 1));
}

/* All parts and their joining, where the fit has parts. */
static void check_parts(weir_subject *subject)
{
    const weir_generator *generator = generator_of(subject);
    int at = 0;
    weir_dataset *train = weir_conform_trace(subject, weir_conform_schema(subject, &at), 300, 1);
    weir_job *jobs[16] = {NULL}, *joining;
    const void *models[16];
    weir_request request = {0};
    uint32_t parts = 1;
    char base[PATH_MAX];
    void *model;

    if (!generator->parts)
        return;
    snprintf(base, sizeof base, "%s/base", subject->folder);
    for (uint32_t i = 0; i < parts && i < 16; i++) {
        jobs[i] = weir_conform_job(subject, 1, true);
        if (i == 0)
            NEED(subject, generator->parts(jobs[0], train, &parts) == WEIR_OK && parts >= 1,
                 "parts failed: %s", weir_conform_why(jobs[0]));
        weir_job_set_part(jobs[i], i, parts, i ? base : NULL, weir_job_error(jobs[i]));
        model = weir_job_state(jobs[i]);
        NEED(subject, model && generator->fit(jobs[i], train, model) == WEIR_OK,
             "fit of part %u failed: %s", i, weir_conform_why(jobs[i]));
        if (i == 0)
            NEED(subject, weir_model_save(jobs[0], model, base, NULL) == WEIR_OK,
                 "save of part 0 failed: %s", weir_conform_why(jobs[0]));
        models[i] = model;
    }
    if (parts == 1 || parts > 16)
        return;
    joining = weir_conform_job(subject, 1, true);
    weir_job_encoders_from(joining, base);
    model = weir_job_state(joining);
    NEED(subject, model && generator->join(joining, models, parts, model) == WEIR_OK,
         "join failed: %s", weir_conform_why(joining));
    weir_dataset_free(sample(subject, joining, model, train, &request));
}

const weir_check weir_generator_checks[] = {
    {"fits and samples every schema it accepts", check_works},
    {"same seed, same bytes; another seed, others", check_seeds},
    {"saved and loaded, the same output", check_saved},
    {"parts are fitted and joined", check_parts},
    {"a cancelled call ends within a second", check_cancel},
    {"empty and one-row input do not crash it", check_small},
    {"a failed weir_alloc is reported", check_memory},
    {NULL, NULL}};
