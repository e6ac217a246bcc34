/* Fitting markov: the distributions of a class of flows and of its kinds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"

uint64_t markov_carried(const weir_table *table, size_t row, int what)
{
    const uint8_t *bytes;
    const uint16_t *off;
    const uint32_t *label, *type;

    switch (what) {
    case CARRY_TOS:
        bytes = weir_u8(table, "tos");
        return bytes ? bytes[row] : 0;
    case CARRY_TTL:
        bytes = weir_u8(table, "ttl");
        return bytes ? bytes[row] : 0;
    case CARRY_FRAGMENT:
        bytes = weir_u8(table, "flag");
        off = weir_u16(table, "off");
        return (uint64_t)(bytes ? bytes[row] : 0) | (uint64_t)(off ? off[row] : 0) << 8;
    default:
        label = weir_codes(table, "label");
        type = weir_codes(table, "type");
        return (uint64_t)(label ? label[row] : 0) | (uint64_t)(type ? type[row] : 0) << 32;
    }
}

/* ---- A kind: flows of a class of like numbers of packets --------------------------------------
 */

static int go_on(const struct fitting *f, const struct flow *flows)
{
    return weir_progress(f->job, flows - f->flows, f->of->count);
}

static void count_chain(struct fitting *f, const struct flow *flows, size_t n)
{
    uint32_t bins = f->model->bins;

    memset(f->chain, 0, (size_t)(bins + 1) * bins * sizeof *f->chain);
    for (size_t i = 0; i < n; i++) {
        size_t state = 0;

        for (uint32_t k = 0; k < flows[i].rows; k++) {
            uint8_t bin = f->bin[markov_row_of(f, &flows[i], k)];

            f->chain[state * bins + bin]++;
            state = bin + (size_t)1;
        }
    }
}

/* Counts to cumulative probabilities; a state that was never left goes on like a first packet. */
static void store_chain(const struct fitting *f, double *out)
{
    uint32_t bins = f->model->bins;

    for (uint32_t state = 0; state <= bins; state++) {
        const uint64_t *counts = f->chain + (size_t)state * bins;
        double total = 0, sum = 0;

        for (uint32_t b = 0; b < bins; b++)
            total += (double)counts[b];
        if (total == 0) {
            memcpy(out + (size_t)state * bins, out, bins * sizeof *out);
            continue;
        }
        for (uint32_t b = 0; b < bins; b++) {
            sum += (double)counts[b];
            out[(size_t)state * bins + b] = sum / total;
        }
    }
}

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static int64_t gap_before(const struct fitting *f, const struct flow *flow, uint32_t k)
{
    return f->times[markov_row_of(f, flow, k)] - f->times[markov_row_of(f, flow, k - 1)];
}

/* Durations, and the bounds of pace and gaps. */
static int fit_durations(struct fitting *f, const struct flow *flows, size_t n, struct span *span,
                         double *numbers)
{
    double fastest = INFINITY, least = INFINITY;
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        double duration = (double)markov_duration_of(f, &flows[i]);

        if (flows[i].rows < 2)
            continue;
        for (uint32_t k = 1; k < flows[i].rows && least > 0; k++)
            least = fmin(least, (double)gap_before(f, &flows[i], k));
        f->values[used++] = log1p(duration);
        if (duration > 0)
            fastest = fmin(fastest, duration / fmax(flows[i].load, 1));
    }
    numbers[KIND_FASTEST] = isfinite(fastest) ? fastest : 0;
    numbers[KIND_LEAST_GAP] = used ? least : 0;
    return markov_add_pieces(f->job, &f->model->pool, f->values, used, (size_t)f->opt->pieces,
                             span);
}

/* What of the gaps is beyond the least one, relative to its mean in the flow: OFF above, ON up to
 * it. */
static int fit_gaps(struct fitting *f, const struct flow *flows, size_t n, struct span *spans,
                    double *numbers)
{
    size_t on = 0, off = 0, most = (size_t)f->opt->pieces;
    uint64_t moves[2][2] = {{0}}, first[2] = {0};
    double least = numbers[KIND_LEAST_GAP];
    int status;

    for (size_t i = 0; i < n; i++) {
        double mean =
            flows[i].rows > 1
                ? (double)markov_duration_of(f, &flows[i]) / (double)(flows[i].rows - 1) - least
                : 0;
        int before = -1;

        for (uint32_t k = 1; mean > 0 && k < flows[i].rows; k++) {
            double relative = ((double)gap_before(f, &flows[i], k) - least) / mean;
            int state = relative > 1;

            if (state)
                f->gaps[off++] = relative;
            else
                f->values[on++] = relative;
            if (before < 0)
                first[state]++;
            else
                moves[before][state]++;
            before = state;
        }
    }
    numbers[KIND_FIRST_OFF] = share(first[1], first[0] + first[1]);
    numbers[KIND_ON_OFF] = share(moves[0][1], moves[0][0] + moves[0][1]);
    numbers[KIND_OFF_ON] = share(moves[1][0], moves[1][0] + moves[1][1]);
    if (f->opt->gaps == GAPS_LOGNORMAL) {
        status = markov_add_lognormal(f->job, &f->model->pool, f->values, on, &spans[GAPS_ON]);
        return status == WEIR_OK
                   ? markov_add_lognormal(f->job, &f->model->pool, f->gaps, off, &spans[GAPS_OFF])
                   : status;
    }
    status = markov_add_pieces(f->job, &f->model->pool, f->values, on, most, &spans[GAPS_ON]);
    return status == WEIR_OK
               ? markov_add_pieces(f->job, &f->model->pool, f->gaps, off, most, &spans[GAPS_OFF])
               : status;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Addresses, once a row: pairs; and of the rows that are in none, sources and destinations apart.
 */
static int fit_addresses(struct fitting *f, const struct flow *flows, size_t n, struct span *spans)
{
    const uint32_t *srcip = weir_u32(f->table, "srcip"), *dstip = weir_u32(f->table, "dstip");
    size_t most = (size_t)f->opt->hosts, names = 0;
    struct pool *pool = &f->model->pool;
    int status = WEIR_OK;

    for (int what = PAIRS; what <= DESTINATIONS && status == WEIR_OK; what++) {
        size_t used = 0;

        if (go_on(f, flows) != WEIR_OK)
            return WEIR_ECANCEL;
        for (size_t i = 0; i < n; i++) {
            uint32_t row = markov_row_of(f, &flows[i], 0);
            uint64_t pair = (uint64_t)srcip[row] << 32 | dstip[row], code = pair;

            if (what != PAIRS) {
                if (bsearch(&pair, f->names, names, sizeof pair, ascending))
                    continue;
                code = what == SOURCES ? srcip[row] : dstip[row];
            }
            for (uint32_t k = 0; k < flows[i].rows; k++)
                f->codes[used++] = code;
        }
        status =
            markov_add_codes(f->job, pool, f->codes, used, most,
                             what == PAIRS ? REST_IS_OTHER : REST_BY_PREFIX, 16, 32, &spans[what]);
        if (what != PAIRS || status != WEIR_OK)
            continue;
        names = spans[PAIRS].count;
        memcpy(f->names, pool->codes + spans[PAIRS].at, names * sizeof *f->names);
        qsort(f->names, names, sizeof *f->names, ascending);
    }
    return status;
}

static int fit_kind(struct fitting *f, const struct flow *flows, size_t n, uint32_t kind)
{
    struct model *m = f->model;
    double *numbers = m->kind_numbers + (size_t)kind * KIND_NUMBERS;
    struct span *spans = m->kind_spans + (size_t)kind * KIND_SPANS;
    size_t most = (size_t)f->opt->pieces;
    int status = go_on(f, flows);

    for (size_t i = 0; i < n; i++)
        f->values[i] = (double)flows[i].rows;
    if (status == WEIR_OK)
        status = markov_add_pieces(f->job, &m->pool, f->values, n, most, &spans[PACKETS]);
    for (size_t i = 0; i < n; i++)
        f->values[i] = (double)(markov_start_of(f, &flows[i]) - m->first) /
                       fmax(1, (double)(m->length - 1 - markov_duration_of(f, &flows[i])));
    if (status == WEIR_OK)
        status = markov_add_pieces(f->job, &m->pool, f->values, n, most, &spans[PLACES]);
    if (status == WEIR_OK)
        status = fit_durations(f, flows, n, &spans[DURATIONS], numbers);
    if (status == WEIR_OK)
        status = fit_gaps(f, flows, n, spans, numbers);
    if (status == WEIR_OK)
        status = fit_addresses(f, flows, n, spans);
    count_chain(f, flows, n);
    store_chain(f, m->chain + (size_t)kind * (m->bins + 1) * m->bins);
    return status;
}

/* ---- A class ----------------------------------------------------------------------------------
 */

/* TCP flags by position (first, middle, last packet) and size bin. */
static int fit_flags(struct fitting *f, const struct flow *flows, size_t n, struct span *bin_spans)
{
    const uint8_t *flags = weir_u8(f->table, "tcp_flags");

    if (!flags)
        return WEIR_OK;
    for (uint32_t bin = 0; bin < f->model->bins; bin++) {
        if (go_on(f, flows) != WEIR_OK)
            return WEIR_ECANCEL;
        for (uint32_t place = 0; place < 3; place++) {
            size_t used = 0;
            int status;

            for (size_t i = 0; i < n; i++) {
                uint32_t last = flows[i].rows - 1, from = place == 2 ? last : place;
                uint32_t to = place == 0 ? 0 : place == 1 ? (last > 0 ? last - 1 : 0) : last;

                if (place == 2 && last == 0)
                    continue;
                for (uint32_t k = from; k <= to; k++) {
                    uint32_t row = markov_row_of(f, &flows[i], k);

                    if (f->bin[row] == bin)
                        f->codes[used++] = flags[row];
                }
            }
            status = markov_add_codes(f->job, &f->model->pool, f->codes, used, 256, REST_DROPPED, 0,
                                      32, &bin_spans[(size_t)bin * BIN_SPANS + FLAGS + place]);
            if (status != WEIR_OK)
                return status;
        }
    }
    return WEIR_OK;
}

/* Sizes in each bin, and for flow records what goes with them. */
static int fit_bins(struct fitting *f, const struct flow *flows, size_t n, struct span *bin_spans)
{
    const uint16_t *lengths = weir_u16(f->table, "pkt_len");
    const uint64_t *bytes = weir_u64(f->table, "byt"), *packets = weir_u64(f->table, "pkt");
    const double *td = weir_f64(f->table, "td");
    uint32_t bins = f->model->bins;
    size_t ends[257] = {0}, most = (size_t)f->opt->pieces;
    int status = WEIR_OK;

    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < flows[i].rows; k++)
            ends[f->bin[markov_row_of(f, &flows[i], k)] + 1]++;
    for (uint32_t b = 0; b < bins; b++)
        ends[b + 1] += ends[b];
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < flows[i].rows; k++) {
            uint32_t row = markov_row_of(f, &flows[i], k);

            f->order[ends[f->bin[row]]++] = row;
        }
    for (uint32_t b = 0; b < bins && status == WEIR_OK; b++) {
        size_t from = b ? ends[b - 1] : 0, count = ends[b] - from;
        struct span *spans = bin_spans + (size_t)b * BIN_SPANS;
        const uint32_t *rows = f->order + from;

        for (size_t i = 0; i < count; i++)
            f->values[i] = lengths ? (double)lengths[rows[i]] : (double)bytes[rows[i]];
        if (go_on(f, flows) != WEIR_OK)
            return WEIR_ECANCEL;
        status = markov_add_pieces(f->job, &f->model->pool, f->values, count, most, &spans[MARKS]);
        if (!packets || !td || status != WEIR_OK)
            continue;
        for (size_t i = 0; i < count; i++)
            f->values[i] = packets[rows[i]] ? (double)bytes[rows[i]] / (double)packets[rows[i]]
                                            : (double)bytes[rows[i]];
        status = markov_add_pieces(f->job, &f->model->pool, f->values, count, most, &spans[RATIOS]);
        for (size_t i = 0; i < count; i++)
            f->values[i] = isfinite(td[rows[i]]) && td[rows[i]] > 0 ? td[rows[i]] : 0;
        if (status == WEIR_OK)
            status =
                markov_add_pieces(f->job, &f->model->pool, f->values, count, most, &spans[TIMES]);
    }
    return status;
}

static int fit_carried(struct fitting *f, const struct flow *flows, size_t n, struct span *spans,
                       double *keeps)
{
    for (int what = 0; what < CARRIED; what++) {
        size_t kept = 0, varying = 0;
        uint64_t *codes = f->codes;
        int status;

        if (go_on(f, flows) != WEIR_OK)
            return WEIR_ECANCEL;
        for (size_t i = 0; i < n; i++) {
            uint64_t code = markov_carried(f->table, markov_row_of(f, &flows[i], 0), what);
            bool constant = true;

            for (uint32_t k = 1; k < flows[i].rows && constant; k++)
                constant = markov_carried(f->table, markov_row_of(f, &flows[i], k), what) == code;
            if (constant)
                codes[kept++] = code;
        }
        *keeps++ = share(kept, n);
        status = markov_add_codes(f->job, &f->model->pool, codes, kept, 4096, REST_DROPPED, 0, 32,
                                  &spans[CONSTANT + what]);
        for (size_t i = 0; i < n; i++) {
            size_t before = varying;
            bool constant = true;

            for (uint32_t k = 0; k < flows[i].rows; k++) {
                codes[varying++] = markov_carried(f->table, markov_row_of(f, &flows[i], k), what);
                constant = constant && codes[varying - 1] == codes[before];
            }
            if (constant)
                varying = before;
        }
        if (status == WEIR_OK)
            status = markov_add_codes(f->job, &f->model->pool, codes, varying, 4096, REST_DROPPED,
                                      0, 32, &spans[VARYING + what]);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* The identification of a flow: always 0; counting up in small steps, which are noted; or neither.
 */
static uint64_t id_mode(const uint16_t *id, const struct fitting *f, const struct flow *flow,
                        double *steps, size_t *used)
{
    size_t small = 0, zero = 0, before = *used;

    for (uint32_t k = 0; k < flow->rows; k++) {
        uint16_t value = id[markov_row_of(f, flow, k)];
        uint16_t step = k ? (uint16_t)(value - id[markov_row_of(f, flow, k - 1)]) : 0;

        zero += value == 0;
        if (step > 0 && step <= 256) {
            small++;
            steps[(*used)++] = step;
        }
    }
    if (zero == flow->rows || flow->rows == 1 || 2 * small <= flow->rows - (size_t)1) {
        *used = before;
        return zero == flow->rows ? ID_ZERO : ID_RANDOM;
    }
    return ID_COUNTS;
}

static int fit_ids(struct fitting *f, const struct flow *flows, size_t n, struct span *spans)
{
    const uint16_t *id = weir_u16(f->table, "id");
    size_t used = 0;
    int status;

    for (size_t i = 0; id && i < n; i++)
        f->codes[i] = id_mode(id, f, &flows[i], f->values, &used);
    status = markov_add_codes(f->job, &f->model->pool, f->codes, id ? n : 0, 3, REST_DROPPED, 0, 32,
                              &spans[ID_MODES]);
    return status == WEIR_OK
               ? markov_add_pieces(f->job, &f->model->pool, f->values, used, 16, &spans[ID_STEPS])
               : status;
}

/* Protocols, services and client ports: one value a flow. */
static int fit_ends(struct fitting *f, const struct flow *flows, size_t n, struct span *spans)
{
    size_t most = (size_t)f->opt->hosts, used = 0;
    struct pool *pool = &f->model->pool;
    int status;

    for (size_t i = 0; i < n; i++)
        f->codes[i] = flows[i].proto | (uint64_t)flows[i].side << 8;
    status = markov_add_codes(f->job, pool, f->codes, n, most, REST_DROPPED, 0, 32, &spans[PROTOS]);
    for (size_t i = 0; i < n; i++)
        if (flows[i].side != SIDE_NONE)
            f->codes[used++] = flows[i].service;
    if (status == WEIR_OK)
        status = markov_add_codes(f->job, pool, f->codes, used, most, REST_BY_PREFIX, 8, 16,
                                  &spans[SERVICES]);
    for (size_t i = 0; i < n; i++)
        f->values[i] = flows[i].client;
    return status == WEIR_OK ? markov_add_pieces(f->job, pool, f->values, n, (size_t)f->opt->pieces,
                                                 &spans[CLIENTS])
                             : status;
}

int markov_fit_class(struct fitting *f, const struct flow *flows, size_t n, uint32_t class,
                     uint32_t *kind)
{
    struct model *m = f->model;
    struct span *spans = m->class_spans + (size_t) class * CLASS_SPANS;
    struct span *bin_spans = m->bin_spans + (size_t) class * m->bins * BIN_SPANS;
    double *numbers = m->class_numbers + (size_t) class * CLASS_NUMBERS;
    int status = fit_ends(f, flows, n, spans);

    m->first_kind[class] = *kind;
    for (size_t at = 0, part; status == WEIR_OK && at < n; at += part, (*kind)++) {
        for (part = 1; at + part < n && flows[at + part].kind == *kind; part++)
            ;
        status = fit_kind(f, flows + at, part, *kind);
        m->kind_numbers[(size_t)*kind * KIND_NUMBERS + KIND_END] = (double)(at + part) / (double)n;
    }
    if (status == WEIR_OK)
        status = fit_bins(f, flows, n, bin_spans);
    if (status == WEIR_OK)
        status = fit_flags(f, flows, n, bin_spans);
    if (status == WEIR_OK)
        status = fit_carried(f, flows, n, spans, numbers + CLASS_KEEPS);
    if (status == WEIR_OK)
        status = fit_ids(f, flows, n, spans);
    return status;
}
