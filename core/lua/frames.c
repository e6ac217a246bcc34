/* Where in a script an error belongs. Frames of C and of the module's own chunks are passed over:
 * a mistake is the caller's. */
#include "lua/frames.h"
#include "lua/chunks.h"
#include "plugin/options.h"
#include <lauxlib.h>
#include <string.h>

#define OWN "=[weir "
#define MAX_FRAMES 10

/* The next frame of a script from *level on; moves *level behind it. */
static bool next_script_frame(lua_State *L, int *level, lua_Debug *frame)
{
    while (lua_getstack(L, (*level)++, frame)) {
        lua_getinfo(L, "Sln", frame);
        if (*frame->what != 'C' && strncmp(frame->source, OWN, strlen(OWN)) != 0)
            return true;
    }
    return false;
}

static const char *file_of(const lua_Debug *frame)
{
    return *frame->source == '@' || *frame->source == '=' ? frame->source + 1 : frame->short_src;
}

void weir_lua_push_position(lua_State *L)
{
    lua_Debug frame;
    int level = 0;

    if (next_script_frame(L, &level, &frame))
        lua_pushfstring(L, "%s:%d", file_of(&frame), frame.currentline);
    else
        lua_pushliteral(L, "");
}

static int position(lua_State *L)
{
    weir_lua_push_position(L);
    return 1;
}

static int where(lua_State *L)
{
    weir_lua_push_position(L);
    if (lua_rawlen(L, -1) > 0) {
        lua_pushliteral(L, ": ");
        lua_concat(L, 2);
    }
    return 1;
}

/* The folder of the innermost script. */
static int here(lua_State *L)
{
    lua_Debug frame;
    int level = 0;
    const char *file, *slash;

    if (!next_script_frame(L, &level, &frame)) {
        lua_pushliteral(L, ".");
        return 1;
    }
    file = file_of(&frame);
    slash = strrchr(file, '/');
    if (!slash)
        lua_pushliteral(L, ".");
    else
        lua_pushlstring(L, file, slash == file ? 1 : (size_t)(slash - file));
    return 1;
}

/* nearest(word, list): the known word that was probably meant, or nil. */
static int nearest(lua_State *L)
{
    const char *word = luaL_checkstring(L, 1), *near;
    lua_Integer n;
    const char **known;

    luaL_checktype(L, 2, LUA_TTABLE);
    n = luaL_len(L, 2);
    known = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *known, 0);
    luaL_checkstack(L, (int)n + 1, "too many names");
    for (lua_Integer i = 0; i < n; i++) {
        lua_rawgeti(L, 2, i + 1);
        known[i] = luaL_checkstring(L, -1);
    }
    near = weir_nearest(word, known, (size_t)n);
    lua_pushstring(L, near);
    return 1;
}

/* chunk(name, …): what a chunk of the module returns, given this table and the rest. */
static int chunk(lua_State *L)
{
    int n = lua_gettop(L);

    weir_lua_load_chunk(L, luaL_checkstring(L, 1));
    lua_pushvalue(L, lua_upvalueindex(1));
    for (int i = 2; i <= n; i++)
        lua_pushvalue(L, i);
    lua_call(L, n, 1);
    return 1;
}

void weir_lua_push_core(lua_State *L)
{
    static const luaL_Reg functions[] = {{"where", where},
                                         {"position", position},
                                         {"here", here},
                                         {"nearest", nearest},
                                         {NULL, NULL}};

    luaL_newlib(L, functions);
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, chunk, 1);
    lua_setfield(L, -2, "chunk");
}

void weir_lua_load_chunk(lua_State *L, const char *name)
{
    size_t size;
    const char *code = weir_lua_chunk(name, &size);
    const char *label;

    if (!code)
        luaL_error(L, "the module has no chunk '%s'", name);
    label = lua_pushfstring(L, OWN "%s]", name);
    if (luaL_loadbufferx(L, code, size, label, "t") != LUA_OK)
        lua_error(L);
    lua_remove(L, -2);
}

void weir_lua_set_strict(lua_State *L, const char *source)
{
    weir_lua_load_chunk(L, "strict");
    weir_lua_push_core(L);
    lua_pushstring(L, source);
    lua_call(L, 2, 0);
}

int weir_lua_traceback(lua_State *L)
{
    lua_Debug frame;
    int level = 0, lines = 0;
    luaL_Buffer text;

    if (lua_type(L, 1) == LUA_TTABLE && luaL_callmeta(L, 1, "__tostring"))
        lua_replace(L, 1);
    if (lua_type(L, 1) != LUA_TSTRING)
        return 1;
    for (int at = 0; lines <= MAX_FRAMES && next_script_frame(L, &at, &frame);)
        lines++;
    if (lines < 2)
        return 1;
    luaL_buffinit(L, &text);
    lua_pushvalue(L, 1);
    luaL_addvalue(&text);
    for (int i = 0; i < MAX_FRAMES && next_script_frame(L, &level, &frame); i++) {
        if (*frame.what == 'm')
            lua_pushfstring(L, "\n    %s:%d: in the main chunk", file_of(&frame),
                            frame.currentline);
        else
            lua_pushfstring(L, "\n    %s:%d: in %s%s%s", file_of(&frame), frame.currentline,
                            frame.name ? "function '" : "a function", frame.name ? frame.name : "",
                            frame.name ? "'" : "");
        luaL_addvalue(&text);
    }
    if (lines > MAX_FRAMES)
        luaL_addstring(&text, "\n    …");
    luaL_pushresult(&text);
    return 1;
}
