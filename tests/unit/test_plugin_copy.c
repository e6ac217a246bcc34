/* The generator copy: what every generator must do, and what only it does. */
#include "generator_test.h"

static void test_traces(void **state)
{
    (void)state;
    check_traces("copy", NULL, true);
}

static void test_series(void **state)
{
    (void)state;
    check_series("copy", true);
}

static void test_rows_are_the_training_rows(void **state)
{
    weir_dataset *train = some_packets(40);
    const weir_table *table = weir_dataset_table(train);
    size_t rows = weir_table_rows(table);
    weir_request none = {0}, twice = {.packets = (int64_t)(2 * rows)}, many = {.flows = 41};
    weir_table *out = generate("copy", NULL, train, none, 1);
    struct run run;
    int64_t window;

    (void)state;
    assert_true(same(out, table));
    weir_table_free(out);
    out = generate("copy", NULL, train, twice, 1);
    window = weir_i64(out, "time")[rows] - weir_i64(out, "time")[0];
    assert_true(window > weir_i64(table, "time")[rows - 1] - weir_i64(table, "time")[0]);
    for (size_t i = 0; i < rows; i++) {
        assert_int_equal(weir_i64(out, "time")[rows + i] - weir_i64(out, "time")[i], window);
        assert_int_equal(weir_u16(out, "pkt_len")[rows + i], weir_u16(table, "pkt_len")[i]);
    }
    weir_table_free(out);
    run = run_generator("copy", NULL, train, &many, 1, false, 0);
    assert_int_equal(run.status, WEIR_EOPTION);
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_rows_are_the_training_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
