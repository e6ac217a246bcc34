/* The kernel of a loop: what it reads, its steps on registers, what it stores. */
#include "nn/compile/compile.h"
#include <string.h>

/* While it is built, a register is a kind and a number of that kind. */
enum { READ = 0, NUMBER = 1 << 28, STEP = 2 << 28, KIND = 3 << 28 };

typedef struct builder {
    nn_plan *plan;
    const nn_task *task;
    nn_loop *loop;
    int *held; /* by member: the register */
} builder;

static int number(builder *b, double value)
{
    nn_loop *loop = b->loop;
    for (int i = 0; i < loop->constants; i++) {
        nn_real same = (nn_real)value;
        if (!memcmp(&loop->constant[i], &same, sizeof same))
            return NUMBER | i;
    }
    loop->constant[loop->constants] = (nn_real)value;
    return NUMBER | loop->constants++;
}

/* A view of these axes over those of the loop, with its buffer. */
static bool over_space(builder *b, const nn_view *view, const nn_planned *over, nn_view *to)
{
    if (!nn_view_reshape(view, over->rank, over->shape, b->task->rank, b->task->shape, to)) {
        weir_error_set(&b->plan->graph->error, WEIR_EBUG,
                       "nn_compile: %s in a loop of another space", nn_op_name(over->node->op));
        return false;
    }
    to->buffer = nn_buffer_of(b->plan, view->buffer);
    return to->buffer >= 0;
}

static int read(builder *b, const nn_planned *value)
{
    nn_loop *loop = b->loop;
    nn_view view;
    if (!over_space(b, &value->view, value, &view))
        return -1;
    for (int i = 0; i < loop->reads; i++)
        if (loop->read[i].buffer == view.buffer && loop->read[i].offset == view.offset &&
            !memcmp(loop->read[i].stride, view.stride, sizeof view.stride))
            return READ | i;
    loop->read[loop->reads] = view;
    return READ | loop->reads++;
}

/* The register that holds input i of a value; -1 on failure. */
static int operand(builder *b, const nn_planned *value, int i)
{
    const nn_plan *plan = b->plan;
    double constant;
    int v = value->input[i], same = nn_same_elements(plan, v);
    if (nn_value_constant(plan, v, &constant))
        return number(b, constant);
    int at = plan->value[same].task;
    for (int m = b->task->members - 1; m >= 0 && at >= 0 && &plan->task[at] == b->task; m--)
        if (b->task->member[m] == same)
            return b->held[m];
    return read(b, &plan->value[v]);
}

static bool reduces(const nn_planned *value)
{
    return value->manner == NN_LOOP_VALUE &&
           (value->node->op == NN_OP_SUM || value->node->op == NN_OP_PEAK);
}

static bool store(builder *b, const nn_planned *value, int held)
{
    nn_result *result = &b->loop->result[b->loop->results++];
    *result = (nn_result){.value = held};
    if (!reduces(value))
        return over_space(b, &value->view, value, &result->view);
    const nn_planned *over = &b->plan->value[value->input[0]];
    nn_view view = value->view;
    for (int i = 0; i < over->rank; i++) {
        if (!(value->node->at[0] >> i & 1))
            continue;
        view.stride[i] = 0;
        if (over->shape[i] > 1)
            result->combine = value->node->op == NN_OP_SUM ? NN_COMBINE_SUM : NN_COMBINE_PEAK;
    }
    return over_space(b, &view, over, &result->view);
}

static bool member(builder *b, int m)
{
    const nn_planned *value = &b->plan->value[b->task->member[m]];
    nn_loop *loop = b->loop;
    int in[3] = {0, 0, 0};
    for (int i = 0; i < value->inputs; i++)
        if ((in[i] = operand(b, value, i)) < 0)
            return false;
    if (value->manner == NN_FILL_VALUE) {
        b->held[m] = number(b, 0);
    } else if (value->manner == NN_COPY_VALUE || reduces(value)) {
        b->held[m] = in[0];
    } else {
        loop->step[loop->steps] = (nn_instruction){value->node->op, in[0], in[1], in[2]};
        b->held[m] = STEP | loop->steps++;
    }
    return !value->stored || store(b, value, b->held[m]);
}

static int final(const nn_loop *loop, int held)
{
    int i = held & ~KIND;
    switch (held & KIND) {
    case READ:
        return i;
    case NUMBER:
        return loop->reads + i;
    default:
        return loop->reads + loop->constants + i;
    }
}

/* Whether axis i and the next are one run of equal steps. */
static bool runs_on(const nn_loop *loop, const nn_view *view, int i)
{
    return view->stride[i] == view->stride[i + 1] * loop->shape[i + 1];
}

static void drop(nn_view *view, int i)
{
    memmove(&view->stride[i], &view->stride[i + 1],
            (size_t)(NN_MAX_RANK - 1 - i) * sizeof *view->stride);
    view->stride[NN_MAX_RANK - 1] = 0;
}

/* Makes one axis of neighbours where all views allow it. */
static void merge(nn_loop *loop)
{
    for (int i = loop->rank - 2; i >= 0; i--) {
        bool all = true;
        for (int r = 0; r < loop->reads && all; r++)
            all = runs_on(loop, &loop->read[r], i);
        for (int r = 0; r < loop->results && all; r++)
            all = runs_on(loop, &loop->result[r].view, i);
        if (!all)
            continue;
        loop->shape[i + 1] *= loop->shape[i];
        memmove(&loop->shape[i], &loop->shape[i + 1],
                (size_t)(loop->rank - 1 - i) * sizeof *loop->shape);
        loop->shape[--loop->rank] = 0;
        for (int r = 0; r < loop->reads; r++)
            drop(&loop->read[r], i);
        for (int r = 0; r < loop->results; r++)
            drop(&loop->result[r].view, i);
    }
}

bool nn_lower_loop(nn_plan *plan, const nn_task *task, nn_kernel *kernel)
{
    nn_loop *loop = &kernel->loop;
    kernel->kind = NN_KERNEL_LOOP;
    *loop = (nn_loop){.rank = task->rank};
    memcpy(loop->shape, task->shape, (size_t)task->rank * sizeof *loop->shape);
    size_t operands = 1, members = (size_t)task->members;
    for (int m = 0; m < task->members; m++)
        operands += (size_t)plan->value[task->member[m]].inputs;
    builder b = {.plan = plan,
                 .task = task,
                 .loop = loop,
                 .held = nn_plan_alloc(plan, members * sizeof(int))};
    loop->read = nn_program_alloc(plan->program, operands * sizeof *loop->read);
    loop->constant = nn_program_alloc(plan->program, operands * sizeof *loop->constant);
    loop->step = nn_program_alloc(plan->program, members * sizeof *loop->step);
    loop->result = nn_program_alloc(plan->program, members * sizeof *loop->result);
    if (!b.held || !loop->read || !loop->constant || !loop->step || !loop->result)
        return false;
    for (int m = 0; m < task->members; m++)
        if (!member(&b, m))
            return false;
    for (int i = 0; i < loop->steps; i++) {
        nn_instruction *step = &loop->step[i];
        int inputs = nn_op_class(step->op) == NN_UNARY_CLASS    ? 1
                     : nn_op_class(step->op) == NN_BINARY_CLASS ? 2
                                                                : 3;
        step->a = final(loop, step->a);
        step->b = inputs > 1 ? final(loop, step->b) : 0;
        step->c = inputs > 2 ? final(loop, step->c) : 0;
    }
    for (int i = 0; i < loop->results; i++)
        loop->result[i].value = final(loop, loop->result[i].value);
    merge(loop);
    return true;
}
