/* Conformance checks of metrics and downstream tasks. */
#include "plugin/conforming.h"
#include "plugin/descriptor.h"
#include <stdlib.h>
#include <string.h>

/* Runs the callback between weir_scores_begin and _end; the rows, or NULL. */
static json_t *score(weir_subject *subject, weir_job *job, const weir_dataset *real,
                     const weir_dataset *test, const weir_dataset *synthetic)
{
    const weir_plugin *plugin = subject->plugin;
    int status = weir_scores_begin(job, real, synthetic);
    weir_error error = {0};

    if (status == WEIR_OK && plugin->kind == WEIR_KIND_METRIC)
        status = ((const weir_metric *)plugin)->score(job, real, synthetic);
    else if (status == WEIR_OK)
        status = ((const weir_downstream *)plugin)->score(job, real, test, synthetic);
    NEED(subject,
         status == WEIR_OK || status == WEIR_ECANCEL || weir_job_error(job)->status != WEIR_OK,
         "score returned %s without weir_fail", weir_status_name(status));
    if (weir_job_end(job, status, &error) != WEIR_OK)
        return NULL;
    return weir_scores_end(job);
}

/* A row for every declared feature, or it fails. */
static void must_score(weir_subject *subject, const weir_dataset *real, const weir_dataset *test,
                       const weir_dataset *synthetic, const char *what)
{
    weir_job *job = weir_conform_job(subject, 1, true);
    json_t *rows = score(subject, job, real, test, synthetic), *row;
    size_t i;

    NEED(subject, rows, "score of %s, %s, failed: %s",
         weir_conform_schema_name(weir_dataset_schema(real)), what, weir_conform_why(job));
    for (const weir_feature *f = weir_features(subject->plugin); f->label; f++) {
        const weir_option *option = subject->plugin->options;
        bool found = false;
        json_array_foreach(rows, i, row)
        {
            found = found || !strcmp(json_string_value(json_object_get(row, "feature")), f->label);
        }
        while (option && option->kind != WEIR_OPTION_END && strcmp(option->name, "features") != 0)
            option++;
        /* a default list of features leaves the others out on purpose */
        if (option && option->kind == WEIR_OPTION_LIST && option->text && option->text[0])
            found = true;
        NEED(subject, found, "feature '%s' has neither a value nor n/a", f->label);
    }
    json_decref(rows);
    weir_job_free(job);
}

static size_t rows_of(uint32_t schema)
{
    return schema == WEIR_SERIES ? 80 : 500;
}

static void check_works(weir_subject *subject)
{
    uint32_t schema;
    int at = 0;

    while ((schema = weir_conform_schema(subject, &at))) {
        weir_dataset *real = weir_conform_trace(subject, schema, rows_of(schema), 1);
        weir_dataset *test = weir_conform_trace(subject, schema, rows_of(schema), 2);
        weir_dataset *other = weir_conform_trace(subject, schema, rows_of(schema), 3);
        must_score(subject, real, test, real, "a trace against itself");
        must_score(subject, real, test, other, "a trace against another");
        weir_dataset_set_holds(other, 0);
        must_score(subject, real, test, other, "a trace against one without times and flows");
        weir_dataset_free(other);
        weir_dataset_free(test);
        weir_dataset_free(real);
    }
}

static void check_seeds(weir_subject *subject)
{
    uint32_t schema;
    int at = 0;

    while ((schema = weir_conform_schema(subject, &at))) {
        weir_dataset *real = weir_conform_trace(subject, schema, rows_of(schema), 1);
        weir_dataset *other = weir_conform_trace(subject, schema, rows_of(schema), 3);
        json_t *rows[3];
        for (int i = 0; i < 3; i++) {
            weir_job *job = weir_conform_job(subject, i < 2 ? 1 : 2, true);
            rows[i] = score(subject, job, real, other, other);
            NEED(subject, rows[i], "score failed: %s", weir_conform_why(job));
            weir_job_free(job);
        }
        NEED(subject, json_equal(rows[0], rows[1]), "%s: two runs with one seed differ",
             weir_conform_schema_name(schema));
        if (subject->plugin->deterministic)
            NEED(subject, json_equal(rows[0], rows[2]),
                 "%s: it says deterministic, but the seed changes its scores",
                 weir_conform_schema_name(schema));
        for (int i = 0; i < 3; i++)
            json_decref(rows[i]);
        weir_dataset_free(other);
        weir_dataset_free(real);
    }
}

static void check_small(weir_subject *subject)
{
    uint32_t schema;
    int at = 0;

    while ((schema = weir_conform_schema(subject, &at))) {
        weir_dataset *data[3];
        for (size_t i = 0; i < 3; i++)
            data[i] = weir_conform_trace(subject, schema, i < 2 ? i : rows_of(schema), 1);
        for (int i = 0; i < 9; i++) {
            weir_job *job = weir_conform_job(subject, 1, true);
            json_decref(score(subject, job, data[i / 3], data[2], data[i % 3]));
            weir_job_free(job);
        }
        for (size_t i = 0; i < 3; i++)
            weir_dataset_free(data[i]);
    }
}

static int cancelled_score(weir_subject *subject, const weir_dataset *data, uint64_t n,
                           uint64_t *asked)
{
    weir_job *job = weir_conform_job(subject, 1, true);
    json_t *rows;
    int status;

    weir_job_cancel_at(job, n);
    rows = score(subject, job, data, data, data);
    *asked = weir_job_asked(job);
    status = rows ? WEIR_OK : (int)weir_job_error(job)->status;
    json_decref(rows);
    weir_job_free(job);
    return status;
}

static void check_cancel(weir_subject *subject)
{
    int at = 0;
    uint32_t schema = weir_conform_schema(subject, &at);
    size_t rows = schema == WEIR_SERIES ? 2000 : 50000;
    weir_dataset *real = weir_conform_trace(subject, schema, rows, 1);
    weir_dataset *other = weir_conform_trace(subject, schema, rows, 3);
    weir_job *job = weir_conform_job(subject, 1, false);

    weir_conform_cancel_soon();
    score(subject, job, real, other, other);
    NEED(subject, weir_conform_since_cancel() <= weir_conform_cancel_limit(),
         "score went on for %.1f s after it was cancelled: call weir_progress more often",
         weir_conform_since_cancel());
    weir_conform_stop_cancel();
    real = weir_conform_trace(subject, schema, rows_of(schema), 1);
    weir_conform_cancel_within(subject, "score", cancelled_score, real);
}

static int starved_score(weir_subject *subject, const weir_dataset *data, uint64_t n,
                         uint64_t *asked)
{
    weir_dataset *other = weir_conform_trace(subject, weir_dataset_schema(data), 200, 3);
    weir_job *job = weir_conform_job(subject, 1, true);
    json_t *rows;
    int status;

    weir_job_fail_alloc(job, n);
    rows = score(subject, job, data, other, other);
    *asked = weir_job_allocs(job);
    status = rows ? WEIR_OK : (int)weir_job_error(job)->status;
    json_decref(rows);
    weir_job_free(job);
    weir_dataset_free(other);
    return status;
}

static void check_memory(weir_subject *subject)
{
    int at = 0;

    weir_conform_memory(subject, "score", starved_score,
                        weir_conform_trace(subject, weir_conform_schema(subject, &at), 200, 1));
}

const weir_check weir_score_checks[] = {
    {"every feature is scored or n/a, real against itself too", check_works},
    {"same seed, same scores", check_seeds},
    {"a cancelled call ends within a second", check_cancel},
    {"empty and one-row input do not crash it", check_small},
    {"a failed weir_alloc is reported", check_memory},
    {NULL, NULL}};
