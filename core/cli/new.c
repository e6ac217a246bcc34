/* weir new: a folder with a plugin that builds, runs and has a test, to begin from. */
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/templates.h"
#include "files.h"
#include "plugin/options.h"
#include "plugin/registry.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/weir.h>

enum { LONGEST_NAME = 64 };

/* A file of the folder: the templates that it is made of, one behind the other; %s: the kind. */
static const struct {
    const char *name; /* NULL: NAME.c */
    const char *parts[2];
} files[] = {{NULL, {"%s.c", NULL}},
             {"CMakeLists.txt", {"CMakeLists.txt", NULL}},
             {"README.md", {"%s.md", "README.md"}},
             {"test.lua", {"trace.lua", "%s.lua"}}};
#define FILES (sizeof files / sizeof files[0])

/* Adds a template to a text, with the plugin's name in place of @NAME@. */
static void put_part(FILE *to, const char *part, const char *kind, const char *name)
{
    static const char mark[] = "@NAME@";
    char of_kind[64];
    const char *text, *end;
    size_t size;

    snprintf(of_kind, sizeof of_kind, part, kind);
    text = weir_template(of_kind, &size);
    end = text + size;
    for (;;) {
        const char *at = memmem(text, (size_t)(end - text), mark, sizeof mark - 1);

        fwrite(text, 1, (size_t)((at ? at : end) - text), to);
        if (!at)
            return;
        fputs(name, to);
        text = at + sizeof mark - 1;
    }
}

static int write_one(const char *folder, size_t i, const char *kind, const char *name,
                     weir_error *error)
{
    char path[WEIR_PATH], *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    int status;

    for (size_t part = 0; to && part < 2 && files[i].parts[part]; part++)
        put_part(to, files[i].parts[part], kind, name);
    if (!to || fclose(to) != 0) {
        free(text);
        return weir_error_memory(error, size, "a file");
    }
    if ((size_t)snprintf(path, sizeof path, "%s/%s%s", folder, files[i].name ? files[i].name : name,
                         files[i].name ? "" : ".c") >= sizeof path)
        status = weir_error_set(error, WEIR_EIO, "%s: the path is too long", folder);
    else
        status = weir_file_write(path, text, size, error);
    free(text);
    return status;
}

static int check_name(const char *name, weir_error *error)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    weir_registry *registry;
    const weir_error *errors;
    const weir_loaded *all;
    size_t count = 0;

    if (name[n] || n == 0 || n > LONGEST_NAME || !(name[0] >= 'a' && name[0] <= 'z'))
        return weir_error_set(error, WEIR_EOPTION,
                              "'%.100s' is no name for a plugin: small letters, digits and _, a "
                              "letter first, %d at most, such as row_ratio",
                              name, LONGEST_NAME);
    /* A plugin of the same name would stand in its way wherever names are looked up. */
    registry = weir_registry_open(NULL, error);
    all = registry ? weir_registry_all(registry, &count, &errors) : NULL;
    for (size_t i = 0; i < count && all; i++)
        if (all[i].plugin && !strcmp(all[i].plugin->name, name)) {
            weir_error_set(error, WEIR_EOPTION, "there is a plugin called '%s' already: %s %s",
                           name, weir_kind_name((int)all[i].plugin->kind), all[i].path);
            break;
        }
    weir_registry_free(registry);
    return error->status;
}

/* The folder is new, or empty. */
static int make_folder(const char *folder, weir_error *error)
{
    DIR *there = opendir(folder);
    struct dirent *entry;
    int status = WEIR_OK;

    if (!there)
        return errno == ENOENT ? weir_folder_make(folder, error)
                               : weir_error_set(error, WEIR_EIO, "%s: %s", folder, strerror(errno));
    while (status == WEIR_OK && (entry = readdir(there)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            status = weir_error_set(error, WEIR_EIO,
                                    "%s is there already and holds files, which are not "
                                    "overwritten; name another folder with -o",
                                    folder);
    closedir(there);
    return status;
}

/* The folder of weirConfig.cmake that belongs to this library; false if there is none. */
static bool find_package(char *path, size_t size)
{
    static const char *const places[] = {"", "/cmake/weir"}; /* in a build; installed */
    char real[PATH_MAX], folder[PATH_MAX], config[PATH_MAX + 64];
    Dl_info info;

    if (!dladdr((void *)(uintptr_t)weir_version, &info) || !realpath(info.dli_fname, real))
        return false;
    snprintf(folder, sizeof folder, "%s", dirname(real));
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(config, sizeof config, "%s%s/weirConfig.cmake", folder, places[i]);
        if (access(config, R_OK) == 0)
            return (size_t)snprintf(path, size, "%s%s", folder, places[i]) < size;
    }
    return false;
}

/* A text as one word of a shell. */
static void print_word(const char *text)
{
    putchar('\'');
    for (; *text; text++)
        fputs(*text == '\'' ? "'\\''" : (const char[]){*text, 0}, stdout);
    putchar('\'');
}

static void print_next(const char *kind, const char *name, const char *folder)
{
    char package[PATH_MAX + 64];

    printf("%s: %s%s that works, with a test. Next:\n\n  cd ", folder,
           strchr("aeiou", kind[0]) ? "an " : "a ",
           strcmp(kind, "downstream") ? kind : "downstream task");
    print_word(folder);
    printf("\n  cmake -G Ninja -B build");
    if (find_package(package, sizeof package)) {
        printf(" -Dweir_DIR=");
        print_word(package);
    }
    printf(" && cmake --build build && ctest --test-dir build\n\n"
           "Then change %s.c; README.md says how it is used.\n",
           name);
}

int weir_command_new(int argc, char **argv)
{
    static const char *to;
    static const weir_flag flags[] = {
        {WEIR_FLAG_TEXT, "--output", "-o", &to, "DIR", "the folder (default: NAME)"}, {0}};
    static const weir_usage usage = {
        "new",
        "generator|metric|encoder|downstream NAME [-o DIR]",
        "Makes a folder with a plugin to begin from: NAME.c, a small plugin that works, its "
        "README.md, a test\nand a CMakeLists.txt, which needs no more of Weir than what is "
        "installed or built. It says how to build\nand test it. What is there is not overwritten.",
        flags,
        2,
        2,
        false};
    weir_arguments arguments;
    const char *kinds[WEIR_KINDS], *kind = NULL, *name, *folder, *near;
    weir_error error = {0};
    bool fresh;
    int status = weir_arguments_parse(&usage, argc, argv, &arguments);

    if (status >= 0)
        return status;
    for (int i = 0; i < WEIR_KINDS; i++) {
        kinds[i] = weir_kind_name(i);
        if (!strcmp(arguments.items[0], kinds[i]))
            kind = kinds[i];
    }
    if (!kind) {
        near = weir_nearest(arguments.items[0], kinds, WEIR_KINDS);
        return weir_usage_error("new", "unknown kind '%s'%s%s%s (known: %s, %s, %s, %s)",
                                arguments.items[0], near ? "; did you mean '" : "",
                                near ? near : "", near ? "'?" : "", kinds[0], kinds[1], kinds[2],
                                kinds[3]);
    }
    name = arguments.items[1];
    folder = to ? to : name;
    fresh = access(folder, F_OK) != 0;
    if (check_name(name, &error) != WEIR_OK || make_folder(folder, &error) != WEIR_OK)
        return weir_usage_error("new", "%s", error.text);
    for (size_t i = 0; i < FILES && error.status == WEIR_OK; i++)
        write_one(folder, i, kind, name, &error);
    if (error.status != WEIR_OK) {
        weir_error ignored = {0};

        if (fresh)
            weir_folder_remove(folder, &ignored);
        fprintf(stderr, "weir new: %s\n", error.text);
        return 1;
    }
    print_next(kind, name, folder);
    return 0;
}
