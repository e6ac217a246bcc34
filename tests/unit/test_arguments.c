/* Flags and arguments of the command line. Covers: core/cli/arguments.c core/plugin/numbers.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/arguments.h"
#include "plugin/numbers.h"

static bool json;
static const char *out, *plugins;
static weir_texts options;
static int64_t seed;
static double duration, limit;
static uint64_t memory;

static int parse(weir_arguments *arguments, int argc, char **argv)
{
    static const weir_flag flags[] = {
        {WEIR_FLAG_SWITCH, "--json", NULL, &json, NULL, "print JSON"},
        {WEIR_FLAG_TEXT, "--out", "-o", &out, "FILE", "where to"},
        {WEIR_FLAG_LIST, "--option", "-O", &options, "NAME=VALUE", "an option"},
        {WEIR_FLAG_FOLDERS, "--plugins", NULL, &plugins, "DIR", "folders"},
        {WEIR_FLAG_COUNT, "--seed", NULL, &seed, "N", "the seed"},
        {WEIR_FLAG_REAL, "--duration", NULL, &duration, "S", "seconds"},
        {WEIR_FLAG_SIZE, "--memory", NULL, &memory, "M", "bytes"},
        {WEIR_FLAG_SECONDS, "--time", NULL, &limit, "T", "a limit"},
        {0}};
    static const weir_usage usage = {"test", "A [B]", "tests", flags, 1, 2, true};

    json = false;
    out = plugins = NULL;
    options.count = 0;
    seed = -1;
    return weir_arguments_parse(&usage, argc, argv, arguments);
}
#define PARSE(arguments, ...)                                                                      \
    parse(arguments, (int)(sizeof((char *[]){"test", __VA_ARGS__}) / sizeof(char *)),              \
          (char *[]){"test", __VA_ARGS__, NULL})

static void everything_is_read(void **state)
{
    char *argv[] = {"test", "a",        "-o",  "x.csv",        "--seed=7", "--json", "-O",
                    "p=1",  "--option", "q=2", "--memory=2G",  "--time",   "15m",    "--duration",
                    "0.5",  "b",        "--",  "--not-a-flag", NULL};
    weir_arguments arguments;

    (void)state;
    assert_int_equal(parse(&arguments, 18, argv), -1);
    assert_int_equal(arguments.count, 2);
    assert_string_equal(arguments.items[0], "a");
    assert_string_equal(arguments.items[1], "b");
    assert_int_equal(arguments.rest_count, 1);
    assert_string_equal(arguments.rest[0], "--not-a-flag");
    assert_true(json);
    assert_string_equal(out, "x.csv");
    assert_int_equal(seed, 7);
    assert_int_equal(options.count, 2);
    assert_string_equal(options.items[1], "q=2");
    assert_true(memory == 2000000000u);
    assert_true(limit == 900);
    assert_true(duration == 0.5);
}

static void folders_add_up(void **state)
{
    weir_arguments arguments;

    (void)state;
    assert_int_equal(PARSE(&arguments, "a", "--plugins", "one", "--plugins=two"), -1);
    assert_string_equal(plugins, "one:two");
    assert_int_equal(PARSE(&arguments, "a", "--plugins", "three"), -1);
    assert_string_equal(plugins, "three");
    assert_int_equal(PARSE(&arguments, "a", "--plugins="), 2);
}

static void wrong_ones_are_refused(void **state)
{
    weir_arguments arguments;

    (void)state;
    assert_int_equal(PARSE(&arguments, "a", "--sead", "1"), 2);
    assert_int_equal(PARSE(&arguments, "a", "--seed"), 2);
    assert_int_equal(PARSE(&arguments, "a", "--seed", "-1"), 2);
    assert_int_equal(PARSE(&arguments, "a", "--seed", "1x"), 2);
    assert_int_equal(PARSE(&arguments, "a", "--json=1"), 2);
    assert_int_equal(PARSE(&arguments, "a", "--memory", "4Q"), 2);
    assert_int_equal(PARSE(&arguments, "a", "--time", "-4s"), 2);
    assert_int_equal(PARSE(&arguments, "a", "--out="), 2);
    assert_int_equal(PARSE(&arguments, "a", "b", "c"), 2);
    assert_int_equal(PARSE(&arguments, "--json"), 2);
    assert_int_equal(PARSE(&arguments, "a", "--help"), 0);
    assert_int_equal(PARSE(&arguments, "-"), -1); /* a lone dash is an argument */
}

static void numbers(void **state)
{
    int64_t whole;
    double real;

    (void)state;
    assert_true(weir_number_int("9223372036854775807", &whole) && whole == INT64_MAX);
    assert_true(weir_number_int("1e6", &whole) && whole == 1000000);
    assert_true(weir_number_int("-3", &whole) && whole == -3);
    assert_false(weir_number_int("9223372036854775808", &whole));
    assert_false(weir_number_int("1.5", &whole));
    assert_false(weir_number_int("1e300", &whole));
    assert_false(weir_number_int("", &whole));
    assert_false(weir_number_int("12 ", &whole));
    assert_false(weir_number_int("-", &whole));
    assert_true(weir_number_real("-1.5e3", &real) && real == -1500);
    assert_true(weir_number_real("1e-400", &real) && real == 0);
    assert_false(weir_number_real("1e400", &real));
    assert_false(weir_number_real("nan", &real));
    assert_false(weir_number_real("inf", &real));
    assert_false(weir_number_real("0x10", &real));
    assert_false(weir_number_real("1,5", &real));
    assert_false(weir_number_real(" 1", &real));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_read),
        cmocka_unit_test(folders_add_up),
        cmocka_unit_test(wrong_ones_are_refused),
        cmocka_unit_test(numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
