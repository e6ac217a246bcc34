/* Requests for other lengths than the training trace has: the trace is laid end to end. */
#include <math.h>
#include <weir/sampling.h>

/* A dataset numbers its rows in 32 bits. */
#define MOST_ROWS ((uint64_t)UINT32_MAX - 1)

const char *weir_time_column(uint32_t schema)
{
    if (schema == WEIR_PACKETS)
        return "time";
    return schema == WEIR_NETFLOW ? "ts" : NULL;
}

/* Rows of one repetition in its first `length` ns. */
static uint64_t rows_before(const weir_tiling *tiling, int64_t length)
{
    uint64_t low = 0, high = tiling->rows;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (tiling->times[middle] - tiling->first < length)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int count_rows(weir_tiling *tiling, weir_error *error)
{
    uint64_t repeats = (uint64_t)(tiling->length / tiling->window);

    if (repeats > MOST_ROWS / tiling->rows - 1)
        return weir_error_set(error, WEIR_EOPTION,
                              "%g s at the trace's rate are more than %llu rows",
                              (double)tiling->length / 1e9, (unsigned long long)MOST_ROWS);
    tiling->count = repeats * tiling->rows + rows_before(tiling, tiling->length % tiling->window);
    return WEIR_OK;
}

int weir_tiling_init(weir_tiling *tiling, const int64_t *times, size_t rows, double duration,
                     weir_error *error)
{
    uint64_t span, gap;

    if (rows == 0)
        return weir_error_set(error, WEIR_EDATA, "a trace without rows has no time line");
    span = (uint64_t)times[rows - 1] - (uint64_t)times[0];
    gap = rows > 1 ? (span + (rows - 1) / 2) / (rows - 1) : 0;
    if (span > INT64_MAX / 2)
        return weir_error_set(error, WEIR_EDATA, "the times of the trace are %g years apart",
                              (double)span / 3.1557e16);
    tiling->times = times;
    tiling->rows = rows;
    tiling->first = times[0];
    tiling->window = (int64_t)(span + (gap ? gap : 1));
    if (duration <= 0) {
        tiling->length = (int64_t)span + 1;
        tiling->count = rows;
        return WEIR_OK;
    }
    if (!(duration < 9.2e9) || (double)times[0] + duration * 1e9 > 9.2e18)
        return weir_error_set(error, WEIR_EOPTION,
                              "a duration of %g s from the trace's first time runs past the year "
                              "2261, the end of our times",
                              duration);
    if (span == 0)
        return weir_error_set(error, WEIR_EOPTION,
                              "the training rows all have one time, so that there is no rate to "
                              "fill a duration at: ask for packets instead");
    tiling->length = llrint(duration * 1e9);
    if (tiling->length < 1)
        tiling->length = 1;
    return count_rows(tiling, error);
}

int weir_tiling_of(weir_tiling *tiling, const weir_tiling *trace, const int64_t *times, size_t rows,
                   weir_error *error)
{
    *tiling = *trace;
    tiling->times = times;
    tiling->rows = rows;
    if (rows == 0 || times[0] != trace->first)
        return weir_error_set(error, WEIR_EBUG, "these times do not begin where the trace does");
    return count_rows(tiling, error);
}

int weir_request_check(const weir_request *request, uint32_t schema, weir_error *error)
{
    if (schema == WEIR_SERIES &&
        (request->flows > 0 || request->packets > 0 || request->duration > 0))
        return weir_error_set(error, WEIR_EOPTION,
                              "the model makes series: ask for a number of series");
    if (schema != WEIR_SERIES && request->series > 0)
        return weir_error_set(error, WEIR_EOPTION,
                              "the model makes a trace: ask for flows, packets or a duration");
    if ((uint64_t)request->flows > MOST_ROWS || (uint64_t)request->packets > MOST_ROWS ||
        (uint64_t)request->series > MOST_ROWS)
        return weir_error_set(error, WEIR_EOPTION, "at most %llu rows can be asked for",
                              (unsigned long long)MOST_ROWS);
    return WEIR_OK;
}
