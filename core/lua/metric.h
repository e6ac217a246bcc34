/* Metrics written in Lua: packed where they are declared, run in a job. */
#ifndef WEIR_LUA_METRIC_H
#define WEIR_LUA_METRIC_H

#include <jansson.h>
#include <weir/plugin.h>

struct lua_State;

/* A Lua function: dump(function) returns its code as text (base64 of string.dump's), or nil and
 * what is wrong with it ("uses 'limit' of the script around it; …"). */
int weir_lua_metric_dump(struct lua_State *L);

/* Runs a Lua metric in a job: lua is the `lua` member of a declaration { name, code, features [ {
 * label, … } ] }. Records a score or an n/a for each feature. Fails with WEIR_EDATA and the
 * script's file and line, WEIR_ECANCEL, WEIR_ENOMEM. */
int weir_lua_metric_score(weir_job *job, const json_t *lua, const weir_dataset *real,
                          const weir_dataset *synthetic);

#endif
