/* weir compare: scores a synthetic trace against a real one, each plugin in a process of its own.
 */
#include "cli/arguments.h"
#include "cli/command.h"
#include "data/source.h"
#include "data/trace.h"
#include "plugin/options.h"
#include "plugin/registry.h"
#include "run/execute.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_PLUGINS 64

/* One plugin's score job. */
struct scoring {
    const weir_loaded *loaded;
    json_t *options; /* resolved */
    char folder[512];
    pid_t process; /* 0: not started; -1: ended */
    int status;    /* as waitpid gives it */
};

struct comparison {
    const char *metrics, *downstream, *variant, *time_unit, *plugins;
    weir_texts settings;
    bool json, allow_truncated;
    weir_registry *registry;
    json_t *real, *synthetic;             /* sources */
    json_t *facts_real, *facts_synthetic; /* what reading them found; may be NULL */
    uint32_t schema;
    struct scoring scorings[MOST_PLUGINS];
    size_t count;
    char folder[256];
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

/* ---- What is to be scored -------------------------------------------------------------------- */

static const weir_feature *features_of(const weir_plugin *plugin)
{
    return plugin->kind == WEIR_KIND_METRIC ? ((const weir_metric *)plugin)->features
                                            : ((const weir_downstream *)plugin)->features;
}

/* Metrics stand before downstream tasks, each in the order in which they were named. */
static int add_plugin(struct comparison *c, const weir_loaded *loaded, weir_error *error)
{
    size_t at = c->count;

    for (size_t i = 0; i < c->count; i++)
        if (c->scorings[i].loaded == loaded)
            return WEIR_OK;
    if (c->count == MOST_PLUGINS)
        return weir_error_set(error, WEIR_EOPTION, "more than %d plugins", MOST_PLUGINS);
    while (at > 0 && loaded->plugin->kind < c->scorings[at - 1].loaded->plugin->kind)
        at--;
    memmove(&c->scorings[at + 1], &c->scorings[at], (c->count - at) * sizeof c->scorings[0]);
    c->scorings[at] = (struct scoring){.loaded = loaded};
    c->count++;
    return WEIR_OK;
}

/* Adds the plugins that a list "a,b" names. */
static int add_named(struct comparison *c, weir_kind kind, const char *list, weir_error *error)
{
    char *copy = strdup(list), *rest = copy;
    int status = copy ? WEIR_OK : weir_error_memory(error, strlen(list), "a list");

    for (char *name; !status && (name = strsep(&rest, ",")) != NULL;) {
        const weir_loaded *loaded = weir_registry_find(c->registry, (int)kind, name, error);

        status = loaded ? add_plugin(c, loaded, error) : (int)error->status;
    }
    free(copy);
    return status;
}

/* Adds every metric that takes the schema. */
static int add_all_metrics(struct comparison *c, weir_error *error)
{
    size_t n;
    const weir_loaded *all = weir_registry_all(c->registry, &n, NULL);

    for (size_t i = 0; i < n; i++)
        if (all[i].plugin && all[i].plugin->kind == WEIR_KIND_METRIC &&
            all[i].plugin->accepts & c->schema && add_plugin(c, &all[i], error))
            return error->status;
    return c->count ? WEIR_OK
                    : weir_error_set(error, WEIR_EOPTION, "no metric for such data was found");
}

static bool has_option(const weir_plugin *plugin, const char *name)
{
    for (const weir_option *o = plugin->options; o && o->kind != WEIR_OPTION_END; o++)
        if (o->kind != WEIR_OPTION_PRESET && !strcmp(o->name, name))
            return true;
    return false;
}

/* Puts "-O PLUGIN.option=value" among the options given to that plugin. */
static int take_setting(struct comparison *c, json_t *const *given, const char *setting,
                        weir_error *error)
{
    const char *dot = strchr(setting, '.'), *equals = strchr(setting, '=');
    json_t *parsed;
    bool found = false;

    if (!dot || !equals || dot > equals)
        return weir_error_set(error, WEIR_EOPTION, "-O %s: must be PLUGIN.option=value", setting);
    parsed = weir_options_parse(dot + 1, error);
    if (!parsed)
        return error->status;
    for (size_t i = 0; i < c->count; i++) {
        const char *name = c->scorings[i].loaded->plugin->name;

        if (strlen(name) == (size_t)(dot - setting) && !strncmp(name, setting, strlen(name))) {
            found = true;
            json_object_update(given[i], parsed);
        }
    }
    json_decref(parsed);
    if (!found)
        return weir_error_set(error, WEIR_EOPTION, "-O %s: '%.*s' is not among the plugins to run",
                              setting, (int)(dot - setting), setting);
    return WEIR_OK;
}

static int resolve_options(struct comparison *c, weir_error *error)
{
    json_t *given[MOST_PLUGINS] = {NULL};
    bool varied = !c->variant;

    for (size_t i = 0; i < c->count; i++) {
        given[i] = json_object();
        if (c->variant && has_option(c->scorings[i].loaded->plugin, "variant")) {
            json_object_set_new(given[i], "variant", json_string(c->variant));
            varied = true;
        }
    }
    if (!varied)
        weir_error_set(error, WEIR_EOPTION, "--variant %s: none of the plugins has variants",
                       c->variant);
    for (size_t i = 0; i < c->settings.count && !error->status; i++)
        take_setting(c, given, c->settings.items[i], error);
    for (size_t i = 0; i < c->count && !error->status; i++)
        c->scorings[i].options =
            weir_options_resolve(c->scorings[i].loaded->plugin, given[i], error);
    for (size_t i = 0; i < c->count; i++)
        json_decref(given[i]);
    return error->status;
}

/* The source of a path on the command line. */
static json_t *source_of(const struct comparison *c, const char *path)
{
    size_t length = strlen(path);
    json_t *source = length > 5 && !strcmp(path + length - 5, ".weir")
                         ? json_pack("{s:s}", "data", path)
                         : json_pack("{s:[s]}", "files", path);

    if (c->time_unit)
        json_object_set_new(source, "time_unit", json_string(c->time_unit));
    if (c->allow_truncated)
        json_object_set_new(source, "allow_truncated", json_true());
    return source;
}

/* Opens both traces once: mistakes are found before anything runs, and the jobs find them in the
 * cache. */
static int open_traces(struct comparison *c, weir_error *error)
{
    weir_dataset *real = NULL, *synthetic = NULL;

    if (weir_source_check(c->real, error) || weir_source_check(c->synthetic, error))
        return error->status;
    real = weir_source_open(c->real, &c->facts_real, error);
    if (real)
        synthetic = weir_source_open(c->synthetic, &c->facts_synthetic, error);
    if (real && synthetic) {
        c->schema = weir_dataset_schema(real);
        if (c->schema != weir_dataset_schema(synthetic))
            weir_error_set(error, WEIR_EDATA,
                           "the two traces hold different things (packets, flow records or "
                           "series), so that they cannot be compared");
    }
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
    return error->status;
}

/* ---- The jobs -------------------------------------------------------------------------------- */

static json_t *spec_of(const struct comparison *c, const struct scoring *scoring)
{
    const weir_loaded *loaded = scoring->loaded;

    return json_pack("{s:s, s:{s:s, s:s, s:s, s:s}, s:O, s:{}, s:i, s:s, s:i, s:{s:O, s:O}, s:s}",
                     "job", "score", "plugin", "kind", weir_kind_name(loaded->plugin->kind), "name",
                     loaded->plugin->name, "path", loaded->path, "build", loaded->build_id,
                     "options", scoring->options, "encoders", "seed", 1, "device", "cpu", "threads",
                     1, "inputs", "real", c->real, "synthetic", c->synthetic, "out",
                     scoring->folder);
}

/* The child: nothing of it reaches the terminal. */
static _Noreturn void run_child(const struct comparison *c, const struct scoring *scoring)
{
    weir_error error = {0};
    char log[600];
    int file;

    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    snprintf(log, sizeof log, "%s/log", scoring->folder);
    file = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0)
        _exit(1);
    _exit(weir_execute(spec_of(c, scoring), -1, &error) ? 1 : 0);
}

static int start(struct comparison *c, struct scoring *scoring, weir_error *error)
{
    snprintf(scoring->folder, sizeof scoring->folder, "%s/%s.%s", c->folder,
             weir_kind_name(scoring->loaded->plugin->kind), scoring->loaded->plugin->name);
    if (mkdir(scoring->folder, 0700))
        return weir_error_set(error, WEIR_EIO, "%s: %s", scoring->folder, strerror(errno));
    fflush(NULL);
    scoring->process = fork();
    if (scoring->process < 0)
        return weir_error_set(error, WEIR_EIO, "no process for %s: %s",
                              scoring->loaded->plugin->name, strerror(errno));
    if (!scoring->process)
        run_child(c, scoring);
    return WEIR_OK;
}

static size_t processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) ? 1 : (size_t)CPU_COUNT(&set);
}

/* Runs all jobs, one a processor. */
static int run_jobs(struct comparison *c, weir_error *error)
{
    size_t started = 0, running = 0, most = processors();

    while (started < c->count || running) {
        int status;
        pid_t ended;

        while (started < c->count && running < most && !error->status && !interrupted) {
            if (start(c, &c->scorings[started], error))
                break;
            started++;
            running++;
        }
        if (!running)
            break;
        ended = waitpid(-1, &status, 0);
        if (ended < 0 && errno == EINTR) {
            for (size_t i = 0; i < started && interrupted; i++)
                if (c->scorings[i].process > 0)
                    kill(c->scorings[i].process, SIGTERM);
            continue;
        }
        for (size_t i = 0; i < started; i++) {
            if (ended > 0 && c->scorings[i].process == ended) {
                c->scorings[i].process = -1;
                c->scorings[i].status = status;
                running--;
            }
        }
        if (ended < 0)
            break;
    }
    return error->status;
}

/* ---- The scores ------------------------------------------------------------------------------ */

static json_t *load_output(const struct scoring *scoring, const char *name)
{
    char path[600];

    snprintf(path, sizeof path, "%s/%s", scoring->folder, name);
    return json_load_file(path, 0, NULL);
}

/* Why a job gave no scores. */
static void failure_of(const struct scoring *scoring, char *text, size_t size)
{
    json_t *status = load_output(scoring, "status.json");
    const char *reason = json_string_value(json_object_get(status, "reason"));
    const char *message =
        json_string_value(json_object_get(json_object_get(status, "error"), "text"));

    if (WIFSIGNALED(scoring->status))
        snprintf(text, size, "crashed (SIG%s)", sigabbrev_np(WTERMSIG(scoring->status)));
    else
        snprintf(text, size, "%s",
                 message  ? message
                 : reason ? reason
                          : "the plugin ended the process without a result");
    json_decref(status);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* One row with the keys of scores.csv. */
static json_t *row_of(const struct comparison *c, const struct scoring *scoring,
                      const json_t *score)
{
    const weir_plugin *plugin = scoring->loaded->plugin;
    char dataset[128], synthetic[128];
    json_t *row = json_object();

    weir_source_name(c->real, dataset, sizeof dataset);
    weir_source_name(c->synthetic, synthetic, sizeof synthetic);
    json_object_set_new(row, "dataset", json_string(dataset));
    json_object_set_new(row, "generator", json_string(""));
    json_object_set_new(row, "label", json_string(synthetic));
    json_object_set_new(row, "seed", json_null());
    json_object_set_new(row, "kind", json_string(weir_kind_name(plugin->kind)));
    json_object_set_new(row, "plugin", json_string(plugin->name));
    static const char *const keys[] = {"variant", "feature",     "value",  "unit",  "better",
                                       "n_real",  "n_synthetic", "status", "reason"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_t *value = json_object_get(score, keys[i]);

        json_object_set(row, keys[i], value ? value : json_null());
    }
    json_object_set_new(row, "job", json_string(""));
    return row;
}

/* Appends a plugin's rows; of a failed one, a row a feature it should have scored. */
static bool collect(const struct comparison *c, const struct scoring *scoring, json_t *rows)
{
    static const char *const better[] = {"lower", "higher", "neither"};
    json_t *output = load_output(scoring, "scores.json"), *score;
    bool ok = WIFEXITED(scoring->status) && !WEXITSTATUS(scoring->status) && output;
    const char *variant = text_of(scoring->options, "variant");
    char reason[1100] = "";
    size_t at;

    if (ok) {
        json_array_foreach(json_object_get(output, "scores"), at, score)
            json_array_append_new(rows, row_of(c, scoring, score));
        json_decref(output);
        return true;
    }
    failure_of(scoring, reason, sizeof reason);
    for (const weir_feature *f = features_of(scoring->loaded->plugin); f && f->label; f++) {
        if (!(f->schemas & c->schema))
            continue;
        score = json_pack("{s:s, s:s, s:n, s:s, s:s, s:n, s:n, s:s, s:s}", "variant", variant,
                          "feature", f->label, "value", "unit", f->unit ? f->unit : "", "better",
                          better[f->better], "n_real", "n_synthetic", "status", "failed", "reason",
                          reason);
        json_array_append_new(rows, row_of(c, scoring, score));
        json_decref(score);
    }
    json_decref(output);
    return false;
}

static const char *title_of(const struct comparison *c, const char *plugin, const char *label)
{
    for (size_t i = 0; i < c->count; i++)
        if (!strcmp(c->scorings[i].loaded->plugin->name, plugin))
            for (const weir_feature *f = features_of(c->scorings[i].loaded->plugin); f && f->label;
                 f++)
                if (!strcmp(f->label, label))
                    return f->title;
    return "";
}

static void print_trace(const char *what, const json_t *source, const json_t *facts)
{
    const json_t *file = json_array_get(json_object_get(facts, "files"), 0);
    const char *unit = json_string_value(json_object_get(file, "time_unit"));
    json_int_t rows = json_integer_value(json_object_get(facts, "ipv4"));
    json_int_t flows = json_integer_value(json_object_get(facts, "flows"));
    char name[128];

    weir_source_name(source, name, sizeof name);
    printf("%-9s  %s", what, name);
    if (facts)
        printf(": %lld rows, %lld flows, %.6g s", (long long)rows, (long long)flows,
               json_number_value(json_object_get(facts, "duration")));
    if (unit)
        printf(", times in %s", unit);
    putchar('\n');
}

static void print_table(const struct comparison *c, const json_t *rows)
{
    const json_t *row;
    const char *plugin = "", *variant = "";
    size_t at;

    print_trace("real", c->real, c->facts_real);
    print_trace("synthetic", c->synthetic, c->facts_synthetic);
    json_array_foreach(rows, at, row)
    {
        const char *label = text_of(row, "feature"), *status = text_of(row, "status");

        if (strcmp(plugin, text_of(row, "plugin")) || strcmp(variant, text_of(row, "variant"))) {
            plugin = text_of(row, "plugin");
            variant = text_of(row, "variant");
            printf("\n%s%s%s\n", plugin, *variant ? ", variant " : "", variant);
        }
        printf("  %-11s %-34s ", label, title_of(c, plugin, label));
        if (!strcmp(status, "ok"))
            printf("%12.6g %-20s %-7s n = %lld, %lld\n",
                   json_number_value(json_object_get(row, "value")), text_of(row, "unit"),
                   text_of(row, "better"),
                   (long long)json_integer_value(json_object_get(row, "n_real")),
                   (long long)json_integer_value(json_object_get(row, "n_synthetic")));
        else
            printf("%12s %s\n", status, text_of(row, "reason"));
    }
}

/* Prints all rows; the exit status. */
static int report(const struct comparison *c)
{
    json_t *rows = json_array(), *document;
    bool ok = true;

    for (size_t i = 0; i < c->count; i++) {
        if (collect(c, &c->scorings[i], rows))
            continue;
        char reason[1100];

        failure_of(&c->scorings[i], reason, sizeof reason);
        fprintf(stderr, "weir compare: %s %s failed: %s\n",
                weir_kind_name(c->scorings[i].loaded->plugin->kind),
                c->scorings[i].loaded->plugin->name, reason);
        ok = false;
    }
    if (c->json) {
        document = json_pack("{s:O}", "scores", rows);
        json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
        putchar('\n');
        json_decref(document);
    } else {
        print_table(c, rows);
    }
    json_decref(rows);
    return ok ? 0 : 1;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *entry, int kind, struct FTW *place)
{
    (void)entry;
    (void)kind;
    (void)place;
    return remove(path) && errno != ENOENT;
}

static int compare(struct comparison *c, weir_error *error)
{
    const char *temporary = getenv("TMPDIR");
    struct sigaction action = {.sa_handler = on_signal}, before[2];
    weir_time_unit unit;
    int status = 2;

    if (c->time_unit && !weir_time_unit_parse(c->time_unit, &unit))
        return weir_error_set(error, WEIR_EOPTION, "--time-unit is '%s', must be s, ms, us or ns",
                              c->time_unit);
    c->registry = weir_registry_open(c->plugins, error);
    if (!c->registry)
        return error->status;
    if ((c->metrics && add_named(c, WEIR_KIND_METRIC, c->metrics, error)) ||
        (c->downstream && add_named(c, WEIR_KIND_DOWNSTREAM, c->downstream, error)) ||
        open_traces(c, error) || (!c->metrics && add_all_metrics(c, error)) ||
        resolve_options(c, error))
        return error->status;
    snprintf(c->folder, sizeof c->folder, "%s/weir-compare-XXXXXX",
             temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(c->folder))
        return weir_error_set(error, WEIR_EIO, "%s: %s", c->folder, strerror(errno));
    sigaction(SIGINT, &action, &before[0]);
    sigaction(SIGTERM, &action, &before[1]);
    if (!run_jobs(c, error) && !interrupted)
        status = report(c);
    nftw(c->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGTERM, &before[1], NULL);
    return interrupted ? 130 : status;
}

int weir_command_compare(int argc, char **argv)
{
    struct comparison c = {0};
    const weir_flag flags[] = {
        {WEIR_FLAG_TEXT, "--metrics", "-m", &c.metrics, "A,B", "metrics; default: all"},
        {WEIR_FLAG_TEXT, "--downstream", "-d", &c.downstream, "A,B", "downstream tasks"},
        {WEIR_FLAG_TEXT, "--variant", NULL, &c.variant, "fix|ref",
         "the definition, or what the papers' code computes"},
        {WEIR_FLAG_LIST, "--option", "-O", &c.settings, "PLUGIN.option=value", "an option"},
        {WEIR_FLAG_TEXT, "--time-unit", NULL, &c.time_unit, "s|ms|us|ns", "of times in CSV"},
        {WEIR_FLAG_SWITCH, "--allow-truncated", NULL, &c.allow_truncated, NULL,
         "read what is whole of a truncated capture"},
        {WEIR_FLAG_TEXT, "--plugins", NULL, &c.plugins, "DIR", "more plugins"},
        {WEIR_FLAG_SWITCH, "--json", NULL, &c.json, NULL, "one JSON document"},
        {0}};
    const weir_usage usage = {"compare",
                              "REAL SYNTHETIC",
                              "Scores a synthetic trace against a real one. Both are captures or "
                              "CSV files.",
                              flags,
                              2,
                              2,
                              false};
    weir_arguments arguments;
    weir_error error = {0};
    int status;

    interrupted = 0;
    status = weir_arguments_parse(&usage, argc, argv, &arguments);
    if (status >= 0)
        return status;
    c.real = source_of(&c, arguments.items[0]);
    c.synthetic = source_of(&c, arguments.items[1]);
    status = compare(&c, &error);
    if (error.status)
        status = weir_usage_error("compare", "%s", error.text);
    for (size_t i = 0; i < c.count; i++)
        json_decref(c.scorings[i].options);
    json_decref(c.real);
    json_decref(c.synthetic);
    json_decref(c.facts_real);
    json_decref(c.facts_synthetic);
    weir_registry_free(c.registry);
    return status;
}
