/* What several generators and encoders need: the time line of a request, sets of 5-tuples, exact
 * ranges of columns. */
#ifndef WEIR_SAMPLING_H
#define WEIR_SAMPLING_H

#include <weir/plugin.h>

/* ---- Time: a trace laid end to end, so that a request for more time keeps the rates ---------- */

typedef struct weir_tiling {
    const int64_t *times; /* [rows] ascending, ns */
    uint64_t rows;
    int64_t first; /* times[0] */
    int64_t
        window; /* ns from one repetition to the next: last - first + the mean gap, at least 1 */
    int64_t length; /* ns that are asked for: [first, first + length) */
    uint64_t count; /* rows in it, over all repetitions; at least 1 */
} weir_tiling;

/* times: ascending, rows >= 1, borrowed as long as the tiling is used. duration in s; 0: as the
 * trace, to its last row. Fails with WEIR_EDATA for times too far apart, WEIR_EOPTION for a
 * duration that leaves the range of times or needs more rows than a dataset can have. */
WEIR_API int weir_tiling_init(weir_tiling *tiling, const int64_t *times, size_t rows,
                              double duration, weir_error *error);
/* Time of row i of all repetitions (row i % rows of the trace), ns. */
static inline int64_t weir_tiling_time(const weir_tiling *tiling, uint64_t i)
{
    return tiling->times[i % tiling->rows] + (int64_t)(i / tiling->rows) * tiling->window;
}

/* The name of the column of times, "time" or "ts"; NULL for series. */
WEIR_API const char *weir_time_column(uint32_t schema);

/* Refuses a request for series of a trace, or for flows, packets or a duration of series
 * (WEIR_EOPTION), and more rows than a dataset can have. */
WEIR_API int weir_request_check(const weir_request *request, uint32_t schema, weir_error *error);

/* Fills out with training rows in their order, as the generator `copy` defines it:
 * packets (series): the first so many rows, starting over, one window later, at the end of train;
 * flows: all rows of the first so many 5-tuples; duration: the rows of that time, train being
 * repeated where it is longer. Reports progress. */
WEIR_API int weir_repeat(weir_job *job, const weir_table *train, const weir_request *request,
                         weir_table *out);

/* ---- Sets of 5-tuples ------------------------------------------------------------------------ */

typedef struct weir_tuple {
    uint32_t srcip, dstip;
    uint16_t srcport, dstport;
    uint8_t proto;
} weir_tuple;

typedef struct weir_tuples weir_tuples;

WEIR_API weir_tuples *weir_tuples_new(weir_error *error);
WEIR_API void weir_tuples_free(weir_tuples *tuples);
/* Puts a tuple in, if it is not there; *index: its number in order of addition (it was new if this
 * equals the count before). */
WEIR_API int weir_tuples_add(weir_tuples *tuples, const weir_tuple *tuple, uint32_t *index,
                             weir_error *error);
WEIR_API bool weir_tuples_has(const weir_tuples *tuples, const weir_tuple *tuple);
WEIR_API uint32_t weir_tuples_count(const weir_tuples *tuples);

/* ---- Ranges: the least and the greatest value of a column, exact for every type -------------- */

typedef union weir_number {
    uint64_t u; /* U8 … U64, CATEGORY */
    int64_t i;  /* I64 */
    double f;   /* F32, F64 */
} weir_number;

typedef struct weir_range {
    weir_type type;
    weir_number low, high;
} weir_range;

/* Of values data[0], data[stride] … (n >= 1 of them, stride in values). Fails with WEIR_EDATA for n
 * = 0, a value that is not finite, a span that no double holds. */
WEIR_API int weir_range_learn(weir_range *range, weir_type type, const void *data, size_t n,
                              size_t stride, weir_error *error);
/* high - low. */
WEIR_API double weir_range_span(const weir_range *range);
/* data[i] - low, subtracted exactly and then rounded to a double; values outside count as the
 * nearest bound. */
WEIR_API double weir_range_offset(const weir_range *range, const void *data, size_t i);
/* data[i] = low + offset, integers rounded to the nearest, kept inside the range; NaN gives low. */
WEIR_API void weir_range_set(const weir_range *range, void *data, size_t i, double offset);
/* data[i] = a uniform draw; integers: bounds included. */
WEIR_API void weir_range_draw(const weir_range *range, weir_random *random, void *data, size_t i);
/* Under that name in an archive. get checks that low <= high. */
WEIR_API int weir_range_put(weir_archive *archive, const char *name, const weir_range *range);
WEIR_API int weir_range_get(weir_job *job, const weir_archive *archive, const char *name,
                            weir_type type, weir_range *range);

#endif
