/* The encoder flow_series: values by hand, the round trip of traces, masks, options. */
#include "data/trace.h"
#include "encoder_test.h"

static void assert_near(double a, double b, double most)
{
    if (!(fabs(a - b) <= most))
        fail_msg("%.17g is not %.17g", a, b);
}

/* 10 steps of 100 ns. Flow A: 3 packets in step 2, 2 in step 4; B: one packet in step 0 and one at
 * the trace's end. */
static weir_dataset *by_hand(void)
{
    static const int64_t times[] = {0, 200, 210, 290, 420, 440, 1000};
    static const uint16_t lengths[] = {40, 100, 200, 300, 1500, 1500, 60};
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, 7, &error);

    assert_non_null(table);
    for (size_t i = 0; i < 7; i++) {
        weir_i64_out(table, "time")[i] = INT64_C(1700000000000000000) + times[i];
        weir_u32_out(table, "srcip")[i] = i == 0 || i == 6;
        weir_u16_out(table, "pkt_len")[i] = lengths[i];
    }
    return weir_dataset_new(table, &error);
}

static void encode_flow(const char *options, const weir_dataset *data, uint32_t flow, float *values,
                        size_t width)
{
    struct encoder encoder = {0};

    assert_int_equal(open_encoder(&encoder, "flow_series", options, data), WEIR_OK);
    assert_int_equal(encoder.job->layout.width, width);
    assert_int_equal(encoder.plugin->encode(encoder.job, encoder.state, data, &flow, 1, values),
                     WEIR_OK);
    close_encoder(&encoder);
}

/* Flow 1 is A: flows are numbered by their first row. */
static void test_by_hand(void **state)
{
    weir_dataset *data = by_hand();
    double low = log1p(40), high = log1p(3000), bytes = (log1p(600) - low) / (high - low);
    float values[80];

    (void)state;
    encode_flow("steps=10", data, 1, values, 80);
    assert_near(values[0], 1, 1e-6); /* 3 packets, the most of a step */
    assert_near(values[1], 0.1, 1e-6);
    assert_near(values[2], 0.9, 1e-6);
    assert_near(values[3], bytes, 1e-6);
    assert_true(values[4] == 1 && values[5] == 0 && values[6] == 1 && values[7] == 0);
    /* an empty step inside the flow */
    assert_true(values[8] == 0 && values[9] == 0 && values[10] == 0 && values[11] == 0);
    assert_true(values[12] == 0 && values[13] == 1 && values[14] == 1 && values[15] == 0);
    assert_near(values[16], (log1p(2) - log1p(1)) / (log1p(3) - log1p(1)), 1e-6);
    assert_near(values[17], 0.3, 1e-6);
    assert_near(values[18], 0.2, 1e-6);
    assert_near(values[19], 1, 1e-6);
    /* after the flow */
    for (size_t i = 24; i < 80; i++)
        assert_true(values[i] == (i % 8 == 7));
    /* As it lies in the trace: two steps later, empty but active before. */
    encode_flow("steps=10 adjust=false", data, 1, values, 80);
    assert_true(values[4] == 0 && values[5] == 1 && values[6] == 1);
    assert_near(values[16], 1, 1e-6);
    assert_near(values[17], 0.1, 1e-6);
    /* Without the pair, counts are scaled from 0. */
    encode_flow("steps=10 zero_inflation=false", data, 1, values, 60);
    assert_near(values[0], 1, 1e-6);
    assert_near(values[12], log1p(2) / log1p(3), 1e-6);
    assert_true(values[4] == 1 && values[5] == 0 && values[6] == 0 && values[10] == 1);
    weir_dataset_free(data);
}

/* What decode says of a step is what the data has. */
static void check_step(const weir_table *out, const weir_dataset *data, const weir_steps *steps,
                       const uint32_t *rows, uint32_t n, size_t at)
{
    const weir_table *table = weir_dataset_table(data);
    bool netflow = weir_dataset_schema(data) == WEIR_NETFLOW;
    double median = (double)weir_f32(out, "step_median")[at];
    double half = (double)weir_f32(out, "step_half")[at];
    uint64_t bytes = 0, packets = 0, most;
    double before, middle;

    for (uint32_t i = 0; i < n; i++) {
        double position;

        bytes += netflow ? weir_u64(table, "byt")[rows[i]] : weir_u16(table, "pkt_len")[rows[i]];
        packets += netflow ? weir_u64(table, "pkt")[rows[i]] : 1;
        weir_step_of(steps, rows[i], &position);
        if (n < 3)
            assert_near(weir_step_spread(median, half, i, n), position, 1e-6);
        else
            assert_near(weir_step_spread(median, half, i, n), position, 2 * half + 1e-6);
    }
    weir_step_of(steps, rows[(n - 1) / 2], &before);
    weir_step_of(steps, rows[n / 2], &middle);
    assert_near(median, (before + middle) / 2, 1e-6);
    assert_int_equal(weir_u32(out, netflow ? "step_records" : "step_packets")[at], n);
    if (netflow)
        assert_int_equal(weir_u64(out, "step_packets")[at], packets);
    /* A float32 tells sums apart up to (1 + sum) L / 2^25; L < 23 for all traces here. */
    most = (uint64_t)((1 + (double)bytes) * 23 / 33554432 + 0.5);
    assert_near((double)weir_u64(out, "step_bytes")[at], (double)bytes, (double)most);
}

static void check_trace(const weir_dataset *data, const char *options, uint32_t count, bool adjust)
{
    const weir_flows *flows = weir_dataset_flows(data, NULL);
    weir_table *out = round_trip("flow_series", options, data, data);
    const char *name = weir_dataset_schema(data) == WEIR_NETFLOW ? "step_records" : "step_packets";
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_steps steps;

    assert_int_equal(weir_steps_of(job, data, 0, count, &steps), WEIR_OK);
    assert_int_equal(weir_table_rows(out), flows->count);
    for (uint32_t f = 0; f < flows->count; f++) {
        uint32_t start = 0, step = 0, length, seen = 0, sum = 0;

        if (adjust)
            start = weir_step_of(&steps, flows->rows[flows->offsets[f]], NULL);
        for (uint32_t at = flows->offsets[f]; at < flows->offsets[f + 1]; at += length) {
            const uint32_t *rows = flows->rows + at;

            length = weir_step_run(&steps, rows, flows->offsets[f + 1] - at, &step);
            check_step(out, data, &steps, rows, length, (size_t)f * count + step - start);
            seen += length;
        }
        assert_int_equal(weir_u32(out, "steps")[f], step - start + 1);
        for (uint32_t t = 0; t < count; t++)
            sum += weir_u32(out, name)[(size_t)f * count + t];
        assert_int_equal(sum, seen); /* and none anywhere else */
    }
    weir_table_free(out);
    weir_job_free(job);
    weir_registry_free(registry);
}

static void test_round_trips(void **state)
{
    weir_dataset *packets = some_packets(120), *records = some_records(300);

    (void)state;
    check_trace(packets, NULL, 200, true);
    check_trace(packets, "steps=7 adjust=false", 7, false);
    check_trace(packets, "steps=1", 1, true);
    check_trace(packets, "steps=50 zero_inflation=false", 50, true);
    check_trace(packets, "steps=50 zero_inflation=false adjust=false", 50, false);
    check_trace(records, NULL, 200, true);
    check_trace(records, "steps=20 zero_inflation=false", 20, true);
    check_empty("flow_series");
    weir_dataset_free(packets);
    weir_dataset_free(records);
}

/* Real traces; those that the tree does not hold are used where they are. */
static void test_real_traces(void **state)
{
    static const char *const paths[] = {
        WEIR_SOURCE_DIR "/experiments/data/sample.pcap",
        WEIR_SOURCE_DIR "/experiments/data/sample-netflow.csv",
        WEIR_SOURCE_DIR "/../shared/traces/caida-small-10k.pcapng",
        WEIR_SOURCE_DIR "/../shared/traces/libtrace-atm2000-31k.pcap",
        WEIR_SOURCE_DIR "/../shared/traces/iot23-malware-8-1.pcap",
    };
    size_t used = 0;

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        weir_error error = {0};
        weir_dataset *data;

        if (access(paths[i], R_OK))
            continue;
        data = weir_trace_read(&paths[i], 1, NULL, NULL, &error);
        if (!data)
            fail_msg("%s", error.text);
        check_trace(data, "steps=100", 100, true);
        weir_dataset_free(data);
        used++;
    }
    if (!used)
        skip();
}

/* A generator's output: the masks of decode, and steps that are never empty. */
static void test_masks(void **state)
{
    weir_dataset *data = by_hand();
    struct encoder encoder = {0};
    float values[80] = {0};
    weir_error error = {0};
    weir_table *out = empty_like(weir_dataset_table(data));

    (void)state;
    assert_int_equal(weir_table_resize(out, 1, &error), WEIR_OK);
    assert_int_equal(open_encoder(&encoder, "flow_series", "steps=10", data), WEIR_OK);
    for (size_t t = 0; t < 10; t++) {
        values[t * 8] = 1;
        values[t * 8 + 4] = 0.5f; /* not above its partner: empty */
        values[t * 8 + 5] = 0.5f;
        values[t * 8 + 6] = t == 5 ? 0 : 1; /* ends before step 5, whatever comes after */
        values[t * 8 + 7] = 0.5f;
    }
    values[3 * 8 + 4] = 1;
    values[3 * 8] = -9;
    values[7 * 8 + 4] = 1;
    assert_int_equal(encoder.plugin->decode(encoder.job, encoder.state, values, 1, out), WEIR_OK);
    assert_int_equal(weir_u32(out, "steps")[0], 5);
    for (size_t t = 0; t < 10; t++)
        assert_int_equal(weir_u32(out, "step_packets")[t], t == 0 ? 3 : t == 3);
    assert_true(weir_u64(out, "step_bytes")[0] == 40 && weir_u64(out, "step_bytes")[1] == 0);
    close_encoder(&encoder);
    weir_table_free(out);
    weir_dataset_free(data);
}

/* Of other data: larger counts are cut to those of training, and the schema must be the same. */
static void test_other_data(void **state)
{
    weir_dataset *train = by_hand(), *other = some_packets(40), *records = some_records(8);
    const weir_flows *flows = weir_dataset_flows(other, NULL);
    weir_table *out = round_trip("flow_series", "steps=10", train, other);
    struct encoder encoder = {0};
    const uint32_t flow = 0;
    float values[80];

    (void)state;
    for (uint32_t f = 0; f < flows->count; f++)
        assert_true(weir_u32(out, "step_packets")[f * 10] <= 3);
    assert_int_equal(open_encoder(&encoder, "flow_series", "steps=10", train), WEIR_OK);
    assert_int_equal(encoder.plugin->encode(encoder.job, encoder.state, records, &flow, 1, values),
                     WEIR_EDATA);
    assert_non_null(strstr(weir_job_error(encoder.job)->text, "fitted to packets"));
    close_encoder(&encoder);
    weir_table_free(out);
    weir_dataset_free(train);
    weir_dataset_free(other);
    weir_dataset_free(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),     cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_real_traces), cmocka_unit_test(test_masks),
        cmocka_unit_test(test_other_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
