/* Compiling when memory runs out: the n-th allocation fails, for every n. See nn_failing.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nn/graph.h"
#include "nn_failing.h"

/* Two stages of a network of every kind of kernel that a compiler plans. */
static nn_program *build(nn_graph *g, int fail_at)
{
    nn_node *x = nn_input(g, "x", 4, (int64_t[]){2, 8, 8, 4});
    x = nn_group_norm(nn_conv(x, 4, 3, 1, 1, "conv"), 2, 0, "norm");
    nn_node *rows = nn_reshape(x, 2, (int64_t[]){32, 16});
    for (int i = 0; i < 20; i++)
        rows = nn_gelu(nn_linear(rows, 16, nn_namef(g, "net.%d", i)));
    rows = nn_concat(1, 2, (nn_node *[]){rows, nn_pad(nn_slice(rows, 1, 2, 4), 1, 1, 3)});
    nn_node *noisy = nn_add(rows, nn_noise_normal(g, "noise", 2, (int64_t[]){32, 24}));
    nn_node *loss = nn_mean(nn_square(noisy));
    nn_node *first[] = {rows}, *second[] = {loss, nn_adam(loss, "", NULL)};
    until_failure = fail_at;
    return nn_compile(g, 2, (nn_stage[]){{"a", 1, first}, {"b", 2, second}});
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool survived = false;
    int n = 0;
    for (; !survived && n < 2000; n++) {
        nn_graph *g = nn_graph_new(&(nn_settings){.device = "null"});
        assert_non_null(g);
        assert_string_equal(nn_device(g), "null");
        nn_program *program = build(g, n);
        survived = until_failure >= 0; /* fewer than n were needed */
        until_failure = -1;
        if (survived) {
            assert_non_null(program);
            assert_int_equal(nn_status(g), WEIR_OK);
        } else {
            assert_null(program);
            assert_int_equal(nn_status(g), WEIR_ENOMEM);
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
