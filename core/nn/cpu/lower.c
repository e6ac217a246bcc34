/* What the CPU adds to a program before its memory is planned: kernels that pack a matrix which
 * several products multiply by, and scratch memory. */
#include "nn/compile/compile.h"
#include "nn/cpu/cpu.h"
#include <stdlib.h>
#include <string.h>

/* Products of one stage that share their right operand, which nothing writes between them. */
typedef struct group {
    int stage, first, last, uses; /* kernels */
    bool open;
    size_t elements; /* of the packed operand; 0: packing does not pay */
} group;

typedef struct search {
    const nn_program *program;
    group *groups;
    int count;
    int *of; /* [kernels] the group of a product, or -1 */
} search;

static void close_written(int buffer, bool written, void *context)
{
    search *s = context;

    if (!written)
        return;
    for (int g = 0; g < s->count; g++)
        if (s->groups[g].open && s->program->kernel[s->groups[g].first].product.b.buffer == buffer)
            s->groups[g].open = false;
}

static bool same_operand(const nn_product *one, const nn_product *other)
{
    return one->b.buffer == other->b.buffer && one->b.offset == other->b.offset &&
           nn_product_same_b(one, other);
}

static void find_groups(search *s, const nn_cpu *cpu)
{
    for (int k = 0; k < s->program->kernels; k++) {
        const nn_kernel *kernel = &s->program->kernel[k];
        int g = -1;
        s->of[k] = -1;
        if (kernel->kind == NN_KERNEL_PRODUCT) {
            for (g = s->count - 1; g >= 0; g--)
                if (s->groups[g].open && s->groups[g].stage == kernel->stage &&
                    same_operand(&s->program->kernel[s->groups[g].first].product, &kernel->product))
                    break;
            if (g < 0) {
                g = s->count++;
                s->groups[g] = (group){.stage = kernel->stage, .first = k, .open = true};
            }
            s->groups[g].uses++;
            s->groups[g].last = k;
            s->of[k] = g;
        }
        nn_kernel_buffers(kernel, close_written, s);
    }
    for (int g = 0; g < s->count; g++) {
        nn_product_plan plan;
        if (s->groups[g].uses < 2)
            continue;
        for (int k = s->groups[g].first; k <= s->groups[g].last; k++) {
            if (s->of[k] != g)
                continue;
            nn_product_plan_make(&plan, &s->program->kernel[k].product, cpu->isa, cpu->threads);
            s->groups[g].elements = nn_product_packed(&plan);
            if (s->groups[g].elements == 0)
                break;
        }
    }
}

/* The kernels again, with one that packs before the first of each group. */
static int add_packing(nn_program *program, const search *s)
{
    int packs = 0, made = 0, stage = 0;
    nn_kernel *kernels;

    for (int g = 0; g < s->count; g++)
        packs += s->groups[g].elements > 0;
    if (packs == 0)
        return WEIR_OK;
    kernels = nn_program_alloc(program, (size_t)(program->kernels + packs) * sizeof *kernels);
    if (!kernels)
        return WEIR_ENOMEM;
    for (int k = 0; k < program->kernels; k++) {
        const nn_kernel *kernel = &program->kernel[k];
        int g = s->of[k];
        while (stage < program->stages && program->start[stage] == k)
            program->start[stage++] = made;
        if (g >= 0 && s->groups[g].elements > 0) {
            if (s->groups[g].first == k) {
                int buffer = nn_program_buffer(program, s->groups[g].elements);
                if (buffer < 0)
                    return WEIR_ENOMEM;
                s->groups[g].first = -1 - buffer;
                kernels[made++] = (nn_kernel){.kind = NN_KERNEL_PACK,
                                              .stage = kernel->stage,
                                              .name = kernel->name,
                                              .scratch = -1,
                                              .pack = {kernel->product, buffer}};
            }
            kernels[made] = *kernel;
            kernels[made++].product.packed = -1 - s->groups[g].first;
        } else {
            kernels[made++] = *kernel;
        }
    }
    while (stage <= program->stages)
        program->start[stage++] = made;
    program->kernel = kernels;
    program->kernels = made;
    return WEIR_OK;
}

static int scratch_of(const nn_cpu *cpu, const nn_kernel *kernel, size_t *elements,
                      weir_error *error)
{
    nn_product_plan plan;
    nn_conv_plan *conv;
    nn_loop_plan *loop;

    *elements = 0;
    if (kernel->kind == NN_KERNEL_LOOP) {
        loop = nn_loop_plan_new(&kernel->loop, cpu->vector, cpu->threads);
        if (!loop)
            return WEIR_ENOMEM;
        *elements = (size_t)loop->scratch_elements;
        free(loop);
    } else if (kernel->kind == NN_KERNEL_PRODUCT) {
        nn_product_plan_make(&plan, &kernel->product, cpu->isa, cpu->threads);
        *elements = nn_product_scratch(&plan);
    } else if (kernel->kind == NN_KERNEL_CONVOLUTION) {
        conv = nn_conv_new(&kernel->convolution, cpu->threads, error);
        if (!conv)
            return error->status;
        *elements = nn_conv_scratch(conv);
        nn_conv_free(conv);
    }
    return WEIR_OK;
}

int nn_cpu_lower(void *device, nn_program *program, weir_error *error)
{
    const nn_cpu *cpu = device;
    size_t kernels = (size_t)program->kernels + 1, elements;
    search s = {.program = program,
                .groups = calloc(kernels, sizeof *s.groups),
                .of = calloc(kernels, sizeof *s.of)};
    int status = s.groups && s.of ? WEIR_OK : WEIR_ENOMEM;

    if (status == WEIR_OK) {
        find_groups(&s, cpu);
        status = add_packing(program, &s);
    }
    for (int k = 0; status == WEIR_OK && k < program->kernels; k++) {
        status = scratch_of(cpu, &program->kernel[k], &elements, error);
        if (status == WEIR_OK && elements > 0) {
            program->kernel[k].scratch = nn_program_buffer(program, elements);
            if (program->kernel[k].scratch < 0)
                status = WEIR_ENOMEM;
        }
    }
    free(s.groups);
    free(s.of);
    return status == WEIR_OK
               ? status
               : weir_error_memory(error, kernels * sizeof(nn_kernel), "the kernels of a program");
}
