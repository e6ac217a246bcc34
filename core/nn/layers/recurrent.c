/* LSTM (Hochreiter and Schmidhuber 1997) and GRU (Cho et al. 2014), as PyTorch defines them. The
 * input's products are taken once for all steps, so that a step is one product with the state and
 * its gates. */
#include "nn/layers/layer.h"
#include <stdio.h>

/* A layer while it is built. The part of a step's gates that does not depend on the state is
 * sequence's rows of that step plus constant; either may be NULL. */
typedef struct cell {
    nn_graph *graph;
    int64_t steps, batch, hidden, gates;
    nn_node *sequence; /* [steps * batch][gates * hidden] */
    nn_node *constant; /* [batch][gates * hidden], or [gates * hidden] where it is a bias alone */
    nn_node *weight_hh;
    nn_node *bias_ih, *bias_hh;
} cell;

static nn_node *failed(const cell *c, const char *layer, const char *name, const char *why)
{
    return nn_fail(c->graph, WEIR_EOPTION, "%s(%s): %s", layer, name, why);
}

/* Checks a first state; NULL is fine. */
static bool state_fits(const cell *c, nn_node *state)
{
    return !state ||
           (nn_rank(state) == 2 && nn_size(state, 0) == c->batch && nn_size(state, 1) == c->hidden);
}

/* The parameters, in PyTorch's order; the weights of the input are returned. */
static nn_node *cell_parameters(cell *c, int64_t in, const char *name)
{
    nn_graph *g = c->graph;
    int64_t rows = c->gates * c->hidden;
    nn_init init = nn_init_fan_in(c->hidden);
    nn_node *weight_ih =
        nn_parameter(g, nn_member(g, name, "weight_ih_l0"), 2, (int64_t[]){rows, in}, init);
    c->weight_hh =
        nn_parameter(g, nn_member(g, name, "weight_hh_l0"), 2, (int64_t[]){rows, c->hidden}, init);
    c->bias_ih = nn_parameter(g, nn_member(g, name, "bias_ih_l0"), 1, &rows, init);
    c->bias_hh = nn_parameter(g, nn_member(g, name, "bias_hh_l0"), 1, &rows, init);
    return weight_ih;
}

/* Checks the inputs and fills c: false, with the error recorded, when they do not fit. */
static bool cell_open(cell *c, const nn_recurrent *in, const char *layer, const char *name)
{
    if (!in)
        return false;
    nn_node *sequence = in->sequence, *constant = in->constant;
    nn_node *given[] = {sequence, constant, in->h, in->c};
    for (int i = 0; i < 4; i++)
        if (given[i]) {
            c->graph = nn_graph_of(given[i]);
            if (nn_poisoned(given[i]))
                return false;
        }
    if (!c->graph) /* nothing to record the error in */
        return false;
    if (!sequence && !constant)
        return failed(c, layer, name, "neither a sequence nor a constant is given"), false;
    if (in->hidden < 1)
        return failed(c, layer, name, "hidden is not set"), false;
    if ((sequence && nn_rank(sequence) != 3) || (constant && nn_rank(constant) != 2))
        return failed(c, layer, name,
                      "the sequence must be [time][batch][in], the constant [batch][in]"),
               false;
    c->steps = sequence ? nn_size(sequence, 0) : in->steps;
    c->batch = sequence ? nn_size(sequence, 1) : nn_size(constant, 0);
    c->hidden = in->hidden;
    if (c->steps < 1)
        return failed(c, layer, name, "steps is not set and there is no sequence to tell it"),
               false;
    char layer_name[300];
    snprintf(layer_name, sizeof layer_name, "%s(%s)", layer, name);
    if (!nn_shape_check(c->graph, layer_name, 4,
                        (int64_t[]){c->hidden, c->gates, c->batch, c->steps}))
        return false;
    if (sequence && in->steps && in->steps != c->steps)
        return failed(c, layer, name, "steps is not the sequence's"), false;
    if (sequence && constant && nn_size(constant, 0) != c->batch)
        return failed(c, layer, name, "the sequence and the constant differ in their batch"), false;
    if (!state_fits(c, in->h) || !state_fits(c, in->c))
        return failed(c, layer, name, "a first state is not [batch][hidden]"), false;
    return true;
}

/* The products of the inputs. bias [gates * hidden] enters once. */
static void cell_project(cell *c, const nn_recurrent *in, nn_node *weight, nn_node *bias)
{
    int64_t fixed = in->constant ? nn_size(in->constant, 1) : 0;
    c->constant = bias;
    if (in->constant)
        c->constant =
            nn_add(nn_matmul(in->constant, nn_slice(weight, 1, 0, fixed), false, true), bias);
    if (!in->sequence)
        return;
    int64_t width = nn_size(in->sequence, 2);
    c->sequence = nn_matmul(nn_rows(in->sequence), nn_slice(weight, 1, fixed, width), false, true);
    if (!in->constant) { /* one product with its bias */
        c->sequence = nn_add(c->sequence, bias);
        c->constant = NULL;
    }
}

/* The part of step t's gates that is known before: [batch][gates * hidden], or a bias. */
static nn_node *cell_known(const cell *c, int64_t t)
{
    if (!c->sequence)
        return c->constant;
    nn_node *rows = nn_slice(c->sequence, 0, t * c->batch, c->batch);
    return c->constant ? nn_add(rows, c->constant) : rows;
}

static nn_node *gate(const cell *c, nn_node *gates, int64_t which)
{
    return nn_slice(gates, nn_rank(gates) - 1, which * c->hidden, c->hidden);
}

/* gates [batch][4 hidden] to the next state; *state NULL: zeros. */
static void lstm_gates(const cell *c, nn_node *gates, nn_node **h, nn_node **state)
{
    nn_node *in = nn_sigmoid(gate(c, gates, 0));
    nn_node *forget = nn_sigmoid(gate(c, gates, 1));
    nn_node *candidate = nn_tanh(gate(c, gates, 2));
    nn_node *out = nn_sigmoid(gate(c, gates, 3));
    nn_node *added = nn_mul(in, candidate);
    *state = *state ? nn_add(nn_mul(forget, *state), added) : added;
    *h = nn_mul(out, nn_tanh(*state));
}

/* A bias for every row, where nothing that depends on the row was added. */
static nn_node *cell_full(const cell *c, nn_node *x)
{
    return nn_rank(x) == 2 ? x : nn_broadcast(x, 2, (int64_t[]){c->batch, c->gates * c->hidden});
}

static nn_recurrent_result finished(const cell *c, nn_node **output, nn_node *h, nn_node *state)
{
    nn_node *all = nn_concat(0, (int)c->steps, output);
    all = nn_reshape(all, 3, (int64_t[]){c->steps, c->batch, c->hidden});
    return (nn_recurrent_result){all, h, state};
}

static nn_recurrent_result poisoned_result(const cell *c, bool state)
{
    nn_node *poison = c->graph ? c->graph->poison : NULL;
    return (nn_recurrent_result){poison, poison, state ? poison : NULL};
}

nn_recurrent_result nn_lstm(const nn_recurrent *in, const char *name)
{
    cell c = {.gates = 4};
    if (!cell_open(&c, in, "lstm", name))
        return poisoned_result(&c, true);
    nn_node **output = nn_graph_alloc(c.graph, (size_t)c.steps * sizeof(nn_node *));
    if (!output)
        return poisoned_result(&c, true);
    int64_t width = (in->constant ? nn_size(in->constant, 1) : 0) +
                    (in->sequence ? nn_size(in->sequence, 2) : 0);
    nn_node *weight = cell_parameters(&c, width, name);
    cell_project(&c, in, weight, nn_add(c.bias_ih, c.bias_hh));
    nn_node *h = in->h, *state = in->c;
    for (int64_t t = 0; t < c.steps; t++) {
        nn_node *gates = cell_known(&c, t);
        if (h)
            gates = nn_add(gates, nn_matmul(h, c.weight_hh, false, true));
        lstm_gates(&c, cell_full(&c, gates), &h, &state);
        output[t] = h;
    }
    return finished(&c, output, h, state);
}

void nn_lstm_step(nn_node *x, nn_node **h, nn_node **c, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    cell step = {.graph = g, .steps = 1, .gates = 4};
    nn_node *instead;
    if (!nn_usable("lstm_step", 3, (nn_node *[]){x, *h, *c}, &instead)) {
        *h = *c = instead;
        return;
    }
    if (nn_rank(x) == 2 && nn_rank(*h) == 2) {
        step.batch = nn_size(x, 0);
        step.hidden = nn_size(*h, 1);
    }
    if (!step.batch || !state_fits(&step, *h) || !state_fits(&step, *c)) {
        *h = *c = failed(&step, "lstm_step", name,
                         "the input must be [batch][in], the state [batch][hidden] twice");
        return;
    }
    nn_node *weight = cell_parameters(&step, nn_size(x, 1), name);
    nn_node *known = nn_add(nn_matmul(x, weight, false, true), nn_add(step.bias_ih, step.bias_hh));
    lstm_gates(&step, nn_add(known, nn_matmul(*h, step.weight_hh, false, true)), h, c);
}

nn_recurrent_result nn_gru(const nn_recurrent *in, const char *name)
{
    cell c = {.gates = 3};
    if (!cell_open(&c, in, "gru", name))
        return poisoned_result(&c, false);
    if (in->c) {
        failed(&c, "gru", name, "a GRU has no state c");
        return poisoned_result(&c, false);
    }
    nn_node **output = nn_graph_alloc(c.graph, (size_t)c.steps * sizeof(nn_node *));
    if (!output)
        return poisoned_result(&c, false);
    int64_t width = (in->constant ? nn_size(in->constant, 1) : 0) +
                    (in->sequence ? nn_size(in->sequence, 2) : 0);
    nn_node *weight = cell_parameters(&c, width, name);
    cell_project(&c, in, weight, c.bias_ih);
    nn_node *h = in->h;
    for (int64_t t = 0; t < c.steps; t++) {
        nn_node *known = cell_full(&c, cell_known(&c, t)), *from_state = c.bias_hh;
        if (h)
            from_state = nn_add(nn_matmul(h, c.weight_hh, false, true), c.bias_hh);
        nn_node *reset = nn_sigmoid(nn_add(gate(&c, known, 0), gate(&c, from_state, 0)));
        nn_node *keep = nn_sigmoid(nn_add(gate(&c, known, 1), gate(&c, from_state, 1)));
        nn_node *candidate =
            nn_tanh(nn_add(gate(&c, known, 2), nn_mul(reset, gate(&c, from_state, 2))));
        nn_node *kept = h ? nn_sub(h, candidate) : nn_neg(candidate);
        output[t] = h = nn_add(candidate, nn_mul(keep, kept));
    }
    return finished(&c, output, h, NULL);
}
