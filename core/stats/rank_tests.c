/* Tests of two samples by ranks: Spearman, Kendall, Wilcoxon. Exact where there are few values, and
 * with the smallest p that the sizes and ties allow. */
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <weir/random.h>
#include <weir/stats.h>

#define EXACT_TAU 50   /* values without ties up to which inversions are counted */
#define EXACT_SIGNS 50 /* differences up to which all signs are tried */

double weir_least_p_orders(size_t n)
{
    double p = 2;

    for (size_t i = 2; i <= n && p > 0; i++)
        p /= (double)i;
    return fmin(p, 1);
}

double weir_least_p_signs(size_t n)
{
    return n ? ldexp(1, 1 - (int)(n < 1000 ? n : 1000)) : 1;
}

/* ---- Orders ---------------------------------------------------------------------------------- */

/* Two sides as integers: twice the rank, less twice the mean rank. */
struct pairs {
    size_t n;
    int64_t *a, *b;
};

/* A statistic of the pairs (a[i], b[order[i]]), 0 in the mean over all orders. */
typedef int64_t statistic(const struct pairs *pairs, const uint32_t *order);

static int64_t products(const struct pairs *pairs, const uint32_t *order)
{
    int64_t sum = 0;

    for (size_t i = 0; i < pairs->n; i++)
        sum += pairs->a[i] * pairs->b[order[i]];
    return sum;
}

static int64_t concordance(const struct pairs *pairs, const uint32_t *order)
{
    int64_t sum = 0;

    for (size_t i = 1; i < pairs->n; i++)
        for (size_t k = 0; k < i; k++) {
            int64_t a = pairs->a[i] - pairs->a[k], b = pairs->b[order[i]] - pairs->b[order[k]];

            sum += ((a > 0) - (a < 0)) * ((b > 0) - (b < 0));
        }
    return sum;
}

static int64_t size_of(int64_t value)
{
    return value < 0 ? -value : value;
}

/* All orders, by Heap's algorithm. */
static void try_all(const struct pairs *pairs, statistic *of, uint32_t *order, int64_t found,
                    weir_outcome *outcome)
{
    size_t n = pairs->n, turns[WEIR_EXACT_ORDERS] = {0}, at = 0;
    double hits = 0, all = 0, extreme = 0;
    int64_t largest = 0;

    do {
        int64_t size = size_of(of(pairs, order));

        all++;
        hits += size >= size_of(found);
        if (size > largest)
            extreme = 0;
        if (size >= largest) {
            largest = size;
            extreme++;
        }
        while (at < n && turns[at] >= at)
            turns[at++] = 0;
        if (at < n) {
            size_t from = at % 2 ? turns[at] : 0;
            uint32_t held = order[from];

            order[from] = order[at];
            order[at] = held;
            turns[at]++;
            at = 0;
            continue;
        }
        break;
    } while (true);
    outcome->p = hits / all;
    outcome->least = extreme / all;
    outcome->exact = true;
}

static void try_some(const struct pairs *pairs, statistic *of, uint32_t *order, int64_t found,
                     size_t resamples, uint64_t seed, weir_outcome *outcome)
{
    weir_random random = weir_random_new(seed, "orders");
    double hits = 1;

    for (size_t i = 0; i < resamples; i++) {
        weir_random_shuffle(&random, order, pairs->n);
        hits += size_of(of(pairs, order)) >= size_of(found);
    }
    outcome->p = hits / (double)(resamples + 1);
    outcome->least = 1 / (double)(resamples + 1);
}

static bool constant(const int64_t *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (values[i])
            return false;
    return true;
}

/* Fills pairs and an order that changes nothing; one block of memory, pairs->a, is to be freed. */
static int open_pairs(const double *a, const double *b, size_t n, struct pairs *pairs,
                      uint32_t **order, weir_error *error)
{
    double *ranks;
    int status;

    if (n < 3)
        return weir_error_set(error, WEIR_EDATA, "a rank correlation of %zu pairs; it needs 3", n);
    ranks = malloc(n * sizeof *ranks);
    *pairs = (struct pairs){n, malloc(n * (2 * sizeof(int64_t) + sizeof **order)), NULL};
    if (!ranks || !pairs->a) {
        free(ranks);
        free(pairs->a);
        return weir_error_memory(error, n * 3 * sizeof *ranks, "ranks");
    }
    pairs->b = pairs->a + n;
    *order = (uint32_t *)(pairs->b + n);
    status = weir_ranks(a, n, ranks, error);
    for (size_t i = 0; i < n && !status; i++)
        pairs->a[i] = (int64_t)(2 * ranks[i]) - (int64_t)n - 1;
    if (!status)
        status = weir_ranks(b, n, ranks, error);
    for (size_t i = 0; i < n && !status; i++) {
        pairs->b[i] = (int64_t)(2 * ranks[i]) - (int64_t)n - 1;
        (*order)[i] = (uint32_t)i;
    }
    free(ranks);
    if (!status && (constant(pairs->a, n) || constant(pairs->b, n)))
        status = weir_error_set(error, WEIR_EDATA, "a rank correlation of values all equal");
    if (status)
        free(pairs->a);
    return status;
}

int weir_spearman_test(const double *a, const double *b, size_t n, size_t resamples, uint64_t seed,
                       weir_outcome *outcome, weir_error *error)
{
    struct pairs pairs = {0};
    uint32_t *order = NULL;
    int64_t found;
    double squares[2] = {0, 0};
    int status = open_pairs(a, b, n, &pairs, &order, error);

    if (status)
        return status;
    *outcome = (weir_outcome){0};
    found = products(&pairs, order);
    for (size_t i = 0; i < n; i++) {
        squares[0] += (double)(pairs.a[i] * pairs.a[i]);
        squares[1] += (double)(pairs.b[i] * pairs.b[i]);
    }
    outcome->statistic = (double)found / sqrt(squares[0] * squares[1]);
    if (n <= WEIR_EXACT_ORDERS)
        try_all(&pairs, products, order, found, outcome);
    else
        try_some(&pairs, products, order, found, resamples, seed, outcome);
    free(pairs.a);
    return WEIR_OK;
}

/* ---- Kendall --------------------------------------------------------------------------------- */

static int compare_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Sums over the groups of t equal values, which are sorted in place. */
struct ties {
    double pairs;   /* t (t - 1) / 2 */
    double triples; /* t (t - 1) (t - 2) */
    double spread;  /* t (t - 1) (2t + 5) */
};

static struct ties ties_of(int64_t *values, size_t n)
{
    struct ties ties = {0, 0, 0};

    qsort(values, n, sizeof *values, compare_int64);
    for (size_t i = 0, end; i < n; i = end) {
        double t;

        for (end = i + 1; end < n && values[end] == values[i]; end++)
            ;
        t = (double)(end - i);
        ties.pairs += t * (t - 1) / 2;
        ties.triples += t * (t - 1) * (t - 2);
        ties.spread += t * (t - 1) * (2 * t + 5);
    }
    return ties;
}

/* Of n values in a random order: the chance of at most that many inversions, n <= EXACT_TAU. */
static double chance_of_inversions(size_t n, size_t most)
{
    double chance[EXACT_TAU * (EXACT_TAU - 1) / 2 + 1] = {1}, sum = 0;

    for (size_t i = 2, last = 0; i <= n; i++) {
        last += i - 1;
        /* Value i is inverted with 0 … i - 1 of those before it, each as likely. */
        for (size_t k = last + 1; k-- > 0;) {
            double total = 0;

            for (size_t j = 0; j < i && j <= k; j++)
                total += chance[k - j];
            chance[k] = total / (double)i;
        }
    }
    for (size_t k = 0; k <= most; k++)
        sum += chance[k];
    return sum;
}

static double two_sided(double z)
{
    return 2 * gsl_cdf_ugaussian_Q(fabs(z));
}

static bool repeats(const int64_t *values, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (values[i] == values[k])
                return true;
    return false;
}

int weir_kendall_test(const double *a, const double *b, size_t n, weir_outcome *outcome,
                      weir_error *error)
{
    struct pairs pairs = {0};
    struct ties x, y;
    uint32_t *order = NULL;
    double all = (double)n * (double)(n - 1) / 2, variance;
    int64_t found;
    bool tied;
    int status = open_pairs(a, b, n, &pairs, &order, error);

    if (status)
        return status;
    *outcome = (weir_outcome){0};
    found = concordance(&pairs, order);
    tied = repeats(pairs.a, n) || repeats(pairs.b, n);
    if (tied && n <= WEIR_EXACT_ORDERS)
        try_all(&pairs, concordance, order, found, outcome);
    x = ties_of(pairs.a, n);
    y = ties_of(pairs.b, n);
    free(pairs.a);
    outcome->statistic = (double)found / sqrt((all - x.pairs) * (all - y.pairs));
    if (tied && n <= WEIR_EXACT_ORDERS)
        return WEIR_OK;
    if (!tied && n <= EXACT_TAU) {
        size_t inversions = (size_t)(((int64_t)all - size_of(found)) / 2);

        outcome->p = fmin(1, 2 * chance_of_inversions(n, inversions));
        outcome->least = weir_least_p_orders(n);
        outcome->exact = true;
        return WEIR_OK;
    }
    variance = (2 * all * (2 * (double)n + 5) - x.spread - y.spread) / 18 +
               x.pairs * y.pairs / all + x.triples * y.triples / (18 * all * ((double)n - 2));
    outcome->p = two_sided((double)found / sqrt(variance));
    outcome->least = two_sided((all - fmax(x.pairs, y.pairs)) / sqrt(variance));
    return WEIR_OK;
}

/* ---- Wilcoxon -------------------------------------------------------------------------------- */

/* The chance that the positive ranks sum to at most `most` (in halves), all signs being as likely.
 * doubled[n]: twice the ranks. NaN without memory. */
static double chance_of_sum(const size_t *doubled, size_t n, size_t most)
{
    size_t total = n * (n + 1), last = 0;
    double *chance = calloc(total + 1, sizeof *chance), sum = 0;

    if (!chance)
        return NAN;
    chance[0] = 1;
    for (size_t i = 0; i < n; i++) {
        last += doubled[i];
        for (size_t k = last + 1; k-- > 0;)
            chance[k] = (chance[k] + (k >= doubled[i] ? chance[k - doubled[i]] : 0)) / 2;
    }
    for (size_t k = 0; k <= most; k++)
        sum += chance[k];
    free(chance);
    return sum;
}

static int test_signs(const double *kept, const double *ranks, size_t n, weir_outcome *outcome,
                      weir_error *error)
{
    size_t doubled[EXACT_SIGNS], positive = 0, smaller;

    for (size_t i = 0; i < n; i++) {
        doubled[i] = (size_t)(2 * ranks[i]);
        positive += kept[i] > 0 ? doubled[i] : 0;
    }
    smaller = positive < n * (n + 1) - positive ? positive : n * (n + 1) - positive;
    outcome->statistic = (double)smaller / 2;
    outcome->p = fmin(1, 2 * chance_of_sum(doubled, n, smaller));
    outcome->least = weir_least_p_signs(n);
    outcome->exact = true;
    return isnan(outcome->p) ? weir_error_memory(error, n * n * sizeof(double), "signs") : WEIR_OK;
}

static void test_limit(const double *kept, const double *ranks, size_t n, weir_outcome *outcome)
{
    double mean = (double)n * (double)(n + 1) / 4, positive = 0, squares = 0, deviation;

    for (size_t i = 0; i < n; i++) {
        positive += kept[i] > 0 ? ranks[i] : 0;
        squares += ranks[i] * ranks[i];
    }
    deviation = sqrt(squares) / 2; /* of a sum of ranks with random signs, ties included */
    outcome->statistic = fmin(positive, 2 * mean - positive);
    outcome->p = two_sided((outcome->statistic - mean) / deviation);
    outcome->least = two_sided(mean / deviation);
}

int weir_wilcoxon_test(const double *differences, size_t n, weir_outcome *outcome,
                       weir_error *error)
{
    double *kept, *sizes, *ranks;
    size_t count = 0;
    int status;

    if (!n)
        return weir_error_set(error, WEIR_EDATA, "a signed-rank test of no differences");
    kept = malloc(3 * n * sizeof *kept);
    if (!kept)
        return weir_error_memory(error, 3 * n * sizeof *kept, "differences");
    sizes = kept + n;
    ranks = sizes + n;
    for (size_t i = 0; i < n; i++) {
        if (fpclassify(differences[i]) == FP_ZERO)
            continue;
        kept[count] = differences[i];
        sizes[count++] = fabs(differences[i]);
    }
    *outcome = (weir_outcome){0, 1, 1, true};
    status = weir_ranks(sizes, count, ranks, error);
    if (!status && count && count <= EXACT_SIGNS)
        status = test_signs(kept, ranks, count, outcome, error);
    else if (!status && count) {
        outcome->exact = false;
        test_limit(kept, ranks, count, outcome);
    }
    free(kept);
    return status;
}
