/* weir fit: trains a generator on a trace, into a model folder. */
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/foreground.h"
#include "data/source.h"
#include "files.h"
#include "plugin/job.h"
#include "plugin/options.h"
#include "run/experiment.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    const char *out, *device, *plugins, *time_unit, *steps, *select, *metrics;
    weir_texts options, encoders;
    int64_t seed, threads, packets;
    double budget, validation;
    bool truncated;
} given;

/* "120,300" or, for each part, "120,300/40/40" as lists of the stages' ends; NULL if it is none. */
static json_t *read_steps(const char *text)
{
    json_t *parts = json_array(), *ends = json_array();

    json_array_append(parts, ends);
    for (;;) {
        char *end;
        long long step = strtoll(text, &end, 10);
        if (*text < '0' || *text > '9' || (*end && !strchr(",/", *end))) {
            json_decref(ends);
            json_decref(parts);
            return NULL;
        }
        json_array_append_new(ends, json_integer(step));
        if (!*end)
            break;
        text = end + 1;
        if (*end == '/') {
            json_decref(ends);
            json_array_append(parts, ends = json_array());
        }
    }
    json_decref(ends);
    return parts;
}

/* The budget that was given, or NULL. */
static json_t *make_budget(weir_error *error)
{
    json_t *steps = given.steps ? read_steps(given.steps) : NULL, *budget, *resolved = NULL;

    if (given.steps && !steps)
        weir_error_set(error, WEIR_EOPTION,
                       "--steps is '%s', must be the stages' ends as 120,300, of several parts as "
                       "120,300/40/40",
                       given.steps);
    if (given.steps && given.budget >= 0)
        weir_error_set(error, WEIR_EOPTION, "give --budget or --steps, not both");
    budget = steps ? json_pack("{s:O}", "steps", steps) : json_real(given.budget);
    if (error->status == WEIR_OK && (steps || given.budget >= 0))
        resolved = weir_budget_resolve(budget, error);
    json_decref(steps);
    json_decref(budget);
    return resolved;
}

/* The model's place must be free, or hold an older model. */
static int check_place(const char *path, weir_error *error)
{
    char file[PATH_MAX];
    struct stat info;

    if (weir_foreground_writable(path, error) != WEIR_OK)
        return WEIR_EIO;
    snprintf(file, sizeof file, "%s/model.json", path);
    if (lstat(path, &info) == 0 && access(file, F_OK) != 0)
        return weir_error_set(error, WEIR_EOPTION,
                              "%s exists and is not a model; choose another name", path);
    return WEIR_OK;
}

static json_t *make_source(const weir_arguments *arguments, weir_error *error)
{
    json_t *source = json_object(), *files = json_array();

    for (int i = 1; i < arguments->count; i++)
        if (json_array_append_new(files, json_string(arguments->items[i])))
            weir_error_set(error, WEIR_EOPTION, "a path is not UTF-8");
    json_object_set_new(source, "files", files);
    if (given.packets)
        json_object_set_new(source, "packets", json_integer(given.packets));
    if (given.time_unit)
        json_object_set_new(source, "time_unit", json_string(given.time_unit));
    if (given.truncated)
        json_object_set_new(source, "allow_truncated", json_true());
    if (error->status == WEIR_OK)
        weir_source_check(source, error);
    return source;
}

/* "ip2vec columns=srcport,proto": the options behind a name, as presets have them. */
static int with_options(json_t *encoders, weir_error *error)
{
    json_t *value;
    const char *role;
    void *next;

    json_object_foreach_safe(encoders, next, role, value)
    {
        const char *text = json_string_value(value);
        size_t length = strcspn(text, " ");
        json_t *options;

        if (!text[length])
            continue;
        options = weir_options_parse(text + length, error);
        if (!options) {
            weir_error_prefix(error, "--encoder %s: ", role);
            return error->status;
        }
        if (json_object_set_new(
                encoders, role,
                json_pack("{s:s#,s:o}", "encoder", text, (int)length, "options", options)))
            return weir_error_memory(error, 0, "an encoder");
    }
    return WEIR_OK;
}

/* The job, validated as far as is possible before the trace is read. */
static json_t *make_spec(const weir_arguments *arguments, const char *folder,
                         weir_registry *registry, weir_error *error)
{
    const weir_loaded *loaded =
        weir_registry_find(registry, WEIR_KIND_GENERATOR, arguments->items[0], error);
    json_t *options = json_object(), *encoders = json_object(), *resolved = NULL, *chosen = NULL;
    json_t *source = NULL, *spec = NULL, *budget = make_budget(error);

    if (error->status != WEIR_OK || !loaded ||
        weir_foreground_options(given.options.items, given.options.count, options, error) ||
        weir_foreground_options(given.encoders.items, given.encoders.count, encoders, error) ||
        with_options(encoders, error) ||
        !(resolved = weir_options_resolve(loaded->plugin, options, error)) ||
        !(chosen = weir_encoders_resolve((const weir_generator *)loaded->plugin, resolved, encoders,
                                         registry, error)))
        goto done;
    source = make_source(arguments, error);
    if (error->status == WEIR_OK)
        spec = json_pack("{s:s,s:{s:s,s:s,s:s,s:s},s:O,s:O,s:I,s:s,s:I,s:{s:O},s:s,s:O*}", "job",
                         "fit", "plugin", "kind", "generator", "name", loaded->plugin->name, "path",
                         loaded->path, "build", loaded->build_id, "options", resolved, "encoders",
                         chosen, "seed", (json_int_t)given.seed, "device", given.device, "threads",
                         (json_int_t)given.threads, "inputs", "train", source, "out", folder,
                         "budget", budget);
    if (!spec)
        weir_error_memory(error, 0, "a job");
done:
    json_decref(budget);
    json_decref(options);
    json_decref(encoders);
    json_decref(resolved);
    json_decref(chosen);
    json_decref(source);
    return spec;
}

/* ---- With a choice among checkpoints ----------------------------------------------------------*/

/* What --select, --metrics and --validation say, as a declaration's `select`. */
static json_t *make_select(void)
{
    json_t *select = json_pack("{s:s}", "method", given.select);
    const char *at = given.metrics;

    if (given.validation >= 0)
        json_object_set_new(select, "validation", json_real(given.validation));
    if (at)
        json_object_set_new(select, "metrics", json_array());
    while (at && *at) {
        size_t n = strcspn(at, ",");
        json_array_append_new(json_object_get(select, "metrics"),
                              json_pack("{s:s%}", "plugin", at, n));
        at += n + (at[n] == ',');
    }
    return select;
}

/* Fits, samples and scores in a store of its own at `folder`. job: the folder of the job that holds
 * the chosen model. Returns the exit status. */
static int fit_and_select(const json_t *spec, const char *folder, weir_registry *registry,
                          char job[PATH_MAX], weir_error *error)
{
    static const char *const same[] = {"options", "encoders", "seed",
                                       "device",  "threads",  "budget"};
    weir_experiment *experiment = weir_experiment_new("fit", NULL, registry, error);
    json_t *declaration = json_pack(
        "{s:O,s:O,s:o,s:b}", "generator", json_object_get(json_object_get(spec, "plugin"), "name"),
        "train", json_object_get(json_object_get(spec, "inputs"), "train"), "select", make_select(),
        "fit_only", 1);
    weir_run_options options = {.device = given.device, .out = folder};
    int handle = -1, status = 2;
    char *path;

    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (json_object_get(spec, same[i]))
            json_object_set(declaration, same[i], json_object_get(spec, same[i]));
    if (experiment && declaration)
        handle = weir_experiment_generate(experiment, declaration, error);
    if (handle >= 0)
        status = weir_experiment_run(experiment, &options, error);
    path = status == 0 ? weir_experiment_model(experiment, handle, error) : NULL;
    if (path)
        snprintf(job, PATH_MAX, "%s", path);
    free(path);
    json_decref(declaration);
    weir_experiment_free(experiment);
    return status;
}

/* The curves of the fit stand in its own folder. */
static void take_curves(const char *job)
{
    char path[PATH_MAX], to[PATH_MAX];
    json_t *spec;
    const char *model;

    snprintf(path, sizeof path, "%.3500s/spec.json", job);
    spec = weir_json_read(path);
    model = json_string_value(json_object_get(json_object_get(spec, "inputs"), "model"));
    snprintf(path, sizeof path, "%.3500s/../curves.csv", model ? model : job);
    snprintf(to, sizeof to, "%.3500s/curves.csv", job);
    if (rename(path, to) && errno != ENOENT)
        fprintf(stderr, "weir fit: %s: %s\n", to, strerror(errno));
    json_decref(spec);
}

static void move(const char *folder, const char *name)
{
    char from[PATH_MAX], to[PATH_MAX];

    snprintf(from, sizeof from, "%.3500s/%s", folder, name);
    snprintf(to, sizeof to, "%.3500s/model/%s", folder, name);
    if (rename(from, to) && errno != ENOENT)
        fprintf(stderr, "weir fit: %s: %s\n", from, strerror(errno));
}

/* Puts the finished model, with its curves and artefacts, in its place. */
static int deliver(const char *folder, const char *place, weir_error *error)
{
    static const char *const extras[] = {"curves.csv", "artefacts", "artefacts.json",
                                         "selection.json"};
    char model[PATH_MAX], old[PATH_MAX];

    for (size_t i = 0; i < sizeof extras / sizeof extras[0]; i++)
        move(folder, extras[i]);
    snprintf(model, sizeof model, "%.4000s/model", folder);
    snprintf(old, sizeof old, "%.4000s/replaced", folder);
    if ((!rename(place, old) || errno == ENOENT) && !rename(model, place))
        return WEIR_OK;
    weir_error_set(error, WEIR_EIO, "%s: %s", place, strerror(errno));
    rename(old, place); /* the former model, if it was moved; the caller removes the rest */
    return WEIR_EIO;
}

/* How much of a budget a fit took, and what repeats it. */
static void report_budget(const json_t *budget)
{
    const json_t *training = json_object_get(budget, "training"), *steps, *taken, *end;
    double used = 0;
    bool known = false;
    size_t i, k;

    json_array_foreach((json_t *)(uintptr_t)training, i, taken)
    {
        used += json_number_value(json_object_get(taken, "used"));
        known |= json_is_true(json_object_get(taken, "known"));
    }
    if (!budget)
        return;
    if (!known) {
        printf("it knows no budget: its training took %.3g s\n", used);
        return;
    }
    printf("its training took %.3g s; the same again: --steps ", used);
    json_array_foreach(json_object_get(budget, "steps"), i, steps)
    {
        json_array_foreach(steps, k, end) printf("%s%lld",
                                                 k   ? ","
                                                 : i ? "/"
                                                     : "",
                                                 (long long)json_integer_value(end));
    }
    putchar('\n');
}

static void report_selection(const json_t *selected)
{
    const json_t *validation = json_object_get(selected, "validation");

    if (selected)
        printf("chosen by %s on %s (%lld rows that it was not fitted on): %s of step %lld\n",
               json_string_value(json_object_get(selected, "method")),
               json_string_value(json_object_get(validation, "name")),
               (long long)json_integer_value(json_object_get(validation, "rows")),
               json_is_true(json_object_get(selected, "final")) ? "the final model"
                                                                : "the checkpoint",
               (long long)json_integer_value(json_object_get(selected, "step")));
}

static void report(const char *place)
{
    json_t *about = weir_model_about(place, NULL), *training = json_object_get(about, "training");
    const json_t *flows = json_object_get(training, "flows");

    printf("%s: %s fitted on %s: %lld rows", place,
           json_string_value(json_object_get(json_object_get(about, "plugin"), "name")),
           json_string_value(json_object_get(training, "name")),
           (long long)json_integer_value(json_object_get(training, "rows")));
    if (flows)
        printf(", %lld flows", (long long)json_integer_value(flows));
    putchar('\n');
    report_budget(json_object_get(about, "budget"));
    report_selection(json_object_get(about, "selected"));
    json_decref(about);
}

int weir_command_fit(int argc, char **argv)
{
    static const weir_flag flags[] = {
        {WEIR_FLAG_TEXT, "--out", "-o", &given.out, "MODEL", "the model's folder (required)"},
        {WEIR_FLAG_LIST, "--option", "-O", &given.options, "NAME=VALUE",
         "an option of the generator; preset=NAME for a set of them"},
        {WEIR_FLAG_LIST, "--encoder", NULL, &given.encoders, "ROLE=NAME",
         "another encoder in a role; ROLE='NAME option=value …' gives it options"},
        {WEIR_FLAG_COUNT, "--seed", NULL, &given.seed, "N", "seed of the random numbers (1)"},
        {WEIR_FLAG_COUNT, "--threads", NULL, &given.threads, "N", "threads (1)"},
        {WEIR_FLAG_SECONDS, "--budget", NULL, &given.budget, "TIME",
         "of training, CPU time as 60s or 10m; then its steps depend on the machine"},
        {WEIR_FLAG_TEXT, "--steps", NULL, &given.steps, "N,…",
         "the stages' ends that a fit with --budget reached, to repeat it"},
        {WEIR_FLAG_TEXT, "--select", NULL, &given.select, "METHOD",
         "choose among the checkpoints on a validation set: rank_sum"},
        {WEIR_FLAG_TEXT, "--metrics", NULL, &given.metrics, "A,B",
         "with --select: the metrics it goes by (emd,jsd)"},
        {WEIR_FLAG_REAL, "--validation", NULL, &given.validation, "SHARE",
         "with --select: flows that the fit does not see (0.2)"},
        {WEIR_FLAG_TEXT, "--device", NULL, &given.device, "D", "auto, cpu or cuda (auto)"},
        {WEIR_FLAG_COUNT, "--packets", NULL, &given.packets, "N", "the first N rows only"},
        {WEIR_FLAG_TEXT, "--time-unit", NULL, &given.time_unit, "U",
         "of a CSV's times: s, ms, us, ns (us)"},
        {WEIR_FLAG_SWITCH, "--allow-truncated", NULL, &given.truncated, NULL,
         "take the whole packets of a capture that is cut short"},
        {WEIR_FLAG_FOLDERS, "--plugins", NULL, &given.plugins, "DIR",
         "look for plugins here first; may be given again"},
        {0}};
    static const weir_usage usage = {
        "fit",
        "GENERATOR TRACE… -o MODEL [-O option=value]… [--seed S] [--threads N]",
        "Trains a generator on a trace (pcap, pcapng or CSV; several are merged by time) and "
        "writes\n"
        "the model as a folder: model.json and *.safetensors. `weir describe generator/NAME` "
        "lists\n"
        "the options.",
        flags,
        2,
        -1,
        false};
    weir_registry *registry = NULL;
    weir_arguments arguments;
    char folder[PATH_MAX], job[PATH_MAX];
    weir_error error = {0};
    json_t *spec = NULL;
    int status;

    given.seed = given.threads = 1;
    given.budget = given.validation = -1; /* not given */
    given.device = "auto";
    status = weir_arguments_parse(&usage, argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (!given.out)
        return weir_usage_error("fit", "-o MODEL is missing: where the model goes");
    if (!given.select && (given.metrics || given.validation >= 0))
        return weir_usage_error("fit", "--metrics and --validation go with --select rank_sum");
    if (given.validation >= 1 || fpclassify(given.validation) == FP_ZERO)
        return weir_usage_error("fit", "--validation is %g, must be a share between 0 and 1",
                                given.validation);
    if (!weir_foreground_device("fit", given.device))
        return 2;
    if (given.threads < 1 || given.threads > 4096)
        return weir_usage_error("fit", "--threads is %lld, must be between 1 and 4096",
                                (long long)given.threads);
    while (strlen(given.out) > 1 && given.out[strlen(given.out) - 1] == '/')
        ((char *)(uintptr_t)given.out)[strlen(given.out) - 1] = '\0';
    if (given.plugins)
        weir_foreground_plugins(given.plugins);
    snprintf(folder, sizeof folder, "%.3500s.tmp-%ld", given.out, (long)getpid());
    registry = weir_registry_open(given.plugins, &error);
    if (registry && check_place(given.out, &error) == WEIR_OK)
        spec = make_spec(&arguments, folder, registry, &error);
    if (!spec) {
        weir_registry_free(registry);
        return weir_usage_error("fit", "%s", error.text);
    }
    snprintf(job, sizeof job, "%s", folder);
    if (!given.select) {
        status = weir_foreground("fit", spec);
    } else {
        status = fit_and_select(spec, folder, registry, job, &error);
        if (status == 0)
            take_curves(job);
        else if (*error.text)
            fprintf(stderr, "weir fit: %s\n", error.text);
    }
    if (status == 0 && deliver(job, given.out, &error) != WEIR_OK) {
        fprintf(stderr, "weir fit: %s\n", error.text);
        status = 1;
    }
    if (status == 0)
        report(given.out);
    weir_folder_remove(folder, NULL);
    json_decref(spec);
    weir_registry_free(registry);
    return status;
}
