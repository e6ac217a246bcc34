/* From rows to cells: which traces, generators and features there are, means and intervals over
 * seeds, floors, ceilings and skill. */
#include "report/model.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/stats.h>

enum { BCA_SEEDS = 10, RESAMPLES = 2000 };
static const double LEVEL = 0.95;

static bool equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* ---- Traces ---------------------------------------------------------------------------------- */

/* Length of a dataset's name without ":train" or ":test". */
static size_t base_length(const char *name)
{
    size_t n = strlen(name);

    if (n > 6 && equal(name + n - 6, ":train"))
        return n - 6;
    if (n > 5 && equal(name + n - 5, ":test"))
        return n - 5;
    return n;
}

static bool is_test(const char *name)
{
    return equal(name + base_length(name), ":test");
}

/* In the order of the rows, which is alphabetical. */
static int find_traces(report_model *model, weir_error *error)
{
    const report_store *store = model->store;

    model->datasets =
        report_alloc(model->store, store->row_count + 1, sizeof *model->datasets, error);
    model->traces = report_alloc(model->store, store->row_count + 1, sizeof *model->traces, error);
    if (!model->datasets || !model->traces)
        return (int)error->status;
    for (size_t i = 0; i < store->row_count; i++) {
        const char *name = store->rows[i].dataset;
        size_t d = 0, t = 0, n = base_length(name);
        report_trace *trace;

        while (d < model->dataset_count && !equal(model->datasets[d].name, name))
            d++;
        if (d < model->dataset_count)
            continue;
        while (t < model->trace_count &&
               (strlen(model->traces[t].name) != n || strncmp(model->traces[t].name, name, n) != 0))
            t++;
        trace = &model->traces[t];
        if (t == model->trace_count) {
            trace->name = report_string(model->store, error, "%.*s", (int)n, name);
            if (!trace->name)
                return (int)error->status;
            trace->main = trace->held_out = -1;
            model->trace_count++;
        }
        model->datasets[d] = (report_dataset){name, t};
        model->dataset_count++;
        /* A whole trace stands before its training part; what is left over has a trace of its own.
         */
        if (is_test(name))
            trace->held_out = (int)d;
        else if (trace->main < 0 || !equal(name + n, ":train"))
            trace->main = (int)d;
    }
    for (size_t t = 0; t < model->trace_count; t++)
        if (model->traces[t].main < 0) {
            model->traces[t].main = model->traces[t].held_out;
            model->traces[t].held_out = -1;
        }
    return WEIR_OK;
}

/* ---- Entries --------------------------------------------------------------------------------- */

/* A generator that was given a label of its own is meant to be compared, whatever it is; but for
 * the real data itself, which nothing could beat. */
static report_role role_of(const report_row *row)
{
    if (equal(row->generator, "floor"))
        return REPORT_FLOOR;
    if (equal(row->generator, "copy"))
        return REPORT_CANARY;
    if (!equal(row->generator, row->label) && *row->label)
        return REPORT_GENERATOR;
    if (equal(row->generator, "marginals") || equal(row->generator, "uniform"))
        return REPORT_CEILING;
    if (equal(row->generator, "time_shuffle"))
        return REPORT_CANARY;
    return REPORT_GENERATOR;
}

static int entry_order(const void *a, const void *b)
{
    const report_entry *x = a, *y = b;
    int order;

    if (x->role != y->role)
        return x->role < y->role ? -1 : 1;
    order = strcmp(x->label, y->label);
    return order ? order : strcmp(x->generator, y->generator);
}

static int find_entries(report_model *model, weir_error *error)
{
    const report_store *store = model->store;
    bool generators = false;

    model->entries =
        report_alloc(model->store, store->row_count + 1, sizeof *model->entries, error);
    if (!model->entries)
        return (int)error->status;
    for (size_t i = 0; i < store->row_count; i++) {
        const report_row *row = &store->rows[i];
        size_t e = 0;

        while (e < model->entry_count && !(equal(model->entries[e].generator, row->generator) &&
                                           equal(model->entries[e].label, row->label)))
            e++;
        if (e < model->entry_count)
            continue;
        model->entries[model->entry_count++] =
            (report_entry){row->generator, row->label, role_of(row), -1};
        generators |= role_of(row) == REPORT_GENERATOR;
    }
    /* Where nothing else is compared, the simple generators are what is compared. */
    for (size_t e = 0; e < model->entry_count && !generators; e++)
        if (model->entries[e].role != REPORT_FLOOR && !equal(model->entries[e].generator, "copy"))
            model->entries[e].role = REPORT_GENERATOR;
    qsort(model->entries, model->entry_count, sizeof *model->entries, entry_order);
    while (model->ranked < model->entry_count &&
           model->entries[model->ranked].role == REPORT_GENERATOR) {
        model->entries[model->ranked].colour = (int)model->ranked;
        model->ranked++;
    }
    return WEIR_OK;
}

/* ---- Features -------------------------------------------------------------------------------- */

/* What the first screen averages over. The order of the list is the order of the features. */
static const struct {
    const char *plugin, *label, *group;
} known[] = {{"emd", "IT", "temporal EMD"},
             {"emd", "FIT", "temporal EMD"},
             {"emd", "FD", "temporal EMD"},
             {"emd", "AT", "temporal EMD"},
             {"emd", "BU", "temporal EMD"},
             {"emd", "LD", "temporal EMD"},
             {"emd", "TS", "temporal EMD"},
             {"emd", "TD", "temporal EMD"},
             {"emd", "PL", "statistical EMD"},
             {"emd", "TTL", "statistical EMD"},
             {"emd", "NPF", "statistical EMD"},
             {"emd", "NBF", "statistical EMD"},
             {"emd", "PKT", "statistical EMD"},
             {"emd", "BYT", "statistical EMD"},
             {"emd", "", "statistical EMD"},
             {"jsd", "SA", "JSD"},
             {"jsd", "DA", "JSD"},
             {"jsd", "SP", "JSD"},
             {"jsd", "DP", "JSD"},
             {"jsd", "PR", "JSD"},
             {"jsd", "", "JSD"},
             {"burst", "BD", "burst"},
             {"burst", "TB", "burst"},
             {"burst", "NU", "burst"},
             {"burst", "BPS", "burst"},
             {"burst", "NPS", "burst"},
             {"burst", "", "burst"}};
enum { KNOWN = sizeof known / sizeof known[0] };

/* Place in that list; KNOWN for a feature of another plugin, whose group is the plugin's name. */
static size_t place(const report_feature *feature)
{
    size_t i = 0;

    while (i < KNOWN && !(equal(known[i].plugin, feature->plugin) &&
                          (!*known[i].label || equal(known[i].label, feature->label))))
        i++;
    return i;
}

static int feature_order(const void *a, const void *b)
{
    const report_feature *x = a, *y = b;
    size_t i = place(x), j = place(y);
    int order;

    if (i != j)
        return i < j ? -1 : 1;
    order = strcmp(x->plugin, y->plugin);
    if (!order)
        order = strcmp(x->label, y->label);
    return order ? order : strcmp(x->variant, y->variant);
}

/* Title and ceiling, as the job that computed a row wrote them; "" where it did not. */
static void describe(const report_store *store, const report_row *row, report_feature *feature)
{
    const report_job *job = report_find_job(store, row->job);
    const json_t *score;
    size_t i;

    json_array_foreach(json_object_get(job ? job->scores : NULL, "scores"), i,
                       score) if (equal(report_json_text(score, "feature"), row->feature))
    {
        if (!*feature->title)
            feature->title = report_json_text(score, "title");
        if (!*feature->ceiling)
            feature->ceiling = report_json_text(score, "ceiling");
    }
}

static int find_features(report_model *model, weir_error *error)
{
    const report_store *store = model->store;

    model->features =
        report_alloc(model->store, store->row_count + 1, sizeof *model->features, error);
    model->groups = report_alloc(model->store, store->row_count + 1, sizeof *model->groups, error);
    if (!model->features || !model->groups)
        return (int)error->status;
    for (size_t i = 0; i < store->row_count; i++) {
        const report_row *row = &store->rows[i];
        size_t f = 0;

        while (f < model->feature_count && !(equal(model->features[f].plugin, row->plugin) &&
                                             equal(model->features[f].variant, row->variant) &&
                                             equal(model->features[f].label, row->feature)))
            f++;
        if (f == model->feature_count)
            model->features[model->feature_count++] = (report_feature){
                row->kind, row->plugin, row->variant, row->feature, row->unit, row->better, "",
                "",        0,           true};
        /* A failed row may know less of its feature than a later one. */
        if (!*model->features[f].unit)
            model->features[f].unit = row->unit;
        if (!*model->features[f].better)
            model->features[f].better = row->better;
        if (!*model->features[f].title || !*model->features[f].ceiling)
            describe(store, row, &model->features[f]);
    }
    qsort(model->features, model->feature_count, sizeof *model->features, feature_order);
    for (size_t f = 0; f < model->feature_count; f++) {
        report_feature *feature = &model->features[f];
        size_t at = place(feature);
        const char *group = at < KNOWN ? known[at].group : feature->plugin;

        while (feature->group < model->group_count && !equal(model->groups[feature->group], group))
            feature->group++;
        if (feature->group == model->group_count)
            model->groups[model->group_count++] = group;
        for (size_t g = 0; g < model->feature_count; g++)
            if (equal(feature->variant, "ref") && equal(model->features[g].variant, "fix") &&
                equal(model->features[g].plugin, feature->plugin) &&
                equal(model->features[g].label, feature->label))
                feature->counted = false;
        if (!equal(feature->better, "lower") && !equal(feature->better, "higher"))
            feature->counted = false;
    }
    return WEIR_OK;
}

/* ---- Cells ----------------------------------------------------------------------------------- */

static void widen(double range[2], double n)
{
    if (isnan(n))
        return;
    range[0] = isnan(range[0]) ? n : fmin(range[0], n);
    range[1] = isnan(range[1]) ? n : fmax(range[1], n);
}

/* Where a row belongs; false if it belongs nowhere, which cannot be. */
static bool locate(const report_model *model, const report_row *row, size_t *at)
{
    size_t d = 0, f = 0, e = 0;

    while (d < model->dataset_count && !equal(model->datasets[d].name, row->dataset))
        d++;
    while (f < model->feature_count && !(equal(model->features[f].plugin, row->plugin) &&
                                         equal(model->features[f].variant, row->variant) &&
                                         equal(model->features[f].label, row->feature)))
        f++;
    while (e < model->entry_count && !(equal(model->entries[e].generator, row->generator) &&
                                       equal(model->entries[e].label, row->label)))
        e++;
    *at = (d * model->feature_count + f) * model->entry_count + e;
    return d < model->dataset_count && f < model->feature_count && e < model->entry_count;
}

static int fill_cells(report_model *model, weir_error *error)
{
    report_store *store = model->store;
    size_t n = model->dataset_count * model->feature_count * model->entry_count, at;

    model->cells = report_alloc(store, n, sizeof(report_cell *), error);
    if (!model->cells)
        return (int)error->status;
    for (size_t i = 0; i < store->row_count; i++) {
        const report_row *row = &store->rows[i];
        report_cell *cell;

        if (!locate(model, row, &at))
            return weir_error_set(error, WEIR_EBUG, "the report lost row %zu of scores.csv", i + 2);
        cell = model->cells[at];
        if (!cell) {
            cell = report_alloc(store, 1, sizeof *cell, error);
            if (!cell)
                return (int)error->status;
            *cell = (report_cell){.mean = NAN,
                                  .min = NAN,
                                  .max = NAN,
                                  .skill = NAN,
                                  .rank = NAN,
                                  .n_real = {NAN, NAN},
                                  .n_synthetic = {NAN, NAN},
                                  .skill_reason = "",
                                  .reason = ""};
            model->cells[at] = cell;
        }
        if (row->status != REPORT_OK && !*cell->reason)
            cell->reason = row->reason;
        cell->na += row->status == REPORT_NA;
        cell->failed += row->status == REPORT_FAILED;
        cell->ok += row->status == REPORT_OK;
        widen(cell->n_real, row->n_real);
        widen(cell->n_synthetic, row->n_synthetic);
    }
    for (size_t i = 0; i < store->row_count; i++) {
        report_cell *cell;

        if (store->rows[i].status != REPORT_OK || !locate(model, &store->rows[i], &at))
            continue;
        cell = model->cells[at];
        if (!cell->values) {
            cell->values = report_alloc(store, cell->ok, sizeof *cell->values, error);
            if (!cell->values)
                return (int)error->status;
            cell->ok = 0;
        }
        cell->values[cell->ok++] = store->rows[i].value;
    }
    return WEIR_OK;
}

static int summarise(report_cell *cell, weir_error *error)
{
    weir_interval interval;

    if (cell->ok == 0)
        return WEIR_OK;
    cell->mean = weir_mean(cell->values, cell->ok);
    cell->min = cell->max = cell->values[0];
    for (size_t i = 1; i < cell->ok; i++) {
        cell->min = fmin(cell->min, cell->values[i]);
        cell->max = fmax(cell->max, cell->values[i]);
    }
    if (cell->ok < 2)
        return WEIR_OK;
    if (cell->ok < BCA_SEEDS)
        interval = weir_t_interval(cell->values, cell->ok, LEVEL);
    else if (weir_bca_interval(cell->values, cell->ok, LEVEL, RESAMPLES, 1, &interval, error) !=
             WEIR_OK)
        return (int)error->status;
    if (!isfinite(interval.low) || !isfinite(interval.high))
        return WEIR_OK;
    cell->method = cell->ok < BCA_SEEDS ? REPORT_T : REPORT_BCA;
    cell->low = interval.low;
    cell->high = interval.high;
    return WEIR_OK;
}

/* The cell of a reference with a mean, or NULL. label NULL: any. */
static const report_cell *reference(const report_model *model, size_t dataset, size_t feature,
                                    const char *generator, const char *label)
{
    for (size_t e = 0; e < model->entry_count; e++) {
        const report_cell *cell = report_cell_at(model, dataset, feature, e);

        if (cell && cell->ok && equal(model->entries[e].generator, generator) &&
            equal(model->entries[e].label, label))
            return cell;
    }
    return NULL;
}

/* The scale of a feature on a dataset, and the skill of all its cells there. */
static void skills(report_model *model, size_t dataset, size_t feature)
{
    const report_feature *what = &model->features[feature];
    const char *bad = what->ceiling, *reason = "";
    const report_cell *floor_cell = reference(model, dataset, feature, "floor", "flow-disjoint");
    const report_cell *ceiling = reference(model, dataset, feature, bad, bad);
    report_scale *scale = &model->scales[dataset * model->feature_count + feature];
    double span = NAN, least = 0;

    if (!floor_cell) {
        floor_cell = reference(model, dataset, feature, "floor", "by time");
        model->floor_by_time |= floor_cell && ceiling;
    }
    if (ceiling && floor_cell) {
        span = ceiling->mean - floor_cell->mean;
        /* Equal but for the rounding of sums: no scale. */
        least = 1e-9 * fmax(fabs(ceiling->mean), fabs(floor_cell->mean));
    }
    if (!equal(what->better, "lower") && !equal(what->better, "higher"))
        reason = "the feature is neither better low nor better high";
    else if (!*bad)
        reason = "the feature declares no bad generator";
    else if (!floor_cell)
        reason = "no floor was measured on this data";
    else if (!ceiling)
        reason = equal(bad, "marginals") ? "no score of the ceiling, marginals, on this data"
                                         : "no score of the ceiling, uniform, on this data";
    else if (!(equal(what->better, "lower") ? span > least : span < -least))
        reason = "the ceiling is not above the floor";
    *scale = (report_scale){*reason ? NAN : floor_cell->mean, span, reason};
    for (size_t e = 0; e < model->entry_count; e++) {
        report_cell *cell = report_cell_at(model, dataset, feature, e);

        if (!cell || !cell->ok)
            continue;
        cell->skill_reason = reason;
        if (!*reason)
            cell->skill = report_skill(scale, cell->mean);
    }
}

const report_scale *report_row_scale(const report_model *model, const report_row *row)
{
    size_t at;

    return locate(model, row, &at) ? &model->scales[at / model->entry_count] : NULL;
}

/* Seeds of the generators that are compared. */
static int count_seeds(report_model *model, weir_error *error)
{
    const report_store *store = model->store;
    const char **seeds = report_alloc(model->store, store->row_count + 1, sizeof *seeds, error);

    for (size_t i = 0; seeds && i < store->row_count; i++) {
        size_t s = 0;

        if (equal(store->rows[i].generator, "floor"))
            continue;
        while (s < model->seeds && !equal(seeds[s], store->rows[i].seed))
            s++;
        if (s == model->seeds)
            seeds[model->seeds++] = store->rows[i].seed;
    }
    return error->status;
}

/* Whether a list of texts has this one. */
static bool listed(const json_t *list, const char *text)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry) if (json_is_string(entry) &&
                                           equal(json_string_value(entry), text)) return true;
    return false;
}

/* Of the last run, where the manifest names them: a store keeps what failed before, too. */
static int find_failures(report_model *model, weir_error *error)
{
    report_store *store = model->store;
    const json_t *last = json_object_get(store->manifest, "failures");

    model->failures = report_alloc(store, store->job_count + 1, sizeof(report_job *), error);
    for (size_t i = 0; model->failures && i < store->job_count; i++)
        if (json_is_false(json_object_get(store->jobs[i].status, "ok")) &&
            (!json_is_array(last) || listed(last, store->jobs[i].id)))
            model->failures[model->failure_count++] = &store->jobs[i];
    return error->status;
}

report_model *report_aggregate(report_store *store, weir_error *error)
{
    report_model *model = report_alloc(store, 1, sizeof *model, error);

    if (!model)
        return NULL;
    model->store = store;
    if (find_traces(model, error) != WEIR_OK || find_entries(model, error) != WEIR_OK ||
        find_features(model, error) != WEIR_OK || fill_cells(model, error) != WEIR_OK)
        return NULL;
    for (size_t i = 0; i < model->dataset_count * model->feature_count * model->entry_count; i++)
        if (model->cells[i] && summarise(model->cells[i], error) != WEIR_OK)
            return NULL;
    model->scales = report_alloc(store, model->dataset_count * model->feature_count,
                                 sizeof *model->scales, error);
    if (!model->scales)
        return NULL;
    for (size_t d = 0; d < model->dataset_count; d++)
        for (size_t f = 0; f < model->feature_count; f++)
            skills(model, d, f);
    if (count_seeds(model, error) != WEIR_OK || find_failures(model, error) != WEIR_OK ||
        report_rank(model, error) != WEIR_OK || report_averages(model, error) != WEIR_OK ||
        report_costs(model, error) != WEIR_OK)
        return NULL;
    return model;
}
