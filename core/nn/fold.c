/* Numbers through operations: what the element-wise primitives compute, and constants folded. */
#include "nn/graph.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Arrays of more numbers than this are not folded: the loop that computes them is cheaper than the
 * memory of one more array. */
enum { MAX_FOLDED = 4096 };

double nn_evaluate(nn_op op, double a, double b, double c)
{
    switch ((int)op) {
    case NN_OP_EXP:
        return exp(a);
    case NN_OP_EXPM1:
        return expm1(a);
    case NN_OP_LOG:
        return log(a);
    case NN_OP_LOG1P:
        return log1p(a);
    case NN_OP_SQRT:
        return sqrt(a);
    case NN_OP_RECIP:
        return 1 / a;
    case NN_OP_TANH:
        return tanh(a);
    case NN_OP_SIGMOID:
        return a >= 0 ? 1 / (1 + exp(-a)) : exp(a) / (1 + exp(a));
    case NN_OP_ERF:
        return erf(a);
    case NN_OP_SIN:
        return sin(a);
    case NN_OP_COS:
        return cos(a);
    case NN_OP_ABS:
        return fabs(a);
    case NN_OP_STEP:
        return a > 0 ? 1 : 0;
    case NN_OP_FLOOR:
        return floor(a);
    case NN_OP_ADD:
        return a + b;
    case NN_OP_SUB:
        return a - b;
    case NN_OP_MUL:
        return a * b;
    case NN_OP_DIV:
        return a / b;
    case NN_OP_MAX:
        return a >= b || isnan(a) ? a : b;
    case NN_OP_SELECT:
        return a != 0 ? b : c;
    default:
        return NAN;
    }
}

bool nn_is_constant(const nn_node *node, double *value)
{
    if (node->op == NN_OP_BROADCAST)
        node = node->input[0];
    if (node->op != NN_OP_CONSTANT || node->rank)
        return false;
    if (value)
        *value = node->value;
    return true;
}

/* A number in a shape. */
static nn_node *constant(nn_graph *graph, double value, int rank, const int64_t *shape)
{
    nn_node *scalar =
        nn_node_make(&(nn_node){.graph = graph, .op = NN_OP_CONSTANT, .value = value});

    return rank ? nn_make_moved(NN_OP_BROADCAST, scalar, rank, shape, NULL) : scalar;
}

nn_node *nn_constant_like(const nn_node *like, double value)
{
    return constant(like->graph, value, like->rank, like->shape);
}

/* Whether all inputs are numbers or (if arrays) arrays of them. */
static bool all_constant(const nn_node *description, bool arrays)
{
    for (int i = 0; i < description->inputs; i++)
        if (!nn_is_constant(description->input[i], NULL) &&
            !(arrays && description->input[i]->op == NN_OP_CONSTANT))
            return false;
    return description->inputs > 0;
}

static nn_node *fold_array(const nn_node *description)
{
    nn_node folded = {.graph = description->graph, .op = NN_OP_CONSTANT, .rank = description->rank};
    int64_t count = nn_count(description);
    double *values;
    nn_node *node;

    if (count > MAX_FOLDED)
        return NULL;
    values = malloc((size_t)count * sizeof *values);
    if (!values)
        return nn_fail(description->graph, WEIR_ENOMEM, "%s: out of memory for a constant",
                       nn_op_name(description->op));
    for (int64_t i = 0; i < count; i++) {
        double x[3] = {0};
        for (int k = 0; k < description->inputs; k++)
            if (!nn_is_constant(description->input[k], &x[k]))
                x[k] = description->input[k]->values[i];
        values[i] = nn_evaluate(description->op, x[0], x[1], x[2]);
    }
    memcpy(folded.shape, description->shape, sizeof folded.shape);
    folded.values = values;
    node = nn_node_make(&folded);
    free(values);
    return node;
}

nn_node *nn_fold(const nn_node *description)
{
    double x[3] = {0};

    if (nn_is_elementwise(description->op)) {
        if (all_constant(description, false)) {
            for (int i = 0; i < description->inputs; i++)
                nn_is_constant(description->input[i], &x[i]);
            return nn_constant_like(description, nn_evaluate(description->op, x[0], x[1], x[2]));
        }
        return all_constant(description, true) ? fold_array(description) : NULL;
    }
    switch ((int)description->op) {
    case NN_OP_RESHAPE:
    case NN_OP_PERMUTE:
    case NN_OP_SLICE:
    case NN_OP_PEAK:
    case NN_OP_STOP:
        if (nn_is_constant(description->input[0], &x[0]))
            return nn_constant_like(description, x[0]);
        return description->op == NN_OP_STOP && description->input[0]->op == NN_OP_CONSTANT
                   ? description->input[0]
                   : NULL;
    case NN_OP_PAD:
    case NN_OP_SCATTER:
        return nn_is_constant(description->input[0], &x[0]) && x[0] == 0
                   ? nn_constant_like(description, 0)
                   : NULL;
    case NN_OP_MATMUL:
    case NN_OP_CONV:
    case NN_OP_CONV_DATA:
    case NN_OP_CONV_WEIGHT:
        for (int i = 0; i < 2; i++)
            if (nn_is_constant(description->input[i], &x[0]) && x[0] == 0)
                return nn_constant_like(description, 0);
        return NULL;
    case NN_OP_CONCAT:
        if (!nn_is_constant(description->input[0], &x[0]))
            return NULL;
        for (int i = 1; i < description->inputs; i++)
            if (!nn_is_constant(description->input[i], &x[1]) || memcmp(&x[0], &x[1], sizeof x[0]))
                return NULL;
        return nn_constant_like(description, x[0]);
    default:
        return NULL;
    }
}
