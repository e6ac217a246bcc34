/* The Lua half of the `weir` module: core/lua/NAME.lua, built into the library. */
#ifndef WEIR_LUA_CHUNKS_H
#define WEIR_LUA_CHUNKS_H

#include <stddef.h>

/* The source text of a file by its stem, not terminated; NULL if there is none. */
const char *weir_lua_chunk(const char *name, size_t *size);

#endif
