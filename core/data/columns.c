/* Copying between tables without caring about the types of their columns. */
#include <stdlib.h>
#include <string.h>
#include <weir/table.h>

weir_table *weir_table_clone(const weir_table *table, weir_error *error)
{
    size_t n = weir_table_rows(table);
    uint32_t *rows;
    weir_table *copy;

    if (n > UINT32_MAX) {
        weir_error_set(error, WEIR_EDATA, "a table of %zu rows is too long to be copied", n);
        return NULL;
    }
    rows = malloc((n ? n : 1) * sizeof *rows);
    if (!rows) {
        weir_error_memory(error, n * sizeof *rows, "row numbers");
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        rows[i] = (uint32_t)i;
    copy = weir_table_select(table, rows, n, error);
    free(rows);
    return copy;
}

static int match_column(weir_table *table, const weir_table *like, size_t at, weir_error *error)
{
    weir_type type, other_type;
    size_t width, other_width;
    const char *name = weir_table_column(like, at, &type, &width);
    int found = weir_table_find(table, name);

    if (found < 0) {
        int status = weir_table_add(table, name, type, width, error);

        if (status != WEIR_OK)
            return status;
    } else {
        weir_table_column(table, (size_t)found, &other_type, &other_width);
        if (other_type != type || other_width != width)
            return weir_error_set(
                error, WEIR_EDATA, "column '%s' is %s of width %zu here and %s of width %zu there",
                name, weir_type_name(other_type), other_width, weir_type_name(type), width);
    }
    if (type == WEIR_CATEGORY) {
        uint32_t n = weir_category_count(like, name);

        for (uint32_t code = 0; code < n; code++)
            if (weir_category_add(table, name, weir_category_text(like, name, code), error) ==
                UINT32_MAX)
                return WEIR_ENOMEM;
    }
    return WEIR_OK;
}

int weir_table_match(weir_table *table, const weir_table *like, weir_error *error)
{
    for (size_t at = 0; at < weir_table_columns(like); at++) {
        int status = match_column(table, like, at, error);

        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* A loop for each size, so that the compiler sees a constant. */
static void gather(void *to, const void *from, const uint32_t *rows, size_t n, size_t bytes)
{
    switch (bytes) {
    case 1:
        for (size_t i = 0; i < n; i++)
            ((uint8_t *)to)[i] = ((const uint8_t *)from)[rows[i]];
        break;
    case 2:
        for (size_t i = 0; i < n; i++)
            ((uint16_t *)to)[i] = ((const uint16_t *)from)[rows[i]];
        break;
    case 4:
        for (size_t i = 0; i < n; i++)
            memcpy((char *)to + 4 * i, (const char *)from + 4 * (size_t)rows[i], 4);
        break;
    case 8:
        for (size_t i = 0; i < n; i++)
            memcpy((char *)to + 8 * i, (const char *)from + 8 * (size_t)rows[i], 8);
        break;
    default:
        for (size_t i = 0; i < n; i++)
            memcpy((char *)to + bytes * i, (const char *)from + bytes * (size_t)rows[i], bytes);
    }
}

/* The codes of n values by their strings, one by one: few values of a large dictionary. */
static int recode_few(weir_table *table, const weir_table *from, const char *name, uint32_t *codes,
                      size_t n, weir_error *error)
{
    uint32_t count = weir_category_count(from, name);

    for (size_t i = 0; i < n; i++) {
        if (codes[i] >= count)
            return weir_error_set(error, WEIR_EDATA, "column '%s' has code %u of %u strings", name,
                                  codes[i], count);
        codes[i] = weir_category_add(table, name, weir_category_text(from, name, codes[i]), error);
        if (codes[i] == UINT32_MAX)
            return WEIR_ENOMEM;
    }
    return WEIR_OK;
}

static int recode(weir_table *table, const weir_table *from, const char *name, uint32_t *codes,
                  size_t n, weir_error *error)
{
    uint32_t count = weir_category_count(from, name);
    uint32_t *map;
    int status = WEIR_OK;

    if (n < count)
        return recode_few(table, from, name, codes, n, error);
    map = malloc((count ? count : 1) * sizeof *map);
    if (!map)
        return weir_error_memory(error, count * sizeof *map, "category codes");
    for (uint32_t code = 0; code < count && status == WEIR_OK; code++) {
        map[code] = weir_category_add(table, name, weir_category_text(from, name, code), error);
        if (map[code] == UINT32_MAX)
            status = WEIR_ENOMEM;
    }
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        if (codes[i] >= count)
            status = weir_error_set(error, WEIR_EDATA, "column '%s' has code %u of %u strings",
                                    name, codes[i], count);
        else
            codes[i] = map[codes[i]];
    }
    free(map);
    return status;
}

static int copy_column(weir_table *table, size_t at, const weir_table *from, size_t column,
                       const uint32_t *rows, size_t n, weir_error *error)
{
    weir_type type, to_type = WEIR_U8;
    size_t width, to_width = 0, bytes;
    const char *name = weir_table_column(from, column, &type, &width);
    int found = weir_table_find(table, name);
    char *to;

    if (found >= 0)
        weir_table_column(table, (size_t)found, &to_type, &to_width);
    if (to_type != type || to_width != width)
        return weir_error_set(error, WEIR_EBUG, "the table has no column '%s' of %s, width %zu",
                              name, weir_type_name(type), width);
    bytes = width * weir_type_size(type);
    to = (char *)weir_table_data(table, name, type) + at * bytes;
    gather(to, weir_table_read(from, name, type), rows, n, bytes);
    return type == WEIR_CATEGORY
               ? recode(table, from, name, (uint32_t *)(void *)to, n * width, error)
               : WEIR_OK;
}

int weir_table_copy(weir_table *table, size_t at, const weir_table *from, const char *column,
                    const uint32_t *rows, size_t n, weir_error *error)
{
    size_t have = weir_table_rows(from);
    int found = 0;

    if (n == 0)
        return WEIR_OK;
    if (at > weir_table_rows(table) || n > weir_table_rows(table) - at)
        return weir_error_set(error, WEIR_EBUG, "rows %zu to %zu of a table of %zu rows", at,
                              at + n - 1, weir_table_rows(table));
    for (size_t i = 0; i < n; i++)
        if (rows[i] >= have)
            return weir_error_set(error, WEIR_EBUG, "row %u of a table of %zu rows", rows[i], have);
    if (column) {
        found = weir_table_find(from, column);
        if (found < 0)
            return weir_error_set(error, WEIR_EBUG, "the table has no column '%s'", column);
        return copy_column(table, at, from, (size_t)found, rows, n, error);
    }
    for (size_t i = 0; i < weir_table_columns(from); i++) {
        int status = copy_column(table, at, from, i, rows, n, error);

        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}
