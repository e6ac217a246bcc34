/* The statistics table of Lua: `weir.stats` in a script, the third argument of a metric. Samples
 * are lists of numbers or columns; they are copied into buffers that the collector frees. */
#include "lua/view.h"
#include <lauxlib.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <weir/stats.h>

enum { RESAMPLES = 2000, SEED = 1 }; /* of the bootstrap, as in the report */

/* A fault of argument `at`, in the words of luaL_argerror but with what would be right. */
static void wrong(lua_State *L, int at, const char *what)
{
    luaL_argerror(L, at, what);
}

/* [-0, +1, e] A sample as doubles: pushes the buffer. At least `least` values, all finite. */
static double *check_sample(lua_State *L, int at, size_t least, size_t *n)
{
    const weir_lua_column *column = weir_lua_to_column(L, at);
    double *values;

    if (!column && lua_type(L, at) != LUA_TTABLE)
        wrong(L, at, "a list of numbers or a column expected");
    if (column && column->type == WEIR_CATEGORY)
        wrong(L, at, "a column of numbers expected, this one holds texts");
    *n = column ? column->count : lua_rawlen(L, at); /* of what rawgeti gives, __len or not */
    if (*n < least)
        wrong(L, at,
              lua_pushfstring(L, "%d values at least, there are %I", (int)least, (lua_Integer)*n));
    values = lua_newuserdatauv(L, (*n + 1) * sizeof *values, 0);
    for (size_t i = 0; i < *n; i++) {
        int number = 1;

        if (column) {
            values[i] = weir_lua_column_at(column, i);
        } else {
            lua_rawgeti(L, at, (lua_Integer)i + 1);
            values[i] = lua_tonumberx(L, -1, &number);
            lua_pop(L, 1);
        }
        if (!number || !isfinite(values[i]))
            wrong(L, at, lua_pushfstring(L, "value %I is not a finite number", (lua_Integer)i + 1));
    }
    return values;
}

/* [-0, +1, e] A sample as codes. Texts of categories get the codes of `as` where it has them. */
static uint32_t *check_codes(lua_State *L, int at, const weir_lua_column *as, size_t *n)
{
    const weir_lua_column *column = weir_lua_to_column(L, at);
    uint32_t *codes;

    if (column && column->type == WEIR_CATEGORY) {
        const uint32_t *own = column->values;
        uint32_t other = as ? weir_category_count(as->table, as->name) : 0;

        *n = column->count;
        codes = lua_newuserdatauv(L, (*n + 1) * sizeof *codes, 0);
        for (size_t i = 0; i < *n; i++) {
            const char *text = weir_category_text(column->table, column->name, own[i]);
            uint32_t code = as && text ? weir_category_code(as->table, as->name, text) : own[i];

            codes[i] = code == UINT32_MAX ? other + own[i] : code;
        }
    } else {
        double *values = check_sample(L, at, 1, n);

        codes = lua_newuserdatauv(L, (*n + 1) * sizeof *codes, 0);
        for (size_t i = 0; i < *n; i++) {
            if (!(values[i] >= 0 && values[i] <= UINT32_MAX) || floor(values[i]) != values[i])
                wrong(L, at,
                      lua_pushfstring(L, "value %I is not a whole number from 0 to 2^32 - 1",
                                      (lua_Integer)i + 1));
            codes[i] = (uint32_t)values[i];
        }
    }
    if (*n == 0)
        wrong(L, at, "1 value at least, there are 0");
    return codes;
}

static double check_base(lua_State *L, int at)
{
    double base = luaL_optnumber(L, at, 2.718281828459045);

    if (!(base > 1) || !isfinite(base))
        wrong(L, at, "a base above 1 expected");
    return base;
}

static int result(lua_State *L, double value, const weir_error *error)
{
    if (error->status != WEIR_OK)
        return luaL_error(L, "%s", error->text);
    lua_pushnumber(L, value);
    return 1;
}

static int mean(lua_State *L)
{
    size_t n;
    const double *values = check_sample(L, 1, 1, &n);

    lua_pushnumber(L, weir_mean(values, n));
    return 1;
}

static int deviation(lua_State *L)
{
    size_t n;
    const double *values = check_sample(L, 1, 2, &n);

    lua_pushnumber(L, weir_deviation(values, n));
    return 1;
}

/* quantile(sample, q) */
static int quantile(lua_State *L)
{
    weir_error error = {0};
    double q = luaL_checknumber(L, 2);
    size_t n;
    double *values = check_sample(L, 1, 1, &n);

    if (!(q >= 0 && q <= 1))
        wrong(L, 2, "a share from 0 to 1 expected");
    if (weir_sort(values, n, &error) != WEIR_OK)
        return luaL_error(L, "%s", error.text);
    lua_pushnumber(L, weir_quantile_sorted(values, n, q));
    return 1;
}

/* emd(a, b): the earth mover's distance, in the unit of the values. */
static int emd(lua_State *L)
{
    weir_error error = {0};
    size_t n_a, n_b;
    const double *a = check_sample(L, 1, 1, &n_a), *b = check_sample(L, 2, 1, &n_b);

    return result(L, weir_emd(a, n_a, b, n_b, &error), &error);
}

/* jsd(p, q [, base]): of two weightings over one support. */
static int jsd(lua_State *L)
{
    double base = check_base(L, 3), sums[2] = {0, 0};
    size_t n_p, n_q;
    const double *p = check_sample(L, 1, 1, &n_p), *q = check_sample(L, 2, 1, &n_q);

    if (n_p != n_q)
        wrong(L, 2, "as many weights as the first argument has expected");
    for (size_t i = 0; i < n_p; i++) {
        if (p[i] < 0 || q[i] < 0)
            wrong(L, p[i] < 0 ? 1 : 2, "weights of 0 or more expected");
        sums[0] += p[i];
        sums[1] += q[i];
    }
    if (!(sums[0] > 0) || !(sums[1] > 0))
        wrong(L, sums[0] > 0 ? 2 : 1, "weights that are not all 0 expected");
    lua_pushnumber(L, weir_jsd(p, q, n_p, base));
    return 1;
}

/* jsd_codes(a, b [, base]): of two samples of whole numbers or texts. */
static int jsd_codes(lua_State *L)
{
    weir_error error = {0};
    double base = check_base(L, 3);
    const weir_lua_column *first = weir_lua_to_column(L, 1);
    size_t n_a, n_b;
    const uint32_t *a = check_codes(L, 1, NULL, &n_a);
    const uint32_t *b =
        check_codes(L, 2, first && first->type == WEIR_CATEGORY ? first : NULL, &n_b);

    return result(L, weir_jsd_codes(a, n_a, b, n_b, base, &error), &error);
}

/* jsd_ranks(a, b [, base]): of the counts in order of size; which value has which is ignored. */
static int jsd_ranks(lua_State *L)
{
    weir_error error = {0};
    double base = check_base(L, 3);
    size_t n_a, n_b;
    const uint32_t *a = check_codes(L, 1, NULL, &n_a), *b = check_codes(L, 2, NULL, &n_b);

    return result(L, weir_jsd_ranks(a, n_a, b, n_b, base, &error), &error);
}

/* hurst(series): nil for a constant one. */
static int hurst(lua_State *L)
{
    size_t n;
    const double *values = check_sample(L, 1, 16, &n);
    double exponent = weir_hurst_rs(values, n);

    if (isfinite(exponent))
        lua_pushnumber(L, exponent);
    else
        lua_pushnil(L);
    return 1;
}

/* Two samples of equal size. */
static const double *check_pairs(lua_State *L, const double **b, size_t least, size_t *n)
{
    size_t n_b;
    const double *a = check_sample(L, 1, least, n);

    *b = check_sample(L, 2, least, &n_b);
    if (*n != n_b)
        wrong(L, 2, "as many values as the first argument has expected");
    return a;
}

/* spearman(a, b): nil if a side is constant. */
static int spearman(lua_State *L)
{
    weir_error error = {0};
    size_t n;
    const double *b, *a = check_pairs(L, &b, 2, &n);
    double rho = weir_spearman(a, b, n, &error);

    if (error.status != WEIR_OK || isfinite(rho))
        return result(L, rho, &error);
    lua_pushnil(L);
    return 1;
}

static double check_share(lua_State *L, int at, double value)
{
    double level = luaL_optnumber(L, at, value);

    if (!(level > 0 && level < 1))
        wrong(L, at, "a level between 0 and 1 expected");
    return level;
}

static double check_level(lua_State *L)
{
    return check_share(L, 2, 0.95);
}

static int push_interval(lua_State *L, weir_interval interval)
{
    lua_pushnumber(L, interval.low);
    lua_pushnumber(L, interval.high);
    return 2;
}

/* t_interval(values [, level]): low and high of the mean. */
static int t_interval(lua_State *L)
{
    double level = check_level(L);
    size_t n;
    const double *values = check_sample(L, 1, 2, &n);

    return push_interval(L, weir_t_interval(values, n, level));
}

/* bca_interval(values [, level]): the same by a bias-corrected and accelerated bootstrap. */
static int bca_interval(lua_State *L)
{
    weir_error error = {0};
    weir_interval interval = {0, 0};
    double level = check_level(L);
    size_t n;
    const double *values = check_sample(L, 1, 3, &n);

    if (weir_bca_interval(values, n, level, RESAMPLES, SEED, &interval, &error) != WEIR_OK)
        return luaL_error(L, "%s", error.text);
    return push_interval(L, interval);
}

/* ---- Tests of ranks -------------------------------------------------------------------------- */

/* Statistic, p, and the least p that the sizes and ties allow. */
static int push_outcome(lua_State *L, int status, const weir_outcome *outcome,
                        const weir_error *error)
{
    if (status != WEIR_OK)
        return luaL_error(L, "%s", error->text);
    lua_pushnumber(L, outcome->statistic);
    lua_pushnumber(L, outcome->p);
    lua_pushnumber(L, outcome->least);
    return 3;
}

static lua_Integer check_count(lua_State *L, int at, lua_Integer least)
{
    lua_Integer count = luaL_checkinteger(L, at);

    if (count < least)
        wrong(L, at, lua_pushfstring(L, "%I or more expected", least));
    return count;
}

/* spearman_test(a, b [, resamples]): rho, p, least p. */
static int spearman_test(lua_State *L)
{
    weir_error error = {0};
    weir_outcome outcome = {0};
    lua_Integer resamples = lua_isnoneornil(L, 3) ? 9999 : check_count(L, 3, 99);
    size_t n;
    const double *b, *a = check_pairs(L, &b, 3, &n);
    int status = weir_spearman_test(a, b, n, (size_t)resamples, SEED, &outcome, &error);

    return push_outcome(L, status, &outcome, &error);
}

/* kendall_test(a, b): tau-b, p, least p. */
static int kendall_test(lua_State *L)
{
    weir_error error = {0};
    weir_outcome outcome = {0};
    size_t n;
    const double *b, *a = check_pairs(L, &b, 3, &n);
    int status = weir_kendall_test(a, b, n, &outcome, &error);

    return push_outcome(L, status, &outcome, &error);
}

/* wilcoxon_test(a, b): of the differences of pairs: the smaller sum of ranks, p, least p. */
static int wilcoxon_test(lua_State *L)
{
    weir_error error = {0};
    weir_outcome outcome = {0};
    size_t n;
    const double *b, *a = check_pairs(L, &b, 1, &n);
    double *differences = lua_newuserdatauv(L, n * sizeof *differences, 0);

    for (size_t i = 0; i < n; i++) {
        differences[i] = a[i] - b[i];
        if (!isfinite(differences[i]))
            wrong(
                L, 1,
                lua_pushfstring(L, "the difference of pair %I is not finite", (lua_Integer)i + 1));
    }
    return push_outcome(L, weir_wilcoxon_test(differences, n, &outcome, &error), &outcome, &error);
}

/* least_p(test, n): the smallest p of "wilcoxon", "spearman" or "kendall" of n pairs without ties.
 */
static int least_p(lua_State *L)
{
    static const char *const tests[] = {"wilcoxon", "spearman", "kendall", NULL};
    int test = luaL_checkoption(L, 1, NULL, tests);
    size_t n = (size_t)check_count(L, 2, 1);

    lua_pushnumber(L, test == 0 ? weir_least_p_signs(n) : weir_least_p_orders(n));
    return 1;
}

static void push_numbers(lua_State *L, const double *values, size_t n)
{
    lua_createtable(L, 0, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushnumber(L, values[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* holm(p): the values of p, corrected for being many. */
static int holm(lua_State *L)
{
    weir_error error = {0};
    size_t n;
    double *p = check_sample(L, 1, 1, &n);

    for (size_t i = 0; i < n; i++)
        if (!(p[i] >= 0 && p[i] <= 1))
            wrong(L, 1, lua_pushfstring(L, "value %I is no p from 0 to 1", (lua_Integer)i + 1));
    if (weir_holm(p, n, p, &error) != WEIR_OK)
        return luaL_error(L, "%s", error.text);
    push_numbers(L, p, n);
    return 1;
}

/* A list of lists of equal length, row by row; pushes the buffer. */
static double *check_blocks(lua_State *L, size_t *n, size_t *k)
{
    double *values = NULL;

    luaL_checktype(L, 1, LUA_TTABLE);
    *n = lua_rawlen(L, 1);
    if (*n < 2)
        wrong(L, 1, "2 blocks at least expected");
    for (size_t i = 0; i < *n; i++) {
        size_t width;
        const double *row;

        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        row = check_sample(L, lua_gettop(L), 2, &width);
        if (!i) {
            *k = width;
            values = lua_newuserdatauv(L, *n * width * sizeof *values, 0);
            lua_insert(L, 2);
        }
        if (width != *k)
            wrong(L, 1,
                  lua_pushfstring(L, "block %I has not as many values as the first",
                                  (lua_Integer)i + 1));
        memcpy(values + i * width, row, width * sizeof *values);
        lua_settop(L, 2);
    }
    return values;
}

/* friedman(blocks): { chi2, f, p, least, ranks }. */
static int friedman(lua_State *L)
{
    weir_error error = {0};
    weir_friedman found;
    size_t n, k = 0;
    const double *values;
    double *ranks;

    lua_settop(L, 1);
    values = check_blocks(L, &n, &k);
    ranks = lua_newuserdatauv(L, k * sizeof *ranks, 0);
    if (weir_friedman_test(values, n, k, &found, ranks, &error) != WEIR_OK)
        return luaL_error(L, "%s", error.text);
    push_numbers(L, ranks, k);
    lua_createtable(L, 0, 5);
    lua_rotate(L, -2, 1);
    lua_setfield(L, -2, "ranks");
    lua_pushnumber(L, found.chi2);
    lua_setfield(L, -2, "chi2");
    lua_pushnumber(L, found.f);
    lua_setfield(L, -2, "f");
    lua_pushnumber(L, found.p);
    lua_setfield(L, -2, "p");
    lua_pushnumber(L, found.least);
    lua_setfield(L, -2, "least");
    return 1;
}

/* nemenyi(k, n [, alpha]): the difference of mean ranks that is significant. */
static int nemenyi(lua_State *L)
{
    size_t k = (size_t)check_count(L, 1, 2), n = (size_t)check_count(L, 2, 1);

    lua_pushnumber(L, weir_nemenyi_difference(k, n, check_share(L, 3, 0.05)));
    return 1;
}

void weir_lua_push_stats(lua_State *L)
{
    static const luaL_Reg functions[] = {{"bca_interval", bca_interval},
                                         {"deviation", deviation},
                                         {"emd", emd},
                                         {"friedman", friedman},
                                         {"holm", holm},
                                         {"hurst", hurst},
                                         {"jsd", jsd},
                                         {"jsd_codes", jsd_codes},
                                         {"jsd_ranks", jsd_ranks},
                                         {"kendall_test", kendall_test},
                                         {"least_p", least_p},
                                         {"mean", mean},
                                         {"nemenyi", nemenyi},
                                         {"quantile", quantile},
                                         {"spearman", spearman},
                                         {"spearman_test", spearman_test},
                                         {"t_interval", t_interval},
                                         {"wilcoxon_test", wilcoxon_test},
                                         {NULL, NULL}};

    luaL_newlib(L, functions);
}
