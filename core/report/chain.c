/* From a score back to the jobs that made its synthetic data, and what they cost. */
#include "report/model.h"
#include <math.h>
#include <string.h>

/* The job whose folder a path lies in (…/jobs/ID/…), or NULL. */
static const report_job *job_of_path(const report_store *store, const char *path)
{
    const char *id = NULL;
    char name[128];
    size_t n;

    for (const char *at = path; (at = strstr(at, "jobs/")); at++)
        if (at == path || at[-1] == '/')
            id = at + 5;
    if (!id)
        return NULL;
    n = strcspn(id, "/");
    if (n == 0 || n >= sizeof name)
        return NULL;
    memcpy(name, id, n);
    name[n] = 0;
    return report_find_job(store, name);
}

/* Appends a job unless it is there. */
static size_t append(const report_job *job, const report_job **list, size_t n, size_t room)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == job)
            return n;
    if (job && n < room)
        list[n++] = job;
    return n;
}

size_t report_chain(const report_store *store, const char *score_job, const report_job **list,
                    size_t room)
{
    const report_job *job = report_find_job(store, score_job);
    const json_t *synthetic =
        json_object_get(json_object_get(job ? job->spec : NULL, "inputs"), "synthetic");
    size_t n = append(job_of_path(store, report_json_text(synthetic, "data")), list, 0, room);

    /* A model of a model: parts that were joined, and the part they started from. */
    for (size_t i = 0; i < n; i++) {
        const json_t *inputs = json_object_get(list[i]->spec, "inputs");
        const json_t *models = json_object_get(inputs, "models"), *model;
        size_t m;

        n = append(job_of_path(store, report_json_text(inputs, "model")), list, n, room);
        n = append(job_of_path(store, report_json_text(inputs, "base")), list, n, room);
        json_array_foreach(models, m, model) if (json_is_string(model)) n =
            append(job_of_path(store, json_string_value(model)), list, n, room);
    }
    return n;
}

/* What one job adds to a cost. */
static void add_job(report_cost *cost, const report_job *job)
{
    const json_t *phases = json_object_get(job->status, "phases");
    const json_t *training = json_object_get(job->status, "training"), *part;
    const char *device = json_string_value(json_object_get(job->status, "device"));
    double peak = report_json_number(job->status, "peak_memory", 0), trained = 0;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)training, i, part) trained +=
        report_json_number(part, "used", 0);
    cost->training += trained;
    /* A fit that was interrupted has the CPU time of its last attempt only; its training has all.
     */
    cost->effort += fmax(
        trained, report_json_number(
                     job->status, device && strcmp(device, "cpu") ? "seconds" : "cpu_seconds", 0));
    cost->open += report_json_number(phases, "open", 0);
    cost->fit += report_json_number(phases, "fit", 0);
    cost->sample += report_json_number(phases, "sample", 0);
    cost->save += report_json_number(phases, "save", 0);
    cost->cpu_seconds += report_json_number(job->status, "cpu_seconds", 0);
    cost->seconds += report_json_number(job->status, "seconds", 0);
    cost->peak_memory = fmax(cost->peak_memory, peak);
}

/* The cost of one seed of an entry on a dataset; runs 0 if nothing is known of it. */
static report_cost cost_of(const report_model *model, const char *dataset,
                           const report_entry *entry, const char *seed)
{
    enum { ROOM = 256 };
    const report_store *store = model->store;
    const report_job *list[ROOM], *scores[ROOM];
    size_t n = 0, scored = 0;
    report_cost cost = {.model_bytes = NAN};

    for (size_t i = 0; i < store->row_count; i++) {
        const report_row *row = &store->rows[i];

        if (strcmp(row->dataset, dataset) || strcmp(row->generator, entry->generator) ||
            strcmp(row->label, entry->label) || strcmp(row->seed, seed))
            continue;
        if (n == 0)
            n = report_chain(store, row->job, list, ROOM);
        scored = append(report_find_job(store, row->job), scores, scored, ROOM);
    }
    for (size_t i = 0; i < n; i++) {
        if (!list[i]->status)
            continue;
        add_job(&cost, list[i]);
        cost.runs = 1;
        /* The first model of the chain is the one that was sampled. */
        if (isnan(cost.model_bytes))
            cost.model_bytes = list[i]->model_bytes;
    }
    for (size_t i = 0; i < scored; i++)
        cost.score += report_json_number(scores[i]->status, "seconds", 0);
    return cost;
}

static void add_cost(report_cost *sum, const report_cost *one)
{
    sum->open += one->open;
    sum->fit += one->fit;
    sum->sample += one->sample;
    sum->save += one->save;
    sum->score += one->score;
    sum->effort += one->effort;
    sum->training += one->training;
    sum->seconds += one->seconds;
    sum->cpu_seconds += one->cpu_seconds;
    sum->peak_memory = fmax(sum->peak_memory, one->peak_memory);
    sum->model_bytes += isnan(one->model_bytes) ? 0 : one->model_bytes;
    sum->runs += one->runs;
}

static void divide_cost(report_cost *cost)
{
    double n = (double)cost->runs;

    if (cost->runs == 0)
        return;
    cost->open /= n;
    cost->fit /= n;
    cost->sample /= n;
    cost->save /= n;
    cost->score /= n;
    cost->effort /= n;
    cost->training /= n;
    cost->seconds /= n;
    cost->cpu_seconds /= n;
    cost->model_bytes /= n;
}

int report_costs(report_model *model, weir_error *error)
{
    const report_store *store = model->store;
    const char **seeds = report_alloc(model->store, store->row_count + 1, sizeof *seeds, error);
    size_t entries = model->entry_count;

    model->costs =
        report_alloc(model->store, (model->trace_count + 1) * entries, sizeof *model->costs, error);
    if (!seeds || !model->costs)
        return (int)error->status;
    for (size_t t = 0; t < model->trace_count; t++)
        for (size_t e = 0; e < entries; e++) {
            const report_entry *entry = &model->entries[e];
            const char *dataset = model->datasets[model->traces[t].main].name;
            report_cost *cost = &model->costs[t * entries + e];
            size_t n = 0;

            for (size_t i = 0; i < store->row_count; i++) {
                const report_row *row = &store->rows[i];
                size_t known = 0;

                if (strcmp(row->dataset, dataset) || strcmp(row->generator, entry->generator) ||
                    strcmp(row->label, entry->label))
                    continue;
                while (known < n && strcmp(seeds[known], row->seed))
                    known++;
                if (known == n)
                    seeds[n++] = row->seed;
            }
            for (size_t s = 0; s < n; s++) {
                report_cost one = cost_of(model, dataset, entry, seeds[s]);

                if (one.runs)
                    add_cost(cost, &one);
            }
            add_cost(&model->costs[model->trace_count * entries + e], cost);
            divide_cost(cost);
        }
    for (size_t e = 0; e < entries; e++)
        divide_cost(&model->costs[model->trace_count * entries + e]);
    return WEIR_OK;
}
