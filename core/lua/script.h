/* Running an experiment script: what `weir run` does. */
#ifndef WEIR_LUA_SCRIPT_H
#define WEIR_LUA_SCRIPT_H

#include "run/experiment.h"
#include <stdio.h>

typedef struct weir_lua_options {
    const char *script;
    char **arguments; /* what stood behind "--"; the script's `arg` */
    int argument_count;
    weir_registry *registry; /* borrowed */
    weir_run_options run;    /* of every experiment; what is not 0 or NULL beats the script */
    FILE *messages;          /* gets errors, one line and the calls that led there */
} weir_lua_options;

/* Runs the script. Returns the exit status: 0, 1 some job failed, 2 the script or what it asks for
 * is wrong (messages says why), 130 interrupted. */
int weir_lua_run(const weir_lua_options *options);

/* ---- Between the files of core/lua ----------------------------------------------------------- */

struct lua_State;

/* A script at work. */
typedef struct weir_lua_script {
    const weir_lua_options *options;
    int status;       /* the worst of its experiments' */
    bool ended;       /* nothing may go on: a dry run has listed, or a signal came */
    bool store_taken; /* --out names one store, for one experiment */
} weir_lua_script;

weir_lua_script *weir_lua_script_of(struct lua_State *L);
/* Ends the script with its status: raises what no message belongs to. */
int weir_lua_end(struct lua_State *L);
/* [-1, +1, e] Adds experiments, plugins, sources and the rest to the core table on the top. */
void weir_lua_add_natives(struct lua_State *L);

#endif
