/* What a job leaves beside its result: curves, and tables to look at. */
#include "data/write.h"
#include "files.h"
#include "plugin/inside.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

/* ---- Curves -----------------------------------------------------------------------------------*/

static void curves_path(const weir_job *job, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/curves.csv.tmp", job->setup.folder);
}

void weir_track(weir_job *job, const char *curve, int64_t step, double value)
{
    char path[PATH_MAX];

    if (!job->setup.folder)
        return;
    if (!curve[0] || curve[strspn(curve, name_letters)]) {
        weir_error_set(&job->error, WEIR_EBUG,
                       "'%.60s' is no name for a curve: letters, digits, '_', '.', '-'", curve);
        return;
    }
    if (!isfinite(value)) {
        weir_log(job, "curve %s is not finite at step %lld", curve, (long long)step);
        return;
    }
    if (!job->curves) {
        curves_path(job, path);
        job->curves = fopen(path, "w");
        if (job->curves)
            fputs("curve,step,value\n", job->curves);
    }
    if (!job->curves || fprintf(job->curves, "%s,%lld,%.17g\n", curve, (long long)step, value) < 0)
        weir_error_set(&job->error, WEIR_EIO, "%s/curves.csv: %s", job->setup.folder,
                       strerror(errno));
}

static int copy_file(const char *from, const char *to, const char *mode, weir_error *error)
{
    FILE *in = fopen(from, "rb"), *out = in ? fopen(to, mode) : NULL;
    char block[65536];
    size_t got;
    bool good = in && out;

    while (good && (got = fread(block, 1, sizeof block, in)) > 0)
        good = fwrite(block, 1, got, out) == got;
    good = good && !ferror(in);
    if (in)
        fclose(in);
    if (out && fclose(out))
        good = false;
    return good ? WEIR_OK : weir_error_set(error, WEIR_EIO, "%s: %s", to, strerror(errno));
}

int weir_curves_keep(weir_job *job, const char *to)
{
    char path[PATH_MAX], copy[PATH_MAX];

    if (!job->curves)
        return WEIR_OK;
    curves_path(job, path);
    snprintf(copy, sizeof copy, "%s/curves.csv", to);
    fflush(job->curves);
    return copy_file(path, copy, "wb", &job->error);
}

int weir_curves_resume(weir_job *job, const char *from)
{
    char path[PATH_MAX], kept[PATH_MAX];

    snprintf(kept, sizeof kept, "%s/curves.csv", from);
    if (access(kept, R_OK))
        return WEIR_OK;
    curves_path(job, path);
    if (copy_file(kept, path, "wb", &job->error) != WEIR_OK)
        return job->error.status;
    job->curves = fopen(path, "a");
    return job->curves ? WEIR_OK
                       : weir_error_set(&job->error, WEIR_EIO, "%s: %s", path, strerror(errno));
}

/* ---- Artefacts --------------------------------------------------------------------------------*/

/* A text as a quoted field; NULL counts as "". */
static void put_quoted(FILE *file, const char *text)
{
    fputc('"', file);
    for (const char *c = text ? text : ""; *c; c++)
        fprintf(file, *c == '"' ? "\"\"" : "%c", *c);
    fputc('"', file);
}

static int write_images(const weir_table *table, const char *path, weir_error *error)
{
    const float *values = weir_f32(table, "values");
    const uint32_t *height = weir_u32(table, "height"), *width = weir_u32(table, "width");
    const uint32_t *label = weir_codes(table, "label"), *group = weir_codes(table, "group");
    size_t rows = weir_table_rows(table), size = 0;
    int at = weir_table_find(table, "values");
    char *text = NULL;
    FILE *file;
    int status;

    if (at < 0 || !values || !height || !width || !label)
        return weir_error_set(error, WEIR_EBUG,
                              "images need columns values f32, height u32, width u32 and label");
    if (!group && weir_table_find(table, "group") >= 0)
        return weir_error_set(error, WEIR_EBUG, "the column group of images is no category");
    weir_table_column(table, (size_t)at, NULL, &size);
    for (size_t i = 0; i < rows; i++)
        if ((uint64_t)height[i] * width[i] > size)
            return weir_error_set(error, WEIR_EBUG, "image %zu is %u x %u, but has %zu values", i,
                                  height[i], width[i], size);
    file = open_memstream(&text, &(size_t){0});
    if (!file)
        return weir_error_memory(error, rows * size, "images");
    fprintf(file, "label,%sheight,width", group ? "group," : "");
    for (size_t j = 0; j < size; j++)
        fprintf(file, ",v%zu", j);
    for (size_t i = 0; i < rows; i++) {
        fputc('\n', file);
        put_quoted(file, weir_category_text(table, "label", label[i]));
        if (group) {
            fputc(',', file);
            put_quoted(file, weir_category_text(table, "group", group[i]));
        }
        fprintf(file, ",%u,%u", height[i], width[i]);
        for (size_t j = 0; j < size; j++)
            fprintf(file, ",%.4g", (double)values[i * size + j]); /* to look at: half the size */
    }
    fputc('\n', file);
    if (fclose(file)) {
        free(text);
        return weir_error_memory(error, rows * size, "images");
    }
    status = weir_file_write(path, text, strlen(text), error);
    free(text);
    return status;
}

int weir_artefact(weir_job *job, const char *name, weir_artefact_kind kind, const weir_table *table)
{
    static const char *const kinds[] = {"curve", "matrix", "images"};
    char path[PATH_MAX];
    json_t *other;
    size_t i;

    if (!name[0] || name[0] == '.' || strlen(name) > 100 || name[strspn(name, name_letters)])
        return weir_error_set(&job->error, WEIR_EBUG,
                              "'%.100s' is no name for an artefact: letters, digits, '_', '.', '-'",
                              name);
    if ((unsigned)kind > WEIR_IMAGES)
        return weir_error_set(&job->error, WEIR_EBUG, "artefact '%s' is of no known kind", name);
    json_array_foreach(job->artefacts, i, other)
    {
        if (!strcmp(json_string_value(json_object_get(other, "name")), name))
            return weir_error_set(&job->error, WEIR_EBUG, "two artefacts are called '%s'", name);
    }
    if (json_array_append_new(job->artefacts,
                              json_pack("{s:s,s:s,s:o}", "name", name, "kind", kinds[kind], "file",
                                        json_sprintf("artefacts/%s.csv", name))))
        return weir_error_memory(&job->error, 0, "an artefact");
    if (!job->setup.folder)
        return WEIR_OK;
    snprintf(path, sizeof path, "%s/artefacts", job->setup.folder);
    if (weir_folder_make(path, &job->error) != WEIR_OK)
        return job->error.status;
    snprintf(path, sizeof path, "%s/artefacts/%s.csv", job->setup.folder, name);
    return kind == WEIR_IMAGES ? write_images(table, path, &job->error)
                               : weir_table_write_csv(table, path, &job->error);
}

int weir_artefacts_end(weir_job *job)
{
    char path[PATH_MAX], final[PATH_MAX];
    bool good;

    if (!job->setup.folder)
        return WEIR_OK;
    snprintf(final, sizeof final, "%s/artefacts.json", job->setup.folder);
    if (json_array_size(job->artefacts) &&
        weir_json_write(final, job->artefacts, &job->error) != WEIR_OK)
        return job->error.status;
    if (!job->curves)
        return WEIR_OK;
    curves_path(job, path);
    snprintf(final, sizeof final, "%s/curves.csv", job->setup.folder);
    good = fflush(job->curves) == 0 && fsync(fileno(job->curves)) == 0;
    good = fclose(job->curves) == 0 && good;
    job->curves = NULL;
    if (!good || rename(path, final))
        return weir_error_set(&job->error, WEIR_EIO, "%s: %s", final, strerror(errno));
    return WEIR_OK;
}
