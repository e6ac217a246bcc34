/* Tables: named, typed columns in memory, and the schemas that traces, flow records and series
 * follow. */
#ifndef WEIR_TABLE_H
#define WEIR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/error.h>

/* What data is and what it holds: one set of flags for schemas, for what a generator accepts and
 * produces, and for what a metric needs. */
enum {
    WEIR_PACKETS = 1u << 0,    /* schema: one row a packet */
    WEIR_NETFLOW = 1u << 1,    /* schema: one row a flow record */
    WEIR_SERIES = 1u << 2,     /* schema: one row a labelled series */
    WEIR_TIMESTAMPS = 1u << 3, /* rows have meaningful times */
    WEIR_FLOWS = 1u << 4,      /* rows of one 5-tuple belong together */
    WEIR_LABELS = 1u << 5      /* rows have meaningful labels */
};
#define WEIR_ANY_SCHEMA (WEIR_PACKETS | WEIR_NETFLOW | WEIR_SERIES)

typedef enum weir_type {
    WEIR_U8,
    WEIR_U16,
    WEIR_U32,
    WEIR_U64,
    WEIR_I64,
    WEIR_F32,
    WEIR_F64,
    WEIR_CATEGORY /* u32 code into the column's dictionary of strings */
} weir_type;

/* Bytes of one value; "u16" for WEIR_U16. */
WEIR_API size_t weir_type_size(weir_type type);
WEIR_API const char *weir_type_name(weir_type type);

typedef struct weir_table weir_table;

/* The shape of the `values` column of a series table. */
#define WEIR_MAX_CHANNELS 16
typedef struct weir_series_shape {
    uint32_t steps;                    /* T, 1 or more */
    uint32_t channels;                 /* C, 1 to WEIR_MAX_CHANNELS */
    double step_seconds;               /* time between two steps; 0: one step a packet */
    char names[WEIR_MAX_CHANNELS][32]; /* of the channels */
} weir_series_shape;

/* A new table with the schema's mandatory columns, zeroed:
 *   WEIR_PACKETS  time i64, srcip dstip u32, srcport dstport u16, proto u8, pkt_len u16
 *                 (optional: tos ttl u8, id u16, flag u8, off u16, tcp_flags u8)
 *   WEIR_NETFLOW  ts i64, td f64, srcip dstip u32, srcport dstport u16, proto u8, pkt byt u64
 *                 (optional: label type category)
 *   WEIR_SERIES   use weir_table_new_series
 *   0             no columns: a free table, for artefacts
 * Units: time, ts in ns since the epoch; td in s; addresses in host byte order; pkt_len is the IPv4
 * total length in bytes; flag bit 0 MF, bit 1 DF; off in units of 8 bytes.
 * The caller owns it (weir_table_free). NULL on failure: WEIR_ENOMEM, WEIR_EOPTION. */
WEIR_API weir_table *weir_table_new(uint32_t schema, size_t rows, weir_error *error);
/* A series table: values f32 [rows][steps][channels], length u32 (steps used, the rest is 0),
 * label category. */
WEIR_API weir_table *weir_table_new_series(const weir_series_shape *shape, size_t rows,
                                           weir_error *error);
WEIR_API void weir_table_free(weir_table *table);

WEIR_API size_t weir_table_rows(const weir_table *table);
/* WEIR_PACKETS, WEIR_NETFLOW, WEIR_SERIES or 0. */
WEIR_API uint32_t weir_table_schema(const weir_table *table);
/* NULL unless the schema is WEIR_SERIES. */
WEIR_API const weir_series_shape *weir_table_series(const weir_table *table);
/* Changes the number of rows; new rows are zero. Column pointers taken before are invalid after it.
 * Fails with WEIR_ENOMEM, then the table is unchanged. */
WEIR_API int weir_table_resize(weir_table *table, size_t rows, weir_error *error);
/* Adds a zeroed column. Fails if the name is taken, or is a schema's optional column with another
 * type or width. width: values a row, 1 or more. */
WEIR_API int weir_table_add(weir_table *table, const char *name, weir_type type, size_t width,
                            weir_error *error);

/* Columns by position, in order of addition. name, type, width may be NULL. */
WEIR_API size_t weir_table_columns(const weir_table *table);
WEIR_API const char *weir_table_column(const weir_table *table, size_t at, weir_type *type,
                                       size_t *width);
/* Position of a column, or -1. */
WEIR_API int weir_table_find(const weir_table *table, const char *name);
/* The values of a column [rows][width], 64-byte aligned; NULL if the table has no such column or it
 * has another type. Borrowed: valid until the table is resized or freed. */
WEIR_API void *weir_table_data(weir_table *table, const char *name, weir_type type);
WEIR_API const void *weir_table_read(const weir_table *table, const char *name, weir_type type);

/* Strings of a category column. Codes are 0, 1, … in order of addition. */
WEIR_API uint32_t weir_category_count(const weir_table *table, const char *column);
/* The string of a code; NULL if there is none. Borrowed from the table. */
WEIR_API const char *weir_category_text(const weir_table *table, const char *column, uint32_t code);
/* The code of a string, added if it is new; bytes that are not UTF-8 become '?'. UINT32_MAX on
 * failure. */
WEIR_API uint32_t weir_category_add(weir_table *table, const char *column, const char *text,
                                    weir_error *error);
/* The code of a string, or UINT32_MAX if the column has none such. */
WEIR_API uint32_t weir_category_code(const weir_table *table, const char *column, const char *text);

/* A new table of the rows named, in that order (a row may be named more than once). */
WEIR_API weir_table *weir_table_select(const weir_table *table, const uint32_t *rows, size_t n,
                                       weir_error *error);
/* A copy of all of it. */
WEIR_API weir_table *weir_table_clone(const weir_table *table, weir_error *error);
/* Adds the columns of `like` that table lacks, and the strings of its categories. A column of both
 * must have one type and width (WEIR_EDATA). */
WEIR_API int weir_table_match(weir_table *table, const weir_table *like, weir_error *error);
/* Copies rows rows[0 … n-1] of `from` to rows at … at + n - 1 of table: one column, or with NULL
 * all of from's. The columns must be there (weir_table_match); categories are copied by string. */
WEIR_API int weir_table_copy(weir_table *table, size_t at, const weir_table *from,
                             const char *column, const uint32_t *rows, size_t n, weir_error *error);
/* Any numeric column as doubles into out [rows * width]; for code that does not care about the
 * type. */
WEIR_API int weir_table_doubles(const weir_table *table, const char *name, double *out,
                                weir_error *error);

/* Typed shorthands: `const uint32_t *src = weir_u32(table, "srcip");` */
#define WEIR_COLUMN_READERS(X)                                                                     \
    X(u8, uint8_t, WEIR_U8)                                                                        \
    X(u16, uint16_t, WEIR_U16)                                                                     \
    X(u32, uint32_t, WEIR_U32)                                                                     \
    X(u64, uint64_t, WEIR_U64)                                                                     \
    X(i64, int64_t, WEIR_I64)                                                                      \
    X(f32, float, WEIR_F32)                                                                        \
    X(f64, double, WEIR_F64)
#define WEIR_COLUMN_READER(short_name, c_type, type)                                               \
    static inline const c_type *weir_##short_name(const weir_table *table, const char *name)       \
    {                                                                                              \
        return (const c_type *)weir_table_read(table, name, type);                                 \
    }                                                                                              \
    static inline c_type *weir_##short_name##_out(weir_table *table, const char *name)             \
    {                                                                                              \
        return (c_type *)weir_table_data(table, name, type);                                       \
    }
WEIR_COLUMN_READERS(WEIR_COLUMN_READER)
#undef WEIR_COLUMN_READER
static inline const uint32_t *weir_codes(const weir_table *table, const char *name)
{
    return (const uint32_t *)weir_table_read(table, name, WEIR_CATEGORY);
}
static inline uint32_t *weir_codes_out(weir_table *table, const char *name)
{
    return (uint32_t *)weir_table_data(table, name, WEIR_CATEGORY);
}

#endif
