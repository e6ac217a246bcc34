/* The watch over a training: the last good state in memory, and what is said when a loss is not
 * finite. */
#include "nn/program.h"
#include "nn/train/lasting.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TERMS = 16, EVERY = 100 };

/* A leaf's value at the last good step. */
typedef struct kept {
    nn_node *leaf; /* a variable or a noise */
    void *value;
} kept;

struct nn_guard {
    nn_graph *graph;
    nn_program *program;
    int terms;
    nn_term term[MOST_TERMS];
    double *losses[MOST_TERMS];
    int64_t steps, room, every, good;
    kept *kept;
    int kept_count;
};

/* ---- The last good state ----------------------------------------------------------------------*/

static size_t bytes_of(const nn_node *leaf)
{
    return leaf->op == NN_OP_NOISE ? sizeof(uint64_t) : (size_t)nn_count(leaf) * sizeof(nn_real);
}

static int read_leaf(nn_node *leaf, void *to)
{
    return leaf->op == NN_OP_NOISE ? nn_draws(leaf, to) : nn_value(leaf, to);
}

static bool all_finite(const nn_node *leaf, const nn_real *values)
{
    int64_t n = leaf->op == NN_OP_NOISE ? 0 : nn_count(leaf);

    for (int64_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static bool is_kept(const nn_guard *guard, const nn_node *leaf)
{
    for (int i = 0; i < guard->kept_count; i++)
        if (guard->kept[i].leaf == leaf)
            return true;
    return false;
}

/* Room for every leaf that lasts, those made since the last time too. */
static int make_room(nn_guard *guard)
{
    nn_graph *graph = guard->graph;

    for (int id = 0; id < graph->count; id++) {
        nn_node *leaf = graph->nodes[id];
        kept *grown;
        if ((leaf->op != NN_OP_VARIABLE && leaf->op != NN_OP_NOISE) || is_kept(guard, leaf))
            continue;
        grown = realloc(guard->kept, ((size_t)guard->kept_count + 1) * sizeof *grown);
        if (grown)
            guard->kept = grown;
        if (!grown || !(grown[guard->kept_count].value = malloc(bytes_of(leaf))))
            return weir_error_memory(&graph->error, bytes_of(leaf), "the last good state");
        grown[guard->kept_count++].leaf = leaf;
    }
    return WEIR_OK;
}

/* Keeps the state as good, or returns the first variable that is not finite; then, and when
 * something fails, the former state stays kept. */
static nn_node *keep(nn_guard *guard, int64_t step)
{
    void **fresh;
    nn_node *bad = NULL;

    if (make_room(guard) != WEIR_OK)
        return NULL;
    fresh = calloc((size_t)guard->kept_count + 1, sizeof *fresh);
    for (int i = 0; fresh && i < guard->kept_count && !bad; i++) {
        nn_node *leaf = guard->kept[i].leaf;
        fresh[i] = malloc(bytes_of(leaf));
        if (!fresh[i])
            weir_error_memory(&guard->graph->error, bytes_of(leaf), "the last good state");
        else if (read_leaf(leaf, fresh[i]) == WEIR_OK && !all_finite(leaf, fresh[i]))
            bad = leaf;
        if (nn_status(guard->graph) != WEIR_OK)
            break;
    }
    if (fresh && !bad && nn_status(guard->graph) == WEIR_OK) {
        for (int i = 0; i < guard->kept_count; i++) {
            void *old = guard->kept[i].value;
            guard->kept[i].value = fresh[i];
            fresh[i] = old;
        }
        guard->good = step;
    }
    for (int i = 0; fresh && i < guard->kept_count; i++)
        free(fresh[i]);
    if (!fresh)
        weir_error_memory(&guard->graph->error, 0, "the last good state");
    free(fresh);
    return bad;
}

static int restore(const nn_guard *guard)
{
    for (int i = 0; i < guard->kept_count; i++) {
        const kept *k = &guard->kept[i];
        uint64_t draws;
        if (k->leaf->op == NN_OP_NOISE) {
            memcpy(&draws, k->value, sizeof draws);
            nn_set_draws(k->leaf, draws);
        } else {
            nn_write(k->leaf, k->value);
        }
    }
    return nn_status(guard->graph);
}

/* ---- The largest gradient ---------------------------------------------------------------------*/

typedef struct diagnosis {
    int n, room;
    nn_node **parameter, **norm;
    const char **term;
} diagnosis;

static bool grow(diagnosis *d, int n)
{
    size_t size = (size_t)(d->n + n);
    nn_node **parameter = realloc(d->parameter, (size + 1) * sizeof *parameter);
    nn_node **norm;
    const char **term;

    d->parameter = parameter ? parameter : d->parameter;
    norm = realloc(d->norm, (size + 1) * sizeof *norm);
    d->norm = norm ? norm : d->norm;
    term = realloc(d->term, (size + 1) * sizeof *term);
    d->term = term ? term : d->term;
    return parameter && norm && term;
}

/* Nodes for the norm of every parameter's gradient by its loss. */
static int add_norms(const nn_guard *guard, diagnosis *d)
{
    nn_graph *graph = guard->graph;

    for (int t = 0; t < guard->terms && nn_status(graph) == WEIR_OK; t++) {
        const nn_term *term = &guard->term[t];
        int n = term->prefix ? nn_parameters(graph, term->prefix, 0, NULL) : 0;
        if (!grow(d, n))
            return weir_error_memory(&graph->error, 0, "a diagnosis");
        if (n == 0)
            continue;
        nn_parameters(graph, term->prefix, n, d->parameter + d->n);
        nn_grad(term->loss, n, d->parameter + d->n, d->norm + d->n);
        for (int i = d->n; i < d->n + n; i++) {
            d->norm[i] = nn_sqrt(nn_total(nn_square(d->norm[i])));
            d->term[i] = term->name;
        }
        d->n += n;
    }
    return nn_status(graph);
}

/* Says which gradient is the largest; NaN is larger than infinity, which is larger than the rest.
 */
static void say_largest(nn_program *program, const diagnosis *d, char *text, size_t size)
{
    double most = -1;
    int which = -1;

    for (int i = 0; i < d->n; i++) {
        nn_real norm = 0;
        double rank;
        if (nn_read(program, d->norm[i], &norm) != WEIR_OK)
            return;
        rank = isnan(norm) ? INFINITY : isinf(norm) ? 1e308 : (double)norm;
        if (rank > most) {
            most = rank;
            which = i;
            snprintf(text, size, "%g", (double)norm);
        }
    }
    if (which >= 0) {
        char value[32];
        snprintf(value, sizeof value, "%s", text);
        snprintf(text, size, "the largest gradient is that of %s by '%s', of norm %s",
                 d->term[which], d->parameter[which]->name, value);
    }
}

/* By a program that is made for this moment alone, on the inputs as they are. What fails here is
 * said instead, and is no error of the graph: the divergence is what counts. */
static void diagnose(const nn_guard *guard, char *text, size_t size)
{
    const weir_error before = guard->graph->error;
    diagnosis d = {0};
    nn_program *program = NULL;

    snprintf(text, size, "no term has parameters to differentiate by");
    if (add_norms(guard, &d) == WEIR_OK && d.n > 0)
        program = nn_compile(guard->graph, 1, &(nn_stage){"gradients", d.n, d.norm});
    if (program && nn_run(program, 0) == WEIR_OK)
        say_largest(program, &d, text, size);
    if (nn_status(guard->graph) != WEIR_OK)
        snprintf(text, size, "the gradients could not be computed (%.300s)",
                 nn_error(guard->graph)->text);
    guard->graph->error = before;
    nn_program_free(program);
    free(d.parameter);
    free(d.norm);
    free(d.term);
}

static int diverged(nn_guard *guard, int64_t step, const char *what, weir_error *error)
{
    char gradients[512] = "";

    if (restore(guard) != WEIR_OK)
        return weir_error_set(error, (weir_status)nn_status(guard->graph), "%s",
                              nn_error(guard->graph)->text);
    diagnose(guard, gradients, sizeof gradients);
    restore(guard); /* the diagnosis has drawn noise */
    return weir_error_set(
        error, WEIR_EDIVERGE,
        "step %lld: %s; by the weights after step %lld, the last good ones, which "
        "are kept, %s",
        (long long)step, what, (long long)guard->good, gradients);
}

/* ---- Steps ------------------------------------------------------------------------------------*/

static bool room_for_step(nn_guard *guard)
{
    int64_t room = guard->room ? 2 * guard->room : 1024;

    if (guard->steps < guard->room)
        return true;
    for (int i = 0; i < guard->terms; i++) {
        double *grown = realloc(guard->losses[i], (size_t)room * sizeof *grown);
        if (!grown)
            return false;
        guard->losses[i] = grown;
    }
    guard->room = room;
    return true;
}

/* "critic nan, generator 0.25" */
static void say_terms(const nn_guard *guard, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (int i = 0; i < guard->terms && used < size - 1; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s %g", i ? ", " : "",
                                 guard->term[i].name, guard->losses[i][guard->steps - 1]);
}

int nn_guard_step(nn_guard *guard, int64_t step, weir_error *error)
{
    bool good = true;
    char terms[512], what[700];
    nn_node *bad = NULL;

    if (!guard)
        return weir_error_set(error, WEIR_EOPTION,
                              "guard: there is none (NULL); nn_error says why nn_guard_new gave "
                              "none");
    if (!room_for_step(guard))
        return weir_error_memory(error, 0, "the losses of a fit");
    if (guard->steps == 0)
        guard->good = step - 1; /* a fit that goes on does not begin at 1 */
    for (int i = 0; i < guard->terms; i++) {
        nn_real loss = 0;
        nn_read(guard->program, guard->term[i].loss, &loss);
        guard->losses[i][guard->steps] = (double)loss;
        good = good && isfinite(loss);
    }
    guard->steps++;
    if (good && step % guard->every == 0)
        bad = keep(guard, step);
    if (nn_status(guard->graph) != WEIR_OK)
        return weir_error_set(error, (weir_status)nn_status(guard->graph), "%s",
                              nn_error(guard->graph)->text);
    if (good && !bad)
        return WEIR_OK;
    say_terms(guard, terms, sizeof terms);
    if (bad)
        snprintf(what, sizeof what, "'%.120s' is not finite any more (losses: %s)", bad->name,
                 terms);
    else
        snprintf(what, sizeof what, "a loss is not finite (%s)", terms);
    return diverged(guard, step, what, error);
}

const double *nn_guard_losses(const nn_guard *guard, int term, int64_t *n)
{
    *n = guard ? guard->steps : 0;
    return guard && term >= 0 && term < guard->terms ? guard->losses[term] : NULL;
}

int64_t nn_guard_good(const nn_guard *guard)
{
    return guard ? guard->good : 0;
}

int nn_guard_terms(const nn_guard *guard, const nn_term **terms)
{
    *terms = guard ? guard->term : NULL;
    return guard ? guard->terms : 0;
}

void nn_guard_free(nn_guard *guard)
{
    if (!guard)
        return;
    for (int i = 0; i < guard->kept_count; i++)
        free(guard->kept[i].value);
    for (int i = 0; i < guard->terms; i++)
        free(guard->losses[i]);
    free(guard->kept);
    free(guard);
}

nn_guard *nn_guard_new(nn_program *program, int n, const nn_term *terms, int64_t every)
{
    nn_graph *graph = program ? program->graph : NULL;
    nn_guard *guard;
    nn_node *bad;

    if (!graph || nn_status(graph) != WEIR_OK)
        return NULL;
    if (n < 1 || n > MOST_TERMS || every < 0 || !terms) {
        nn_fail(graph, WEIR_EOPTION, "guard: %d terms, kept every %lld steps; 1 to %d terms", n,
                (long long)every, MOST_TERMS);
        return NULL;
    }
    for (int i = 0; i < n; i++)
        if (!terms[i].loss || nn_count(terms[i].loss) != 1) {
            nn_fail(graph, WEIR_EOPTION, "guard: the loss of term '%s' must be one number",
                    terms[i].name);
            return NULL;
        }
    guard = calloc(1, sizeof *guard);
    if (!guard) {
        weir_error_memory(&graph->error, sizeof *guard, "a guard");
        return NULL;
    }
    guard->graph = graph;
    guard->program = program;
    guard->terms = n;
    memcpy(guard->term, terms, (size_t)n * sizeof *terms);
    guard->every = every ? every : EVERY;
    bad = keep(guard, 0);
    if (bad)
        nn_fail(graph, WEIR_EDIVERGE, "guard: '%s' is not finite at the start", bad->name);
    if (nn_status(graph) == WEIR_OK)
        return guard;
    nn_guard_free(guard);
    return NULL;
}
