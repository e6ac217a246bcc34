/* The graph when memory runs out: the n-th allocation fails, for every n. See nn_failing.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nn/graph.h"
#include "nn_failing.h"

/* Everything of the graph that asks for memory. */
static void use(nn_graph *g)
{
    nn_node *x = nn_input(g, "x", 2, (int64_t[]){8, 4}), *h = x, *grad[2], *w, *array;
    nn_real values[16];

    w = nn_parameter(g, "w", 2, (int64_t[]){4, 4}, (nn_init){NN_ORTHOGONAL, 1, 0});
    array = nn_scale(nn_array(g, 1, (int64_t[]){4}, (double[]){1, 2, 3, 4}), 2);
    for (int i = 0; i < 300; i++) {
        nn_node *row = nn_broadcast(nn_slice(x, 0, i % 8, 1), 2, (int64_t[]){8, 4});
        h = nn_add(nn_tanh(nn_matmul(h, w, false, true)), nn_mul(array, row));
    }
    nn_grad(nn_total(h), 2, (nn_node *[]){w, x}, grad);
    nn_update_add(nn_assign(w, grad[0]));
    nn_updates(g, "");
    nn_value(w, values);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool survived = false;
    int n = 0;

    for (; !survived && n < 1000; n++) {
        nn_graph *g;
        until_failure = n;
        g = nn_graph_new(&(nn_settings){.device = "null"});
        if (g)
            use(g);
        survived = until_failure >= 0; /* fewer than n were needed */
        until_failure = -1;
        if (g && survived) {
            assert_int_equal(nn_status(g), WEIR_OK);
        } else if (g) {
            assert_int_equal(nn_status(g), WEIR_ENOMEM);
            assert_non_null(strstr(nn_error(g)->text, "out of memory"));
        }
        nn_graph_free(g);
    }
    assert_true(survived);
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
