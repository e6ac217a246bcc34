/* Checks of a descriptor, and the build id of a loaded plugin. */
#include "plugin/descriptor.h"
#include "plugin/options.h"
#include <ctype.h>
#include <dlfcn.h>
#include <link.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static int lacks(const weir_plugin *plugin, const char *what, weir_error *error)
{
    return weir_error_set(error, WEIR_EBUG, "%s %s: the descriptor lacks %s",
                          weir_kind_name((int)plugin->kind), plugin->name, what);
}

/* Whether every `option=$name` of a role's text names an option of the generator. */
static int check_references(const weir_plugin *plugin, const weir_role *role, const char *text_of,
                            weir_error *error)
{
    json_t *options = weir_options_parse(text_of ? text_of : "", error), *value;
    const char *name;

    json_object_foreach(options, name, value)
    {
        const char *text = json_string_value(value);
        const weir_option *row = plugin->options;

        if (!text || text[0] != '$')
            continue;
        while (row && row->kind != WEIR_OPTION_END &&
               (row->kind == WEIR_OPTION_PRESET || strcmp(row->name, text + 1) != 0))
            row++;
        if (!row || row->kind == WEIR_OPTION_END)
            weir_error_set(error, WEIR_EBUG,
                           "generator %s: role '%s' takes '%.60s', which is no option of it",
                           plugin->name, role->role, text);
    }
    json_decref(options);
    return error->status;
}

/* What presets say of encoders: "encoders.ROLE='encoder option=value …'". */
static int check_presets(const weir_plugin *plugin, const weir_role *roles, weir_error *error)
{
    for (const weir_option *row = plugin->options; row && row->kind != WEIR_OPTION_END; row++) {
        json_t *settings =
            row->kind == WEIR_OPTION_PRESET ? weir_options_parse(row->text, error) : NULL;
        json_t *value;
        const char *name;

        json_object_foreach(settings, name, value)
        {
            const weir_role *role = roles;
            const char *text = json_string_value(value);

            if (strncmp(name, "encoders.", 9) != 0)
                continue;
            while (role && role->role && strcmp(role->role, name + 9) != 0)
                role++;
            if (!role || !role->role)
                weir_error_set(error, WEIR_EBUG, "generator %s: preset '%s' names the role '%.60s'",
                               plugin->name, row->name, name + 9);
            else
                check_references(plugin, role, text + strcspn(text, " "), error);
        }
        json_decref(settings);
    }
    return error->status;
}

static int check_roles(const weir_plugin *plugin, const weir_role *roles, weir_error *error)
{
    for (const weir_role *role = roles; role && role->role; role++) {
        if (!islower((unsigned char)role->role[0]) ||
            role->role[strspn(role->role, "abcdefghijklmnopqrstuvwxyz0123456789_")])
            return weir_error_set(error, WEIR_EBUG, "generator %s: '%.60s' is no name for a role",
                                  plugin->name, role->role);
        if (!role->encoder || !role->help)
            return weir_error_set(error, WEIR_EBUG,
                                  "generator %s: role '%.60s' lacks its encoder or help",
                                  plugin->name, role->role);
        for (const weir_role *other = roles; other < role; other++)
            if (!strcmp(other->role, role->role))
                return weir_error_set(error, WEIR_EBUG, "generator %s: role '%.60s' stands twice",
                                      plugin->name, role->role);
        if (check_references(plugin, role, role->options, error) != WEIR_OK)
            return error->status;
    }
    return WEIR_OK;
}

static int check_features(const weir_plugin *plugin, const weir_feature *features,
                          weir_error *error)
{
    const char *kind = weir_kind_name((int)plugin->kind);

    if (!features || !features[0].label)
        return lacks(plugin, "features", error);
    for (const weir_feature *f = features; f->label; f++) {
        if (!f->label[0] || !f->title || !f->unit || !f->definition || !f->definition[0])
            return weir_error_set(error, WEIR_EBUG,
                                  "%s %s: feature '%.60s' lacks its title, unit or definition",
                                  kind, plugin->name, f->label);
        if (!(f->schemas & WEIR_ANY_SCHEMA))
            return weir_error_set(error, WEIR_EBUG, "%s %s: feature '%.60s' is for no schema", kind,
                                  plugin->name, f->label);
        for (const weir_feature *other = features; other < f; other++)
            if (!strcmp(other->label, f->label))
                return weir_error_set(error, WEIR_EBUG, "%s %s: feature '%.60s' stands twice", kind,
                                      plugin->name, f->label);
    }
    return WEIR_OK;
}

static int check_generator(const weir_plugin *plugin, weir_error *error)
{
    const weir_generator *generator = (const weir_generator *)plugin;

    if (!generator->fit || !generator->sample)
        return lacks(plugin, generator->fit ? "sample" : "fit", error);
    if (!generator->save || !generator->load)
        return lacks(plugin, generator->save ? "load" : "save", error);
    if (!generator->parts != !generator->join)
        return lacks(plugin, generator->parts ? "join" : "parts", error);
    if (check_roles(plugin, generator->encoders, error) != WEIR_OK)
        return error->status;
    return check_presets(plugin, generator->encoders, error);
}

static int check_encoder(const weir_plugin *plugin, weir_error *error)
{
    const weir_encoder_plugin *encoder = (const weir_encoder_plugin *)plugin;

    if (!encoder->fit || !encoder->encode || !encoder->decode)
        return lacks(plugin, !encoder->fit ? "fit" : !encoder->encode ? "encode" : "decode", error);
    if (!encoder->save || !encoder->load)
        return lacks(plugin, encoder->save ? "load" : "save", error);
    if (encoder->unit != WEIR_PER_ROW && encoder->unit != WEIR_PER_FLOW)
        return lacks(plugin, "a unit that exists", error);
    return WEIR_OK;
}

const weir_feature *weir_features(const weir_plugin *plugin)
{
    if (plugin->kind == WEIR_KIND_METRIC)
        return ((const weir_metric *)plugin)->features;
    return plugin->kind == WEIR_KIND_DOWNSTREAM ? ((const weir_downstream *)plugin)->features
                                                : NULL;
}

int weir_features_check(const weir_plugin *plugin, const json_t *options, weir_error *error)
{
    const weir_feature *features = weir_features(plugin);
    const json_t *asked = json_object_get(options, "features");

    for (size_t i = 0; features && i < json_array_size(asked); i++) {
        const char *label = json_string_value(json_array_get(asked, i)), *known[256], *near;
        size_t n = 0;

        while (label && n < 256 && features[n].label && strcmp(features[n].label, label)) {
            known[n] = features[n].label;
            n++;
        }
        if (!label || n == 256 || features[n].label)
            continue;
        near = weir_nearest(label, known, n);
        return weir_error_set(error, WEIR_EOPTION, "unknown feature '%.60s' of %s %s%s%s%s", label,
                              weir_kind_name((int)plugin->kind), plugin->name,
                              near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    return WEIR_OK;
}

int weir_descriptor_check(const weir_plugin *plugin, weir_error *error)
{
    bool scores = plugin->kind == WEIR_KIND_METRIC || plugin->kind == WEIR_KIND_DOWNSTREAM;

    if (!plugin->summary || !plugin->summary[0])
        return lacks(plugin, "a summary", error);
    if (plugin->options && !plugin->options_size)
        return lacks(plugin, "options_size", error);
    if (!(plugin->accepts & WEIR_ANY_SCHEMA) && !scores)
        return lacks(plugin, "the schemas it accepts", error);
    if (plugin->kind == WEIR_KIND_GENERATOR)
        return check_generator(plugin, error);
    if (plugin->kind == WEIR_KIND_ENCODER)
        return check_encoder(plugin, error);
    if (plugin->kind == WEIR_KIND_METRIC ? !((const weir_metric *)plugin)->score
                                         : !((const weir_downstream *)plugin)->score)
        return lacks(plugin, "score", error);
    return check_features(plugin, weir_features(plugin), error);
}

/* ---- Build id ---------------------------------------------------------------------------------*/

struct search {
    ElfW(Addr) base;
    char *hex;
};

static int find_build_id(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;

    (void)size;
    if (info->dlpi_addr != search->base)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        const char *at = (const char *)(info->dlpi_addr + header->p_vaddr);
        const char *end = at + header->p_filesz;
        while (header->p_type == PT_NOTE && at + sizeof(ElfW(Nhdr)) <= end) {
            ElfW(Nhdr) note;
            const char *name = at + sizeof note, *id;
            memcpy(&note, at, sizeof note);
            id = name + ((note.n_namesz + 3u) & ~3u);
            if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(name, "GNU", 4) &&
                id + note.n_descsz <= end && note.n_descsz <= 64) {
                for (unsigned j = 0; j < note.n_descsz; j++)
                    snprintf(search->hex + 2 * j, 3, "%02x", (unsigned char)id[j]);
                return 1;
            }
            at = id + ((note.n_descsz + 3u) & ~3u);
        }
    }
    return 1;
}

int weir_build_id(void *library, const char *path, char hex[129], weir_error *error)
{
    unsigned char digest[EVP_MAX_MD_SIZE], block[65536];
    struct search search = {.hex = hex};
    unsigned length = 0;
    struct link_map *map;
    EVP_MD_CTX *context;
    FILE *file;
    size_t got;
    bool good;

    hex[0] = '\0';
    if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0) {
        search.base = map->l_addr;
        dl_iterate_phdr(find_build_id, &search);
    }
    if (hex[0])
        return WEIR_OK;
    file = fopen(path, "rb");
    context = EVP_MD_CTX_new();
    good = file && context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    while (good && (got = fread(block, 1, sizeof block, file)) > 0)
        good = EVP_DigestUpdate(context, block, got);
    good = good && !ferror(file) && EVP_DigestFinal_ex(context, digest, &length);
    EVP_MD_CTX_free(context);
    if (file)
        fclose(file);
    if (!good)
        return weir_error_set(error, WEIR_EIO, "%s: its build cannot be identified", path);
    for (unsigned i = 0; i < length; i++)
        snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
    return WEIR_OK;
}
