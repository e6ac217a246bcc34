/* What the HTML page and the Markdown page say alike: orders, names, sentences. */
#include "report/html.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

double report_feature_scale(const report_model *model, size_t dataset, size_t feature)
{
    double low = HUGE_VAL, high = 0;

    for (size_t e = 0; e < model->entry_count; e++) {
        const report_cell *cell = report_cell_at(model, dataset, feature, e);

        if (cell && cell->ok && cell->mean != 0) {
            low = fmin(low, fabs(cell->mean));
            high = fmax(high, fabs(cell->mean));
        }
    }
    return high > 0 && high / low < 1e4 ? low : 0;
}

/* Whether entry a stands before b in a feature's table. */
static bool before(const report_model *model, size_t dataset, size_t feature, size_t a, size_t b)
{
    const report_cell *x = report_cell_at(model, dataset, feature, a);
    const report_cell *y = report_cell_at(model, dataset, feature, b);
    bool ranked = a < model->ranked;

    if (ranked != (b < model->ranked))
        return ranked;
    if (!ranked)
        return a < b;
    if (!x->ok != !y->ok)
        return x->ok > 0;
    if (x->ok && x->mean != y->mean)
        return report_higher(&model->features[feature]) ? x->mean > y->mean : x->mean < y->mean;
    return a < b;
}

size_t report_feature_order(const report_model *model, size_t dataset, size_t feature,
                            size_t *order)
{
    size_t n = 0;

    for (size_t e = 0; e < model->entry_count; e++) {
        size_t at = n;

        if (!report_cell_at(model, dataset, feature, e))
            continue;
        for (; at > 0 && before(model, dataset, feature, e, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = e;
        n++;
    }
    return n;
}

bool report_feature_present(const report_model *model, int dataset, size_t feature)
{
    for (size_t e = 0; dataset >= 0 && e < model->entry_count; e++)
        if (model->entries[e].role != REPORT_FLOOR) {
            const report_cell *cell = report_cell_at(model, (size_t)dataset, feature, e);

            if (cell && (cell->ok || cell->failed))
                return true;
        }
    return false;
}

const char *report_feature_absent(const report_model *model, size_t dataset, size_t feature)
{
    if (report_feature_present(model, (int)dataset, feature))
        return NULL;
    for (size_t e = 0; e < model->entry_count; e++) {
        const report_cell *cell = report_cell_at(model, dataset, feature, e);

        if (cell && model->entries[e].role != REPORT_FLOOR)
            return cell->reason;
    }
    return NULL;
}

const char *report_floor_split(const report_model *model, size_t dataset, size_t feature)
{
    const char *split = "";

    for (size_t e = 0; e < model->entry_count; e++) {
        const report_cell *cell = report_cell_at(model, dataset, feature, e);

        if (model->entries[e].role == REPORT_FLOOR && cell && cell->ok &&
            strcmp(split, "flow-disjoint"))
            split = model->entries[e].label;
    }
    return split;
}

bool report_group_shown(const report_model *model, const report_board *board, size_t group)
{
    for (size_t i = 0; i < model->entry_count; i++)
        if (board->lines[i].skills[group])
            return true;
    return false;
}

double report_repeated(const report_model *model, const report_board *board)
{
    for (size_t i = 0; i < model->entry_count; i++)
        if (!isnan(board->lines[i].repeated) &&
            model->entries[board->lines[i].entry].role != REPORT_FLOOR)
            return board->lines[i].repeated;
    return NAN;
}

bool report_entry_present(const report_model *model, size_t trace, size_t entry)
{
    for (size_t t = 0; t < model->trace_count; t++)
        for (size_t f = 0; f < model->feature_count; f++)
            if ((t == trace || trace == model->trace_count) &&
                report_cell_at(model, (size_t)model->traces[t].main, f, entry))
                return true;
    return false;
}

const char *report_role_name(const report_entry *entry)
{
    static const char *const names[] = {"", "canary", "ceiling", "floor"};

    return names[entry->role];
}

const char *report_cell_text(const report_cell *cell, const char *unit, double scale,
                             char out[REPORT_NUMBER])
{
    if (!cell)
        return "–";
    if (cell->ok)
        return report_quantity(cell->mean, unit, scale, out);
    return cell->failed ? "failed" : "n/a";
}

const char *report_range(const double range[2], char out[REPORT_NUMBER])
{
    char high[REPORT_NUMBER];
    size_t n;

    if (isnan(range[0]))
        return "–";
    report_count(range[0], out);
    if (range[1] > range[0]) {
        n = strlen(out);
        report_count(range[1], high);
        if (n + strlen(high) + 4 < REPORT_NUMBER) {
            memcpy(out + n, "–", 4);
            memcpy(out + n + 3, high, strlen(high) + 1);
        }
    }
    return out;
}

void report_interval(const report_cell *cell, const char *unit, double scale, report_text *out)
{
    char low[REPORT_NUMBER], high[REPORT_NUMBER], *space, *other;

    report_quantity(cell->low, unit, scale, low);
    report_quantity(cell->high, unit, scale, high);
    space = strchr(low, ' ');
    other = strchr(high, ' ');
    /* A unit that both share is said once. */
    if (space && other && !strcmp(space, other))
        *space = 0;
    report_format(out, "%s – %s", low, high);
}

const char *report_method_name(const report_cell *cell)
{
    static const char *const names[] = {"none", "t", "BCa"};

    return cell->ok == 1 ? "one seed" : names[cell->method];
}

const json_t *report_input(const report_model *model, const report_trace *trace)
{
    const json_t *inputs = json_object_get(model->store->manifest, "inputs"), *input;
    size_t i;

    json_array_foreach(inputs, i, input)
    {
        const char *name = report_json_text(input, "name");
        size_t n = strcspn(name, ":");

        if (strlen(trace->name) == n && !strncmp(name, trace->name, n))
            return input;
    }
    return NULL;
}

json_t *report_facts(const report_model *model, const report_trace *trace)
{
    json_t *facts = json_object_get(report_input(model, trace), "facts");
    json_t *table = json_object_get(facts, "table1");

    return json_is_object(table) ? table : facts;
}

const char *report_rows_name(const report_model *model, const report_trace *trace)
{
    const json_t *facts = json_object_get(report_input(model, trace), "facts");

    if (!strcmp(report_json_text(facts, "schema"), "netflow"))
        return "records";
    /* Of a folder of captures the packets are counted. */
    return strcmp(report_json_text(facts, "format"), "series csv") ? "packets" : "series";
}

void report_fact(const char *key, const json_t *value, report_text *name, report_text *text)
{
    static const char *const names[][2] = {
        {"flows_of_5_packets", "share of flows with at least 5 packets"},
        {"packets_in_flows_of_5", "share of the packets in them"},
        {"zeros_in_200_steps", "share of zeros in the 200-step series"}};
    char number[REPORT_NUMBER];
    double n = json_number_value(value);
    report_text words = {0};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(key, names[i][0]))
            report_add(name, names[i][1]);
    for (const char *at = key; *at && !name->used; at++)
        report_format(&words, "%c", *at == '_' ? ' ' : *at);
    if (words.data)
        report_add(name, words.data);
    report_free(&words);
    if (!strcmp(key, "duration"))
        report_add(text, report_duration(n, number));
    else
        report_add(text, n == floor(n) ? report_count(n, number) : report_digits(n, number));
}

/* A row that a job gave, which says for whom and against what it scored; NULL: none. */
static const report_row *row_of(const report_store *store, const report_job *job)
{
    for (size_t i = 0; store && i < store->row_count; i++)
        if (!strcmp(store->rows[i].job, job->id))
            return &store->rows[i];
    return NULL;
}

void report_job_name(const report_store *store, const report_job *job, report_text *name)
{
    const report_row *row = NULL;
    const json_t *plugin = json_object_get(job->spec, "plugin");
    const json_t *inputs = json_object_get(job->spec, "inputs"), *source;
    const char *kind = report_json_text(job->spec, "job"), *on;

    if (!*kind)
        kind = report_json_text(job->status, "job");
    report_format(name, "%s of %s", *kind ? kind : "job",
                  *report_json_text(plugin, "name") ? report_json_text(plugin, "name")
                                                    : "an unknown plugin");
    if (!strcmp(kind, "score") && (row = row_of(store, job))) {
        report_format(name, " for %s%s", strcmp(row->generator, "floor") ? "" : "the floor, ",
                      *row->label ? row->label : row->generator);
        report_format(name, "%s%s, on %s", *row->seed ? ", seed " : "", row->seed, row->dataset);
        return;
    }
    if (json_is_integer(json_object_get(job->spec, "seed")))
        report_format(name, ", seed %lld",
                      (long long)json_integer_value(json_object_get(job->spec, "seed")));
    source = json_object_get(inputs, "train");
    if (!source)
        source = json_object_get(inputs, "real");
    on = report_json_text(source, "name");
    if (*on) {
        report_format(name, ", on %s", on);
        return;
    }
    /* Without a name of its own, a source goes by the stem of its first file. */
    on = json_string_value(json_array_get(json_object_get(source, "files"), 0));
    if (on) {
        on = strrchr(on, '/') ? strrchr(on, '/') + 1 : on;
        report_format(name, ", on %.*s", (int)strcspn(on, "."), on);
    }
}

const char *report_job_reason(const report_job *job)
{
    const char *reason = report_json_text(job->status, "reason");
    const char *text = report_json_text(json_object_get(job->status, "error"), "text");

    if (*text)
        return text;
    return *reason ? reason : "no reason was recorded";
}

static void count(report_text *text, size_t n, const char *one, const char *many)
{
    report_format(text, "%zu %s", n, n == 1 ? one : many);
}

void report_summary(const report_model *model, report_text *text)
{
    size_t counted = 0;

    for (size_t f = 0; f < model->feature_count; f++) {
        bool ranked = false;

        for (size_t d = 0; d < model->dataset_count; d++)
            for (size_t e = 0; e < model->ranked; e++) {
                const report_cell *cell = report_cell_at(model, d, f, e);

                ranked |= cell && model->features[f].counted && !isnan(cell->rank);
            }
        counted += ranked;
    }
    count(text, model->ranked, "generator", "generators");
    report_add(text, " on ");
    count(text, model->trace_count, "trace", "traces");
    report_add(text, ", ");
    count(text, model->seeds, "seed", "seeds");
    report_add(text, ", ");
    count(text, counted, "ranked feature", "ranked features");
    report_add(text, ".");
}

const char *const *report_reading(void)
{
    static const char *const sentences[] = {
        "Skill puts every score on one scale, lower is better: 0 is the floor (two halves of the "
        "real trace against each other), 1 is the ceiling (a generator that is declared bad).",
        "Below 0 is closer to the trace than its own halves are to each other, which may mean "
        "copying: "
        "\"copied\" is the share of the synthetic records that are in the real trace, beside what "
        "the trace's two halves have in common. It has no direction and does not enter the rank.",
        "Mean rank: in each feature of a trace the generators are ranked by their means over "
        "seeds. The ranks are averaged over the features of the trace, then over the traces that "
        "a generator ran on, each of which counts the same. Ties share their mean rank, one that "
        "failed shares the last ranks, and one to which a feature does not apply has no rank in "
        "it. \"Best\" counts the features in which a generator has the best mean, and those in "
        "which it is not distinguishable from the best: their 95 % intervals over seeds overlap.",
        "Floors, ceilings and canaries are references, which are not ranked. In parentheses "
        "stands the mean rank that a ceiling or a canary would have, were it alone added to the "
        "generators. The canary copy, which is the real data again, is never ranked, whatever its "
        "label. The skill of a group is the median over its features: a mean would be ruled by "
        "one whose floor and ceiling nearly meet.",
        NULL};

    return sentences;
}
