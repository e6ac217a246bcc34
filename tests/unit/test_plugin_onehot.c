/* The encoder onehot: exact round trips, categories by string, the place of the others. */
#include "encoder_test.h"

static void test_round_trip(void **state)
{
    weir_dataset *train = some_packets(60), *records = some_records(100);
    const weir_table *table = weir_dataset_table(train);
    size_t n = weir_table_rows(table);
    weir_table *out = round_trip("onehot", "columns=proto,flag,ttl,srcip", train, train);

    (void)state;
    assert_memory_equal(weir_u8(out, "proto"), weir_u8(table, "proto"), n);
    assert_memory_equal(weir_u8(out, "ttl"), weir_u8(table, "ttl"), n);
    assert_memory_equal(weir_u32(out, "srcip"), weir_u32(table, "srcip"), n * 4);
    weir_table_free(out);
    out = round_trip("onehot", NULL, records, records);
    table = weir_dataset_table(records);
    for (size_t i = 0; i < 100; i++)
        assert_string_equal(weir_category_text(out, "label", weir_codes(out, "label")[i]),
                            weir_category_text(table, "label", weir_codes(table, "label")[i]));
    weir_table_free(out);
    weir_dataset_free(train);
    weir_dataset_free(records);
}

static void test_other(void **state)
{
    weir_dataset *train = some_packets(60);
    const weir_table *table = weir_dataset_table(train);
    weir_table *out = round_trip("onehot", "columns=pkt_len limit=4 other=true", train, train);
    size_t equal = 0, largest = 0;

    (void)state;
    for (size_t i = 0; i < weir_table_rows(table); i++) {
        equal += weir_u16(out, "pkt_len")[i] == weir_u16(table, "pkt_len")[i];
        largest += weir_u16(table, "pkt_len")[i] == 1500;
        if (weir_u16(table, "pkt_len")[i] == 1500)
            assert_int_equal(weir_u16(out, "pkt_len")[i], 1500);
    }
    assert_true(equal > largest && equal < weir_table_rows(table));
    weir_table_free(out);
    check_refused("onehot", "columns=pkt_len limit=4", train, WEIR_EOPTION, "more than limit = 4");
    weir_dataset_free(train);
}

static void test_strings_and_strangers(void **state)
{
    weir_dataset *train = some_records(30);
    weir_error error = {0};
    weir_table *strange = weir_table_new(WEIR_NETFLOW, 2, &error);
    weir_dataset *data;
    struct encoder encoder = {0};
    const uint32_t rows[] = {0, 1};
    float values[8] = {0};

    (void)state;
    assert_int_equal(weir_table_add(strange, "label", WEIR_CATEGORY, 1, &error), WEIR_OK);
    /* Another order of strings than in training, where "attack" is 0. */
    weir_codes_out(strange, "label")[0] = weir_category_add(strange, "label", "benign", &error);
    weir_codes_out(strange, "label")[1] = weir_category_add(strange, "label", "new", &error);
    data = weir_dataset_new(strange, &error);
    assert_int_equal(open_encoder(&encoder, "onehot", "columns=label", train), WEIR_OK);
    assert_int_equal(encoder.plugin->encode(encoder.job, encoder.state, data, rows, 1, values),
                     WEIR_OK);
    assert_true(values[0] == 0 && values[1] == 1);
    assert_int_equal(encoder.plugin->encode(encoder.job, encoder.state, data, rows, 2, values),
                     WEIR_EDATA);
    assert_non_null(strstr(weir_job_error(encoder.job)->text, "'new'"));
    close_encoder(&encoder);
    weir_dataset_free(data);
    weir_dataset_free(train);
}

static void test_wild_and_refused(void **state)
{
    static const char *const columns[] = {"proto", "ttl"};
    weir_dataset *train = some_packets(40), *records = some_records(8);

    (void)state;
    check_wild("onehot", "columns=proto,ttl", train, columns, 2);
    check_refused("onehot", "columns=td", records, WEIR_EOPTION, "'td' is f64");
    check_empty("onehot");
    weir_dataset_free(train);
    weir_dataset_free(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_other),
        cmocka_unit_test(test_strings_and_strangers),
        cmocka_unit_test(test_wild_and_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
