/* The CSV reader on any bytes: what it takes is written as CSV and read back to the same rows. */
#include "data/trace.h"
#include "data/write.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static weir_dataset *read_path(const char *path)
{
    weir_error error = {0};
    json_t *facts = NULL;
    weir_dataset *dataset = weir_trace_read(&path, 1, NULL, &facts, &error);

    json_decref(facts);
    if (!dataset && (error.status == WEIR_OK || !error.text[0]))
        abort();
    return dataset;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char out[64];
    int descriptor = memfd_create("fuzz", 0);
    char path[64];
    weir_dataset *dataset, *back;

    if (!out[0])
        snprintf(out, sizeof out, "/dev/shm/weir-fuzz-%ld.csv", (long)getpid());
    if (descriptor < 0 || write(descriptor, data, n) != (ssize_t)n)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    dataset = read_path(path);
    if (dataset) {
        if (weir_dataset_write(dataset, out, NULL))
            abort();
        back = read_path(out);
        if (!back || weir_dataset_rows(back) != weir_dataset_rows(dataset))
            abort();
        weir_dataset_free(back);
        unlink(out);
    }
    weir_dataset_free(dataset);
    close(descriptor);
    return 0;
}
