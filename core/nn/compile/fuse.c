/* Which values are computed together: what has one level and one index space, and is connected by
 * registers or reads the same tensors. */
#include "nn/compile/fuse.h"
#include <stdlib.h>
#include <string.h>

/* Of one loop: what a back end keeps at hand, and what stays fast to plan. */
enum { MOST_STREAMS = 48, MOST_STEPS = 200 };

/* A loop's value on its way into a group. */
typedef struct entry {
    int value, stage, level, place; /* place: among the members of a loop */
    int64_t count;                  /* of the points of its space */
    int rank;
    int64_t shape[NN_MAX_RANK];
} entry;

typedef struct fuser {
    nn_plan *plan;
    nn_levels levels;
    int entries;
    entry *entry;
    int *cluster; /* by value: the number of its task to be, or -1 */
    int clusters;
    int *parent;          /* by entry: of the same loop; an entry that is its own stands for it */
    int *at;              /* by value: its entry */
    int *reader;          /* by value: the last entry that has read it */
    int *steps, *streams; /* by the entry that stands for a loop: a bound of its size */
    bool *alone;          /* by value: a kernel of its own */
} fuser;

/* The index space of the loop that computes a value: of what it reads, for a reduction. */
static int space_of(const nn_plan *plan, const nn_planned *value, int64_t *space)
{
    const nn_planned *over = nn_reduces(value) ? &plan->value[value->input[0]] : value;
    return nn_space(over->rank, over->shape, space);
}

/* ---- reductions ---- */

enum { REDUCES_ROWS = 1, REDUCES_COLUMNS = 2 };

/* Whether the last axis is summed over, or kept; both: it makes no difference. */
static unsigned reduction_kind(const nn_plan *plan, const nn_planned *value)
{
    const nn_planned *over = &plan->value[value->input[0]];
    bool some = false, all = true, last = false;
    for (int i = 0; i < over->rank; i++) {
        if (over->shape[i] == 1)
            continue;
        last = value->node->at[0] >> i & 1;
        some |= last;
        all &= last;
    }
    if (all || !some)
        return REDUCES_ROWS | REDUCES_COLUMNS;
    return last ? REDUCES_ROWS : REDUCES_COLUMNS;
}

/* ---- groups ---- */

static int by_group(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->stage != y->stage)
        return x->stage < y->stage ? -1 : 1;
    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    if (x->count != y->count)
        return x->count < y->count ? -1 : 1;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

static bool same_group(const entry *x, const entry *y)
{
    return x->stage == y->stage && x->level == y->level && x->count == y->count;
}

static int root(const fuser *f, int e)
{
    while (f->parent[e] != e)
        e = f->parent[e] = f->parent[f->parent[e]];
    return e;
}

static void unite(fuser *f, int a, int b)
{
    a = root(f, a);
    b = root(f, b);
    if (a == b)
        return;
    int first = a < b ? a : b, second = a < b ? b : a;
    f->parent[second] = first;
    f->steps[first] += f->steps[second];
    f->streams[first] += f->streams[second];
}

static bool small_together(const fuser *f, int a, int b)
{
    a = root(f, a);
    b = root(f, b);
    return f->steps[a] + f->steps[b] <= MOST_STEPS && f->streams[a] + f->streams[b] <= MOST_STREAMS;
}

static int64_t count(int rank, const int64_t *shape)
{
    int64_t product = 1;
    for (int i = 0; i < rank; i++)
        product *= shape[i];
    return product;
}

/* Whether the value will be stored, as far as levels tell. */
static bool leaves_loop(const fuser *f, int v)
{
    const nn_levels *l = &f->levels;
    if (l->rank[v] != v)
        return false; /* a repetition */
    if (l->pinned[v] || f->plan->value[v].assigned >= 0)
        return true;
    for (int e = l->first[v]; e < l->first[v + 1]; e++)
        if (l->level[l->user[e]] != l->level[v])
            return true;
    return false;
}

static void join_group(fuser *f, int begin, int end)
{
    nn_plan *plan = f->plan;
    for (int e = begin; e < end; e++) {
        int v = f->entry[e].value;
        f->parent[e] = e;
        f->at[v] = e;
        f->steps[e] = 1;
        f->streams[e] = leaves_loop(f, v);
        const nn_planned *value = &plan->value[v];
        for (int i = 0; i < value->inputs; i++) {
            int source = nn_register_source(plan, value, i);
            bool near = source >= 0 && f->levels.level[source] == f->entry[e].level;
            f->streams[e] += !near;
            if (near && !f->alone[v] && !f->alone[source])
                unite(f, e, f->at[source]);
        }
    }
    int64_t space = f->entry[begin].count;
    for (int e = begin; e < end; e++) {
        const nn_planned *value = &plan->value[f->entry[e].value];
        for (int i = 0; i < value->inputs && !f->alone[f->entry[e].value]; i++) {
            int u = nn_same_elements(plan, value->input[i]);
            if (count(plan->value[u].rank, plan->value[u].shape) != space)
                continue;
            int other = f->reader[u];
            bool here = other >= begin && other < end && same_group(&f->entry[other], &f->entry[e]);
            if (here && small_together(f, e, other))
                unite(f, e, other);
            if (!here)
                f->reader[u] = e;
        }
    }
}

/* Gives the loops of a group their numbers; one that is too large, or has no space that suits all,
 * is cut between members. */
static void number_group(fuser *f, int begin, int end)
{
    int *number = f->reader; /* by entry, from here on: the current cluster of its root */
    for (int e = begin; e < end; e++)
        f->steps[e] = f->streams[e] = 0;
    for (int e = begin; e < end; e++) {
        int r = root(f, e), v = f->entry[e].value;
        const nn_planned *value = &f->plan->value[v];
        int streams = leaves_loop(f, v);
        for (int i = 0; i < value->inputs; i++) {
            int source = nn_register_source(f->plan, value, i);
            streams += source < 0 || f->levels.level[source] != f->entry[e].level;
        }
        entry *whole = &f->entry[r];
        int64_t refined[NN_MAX_RANK];
        int rank = nn_space_refine(whole->rank, whole->shape, f->entry[e].rank, f->entry[e].shape,
                                   refined);
        if (!f->steps[r] || f->steps[r] == MOST_STEPS || !rank ||
            f->streams[r] + streams > MOST_STREAMS) {
            number[r] = f->clusters++;
            f->steps[r] = f->streams[r] = 0;
            rank = f->entry[e].rank;
            memcpy(refined, f->entry[e].shape, sizeof refined);
        }
        whole->rank = rank;
        memcpy(whole->shape, refined, sizeof refined);
        f->steps[r]++;
        f->streams[r] += streams;
        f->cluster[v] = number[r];
    }
}

/* A reduction stays in its loop if it fits to those before it. */
static bool part_reductions(fuser *f)
{
    nn_plan *plan = f->plan;
    unsigned *kind = nn_plan_alloc(plan, ((size_t)f->clusters + 1) * sizeof *kind);
    if (!kind)
        return false;
    int clusters = f->clusters;
    for (int c = 0; c < clusters; c++)
        kind[c] = REDUCES_ROWS | REDUCES_COLUMNS;
    for (int e = 0; e < f->entries; e++) {
        int v = f->entry[e].value;
        if (!nn_reduces(&plan->value[v]))
            continue;
        unsigned both = kind[f->cluster[v]] & reduction_kind(plan, &plan->value[v]);
        if (both)
            kind[f->cluster[v]] = both;
        else
            f->cluster[v] = f->clusters++;
    }
    return true;
}

/* ---- variables ---- */

typedef void reader_visitor(fuser *f, int reader, int input, int setter);

/* Every loop's value that reads a variable which its stage sets, on the setter's level. */
static void visit_readers(fuser *f, reader_visitor *visit)
{
    nn_plan *plan = f->plan;
    int *set = f->levels.set;
    for (int stage = 0; stage < plan->program->stages; stage++) {
        for (int v = 0; v < plan->values; v++)
            if (plan->value[v].assigned >= 0 && plan->value[v].stage == stage)
                set[plan->value[v].assigned] = v;
        for (int v = 0; v < plan->values; v++) {
            const nn_planned *value = &plan->value[v];
            for (int i = 0; i < value->inputs && value->stage == stage; i++) {
                int leaf = nn_leaf_seen(plan, value->input[i]);
                int setter = leaf < 0 ? -1 : set[leaf];
                if (setter >= 0 && nn_by_loop(value) &&
                    f->levels.level[setter] == f->levels.level[v])
                    visit(f, v, value->input[i], setter);
            }
        }
        for (int v = 0; v < plan->values; v++)
            if (plan->value[v].assigned >= 0)
                set[plan->value[v].assigned] = -1;
    }
}

/* Who reads the variable in another order than it is set in must have read all of it before. */
static void part_if_rearranged(fuser *f, int reader, int input, int setter)
{
    (void)reader;
    if (nn_same_elements(f->plan, input) != f->plan->value[setter].assigned)
        f->alone[setter] = true;
}

/* Another loop of the level that reads the variable might wait for this one. */
static void part_if_read_beside(fuser *f, int reader, int input, int setter)
{
    (void)input;
    if (f->cluster[reader] == f->cluster[setter] || f->alone[setter])
        return;
    f->alone[setter] = true;
    f->cluster[setter] = f->clusters++;
}

/* ---- what is stored ---- */

/* Whoever reads v in memory needs all that is computed of it. */
static void store(nn_plan *plan, int v, bool *seen, int *stack)
{
    int depth = 0;
    stack[depth++] = v;
    while (depth) {
        int at = stack[--depth];
        nn_planned *value = &plan->value[at];
        if (seen[at])
            continue;
        seen[at] = true;
        value->stored = true;
        if (value->manner == NN_VIEW_VALUE || value->manner == NN_JOIN_VALUE)
            for (int i = 0; i < value->inputs; i++)
                stack[depth++] = value->input[i];
    }
}

static bool find_stored(fuser *f)
{
    nn_plan *plan = f->plan;
    size_t references = (size_t)plan->values;
    for (int v = 0; v < plan->values; v++)
        references += (size_t)plan->value[v].inputs;
    bool *seen = nn_plan_alloc(plan, (size_t)plan->values * sizeof *seen);
    int *stack = nn_plan_alloc(plan, references * sizeof *stack);
    if (!seen || !stack)
        return false;
    for (int v = 0; v < plan->values; v++) {
        const nn_planned *value = &plan->value[v];
        if (value->output || value->assigned >= 0)
            store(plan, v, seen, stack);
        if (f->cluster[v] < 0)
            continue;
        for (int i = 0; i < value->inputs; i++) {
            int source = nn_register_source(plan, value, i);
            if (source < 0 || f->cluster[source] != f->cluster[v])
                store(plan, value->input[i], seen, stack);
        }
    }
    return true;
}

/* ---- tasks ---- */

static int by_cluster(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->level != y->level) /* the cluster, here */
        return x->level < y->level ? -1 : 1;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

static int by_key(const void *a, const void *b)
{
    const nn_task *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->member[0] > y->member[0]) - (x->member[0] < y->member[0]);
}

/* The members of one cluster, without those that nobody needs. */
static bool make_task(fuser *f, int begin, int end)
{
    nn_plan *plan = f->plan;
    int members = 0;
    for (int e = end - 1; e >= begin; e--) {
        int v = f->entry[e].value;
        const nn_planned *value = &plan->value[v];
        bool live = value->stored || value->manner == NN_CALL_VALUE || f->reader[v] == begin;
        f->entry[e].rank = live;
        members += live;
        for (int i = 0; i < value->inputs && live; i++) {
            int source = nn_register_source(plan, value, i);
            if (source >= 0)
                f->reader[source] = begin;
        }
    }
    if (!members)
        return true;
    nn_task *task = nn_plan_task(plan);
    if (!task || !(task->member = nn_plan_alloc(plan, (size_t)members * sizeof(int))))
        return false;
    task->key = f->entry[begin].place;
    for (int e = begin; e < end; e++) {
        if (!f->entry[e].rank)
            continue;
        const nn_planned *value = &plan->value[f->entry[e].value];
        task->stage = value->stage;
        task->call = value->manner == NN_CALL_VALUE;
        int64_t space[NN_MAX_RANK];
        int rank = space_of(plan, value, space);
        task->rank =
            task->members ? nn_space_refine(task->rank, task->shape, rank, space, space) : rank;
        memcpy(task->shape, space, sizeof space);
        task->member[task->members++] = f->entry[e].value;
    }
    return true;
}

static bool make_tasks(fuser *f)
{
    nn_plan *plan = f->plan;
    f->entries = 0;
    for (int v = 0; v < plan->values; v++) {
        f->reader[v] = -1;
        if (f->cluster[v] >= 0)
            f->entry[f->entries++] =
                (entry){.value = v, .level = f->cluster[v], .place = f->levels.rank[v]};
    }
    if (f->entries)
        qsort(f->entry, (size_t)f->entries, sizeof *f->entry, by_cluster);
    for (int begin = 0, end; begin < f->entries; begin = end) {
        for (end = begin; end < f->entries && f->entry[end].level == f->entry[begin].level;)
            end++;
        if (!make_task(f, begin, end))
            return false;
    }
    if (plan->tasks)
        qsort(plan->task, (size_t)plan->tasks, sizeof *plan->task, by_key);
    for (int t = 0; t < plan->tasks; t++)
        for (int m = 0; m < plan->task[t].members; m++)
            plan->value[plan->task[t].member[m]].task = t;
    return true;
}

static bool make_clusters(fuser *f)
{
    nn_plan *plan = f->plan;
    bool fuses = !(plan->debug & NN_NO_FUSION);
    if (fuses)
        visit_readers(f, part_if_rearranged);
    for (int v = 0; v < plan->values; v++) {
        const nn_planned *value = &plan->value[v];
        f->cluster[v] = f->reader[v] = -1;
        if (!nn_by_loop(value) || !fuses || f->alone[v]) {
            if (nn_by_loop(value) || value->manner == NN_CALL_VALUE)
                f->cluster[v] = f->clusters++;
            continue;
        }
        entry *e = &f->entry[f->entries++];
        *e = (entry){.value = v,
                     .stage = value->stage,
                     .level = f->levels.level[v],
                     .place = f->levels.rank[v]};
        e->rank = space_of(plan, value, e->shape);
        e->count = count(e->rank, e->shape);
    }
    qsort(f->entry, (size_t)f->entries, sizeof *f->entry, by_group);
    for (int begin = 0, end; begin < f->entries; begin = end) {
        for (end = begin; end < f->entries && same_group(&f->entry[begin], &f->entry[end]);)
            end++;
        join_group(f, begin, end);
    }
    for (int begin = 0, end; begin < f->entries; begin = end) {
        for (end = begin; end < f->entries && same_group(&f->entry[begin], &f->entry[end]);)
            end++;
        number_group(f, begin, end);
    }
    if (!fuses)
        return true;
    if (!part_reductions(f))
        return false;
    visit_readers(f, part_if_read_beside);
    return true;
}

int nn_plan_tasks(nn_plan *plan)
{
    fuser f = {.plan = plan, .levels = {.plan = plan}};
    if (!nn_find_levels(&f.levels))
        return nn_status(plan->graph);
    size_t values = (size_t)plan->values;
    f.entry = nn_plan_alloc(plan, values * sizeof *f.entry);
    f.cluster = nn_plan_alloc(plan, values * sizeof(int));
    f.parent = nn_plan_alloc(plan, values * sizeof(int));
    f.at = nn_plan_alloc(plan, values * sizeof(int));
    f.reader = nn_plan_alloc(plan, values * sizeof(int));
    f.steps = nn_plan_alloc(plan, values * sizeof(int));
    f.streams = nn_plan_alloc(plan, values * sizeof(int));
    f.alone = nn_plan_alloc(plan, values * sizeof(bool));
    if (!f.entry || !f.cluster || !f.parent || !f.at || !f.reader || !f.steps || !f.streams ||
        !f.alone || !make_clusters(&f) || !find_stored(&f) || !make_tasks(&f))
        return nn_status(plan->graph);
    return WEIR_OK;
}
