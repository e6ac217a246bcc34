/* Traces of packets: flows as series of their first packets, and series as flows again. */
#include <stdlib.h>
#include <string.h>
#include <weir/sampling.h>

#include "model.h"

enum { CHANNELS = 3, PACKETS = 32 }; /* of a series; steps where the option says 0 */

/* ---- Flows as series --------------------------------------------------------------------------*/

static weir_tuple tuple_of(const weir_table *table, size_t row)
{
    return (weir_tuple){weir_u32(table, "srcip")[row], weir_u32(table, "dstip")[row],
                        weir_u16(table, "srcport")[row], weir_u16(table, "dstport")[row],
                        weir_u8(table, "proto")[row]};
}

static void put_tuple(weir_table *table, size_t row, const weir_tuple *tuple)
{
    weir_u32_out(table, "srcip")[row] = tuple->srcip;
    weir_u32_out(table, "dstip")[row] = tuple->dstip;
    weir_u16_out(table, "srcport")[row] = tuple->srcport;
    weir_u16_out(table, "dstport")[row] = tuple->dstport;
    weir_u8_out(table, "proto")[row] = tuple->proto;
}

/* Size, gap in s and 1 for each of the first packets. */
static void fill_series(const weir_table *from, const uint32_t *rows, uint32_t n, float *to)
{
    const int64_t *times = weir_i64(from, "time");
    const uint16_t *sizes = weir_u16(from, "pkt_len");

    for (uint32_t k = 0; k < n; k++) {
        to[CHANNELS * k] = (float)sizes[rows[k]];
        to[CHANNELS * k + 1] = k ? (float)((double)(times[rows[k]] - times[rows[k - 1]]) / 1e9) : 0;
        to[CHANNELS * k + 2] = 1;
    }
}

int flows_as_series(weir_job *job, const weir_dataset *train, struct model *m, weir_dataset **out)
{
    const struct options *o = weir_options(job);
    weir_error *error = weir_job_error(job);
    const weir_table *table = weir_dataset_table(train);
    uint32_t steps = o->length ? (uint32_t)o->length : PACKETS, longer = 0, *counts, *first;
    weir_series_shape shape = {
        .steps = steps, .channels = CHANNELS, .names = {"size", "gap", "mask"}};
    const weir_flows *flows;
    weir_table *series;

    if (weir_dataset_rows(train) == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    flows = weir_dataset_flows(train, error);
    if (!flows)
        return error->status;
    weir_table_free(m->owned_flows);
    first = weir_alloc(job, flows->count, sizeof *first);
    m->counts = counts = weir_alloc(job, flows->count, sizeof *counts);
    if (!first || !counts)
        return error->status;
    for (uint32_t f = 0; f < flows->count; f++)
        first[f] = flows->rows[flows->offsets[f]];
    m->flows = m->owned_flows = weir_table_select(table, first, flows->count, error);
    series = m->flows ? weir_table_new_series(&shape, flows->count, error) : NULL;
    if (!series)
        return error->status;
    weir_dataset_span(train, &m->span[0], &m->span[1]);
    weir_category_add(series, "label", "flow", error);
    for (uint32_t f = 0; f < flows->count; f++) {
        const uint32_t *rows = flows->rows + flows->offsets[f];
        uint32_t n = flows->offsets[f + 1] - flows->offsets[f];
        counts[f] = n;
        longer += n > steps;
        n = n < steps ? n : steps;
        weir_u32_out(series, "length")[f] = n;
        fill_series(table, rows, n, weir_f32_out(series, "values") + (size_t)f * steps * CHANNELS);
    }
    if (longer)
        weir_log(job, "%u of %u flows have more than %u packets: the first are learnt", longer,
                 flows->count, steps);
    if (error->status != WEIR_OK) {
        weir_table_free(series);
        return error->status;
    }
    *out = weir_dataset_new(series, error);
    return *out ? WEIR_OK : error->status;
}

/* ---- Which flows ------------------------------------------------------------------------------*/

struct chosen {
    uint32_t source; /* a training flow */
    weir_tuple tuple;
    int64_t start;
    uint32_t packets;
};

struct choice {
    struct chosen *flows;
    size_t count, room;
    uint64_t packets, pieces; /* a flow is drawn in pieces of as many packets as a series has */
};

static int add_flow(weir_job *job, struct choice *c, const struct chosen *flow, uint32_t steps)
{
    if (c->count == c->room) {
        size_t room = c->room ? 2 * c->room : 256;
        struct chosen *more = realloc(c->flows, room * sizeof *more);
        if (!more)
            return weir_error_memory(weir_job_error(job), room * sizeof *more, "flows");
        c->flows = more;
        c->room = room;
    }
    c->flows[c->count++] = *flow;
    c->packets += flow->packets;
    c->pieces += (flow->packets + steps - 1) / steps;
    return WEIR_OK;
}

/* A 5-tuple that is not taken: other ports, or hosts, of a training flow that came up before. */
static int fresh_tuple(weir_job *job, weir_tuples *taken, weir_random *random, weir_tuple *tuple)
{
    uint32_t before = weir_tuples_count(taken), index;

    for (int tries = 0; tries < 100000; tries++) {
        if (weir_tuples_add(taken, tuple, &index, weir_job_error(job)) != WEIR_OK)
            return weir_job_error(job)->status;
        if (index == before)
            return WEIR_OK;
        if (tuple->proto == 6 || tuple->proto == 17)
            tuple->srcport = (uint16_t)(1024 + weir_random_below(random, 64512));
        else
            tuple->srcip =
                (tuple->srcip & 0xffff0000u) | (uint32_t)weir_random_below(random, 65536);
    }
    return weir_fail(job, WEIR_EOPTION, "no more than %u different flows can be made", before);
}

static int choose(weir_job *job, const struct model *m, const weir_request *request,
                  const weir_tiling *tiling, weir_tuples *taken, struct choice *c)
{
    uint64_t in_time = tiling->count, flows = weir_table_rows(m->flows);
    uint32_t *order = weir_alloc(job, in_time, sizeof *order);
    weir_random *random = weir_stream(job, "flows");
    int status = WEIR_OK;

    if (!order)
        return weir_job_error(job)->status;
    for (uint64_t i = 0; i < in_time; i++)
        order[i] = (uint32_t)i;
    for (uint64_t i = 0; status == WEIR_OK; i++) {
        struct chosen flow;
        uint64_t at;
        if (request->flows > 0     ? c->count >= (uint64_t)request->flows
            : request->packets > 0 ? c->packets >= (uint64_t)request->packets
                                   : i >= in_time)
            break;
        if (i % in_time == 0)
            weir_random_shuffle(random, order, in_time);
        at = order[i % in_time];
        flow = (struct chosen){(uint32_t)(at % flows), tuple_of(m->flows, at % flows),
                               weir_tiling_time(tiling, at), m->counts[at % flows]};
        if (request->packets > 0 && (uint64_t)request->packets - c->packets < flow.packets)
            flow.packets = (uint32_t)((uint64_t)request->packets - c->packets);
        status = fresh_tuple(job, taken, random, &flow.tuple);
        if (status == WEIR_OK)
            status = add_flow(job, c, &flow, m->steps);
        if (status == WEIR_OK && i % 1024 == 0)
            status = weir_progress(job, 0, 0);
    }
    return status;
}

/* ---- Series as flows --------------------------------------------------------------------------*/

/* All columns of a flow's packets as the training flow's first packet has them. */
static int copy_rest(weir_job *job, const struct model *m, const struct chosen *flow,
                     weir_table *out, size_t row)
{
    uint32_t same[256];
    int status = WEIR_OK;

    for (size_t i = 0; i < 256; i++)
        same[i] = flow->source;
    for (uint32_t done = 0; status == WEIR_OK && done < flow->packets; done += 256) {
        uint32_t n = flow->packets - done < 256 ? flow->packets - done : 256;
        status = weir_table_copy(out, row + done, m->flows, NULL, same, n, weir_job_error(job));
    }
    return status;
}

/* A flow's packets from its pieces, into rows of out. A piece after the first begins after the gap
 * that its second packet has. What would end behind `last` is squeezed to end there. */
static void put_flow(const struct model *m, const struct chosen *flow, const float *pieces,
                     int64_t last, weir_table *out, size_t row)
{
    int64_t *times = weir_i64_out(out, "time") + row;
    double at = 0, room = (double)(last - flow->start);

    for (uint32_t k = 0; k < flow->packets; k++) {
        const float *packet = pieces + (size_t)k * CHANNELS;
        bool begins = k % m->steps == 0;
        if (k && !(begins && k + 1 == flow->packets))
            at += 1e9 * (double)packet[begins ? CHANNELS + 1 : 1];
        times[k] = (int64_t)at;
        put_tuple(out, row + k, &flow->tuple);
        weir_u16_out(out, "pkt_len")[row + k] = (uint16_t)packet[0];
    }
    for (uint32_t k = 0; k < flow->packets; k++)
        times[k] = flow->start + (at > room ? (int64_t)((double)times[k] * (room / at)) : times[k]);
}

static int make_flows(weir_job *job, const struct model *m, const struct choice *c, int64_t last,
                      weir_table *out)
{
    weir_error *error = weir_job_error(job);
    uint32_t *wanted = weir_alloc(job, 2 * c->pieces, sizeof *wanted);
    weir_table *made;
    size_t at = 0, row = 0, each = (size_t)m->steps * CHANNELS;
    int status;

    if (!wanted || weir_table_match(out, m->flows, error) != WEIR_OK ||
        weir_table_resize(out, c->packets, error) != WEIR_OK)
        return error->status;
    for (size_t i = 0; i < c->count; i++)
        for (uint32_t done = 0; done < c->flows[i].packets; done += m->steps, at++) {
            uint32_t left = c->flows[i].packets - done;
            wanted[2 * at + 1] = left < m->steps ? left : m->steps;
        }
    made = weir_table_new_series(weir_table_series(m->labels), c->pieces, error);
    status = made ? draw_series(job, m, wanted, c->pieces, made) : error->status;
    at = 0;
    for (size_t i = 0; status == WEIR_OK && i < c->count; i++) {
        const struct chosen *flow = &c->flows[i];
        status = copy_rest(job, m, flow, out, row);
        put_flow(m, flow, weir_f32(made, "values") + at * each, last, out, row);
        at += (flow->packets + m->steps - 1) / m->steps;
        row += flow->packets;
    }
    weir_table_free(made);
    return status;
}

int sample_packets(weir_job *job, const struct model *m, const weir_request *request,
                   weir_table *out)
{
    weir_error *error = weir_job_error(job);
    struct choice choice = {0};
    weir_tiling tiling;
    weir_tuples *taken;
    int64_t last = m->span[1];
    int status;

    if (weir_request_check(request, WEIR_PACKETS, error) != WEIR_OK ||
        weir_tiling_init(&tiling, weir_i64(m->flows, "time"), weir_table_rows(m->flows),
                         request->duration, error) != WEIR_OK)
        return error->status;
    if (request->duration > 0)
        last = tiling.first + tiling.length - 1;
    taken = weir_tuples_new(error);
    status = taken ? choose(job, m, request, &tiling, taken, &choice) : error->status;
    weir_tuples_free(taken);
    if (status == WEIR_OK)
        status = make_flows(job, m, &choice, last, out);
    free(choice.flows);
    return status;
}
