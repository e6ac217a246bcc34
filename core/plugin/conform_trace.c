/* Small traces for the conformance checks: every optional column, several protocols, ties in time.
 */
#include "plugin/conforming.h"
#include <stdio.h>
#include <string.h>

const char *weir_conform_schema_name(uint32_t schema)
{
    return schema == WEIR_PACKETS ? "packets" : schema == WEIR_NETFLOW ? "netflow" : "series";
}

uint32_t weir_conform_schema(const weir_subject *subject, int *at)
{
    static const uint32_t all[] = {WEIR_PACKETS, WEIR_NETFLOW, WEIR_SERIES};
    const weir_plugin *plugin = subject->plugin;
    uint32_t accepts = plugin->accepts & WEIR_ANY_SCHEMA;

    if (!accepts)
        accepts = WEIR_ANY_SCHEMA;
    while (*at < 3) {
        uint32_t schema = all[(*at)++];
        if (accepts & schema)
            return schema;
    }
    return 0;
}

static void fill_tuple(weir_table *table, size_t row, uint64_t flow)
{
    static const uint8_t protocols[] = {6, 6, 17, 6, 1};
    weir_random random = weir_random_new(flow, "tuple");
    uint8_t protocol = protocols[flow % 5];

    weir_u32_out(table, "srcip")[row] = 0x0a000000u + (uint32_t)weir_random_below(&random, 20);
    weir_u32_out(table, "dstip")[row] = 0xc0a80000u + (uint32_t)weir_random_below(&random, 10);
    weir_u16_out(table, "srcport")[row] =
        (uint16_t)(protocol == 1 ? 0 : 1024 + weir_random_below(&random, 60000));
    weir_u16_out(table, "dstport")[row] = (uint16_t)(protocol == 1 ? 0 : (flow % 3 ? 443 : 53));
    weir_u8_out(table, "proto")[row] = protocol;
}

static weir_table *packets(size_t rows, uint64_t seed, weir_error *error)
{
    static const char *const bytes[] = {"tos", "ttl", "flag", "tcp_flags"};
    weir_table *table = weir_table_new(WEIR_PACKETS, rows, error);
    weir_random random = weir_random_new(seed, "packets");
    int64_t time = 1600000000000000000;

    if (!table)
        return NULL;
    for (size_t i = 0; i < 4; i++)
        weir_table_add(table, bytes[i], WEIR_U8, 1, error);
    weir_table_add(table, "id", WEIR_U16, 1, error);
    weir_table_add(table, "off", WEIR_U16, 1, error);
    if (error->status != WEIR_OK)
        return table;
    for (size_t i = 0; i < rows; i++) {
        uint64_t flow = weir_random_below(&random, rows / 8 + 1);
        time += weir_random_below(&random, 10) ? (int64_t)(weir_random_exponential(&random) * 2e6)
                                               : 0; /* a tie */
        weir_i64_out(table, "time")[i] = time;
        fill_tuple(table, i, flow + seed);
        weir_u16_out(table, "pkt_len")[i] =
            (uint16_t)(weir_random_below(&random, 2) ? 40 : 40 + weir_random_below(&random, 1461));
        weir_u8_out(table, "ttl")[i] = (uint8_t)(64 - flow % 3);
        weir_u8_out(table, "flag")[i] = 2;
        weir_u8_out(table, "tcp_flags")[i] = 0x10;
        weir_u16_out(table, "id")[i] = (uint16_t)weir_random_u32(&random);
    }
    return table;
}

static weir_table *netflow(size_t rows, uint64_t seed, weir_error *error)
{
    static const char *const labels[] = {"benign", "scan", "flood"};
    weir_table *table = weir_table_new(WEIR_NETFLOW, rows, error);
    weir_random random = weir_random_new(seed, "netflow");
    int64_t time = 1600000000000000000;

    if (!table || weir_table_add(table, "label", WEIR_CATEGORY, 1, error) ||
        weir_table_add(table, "type", WEIR_CATEGORY, 1, error))
        return table;
    for (size_t i = 0; i < rows; i++) {
        uint64_t flow = weir_random_below(&random, rows / 3 + 1), count;
        time += (int64_t)(weir_random_exponential(&random) * 5e7);
        count = 1 + weir_random_below(&random, 40);
        weir_i64_out(table, "ts")[i] = time;
        weir_f64_out(table, "td")[i] = count > 1 ? weir_random_exponential(&random) : 0;
        fill_tuple(table, i, flow + seed);
        weir_u64_out(table, "pkt")[i] = count;
        weir_u64_out(table, "byt")[i] = count * (40 + weir_random_below(&random, 1400));
        weir_codes_out(table, "label")[i] =
            weir_category_add(table, "label", labels[flow % 3], error);
        weir_codes_out(table, "type")[i] =
            weir_category_add(table, "type", flow % 3 ? "attack" : "none", error);
    }
    return table;
}

static weir_table *series(size_t rows, uint64_t seed, weir_error *error)
{
    static const char *const labels[] = {"video/a/1", "video/a/2", "web/b/1", "web/b/2"};
    weir_series_shape shape = {
        .steps = 16, .channels = 2, .step_seconds = 0.25, .names = {"bytes", "packets"}};
    weir_table *table = weir_table_new_series(&shape, rows, error);
    weir_random random = weir_random_new(seed, "series");

    for (size_t i = 0; table && i < rows; i++) {
        uint32_t length = 8 + (uint32_t)weir_random_below(&random, 9), class = (uint32_t)i % 4;
        weir_u32_out(table, "length")[i] = length;
        weir_codes_out(table, "label")[i] = weir_category_add(table, "label", labels[class], error);
        for (size_t j = 0; j < length; j++) {
            float *at = weir_f32_out(table, "values") + (i * shape.steps + j) * shape.channels;
            at[1] = (float)weir_random_below(&random, 4 + class);
            at[0] = at[1] * (float)(40 + weir_random_below(&random, 1400));
        }
    }
    return table;
}

weir_dataset *weir_conform_trace(weir_subject *subject, uint32_t schema, size_t rows, uint64_t seed)
{
    weir_error error = {0};
    weir_table *table = schema == WEIR_PACKETS   ? packets(rows, seed, &error)
                        : schema == WEIR_NETFLOW ? netflow(rows, seed, &error)
                                                 : series(rows, seed, &error);
    weir_dataset *dataset =
        table && error.status == WEIR_OK ? weir_dataset_new(table, &error) : NULL;

    NEED(subject, dataset, "the check's own trace: %s", error.text);
    weir_dataset_set_name(dataset, "check");
    return dataset;
}
