/* How a loop will be walked: see loop.h. */
#include "nn/cpu/loop.h"
#include <stdlib.h>
#include <string.h>

enum {
    LEVEL_BYTES = 24 * 1024, /* of the first-level cache, for a block's registers */
    MOST = 1024,             /* elements of a block */
    LEAST = 64,
    SHORT = 16,        /* an axis below this does not make a good column axis */
    WIDE = 256,        /* columns of this many are a block of their own */
    TRANSPOSED = 32,   /* rows of a block that turns rows into columns */
    PARALLEL_NS = 6000 /* a loop that takes less stays on one thread */
};

/* A loop while it is planned: its axes merged and in the order of walking. */
typedef struct sketch {
    const nn_loop *loop;
    int rank, views;
    int64_t size[NN_MAX_RANK];
    int64_t (*stride)[NN_MAX_RANK]; /* [views]: reads, then results */
    nn_instruction *step;           /* with pairs joined; operands that are not used: -1 */
    int *at;                        /* the register of a joined step's result */
    int steps;
} sketch;

static bool reduces(const sketch *s, int result, int axis)
{
    const nn_result *r = &s->loop->result[result];

    return r->combine != NN_STORE && s->size[axis] > 1 &&
           s->stride[s->loop->reads + result][axis] == 0;
}

/* ---- Axes ------------------------------------------------------------------------------------ */

static bool mergeable(const sketch *s, int outer, int inner)
{
    for (int v = 0; v < s->views; v++)
        if (s->stride[v][outer] != s->stride[v][inner] * s->size[inner])
            return false;
    return true;
}

static void drop_axis(sketch *s, int axis)
{
    s->rank--;
    for (int a = axis; a < s->rank; a++)
        s->size[a] = s->size[a + 1];
    for (int v = 0; v < s->views; v++)
        for (int a = axis; a < s->rank; a++)
            s->stride[v][a] = s->stride[v][a + 1];
}

static void merge_axes(sketch *s)
{
    for (int a = s->rank - 1; a >= 0; a--)
        if (s->size[a] == 1 && s->rank > 1)
            drop_axis(s, a);
    for (int a = s->rank - 2; a >= 0; a--)
        if (mergeable(s, a, a + 1)) {
            s->size[a + 1] *= s->size[a];
            drop_axis(s, a);
        }
}

static void swap_axes(sketch *s, int a, int b)
{
    int64_t size = s->size[a];

    s->size[a] = s->size[b];
    s->size[b] = size;
    for (int v = 0; v < s->views; v++) {
        int64_t stride = s->stride[v][a];
        s->stride[v][a] = s->stride[v][b];
        s->stride[v][b] = stride;
    }
}

/* What it costs that an axis is the one along which a block is contiguous. */
static int column_cost(const sketch *s, int axis)
{
    int cost = 0;

    for (int v = 0; v < s->views; v++) {
        int64_t stride = s->stride[v][axis];
        if (stride != 0 && stride != 1)
            cost += v < s->loop->reads ? 1 : 2;
    }
    return cost;
}

static int choose_columns(const sketch *s)
{
    int best = -1, longest = s->rank - 1;

    for (int a = s->rank - 1; a >= 0; a--) {
        if (s->size[a] > s->size[longest])
            longest = a;
        if (s->size[a] >= SHORT && (best < 0 || column_cost(s, a) < column_cost(s, best)))
            best = a;
    }
    return best >= 0 ? best : longest;
}

/* A view that is contiguous along the axis and not along the columns: a transposition. */
static bool turns(const sketch *s, int axis, int columns)
{
    for (int v = 0; v < s->views; v++)
        if (s->stride[v][axis] == 1 && s->stride[v][columns] != 0)
            return true;
    return false;
}

/* Orders the axes: what results keep outside, then the block's two axes and what is reduced without
 * being in the block, so that a sum is complete before the next begins. */
static void order_axes(sketch *s, int *rows, int *columns)
{
    int column = choose_columns(s), row = -1, class[NN_MAX_RANK];
    bool inside[NN_MAX_RANK] = {false};

    for (int a = s->rank - 1; a >= 0 && row < 0; a--)
        if (a != column && turns(s, a, column))
            row = a;
    for (int a = s->rank - 1; a >= 0 && row < 0; a--)
        if (a != column)
            row = a;
    for (int a = 0; a < s->rank; a++)
        for (int r = 0; r < s->loop->results; r++)
            inside[a] = inside[a] || reduces(s, r, a);
    for (int a = 0; a < s->rank; a++) {
        if (a == column)
            class[a] = inside[column] ? 4 : 2;
        else if (a == row)
            class[a] = !inside[row] ? 1 : inside[column] ? 3 : 4;
        else
            class[a] = !inside[a] ? 0 : inside[column] ? 2 : 3;
    }
    for (int a = 1; a < s->rank; a++)
        for (int b = a; b > 0 && class[b] < class[b - 1]; b--) {
            int was = class[b];
            class[b] = class[b - 1];
            class[b - 1] = was;
            swap_axes(s, b, b - 1);
            column = column == b ? b - 1 : column == b - 1 ? b : column;
            row = row == b ? b - 1 : row == b - 1 ? b : row;
        }
    *rows = row;
    *columns = column;
}

/* ---- Work ----------------------------------------------------------------------------------- */

/* Nanoseconds that the loop takes on one thread, about. */
static double estimate(const sketch *s)
{
    double element = 0.05 * s->views, count = 1;

    for (int i = 0; i < s->steps; i++) {
        switch ((int)s->step[i].op) {
        case NN_OP_EXP:
        case NN_OP_LOG:
        case NN_OP_ERF:
        case NN_OP_EXPM1:
        case NN_OP_SIN:
        case NN_OP_COS:
        case NN_OP_LOG1P:
        case NN_OP_TANH:
        case NN_OP_SIGMOID:
            element += 0.5;
            break;
        case NN_OP_DIV:
        case NN_OP_SQRT:
        case NN_OP_RECIP:
            element += 0.2;
            break;
        default:
            element += 0.05;
        }
    }
    for (int a = 0; a < s->rank; a++)
        count *= (double)s->size[a];
    return element * count * (sizeof(nn_real) == 4 ? 1 : 4);
}

/* ---- Places ---------------------------------------------------------------------------------- */

static bool flat(const nn_loop_plan *plan, const int64_t *stride)
{
    if (stride[plan->columns] != 1 && plan->size[plan->columns] > 1)
        return false;
    return plan->rows < 0 || plan->tile[plan->rows] == 1 ||
           (!plan->turned && plan->tile[plan->columns] == plan->size[plan->columns] &&
            stride[plan->rows] == plan->size[plan->columns]);
}

static bool still(const nn_loop_plan *plan, const int64_t *stride)
{
    return (stride[plan->columns] == 0 || plan->size[plan->columns] == 1) &&
           (plan->rows < 0 || plan->tile[plan->rows] == 1 || stride[plan->rows] == 0);
}

static bool fixed(const nn_loop_plan *plan, const int64_t *stride)
{
    for (int a = 0; a < plan->rank; a++)
        if (stride[a] != 0 && plan->size[a] > 1)
            return false;
    return true;
}

/* Whether a result may lie on a read: in one buffer, or because the memory plan, which comes later,
 * gives the result the place of a read that it covers exactly. */
static bool may_share(const nn_loop *loop, const nn_view *read, const nn_view *result)
{
    if (read->buffer == result->buffer)
        return true;
    for (int i = 0; i < loop->rank; i++)
        if (loop->shape[i] > 1 && read->stride[i] != result->stride[i])
            return false;
    return read->offset == result->offset;
}

/* Whether a result is read k as it is, and another that is stored before may lie on k. */
static bool overwritten_late(const nn_loop_plan *plan, const nn_loop *loop, int k)
{
    bool shown = false, shared = false;

    for (int r = 0; r < plan->results; r++) {
        bool same = plan->result[r].value == k;
        shown = shown || same;
        shared = shared || (!same && may_share(loop, &loop->read[k], &loop->result[r].view));
    }
    return shown && shared;
}

static void place_reads(nn_loop_plan *plan, const nn_loop *loop)
{
    for (int r = 0; r < plan->reads; r++) {
        nn_plan_read *read = &plan->read[r];
        bool in_memory = flat(plan, read->stride) && !overwritten_late(plan, loop, r);
        read->place = fixed(plan, read->stride)   ? NN_PLACE_ONCE
                      : still(plan, read->stride) ? NN_PLACE_NUMBER
                      : in_memory                 ? NN_PLACE_MEMORY
                                                  : NN_PLACE_SLOT;
        read->slot = read->place == NN_PLACE_SLOT ? plan->slots++ : -1;
    }
}

/* Whether a step after `step`, or a result, still reads the memory that result r would overwrite:
 * another register's, that was not loaded beforehand. */
static bool overwritten_early(const nn_loop_plan *plan, const nn_loop *loop, const sketch *s, int r,
                              int step)
{
    for (int k = 0; k < plan->reads; k++) {
        if (!may_share(loop, &loop->read[k], &loop->result[r].view) ||
            (plan->read[k].place != NN_PLACE_MEMORY && plan->read[k].place != NN_PLACE_NUMBER))
            continue;
        for (int i = step + 1; i < s->steps; i++)
            if (s->step[i].a == k ||
                (nn_step_operands((int)s->step[i].op) > 1 && s->step[i].b == k) ||
                (nn_step_operands((int)s->step[i].op) > 2 && s->step[i].c == k))
                return true;
        for (int i = 0; i < plan->results; i++)
            if (plan->result[i].value == k)
                return true;
    }
    return false;
}

/* Sorts the steps into those done once, once a block, and on whole blocks; gives these slots that
 * are used again as soon as their value is not needed. place[]: of registers. */
static void place_steps(nn_loop_plan *plan, const nn_loop *loop, const sketch *s, char *place,
                        int *last, int *slot_of, int *idle)
{
    int first = plan->reads + plan->constants, idles = 0, made = 0;

    for (int i = 0; i < plan->registers; i++)
        place[i] = i < plan->reads ? (char)plan->read[i].place : (char)NN_PLACE_ONCE,
        last[i] = slot_of[i] = -1;
    for (int i = 0; i < s->steps; i++) {
        const int used[3] = {s->step[i].a, s->step[i].b, s->step[i].c};
        int n = nn_step_operands((int)s->step[i].op);
        place[s->at[i]] = NN_PLACE_ONCE;
        for (int o = 0; o < n; o++) {
            char p = place[used[o]];
            last[used[o]] = i;
            if (p == NN_PLACE_MEMORY || p == NN_PLACE_SLOT)
                place[s->at[i]] = NN_PLACE_SLOT;
            else if (p == NN_PLACE_NUMBER && place[s->at[i]] == NN_PLACE_ONCE)
                place[s->at[i]] = NN_PLACE_NUMBER;
        }
    }
    for (int r = 0; r < plan->results; r++)
        last[plan->result[r].value] = s->steps;
    for (int kind = 0; kind < 3; kind++) {
        static const nn_place wanted[] = {NN_PLACE_ONCE, NN_PLACE_NUMBER, NN_PLACE_SLOT};
        for (int i = 0; i < s->steps; i++) {
            int used[3] = {s->step[i].a, s->step[i].b, s->step[i].c};
            int n = nn_step_operands((int)s->step[i].op), form = 0, to = s->at[i];
            nn_plan_step *step = &plan->step[made];
            if (place[to] != (char)wanted[kind])
                continue;
            for (int o = 0; o < 3; o++) {
                if (o >= n)
                    used[o] = used[0];
                else if (kind == 2 &&
                         (place[used[o]] == NN_PLACE_ONCE || place[used[o]] == NN_PLACE_NUMBER))
                    form |= 1 << o;
            }
            step->call = plan->vector->step[s->step[i].op][form];
            step->to = to;
            step->a = used[0];
            step->b = used[1];
            step->c = used[2];
            step->slot = -1;
            made++;
            if (kind == 0)
                plan->once++;
            if (kind == 1)
                plan->each++;
            if (kind < 2)
                continue;
            plan->steps++;
            for (int r = 0; r < plan->results && slot_of[to] != -2; r++) {
                nn_plan_result *result = &plan->result[r];
                if (result->value == to && result->combine == NN_STORE &&
                    flat(plan, result->stride) && !overwritten_early(plan, loop, s, r, i)) {
                    result->direct = true;
                    slot_of[to] = -2;
                }
            }
            /* Slots of operands that end here can take the result. */
            for (int o = 0; o < n; o++)
                if (used[o] >= first && slot_of[used[o]] >= 0 && last[used[o]] == i) {
                    idle[idles++] = slot_of[used[o]];
                    slot_of[used[o]] = -1;
                }
            if (slot_of[to] != -2)
                step->slot = slot_of[to] = idles > 0 ? idle[--idles] : plan->slots++;
        }
    }
    for (int r = 0; r < plan->results; r++) {
        char p = place[plan->result[r].value];
        plan->result[r].fill = p == NN_PLACE_ONCE || p == NN_PLACE_NUMBER ? plan->slots++ : -1;
    }
}

/* ---- Blocks and parts ------------------------------------------------------------------------ */

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Tiles for blocks of this many elements. */
static void choose_tiles(nn_loop_plan *plan, const sketch *s, int64_t block)
{
    int64_t n = plan->size[plan->columns], rows = plan->rows < 0 ? 1 : plan->size[plan->rows];

    for (int a = 0; a < plan->rank; a++)
        plan->tile[a] = 1;
    plan->turned = plan->rows >= 0 && turns(s, plan->rows, plan->columns);
    if (plan->turned) {
        plan->tile[plan->rows] = at_most(rows, TRANSPOSED);
        plan->tile[plan->columns] = at_most(n, block / plan->tile[plan->rows]);
    } else if (n >= WIDE || plan->rows < 0) {
        int64_t pieces = (n + block - 1) / block;
        plan->tile[plan->columns] = at_most(n, ((n + pieces - 1) / pieces + 15) / 16 * 16);
    } else {
        plan->tile[plan->columns] = n;
        plan->tile[plan->rows] = at_most(rows, block / n > 0 ? block / n : 1);
    }
}

static void choose_parts(nn_loop_plan *plan, const sketch *s, int threads)
{
    int best = -1;
    double best_score = 0;

    plan->parts = 1;
    plan->split = 0;
    plan->grain = 1;
    if (threads < 2 || estimate(s) < PARALLEL_NS)
        return;
    for (int a = 0; a < plan->rank; a++) {
        int64_t grain = a == plan->columns ? 16 : 1, units = (plan->size[a] + grain - 1) / grain;
        double score = (double)at_most(units, 8 * threads) / (8.0 * threads);
        bool kept = true;
        for (int r = 0; r < plan->results; r++)
            kept = kept && !reduces(s, r, a);
        /* Blocks of several rows are dense because they have whole rows. */
        if (units < 2 ||
            (a == plan->columns && plan->rows >= 0 && plan->tile[plan->rows] > 1 && !plan->turned))
            continue;
        score += kept ? 1 : 0;
        score -= a == plan->columns ? 0.2 : 0; /* rows stay whole where they can */
        if (kept && units < threads)
            score -= 1;
        if (best < 0 || score > best_score) {
            best = a;
            best_score = score;
            plan->grain = grain;
        }
    }
    if (best >= 0) {
        int64_t units = (plan->size[best] + plan->grain - 1) / plan->grain;
        plan->split = best;
        plan->parts = (int)at_most(threads, units);
    } else {
        plan->grain = 1;
    }
}

static void place_results(nn_loop_plan *plan, const sketch *s)
{
    for (int r = 0; r < plan->results; r++) {
        nn_plan_result *result = &plan->result[r];
        int64_t kept = 1;
        if (result->combine == NN_STORE)
            continue;
        result->keep_rows =
            plan->rows >= 0 && plan->tile[plan->rows] > 1 && !reduces(s, r, plan->rows);
        result->keep_columns = !reduces(s, r, plan->columns) && plan->size[plan->columns] > 1;
        result->whole = !(plan->parts > 1 && reduces(s, r, plan->split));
        result->divided = !result->whole;
        for (int a = 0; a < plan->rank; a++)
            if (reduces(s, r, a) && plan->tile[a] < plan->size[a])
                result->whole = false;
        /* The columns next to each other in the sums, whatever the order of walking. */
        if (!reduces(s, r, plan->columns)) {
            result->at[plan->columns] = 1;
            kept = plan->size[plan->columns];
        }
        for (int a = plan->rank - 1; a >= 0; a--)
            if (a != plan->columns && !reduces(s, r, a)) {
                result->at[a] = kept;
                kept *= plan->size[a];
            }
        result->kept = kept;
        if (result->whole)
            continue;
        result->sums = plan->scratch_elements;
        plan->scratch_elements += 2 * kept * (result->divided ? plan->parts : 1);
    }
}

/* ---- The plan -------------------------------------------------------------------------------- */

static size_t round_up(size_t n)
{
    return (n + 63) / 64 * 64;
}

static void plan_loop(nn_loop_plan *plan, const nn_loop *loop, sketch *s, int threads, char *place,
                      int *numbers)
{
    int registers = plan->registers;
    int64_t block;

    plan->rank = s->rank;
    memcpy(plan->size, s->size, sizeof plan->size);
    for (int r = 0; r < loop->reads; r++)
        memcpy(plan->read[r].stride, s->stride[r], sizeof plan->read[r].stride);
    for (int r = 0; r < loop->results; r++) {
        memcpy(plan->result[r].stride, s->stride[loop->reads + r], sizeof plan->result[r].stride);
        plan->result[r].value = loop->result[r].value;
        plan->result[r].combine = loop->result[r].combine;
    }
    if (loop->constants > 0)
        memcpy(plan->constant, loop->constant, (size_t)loop->constants * sizeof(nn_real));
    choose_tiles(plan, s, MOST); /* which decides what is flat, and so how many slots there are */
    place_reads(plan, loop);
    place_steps(plan, loop, s, place, numbers, numbers + registers, numbers + 2 * registers);
    block = LEVEL_BYTES / (int64_t)sizeof(nn_real) / (plan->slots + (s->views + 1) / 2);
    block = block / LEAST * LEAST;
    block = block > MOST ? MOST : block < LEAST ? LEAST : block;
    choose_tiles(plan, s, block);
    plan->block = plan->tile[plan->columns] * (plan->rows < 0 ? 1 : plan->tile[plan->rows]);
    plan->block = (plan->block + 15) / 16 * 16;
    choose_parts(plan, s, threads);
    place_results(plan, s);
    /* Slots and one block for partial sums; pointers and numbers of registers; what was loaded. */
    plan->work = round_up((size_t)(plan->slots + 1) * (size_t)plan->block * sizeof(nn_real)) +
                 round_up((size_t)registers * (sizeof(void *) + sizeof(nn_real))) +
                 round_up((size_t)s->views * sizeof(int64_t)) +
                 round_up((size_t)plan->reads * (sizeof(void *) + 2 * sizeof(int64_t)));
}

nn_loop_plan *nn_loop_plan_new(const nn_loop *loop, const nn_vector *vector, int threads)
{
    size_t views = (size_t)(loop->reads + loop->results), steps = (size_t)loop->steps;
    size_t registers = (size_t)(loop->reads + loop->constants) + steps;
    size_t sizes[] = {sizeof(nn_loop_plan), (size_t)loop->reads * sizeof(nn_plan_read),
                      steps * sizeof(nn_plan_step), (size_t)loop->results * sizeof(nn_plan_result),
                      (size_t)loop->constants * sizeof(nn_real)};
    size_t total = 0;
    sketch s = {.loop = loop, .rank = loop->rank, .views = (int)views};
    int64_t(*strides)[NN_MAX_RANK] = calloc(views + 1, sizeof *strides);
    nn_instruction *joined = calloc(steps + 1, sizeof *joined);
    int *numbers = calloc(3 * registers + steps + 1, sizeof *numbers);
    char *place = calloc(registers + 1, 1), *at;
    nn_loop_plan *plan = NULL;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        total += round_up(sizes[i]);
    if (strides && joined && numbers && place)
        plan = calloc(1, total);
    if (!plan)
        goto done;
    at = (char *)plan + round_up(sizes[0]);
    plan->read = (nn_plan_read *)(void *)at;
    plan->step = (nn_plan_step *)(void *)(at += round_up(sizes[1]));
    plan->result = (nn_plan_result *)(void *)(at += round_up(sizes[2]));
    plan->constant = (nn_real *)(void *)(at + round_up(sizes[3]));
    plan->vector = vector;
    plan->registers = (int)registers;
    plan->reads = loop->reads;
    plan->constants = loop->constants;
    plan->results = loop->results;
    s.stride = strides;
    s.step = joined;
    s.at = numbers + 3 * registers;
    memcpy(s.size, loop->shape, sizeof s.size);
    for (size_t v = 0; v < views; v++)
        memcpy(strides[v],
               v < (size_t)loop->reads ? loop->read[v].stride
                                       : loop->result[v - (size_t)loop->reads].view.stride,
               sizeof strides[v]);
    merge_axes(&s);
    s.steps = nn_join_steps(loop, joined, s.at, numbers);
    memset(numbers, 0, registers * sizeof *numbers);
    order_axes(&s, &plan->rows, &plan->columns);
    plan_loop(plan, loop, &s, threads, place, numbers);

done:
    free(strides);
    free(joined);
    free(numbers);
    free(place);
    return plan;
}

void nn_loop_plan_bind(nn_loop_plan *plan, const nn_program *program, const nn_kernel *kernel)
{
    const nn_loop *loop = &kernel->loop;

    for (int r = 0; r < plan->reads; r++)
        plan->read[r].memory =
            (const nn_real *)nn_buffer_memory(program, loop->read[r].buffer) + loop->read[r].offset;
    for (int r = 0; r < plan->results; r++)
        plan->result[r].memory = (nn_real *)nn_buffer_memory(program, loop->result[r].view.buffer) +
                                 loop->result[r].view.offset;
    if (plan->scratch_elements > 0)
        plan->scratch = nn_buffer_memory(program, kernel->scratch);
}
