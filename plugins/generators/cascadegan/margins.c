/* Conditions as independent numbers: each one's place between the least and the greatest that the
 * ones before it allow, and the distribution of that place by the number of packets. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conditions.h"

#define PACKET_PIECES 64 /* of the packets' distribution, about */
#define PIECES 16        /* of another one, at most */
#define MOST_BINS 12
#define BIN_FLOWS 24  /* fewest flows of a bin */
#define PIECE_FLOWS 4 /* and of a piece */
/* Of a piece of the packets': the largest flows may be most of the traffic. */
#define PACKET_PIECE_FLOWS 1

/* After the packets. The duration follows from start and end; the end is first had as a span. */
static const int order[] = {COND_END,  COND_START,     COND_ACTIVE, COND_MEAN,
                            COND_PEAK, COND_DEVIATION, COND_GAP};
#define ORDERED (sizeof order / sizeof *order)

struct range {
    double low, high;
};

/* ---- What a condition may be -----------------------------------------------------------------*/

static double bent(int c, double x)
{
    return c == COND_START ? x : log1p(x);
}

static double unbent(int c, double x)
{
    return c == COND_START ? x : expm1(x);
}

double cascade_duration(const struct cascade_conditions *self, double start, double end)
{
    double last = self->steps - 1.0;

    return fmin(floor(end / self->width), last) - fmin(floor(start / self->width), last) + 1;
}

/* Deviation of the counts of `active` steps with that many packets and that peak. */
static struct range deviations(double packets, double active, double peak)
{
    double mean = packets / active, others = active - 1, most, full, rest;
    struct range squares = {peak * peak, 0};

    if (others > 0)
        squares.low += (packets - peak) * (packets - peak) / others;
    full = peak > 1 ? fmin(floor((packets - active) / (peak - 1)), active) : active;
    rest = full < active ? packets - active - full * (peak - 1) : 0;
    most = full * peak * peak + (full < active ? (1 + rest) * (1 + rest) + active - full - 1 : 0);
    squares.high = fmax(most, squares.low);
    return (struct range){sqrt(fmax(squares.low / active - mean * mean, 0)),
                          sqrt(fmax(squares.high / active - mean * mean, 0))};
}

static uint32_t bin_of(const struct cascade_conditions *self, double packets)
{
    uint32_t bin = 0;

    while (bin + 1 < self->bins && packets >= self->bin_least[bin + 1])
        bin++;
    return bin;
}

/* Of the conditions before it, x[COND_END] being the span. NaN is what is not conditioned on. */
static struct range range_of(const struct cascade_conditions *self, int c, const double *x)
{
    double packets = x[COND_PACKETS], active = x[COND_ACTIVE];
    double empty = x[COND_DURATION] - active;
    bool counted = packets > 0 && active > 0;
    struct range is = {0, self->greatest[c]};

    switch (c) {
    case COND_PACKETS:
        is.low = 1;
        break;
    case COND_END: /* no flow is faster than the fastest of about as many packets */
        is.high = packets == 1 ? 0 : self->length;
        if (packets > 1)
            is.low = fmin((packets - 1) * self->bin_gap[bin_of(self, packets)], is.high);
        break;
    case COND_START:
        is.high = self->length - x[COND_END];
        break;
    case COND_ACTIVE:
        is.low = x[COND_DURATION] > 1 ? 2 : 1;
        is.high = fmin(x[COND_DURATION], packets);
        break;
    case COND_MEAN:
        is.low = counted ? packets / active : 1;
        is.high = counted ? is.low : fmin(is.high, packets);
        break;
    case COND_PEAK:
        is.low = counted ? ceil(packets / active) : 1;
        is.high = counted ? packets - active + 1 : fmin(is.high, packets);
        break;
    case COND_DEVIATION:
        if (counted && x[COND_PEAK] > 0)
            is = deviations(packets, active, x[COND_PEAK]);
        break;
    case COND_GAP:
        is.high = fmax(x[COND_DURATION] - 2, 0);
        if (active > 0) {
            is.high = fmax(empty, 0);
            is.low = empty > 0 ? empty / fmax(fmin(active - 1, empty), 1) : 0;
        }
        break;
    default:
        break;
    }
    is.high = fmax(is.high, is.low);
    return is;
}

/* Where x lies in its range, 0 to 1. */
static double place_of(int c, struct range is, double x)
{
    double low = bent(c, is.low), high = bent(c, is.high);

    return high > low ? fmin(fmax((bent(c, x) - low) / (high - low), 0), 1) : 0;
}

static double at_place(int c, struct range is, double place)
{
    double low = bent(c, is.low), high = bent(c, is.high), x;

    x = unbent(c, low + fmin(fmax(place, 0), 1) * (high - low));
    if (cascade_condition[c].whole)
        x = rint(x);
    return fmin(fmax(x, is.low), is.high);
}

/* ---- Pieces ----------------------------------------------------------------------------------*/

struct pieces {
    const struct cascade_piece *at;
    uint32_t n;
};

/* Of condition c (for the packets: of the whole) in that bin. */
static struct pieces pieces_of(const struct cascade_conditions *self, int c, uint32_t bin)
{
    const uint32_t *offset = self->piece_offsets;

    if (c != COND_PACKETS)
        offset += 1 + (size_t)bin * CONDITIONS + (size_t)c;
    return (struct pieces){self->pieces + offset[0], offset[1] - offset[0]};
}

/* The place at rank u; 1/2 where training has shown none. */
static double place_at(struct pieces pieces, double u)
{
    double begin = 0;

    for (uint32_t i = 0; i < pieces.n; i++) {
        const struct cascade_piece *piece = &pieces.at[i];
        double end = i + 1 < pieces.n ? (double)piece->end : 1;

        if (u < end || i + 1 == pieces.n) {
            double part = end > begin ? fmin((u - begin) / (end - begin), 1) : 0;

            return piece->low + part * ((double)piece->high - piece->low);
        }
        begin = end;
    }
    return 0.5;
}

static double rank_at(struct pieces pieces, double place, weir_random *random)
{
    double begin = 0;

    for (uint32_t i = 0; i < pieces.n; i++) {
        const struct cascade_piece *piece = &pieces.at[i];
        double end = i + 1 < pieces.n ? (double)piece->end : 1, part;

        if ((float)place > piece->high && i + 1 < pieces.n) {
            begin = end;
            continue;
        }
        part = piece->high > piece->low ? (place - piece->low) / ((double)piece->high - piece->low)
                                        : weir_random_uniform(random);
        /* Short of the end, which is where the next piece begins. */
        return begin + fmin(fmax(part, 0), 1 - 1e-6) * (end - begin);
    }
    return 0.5;
}

/* ---- Learning --------------------------------------------------------------------------------*/

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* Pieces of n ascending values: a frequent value is one of its own, others have `least` of them or
 * more and about n / most; with tail, at the top half of what is left. Returns how many; out holds
 * most * 4 of them. */
static uint32_t cut_pieces(const float *values, size_t n, uint32_t most, size_t least, bool tail,
                           struct cascade_piece *out)
{
    size_t share = n / most > least ? n / most : least, begin = 0;
    uint32_t count = 0;

    while (begin < n && count + 1 < most * 4) {
        size_t wanted = tail && (n - begin) / 2 < share ? (n - begin) / 2 : share, run = 1, end;

        if (wanted < least)
            wanted = least;
        while (begin + run < n && values[begin + run] == values[begin])
            run++;
        end = begin + run;
        while (run < wanted && end < n && end - begin < wanted) {
            size_t next = 1;

            while (end + next < n && values[end + next] == values[end])
                next++;
            if (next >= wanted) /* a frequent one: the next piece */
                break;
            end += next;
        }
        out[count++] = (struct cascade_piece){(float)((double)end / (double)n), values[begin],
                                              values[end - 1]};
        begin = end;
    }
    if (begin < n) /* cannot be but by rounding: the last one takes the rest */
        out[count - 1].high = values[n - 1];
    return count;
}

/* Bins of packets: at the half of the flows, of the rest, and so on. */
static uint32_t cut_bins(const float *packets, size_t n, double *least)
{
    uint32_t bins = 1;

    least[0] = 0;
    for (size_t at = 0; bins < MOST_BINS;) {
        size_t cut = at + (n - at) / 2;

        while (cut < n && cut > 0 && packets[cut] == packets[cut - 1])
            cut++;
        if (cut - at < BIN_FLOWS || n - cut < BIN_FLOWS)
            break;
        least[bins++] = packets[cut];
        at = cut;
    }
    return bins;
}

static void find_gaps(const struct cascade_conditions *self, const struct cascade_wanted *flows,
                      size_t n, double *gaps)
{
    for (uint32_t bin = 0; bin < self->bins; bin++)
        gaps[bin] = self->length;
    for (size_t i = 0; i < n; i++) {
        const double *x = flows[i].x;
        uint32_t bin = bin_of(self, x[COND_PACKETS]);

        if (x[COND_PACKETS] > 1)
            gaps[bin] =
                fmin(gaps[bin], fmax(x[COND_END] - x[COND_START], 0) / (x[COND_PACKETS] - 1));
    }
}

/* The flow with its span in the place of its end. */
static void spanned(const struct cascade_wanted *flow, double *x)
{
    memcpy(x, flow->x, sizeof flow->x);
    x[COND_END] = fmax(x[COND_END] - x[COND_START], 0);
}

static size_t gather_places(const struct cascade_conditions *self,
                            const struct cascade_wanted *flows, size_t n, int c, uint32_t bin,
                            float *to)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        double x[CONDITIONS];
        struct range is;

        if (bin_of(self, flows[i].x[COND_PACKETS]) != bin || isnan(flows[i].x[c]))
            continue;
        spanned(&flows[i], x);
        is = range_of(self, c, x);
        if (is.high > is.low)
            to[count++] = (float)place_of(c, is, x[c]);
    }
    qsort(to, count, sizeof *to, by_value);
    return count;
}

int cascade_margins_learn(weir_job *job, struct cascade_conditions *self,
                          const struct cascade_wanted *flows, size_t n)
{
    const size_t room = 4 * (PACKET_PIECES + (size_t)MOST_BINS * CONDITIONS * PIECES);
    double *least = weir_alloc(job, MOST_BINS, sizeof *least);
    double *gaps = weir_alloc(job, MOST_BINS, sizeof *gaps);
    uint32_t *offsets = weir_alloc(job, 2 + (size_t)MOST_BINS * CONDITIONS, sizeof *offsets);
    struct cascade_piece *pieces = malloc(room * sizeof *pieces), *kept;
    float *values = malloc(n * sizeof *values + 1);
    uint32_t used = 0, at = 0;
    size_t count = 0;
    int status = WEIR_OK;

    if (!least || !gaps || !offsets || !pieces || !values) {
        status = weir_error_memory(weir_job_error(job), n * sizeof *values, "ranks of conditions");
        goto done;
    }
    self->bin_least = least;
    self->piece_offsets = offsets;
    for (size_t i = 0; i < n && !isnan(flows[i].x[COND_PACKETS]); i++)
        values[count++] = (float)flows[i].x[COND_PACKETS];
    qsort(values, count, sizeof *values, by_value);
    self->bins = count ? cut_bins(values, count, least) : 1;
    find_gaps(self, flows, n, gaps);
    self->bin_gap = gaps;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)place_of(COND_PACKETS, range_of(self, COND_PACKETS, flows[0].x),
                                    (double)values[i]);
    used = cut_pieces(values, count, PACKET_PIECES, PACKET_PIECE_FLOWS, true, pieces);
    offsets[++at] = used;
    for (uint32_t bin = 0; bin < self->bins && status == WEIR_OK; bin++)
        for (int c = 0; c < CONDITIONS && status == WEIR_OK; c++) {
            if (c != COND_PACKETS && c != COND_DURATION) {
                count = gather_places(self, flows, n, c, bin, values);
                used += cut_pieces(values, count, PIECES, PIECE_FLOWS, false, pieces + used);
            }
            offsets[++at] = used;
            status = weir_progress(job, 0, 0);
        }
    kept = status == WEIR_OK ? weir_alloc(job, used + 1, sizeof *kept) : NULL;
    if (kept)
        memcpy(kept, pieces, used * sizeof *kept);
    else if (status == WEIR_OK)
        status = weir_job_error(job)->status;
    self->pieces = kept;
done:
    free(pieces);
    free(values);
    return status;
}

/* ---- Ranks and back --------------------------------------------------------------------------*/

void cascade_ranks_of(const struct cascade_conditions *self, const struct cascade_wanted *flow,
                      weir_random *random, double ranks[CONDITIONS])
{
    uint32_t bin = bin_of(self, flow->x[COND_PACKETS]);
    double x[CONDITIONS];

    spanned(flow, x);
    for (int c = 0; c < CONDITIONS; c++) {
        struct range is = range_of(self, c, x);

        ranks[c] = 0.5;
        if (c != COND_DURATION && !isnan(x[c]) && is.high > is.low)
            ranks[c] = rank_at(pieces_of(self, c, bin), place_of(c, is, x[c]), random);
    }
}

/* Sets condition c to what rank u means. */
static void settle(const struct cascade_conditions *self, int c, double u, double *x)
{
    struct range is = range_of(self, c, x);

    x[c] = at_place(c, is, place_at(pieces_of(self, c, bin_of(self, x[COND_PACKETS])), u));
}

/* Once start and span are known: the duration. */
static void place_in_time(const struct cascade_conditions *self, double *x)
{
    x[COND_START] = rint(x[COND_START]);
    x[COND_DURATION] =
        cascade_duration(self, x[COND_START], fmin(x[COND_START] + x[COND_END], self->length));
}

static void unspan(const struct cascade_conditions *self, double *x)
{
    x[COND_END] = fmin(x[COND_START] + rint(x[COND_END]), self->length);
}

static bool conditioned(const struct cascade_conditions *self, int c)
{
    return self->at[c] >= 0;
}

void cascade_flow_of(const struct cascade_conditions *self, const double ranks[CONDITIONS],
                     struct cascade_wanted *flow)
{
    double *x = flow->x;

    for (int c = 0; c < CONDITIONS; c++)
        x[c] = NAN;
    if (conditioned(self, COND_PACKETS))
        settle(self, COND_PACKETS, ranks[COND_PACKETS], x);
    for (size_t k = 0; k < ORDERED; k++) {
        if (conditioned(self, order[k]))
            settle(self, order[k], ranks[order[k]], x);
        if (order[k] == COND_START)
            place_in_time(self, x);
    }
    unspan(self, x);
}

struct entry {
    uint32_t group, flow;
    float value;
    uint32_t lot; /* between equal values */
};

static int by_group(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->lot > y->lot) - (x->lot < y->lot);
}

/* Condition c of all flows, from the order of numbers among those of a bin. */
static void settle_all(const struct cascade_conditions *self, int c, const float *numbers, size_t n,
                       weir_random *random, struct cascade_wanted *flows, struct entry *entries)
{
    size_t count = 0, end;

    for (size_t i = 0; i < n; i++) {
        double *x = flows[i].x;
        struct range is = range_of(self, c, x);

        x[c] = is.low;
        if (!(is.high > is.low))
            continue;
        entries[count++] =
            (struct entry){.group = c == COND_PACKETS ? 0 : bin_of(self, x[COND_PACKETS]),
                           .flow = (uint32_t)i,
                           .value = numbers[i * self->count + (size_t)self->at[c]],
                           .lot = weir_random_u32(random)};
    }
    qsort(entries, count, sizeof *entries, by_group);
    for (size_t begin = 0; begin < count; begin = end) {
        for (end = begin; end < count && entries[end].group == entries[begin].group;)
            end++;
        for (size_t i = begin; i < end; i++) {
            double u = ((double)(i - begin) + weir_random_uniform(random)) / (double)(end - begin);

            settle(self, c, u, flows[entries[i].flow].x);
        }
    }
}

int cascade_flows_of_order(weir_job *job, const struct cascade_conditions *self,
                           const float *numbers, size_t n, weir_random *random,
                           struct cascade_wanted *flows)
{
    struct entry *entries = malloc(n * sizeof *entries + 1);
    int status = WEIR_OK;

    if (!entries)
        return weir_error_memory(weir_job_error(job), n * sizeof *entries, "ranks of conditions");
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < CONDITIONS; c++)
            flows[i].x[c] = NAN;
    if (conditioned(self, COND_PACKETS))
        settle_all(self, COND_PACKETS, numbers, n, random, flows, entries);
    for (size_t k = 0; k < ORDERED && status == WEIR_OK; k++) {
        if (conditioned(self, order[k]))
            settle_all(self, order[k], numbers, n, random, flows, entries);
        for (size_t i = 0; i < n && order[k] == COND_START; i++)
            place_in_time(self, flows[i].x);
        status = weir_progress(job, 0, 0);
    }
    for (size_t i = 0; i < n; i++)
        unspan(self, flows[i].x);
    free(entries);
    return status;
}

/* ---- What is given in part -------------------------------------------------------------------*/

/* Start and end, where one of them or both are not given. */
static void complete_times(const struct cascade_conditions *self, const struct cascade_wanted *like,
                           double *x)
{
    double span = x[COND_PACKETS] == 1 ? 0 : like->x[COND_END] - like->x[COND_START];
    double start = x[COND_START], end = x[COND_END], steps = x[COND_DURATION], step;

    if (isnan(start))
        start = isnan(end) ? fmin(like->x[COND_START], self->length - span) : fmax(end - span, 0);
    if (steps > 0 && isnan(x[COND_START]))
        start = fmin(start, (self->steps - steps) * self->width);
    if (isnan(end))
        end = fmin(start + span, self->length);
    if (steps > 0 && isnan(x[COND_END])) { /* in the step that makes the duration */
        step = fmin(floor(start / self->width), self->steps - 1.0) + steps - 1;
        end = fmin(fmax(end, step * self->width), (step + 1) * self->width - 1);
        end = fmin(fmax(end, start), self->length);
    }
    x[COND_START] = rint(start);
    x[COND_END] = rint(end);
}

void cascade_complete(const struct cascade_conditions *self, const struct cascade_wanted *like,
                      struct cascade_wanted *flow)
{
    double x[CONDITIONS];

    if (isnan(flow->x[COND_PACKETS])) {
        double least = fmax(fmax(1, flow->x[COND_ACTIVE]), flow->x[COND_PEAK]);

        if (flow->x[COND_END] > flow->x[COND_START] || flow->x[COND_DURATION] > 1)
            least = fmax(least, 2);
        flow->x[COND_PACKETS] = fmax(like->x[COND_PACKETS], least);
        if (isnan(like->x[COND_PACKETS]))
            flow->x[COND_PACKETS] = NAN;
    }
    complete_times(self, like, flow->x);
    if (isnan(flow->x[COND_DURATION]))
        flow->x[COND_DURATION] = cascade_duration(self, flow->x[COND_START], flow->x[COND_END]);
    for (size_t k = 0; k < ORDERED; k++) {
        int c = order[k];
        struct range is;

        if (!isnan(flow->x[c]) || !conditioned(self, c))
            continue;
        spanned(flow, x);
        is = range_of(self, c, x);
        flow->x[c] = fmin(fmax(like->x[c], is.low), is.high);
    }
}
