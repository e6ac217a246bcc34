/* weir compare: scores a synthetic trace against a real one, each plugin in a process of its own.
 */
#include "cli/compare.h"
#include "cli/command.h"
#include "cli/foreground.h"
#include "data/source.h"
#include "data/trace.h"
#include "plugin/descriptor.h"
#include "plugin/options.h"
#include <stdlib.h>
#include <string.h>

/* ---- What is to be scored -------------------------------------------------------------------- */

/* Metrics stand before downstream tasks, each in the order in which they were named. */
static int add_plugin(struct weir_comparison *c, const weir_loaded *loaded, weir_error *error)
{
    size_t at = c->count;

    if (loaded->plugin->kind == WEIR_KIND_DOWNSTREAM &&
        ((const weir_downstream *)loaded->plugin)->needs_test)
        return weir_error_set(
            error, WEIR_EOPTION,
            "downstream %s needs a held-out part of the real trace: use exp:score "
            "with { train =, test = } in a script",
            loaded->plugin->name);
    for (size_t i = 0; i < c->count; i++)
        if (c->scorings[i].loaded == loaded)
            return WEIR_OK;
    if (c->count == WEIR_COMPARE_MOST)
        return weir_error_set(error, WEIR_EOPTION, "more than %d plugins", WEIR_COMPARE_MOST);
    while (at > 0 && loaded->plugin->kind < c->scorings[at - 1].loaded->plugin->kind)
        at--;
    memmove(&c->scorings[at + 1], &c->scorings[at], (c->count - at) * sizeof c->scorings[0]);
    c->scorings[at] = (struct weir_scoring){.loaded = loaded};
    c->count++;
    return WEIR_OK;
}

/* Adds the plugins that a list "a,b" names. */
static int add_named(struct weir_comparison *c, weir_kind kind, const char *list, weir_error *error)
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
static int add_all_metrics(struct weir_comparison *c, weir_error *error)
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
static int take_setting(struct weir_comparison *c, json_t *const *given, const char *setting,
                        weir_error *error)
{
    const char *dot = strchr(setting, '.'), *equals = strchr(setting, '=');
    const char *option = dot ? dot + 1 : NULL;
    bool found = false;

    if (!dot || !equals || dot > equals)
        return weir_error_set(error, WEIR_EOPTION, "-O %s: must be PLUGIN.option=value", setting);
    for (size_t i = 0; i < c->count; i++) {
        const char *name = c->scorings[i].loaded->plugin->name;

        if (strlen(name) == (size_t)(dot - setting) && !strncmp(name, setting, strlen(name))) {
            found = true;
            if (weir_foreground_options(&option, 1, given[i], error)) {
                weir_error_prefix(error, "-O %s: ", setting);
                return error->status;
            }
        }
    }
    if (!found)
        return weir_error_set(error, WEIR_EOPTION, "-O %s: '%.*s' is not among the plugins to run",
                              setting, (int)(dot - setting), setting);
    return WEIR_OK;
}

static int resolve_options(struct weir_comparison *c, weir_error *error)
{
    json_t *given[WEIR_COMPARE_MOST] = {NULL};
    bool varied = !c->variant;

    for (size_t i = 0; i < c->count; i++) {
        given[i] = json_object();
        if (!given[i])
            weir_error_memory(error, sizeof(json_t), "options");
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
    for (size_t i = 0; i < c->count && !error->status; i++) {
        c->scorings[i].options =
            weir_options_resolve(c->scorings[i].loaded->plugin, given[i], error);
        if (c->scorings[i].options)
            weir_features_check(c->scorings[i].loaded->plugin, c->scorings[i].options, error);
    }
    for (size_t i = 0; i < c->count; i++)
        json_decref(given[i]);
    return error->status;
}

/* The source of a path on the command line. */
static json_t *source_of(const struct weir_comparison *c, const char *path)
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
static int open_traces(struct weir_comparison *c, weir_error *error)
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

/* A plugin that was named must take what the traces hold. */
static int check_schemas(const struct weir_comparison *c, weir_error *error)
{
    const char *what = c->schema == WEIR_PACKETS   ? "packets"
                       : c->schema == WEIR_NETFLOW ? "flow records"
                                                   : "series";

    for (size_t i = 0; i < c->count; i++) {
        const weir_plugin *plugin = c->scorings[i].loaded->plugin;

        if (!(plugin->accepts & c->schema))
            return weir_error_set(error, WEIR_EOPTION, "%s %s does not take %s",
                                  weir_kind_name((int)plugin->kind), plugin->name, what);
    }
    return WEIR_OK;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int compare(struct weir_comparison *c, weir_error *error)
{
    weir_time_unit unit;
    int status = 2;

    if (c->time_unit && !weir_time_unit_parse(c->time_unit, &unit))
        return weir_error_set(error, WEIR_EOPTION, "--time-unit is '%s', must be s, ms, us or ns",
                              c->time_unit);
    if (!c->real || !c->synthetic)
        return weir_error_set(error, WEIR_EOPTION, "a path that is not UTF-8");
    c->registry = weir_registry_open(c->plugins, error);
    if (!c->registry)
        return error->status;
    if ((c->metrics && add_named(c, WEIR_KIND_METRIC, c->metrics, error)) ||
        (c->downstream && add_named(c, WEIR_KIND_DOWNSTREAM, c->downstream, error)) ||
        open_traces(c, error) || check_schemas(c, error) ||
        (!c->metrics && add_all_metrics(c, error)) || resolve_options(c, error))
        return error->status;
    if (!weir_compare_run(c, error) && !weir_compare_interrupted())
        status = weir_compare_report(c);
    weir_compare_clean(c);
    return weir_compare_interrupted() ? 130 : status;
}

int weir_command_compare(int argc, char **argv)
{
    struct weir_comparison c = {0};
    const weir_flag flags[] = {
        {WEIR_FLAG_TEXT, "--metrics", "-m", &c.metrics, "A,B", "metrics; default: all"},
        {WEIR_FLAG_TEXT, "--downstream", "-d", &c.downstream, "A,B", "downstream tasks"},
        {WEIR_FLAG_TEXT, "--variant", NULL, &c.variant, "fix|ref",
         "the definition, or what the papers' code computes"},
        {WEIR_FLAG_LIST, "--option", "-O", &c.settings, "PLUGIN.option=value", "an option"},
        {WEIR_FLAG_TEXT, "--time-unit", NULL, &c.time_unit, "s|ms|us|ns", "of times in CSV"},
        {WEIR_FLAG_SWITCH, "--allow-truncated", NULL, &c.allow_truncated, NULL,
         "read what is whole of a truncated capture"},
        {WEIR_FLAG_SIZE, "--memory", NULL, &c.memory, "SIZE",
         "most memory of a plugin, as 2G (default: 0.8 of RAM over the cores)"},
        {WEIR_FLAG_SECONDS, "--time", NULL, &c.time, "TIME",
         "most time of a plugin, as 10m (default: 1h)"},
        {WEIR_FLAG_FOLDERS, "--plugins", NULL, &c.plugins, "DIR",
         "a folder of more plugins; may be given again"},
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
