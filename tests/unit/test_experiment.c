/* Declarations: each mistake is refused with its place and what would be right.
 * Covers: core/run/fields.c core/run/floor.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "declaring.h"

#define LUA "'lua':{'name':'rows','code':'eA==','features':[{'label':'N'}]}"

static void refuse_generate(const char *text, const char *message)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};

    assert_int_equal(declaring_generate(experiment, text, &error), -1);
    assert_string_equal(error.text, message);
    assert_int_not_equal(error.status, WEIR_OK);
    weir_experiment_free(experiment);
}

static void generators_that_are_refused(void **state)
{
    (void)state;
    refuse_generate("{'generator':'bootstrap','train':TRACE,'sed':2,'where':'a.lua:3'}",
                    "a.lua:3: unknown field 'sed' of generate; did you mean 'seed'?");
    refuse_generate("{'generator':'bootstrap','where':'a.lua:3'}",
                    "a.lua:3: 'train' is missing: a trace");
    refuse_generate("{'train':TRACE}", "'generator' must be a text");
    refuse_generate("{'generator':'bootstrap','train':TRACE,'seed':1.5}",
                    "'seed' must be a whole number between 0 and 9223372036854775807");
    refuse_generate("{'generator':'bootstrap','train':TRACE,'threads':0}",
                    "'threads' must be a whole number between 1 and 4096");
    refuse_generate("{'generator':'bootstrap','train':TRACE,'time':-1}",
                    "'time' must be a number above 0");
    refuse_generate("{'generator':'bootstrap','train':TRACE,'device':'tpu'}",
                    "device 'tpu' is unknown: auto, cpu or cuda");
    refuse_generate("{'generator':'bootstrap','train':TRACE,'request':{'flows':1,'packets':2}}",
                    "ask for one of flows, packets and series, not for flows and packets");
    refuse_generate("{'generator':'bootstrap','train':TRACE,'request':{'flow':1}}",
                    "unknown field 'flow' of the request; did you mean 'flows'?");
    refuse_generate("{'generator':'bootstrap','train':TRACE,'encoders':{'ports':'bits'}}",
                    "generator bootstrap has no encoder role 'ports' (it uses no encoders)");
    refuse_generate("{'generator':'bootstrap','train':TRACE,'encoders':'bits'}",
                    "'encoders' must be a table: { role = encoder }");
    refuse_generate("{'generator':'bootstrap','train':TRACE,'label':''}",
                    "'label' must be a text that is not empty");
}

static void refused_with(const char *text, const char *part)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};

    assert_int_equal(declaring_generate(experiment, text, &error), -1);
    if (!strstr(error.text, part))
        fail_msg("'%s' does not contain '%s'", error.text, part);
    weir_experiment_free(experiment);
}

static void names_come_with_the_nearest(void **state)
{
    (void)state;
    refused_with("{'generator':'bootstap','train':TRACE,'where':'a.lua:9'}", "a.lua:9: unknown");
    refused_with("{'generator':'bootstap','train':TRACE}", "did you mean 'bootstrap'?");
    refused_with("{'generator':'bootstrap','train':TRACE,'options':{'nothing_like_it':1}}",
                 "of generator bootstrap");
    refused_with("{'generator':'bootstrap','train':{'files':['/nowhere.pcap']}}",
                 "/nowhere.pcap: No such file");
}

static void names_of_experiments(void **state)
{
    static const char *const bad[] = {"", "a/b", ".hidden", "a b", "\xc3\xa9"};
    weir_error error;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error = (weir_error){0};
        assert_null(weir_experiment_new(bad[i], NULL, declaring_registry, &error));
        assert_int_equal(error.status, WEIR_EOPTION);
    }
}

static void equal_declarations_are_one(void **state)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};
    int first = declaring_generate(
        experiment, "{'generator':'bootstrap','train':TRACE,'where':'a.lua:1'}", &error);

    (void)state;
    assert_int_equal(first, 0);
    assert_int_equal(declaring_generate(experiment,
                                        "{'generator':'bootstrap','train':TRACE,'seed':1,"
                                        "'label':'bootstrap','request':{},'where':'a.lua:2'}",
                                        &error),
                     first);
    assert_int_equal(
        declaring_generate(experiment, "{'generator':'bootstrap','train':TRACE,'seed':2}", &error),
        1);
    assert_int_equal(declaring_generate(
                         experiment, "{'generator':'bootstrap','train':TRACE,'label':'B'}", &error),
                     2);
    assert_int_equal(
        declaring_score(experiment,
                        "{'kind':'metric','plugin':'rows','real':TRACE,'synthetic':0," LUA "}",
                        &error),
        WEIR_OK);
    assert_int_equal(
        declaring_score(
            experiment,
            "{'kind':'metric','plugin':'rows','real':TRACE,'synthetic':0,'where':'x:1'," LUA "}",
            &error),
        WEIR_OK);
    assert_int_equal(experiment->rating_count, 1);
    weir_experiment_free(experiment);
}

static void refuse_score(const char *text, const char *message)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};

    assert_int_equal(declaring_generate(experiment,
                                        "{'generator':'bootstrap','train':{'files':['small.csv'],"
                                        "'split':[{'by':'time','test':0.25,'part':'train'}]}}",
                                        &error),
                     0);
    assert_int_not_equal(declaring_score(experiment, text, &error), WEIR_OK);
    if (strcmp(error.text, message) != 0)
        fail_msg("'%s' instead of '%s'", error.text, message);
    assert_int_equal(experiment->rating_count, 0);
    weir_experiment_free(experiment);
}

static void scores_that_are_refused(void **state)
{
    (void)state;
    assert_int_equal(chdir(declaring_folder), 0);
    refuse_score("{'kind':'metrics','plugin':'rows','real':TRACE,'synthetic':0}",
                 "kind 'metrics' is unknown: metric or downstream");
    refuse_score("{'kind':'metric','plugin':'rows','real':TRACE,'synthetic':7," LUA "}",
                 "'synthetic' must be a whole number between 0 and 0");
    refuse_score("{'kind':'metric','plugin':'rows','real':TRACE," LUA "}",
                 "'synthetic' is missing: a trace");
    refuse_score("{'kind':'metric','plugin':'rows','real':TRACE,'synthetic':0,"
                 "'lua':{'name':'rows','code':'eA==','features':[]}}",
                 "a Lua metric needs features: a list of names");
    refuse_score("{'kind':'metric','plugin':'rows','real':TRACE,'synthetic':0,"
                 "'lua':{'name':'rows','code':'eA==','features':[{'label':'N','better':'more'}]}}",
                 "'better' is 'more', must be lower, higher or neither");
    refuse_score(
        "{'kind':'metric','plugin':'rows','synthetic':0,'where':'s.lua:4',"
        "'real':{'files':['small.csv'],'split':[{'by':'time','test':0.25,'part':'train'}]},"
        "'test':TRACE," LUA "}",
        "s.lua:4: the test set of rows shares rows with its training set; trace:split "
        "gives two that do not");
    refuse_score("{'kind':'metric','plugin':'rows','synthetic':0,"
                 "'real':{'files':['small.csv'],'split':[{'by':'flow','test':0.25,'seed':3,'part':"
                 "'train'}]},"
                 "'test':{'files':['small.csv'],'split':[{'by':'flow','test':0.25,'seed':3,'part':"
                 "'test'}]}," LUA "}",
                 "the test set of rows shares rows with what bootstrap was trained on; trace:split "
                 "gives two that do not, train the generator on the first");
}

static void a_floor_is_two_splits(void **state)
{
    weir_experiment *experiment = declaring_new();
    json_t *declaration = declaring_json("{'metrics':[{'kind':'metric','plugin':'rows'," LUA
                                         "}],'trace':TRACE,'seed':4}");
    weir_error error = {0};
    const json_t *by_flow, *by_time, *split;

    (void)state;
    assert_int_equal(weir_experiment_floor(experiment, declaration, &error), WEIR_OK);
    assert_int_equal(experiment->rating_count, 2);
    by_flow = experiment->ratings[0].declared;
    by_time = experiment->ratings[1].declared;
    assert_string_equal(json_string_value(json_object_get(by_flow, "generator")), "floor");
    assert_string_equal(json_string_value(json_object_get(by_flow, "label")), "flow-disjoint");
    assert_string_equal(json_string_value(json_object_get(by_flow, "dataset")), "small");
    assert_int_equal(json_integer_value(json_object_get(by_flow, "seed")), 4);
    assert_string_equal(json_string_value(json_object_get(by_time, "label")), "by time");
    assert_true(json_is_null(json_object_get(by_time, "seed")));
    split = json_array_get(json_object_get(json_object_get(by_flow, "synthetic"), "split"), 0);
    assert_true(json_real_value(json_object_get(split, "test")) == 0.5);
    assert_string_equal(json_string_value(json_object_get(split, "part")), "test");
    json_decref(declaration);

    declaration = declaring_json("{'metrics':[],'trace':TRACE,'where':'f.lua:2'}");
    assert_int_equal(weir_experiment_floor(experiment, declaration, &error), WEIR_EOPTION);
    assert_string_equal(error.text, "f.lua:2: 'metrics' must be a list of metrics");
    json_decref(declaration);
    weir_experiment_free(experiment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generators_that_are_refused),
        cmocka_unit_test(names_come_with_the_nearest),
        cmocka_unit_test(names_of_experiments),
        cmocka_unit_test(equal_declarations_are_one),
        cmocka_unit_test(scores_that_are_refused),
        cmocka_unit_test(a_floor_is_two_splits),
    };

    return cmocka_run_group_tests(tests, declaring_set_up, declaring_tear_down);
}
