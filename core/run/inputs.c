/* Sources of an experiment: identified by content, opened once, described for the manifest. */
#include "run/inputs.h"
#include "data/source.h"
#include "data/trace.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Rows of a trace whose split is tried at planning; in more, a part is hardly ever empty. */
#define MOST_TRIED 1000000

const json_t *weir_plan_identity(weir_plan *plan, const json_t *source, weir_error *error)
{
    json_t *known = json_object_get(plan->known, "identities");
    char *text = json_dumps(source, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    char *identity;

    if (!text) {
        weir_error_memory(error, WEIR_PATH, "a source");
        return NULL;
    }
    if (!json_object_get(known, text)) {
        identity = weir_source_identity(source, error);
        if (identity)
            json_object_set_new(known, text, json_string(identity));
        free(identity);
    }
    source = json_object_get(known, text);
    free(text);
    if (!source)
        weir_error_memory(error, WEIR_PATH, "a source's identity");
    return source;
}

static const char *schema_name(uint32_t schema)
{
    return schema == WEIR_PACKETS ? "packets" : schema == WEIR_NETFLOW ? "netflow" : "series";
}

static json_t *describe_files(const json_t *source, weir_error *error)
{
    json_t *files = json_array(), *data = json_object_get(source, "data"), *path, *entry;
    json_t *paths = data ? json_pack("[O]", data) : json_incref(json_object_get(source, "files"));
    size_t at;

    json_array_foreach(paths, at, path)
    {
        const char *name = json_string_value(path);
        struct stat facts;
        char hex[65] = "";

        if (!name || stat(name, &facts))
            continue;
        if (S_ISREG(facts.st_mode) && weir_trace_sha256(name, hex, error))
            break;
        entry = json_pack("{ss sI ss*}", "path", name, "bytes", (json_int_t)facts.st_size, "sha256",
                          *hex ? hex : NULL);
        json_array_append_new(files, entry);
    }
    json_decref(paths);
    return files;
}

static json_t *open_input(const json_t *source, const char *identity, weir_error *error)
{
    json_t *facts = NULL, *columns = json_array(), *made, *files;
    weir_dataset *dataset = weir_source_open(source, &facts, error);
    const weir_table *table = dataset ? weir_dataset_table(dataset) : NULL;

    for (size_t i = 0; table && i < weir_table_columns(table); i++)
        json_array_append_new(columns, json_string(weir_table_column(table, i, NULL, NULL)));
    /* The paper's facts are for the report; a trace that has none goes without. */
    if (facts && weir_dataset_schema(dataset) == WEIR_PACKETS)
        json_object_set_new(facts, "table1", weir_trace_table1(dataset, &(weir_error){0}));
    files = dataset ? describe_files(source, error) : NULL;
    if (!dataset || error->status) {
        json_decref(files);
        json_decref(columns);
        json_decref(facts);
        weir_dataset_free(dataset);
        return NULL;
    }
    made = json_pack("{ss ss so ss si sI so so?}", "name", weir_dataset_name(dataset), "identity",
                     identity, "files", files, "schema", schema_name(weir_dataset_schema(dataset)),
                     "schema_flag", (int)weir_dataset_schema(dataset), "rows",
                     (json_int_t)weir_dataset_rows(dataset), "columns", columns, "facts", facts);
    if (!made)
        weir_error_memory(error, WEIR_PATH, "an input");
    weir_dataset_free(dataset);
    return made;
}

int weir_plan_check_split(const json_t *source, const json_t *input, weir_error *error)
{
    const json_t *split;
    char name[256];
    size_t at;

    if (json_integer_value(json_object_get(input, "schema_flag")) != WEIR_SERIES)
        return WEIR_OK;
    json_array_foreach(json_object_get(source, "split"), at, split)
    {
        const char *by = json_string_value(json_object_get(split, "by"));
        if (!by || strcmp(by, "time"))
            continue;
        weir_source_name(source, name, sizeof name);
        return weir_error_set(
            error, WEIR_EDATA,
            "%s: series have no times to split by; split them by label, as in split = { "
            "by = \"label\" }",
            name);
    }
    return WEIR_OK;
}

const json_t *weir_plan_input(weir_plan *plan, const json_t *source, weir_error *error)
{
    const json_t *identity, *earlier;
    json_t *whole = json_copy((json_t *)(uintptr_t)source), *made = NULL;
    size_t at;

    json_object_del(whole, "split");
    identity = weir_plan_identity(plan, whole, error);
    if (identity && !json_object_get(plan->inputs, json_string_value(identity))) {
        json_array_foreach(json_object_get(plan->known, "before"), at, earlier)
        {
            if (json_equal(json_object_get(earlier, "identity"), identity) &&
                json_is_integer(json_object_get(earlier, "schema_flag")))
                made = json_deep_copy(earlier);
        }
        if (!made)
            made = open_input(whole, json_string_value(identity), error);
        if (made)
            json_object_set_new(plan->inputs, json_string_value(identity), made);
    }
    json_decref(whole);
    made = identity ? json_object_get(plan->inputs, json_string_value(identity)) : NULL;
    return error->status ? NULL : made;
}

/* A line where labels have too few rows for a split or a take, with the first of them. */
static void note_few(weir_plan *plan, const char *name, const json_t *labels, const char *what)
{
    const char *first = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)labels));
    size_t count = json_object_size(labels);

    if (count)
        json_array_append_new(
            plan->notes,
            json_sprintf("note: %s: %zu label%s %s, as '%s' (it has %lld)", name, count,
                         count > 1 ? "s have" : " has", what, first,
                         (long long)json_integer_value(json_object_get(labels, first))));
}

int weir_plan_split(weir_plan *plan, const json_t *source, weir_error *error)
{
    json_t *tried = json_object_get(plan->known, "splits"), *split;
    const json_t *input, *identity;
    json_t *facts = NULL;
    weir_dataset *dataset;
    bool wanted;
    size_t at;

    if (!json_array_size(json_object_get(source, "split")))
        return WEIR_OK;
    input = weir_plan_input(plan, source, error);
    identity = input ? weir_plan_identity(plan, source, error) : NULL;
    if (!identity || json_object_get(tried, json_string_value(identity)))
        return error->status;
    wanted = json_integer_value(json_object_get(input, "rows")) <= MOST_TRIED;
    json_array_foreach(json_object_get(source, "split"), at, split)
    {
        const char *by = json_string_value(json_object_get(split, "by"));
        wanted |= !by || !strcmp(by, "label"); /* a take has no `by`, and goes by labels too */
    }
    dataset = wanted ? weir_source_open(source, &facts, error) : NULL;
    if (dataset) {
        note_few(plan, weir_dataset_name(dataset), json_object_get(facts, "absent"),
                 "no row in this part of the split");
        note_few(plan, weir_dataset_name(dataset), json_object_get(facts, "short"),
                 "fewer rows than the take asks for");
    }
    json_decref(facts);
    weir_dataset_free(dataset);
    json_object_set_new(tried, json_string_value(identity), json_true());
    return error->status;
}
