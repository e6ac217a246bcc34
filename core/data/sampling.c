/* What simple generators share: a model that is the training set, repeated rows, independent rows.
 */
#include <stdlib.h>
#include <weir/sampling.h>

#define BLOCK ((size_t)WEIR_DRAW_BLOCK)

int weir_kept_fit(weir_job *job, const weir_dataset *train, void *model)
{
    weir_kept *self = model;

    if (weir_dataset_rows(train) == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    self->owned = weir_table_clone(weir_dataset_table(train), weir_job_error(job));
    self->train = self->owned;
    return weir_job_error(job)->status;
}

int weir_kept_save(weir_job *job, const void *model, weir_archive *to)
{
    const weir_kept *self = model;

    (void)job;
    return weir_put_table(to, "train", self->train);
}

int weir_kept_load(weir_job *job, void *model, const weir_archive *from)
{
    weir_kept *self = model;
    const char *column;
    const int64_t *times;

    self->train = weir_get_table(from, "train");
    if (self->train && weir_table_rows(self->train) == 0)
        return weir_fail(job, WEIR_EDATA, "the model has no training rows");
    if (self->train && weir_table_schema(self->train) == 0)
        return weir_fail(job, WEIR_EDATA, "the model's training rows follow no schema");
    column = self->train ? weir_time_column(weir_table_schema(self->train)) : NULL;
    times = column ? weir_i64(self->train, column) : NULL;
    for (size_t i = 1; times && i < weir_table_rows(self->train); i++)
        if (times[i] < times[i - 1])
            return weir_fail(job, WEIR_EDATA, "the model's training rows are not in order of time");
    return weir_job_error(job)->status;
}

void weir_kept_free(weir_job *job, void *model)
{
    weir_kept *self = model;

    (void)job;
    weir_table_free(self->owned);
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
            (i % 65536 == 0 && weir_progress(job, 0, (int64_t)tiling->count) != WEIR_OK)) {
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
    uint32_t rows[BLOCK];
    uint64_t positions[BLOCK];

    for (uint64_t at = 0; at < n;) {
        size_t block = n - at < BLOCK ? (size_t)(n - at) : BLOCK;

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

int weir_draw_rows(weir_job *job, weir_draw draw, const void *context, size_t n, weir_table *out)
{
    int status = weir_table_resize(out, n, weir_job_error(job));

    for (size_t at = 0; at < n && status == WEIR_OK; at += BLOCK) {
        status = draw(job, context, out, at, n - at < BLOCK ? n - at : BLOCK);
        if (status == WEIR_OK)
            status = weir_progress(job, (int64_t)at, (int64_t)n);
    }
    return status;
}

int weir_draw_flows(weir_job *job, weir_draw draw, const void *context, uint32_t n, weir_table *out)
{
    weir_error *error = weir_job_error(job);
    weir_tuples *tuples = weir_tuples_new(error);
    size_t used = 0, fruitless = 0;
    int status = tuples ? WEIR_OK : error->status;

    while (status == WEIR_OK && weir_tuples_count(tuples) < n) {
        if (used + BLOCK > weir_table_rows(out))
            status = weir_table_resize(out, 2 * used + BLOCK, error);
        if (status == WEIR_OK)
            status = draw(job, context, out, used, BLOCK);
        fruitless += BLOCK;
        for (size_t i = 0; i < BLOCK && status == WEIR_OK && weir_tuples_count(tuples) < n; i++) {
            weir_tuple tuple = {weir_u32(out, "srcip")[used], weir_u32(out, "dstip")[used],
                                weir_u16(out, "srcport")[used], weir_u16(out, "dstport")[used],
                                weir_u8(out, "proto")[used]};
            uint32_t before = weir_tuples_count(tuples), index;

            status = weir_tuples_add(tuples, &tuple, &index, error);
            used++;
            if (index == before)
                fruitless = 0;
        }
        if (status == WEIR_OK && fruitless > 1000000)
            status =
                weir_fail(job, WEIR_EOPTION,
                          "%u flows are asked for, and a million rows in a row brought no more "
                          "than %u different 5-tuples",
                          n, weir_tuples_count(tuples));
        if (status == WEIR_OK)
            status = weir_progress(job, weir_tuples_count(tuples), n);
    }
    if (status == WEIR_OK)
        status = weir_table_resize(out, used, error);
    weir_tuples_free(tuples);
    return status;
}
