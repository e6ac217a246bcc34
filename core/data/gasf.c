/* A series as an image and back: fields by area, the diagonal inverted. The encoder gasf and what
 * looks at images of series share it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/gasf.h>

#include "gasf_solve.h"

/* ---- Learn ----------------------------------------------------------------------------------- */

static const weir_series_shape *shape_of(const weir_dataset *data)
{
    return weir_table_series(weir_dataset_table(data));
}

static int refuse(weir_job *job, const weir_gasf *gasf, const weir_dataset *data, size_t row,
                  size_t at, float value)
{
    const weir_series_shape *shape = shape_of(data);
    size_t channel = at % shape->channels;

    return weir_fail(job, WEIR_EDATA, "series %zu, step %zu: %s is %g; %s", row + 1,
                     at / shape->channels + 1, shape->names[channel], (double)value,
                     gasf->channel[channel].direction > 0
                         ? "in training it is a direction, whose values are 1, -1 or 0"
                         : "only a direction, whose values are all 1, -1 or 0, may be negative");
}

static bool is_direction(float value)
{
    return fabsf(value) <= 0 || fabsf(fabsf(value) - 1) <= 0;
}

static void learn(weir_gasf *gasf, const float *values, size_t count)
{
    bool negative[WEIR_MAX_CHANNELS] = {false}, other[WEIR_MAX_CHANNELS] = {false};

    for (size_t i = 0; i < count; i++) {
        weir_gasf_channel *channel = &gasf->channel[i % gasf->channels];
        float value = values[i];

        negative[i % gasf->channels] |= value < 0;
        other[i % gasf->channels] |= !is_direction(value);
        channel->largest = fmaxf(channel->largest, value);
        if (value > 0 && (!(channel->least > 0) || value < channel->least))
            channel->least = value;
    }
    for (size_t c = 0; c < gasf->channels; c++)
        gasf->channel[c].direction = negative[c] && !other[c];
}

/* Directions that are 0 before a series' end. */
static void learn_pauses(weir_gasf *gasf, const float *values, const uint32_t *lengths, size_t rows)
{
    size_t channels = gasf->channels;

    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < channels * gasf->steps; k++) {
            weir_gasf_channel *channel = &gasf->channel[k % channels];
            bool ended = lengths && k >= channels * lengths[i];
            if (channel->direction > 0 && !ended &&
                fabsf(values[i * channels * gasf->steps + k]) <= 0)
                channel->direction = 2;
        }
}

/* Whether an image can hold a value. */
static bool has_pixel(const weir_gasf *gasf, size_t at, float value)
{
    const weir_gasf_channel *channel = &gasf->channel[at % gasf->channels];

    return channel->direction > 0 ? is_direction(value) : value >= 0;
}

int weir_gasf_learn(weir_job *job, weir_gasf *gasf, const weir_dataset *train)
{
    const weir_series_shape *shape = shape_of(train);
    size_t rows = weir_dataset_rows(train), each;
    const float *values = weir_f32(weir_dataset_table(train), "values");

    if (gasf->side < 2 || !(gasf->gamma > 0) || !(gasf->amplitude > 0))
        return weir_fail(job, WEIR_EOPTION,
                         "images of %u pixels a side, gamma %g, amplitude %g; wanted: 2 or more, "
                         "above 0, above 0",
                         gasf->side, gasf->gamma, gasf->amplitude);
    if (!shape)
        return weir_fail(job, WEIR_EDATA, "no series");
    if (!rows)
        return weir_fail(job, WEIR_EDATA, "no rows to learn from");
    gasf->steps = shape->steps;
    gasf->channels = shape->channels;
    memset(gasf->channel, 0, sizeof gasf->channel);
    each = (size_t)gasf->steps * gasf->channels;
    learn(gasf, values, rows * each);
    for (size_t i = 0; i < rows * each; i++)
        if (!has_pixel(gasf, i % each, values[i]))
            return refuse(job, gasf, train, i / each, i % each, values[i]);
    learn_pauses(gasf, values, weir_u32(weir_dataset_table(train), "length"), rows);
    return WEIR_OK;
}

/* ---- Encode ---------------------------------------------------------------------------------- */

/* Room for one channel of one image. */
struct canvas {
    size_t steps, side, count;
    double power; /* 2 gamma */
    float amplitude;
    float *low, *high; /* [steps]: sine and cosine of half the angle whose sine is the value */
    float *line;       /* [steps]: a row of the field */
    float *narrow;     /* [side]: the same, resized */
    float *image;      /* [side][side] */
    struct gasf_part *parts; /* [count]: how a line is resized by area, by source cell */
    int64_t done, all;       /* series */
};

/* In units of 1 / (n m), where the bounds of all cells are whole. */
size_t gasf_cut(size_t n, size_t m, struct gasf_part *parts)
{
    size_t low = 0, count = 0;

    for (size_t from = 0, to = 0; from < n && to < m;) {
        size_t source = (from + 1) * m, target = (to + 1) * n;
        size_t end = source < target ? source : target;

        parts[count++] =
            (struct gasf_part){(uint32_t)from, (uint32_t)to, (float)(end - low) / (float)n};
        low = end;
        from += end == source;
        to += end == target;
    }
    return count;
}

static void close_canvas(struct canvas *canvas)
{
    free(canvas->low);
    free(canvas->parts);
}

static int open_canvas(weir_job *job, const weir_gasf *gasf, struct canvas *canvas)
{
    size_t steps = gasf->steps, side = gasf->side;
    float *memory = malloc((3 * steps + side + side * side) * sizeof *memory);

    *canvas = (struct canvas){.steps = steps,
                              .side = side,
                              .power = 2 * gasf->gamma,
                              .amplitude = (float)gasf->amplitude,
                              .low = memory,
                              .parts = malloc((steps + side) * sizeof *canvas->parts)};
    if (!memory || !canvas->parts) {
        close_canvas(canvas);
        return weir_fail(job, WEIR_ENOMEM, "out of memory (an image of %zu x %zu)", side, side);
    }
    canvas->high = memory + steps;
    canvas->line = canvas->high + steps;
    canvas->narrow = canvas->line + steps;
    canvas->image = canvas->narrow + side;
    canvas->count = gasf_cut(steps, side, canvas->parts);
    return WEIR_OK;
}

void gasf_resize(const struct gasf_part *parts, size_t count, const float *line, size_t m,
                 float *out)
{
    memset(out, 0, m * sizeof *out);
    for (const struct gasf_part *p = parts; p < parts + count; p++)
        out[p->to] += p->share * line[p->from];
}

void gasf_halves(double unit, float *low, float *high)
{
    double half = asin(unit) / 2;

    *low = (float)sin(half);
    *high = (float)cos(half);
}

/* With sin p = x, G = cos(acos x + acos y) is 2 sin^2((p + q) / 2) - 1: a sum of positive terms, so
 * that nothing cancels near 0. */
void gasf_row(float low, float high, const float *lows, const float *highs, size_t n, double power,
              float *out)
{
    for (size_t j = 0; j < n; j++)
        out[j] = fminf(low * highs[j] + high * lows[j], 1);
    if (fabs(power - 0.5) <= 0)
        for (size_t j = 0; j < n; j++)
            out[j] = sqrtf(out[j]);
    else
        for (size_t j = 0; j < n; j++)
            out[j] = powf(out[j], (float)power);
}

static int paint(weir_job *job, const struct canvas *canvas)
{
    size_t m = canvas->side;
    const struct gasf_part *part = canvas->parts, *end = part + canvas->count;

    memset(canvas->image, 0, m * m * sizeof *canvas->image);
    for (size_t i = 0; i < canvas->steps; i++) {
        if (i % 64 == 63 && weir_progress(job, canvas->done, canvas->all))
            return WEIR_ECANCEL;
        gasf_row(canvas->low[i], canvas->high[i], canvas->low, canvas->high, canvas->steps,
                 canvas->power, canvas->line);
        gasf_resize(canvas->parts, canvas->count, canvas->line, m, canvas->narrow);
        for (; part < end && part->from == i; part++)
            for (size_t k = 0; k < m; k++)
                canvas->image[part->to * m + k] += part->share * canvas->narrow[k];
    }
    return WEIR_OK;
}

/* A value of the channel in [0, 1]. */
static double unit_of(const weir_gasf_channel *channel, float value)
{
    if (channel->direction > 0)
        return ((double)value + 1) / 2;
    return channel->largest > 0 ? fmin((double)value / (double)channel->largest, 1) : 0;
}

static int encode_row(weir_job *job, const weir_gasf *gasf, const struct canvas *canvas,
                      const float *values, float *out)
{
    size_t channels = gasf->channels, pixels = canvas->side * canvas->side;

    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < canvas->steps; i++)
            gasf_halves(unit_of(&gasf->channel[c], values[i * channels + c]), &canvas->low[i],
                        &canvas->high[i]);
        if (paint(job, canvas))
            return WEIR_ECANCEL;
        for (size_t p = 0; p < pixels; p++)
            out[p * channels + c] = canvas->amplitude * fminf(canvas->image[p], 1);
    }
    return WEIR_OK;
}

static int same_shape(weir_job *job, const weir_gasf *gasf, const weir_series_shape *shape)
{
    if (shape && shape->steps == gasf->steps && shape->channels == gasf->channels)
        return WEIR_OK;
    if (!shape)
        return weir_fail(job, WEIR_EDATA, "no series");
    return weir_fail(job, WEIR_EDATA,
                     "series of %u steps and %u channels; those of training have %u and %u",
                     shape->steps, shape->channels, gasf->steps, gasf->channels);
}

int weir_gasf_encode(weir_job *job, const weir_gasf *gasf, const weir_dataset *data,
                     const uint32_t *rows, size_t n, float *out)
{
    size_t each = (size_t)gasf->steps * gasf->channels, width;
    const float *values = weir_f32(weir_dataset_table(data), "values");
    struct canvas canvas = {0};
    int status;

    if (same_shape(job, gasf, shape_of(data)) || open_canvas(job, gasf, &canvas))
        return weir_job_error(job)->status;
    width = canvas.side * canvas.side * gasf->channels;
    canvas.all = (int64_t)n;
    status = WEIR_OK;
    for (size_t i = 0; i < n && !status; i++) {
        const float *row = values + rows[i] * each;

        canvas.done = (int64_t)i;
        status = weir_progress(job, canvas.done, canvas.all) ? WEIR_ECANCEL : WEIR_OK;
        for (size_t k = 0; k < each && !status; k++)
            if (!has_pixel(gasf, k, row[k]))
                status = refuse(job, gasf, data, rows[i], k, row[k]);
        if (!status)
            status = encode_row(job, gasf, &canvas, row, out + i * width);
    }
    close_canvas(&canvas);
    return status;
}

/* ---- Decode ---------------------------------------------------------------------------------- */

/* The value of a channel that 0 … 1 stands for. */
static float value_of(const weir_gasf_channel *channel, double unit)
{
    double value = unit * (double)channel->largest;

    if (channel->direction > 0)
        return unit < 0.25 ? -1 : unit > 0.75 ? 1 : 0;
    return value < (double)channel->least / 2 ? 0 : (float)value;
}

/* The diagonal of a channel as values in [0, 1]: the inverse of gamma, and of G = 2 x^2 - 1. */
static void read_diagonal(const weir_gasf *gasf, const float *image, double *out)
{
    size_t side = gasf->side;

    for (size_t i = 0; i < side; i++) {
        double pixel = (double)image[i * (side + 1) * gasf->channels] / gasf->amplitude;

        out[i] = pow(fmin(fmax(pixel, 0), 1), 1 / (2 * gasf->gamma));
    }
}

/* The diagonal at step i of n: on the line through the middles of the two cells nearest to it. */
static double at_step(const double *diagonal, size_t m, size_t i, size_t n)
{
    double at = ((double)i + 0.5) / (double)n * (double)m - 0.5;
    size_t cell = at > 0 ? (size_t)at : 0;

    if (cell + 2 > m)
        cell = m - 2;
    at = diagonal[cell] + (at - (double)cell) * (diagonal[cell + 1] - diagonal[cell]);
    return fmin(fmax(at, 0), 1);
}

static int open_columns(weir_job *job, const weir_gasf *gasf, weir_table *out, size_t n,
                        float **values, uint32_t **lengths)
{
    size_t each = (size_t)gasf->steps * gasf->channels;
    weir_error *error = weir_job_error(job);

    if (weir_table_rows(out) < n)
        return weir_fail(job, WEIR_EBUG, "%zu rows to decode into a table of %zu", n,
                         weir_table_rows(out));
    if (weir_table_schema(out) == WEIR_SERIES) {
        if (same_shape(job, gasf, weir_table_series(out)))
            return error->status;
    } else if ((weir_table_find(out, "values") < 0 &&
                weir_table_add(out, "values", WEIR_F32, each, error)) ||
               (weir_table_find(out, "length") < 0 &&
                weir_table_add(out, "length", WEIR_U32, 1, error))) {
        return error->status;
    }
    *values = weir_f32_out(out, "values");
    *lengths = weir_u32_out(out, "length");
    if (!*values || !*lengths)
        return weir_fail(job, WEIR_EDATA,
                         "the columns values (f32) and length (u32) are of "
                         "another type here");
    return WEIR_OK;
}

/* The diagonal as a start, and what comes nearest to all of the image. A direction starts as one of
 * those that it may take. */
static int solve(weir_job *job, const weir_gasf *gasf, struct gasf_solver *solver,
                 const float *image, size_t channel, size_t end, double *unit)
{
    float kind = gasf->channel[channel].direction;

    /* where no end is known, zeros behind it are to be found too */
    if (kind > 0 && end == gasf->steps + 1)
        kind = 2;
    for (size_t i = 0; i < gasf->steps; i++)
        if (kind > 0)
            unit[i] = i >= end ? 0.5 : kind > 1 ? rint(2 * unit[i]) / 2 : (unit[i] < 0.5 ? 0 : 1);
        else if (i >= end)
            unit[i] = 0;
    return gasf_solve(job, solver, image + channel, gasf->channels, gasf->passes, kind, end, unit);
}

/* One series; `end`: its length, steps + 1 if that is not known. Its length as it turns out. */
static int decode_row(weir_job *job, const weir_gasf *gasf, struct gasf_solver *solver,
                      const float *image, size_t end, double *room, float *to, uint32_t *length)
{
    size_t steps = gasf->steps;
    double *unit = room + gasf->side;

    *length = 0;
    for (size_t c = 0; c < gasf->channels; c++) {
        read_diagonal(gasf, image + c, room);
        for (size_t i = 0; i < steps; i++)
            unit[i] = at_step(room, gasf->side, i, steps);
        if (solver && solve(job, gasf, solver, image, c, end, unit))
            return WEIR_ECANCEL;
        for (size_t i = 0; i < steps; i++) {
            float value = value_of(&gasf->channel[c], unit[i]);

            to[i * gasf->channels + c] = value;
            if (fabsf(value) > 0 && *length <= i)
                *length = (uint32_t)i + 1;
        }
    }
    return WEIR_OK;
}

int weir_gasf_decode(weir_job *job, const weir_gasf *gasf, const float *in, size_t n,
                     weir_table *out)
{
    size_t steps = gasf->steps, side = gasf->side, each = steps * gasf->channels;
    /* where no pixel is a mean, the diagonal is exact */
    bool averaged = side % steps != 0;
    struct gasf_solver *solver = NULL;
    float *values = NULL;
    uint32_t *lengths = NULL;
    double *room;
    int status = WEIR_OK;

    if (open_columns(job, gasf, out, n, &values, &lengths))
        return weir_job_error(job)->status;
    room = malloc((side + steps) * sizeof *room);
    if (gasf->passes && averaged)
        solver = gasf_solver_open(gasf);
    if (!room || (gasf->passes && averaged && !solver))
        status = weir_fail(job, WEIR_ENOMEM, "out of memory (an image of %zu x %zu)", side, side);
    for (size_t row = 0; row < n && !status; row++) {
        size_t end = lengths[row] > 0 && lengths[row] <= steps ? lengths[row] : steps + 1;

        status = decode_row(job, gasf, solver, in + row * side * side * gasf->channels, end, room,
                            values + row * each, &lengths[row]);
    }
    gasf_solver_close(solver);
    free(room);
    return status;
}
