/* What kernels can read and write without a copy, and what values are the same. */
#include "nn/compile/compile.h"

bool nn_matrix_fits(const nn_planned *value, const nn_view *view, bool write)
{
    int rows = value->rank - 2, columns = value->rank - 1;
    int64_t m = value->shape[rows], n = value->shape[columns];
    int64_t row = view->stride[rows], column = view->stride[columns];
    if (view->buffer < 0)
        return false;
    if ((n == 1 || column == 1) && (m == 1 || row >= n))
        return true;
    return !write && (m == 1 || row == 1) && (n == 1 || column >= m);
}

bool nn_call_can_write(const nn_planned *call, const nn_view *view)
{
    if (call->node->op == NN_OP_MATMUL)
        return nn_matrix_fits(call, view, true);
    return nn_view_is_dense(view, call->rank, call->shape);
}

bool nn_call_can_read(const nn_node *call, const nn_planned *input)
{
    if (input->view.buffer < 0)
        return false;
    if (call->op == NN_OP_MATMUL)
        return nn_matrix_fits(input, &input->view, false);
    return nn_view_is_dense(&input->view, input->rank, input->shape);
}

int nn_same_elements(const nn_plan *plan, int v)
{
    for (;;) {
        const nn_planned *value = &plan->value[v];
        if (value->manner != NN_VIEW_VALUE)
            return v;
        const nn_planned *input = &plan->value[value->input[0]];
        if (value->node->op == NN_OP_RESHAPE) {
            v = value->input[0];
            continue;
        }
        int64_t a[NN_MAX_RANK], b[NN_MAX_RANK];
        int rank = nn_space(value->rank, value->shape, a);
        if (value->node->op == NN_OP_PERMUTE) {
            int last = -1;
            for (int i = 0; i < value->rank; i++) {
                if (value->shape[i] == 1)
                    continue;
                if ((int)value->node->at[i] < last)
                    return v;
                last = (int)value->node->at[i];
            }
        }
        if (rank != nn_space(input->rank, input->shape, b))
            return v;
        for (int i = 0; i < rank; i++)
            if (a[i] != b[i])
                return v;
        v = value->input[0];
    }
}

bool nn_value_constant(const nn_plan *plan, int v, double *number)
{
    while (plan->value[v].manner == NN_VIEW_VALUE)
        v = plan->value[v].input[0];
    const nn_planned *value = &plan->value[v];
    if (value->manner != NN_LEAF_VALUE || value->node->op != NN_OP_CONSTANT || value->node->rank)
        return false;
    *number = value->node->value;
    return true;
}

unsigned nn_apart_axes(const nn_planned *over, unsigned axes)
{
    enum { FEW = 64 };
    unsigned inner = 0;
    int64_t few = 1;
    bool between = false, outer = false;
    int i = over->rank - 1;
    for (; i >= 0 && (axes >> i & 1 || over->shape[i] == 1); i--) {
        inner |= axes & 1u << i;
        few *= over->shape[i];
    }
    for (; i >= 0; i--) {
        between |= !(axes >> i & 1) && over->shape[i] > 1;
        outer |= (axes >> i & 1) && over->shape[i] > 1;
    }
    return few > 1 && few < FEW && between && outer ? inner : 0;
}
