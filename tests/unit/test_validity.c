/* The metric validity: each rule on rows made by hand, both schemas against Python, prefixes, and
 * rules that concern nothing. */
#include "unit/metric.h"

#define ADDRESS(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define HOST ADDRESS(192, 168, 1, 7)
#define OTHER ADDRESS(8, 8, 8, 8)

static json_t *golden;

/* A row of either schema: packets take pkt_len from byt and off from pkt. */
struct row {
    uint32_t srcip, dstip;
    uint16_t srcport, dstport;
    uint8_t proto;
    uint64_t pkt, byt;
    double td;
};

static weir_dataset *rows_of(uint32_t schema, const struct row *rows, size_t n)
{
    weir_table *table = weir_table_new(schema, n, NULL);

    assert_non_null(table);
    if (schema == WEIR_PACKETS)
        assert_int_equal(weir_table_add(table, "off", WEIR_U16, 1, NULL), WEIR_OK);
    for (size_t i = 0; i < n; i++) {
        weir_u32_out(table, "srcip")[i] = rows[i].srcip;
        weir_u32_out(table, "dstip")[i] = rows[i].dstip;
        weir_u16_out(table, "srcport")[i] = rows[i].srcport;
        weir_u16_out(table, "dstport")[i] = rows[i].dstport;
        weir_u8_out(table, "proto")[i] = rows[i].proto;
        if (schema == WEIR_PACKETS) {
            weir_u16_out(table, "pkt_len")[i] = (uint16_t)rows[i].byt;
            weir_u16_out(table, "off")[i] = (uint16_t)rows[i].pkt;
        } else {
            weir_u64_out(table, "pkt")[i] = rows[i].pkt;
            weir_u64_out(table, "byt")[i] = rows[i].byt;
            weir_f64_out(table, "td")[i] = rows[i].td;
        }
    }
    return weir_dataset_new(table, NULL);
}

/* Scores one row; 1: passes, 0: fails, -1: not concerned. */
static int verdict_of(uint32_t schema, struct row row, const char *feature)
{
    weir_dataset *data = rows_of(schema, &row, 1);
    json_t *rows = metric_run("validity", "", data, data);
    const json_t *value = json_object_get(metric_row(rows, feature), "value");
    int verdict = json_is_number(value) ? (int)json_number_value(value) : -1;

    if (json_is_number(value))
        assert_true(json_number_value(value) == 0 || json_number_value(value) == 1);
    json_decref(rows);
    weir_dataset_free(data);
    return verdict;
}

struct example {
    const char *feature;
    struct row row;
    int verdict;
};

static void check(uint32_t schema, const struct example *examples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int found = verdict_of(schema, examples[i].row, examples[i].feature);

        if (found != examples[i].verdict)
            fail_msg("%s of example %zu is %d, not %d", examples[i].feature, i + 1, found,
                     examples[i].verdict);
    }
}

/* In both schemas the lengths here are legal. */
static void ends_of_a_row(void **state)
{
    static const struct example examples[] = {
        {"T1", {HOST, OTHER, 1, 1, 6, 0, 40, 0}, 1},
        {"T1", {ADDRESS(223, 255, 255, 255), ADDRESS(1, 0, 0, 0), 1, 1, 6, 0, 40, 0}, 1},
        {"T1", {ADDRESS(224, 0, 0, 0), OTHER, 1, 1, 6, 0, 40, 0}, 0},
        {"T1", {ADDRESS(239, 1, 2, 3), OTHER, 1, 1, 6, 0, 40, 0}, 0},
        {"T1", {ADDRESS(240, 0, 0, 1), OTHER, 1, 1, 6, 0, 40, 0}, 1},
        {"T1", {ADDRESS(255, 0, 0, 1), OTHER, 1, 1, 6, 0, 40, 0}, 0},
        {"T1", {HOST, ADDRESS(0, 1, 2, 3), 1, 1, 6, 0, 40, 0}, 0},
        {"T1", {HOST, ADDRESS(224, 0, 0, 251), 1, 1, 17, 0, 40, 0}, 1},
        {"T3", {HOST, OTHER, 40000, 80, 6, 0, 40, 0}, 1},
        {"T3", {HOST, OTHER, 40000, 80, 17, 0, 40, 0}, 0},
        {"T3", {HOST, OTHER, 80, 40000, 17, 0, 40, 0}, 0},
        {"T3", {HOST, OTHER, 123, 123, 17, 0, 40, 0}, 1},
        {"T3", {HOST, OTHER, 123, 22, 17, 0, 40, 0}, 0},
        {"T3", {HOST, OTHER, 40000, 53, 6, 0, 40, 0}, -1},
        {"T3", {HOST, OTHER, 40000, 443, 17, 0, 40, 0}, -1},
        {"T3", {HOST, OTHER, 40000, 8080, 17, 0, 40, 0}, -1},
        {"S_IN", {HOST, OTHER, 1, 1, 6, 0, 40, 0}, 1},
        {"S_IN", {OTHER, ADDRESS(172, 31, 0, 1), 1, 1, 6, 0, 40, 0}, 1},
        {"S_IN", {OTHER, ADDRESS(172, 32, 0, 1), 1, 1, 6, 0, 40, 0}, 0},
        {"S_IN", {0, OTHER, 1, 1, 6, 0, 40, 0}, 1},
        {"S_WEB", {HOST, OTHER, 1, 443, 17, 0, 40, 0}, 0},
        {"S_WEB", {HOST, OTHER, 80, 1, 6, 0, 40, 0}, 1},
        {"S_DNS", {HOST, OTHER, 53, 1, 6, 0, 40, 0}, 0},
        {"S_DNS", {HOST, OTHER, 1, 53, 17, 0, 40, 0}, 1},
        {"S_DNS", {HOST, OTHER, 1, 52, 17, 0, 40, 0}, -1},
        {"S_CAST", {HOST, ADDRESS(224, 0, 0, 251), 1, 1, 17, 0, 40, 0}, 1},
        {"S_CAST", {ADDRESS(192, 168, 1, 255), OTHER, 1, 1, 17, 0, 40, 0}, 0},
        {"S_CAST", {HOST, OTHER, 1, 1, 17, 0, 40, 0}, -1},
        {"S_NETB", {HOST, ADDRESS(192, 168, 1, 255), 137, 137, 17, 0, 40, 0}, 1},
        {"S_NETB", {HOST, ADDRESS(192, 168, 1, 255), 138, 138, 6, 0, 40, 0}, 0},
        {"S_NETB", {HOST, HOST, 137, 137, 17, 0, 40, 0}, 0},
        {"S_NETB", {HOST, HOST, 137, 139, 17, 0, 40, 0}, -1},
        {"S_RSV", {HOST, OTHER, 1, 1, 6, 0, 40, 0}, 1},
        {"S_RSV", {HOST, ADDRESS(127, 0, 0, 0), 1, 1, 6, 0, 40, 0}, 0},
    };

    (void)state;
    check(WEIR_PACKETS, examples, sizeof examples / sizeof examples[0]);
    check(WEIR_NETFLOW, examples, sizeof examples / sizeof examples[0]);
}

/* Test 2 at its four bounds, and where a product of packets exceeds 64 bits. */
static void bytes_of_records(void **state)
{
    static const struct example examples[] = {
        {"T2", {HOST, OTHER, 1, 1, 6, 3, 120, 0}, 1},
        {"T2", {HOST, OTHER, 1, 1, 6, 3, 119, 0}, 0},
        {"T2", {HOST, OTHER, 1, 1, 6, 3, 196605, 0}, 1},
        {"T2", {HOST, OTHER, 1, 1, 6, 3, 196606, 0}, 0},
        {"T2", {HOST, OTHER, 1, 1, 17, 3, 84, 0}, 1},
        {"T2", {HOST, OTHER, 1, 1, 17, 3, 83, 0}, 0},
        {"T2", {HOST, OTHER, 1, 1, 1, 3, 1, 0}, -1},
        {"T2", {HOST, OTHER, 1, 1, 6, UINT64_MAX, UINT64_MAX, 0}, 0},
        {"S_BYT", {HOST, OTHER, 1, 1, 1, 2, 81, 0}, 0},
        {"S_BYT", {HOST, OTHER, 1, 1, 1, 2, 131072, 0}, 1},
        {"S_BYT", {HOST, OTHER, 1, 1, 1, 2, 131073, 0}, 0},
        {"S_ONE", {HOST, OTHER, 1, 1, 1, 1, 60, 0.999}, 1},
        {"S_ONE", {HOST, OTHER, 1, 1, 1, 1, 60, 1}, 0},
        {"S_ONE", {HOST, OTHER, 1, 1, 1, 2, 60, 5}, -1},
    };

    (void)state;
    check(WEIR_NETFLOW, examples, sizeof examples / sizeof examples[0]);
}

static void sizes_of_packets(void **state)
{
    static const struct example examples[] = {
        {"T4", {HOST, OTHER, 1, 1, 6, 0, 40, 0}, 1},
        {"T4", {HOST, OTHER, 1, 1, 6, 0, 39, 0}, 0},
        {"T4", {HOST, OTHER, 1, 1, 17, 0, 28, 0}, 1},
        {"T4", {HOST, OTHER, 1, 1, 17, 0, 27, 0}, 0},
        {"T4", {HOST, OTHER, 1, 1, 1, 0, 20, 0}, -1},
        /* A later fragment. */
        {"T4", {HOST, OTHER, 0, 0, 6, 185, 24, 0}, -1},
    };

    (void)state;
    check(WEIR_PACKETS, examples, sizeof examples / sizeof examples[0]);
}

static void equals_python(void **state)
{
    const json_t *packets = json_object_get(golden, "packets");
    json_t *rows = metric_run_records("validity", "", golden);
    json_t *ugr16 = metric_run_records("validity", "preset=ugr16", golden);
    weir_dataset *real = metric_packets(json_object_get(packets, "real"));
    weir_dataset *synthetic = metric_packets(json_object_get(packets, "synthetic"));
    json_t *of_packets = metric_run("validity", "", real, synthetic);

    (void)state;
    metric_equals(rows, json_object_get(golden, "validity"), 1e-15);
    metric_equals(ugr16, json_object_get(golden, "validity_ugr16"), 1e-15);
    metric_equals(of_packets, json_object_get(packets, "validity"), 1e-15);
    metric_is_na(rows, "T4", "not defined for netflow");
    metric_is_na(of_packets, "T2", "not defined for packets");
    json_decref(rows);
    json_decref(ugr16);
    json_decref(of_packets);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void nothing_concerned(void **state)
{
    struct row row = {HOST, OTHER, 1, 80, 6, 1, 60, 0}, plain = {HOST, OTHER, 1, 2, 47, 1, 60, 0};
    weir_dataset *real = rows_of(WEIR_NETFLOW, &row, 1);
    weir_dataset *synthetic = rows_of(WEIR_NETFLOW, &plain, 1);
    weir_dataset *empty = rows_of(WEIR_NETFLOW, &row, 0);
    json_t *rows = metric_run("validity", "", real, synthetic);
    json_t *none = metric_run("validity", "", real, empty);

    (void)state;
    metric_is_na(rows, "T2", "the synthetic trace has no TCP or UDP record");
    metric_is_na(rows, "T3", "the synthetic trace has no port");
    assert_true(metric_value(rows, "T3_REAL") == 1);
    metric_is_na(none, "T1", "the synthetic trace has no rows");
    assert_true(metric_value(none, "T1_REAL") == 1);
    json_decref(rows);
    json_decref(none);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
    weir_dataset_free(empty);
}

static void prefixes(void **state)
{
    static const char *const wrong[] = {"internal=10.0.0.0", "internal=10.0.0.1/8",
                                        "internal=10.0.0.0/33", "internal=300.0.0.0/8",
                                        "internal=10.0.0.0/8x"};
    struct row row = {HOST, OTHER, 1, 80, 6, 1, 60, 0};
    weir_dataset *data = rows_of(WEIR_NETFLOW, &row, 1);
    json_t *all = metric_run("validity", "internal=0.0.0.0/0", data, data);
    json_t *one = metric_run("validity", "internal=9.9.9.9/32,8.8.8.8/32", data, data);
    json_t *none = metric_run("validity", "internal=10.0.0.0/8", data, data);

    (void)state;
    assert_true(metric_value(all, "S_IN") == 1 && metric_value(one, "S_IN") == 1);
    assert_true(metric_value(none, "S_IN") == 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        weir_error error = {0};

        assert_null(metric_try("validity", wrong[i], data, data, &error));
        assert_int_equal(error.status, WEIR_EOPTION);
        assert_non_null(strstr(error.text, "is no prefix"));
    }
    json_decref(all);
    json_decref(one);
    json_decref(none);
    weir_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_of_a_row),     cmocka_unit_test(bytes_of_records),
        cmocka_unit_test(sizes_of_packets),  cmocka_unit_test(equals_python),
        cmocka_unit_test(nothing_concerned), cmocka_unit_test(prefixes),
    };
    int failed;

    golden = golden_load("netflow.json");
    failed = cmocka_run_group_tests(tests, metric_open, metric_close);
    json_decref(golden);
    return failed;
}
