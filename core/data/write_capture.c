/* Captures from rows: raw IP, nanosecond times, headers only. The length on the wire is pkt_len;
 * lengths and checksums are those of the headers followed by a payload of zeros. */
#include "data/file.h"
#include "data/read.h"
#include "data/writers.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINKTYPE_RAW 101u
#define SNAPLEN 262144u
#define IP_HEADER 20u

enum { ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, SCTP = 132, UDPLITE = 136 };

/* The columns, NULL where the dataset lacks one. */
typedef struct packet_columns {
    const int64_t *time;
    const uint32_t *srcip, *dstip;
    const uint16_t *srcport, *dstport, *pkt_len, *id, *off;
    const uint8_t *proto, *tos, *ttl, *flag, *tcp_flags;
} packet_columns;

static packet_columns columns_of(const weir_table *table)
{
    return (packet_columns){
        .time = weir_i64(table, "time"),
        .srcip = weir_u32(table, "srcip"),
        .dstip = weir_u32(table, "dstip"),
        .srcport = weir_u16(table, "srcport"),
        .dstport = weir_u16(table, "dstport"),
        .pkt_len = weir_u16(table, "pkt_len"),
        .id = weir_u16(table, "id"),
        .off = weir_u16(table, "off"),
        .proto = weir_u8(table, "proto"),
        .tos = weir_u8(table, "tos"),
        .ttl = weir_u8(table, "ttl"),
        .flag = weir_u8(table, "flag"),
        .tcp_flags = weir_u8(table, "tcp_flags"),
    };
}

static void put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value & 0xffff);
}

static uint32_t sum16(const uint8_t *bytes, uint32_t n, uint32_t sum)
{
    for (uint32_t i = 0; i + 1 < n; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    if (n & 1)
        sum += (uint32_t)bytes[n - 1] << 8;
    return sum;
}

static uint32_t fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/* The sum of a transport header with its pseudo header; zeros of the payload add nothing. */
static uint32_t transport_sum(const uint8_t *ip, const uint8_t *bytes, uint32_t n, uint32_t length)
{
    return fold(sum16(ip + 12, 8, sum16(bytes, n, ip[9] + length)));
}

/* Bytes of the transport header that a whole packet of a protocol has here. */
static uint32_t transport_bytes(uint8_t proto)
{
    switch (proto) {
    case TCP:
        return 20;
    case UDP:
    case ICMP:
    case UDPLITE:
        return 8;
    case SCTP:
    case DCCP:
        return 12;
    default:
        return 0;
    }
}

/* CRC32c of a packet whose payload is zeros, as SCTP wants it. */
static uint32_t crc32c(const uint8_t *bytes, uint32_t n, uint32_t length)
{
    uint32_t crc = UINT32_MAX;

    for (uint32_t i = 0; i < length; i++) {
        crc ^= i < n ? bytes[i] : 0;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
    }
    return ~crc;
}

/* The transport header of n bytes; length is that of the IP payload. */
static void make_transport(const packet_columns *c, size_t row, const uint8_t *ip, uint8_t *to,
                           uint32_t n, uint32_t length, uint32_t sequence, bool fragment)
{
    uint8_t proto = c->proto[row];
    uint32_t sum;

    memset(to, 0, n);
    if (proto == ICMP) { /* an echo request: the one type that says nothing of its payload */
        to[0] = 8;
        put16(to + 2, fold(sum16(to, 8, 0)));
        return;
    }
    put16(to, c->srcport[row]);
    put16(to + 2, c->dstport[row]);
    switch (proto) {
    case TCP:
        put32(to + 4, sequence);
        to[12] = 5 << 4;
        to[13] = c->tcp_flags ? c->tcp_flags[row] : 0x10; /* ACK */
        put16(to + 14, 65535);
        put16(to + 16, transport_sum(ip, to, 20, length));
        break;
    case UDP:
        put16(to + 4, length);
        if (fragment) /* its checksum would be over the whole datagram; 0 means none */
            break;
        sum = transport_sum(ip, to, 8, length);
        put16(to + 6, sum ? sum : 0xffff);
        break;
    case UDPLITE:
        put16(to + 4, 8); /* the checksum covers the header */
        sum = fold(sum16(ip + 12, 8, sum16(to, 8, UDPLITE + length)));
        put16(to + 6, sum ? sum : 0xffff);
        break;
    case DCCP:
        to[4] = 3;      /* words of the header */
        to[8] = 2 << 1; /* a DATA packet with a short sequence number */
        put16(to + 6, transport_sum(ip, to, 12, length));
        break;
    case SCTP:
        sum = crc32c(to, 12, length);
        for (int i = 0; i < 4; i++)
            to[8 + i] = (uint8_t)(sum >> (8 * i));
        break;
    default:
        break;
    }
}

/* One packet's headers; gives the bytes made, and the total length they tell. */
static uint32_t make_packet(const packet_columns *c, size_t row, uint32_t *next, uint8_t to[64],
                            uint32_t *total, weir_counters *notes)
{
    uint32_t off = c->off ? c->off[row] & 0x1fffu : 0, flag = c->flag ? c->flag[row] & 3u : 2;
    bool fragment = off || (flag & 1);
    uint8_t whole[20];
    uint32_t transport = off ? 0 : transport_bytes(c->proto[row]), length, have;

    *total = c->pkt_len[row];
    if (*total < IP_HEADER + (fragment ? 0 : transport)) {
        *total = IP_HEADER + (fragment ? 0 : transport);
        weir_count(notes, "packets shorter than their headers, written with the headers' length");
    }
    length = *total - IP_HEADER;
    if (!weir_has_ports(c->proto[row]) && (c->srcport[row] || c->dstport[row]))
        weir_count(notes, "ports of protocols without ports, not written");
    to[0] = 0x45;
    to[1] = c->tos ? c->tos[row] : 0;
    put16(to + 2, *total);
    put16(to + 4, c->id ? c->id[row] : (uint32_t)row & 0xffff);
    put16(to + 6, flag << 13 | off);
    to[8] = c->ttl ? c->ttl[row] : 64;
    to[9] = c->proto[row];
    put16(to + 10, 0);
    put32(to + 12, c->srcip[row]);
    put32(to + 16, c->dstip[row]);
    put16(to + 10, fold(sum16(to, IP_HEADER, 0)));
    if (!transport)
        return IP_HEADER;
    make_transport(c, row, to, whole, transport, length, next ? *next : 0, fragment);
    if (next && c->proto[row] == TCP && length >= 20)
        *next += length - 20 + (whole[13] & 3 ? 1 : 0); /* SYN and FIN count as a byte */
    have = transport < length ? transport : length;
    memcpy(to + IP_HEADER, whole, have);
    return IP_HEADER + have;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void write_words(FILE *stream, const uint32_t *words, size_t n)
{
    fwrite_unlocked(words, 4, n, stream);
}

static void pcap_header(FILE *stream)
{
    uint32_t words[] = {0xa1b23c4du, 2 | 4 << 16, 0, 0, SNAPLEN, LINKTYPE_RAW};

    write_words(stream, words, 6);
}

static void pcap_record(FILE *stream, uint64_t time, const uint8_t *bytes, uint32_t n,
                        uint32_t total)
{
    uint32_t words[] = {(uint32_t)(time / 1000000000u), (uint32_t)(time % 1000000000u), n, total};

    write_words(stream, words, 4);
    fwrite_unlocked(bytes, 1, n, stream);
}

static void pcapng_header(FILE *stream)
{
    /* A section of unknown length, then one interface with times in units of 10^-9 s. */
    uint32_t section[] = {0x0a0d0d0au, 28, 0x1a2b3c4du, 1, UINT32_MAX, UINT32_MAX, 28};
    uint32_t interface[] = {1, 32, LINKTYPE_RAW, SNAPLEN, 9 | 1 << 16, 9, 0, 32};

    write_words(stream, section, 7);
    write_words(stream, interface, 8);
}

static void pcapng_record(FILE *stream, uint64_t time, uint8_t *bytes, uint32_t n, uint32_t total)
{
    uint32_t padded = (n + 3) / 4 * 4, length = 32 + padded;
    uint32_t words[] = {6, length, 0, (uint32_t)(time >> 32), (uint32_t)time, n, total};

    memset(bytes + n, 0, padded - n);
    write_words(stream, words, 7);
    fwrite_unlocked(bytes, 1, padded, stream);
    write_words(stream, &length, 1);
}

int weir_write_capture(const weir_dataset *dataset, const char *path, bool ng, weir_counters *notes,
                       weir_error *error)
{
    const weir_table *table = weir_dataset_table(dataset);
    const weir_flows *flows = weir_dataset_flows(dataset, error);
    packet_columns c = columns_of(table);
    size_t n = weir_table_rows(table);
    int64_t latest = ng ? INT64_MAX : INT64_C(4294967296) * 1000000000 - 1;
    uint32_t *next = flows ? calloc((size_t)flows->count + 1, sizeof *next) : NULL;
    weir_file file;
    int status;

    if (!next)
        return weir_error_memory(error, n * 4, "writing");
    for (size_t i = 0; i < n; i++) {
        if (c.time[i] < 0 || c.time[i] > latest) {
            free(next);
            return weir_error_set(error, WEIR_EDATA,
                                  "%s: packet %zu: its time does not fit (1970 to %s); .csv takes "
                                  "any",
                                  path, i + 1, ng ? "2262" : "2106");
        }
    }
    status = weir_file_create(&file, path, error);
    if (status) {
        free(next);
        return status;
    }
    if (ng)
        pcapng_header(file.stream);
    else
        pcap_header(file.stream);
    for (size_t i = 0; i < n; i++) {
        uint8_t bytes[64];
        uint32_t total, made;
        made = make_packet(&c, i, &next[flows->flow_of[i]], bytes, &total, notes);
        if (ng)
            pcapng_record(file.stream, (uint64_t)c.time[i], bytes, made, total);
        else
            pcap_record(file.stream, (uint64_t)c.time[i], bytes, made, total);
    }
    free(next);
    return weir_file_commit(&file, error);
}
