/* Sampling from cascadegan: requests, conditions of every source, flows that conform to them. */
#include "unit/generator_test.h"
#include <math.h>

#define NAME "cascadegan"
#define TINY "preset=tiny "

static const weir_request as_trained = {0};

static weir_dataset *of_table(weir_table *table)
{
    weir_error error = {0};
    weir_dataset *data = weir_dataset_new(table, &error);

    if (!data)
        fail_msg("%s", error.text);
    return data;
}

static weir_dataset *sampled(const char *options, const weir_dataset *train, weir_request request)
{
    return of_table(generate(NAME, options, train, request, 1));
}

/* Without the fields whose encoding reaches beyond the training range (tos, ttl, id, off). */
static weir_dataset *plain_packets(uint32_t flows)
{
    static const char *const columns[] = {"time",    "srcip", "dstip",  "srcport",
                                          "dstport", "proto", "pkt_len"};
    weir_dataset *full = some_packets(flows);
    size_t rows = weir_dataset_rows(full);
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, rows, &error);

    assert_non_null(table);
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        for (uint32_t i = 0; i < rows; i++)
            assert_int_equal(
                weir_table_copy(table, i, weir_dataset_table(full), columns[c], &i, 1, &error),
                WEIR_OK);
    weir_dataset_free(full);
    return of_table(table);
}

struct shape {
    double packets, start, end;
};

static int by_shape(const void *a, const void *b)
{
    const struct shape *x = a, *y = b;

    if (x->packets != y->packets)
        return x->packets < y->packets ? -1 : 1;
    return (x->start > y->start) - (x->start < y->start);
}

/* Packets and times of all flows, ascending; times since `first`. */
static struct shape *shapes_of(const weir_dataset *data, int64_t first, size_t *n)
{
    weir_error error = {0};
    const weir_flows *flows = weir_dataset_flows(data, &error);
    const int64_t *times =
        weir_i64(weir_dataset_table(data), weir_time_column(weir_dataset_schema(data)));
    struct shape *shapes;

    assert_non_null(flows);
    shapes = malloc(flows->count * sizeof *shapes);
    assert_non_null(shapes);
    for (uint32_t f = 0; f < flows->count; f++) {
        uint32_t from = flows->offsets[f], to = flows->offsets[f + 1];

        shapes[f] = (struct shape){to - from, (double)(times[flows->rows[from]] - first),
                                   (double)(times[flows->rows[to - 1]] - first)};
    }
    qsort(shapes, flows->count, sizeof *shapes, by_shape);
    *n = flows->count;
    return shapes;
}

static void test_requests(void **state)
{
    weir_dataset *packets = plain_packets(120), *records = some_records(400);

    (void)state;
    check_rows(NAME, TINY "conditions_from=generated", packets, false);
    check_rows(NAME, TINY "conditions_from=bootstrap", records, false);
    check_cancel(NAME, packets);
    weir_dataset_free(packets);
    weir_dataset_free(records);
}

/* With the real conditions, every flow has the packets, the start and the end of a real one. */
static void test_flows_conform(void **state)
{
    static const char *const variants[] = {
        TINY "conditions_from=real", TINY "conditions_from=real rate_backbone=mlp adjust=false",
        TINY "conditions_from=real field_backbone=lstm zero_inflation=false",
        TINY "conditions_from=real timestamps=sub_period",
        TINY "conditions_from=real timestamps=equidistant steps=7"};
    weir_dataset *train = some_packets(80);
    int64_t first = weir_i64(weir_dataset_table(train), "time")[0];
    size_t n, m;
    struct shape *real = shapes_of(train, first, &n);

    (void)state;
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
        weir_dataset *made = sampled(variants[v], train, as_trained);
        struct shape *shapes = shapes_of(made, first, &m);

        assert_int_equal(weir_dataset_rows(made), weir_dataset_rows(train));
        assert_int_equal(m, n);
        for (size_t i = 0; i < n; i++) {
            assert_true(shapes[i].packets == real[i].packets);
            /* A float32 of 20 s holds them to 2 us. */
            assert_true(fabs(shapes[i].start - real[i].start) < 4000);
            assert_true(fabs(shapes[i].end - real[i].end) < 4000);
        }
        free(shapes);
        weir_dataset_free(made);
    }
    free(real);
    weir_dataset_free(train);
}

/* As published: the series decides, and nothing leaves the trace. */
static void test_published(void **state)
{
    weir_dataset *train = plain_packets(80), *made;

    (void)state;
    made = sampled(TINY "conditions_from=real conform=false timestamps=ml", train, as_trained);
    assert_int_equal(flows_of(weir_dataset_table(made)), 80);
    assert_inside(weir_dataset_table(made), weir_dataset_table(train), 0);
    weir_dataset_free(made);
    weir_dataset_free(train);
}

static double share(const weir_dataset *data, const weir_classes *classes, uint32_t flag)
{
    size_t n, inside = 0;
    struct shape *shapes = shapes_of(data, 0, &n);

    for (size_t i = 0; i < n; i++)
        inside += (weir_class_of(classes, shapes[i].packets, shapes[i].end - shapes[i].start) &
                   flag) != 0;
    free(shapes);
    return (double)inside / (double)n;
}

static void test_weights_are_followed(void **state)
{
    static const char *const sources[] = {"generated", "bootstrap", "given"};
    weir_dataset *train = some_packets(120);
    weir_classes classes;
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_classes_learn(train, &classes, &error), WEIR_OK);
    for (size_t s = 0; s < 3; s++) {
        char options[160];
        weir_dataset *made;

        snprintf(options, sizeof options, TINY "weights=elephants=0.6,short=0.5 conditions_from=%s",
                 sources[s]);
        made = sampled(options, train, (weir_request){.flows = 200});
        assert_true(fabs(share(made, &classes, WEIR_ELEPHANT) - 0.6) < 0.006);
        assert_true(fabs(share(made, &classes, WEIR_LONG) - 0.5) < 0.006);
        weir_dataset_free(made);
    }
    weir_dataset_free(train);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_given_table(void **state)
{
    const char *path = WEIR_BUILD_DIR "/tests/cascadegan_given.csv";
    char options[200];
    weir_dataset *train = some_packets(80), *made;
    int64_t first = weir_i64(weir_dataset_table(train), "time")[0];
    struct shape *shapes;
    size_t n;

    (void)state;
    snprintf(options, sizeof options, TINY "conditions_from=given given=%s", path);
    write_text(path, "flow_packets, flow_start,flow_end\r\n9,1000000000,4000000000\r\n\r\n"
                     "1,5000000000,5000000000\n300,0,18000000000\n");
    made = sampled(options, train, (weir_request){.flows = 5});
    shapes = shapes_of(made, first, &n);
    assert_int_equal(n, 5); /* starting over */
    assert_true(shapes[0].packets == 1 && shapes[0].start == 5e9);
    assert_true(shapes[1].packets == 1);
    assert_true(shapes[2].packets == 9 && shapes[2].start == 1e9 && shapes[2].end == 4e9);
    assert_true(shapes[4].packets == 300 && shapes[4].start == 0 && shapes[4].end == 1.8e10);
    free(shapes);
    weir_dataset_free(made);
    /* What is missing is drawn. A spreadsheet begins with a byte order mark. */
    write_text(path, "\xef\xbb\xbf"
                     "flow_packets\r\n12\r\n1\r\n");
    made = sampled(options, train, (weir_request){.flows = 10});
    shapes = shapes_of(made, first, &n);
    for (size_t i = 0; i < n; i++) {
        assert_true(shapes[i].packets == (i < 5 ? 1 : 12));
        assert_true(i < 5 || shapes[i].end > shapes[i].start);
    }
    assert_true(shapes[0].start != shapes[4].start && shapes[5].start != shapes[9].start);
    free(shapes);
    weir_dataset_free(made);
    weir_dataset_free(train);
}

static void test_bad_tables(void **state)
{
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"", "is empty"},
        {"flow_packets\n", "no row"},
        {"flow_packts\n1\n", ":1: column 'flow_packts'"},
        {"\xff\xfepackets\n1\n", ":1: column '?\?packets' is no condition"},
        {"flow_packets,flow_packets\n1,1\n", ":1: column 'flow_packets' is there twice"},
        {"flow_packets,flow_start\n1,0\n1\n", ":3: 1 fields, and the first line has 2"},
        {"flow_packets\n1\nx\n", ":3: column 'flow_packets': 'x' is not a number"},
        {"flow_packets\n1.5\n", ":2: column 'flow_packets': '1.5' is not a whole number"},
        {"flow_packets\n0\n", ":2: column 'flow_packets': '0' is not in its range, 1 to"},
        {"flow_start\n30000000000\n", ":2: column 'flow_start': '30000000000' is not in its range"},
        {"flow_gap\nnan\n", "'nan' is not a number"},
        {"flow_start,flow_end\n5,4\n", ":2: flow_end is before flow_start"},
        {"flow_packets,flow_active\n3,4\n", ":2: flow_active is more than flow_packets"},
        {"flow_duration,flow_active\n3,4\n", ":2: flow_active is more than flow_duration"},
        {"flow_packets,flow_peak\n3,4\n", ":2: flow_peak is more than flow_packets"},
        {"flow_packets,flow_duration\n1,4\n", ":2: a flow of one packet has no duration"},
    };
    const char *path = WEIR_BUILD_DIR "/tests/cascadegan_bad.csv";
    char options[200];
    weir_dataset *train = some_packets(20);
    struct run run;

    (void)state;
    snprintf(options, sizeof options, TINY "conditions_from=given given=%s", path);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(path, bad[i].text);
        run = run_generator(NAME, options, train, &as_trained, 1, false, 0);
        assert_int_equal(run.status, WEIR_EDATA);
        if (!strstr(run.text, bad[i].said))
            fail_msg("%s", run.text);
    }
    remove(path);
    weir_dataset_free(train);
}

static void test_bad_options(void **state)
{
    static const struct {
        const char *options, *said;
    } bad[] = {
        {TINY "conditions_from=given", "needs a file"},
        {TINY "weights=elephants=2", "a share is no number"},
        {TINY "weights=long=0.1 conditions_from=real", "conditions_from=real takes those"},
        {TINY "conditions=packets,start", "lacks start and end"},
    };
    weir_dataset *train = some_packets(20), *equal;
    const weir_request flows = {.flows = 12};
    uint32_t first[8] = {0};
    weir_error error = {0};
    struct run run;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        run = run_generator(NAME, bad[i].options, train, &as_trained, 1, false, 0);
        assert_int_equal(run.status, WEIR_EOPTION);
        if (!strstr(run.text, bad[i].said))
            fail_msg("%s", run.text);
    }
    /* One 5-tuple: there are no mice, however many are drawn. */
    equal = weir_dataset_select(train, first, 8, &error);
    assert_non_null(equal);
    run = run_generator(NAME, TINY "weights=mice=0.5", equal, &flows, 1, false, 0);
    assert_int_equal(run.status, WEIR_EOPTION);
    assert_non_null(strstr(run.text, "cannot be followed"));
    weir_dataset_free(equal);
    weir_dataset_free(train);
}

static double mean_length(const weir_dataset *data)
{
    const uint16_t *length = weir_u16(weir_dataset_table(data), "pkt_len");
    size_t n = weir_dataset_rows(data);
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += length[i];
    return sum / (double)n;
}

/* An untrained network's lengths are nothing like training's; calibrated they have its mean, with
 * tuples that are vectors and with tuples that are numbers. */
static void test_calibrated(void **state)
{
    static const char *const options[] = {
        TINY, "preset=quick steps=20 width=16 critic_width=16 critic_layers=1 noise=4 batch=16 "
              "critic_steps=1 most_steps=5 "};
    weir_dataset *train = some_packets(1500), *made;
    double right = mean_length(train);

    (void)state;
    for (int i = 0; i < 2; i++) {
        made = sampled(options[i], train, as_trained);
        assert_true(weir_dataset_rows(made) > 4096);
        if (fabs(mean_length(made) / right - 1) > 0.02)
            fail_msg("%g instead of %g", mean_length(made), right);
        weir_dataset_free(made);
    }
    made = sampled(TINY "calibrate=false", train, as_trained);
    assert_true(fabs(mean_length(made) / right - 1) > 0.1);
    weir_dataset_free(made);
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),    cmocka_unit_test(test_flows_conform),
        cmocka_unit_test(test_published),   cmocka_unit_test(test_weights_are_followed),
        cmocka_unit_test(test_given_table), cmocka_unit_test(test_bad_tables),
        cmocka_unit_test(test_bad_options), cmocka_unit_test(test_calibrated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
