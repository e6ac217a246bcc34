/* A block of flows: 5-tuples, series, packets, rows. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate.h"
#include "sampler.h"

/* Flows of a block, at most; fewer where series are long. */
#define BLOCK_FLOWS 512
#define BLOCK_VALUES ((size_t)1 << 23)
/* Numbers of the 5-tuples that are planned together, at most. */
#define MOST_PLANNED ((size_t)1 << 25)

/* ---- 5-tuples --------------------------------------------------------------------------------*/

/* Tuples of n flows, whose encodings lie in s->tuple at rows which[n]. */
static int decode_tuples(struct cascade_sampling *s, const uint32_t *which, size_t n)
{
    const struct cascade_model *m = s->model;
    size_t split[2] = {(size_t)m->addresses, (size_t)m->ports}, at = 0;
    const int role[2] = {ROLE_ADDRESSES, ROLE_PORTS};
    float *part = malloc(n * (split[0] > split[1] ? split[0] : split[1]) * sizeof *part);
    int status =
        part ? WEIR_OK : weir_error_memory(weir_job_error(s->job), n * sizeof *part, "5-tuples");

    for (int k = 0; k < 2 && status == WEIR_OK; at += split[k++]) {
        for (size_t i = 0; i < n; i++)
            memcpy(part + i * split[k], s->tuple + which[i] * (size_t)m->tuple + at,
                   split[k] * sizeof *part);
        status = weir_decode(m->encoder[role[k]], part, n, s->heads);
    }
    free(part);
    for (size_t i = 0; i < n && status == WEIR_OK; i++)
        s->drawn[which[i]] = (weir_tuple){
            .srcip = weir_u32(s->heads, "srcip")[i],
            .dstip = weir_u32(s->heads, "dstip")[i],
            .srcport = weir_u16(s->heads, "srcport")[i],
            .dstport = weir_u16(s->heads, "dstport")[i],
            .proto = weir_u8(s->heads, "proto")[i],
        };
    return status;
}

/* Draws the tuples of flows which[n] of the block; for the first time, those that were planned. */
static int draw_tuples(struct cascade_sampling *s, const uint32_t *which, size_t n, bool planned)
{
    const struct cascade_model *m = s->model;
    size_t in = (size_t)m->conditions, width = (size_t)m->tuple;
    float *conditions = malloc(n * in * sizeof *conditions);
    float *tuples = malloc(n * width * sizeof *tuples);
    int status = conditions && tuples ? WEIR_OK
                                      : weir_error_memory(weir_job_error(s->job),
                                                          n * width * sizeof *tuples, "5-tuples");

    for (size_t i = 0; i < n && status == WEIR_OK; i++)
        memcpy(conditions + i * in, s->encoded + which[i] * in, in * sizeof *conditions);
    if (status == WEIR_OK && planned)
        memcpy(tuples, s->planned + s->next * width, n * width * sizeof *tuples);
    else if (status == WEIR_OK)
        status = cascade_run_flows(&s->nets, conditions, n, tuples);
    if (status == WEIR_OK)
        cascade_set_right(m, s->made_tuples, false, tuples, n);
    for (size_t i = 0; i < n && status == WEIR_OK; i++)
        memcpy(s->tuple + which[i] * width, tuples + i * width, width * sizeof *tuples);
    free(conditions);
    free(tuples);
    return status == WEIR_OK ? decode_tuples(s, which, n) : status;
}

/* Tuples of all flows of the block, drawn again where they are not new; then these flows are let
 * merge with those that have them. */
static int choose_tuples(struct cascade_sampling *s)
{
    uint32_t *which = malloc(s->n * sizeof *which), index;
    size_t left = s->n;
    int status = WEIR_OK;

    if (!which)
        return weir_error_memory(weir_job_error(s->job), s->n * sizeof *which, "flow numbers");
    for (size_t i = 0; i < s->n; i++)
        which[i] = (uint32_t)i;
    for (int draws = 0; draws < CASCADE_TUPLE_DRAWS && left > 0 && status == WEIR_OK; draws++) {
        size_t old = 0;

        status = draw_tuples(s, which, left, draws == 0 && s->planned);
        s->counts.redrawn += draws > 0 ? left : 0;
        for (size_t i = 0; i < left && status == WEIR_OK; i++) {
            const weir_tuple *tuple = &s->drawn[which[i]];

            if (weir_tuples_has(s->tuples, tuple))
                which[old++] = which[i];
            else
                status = weir_tuples_add(s->tuples, tuple, &index, weir_job_error(s->job));
        }
        left = old;
    }
    s->counts.merged += left;
    s->fruitless = left < s->n ? 0 : s->fruitless + left;
    free(which);
    return status;
}

/* ---- Series ----------------------------------------------------------------------------------*/

/* Packets of each step of the block's flows: as the series says, within what a flow has at most, or
 * as its condition says. */
static int shape_flows(struct cascade_sampling *s, uint32_t **counts)
{
    const struct cascade_model *m = s->model;
    const struct cascade_conditions *self = m->source;
    uint32_t steps = (uint32_t)m->steps;
    const char *name = m->schema == WEIR_NETFLOW ? "step_records" : "step_packets";
    double most = fmin(self->greatest[COND_PACKETS], (double)m->rows);
    size_t rows = 0;

    if (weir_decode(m->encoder[ROLE_SERIES], s->series, s->n, s->shapes) != WEIR_OK)
        return weir_job_error(s->job)->status;
    *counts = weir_u32_out(s->shapes, name);
    if (!*counts)
        return weir_fail(s->job, WEIR_EDATA, "the encoder of role 'series' decodes no column '%s'",
                         name);
    for (size_t i = 0; i < s->n; i++) {
        uint32_t *of = *counts + i * steps;
        double wanted = s->queue[s->next + i].x[COND_PACKETS];
        uint64_t sum = 0;

        for (uint32_t t = 0; t < steps; t++)
            sum += of[t];
        if (sum == 0)
            of[0] = 1, sum = 1;
        if (m->options->conform && wanted >= 1) {
            cascade_rescale(of, steps, (uint64_t)wanted, s->shares);
            sum = (uint64_t)wanted;
        } else if ((double)sum > most) {
            s->counts.capped++;
            s->counts.capped_rows += sum - (uint64_t)most;
            cascade_rescale(of, steps, (uint64_t)most, s->shares);
            sum = (uint64_t)most;
        }
        s->first[i] = rows;
        rows += sum;
        if (s->used + rows > UINT32_MAX - 1)
            return weir_fail(s->job, WEIR_EOPTION, "so many flows have more than %u packets",
                             UINT32_MAX - 1);
    }
    s->first[s->n] = rows;
    return WEIR_OK;
}

/* ---- Packets ---------------------------------------------------------------------------------*/

/* Columns of the training set that the field encoder is asked for, into rows of out. */
static int copy_fields(struct cascade_sampling *s, size_t at, size_t n)
{
    static const char *const others[] = {"srcip", "dstip", "srcport", "dstport", "proto"};
    uint32_t rows[CASCADE_CHUNK];

    for (size_t i = 0; i < n; i++)
        rows[i] = (uint32_t)i;
    for (size_t c = 0; c < weir_table_columns(s->out); c++) {
        const char *name = weir_table_column(s->out, c, NULL, NULL);
        bool other = strcmp(name, s->time) == 0;

        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            other = other || strcmp(name, others[k]) == 0;
        if (!other && weir_table_copy(s->out, at, s->fields, name, rows, n,
                                      weir_job_error(s->job)) != WEIR_OK)
            return weir_job_error(s->job)->status;
    }
    return WEIR_OK;
}

/* Packets of a chunk: items[n], from the block's row `row` on. */
static int make_packets(struct cascade_sampling *s, size_t n, size_t row)
{
    size_t steps = (size_t)s->model->steps, packets = 0;
    size_t each = steps * (size_t)s->model->step_width;
    const float *median = weir_f32(s->shapes, "step_median");
    const float *half = weir_f32(s->shapes, "step_half"), *position;
    int by = s->model->options->timestamps;
    int status = cascade_run_fields(&s->nets, s->items, n, s->values);

    for (size_t i = 0; i < n; i++)
        packets += s->items[i].count;
    if (status == WEIR_OK && s->raw)
        memcpy(s->raw + (s->used + row) * (size_t)s->model->fields, s->values,
               packets * (size_t)s->model->fields * sizeof *s->raw);
    if (status == WEIR_OK)
        cascade_set_right(s->model, NULL, true, s->values, packets);
    if (status == WEIR_OK)
        status = weir_decode(s->model->encoder[ROLE_FIELDS], s->values, packets, s->fields);
    if (status == WEIR_OK)
        status = copy_fields(s, s->used + row, packets);
    if (status != WEIR_OK)
        return status;
    position = weir_f32(s->fields, "step_position");
    if (!position && by == TIMES_ML)
        by = TIMES_EQUIDISTANT;
    packets = 0;
    for (size_t i = 0; i < n; i++) {
        const struct cascade_item *item = &s->items[i];
        size_t at = (size_t)(item->series - s->series) / each * steps + item->step;

        for (uint32_t k = 0; k < item->count; k++, packets++)
            s->times[row + packets] =
                item->step + cascade_position(by, position ? (double)position[packets] : 0,
                                              median ? (double)median[at] : 0.5,
                                              half ? (double)half[at] : 0.5, item->from + k,
                                              item->of);
    }
    return WEIR_OK;
}

/* Fields and places in their steps of all packets of the block. */
static int make_block(struct cascade_sampling *s, const uint32_t *counts)
{
    const struct cascade_model *m = s->model;
    size_t in = (size_t)m->conditions, width = (size_t)m->tuple;
    size_t each = (size_t)(m->steps * m->step_width), n = 0, packets = 0, row = 0;
    int status = WEIR_OK;

    for (size_t i = 0; i < s->n && status == WEIR_OK; i++)
        for (uint32_t t = 0; t < m->steps && status == WEIR_OK; t++) {
            uint32_t all = counts[i * (size_t)m->steps + t];

            for (uint32_t done = 0; done < all && status == WEIR_OK;) {
                uint32_t count = all - done;

                count =
                    count < CASCADE_CHUNK - packets ? count : (uint32_t)(CASCADE_CHUNK - packets);
                s->items[n++] = (struct cascade_item){.condition = s->encoded + i * in,
                                                      .tuple = s->tuple + i * width,
                                                      .series = s->series + i * each,
                                                      .step = t,
                                                      .count = count,
                                                      .from = done,
                                                      .of = all};
                done += count;
                packets += count;
                if (packets < CASCADE_CHUNK)
                    continue;
                status = make_packets(s, n, row);
                row += packets;
                n = packets = 0;
            }
        }
    return status == WEIR_OK && n > 0 ? make_packets(s, n, row) : status;
}

/* ---- Rows ------------------------------------------------------------------------------------*/

/* Room for the block's rows. */
static int make_room(struct cascade_sampling *s)
{
    size_t n = s->first[s->n], need = s->used + n, room = weir_table_rows(s->out);

    if (n > s->times_room) {
        double *times = realloc(s->times, n * sizeof *times);

        if (!times)
            return weir_error_memory(weir_job_error(s->job), n * sizeof *times, "times");
        s->times = times;
        s->times_room = n;
    }
    if (need <= room)
        return WEIR_OK;
    room = need > room + room / 2 ? need : room + room / 2;
    if (s->model->calibration) {
        size_t bytes = room * (size_t)s->model->fields * sizeof *s->raw;
        float *raw = realloc(s->raw, bytes);

        if (!raw)
            return weir_error_memory(weir_job_error(s->job), bytes, "fields");
        s->raw = raw;
    }
    return weir_table_resize(s->out, room, weir_job_error(s->job));
}

/* Moves those of n items that are not late to the front; how many they are. */
static size_t keep_rest(void *items, size_t size, const bool *late, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (!late[i])
            memmove((char *)items + kept++ * size, (char *)items + i * size, size);
    return kept;
}

/* Leaves out the rows whose `late` is set. */
static void drop_late(struct cascade_sampling *s, const bool *late, size_t n)
{
    size_t each = (size_t)s->model->fields, kept = 0;

    for (size_t c = 0; c < weir_table_columns(s->out); c++) {
        weir_type type;
        size_t width, size;
        const char *name = weir_table_column(s->out, c, &type, &width);
        char *data = weir_table_data(s->out, name, type);

        size = width * weir_type_size(type);
        kept = keep_rest(data + s->used * size, size, late, n);
    }
    if (s->raw)
        keep_rest(s->raw + s->used * each, each * sizeof *s->raw, late, n);
    s->counts.late += n - kept;
    s->used += kept;
}

/* A flow that begins behind the time that is left is moved to its start, which is in it. */
static bool begin_in_time(const struct cascade_wanted *flow, double *times, size_t n, double rest)
{
    double low = INFINITY;

    for (size_t i = 0; i < n; i++)
        low = fmin(low, times[i]);
    for (size_t i = 0; i < n && low >= rest; i++)
        times[i] += flow->x[COND_START] - low;
    return low >= rest;
}

/* 5-tuples and times of the block's rows, of which those behind the time asked for are left out. */
static int finish_rows(struct cascade_sampling *s)
{
    const struct cascade_model *m = s->model;
    int64_t *times = weir_i64_out(s->out, s->time);
    size_t n = s->first[s->n];
    bool *late = calloc(n + 1, sizeof *late), some = false;

    if (!late)
        return weir_error_memory(weir_job_error(s->job), n, "rows");
    for (size_t i = 0; i < s->n; i++) {
        size_t from = s->first[i], to = s->first[i + 1];
        int64_t offset = s->offsets[s->next + i];
        double rest = (double)(s->length - offset);

        s->counts.moved += cascade_retime(m->source, &s->queue[s->next + i], m->options->conform,
                                          s->times + from, to - from);
        s->counts.moved += begin_in_time(&s->queue[s->next + i], s->times + from, to - from, rest);
        for (size_t row = from; row < to; row++) {
            size_t at = s->used + row;

            weir_u32_out(s->out, "srcip")[at] = s->drawn[i].srcip;
            weir_u32_out(s->out, "dstip")[at] = s->drawn[i].dstip;
            weir_u16_out(s->out, "srcport")[at] = s->drawn[i].srcport;
            weir_u16_out(s->out, "dstport")[at] = s->drawn[i].dstport;
            weir_u8_out(s->out, "proto")[at] = s->drawn[i].proto;
            times[at] = m->first + offset + (int64_t)s->times[row];
            late[row] = offset + (int64_t)s->times[row] >= s->length;
            some |= late[row];
        }
    }
    if (some)
        drop_late(s, late, n);
    else
        s->used += n;
    free(late);
    return WEIR_OK;
}

/* ---- The whole -------------------------------------------------------------------------------*/

int cascade_block_open(struct cascade_sampling *s)
{
    const struct cascade_model *m = s->model;
    size_t each = (size_t)(m->steps * m->step_width), steps = (size_t)m->steps;
    weir_error *error = weir_job_error(s->job);

    s->room = BLOCK_VALUES / each < BLOCK_FLOWS ? BLOCK_VALUES / each : BLOCK_FLOWS;
    s->room = s->room > 16 ? s->room : 16;
    s->encoded = malloc(s->room * (size_t)m->conditions * sizeof *s->encoded);
    s->tuple = malloc(s->room * (size_t)m->tuple * sizeof *s->tuple);
    s->series = malloc(s->room * each * sizeof *s->series);
    s->drawn = malloc(s->room * sizeof *s->drawn);
    s->first = malloc((s->room + 1) * sizeof *s->first);
    s->shares = malloc(steps * sizeof *s->shares);
    s->items = malloc(CASCADE_CHUNK * sizeof *s->items);
    s->values = malloc(CASCADE_CHUNK * (size_t)m->fields * sizeof *s->values);
    if (!s->encoded || !s->tuple || !s->series || !s->drawn || !s->first || !s->shares ||
        !s->items || !s->values)
        return weir_error_memory(error, s->room * each * sizeof *s->series, "a block of flows");
    s->shapes = weir_table_new(0, s->room, error);
    s->heads = s->shapes ? weir_table_new(m->schema, s->room, error) : NULL;
    s->fields = s->heads ? weir_table_new(m->schema, CASCADE_CHUNK, error) : NULL;
    if (!s->fields || weir_table_match(s->fields, m->names, error) != WEIR_OK)
        return error->status;
    s->tuples = weir_tuples_new(error);
    return error->status;
}

int cascade_block_plan(struct cascade_sampling *s)
{
    const struct cascade_model *m = s->model;
    size_t n = s->queued, width = (size_t)m->tuple;
    double *packets;
    int status = WEIR_OK;

    free(s->planned);
    s->planned = NULL;
    if (!m->calibration || n < CASCADE_MANY_FLOWS || n * width > MOST_PLANNED)
        return WEIR_OK;
    s->planned = malloc(n * width * sizeof *s->planned);
    packets = malloc(n * sizeof *packets);
    if (!s->planned || !packets) {
        free(packets);
        return weir_error_memory(weir_job_error(s->job), n * width * sizeof *s->planned,
                                 "5-tuples");
    }
    for (size_t at = 0; at < n && status == WEIR_OK; at += s->room) {
        size_t count = n - at < s->room ? n - at : s->room;

        cascade_encode(m->source, s->queue + at, count, s->encoded);
        status = cascade_run_flows(&s->nets, s->encoded, count, s->planned + at * width);
        for (size_t i = at; i < at + count; i++)
            packets[i] =
                fmax(s->queue[i].x[COND_PACKETS], 1); /* 1 where it is not conditioned on */
    }
    if (status == WEIR_OK)
        status = cascade_made(s->job, m, false, s->planned, n, packets, &s->made_tuples);
    free(packets);
    return status;
}

int cascade_block_finish(struct cascade_sampling *s)
{
    size_t width = (size_t)s->model->fields;
    int status = WEIR_OK;

    if (!s->raw || s->used < CASCADE_MANY_ROWS)
        return WEIR_OK;
    status = cascade_made(s->job, s->model, true, s->raw, s->used, NULL, &s->made_fields);
    for (size_t at = 0; at < s->used && status == WEIR_OK; at += CASCADE_CHUNK) {
        size_t n = s->used - at < CASCADE_CHUNK ? s->used - at : CASCADE_CHUNK;

        memcpy(s->values, s->raw + at * width, n * width * sizeof *s->values);
        cascade_set_right(s->model, s->made_fields, true, s->values, n);
        status = weir_decode(s->model->encoder[ROLE_FIELDS], s->values, n, s->fields);
        if (status == WEIR_OK)
            status = copy_fields(s, at, n);
    }
    return status;
}

int cascade_block_add(struct cascade_sampling *s)
{
    uint32_t *counts = NULL;
    int status;

    s->n = s->queued - s->next < s->room ? s->queued - s->next : s->room;
    cascade_encode(s->model->source, s->queue + s->next, s->n, s->encoded);
    status = choose_tuples(s);
    if (status == WEIR_OK)
        status = cascade_run_rates(&s->nets, s->encoded, s->tuple, s->n, s->series);
    if (status == WEIR_OK)
        status = shape_flows(s, &counts);
    if (status == WEIR_OK)
        status = make_room(s);
    if (status == WEIR_OK)
        status = make_block(s, counts);
    if (status == WEIR_OK)
        status = finish_rows(s);
    s->next += s->n;
    s->counts.flows += s->n;
    return status;
}
