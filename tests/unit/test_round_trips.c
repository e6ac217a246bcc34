/* Real traces come back from the encoders of rows exactly, where their pages say so. (flow_series
 * and flow_conditions have tests of their own, since a flow is not a row.) */
#include "data/trace.h"
#include "encoder_test.h"

/* names: columns of whole numbers, NULL behind the last. */
static void compare(const weir_table *out, const weir_table *table, const char *what,
                    const char *const *names)
{
    size_t n = weir_table_rows(table);
    double *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);

    assert_true(a && b);
    for (; *names; names++) {
        assert_int_equal(weir_table_doubles(out, *names, a, NULL), WEIR_OK);
        assert_int_equal(weir_table_doubles(table, *names, b, NULL), WEIR_OK);
        for (size_t i = 0; i < n; i++)
            if (fabs(a[i] - b[i]) > 0)
                fail_msg("%s: row %zu: %s is %g, not %g", what, i, *names, a[i], b[i]);
    }
    free(a);
    free(b);
}

static void test_rows(void **state)
{
    static const struct {
        const char *encoder, *options;
        bool netflow; /* takes it, too */
        const char *names[8];
    } cases[] = {
        {"bits",
         "columns=srcip,dstip,srcport,dstport,proto output=softmax",
         true,
         {"srcip", "dstip", "srcport", "dstport", "proto"}},
        {"word2vec", "epochs=1", true, {"srcport", "dstport", "proto"}},
        {"ip2vec",
         "epochs=1 columns=srcip,dstip,dstport,proto",
         true,
         {"srcip", "dstip", "dstport", "proto"}},
        {"ranks", "pieces=1048576", true, {"srcip", "dstip", "srcport", "dstport", "proto"}},
        {"record_fields", NULL, false, {"pkt_len", "tos", "id", "flag", "off", "ttl", "tcp_flags"}},
    };
    static const char *const paths[] = {
        WEIR_SOURCE_DIR "/experiments/data/sample.pcap",
        WEIR_SOURCE_DIR "/experiments/data/sample-netflow.csv",
        WEIR_SOURCE_DIR "/../shared/traces/caida-small-10k.pcapng",
    };
    size_t used = 0;

    (void)state;
    for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
        weir_error error = {0};
        weir_dataset *data;

        if (access(paths[p], R_OK)) /* the tree does not hold all of them */
            continue;
        data = weir_trace_read(&paths[p], 1, NULL, NULL, &error);
        if (!data)
            fail_msg("%s", error.text);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            weir_table *out;

            if (weir_dataset_schema(data) == WEIR_NETFLOW && !cases[i].netflow)
                continue;
            out = round_trip(cases[i].encoder, cases[i].options, data, data);
            compare(out, weir_dataset_table(data), cases[i].encoder, cases[i].names);
            weir_table_free(out);
        }
        weir_dataset_free(data);
        used++;
    }
    if (!used)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
