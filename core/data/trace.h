/* Reading traces: captures, packet and NetFlow CSV, series CSV, into datasets, with an account of
 * everything that was not usable. */
#ifndef WEIR_DATA_TRACE_H
#define WEIR_DATA_TRACE_H

#include <jansson.h>
#include <weir/dataset.h>

typedef enum weir_time_unit {
    WEIR_TIME_DEFAULT, /* microseconds for `time` and `ts`, nanoseconds for `time_ns` and `ts_ns` */
    WEIR_TIME_S,
    WEIR_TIME_MS,
    WEIR_TIME_US,
    WEIR_TIME_NS
} weir_time_unit;

/* "us" and the like; false if text is none of s, ms, us, ns. */
bool weir_time_unit_parse(const char *text, weir_time_unit *unit);

typedef struct weir_read_options {
    uint64_t packets;         /* at most so many rows, the first in time order; 0: all */
    weir_time_unit time_unit; /* of CSV times; ignored for captures */
    bool allow_truncated;     /* take the whole packets of a capture that is cut short */
} weir_read_options;

/* What reading found. A JSON object, so that it can be stored, printed and grown:
 *   files [ { path, format, bytes, packets, link_types [..], time_unit? , truncated? } ],
 *   format ("pcap", "pcapng", "packets csv", "netflow csv", "series csv", "zeek conn", "argus"),
 *   schema ("packets" | "netflow" | "series"),
 *   packets (records in the files), ipv4 (rows kept), flows (null for series),
 *   skipped { reason: n }, notes { what: n } (ports beyond the captured bytes, length taken from
 * the frame, out of order …), ignored_columns [..], first, last (RFC 3339, ns), duration (s),
 *   link_types [..] */

/* Reads one or more files of one schema, merged by time. facts: receives a new object (may be
 * NULL). The name of the dataset is the stem of the first file. NULL on failure, one line in error:
 * "FILE: packet 17: …", "FILE:12: column 'proto': …". */
weir_dataset *weir_trace_read(const char *const *paths, size_t n, const weir_read_options *options,
                              json_t **facts, weir_error *error);
/* The same through the cache ($XDG_CACHE_HOME/weir, else ~/.cache/weir): a file is parsed once,
 * then mapped. sha256: receives the hex SHA-256 of each file's contents, computed once a file (n *
 * 65 bytes; may be NULL). A cache that cannot be used is passed over silently. */
weir_dataset *weir_trace_open(const char *const *paths, size_t n, const weir_read_options *options,
                              json_t **facts, char (*sha256)[65], weir_error *error);
/* Hex SHA-256 of a file's contents, remembered by path, size, inode and mtime. */
int weir_trace_sha256(const char *path, char hex[65], weir_error *error);

/* Facts of the CascadeNet paper's Table 1 (specs D.3): flows, packets, packets a flow, share of
 * flows with at least 5 packets and of the packets in them, share of zeros in the 200-step series,
 * duration. A new object; NULL on failure. */
json_t *weir_trace_table1(const weir_dataset *dataset, weir_error *error);

/* A folder of captures as labelled series: each capture is one series.
 * label_from: "directory" (the path of folders below the root, "video/netflix/12") or "file" (the
 * stem). channels: of "size" (IPv4 total length, bytes), "gap" (s since the previous packet),
 * "direction" (+1 from the side that sent the first packet, -1 towards it), and with bin > 0 of
 * "bytes", "packets" (and "bytes_up", "bytes_down", "packets_up", "packets_down") per bin. length:
 * steps a series, shorter ones padded with 0, longer ones cut (counted in facts). */
typedef struct weir_series_options {
    const char *label_from;
    const char *const *channels;
    size_t channel_count;
    uint32_t length;
    double bin; /* s; 0: one step a packet */
} weir_series_options;
weir_dataset *weir_series_read(const char *folder, const weir_series_options *options,
                               json_t **facts, weir_error *error);
/* The same through the cache, by the state of every capture in the folder. */
weir_dataset *weir_series_open(const char *folder, const weir_series_options *options,
                               json_t **facts, weir_error *error);
/* Hex SHA-256 over the relative paths and contents of the captures in a folder. */
int weir_series_identity(const char *folder, char hex[65], weir_error *error);

#endif
