/* The page's last parts: cost a phase, failures, how it was run. */
#include "report/fits.h"
#include "report/html.h"
#include <math.h>
#include <string.h>

static void seconds_cell(report_text *out, double seconds)
{
    char number[REPORT_NUMBER];

    report_format(out, "<td title=\"%.17g s\">%s</td>", seconds, report_duration(seconds, number));
}

static void bytes_cell(report_text *out, double bytes)
{
    char number[REPORT_NUMBER];

    report_format(out, "<td title=\"%.17g bytes\">%s</td>", bytes, report_bytes(bytes, number));
}

static void costs(report_text *out, const report_model *model, const report_figures *figures)
{
    report_add(
        out,
        "<section id=\"cost\">\n<h2>Cost</h2>\n<p class=\"small soft\">Means over seeds, of "
        "the jobs that fitted, sampled and scored; parts of a fit that ran beside each other "
        "are added up. Open, fit, sample and save are phases of fitting and sampling "
        "together; training is CPU time of fitting alone (on a GPU the time that passes), counted "
        "over interruptions. Peak memory is the largest of any of these jobs, a model's size "
        "is all that sampling needs, encoders included.</p>\n");
    for (size_t t = 0; t < model->trace_count; t++) {
        report_add(out, "<h3>");
        report_html(out, model->traces[t].name);
        report_add(out, "</h3>\n");
        report_table_open(out, "Cost");
        report_add(
            out,
            "<thead><tr><th class=\"name\">generator</th><th>open</th><th>fit</th>"
            "<th>sample</th><th>save</th><th>in all</th><th>CPU time</th><th>training</th><th>peak "
            "memory</th><th>model</th><th>score</th><th>seeds</th></tr></thead>\n"
            "<tbody>\n");
        for (size_t e = 0; e < model->entry_count; e++) {
            const report_cost *cost = &model->costs[t * model->entry_count + e];

            if (!cost->runs)
                continue;
            report_add(out, "<tr><th class=\"name\" scope=\"row\">");
            report_entry_html(out, &model->entries[e], false);
            report_add(out, "</th>");
            seconds_cell(out, cost->open);
            seconds_cell(out, cost->fit);
            seconds_cell(out, cost->sample);
            seconds_cell(out, cost->save);
            seconds_cell(out, cost->seconds);
            seconds_cell(out, cost->cpu_seconds);
            seconds_cell(out, cost->training);
            bytes_cell(out, cost->peak_memory);
            bytes_cell(out, cost->model_bytes);
            seconds_cell(out, cost->score);
            report_format(out, "<td>%zu</td></tr>\n", cost->runs);
        }
        report_add(out, "</tbody>\n");
        report_table_close(out);
        report_training_html(out, model, figures, t);
    }
    report_add(out, "</section>\n");
}

static void failures(report_text *out, const report_model *model)
{
    char number[REPORT_NUMBER];

    if (!model->failure_count)
        return;
    report_add(out, "<section id=\"failures\">\n<h2>Failures</h2>\n");
    for (size_t i = 0; i < model->failure_count; i++) {
        const report_job *job = model->failures[i];
        const char *phase = report_json_text(job->status, "phase");
        double seconds = report_json_number(job->status, "seconds", NAN);
        double memory = report_json_number(job->status, "peak_memory", NAN);
        double attempts = report_json_number(job->status, "attempts", 1);
        report_text name = {0};

        report_job_name(model->store, job, &name);
        report_add(out, "<div class=\"failure\">\n<h4>");
        report_html(out, name.data);
        report_add(out, "</h4>\n<p>");
        report_html(out, report_job_reason(job));
        report_add(out, "</p>\n<p class=\"small soft\">In phase ");
        report_html(out, *phase ? phase : "unknown");
        if (!isnan(seconds))
            report_format(out, ", after %s", report_duration(seconds, number));
        if (!isnan(memory))
            report_format(out, ", with %s of memory at most", report_bytes(memory, number));
        if (attempts > 1)
            report_format(out, ", attempt %.0f", attempts);
        report_add(out, ". Job <code>");
        report_html(out, job->id);
        report_add(out, "</code></p>\n");
        if (*job->log) {
            report_add(out, "<pre>");
            report_html(out, job->log);
            report_add(out, "</pre>\n");
        }
        report_add(out, "</div>\n");
        report_end(out, &name);
    }
    report_add(out, "</section>\n");
}

/* ---- How it was run -------------------------------------------------------------------------- */

static void item(report_text *out, const char *name, const char *text)
{
    if (!*text)
        return;
    report_format(out, "<dt>%s</dt><dd>", name);
    report_html(out, text);
    report_add(out, "</dd>\n");
}

static void item_code(report_text *out, const char *name, const char *text, const char *note)
{
    if (!*text)
        return;
    report_format(out, "<dt>%s</dt><dd><code>", name);
    report_html(out, text);
    report_add(out, "</code>");
    report_add(out, *note ? "<br><code class=\"soft\">" : "");
    report_html(out, note);
    report_add(out, *note ? "</code>" : "");
    report_add(out, "</dd>\n");
}

/* "jobs 2, threads 1": the scalars of an object. */
static void scalars(report_text *text, json_t *object)
{
    const json_t *value;
    const char *key;

    json_object_foreach(object, key, value)
    {
        if (json_is_null(value) || json_is_object(value) || json_is_array(value))
            continue;
        report_format(text, "%s%s ", text->used ? ", " : "", key);
        if (json_is_string(value))
            report_add(text, json_string_value(value));
        else if (json_is_boolean(value))
            report_add(text, json_is_true(value) ? "yes" : "no");
        else
            report_format(text, "%.15g", json_number_value(value));
    }
}

static void host(report_text *out, const json_t *machine)
{
    report_text text = {0};
    char number[REPORT_NUMBER];
    double cores = report_json_number(machine, "cores", 0);
    double memory = report_json_number(machine, "memory", 0);
    const char *gpu = report_json_text(machine, "gpu");

    item(out, "Host", report_json_text(machine, "name"));
    item(out, "System", report_json_text(machine, "system"));
    report_add(&text, report_json_text(machine, "cpu"));
    if (cores > 0)
        report_format(&text, "%s%.0f cores", text.used ? ", " : "", cores);
    if (memory > 0)
        report_format(&text, "%s%s of memory", text.used ? ", " : "", report_bytes(memory, number));
    if (*gpu)
        report_format(&text, ", %s", gpu);
    else if (json_is_object(machine))
        report_format(&text, "%sno GPU", text.used ? ", " : "");
    item(out, "Machine", text.data ? text.data : "");
    report_end(out, &text);
}

static void inputs(report_text *out, const json_t *manifest)
{
    const json_t *list = json_object_get(manifest, "inputs"), *input, *file;
    char number[REPORT_NUMBER];
    size_t i, j;

    if (!json_array_size(list))
        return;
    report_add(out, "<h3>Inputs</h3>\n");
    report_table_open(out, "Inputs");
    report_add(out, "<thead><tr><th class=\"name\">trace</th><th class=\"name\">file</th>"
                    "<th>size</th><th class=\"name\">SHA-256</th></tr></thead>\n<tbody>\n");
    json_array_foreach(list, i, input)
    {
        json_array_foreach(json_object_get(input, "files"), j, file)
        {
            report_add(out, "<tr><th class=\"name\" scope=\"row\">");
            report_html(out, report_json_text(input, "name"));
            report_add(out, "</th><td class=\"name\"><code>");
            report_html(out, report_json_text(file, "path"));
            report_format(out, "</code></td><td>%s</td><td class=\"name\"><code>",
                          report_bytes(report_json_number(file, "bytes", 0), number));
            report_html(out, report_json_text(file, "sha256"));
            report_add(out, "</code></td></tr>\n");
        }
    }
    report_add(out, "</tbody>\n");
    report_table_close(out);
}

static void plugins(report_text *out, const json_t *manifest)
{
    const json_t *list = json_object_get(manifest, "plugins"), *plugin;
    size_t i;

    if (!json_array_size(list))
        return;
    report_add(out, "<h3>Plugins</h3>\n");
    report_table_open(out, "Plugins");
    report_add(out,
               "<thead><tr><th class=\"name\">plugin</th><th class=\"name\">kind</th><th "
               "class=\"name\">build</th><th class=\"name\">file</th></tr></thead>\n<tbody>\n");
    json_array_foreach(list, i, plugin)
    {
        report_add(out, "<tr><th class=\"name\" scope=\"row\">");
        report_html(out, report_json_text(plugin, "name"));
        report_add(out, "</th><td class=\"name\">");
        report_html(out, report_json_text(plugin, "kind"));
        report_add(out, "</td><td class=\"name\"><code>");
        report_html(out, report_json_text(plugin, "build"));
        report_add(out, "</code></td><td class=\"name\"><code>");
        report_html(out, report_json_text(plugin, "path"));
        report_add(out, "</code></td></tr>\n");
    }
    report_add(out, "</tbody>\n");
    report_table_close(out);
}

void report_html_run(report_text *out, const report_model *model, const report_figures *figures)
{
    const json_t *manifest = model->store->manifest, *word;
    const json_t *script = json_object_get(manifest, "script");
    report_text text = {0};
    size_t i;

    costs(out, model, figures);
    failures(out, model);
    report_add(out, "<section id=\"run\">\n<h2>How it was run</h2>\n");
    if (model->store->note_count) {
        report_add(out,
                   "<div class=\"notice\"><p>Not everything in the store could be read:</p>\n");
        for (i = 0; i < model->store->note_count; i++) {
            report_add(out, "<p class=\"small\">");
            report_html(out, model->store->notes[i]);
            report_add(out, "</p>\n");
        }
        report_add(out, "</div>\n");
    }
    if (!manifest) {
        report_add(out,
                   "<p>There is no usable manifest.json, so how this was run is not known.</p>\n"
                   "</section>\n");
        return;
    }
    report_add(out, "<dl>\n");
    json_array_foreach(json_object_get(manifest, "command"), i, word) if (json_is_string(word))
        report_format(&text, "%s%s", i ? " " : "", json_string_value(word));
    item_code(out, "Command", text.data ? text.data : "", "");
    report_end(out, &text);
    item_code(out, "Script", report_json_text(script, "path"), report_json_text(script, "sha256"));
    report_format(&text, "%s", report_json_text(manifest, "weir"));
    if (*report_json_text(manifest, "git"))
        report_format(&text, ", commit %s", report_json_text(manifest, "git"));
    item(out, "Weir", text.data);
    report_end(out, &text);
    host(out, json_object_get(manifest, "host"));
    item(out, "Started", report_json_text(manifest, "started"));
    item(out, "Finished", report_json_text(manifest, "finished"));
    scalars(&text, json_object_get(manifest, "jobs"));
    item(out, "Jobs", text.data ? text.data : "");
    report_end(out, &text);
    scalars(&text, json_object_get(manifest, "options"));
    item(out, "Options", text.data ? text.data : "");
    report_end(out, &text);
    report_add(out, "</dl>\n");
    inputs(out, manifest);
    plugins(out, manifest);
    report_add(out, "</section>\n");
}
