/* weir sample: synthetic traffic out of a model, as a capture or a CSV. */
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/foreground.h"
#include "data/write.h"
#include "files.h"
#include "plugin/job.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/dataset.h>

static struct {
    const char *out, *plugins, *device;
    int64_t seed, threads, flows, packets, series;
    double duration;
} given;

static bool ends(const char *path, const char *with)
{
    size_t a = strlen(path), b = strlen(with);

    return a > b && !strcasecmp(path + a - b, with);
}

static int check(const json_t *about, weir_error *error)
{
    const char *schema = json_string_value(json_object_get(about, "schema"));
    bool capture = ends(given.out, ".pcap") || ends(given.out, ".pcapng");
    struct stat info;

    if (!capture && !ends(given.out, ".csv"))
        return weir_error_set(error, WEIR_EOPTION, "%s: must end in .pcap, .pcapng or .csv",
                              given.out);
    if (capture && schema && strcmp(schema, "packets") != 0)
        return weir_error_set(error, WEIR_EOPTION,
                              "%s: the model makes %s, which only a .csv holds", given.out, schema);
    if ((given.flows > 0) + (given.packets > 0) + (given.series > 0) > 1)
        return weir_error_set(error, WEIR_EOPTION,
                              "only one of --flows, --packets and --series may be given");
    if (schema && (given.series > 0) && strcmp(schema, "series") != 0)
        return weir_error_set(error, WEIR_EOPTION, "--series: the model makes %s", schema);
    if (schema && (given.flows > 0 || given.packets > 0) && !strcmp(schema, "series"))
        return weir_error_set(error, WEIR_EOPTION, "the model makes series; ask for --series");
    if (stat(given.out, &info) == 0 && !S_ISREG(info.st_mode))
        return weir_error_set(error, WEIR_EOPTION, "%s exists and is not a file", given.out);
    return weir_foreground_writable(given.out, error);
}

static json_t *make_spec(const char *model, const json_t *about, const char *folder)
{
    const json_t *plugin = json_object_get(about, "plugin");
    json_t *path = json_object_get(plugin, "path");

    return json_pack("{s:s,s:{s:s,s:O,s:O*},s:I,s:s,s:I,s:{s:I,s:I,s:I,s:f},s:{s:s},s:s}", "job",
                     "sample", "plugin", "kind", "generator", "name",
                     json_object_get(plugin, "name"), "path", path, "seed", (json_int_t)given.seed,
                     "device", given.device, "threads", (json_int_t)given.threads, "request",
                     "flows", (json_int_t)given.flows, "packets", (json_int_t)given.packets,
                     "series", (json_int_t)given.series, "duration", given.duration, "inputs",
                     "model", model, "out", folder);
}

static int deliver(const char *folder, weir_error *error)
{
    weir_dataset *synthetic;
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%.4000s/synthetic.weir", folder);
    synthetic = weir_columnar_map(path, error);
    if (synthetic && weir_dataset_write(synthetic, given.out, error) == WEIR_OK)
        printf("%s: %zu rows\n", given.out, weir_dataset_rows(synthetic));
    weir_dataset_free(synthetic);
    return error->status;
}

int weir_command_sample(int argc, char **argv)
{
    static const weir_flag flags[] = {
        {WEIR_FLAG_TEXT, "--out", "-o", &given.out, "FILE", ".pcap, .pcapng or .csv (required)"},
        {WEIR_FLAG_COUNT, "--flows", NULL, &given.flows, "N", "so many flows"},
        {WEIR_FLAG_COUNT, "--packets", NULL, &given.packets, "N", "so many packets (records)"},
        {WEIR_FLAG_COUNT, "--series", NULL, &given.series, "N", "so many series"},
        {WEIR_FLAG_REAL, "--duration", NULL, &given.duration, "S", "so many seconds"},
        {WEIR_FLAG_COUNT, "--seed", NULL, &given.seed, "N", "seed of the random numbers (1)"},
        {WEIR_FLAG_COUNT, "--threads", NULL, &given.threads, "N", "threads (1)"},
        {WEIR_FLAG_TEXT, "--device", NULL, &given.device, "D", "auto, cpu or cuda (auto)"},
        {WEIR_FLAG_FOLDERS, "--plugins", NULL, &given.plugins, "DIR",
         "look for plugins here first; may be given again"},
        {0}};
    static const weir_usage usage = {"sample",
                                     "MODEL -o OUT.pcap|OUT.csv [--flows N | --packets N | "
                                     "--series N] [--duration S] [--seed S]",
                                     "Makes synthetic traffic out of a model that `weir fit` "
                                     "wrote. What is not asked for is as in\n"
                                     "training.",
                                     flags,
                                     1,
                                     1,
                                     false};
    weir_arguments arguments;
    char folder[PATH_MAX];
    weir_error error = {0};
    json_t *about, *spec;
    int status;

    given.seed = given.threads = 1;
    given.device = "auto";
    status = weir_arguments_parse(&usage, argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (!given.out)
        return weir_usage_error("sample", "-o OUT.pcap or OUT.csv is missing: where it goes");
    if (!weir_foreground_device("sample", given.device))
        return 2;
    if (given.threads < 1 || given.threads > 4096)
        return weir_usage_error("sample", "--threads is %lld, must be between 1 and 4096",
                                (long long)given.threads);
    if (given.plugins)
        weir_foreground_plugins(given.plugins);
    about = weir_model_about(arguments.items[0], &error);
    if (!about || check(about, &error) != WEIR_OK) {
        json_decref(about);
        return weir_usage_error("sample", "%s", error.text);
    }
    snprintf(folder, sizeof folder, "%.3500s.tmp-%ld", given.out, (long)getpid());
    spec = make_spec(arguments.items[0], about, folder);
    json_decref(about);
    if (!spec)
        return weir_usage_error("sample", "%s is no path in UTF-8", given.out);
    status = weir_foreground("sample", spec);
    if (status == 0 && deliver(folder, &error) != WEIR_OK) {
        fprintf(stderr, "weir sample: %s\n", error.text);
        status = 1;
    }
    weir_folder_remove(folder, NULL);
    json_decref(spec);
    return status;
}
