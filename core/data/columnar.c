/* The columnar file `*.weir`: a header, a directory of columns, then arrays at multiples of 64
 * bytes, written to be mapped. Little-endian, as the machine that wrote it. */
#include "data/columnar.h"
#include "data/file.h"
#include "data/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1
static const char magic[8] = "WEIRCOL";

typedef struct header {
    char magic[8];
    uint32_t version, order; /* order: 0x01020304 as this machine writes it */
    uint64_t bytes;          /* of the file */
    uint64_t rows;
    uint32_t schema, holds, columns, flows; /* flows: UINT32_MAX for none */
    uint64_t offsets_at, rows_at, flow_of_at;
    uint64_t note_at, note_bytes, name_at, name_bytes;
    weir_series_shape shape;
} header;

typedef struct entry {
    char name[64];
    uint32_t type, texts;
    uint64_t width, at;
    uint64_t texts_at, texts_bytes; /* strings, each ending in 0 */
} entry;

/* ---- Writing --------------------------------------------------------------------------------- */

static uint64_t aligned(uint64_t at)
{
    return (at + 63) / 64 * 64;
}

/* Writes an array where the plan says it stands. */
static void put(weir_file *file, uint64_t *written, uint64_t at, const void *data, size_t bytes)
{
    static const char zeros[64];

    if (at > *written)
        fwrite(zeros, 1, (size_t)(at - *written), file->stream);
    if (bytes)
        fwrite(data, 1, bytes, file->stream);
    *written = at + bytes;
}

/* The place of an array; next moves behind it. */
static uint64_t place(uint64_t *next, uint64_t bytes)
{
    uint64_t at = aligned(*next);

    *next = at + bytes;
    return at;
}

static size_t text_bytes(const weir_dictionary *dictionary)
{
    size_t bytes = 0;

    for (uint32_t code = 0; code < dictionary->count; code++)
        bytes += strlen(dictionary->texts[code]) + 1;
    return bytes;
}

static uint64_t plan(const weir_dataset *dataset, const weir_flows *flows, const char *note,
                     header *head, entry *entries)
{
    const weir_table *table = dataset->table;
    uint64_t next = sizeof *head + table->count * sizeof *entries;

    memset(head, 0, sizeof *head);
    memcpy(head->magic, magic, sizeof magic);
    head->version = VERSION;
    head->order = 0x01020304;
    head->rows = table->rows;
    head->schema = table->schema;
    head->holds = dataset->holds;
    head->columns = (uint32_t)table->count;
    head->shape = table->shape;
    head->flows = flows ? flows->count : UINT32_MAX;
    head->note_bytes = note ? strlen(note) : 0;
    head->note_at = place(&next, head->note_bytes);
    head->name_bytes = strlen(dataset->name);
    head->name_at = place(&next, head->name_bytes);
    for (size_t i = 0; i < table->count; i++) {
        const weir_column *column = &table->columns[i];
        entry *e = &entries[i];
        memset(e, 0, sizeof *e);
        memcpy(e->name, column->name, sizeof e->name);
        e->type = (uint32_t)column->type;
        e->width = column->width;
        e->texts = column->dictionary.count;
        e->texts_bytes = text_bytes(&column->dictionary);
        e->texts_at = place(&next, e->texts_bytes);
        e->at = place(&next, table->rows * column->width * weir_type_size(column->type));
    }
    if (flows) {
        head->offsets_at = place(&next, ((uint64_t)flows->count + 1) * 4);
        head->rows_at = place(&next, table->rows * 4);
        head->flow_of_at = place(&next, table->rows * 4);
    }
    return head->bytes = next;
}

int weir_columnar_save(const weir_dataset *dataset, const char *note, const char *path,
                       weir_error *error)
{
    const weir_table *table = dataset->table;
    const weir_flows *flows = NULL;
    uint64_t written = 0;
    weir_file file;
    header head;
    entry *entries;
    int status;

    if (table->schema != WEIR_SERIES && !(flows = weir_dataset_flows(dataset, error)))
        return error ? error->status : WEIR_ENOMEM;
    entries = calloc(table->count + 1, sizeof *entries);
    if (!entries)
        return weir_error_memory(error, table->count * sizeof *entries, "a columnar file");
    plan(dataset, flows, note, &head, entries);
    status = weir_file_create(&file, path, error);
    if (status) {
        free(entries);
        return status;
    }
    put(&file, &written, 0, &head, sizeof head);
    put(&file, &written, written, entries, table->count * sizeof *entries);
    put(&file, &written, head.note_at, note, (size_t)head.note_bytes);
    put(&file, &written, head.name_at, dataset->name, (size_t)head.name_bytes);
    for (size_t i = 0; i < table->count; i++) {
        const weir_column *column = &table->columns[i];
        put(&file, &written, entries[i].texts_at, NULL, 0);
        for (uint32_t code = 0; code < column->dictionary.count; code++) {
            const char *text = column->dictionary.texts[code];
            put(&file, &written, written, text, strlen(text) + 1);
        }
        put(&file, &written, entries[i].at, column->data,
            table->rows * column->width * weir_type_size(column->type));
    }
    if (flows) {
        put(&file, &written, head.offsets_at, flows->offsets, ((size_t)flows->count + 1) * 4);
        put(&file, &written, head.rows_at, flows->rows, table->rows * 4);
        put(&file, &written, head.flow_of_at, flows->flow_of, table->rows * 4);
    }
    free(entries);
    return weir_file_commit(&file, error);
}

int weir_columnar_write(const weir_dataset *dataset, const char *path, weir_error *error)
{
    return weir_columnar_save(dataset, NULL, path, error);
}

/* ---- Mapping --------------------------------------------------------------------------------- */

typedef struct mapping {
    const char *data;
    uint64_t bytes;
    const char *what; /* the first thing found wrong */
} mapping;

/* The array of n values of size bytes at a place, or NULL with what noted. */
static const void *array(mapping *view, uint64_t at, uint64_t n, uint64_t size, const char *what)
{
    if (!view->what && at % 64 == 0 && at <= view->bytes && n <= (view->bytes - at) / size)
        return view->data + at;
    if (!view->what)
        view->what = what;
    return NULL;
}

static bool map_column(mapping *view, weir_table *table, const entry *e, weir_error *error)
{
    size_t size = weir_type_size((weir_type)e->type);
    const char *texts = array(view, e->texts_at, e->texts_bytes, 1, "the strings of a column");
    const void *data = NULL;
    weir_column *column;
    uint64_t at = 0;

    if (!size || !e->width || e->width > UINT32_MAX || !memchr(e->name, 0, sizeof e->name))
        view->what = "the description of a column";
    else
        data = array(view, e->at, table->rows, size * e->width, "a column's place");
    if (!data || !texts)
        return false;
    column = weir_table_add_lent(table, e->name, (weir_type)e->type, (size_t)e->width,
                                 (void *)(uintptr_t)data, error);
    if (!column)
        return false;
    for (uint32_t code = 0; code < e->texts; code++) {
        const char *end = at < e->texts_bytes ? memchr(texts + at, 0, e->texts_bytes - at) : NULL;
        if (!end || e->type != WEIR_CATEGORY) {
            view->what = "the strings of a column";
            return false;
        }
        if (weir_dictionary_find(&column->dictionary, texts + at) != UINT32_MAX) {
            view->what = "the strings of a column (one stands twice)";
            return false;
        }
        if (weir_dictionary_add(&column->dictionary, texts + at, error) == UINT32_MAX)
            return false;
        at = (uint64_t)(end + 1 - texts);
    }
    return true;
}

/* Every row stands once, under its flow, in order. */
static bool sound_flows(const weir_flows *flows, uint64_t n)
{
    if (flows->offsets[0] != 0 || flows->offsets[flows->count] != n || flows->count > n)
        return false;
    for (uint32_t flow = 0; flow < flows->count; flow++) {
        uint32_t from = flows->offsets[flow], until = flows->offsets[flow + 1];
        if (until <= from || until > n)
            return false;
        for (uint32_t i = from; i < until; i++) {
            uint32_t row = flows->rows[i];
            if (row >= n || flows->flow_of[row] != flow || (i > from && flows->rows[i - 1] >= row))
                return false;
        }
    }
    return true;
}

static bool in_order(const weir_table *table)
{
    const int64_t *time = weir_i64(table, table->schema == WEIR_NETFLOW ? "ts" : "time");

    for (size_t i = 1; time && i < table->rows; i++) {
        if (time[i - 1] > time[i])
            return false;
    }
    return time || table->schema == WEIR_SERIES;
}

/* The columns that the schema asks for are there. */
static bool complete(const weir_table *table)
{
    weir_error ignored = {0};
    weir_table *model = table->schema == WEIR_SERIES
                            ? weir_table_new_series(&table->shape, 0, &ignored)
                            : weir_table_new(table->schema, 0, &ignored);
    bool all = model != NULL;

    for (size_t i = 0; all && i < model->count; i++) {
        const weir_column *column = weir_table_at(table, model->columns[i].name);
        all = column && column->type == model->columns[i].type &&
              column->width == model->columns[i].width;
    }
    weir_table_free(model);
    return all;
}

/* A dataset of a whole file's bytes; takes the table that holds the map, also on failure. */
static weir_dataset *dataset_of(mapping *view, weir_table *table, const header *head, char **note,
                                weir_error *error)
{
    const entry *entries = (const entry *)(view->data + sizeof *head);
    weir_dataset *dataset = NULL;
    weir_flows flows = {0};
    bool grouped = head->flows != UINT32_MAX;
    char *name = NULL;
    const char *text;

    for (uint32_t i = 0; i < head->columns; i++) {
        if (!map_column(view, table, &entries[i], error))
            goto end;
    }
    if (!view->what && !complete(table))
        view->what = "the list of columns";
    if (!view->what && !in_order(table))
        view->what = "the order of times";
    if (grouped) {
        flows.count = head->flows;
        flows.offsets = array(view, head->offsets_at, (uint64_t)head->flows + 1, 4, "the flows");
        flows.rows = array(view, head->rows_at, head->rows, 4, "the flows");
        flows.flow_of = array(view, head->flow_of_at, head->rows, 4, "the flows");
        if (!view->what && (table->schema == WEIR_SERIES || !sound_flows(&flows, head->rows)))
            view->what = "the flows";
    }
    text = array(view, head->name_at, head->name_bytes, 1, "the name");
    name = text ? strndup(text, (size_t)head->name_bytes) : NULL;
    text = array(view, head->note_at, head->note_bytes, 1, "the note");
    if (view->what)
        goto end;
    if (note && !(*note = strndup(text, (size_t)head->note_bytes))) {
        weir_error_memory(error, head->note_bytes, "a columnar file");
        goto end;
    }
    dataset = weir_dataset_new(table, error);
    table = NULL;
    if (dataset) {
        dataset->holds = head->holds;
        weir_dataset_set_name(dataset, name);
        dataset->flows = flows;
        dataset->grouped = dataset->flows_lent = grouped;
    } else if (note) {
        free(*note);
        *note = NULL;
    }
end:
    free(name);
    weir_table_free(table);
    return dataset;
}

/* The file's bytes, mapped; NULL on failure. */
static void *map_file(const char *path, size_t *bytes, weir_error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    void *map = MAP_FAILED;

    if (descriptor < 0 || fstat(descriptor, &info)) {
        weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(info.st_mode) || (size_t)info.st_size < sizeof(header)) {
        weir_error_set(error, WEIR_EDATA, "%s: not a columnar file of Weir", path);
    } else {
        *bytes = (size_t)info.st_size;
        map = mmap(NULL, *bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (map == MAP_FAILED)
            weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
    }
    if (descriptor >= 0)
        close(descriptor);
    return map == MAP_FAILED ? NULL : map;
}

weir_dataset *weir_columnar_load(const char *path, char **note, weir_error *error)
{
    weir_error inner = {0};
    mapping view = {0};
    size_t bytes = 0;
    void *map = map_file(path, &bytes, error);
    weir_dataset *dataset = NULL;
    weir_table *table;
    header head;

    if (note)
        *note = NULL;
    if (!map)
        return NULL;
    memcpy(&head, map, sizeof head);
    view.data = map;
    view.bytes = bytes;
    if (memcmp(head.magic, magic, sizeof magic) || head.version != VERSION ||
        head.order != 0x01020304) {
        weir_error_set(error, WEIR_EDATA, "%s: not a columnar file of Weir, version %d", path,
                       VERSION);
    } else if (head.bytes != bytes || head.columns > (bytes - sizeof head) / sizeof(entry) ||
               head.rows > UINT32_MAX - 2) {
        view.what = "its size";
    } else if (head.schema == 0) {
        view.what = "the schema";
    } else {
        table = weir_table_bare(head.schema, &head.shape, (size_t)head.rows, &inner);
        if (table) {
            table->map = map;
            table->map_bytes = bytes;
            map = NULL;
            dataset = dataset_of(&view, table, &head, note, &inner);
        }
    }
    if (map)
        munmap(map, bytes);
    if (view.what)
        weir_error_set(error, WEIR_EDATA, "%s: damaged: %s", path, view.what);
    else if (!dataset && inner.status)
        weir_error_set(error, inner.status, "%s: damaged: %s", path, inner.text);
    return dataset;
}

weir_dataset *weir_columnar_map(const char *path, weir_error *error)
{
    return weir_columnar_load(path, NULL, error);
}
