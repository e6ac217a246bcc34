/* Rewriting before lowering: values stay what they were, products become fewer and smaller.
 * Covers: core/nn/compile/rewrite.c
 * Covers: core/nn/compile/rewrite_parts.c
 * Covers: core/nn/compile/rewrite_sums.c
 * Covers: core/nn/compile/rewrite_mixed.c
 * Covers: core/nn/compile/rewrite_shared.c
 * Covers: core/nn/compile/rewrite_factors.c
 * Covers: core/nn/compile/rewrite_shapes.c */
#include "nn/compile/compile.h"
#include "unit/golden.h"
#include "unit/nn_reference.h"
#include <stdio.h>
#include <string.h>
#include <weir/random.h>

enum { MOST = 64 };

#define SHAPE(...)                                                                                 \
    (const int64_t[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

typedef struct census {
    int nodes, products, concats, sums, adds;
    double operations;
} census;

static nn_graph *open_graph(unsigned debug)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 5, .device = "null", .debug = debug});
    assert_non_null(g);
    return g;
}

/* An input with values of its own. */
static nn_node *filled(nn_graph *g, const char *name, int rank, const int64_t *shape)
{
    nn_node *x = nn_input(g, name, rank, shape);
    weir_random random = weir_random_new(9, name);
    nn_real *values = test_calloc((size_t)nn_count(x), sizeof *values);
    for (int64_t i = 0; i < nn_count(x); i++)
        values[i] = (nn_real)weir_random_normal(&random);
    assert_int_equal(nn_write(x, values), WEIR_OK);
    test_free(values);
    return x;
}

static nn_node *weight(nn_graph *g, const char *name, int64_t rows, int64_t columns)
{
    return nn_parameter(g, name, 2, SHAPE(rows, columns), nn_init_uniform(-0.7, 0.7));
}

static double operations_of(const nn_node *product)
{
    return 2.0 * (double)nn_count(product) *
           (double)nn_size(product->input[0], product->at[0] ? -2 : -1);
}

static census count(const nn_graph *g, int n, nn_node *const *outputs)
{
    census c = {0};
    bool *reached = test_calloc((size_t)g->count, sizeof *reached);
    for (int i = 0; i < n; i++)
        reached[outputs[i]->id] = true;
    for (int id = g->count - 1; id >= 0; id--) {
        const nn_node *node = g->nodes[id];
        if (!reached[id])
            continue;
        c.nodes++;
        c.products += node->op == NN_OP_MATMUL;
        c.concats += node->op == NN_OP_CONCAT;
        c.sums += node->op == NN_OP_SUM;
        c.adds += node->op == NN_OP_ADD;
        if (node->op == NN_OP_MATMUL)
            c.operations += operations_of(node);
        for (int i = 0; i < node->inputs; i++)
            reached[node->input[i]->id] = true;
    }
    test_free(reached);
    return c;
}

/* Rewrites the outputs (all of the stages given, or of stage 0) and checks that they are equal to
 * what they were. */
static void rewrite(nn_graph *g, int n, nn_node **outputs, const int *stage, census *before,
                    census *after)
{
    static const int zeros[MOST];
    nn_node *old[MOST];
    nn_reference r = {0};
    assert_int_equal(nn_status(g), WEIR_OK);
    assert_true(n <= MOST);
    memcpy(old, outputs, (size_t)n * sizeof *old);
    *before = count(g, n, old);
    assert_int_equal(nn_rewrite(g, n, outputs, stage ? stage : zeros), WEIR_OK);
    *after = count(g, n, outputs);
    for (int i = 0; i < n; i++) {
        double largest = 0, worst = 0;
        assert_true(nn_same_shape(old[i], outputs[i]));
        for (int64_t k = 0; k < nn_count(old[i]); k++) {
            double was = nn_reference_value(&r, old[i])[k];
            double is = nn_reference_value(&r, outputs[i])[k];
            largest = fmax(largest, fabs(was));
            worst = fmax(worst, fabs(was - is));
            assert_true(isfinite(is));
        }
        assert_true(largest > 0);
        assert_true(worst <= 1e-12 * largest);
    }
    nn_reference_free(&r);
}

static void gradients_of_shared_weights_are_one_product(void **state)
{
    (void)state;
    nn_graph *g = open_graph(0);
    nn_node *w = weight(g, "w", 7, 5), *loss = NULL, *out[2];
    census before, after;
    for (int i = 0; i < 3; i++) {
        nn_node *x = filled(g, nn_namef(g, "x%d", i), 2, SHAPE(4 + i, 5));
        nn_node *y = nn_mean(nn_square(nn_tanh(nn_matmul(x, w, false, true))));
        loss = loss ? nn_add(loss, y) : y;
    }
    nn_grad(loss, 1, &w, out);
    out[1] = loss;
    rewrite(g, 2, out, NULL, &before, &after);
    assert_int_equal(before.products, 6);
    assert_int_equal(after.products, 4);
    assert_true(before.operations == after.operations);
    nn_graph_free(g);
}

/* Without the rows of other terms being there: nothing to gather. */
static void a_product_used_elsewhere_stays(void **state)
{
    (void)state;
    nn_graph *g = open_graph(0);
    nn_node *a = filled(g, "a", 2, SHAPE(6, 4)), *b = filled(g, "b", 2, SHAPE(6, 3));
    nn_node *c = filled(g, "c", 2, SHAPE(6, 4)), *d = filled(g, "d", 2, SHAPE(6, 3));
    nn_node *first = nn_matmul(a, b, true, false), *second = nn_matmul(c, d, true, false);
    nn_node *out[] = {nn_add(first, second), nn_tanh(first)};
    census before, after;
    rewrite(g, 2, out, NULL, &before, &after);
    assert_int_equal(after.products, 2);
    nn_graph_free(g);
}

static nn_node *lstm_loss(nn_graph *g, int64_t steps, bool constant)
{
    nn_recurrent in = {.sequence = filled(g, "x", 3, SHAPE(steps, 3, 4)),
                       .constant = constant ? filled(g, "k", 2, SHAPE(3, 2)) : NULL,
                       .h = filled(g, "h", 2, SHAPE(3, 5)),
                       .c = filled(g, "c", 2, SHAPE(3, 5)),
                       .hidden = 5};
    return nn_mean(nn_square(nn_lstm(&in, "lstm").outputs));
}

static int all_gradients(nn_graph *g, nn_node *loss, nn_node **out)
{
    nn_node *parameter[MOST];
    int n = nn_parameters(g, "", MOST, parameter);
    assert_int_equal(nn_grad(loss, n, parameter, out), WEIR_OK);
    return n;
}

/* The state's weights: the first step, whose state is given, and one product for all others, which
 * are a slice of the layer's output. */
static void an_lstm_has_one_product_over_time(void **state)
{
    (void)state;
    enum { STEPS = 9 };
    nn_graph *g = open_graph(0);
    nn_node *out[MOST];
    census before, after;
    int n = all_gradients(g, lstm_loss(g, STEPS, true), out);
    rewrite(g, n, out, NULL, &before, &after);
    assert_int_equal(before.products - after.products, STEPS - 2);
    assert_int_equal(after.sums, before.sums + 1); /* instead of a chain of additions */
    nn_graph_free(g);
}

/* Step by step, x different in each: three concatenations (gates, states, inputs) serve the
 * gradients of both weights and of the biases. */
static void steps_share_their_concatenations(void **state)
{
    (void)state;
    enum { STEPS = 6 };
    nn_graph *g = open_graph(0);
    nn_node *h = filled(g, "h", 2, SHAPE(3, 5)), *c = filled(g, "c", 2, SHAPE(3, 5));
    nn_node *loss = NULL, *out[MOST];
    census before, after;
    for (int t = 0; t < STEPS; t++) {
        nn_lstm_step(filled(g, nn_namef(g, "x%d", t), 2, SHAPE(3, 4)), &h, &c, "lstm");
        nn_node *part = nn_mean(nn_square(h));
        loss = loss ? nn_add(loss, part) : part;
    }
    int n = all_gradients(g, loss, out);
    assert_int_equal(n, 4);
    rewrite(g, n, out, NULL, &before, &after);
    assert_int_equal(before.products - after.products, 2 * (STEPS - 1));
    assert_int_equal(after.concats - before.concats, 3);
    assert_int_equal(after.sums, before.sums + 1); /* instead of a chain of additions */
    nn_graph_free(g);
}

static void sums_over_parts_are_one_sum(void **state)
{
    (void)state;
    enum { PARTS = 5 };
    nn_graph *g = open_graph(0);
    nn_node *x = filled(g, "x", 2, SHAPE(3, 4)), *part[PARTS], *sum = NULL, *rows = NULL;
    census before, after;
    for (int i = 0; i < PARTS; i++)
        part[i] = nn_tanh(nn_scale(x, i + 1));
    nn_node *all = nn_sigmoid(nn_concat(0, PARTS, part));
    for (int i = PARTS - 1; i >= 0; i--) {
        nn_node *row = nn_reshape(nn_sum(part[i], 1), 1, SHAPE(4));
        sum = sum ? nn_add(sum, part[i]) : part[i];
        rows = rows ? nn_add(row, rows) : row;
    }
    nn_node *out[] = {all, sum, rows};
    rewrite(g, 3, out, NULL, &before, &after);
    assert_int_equal(before.adds, 2 * (PARTS - 1));
    assert_int_equal(after.adds, 0);
    assert_int_equal(before.sums, PARTS);
    assert_int_equal(after.sums, 2);
    nn_graph_free(g);
}

/* Operands of [2][6][8] by [2][8][10], stored in either way. */
static nn_node *operand(nn_graph *g, const char *name, int64_t rows, int64_t columns, bool turned)
{
    return turned ? filled(g, name, 3, SHAPE(2, columns, rows))
                  : filled(g, name, 3, SHAPE(2, rows, columns));
}

static void slices_of_products_are_products_of_slices(void **state)
{
    (void)state;
    for (int flags = 0; flags < 4; flags++) {
        bool ta = flags & 1, tb = flags & 2;
        nn_graph *g = open_graph(0);
        nn_node *p = nn_matmul(operand(g, "a", 6, 8, ta), operand(g, "b", 8, 10, tb), ta, tb);
        nn_node *some = nn_slice(nn_slice(p, 1, 1, 3), 2, 2, 4);
        nn_node *out[] = {nn_slice(some, 2, 0, 2), nn_slice(some, 2, 1, 3)};
        census before, after;
        rewrite(g, 2, out, NULL, &before, &after);
        assert_int_equal(after.products, 1);
        assert_true(after.operations == before.operations * (3 * 4) / (6 * 10));
        nn_graph_free(g);
    }
}

static void a_product_that_is_used_whole_stays(void **state)
{
    (void)state;
    nn_graph *g = open_graph(0);
    nn_node *p =
        nn_matmul(filled(g, "a", 2, SHAPE(4, 5)), filled(g, "b", 2, SHAPE(5, 6)), false, false);
    nn_node *out[] = {nn_slice(p, 1, 0, 2), nn_tanh(p)};
    census before, after;
    rewrite(g, 2, out, NULL, &before, &after);
    assert_true(after.operations == before.operations);
    nn_graph_free(g);
}

/* x on axis 1 or 2 with zeros around it: as padding, or as a concatenation. */
static nn_node *with_zeros(nn_node *x, int axis, int64_t before, int64_t after, bool concat)
{
    if (!concat)
        return nn_pad(x, axis, before, after);
    nn_node *part[3] = {NULL, x, NULL};
    for (int i = 0; i < 3; i += 2) {
        int64_t shape[] = {x->shape[0], x->shape[1], x->shape[2]};
        shape[axis] = i ? after : before;
        part[i] = nn_broadcast(nn_scalar(x->graph, 0), 3, shape);
    }
    return nn_concat(axis, 3, part);
}

static void zeros_are_not_multiplied(void **state)
{
    (void)state;
    for (int flags = 0; flags < 16; flags++) {
        bool ta = flags & 1, tb = flags & 2, right = flags & 4, concat = flags & 8;
        for (int summed = 0; summed < 2; summed++) {
            nn_graph *g = open_graph(0);
            /* 6 x 8 by 8 x 10, with the operand's axis grown to 20 by zeros */
            int64_t k = summed ? 20 : 8;
            nn_node *a = operand(g, "a", 6, right ? k : 8, ta);
            nn_node *b = operand(g, "b", right ? 8 : k, 10, tb);
            bool turned = right ? tb : ta;
            int axis = (summed != right) != turned ? 2 : 1;
            int64_t size = summed ? 8 : right ? 10 : 6;
            nn_node **x = right ? &b : &a;
            *x = with_zeros(*x, axis, 5, 15 - size + (summed ? 0 : 5), concat);
            nn_node *out[] = {nn_matmul(a, b, ta, tb)};
            census before, after;
            rewrite(g, 1, out, NULL, &before, &after);
            assert_int_equal(after.products, 1);
            assert_true(after.operations == 2.0 * 2 * 6 * 8 * 10);
            assert_true(before.operations >= 2 * after.operations);
            nn_graph_free(g);
        }
    }
}

static void products_of_vectors_are_element_wise(void **state)
{
    (void)state;
    for (int flags = 0; flags < 4; flags++) {
        bool ta = flags & 1, tb = flags & 2;
        nn_graph *g = open_graph(0);
        nn_node *out[] = {nn_matmul(operand(g, "a", 6, 1, ta), operand(g, "b", 1, 10, tb), ta, tb)};
        census before, after;
        rewrite(g, 1, out, NULL, &before, &after);
        assert_int_equal(after.products, 0);
        nn_graph_free(g);
    }
}

static nn_node *critic(nn_node *x)
{
    for (int i = 0; i < 2; i++)
        x = nn_gelu(nn_linear(x, 8, nn_namef(nn_graph_of(x), "critic.%d", i)));
    return nn_linear(x, 1, "critic.2");
}

/* A critic's step: products of the mixed rows' first layer and of its gradient are those of the
 * real and the generated rows; one product a weight; only the generated columns of the input's
 * gradient. */
static void a_critic_step_has_the_products_it_needs(void **state)
{
    (void)state;
    nn_graph *g = open_graph(0);
    nn_node *context = filled(g, "context", 2, SHAPE(6, 2)), *out[MOST];
    nn_node *real = filled(g, "real", 2, SHAPE(6, 3)), *fake = filled(g, "fake", 2, SHAPE(6, 3));
    nn_node *mixed = nn_mix(real, fake, "mix");
    nn_node *sample[] = {real, fake, mixed}, *score[3];
    for (int i = 0; i < 3; i++)
        score[i] = critic(nn_concat(1, 2, (nn_node *[]){context, sample[i]}));
    nn_node *loss = nn_add(nn_add(nn_mean(nn_square(score[0])), nn_mean(score[1])),
                           nn_gradient_penalty(score[2], 1, &mixed, 1e-9));
    census before, after;
    int n = all_gradients(g, loss, out);
    rewrite(g, n, out, NULL, &before, &after);
    /* Forward 3 real, 2 generated, 1 mixed (its first layer is a mixture, its score nobody asks
     * for); the input's gradient 2, its derivative 2; 3 back to the first layer; 3 weights. */
    assert_int_equal(after.products, 16);
    assert_int_equal(before.products, 24);
    assert_true(after.operations < 0.9 * before.operations);
    nn_graph_free(g);
}

/* A condition in front of what is new in each step is multiplied once, its weight's gradient too;
 * a narrow one stays where it is. */
static void a_common_part_is_multiplied_once(void **state)
{
    (void)state;
    enum { STEPS = 5, ROWS = 3, NEW = 4, HIDDEN = 5 };
    for (int wide = 0; wide < 2; wide++) {
        const int64_t width = wide ? 70 : 6;
        nn_graph *g = open_graph(0);
        nn_node *h = filled(g, "h", 2, SHAPE(ROWS, HIDDEN)), *loss = NULL, *out[MOST];
        nn_node *c = filled(g, "c", 2, SHAPE(ROWS, HIDDEN));
        nn_node *condition = filled(g, "condition", 2, SHAPE(ROWS, width));
        census before, after;
        for (int t = 0; t < STEPS; t++) {
            nn_node *x[] = {condition, filled(g, nn_namef(g, "x%d", t), 2, SHAPE(ROWS, NEW))};
            nn_lstm_step(nn_concat(1, 2, x), &h, &c, "lstm");
            nn_node *part = nn_mean(nn_square(h));
            loss = loss ? nn_add(loss, part) : part;
        }
        int n = all_gradients(g, loss, out);
        rewrite(g, n, out, NULL, &before, &after);
        double saved = 2.0 * (STEPS - 1) * ROWS * 4 * HIDDEN * (double)width * 2;
        assert_true(before.operations - after.operations == (wide ? saved : 0));
        nn_graph_free(g);
    }
}

/* Where the mixture is needed but its parts are not, their products would be extra work. */
static void a_mixture_alone_is_multiplied(void **state)
{
    (void)state;
    nn_graph *g = open_graph(0);
    nn_node *w = weight(g, "w", 4, 4), *sample[3], *out[3];
    sample[0] = filled(g, "real", 2, SHAPE(6, 4));
    sample[1] = filled(g, "fake", 2, SHAPE(6, 4));
    sample[2] = nn_mix(sample[0], sample[1], "mix");
    census before, after;
    for (int i = 0; i < 3; i++)
        out[i] = nn_tanh(nn_matmul(sample[i], w, false, true));
    nn_node *again[] = {out[0], out[1], out[2]};
    rewrite(g, 3, out, (const int[]){0, 0, 1}, &before, &after);
    assert_int_equal(after.products, 3);
    rewrite(g, 3, again, (const int[]){1, 1, 1}, &before, &after);
    assert_int_equal(after.products, 2);
    nn_graph_free(g);
}

static bool depends_on(const nn_node *node, const nn_node *on)
{
    bool found = node == on;
    for (int i = 0; !found && i < node->inputs; i++)
        found = depends_on(node->input[i], on);
    return found;
}

/* The other factor of a product by x, which must be one; it must not need x. */
static const nn_node *beside(const nn_node *node, const nn_node *x)
{
    assert_int_equal(node->op, NN_OP_MUL);
    int side = node->input[1] == x;
    assert_ptr_equal(node->input[side], x);
    assert_false(depends_on(node->input[1 - side], x));
    return node->input[1 - side];
}

/* The derivative of a layer comes last: all that it is multiplied by is one value, which the
 * forward pass can leave behind. */
static void what_is_known_last_is_multiplied_last(void **state)
{
    (void)state;
    nn_graph *g = open_graph(0);
    nn_node *x = filled(g, "x", 2, SHAPE(4, 4)), *w = weight(g, "w", 4, 4);
    nn_node *z = nn_matmul(x, w, false, false), *a = nn_tanh(z), *b = nn_exp(z), *c = nn_sin(z);
    nn_node *last = nn_matmul(a, w, false, false);
    nn_node *da = nn_mul(nn_scale(last, 3), a), *db = nn_mul(nn_mul(last, b), c);
    nn_node *within = nn_mul(nn_add(nn_mul(last, nn_cos(z)), nn_mul(last, c)), a);
    nn_node *out[] = {nn_mul(nn_mul(last, a), b), nn_sub(da, db), nn_gelu(last),
                      nn_sub(nn_mul(last, b), within)};
    nn_grad(nn_total(nn_gelu(z)), 1, &z, &out[2]);
    out[2] = nn_mul(out[2], last);
    census before, after;
    rewrite(g, 4, out, NULL, &before, &after);
    for (int i = 0; i < 4; i++)
        beside(out[i], last);
    assert_int_equal(beside(out[1], last)->op, NN_OP_SUB);
    nn_graph_free(g);
}

/* What a group norm computes and what follows it have one shape, but for the reshape at the end. */
static void work_stays_in_its_shape(void **state)
{
    (void)state;
    nn_graph *g = open_graph(0);
    nn_node *x = filled(g, "x", 4, SHAPE(2, 3, 2, 8)), *bias = filled(g, "b", 1, SHAPE(8));
    nn_node *each = filled(g, "e", 4, SHAPE(2, 1, 1, 1)), *row = filled(g, "r", 3, SHAPE(3, 1, 1));
    nn_node *groups = nn_tanh(nn_reshape(x, 4, SHAPE(2, 6, 4, 2)));
    nn_node *back = nn_reshape(groups, 4, SHAPE(2, 3, 2, 8));
    nn_node *fine = nn_mul(nn_silu(nn_add(back, bias)), each), *sum = nn_sum(nn_silu(back), 6);
    nn_node *out[] = {nn_mul(fine, fine), sum, nn_exp(nn_add(back, row)), nn_sum(nn_exp(back), 2)};
    census before, after;
    rewrite(g, 4, out, NULL, &before, &after);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(out[i]->op, NN_OP_RESHAPE);
        const nn_node *inner = out[i]->input[0];
        assert_true(inner->rank == 4 && inner->shape[2] == 4 && inner->shape[3] == 2);
    }
    /* a third of an axis, and a sum over it, cannot be said in the other shape */
    assert_int_equal(out[2]->op, NN_OP_EXP);
    assert_int_equal(out[3]->op, NN_OP_SUM);
    nn_graph_free(g);
}

/* A product that something else needs too is not taken apart. */
static void shared_products_stay(void **state)
{
    (void)state;
    nn_graph *g = open_graph(0);
    nn_node *a = filled(g, "a", 2, SHAPE(4, 4)), *b = filled(g, "b", 2, SHAPE(4, 4));
    nn_node *last = nn_matmul(a, b, false, false), *both = nn_mul(last, a);
    nn_node *out[] = {nn_mul(both, b), nn_tanh(both)};
    census before, after;
    rewrite(g, 2, out, NULL, &before, &after);
    assert_int_equal(out[0]->op, NN_OP_MUL);
    assert_true(out[0]->input[0] == both || out[0]->input[1] == both);
    nn_graph_free(g);
}

static void it_can_be_switched_off(void **state)
{
    (void)state;
    nn_graph *g = open_graph(NN_NO_REWRITE);
    nn_node *out[MOST], *old[MOST];
    census before, after;
    int n = all_gradients(g, lstm_loss(g, 4, false), out);
    memcpy(old, out, sizeof old);
    rewrite(g, n, out, NULL, &before, &after);
    assert_memory_equal(old, out, (size_t)n * sizeof *out);
    nn_graph_free(g);
}

/* Long sequences: the work grows as the graph does. */
static void the_graph_does_not_swell(void **state)
{
    (void)state;
    nn_graph *g = open_graph(0);
    nn_node *out[MOST];
    static const int stage[MOST];
    int n = all_gradients(g, lstm_loss(g, 200, true), out), was = g->count;
    assert_int_equal(nn_rewrite(g, n, out, stage), WEIR_OK);
    assert_true(g->count < 3 * was);
    nn_graph_free(g);
}

/* Chains of any length: nothing is as deep as they are. */
static void long_chains_are_no_trouble(void **state)
{
    (void)state;
    nn_graph *g = open_graph(0);
    static const int stage[2];
    nn_node *x = filled(g, "x", 1, SHAPE(2)), *sum = x, *product = x;
    for (int i = 1; i < 100000; i++) {
        nn_node *next = nn_shift(x, i);
        sum = i % 2 ? nn_add(sum, next) : nn_sub(nn_scale(next, 0.5), sum);
        product = nn_mul(product, next);
    }
    nn_node *out[] = {sum, product};
    assert_int_equal(nn_rewrite(g, 2, out, stage), WEIR_OK);
    nn_graph_free(g);
}

/* The same graph built twice becomes the same nodes. */
static void it_is_the_same_every_time(void **state)
{
    (void)state;
    char text[2][4096] = {"", ""};
    for (int round = 0; round < 2; round++) {
        nn_graph *g = open_graph(0);
        nn_node *out[MOST];
        static const int stage[MOST];
        int n = all_gradients(g, lstm_loss(g, 5, true), out);
        assert_int_equal(nn_rewrite(g, n, out, stage), WEIR_OK);
        for (int i = 0; i < n; i++)
            snprintf(text[round] + strlen(text[round]), sizeof text[0] - strlen(text[round]),
                     "%d/%d ", out[i]->id, g->count);
        nn_graph_free(g);
    }
    assert_string_equal(text[0], text[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_shared_weights_are_one_product),
        cmocka_unit_test(a_product_used_elsewhere_stays),
        cmocka_unit_test(an_lstm_has_one_product_over_time),
        cmocka_unit_test(steps_share_their_concatenations),
        cmocka_unit_test(sums_over_parts_are_one_sum),
        cmocka_unit_test(slices_of_products_are_products_of_slices),
        cmocka_unit_test(a_product_that_is_used_whole_stays),
        cmocka_unit_test(zeros_are_not_multiplied),
        cmocka_unit_test(products_of_vectors_are_element_wise),
        cmocka_unit_test(a_critic_step_has_the_products_it_needs),
        cmocka_unit_test(a_common_part_is_multiplied_once),
        cmocka_unit_test(a_mixture_alone_is_multiplied),
        cmocka_unit_test(what_is_known_last_is_multiplied_last),
        cmocka_unit_test(work_stays_in_its_shape),
        cmocka_unit_test(shared_products_stay),
        cmocka_unit_test(it_can_be_switched_off),
        cmocka_unit_test(the_graph_does_not_swell),
        cmocka_unit_test(long_chains_are_no_trouble),
        cmocka_unit_test(it_is_the_same_every_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
