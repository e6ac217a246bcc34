/* The rules of validity, one function each. README.md says where each comes from. */
#include "rules.h"

enum { TCP = 6, UDP = 17 };
enum { IPV4_HEADER = 20, TCP_HEADER = 20, UDP_HEADER = 8 };

static verdict passes_if(bool holds)
{
    return holds ? PASSES : FAILS;
}

/* Smallest IPv4 packet of a protocol; 0 where there is no rule. */
static uint32_t least_length(uint8_t proto)
{
    return proto == TCP ? IPV4_HEADER + TCP_HEADER : proto == UDP ? IPV4_HEADER + UDP_HEADER : 0;
}

/* ---- NetShare -------------------------------------------------------------------------------- */

verdict addresses_are_valid(const struct trace *trace, size_t row)
{
    uint32_t from = trace->srcip[row] >> 24, to = trace->dstip[row] >> 24;

    return passes_if(!(from >= 224 && from <= 239) && from != 255 && to != 0);
}

/* least * packets <= bytes <= most * packets, where a product may exceed 64 bits. */
static bool within(uint64_t bytes, uint64_t packets, uint64_t least, uint64_t most)
{
    return bytes / least >= packets && bytes / most + (bytes % most != 0) <= packets;
}

verdict bytes_fit_packets(const struct trace *trace, size_t row)
{
    uint32_t least = least_length(trace->proto[row]);

    return !least ? UNCONCERNED
                  : passes_if(within(trace->bytes[row], trace->packets[row], least, 65535));
}

/* The one protocol of a service's port; 0 where there are two or none. Services that run over both
 * (DNS, HTTPS since HTTP/3, NFS …) are left out. */
static uint8_t protocol_of(uint16_t port)
{
    static const uint16_t tcp[] = {20, 21, 22, 23, 25, 80, 110, 143, 179, 445, 465, 587, 993, 995};
    static const uint16_t udp[] = {67, 68, 69, 123, 137, 138, 161, 162, 520};

    for (size_t i = 0; i < sizeof tcp / sizeof tcp[0]; i++)
        if (port == tcp[i])
            return TCP;
    for (size_t i = 0; i < sizeof udp / sizeof udp[0]; i++)
        if (port == udp[i])
            return UDP;
    return 0;
}

verdict ports_fit_protocol(const struct trace *trace, size_t row)
{
    uint8_t own = trace->proto[row], from = 0, to = 0;

    if (trace->srcport[row] < 1024)
        from = protocol_of(trace->srcport[row]);
    if (trace->dstport[row] < 1024)
        to = protocol_of(trace->dstport[row]);
    if (!from && !to)
        return UNCONCERNED;
    return passes_if((!from || from == own) && (!to || to == own));
}

verdict packets_have_headers(const struct trace *trace, size_t row)
{
    uint32_t least = least_length(trace->proto[row]);

    /* A later fragment has no header of its protocol. */
    if (!least || (trace->offsets && trace->offsets[row]))
        return UNCONCERNED;
    return passes_if(trace->lengths[row] >= least);
}

/* ---- STAN ------------------------------------------------------------------------------------ */

static bool internal(const struct trace *trace, uint32_t address)
{
    for (size_t i = 0; i < trace->prefixes; i++)
        if ((address & trace->inside[i].mask) == trace->inside[i].address)
            return true;
    return false;
}

verdict one_end_is_internal(const struct trace *trace, size_t row)
{
    uint32_t from = trace->srcip[row], to = trace->dstip[row];

    return passes_if(internal(trace, from) || internal(trace, to) || !from || to == UINT32_MAX);
}

static bool either_port(const struct trace *trace, size_t row, uint16_t port)
{
    return trace->srcport[row] == port || trace->dstport[row] == port;
}

verdict web_is_tcp(const struct trace *trace, size_t row)
{
    if (!either_port(trace, row, 80) && !either_port(trace, row, 443))
        return UNCONCERNED;
    return passes_if(trace->proto[row] == TCP);
}

verdict dns_is_udp(const struct trace *trace, size_t row)
{
    return either_port(trace, row, 53) ? passes_if(trace->proto[row] == UDP) : UNCONCERNED;
}

/* Multicast, class E and 255.*, and the broadcast addresses of 192.*. */
static bool is_group(uint32_t address)
{
    return address >> 24 >= 224 || (address >> 24 == 192 && (address & 255) == 255);
}

verdict groups_do_not_send(const struct trace *trace, size_t row)
{
    bool from = is_group(trace->srcip[row]), to = is_group(trace->dstip[row]);

    return from || to ? passes_if(!from) : UNCONCERNED;
}

verdict netbios_is_local(const struct trace *trace, size_t row)
{
    uint32_t from = trace->srcip[row], to = trace->dstip[row];

    if (trace->dstport[row] != 137 && trace->dstport[row] != 138)
        return UNCONCERNED;
    return passes_if(trace->proto[row] == UDP && internal(trace, from) && internal(trace, to) &&
                     (to & 255) == 255);
}

/* First addresses of the special-purpose blocks (RFC 6890), and the limited broadcast. */
static bool names_a_block(uint32_t address)
{
    static const uint32_t blocks[] = {
        0x00000000, 0x0a000000, 0x64400000, 0x7f000000, 0xa9fe0000, 0xac100000,
        0xc0000000, 0xc0000200, 0xc0586300, 0xc0a80000, 0xc6120000, 0xc6336400,
        0xcb007100, 0xe0000000, 0xf0000000, 0xffffffff,
    };

    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        if (address == blocks[i])
            return true;
    return false;
}

verdict addresses_are_of_hosts(const struct trace *trace, size_t row)
{
    return passes_if(!names_a_block(trace->srcip[row]) && !names_a_block(trace->dstip[row]));
}

verdict bytes_exceed_headers(const struct trace *trace, size_t row)
{
    return passes_if(within(trace->bytes[row], trace->packets[row], 41, 65536));
}

verdict one_packet_is_short(const struct trace *trace, size_t row)
{
    return trace->packets[row] > 1 ? UNCONCERNED : passes_if(trace->durations[row] < 1);
}
