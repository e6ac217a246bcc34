/* A script's Lua state: standard library, strict globals, `require "weir"`, `arg`, and its errors
 * as lines that name file and line. */
#include "lua/script.h"
#include "lua/frames.h"
#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>
#include <unistd.h>

static const char ended; /* its address is the error that ends a script without a message */

weir_lua_script *weir_lua_script_of(lua_State *L)
{
    return *(weir_lua_script **)lua_getextraspace(L);
}

int weir_lua_end(lua_State *L)
{
    weir_lua_script_of(L)->ended = true;
    lua_pushlightuserdata(L, (void *)(uintptr_t)&ended);
    return lua_error(L);
}

/* `arg` as the standard interpreter has it: the script at 0, its arguments from 1 on. */
static void set_arguments(lua_State *L, const weir_lua_options *options)
{
    lua_createtable(L, options->argument_count, 1);
    lua_pushstring(L, options->script);
    lua_rawseti(L, -2, 0);
    for (int i = 0; i < options->argument_count; i++) {
        lua_pushstring(L, options->arguments[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setglobal(L, "arg");
}

/* Modules beside the script come first. */
static void set_path(lua_State *L, const char *script)
{
    const char *slash = strrchr(script, '/');
    size_t length = slash ? (size_t)(slash - script) : 1;

    lua_getglobal(L, "package");
    lua_pushlstring(L, slash ? script : ".", length);
    lua_pushliteral(L, "/?.lua;");
    lua_getfield(L, -3, "path");
    lua_concat(L, 3);
    lua_setfield(L, -2, "path");
    lua_pop(L, 1);
}

/* The loader of `require "weir"`; its upvalue is the core table. */
static int open_module(lua_State *L)
{
    weir_lua_load_chunk(L, "module");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_call(L, 1, 1);
    return 1;
}

/* Everything that may raise: arguments are the script's options. */
static int run(lua_State *L)
{
    const weir_lua_options *options = lua_touserdata(L, 1);

    luaL_openlibs(L);
    set_arguments(L, options);
    set_path(L, options->script);
    weir_lua_push_core(L);
    weir_lua_add_natives(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, open_module, 1);
    lua_setfield(L, -2, "weir");
    lua_pop(L, 2);
    weir_lua_set_strict(L, lua_pushfstring(L, "@%s", options->script));
    lua_pop(L, 1);

    if (luaL_loadfilex(L, options->script, "t") != LUA_OK)
        return lua_error(L);
    for (int i = 1; i <= options->argument_count; i++)
        lua_pushstring(L, options->arguments[i - 1]);
    lua_call(L, options->argument_count, 0);
    if (lua_getfield(L, LUA_REGISTRYINDEX, "weir.finish") == LUA_TFUNCTION)
        lua_call(L, 0, 0);
    return 0;
}

static void print_error(lua_State *L, FILE *to)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        fprintf(to, "%s\n", lua_tostring(L, -1));
    else
        fprintf(to, "the script raised a %s, which says nothing\n", luaL_typename(L, -1));
}

int weir_lua_run(const weir_lua_options *options)
{
    weir_lua_script script = {.options = options};
    lua_State *L;

    if (access(options->script, R_OK) != 0) {
        fprintf(options->messages, "%s: %s\n", options->script, strerror(errno));
        return 2;
    }
    L = luaL_newstate();
    if (!L) {
        fprintf(options->messages, "%s: out of memory\n", options->script);
        return 2;
    }
    *(weir_lua_script **)lua_getextraspace(L) = &script;
    lua_pushcfunction(L, weir_lua_traceback);
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, (void *)(uintptr_t)options);
    if (lua_pcall(L, 1, 0, 1) != LUA_OK && lua_touserdata(L, -1) != &ended) {
        print_error(L, options->messages);
        if (!script.ended)
            script.status = 2;
    }
    lua_close(L);
    return script.status;
}
