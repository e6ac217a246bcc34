/* The generator marginals: what every generator must do, and what only it does. */
#include "generator_test.h"

static void test_traces(void **state)
{
    (void)state;
    check_traces("marginals", NULL, false);
}

static void test_series(void **state)
{
    (void)state;
    check_series("marginals", false);
}

static void test_columns_are_independent(void **state)
{
    weir_dataset *train = some_packets(120);
    const weir_table *table = weir_dataset_table(train);
    weir_request many = {.packets = 20000};
    weir_table *out = generate("marginals", NULL, train, many, 1);
    double web = 0, large = 0, both = 0, real_large = 0;

    (void)state;
    for (size_t i = 0; i < weir_table_rows(table); i++)
        real_large += weir_u16(table, "pkt_len")[i] == 1500;
    for (size_t i = 0; i < 20000; i++) {
        web += weir_u16(out, "srcport")[i] == 80;
        large += weir_u16(out, "pkt_len")[i] == 1500;
        both += weir_u16(out, "srcport")[i] == 80 && weir_u16(out, "pkt_len")[i] == 1500;
    }
    /* In training every large packet comes from port 80; here the shares multiply. */
    assert_true(both / 20000 < web / 20000 * large / 20000 + 0.02);
    assert_true(both / 20000 > web / 20000 * large / 20000 - 0.02);
    real_large /= (double)weir_table_rows(table);
    assert_true(large / 20000 > real_large - 0.02 && large / 20000 < real_large + 0.02);
    weir_table_free(out);
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_columns_are_independent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
