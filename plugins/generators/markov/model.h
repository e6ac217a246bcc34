/* The parameters of markov. Every one-dimensional distribution is a span of pieces, every
 * distribution over codes (addresses, ports, flags) a span of entries; both lie in one pool each.
 */
#ifndef MARKOV_MODEL_H
#define MARKOV_MODEL_H

#include <weir/sampling.h>

struct options {
    int64_t classes, min_flows, size_bins, pieces, hosts;
    int gaps;
};

enum { GAPS_QUANTILE, GAPS_LOGNORMAL };

/* A run of a pool. In `pieces`, count 0 means that pieces[at] is a log-normal: end and mean are the
 * mean and the standard deviation of the logarithm, low and high clip it. */
struct span {
    uint32_t at, count;
};

/* A share of a distribution: values between low and high with that mean. */
struct piece {
    double end; /* cumulative probability */
    double low, mean, high;
};

struct pool {
    struct piece *pieces;
    uint64_t *codes; /* entries: the code and its cumulative probability */
    double *ends;
    size_t piece_count, piece_room, entry_count, entry_room;
};

/* Codes of addresses and ports that stand for all values of a prefix, and the one for any other
 * pair. */
#define PREFIX_CODE ((uint64_t)1 << 40)
#define PREFIX_SHIFT 48
#define OTHER_CODE UINT64_MAX

/* What a flow may carry through all of its packets; each is one code. */
enum { CARRY_TOS, CARRY_TTL, CARRY_FRAGMENT, CARRY_LABEL, CARRIED };

/* Spans of a class. In entries: PROTOS (proto | side << 8), SERVICES, ID_MODES, and for each
 * carried CONSTANT (of flows that keep one code) and VARYING (of packets of the others). In pieces:
 * CLIENTS (ports), ID_STEPS. */
enum {
    PROTOS,
    SERVICES,
    ID_MODES,
    CONSTANT,
    VARYING = CONSTANT + CARRIED,
    CLIENTS = VARYING + CARRIED,
    CLASS_ENTRIES = CLIENTS,
    ID_STEPS,
    CLASS_SPANS
};
/* Spans of a class and size bin. Pieces: MARKS (bytes), RATIOS (bytes a packet), TIMES (td, s);
 * entries: TCP flags of first, middle and last packets. */
enum { MARKS, RATIOS, TIMES, FLAGS, BIN_SPANS = FLAGS + 3 };
/* Spans of a kind. In entries, weighted by rows: PAIRS (source << 32 | destination), and of what is
 * in no pair SOURCES and DESTINATIONS. In pieces: PLACES (of the
 * start in the time that the duration leaves), packets a flow, log(1 + duration in ns), and what
 * gaps are beyond the least, relative to its mean in the flow, in the states ON and OFF. */
enum {
    PAIRS,
    SOURCES,
    DESTINATIONS,
    KIND_ENTRIES,
    PLACES = KIND_ENTRIES,
    PACKETS,
    DURATIONS,
    GAPS_ON,
    GAPS_OFF,
    KIND_SPANS
};
/* Numbers of a class: cumulative probability; share of flows that keep one code, each carried. */
enum { CLASS_END, CLASS_KEEPS, CLASS_NUMBERS = CLASS_KEEPS + CARRIED };
/* Numbers of a kind: cumulative probability in its class; that the first gap is OFF; ON to OFF; OFF
 * to ON; least ns a unit of load of a flow that lasts; least gap, ns. */
enum {
    KIND_END,
    KIND_FIRST_OFF,
    KIND_ON_OFF,
    KIND_OFF_ON,
    KIND_FASTEST,
    KIND_LEAST_GAP,
    KIND_NUMBERS
};

/* Which side of a flow is the service. */
enum { SIDE_SOURCE, SIDE_DESTINATION, SIDE_NONE };
/* How the IPv4 identification behaves in a flow. */
enum { ID_ZERO, ID_COUNTS, ID_RANDOM };

#define ARRIVAL_STEPS 200

struct model {
    const weir_table *names; /* no rows: the columns and categories of the training set */
    weir_table *owned;       /* names, after fit */
    double flows;            /* of the training set */
    int64_t first, window, length;
    double least_packets, most_packets; /* of a flow record */
    uint32_t classes, kinds, bins, hosts;
    struct pool pool;
    uint64_t *host_ttl;       /* [hosts] address << 8 | TTL, ascending */
    double *arrivals;         /* [ARRIVAL_STEPS + 1] share of flows begun at each step of length */
    struct span *class_spans; /* [classes][CLASS_SPANS] */
    struct span *bin_spans;   /* [classes][bins][BIN_SPANS] */
    struct span *kind_spans;  /* [kinds][KIND_SPANS] */
    uint32_t *first_kind;     /* [classes + 1] */
    double *class_numbers;    /* [classes][CLASS_NUMBERS] */
    double *kind_numbers;     /* [kinds][KIND_NUMBERS] */
    double *chain;            /* [kinds][bins + 1][bins] cumulative; row 0 for the first packet */
};

int markov_fit(weir_job *job, const weir_dataset *train, void *model);
int markov_sample(weir_job *job, const void *model, const weir_request *request, weir_table *out);

/* What a flow's duration is measured by: bytes of packets, number of records. */
static inline double markov_load(bool packets, double size)
{
    return packets ? size : 1;
}

/* The code that a row carries; 0 where the table lacks the columns. */
uint64_t markov_carried(const weir_table *table, size_t row, int what);

/* A distribution of n values (sorted in place) in about `most` pieces of 8 values or more. A value
 * that is frequent enough is a piece of its own; every piece keeps its mean. n = 0 gives 0. */
int markov_add_pieces(weir_job *job, struct pool *pool, double *values, size_t n, size_t most,
                      struct span *span);
/* The log-normal of n values >= 0, clipped to their range. */
int markov_add_lognormal(weir_job *job, struct pool *pool, const double *values, size_t n,
                         struct span *span);
enum { REST_DROPPED, REST_BY_PREFIX, REST_IS_OTHER };
/* A distribution of n codes (sorted in place): the `most` commonest, and the rest as `rest` says.
 * In REST_IS_OTHER what occurs less than four times is rest. low_bits: of the prefixes, of values
 * of `width` bits.
 */
int markov_add_codes(weir_job *job, struct pool *pool, uint64_t *codes, size_t n, size_t most,
                     int rest, uint32_t low_bits, uint32_t width, struct span *span);

/* The value at cumulative probability u in [0, 1) of a span with pieces. */
double markov_piece_at(const struct pool *pool, struct span span, double u);
double markov_draw_piece(const struct pool *pool, struct span span, weir_random *random);
/* The code at cumulative probability u in [0, 1); 0 of an empty span. */
uint64_t markov_code_at(const struct pool *pool, struct span span, double u);
/* A value of at most 32 bits, prefixes filled with random bits. */
uint32_t markov_draw_value(const struct pool *pool, struct span span, weir_random *random);

#endif
