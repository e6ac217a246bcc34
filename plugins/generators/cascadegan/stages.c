/* The stages of CascadeGAN's training as graphs: WGAN-GP of each generator by itself, then of the
 * cascade, in which the fields' losses reach the flow generator through the window of the series.
 */
#include "train.h"

#define SHAPE(...)                                                                                 \
    (const int64_t[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const char *const names[STAGES] = {"condition", "flow", "rate", "field", "joint"};

const char *cascade_stage_name(int stage)
{
    return names[stage];
}

static int64_t epochs(const struct cascade_options *o, int stage)
{
    const int64_t of[STAGES] = {o->epochs_condition, o->epochs_flow, o->epochs_rate,
                                o->epochs_field, o->epochs_joint};

    return of[stage];
}

bool cascade_has_stage(const struct cascade_options *o, int stage)
{
    return epochs(o, stage) > 0 && (stage != STAGE_CONDITION || cascade_makes_conditions(o));
}

/* ---- A critic against a generator -------------------------------------------------------------*/

/* An input of a critic; real and fake may be the same. */
struct part {
    nn_node *real, *fake;
    bool penalised;
};

struct game {
    nn_node *critic, *penalty, *generator; /* losses */
};

enum { MOST_PARTS = 4 };

static nn_node *score(const struct cascade_model *model, int n, nn_node *const *x, const char *name)
{
    return cascade_critic(model, nn_concat(1, n, x), name);
}

/* critic: the critic's name; mix: that of the noise which mixes real and fake. */
static struct game play(const struct cascade_model *model, const char *critic, const char *mix,
                        int n, const struct part *parts)
{
    nn_node *real[MOST_PARTS], *fake[MOST_PARTS], *mixed[MOST_PARTS], *wrt[MOST_PARTS], *on_fake;
    struct game game;
    int penalised = 0;

    for (int i = 0; i < n; i++) {
        real[i] = parts[i].real;
        fake[i] = parts[i].fake;
        /* the fake batch counts as a constant: a shared input that is penalised must not be
         * followed through the generator */
        mixed[i] = real[i] == fake[i] ? real[i] : nn_mix(real[i], nn_stop(fake[i]), mix);
        if (parts[i].penalised || model->options->penalty_over == OVER_INPUTS)
            wrt[penalised++] = mixed[i];
    }
    on_fake = score(model, n, fake, critic);
    game.penalty = nn_gradient_penalty(score(model, n, mixed, critic), penalised, wrt, 0);
    game.critic = nn_add(nn_wgan_critic(score(model, n, real, critic), on_fake),
                         nn_scale(game.penalty, model->options->penalty));
    game.generator = nn_wgan_generator(on_fake);
    return game;
}

/* ---- Stages -----------------------------------------------------------------------------------*/

static nn_adam_options adam_of(const struct cascade_options *o)
{
    return (nn_adam_options){.rate = o->learning_rate,
                             .beta1 = o->beta1 > 0 ? o->beta1 : -1,
                             .beta2 = o->beta2 > 0 ? o->beta2 : -1};
}

static void add_output(struct cascade_stage *stage, int run, nn_node *node)
{
    nn_stage *to = &stage->run[run];

    stage->output[run][to->n++] = node;
    to->outputs = stage->output[run];
}

static void add_term(nn_graph *g, struct cascade_stage *stage, const char *name, const char *what,
                     nn_node *loss, const char *prefix)
{
    stage->term[stage->terms++] = (nn_term){nn_namef(g, "%s.%s", name, what), loss, prefix};
}

/* A game's losses as outputs and terms. name: in curves; net: of the networks. */
static void add_game(nn_graph *g, struct cascade_stage *stage, const struct game *game,
                     const char *name, const char *net)
{
    add_output(stage, stage->fakes, game->critic);
    add_output(stage, stage->fakes, game->penalty);
    add_output(stage, stage->fakes + 1, game->generator);
    add_term(g, stage, name, "critic", game->critic, nn_namef(g, "critic.%s.", net));
    add_term(g, stage, name, "generator", game->generator, nn_namef(g, "generator.%s.", net));
    add_term(g, stage, name, "penalty", game->penalty, NULL);
}

/* The updates. suffix: "flow.", or "" for all networks. */
static void add_updates(nn_graph *g, const struct cascade_options *o, struct cascade_stage *stage,
                        nn_node *critic, nn_node *generator, const char *suffix)
{
    const nn_adam_options adam = adam_of(o);

    stage->prefix = nn_namef(g, "generator.%s", suffix);
    add_output(stage, stage->fakes, nn_adam(critic, nn_namef(g, "critic.%s", suffix), &adam));
    add_output(stage, stage->fakes + 1, nn_adam(generator, stage->prefix, &adam));
    stage->run[stage->fakes].name = "critic";
    stage->run[stage->fakes + 1].name = "generator";
    stage->runs = stage->fakes + 2;
    if (o->ema > 0) {
        stage->run[stage->runs].name = "average";
        add_output(stage, stage->runs++, nn_ema(g, stage->prefix, o->ema));
    }
}

static void single(nn_graph *g, const struct cascade_model *model, int which,
                   struct cascade_stage *stage, nn_node *fake, int n, const struct part *parts)
{
    const char *name = names[which];
    struct game game = play(model, name, nn_namef(g, "noise.%s.mix", name), n, parts);

    stage->fakes = 1;
    stage->run[0].name = "fake";
    add_output(stage, 0, fake);
    add_output(stage, 0, nn_updates(g, nn_namef(g, "generator.%s.", name)));
    add_game(g, stage, &game, name, name);
    add_updates(g, model->options, stage, game.critic, game.generator, nn_namef(g, "%s.", name));
}

/* The field network's batch, flat: [batch][…]. */
static nn_node *fake_fields(const struct cascade_model *model, nn_node *condition, nn_node *tuple,
                            nn_node *window, const char *noise)
{
    nn_node *x;

    if (model->options->field_backbone == FIELD_LSTM)
        x = cascade_field_sequence(model, condition, tuple, window, model->sequence, noise);
    else
        x = cascade_field_network(model, condition, tuple, window, 1, noise);
    return nn_reshape(x, 2, SHAPE(nn_size(x, 0), -1));
}

int64_t cascade_window_row(const struct cascade_model *model, int64_t example, int64_t step)
{
    return example * (model->steps + model->options->window - 1) + step;
}

/* series [batch][steps * step_width]: the windows that index tells, [batch][window * step_width].
 */
static nn_node *windows(const struct cascade_model *model, nn_node *series, nn_node *index)
{
    nn_graph *g = nn_graph_of(series);
    int64_t batch = nn_size(series, 0), wide = model->step_width;
    int64_t half = model->options->window / 2, all = model->options->window * wide;
    nn_node *table = nn_reshape(series, 3, SHAPE(batch, model->steps, wide)), *pad;

    if (half > 0) {
        pad = nn_reshape(nn_concat(0, 2,
                                   (nn_node *[]){nn_broadcast(nn_scalar(g, 0), 1, SHAPE(wide - 1)),
                                                 nn_broadcast(nn_scalar(g, 1), 1, SHAPE(1))}),
                         3, SHAPE(1, 1, wide));
        pad = nn_broadcast(pad, 3, SHAPE(batch, half, wide));
        table = nn_concat(1, 3, (nn_node *[]){pad, table, pad});
    }
    table = nn_reshape(table, 2, SHAPE(-1, wide));
    return nn_reshape(nn_gather(table, index), 2, SHAPE(batch, all));
}

static void joint(nn_graph *g, const struct cascade_model *model, const struct cascade_graph *in,
                  struct cascade_stage *stage)
{
    const struct cascade_options *o = model->options;
    nn_node *tuple = cascade_flow_network(model, in->condition, "noise.joint.flow");
    nn_node *series = cascade_rate_network(model, in->condition, tuple, "noise.joint.rate");
    nn_node *window = windows(model, series, in->index);
    nn_node *fields = fake_fields(model, in->condition, tuple, window, "noise.joint.field");
    const struct part condition = {in->condition, in->condition, false},
                      flow = {in->tuple, tuple, true};
    const struct game games[] = {
        play(model, "flow", "noise.joint.flow.mix", 2, (struct part[]){condition, flow}),
        play(model, "rate", "noise.joint.rate.mix", 3,
             (struct part[]){condition, flow, {in->series, series, true}}),
        play(model, "field", "noise.joint.field.mix", 4,
             (struct part[]){{in->condition, in->condition, true},
                             flow,
                             {in->window, window, true},
                             {in->fields, fields, true}})};
    nn_node *critic = games[2].critic, *generator = games[2].generator;

    stage->fakes = 2;
    stage->series = series;
    stage->run[0].name = "series";
    stage->run[1].name = "fields";
    add_output(stage, 0, tuple);
    add_output(stage, 0, series);
    add_output(stage, 0, nn_updates(g, "generator.flow."));
    add_output(stage, 0, nn_updates(g, "generator.rate."));
    add_output(stage, 1, fields);
    add_output(stage, 1, nn_updates(g, "generator.field."));
    for (int i = 0; i < 3; i++)
        add_game(g, stage, &games[i], nn_namef(g, "joint.%s", names[STAGE_FLOW + i]),
                 names[STAGE_FLOW + i]);
    critic = nn_add(
        critic, nn_add(nn_scale(games[0].critic, o->alpha), nn_scale(games[1].critic, o->beta)));
    generator = nn_add(generator, nn_add(nn_scale(games[0].generator, o->alpha),
                                         nn_scale(games[1].generator, o->beta)));
    add_updates(g, o, stage, critic, generator, "");
}

void cascade_variables(nn_graph *g, const struct cascade_model *model)
{
    nn_node *condition, *tuple;

    nn_training(g, false);
    if (cascade_makes_conditions(model->options))
        cascade_condition_network(g, model, 1, "noise.variables.condition");
    condition = nn_broadcast(nn_scalar(g, 0), 2, SHAPE(1, model->conditions));
    tuple = cascade_flow_network(model, condition, "noise.variables.flow");
    cascade_rate_network(model, condition, tuple, "noise.variables.rate");
    cascade_field_network(
        model, condition, tuple,
        nn_broadcast(nn_scalar(g, 0), 2, SHAPE(1, model->options->window * model->step_width)), 1,
        "noise.variables.field");
}

void cascade_build(nn_graph *g, const struct cascade_model *model, struct cascade_graph *built)
{
    const struct cascade_options *o = model->options;
    const int64_t batch = o->batch, sequence = o->field_backbone == FIELD_LSTM;
    struct part condition, tuple, window;

    built->condition = nn_input(g, "condition", 2, SHAPE(batch, model->conditions));
    built->tuple = nn_input(g, "tuple", 2, SHAPE(batch, model->tuple));
    built->series = nn_input(g, "series", 2, SHAPE(batch, model->steps * model->step_width));
    built->window = nn_input(g, "window", 2, SHAPE(batch, o->window * model->step_width));
    built->fields =
        nn_input(g, "fields", 2, SHAPE(batch, model->sequence * (model->fields + 2 * sequence)));
    built->index = nn_input(g, "index", 2, SHAPE(batch, o->window));
    condition = (struct part){built->condition, built->condition, false};
    tuple = (struct part){built->tuple, built->tuple, false};
    window = (struct part){built->window, built->window, false};
    nn_training(g, true);
    if (cascade_has_stage(o, STAGE_CONDITION)) {
        nn_node *fake = cascade_condition_network(g, model, batch, "noise.condition");

        single(g, model, STAGE_CONDITION, &built->stage[STAGE_CONDITION], fake, 1,
               (struct part[]){{built->condition, fake, true}});
    }
    if (cascade_has_stage(o, STAGE_FLOW)) {
        nn_node *fake = cascade_flow_network(model, built->condition, "noise.flow");

        single(g, model, STAGE_FLOW, &built->stage[STAGE_FLOW], fake, 2,
               (struct part[]){condition, {built->tuple, fake, true}});
    }
    if (cascade_has_stage(o, STAGE_RATE)) {
        nn_node *fake = cascade_rate_network(model, built->condition, built->tuple, "noise.rate");

        single(g, model, STAGE_RATE, &built->stage[STAGE_RATE], fake, 3,
               (struct part[]){condition, tuple, {built->series, fake, true}});
    }
    if (cascade_has_stage(o, STAGE_FIELD)) {
        nn_node *fake =
            fake_fields(model, built->condition, built->tuple, built->window, "noise.field");

        single(g, model, STAGE_FIELD, &built->stage[STAGE_FIELD], fake, 4,
               (struct part[]){condition, tuple, window, {built->fields, fake, true}});
    }
    if (cascade_has_stage(o, STAGE_JOINT))
        joint(g, model, built, &built->stage[STAGE_JOINT]);
}
