/* Differences between generators: who wins how many features, on which evidence. */
#include "report/differences.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ORDERS = 9999 };

/* Sums of equal ranks that were added in another order are equal. */
static double rounded(double rank)
{
    return round(rank * 1e9) / 1e9;
}

/* ---- Ranks ----------------------------------------------------------------------------------- */

/* The mean rank of an entry on a trace over its counted features, of one group or (SIZE_MAX) all.
 */
static double rank_on(const report_model *model, size_t trace, size_t group, size_t entry)
{
    double sum = 0;
    size_t n = 0;

    for (size_t f = 0; f < model->feature_count; f++) {
        const report_cell *cell =
            report_cell_at(model, (size_t)model->traces[trace].main, f, entry);

        if (!cell || !model->features[f].counted || isnan(cell->rank) ||
            (group != SIZE_MAX && model->features[f].group != group))
            continue;
        sum += cell->rank;
        n++;
    }
    return n ? rounded(sum / (double)n) : NAN;
}

static int fill_ranks(report_model *model, struct report_differences *what, weir_error *error)
{
    size_t k = model->ranked;

    what->ranks = report_alloc(model->store, model->trace_count * k, sizeof *what->ranks, error);
    what->group_ranks =
        report_alloc(model->store, model->group_count * k, sizeof *what->group_ranks, error);
    if (!what->ranks || !what->group_ranks)
        return (int)error->status;
    for (size_t t = 0; t < model->trace_count; t++)
        for (size_t e = 0; e < k; e++)
            what->ranks[t * k + e] = rank_on(model, t, SIZE_MAX, e);
    for (size_t g = 0; g < model->group_count; g++)
        for (size_t e = 0; e < k; e++) {
            double sum = 0;
            size_t n = 0;

            for (size_t t = 0; t < model->trace_count; t++) {
                double rank = rank_on(model, t, g, e);

                sum += isnan(rank) ? 0 : rank;
                n += isnan(rank) ? 0 : 1;
            }
            what->group_ranks[g * k + e] = n ? rounded(sum / (double)n) : NAN;
        }
    return WEIR_OK;
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

static report_pair *pair_at(const report_model *model, size_t trace, size_t a, size_t b)
{
    const struct report_differences *what = model->differences;

    return &what->pairs[trace * what->pair_count + b * (b - 1) / 2 + a];
}

const report_pair *report_pair_at(const report_model *model, size_t trace, size_t a, size_t b)
{
    return pair_at(model, trace, a, b);
}

/* One pair on one trace. */
static void compare(const report_model *model, size_t trace, size_t a, size_t b, report_pair *pair)
{
    double wins = 0, losses = 0;

    for (size_t f = 0; f < model->feature_count; f++) {
        const report_feature *feature = &model->features[f];
        size_t dataset = (size_t)model->traces[trace].main;
        const report_cell *x = report_cell_at(model, dataset, f, a);
        const report_cell *y = report_cell_at(model, dataset, f, b);
        double away;

        if (!feature->counted || !x || !y || isnan(x->rank) || isnan(y->rank))
            continue;
        pair->features++;
        away = x->ok && y->ok ? x->mean - y->mean : (double)!x->ok - (double)!y->ok;
        if (x->ok && y->ok && report_higher(feature))
            away = -away;
        wins += away < 0;
        losses += away > 0;
        if (!x->ok || !y->ok || !x->method || !y->method)
            pair->unknown++;
        else if (x->low <= y->high && y->low <= x->high)
            pair->alike++;
        else
            pair->apart[away > 0]++;
    }
    pair->traces = pair->features > 0;
    pair->net = pair->features ? (wins - losses) / (double)pair->features : NAN;
}

static void sum_pair(report_model *model, size_t a, size_t b)
{
    report_pair *all = pair_at(model, model->trace_count, a, b);
    double net = 0;

    for (size_t t = 0; t < model->trace_count; t++) {
        const report_pair *one = pair_at(model, t, a, b);

        all->traces += one->traces;
        all->features += one->features;
        all->apart[0] += one->apart[0];
        all->apart[1] += one->apart[1];
        all->alike += one->alike;
        all->unknown += one->unknown;
        net += one->traces ? one->net : 0;
    }
    all->net = all->traces ? net / (double)all->traces : NAN;
    all->least = weir_least_p_signs(all->traces);
}

/* The fewest traces of a pair that is tested: with as many pairs as have those, the least p of the
 * test is within the level even when corrected for them all. What is tested depends on the numbers
 * of traces alone, never on a score. */
static size_t fewest(const report_model *model, size_t *family)
{
    const struct report_differences *what = model->differences;
    const report_pair *all = &what->pairs[model->trace_count * what->pair_count];

    for (size_t n = 1; n <= model->trace_count; n++) {
        *family = 0;
        for (size_t i = 0; i < what->pair_count; i++)
            *family += all[i].traces >= n;
        if (*family && weir_least_p_signs(n) * (double)*family <= REPORT_ALPHA)
            return n;
    }
    *family = 0;
    return SIZE_MAX;
}

/* Whether the positive differences have the larger sum of ranks, as Wilcoxon's test counts them. */
static bool leans_up(const double *differences, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double size = fabs(differences[i]), twice = 1; /* the rank */

        for (size_t k = 0; k < n && size > 0; k++) {
            double other = fabs(differences[k]);

            twice += other > 0 && other < size ? 2 : other >= size && other <= size ? 1 : 0;
        }
        sum += size > 0 ? copysign(twice, differences[i]) : 0;
    }
    return sum > 0;
}

/* Wilcoxon's test over the traces, of the share won less the share lost: it does not depend on who
 * else was compared, as mean ranks do. */
static int test_pairs(report_model *model, weir_error *error)
{
    struct report_differences *what = model->differences;
    report_pair *all = &what->pairs[model->trace_count * what->pair_count];
    size_t least = fewest(model, &what->family), at = 0;
    double *scratch = report_alloc(model->store, model->trace_count + 2 * what->pair_count,
                                   sizeof *scratch, error);
    double *p = scratch ? scratch + model->trace_count : NULL;

    if (!scratch)
        return (int)error->status;
    for (size_t i = 0; i < what->pair_count; i++) {
        weir_outcome outcome;
        size_t n = 0;

        all[i].p = all[i].corrected = NAN;
        if (all[i].traces < least)
            continue;
        for (size_t t = 0; t < model->trace_count; t++)
            if (what->pairs[t * what->pair_count + i].traces)
                scratch[n++] = what->pairs[t * what->pair_count + i].net;
        if (weir_wilcoxon_test(scratch, n, &outcome, error) != WEIR_OK)
            return (int)error->status;
        all[i].p = p[at++] = outcome.p;
        all[i].ahead = leans_up(scratch, n);
    }
    if (weir_holm(p, at, p + what->pair_count, error) != WEIR_OK)
        return (int)error->status;
    at = 0;
    for (size_t i = 0; i < what->pair_count; i++)
        if (!isnan(all[i].p))
            all[i].corrected = p[what->pair_count + at++];
    return WEIR_OK;
}

static int fill_pairs(report_model *model, weir_error *error)
{
    struct report_differences *what = model->differences;
    size_t k = model->ranked;

    what->pair_count = k ? k * (k - 1) / 2 : 0;
    what->pairs = report_alloc(model->store, (model->trace_count + 1) * what->pair_count,
                               sizeof *what->pairs, error);
    if (!what->pairs)
        return (int)error->status;
    for (size_t b = 1; b < k; b++)
        for (size_t a = 0; a < b; a++) {
            for (size_t t = 0; t < model->trace_count; t++)
                compare(model, t, a, b, pair_at(model, t, a, b));
            sum_pair(model, a, b);
        }
    return test_pairs(model, error);
}

/* ---- Friedman -------------------------------------------------------------------------------- */

/* The generators that have a rank on every trace, in their order among the entries. */
static void find_compared(const report_model *model, struct report_differences *what)
{
    for (size_t e = 0; e < model->ranked; e++) {
        bool everywhere = model->trace_count > 0;

        for (size_t t = 0; t < model->trace_count; t++)
            everywhere &= !isnan(what->ranks[t * model->ranked + e]);
        if (everywhere)
            what->compared[what->k++] = e;
    }
}

/* By mean rank: compared and mean_ranks together. */
static void sort_compared(struct report_differences *what)
{
    for (size_t i = 1; i < what->k; i++)
        for (size_t j = i; j > 0 && what->mean_ranks[j] < what->mean_ranks[j - 1]; j--) {
            double rank = what->mean_ranks[j];
            size_t entry = what->compared[j];

            what->mean_ranks[j] = what->mean_ranks[j - 1];
            what->compared[j] = what->compared[j - 1];
            what->mean_ranks[j - 1] = rank;
            what->compared[j - 1] = entry;
        }
}

static int test_all(report_model *model, weir_error *error)
{
    struct report_differences *what = model->differences;
    size_t n = model->trace_count;
    weir_error constant = {0};
    double *values;

    what->compared = report_alloc(model->store, model->ranked, sizeof *what->compared, error);
    what->mean_ranks = report_alloc(model->store, model->ranked, sizeof *what->mean_ranks, error);
    values = report_alloc(model->store, n * model->ranked, sizeof *values, error);
    if (!what->compared || !what->mean_ranks || !values)
        return (int)error->status;
    find_compared(model, what);
    if (n < REPORT_BLOCKS || what->k < REPORT_TREATMENTS)
        return WEIR_OK;
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < what->k; i++)
            values[t * what->k + i] = what->ranks[t * model->ranked + what->compared[i]];
    if (weir_friedman_test(values, n, what->k, &what->friedman, what->mean_ranks, &constant) !=
        WEIR_OK) {
        if (constant.status != WEIR_EDATA)
            return weir_error_set(error, constant.status, "%s", constant.text);
        /* Every trace ranks all alike: nothing differs. */
        what->friedman = (weir_friedman){0, 0, 1, 1};
        for (size_t i = 0; i < what->k; i++)
            what->mean_ranks[i] = ((double)what->k + 1) / 2;
    }
    what->tested = true;
    what->critical = weir_nemenyi_difference(what->k, n, REPORT_ALPHA);
    sort_compared(what);
    return WEIR_OK;
}

size_t report_cliques(const struct report_differences *what, report_clique *cliques)
{
    size_t n = 0, reached = 0;

    for (size_t i = 0; what->tested && i < what->k; i++) {
        size_t last = i;

        while (last + 1 < what->k &&
               (what->friedman.p > REPORT_ALPHA ||
                what->mean_ranks[last + 1] - what->mean_ranks[i] < what->critical))
            last++;
        if (last > i && last > reached) {
            cliques[n++] = (report_clique){i, last};
            reached = last;
        }
    }
    return n;
}

/* ---- Agreement ------------------------------------------------------------------------------- */

static int agree(const double *a, const double *b, size_t n, double *scratch,
                 report_agreement *result, weir_error *error)
{
    double *x = scratch, *y = scratch + n;
    weir_error constant = {0};
    weir_outcome rho, tau;

    *result = (report_agreement){0, NAN, NAN, NAN, NAN};
    for (size_t i = 0; i < n; i++)
        if (!isnan(a[i]) && !isnan(b[i])) {
            x[result->k] = a[i];
            y[result->k++] = b[i];
        }
    if (result->k < 3)
        return WEIR_OK;
    if (weir_spearman_test(x, y, result->k, ORDERS, 1, &rho, &constant) != WEIR_OK ||
        weir_kendall_test(x, y, result->k, &tau, &constant) != WEIR_OK)
        return constant.status == WEIR_EDATA
                   ? WEIR_OK
                   : weir_error_set(error, constant.status, "%s", constant.text);
    result->rho = rho.statistic;
    result->tau = tau.statistic;
    if (rho.least <= REPORT_ALPHA)
        result->rho_p = rho.p;
    if (tau.least <= REPORT_ALPHA)
        result->tau_p = tau.p;
    return WEIR_OK;
}

/* All pairs of n rows of ranks. */
static report_agreement *agreements(report_model *model, const double *ranks, size_t n,
                                    weir_error *error)
{
    size_t k = model->ranked;
    report_agreement *all = report_alloc(model->store, n * n, sizeof *all, error);
    double *scratch = report_alloc(model->store, 2 * k, sizeof *scratch, error);

    for (size_t b = 1; all && scratch && b < n; b++)
        for (size_t a = 0; a < b; a++)
            if (agree(ranks + a * k, ranks + b * k, k, scratch, &all[a * n + b], error) != WEIR_OK)
                return NULL;
    return scratch ? all : NULL;
}

int report_compare(report_model *model, weir_error *error)
{
    struct report_differences *what = report_alloc(model->store, 1, sizeof *what, error);

    if (!what)
        return (int)error->status;
    model->differences = what;
    if (fill_ranks(model, what, error) != WEIR_OK || fill_pairs(model, error) != WEIR_OK ||
        test_all(model, error) != WEIR_OK)
        return (int)error->status;
    what->between_traces = agreements(model, what->ranks, model->trace_count, error);
    what->between_groups = agreements(model, what->group_ranks, model->group_count, error);
    return (int)error->status;
}
