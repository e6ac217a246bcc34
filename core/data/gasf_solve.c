/* The series whose image is nearest to a given one, by coordinate descent: the resized field is a
 * sum over pairs of steps, so that one step's value changes the cells of that step alone. */
#include "gasf_solve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 2, LOOK = 16 }; /* over all steps a step size; between two looks at the job */
#define FIRST_MOVE 0.25         /* of a pixel of the diagonal */

/* With u = unit, sin(2 half) = u, a pixel of the field is (low_i high_j + high_i low_j)^power. */
struct gasf_solver {
    size_t steps, side;
    double power, amplitude;  /* power: 2 gamma */
    struct gasf_part *parts;  /* by step */
    size_t *first;            /* [steps + 1]: of a step's parts */
    float *low, *high;        /* [steps]: sine and cosine of half the angle */
    float *was, *line;        /* [steps]: a step's row of the field, now and as tried */
    float *narrow;            /* [steps][side]: rows of the field, resized */
    float *rest;              /* [side][side]: the image less the wanted one; symmetric */
    float *change, *accepted; /* [side]: what a trial adds to the step's narrow row */
};

void gasf_solver_close(struct gasf_solver *s)
{
    if (!s)
        return;
    free(s->parts);
    free(s->first);
    free(s->low);
    free(s);
}

struct gasf_solver *gasf_solver_open(const weir_gasf *gasf)
{
    size_t n = gasf->steps, m = gasf->side, count;
    struct gasf_solver *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->steps = n;
    s->side = m;
    s->power = 2 * gasf->gamma;
    s->amplitude = gasf->amplitude;
    s->parts = malloc((n + m) * sizeof *s->parts);
    s->first = malloc((n + 1) * sizeof *s->first);
    s->low = malloc((4 * n + n * m + m * m + 2 * m) * sizeof *s->low);
    if (!s->parts || !s->first || !s->low) {
        gasf_solver_close(s);
        return NULL;
    }
    s->high = s->low + n;
    s->was = s->high + n;
    s->line = s->was + n;
    s->narrow = s->line + n;
    s->rest = s->narrow + n * m;
    s->change = s->rest + m * m;
    s->accepted = s->change + m;
    count = gasf_cut(n, m, s->parts);
    for (size_t i = 0, k = 0; i <= n; i++) {
        while (k < count && s->parts[k].from < i)
            k++;
        s->first[i] = k;
    }
    return s;
}

/* ---- The field ------------------------------------------------------------------------------- */

/* Row `at` of the field, if its value had these halves. */
static void row_of(const struct gasf_solver *s, size_t at, float low, float high, float *line)
{
    gasf_row(low, high, s->low, s->high, s->steps, s->power, line);
    gasf_row(low, high, &low, &high, 1, s->power, &line[at]); /* beside itself */
}

static void narrow(const struct gasf_solver *s, const float *line, float *out)
{
    gasf_resize(s->parts, s->first[s->steps], line, s->side, out);
}

/* The field of `unit`, and what its image has more than the wanted one. */
static void begin(struct gasf_solver *s, const float *image, size_t stride, const double *unit)
{
    size_t m = s->side;

    for (size_t p = 0; p < m; p++)
        for (size_t q = 0; q < m; q++)
            s->rest[p * m + q] = -(image[(p * m + q) * stride] + image[(q * m + p) * stride]) / 2 /
                                 (float)s->amplitude;
    for (size_t i = 0; i < s->steps; i++)
        gasf_halves(unit[i], &s->low[i], &s->high[i]);
    for (size_t i = 0; i < s->steps; i++) {
        row_of(s, i, s->low[i], s->high[i], s->line);
        narrow(s, s->line, s->narrow + i * m);
        for (size_t k = s->first[i]; k < s->first[i + 1]; k++)
            for (size_t q = 0; q < m; q++)
                s->rest[s->parts[k].to * m + q] += s->parts[k].share * s->narrow[i * m + q];
    }
}

/* ---- A trial --------------------------------------------------------------------------------- */

/* How much the sum of squares falls if step `at` takes another value; the step's row is in
 * s->line then, what it adds in s->change. */
static double gain(struct gasf_solver *s, size_t at, double unit)
{
    const struct gasf_part *part = s->parts + s->first[at], *end = s->parts + s->first[at + 1];
    size_t m = s->side;
    float low, high, own, *change = s->change;
    double sum = 0;

    gasf_halves(unit, &low, &high);
    row_of(s, at, low, high, s->line);
    own = s->line[at] - s->was[at];
    narrow(s, s->line, change);
    for (size_t q = 0; q < m; q++)
        change[q] -= s->narrow[at * m + q];
    for (const struct gasf_part *p = part; p < end; p++) {
        const float *rest = s->rest + p->to * m;
        float twice = 0;
        /* a row of cells and the column that mirrors it; then the cells that are in both */
        for (size_t q = 0; q < m; q++) {
            float d = p->share * change[q];
            twice += d * (2 * rest[q] + d);
        }
        sum += 2 * (double)twice;
        for (const struct gasf_part *r = part; r < end; r++) {
            float d = p->share * change[r->to];
            float both = d + r->share * change[p->to] - own * p->share * r->share;
            sum += (double)(both * (2 * rest[r->to] + both) - 2 * d * (2 * rest[r->to] + d));
        }
    }
    return -sum;
}

/* The step takes the value: everything that hangs on it follows. */
static void take(struct gasf_solver *s, size_t at, double unit)
{
    const struct gasf_part *part = s->parts + s->first[at], *end = s->parts + s->first[at + 1];
    size_t m = s->side;
    float own;

    gain(s, at, unit);
    own = s->line[at] - s->was[at];
    for (const struct gasf_part *p = part; p < end; p++) {
        for (size_t q = 0; q < m; q++) {
            s->rest[p->to * m + q] += p->share * s->change[q];
            s->rest[q * m + p->to] += p->share * s->change[q];
        }
        for (const struct gasf_part *r = part; r < end; r++)
            s->rest[p->to * m + r->to] -= own * p->share * r->share;
        for (size_t j = 0; j < s->steps; j++)
            s->narrow[j * m + p->to] += p->share * (s->line[j] - s->was[j]);
    }
    gasf_halves(unit, &s->low[at], &s->high[at]);
    narrow(s, s->line, s->narrow + at * m);
    memcpy(s->was, s->line, s->steps * sizeof *s->was);
}

/* The best of the values that are tried, if it is better than what is there. */
static void improve(struct gasf_solver *s, size_t at, size_t count, const double *tried,
                    double *unit)
{
    double most = 1e-9, best = *unit;

    row_of(s, at, s->low[at], s->high[at], s->was);
    for (size_t i = 0; i < count; i++) {
        double less = fabs(tried[i] - *unit) > 0 ? gain(s, at, tried[i]) : 0;
        if (less > most) {
            most = less;
            best = tried[i];
        }
    }
    if (most > 1e-9) {
        take(s, at, best);
        *unit = best;
    }
}

/* The greatest that two numbers have in common. */
static size_t divisor(size_t a, size_t b)
{
    while (b) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

int gasf_solve(weir_job *job, struct gasf_solver *s, const float *image, size_t stride,
               uint32_t passes, float kind, size_t end, double *unit)
{
    static const double ways[] = {0, 1, 0.5};
    size_t n = s->steps, hop = (size_t)((double)n * 0.618) + 1, at = 0;
    double move = FIRST_MOVE;

    while (divisor(n, hop) > 1)
        hop--;
    begin(s, image, stride, unit);
    for (uint32_t pass = 0; pass < passes; pass++, move /= 2)
        for (size_t k = 0; k < ROUNDS * n; k++) {
            at = (at + hop) % n; /* not one after the other: no trend within a cell */
            if (k % LOOK == 0 && weir_progress(job, 0, 0))
                return WEIR_ECANCEL;
            if (at >= end)
                continue;
            if (kind > 0) {
                improve(s, at, kind > 1 ? 3 : 2, ways, &unit[at]);
            } else {
                double shown = pow(unit[at], s->power);
                double tried[] = {pow(fmin(shown + move, 1), 1 / s->power),
                                  pow(fmax(shown - move, 0), 1 / s->power)};
                improve(s, at, 2, tried, &unit[at]);
            }
        }
    return WEIR_OK;
}
