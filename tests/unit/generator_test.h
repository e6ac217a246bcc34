/* Driving a built generator in a test: training sets, fit, model folder, sample, comparisons. */
#ifndef GENERATOR_TEST_H
#define GENERATOR_TEST_H

#include "plugin/job.h"
#include "plugin/options.h"
#include "plugin/registry.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>
#include <weir/sampling.h>

static inline const weir_generator *find_generator(weir_registry **registry, const char *name)
{
    weir_error error = {0};
    const weir_loaded *loaded;

    *registry = weir_registry_open(WEIR_BUILD_DIR "/plugins", &error);
    assert_non_null(*registry);
    loaded = weir_registry_find(*registry, WEIR_KIND_GENERATOR, name, &error);
    if (!loaded)
        fail_msg("%s", error.text);
    return (const weir_generator *)loaded->plugin;
}

static json_t *kept_options;

static inline void release_options(void)
{
    json_decref(kept_options);
}

/* folder: where curves and checkpoints go; NULL: nowhere. */
static inline weir_job *new_job_in(const weir_generator *generator, weir_registry *registry,
                                   const char *options, uint64_t seed, const char *folder)
{
    weir_error error = {0};
    json_t *given = weir_options_parse(options ? options : "", &error);
    json_t *resolved =
        given ? weir_options_resolve((const weir_plugin *)generator, given, &error) : NULL;
    weir_job_setup setup = {.plugin = (const weir_plugin *)generator,
                            .options = resolved,
                            .registry = registry,
                            .seed = seed,
                            .threads = 1,
                            .device = "cpu",
                            .folder = folder,
                            .log_fd = -1,
                            .status_fd = -1};
    weir_job *job;

    if (!resolved)
        fail_msg("%s", error.text);
    if (!kept_options) {
        kept_options = json_array();
        atexit(release_options);
    }
    if (generator->kind == WEIR_KIND_GENERATOR && generator->encoders) {
        json_t *encoders = weir_encoders_resolve(generator, resolved, NULL, registry, &error);

        if (!encoders)
            fail_msg("%s", error.text);
        assert_int_equal(json_array_append_new(kept_options, encoders), 0);
        setup.encoders = encoders;
    }
    job = weir_job_new(&setup, &error);
    if (!job)
        fail_msg("%s", error.text);
    /* The job borrows its options: they stay until the process ends. */
    assert_int_equal(json_array_append_new(kept_options, resolved), 0);
    json_decref(given);
    return job;
}

static inline weir_job *new_job(const weir_generator *generator, weir_registry *registry,
                                const char *options, uint64_t seed)
{
    return new_job_in(generator, registry, options, seed, NULL);
}

/* A job of some generator, for calling the core's helpers. */
static inline weir_job *any_job(weir_registry **registry)
{
    const weir_generator *generator = find_generator(registry, "copy");

    return new_job(generator, *registry, NULL, 1);
}

/* What a run came to. */
struct run {
    int status;
    char text[1024];
    weir_table *out; /* NULL on failure */
};

static inline weir_table *empty_like(const weir_table *train)
{
    weir_error error = {0};
    weir_table *out = weir_table_schema(train) == WEIR_SERIES
                          ? weir_table_new_series(weir_table_series(train), 0, &error)
                          : weir_table_new(weir_table_schema(train), 0, &error);

    assert_non_null(out);
    return out;
}

/* fit, then sample; with `saved` through a model folder. fail: the fail-th allocation of the fit
 * (fail > 0) or of the sampling (fail < 0) fails. */
static inline struct run run_generator(const char *name, const char *options,
                                       const weir_dataset *train, const weir_request *request,
                                       uint64_t seed, bool saved, int fail)
{
    struct run run = {0};
    weir_registry *registry;
    const weir_generator *generator = find_generator(&registry, name);
    weir_job *job = new_job(generator, registry, options, seed), *second = NULL;
    void *model = weir_job_state(job);
    weir_error error = {0};
    char folder[] = "/tmp/weir-test-XXXXXX", path[64], command[64];

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model", folder);
    weir_job_phase(job, "fit");
    if (fail > 0)
        weir_job_fail_alloc(job, (uint64_t)fail);
    run.status = weir_job_end(job, generator->fit(job, train, model), &error);
    weir_job_fail_alloc(job, 0);
    if (run.status == WEIR_OK && saved) {
        json_t *about = json_object();

        run.status = weir_model_save(job, model, path, about);
        json_decref(about);
        assert_int_equal(run.status, WEIR_OK);
        second = new_job(generator, registry, options, seed);
        model = weir_model_load(second, path);
        if (!model)
            fail_msg("%s", weir_job_error(second)->text);
    }
    if (run.status == WEIR_OK) {
        weir_job *at_work = second ? second : job;

        run.out = empty_like(weir_dataset_table(train));
        weir_job_phase(at_work, "sample");
        if (fail < 0)
            weir_job_fail_alloc(at_work, (uint64_t)-fail);
        run.status =
            weir_job_end(at_work, generator->sample(at_work, model, request, run.out), &error);
    }
    if (run.status != WEIR_OK) {
        weir_table_free(run.out);
        run.out = NULL;
    }
    snprintf(run.text, sizeof run.text, "%s", error.text);
    weir_job_free(second);
    weir_job_free(job);
    weir_registry_free(registry);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    return run;
}

static inline weir_table *generate(const char *name, const char *options, const weir_dataset *train,
                                   weir_request request, uint64_t seed)
{
    struct run run = run_generator(name, options, train, &request, seed, true, 0);

    if (run.status != WEIR_OK)
        fail_msg("%s", run.text);
    return run.out;
}

/* ---- Training sets ----------------------------------------------------------------------------
 */

/* A trace of `flows` flows: web up and down, DNS, ping; all optional columns; 20 s. */
static inline weir_dataset *some_packets(uint32_t flows)
{
    static const char *const optional[] = {"tos", "ttl", "flag", "tcp_flags"};
    weir_error error = {0};
    weir_random random = weir_random_new(7, "trace");
    size_t rows = 0, room = (size_t)flows * 64 + 1;
    weir_table *table = weir_table_new(WEIR_PACKETS, room, &error);
    weir_dataset *dataset;

    assert_non_null(table);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(weir_table_add(table, optional[i], WEIR_U8, 1, &error), WEIR_OK);
    assert_int_equal(weir_table_add(table, "id", WEIR_U16, 1, &error), WEIR_OK);
    assert_int_equal(weir_table_add(table, "off", WEIR_U16, 1, &error), WEIR_OK);
    for (uint32_t f = 0; f < flows; f++) {
        uint32_t kind = f % 4, client = 0x0a000000 + (f / 4) % 23, server = 0xc0a80001 + f % 5;
        uint32_t packets = kind < 2 ? 3 + (uint32_t)weir_random_below(&random, 61)
                                    : 1 + (uint32_t)weir_random_below(&random, 2);
        uint16_t port = (uint16_t)(40000 + f / 4);
        int64_t at = INT64_C(1700000000000000000) +
                     (int64_t)weir_random_below(&random, UINT64_C(15000000000));
        uint16_t id = (uint16_t)weir_random_u32(&random);

        for (uint32_t k = 0; k < packets; k++, rows++) {
            weir_i64_out(table, "time")[rows] = at;
            at += (int64_t)(weir_random_exponential(&random) * (k % 5 == 4 ? 4e8 : 1e6));
            if (at > INT64_C(1700000020000000000))
                at = INT64_C(1700000020000000000);
            weir_u32_out(table, "srcip")[rows] = kind == 1 ? server : client;
            weir_u32_out(table, "dstip")[rows] = kind == 1 ? client : server;
            weir_u16_out(table, "srcport")[rows] = kind == 3 ? 0 : kind == 1 ? 80 : port;
            weir_u16_out(table, "dstport")[rows] = kind == 3   ? 0
                                                   : kind == 2 ? 53
                                                   : kind == 1 ? port
                                                               : 80;
            weir_u8_out(table, "proto")[rows] = kind == 3 ? 1 : kind == 2 ? 17 : 6;
            weir_u16_out(table, "pkt_len")[rows] =
                (uint16_t)(kind == 1 && k % 3 ? 1500 : 40 + weir_random_below(&random, 100));
            weir_u8_out(table, "ttl")[rows] = kind == 1 ? 57 : 64;
            weir_u8_out(table, "flag")[rows] = kind < 2 ? 2 : 0;
            weir_u8_out(table, "tcp_flags")[rows] = (uint8_t)(kind > 1           ? 0
                                                              : k == 0           ? 2
                                                              : k + 1 == packets ? 17
                                                                                 : 16);
            weir_u16_out(table, "id")[rows] = (uint16_t)(id + k);
        }
    }
    assert_int_equal(weir_table_resize(table, rows, &error), WEIR_OK);
    dataset = weir_dataset_new(table, &error);
    if (!dataset)
        fail_msg("%s", error.text);
    return dataset;
}

static inline weir_dataset *some_records(uint32_t rows)
{
    weir_error error = {0};
    weir_random random = weir_random_new(9, "records");
    weir_table *table = weir_table_new(WEIR_NETFLOW, rows, &error);
    weir_dataset *dataset;

    assert_non_null(table);
    assert_int_equal(weir_table_add(table, "label", WEIR_CATEGORY, 1, &error), WEIR_OK);
    assert_int_equal(weir_table_add(table, "type", WEIR_CATEGORY, 1, &error), WEIR_OK);
    for (uint32_t i = 0; i < rows; i++) {
        bool attack = i % 3 == 0;

        weir_i64_out(table, "ts")[i] = INT64_C(1700000000000000000) + (int64_t)i * 50000000;
        weir_f64_out(table, "td")[i] = weir_random_exponential(&random);
        weir_u32_out(table, "srcip")[i] = 0x0a000000 + i % 17;
        weir_u32_out(table, "dstip")[i] = 0xc0a80000 + i % 3;
        weir_u16_out(table, "srcport")[i] = (uint16_t)(30000 + i / 2 % 200);
        weir_u16_out(table, "dstport")[i] = attack ? 23 : 443;
        weir_u8_out(table, "proto")[i] = 6;
        weir_u64_out(table, "pkt")[i] = 1 + weir_random_below(&random, 20);
        weir_u64_out(table, "byt")[i] =
            weir_u64(table, "pkt")[i] * (40 + weir_random_below(&random, 1000));
        weir_codes_out(table, "label")[i] =
            weir_category_add(table, "label", attack ? "attack" : "benign", &error);
        weir_codes_out(table, "type")[i] =
            weir_category_add(table, "type", attack ? "scan" : "normal", &error);
    }
    dataset = weir_dataset_new(table, &error);
    if (!dataset)
        fail_msg("%s", error.text);
    return dataset;
}

static inline weir_dataset *some_series(uint32_t rows)
{
    const weir_series_shape shape = {.steps = 12, .channels = 2, .names = {"size", "direction"}};
    static const char *const labels[] = {"video/a", "video/b", "web/c"};
    weir_error error = {0};
    weir_random random = weir_random_new(11, "series");
    weir_table *table = weir_table_new_series(&shape, rows, &error);
    weir_dataset *dataset;

    assert_non_null(table);
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t length = 3 + i % 10;

        weir_u32_out(table, "length")[i] = length;
        weir_codes_out(table, "label")[i] =
            weir_category_add(table, "label", labels[i % 3], &error);
        for (uint32_t k = 0; k < length; k++) {
            weir_f32_out(table, "values")[(i * 12 + k) * 2] =
                (float)(40 + weir_random_below(&random, 1460));
            weir_f32_out(table, "values")[(i * 12 + k) * 2 + 1] = k % 3 ? 1.0f : -1.0f;
        }
    }
    dataset = weir_dataset_new(table, &error);
    if (!dataset)
        fail_msg("%s", error.text);
    return dataset;
}

/* ---- Comparisons ------------------------------------------------------------------------------
 */

static inline uint32_t flows_of(const weir_table *table)
{
    weir_error error = {0};
    weir_tuples *tuples = weir_tuples_new(&error);
    uint32_t index, count;

    for (size_t i = 0; i < weir_table_rows(table); i++) {
        weir_tuple tuple = {weir_u32(table, "srcip")[i], weir_u32(table, "dstip")[i],
                            weir_u16(table, "srcport")[i], weir_u16(table, "dstport")[i],
                            weir_u8(table, "proto")[i]};

        assert_int_equal(weir_tuples_add(tuples, &tuple, &index, &error), WEIR_OK);
    }
    count = weir_tuples_count(tuples);
    weir_tuples_free(tuples);
    return count;
}

/* All columns of a, byte by byte; categories by string. */
static inline bool same(const weir_table *a, const weir_table *b)
{
    size_t rows = weir_table_rows(a);

    if (weir_table_rows(b) != rows || weir_table_columns(a) != weir_table_columns(b))
        return false;
    for (size_t c = 0; c < weir_table_columns(a); c++) {
        weir_type type;
        size_t width;
        const char *name = weir_table_column(a, c, &type, &width);
        const void *x = weir_table_read(a, name, type), *y = weir_table_read(b, name, type);

        if (!y)
            return false;
        if (type != WEIR_CATEGORY) {
            if (memcmp(x, y, rows * width * weir_type_size(type)) != 0)
                return false;
            continue;
        }
        if (!weir_category_count(a, name) && !weir_category_count(b, name))
            continue; /* which an encoder has not written */
        for (size_t i = 0; i < rows; i++)
            if (strcmp(weir_category_text(a, name, ((const uint32_t *)x)[i]),
                       weir_category_text(b, name, ((const uint32_t *)y)[i])) != 0)
                return false;
    }
    return true;
}

/* Every column that `train` has, with no value outside its range there; times in the first
 * `seconds` (0: in the training window). */
static inline void assert_inside(const weir_table *out, const weir_table *train, double seconds)
{
    for (size_t c = 0; c < weir_table_columns(train); c++) {
        weir_type type;
        size_t width, rows = weir_table_rows(out);
        const char *name = weir_table_column(train, c, &type, &width);
        const char *time = weir_time_column(weir_table_schema(train));
        const void *data = weir_table_read(out, name, type);
        weir_range real, made;
        weir_error error = {0};

        if (!data)
            fail_msg("no column %s", name);
        if (type == WEIR_CATEGORY) {
            for (size_t i = 0; i < rows; i++)
                assert_int_not_equal(
                    weir_category_code(train, name,
                                       weir_category_text(out, name, ((const uint32_t *)data)[i])),
                    UINT32_MAX);
            continue;
        }
        weir_range_learn(&real, type, weir_table_read(train, name, type),
                         weir_table_rows(train) * width, 1, &error);
        assert_int_equal(weir_range_learn(&made, type, data, rows * width, 1, &error), WEIR_OK);
        if (type == WEIR_I64) {
            if (seconds > 0 && time && strcmp(name, time) == 0)
                real.high.i = real.low.i + (int64_t)(seconds * 1e9) - 1;
            if (made.low.i < real.low.i || made.high.i > real.high.i)
                fail_msg("%s leaves its range", name);
        } else if (type == WEIR_F32 || type == WEIR_F64) {
            if (made.low.f < real.low.f || made.high.f > real.high.f)
                fail_msg("%s leaves its range", name);
        } else if (strcmp(name, "srcip") != 0 && strcmp(name, "dstip") != 0 &&
                   strcmp(name, "srcport") != 0 && strcmp(name, "dstport") != 0 &&
                   strcmp(name, "id") != 0) {
            if (made.low.u < real.low.u || made.high.u > real.high.u)
                fail_msg("%s leaves its range", name);
        }
    }
}

/* ---- What every generator must do -------------------------------------------------------------
 */

static inline void check_rows(const char *name, const char *options, const weir_dataset *train,
                              bool deterministic)
{
    const weir_table *table = weir_dataset_table(train);
    weir_request none = {0}, some = {.packets = 777}, flows = {.flows = 20};
    weir_request longer = {.duration = 45}, shorter = {.duration = 5},
                 both = {.packets = 300, .duration = 30};
    struct run direct = run_generator(name, options, train, &none, 1, false, 0);
    weir_table *saved = generate(name, options, train, none, 1);
    weir_table *other = generate(name, options, train, none, 2);
    double rate;
    weir_table *out;

    if (direct.status != WEIR_OK)
        fail_msg("%s", direct.text);
    assert_true(same(direct.out, saved));
    assert_int_equal(same(saved, other), deterministic);
    assert_inside(saved, table, 0);
    assert_int_equal(weir_table_columns(saved), weir_table_columns(table));
    rate = (double)weir_table_rows(saved);
    /* Flows vary in length: half the sum either way is far beyond chance here. */
    assert_true(rate > 0.5 * (double)weir_table_rows(table));
    assert_true(rate < 2 * (double)weir_table_rows(table));
    out = generate(name, options, train, some, 1);
    assert_int_equal(weir_table_rows(out), 777);
    assert_inside(out, table, 1e5);
    weir_table_free(out);
    out = generate(name, options, train, flows, 1);
    assert_int_equal(flows_of(out), 20);
    weir_table_free(out);
    out = generate(name, options, train, longer, 1);
    assert_inside(out, table, 45);
    assert_true((double)weir_table_rows(out) > 1.3 * (double)weir_table_rows(table));
    weir_table_free(out);
    out = generate(name, options, train, shorter, 1);
    assert_inside(out, table, 5);
    assert_true(weir_table_rows(out) > 0);
    assert_true((double)weir_table_rows(out) < 0.7 * (double)weir_table_rows(table));
    weir_table_free(out);
    out = generate(name, options, train, both, 1);
    assert_int_equal(weir_table_rows(out), 300);
    assert_inside(out, table, 30);
    weir_table_free(out);
    weir_table_free(direct.out);
    weir_table_free(saved);
    weir_table_free(other);
}

static inline void check_small(const char *name, weir_dataset *(*make)(uint32_t))
{
    weir_dataset *one = make(1), *empty;
    const weir_request none = {0};
    struct run run;
    uint32_t first[] = {0};
    weir_error error = {0};
    weir_dataset *row = weir_dataset_select(one, first, 1, &error);

    assert_non_null(row);
    run = run_generator(name, NULL, row, &none, 1, true, 0);
    if (run.status != WEIR_OK)
        fail_msg("%s", run.text);
    assert_true(weir_table_rows(run.out) >= 1);
    weir_table_free(run.out);
    empty = weir_dataset_select(one, first, 0, &error);
    assert_non_null(empty);
    run = run_generator(name, NULL, empty, &none, 1, false, 0);
    assert_int_equal(run.status, WEIR_EDATA);
    assert_non_null(strstr(run.text, "no rows"));
    weir_dataset_free(empty);
    weir_dataset_free(row);
    weir_dataset_free(one);
}

/* Series requests of traces, more flows than there are, allocations that fail. */
static inline void check_refusals(const char *name, const weir_dataset *train)
{
    const weir_request series = {.series = 3}, none = {0}, endless = {.duration = 1e12};
    struct run run = run_generator(name, NULL, train, &series, 1, false, 0);

    assert_int_equal(run.status, WEIR_EOPTION);
    run = run_generator(name, NULL, train, &endless, 1, false, 0);
    assert_int_equal(run.status, WEIR_EOPTION);
    for (int fail = -24; fail <= 48; fail++) {
        if (fail == 0)
            continue;
        run = run_generator(name, NULL, train, &none, 1, false, fail);
        /* A generator that allocates less often succeeds. */
        if (run.status != WEIR_OK)
            assert_int_equal(run.status, WEIR_ENOMEM);
        weir_table_free(run.out);
    }
}

static inline void check_cancel(const char *name, const weir_dataset *train)
{
    const weir_request none = {0};
    struct run run;

    weir_cancel();
    run = run_generator(name, NULL, train, &none, 1, false, 0);
    weir_cancel_clear();
    assert_int_equal(run.status, WEIR_ECANCEL);
}

static inline void check_series(const char *name, bool deterministic)
{
    weir_dataset *train = some_series(40);
    const weir_table *table = weir_dataset_table(train);
    weir_request none = {0}, some = {.series = 25}, more = {.series = 90}, wrong = {.packets = 5};
    weir_table *out = generate(name, NULL, train, none, 1),
               *other = generate(name, NULL, train, none, 2);
    struct run run = run_generator(name, NULL, train, &wrong, 1, false, 0);

    assert_int_equal(run.status, WEIR_EOPTION);
    assert_int_equal(weir_table_rows(out), 40);
    assert_inside(out, table, 0);
    assert_int_equal(same(out, other), deterministic);
    for (size_t i = 0; i < 40; i++)
        for (size_t k = weir_u32(out, "length")[i]; k < 12; k++)
            assert_true(weir_f32(out, "values")[(i * 12 + k) * 2] == 0);
    weir_table_free(out);
    weir_table_free(other);
    out = generate(name, NULL, train, some, 1);
    assert_int_equal(weir_table_rows(out), 25);
    weir_table_free(out);
    out = generate(name, NULL, train, more, 1);
    assert_int_equal(weir_table_rows(out), 90);
    weir_table_free(out);
    weir_dataset_free(train);
    check_small(name, some_series);
}

/* All of it, for a generator of packets and netflow. */
static inline void check_traces(const char *name, const char *options, bool deterministic)
{
    weir_dataset *packets = some_packets(120), *records = some_records(400);

    check_rows(name, options, packets, deterministic);
    check_rows(name, options, records, deterministic);
    check_refusals(name, packets);
    check_cancel(name, packets);
    weir_dataset_free(packets);
    weir_dataset_free(records);
    check_small(name, some_packets);
    check_small(name, some_records);
}

#endif
