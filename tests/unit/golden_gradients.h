/* Gradients of whole training steps against PyTorch's: weights, inputs and noise come from streams
 * by their names, so that a golden file holds a few sums of each gradient (tests/golden/nn). */
#ifndef WEIR_TESTS_GOLDEN_GRADIENTS_H
#define WEIR_TESTS_GOLDEN_GRADIENTS_H

#include <string.h>

#include "golden.h"
#include "nn/graph.h"
#include <weir/nn.h>
#include <weir/random.h>

#ifdef NN_DOUBLE
#define TOLERANCE 1e-9
#else
#define TOLERANCE 1e-4
#endif

/* Writes map(u) to a leaf, u the numbers of the stream KIND + its name. */
static inline void write_drawn(nn_node *leaf, const char *kind, double factor, double term)
{
    int64_t n = nn_count(leaf);
    nn_real *values = malloc((size_t)n * sizeof *values);
    weir_random random = weir_random_new(1, nn_namef(nn_graph_of(leaf), "%s.%s", kind, leaf->name));

    assert_non_null(values);
    for (int64_t i = 0; i < n; i++)
        values[i] = (nn_real)(factor * weir_random_uniform(&random) + term);
    assert_int_equal(nn_write(leaf, values), WEIR_OK);
    free(values);
}

/* Matrices and kernels: uniform within 1 / sqrt(inputs); vectors: within 0.3 of 1 for the weights
 * of norms, within 0.1 of 0 for biases. */
static inline void set_weights(nn_graph *g)
{
    for (int i = 0; i < g->count; i++) {
        nn_node *node = g->nodes[i];
        const char *end;
        double width;
        if (node->op == NN_OP_INPUT)
            write_drawn(node, "in", 1, 0);
        if (node->op != NN_OP_VARIABLE || node->role != NN_ROLE_PARAMETER)
            continue;
        end = strrchr(node->name, '.');
        if (nn_rank(node) > 1) {
            width = 1 / sqrt((double)(nn_count(node) / nn_size(node, 0)));
            write_drawn(node, "w", 2 * width, -width);
        } else if (end && !strcmp(end, ".weight")) {
            write_drawn(node, "w", 0.6, 0.7);
        } else {
            write_drawn(node, "w", 0.2, -0.1);
        }
    }
}

static inline void compare(const char *name, const nn_node *moment, const nn_real *g, double factor,
                           const json_t *expected)
{
    double sum[3] = {0}, size = json_number_value(json_array_get(expected, 0));

    for (int64_t i = 0; i < nn_count(moment); i++) {
        double x = (double)g[i] * factor, hashed = (double)(uint32_t)(i * 2654435761);
        sum[0] += x * x;
        sum[1] += x * cos(0.7 * (double)i);
        sum[2] += x * (hashed * 0x1p-32 - 0.5);
    }
    sum[0] = sqrt(sum[0]);
    assert_true(size > 0);
    for (int k = 0; k < 3; k++) {
        double wanted = json_number_value(json_array_get(expected, (size_t)k));
        if (!(fabs(sum[k] - wanted) <= TOLERANCE * size))
            fail_msg("%s: sum %d of the gradient is %.12g, not %.12g (norm %.3g)", name, k, sum[k],
                     wanted, size);
    }
}

/* Adam's first moment after one step is 1 - beta1 times the gradient. */
static inline void check_gradients(nn_graph *g, const json_t *golden, const char *prefix,
                                   double beta1)
{
    const json_t *all = json_object_get(golden, prefix), *expected;
    const char *name;

    assert_true(json_object_size(all) > 5);
    json_object_foreach((json_t *)all, name, expected)
    {
        nn_node *moment =
            nn_find(g, nn_namef(g, "adam.%s.m.%s", prefix, name + strlen(prefix) + 1));
        nn_real *values;
        if (!moment)
            fail_msg("nothing was learnt for %s", name);
        values = malloc((size_t)nn_count(moment) * sizeof *values);
        assert_non_null(values);
        assert_int_equal(nn_value(moment, values), WEIR_OK);
        compare(name, moment, values, 1 / (1 - beta1), expected);
        free(values);
    }
}

#endif
