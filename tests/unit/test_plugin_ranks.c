/* The encoder ranks: exact round trips, blurred pieces, evenly spread codes, wild input. */
#include "encoder_test.h"

static void test_exact(void **state)
{
    weir_dataset *train = some_packets(120), *records = some_records(300);
    const weir_table *table = weir_dataset_table(train);
    size_t n = weir_table_rows(table);
    weir_table *out = round_trip("ranks", NULL, train, train);

    (void)state;
    assert_memory_equal(weir_u32(out, "srcip"), weir_u32(table, "srcip"), n * 4);
    assert_memory_equal(weir_u32(out, "dstip"), weir_u32(table, "dstip"), n * 4);
    assert_memory_equal(weir_u16(out, "srcport"), weir_u16(table, "srcport"), n * 2);
    assert_memory_equal(weir_u8(out, "proto"), weir_u8(table, "proto"), n);
    weir_table_free(out);
    out = round_trip("ranks", "columns=byt,td pieces=1000", records, records);
    table = weir_dataset_table(records);
    assert_memory_equal(weir_u64(out, "byt"), weir_u64(table, "byt"), 300 * 8);
    assert_memory_equal(weir_f64(out, "td"), weir_f64(table, "td"), 300 * 8);
    weir_table_free(out);
    weir_dataset_free(train);
    weir_dataset_free(records);
}

/* With few pieces a value comes back from the same piece, and codes are as evenly spread as pieces
 * can be. */
static void test_blurred(void **state)
{
    weir_dataset *train = some_records(300);
    struct encoder encoder = {0};
    uint32_t rows[300];
    float codes[300];
    int low = 0;

    (void)state;
    for (uint32_t i = 0; i < 300; i++)
        rows[i] = i;
    assert_int_equal(open_encoder(&encoder, "ranks", "columns=byt pieces=10", train), WEIR_OK);
    assert_int_equal(encoder.plugin->encode(encoder.job, encoder.state, train, rows, 300, codes),
                     WEIR_OK);
    for (int i = 0; i < 300; i++)
        low += codes[i] < 0.25f;
    assert_in_range(low, 65, 85);
    close_encoder(&encoder);
    weir_dataset_free(train);
}

static void test_wild_and_refused(void **state)
{
    static const char *const columns[] = {"srcip", "dstport", "proto"};
    weir_dataset *train = some_packets(40), *other = some_packets(90), *records = some_records(8);

    (void)state;
    check_wild("ranks", NULL, train, columns, 3);
    weir_table_free(round_trip("ranks", "pieces=16", train, other));
    check_refused("ranks", "columns=label", records, WEIR_EOPTION, "is a category");
    check_refused("ranks", "columns=pkt,byt,pkt", records, WEIR_EOPTION, "'pkt' is named twice");
    check_refused("ranks", "columns=nothing", records, WEIR_EOPTION, "no column 'nothing'");
    weir_dataset_free(train);
    weir_dataset_free(other);
    weir_dataset_free(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exact), cmocka_unit_test(test_blurred),
                                       cmocka_unit_test(test_wild_and_refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
