/* Buffers and kernels from tasks. Loops are in lower_loop.c. */
#include "nn/compile/compile.h"
#include <string.h>

int nn_buffer_of(nn_plan *plan, int storage)
{
    nn_storage *from = &plan->storage[storage];
    if (from->buffer >= 0)
        return from->buffer;
    from->buffer = nn_program_buffer(plan->program, from->elements);
    if (from->buffer >= 0) {
        plan->program->buffer[from->buffer].leaf = from->leaf;
        plan->program->buffer[from->buffer].kept = from->kept;
    }
    return from->buffer;
}

static bool view_of(nn_plan *plan, const nn_planned *value, nn_view *view)
{
    *view = value->view;
    view->buffer = nn_buffer_of(plan, value->view.buffer);
    return view->buffer >= 0;
}

/* The matrix of the last two axes; flipped: the node reads it transposed. The batch axes become the
 * last ones of three. */
static bool matrix_of(nn_plan *plan, const nn_planned *value, bool flipped, nn_matrix *matrix)
{
    int rows = value->rank - 2, columns = value->rank - 1;
    int64_t m = value->shape[rows], n = value->shape[columns];
    int64_t row = value->view.stride[rows], column = value->view.stride[columns];
    bool straight = (n == 1 || column == 1) && (m == 1 || row >= n);
    *matrix = (nn_matrix){.buffer = nn_buffer_of(plan, value->view.buffer),
                          .offset = value->view.offset,
                          .transposed = flipped == straight};
    if (straight)
        matrix->row = m == 1 ? n : row;
    else
        matrix->row = n == 1 ? m : column;
    for (int i = 0; i < rows; i++)
        matrix->batch[3 - rows + i] = value->shape[i] > 1 ? value->view.stride[i] : 0;
    return matrix->buffer >= 0;
}

static bool lower_product(nn_plan *plan, const nn_planned *value, nn_kernel *kernel)
{
    const nn_node *node = value->node;
    const nn_planned *a = &plan->value[value->input[0]], *b = &plan->value[value->input[1]];
    nn_product *product = &kernel->product;
    kernel->kind = NN_KERNEL_PRODUCT;
    *product = (nn_product){.batch = {1, 1, 1}, .bias = {.buffer = -1}, .packed = -1};
    product->m = value->shape[value->rank - 2];
    product->n = value->shape[value->rank - 1];
    product->k = a->shape[a->rank - (node->at[0] ? 2 : 1)];
    if (!matrix_of(plan, a, node->at[0], &product->a) ||
        !matrix_of(plan, b, node->at[1], &product->b) ||
        !matrix_of(plan, value, false, &product->c))
        return false;
    for (int i = 0; i < value->rank - 2; i++)
        product->batch[5 - value->rank + i] = value->shape[i];
    /* Rows of several matrices that are multiplied by one and the same are rows of one. */
    for (int i = 2; i >= 0; i--) {
        nn_matrix *left = &product->a, *right = &product->b, *to = &product->c;
        if (product->batch[i] == 1)
            continue;
        if (right->batch[i] || left->transposed || left->batch[i] != left->row * product->m ||
            to->batch[i] != to->row * product->m)
            break;
        product->m *= product->batch[i];
        product->batch[i] = 1;
        left->batch[i] = to->batch[i] = 0;
    }
    return true;
}

static bool lower_convolution(nn_plan *plan, const nn_planned *value, nn_kernel *kernel)
{
    const nn_planned *left = &plan->value[value->input[0]], *right = &plan->value[value->input[1]];
    const nn_op op = value->node->op;
    const nn_planned *x = op == NN_OP_CONV_DATA ? value : left;
    const nn_planned *w = op == NN_OP_CONV_WEIGHT ? value : right;
    const nn_planned *y = op == NN_OP_CONV ? value : op == NN_OP_CONV_DATA ? left : right;
    kernel->kind = NN_KERNEL_CONVOLUTION;
    nn_convolution *c = &kernel->convolution;
    *c = (nn_convolution){.op = op,
                          .batch = x->shape[0],
                          .height = x->shape[1],
                          .width = x->shape[2],
                          .in = x->shape[3],
                          .out = w->shape[0],
                          .kh = w->shape[2],
                          .kw = w->shape[3],
                          .out_height = y->shape[1],
                          .out_width = y->shape[2],
                          .stride = value->node->at[0],
                          .pad = value->node->at[1]};
    return view_of(plan, x, &c->x) && view_of(plan, w, &c->w) && view_of(plan, y, &c->y);
}

static bool lower_lookup(nn_plan *plan, const nn_planned *value, nn_kernel *kernel)
{
    const nn_planned *source = &plan->value[value->input[0]],
                     *index = &plan->value[value->input[1]];
    kernel->kind = NN_KERNEL_LOOKUP;
    nn_lookup *lookup = &kernel->lookup;
    *lookup = (nn_lookup){.op = value->node->op, .count = 1};
    for (int i = 0; i < index->rank; i++)
        lookup->count *= index->shape[i];
    lookup->width = value->shape[value->rank - 1];
    lookup->rows = (lookup->op == NN_OP_GATHER ? source : value)->shape[0];
    lookup->source_row = lookup->result_row = lookup->width;
    return view_of(plan, source, &lookup->source) && view_of(plan, index, &lookup->index) &&
           view_of(plan, value, &lookup->result);
}

static bool lower_draw(nn_plan *plan, const nn_planned *value, nn_kernel *kernel)
{
    kernel->kind = NN_KERNEL_DRAW;
    nn_draw *draw = &kernel->draw;
    *draw = (nn_draw){.kind = (nn_noise_kind)value->node->at[0],
                      .key = value->node->key,
                      .count = nn_count(value->node)};
    int storage = nn_plan_storage(plan, value->node, 1);
    draw->counter = storage < 0 ? -1 : nn_buffer_of(plan, storage);
    return draw->counter >= 0 && view_of(plan, value, &draw->result);
}

static bool lower_task(nn_plan *plan, const nn_task *task, nn_kernel *kernel)
{
    *kernel = (nn_kernel){.stage = task->stage, .scratch = -1};
    for (int m = 0; m < task->members && !kernel->name; m++)
        kernel->name = plan->value[task->member[m]].node->name;
    if (!task->call)
        return nn_lower_loop(plan, task, kernel);
    const nn_planned *value = &plan->value[task->member[0]];
    switch (value->node->op) {
    case NN_OP_MATMUL:
        return lower_product(plan, value, kernel);
    case NN_OP_NOISE:
        return lower_draw(plan, value, kernel);
    case NN_OP_GATHER:
    case NN_OP_SCATTER:
        return lower_lookup(plan, value, kernel);
    default:
        return lower_convolution(plan, value, kernel);
    }
}

int nn_lower(nn_plan *plan)
{
    nn_program *program = plan->program;
    program->kernel = nn_program_alloc(program, (size_t)plan->tasks * sizeof *program->kernel);
    program->start = nn_program_alloc(program, (size_t)(program->stages + 1) * sizeof(int));
    if (!program->kernel || !program->start)
        return nn_status(plan->graph);
    for (int i = 0; i < plan->tasks; i++) {
        const nn_task *task = &plan->task[plan->order[i]];
        if (!lower_task(plan, task, &program->kernel[i]))
            return nn_status(plan->graph);
        for (int s = task->stage + 1; s <= program->stages; s++)
            program->start[s] = i + 1;
    }
    program->kernels = plan->tasks;
    return WEIR_OK;
}
