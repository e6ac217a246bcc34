/* The encoder ip2vec: neighbourhoods beside gensim's skip-gram, exact round trips, dictionaries of
 * a public trace. Covers: core/data/words.c, core/data/words_train.c (with test_plugin_word2vec) */
#include "words_test.h"

static void test_neighbourhoods(void **state)
{
    (void)state;
    check_neighbourhoods("ip2vec", "sentences=rows", "skip_gram");
}

static void test_round_trips(void **state)
{
    static const char *const options[] = {NULL, "columns=srcip,dstip,srcport,dstport,proto",
                                          "columns=dstport,dstip,proto sentences=rows width=4"};
    weir_dataset *sets[] = {some_packets(200), some_records(300)};

    (void)state;
    for (int d = 0; d < 2; d++)
        for (int o = 0; o < 3; o++) {
            const weir_table *table = weir_dataset_table(sets[d]);
            size_t n = weir_table_rows(table);
            weir_table *out = round_trip("ip2vec", options[o], sets[d], sets[d]);

            assert_memory_equal(weir_u16(out, "dstport"), weir_u16(table, "dstport"), n * 2);
            assert_memory_equal(weir_u8(out, "proto"), weir_u8(table, "proto"), n);
            if (o > 0)
                assert_memory_equal(weir_u32(out, "dstip"), weir_u32(table, "dstip"), n * 4);
            weir_table_free(out);
        }
    weir_dataset_free(sets[0]);
    weir_dataset_free(sets[1]);
    check_empty("ip2vec");
}

/* Sentences are flows: more rows of a flow change nothing, where rows are sentences they do. */
static void test_flows(void **state)
{
    weir_dataset *train = grouped(500), *doubled;
    uint32_t rows[1000];

    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        rows[i] = i % 500;
    doubled = weir_dataset_select(train, rows, 1000, NULL);
    assert_non_null(doubled);
    for (int by_row = 0; by_row < 2; by_row++) {
        const char *options = by_row ? "sentences=rows" : NULL;
        struct encoder one = {0}, two = {0};
        struct words words, others;

        assert_int_equal(open_encoder(&one, "ip2vec", options, train), WEIR_OK);
        assert_int_equal(open_encoder(&two, "ip2vec", options, doubled), WEIR_OK);
        words = words_of(&one);
        others = words_of(&two);
        assert_int_equal(words.n, others.n);
        assert_int_equal(memcmp(words.vectors, others.vectors, words.n * words.width * 4) != 0,
                         by_row);
        weir_archive_free(words.archive);
        weir_archive_free(others.archive);
        close_encoder(&one);
        close_encoder(&two);
    }
    weir_dataset_free(doubled);
    weir_dataset_free(train);
}

/* With a public trace no word comes from the training set. */
static void test_public(void **state)
{
    static const char text[] = "srcip,dstip,srcport,dstport,proto,time,pkt_len\n"
                               "10.9.0.1,10.9.0.2,1000,80,6,1,40\n"
                               "10.9.0.3,10.9.0.2,1001,53,17,2,40\n";
    weir_dataset *train = some_packets(40);
    const weir_table *table = weir_dataset_table(train);
    char path[] = "/tmp/weir-test-XXXXXX.csv", options[128];
    int file = mkstemps(path, 4);
    struct encoder encoder = {0};
    struct words words;
    weir_table *out;

    (void)state;
    assert_int_equal(write(file, text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(close(file), 0);
    snprintf(options, sizeof options, "public=%s columns=srcport,dstport,proto", path);
    assert_int_equal(open_encoder(&encoder, "ip2vec", options, train), WEIR_OK);
    words = words_of(&encoder);
    assert_int_equal(words.n, 6);
    assert_int_equal(words.values[0], 53);
    assert_int_equal(words.values[3], 1001);
    weir_archive_free(words.archive);
    close_encoder(&encoder);
    out = round_trip("ip2vec", options, train, train);
    for (size_t i = 0; i < weir_table_rows(out); i++) {
        uint16_t port = weir_u16(table, "srcport")[i];

        assert_int_equal(weir_u16(out, "srcport")[i], port == 80 ? 80 : port >= 40000 ? 1001 : 53);
        assert_int_equal(weir_u8(out, "proto")[i], weir_u8(table, "proto")[i] == 17 ? 17 : 6);
    }
    weir_table_free(out);
    snprintf(options, sizeof options, "public=%s columns=ttl", path);
    check_refused("ip2vec", options, train, WEIR_EDATA,
                  "option 'public': the data has no column 'ttl'");
    snprintf(options, sizeof options, "public=%s dictionary=%s", path, path);
    check_refused("ip2vec", options, train, WEIR_EOPTION, "not from both");
    unlink(path);
    weir_dataset_free(train);
}

/* A dictionary whose values do not fit the column is refused, not cut. */
static void test_too_wide(void **state)
{
    weir_dataset *train = some_packets(40);
    struct encoder encoder = {0};
    char folder[] = "/tmp/weir-test-XXXXXX", options[128], command[128];
    struct words words;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(open_encoder(&encoder, "ip2vec", "columns=id", train), WEIR_OK);
    words = words_of(&encoder);
    assert_int_equal(weir_archive_write(words.archive, folder, NULL), WEIR_OK);
    weir_archive_free(words.archive);
    close_encoder(&encoder);
    snprintf(command, sizeof command, "sed -i 's/\"id\"/\"ttl\"/' %s/model.json", folder);
    assert_int_equal(system(command), 0);
    snprintf(options, sizeof options, "columns=ttl dictionary=%s/arrays.safetensors", folder);
    check_refused("ip2vec", options, train, WEIR_EDATA, "of 'ttl', which is u8");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    weir_dataset_free(train);
}

static void test_wild_and_refused(void **state)
{
    static const char *const columns[] = {"srcip", "dstip", "srcport", "dstport", "proto"};
    weir_dataset *train = some_packets(40);

    (void)state;
    check_wild("ip2vec", "columns=srcip,dstip,srcport,dstport,proto", train, columns, 5);
    check_refused("ip2vec", "columns=time", train, WEIR_EOPTION, "'time' is i64");
    check_refused("ip2vec", "min_count=1000000", train, WEIR_EOPTION, "no port occurs");
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neighbourhoods), cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_flows),          cmocka_unit_test(test_public),
        cmocka_unit_test(test_too_wide),       cmocka_unit_test(test_wild_and_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
