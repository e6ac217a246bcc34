/* Sampling from netshare: chunk after chunk, pieces are drawn, joined to flows and written as rows,
 * until there is what was asked for. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"

/* Pieces drawn at once; numbers of features made at once, about. */
#define BLOCK 1024
#define FEATURE_NUMBERS (1 << 21)
/* How often a piece is drawn again whose 5-tuple is taken, or that starts too late. */
#define REDRAWS 16
/* Pieces in a row without anything new, after which no more is expected. */
#define FRUITLESS 20000

/* A chunk's turn: chunks come one after another, and again one window later where the request is
 * for more time. */
struct slot {
    uint32_t part;
    int64_t begin, end, limit; /* ns: of the chunk, and where the request ends in it */
    struct window window;      /* that starts are scaled by */
    double share;              /* of the chunk that is asked for */
};

struct counts {
    uint64_t pieces, redrawn, merged, dropped, alone, ended, linked, unlinked, missed;
    uint64_t moved, cut, late;
};

struct sampling {
    weir_job *job;
    const struct model *model;
    const struct options *o;
    const weir_request *request;
    weir_table *out;
    size_t used; /* rows of out */
    struct attributes attributes;
    struct codec codec;
    weir_tuples *tuples;
    struct linking linking;
    nn_doppelganger_sampler **samplers; /* [parts], made when they are needed */
    int64_t window, length;             /* ns, as of weir_tiling */
    uint64_t slots;
    struct counts counts;
    uint64_t fruitless;

    weir_table *scratch; /* BLOCK rows */
    nn_real *drawn;      /* [BLOCK][attributes] */
    nn_real *again;      /* [BLOCK][attributes] */
    nn_real *ordered;    /* [block][attributes] */
    nn_real *features;   /* [block][length][features] */
    uint32_t *lengths;   /* [block] */
    struct made *made, *remade;
    struct chain chain;
    bool *keep;
    uint32_t *which;
    uint32_t block; /* of features */
};

/* ---- The time line ---------------------------------------------------------------------------*/

static struct slot slot_at(const struct sampling *s, uint64_t i)
{
    const struct model *m = s->model;
    struct slot slot = {.part = (uint32_t)(i % m->count)};
    const struct part *part = &m->parts[slot.part];
    int64_t shift = (int64_t)(i / m->count) * s->window;
    int64_t end = m->first + s->length;

    slot.begin = netshare_edge(m->first, m->last, m->chunks, part->chunk) + shift;
    slot.end = netshare_edge(m->first, m->last, m->chunks, part->chunk + 1) + shift;
    slot.window = (struct window){part->window.begin + shift, part->window.end + shift};
    slot.limit = slot.end < end ? slot.end : end;
    slot.share = slot.limit > slot.begin
                     ? (double)(slot.limit - slot.begin) / (double)(slot.end - slot.begin)
                     : 0;
    return slot;
}

static int time_line(struct sampling *s)
{
    const struct model *m = s->model;
    const int64_t ends[] = {m->first, m->last};
    uint64_t rows = 0;
    weir_tiling tiling;
    double repeats;

    for (uint32_t c = 0; c < m->chunks; c++)
        rows += m->tallies[c].rows;
    if (weir_tiling_init(&tiling, ends, 2, s->request->duration, weir_job_error(s->job)) != WEIR_OK)
        return weir_job_error(s->job)->status;
    s->length = tiling.length;
    s->window = m->last - m->first + 1;
    if (rows > 1)
        s->window += (m->last - m->first) / (int64_t)(rows - 1);
    repeats = ceil((double)s->length / (double)s->window);
    if (repeats * (double)rows > UINT32_MAX)
        return weir_fail(s->job, WEIR_EOPTION, "%g s at the trace's rate are more than %u rows",
                         s->request->duration, UINT32_MAX);
    s->slots = (uint64_t)repeats * m->count;
    return WEIR_OK;
}

/* ---- Room ------------------------------------------------------------------------------------*/

static int make_buffers(struct sampling *s)
{
    size_t width = s->attributes.layout.width, packet = s->codec.width;
    size_t piece = s->model->length * packet;
    weir_error *error = weir_job_error(s->job);

    s->block = (uint32_t)fmin(fmax(1, (double)FEATURE_NUMBERS / (double)piece), 256);
    s->scratch = weir_table_new(weir_table_schema(s->model->codec.names), BLOCK, error);
    s->tuples = weir_tuples_new(error);
    s->drawn = weir_alloc(s->job, BLOCK * width, sizeof *s->drawn);
    s->again = weir_alloc(s->job, BLOCK * width, sizeof *s->again);
    s->ordered = weir_alloc(s->job, s->block * width, sizeof *s->ordered);
    s->features = weir_alloc(s->job, s->block * piece, sizeof *s->features);
    s->lengths = weir_alloc(s->job, s->block, sizeof *s->lengths);
    s->made = weir_alloc(s->job, BLOCK, sizeof *s->made);
    s->remade = weir_alloc(s->job, BLOCK, sizeof *s->remade);
    s->keep = weir_alloc(s->job, BLOCK, sizeof *s->keep);
    s->which = weir_alloc(s->job, BLOCK, sizeof *s->which);
    s->chain.order = weir_alloc(s->job, BLOCK, sizeof *s->chain.order);
    s->chain.heads = weir_alloc(s->job, BLOCK, sizeof *s->chain.heads);
    s->samplers = weir_alloc(s->job, s->model->count, sizeof(nn_doppelganger_sampler *));
    return error->status;
}

static int make_rows(struct sampling *s, size_t more)
{
    size_t rows = weir_table_rows(s->out);

    if (s->used + more <= rows)
        return WEIR_OK;
    rows = s->used + more + rows / 2;
    return weir_table_resize(s->out, rows, weir_job_error(s->job));
}

static nn_doppelganger_sampler *sampler_of(struct sampling *s, uint32_t part)
{
    char name[32];

    snprintf(name, sizeof name, "chunk.%u", s->model->parts[part].chunk);
    if (!s->samplers[part])
        s->samplers[part] =
            nn_doppelganger_sampler_new(s->job, s->model->parts[part].network, s->block, name);
    return s->samplers[part];
}

/* ---- Pieces ----------------------------------------------------------------------------------*/

static int draw(struct sampling *s, uint32_t part, uint32_t n, nn_real *attributes,
                struct made *made)
{
    nn_doppelganger_sampler *sampler = sampler_of(s, part);
    int status = sampler ? nn_doppelganger_attributes(sampler, n, attributes)
                         : (int)weir_job_error(s->job)->status;

    if (status == WEIR_OK)
        status =
            netshare_decode_attributes(s->job, &s->attributes, attributes, n, s->scratch, made);
    return status == WEIR_OK ? weir_progress(s->job, 0, 0) : status;
}

static int64_t start_of(const struct slot *slot, double start)
{
    int64_t width = slot->window.end - slot->window.begin;
    int64_t at = slot->window.begin + llrint(start * (double)width);

    at = at < slot->begin ? slot->begin : at;
    return at < slot->end ? at : slot->end - 1;
}

/* Whether piece i, which begins a flow, is to be drawn again. Flows of earlier chunks keep their
 * 5-tuples and are not looked for here. */
static bool unwanted(const struct sampling *s, const struct slot *slot, const struct made *made)
{
    if (made->continues)
        return false;
    if (start_of(slot, made->start) >= slot->limit)
        return true;
    return s->o->duplicates == SAME_REDRAW && made->starts &&
           weir_tuples_has(s->tuples, &made->tuple);
}

/* Draws those again that are not wanted, a few times. */
static int redraw(struct sampling *s, const struct slot *slot, uint32_t n)
{
    size_t width = s->attributes.layout.width;
    weir_tuples *here;
    int status = WEIR_OK;

    for (int round = 0; round < REDRAWS && status == WEIR_OK; round++) {
        uint32_t count = 0;

        here = weir_tuples_new(weir_job_error(s->job));
        for (uint32_t i = 0; here && i < n && status == WEIR_OK; i++) {
            bool again = unwanted(s, slot, &s->made[i]);

            if (!again && !s->made[i].continues && s->made[i].starts) {
                uint32_t before = weir_tuples_count(here), index;

                status = weir_tuples_add(here, &s->made[i].tuple, &index, weir_job_error(s->job));
                again = index != before && s->o->duplicates == SAME_REDRAW;
            }
            if (again)
                s->which[count++] = i;
        }
        weir_tuples_free(here);
        if (!here || status != WEIR_OK)
            return weir_job_error(s->job)->status;
        if (count == 0)
            return WEIR_OK;
        s->counts.redrawn += count;
        status = draw(s, slot->part, count, s->again, s->remade);
        for (uint32_t k = 0; k < count && status == WEIR_OK; k++) {
            s->made[s->which[k]] = s->remade[k];
            memcpy(s->drawn + s->which[k] * width, s->again + k * width, width * sizeof *s->again);
        }
    }
    return status;
}

/* What is not wanted even so is placed in the time that is asked for. */
static void move_into(const struct slot *slot, struct made *made)
{
    if (start_of(slot, made->start) < slot->limit)
        return;
    made->start *= (double)(slot->limit - slot->window.begin) /
                   (double)(slot->window.end - slot->window.begin);
    if (!(start_of(slot, made->start) < slot->limit))
        made->start = 0;
}

/* Decides on the 5-tuple of a piece that begins a flow, or goes on with one of an earlier chunk;
 * false: it is left out. most: 5-tuples that there may be in all. */
static int settle(struct sampling *s, const struct slot *slot, struct made *made, uint32_t most,
                  bool *keep)
{
    uint32_t c = s->model->parts[slot->part].chunk, before = weir_tuples_count(s->tuples), index;
    bool links = s->model->tags && s->o->link == LINK_NEAREST, taken;
    int status;

    *keep = true;
    if (links && !made->starts) {
        if (netshare_take_link(&s->linking, c, &made->tuple)) {
            s->counts.linked++;
            return WEIR_OK;
        }
        s->counts.unlinked++;
    }
    taken = weir_tuples_has(s->tuples, &made->tuple);
    if (!taken && before >= most) {
        *keep = false;
        s->counts.late++;
        return WEIR_OK;
    }
    if (taken && s->o->duplicates == SAME_DROP && s->fruitless < FRUITLESS) {
        *keep = false;
        s->counts.dropped++;
        s->fruitless++;
        return WEIR_OK;
    }
    s->counts.merged += taken;
    s->fruitless = taken ? s->fruitless + 1 : 0;
    status = weir_tuples_add(s->tuples, &made->tuple, &index, weir_job_error(s->job));
    if (status == WEIR_OK && links)
        status = netshare_keep_link(s->job, &s->linking, c, &made->tuple, made->present);
    return status;
}

/* ---- Rows ------------------------------------------------------------------------------------*/

/* A flow that is being written, with times from its start on. */
struct writing {
    size_t first; /* row */
    int64_t time;
    double stray; /* the first gap, where it is added as published */
    const struct made *head;
    bool open;
};

static int64_t *times_of(const struct sampling *s)
{
    return weir_i64_out(s->out, weir_time_column(weir_table_schema(s->out)));
}

/* Lays the flow's times into the chunk: earlier, where it would not end in it; what leaves the
 * chunk even so is left out. */
static void end_flow(struct sampling *s, const struct slot *slot, struct writing *flow)
{
    int64_t *times = times_of(s), begin;
    size_t rows = s->used;

    if (!flow->open)
        return;
    flow->open = false;
    begin = start_of(slot, flow->head->start);
    if (s->o->timestamps == TIMES_FIX && flow->time > slot->end - 1 - begin) {
        begin = flow->time < slot->end - 1 - slot->begin ? slot->end - 1 - flow->time : slot->begin;
        s->counts.moved++;
    }
    for (size_t row = flow->first; row < s->used; row++) {
        if (times[row] >= slot->limit - begin) {
            s->counts.cut += slot->limit == slot->end ? s->used - row : 0;
            rows = row;
            break;
        }
        times[row] += begin;
    }
    s->used = rows;
}

/* Packets of a piece behind the rows so far. */
static int write_piece(struct sampling *s, const struct made *head, const nn_real *features,
                       uint32_t n, struct writing *flow)
{
    if (make_rows(s, n) != WEIR_OK)
        return weir_job_error(s->job)->status;
    for (uint32_t k = 0; k < n; k++) {
        size_t row = s->used++;
        double gap = netshare_decode_packet(&s->codec, features + k * s->codec.width, s->out, row);

        if (flow->first == row) {
            flow->stray = s->o->timestamps == TIMES_PUBLISHED ? gap : 0;
        } else {
            gap = fmin(rint(gap + flow->stray), (double)(INT64_MAX / 2 - flow->time));
            flow->time += (int64_t)gap;
            flow->stray = 0;
        }
        times_of(s)[row] = flow->time;
        weir_u32_out(s->out, "srcip")[row] = head->tuple.srcip;
        weir_u32_out(s->out, "dstip")[row] = head->tuple.dstip;
        weir_u16_out(s->out, "srcport")[row] = head->tuple.srcport;
        weir_u16_out(s->out, "dstport")[row] = head->tuple.dstport;
        weir_u8_out(s->out, "proto")[row] = head->tuple.proto;
    }
    return WEIR_OK;
}

/* Features and rows of the chains, as long as there are fewer than `most` rows. */
static int write_flows(struct sampling *s, const struct slot *slot, size_t most)
{
    const struct chain *chain = &s->chain;
    size_t width = s->attributes.layout.width, piece = s->model->length * s->codec.width;
    nn_doppelganger_sampler *sampler = sampler_of(s, slot->part);
    struct writing flow = {0};
    uint32_t head = 0;
    int status = sampler ? WEIR_OK : (int)weir_job_error(s->job)->status;

    for (uint32_t at = 0, here; at < chain->count && status == WEIR_OK; at += here) {
        here = chain->count - at < s->block ? chain->count - at : s->block;
        for (uint32_t i = 0; i < here; i++) {
            uint32_t number = chain->order[at + i];

            head = chain->heads[at + i] ? number : head;
            if (head != number)
                netshare_share_attributes(&s->attributes, s->drawn + head * width,
                                          s->drawn + number * width);
            memcpy(s->ordered + i * width, s->drawn + number * width, width * sizeof *s->ordered);
        }
        status = nn_doppelganger_features(sampler, here, s->ordered, s->features, s->lengths);
        for (uint32_t i = 0; i < here && status == WEIR_OK; i++) {
            if (chain->heads[at + i]) {
                end_flow(s, slot, &flow);
                if (s->used >= most)
                    return WEIR_OK;
                flow = (struct writing){
                    .first = s->used, .head = &s->made[chain->order[at + i]], .open = true};
            }
            status = write_piece(s, flow.head, s->features + i * piece, s->lengths[i], &flow);
        }
        if (status == WEIR_OK)
            status = weir_progress(s->job, 0, 0);
    }
    end_flow(s, slot, &flow);
    return status;
}

/* ---- As much as is asked for -----------------------------------------------------------------*/

/* What a chunk's turn is to come to: pieces of its own, 5-tuples and rows in all until then. */
struct goal {
    uint64_t pieces;
    uint32_t tuples;
    size_t rows;
};

static int draw_block(struct sampling *s, const struct slot *slot, uint32_t n,
                      const struct goal *goal)
{
    uint32_t most = s->request->flows > 0 ? goal->tuples : UINT32_MAX, alone, ended, kept = 0;
    int status = draw(s, slot->part, n, s->drawn, s->made);

    if (status == WEIR_OK)
        status = redraw(s, slot, n);
    for (uint32_t i = 0; i < n && status == WEIR_OK; i++) {
        s->keep[i] = true;
        move_into(slot, &s->made[i]);
        if (!s->made[i].continues)
            status = settle(s, slot, &s->made[i], most, &s->keep[i]);
    }
    if (status != WEIR_OK)
        return status;
    netshare_chain(s->made, s->keep, n, &s->chain, &alone, &ended);
    for (uint32_t k = 0; k < s->chain.count && status == WEIR_OK; k++) {
        uint32_t i = s->chain.order[k];

        if (s->chain.heads[k] && s->made[i].continues)
            status = settle(s, slot, &s->made[i], most, &s->keep[i]);
        s->chain.order[kept] = i; /* a piece alone is a chain alone */
        s->chain.heads[kept] = s->chain.heads[k];
        kept += s->keep[i];
    }
    s->chain.count = kept;
    s->counts.pieces += n;
    s->counts.alone += alone;
    s->counts.ended += ended;
    return status == WEIR_OK ? write_flows(s, slot, s->request->packets > 0 ? goal->rows : SIZE_MAX)
                             : status;
}

/* How many pieces to draw next; 0: the goal is reached, or cannot be. */
static uint64_t wanted(const struct sampling *s, const struct slot *slot, const struct goal *goal,
                       uint64_t drawn)
{
    const struct tally *tally = &s->model->tallies[s->model->parts[slot->part].chunk];

    if (s->request->packets > 0) {
        double mean = fmax((double)tally->rows / (double)(tally->pieces ? tally->pieces : 1), 1);

        return s->used < goal->rows ? (uint64_t)ceil((double)(goal->rows - s->used) / mean) : 0;
    }
    if (drawn < goal->pieces)
        return goal->pieces - drawn;
    if (s->request->flows > 0 && weir_tuples_count(s->tuples) < goal->tuples &&
        s->fruitless < FRUITLESS)
        return goal->tuples - weir_tuples_count(s->tuples);
    return 0;
}

static int fill(struct sampling *s, const struct slot *slot, const struct goal *goal)
{
    uint64_t drawn = 0, n;

    netshare_scale_gaps(&s->codec, s->model->parts[slot->part].most_gap);
    s->fruitless = 0;
    while ((n = wanted(s, slot, goal, drawn)) > 0) {
        n = n < BLOCK ? n : BLOCK;
        if (draw_block(s, slot, (uint32_t)n, goal) != WEIR_OK)
            return weir_job_error(s->job)->status;
        drawn += n;
    }
    return WEIR_OK;
}

/* What of the request falls to a chunk. */
static double weight_of(const struct sampling *s, const struct slot *slot, bool by_pieces)
{
    const struct tally *tally = &s->model->tallies[s->model->parts[slot->part].chunk];
    uint64_t of = s->model->tags ? tally->starts : tally->flows;

    if (by_pieces || (s->request->flows == 0 && s->request->packets == 0))
        of = tally->pieces;
    else if (s->request->packets > 0)
        of = tally->rows;
    return slot->share * (double)of;
}

static int sample_all(struct sampling *s)
{
    const weir_request *r = s->request;
    double all = 0, pieces = 0, done = 0, drawn = 0, scale;
    bool by_pieces = false;

    for (uint64_t i = 0; i < s->slots; i++) {
        struct slot slot = slot_at(s, i);

        all += weight_of(s, &slot, false);
        pieces += weight_of(s, &slot, true);
    }
    if (!(all > 0)) {
        by_pieces = true;
        all = pieces;
    }
    scale = r->flows > 0 ? (double)r->flows / all : 1;
    for (uint64_t i = 0; i < s->slots; i++) {
        struct slot slot = slot_at(s, i);
        double share, before = rint(drawn);
        struct goal goal = {0};

        if (!(slot.share > 0))
            continue;
        if (slot.part == 0)
            s->linking.count = 0;
        done += weight_of(s, &slot, by_pieces);
        drawn += scale * weight_of(s, &slot, true);
        share = fmin(done / all, 1);
        goal.pieces = (uint64_t)(fmax(rint(drawn), 1) - fmin(before, fmax(rint(drawn), 1)));
        goal.tuples = (uint32_t)rint((double)r->flows * share);
        goal.rows = (size_t)rint((double)r->packets * share);
        if (fill(s, &slot, &goal) != WEIR_OK ||
            weir_progress(s->job, (int64_t)i + 1, (int64_t)s->slots) != WEIR_OK)
            return weir_job_error(s->job)->status ? weir_job_error(s->job)->status : WEIR_ECANCEL;
        if (i + s->model->count >= s->slots) { /* it is not this chunk's turn again */
            nn_doppelganger_sampler_free(s->samplers[slot.part]);
            s->samplers[slot.part] = NULL;
        }
        s->counts.missed += netshare_end_links(&s->linking, s->model->parts[slot.part].chunk);
    }
    if (r->flows > 0 && weir_tuples_count(s->tuples) < (uint64_t)r->flows)
        return weir_fail(s->job, WEIR_EOPTION,
                         "%lld flows are asked for, and the model does not get beyond %u different "
                         "5-tuples",
                         (long long)r->flows, weir_tuples_count(s->tuples));
    if (r->packets > 0 && s->used > (size_t)r->packets)
        s->used = (size_t)r->packets;
    return weir_table_resize(s->out, s->used, weir_job_error(s->job));
}

static void tell_counts(const struct sampling *s)
{
    const struct counts *c = &s->counts;
    const struct {
        uint64_t count;
        const char *what;
    } lines[] = {
        {c->redrawn, "pieces drawn again: 5-tuple taken, or start beyond the request"},
        {c->merged, "pieces merged with a flow of the same 5-tuple"},
        {c->dropped, "pieces left out: 5-tuple taken"},
        {c->late, "pieces left out: flows enough"},
        {c->linked, "pieces that go on with a flow of an earlier chunk"},
        {c->unlinked, "pieces of an earlier chunk's flow that found none: flows of their own"},
        {c->missed, "flows that were to go on in a later chunk and did not"},
        {c->alone, "continuations that found no piece to continue: flows of their own"},
        {c->ended, "flows that end without the piece that they announce"},
        {c->moved, "flows begun earlier, so as to end in their chunk"},
        {c->cut, "packets left out: beyond the end of their chunk"},
    };

    weir_log(s->job, "%llu pieces, %zu rows, %u flows", (unsigned long long)c->pieces, s->used,
             weir_tuples_count(s->tuples));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (lines[i].count)
            weir_log(s->job, "%llu %s", (unsigned long long)lines[i].count, lines[i].what);
}

int netshare_sample(weir_job *job, const void *model, const weir_request *request, weir_table *out)
{
    struct sampling s = {
        .job = job, .model = model, .o = weir_options(job), .request = request, .out = out};
    weir_error *error = weir_job_error(job);
    int status;

    s.codec = s.model->codec;
    status = weir_request_check(request, weir_table_schema(s.codec.names), error);
    if (status == WEIR_OK)
        status = time_line(&s);
    if (status == WEIR_OK)
        status = weir_table_match(out, s.codec.names, error);
    if (status == WEIR_OK)
        status = netshare_open_attributes(job, s.model->tags ? s.model->chunks : 0, &s.attributes);
    if (status == WEIR_OK)
        status = netshare_check_networks(job, s.model, &s.attributes);
    if (status == WEIR_OK)
        status = make_buffers(&s);
    if (status == WEIR_OK)
        status = sample_all(&s);
    if (status == WEIR_OK)
        tell_counts(&s);
    for (uint32_t i = 0; s.samplers && i < s.model->count; i++)
        nn_doppelganger_sampler_free(s.samplers[i]);
    weir_tuples_free(s.tuples);
    weir_table_free(s.scratch);
    free(s.linking.list);
    return status;
}
