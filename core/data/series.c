/* Folders of captures as labelled series: each capture is one. */
#include "data/cache.h"
#include "data/file.h"
#include "data/read.h"
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- The captures of a folder ---------------------------------------------------------------- */

typedef struct listing {
    char **paths; /* in order of their names */
    size_t count, capacity;
    uint64_t others; /* files that are no captures */
} listing;

static void free_listing(listing *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->paths[i]);
    free(list->paths);
}

static bool is_capture(const char *path)
{
    unsigned char magic[4];
    FILE *stream = fopen(path, "re");
    size_t n = stream ? fread(magic, 1, sizeof magic, stream) : 0;

    if (stream)
        fclose(stream);
    return weir_capture_format(magic, n) != NULL;
}

static int add_path(listing *list, char *path, weir_error *error)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        char **paths = realloc(list->paths, capacity * sizeof *paths);
        if (!paths) {
            free(path);
            return weir_error_memory(error, capacity * sizeof *paths, "a list of captures");
        }
        list->paths = paths;
        list->capacity = capacity;
    }
    list->paths[list->count++] = path;
    return WEIR_OK;
}

static int list_folder(listing *list, const char *folder, int depth, weir_error *error)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort), status = WEIR_OK;

    if (n < 0)
        return weir_error_set(error, WEIR_EIO, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        struct stat info;
        char *path = NULL;

        if (entries[i]->d_name[0] != '.' && !status) {
            if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0) {
                path = NULL;
                status = weir_error_memory(error, strlen(folder) + 256, "a path");
            } else if (stat(path, &info)) {
                status = weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
            } else if (S_ISDIR(info.st_mode)) {
                status = depth < 32 ? list_folder(list, path, depth + 1, error)
                                    : weir_error_set(error, WEIR_EDATA,
                                                     "%s: folders more than 32 deep", path);
            } else if (S_ISREG(info.st_mode) && is_capture(path)) {
                status = add_path(list, path, error);
                path = NULL;
            } else {
                list->others++;
            }
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static int list_captures(listing *list, const char *folder, weir_error *error)
{
    struct stat info;

    memset(list, 0, sizeof *list);
    if (stat(folder, &info))
        return weir_error_set(error, WEIR_EIO, "%s: %s", folder, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return weir_error_set(error, WEIR_EDATA, "%s: not a folder of captures", folder);
    if (list_folder(list, folder, 0, error))
        return error ? error->status : WEIR_EIO;
    if (!list->count)
        return weir_error_set(error, WEIR_EDATA, "%s: no captures in this folder", folder);
    return WEIR_OK;
}

/* ---- One capture ----------------------------------------------------------------------------- */

static const char *const packet_channels[] = {"size", "gap", "direction"};
static const char *const bin_channels[] = {"bytes",      "packets",    "bytes_up",
                                           "bytes_down", "packets_up", "packets_down"};

/* The value that a packet adds to a channel. */
static double value_of(const char *channel, const weir_table *table, size_t i, bool up)
{
    const int64_t *time = weir_i64(table, "time");

    if (!strcmp(channel, "gap"))
        return i ? ((double)time[i] - (double)time[i - 1]) / 1e9 : 0;
    if (!strcmp(channel, "direction"))
        return up ? 1 : -1;
    if (strstr(channel, "_up") && !up)
        return 0;
    if (strstr(channel, "_down") && up)
        return 0;
    return strncmp(channel, "packets", 7) ? weir_u16(table, "pkt_len")[i] : 1;
}

/* Fills a series; gives the steps it would have without a limit. */
static uint64_t fill(const weir_dataset *capture, const weir_series_options *options, float *values,
                     uint32_t *length)
{
    const weir_table *table = weir_dataset_table(capture);
    const int64_t *time = weir_i64(table, "time");
    const uint32_t *srcip = weir_u32(table, "srcip");
    size_t n = weir_table_rows(table);
    uint64_t steps = 0;

    for (size_t i = 0; i < n; i++) {
        double at = options->bin > 0 ? floor(((double)(time[i] - time[0]) / 1e9) / options->bin)
                                     : (double)i;
        uint64_t step = at < 1e18 ? (uint64_t)at : (uint64_t)1e18;

        if (step + 1 > steps)
            steps = step + 1;
        for (size_t c = 0; step < options->length && c < options->channel_count; c++) {
            float *to = &values[step * options->channel_count + c];
            double value = value_of(options->channels[c], table, i, srcip[i] == srcip[0]);
            *to = (float)(options->bin > 0 ? (double)*to + value : value);
        }
    }
    *length = steps < options->length ? (uint32_t)steps : options->length;
    return steps;
}

/* The label of a capture: folders below the root, or the stem. */
static int label_of(const char *path, const char *root, const char *from, char *text, size_t size,
                    weir_error *error)
{
    const char *below = path + strlen(root) + 1, *end = strrchr(below, '/');

    if (!strcmp(from, "file")) {
        weir_path_stem(path, text, size);
        return WEIR_OK;
    }
    if (!end)
        return weir_error_set(error, WEIR_EDATA,
                              "%s: lies in no folder below %s that could be its label (label = "
                              "\"file\" takes the file's name)",
                              path, root);
    snprintf(text, size, "%.*s", (int)(end - below), below);
    return WEIR_OK;
}

/* ---- All captures ---------------------------------------------------------------------------- */

static bool known_channel(const char *name, double step)
{
    const char *const *list = step > 0 ? bin_channels : packet_channels;
    size_t n = step > 0 ? sizeof bin_channels / sizeof bin_channels[0]
                        : sizeof packet_channels / sizeof packet_channels[0];

    for (size_t i = 0; i < n; i++) {
        if (!strcmp(list[i], name))
            return true;
    }
    return false;
}

static int shape_of(const weir_series_options *options, weir_series_shape *shape, weir_error *error)
{
    memset(shape, 0, sizeof *shape);
    if (!isfinite(options->bin) || options->bin < 0)
        return weir_error_set(error, WEIR_EOPTION, "series: bin must be 0 s or more");
    if (!options->length || !options->channel_count || options->channel_count > WEIR_MAX_CHANNELS)
        return weir_error_set(error, WEIR_EOPTION, "series: length and channels are needed");
    if (strcmp(options->label_from, "directory") && strcmp(options->label_from, "file"))
        return weir_error_set(error, WEIR_EOPTION,
                              "series: label must be \"directory\" or \"file\"");
    shape->steps = options->length;
    shape->channels = (uint32_t)options->channel_count;
    shape->step_seconds = options->bin;
    for (size_t c = 0; c < options->channel_count; c++) {
        if (!known_channel(options->channels[c], options->bin))
            return weir_error_set(
                error, WEIR_EOPTION, "series: channel '%s' is none of %s", options->channels[c],
                options->bin > 0
                    ? "bytes, packets, bytes_up, bytes_down, packets_up, packets_down (with bin)"
                    : "size, gap, direction (without bin)");
        snprintf(shape->names[c], sizeof shape->names[c], "%s", options->channels[c]);
    }
    return WEIR_OK;
}

typedef struct tally {
    uint64_t packets, kept, without, longer;
    json_t *link_types;
} tally;

/* Reads one capture into row *row; moves on to the next row if it holds any usable packet. */
static int read_one(weir_table *table, size_t *row, const char *path, const char *folder,
                    const weir_series_options *options, tally *account, weir_error *error)
{
    size_t width = (size_t)options->length * options->channel_count;
    weir_error inner = {0};
    json_t *facts = NULL, *type;
    weir_dataset *capture = weir_trace_read(&path, 1, NULL, &facts, &inner);
    char label[1024];
    uint32_t code;
    size_t i, j;
    int status;

    if (!capture) {
        if (inner.status != WEIR_EDATA ||
            (!strstr(inner.text, "no usable IPv4") && !strstr(inner.text, "it has no packets")))
            return weir_error_set(error, inner.status, "%s", inner.text);
        account->without++;
        return WEIR_OK;
    }
    status = label_of(path, folder, options->label_from, label, sizeof label, error);
    code = status ? 0 : weir_category_add(table, "label", label, error);
    if (!status && code == UINT32_MAX)
        status = WEIR_ENOMEM;
    if (!status) {
        weir_codes_out(table, "label")[*row] = code;
        account->longer += fill(capture, options, weir_f32_out(table, "values") + *row * width,
                                &weir_u32_out(table, "length")[*row]) > options->length;
        account->packets += (uint64_t)json_integer_value(json_object_get(facts, "packets"));
        account->kept += weir_dataset_rows(capture);
        json_array_foreach(json_object_get(facts, "link_types"), i, type)
        {
            json_t *seen;
            bool known = false;
            json_array_foreach(account->link_types, j, seen) known |= json_equal(seen, type);
            if (!known)
                json_array_append(account->link_types, type);
        }
        ++*row;
    }
    json_decref(facts);
    weir_dataset_free(capture);
    return status;
}

static json_t *series_facts(const char *folder, const listing *list, const tally *account)
{
    json_t *skipped = json_object(), *notes = json_object();

    if (account->without)
        json_object_set_new(skipped, "captures without usable IPv4",
                            json_integer((json_int_t)account->without));
    if (list->others)
        json_object_set_new(skipped, "files that are no captures",
                            json_integer((json_int_t)list->others));
    if (account->longer)
        json_object_set_new(notes, "series cut to the length",
                            json_integer((json_int_t)account->longer));
    return json_pack(
        "{s:[{s:s, s:s, s:I, s:I, s:O}], s:s, s:s, s:I, s:I, s:n, s:o, s:o, s:[], s:O}", "files",
        "path", folder, "format", "folder of captures", "captures", (json_int_t)list->count,
        "packets", (json_int_t)account->packets, "link_types", account->link_types, "format",
        "folder of captures", "schema", "series", "packets", (json_int_t)account->packets, "ipv4",
        (json_int_t)account->kept, "flows", "skipped", skipped, "notes", notes, "ignored_columns",
        "link_types", account->link_types);
}

static weir_dataset *read_listing(const listing *list, const char *folder,
                                  const weir_series_options *options, json_t **facts,
                                  weir_error *error)
{
    weir_series_shape shape;
    tally account = {0};
    weir_table *table = NULL;
    weir_dataset *dataset = NULL;
    size_t rows = 0;
    char name[256];
    bool failed = shape_of(options, &shape, error) ||
                  !(table = weir_table_new_series(&shape, list->count, error));

    account.link_types = json_array();
    for (size_t i = 0; !failed && i < list->count; i++)
        failed = read_one(table, &rows, list->paths[i], folder, options, &account, error) != 0;
    if (!failed && !rows)
        failed = weir_error_set(error, WEIR_EDATA, "%s: none of its %zu captures has usable IPv4",
                                folder, list->count) != WEIR_OK;
    if (!failed && !weir_table_resize(table, rows, error)) {
        dataset = weir_dataset_new(table, error);
        table = NULL;
    }
    if (dataset) {
        weir_path_stem(folder, name, sizeof name);
        weir_dataset_set_name(dataset, name);
        *facts = series_facts(folder, list, &account);
    }
    weir_table_free(table);
    json_decref(account.link_types);
    return dataset;
}

/* The folder without the slashes at its end. */
static char *plain_folder(const char *folder, weir_error *error)
{
    char *plain = strdup(folder);
    size_t n = plain ? strlen(plain) : 0;

    if (!plain)
        weir_error_memory(error, strlen(folder), "a path");
    while (n > 1 && plain[n - 1] == '/')
        plain[--n] = 0;
    return plain;
}

weir_dataset *weir_series_read(const char *folder, const weir_series_options *options,
                               json_t **facts, weir_error *error)
{
    char *plain = plain_folder(folder, error);
    weir_dataset *dataset = NULL;
    json_t *found = NULL;
    listing list = {0};

    if (plain && !list_captures(&list, plain, error))
        dataset = read_listing(&list, plain, options, &found, error);
    if (facts)
        *facts = json_incref(found);
    json_decref(found);
    free_listing(&list);
    free(plain);
    return dataset;
}

weir_dataset *weir_series_open(const char *folder, const weir_series_options *options,
                               json_t **facts, weir_error *error)
{
    char *plain = plain_folder(folder, error), how[1024], key[65], name[256];
    weir_dataset *dataset = NULL;
    json_t *found = NULL;
    listing list = {0};
    size_t used;
    bool known;

    if (facts)
        *facts = NULL;
    if (!plain || list_captures(&list, plain, error)) {
        free_listing(&list);
        free(plain);
        return NULL;
    }
    used = (size_t)snprintf(how, sizeof how, "series %s %u %.17g", options->label_from,
                            options->length, options->bin);
    for (size_t c = 0; c < options->channel_count && used < sizeof how; c++)
        used += (size_t)snprintf(how + used, sizeof how - used, " %s", options->channels[c]);
    /* Labels by folder depend on where the root lies. */
    if (used < sizeof how)
        used += (size_t)snprintf(how + used, sizeof how - used, " %zu", strlen(plain));
    known =
        used < sizeof how && weir_cache_key((const char *const *)list.paths, list.count, how, key);
    if (known && (dataset = weir_cache_load(key, &found))) {
        weir_path_stem(plain, name, sizeof name);
        weir_dataset_set_name(dataset, name);
        json_object_set_new(json_array_get(json_object_get(found, "files"), 0), "path",
                            json_string(folder));
    } else {
        dataset = read_listing(&list, plain, options, &found, error);
        if (dataset && known)
            weir_cache_store(key, dataset, found);
    }
    if (dataset && facts)
        *facts = json_incref(found);
    json_decref(found);
    free_listing(&list);
    free(plain);
    return dataset;
}

int weir_series_identity(const char *folder, char hex[65], weir_error *error)
{
    char *plain = plain_folder(folder, error), *text = NULL, own[65];
    size_t bytes = 0;
    listing list = {0};
    FILE *stream = open_memstream(&text, &bytes);
    int status = plain && stream ? list_captures(&list, plain, error) : WEIR_ENOMEM;

    for (size_t i = 0; !status && i < list.count; i++) {
        status = weir_trace_sha256(list.paths[i], own, error);
        if (!status)
            fprintf(stream, "%s %s\n", own, list.paths[i] + strlen(plain) + 1);
    }
    if (stream && fclose(stream) && !status)
        status = weir_error_memory(error, bytes, "a hash");
    if (!status && !weir_sha256_bytes(text, bytes, hex))
        status = weir_error_memory(error, bytes, "a hash");
    free(text);
    free_listing(&list);
    free(plain);
    return status;
}
