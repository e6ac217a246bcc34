/* A model folder from outside: the first bytes are model.json, what follows a 0 is
 * arrays.safetensors. Reading it, and asking for all it claims to hold, gives values or errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "plugin/archive.h"
#include "plugin/job.h"

static char folder[] = "/tmp/weir-fuzz-model-XXXXXX";

static void clean(void)
{
    weir_folder_remove(folder, NULL);
}

static void put(const char *name, const uint8_t *data, size_t size)
{
    char path[300];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file))
        exit(1);
}

static void ask(const weir_archive *archive, const json_t *values)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)values, name, value)
    {
        uint64_t shape[8] = {0};
        double number;
        weir_get_number(archive, name, &number);
        weir_get_text(archive, name);
        for (int rank = 1; rank <= 3; rank++)
            for (int type = WEIR_U8; type < WEIR_CATEGORY; type++) {
                memset(shape, 0, sizeof shape);
                weir_get_array(archive, name, (weir_type)type, rank, shape);
            }
        weir_get_table(archive, name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t length = zero ? (size_t)(zero - data) : size;
    weir_error error = {0};
    weir_archive *archive;
    json_t *all;

    if (!made && mkdtemp(folder))
        atexit(clean);
    made = true;
    put("model.json", data, length);
    put("arrays.safetensors", zero ? zero + 1 : data, zero ? size - length - 1 : 0);
    json_decref(weir_model_about(folder, NULL));
    archive = weir_archive_read(folder, &error);
    all = json_loadb((const char *)data, length, 0, NULL);
    if (archive)
        ask(archive, json_object_get(all, "values"));
    json_decref(all);
    weir_archive_free(archive);
    return 0;
}
