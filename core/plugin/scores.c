/* What metrics and downstream tasks report: which features apply, values, n/a with its reason. */
#include "plugin/descriptor.h"
#include "plugin/inside.h"
#include "plugin/options.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *schema_name(uint32_t schema)
{
    return schema == WEIR_PACKETS   ? "packets"
           : schema == WEIR_NETFLOW ? "netflow"
           : schema == WEIR_SERIES  ? "series"
                                    : "no schema";
}

static weir_want *find(weir_job *job, const char *feature)
{
    const char *labels[256], *near;
    size_t n = 0;

    for (size_t i = 0; i < job->want_count; i++) {
        if (!strcmp(job->wants[i].feature->label, feature))
            return &job->wants[i];
        if (n < 256)
            labels[n++] = job->wants[i].feature->label;
    }
    near = weir_nearest(feature, labels, n);
    weir_error_set(&job->error, WEIR_EBUG, "feature '%.60s' is not declared%s%s%s", feature,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return NULL;
}

static int append(weir_job *job, const weir_feature *feature, const char *variant, const char *unit,
                  json_t *value, size_t n_real, size_t n_synthetic, const char *reason)
{
    static const char *const better[] = {"lower", "higher", "neither"};
    static const char *const ceilings[] = {"", "marginals", "uniform"};
    json_t *row =
        json_pack("{s:s,s:s,s:o,s:s,s:s,s:I,s:I,s:s,s:s,s:s,s:s}", "feature", feature->label,
                  "variant", variant, "value", value, "unit", unit, "better",
                  better[(unsigned)feature->better < 3 ? feature->better : 2], "n_real",
                  (json_int_t)n_real, "n_synthetic", (json_int_t)n_synthetic, "status",
                  reason ? "n/a" : "ok", "reason", reason ? reason : "", "title", feature->title,
                  "ceiling", ceilings[(unsigned)feature->ceiling < 3 ? feature->ceiling : 0]);

    if (!row || json_array_append_new(job->scores, row))
        return weir_error_set(&job->error, WEIR_EDATA,
                              "the score of feature '%s' cannot be stored: its reason, variant or "
                              "unit is not UTF-8, or memory is short",
                              feature->label);
    return WEIR_OK;
}

static bool scored_before(const weir_job *job, const char *feature, const char *variant)
{
    json_t *row;
    size_t i;

    json_array_foreach(job->scores, i, row)
    {
        if (!strcmp(json_string_value(json_object_get(row, "feature")), feature) &&
            !strcmp(json_string_value(json_object_get(row, "variant")), variant))
            return true;
    }
    return false;
}

/* ---- What applies -----------------------------------------------------------------------------*/

/* The first column out of "a,b" that the table lacks, into `missing`; false if it has all. */
static bool lacks_column(const weir_dataset *data, const char *columns, char missing[64])
{
    while (columns && *columns) {
        size_t length = strcspn(columns, ",");
        snprintf(missing, 64, "%.*s", (int)length, columns);
        if (weir_table_find(weir_dataset_table(data), missing) < 0)
            return true;
        columns += length + (columns[length] == ',');
    }
    return false;
}

/* Why a feature does not apply; false if it does. */
static bool excluded(const weir_plugin *plugin, const weir_feature *feature,
                     const weir_dataset *real, const weir_dataset *synthetic, char *reason,
                     size_t size)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } needs[] = {{WEIR_TIMESTAMPS, "timestamps"}, {WEIR_FLOWS, "flows"}, {WEIR_LABELS, "labels"}};
    uint32_t schema = weir_dataset_schema(real);
    char missing[64];

    if (!(feature->schemas & schema) || (plugin->accepts && !(plugin->accepts & schema))) {
        snprintf(reason, size, "not defined for %s", schema_name(schema));
        return true;
    }
    for (size_t i = 0; i < 3; i++) {
        bool in_real = weir_dataset_holds(real) & needs[i].flag;
        if (!(feature->needs & needs[i].flag) ||
            (in_real && (weir_dataset_holds(synthetic) & needs[i].flag)))
            continue;
        snprintf(reason, size, "the %s has no %s", in_real ? "synthetic data" : "real data",
                 needs[i].name);
        return true;
    }
    if (lacks_column(real, feature->columns, missing)) {
        snprintf(reason, size, "the real data has no column '%s'", missing);
        return true;
    }
    if (lacks_column(synthetic, feature->columns, missing)) {
        snprintf(reason, size, "the synthetic data has no column '%s'", missing);
        return true;
    }
    return false;
}

static int check_sides(weir_job *job, const weir_dataset *real, const weir_dataset *synthetic)
{
    const weir_series_shape *a = weir_table_series(weir_dataset_table(real));
    const weir_series_shape *b = weir_table_series(weir_dataset_table(synthetic));
    uint32_t schema = weir_dataset_schema(real);

    if (schema != weir_dataset_schema(synthetic))
        return weir_error_set(&job->error, WEIR_EDATA,
                              "the real data is %s, the synthetic data %s; both must be the same",
                              schema_name(schema), schema_name(weir_dataset_schema(synthetic)));
    if (a && b && (a->steps != b->steps || a->channels != b->channels))
        return weir_error_set(&job->error, WEIR_EDATA,
                              "the real series have %u steps of %u channels, the synthetic ones "
                              "%u of %u; both must be the same",
                              a->steps, a->channels, b->steps, b->channels);
    return WEIR_OK;
}

/* The option `features`: all wanted if there is none or it is empty. */
static int apply_asked(weir_job *job)
{
    const json_t *asked = json_object_get(job->setup.options, "features");
    size_t n = json_is_array(asked) ? json_array_size(asked) : 0;

    for (size_t i = 0; n && i < job->want_count; i++)
        job->wants[i].wanted = false;
    for (size_t i = 0; i < n; i++) {
        const char *label = json_string_value(json_array_get(asked, i));
        weir_want *want = label ? find(job, label) : NULL;
        if (!want) { /* a person's word, not the plugin's: say so */
            weir_error_prefix(&job->error, "option 'features': ");
            job->error.status = WEIR_EOPTION;
            return WEIR_EOPTION;
        }
        want->wanted = true;
    }
    return WEIR_OK;
}

int weir_scores_begin(weir_job *job, const weir_dataset *real, const weir_dataset *synthetic)
{
    const weir_feature *features = weir_features(job->setup.plugin);
    const char *variant = json_string_value(json_object_get(job->setup.options, "variant"));
    char reason[200];
    size_t n = 0;

    while (features && features[n].label)
        n++;
    job->wants = calloc(n + 1, sizeof *job->wants);
    if (!job->wants)
        return weir_error_memory(&job->error, n * sizeof *job->wants, "features");
    job->want_count = n;
    for (size_t i = 0; i < n; i++)
        job->wants[i] = (weir_want){.feature = &features[i], .wanted = true};
    snprintf(job->variant, sizeof job->variant, "%s", variant ? variant : "");
    if (check_sides(job, real, synthetic) != WEIR_OK || apply_asked(job) != WEIR_OK)
        return job->error.status;
    for (size_t i = 0; i < n; i++) {
        weir_want *want = &job->wants[i];
        if (!want->wanted ||
            !excluded(job->setup.plugin, want->feature, real, synthetic, reason, sizeof reason))
            continue;
        want->wanted = false;
        if (append(job, want->feature, job->variant, want->feature->unit, json_null(), 0, 0,
                   reason) != WEIR_OK)
            return job->error.status;
    }
    return WEIR_OK;
}

bool weir_scores_wanted(const weir_job *job)
{
    for (size_t i = 0; i < job->want_count; i++)
        if (job->wants[i].wanted)
            return true;
    return false;
}

json_t *weir_scores_end(weir_job *job)
{
    for (size_t i = 0; i < job->want_count; i++)
        if (job->wants[i].wanted && !job->wants[i].answered)
            weir_error_set(&job->error, WEIR_EBUG,
                           "feature '%s' has neither a score nor a reason why not",
                           job->wants[i].feature->label);
    return job->error.status == WEIR_OK ? json_incref(job->scores) : NULL;
}

/* ---- What a plugin calls ----------------------------------------------------------------------*/

bool weir_wanted(weir_job *job, const char *feature)
{
    const weir_want *want = find(job, feature);

    return want && want->wanted;
}

/* The declared feature, if a result for it may be recorded now. */
static weir_want *answer(weir_job *job, const char *feature)
{
    weir_want *want = find(job, feature);

    if (!want)
        return NULL;
    if (!want->wanted) {
        weir_error_set(&job->error, WEIR_EBUG,
                       "feature '%s' is not wanted here: ask weir_wanted before weir_score",
                       feature);
        return NULL;
    }
    if (scored_before(job, feature, job->variant)) {
        weir_error_set(&job->error, WEIR_EBUG, "feature '%s' is scored twice%s%s", feature,
                       job->variant[0] ? " in variant " : "", job->variant);
        return NULL;
    }
    want->answered = true;
    return want;
}

int weir_score(weir_job *job, const char *feature, double value, size_t n_real, size_t n_synthetic)
{
    weir_want *want = answer(job, feature);

    if (!want)
        return job->error.status;
    if (!isfinite(value))
        return weir_error_set(&job->error, WEIR_EDIVERGE,
                              "the score of feature '%s' is %s; n/a with a reason is the way to "
                              "say that there is none",
                              feature, isnan(value) ? "not a number" : "infinite");
    return append(job, want->feature, job->variant, job->unit[0] ? job->unit : want->feature->unit,
                  json_real(value), n_real, n_synthetic, NULL);
}

int weir_score_na(weir_job *job, const char *feature, const char *format, ...)
{
    weir_want *want = answer(job, feature);
    char reason[300];
    va_list arguments;

    if (!want)
        return job->error.status;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    if (!reason[0])
        return weir_error_set(&job->error, WEIR_EBUG, "feature '%s' is n/a without a reason",
                              feature);
    return append(job, want->feature, job->variant, job->unit[0] ? job->unit : want->feature->unit,
                  json_null(), 0, 0, reason);
}

int weir_score_as(weir_job *job, const char *variant, const char *unit)
{
    const char *own = json_string_value(json_object_get(job->setup.options, "variant"));

    if (!variant)
        variant = own ? own : "";
    if (strlen(variant) >= sizeof job->variant || (unit && strlen(unit) >= sizeof job->unit))
        return weir_error_set(&job->error, WEIR_EBUG,
                              "a variant or unit has more than %zu characters",
                              sizeof job->variant - 1);
    snprintf(job->variant, sizeof job->variant, "%s", variant);
    snprintf(job->unit, sizeof job->unit, "%s", unit ? unit : "");
    return WEIR_OK;
}
