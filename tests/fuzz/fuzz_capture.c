/* The capture reader on any bytes: a sound dataset that writes and reads back, or an error of one
 * line. Covers pcap through libpcap and our own pcapng walker. */
#include "data/trace.h"
#include "data/write.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(weir_dataset *dataset, const weir_error *error)
{
    const weir_flows *flows;

    if (!dataset) {
        if (error->status == WEIR_OK || !error->text[0] || strchr(error->text, '\n'))
            abort();
        return;
    }
    flows = weir_dataset_flows(dataset, NULL);
    if (!flows || flows->offsets[flows->count] != weir_dataset_rows(dataset))
        abort();
    weir_dataset_free(dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    weir_read_options options = {0};
    int descriptor = memfd_create("fuzz", 0);
    char path[64];
    const char *name = path;

    if (descriptor < 0 || write(descriptor, data, n) != (ssize_t)n)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    for (int truncated = 0; truncated < 2; truncated++) {
        weir_error error = {0};
        json_t *facts = NULL;
        options.allow_truncated = truncated;
        check(weir_trace_read(&name, 1, &options, &facts, &error), &error);
        json_decref(facts);
    }
    close(descriptor);
    return 0;
}
