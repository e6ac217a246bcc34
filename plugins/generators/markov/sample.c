/* Sampling from markov: flow by flow, then packet by packet. */
#include <math.h>
#include <stdlib.h>

#include "model.h"

/* Packets of a flow, at most; training flows are shorter. */
#define MOST_PACKETS 4294967293.0
/* Draws of a new 5-tuple before flows are let merge. */
#define TUPLE_DRAWS 64

/* The columns of out as they are now; optional ones may be NULL. */
struct columns {
    int64_t *time;
    uint32_t *srcip, *dstip, *label, *type;
    uint16_t *srcport, *dstport, *pkt_len, *id, *off;
    uint8_t *proto, *tos, *ttl, *flag, *tcp_flags;
    uint64_t *pkt, *byt;
    double *td;
};

struct sampling {
    weir_job *job;
    const struct model *model;
    weir_table *out;
    struct columns columns;
    size_t used; /* rows of out that are filled */
    weir_tuples *tuples;
    weir_random *flow_random, *packet_random;
    int64_t length;                 /* ns that are asked for */
    double arrivals, last_arrivals; /* of flows, in trace lengths; of them in the last, cut, one */
    double *gaps;                   /* [gap_room] */
    size_t gap_room;
};

struct drawn {
    uint32_t class, kind;
    uint32_t packets;
    int64_t start, duration;
    weir_tuple tuple;
};

static int take_columns(struct sampling *s)
{
    weir_table *out = s->out;
    bool packets = weir_table_schema(out) == WEIR_PACKETS;

    s->columns = (struct columns){
        .time = weir_i64_out(out, packets ? "time" : "ts"),
        .srcip = weir_u32_out(out, "srcip"),
        .dstip = weir_u32_out(out, "dstip"),
        .srcport = weir_u16_out(out, "srcport"),
        .dstport = weir_u16_out(out, "dstport"),
        .proto = weir_u8_out(out, "proto"),
        .pkt_len = weir_u16_out(out, "pkt_len"),
        .tos = weir_u8_out(out, "tos"),
        .ttl = weir_u8_out(out, "ttl"),
        .id = weir_u16_out(out, "id"),
        .flag = weir_u8_out(out, "flag"),
        .off = weir_u16_out(out, "off"),
        .tcp_flags = weir_u8_out(out, "tcp_flags"),
        .pkt = weir_u64_out(out, "pkt"),
        .byt = weir_u64_out(out, "byt"),
        .td = weir_f64_out(out, "td"),
        .label = weir_codes_out(out, "label"),
        .type = weir_codes_out(out, "type"),
    };
    return WEIR_OK;
}

/* Room for n more rows. */
static int make_room(struct sampling *s, size_t n)
{
    size_t need = s->used + n, room = weir_table_rows(s->out);

    if (need > UINT32_MAX - 1)
        return weir_fail(s->job, WEIR_EOPTION, "so many flows have more than %u packets",
                         UINT32_MAX - 1);
    if (need <= room)
        return WEIR_OK;
    room = need > 2 * room ? need : 2 * room;
    if (weir_table_resize(s->out, room > 65536 ? room : 65536, weir_job_error(s->job)) != WEIR_OK)
        return weir_job_error(s->job)->status;
    return take_columns(s);
}

/* ---- Flows ------------------------------------------------------------------------------------
 */

/* The first index of n cumulative numbers, `stride` apart, that u lies below. */
static uint32_t pick(const double *ends, size_t stride, uint32_t n, double u)
{
    uint32_t low = 0, high = n;

    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;

        if (ends[(middle - 1) * stride] <= u)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint32_t pick_class(const struct sampling *s)
{
    return pick(s->model->class_numbers + CLASS_END, CLASS_NUMBERS, s->model->classes,
                weir_random_uniform(s->flow_random));
}

static const struct span *class_spans(const struct sampling *s, uint32_t class)
{
    return s->model->class_spans + (size_t) class * CLASS_SPANS;
}

static int64_t draw_arrival(const struct sampling *s, uint32_t class)
{
    double at = markov_draw_piece(&s->model->pool, class_spans(s, class)[STARTS], s->flow_random);

    return llrint(fmin(fmax(at, 0), (double)(s->model->length - 1)));
}

/* The class and the start of a flow: of the repetition of the trace that it falls into, and of the
 * last, cut, one only those that begin in time. */
static int64_t draw_start(const struct sampling *s, uint32_t *class)
{
    double at = weir_random_uniform(s->flow_random) * s->arrivals;
    int64_t before = (int64_t)floor(at) * s->model->window, arrival;

    *class = pick_class(s);
    arrival = draw_arrival(s, *class);
    if (at < s->arrivals - s->last_arrivals)
        return before + arrival;
    for (int attempt = 0; attempt < 1000 && before + arrival >= s->length; attempt++) {
        *class = pick_class(s);
        arrival = draw_arrival(s, *class);
    }
    return before + arrival < s->length
               ? before + arrival
               : (int64_t)weir_random_below(s->flow_random, (uint64_t)s->length);
}

/* A start that leaves room for the flow's duration. */
static int64_t fit_in(const struct sampling *s, const struct drawn *flow)
{
    int64_t room = s->length - 1 - flow->duration, start = flow->start;
    int64_t before = start - start % s->model->window;

    if (room <= 0)
        return 0;
    for (int attempt = 0; attempt < 16 && start > room; attempt++)
        start = before + draw_arrival(s, flow->class);
    return start <= room ? start : (int64_t)weir_random_below(s->flow_random, (uint64_t)room + 1);
}

static weir_tuple draw_tuple(const struct sampling *s, const struct span *spans)
{
    const struct pool *pool = &s->model->pool;
    weir_random *random = s->flow_random;
    uint64_t proto = markov_code_at(pool, spans[PROTOS], weir_random_uniform(random));
    uint64_t pair = markov_code_at(pool, spans[PAIRS], weir_random_uniform(random));
    uint32_t source = markov_draw_value(pool, spans[SOURCES], random);
    uint32_t destination = markov_draw_value(pool, spans[DESTINATIONS], random);
    uint16_t service = (uint16_t)markov_draw_value(pool, spans[SERVICES], random);
    double port = rint(markov_draw_piece(pool, spans[CLIENTS], random));
    uint16_t client = (uint16_t)fmin(fmax(port, 0), UINT16_MAX);
    weir_tuple tuple = {.proto = (uint8_t)proto};

    tuple.srcip = pair == OTHER_CODE ? source : (uint32_t)(pair >> 32);
    tuple.dstip = pair == OTHER_CODE ? destination : (uint32_t)pair;
    if (proto >> 8 == SIDE_NONE)
        return tuple;
    tuple.srcport = proto >> 8 == SIDE_SOURCE ? service : client;
    tuple.dstport = proto >> 8 == SIDE_SOURCE ? client : service;
    return tuple;
}

static int draw_flow(struct sampling *s, struct drawn *flow)
{
    const struct model *m = s->model;
    const struct span *kind;
    double packets;
    uint32_t index;

    flow->start = draw_start(s, &flow->class);
    index = m->first_kind[flow->class];
    flow->kind =
        index + pick(m->kind_numbers + (size_t)index * KIND_NUMBERS + KIND_END, KIND_NUMBERS,
                     m->first_kind[flow->class + 1] - index, weir_random_uniform(s->flow_random));
    kind = m->kind_spans + (size_t)flow->kind * KIND_SPANS;
    packets = rint(markov_draw_piece(&m->pool, kind[PACKETS], s->flow_random));
    flow->packets = packets >= 1 ? (uint32_t)fmin(packets, MOST_PACKETS) : 1;
    flow->duration = 0;
    if (flow->packets > 1) {
        double duration = expm1(markov_draw_piece(&m->pool, kind[DURATIONS], s->flow_random));

        flow->duration = llrint(fmin(fmax(duration, 0), (double)(m->length - 1)));
    }
    flow->start = fit_in(s, flow);
    for (int attempt = 0; attempt < TUPLE_DRAWS; attempt++) {
        flow->tuple = draw_tuple(s, class_spans(s, flow->class));
        if (!weir_tuples_has(s->tuples, &flow->tuple))
            break;
    }
    return weir_tuples_add(s->tuples, &flow->tuple, &index, weir_job_error(s->job));
}

/* ---- Packets ----------------------------------------------------------------------------------
 */

/* Relative gaps of the ON/OFF chain, before packets 1 … n - 1; returns their sum. */
static double draw_gaps(struct sampling *s, const struct drawn *flow)
{
    const struct span *spans = s->model->kind_spans + (size_t)flow->kind * KIND_SPANS;
    const double *numbers = s->model->kind_numbers + (size_t)flow->kind * KIND_NUMBERS;
    double sum = 0;
    bool off = false;

    for (uint32_t k = 1; k < flow->packets; k++) {
        double u = weir_random_uniform(s->packet_random);

        if (k == 1)
            off = u < numbers[KIND_FIRST_OFF];
        else if (off)
            off = u >= numbers[KIND_OFF_ON];
        else
            off = u < numbers[KIND_ON_OFF];
        s->gaps[k] = fmax(0, markov_draw_piece(&s->model->pool, spans[off ? GAPS_OFF : GAPS_ON],
                                               s->packet_random));
        sum += s->gaps[k];
    }
    return sum;
}

/* What a flow carries: one code for all packets, or one for each. The TTL is that of the source: of
 * equal sources of a class the same. */
static void choose_carried(const struct sampling *s, const struct drawn *flow, uint64_t *codes,
                           bool *varies)
{
    const struct span *spans = class_spans(s, flow->class);
    const double *keeps =
        s->model->class_numbers + (size_t)flow->class * CLASS_NUMBERS + CLASS_KEEPS;
    uint32_t hash = (flow->tuple.srcip ^ flow->tuple.srcip >> 16) * 0x7feb352du;

    hash = (hash ^ hash >> 15) * 0x846ca68bu;
    for (int what = 0; what < CARRIED; what++) {
        double u = weir_random_uniform(s->flow_random);

        varies[what] = u >= keeps[what];
        u = weir_random_uniform(s->flow_random);
        if (what == CARRY_TTL)
            u = (double)(hash ^ hash >> 16) / 4294967296.0;
        codes[what] = markov_code_at(&s->model->pool, spans[CONSTANT + what], u);
    }
}

static void put_carried(const struct columns *to, size_t row, const uint64_t *codes)
{
    if (to->tos)
        to->tos[row] = (uint8_t)codes[CARRY_TOS];
    if (to->ttl)
        to->ttl[row] = (uint8_t)codes[CARRY_TTL];
    if (to->flag)
        to->flag[row] = (uint8_t)codes[CARRY_FRAGMENT];
    if (to->off)
        to->off[row] = (uint16_t)(codes[CARRY_FRAGMENT] >> 8);
    if (to->label)
        to->label[row] = (uint32_t)codes[CARRY_LABEL];
    if (to->type)
        to->type[row] = (uint32_t)(codes[CARRY_LABEL] >> 32);
}

/* Size, and what goes with it, of one packet or record. */
static void put_size(const struct sampling *s, size_t row, const struct span *spans)
{
    const struct columns *to = &s->columns;
    double size = rint(markov_draw_piece(&s->model->pool, spans[MARKS], s->packet_random)), ratio;

    size = fmax(size, 0);
    if (to->pkt_len) {
        to->pkt_len[row] = (uint16_t)fmin(size, UINT16_MAX);
        return;
    }
    ratio = fmax(markov_draw_piece(&s->model->pool, spans[RATIOS], s->packet_random), 1);
    to->byt[row] = (uint64_t)fmin(size, 1.8e19);
    to->pkt[row] =
        (uint64_t)fmin(fmax(rint(size / ratio), s->model->least_packets), s->model->most_packets);
    to->td[row] = fmax(markov_draw_piece(&s->model->pool, spans[TIMES], s->packet_random), 0);
}

/* The IPv4 identification of the next packet. */
static uint16_t next_id(const struct sampling *s, const struct span *spans, uint64_t mode,
                        uint32_t k, uint16_t before)
{
    if (mode == ID_ZERO)
        return 0;
    if (mode == ID_RANDOM || k == 0)
        return (uint16_t)weir_random_u32(s->packet_random);
    return (uint16_t)(before +
                      (uint16_t)fmin(fmax(rint(markov_draw_piece(&s->model->pool, spans[ID_STEPS],
                                                                 s->packet_random)),
                                          1),
                                     256));
}

/* Packets first … last of a flow whose gaps are drawn, at most n of them, at s->used. Packets
 * beyond the time that is asked for are left out. */
static int write_packets(struct sampling *s, const struct drawn *flow, double sum, uint64_t n)
{
    const struct model *m = s->model;
    const struct span *spans = class_spans(s, flow->class);
    const struct span *bins = m->bin_spans + (size_t)flow->class * m->bins * BIN_SPANS;
    const double *chain = m->chain + (size_t)flow->kind * (m->bins + 1) * m->bins;
    uint64_t codes[CARRIED],
        mode = markov_code_at(&m->pool, spans[ID_MODES], weir_random_uniform(s->flow_random));
    bool varies[CARRIED];
    uint32_t state = 0;
    uint16_t id = 0;
    double done = 0;

    choose_carried(s, flow, codes, varies);
    for (uint32_t k = 0; k < flow->packets && k < n; k++) {
        const struct columns *to = &s->columns;
        size_t row = s->used;
        uint32_t place = k == 0 ? 0 : k + 1 == flow->packets ? 2 : 1, bin;
        int64_t at;

        done += k ? (sum > 0 ? s->gaps[k] / sum : 1.0 / (flow->packets - 1.0)) : 0;
        at = flow->start + llrint((double)flow->duration * fmin(done, 1));
        if (at >= s->length)
            break;
        bin = pick(chain + (size_t)state * m->bins, 1, m->bins,
                   weir_random_uniform(s->packet_random));
        state = bin + 1;
        to->time[row] = m->first + at;
        to->srcip[row] = flow->tuple.srcip;
        to->dstip[row] = flow->tuple.dstip;
        to->srcport[row] = flow->tuple.srcport;
        to->dstport[row] = flow->tuple.dstport;
        to->proto[row] = flow->tuple.proto;
        put_size(s, row, bins + (size_t)bin * BIN_SPANS);
        for (int what = 0; what < CARRIED; what++)
            if (varies[what])
                codes[what] = markov_code_at(&m->pool, spans[VARYING + what],
                                             weir_random_uniform(s->packet_random));
        put_carried(to, row, codes);
        if (to->tcp_flags) {
            struct span flags = bins[(size_t)bin * BIN_SPANS + FLAGS + place];

            if (flags.count == 0)
                flags = bins[(size_t)bin * BIN_SPANS + FLAGS + 1];
            to->tcp_flags[row] =
                (uint8_t)markov_code_at(&m->pool, flags, weir_random_uniform(s->packet_random));
        }
        id = next_id(s, spans, mode, k, id);
        if (to->id)
            to->id[row] = id;
        s->used++;
        if (k % 65536 == 65535 && weir_progress(s->job, 0, 0) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

static int add_flow(struct sampling *s, uint64_t most)
{
    struct drawn flow;
    int status = draw_flow(s, &flow);

    if (status == WEIR_OK)
        status = make_room(s, flow.packets < most ? flow.packets : (size_t)most);
    if (status == WEIR_OK && flow.packets > s->gap_room) {
        size_t room = 2 * (size_t)flow.packets;
        double *gaps = realloc(s->gaps, room * sizeof *gaps);

        if (!gaps)
            return weir_error_memory(weir_job_error(s->job), room * sizeof *gaps, "gaps");
        s->gaps = gaps;
        s->gap_room = room;
    }
    if (status != WEIR_OK)
        return status;
    return write_packets(s, &flow, draw_gaps(s, &flow), most);
}

/* ---- The whole --------------------------------------------------------------------------------
 */

/* The share of the training flows that had begun `length` ns after the first. */
static double arrived(const struct model *m, int64_t length)
{
    double at = (double)length / (double)m->length * ARRIVAL_STEPS;
    size_t step = (size_t)floor(at);

    if (step >= ARRIVAL_STEPS)
        return 1;
    return m->arrivals[step] + (at - floor(at)) * (m->arrivals[step + 1] - m->arrivals[step]);
}

static int time_line(struct sampling *s, double duration)
{
    const struct model *m = s->model;
    const int64_t ends[] = {m->first, m->first + m->length - 1};
    weir_tiling tiling;

    if (weir_tiling_init(&tiling, ends, 2, duration, weir_job_error(s->job)) != WEIR_OK)
        return weir_job_error(s->job)->status;
    s->length = tiling.length;
    s->arrivals = 1;
    if (duration > 0) {
        s->last_arrivals = arrived(m, s->length % m->window);
        s->arrivals = (double)(s->length / m->window) + s->last_arrivals;
        if (s->arrivals * m->flows < 1)
            s->arrivals = s->last_arrivals = 1 / m->flows;
    }
    return WEIR_OK;
}

static int draw_all(struct sampling *s, const weir_request *request)
{
    double all = rint(s->arrivals * s->model->flows);
    uint64_t goal = request->flows > 0     ? (uint64_t)request->flows
                    : request->packets > 0 ? (uint64_t)request->packets
                                           : (uint64_t)fmin(all, UINT32_MAX);
    uint64_t fruitless = 0, drawn = 0;

    for (uint64_t reached = 0; reached < goal; drawn++) {
        uint32_t before = weir_tuples_count(s->tuples);
        int status = add_flow(s, request->packets > 0 ? goal - reached : UINT64_MAX);

        if (status != WEIR_OK)
            return status;
        fruitless = weir_tuples_count(s->tuples) > before ? 0 : fruitless + 1;
        if (request->flows > 0 && fruitless > 1000)
            return weir_fail(s->job, WEIR_EOPTION,
                             "%llu flows are asked for, and the model does not get beyond %u "
                             "different 5-tuples",
                             (unsigned long long)goal, before);
        reached = request->flows > 0     ? weir_tuples_count(s->tuples)
                  : request->packets > 0 ? s->used
                                         : drawn + 1;
        if (weir_progress(s->job, (int64_t)reached, (int64_t)goal) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return weir_table_resize(s->out, s->used, weir_job_error(s->job));
}

int markov_sample(weir_job *job, const void *model, const weir_request *request, weir_table *out)
{
    struct sampling s = {.job = job, .model = model, .out = out};
    weir_error *error = weir_job_error(job);
    int status = weir_request_check(request, weir_table_schema(s.model->names), error);

    if (status == WEIR_OK)
        status = time_line(&s, request->duration);
    if (status == WEIR_OK)
        status = weir_table_match(out, s.model->names, error);
    if (status != WEIR_OK)
        return status;
    s.flow_random = weir_stream(job, "flows");
    s.packet_random = weir_stream(job, "packets");
    s.tuples = weir_tuples_new(error);
    take_columns(&s);
    status = s.tuples ? draw_all(&s, request) : error->status;
    weir_tuples_free(s.tuples);
    free(s.gaps);
    return status;
}
