/* The encoder minmax: round trips within the stated precision, clamping, constant columns. */
#include "encoder_test.h"

static void test_round_trip(void **state)
{
    weir_dataset *train = some_packets(60), *records = some_records(300);
    const weir_table *table = weir_dataset_table(train);
    size_t n = weir_table_rows(table);
    int64_t first = weir_i64(table, "time")[0];
    double span = (double)(weir_i64(table, "time")[n - 1] - first);
    weir_table *out = round_trip("minmax", NULL, train, train);

    (void)state;
    assert_true(span > 1e9);
    assert_memory_equal(weir_u16(out, "pkt_len"), weir_u16(table, "pkt_len"), n * 2);
    assert_memory_equal(weir_u8(out, "ttl"), weir_u8(table, "ttl"), n);
    assert_memory_equal(weir_u16(out, "id"), weir_u16(table, "id"), n * 2);
    for (size_t i = 0; i < n; i++) {
        double x = (double)(weir_i64(table, "time")[i] - first);
        double off = fabs((double)(weir_i64(out, "time")[i] - weir_i64(table, "time")[i]));

        assert_true(x >= 0 && off <= span / 33554432 + 1);
    }
    weir_table_free(out);
    table = weir_dataset_table(records);
    out = round_trip("minmax", NULL, records, records);
    for (size_t i = 0; i < 300; i++) {
        double off = fabs((double)weir_u64(out, "byt")[i] - (double)weir_u64(table, "byt")[i]);

        assert_true(off <= 5e5 / 33554432 + 1);
        assert_true(fabs(weir_f64(out, "td")[i] - weir_f64(table, "td")[i]) < 1e-5);
    }
    weir_table_free(out);
    weir_dataset_free(train);
    weir_dataset_free(records);
}

static void test_bounds(void **state)
{
    static const char *const columns[] = {"time", "pkt_len", "ttl", "flag", "off", "id"};
    weir_dataset *train = some_packets(40), *other = some_packets(90);

    (void)state;
    check_wild("minmax", NULL, train, columns, 6);
    /* Data with values outside the training range still encodes into [0, 1]. */
    weir_table_free(round_trip("minmax", NULL, train, other));
    weir_dataset_free(train);
    weir_dataset_free(other);
}

static void test_constant_and_refused(void **state)
{
    weir_dataset *train = some_packets(12), *records = some_records(8);
    weir_table *out = round_trip("minmax", "columns=off,tos", train, train);

    (void)state;
    assert_int_equal(weir_u16(out, "off")[3], 0);
    weir_table_free(out);
    check_refused("minmax", "columns=label", records, WEIR_EOPTION, "is a category");
    check_refused("minmax", "columns=nothing", records, WEIR_EOPTION, "no column 'nothing'");
    check_empty("minmax");
    weir_dataset_free(train);
    weir_dataset_free(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_constant_and_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
