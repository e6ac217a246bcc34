/* The store's jobs: keys, the lock of the store and of each job, what is finished and what is not.
 */
#include "run/store.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

struct weir_store {
    char folder[WEIR_PATH - 256]; /* room for what is put behind it */
    int lock;                     /* -1: read only */
};

int weir_job_key(const json_t *content, char key[65], weir_error *error)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    char *text = json_dumps(content, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));

    if (!text || !EVP_Digest(text, strlen(text), hash, &length, EVP_sha256(), NULL) ||
        length != 32) {
        free(text);
        return weir_error_memory(error, sizeof hash, "a job's key");
    }
    free(text);
    for (unsigned int i = 0; i < length; i++) {
        key[2 * i] = digits[hash[i] >> 4];
        key[2 * i + 1] = digits[hash[i] & 15];
    }
    key[64] = '\0';
    return WEIR_OK;
}

static void pause_for(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* ---- The lock of the store ------------------------------------------------------------------- */

static void describe_holder(int lock, const char *folder, char *text, size_t size)
{
    char holder[256];
    ssize_t n = pread(lock, holder, sizeof holder - 1, 0);

    holder[n > 0 ? n : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    snprintf(text, size, "another run holds %s%s%s%s; waiting for it to end", folder,
             *holder ? " (" : "", holder, *holder ? ")" : "");
}

static int take_lock(weir_store *store, void (*notice)(void *, const char *), void *context,
                     const volatile sig_atomic_t *stop, weir_error *error)
{
    char path[WEIR_PATH], text[WEIR_PATH + 512], host[128] = "";
    bool told = false;
    int n;

    snprintf(path, sizeof path, "%s/lock", store->folder);
    store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (store->lock < 0)
        return weir_error_set(error, WEIR_EIO, "cannot write %s: %s", path, strerror(errno));
    while (flock(store->lock, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return weir_error_set(error, WEIR_EIO, "cannot lock %s: %s", path, strerror(errno));
        if (stop && *stop)
            return weir_error_set(error, WEIR_ECANCEL, "interrupted");
        if (!told && notice) {
            describe_holder(store->lock, store->folder, text, sizeof text);
            notice(context, text);
        }
        told = true;
        pause_for(50);
    }
    gethostname(host, sizeof host - 1);
    n = snprintf(text, sizeof text, "process %ld on %s\n", (long)getpid(), host);
    if (ftruncate(store->lock, 0) || pwrite(store->lock, text, (size_t)n, 0) != n)
        return weir_error_set(error, WEIR_EIO, "cannot write %s: %s", path, strerror(errno));
    return WEIR_OK;
}

/* Removes what an earlier run had begun to write when it was killed. */
static void drop_unfinished(const char *folder)
{
    DIR *list = opendir(folder);
    struct dirent *entry;

    while (list && (entry = readdir(list))) {
        size_t n = strlen(entry->d_name);
        if (n > 4 && !strcmp(entry->d_name + n - 4, ".tmp"))
            unlinkat(dirfd(list), entry->d_name, 0);
    }
    if (list)
        closedir(list);
}

/* A folder that holds something, but neither a lock nor jobs: somebody's, and no store. */
static bool is_foreign(const char *folder)
{
    DIR *list = opendir(folder);
    struct dirent *entry;
    bool holds = false, store = false;

    while (list && (entry = readdir(list))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        holds = true;
        store = store || !strcmp(entry->d_name, "lock") || !strcmp(entry->d_name, "jobs");
    }
    if (list)
        closedir(list);
    return holds && !store;
}

weir_store *weir_store_open(const char *folder, bool read_only,
                            void (*notice)(void *context, const char *text), void *context,
                            const volatile sig_atomic_t *stop, weir_error *error)
{
    weir_store *store = calloc(1, sizeof *store);
    char here[WEIR_PATH] = "", path[WEIR_PATH];
    int n;

    if (!store) {
        weir_error_memory(error, sizeof *store, "a store");
        return NULL;
    }
    store->lock = -1;
    if (folder[0] != '/' && !getcwd(here, sizeof here)) {
        weir_error_set(error, WEIR_EIO, "the working folder is gone: %s", strerror(errno));
        free(store);
        return NULL;
    }
    n = snprintf(store->folder, sizeof store->folder, "%s%s%s", here, *here ? "/" : "", folder);
    if (n < 0 || (size_t)n >= sizeof store->folder) {
        weir_error_set(error, WEIR_EIO, "the path of the store is too long: %.200s…", folder);
        free(store);
        return NULL;
    }
    while (n > 1 && store->folder[n - 1] == '/')
        store->folder[--n] = '\0';
    if (!read_only && is_foreign(store->folder)) {
        weir_error_set(error, WEIR_EOPTION,
                       "%s is no store and not empty; name a folder that is empty or not there yet",
                       folder);
        free(store);
        return NULL;
    }
    snprintf(path, sizeof path, "%s/jobs", store->folder);
    if (!read_only &&
        (weir_folder_make(path, error) || take_lock(store, notice, context, stop, error))) {
        weir_store_close(store);
        return NULL;
    }
    if (!read_only)
        drop_unfinished(store->folder);
    return store;
}

void weir_store_close(weir_store *store)
{
    if (!store)
        return;
    if (store->lock >= 0)
        close(store->lock);
    free(store);
}

const char *weir_store_folder(const weir_store *store)
{
    return store->folder;
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

void weir_store_path(const weir_store *store, const char *key, const char *name,
                     char path[WEIR_PATH])
{
    snprintf(path, WEIR_PATH, "%s/jobs/%.*s%s%s", store->folder, WEIR_ID_LENGTH, key,
             name ? "/" : "", name ? name : "");
}

bool weir_store_find(const weir_store *store, const char *key, const char *job, json_t **status,
                     json_t **output)
{
    char path[WEIR_PATH];
    const char *held;
    json_t *spec;
    bool same;

    *status = *output = NULL;
    weir_store_path(store, key, "status.json", path);
    *status = weir_json_read(path);
    if (!json_is_true(json_object_get(*status, "ok")))
        goto absent;
    weir_store_path(store, key, "spec.json", path);
    spec = weir_json_read(path);
    held = json_string_value(json_object_get(spec, "key"));
    same = held && !strcmp(held, key);
    json_decref(spec);
    if (!same)
        goto absent;
    if (!strcmp(job, "fit")) {
        weir_store_path(store, key, "model/model.json", path);
        *output = access(path, R_OK) ? NULL : json_object();
    } else if (!strcmp(job, "select")) {
        weir_store_path(store, key, "model/model.json", path);
        if (!access(path, R_OK)) {
            weir_store_path(store, key, "selection.json", path);
            *output = weir_json_read(path);
        }
    } else if (!strcmp(job, "sample")) {
        weir_store_path(store, key, "synthetic.weir", path);
        if (!access(path, R_OK)) {
            weir_store_path(store, key, "synthetic.json", path);
            *output = weir_json_read(path);
        }
        if (!json_is_string(json_object_get(*output, "sha256")))
            goto absent;
    } else {
        weir_store_path(store, key, "scores.json", path);
        *output = weir_json_read(path);
        if (!json_is_array(json_object_get(*output, "scores")))
            goto absent;
    }
    if (*output)
        return true;

absent:
    json_decref(*status);
    json_decref(*output);
    *status = *output = NULL;
    return false;
}

/* Kills every process that has this file open, other than this one: what an earlier run's job left
 * behind. The lock itself is the proof that they are its. */
static void end_holders(const char *lock)
{
    DIR *processes = opendir("/proc");
    struct dirent *process, *file;

    while (processes && (process = readdir(processes))) {
        char path[64], name[400], at[WEIR_PATH];
        long pid = strtol(process->d_name, NULL, 10);
        DIR *files;

        if (!isdigit((unsigned char)process->d_name[0]) || pid <= 1 || pid == (long)getpid())
            continue;
        snprintf(path, sizeof path, "/proc/%ld/fd", pid);
        files = opendir(path);
        while (files && (file = readdir(files))) {
            ssize_t n;
            snprintf(name, sizeof name, "%s/%s", path, file->d_name);
            n = readlink(name, at, sizeof at - 1);
            at[n > 0 ? n : 0] = '\0';
            if (n > 0 && !strcmp(at, lock)) {
                kill((pid_t)pid, SIGKILL);
                break;
            }
        }
        if (files)
            closedir(files);
    }
    if (processes)
        closedir(processes);
}

static int lock_job(const char *folder, weir_error *error)
{
    char path[WEIR_PATH], real[WEIR_PATH];
    int lock;

    if ((size_t)snprintf(path, sizeof path, "%s/lock", folder) >= sizeof path)
        return weir_error_set(error, WEIR_EIO, "the path is too long: %.200s…", folder), -1;
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock < 0) {
        weir_error_set(error, WEIR_EIO, "cannot write %s: %s", path, strerror(errno));
        return -1;
    }
    for (int tries = 0; flock(lock, LOCK_EX | LOCK_NB); tries++) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || tries == 100) {
            weir_error_set(error, WEIR_EIO, "cannot lock %s: %s", path,
                           errno == EWOULDBLOCK ? "a process of an earlier run still works on this "
                                                  "job"
                                                : strerror(errno));
            close(lock);
            return -1;
        }
        if (realpath(path, real))
            end_holders(real);
        pause_for(20);
    }
    return lock;
}

/* Ends what earlier runs left running in any job's folder. */
static void end_leftovers(const weir_store *store)
{
    char path[WEIR_PATH];
    struct dirent *entry;
    DIR *jobs;

    snprintf(path, sizeof path, "%s/jobs", store->folder);
    jobs = opendir(path);
    while (jobs && (entry = readdir(jobs))) {
        weir_error ignored = {0}; /* removing the folder will tell */
        int lock;
        if (entry->d_name[0] == '.')
            continue;
        weir_store_path(store, entry->d_name, NULL, path);
        lock = lock_job(path, &ignored);
        if (lock >= 0)
            close(lock);
    }
    if (jobs)
        closedir(jobs);
}

/* Removes the jobs' folders; what else lies beside them is not ours. */
static int remove_jobs(const weir_store *store, weir_error *error)
{
    char path[WEIR_PATH];
    struct dirent *entry;
    DIR *jobs;

    snprintf(path, sizeof path, "%s/jobs", store->folder);
    jobs = opendir(path);
    if (!jobs && errno != ENOENT)
        return weir_error_set(error, WEIR_EIO, "cannot read %s: %s", path, strerror(errno));
    while (jobs && !error->status && (entry = readdir(jobs))) {
        if (strlen(entry->d_name) != 24 || strspn(entry->d_name, "0123456789abcdef") != 24)
            continue;
        weir_store_path(store, entry->d_name, NULL, path);
        weir_folder_remove(path, error);
    }
    if (jobs)
        closedir(jobs);
    return error->status;
}

int weir_store_clear(weir_store *store, weir_error *error)
{
    static const char *const made[] = {"scores.csv", "manifest.json", "report.html", "report.md"};
    char path[WEIR_PATH];

    end_leftovers(store);
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", store->folder, made[i]);
        if (weir_folder_remove(path, error))
            return error->status;
    }
    if (remove_jobs(store, error))
        return error->status;
    snprintf(path, sizeof path, "%s/jobs", store->folder);
    return weir_folder_make(path, error);
}

/* Removes everything in a job's folder but its checkpoint, the candidates before it, and its lock.
 */
static int clean_job(const char *folder, weir_error *error)
{
    DIR *list = opendir(folder);
    struct dirent *entry;
    char path[WEIR_PATH];

    if (!list)
        return weir_error_set(error, WEIR_EIO, "cannot read %s: %s", folder, strerror(errno));
    while (error->status == WEIR_OK && (entry = readdir(list))) {
        const char *name = entry->d_name;
        if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "checkpoint") ||
            !strcmp(name, "candidates") || !strcmp(name, "lock"))
            continue;
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path)
            weir_folder_remove(path, error);
    }
    closedir(list);
    return error->status;
}

int weir_store_begin(weir_store *store, const char *key, json_t *spec, weir_error *error)
{
    char folder[WEIR_PATH], path[WEIR_PATH];
    json_int_t attempt = 1;
    const char *held;
    json_t *old;
    int lock;

    weir_store_path(store, key, NULL, folder);
    if (weir_folder_make(folder, error) || (lock = lock_job(folder, error)) < 0)
        return -1;
    weir_store_path(store, key, "spec.json", path);
    old = weir_json_read(path);
    held = json_string_value(json_object_get(old, "key"));
    if (held && strcmp(held, key) != 0)
        weir_error_set(error, WEIR_EDATA, "jobs %s and %s have the same ID; remove %s", held, key,
                       folder);
    else if (held)
        attempt += json_integer_value(json_object_get(old, "attempt"));
    json_decref(old);
    if (error->status || clean_job(folder, error) ||
        (json_object_set_new(spec, "attempt", json_integer(attempt)) &&
         weir_error_memory(error, sizeof *spec, "a spec")) ||
        weir_json_write(path, spec, error)) {
        close(lock);
        return -1;
    }
    return lock;
}
