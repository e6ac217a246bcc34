/* The primitives by name and class, and shapes as text. */
#include "nn/graph.h"
#include <stdio.h>

static const struct {
    const char *name;
    nn_class class;
} operations[NN_OP_COUNT] = {
#define NN_OP_ROW(name, inputs, class, text) {text, NN_##class##_CLASS},
    NN_OPS(NN_OP_ROW)
#undef NN_OP_ROW
};

const char *nn_op_name(nn_op op)
{
    return (unsigned)op < NN_OP_COUNT ? operations[op].name : "unknown";
}

nn_class nn_op_class(nn_op op)
{
    return (unsigned)op < NN_OP_COUNT ? operations[op].class : NN_LEAF_CLASS;
}

bool nn_is_elementwise(nn_op op)
{
    nn_class class = nn_op_class(op);
    return class == NN_UNARY_CLASS || class == NN_BINARY_CLASS || class == NN_TERNARY_CLASS;
}

const char *nn_shape_text(const nn_node *node, char text[160])
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < node->rank; i++)
        used += (size_t)snprintf(text + used, 160 - used, "[%lld]", (long long)node->shape[i]);
    if (!node->rank)
        snprintf(text, 160, "[]");
    return text;
}
