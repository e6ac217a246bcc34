/* Driving a built encoder in a test: fit, encode, decode, and the same through a model folder. */
#ifndef ENCODER_TEST_H
#define ENCODER_TEST_H

#include "generator_test.h"
#include "plugin/archive.h"
#include "plugin/inside.h"
#include <math.h>

struct encoder {
    weir_registry *registry;
    const weir_encoder_plugin *plugin;
    weir_job *job;
    void *state;
};

static inline int open_encoder(struct encoder *encoder, const char *name, const char *options,
                               const weir_dataset *train)
{
    weir_error error = {0};
    const weir_loaded *loaded;

    encoder->registry = weir_registry_open(WEIR_BUILD_DIR "/plugins", &error);
    assert_non_null(encoder->registry);
    loaded = weir_registry_find(encoder->registry, WEIR_KIND_ENCODER, name, &error);
    if (!loaded)
        fail_msg("%s", error.text);
    encoder->plugin = (const weir_encoder_plugin *)loaded->plugin;
    encoder->job = new_job((const weir_generator *)loaded->plugin, encoder->registry, options, 1);
    encoder->state = weir_job_state(encoder->job);
    return train ? encoder->plugin->fit(encoder->job, train, encoder->state) : WEIR_OK;
}

static inline void close_encoder(struct encoder *encoder)
{
    weir_job_free(encoder->job);
    weir_registry_free(encoder->registry);
}

/* Rows or flows of data, as the encoder counts. */
static inline size_t items_of(const struct encoder *encoder, const weir_dataset *data)
{
    return encoder->plugin->unit == WEIR_PER_FLOW ? weir_dataset_flows(data, NULL)->count
                                                  : weir_dataset_rows(data);
}

/* Width of what a fitted encoder writes: the values before the guard. */
static inline size_t width_of(const struct encoder *encoder, const weir_dataset *data)
{
    uint32_t row = 0;
    float *wide = malloc(100000 * sizeof *wide);
    size_t width = 100000;

    assert_non_null(wide);
    for (size_t i = 0; i < width; i++)
        wide[i] = -77;
    assert_int_equal(encoder->plugin->encode(encoder->job, encoder->state, data, &row, 1, wide),
                     WEIR_OK);
    while (width > 0 && wide[width - 1] == -77)
        width--;
    free(wide);
    return width;
}

/* Fails for a value that its segment's activation cannot give. */
static inline void check_reach(const weir_layout *layout, const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (uint32_t s = 0; s < layout->count; s++)
            for (uint32_t k = 0; k < layout->segments[s].width; k++, values++)
                if (layout->segments[s].activation != WEIR_LINEAR)
                    assert_true(*values <= 1 &&
                                *values >= (layout->segments[s].activation == WEIR_TANH ? -1 : 0));
}

/* Encodes all rows (flows) of data and decodes them into a new table, once as fitted and once as
 * saved and loaded; both must agree. */
static inline weir_table *round_trip(const char *name, const char *options,
                                     const weir_dataset *train, const weir_dataset *data)
{
    struct encoder first = {0}, second = {0};
    weir_error error = {0};
    size_t n, width;
    uint32_t *rows;
    char folder[] = "/tmp/weir-test-XXXXXX", command[64];
    weir_table *out = empty_like(weir_dataset_table(data)), *again;
    weir_archive *archive = weir_archive_new(&error);
    float *values, *values_again;

    if (open_encoder(&first, name, options, train) != WEIR_OK)
        fail_msg("%s", weir_job_error(first.job)->text);
    n = items_of(&first, data);
    rows = malloc(n * sizeof *rows);
    width = width_of(&first, data);
    assert_int_equal(width, first.job->layout.width);
    values = malloc(n * width * sizeof *values);
    values_again = malloc(n * width * sizeof *values);
    for (size_t i = 0; i < n; i++)
        rows[i] = (uint32_t)i;
    assert_int_equal(first.plugin->encode(first.job, first.state, data, rows, n, values), WEIR_OK);
    check_reach(&first.job->layout, values, n);
    assert_int_equal(weir_table_resize(out, n, &error), WEIR_OK);
    assert_int_equal(first.plugin->decode(first.job, first.state, values, n, out), WEIR_OK);

    assert_non_null(mkdtemp(folder));
    assert_int_equal(first.plugin->save(first.job, first.state, archive), WEIR_OK);
    assert_int_equal(weir_archive_write(archive, folder, NULL), WEIR_OK);
    weir_archive_free(archive);
    assert_int_equal(open_encoder(&second, name, options, NULL), WEIR_OK);
    archive = weir_archive_read(folder, weir_job_error(second.job));
    assert_non_null(archive);
    assert_int_equal(second.plugin->load(second.job, second.state, archive), WEIR_OK);
    again = empty_like(weir_dataset_table(data));
    assert_int_equal(weir_table_resize(again, n, &error), WEIR_OK);
    assert_int_equal(second.plugin->encode(second.job, second.state, data, rows, n, values_again),
                     WEIR_OK);
    assert_memory_equal(values, values_again, n * width * sizeof *values);
    assert_int_equal(second.plugin->decode(second.job, second.state, values, n, again), WEIR_OK);
    assert_true(same(out, again));
    weir_table_free(again);
    close_encoder(&second);
    close_encoder(&first);
    weir_archive_free(archive);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    free(rows);
    free(values);
    free(values_again);
    return out;
}

/* Decodes wild values; what comes out must be inside `train` in these columns. */
static inline void check_wild(const char *name, const char *options, const weir_dataset *train,
                              const char *const *columns, size_t count)
{
    static const float wild[] = {0, 1, -1, 0.5f, 3e38f, -3e38f, 1e-30f, 0.999999f, 7};
    const weir_table *table = weir_dataset_table(train);
    struct encoder encoder = {0};
    weir_error error = {0};
    weir_random random = weir_random_new(3, "wild");
    size_t n = 500, width;
    weir_table *out = empty_like(table);
    float *values;

    assert_int_equal(open_encoder(&encoder, name, options, train), WEIR_OK);
    width = width_of(&encoder, train);
    values = malloc(n * width * sizeof *values);
    for (size_t i = 0; i < n * width; i++)
        values[i] = wild[weir_random_below(&random, sizeof wild / sizeof *wild)];
    assert_int_equal(weir_table_resize(out, n, &error), WEIR_OK);
    assert_int_equal(encoder.plugin->decode(encoder.job, encoder.state, values, n, out), WEIR_OK);
    for (size_t c = 0; c < count; c++) {
        weir_type type;
        weir_range real, made;

        weir_table_column(table, (size_t)weir_table_find(table, columns[c]), &type, NULL);
        weir_range_learn(&real, type, weir_table_read(table, columns[c], type),
                         weir_table_rows(table), 1, &error);
        assert_int_equal(
            weir_range_learn(&made, type, weir_table_read(out, columns[c], type), n, 1, &error),
            WEIR_OK);
        if (type == WEIR_I64)
            assert_true(made.low.i >= real.low.i && made.high.i <= real.high.i);
        else if (type == WEIR_F64)
            assert_true(made.low.f >= real.low.f && made.high.f <= real.high.f);
        else
            assert_true(made.low.u >= real.low.u && made.high.u <= real.high.u);
    }
    free(values);
    weir_table_free(out);
    close_encoder(&encoder);
}

/* Fits with these options and expects this failure. */
static inline void check_refused(const char *name, const char *options, const weir_dataset *train,
                                 int status, const char *text)
{
    struct encoder encoder = {0};

    assert_int_equal(open_encoder(&encoder, name, options, train), status);
    assert_non_null(strstr(weir_job_error(encoder.job)->text, text));
    close_encoder(&encoder);
}

static inline void check_empty(const char *name)
{
    weir_dataset *train = some_packets(8), *empty;
    const uint32_t none[1] = {0};
    weir_error error = {0};

    empty = weir_dataset_select(train, none, 0, &error);
    assert_non_null(empty);
    check_refused(name, NULL, empty, WEIR_EDATA, "no rows");
    weir_dataset_free(empty);
    empty = weir_dataset_select(train, none, 1, &error);
    weir_table_free(round_trip(name, NULL, empty, empty));
    weir_dataset_free(empty);
    weir_dataset_free(train);
}

#endif
