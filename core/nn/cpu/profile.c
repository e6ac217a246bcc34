/* WEIR_NN_PROFILE=1 (or cpu): where a program's time went, kernel by kernel, when it is freed. */
#include "nn/cpu/cpu.h"
#include <stdio.h>
#include <stdlib.h>

enum { LINES = 40 };

typedef struct line {
    double seconds;
    int kernel;
} line;

static int slower(const void *a, const void *b)
{
    const line *x = a, *y = b;

    return x->seconds < y->seconds ? 1 : x->seconds > y->seconds ? -1 : x->kernel - y->kernel;
}

static double product_operations(const nn_product *p)
{
    return 2.0 * (double)(p->batch[0] * p->batch[1] * p->batch[2]) * (double)p->m * (double)p->n *
           (double)p->k;
}

static double view_bytes(const nn_loop *loop, const nn_view *view)
{
    double bytes = sizeof(nn_real);

    for (int a = 0; a < loop->rank; a++)
        bytes *= view->stride[a] ? (double)loop->shape[a] : 1;
    return bytes;
}

/* What a kernel is, and how much it does: operations of products, bytes of the others. */
static double describe(const nn_kernel *kernel, const nn_ready *ready, char *text, size_t size)
{
    const nn_product *p = kernel->kind == NN_KERNEL_PACK ? &kernel->pack.product : &kernel->product;
    const nn_convolution *c = &kernel->convolution;
    const nn_loop *l = &kernel->loop;
    double bytes = 0;
    int n = 0;

    switch (kernel->kind) {
    case NN_KERNEL_LOOP:
        for (int a = 0; a < l->rank; a++)
            n += snprintf(text + n, size - (size_t)n, "[%lld]", (long long)l->shape[a]);
        snprintf(text + n, size - (size_t)n,
                 " %d reads %d steps %d results, %d parts, blocks of %lldx%lld", l->reads, l->steps,
                 l->results, ready->loop->parts,
                 (long long)(ready->loop->rows < 0 ? 1 : ready->loop->tile[ready->loop->rows]),
                 (long long)ready->loop->tile[ready->loop->columns]);
        for (int v = 0; v < l->reads; v++)
            bytes += view_bytes(l, &l->read[v]);
        for (int v = 0; v < l->results; v++)
            bytes += view_bytes(l, &l->result[v].view);
        return bytes;
    case NN_KERNEL_PRODUCT:
    case NN_KERNEL_PACK:
        snprintf(text, size, "%lldx %lldx%lldx%lld %c%c%s%s%s",
                 (long long)(p->batch[0] * p->batch[1] * p->batch[2]), (long long)p->m,
                 (long long)p->n, (long long)p->k, p->a.transposed ? 'T' : 'N',
                 p->b.transposed ? 'T' : 'N', p->accumulate ? " +=" : "",
                 p->bias.buffer >= 0 ? " bias" : "", p->packed >= 0 ? " packed" : "");
        return kernel->kind == NN_KERNEL_PRODUCT
                   ? product_operations(p)
                   : (double)(p->batch[0] * p->batch[1] * p->batch[2] * p->n * p->k) * 2 *
                         sizeof(nn_real);
    case NN_KERNEL_CONVOLUTION:
        snprintf(text, size, "%s %lldx%lldx%lldx%lld to %lldx%lldx%lld, %lldx%lld",
                 nn_op_name(c->op), (long long)c->batch, (long long)c->height, (long long)c->width,
                 (long long)c->in, (long long)c->out_height, (long long)c->out_width,
                 (long long)c->out, (long long)c->kh, (long long)c->kw);
        return 2.0 * (double)(c->batch * c->out_height * c->out_width * c->out) *
               (double)(c->in * c->kh * c->kw);
    case NN_KERNEL_LOOKUP:
        snprintf(text, size, "%s %lld of %lld x %lld", nn_op_name(kernel->lookup.op),
                 (long long)kernel->lookup.count, (long long)kernel->lookup.rows,
                 (long long)kernel->lookup.width);
        return 2.0 * (double)(kernel->lookup.count * kernel->lookup.width) * sizeof(nn_real);
    case NN_KERNEL_DRAW:
    default:
        snprintf(text, size, "%lld", (long long)kernel->draw.count);
        return (double)kernel->draw.count * sizeof(nn_real);
    }
}

void nn_profile_print(const nn_program *program, const nn_prepared *prepared)
{
    static const char *const kinds[] = {"loop", "product", "convolution", "lookup", "draw", "pack"};
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    line *lines = calloc((size_t)prepared->kernels + 1, sizeof *lines);
    double total = 0, of_kind[KINDS] = {0}, amount[KINDS] = {0};
    int64_t calls[KINDS] = {0};
    char text[200];

    if (!lines)
        return;
    for (int k = 0; k < prepared->kernels; k++) {
        int kind = (int)program->kernel[k].kind;
        lines[k] = (line){prepared->seconds[k], k};
        total += prepared->seconds[k];
        of_kind[kind] += prepared->seconds[k];
        calls[kind] += prepared->calls[k];
        amount[kind] += describe(&program->kernel[k], &prepared->ready[k], text, sizeof text) *
                        (double)prepared->calls[k];
    }
    qsort(lines, (size_t)prepared->kernels, sizeof *lines, slower);
    fprintf(stderr, "%d kernels, %.3f s\n", prepared->kernels, total);
    for (int s = 0; s < program->stages; s++) {
        double seconds = 0;
        int64_t runs = 0;
        for (int k = program->start[s]; k < program->start[s + 1]; k++) {
            seconds += prepared->seconds[k];
            runs = prepared->calls[k];
        }
        fprintf(stderr, "  stage %-16s %6d kernels %10lld runs %10.3f ms each\n",
                program->stage_name && program->stage_name[s] ? program->stage_name[s] : "",
                program->start[s + 1] - program->start[s], (long long)runs,
                runs ? seconds / (double)runs * 1e3 : 0);
    }
    for (int i = 0; i < (int)KINDS; i++)
        if (of_kind[i] > 0)
            fprintf(stderr, "  %-12s %5.1f %% %10lld calls %9.2f us each %8.1f G%s/s\n", kinds[i],
                    100 * of_kind[i] / total, (long long)calls[i],
                    of_kind[i] / (double)calls[i] * 1e6, amount[i] / of_kind[i] * 1e-9,
                    i == NN_KERNEL_PRODUCT || i == NN_KERNEL_CONVOLUTION ? "FLOP" : "B");
    for (int i = 0; i < prepared->kernels && i < LINES && lines[i].seconds > 0; i++) {
        const nn_kernel *kernel = &program->kernel[lines[i].kernel];
        double each = lines[i].seconds / (double)prepared->calls[lines[i].kernel];
        double done = describe(kernel, &prepared->ready[lines[i].kernel], text, sizeof text);
        fprintf(stderr, "  %5.2f %% %9.2f us, least %9.2f, %7.1f G%s/s  #%d.%d %s %s %s\n",
                100 * lines[i].seconds / total, each * 1e6, prepared->least[lines[i].kernel] * 1e6,
                done / each * 1e-9,
                kernel->kind == NN_KERNEL_PRODUCT || kernel->kind == NN_KERNEL_CONVOLUTION ? "FLOP"
                                                                                           : "B",
                kernel->stage, lines[i].kernel, kinds[kernel->kind], text,
                kernel->name ? kernel->name : "");
    }
    free(lines);
}
