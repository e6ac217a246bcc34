/* In which order the kernels of a stage run: after what they read, and before what they read is
 * set anew; otherwise in the order of the graph. */
#include "nn/compile/compile.h"
#include <string.h>

typedef struct edge {
    int from, to;
} edge;

typedef struct sorter {
    nn_plan *plan;
    edge *edges;
    int count, capacity;
    int *seen;    /* by task: the last one that was found to wait for it */
    int *visited; /* by value: the same */
    int *stack;   /* of values */
    int *writer;  /* by storage: the task of this stage that sets this variable, or -1 */
} sorter;

static bool connect(sorter *s, int from, int to)
{
    if (from == to)
        return true;
    if (s->count == s->capacity) {
        int more = s->capacity ? 2 * s->capacity : 1024;
        edge *edges = nn_plan_alloc(s->plan, (size_t)more * sizeof *edges);
        if (!edges)
            return false;
        if (s->count)
            memcpy(edges, s->edges, (size_t)s->count * sizeof *edges);
        s->edges = edges;
        s->capacity = more;
    }
    s->edges[s->count++] = (edge){from, to};
    return true;
}

/* The tasks that write what value v shows, and the variable that it shows. */
static bool wait_for(sorter *s, int v, int t)
{
    const nn_plan *plan = s->plan;
    int depth = 0;
    s->stack[depth++] = v;
    while (depth) {
        const int at = s->stack[--depth];
        const nn_planned *value = &plan->value[at];
        if (s->visited[at] == t)
            continue;
        s->visited[at] = t;
        if (value->manner == NN_LEAF_VALUE) {
            int writer = value->view.buffer < 0 ? -1 : s->writer[value->view.buffer];
            if (writer >= 0 && plan->task[writer].stage == plan->task[t].stage &&
                !connect(s, t, writer))
                return false;
        } else if (value->task < 0) {
            for (int i = 0; i < value->inputs; i++)
                s->stack[depth++] = value->input[i];
        } else if (plan->task[value->task].stage == plan->task[t].stage &&
                   s->seen[value->task] != t) {
            s->seen[value->task] = t;
            if (!connect(s, value->task, t))
                return false;
        }
    }
    return true;
}

static bool find_edges(sorter *s, int stage)
{
    nn_plan *plan = s->plan;
    for (int i = 0; i < plan->storages; i++)
        s->writer[i] = -1;
    for (int v = 0; v < plan->values; v++)
        if (plan->value[v].assigned >= 0 && plan->value[v].stage == stage)
            s->writer[plan->value[v].view.buffer] = plan->value[v].task;
    for (int t = 0; t < plan->tasks; t++) {
        const nn_task *task = &plan->task[t];
        for (int m = 0; m < task->members && task->stage == stage; m++) {
            const nn_planned *value = &plan->value[task->member[m]];
            for (int i = 0; i < value->inputs; i++)
                if (plan->value[value->input[i]].task != t && !wait_for(s, value->input[i], t))
                    return false;
        }
    }
    return true;
}

/* A heap of task numbers, the smallest on top. */
static void push(int *heap, int *size, int task)
{
    int at = (*size)++;
    for (; at && heap[(at - 1) / 2] > task; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = task;
}

static int pop(int *heap, int *size)
{
    int top = heap[0], last = heap[--(*size)], at = 0;
    for (;;) {
        int child = 2 * at + 1;
        if (child >= *size)
            break;
        child += child + 1 < *size && heap[child + 1] < heap[child];
        if (heap[child] >= last)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

int nn_plan_order(nn_plan *plan)
{
    size_t tasks = (size_t)plan->tasks, values = (size_t)plan->values;
    size_t references = values;
    for (int v = 0; v < plan->values; v++)
        references += (size_t)plan->value[v].inputs;
    sorter s = {.plan = plan,
                .seen = nn_plan_alloc(plan, tasks * sizeof(int)),
                .visited = nn_plan_alloc(plan, values * sizeof(int)),
                .stack = nn_plan_alloc(plan, references * sizeof(int)),
                .writer = nn_plan_alloc(plan, (size_t)plan->storages * sizeof(int))};
    plan->order = nn_plan_alloc(plan, tasks * sizeof(int));
    int *heap = nn_plan_alloc(plan, tasks * sizeof(int));
    int *waits = nn_plan_alloc(plan, tasks * sizeof(int));
    int *first = nn_plan_alloc(plan, (tasks + 1) * sizeof(int));
    if (!s.seen || !s.visited || !s.stack || !s.writer || !plan->order || !heap || !waits || !first)
        return nn_status(plan->graph);
    memset(s.seen, -1, tasks * sizeof(int));
    memset(s.visited, -1, values * sizeof(int));
    for (int stage = 0; stage < plan->program->stages; stage++)
        if (!find_edges(&s, stage))
            return nn_status(plan->graph);
    int *next = nn_plan_alloc(plan, (size_t)s.count * sizeof(int));
    if (!next)
        return nn_status(plan->graph);
    for (int e = 0; e < s.count; e++) {
        waits[s.edges[e].to]++;
        first[s.edges[e].from + 1]++;
    }
    for (int t = 0; t < plan->tasks; t++)
        first[t + 1] += first[t];
    for (int e = s.count - 1; e >= 0; e--)
        next[--first[s.edges[e].from + 1]] = s.edges[e].to;
    /* first[t + 1] is now where the list of t begins; first[t + 2] where it ends. */
    int ordered = 0;
    for (int stage = 0; stage < plan->program->stages; stage++) {
        int ready = 0;
        for (int t = 0; t < plan->tasks; t++)
            if (plan->task[t].stage == stage && !waits[t])
                push(heap, &ready, t);
        while (ready) {
            int t = pop(heap, &ready);
            plan->order[ordered++] = t;
            int end = t + 2 <= plan->tasks ? first[t + 2] : s.count;
            for (int e = first[t + 1]; e < end; e++)
                if (!--waits[next[e]])
                    push(heap, &ready, next[e]);
        }
    }
    if (ordered != plan->tasks)
        return weir_error_set(&plan->graph->error, WEIR_EBUG,
                              "nn_compile: %d of %d kernels wait for each other",
                              plan->tasks - ordered, plan->tasks);
    return WEIR_OK;
}
