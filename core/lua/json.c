/* Lua values to JSON and back. Children are attached to their parent before they are filled, so
 * that the box owns everything at every moment a Lua error may be raised. */
#include "lua/json.h"
#include <lauxlib.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define BOX "weir.json"
#define ARRAY "weir.array"
#define MAX_DEPTH 32

static int free_box(lua_State *L)
{
    json_t **slot = luaL_checkudata(L, 1, BOX);

    json_decref(*slot);
    *slot = NULL;
    return 0;
}

json_t **weir_lua_box(lua_State *L)
{
    json_t **slot = lua_newuserdatauv(L, sizeof *slot, 0);

    *slot = NULL;
    if (luaL_newmetatable(L, BOX)) {
        lua_pushcfunction(L, free_box);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return slot;
}

void weir_lua_mark_array(lua_State *L)
{
    luaL_newmetatable(L, ARRAY);
    lua_setmetatable(L, -2);
}

static bool marked_array(lua_State *L, int index)
{
    bool marked;

    if (!lua_getmetatable(L, index))
        return false;
    luaL_getmetatable(L, ARRAY);
    marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return marked;
}

/* Whether the table's keys are exactly 1 … n. An empty one is an array only if it is marked. */
static bool is_array(lua_State *L, int index)
{
    lua_Integer count = 0;
    bool sequence = true;

    lua_pushnil(L);
    while (lua_next(L, index)) {
        count++;
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1)
            sequence = false;
        lua_pop(L, 1);
    }
    if (count == 0)
        return marked_array(L, index);
    return sequence && (lua_Integer)lua_rawlen(L, index) == count;
}

static json_t *scalar(lua_State *L, int index, weir_error *error)
{
    size_t length;
    const char *text;
    double number;
    json_t *json = NULL;

    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(L, index));
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &length);
        json = json_stringn(text, length);
        if (!json)
            weir_error_set(error, WEIR_EOPTION, "a text that is not UTF-8 cannot be stored");
        return json;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            return json_integer(lua_tointeger(L, index));
        number = lua_tonumber(L, index);
        if (!isfinite(number)) {
            weir_error_set(error, WEIR_EOPTION, "%g is not a finite number", number);
            return NULL;
        }
        /* 1e3 is a float in Lua, and means a thousand. */
        if (floor(number) == number && fabs(number) <= 9007199254740992.0)
            return json_integer((json_int_t)number);
        return json_real(number);
    default:
        weir_error_set(error, WEIR_EOPTION, "a %s cannot be stored", luaL_typename(L, index));
        return NULL;
    }
}

static int fill(lua_State *L, int index, json_t *into, int depth, weir_error *error);

/* The value on the top of the stack as a child of `into`, under the key (or at its end). */
static int add_child(lua_State *L, json_t *into, const char *key, int depth, weir_error *error)
{
    int top = lua_gettop(L);
    bool table = lua_type(L, top) == LUA_TTABLE;
    json_t *child;

    if (!table)
        child = scalar(L, top, error);
    else
        child = is_array(L, top) ? json_array() : json_object();
    if (!child)
        return error->status ? (int)error->status
                             : weir_error_memory(error, sizeof(void *), "a JSON value");
    if (key ? json_object_set_new(into, key, child) : json_array_append_new(into, child))
        return weir_error_set(error, WEIR_EOPTION, "a key that is not UTF-8 cannot be stored");
    return table ? fill(L, top, child, depth + 1, error) : WEIR_OK;
}

static int fill(lua_State *L, int index, json_t *into, int depth, weir_error *error)
{
    int status = WEIR_OK;

    if (depth > MAX_DEPTH || !lua_checkstack(L, 8))
        return weir_error_set(error, WEIR_EOPTION, "the table is nested too deeply (or in itself)");
    if (json_is_array(into)) {
        lua_Integer n = (lua_Integer)lua_rawlen(L, index);

        for (lua_Integer i = 1; i <= n && status == WEIR_OK; i++) {
            lua_rawgeti(L, index, i);
            status = add_child(L, into, NULL, depth, error);
            if (status != WEIR_OK)
                weir_error_prefix(error, "%lld: ", (long long)i);
            lua_pop(L, 1);
        }
        return status;
    }
    lua_pushnil(L);
    while (status == WEIR_OK && lua_next(L, index)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            status = weir_error_set(error, WEIR_EOPTION,
                                    "a table is either a list or has names, not both");
        } else {
            const char *key = lua_tostring(L, -2);

            status = add_child(L, into, key, depth, error);
            if (status != WEIR_OK)
                weir_error_prefix(error, "%s: ", key);
        }
        lua_pop(L, 1);
    }
    return status;
}

json_t *weir_lua_to_json(lua_State *L, int index, weir_error *error)
{
    json_t **slot;
    int top;

    index = lua_absindex(L, index);
    slot = weir_lua_box(L);
    top = lua_gettop(L);
    if (lua_type(L, index) != LUA_TTABLE) {
        *slot = scalar(L, index, error);
    } else {
        *slot = is_array(L, index) ? json_array() : json_object();
        if (*slot && fill(L, index, *slot, 0, error) != WEIR_OK) {
            lua_settop(L, top);
            return NULL;
        }
    }
    if (!*slot && !error->status)
        weir_error_memory(error, sizeof(void *), "a JSON value");
    return *slot;
}

void weir_lua_from_json(lua_State *L, const json_t *json)
{
    luaL_checkstack(L, 4, "JSON nested too deeply");
    switch (json ? json_typeof(json) : JSON_NULL) {
    case JSON_OBJECT: {
        const char *key;
        json_t *value;

        lua_createtable(L, 0, (int)json_object_size(json));
        json_object_foreach((json_t *)(uintptr_t)json, key, value)
        {
            if (json_is_null(value))
                continue;
            weir_lua_from_json(L, value);
            lua_setfield(L, -2, key);
        }
        break;
    }
    case JSON_ARRAY:
        lua_createtable(L, (int)json_array_size(json), 0);
        for (size_t i = 0; i < json_array_size(json); i++) {
            weir_lua_from_json(L, json_array_get(json, i));
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        break;
    case JSON_STRING:
        lua_pushlstring(L, json_string_value(json), json_string_length(json));
        break;
    case JSON_INTEGER:
        lua_pushinteger(L, json_integer_value(json));
        break;
    case JSON_REAL:
        lua_pushnumber(L, json_real_value(json));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        lua_pushboolean(L, json_is_true(json));
        break;
    case JSON_NULL:
        lua_pushnil(L);
        break;
    }
}
