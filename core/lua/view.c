/* Datasets, columns and flows as Lua objects. Rows and flows count from 1, as everything in Lua. */
#include "lua/view.h"
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#define DATASET "weir.dataset"
#define COLUMN "weir.column"
#define FLOWS "weir.flows"

typedef struct weir_lua_view {
    weir_dataset *owned; /* NULL: borrowed */
    const weir_dataset *data;
} dataset_view;

typedef struct flows_view {
    const weir_flows *flows;
    const dataset_view *view;
} flows_view;

/* [-0, +1, e] Pushes a method of the metatable by name; an error that names the nearest otherwise.
 */
static int push_method(lua_State *L, const char *type)
{
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "__";

    luaL_getmetatable(L, type);
    lua_pushvalue(L, 2);
    if (!strncmp(key, "__", 2) || lua_rawget(L, -2) == LUA_TNIL)
        return luaL_error(L, "a %s has no member '%s'", type + strlen("weir."),
                          luaL_tolstring(L, 2, NULL));
    return 1;
}

static const weir_dataset *data_of(const dataset_view *view)
{
    return view->owned ? view->owned : view->data;
}

/* ---- Columns --------------------------------------------------------------------------------- */

/* Finalizers run in an order of Lua's: one may hold a column whose dataset is gone. */
static void check_alive(lua_State *L, int index, const void *data)
{
    if (!data)
        luaL_argerror(L, index, "its dataset has been freed");
}

const weir_lua_column *weir_lua_to_column(lua_State *L, int index)
{
    const weir_lua_column *column = luaL_testudata(L, index, COLUMN);

    if (column)
        check_alive(L, index, data_of(column->view));
    return column;
}

static const weir_lua_column *check_column(lua_State *L)
{
    const weir_lua_column *column = luaL_checkudata(L, 1, COLUMN);

    check_alive(L, 1, data_of(column->view));
    return column;
}

double weir_lua_column_at(const weir_lua_column *column, size_t i)
{
    switch (column->type) {
    case WEIR_U8:
        return ((const uint8_t *)column->values)[i];
    case WEIR_U16:
        return ((const uint16_t *)column->values)[i];
    case WEIR_U32:
    case WEIR_CATEGORY:
        return ((const uint32_t *)column->values)[i];
    case WEIR_U64:
        return (double)((const uint64_t *)column->values)[i];
    case WEIR_I64:
        return (double)((const int64_t *)column->values)[i];
    case WEIR_F32:
        return (double)((const float *)column->values)[i];
    case WEIR_F64:
        return ((const double *)column->values)[i];
    }
    return 0;
}

/* Integers stay exact; a u64 above Lua's integers becomes a float. */
static void push_value(lua_State *L, const weir_lua_column *column, size_t i)
{
    uint64_t wide;

    switch (column->type) {
    case WEIR_CATEGORY:
        lua_pushstring(L, weir_category_text(column->table, column->name,
                                             ((const uint32_t *)column->values)[i]));
        return;
    case WEIR_I64:
        lua_pushinteger(L, ((const int64_t *)column->values)[i]);
        return;
    case WEIR_U64:
        wide = ((const uint64_t *)column->values)[i];
        if (wide > INT64_MAX)
            lua_pushnumber(L, (double)wide);
        else
            lua_pushinteger(L, (lua_Integer)wide);
        return;
    case WEIR_F32:
    case WEIR_F64:
        lua_pushnumber(L, weir_lua_column_at(column, i));
        return;
    default:
        lua_pushinteger(L, (lua_Integer)weir_lua_column_at(column, i));
    }
}

static int column_index(lua_State *L)
{
    const weir_lua_column *column = check_column(L);
    int whole;
    lua_Integer i = lua_tointegerx(L, 2, &whole);

    if (whole && lua_type(L, 2) == LUA_TNUMBER) {
        if (i < 1 || (size_t)i > column->count)
            lua_pushnil(L);
        else
            push_value(L, column, (size_t)i - 1);
        return 1;
    }
    if (lua_type(L, 2) == LUA_TSTRING) {
        const char *key = lua_tostring(L, 2);

        if (!strcmp(key, "name") || !strcmp(key, "type")) {
            lua_pushstring(L, *key == 'n' ? column->name : weir_type_name(column->type));
            return 1;
        }
        if (!strcmp(key, "width")) {
            lua_pushinteger(L, (lua_Integer)column->width);
            return 1;
        }
    }
    return push_method(L, COLUMN);
}

static int column_length(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_column(L)->count);
    return 1;
}

/* A column whose values are numbers and not none. */
static const weir_lua_column *check_numbers(lua_State *L, const char *what)
{
    const weir_lua_column *column = check_column(L);

    if (column->type == WEIR_CATEGORY)
        luaL_error(L, "column '%s' holds texts and has no %s", column->name, what);
    if (column->count == 0)
        luaL_error(L, "column '%s' is empty and has no %s", column->name, what);
    return column;
}

static double sum_of(const weir_lua_column *column)
{
    double sum = 0, lost = 0; /* compensated (Neumaier), as the values may be times */

    for (size_t i = 0; i < column->count; i++) {
        double value = weir_lua_column_at(column, i), next = sum + value;

        if ((sum < 0 ? -sum : sum) >= (value < 0 ? -value : value))
            lost += sum - next + value;
        else
            lost += value - next + sum;
        sum = next;
    }
    return sum + lost;
}

static int column_sum(lua_State *L)
{
    lua_pushnumber(L, sum_of(check_numbers(L, "sum")));
    return 1;
}

static int column_mean(lua_State *L)
{
    const weir_lua_column *column = check_numbers(L, "mean");

    lua_pushnumber(L, sum_of(column) / (double)column->count);
    return 1;
}

/* 64-bit integers are compared as such: nanoseconds do not fit a double. */
static bool less(const weir_lua_column *column, size_t a, size_t b)
{
    if (column->type == WEIR_I64)
        return ((const int64_t *)column->values)[a] < ((const int64_t *)column->values)[b];
    if (column->type == WEIR_U64)
        return ((const uint64_t *)column->values)[a] < ((const uint64_t *)column->values)[b];
    return weir_lua_column_at(column, a) < weir_lua_column_at(column, b);
}

static int column_min(lua_State *L)
{
    const weir_lua_column *column = check_numbers(L, "minimum");
    size_t best = 0;

    for (size_t i = 1; i < column->count; i++)
        if (less(column, i, best))
            best = i;
    push_value(L, column, best);
    return 1;
}

static int column_max(lua_State *L)
{
    const weir_lua_column *column = check_numbers(L, "maximum");
    size_t best = 0;

    for (size_t i = 1; i < column->count; i++)
        if (less(column, best, i))
            best = i;
    push_value(L, column, best);
    return 1;
}

/* values([rows]): a list of all values, or of those at the row numbers in a list. */
static int column_values(lua_State *L)
{
    const weir_lua_column *column = check_column(L);
    bool some = !lua_isnoneornil(L, 2);
    size_t n = column->count;

    if (some) {
        luaL_checktype(L, 2, LUA_TTABLE);
        n = (size_t)luaL_len(L, 2);
    }
    if (n > INT32_MAX)
        return luaL_error(L, "column '%s' has too many values for a list", column->name);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        size_t row = i;

        if (some) {
            lua_Integer at;

            lua_rawgeti(L, 2, (lua_Integer)i + 1);
            at = lua_tointeger(L, -1);
            lua_pop(L, 1);
            if (at < 1 || (size_t)at > column->count)
                return luaL_error(L, "column '%s' has no row %I (it has 1 to %I)", column->name, at,
                                  (lua_Integer)column->count);
            row = (size_t)at - 1;
        }
        push_value(L, column, row);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int column_text(lua_State *L)
{
    const weir_lua_column *column = check_column(L);

    lua_pushfstring(L, "column %s (%s, %I values)", column->name, weir_type_name(column->type),
                    (lua_Integer)column->count);
    return 1;
}

/* ---- Flows ----------------------------------------------------------------------------------- */

static const weir_flows *check_flows(lua_State *L)
{
    const flows_view *held = luaL_checkudata(L, 1, FLOWS);

    check_alive(L, 1, data_of(held->view));
    return held->flows;
}

static uint32_t check_flow(lua_State *L, const weir_flows *flows)
{
    lua_Integer flow = luaL_checkinteger(L, 2);

    if (flow < 1 || flow > flows->count)
        luaL_error(L, "there is no flow %I (there are 1 to %d)", flow, (int)flows->count);
    return (uint32_t)flow - 1;
}

static int flows_index(lua_State *L)
{
    if (lua_type(L, 2) == LUA_TSTRING && !strcmp(lua_tostring(L, 2), "count")) {
        lua_pushinteger(L, check_flows(L)->count);
        return 1;
    }
    return push_method(L, FLOWS);
}

static int flows_length(lua_State *L)
{
    lua_pushinteger(L, check_flows(L)->count);
    return 1;
}

/* size(flow): its number of rows. */
static int flows_size(lua_State *L)
{
    const weir_flows *flows = check_flows(L);
    uint32_t flow = check_flow(L, flows);

    lua_pushinteger(L, (lua_Integer)flows->offsets[flow + 1] - flows->offsets[flow]);
    return 1;
}

/* rows(flow): the numbers of its rows, in order of time. */
static int flows_rows(lua_State *L)
{
    const weir_flows *flows = check_flows(L);
    uint32_t flow = check_flow(L, flows), first = flows->offsets[flow];
    uint32_t n = flows->offsets[flow + 1] - first;

    lua_createtable(L, (int)n, 0);
    for (uint32_t i = 0; i < n; i++) {
        lua_pushinteger(L, (lua_Integer)flows->rows[first + i] + 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* of(row): the flow of a row. */
static int flows_of(lua_State *L)
{
    const weir_flows *flows = check_flows(L);
    lua_Integer row = luaL_checkinteger(L, 2);

    if (row < 1 || row > flows->offsets[flows->count])
        return luaL_error(L, "there is no row %I (there are 1 to %I)", row,
                          (lua_Integer)flows->offsets[flows->count]);
    lua_pushinteger(L, (lua_Integer)flows->flow_of[row - 1] + 1);
    return 1;
}

/* ---- Datasets -------------------------------------------------------------------------------- */

static int dataset_free(lua_State *L)
{
    dataset_view *view = luaL_checkudata(L, 1, DATASET);

    weir_dataset_free(view->owned);
    view->owned = NULL;
    view->data = NULL;
    return 0;
}

/* [-0, +0, e] Names a type's metatable once, with its methods. */
static void set_type(lua_State *L, const char *type, const luaL_Reg *methods)
{
    if (luaL_newmetatable(L, type))
        luaL_setfuncs(L, methods, 0);
    lua_setmetatable(L, -2);
}

const weir_dataset *weir_lua_check_dataset(lua_State *L, int index)
{
    const weir_dataset *data = data_of(luaL_checkudata(L, index, DATASET));

    check_alive(L, index, data);
    return data;
}

/* column(name): fails with the columns there are. */
static int dataset_column(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"__index", column_index}, {"__len", column_length},  {"__tostring", column_text},
        {"sum", column_sum},       {"mean", column_mean},     {"min", column_min},
        {"max", column_max},       {"values", column_values}, {NULL, NULL}};
    const weir_dataset *data = weir_lua_check_dataset(L, 1);
    const weir_table *table = weir_dataset_table(data);
    const char *name = luaL_checkstring(L, 2);
    int at = weir_table_find(table, name);
    weir_lua_column *column;

    if (at < 0) {
        luaL_Buffer known;

        luaL_buffinit(L, &known);
        for (size_t i = 0; i < weir_table_columns(table); i++) {
            luaL_addstring(&known, i ? ", " : "");
            luaL_addstring(&known, weir_table_column(table, i, NULL, NULL));
        }
        luaL_pushresult(&known);
        return luaL_error(L, "%s has no column '%s' (it has: %s)", weir_dataset_name(data), name,
                          lua_tostring(L, -1));
    }
    column = lua_newuserdatauv(L, sizeof *column, 1);
    column->view = lua_touserdata(L, 1);
    column->table = table;
    column->name = weir_table_column(table, (size_t)at, &column->type, &column->width);
    column->values = weir_table_read(table, column->name, column->type);
    column->count = weir_table_rows(table) * column->width;
    lua_pushvalue(L, 1); /* the column keeps its dataset */
    lua_setiuservalue(L, -2, 1);
    set_type(L, COLUMN, methods);
    return 1;
}

/* columns(): the names, in order. */
static int dataset_columns(lua_State *L)
{
    const weir_table *table = weir_dataset_table(weir_lua_check_dataset(L, 1));

    lua_newtable(L);
    for (size_t i = 0; i < weir_table_columns(table); i++) {
        lua_pushstring(L, weir_table_column(table, i, NULL, NULL));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int dataset_flows(lua_State *L)
{
    static const luaL_Reg methods[] = {{"__index", flows_index}, {"__len", flows_length},
                                       {"size", flows_size},     {"rows", flows_rows},
                                       {"of", flows_of},         {NULL, NULL}};
    const weir_dataset *data = weir_lua_check_dataset(L, 1);
    weir_error error = {0};
    const weir_flows *flows = weir_dataset_flows(data, &error);
    flows_view *held;

    if (!flows)
        return luaL_error(L, "%s", error.text);
    held = lua_newuserdatauv(L, sizeof *held, 1);
    *held = (flows_view){flows, lua_touserdata(L, 1)};
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    set_type(L, FLOWS, methods);
    return 1;
}

/* span(): first and last time, ns; nothing without times. */
static int dataset_span(lua_State *L)
{
    int64_t first, last;

    if (!weir_dataset_span(weir_lua_check_dataset(L, 1), &first, &last))
        return 0;
    lua_pushinteger(L, first);
    lua_pushinteger(L, last);
    return 2;
}

static int dataset_index(lua_State *L)
{
    const weir_dataset *data = weir_lua_check_dataset(L, 1);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";

    if (!strcmp(key, "rows")) {
        lua_pushinteger(L, (lua_Integer)weir_dataset_rows(data));
        return 1;
    }
    if (!strcmp(key, "name")) {
        lua_pushstring(L, weir_dataset_name(data));
        return 1;
    }
    if (!strcmp(key, "schema")) {
        uint32_t schema = weir_dataset_schema(data);

        lua_pushstring(L, schema == WEIR_PACKETS   ? "packets"
                          : schema == WEIR_NETFLOW ? "netflow"
                                                   : "series");
        return 1;
    }
    return push_method(L, DATASET);
}

static int dataset_length(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)weir_dataset_rows(weir_lua_check_dataset(L, 1)));
    return 1;
}

static int dataset_text(lua_State *L)
{
    const weir_dataset *data = weir_lua_check_dataset(L, 1);

    lua_pushfstring(L, "dataset %s (%I rows)", weir_dataset_name(data),
                    (lua_Integer)weir_dataset_rows(data));
    return 1;
}

static dataset_view *push_view(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"__gc", dataset_free},       {"__index", dataset_index}, {"__len", dataset_length},
        {"__tostring", dataset_text}, {"column", dataset_column}, {"columns", dataset_columns},
        {"flows", dataset_flows},     {"span", dataset_span},     {NULL, NULL}};
    dataset_view *view = lua_newuserdatauv(L, sizeof *view, 0);

    memset(view, 0, sizeof *view);
    set_type(L, DATASET, methods);
    return view;
}

weir_dataset **weir_lua_dataset_slot(lua_State *L)
{
    return &push_view(L)->owned;
}

void weir_lua_push_dataset(lua_State *L, const weir_dataset *dataset)
{
    push_view(L)->data = dataset;
}
