/* The insides of tables and datasets, shared by the files of core/data and nobody else. */
#ifndef WEIR_DATA_INSIDE_H
#define WEIR_DATA_INSIDE_H

#include <pthread.h>
#include <weir/dataset.h>

/* The strings of a category column, found by an open-addressing index of codes + 1. */
typedef struct weir_dictionary {
    char **texts;
    uint32_t count, capacity;
    uint32_t *slots; /* [slot_count], a power of two */
    uint32_t slot_count;
} weir_dictionary;

typedef struct weir_column {
    char name[64];
    weir_type type;
    size_t width;
    void *data;
    size_t bytes; /* owned at data; 0: lent by the table's map */
    weir_dictionary dictionary;
} weir_column;

struct weir_table {
    uint32_t schema;
    size_t rows, capacity; /* capacity: rows that the owned columns have room for */
    weir_column *columns;
    size_t count;
    weir_series_shape shape;
    void *map; /* a columnar file that lends columns; unmapped with the table */
    size_t map_bytes;
};

struct weir_dataset {
    weir_table *table;
    uint32_t holds;
    char *name;
    pthread_mutex_t lock; /* guards the grouping on first use */
    bool grouped, flows_lent;
    weir_flows flows;
};

/* Zeroed memory, 64-byte aligned; whole pages where it is large, which grow without a copy. */
void *weir_pages_new(size_t bytes);
/* Keeps the first min(old, bytes) bytes, the rest is zero; NULL on failure, then old stands. */
void *weir_pages_resize(void *pages, size_t old, size_t bytes);
void weir_pages_free(void *pages, size_t bytes);
/* Memory for free(), not zeroed, on huge pages where it is large. */
void *weir_huge_alloc(size_t bytes);

/* The code of a text, added if it is new; UINT32_MAX on failure. */
uint32_t weir_dictionary_add(weir_dictionary *dictionary, const char *text, weir_error *error);
/* UINT32_MAX if there is none such. */
uint32_t weir_dictionary_find(const weir_dictionary *dictionary, const char *text);
void weir_dictionary_clear(weir_dictionary *dictionary);

/* Adds a column whose values lie in the table's map (data == NULL: none yet). */
weir_column *weir_table_add_lent(weir_table *table, const char *name, weir_type type, size_t width,
                                 void *data, weir_error *error);
weir_column *weir_table_at(const weir_table *table, const char *name);
/* Puts the rows in the order given, column by column, which needs room for one column more. */
int weir_table_permute(weir_table *table, const uint32_t *order, weir_error *error);
void weir_table_drop(weir_table *table, const char *name);
/* A table without columns: the columnar reader adds them. */
weir_table *weir_table_bare(uint32_t schema, const weir_series_shape *shape, size_t rows,
                            weir_error *error);
/* Checks what every dataset promises: finite reals, codes with a text, lengths within the shape. */
int weir_table_sound(const weir_table *table, weir_error *error);

/* Groups rows into flows; offsets, rows, flow_of are malloc'ed. */
int weir_flows_group(const weir_table *table, weir_flows *flows, weir_error *error);
void weir_flows_free(weir_flows *flows);

#endif
