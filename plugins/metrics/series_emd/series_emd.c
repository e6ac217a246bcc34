/* Distances between real and synthetic series, a channel at a time: values, changes from step to
 * step, lengths, autocorrelation; over all series and within each label. README.md defines each. */
#include "measures.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weir/stats.h>

struct options {
    weir_list features;
    int64_t lags;
};

static const weir_option options[] = {
    WEIR_LIST(struct options, features, "", "features to compute; empty: all"),
    WEIR_INT(struct options, lags, 64, 2, 4096,
             "ACF: lags from 0 to one less than this, or than the steps of a series"),
    WEIR_END};

#define COPY WEIR_SEES_COPY
#define SHUFFLE WEIR_SEES_TIME_SHUFFLE
#define MARGINALS WEIR_SEES_MARGINALS
#define UNIFORM WEIR_SEES_UNIFORM

static const weir_feature features[] = {
    {"VAL", "values", "of the real range",
     "EMD between the values of all steps in use of a channel (the variant), over the range of the "
     "real ones.",
     WEIR_LOWER, WEIR_SERIES, 0, NULL, WEIR_CEILING_UNIFORM, COPY | UNIFORM},
    {"STEP", "changes from step to step", "of the real range",
     "EMD between the differences of each two successive steps in use of a channel, over the range "
     "of its real values.",
     WEIR_LOWER, WEIR_SERIES, 0, NULL, WEIR_CEILING_MARGINALS,
     COPY | SHUFFLE | MARGINALS | UNIFORM},
    {"LEN", "lengths", "steps", "EMD between the numbers of steps in use of all series.",
     WEIR_LOWER, WEIR_SERIES, 0, NULL, WEIR_CEILING_UNIFORM, COPY | UNIFORM},
    {"ACF", "autocorrelation", "",
     "Root of the sum of squared differences between the autocorrelations of a channel at lags 1 "
     "to 63 (option lags), mean and variance being those of all its values. TSGBench's ACD, of "
     "which this is one channel.",
     WEIR_LOWER, WEIR_SERIES, 0, NULL, WEIR_CEILING_MARGINALS,
     COPY | SHUFFLE | MARGINALS | UNIFORM},
    {"VAL_CLASS", "values, by label", "of the real range",
     "Mean of VAL over the labels of the real data.", WEIR_LOWER, WEIR_SERIES, WEIR_LABELS, "label",
     WEIR_CEILING_UNIFORM, COPY | MARGINALS | UNIFORM},
    {"STEP_CLASS", "changes, by label", "of the real range",
     "Mean of STEP over the labels of the real data.", WEIR_LOWER, WEIR_SERIES, WEIR_LABELS,
     "label", WEIR_CEILING_MARGINALS, COPY | SHUFFLE | MARGINALS | UNIFORM},
    {"LEN_CLASS", "lengths, by label", "steps", "Mean of LEN over the labels of the real data.",
     WEIR_LOWER, WEIR_SERIES, WEIR_LABELS, "label", WEIR_CEILING_UNIFORM,
     COPY | MARGINALS | UNIFORM},
    {"ACF_CLASS", "autocorrelation, by label", "", "Mean of ACF over the labels of the real data.",
     WEIR_LOWER, WEIR_SERIES, WEIR_LABELS, "label", WEIR_CEILING_MARGINALS,
     COPY | SHUFFLE | MARGINALS | UNIFORM},
    {0}};

/* take: NULL for autocorrelation. needed: what a series needs to be counted. */
static const struct measure {
    const char *label, *by_label;
    sampler *take;
    bool channels; /* one score a channel */
    bool relative; /* to the range of the real values */
    const char *needed;
} measures[] = {
    {"VAL", "VAL_CLASS", sample_values, true, true, "a step"},
    {"STEP", "STEP_CLASS", sample_steps, true, true, "two steps"},
    {"LEN", "LEN_CLASS", sample_lengths, false, false, "a row"},
    {"ACF", "ACF_CLASS", NULL, true, false, "two steps"},
};
#define MEASURES (sizeof measures / sizeof measures[0])
#define CDF_POINTS 200

struct context {
    struct side real, synthetic;
    size_t lags;
    double *acf_real, *acf_synthetic; /* [lags] */
};

/* What one comparison found. The value is NAN where a side has nothing to compare. */
struct distance {
    double value;
    size_t n_real, n_synthetic;
};

static int compare_acf(weir_job *job, struct context *context, size_t channel,
                       struct distance *found)
{
    double sum = 0;

    found->n_real = sample_steps(&context->real, channel);
    found->n_synthetic = sample_steps(&context->synthetic, channel);
    found->value = NAN;
    if (!found->n_real || !found->n_synthetic)
        return WEIR_OK;
    if (autocorrelation(job, &context->real, channel, context->lags, context->acf_real) ||
        autocorrelation(job, &context->synthetic, channel, context->lags, context->acf_synthetic))
        return WEIR_ECANCEL;
    for (size_t lag = 1; lag < context->lags; lag++) {
        double apart = context->acf_real[lag] - context->acf_synthetic[lag];

        sum += apart * apart;
    }
    found->value = sqrt(sum);
    found->n_real = context->real.n;
    found->n_synthetic = context->synthetic.n;
    return WEIR_OK;
}

/* Of the rows that both sides have chosen. The samples are left sorted. */
static int compare(weir_job *job, struct context *context, const struct measure *measure,
                   size_t channel, double range, struct distance *found)
{
    struct side *real = &context->real, *synthetic = &context->synthetic;
    weir_error *error = weir_job_error(job);

    if (weir_progress(job, real->done, real->total))
        return WEIR_ECANCEL;
    if (!measure->take)
        return compare_acf(job, context, channel, found);
    found->n_real = measure->take(real, channel);
    found->n_synthetic = measure->take(synthetic, channel);
    found->value = NAN;
    if (!found->n_real || !found->n_synthetic)
        return WEIR_OK;
    if (weir_sort(real->sample, found->n_real, error) ||
        weir_sort(synthetic->sample, found->n_synthetic, error))
        return error->status;
    found->value =
        weir_emd_sorted(real->sample, found->n_real, synthetic->sample, found->n_synthetic);
    if (measure->relative && found->value > 0)
        found->value /= range; /* infinite where all real values are equal */
    return WEIR_OK;
}

/* ---- Curves to look at ------------------------------------------------------------------------
 */

/* "cdf_VAL_1_size": the number keeps channels apart whose names differ only in signs that no file
 * name has. */
static void name_artefact(char name[64], const char *kind, const struct context *context,
                          size_t channel, bool channels)
{
    const weir_series_shape *shape = weir_table_series(weir_dataset_table(context->real.data));
    size_t at;

    snprintf(name, 64, "%s", kind);
    if (!channels)
        return;
    at = strlen(name);
    snprintf(name + at, 64 - at, "_%zu_%s", channel + 1, shape->names[channel]);
    for (; name[at]; at++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", name[at]))
            name[at] = '_';
}

static weir_table *acf_table(const struct context *context, weir_error *error)
{
    weir_table *table = weir_table_new(0, context->lags, error);

    if (!table || weir_table_add(table, "lag", WEIR_F64, 1, error) ||
        weir_table_add(table, "real", WEIR_F64, 1, error) ||
        weir_table_add(table, "synthetic", WEIR_F64, 1, error)) {
        weir_table_free(table);
        return NULL;
    }
    for (size_t lag = 0; lag < context->lags; lag++) {
        weir_f64_out(table, "lag")[lag] = (double)lag;
        weir_f64_out(table, "real")[lag] = context->acf_real[lag];
        weir_f64_out(table, "synthetic")[lag] = context->acf_synthetic[lag];
    }
    return table;
}

static int draw(weir_job *job, const struct context *context, const struct measure *measure,
                size_t channel, const struct distance *found)
{
    weir_error *error = weir_job_error(job);
    weir_table *table = measure->take ? weir_cdf_table(context->real.sample, found->n_real,
                                                       context->synthetic.sample,
                                                       found->n_synthetic, CDF_POINTS, error)
                                      : acf_table(context, error);
    char kind[16], name[64];
    int status;

    if (!table)
        return error->status;
    snprintf(kind, sizeof kind, measure->take ? "cdf_%s" : "%s", measure->label);
    name_artefact(name, kind, context, channel, measure->channels);
    status = weir_artefact(job, name, WEIR_CURVE, table);
    weir_table_free(table);
    return status;
}

/* ---- Scores -----------------------------------------------------------------------------------
 */

static int score_all(weir_job *job, struct context *context, const struct measure *measure,
                     size_t channel, double range)
{
    const char *label = measure->label;
    struct distance found;
    int status;

    side_choose(&context->real, NULL);
    side_choose(&context->synthetic, NULL);
    status = compare(job, context, measure, channel, range, &found);
    if (status)
        return status;
    if (isnan(found.value))
        return weir_score_na(job, label, "%s has no series with %s",
                             found.n_real ? context->synthetic.name : context->real.name,
                             measure->needed);
    if (isinf(found.value))
        return weir_score_na(job, label, "all real values are equal, so that there is no range");
    if (weir_score(job, label, found.value, found.n_real, found.n_synthetic))
        return weir_job_error(job)->status;
    return draw(job, context, measure, channel, &found);
}

/* Labels whose real series have nothing to compare are left out; a label that the synthetic data
 * lacks is no distance. */
static int score_labels(weir_job *job, struct context *context, const struct measure *measure,
                        size_t channel, double range)
{
    const weir_table *table = weir_dataset_table(context->real.data);
    size_t n_real = 0, n_synthetic = 0, labels = 0;
    double sum = 0;

    for (uint32_t code = 0; code < weir_category_count(table, "label"); code++) {
        const char *text = weir_category_text(table, "label", code);
        struct distance found;
        int status;

        side_choose(&context->real, text);
        side_choose(&context->synthetic, text);
        status = compare(job, context, measure, channel, range, &found);
        if (status)
            return status;
        if (!found.n_real)
            continue;
        if (isnan(found.value))
            return weir_score_na(job, measure->by_label,
                                 "%s has no series with %s and the label '%s'",
                                 context->synthetic.name, measure->needed, text);
        if (isinf(found.value))
            return weir_score_na(job, measure->by_label,
                                 "all real values are equal, so that there is no range");
        sum += found.value;
        n_real += found.n_real;
        n_synthetic += found.n_synthetic;
        labels++;
    }
    if (!labels)
        return weir_score_na(job, measure->by_label, "%s has no series with %s", context->real.name,
                             measure->needed);
    return weir_score(job, measure->by_label, sum / (double)labels, n_real, n_synthetic);
}

static int score(weir_job *job, const weir_dataset *real, const weir_dataset *synthetic)
{
    const struct options *o = weir_options(job);
    const weir_series_shape *shape = weir_table_series(weir_dataset_table(real));
    struct context context = {.lags =
                                  (size_t)o->lags < shape->steps ? (size_t)o->lags : shape->steps};
    double ranges[WEIR_MAX_CHANNELS];
    size_t scores = MEASURES * shape->channels;
    int status = WEIR_OK;

    if (side_open(job, &context.real, real, "the real data") ||
        side_open(job, &context.synthetic, synthetic, "the synthetic data"))
        return weir_job_error(job)->status;
    context.acf_real = weir_alloc(job, context.lags, sizeof *context.acf_real);
    context.acf_synthetic = weir_alloc(job, context.lags, sizeof *context.acf_synthetic);
    if (!context.acf_real || !context.acf_synthetic)
        return weir_job_error(job)->status;
    for (size_t c = 0; c < shape->channels; c++)
        ranges[c] = side_range(&context.real, c);
    for (size_t i = 0; i < scores && !status; i++) {
        const struct measure *measure = &measures[i % MEASURES];
        size_t channel = i / MEASURES;

        context.real.done = context.synthetic.done = (int64_t)i;
        context.real.total = context.synthetic.total = (int64_t)scores;
        if (!measure->channels && channel)
            continue;
        if (weir_score_as(job, measure->channels ? shape->names[channel] : "", NULL))
            return weir_job_error(job)->status;
        if (weir_wanted(job, measure->label))
            status = score_all(job, &context, measure, channel, ranges[channel]);
        if (!status && weir_wanted(job, measure->by_label))
            status = score_labels(job, &context, measure, channel, ranges[channel]);
    }
    return status;
}

WEIR_METRIC(series_emd, .summary = "distances of series: values, changes, lengths, autocorrelation",
            .reference = "Ang et al., TSGBench, VLDB 2024 (ACF)", .options = options,
            .options_size = sizeof(struct options), .accepts = WEIR_SERIES, .deterministic = true,
            .features = features, .score = score);
