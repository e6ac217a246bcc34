/* The encoder record_fields: round trips of packets and netflow, the scales, rare values, positions
 * in a step. Covers: core/data/places.c (with test_plugin_onehot) */
#include "encoder_test.h"

static void assert_packets(const weir_table *out, const weir_table *table)
{
    static const char *const bytes[] = {"tos", "ttl", "flag", "tcp_flags"};
    static const char *const words[] = {"pkt_len", "id", "off"};
    size_t n = weir_table_rows(table);

    for (size_t i = 0; i < 4; i++)
        assert_memory_equal(weir_u8(out, bytes[i]), weir_u8(table, bytes[i]), n);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(weir_u16(out, words[i]), weir_u16(table, words[i]), n * 2);
}

static void test_packets(void **state)
{
    static const char *const options[] = {NULL, "ranges=learnt", "steps=7", "steps=1",
                                          "ranges=ranks pieces=65536"};
    weir_dataset *train = some_packets(120);
    const weir_table *table = weir_dataset_table(train);
    const int64_t *times = weir_i64(table, "time");
    size_t n = weir_table_rows(table);

    (void)state;
    weir_u16_out((weir_table *)(uintptr_t)table, "off")[5] = 8191;
    weir_u16_out((weir_table *)(uintptr_t)table, "off")[6] = 185;
    for (size_t o = 0; o < 5; o++) {
        weir_table *out = round_trip("record_fields", options[o], train, train);
        double steps = o == 2 ? 7 : o == 3 ? 1 : 200;
        double width = (double)(times[n - 1] - times[0]) / steps;

        assert_packets(out, table);
        for (size_t i = 0; i < n; i++) {
            double at = (double)(times[i] - times[0]) / width;

            at -= fmin(floor(at), steps - 1);
            assert_true(fabs((double)weir_f32(out, "step_position")[i] - at) < 1e-6);
        }
        assert_true(weir_f32(out, "step_position")[n - 1] == 1);
        weir_table_free(out);
    }
    weir_dataset_free(train);
}

static void test_records(void **state)
{
    weir_dataset *train = some_records(300);
    const weir_table *table = weir_dataset_table(train);
    static const char *const options[] = {NULL, "log=false", "ranges=ranks pieces=1000"};

    (void)state;
    for (int o = 0; o < 3; o++) {
        weir_table *out = round_trip("record_fields", options[o], train, train);

        for (size_t i = 0; i < 300; i++) {
            double off = fabs((double)weir_u64(out, "byt")[i] - (double)weir_u64(table, "byt")[i]);

            assert_true(off <= 1);
            assert_int_equal(weir_u64(out, "pkt")[i], weir_u64(table, "pkt")[i]);
            assert_true(fabs(weir_f64(out, "td")[i] - weir_f64(table, "td")[i]) < 1e-5);
            assert_string_equal(weir_category_text(out, "label", weir_codes(out, "label")[i]),
                                weir_category_text(table, "label", weir_codes(table, "label")[i]));
            assert_string_equal(weir_category_text(out, "type", weir_codes(out, "type")[i]),
                                weir_category_text(table, "type", weir_codes(table, "type")[i]));
        }
        weir_table_free(out);
    }
    weir_dataset_free(train);
}

/* Values of one row, encoded: n floats. */
static void encode_row(struct encoder *encoder, const weir_dataset *data, uint32_t row,
                       float *values)
{
    assert_int_equal(encoder->plugin->encode(encoder->job, encoder->state, data, &row, 1, values),
                     WEIR_OK);
}

static void test_values(void **state)
{
    weir_dataset *train = some_packets(120);
    const weir_table *table = weir_dataset_table(train);
    struct encoder encoder = {0};
    const weir_layout *layout;
    float values[16];

    (void)state;
    assert_int_equal(open_encoder(&encoder, "record_fields", "columns=ttl,id,tos,off,flag", train),
                     WEIR_OK);
    layout = &encoder.job->layout;
    assert_int_equal(layout->count, 6);
    assert_int_equal(layout->width, 7);
    assert_string_equal(layout->segments[4].name, "flag");
    assert_int_equal(layout->segments[4].activation, WEIR_SOFTMAX);
    assert_string_equal(layout->segments[5].name, "position");
    encode_row(&encoder, train, 3, values);
    assert_true(values[0] == (float)weir_u8(table, "ttl")[3] / 255);
    assert_true(values[1] == (float)weir_u16(table, "id")[3] / 65535);
    assert_true(values[2] == 0 && values[3] == 0);
    assert_true(values[4] + values[5] == 1 && (values[5] == 1) == (weir_u8(table, "flag")[3] == 2));
    close_encoder(&encoder);
    assert_int_equal(open_encoder(&encoder, "record_fields",
                                  "columns=ttl,tos ranges=learnt position=false", train),
                     WEIR_OK);
    assert_int_equal(encoder.job->layout.width, 2);
    encode_row(&encoder, train, 3, values);
    assert_true(values[0] == (weir_u8(table, "ttl")[3] == 64 ? 1.0f : 0.0f));
    assert_true(values[1] == 0); /* constant in training */
    close_encoder(&encoder);
    weir_dataset_free(train);
}

/* Flags beyond the limit, and new ones, take the place of the fewest different bits; new labels
 * the commonest's. */
static void test_rare(void **state)
{
    weir_dataset *train = some_packets(120), *data = some_packets(8), *records = some_records(90);
    const weir_table *table = weir_dataset_table(train);
    weir_table *wrong = (weir_table *)(uintptr_t)weir_dataset_table(data), *out;
    uint8_t *flags = weir_u8_out(wrong, "tcp_flags");

    (void)state;
    /* Commonest are 16 and 0: 17 is one bit from 16, 2 one from 0. */
    out = round_trip("record_fields", "columns=tcp_flags limit=2", train, train);
    for (size_t i = 0; i < weir_table_rows(table); i++)
        assert_int_equal(weir_u8(out, "tcp_flags")[i], weir_u8(table, "tcp_flags")[i] & 16);
    weir_table_free(out);
    flags[0] = 0x18; /* from 16 one bit, from 17, 2 and 0 two or more */
    flags[1] = 0x12; /* 16 and 2 are one bit off; 16 is commoner */
    flags[2] = 0x13;
    out = round_trip("record_fields", "columns=tcp_flags", train, data);
    assert_int_equal(weir_u8(out, "tcp_flags")[0], 16);
    assert_int_equal(weir_u8(out, "tcp_flags")[1], 16);
    assert_int_equal(weir_u8(out, "tcp_flags")[2], 17);
    weir_table_free(out);
    weir_dataset_free(data);

    data = some_records(9);
    wrong = (weir_table *)(uintptr_t)weir_dataset_table(data);
    weir_codes_out(wrong, "label")[0] = weir_category_add(wrong, "label", "new", NULL);
    out = round_trip("record_fields", "columns=label", records, data);
    assert_string_equal(weir_category_text(out, "label", weir_codes(out, "label")[0]), "benign");
    assert_string_equal(weir_category_text(out, "label", weir_codes(out, "label")[3]), "attack");
    weir_table_free(out);
    weir_dataset_free(data);
    weir_dataset_free(train);
    weir_dataset_free(records);
}

static void test_wild_and_refused(void **state)
{
    static const char *const packets[] = {"pkt_len", "tos", "id",       "flag",
                                          "off",     "ttl", "tcp_flags"};
    static const char *const amounts[] = {"td", "pkt", "byt"};
    weir_dataset *train = some_packets(40), *records = some_records(20);

    (void)state;
    check_wild("record_fields", "ranges=learnt", train, packets, 7);
    check_wild("record_fields", "columns=pkt_len,flag,tcp_flags", train, packets, 1);
    check_wild("record_fields", NULL, records, amounts, 3);
    check_refused("record_fields", "columns=ttl,id,ttl", train, WEIR_EOPTION, "named twice");
    check_refused("record_fields", "columns=td", train, WEIR_EOPTION, "no field 'td' of packets");
    check_refused("record_fields", "columns=ttl", records, WEIR_EOPTION, "td, pkt, byt");
    check_empty("record_fields");
    weir_dataset_free(train);
    weir_dataset_free(records);
}

/* A trace without optional columns still has its lengths and positions; one field, no position. */
static void test_plain(void **state)
{
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, 3, &error), *out;
    weir_dataset *train;

    (void)state;
    for (int i = 0; i < 3; i++)
        weir_u16_out(table, "pkt_len")[i] = (uint16_t)(40 + i);
    train = weir_dataset_new(table, &error); /* of zero duration */
    out = round_trip("record_fields", NULL, train, train);
    assert_memory_equal(weir_u16(out, "pkt_len"), weir_u16(table, "pkt_len"), 6);
    assert_true(weir_f32(out, "step_position")[2] == 0);
    weir_table_free(out);
    out = round_trip("record_fields", "position=false", train, train);
    assert_int_equal(weir_table_find(out, "step_position"), -1);
    weir_table_free(out);
    check_refused("record_fields", "columns=ttl", train, WEIR_EOPTION, "no column 'ttl'");
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets), cmocka_unit_test(test_records),
        cmocka_unit_test(test_values),  cmocka_unit_test(test_rare),
        cmocka_unit_test(test_plain),   cmocka_unit_test(test_wild_and_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
