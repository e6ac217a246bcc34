/* Covers: core/nn/cuda/module.c, core/nn/cuda/kernels.cu. NVRTC needs no GPU: the kernels written
 * by hand and loops of every operation are compiled here for the architectures of common devices,
 * and remembered on disk. Built where the CUDA toolkit is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "nn/cuda/cuda.h"

static char cache[] = "/tmp/weir_kernels_XXXXXX";

static int with_cache_of_its_own(void **state)
{
    (void)state;
    return !mkdtemp(cache) || setenv("XDG_CACHE_HOME", cache, 1);
}

static int without_it(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", cache);
    return system(command);
}

/* One loop with every element-wise operation, stored and combined in both ways. */
static void add_every_operation(nn_text *text)
{
    nn_view read[] = {{.buffer = 0, .stride = {40, 1}}, {.buffer = 1, .stride = {0, 1}}};
    nn_real constant[] = {(nn_real)0.5, (nn_real)1e-30};
    nn_instruction step[NN_OP_COUNT];
    nn_result result[] = {{.view = {.buffer = 2, .stride = {40, 1}}},
                          {.view = {.buffer = 3, .stride = {1, 0}}, .combine = NN_COMBINE_SUM},
                          {.view = {.buffer = 4, .stride = {0, 1}}, .combine = NN_COMBINE_PEAK},
                          {.view = {.buffer = 5}, .combine = NN_COMBINE_SUM}};
    nn_loop loop = {.rank = 2,
                    .shape = {30, 40},
                    .reads = 2,
                    .constants = 2,
                    .results = 4,
                    .read = read,
                    .constant = constant,
                    .step = step,
                    .result = result};
    for (int op = 0; op < NN_OP_COUNT; op++)
        if (op >= NN_OP_EXP && op <= NN_OP_SELECT) {
            int last = 3 + loop.steps;
            step[loop.steps++] = (nn_instruction){(nn_op)op, last, 0, 1};
        }
    for (int i = 0; i < 4; i++)
        result[i].value = 3 + loop.steps;
    nn_cuda_part part[NN_CUDA_MOST_PARTS];
    int parts = nn_cuda_parts(&loop, part);
    assert_int_equal(parts, 4);
    for (int i = 0; i < parts; i++) {
        char name[16];
        snprintf(name, sizeof name, "part%d", i);
        nn_cuda_generate(text, &loop, &part[i], name);
    }
}

static void kernels_compile(void **state)
{
    static const char *const architecture[] = {"sm_80", "sm_90"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        weir_error error = {0};
        nn_text text = {0};
        void *image = NULL;
        size_t size = 0;
        nn_text_add(&text, "%s", nn_cuda_kernels());
        add_every_operation(&text);
        assert_false(text.failed);
        if (nn_cuda_compile(text.text, architecture[i], &image, &size, &error))
            fail_msg("%s", error.text);
        assert_true(size > 1000);
        assert_memory_equal(image, "\177ELF", 4);
        free(image);
        nn_text_free(&text);
    }
}

static void compiled_code_is_remembered(void **state)
{
    static const char source[] = "extern \"C\" __global__ void f(float *x) { *x += 1; }";
    char command[160];
    weir_error error = {0};
    void *first = NULL, *second = NULL;
    size_t size = 0, again = 0;
    (void)state;
    assert_int_equal(nn_cuda_compile(source, "sm_90", &first, &size, &error), WEIR_OK);
    /* What lies in the cache is what the second call returns: another content shows it. */
    snprintf(command, sizeof command,
             "for f in %s/weir/kernels/*.cubin; do printf other > $f; done", cache);
    assert_int_equal(system(command), 0);
    assert_int_equal(nn_cuda_compile(source, "sm_90", &second, &again, &error), WEIR_OK);
    assert_int_equal(again, 5);
    assert_memory_equal(second, "other", 5);
    free(second);
    second = NULL;
    assert_int_equal(nn_cuda_compile(source, "sm_80", &second, &again, &error), WEIR_OK);
    assert_true(again > 100); /* another device is another file */
    free(first);
    free(second);
}

static void a_mistake_is_told_with_its_line(void **state)
{
    weir_error error = {0};
    void *image = NULL;
    size_t size = 0;
    (void)state;
    assert_int_equal(nn_cuda_compile("extern \"C\" __global__ void f() { nonsense; }", "sm_90",
                                     &image, &size, &error),
                     WEIR_EBUG);
    assert_null(image);
    assert_non_null(strstr(error.text, "nonsense"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_compile),
        cmocka_unit_test(compiled_code_is_remembered),
        cmocka_unit_test(a_mistake_is_told_with_its_line),
    };
    return cmocka_run_group_tests(tests, with_cache_of_its_own, without_it);
}
