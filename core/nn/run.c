/* Programs in use: running stages, reading values, facts and listings. */
#include "nn/backend.h"
#include "nn/compile/compile.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- buffers ---- */

static void visit_loop(const nn_loop *loop, nn_buffer_visitor *visit, void *context)
{
    for (int i = 0; i < loop->reads; i++)
        visit(loop->read[i].buffer, false, context);
    for (int i = 0; i < loop->results; i++)
        visit(loop->result[i].view.buffer, true, context);
}

static void visit_product(const nn_product *product, nn_buffer_visitor *visit, void *context)
{
    visit(product->a.buffer, false, context);
    visit(product->packed >= 0 ? product->packed : product->b.buffer, false, context);
    if (product->bias.buffer >= 0)
        visit(product->bias.buffer, false, context);
    if (product->accumulate)
        visit(product->c.buffer, false, context);
    visit(product->c.buffer, true, context);
}

static void visit_convolution(const nn_convolution *conv, nn_buffer_visitor *visit, void *context)
{
    const nn_view *read[2] = {&conv->x, &conv->w}, *written = &conv->y;
    if (conv->op == NN_OP_CONV_DATA) {
        read[0] = &conv->y;
        written = &conv->x;
    } else if (conv->op == NN_OP_CONV_WEIGHT) {
        read[1] = &conv->y;
        written = &conv->w;
    }
    visit(read[0]->buffer, false, context);
    visit(read[1]->buffer, false, context);
    visit(written->buffer, true, context);
}

void nn_kernel_buffers(const nn_kernel *kernel, nn_buffer_visitor *visit, void *context)
{
    switch (kernel->kind) {
    case NN_KERNEL_LOOP:
        visit_loop(&kernel->loop, visit, context);
        break;
    case NN_KERNEL_PRODUCT:
        visit_product(&kernel->product, visit, context);
        break;
    case NN_KERNEL_CONVOLUTION:
        visit_convolution(&kernel->convolution, visit, context);
        break;
    case NN_KERNEL_LOOKUP:
        visit(kernel->lookup.source.buffer, false, context);
        visit(kernel->lookup.index.buffer, false, context);
        visit(kernel->lookup.result.buffer, true, context);
        break;
    case NN_KERNEL_DRAW:
        visit(kernel->draw.counter, false, context);
        visit(kernel->draw.counter, true, context);
        visit(kernel->draw.result.buffer, true, context);
        break;
    case NN_KERNEL_PACK:
        visit(kernel->pack.product.b.buffer, false, context);
        visit(kernel->pack.to, true, context);
        break;
    }
    if (kernel->scratch >= 0)
        visit(kernel->scratch, true, context);
}

void *nn_buffer_memory(const nn_program *program, int b)
{
    const nn_buffer *buffer = &program->buffer[b];
    return buffer->leaf ? buffer->leaf->memory : (char *)program->arena + buffer->offset;
}

/* ---- running ---- */

int nn_run(nn_program *program, int stage)
{
    if (!program)
        return WEIR_EOPTION;
    nn_graph *graph = program->graph;
    if (graph->error.status)
        return graph->error.status;
    int last = program->last_stage;
    if (stage < 0 || stage >= program->stages)
        return weir_error_set(&graph->error, WEIR_EOPTION,
                              "nn_run: stage %d of a program of %d stages", stage, program->stages);
    if (stage && stage != last && (last < 0 || stage != last + 1))
        return weir_error_set(&graph->error, WEIR_EOPTION,
                              "nn_run: stage %d (%s) after stage %d; stages run in turn, from 0",
                              stage, program->stage_name[stage], last);
    int status = graph->backend->run(graph->device, program, stage, &graph->error);
    if (status)
        return status;
    program->last_stage = stage;
    if (stage > program->reached)
        program->reached = stage;
    return WEIR_OK;
}

/* The output as the stage that ran last before now left it; NULL if no stage that has run has it.
 */
static const struct nn_output *find_output(const nn_program *program, const nn_node *node)
{
    const struct nn_output *found = NULL;
    for (int i = 0; i < program->outputs; i++) {
        const struct nn_output *output = &program->output[i];
        if (output->node != node || output->stage > program->reached)
            continue;
        bool recent = output->stage <= program->last_stage;
        bool found_recent = found && found->stage <= program->last_stage;
        if (!found || recent > found_recent ||
            (recent == found_recent && output->stage > found->stage))
            found = output;
    }
    return found;
}

static bool is_output(const nn_program *program, const nn_node *node)
{
    for (int i = 0; i < program->outputs; i++)
        if (program->output[i].node == node)
            return true;
    return false;
}

/* The elements of a view in row order, from the memory that they are strewn over. */
static void gather(const nn_real *from, const nn_node *node, const int64_t *stride, nn_real *to)
{
    int64_t at[NN_MAX_RANK] = {0}, place = 0, n = nn_count(node);
    for (int64_t i = 0; i < n; i++) {
        to[i] = from[place];
        for (int axis = node->rank - 1; axis >= 0; axis--) {
            place += stride[axis];
            if (++at[axis] < node->shape[axis])
                break;
            place -= stride[axis] * node->shape[axis];
            at[axis] = 0;
        }
    }
}

int nn_read(nn_program *program, nn_node *node, nn_real *to)
{
    if (!program)
        return WEIR_EOPTION;
    nn_graph *graph = program->graph;
    if (graph->error.status)
        return graph->error.status;
    if (!node || !to)
        return weir_error_set(&graph->error, WEIR_EOPTION, "nn_read: no %s (NULL)",
                              node ? "place for the numbers" : "output");
    const struct nn_output *output = find_output(program, node);
    if (!output)
        return weir_error_set(&graph->error, WEIR_EOPTION,
                              is_output(program, node)
                                  ? "nn_read: the stage of %s(%s) has not been run"
                                  : "nn_read: %s(%s) is not an output of this program",
                              nn_op_name(node->op), node->name ? node->name : "");
    const nn_view *view = &output->view;
    int64_t dense = 1, span = 1;
    bool in_order = true;
    for (int axis = node->rank - 1; axis >= 0; axis--) {
        in_order = in_order && (node->shape[axis] == 1 || view->stride[axis] == dense);
        dense *= node->shape[axis];
        span += (node->shape[axis] - 1) * view->stride[axis];
    }
    const nn_real *from = (const nn_real *)nn_buffer_memory(program, view->buffer) + view->offset;
    const nn_backend *backend = graph->backend;
    if (in_order)
        return backend->read(graph->device, to, from, (size_t)dense * sizeof *to, &graph->error);
    nn_real *copy = malloc((size_t)span * sizeof *copy);
    if (!copy)
        return weir_error_memory(&graph->error, (size_t)span * sizeof *copy, "nn_read");
    int status =
        backend->read(graph->device, copy, from, (size_t)span * sizeof *copy, &graph->error);
    if (!status)
        gather(copy, node, view->stride, to);
    free(copy);
    return status;
}

void nn_program_free(nn_program *program)
{
    if (!program)
        return;
    nn_graph *graph = program->graph;
    for (nn_program **link = &graph->programs; *link; link = &(*link)->next)
        if (*link == program) {
            *link = program->next;
            break;
        }
    if (graph->backend && graph->backend->discard)
        graph->backend->discard(graph->device, program);
    if (program->arena)
        graph->backend->release(graph->device, program->arena);
    nn_program_release(program);
}

/* ---- facts ---- */

/* Of a product or a convolution; a multiplication with its addition counts two. */
static double operations(const nn_kernel *kernel)
{
    if (kernel->kind == NN_KERNEL_PRODUCT) {
        const nn_product *p = &kernel->product;
        return 2.0 * (double)p->batch[0] * (double)p->batch[1] * (double)p->batch[2] *
               (double)p->m * (double)p->n * (double)p->k;
    }
    if (kernel->kind == NN_KERNEL_CONVOLUTION) {
        const nn_convolution *c = &kernel->convolution;
        return 2.0 * (double)c->batch * (double)c->out_height * (double)c->out_width *
               (double)c->out * (double)c->in * (double)c->kh * (double)c->kw;
    }
    return 0;
}

/* Elements of a loop's space that a view tells apart. */
static double extent(const nn_loop *loop, const nn_view *view)
{
    double count = 1;
    for (int i = 0; i < loop->rank; i++)
        if (view->stride[i])
            count *= (double)loop->shape[i];
    return count;
}

/* Numbers read and written, each once. */
static double traffic(const nn_kernel *kernel)
{
    const nn_product *p = kernel->kind == NN_KERNEL_PACK ? &kernel->pack.product : &kernel->product;
    const nn_convolution *c = &kernel->convolution;
    const nn_lookup *l = &kernel->lookup;
    double sum = 0;
    switch (kernel->kind) {
    case NN_KERNEL_LOOP:
        for (int i = 0; i < kernel->loop.reads; i++)
            sum += extent(&kernel->loop, &kernel->loop.read[i]);
        for (int i = 0; i < kernel->loop.results; i++)
            sum += extent(&kernel->loop, &kernel->loop.result[i].view);
        break;
    case NN_KERNEL_PRODUCT:
        sum = (double)p->m * (double)p->k + (double)p->k * (double)p->n +
              (p->accumulate ? 2 : 1) * (double)p->m * (double)p->n;
        sum *= (double)p->batch[0] * (double)p->batch[1] * (double)p->batch[2];
        break;
    case NN_KERNEL_PACK:
        sum = 2 * (double)p->k * (double)p->n;
        break;
    case NN_KERNEL_CONVOLUTION:
        sum = (double)c->batch * ((double)c->height * (double)c->width * (double)c->in +
                                  (double)c->out_height * (double)c->out_width * (double)c->out) +
              (double)c->out * (double)c->in * (double)c->kh * (double)c->kw;
        break;
    case NN_KERNEL_LOOKUP:
        sum = 2 * (double)l->count * (double)l->width + (double)l->count;
        break;
    case NN_KERNEL_DRAW:
        sum = (double)kernel->draw.count;
        break;
    }
    return sum;
}

double nn_stage_operations(const nn_program *program, int stage)
{
    double sum = 0;
    if (!program || stage < 0 || stage >= program->stages)
        return 0;
    for (int k = program->start[stage]; k < program->start[stage + 1]; k++)
        sum += operations(&program->kernel[k]);
    return sum;
}

nn_program_facts nn_program_info(const nn_program *program)
{
    if (!program)
        return (nn_program_facts){0};
    nn_program_facts facts = program->facts;
    facts.kernels = program->kernels;
    facts.loops = facts.products = 0;
    facts.operations = 0;
    for (int k = 0; k < program->kernels; k++) {
        nn_kind kind = program->kernel[k].kind;
        facts.loops += kind == NN_KERNEL_LOOP;
        facts.products += kind == NN_KERNEL_PRODUCT || kind == NN_KERNEL_CONVOLUTION;
        facts.operations += operations(&program->kernel[k]);
    }
    return facts;
}

/* ---- listing ---- */

typedef struct nn_listing {
    FILE *file;
    const nn_program *program;
    bool written; /* which side is listed */
} nn_listing;

static void list_buffer(int b, bool written, void *context)
{
    nn_listing *listing = context;
    const nn_buffer *buffer = &listing->program->buffer[b];
    if (written != listing->written)
        return;
    if (buffer->leaf)
        fprintf(listing->file, " %s",
                buffer->leaf->name ? buffer->leaf->name : nn_op_name(buffer->leaf->op));
    else
        fprintf(listing->file, " %d@%zu", b, buffer->offset);
}

static void list_shape(FILE *file, int rank, const int64_t *shape)
{
    for (int i = 0; i < rank; i++)
        fprintf(file, "[%lld]", (long long)shape[i]);
}

static void list_steps(FILE *file, const nn_loop *loop)
{
    fputs(" {", file);
    for (int i = 0; i < loop->steps; i++)
        fprintf(file, "%s%s", i ? " " : "", nn_op_name(loop->step[i].op));
    for (int i = 0; i < loop->results; i++)
        if (loop->result[i].combine != NN_STORE)
            fprintf(file, " %s", loop->result[i].combine == NN_COMBINE_SUM ? "sum" : "peak");
    fputs("}", file);
}

/* What the kernel does and over which sizes. */
static void list_work(FILE *file, const nn_kernel *kernel)
{
    const nn_product *p = kernel->kind == NN_KERNEL_PACK ? &kernel->pack.product : &kernel->product;
    const nn_convolution *c = &kernel->convolution;
    switch (kernel->kind) {
    case NN_KERNEL_LOOP:
        fputs("loop        ", file);
        list_shape(file, kernel->loop.rank, kernel->loop.shape);
        list_steps(file, &kernel->loop);
        break;
    case NN_KERNEL_PRODUCT:
    case NN_KERNEL_PACK:
        fputs(kernel->kind == NN_KERNEL_PACK ? "pack        " : "product     ", file);
        if (p->batch[0] * p->batch[1] * p->batch[2] > 1)
            list_shape(file, 3, p->batch);
        fprintf(file, "%lldx%lldx%lld %c%c%s%s", (long long)p->m, (long long)p->n, (long long)p->k,
                p->a.transposed ? 'T' : 'N', p->b.transposed ? 'T' : 'N',
                p->bias.buffer >= 0 ? " bias" : "", p->accumulate ? " accumulate" : "");
        break;
    case NN_KERNEL_CONVOLUTION:
        fprintf(file, "%-12s", nn_op_name(c->op));
        list_shape(file, 4, (int64_t[]){c->batch, c->height, c->width, c->in});
        fputs(" by ", file);
        list_shape(file, 4, (int64_t[]){c->out, c->in, c->kh, c->kw});
        break;
    case NN_KERNEL_LOOKUP:
        fprintf(file, "%-12s", nn_op_name(kernel->lookup.op));
        list_shape(file, 2, (int64_t[]){kernel->lookup.count, kernel->lookup.width});
        break;
    case NN_KERNEL_DRAW:
        fputs("draw        ", file);
        list_shape(file, 1, &kernel->draw.count);
        break;
    }
}

static void list_kernel(FILE *file, const nn_program *program, int k)
{
    const nn_kernel *kernel = &program->kernel[k];
    nn_listing listing = {.file = file, .program = program};
    fprintf(file, "%5d %d ", k, kernel->stage);
    list_work(file, kernel);
    if (kernel->name)
        fprintf(file, " %s", kernel->name);
    fputs(" :", file);
    nn_kernel_buffers(kernel, list_buffer, &listing);
    fputs(" ->", file);
    listing.written = true;
    nn_kernel_buffers(kernel, list_buffer, &listing);
    fprintf(file, " ; %.0f bytes", traffic(kernel) * (double)sizeof(nn_real));
    if (operations(kernel) > 0)
        fprintf(file, ", %.0f operations", operations(kernel));
    fputc('\n', file);
}

int nn_program_print(const nn_program *program, const char *path)
{
    if (!program)
        return WEIR_EOPTION;
    weir_error *error = &program->graph->error;
    if (!path)
        return weir_error_set(error, WEIR_EOPTION, "nn_program_print: no path (NULL)");
    FILE *file = fopen(path, "w");
    if (!file)
        return weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
    nn_program_facts facts = nn_program_info(program);
    fprintf(file, "# %d kernels (%d loops, %d products), arena %zu bytes, without reuse %zu\n",
            facts.kernels, facts.loops, facts.products, facts.arena, facts.without_reuse);
    fputs("# kernel stage kind shape name : reads -> writes ; bytes moved, operations\n", file);
    for (int k = 0; k < program->kernels; k++)
        list_kernel(file, program, k);
    bool failed = ferror(file);
    if (fclose(file) || failed)
        return weir_error_set(error, WEIR_EIO, "%s: cannot be written", path);
    return WEIR_OK;
}
