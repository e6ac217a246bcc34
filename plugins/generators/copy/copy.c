/* copy: the training rows themselves. A canary: every distance to it must be nought, every overlap
 * one. */
#include <weir/sampling.h>

static int sample(weir_job *job, const void *model, const weir_request *request, weir_table *out)
{
    const weir_kept *self = model;

    return weir_repeat(job, self->train, request, out);
}

WEIR_GENERATOR(copy, .summary = "The training rows themselves (a canary, not a generator)",
               .state_size = sizeof(weir_kept), .accepts = WEIR_ANY_SCHEMA, .deterministic = true,
               .produces = WEIR_TIMESTAMPS | WEIR_FLOWS | WEIR_LABELS | WEIR_SERIES,
               .fit = weir_kept_fit, .sample = sample, .save = weir_kept_save,
               .load = weir_kept_load, .free = weir_kept_free);
