/* The fit: noise is added to images at a random step, and the network learns to tell it. */
#include <math.h>

#include "model.h"

#define SHAPE(...) ((const int64_t[]){__VA_ARGS__})

enum { MOST_KEPT = 1 << 28 }; /* numbers of images that are kept for the whole fit: 1 GiB */

/* The graph of a training step, and the memory of its batch. */
struct run {
    struct training data;
    nn_node *image, *label, *length, *loss;
    nn_program *program;
    nn_real *images, *labels, *lengths; /* [batch][pixels], [batch], [batch] */
};

/* ---- Encoder ----------------------------------------------------------------------------------*/

int open_images(weir_job *job, const struct model *m, weir_encoder **encoder, int64_t *side)
{
    const weir_layout *layout;
    uint32_t pixels;

    *encoder = weir_encoder_open(job, "images");
    if (!*encoder)
        return weir_job_error(job)->status;
    layout = weir_encoder_layout(*encoder);
    pixels = layout ? layout->width / m->channel_count : 0;
    *side = (int64_t)llround(sqrt(pixels));
    if (!layout || weir_encoder_unit(*encoder) != WEIR_PER_ROW ||
        pixels * m->channel_count != layout->width || *side * *side != pixels || *side < 2)
        return weir_fail(job, WEIR_EOPTION,
                         "the encoder in role 'images' gives %u numbers a series; images of N x N "
                         "pixels and %u channels are needed",
                         layout ? layout->width : 0, m->channel_count);
    for (uint32_t i = 0; i < layout->count; i++)
        if (layout->segments[i].activation != WEIR_SIGMOID)
            return weir_fail(
                job, WEIR_EOPTION,
                "the encoder in role 'images' gives values of '%s' that are not in [0, "
                "1], as those of an image are",
                layout->segments[i].name);
    return WEIR_OK;
}

static int fit_images(struct training *t, int64_t *side)
{
    const struct options *o = weir_options(t->job);

    *side = o->side;
    if (o->dimension == 1)
        return WEIR_OK;
    t->encoder = weir_encoder_open(t->job, "images");
    if (!t->encoder)
        return weir_job_error(t->job)->status;
    if (!weir_resumed(t->job) && weir_encoder_fit(t->encoder, t->kept) != WEIR_OK)
        return weir_job_error(t->job)->status;
    return open_images(t->job, t->model, &t->encoder, side);
}

/* All images at once, if there is room for them. */
static int keep_images(struct training *t)
{
    size_t n = (size_t)t->model->series, pixels = pixel_count(&t->model->design);
    int status = WEIR_OK;

    if (pixels > MOST_KEPT / n)
        return WEIR_OK;
    t->images = weir_alloc(t->job, n * pixels, sizeof *t->images);
    if (!t->images)
        return weir_job_error(t->job)->status;
    for (uint32_t i = 0; status == WEIR_OK && i < n; i++) {
        status = images_of(t, &i, 1, t->images + i * pixels);
        if (status == WEIR_OK)
            status = weir_progress(t->job, 0, 0);
    }
    return status;
}

/* ---- The graph --------------------------------------------------------------------------------*/

/* E |noise - told(sqrt(left) x + sqrt(1 - left) noise, t)|^2, t uniform (Ho et al. 2020, eq. 14);
 * or the velocity in the noise's place. */
static nn_node *loss_of(weir_job *job, const struct design *d, struct run *run, nn_graph *g)
{
    const struct options *o = weir_options(job);
    int64_t batch = o->batch, steps = o->diffusion_steps;
    const int64_t image[] = {batch, d->height, d->width, d->channels};
    double *left = weir_alloc(job, (size_t)steps, sizeof *left);
    nn_node *t, *noise, *noisy, *wanted, *dropped, *label;

    if (!left)
        return NULL;
    schedule(o->schedule, steps, left);
    run->image = nn_input(g, "image", 4, image);
    run->label = nn_input(g, "label", 1, &batch);
    run->length = nn_input(g, "length", 1, &batch);
    t = nn_floor(nn_scale(nn_noise_uniform(g, "training.step", 1, &batch), (double)steps));
    noise = nn_noise_normal(g, "training.noise", 4, image);
    noisy = noised(run->image, t, noise, left, steps);
    wanted = o->predict == VELOCITY ? velocity(run->image, t, noise, left, steps) : noise;
    dropped = nn_step(
        nn_shift(nn_neg(nn_noise_uniform(g, "training.drop", 1, &batch)), o->label_dropout));
    label = nn_select(dropped, nn_scalar(g, (double)d->labels), run->label);
    return run->loss = nn_mse(unet(d, noisy, t, label, run->length), wanted);
}

static nn_node *rate_of(const struct options *o, nn_node *step)
{
    nn_node *rate = o->decay == HALF_COSINE
                        ? nn_schedule_cosine(step, o->learning_rate, 0, (double)o->steps)
                        : nn_scalar(nn_graph_of(step), o->learning_rate);

    return o->warmup > 0 ? nn_schedule_warmup(step, rate, (double)o->warmup) : rate;
}

static int build(weir_job *job, struct model *m, struct run *run)
{
    const struct options *o = weir_options(job);
    nn_adam_options adam = {
        .rate = o->learning_rate, .weight_decay = o->weight_decay, .update = {.clip = o->clip}};
    nn_graph *g = nn_graph_for(job);
    nn_node *average, *loss, *counted = NULL;
    nn_node *step[3];

    if (!g)
        return weir_job_error(job)->status;
    nn_graph_free(m->graph); /* a sampler's, if the fit goes on from a checkpoint */
    m->graph = g;
    loss = loss_of(job, &m->design, run, g);
    if (!loss)
        return weir_job_error(job)->status;
    if (o->decay == HALF_COSINE || o->warmup > 0)
        adam.update.rate = rate_of(o, nn_counter(g, "training.steps", &counted));
    step[0] = loss;
    step[1] = nn_adamw(loss, "net.", &adam);
    step[2] = counted;
    average = nn_ema(g, "net.", o->ema);
    if (weir_resumed(job) && nn_get(job, m->from, g, "", "net") != WEIR_OK)
        return weir_job_error(job)->status;
    if (weir_progress(job, 0, o->steps) != WEIR_OK)
        return WEIR_ECANCEL;
    run->program =
        nn_compile(g, 2, (nn_stage[]){{"step", counted ? 3 : 2, step}, {"average", 1, &average}});
    return nn_report(job, g);
}

/* ---- Steps ------------------------------------------------------------------------------------*/

/* Series are drawn one by one, each as likely as any other. */
static int next_batch(weir_job *job, struct run *run)
{
    const struct options *o = weir_options(job);
    const struct training *t = &run->data;
    const struct model *m = t->model;
    size_t pixels = pixel_count(&m->design), batch = (size_t)o->batch;
    weir_random *random = weir_stream(job, "batches");

    for (size_t i = 0; i < batch; i++) {
        uint32_t row = t->rows[i] = (uint32_t)weir_random_below(random, m->series);
        run->labels[i] = (nn_real)m->drawn[2 * row];
        run->lengths[i] = (nn_real)m->drawn[2 * row + 1] / (nn_real)m->steps;
        for (size_t k = 0; t->images && k < pixels; k++)
            run->images[i * pixels + k] = (nn_real)t->images[row * pixels + k];
    }
    if (!t->images && images_of(t, t->rows, batch, run->images) != WEIR_OK)
        return weir_job_error(job)->status;
    nn_write(run->image, run->images);
    nn_write(run->label, run->labels);
    nn_write(run->length, run->lengths);
    return WEIR_OK;
}

static int train(weir_job *job, struct model *m, struct run *run, nn_guard *guard)
{
    const struct options *o = weir_options(job);
    int64_t step = weir_resumed(job), each = (o->steps + 9) / 10;
    int status = WEIR_OK;

    while (status == WEIR_OK && !weir_stage_ends(job, step, o->steps, 1)) {
        step++;
        status = next_batch(job, run);
        if (status == WEIR_OK) {
            nn_run(run->program, 0);
            nn_run(run->program, 1);
            status = nn_watch(job, guard, step);
        }
        if (status == WEIR_OK && step % each == 0)
            status = weir_checkpoint(job, m, step);
        if (status == WEIR_OK)
            status = weir_progress(job, step < o->steps ? step : o->steps, o->steps);
    }
    if (status == WEIR_OK && step > 0)
        nn_ema_swap(m->graph, "net.");
    return status == WEIR_OK ? nn_report(job, m->graph) : status;
}

static int allocate(weir_job *job, struct run *run, const struct design *d)
{
    const struct options *o = weir_options(job);
    size_t batch = (size_t)o->batch;

    run->data.rows = weir_alloc(job, batch, sizeof *run->data.rows);
    run->images = weir_alloc(job, batch * pixel_count(d), sizeof *run->images);
    run->labels = weir_alloc(job, 2 * batch, sizeof *run->labels);
    run->lengths = run->labels + batch;
    if (!run->data.rows || !run->images || !run->labels)
        return weir_job_error(job)->status;
    return WEIR_OK;
}

static int run_it(weir_job *job, struct model *m, struct run *run)
{
    nn_term term = {"loss", run->loss, "net."};
    nn_guard *guard = nn_guard_new(run->program, 1, &term, 0);
    int status = guard ? WEIR_OK : nn_report(job, m->graph);

    m->unfinished = true;
    if (status == WEIR_OK)
        status = train(job, m, run, guard);
    m->unfinished = false;
    nn_guard_free(guard);
    return status;
}

static int64_t weights_of(nn_graph *g)
{
    nn_node *parameter[4096];
    int n = nn_parameters(g, "net.", 4096, parameter);
    int64_t sum = 0;

    for (int i = 0; i < n && i < 4096; i++)
        sum += nn_count(parameter[i]);
    return sum;
}

int fit(weir_job *job, const weir_dataset *train_set, void *model)
{
    const struct options *o = weir_options(job);
    struct model *m = model;
    weir_dataset *of_flows = NULL;
    struct run run = {0};
    int64_t side = 0;
    int status = WEIR_OK;

    if (o->guidance != 0 && o->guidance != 1 && !(o->label_dropout > 0))
        return weir_fail(job, WEIR_EOPTION,
                         "guidance = %g needs a network that also knows no label: label_dropout "
                         "above 0",
                         o->guidance);
    weir_table_free(m->owned);
    m->owned = NULL;
    if (weir_dataset_schema(train_set) == WEIR_PACKETS)
        status = flows_as_series(job, train_set, m, &of_flows);
    if (status == WEIR_OK)
        status = learn(job, of_flows ? of_flows : train_set, m, &run.data);
    weir_dataset_free(of_flows);
    if (status == WEIR_OK)
        status = fit_images(&run.data, &side);
    if (status == WEIR_OK)
        status = plan(job, m, side);
    if (status == WEIR_OK)
        status = keep_images(&run.data);
    if (status == WEIR_OK)
        status = allocate(job, &run, &m->design);
    if (status == WEIR_OK)
        status = build(job, m, &run);
    if (status == WEIR_OK) {
        const struct design *d = &m->design;
        weir_log(job, "%lld x %lld x %lld, %lld levels: %lld weights", (long long)d->height,
                 (long long)d->width, (long long)d->channels, (long long)d->levels,
                 (long long)weights_of(m->graph));
        status = run_it(job, m, &run);
    }
    weir_dataset_free(run.data.kept);
    return status;
}
