/* Sources, splits, identities and the cache behind them.
 * Covers: core/data/source.c core/data/cache.c core/data/series.c */
#include "traces.h"

#include "data/cache.h"
#include "data/source.h"
#include "data/write.h"
#include <sys/stat.h>
#include <time.h>
#include <utime.h>
#include <weir/random.h>

/* A capture of n packets in some flows, old enough for the cache to trust it; its time of writing
 * is always the same, so that only the time of change tells two of one size apart. */
static const char *make_trace(const char *name, uint32_t n, uint32_t flows)
{
    static capture made;
    struct utimbuf past = {1700000000, 1700000000};
    const char *path;

    capture_begin(&made, 0xa1b23c4d, 101);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t frame[28];
        memcpy(frame, plain_packet, 28);
        frame[15] = (uint8_t)(i % flows);
        capture_packet(&made, 100 + i, 0, frame, 28, 60);
    }
    path = write_bytes(name, made.bytes, made.n);
    utime(path, &past);
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    return path;
}

static json_t *json(const char *format, ...)
{
    va_list arguments;
    json_t *value;

    va_start(arguments, format);
    value = json_vpack_ex(NULL, 0, format, arguments);
    va_end(arguments);
    assert_non_null(value);
    return value;
}

static json_t *split_source(const char *path, const char *by, double test, int seed,
                            const char *part)
{
    return json("{s:[s], s:[{s:s, s:f, s:i, s:s}]}", "files", path, "split", "by", by, "test", test,
                "seed", seed, "part", part);
}

static weir_dataset *opened(json_t *source)
{
    weir_error error = {0};
    weir_dataset *dataset = weir_source_open(source, NULL, &error);

    if (!dataset)
        fail_msg("%s", error.text);
    return dataset;
}

/* Both parts together are all rows, and no row is in both (times tell rows apart). */
static void check_parts(const char *by, double share, size_t expected, bool whole_flows)
{
    const char *path = make_trace("split.pcap", 200, 20);
    json_t *train_source = split_source(path, by, share, 1, "train");
    json_t *test_source = split_source(path, by, share, 1, "test");
    weir_dataset *train = opened(train_source), *test = opened(test_source);
    bool seen[200] = {false}, flow_in_test[20] = {false};

    assert_int_equal(weir_dataset_rows(test), expected);
    assert_int_equal(weir_dataset_rows(train), 200 - expected);
    for (int k = 0; k < 2; k++) {
        const weir_table *table = weir_dataset_table(k ? test : train);
        for (size_t i = 0; i < weir_table_rows(table); i++) {
            int64_t at = weir_i64(table, "time")[i] / 1000000000 - 100;
            assert_true(at >= 0 && at < 200 && !seen[at]);
            seen[at] = true;
        }
    }
    for (size_t i = 0; whole_flows && i < weir_dataset_rows(test); i++)
        flow_in_test[weir_u32(weir_dataset_table(test), "srcip")[i] & 0xff] = true;
    for (size_t i = 0; whole_flows && i < weir_dataset_rows(train); i++)
        assert_false(flow_in_test[weir_u32(weir_dataset_table(train), "srcip")[i] & 0xff]);
    assert_string_equal(weir_dataset_name(test), "split:test");
    assert_false(weir_source_overlap(train_source, test_source));
    assert_true(weir_source_overlap(train_source, train_source));
    weir_dataset_free(train);
    weir_dataset_free(test);
    json_decref(train_source);
    json_decref(test_source);
}

static void test_splits(void **state)
{
    (void)state;
    check_parts("time", 0.2, 40, false);
    check_parts("flow", 0.2, 40, true);
    check_parts("flow", 0.21, 50, true); /* whole flows until the share is reached */
}

static void test_split_by_label(void **state)
{
    const char *path =
        write_text("labels.csv", "srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,label\n"
                                 "1,2,3,4,6,1,0,1,1,a\n1,2,3,4,6,2,0,1,1,a\n1,2,3,4,6,3,0,1,1,a\n"
                                 "1,2,3,4,6,4,0,1,1,a\n1,2,3,4,6,5,0,1,1,b\n1,2,3,4,6,6,0,1,1,b\n");
    json_t *source = split_source(path, "label", 0.5, 3, "test"), *bad;
    weir_dataset *test = opened(source);
    int counts[2] = {0, 0};
    weir_error error = {0};

    (void)state;
    for (size_t i = 0; i < weir_dataset_rows(test); i++)
        counts[weir_codes(weir_dataset_table(test), "label")[i]]++;
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 1);
    weir_dataset_free(test);
    json_decref(source);
    bad = split_source(make_trace("plain.pcap", 5, 1), "label", 0.5, 3, "test");
    assert_null(weir_source_open(bad, NULL, &error));
    assert_int_equal(error.status, WEIR_EDATA);
    json_decref(bad);
    memset(&error, 0, sizeof error);
    bad = split_source(in_folder("plain.pcap"), "flow", 0.5, 3, "train"); /* one flow: none left */
    assert_null(weir_source_open(bad, NULL, &error));
    assert_non_null(strstr(error.text, "leaves no rows"));
    json_decref(bad);
}

static void test_overlap(void **state)
{
    const char *a = strdup(make_trace("one.pcap", 50, 5)), *b = make_trace("two.pcap", 51, 5);
    json_t *whole = json("{s:[s]}", "files", a), *other = json("{s:[s]}", "files", b);
    json_t *both = json("{s:[s,s]}", "files", b, a);
    json_t *train = split_source(a, "flow", 0.2, 1, "train");
    json_t *unlike = split_source(a, "flow", 0.2, 2, "test");
    json_t *test = split_source(a, "flow", 0.2, 1, "test");
    json_t *limited = split_source(a, "flow", 0.2, 1, "test");

    (void)state;
    json_object_set_new(limited, "packets", json_integer(10));
    assert_false(weir_source_overlap(whole, other));
    assert_true(weir_source_overlap(whole, both));
    assert_true(weir_source_overlap(whole, train));
    assert_false(weir_source_overlap(train, test));
    assert_true(weir_source_overlap(train, unlike)); /* another seed cuts otherwise */
    assert_true(weir_source_overlap(train, limited));
    json_decref(whole);
    json_decref(other);
    json_decref(both);
    json_decref(train);
    json_decref(unlike);
    json_decref(test);
    json_decref(limited);
    free((void *)(uintptr_t)a);
}

static void test_identity(void **state)
{
    const char *path = strdup(make_trace("id.pcap", 30, 3));
    const char *copy = make_trace("copy.pcap", 30, 3);
    json_t *one = json("{s:[s], s:s}", "files", path, "name", "x");
    json_t *same = json("{s:[s]}", "files", copy);
    json_t *split = split_source(path, "time", 0.5, 1, "test");
    char *a = weir_source_identity(one, NULL), *b = weir_source_identity(same, NULL);
    char *c = weir_source_identity(split, NULL), hex[65], again[65];

    (void)state;
    assert_non_null(a);
    assert_string_equal(a, b); /* path and name change nothing */
    assert_string_not_equal(a, c);
    assert_int_equal(weir_trace_sha256(path, hex, NULL), WEIR_OK);
    assert_non_null(strstr(a, hex));
    assert_int_equal(weir_trace_sha256(path, again, NULL), WEIR_OK);
    assert_string_equal(hex, again);
    assert_true(weir_sha256_bytes("abc", 3, hex));
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    write_text("abc", "abc");
    assert_int_equal(weir_trace_sha256(in_folder("abc"), again, NULL), WEIR_OK);
    assert_string_equal(hex, again);
    free(a);
    free(b);
    free(c);
    json_decref(one);
    json_decref(same);
    json_decref(split);
    free((void *)(uintptr_t)path);
}

/* The one entry KEY.weir of the cache's folder, or none. */
static bool cache_entry(char path[512])
{
    char command[512];
    FILE *list;
    bool found;

    snprintf(command, sizeof command, "ls -t %s/cache/weir/*.weir 2>/dev/null", folder);
    list = popen(command, "r");
    found = list && fgets(path, 512, list);
    if (list)
        pclose(list);
    path[strcspn(path, "\n")] = 0;
    return found;
}

static void test_cache(void **state)
{
    const char *path = make_trace("cached.pcap", 40, 4);
    weir_read_options options = {.packets = 30};
    weir_dataset *fresh, *cached;
    json_t *facts = NULL, *again = NULL;
    char entry[512], (*sha)[65] = malloc(65);
    weir_error error = {0};
    FILE *file;

    (void)state;
    fresh = weir_trace_open(&path, 1, &options, &facts, sha, &error);
    assert_non_null(fresh);
    assert_true(cache_entry(entry));
    cached = weir_trace_open(&path, 1, &options, &again, NULL, &error);
    assert_same_columns(fresh, cached);
    assert_string_equal(weir_dataset_name(cached), "cached");
    assert_int_equal(weir_dataset_flows(cached, NULL)->count, 4);
    assert_true(json_equal(facts, again));
    json_decref(again);
    weir_dataset_free(cached);
    /* A damaged entry is passed over and written again. */
    file = fopen(entry, "r+");
    fseek(file, 20, SEEK_SET);
    fputs("damage", file);
    fclose(file);
    cached = weir_trace_open(&path, 1, &options, &again, NULL, &error);
    assert_same_columns(fresh, cached);
    assert_true(json_equal(facts, again));
    json_decref(again);
    weir_dataset_free(cached);
    cached = weir_cache_load("0000", &again);
    assert_null(cached);
    json_decref(facts);
    weir_dataset_free(fresh);
    /* Another content under the same path is another trace. */
    make_trace("cached.pcap", 20, 2);
    cached = weir_trace_open(&path, 1, &options, NULL, sha, &error);
    assert_int_equal(weir_dataset_rows(cached), 20);
    weir_dataset_free(cached);
    make_trace("cached.pcap", 20, 5); /* of the same size and time of writing */
    cached = weir_trace_open(&path, 1, &options, NULL, NULL, &error);
    assert_int_equal(weir_dataset_flows(cached, NULL)->count, 5);
    weir_dataset_free(cached);
    free(sha);
    /* No place for a cache is no error. */
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    cached = weir_trace_open(&path, 1, &options, NULL, NULL, &error);
    assert_int_equal(weir_dataset_rows(cached), 20);
    weir_dataset_free(cached);
    make_folder(NULL);
}

/* Above the limit what was longest unused goes; what is mapped stays. */
static void test_cache_limit(void **state)
{
    static const char *const names[] = {"one.pcap", "two.pcap", "three.pcap"};
    weir_dataset *mapped[3];
    weir_error error = {0};
    char text[32], entry[3][512];
    struct stat info;

    (void)state;
    make_folder(NULL);
    for (int i = 0; i < 3; i++) {
        const char *path = make_trace(names[i], 40, 4);

        mapped[i] = weir_trace_open(&path, 1, NULL, NULL, NULL, &error);
        assert_non_null(mapped[i]);
        assert_true(cache_entry(entry[i]));
        if (i == 1) { /* the first is used again, so that the second goes; room for two */
            const char *first = in_folder(names[0]);
            usleep(20000); /* more than a step of the clock of files */
            weir_dataset_free(mapped[0]);
            mapped[0] = weir_trace_open(&first, 1, NULL, NULL, NULL, &error);
            assert_int_equal(stat(entry[0], &info), 0);
            snprintf(text, sizeof text, "%ld", (long)info.st_size * 5 / 2);
            setenv("WEIR_CACHE_LIMIT", text, 1);
        }
        usleep(20000);
    }
    unsetenv("WEIR_CACHE_LIMIT");
    assert_int_equal(stat(entry[0], &info), 0);
    assert_int_not_equal(stat(entry[1], &info), 0);
    assert_int_equal(stat(entry[2], &info), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(weir_dataset_rows(mapped[i]), 40);
        weir_dataset_free(mapped[i]);
    }
}

static void test_columnar_source(void **state)
{
    const char *path = make_trace("w.pcap", 10, 2), *out;
    weir_dataset *dataset = weir_trace_read(&path, 1, NULL, NULL, NULL), *back;
    json_t *source;

    (void)state;
    out = in_folder("w.weir");
    assert_int_equal(weir_columnar_write(dataset, out, NULL), WEIR_OK);
    source = json("{s:s, s:s, s:i}", "data", out, "name", "synthetic", "holds", WEIR_FLOWS);
    back = opened(source);
    assert_same_columns(dataset, back);
    assert_string_equal(weir_dataset_name(back), "synthetic");
    assert_int_equal(weir_dataset_holds(back), WEIR_FLOWS);
    weir_dataset_free(back);
    weir_dataset_free(dataset);
    json_decref(source);
}

static void test_form(void **state)
{
    static const char *const texts[] = {
        "[]",
        "{}",
        "{\"files\":[]}",
        "{\"files\":[1]}",
        "{\"files\":[\"/etc/passwd\"],\"data\":\"x\"}",
        "{\"files\":[\"/etc/passwd\"],\"packets\":0}",
        "{\"files\":[\"/etc/passwd\"],\"packets\":\"5\"}",
        "{\"files\":[\"/etc/passwd\"],\"time_unit\":\"m\"}",
        "{\"files\":[\"/etc/passwd\"],\"typo\":1}",
        "{\"files\":[\"/etc/passwd\"],\"split\":{}}",
        "{\"files\":[\"/etc/passwd\"],\"split\":[{\"by\":\"time\",\"test\":1,\"part\":\"test\"}]}",
        "{\"files\":[\"/etc/passwd\"],\"split\":[{\"by\":\"x\",\"test\":0.5,\"part\":\"test\"}]}",
        "{\"files\":[\"/etc/passwd\"],\"split\":[{\"by\":\"time\",\"test\":0.5}]}",
        "{\"files\":[\"/etc/passwd\"],\"split\":[3]}",
        "{\"files\":[\"/etc\"],\"series\":{\"label\":\"directory\",\"channels\":[],\"length\":3}}",
        "{\"files\":[\"/etc\"],\"series\":{\"label\":\"x\",\"channels\":[\"size\"],\"length\":3}}",
    };
    weir_error error;
    json_t *source;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        memset(&error, 0, sizeof error);
        source = json_loads(texts[i], 0, NULL);
        if (weir_source_check(source, &error) != WEIR_EOPTION)
            fail_msg("%s was taken: %s", texts[i], error.text);
        assert_null(weir_source_open(source, NULL, NULL));
        json_decref(source);
    }
    memset(&error, 0, sizeof error);
    source = json("{s:[s]}", "files", "/dev/null/absent");
    assert_int_equal(weir_source_check(source, &error), WEIR_EIO);
    assert_int_equal(strncmp(error.text, "/dev/null/absent: ", 18), 0);
    json_decref(source);
}

static void test_series(void **state)
{
    static const char *const size[] = {"size", "gap", "direction"}, *bytes[] = {"bytes", "packets"};
    weir_series_options options = {
        .label_from = "directory", .channels = size, .channel_count = 3, .length = 4};
    const weir_table *table;
    weir_dataset *dataset;
    weir_error error = {0};
    json_t *facts;
    char root[300], path[600], hex[65], again[65];

    (void)state;
    snprintf(root, sizeof root, "%s/set", folder);
    mkdir(root, 0777);
    snprintf(path, sizeof path, "%s/web", root);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/web/a", root);
    mkdir(path, 0777);
    make_trace("set/web/a/1.pcap", 6, 2);
    make_trace("set/web/2.pcap", 3, 3);
    write_text("set/web/notes.txt", "no capture");
    dataset = weir_series_open(root, &options, &facts, &error);
    if (!dataset)
        fail_msg("%s", error.text);
    table = weir_dataset_table(dataset);
    assert_int_equal(weir_table_rows(table), 2);
    assert_string_equal(weir_category_text(table, "label", weir_codes(table, "label")[0]), "web");
    assert_string_equal(weir_category_text(table, "label", weir_codes(table, "label")[1]), "web/a");
    assert_int_equal(weir_u32(table, "length")[0], 3);
    assert_int_equal(weir_u32(table, "length")[1], 4);
    assert_true(weir_f32(table, "values")[0] == 60); /* size */
    assert_true(weir_f32(table, "values")[1] == 0);  /* no gap before the first */
    assert_true(weir_f32(table, "values")[2] == 1);
    assert_true(weir_f32(table, "values")[4] == 1);  /* one second later */
    assert_true(weir_f32(table, "values")[5] == -1); /* another source */
    assert_true(weir_f32(table, "values")[9] == 0);  /* padding */
    assert_int_equal(count_of(facts, "notes", "series cut to the length"), 1);
    assert_int_equal(count_of(facts, "skipped", "files that are no captures"), 1);
    json_decref(facts);
    weir_dataset_free(dataset);
    options.channels = bytes;
    options.channel_count = 2;
    options.bin = 2;
    dataset = weir_series_open(root, &options, &facts, &error);
    table = weir_dataset_table(dataset);
    assert_true(weir_f32(table, "values")[0] == 120 && weir_f32(table, "values")[1] == 2);
    assert_true(weir_f32(table, "values")[2] == 60 && weir_f32(table, "values")[3] == 1);
    assert_true(weir_table_series(table)->step_seconds == 2);
    json_decref(facts);
    weir_dataset_free(dataset);
    dataset = weir_series_open(root, &options, &facts, &error); /* from the cache */
    assert_int_equal(weir_dataset_rows(dataset), 2);
    assert_string_equal(weir_dataset_name(dataset), "set");
    json_decref(facts);
    weir_dataset_free(dataset);
    assert_int_equal(weir_series_identity(root, hex, &error), WEIR_OK);
    make_trace("set/web/2.pcap", 4, 3);
    assert_int_equal(weir_series_identity(root, again, &error), WEIR_OK);
    assert_string_not_equal(hex, again);
    options.channels = size;
    assert_null(weir_series_read(root, &options, NULL, &error));
    assert_non_null(strstr(error.text, "channel 'size' is none of"));
    memset(&error, 0, sizeof error);
    make_trace("set/3.pcap", 3, 3);
    options.channels = bytes;
    assert_null(weir_series_read(root, &options, NULL, &error));
    assert_non_null(strstr(error.text, "lies in no folder below"));
    options.label_from = "file";
    dataset = weir_series_read(root, &options, NULL, NULL);
    assert_int_equal(weir_dataset_rows(dataset), 3);
    weir_dataset_free(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits),          cmocka_unit_test(test_split_by_label),
        cmocka_unit_test(test_overlap),         cmocka_unit_test(test_identity),
        cmocka_unit_test(test_cache),           cmocka_unit_test(test_cache_limit),
        cmocka_unit_test(test_columnar_source), cmocka_unit_test(test_form),
        cmocka_unit_test(test_series),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
