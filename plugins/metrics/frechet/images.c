/* Images of both sides, and what of them is drawn in the report. */
#include "frechet.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define EACH 3    /* images of a label and a side that are drawn */
#define LABELS 20 /* that are drawn, at most */
#define BINS 64

/* ---- Encode -----------------------------------------------------------------------------------
 */

/* The nearest value that an image can hold. */
static float legal(const weir_gasf_channel *channel, float value)
{
    if (channel->direction > 0)
        return value > 0.5f ? 1 : value < -0.5f ? -1 : 0;
    return value > 0 ? value : 0;
}

/* The synthetic series with every value that no image can hold moved to the nearest that one can: a
 * generator may leave a direction of 0.9 or a size of -3. The caller frees it. */
static weir_dataset *mend(weir_job *job, const weir_gasf *gasf, const weir_dataset *data)
{
    weir_error *error = weir_job_error(job);
    weir_table *table = weir_table_clone(weir_dataset_table(data), error);
    size_t count = weir_dataset_rows(data) * gasf->steps * gasf->channels, moved = 0;
    float *values = table ? weir_f32_out(table, "values") : NULL;

    for (size_t i = 0; i < count && table; i++) {
        float value = legal(&gasf->channel[i % gasf->channels], values[i]);

        moved += fabsf(value - values[i]) > 0;
        values[i] = value;
    }
    if (moved)
        weir_log(job,
                 "%zu of %zu synthetic values, which no image can hold, count as the nearest that "
                 "one can",
                 moved, count);
    return table ? weir_dataset_new(table, error) : NULL;
}

static int encode(weir_job *job, const weir_gasf *gasf, const weir_dataset *data, struct side *side)
{
    uint32_t *rows = weir_alloc(job, side->n, sizeof *rows);

    side->pixels = (size_t)gasf->side * gasf->side * gasf->channels;
    side->images = weir_alloc(job, side->n * side->pixels, sizeof *side->images);
    if (!rows || !side->images)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < side->n; i++)
        rows[i] = (uint32_t)i;
    return weir_gasf_encode(job, gasf, data, rows, side->n, side->images);
}

int images_open(weir_job *job, weir_gasf *gasf, struct side *real, struct side *synthetic)
{
    const struct options *o = weir_options(job);
    uint32_t steps = weir_table_series(weir_dataset_table(real->data))->steps;
    weir_dataset *mended;
    int status;

    gasf->side = o->side ? (uint32_t)o->side : steps < 2 ? 2 : steps < 32 ? steps : 32;
    gasf->gamma = o->gamma;
    gasf->amplitude = 1;
    status = weir_gasf_learn(job, gasf, real->data);
    if (!status)
        status = encode(job, gasf, real->data, real);
    if (status)
        return status;
    mended = mend(job, gasf, synthetic->data);
    if (!mended)
        return weir_job_error(job)->status;
    status = encode(job, gasf, mended, synthetic);
    weir_dataset_free(mended);
    return status;
}

/* ---- Draw -------------------------------------------------------------------------------------
 */

static int draw_pixels(weir_job *job, const struct side *real, const struct side *synthetic)
{
    weir_error *error = weir_job_error(job);
    weir_table *table = weir_table_new(0, BINS, error);
    const struct side *sides[] = {real, synthetic};
    static const char *const names[] = {"real", "synthetic"};
    int status;

    if (!table || weir_table_add(table, "intensity", WEIR_F64, 1, error) ||
        weir_table_add(table, names[0], WEIR_F64, 1, error) ||
        weir_table_add(table, names[1], WEIR_F64, 1, error)) {
        weir_table_free(table);
        return error->status;
    }
    for (size_t i = 0; i < BINS; i++)
        weir_f64_out(table, "intensity")[i] = ((double)i + 0.5) / BINS;
    for (int k = 0; k < 2; k++) {
        double *density = weir_f64_out(table, names[k]);
        size_t count = sides[k]->n * sides[k]->pixels;

        for (size_t i = 0; i < count; i++) {
            float at = sides[k]->images[i] * BINS;

            density[at >= BINS ? BINS - 1
                    : at > 0   ? (size_t)at
                               : 0] += (double)BINS / (double)count;
        }
    }
    status = weir_artefact(job, "pixels", WEIR_CURVE, table);
    weir_table_free(table);
    return status;
}

/* Puts one channel of an image into a row of the table. */
static int put_image(weir_table *table, size_t row, const weir_gasf *gasf, const char *channel,
                     size_t c, const float *image, const char *label, const char *group,
                     weir_error *error)
{
    size_t pixels = (size_t)gasf->side * gasf->side;
    float *to = weir_f32_out(table, "values") + row * pixels;
    char text[256];
    uint32_t named, grouped;

    for (size_t i = 0; i < pixels; i++)
        to[i] = image[i * gasf->channels + c];
    if (gasf->channels > 1)
        snprintf(text, sizeof text, "%s, %s", label, channel);
    else
        snprintf(text, sizeof text, "%s", label);
    named = weir_category_add(table, "label", text, error);
    grouped = weir_category_add(table, "group", group, error);
    if (named == UINT32_MAX || grouped == UINT32_MAX)
        return error->status;
    weir_u32_out(table, "height")[row] = weir_u32_out(table, "width")[row] = gasf->side;
    weir_codes_out(table, "label")[row] = named;
    weir_codes_out(table, "group")[row] = grouped;
    return WEIR_OK;
}

/* The first rows of a label, or of all where label is NULL; at most EACH. */
static size_t first_rows(const struct side *side, const char *label, uint32_t *room)
{
    size_t n = side->n;

    if (label)
        n = weir_dataset_labelled(side->data, label, room);
    for (size_t i = 0; i < n && i < EACH && !label; i++)
        room[i] = (uint32_t)i;
    return n < EACH ? n : EACH;
}

static int fill_images(const weir_gasf *gasf, const struct side *real, const struct side *synthetic,
                       const char *label, uint32_t *room, weir_table *table, size_t *at,
                       weir_error *error)
{
    const weir_series_shape *shape = weir_table_series(weir_dataset_table(real->data));
    const struct side *sides[] = {real, synthetic};

    for (size_t c = 0; c < gasf->channels; c++)
        for (int k = 0; k < 2; k++) {
            size_t n = first_rows(sides[k], label, room);

            for (size_t i = 0; i < n; i++, ++*at)
                if (weir_table_resize(table, *at + 1, error) ||
                    put_image(table, *at, gasf, shape->names[c], c,
                              sides[k]->images + room[i] * sides[k]->pixels, label ? label : "all",
                              k ? "synthetic" : "real", error))
                    return error->status;
        }
    return WEIR_OK;
}

static int draw_images(weir_job *job, const weir_gasf *gasf, const struct side *real,
                       const struct side *synthetic, bool labels)
{
    weir_error *error = weir_job_error(job);
    const weir_table *named = weir_dataset_table(real->data);
    weir_table *table = weir_table_new(0, 0, error);
    uint32_t *room = weir_alloc(job, real->n > synthetic->n ? real->n : synthetic->n, sizeof *room);
    size_t at = 0, drawn = 0;
    int status;

    if (!table || !room ||
        weir_table_add(table, "values", WEIR_F32, (size_t)gasf->side * gasf->side, error) ||
        weir_table_add(table, "height", WEIR_U32, 1, error) ||
        weir_table_add(table, "width", WEIR_U32, 1, error) ||
        weir_table_add(table, "label", WEIR_CATEGORY, 1, error) ||
        weir_table_add(table, "group", WEIR_CATEGORY, 1, error)) {
        weir_table_free(table);
        return error->status;
    }
    status = labels ? WEIR_OK : fill_images(gasf, real, synthetic, NULL, room, table, &at, error);
    for (uint32_t i = 0; labels && i < weir_category_count(named, "label") && !status; i++) {
        const char *label = weir_category_text(named, "label", i);

        if (drawn < LABELS && weir_dataset_labelled(real->data, label, NULL)) {
            status = fill_images(gasf, real, synthetic, label, room, table, &at, error);
            drawn++;
        }
    }
    if (!status)
        status = weir_artefact(job, "images", WEIR_IMAGES, table);
    weir_table_free(table);
    return status;
}

int images_draw(weir_job *job, const weir_gasf *gasf, const struct side *real,
                const struct side *synthetic, bool labels)
{
    int status = draw_pixels(job, real, synthetic);

    return status ? status : draw_images(job, gasf, real, synthetic, labels);
}
