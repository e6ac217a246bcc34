/* Writing datasets: captures that other tools find nothing wrong with, CSV, and Weir's own columnar
 * file. */
#ifndef WEIR_DATA_WRITE_H
#define WEIR_DATA_WRITE_H

#include <jansson.h>
#include <weir/dataset.h>

/* By extension: .pcap, .pcapng (packets only; nanosecond times, right lengths and checksums, raw IP
 * link type), .csv (any schema; `time_ns`, `ts_ns`). Written whole or not at all. */
int weir_dataset_write(const weir_dataset *dataset, const char *path, weir_error *error);

/* The same; notes: receives a new object { what: n } of what the format could not keep (may be
 * NULL): packets shorter than their headers, ports of protocols without ports. */
int weir_dataset_write_noted(const weir_dataset *dataset, const char *path, json_t **notes,
                             weir_error *error);

/* The columnar file `*.weir`: header, columns 64-byte aligned, flow index, to be mapped. What the
 * trace cache and the runner use between processes. */
int weir_columnar_write(const weir_dataset *dataset, const char *path, weir_error *error);
/* Maps it read-only. Every offset and code is checked: a damaged file is an error, never a crash.
 */
weir_dataset *weir_columnar_map(const char *path, weir_error *error);

/* A free table as CSV (artefacts). Reals with 17 digits. */
int weir_table_write_csv(const weir_table *table, const char *path, weir_error *error);

#endif
