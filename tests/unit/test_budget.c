/* The budget of a fit: what may be given, where stages end, what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "plugin/job.h"

static const weir_generator plugin = {.abi = WEIR_ABI,
                                      .kind = WEIR_KIND_GENERATOR,
                                      .name = "tested",
                                      .summary = "a test",
                                      .accepts = WEIR_PACKETS};

static weir_job *job_of(const json_t *budget, weir_error *error)
{
    weir_job_setup setup = {.plugin = (const weir_plugin *)&plugin,
                            .budget = budget,
                            .device = "cpu",
                            .log_fd = -1,
                            .status_fd = -1};
    weir_job *job = weir_job_new(&setup, error);

    assert_non_null(job);
    return job;
}

/* What a text gives, as text; NULL: refused. */
static const char *resolved(const char *text)
{
    static char out[200];
    weir_error error = {0};
    json_t *given = json_loads(text, JSON_DECODE_ANY, NULL);
    json_t *made = weir_budget_resolve(given, &error);

    assert_non_null(given);
    out[0] = '\0';
    if (made)
        out[json_dumpb(made, out, sizeof out - 1, JSON_COMPACT)] = '\0';
    else
        assert_int_equal(error.status, WEIR_EOPTION);
    json_decref(made);
    json_decref(given);
    return out;
}

static void what_may_be_given(void **state)
{
    (void)state;
    assert_string_equal(resolved("60"), "{\"seconds\":60.0}");
    assert_string_equal(resolved("{\"cpu\":1.5}"), "{\"seconds\":1.5}");
    assert_string_equal(resolved("{\"seconds\":60}"), "{\"seconds\":60.0}");
    assert_string_equal(resolved("{\"steps\":7}"), "{\"steps\":[[7]]}");
    assert_string_equal(resolved("{\"steps\":[7,9]}"), "{\"steps\":[[7,9]]}");
    assert_string_equal(resolved("{\"steps\":[[7,9],[3,4]]}"), "{\"steps\":[[7,9],[3,4]]}");
    assert_string_equal(resolved("0"), "");
    assert_string_equal(resolved("-1"), "");
    assert_string_equal(resolved("\"60\""), "");
    assert_string_equal(resolved("{}"), "");
    assert_string_equal(resolved("{\"cpu\":1,\"steps\":2}"), "");
    assert_string_equal(resolved("{\"steps\":-1}"), "");
    assert_string_equal(resolved("{\"steps\":[]}"), "");
    assert_string_equal(resolved("{\"steps\":[[1],2]}"), "");
    assert_string_equal(resolved("{\"steps\":[1.5]}"), "");
    assert_string_equal(resolved("{\"epochs\":3}"), "");
}

/* Two stages, planned to end at 10 and 30: where they do. */
static void two_stages(weir_job *job, int64_t ends[2])
{
    int64_t step = 0;

    weir_budget_begin(job);
    while (!weir_stage_ends(job, step, 10, 0.25))
        step++;
    ends[0] = step;
    while (!weir_stage_ends(job, step, 30, 1))
        step++;
    ends[1] = step;
}

static void stages_end_as_planned_or_as_told(void **state)
{
    static const char *const given[] = {NULL, "{\"steps\":[[4,5]]}", "{\"seconds\":0.04}"};
    int64_t ends[2];

    (void)state;
    for (int i = 0; i < 3; i++) {
        weir_error error = {0};
        json_t *budget = given[i] ? json_loads(given[i], 0, NULL) : NULL, *taken, *list;
        weir_job *job = job_of(budget, &error);

        two_stages(job, ends);
        assert_int_equal(weir_budget_end(job), WEIR_OK);
        taken = weir_budget_taken(job);
        list = json_object_get(taken, "stages");
        assert_true(json_is_true(json_object_get(taken, "known")));
        assert_int_equal(json_array_size(list), 2);
        for (size_t k = 0; k < 2; k++)
            assert_int_equal(json_integer_value(json_object_get(json_array_get(list, k), "step")),
                             ends[k]);
        if (i < 2) {
            assert_int_equal(ends[0], i ? 4 : 10);
            assert_int_equal(ends[1], i ? 5 : 30);
        } else {
            double first = json_real_value(json_object_get(json_array_get(list, 0), "seconds"));
            double used = json_real_value(json_object_get(taken, "used"));
            assert_true(first >= 0.01 && first < 0.04);
            assert_true(used >= 0.04 && used < 1);
            assert_true(ends[1] > ends[0] && ends[0] > 0);
        }
        json_decref(taken);
        weir_job_free(job);
        json_decref(budget);
    }
}

static void an_ended_stage_stays_ended(void **state)
{
    weir_error error = {0};
    weir_job *job = job_of(NULL, &error);

    (void)state;
    weir_budget_begin(job);
    assert_true(weir_stage_ends(job, 5, 5, 0.5));
    assert_false(weir_stage_ends(job, 5, 9, 1));
    assert_true(weir_stage_ends(job, 6, 7, 0.5));
    assert_true(weir_stage_ends(job, 9, 9, 1));
    weir_job_free(job);
}

/* A stage that the plugin leaves by itself counts among those to be repeated. */
static void a_stage_left_early_has_an_end(void **state)
{
    weir_error error = {0};
    weir_job *job = job_of(NULL, &error);
    json_t *taken;

    (void)state;
    weir_budget_begin(job);
    assert_false(weir_stage_ends(job, 3, 10, 0.5));
    assert_true(weir_stage_ends(job, 8, 8, 1));
    weir_budget_end(job);
    taken = weir_budget_taken(job);
    assert_int_equal(json_array_size(json_object_get(taken, "stages")), 2);
    json_decref(taken);
    weir_job_free(job);
}

static void shares_rise(void **state)
{
    static const double shares[][2] = {{0.5, 0.25}, {0.5, 1.5}, {0, 1}, {-1, 1}};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        weir_error error = {0};
        weir_job *job = job_of(NULL, &error);

        weir_budget_begin(job);
        weir_stage_ends(job, 5, 9, shares[i][0]);
        weir_stage_ends(job, 5, 9, shares[i][1]);
        assert_int_equal(weir_job_error(job)->status, WEIR_EBUG);
        weir_job_free(job);
    }
}

static void stages_that_were_not_stored(void **state)
{
    json_t *one = json_loads("{\"steps\":[[4]]}", 0, NULL);
    json_t *three = json_loads("{\"steps\":[[4,5,6]]}", 0, NULL);
    int64_t ends[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        weir_error error = {0};
        weir_job *job = job_of(i ? three : one, &error);

        two_stages(job, ends);
        assert_int_equal(weir_budget_end(job), WEIR_EOPTION);
        weir_job_free(job);
    }
    json_decref(one);
    json_decref(three);
}

static void who_does_not_ask(void **state)
{
    weir_error error = {0};
    json_t *budget = json_loads("{\"steps\":[[4]]}", 0, NULL), *taken;
    weir_job *job = job_of(budget, &error);

    (void)state;
    weir_budget_begin(job);
    assert_int_equal(weir_budget_end(job), WEIR_OK);
    taken = weir_budget_taken(job);
    assert_true(json_is_false(json_object_get(taken, "known")));
    json_decref(taken);
    weir_job_free(job);
    json_decref(budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_given),
        cmocka_unit_test(stages_end_as_planned_or_as_told),
        cmocka_unit_test(an_ended_stage_stays_ended),
        cmocka_unit_test(a_stage_left_early_has_an_end),
        cmocka_unit_test(shares_rise),
        cmocka_unit_test(stages_that_were_not_stored),
        cmocka_unit_test(who_does_not_ask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
