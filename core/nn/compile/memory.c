/* Where each buffer of a program lies: lifetimes from the kernels alone, results in the place of a
 * read that ends there, one arena. */
#include "nn/compile/compile.h"
#include <stdlib.h>
#include <string.h>

enum { NEVER = -1, ALIGNMENT = 64 };

/* Buffers that have one place in turn: each begins with the kernel with which its predecessor ends.
 */
typedef struct nn_place {
    int first, last; /* kernels */
    size_t size, offset;
} nn_place;

/* What the passes below share. */
typedef struct nn_memory_plan {
    nn_program *program;
    int kernel;      /* that the visitor is in */
    bool *permanent; /* [buffers] lives throughout: an output, or read before it is written */
    int *uses;       /* [buffers] within one loop, by the count of views */
    int *place;      /* [buffers] -1: none */
    int places;
    nn_place *at; /* [places] */
} nn_memory_plan;

static int stage_of(const nn_program *program, int kernel)
{
    return program->kernel[kernel].stage;
}

static void note_use(int b, bool written, void *context)
{
    nn_memory_plan *plan = context;
    nn_buffer *buffer = &plan->program->buffer[b];
    if (buffer->first == NEVER) {
        buffer->first = plan->kernel;
        if (!written)
            plan->permanent[b] = true;
    }
    buffer->last = plan->kernel;
}

static void find_lifetimes(nn_memory_plan *plan)
{
    nn_program *program = plan->program;
    for (int b = 0; b < program->buffers; b++) {
        program->buffer[b].first = program->buffer[b].last = NEVER;
        plan->permanent[b] = program->buffer[b].kept;
    }
    for (plan->kernel = 0; plan->kernel < program->kernels; plan->kernel++)
        nn_kernel_buffers(&program->kernel[plan->kernel], note_use, plan);
    for (int b = 0; b < program->buffers; b++) {
        nn_buffer *buffer = &program->buffer[b];
        if (plan->permanent[b]) {
            buffer->first = 0;
            buffer->last = program->kernels - 1;
        } else if (buffer->first != NEVER) {
            /* A later stage may run again, and then reads the value again. */
            int end = stage_of(program, buffer->last);
            if (end != stage_of(program, buffer->first))
                buffer->last = program->start[end + 1] - 1;
        }
    }
}

static bool equal_views(const nn_loop *loop, const nn_view *a, const nn_view *b)
{
    if (a->offset != b->offset)
        return false;
    for (int i = 0; i < loop->rank; i++)
        if (loop->shape[i] > 1 && (a->stride[i] != b->stride[i] || !a->stride[i]))
            return false;
    return true;
}

/* Whether the result may take over the place of the read: the one ends and the other begins here,
 * every point of the loop reads the element that it writes, and nothing else here looks at either
 * buffer. A value of an earlier stage does not end: this one may run again. */
static bool can_take_over(const nn_memory_plan *plan, int kernel, const nn_result *result,
                          const nn_view *read)
{
    const nn_program *program = plan->program;
    const nn_loop *loop = &program->kernel[kernel].loop;
    int to = result->view.buffer, from = read->buffer;
    return result->combine == NN_STORE && !program->buffer[from].leaf && !plan->permanent[from] &&
           program->buffer[from].last == kernel && program->buffer[from].first < kernel &&
           stage_of(program, program->buffer[from].first) == stage_of(program, kernel) &&
           plan->uses[from] == 1 && plan->uses[to] == 1 && plan->place[from] >= 0 &&
           plan->at[plan->place[from]].last == kernel &&
           plan->at[plan->place[from]].size >= plan->at[plan->place[to]].size &&
           equal_views(loop, &result->view, read);
}

static void take_over(nn_memory_plan *plan, int kernel)
{
    const nn_loop *loop = &plan->program->kernel[kernel].loop;
    for (int i = 0; i < loop->reads; i++)
        plan->uses[loop->read[i].buffer]++;
    for (int i = 0; i < loop->results; i++)
        plan->uses[loop->result[i].view.buffer]++;
    for (int i = 0; i < loop->results; i++) {
        int to = loop->result[i].view.buffer;
        const nn_buffer *buffer = &plan->program->buffer[to];
        if (buffer->leaf || plan->permanent[to] || buffer->first != kernel)
            continue;
        for (int j = 0; j < loop->reads; j++)
            if (can_take_over(plan, kernel, &loop->result[i], &loop->read[j])) {
                nn_place *at = &plan->at[plan->place[loop->read[j].buffer]];
                plan->at[plan->place[to]].size = 0;
                plan->place[to] = plan->place[loop->read[j].buffer];
                at->last = buffer->last;
                break;
            }
    }
    for (int i = 0; i < loop->reads; i++)
        plan->uses[loop->read[i].buffer] = 0;
    for (int i = 0; i < loop->results; i++)
        plan->uses[loop->result[i].view.buffer] = 0;
}

/* Every buffer a place of its own; private is what they need together. */
static int make_places(nn_memory_plan *plan, size_t *private)
{
    nn_program *program = plan->program;
    *private = 0;
    for (int b = 0; b < program->buffers; b++) {
        const nn_buffer *buffer = &program->buffer[b];
        plan->place[b] = -1;
        if (buffer->leaf || buffer->first == NEVER)
            continue;
        size_t limit = SIZE_MAX / 2 - *private;
        if (buffer->elements > (limit - ALIGNMENT) / sizeof(nn_real))
            return weir_error_set(&program->graph->error, WEIR_ENOMEM,
                                  "nn_compile: the values need more memory than there can be "
                                  "(buffer %d has %zu elements)",
                                  b, buffer->elements);
        size_t bytes = buffer->elements * sizeof(nn_real);
        bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (!bytes)
            bytes = ALIGNMENT;
        plan->place[b] = plan->places;
        plan->at[plan->places++] =
            (nn_place){.first = buffer->first, .last = buffer->last, .size = bytes};
        *private += bytes;
    }
    return WEIR_OK;
}

static size_t lay_side_by_side(nn_memory_plan *plan)
{
    size_t end = 0;
    for (int i = 0; i < plan->places; i++) {
        plan->at[i].offset = end;
        end += plan->at[i].size;
    }
    return end;
}

/* Larger places first, then earlier ones. */
static int by_size(const void *a, const void *b)
{
    const nn_place *x = *(nn_place *const *)a, *y = *(nn_place *const *)b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    if (x->first != y->first)
        return x->first > y->first ? 1 : -1;
    return (x > y) - (x < y);
}

/* Each, the largest first, at the smallest gap that holds it between places that live at the same
 * time. order has room for twice the places; the second half is those laid, by offset. */
static size_t lay_by_lifetime(nn_memory_plan *plan, nn_place **order)
{
    int n = 0, laid = 0;
    size_t end = 0;
    for (int i = 0; i < plan->places; i++)
        if (plan->at[i].size)
            order[n++] = &plan->at[i];
    qsort(order, (size_t)n, sizeof *order, by_size);
    nn_place **by_offset = order + plan->places;
    for (int i = 0; i < n; i++) {
        nn_place *place = order[i];
        size_t free_from = 0, best = SIZE_MAX, best_gap = SIZE_MAX;
        for (int j = 0; j < laid; j++) {
            const nn_place *other = by_offset[j];
            if (other->last < place->first || other->first > place->last)
                continue;
            if (other->offset > free_from) {
                size_t gap = other->offset - free_from;
                if (gap >= place->size && gap < best_gap) {
                    best = free_from;
                    best_gap = gap;
                }
            }
            if (other->offset + other->size > free_from)
                free_from = other->offset + other->size;
        }
        place->offset = best == SIZE_MAX ? free_from : best;
        if (place->offset + place->size > end)
            end = place->offset + place->size;
        int at = laid++;
        for (; at && by_offset[at - 1]->offset > place->offset; at--)
            by_offset[at] = by_offset[at - 1];
        by_offset[at] = place;
    }
    return end;
}

static int plan_with(nn_memory_plan *plan, nn_place **order)
{
    nn_program *program = plan->program;
    find_lifetimes(plan);
    int status = make_places(plan, &program->facts.without_reuse);
    if (status)
        return status;
    if (program->graph->settings.debug & NN_NO_REUSE) {
        program->facts.arena = lay_side_by_side(plan);
    } else {
        for (int k = 0; k < program->kernels; k++)
            if (program->kernel[k].kind == NN_KERNEL_LOOP)
                take_over(plan, k);
        program->facts.arena = lay_by_lifetime(plan, order);
    }
    for (int b = 0; b < program->buffers; b++)
        program->buffer[b].offset = plan->place[b] < 0 ? 0 : plan->at[plan->place[b]].offset;
    return WEIR_OK;
}

int nn_plan_memory(nn_program *program)
{
    size_t n = (size_t)program->buffers + 1;
    nn_memory_plan plan = {.program = program,
                           .permanent = calloc(n, sizeof *plan.permanent),
                           .uses = calloc(n, sizeof *plan.uses),
                           .place = calloc(n, sizeof *plan.place),
                           .at = calloc(n, sizeof *plan.at)};
    nn_place **order = calloc(2 * n, sizeof *order);
    int status = plan.permanent && plan.uses && plan.place && plan.at && order
                     ? plan_with(&plan, order)
                     : weir_error_memory(&program->graph->error, 64 * n, "planning memory");
    free(plan.permanent);
    free(plan.uses);
    free(plan.place);
    free(plan.at);
    free(order);
    return status;
}

int nn_bind_memory(nn_program *program)
{
    nn_graph *graph = program->graph;
    for (int b = 0; b < program->buffers; b++)
        if (program->buffer[b].leaf && !nn_leaf_memory(program->buffer[b].leaf))
            return graph->error.status;
    if (!program->facts.arena)
        return WEIR_OK;
    program->arena = graph->backend->allocate(graph->device, program->facts.arena, &graph->error);
    return program->arena ? WEIR_OK : graph->error.status;
}
