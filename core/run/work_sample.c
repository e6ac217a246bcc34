/* Sampling: a model folder and a request to a synthetic dataset, checked. */
#include "data/write.h"
#include "files.h"
#include "run/work.h"
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

/* An empty table as the training set's. */
static weir_table *new_table(const json_t *about, weir_error *error)
{
    const char *schema = json_string_value(json_object_get(about, "schema"));
    const json_t *series = json_object_get(about, "series");
    const json_t *names = json_object_get(series, "channels");
    weir_series_shape shape = {0};

    if (schema && !strcmp(schema, "packets"))
        return weir_table_new(WEIR_PACKETS, 0, error);
    if (schema && !strcmp(schema, "netflow"))
        return weir_table_new(WEIR_NETFLOW, 0, error);
    shape.steps = (uint32_t)json_integer_value(json_object_get(series, "steps"));
    shape.channels = (uint32_t)json_array_size(names);
    shape.step_seconds = json_number_value(json_object_get(series, "step_seconds"));
    if (!schema || strcmp(schema, "series") != 0 || !shape.steps || !shape.channels ||
        shape.channels > WEIR_MAX_CHANNELS) {
        weir_error_set(error, WEIR_EDATA, "model.json does not say what the training set was");
        return NULL;
    }
    for (uint32_t i = 0; i < shape.channels; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        snprintf(shape.names[i], sizeof shape.names[i], "%s", name ? name : "");
    }
    return weir_table_new_series(&shape, 0, error);
}

static int read_request(const json_t *given, weir_request *request, weir_error *error)
{
    static const char *const names[] = {"flows", "packets", "series"};
    int64_t *const to[] = {&request->flows, &request->packets, &request->series};
    int set = 0;

    for (size_t i = 0; i < 3; i++) {
        const json_t *value = json_object_get(given, names[i]);
        if (value && !json_is_null(value) &&
            (!json_is_integer(value) || json_integer_value(value) < 0))
            return weir_error_set(error, WEIR_EOPTION,
                                  "request: %s must be a whole number, 0 or more", names[i]);
        *to[i] = json_integer_value(value);
        set += *to[i] > 0;
    }
    request->duration = json_number_value(json_object_get(given, "duration"));
    if (set > 1)
        return weir_error_set(error, WEIR_EOPTION,
                              "request: only one of flows, packets and series may be given");
    if ((json_object_get(given, "duration") &&
         !json_is_number(json_object_get(given, "duration"))) ||
        !(request->duration >= 0 && request->duration < 1e9))
        return weir_error_set(
            error, WEIR_EOPTION,
            "request: duration must be a number of seconds, from 0 to less than 1e9");
    return WEIR_OK;
}

/* As much as there is in the set that the sample is to be compared with (`like`, a part of the real
 * trace): of a part by flow as many flows (series), over the time of training; of one by time as
 * many rows over its own time; of one by label as many rows. */
static int request_like(const weir_work *work, weir_request *request, weir_error *error)
{
    const json_t *splits = json_object_get(json_object_get(work->inputs, "like"), "split");
    const json_t *split = json_array_get(splits, json_array_size(splits) - 1);
    const char *by = json_string_value(json_object_get(split, "by"));
    weir_dataset *like = weir_work_open(work, "like", error);
    const weir_flows *flows;
    int64_t first, last;

    if (!like)
        return error->status;
    if (weir_dataset_schema(like) == WEIR_SERIES) {
        request->series = (int64_t)weir_dataset_rows(like);
    } else if (by && !strcmp(by, "flow")) {
        flows = weir_dataset_flows(like, error);
        request->flows = flows ? (int64_t)flows->count : 0;
    } else {
        request->packets = (int64_t)weir_dataset_rows(like);
        if (by && !strcmp(by, "time") && weir_dataset_span(like, &first, &last) && last > first)
            request->duration = 1e-9 * (double)(last - first);
    }
    weir_dataset_free(like);
    return error->status;
}

/* What the schema promises beyond its types; weir_dataset_new has checked reals and codes. */
static int check_rows(const weir_table *table, weir_error *error)
{
    const uint16_t *off = weir_u16(table, "off");
    const uint8_t *flag = weir_u8(table, "flag");
    const double *td = weir_f64(table, "td");
    size_t rows = weir_table_rows(table);

    if (!rows)
        return weir_error_set(error, WEIR_EDATA, "it made no rows");
    for (size_t i = 0; i < rows; i++) {
        if (off && off[i] > 8191)
            return weir_error_set(error, WEIR_EDATA, "row %zu: off is %u, must be 8191 or less", i,
                                  off[i]);
        if (flag && flag[i] > 3)
            return weir_error_set(error, WEIR_EDATA, "row %zu: flag is %u, must be 3 or less", i,
                                  flag[i]);
        if (td && td[i] < 0)
            return weir_error_set(error, WEIR_EDATA, "row %zu: td is %g, must be 0 or more", i,
                                  td[i]);
    }
    return WEIR_OK;
}

/* SHA-256 of what a dataset says: schema, holds, shape, columns with their values and texts. */
static int hash(const weir_dataset *dataset, char hex[65], weir_error *error)
{
    const weir_table *table = weir_dataset_table(dataset);
    const weir_series_shape *shape = weir_table_series(table);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    char line[400];
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);

    snprintf(line, sizeof line, "%u %u %zu %u %u %.17g\n", weir_dataset_schema(dataset),
             weir_dataset_holds(dataset), weir_table_rows(table), shape ? shape->steps : 0,
             shape ? shape->channels : 0, shape ? shape->step_seconds : 0.0);
    good = good && EVP_DigestUpdate(context, line, strlen(line));
    for (uint32_t i = 0; good && shape && i < shape->channels; i++)
        good = EVP_DigestUpdate(context, shape->names[i], strlen(shape->names[i]) + 1);
    for (size_t i = 0; good && i < weir_table_columns(table); i++) {
        weir_type type;
        size_t width;
        const char *name = weir_table_column(table, i, &type, &width);
        size_t bytes = weir_table_rows(table) * width * weir_type_size(type);
        snprintf(line, sizeof line, "%s %s %zu\n", name, weir_type_name(type), width);
        good = EVP_DigestUpdate(context, line, strlen(line)) &&
               (!bytes || EVP_DigestUpdate(context, weir_table_read(table, name, type), bytes));
        for (uint32_t code = 0;
             good && type == WEIR_CATEGORY && code < weir_category_count(table, name); code++) {
            const char *text = weir_category_text(table, name, code);
            good = EVP_DigestUpdate(context, text, strlen(text) + 1);
        }
    }
    good = good && EVP_DigestFinal_ex(context, digest, &length) && length == 32;
    EVP_MD_CTX_free(context);
    if (!good)
        return weir_error_memory(error, 0, "a hash");
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return WEIR_OK;
}

static int write_outputs(const weir_work *work, const weir_dataset *synthetic, weir_error *error)
{
    const weir_flows *flows = NULL;
    char path[PATH_MAX], hex[65];
    json_t *facts;

    if (hash(synthetic, hex, error) != WEIR_OK)
        return error->status;
    if (weir_dataset_schema(synthetic) != WEIR_SERIES &&
        !(flows = weir_dataset_flows(synthetic, error)))
        return error->status;
    snprintf(path, sizeof path, "%s/synthetic.weir", work->out);
    if (weir_columnar_write(synthetic, path, error) != WEIR_OK)
        return error->status;
    facts = json_pack("{s:I,s:o,s:s,s:I}", "rows", (json_int_t)weir_dataset_rows(synthetic),
                      "flows", flows ? json_integer(flows->count) : json_null(), "sha256", hex,
                      "holds", (json_int_t)weir_dataset_holds(synthetic));
    if (!facts)
        return weir_error_memory(error, 0, "synthetic.json");
    snprintf(path, sizeof path, "%s/synthetic.json", work->out);
    weir_json_write(path, facts, error);
    json_decref(facts);
    return error->status;
}

/* Runs sample and checks what it gave. The caller owns the dataset. */
static weir_dataset *sample(weir_work *work, weir_job *job, const void *model, const json_t *about,
                            weir_error *error)
{
    const weir_generator *generator = (const weir_generator *)work->plugin;
    weir_table *table = new_table(about, error);
    weir_request request = {0};
    weir_dataset *synthetic;
    weir_error fault = {0};

    if (!table || read_request(json_object_get(work->spec, "request"), &request, error) ||
        (json_object_get(work->inputs, "like") && request_like(work, &request, error)) ||
        weir_job_end(job, generator->sample(job, model, &request, table), error) != WEIR_OK) {
        weir_table_free(table);
        return NULL;
    }
    if (check_rows(table, &fault) != WEIR_OK) {
        weir_table_free(table);
        synthetic = NULL;
    } else {
        synthetic = weir_dataset_new(table, &fault);
    }
    if (!synthetic) {
        weir_error_set(error, fault.status, "generator %s: sample: what it made: %s",
                       generator->name, fault.text);
        return NULL;
    }
    weir_dataset_set_name(synthetic, generator->name);
    weir_dataset_set_holds(synthetic,
                           generator->produces & (WEIR_TIMESTAMPS | WEIR_FLOWS | WEIR_LABELS));
    return synthetic;
}

/* A model outlives the build that fitted it; that is worth a word. */
static void note_build(const weir_work *work, weir_job *job, const json_t *about)
{
    const char *build =
        json_string_value(json_object_get(json_object_get(about, "plugin"), "build"));

    if (build && strcmp(build, work->loaded->build_id) != 0)
        weir_log(job, "the model was fitted by another build of generator %s", work->plugin->name);
}

int weir_work_sample(weir_work *work, weir_error *error)
{
    const char *path = json_string_value(json_object_get(work->inputs, "model"));
    json_t *about = path ? weir_model_about(path, error) : NULL;
    weir_dataset *synthetic = NULL;
    weir_job *job = NULL;
    weir_job_setup setup;
    void *model;

    if (!path)
        return weir_error_set(error, WEIR_EOPTION, "spec: inputs.model must be a model's folder");
    if (!about || weir_work_plugin(work, WEIR_KIND_GENERATOR, error) != WEIR_OK ||
        weir_work_restore(work, about, error) != WEIR_OK)
        goto done;
    setup = weir_work_setup(work, work->out);
    setup.fitted = true;
    job = weir_job_new(&setup, error);
    if (!job)
        goto done;
    weir_job_phase(job, "load");
    model = weir_model_load(job, path);
    if (!model) {
        weir_job_end(job, WEIR_OK, error);
        goto done;
    }
    note_build(work, job, about);
    weir_work_phase(work, job, "sample");
    synthetic = sample(work, job, model, about, error);
    if (!synthetic)
        goto done;
    weir_work_phase(work, job, "save");
    if (weir_job_end(job, weir_artefacts_end(job), error) == WEIR_OK)
        write_outputs(work, synthetic, error);
done:
    weir_dataset_free(synthetic);
    weir_job_free(job);
    json_decref(about);
    return error->status;
}
