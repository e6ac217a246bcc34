/* Datasets: a table that follows a schema, sorted by time, with its grouping into flows. */
#ifndef WEIR_DATASET_H
#define WEIR_DATASET_H

#include <weir/table.h>

typedef struct weir_dataset weir_dataset;

/* Flows: all rows of equal directed 5-tuple (srcip, dstip, srcport, dstport, proto) over the whole
 * dataset, without time-out, numbered by their first row. Borrowed from the dataset. */
typedef struct weir_flows {
    uint32_t count;
    const uint32_t *offsets; /* [count + 1] into rows */
    const uint32_t *rows;    /* [table rows] grouped by flow, by time within a flow */
    const uint32_t *flow_of; /* [table rows] the flow of each row */
} weir_flows;

/* A dataset of a table that follows a schema; takes the table, also on failure. Rows of packets and
 * netflow are put in order of time (stable). Fails with WEIR_EDATA for a free table or one of more
 * than 2^32 - 2 rows. The caller owns it. */
WEIR_API weir_dataset *weir_dataset_new(weir_table *table, weir_error *error);
WEIR_API void weir_dataset_free(weir_dataset *dataset);

/* Borrowed. */
WEIR_API const weir_table *weir_dataset_table(const weir_dataset *dataset);
WEIR_API size_t weir_dataset_rows(const weir_dataset *dataset);
/* WEIR_PACKETS, WEIR_NETFLOW or WEIR_SERIES. */
WEIR_API uint32_t weir_dataset_schema(const weir_dataset *dataset);
/* What the rows hold (WEIR_TIMESTAMPS, WEIR_FLOWS, WEIR_LABELS): everything its columns allow for a
 * real trace, what the generator declares for a synthetic one. */
WEIR_API uint32_t weir_dataset_holds(const weir_dataset *dataset);
WEIR_API void weir_dataset_set_holds(weir_dataset *dataset, uint32_t holds);
/* Short name for messages and results ("sample"); never NULL. */
WEIR_API const char *weir_dataset_name(const weir_dataset *dataset);
WEIR_API void weir_dataset_set_name(weir_dataset *dataset, const char *name);

/* The flows, grouped on first use in O(rows). NULL on failure (WEIR_ENOMEM; WEIR_EDATA for series).
 */
WEIR_API const weir_flows *weir_dataset_flows(const weir_dataset *dataset, weir_error *error);
/* First and last time, ns (`time` or `ts`); false when there are no rows or no times. */
WEIR_API bool weir_dataset_span(const weir_dataset *dataset, int64_t *first, int64_t *last);

/* A new dataset of some rows (a copy; name and holds are kept). */
WEIR_API weir_dataset *weir_dataset_select(const weir_dataset *dataset, const uint32_t *rows,
                                           size_t n, weir_error *error);
/* The rows whose column `label` reads so, ascending, into rows (room for all of them; NULL: only
 * counted). Returns their number: 0 where there is no such label, or no labels. */
WEIR_API size_t weir_dataset_labelled(const weir_dataset *dataset, const char *label,
                                      uint32_t *rows);

#endif
