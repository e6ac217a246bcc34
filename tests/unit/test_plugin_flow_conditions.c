/* The encoder flow_conditions: the nine numbers by hand, order, inverse, other data. */
#include "encoder_test.h"

static void assert_near(double a, double b, double most)
{
    if (!(fabs(a - b) <= most))
        fail_msg("%.17g is not %.17g", a, b);
}

/* Two flows in 10 steps of 100 ns. A: 3 packets in step 0, 1 in step 2, 2 in step 5.
 * B: one packet at the very end. */
static weir_dataset *by_hand(void)
{
    static const int64_t times[] = {0, 10, 20, 250, 500, 510, 1000};
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, 7, &error);

    assert_non_null(table);
    for (size_t i = 0; i < 7; i++) {
        weir_i64_out(table, "time")[i] = 1700000000000000000 + times[i];
        weir_u32_out(table, "srcip")[i] = i == 6;
    }
    return weir_dataset_new(table, &error);
}

static void test_by_hand(void **state)
{
    /* Of flow A: mean 2, deviation sqrt(2/3), gaps of 1 and 2 steps. */
    const double a[] = {6, 6, 3, 3, 2, 0.816496580927726, 1.5, 0, 510};
    const double b[] = {1, 1, 1, 1, 1, 0, 0, 1000, 1000};
    static const bool logarithmic[] = {1, 0, 0, 1, 1, 1, 0, 0, 0};
    static const uint32_t flows[] = {1, 0};
    weir_dataset *train = by_hand();
    struct encoder encoder = {0};
    float values[18];
    weir_table *out;

    (void)state;
    assert_int_equal(open_encoder(&encoder, "flow_conditions", "steps=10", train), WEIR_OK);
    assert_int_equal(encoder.job->layout.width, 9);
    assert_int_equal(encoder.plugin->encode(encoder.job, encoder.state, train, flows, 2, values),
                     WEIR_OK);
    for (size_t c = 0; c < 9; c++) {
        double x = logarithmic[c] ? log1p(a[c]) : a[c], y = logarithmic[c] ? log1p(b[c]) : b[c];
        double most = fmax(x, y);

        assert_near(values[c], y / most, 1e-6);
        assert_near(values[9 + c], x / most, 1e-6);
    }
    close_encoder(&encoder);
    out = round_trip("flow_conditions", "steps=10", train, train);
    assert_int_equal(weir_u64(out, "flow_packets")[0], 6);
    assert_int_equal(weir_u64(out, "flow_duration")[0], 6);
    assert_int_equal(weir_u64(out, "flow_active")[0], 3);
    assert_int_equal(weir_u64(out, "flow_peak")[0], 3);
    assert_near(weir_f64(out, "flow_mean")[0], 2, 1e-6);
    assert_near(weir_f64(out, "flow_deviation")[0], a[5], 1e-6);
    assert_near(weir_f64(out, "flow_gap")[0], 1.5, 1e-6);
    assert_int_equal(weir_u64(out, "flow_end")[0], 510);
    assert_int_equal(weir_u64(out, "flow_start")[1], 1000);
    weir_table_free(out);
    weir_dataset_free(train);
}

static void test_order(void **state)
{
    weir_dataset *train = by_hand();
    struct encoder all = {0}, two = {0};
    const uint32_t flow = 0;
    float values[9], few[2];
    weir_table *out;

    (void)state;
    assert_int_equal(open_encoder(&all, "flow_conditions", "steps=10", train), WEIR_OK);
    assert_int_equal(open_encoder(&two, "flow_conditions", "steps=10 conditions=end,peak", train),
                     WEIR_OK);
    assert_string_equal(two.job->layout.segments[0].name, "end");
    assert_int_equal(two.job->layout.width, 2);
    assert_int_equal(all.plugin->encode(all.job, all.state, train, &flow, 1, values), WEIR_OK);
    assert_int_equal(two.plugin->encode(two.job, two.state, train, &flow, 1, few), WEIR_OK);
    assert_true(few[0] == values[8] && few[1] == values[3]);
    close_encoder(&all);
    close_encoder(&two);
    out = round_trip("flow_conditions", "steps=10 conditions=end,peak", train, train);
    assert_true(weir_table_find(out, "flow_packets") < 0);
    assert_true(weir_table_find(out, "flow_peak") >= 0);
    weir_table_free(out);
    check_refused("flow_conditions", "conditions=end,peek", train, WEIR_EOPTION, "'peek'");
    check_refused("flow_conditions", "conditions=end,end", train, WEIR_EOPTION, "twice");
    check_refused("flow_conditions", "conditions=", train, WEIR_EOPTION, "names no condition");
    weir_dataset_free(train);
}

/* Counts of whole traces come back exactly; times within 2^-24 of the trace. */
static void check_counts(const weir_dataset *data)
{
    const weir_flows *flows = weir_dataset_flows(data, NULL);
    weir_table *out = round_trip("flow_conditions", NULL, data, data);
    const int64_t *times =
        weir_i64(weir_dataset_table(data), weir_time_column(weir_dataset_schema(data)));
    int64_t first, last;

    assert_true(weir_dataset_span(data, &first, &last));
    for (uint32_t f = 0; f < flows->count; f++) {
        uint32_t at = flows->offsets[f], end = flows->offsets[f + 1];

        assert_int_equal(weir_u64(out, "flow_packets")[f], end - at);
        assert_true(weir_u64(out, "flow_active")[f] <= weir_u64(out, "flow_duration")[f]);
        assert_near((double)weir_u64(out, "flow_start")[f],
                    (double)(times[flows->rows[at]] - first), (double)(last - first) / 8e6 + 1);
    }
    weir_table_free(out);
}

static void test_traces(void **state)
{
    weir_dataset *packets = some_packets(120), *records = some_records(300);
    weir_dataset *few = some_packets(8);

    (void)state;
    check_counts(packets);
    check_counts(records);
    /* Of other data: no value leaves [0, 1]. */
    weir_table_free(round_trip("flow_conditions", NULL, few, packets));
    weir_dataset_free(packets);
    weir_dataset_free(records);
    weir_dataset_free(few);
    check_empty("flow_conditions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_traces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
