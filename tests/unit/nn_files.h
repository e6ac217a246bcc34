/* What the tests of weights, checkpoints and plugins share: a folder, and models to put into files.
 */
#ifndef WEIR_TEST_NN_FILES_H
#define WEIR_TEST_NN_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <weir/nn.h>

#include "data/safetensors.h"
#include "files.h"

static char folder[] = "/tmp/weir-test-nn-XXXXXX";

static inline int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    (void)state;
    return weir_folder_remove(folder, NULL);
}

static inline const char *in_folder(const char *name)
{
    static char path[8][300];
    static int at;

    at = (at + 1) % 8;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    return path[at];
}

static inline nn_init from(double low, double high)
{
    return (nn_init){low == high ? NN_CONSTANT : NN_UNIFORM, low, high};
}

/* Parameters net.0.weight [2][3], net.0.bias [2], net.1.weight [1][2], net.1.bias [1], a state
 * net.steps, and a parameter of another prefix. */
static inline nn_graph *some_variables(uint64_t seed)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = seed, .device = "null", .threads = 1});

    nn_parameter(g, "net.0.weight", 2, (int64_t[]){2, 3}, from(-1, 1));
    nn_parameter(g, "net.0.bias", 1, (int64_t[]){2}, from(-1, 1));
    nn_parameter(g, "net.1.weight", 2, (int64_t[]){1, 2}, from(-1, 1));
    nn_parameter(g, "net.1.bias", 1, (int64_t[]){1}, from(-1, 1));
    nn_state(g, "net.steps", 0, NULL, from(0, 0));
    nn_parameter(g, "other.weight", 1, (int64_t[]){4}, from(-1, 1));
    assert_int_equal(nn_status(g), WEIR_OK);
    return g;
}

static inline void assert_says(const nn_graph *graph, int status, const char *a, const char *b)
{
    assert_int_equal(nn_status(graph), status);
    if (!strstr(nn_error(graph)->text, a) || !strstr(nn_error(graph)->text, b))
        fail_msg("'%s' does not say '%s' and '%s'", nn_error(graph)->text, a, b);
}

static inline void assert_same_value(nn_graph *a, nn_graph *b, const char *name)
{
    nn_real left[64], right[64];
    size_t count = (size_t)nn_count(nn_find(a, name));

    assert_true(count <= 64);
    assert_int_equal(nn_value(nn_find(a, name), left), WEIR_OK);
    assert_int_equal(nn_value(nn_find(b, name), right), WEIR_OK);
    assert_memory_equal(left, right, count * sizeof *left);
}

#endif
