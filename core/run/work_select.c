/* The choice among the candidates of a fit: ranks their scores, leaves the chosen model and why. */
#include "data/source.h"
#include "files.h"
#include "run/rank.h"
#include "run/work.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The validation set, for those who read the result. */
static json_t *describe_validation(const weir_work *work, weir_error *error)
{
    const json_t *source = json_object_get(work->inputs, "validation");
    const json_t *select = json_object_get(work->spec, "select");
    weir_dataset *dataset = weir_work_open(work, "validation", error);
    const weir_flows *flows = NULL;
    char name[256];
    json_t *made;

    if (!dataset)
        return NULL;
    if (weir_dataset_schema(dataset) != WEIR_SERIES)
        flows = weir_dataset_flows(dataset, error);
    weir_source_name(source, name, sizeof name);
    made = json_pack("{ss sO* sO* sI so}", "name", name, "share",
                     json_object_get(select, "validation"), "by", json_object_get(select, "by"),
                     "rows", (json_int_t)weir_dataset_rows(dataset), "flows",
                     flows ? json_integer(flows->count) : json_null());
    weir_dataset_free(dataset);
    if (!made && !error->status)
        weir_error_memory(error, 0, "a selection");
    return made;
}

/* The budget of the fit, and what repeats it: the same candidates, of which this is one. */
static void add_budget(const weir_work *work, json_t *about)
{
    const char *fit = json_string_value(json_object_get(work->inputs, "model"));
    json_t *last = fit ? weir_model_about(fit, NULL) : NULL;
    json_t *budget = json_object_get(last, "budget");

    if (budget)
        json_object_set(about, "budget", budget);
    json_decref(last);
}

/* model/ is the chosen one, and says so. */
static int take_model(const weir_work *work, const json_t *selection, const json_t *chosen,
                      weir_error *error)
{
    const char *from = json_string_value(json_object_get(chosen, "model"));
    char path[PATH_MAX], temporary[PATH_MAX], curves[PATH_MAX];
    json_t *about;

    snprintf(path, sizeof path, "%.3500s/model", work->out);
    snprintf(temporary, sizeof temporary, "%.3500s/model.tmp", work->out);
    if (weir_folder_link(from, temporary, error) != WEIR_OK)
        return error->status;
    snprintf(temporary, sizeof temporary, "%.3500s/model.tmp/model.json", work->out);
    snprintf(curves, sizeof curves, "%.3500s/model.tmp/curves.csv", work->out);
    unlink(curves); /* a checkpoint's, up to its step; the fit has them all */
    about = weir_json_read(temporary);
    if (!about)
        return weir_error_set(error, WEIR_EDATA, "%s: not a model: it has no model.json", from);
    if (!json_object_get(about, "budget")) /* a checkpoint, which did not know how the fit ends */
        add_budget(work, about);
    json_object_set_new(
        about, "selected",
        json_pack("{sO* sO* sO* sO*}", "method", json_object_get(selection, "method"), "step",
                  json_object_get(chosen, "step"), "final", json_object_get(chosen, "final"),
                  "validation", json_object_get(selection, "validation")));
    if (weir_json_write(temporary, about, error) == WEIR_OK) {
        snprintf(temporary, sizeof temporary, "%.3500s/model.tmp", work->out);
        if (weir_folder_remove(path, error) == WEIR_OK && rename(temporary, path))
            weir_error_set(error, WEIR_EIO, "cannot write %s", path);
    }
    json_decref(about);
    return error->status;
}

/* The rank sum against the step, to look at. */
static int leave_curve(weir_work *work, const json_t *selection, weir_error *error)
{
    const json_t *list = json_object_get(selection, "candidates"), *one;
    char path[PATH_MAX], *text = NULL;
    size_t size = 0, i;
    FILE *out = open_memstream(&text, &size);
    json_t *artefacts;

    if (!out)
        return weir_error_memory(error, 0, "a curve");
    fputs("step,rank sum\n", out);
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        if (json_is_number(json_object_get(one, "rank_sum")))
            fprintf(out, "%lld,%g\n", (long long)json_integer_value(json_object_get(one, "step")),
                    json_number_value(json_object_get(one, "rank_sum")));
    }
    fclose(out);
    snprintf(path, sizeof path, "%.3500s/artefacts", work->out);
    if (weir_folder_make(path, error) == WEIR_OK) {
        snprintf(path, sizeof path, "%.3500s/artefacts/rank_sum.csv", work->out);
        weir_file_write(path, text, size, error);
    }
    artefacts = json_pack("[{ss ss ss}]", "name", "rank_sum", "kind", "curve", "file",
                          "artefacts/rank_sum.csv");
    snprintf(path, sizeof path, "%.3500s/artefacts.json", work->out);
    if (error->status == WEIR_OK)
        weir_json_write(path, artefacts, error);
    json_decref(artefacts);
    free(text);
    return error->status;
}

int weir_work_select(weir_work *work, weir_error *error)
{
    const json_t *candidates = json_object_get(work->inputs, "candidates"), *chosen;
    json_t *selection, *validation;
    char path[PATH_MAX];
    json_int_t at;

    if (!json_array_size(candidates))
        return weir_error_set(error, WEIR_EOPTION, "spec: inputs.candidates must be a list");
    weir_work_phase(work, NULL, "select");
    validation = describe_validation(work, error);
    selection = validation ? weir_rank_sum(candidates, error) : NULL;
    if (!selection) {
        json_decref(validation);
        return error->status;
    }
    json_object_set(selection, "method",
                    json_object_get(json_object_get(work->spec, "select"), "method"));
    json_object_set_new(selection, "validation", validation);
    at = json_integer_value(json_object_get(selection, "chosen"));
    chosen = at < 0 ? NULL : json_array_get(candidates, (size_t)at);
    weir_work_phase(work, NULL, "save");
    snprintf(path, sizeof path, "%.3500s/selection.json", work->out);
    if (!chosen)
        weir_error_set(error, WEIR_EDATA, "no candidate can be sampled; the first: %s",
                       json_string_value(json_object_get(json_array_get(candidates, 0), "reason")));
    else if (take_model(work, selection, chosen, error) == WEIR_OK &&
             leave_curve(work, selection, error) == WEIR_OK)
        weir_json_write(path, selection, error);
    json_decref(selection);
    return error->status;
}
