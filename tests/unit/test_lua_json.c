/* Lua values to JSON and back. Covers: core/lua/json.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lua/json.h"
#include <lauxlib.h>
#include <lualib.h>

static lua_State *new_state(void)
{
    lua_State *L = luaL_newstate();

    assert_non_null(L);
    luaL_openlibs(L);
    return L;
}

/* The JSON text of a Lua expression; NULL with the error's text in error. */
static char *converted(lua_State *L, const char *expression, weir_error *error)
{
    char code[512];
    json_t *json;
    char *text = NULL;
    int top = lua_gettop(L);

    snprintf(code, sizeof code, "return %s", expression);
    assert_int_equal(luaL_dostring(L, code), LUA_OK);
    json = weir_lua_to_json(L, -1, error);
    assert_int_equal(lua_gettop(L), top + 2); /* the value and the box, also on failure */
    if (json)
        text = json_dumps(json, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
    lua_settop(L, top);
    return text;
}

static void test_values(void **unused)
{
    static const char *const cases[][2] = {
        {"1", "1"},
        {"-2^31", "-2147483648"},
        {"1e3", "1000"},
        {"0.5", "0.5"},
        {"1e300", "1.0000000000000001e300"},
        {"9007199254740993", "9007199254740993"},
        {"true", "true"},
        {"'a\\0b'", "\"a\\u0000b\""},
        {"{}", "{}"},
        {"{1, 'x', {2}}", "[1,\"x\",[2]]"},
        {"{a = {b = {}}, c = 1}", "{\"a\":{\"b\":{}},\"c\":1}"},
    };
    lua_State *L = new_state();

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_error error = {0};
        char *text = converted(L, cases[i][0], &error);

        assert_non_null(text);
        assert_string_equal(text, cases[i][1]);
        free(text);
    }
    lua_close(L);
}

static void test_refused(void **unused)
{
    static const char *const cases[][2] = {
        {"1/0", "inf is not a finite number"},
        {"{a = {b = 0/0}}", "a: b: "},
        {"print", "a function cannot be stored"},
        {"{x = {1, print}}", "x: 2: a function cannot be stored"},
        {"{1, a = 2}", "a table is either a list or has names, not both"},
        {"{[1] = 1, [3] = 3}", "a table is either a list or has names, not both"},
        {"'\\xff'", "a text that is not UTF-8 cannot be stored"},
        {"{['\\xff'] = 1}", "not UTF-8"},
        {"(function() local t = {} t.t = t return t end)()", "nested too deeply"},
    };
    lua_State *L = new_state();

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_error error = {0};

        assert_null(converted(L, cases[i][0], &error));
        assert_int_equal(error.status, WEIR_EOPTION);
        if (!strstr(error.text, cases[i][1]))
            fail_msg("%s: '%s' instead of '%s'", cases[i][0], error.text, cases[i][1]);
    }
    lua_close(L);
}

/* An empty table is a list only where it says so. */
static void test_marked(void **unused)
{
    lua_State *L = new_state();
    weir_error error = {0};
    const json_t *json;

    (void)unused;
    lua_newtable(L);
    weir_lua_mark_array(L);
    json = weir_lua_to_json(L, -1, &error);
    assert_true(json_is_array(json));
    lua_close(L);
}

static void test_back(void **unused)
{
    lua_State *L = new_state();
    json_t **slot = weir_lua_box(L);

    (void)unused;
    *slot = json_loads("{\"a\": [1, 2.5, null, \"x\"], \"gone\": null, \"yes\": true}", 0, NULL);
    assert_non_null(*slot);
    weir_lua_from_json(L, *slot);
    lua_setglobal(L, "t");
    assert_int_equal(luaL_dostring(L, "assert(math.type(t.a[1]) == 'integer' and t.a[2] == 2.5)\n"
                                      "assert(t.a[3] == nil and t.a[4] == 'x')\n"
                                      "assert(t.gone == nil and t.yes == true)"),
                     LUA_OK);
    weir_lua_from_json(L, NULL);
    assert_true(lua_isnil(L, -1));
    lua_close(L);
}

static void *limited_alloc(void *left, void *pointer, size_t old_size, size_t new_size)
{
    size_t *n = left;

    (void)old_size;
    if (new_size == 0) {
        free(pointer);
        return NULL;
    }
    if (*n == 0)
        return NULL;
    (*n)--;
    return realloc(pointer, new_size);
}

static int convert_there_and_back(lua_State *L)
{
    weir_error error = {0};

    lua_newtable(L);
    for (int i = 1; i < 20; i++) {
        lua_newtable(L);
        lua_pushinteger(L, i);
        lua_setfield(L, -2, "value");
        lua_rawseti(L, 1, i);
    }
    weir_lua_from_json(L, weir_lua_to_json(L, 1, &error));
    return 0;
}

/* Wherever Lua runs out of memory, it is an error and nothing leaks (the leak sanitizer sees to
 * it).
 */
static void test_memory(void **unused)
{
    size_t failures = 0;

    (void)unused;
    for (size_t n = 0; n < 400; n++) {
        size_t left = SIZE_MAX;
        lua_State *L = lua_newstate(limited_alloc, &left);
        int status;

        assert_non_null(L);
        lua_pushcfunction(L, convert_there_and_back);
        left = n;
        status = lua_pcall(L, 0, 0, 0);
        assert_true(status == LUA_OK || status == LUA_ERRMEM);
        failures += status == LUA_ERRMEM;
        left = SIZE_MAX;
        lua_close(L);
    }
    assert_true(failures > 20 && failures < 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_marked), cmocka_unit_test(test_back),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
