/* What the Lua half of the module calls: plugins, sources, experiments. A function that fails
 * returns nil and a message; the Lua half raises it at the script's line. Results live in boxes
 * until they are Lua values, so that nothing leaks if Lua runs out of memory. */
#include "data/source.h"
#include "data/trace.h"
#include "files.h"
#include "lua/frames.h"
#include "lua/json.h"
#include "lua/metric.h"
#include "lua/script.h"
#include "lua/view.h"
#include "plugin/options.h"
#include "report/report.h"
#include "run/scores.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/weir.h>

#define EXPERIMENT "weir.core.experiment"

typedef struct holder {
    weir_experiment *experiment;
    json_t *rows; /* of scores.csv with their skills, since the last run; NULL: not asked for yet */
    bool ran;     /* --fresh is for the first run only */
} holder;

static int failed(lua_State *L, const weir_error *error)
{
    lua_pushnil(L);
    lua_pushstring(L, *error->text ? error->text : weir_status_text(error->status));
    return 2;
}

static int succeeded(lua_State *L)
{
    lua_pushboolean(L, true);
    return 1;
}

/* ---- Plugins --------------------------------------------------------------------------------- */

static const char *option_word(weir_option_kind kind)
{
    static const char *const words[] = {
        [WEIR_OPTION_INT] = "int",       [WEIR_OPTION_REAL] = "real",  [WEIR_OPTION_BOOL] = "bool",
        [WEIR_OPTION_CHOICE] = "choice", [WEIR_OPTION_TEXT] = "text",  [WEIR_OPTION_LIST] = "list",
        [WEIR_OPTION_FILE] = "file",     [WEIR_OPTION_TRACE] = "trace"};

    return kind < WEIR_OPTION_PRESET ? words[kind] : "preset";
}

/* "downstream" for the kind that tasks have. */
static const char *kind_word(weir_kind kind)
{
    static const char *const words[] = {"generator", "encoder", "metric", "downstream"};

    return words[kind];
}

static int kind_number(const char *word)
{
    for (int kind = 0; kind < WEIR_KINDS; kind++)
        if (!strcmp(word, kind_word((weir_kind)kind)))
            return kind;
    return -1;
}

static void push_description(lua_State *L, const weir_plugin *plugin)
{
    lua_createtable(L, 0, 8);
    lua_pushstring(L, plugin->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, kind_word(plugin->kind));
    lua_setfield(L, -2, "kind");
    lua_newtable(L);
    for (const weir_option *at = plugin->options; at && at->kind != WEIR_OPTION_END; at++) {
        lua_pushstring(L, option_word(at->kind));
        lua_setfield(L, -2, at->name);
    }
    lua_setfield(L, -2, "options");
    lua_newtable(L);
    if (plugin->kind == WEIR_KIND_GENERATOR) {
        const weir_generator *generator = (const weir_generator *)(const void *)plugin;

        for (const weir_role *at = generator->encoders; at && at->role; at++) {
            lua_pushstring(L, at->encoder);
            lua_setfield(L, -2, at->role);
        }
    }
    lua_setfield(L, -2, "roles");
    if (plugin->kind == WEIR_KIND_DOWNSTREAM) {
        lua_pushboolean(L, ((const weir_downstream *)(const void *)plugin)->needs_test);
        lua_setfield(L, -2, "needs_test");
    }
}

/* Appends the names of a kind's plugins to the list on the top. */
static void add_names(lua_State *L, weir_registry *registry, int kind)
{
    size_t n = 0;
    const weir_loaded *all = weir_registry_all(registry, &n, NULL);

    for (size_t i = 0; all && i < n; i++) {
        if (!all[i].plugin || (int)all[i].plugin->kind != kind)
            continue;
        lua_pushstring(L, all[i].plugin->name);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
}

/* names(kind): of the plugins that load. */
static int names(lua_State *L)
{
    int kind = kind_number(luaL_checkstring(L, 1));

    lua_newtable(L);
    add_names(L, weir_lua_script_of(L)->options->registry, kind);
    return 1;
}

/* find(kind, name): a description of the plugin. */
static int find(lua_State *L)
{
    weir_registry *registry = weir_lua_script_of(L)->options->registry;
    weir_error error = {0};
    const weir_loaded *loaded = weir_registry_find(registry, kind_number(luaL_checkstring(L, 1)),
                                                   luaL_checkstring(L, 2), &error);

    if (!loaded)
        return failed(L, &error);
    push_description(L, loaded->plugin);
    return 1;
}

/* ---- Sources --------------------------------------------------------------------------------- */

static int source_check(lua_State *L)
{
    weir_error error = {0};
    json_t *source = weir_lua_to_json(L, 1, &error);

    if (!source || weir_source_check(source, &error))
        return failed(L, &error);
    return succeeded(L);
}

static int source_overlap(lua_State *L)
{
    weir_error error = {0};
    json_t *a = weir_lua_to_json(L, 1, &error), *b = weir_lua_to_json(L, 2, &error);

    if (!a || !b)
        return failed(L, &error);
    lua_pushboolean(L, weir_source_overlap(a, b));
    return 1;
}

static int source_name(lua_State *L)
{
    weir_error error = {0};
    json_t *source = weir_lua_to_json(L, 1, &error);
    char name[256];

    if (!source)
        return failed(L, &error);
    weir_source_name(source, name, sizeof name);
    lua_pushstring(L, name);
    return 1;
}

/* source_open(source): the dataset and what reading found. */
static int source_open(lua_State *L)
{
    weir_error error = {0};
    json_t *source = weir_lua_to_json(L, 1, &error);
    json_t **facts = weir_lua_box(L);
    weir_dataset **dataset = weir_lua_dataset_slot(L);

    if (source)
        *dataset = weir_source_open(source, facts, &error);
    if (!*dataset)
        return failed(L, &error);
    weir_lua_from_json(L, *facts);
    return 2;
}

/* table1(dataset): the paper's facts of a packet trace; nothing for other schemas. */
static int table1(lua_State *L)
{
    const weir_dataset *dataset = weir_lua_check_dataset(L, 1);
    json_t **facts = weir_lua_box(L);
    weir_error error = {0};

    if (weir_dataset_schema(dataset) == WEIR_PACKETS)
        *facts = weir_trace_table1(dataset, &error);
    weir_lua_from_json(L, *facts);
    return 1;
}

static int exists(lua_State *L)
{
    lua_pushboolean(L, access(luaL_checkstring(L, 1), F_OK) == 0);
    return 1;
}

/* absolute(path): without links and dots; nil if there is no such file. */
static int absolute(lua_State *L)
{
    char path[4096];

    lua_pushstring(L, realpath(luaL_checkstring(L, 1), path));
    return 1;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* array(table): the table, marked so that it is a list even when it is empty. */
static int array(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    weir_lua_mark_array(L);
    return 1;
}

/* text(value): its canonical JSON; equal values have equal texts. */
static int text(lua_State *L)
{
    weir_error error = {0};
    json_t *value = weir_lua_to_json(L, 1, &error), **holds = weir_lua_box(L);
    char *dump;

    if (!value) { /* at the script's line, not at the module's that asked */
        weir_lua_push_position(L);
        lua_pushfstring(L, "%s%s%s", lua_tostring(L, -1), *lua_tostring(L, -1) ? ": " : "",
                        error.text);
        return lua_error(L);
    }
    dump = json_dumps(value,
                      JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    *holds = dump ? json_string(dump) : NULL;
    free(dump);
    weir_lua_from_json(L, *holds);
    return 1;
}

static int dump_function(lua_State *L)
{
    return weir_lua_metric_dump(L);
}

/* stop(status): ends the script without a message. */
static int stop(lua_State *L)
{
    weir_lua_script *script = weir_lua_script_of(L);
    int status = (int)luaL_checkinteger(L, 1);

    if (status > script->status)
        script->status = status;
    return weir_lua_end(L);
}

/* finish(function): what to call when the script is through. */
static int finish(lua_State *L)
{
    lua_settop(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "weir.finish");
    return 0;
}

/* ---- Experiments ----------------------------------------------------------------------------- */

static int free_experiment(lua_State *L)
{
    holder *held = luaL_checkudata(L, 1, EXPERIMENT);

    weir_experiment_free(held->experiment);
    held->experiment = NULL;
    json_decref(held->rows);
    held->rows = NULL;
    return 0;
}

static holder *check_experiment(lua_State *L)
{
    holder *held = luaL_checkudata(L, 1, EXPERIMENT);

    /* A script that caught the end of a dry run, or of an interrupted one, goes no further. */
    if (weir_lua_script_of(L)->ended)
        weir_lua_end(L);
    if (!held->experiment)
        luaL_argerror(L, 1, "the experiment has been freed");
    return held;
}

static int experiment(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    weir_lua_script *script = weir_lua_script_of(L);
    holder *held = lua_newuserdatauv(L, sizeof *held, 0);
    weir_error error = {0};

    memset(held, 0, sizeof *held);
    if (luaL_newmetatable(L, EXPERIMENT)) {
        lua_pushcfunction(L, free_experiment);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    held->experiment =
        weir_experiment_new(name, script->options->script, script->options->registry, &error);
    return held->experiment ? 1 : failed(L, &error);
}

/* generate(experiment, declaration): the handle. */
static int generate(lua_State *L)
{
    holder *held = check_experiment(L);
    weir_error error = {0};
    json_t *declaration = weir_lua_to_json(L, 2, &error);
    int handle = declaration ? weir_experiment_generate(held->experiment, declaration, &error) : -1;

    if (handle < 0)
        return failed(L, &error);
    lua_pushinteger(L, handle);
    return 1;
}

static int declare(lua_State *L, int call(weir_experiment *, const json_t *, weir_error *))
{
    holder *held = check_experiment(L);
    weir_error error = {0};
    json_t *declaration = weir_lua_to_json(L, 2, &error);

    if (!declaration || call(held->experiment, declaration, &error))
        return failed(L, &error);
    return succeeded(L);
}

static int score(lua_State *L)
{
    return declare(L, weir_experiment_score);
}

static int floor_(lua_State *L)
{
    return declare(L, weir_experiment_floor);
}

/* run(experiment): the status, 0 or 1. Ends the script after a dry run and after an interruption.
 */
static int run(lua_State *L)
{
    holder *held = check_experiment(L);
    weir_lua_script *script = weir_lua_script_of(L);
    weir_run_options options = script->options->run;
    weir_error error = {0};
    int status;

    if (options.out && script->store_taken && !held->ran) {
        weir_error_set(&error, WEIR_EOPTION,
                       "--out names the store of one experiment, and this script runs several");
        return failed(L, &error);
    }
    options.fresh = options.fresh && !held->ran;
    script->store_taken = held->ran = true;
    json_decref(held->rows);
    held->rows = NULL;
    status = weir_experiment_run(held->experiment, &options, &error);
    if (status == 2)
        return failed(L, &error);
    if (error.status != WEIR_OK)
        fprintf(script->options->messages, "%s\n", error.text);
    if (status > script->status)
        script->status = status;
    /* A store that could not be written has no results to go on with. */
    if (status == 130 || options.dry_run || error.status != WEIR_OK)
        return weir_lua_end(L);
    lua_pushinteger(L, status);
    return 1;
}

static int folder(lua_State *L)
{
    lua_pushstring(L, weir_experiment_folder(check_experiment(L)->experiment));
    return 1;
}

/* Every row with its skill; NULL on failure. Computed once a run: handles ask often. */
static const json_t *rows_of(holder *held, weir_error *error)
{
    if (held->rows)
        return held->rows;
    held->rows = weir_experiment_scores(held->experiment, NULL, error);
    if (held->rows &&
        weir_report_skills(weir_experiment_folder(held->experiment), held->rows, error)) {
        json_decref(held->rows);
        held->rows = NULL;
    }
    return held->rows;
}

/* scores(experiment, filter): rows of scores.csv with their skill, or why there is none. */
static int scores(lua_State *L)
{
    holder *held = check_experiment(L);
    weir_error error = {0};
    json_t *filter = weir_lua_to_json(L, 2, &error);
    json_t **found = weir_lua_box(L);

    if (filter && rows_of(held, &error))
        *found = weir_scores_filter(held->rows, filter, &error);
    if (!*found)
        return failed(L, &error);
    weir_lua_from_json(L, *found);
    return 1;
}

/* data(experiment, handle): the synthetic data as a source. */
static int data(lua_State *L)
{
    holder *held = check_experiment(L);
    int handle = (int)luaL_checkinteger(L, 2);
    json_t **source = weir_lua_box(L);
    weir_error error = {0};

    *source = weir_experiment_data(held->experiment, handle, &error);
    if (!*source)
        return failed(L, &error);
    weir_lua_from_json(L, *source);
    return 1;
}

/* A file that cannot be written, as on a full disk, is no mistake of the script: one line, status
 * 1, and the end. */
static int unwritten(lua_State *L, const weir_error *error)
{
    weir_lua_script *script = weir_lua_script_of(L);

    weir_lua_push_position(L);
    fprintf(script->options->messages, "%s: %s\n", lua_tostring(L, -1), error->text);
    if (script->status < 1)
        script->status = 1;
    return weir_lua_end(L);
}

/* report(folder) */
static int report(lua_State *L)
{
    weir_error error = {0};
    int status = weir_report_write(luaL_checkstring(L, 1), &error);

    if (status == 0)
        return succeeded(L);
    return status == 2 ? failed(L, &error) : unwritten(L, &error);
}

/* figures(folder, list): of exp:figure, all that there are; none removes those of an earlier run.
 */
static int figures(lua_State *L)
{
    weir_error error = {0};
    json_t *list = weir_lua_to_json(L, 2, &error);
    char path[WEIR_PATH];

    if (!list)
        return failed(L, &error);
    if (snprintf(path, sizeof path, "%s/figures.json", luaL_checkstring(L, 1)) >= WEIR_PATH)
        weir_error_set(&error, WEIR_EIO, "the path of the store is too long");
    else if (json_array_size(list))
        weir_json_write(path, list, &error);
    else
        weir_folder_remove(path, &error);
    return error.status == WEIR_OK ? succeeded(L) : unwritten(L, &error);
}

static int leaderboard(lua_State *L)
{
    weir_error error = {0};
    json_t **holds = weir_lua_box(L);
    char *board = weir_report_leaderboard(luaL_checkstring(L, 1), &error);

    *holds = board ? json_string(board) : NULL;
    free(board);
    if (!*holds)
        return failed(L, &error);
    weir_lua_from_json(L, *holds);
    return 1;
}

static int differences(lua_State *L)
{
    weir_error error = {0};
    json_t **holds = weir_lua_box(L);

    *holds = weir_report_differences(luaL_checkstring(L, 1), &error);
    if (!*holds)
        return failed(L, &error);
    weir_lua_from_json(L, *holds);
    return 1;
}

void weir_lua_add_natives(lua_State *L)
{
    static const luaL_Reg functions[] = {{"absolute", absolute},
                                         {"array", array},
                                         {"data", data},
                                         {"differences", differences},
                                         {"dump", dump_function},
                                         {"exists", exists},
                                         {"experiment", experiment},
                                         {"figures", figures},
                                         {"find", find},
                                         {"finish", finish},
                                         {"floor", floor_},
                                         {"folder", folder},
                                         {"generate", generate},
                                         {"leaderboard", leaderboard},
                                         {"names", names},
                                         {"report", report},
                                         {"run", run},
                                         {"score", score},
                                         {"scores", scores},
                                         {"source_check", source_check},
                                         {"source_name", source_name},
                                         {"source_open", source_open},
                                         {"source_overlap", source_overlap},
                                         {"stop", stop},
                                         {"table1", table1},
                                         {"text", text},
                                         {NULL, NULL}};

    luaL_setfuncs(L, functions, 0);
    weir_lua_push_stats(L);
    lua_setfield(L, -2, "stats");
    lua_pushstring(L, weir_version());
    lua_setfield(L, -2, "version");
}
