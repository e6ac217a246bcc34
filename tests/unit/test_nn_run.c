/* Programs in use: the order of stages, reading, facts, the listing, the null back end, and what is
 * said when there is no CUDA.
 * Covers: core/nn/run.c core/nn/null.c core/nn/load.c */
#include "nn/backend.h"
#include "unit/golden.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHAPE(...)                                                                                 \
    (const int64_t[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

typedef struct built {
    nn_graph *g;
    nn_node *x, *hidden, *part, *loss;
    nn_program *program;
} built;

/* Three stages: hidden, a part of its columns, a loss. */
static built build(void)
{
    built b = {.g = nn_graph_new(&(nn_settings){.seed = 1, .device = "null"})};
    assert_non_null(b.g);
    b.x = nn_input(b.g, "x", 2, SHAPE(4, 6));
    nn_node *w = nn_parameter(b.g, "w", 2, SHAPE(8, 6), nn_init_uniform(-1, 1));
    b.hidden = nn_tanh(nn_matmul(b.x, w, false, true));
    b.part = nn_slice(b.hidden, 1, 2, 3);
    b.loss = nn_mean(nn_square(nn_matmul(b.hidden, w, false, false)));
    nn_node *first[] = {b.hidden}, *second[] = {b.part}, *third[] = {b.loss};
    const nn_stage stage[] = {{"hidden", 1, first}, {"part", 1, second}, {"loss", 1, third}};
    b.program = nn_compile(b.g, 3, stage);
    assert_int_equal(nn_status(b.g), WEIR_OK);
    assert_non_null(b.program);
    return b;
}

static void assert_error(const nn_graph *g, const char *part)
{
    assert_int_equal(nn_status(g), WEIR_EOPTION);
    if (!strstr(nn_error(g)->text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, nn_error(g)->text);
}

static void stages_run_in_turn(void **state)
{
    (void)state;
    static const int fine[] = {0, 0, 1, 1, 0, 1, 2, 2, 0, 1, 2, 0};
    built b = build();
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        assert_int_equal(nn_run(b.program, fine[i]), WEIR_OK);
    nn_graph_free(b.g);
}

static void other_orders_are_errors(void **state)
{
    (void)state;
    static const struct {
        int first, second;
        const char *says;
    } wrong[] = {{-2, 1, "stage 1"}, {0, 2, "stage 2"}, {0, 3, "3 stages"}, {0, -1, "stage -1"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        built b = build();
        if (wrong[i].first >= 0)
            assert_int_equal(nn_run(b.program, wrong[i].first), WEIR_OK);
        assert_int_equal(nn_run(b.program, wrong[i].second), WEIR_EOPTION);
        assert_error(b.g, wrong[i].says);
        assert_int_equal(nn_run(b.program, 0), WEIR_EOPTION); /* the error stays */
        nn_graph_free(b.g);
    }
    assert_int_equal(nn_run(NULL, 0), WEIR_EOPTION);
}

static void only_outputs_that_have_been_computed_are_read(void **state)
{
    (void)state;
    nn_real values[64];
    built b = build();
    assert_int_equal(nn_run(b.program, 0), WEIR_OK);
    assert_int_equal(nn_read(b.program, b.hidden, values), WEIR_OK);
    assert_int_equal(nn_read(b.program, b.part, values), WEIR_EOPTION);
    assert_error(b.g, "has not been run");
    nn_graph_free(b.g);

    b = build();
    for (int s = 0; s < 3; s++)
        assert_int_equal(nn_run(b.program, s), WEIR_OK);
    assert_int_equal(nn_run(b.program, 0), WEIR_OK);
    assert_int_equal(nn_read(b.program, b.loss, values), WEIR_OK);
    assert_int_equal(nn_read(b.program, b.x, values), WEIR_EOPTION);
    assert_error(b.g, "not an output");
    nn_graph_free(b.g);
    assert_int_equal(nn_read(NULL, NULL, values), WEIR_EOPTION);
}

/* The null back end computes nothing, so that what is put into memory is what is read: a matrix,
 * and columns of it that need not lie next to each other. */
static void outputs_are_read_in_row_order(void **state)
{
    (void)state;
    built b = build();
    nn_real values[32];
    for (int s = 0; s < 2; s++)
        assert_int_equal(nn_run(b.program, s), WEIR_OK);
    for (int i = 0; i < b.program->outputs; i++) {
        const struct nn_output *output = &b.program->output[i];
        nn_real *memory = nn_buffer_memory(b.program, output->view.buffer);
        if (output->node != b.hidden)
            continue;
        for (int k = 0; k < 32; k++)
            memory[output->view.offset + k / 8 * output->view.stride[0] +
                   k % 8 * output->view.stride[1]] = (nn_real)k;
    }
    assert_int_equal(nn_read(b.program, b.hidden, values), WEIR_OK);
    for (int k = 0; k < 32; k++)
        assert_true(values[k] == (nn_real)k);
    assert_int_equal(nn_read(b.program, b.part, values), WEIR_OK);
    for (int i = 0; i < b.program->outputs; i++) {
        const struct nn_output *output = &b.program->output[i];
        const nn_real *memory = nn_buffer_memory(b.program, output->view.buffer);
        for (int k = 0; output->node == b.part && k < 12; k++)
            assert_true(values[k] == memory[output->view.offset + k / 3 * output->view.stride[0] +
                                            k % 3 * output->view.stride[1]]);
    }
    nn_graph_free(b.g);
}

static void operations_are_counted(void **state)
{
    (void)state;
    built b = build();
    assert_true(nn_stage_operations(b.program, 0) == 2.0 * 4 * 8 * 6);
    assert_true(nn_stage_operations(b.program, 1) == 0);
    assert_true(nn_stage_operations(b.program, 2) == 2.0 * 4 * 6 * 8);
    assert_true(nn_stage_operations(b.program, 3) == 0);
    nn_program_facts facts = nn_program_info(b.program);
    assert_true(facts.operations == 4.0 * 4 * 8 * 6);
    assert_int_equal(facts.products, 2);
    assert_true(facts.loops >= 2);
    assert_true(facts.kernels >= facts.loops + facts.products);
    assert_true(facts.arena > 0 && facts.arena <= facts.without_reuse);
    assert_int_equal(nn_program_info(NULL).kernels, 0);
    nn_graph_free(b.g);

    nn_graph *g = nn_graph_new(&(nn_settings){.device = "null"});
    nn_node *image = nn_input(g, "image", 4, SHAPE(2, 8, 8, 3));
    nn_node *out[] = {
        nn_conv2d(image, nn_parameter(g, "k", 4, SHAPE(5, 3, 3, 3), nn_init_constant(1)), 1, 1)};
    nn_program *p = nn_compile(g, 1, &(nn_stage){"convolution", 1, out});
    assert_non_null(p);
    assert_true(nn_program_info(p).operations == 2.0 * 2 * 8 * 8 * 5 * 3 * 3 * 3);
    nn_graph_free(g);
}

static void programs_are_listed(void **state)
{
    (void)state;
    char path[] = "/tmp/weir_nn_runXXXXXX", line[4096];
    int file = mkstemp(path), lines = 0, products = 0;
    built b = build();
    assert_true(file >= 0);
    close(file);
    assert_int_equal(nn_program_print(b.program, path), WEIR_OK);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        lines++;
        if (strstr(line, "product ")) {
            products++;
            assert_non_null(strstr(line, "384 operations"));
            assert_non_null(strstr(line, " w "));
        }
    }
    fclose(in);
    unlink(path);
    nn_program_facts facts = nn_program_info(b.program);
    assert_int_equal(lines, facts.kernels + 2);
    assert_int_equal(products, 2);
    assert_int_equal(nn_program_print(NULL, path), WEIR_EOPTION);
    assert_int_equal(nn_program_print(b.program, "/nowhere/at/all"), WEIR_EIO);
    assert_int_equal(nn_status(b.g), WEIR_EIO);
    nn_graph_free(b.g);
}

static void programs_are_freed_in_any_order(void **state)
{
    (void)state;
    built b = build();
    nn_node *out[] = {b.loss};
    nn_program *second = nn_compile(b.g, 1, &(nn_stage){"loss", 1, out});
    nn_program *third = nn_compile(b.g, 1, &(nn_stage){"loss", 1, out});
    assert_non_null(second);
    assert_non_null(third);
    nn_program_free(second);
    nn_program_free(NULL);
    assert_int_equal(nn_run(third, 0), WEIR_OK);
    assert_int_equal(nn_run(b.program, 0), WEIR_OK);
    nn_program_free(b.program);
    nn_graph_free(b.g);
}

static void the_null_back_end_has_memory(void **state)
{
    (void)state;
    const nn_backend *null = &nn_backend_null;
    char text[64];
    weir_error error = {0};
    assert_int_equal(null->abi, NN_BACKEND_ABI);
    void *device = null->open(&(nn_settings){0}, text, sizeof text, &error);
    assert_non_null(device);
    assert_string_equal(text, "null");
    char *memory = null->allocate(device, 100, &error), copy[5];
    assert_non_null(memory);
    assert_true((uintptr_t)memory % 64 == 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(memory[i], 0);
    assert_int_equal(null->write(device, memory + 3, "abcd", 5, &error), WEIR_OK);
    assert_int_equal(null->read(device, copy, memory + 3, 5, &error), WEIR_OK);
    assert_string_equal(copy, "abcd");
    null->release(device, memory);
    assert_null(null->allocate(device, SIZE_MAX, &error));
    assert_int_equal(error.status, WEIR_ENOMEM);
    null->close(device);
}

/* With the library beside the program its table is of this version; without it the reason names
 * it. */
static void cuda_is_loaded_or_explained(void **state)
{
    (void)state;
    weir_error error = {0};
    const nn_backend *cuda = nn_backend_cuda(&error);
    if (cuda) {
        assert_int_equal(cuda->abi, NN_BACKEND_ABI);
        assert_string_equal(cuda->name, "cuda");
        assert_int_equal(error.status, WEIR_OK);
    } else {
        assert_int_equal(error.status, WEIR_EOPTION);
        assert_non_null(strstr(error.text, "cuda"));
        weir_error again = {0};
        assert_null(nn_backend_cuda(&again));
        assert_string_equal(again.text, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_run_in_turn),
        cmocka_unit_test(other_orders_are_errors),
        cmocka_unit_test(only_outputs_that_have_been_computed_are_read),
        cmocka_unit_test(outputs_are_read_in_row_order),
        cmocka_unit_test(operations_are_counted),
        cmocka_unit_test(programs_are_listed),
        cmocka_unit_test(programs_are_freed_in_any_order),
        cmocka_unit_test(the_null_back_end_has_memory),
        cmocka_unit_test(cuda_is_loaded_or_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
