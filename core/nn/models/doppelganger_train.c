/* Training DoppelGANger: a Wasserstein GAN with gradient penalty and two critics (Lin et al., IMC
 * 2020, section 4; Yin et al., SIGCOMM 2022). */
#include "nn/models/dg.h"
#include <string.h>

/* ---- The graph --------------------------------------------------------------------------------*/

nn_node *dg_join(nn_node *a, nn_node *b)
{
    return nn_concat(1, 2, (nn_node *[]){a, b});
}

nn_adam_options dg_adam_options(const nn_doppelganger *model)
{
    const nn_doppelganger_settings *s = &model->settings;

    return (nn_adam_options){.rate = s->rate,
                             .beta1 = s->beta1 > 0 ? s->beta1 : -1,
                             .beta2 = s->beta2 > 0 ? s->beta2 : -1};
}

static nn_node *adam(nn_node *loss, const char *prefix, const nn_doppelganger *model)
{
    nn_adam_options options = dg_adam_options(model);

    return nn_adam(loss, prefix, &options);
}

int dg_generator_stages(nn_graph *g, const nn_doppelganger *model, nn_node *loss,
                        nn_stage stage[DG_GENERATOR_STEPS + 1], nn_node *update[2],
                        nn_node **average)
{
    const nn_doppelganger_settings *s = &model->settings;
    int n = 0;

    update[0] = loss;
    update[1] = adam(loss, "generator.", model);
    while (n < s->generator_steps)
        stage[n++] = (nn_stage){"generator", 2, update};
    if (s->ema > 0) {
        *average = nn_ema(g, "generator.", s->ema);
        stage[n++] = (nn_stage){"average", 1, average};
    }
    return n;
}

dg_judged dg_judge(nn_node *real, nn_node *fake, const nn_doppelganger *model, const char *name)
{
    const nn_doppelganger_settings *s = &model->settings;
    nn_graph *g = nn_graph_of(real);
    nn_node *mixed =
        s->mixing == NN_MIXING_ONE ? fake : nn_mix(real, fake, nn_namef(g, "training.%s", name));
    dg_judged made = {.on_fake = dg_critic(fake, model, name)};

    made.penalty = nn_gradient_penalty(dg_critic(mixed, model, name), 1, &mixed, 1e-8);
    made.loss = nn_wgan_critic(dg_critic(real, model, name), made.on_fake);
    made.loss = nn_add(made.loss, nn_scale(made.penalty, s->penalty));
    return made;
}

nn_node *dg_generator_loss(const nn_doppelganger *model, nn_node *score, nn_node *attribute_score)
{
    return nn_add(nn_wgan_generator(score),
                  nn_scale(nn_wgan_generator(attribute_score), model->settings.attribute_weight));
}

/* Stages: attributes, a round of the critics, the generator's. The noise of the records is drawn
 * with the attributes, the LSTM's first state in every round. */
int dg_plain_build(dg_run *run)
{
    nn_doppelganger *model = run->model;
    const nn_doppelganger_settings *s = &model->settings;
    nn_graph *g = model->graph;
    dg_attributes attributes = dg_make_attributes(g, model, s->batch, "training");
    dg_made made = dg_make_records(attributes.chosen, model, "training");
    nn_stage stage[DG_GENERATOR_STEPS + 3];
    nn_node *update[2], *average, *generator;
    dg_judged all, alone;

    run->attributes =
        nn_input(g, "real.attributes", 2, (int64_t[]){s->batch, model->attributes.width});
    run->records = nn_input(g, "real.records", 2,
                            (int64_t[]){s->batch, dg_records(model) * model->records.width});
    all = dg_judge(dg_join(run->records, run->attributes), dg_join(made.records, attributes.soft),
                   model, "critic");
    alone = dg_judge(run->attributes, attributes.soft, model, "attribute_critic");
    generator = dg_generator_loss(model, all.on_fake, alone.on_fake);

    nn_node *first[] = {attributes.soft, made.noise, nn_updates(g, "generator.")};
    nn_node *round[] = {all.loss,
                        alone.loss,
                        all.penalty,
                        alone.penalty,
                        adam(all.loss, "critic.", model),
                        adam(alone.loss, "attribute_critic.", model)};
    stage[0] = (nn_stage){"attributes", 3, first};
    stage[1] = (nn_stage){"critics", 6, round};
    run->terms = 5;
    run->term[0] = (nn_term){"critic", all.loss, "critic."};
    run->term[1] = (nn_term){"attribute_critic", alone.loss, "attribute_critic."};
    run->term[2] = (nn_term){"generator", generator, "generator."};
    run->term[3] = (nn_term){"penalty", all.penalty, NULL};
    run->term[4] = (nn_term){"attribute_penalty", alone.penalty, NULL};
    run->watched = run->programs[0] = nn_compile(
        g, 2 + dg_generator_stages(g, model, generator, stage + 2, update, &average), stage);
    return nn_report(run->job, g);
}

/* ---- A step -----------------------------------------------------------------------------------*/

int dg_progress(const dg_run *run)
{
    int64_t done = run->training->before + run->made;

    return weir_progress(run->job, done < run->total ? done : run->total, run->total);
}

static int plain_step(dg_run *run)
{
    const nn_doppelganger_settings *s = &run->model->settings;
    nn_program *program = run->programs[0];
    int stages = 2 + (int)s->generator_steps + (s->ema > 0);
    int status;

    dg_order_next(&run->model->order, weir_stream(run->job, "batches"), (size_t)s->batch,
                  run->batch.rows);
    status = dg_batch_fill(run->job, &run->batch, run->model, &run->training->data,
                           (size_t)s->batch, true);
    if (status != WEIR_OK)
        return status;
    nn_write(run->attributes, run->batch.attributes);
    nn_write(run->records, run->batch.records);
    nn_run(program, 0);
    for (int64_t i = 0; status == WEIR_OK && i < s->critic_steps; i++) {
        nn_run(program, 1);
        status = dg_progress(run);
    }
    for (int i = 2; status == WEIR_OK && i < stages; i++)
        nn_run(program, i);
    return status == WEIR_OK ? nn_report(run->job, run->model->graph) : status;
}

/* Whether the training ends after so many of its steps: a private one at the last that its epsilon
 * allows. The stage is asked in any case, so that it knows its last step. */
static bool ends(const dg_run *run, int64_t made)
{
    const nn_doppelganger_training *t = run->training;
    bool over = weir_stage_ends(run->job, t->before + made, t->before + t->steps,
                                t->share > 0 ? t->share : 1);

    return over || (run->model->cost.private && made >= t->steps);
}

static int steps(dg_run *run, nn_guard *guard)
{
    const nn_doppelganger_training *t = run->training;
    int64_t each = t->checkpoint_every > 0 ? t->checkpoint_every : (t->steps + 9) / 10;
    int status = weir_job_error(run->job)->status;

    while (status == WEIR_OK && !ends(run, run->made)) {
        int64_t step = t->before + ++run->made;
        status = run->model->cost.private ? dg_private_step(run) : plain_step(run);
        if (status == WEIR_OK)
            status = nn_watch(run->job, guard, step);
        if (status == WEIR_OK && t->checkpoint && run->made % each == 0)
            status = t->checkpoint(t->data.context, step);
        if (status == WEIR_OK)
            status = dg_progress(run);
    }
    return status == WEIR_OK ? weir_job_error(run->job)->status : status;
}

/* ---- Begin and end ----------------------------------------------------------------------------*/

/* Averaged weights make other values than those that batch norm's statistics are of: the generator
 * is run, in training mode, until they fit. */
int dg_calibrate(weir_job *job, const nn_doppelganger *model)
{
    int64_t batch = model->settings.batch;
    dg_attributes made = dg_make_attributes(model->graph, model, batch, "calibration");
    nn_node *out[] = {made.soft, nn_updates(model->graph, "generator.")};
    nn_program *program = nn_compile(model->graph, 1, &(nn_stage){"calibrate", 2, out});
    double left = 1;
    int status = nn_report(job, model->graph);

    while (status == WEIR_OK && left > 1e-3) {
        nn_run(program, 0);
        left *= 1 - model->settings.momentum;
        status = weir_progress(job, 0, 0);
    }
    nn_program_free(program);
    return status == WEIR_OK ? nn_report(job, model->graph) : status;
}

/* The draws of the order, from a checkpoint. */
static int resume_order(weir_job *job, nn_doppelganger *model)
{
    uint64_t n = model->order.count, one = 1;
    const uint32_t *rows, *at;

    rows = weir_get_array(model->archive, nn_namef(model->graph, "%s.order", model->name), WEIR_U32,
                          1, &n);
    at = weir_get_array(model->archive, nn_namef(model->graph, "%s.order_at", model->name),
                        WEIR_U32, 1, &one);
    if (!rows || !at)
        return weir_job_error(job)->status;
    for (uint64_t i = 0; i < n; i++)
        if (rows[i] >= n || *at > n)
            return weir_fail(job, WEIR_EDATA, "the checkpoint's order of sequences is damaged");
    memcpy(model->order.rows, rows, (size_t)n * sizeof *rows);
    model->order.at = *at;
    return WEIR_OK;
}

/* A critic's layers: a private training has other things under its name as well. */
static void copy_critic(nn_graph *to, const nn_doppelganger *from, const char *name)
{
    for (int64_t i = 0; i <= from->settings.critic_layers; i++)
        nn_copy(to, from->graph, nn_namef(to, "%s.%lld.", name, (long long)i));
}

/* Whose weights the training begins with. */
static int begin(dg_run *run)
{
    nn_doppelganger *model = run->model;
    const nn_doppelganger *from = run->training->from;
    nn_graph *g = model->graph;

    if (run->made > 0) {
        if (!model->archive)
            return weir_fail(run->job, WEIR_EBUG,
                             "a training that goes on needs the model of its checkpoint");
        if (nn_get(run->job, model->archive, g, "", model->name) != WEIR_OK)
            return weir_job_error(run->job)->status;
        return model->cost.private ? WEIR_OK : resume_order(run->job, model);
    }
    dg_first_values(g, model);
    if (from && from->graph) {
        nn_copy(g, from->graph, "generator.");
        if (nn_find(from->graph, "critic.0.weight")) {
            copy_critic(g, from, "critic");
            copy_critic(g, from, "attribute_critic");
        }
    }
    return nn_report(run->job, g);
}

static void log_cost(weir_job *job, const nn_doppelganger_cost *cost)
{
    const nn_mechanism *m = &cost->mechanism[0];

    if (cost->private)
        weir_log(job,
                 "private: epsilon %.4g at delta %.3g for one sequence; noise %.4g, clip %g, rate "
                 "%.4g, %lld rounds of each of 2 critics; holds while the job's seed is secret",
                 cost->epsilon, cost->delta, m->noise, cost->clip, m->rate, (long long)m->steps);
}

static int check_training(weir_job *job, const nn_doppelganger_training *t)
{
    if (t->data.count == 0)
        return weir_fail(job, WEIR_EDATA, "there are no sequences to learn");
    if (t->steps < 1 || t->before < 0 || !t->data.attributes || !t->data.features)
        return weir_fail(job, WEIR_EBUG, "a training of %lld steps, or without data",
                         (long long)t->steps);
    return WEIR_OK;
}

static int prepare(dg_run *run)
{
    nn_doppelganger *model = run->model;
    nn_graph *g = nn_graph_for(run->job);
    int status;

    if (!g)
        return weir_job_error(run->job)->status;
    nn_graph_free(model->graph);
    model->graph = g;
    if (!model->cost.private &&
        dg_order_new(run->job, &model->order, run->training->data.count) != WEIR_OK)
        return weir_job_error(run->job)->status;
    status = model->cost.private ? dg_private_build(run) : dg_plain_build(run);
    return status == WEIR_OK ? begin(run) : status;
}

/* The generator alone is what counts from here on; what else the graph has may stay. */
static int finish(weir_job *job, nn_doppelganger *model)
{
    if (model->settings.ema > 0 && nn_ema_swap(model->graph, "generator.") == WEIR_OK)
        return dg_calibrate(job, model);
    return nn_report(job, model->graph);
}

static int run_it(dg_run *run)
{
    nn_doppelganger *model = run->model;
    size_t room = model->cost.private ? (size_t)run->micro : (size_t)model->settings.batch;
    nn_guard *guard;
    int status = dg_batch_new(run->job, &run->batch, model, room);

    if (status != WEIR_OK)
        return status;
    guard = nn_guard_new(run->watched, run->terms, run->term, 0);
    status = guard ? steps(run, guard) : nn_report(run->job, model->graph);
    nn_guard_free(guard);
    if (status == WEIR_OK && model->cost.private && run->made < run->training->steps)
        status = dg_cost_of(run->job, model, run->made);
    return status;
}

int nn_doppelganger_train(weir_job *job, nn_doppelganger *model,
                          const nn_doppelganger_training *training)
{
    int64_t done = weir_resumed(job) - training->before;
    dg_run run = {.job = job, .model = model, .training = training, .made = done > 0 ? done : 0};
    int status = check_training(job, training);

    run.total = training->total > 0 ? training->total : training->before + training->steps;
    if (status == WEIR_OK)
        status =
            dg_cost(job, &model->settings, training->data.count, training->steps, &model->cost);
    if (status == WEIR_OK)
        status = prepare(&run);
    model->in_training = true;
    if (status == WEIR_OK)
        status = run_it(&run);
    model->in_training = false;
    if (status == WEIR_OK)
        log_cost(job, &model->cost);
    if (training->made)
        *training->made = run.made;
    dg_batch_free(&run.batch);
    dg_private_free(&run);
    for (int i = 0; i < DG_PROGRAMS; i++)
        nn_program_free(run.programs[i]);
    dg_order_free(&model->order);
    return status == WEIR_OK ? finish(job, model) : status;
}
