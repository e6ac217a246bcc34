/* Pairs of steps become one where there is a routine for both: fewer passes over a block. */
#include "nn/cpu/loop.h"

int nn_step_operands(int op)
{
    if (op >= NN_OP_COUNT || nn_op_class((nn_op)op) == NN_TERNARY_CLASS)
        return 3;
    return nn_op_class((nn_op)op) == NN_BINARY_CLASS ? 2 : 1;
}

/* What a step becomes with the one that computes its first (side 0) or second operand, or -1. */
static int joined(nn_op inner, nn_op outer, int side)
{
    if (inner == NN_OP_MUL && outer == NN_OP_ADD)
        return NN_STEP_MUL_ADD;
    if (inner == NN_OP_MUL && outer == NN_OP_SUB)
        return side == 0 ? NN_STEP_MUL_SUB : NN_STEP_SUB_MUL;
    if (inner == NN_OP_MUL && outer == NN_OP_MUL)
        return NN_STEP_MUL_MUL;
    return inner == NN_OP_ADD && outer == NN_OP_ADD ? (int)NN_STEP_ADD_ADD : -1;
}

/* How many steps and results use each register. */
static void count_uses(const nn_loop *loop, int *uses)
{
    for (int k = 0; k < loop->steps; k++) {
        const nn_instruction *step = &loop->step[k];
        int n = nn_step_operands((int)step->op);
        uses[step->a]++;
        if (n > 1)
            uses[step->b]++;
        if (n > 2)
            uses[step->c]++;
    }
    for (int r = 0; r < loop->results; r++)
        uses[loop->result[r].value]++;
}

int nn_join_steps(const nn_loop *loop, nn_instruction *step, int *at, int *uses)
{
    int first = loop->reads + loop->constants, steps = 0;

    for (int i = 0; i < loop->steps; i++) {
        step[i] = loop->step[i];
        at[i] = first + i;
    }
    count_uses(loop, uses);
    for (int i = 0; i < loop->steps; i++) {
        nn_instruction *outer = &step[i];
        for (int side = 0; side < 2 && nn_step_operands((int)outer->op) == 2; side++) {
            int used = side == 0 ? outer->a : outer->b, other = side == 0 ? outer->b : outer->a, op;
            nn_instruction inner;
            if (used < first || uses[used] != 1)
                continue;
            inner = step[used - first];
            op = joined(inner.op, outer->op, side);
            if (op < 0)
                continue;
            *outer = (nn_instruction){(nn_op)op, inner.a, inner.b, other};
            at[used - first] = -1;
        }
    }
    for (int i = 0; i < loop->steps; i++)
        if (at[i] >= 0) {
            step[steps] = step[i];
            at[steps++] = at[i];
        }
    return steps;
}
