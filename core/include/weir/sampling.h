/* What several generators and encoders need: the time line of a request, steps of time, sets of
 * 5-tuples, exact ranges of columns. */
#ifndef WEIR_SAMPLING_H
#define WEIR_SAMPLING_H

#include <weir/plugin.h>

/* ---- Time: a trace laid end to end, so that a request for more time keeps the rates ---------- */

typedef struct weir_tiling {
    const int64_t *times; /* [rows] ascending, ns */
    uint64_t rows;
    int64_t first; /* times[0] */
    int64_t
        window; /* ns from one repetition to the next: last - first + the mean gap (at least 1) */
    int64_t length; /* ns that are asked for: [first, first + length) */
    uint64_t count; /* rows in it, over all repetitions; at least 1 */
} weir_tiling;

/* times: ascending, rows >= 1, borrowed as long as the tiling is used. duration in s; 0: as the
 * trace, to its last row. Fails with WEIR_EDATA for times too far apart, WEIR_EOPTION for a
 * duration that leaves the range of times or needs more rows than a dataset can have, and for any
 * duration where all times are equal: there is no rate to go on at. */
WEIR_API int weir_tiling_init(weir_tiling *tiling, const int64_t *times, size_t rows,
                              double duration, weir_error *error);
/* The same window and length for other times of that trace (of its flows' starts): ascending, the
 * first one the trace's. */
WEIR_API int weir_tiling_of(weir_tiling *tiling, const weir_tiling *trace, const int64_t *times,
                            size_t rows, weir_error *error);
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

/* ---- Steps: a trace cut into steps of equal length ------------------------------------------- */

typedef struct weir_steps {
    const int64_t *times; /* of the data's rows, ns; borrowed from it */
    int64_t first;        /* where step 0 begins, ns: the data's first row */
    double width;         /* of a step, ns */
    uint32_t count;       /* steps; what lies behind the last one counts as its end */
} weir_steps;

/* width 0: the data's span over count, so that its last row ends the last step (1 ns where all
 * times are equal); otherwise as it was learnt from training. Fails with WEIR_EDATA for data
 * without rows or times. */
WEIR_API int weir_steps_of(weir_job *job, const weir_dataset *data, double width, uint32_t count,
                           weir_steps *steps);
/* The step of a row; *position: where in it, 0 to 1 (may be NULL). */
WEIR_API uint32_t weir_step_of(const weir_steps *steps, uint32_t row, double *position);
/* How many of rows[0 … n-1], n >= 1 in order of time, lie in the step of the first; *step: that
 * step. */
WEIR_API uint32_t weir_step_run(const weir_steps *steps, const uint32_t *rows, uint32_t n,
                                uint32_t *step);
/* Where in a step row i of n lies when they are spread evenly over median - half to median + half,
 * as far as that is inside the step; one row lies at the median. */
WEIR_API double weir_step_spread(double median, double half, uint32_t i, uint32_t n);

/* ---- Classes of flows: elephants and mice, long and short ------------------------------------ */

/* A flow of `packets` rows or more is an elephant, one that lasts `duration` ns or more is long. */
typedef struct weir_classes {
    uint64_t packets;
    int64_t duration;
} weir_classes;

/* The flags of a class; there are WEIR_CLASSES of them, 0 being the short mice. */
enum { WEIR_ELEPHANT = 1, WEIR_LONG = 2, WEIR_CLASSES = 4 };

/* Elephants: the fewest flows, largest first, that have 80% of the rows (Papagiannaki et al. 2002:
 * constant load); long: the fewest, longest first, that last 80% of all flows' durations together.
 * Flows that equal the last of them are in it too. Fails with WEIR_EDATA for data without rows or
 * times. */
WEIR_API int weir_classes_learn(const weir_dataset *data, weir_classes *classes, weir_error *error);
static inline uint32_t weir_class_of(const weir_classes *classes, double packets, double duration)
{
    return (packets >= (double)classes->packets ? WEIR_ELEPHANT : 0u) |
           (duration >= (double)classes->duration ? WEIR_LONG : 0u);
}
/* "elephants=0.2,short=0.5": shares[0] of elephants, shares[1] of long flows; -1 for what is not
 * named. WEIR_EOPTION, with what would be right, for anything else. */
WEIR_API int weir_class_shares(const char *text, double shares[2], weir_error *error);

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

/* Value i of an integer or category column's data, whatever its width; the 64 bits of an I64. */
WEIR_API uint64_t weir_integer_get(weir_type type, const void *data, size_t i);
/* Stores one, cut to the column's width. */
WEIR_API void weir_integer_put(weir_type type, void *data, size_t i, uint64_t value);

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
 * nearest bound, NaN as low. */
WEIR_API double weir_range_offset(const weir_range *range, const void *data, size_t i);
/* data[i] = low + offset, integers rounded to the nearest, kept inside the range; NaN gives low. */
WEIR_API void weir_range_set(const weir_range *range, void *data, size_t i, double offset);
/* data[i] = a uniform draw; integers: bounds included. */
WEIR_API void weir_range_draw(const weir_range *range, weir_random *random, void *data, size_t i);
/* Under that name in an archive. get checks that low <= high. */
WEIR_API int weir_range_put(weir_archive *archive, const char *name, const weir_range *range);
WEIR_API int weir_range_get(weir_job *job, const weir_archive *archive, const char *name,
                            weir_type type, weir_range *range);

/* ---- Generators whose model is the training set ---------------------------------------------- */

/* The model, and the callbacks of the descriptor that go with it (state_size: sizeof(weir_kept)).
 * fit refuses a training set without rows. */
typedef struct weir_kept {
    const weir_table *train; /* rows in order of time, one or more */
    weir_table *owned;       /* train, after fit; NULL after load */
} weir_kept;

WEIR_API int weir_kept_fit(weir_job *job, const weir_dataset *train, void *model);
WEIR_API int weir_kept_save(weir_job *job, const void *model, weir_archive *to);
WEIR_API int weir_kept_load(weir_job *job, void *model, const weir_archive *from);
WEIR_API void weir_kept_free(weir_job *job, void *model);

/* Fills out with training rows in their order, as the generator `copy` defines it:
 * packets (series): the first so many rows, starting over, one window later, at the end of train;
 * flows: all rows of the first so many 5-tuples; duration: the rows of that time, train being
 * repeated where it is longer. Reports progress. */
WEIR_API int weir_repeat(weir_job *job, const weir_table *train, const weir_request *request,
                         weir_table *out);

/* ---- Generators whose rows are independent draws --------------------------------------------- */

/* Rows drawn at once, at most. */
#define WEIR_DRAW_BLOCK 4096
/* Draws rows at … at + n - 1 of out, which has its columns; n <= WEIR_DRAW_BLOCK. */
typedef int (*weir_draw)(weir_job *job, const void *context, weir_table *out, size_t at, size_t n);

/* n rows, drawn in blocks; reports progress. */
WEIR_API int weir_draw_rows(weir_job *job, weir_draw draw, const void *context, size_t n,
                            weir_table *out);
/* Rows until there are n different 5-tuples; WEIR_EOPTION after a million rows in a row that
 * brought no new one. */
WEIR_API int weir_draw_flows(weir_job *job, weir_draw draw, const void *context, uint32_t n,
                             weir_table *out);

/* ---- Encoders of columns --------------------------------------------------------------------- */

/* The column to encode: width 1, any type. WEIR_EOPTION, with the columns there are, if table has
 * no such column. */
WEIR_API int weir_column_type(weir_job *job, const weir_table *table, const char *name,
                              weir_type *type);
/* The values of that column of out [n or more rows], added if out lacks it. NULL on failure. */
WEIR_API void *weir_column_out(weir_job *job, weir_table *out, const char *name, weir_type type,
                               size_t n);
/* The values of that column of data. NULL on failure (WEIR_EDATA). */
WEIR_API const void *weir_column_in(weir_job *job, const weir_dataset *data, const char *name,
                                    weir_type type);

/* Columns scaled to [0, 1] by their training range, or by that of log(1 + x): the state of the
 * encoders `minmax` and `log_minmax`. Values outside the range count as the nearest bound. */
typedef struct weir_scale {
    bool logarithmic; /* x counts from the least value for times and columns with negative values */
    size_t count;
    struct weir_scaled {
        const char *name;
        weir_range range;
    } * columns;
} weir_scale;

/* One column of them; number: its own among the columns of an archive. The values of a row lie
 * stride floats from those of the row before. */
WEIR_API int weir_scaled_learn(weir_job *job, const weir_table *table, const char *name,
                               struct weir_scaled *column);
WEIR_API int weir_scaled_encode(weir_job *job, const struct weir_scaled *column, bool logarithmic,
                                const weir_dataset *data, const uint32_t *rows, size_t n,
                                float *out, size_t stride);
WEIR_API int weir_scaled_decode(weir_job *job, const struct weir_scaled *column, bool logarithmic,
                                const float *in, size_t stride, size_t n, weir_table *out);
WEIR_API int weir_scaled_save(const struct weir_scaled *column, size_t number, weir_archive *to);
WEIR_API int weir_scaled_load(weir_job *job, struct weir_scaled *column, size_t number,
                              const weir_archive *from);

/* names: empty for all numeric columns but addresses, ports and proto. Adds the layout. */
WEIR_API int weir_scale_fit(weir_job *job, const weir_dataset *train, weir_list names,
                            weir_scale *scale);
WEIR_API int weir_scale_encode(weir_job *job, const weir_scale *scale, const weir_dataset *data,
                               const uint32_t *rows, size_t n, float *out);
WEIR_API int weir_scale_decode(weir_job *job, const weir_scale *scale, const float *in, size_t n,
                               weir_table *out);
WEIR_API int weir_scale_save(weir_job *job, const weir_scale *scale, weir_archive *to);
WEIR_API int weir_scale_load(weir_job *job, weir_scale *scale, const weir_archive *from);

/* ---- Columns as ranks ------------------------------------------------------------------------ */

/* A column by the share of training rows that are below a value: numbers evenly spread over [0, 1],
 * and a frequent value an interval of its own, so that a model that errs a little gives it back. */
typedef struct weir_margin {
    const char *name;
    weir_type type; /* not a category */
    uint32_t count;
    const double *pieces; /* [count][least value, greatest, share of rows up to it], ascending */
} weir_margin;

/* Pieces of rows / limit rows or more, the last one perhaps fewer; a value of so many rows is a
 * piece by itself. Fails with WEIR_EDATA for a value that is not finite. */
WEIR_API int weir_margin_learn(weir_job *job, const weir_table *table, const char *name,
                               uint32_t limit, weir_margin *margin);
/* The rank of x, in the middle of its piece if that is one value, and the nearest bound outside
 * training; the value at a rank, NaN counting as 0. */
WEIR_API double weir_margin_rank(const weir_margin *margin, double x);
WEIR_API double weir_margin_value(const weir_margin *margin, double rank);
/* As of scaled columns. */
WEIR_API int weir_margin_encode(weir_job *job, const weir_margin *margin, const weir_dataset *data,
                                const uint32_t *rows, size_t n, float *out, size_t stride);
WEIR_API int weir_margin_decode(weir_job *job, const weir_margin *margin, const float *in,
                                size_t stride, size_t n, weir_table *out);
WEIR_API int weir_margin_save(const weir_margin *margin, size_t number, weir_archive *to);
WEIR_API int weir_margin_load(weir_job *job, weir_margin *margin, size_t number,
                              const weir_archive *from);

/* ---- Columns as places ----------------------------------------------------------------------- */

/* Values that encode met, and how many of them had nothing that stands for them. */
typedef struct weir_tally {
    uint64_t values, strange, told;
} weir_tally;

/* Logs "WHO: STRANGE of VALUES values so far WHAT" at the first strange value and whenever there
 * are twice as many. */
WEIR_API void weir_tally_tell(weir_job *job, weir_tally *tally, const char *who, const char *what);

/* What becomes of a value that has no place: beyond the limit, or not in training. */
typedef enum weir_rare {
    WEIR_RARE_REFUSED, /* WEIR_EOPTION in training, WEIR_EDATA later */
    WEIR_RARE_SHARED,  /* beyond the limit the rarest share the last place, which decodes to the
                          commonest of them; not in training: as them, or refused if there are none
                        */
    WEIR_RARE_NEAREST  /* that of the fewest different bits, of equals the commonest; a category:
                          the commonest. Counted and logged */
} weir_rare;

/* A column as one value for each distinct value of training, in ascending order of value
 * (categories: in the order of the dictionary); the greatest of them, or the first, decodes. */
typedef struct weir_places {
    const char *name;
    weir_type type;          /* an integer or a category */
    uint32_t width;          /* places */
    bool shared, nearest;    /* the last place is shared; WEIR_RARE_NEAREST */
    const uint64_t *values;  /* [width] categories: codes of names */
    const uint64_t *rows;    /* [width] how many had it in training */
    const weir_table *names; /* categories: a column of that name and its strings, no rows */
    weir_table *owned;       /* names, after weir_places_learn */
    weir_tally *tally;
} weir_places;

/* limit: most places, 1 or more. table has a row at least. Fails with WEIR_EOPTION for a column
 * that is not there or is real. The caller adds the segment. */
WEIR_API int weir_places_learn(weir_job *job, const weir_table *table, const char *name,
                               uint32_t limit, weir_rare rare, weir_places *places);
/* Places of the rows at out, out + stride …; decode: from in, in + stride …. */
WEIR_API int weir_places_encode(weir_job *job, const weir_places *places, const weir_dataset *data,
                                const uint32_t *rows, size_t n, float *out, size_t stride);
WEIR_API int weir_places_decode(weir_job *job, const weir_places *places, const float *in,
                                size_t stride, size_t n, weir_table *out);
/* number: the column's own among the columns of an archive. */
WEIR_API int weir_places_save(const weir_places *places, size_t number, weir_archive *to);
WEIR_API int weir_places_load(weir_job *job, weir_places *places, size_t number,
                              const weir_archive *from);
/* What learn made besides memory of the instance. */
WEIR_API void weir_places_free(weir_places *places);

#endif
