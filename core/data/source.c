/* Sources: data named by JSON, opened with its splits applied. */
#include "data/source.h"
#include "data/cache.h"
#include "data/file.h"
#include "data/form.h"
#include "data/part.h"
#include "data/trace.h"
#include "data/write.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Form ------------------------------------------------------------------------------------ */

static int check_series(const json_t *series, weir_error *error)
{
    static const char *const keys[] = {"label", "channels", "length", "bin", NULL};
    const json_t *channels = json_object_get(series, "channels"), *channel;
    const json_t *length = json_object_get(series, "length"),
                 *step = json_object_get(series, "bin");
    size_t i;

    if (!json_is_object(series) || !weir_form_keys(series, keys, error))
        return weir_form_bad(error, "series", "{ label, channels, length, bin }");
    if (!weir_form_one_of(json_object_get(series, "label"), "directory", "file", NULL))
        return weir_form_bad(error, "label", "\"directory\" or \"file\"");
    if (!json_array_size(channels) || json_array_size(channels) > WEIR_MAX_CHANNELS)
        return weir_form_bad(error, "channels", "a list of 1 to 16 names");
    json_array_foreach(channels, i, channel)
    {
        if (!json_is_string(channel))
            return weir_form_bad(error, "channels", "a list of names");
    }
    if (!json_is_integer(length) || json_integer_value(length) < 1 ||
        json_integer_value(length) > 1000000)
        return weir_form_bad(error, "length", "an integer from 1 to 1000000");
    if (step && !(json_is_number(step) && json_number_value(step) >= 0))
        return weir_form_bad(error, "bin", "a number of seconds");
    return WEIR_OK;
}

static int check_file(const char *path, bool folder, weir_error *error)
{
    struct stat info;

    if (!path)
        return weir_form_bad(error, "files", "a list of paths");
    if (stat(path, &info) || access(path, R_OK))
        return weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
    if (folder ? !S_ISDIR(info.st_mode) : !S_ISREG(info.st_mode))
        return weir_error_set(error, WEIR_EDATA, "%s: not a %s", path, folder ? "folder" : "file");
    return WEIR_OK;
}

int weir_source_check(const json_t *source, weir_error *error)
{
    static const char *const keys[] = {"files", "packets", "time_unit", "allow_truncated", "series",
                                       "name",  "split",   "data",      "holds",           NULL};
    const json_t *files = json_object_get(source, "files"), *data = json_object_get(source, "data");
    const json_t *series = json_object_get(source, "series"), *value;
    weir_time_unit unit;
    weir_error local = {0};
    size_t i;
    int status;

    if (!error)
        error = &local;
    if (!json_is_object(source))
        return weir_error_set(error, WEIR_EOPTION, "a source must be a JSON object");
    if (!weir_form_keys(source, keys, error))
        return error->status;
    if (!json_array_size(files) == !data)
        return weir_error_set(error, WEIR_EOPTION, "source: either 'files' or 'data' is needed");
    if ((value = json_object_get(source, "packets")) &&
        !(json_is_integer(value) && json_integer_value(value) > 0))
        return weir_form_bad(error, "packets", "an integer above 0");
    if ((value = json_object_get(source, "time_unit")) &&
        !(json_is_string(value) && weir_time_unit_parse(json_string_value(value), &unit)))
        return weir_form_bad(error, "time_unit", "\"s\", \"ms\", \"us\" or \"ns\"");
    if ((value = json_object_get(source, "allow_truncated")) && !json_is_boolean(value))
        return weir_form_bad(error, "allow_truncated", "true or false");
    if ((value = json_object_get(source, "name")) && !json_is_string(value))
        return weir_form_bad(error, "name", "a text");
    if ((value = json_object_get(source, "holds")) && !json_is_integer(value))
        return weir_form_bad(error, "holds", "flags");
    if (series && (status = check_series(series, error)) != 0)
        return status;
    if (series && json_array_size(files) != 1)
        return weir_form_bad(error, "files", "one folder");
    if ((value = json_object_get(source, "split")) && !json_is_array(value))
        return weir_form_bad(error, "split", "a list");
    for (i = 0; i < json_array_size(value); i++) {
        if ((status = weir_part_check(json_array_get(value, i), error)) != 0)
            return status;
    }
    if (data)
        return check_file(json_string_value(data), false, error);
    for (i = 0; i < json_array_size(files); i++) {
        status = check_file(json_string_value(json_array_get(files, i)), series != NULL, error);
        if (status)
            return status;
    }
    return WEIR_OK;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static const char **paths_of(const json_t *source, size_t *n, weir_error *error)
{
    const json_t *files = json_object_get(source, "files");
    const char **paths;

    *n = json_array_size(files);
    paths = malloc((*n + 1) * sizeof *paths);
    if (!paths)
        weir_error_memory(error, *n * sizeof *paths, "a source");
    for (size_t i = 0; paths && i < *n; i++)
        paths[i] = json_string_value(json_array_get(files, i));
    return paths;
}

static weir_dataset *open_series(const json_t *source, json_t **facts, weir_error *error)
{
    const json_t *series = json_object_get(source, "series");
    const json_t *channels = json_object_get(series, "channels");
    const char *names[WEIR_MAX_CHANNELS];
    weir_series_options options = {
        .label_from = json_string_value(json_object_get(series, "label")),
        .channels = names,
        .channel_count = json_array_size(channels),
        .length = (uint32_t)json_integer_value(json_object_get(series, "length")),
        .bin = json_number_value(json_object_get(series, "bin")),
    };

    for (size_t i = 0; i < options.channel_count; i++)
        names[i] = json_string_value(json_array_get(channels, i));
    return weir_series_open(json_string_value(json_array_get(json_object_get(source, "files"), 0)),
                            &options, facts, error);
}

static weir_dataset *open_files(const json_t *source, json_t **facts, weir_error *error)
{
    const char *unit = json_string_value(json_object_get(source, "time_unit"));
    weir_read_options options = {
        .packets = (uint64_t)json_integer_value(json_object_get(source, "packets")),
        .allow_truncated = json_is_true(json_object_get(source, "allow_truncated")),
    };
    size_t n;
    const char **paths = paths_of(source, &n, error);
    weir_dataset *dataset;

    if (!paths)
        return NULL;
    if (unit)
        weir_time_unit_parse(unit, &options.time_unit);
    dataset = weir_trace_open(paths, n, &options, facts, NULL, error);
    free(paths);
    return dataset;
}

weir_dataset *weir_source_open(const json_t *source, json_t **facts, weir_error *error)
{
    const json_t *splits = json_object_get(source, "split");
    const json_t *holds = json_object_get(source, "holds");
    const char *data = json_string_value(json_object_get(source, "data"));
    weir_dataset *dataset;
    weir_error local = {0};
    json_t *found = NULL;
    char name[256];

    if (!error)
        error = &local;
    if (facts)
        *facts = NULL;
    if (weir_source_check(source, error))
        return NULL;
    if (data)
        dataset = weir_columnar_map(data, error);
    else if (json_object_get(source, "series"))
        dataset = open_series(source, &found, error);
    else
        dataset = open_files(source, &found, error);
    if (dataset && holds)
        weir_dataset_set_holds(dataset, (uint32_t)json_integer_value(holds));
    for (size_t i = 0; dataset && i < json_array_size(splits); i++)
        dataset = weir_part_apply(dataset, json_array_get(splits, i), found, error);
    if (dataset) {
        weir_source_name(source, name, sizeof name);
        weir_dataset_set_name(dataset, name);
    }
    if (dataset && facts)
        *facts = json_incref(found);
    json_decref(found);
    return dataset;
}

/* ---- Identity -------------------------------------------------------------------------------- */

/* The hashes of the source's files, as a new array; NULL on failure. */
static json_t *contents(const json_t *source, weir_error *error)
{
    const json_t *files = json_object_get(source, "files");
    const char *data = json_string_value(json_object_get(source, "data"));
    json_t *list = json_array();
    char hex[65];

    if (json_object_get(source, "series")) {
        if (!weir_series_identity(json_string_value(json_array_get(files, 0)), hex, error))
            json_array_append_new(list, json_string(hex));
    } else if (data) {
        if (!weir_trace_sha256(data, hex, error))
            json_array_append_new(list, json_string(hex));
    }
    for (size_t i = 0; !json_object_get(source, "series") && i < json_array_size(files); i++) {
        if (weir_trace_sha256(json_string_value(json_array_get(files, i)), hex, error)) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, json_string(hex));
    }
    if (!json_array_size(list)) {
        json_decref(list);
        return NULL;
    }
    return list;
}

char *weir_source_identity(const json_t *source, weir_error *error)
{
    static const char *const kept[] = {"packets", "time_unit", "allow_truncated",
                                       "series",  "split",     "holds"};
    json_t *identity, *list, *step;
    weir_error local = {0};
    bool whole = true;
    char *text;
    size_t at;

    if (!error)
        error = &local;
    if (weir_source_check(source, error) || !(list = contents(source, error)))
        return NULL;
    identity = json_pack("{s:o}", "sha256", list);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        json_t *value = json_object_get(source, kept[i]);
        if (value)
            whole &= !json_object_set_new(identity, kept[i], json_deep_copy(value));
    }
    json_array_foreach(json_object_get(identity, "split"), at, step)
        json_object_del(json_object_get(step, "take"), "name");
    text = whole ? json_dumps(identity, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17))
                 : NULL;
    json_decref(identity);
    if (!text)
        weir_error_memory(error, 256, "a source");
    return text;
}

bool weir_source_overlap(const json_t *a, const json_t *b)
{
    static const char *const options[] = {"packets", "time_unit", "allow_truncated", "series"};
    const json_t *splits_a = json_object_get(a, "split"), *splits_b = json_object_get(b, "split");
    json_t *files_a = contents(a, NULL), *files_b = contents(b, NULL), *one, *other;
    bool shared = !files_a || !files_b, same = json_equal(files_a, files_b);
    size_t i, j;

    json_array_foreach(files_a, i, one)
    {
        json_array_foreach(files_b, j, other) shared |= json_equal(one, other);
    }
    json_decref(files_a);
    json_decref(files_b);
    if (!shared)
        return false;
    /* Splits keep rows apart only where they cut the same rows the same way. */
    for (i = 0; same && i < sizeof options / sizeof options[0]; i++) {
        one = json_object_get(a, options[i]);
        other = json_object_get(b, options[i]);
        same = one == other || (one && other && json_equal(one, other));
    }
    for (i = 0; same && i < json_array_size(splits_a) && i < json_array_size(splits_b); i++) {
        json_t *x = json_array_get(splits_a, i), *y = json_array_get(splits_b, i);

        same = weir_part_same(x, y);
        if (same && !json_equal(json_object_get(x, "part"), json_object_get(y, "part")))
            return false;
    }
    return true;
}

void weir_source_name(const json_t *source, char *text, size_t size)
{
    const json_t *splits = json_object_get(source, "split");
    const char *name = json_string_value(json_object_get(source, "name"));
    const char *path = json_string_value(json_object_get(source, "data"));
    size_t used;

    if (!path)
        path = json_string_value(json_array_get(json_object_get(source, "files"), 0));
    if (name)
        snprintf(text, size, "%s", name);
    else
        weir_path_stem(path ? path : "data", text, size);
    for (size_t i = 0; i < json_array_size(splits); i++) {
        const json_t *step = json_array_get(splits, i), *take = json_object_get(step, "take");
        const char *part = json_string_value(json_object_get(step, "part"));
        const char *own = json_string_value(json_object_get(take, "name"));

        used = own ? 0 : strlen(text);
        snprintf(text + used, size - used, own ? "%s" : ":%s",
                 own    ? own
                 : part ? part
                 : take ? "take"
                        : "part");
    }
}
