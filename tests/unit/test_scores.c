/* Rows of scores: order, repetitions, CSV, filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/scores.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *declared(const char *label, json_t *seed)
{
    return json_pack("{ss ss ss so ss ss s{s[s]} s{s[{ss ss}]}}", "dataset", "d", "generator", "g",
                     "label", label, "seed", seed, "kind", "metric", "plugin", "p", "real", "files",
                     "/x", "lua", "features", "label", "IT", "unit", "s");
}

static json_t *output(const char *feature, double value)
{
    return json_pack("{s[{ss ss sf ss ss si si ss ss}]}", "scores", "feature", feature, "variant",
                     "fix", "value", value, "unit", "s", "better", "lower", "n_real", 3,
                     "n_synthetic", 4, "status", "ok", "reason", "");
}

static void rows_and_csv(void **state)
{
    weir_node one = {.state = WEIR_DONE, .key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    weir_node two = {.state = WEIR_DONE, .key = "bbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
    weir_node failed = {.state = WEIR_FAILED, .reason = strdup("a, \"b\""), .need_count = 1};
    weir_node waits = {.state = WEIR_WAITING};
    weir_rating ratings[] = {
        {.declared = declared("x", json_integer(10))}, {.declared = declared("x", json_integer(9))},
        {.declared = declared("x", json_integer(9))},  {.declared = declared("a", json_null())},
        {.declared = declared("z", json_integer(1))},
    };
    weir_node *scores[] = {&one, &two, &two, &failed, &waits};
    weir_experiment experiment = {.ratings = ratings, .rating_count = 5};
    weir_plan plan = {.experiment = &experiment, .scores = scores};
    char path[] = "/tmp/weir-scores-XXXXXX", text[2048];
    weir_error error = {0};
    json_t *rows, *filter, *some;
    FILE *file;
    int made = mkstemp(path);

    (void)state;
    one.output = output("IT", 0.1);
    two.output = output("IT", 2);
    rows = weir_score_rows(&plan, &error);
    assert_non_null(rows);
    assert_int_equal(weir_scores_write(path, rows, &error), WEIR_OK);
    file = fopen(path, "r");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(
        text,
        "dataset,generator,label,seed,kind,plugin,variant,feature,value,unit,better,n_real,"
        "n_synthetic,status,reason,job\n"
        "d,g,a,,metric,p,,IT,,s,lower,,,failed,\"its generator failed: a, \"\"b\"\"\",\n"
        "d,g,x,9,metric,p,fix,IT,2,s,lower,3,4,ok,,bbbbbbbbbbbbbbbbbbbbbbbb\n"
        "d,g,x,10,metric,p,fix,IT,0.10000000000000001,s,lower,3,4,ok,,aaaaaaaaaaaaaaaaaaaaaaaa\n");

    filter = json_pack("{ss sf}", "label", "x", "seed", 10.0);
    some = weir_scores_filter(rows, filter, &error);
    assert_int_equal(json_array_size(some), 1);
    json_decref(some);
    json_object_set_new(filter, "feature", json_string("FIT"));
    some = weir_scores_filter(rows, filter, &error);
    assert_int_equal(json_array_size(some), 0);
    json_decref(some);
    some = weir_scores_filter(rows, NULL, &error);
    assert_int_equal(json_array_size(some), 3);
    json_decref(some);
    json_decref(filter);

    json_decref(rows);
    json_decref(one.output);
    json_decref(two.output);
    free(failed.reason);
    for (size_t i = 0; i < 5; i++)
        json_decref(ratings[i].declared);
    close(made);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_and_csv)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
