/* Lua values to JSON and back. JSON lives in boxes, userdata that the collector frees, so that
 * raising a Lua error never leaks. */
#ifndef WEIR_LUA_JSON_H
#define WEIR_LUA_JSON_H

#include <jansson.h>
#include <lua.h>
#include <weir/error.h>

/* [-0, +1, m] Pushes an empty box and returns its slot; what is put there is freed with the box. */
json_t **weir_lua_box(lua_State *L);

/* [-0, +1, m] Converts the value at index and pushes the box that owns the result. NULL on failure,
 * with the place in the value: "options.rate: a function cannot be stored". Tables of 1 … n become
 * arrays, an empty one an object unless it is marked; numbers of integral value become integers;
 * infinities and NaN are refused. */
json_t *weir_lua_to_json(lua_State *L, int index, weir_error *error);

/* [-0, +1, m] Pushes json as a Lua value; null members are left out. json must be owned by a box or
 * by the caller's caller. */
void weir_lua_from_json(lua_State *L, const json_t *json);

/* [-1, +1, m] Marks the table on the top as an array, so that an empty one becomes []. */
void weir_lua_mark_array(lua_State *L);

#endif
