/* What tests of experiments share: a registry of the built plugins, a small trace in a folder of
 * its own, declarations as JSON text. */
#ifndef WEIR_TESTS_DECLARING_H
#define WEIR_TESTS_DECLARING_H

#include "run/declare.h"
#include "run/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char declaring_folder[64], declaring_trace[96];
static weir_registry *declaring_registry;

static inline void declaring_write(const char *path, int first)
{
    char text[4096] = "time,srcip,dstip,srcport,dstport,proto,pkt_len\n", line[128];
    weir_error error = {0};

    for (int i = 0; i < 40; i++) {
        snprintf(line, sizeof line, "%d,10.0.0.%d,10.0.1.1,%d,80,6,%d\n", first + 1000 * i,
                 1 + i % 4, 5000 + i % 4, 60 + i);
        strcat(text, line);
    }
    if (weir_file_write(path, text, strlen(text), &error))
        fail_msg("%s", error.text);
}

static inline int declaring_set_up(void **state)
{
    weir_error error = {0};

    (void)state;
    strcpy(declaring_folder, "/tmp/weir-declare-XXXXXX");
    if (!mkdtemp(declaring_folder))
        return -1;
    setenv("XDG_CACHE_HOME", declaring_folder, 1);
    snprintf(declaring_trace, sizeof declaring_trace, "%s/small.csv", declaring_folder);
    declaring_write(declaring_trace, 1000000);
    declaring_registry = weir_registry_open(WEIR_BUILD_DIR "/plugins", &error);
    return declaring_registry ? 0 : -1;
}

static inline int declaring_tear_down(void **state)
{
    weir_error error = {0};

    (void)state;
    weir_registry_free(declaring_registry);
    return weir_folder_remove(declaring_folder, &error);
}

static inline weir_experiment *declaring_new(void)
{
    weir_error error = {0};
    weir_experiment *made = weir_experiment_new("test", NULL, declaring_registry, &error);

    assert_non_null(made);
    return made;
}

/* JSON in which ' stands for " and TRACE for the trace as a source. */
static inline json_t *declaring_json(const char *text)
{
    char whole[8192];
    size_t n = 0;
    json_t *made;

    for (; *text; text++) {
        if (!strncmp(text, "TRACE", 5)) {
            n += (size_t)snprintf(whole + n, sizeof whole - n, "{\"files\":[\"%s\"]}",
                                  declaring_trace);
            text += 4;
        } else {
            whole[n++] = *text == '\'' ? '"' : *text;
        }
    }
    whole[n] = '\0';
    made = json_loads(whole, 0, NULL);
    if (!made)
        fail_msg("not JSON: %s", whole);
    return made;
}

static inline int declaring_generate(weir_experiment *experiment, const char *text,
                                     weir_error *error)
{
    json_t *declaration = declaring_json(text);
    int handle = weir_experiment_generate(experiment, declaration, error);

    json_decref(declaration);
    return handle;
}

static inline int declaring_score(weir_experiment *experiment, const char *text, weir_error *error)
{
    json_t *declaration = declaring_json(text);
    int status = weir_experiment_score(experiment, declaration, error);

    json_decref(declaration);
    return status;
}

#endif
