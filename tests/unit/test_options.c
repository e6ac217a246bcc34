/* Options: defaults, presets, ranges, nearest names, and what is wrong with a table. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/options.h"

struct options {
    int64_t epochs;
    double rate;
    bool zero;
    int mode;
    const char *title;
    weir_list features;
    const char *table;
};

static const weir_option options[] = {WEIR_INT(struct options, epochs, 200, 1, 1000000, "passes"),
                                      WEIR_REAL(struct options, rate, 1e-4, 1e-8, 1, "step size"),
                                      WEIR_BOOL(struct options, zero, true, "zeros"),
                                      WEIR_CHOICE(struct options, mode, "fix|ref", "which"),
                                      WEIR_TEXT(struct options, title, "none", "a text"),
                                      WEIR_LIST(struct options, features, "IT,FD", "which ones"),
                                      WEIR_FILE(struct options, table, "a file"),
                                      WEIR_PRESET("tiny", "epochs=2 rate=0.5", "two seconds"),
                                      WEIR_END};

static const weir_plugin plugin = {.abi = 0,
                                   .kind = WEIR_KIND_GENERATOR,
                                   .name = "cascadegan",
                                   .summary = "a test",
                                   .options = options,
                                   .options_size = sizeof(struct options),
                                   .accepts = WEIR_PACKETS};

/* The resolved options of a JSON text, as compact JSON; or the error's text. */
static const char *resolve(const char *text)
{
    static char out[2000];
    json_t *given = json_loads(text, JSON_DECODE_ANY, NULL), *values;
    weir_error error = {0};

    assert_non_null(given);
    values = weir_options_resolve(&plugin, given, &error);
    if (values) {
        char *dump = json_dumps(values, JSON_COMPACT | JSON_REAL_PRECISION(15));
        assert_int_equal(error.status, WEIR_OK);
        snprintf(out, sizeof out, "%s", dump);
        free(dump);
    } else {
        assert_int_equal(error.status, WEIR_EOPTION);
        snprintf(out, sizeof out, "%s", error.text);
    }
    json_decref(values);
    json_decref(given);
    return out;
}

/* Of a saved model: a file that is gone stays named, all else is checked. */
static void saved_ones(void **state)
{
    json_t *saved = json_pack("{s:s, s:i}", "table", "/no/such/file", "epochs", 7), *values;
    weir_error error = {0};

    (void)state;
    assert_null(weir_options_resolve(&plugin, saved, &error));
    error = (weir_error){0};
    values = weir_options_restore(&plugin, saved, &error);
    assert_non_null(values);
    assert_string_equal(json_string_value(json_object_get(values, "table")), "/no/such/file");
    assert_int_equal(json_integer_value(json_object_get(values, "epochs")), 7);
    assert_true(json_is_string(json_object_get(values, "title"))); /* a default */
    json_decref(values);
    json_object_set_new(saved, "table", json_integer(1));
    assert_null(weir_options_restore(&plugin, saved, &error));
    error = (weir_error){0};
    json_object_set_new(saved, "table", json_null());
    json_object_set_new(saved, "epochs", json_integer(0));
    assert_null(weir_options_restore(&plugin, saved, &error));
    json_decref(saved);
}

static void defaults_and_presets(void **state)
{
    (void)state;
    assert_string_equal(resolve("{}"), "{\"epochs\":200,\"rate\":0.0001,\"zero\":true,\"mode\":"
                                       "\"fix\",\"title\":\"none\",\"features\":[\"IT\",\"FD\"],"
                                       "\"table\":null}");
    assert_string_equal(resolve("[]"), resolve("{}")); /* an empty Lua table */
    assert_string_equal(
        resolve("{\"preset\":\"tiny\",\"rate\":0.25}"),
        "{\"epochs\":2,\"rate\":0.25,\"zero\":true,\"mode\":\"fix\",\"title\":"
        "\"none\",\"features\":[\"IT\",\"FD\"],\"table\":null,\"preset\":\"tiny\"}");
    assert_string_equal(
        resolve("{\"epochs\":\"1e3\",\"zero\":\"off\",\"mode\":\"ref\",\"features\":"
                "\"a, b,\",\"rate\":1,\"title\":\"\"}"),
        "{\"epochs\":1000,\"rate\":1.0,\"zero\":false,\"mode\":\"ref\",\"title\":"
        "\"\",\"features\":[\"a\",\"b\"],\"table\":null}");
}

static void wrong_ones_are_refused(void **state)
{
    (void)state;
    assert_string_equal(resolve("{\"epocs\":1}"),
                        "unknown option 'epocs' of generator cascadegan; did you mean 'epochs'?");
    assert_string_equal(resolve("{\"zzzzzzzz\":1}"),
                        "unknown option 'zzzzzzzz' of generator cascadegan (known: epochs, rate, "
                        "zero, mode, title, features, table)");
    assert_string_equal(resolve("{\"rate\":2}"),
                        "option 'rate' of generator cascadegan is 2, must be between 1e-08 and 1");
    assert_string_equal(resolve("{\"epochs\":\"20x\"}"),
                        "option 'epochs' of generator cascadegan is '20x', must be a whole number "
                        "between 1 and 1000000");
    assert_string_equal(resolve("{\"epochs\":0}"), "option 'epochs' of generator cascadegan is 0, "
                                                   "must be a whole number between 1 and 1000000");
    assert_string_equal(resolve("{\"mode\":\"fast\"}"),
                        "option 'mode' of generator cascadegan is 'fast', must be one of fix, ref");
    assert_string_equal(resolve("{\"zero\":2}"),
                        "option 'zero' of generator cascadegan is 2, must be true or false");
    assert_string_equal(resolve("{\"seed\":2}"),
                        "'seed' is not an option of generator cascadegan: it stands beside the "
                        "options");
    assert_string_equal(resolve("{\"preset\":\"tyni\"}"),
                        "unknown preset 'tyni' of generator cascadegan; did you mean 'tiny'?");
    assert_string_equal(resolve("{\"table\":\"/no/such/file\"}"),
                        "option 'table' of generator cascadegan is '/no/such/file', must be a file "
                        "that exists and can be read");
    assert_string_equal(
        resolve("{\"features\":[1]}"),
        "option 'features' of generator cascadegan is [1], must be a list of words");
    assert_string_equal(resolve("3"),
                        "the options of generator cascadegan must be names with values");
}

static void texts(void **state)
{
    json_t *given;
    weir_error error = {0};

    (void)state;
    given = weir_options_parse(" a=1  b='x y'\tc=\"\" d=q\"r ", &error);
    assert_non_null(given);
    assert_string_equal(json_string_value(json_object_get(given, "b")), "x y");
    assert_string_equal(json_string_value(json_object_get(given, "c")), "");
    assert_string_equal(json_string_value(json_object_get(given, "d")), "q\"r");
    assert_int_equal(json_object_size(given), 4);
    json_decref(given);
    assert_null(weir_options_parse("a=1 b", &error));
    assert_string_equal(error.text, "'b' is not 'option=value'");
    error = (weir_error){0};
    assert_null(weir_options_parse("a='1", &error));
    assert_string_equal(error.text, "a quote (') is not closed");
    error = (weir_error){0};
    assert_null(weir_options_parse("a=1 a=2", &error));
    assert_null(weir_options_parse("a='1'2", NULL));
    assert_null(weir_options_parse("a=\xff\xfe", NULL));
}

static const char *table_fault(const weir_option *rows)
{
    static weir_error error;
    weir_plugin bad = plugin;

    bad.options = rows;
    error = (weir_error){0};
    return weir_options_check(&bad, &error) == WEIR_OK ? "" : error.text;
}
#define FAULT(...) table_fault((const weir_option[]){__VA_ARGS__, WEIR_END})

static void tables(void **state)
{
    weir_option outside = WEIR_INT(struct options, epochs, 1, 0, 9, "x");

    (void)state;
    assert_int_equal(weir_options_check(&plugin, NULL), WEIR_OK);
    assert_non_null(strstr(FAULT(WEIR_INT(struct options, epochs, 0, 1, 9, "x")), "default"));
    assert_non_null(strstr(FAULT(WEIR_INT(struct options, epochs, 1, 3, 2, "x")), "range"));
    assert_non_null(strstr(FAULT(WEIR_REAL(struct options, rate, 0, 0, INFINITY, "x")), "range"));
    assert_non_null(strstr(FAULT(WEIR_INT(struct options, epochs, 1.5, 1, 9, "x")), "whole"));
    assert_non_null(strstr(
        FAULT(WEIR_BOOL(struct options, zero, 1, "x"), WEIR_BOOL(struct options, zero, 1, "x")),
        "twice"));
    assert_non_null(strstr(FAULT(WEIR_BOOL(struct options, zero, 1, "")), "help"));
    assert_non_null(strstr(FAULT(WEIR_CHOICE(struct options, mode, "a||b", "x")), "choices"));
    assert_non_null(strstr(FAULT(WEIR_PRESET("tiny", "epochs=1", "x")), "unknown option"));
    assert_non_null(strstr(FAULT({WEIR_OPTION_INT, "seed", 0, 0, 0, 1, NULL, "x"}), "reserved"));
    assert_non_null(
        strstr(FAULT({WEIR_OPTION_INT, "Seed", 0, 0, 0, 1, NULL, "x"}), "no name for an option"));
    outside.offset = sizeof(struct options) - 4;
    assert_non_null(strstr(FAULT(outside), "options_size"));
}

static void nearest_words(void **state)
{
    static const char *const known[] = {"epochs", "rate", "hidden_width"};

    (void)state;
    assert_string_equal(weir_nearest("epcohs", known, 3), "epochs");
    assert_string_equal(weir_nearest("RATE", known, 3), "rate");
    assert_string_equal(weir_nearest("hiddenwidth", known, 3), "hidden_width");
    assert_null(weir_nearest("x", known, 3));
    assert_null(weir_nearest("something", known, 3));
    assert_null(weir_nearest("", known, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_and_presets),
        cmocka_unit_test(wrong_ones_are_refused),
        cmocka_unit_test(saved_ones),
        cmocka_unit_test(texts),
        cmocka_unit_test(tables),
        cmocka_unit_test(nearest_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
