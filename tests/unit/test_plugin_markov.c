/* The generator markov: what every generator must do, and that it learns what marginals cannot. */
#include "generator_test.h"
#include <math.h>
#include <weir/stats.h>

static void test_traces(void **state)
{
    (void)state;
    check_traces("markov", NULL, false);
}

static void test_options(void **state)
{
    weir_dataset *train = some_packets(120);

    (void)state;
    check_rows("markov", "gaps=lognormal", train, false);
    check_rows("markov", "classes=1 min_flows=2 size_bins=1 pieces=1 hosts=1", train, false);
    check_rows("markov", "min_flows=2 size_bins=64 pieces=4096 hosts=65536", train, false);
    weir_dataset_free(train);
}

/* Packets, duration and mean gap of each flow. */
static size_t facts(const weir_dataset *data, double *packets, double *durations, double *gaps)
{
    weir_error error = {0};
    const weir_flows *flows = weir_dataset_flows(data, &error);
    const int64_t *time = weir_i64(weir_dataset_table(data), "time");
    size_t used = 0;

    assert_non_null(flows);
    for (uint32_t f = 0; f < flows->count; f++) {
        const uint32_t *rows = flows->rows + flows->offsets[f];
        uint32_t n = flows->offsets[f + 1] - flows->offsets[f];

        packets[f] = n;
        durations[f] = (double)(time[rows[n - 1]] - time[rows[0]]) / 1e9;
        for (uint32_t k = 1; k < n; k++)
            gaps[used++] = (double)(time[rows[k]] - time[rows[k - 1]]) / 1e9;
    }
    return used;
}

static void test_beats_marginals(void **state)
{
    static double packets[3][20000], durations[3][20000], gaps[3][20000];
    static const char *const names[] = {NULL, "marginals", "markov"};
    weir_dataset *data[3] = {some_packets(400)};
    size_t flows[3], used[3];
    double score[3][3];
    weir_error error = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        weir_request none = {0};

        if (i)
            data[i] = weir_dataset_new(generate(names[i], NULL, data[0], none, 1), &error);
        flows[i] = weir_dataset_flows(data[i], &error)->count;
        assert_true(weir_dataset_rows(data[i]) < 20000);
        used[i] = facts(data[i], packets[i], durations[i], gaps[i]);
        score[i][0] = weir_emd(packets[0], flows[0], packets[i], flows[i], &error);
        score[i][1] = weir_emd(durations[0], flows[0], durations[i], flows[i], &error);
        score[i][2] = weir_emd(gaps[0], used[0], gaps[i], used[i], &error);
    }
    assert_int_equal(error.status, WEIR_OK);
    for (int k = 0; k < 3; k++) {
        print_message("feature %d: marginals %g, markov %g\n", k, score[1][k], score[2][k]);
        assert_true(score[2][k] < 0.4 * score[1][k]);
    }
    for (int i = 0; i < 3; i++)
        weir_dataset_free(data[i]);
}

static void test_fields_belong_together(void **state)
{
    weir_dataset *train = some_packets(400);
    weir_error error = {0};
    weir_request none = {0};
    weir_dataset *made = weir_dataset_new(generate("markov", NULL, train, none, 5), &error);
    const weir_table *table = weir_dataset_table(made);
    const weir_flows *flows = weir_dataset_flows(made, &error);
    uint32_t counted = 0, long_flows = 0;

    (void)state;
    for (uint32_t f = 0; f < flows->count; f++) {
        const uint32_t *rows = flows->rows + flows->offsets[f];
        uint32_t n = flows->offsets[f + 1] - flows->offsets[f], first = rows[0];
        uint8_t proto = weir_u8(table, "proto")[first];

        if (proto == 1) {
            assert_int_equal(weir_u16(table, "srcport")[first], 0);
            assert_int_equal(weir_u16(table, "dstport")[first], 0);
        }
        if (proto == 17)
            assert_int_equal(weir_u16(table, "dstport")[first], 53);
        if (proto != 6) {
            assert_int_equal(weir_u8(table, "tcp_flags")[first], 0);
            continue;
        }
        assert_true((weir_u16(table, "srcport")[first] == 80) !=
                    (weir_u16(table, "dstport")[first] == 80));
        assert_int_equal(weir_u8(table, "ttl")[first],
                         weir_u16(table, "srcport")[first] == 80 ? 57 : 64);
        /* A flow begins with SYN, ends with FIN, and its identification counts. */
        assert_int_equal(weir_u8(table, "tcp_flags")[first], 2);
        for (uint32_t k = 1; k < n; k++)
            counted += (uint16_t)(weir_u16(table, "id")[rows[k]] -
                                  weir_u16(table, "id")[rows[k - 1]]) == 1;
        long_flows += n - 1;
        if (n > 1)
            assert_int_equal(weir_u8(table, "tcp_flags")[rows[n - 1]], 17);
    }
    /* Packets of one time may change places when the rows are sorted, but here they are few. */
    assert_true(counted > long_flows * 9 / 10);
    weir_dataset_free(made);
    weir_dataset_free(train);
}

static void test_records_belong_together(void **state)
{
    weir_dataset *train = some_records(600);
    weir_request none = {0};
    weir_table *out = generate("markov", NULL, train, none, 5);

    (void)state;
    for (size_t i = 0; i < weir_table_rows(out); i++) {
        const char *label = weir_category_text(out, "label", weir_codes(out, "label")[i]);
        const char *type = weir_category_text(out, "type", weir_codes(out, "type")[i]);

        assert_string_equal(label, weir_u16(out, "dstport")[i] == 23 ? "attack" : "benign");
        assert_string_equal(type, weir_u16(out, "dstport")[i] == 23 ? "scan" : "normal");
        assert_true(weir_u64(out, "byt")[i] >= 20 * weir_u64(out, "pkt")[i]);
        assert_true(weir_f64(out, "td")[i] >= 0);
    }
    weir_table_free(out);
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_beats_marginals),
        cmocka_unit_test(test_fields_belong_together),
        cmocka_unit_test(test_records_belong_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
