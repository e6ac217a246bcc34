/* The encoder word2vec: exact decoding, neighbourhoods beside gensim's, dictionaries that are
 * given, addresses. Covers: weir_archive_open of core/plugin/model.c
 * Covers: core/data/words.c, core/data/words_train.c (both with test_plugin_ip2vec)
 * Covers: core/data/words_nearest.c */
#include "words_test.h"

static void test_neighbourhoods(void **state)
{
    (void)state;
    check_neighbourhoods("word2vec", NULL, "quality");
}

static void assert_ports(const weir_table *out, const weir_table *table, size_t n)
{
    assert_memory_equal(weir_u16(out, "srcport"), weir_u16(table, "srcport"), n * 2);
    assert_memory_equal(weir_u16(out, "dstport"), weir_u16(table, "dstport"), n * 2);
    assert_memory_equal(weir_u8(out, "proto"), weir_u8(table, "proto"), n);
}

static void test_round_trips(void **state)
{
    static const char *const options[] = {NULL, "sentences=flows", "width=3 epochs=40 subsample=0",
                                          "width=1 negative=1 window=1", "epochs=1"};
    weir_dataset *packets = some_packets(200), *records = some_records(300);

    (void)state;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        bool exact = i != 3; /* on a line there are two directions only */
        weir_table *out = round_trip("word2vec", options[i], packets, packets);

        if (exact)
            assert_ports(out, weir_dataset_table(packets), weir_dataset_rows(packets));
        weir_table_free(out);
    }
    {
        weir_table *out = round_trip("word2vec", NULL, records, records);

        assert_ports(out, weir_dataset_table(records), weir_dataset_rows(records));
        weir_table_free(out);
    }
    weir_dataset_free(packets);
    weir_dataset_free(records);
    check_empty("word2vec");
}

/* Every port there is: 65,536 words. */
static void test_all_ports(void **state)
{
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, 65536, &error), *out;
    struct encoder encoder = {0};
    enum { SOME = 400 };
    uint32_t rows[SOME];
    float *values = malloc(SOME * 10 * sizeof *values);
    weir_dataset *train;

    (void)state;
    for (size_t i = 0; i < 65536; i++)
        weir_u16_out(table, "srcport")[i] = (uint16_t)i;
    train = weir_dataset_new(table, &error);
    for (uint32_t i = 0; i < SOME; i++)
        rows[i] = i * 163 + 7;
    assert_int_equal(open_encoder(&encoder, "word2vec", "columns=srcport epochs=1", train),
                     WEIR_OK);
    assert_int_equal(encoder.plugin->encode(encoder.job, encoder.state, train, rows, SOME, values),
                     WEIR_OK);
    out = empty_like(table);
    assert_int_equal(weir_table_resize(out, SOME, &error), WEIR_OK);
    assert_int_equal(encoder.plugin->decode(encoder.job, encoder.state, values, SOME, out),
                     WEIR_OK);
    for (uint32_t i = 0; i < SOME; i++)
        assert_int_equal(weir_u16(out, "srcport")[i], rows[i]);
    close_encoder(&encoder);
    weir_table_free(out);
    weir_dataset_free(train);
    free(values);
}

/* The search is exact: as a search of all words, in double precision, finds it. */
static void test_nearest(void **state)
{
    enum { MANY = 300 };
    weir_dataset *train = grouped(3000);
    weir_random random = weir_random_new(9, "queries");
    struct encoder encoder = {0};
    weir_error error = {0};
    weir_table *out = empty_like(weir_dataset_table(train));
    static float values[MANY * 20];
    struct words words;

    (void)state;
    assert_int_equal(open_encoder(&encoder, "word2vec", "columns=dstport,proto", train), WEIR_OK);
    words = words_of(&encoder);
    for (size_t i = 0; i < MANY * 20; i++)
        values[i] = (float)weir_random_normal(&random);
    for (size_t k = 0; k < 20; k++) {
        values[k] = 0;
        values[20 + k] = 3e38f;
    }
    assert_int_equal(weir_table_resize(out, MANY, &error), WEIR_OK);
    assert_int_equal(encoder.plugin->decode(encoder.job, encoder.state, values, MANY, out),
                     WEIR_OK);
    for (size_t i = 1; i < MANY; i++) {
        uint64_t best = 0;
        double most = -INFINITY;

        for (uint64_t w = 0; w + 1 < words.n; w++) {
            double dot = 0;

            for (uint64_t k = 0; k < 10; k++)
                dot += (double)values[i * 20 + k] * (double)words.vectors[w * 10 + k];
            if (dot > most) {
                most = dot;
                best = w;
            }
        }
        assert_int_equal(weir_u16(out, "dstport")[i], words.values[best]);
        assert_int_equal(weir_u8(out, "proto")[i], 6);
    }
    weir_archive_free(words.archive);
    close_encoder(&encoder);
    weir_table_free(out);
    weir_dataset_free(train);
}

/* Source and destination share words; a port and a protocol of one number do not. */
static void test_kinds(void **state)
{
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, 2, &error);
    const uint32_t rows[] = {0, 1};
    struct encoder encoder = {0};
    weir_dataset *train;
    float values[60];

    (void)state;
    for (uint16_t i = 0; i < 2; i++) {
        weir_u16_out(table, "srcport")[i] = i ? 6 : 17;
        weir_u16_out(table, "dstport")[i] = i ? 17 : 6;
        weir_u8_out(table, "proto")[i] = 6;
    }
    train = weir_dataset_new(table, &error);
    assert_int_equal(open_encoder(&encoder, "word2vec", NULL, train), WEIR_OK);
    assert_int_equal(encoder.job->layout.count, 3);
    assert_int_equal(encoder.plugin->encode(encoder.job, encoder.state, train, rows, 2, values),
                     WEIR_OK);
    assert_memory_equal(values, values + 40, 40);
    assert_memory_equal(values + 10, values + 30, 40);
    assert_true(memcmp(values, values + 20, 40) != 0 && memcmp(values + 10, values + 20, 40) != 0);
    close_encoder(&encoder);
    weir_dataset_free(train);
}

/* A saved dictionary given to another fit, on data with ports that it does not have. */
static void test_dictionary(void **state)
{
    weir_dataset *train = grouped(2000), *other = some_packets(40);
    struct encoder first = {0}, second = {0};
    char folder[] = "/tmp/weir-test-XXXXXX", options[128], command[64];
    const uint16_t *ports = weir_u16(weir_dataset_table(other), "srcport");
    struct words words, again;
    weir_table *out;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(open_encoder(&first, "word2vec", "columns=srcport,dstport", train), WEIR_OK);
    words = words_of(&first);
    assert_int_equal(weir_archive_write(words.archive, folder, NULL), WEIR_OK);
    snprintf(options, sizeof options, "columns=srcport dictionary=%s/arrays.safetensors", folder);
    assert_int_equal(open_encoder(&second, "word2vec", options, other), WEIR_OK);
    again = words_of(&second);
    assert_int_equal(again.n, words.n);
    assert_memory_equal(again.vectors, words.vectors, words.n * words.width * 4);
    /* 40000 and more are nearest to the greatest port of the dictionary, 0 to the least. */
    out = round_trip("word2vec", options, other, other);
    for (size_t i = 0; i < weir_table_rows(out); i++)
        assert_int_equal(weir_u16(out, "srcport")[i],
                         ports[i] >= 40000 ? words.values[words.n - 1] : words.values[0]);
    weir_table_free(out);
    snprintf(options, sizeof options, "columns=proto dictionary=%s/arrays.safetensors", folder);
    check_refused("word2vec", options, other, WEIR_EOPTION, "no words of 'proto'");
    snprintf(options, sizeof options, "columns=srcport dictionary=%s/model.json", folder);
    check_refused("word2vec", options, other, WEIR_EOPTION, "not the arrays.safetensors");
    snprintf(command, sizeof command, "echo '{\"values\":{}}' > %s/model.json", folder);
    assert_int_equal(system(command), 0);
    snprintf(options, sizeof options, "columns=srcport dictionary=%s/arrays.safetensors", folder);
    check_refused("word2vec", options, other, WEIR_EDATA, "no number 'kinds'");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    weir_archive_free(words.archive);
    weir_archive_free(again.archive);
    close_encoder(&first);
    close_encoder(&second);
    weir_dataset_free(train);
    weir_dataset_free(other);
}

static void test_seed(void **state)
{
    weir_dataset *train = grouped(500);
    struct encoder encoder = {0};
    struct words words, others;
    weir_job *job;

    (void)state;
    assert_int_equal(open_encoder(&encoder, "word2vec", NULL, train), WEIR_OK);
    words = words_of(&encoder);
    job = new_job((const weir_generator *)(const void *)encoder.plugin, encoder.registry, NULL, 2);
    weir_job_free(encoder.job);
    encoder.job = job;
    encoder.state = weir_job_state(job);
    assert_int_equal(encoder.plugin->fit(job, train, encoder.state), WEIR_OK);
    others = words_of(&encoder);
    assert_true(memcmp(words.vectors, others.vectors, words.n * words.width * 4) != 0);
    weir_archive_free(words.archive);
    weir_archive_free(others.archive);
    close_encoder(&encoder);
    weir_dataset_free(train);
}

/* Addresses: source and destination share words; one that training did not have is the nearest. */
static void test_addresses(void **state)
{
    weir_dataset *train = some_packets(200), *other = some_packets(4);
    const weir_table *table = weir_dataset_table(train);
    size_t n = weir_table_rows(table);
    weir_table *out = round_trip("word2vec", "columns=srcip,dstip", train, train);
    uint32_t *wrong = weir_u32_out((weir_table *)(uintptr_t)weir_dataset_table(other), "srcip");

    (void)state;
    assert_memory_equal(weir_u32(out, "srcip"), weir_u32(table, "srcip"), n * 4);
    assert_memory_equal(weir_u32(out, "dstip"), weir_u32(table, "dstip"), n * 4);
    weir_table_free(out);
    wrong[0] = 1;          /* below all */
    wrong[1] = 0x0a000017; /* one behind the last client */
    wrong[2] = UINT32_MAX;
    out = round_trip("word2vec", "columns=srcip,dstip,srcport", train, other);
    assert_int_equal(weir_u32(out, "srcip")[0], 0x0a000000);
    assert_int_equal(weir_u32(out, "srcip")[1], 0x0a000016);
    assert_int_equal(weir_u32(out, "srcip")[2], 0xc0a80005);
    weir_table_free(out);
    weir_dataset_free(train);
    weir_dataset_free(other);
}

static void test_wild_and_refused(void **state)
{
    static const char *const columns[] = {"srcport", "dstport", "proto"};
    weir_dataset *train = some_packets(40), *records = some_records(20);

    (void)state;
    check_wild("word2vec", NULL, train, columns, 3);
    check_refused("word2vec", "columns=pkt", records, WEIR_EOPTION, "'pkt' is u64");
    check_refused("word2vec", "columns=td", records, WEIR_EOPTION, "'td' is f64");
    check_refused("word2vec", "columns=", train, WEIR_EOPTION, "names no column");
    check_refused("word2vec", "alpha=0.01 min_alpha=0.02", train, WEIR_EOPTION, "above 'alpha'");
    check_refused("word2vec", "min_count=1000000", train, WEIR_EOPTION, "no port occurs");
    weir_dataset_free(train);
    weir_dataset_free(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neighbourhoods),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_all_ports),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_dictionary),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_wild_and_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
