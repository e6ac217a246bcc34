/* The writers behind weir_dataset_write, one a format. */
#ifndef WEIR_DATA_WRITERS_H
#define WEIR_DATA_WRITERS_H

#include "data/read.h"
#include "data/write.h"

/* pcap, or pcapng; counts what a capture cannot keep. */
int weir_write_capture(const weir_dataset *dataset, const char *path, bool ng, weir_counters *notes,
                       weir_error *error);

#endif
