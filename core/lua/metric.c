/* Metrics written in Lua. The function travels as bytecode in the declaration, so that it runs in a
 * process that never saw the script; it takes nothing along but its code. */
#include "lua/metric.h"
#include "lua/frames.h"
#include "lua/view.h"
#include "plugin/options.h"
#include <lauxlib.h>
#include <lualib.h>
#include <openssl/evp.h>
#include <string.h>

#define MAX_FEATURES 256
#define HOOK_EVERY 1000000 /* instructions between two looks at whether to go on */

/* ---- Declared -------------------------------------------------------------------------------- */

typedef struct dumped {
    bool begun;
    luaL_Buffer code;
} dumped;

/* The buffer begins with the first bytes: it uses the stack, whose top is the function until then.
 */
static int append(lua_State *L, const void *bytes, size_t n, void *context)
{
    dumped *to = context;

    if (!to->begun)
        luaL_buffinit(L, &to->code);
    to->begun = true;
    luaL_addlstring(&to->code, bytes, n);
    return 0;
}

int weir_lua_metric_dump(lua_State *L)
{
    const char *name;
    dumped dump = {.begun = false};
    luaL_Buffer text;
    size_t n;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    if (lua_iscfunction(L, 1)) {
        lua_pushnil(L);
        lua_pushliteral(L, "is a function of C, must be one written in Lua");
        return 2;
    }
    for (int i = 1; (name = lua_getupvalue(L, 1, i)); i++) {
        lua_pop(L, 1);
        if (strcmp(name, "_ENV") == 0)
            continue;
        lua_pushnil(L);
        lua_pushfstring(L,
                        "uses '%s' of the script around it; a metric runs in a process of its own "
                        "and has its arguments (real, synthetic, stats) and the standard library",
                        name);
        return 2;
    }
    if (lua_dump(L, append, &dump, 0) != 0)
        return luaL_error(L, "the function cannot be stored");
    luaL_pushresult(&dump.code);
    name = lua_tolstring(L, -1, &n);
    EVP_EncodeBlock((unsigned char *)luaL_buffinitsize(L, &text, 4 * ((n + 2) / 3) + 1),
                    (const unsigned char *)name, (int)n);
    luaL_pushresultsize(&text, 4 * ((n + 2) / 3));
    return 1;
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* One metric at work. */
typedef struct metric_run {
    weir_job *job;
    const char *name;
    const json_t *features;
    const char *code;
    const weir_dataset *real, *synthetic;
    bool cancelled;
} metric_run;

static metric_run *run_of(lua_State *L)
{
    return *(metric_run **)lua_getextraspace(L);
}

static void hook(lua_State *L, lua_Debug *at)
{
    metric_run *run = run_of(L);

    (void)at;
    if (weir_progress(run->job, 0, 1) == WEIR_OK)
        return;
    run->cancelled = true;
    luaL_error(L, "cancelled");
}

/* [-0, +1, e] Pushes the metric's function, its globals those of this state. */
static void load_function(lua_State *L, const metric_run *run)
{
    size_t length = strlen(run->code), padding = 0;
    unsigned char *bytes;
    int n;

    while (padding < 2 && padding < length && run->code[length - 1 - padding] == '=')
        padding++;
    bytes = lua_newuserdatauv(L, length + 1, 0);
    n = length < INT32_MAX ? EVP_DecodeBlock(bytes, (const unsigned char *)run->code, (int)length)
                           : -1;
    if (n <= (int)padding ||
        luaL_loadbufferx(L, (const char *)bytes, (size_t)n - padding, run->name, "b") != LUA_OK)
        luaL_error(L, "its code is damaged");
    lua_remove(L, -2);
    if (lua_getupvalue(L, -1, 1)) {
        lua_pop(L, 1);
        lua_pushglobaltable(L);
        lua_setupvalue(L, -2, 1);
    }
}

static void check(lua_State *L, int status)
{
    if (status != WEIR_OK)
        luaL_error(L, "%s", weir_job_error(run_of(L)->job)->text);
}

/* The member of a feature's table, which is on the top, as a sample's size. */
static size_t sample_size(lua_State *L, const char *feature, const char *member, size_t otherwise)
{
    lua_Integer n;
    int whole = 1;

    if (lua_getfield(L, -1, member) == LUA_TNIL) {
        lua_pop(L, 1);
        return otherwise;
    }
    n = lua_tointegerx(L, -1, &whole);
    if (!whole || n < 0)
        luaL_error(L, "%s of feature %s must be a whole number, 0 or more", member, feature);
    lua_pop(L, 1);
    return (size_t)n;
}

/* Records what the function gave for one feature: the value on the top, which is popped. */
static void record(lua_State *L, const char *feature)
{
    const metric_run *run = run_of(L);
    size_t n_real = weir_dataset_rows(run->real);
    size_t n_synthetic = weir_dataset_rows(run->synthetic);

    switch (lua_type(L, -1)) {
    case LUA_TTABLE:
        n_real = sample_size(L, feature, "n_real", n_real);
        n_synthetic = sample_size(L, feature, "n_synthetic", n_synthetic);
        lua_getfield(L, -1, "value");
        lua_remove(L, -2);
        if (lua_type(L, -1) != LUA_TNUMBER)
            luaL_error(L, "feature %s is a table whose value is not a number", feature);
        /* fall through */
    case LUA_TNUMBER:
        check(L, weir_score(run->job, feature, lua_tonumber(L, -1), n_real, n_synthetic));
        break;
    case LUA_TSTRING:
        check(L, weir_score_na(run->job, feature, "%s", lua_tostring(L, -1)));
        break;
    case LUA_TNIL:
        luaL_error(L,
                   "nothing was returned for feature %s, must be a number or the reason why "
                   "there is none",
                   feature);
        break;
    default:
        luaL_error(L, "feature %s is a %s, must be a number or the reason why there is none",
                   feature, luaL_typename(L, -1));
    }
    lua_pop(L, 1);
}

/* Refuses members of the returned table that are no features. */
static void check_labels(lua_State *L, const char *const *labels, size_t n)
{
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL, *near;
        bool found = false;

        for (size_t i = 0; key && i < n; i++)
            found = found || strcmp(labels[i], key) == 0;
        if (found)
            continue;
        if (!key)
            luaL_error(L, "the returned table must be { FEATURE = value }, it has a list");
        near = weir_nearest(key, labels, n);
        luaL_error(L, "a value was returned for '%s', which is no feature of it%s%s%s", key,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
}

static int run_metric(lua_State *L)
{
    const metric_run *run = run_of(L);
    const char *labels[MAX_FEATURES];
    size_t n = json_array_size(run->features);
    lua_Debug of;

    luaL_openlibs(L);
    if (n == 0 || n > MAX_FEATURES)
        return luaL_error(L, "a metric has 1 to %d features", MAX_FEATURES);
    for (size_t i = 0; i < n; i++) {
        const char *label =
            json_string_value(json_object_get(json_array_get(run->features, i), "label"));

        labels[i] = label ? label : "";
    }
    load_function(L, run);
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &of);
    weir_lua_set_strict(L, of.source);
    weir_lua_push_dataset(L, run->real);
    weir_lua_push_dataset(L, run->synthetic);
    weir_lua_push_stats(L);
    lua_sethook(L, hook, LUA_MASKCOUNT, HOOK_EVERY);
    lua_call(L, 3, 1);
    lua_sethook(L, NULL, 0, 0);
    if (n == 1 && lua_type(L, -1) != LUA_TTABLE) {
        record(L, labels[0]);
        return 0;
    }
    if (n == 1 && lua_getfield(L, -1, "value") != LUA_TNIL) {
        lua_pop(L, 1);
        record(L, labels[0]);
        return 0;
    }
    if (n == 1)
        lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TTABLE)
        return luaL_error(L,
                          "a %s was returned, must be a table { FEATURE = value } for its %d "
                          "features",
                          luaL_typename(L, -1), (int)n);
    check_labels(L, labels, n);
    for (size_t i = 0; i < n; i++) {
        lua_getfield(L, -1, labels[i]);
        record(L, labels[i]);
    }
    return 0;
}

int weir_lua_metric_score(weir_job *job, const json_t *lua, const weir_dataset *real,
                          const weir_dataset *synthetic)
{
    metric_run run = {.job = job,
                      .name = json_string_value(json_object_get(lua, "name")),
                      .features = json_object_get(lua, "features"),
                      .code = json_string_value(json_object_get(lua, "code")),
                      .real = real,
                      .synthetic = synthetic};
    lua_State *L;
    int status;

    if (!run.name || !run.code || !json_is_array(run.features))
        return weir_fail(job, WEIR_EBUG, "a Lua metric needs name, code and features");
    L = luaL_newstate();
    if (!L)
        return weir_error_memory(weir_job_error(job), 0, "a Lua state");
    *(metric_run **)lua_getextraspace(L) = &run;
    lua_pushcfunction(L, weir_lua_traceback);
    lua_pushcfunction(L, run_metric);
    status = lua_pcall(L, 0, 0, 1);
    if (status == LUA_ERRMEM)
        weir_fail(job, WEIR_ENOMEM, "out of memory in the metric's function");
    else if (status != LUA_OK)
        weir_fail(job, run.cancelled ? WEIR_ECANCEL : WEIR_EDATA, "%s",
                  lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1)
                                                 : "the function raised what is no text");
    lua_close(L);
    return (int)weir_job_error(job)->status;
}
