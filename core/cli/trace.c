/* `weir trace`: what is in a trace, and one format into another. */
#include "data/trace.h"
#include "cli/command.h"
#include "data/file.h"
#include "data/write.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: weir trace info FILE… [--json] [--packets N] [--time-unit s|ms|us|ns] "
    "[--allow-truncated]\n"
    "       weir trace convert FILE… OUT [--packets N] [--time-unit s|ms|us|ns] "
    "[--allow-truncated]\n"
    "       weir trace convert FOLDER OUT.csv [--label directory|file] [--channels size,gap,…]\n"
    "                          [--length N] [--bin SECONDS]\n\n"
    "info prints what the files hold, what was skipped and why. convert writes .pcap, .pcapng,\n"
    ".csv or .weir; several files are merged by time. A folder of captures becomes labelled\n"
    "series, one a capture; with --bin the channels are bytes, packets, bytes_up, …\n";

typedef struct arguments {
    const char **paths;
    size_t count;
    weir_read_options read;
    weir_series_options series;
    const char *channels[WEIR_MAX_CHANNELS];
    char *list; /* what channels point into */
    bool json;
    const char *for_series; /* the first option that only a folder of captures takes */
} arguments;

static void release(arguments *got)
{
    free((void *)got->paths);
    free(got->list);
}

static bool whole_number(const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && !*end && !errno && *value >= low && *value <= high;
}

static int parse_channels(arguments *got, const char *text)
{
    char *at;

    free(got->list);
    got->list = strdup(text);
    got->series.channel_count = 0;
    for (at = got->list ? strtok(got->list, ",") : NULL; at; at = strtok(NULL, ",")) {
        if (got->series.channel_count == WEIR_MAX_CHANNELS)
            return weir_usage_error("trace", "--channels: at most %d", WEIR_MAX_CHANNELS);
        got->channels[got->series.channel_count++] = at;
    }
    return got->series.channel_count ? 0
                                     : weir_usage_error("trace", "--channels: names are needed");
}

/* An option that takes a value. */
static int parse_value(arguments *got, const char *option, const char *value)
{
    uint64_t number = 0;
    char *end;

    if (!strcmp(option, "--packets"))
        return whole_number(value, 1, UINT32_MAX - 2, &got->read.packets)
                   ? 0
                   : weir_usage_error("trace", "--packets %s: a number of 1 or more is needed",
                                      value);
    if (!strcmp(option, "--time-unit"))
        return weir_time_unit_parse(value, &got->read.time_unit)
                   ? 0
                   : weir_usage_error("trace", "--time-unit %s: s, ms, us or ns is needed", value);
    got->for_series = option;
    if (!strcmp(option, "--label")) {
        got->series.label_from = value;
    } else if (!strcmp(option, "--channels")) {
        return parse_channels(got, value);
    } else if (!strcmp(option, "--length")) {
        if (!whole_number(value, 1, 1000000, &number))
            return weir_usage_error("trace", "--length %s: 1 to 1000000 is needed", value);
        got->series.length = (uint32_t)number;
    } else {
        got->series.bin = strtod(value, &end);
        if (*end || end == value || !isfinite(got->series.bin) || got->series.bin < 0)
            return weir_usage_error("trace", "--bin %s: a number of seconds is needed", value);
    }
    return 0;
}

static int parse(int argc, char **argv, arguments *got)
{
    static const char *const with_value[] = {"--packets",  "--time-unit", "--label",
                                             "--channels", "--length",    "--bin"};
    int status;

    memset(got, 0, sizeof *got);
    got->paths = calloc((size_t)argc + 1, sizeof *got->paths);
    got->series = (weir_series_options){.label_from = "directory", .length = 300};
    if (!got->paths)
        return weir_usage_error("trace", "out of memory");
    for (int i = 0; i < argc; i++) {
        size_t option = 0;

        if (argv[i][0] != '-' || !argv[i][1]) {
            got->paths[got->count++] = argv[i];
            continue;
        }
        if (!strcmp(argv[i], "--json")) {
            got->json = true;
            continue;
        }
        if (!strcmp(argv[i], "--allow-truncated")) {
            got->read.allow_truncated = true;
            continue;
        }
        while (option < sizeof with_value / sizeof with_value[0] &&
               strcmp(with_value[option], argv[i]))
            option++;
        if (option == sizeof with_value / sizeof with_value[0])
            return weir_usage_error("trace", "unknown option '%s' (weir trace --help)", argv[i]);
        if (i + 1 == argc)
            return weir_usage_error("trace", "%s needs a value", argv[i]);
        status = parse_value(got, argv[i], argv[i + 1]);
        if (status)
            return status;
        i++;
    }
    if (!got->series.channel_count &&
        (status =
             parse_channels(got, got->series.bin > 0 ? "bytes,packets" : "size,gap,direction")))
        return status;
    got->series.channels = got->channels;
    return 0;
}

static bool is_folder(const char *path)
{
    struct stat info;

    return !stat(path, &info) && S_ISDIR(info.st_mode);
}

static int failed(const weir_error *error)
{
    fprintf(stderr, "weir trace: %s\n", error->text);
    return error->status == WEIR_ENOMEM ? 1 : 2;
}

/* ---- info ------------------------------------------------------------------------------------ */

static json_int_t integer(const json_t *facts, const char *key)
{
    return json_integer_value(json_object_get(facts, key));
}

static const char *text_of(const json_t *facts, const char *key)
{
    const char *text = json_string_value(json_object_get(facts, key));

    return text ? text : "n/a";
}

static void print_list(const char *title, const json_t *list)
{
    const json_t *item;
    size_t i;

    if (!json_array_size(list))
        return;
    printf("%-16s", title);
    json_array_foreach(list, i, item) printf("%s%s", i ? ", " : "", json_string_value(item));
    putchar('\n');
}

static void print_counts(const char *title, const json_t *counts)
{
    const char *what;
    json_t *n;

    json_object_foreach((json_t *)(uintptr_t)counts, what, n)
    {
        printf("%-16s%" JSON_INTEGER_FORMAT " %s\n", title, json_integer_value(n), what);
        title = "";
    }
}

static void print_files(const json_t *files)
{
    const json_t *file;
    size_t i;

    json_array_foreach(files, i, file)
    {
        const char *unit = json_string_value(json_object_get(file, "time_unit"));
        printf("%-16s%s (%s", "file", text_of(file, "path"), text_of(file, "format"));
        if (json_object_get(file, "bytes"))
            printf(", %" JSON_INTEGER_FORMAT " bytes", integer(file, "bytes"));
        printf(", %" JSON_INTEGER_FORMAT " %s", integer(file, "packets"),
               unit || !json_array_size(json_object_get(file, "link_types")) ? "records"
                                                                             : "packets");
        if (unit)
            printf(", times in %s", unit);
        printf("%s)\n", json_is_true(json_object_get(file, "truncated")) ? ", cut short" : "");
    }
}

/* Rows by protocol, the commonest first. */
static json_t *protocols(const weir_dataset *dataset)
{
    const uint8_t *proto = weir_u8(weir_dataset_table(dataset), "proto");
    static const char *const names[256] = {[1] = "ICMP", [2] = "IGMP",  [4] = "IPIP", [6] = "TCP",
                                           [17] = "UDP", [41] = "IPv6", [47] = "GRE", [50] = "ESP"};
    uint64_t counts[256] = {0};
    json_t *list = json_object();

    for (size_t i = 0; proto && i < weir_dataset_rows(dataset); i++)
        counts[proto[i]]++;
    for (;;) {
        char number[16];
        int best = 0;
        for (int p = 1; p < 256; p++)
            best = counts[p] > counts[best] ? p : best;
        if (!counts[best])
            return list;
        snprintf(number, sizeof number, "%d", best);
        json_object_set_new(list, names[best] ? names[best] : number,
                            json_integer((json_int_t)counts[best]));
        counts[best] = 0;
    }
}

static void print_protocols(const json_t *counts, double n)
{
    const char *name, *title = "protocols";
    json_t *count;

    json_object_foreach((json_t *)(uintptr_t)counts, name, count)
    {
        printf("%-16s%-6s %" JSON_INTEGER_FORMAT " (%.2f %%)\n", title, name,
               json_integer_value(count), 100 * (double)json_integer_value(count) / n);
        title = "";
    }
}

static void print_table1(const json_t *table)
{
    printf("\nFacts of Table 1 of the CascadeNet paper\n");
    printf("%-40s%" JSON_INTEGER_FORMAT "\n", "  flows (directed 5-tuples)",
           integer(table, "flows"));
    printf("%-40s%" JSON_INTEGER_FORMAT "\n", "  packets", integer(table, "packets"));
    printf("%-40s%.4g\n", "  packets a flow",
           json_real_value(json_object_get(table, "packets_per_flow")));
    printf("%-40s%.2f %%\n", "  flows of at least 5 packets",
           100 * json_real_value(json_object_get(table, "flows_of_5_packets")));
    printf("%-40s%.2f %%\n", "  packets in these flows",
           100 * json_real_value(json_object_get(table, "packets_in_flows_of_5")));
    printf("%-40s%.2f %%\n", "  zeros in the 200-step series of flows",
           100 * json_real_value(json_object_get(table, "zeros_in_200_steps")));
    printf("%-40s%.6f s\n", "  duration", json_real_value(json_object_get(table, "duration")));
}

static void print_facts(const json_t *facts, const weir_dataset *dataset)
{
    const weir_series_shape *shape = weir_table_series(weir_dataset_table(dataset));
    const char *rows = weir_dataset_schema(dataset) == WEIR_PACKETS   ? "IPv4 packets"
                       : weir_dataset_schema(dataset) == WEIR_NETFLOW ? "IPv4 records"
                                                                      : "IPv4 packets";

    print_files(json_object_get(facts, "files"));
    print_list("link types", json_object_get(facts, "link_types"));
    print_list("columns ignored", json_object_get(facts, "ignored_columns"));
    if (shape)
        printf("%-16s%zu of %u steps, %u channels, %u labels\n", "series",
               weir_dataset_rows(dataset), shape->steps, shape->channels,
               weir_category_count(weir_dataset_table(dataset), "label"));
    else
        printf("%-16s%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT "\n", rows,
               integer(facts, "ipv4"), integer(facts, "packets"));
    print_counts("skipped", json_object_get(facts, "skipped"));
    print_counts("notes", json_object_get(facts, "notes"));
    if (shape)
        return;
    printf("%-16s%" JSON_INTEGER_FORMAT "\n", "flows", integer(facts, "flows"));
    printf("%-16s%s\n%-16s%s\n", "first", text_of(facts, "first"), "last", text_of(facts, "last"));
    printf("%-16s%.9g s\n", "duration", json_real_value(json_object_get(facts, "duration")));
    print_protocols(json_object_get(facts, "protocols"), (double)weir_dataset_rows(dataset));
    print_table1(json_object_get(facts, "table1"));
}

static weir_dataset *open_input(const arguments *got, size_t n, json_t **facts, weir_error *error)
{
    if (n == 1 && is_folder(got->paths[0]))
        return weir_series_open(got->paths[0], &got->series, facts, error);
    if (n == 1 && weir_path_ends(got->paths[0], ".weir")) {
        *facts = NULL;
        return weir_columnar_map(got->paths[0], error);
    }
    return weir_trace_open(got->paths, n, &got->read, facts, NULL, error);
}

static int info(const arguments *got)
{
    weir_error error = {0};
    json_t *facts = NULL, *table = NULL;
    weir_dataset *dataset;
    int status = 0;

    if (!got->count)
        return weir_usage_error("trace", "info: a file is needed (weir trace --help)");
    if (got->count == 1 && weir_path_ends(got->paths[0], ".weir"))
        return weir_usage_error(
            "trace", "%s: a columnar file, which keeps no facts; convert it first", got->paths[0]);
    dataset = open_input(got, got->count, &facts, &error);
    if (!dataset)
        return failed(&error);
    if (weir_dataset_schema(dataset) != WEIR_SERIES) {
        table = weir_trace_table1(dataset, &error);
        if (table) {
            json_object_set_new(facts, "table1", table);
            json_object_set_new(facts, "protocols", protocols(dataset));
        } else {
            status = failed(&error);
        }
    }
    if (!status && got->json) {
        json_dumpf(facts, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        putchar('\n');
    } else if (!status) {
        print_facts(facts, dataset);
    }
    json_decref(facts);
    weir_dataset_free(dataset);
    return status;
}

/* ---- convert --------------------------------------------------------------------------------- */

static int convert(const arguments *got)
{
    weir_error error = {0};
    const char *out;
    json_t *facts = NULL, *notes = NULL, *n;
    weir_dataset *dataset;
    bool folder, full; /* full: a full disk is no mistake of whoever asks */
    const char *what;
    int status = 0;

    if (got->count < 2)
        return weir_usage_error("trace",
                                "convert: files and an output are needed (weir trace --help)");
    out = got->paths[got->count - 1];
    folder = is_folder(got->paths[0]);
    if (got->for_series && !folder)
        return weir_usage_error("trace", "convert: %s is for a folder of captures",
                                got->for_series);
    if (folder && got->count != 2)
        return weir_usage_error("trace", "convert: one folder of captures at a time");
    dataset = open_input(got, got->count - 1, &facts, &error);
    if (!dataset)
        return failed(&error);
    status = weir_path_ends(out, ".weir") ? weir_columnar_write(dataset, out, &error)
                                          : weir_dataset_write_noted(dataset, out, &notes, &error);
    full = status == WEIR_EIO && (errno == ENOSPC || errno == EDQUOT);
    if (status) {
        status = failed(&error);
        status = full ? 1 : status;
    } else {
        fprintf(stderr, "weir trace: %s: %zu %s\n", out, weir_dataset_rows(dataset),
                folder ? "series" : "rows");
    }
    json_object_foreach(notes, what, n) fprintf(
        stderr, "weir trace: %s: %" JSON_INTEGER_FORMAT " %s\n", out, json_integer_value(n), what);
    json_decref(notes);
    json_decref(facts);
    weir_dataset_free(dataset);
    return status;
}

int weir_command_trace(int argc, char **argv)
{
    arguments got;
    int status;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            fputs(help, stdout);
            return 0;
        }
    }
    if (argc < 2 || (strcmp(argv[1], "info") && strcmp(argv[1], "convert")))
        return weir_usage_error("trace", "'%s' is neither info nor convert (weir trace --help)",
                                argc < 2 ? "" : argv[1]);
    status = parse(argc - 2, argv + 2, &got);
    if (!status)
        status = strcmp(argv[1], "info") ? convert(&got) : info(&got);
    release(&got);
    return status;
}
