/* Which values are computed together. */
#include "nn/compile/compile.h"
#include <string.h>

/* The index space of the loop that computes v: of what it reads, for a reduction. */
static int space_of(const nn_plan *plan, const nn_planned *value, int64_t *space)
{
    bool reduces = value->manner == NN_LOOP_VALUE &&
                   (value->node->op == NN_OP_SUM || value->node->op == NN_OP_PEAK);
    const nn_planned *over = reduces ? &plan->value[value->input[0]] : value;
    return nn_space(over->rank, over->shape, space);
}

int nn_plan_tasks(nn_plan *plan)
{
    for (int v = 0; v < plan->values; v++) {
        nn_planned *value = &plan->value[v];
        if (value->manner == NN_LEAF_VALUE || value->manner == NN_VIEW_VALUE ||
            value->manner == NN_JOIN_VALUE)
            continue;
        nn_task *task = nn_plan_task(plan);
        if (!task || !(task->member = nn_plan_alloc(plan, sizeof *task->member)))
            return nn_status(plan->graph);
        value->task = plan->tasks - 1;
        value->stored = true;
        task->stage = value->stage;
        task->call = value->manner == NN_CALL_VALUE;
        task->members = 1;
        task->member[0] = v;
        task->rank = space_of(plan, value, task->shape);
    }
    return WEIR_OK;
}
