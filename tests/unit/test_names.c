/* The table of primitives: every one has a name and a class, and shapes read as they are written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nn/graph.h"

static void names_are_unique(void **state)
{
    (void)state;
    for (int a = 0; a < NN_OP_COUNT; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(nn_op_name((nn_op)a), nn_op_name((nn_op)b));
    assert_string_equal(nn_op_name(NN_OP_CONV_DATA), "conv2d_data");
    assert_string_equal(nn_op_name(NN_OP_COUNT), "unknown");
}

static void classes_tell_elementwise_from_the_rest(void **state)
{
    (void)state;
    assert_true(nn_is_elementwise(NN_OP_EXP));
    assert_true(nn_is_elementwise(NN_OP_SELECT));
    assert_false(nn_is_elementwise(NN_OP_STOP));
    assert_false(nn_is_elementwise(NN_OP_MATMUL));
    assert_int_equal(nn_op_class(NN_OP_PEAK), NN_REDUCTION_CLASS);
    assert_int_equal(nn_op_class(NN_OP_NOISE), NN_LEAF_CLASS);
}

static void shapes_are_text(void **state)
{
    (void)state;
    char text[160];
    nn_node node = {.rank = 2, .shape = {128, 9}};
    assert_string_equal(nn_shape_text(&node, text), "[128][9]");
    node.rank = 0;
    assert_string_equal(nn_shape_text(&node, text), "[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(classes_tell_elementwise_from_the_rest),
        cmocka_unit_test(shapes_are_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
