/* The example store of tests/golden/store, unpacked for a test into a folder of its own. */
#ifndef WEIR_TESTS_STORE_H
#define WEIR_TESTS_STORE_H

#include "unit/golden.h"
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Writes a file, making the folders it needs below `folder`. */
static inline void store_put(const char *folder, const char *name, const char *text)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0755);
        *slash = '/';
    }
    file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* The whole of a file; the caller frees it. */
static inline char *store_get(const char *folder, const char *name)
{
    char path[4096], *text;
    size_t used = 0, size = 1 << 24;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is missing", path);
    text = malloc(size);
    assert_non_null(text);
    used = fread(text, 1, size - 1, file);
    assert_true(used < size - 1);
    text[used] = 0;
    fclose(file);
    return text;
}

/* A new folder under the temporary one; the path is the caller's to free. A space and quotes in it,
 * so that nothing that is built from it may go through a shell unnoticed. */
static inline char *store_folder(void)
{
    char path[256];

    snprintf(path, sizeof path, "%s/weir test's \"store\" XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(path));
    return strdup(path);
}

static inline char *store_unpack(void)
{
    char *folder = store_folder();
    char *all = store_get(WEIR_SOURCE_DIR, "tests/golden/store/store.txt");

    for (char *file = all; file && *file;) {
        char *name = file + 4, *text = strchr(name, '\n') + 1;
        char *next = strncmp(text, "=== ", 4) ? strstr(text, "\n=== ") : text - 1;

        text[-1] = 0;
        if (next)
            next[1] = 0;
        store_put(folder, name, text);
        if (next)
            next[1] = '=';
        file = next ? next + 1 : NULL;
    }
    free(all);
    return folder;
}

static inline int store_remove_one(const char *path, const struct stat *info, int type,
                                   struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

/* Removes the folder and frees its path. */
static inline void store_remove(char *folder)
{
    nftw(folder, store_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

#endif
