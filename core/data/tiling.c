/* Requests for other lengths than the training trace has: the trace is laid end to end. */
#include <math.h>
#include <stdlib.h>
#include <weir/sampling.h>

/* A dataset numbers its rows in 32 bits. */
#define MOST_ROWS ((uint64_t)UINT32_MAX - 1)
/* Rows between two looks at the progress. */
#define BLOCK 65536u

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

int weir_tiling_init(weir_tiling *tiling, const int64_t *times, size_t rows, double duration,
                     weir_error *error)
{
    uint64_t span, gap, repeats;

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
    tiling->window = (int64_t)(span + gap ? span + gap : 1);
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
    tiling->length = llrint(duration * 1e9);
    if (tiling->length < 1)
        tiling->length = 1;
    repeats = (uint64_t)(tiling->length / tiling->window);
    if (repeats > MOST_ROWS / rows)
        return weir_error_set(error, WEIR_EOPTION,
                              "%g s at the trace's rate are more than %llu rows", duration,
                              (unsigned long long)MOST_ROWS);
    tiling->count = repeats * rows + rows_before(tiling, tiling->length % tiling->window);
    return WEIR_OK;
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

/* The rows of the first n 5-tuples of the tiling, ascending. */
static uint32_t *rows_of_flows(weir_job *job, const weir_table *train, const weir_tiling *tiling,
                               int64_t n, uint64_t *count)
{
    weir_error *error = weir_job_error(job);
    const uint32_t *srcip = weir_u32(train, "srcip"), *dstip = weir_u32(train, "dstip");
    const uint16_t *srcport = weir_u16(train, "srcport"), *dstport = weir_u16(train, "dstport");
    const uint8_t *proto = weir_u8(train, "proto");
    uint32_t *kept = malloc((size_t)tiling->count * sizeof *kept);
    weir_tuples *tuples = weir_tuples_new(error);
    uint64_t used = 0;

    if (!kept)
        weir_error_memory(error, tiling->count * sizeof *kept, "row numbers");
    for (uint64_t i = 0; kept && tuples && i < tiling->count; i++) {
        size_t row = (size_t)(i % tiling->rows);
        weir_tuple tuple = {srcip[row], dstip[row], srcport[row], dstport[row], proto[row]};
        uint32_t index;

        if (weir_tuples_add(tuples, &tuple, &index, error) != WEIR_OK ||
            (i % BLOCK == 0 && weir_progress(job, 0, (int64_t)tiling->count) != WEIR_OK)) {
            weir_error_set(error, WEIR_ECANCEL, "cancelled");
            break;
        }
        if (index < n)
            kept[used++] = (uint32_t)i;
    }
    if (error->status == WEIR_OK && weir_tuples_count(tuples) < n)
        weir_error_set(error, WEIR_EOPTION,
                       "%lld flows are asked for, and the training rows have only %u", (long long)n,
                       weir_tuples_count(tuples));
    weir_tuples_free(tuples);
    if (error->status != WEIR_OK) {
        free(kept);
        return NULL;
    }
    *count = used;
    return kept;
}

static int fill(weir_job *job, const weir_table *train, const weir_tiling *tiling,
                const uint32_t *chosen, uint64_t available, uint64_t n, weir_table *out)
{
    weir_error *error = weir_job_error(job);
    const char *column = weir_time_column(weir_table_schema(train));
    uint32_t rows[BLOCK / 16];
    uint64_t positions[BLOCK / 16];

    for (uint64_t at = 0; at < n;) {
        size_t block = n - at < BLOCK / 16 ? (size_t)(n - at) : BLOCK / 16;

        for (size_t i = 0; i < block; i++) {
            positions[i] = available ? (at + i) % available : at + i;
            if (chosen)
                positions[i] = chosen[positions[i]];
            rows[i] = (uint32_t)(positions[i] % weir_table_rows(train));
        }
        if (weir_table_copy(out, (size_t)at, train, NULL, rows, block, error) != WEIR_OK)
            return error->status;
        if (column) {
            int64_t *times = weir_i64_out(out, column);

            for (size_t i = 0; i < block; i++)
                times[at + i] = weir_tiling_time(tiling, positions[i]);
        }
        at += block;
        if (weir_progress(job, (int64_t)at, (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

int weir_repeat(weir_job *job, const weir_table *train, const weir_request *request,
                weir_table *out)
{
    weir_error *error = weir_job_error(job);
    const char *column = weir_time_column(weir_table_schema(train));
    uint64_t available = 0, n = weir_table_rows(train);
    weir_tiling tiling = {0};
    uint32_t *chosen = NULL;
    int status = weir_request_check(request, weir_table_schema(train), error);

    if (status == WEIR_OK && column)
        status = weir_tiling_init(&tiling, weir_i64(train, column), weir_table_rows(train),
                                  request->duration, error);
    if (status != WEIR_OK)
        return status;
    if (!column)
        n = request->series > 0 ? (uint64_t)request->series : n;
    else if (request->flows > 0) {
        chosen = rows_of_flows(job, train, &tiling, request->flows, &n);
        if (!chosen)
            return error->status;
        available = n;
    } else {
        n = request->packets > 0 ? (uint64_t)request->packets : tiling.count;
        /* Without a duration the repetitions go on; with one they start over in it. */
        available = request->duration > 0 ? tiling.count : 0;
        if (!available &&
            (double)tiling.first + (double)tiling.window * ((double)n / (double)tiling.rows + 1) >
                9.2e18)
            return weir_fail(job, WEIR_EOPTION,
                             "%llu packets at the trace's rate run past the year 2261",
                             (unsigned long long)n);
    }
    status = weir_table_match(out, train, error);
    if (status == WEIR_OK)
        status = weir_table_resize(out, (size_t)n, error);
    if (status == WEIR_OK)
        status = fill(job, train, &tiling, chosen, available, n, out);
    free(chosen);
    return status;
}
