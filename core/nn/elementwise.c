/* The element-wise operations: operands are stretched to one shape by BROADCAST nodes. */
#include "nn/graph.h"
#include <math.h>
#include <string.h>

static nn_node *unary(nn_op op, nn_node *x)
{
    nn_node *instead;

    return nn_usable(nn_op_name(op), 1, &x, &instead) ? nn_make(op, x, NULL) : instead;
}

/* The shape that x[0 … n - 1] stretch to, as NumPy aligns them. false: they do not. */
static bool common_shape(int n, nn_node *const *x, int *rank, int64_t shape[NN_MAX_RANK])
{
    *rank = 0;
    for (int i = 0; i < n; i++)
        *rank = x[i]->rank > *rank ? x[i]->rank : *rank;
    for (int axis = 0; axis < *rank; axis++) {
        shape[axis] = 1;
        for (int i = 0; i < n; i++) {
            int own = axis - (*rank - x[i]->rank);
            int64_t size = own < 0 ? 1 : x[i]->shape[own];
            if (size == 1 || size == shape[axis])
                continue;
            if (shape[axis] != 1)
                return false;
            shape[axis] = size;
        }
    }
    return true;
}

static nn_node *together(nn_op op, int n, nn_node *const *x)
{
    nn_node node = {.op = op, .inputs = n}, *instead, *stretched[3];
    char text[3][320];

    if (!nn_usable(nn_op_name(op), n, x, &instead))
        return instead;
    node.graph = x[0]->graph;
    if (!common_shape(n, x, &node.rank, node.shape)) {
        for (int i = 0; i < n; i++)
            nn_describe(x[i], text[i]);
        return nn_fail(node.graph, WEIR_EOPTION,
                       "%s: %s%s%s and %s do not stretch to one shape: aligned at the last axis, "
                       "sizes are equal or 1",
                       nn_op_name(op), text[0], n > 2 ? ", " : "", n > 2 ? text[1] : "",
                       text[n - 1]);
    }
    if (!nn_shape_check(node.graph, nn_op_name(op), node.rank, node.shape))
        return node.graph->poison;
    for (int i = 0; i < n; i++)
        stretched[i] = nn_broadcast(x[i], node.rank, node.shape);
    node.input = stretched;
    return nn_node_make(&node);
}

static nn_node *binary(nn_op op, nn_node *a, nn_node *b)
{
    nn_node *x[] = {a, b};

    return together(op, 2, x);
}

nn_node *nn_add(nn_node *a, nn_node *b)
{
    return binary(NN_OP_ADD, a, b);
}

nn_node *nn_sub(nn_node *a, nn_node *b)
{
    return binary(NN_OP_SUB, a, b);
}

nn_node *nn_mul(nn_node *a, nn_node *b)
{
    return binary(NN_OP_MUL, a, b);
}

nn_node *nn_div(nn_node *a, nn_node *b)
{
    return binary(NN_OP_DIV, a, b);
}

nn_node *nn_max(nn_node *a, nn_node *b)
{
    return binary(NN_OP_MAX, a, b);
}

nn_node *nn_select(nn_node *condition, nn_node *a, nn_node *b)
{
    nn_node *x[] = {condition, a, b};

    return together(NN_OP_SELECT, 3, x);
}

nn_node *nn_exp(nn_node *x)
{
    return unary(NN_OP_EXP, x);
}

nn_node *nn_expm1(nn_node *x)
{
    return unary(NN_OP_EXPM1, x);
}

nn_node *nn_log(nn_node *x)
{
    return unary(NN_OP_LOG, x);
}

nn_node *nn_log1p(nn_node *x)
{
    return unary(NN_OP_LOG1P, x);
}

nn_node *nn_sqrt(nn_node *x)
{
    return unary(NN_OP_SQRT, x);
}

nn_node *nn_recip(nn_node *x)
{
    return unary(NN_OP_RECIP, x);
}

nn_node *nn_tanh(nn_node *x)
{
    return unary(NN_OP_TANH, x);
}

nn_node *nn_sigmoid(nn_node *x)
{
    return unary(NN_OP_SIGMOID, x);
}

nn_node *nn_erf(nn_node *x)
{
    return unary(NN_OP_ERF, x);
}

nn_node *nn_sin(nn_node *x)
{
    return unary(NN_OP_SIN, x);
}

nn_node *nn_cos(nn_node *x)
{
    return unary(NN_OP_COS, x);
}

nn_node *nn_abs(nn_node *x)
{
    return unary(NN_OP_ABS, x);
}

nn_node *nn_step(nn_node *x)
{
    return unary(NN_OP_STEP, x);
}

nn_node *nn_floor(nn_node *x)
{
    return unary(NN_OP_FLOOR, x);
}

/* x op number, a number that is not finite being a mistake. */
static nn_node *with_number(nn_op op, const char *name, nn_node *x, double number)
{
    nn_node *instead;

    if (!nn_usable(name, 1, &x, &instead))
        return instead;
    if (!isfinite(number))
        return nn_fail(x->graph, WEIR_EOPTION, "%s: the number is %g; it must be finite", name,
                       number);
    return nn_make(op, x, nn_constant_like(x, number));
}

nn_node *nn_scale(nn_node *x, double factor)
{
    return with_number(NN_OP_MUL, "scale", x, factor);
}

nn_node *nn_shift(nn_node *x, double term)
{
    return with_number(NN_OP_ADD, "shift", x, term);
}

nn_node *nn_neg(nn_node *x)
{
    return nn_scale(x, -1);
}

nn_node *nn_square(nn_node *x)
{
    return nn_mul(x, x);
}
