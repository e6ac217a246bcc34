/* The generator time_shuffle: what every generator must do, and what only it does. */
#include "generator_test.h"

static void test_traces(void **state)
{
    (void)state;
    check_traces("time_shuffle", NULL, false);
}

static void test_series(void **state)
{
    (void)state;
    check_series("time_shuffle", false);
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void test_only_times_change(void **state)
{
    weir_dataset *train = some_packets(40);
    const weir_table *table = weir_dataset_table(train);
    size_t rows = weir_table_rows(table), moved = 0;
    weir_request none = {0};
    weir_table *out = generate("time_shuffle", NULL, train, none, 1);
    int64_t *times = weir_i64_out(out, "time");

    (void)state;
    assert_memory_equal(weir_u16(out, "pkt_len"), weir_u16(table, "pkt_len"), rows * 2);
    assert_memory_equal(weir_u32(out, "srcip"), weir_u32(table, "srcip"), rows * 4);
    for (size_t i = 0; i < rows; i++)
        moved += times[i] != weir_i64(table, "time")[i];
    assert_true(moved > rows * 9 / 10);
    qsort(times, rows, sizeof *times, ascending);
    assert_memory_equal(times, weir_i64(table, "time"), rows * sizeof *times);
    weir_table_free(out);
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_only_times_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
