/* Sampling from markov: flow by flow, then packet by packet. */
#include <math.h>
#include <stdlib.h>

#include "model.h"

/* Packets of a flow, at most; training flows are shorter. */
#define MOST_PACKETS 4294967293.0
/* Draws of a new 5-tuple before flows are let merge. */
#define TUPLE_DRAWS 64
/* Steps of even sequences: the fractions of irrational numbers that stay far from ratios. */
#define KIND_STEP 0.61803398874989485   /* (root of 5 - 1) / 2 */
#define PACKET_STEP 0.41421356237309505 /* root of 2 - 1 */
#define PLACE_STEP 0.30277563773199465  /* (root of 13 - 3) / 2 */

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
    double *gaps, *sizes;           /* [room] of the flow in work */
    uint8_t *bins;                  /* [room] */
    size_t room;
    double *places, *packets; /* [kinds] where the even sequences of each are */
    double kinds;             /* and that of kinds */
};

struct drawn {
    uint32_t class, kind;
    uint32_t packets;
    int64_t start, duration;
    double place; /* of the start, in what the duration leaves */
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

/* The next of an even sequence in [0, 1), each by itself uniform: n of them come to within a few
 * flows of n times any probability, so that the few long flows are as many as they should be. */
static double next_even(double *last, double step)
{
    *last += step;
    *last -= floor(*last);
    return *last;
}

static void pick_kind(struct sampling *s, struct drawn *flow)
{
    const struct model *m = s->model;
    const double *ends = m->class_numbers + CLASS_END;
    double u = next_even(&s->kinds, KIND_STEP), before, share;
    uint32_t first;

    flow->class = pick(ends, CLASS_NUMBERS, m->classes, u);
    before = flow->class ? ends[(size_t)(flow->class - 1) * CLASS_NUMBERS] : 0;
    share = ends[(size_t)flow->class * CLASS_NUMBERS] - before;
    first = m->first_kind[flow->class];
    flow->kind =
        first + pick(m->kind_numbers + (size_t)first * KIND_NUMBERS + KIND_END, KIND_NUMBERS,
                     m->first_kind[flow->class + 1] - first, share > 0 ? (u - before) / share : 0);
}

static const struct span *class_spans(const struct sampling *s, uint32_t class)
{
    return s->model->class_spans + (size_t) class * CLASS_SPANS;
}

static const struct span *kind_spans(const struct sampling *s, uint32_t kind)
{
    return s->model->kind_spans + (size_t)kind * KIND_SPANS;
}

/* The repetition of the trace that a flow falls into, its kind, and its place in the time that its
 * duration leaves; in the last, cut, repetition one that begins in time. */
static void draw_place(struct sampling *s, struct drawn *flow)
{
    double at = weir_random_uniform(s->flow_random) * s->arrivals, room;
    const struct model *m = s->model;

    flow->start = (int64_t)floor(at) * m->window;
    room = at < s->arrivals - s->last_arrivals
               ? 1
               : (double)(s->length - flow->start) / (double)m->length;
    for (int attempt = 0; attempt < 1000; attempt++) {
        pick_kind(s, flow);
        flow->place = markov_piece_at(&m->pool, kind_spans(s, flow->kind)[PLACES],
                                      next_even(&s->places[flow->kind], PLACE_STEP));
        flow->place = fmin(fmax(flow->place, 0), 1);
        if (room >= 1 || flow->place < room)
            return;
    }
    flow->place = weir_random_uniform(s->flow_random) * room;
}

static weir_tuple draw_tuple(const struct sampling *s, const struct drawn *flow)
{
    const struct span *spans = class_spans(s, flow->class), *kind = kind_spans(s, flow->kind);
    const struct pool *pool = &s->model->pool;
    weir_random *random = s->flow_random;
    uint64_t proto = markov_code_at(pool, spans[PROTOS], weir_random_uniform(random));
    uint64_t pair = markov_code_at(pool, kind[PAIRS], weir_random_uniform(random));
    uint32_t source = markov_draw_value(pool, kind[SOURCES], random);
    uint32_t destination = markov_draw_value(pool, kind[DESTINATIONS], random);
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

/* Room for what is known of each packet of a flow. */
static int make_flow_room(struct sampling *s, size_t packets)
{
    size_t room = 2 * packets;
    double *gaps, *sizes;
    uint8_t *bins;

    if (packets <= s->room)
        return WEIR_OK;
    gaps = realloc(s->gaps, room * sizeof *gaps);
    s->gaps = gaps ? gaps : s->gaps;
    sizes = realloc(s->sizes, room * sizeof *sizes);
    s->sizes = sizes ? sizes : s->sizes;
    bins = realloc(s->bins, room);
    s->bins = bins ? bins : s->bins;
    if (!gaps || !sizes || !bins)
        return weir_error_memory(weir_job_error(s->job), room * 17, "the packets of a flow");
    s->room = room;
    return WEIR_OK;
}

/* Every 65536 packets: whether to go on. */
static int go_on(const struct sampling *s, uint32_t k)
{
    return k % 65536 == 65535 ? weir_progress(s->job, 0, 0) : WEIR_OK;
}

/* Sizes from the chain, and the load that they are. */
static int draw_sizes(struct sampling *s, const struct drawn *flow, double *load)
{
    const struct model *m = s->model;
    const struct span *bins = m->bin_spans + (size_t)flow->class * m->bins * BIN_SPANS;
    const double *chain = m->chain + (size_t)flow->kind * (m->bins + 1) * m->bins;
    uint32_t state = 0;

    *load = 0;
    for (uint32_t k = 0; k < flow->packets; k++) {
        uint32_t bin = pick(chain + (size_t)state * m->bins, 1, m->bins,
                            weir_random_uniform(s->packet_random));
        double size =
            rint(markov_draw_piece(&m->pool, bins[bin * BIN_SPANS + MARKS], s->packet_random));

        s->bins[k] = (uint8_t)bin;
        s->sizes[k] = fmax(size, 0);
        *load += markov_load(s->columns.pkt_len, s->sizes[k]);
        state = bin + 1;
        if (go_on(s, k) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

/* As drawn, but no faster than flows of the kind were for their load, nor with shorter gaps. */
static int64_t draw_duration(const struct sampling *s, const struct drawn *flow, double load)
{
    const double *numbers = s->model->kind_numbers + (size_t)flow->kind * KIND_NUMBERS;
    double drawn = expm1(
        markov_draw_piece(&s->model->pool, kind_spans(s, flow->kind)[DURATIONS], s->flow_random));

    if (flow->packets < 2)
        return 0;
    if (drawn > 0)
        drawn = fmax(drawn, numbers[KIND_FASTEST] * load);
    drawn = fmax(drawn, numbers[KIND_LEAST_GAP] * (flow->packets - 1.0));
    return llrint(fmin(fmax(ceil(drawn), 0), (double)(s->model->length - 1)));
}

static int draw_flow(struct sampling *s, struct drawn *flow)
{
    const struct model *m = s->model;
    double packets, load;
    uint32_t index;
    int64_t last;
    int status;

    draw_place(s, flow);
    packets = rint(markov_piece_at(&m->pool, kind_spans(s, flow->kind)[PACKETS],
                                   next_even(&s->packets[flow->kind], PACKET_STEP)));
    flow->packets = packets >= 1 ? (uint32_t)fmin(packets, MOST_PACKETS) : 1;
    status = make_flow_room(s, flow->packets);
    if (status == WEIR_OK)
        status = draw_sizes(s, flow, &load);
    if (status != WEIR_OK)
        return status;
    flow->duration = draw_duration(s, flow, load);
    flow->start += llrint(flow->place * (double)(m->length - 1 - flow->duration));
    last = s->length - 1 - flow->duration;
    flow->start = flow->start < last ? flow->start : last > 0 ? last : 0;
    for (int attempt = 0; attempt < TUPLE_DRAWS; attempt++) {
        flow->tuple = draw_tuple(s, flow);
        if (!weir_tuples_has(s->tuples, &flow->tuple))
            break;
    }
    return weir_tuples_add(s->tuples, &flow->tuple, &index, weir_job_error(s->job));
}

/* ---- Packets ----------------------------------------------------------------------------------
 */

/* Relative gaps of the ON/OFF chain, before packets 1 … n - 1, and their sum. */
static int draw_gaps(struct sampling *s, const struct drawn *flow, double *sum)
{
    const struct span *spans = s->model->kind_spans + (size_t)flow->kind * KIND_SPANS;
    const double *numbers = s->model->kind_numbers + (size_t)flow->kind * KIND_NUMBERS;
    bool off = false;

    *sum = 0;
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
        *sum += s->gaps[k];
        if (go_on(s, k) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

static uint64_t source_ttl(const struct model *m, uint32_t source, uint64_t otherwise)
{
    size_t low = 0, high = m->hosts;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (m->host_ttl[middle] >> 8 < source)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->hosts && m->host_ttl[low] >> 8 == source ? m->host_ttl[low] & 255 : otherwise;
}

/* What a flow carries: one code for all packets, or one for each. The TTL is that of the source,
 * and where that is not known, of equal sources of a class the same. */
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
    codes[CARRY_TTL] = source_ttl(s->model, flow->tuple.srcip, codes[CARRY_TTL]);
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
static void put_size(const struct sampling *s, size_t row, double size, const struct span *spans)
{
    const struct columns *to = &s->columns;
    double ratio;

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
    double least = m->kind_numbers[(size_t)flow->kind * KIND_NUMBERS + KIND_LEAST_GAP];
    double more = (double)flow->duration - least * (flow->packets - 1.0);
    uint64_t codes[CARRIED],
        mode = markov_code_at(&m->pool, spans[ID_MODES], weir_random_uniform(s->flow_random));
    bool varies[CARRIED];
    uint16_t id = 0;
    double done = 0;

    choose_carried(s, flow, codes, varies);
    for (uint32_t k = 0; k < flow->packets && k < n; k++) {
        const struct columns *to = &s->columns;
        size_t row = s->used;
        uint32_t place = k == 0 ? 0 : k + 1 == flow->packets ? 2 : 1, bin = s->bins[k];
        int64_t at;

        done += k ? (sum > 0 ? s->gaps[k] / sum : 1.0 / (flow->packets - 1.0)) : 0;
        at = flow->start + llrint(fmin(k * least + fmax(more, 0) * done, (double)flow->duration));
        if (at >= s->length)
            break;
        to->time[row] = m->first + at;
        to->srcip[row] = flow->tuple.srcip;
        to->dstip[row] = flow->tuple.dstip;
        to->srcport[row] = flow->tuple.srcport;
        to->dstport[row] = flow->tuple.dstport;
        to->proto[row] = flow->tuple.proto;
        put_size(s, row, s->sizes[k], bins + (size_t)bin * BIN_SPANS);
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
        if (go_on(s, k) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

static int add_flow(struct sampling *s, uint64_t most)
{
    struct drawn flow;
    double sum;
    int status = draw_flow(s, &flow);

    if (status == WEIR_OK)
        status = make_room(s, flow.packets < most ? flow.packets : (size_t)most);
    if (status == WEIR_OK)
        status = draw_gaps(s, &flow, &sum);
    return status == WEIR_OK ? write_packets(s, &flow, sum, most) : status;
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
    s.places = weir_alloc(job, s.model->kinds, sizeof *s.places);
    s.packets = weir_alloc(job, s.model->kinds, sizeof *s.packets);
    if (!s.places || !s.packets)
        return error->status;
    s.kinds = weir_random_uniform(s.flow_random);
    for (uint32_t i = 0; i < s.model->kinds; i++) {
        s.places[i] = weir_random_uniform(s.flow_random);
        s.packets[i] = weir_random_uniform(s.flow_random);
    }
    s.tuples = weir_tuples_new(error);
    take_columns(&s);
    status = s.tuples ? draw_all(&s, request) : error->status;
    weir_tuples_free(s.tuples);
    free(s.gaps);
    free(s.sizes);
    free(s.bins);
    return status;
}
