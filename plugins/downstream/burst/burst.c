/* Burst analysis: how long bursts and the gaps between them are, how full the bins, how big the
 * packets within and without. README.md defines each feature. Source: CascadeNet. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/plugin.h>
#include <weir/stats.h>

enum variant { VARIANT_FIX, VARIANT_REF };
enum utilisation { UTILISATION_OWN, UTILISATION_REAL };

struct options {
    int variant;
    weir_list features;
    int64_t points;
    double threshold;
    int utilisation;
};

static const weir_option options[] = {
    WEIR_CHOICE(struct options, variant, "fix|ref",
                "fix: the definition; ref: what the papers' code computes, defects included"),
    WEIR_LIST(struct options, features, "", "features to compute; empty: all"),
    WEIR_INT(struct options, points, 1000, 2, 10000000, "bins of the real trace's duration"),
    WEIR_REAL(struct options, threshold, 0.5, 0, 1, "a bin fuller than this is part of a burst"),
    WEIR_CHOICE(struct options, utilisation, "own|real",
                "a bin's bytes over the most of its own trace, or over the most of the real one "
                "(which also sees a wrong level)"),
    WEIR_END};

#define COPY WEIR_SEES_COPY
#define SHUFFLE WEIR_SEES_TIME_SHUFFLE
#define MARGINALS WEIR_SEES_MARGINALS
#define UNIFORM WEIR_SEES_UNIFORM
static const weir_feature features[] = {
    {"BD", "burst duration", "s",
     "EMD between the lengths of the bursts: runs of bins whose bytes exceed half of the fullest "
     "bin's.",
     WEIR_LOWER, WEIR_PACKETS, WEIR_TIMESTAMPS, NULL, WEIR_CEILING_UNIFORM, COPY | UNIFORM},
    {"TB", "time between bursts", "s",
     "EMD between the lengths of the gaps between two successive bursts.", WEIR_LOWER, WEIR_PACKETS,
     WEIR_TIMESTAMPS, NULL, WEIR_CEILING_NONE, COPY},
    {"NU", "utilisation", "",
     "EMD between the utilisations of all bins: their bytes over those of the fullest bin.",
     WEIR_LOWER, WEIR_PACKETS, WEIR_TIMESTAMPS, NULL, WEIR_CEILING_UNIFORM,
     COPY | SHUFFLE | MARGINALS | UNIFORM},
    {"BPS", "packet length in bursts", "bytes",
     "EMD between the lengths of the packets in bursts; in variant ref between the bytes of each "
     "burst.",
     WEIR_LOWER, WEIR_PACKETS, WEIR_TIMESTAMPS, NULL, WEIR_CEILING_UNIFORM,
     COPY | SHUFFLE | MARGINALS | UNIFORM},
    {"NPS", "packet length outside bursts", "bytes",
     "EMD between the lengths of the packets in no burst; in variant ref between the bytes of each "
     "run of bins without a burst that is not empty.",
     WEIR_LOWER, WEIR_PACKETS, WEIR_TIMESTAMPS, NULL, WEIR_CEILING_MARGINALS,
     COPY | SHUFFLE | MARGINALS},
    {"BURST_BYTES", "bytes a burst", "bytes", "EMD between the bytes of each burst.", WEIR_LOWER,
     WEIR_PACKETS, WEIR_TIMESTAMPS, NULL, WEIR_CEILING_UNIFORM, COPY | UNIFORM},
    {"GAP_BYTES", "bytes a gap", "bytes",
     "EMD between the bytes of each run of bins without a burst that is not empty.", WEIR_LOWER,
     WEIR_PACKETS, WEIR_TIMESTAMPS, NULL, WEIR_CEILING_NONE, COPY},
    {0}};

enum sample { BD, TB, NU, BPS, NPS, BURST_BYTES, GAP_BYTES, SAMPLES };
static const char *const empty[SAMPLES] = {
    "no burst", "fewer than two bursts",  "no bins", "no burst", "no packet outside bursts",
    "no burst", "no bytes outside bursts"};

/* One trace in bins, and the samples drawn from them. */
struct side {
    const char *name;
    const int64_t *times; /* ascending */
    const uint16_t *lengths;
    size_t rows;
    uint64_t origin; /* ns: where bin 0 begins */
    size_t bins;
    double *bytes; /* of each bin */
    double *sample[SAMPLES];
    size_t n[SAMPLES];
};

/* The grid that both traces are laid on: bins of `span` / `points`. Variant ref: whole microseconds
 * (interval), else the exact quotient. */
struct grid {
    bool ref;
    uint64_t span; /* ns */
    uint64_t points;
    uint64_t interval; /* us */
};

#define DAY_US UINT64_C(86400000000)
#define MOST_BINS 10000000

/* Whole microseconds, counted from so far before the epoch that nothing is negative. */
static uint64_t microseconds(int64_t ns)
{
    int64_t whole = ns / 1000 - (ns % 1000 < 0);

    return (uint64_t)(whole + INT64_C(10000000000000000));
}

/* The bin of a row, counted from the grid's start; grid->points where it is outside. */
static uint64_t bin_of(const struct grid *grid, const struct side *side, size_t row)
{
    uint64_t offset, bin;

    if (grid->ref)
        return (microseconds(side->times[row]) - side->origin) / grid->interval;
    offset = (uint64_t)side->times[row] - (uint64_t)side->times[0];
    if (offset > grid->span)
        return grid->points;
    bin = (uint64_t)((double)offset * (double)grid->points / (double)grid->span);
    return bin < grid->points ? bin : grid->points - 1;
}

/* Why a trace cannot be laid on the grid, into reason; empty if it can. */
static int fill_bins(weir_job *job, struct side *side, const struct grid *grid, char *reason,
                     size_t size)
{
    uint64_t first = 0;

    side->bins = grid->points;
    if (grid->ref) {
        /* pandas' resample lays its bins from the midnight before the first row (Q-PHASE). */
        uint64_t epoch = microseconds(0) % DAY_US, start = microseconds(side->times[0]);
        uint64_t bins;

        side->origin = start - (start + DAY_US - epoch) % DAY_US;
        first = bin_of(grid, side, 0);
        bins = bin_of(grid, side, side->rows - 1) - first + 1;
        if (bins > MOST_BINS) {
            snprintf(reason, size, "%s spans %llu bins of the real trace's %llu us, more than %d",
                     side->name, (unsigned long long)bins, (unsigned long long)grid->interval,
                     MOST_BINS);
            return WEIR_OK;
        }
        side->bins = (size_t)bins;
    }
    side->bytes = weir_alloc(job, side->bins, sizeof *side->bytes);
    if (!side->bytes)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < side->rows; i++) {
        uint64_t bin = bin_of(grid, side, i) - first;

        if (bin < side->bins)
            side->bytes[bin] += side->lengths[i];
    }
    return WEIR_OK;
}

static double fullest(const struct side *side)
{
    double most = 0;

    for (size_t i = 0; i < side->bins; i++)
        most = side->bytes[i] > most ? side->bytes[i] : most;
    return most;
}

static void add(struct side *side, enum sample sample, double value)
{
    side->sample[sample][side->n[sample]++] = value;
}

/* Bursts, gaps, utilisations and sums of bytes. bytes become utilisations. */
static void draw_runs(struct side *side, double most, double threshold, double width)
{
    bool before = false; /* whether there was a burst already */

    for (size_t i = 0; i < side->bins;) {
        bool burst = side->bytes[i] / most > threshold;
        size_t start = i;
        double bytes = 0;

        for (; i < side->bins && (side->bytes[i] / most > threshold) == burst; i++)
            bytes += side->bytes[i];
        if (burst) {
            add(side, BD, (double)(i - start) * width);
            add(side, BURST_BYTES, bytes);
        } else {
            if (before && i < side->bins)
                add(side, TB, (double)(i - start) * width);
            if (bytes > 0)
                add(side, GAP_BYTES, bytes);
        }
        before = before || burst;
    }
    for (size_t i = 0; i < side->bins; i++) {
        side->bytes[i] /= most;
        add(side, NU, side->bytes[i]);
    }
}

static int open_samples(weir_job *job, struct side *side)
{
    for (int i = 0; i < SAMPLES; i++) {
        size_t room = i == BPS || i == NPS ? side->rows : side->bins;

        side->sample[i] = weir_alloc(job, room > 2 ? room : 2, sizeof *side->sample[i]);
        if (!side->sample[i])
            return weir_job_error(job)->status;
    }
    return WEIR_OK;
}

static int draw(weir_job *job, struct side *side, const struct grid *grid, double most)
{
    const struct options *o = weir_options(job);
    double width =
        grid->ref ? (double)grid->interval / 1e6 : (double)grid->span / 1e9 / (double)grid->points;

    if (open_samples(job, side))
        return weir_job_error(job)->status;
    draw_runs(side, most, o->threshold, width);
    if (!grid->ref) {
        for (size_t i = 0; i < side->rows; i++) {
            uint64_t bin = bin_of(grid, side, i);

            if (bin < side->bins)
                add(side, side->bytes[bin] > o->threshold ? BPS : NPS, side->lengths[i]);
        }
        return WEIR_OK;
    }
    /* What the reference calls packet sizes are sums of runs; no burst and no gap count as 0. */
    memcpy(side->sample[BPS], side->sample[BURST_BYTES], side->n[BURST_BYTES] * sizeof(double));
    memcpy(side->sample[NPS], side->sample[GAP_BYTES], side->n[GAP_BYTES] * sizeof(double));
    side->n[BPS] = side->n[BURST_BYTES];
    side->n[NPS] = side->n[GAP_BYTES];
    if (!side->n[BD])
        add(side, BD, 0);
    if (!side->n[TB])
        add(side, TB, 0);
    return WEIR_OK;
}

static int score_sample(weir_job *job, enum sample sample, struct side *real,
                        struct side *synthetic, bool ref)
{
    const char *label = features[sample].label;
    size_t n_real = real->n[sample], n_synthetic = synthetic->n[sample];
    weir_error *error = weir_job_error(job);
    double *a = real->sample[sample], *b = synthetic->sample[sample];
    weir_table *curve;
    char name[32] = "cdf_";

    if (ref && sample >= BURST_BYTES)
        return weir_score_na(job, label, "variant ref reports it as %s",
                             sample == BURST_BYTES ? "BPS" : "NPS");
    if (!n_real || !n_synthetic) {
        /* Q-EMPTY1: the reference takes an empty sample for a distance of 1. */
        if (ref)
            return weir_score(job, label, 1, n_real, n_synthetic);
        return weir_score_na(job, label, "%s has %s", n_real ? synthetic->name : real->name,
                             empty[sample]);
    }
    if (weir_sort(a, n_real, error) || weir_sort(b, n_synthetic, error) ||
        weir_score(job, label, weir_emd_sorted(a, n_real, b, n_synthetic), n_real, n_synthetic))
        return error->status;
    curve = weir_cdf_table(a, n_real, b, n_synthetic, 200, error);
    if (curve) {
        strncat(name, label, sizeof name - 5);
        weir_artefact(job, name, WEIR_CURVE, curve);
        weir_table_free(curve);
    }
    return error->status;
}

/* Records every wanted feature as n/a. */
static int score_none(weir_job *job, const char *reason)
{
    for (int i = 0; i < SAMPLES; i++)
        if (weir_wanted(job, features[i].label) &&
            weir_score_na(job, features[i].label, "%s", reason))
            return weir_job_error(job)->status;
    return WEIR_OK;
}

static struct side open_side(const weir_dataset *data, const char *name)
{
    const weir_table *table = weir_dataset_table(data);

    return (struct side){.name = name,
                         .times = weir_i64(table, "time"),
                         .lengths = weir_u16(table, "pkt_len"),
                         .rows = weir_dataset_rows(data)};
}

static int score(weir_job *job, const weir_dataset *real_train, const weir_dataset *real_test,
                 const weir_dataset *synthetic_data)
{
    const struct options *o = weir_options(job);
    struct side real = open_side(real_train, "the real trace");
    struct side synthetic = open_side(synthetic_data, "the synthetic trace");
    struct grid grid = {.ref = o->variant == VARIANT_REF, .points = (uint64_t)o->points};
    double most_real, most_synthetic;
    char reason[128] = "";

    (void)real_test;
    if (!real.rows || !synthetic.rows)
        return score_none(job, real.rows ? "the synthetic trace has no packets"
                                         : "the real trace has no packets");
    grid.span = (uint64_t)real.times[real.rows - 1] - (uint64_t)real.times[0];
    grid.interval = (uint64_t)((double)grid.span / 1e9 / (double)grid.points * 1e6);
    if (!grid.interval)
        grid.interval = 1;
    if (!grid.span && !grid.ref)
        return score_none(job, "the real trace has a duration of 0 s");
    if (fill_bins(job, &real, &grid, reason, sizeof reason) ||
        (!*reason && fill_bins(job, &synthetic, &grid, reason, sizeof reason)))
        return weir_job_error(job)->status;
    if (*reason)
        return score_none(job, reason);
    most_real = fullest(&real);
    most_synthetic = o->utilisation == UTILISATION_REAL ? most_real : fullest(&synthetic);
    if (most_real <= 0 || most_synthetic <= 0)
        return score_none(job, "a trace has packets of no length only");
    if (weir_progress(job, 1, 3) || draw(job, &real, &grid, most_real) ||
        weir_progress(job, 2, 3) || draw(job, &synthetic, &grid, most_synthetic))
        return weir_job_error(job)->status ? (int)weir_job_error(job)->status : WEIR_ECANCEL;
    for (int i = 0; i < SAMPLES; i++)
        if (weir_wanted(job, features[i].label) &&
            score_sample(job, (enum sample)i, &real, &synthetic, grid.ref))
            return weir_job_error(job)->status;
    return WEIR_OK;
}

WEIR_DOWNSTREAM(burst, .summary = "lengths and sizes of bursts and of the gaps between them",
                .reference = "CascadeNet (CascadeGAN)", .options = options,
                .options_size = sizeof(struct options), .accepts = WEIR_PACKETS,
                .deterministic = true, .features = features, .score = score);
