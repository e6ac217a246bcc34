/* gasf: a series as an image, its Gramian angular summation field, and back along the diagonal.
 * README.md defines both; <weir/gasf.h> does them. */
#include <string.h>
#include <weir/gasf.h>

struct options {
    int64_t side;
    double gamma;
    double amplitude;
    int64_t passes;
};

static const weir_option options[] = {
    WEIR_INT(struct options, side, 32, 4, 512, "pixels of a side of the image"),
    WEIR_REAL(struct options, gamma, 0.25, 0.01, 10, "exponent of the gamma correction"),
    WEIR_REAL(struct options, amplitude, 1, 0.01, 1, "factor of the gamma correction"),
    WEIR_INT(struct options, passes, 0, 0, 16,
             "of decoding by the whole image; 0: by its diagonal alone"),
    WEIR_END};

static void set_options(weir_job *job, weir_gasf *gasf)
{
    const struct options *o = weir_options(job);

    gasf->side = (uint32_t)o->side;
    gasf->gamma = o->gamma;
    gasf->amplitude = o->amplitude;
    gasf->passes = (uint32_t)o->passes;
}

static int fit(weir_job *job, const weir_dataset *train, void *state)
{
    weir_gasf *gasf = state;
    int status;

    set_options(job, gasf);
    status = weir_gasf_learn(job, gasf, train);
    return status ? status
                  : weir_layout_add(job, "image", gasf->side * gasf->side * gasf->channels,
                                    WEIR_SIGMOID);
}

static int encode(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out)
{
    return weir_gasf_encode(job, state, data, rows, n, out);
}

static int decode(weir_job *job, const void *state, const float *in, size_t n, weir_table *out)
{
    return weir_gasf_decode(job, state, in, n, out);
}

/* ---- Save and load --------------------------------------------------------------------------- */

#define FACTS 3 /* of a channel */

static int save(weir_job *job, const void *state, weir_archive *to)
{
    const weir_gasf *gasf = state;
    const uint64_t shape[2] = {gasf->channels, FACTS};
    int status;

    (void)job;
    status = weir_put_number(to, "steps", gasf->steps);
    return status ? status : weir_put_array(to, "channels", WEIR_F32, 2, shape, gasf->channel);
}

static int load(weir_job *job, void *state, const weir_archive *from)
{
    weir_gasf *gasf = state;
    uint64_t shape[2] = {0, FACTS};
    const void *channels = weir_get_array(from, "channels", WEIR_F32, 2, shape);
    double steps;

    if (!channels || weir_get_number(from, "steps", &steps))
        return weir_job_error(job)->status;
    if (!(steps >= 1 && steps <= UINT32_MAX) || shape[0] < 1 || shape[0] > WEIR_MAX_CHANNELS)
        return weir_fail(job, WEIR_EDATA, "a state of %g steps and %zu channels", steps,
                         (size_t)shape[0]);
    set_options(job, gasf);
    gasf->steps = (uint32_t)steps;
    gasf->channels = (uint32_t)shape[0];
    memcpy(gasf->channel, channels, gasf->channels * sizeof gasf->channel[0]);
    return WEIR_OK;
}

WEIR_ENCODER(gasf, .summary = "series as images: Gramian angular summation fields",
             .reference = "Wang and Oates 2015; NetDiffus (Sivaroopan et al., 2023)",
             .options = options, .options_size = sizeof(struct options),
             .state_size = sizeof(weir_gasf), .accepts = WEIR_SERIES, .deterministic = true,
             .unit = WEIR_PER_ROW, .fit = fit, .encode = encode, .decode = decode, .save = save,
             .load = load);
