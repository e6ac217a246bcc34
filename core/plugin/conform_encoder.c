/* Conformance checks of encoders. */
#include "plugin/archive.h"
#include "plugin/conforming.h"
#include "plugin/inside.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const weir_encoder_plugin *encoder_of(const weir_subject *subject)
{
    return (const weir_encoder_plugin *)subject->plugin;
}

static int fit(weir_subject *subject, weir_job *job, const weir_dataset *train, void **state)
{
    int status;

    *state = weir_job_state(job);
    if (!*state)
        return weir_job_error(job)->status;
    status = encoder_of(subject)->fit(job, train, *state);
    return status == WEIR_OK ? (int)weir_job_error(job)->status : status;
}

static void must_fit(weir_subject *subject, weir_job *job, const weir_dataset *train, void **state)
{
    uint64_t sum = 0;

    NEED(subject, fit(subject, job, train, state) == WEIR_OK, "fit of %s failed: %s",
         weir_conform_schema_name(weir_dataset_schema(train)), weir_conform_why(job));
    NEED(subject, job->layout.count > 0, "fit added no segment (weir_layout_add)");
    for (uint32_t i = 0; i < job->layout.count; i++)
        sum += job->layout.segments[i].width;
    NEED(subject, sum == job->layout.width, "the segments' widths do not sum to the layout's");
}

static size_t items(weir_subject *subject, const weir_dataset *data)
{
    const weir_flows *flows;

    if (encoder_of(subject)->unit == WEIR_PER_ROW)
        return weir_dataset_rows(data);
    flows = weir_dataset_flows(data, NULL);
    return flows ? flows->count : 0;
}

/* Encodes every row or flow, backwards, so that order is not taken for granted; *n of them. */
static float *encode(weir_subject *subject, weir_job *job, const void *state,
                     const weir_dataset *data, size_t *n)
{
    size_t count = items(subject, data), size = count * job->layout.width;
    uint32_t *rows = malloc((count + 1) * sizeof *rows);
    float *out = malloc((size + 1) * sizeof *out);

    NEED(subject, rows && out, "the check has no memory");
    for (size_t i = 0; i < count; i++)
        rows[i] = (uint32_t)(count - 1 - i);
    for (size_t i = 0; i < size; i++)
        out[i] = NAN;
    NEED(subject, encoder_of(subject)->encode(job, state, data, rows, count, out) == WEIR_OK,
         "encode failed: %s", weir_conform_why(job));
    for (size_t i = 0; i < size; i++)
        NEED(subject, isfinite(out[i]), "encode left value %zu of row %zu unwritten or not finite",
             i % job->layout.width, i / job->layout.width);
    free(rows);
    *n = count;
    return out;
}

static weir_table *table_like(weir_subject *subject, const weir_dataset *data, size_t rows)
{
    const weir_table *table = weir_dataset_table(data);
    const weir_series_shape *shape = weir_table_series(table);
    weir_error error = {0};
    weir_table *made = shape ? weir_table_new_series(shape, rows, &error)
                             : weir_table_new(weir_dataset_schema(data), rows, &error);

    NEED(subject, made, "the check's own table: %s", error.text);
    for (size_t i = 0; i < weir_table_columns(table); i++) {
        weir_type type;
        size_t width;
        const char *name = weir_table_column(table, i, &type, &width);
        if (weir_table_find(made, name) < 0)
            weir_table_add(made, name, type, width, &error);
    }
    return made;
}

static void decode(weir_subject *subject, weir_job *job, const void *state,
                   const weir_dataset *data, const float *in, size_t n, const char *what)
{
    weir_table *out = table_like(subject, data, n);

    NEED(subject, encoder_of(subject)->decode(job, state, in, n, out) == WEIR_OK,
         "decode of %s failed: %s", what, weir_conform_why(job));
    NEED(subject, weir_table_rows(out) == n, "decode changed the number of rows");
    weir_table_free(out);
}

static void check_works(weir_subject *subject)
{
    uint32_t schema;
    int at = 0;

    while ((schema = weir_conform_schema(subject, &at))) {
        weir_dataset *train = weir_conform_trace(subject, schema, 200, 1);
        weir_dataset *other = weir_conform_trace(subject, schema, 50, 2);
        weir_job *job = weir_conform_job(subject, 1, true);
        weir_random random = weir_random_new(5, "values");
        size_t n, m;
        float *values, *others;
        void *state;
        must_fit(subject, job, train, &state);
        values = encode(subject, job, state, train, &n);
        decode(subject, job, state, train, values, n, "what encode made");
        others = encode(subject, job, state, other, &m); /* values that training did not have */
        free(others);
        for (size_t i = 0; i < n * job->layout.width; i++)
            values[i] = (float)(weir_random_normal(&random) * (i % 7 ? 1 : 1e6));
        decode(subject, job, state, train, values, n, "arbitrary finite values");
        free(values);
        weir_job_free(job);
        weir_dataset_free(other);
        weir_dataset_free(train);
    }
}

/* Whether what lies in the unit interval does so, as the activations promise. */
static void check_activations(weir_subject *subject)
{
    uint32_t schema;
    int at = 0;

    while ((schema = weir_conform_schema(subject, &at))) {
        weir_dataset *train = weir_conform_trace(subject, schema, 200, 1);
        weir_job *job = weir_conform_job(subject, 1, true);
        size_t n, start = 0;
        void *state;
        float *values;
        must_fit(subject, job, train, &state);
        values = encode(subject, job, state, train, &n);
        for (uint32_t s = 0; s < job->layout.count; s++) {
            const weir_segment *segment = &job->layout.segments[s];
            float low = segment->activation == WEIR_TANH ? -1 : 0;
            for (size_t i = 0; i < n && segment->activation != WEIR_LINEAR; i++)
                for (uint32_t j = 0; j < segment->width; j++) {
                    float value = values[i * job->layout.width + start + j];
                    NEED(subject, value >= low - 1e-5f && value <= 1 + 1e-5f,
                         "segment '%s' gave %g, outside what its activation can reach",
                         segment->name, (double)value);
                }
            start += segment->width;
        }
        free(values);
        weir_job_free(job);
        weir_dataset_free(train);
    }
}

static void check_saved(weir_subject *subject)
{
    uint32_t schema;
    int at = 0;

    while ((schema = weir_conform_schema(subject, &at))) {
        weir_dataset *train = weir_conform_trace(subject, schema, 200, 1);
        weir_job *job = weir_conform_job(subject, 1, true),
                 *again = weir_conform_job(subject, 1, true);
        weir_job *loading = weir_conform_job(subject, 1, true);
        weir_error error = {0};
        weir_archive *to = weir_archive_new(&error), *from;
        void *state, *second, *loaded = weir_job_state(loading);
        float *a, *b, *c;
        size_t n, m;
        must_fit(subject, job, train, &state);
        must_fit(subject, again, train, &second);
        a = encode(subject, job, state, train, &n);
        c = encode(subject, again, second, train, &m);
        NEED(subject,
             n == m && job->layout.width == again->layout.width &&
                 !memcmp(a, c, n * job->layout.width * sizeof *a),
             "two fits with one seed encode differently");
        NEED(subject,
             encoder_of(subject)->save(job, state, to) == WEIR_OK &&
                 weir_archive_write(to, subject->folder, NULL) == WEIR_OK,
             "save failed: %s", error.text[0] ? error.text : weir_conform_why(job));
        from = weir_archive_read(subject->folder, weir_job_error(loading));
        NEED(subject, from && loaded && encoder_of(subject)->load(loading, loaded, from) == WEIR_OK,
             "load failed: %s", weir_conform_why(loading));
        loading->layout = job->layout; /* the core saves it */
        b = encode(subject, loading, loaded, train, &m);
        NEED(subject, !memcmp(a, b, n * job->layout.width * sizeof *a),
             "%s: the state that was saved and loaded encodes differently",
             weir_conform_schema_name(schema));
        free(a);
        free(b);
        free(c);
        weir_archive_free(to);
        weir_archive_free(from);
        weir_job_free(loading);
        weir_job_free(again);
        weir_job_free(job);
        weir_dataset_free(train);
    }
}

static void check_small(weir_subject *subject)
{
    uint32_t schema;
    int at = 0;

    while ((schema = weir_conform_schema(subject, &at))) {
        for (size_t rows = 0; rows < 2; rows++) {
            weir_dataset *train = weir_conform_trace(subject, schema, rows, 1);
            weir_job *job = weir_conform_job(subject, 1, true);
            void *state;
            int status = fit(subject, job, train, &state);
            size_t n;
            NEED(subject, status == WEIR_OK || weir_job_error(job)->status != WEIR_OK,
                 "%s of %zu rows: fit returned %s without weir_fail",
                 weir_conform_schema_name(schema), rows, weir_status_name(status));
            if (status == WEIR_OK && job->layout.count)
                free(encode(subject, job, state, train, &n));
            weir_job_free(job);
            weir_dataset_free(train);
        }
    }
}

static int cancelled_fit(weir_subject *subject, const weir_dataset *train, uint64_t n,
                         uint64_t *asked)
{
    weir_job *job = weir_conform_job(subject, 1, true);
    void *state;
    int status;

    weir_job_cancel_at(job, n);
    status = fit(subject, job, train, &state);
    *asked = weir_job_asked(job);
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
    void *state;

    if (schema != WEIR_SERIES)
        weir_dataset_flows(train, NULL);
    weir_conform_cancel_soon();
    fit(subject, job, train, &state);
    NEED(subject, weir_conform_since_cancel() <= weir_conform_cancel_limit(),
         "fit went on for %.1f s after it was cancelled: call weir_progress more often",
         weir_conform_since_cancel());
    weir_conform_stop_cancel();
    train = weir_conform_trace(subject, schema, schema == WEIR_SERIES ? 60 : 400, 1);
    weir_conform_cancel_within(subject, "fit", cancelled_fit, train);
}

/* Fit, encode and save, in which the n-th weir_alloc fails (0: none). */
static int live(weir_subject *subject, const weir_dataset *train, uint64_t n, uint64_t *allocs)
{
    weir_job *job = weir_conform_job(subject, 1, true);
    weir_archive *archive = weir_archive_new(weir_job_error(job));
    size_t count = items(subject, train);
    uint32_t *rows = calloc(count + 1, sizeof *rows);
    float *out = NULL;
    void *state;
    int status;

    weir_job_fail_alloc(job, n);
    status = fit(subject, job, train, &state);
    out = calloc(count * job->layout.width + 1, sizeof *out);
    if (status == WEIR_OK && rows && out)
        status = encoder_of(subject)->encode(job, state, train, rows, count, out);
    if (status == WEIR_OK)
        status = encoder_of(subject)->save(job, state, archive);
    if (status == WEIR_OK)
        status = weir_job_error(job)->status;
    *allocs = weir_job_allocs(job);
    free(rows);
    free(out);
    weir_archive_free(archive);
    weir_job_free(job);
    return status;
}

static void check_memory(weir_subject *subject)
{
    int at = 0;

    weir_conform_memory(subject, "fit, encode or save", live,
                        weir_conform_trace(subject, weir_conform_schema(subject, &at), 100, 1));
}

const weir_check weir_encoder_checks[] = {
    {"fits, encodes and decodes every schema it accepts", check_works},
    {"values lie where their activation can reach", check_activations},
    {"same seed, same bytes; saved and loaded, the same", check_saved},
    {"a cancelled call ends within a second", check_cancel},
    {"empty and one-row input do not crash it", check_small},
    {"a failed weir_alloc is reported", check_memory},
    {NULL, NULL}};
