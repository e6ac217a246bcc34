/* Rank sums over the scores of candidates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/rank.h"

static json_t *rank(const char *candidates)
{
    weir_error error = {0};
    json_t *given = json_loads(candidates, 0, NULL), *made;

    assert_non_null(given);
    made = weir_rank_sum(given, &error);
    json_decref(given);
    assert_non_null(made);
    return made;
}

static double sum(const json_t *made, size_t i)
{
    return json_number_value(
        json_object_get(json_array_get(json_object_get(made, "candidates"), i), "rank_sum"));
}

static json_int_t chosen(const json_t *made)
{
    return json_integer_value(json_object_get(made, "chosen"));
}

#define ROW(feature, value, better)                                                                \
    "{\"feature\":\"" feature "\",\"variant\":\"\",\"value\":" value ",\"better\":\"" better "\"}"
#define CANDIDATE(step, rows)                                                                      \
    "{\"step\":" step ",\"scores\":[{\"plugin\":\"m\",\"rows\":[" rows "]}]}"

/* A: 1, 2, 2; B (higher is better): 5, 9, 7; C has no direction. */
static void sums_of_average_ranks(void **state)
{
    json_t *made = rank("[" CANDIDATE(
        "1",
        ROW("A", "1", "lower") "," ROW("B", "5", "higher") "," ROW(
            "C", "0",
            "neither")) "," CANDIDATE("2",
                                      ROW("A", "2", "lower") "," ROW(
                                          "B", "9",
                                          "higher")) "," CANDIDATE("3",
                                                                   ROW("A", "2", "lower") "," ROW(
                                                                       "B", "7", "higher")) "]");

    (void)state;
    assert_int_equal(json_array_size(json_object_get(made, "features")), 2);
    assert_true(sum(made, 0) == 1 + 3);
    assert_true(sum(made, 1) == 2.5 + 1);
    assert_true(sum(made, 2) == 2.5 + 2);
    assert_int_equal(chosen(made), 1);
    json_decref(made);
}

static void the_earlier_of_equals(void **state)
{
    json_t *made = rank(
        "[" CANDIDATE("1", ROW("A", "2", "lower")) "," CANDIDATE("2", ROW("A", "2", "lower")) "]");

    (void)state;
    assert_true(sum(made, 0) == 1.5 && sum(made, 1) == 1.5);
    assert_int_equal(chosen(made), 0);
    json_decref(made);
}

static void what_has_no_value_comes_last(void **state)
{
    json_t *made =
        rank("[{\"step\":1,\"scores\":[{\"plugin\":\"m\",\"reason\":\"crashed\"}]}," CANDIDATE(
            "2", ROW("A", "null", "lower")) "," CANDIDATE("3", ROW("A", "7", "lower")) "]");
    const json_t *first = json_array_get(json_object_get(made, "candidates"), 0);

    (void)state;
    assert_true(sum(made, 0) == 2.5 && sum(made, 1) == 2.5 && sum(made, 2) == 1);
    assert_int_equal(chosen(made), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(first, "reasons"), 0)),
                        "crashed");
    json_decref(made);
}

static void unusable_ones_have_no_rank(void **state)
{
    json_t *made = rank("[{\"step\":1,\"reason\":\"crashed\",\"scores\":[]}," CANDIDATE(
        "2", ROW("A", "9", "lower")) "]");
    const json_t *first = json_array_get(json_object_get(made, "candidates"), 0);

    (void)state;
    assert_true(json_is_null(json_object_get(first, "rank_sum")));
    assert_true(sum(made, 1) == 1);
    assert_int_equal(chosen(made), 1);
    json_decref(made);
    made = rank("[{\"step\":1,\"reason\":\"crashed\",\"scores\":[]}]");
    assert_int_equal(chosen(made), -1);
    json_decref(made);
}

static void with_nothing_to_go_by_the_final_model(void **state)
{
    json_t *made = rank("[{\"step\":1,\"scores\":[]},{\"step\":2,\"final\":true,\"scores\":[]}]");

    (void)state;
    assert_int_equal(chosen(made), 1);
    json_decref(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_average_ranks),
        cmocka_unit_test(the_earlier_of_equals),
        cmocka_unit_test(what_has_no_value_comes_last),
        cmocka_unit_test(unusable_ones_have_no_rank),
        cmocka_unit_test(with_nothing_to_go_by_the_final_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
