/* The trace cache, $XDG_CACHE_HOME/weir: KEY.weir holds a dataset with its facts, KEY.sha256 the
 * hash of a file's contents. Entries are written under another name and renamed, so that any number
 * of processes may share it. */
#include "data/cache.h"
#include "data/columnar.h"
#include "data/file.h"
#include "data/trace.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Raised when the readers or the columnar file change what they give. */
#define CACHE_VERSION 2
#define PATH_BYTES 4096
#define DEFAULT_LIMIT UINT64_C(8000000000) /* bytes */

/* ---- Hashes ---------------------------------------------------------------------------------- */

static void to_hex(const unsigned char digest[32], char hex[65])
{
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

bool weir_sha256_bytes(const void *bytes, size_t n, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (!EVP_Digest(bytes, n, digest, NULL, EVP_sha256(), NULL))
        return false;
    to_hex(digest, hex);
    return true;
}

static int hash_file(const char *path, char hex[65], weir_error *error)
{
    enum { chunk = 1 << 18 };
    unsigned char digest[EVP_MAX_MD_SIZE], *buffer = malloc(chunk);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    FILE *stream = fopen(path, "re");
    int status = WEIR_OK;
    size_t n;

    if (!stream) {
        status = weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
    } else if (!buffer || !context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL)) {
        status = weir_error_memory(error, chunk, "a hash");
    } else {
        setvbuf(stream, NULL, _IONBF, 0);
        while ((n = fread(buffer, 1, chunk, stream)) > 0)
            EVP_DigestUpdate(context, buffer, n);
        if (ferror(stream))
            status = weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
        else if (EVP_DigestFinal_ex(context, digest, NULL))
            to_hex(digest, hex);
    }
    if (stream)
        fclose(stream);
    EVP_MD_CTX_free(context);
    free(buffer);
    return status;
}

/* ---- Places and keys ------------------------------------------------------------------------- */

static bool make_folder(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        mkdir(path, 0777);
        *at = '/';
    }
    /* For its owner only: the traces may be so. */
    return !mkdir(path, 0700) || errno == EEXIST;
}

/* The path of an entry; false if there is no place for a cache. */
static bool entry_path(const char *key, const char *extension, bool create, char path[PATH_BYTES])
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n;

    if (base && base[0] == '/')
        n = snprintf(path, PATH_BYTES, "%s/weir", base);
    else if (home && home[0] == '/')
        n = snprintf(path, PATH_BYTES, "%s/.cache/weir", home);
    else
        return false;
    if (n < 0 || n > PATH_BYTES - 100 || (create && !make_folder(path)))
        return false;
    snprintf(path + n, (size_t)(PATH_BYTES - n), "/%s.%s", key, extension);
    return true;
}

bool weir_cache_key(const char *const *paths, size_t n, const char *how, char key[65])
{
    struct timespec now;
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    bool sound = stream != NULL;

    clock_gettime(CLOCK_REALTIME, &now);
    if (stream)
        fprintf(stream, "%d %s", CACHE_VERSION, how);
    for (size_t i = 0; sound && i < n; i++) {
        char *real = realpath(paths[i], NULL);
        struct stat info;
        sound = real && !stat(real, &info) && S_ISREG(info.st_mode);
        if (sound) {
            /* A file written within the clock's step could change again unseen. The time of change
             * is asked too: that of writing can be set back, as cp -p and rsync do. */
            int64_t age = (now.tv_sec - info.st_ctim.tv_sec) * INT64_C(1000000000) + now.tv_nsec -
                          info.st_ctim.tv_nsec;
            sound = age > 20000000 || age < 0;
            fprintf(stream,
                    "\n%s %" PRIdMAX " %" PRIuMAX " %" PRIuMAX " %" PRIdMAX ".%09ld %" PRIdMAX
                    ".%09ld",
                    real, (intmax_t)info.st_size, (uintmax_t)info.st_ino, (uintmax_t)info.st_dev,
                    (intmax_t)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                    (intmax_t)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
        }
        free(real);
    }
    if (stream && fclose(stream))
        sound = false;
    sound = sound && weir_sha256_bytes(text, bytes, key);
    free(text);
    return sound;
}

/* ---- The bound ------------------------------------------------------------------------------- */

typedef struct kept {
    struct timespec used; /* the last time it was loaded or stored */
    uint64_t bytes;
    char name[80];
} kept;

static int longest_unused_first(const void *a, const void *b)
{
    const struct timespec *x = &((const kept *)a)->used, *y = &((const kept *)b)->used;

    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Everything in the folder, what a killed process left behind included; NULL if there is nothing.
 */
static kept *list_entries(DIR *folder, size_t *n)
{
    kept *list = NULL, *grown;
    struct dirent *each;
    struct stat info;

    for (*n = 0; (each = readdir(folder)) != NULL;) {
        if (strlen(each->d_name) >= sizeof list->name ||
            strspn(each->d_name, "0123456789abcdef") != 64 ||
            fstatat(dirfd(folder), each->d_name, &info, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG(info.st_mode))
            continue;
        if (!(*n & (*n + 1))) { /* full at one less than a power of two */
            grown = realloc(list, (*n + 1) * 2 * sizeof *list);
            if (!grown)
                break;
            list = grown;
        }
        list[*n].used = info.st_mtim;
        list[*n].bytes = (uint64_t)info.st_size;
        snprintf(list[(*n)++].name, sizeof list->name, "%s", each->d_name);
    }
    return list;
}

/* Removes what was longest unused until the folder is within its limit. Who has an entry mapped
 * keeps it: its memory outlives the name. */
static void evict(const char *entry)
{
    const char *text = getenv("WEIR_CACHE_LIMIT");
    uint64_t limit = DEFAULT_LIMIT, sum = 0;
    char path[PATH_BYTES], *end;
    size_t n = 0;
    DIR *folder;
    kept *list;

    if (text && text[0] >= '0' && text[0] <= '9') {
        uint64_t asked = strtoull(text, &end, 10);
        limit = *end ? limit : asked;
    }
    snprintf(path, sizeof path, "%.*s", (int)(strrchr(entry, '/') - entry), entry);
    folder = opendir(path);
    if (!folder)
        return;
    list = list_entries(folder, &n);
    for (size_t i = 0; i < n; i++)
        sum += list[i].bytes;
    if (sum > limit) {
        qsort(list, n, sizeof *list, longest_unused_first);
        for (size_t i = 0; i < n && sum > limit; i++) {
            unlinkat(dirfd(folder), list[i].name, 0);
            sum -= list[i].bytes;
        }
    }
    free(list);
    closedir(folder);
}

/* ---- Datasets -------------------------------------------------------------------------------- */

weir_dataset *weir_cache_load(const char *key, json_t **facts)
{
    char path[PATH_BYTES], *note = NULL;
    weir_error ignored = {0};
    weir_dataset *dataset;
    json_t *found;

    if (!entry_path(key, "weir", false, path))
        return NULL;
    dataset = weir_columnar_load(path, &note, &ignored);
    if (!dataset) {
        if (ignored.status == WEIR_EDATA)
            unlink(path); /* damaged: the next read writes it again */
        return NULL;
    }
    found = json_loads(note, 0, NULL);
    free(note);
    if (!json_is_object(found)) {
        json_decref(found);
        weir_dataset_free(dataset);
        unlink(path);
        return NULL;
    }
    *facts = found;
    utimensat(AT_FDCWD, path, NULL, 0); /* used now */
    return dataset;
}

void weir_cache_store(const char *key, const weir_dataset *dataset, const json_t *facts)
{
    char path[PATH_BYTES], *note = json_dumps(facts, JSON_COMPACT | JSON_REAL_PRECISION(17));
    weir_error ignored = {0};

    if (note && entry_path(key, "weir", true, path) &&
        !weir_columnar_save(dataset, note, path, &ignored))
        evict(path);
    free(note);
}

/* ---- Traces ---------------------------------------------------------------------------------- */

int weir_trace_sha256(const char *path, char hex[65], weir_error *error)
{
    char key[65], place[PATH_BYTES];
    weir_error ignored = {0};
    bool known = weir_cache_key(&path, 1, "sha256", key);
    weir_file file;
    FILE *stream;
    int status;

    if (known && entry_path(key, "sha256", false, place) && (stream = fopen(place, "re"))) {
        size_t n = fread(hex, 1, 64, stream);
        fclose(stream);
        hex[n] = 0;
        if (strspn(hex, "0123456789abcdef") == 64)
            return WEIR_OK;
    }
    status = hash_file(path, hex, error);
    if (!status && known && entry_path(key, "sha256", true, place) &&
        !weir_file_create(&file, place, &ignored)) {
        fprintf(file.stream, "%s\n", hex);
        weir_file_commit(&file, &ignored);
    }
    return status;
}

/* The facts tell the paths as they were given this time. */
static void set_paths(json_t *facts, const char *const *paths, size_t n)
{
    json_t *files = json_object_get(facts, "files");

    for (size_t i = 0; i < n && i < json_array_size(files); i++)
        json_object_set_new(json_array_get(files, i), "path", json_string(paths[i]));
}

weir_dataset *weir_trace_open(const char *const *paths, size_t n, const weir_read_options *options,
                              json_t **facts, char (*sha256)[65], weir_error *error)
{
    static const weir_read_options defaults;
    char how[96], key[65], again[65], name[256];
    weir_dataset *dataset = NULL;
    json_t *found = NULL;
    bool known;

    if (!options)
        options = &defaults;
    if (facts)
        *facts = NULL;
    snprintf(how, sizeof how, "trace %" PRIu64 " %d %d", options->packets, (int)options->time_unit,
             options->allow_truncated);
    known = n && weir_cache_key(paths, n, how, key);
    if (known && (dataset = weir_cache_load(key, &found))) {
        weir_path_stem(paths[0], name, sizeof name);
        weir_dataset_set_name(dataset, name);
        set_paths(found, paths, n);
    } else {
        dataset = weir_trace_read(paths, n, options, &found, error);
        /* Kept only if the files are still what they were before reading. */
        if (dataset && known && weir_cache_key(paths, n, how, again) && !strcmp(key, again))
            weir_cache_store(key, dataset, found);
    }
    for (size_t i = 0; dataset && sha256 && i < n; i++) {
        if (weir_trace_sha256(paths[i], sha256[i], error)) {
            weir_dataset_free(dataset);
            dataset = NULL;
        }
    }
    if (dataset && facts)
        *facts = json_incref(found);
    json_decref(found);
    return dataset;
}
