/* Runs planned loops: see loop.h. */
#include "nn/cpu/loop.h"
#include <omp.h>
#include <string.h>

/* What one part of a loop has at hand, in its thread's work memory. */
typedef struct state {
    const nn_loop_plan *plan;
    nn_real *slots, *part;
    nn_real **at;     /* [registers] where each is during this block */
    nn_real *numbers; /* [registers] values of those that are one number */
    struct {
        const nn_real *from;
        int64_t rows, columns;
    } * seen;        /* [reads] what lies in a slot already */
    int64_t *offset; /* [reads + results] */
    int64_t begin[NN_MAX_RANK], end[NN_MAX_RANK], index[NN_MAX_RANK];
    int64_t rows, columns; /* of this block */
    int number;            /* of the part */
} state;

static size_t round_up(size_t n)
{
    return (n + 63) / 64 * 64;
}

static void set_up(state *s, const nn_loop_plan *plan, int part, void *work)
{
    int views = plan->reads + plan->results;
    char *at = work;
    int64_t size = plan->size[plan->split], units = (size + plan->grain - 1) / plan->grain;

    s->plan = plan;
    s->number = part;
    s->slots = (nn_real *)(void *)at;
    s->part = s->slots + (int64_t)plan->slots * plan->block;
    at += round_up((size_t)(plan->slots + 1) * (size_t)plan->block * sizeof(nn_real));
    s->at = (nn_real **)(void *)at;
    s->numbers = (nn_real *)(void *)(at + (size_t)plan->registers * sizeof(void *));
    at += round_up((size_t)plan->registers * (sizeof(void *) + sizeof(nn_real)));
    s->offset = (int64_t *)(void *)at;
    at += round_up((size_t)views * sizeof(int64_t));
    s->seen = (void *)at;
    for (int a = 0; a < plan->rank; a++) {
        s->begin[a] = 0;
        s->end[a] = plan->size[a];
    }
    s->begin[plan->split] = units * part / plan->parts * plan->grain;
    s->end[plan->split] = units * (part + 1) / plan->parts * plan->grain;
    if (s->end[plan->split] > size)
        s->end[plan->split] = size;
    for (int a = 0; a < plan->rank; a++)
        s->index[a] = s->begin[a];
    for (int v = 0; v < views; v++) {
        const int64_t *stride =
            v < plan->reads ? plan->read[v].stride : plan->result[v - plan->reads].stride;
        s->offset[v] = s->begin[plan->split] * stride[plan->split];
    }
    for (int r = 0; r < plan->reads; r++) {
        s->seen[r].from = NULL;
        if (plan->read[r].place == NN_PLACE_ONCE) {
            s->numbers[r] = *plan->read[r].memory;
            s->at[r] = &s->numbers[r];
        } else if (plan->read[r].place == NN_PLACE_SLOT) {
            s->at[r] = s->slots + plan->read[r].slot * plan->block;
        }
    }
    for (int i = 0; i < plan->constants; i++)
        s->at[plan->reads + i] = &plan->constant[i];
    for (int i = 0; i < plan->once + plan->each + plan->steps; i++) {
        const nn_plan_step *step = &plan->step[i];
        s->at[step->to] = i < plan->once + plan->each ? &s->numbers[step->to]
                          : step->slot >= 0           ? s->slots + step->slot * plan->block
                                                      : NULL;
        if (i < plan->once)
            step->call(1, s->at[step->to], s->at[step->a], s->at[step->b], s->at[step->c]);
    }
}

static int64_t axis_stride(const int64_t *stride, int axis)
{
    return axis < 0 ? 0 : stride[axis];
}

static void load_reads(state *s)
{
    const nn_loop_plan *plan = s->plan;

    for (int r = 0; r < plan->reads; r++) {
        const nn_plan_read *read = &plan->read[r];
        const nn_real *from = read->memory + s->offset[r];
        if (read->place == NN_PLACE_ONCE)
            continue;
        if (read->place != NN_PLACE_SLOT) {
            s->at[r] = (nn_real *)(uintptr_t)from;
            continue;
        }
        if (s->seen[r].from == from && s->seen[r].rows == s->rows &&
            s->seen[r].columns == s->columns)
            continue;
        s->seen[r].from = from;
        s->seen[r].rows = s->rows;
        s->seen[r].columns = s->columns;
        plan->vector->load(s->rows, s->columns, s->at[r], from,
                           axis_stride(read->stride, plan->rows), read->stride[plan->columns]);
    }
}

/* Whether the block is the first, and the last, that adds to its part of a sum. */
static void position(const state *s, const nn_plan_result *result, bool *first, bool *last)
{
    const nn_loop_plan *plan = s->plan;

    *first = *last = true;
    for (int a = 0; a < plan->rank; a++)
        if (result->stride[a] == 0 && plan->size[a] > 1) {
            *first = *first && s->index[a] == s->begin[a];
            *last = *last && s->index[a] + plan->tile[a] >= s->end[a];
        }
}

static void combine(state *s, const nn_plan_result *result, nn_real *to, nn_real *value)
{
    const nn_loop_plan *plan = s->plan;
    const nn_vector *vector = plan->vector;
    int64_t rows = result->keep_rows ? s->rows : 1, columns = result->keep_columns ? s->columns : 1;
    int64_t row = axis_stride(result->stride, plan->rows), column = result->stride[plan->columns];
    nn_real *part = s->part, *sums, *rest;
    bool first, last;

    if (result->keep_columns && (result->keep_rows || s->rows == 1))
        part = value;
    else if (result->combine == NN_COMBINE_SUM)
        vector->sum(s->rows, s->columns, result->keep_rows, result->keep_columns, part, value);
    else
        vector->peak(s->rows, s->columns, result->keep_rows, result->keep_columns, part, value);
    position(s, result, &first, &last);
    if (result->whole || (first && last && !result->divided)) {
        vector->store(rows, columns, to, row, column, part);
        return;
    }
    sums = plan->scratch + result->sums + (result->divided ? 2 * result->kept * s->number : 0);
    for (int a = 0; a < plan->rank; a++)
        sums += s->index[a] * result->at[a];
    row = axis_stride(result->at, plan->rows);
    rest = sums + result->kept;
    for (int64_t i = 0; i < rows; i++, part += columns, sums += row, rest += row) {
        if (first) {
            memcpy(sums, part, (size_t)columns * sizeof *sums);
            memset(rest, 0, (size_t)columns * sizeof *rest);
        } else if (result->combine == NN_COMBINE_SUM) {
            vector->add(columns, sums, rest, part);
        } else {
            vector->raise(columns, sums, part);
        }
        if (last && !result->divided) {
            for (int64_t j = 0; j < columns; j++)
                to[i * axis_stride(result->stride, plan->rows) + j * column] = sums[j] - rest[j];
        }
    }
}

static void run_block(state *s)
{
    const nn_loop_plan *plan = s->plan;
    const nn_plan_step *step = plan->step + plan->once;
    int64_t n = s->rows * s->columns;

    load_reads(s);
    for (int i = 0; i < plan->each; i++, step++)
        step->call(1, s->at[step->to], s->at[step->a], s->at[step->b], s->at[step->c]);
    for (int r = 0; r < plan->results; r++)
        if (plan->result[r].direct)
            s->at[plan->result[r].value] = plan->result[r].memory + s->offset[plan->reads + r];
    for (int i = 0; i < plan->steps; i++, step++)
        step->call(n, s->at[step->to], s->at[step->a], s->at[step->b], s->at[step->c]);
    /* Numbers are repeated before any result is written, since it may lie where one was read. */
    for (int r = 0; r < plan->results; r++)
        if (plan->result[r].fill >= 0)
            plan->vector->load(1, n, s->slots + plan->result[r].fill * plan->block,
                               s->at[plan->result[r].value], 0, 0);
    for (int r = 0; r < plan->results; r++) {
        const nn_plan_result *result = &plan->result[r];
        nn_real *to = result->memory + s->offset[plan->reads + r];
        nn_real *value =
            result->fill >= 0 ? s->slots + result->fill * plan->block : s->at[result->value];
        if (result->direct)
            continue;
        if (result->combine == NN_STORE)
            plan->vector->store(s->rows, s->columns, to, axis_stride(result->stride, plan->rows),
                                result->stride[plan->columns], value);
        else
            combine(s, result, to, value);
    }
}

static int64_t extent(const state *s, int axis)
{
    int64_t left;

    if (axis < 0)
        return 1;
    left = s->end[axis] - s->index[axis];
    return left < s->plan->tile[axis] ? left : s->plan->tile[axis];
}

static void run_part(const nn_loop_plan *plan, int part, void *work)
{
    int views = plan->reads + plan->results, axis;
    state s;

    set_up(&s, plan, part, work);
    do {
        s.rows = extent(&s, plan->rows);
        s.columns = extent(&s, plan->columns);
        run_block(&s);
        for (axis = plan->rank - 1; axis >= 0; axis--) {
            int64_t by = plan->tile[axis];
            if (s.index[axis] + by >= s.end[axis])
                by = s.begin[axis] - s.index[axis];
            s.index[axis] += by;
            for (int v = 0; v < views; v++)
                s.offset[v] += by * (v < plan->reads ? plan->read[v].stride[axis]
                                                     : plan->result[v - plan->reads].stride[axis]);
            if (by > 0)
                break;
        }
    } while (axis >= 0);
}

/* Adds up what the parts have of a result, in their order. */
static void finish(const nn_loop_plan *plan, const nn_plan_result *result)
{
    int64_t index[NN_MAX_RANK] = {0};
    const nn_real *sums = plan->scratch + result->sums;
    nn_real *to = result->memory;
    int axis;

    do {
        nn_real total = sums[0], rest = sums[result->kept];
        for (int p = 1; p < plan->parts; p++) {
            const nn_real *part = sums + 2 * result->kept * p;
            if (result->combine == NN_COMBINE_SUM) {
                nn_real carried = part[result->kept];
                plan->vector->add(1, &total, &rest, part);
                rest += carried;
            } else {
                plan->vector->raise(1, &total, part);
            }
        }
        *to = total - rest;
        for (axis = plan->rank - 1; axis >= 0; axis--) {
            bool reduced = result->stride[axis] == 0;
            int64_t by = reduced ? 0 : index[axis] + 1 < plan->size[axis] ? 1 : -index[axis];
            index[axis] += by;
            sums += by * result->at[axis];
            to += by * result->stride[axis];
            if (by > 0)
                break;
        }
    } while (axis >= 0);
}

void nn_loop_run(const nn_loop_plan *plan, void *const *work)
{
    if (plan->parts == 1) {
        run_part(plan, 0, work[0]);
        return;
    }
#pragma omp parallel num_threads(plan->parts)
    for (int part = omp_get_thread_num(); part < plan->parts; part += omp_get_num_threads())
        run_part(plan, part, work[part]);
    for (int r = 0; r < plan->results; r++)
        if (plan->result[r].divided)
            finish(plan, &plan->result[r]);
}
