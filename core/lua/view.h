/* Datasets and statistics as Lua sees them: in a script and in a metric written in Lua. */
#ifndef WEIR_LUA_VIEW_H
#define WEIR_LUA_VIEW_H

#include <lua.h>
#include <weir/dataset.h>

/* [-0, +1, m] Pushes a dataset object that owns what is put into the slot. */
weir_dataset **weir_lua_dataset_slot(lua_State *L);
/* [-0, +1, m] Pushes a dataset object that borrows. */
void weir_lua_push_dataset(lua_State *L, const weir_dataset *dataset);
/* [-0, +0, v] The dataset at index, or an argument error. */
const weir_dataset *weir_lua_check_dataset(lua_State *L, int index);

/* Column objects: `column[i]`, `#column`, `column:mean()` … */
typedef struct weir_lua_column {
    const struct weir_lua_view *view; /* its dataset's object */
    const weir_table *table;
    const char *name; /* borrowed from the table */
    const void *values;
    weir_type type;
    size_t count; /* rows * width */
    size_t width;
} weir_lua_column;
/* [-0, +0, v] NULL if the value at index is none. */
const weir_lua_column *weir_lua_to_column(lua_State *L, int index);
/* Value i (from 0) as a double; the code of a category. */
double weir_lua_column_at(const weir_lua_column *column, size_t i);

/* [-0, +1, m] Pushes the table of statistics: emd, jsd, quantile, mean … */
void weir_lua_push_stats(lua_State *L);

#endif
