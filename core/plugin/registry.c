/* Finding and loading plugins. A descriptor is trusted only after its symbol, ABI, kind, name and
 * tables are checked, in that order; a library once loaded stays. */
#include "plugin/registry.h"
#include "plugin/descriptor.h"
#include "plugin/options.h"
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const folders[WEIR_KINDS] = {"generators", "encoders", "metrics", "downstream"};

typedef struct entry {
    int kind; /* -1: a file outside a KIND folder, not loaded yet */
    char name[128];
    char *path;
    bool tried, lent; /* lent: loaded by path, not found by name */
    weir_loaded loaded;
    char build_id[129];
    weir_error error;
} entry;

struct weir_registry {
    entry **entries; /* each on its own, so that a weir_loaded keeps its place */
    size_t count;
    weir_loaded *all;
    weir_error *errors;
};

const char *weir_kind_name(int kind)
{
    static const char *const names[WEIR_KINDS] = {"generator", "encoder", "metric", "downstream"};

    return kind >= 0 && kind < WEIR_KINDS ? names[kind] : NULL;
}

/* ---- Finding ----------------------------------------------------------------------------------*/

static entry *add_entry(weir_registry *registry, int kind, const char *path, weir_error *error)
{
    entry **entries = realloc(registry->entries, (registry->count + 1) * sizeof *entries);
    entry *new = calloc(1, sizeof *new);
    const char *slash = strrchr(path, '/'), *stem = slash ? slash + 1 : path;
    size_t length = strlen(stem);

    if (entries)
        registry->entries = entries;
    if (!entries || !new || !(new->path = strdup(path))) {
        free(new);
        weir_error_memory(error, sizeof *new, "a plugin");
        return NULL;
    }
    new->kind = kind;
    if (length > 3 && !strcmp(stem + length - 3, ".so"))
        length -= 3;
    snprintf(new->name, sizeof new->name, "%.*s", (int)length, stem);
    registry->entries[registry->count++] = new;
    return new;
}

static int add_file(weir_registry *registry, int kind, const char *folder, const char *file,
                    weir_error *error)
{
    char path[PATH_MAX], *real;
    size_t length = strlen(file);
    struct stat info;
    int status = WEIR_OK;

    if (length <= 3 || strcmp(file + length - 3, ".so") || file[0] == '.' ||
        (size_t)snprintf(path, sizeof path, "%s/%s", folder, file) >= sizeof path)
        return WEIR_OK;
    real = realpath(path, NULL);
    if (!real || stat(real, &info) || !S_ISREG(info.st_mode)) {
        free(real);
        return WEIR_OK;
    }
    for (size_t i = 0; i < registry->count; i++) {
        entry *other = registry->entries[i];
        if (!strcmp(other->path, real)) {
            free(real);
            return WEIR_OK;
        }
        if (kind >= 0 && other->kind == kind && strlen(other->name) == length - 3 &&
            !strncmp(other->name, file, length - 3))
            status = weir_error_set(error, WEIR_EOPTION,
                                    "two plugins are called %s %s: %s and %s; remove one",
                                    weir_kind_name(kind), other->name, other->path, real);
    }
    if (status == WEIR_OK && !add_entry(registry, kind, real, error))
        status = WEIR_ENOMEM;
    free(real);
    return status;
}

static int scan(weir_registry *registry, int kind, const char *folder, weir_error *error)
{
    struct dirent **files;
    int n = scandir(folder, &files, NULL, alphasort), status = WEIR_OK;

    for (int i = 0; i < n; i++) {
        if (status == WEIR_OK)
            status = add_file(registry, kind, folder, files[i]->d_name, error);
        free(files[i]);
    }
    if (n >= 0)
        free(files);
    return status;
}

static int scan_folder(weir_registry *registry, const char *folder, weir_error *error)
{
    char path[PATH_MAX];
    int status = WEIR_OK;

    for (int kind = 0; kind < WEIR_KINDS && status == WEIR_OK; kind++)
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, folders[kind]) < sizeof path)
            status = scan(registry, kind, path, error);
    return status == WEIR_OK ? scan(registry, -1, folder, error) : status;
}

/* The plugins that came with this libweir: beside it in a build, in weir/plugins once installed. */
static int scan_home(weir_registry *registry, weir_error *error)
{
    static const char *const places[] = {"plugins", "weir/plugins"};
    char path[PATH_MAX + 16];
    struct stat info;
    char *real, *slash;
    Dl_info self;
    int status = WEIR_OK;

    if (!dladdr(folders, &self) || !self.dli_fname)
        return WEIR_OK;
    real = realpath(self.dli_fname, NULL);
    slash = real ? strrchr(real, '/') : NULL;
    for (size_t i = 0; slash && i < 2; i++) {
        snprintf(path, sizeof path, "%.*s/%s", (int)(slash - real), real, places[i]);
        if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
            status = scan_folder(registry, path, error);
            break;
        }
    }
    free(real);
    return status;
}

/* Folders, a colon between two; must: one that is not there is an error. */
static int scan_folders(weir_registry *registry, const char *at, bool must, weir_error *error)
{
    char part[PATH_MAX];
    struct stat info;
    int status = WEIR_OK;

    while (at && *at && status == WEIR_OK) {
        size_t length = strcspn(at, ":");
        snprintf(part, sizeof part, "%.*s", (int)(length < PATH_MAX ? length : PATH_MAX), at);
        if (must && length && (stat(part, &info) || !S_ISDIR(info.st_mode)))
            status = weir_error_set(error, WEIR_EOPTION, "%.200s: no such folder of plugins", part);
        else if (length && length < sizeof part)
            status = scan_folder(registry, part, error);
        at += length + (at[length] == ':');
    }
    return status;
}

weir_registry *weir_registry_open(const char *given, weir_error *error)
{
    weir_registry *registry = calloc(1, sizeof *registry);
    int status;

    if (!registry) {
        weir_error_memory(error, sizeof *registry, "the registry");
        return NULL;
    }
    status = scan_folders(registry, given, true, error);
    if (status == WEIR_OK)
        status = scan_folders(registry, getenv("WEIR_PLUGIN_PATH"), false, error);
    if (status == WEIR_OK)
        status = scan_home(registry, error);
    if (status == WEIR_OK)
        return registry;
    weir_registry_free(registry);
    return NULL;
}

void weir_registry_free(weir_registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->count; i++) {
        free(registry->entries[i]->path);
        free(registry->entries[i]);
    }
    free(registry->entries);
    free(registry->all);
    free(registry->errors);
    free(registry);
}

/* ---- Loading ----------------------------------------------------------------------------------*/

static int check_name(const entry *e, const weir_plugin *plugin, weir_error *error)
{
    if (!plugin->name || !islower((unsigned char)plugin->name[0]) ||
        plugin->name[strspn(plugin->name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
        return weir_error_set(error, WEIR_EBUG,
                              "%s: its name '%.80s' is not made of a-z, 0-9 and '_'", e->path,
                              plugin->name ? plugin->name : "(null)");
    if (strcmp(plugin->name, e->name))
        return weir_error_set(error, WEIR_EBUG,
                              "%s: the plugin is called '%.80s'; the file must be called %.80s.so",
                              e->path, plugin->name, plugin->name);
    return WEIR_OK;
}

static int load(entry *e, weir_error *error)
{
    void *library = dlopen(e->path, RTLD_NOW | RTLD_LOCAL);
    const weir_plugin *plugin;
    weir_error local = {0};

    if (!library) {
        const char *why = dlerror();
        size_t length = strlen(e->path);
        if (why && !strncmp(why, e->path, length) && !strncmp(why + length, ": ", 2))
            why += length + 2;
        return weir_error_set(error, WEIR_EOPTION, "%s: cannot be loaded: %s", e->path,
                              why ? why : "no reason is known");
    }
    plugin = dlsym(library, WEIR_PLUGIN_SYMBOL);
    if (!plugin)
        return weir_error_set(error, WEIR_EOPTION,
                              "%s: is not a plugin of Weir: it has no symbol " WEIR_PLUGIN_SYMBOL,
                              e->path);
    if (plugin->abi != WEIR_ABI)
        return weir_error_set(error, WEIR_EOPTION,
                              "%s: was built for another Weir: ABI %#llx found, %#llx expected; "
                              "build it again with this version's headers",
                              e->path, (unsigned long long)plugin->abi,
                              (unsigned long long)WEIR_ABI);
    if (!weir_kind_name((int)plugin->kind))
        return weir_error_set(error, WEIR_EBUG, "%s: kind %d is none of the %d kinds", e->path,
                              (int)plugin->kind, WEIR_KINDS);
    if (e->kind >= 0 && (int)plugin->kind != e->kind)
        return weir_error_set(error, WEIR_EOPTION, "%s: is a plugin of kind %s, not %s", e->path,
                              weir_kind_name((int)plugin->kind), weir_kind_name(e->kind));
    if (check_name(e, plugin, error) != WEIR_OK)
        return WEIR_EBUG;
    if (weir_descriptor_check(plugin, &local) != WEIR_OK ||
        weir_options_check(plugin, &local) != WEIR_OK)
        return weir_error_set(error, local.status, "%s: %s", e->path, local.text);
    if (weir_build_id(library, e->path, e->build_id, error) != WEIR_OK)
        return WEIR_EIO;
    e->kind = (int)plugin->kind;
    e->loaded = (weir_loaded){.plugin = plugin, .path = e->path, .build_id = e->build_id};
    return WEIR_OK;
}

static const weir_loaded *loaded(entry *e, weir_error *error)
{
    if (!e->tried) {
        e->tried = true;
        load(e, &e->error);
        if (e->error.status != WEIR_OK)
            e->loaded = (weir_loaded){.path = e->path, .build_id = ""};
    }
    if (e->loaded.plugin)
        return &e->loaded;
    weir_error_set(error, e->error.status, "%s", e->error.text);
    return NULL;
}

static const weir_loaded *unknown(weir_registry *registry, int kind, const char *name,
                                  weir_error *error)
{
    const char *names[512], *near, *what = kind < 0 ? "plugin" : weir_kind_name(kind);
    char list[700] = "";
    size_t n = 0, used = 0;

    for (size_t i = 0; i < registry->count && n < 512; i++) {
        entry *e = registry->entries[i];
        if (e->kind < 0 && !e->lent)
            loaded(e, NULL);
        if (!e->lent && (kind < 0 || e->kind == kind))
            names[n++] = e->name;
    }
    for (size_t i = 0; i < registry->count; i++) {
        entry *e = registry->entries[i];
        if (!e->lent && kind >= 0 && e->kind >= 0 && !strcmp(e->name, name)) {
            weir_error_set(error, WEIR_EOPTION, "'%s' is of kind %s, not %s", name,
                           weir_kind_name(e->kind), what);
            return NULL;
        }
    }
    near = weir_nearest(name, names, n);
    for (size_t i = 0; i < n && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    weir_error_set(error, WEIR_EOPTION, "unknown %s '%.100s'%s%s%s (%s%s)", what, name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
                   n ? "known: " : "none was found", list);
    return NULL;
}

const weir_loaded *weir_registry_find(weir_registry *registry, int kind, const char *name,
                                      weir_error *error)
{
    const weir_loaded *found = NULL;
    const char *slash = strchr(name, '/');

    for (int k = 0; slash && k < WEIR_KINDS; k++) {
        const char *one = weir_kind_name(k);
        size_t length = (size_t)(slash - name);
        if ((strlen(one) == length && !strncmp(one, name, length)) ||
            (strlen(folders[k]) == length && !strncmp(folders[k], name, length))) {
            if (kind >= 0 && kind != k)
                break;
            return weir_registry_find(registry, k, slash + 1, error);
        }
    }
    for (size_t i = 0; i < registry->count; i++) {
        entry *e = registry->entries[i];
        const weir_loaded *one;
        if (e->lent || strcmp(e->name, name) || (e->kind >= 0 && kind >= 0 && e->kind != kind))
            continue;
        one = loaded(e, error);
        if (!one)
            return NULL;
        if (kind >= 0 && (int)one->plugin->kind != kind)
            continue;
        if (found && found->plugin->kind == one->plugin->kind) {
            weir_error_set(error, WEIR_EOPTION,
                           "two plugins are called %s %s: %s and %s; remove one",
                           weir_kind_name((int)one->plugin->kind), name, found->path, one->path);
            return NULL;
        }
        if (found) {
            weir_error_set(error, WEIR_EOPTION, "'%s' is a %s and a %s; say %s/%s or %s/%s", name,
                           weir_kind_name((int)found->plugin->kind),
                           weir_kind_name((int)one->plugin->kind),
                           weir_kind_name((int)found->plugin->kind), name,
                           weir_kind_name((int)one->plugin->kind), name);
            return NULL;
        }
        found = one;
    }
    return found ? found : unknown(registry, kind, name, error);
}

const weir_loaded *weir_registry_load(weir_registry *registry, const char *path, weir_error *error)
{
    char *real = realpath(path, NULL), *slash;
    entry *e = NULL;

    if (!real) {
        weir_error_set(error, WEIR_EOPTION, "%s: no such plugin", path);
        return NULL;
    }
    for (size_t i = 0; i < registry->count && !e; i++)
        if (!strcmp(registry->entries[i]->path, real))
            e = registry->entries[i];
    if (!e) {
        e = add_entry(registry, -1, real, error);
        if (e) {
            e->lent = true;
            slash = strrchr(real, '/');
            *slash = '\0';
            slash = strrchr(real, '/');
            for (int kind = 0; slash && kind < WEIR_KINDS; kind++)
                if (!strcmp(slash + 1, folders[kind]))
                    e->kind = kind;
        }
    }
    free(real);
    return e ? loaded(e, error) : NULL;
}

static int by_kind_and_name(const void *a, const void *b)
{
    const entry *const *one = a, *const *other = b;
    int order = strcmp((*one)->name, (*other)->name);

    if ((*one)->kind != (*other)->kind)
        return (*one)->kind < (*other)->kind ? -1 : 1;
    return order ? order : strcmp((*one)->path, (*other)->path);
}

const weir_loaded *weir_registry_named(weir_registry *registry, const char *text, weir_error *error)
{
    size_t n = strlen(text);

    if (n > 3 && !strcmp(text + n - 3, ".so"))
        return weir_registry_load(registry, text, error);
    return weir_registry_find(registry, -1, text, error);
}

const weir_loaded *weir_registry_all(weir_registry *registry, size_t *n, const weir_error **errors)
{
    weir_loaded *all = realloc(registry->all, (registry->count + 1) * sizeof *all);
    weir_error *faults = realloc(registry->errors, (registry->count + 1) * sizeof *faults);

    *n = 0;
    if (all)
        registry->all = all;
    if (faults)
        registry->errors = faults;
    if (!all || !faults)
        return NULL;
    for (size_t i = 0; i < registry->count; i++)
        if (!registry->entries[i]->lent)
            loaded(registry->entries[i], NULL);
    qsort(registry->entries, registry->count, sizeof *registry->entries, by_kind_and_name);
    for (size_t i = 0; i < registry->count; i++) {
        if (registry->entries[i]->lent)
            continue;
        all[*n] = registry->entries[i]->loaded;
        faults[(*n)++] = registry->entries[i]->error;
    }
    if (errors)
        *errors = faults;
    return all;
}
