/* The plan: which jobs there are, and what changes their keys.
 * Covers: core/run/inputs.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "declaring.h"
#include "run/inputs.h"
#include "run/plan.h"

#define LUA "'lua':{'name':'rows','code':'eA==','features':[{'label':'N'}]}"

static weir_store *store;

static int set_up(void **state)
{
    weir_error error = {0};

    if (declaring_set_up(state))
        return -1;
    store = weir_store_open("/nowhere/store", true, NULL, NULL, NULL, &error);
    return store ? 0 : -1;
}

static int tear_down(void **state)
{
    weir_store_close(store);
    return declaring_tear_down(state);
}

static weir_plan *plan_of(const weir_experiment *experiment, weir_settings settings)
{
    weir_error error = {0};
    weir_plan *plan;

    settings.jobs = 1;
    settings.share = 1000;
    plan = weir_plan_new(experiment, &settings, NULL, &error);
    if (!plan)
        fail_msg("%s", error.text);
    return plan;
}

/* The key of the only fit of an experiment that declares this. */
static void fit_key(const char *declaration, weir_settings settings, char key[65])
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};
    weir_plan *plan;

    if (declaring_generate(experiment, declaration, &error) < 0)
        fail_msg("%s", error.text);
    plan = plan_of(experiment, settings);
    assert_int_equal(plan->count, 2);
    assert_string_equal(plan->nodes[0]->job, "fit");
    assert_string_equal(plan->nodes[1]->job, "sample");
    assert_int_equal(weir_plan_key(plan, plan->nodes[0], store, &error), WEIR_OK);
    strcpy(key, plan->nodes[0]->key);
    weir_plan_free(plan);
    weir_experiment_free(experiment);
}

static void what_is_in_a_key(void **state)
{
    static const char *const same[] = {
        "{'generator':'bootstrap','train':TRACE,'label':'other'}",
        "{'generator':'bootstrap','train':TRACE,'where':'x.lua:9'}",
        "{'generator':'bootstrap','train':TRACE,'memory':1000000,'time':5}",
        "{'generator':'bootstrap','train':TRACE,'request':{'flows':3}}",
        "{'generator':'bootstrap','train':{'files':['copy.csv'],'name':'another'}}",
    };
    static const char *const other[] = {
        "{'generator':'bootstrap','train':TRACE,'seed':2}",
        "{'generator':'bootstrap','train':TRACE,'threads':2}",
        "{'generator':'bootstrap','train':{'files':['later.csv']}}",
        "{'generator':'bootstrap','train':{'files':['copy.csv'],'packets':10}}",
        "{'generator':'marginals','train':TRACE}",
    };
    char key[65], found[65];

    (void)state;
    assert_int_equal(chdir(declaring_folder), 0);
    declaring_write("copy.csv", 1000000);
    declaring_write("later.csv", 2000000);
    fit_key("{'generator':'bootstrap','train':TRACE}", (weir_settings){0}, key);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        fit_key(same[i], (weir_settings){0}, found);
        if (strcmp(found, key) != 0)
            fail_msg("another key for %s", same[i]);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        fit_key(other[i], (weir_settings){0}, found);
        if (!strcmp(found, key))
            fail_msg("the same key for %s", other[i]);
    }
    fit_key("{'generator':'bootstrap','train':TRACE}", (weir_settings){.memory = 5, .time = 7},
            found);
    assert_string_equal(found, key);
    fit_key("{'generator':'bootstrap','train':TRACE}", (weir_settings){.threads = 3}, found);
    assert_string_not_equal(found, key);
    fit_key("{'generator':'bootstrap','train':TRACE}", (weir_settings){.device = "cuda"}, found);
    assert_string_not_equal(found, key);
    fit_key("{'generator':'bootstrap','train':TRACE,'device':'auto'}", (weir_settings){0}, found);
    assert_string_equal(found, key);
}

/* What trains and samples runs where it was asked for, scores on the CPU. */
static void devices(void **state)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};
    weir_plan *plan;

    (void)state;
    declaring_generate(experiment, "{'generator':'bootstrap','train':TRACE,'device':'cpu'}",
                       &error);
    declaring_score(experiment, "{'kind':'metric','plugin':'emd','real':TRACE,'synthetic':0}",
                    &error);
    assert_int_equal(error.status, WEIR_OK);
    for (int cuda = 0; cuda < 2; cuda++) {
        size_t scores = 0;
        plan = plan_of(experiment, (weir_settings){.device = cuda ? "cuda" : NULL});
        for (size_t i = 0; i < plan->count; i++) {
            const weir_node *node = plan->nodes[i];
            bool score = !strcmp(node->job, "score");
            scores += score;
            assert_string_equal(json_string_value(json_object_get(node->spec, "device")),
                                cuda && !score ? "cuda" : "cpu");
            assert_string_equal(json_string_value(json_object_get(node->content, "device")),
                                cuda && !score ? "cuda" : "cpu");
        }
        assert_int_equal(scores, 1);
        weir_plan_free(plan);
    }
    weir_experiment_free(experiment);
}

static void limits_and_threads(void **state)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};
    weir_plan *plan;

    (void)state;
    declaring_generate(experiment, "{'generator':'bootstrap','train':TRACE}", &error);
    declaring_generate(
        experiment,
        "{'generator':'bootstrap','train':TRACE,'seed':2,'memory':77,'time':5,'threads':4}",
        &error);
    plan = plan_of(experiment, (weir_settings){0});
    assert_int_equal(plan->nodes[0]->memory, 1000); /* its share */
    assert_true(plan->nodes[0]->time == 0);         /* a fit */
    assert_true(plan->nodes[1]->time == 3600);      /* a sample */
    assert_int_equal(plan->nodes[0]->threads, 1);
    assert_int_equal(plan->nodes[2]->memory, 77);
    assert_true(plan->nodes[2]->time == 5);
    assert_int_equal(plan->nodes[2]->threads, 4);
    weir_plan_free(plan);
    plan = plan_of(experiment, (weir_settings){.memory = 99, .time = 3, .threads = 2});
    assert_int_equal(plan->nodes[2]->memory, 99);
    assert_true(plan->nodes[2]->time == 3);
    assert_int_equal(plan->nodes[2]->threads, 2);
    weir_plan_free(plan);
    weir_experiment_free(experiment);
}

static void jobs_are_shared(void **state)
{
    static const char *const declared[] = {
        "{'generator':'bootstrap','train':TRACE}",
        "{'generator':'bootstrap','train':TRACE,'label':'B'}",
        "{'generator':'bootstrap','train':TRACE,'request':{'flows':3}}",
        "{'generator':'copy','train':TRACE,'seed':1}",
        "{'generator':'copy','train':TRACE,'seed':2}",
    };
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};
    weir_plan *plan;

    (void)state;
    for (size_t i = 0; i < sizeof declared / sizeof declared[0]; i++)
        assert_int_equal(declaring_generate(experiment, declared[i], &error), (int)i);
    declaring_score(experiment,
                    "{'kind':'metric','plugin':'rows','real':TRACE,'synthetic':3," LUA "}", &error);
    declaring_score(experiment,
                    "{'kind':'metric','plugin':'rows','real':TRACE,'synthetic':TRACE," LUA "}",
                    &error);
    plan = plan_of(experiment, (weir_settings){0});
    assert_ptr_equal(plan->samples[0], plan->samples[1]);
    assert_ptr_not_equal(plan->samples[0], plan->samples[2]);
    assert_ptr_equal(plan->samples[0]->needs[0], plan->samples[2]->needs[0]);
    assert_ptr_equal(plan->samples[3], plan->samples[4]); /* the seed changes nothing */
    assert_int_equal(plan->count, 7);
    assert_string_equal(plan->nodes[0]->title, "fit bootstrap on small, seed 1");
    assert_string_equal(plan->scores[0]->title, "score rows: copy on small, seed 1");
    assert_string_equal(plan->scores[1]->title, "score rows: small on small");
    assert_int_equal(plan->scores[1]->need_count, 0);
    assert_int_equal(json_object_size(plan->inputs), 1);
    weir_plan_free(plan);
    weir_experiment_free(experiment);
}

static void an_input_is_opened_once(void **state)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};
    json_t *before = json_array(), *source = declaring_json("TRACE");
    weir_plan *plan;
    const json_t *input;
    weir_settings settings = {.jobs = 1};

    (void)state;
    plan = plan_of(experiment, settings);
    input = weir_plan_input(plan, source, &error);
    assert_int_equal(json_integer_value(json_object_get(input, "rows")), 40);
    assert_string_equal(json_string_value(json_array_get(json_object_get(input, "columns"), 0)),
                        "time");
    json_array_append_new(before, json_deep_copy(input));
    json_object_set_new(json_array_get(before, 0), "rows", json_integer(41));
    weir_plan_free(plan);
    plan = weir_plan_new(experiment, &settings, before, &error);
    input = weir_plan_input(plan, source, &error);
    assert_int_equal(json_integer_value(json_object_get(input, "rows")), 41); /* not looked at */
    weir_plan_free(plan);
    json_decref(before);
    json_decref(source);
    weir_experiment_free(experiment);
}

static void data_of_another_kind(void **state)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};
    weir_settings settings = {.jobs = 1};
    static const char text[] =
        "ts,td,srcip,dstip,srcport,dstport,proto,pkt,byt\n1,1.0,10.0.0.1,10.0.0.2,1,2,6,1,40\n"
        "2,1.0,10.0.0.1,10.0.0.2,1,2,6,1,40\n";

    (void)state;
    assert_int_equal(chdir(declaring_folder), 0);
    assert_int_equal(weir_file_write("flows.csv", text, strlen(text), &error), WEIR_OK);
    declaring_generate(
        experiment,
        "{'generator':'time_shuffle','train':{'files':['flows.csv']},'where':'s.lua:4'}", &error);
    /* What the generator takes is its own affair; make it one that takes series only. */
    weir_generator series = {.kind = WEIR_KIND_GENERATOR, .name = "series", .accepts = WEIR_SERIES};
    weir_loaded loaded = {(const weir_plugin *)(const void *)&series, "/x.so", "b"};
    experiment->generates[0].loaded = &loaded;
    assert_null(weir_plan_new(experiment, &settings, NULL, &error));
    assert_string_equal(error.text,
                        "s.lua:4: generator series does not learn from netflow, which flows is");
    error = (weir_error){0};
    experiment->generates[0].ceiling = true; /* a floor's ceiling is left out instead */
    weir_plan *plan = weir_plan_new(experiment, &settings, NULL, &error);
    assert_non_null(plan);
    assert_int_equal(plan->count, 0);
    assert_null(plan->samples[0]);
    weir_plan_free(plan);
    weir_experiment_free(experiment);
}

static void a_trace_that_is_none(void **state)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};
    weir_settings settings = {.jobs = 1};

    (void)state;
    assert_int_equal(chdir(declaring_folder), 0);
    assert_int_equal(weir_file_write("bad.csv", "a,b\n1,2\n", 8, &error), WEIR_OK);
    declaring_generate(experiment,
                       "{'generator':'bootstrap','train':{'files':['bad.csv']},'where':'s.lua:4'}",
                       &error);
    assert_null(weir_plan_new(experiment, &settings, NULL, &error));
    assert_ptr_equal(strstr(error.text, "s.lua:4: bad.csv"), error.text);
    weir_experiment_free(experiment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_a_key),
        cmocka_unit_test(limits_and_threads),
        cmocka_unit_test(devices),
        cmocka_unit_test(jobs_are_shared),
        cmocka_unit_test(an_input_is_opened_once),
        cmocka_unit_test(data_of_another_kind),
        cmocka_unit_test(a_trace_that_is_none),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
