/* Jensen-Shannon distances of addresses, ports, protocols and labels: by value (CascadeNet) and by
 * rank (NetShare). README.md defines each. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/plugin.h>
#include <weir/stats.h>

enum variant { VARIANT_FIX, VARIANT_REF };
enum root { ROOT_VARIANT, ROOT_DISTANCE, ROOT_DIVERGENCE };
enum base { BASE_E, BASE_2 };

struct options {
    int variant;
    weir_list features;
    int root;
    int base;
    int64_t top;
};

static const weir_option options[] = {
    WEIR_CHOICE(struct options, variant, "fix|ref",
                "fix: the definition; ref: what the papers' code computes, defects included"),
    WEIR_LIST(struct options, features, "", "features to compute; empty: all"),
    WEIR_CHOICE(struct options, root, "variant|distance|divergence",
                "distance: the root of the divergence; variant: distance, but in ref divergence "
                "where NetShare squares it (SA_RANK, DA_RANK, TOP)"),
    WEIR_CHOICE(struct options, base, "e|2", "of the logarithm"),
    WEIR_INT(struct options, top, 5, 1, 1024, "TOP: service ports that stand for themselves"),
    WEIR_PRESET("ugr16", "features=SA,DA,SP,DP,PR,SA_RANK,DA_RANK,TOP,TYPE",
                "flow records of UGR'16, whose labels are the column type"),
    WEIR_PRESET("cidds", "features=SA,DA,SP,DP,PR,SA_RANK,DA_RANK,TOP,TYPE,LABEL",
                "flow records of CIDDS-001: label is its class, type its attack"),
    WEIR_PRESET("ton", "features=SA,DA,SP,DP,PR,SA_RANK,DA_RANK,TOP,TYPE,LABEL",
                "flow records of TON_IoT: label is 0 or 1, type the attack"),
    WEIR_END};

#define BOTH (WEIR_PACKETS | WEIR_NETFLOW)
#define SEES (WEIR_SEES_COPY | WEIR_SEES_UNIFORM)
static const weir_feature features[] = {
    {"SA", "source address", "",
     "JS between the source addresses, one a packet (netflow: a record). CascadeNet.", WEIR_LOWER,
     BOTH, 0, NULL, WEIR_CEILING_UNIFORM, SEES},
    {"DA", "destination address", "",
     "JS between the destination addresses, one a packet (netflow: a record). CascadeNet.",
     WEIR_LOWER, BOTH, 0, NULL, WEIR_CEILING_UNIFORM, SEES},
    {"SP", "source port", "",
     "JS between the source ports, one a packet (netflow: a record). CascadeNet, NetShare.",
     WEIR_LOWER, BOTH, 0, NULL, WEIR_CEILING_UNIFORM, SEES},
    {"DP", "destination port", "",
     "JS between the destination ports, one a packet (netflow: a record). CascadeNet, NetShare.",
     WEIR_LOWER, BOTH, 0, NULL, WEIR_CEILING_UNIFORM, SEES},
    {"PR", "protocol", "",
     "JS between the IP protocol numbers, one a packet (netflow: a record). CascadeNet, NetShare.",
     WEIR_LOWER, BOTH, 0, NULL, WEIR_CEILING_UNIFORM, SEES},
    {"SA_RANK", "popularity of source addresses", "",
     "JS between the shares of packets (netflow: records) of the most frequent, second most "
     "frequent … source address, whichever address that is. NetShare.",
     WEIR_LOWER, BOTH, 0, NULL, WEIR_CEILING_UNIFORM, SEES},
    {"DA_RANK", "popularity of destination addresses", "",
     "The same of destination addresses. NetShare.", WEIR_LOWER, BOTH, 0, NULL,
     WEIR_CEILING_UNIFORM, SEES},
    {"TOP", "top service ports", "",
     "JS between the shares of the real trace's most frequent destination ports below 1024 (option "
     "top, 5), everything else being one class. After NetShare's top 5 service ports.",
     WEIR_LOWER, BOTH, 0, NULL, WEIR_CEILING_UNIFORM, SEES},
    {"TYPE", "type of record", "",
     "JS between the types of all records, matched by their text; in variant ref by codes given in "
     "each trace by first appearance (Q-TYPE). CascadeNet.",
     WEIR_LOWER, WEIR_NETFLOW, WEIR_LABELS, "type", WEIR_CEILING_UNIFORM, SEES},
    {"LABEL", "label", "",
     "JS between the labels of all records (series: of all series), matched as in TYPE.",
     WEIR_LOWER, WEIR_NETFLOW | WEIR_SERIES, WEIR_LABELS, "label", WEIR_CEILING_UNIFORM, SEES},
    {0}};

/* The columns of codes; how they are compared. */
enum how { BY_VALUE, BY_RANK, BY_TOP, BY_TEXT };
static const struct {
    const char *label, *column;
    weir_type type;
    enum how how;
} columns[] = {
    {"SA", "srcip", WEIR_U32, BY_VALUE},      {"DA", "dstip", WEIR_U32, BY_VALUE},
    {"SP", "srcport", WEIR_U16, BY_VALUE},    {"DP", "dstport", WEIR_U16, BY_VALUE},
    {"PR", "proto", WEIR_U8, BY_VALUE},       {"SA_RANK", "srcip", WEIR_U32, BY_RANK},
    {"DA_RANK", "dstip", WEIR_U32, BY_RANK},  {"TOP", "dstport", WEIR_U16, BY_TOP},
    {"TYPE", "type", WEIR_CATEGORY, BY_TEXT}, {"LABEL", "label", WEIR_CATEGORY, BY_TEXT},
};
#define COLUMNS (sizeof columns / sizeof columns[0])
#define SERVICE_PORTS 1024

static const double bases[] = {2.71828182845904523536, 2};

/* Counts of ports or protocols. */
static void count(const weir_table *table, size_t at, double counts[65536])
{
    size_t rows = weir_table_rows(table);
    const uint16_t *wide = weir_u16(table, columns[at].column);
    const uint8_t *narrow = weir_u8(table, columns[at].column);
    uint64_t tally[4][256] = {{0}};

    memset(counts, 0, 65536 * sizeof *counts);
    for (size_t i = 0; i < rows && wide; i++)
        counts[wide[i]]++;
    if (!narrow)
        return;
    /* Four tallies, since one protocol follows itself and each addition would wait for the last. */
    for (size_t i = 0; i < rows; i++)
        tally[i % 4][narrow[i]]++;
    for (size_t value = 0; value < 256; value++)
        counts[value] =
            (double)(tally[0][value] + tally[1][value] + tally[2][value] + tally[3][value]);
}

/* Moves the counts of the `top` most frequent real service ports to the front, the sum of all
 * others behind them; returns the number of classes, 0 where the real trace has no service port. */
static size_t gather_top(double *real, double *synthetic, size_t top)
{
    double front_real[SERVICE_PORTS + 1] = {0}, front_synthetic[SERVICE_PORTS + 1] = {0};
    size_t classes = 0;

    while (classes < top) {
        size_t best = 0;

        for (size_t port = 1; port < SERVICE_PORTS; port++)
            if (real[port] > real[best] || !best)
                best = port;
        if (real[best] <= 0)
            break;
        front_real[classes] = real[best];
        front_synthetic[classes++] = synthetic[best];
        real[best] = synthetic[best] = 0;
    }
    if (!classes)
        return 0;
    for (size_t port = 0; port < 65536; port++) {
        front_real[classes] += real[port];
        front_synthetic[classes] += synthetic[port];
    }
    memcpy(real, front_real, (classes + 1) * sizeof *real);
    memcpy(synthetic, front_synthetic, (classes + 1) * sizeof *synthetic);
    return classes + 1;
}

static int score_counts(weir_job *job, size_t at, const weir_table *real,
                        const weir_table *synthetic, double *result)
{
    const struct options *o = weir_options(job);
    double *counts = malloc(2 * 65536 * sizeof *counts);
    size_t classes = 65536;

    if (!counts)
        return weir_fail(job, WEIR_ENOMEM, "out of memory (counts of ports)");
    count(real, at, counts);
    count(synthetic, at, counts + 65536);
    if (columns[at].how == BY_TOP)
        classes = gather_top(counts, counts + 65536, (size_t)o->top);
    *result = classes ? weir_jsd(counts, counts + 65536, classes, bases[o->base]) : NAN;
    free(counts);
    return WEIR_OK;
}

/* The codes of a category column in `table`, written as codes of `other`'s dictionary; texts that
 * it lacks follow after its own. map: room for one number a code of the dictionary. */
static void match_texts(const weir_table *table, const char *column, const weir_table *other,
                        uint32_t *codes, uint32_t *map)
{
    const uint32_t *own = weir_codes(table, column);
    uint32_t next = weir_category_count(other, column);

    for (uint32_t i = 0; i < weir_category_count(table, column); i++) {
        map[i] = weir_category_code(other, column, weir_category_text(table, column, i));
        if (map[i] == UINT32_MAX)
            map[i] = next++;
    }
    for (size_t i = 0; i < weir_table_rows(table); i++)
        codes[i] = map[own[i]];
}

/* Codes in order of first appearance, as the reference numbers each file (Q-TYPE). map: room for
 * one number a code of the dictionary. */
static void number_texts(const weir_table *table, const char *column, uint32_t *codes,
                         uint32_t *map)
{
    const uint32_t *own = weir_codes(table, column);
    uint32_t next = 0;

    memset(map, 0xff, weir_category_count(table, column) * sizeof *map);
    for (size_t i = 0; i < weir_table_rows(table); i++) {
        if (map[own[i]] == UINT32_MAX)
            map[own[i]] = next++;
        codes[i] = map[own[i]];
    }
}

static int score_texts(weir_job *job, size_t at, const weir_table *real,
                       const weir_table *synthetic, double *result)
{
    const struct options *o = weir_options(job);
    const char *column = columns[at].column;
    size_t n_real = weir_table_rows(real), n_synthetic = weir_table_rows(synthetic);
    size_t texts = weir_category_count(real, column);
    uint32_t *codes, *room;

    if (texts < weir_category_count(synthetic, column))
        texts = weir_category_count(synthetic, column);
    codes = malloc((n_real + n_synthetic + texts) * sizeof *codes);
    if (!codes)
        return weir_fail(job, WEIR_ENOMEM, "out of memory (codes of %s)", column);
    room = codes + n_real + n_synthetic;
    if (o->variant == VARIANT_FIX) {
        match_texts(real, column, real, codes, room);
        match_texts(synthetic, column, real, codes + n_real, room);
    } else {
        number_texts(real, column, codes, room);
        number_texts(synthetic, column, codes + n_real, room);
    }
    *result = weir_jsd_codes(codes, n_real, codes + n_real, n_synthetic, bases[o->base],
                             weir_job_error(job));
    free(codes);
    return weir_job_error(job)->status;
}

static int score_column(weir_job *job, size_t at, const weir_table *real,
                        const weir_table *synthetic)
{
    const struct options *o = weir_options(job);
    const char *label = columns[at].label, *column = columns[at].column;
    enum how how = columns[at].how;
    size_t n_real = weir_table_rows(real), n_synthetic = weir_table_rows(synthetic);
    bool netshare = o->variant == VARIANT_REF && (how == BY_RANK || how == BY_TOP);
    bool divergence = o->root == ROOT_DIVERGENCE || (o->root == ROOT_VARIANT && netshare);
    double result = NAN;
    char unit[64];
    int status;

    if (!n_real || !n_synthetic)
        return weir_score_na(job, label, "the %s trace has no rows", n_real ? "synthetic" : "real");
    if (how == BY_TEXT)
        status = score_texts(job, at, real, synthetic, &result);
    else if (columns[at].type != WEIR_U32)
        status = score_counts(job, at, real, synthetic, &result);
    else {
        result = (how == BY_RANK ? weir_jsd_ranks : weir_jsd_codes)(
            weir_u32(real, column), n_real, weir_u32(synthetic, column), n_synthetic,
            bases[o->base], weir_job_error(job));
        status = weir_job_error(job)->status;
    }
    if (status)
        return status;
    snprintf(unit, sizeof unit, "%s, base %s", divergence ? "divergence" : "distance",
             o->base == BASE_2 ? "2" : "e");
    if (weir_score_as(job, o->variant == VARIANT_REF ? "ref" : "fix", unit))
        return weir_job_error(job)->status;
    if (how == BY_TOP && isnan(result))
        return weir_score_na(job, label, "the real trace has no destination port from 1 to 1023");
    return weir_score(job, label, divergence ? result : sqrt(result), n_real, n_synthetic);
}

static int score(weir_job *job, const weir_dataset *real, const weir_dataset *synthetic)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        if (weir_progress(job, (int64_t)i, COLUMNS))
            return WEIR_ECANCEL;
        if (weir_wanted(job, columns[i].label) &&
            score_column(job, i, weir_dataset_table(real), weir_dataset_table(synthetic)))
            return weir_job_error(job)->status;
    }
    return WEIR_OK;
}

WEIR_METRIC(jsd, .summary = "Jensen-Shannon distances of addresses, ports, protocols and labels",
            .reference = "CascadeNet (CascadeGAN); Yin et al., NetShare, SIGCOMM 2022",
            .options = options, .options_size = sizeof(struct options), .accepts = WEIR_ANY_SCHEMA,
            .deterministic = true, .features = features, .score = score);
