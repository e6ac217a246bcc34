/* Where in a script an error belongs, and the chunks of the module that are not the script's. */
#ifndef WEIR_LUA_FRAMES_H
#define WEIR_LUA_FRAMES_H

#include <lua.h>

/* [-0, +1, m] Pushes the place of the innermost script frame, "ablation.lua:14"; "" if there is
 * none. */
void weir_lua_push_position(lua_State *L);

/* A message handler for lua_pcall: an error message becomes itself with the calls that led there,
 * one line each, where there is more than one; an object that has no text stays. */
int weir_lua_traceback(lua_State *L);

/* [-0, +1, m] Pushes the table of what every chunk needs: where(), position(), here(), nearest().
 */
void weir_lua_push_core(lua_State *L);

/* [-0, +1, e] Loads a chunk of the module by name and pushes its function. Its frames are no script
 * frames. */
void weir_lua_load_chunk(lua_State *L, const char *name);

/* [-0, +0, e] Makes the globals strict for a chunk and what lies in its folder; source: the
 * chunk's, as lua_Debug has it, "@FILE". */
void weir_lua_set_strict(lua_State *L, const char *source);

#endif
