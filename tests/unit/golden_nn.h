/* Golden values of the engine: tests/golden/nn/NAME.safetensors, made by make.py beside it. A case
 * builds the model, says which nodes are which tensors, and runs; every value must be within
 * 1e-9 (double build) or 1e-4 (float) of PyTorch's, relative to the tensor's largest. */
#ifndef WEIR_TESTS_GOLDEN_NN_H
#define WEIR_TESTS_GOLDEN_NN_H

#include "golden.h"
#include "nn_reference.h"
#include <data/safetensors.h>
#include <string.h>
#include <weir/nn.h>

#ifdef NN_DOUBLE
#define GOLDEN_TOLERANCE 1e-9
#else
#define GOLDEN_TOLERANCE 1e-4
#endif

enum { GOLDEN_MOST = 512, GOLDEN_NAME = 128 };

typedef struct golden {
    const char *name; /* of the case, for messages */
    weir_tensors file;
    nn_graph *g;
    int inputs, expected;
    struct golden_pair {
        nn_node *node;
        const weir_tensor *tensor;
    } input[GOLDEN_MOST], expect[GOLDEN_MOST];
} golden;

static inline const weir_tensor *golden_tensor(const golden *c, const char *name)
{
    const weir_tensor *tensor = weir_tensors_find(&c->file, name);

    if (!tensor)
        fail_msg("%s has no tensor %s", c->name, name);
    assert_int_equal(tensor->type, WEIR_F64);
    return tensor;
}

static inline const double *golden_values(const golden *c, const char *name)
{
    return golden_tensor(c, name)->data;
}

static inline void golden_open(golden *c, const char *name, unsigned debug, int threads)
{
    char path[512];
    weir_error error = {0};

    *c = (golden){.name = name};
    snprintf(path, sizeof path, "%s/tests/golden/nn/%s.safetensors", WEIR_SOURCE_DIR, name);
    if (weir_tensors_read(&c->file, path, &error))
        fail_msg("%s: %s", path, error.text);
    c->g = nn_graph_new(
        &(nn_settings){.seed = 1, .device = "cpu", .threads = threads, .debug = debug});
    assert_non_null(c->g);
}

static inline void golden_close(golden *c)
{
    if (nn_status(c->g))
        fail_msg("%s: %s", c->name, nn_error(c->g)->text);
    nn_graph_free(c->g);
    weir_tensors_free(&c->file);
}

static inline void golden_check_status(const golden *c, int status)
{
    if (status)
        fail_msg("%s: %s", c->name, nn_error(c->g)->text);
}

static inline size_t golden_count(const weir_tensor *tensor)
{
    return tensor->bytes / sizeof(double);
}

/* Sets an input or a variable to a tensor's values. */
static inline void golden_write(const golden *c, nn_node *leaf, const weir_tensor *tensor)
{
    size_t n = golden_count(tensor);
    nn_real *values = malloc((n + 1) * sizeof *values);

    assert_non_null(values);
    assert_int_equal(nn_count(leaf), n);
    for (size_t i = 0; i < n; i++)
        values[i] = (nn_real)((const double *)tensor->data)[i];
    golden_check_status(c, nn_write(leaf, values));
    free(values);
}

/* The input of this name with the shape, and on running the values, of the tensor in.NAME. */
static inline nn_node *golden_input(golden *c, const char *name)
{
    char key[GOLDEN_NAME];
    int64_t shape[NN_MAX_RANK];
    const weir_tensor *tensor;

    snprintf(key, sizeof key, "in.%s", name);
    tensor = golden_tensor(c, key);
    for (int i = 0; i < tensor->rank; i++)
        shape[i] = (int64_t)tensor->shape[i];
    assert_true(c->inputs < GOLDEN_MOST);
    c->input[c->inputs].tensor = tensor;
    return c->input[c->inputs++].node = nn_input(c->g, name, tensor->rank, shape);
}

/* Sets all inputs, and every variable for which there is a tensor w.NAME. Variables that were not
 * built are an error: the model is then not the same. */
static inline void golden_set(const golden *c)
{
    for (int i = 0; i < c->inputs; i++)
        golden_write(c, c->input[i].node, c->input[i].tensor);
    for (size_t i = 0; i < c->file.count; i++) {
        const weir_tensor *tensor = &c->file.items[i];
        nn_node *variable;
        if (strncmp(tensor->name, "w.", 2) != 0)
            continue;
        variable = nn_find(c->g, tensor->name + 2);
        if (!variable)
            fail_msg("%s: the graph has no %s", c->name, tensor->name + 2);
        golden_write(c, variable, tensor);
    }
}

static inline void golden_compare(const golden *c, const nn_real *found, const double *expected,
                                  size_t n, const char *name)
{
    double worst = 0, scale = 0;

    for (size_t i = 0; i < n; i++) {
        double difference = fabs((double)found[i] - expected[i]);
        worst = difference > worst || isnan(difference) ? difference : worst;
        scale = fmax(scale, fabs(expected[i]));
        if (isnan(worst))
            break;
    }
    scale = scale > 0 ? scale : 1; /* zero but for rounding: absolute */
    if (!(worst <= GOLDEN_TOLERANCE * scale))
        fail_msg("%s: %s differs by %.3g of its largest value", c->name, name, worst / scale);
}

/* Compares what the program computed with the tensor. */
static inline void golden_read(const golden *c, nn_program *program, nn_node *node,
                               const weir_tensor *tensor)
{
    size_t n = golden_count(tensor);
    nn_real *values = malloc((n + 1) * sizeof *values);

    assert_non_null(values);
    if ((size_t)nn_count(node) != n)
        fail_msg("%s: %s has %d numbers, not %d", c->name, tensor->name, (int)nn_count(node),
                 (int)n);
    golden_check_status(c, nn_read(program, node, values));
    golden_compare(c, values, tensor->data, n, tensor->name);
    free(values);
}

/* The node is to be equal to the tensor. */
static inline void golden_expect(golden *c, nn_node *node, const char *name)
{
    assert_true(c->expected < GOLDEN_MOST);
    c->expect[c->expected++] = (struct golden_pair){node, golden_tensor(c, name)};
}

/* The gradient of loss by node is to be equal to the tensor. */
static inline void golden_expect_gradient(golden *c, nn_node *loss, nn_node *node, const char *name)
{
    nn_node *gradient = NULL;

    golden_check_status(c, nn_grad(loss, 1, &node, &gradient));
    golden_expect(c, gradient, name);
}

/* So are those by all variables with a tensor BEFORE + NAME whose NAME begins with prefix. Returns
 * how many there are. */
static inline int golden_expect_gradients(golden *c, nn_node *loss, const char *before,
                                          const char *prefix)
{
    nn_node *wrt[GOLDEN_MOST], *gradient[GOLDEN_MOST];
    const char *names[GOLDEN_MOST];
    size_t skip = strlen(before);
    int n = 0;

    for (size_t i = 0; i < c->file.count; i++) {
        const char *name = c->file.items[i].name;
        if (strncmp(name, before, skip) != 0 || strncmp(name + skip, prefix, strlen(prefix)) != 0 ||
            !nn_find(c->g, name + skip))
            continue;
        names[n] = name;
        wrt[n++] = nn_find(c->g, name + skip);
    }
    assert_true(n > 0);
    golden_check_status(c, nn_grad(loss, n, wrt, gradient));
    for (int i = 0; i < n; i++)
        golden_expect(c, gradient[i], names[i]);
    return n;
}

/* Compiles what is expected so far, with one more output (or NULL), as a program of one stage. */
static inline nn_program *golden_compile(const golden *c, nn_node *effect)
{
    nn_node *outputs[GOLDEN_MOST + 1];
    nn_program *program;
    int n = 0;

    for (int i = 0; i < c->expected; i++)
        outputs[n++] = c->expect[i].node;
    if (effect)
        outputs[n++] = effect;
    program = nn_compile(c->g, 1, &(nn_stage){c->name, n, outputs});
    if (!program)
        fail_msg("%s: %s", c->name, nn_error(c->g)->text);
    return program;
}

/* Compares what the nodes mean, whatever a back end makes of them. */
static inline void golden_mean(const golden *c)
{
    nn_reference reference = {0};

    for (int i = 0; i < c->expected; i++) {
        const weir_tensor *tensor = c->expect[i].tensor;
        size_t n = golden_count(tensor);
        const double *value = nn_reference_value(&reference, c->expect[i].node);
        nn_real *values = malloc((n + 1) * sizeof *values);
        assert_non_null(values);
        assert_int_equal(nn_count(c->expect[i].node), n);
        for (size_t k = 0; k < n; k++)
            values[k] = (nn_real)value[k];
        golden_compare(c, values, tensor->data, n, tensor->name);
        free(values);
    }
    nn_reference_free(&reference);
}

/* Sets, evaluates node by node and compares; compiles, runs and compares. */
static inline nn_program *golden_run(const golden *c, nn_node *effect)
{
    nn_program *program;

    assert_true(c->expected > 0);
    golden_set(c);
    golden_mean(c);
    program = golden_compile(c, effect);
    golden_check_status(c, nn_run(program, 0));
    for (int i = 0; i < c->expected; i++)
        golden_read(c, program, c->expect[i].node, c->expect[i].tensor);
    return program;
}

/* Every variable for which there is a tensor BEFORE + NAME, NAME beginning with prefix, is now
 * equal to it. */
static inline void golden_after(const golden *c, const char *before, const char *prefix)
{
    size_t skip = strlen(before);
    int n = 0;

    for (size_t i = 0; i < c->file.count; i++) {
        const weir_tensor *tensor = &c->file.items[i];
        nn_node *variable;
        nn_real *values;
        if (strncmp(tensor->name, before, skip) != 0 ||
            strncmp(tensor->name + skip, prefix, strlen(prefix)) != 0)
            continue;
        variable = nn_find(c->g, tensor->name + skip);
        if (!variable)
            fail_msg("%s: the graph has no %s", c->name, tensor->name + skip);
        assert_int_equal(nn_count(variable), golden_count(tensor));
        values = malloc(golden_count(tensor) * sizeof *values);
        assert_non_null(values);
        golden_check_status(c, nn_value(variable, values));
        golden_compare(c, values, tensor->data, golden_count(tensor), tensor->name);
        free(values);
        n++;
    }
    assert_true(n > 0);
}

/* Runs a case as compiled for users, and with each of the compiler's parts, and all, left out. */
static inline void golden_each(void (*run)(golden *c), const char *name)
{
    const unsigned debug[] = {0,
                              0,
                              NN_NO_REWRITE,
                              NN_NO_FUSION,
                              NN_NO_REUSE,
                              NN_NO_VIEWS,
                              NN_NO_REWRITE | NN_NO_FUSION | NN_NO_REUSE | NN_NO_VIEWS};

    for (int i = 0; i < (int)(sizeof debug / sizeof debug[0]); i++) {
        golden c;
        golden_open(&c, name, debug[i], 1 + i % 2);
        run(&c);
        golden_close(&c);
    }
}

#endif
