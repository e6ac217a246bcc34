/* When flows and their packets are: the times of training, how many packets a step has, places in
 * steps, a flow's place in the trace. */
#include <math.h>
#include <stdlib.h>

#include "sampler.h"

static int by_rest(const void *a, const void *b)
{
    const struct cascade_share *x = a, *y = b;

    if (x->rest != y->rest)
        return x->rest > y->rest ? -1 : 1;
    return (x->step > y->step) - (x->step < y->step);
}

void cascade_rescale(uint32_t *counts, uint32_t n, uint64_t total, struct cascade_share *shares)
{
    uint64_t sum = 0, given = 0;
    uint32_t first = n, last = 0, used = 0;
    double weight = 0, left;

    for (uint32_t t = 0; t < n; t++) {
        sum += counts[t];
        if (counts[t] > 0) {
            first = t < first ? t : first;
            last = t;
        }
    }
    if (sum == total || sum == 0)
        return;
    /* One for each end, what is left in proportion to what is lacking. */
    for (uint32_t t = first; t <= last; t++) {
        bool kept = t == first || (t == last && total > 1);
        double wanted = counts[t] * ((double)total / (double)sum) - kept;

        if (counts[t] == 0)
            continue;
        counts[t] = kept;
        given += kept;
        shares[used++] = (struct cascade_share){fmax(wanted, 0), t};
        weight += fmax(wanted, 0);
    }
    left = (double)(total - given);
    for (uint32_t i = 0; i < used && weight > 0; i++) {
        double exact = left * (shares[i].rest / weight), whole = floor(exact);

        whole = fmin(whole, (double)(total - given)); /* sums are rounded */
        counts[shares[i].step] += (uint32_t)whole;
        given += (uint64_t)whole;
        shares[i].rest = exact - whole;
    }
    qsort(shares, used, sizeof *shares, by_rest);
    for (uint32_t i = 0; given < total; i = i + 1 < used ? i + 1 : 0, given++)
        counts[shares[i].step]++;
}

double cascade_position(int timestamps, double position, double median, double half, uint32_t i,
                        uint32_t n)
{
    if (timestamps == TIMES_SUB_PERIOD)
        return weir_step_spread(median, half, i, n);
    return timestamps == TIMES_EQUIDISTANT ? (i + 1.0) / (n + 1.0) : position;
}

/* From start to end; where all are at one time, evenly. */
static void stretch(const struct cascade_wanted *wanted, double *times, size_t n, double low,
                    double high)
{
    double start = wanted->x[COND_START], span = wanted->x[COND_END] - start;

    for (size_t i = 0; i < n; i++) {
        double at = high > low ? (times[i] - low) / (high - low)
                    : n > 1    ? (double)i / (double)(n - 1)
                               : 0;

        times[i] = start + rint(at * span);
    }
}

bool cascade_retime(const struct cascade_conditions *self, const struct cascade_wanted *wanted,
                    bool conform, double *times, size_t n)
{
    double low = INFINITY, high = -INFINITY, by, inside;

    for (size_t i = 0; i < n; i++) {
        low = fmin(low, times[i]);
        high = fmax(high, times[i]);
    }
    if (conform) {
        stretch(wanted, times, n, low, high);
        return false;
    }
    by = (wanted->x[COND_START] + wanted->x[COND_END]) / 2 - (low + high) / 2 * self->width;
    inside = fmax(fmin(by, self->length - high * self->width), -low * self->width);
    for (size_t i = 0; i < n; i++)
        times[i] = fmin(fmax(rint(times[i] * self->width + inside), 0), self->length);
    return fabs(by - inside) >= 1;
}

int cascade_exact_times(weir_job *job, const struct cascade_conditions *self,
                        const weir_dataset *train, const weir_steps *steps,
                        struct cascade_wanted *flows)
{
    const weir_flows *of = weir_dataset_flows(train, weir_job_error(job));

    for (uint32_t f = 0; of && f < self->flows; f++) {
        const uint32_t first = of->rows[of->offsets[f]], last = of->rows[of->offsets[f + 1] - 1];

        if (self->at[COND_START] >= 0)
            flows[f].x[COND_START] =
                (double)((uint64_t)steps->times[first] - (uint64_t)steps->first);
        if (self->at[COND_END] >= 0)
            flows[f].x[COND_END] = (double)((uint64_t)steps->times[last] - (uint64_t)steps->first);
    }
    return weir_job_error(job)->status;
}
