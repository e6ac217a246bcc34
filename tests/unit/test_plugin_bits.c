/* The encoder bits: exact round trips, layouts, refusals. */
#include "encoder_test.h"

static void test_round_trip(void **state)
{
    static const char *const options[] = {
        "columns=srcip,dstip,srcport,proto,flag,off,id,pkt_len",
        "columns=srcip,dstip,srcport,proto,flag,off,id,pkt_len output=softmax"};
    weir_dataset *train = some_packets(60);
    const weir_table *table = weir_dataset_table(train);
    size_t n = weir_table_rows(table);

    (void)state;
    for (int i = 0; i < 2; i++) {
        weir_table *out = round_trip("bits", options[i], train, train);

        assert_memory_equal(weir_u32(out, "srcip"), weir_u32(table, "srcip"), n * 4);
        assert_memory_equal(weir_u32(out, "dstip"), weir_u32(table, "dstip"), n * 4);
        assert_memory_equal(weir_u16(out, "srcport"), weir_u16(table, "srcport"), n * 2);
        assert_memory_equal(weir_u8(out, "flag"), weir_u8(table, "flag"), n);
        assert_memory_equal(weir_u16(out, "id"), weir_u16(table, "id"), n * 2);
        assert_memory_equal(weir_u16(out, "pkt_len"), weir_u16(table, "pkt_len"), n * 2);
        weir_table_free(out);
    }
    weir_dataset_free(train);
}

static void test_widths_and_order(void **state)
{
    weir_dataset *train = some_packets(8);
    struct encoder encoder = {0};
    uint32_t row = 0;
    float values[128];

    (void)state;
    assert_int_equal(open_encoder(&encoder, "bits", NULL, train), WEIR_OK);
    assert_int_equal(width_of(&encoder, train), 64);
    assert_int_equal(encoder.plugin->encode(encoder.job, encoder.state, train, &row, 1, values),
                     WEIR_OK);
    for (uint32_t bit = 0; bit < 32; bit++)
        assert_true(values[bit] ==
                    (float)(weir_u32(weir_dataset_table(train), "srcip")[0] >> (31 - bit) & 1));
    close_encoder(&encoder);
    assert_int_equal(open_encoder(&encoder, "bits", "output=softmax", train), WEIR_OK);
    assert_int_equal(width_of(&encoder, train), 128);
    close_encoder(&encoder);
    assert_int_equal(open_encoder(&encoder, "bits", "columns=flag,off", train), WEIR_OK);
    assert_int_equal(width_of(&encoder, train), 15);
    close_encoder(&encoder);
    weir_dataset_free(train);
}

static void test_refusals(void **state)
{
    weir_dataset *train = some_packets(8), *records = some_records(8);

    (void)state;
    check_refused("bits", "columns=time", train, WEIR_EOPTION, "'time' is i64");
    check_refused("bits", "columns=sorcip", train, WEIR_EOPTION,
                  "no column 'sorcip' (it has: time");
    check_refused("bits", "columns=label", records, WEIR_EOPTION, "'label' is category");
    check_empty("bits");
    weir_dataset_free(train);
    weir_dataset_free(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_widths_and_order),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
