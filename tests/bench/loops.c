/* loops [SECONDS]: what the engine's fused loops cost on one thread against the same written out by
 * hand and compiled for this machine with everything allowed (-Ofast -march=native), in processor
 * time, so that other processes matter little. One JSON line each: microseconds, GB/s, ratio. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir/nn.h>

enum { ROWS = 384, COLUMNS = 512, HIDDEN = 512, BATCH = 128, WEIGHTS = 262144, PAIRS = 8192 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *numbers(size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);

    for (size_t i = 0; x && i < n; i++)
        x[i] = (float)(i * 37 % 101) / 50 - 1;
    return x;
}

/* ---- By hand --------------------------------------------------------------------------------- */

typedef struct arrays {
    float *x[16], *y[16];
} arrays;

static void gelu_by_hand(arrays *a)
{
    for (int r = 0; r < ROWS; r++) {
        const float *x = a->x[0] + r * COLUMNS;
        float *y = a->y[0] + r * COLUMNS, *s = a->y[1] + r * COLUMNS, *h = a->y[2] + r * COLUMNS;
#pragma omp simd
        for (int j = 0; j < COLUMNS; j++) {
            float v = x[j] + a->x[1][j], p = 0.5f + 0.5f * erff(v * 0.70710678f);
            float q = 0.39894228f * expf(-0.5f * v * v);
            y[j] = v * p;
            s[j] = p + v * q;
            h[j] = q * (2 - v * v);
        }
    }
}

static float sg(float x)
{
    return 1 / (1 + expf(-x));
}

static void lstm_by_hand(arrays *a)
{
    for (int r = 0; r < BATCH; r++) {
        const float *g = a->x[0] + r * 4 * HIDDEN, *c = a->x[1] + r * HIDDEN;
        float *to = a->y[0] + r * HIDDEN, *out = a->y[1] + r * HIDDEN;
#pragma omp simd
        for (int j = 0; j < HIDDEN; j++) {
            float i = sg(g[j]), f = sg(g[HIDDEN + j]), o = sg(g[3 * HIDDEN + j]);
            float n = 2 * sg(2 * g[2 * HIDDEN + j]) - 1, now_c = f * c[j] + i * n;
            to[j] = now_c;
            out[j] = o * (2 * sg(2 * now_c) - 1);
        }
    }
}

static void adam_by_hand(arrays *a)
{
    float *p = a->y[0], *m = a->y[1], *v = a->y[2];
    const float *g = a->x[0];

#pragma omp simd
    for (int i = 0; i < WEIGHTS; i++) {
        m[i] = 0.9f * m[i] + 0.1f * g[i];
        v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
        p[i] -= 1e-4f * m[i] / (sqrtf(v[i]) + 1e-8f);
    }
}

static void pairs_by_hand(arrays *a)
{
    const float *x = a->x[0];
    float *y = a->y[0];

    for (int i = 0; i < PAIRS; i++) {
        float most = x[2 * i] > x[2 * i + 1] ? x[2 * i] : x[2 * i + 1];
        float e = expf(x[2 * i] - most), f = expf(x[2 * i + 1] - most), r = 1 / (e + f);
        y[2 * i] = e * r;
        y[2 * i + 1] = f * r;
    }
}

static void columns_by_hand(arrays *a)
{
    memset(a->y[0], 0, COLUMNS * sizeof(float));
    for (int r = 0; r < ROWS; r++)
#pragma omp simd
        for (int j = 0; j < COLUMNS; j++)
            a->y[0][j] += a->x[0][r * COLUMNS + j] * a->x[1][r * COLUMNS + j];
}

static void transposition_by_hand(arrays *a)
{
    for (int i = 0; i < COLUMNS; i++)
        for (int r = 0; r < ROWS; r++)
            a->y[0][i * ROWS + r] = a->x[0][r * COLUMNS + i];
}

/* ---- By the engine --------------------------------------------------------------------------- */

static nn_node *matrix(nn_graph *g, const char *name, int64_t rows, int64_t columns)
{
    return nn_input(g, name, 2, (int64_t[]){rows, columns});
}

static int gelu(nn_graph *g, nn_node **out)
{
    nn_node *bias = nn_input(g, "b", 1, (int64_t[]){COLUMNS});
    nn_node *v = nn_add(matrix(g, "x", ROWS, COLUMNS), bias);
    nn_node *p = nn_shift(nn_scale(nn_erf(nn_scale(v, 0.70710678)), 0.5), 0.5);
    nn_node *q = nn_scale(nn_exp(nn_scale(nn_mul(v, v), -0.5)), 0.39894228);

    out[0] = nn_mul(v, p);
    out[1] = nn_add(p, nn_mul(v, q));
    out[2] = nn_mul(q, nn_shift(nn_scale(nn_mul(v, v), -1), 2));
    return 3;
}

static int lstm(nn_graph *g, nn_node **out)
{
    nn_node *x = matrix(g, "x", BATCH, 4 * HIDDEN), *c = matrix(g, "c", BATCH, HIDDEN);
    nn_node *i = nn_sigmoid(nn_slice(x, 1, 0, HIDDEN));
    nn_node *f = nn_sigmoid(nn_slice(x, 1, HIDDEN, HIDDEN));
    nn_node *n = nn_tanh(nn_slice(x, 1, 2 * HIDDEN, HIDDEN));
    nn_node *o = nn_sigmoid(nn_slice(x, 1, 3 * HIDDEN, HIDDEN));

    out[0] = nn_add(nn_mul(f, c), nn_mul(i, n));
    out[1] = nn_mul(o, nn_tanh(out[0]));
    return 2;
}

static int adam(nn_graph *g, nn_node **out)
{
    const nn_init zero = {NN_CONSTANT, 0.5, 0};
    const int64_t shape[] = {WEIGHTS};
    nn_node *x = nn_input(g, "g", 1, shape), *p = nn_parameter(g, "p", 1, shape, zero);
    nn_node *m = nn_state(g, "m", 1, shape, zero), *v = nn_state(g, "v", 1, shape, zero);
    nn_node *m1 = nn_add(nn_scale(m, 0.9), nn_scale(x, 0.1));
    nn_node *v1 = nn_add(nn_scale(v, 0.999), nn_scale(nn_mul(x, x), 0.001));

    out[0] = nn_assign(m, m1);
    out[1] = nn_assign(v, v1);
    out[2] = nn_assign(p, nn_sub(p, nn_scale(nn_div(m1, nn_shift(nn_sqrt(v1), 1e-8)), 1e-4)));
    return 3;
}

static int pairs(nn_graph *g, nn_node **out)
{
    nn_node *x = nn_input(g, "x", 3, (int64_t[]){BATCH, PAIRS / BATCH, 2});
    nn_node *e = nn_exp(nn_sub(x, nn_peak(x, 4)));

    out[0] = nn_mul(e, nn_recip(nn_sum(e, 4)));
    return 1;
}

static int columns(nn_graph *g, nn_node **out)
{
    out[0] = nn_sum(nn_mul(matrix(g, "x", ROWS, COLUMNS), matrix(g, "y", ROWS, COLUMNS)), 1);
    return 1;
}

static int transposition(nn_graph *g, nn_node **out)
{
    out[0] = nn_scale(nn_permute(matrix(g, "x", ROWS, COLUMNS), (int[]){1, 0}), 2);
    return 1;
}

static const struct {
    const char *name;
    void (*by_hand)(arrays *);
    int (*build)(nn_graph *, nn_node **);
    double bytes;
} cases[] = {
    {"gelu_two_derivatives", gelu_by_hand, gelu, 16.0 * ROWS *COLUMNS},
    {"lstm_gates", lstm_by_hand, lstm, 28.0 * BATCH *HIDDEN},
    {"adam", adam_by_hand, adam, 28.0 * WEIGHTS},
    {"softmax_pairs", pairs_by_hand, pairs, 16.0 * PAIRS},
    {"column_sums", columns_by_hand, columns, 8.0 * ROWS *COLUMNS},
    {"transposition", transposition_by_hand, transposition, 8.0 * ROWS *COLUMNS},
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 0.3;
    arrays a;

    for (int i = 0; i < 16; i++) {
        a.x[i] = numbers((size_t)BATCH * 4 * HIDDEN);
        a.y[i] = numbers((size_t)BATCH * 4 * HIDDEN);
        if (!a.x[i] || !a.y[i])
            return 1;
    }
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        nn_graph *g = nn_graph_new(&(nn_settings){.device = "cpu", .threads = 1});
        nn_node *out[4];
        int n = cases[c].build(g, out);
        nn_program *program = nn_compile(g, 1, &(nn_stage){"loops", n, out});
        double time[2][2000], begin = now();
        size_t count = 0;
        if (!program) {
            fprintf(stderr, "%s: %s\n", cases[c].name, nn_error(g)->text);
            return 1;
        }
        for (; count < 2000 && (count < 20 || now() - begin < seconds); count++) {
            double t = now();
            cases[c].by_hand(&a);
            time[0][count] = now() - t;
            t = now();
            if (nn_run(program, 0))
                return 1;
            time[1][count] = now() - t;
        }
        for (int i = 0; i < 2; i++)
            qsort(time[i], count, sizeof(double), ascending);
        printf("{\"name\": \"loop_%s\", \"us\": %.2f, \"by_hand_us\": %.2f, \"gb_per_s\": %.1f, "
               "\"kernels\": %d, \"ratio\": %.2f}\n",
               cases[c].name, time[1][count / 2] * 1e6, time[0][count / 2] * 1e6,
               cases[c].bytes / time[1][count / 2] * 1e-9, nn_program_info(program).kernels,
               time[1][count / 2] / time[0][count / 2]);
        nn_graph_free(g);
    }
    return 0;
}
