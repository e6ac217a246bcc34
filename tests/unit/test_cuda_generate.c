/* Covers: core/nn/cuda/generate.c. The CUDA C that loops become is run here without a GPU: compiled
 * as C between a few definitions that stand for CUDA's, each block's threads as contexts that take
 * turns at __syncthreads, and compared with the loop read straight from its description. */
#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "nn/cuda/generate.h"

enum { CASES = 200, BUFFERS = 6, SPACE = 60000 };

static const char before[] =
    "#include <math.h>\n#include <stdbool.h>\n#include <stdlib.h>\n#include <ucontext.h>\n"
    "static struct { unsigned x; } blockIdx, blockDim, gridDim, threadIdx;\n"
    "static ucontext_t scheduler, context[256];\n"
    "static bool done[256];\n"
    "static void __syncthreads(void)\n"
    "{ unsigned me = threadIdx.x; swapcontext(&context[me], &scheduler); threadIdx.x = me; }\n"
    "#define KERNEL static void\n#define __global__\n#define __shared__ static\n";

static const char after[] =
    "static void (*chosen)(float **); static float **given;\n"
    "static void thread(void) { unsigned me = threadIdx.x; chosen(given); done[me] = true;\n"
    "  swapcontext(&context[me], &scheduler); }\n"
    "int run(void (*kernel)(float **), unsigned grid, unsigned block, float **pointers) {\n"
    "  enum { STACK = 65536 }; char *stacks = malloc((size_t)STACK * 256); if (!stacks) return 1;\n"
    "  chosen = kernel; given = pointers; gridDim.x = grid; blockDim.x = block;\n"
    "  for (unsigned b = 0; b < grid; b++) {\n"
    "    for (unsigned t = 0; t < block; t++) {\n"
    "      getcontext(&context[t]); context[t].uc_stack.ss_sp = stacks + (size_t)STACK * t;\n"
    "      context[t].uc_stack.ss_size = STACK; context[t].uc_link = 0; makecontext(&context[t], "
    "thread, 0); done[t] = 0; }\n"
    "    for (bool busy = true; busy;) { busy = false;\n"
    "      for (unsigned t = 0; t < block; t++) if (!done[t]) {\n"
    "        busy = true; threadIdx.x = t; blockIdx.x = b; swapcontext(&scheduler, &context[t]); } "
    "} }\n"
    "  free(stacks); return 0; }\n";

static uint64_t state = 88172645463325252u;
static int below(int n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (int)(state >> 33) % n;
}

typedef struct sample {
    nn_loop loop;
    nn_view read[4];
    nn_real constant[2];
    nn_instruction step[6];
    nn_result result[4];
} sample;

/* Strides of a dense tensor over some of the axes, 0 over the others. */
static void random_view(const nn_loop *loop, nn_view *view, int buffer, unsigned axes)
{
    int64_t stride = 1;
    *view = (nn_view){.buffer = buffer, .offset = below(5)};
    for (int i = loop->rank - 1; i >= 0; i--)
        if (axes & 1u << i) {
            view->stride[i] = stride;
            stride *= loop->shape[i] + (i ? below(2) : 0);
        }
}

static void random_loop(sample *s)
{
    static const nn_op tame[] = {NN_OP_TANH, NN_OP_SIGMOID, NN_OP_ERF,   NN_OP_SIN, NN_OP_COS,
                                 NN_OP_ABS,  NN_OP_STEP,    NN_OP_ADD,   NN_OP_SUB, NN_OP_MUL,
                                 NN_OP_MAX,  NN_OP_SELECT,  NN_OP_FLOOR, NN_OP_EXP, NN_OP_EXPM1};
    nn_loop *loop = &s->loop;
    *s = (sample){.loop = {.rank = 1 + below(4),
                           .read = s->read,
                           .constant = s->constant,
                           .step = s->step,
                           .result = s->result}};
    for (int i = 0; i < loop->rank; i++)
        loop->shape[i] = 1 + below(loop->rank == 1 ? 1500 : loop->rank == 2 ? 70 : 9);
    unsigned all = (1u << loop->rank) - 1;
    loop->reads = 1 + below(4);
    for (int i = 0; i < loop->reads; i++)
        random_view(loop, &s->read[i], below(3), below(3) ? all : (unsigned)below((int)all + 1));
    loop->constants = below(3);
    for (int i = 0; i < loop->constants; i++)
        s->constant[i] = (nn_real)(below(200) - 100) / 50;
    loop->steps = 1 + below(6);
    int registers = loop->reads + loop->constants;
    for (int i = 0; i < loop->steps; i++, registers++)
        s->step[i] = (nn_instruction){tame[below((int)(sizeof tame / sizeof *tame))],
                                      below(registers), below(registers), below(registers)};
    loop->results = 1 + below(4);
    for (int i = 0; i < loop->results; i++) {
        nn_combine combine = (nn_combine)below(3);
        unsigned axes = combine == NN_STORE ? all : (unsigned)below((int)all + 1);
        random_view(loop, &s->result[i].view, 3 + below(3), axes);
        s->result[i].view.offset += i * (SPACE / 4); /* results do not meet */
        s->result[i].combine = combine;
        s->result[i].value = below(registers);
    }
}

/* The loop as its description reads, in float where the device has float. */
static void interpret(const nn_loop *loop, float **buffer)
{
    int64_t points = 1;
    for (int i = 0; i < loop->rank; i++)
        points *= loop->shape[i];
    for (int64_t p = 0; p < points; p++) {
        int64_t index[NN_MAX_RANK], rest = p;
        float v[16];
        bool first[NN_MAX_RANK];
        for (int i = loop->rank - 1; i >= 0; i--) {
            index[i] = rest % loop->shape[i];
            rest /= loop->shape[i];
            first[i] = !index[i];
        }
        for (int r = 0; r < loop->reads; r++) {
            int64_t at = loop->read[r].offset;
            for (int i = 0; i < loop->rank; i++)
                at += index[i] * loop->read[r].stride[i];
            v[r] = buffer[loop->read[r].buffer][at];
        }
        for (int c = 0; c < loop->constants; c++)
            v[loop->reads + c] = (float)loop->constant[c];
        for (int s = 0; s < loop->steps; s++) {
            const nn_instruction *step = &loop->step[s];
            v[loop->reads + loop->constants + s] = (float)nn_evaluate(
                step->op, (double)v[step->a], (double)v[step->b], (double)v[step->c]);
        }
        for (int r = 0; r < loop->results; r++) {
            const nn_result *result = &loop->result[r];
            int64_t at = result->view.offset;
            bool begins = true;
            for (int i = 0; i < loop->rank; i++) {
                at += index[i] * result->view.stride[i];
                begins &= result->view.stride[i] || first[i];
            }
            float *to = &buffer[result->view.buffer][at], x = v[result->value];
            if (result->combine == NN_STORE || begins)
                *to = x;
            else
                *to = result->combine == NN_COMBINE_SUM ? *to + x : *to < x ? x : *to;
        }
    }
}

typedef void kernel(float **pointers);
typedef int runner(kernel *chosen, unsigned grid, unsigned block, float **pointers);

static sample cases[CASES];

/* All cases' kernels as a shared object; its path in `library`. */
static void compile_all(char *folder, char *library, size_t size)
{
    char source[128], command[512];
    nn_text text = {0};
    nn_text_add(&text, "%s", before);
    for (int c = 0; c < CASES; c++) {
        nn_cuda_part part[NN_CUDA_MOST_PARTS];
        int parts = nn_cuda_parts(&cases[c].loop, part);
        assert_in_range(parts, 1, NN_CUDA_MOST_PARTS);
        for (int p = 0; p < parts; p++) {
            char name[32];
            snprintf(name, sizeof name, "k%d_%d", c, p);
            nn_cuda_generate(&text, &cases[c].loop, &part[p], name);
            nn_text_add(&text, "void call%d_%d(float **p) { %s(", c, p, name);
            for (int b = 0; b < part[p].buffers; b++)
                nn_text_add(&text, "%sp[%d]", b ? ", " : "", b);
            nn_text_add(&text, "); }\n");
        }
    }
    nn_text_add(&text, "%s", after);
    assert_false(text.failed);
    assert_non_null(mkdtemp(folder));
    snprintf(source, sizeof source, "%s/kernels.c", folder);
    snprintf(library, size, "%s/kernels.so", folder);
    FILE *file = fopen(source, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text.text, 1, text.length, file), text.length);
    fclose(file);
    nn_text_free(&text);
    snprintf(command, sizeof command,
             "cc -std=gnu11 -O1 -ffp-contract=off -shared -fPIC -o %s %s -lm", library, source);
    assert_int_equal(system(command), 0);
    unlink(source);
}

static void run_case(void *handle, runner *run, int c, float **buffer)
{
    nn_cuda_part part[NN_CUDA_MOST_PARTS];
    int parts = nn_cuda_parts(&cases[c].loop, part);
    for (int p = 0; p < parts; p++) {
        float *pointers[sizeof part->buffer / sizeof *part->buffer];
        char name[32];
        kernel *call;
        snprintf(name, sizeof name, "call%d_%d", c, p);
        void *symbol = dlsym(handle, name);
        assert_non_null(symbol);
        memcpy(&call, &symbol, sizeof call);
        for (int b = 0; b < part[p].buffers; b++)
            pointers[b] = buffer[part[p].buffer[b]];
        assert_int_equal(run(call, part[p].grid, part[p].block, pointers), 0);
    }
}

static void generated_kernels_compute_what_the_loops_say(void **unused)
{
    (void)unused;
    char folder[] = "/tmp/weir_cuda_XXXXXX", library[128];
    for (int c = 0; c < CASES; c++)
        random_loop(&cases[c]);
    compile_all(folder, library, sizeof library);
    void *handle = dlopen(library, RTLD_NOW), *symbol = handle ? dlsym(handle, "run") : NULL;
    assert_non_null(symbol);
    runner *run;
    memcpy(&run, &symbol, sizeof run);
    float *wanted[BUFFERS], *found[BUFFERS];
    for (int b = 0; b < BUFFERS; b++) {
        wanted[b] = malloc(SPACE * sizeof(float));
        found[b] = malloc(SPACE * sizeof(float));
        assert_true(wanted[b] && found[b]);
    }
    int combined = 0;
    for (int c = 0; c < CASES; c++) {
        for (int b = 0; b < BUFFERS; b++)
            for (int i = 0; i < SPACE; i++)
                wanted[b][i] = found[b][i] = (float)(below(2000) - 1000) / 500;
        interpret(&cases[c].loop, wanted);
        run_case(handle, run, c, found);
        for (int b = 0; b < BUFFERS; b++)
            for (int i = 0; i < SPACE; i++) {
                float scale = fabsf(wanted[b][i]) + 1;
                bool both_odd = !isfinite(wanted[b][i]) && !isfinite(found[b][i]);
                if (!both_odd && !(fabsf(wanted[b][i] - found[b][i]) <= 1e-3f * scale))
                    fail_msg("case %d, buffer %d, element %d: %g instead of %g", c, b, i,
                             (double)found[b][i], (double)wanted[b][i]);
            }
        for (int r = 0; r < cases[c].loop.results; r++)
            combined += cases[c].loop.result[r].combine != NN_STORE;
    }
    assert_true(combined > CASES / 2); /* the cases are worth their name */
    for (int b = 0; b < BUFFERS; b++) {
        free(wanted[b]);
        free(found[b]);
    }
    dlclose(handle);
    unlink(library);
    rmdir(folder);
}

static void equal_loops_on_other_buffers_share_a_kernel(void **unused)
{
    (void)unused;
    nn_view read = {.buffer = 3, .stride = {1}};
    nn_instruction step = {.op = NN_OP_EXP};
    nn_result result = {.view = {.buffer = 9, .stride = {1}}, .value = 1};
    nn_loop loop = {.rank = 1,
                    .shape = {1000},
                    .reads = 1,
                    .steps = 1,
                    .results = 1,
                    .read = &read,
                    .step = &step,
                    .result = &result};
    nn_cuda_part part[NN_CUDA_MOST_PARTS];
    nn_text first = {0}, second = {0};
    assert_int_equal(nn_cuda_parts(&loop, part), 1);
    assert_int_equal(part[0].buffers, 2);
    nn_cuda_generate(&first, &loop, &part[0], "same");
    read.buffer = 5;
    result.view.buffer = 1;
    assert_int_equal(nn_cuda_parts(&loop, part), 1);
    nn_cuda_generate(&second, &loop, &part[0], "same");
    assert_string_equal(first.text, second.text);
    step.op = NN_OP_LOG;
    second.length = 0;
    nn_cuda_generate(&second, &loop, &part[0], "same");
    assert_string_not_equal(first.text, second.text);
    nn_text_free(&first);
    nn_text_free(&second);
}

static void what_is_combined_comes_first(void **unused)
{
    (void)unused;
    nn_view read = {.buffer = 0, .stride = {8, 1}};
    nn_result results[] = {
        {.view = {.buffer = 0, .stride = {8, 1}}, .value = 0},
        {.view = {.buffer = 1, .stride = {0, 1}}, .value = 0, .combine = NN_COMBINE_SUM},
        {.view = {.buffer = 2, .stride = {1, 0}}, .value = 0, .combine = NN_COMBINE_PEAK}};
    nn_loop loop = {
        .rank = 2, .shape = {4, 8}, .reads = 1, .results = 3, .read = &read, .result = results};
    nn_cuda_part part[NN_CUDA_MOST_PARTS];
    assert_int_equal(nn_cuda_parts(&loop, part), 3);
    assert_int_equal(part[0].combined, 1u << 0);
    assert_int_equal(part[1].combined, 1u << 1);
    assert_int_equal(part[2].combined, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_kernels_compute_what_the_loops_say),
        cmocka_unit_test(equal_loops_on_other_buffers_share_a_kernel),
        cmocka_unit_test(what_is_combined_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
