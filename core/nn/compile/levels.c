/* At which level each value is computed: a kernel of a level reads from memory only what lower
 * levels have written, so that whatever has one level and one index space can be one loop, without
 * a circle. At first everything is computed as early as it can be; then
 *   - what sets a variable moves to where all readers of the old value have read it,
 *   - what only later loops use moves there if that saves more memory traffic than it costs, and
 *   - a cheap step of something in memory is repeated where it is used rather than stored. */
#include "nn/compile/fuse.h"
#include <string.h>

enum { CONE = 64, SEEDS = 12, CLIMB = 8, REPEATS = 4 };

bool nn_by_loop(const nn_planned *value)
{
    return value->manner == NN_LOOP_VALUE || value->manner == NN_COPY_VALUE ||
           value->manner == NN_FILL_VALUE;
}

bool nn_reduces(const nn_planned *value)
{
    return value->manner == NN_LOOP_VALUE &&
           (value->node->op == NN_OP_SUM || value->node->op == NN_OP_PEAK);
}

int nn_register_source(const nn_plan *plan, const nn_planned *user, int i)
{
    int v = nn_same_elements(plan, user->input[i]);
    const nn_planned *value = &plan->value[v];
    bool has = nn_by_loop(user) && nn_by_loop(value) && value->stage == user->stage &&
               value->assigned < 0 && !nn_reduces(value);
    return has ? v : -1;
}

static int64_t count(const nn_planned *value)
{
    int64_t product = 1;
    for (int i = 0; i < value->rank; i++)
        product *= value->shape[i];
    return product;
}

int nn_leaf_seen(const nn_plan *plan, int v)
{
    while (plan->value[v].manner == NN_VIEW_VALUE)
        v = plan->value[v].input[0];
    return plan->value[v].manner == NN_LEAF_VALUE ? v : -1;
}

/* ---- as early as possible ---- */

/* The level from which v can be read in memory. */
static int in_memory(const nn_levels *l, int v, int stage)
{
    const nn_planned *value = &l->plan->value[v];
    return value->stage < stage ? 0 : l->available[v];
}

static int earliest(const nn_levels *l, const nn_planned *value)
{
    int level = 0;
    for (int i = 0; i < value->inputs; i++) {
        int source = nn_register_source(l->plan, value, i);
        int from = source >= 0 ? l->level[source] : in_memory(l, value->input[i], value->stage);
        level = from > level ? from : level;
    }
    return level;
}

static void find_levels(nn_levels *l)
{
    for (int v = 0; v < l->plan->values; v++) {
        const nn_planned *value = &l->plan->value[v];
        int level = 0;
        if (nn_by_loop(value) || value->manner == NN_CALL_VALUE) {
            level = earliest(l, value);
            l->level[v] = level;
            l->available[v] = level + 1;
            continue;
        }
        for (int i = 0; i < value->inputs; i++) {
            int from = in_memory(l, value->input[i], value->stage);
            level = from > level ? from : level;
        }
        l->available[v] = level;
    }
}

/* ---- who uses what ---- */

static bool list_users(nn_levels *l)
{
    nn_plan *plan = l->plan;
    int total = 0;
    for (int v = 0; v < plan->values; v++)
        total += plan->value[v].inputs;
    l->first = nn_plan_alloc(plan, ((size_t)plan->values + 2) * sizeof(int));
    l->user = nn_plan_alloc(plan, (size_t)total * sizeof(int));
    /* Of what repeat adds, too: it looks at the inputs of values that it has redirected. */
    l->pinned = nn_plan_alloc(plan, ((size_t)l->capacity + 1) * sizeof(bool));
    if (!l->first || !l->user || !l->pinned)
        return false;
    for (int fill = 0; fill < 2; fill++) {
        for (int v = 0; v < plan->values; v++) {
            const nn_planned *value = &plan->value[v];
            int same = nn_same_elements(plan, v);
            l->pinned[same] |= value->output;
            if (same != v)
                continue; /* its users are counted as those of what it shows */
            for (int i = 0; i < value->inputs; i++) {
                int source = nn_register_source(plan, value, i);
                int key = nn_same_elements(plan, value->input[i]);
                if (source < 0)
                    l->pinned[key] = true;
                if (fill)
                    l->user[l->first[key + 1]++] = v;
                else
                    l->first[key + 2]++;
            }
        }
        for (int v = 0; v < plan->values && !fill; v++)
            l->first[v + 2] += l->first[v + 1];
    }
    return true;
}

/* ---- variables ---- */

/* What sets a variable is on a level by which all others have read it. */
static bool set_after_reading(nn_levels *l)
{
    nn_plan *plan = l->plan;
    int *read = nn_plan_alloc(plan, (size_t)plan->values * sizeof(int)); /* by leaf */
    if (!read)
        return false;
    for (int stage = 0; stage < plan->program->stages; stage++) {
        memset(read, 0, (size_t)plan->values * sizeof(int));
        for (int v = 0; v < plan->values; v++) {
            const nn_planned *value = &plan->value[v];
            if (value->stage != stage || (!nn_by_loop(value) && value->manner != NN_CALL_VALUE))
                continue;
            for (int i = 0; i < value->inputs; i++) {
                int leaf = nn_leaf_seen(plan, value->input[i]);
                if (leaf >= 0 && l->level[v] > read[leaf])
                    read[leaf] = l->level[v];
            }
        }
        for (int v = 0; v < plan->values; v++) {
            int leaf = plan->value[v].assigned;
            if (plan->value[v].stage == stage && leaf >= 0) {
                if (l->level[v] < read[leaf])
                    l->level[v] = read[leaf];
                l->set[leaf] = v;
            }
        }
        for (int v = 0; v < plan->values; v++) {
            const nn_planned *value = &plan->value[v];
            for (int i = 0; i < value->inputs && value->stage == stage; i++) {
                int leaf = nn_leaf_seen(plan, value->input[i]);
                if (leaf >= 0 && l->set[leaf] >= 0 && nn_by_loop(value)) {
                    int limit = l->level[l->set[leaf]];
                    l->latest[v] = limit < l->latest[v] ? limit : l->latest[v];
                }
            }
        }
        for (int v = 0; v < plan->values; v++)
            if (plan->value[v].assigned >= 0)
                l->set[plan->value[v].assigned] = -1;
    }
    return true;
}

/* ---- later is better ---- */

/* Values of one level that would move together: seeds, and what only they need. */
typedef struct cone {
    int seeds, size, member[CONE];
} cone;

static bool in_cone(const cone *c, int v)
{
    for (int i = 0; i < c->size; i++)
        if (c->member[i] == v)
            return true;
    return false;
}

/* Everything of the level that only the cone needs. */
static bool fill_cone(const nn_levels *l, cone *c)
{
    const nn_plan *plan = l->plan;
    int level = l->level[c->member[0]];
    for (bool more = true; more;) {
        more = false;
        for (int m = 0; m < c->size; m++) {
            const nn_planned *value = &plan->value[c->member[m]];
            for (int i = 0; i < value->inputs; i++) {
                int u = nn_register_source(plan, value, i);
                if (u < 0 || l->level[u] != level || l->pinned[u] || in_cone(c, u))
                    continue;
                bool only = true;
                for (int e = l->first[u]; e < l->first[u + 1] && only; e++)
                    only = in_cone(c, l->user[e]);
                if (!only)
                    continue;
                if (c->size == CONE)
                    return false;
                c->member[c->size++] = u;
                more = true;
            }
        }
    }
    return true;
}

/* Whether u will be in memory after its level in any case. */
static bool kept_anyway(const nn_levels *l, int u, const cone *c)
{
    if (l->pinned[u])
        return true;
    for (int e = l->first[u]; e < l->first[u + 1]; e++)
        if (l->level[l->user[e]] != l->level[u] && !in_cone(c, l->user[e]))
            return true;
    return false;
}

/* Reads and writes of a whole tensor that moving the cone to this level adds: moving saves two. */
static int cost_of_moving(const nn_levels *l, const cone *c, int to)
{
    const nn_plan *plan = l->plan;
    int cost = 0, level = l->level[c->member[0]];
    int64_t space = count(&plan->value[c->member[0]]);
    for (int m = 0; m < c->size; m++) {
        const nn_planned *value = &plan->value[c->member[m]];
        for (int i = 0; i < value->inputs; i++) {
            int u = nn_same_elements(plan, value->input[i]);
            double number;
            if (in_cone(c, u) || nn_value_constant(plan, u, &number))
                continue;
            int source = nn_register_source(plan, value, i);
            bool here = source >= 0 && l->level[source] == level;
            bool there = false, shared = false;
            for (int e = l->first[u]; e < l->first[u + 1]; e++) {
                int user = l->user[e];
                there |= !in_cone(c, user) && l->level[user] == to;
                shared |= !in_cone(c, user) && l->level[user] == level;
            }
            if (here)
                cost += (kept_anyway(l, u, c) ? 0 : 1) + !there;
            else if (2 * count(&plan->value[u]) > space)
                cost += shared && !there;
        }
    }
    return cost;
}

/* The first level after v's own at which v is used, if it is used in registers of later loops only;
 * else -1. */
static int used_later(const nn_levels *l, int v)
{
    const nn_planned *value = &l->plan->value[v];
    int to = INT32_MAX;
    if (!nn_by_loop(value) || nn_reduces(value) || value->assigned >= 0 || l->pinned[v] ||
        l->first[v] == l->first[v + 1])
        return -1;
    for (int e = l->first[v]; e < l->first[v + 1]; e++)
        to = l->level[l->user[e]] < to ? l->level[l->user[e]] : to;
    return to > l->level[v] ? to : -1;
}

/* Of what else reads u at this level, the values that could move there too. */
static bool add_seeds(const nn_levels *l, int u, int level, int to, cone *c)
{
    for (int e = l->first[u]; e < l->first[u + 1]; e++) {
        int w = l->user[e], steps = 0;
        if (l->level[w] != level || in_cone(c, w))
            continue;
        while (used_later(l, w) < 0 && l->first[w] < l->first[w + 1] && steps++ < CLIMB)
            w = l->user[l->first[w]];
        if (l->level[w] != level || used_later(l, w) != to || in_cone(c, w))
            continue;
        if (c->size == CONE || c->seeds == SEEDS)
            return false;
        c->member[c->size++] = w;
        c->seeds++;
    }
    return true;
}

/* Makes the cone larger by what shares its reads; false: too large. */
static bool widen(const nn_levels *l, int to, cone *c)
{
    const nn_plan *plan = l->plan;
    int level = l->level[c->member[0]];
    for (int m = 0; m < c->size; m++) {
        const nn_planned *value = &plan->value[c->member[m]];
        for (int i = 0; i < value->inputs; i++) {
            int source = nn_register_source(plan, value, i);
            int u = nn_same_elements(plan, value->input[i]);
            bool here = source >= 0 && l->level[source] == level;
            if (here || 2 * count(&plan->value[u]) <= count(value))
                continue;
            if (!add_seeds(l, u, level, to, c) || !fill_cone(l, c))
                return false;
        }
    }
    return true;
}

static bool move(nn_levels *l, int to, const cone *c)
{
    if (cost_of_moving(l, c, to) >= 2 * c->seeds)
        return false;
    for (int m = 0; m < c->size; m++)
        if (to > l->latest[c->member[m]])
            return false;
    for (int m = 0; m < c->size; m++)
        l->level[c->member[m]] = to;
    return true;
}

static void move_later(nn_levels *l)
{
    for (int v = l->plan->values - 1; v >= 0; v--) {
        cone c = {1, 1, {v}};
        int to = used_later(l, v);
        if (to < 0 || !fill_cone(l, &c) || move(l, to, &c))
            continue;
        if (widen(l, to, &c) && c.seeds > 1)
            move(l, to, &c);
    }
}

/* ---- again is better than stored ---- */

static bool cheap(nn_op op)
{
    return op == NN_OP_ADD || op == NN_OP_SUB || op == NN_OP_MUL || op == NN_OP_MAX ||
           op == NN_OP_ABS || op == NN_OP_STEP || op == NN_OP_SELECT || op == NN_OP_FLOOR;
}

/* Whether v is one cheap step of at most one large tensor in memory. */
static bool repeatable(const nn_levels *l, int v)
{
    const nn_plan *plan = l->plan;
    const nn_planned *value = &plan->value[v];
    int large = -1;
    if (value->manner != NN_LOOP_VALUE || !cheap(value->node->op) || l->pinned[v])
        return false;
    for (int i = 0; i < value->inputs; i++) {
        int u = nn_same_elements(plan, value->input[i]);
        double number;
        if (nn_value_constant(plan, u, &number))
            continue;
        int source = nn_register_source(plan, value, i);
        if (source >= 0 && l->level[source] == l->level[v] && !l->pinned[source])
            return false;
        if (8 * count(&plan->value[u]) <= count(value) || u == large)
            continue;
        if (large >= 0)
            return false;
        large = u;
    }
    return true;
}

static void redirect(nn_plan *plan, int user, int from, int to)
{
    nn_planned *value = &plan->value[user];
    for (int i = 0; i < value->inputs; i++)
        if (nn_same_elements(plan, value->input[i]) == from)
            value->input[i] = to;
}

static bool repeat(nn_levels *l)
{
    nn_plan *plan = l->plan;
    int values = plan->values;
    for (int v = 0; v < values; v++) {
        if (!repeatable(l, v))
            continue;
        int at[REPEATS + 1], levels = 0;
        for (int e = l->first[v]; e < l->first[v + 1] && levels <= REPEATS; e++) {
            int level = l->level[l->user[e]], i = 0;
            while (i < levels && at[i] != level)
                i++;
            if (level != l->level[v] && i == levels)
                at[levels++] = level;
        }
        bool allowed = levels <= REPEATS;
        for (int i = 0; i < levels; i++)
            allowed = allowed && at[i] <= l->latest[v];
        for (int i = 0; i < levels && allowed; i++) {
            if (plan->values == l->capacity)
                return true;
            int again = nn_plan_value(plan, NN_LOOP_VALUE, plan->value[v].node,
                                      plan->value[v].stage, plan->value[v].inputs);
            if (again < 0)
                return false;
            nn_planned *value = &plan->value[again];
            memcpy(value->input, plan->value[v].input, (size_t)value->inputs * sizeof(int));
            value->view.buffer = nn_plan_storage(plan, NULL, (size_t)count(value));
            if (value->view.buffer < 0)
                return false;
            nn_view_dense(&value->view, value->rank, value->shape);
            l->level[again] = at[i];
            l->rank[again] = v;
            for (int e = l->first[v]; e < l->first[v + 1]; e++)
                if (l->level[l->user[e]] == at[i])
                    redirect(plan, l->user[e], v, again);
        }
    }
    return true;
}

bool nn_find_levels(nn_levels *l)
{
    nn_plan *plan = l->plan;
    l->capacity = 2 * plan->values;
    size_t size = (size_t)l->capacity + 1;
    l->level = nn_plan_alloc(plan, size * sizeof(int));
    l->rank = nn_plan_alloc(plan, size * sizeof(int));
    l->available = nn_plan_alloc(plan, size * sizeof(int));
    l->set = nn_plan_alloc(plan, size * sizeof(int));
    l->latest = nn_plan_alloc(plan, size * sizeof(int));
    if (!l->level || !l->rank || !l->available || !l->set || !l->latest)
        return false;
    for (int v = 0; v < l->capacity; v++) {
        l->rank[v] = v;
        l->set[v] = -1;
        l->latest[v] = INT32_MAX;
    }
    if (plan->debug & NN_NO_FUSION)
        return true;
    find_levels(l);
    if (!list_users(l) || !set_after_reading(l))
        return false;
    move_later(l);
    return repeat(l);
}
