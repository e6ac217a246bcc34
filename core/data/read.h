/* What the readers of the formats share: the table being filled and the account of what was not
 * usable. */
#ifndef WEIR_DATA_READ_H
#define WEIR_DATA_READ_H

#include "data/inside.h"
#include "data/trace.h"

/* Named counters, few in number. */
#define WEIR_COUNTERS 64
typedef struct weir_counters {
    struct {
        char what[80];
        uint64_t n;
    } at[WEIR_COUNTERS];
    size_t used;
} weir_counters;

/* Adds one under a name; when all counters are taken, under "other". */
void weir_count(weir_counters *counters, const char *what);
/* A new object { what: n }. */
json_t *weir_counters_json(const weir_counters *counters);

/* Pointers into a packets table while it is filled. */
typedef struct weir_packet_columns {
    int64_t *time;
    uint32_t *srcip, *dstip;
    uint16_t *srcport, *dstport, *pkt_len, *id, *off;
    uint8_t *proto, *tos, *ttl, *flag, *tcp_flags;
} weir_packet_columns;

/* A read in progress, over all its files. */
typedef struct weir_reading {
    const weir_read_options *options;
    uint32_t schema; /* 0 until the first file tells */
    weir_table *table;
    size_t rows, room; /* rows filled; rows the table has */
    weir_packet_columns packet;
    uint64_t records; /* packets or lines seen, over all files */
    weir_counters skipped, notes;
    char absent[16][64]; /* optional columns that some file lacks: dropped at the end */
    size_t absents;
    json_t *ignored; /* array of the names of columns not used */
    json_t *file;    /* facts of the file being read */
} weir_reading;

/* Settles the schema at the first file (and adds the optional columns); fails with WEIR_EDATA when
 * a later file has another. series: the shape for WEIR_SERIES. */
int weir_reading_schema(weir_reading *reading, uint32_t schema, const weir_series_shape *shape,
                        weir_error *error);
/* Room for at least one more row; pointers into the table change. */
int weir_reading_grow(weir_reading *reading, size_t room, weir_error *error);
/* Notes that a file lacks an optional column. */
void weir_reading_absent(weir_reading *reading, const char *column);

/* Whether a protocol has ports: TCP, UDP, DCCP, SCTP, UDP-Lite. */
bool weir_has_ports(uint8_t proto);

/* One file of each format; the text of an error begins with the path. */
int weir_capture_read(weir_reading *reading, const char *path, weir_error *error);
int weir_csv_read(weir_reading *reading, const char *path, weir_error *error);

/* Whether bytes begin a capture: "pcap", "pcapng", or NULL. */
const char *weir_capture_format(const unsigned char *bytes, size_t n);

/* ---- Captures -------------------------------------------------------------------------------- */

/* Finds the IPv4 header of a packet of a link type (a DLT_ number of libpcap): its offset, or -1
 * with the reason (at most 79 bytes) in why. */
int64_t weir_link_ipv4(int type, const uint8_t *bytes, uint32_t captured, char why[80]);
/* Whether weir_link_ipv4 knows the link type, and the names of those it knows. */
bool weir_link_supported(int type);
#define WEIR_LINK_SUPPORTED                                                                        \
    "Ethernet, raw IP, Linux cooked v1 and v2, null/loopback, PPP, Cisco HDLC"

/* Takes one packet: time in ns, bytes captured, length on the wire. False when memory is short. */
bool weir_packet_take(weir_reading *reading, int type, int64_t time, const uint8_t *bytes,
                      uint32_t captured, uint32_t wire, weir_error *error);

/* A pcapng file whose interfaces differ in link type or snapshot length, which libpcap refuses. */
bool weir_pcapng_mixed(const char *path);
int weir_pcapng_read(weir_reading *reading, const char *path, weir_error *error);

/* Adds a link type's name to facts of the file. */
void weir_link_note(weir_reading *reading, int type);

#endif
