/* What the classifiers see: classes from labels, images or series from values. */
#include "fingerprint.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/gasf.h>

static const char *const part_names[FP_PARTS] = {"the real training data", "the synthetic data",
                                                 "the real test data"};

#define BLOCK 64 /* series imaged at a time */

/* ---- Classes --------------------------------------------------------------------------------- */

/* A label's first components, as many as the level says; all for 0. */
static size_t cut(const char *label, int64_t level)
{
    const char *at = label;

    for (int64_t i = 0; i < level || !level; i++) {
        at += strcspn(at, "/");
        if (!*at || i + 1 == level)
            break;
        at++;
    }
    return (size_t)(at - label);
}

uint32_t fp_class(const struct fp_data *data, const char *label)
{
    for (uint32_t c = 0; c < data->classes; c++)
        if (!strcmp(data->names[c], label))
            return c;
    return UINT32_MAX;
}

static uint32_t add_class(weir_job *job, struct fp_data *data, const char *label, size_t length)
{
    char *text = weir_alloc(job, length + 1, 1);
    uint32_t class;

    if (!text)
        return UINT32_MAX;
    memcpy(text, label, length);
    class = fp_class(data, text);
    if (class == UINT32_MAX) {
        class = data->classes++;
        data->names[class] = text;
    }
    return class;
}

/* Codes are a table's own: classes are matched by their text. */
static int read_classes(weir_job *job, const weir_dataset *const part[FP_PARTS],
                        struct fp_data *data)
{
    const struct fp_options *o = weir_options(job);
    size_t most = 0;

    for (int p = 0; p < FP_PARTS; p++)
        most += weir_category_count(weir_dataset_table(part[p]), "label");
    data->class = weir_alloc(job, data->begin[FP_PARTS], sizeof *data->class);
    data->names = weir_alloc(job, most + 1, sizeof *data->names);
    if (!data->class || !data->names)
        return weir_job_error(job)->status;
    for (int p = 0; p < FP_PARTS; p++) {
        const weir_table *table = weir_dataset_table(part[p]);
        const uint32_t *codes = weir_codes(table, "label");
        uint32_t n = weir_category_count(table, "label");
        uint32_t *class = weir_alloc(job, (size_t)n + 1, sizeof *class);

        if (!class || !codes)
            return weir_fail(job, WEIR_EDATA, "%s has no labels", part_names[p]);
        memset(class, 0xff, ((size_t)n + 1) * sizeof *class); /* only labels that rows have */
        for (size_t i = 0; i < fp_rows(data, (enum fp_part)p); i++) {
            uint32_t code = codes[i];
            const char *label = weir_category_text(table, "label", code);

            if (!label || !*label)
                return weir_fail(job, WEIR_EDATA, "%s: series %zu has no label", part_names[p],
                                 i + 1);
            if (class[code] == UINT32_MAX)
                class[code] = add_class(job, data, label, cut(label, o->level));
            if (class[code] == UINT32_MAX)
                return weir_job_error(job)->status;
            data->class[data->begin[p] + i] = class[code];
        }
    }
    return WEIR_OK;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static bool is_direction(float value)
{
    return fabsf(value) <= 0 || fabsf(fabsf(value) - 1) <= 0;
}

static int check_finite(weir_job *job, const weir_dataset *data, const char *name)
{
    const weir_series_shape *shape = weir_table_series(weir_dataset_table(data));
    const float *values = weir_f32(weir_dataset_table(data), "values");
    size_t each = (size_t)shape->steps * shape->channels;

    for (size_t i = 0; i < weir_dataset_rows(data) * each; i++)
        if (!isfinite(values[i]))
            return weir_fail(job, WEIR_EDATA, "%s: series %zu, step %zu: %s is not finite", name,
                             i / each + 1, i % each / shape->channels + 1,
                             shape->names[i % shape->channels]);
    return WEIR_OK;
}

/* Synthetic values as an image can hold them: a direction is rounded to -1, 0 or 1, what is
 * negative elsewhere becomes 0. NULL on failure; the caller frees it. */
static weir_dataset *mend(weir_job *job, const weir_gasf *gasf, const weir_dataset *synthetic)
{
    weir_error *error = weir_job_error(job);
    weir_table *table = weir_table_clone(weir_dataset_table(synthetic), error);
    size_t each = (size_t)gasf->steps * gasf->channels, directions = 0, negative = 0;
    size_t n = weir_dataset_rows(synthetic) * each;
    float *values = table ? weir_f32_out(table, "values") : NULL;

    if (!values) {
        weir_table_free(table);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        float value = values[i];

        if (gasf->channel[i % gasf->channels].direction > 0) {
            values[i] = value < -0.5f ? -1 : value > 0.5f ? 1 : 0;
            directions += !is_direction(value);
        } else if (value < 0) {
            values[i] = 0;
            negative++;
        }
    }
    if (directions || negative)
        weir_log(job,
                 "of %zu synthetic values %zu were no direction and are rounded to -1, 0 or 1, "
                 "%zu were negative and count as 0",
                 n, directions, negative);
    return weir_dataset_new(table, error);
}

/* ---- Images and series ----------------------------------------------------------------------- */

/* Images of the rows from `at`, cropped to the top left, into data. block: [BLOCK][side][side]. */
static int add_images(weir_job *job, const weir_gasf *gasf, const weir_dataset *part, size_t begin,
                      float *block, struct fp_data *data)
{
    size_t n = weir_dataset_rows(part), side = gasf->side, channels = data->channels;
    size_t height = data->height, width = data->width;
    uint32_t rows[BLOCK];

    for (size_t at = 0; at < n; at += BLOCK) {
        size_t count = n - at < BLOCK ? n - at : BLOCK;

        for (size_t i = 0; i < count; i++)
            rows[i] = (uint32_t)(at + i);
        if (weir_gasf_encode(job, gasf, part, rows, count, block))
            return weir_job_error(job)->status ? (int)weir_job_error(job)->status : WEIR_ECANCEL;
        for (size_t i = 0; i < count; i++) {
            const float *image = block + i * side * side * channels;
            size_t row = begin + at + i;
            float *x = data->x ? data->x + row * height * width * channels : NULL;
            float *flat = data->flat ? data->flat + row * data->places : NULL;

            for (size_t y = 0; y < height; y++) {
                const float *line = image + y * side * channels;

                if (x)
                    memcpy(x + y * width * channels, line, width * channels * sizeof *x);
                if (flat) { /* a field is symmetric */
                    memcpy(flat, line + y * channels, (width - y) * channels * sizeof *flat);
                    flat += (width - y) * channels;
                }
            }
        }
    }
    return WEIR_OK;
}

static int add_series(weir_job *job, const weir_gasf *gasf, const weir_dataset *part, size_t begin,
                      struct fp_data *data)
{
    const float *values = weir_f32(weir_dataset_table(part), "values");
    size_t each = (size_t)gasf->steps * gasf->channels;

    for (size_t i = 0; i < weir_dataset_rows(part); i++) {
        if (i % 1024 == 1023 && weir_progress(job, 0, 1))
            return WEIR_ECANCEL;
        for (size_t k = 0; k < data->places; k++) {
            const weir_gasf_channel *channel = &gasf->channel[k % gasf->channels];
            float value = values[i * each + k];

            if (channel->direction > 0)
                value = (value + 1) / 2;
            else
                value = channel->largest > 0 ? fminf(value / channel->largest, 1) : 0;
            if (data->x)
                data->x[(begin + i) * data->places + k] = value;
            if (data->flat)
                data->flat[(begin + i) * data->places + k] = value;
        }
    }
    return WEIR_OK;
}

/* The shape of what is seen: the first part of the series, half a step or more being one. */
static void shape_inputs(const struct fp_options *o, const weir_gasf *gasf, struct fp_data *data)
{
    size_t all = o->input == FP_SERIES ? gasf->steps : gasf->side;
    size_t seen = (size_t)floor((double)all * o->first + 0.5);

    seen = seen > 1 ? seen : 1;
    data->channels = gasf->channels;
    data->height = (uint32_t)seen;
    data->width = o->input == FP_SERIES ? 1 : (uint32_t)seen;
    data->places =
        o->input == FP_SERIES ? seen * gasf->channels : seen * (seen + 1) / 2 * gasf->channels;
}

static int fill_inputs(weir_job *job, const weir_gasf *gasf,
                       const weir_dataset *const part[FP_PARTS], struct fp_data *data)
{
    const struct fp_options *o = weir_options(job);
    float *block = NULL;
    int status = WEIR_OK;

    if (o->input == FP_IMAGES) {
        block = malloc(BLOCK * (size_t)gasf->side * gasf->side * gasf->channels * sizeof *block);
        if (!block)
            return weir_fail(job, WEIR_ENOMEM, "out of memory (images)");
    }
    for (int p = 0; p < FP_PARTS && !status; p++) {
        status = block ? add_images(job, gasf, part[p], data->begin[p], block, data)
                       : add_series(job, gasf, part[p], data->begin[p], data);
        weir_error_prefix(weir_job_error(job), "%s: ", part_names[p]);
    }
    free(block);
    return status;
}

static int open_inputs(weir_job *job, const weir_dataset *const part[FP_PARTS], bool networks,
                       bool others, struct fp_data *data)
{
    const struct fp_options *o = weir_options(job);
    uint32_t steps = weir_table_series(weir_dataset_table(part[FP_REAL]))->steps;
    weir_gasf gasf = {.gamma = 0.25, .amplitude = 1};
    const weir_dataset *parts[FP_PARTS];
    weir_dataset *mended;
    size_t rows = data->begin[FP_PARTS];
    int status;

    gasf.side = o->side ? (uint32_t)o->side : steps < 32 ? steps : 32;
    gasf.side = gasf.side < 2 ? 2 : gasf.side;
    if (weir_gasf_learn(job, &gasf, part[FP_REAL]))
        return weir_job_error(job)->status;
    shape_inputs(o, &gasf, data);
    if (networks)
        data->x =
            weir_alloc(job, rows * data->height * data->width * data->channels, sizeof(float));
    if (others)
        data->flat = weir_alloc(job, rows * data->places, sizeof(float));
    if ((networks && !data->x) || (others && !data->flat))
        return weir_job_error(job)->status;
    mended = mend(job, &gasf, part[FP_SYNTHETIC]);
    if (!mended)
        return weir_job_error(job)->status;
    memcpy(parts, part, sizeof parts);
    parts[FP_SYNTHETIC] = mended;
    status = fill_inputs(job, &gasf, parts, data);
    weir_dataset_free(mended);
    return status;
}

int fp_data_open(weir_job *job, const weir_dataset *const part[FP_PARTS], bool networks,
                 bool others, struct fp_data *data)
{
    const weir_series_shape *real = weir_table_series(weir_dataset_table(part[FP_REAL]));
    const weir_series_shape *test = weir_table_series(weir_dataset_table(part[FP_TEST]));

    *data = (struct fp_data){0};
    if (!real || !test || real->steps != test->steps || real->channels != test->channels)
        return weir_fail(job, WEIR_EDATA,
                         "the real test data has series of another shape than the real training "
                         "data; both must be the same");
    for (int p = 0; p < FP_PARTS; p++) {
        data->begin[p + 1] = data->begin[p] + weir_dataset_rows(part[p]);
        if (check_finite(job, part[p], part_names[p]))
            return weir_job_error(job)->status;
    }
    if (read_classes(job, part, data))
        return weir_job_error(job)->status;
    return open_inputs(job, part, networks, others, data);
}
