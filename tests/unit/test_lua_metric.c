/* Metrics written in Lua: packing, running, what they may return. Covers: core/lua/metric.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lua/metric.h"
#include "plugin/job.h"
#include <lauxlib.h>
#include <lualib.h>

static const weir_feature features[] = {
    {.label = "A", .title = "a", .unit = "s", .schemas = WEIR_ANY_SCHEMA},
    {.label = "BEE", .title = "b", .unit = "", .schemas = WEIR_ANY_SCHEMA},
    {0},
};

static weir_dataset *packets(size_t n)
{
    weir_table *table = weir_table_new(WEIR_PACKETS, n, NULL);
    weir_dataset *dataset;

    for (size_t i = 0; i < n; i++) {
        weir_i64_out(table, "time")[i] = (int64_t)i;
        weir_u16_out(table, "pkt_len")[i] = (uint16_t)(10 * (i + 1));
    }
    dataset = weir_dataset_new(table, NULL);
    assert_non_null(dataset);
    return dataset;
}

/* [-0, +1] The packed code of "function(real, synthetic, stats) BODY end", as a chunk that returns
 * it. */
static const char *pack(lua_State *L, const char *chunk)
{
    luaL_openlibs(L);
    lua_pushcfunction(L, weir_lua_metric_dump);
    if (luaL_loadbuffer(L, chunk, strlen(chunk), "@ages.lua") != LUA_OK ||
        lua_pcall(L, 0, 1, 0) != LUA_OK || lua_pcall(L, 1, 2, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    return lua_tostring(L, -2);
}

/* Runs a metric of the first n features; the scores, or NULL with its error. */
static json_t *run(const char *body, size_t n, weir_error *error)
{
    weir_feature declared[3];
    weir_metric metric = {.abi = WEIR_ABI,
                          .kind = WEIR_KIND_METRIC,
                          .name = "ages",
                          .accepts = WEIR_ANY_SCHEMA,
                          .features = declared};
    weir_job_setup setup = {.plugin = (const weir_plugin *)(const void *)&metric,
                            .threads = 1,
                            .device = "cpu",
                            .log_fd = -1,
                            .status_fd = -1};
    weir_dataset *real = packets(4), *synthetic = packets(2);
    lua_State *L = luaL_newstate();
    char chunk[2048];
    json_t *lua, *scores = NULL;
    weir_job *job;
    int status;

    memcpy(declared, features, sizeof declared);
    declared[n] = (weir_feature){0};
    snprintf(chunk, sizeof chunk, "return function(real, synthetic, stats)\n%s\nend", body);
    lua = json_pack("{ss ss s[{ss}]}", "name", "ages", "code", pack(L, chunk), "features", "label",
                    "A");
    if (n == 2)
        json_array_append_new(json_object_get(lua, "features"), json_pack("{ss}", "label", "BEE"));
    assert_non_null(lua);
    job = weir_job_new(&setup, error);
    assert_non_null(job);
    assert_int_equal(weir_scores_begin(job, real, synthetic), WEIR_OK);
    weir_job_phase(job, "score");
    status = weir_lua_metric_score(job, lua, real, synthetic);
    if (status == WEIR_OK)
        scores = weir_scores_end(job);
    weir_job_end(job, status, error);
    weir_job_free(job);
    json_decref(lua);
    lua_close(L);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
    return scores;
}

/* The score of a feature. */
static const json_t *score(const json_t *scores, const char *feature)
{
    const json_t *each;
    size_t at;

    json_array_foreach((json_t *)(uintptr_t)scores, at, each)
    {
        if (!strcmp(json_string_value(json_object_get(each, "feature")), feature))
            return each;
    }
    fail_msg("no score of %s", feature);
    return NULL;
}

static double number(const json_t *scores, const char *feature, const char *member)
{
    return json_number_value(json_object_get(score(scores, feature), member));
}

static void test_values(void **unused)
{
    weir_error error = {0};
    json_t *scores = run("return #real - #synthetic", 1, &error);

    (void)unused;
    assert_non_null(scores);
    assert_float_equal(number(scores, "A", "value"), 2, 0);
    assert_float_equal(number(scores, "A", "n_real"), 4, 0);
    assert_float_equal(number(scores, "A", "n_synthetic"), 2, 0);
    json_decref(scores);

    scores = run("return { value = 0.5, n_real = 3 }", 1, &error);
    assert_non_null(scores);
    assert_float_equal(number(scores, "A", "value"), 0.5, 0);
    assert_float_equal(number(scores, "A", "n_real"), 3, 0);
    assert_float_equal(number(scores, "A", "n_synthetic"), 2, 0);
    json_decref(scores);

    scores = run("local a, b = real:column 'pkt_len', synthetic:column 'pkt_len'\n"
                 "return { A = stats.emd(a, b), BEE = 'no flow is long enough' }",
                 2, &error);
    assert_non_null(scores);
    assert_float_equal(number(scores, "A", "value"), 10, 1e-12);
    assert_string_equal(json_string_value(json_object_get(score(scores, "BEE"), "status")), "n/a");
    assert_string_equal(json_string_value(json_object_get(score(scores, "BEE"), "reason")),
                        "no flow is long enough");
    json_decref(scores);
}

static void test_refused(void **unused)
{
    static const struct {
        const char *body;
        size_t features;
        const char *text;
    } cases[] = {
        {"return", 1, "nothing was returned for feature A"},
        {"return true", 1, "feature A is a boolean, must be a number or the reason"},
        {"return 0/0", 1, "the score of feature 'A' is not a number"},
        {"return 1", 2, "a number was returned, must be a table { FEATURE = value } for its 2"},
        {"return { A = 1 }", 2, "nothing was returned for feature BEE"},
        {"return { A = 1, BEA = 1 }", 2, "'BEA', which is no feature of it; did you mean 'BEE'?"},
        {"return { 1, 2 }", 2, "the returned table must be { FEATURE = value }, it has a list"},
        {"return { value = 1, n_real = -1 }", 1, "n_real of feature A must be a whole number"},
        {"return { A = { value = 'x' } }", 1, "feature A is a table whose value is not a number"},
        {"return real.x.y", 1, "ages.lua:2: a dataset has no member 'x'"},
        {"return nosuch", 1, "ages.lua:2: reading the undeclared global 'nosuch'"},
        {"total = 1 return 1", 1, "ages.lua:2: assigning the undeclared global 'total'"},
        {"local function f() error 'deep' end\nf()\nreturn 1", 1, "ages.lua:2: deep"},
        {"error {}", 1, "the function raised what is no text"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_error error = {0};
        json_t *scores = run(cases[i].body, cases[i].features, &error);

        if (scores)
            fail_msg("accepted: %s", cases[i].body);
        if (!strstr(error.text, cases[i].text))
            fail_msg("%s: '%s' instead of '%s'", cases[i].body, error.text, cases[i].text);
    }
}

/* A function that never ends is left when the job is cancelled. */
static void test_cancel(void **unused)
{
    weir_error error = {0};

    (void)unused;
    weir_cancel();
    assert_null(run("while true do end", 1, &error));
    weir_cancel_clear();
    assert_int_equal(error.status, WEIR_ECANCEL);
}

static void test_damaged(void **unused)
{
    static const char *const codes[] = {"", "!!!!", "AAAA", "bm8gYnl0ZWNvZGU="};
    weir_dataset *data = packets(2);

    (void)unused;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        weir_metric metric = {.abi = WEIR_ABI,
                              .kind = WEIR_KIND_METRIC,
                              .name = "ages",
                              .accepts = WEIR_ANY_SCHEMA,
                              .features = features};
        weir_job_setup setup = {.plugin = (const weir_plugin *)(const void *)&metric,
                                .threads = 1,
                                .device = "cpu",
                                .log_fd = -1,
                                .status_fd = -1};
        weir_error error = {0};
        weir_job *job = weir_job_new(&setup, &error);
        json_t *lua = json_pack("{ss ss s[{ss}]}", "name", "ages", "code", codes[i], "features",
                                "label", "A");

        assert_non_null(job);
        assert_int_equal(weir_lua_metric_score(job, lua, data, data), WEIR_EDATA);
        assert_non_null(strstr(weir_job_error(job)->text, "its code is damaged"));
        json_decref(lua);
        weir_job_free(job);
    }
    weir_dataset_free(data);
}

/* What cannot be packed is said, not packed. */
static void test_upvalues(void **unused)
{
    lua_State *L = luaL_newstate();
    const char *code =
        pack(L, "local limit, unused = 3, 4\nreturn function() return math.abs(limit) end");

    (void)unused;
    assert_null(code);
    assert_non_null(strstr(lua_tostring(L, -1), "uses 'limit' of the script around it"));
    lua_settop(L, 0);
    assert_null(pack(L, "return print"));
    assert_string_equal(lua_tostring(L, -1), "is a function of C, must be one written in Lua");
    lua_settop(L, 0);
    assert_non_null(pack(L, "return function(a) local limit = 3 return math.abs(a - limit) end"));
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cancel),   cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_upvalues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
