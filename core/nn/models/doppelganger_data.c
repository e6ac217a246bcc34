/* Batches for DoppelGANger: which sequences, and how a critic sees them. */
#include "nn/models/dg.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int dg_order_new(weir_job *job, dg_order *order, uint32_t count)
{
    dg_order_free(order);
    order->rows = calloc((size_t)count + 1, sizeof *order->rows);
    if (!order->rows)
        return weir_error_memory(weir_job_error(job), count * sizeof *order->rows, "an order");
    for (uint32_t i = 0; i < count; i++)
        order->rows[i] = i;
    order->count = count;
    order->at = count;
    return WEIR_OK;
}

void dg_order_free(dg_order *order)
{
    free(order->rows);
    *order = (dg_order){0};
}

void dg_order_next(dg_order *order, weir_random *random, size_t n, uint32_t *rows)
{
    for (size_t i = 0; i < n; i++) {
        if (order->at >= order->count) {
            weir_random_shuffle(random, order->rows, order->count);
            order->at = 0;
        }
        rows[i] = order->rows[order->at++];
    }
}

int dg_batch_new(weir_job *job, dg_batch *batch, const nn_doppelganger *model, size_t room)
{
    size_t features = (size_t)model->settings.length * (model->records.width - 2);
    size_t records = (size_t)dg_records(model) * model->records.width;

    *batch = (dg_batch){.room = room};
    batch->rows = calloc(room, sizeof *batch->rows);
    batch->lengths = calloc(room, sizeof *batch->lengths);
    batch->mask = calloc(room, sizeof *batch->mask);
    batch->attributes = calloc(room * model->attributes.width, sizeof(nn_real));
    batch->features = calloc(room * features, sizeof(nn_real));
    batch->records = calloc(room * records, sizeof(nn_real));
    if (batch->rows && batch->lengths && batch->mask && batch->attributes && batch->features &&
        batch->records)
        return WEIR_OK;
    dg_batch_free(batch);
    return weir_error_memory(weir_job_error(job), room * (features + records) * sizeof(nn_real),
                             "a batch");
}

void dg_batch_free(dg_batch *batch)
{
    free(batch->rows);
    free(batch->lengths);
    free(batch->mask);
    free(batch->attributes);
    free(batch->features);
    free(batch->records);
    *batch = (dg_batch){0};
}

static int check_numbers(weir_job *job, const nn_real *values, size_t n, const uint32_t *rows,
                         size_t width, const char *what)
{
    for (size_t i = 0; i < n * width; i++)
        if (!isfinite(values[i]))
            return weir_fail(job, WEIR_EDATA, "the %s of sequence %u are not finite", what,
                             rows[i / width]);
    return WEIR_OK;
}

/* features [length][width] to records [records][width + 2]: the flag is 1 0 while another record
 * follows, then 0 1 to the end of the LSTM's step; steps behind it are zeros, as the generator's.
 */
static void flag(const nn_doppelganger *model, const nn_real *features, uint32_t length,
                 nn_real *records)
{
    size_t width = model->records.width - 2, sample_len = (size_t)model->settings.sample_len;
    size_t end = (length + sample_len - 1) / sample_len * sample_len;

    for (size_t t = 0; t < end; t++) {
        nn_real *record = records + t * (width + 2);
        if (t < length)
            memcpy(record, features + t * width, width * sizeof *record);
        record[width] = t + 1 < length;
        record[width + 1] = t + 1 >= length;
    }
}

int dg_batch_fill(weir_job *job, dg_batch *batch, const nn_doppelganger *model,
                  const nn_sequences *data, size_t n, bool records)
{
    size_t attributes = model->attributes.width;
    size_t features = (size_t)model->settings.length * (model->records.width - 2);
    size_t all = (size_t)dg_records(model) * model->records.width;
    int status;

    memset(batch->attributes, 0, batch->room * attributes * sizeof(nn_real));
    if (n == 0 ||
        (status = data->attributes(data->context, batch->rows, n, batch->attributes)) == WEIR_OK)
        status = check_numbers(job, batch->attributes, n, batch->rows, attributes, "attributes");
    if (status != WEIR_OK || !records)
        return status;
    memset(batch->features, 0, n * features * sizeof(nn_real));
    memset(batch->records, 0, batch->room * all * sizeof(nn_real));
    if (n)
        status = data->features(data->context, batch->rows, n, batch->features, batch->lengths);
    if (status == WEIR_OK)
        status = check_numbers(job, batch->features, n, batch->rows, features, "features");
    for (size_t i = 0; status == WEIR_OK && i < n; i++) {
        uint32_t length = batch->lengths[i];
        if (length < 1 || length > model->settings.length)
            return weir_fail(job, WEIR_EBUG, "sequence %u has %u records; 1 to %lld are possible",
                             batch->rows[i], length, (long long)model->settings.length);
        flag(model, batch->features + i * features, length, batch->records + i * all);
    }
    return status;
}
