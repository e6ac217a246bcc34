/* The rules that validity counts: whether a record is concerned by one, and passes it. */
#ifndef VALIDITY_RULES_H
#define VALIDITY_RULES_H

#include <weir/plugin.h>

struct prefix {
    uint32_t address, mask;
};

/* The columns of a trace; NULL for those that it lacks. */
struct trace {
    const uint32_t *srcip, *dstip;
    const uint16_t *srcport, *dstport;
    const uint8_t *proto;
    const uint16_t *lengths, *offsets; /* packets */
    const uint64_t *packets, *bytes;   /* netflow */
    const double *durations;
    const struct prefix *inside; /* what counts as internal */
    size_t prefixes;
};

typedef enum verdict { UNCONCERNED, FAILS, PASSES } verdict;
typedef verdict rule(const struct trace *trace, size_t row);

/* NetShare's consistency tests 1 to 4 (specs D.9). */
rule addresses_are_valid, bytes_fit_packets, ports_fit_protocol, packets_have_headers;
/* STAN's rules. */
rule one_end_is_internal, web_is_tcp, dns_is_udp, groups_do_not_send, netbios_is_local,
    addresses_are_of_hosts, bytes_exceed_headers, one_packet_is_short;

#endif
