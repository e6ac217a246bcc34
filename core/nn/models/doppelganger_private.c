/* DP-SGD for DoppelGANger's critics (Abadi et al., CCS 2016; Yin et al., SIGCOMM 2022): a Poisson
 * sample for each round of each critic, each sequence's gradient clipped, noise on the sum. The
 * generator learns from the critics' scores of what it makes, and from nothing else. */
#include "nn/models/dg.h"
#include <stdlib.h>
#include <string.h>

enum { GRADIENT_BYTES = 128 << 20 }; /* of the examples at once */

static const char *const critics[2] = {"critic", "attribute_critic"};

static double rate_of(const dg_run *run)
{
    return run->model->cost.mechanism[0].rate;
}

/* ---- The graph --------------------------------------------------------------------------------*/

/* An input of one example [1][width], or of all [micro][1][width]. */
static nn_node *input(nn_graph *g, const char *critic, const char *name, int64_t micro,
                      int64_t width)
{
    name = nn_namef(g, "real.%s.%s%s", critic, name, micro ? "" : ".one");
    return micro ? nn_input(g, name, 3, (int64_t[]){micro, 1, width})
                 : nn_input(g, name, 2, (int64_t[]){1, width});
}

static nn_node *each(nn_node *rows)
{
    return nn_reshape(rows, 3, (int64_t[]){nn_size(rows, 0), 1, nn_size(rows, 1)});
}

/* What of a critic's input is real or made: attributes, and behind records if it sees them. */
static nn_node *seen(bool records, nn_node *const *parts)
{
    return records ? dg_join(parts[1], parts[0]) : parts[0];
}

/* The private update of a critic: stages "add", for each micro-batch of a sample, and "apply". */
static int build_critic(dg_run *run, int which)
{
    nn_doppelganger *model = run->model;
    const nn_doppelganger_settings *s = &model->settings;
    nn_graph *g = model->graph;
    dg_side *side = &run->sides[which];
    const char *name = critics[which], *prefix = nn_namef(g, "%s.", name);
    int64_t widths[] = {model->attributes.width, dg_records(model) * model->records.width};
    int parts = side->records ? 2 : 1;
    nn_adam_options adam = dg_adam_options(model);
    nn_private_options options = {.clip = s->privacy.clip,
                                  .noise = model->cost.mechanism[which].noise,
                                  .expected = rate_of(run) * run->training->data.count,
                                  .adam = &adam};
    nn_node *one[4], *all[4], *loss; /* real attributes (and records), then made ones */
    dg_attributes made;

    for (int i = 0; i < 2 * parts; i++)
        one[i] = input(g, name, nn_namef(g, "%d", i), 0, widths[i % parts]);
    loss = dg_judge(seen(side->records, one), seen(side->records, one + parts), model, name).loss;
    if (!run->micro) {
        int64_t fit = nn_private_examples(g, prefix, (int64_t)side->max, GRADIENT_BYTES);
        run->micro = fit < 2 ? 2 : fit; /* batch norm's least */
    }
    made = dg_make_attributes(g, model, run->micro, name);
    all[0] = side->real_attributes = input(g, name, "attributes", run->micro, widths[0]);
    all[parts] = each(made.soft);
    if (side->records) {
        all[1] = side->real_records = input(g, name, "records", run->micro, widths[1]);
        all[3] = each(dg_make_records(made.chosen, model, name).records);
    }
    options.examples = run->micro;
    options.inputs = 2 * parts;
    options.one = one;
    options.all = all;
    side->step = nn_private_step(loss, prefix, &options);
    const nn_stage stage[] = {{"add", 1, &side->step.accumulate}, {"apply", 1, &side->step.apply}};
    run->programs[which] = nn_compile(g, 2, stage);
    return nn_report(run->job, g);
}

static int build_generator(dg_run *run)
{
    nn_doppelganger *model = run->model;
    nn_graph *g = model->graph;
    dg_attributes attributes = dg_make_attributes(g, model, model->settings.batch, "training");
    dg_made made = dg_make_records(attributes.chosen, model, "training");
    nn_node *loss = dg_generator_loss(
        model, dg_critic(dg_join(made.records, attributes.soft), model, critics[0]),
        dg_critic(attributes.soft, model, critics[1]));
    nn_node *first[] = {attributes.soft, nn_updates(g, "generator.")}, *update[2], *average;
    nn_stage stage[DG_GENERATOR_STEPS + 2] = {{"attributes", 2, first}};
    int stages = 1 + dg_generator_stages(g, model, loss, stage + 1, update, &average);

    run->programs[2] = run->watched = nn_compile(g, stages, stage);
    run->terms = 1; /* the critics' losses are of real sequences, without noise */
    run->term[0] = (nn_term){"generator", loss, "generator."};
    return nn_report(run->job, g);
}

int dg_private_build(dg_run *run)
{
    uint64_t max = nn_poisson_max(run->training->data.count, rate_of(run));
    int status = WEIR_OK;

    for (int i = 0; status == WEIR_OK && i < 2; i++) {
        dg_side *side = &run->sides[i];
        side->records = i == 0;
        side->max = max;
        side->rows = calloc(max, sizeof *side->rows);
        side->mask = calloc(max, sizeof *side->mask);
        status = side->rows && side->mask ? build_critic(run, i)
                                          : weir_error_memory(weir_job_error(run->job),
                                                              max * sizeof *side->rows, "a sample");
    }
    return status == WEIR_OK ? build_generator(run) : status;
}

void dg_private_free(dg_run *run)
{
    for (int i = 0; i < 2; i++) {
        free(run->sides[i].rows);
        free(run->sides[i].mask);
    }
}

/* ---- A step -----------------------------------------------------------------------------------*/

/* Adds the gradients of sequences first … first + n - 1 of a sample, n of them at most micro. */
static int add(dg_run *run, int which, uint64_t first, uint64_t n)
{
    dg_side *side = &run->sides[which];
    dg_batch *batch = &run->batch;
    int status;

    memcpy(batch->rows, side->rows + first, n * sizeof *batch->rows);
    status = dg_batch_fill(run->job, batch, run->model, &run->training->data, n, side->records);
    if (status != WEIR_OK)
        return status;
    for (uint64_t i = 0; i < batch->room; i++)
        batch->mask[i] = i < n;
    nn_write(side->step.mask, batch->mask);
    nn_write(side->real_attributes, batch->attributes);
    if (side->records)
        nn_write(side->real_records, batch->records);
    nn_run(run->programs[which], 0);
    return dg_progress(run);
}

static int round_of(dg_run *run, int which)
{
    dg_side *side = &run->sides[which];
    uint64_t drawn, micro = (uint64_t)run->micro;
    weir_error *error = weir_job_error(run->job);
    int status = nn_poisson_sample(weir_stream(run->job, critics[which]), run->training->data.count,
                                   rate_of(run), side->max, side->rows, side->mask, &drawn, error);

    if (status == WEIR_OK && drawn == 0) /* nobody: noise alone */
        status = add(run, which, 0, 0);
    for (uint64_t i = 0; status == WEIR_OK && i < drawn; i += micro)
        status = add(run, which, i, drawn - i < micro ? drawn - i : micro);
    if (status == WEIR_OK)
        nn_run(run->programs[which], 1);
    return status;
}

int dg_private_step(dg_run *run)
{
    const nn_doppelganger_settings *s = &run->model->settings;
    int stages = 1 + (int)s->generator_steps + (s->ema > 0), status = WEIR_OK;

    for (int64_t i = 0; status == WEIR_OK && i < s->critic_steps; i++) {
        status = round_of(run, 0);
        if (status == WEIR_OK)
            status = round_of(run, 1);
    }
    for (int i = 0; status == WEIR_OK && i < stages; i++)
        nn_run(run->programs[2], i);
    return status == WEIR_OK ? nn_report(run->job, run->model->graph) : status;
}
