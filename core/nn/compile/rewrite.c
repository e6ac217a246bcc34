/* Graph to graph before lowering: the outputs, equal in exact arithmetic, with fewer and better
 * products. A pass rebuilds what is reachable from the leaves up, with a map from old to new. */
#include "nn/compile/rewrite.h"
#include "nn/compile/compile.h"
#include <stdlib.h>
#include <string.h>

static const nn_rewrite_pass *const passes[] = {
    &nn_rewrite_parts,  &nn_rewrite_mixed,  &nn_rewrite_shared,
    &nn_rewrite_sums,   &nn_rewrite_steps,  &nn_rewrite_outer,
    &nn_rewrite_slices, &nn_rewrite_shapes, &nn_rewrite_factors};

nn_node *nn_now(const nn_rewriting *r, const nn_node *node, int i)
{
    return r->now[node->input[i]->id];
}

bool nn_is_zero(const nn_node *node)
{
    double value;
    return nn_is_constant(node, &value) && value == 0;
}

/* The node on what its inputs have become. */
static nn_node *remade(nn_rewriting *r, nn_node *node, nn_node **input)
{
    bool same = true;
    for (int i = 0; i < node->inputs; i++) {
        input[i] = nn_now(r, node, i);
        same = same && input[i] == node->input[i];
    }
    if (same)
        return node;
    nn_node description = *node;
    description.input = input;
    return nn_node_make(&description);
}

static bool run_pass(nn_rewriting *r, const nn_rewrite_pass *pass)
{
    int most = 1;
    for (int id = 0; id < r->count; id++)
        if (r->graph->nodes[id]->inputs > most)
            most = r->graph->nodes[id]->inputs;
    nn_node **input = malloc((size_t)most * sizeof(nn_node *));
    bool fine = input && (!pass->begin || pass->begin(r));
    for (int id = 0; fine && id < r->count; id++) {
        nn_node *node = r->graph->nodes[id];
        if (!r->uses[id])
            continue;
        nn_node *became = node->op == NN_OP_STOP ? nn_now(r, node, 0) : pass->rule(r, node);
        if (!became)
            became = remade(r, node, input);
        if (became->op == NN_OP_POISON)
            break; /* the error is recorded */
        if (node->name && !became->name)
            became->name = node->name;
        r->now[id] = became;
    }
    if (pass->end)
        pass->end(r);
    free(input);
    return fine;
}

/* Counts the uses of what the outputs need. */
static void find_uses(nn_rewriting *r, int n, nn_node *const *outputs, const int *stage)
{
    for (int i = 0; i < n; i++) {
        r->uses[outputs[i]->id]++;
        r->user[outputs[i]->id] = -1;
        r->stages[outputs[i]->id] |= UINT64_C(1) << (stage[i] < 63 ? stage[i] : 63);
    }
    for (int id = r->count - 1; id >= 0; id--) {
        const nn_node *node = r->graph->nodes[id];
        for (int i = 0; r->uses[id] && i < node->inputs; i++) {
            r->uses[node->input[i]->id]++;
            r->user[node->input[i]->id] = id;
            r->stages[node->input[i]->id] |= r->stages[id];
        }
    }
}

static int rewrite_with(nn_graph *graph, int n, nn_node **outputs, const int *stage,
                        const nn_rewrite_pass *pass)
{
    size_t count = (size_t)graph->count;
    nn_rewriting r = {.graph = graph,
                      .count = graph->count,
                      .now = calloc(count, sizeof *r.now),
                      .uses = calloc(count, sizeof *r.uses),
                      .user = calloc(count, sizeof *r.user),
                      .stages = calloc(count, sizeof *r.stages)};
    bool fine = r.now && r.uses && r.user && r.stages;
    if (fine) {
        find_uses(&r, n, outputs, stage);
        fine = run_pass(&r, pass);
    }
    if (!fine)
        weir_error_memory(&graph->error, 32 * count, "rewriting the graph");
    for (int i = 0; !graph->error.status && i < n; i++)
        outputs[i] = r.now[outputs[i]->id];
    free(r.now);
    free(r.uses);
    free(r.user);
    free(r.stages);
    return graph->error.status;
}

int nn_rewrite(nn_graph *graph, int n, nn_node **outputs, const int *stage)
{
    if (graph->settings.debug & NN_NO_REWRITE)
        return graph->error.status;
    for (int i = 0; i < n; i++)
        if (outputs[i]->id < 0)
            return graph->error.status;
    for (size_t i = 0; i < sizeof passes / sizeof passes[0] && !graph->error.status; i++)
        rewrite_with(graph, n, outputs, stage, passes[i]);
    return graph->error.status;
}
