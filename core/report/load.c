/* A store as read from its folder: scores, manifest, jobs. */
#include "report/csv.h"
#include "report/figures.h"
#include "report/model.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Memory of the store: a list of blocks, freed together. */
struct report_block {
    struct report_block *next;
    max_align_t data[];
};

void *report_alloc(report_store *store, size_t count, size_t size, weir_error *error)
{
    struct report_block *block = NULL;

    if (size == 0 || count < (SIZE_MAX / 2 - sizeof *block) / size)
        block = calloc(1, sizeof *block + count * size + 1);
    if (!block) {
        weir_error_memory(error, count * size, "the report");
        return NULL;
    }
    block->next = store->blocks;
    store->blocks = block;
    return block->data;
}

char *report_string(report_store *store, weir_error *error, const char *format, ...)
{
    va_list arguments;
    char *text;
    int n;

    va_start(arguments, format);
    n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    text = report_alloc(store, n < 0 ? 1 : (size_t)n + 1, 1, error);
    if (text && n > 0) {
        va_start(arguments, format);
        vsnprintf(text, (size_t)n + 1, format, arguments);
        va_end(arguments);
    }
    return text;
}

void report_store_free(report_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->job_count; i++) {
        json_decref(store->jobs[i].spec);
        json_decref(store->jobs[i].status);
        json_decref(store->jobs[i].scores);
        json_decref(store->jobs[i].artefacts);
        json_decref(store->jobs[i].selection);
    }
    json_decref(store->manifest);
    while (store->blocks) {
        struct report_block *next = store->blocks->next;

        free(store->blocks);
        store->blocks = next;
    }
    free(store);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

const char *report_json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

double report_json_number(const json_t *object, const char *key, double missing)
{
    const json_t *number = json_object_get(object, key);

    return json_is_number(number) ? json_number_value(number) : missing;
}

int report_note(report_store *store, const char *text, weir_error *error)
{
    /* Grown by doubling; the old lists stay in the store's memory until it is freed. */
    if ((store->note_count & (store->note_count - 1)) == 0) {
        const char **grown = report_alloc(store, store->note_count ? 2 * store->note_count : 1,
                                          sizeof *grown, error);

        if (!grown)
            return (int)error->status;
        if (store->note_count)
            memcpy(grown, store->notes, store->note_count * sizeof *grown);
        store->notes = grown;
    }
    store->notes[store->note_count] = report_string(store, error, "%s", text);
    if (!store->notes[store->note_count])
        return (int)error->status;
    store->note_count++;
    return WEIR_OK;
}

/* A document of the store, or NULL with a note that says why (none for a missing optional one). */
static json_t *read_json(report_store *store, const char *name, bool object, bool optional,
                         weir_error *error)
{
    char *path = report_string(store, error, "%s/%s", store->folder, name), *text;
    weir_error problem = {0};
    json_error_t where;
    json_t *document = NULL;
    size_t length;
    struct stat info;

    if (!path || (optional && stat(path, &info) != 0 && errno == ENOENT))
        return NULL;
    text = report_read_file(path, (size_t)1 << 28, &length, &problem);
    if (text) {
        document = json_loadb(text, length, 0, &where);
        if (!document)
            weir_error_set(&problem, WEIR_EDATA, "%s:%d: %s", path, where.line, where.text);
        else if (object ? !json_is_object(document) : !json_is_array(document)) {
            weir_error_set(&problem, WEIR_EDATA, "%s: is not a JSON %s", path,
                           object ? "object" : "array");
            json_decref(document);
            document = NULL;
        }
        free(text);
    }
    if (!document)
        report_note(store, problem.text, error);
    return document;
}

/* ---- Scores ---------------------------------------------------------------------------------- */

enum {
    DATASET,
    GENERATOR,
    LABEL,
    SEED,
    KIND,
    PLUGIN,
    VARIANT,
    FEATURE,
    VALUE,
    UNIT,
    BETTER,
    N_REAL,
    N_SYNTHETIC,
    STATUS,
    REASON,
    JOB,
    COLUMNS
};
static const char *const columns[COLUMNS] = {
    "dataset", "generator", "label",  "seed",   "kind",        "plugin", "variant", "feature",
    "value",   "unit",      "better", "n_real", "n_synthetic", "status", "reason",  "job"};

typedef struct reading {
    const char *path;
    const report_csv *csv;
    size_t at[COLUMNS];
    weir_error *error;
} reading;

static const char *field(const reading *in, size_t row, int column)
{
    return report_csv_field(in->csv, row, in->at[column]);
}

/* A number, or NaN for an empty field. */
static int number(const reading *in, size_t row, int column, double *value)
{
    const char *text = field(in, row, column);
    char *end;

    *value = NAN;
    if (!*text)
        return WEIR_OK;
    *value = strtod(text, &end);
    if (end == text || *end || !isfinite(*value))
        return weir_error_set(in->error, WEIR_EDATA, "%s:%zu: column '%s': '%s' is not a number",
                              in->path, in->csv->lines[row], columns[column], text);
    return WEIR_OK;
}

static int choice(const reading *in, size_t row, int column, const char *const *known, size_t n,
                  const char *what, size_t *found)
{
    const char *text = field(in, row, column);

    for (*found = 0; *found < n; ++*found)
        if (!strcmp(text, known[*found]))
            return WEIR_OK;
    return weir_error_set(in->error, WEIR_EDATA, "%s:%zu: column '%s': '%s' is none of %s",
                          in->path, in->csv->lines[row], columns[column], text, what);
}

static int read_row(report_store *store, const reading *in, size_t i, report_row *row)
{
    static const char *const statuses[] = {"ok", "n/a", "failed"};
    static const char *const betters[] = {"lower", "higher", "neither", ""};
    const char **texts[COLUMNS] = {
        [DATASET] = &row->dataset, [GENERATOR] = &row->generator, [LABEL] = &row->label,
        [SEED] = &row->seed,       [KIND] = &row->kind,           [PLUGIN] = &row->plugin,
        [VARIANT] = &row->variant, [FEATURE] = &row->feature,     [UNIT] = &row->unit,
        [BETTER] = &row->better,   [REASON] = &row->reason,       [JOB] = &row->job};
    size_t status, better;

    for (int c = 0; c < COLUMNS; c++)
        if (texts[c] && !(*texts[c] = report_string(store, in->error, "%s", field(in, i, c))))
            return (int)in->error->status;
    if (choice(in, i, STATUS, statuses, 3, "ok, n/a, failed", &status) != WEIR_OK ||
        choice(in, i, BETTER, betters, 4, "lower, higher, neither", &better) != WEIR_OK ||
        number(in, i, VALUE, &row->value) != WEIR_OK ||
        number(in, i, N_REAL, &row->n_real) != WEIR_OK ||
        number(in, i, N_SYNTHETIC, &row->n_synthetic) != WEIR_OK)
        return (int)in->error->status;
    row->status = (report_status)status;
    if (row->status != REPORT_OK)
        row->value = NAN;
    else if (isnan(row->value))
        return weir_error_set(in->error, WEIR_EDATA,
                              "%s:%zu: column 'value': is empty although the status is ok",
                              in->path, in->csv->lines[i]);
    return WEIR_OK;
}

static int read_scores(report_store *store, weir_error *error)
{
    char *path = report_string(store, error, "%s/scores.csv", store->folder);
    report_csv csv;
    reading in = {path, &csv, {0}, error};
    int status = WEIR_OK;

    if (!path || report_csv_read(&csv, path, error) != WEIR_OK)
        return (int)error->status;
    for (int c = 0; c < COLUMNS && status == WEIR_OK; c++) {
        int at = report_csv_column(&csv, columns[c]);

        if (at < 0)
            status = weir_error_set(error, WEIR_EDATA, "%s:1: the column '%s' is missing", path,
                                    columns[c]);
        in.at[c] = (size_t)(at < 0 ? 0 : at);
    }
    if (status == WEIR_OK) {
        store->rows = report_alloc(store, csv.rows, sizeof *store->rows, error);
        status = store->rows ? WEIR_OK : (int)error->status;
    }
    for (size_t i = 0; i < csv.rows && status == WEIR_OK; i++)
        status = read_row(store, &in, i, &store->rows[i]);
    store->row_count = csv.rows;
    report_csv_free(&csv);
    return status;
}

/* Rows in memory: their texts stay where they are. */
static int take_rows(report_store *store, const json_t *rows, weir_error *error)
{
    const json_t *row;
    size_t i;

    store->rows = report_alloc(store, json_array_size(rows), sizeof *store->rows, error);
    if (!store->rows)
        return (int)error->status;
    json_array_foreach(rows, i, row)
    {
        const char *status = report_json_text(row, "status");
        bool ok = !strcmp(status, "ok");

        store->rows[store->row_count++] =
            (report_row){.dataset = report_json_text(row, "dataset"),
                         .generator = report_json_text(row, "generator"),
                         .label = report_json_text(row, "label"),
                         .seed = "",
                         .kind = report_json_text(row, "kind"),
                         .plugin = report_json_text(row, "plugin"),
                         .variant = report_json_text(row, "variant"),
                         .feature = report_json_text(row, "feature"),
                         .unit = report_json_text(row, "unit"),
                         .better = report_json_text(row, "better"),
                         .reason = report_json_text(row, "reason"),
                         .job = report_json_text(row, "job"),
                         .status = ok                      ? REPORT_OK
                                   : strcmp(status, "n/a") ? REPORT_FAILED
                                                           : REPORT_NA,
                         .value = ok ? report_json_number(row, "value", NAN) : NAN,
                         .n_real = report_json_number(row, "n_real", NAN),
                         .n_synthetic = report_json_number(row, "n_synthetic", NAN)};
    }
    return WEIR_OK;
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

/* Sum of the sizes of the files in a folder; NaN if there is no such folder. */
static double folder_bytes_at(int parent, const char *path)
{
    int at = openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = at < 0 ? NULL : fdopendir(at);
    const struct dirent *entry;
    struct stat info;
    double bytes = 0;

    if (at >= 0 && !folder)
        close(at);
    if (!folder)
        return NAN;
    while ((entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            fstatat(dirfd(folder), entry->d_name, &info, 0) != 0)
            continue;
        if (S_ISREG(info.st_mode))
            bytes += (double)info.st_size;
        else if (S_ISDIR(info.st_mode))
            bytes += fmax(0, folder_bytes_at(dirfd(folder), entry->d_name));
    }
    closedir(folder);
    return bytes;
}

static double folder_bytes(const char *path)
{
    return folder_bytes_at(AT_FDCWD, path);
}

/* The last lines of a job's log. */
static const char *log_tail(report_store *store, const char *path, weir_error *error)
{
    enum { LINES = 12, BYTES = 4096 };
    char tail[BYTES + 1];
    FILE *file = fopen(path, "rb");
    size_t n, first, lines = 0;

    if (!file)
        return "";
    if (fseek(file, -BYTES, SEEK_END) != 0)
        rewind(file);
    n = fread(tail, 1, BYTES, file);
    fclose(file);
    for (size_t i = 0; i < n; i++)
        if (!tail[i])
            tail[i] = ' ';
    while (n > 0 && (tail[n - 1] == '\n' || tail[n - 1] == ' '))
        n--;
    tail[n] = 0;
    for (first = n; first > 0; first--)
        if (tail[first - 1] == '\n' && ++lines == LINES)
            break;
    return report_string(store, error, "%s", tail + first);
}

static int read_job(report_store *store, report_job *job, weir_error *error)
{
    static const char *const documents[] = {"spec", "status", "scores", "selection", "artefacts"};
    json_t **into[] = {&job->spec, &job->status, &job->scores, &job->selection, &job->artefacts};
    char *path;

    for (int i = 0; i < 5; i++) {
        path = report_string(store, error, "jobs/%s/%s.json", job->id, documents[i]);
        if (!path)
            return (int)error->status;
        *into[i] = read_json(store, path, i < 4, true, error);
    }
    path = report_string(store, error, "%s/jobs/%s/model", store->folder, job->id);
    if (!path)
        return (int)error->status;
    job->model_bytes = folder_bytes(path);
    job->log = "";
    if (job->status && json_is_false(json_object_get(job->status, "ok"))) {
        path = report_string(store, error, "%s/jobs/%s/log", store->folder, job->id);
        job->log = path ? log_tail(store, path, error) : NULL;
    }
    return error->status;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int read_jobs(report_store *store, weir_error *error)
{
    char *path = report_string(store, error, "%s/jobs", store->folder);
    struct dirent **names;
    int n;

    if (!path)
        return (int)error->status;
    n = scandir(path, &names, visible, by_name);
    if (n < 0)
        return errno == ENOENT
                   ? report_note(store,
                                 "the store has no folder jobs/, so that costs, failures "
                                 "and plots are missing",
                                 error)
                   : weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
    store->jobs = report_alloc(store, (size_t)n, sizeof *store->jobs, error);
    for (int i = 0; i < n; i++) {
        if (store->jobs && error->status == WEIR_OK) {
            report_job *job = &store->jobs[store->job_count++];

            job->id = report_string(store, error, "%s", names[i]->d_name);
            if (job->id)
                read_job(store, job, error);
        }
        free(names[i]);
    }
    free(names);
    return error->status;
}

static int job_order(const void *key, const void *job)
{
    return strcmp(key, ((const report_job *)job)->id);
}

const report_job *report_find_job(const report_store *store, const char *id)
{
    return store->job_count
               ? bsearch(id, store->jobs, store->job_count, sizeof *store->jobs, job_order)
               : NULL;
}

static report_store *load(const char *folder, const json_t *rows, weir_error *error)
{
    report_store *store = calloc(1, sizeof *store);
    struct stat info;

    if (!store) {
        weir_error_memory(error, sizeof *store, "the report");
        return NULL;
    }
    store->folder = report_string(store, error, "%s", folder);
    if (!store->folder)
        goto failed;
    if (stat(folder, &info) != 0) {
        weir_error_set(error, WEIR_EIO, "%s: %s", folder, strerror(errno));
        goto failed;
    }
    if (!S_ISDIR(info.st_mode)) {
        weir_error_set(error, WEIR_EIO, "%s: is no folder; the store of an experiment is meant",
                       folder);
        goto failed;
    }
    if ((rows ? take_rows(store, rows, error) : read_scores(store, error)) != WEIR_OK ||
        read_jobs(store, error) != WEIR_OK)
        goto failed;
    if (!rows)
        store->manifest = read_json(store, "manifest.json", true, false, error);
    if (error->status == WEIR_OK)
        return store;
failed:
    report_store_free(store);
    return NULL;
}

report_store *report_load(const char *folder, weir_error *error)
{
    return load(folder, NULL, error);
}

report_store *report_load_rows(const char *folder, const json_t *rows, weir_error *error)
{
    return load(folder, rows, error);
}
