/* Sampling series: labels in the proportions of training, then their values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sampling.h>

#include "model.h"

enum { BLOCK = 256, PATIENCE = 20 }; /* draws of attributes for each series that is wanted */

/* How many of n series each label is to have: as in training, the largest remainders rounded up. */
static int quotas(weir_job *job, const struct model *m, size_t n, uint64_t *quota)
{
    uint32_t labels = label_count(m);
    double *rest = weir_alloc(job, labels, sizeof *rest), each = (double)n / (double)m->series;
    size_t given = 0;

    if (!rest)
        return weir_job_error(job)->status;
    for (uint32_t i = 0; i < labels; i++) {
        quota[i] = (uint64_t)floor((double)m->counts[i] * each);
        rest[i] = (double)m->counts[i] * each - (double)quota[i];
        given += quota[i];
    }
    for (; given < n; given++) {
        uint32_t most = 0;
        for (uint32_t i = 1; i < labels; i++)
            if (rest[i] > rest[most])
                most = i;
        quota[most]++;
        rest[most] = -1;
    }
    return WEIR_OK;
}

static uint32_t label_of(const struct model *m, const nn_real *attributes)
{
    uint32_t label = 0;

    while (label + 1 < label_count(m) && attributes[label] == 0)
        label++;
    return label;
}

/* Attributes for n series: as the network draws them, those of a label that has had its share
 * passed over; labels that it draws too rarely are put onto what it draws. */
static int draw_attributes(weir_job *job, const struct model *m, nn_doppelganger_sampler *sampler,
                           size_t n, size_t width, nn_real *out)
{
    uint32_t labels = label_count(m), missing = 0;
    nn_real *block = weir_alloc(job, BLOCK * width, sizeof *block);
    uint64_t *quota = weir_alloc(job, labels, sizeof *quota);
    size_t made = 0, drawn = 0;
    int status = WEIR_OK;

    if (!block || !quota || (m->counts && quotas(job, m, n, quota) != WEIR_OK))
        return weir_job_error(job)->status;
    for (; status == WEIR_OK && made < n; drawn += BLOCK) {
        bool forced = drawn > PATIENCE * (n + BLOCK);
        status = nn_doppelganger_attributes(sampler, BLOCK, block);
        for (size_t i = 0; status == WEIR_OK && i < BLOCK && made < n; i++) {
            nn_real *one = block + i * width;
            uint32_t label = label_of(m, one);
            if (m->counts && !quota[label]) {
                if (!forced)
                    continue;
                one[label] = 0;
                for (label = 0; !quota[label];)
                    label++;
                one[label] = 1;
                missing++;
            }
            if (m->counts)
                quota[label]--;
            memcpy(out + made++ * width, one, width * sizeof *one);
        }
        if (status == WEIR_OK)
            status = weir_progress(job, (int64_t)(made / 2), (int64_t)n);
    }
    if (missing)
        weir_log(job, "%u of %zu series have a label that the network hardly ever draws", missing,
                 n);
    return status;
}

static int draw_series(weir_job *job, const struct model *m, nn_doppelganger_sampler *sampler,
                       const nn_real *attributes, size_t width, size_t n, weir_table *out)
{
    const weir_series_shape *shape = weir_table_series(out);
    size_t each = 0, row = (size_t)shape->steps * shape->channels;
    nn_real *features;
    int status = WEIR_OK;

    for (uint32_t c = 0; c < m->channel_count; c++)
        each += m->channels[c].choices ? m->channels[c].choices : 1;
    features = weir_alloc(job, BLOCK * m->length * each, sizeof *features);
    if (!features)
        return weir_job_error(job)->status;
    for (size_t first = 0; status == WEIR_OK && first < n; first += BLOCK) {
        size_t here = n - first < BLOCK ? n - first : BLOCK;
        const nn_real *given = attributes + first * width;
        uint32_t *lengths = weir_u32_out(out, "length") + first;
        status = nn_doppelganger_features(sampler, here, given, features, lengths);
        for (size_t i = 0; status == WEIR_OK && i < here; i++) {
            const char *text =
                weir_category_text(m->labels, "label", label_of(m, given + i * width));
            decode(m, given + i * width, features + i * m->length * each, lengths[i],
                   weir_f32_out(out, "values") + (first + i) * row);
            weir_codes_out(out, "label")[first + i] =
                weir_category_add(out, "label", text ? text : "", weir_job_error(job));
            status = weir_job_error(job)->status;
        }
        if (status == WEIR_OK)
            status = weir_progress(job, (int64_t)((n + first + here) / 2), (int64_t)n);
    }
    return status;
}

int sample(weir_job *job, const void *model, const weir_request *request, weir_table *out)
{
    const struct model *m = model;
    size_t n = request->series > 0 ? (size_t)request->series : m->series, width = label_count(m);
    weir_error *error = weir_job_error(job);
    nn_doppelganger_sampler *sampler;
    nn_real *attributes;
    int status;

    for (uint32_t c = 0; m->by_series && c < m->channel_count; c++)
        width += m->channels[c].choices ? 0 : 2;
    if (weir_request_check(request, WEIR_SERIES, error) != WEIR_OK ||
        weir_table_resize(out, n, error) != WEIR_OK)
        return error->status;
    if (weir_table_series(out)->channels != m->channel_count ||
        weir_table_series(out)->steps < m->length)
        return weir_fail(job, WEIR_EDATA,
                         "the table has %u channels of %u steps, the model %u of %u",
                         weir_table_series(out)->channels, weir_table_series(out)->steps,
                         m->channel_count, m->length);
    attributes = weir_alloc(job, n * width, sizeof *attributes);
    sampler = attributes ? nn_doppelganger_sampler_new(job, m->net, BLOCK, "series") : NULL;
    if (!sampler)
        return error->status;
    status = draw_attributes(job, m, sampler, n, width, attributes);
    if (status == WEIR_OK)
        status = draw_series(job, m, sampler, attributes, width, n, out);
    nn_doppelganger_sampler_free(sampler);
    return status;
}
