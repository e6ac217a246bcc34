/* Datasets and statistics in Lua. Covers: core/lua/view.c core/lua/statistics.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lua/view.h"
#include <lauxlib.h>
#include <lualib.h>

/* Six packets of three flows (1 3 5, 2 6, 4), a second apart. */
static weir_dataset *packets(void)
{
    static const uint32_t sources[] = {1, 2, 1, 3, 1, 2};
    weir_table *table = weir_table_new(WEIR_PACKETS, 6, NULL);
    weir_dataset *dataset;

    assert_non_null(table);
    for (size_t i = 0; i < 6; i++) {
        weir_i64_out(table, "time")[i] = INT64_C(1700000000000000001) + (int64_t)i * 1000000000;
        weir_u32_out(table, "srcip")[i] = sources[i];
        weir_u16_out(table, "pkt_len")[i] = (uint16_t)(100 * (i + 1));
    }
    dataset = weir_dataset_new(table, NULL);
    assert_non_null(dataset);
    weir_dataset_set_name(dataset, "six");
    return dataset;
}

static weir_dataset *records(const char *const *types, size_t n)
{
    weir_table *table = weir_table_new(WEIR_NETFLOW, n, NULL);
    weir_dataset *dataset;

    assert_int_equal(weir_table_add(table, "type", WEIR_CATEGORY, 1, NULL), WEIR_OK);
    for (size_t i = 0; i < n; i++) {
        uint32_t code = weir_category_add(table, "type", types[i], NULL);

        weir_codes_out(table, "type")[i] = code;
        weir_f64_out(table, "td")[i] = 0.5 * (double)i;
        weir_u64_out(table, "byt")[i] = i ? i : UINT64_MAX;
    }
    dataset = weir_dataset_new(table, NULL);
    assert_non_null(dataset);
    return dataset;
}

static int make(lua_State *L)
{
    static const char *const types[] = {"web"};

    *weir_lua_dataset_slot(L) = records(types, 1);
    return 1;
}

/* Runs Lua with the data as globals; fails with the message of what it raised. */
static void run(const char *code)
{
    static const char *const first[] = {"web", "dns", "web"}, *const second[] = {"dns", "ssh",
                                                                                 "dns"};
    lua_State *L = luaL_newstate();
    weir_dataset *lent = packets();

    assert_non_null(L);
    luaL_openlibs(L);
    weir_lua_push_dataset(L, lent);
    lua_setglobal(L, "data");
    *weir_lua_dataset_slot(L) = records(first, 3);
    lua_setglobal(L, "a");
    *weir_lua_dataset_slot(L) = records(second, 3);
    lua_setglobal(L, "b");
    lua_register(L, "make", make);
    weir_lua_push_stats(L);
    lua_setglobal(L, "stats");
    if (luaL_dostring(
            L, "function near(x, y) assert(math.abs(x - y) < 1e-12, x .. ' is not ' .. y) end\n"
               "function raises(text, f, ...)\n"
               "  local ok, message = pcall(f, ...)\n"
               "  assert(not ok and message:find(text, 1, true), 'raised: ' .. "
               "tostring(message))\n"
               "end") != LUA_OK ||
        luaL_dostring(L, code) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
    weir_dataset_free(lent);
}

static void test_dataset(void **unused)
{
    (void)unused;
    run("assert(#data == 6 and data.rows == 6 and data.name == 'six' and data.schema == "
        "'packets')\n"
        "assert(a.schema == 'netflow' and tostring(data) == 'dataset six (6 rows)')\n"
        "assert(table.concat(data:columns(), ' ') == 'time srcip dstip srcport dstport proto "
        "pkt_len')\n"
        "local first, last = data:span()\n"
        "assert(first == 1700000000000000001 and last - first == 5000000000)\n"
        "raises(\"six has no column 'ttl' (it has: time, srcip,\", data.column, data, 'ttl')\n"
        "raises(\"a dataset has no member 'row'\", function() return data.row end)");
}

static void test_column(void **unused)
{
    (void)unused;
    run("local length, time = data:column 'pkt_len', data:column 'time'\n"
        "assert(#length == 6 and length[1] == 100 and length[6] == 600)\n"
        "assert(length[0] == nil and length[7] == nil and math.type(length[2]) == 'integer')\n"
        "assert(length:sum() == 2100 and length:mean() == 350)\n"
        "assert(length:min() == 100 and length:max() == 600)\n"
        /* nanoseconds do not fit a double, and must not pass through one */
        "assert(time:min() == 1700000000000000001 and time:max() == 1700000005000000001)\n"
        "assert(time[6] - time[1] == 5000000000)\n"
        "assert(table.concat(length:values(), ' ') == '100 200 300 400 500 600')\n"
        "assert(table.concat(length:values { 6, 1, 1 }, ' ') == '600 100 100')\n"
        "assert(length.name == 'pkt_len' and length.type == 'u16' and length.width == 1)\n"
        "assert(tostring(length) == 'column pkt_len (u16, 6 values)')\n"
        "raises(\"has no row 7 (it has 1 to 6)\", length.values, length, { 7 })\n"
        "raises(\"a column has no member 'avg'\", function() return length.avg end)\n"
        "local kind = a:column 'type'\n"
        "assert(kind[1] == 'web' and kind[2] == 'dns' and kind:values()[3] == 'web')\n"
        "raises('holds texts and has no sum', kind.sum, kind)\n"
        "assert(a:column('byt')[1] > 1.8e19 and a:column('byt')[2] == 1)\n"
        "assert(a:column('byt'):max() > 1.8e19 and a:column('td')[3] == 1.0)");
}

/* A column keeps its dataset, also when nothing else does. */
static void test_lifetime(void **unused)
{
    (void)unused;
    run("local column, flows = a:column 'td', a:flows()\n"
        "a = nil\n"
        "for _ = 1, 4 do collectgarbage() end\n"
        "assert(column[3] == 1.0 and column:sum() == 1.5 and flows.count >= 1)");
}

/* What is called with the wrong object, or after its data is gone, is an error like any other. */
static void test_misuse(void **unused)
{
    (void)unused;
    run("local column, flows = a:column 'td', a:flows()\n"
        "local meta, rows, columns = getmetatable(column), flows.rows, a.columns\n"
        "raises('weir.column expected', meta.__index, nil, 1)\n"
        "raises('weir.column expected', meta.__index, a, 1)\n"
        "raises('weir.dataset expected', getmetatable(a).__gc, column)\n"
        "raises(\"a dataset has no member '__gc'\", function() a:__gc() end)\n"
        "raises('no member', function() return column[1.5] end)\n"
        "getmetatable(a).__gc(a)\n"
        "raises('its dataset has been freed', function() return column[1] end)\n"
        "raises('its dataset has been freed', meta.sum, column)\n"
        "raises('its dataset has been freed', stats.mean, column)\n"
        "raises('its dataset has been freed', rows, flows, 1)\n"
        "raises('its dataset has been freed', function() return #a end)\n"
        "raises('its dataset has been freed', columns, a)");
    /* a finalizer that runs behind the dataset's */
    run("local held = setmetatable({}, { __gc = function(self) said = {pcall(function() return "
        "self[1][1] end)} end })\n"
        "held[1] = make():column 'td'\n"
        "held = nil\n"
        "for _ = 1, 4 do collectgarbage() end\n"
        "assert(said[1] == false and said[2]:find 'its dataset has been freed')");
    run("local odd = setmetatable({ 1, 2, 3 }, { __len = function() return -1 end })\n"
        "assert(stats.mean(odd) == 2)");
}

static void test_flows(void **unused)
{
    (void)unused;
    run("local flows = data:flows()\n"
        "assert(flows.count == 3 and #flows == 3)\n"
        "assert(flows:size(1) == 3 and flows:size(2) == 2 and flows:size(3) == 1)\n"
        "assert(table.concat(flows:rows(1), ' ') == '1 3 5')\n"
        "assert(table.concat(flows:rows(2), ' ') == '2 6')\n"
        "assert(flows:of(4) == 3 and flows:of(6) == 2)\n"
        "raises('there is no flow 4 (there are 1 to 3)', flows.size, flows, 4)\n"
        "raises('there is no row 7 (there are 1 to 6)', flows.of, flows, 7)\n"
        "raises('there is no flow 0', flows.rows, flows, 0)");
}

static void test_stats(void **unused)
{
    (void)unused;
    run("near(stats.mean { 1, 2, 6 }, 3)\n"
        "near(stats.deviation { 1, 3 }, math.sqrt(2))\n"
        "near(stats.quantile({ 4, 1, 3, 2 }, 0.5), 2.5)\n"
        "near(stats.quantile(data:column 'pkt_len', 1), 600)\n"
        "near(stats.emd({ 0, 1 }, { 1, 2 }), 1)\n"
        "near(stats.emd(data:column 'pkt_len', data:column 'pkt_len'), 0)\n"
        "near(stats.jsd({ 1, 0 }, { 0, 5 }, 2), 1)\n"
        "near(stats.jsd({ 1, 0 }, { 0, 5 }), math.log(2))\n"
        "near(stats.jsd_codes({ 1, 2 }, { 1, 3 }, 2), 0.5)\n"
        /* texts are compared as texts: the codes of the two columns differ */
        "near(stats.jsd_codes(a:column 'type', a:column 'type', 2), 0)\n"
        "local p, q = { 2, 1, 0 }, { 0, 2, 1 }\n"
        "near(stats.jsd_codes(a:column 'type', b:column 'type', 2), stats.jsd(p, q, 2))\n"
        "near(stats.jsd_ranks({ 1, 1, 2 }, { 7, 8, 7 }), 0)\n"
        "near(stats.spearman({ 1, 2, 3 }, { 10, 20, 90 }), 1)\n"
        "assert(stats.spearman({ 1, 2, 3 }, { 5, 5, 5 }) == nil)\n"
        "local constant = {}\n"
        "for i = 1, 64 do constant[i] = 2 end\n"
        "assert(stats.hurst(constant) == nil)\n"
        "local low, high = stats.t_interval { 1, 2, 3, 4, 5 }\n"
        "near((low + high) / 2, 3)\n"
        "assert(math.abs(high - 4.963243161) < 1e-6)\n"
        "low, high = stats.bca_interval({ 1, 2, 3, 4, 5 }, 0.9)\n"
        "assert(low > 1 and low < 3 and high > 3 and high < 5)");
}

/* The numbers are those of comparison.json and of the tests in C. */
static void test_stats_of_ranks(void **unused)
{
    (void)unused;
    run("local a, b = { 1, 2, 3, 4, 5 }, { 2, 1, 3, 5, 4 }\n"
        "local rho, p, least = stats.spearman_test(a, b)\n"
        "near(rho, 0.8) near(p, 2 / 15) near(least, 1 / 60)\n"
        "local tau, tau_p = stats.kendall_test(a, b)\n"
        "near(tau, 0.6) near(tau_p, 7 / 30)\n"
        "local zeros = { 0, 0, 0, 0, 0 }\n"
        "local w, w_p, w_least = stats.wilcoxon_test(a, zeros)\n"
        "near(w, 0) near(w_p, 0.0625) near(w_least, stats.least_p('wilcoxon', 5))\n"
        "near(stats.least_p('kendall', 4), 1 / 12)\n"
        "local holm = stats.holm { 0.01, 0.04, 0.03, 0.005 }\n"
        "near(holm[1], 0.03) near(holm[2], 0.06) near(holm[3], 0.06) near(holm[4], 0.02)\n"
        "local f = stats.friedman { { 1, 2 }, { 1, 2 }, { 2, 1 }, { 1, 2 }, { 3, 4 } }\n"
        "near(f.chi2, 1.8) near(f.f, 2.25) near(f.p, 0.208) near(f.least, 0.0625)\n"
        "near(f.ranks[1], 1.2) assert(#f.ranks == 2)\n"
        "assert(math.abs(stats.nemenyi(3, 6) - 1.353136) < 1e-5)\n"
        "assert(stats.nemenyi(3, 6, 0.1) < stats.nemenyi(3, 6))\n"
        "raises('values all equal', stats.kendall_test, a, zeros)\n"
        "raises('as many values as the first', stats.wilcoxon_test, a, { 1 })\n"
        "raises('99 or more', stats.spearman_test, a, b, 5)\n"
        "raises('invalid option', stats.least_p, 'student', 5)\n"
        "raises('value 2 is no p', stats.holm, { 0.5, 1.5 })\n"
        "raises('2 blocks at least', stats.friedman, { { 1, 2 } })\n"
        "raises('block 2 has not as many', stats.friedman, { { 1, 2 }, { 1, 2, 3 } })\n"
        "raises('2 or more', stats.nemenyi, 1, 5)\n"
        "raises('a level between 0 and 1', stats.nemenyi, 2, 5, 5)");
}

static void test_stats_refuse(void **unused)
{
    (void)unused;
    run("raises('1 values at least, there are 0', stats.mean, {})\n"
        "raises('2 values at least, there are 1', stats.deviation, { 1 })\n"
        "raises('value 2 is not a finite number', stats.mean, { 1, 0/0 })\n"
        "raises('value 1 is not a finite number', stats.mean, { 'x' })\n"
        "raises('a list of numbers or a column expected', stats.emd, { 1 })\n"
        "raises('a list of numbers or a column expected', stats.mean, 'text')\n"
        "raises('this one holds texts', stats.mean, a:column 'type')\n"
        "raises('a share from 0 to 1 expected', stats.quantile, { 1 }, 2)\n"
        "raises('as many weights as the first argument has', stats.jsd, { 1, 2 }, { 1 })\n"
        "raises('weights of 0 or more expected', stats.jsd, { 1, 2 }, { 1, -1 })\n"
        "raises('weights that are not all 0', stats.jsd, { 1, 2 }, { 0, 0 })\n"
        "raises('a base above 1 expected', stats.jsd, { 1 }, { 1 }, 1)\n"
        "raises('not a whole number from 0 to 2^32 - 1', stats.jsd_codes, { 1.5 }, { 1 })\n"
        "raises('not a whole number from 0 to 2^32 - 1', stats.jsd_codes, { 1 }, { -1 })\n"
        "raises('16 values at least', stats.hurst, { 1, 2 })\n"
        "raises('a level between 0 and 1', stats.t_interval, { 1, 2 }, 95)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dataset),        cmocka_unit_test(test_column),
        cmocka_unit_test(test_lifetime),       cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_flows),          cmocka_unit_test(test_stats),
        cmocka_unit_test(test_stats_of_ranks), cmocka_unit_test(test_stats_refuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
