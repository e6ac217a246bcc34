/* The engine inside a plugin: a job's graph, and a graph in a model's archive. */
#include <weir/nn_plugin.h>

#include "nn/train/lasting.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parts draw noise each for itself, as they have streams of their own: what is private over several
 * parts counts on that. */
static uint64_t seed_of(const weir_job *job)
{
    weir_random own;
    char name[32];

    if (weir_part(job) == 0)
        return weir_seed(job);
    snprintf(name, sizeof name, "graph/%u", weir_part(job));
    own = weir_random_new(weir_seed(job), name);
    return weir_random_u64(&own);
}

nn_graph *nn_graph_for(weir_job *job)
{
    nn_settings settings = {
        .seed = seed_of(job), .device = weir_device(job), .threads = weir_threads(job)};
    nn_graph *graph = nn_graph_new(&settings);

    if (!graph)
        weir_fail(job, WEIR_ENOMEM, "out of memory for a graph");
    return graph;
}

int nn_report(weir_job *job, const nn_graph *graph)
{
    if (nn_status(graph) == WEIR_OK)
        return WEIR_OK;
    return weir_fail(job, (weir_status)nn_status(graph), "%s", nn_error(graph)->text);
}

int nn_watch(weir_job *job, nn_guard *guard, int64_t step)
{
    const nn_term *terms;
    int n = nn_guard_terms(guard, &terms), status;

    status = nn_guard_step(guard, step, weir_job_error(job));
    for (int i = 0; status == WEIR_OK && i < n; i++) {
        int64_t count;
        const double *losses = nn_guard_losses(guard, i, &count);
        weir_track(job, terms[i].name, step, losses[count - 1]);
    }
    return status;
}

/* ---- Into an archive --------------------------------------------------------------------------*/

/* A scalar is an array of one. */
static int shape_of(const nn_node *variable, uint64_t shape[NN_MAX_RANK])
{
    shape[0] = 1;
    for (int i = 0; i < variable->rank; i++)
        shape[i] = (uint64_t)variable->shape[i];
    return variable->rank ? variable->rank : 1;
}

static int put_variable(weir_job *job, weir_archive *to, nn_node *variable, const char *name)
{
    size_t count = (size_t)nn_count(variable);
    nn_real *values = malloc((count + 1) * sizeof *values);
    uint64_t shape[NN_MAX_RANK];
    char full[512];
    int status, rank = shape_of(variable, shape);

    if (!values)
        return weir_error_memory(weir_job_error(job), count * sizeof *values, variable->name);
    nn_value(variable, values);
    status = nn_report(job, variable->graph);
    for (size_t i = 0; status == WEIR_OK && i < count; i++)
        if (!isfinite(values[i]))
            status = weir_fail(job, WEIR_EDIVERGE, "'%s' is not finite, so it is not saved",
                               variable->name);
    snprintf(full, sizeof full, "%s.%s", name, variable->name);
    if (status == WEIR_OK)
        status = weir_put_array(to, full, NN_FILE_TYPE, rank, shape, values);
    free(values);
    return status;
}

/* The noises' names as one text, and an array of how often each was drawn. */
static int put_draws(weir_job *job, weir_archive *to, const nn_graph *graph, const char *prefix,
                     const char *name)
{
    size_t length = 1, used = 0;
    uint64_t n = 0, *draws;
    char full[512], *names;
    int status = WEIR_OK;
    nn_node *noise;

    for (int at = 0; (noise = nn_next_leaf(graph, NN_OP_NOISE, prefix, &at)); n++)
        length += strlen(noise->name) + 1;
    draws = calloc(n + 1, sizeof *draws);
    names = calloc(length, 1);
    if (!draws || !names)
        status = weir_error_memory(weir_job_error(job), length, "the draws of noise");
    n = 0;
    for (int at = 0;
         status == WEIR_OK && (noise = nn_next_leaf(graph, NN_OP_NOISE, prefix, &at));) {
        used += (size_t)snprintf(names + used, length - used, "%s ", noise->name);
        nn_draws(noise, &draws[n++]);
        status = nn_report(job, graph);
    }
    snprintf(full, sizeof full, "%s.noises", name);
    if (status == WEIR_OK)
        status = weir_put_text(to, full, names);
    snprintf(full, sizeof full, "%s.draws", name);
    if (status == WEIR_OK)
        status = weir_put_array(to, full, WEIR_U64, 1, &n, draws);
    free(draws);
    free(names);
    return status;
}

int nn_put(weir_job *job, weir_archive *to, nn_graph *graph, const char *prefix, const char *name)
{
    int status = nn_report(job, graph);
    nn_node *node;

    for (int at = 0;
         status == WEIR_OK && (node = nn_next_leaf(graph, NN_OP_VARIABLE, prefix, &at));)
        status = put_variable(job, to, node, name);
    if (status == WEIR_OK)
        status = put_draws(job, to, graph, prefix, name);
    return status;
}

/* ---- Out of an archive ------------------------------------------------------------------------*/

static const nn_real *find_variable(const weir_archive *from, const nn_node *variable,
                                    const char *name)
{
    uint64_t shape[NN_MAX_RANK];
    char full[512];
    int rank = shape_of(variable, shape);

    snprintf(full, sizeof full, "%s.%s", name, variable->name);
    return weir_get_array(from, full, NN_FILE_TYPE, rank, shape);
}

/* Sets the draws of those noises that the archive and the graph share. */
static int set_draws(weir_job *job, const nn_graph *graph, const char *prefix, const char *names,
                     const uint64_t *draws, uint64_t n)
{
    nn_node *noise;

    for (int at = 0; (noise = nn_next_leaf(graph, NN_OP_NOISE, prefix, &at));) {
        const char *word = names;
        for (uint64_t i = 0; i < n && *word; i++) {
            size_t length = strcspn(word, " ");
            if (strlen(noise->name) == length && !strncmp(word, noise->name, length))
                nn_set_draws(noise, draws[i]);
            word += length + (word[length] == ' ');
        }
    }
    return nn_report(job, graph);
}

int nn_get(weir_job *job, const weir_archive *from, nn_graph *graph, const char *prefix,
           const char *name)
{
    const uint64_t *draws;
    const char *names;
    char full[512];
    uint64_t n = 0;
    nn_node *node;

    if (nn_report(job, graph) != WEIR_OK)
        return weir_job_error(job)->status;
    for (int at = 0; (node = nn_next_leaf(graph, NN_OP_VARIABLE, prefix, &at));)
        if (!find_variable(from, node, name))
            return weir_job_error(job)->status;
    snprintf(full, sizeof full, "%s.noises", name);
    names = weir_get_text(from, full);
    snprintf(full, sizeof full, "%s.draws", name);
    draws = weir_get_array(from, full, WEIR_U64, 1, &n);
    if (!names || !draws)
        return weir_job_error(job)->status;
    for (int at = 0; (node = nn_next_leaf(graph, NN_OP_VARIABLE, prefix, &at));)
        nn_write(node, find_variable(from, node, name));
    return set_draws(job, graph, prefix, names, draws, n);
}
