/* Validity: the share of the records that pass NetShare's consistency tests and STAN's rules, each
 * next to the real trace's own share. README.md defines each. */
#include "rules.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    weir_list features;
    weir_list internal;
};

static const weir_option options[] = {
    WEIR_LIST(struct options, features, "", "features to compute; empty: all"),
    WEIR_LIST(struct options, internal, "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",
              "prefixes of internal addresses (S_IN, S_NETB)"),
    WEIR_PRESET("ugr16", "internal=42.219.0.0/16", "UGR'16: the customers' anonymised addresses"),
    WEIR_PRESET("cidds", "internal=192.168.0.0/16", "CIDDS-001: the networks of its company"),
    WEIR_PRESET("ton", "internal=192.168.0.0/16", "TON_IoT: the network of its testbed"),
    WEIR_END};

#define BOTH (WEIR_PACKETS | WEIR_NETFLOW)
#define MARGINALS WEIR_SEES_MARGINALS
#define UNIFORM WEIR_SEES_UNIFORM
/* A rule's feature and its neighbour, the same of the real trace. */
#define PAIR(label, title, schemas, sees, text)                                                    \
    {label, title, "", text, WEIR_HIGHER, schemas, 0, NULL, WEIR_CEILING_NONE, sees},              \
    {                                                                                              \
        label "_REAL", title ", real trace", "",                                                   \
            "The same share of the real trace's own records: what a faithful trace would show.",   \
            WEIR_NEITHER, schemas, 0, NULL, WEIR_CEILING_NONE, 0                                   \
    }
static const weir_feature features[] = {
    PAIR("T1", "valid addresses", BOTH, 0,
         "Share of the packets (netflow: records) whose source is no multicast address and not in "
         "255.0.0.0/8 and whose destination is not in 0.0.0.0/8. NetShare, test 1."),
    PAIR("T2", "bytes that fit the packets", WEIR_NETFLOW, MARGINALS | UNIFORM,
         "Share of the TCP (UDP) records that have 40 (28) to 65535 bytes for each of their "
         "packets. NetShare, test 2."),
    PAIR("T3", "ports that fit the protocol", BOTH, MARGINALS | UNIFORM,
         "Share of the packets (netflow: records) with that service's protocol, among those with a "
         "port of a service that has one protocol only. NetShare, test 3."),
    PAIR("T4", "packets that hold their headers", WEIR_PACKETS, 0,
         "Share of the TCP (UDP) packets, later fragments left out, of 40 (28) bytes or more. "
         "NetShare, test 4."),
    PAIR("S_IN", "an internal address at one end", BOTH, MARGINALS | UNIFORM,
         "Share of the packets (netflow: records) from or to an internal address (option "
         "internal), from 0.0.0.0 or to 255.255.255.255. STAN."),
    PAIR("S_WEB", "TCP at the ports of the web", BOTH, MARGINALS | UNIFORM,
         "Share of TCP among the packets (netflow: records) with a port 80 or 443. STAN."),
    PAIR("S_DNS", "UDP at the port of DNS", BOTH, MARGINALS,
         "Share of UDP among the packets (netflow: records) with a port 53. STAN."),
    PAIR("S_CAST", "groups that only receive", BOTH, 0,
         "Share with such an address as destination only, among the packets (netflow: records) "
         "with an address of 224.0.0.0 or above or of the form 192.*.*.255. STAN."),
    PAIR("S_NETB", "local NetBIOS", BOTH, 0,
         "Share of UDP from an internal address to an internal one that ends in 255, among the "
         "packets (netflow: records) to port 137 or 138. STAN."),
    PAIR("S_RSV", "addresses that name no block", BOTH, 0,
         "Share of the packets (netflow: records) without the first address of a special-purpose "
         "block, or 255.255.255.255, at either end. STAN."),
    PAIR("S_BYT", "more bytes than headers", WEIR_NETFLOW, MARGINALS,
         "Share of the records, of any protocol, that have 41 to 65536 bytes for each of their "
         "packets. STAN."),
    PAIR("S_ONE", "single packets that take no time", WEIR_NETFLOW, MARGINALS,
         "Share of those that last less than 1 s among the records of at most one packet. STAN."),
    {0}};

/* Why nothing may be concerned, where that is possible. */
static const struct {
    const char *label;
    rule *check;
    const char *none;
} rules[] = {
    {"T1", addresses_are_valid, "no rows"},
    {"T2", bytes_fit_packets, "no TCP or UDP record"},
    {"T3", ports_fit_protocol, "no port of a service with one protocol"},
    {"T4", packets_have_headers, "no TCP or UDP packet"},
    {"S_IN", one_end_is_internal, "no rows"},
    {"S_WEB", web_is_tcp, "no port 80 or 443"},
    {"S_DNS", dns_is_udp, "no port 53"},
    {"S_CAST", groups_do_not_send, "no multicast or broadcast address"},
    {"S_NETB", netbios_is_local, "no destination port 137 or 138"},
    {"S_RSV", addresses_are_of_hosts, "no rows"},
    {"S_BYT", bytes_exceed_headers, "no rows"},
    {"S_ONE", one_packet_is_short, "no record of one packet"},
};
#define RULES (sizeof rules / sizeof rules[0])

/* "42.219.0.0/16". */
static bool read_prefix(const char *text, struct prefix *prefix)
{
    unsigned part[5];
    int end = 0;

    if (sscanf(text, "%3u.%3u.%3u.%3u/%2u%n", &part[0], &part[1], &part[2], &part[3], &part[4],
               &end) != 5 ||
        text[end] || part[4] > 32)
        return false;
    prefix->address = 0;
    for (size_t i = 0; i < 4; i++) {
        if (part[i] > 255)
            return false;
        prefix->address = prefix->address << 8 | part[i];
    }
    prefix->mask = part[4] ? UINT32_MAX << (32 - part[4]) : 0;
    return (prefix->address & ~prefix->mask) == 0;
}

static int read_prefixes(weir_job *job, struct prefix *prefixes)
{
    const struct options *o = weir_options(job);

    for (size_t i = 0; i < o->internal.count; i++)
        if (!read_prefix(o->internal.items[i], &prefixes[i]))
            return weir_fail(job, WEIR_EOPTION,
                             "option internal: '%s' is no prefix such as 192.168.0.0/16, with "
                             "nothing behind its bits",
                             o->internal.items[i]);
    return WEIR_OK;
}

static struct trace trace_of(const weir_dataset *data, const struct prefix *inside, size_t prefixes)
{
    const weir_table *table = weir_dataset_table(data);

    return (struct trace){.srcip = weir_u32(table, "srcip"),
                          .dstip = weir_u32(table, "dstip"),
                          .srcport = weir_u16(table, "srcport"),
                          .dstport = weir_u16(table, "dstport"),
                          .proto = weir_u8(table, "proto"),
                          .lengths = weir_u16(table, "pkt_len"),
                          .offsets = weir_u16(table, "off"),
                          .packets = weir_u64(table, "pkt"),
                          .bytes = weir_u64(table, "byt"),
                          .durations = weir_f64(table, "td"),
                          .inside = inside,
                          .prefixes = prefixes};
}

struct count {
    size_t concerned, passed;
};

static int count(weir_job *job, size_t at, const struct trace *trace, size_t rows,
                 struct count *result)
{
    *result = (struct count){0, 0};
    for (size_t row = 0; row < rows; row++) {
        verdict outcome = rules[at].check(trace, row);

        if (row % 65536 == 0 && weir_progress(job, (int64_t)at, RULES))
            return WEIR_ECANCEL;
        result->concerned += outcome != UNCONCERNED;
        result->passed += outcome == PASSES;
    }
    return WEIR_OK;
}

static int score_share(weir_job *job, const char *label, const struct count *of, const char *name,
                       const char *none, size_t n_real, size_t n_synthetic)
{
    if (!of->concerned)
        return weir_score_na(job, label, "the %s trace has %s", name, none);
    return weir_score(job, label, (double)of->passed / (double)of->concerned, n_real, n_synthetic);
}

static int score_rule(weir_job *job, size_t at, const struct trace *real, size_t n_real,
                      const struct trace *synthetic, size_t n_synthetic)
{
    char label[32];
    struct count own, asked;
    bool wanted = weir_wanted(job, rules[at].label), wanted_real;

    snprintf(label, sizeof label, "%s_REAL", rules[at].label);
    wanted_real = weir_wanted(job, label);
    if (!wanted && !wanted_real)
        return WEIR_OK;
    if (count(job, at, real, n_real, &own) || count(job, at, synthetic, n_synthetic, &asked))
        return WEIR_ECANCEL;
    if (wanted && score_share(job, rules[at].label, &asked, "synthetic", rules[at].none,
                              own.concerned, asked.concerned))
        return weir_job_error(job)->status;
    if (wanted_real &&
        score_share(job, label, &own, "real", rules[at].none, own.concerned, asked.concerned))
        return weir_job_error(job)->status;
    return WEIR_OK;
}

static int score(weir_job *job, const weir_dataset *real, const weir_dataset *synthetic)
{
    size_t prefixes = ((const struct options *)weir_options(job))->internal.count;
    struct prefix *inside = weir_alloc(job, prefixes ? prefixes : 1, sizeof *inside);
    struct trace known, asked;

    if (!inside || read_prefixes(job, inside))
        return weir_job_error(job)->status;
    known = trace_of(real, inside, prefixes);
    asked = trace_of(synthetic, inside, prefixes);
    for (size_t i = 0; i < RULES; i++) {
        int status = score_rule(job, i, &known, weir_dataset_rows(real), &asked,
                                weir_dataset_rows(synthetic));

        if (status)
            return status;
    }
    return WEIR_OK;
}

WEIR_METRIC(validity, .summary = "records that pass NetShare's consistency tests and STAN's rules",
            .reference = "Yin et al., NetShare, SIGCOMM 2022; Xu et al., STAN, 2021",
            .options = options, .options_size = sizeof(struct options),
            .accepts = WEIR_PACKETS | WEIR_NETFLOW, .deterministic = true, .features = features,
            .score = score);
