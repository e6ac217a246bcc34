/* Takes: so many rows of a label, drawn by a seed, alone and after a split. (Splits:
 * test_source.c.) Covers: core/data/part.c core/data/form.c */
#include "traces.h"

#include "data/part.h"
#include "data/source.h"

/* 12 series of one step, whose value is their number: six of a/x, four of a/y, two of b. */
static const char *make_series(void)
{
    static const char *const labels[] = {"a/x", "a/y", "a/x", "b",   "a/x", "a/y",
                                         "a/x", "a/y", "b",   "a/x", "a/y", "a/x"};
    char text[1024] = "series,label,step,size\n", line[64];

    for (int i = 0; i < 12; i++) {
        snprintf(line, sizeof line, "%d,%s,0,%d\n", i, labels[i], i + 1);
        strcat(text, line);
    }
    return write_text("takes.csv", text);
}

/* The source of the file with these steps (JSON). */
static json_t *source_of(const char *path, const char *steps)
{
    json_t *list = json_loads(steps, 0, NULL);

    assert_non_null(list);
    return json_pack("{s:[s], s:o}", "files", path, "split", list);
}

/* Which of the 12 series are there, as bits; they stand in the file's order. */
static unsigned kept(json_t *source, json_t **facts)
{
    weir_error error = {0};
    weir_dataset *dataset = weir_source_open(source, facts, &error);
    unsigned bits = 0;

    if (!dataset)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < weir_dataset_rows(dataset); i++) {
        unsigned bit = 1U << (int)(weir_f32(weir_dataset_table(dataset), "values")[i] - 1);
        assert_true(bit > bits);
        bits |= bit;
    }
    weir_dataset_free(dataset);
    json_decref(source);
    return bits;
}

static unsigned taken(const char *path, const char *steps)
{
    return kept(source_of(path, steps), NULL);
}

#define A_X 0xa55U /* rows 0, 2, 4, 6, 9, 11 */
#define A_Y 0x4a2U /* rows 1, 5, 7, 10 */
#define B 0x108U   /* rows 3, 8 */

static int count(unsigned bits)
{
    int n = 0;

    for (; bits; bits &= bits - 1)
        n++;
    return n;
}

static void test_take(void **state)
{
    const char *path = make_series();
    unsigned one, two, other, below;
    json_t *facts;

    (void)state;
    one = taken(path, "[{\"take\":{\"per_label\":1}}]");
    two = taken(path, "[{\"take\":{\"per_label\":2,\"seed\":1}}]");
    assert_int_equal(count(one & A_X), 1);
    assert_int_equal(count(one & A_Y), 1);
    assert_int_equal(count(one & B), 1);
    assert_int_equal(count(two & A_X), 2);
    assert_int_equal(count(two), 6);
    assert_int_equal(one & two, one); /* fewer are a part of more */
    other = two;
    for (int seed = 2; seed < 12 && other == two; seed++) {
        char steps[64];
        snprintf(steps, sizeof steps, "[{\"take\":{\"per_label\":2,\"seed\":%d}}]", seed);
        other = taken(path, steps);
    }
    assert_int_not_equal(other, two);
    assert_int_equal(taken(path, "[{\"take\":{\"labels\":[\"b\"]}}]"), B);
    assert_int_equal(taken(path, "[{\"take\":{\"labels\":[\"a\"]}}]"), A_X | A_Y);
    assert_int_equal(taken(path, "[{\"take\":{\"labels\":[\"b\",\"a/y\"]}}]"), A_Y | B);
    /* What is drawn of a label does not depend on the others. */
    below = taken(path, "[{\"take\":{\"per_label\":2,\"labels\":[\"a\"]}}]");
    assert_int_equal(below, two & (A_X | A_Y));
    /* Some labels limited, the others whole. */
    below = taken(path, "[{\"take\":{\"per_label\":{\"a/y\":2,\"b\":1},\"labels\":[\"a\"]}}]");
    assert_int_equal(below & A_X, A_X);
    assert_int_equal(below & A_Y, two & A_Y);
    assert_int_equal(below & B, one & B);
    /* Of two that name a label the longer counts, in whatever order they stand. */
    below = taken(path, "[{\"take\":{\"per_label\":{\"a\":1,\"a/y\":2}}}]");
    assert_int_equal(below, (one & A_X) | (two & A_Y) | B);
    assert_int_equal(taken(path, "[{\"take\":{\"per_label\":{\"a/y\":2,\"a\":1}}}]"), below);
    /* Fewer than asked for: all there are, counted. */
    assert_int_equal(kept(source_of(path, "[{\"take\":{\"per_label\":4}}]"), &facts) & (A_Y | B),
                     A_Y | B);
    assert_int_equal(json_object_size(json_object_get(facts, "short")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(facts, "short"), "b")), 2);
    json_decref(facts);
}

/* Labels of which a part gets no row are counted: of two rows a fifth is none. */
static void test_absent(void **state)
{
    static const char *const parts[] = {
        "[{\"by\":\"label\",\"test\":0.2,\"seed\":1,\"part\":\"test\"}]",
        "[{\"by\":\"flow\",\"test\":0.8,\"seed\":1,\"part\":\"train\"}]",
        "[{\"by\":\"label\",\"test\":0.2,\"seed\":1,\"part\":\"train\"}]"};
    const char *path = make_series();
    json_t *facts, *absent;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal((kept(source_of(path, parts[i]), &facts) & B) == 0, i < 2);
        absent = json_object_get(facts, "absent");
        assert_int_equal(json_object_size(absent), i < 2);
        if (i < 2)
            assert_int_equal(json_integer_value(json_object_get(absent, "b")), 2);
        json_decref(facts);
    }
}

static void test_after_split(void **state)
{
    static const char train_split[] =
        "{\"by\":\"label\",\"test\":0.5,\"seed\":4,\"part\":\"train\"}";
    static const char test_split[] = "{\"by\":\"label\",\"test\":0.5,\"seed\":4,\"part\":\"test\"}";
    const char *path = make_series();
    char steps[256];
    unsigned train, test, few;
    json_t *a, *b, *c;

    (void)state;
    snprintf(steps, sizeof steps, "[%s]", test_split);
    b = source_of(path, steps);
    test = kept(json_incref(b), NULL);
    snprintf(steps, sizeof steps, "[%s]", train_split);
    train = taken(path, steps);
    snprintf(steps, sizeof steps, "[%s,{\"take\":{\"per_label\":1}}]", train_split);
    a = source_of(path, steps);
    few = kept(json_incref(a), NULL);
    assert_int_equal(count(few), 3);
    assert_int_equal(few & ~train, 0);
    assert_int_equal(few & test, 0);
    assert_false(weir_source_overlap(a, b));
    snprintf(steps, sizeof steps, "[{\"take\":{\"per_label\":1}},%s]", test_split);
    c = source_of(path, steps);
    assert_true(weir_source_overlap(a, c)); /* a split of fewer rows cuts otherwise */
    json_decref(a);
    json_decref(b);
    json_decref(c);
}

static void test_same(void **state)
{
    json_t *a = json_loads("{\"take\":{\"per_label\":2}}", 0, NULL);
    json_t *b = json_loads("{\"take\":{\"per_label\":2,\"seed\":1,\"name\":\"n\"}}", 0, NULL);
    json_t *c = json_loads("{\"take\":{\"per_label\":2,\"labels\":[\"x\"]}}", 0, NULL);
    json_t *d = json_loads("{\"by\":\"time\",\"test\":0.5,\"part\":\"test\"}", 0, NULL);

    (void)state;
    assert_true(weir_part_same(a, b));
    assert_false(weir_part_same(a, c));
    assert_false(weir_part_same(a, d));
    assert_true(weir_part_same(d, d));
    json_decref(a);
    json_decref(b);
    json_decref(c);
    json_decref(d);
}

/* The identity has what is drawn; of the names the last take's stands for all before it. */
static void test_identity(void **state)
{
    const char *path = make_series();
    json_t *one = source_of(path, "[{\"take\":{\"per_label\":1,\"name\":\"one\"}}]");
    json_t *same = source_of(path, "[{\"take\":{\"per_label\":1}}]");
    json_t *two = source_of(path, "[{\"take\":{\"per_label\":1,\"seed\":2}}]");
    char *a = weir_source_identity(one, NULL), *b = weir_source_identity(same, NULL);
    char *c = weir_source_identity(two, NULL), name[64];

    (void)state;
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    weir_source_name(one, name, sizeof name);
    assert_string_equal(name, "one");
    weir_source_name(same, name, sizeof name);
    assert_string_equal(name, "takes:take");
    free(a);
    free(b);
    free(c);
    json_decref(one);
    json_decref(same);
    json_decref(two);
}

static void refused(const char *path, const char *steps, weir_status status, const char *text)
{
    json_t *source = source_of(path, steps);
    weir_error error = {0};

    assert_null(weir_source_open(source, NULL, &error));
    assert_int_equal(error.status, status);
    if (!strstr(error.text, text))
        fail_msg("%s: '%s', must have '%s'", steps, error.text, text);
    json_decref(source);
}

static void test_refused(void **state)
{
    const char *path = make_series(), *packets;

    (void)state;
    refused(path, "[{\"take\":{\"labels\":[\"c\"]}}]", WEIR_EDATA, "no label 'c' to take");
    refused(path, "[{\"take\":{\"labels\":[\"a/\"]}}]", WEIR_EDATA, "no label 'a/' to take");
    refused(path, "[{\"take\":{\"labels\":[\"b\"]}},{\"take\":{\"labels\":[\"a\"]}}]", WEIR_EDATA,
            "there is no row here");
    refused(path, "[{\"take\":{\"per_label\":0}}]", WEIR_EOPTION, "'per_label' must be");
    refused(path, "[{\"take\":{\"per_label\":{\"a\":0}}}]", WEIR_EOPTION, "'per_label' must be");
    refused(path, "[{\"take\":{\"per_label\":{\"c\":1}}}]", WEIR_EDATA, "no label 'c' to take");
    refused(path, "[{\"take\":{\"labels\":[]}}]", WEIR_EOPTION, "'labels' must be");
    refused(path, "[{\"take\":{\"labels\":[1]}}]", WEIR_EOPTION, "'labels' must be");
    refused(path, "[{\"take\":{\"seed\":\"x\"}}]", WEIR_EOPTION, "'seed' must be");
    refused(path, "[{\"take\":{\"name\":1}}]", WEIR_EOPTION, "'name' must be");
    refused(path, "[{\"take\":3}]", WEIR_EOPTION, "'take' must be");
    refused(path, "[{\"take\":{\"most\":3}}]", WEIR_EOPTION, "unknown key 'most'");
    refused(path, "[{\"take\":{},\"by\":\"time\"}]", WEIR_EOPTION, "unknown key 'by'");
    packets = write_text("takes-packets.csv", "srcip,dstip,srcport,dstport,proto,time,pkt_len\n"
                                              "1,2,3,4,6,1,60\n");
    refused(packets, "[{\"take\":{\"per_label\":1}}]", WEIR_EDATA, "has no labels to take by");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),    cmocka_unit_test(test_after_split),
        cmocka_unit_test(test_same),    cmocka_unit_test(test_identity),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_absent),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
