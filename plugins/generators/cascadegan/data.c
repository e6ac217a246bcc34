/* The training set as CascadeGAN's batches. Conditions, tuples and series are encoded once a flow;
 * series are kept as runs of equal steps, so that idle time costs nothing; fields and windows are
 * made when a batch is. */
#include <stdlib.h>
#include <string.h>

#include "conditions.h"
#include "train.h"

/* Bytes of encoded series at a time, about. */
#define BLOCK ((size_t)4 << 20)

/* ---- Once a flow ------------------------------------------------------------------------------*/

/* Values of `width` of encoder `role` for each flow, `units` naming flows, or rows: to
 * to[flow * stride]. */
static int encode_flows(weir_job *job, struct cascade_data *data, int role, const uint32_t *units,
                        int64_t width, float *to, int64_t stride)
{
    weir_encoder *encoder = data->model->encoder[role];
    uint32_t block = (uint32_t)(BLOCK / sizeof(float) / (size_t)width) + 1;
    float *values = malloc((size_t)block * (size_t)width * sizeof *values);
    int status = WEIR_OK;

    if (!values)
        return weir_error_memory(weir_job_error(job), (unsigned long long)block, "encoded flows");
    for (uint32_t f = 0; f < data->flows->count && status == WEIR_OK; f += block) {
        uint32_t n = data->flows->count - f < block ? data->flows->count - f : block;

        status = weir_encode(encoder, data->set, units + f, n, values);
        for (uint32_t i = 0; i < n && status == WEIR_OK; i++)
            memcpy(to + (int64_t)(f + i) * stride, values + i * (size_t)width,
                   (size_t)width * sizeof *values);
        if (status == WEIR_OK)
            status = weir_progress(job, 0, 1);
    }
    free(values);
    return status;
}

static int room_for_run(weir_job *job, struct cascade_data *data)
{
    uint64_t room = data->room ? data->room + data->room / 2 : 4096;
    size_t wide = (size_t)data->model->step_width * sizeof(float);
    uint32_t *ends;
    float *values;

    if (data->runs < data->room)
        return WEIR_OK;
    ends = realloc(data->run_end, room * sizeof *ends);
    data->run_end = ends ? ends : data->run_end;
    values = ends ? realloc(data->run_values, room * wide) : NULL;
    data->run_values = values ? values : data->run_values;
    if (!values)
        return weir_error_memory(weir_job_error(job), room * wide, "the flows' series");
    data->room = room;
    return WEIR_OK;
}

/* Appends a flow's series as runs; those at the end that equal `pad` are left out. */
static int add_runs(weir_job *job, struct cascade_data *data, const float *series)
{
    size_t wide = (size_t)data->model->step_width, bytes = wide * sizeof(float);
    uint32_t length = (uint32_t)data->model->steps;

    while (length > 0 && !memcmp(series + (length - 1) * wide, data->pad, bytes))
        length--;
    for (uint32_t t = 0; t < length; t++) {
        const float *step = series + t * wide;

        if (t > 0 && !memcmp(step, step - wide, bytes)) {
            data->run_end[data->runs - 1]++;
            continue;
        }
        if (room_for_run(job, data) != WEIR_OK)
            return weir_job_error(job)->status;
        memcpy(data->run_values + data->runs * wide, step, bytes);
        data->run_end[data->runs++] = t + 1;
    }
    return WEIR_OK;
}

/* flows: 0, 1, 2 … */
static int encode_series(weir_job *job, struct cascade_data *data, const uint32_t *flows)
{
    const struct cascade_model *model = data->model;
    size_t width = (size_t)(model->steps * model->step_width);
    uint32_t block = (uint32_t)(BLOCK / sizeof(float) / width) + 1, count = data->flows->count;
    float *values = malloc(block * width * sizeof *values);
    int status = WEIR_OK;

    if (!values)
        return weir_error_memory(weir_job_error(job), block * width * sizeof *values, "series");
    for (uint32_t f = 0; f < count && status == WEIR_OK; f += block) {
        uint32_t n = count - f < block ? count - f : block;

        status = weir_encode(model->encoder[ROLE_SERIES], data->set, flows + f, n, values);
        for (uint32_t i = 0; i < n && status == WEIR_OK; i++) {
            status = add_runs(job, data, values + i * width);
            data->first_run[f + i + 1] = data->runs;
        }
        if (status == WEIR_OK)
            status = weir_progress(job, 0, 1);
    }
    free(values);
    return status;
}

/* ---- Steps of flows ---------------------------------------------------------------------------*/

/* Rows of the flow from that place on, which lie in one step. */
static uint32_t rows_of_step(const struct cascade_data *data, uint32_t at)
{
    const weir_flows *flows = data->flows;
    uint32_t end = flows->offsets[flows->flow_of[flows->rows[at]] + 1], step;

    return weir_step_run(&data->steps, flows->rows + at, end - at, &step);
}

/* Lists the steps that have packets, if the field network makes sequences; how long those are. */
static int find_bins(weir_job *job, struct cascade_data *data, struct cascade_model *model)
{
    uint32_t rows = (uint32_t)weir_dataset_rows(data->set), n;
    int64_t most = 1;

    model->sequence = 1;
    if (model->options->field_backbone != FIELD_LSTM)
        return WEIR_OK;
    data->bins = malloc((size_t)rows * sizeof *data->bins);
    if (!data->bins)
        return weir_error_memory(weir_job_error(job), rows * sizeof *data->bins, "steps of flows");
    for (uint32_t at = 0; at < rows; at += n) {
        n = rows_of_step(data, at);
        data->bins[data->bin_count++] = at;
        most = n > most ? n : most;
    }
    model->sequence = most < model->options->bin_packets ? most : model->options->bin_packets;
    return WEIR_OK;
}

uint32_t cascade_data_bin(const struct cascade_data *data, uint32_t at)
{
    uint32_t low = 0, high = data->bin_count;

    while (high - low > 1) { /* bins[low] <= at < bins[high] */
        uint32_t middle = low + (high - low) / 2;

        if (data->bins[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return data->bins[low];
}

int64_t cascade_data_step(const struct cascade_data *data, uint32_t row)
{
    const weir_flows *flows = data->flows;
    int64_t step = weir_step_of(&data->steps, row, NULL);

    if (data->model->options->adjust)
        step -= weir_step_of(&data->steps, flows->rows[flows->offsets[flows->flow_of[row]]], NULL);
    return step;
}

/* ---- Opening and closing ----------------------------------------------------------------------*/

static int allocate(weir_job *job, struct cascade_data *data)
{
    const struct cascade_model *model = data->model;
    size_t flows = data->flows->count, batch = (size_t)model->options->batch;
    size_t most = batch * (size_t)model->sequence;

    data->conditions = malloc(flows * (size_t)model->conditions * sizeof(float));
    data->tuples = malloc(flows * (size_t)model->tuple * sizeof(float));
    data->first_run = calloc(flows + 1, sizeof *data->first_run);
    data->pad = malloc((size_t)model->step_width * sizeof(float));
    data->scratch = malloc(most * (size_t)model->fields * sizeof(float));
    data->rows = malloc(most * sizeof *data->rows);
    if (!data->conditions || !data->tuples || !data->first_run || !data->pad || !data->scratch ||
        !data->rows)
        return weir_error_memory(weir_job_error(job), flows * (size_t)model->tuple * sizeof(float),
                                 "the encoded training set");
    cascade_pad(model, data->pad);
    return WEIR_OK;
}

int cascade_data_open(weir_job *job, const weir_dataset *train, struct cascade_model *model,
                      struct cascade_data *data)
{
    uint32_t *units, flows;
    int status;

    *data = (struct cascade_data){.model = model, .set = train};
    data->flows = weir_dataset_flows(train, weir_job_error(job));
    if (!data->flows || weir_steps_of(job, train, 0, (uint32_t)model->steps, &data->steps) ||
        find_bins(job, data, model) != WEIR_OK || allocate(job, data) != WEIR_OK)
        return weir_job_error(job)->status;
    flows = data->flows->count;
    units = malloc((size_t)flows * sizeof *units);
    if (!units)
        return weir_error_memory(weir_job_error(job), flows * sizeof *units, "the flows");
    for (uint32_t f = 0; f < flows; f++)
        units[f] = f;
    status = encode_flows(job, data, ROLE_CONDITIONS, units, model->conditions, data->conditions,
                          model->conditions);
    if (status == WEIR_OK)
        status = encode_series(job, data, units);
    for (uint32_t f = 0; f < flows; f++) /* a tuple is that of the first row */
        units[f] = data->flows->rows[data->flows->offsets[f]];
    if (status == WEIR_OK)
        status = encode_flows(job, data, ROLE_ADDRESSES, units, model->addresses, data->tuples,
                              model->tuple);
    if (status == WEIR_OK)
        status = encode_flows(job, data, ROLE_PORTS, units, model->ports,
                              data->tuples + model->addresses, model->tuple);
    free(units);
    return status;
}

void cascade_data_close(struct cascade_data *data)
{
    free(data->conditions);
    free(data->tuples);
    free(data->first_run);
    free(data->run_end);
    free(data->run_values);
    free(data->pad);
    free(data->bins);
    free(data->scratch);
    free(data->rows);
    *data = (struct cascade_data){0};
}

/* ---- For a batch ------------------------------------------------------------------------------*/

/* Steps first … first + count - 1 of a flow's series; before step 0 and behind the end, pad. */
static void copy_steps(const struct cascade_data *data, uint32_t flow, int64_t first, int64_t count,
                       float *out)
{
    size_t wide = (size_t)data->model->step_width, bytes = wide * sizeof(float);
    uint64_t low = data->first_run[flow], high = data->first_run[flow + 1], end = high;

    while (low < high) { /* the first run that ends behind `first` */
        uint64_t middle = low + (high - low) / 2;

        if ((int64_t)data->run_end[middle] <= first)
            low = middle + 1;
        else
            high = middle;
    }
    for (int64_t t = first; t < first + count; t++, out += wide) {
        while (low < end && (int64_t)data->run_end[low] <= t)
            low++;
        memcpy(out, t < 0 || low >= end ? data->pad : data->run_values + low * wide, bytes);
    }
}

void cascade_data_series(const struct cascade_data *data, uint32_t flow, float *out)
{
    copy_steps(data, flow, 0, data->model->steps, out);
}

void cascade_data_window(const struct cascade_data *data, uint32_t flow, int64_t step, float *out)
{
    int64_t window = data->model->options->window;

    copy_steps(data, flow, step - window / 2, window, out);
}

int cascade_data_fields(const struct cascade_data *data, const uint32_t *at, size_t n, float *out)
{
    const struct cascade_model *model = data->model;
    weir_encoder *encoder = model->encoder[ROLE_FIELDS];
    size_t wide = (size_t)model->fields, most = (size_t)model->sequence, count = 0;
    const float *from = data->scratch;
    int status;

    if (model->options->field_backbone != FIELD_LSTM) {
        for (size_t i = 0; i < n; i++)
            data->rows[i] = data->flows->rows[at[i]];
        return weir_encode(encoder, data->set, data->rows, n, out);
    }
    for (size_t i = 0; i < n; i++) {
        size_t length = rows_of_step(data, at[i]);

        for (size_t k = 0; k < length && k < most; k++)
            data->rows[count++] = data->flows->rows[at[i] + k];
    }
    status = weir_encode(encoder, data->set, data->rows, count, data->scratch);
    if (status != WEIR_OK)
        return status;
    memset(out, 0, n * most * (wide + 2) * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        size_t length = rows_of_step(data, at[i]);

        for (size_t k = 0; k < most; k++, out += wide + 2) {
            if (k < length) {
                memcpy(out, from, wide * sizeof *out);
                from += wide;
            }
            out[wide + (k < length ? 0 : 1)] = 1;
        }
    }
    return WEIR_OK;
}
