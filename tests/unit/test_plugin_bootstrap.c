/* The generator bootstrap: what every generator must do, and what only it does. */
#include "generator_test.h"

static void test_traces(void **state)
{
    (void)state;
    check_traces("bootstrap", NULL, false);
}

static void test_series(void **state)
{
    (void)state;
    check_series("bootstrap", false);
}

static void test_flows_stay_whole(void **state)
{
    weir_dataset *train = some_packets(120), *made;
    const weir_table *table = weir_dataset_table(train);
    weir_error error = {0};
    weir_request many = {.flows = 200};
    weir_table *out = generate("bootstrap", "start=uniform", train, many, 3);
    const weir_flows *real = weir_dataset_flows(train, &error), *flows;

    (void)state;
    made = weir_dataset_new(out, &error);
    flows = weir_dataset_flows(made, &error);
    out = NULL;
    assert_int_equal(flows->count, 200);
    /* A flow with ports has the gaps and sizes of a training flow, wherever it starts. */
    for (uint32_t f = 0; f < flows->count; f++) {
        const weir_table *now = weir_dataset_table(made);
        const uint32_t *rows = flows->rows + flows->offsets[f];
        uint32_t n = flows->offsets[f + 1] - flows->offsets[f], found = 0;

        if (weir_u16(now, "srcport")[rows[0]] == 0)
            continue;
        for (uint32_t g = 0; g < real->count && !found; g++) {
            const uint32_t *there = real->rows + real->offsets[g];
            uint32_t k = 0;

            if (real->offsets[g + 1] - real->offsets[g] != n)
                continue;
            while (k < n &&
                   weir_i64(now, "time")[rows[k]] - weir_i64(now, "time")[rows[0]] ==
                       weir_i64(table, "time")[there[k]] - weir_i64(table, "time")[there[0]] &&
                   weir_u16(now, "pkt_len")[rows[k]] == weir_u16(table, "pkt_len")[there[k]])
                k++;
            found = k == n;
        }
        assert_true(found);
    }
    weir_dataset_free(made);
    weir_dataset_free(train);
}

static void test_starts_and_distinct(void **state)
{
    weir_dataset *train = some_packets(120);
    weir_request many = {.flows = 121}, none = {0};
    struct run run = run_generator("bootstrap", "distinct=false", train, &many, 1, false, 0);

    (void)state;
    assert_int_equal(run.status, WEIR_EOPTION);
    assert_non_null(strstr(run.text, "distinct is off"));
    check_rows("bootstrap", "start=empirical", train, false);
    check_rows("bootstrap", "shift=0", train, false);
    run = run_generator("bootstrap", "distinct=false", train, &none, 1, false, 0);
    assert_true(flows_of(run.out) < 90);
    weir_table_free(run.out);
    run = run_generator("bootstrap", "distinct=true", train, &none, 1, false, 0);
    assert_true(flows_of(run.out) > 100);
    weir_table_free(run.out);
    weir_dataset_free(train);
}

/* A flow longer than the time asked for keeps the packets that fit, whichever their number. */
static void test_long_flows_are_cut(void **state)
{
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, 100, &error), *out;
    weir_dataset *train;

    (void)state;
    for (size_t i = 0; i < 100; i++)
        weir_i64_out(table, "time")[i] = (int64_t)i * 1000000;
    train = weir_dataset_new(table, &error);
    for (int fits = 1; fits <= 100; fits += 11) {
        weir_request time = {.duration = ((double)fits - 0.5) / 1000};

        out = generate("bootstrap", NULL, train, time, 1);
        assert_int_equal(weir_table_rows(out), fits);
        weir_table_free(out);
    }
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_flows_stay_whole),
        cmocka_unit_test(test_starts_and_distinct),
        cmocka_unit_test(test_long_flows_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
