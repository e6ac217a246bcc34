/* A job's spec from outside. Its outputs go to a folder of ours, whatever it says. */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "run/execute.h"

static char folder[] = "/tmp/weir-fuzz-spec-XXXXXX";

/* The plugins bring libweir.so along, beside the copy of the core in this program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_odr_violation=0";
}

static void find_plugins(void)
{
    char path[PATH_MAX], *slash;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 32);

    path[length > 0 ? length : 0] = '\0';
    slash = strrchr(path, '/');
    if (slash) {
        strcpy(slash, "/../plugins");
        setenv("WEIR_PLUGIN_PATH", path, 1);
    }
}

static void clean(void)
{
    weir_folder_remove(folder, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    json_t *spec = json_loadb((const char *)data, size, 0, NULL);
    weir_error error = {0};

    if (!made && mkdtemp(folder)) {
        atexit(clean);
        find_plugins();
    }
    made = true;
    if (json_is_object(spec) && json_is_string(json_object_get(spec, "out")))
        json_object_set_new(spec, "out", json_string(folder));
    if (spec && weir_execute(spec, -1, &error) != (int)error.status)
        abort();
    json_decref(spec);
    return 0;
}
