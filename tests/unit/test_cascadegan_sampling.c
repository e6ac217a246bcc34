/* CascadeGAN's sampling inside: counts and times of a flow, and flows out of ranks. */
#include "../../plugins/generators/cascadegan/conditions.c"
#include "../../plugins/generators/cascadegan/given.c"
#include "../../plugins/generators/cascadegan/margins.c"
#include "../../plugins/generators/cascadegan/timestamps.c"
#include "unit/generator_test.h"

#define STEPS 40
#define SECONDS 20.0

static uint64_t sum_of(const uint32_t *counts, uint32_t n)
{
    uint64_t sum = 0;

    for (uint32_t t = 0; t < n; t++)
        sum += counts[t];
    return sum;
}

static void test_rescale(void **state)
{
    struct cascade_share shares[STEPS];
    weir_random random = weir_random_new(1, "counts");

    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint32_t counts[STEPS] = {0}, before[STEPS], first = STEPS, last = 0;
        uint32_t n = 1 + (uint32_t)weir_random_below(&random, STEPS);
        uint64_t total = 1 + weir_random_below(&random, round % 2 ? 8 : 100000), sum;

        for (uint32_t t = 0; t < n; t++)
            if (weir_random_below(&random, 3))
                counts[t] = (uint32_t)weir_random_below(&random, round % 3 ? 4 : 3000);
        counts[weir_random_below(&random, n)] += 1;
        memcpy(before, counts, sizeof counts);
        sum = sum_of(counts, n);
        for (uint32_t t = 0; t < n; t++)
            if (counts[t]) {
                first = t < first ? t : first;
                last = t;
            }
        cascade_rescale(counts, n, total, shares);
        assert_int_equal(sum_of(counts, n), total);
        assert_true(counts[first] > 0);
        assert_true(total == 1 || counts[last] > 0);
        for (uint32_t t = 0; t < n; t++) {
            double wanted = before[t] * ((double)total / (double)sum);

            assert_true(before[t] > 0 || counts[t] == 0);
            /* The ends take two at most from what the others would have. */
            assert_true(counts[t] < wanted + 2 && counts[t] > wanted - 3);
        }
    }
}

static struct cascade_conditions line(void)
{
    return (struct cascade_conditions){
        .length = SECONDS * 1e9, .width = SECONDS * 1e9 / STEPS, .steps = STEPS};
}

static struct cascade_wanted from_to(double start, double end)
{
    struct cascade_wanted wanted;

    for (int c = 0; c < CONDITIONS; c++)
        wanted.x[c] = NAN;
    wanted.x[COND_START] = start;
    wanted.x[COND_END] = end;
    return wanted;
}

static void test_conforming_times(void **state)
{
    struct cascade_conditions self = line();
    struct cascade_wanted wanted = from_to(3e9 + 7, 11e9 + 1);
    double times[] = {0.5, 2.25, 7, 30.5}, equal[] = {4, 4, 4}, one[] = {17.3};

    (void)state;
    assert_false(cascade_retime(&self, &wanted, true, times, 4));
    assert_true(times[0] == 3e9 + 7 && times[3] == 11e9 + 1);
    assert_true(fabs((times[1] - times[0]) / (times[3] - times[0]) - 1.75 / 30) < 1e-9);
    cascade_retime(&self, &wanted, true, equal, 3);
    assert_true(equal[0] == 3e9 + 7 && equal[1] == 7e9 + 4 && equal[2] == 11e9 + 1);
    cascade_retime(&self, &wanted, true, one, 1);
    assert_true(one[0] == 3e9 + 7);
}

static void test_recentred_times(void **state)
{
    struct cascade_conditions self = line();
    struct cascade_wanted middle = from_to(8e9, 12e9), late = from_to(19e9, 20e9);
    double times[] = {2, 6, 10}, most[] = {0, 4, 30};

    (void)state;
    assert_false(cascade_retime(&self, &middle, false, times, 3));
    assert_true(times[0] == 8e9 && times[1] == 10e9 && times[2] == 12e9);
    /* 15 s around 19.5 s do not fit: moved, not cut. */
    assert_true(cascade_retime(&self, &late, false, most, 3));
    assert_true(most[0] == 5e9 && most[1] == 7e9 && most[2] == 20e9);
}

static void test_positions(void **state)
{
    (void)state;
    assert_true(cascade_position(TIMES_ML, 0.3, 0.9, 0.1, 0, 5) == 0.3);
    assert_true(cascade_position(TIMES_EQUIDISTANT, 0.3, 0.9, 0.1, 0, 3) == 0.25);
    assert_true(cascade_position(TIMES_EQUIDISTANT, 0.3, 0.9, 0.1, 2, 3) == 0.75);
    assert_true(fabs(cascade_position(TIMES_SUB_PERIOD, 0.3, 0.9, 0.2, 0, 2) - 0.7) < 1e-12);
    assert_true(cascade_position(TIMES_SUB_PERIOD, 0.3, 0.9, 0.2, 1, 2) == 1);
}

/* ---- Flows out of ranks ----------------------------------------------------------------------*/

/* A heavy-tailed population, consistent: packets are put into steps. */
static void populate(struct cascade_conditions *self, struct cascade_wanted *flows, size_t n)
{
    weir_random random = weir_random_new(5, "flows");

    *self = line();
    self->count = CONDITIONS;
    self->flows = (uint32_t)n;
    for (int c = 0; c < CONDITIONS; c++)
        self->at[c] = c;
    for (size_t i = 0; i < n; i++) {
        double *x = flows[i].x, u = weir_random_uniform(&random), last = 0, gap = 0, gaps = 0;
        uint32_t counts[STEPS] = {0}, all = (uint32_t)fmin(floor(1 / (1 - 0.9998 * u)), 3000);
        double span = all > 1 ? 1e7 + weir_random_uniform(&random) * 1.2e10 : 0;
        double squares = 0;

        x[COND_PACKETS] = all;
        x[COND_START] = floor(weir_random_uniform(&random) * (self->length - span));
        x[COND_END] = x[COND_START] + floor(span);
        x[COND_DURATION] = cascade_duration(self, x[COND_START], x[COND_END]);
        counts[0] = 1;
        counts[(uint32_t)x[COND_DURATION] - 1] += all > 1;
        for (uint32_t k = 2; k < all; k++)
            counts[weir_random_below(&random, (uint64_t)x[COND_DURATION])]++;
        x[COND_ACTIVE] = x[COND_PEAK] = 0;
        for (uint32_t t = 0; t < STEPS; t++) {
            if (!counts[t])
                continue;
            x[COND_ACTIVE]++;
            x[COND_PEAK] = fmax(x[COND_PEAK], counts[t]);
            gap += t > last + 1 ? t - last - 1 : 0;
            gaps += t > last + 1;
            last = t;
        }
        x[COND_MEAN] = all / x[COND_ACTIVE];
        for (uint32_t t = 0; t < STEPS; t++)
            squares += counts[t] ? pow(counts[t] - x[COND_MEAN], 2) : 0;
        x[COND_DEVIATION] = sqrt(squares / x[COND_ACTIVE]);
        x[COND_GAP] = gaps > 0 ? gap / gaps : 0;
        for (int c = 0; c < CONDITIONS; c++)
            self->greatest[c] = fmax(self->greatest[c], x[c]);
    }
}

static void assert_consistent(const struct cascade_conditions *self, const double *x)
{
    double packets = x[COND_PACKETS], active = x[COND_ACTIVE];

    assert_true(x[COND_START] >= 0 && x[COND_START] <= x[COND_END]);
    assert_true(x[COND_END] <= self->length);
    assert_true(x[COND_START] == rint(x[COND_START]) && x[COND_END] == rint(x[COND_END]));
    assert_true(x[COND_DURATION] == cascade_duration(self, x[COND_START], x[COND_END]));
    if (self->at[COND_PACKETS] < 0)
        return;
    assert_true(packets >= 1 && packets == rint(packets));
    assert_true(packets > 1 || x[COND_START] == x[COND_END]);
    assert_true(active >= 1 && active == rint(active));
    assert_true(active <= packets && active <= x[COND_DURATION]);
    assert_true(x[COND_DURATION] < 2 || active >= 2);
    assert_true(fabs(x[COND_MEAN] - packets / active) < 1e-9);
    assert_true(x[COND_PEAK] >= x[COND_MEAN] - 1e-9 && x[COND_PEAK] <= packets - active + 1);
    assert_true(x[COND_DEVIATION] >= 0 && x[COND_DEVIATION] <= x[COND_PEAK]);
    assert_true(x[COND_GAP] >= 0 && x[COND_GAP] <= x[COND_DURATION] - active);
    assert_true((x[COND_GAP] > 0) == (active < x[COND_DURATION]));
}

#define FLOWS 2000

struct population {
    weir_registry *registry;
    weir_job *job;
    struct cascade_conditions self;
    struct cascade_wanted flows[FLOWS], made[FLOWS];
};

static int open_population(void **state)
{
    struct population *p = calloc(1, sizeof *p);

    assert_non_null(p);
    p->job = any_job(&p->registry);
    populate(&p->self, p->flows, FLOWS);
    assert_int_equal(cascade_margins_learn(p->job, &p->self, p->flows, FLOWS), WEIR_OK);
    *state = p;
    return 0;
}

static int close_population(void **state)
{
    struct population *p = *state;

    weir_job_free(p->job);
    weir_registry_free(p->registry);
    free(p);
    return 0;
}

static void test_any_ranks_are_consistent(void **state)
{
    struct population *p = *state;
    weir_random random = weir_random_new(3, "ranks");

    for (int round = 0; round < 20000; round++) {
        static const double odd[] = {0, 1, 0.5, 1e-12, 0.999999999};
        double ranks[CONDITIONS];
        struct cascade_wanted flow;

        for (int c = 0; c < CONDITIONS; c++)
            ranks[c] =
                round % 4 ? weir_random_uniform(&random) : odd[weir_random_below(&random, 5)];
        cascade_flow_of(&p->self, ranks, &flow);
        assert_consistent(&p->self, flow.x);
    }
}

static void test_ranks_and_back(void **state)
{
    struct population *p = *state;
    weir_random random = weir_random_new(4, "ranks");
    double off = 0;

    for (size_t i = 0; i < FLOWS; i++) {
        double ranks[CONDITIONS];
        struct cascade_wanted flow;

        assert_consistent(&p->self, p->flows[i].x); /* or the test is wrong */
        cascade_ranks_of(&p->self, &p->flows[i], &random, ranks);
        for (int c = 0; c < CONDITIONS; c++)
            assert_true(ranks[c] >= 0 && ranks[c] <= 1);
        cascade_flow_of(&p->self, ranks, &flow);
        assert_consistent(&p->self, flow.x);
        off += fabs(log(flow.x[COND_PACKETS] / p->flows[i].x[COND_PACKETS]));
        assert_true(fabs(flow.x[COND_START] - p->flows[i].x[COND_START]) < 0.05 * p->self.length);
    }
    assert_true(off / FLOWS < 0.02);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The mean difference of the sorted values over their mean. */
static double apart(const struct cascade_wanted *a, const struct cascade_wanted *b, int c,
                    bool span)
{
    double x[FLOWS], y[FLOWS], sum = 0, all = 0;

    for (size_t i = 0; i < FLOWS; i++) {
        x[i] = a[i].x[c] - (span ? a[i].x[COND_START] : 0);
        y[i] = b[i].x[c] - (span ? b[i].x[COND_START] : 0);
    }
    qsort(x, FLOWS, sizeof *x, ascending);
    qsort(y, FLOWS, sizeof *y, ascending);
    for (size_t i = 0; i < FLOWS; i++) {
        sum += fabs(x[i] - y[i]);
        all += x[i];
    }
    return sum / all;
}

/* Whatever a network makes of them: constant or saturated outputs too. */
static void test_margins_follow(void **state)
{
    struct population *p = *state;
    weir_random random = weir_random_new(8, "numbers");
    float *numbers = malloc(FLOWS * CONDITIONS * sizeof *numbers);

    for (int kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < FLOWS * CONDITIONS; i++)
            numbers[i] = kind == 0   ? (float)weir_random_uniform(&random)
                         : kind == 1 ? 1
                                     : (float)(weir_random_below(&random, 3)) / 100;
        assert_int_equal(cascade_flows_of_order(p->job, &p->self, numbers, FLOWS, &random, p->made),
                         WEIR_OK);
        for (size_t i = 0; i < FLOWS; i++)
            assert_consistent(&p->self, p->made[i].x);
        assert_true(apart(p->flows, p->made, COND_PACKETS, false) < 0.08);
        assert_true(apart(p->flows, p->made, COND_END, true) < 0.05);
        assert_true(apart(p->flows, p->made, COND_ACTIVE, false) < 0.08);
        assert_true(apart(p->flows, p->made, COND_START, false) < 0.05);
    }
    free(numbers);
}

static void test_fewer_conditions(void **state)
{
    struct population *p = *state;
    struct cascade_conditions self = p->self;
    struct cascade_wanted *flows = malloc(FLOWS * sizeof *flows), flow;
    weir_random random = weir_random_new(6, "ranks");

    for (size_t i = 0; i < FLOWS; i++)
        flows[i] = from_to(p->flows[i].x[COND_START], p->flows[i].x[COND_END]);
    for (int c = 0; c < CONDITIONS; c++)
        self.at[c] = c == COND_START ? 0 : c == COND_END ? 1 : -1;
    self.count = 2;
    assert_int_equal(cascade_margins_learn(p->job, &self, flows, FLOWS), WEIR_OK);
    assert_int_equal(self.bins, 1);
    for (int round = 0; round < 1000; round++) {
        double ranks[CONDITIONS];

        for (int c = 0; c < CONDITIONS; c++)
            ranks[c] = weir_random_uniform(&random);
        cascade_flow_of(&self, ranks, &flow);
        assert_consistent(&self, flow.x);
        assert_true(isnan(flow.x[COND_PACKETS]));
    }
    free(flows);
}

/* What is given stays, what is not is made to agree with it. */
static void test_completed_rows(void **state)
{
    struct population *p = *state;
    weir_random random = weir_random_new(7, "rows");

    for (int round = 0; round < 20000; round++) {
        const struct cascade_wanted *like = &p->flows[weir_random_below(&random, FLOWS)];
        const struct cascade_wanted *from = &p->flows[weir_random_below(&random, FLOWS)];
        struct cascade_wanted flow = *from;
        uint64_t given = weir_random_below(&random, 1 << CONDITIONS);

        for (int c = 0; c < CONDITIONS; c++)
            if (!(given >> c & 1))
                flow.x[c] = NAN;
        cascade_complete(&p->self, like, &flow);
        for (int c = 0; c < CONDITIONS; c++) {
            assert_true(isfinite(flow.x[c]));
            assert_true(!(given >> c & 1) || flow.x[c] == from->x[c]);
        }
        assert_true(flow.x[COND_START] >= 0 && flow.x[COND_START] <= flow.x[COND_END]);
        assert_true(flow.x[COND_END] <= p->self.length);
        assert_true(flow.x[COND_PACKETS] >= 1);
    }
}

static void test_parted_shares(void **state)
{
    double shares[WEIR_CLASSES] = {0.5, 0.3, 0.15, 0.05}, none[WEIR_CLASSES] = {1, 0, 0, 0};
    const double wanted[2] = {0.6, 0.1}, one[2] = {-1, 0.5}, never[2] = {0.5, -1};
    size_t counts[WEIR_CLASSES];

    (void)state;
    assert_true(fit_shares(wanted, shares));
    assert_true(fabs(shares[1] + shares[3] - 0.6) < 1e-9);
    assert_true(fabs(shares[2] + shares[3] - 0.1) < 1e-9);
    part(101, shares, counts);
    assert_int_equal(counts[0] + counts[1] + counts[2] + counts[3], 101);
    for (int k = 0; k < WEIR_CLASSES; k++)
        assert_true(fabs((double)counts[k] - 101 * shares[k]) < 1);
    assert_true(fit_shares(one, (double[]){0.4, 0.1, 0.4, 0.1}));
    assert_false(fit_shares(never, none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rescale),
        cmocka_unit_test(test_conforming_times),
        cmocka_unit_test(test_recentred_times),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_parted_shares),
        cmocka_unit_test_setup_teardown(test_any_ranks_are_consistent, open_population,
                                        close_population),
        cmocka_unit_test_setup_teardown(test_ranks_and_back, open_population, close_population),
        cmocka_unit_test_setup_teardown(test_margins_follow, open_population, close_population),
        cmocka_unit_test_setup_teardown(test_fewer_conditions, open_population, close_population),
        cmocka_unit_test_setup_teardown(test_completed_rows, open_population, close_population),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
