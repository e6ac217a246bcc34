/* Overlap: how much of the synthetic trace stands in the real one already, next to how much of the
 * real trace's second half stands in its first. README.md defines each feature. */
#include <stdlib.h>
#include <weir/plugin.h>

struct options {
    weir_list features;
    int64_t run;
};

static const weir_option options[] = {
    WEIR_LIST(struct options, features, "", "features to compute; empty: all"),
    WEIR_INT(struct options, run, 5, 1, 64, "packets or records of a run (RUN, RUN_REAL)"),
    WEIR_END};

#define BOTH (WEIR_PACKETS | WEIR_NETFLOW)
#define REAL(what)                                                                                 \
    "The same share for the second half in time of the real trace's rows, looked up in the first " \
    "half: what a faithful " what " would show"
static const weir_feature features[] = {
    {"REC", "records also in the real trace", "",
     "Share of the synthetic packets whose 5-tuple, TTL and length (netflow: records whose "
     "5-tuple, packets and bytes) occur in the real trace. CascadeNet.",
     WEIR_NEITHER, BOTH, 0, NULL, WEIR_CEILING_NONE, WEIR_SEES_COPY},
    {"REC_REAL", "records, real halves", "", REAL("trace"), WEIR_NEITHER, BOTH, 0, NULL,
     WEIR_CEILING_NONE, 0},
    {"TUPLE", "5-tuples also in the real trace", "",
     "Share of the synthetic trace's distinct 5-tuples that occur in the real trace.", WEIR_NEITHER,
     BOTH, 0, NULL, WEIR_CEILING_NONE, WEIR_SEES_COPY},
    {"TUPLE_REAL", "5-tuples, real halves", "", REAL("trace"), WEIR_NEITHER, BOTH, 0, NULL,
     WEIR_CEILING_NONE, 0},
    {"IP", "addresses also in the real trace", "",
     "Share of the synthetic trace's distinct addresses, source or destination, that occur in the "
     "real trace.",
     WEIR_NEITHER, BOTH, 0, NULL, WEIR_CEILING_NONE, WEIR_SEES_COPY},
    {"IP_REAL", "addresses, real halves", "", REAL("trace"), WEIR_NEITHER, BOTH, 0, NULL,
     WEIR_CEILING_NONE, 0},
    {"RUN", "runs of packets also in the real trace", "",
     "Share of the runs of 5 packets (option run; netflow: records) in a row of a synthetic flow "
     "whose protocol and lengths (netflow: packets and bytes), in order, occur in a real flow, "
     "whatever the addresses and times.",
     WEIR_NEITHER, BOTH, WEIR_FLOWS, NULL, WEIR_CEILING_NONE, WEIR_SEES_COPY},
    {"RUN_REAL", "runs of packets, real halves", "", REAL("trace"), WEIR_NEITHER, BOTH, 0, NULL,
     WEIR_CEILING_NONE, 0},
    {0}};

/* Rows first … end - 1 of a trace. */
struct part {
    const weir_table *table;
    const weir_flows *flows;
    const uint32_t *srcip, *dstip;
    const uint16_t *srcport, *dstport;
    const uint8_t *proto;
    bool packets;
    size_t first, end;
};

/* ---- Keys: what is looked up ----------------------------------------------------------------- */

/* Packet records, 5-tuples and addresses fit as they are; netflow records and runs are hashed to
 * 128 bits. */
struct key {
    uint64_t high, low;
};

static uint64_t mixed(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static struct key hash_in(struct key key, uint64_t value)
{
    key.high = mixed(key.high ^ value) + UINT64_C(0x9e3779b97f4a7c15);
    key.low = mixed(key.low + value * UINT64_C(0xd1342543de82ef95)) ^ key.high >> 7;
    return key;
}

static struct key tuple_key(const struct part *part, size_t row)
{
    return (struct key){(uint64_t)part->srcip[row] << 32 | part->dstip[row],
                        (uint64_t)part->srcport[row] << 48 | (uint64_t)part->dstport[row] << 32 |
                            (uint64_t)part->proto[row] << 24};
}

/* Fills keys (NULL: only counts them); the number of keys. */
typedef size_t lister(const struct part *part, size_t run, struct key *keys);

static size_t list_records(const struct part *part, size_t run, struct key *keys)
{
    const uint8_t *ttl = weir_u8(part->table, "ttl");
    const uint16_t *lengths = weir_u16(part->table, "pkt_len");
    const uint64_t *packets = weir_u64(part->table, "pkt"), *bytes = weir_u64(part->table, "byt");

    (void)run;
    for (size_t row = part->first; row < part->end && keys; row++) {
        struct key key = tuple_key(part, row);

        if (part->packets)
            key.low |= (uint64_t)ttl[row] << 16 | lengths[row];
        else
            key = hash_in(hash_in(key, packets[row]), bytes[row]);
        *keys++ = key;
    }
    return part->end - part->first;
}

/* Whether a flow has a row in the part; rows of a flow ascend. from, to: its rows there. */
static bool rows_inside(const struct part *part, uint32_t flow, uint32_t *from, uint32_t *to)
{
    const uint32_t *offsets = part->flows->offsets, *rows = part->flows->rows;

    *from = offsets[flow];
    *to = offsets[flow + 1];
    while (*from < *to && rows[*from] < part->first)
        ++*from;
    while (*to > *from && rows[*to - 1] >= part->end)
        --*to;
    return *from < *to;
}

static size_t list_tuples(const struct part *part, size_t run, struct key *keys)
{
    size_t n = 0;

    (void)run;
    for (uint32_t flow = 0, from, to; flow < part->flows->count; flow++) {
        if (!rows_inside(part, flow, &from, &to))
            continue;
        if (keys)
            keys[n] = tuple_key(part, part->flows->rows[from]);
        n++;
    }
    return n;
}

static size_t list_addresses(const struct part *part, size_t run, struct key *keys)
{
    size_t n = list_tuples(part, run, keys);

    for (size_t i = n; i-- > 0 && keys;) {
        uint64_t pair = keys[i].high;

        keys[2 * i] = (struct key){0, pair >> 32};
        keys[2 * i + 1] = (struct key){0, pair & UINT32_MAX};
    }
    return 2 * n;
}

static size_t list_runs(const struct part *part, size_t run, struct key *keys)
{
    const uint16_t *lengths = weir_u16(part->table, "pkt_len");
    const uint64_t *packets = weir_u64(part->table, "pkt"), *bytes = weir_u64(part->table, "byt");
    const uint32_t *rows = part->flows->rows;
    size_t n = 0;

    for (uint32_t flow = 0, from, to; flow < part->flows->count; flow++) {
        rows_inside(part, flow, &from, &to);
        for (size_t at = from; at + run <= to; at++, n++) {
            struct key key = {1, 2};

            if (!keys)
                continue;
            key = hash_in(key, part->proto[rows[at]]);
            for (size_t i = 0; i < run; i++) {
                uint32_t row = rows[at + i];

                key = hash_in(key, part->packets ? lengths[row] : packets[row]);
                if (!part->packets)
                    key = hash_in(key, bytes[row]);
            }
            keys[n] = key;
        }
    }
    return n;
}

/* ---- A set of keys --------------------------------------------------------------------------- */

struct set {
    struct key *slots; /* zero: free */
    size_t mask;
    bool zero; /* whether the key zero is in */
};

static bool set_open(struct set *set, size_t n)
{
    size_t size = 16;

    while (size < 2 * n)
        size *= 2;
    *set = (struct set){calloc(size, sizeof *set->slots), size - 1, false};
    return set->slots;
}

static size_t slot_of(const struct set *set, struct key key)
{
    return (size_t)mixed(key.high * UINT64_C(0x9e3779b97f4a7c15) ^ mixed(key.low)) & set->mask;
}

/* Asks for the memory of a key that is looked up soon: the set is larger than the caches. */
static void set_expect(const struct set *set, const struct key *keys, size_t at, size_t n)
{
    const size_t ahead = 16;

    if (at + ahead < n)
        __builtin_prefetch(&set->slots[slot_of(set, keys[at + ahead])]);
}

/* Whether the key was in; adds it if asked to. */
static bool set_find(struct set *set, struct key key, bool add)
{
    size_t at = slot_of(set, key);
    bool known = set->zero;

    if (!key.high && !key.low) {
        set->zero |= add;
        return known;
    }
    for (; set->slots[at].high || set->slots[at].low; at = (at + 1) & set->mask)
        if (set->slots[at].high == key.high && set->slots[at].low == key.low)
            return true;
    if (add)
        set->slots[at] = key;
    return false;
}

/* ---- Scores ---------------------------------------------------------------------------------- */

/* The share of b's keys that are among a's, over all of them or over the distinct ones. */
static int overlap(weir_job *job, lister *list, bool distinct, const struct part *a,
                   const struct part *b, double *share, size_t *n_a, size_t *n_b)
{
    size_t run = (size_t)((const struct options *)weir_options(job))->run, inside = 0, all = 0;
    size_t most_a = list(a, run, NULL), most_b = list(b, run, NULL);
    struct key *keys = malloc((most_a > most_b ? most_a : most_b) * sizeof *keys + 1);
    struct set known = {0}, seen = {0};
    int status = WEIR_OK;

    *n_a = *n_b = 0;
    if (!keys || !set_open(&known, most_a) || !set_open(&seen, distinct ? most_b : 0)) {
        status = weir_fail(job, WEIR_ENOMEM, "out of memory (%zu records)", most_a + most_b);
        goto done;
    }
    list(a, run, keys);
    for (size_t i = 0; i < most_a; i++) {
        set_expect(&known, keys, i, most_a);
        *n_a += !set_find(&known, keys[i], true) || !distinct;
    }
    list(b, run, keys);
    for (size_t i = 0; i < most_b; i++) {
        set_expect(&known, keys, i, most_b);
        if (distinct && set_find(&seen, keys[i], true))
            continue;
        inside += set_find(&known, keys[i], false);
        all++;
    }
    *n_b = all;
    *share = all ? (double)inside / (double)all : 0;

done:
    free(known.slots);
    free(seen.slots);
    free(keys);
    return status;
}

static const struct {
    const char *label, *control;
    lister *list;
    bool distinct;
} levels[] = {
    {"REC", "REC_REAL", list_records, false},
    {"TUPLE", "TUPLE_REAL", list_tuples, true},
    {"IP", "IP_REAL", list_addresses, true},
    {"RUN", "RUN_REAL", list_runs, false},
};
#define LEVELS (sizeof levels / sizeof levels[0])

static int score_level(weir_job *job, size_t at, const char *label, const struct part *a,
                       const struct part *b)
{
    size_t n_a, n_b;
    double share = 0;

    if (levels[at].list == list_records && a->packets &&
        (!weir_u8(a->table, "ttl") || !weir_u8(b->table, "ttl")))
        return weir_score_na(job, label, "needs the column ttl in both traces");
    if (overlap(job, levels[at].list, levels[at].distinct, a, b, &share, &n_a, &n_b))
        return weir_job_error(job)->status;
    if (!n_a || !n_b)
        return weir_score_na(job, label, "nothing of that kind to look up in one of the traces");
    return weir_score(job, label, share, n_a, n_b);
}

/* All of a trace; flows is NULL on failure. */
static struct part part_of(weir_job *job, const weir_dataset *data)
{
    const weir_table *table = weir_dataset_table(data);

    return (struct part){.table = table,
                         .flows = weir_dataset_flows(data, weir_job_error(job)),
                         .srcip = weir_u32(table, "srcip"),
                         .dstip = weir_u32(table, "dstip"),
                         .srcport = weir_u16(table, "srcport"),
                         .dstport = weir_u16(table, "dstport"),
                         .proto = weir_u8(table, "proto"),
                         .packets = weir_dataset_schema(data) == WEIR_PACKETS,
                         .end = weir_dataset_rows(data)};
}

static int score(weir_job *job, const weir_dataset *real, const weir_dataset *synthetic)
{
    struct part known = part_of(job, real), asked = part_of(job, synthetic);
    struct part early = known, late = known;

    if (!known.flows || !asked.flows)
        return weir_job_error(job)->status;
    early.end = late.first = known.end / 2;
    for (size_t i = 0; i < LEVELS; i++) {
        if (weir_progress(job, (int64_t)i, LEVELS))
            return WEIR_ECANCEL;
        if (weir_wanted(job, levels[i].label) &&
            score_level(job, i, levels[i].label, &known, &asked))
            return weir_job_error(job)->status;
        if (weir_wanted(job, levels[i].control) &&
            score_level(job, i, levels[i].control, &early, &late))
            return weir_job_error(job)->status;
    }
    return WEIR_OK;
}

WEIR_METRIC(overlap, .summary = "records, 5-tuples, addresses and runs that are in the real trace",
            .reference = "CascadeNet (CascadeGAN): its check of divergence from the training data",
            .options = options, .options_size = sizeof(struct options),
            .accepts = WEIR_PACKETS | WEIR_NETFLOW, .deterministic = true, .features = features,
            .score = score);
