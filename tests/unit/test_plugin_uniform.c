/* The generator uniform: what every generator must do, and what only it does. */
#include "generator_test.h"

static void test_traces(void **state)
{
    (void)state;
    check_traces("uniform", NULL, false);
}

static void test_series(void **state)
{
    (void)state;
    check_series("uniform", false);
}

static void test_columns_fill_their_ranges(void **state)
{
    weir_dataset *train = some_packets(120);
    const weir_table *table = weir_dataset_table(train);
    weir_request many = {.packets = 50000};
    weir_table *out = generate("uniform", NULL, train, many, 1);
    double sum = 0, low = 1e9, high = 0;

    (void)state;
    for (size_t i = 0; i < weir_table_rows(table); i++) {
        low = low < weir_u16(table, "pkt_len")[i] ? low : weir_u16(table, "pkt_len")[i];
        high = high > weir_u16(table, "pkt_len")[i] ? high : weir_u16(table, "pkt_len")[i];
    }
    for (size_t i = 0; i < 50000; i++)
        sum += weir_u16(out, "pkt_len")[i];
    assert_true(sum / 50000 > (low + high) / 2 - 10 && sum / 50000 < (low + high) / 2 + 10);
    assert_inside(out, table, 0);
    weir_table_free(out);
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_columns_fill_their_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
