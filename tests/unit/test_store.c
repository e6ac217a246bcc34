/* The store: keys, what counts as finished, the folder's lock, leftovers of killed runs.
 * Covers: core/files.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/store.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static weir_store *store;

static int set_up(void **state)
{
    weir_error error = {0};

    (void)state;
    strcpy(folder, "/tmp/weir-store-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    store = weir_store_open(folder, false, NULL, NULL, NULL, &error);
    return store ? 0 : -1;
}

static int tear_down(void **state)
{
    weir_error error = {0};

    (void)state;
    weir_store_close(store);
    return weir_folder_remove(folder, &error);
}

static void key_of(const char *text, char key[65])
{
    json_t *content = json_loads(text, 0, NULL);
    weir_error error = {0};

    assert_non_null(content);
    assert_int_equal(weir_job_key(content, key, &error), WEIR_OK);
    json_decref(content);
}

static void a_key_is_the_content(void **state)
{
    char a[65], b[65], c[65], empty[65];

    (void)state;
    key_of("{\"seed\": 1, \"options\": {\"x\": 0.1, \"y\": 2}}", a);
    key_of("{\"options\": {\"y\": 2, \"x\": 0.1}, \"seed\": 1}", b);
    key_of("{\"options\": {\"y\": 2, \"x\": 0.10000000000000002}, \"seed\": 1}", c);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    key_of("{}", empty); /* printf '{}' | sha256sum */
    assert_string_equal(empty, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
}

static void put(const char *key, const char *name, const char *text)
{
    char path[WEIR_PATH];
    weir_error error = {0};

    weir_store_path(store, key, name, path);
    assert_int_equal(weir_file_write(path, text, strlen(text), &error), WEIR_OK);
}

static bool finished(const char *key, const char *job)
{
    json_t *status, *output;
    bool found = weir_store_find(store, key, job, &status, &output);

    assert_true(found == (status && output));
    json_decref(status);
    json_decref(output);
    return found;
}

static int begin(const char *key, weir_error *error)
{
    json_t *spec = json_pack("{ss}", "key", key);
    int lock = weir_store_begin(store, key, spec, error);

    json_decref(spec);
    return lock;
}

static json_int_t attempt_of(const char *key)
{
    char path[WEIR_PATH];
    json_t *spec;
    json_int_t attempt;

    weir_store_path(store, key, "spec.json", path);
    spec = weir_json_read(path);
    attempt = json_integer_value(json_object_get(spec, "attempt"));
    json_decref(spec);
    return attempt;
}

static void what_counts_as_finished(void **state)
{
    char key[65], model[WEIR_PATH];
    weir_error error = {0};
    int lock;

    (void)state;
    key_of("{\"a\": 1}", key);
    assert_false(finished(key, "score"));
    lock = begin(key, &error);
    assert_true(lock >= 0);
    assert_false(finished(key, "score"));
    put(key, "scores.json", "{\"scores\": []}");
    assert_false(finished(key, "score"));
    put(key, "status.json", "{\"ok\": false}");
    assert_false(finished(key, "score"));
    put(key, "status.json", "{\"ok\": true");
    assert_false(finished(key, "score"));
    put(key, "status.json", "{\"ok\": true}");
    assert_true(finished(key, "score"));
    assert_false(finished(key, "fit"));
    assert_false(finished(key, "sample"));
    put(key, "synthetic.json", "{\"sha256\": \"00\"}");
    assert_false(finished(key, "sample"));
    put(key, "synthetic.weir", "");
    assert_true(finished(key, "sample"));
    weir_store_path(store, key, "model", model);
    assert_int_equal(weir_folder_make(model, &error), WEIR_OK);
    put(key, "model/model.json", "{}");
    assert_true(finished(key, "fit"));
    put(key, "scores.json", "{\"scores\": 3}");
    assert_false(finished(key, "score"));
    put(key, "spec.json", "{\"key\": \"another\"}");
    assert_false(finished(key, "fit"));
    close(lock);
}

static void beginning_again_cleans_and_counts(void **state)
{
    char key[65], path[WEIR_PATH];
    weir_error error = {0};
    int lock;

    (void)state;
    key_of("{\"a\": 2}", key);
    lock = begin(key, &error);
    assert_true(lock >= 0);
    close(lock);
    assert_int_equal(attempt_of(key), 1);
    weir_store_path(store, key, "checkpoint", path);
    assert_int_equal(weir_folder_make(path, &error), WEIR_OK);
    weir_store_path(store, key, "model/deep", path);
    assert_int_equal(weir_folder_make(path, &error), WEIR_OK);
    put(key, "status.json", "{\"ok\": true}");
    put(key, "status.json.12.0.tmp", "{");
    put(key, "checkpoint/model.json", "{}");
    put(key, "model/deep/a.safetensors", "x");
    lock = begin(key, &error);
    assert_true(lock >= 0);
    close(lock);
    assert_int_equal(attempt_of(key), 2);
    weir_store_path(store, key, "checkpoint/model.json", path);
    assert_int_equal(access(path, F_OK), 0);
    weir_store_path(store, key, "status.json", path);
    assert_int_equal(access(path, F_OK), -1);
    weir_store_path(store, key, "status.json.12.0.tmp", path);
    assert_int_equal(access(path, F_OK), -1);
    weir_store_path(store, key, "model", path);
    assert_int_equal(access(path, F_OK), -1);
}

static void two_keys_of_one_id(void **state)
{
    char key[65], other[65];
    weir_error error = {0};
    int lock;

    (void)state;
    key_of("{\"a\": 3}", key);
    memcpy(other, key, sizeof other);
    other[60] = other[60] == '0' ? '1' : '0';
    lock = begin(key, &error);
    assert_true(lock >= 0);
    close(lock);
    assert_int_equal(begin(other, &error), -1);
    assert_int_equal(error.status, WEIR_EDATA);
    assert_non_null(strstr(error.text, "same ID"));
}

static void a_leftover_process_is_ended(void **state)
{
    char key[65];
    weir_error error = {0};
    int lock, status;
    pid_t left;

    (void)state;
    key_of("{\"a\": 4}", key);
    lock = begin(key, &error);
    assert_true(lock >= 0);
    left = fork();
    if (left == 0) {
        setsid();
        pause();
        _exit(0);
    }
    close(lock); /* the child has it still */
    lock = begin(key, &error);
    assert_true(lock >= 0);
    assert_int_equal(waitpid(left, &status, 0), left);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    left = fork(); /* the same where all is forgotten */
    if (left == 0) {
        pause();
        _exit(0);
    }
    close(lock);
    assert_int_equal(weir_store_clear(store, &error), WEIR_OK);
    assert_int_equal(waitpid(left, &status, 0), left);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static char said[8192];

static void listen(void *context, const char *text)
{
    *(volatile sig_atomic_t *)context = 1; /* stop waiting */
    snprintf(said, sizeof said, "%s", text);
}

static void the_second_run_waits(void **state)
{
    volatile sig_atomic_t stop = 0;
    weir_error error = {0};
    char wanted[64];
    weir_store *second;

    (void)state;
    second = weir_store_open(folder, false, listen, (void *)(uintptr_t)&stop, &stop, &error);
    assert_null(second);
    assert_int_equal(error.status, WEIR_ECANCEL);
    snprintf(wanted, sizeof wanted, "(process %ld on ", (long)getpid());
    assert_non_null(strstr(said, wanted));
    assert_non_null(strstr(said, folder));
    error = (weir_error){0};
    second = weir_store_open(folder, true, NULL, NULL, NULL, &error);
    assert_non_null(second); /* to look only */
    weir_store_close(second);
}

static void a_killed_runs_lock_is_free(void **state)
{
    char path[80];
    weir_error error = {0};
    weir_store *again;
    pid_t other;
    int ready[2];
    char byte;

    (void)state;
    snprintf(path, sizeof path, "%s/inner", folder);
    assert_int_equal(pipe(ready), 0);
    other = fork();
    if (other == 0) {
        weir_store *held = weir_store_open(path, false, NULL, NULL, NULL, &error);
        if (!held || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    again = weir_store_open(path, false, NULL, NULL, NULL, &error);
    assert_non_null(again);
    weir_store_close(again);
    close(ready[0]);
    close(ready[1]);
}

static void clearing_and_leftovers(void **state)
{
    char path[WEIR_PATH], key[65];
    weir_error error = {0};
    weir_store *again;
    int lock;

    (void)state;
    key_of("{\"a\": 5}", key);
    lock = begin(key, &error);
    assert_true(lock >= 0);
    close(lock);
    snprintf(path, sizeof path, "%s/scores.csv.99.1.tmp", folder);
    assert_int_equal(weir_file_write(path, "x", 1, &error), WEIR_OK);
    weir_store_close(store);
    again = weir_store_open(folder, false, NULL, NULL, NULL, &error);
    assert_non_null(again);
    store = again;
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/scores.csv", folder);
    assert_int_equal(weir_file_write(path, "x", 1, &error), WEIR_OK);
    assert_int_equal(weir_store_clear(store, &error), WEIR_OK);
    assert_int_equal(access(path, F_OK), -1);
    weir_store_path(store, key, NULL, path);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/jobs", folder);
    assert_int_equal(access(path, F_OK), 0);
}

static void folders_that_cannot_be_made(void **state)
{
    char path[80], inner[160];
    weir_error error = {0};

    (void)state;
    snprintf(path, sizeof path, "%s/file", folder);
    assert_int_equal(weir_file_write(path, "x", 1, &error), WEIR_OK);
    snprintf(inner, sizeof inner, "%s/store", path);
    assert_null(weir_store_open(inner, false, NULL, NULL, NULL, &error));
    assert_int_equal(error.status, WEIR_EIO);
    assert_non_null(strstr(error.text, path));
}

static void removing_does_not_follow_links(void **state)
{
    char kept[80], link_path[80], file[96];
    weir_error error = {0};

    (void)state;
    snprintf(kept, sizeof kept, "%s/kept", folder);
    snprintf(file, sizeof file, "%s/a", kept);
    snprintf(link_path, sizeof link_path, "%s/link", folder);
    assert_int_equal(weir_folder_make(kept, &error), WEIR_OK);
    assert_int_equal(weir_file_write(file, "x", 1, &error), WEIR_OK);
    assert_int_equal(symlink(kept, link_path), 0);
    assert_int_equal(weir_folder_remove(link_path, &error), WEIR_OK);
    assert_int_equal(access(link_path, F_OK), -1);
    assert_int_equal(access(file, F_OK), 0);
    assert_int_equal(weir_folder_remove("/tmp/weir-not-there", &error), WEIR_OK);
}

static void json_keeps_every_digit(void **state)
{
    char path[80];
    weir_error error = {0};
    json_t *value = json_pack("{sf}", "x", 0.1 + 0.2), *back;

    (void)state;
    snprintf(path, sizeof path, "%s/x.json", folder);
    assert_int_equal(weir_json_write(path, value, &error), WEIR_OK);
    back = weir_json_read(path);
    assert_true(json_real_value(json_object_get(back, "x")) == 0.1 + 0.2);
    json_decref(value);
    json_decref(back);
    assert_null(weir_json_read("/nowhere.json"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_the_content),
        TEST(what_counts_as_finished),
        TEST(beginning_again_cleans_and_counts),
        TEST(two_keys_of_one_id),
        TEST(a_leftover_process_is_ended),
        TEST(the_second_run_waits),
        TEST(a_killed_runs_lock_is_free),
        TEST(clearing_and_leftovers),
        TEST(folders_that_cannot_be_made),
        TEST(removing_does_not_follow_links),
        TEST(json_keeps_every_digit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
