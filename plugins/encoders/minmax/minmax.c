/* minmax: columns scaled to [0, 1] by their range in training. */
#include <weir/sampling.h>

struct options {
    weir_list columns;
};

static const weir_option options[] = {
    WEIR_LIST(struct options, columns, "",
              "columns to scale; empty: all numbers but addresses, ports and proto"),
    WEIR_END};

static int fit(weir_job *job, const weir_dataset *train, void *state)
{
    return weir_scale_fit(job, train, ((const struct options *)weir_options(job))->columns, state);
}

static int encode(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out)
{
    return weir_scale_encode(job, state, data, rows, n, out);
}

static int decode(weir_job *job, const void *state, const float *in, size_t n, weir_table *out)
{
    return weir_scale_decode(job, state, in, n, out);
}

static int save(weir_job *job, const void *state, weir_archive *to)
{
    return weir_scale_save(job, state, to);
}

static int load(weir_job *job, void *state, const weir_archive *from)
{
    return weir_scale_load(job, state, from);
}

WEIR_ENCODER(minmax, .summary = "Columns scaled to [0, 1] by their training range",
             .options = options, .options_size = sizeof(struct options),
             .state_size = sizeof(weir_scale), .accepts = WEIR_ANY_SCHEMA, .deterministic = true,
             .unit = WEIR_PER_ROW, .fit = fit, .encode = encode, .decode = decode, .save = save,
             .load = load);
