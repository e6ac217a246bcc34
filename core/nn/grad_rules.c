/* The derivative of every primitive, as nodes. The local derivative is grouped apart from dy, so
 * that it can be computed, and shared, before dy is known. */
#include "nn/graph.h"
#include <string.h>

bool nn_differentiable(const nn_node *node, int i)
{
    switch ((int)node->op) {
    case NN_OP_STEP:
    case NN_OP_FLOOR:
    case NN_OP_PEAK:
    case NN_OP_STOP:
    case NN_OP_ASSIGN:
    case NN_OP_GROUP:
        return false;
    case NN_OP_SELECT:
        return i > 0;
    case NN_OP_GATHER:
    case NN_OP_SCATTER:
        return i == 0;
    default:
        return true;
    }
}

/* dy/dx of an element-wise function of one number, of its argument x and its value y. */
static nn_node *slope(nn_op op, nn_node *x, nn_node *y)
{
    switch ((int)op) {
    case NN_OP_EXP:
        return y;
    case NN_OP_EXPM1:
        return nn_shift(y, 1);
    case NN_OP_LOG:
        return nn_recip(x);
    case NN_OP_LOG1P:
        return nn_recip(nn_shift(x, 1));
    case NN_OP_SQRT:
        return nn_scale(nn_recip(y), 0.5);
    case NN_OP_RECIP:
        return nn_neg(nn_square(y));
    case NN_OP_TANH:
        return nn_sub(nn_scalar(x->graph, 1), nn_square(y));
    case NN_OP_SIGMOID:
        return nn_mul(y, nn_sub(nn_scalar(x->graph, 1), y));
    case NN_OP_ERF: /* 2 / sqrt(pi) exp(-x^2) */
        return nn_scale(nn_exp(nn_neg(nn_square(x))), 1.1283791670955126);
    case NN_OP_SIN:
        return nn_cos(x);
    case NN_OP_COS:
        return nn_neg(nn_sin(x));
    case NN_OP_ABS:
        return nn_sub(nn_step(x), nn_step(nn_neg(x)));
    default:
        return NULL;
    }
}

static void binary(nn_node *node, nn_node *dy, const bool *wanted, nn_node **out)
{
    nn_node *a = node->input[0], *b = node->input[1], *zero = nn_constant_like(dy, 0), *inverse;

    switch ((int)node->op) {
    case NN_OP_ADD:
        out[0] = out[1] = dy;
        break;
    case NN_OP_SUB:
        out[0] = dy;
        out[1] = wanted[1] ? nn_neg(dy) : NULL;
        break;
    case NN_OP_MUL:
        out[0] = wanted[0] ? nn_mul(dy, b) : NULL;
        out[1] = wanted[1] ? nn_mul(dy, a) : NULL;
        break;
    case NN_OP_DIV:
        inverse = nn_recip(b);
        out[0] = wanted[0] ? nn_mul(dy, inverse) : NULL;
        out[1] = wanted[1] ? nn_mul(dy, nn_neg(nn_mul(node, inverse))) : NULL;
        break;
    case NN_OP_MAX: /* to a where they are equal */
        if (wanted[0])
            out[0] = nn_mul(dy, nn_sub(nn_scalar(dy->graph, 1), nn_step(nn_sub(b, a))));
        if (wanted[1])
            out[1] = nn_mul(dy, nn_step(nn_sub(b, a)));
        break;
    case NN_OP_SELECT:
        out[1] = wanted[1] ? nn_select(a, dy, zero) : NULL;
        out[2] = wanted[2] ? nn_select(a, zero, dy) : NULL;
        break;
    default:
        break;
    }
}

static void contraction(nn_node *node, nn_node *dy, const bool *wanted, nn_node **out)
{
    nn_node *a = node->input[0], *b = node->input[1];
    bool ta = node->at[0] != 0, tb = node->at[1] != 0;
    int64_t stride = node->at[0], pad = node->at[1];

    switch ((int)node->op) {
    case NN_OP_MATMUL:
        if (wanted[0])
            out[0] = ta ? nn_matmul(b, dy, tb, true) : nn_matmul(dy, b, false, !tb);
        if (wanted[1])
            out[1] = tb ? nn_matmul(dy, a, true, ta) : nn_matmul(a, dy, !ta, false);
        break;
    case NN_OP_CONV: /* a: x, b: w */
        if (wanted[0])
            out[0] = nn_conv2d_data(dy, b, a->shape[1], a->shape[2], stride, pad);
        if (wanted[1])
            out[1] = nn_conv2d_weight(a, dy, b->shape[2], b->shape[3], stride, pad);
        break;
    case NN_OP_CONV_DATA: /* a: what it was given as dy, b: w */
        if (wanted[0])
            out[0] = nn_conv2d(dy, b, stride, pad);
        if (wanted[1])
            out[1] = nn_conv2d_weight(dy, a, b->shape[2], b->shape[3], stride, pad);
        break;
    case NN_OP_CONV_WEIGHT: /* a: x, b: what it was given as dy */
        if (wanted[0])
            out[0] = nn_conv2d_data(b, dy, a->shape[1], a->shape[2], stride, pad);
        if (wanted[1])
            out[1] = nn_conv2d(a, dy, stride, pad);
        break;
    default:
        break;
    }
}

/* Sums dy over the axes that x was stretched along. */
static nn_node *unstretched(nn_node *dy, nn_node *x)
{
    int lead = dy->rank - x->rank;
    unsigned axes = 0;

    for (int i = 0; i < dy->rank; i++)
        if (i < lead || x->shape[i - lead] != dy->shape[i])
            axes |= 1u << i;
    return nn_reshape(nn_sum(dy, axes), x->rank, x->shape);
}

static void concatenation(nn_node *node, nn_node *dy, const bool *wanted, nn_node **out)
{
    int axis = (int)node->at[0];
    int64_t first = 0;

    for (int i = 0; i < node->inputs; i++) {
        int64_t size = node->input[i]->shape[axis];
        if (wanted[i])
            out[i] = nn_slice(dy, axis, first, size);
        first += size;
    }
}

static nn_node *movement(nn_node *node, nn_node *dy)
{
    nn_node *x = node->input[0];
    int axes[NN_MAX_RANK];

    switch ((int)node->op) {
    case NN_OP_SUM:
        return nn_broadcast(dy, x->rank, x->shape);
    case NN_OP_BROADCAST:
        return unstretched(dy, x);
    case NN_OP_RESHAPE:
        return nn_reshape(dy, x->rank, x->shape);
    case NN_OP_PERMUTE:
        for (int i = 0; i < node->rank; i++)
            axes[node->at[i]] = i;
        return nn_permute(dy, axes);
    case NN_OP_SLICE:
        return nn_make_moved(NN_OP_PAD, dy, x->rank, x->shape, node->at);
    case NN_OP_PAD:
        return nn_make_moved(NN_OP_SLICE, dy, x->rank, x->shape, node->at);
    case NN_OP_GATHER:
        return nn_scatter(dy, node->input[1], x->shape[0]);
    case NN_OP_SCATTER:
        return nn_gather(dy, node->input[1]);
    default:
        return NULL;
    }
}

void nn_grad_rule(nn_node *node, nn_node *dy, const bool *wanted, nn_node **out)
{
    nn_node *local;

    for (int i = 0; i < node->inputs; i++)
        out[i] = NULL;
    switch (nn_op_class(node->op)) {
    case NN_UNARY_CLASS:
        local = slope(node->op, node->input[0], node);
        out[0] = local ? nn_mul(dy, local) : NULL;
        break;
    case NN_BINARY_CLASS:
    case NN_TERNARY_CLASS:
        binary(node, dy, wanted, out);
        break;
    case NN_CONTRACTION_CLASS:
        contraction(node, dy, wanted, out);
        break;
    default:
        if (node->op == NN_OP_CONCAT)
            concatenation(node, dy, wanted, out);
        else if (node->inputs && wanted[0])
            out[0] = movement(node, dy);
    }
}
