/* Distances between distributions: earth mover's and Jensen-Shannon; and the curves to look at. */
#include "stats/sort.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/stats.h>

/* ---- Earth mover's distance ------------------------------------------------------------------ */

double weir_emd_sorted(const double *a, size_t n_a, const double *b, size_t n_b)
{
    double sum = 0, size_a = (double)n_a, size_b = (double)n_b;
    double last = a[0] < b[0] ? a[0] : b[0];
    size_t i = 0, j = 0;

    /* Between two neighbouring values of the pooled sample, F_a = i / n_a and F_b = j / n_b. */
    while (i < n_a && j < n_b) {
        double next = a[i] <= b[j] ? a[i] : b[j];

        sum += fabs((double)i * size_b - (double)j * size_a) * (next - last);
        last = next;
        if (a[i] <= b[j])
            i++;
        else
            j++;
    }
    for (; i < n_a; i++) {
        sum += (size_a - (double)i) * size_b * (a[i] - last);
        last = a[i];
    }
    for (; j < n_b; j++) {
        sum += (size_b - (double)j) * size_a * (b[j] - last);
        last = b[j];
    }
    return sum / size_a / size_b;
}

double weir_emd(const double *a, size_t n_a, const double *b, size_t n_b, weir_error *error)
{
    double *copy, result = NAN;

    if (!n_a || !n_b) {
        weir_error_set(error, WEIR_EDATA, "the earth mover's distance of an empty sample");
        return NAN;
    }
    copy = malloc((n_a + n_b) * sizeof *copy);
    if (!copy) {
        weir_error_memory(error, (n_a + n_b) * sizeof *copy, "two samples");
        return NAN;
    }
    memcpy(copy, a, n_a * sizeof *copy);
    memcpy(copy + n_a, b, n_b * sizeof *copy);
    if (!weir_sort(copy, n_a, error) && !weir_sort(copy + n_a, n_b, error))
        result = weir_emd_sorted(copy, n_a, copy + n_a, n_b);
    free(copy);
    return result;
}

/* ---- Jensen-Shannon divergence --------------------------------------------------------------- */

/* What one value of the support adds, twice, in nats. */
static double jsd_term(double p, double q)
{
    double middle = (p + q) / 2, sum = 0;

    if (p > 0)
        sum += p * log(p / middle);
    if (q > 0)
        sum += q * log(q / middle);
    return sum;
}

static double jsd_result(double twice, double base)
{
    return twice <= 0 ? 0 : twice / 2 / log(base);
}

double weir_jsd(const double *p, const double *q, size_t n, double base)
{
    double sum_p = 0, sum_q = 0, sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum_p += p[i];
        sum_q += q[i];
    }
    for (size_t i = 0; i < n; i++)
        sum += jsd_term(p[i] / sum_p, q[i] / sum_q);
    return jsd_result(sum, base);
}

/* Two samples of codes, sorted: a copy that the caller frees, a first, then b. NULL on failure. */
static uint32_t *sorted_codes(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b,
                              weir_error *error)
{
    size_t scratch = n_a > n_b ? n_a : n_b, bytes = (n_a + n_b + scratch) * sizeof(uint32_t);
    uint32_t *codes;

    if (!n_a || !n_b) {
        weir_error_set(error, WEIR_EDATA, "the Jensen-Shannon divergence of an empty sample");
        return NULL;
    }
    codes = malloc(bytes);
    if (!codes) {
        weir_error_memory(error, bytes, "two samples");
        return NULL;
    }
    memcpy(codes, a, n_a * sizeof *codes);
    memcpy(codes + n_a, b, n_b * sizeof *codes);
    weir_sort_codes(codes, codes + n_a + n_b, n_a);
    weir_sort_codes(codes + n_a, codes + n_a + n_b, n_b);
    return codes;
}

/* Length of the run of equal codes that starts at i. */
static size_t run_length(const uint32_t *codes, size_t i, size_t n)
{
    size_t end = i;

    while (end < n && codes[end] == codes[i])
        end++;
    return end - i;
}

double weir_jsd_codes(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, double base,
                      weir_error *error)
{
    uint32_t *x = sorted_codes(a, n_a, b, n_b, error), *y = x ? x + n_a : NULL;
    double sum = 0;
    size_t i = 0, j = 0;

    if (!x)
        return NAN;
    while (i < n_a || j < n_b) {
        bool in_x = i < n_a && (j == n_b || x[i] <= y[j]);
        bool in_y = j < n_b && (i == n_a || y[j] <= x[i]);
        size_t p = in_x ? run_length(x, i, n_a) : 0, q = in_y ? run_length(y, j, n_b) : 0;

        sum += jsd_term((double)p / (double)n_a, (double)q / (double)n_b);
        i += p;
        j += q;
    }
    free(x);
    return jsd_result(sum, base);
}

static int compare_descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x < y) - (x > y);
}

/* How often each distinct code occurs, most frequent first, into counts; the number of them. */
static size_t count_ranks(const uint32_t *codes, size_t n, double *counts)
{
    size_t distinct = 0;

    for (size_t i = 0; i < n;) {
        size_t run = run_length(codes, i, n);

        counts[distinct++] = (double)run;
        i += run;
    }
    qsort(counts, distinct, sizeof *counts, compare_descending);
    return distinct;
}

double weir_jsd_ranks(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, double base,
                      weir_error *error)
{
    uint32_t *codes = sorted_codes(a, n_a, b, n_b, error);
    size_t most = n_a > n_b ? n_a : n_b, ranks_a, ranks_b;
    double *counts, result;

    if (!codes)
        return NAN;
    counts = calloc(2 * most, sizeof *counts);
    if (!counts) {
        free(codes);
        weir_error_memory(error, 2 * most * sizeof *counts, "counts");
        return NAN;
    }
    ranks_a = count_ranks(codes, n_a, counts);
    ranks_b = count_ranks(codes + n_a, n_b, counts + most);
    result = weir_jsd(counts, counts + most, ranks_a > ranks_b ? ranks_a : ranks_b, base);
    free(counts);
    free(codes);
    return result;
}

/* ---- Curves ---------------------------------------------------------------------------------- */

/* Share of ascending values that are <= x. */
static double share_up_to(const double *values, size_t n, double x)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (values[middle] <= x)
            low = middle + 1;
        else
            high = middle;
    }
    return (double)low / (double)n;
}

weir_table *weir_cdf_table(const double *real, size_t n_real, const double *synthetic,
                           size_t n_synthetic, size_t points, weir_error *error)
{
    size_t half = points / 2 + 1, rows = 2 * half, distinct = 0;
    weir_table *table = weir_table_new(0, rows, error);
    double *x, *f_real, *f_synthetic;

    if (!table || weir_table_add(table, "x", WEIR_F64, 1, error) ||
        weir_table_add(table, "real", WEIR_F64, 1, error) ||
        weir_table_add(table, "synthetic", WEIR_F64, 1, error))
        goto fail;
    x = weir_f64_out(table, "x");
    for (size_t i = 0; i < half; i++) {
        double q = half > 1 ? (double)i / (double)(half - 1) : 0;

        /* Values that occur, so that a step is drawn where it is. */
        x[i] = real[(size_t)(q * (double)(n_real - 1))];
        x[half + i] = synthetic[(size_t)(q * (double)(n_synthetic - 1))];
    }
    if (weir_sort(x, rows, error))
        goto fail;
    for (size_t i = 0; i < rows; i++)
        if (!i || x[i] != x[distinct - 1])
            x[distinct++] = x[i];
    if (weir_table_resize(table, distinct, error))
        goto fail;
    x = weir_f64_out(table, "x");
    f_real = weir_f64_out(table, "real");
    f_synthetic = weir_f64_out(table, "synthetic");
    for (size_t i = 0; i < distinct; i++) {
        f_real[i] = share_up_to(real, n_real, x[i]);
        f_synthetic[i] = share_up_to(synthetic, n_synthetic, x[i]);
    }
    return table;

fail:
    weir_table_free(table);
    return NULL;
}
