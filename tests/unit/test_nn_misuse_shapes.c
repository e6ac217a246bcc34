/* Layers and operations given shapes and numbers that cannot be: each is an error, and none is a
 * crash, an overflow or a wrong size. */
#include "unit/nn_misuse.h"
#include <math.h>

static void shapes_that_cannot_be(void **state)
{
    (void)state;
    static const int64_t many[] = {1, 1, 1, 1, 1, 1}, none[] = {3, 0}, less[] = {3, -1};
    static const int64_t large[] = {INT64_C(1) << 32, INT64_C(1) << 32}, most[] = {INT64_MAX};
    static const struct {
        int rank;
        const int64_t *shape;
        const char *part;
    } shape[] = {{6, many, "rank 6"},          {-1, many, "rank -1"},  {INT32_MAX, many, "rank 2"},
                 {INT32_MIN, many, "rank -2"}, {2, NULL, "rank 2"},    {2, none, "size 0"},
                 {2, less, "size -1"},         {2, large, "elements"}, {1, most, "elements"}};
    for (size_t i = 0; i < sizeof shape / sizeof shape[0]; i++) {
        int rank = shape[i].rank;
        const int64_t *s = shape[i].shape;
        for (int kind = 0; kind < 8; kind++) {
            nn_graph *g = new_graph();
            nn_node *x = nn_input(g, "x", 1, SHAPE(1));
            if (kind == 0)
                nn_input(g, "a", rank, s);
            else if (kind == 1)
                nn_parameter(g, "a", rank, s, nn_init_constant(0));
            else if (kind == 2)
                nn_state(g, "a", rank, s, nn_init_constant(0));
            else if (kind == 3)
                nn_array(g, rank, s, (double[]){0});
            else if (kind == 4)
                nn_noise_uniform(g, "a", rank, s);
            else if (kind == 5)
                nn_noise_normal(g, "a", rank, s);
            else if (kind == 6)
                nn_broadcast(x, rank, s);
            else if (s != less)
                nn_reshape(x, rank, s);
            else
                nn_broadcast(x, rank, s);
            if (nn_status(g) == WEIR_OK || (kind != 7 && !strstr(nn_error(g)->text, shape[i].part)))
                fail_msg("shape %zu, kind %d: \"%s\"", i, kind, nn_error(g)->text);
            nn_graph_free(g);
        }
    }
}

static void results_that_are_too_large(void **state)
{
    (void)state;
    for (int kind = 0;; kind++) {
        nn_graph *g = new_graph();
        nn_node *row = nn_input(g, "row", 2, SHAPE(1, INT64_C(1) << 30));
        nn_node *column = nn_input(g, "column", 2, SHAPE(INT64_C(1) << 30, 1));
        nn_node *image = nn_input(g, "image", 4, SHAPE(1, 4, 4, 1));
        nn_node *y = NULL;
        switch (kind) {
        case 0:
            y = nn_add(row, column);
            break;
        case 1:
            y = nn_matmul(column, row, false, false);
            break;
        case 2:
            y = nn_pad(row, 0, INT64_MAX, INT64_MAX);
            break;
        case 3:
            y = nn_pad(row, 0, INT64_MAX - 1, 1);
            break;
        case 4:
            y = nn_linear(column, INT64_MAX, "l");
            break;
        case 5:
            y = nn_upsample(image, INT64_MAX);
            break;
        case 6:
            y = nn_upsample(image, INT64_C(1) << 31);
            break;
        case 7:
            y = nn_scatter(row, nn_input(g, "i", 1, SHAPE(1)), INT64_MAX);
            break;
        case 8:
            y = nn_conv(image, INT64_MAX, INT64_MAX, 1, 0, "c");
            break;
        case 9:
            y = nn_conv(image, 1, 3, INT64_MAX, INT64_MAX, "c");
            break;
        case 10:
            y = nn_conv2d_data(image, image, INT64_MAX, INT64_MAX, 1, 0);
            break;
        case 11:
            y = nn_conv2d_weight(image, image, INT64_MAX, INT64_MAX, 1, 0);
            break;
        case 12:
            y = nn_slice(row, 1, INT64_MAX, INT64_MAX);
            break;
        case 13:
            y = nn_slice(row, 1, 1, INT64_MAX);
            break;
        case 14:
            y = nn_embedding(row, INT64_MAX, INT64_MAX, "e");
            break;
        case 15:
            y = nn_reshape(row, 3, SHAPE(INT64_C(1) << 40, INT64_C(1) << 40, -1));
            break;
        case 16:
            y = nn_softmax_groups(row, 2, SHAPE(INT64_MAX, INT64_MAX));
            break;
        case 17:
            y = nn_attention(image, 1, false, "a");
            break;
        case 18:
            y = nn_time_embedding(nn_input(g, "t", 1, SHAPE(2)), INT64_MAX - 1);
            break;
        case 19:
            y = nn_gru(&(nn_recurrent){.constant = row, .steps = 1, .hidden = INT64_MAX}, "r").h;
            break;
        case 20:
            y = nn_lstm(&(nn_recurrent){.constant = row, .steps = INT64_MAX, .hidden = 2}, "r").h;
            break;
        case 21:
            y = nn_concat(0, 3, (nn_node *[]){row, row, column});
            break;
        case 22:
            y = nn_slice(row, 1, -1, 1);
            break;
        case 23:
            y = nn_downsample(image, INT64_MAX);
            break;
        case 24:
            y = nn_group_norm(image, INT64_MAX, 0, "n");
            break;
        case 25:
            y = nn_time_embedding(nn_input(g, "t", 1, SHAPE(2)), INT64_C(1) << 62);
            break;
        case 26:
            y = nn_attention(nn_input(g, "long", 3, SHAPE(1, INT64_C(1) << 33, 1)), 1, true, "a");
            break;
        default:
            nn_graph_free(g);
            return;
        }
        if (nn_status(g) == WEIR_OK)
            fail_msg("result %d is no error", kind);
        assert_ptr_equal(nn_tanh(y), y); /* poison */
        nn_graph_free(g);
    }
}

static void arguments_out_of_range(void **state)
{
    (void)state;
    for (int kind = 0;; kind++) {
        nn_graph *g = new_graph();
        nn_node *x = nn_input(g, "x", 2, SHAPE(4, 6)), *y = NULL;
        switch (kind) {
        case 0:
            y = nn_sum(x, 4);
            break;
        case 1:
            y = nn_peak(x, ~0u);
            break;
        case 2:
            y = nn_permute(x, (int[]){0, 0});
            break;
        case 3:
            y = nn_permute(x, (int[]){0, -1});
            break;
        case 4:
            y = nn_permute(x, NULL);
            break;
        case 5:
            y = nn_slice(x, 2, 0, 1);
            break;
        case 6:
            y = nn_slice(x, -7, 0, 1);
            break;
        case 7:
            y = nn_pad(x, 0, -1, 2);
            break;
        case 8:
            y = nn_concat(5, 1, &x);
            break;
        case 9:
            assert_null(nn_concat(0, -1, &x)); /* of no parts: no graph for the error */
            y = nn_tanh(nn_concat(-3, 1, &x));
            break;
        case 10:
            y = nn_softmax(x, 2);
            break;
        case 11:
            y = nn_softmax(x, INT32_MIN);
            break;
        case 12:
            y = nn_dropout(x, 1, "d");
            break;
        case 13:
            y = nn_dropout(x, (double)NAN, "d");
            break;
        case 14:
            y = nn_linear(x, 0, "l");
            break;
        case 15:
            y = nn_linear(x, 3, NULL);
            break;
        case 16:
            y = nn_linear(x, 3, "a b");
            break;
        case 17:
            y = nn_linear(x, 3, "net.0/weight");
            break;
        case 18:
            y = nn_layer_norm(nn_scalar(g, 1), 0, "n");
            break;
        case 19:
            y = nn_group_norm(x, 4, 0, "n");
            break;
        case 20:
            y = nn_group_norm(x, 0, 0, "n");
            break;
        case 21:
            y = nn_gumbel_softmax(x, 0, false, "g");
            break;
        case 22:
            y = nn_softmax_groups(x, 2, SHAPE(3, 4));
            break;
        case 23:
            y = nn_softmax_groups(x, 2, NULL);
            break;
        case 24:
            y = nn_attention(nn_reshape(x, 3, SHAPE(2, 2, 6)), 4, false, "a");
            break;
        case 25:
            y = nn_attention(nn_reshape(x, 3, SHAPE(2, 2, 6)), 0, false, "a");
            break;
        case 26:
            y = nn_parameter(g, "p", 1, SHAPE(3), nn_init_constant((double)INFINITY));
            break;
        case 27:
            y = nn_parameter(g, "p", 1, SHAPE(3), (nn_init){.kind = (nn_init_kind)99});
            break;
        case 28:
            y = nn_mix(x, x, NULL);
            break;
        case 29:
            y = nn_ema(g, "", 0.5); /* there is no parameter */
            break;
        case 30:
            y = nn_input(g, NULL, 0, NULL);
            break;
        case 31:
            y = nn_noise_normal(g, NULL, 0, NULL);
            break;
        case 32:
            assert_null(nn_concat(0, 2, NULL));
            y = nn_add(x, nn_concat(0, 2, NULL));
            break;
        case 33:
            y = nn_group(g, 2, NULL);
            break;
        case 34:
            y = nn_lstm(&(nn_recurrent){.constant = x, .hidden = 4}, "r").h;
            break;
        case 35:
            y = nn_lstm(NULL, "r").h;
            y = y ? y : nn_slice(x, 9, 0, 1);
            break;
        case 36:
            y = nn_gradient_penalty(nn_mean_over(x, 2), 1, NULL, 0);
            break;
        case 37:
            y = nn_array(g, 1, SHAPE(3), NULL);
            break;
        case 38:
            y = nn_scale(x, (double)NAN);
            y = nn_slice(y, 9, 0, 1);
            break;
        default:
            nn_graph_free(g);
            return;
        }
        if (nn_status(g) == WEIR_OK)
            fail_msg("argument %d is no error", kind);
        assert_ptr_equal(nn_tanh(y), y); /* poison */
        nn_graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_that_cannot_be),
        cmocka_unit_test(results_that_are_too_large),
        cmocka_unit_test(arguments_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
