/* Datasets: rows in order of time, and their flows. */
#include "data/inside.h"
#include <stdlib.h>
#include <string.h>

/* ---- Order of time --------------------------------------------------------------------------- */

/* Stable merge sort of row indexes; halves already in order are left alone, so that a trace with a
 * few rows out of place costs little more than one pass. scratch: (n + 1) / 2. */
static void sort_rows(uint32_t *rows, size_t n, const int64_t *time, uint32_t *scratch)
{
    size_t half = n / 2, left = 0, right = half, out = 0;

    if (n < 2)
        return;
    sort_rows(rows, half, time, scratch);
    sort_rows(rows + half, n - half, time, scratch);
    if (time[rows[half - 1]] <= time[rows[half]])
        return;
    memcpy(scratch, rows, half * sizeof *rows);
    while (left < half) {
        if (right < n && time[rows[right]] < time[scratch[left]])
            rows[out++] = rows[right++];
        else
            rows[out++] = scratch[left++];
    }
}

static const int64_t *times_of(const weir_table *table)
{
    return weir_i64(table, table->schema == WEIR_NETFLOW ? "ts" : "time");
}

static int order_by_time(weir_table *table, weir_error *error)
{
    const int64_t *time = times_of(table);
    size_t n = table->rows, i = 1;
    uint32_t *rows, *scratch;
    int status;

    while (i < n && time[i - 1] <= time[i])
        i++;
    if (i >= n)
        return WEIR_OK;
    rows = malloc(n * sizeof *rows);
    scratch = malloc((n / 2 + 1) * sizeof *scratch);
    if (!rows || !scratch) {
        free(rows);
        free(scratch);
        return weir_error_memory(error, n * 6, "sorting by time");
    }
    for (i = 0; i < n; i++)
        rows[i] = (uint32_t)i;
    sort_rows(rows, n, time, scratch);
    free(scratch);
    status = weir_table_permute(table, rows, error);
    free(rows);
    return status;
}

/* ---- Flows ----------------------------------------------------------------------------------- */

typedef struct flow_key {
    uint64_t addresses;
    uint64_t rest; /* ports and protocol */
} flow_key;

/* Two multiplications spread every bit over the index, so that one-prefix traces and floods with
 * spoofed sources fill the slots evenly. */
static uint64_t hash_key(flow_key key)
{
    uint64_t hash = key.addresses * 0x9E3779B97F4A7C15u + key.rest * 0xC2B2AE3D27D4EB4Fu;

    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93u;
    return hash ^ hash >> 32;
}

/* The flows seen so far: slots hold a flow's number + 1, at most three quarters of them. */
typedef struct flow_index {
    uint32_t *slots;
    uint64_t mask;
    flow_key *keys; /* [capacity], in order of first row */
    uint32_t count;
    size_t capacity;
} flow_index;

static bool grow_index(flow_index *index)
{
    uint64_t slots = index->slots ? (index->mask + 1) * 2 : 4096;
    flow_key *keys = realloc(index->keys, slots / 4 * 3 * sizeof *keys);

    if (!keys)
        return false;
    index->keys = keys;
    index->capacity = slots / 4 * 3;
    free(index->slots); /* first, so that old and new never stand side by side */
    index->slots = calloc(slots, sizeof *index->slots);
    if (!index->slots)
        return false;
    index->mask = slots - 1;
    for (uint32_t flow = 0; flow < index->count; flow++) {
        uint64_t at = hash_key(keys[flow]) & index->mask;
        while (index->slots[at])
            at = (at + 1) & index->mask;
        index->slots[at] = flow + 1;
    }
    return true;
}

typedef struct tuples {
    const uint32_t *srcip, *dstip;
    const uint16_t *srcport, *dstport;
    const uint8_t *proto;
} tuples;

static flow_key key_of(const tuples *t, size_t i)
{
    return (flow_key){(uint64_t)t->srcip[i] << 32 | t->dstip[i],
                      (uint64_t)t->srcport[i] << 24 | (uint64_t)t->dstport[i] << 8 | t->proto[i]};
}

/* The number of each row's flow, flows numbered by first row. Slots, and then the keys they lead
 * to, are asked for some rows ahead, so that the memory answers in time. */
static bool number_flows(const weir_table *table, flow_index *index, uint32_t *flow_of)
{
    enum { slots_ahead = 16, keys_ahead = 8 };
    tuples t = {weir_u32(table, "srcip"), weir_u32(table, "dstip"), weir_u16(table, "srcport"),
                weir_u16(table, "dstport"), weir_u8(table, "proto")};
    uint64_t hashes[slots_ahead] = {0};
    size_t n = table->rows;

    if (!grow_index(index))
        return false;
    for (size_t i = 0; i < n + slots_ahead; i++) {
        size_t row = i - slots_ahead;
        uint64_t at = hashes[i % slots_ahead];
        flow_key key;
        uint32_t flow;

        if (i < n) {
            hashes[i % slots_ahead] = hash_key(key_of(&t, i));
            __builtin_prefetch(&index->slots[hashes[i % slots_ahead] & index->mask]);
        }
        flow = index->slots[hashes[(i + keys_ahead) % slots_ahead] & index->mask];
        if (flow)
            __builtin_prefetch(&index->keys[flow - 1]);
        if (i < slots_ahead)
            continue;
        if (index->count >= index->capacity && !grow_index(index))
            return false;
        key = key_of(&t, row);
        for (at &= index->mask; (flow = index->slots[at]) != 0; at = (at + 1) & index->mask) {
            if (index->keys[flow - 1].addresses == key.addresses &&
                index->keys[flow - 1].rest == key.rest)
                break;
        }
        if (!flow) {
            index->keys[index->count] = key;
            index->slots[at] = flow = ++index->count;
        }
        flow_of[row] = flow - 1;
    }
    return true;
}

void weir_flows_free(weir_flows *flows)
{
    free((void *)(uintptr_t)flows->offsets);
    free((void *)(uintptr_t)flows->rows);
    free((void *)(uintptr_t)flows->flow_of);
    memset(flows, 0, sizeof *flows);
}

int weir_flows_group(const weir_table *table, weir_flows *flows, weir_error *error)
{
    size_t n = table->rows;
    flow_index index = {0};
    uint32_t *flow_of = weir_huge_alloc((n + 1) * sizeof *flow_of), *offsets = NULL, *rows = NULL;
    bool done = flow_of && number_flows(table, &index, flow_of);

    free(index.slots);
    free(index.keys);
    if (done) {
        offsets = calloc((size_t)index.count + 2, sizeof *offsets);
        rows = weir_huge_alloc((n + 1) * sizeof *rows);
    }
    if (!offsets || !rows) {
        free(flow_of);
        free(offsets);
        free(rows);
        return weir_error_memory(error, n * 30, "grouping into flows");
    }
    /* A counting sort: offsets is shifted by one while rows are placed. */
    for (size_t i = 0; i < n; i++)
        offsets[flow_of[i] + 2]++;
    for (uint32_t flow = 1; flow <= index.count; flow++)
        offsets[flow + 1] += offsets[flow];
    for (size_t i = 0; i < n; i++)
        rows[offsets[flow_of[i] + 1]++] = (uint32_t)i;
    *flows = (weir_flows){index.count, offsets, rows, flow_of};
    return WEIR_OK;
}

/* ---- Datasets -------------------------------------------------------------------------------- */

weir_dataset *weir_dataset_new(weir_table *table, weir_error *error)
{
    weir_dataset *dataset = NULL;
    uint32_t schema = table ? table->schema : 0;

    if (!schema)
        weir_error_set(error, WEIR_EDATA,
                       "a dataset needs a table of packets, flow records or series");
    else if (table->rows > UINT32_MAX - 2)
        weir_error_set(error, WEIR_EDATA, "%zu rows are more than the %u a dataset can have",
                       table->rows, UINT32_MAX - 2);
    else if (!weir_table_sound(table, error) &&
             (schema == WEIR_SERIES || !order_by_time(table, error))) {
        dataset = calloc(1, sizeof *dataset);
        if (dataset)
            dataset->name = strdup("data");
        if (!dataset || !dataset->name)
            weir_error_memory(error, sizeof *dataset, "a dataset");
    }
    if (!dataset || !dataset->name) {
        free(dataset);
        weir_table_free(table);
        return NULL;
    }
    dataset->table = table;
    pthread_mutex_init(&dataset->lock, NULL);
    if (schema != WEIR_SERIES)
        dataset->holds = WEIR_TIMESTAMPS | WEIR_FLOWS;
    if (weir_codes(table, "label") || weir_codes(table, "type"))
        dataset->holds |= WEIR_LABELS;
    return dataset;
}

void weir_dataset_free(weir_dataset *dataset)
{
    if (!dataset)
        return;
    if (!dataset->flows_lent)
        weir_flows_free(&dataset->flows);
    pthread_mutex_destroy(&dataset->lock);
    weir_table_free(dataset->table);
    free(dataset->name);
    free(dataset);
}

const weir_table *weir_dataset_table(const weir_dataset *dataset)
{
    return dataset->table;
}

size_t weir_dataset_rows(const weir_dataset *dataset)
{
    return dataset->table->rows;
}

uint32_t weir_dataset_schema(const weir_dataset *dataset)
{
    return dataset->table->schema;
}

uint32_t weir_dataset_holds(const weir_dataset *dataset)
{
    return dataset->holds;
}

void weir_dataset_set_holds(weir_dataset *dataset, uint32_t holds)
{
    dataset->holds = holds;
}

const char *weir_dataset_name(const weir_dataset *dataset)
{
    return dataset->name;
}

void weir_dataset_set_name(weir_dataset *dataset, const char *name)
{
    char *copy = strdup(name ? name : "data");

    if (!copy) /* the old name stands: a name is not worth a failure */
        return;
    free(dataset->name);
    dataset->name = copy;
}

const weir_flows *weir_dataset_flows(const weir_dataset *dataset, weir_error *error)
{
    weir_dataset *cache = (weir_dataset *)(uintptr_t)dataset;

    if (dataset->table->schema == WEIR_SERIES) {
        weir_error_set(error, WEIR_EDATA, "series have no flows");
        return NULL;
    }
    pthread_mutex_lock(&cache->lock);
    if (!cache->grouped)
        cache->grouped = weir_flows_group(cache->table, &cache->flows, error) == WEIR_OK;
    pthread_mutex_unlock(&cache->lock);
    return cache->grouped ? &cache->flows : NULL;
}

bool weir_dataset_span(const weir_dataset *dataset, int64_t *first, int64_t *last)
{
    const weir_table *table = dataset->table;
    const int64_t *time = table->schema == WEIR_SERIES ? NULL : times_of(table);

    if (!time || !table->rows)
        return false;
    *first = time[0];
    *last = time[table->rows - 1];
    return true;
}

weir_dataset *weir_dataset_select(const weir_dataset *dataset, const uint32_t *rows, size_t n,
                                  weir_error *error)
{
    weir_table *table = weir_table_select(dataset->table, rows, n, error);
    weir_dataset *out = table ? weir_dataset_new(table, error) : NULL;

    if (out) {
        out->holds = dataset->holds;
        weir_dataset_set_name(out, dataset->name);
    }
    return out;
}

size_t weir_dataset_labelled(const weir_dataset *dataset, const char *label, uint32_t *rows)
{
    const uint32_t *codes = weir_codes(dataset->table, "label");
    uint32_t code = codes ? weir_category_code(dataset->table, "label", label) : UINT32_MAX;
    size_t n = 0;

    for (size_t i = 0; i < dataset->table->rows && code != UINT32_MAX; i++) {
        if (codes[i] != code)
            continue;
        if (rows)
            rows[n] = (uint32_t)i;
        n++;
    }
    return n;
}
