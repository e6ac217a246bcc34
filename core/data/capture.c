/* Captures through libpcap: each packet's IPv4 and transport headers into columns. */
#include "data/read.h"
#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUFFER ((size_t)256 * 1024)

static uint16_t be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t be32(const uint8_t *bytes)
{
    return (uint32_t)be16(bytes) << 16 | be16(bytes + 2);
}

const char *weir_capture_format(const unsigned char *bytes, size_t n)
{
    static const unsigned char magics[][4] = {
        {0xa1, 0xb2, 0xc3, 0xd4}, {0xd4, 0xc3, 0xb2, 0xa1}, {0xa1, 0xb2, 0x3c, 0x4d},
        {0x4d, 0x3c, 0xb2, 0xa1}, {0xa1, 0xb2, 0xcd, 0x34}, {0x34, 0xcd, 0xb2, 0xa1},
    };

    if (n >= 4 && !memcmp(bytes, "\x0a\x0d\x0d\x0a", 4))
        return "pcapng";
    for (size_t i = 0; n >= 4 && i < sizeof magics / sizeof magics[0]; i++) {
        if (!memcmp(bytes, magics[i], 4))
            return "pcap";
    }
    return NULL;
}

/* ---- One packet ------------------------------------------------------------------------------ */

bool weir_has_ports(uint8_t proto)
{
    return proto == 6 || proto == 17 || proto == 33 || proto == 132 || proto == 136;
}

typedef struct ports {
    uint16_t source, destination;
    uint8_t tcp_flags;
} ports;

/* Ports and TCP flags, as far as they were captured and belong to the packet. */
static ports transport(weir_reading *reading, const uint8_t *ip, uint32_t header,
                       uint32_t available, uint32_t captured)
{
    ports found = {0};

    if (be16(ip + 6) & 0x1fff) {
        weir_count(&reading->notes, "later fragments, which have no ports");
        return found;
    }
    if (!weir_has_ports(ip[9]))
        return found;
    if (available < header + 4) {
        weir_count(&reading->notes, captured < header + 4 ? "ports beyond the captured bytes"
                                                          : "packets too short for ports");
        return found;
    }
    found.source = be16(ip + header);
    found.destination = be16(ip + header + 2);
    if (ip[9] != 6)
        return found;
    if (available >= header + 14)
        found.tcp_flags = ip[header + 13];
    else
        weir_count(&reading->notes, "TCP flags beyond the captured bytes");
    return found;
}

/* The total length; 0 with the packet counted as skipped. */
static uint32_t length_of(weir_reading *reading, const uint8_t *ip, uint32_t header,
                          uint32_t captured, uint32_t wire)
{
    uint32_t total = be16(ip + 2);

    if (total == 0) {
        total = wire > captured ? wire : captured;
        weir_count(&reading->notes, "total length 0, taken from the frame");
        if (total > UINT16_MAX) {
            weir_count(&reading->notes, "length above 65535, cut to it");
            total = UINT16_MAX;
        }
    } else if (total > wire && total > captured) {
        weir_count(&reading->notes, "total length beyond the frame");
    }
    if (total < header) {
        weir_count(&reading->skipped, "IPv4 total length below its header");
        return 0;
    }
    return total;
}

bool weir_packet_take(weir_reading *reading, int type, int64_t time, const uint8_t *bytes,
                      uint32_t captured, uint32_t wire, weir_error *error)
{
    weir_packet_columns to; /* a copy: bytes stored through a pointer could change the original */
    char why[80];
    int64_t at = weir_link_ipv4(type, bytes, captured, why);
    uint32_t header, total;
    const uint8_t *ip;
    ports found;
    size_t row;

    reading->records++;
    if (at < 0) {
        weir_count(&reading->skipped, why);
        return true;
    }
    ip = bytes + at;
    captured -= at < captured ? (uint32_t)at : captured;
    wire -= at < wire ? (uint32_t)at : wire;
    if (captured < 20) {
        weir_count(&reading->skipped, "IPv4 header cut below 20 bytes");
        return true;
    }
    header = (ip[0] & 15u) * 4;
    if (ip[0] >> 4 != 4 || header < 20) {
        weir_count(&reading->skipped,
                   ip[0] >> 4 != 4 ? "bad IPv4 version" : "bad IPv4 header length");
        return true;
    }
    total = length_of(reading, ip, header, captured, wire);
    if (!total)
        return true;
    if (reading->rows == reading->room && weir_reading_grow(reading, reading->room * 2, error))
        return false;
    found = transport(reading, ip, header, captured < total ? captured : total, captured);
    to = reading->packet;
    row = reading->rows++;
    to.time[row] = time;
    to.srcip[row] = be32(ip + 12);
    to.dstip[row] = be32(ip + 16);
    to.srcport[row] = found.source;
    to.dstport[row] = found.destination;
    to.proto[row] = ip[9];
    to.pkt_len[row] = (uint16_t)total;
    to.tos[row] = ip[1];
    to.ttl[row] = ip[8];
    to.id[row] = be16(ip + 4);
    to.flag[row] = ip[6] >> 5 & 3;
    to.off[row] = be16(ip + 6) & 0x1fff;
    to.tcp_flags[row] = found.tcp_flags;
    return true;
}

/* ---- A file ---------------------------------------------------------------------------------- */

typedef struct loop {
    weir_reading *reading;
    pcap_t *pcap;
    int type, scale; /* ns of one unit of the fraction */
    bool classic;    /* times are unsigned 32-bit */
    weir_error *error;
} loop;

static void take(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
    loop *at = (loop *)(void *)user;
    int64_t seconds = header->ts.tv_sec, fraction = header->ts.tv_usec, time;

    if (at->classic) {
        seconds = (uint32_t)seconds;
        fraction = (uint32_t)fraction;
    }
    fraction *= at->scale;
    if (fraction >= 1000000000)
        weir_count(&at->reading->notes, "fraction of a second above one, carried over");
    if (__builtin_mul_overflow(seconds, INT64_C(1000000000), &time) ||
        __builtin_add_overflow(time, fraction, &time)) {
        at->reading->records++;
        weir_count(&at->reading->skipped, "time outside the years 1677 to 2262");
        return;
    }
    if (!weir_packet_take(at->reading, at->type, time, bytes, header->caplen, header->len,
                          at->error))
        pcap_breakloop(at->pcap);
}

void weir_link_note(weir_reading *reading, int type)
{
    const char *name = pcap_datalink_val_to_name(type);
    json_t *list = json_object_get(reading->file, "link_types"), *each;
    char number[32];
    size_t i;

    if (!name) {
        snprintf(number, sizeof number, "link type %d", type);
        name = number;
    }
    json_array_foreach(list, i, each)
    {
        if (!strcmp(json_string_value(each), name))
            return;
    }
    json_array_append_new(list, json_string(name));
}

static int unsupported(int type, weir_error *error)
{
    const char *name = pcap_datalink_val_to_name(type);
    const char *text = pcap_datalink_val_to_description(type);

    return weir_error_set(error, WEIR_EDATA,
                          "link type %d (%s%s%s) is not supported; supported: " WEIR_LINK_SUPPORTED,
                          type, name ? name : "no name", text ? ", " : "", text ? text : "");
}

/* Opened with the precision of the file, so that libpcap does not scale fractions that are out of
 * range. A large unlocked buffer makes reading cheap. */
static pcap_t *open_capture(const char *path, loop *at, char *buffer, weir_error *error)
{
    char text[PCAP_ERRBUF_SIZE] = "";
    unsigned char magic[4] = {0};
    FILE *stream = fopen(path, "re");
    size_t n;
    bool nano;

    if (!stream) {
        weir_error_set(error, WEIR_EIO, "%s", strerror(errno));
        return NULL;
    }
    setvbuf(stream, buffer, _IOFBF, BUFFER);
    __fsetlocking(stream, FSETLOCKING_BYCALLER);
    n = fread(magic, 1, sizeof magic, stream);
    rewind(stream);
    at->classic = memcmp(magic, "\x0a\x0d\x0d\x0a", 4) != 0;
    nano = !at->classic || magic[1] == 0x3c || magic[2] == 0x3c;
    at->scale = nano ? 1 : 1000;
    at->pcap = pcap_fopen_offline_with_tstamp_precision(
        stream, nano ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO, text);
    if (!at->pcap) {
        fclose(stream);
        weir_error_set(error, WEIR_EDATA, "not a capture that can be read: %s",
                       n < 4 ? "the file is too short" : text);
    }
    return at->pcap;
}

static int read_packets(loop *at, weir_error *error)
{
    weir_reading *reading = at->reading;
    uint64_t before = reading->records;
    int end;

    at->type = pcap_datalink(at->pcap);
    if (!weir_link_supported(at->type))
        return unsupported(at->type, error);
    weir_link_note(reading, at->type);
    end = pcap_loop(at->pcap, -1, take, (u_char *)at);
    if (end == PCAP_ERROR_BREAK)
        return WEIR_ENOMEM;
    if (end == 0)
        return WEIR_OK;
    if (strstr(pcap_geterr(at->pcap), "truncated")) {
        if (reading->options->allow_truncated) {
            json_object_set_new(reading->file, "truncated", json_true());
            return WEIR_OK;
        }
        return weir_error_set(error, WEIR_EDATA,
                              "packet %" PRIu64 ": the capture is cut short (--allow-truncated "
                              "takes the %" PRIu64 " before it)",
                              reading->records - before + 1, reading->records - before);
    }
    return weir_error_set(error, WEIR_EDATA, "packet %" PRIu64 ": damaged: %s",
                          reading->records - before + 1, pcap_geterr(at->pcap));
}

/* Rows to begin with: as many as fit into the file, short of touching the memory; of a very long
 * file fewer, since a system may refuse what it cannot back. */
static size_t expected(off_t bytes)
{
    size_t rows = (size_t)bytes / 60 + 1024;

    return rows < (size_t)1 << 24 ? rows : (size_t)1 << 24;
}

int weir_capture_read(weir_reading *reading, const char *path, weir_error *error)
{
    loop at = {.reading = reading, .error = error};
    char *buffer;
    struct stat info;
    int status = weir_reading_schema(reading, WEIR_PACKETS, NULL, error);

    json_object_set_new(reading->file, "link_types", json_array());
    if (!status && reading->rows == 0 && !stat(path, &info) && info.st_size > 0)
        status = weir_reading_grow(reading, expected(info.st_size), error);
    if (status) {
        weir_error_prefix(error, "%s: ", path);
        return status;
    }
    if (weir_pcapng_mixed(path)) {
        status = weir_pcapng_read(reading, path, error);
    } else {
        buffer = malloc(BUFFER);
        if (!buffer)
            status = weir_error_memory(error, BUFFER, "reading");
        else if (!open_capture(path, &at, buffer, error))
            status = error ? error->status : WEIR_EDATA;
        else {
            status = read_packets(&at, error);
            pcap_close(at.pcap);
        }
        free(buffer);
    }
    if (status)
        weir_error_prefix(error, "%s: ", path);
    return status;
}
