/* Encoders lent to a generator: found by role, fitted, saved inside the model, loaded again. */
#include "files.h"
#include "plugin/archive.h"
#include "plugin/inside.h"
#include "plugin/options.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Resolving --------------------------------------------------------------------------------*/

static const weir_role *find_role(const weir_generator *generator, const char *name,
                                  weir_error *error)
{
    const char *names[64], *near;
    size_t n = 0;

    for (const weir_role *role = generator->encoders; role && role->role; role++) {
        if (!strcmp(role->role, name))
            return role;
        if (n < 64)
            names[n++] = role->role;
    }
    near = weir_nearest(name, names, n);
    weir_error_set(error, WEIR_EOPTION, "generator %s has no encoder role '%.60s'%s%s%s",
                   generator->name, name,
                   near ? "; did you mean '" : (n ? "; its first is '" : " (it uses no encoders)"),
                   near ? near : (n ? names[0] : ""),
                   near ? "'?"
                   : n  ? "'"
                        : "");
    return NULL;
}

/* By the path it was resolved to, if that is still there; else by name. */
static const weir_loaded *find_encoder(weir_registry *registry, const char *name,
                                       const json_t *resolved, weir_error *error)
{
    const char *path = json_string_value(json_object_get(resolved, "path"));
    const weir_loaded *loaded = path && access(path, R_OK) == 0
                                    ? weir_registry_load(registry, path, error)
                                    : weir_registry_find(registry, WEIR_KIND_ENCODER, name, error);

    if (loaded && loaded->plugin->kind != WEIR_KIND_ENCODER) {
        weir_error_set(error, WEIR_EOPTION, "%s is not an encoder", loaded->path);
        return NULL;
    }
    return loaded;
}

/* What a role has where nobody says otherwise: its own encoder and options, or those that the
 * preset gives it as "encoders.ROLE='encoder option=value …'". */
struct usual {
    char encoder[64];
    char *options; /* malloc'ed */
};

static int find_usual(const weir_generator *generator, const weir_role *role, const json_t *own,
                      struct usual *usual, weir_error *error)
{
    const char *preset = json_string_value(json_object_get(own, "preset")), *text = NULL;
    const weir_option *row = preset ? generator->options : NULL;
    json_t *settings = NULL;
    char name[80];
    size_t length;

    snprintf(usual->encoder, sizeof usual->encoder, "%s", role->encoder);
    while (row && row->kind != WEIR_OPTION_END &&
           (row->kind != WEIR_OPTION_PRESET || strcmp(row->name, preset) != 0))
        row++;
    if (row && row->kind == WEIR_OPTION_PRESET) {
        settings = weir_options_parse(row->text, error);
        snprintf(name, sizeof name, "encoders.%.60s", role->role);
        text = json_string_value(json_object_get(settings, name));
    }
    if (text) {
        length = strcspn(text, " ");
        snprintf(usual->encoder, sizeof usual->encoder, "%.*s", (int)length, text);
        text += length;
    }
    usual->options = strdup(text ? text : role->options ? role->options : "");
    json_decref(settings);
    return usual->options ? error->status : weir_error_memory(error, 0, "an encoder");
}

/* Its options, `option=$name` being the generator's own option of that name (left out where that is
 * empty). */
static json_t *usual_options(const struct usual *usual, const json_t *own, weir_error *error)
{
    json_t *options = weir_options_parse(usual->options, error), *value;
    const char *name, *text;
    void *next;

    json_object_foreach_safe(options, next, name, value)
    {
        const json_t *from;
        text = json_string_value(value);
        if (!text || text[0] != '$')
            continue;
        from = json_object_get(own, text + 1);
        if (!from)
            weir_error_set(error, WEIR_EBUG, "its options name '%.60s', which is no option", text);
        else if (json_is_null(from) || (json_is_string(from) && !json_string_length(from)))
            json_object_del(options, name);
        else if (json_object_set(options, name, (json_t *)(uintptr_t)from))
            weir_error_memory(error, 0, "an encoder");
        if (error->status != WEIR_OK) {
            json_decref(options);
            return NULL;
        }
    }
    return options;
}

/* One role with what was given for it: a name, { encoder, options }, or NULL. Options given for the
 * usual encoder are added to those that it has anyway. own: the generator's. saved: given is a
 * model's. */
static json_t *resolve_role(const struct usual *usual, const json_t *own, const json_t *given,
                            bool saved, weir_registry *registry, weir_error *error)
{
    const json_t *chosen = json_is_object(given) ? json_object_get(given, "encoder") : given;
    const char *name = chosen ? json_string_value(chosen) : usual->encoder;
    const weir_loaded *loaded;
    json_t *options = NULL, *resolved;

    if (!name) {
        weir_error_set(error, WEIR_EOPTION,
                       "an encoder is a name or { encoder =, options = }, nothing else");
        return NULL;
    }
    loaded = find_encoder(registry, name, json_is_object(given) ? given : NULL, error);
    if (!loaded)
        return NULL;
    options = strcmp(name, usual->encoder) ? json_object() : usual_options(usual, own, error);
    if (!options || (json_is_object(given) && json_object_get(given, "options") &&
                     json_object_update(options, json_object_get(given, "options")))) {
        weir_error_memory(error, 0, "an encoder");
        json_decref(options);
        return NULL;
    }
    resolved = saved ? weir_options_restore(loaded->plugin, options, error)
                     : weir_options_resolve(loaded->plugin, options, error);
    json_decref(options);
    return resolved ? json_pack("{s:s,s:o,s:s,s:s}", "encoder", loaded->plugin->name, "options",
                                resolved, "path", loaded->path, "build", loaded->build_id)
                    : NULL;
}

static json_t *resolve(const weir_generator *generator, const json_t *options, const json_t *given,
                       bool saved, weir_registry *registry, weir_error *error)
{
    json_t *all = json_object(), *item;
    weir_error local = {0};
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)given, name, item)
    {
        if (!find_role(generator, name, &local))
            break;
    }
    for (const weir_role *role = generator->encoders; role && role->role && local.status == WEIR_OK;
         role++) {
        struct usual usual = {.options = NULL};

        item = find_usual(generator, role, options, &usual, &local) == WEIR_OK
                   ? resolve_role(&usual, options, json_object_get(given, role->role), saved,
                                  registry, &local)
                   : NULL;
        free(usual.options);
        if (!item || json_object_set_new(all, role->role, item)) {
            weir_error_memory(&local, 0, "an encoder");
            weir_error_prefix(&local, "encoder role '%s': ", role->role);
        }
    }
    if (local.status == WEIR_OK && all)
        return all;
    json_decref(all);
    weir_error_set(error, local.status ? local.status : WEIR_ENOMEM, "%s", local.text);
    return NULL;
}

json_t *weir_encoders_resolve(const weir_generator *generator, const json_t *options,
                              const json_t *given, weir_registry *registry, weir_error *error)
{
    return resolve(generator, options, given, false, registry, error);
}

json_t *weir_encoders_restore(const weir_generator *generator, const json_t *options,
                              const json_t *saved, weir_registry *registry, weir_error *error)
{
    return resolve(generator, options, saved, true, registry, error);
}

/* ---- Life -------------------------------------------------------------------------------------*/

static void free_encoder(weir_encoder *encoder)
{
    weir_job_free(encoder->job);
    json_decref(encoder->options);
    free(encoder);
}

void weir_encoders_free(weir_job *job)
{
    for (weir_encoder *encoder = job->encoders, *next; encoder; encoder = next) {
        next = encoder->next;
        free_encoder(encoder);
    }
    job->encoders = NULL;
}

/* Moves an error of the encoder's own instance to the generator's job. */
static int finish(weir_encoder *encoder, int status)
{
    weir_error moved = {0};

    status = weir_job_end(encoder->job, status, &moved);
    if (status == WEIR_OK)
        return WEIR_OK;
    encoder->job->error = (weir_error){0};
    return weir_error_set(&encoder->owner->error, moved.status, "%s", moved.text);
}

static void update_layout(weir_job *job)
{
    job->layout =
        (weir_layout){.width = job->width, .count = job->segment_count, .segments = job->segments};
}

static int read_layout(weir_encoder *encoder, const json_t *layout)
{
    json_t *item;
    size_t i;

    json_array_foreach(layout, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        json_int_t width = json_integer_value(json_object_get(item, "width"));
        json_int_t activation = json_integer_value(json_object_get(item, "activation"));
        if (!name || width < 1 || width > 1 << 28 || activation < 0 || activation > WEIR_SOFTMAX)
            return weir_fail(encoder->job, WEIR_EDATA, "its saved layout is damaged");
        if (weir_layout_add(encoder->job, name, (uint32_t)width, (weir_activation)activation))
            return encoder->job->error.status;
    }
    return WEIR_OK;
}

static int load(weir_encoder *encoder, const char *model)
{
    weir_job *job = encoder->job;
    char path[PATH_MAX];
    weir_archive *archive;

    snprintf(path, sizeof path, "%s/encoders/%s", model, encoder->role);
    weir_job_phase(job, "load");
    archive = weir_archive_read(path, &job->error);
    if (!archive || weir_job_keep(job, archive) != WEIR_OK)
        return finish(encoder, job->error.status);
    if (read_layout(encoder, json_object_get(weir_archive_head(archive), "layout")) != WEIR_OK)
        return finish(encoder, job->error.status);
    encoder->fitted = true;
    return finish(encoder, encoder->plugin->load(job, encoder->state, archive));
}

static weir_encoder *open_role(weir_job *job, const char *role, const json_t *chosen)
{
    const char *name = json_string_value(json_object_get(chosen, "encoder"));
    weir_encoder *encoder = calloc(1, sizeof *encoder);
    const weir_loaded *loaded;
    weir_job_setup setup;
    char within[200];

    if (!encoder) {
        weir_error_memory(&job->error, sizeof *encoder, "an encoder");
        return NULL;
    }
    loaded = find_encoder(job->setup.registry, name, chosen, &job->error);
    if (!loaded)
        goto failed;
    snprintf(encoder->role, sizeof encoder->role, "%s", role);
    snprintf(within, sizeof within, "%s/%s/", job->setup.plugin->name, encoder->role);
    encoder->plugin = (const weir_encoder_plugin *)loaded->plugin;
    encoder->owner = job;
    encoder->options = json_incref(json_object_get(chosen, "options"));
    setup = job->setup;
    setup.plugin = loaded->plugin;
    setup.options = encoder->options;
    setup.encoders = NULL;
    setup.folder = NULL;
    setup.status_fd = -1;
    setup.within = NULL;
    encoder->job = weir_job_new(&setup, &job->error);
    if (!encoder->job)
        goto failed;
    encoder->job->owner = job;
    encoder->job->setup.within = weir_alloc(encoder->job, 1, strlen(within) + 1);
    if (encoder->job->setup.within)
        strcpy((char *)(uintptr_t)encoder->job->setup.within, within);
    encoder->state = weir_job_state(encoder->job);
    if (!encoder->state || !encoder->job->setup.within) {
        finish(encoder, WEIR_ENOMEM);
        goto failed;
    }
    return encoder;
failed:
    if (encoder->job)
        weir_job_free(encoder->job);
    json_decref(encoder->options);
    free(encoder);
    return NULL;
}

weir_encoder *weir_encoder_open(weir_job *job, const char *role)
{
    const json_t *chosen = json_object_get(job->setup.encoders, role);
    weir_encoder *encoder;

    for (encoder = job->encoders; encoder; encoder = encoder->next)
        if (!strcmp(encoder->role, role))
            return encoder;
    if (!chosen) {
        weir_error_set(&job->error, WEIR_EBUG, "the descriptor has no encoder role '%.60s'", role);
        return NULL;
    }
    encoder = open_role(job, role, chosen);
    if (!encoder) {
        weir_error_prefix(&job->error, "encoder role '%.60s': ", role);
        return NULL;
    }
    if (job->encoders_from && load(encoder, job->encoders_from) != WEIR_OK) {
        free_encoder(encoder);
        return NULL;
    }
    encoder->next = job->encoders;
    job->encoders = encoder;
    return encoder;
}

int weir_encoders_save(weir_job *job, const char *folder)
{
    char path[PATH_MAX];

    for (weir_encoder *encoder = job->encoders; encoder; encoder = encoder->next) {
        weir_archive *archive;
        json_t *layout = json_array(), *head;
        if (!encoder->fitted) {
            json_decref(layout);
            continue;
        }
        for (uint32_t i = 0; i < encoder->job->segment_count; i++) {
            const weir_segment *segment = &encoder->job->segments[i];
            json_array_append_new(layout, json_pack("{s:s,s:I,s:i}", "name", segment->name, "width",
                                                    (json_int_t)segment->width, "activation",
                                                    (int)segment->activation));
        }
        head = json_pack("{s:{s:s,s:s},s:O,s:o}", "plugin", "kind", "encoder", "name",
                         encoder->plugin->name, "options", encoder->options, "layout", layout);
        snprintf(path, sizeof path, "%s/encoders/%s", folder, encoder->role);
        archive = weir_archive_new(&encoder->job->error);
        weir_job_phase(encoder->job, "save");
        if (!head)
            weir_error_memory(&encoder->job->error, 0, "an encoder");
        if (archive && head && weir_folder_make(path, &encoder->job->error) == WEIR_OK &&
            finish(encoder, encoder->plugin->save(encoder->job, encoder->state, archive)) ==
                WEIR_OK)
            weir_archive_write(archive, path, head);
        weir_archive_free(archive);
        json_decref(head);
        if (finish(encoder, WEIR_OK) != WEIR_OK || job->error.status != WEIR_OK)
            return job->error.status;
    }
    return WEIR_OK;
}

/* ---- What a plugin calls ----------------------------------------------------------------------*/

int weir_layout_add(weir_job *job, const char *name, uint32_t width, weir_activation activation)
{
    weir_segment *segments;

    if (!name[0] || strlen(name) >= sizeof segments->name || width == 0 ||
        (unsigned)activation > WEIR_SOFTMAX || width > UINT32_MAX - job->width)
        return weir_fail(job, WEIR_EBUG, "segment '%.60s' has no name, width or activation", name);
    segments = realloc(job->segments, (job->segment_count + 1) * sizeof *segments);
    if (!segments)
        return weir_error_memory(&job->error, sizeof *segments, "a layout");
    job->segments = segments;
    segments += job->segment_count++;
    *segments = (weir_segment){.width = width, .activation = activation};
    snprintf(segments->name, sizeof segments->name, "%s", name);
    job->width += width;
    update_layout(job);
    return WEIR_OK;
}

int weir_encoder_fit(weir_encoder *encoder, const weir_dataset *train)
{
    uint32_t schema = weir_dataset_schema(train);
    int status;

    if (!(encoder->plugin->accepts & schema))
        return weir_fail(encoder->owner, WEIR_EDATA, "encoder %s in role '%s' does not take %s",
                         encoder->plugin->name, encoder->role,
                         schema == WEIR_PACKETS   ? "packets"
                         : schema == WEIR_NETFLOW ? "flow records"
                                                  : "series");
    if (encoder->fitted)
        return weir_fail(encoder->owner, WEIR_EBUG, "encoder role '%s' is fitted twice",
                         encoder->role);
    weir_job_phase(encoder->job, "fit");
    status = finish(encoder, encoder->plugin->fit(encoder->job, train, encoder->state));
    if (status != WEIR_OK)
        return status;
    if (!encoder->job->segment_count)
        return weir_fail(encoder->owner, WEIR_EBUG, "encoder %s: fit added no segment",
                         encoder->plugin->name);
    encoder->fitted = true;
    return WEIR_OK;
}

const weir_layout *weir_encoder_layout(const weir_encoder *encoder)
{
    return &encoder->job->layout;
}

weir_unit weir_encoder_unit(const weir_encoder *encoder)
{
    return encoder->plugin->unit;
}

static int not_fitted(weir_encoder *encoder)
{
    return weir_fail(encoder->owner, WEIR_EBUG, "encoder role '%s' is used before it is fitted",
                     encoder->role);
}

int weir_encode(weir_encoder *encoder, const weir_dataset *data, const uint32_t *rows, size_t n,
                float *out)
{
    if (!encoder->fitted)
        return not_fitted(encoder);
    weir_job_phase(encoder->job, "encode");
    return finish(encoder,
                  encoder->plugin->encode(encoder->job, encoder->state, data, rows, n, out));
}

int weir_decode(weir_encoder *encoder, const float *in, size_t n, weir_table *out)
{
    if (!encoder->fitted)
        return not_fitted(encoder);
    weir_job_phase(encoder->job, "decode");
    return finish(encoder, encoder->plugin->decode(encoder->job, encoder->state, in, n, out));
}
