/* A column as ranks: its training distribution cut into pieces, of which a value is a place. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sampling.h>

static double value_at(const weir_margin *margin, const void *data, size_t i)
{
    if (margin->type == WEIR_F64)
        return ((const double *)data)[i];
    if (margin->type == WEIR_F32)
        return (double)((const float *)data)[i];
    if (margin->type == WEIR_I64)
        return (double)((const int64_t *)data)[i];
    return (double)weir_integer_get(margin->type, data, i);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Pieces of the sorted values, [low, high, end] each. A value that fills a piece has its own. */
static uint32_t cut(const double *sorted, size_t n, uint32_t limit, double *pieces)
{
    double least = (double)n / limit;
    size_t begun = 0; /* where the open piece begins */
    uint32_t count = 0;

    for (size_t i = 0, next; i < n; i = next) {
        bool full;

        for (next = i; next < n && !(sorted[next] > sorted[i]);)
            next++;
        full = (double)(next - i) >= least;
        if (full && begun < i) {
            pieces[3 * count] = sorted[begun];
            pieces[3 * count + 1] = sorted[i - 1];
            pieces[3 * count++ + 2] = (double)i / (double)n;
            begun = i;
        }
        if (full || (double)(next - begun) >= least || next == n) {
            pieces[3 * count] = sorted[begun];
            pieces[3 * count + 1] = sorted[next - 1];
            pieces[3 * count++ + 2] = (double)next / (double)n;
            begun = next;
        }
    }
    return count;
}

int weir_margin_learn(weir_job *job, const weir_table *table, const char *name, uint32_t limit,
                      weir_margin *margin)
{
    size_t rows = weir_table_rows(table), length = strlen(name) + 1;
    double *sorted, *pieces;
    const void *data;
    char *copy;

    if (weir_column_type(job, table, name, &margin->type) != WEIR_OK)
        return weir_job_error(job)->status;
    if (margin->type == WEIR_CATEGORY)
        return weir_fail(job, WEIR_EOPTION, "column '%s' is a category: it has no order", name);
    if (rows == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    copy = weir_alloc(job, length, 1);
    pieces = weir_alloc(job, 2 * (size_t)limit + 1, 3 * sizeof *pieces);
    sorted = copy && pieces ? malloc(rows * sizeof *sorted) : NULL;
    if (!sorted)
        return weir_error_memory(weir_job_error(job), rows * sizeof *sorted, "ranks");
    data = weir_table_read(table, name, margin->type);
    for (size_t i = 0; i < rows; i++) {
        double x = sorted[i] = value_at(margin, data, i);

        if (!isfinite(x)) {
            free(sorted);
            return weir_fail(job, WEIR_EDATA, "column '%s', row %zu: %g", name, i + 1, x);
        }
    }
    qsort(sorted, rows, sizeof *sorted, ascending);
    margin->name = memcpy(copy, name, length);
    margin->count = cut(sorted, rows, limit, pieces);
    margin->pieces = pieces;
    free(sorted);
    return WEIR_OK;
}

double weir_margin_rank(const weir_margin *margin, double x)
{
    uint32_t low = 0, high = margin->count - 1;
    double begin, end, first, last;

    while (low < high) { /* the first piece that does not end below x */
        uint32_t middle = low + (high - low) / 2;

        if (margin->pieces[3 * middle + 1] < x)
            low = middle + 1;
        else
            high = middle;
    }
    begin = low > 0 ? margin->pieces[3 * low - 1] : 0;
    first = margin->pieces[3 * low];
    last = margin->pieces[3 * low + 1];
    end = margin->pieces[3 * low + 2];
    if (!(last > first))
        return x < first ? begin : x > last ? end : (begin + end) / 2;
    return begin + (end - begin) * fmin(fmax((x - first) / (last - first), 0), 1);
}

double weir_margin_value(const weir_margin *margin, double rank)
{
    uint32_t low = 0, high = margin->count - 1;
    double begin, first, last;

    while (low < high) { /* the first piece that ends above the rank */
        uint32_t middle = low + (high - low) / 2;

        if (margin->pieces[3 * middle + 2] <= rank)
            low = middle + 1;
        else
            high = middle;
    }
    begin = low > 0 ? margin->pieces[3 * low - 1] : 0;
    first = margin->pieces[3 * low];
    last = margin->pieces[3 * low + 1];
    rank = (rank - begin) / (margin->pieces[3 * low + 2] - begin);
    return first + (last - first) * (rank > 0 ? fmin(rank, 1) : 0);
}

int weir_margin_encode(weir_job *job, const weir_margin *margin, const weir_dataset *data,
                       const uint32_t *rows, size_t n, float *out, size_t stride)
{
    const void *values = weir_column_in(job, data, margin->name, margin->type);

    for (size_t i = 0; values && i < n; i++)
        out[i * stride] = (float)weir_margin_rank(margin, value_at(margin, values, rows[i]));
    return weir_job_error(job)->status;
}

int weir_margin_decode(weir_job *job, const weir_margin *margin, const float *in, size_t stride,
                       size_t n, weir_table *out)
{
    void *data = weir_column_out(job, out, margin->name, margin->type, n);

    for (size_t i = 0; data && i < n; i++) {
        double x = weir_margin_value(margin, (double)in[i * stride]);

        if (margin->type == WEIR_F64)
            ((double *)data)[i] = x;
        else if (margin->type == WEIR_F32)
            ((float *)data)[i] = (float)x;
        else if (margin->type == WEIR_I64)
            ((int64_t *)data)[i] = (int64_t)fmin(nearbyint(x), 9223372036854774784.0);
        else
            weir_integer_put(margin->type, data, i,
                             (uint64_t)fmin(nearbyint(x), 18446744073709549568.0));
    }
    return weir_job_error(job)->status;
}

int weir_margin_save(const weir_margin *margin, size_t number, weir_archive *to)
{
    const uint64_t shape[2] = {margin->count, 3};
    char name[32];
    int status;

    snprintf(name, sizeof name, "name.%zu", number);
    status = weir_put_text(to, name, margin->name);
    snprintf(name, sizeof name, "type.%zu", number);
    if (status == WEIR_OK)
        status = weir_put_number(to, name, margin->type);
    snprintf(name, sizeof name, "pieces.%zu", number);
    return status == WEIR_OK ? weir_put_array(to, name, WEIR_F64, 2, shape, margin->pieces)
                             : status;
}

/* Whether a number below 0 has no value in the type. */
static bool is_unsigned(weir_type type)
{
    return type != WEIR_F32 && type != WEIR_F64 && type != WEIR_I64;
}

int weir_margin_load(weir_job *job, weir_margin *margin, size_t number, const weir_archive *from)
{
    uint64_t shape[2] = {0, 3};
    double type, before = 0;
    char name[32];

    snprintf(name, sizeof name, "name.%zu", number);
    margin->name = weir_get_text(from, name);
    snprintf(name, sizeof name, "type.%zu", number);
    if (!margin->name || weir_get_number(from, name, &type) != WEIR_OK)
        return weir_job_error(job)->status;
    snprintf(name, sizeof name, "pieces.%zu", number);
    margin->pieces = weir_get_array(from, name, WEIR_F64, 2, shape);
    if (!margin->pieces)
        return weir_job_error(job)->status;
    if (!(type >= 0 && type < WEIR_CATEGORY) || shape[0] == 0 || shape[0] > UINT32_MAX / 3)
        return weir_fail(job, WEIR_EDATA, "the ranks of column '%s' are damaged", margin->name);
    margin->type = (weir_type)type;
    margin->count = (uint32_t)shape[0];
    for (uint32_t i = 0; i < margin->count; i++) {
        const double *piece = &margin->pieces[3 * i];

        if (!isfinite(piece[0]) || !isfinite(piece[1]) || piece[1] < piece[0] ||
            (piece[0] < 0 && is_unsigned(margin->type)) || !(piece[2] > before) ||
            (i > 0 && !(piece[0] > piece[-2])))
            return weir_fail(job, WEIR_EDATA, "the ranks of column '%s' are damaged at piece %u",
                             margin->name, i + 1);
        before = piece[2];
    }
    return WEIR_OK;
}
