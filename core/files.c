/* Files and folders: written whole or not at all, removed whole. */
#include "files.h"
#include "data/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int weir_file_write(const char *path, const char *bytes, size_t n, weir_error *error)
{
    weir_file file;

    if (weir_file_create(&file, path, error))
        return error->status;
    fwrite(bytes, 1, n, file.stream); /* what goes wrong is seen when the file is committed */
    return weir_file_commit(&file, error);
}

int weir_json_write(const char *path, const json_t *value, weir_error *error)
{
    char *text = json_dumps(value, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    size_t n;
    int status;

    if (!text)
        return weir_error_memory(error, WEIR_PATH, path);
    n = strlen(text);
    text[n] = '\n'; /* in place of the end, which weir_file_write does not need */
    status = weir_file_write(path, text, n + 1, error);
    free(text);
    return status;
}

json_t *weir_json_read(const char *path)
{
    return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

int weir_folder_make(const char *path, weir_error *error)
{
    char made[WEIR_PATH];
    size_t n = strlen(path);

    if (n >= sizeof made)
        return weir_error_set(error, WEIR_EIO, "cannot make %.200s…: the path is too long", path);
    memcpy(made, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (made[i] != '/' && made[i])
            continue;
        made[i] = '\0';
        if (mkdir(made, 0777) && errno != EEXIST)
            return weir_error_set(error, WEIR_EIO, "cannot make the folder %s: %s", made,
                                  strerror(errno));
        made[i] = path[i];
    }
    return WEIR_OK;
}

static int remove_at(int parent, const char *name)
{
    struct dirent *entry;
    int folder, status = 0;
    DIR *list;

    if (!unlinkat(parent, name, 0) || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return -1;
    list = fdopendir(folder);
    if (!list) {
        close(folder);
        return -1;
    }
    while (!status && (entry = readdir(list)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = remove_at(folder, entry->d_name);
    closedir(list);
    return status ? status : unlinkat(parent, name, AT_REMOVEDIR);
}

int weir_folder_remove(const char *path, weir_error *error)
{
    if (remove_at(AT_FDCWD, path))
        return weir_error_set(error, WEIR_EIO, "cannot remove %s: %s", path, strerror(errno));
    return WEIR_OK;
}

static int copy_file(const char *from, const char *to, weir_error *error)
{
    FILE *in = fopen(from, "rbe"), *out = in ? fopen(to, "wbe") : NULL;
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
    return good ? WEIR_OK
                : weir_error_set(error, WEIR_EIO, "cannot copy %s to %s: %s", from, to,
                                 strerror(errno));
}

static int link_folder(const char *from, const char *to, weir_error *error)
{
    char old[WEIR_PATH], made[WEIR_PATH];
    struct dirent *entry;
    struct stat info;
    DIR *list = opendir(from);

    if (!list)
        return weir_error_set(error, WEIR_EIO, "cannot read %s: %s", from, strerror(errno));
    weir_folder_make(to, error);
    while (error->status == WEIR_OK && (entry = readdir(list))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if ((size_t)snprintf(old, sizeof old, "%s/%s", from, entry->d_name) >= sizeof old ||
            (size_t)snprintf(made, sizeof made, "%s/%s", to, entry->d_name) >= sizeof made)
            weir_error_set(error, WEIR_EIO, "the path is too long: %.200s…", to);
        else if (stat(old, &info))
            weir_error_set(error, WEIR_EIO, "cannot read %s: %s", old, strerror(errno));
        else if (S_ISDIR(info.st_mode))
            link_folder(old, made, error);
        else if (link(old, made))
            copy_file(old, made, error);
    }
    closedir(list);
    return error->status;
}

int weir_folder_link(const char *from, const char *to, weir_error *error)
{
    if (weir_folder_remove(to, error) == WEIR_OK)
        link_folder(from, to, error);
    return error->status;
}
