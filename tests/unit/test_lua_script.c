/* Running scripts: exit status, what is said, `arg`, `require`. Covers: core/lua/script.c
 * core/lua/frames.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lua/script.h"

static char folder[] = "/tmp/weir-script-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* Runs a script's text; what was said is a new string. */
static int run(const char *text, char **arguments, int count, char **said)
{
    weir_error error = {0};
    weir_registry *registry = weir_registry_open(NULL, &error);
    char path[256];
    size_t size;
    weir_lua_options options = {.script = path,
                                .arguments = arguments,
                                .argument_count = count,
                                .registry = registry,
                                .messages = open_memstream(said, &size)};
    int status;

    assert_non_null(registry);
    snprintf(path, sizeof path, "%s/script.lua", folder);
    if (text)
        write_file("script.lua", text);
    status = weir_lua_run(&options);
    fclose(options.messages);
    weir_registry_free(registry);
    return status;
}

/* The status of a script and what it says; %s in expected is the script's folder. */
static void check(const char *text, int status, const char *format)
{
    char *said = NULL, expected[1024];
    int got = run(text, NULL, 0, &said);

    snprintf(expected, sizeof expected, format, folder, folder, folder, folder, folder);
    assert_string_equal(said, expected);
    assert_int_equal(got, status);
    free(said);
}

static void test_status(void **unused)
{
    (void)unused;
    check("local x = 1", 0, "");
    check("error('no')", 2, "%s/script.lua:1: no\n");
    check("local x = = 1", 2, "%s/script.lua:1: unexpected symbol near '='\n");
    check("error('no', 0)", 2, "no\n");
    check("error()", 2, "the script raised a nil, which says nothing\n");
    check("error(setmetatable({}, { __tostring = function() return 'text' end }))", 2, "text\n");
    check("x = 1", 2, "%s/script.lua:1: assigning the undeclared global 'x'; write: local x = …\n");
    check("rawset(_G, 'x', 1) x = 2 assert(x == 2)", 0, "");
    /* the handle of an experiment in the wrong hands */
    check("local handle = require 'weir'.experiment 'x'.core\n"
          "local free = getmetatable(handle).__gc\n"
          "assert(not pcall(free, io.stdout) and io.write(''))\n",
          0, "");
}

/* Strict are the script and what lies beside it; a library from elsewhere keeps its globals. */
static void test_foreign_globals(void **unused)
{
    char path[256];

    (void)unused;
    snprintf(path, sizeof path, "%s/elsewhere", folder);
    assert_int_equal(mkdir(path, 0755), 0);
    write_file("elsewhere/library.lua", "counter = (counter or 0) + 1 return { get = function() "
                                        "return counter, nosuch end }");
    write_file("beside.lua", "counter = 1");
    check("package.path = arg[0]:gsub('script%.lua$', 'elsewhere/?.lua')\n"
          "local library = require 'library'\n"
          "assert(library.get() == 1 and counter == 1)\n"
          "assert(select('#', library.get()) == 2 and select(2, library.get()) == nil)\n"
          "assert(not pcall(load 'other = 1'))\n"
          "assert(not pcall(coroutine.wrap(function() return other end)))\n"
          "local _ = count",
          2, "%s/script.lua:7: reading the undeclared global 'count'; did you mean 'counter'?\n");
    check("require 'beside'", 2,
          "%s/beside.lua:1: assigning the undeclared global 'counter'; write: local counter = …\n"
          "    %s/beside.lua:1: in the main chunk\n"
          "    %s/script.lua:1: in the main chunk\n");
    snprintf(path, sizeof path, "%s/elsewhere/library.lua", folder);
    unlink(path);
    *strrchr(path, '/') = 0;
    rmdir(path);
}

static void test_missing(void **unused)
{
    char *said = NULL, path[256];

    (void)unused;
    snprintf(path, sizeof path, "%s/script.lua", folder);
    unlink(path);
    assert_int_equal(run(NULL, NULL, 0, &said), 2);
    assert_non_null(strstr(said, "script.lua: No such file or directory"));
    free(said);
}

/* The calls that led to an error are listed, without those of the module and of C. */
static void test_traceback(void **unused)
{
    (void)unused;
    check("local weir = require 'weir'\n"
          "local function inner() weir.trace(12) return 1 end\n"
          "local function outer() inner() return 1 end\n"
          "table.sort({ 1, 2 }, function() outer() return false end)\n",
          2,
          "%s/script.lua:2: the files of a trace is a number, must be a table, as in weir.trace "
          "\"a.pcap\" or weir.trace { \"a.pcap\", \"b.pcap\" }\n"
          "    %s/script.lua:2: in function 'inner'\n"
          "    %s/script.lua:3: in function 'outer'\n"
          "    %s/script.lua:4: in a function\n"
          "    %s/script.lua:4: in the main chunk\n");
}

static void test_deep(void **unused)
{
    char *said = NULL;

    (void)unused;
    assert_int_equal(run("local function down(n) if n == 0 then error 'deep' end down(n - 1) "
                         "return 1 end\ndown(50)",
                         NULL, 0, &said),
                     2);
    assert_non_null(strstr(said, "\n    …\n"));
    assert_true(strlen(said) < 4096);
    free(said);
    /* endless recursion is an error like any other */
    assert_int_equal(run("local function down() down() return 1 end down()", NULL, 0, &said), 2);
    assert_non_null(strstr(said, "stack overflow"));
    free(said);
}

static void test_arguments(void **unused)
{
    char *arguments[] = {(char *)(uintptr_t) "--seeds=4", (char *)(uintptr_t) "--quick"};
    char *said = NULL;
    int status = run("assert(arg[0]:find 'script.lua$' and arg[1] == '--seeds=4' and #arg == 2)\n"
                     "assert(select('#', ...) == 2 and select(2, ...) == '--quick')\n"
                     "local weir = require 'weir'\n"
                     "local given = weir.arguments { quick = { false, '' }, seeds = { 3, '' }, "
                     "name = 'x' }\n"
                     "assert(given.quick == true and given.seeds == 4 and given.name == 'x')\n"
                     "local ok, message = pcall(function() return given.seed end)\n"
                     "assert(not ok and message:find \"did you mean 'seeds'\", message)",
                     arguments, 2, &said);

    (void)unused;
    assert_string_equal(said, "");
    assert_int_equal(status, 0);
    free(said);
}

static void test_require(void **unused)
{
    (void)unused;
    write_file("shared_part.lua", "return { answer = 42, file = ... }");
    check("assert(require('shared_part').answer == 42)\n"
          "assert(require 'weir' == require 'weir')",
          0, "");
}

static int make_folder(void **unused)
{
    (void)unused;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **unused)
{
    char command[300];

    (void)unused;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),          cmocka_unit_test(test_missing),
        cmocka_unit_test(test_traceback),       cmocka_unit_test(test_deep),
        cmocka_unit_test(test_arguments),       cmocka_unit_test(test_require),
        cmocka_unit_test(test_foreign_globals),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
