/* Ranks, leaderboards, and the averages over features that the papers headline. */
#include "report/model.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/stats.h>

/* Ranks of one feature on one dataset among the ranked entries, by their means: ties share their
 * mean rank. A failed entry shares the last ranks, so that failing never pays; one to which the
 * feature does not apply has none. Also marks the best, and whose interval overlaps the best's. */
static int rank_feature(report_model *model, size_t dataset, size_t feature, double *scratch,
                        weir_error *error)
{
    double *keys = scratch, *ranks = scratch + model->ranked, worst = -HUGE_VAL;
    const report_cell *best = NULL;
    report_cell *cell;
    size_t n = 0, at = 0;

    for (size_t e = 0; e < model->ranked; e++) {
        cell = report_cell_at(model, dataset, feature, e);
        if (!cell || (!cell->ok && !cell->failed))
            continue;
        keys[n] = !cell->ok                                  ? NAN
                  : report_higher(&model->features[feature]) ? -cell->mean
                                                             : cell->mean;
        worst = fmax(worst, keys[n++]);
        if (cell->ok &&
            (!best || (report_higher(&model->features[feature]) ? cell->mean > best->mean
                                                                : cell->mean < best->mean)))
            best = cell;
    }
    /* Where only one of several ran, being first is no merit. */
    if (!best || (n < 2 && model->ranked > 1) || !*model->features[feature].better ||
        !strcmp(model->features[feature].better, "neither"))
        return WEIR_OK;
    for (size_t i = 0; i < n; i++)
        if (isnan(keys[i]))
            keys[i] = worst + fabs(worst) + 1;
    if (weir_ranks(keys, n, ranks, error) != WEIR_OK)
        return (int)error->status;
    for (size_t e = 0; e < model->ranked; e++) {
        cell = report_cell_at(model, dataset, feature, e);
        if (!cell || (!cell->ok && !cell->failed))
            continue;
        cell->rank = ranks[at++];
        cell->best = cell->ok && cell->mean == best->mean;
        cell->tied = !cell->best && cell->ok && cell->method && best->method &&
                     cell->low <= best->high && best->low <= cell->high;
    }
    return WEIR_OK;
}

/* The rank that a reference's mean would have among the ranked; NaN. */
static double would_rank(const report_model *model, size_t dataset, size_t feature, size_t entry)
{
    const report_cell *own = report_cell_at(model, dataset, feature, entry);
    double rank = 1;
    bool any = false;

    for (size_t e = 0; e < model->ranked && own && own->ok; e++) {
        const report_cell *cell = report_cell_at(model, dataset, feature, e);
        double away;

        if (!cell || isnan(cell->rank))
            continue;
        any = true;
        away = !cell->ok ? 1 : cell->mean - own->mean;
        if (cell->ok && report_higher(&model->features[feature]))
            away = -away;
        rank += away < 0 ? 1 : away > 0 ? 0 : 0.5;
    }
    return any ? rank : NAN;
}

/* Mean rank on a dataset, and how many features it is of. */
static double mean_rank(const report_model *model, int dataset, size_t entry, size_t *count)
{
    double sum = 0;

    *count = 0;
    for (size_t f = 0; dataset >= 0 && f < model->feature_count; f++) {
        const report_cell *cell = report_cell_at(model, (size_t)dataset, f, entry);
        double rank = !model->features[f].counted ? NAN
                      : entry >= model->ranked    ? would_rank(model, (size_t)dataset, f, entry)
                      : cell                      ? cell->rank
                                                  : NAN;

        if (!isnan(rank)) {
            sum += rank;
            ++*count;
        }
    }
    return *count ? sum / (double)*count : NAN;
}

/* A mean over traces in the making: adds a value that there is. */
static void average(double *sum, size_t *n, double value)
{
    *sum += isnan(value) ? 0 : value;
    *n += isnan(value) ? 0 : 1;
}

/* The median skill of an entry over the counted features of a group on the traces [from, to), which
 * no single feature rules, and how many it is of; NaN if it has none. scratch has room for them. */
static double median_skill(const report_model *model, size_t from, size_t to, size_t group,
                           size_t entry, double *scratch, size_t *count, weir_error *error)
{
    size_t n = 0;

    for (size_t t = from; t < to; t++)
        for (size_t f = 0; f < model->feature_count; f++) {
            const report_cell *cell =
                report_cell_at(model, (size_t)model->traces[t].main, f, entry);

            if (cell && model->features[f].counted && model->features[f].group == group &&
                !isnan(cell->skill))
                scratch[n++] = cell->skill;
        }
    *count = n;
    return n > 0 && weir_sort(scratch, n, error) == WEIR_OK ? weir_quantile_sorted(scratch, n, 0.5)
                                                            : NAN;
}

/* By rank, those without one after them; entries are sorted by role already. */
static int line_order(const void *a, const void *b)
{
    const report_line *x = a, *y = b;

    if (isnan(x->rank) != isnan(y->rank))
        return isnan(x->rank) ? 1 : -1;
    if (!isnan(x->rank) && x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* The mean over the traces [from, to) of what a feature of overlap gives an entry; NaN. */
static double overlap(const report_model *model, size_t from, size_t to, const char *label,
                      size_t entry)
{
    double sum = 0;
    size_t n = 0;

    for (size_t t = from; t < to; t++)
        for (size_t f = 0; f < model->feature_count; f++) {
            const report_cell *cell =
                report_cell_at(model, (size_t)model->traces[t].main, f, entry);

            if (!strcmp(model->features[f].plugin, "overlap") &&
                !strcmp(model->features[f].label, label))
                average(&sum, &n, cell && cell->ok ? cell->mean : NAN);
        }
    return n ? sum / (double)n : NAN;
}

/* The leaderboard of one trace, or of all (trace < 0). */
static int fill_board(report_model *model, int trace, report_board *board, weir_error *error)
{
    size_t from = trace < 0 ? 0 : (size_t)trace, groups = model->group_count;
    size_t to = trace < 0 ? model->trace_count : from + 1;
    double *scratch = report_alloc(model->store, model->trace_count * model->feature_count,
                                   sizeof *scratch, error);

    board->lines = report_alloc(model->store, model->entry_count, sizeof *board->lines, error);
    if (!board->lines || !scratch)
        return (int)error->status;
    for (size_t e = 0; e < model->entry_count; e++) {
        report_line *line = &board->lines[e];
        double sum = 0, test_sum = 0;
        size_t traces = 0, tests = 0, count;

        line->entry = e;
        line->rank = line->held_out = line->would = NAN;
        line->skill = report_alloc(model->store, groups, sizeof *line->skill, error);
        line->skills = report_alloc(model->store, groups, sizeof *line->skills, error);
        if (!line->skill || !line->skills)
            return (int)error->status;
        for (size_t t = from; t < to; t++) {
            int data = model->traces[t].main;

            if (e < model->ranked)
                average(&test_sum, &tests, mean_rank(model, model->traces[t].held_out, e, &count));
            average(&sum, &traces, mean_rank(model, data, e, &count));
            line->features += count;
            for (size_t f = 0; f < model->feature_count; f++) {
                const report_cell *cell = report_cell_at(model, (size_t)data, f, e);

                if (!cell || !model->features[f].counted)
                    continue;
                line->best += cell->best;
                line->alike += cell->tied;
            }
        }
        /* Two halves are smaller samples than what is compared, and have no place among them. */
        if (model->entries[e].role != REPORT_FLOOR)
            *(e < model->ranked ? &line->rank : &line->would) = traces ? sum / (double)traces : NAN;
        line->copied = overlap(model, from, to, "REC", e);
        line->repeated = overlap(model, from, to, "REC_REAL", e);
        line->held_out = tests ? test_sum / (double)tests : NAN;
        for (size_t g = 0; g < groups; g++)
            line->skill[g] = median_skill(model, from, to, g, e, scratch, &line->skills[g], error);
    }
    for (size_t t = from; t < to; t++)
        for (size_t f = 0; f < model->feature_count; f++) {
            bool any = false;

            for (size_t e = 0; e < model->ranked; e++) {
                const report_cell *cell =
                    report_cell_at(model, (size_t)model->traces[t].main, f, e);

                any |= cell && model->features[f].counted && !isnan(cell->rank);
            }
            board->features += any;
        }
    qsort(board->lines, model->entry_count, sizeof *board->lines, line_order);
    return WEIR_OK;
}

int report_rank(report_model *model, weir_error *error)
{
    double *scratch = report_alloc(model->store, 2 * model->ranked, sizeof *scratch, error);

    model->boards = report_alloc(model->store, model->trace_count, sizeof *model->boards, error);
    if (!scratch || !model->boards)
        return (int)error->status;
    for (size_t d = 0; d < model->dataset_count; d++)
        for (size_t f = 0; f < model->feature_count; f++)
            if (rank_feature(model, d, f, scratch, error) != WEIR_OK)
                return (int)error->status;
    for (size_t t = 0; t < model->trace_count; t++)
        if (fill_board(model, (int)t, &model->boards[t], error) != WEIR_OK)
            return (int)error->status;
    return fill_board(model, -1, &model->overall, error);
}

/* ---- Averages over features (specs D.3) ------------------------------------------------------ */

const char *report_norm_name(report_norm norm)
{
    static const char *const names[] = {"skill", "cascadenet", "netshare", "none"};

    return names[norm];
}

/* One score on the scale of a normalisation; NaN where that has no value. low and high are the
 * extremes over the generators that are compared. */
static double normalised(const report_cell *cell, report_norm norm, double low, double high)
{
    switch (norm) {
    case REPORT_SKILL:
        return cell->skill;
    case REPORT_CASCADENET:
        return high > 0 ? 0.9 * cell->mean / high : NAN;
    case REPORT_NETSHARE:
        return high > low ? 0.1 + 0.8 * (cell->mean - low) / (high - low) : NAN;
    case REPORT_NONE:
        return cell->mean;
    }
    return NAN;
}

static void add_feature(report_model *model, size_t trace, size_t feature)
{
    const report_feature *what = &model->features[feature];
    size_t dataset = (size_t)model->traces[trace].main, groups = model->group_count;
    double low = HUGE_VAL, high = -HUGE_VAL;

    for (size_t e = 0; e < model->ranked; e++) {
        const report_cell *cell = report_cell_at(model, dataset, feature, e);

        if (cell && cell->ok) {
            low = fmin(low, cell->mean);
            high = fmax(high, cell->mean);
        }
    }
    for (size_t norm = 0; norm < REPORT_NORMS; norm++) {
        /* Raw means are of one unit only among the divergences; the papers' two scales are for
         * distances. */
        if ((norm == REPORT_NONE && strcmp(what->plugin, "jsd")) ||
            ((norm == REPORT_CASCADENET || norm == REPORT_NETSHARE) && report_higher(what)))
            continue;
        for (size_t e = 0; e < model->ranked; e++) {
            const report_cell *cell = report_cell_at(model, dataset, feature, e);
            report_average *average =
                &model->averages[((trace * REPORT_NORMS + norm) * groups + what->group) *
                                     model->entry_count +
                                 e];
            double value = cell && cell->ok ? normalised(cell, (report_norm)norm, low, high) : NAN;

            if (isnan(value))
                continue;
            average->value += value;
            average->features++;
        }
    }
}

int report_averages(report_model *model, weir_error *error)
{
    size_t n = model->trace_count * REPORT_NORMS * model->group_count * model->entry_count;
    double *scratch = report_alloc(model->store, model->feature_count, sizeof *scratch, error);

    model->averages = report_alloc(model->store, n, sizeof *model->averages, error);
    if (!scratch || !model->averages)
        return (int)error->status;
    for (size_t t = 0; t < model->trace_count; t++)
        for (size_t f = 0; f < model->feature_count; f++)
            if (model->features[f].counted)
                add_feature(model, t, f);
    for (size_t i = 0; i < n; i++) {
        report_average *average = &model->averages[i];
        size_t groups = i / model->entry_count, norms = groups / model->group_count, n_skills;

        average->value = average->features ? average->value / (double)average->features : NAN;
        average->median = NAN;
        if (average->features && norms % REPORT_NORMS == REPORT_SKILL)
            average->median = median_skill(model, norms / REPORT_NORMS, norms / REPORT_NORMS + 1,
                                           groups % model->group_count, i % model->entry_count,
                                           scratch, &n_skills, error);
    }
    return (int)error->status;
}
