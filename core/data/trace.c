/* Reading traces: one or more files of one schema into a dataset, with facts about them. */
#include "data/file.h"
#include "data/read.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

bool weir_time_unit_parse(const char *text, weir_time_unit *unit)
{
    static const char *const names[] = {"s", "ms", "us", "ns"};

    for (int i = 0; i < 4; i++) {
        if (!strcmp(text, names[i])) {
            *unit = (weir_time_unit)(WEIR_TIME_S + i);
            return true;
        }
    }
    return false;
}

/* ---- Counters -------------------------------------------------------------------------------- */

void weir_count(weir_counters *counters, const char *what)
{
    size_t i = 0;

    while (i < counters->used && strcmp(counters->at[i].what, what))
        i++;
    if (i == counters->used && i < WEIR_COUNTERS) {
        snprintf(counters->at[i].what, sizeof counters->at[i].what, "%s",
                 i == WEIR_COUNTERS - 1 ? "other" : what);
        counters->used++;
    }
    counters->at[i < WEIR_COUNTERS ? i : WEIR_COUNTERS - 1].n++;
}

json_t *weir_counters_json(const weir_counters *counters)
{
    json_t *object = json_object();

    for (size_t i = 0; i < counters->used; i++)
        json_object_set_new(object, counters->at[i].what,
                            json_integer((json_int_t)counters->at[i].n));
    return object;
}

/* ---- The table being filled ------------------------------------------------------------------ */

static const struct {
    uint32_t schema;
    const char *name;
    weir_type type;
} optional[] = {
    {WEIR_PACKETS, "tos", WEIR_U8},         {WEIR_PACKETS, "ttl", WEIR_U8},
    {WEIR_PACKETS, "id", WEIR_U16},         {WEIR_PACKETS, "flag", WEIR_U8},
    {WEIR_PACKETS, "off", WEIR_U16},        {WEIR_PACKETS, "tcp_flags", WEIR_U8},
    {WEIR_NETFLOW, "label", WEIR_CATEGORY}, {WEIR_NETFLOW, "type", WEIR_CATEGORY},
};

static const char *schema_name(uint32_t schema)
{
    return schema == WEIR_PACKETS ? "packets" : schema == WEIR_NETFLOW ? "netflow" : "series";
}

static void take_pointers(weir_reading *reading)
{
    weir_table *table = reading->table;

    if (reading->schema != WEIR_PACKETS)
        return;
    reading->packet = (weir_packet_columns){
        .time = weir_i64_out(table, "time"),
        .srcip = weir_u32_out(table, "srcip"),
        .dstip = weir_u32_out(table, "dstip"),
        .srcport = weir_u16_out(table, "srcport"),
        .dstport = weir_u16_out(table, "dstport"),
        .pkt_len = weir_u16_out(table, "pkt_len"),
        .id = weir_u16_out(table, "id"),
        .off = weir_u16_out(table, "off"),
        .proto = weir_u8_out(table, "proto"),
        .tos = weir_u8_out(table, "tos"),
        .ttl = weir_u8_out(table, "ttl"),
        .flag = weir_u8_out(table, "flag"),
        .tcp_flags = weir_u8_out(table, "tcp_flags"),
    };
}

int weir_reading_schema(weir_reading *reading, uint32_t schema, const weir_series_shape *shape,
                        weir_error *error)
{
    if (reading->schema == schema && schema != WEIR_SERIES)
        return WEIR_OK;
    if (reading->schema)
        return weir_error_set(error, WEIR_EDATA,
                              reading->schema == schema
                                  ? "series are read from one file at a time"
                                  : "holds %s, but the files before it hold %s: files that are "
                                    "merged must be of one kind",
                              schema_name(schema), schema_name(reading->schema));
    reading->table = schema == WEIR_SERIES ? weir_table_new_series(shape, 0, error)
                                           : weir_table_new(schema, 0, error);
    if (!reading->table)
        return WEIR_ENOMEM;
    reading->schema = schema;
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        if (optional[i].schema == schema &&
            weir_table_add(reading->table, optional[i].name, optional[i].type, 1, error))
            return WEIR_ENOMEM;
    }
    return schema == WEIR_SERIES ? WEIR_OK : weir_reading_grow(reading, 1024, error);
}

int weir_reading_grow(weir_reading *reading, size_t room, weir_error *error)
{
    if (room <= reading->room)
        return WEIR_OK;
    if (room > UINT32_MAX - 2)
        room = UINT32_MAX - 2;
    if (room == reading->room)
        return weir_error_set(error, WEIR_EDATA, "more than %u rows", UINT32_MAX - 2);
    if (weir_table_resize(reading->table, room, error))
        return WEIR_ENOMEM;
    reading->room = room;
    take_pointers(reading);
    return WEIR_OK;
}

void weir_reading_absent(weir_reading *reading, const char *column)
{
    for (size_t i = 0; i < reading->absents; i++) {
        if (!strcmp(reading->absent[i], column))
            return;
    }
    if (reading->absents < sizeof reading->absent / sizeof reading->absent[0])
        snprintf(reading->absent[reading->absents++], sizeof reading->absent[0], "%s", column);
}

/* ---- One file -------------------------------------------------------------------------------- */

/* What a file that is neither capture nor text may be, for the message. */
static const char *other_format(const unsigned char *bytes, size_t n)
{
    static const struct {
        const char *magic, *text;
        size_t n;
    } known[] = {
        {"\x1f\x8b", "it is compressed by gzip: unpack it first", 2},
        {"\x28\xb5\x2f\xfd", "it is compressed by zstd: unpack it first", 4},
        {"\xfd"
         "7zXZ",
         "it is compressed by xz: unpack it first", 5},
        {"BZh", "it is compressed by bzip2: unpack it first", 3},
        {"PK\x03\x04", "it is a zip archive: unpack it first", 4},
        {"snoop\0\0", "it is a snoop capture: editcap converts it", 7},
        {"WEIRCOL", "it is a columnar file of Weir, not a trace", 7},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (n >= known[i].n && !memcmp(bytes, known[i].magic, known[i].n))
            return known[i].text;
    }
    return "neither pcap nor pcapng, nor a CSV table";
}

/* Text with a comma or tab in its first line, or a Zeek log. */
static bool looks_like_csv(const unsigned char *bytes, size_t n)
{
    bool separated = n > 10 && !memcmp(bytes, "#separator", 10);

    size_t i = 0;

    while (i < n && (bytes[i] == '\n' || bytes[i] == '\r')) /* empty lines before the header */
        i++;
    for (; i < n; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r')
            return separated;
        if (bytes[i] < 9 || (bytes[i] > 13 && bytes[i] < 32))
            return false;
        separated |= bytes[i] == ',' || bytes[i] == '\t';
    }
    return separated;
}

static int read_file(weir_reading *reading, const char *path, weir_error *error)
{
    unsigned char bytes[4096];
    struct stat info;
    FILE *stream;
    size_t n;

    if (stat(path, &info))
        return weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return weir_error_set(error, WEIR_EDATA, "%s: %s, but a capture or CSV file is needed",
                              path, S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
    stream = fopen(path, "re");
    if (!stream)
        return weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
    n = fread(bytes, 1, sizeof bytes, stream);
    fclose(stream);
    json_object_set_new(reading->file, "path", json_string(path));
    json_object_set_new(reading->file, "bytes", json_integer(info.st_size));
    if (!n)
        return weir_error_set(error, WEIR_EDATA, "%s: the file is empty", path);
    if (weir_capture_format(bytes, n)) {
        json_object_set_new(reading->file, "format", json_string(weir_capture_format(bytes, n)));
        return weir_capture_read(reading, path, error);
    }
    if (looks_like_csv(bytes, n))
        return weir_csv_read(reading, path, error);
    return weir_error_set(error, WEIR_EDATA, "%s: not a capture: %s", path, other_format(bytes, n));
}

/* Times in the file that step back; the dataset is put in order later. */
static void count_steps_back(weir_reading *reading, size_t from)
{
    const int64_t *time;

    if (reading->schema == WEIR_SERIES)
        return;
    time = weir_i64(reading->table, reading->schema == WEIR_PACKETS ? "time" : "ts");
    for (size_t i = from + 1; i < reading->rows; i++) {
        if (time[i] < time[i - 1])
            weir_count(&reading->notes, "out of order, put in place");
    }
}

/* Whether a path leads to the same file as one before it. */
static bool seen_before(const char *const *paths, size_t at)
{
    struct stat info, other;

    for (size_t i = 0; i < at; i++) {
        if (!stat(paths[at], &info) && !stat(paths[i], &other) && info.st_dev == other.st_dev &&
            info.st_ino == other.st_ino)
            return true;
    }
    return false;
}

static int read_files(weir_reading *reading, const char *const *paths, size_t n, json_t *files,
                      weir_error *error)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t records = reading->records;
        size_t rows = reading->rows;
        int status;

        reading->file = json_object();
        json_array_append_new(files, reading->file);
        if (!reading->file)
            return weir_error_memory(error, 64, "facts");
        if (seen_before(paths, i))
            return weir_error_set(error, WEIR_EDATA, "%s: the same file is given twice", paths[i]);
        status = read_file(reading, paths[i], error);
        if (status)
            return status;
        json_object_set_new(reading->file, "packets",
                            json_integer((json_int_t)(reading->records - records)));
        count_steps_back(reading, rows);
    }
    return WEIR_OK;
}

/* ---- Facts ----------------------------------------------------------------------------------- */

static json_t *time_text(int64_t ns)
{
    time_t seconds = (time_t)(ns / 1000000000);
    long rest = (long)(ns % 1000000000);
    char text[80];
    struct tm tm;

    if (rest < 0) {
        rest += 1000000000;
        seconds--;
    }
    gmtime_r(&seconds, &tm);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, rest);
    return json_string(text);
}

/* The union of the files' link types; the format where all files have one, else "mixed". */
static void join_files(json_t *facts, json_t *files)
{
    json_t *types = json_array(), *file, *type, *seen;
    const char *format = NULL;
    size_t i, j, k;

    json_array_foreach(files, i, file)
    {
        const char *own = json_string_value(json_object_get(file, "format"));
        format = !i || (own && format && !strcmp(own, format)) ? own : "mixed";
        json_array_foreach(json_object_get(file, "link_types"), j, type)
        {
            bool known = false;
            json_array_foreach(types, k, seen) known |= json_equal(seen, type);
            if (!known)
                json_array_append(types, type);
        }
    }
    json_object_set_new(facts, "format", json_string(format ? format : "none"));
    json_object_set_new(facts, "link_types", types);
}

static json_t *make_facts(const weir_reading *reading, json_t *files, const weir_dataset *dataset,
                          const weir_flows *flows)
{
    json_t *facts = json_object();
    int64_t first, last;

    json_object_set(facts, "files", files);
    json_object_set_new(facts, "schema", json_string(schema_name(reading->schema)));
    json_object_set_new(facts, "packets", json_integer((json_int_t)reading->records));
    json_object_set_new(facts, "ipv4", json_integer((json_int_t)weir_dataset_rows(dataset)));
    json_object_set_new(facts, "flows", flows ? json_integer(flows->count) : json_null());
    json_object_set_new(facts, "skipped", weir_counters_json(&reading->skipped));
    json_object_set_new(facts, "notes", weir_counters_json(&reading->notes));
    json_object_set(facts, "ignored_columns", reading->ignored);
    join_files(facts, files);
    if (weir_dataset_span(dataset, &first, &last)) {
        json_object_set_new(facts, "first", time_text(first));
        json_object_set_new(facts, "last", time_text(last));
        json_object_set_new(facts, "duration", json_real(((double)last - (double)first) / 1e9));
    }
    return facts;
}

/* "no IPv4 packet among 10: 6 not IPv4: ARP, 4 not IPv4: IPv6". */
static int nothing_left(const weir_reading *reading, const char *first, size_t n, weir_error *error)
{
    char text[512] = "", path[512];
    size_t used = 0;

    if (n > 1)
        snprintf(path, sizeof path, "%.400s and %zu more", first, n - 1);
    else
        snprintf(path, sizeof path, "%.500s", first);
    if (!reading->records)
        return weir_error_set(error, WEIR_EDATA, "%s: %s", path,
                              reading->schema == WEIR_PACKETS   ? "it has no packets"
                              : reading->schema == WEIR_NETFLOW ? "it has no flow records"
                                                                : "it has no series");
    for (size_t i = 0; i < reading->skipped.used && used < sizeof text - 1; i++) {
        int written = snprintf(text + used, sizeof text - used, "%s%" PRIu64 " %s", i ? ", " : "",
                               reading->skipped.at[i].n, reading->skipped.at[i].what);
        used += written > 0 ? (size_t)written : 0;
    }
    return weir_error_set(error, WEIR_EDATA, "%s: no usable IPv4 among its %" PRIu64 " %s: %s",
                          path, reading->records,
                          reading->schema == WEIR_PACKETS ? "packets" : "records", text);
}

/* ---- All files ------------------------------------------------------------------------------- */

/* The dataset of what was read; takes the table. */
static weir_dataset *finish(weir_reading *reading, const char *path, weir_error *error)
{
    uint64_t limit = reading->options->packets;
    weir_dataset *dataset;
    char name[256];

    for (size_t i = 0; i < reading->absents; i++)
        weir_table_drop(reading->table, reading->absent[i]);
    if (weir_table_resize(reading->table, reading->rows, error))
        return NULL;
    dataset = weir_dataset_new(reading->table, error);
    reading->table = NULL;
    if (!dataset) {
        weir_error_prefix(error, "%s: ", path);
        return NULL;
    }
    if (limit && limit < reading->rows && weir_table_resize(dataset->table, (size_t)limit, error)) {
        weir_dataset_free(dataset);
        return NULL;
    }
    weir_path_stem(path, name, sizeof name);
    weir_dataset_set_name(dataset, name);
    return dataset;
}

weir_dataset *weir_trace_read(const char *const *paths, size_t n, const weir_read_options *options,
                              json_t **facts, weir_error *error)
{
    static const weir_read_options defaults;
    weir_reading *reading = calloc(1, sizeof *reading);
    json_t *files = json_array();
    weir_dataset *dataset = NULL;
    const weir_flows *flows = NULL;
    weir_error local = {0};

    if (facts)
        *facts = NULL;
    if (!error)
        error = &local;
    if (!n) {
        weir_error_set(error, WEIR_EOPTION, "no file to read");
    } else if (!reading || !files || !(reading->ignored = json_array())) {
        weir_error_memory(error, sizeof *reading, "reading");
    } else {
        reading->options = options ? options : &defaults;
        if (!read_files(reading, paths, n, files, error) &&
            (reading->rows || nothing_left(reading, paths[0], n, error) == WEIR_OK))
            dataset = finish(reading, paths[0], error);
    }
    if (dataset && reading->schema != WEIR_SERIES &&
        !(flows = weir_dataset_flows(dataset, error))) {
        weir_dataset_free(dataset);
        dataset = NULL;
    }
    if (dataset && facts)
        *facts = make_facts(reading, files, dataset, flows);
    if (reading) {
        weir_table_free(reading->table);
        json_decref(reading->ignored);
    }
    free(reading);
    json_decref(files);
    return dataset;
}

/* ---- Table 1 --------------------------------------------------------------------------------- */

json_t *weir_trace_table1(const weir_dataset *dataset, weir_error *error)
{
    enum { steps = 200 };
    const weir_flows *flows = weir_dataset_flows(dataset, error);
    uint64_t large_flows = 0, large_packets = 0, occupied = 0;
    const int64_t *time;
    int64_t first, last;
    double width, n;
    json_t *table;

    if (!flows)
        return NULL;
    if (!weir_dataset_span(dataset, &first, &last)) {
        weir_error_set(error, WEIR_EDATA, "%s: no rows", weir_dataset_name(dataset));
        return NULL;
    }
    time = weir_i64(dataset->table, dataset->table->schema == WEIR_NETFLOW ? "ts" : "time");
    width = ((double)last - (double)first) / steps;
    for (uint32_t flow = 0; flow < flows->count; flow++) {
        uint32_t from = flows->offsets[flow], until = flows->offsets[flow + 1];
        int bin = -1;

        large_flows += until - from >= 5;
        large_packets += until - from >= 5 ? until - from : 0;
        for (uint32_t i = from; i < until; i++) { /* in order of time: bins only grow */
            double at = width > 0 ? ((double)time[flows->rows[i]] - (double)first) / width : 0;
            int next = at < steps ? (int)at : steps - 1;
            occupied += next != bin;
            bin = next;
        }
    }
    n = (double)weir_dataset_rows(dataset);
    table = json_object();
    json_object_set_new(table, "flows", json_integer(flows->count));
    json_object_set_new(table, "packets", json_integer((json_int_t)n));
    json_object_set_new(table, "packets_per_flow", json_real(n / flows->count));
    json_object_set_new(table, "flows_of_5_packets", json_real((double)large_flows / flows->count));
    json_object_set_new(table, "packets_in_flows_of_5", json_real((double)large_packets / n));
    json_object_set_new(table, "zeros_in_200_steps",
                        json_real(1 - (double)occupied / ((double)flows->count * steps)));
    json_object_set_new(table, "duration", json_real(((double)last - (double)first) / 1e9));
    if (!table)
        weir_error_memory(error, 64, "facts");
    return table;
}
