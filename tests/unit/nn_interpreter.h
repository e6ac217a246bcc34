/* A back end that does what kernels say, one element after the other, in host memory: for tests of
 * the compiler, and what the back ends are compared with. */
#ifndef WEIR_TEST_NN_INTERPRETER_H
#define WEIR_TEST_NN_INTERPRETER_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/backend.h"
#include "nn/philox.h"

static int interpreter_steps; /* kernels run so far */

static nn_real *interpreter_at(const nn_program *program, const nn_view *view)
{
    return (nn_real *)nn_buffer_memory(program, view->buffer) + view->offset;
}

static int64_t interpreter_place(const nn_view *view, const int64_t *index)
{
    int64_t place = 0;
    for (int i = 0; i < NN_MAX_RANK; i++)
        place += index[i] * view->stride[i];
    return place;
}

static void interpreter_store(const nn_program *program, const nn_loop *loop,
                              const nn_result *result, const int64_t *index, nn_real value)
{
    nn_real *to = interpreter_at(program, &result->view) + interpreter_place(&result->view, index);
    bool first = true;
    for (int i = 0; i < loop->rank; i++)
        if (loop->shape[i] > 1 && !result->view.stride[i] && index[i])
            first = false;
    if (result->combine == NN_STORE || first)
        *to = value;
    else if (result->combine == NN_COMBINE_SUM)
        *to += value;
    else
        *to = *to > value ? *to : value;
}

static void interpreter_loop(const nn_program *program, const nn_loop *loop)
{
    int registers = loop->reads + loop->constants + loop->steps;
    nn_real *held = calloc((size_t)registers + 1, sizeof *held);
    int64_t index[NN_MAX_RANK] = {0}, points = 1;
    for (int i = 0; i < loop->rank; i++)
        points *= loop->shape[i];
    for (int i = 0; i < loop->constants; i++)
        held[loop->reads + i] = loop->constant[i];
    for (int64_t point = 0; held && point < points; point++) {
        for (int i = 0; i < loop->reads; i++)
            held[i] =
                interpreter_at(program, &loop->read[i])[interpreter_place(&loop->read[i], index)];
        for (int i = 0; i < loop->steps; i++) {
            const nn_instruction *step = &loop->step[i];
            held[loop->reads + loop->constants + i] =
                (nn_real)nn_evaluate(step->op, held[step->a], held[step->b], held[step->c]);
        }
        for (int i = 0; i < loop->results; i++)
            interpreter_store(program, loop, &loop->result[i], index, held[loop->result[i].value]);
        for (int i = loop->rank - 1; i >= 0; i--) {
            if (++index[i] < loop->shape[i])
                break;
            index[i] = 0;
        }
    }
    free(held);
}

static nn_real *interpreter_matrix(const nn_program *program, const nn_matrix *matrix,
                                   const int64_t *batch)
{
    nn_real *at = (nn_real *)nn_buffer_memory(program, matrix->buffer) + matrix->offset;
    for (int i = 0; i < 3; i++)
        at += batch[i] * matrix->batch[i];
    return at;
}

static void interpreter_product(const nn_program *program, const nn_product *p)
{
    for (int64_t batch = 0; batch < p->batch[0] * p->batch[1] * p->batch[2]; batch++) {
        const int64_t index[3] = {batch / (p->batch[1] * p->batch[2]),
                                  batch / p->batch[2] % p->batch[1], batch % p->batch[2]};
        const nn_real *a = interpreter_matrix(program, &p->a, index);
        const nn_real *b = interpreter_matrix(program, &p->b, index);
        const nn_real *bias =
            p->bias.buffer < 0 ? NULL : interpreter_matrix(program, &p->bias, index);
        nn_real *c = interpreter_matrix(program, &p->c, index);
        for (int64_t i = 0; i < p->m; i++)
            for (int64_t j = 0; j < p->n; j++) {
                double sum = 0;
                for (int64_t k = 0; k < p->k; k++)
                    sum += (double)a[p->a.transposed ? k * p->a.row + i : i * p->a.row + k] *
                           (double)b[p->b.transposed ? j * p->b.row + k : k * p->b.row + j];
                if (p->accumulate)
                    sum += (double)c[i * p->c.row + j];
                if (bias)
                    sum += (double)bias[j];
                c[i * p->c.row + j] = (nn_real)sum;
            }
    }
}

/* All three are the same sum of products, gathered for one of them. */
static void interpreter_convolution(const nn_program *program, const nn_convolution *c)
{
    nn_real *x = interpreter_at(program, &c->x), *w = interpreter_at(program, &c->w);
    nn_real *y = interpreter_at(program, &c->y);
    int64_t outputs = c->batch * c->out_height * c->out_width * c->out;
    int64_t weights = c->out * c->in * c->kh * c->kw;
    if (c->op == NN_OP_CONV)
        memset(y, 0, (size_t)outputs * sizeof *y);
    else if (c->op == NN_OP_CONV_DATA)
        memset(x, 0, (size_t)(c->batch * c->height * c->width * c->in) * sizeof *x);
    else
        memset(w, 0, (size_t)weights * sizeof *w);
    for (int64_t at = 0; at < outputs * weights / c->out; at++) {
        int64_t rest = at;
        int64_t kx = rest % c->kw, ky = (rest /= c->kw) % c->kh, in = (rest /= c->kh) % c->in;
        int64_t out = (rest /= c->in) % c->out, column = (rest /= c->out) % c->out_width;
        int64_t line = (rest /= c->out_width) % c->out_height, batch = rest / c->out_height;
        int64_t from_line = line * c->stride + ky - c->pad;
        int64_t from_column = column * c->stride + kx - c->pad;
        if (from_line < 0 || from_line >= c->height || from_column < 0 || from_column >= c->width)
            continue;
        nn_real *data = &x[((batch * c->height + from_line) * c->width + from_column) * c->in + in];
        nn_real *weight = &w[((out * c->in + in) * c->kh + ky) * c->kw + kx];
        nn_real *result =
            &y[((batch * c->out_height + line) * c->out_width + column) * c->out + out];
        if (c->op == NN_OP_CONV)
            *result += *data * *weight;
        else if (c->op == NN_OP_CONV_DATA)
            *data += *result * *weight;
        else
            *weight += *data * *result;
    }
}

static void interpreter_lookup(const nn_program *program, const nn_lookup *l)
{
    const nn_real *source = interpreter_at(program, &l->source);
    const nn_real *index = interpreter_at(program, &l->index);
    nn_real *result = interpreter_at(program, &l->result);
    bool gather = l->op == NN_OP_GATHER;
    for (int64_t i = 0; i < (gather ? 0 : l->rows); i++)
        memset(result + i * l->result_row, 0, (size_t)l->width * sizeof *result);
    for (int64_t i = 0; i < l->count; i++) {
        double named = (double)index[i];
        bool inside = named >= 0 && named < (double)l->rows;
        int64_t row = inside ? (int64_t)named : 0;
        for (int64_t j = 0; j < l->width; j++)
            if (gather)
                result[i * l->result_row + j] = inside ? source[row * l->source_row + j] : 0;
            else if (inside)
                result[row * l->result_row + j] += source[i * l->source_row + j];
    }
}

static void interpreter_draw(const nn_program *program, const nn_draw *d)
{
    uint64_t *counter = nn_buffer_memory(program, d->counter);
    nn_real *to = interpreter_at(program, &d->result);
    for (int64_t i = 0; i < d->count; i++) {
        unsigned w[4];
        const double unit = 1.0 / 16777216;
        nn_philox(d->key, *counter, (unsigned long long)i / 4, w);
        double first = (double)((w[i % 4 & 2] >> 8) + 1) * unit;
        double angle = 6.283185307179586 * (double)(w[i % 4 | 1] >> 8) * unit;
        double radius = sqrt(-2 * log(first));
        to[i] = (nn_real)(d->kind == NN_NOISE_UNIFORM ? (double)(w[i % 4] >> 8) * unit
                          : i % 2                     ? radius * sin(angle)
                                                      : radius * cos(angle));
    }
    ++*counter;
}

static void interpreter_kernel(const nn_program *program, const nn_kernel *kernel)
{
    switch (kernel->kind) {
    case NN_KERNEL_LOOP:
        interpreter_loop(program, &kernel->loop);
        break;
    case NN_KERNEL_PRODUCT:
        interpreter_product(program, &kernel->product);
        break;
    case NN_KERNEL_CONVOLUTION:
        interpreter_convolution(program, &kernel->convolution);
        break;
    case NN_KERNEL_LOOKUP:
        interpreter_lookup(program, &kernel->lookup);
        break;
    case NN_KERNEL_DRAW:
        interpreter_draw(program, &kernel->draw);
        break;
    case NN_KERNEL_PACK:
        break; /* not made by the compiler */
    }
    interpreter_steps++;
}

static void *interpreter_allocate(void *device, size_t bytes, weir_error *error)
{
    (void)device;
    void *memory = aligned_alloc(64, (bytes + 64) / 64 * 64);
    if (!memory)
        weir_error_memory(error, bytes, "a test");
    else /* what nobody has written is no number */
        for (size_t i = 0; i < bytes / sizeof(nn_real); i++)
            ((nn_real *)memory)[i] = (nn_real)NAN;
    if (memory && bytes == sizeof(uint64_t))
        memset(memory, 0, bytes);
    return memory;
}

static void interpreter_release(void *device, void *memory)
{
    (void)device;
    free(memory);
}

static int interpreter_copy(void *device, void *to, const void *from, size_t bytes,
                            weir_error *error)
{
    (void)device, (void)error;
    memcpy(to, from, bytes);
    return WEIR_OK;
}

static int interpreter_prepare(void *device, nn_program *program, weir_error *error)
{
    (void)device, (void)program, (void)error;
    return WEIR_OK;
}

static int interpreter_run(void *device, nn_program *program, int stage, weir_error *error)
{
    (void)device, (void)error;
    for (int i = program->start[stage]; i < program->start[stage + 1]; i++)
        interpreter_kernel(program, &program->kernel[i]);
    return WEIR_OK;
}

static void interpreter_close(void *device)
{
    (void)device;
}

static void interpreter_discard(void *device, nn_program *program)
{
    (void)device, (void)program;
}

static const nn_backend nn_interpreter = {.abi = NN_BACKEND_ABI,
                                          .name = "interpreter",
                                          .close = interpreter_close,
                                          .allocate = interpreter_allocate,
                                          .release = interpreter_release,
                                          .write = interpreter_copy,
                                          .read = interpreter_copy,
                                          .prepare = interpreter_prepare,
                                          .run = interpreter_run,
                                          .discard = interpreter_discard};

/* A graph that runs on it. */
static nn_graph *interpreter_graph(uint64_t seed, unsigned debug)
{
    nn_graph *graph = nn_graph_new(&(nn_settings){.seed = seed, .debug = debug});
    if (graph) {
        graph->backend = &nn_interpreter;
        graph->device = (void *)&nn_interpreter;
    }
    return graph;
}

#endif
