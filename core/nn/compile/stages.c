/* Which value is computed in which stage: only what outputs need, and nothing twice that has not
 * changed. */
#include "nn/compile/compile.h"
#include <string.h>

typedef struct planner {
    nn_plan *plan;
    int stage;
    bool *needed; /* by id: in this stage, and not there yet */
    int *current; /* by id: the value that holds the node now, or -1 */
    bool *still;  /* by id: a leaf, or a leaf rearranged: never computed, but read anew */
    bool *stale;  /* by id: depends on a variable that this stage has set */
} planner;

static bool rearranges(nn_op op)
{
    return op == NN_OP_BROADCAST || op == NN_OP_RESHAPE || op == NN_OP_PERMUTE ||
           op == NN_OP_SLICE || op == NN_OP_STOP;
}

static nn_manner manner_of(const nn_node *node)
{
    switch (node->op) {
    case NN_OP_INPUT:
    case NN_OP_VARIABLE:
    case NN_OP_CONSTANT:
        return NN_LEAF_VALUE;
    case NN_OP_NOISE:
    case NN_OP_MATMUL:
    case NN_OP_CONV:
    case NN_OP_CONV_DATA:
    case NN_OP_CONV_WEIGHT:
    case NN_OP_GATHER:
    case NN_OP_SCATTER:
        return NN_CALL_VALUE;
    case NN_OP_PAD:
    case NN_OP_CONCAT:
        return NN_JOIN_VALUE;
    default:
        return rearranges(node->op) ? NN_VIEW_VALUE : NN_LOOP_VALUE;
    }
}

/* Finds what the stage needs, from the last node to the first. */
static void need(planner *p, int from)
{
    nn_node **nodes = p->plan->graph->nodes;
    for (int id = from; id >= 0; id--) {
        if (!p->needed[id])
            continue;
        int at = p->current[id];
        if (at >= 0 && (p->plan->value[at].manner == NN_LEAF_VALUE || !p->still[id])) {
            p->needed[id] = false;
            continue;
        }
        for (int i = 0; i < nodes[id]->inputs; i++)
            p->needed[nodes[id]->input[i]->id] = true;
    }
}

static int add(planner *p, nn_node *node)
{
    nn_plan *plan = p->plan;
    nn_manner manner = manner_of(node);
    int v =
        nn_plan_value(plan, manner, node, manner == NN_LEAF_VALUE ? -1 : p->stage, node->inputs);
    for (int i = 0; v >= 0 && i < node->inputs; i++)
        plan->value[v].input[i] = p->current[node->input[i]->id];
    return v;
}

/* The assign's value goes to the variable at the end of the stage. What has no memory of its own is
 * copied first: it may look at a variable that another assign sets before. */
static int assign(planner *p, nn_node *node)
{
    nn_plan *plan = p->plan;
    int variable = p->current[node->input[0]->id], from = p->current[node->input[1]->id];
    if (p->still[node->input[1]->id]) {
        int copy = nn_plan_value(plan, NN_COPY_VALUE, node->input[1], p->stage, 1);
        if (copy < 0)
            return nn_status(plan->graph);
        plan->value[copy].input[0] = from;
        from = copy;
    }
    int v = nn_plan_value(plan, NN_COPY_VALUE, node->input[1], p->stage, 1);
    if (v < 0)
        return nn_status(plan->graph);
    plan->value[v].input[0] = from;
    plan->value[v].assigned = variable;
    return WEIR_OK;
}

static int plan_stage(planner *p, int wishes, nn_wish *wish)
{
    nn_graph *graph = p->plan->graph;
    int last = -1;
    for (int w = 0; w < wishes; w++) {
        if (wish[w].stage != p->stage)
            continue;
        nn_node *node = wish[w].node;
        int inputs = node->op == NN_OP_ASSIGN ? 2 : 0;
        for (int i = 0; i < inputs; i++)
            p->needed[node->input[i]->id] = true;
        if (!inputs)
            p->needed[node->id] = true;
        last = node->id > last ? node->id : last;
    }
    need(p, last);
    for (int id = 0; id <= last; id++) {
        if (!p->needed[id])
            continue;
        p->needed[id] = false;
        int v = add(p, graph->nodes[id]);
        if (v < 0)
            return nn_status(graph);
        p->current[id] = v;
    }
    memset(p->stale, 0, (size_t)graph->count * sizeof *p->stale);
    for (int w = 0; w < wishes; w++) {
        if (wish[w].stage != p->stage)
            continue;
        nn_node *node = wish[w].node;
        wish[w].value = node->op == NN_OP_ASSIGN ? -1 : p->current[node->id];
        if (node->op != NN_OP_ASSIGN)
            continue;
        bool again = false;
        for (int other = 0; other < w; other++)
            again |= wish[other].stage == p->stage && wish[other].node == node;
        if (again)
            continue;
        nn_node *variable = node->input[0];
        if (p->stale[variable->id]) {
            nn_fail(graph, WEIR_EOPTION, "nn_compile: stage %d assigns \"%s\" twice", p->stage,
                    variable->name ? variable->name : "");
            return nn_status(graph);
        }
        p->stale[variable->id] = true;
        if (assign(p, node))
            return nn_status(graph);
    }
    /* From here on, what depends on the variables set is to be computed again. */
    for (int id = 0; id < graph->count; id++) {
        const nn_node *node = graph->nodes[id];
        for (int i = 0; i < node->inputs; i++)
            p->stale[id] |= p->stale[node->input[i]->id];
        if (p->stale[id] && node->op != NN_OP_VARIABLE)
            p->current[id] = -1;
    }
    return WEIR_OK;
}

int nn_plan_values(nn_plan *plan, int wishes, nn_wish *wish)
{
    nn_graph *graph = plan->graph;
    size_t count = (size_t)graph->count;
    planner p = {.plan = plan,
                 .needed = nn_plan_alloc(plan, count * sizeof(bool)),
                 .current = nn_plan_alloc(plan, count * sizeof(int)),
                 .still = nn_plan_alloc(plan, count * sizeof(bool)),
                 .stale = nn_plan_alloc(plan, count * sizeof(bool))};
    if (!p.needed || !p.current || !p.still || !p.stale)
        return nn_status(graph);
    for (int id = 0; id < graph->count; id++) {
        const nn_node *node = graph->nodes[id];
        p.current[id] = -1;
        p.still[id] = manner_of(node) == NN_LEAF_VALUE ||
                      (rearranges(node->op) && p.still[node->input[0]->id]);
    }
    for (p.stage = 0; p.stage < plan->program->stages; p.stage++)
        if (plan_stage(&p, wishes, wish))
            return nn_status(graph);
    return WEIR_OK;
}
