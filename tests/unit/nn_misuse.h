/* What the tests of misuse share. */
#ifndef WEIR_TESTS_NN_MISUSE_H
#define WEIR_TESTS_NN_MISUSE_H

#include "unit/golden.h"
#include <stdint.h>
#include <string.h>
#include <weir/nn.h>

#define SHAPE(...) ((const int64_t[]){__VA_ARGS__})

static inline nn_graph *new_graph(void)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 1, .device = "cpu", .threads = 1});
    assert_non_null(g);
    return g;
}

/* The graph's error has this part; frees the graph. */
static inline void must_fail(nn_graph *g, const char *part)
{
    if (nn_status(g) == WEIR_OK)
        fail_msg("no error about \"%s\"", part);
    if (!strstr(nn_error(g)->text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, nn_error(g)->text);
    nn_graph_free(g);
}

static inline void must_work(nn_graph *g)
{
    if (nn_status(g) != WEIR_OK)
        fail_msg("%s", nn_error(g)->text);
    nn_graph_free(g);
}

#endif
