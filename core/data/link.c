/* Link layers: from the first byte of a packet to its IPv4 header. What lies in between and is no
 * network layer (VLAN tags, MPLS labels, PPPoE, LLC) is stepped over; tunnels are not opened. */
#include "data/read.h"
#include <pcap/dlt.h>
#include <stdio.h>

static uint32_t be16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static int64_t refuse(char why[80], const char *reason)
{
    snprintf(why, 80, "%s", reason);
    return -1;
}

static int64_t cut(char why[80])
{
    return refuse(why, "link header cut");
}

/* By the version in the first four bits. */
static int64_t by_version(const uint8_t *bytes, uint32_t n, uint32_t at, const char *otherwise,
                          char why[80])
{
    if (at >= n)
        return refuse(why, "IPv4 header cut below 20 bytes");
    if (bytes[at] >> 4 == 4)
        return at;
    return refuse(why, bytes[at] >> 4 == 6 ? "not IPv4: IPv6" : otherwise);
}

static int64_t ppp(const uint8_t *bytes, uint32_t n, uint32_t at, char why[80])
{
    uint32_t protocol;

    if (at >= n)
        return cut(why);
    if (bytes[at] & 1) { /* compressed to one byte */
        protocol = bytes[at++];
    } else {
        if (n - at < 2)
            return cut(why);
        protocol = be16(bytes + at);
        at += 2;
    }
    switch (protocol) {
    case 0x0021:
        return at;
    case 0x0057:
        return refuse(why, "not IPv4: IPv6");
    default:
        if (protocol >= 0x4000)
            return refuse(why, "not IPv4: PPP control");
        snprintf(why, 80, "not IPv4: PPP protocol 0x%04x", protocol);
        return -1;
    }
}

static int64_t pppoe(const uint8_t *bytes, uint32_t n, uint32_t at, char why[80])
{
    if (n < at || n - at < 6)
        return cut(why);
    if (bytes[at + 1]) /* the code of a session packet is 0 */
        return refuse(why, "not IPv4: PPPoE discovery");
    return ppp(bytes, n, at + 6, why);
}

static int64_t mpls(const uint8_t *bytes, uint32_t n, uint32_t at, char why[80])
{
    do {
        if (n < at || n - at < 4)
            return refuse(why, "MPLS labels cut");
        at += 4;
    } while (!(bytes[at - 2] & 1)); /* bottom of the stack */
    return by_version(bytes, n, at, "not IPv4: MPLS with another payload", why);
}

static int64_t ethertype(uint32_t type, const uint8_t *bytes, uint32_t n, uint32_t at,
                         char why[80]);

static int64_t llc(const uint8_t *bytes, uint32_t n, uint32_t at, char why[80])
{
    if (n < at || n - at < 3)
        return cut(why);
    if (bytes[at] == 0x06 && bytes[at + 1] == 0x06 && bytes[at + 2] == 0x03)
        return at + 3;
    if (bytes[at] != 0xaa || bytes[at + 1] != 0xaa || bytes[at + 2] != 0x03)
        return refuse(why, "not IPv4: 802.3 LLC");
    if (n - at < 8)
        return cut(why);
    if (bytes[at + 3] || bytes[at + 4] || bytes[at + 5])
        return refuse(why, "not IPv4: 802.3 SNAP");
    return ethertype(be16(bytes + at + 6), bytes, n, at + 8, why);
}

static int64_t ethertype(uint32_t type, const uint8_t *bytes, uint32_t n, uint32_t at, char why[80])
{
    while (type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200) {
        if (n < at || n - at < 4)
            return cut(why);
        type = be16(bytes + at + 2);
        at += 4;
    }
    if (type < 1536)
        return llc(bytes, n, at, why);
    switch (type) {
    case 0x0800:
        return at;
    case 0x86dd:
        return refuse(why, "not IPv4: IPv6");
    case 0x0806:
        return refuse(why, "not IPv4: ARP");
    case 0x8847:
    case 0x8848:
        return mpls(bytes, n, at, why);
    case 0x8863:
        return refuse(why, "not IPv4: PPPoE discovery");
    case 0x8864:
        return pppoe(bytes, n, at, why);
    case 0x88cc:
        return refuse(why, "not IPv4: LLDP");
    case 0x888e:
        return refuse(why, "not IPv4: EAPOL");
    default:
        snprintf(why, 80, "not IPv4: ethertype 0x%04x", type);
        return -1;
    }
}

/* BSD null and loop: the address family, in the byte order of whoever captured. */
static int64_t family(const uint8_t *bytes, uint32_t n, char why[80])
{
    uint32_t value;

    if (n < 4)
        return cut(why);
    /* Some systems put an ethertype where the family's upper half would be. */
    if ((bytes[0] || bytes[1]) && be16(bytes + 2) >= 1536)
        return ethertype(be16(bytes + 2), bytes, n, 4, why);
    value = bytes[0] || bytes[1] ? bytes[0] | (uint32_t)bytes[1] << 8 : be16(bytes + 2);
    if (value == 2)
        return 4;
    if (value == 10 || value == 24 || value == 28 || value == 30)
        return refuse(why, "not IPv4: IPv6");
    snprintf(why, 80, "not IPv4: address family %u", value);
    return -1;
}

static int64_t serial(const uint8_t *bytes, uint32_t n, char why[80])
{
    if (n < 2)
        return cut(why);
    if (bytes[0] == 0xff && bytes[1] == 0x03)
        return ppp(bytes, n, 2, why);
    return ppp(bytes, n, 0, why);
}

static int64_t cisco_hdlc(const uint8_t *bytes, uint32_t n, char why[80])
{
    if (n < 4)
        return cut(why);
    if (be16(bytes + 2) == 0x8035)
        return refuse(why, "not IPv4: SLARP");
    if (be16(bytes + 2) == 0x2000)
        return refuse(why, "not IPv4: CDP");
    if (be16(bytes + 2) < 1536)
        return refuse(why, "not IPv4: HDLC with another payload");
    return ethertype(be16(bytes + 2), bytes, n, 4, why);
}

int64_t weir_link_ipv4(int type, const uint8_t *bytes, uint32_t captured, char why[80])
{
    uint32_t value;

    switch (type) {
    case DLT_EN10MB:
        return captured < 14 ? cut(why) : ethertype(be16(bytes + 12), bytes, captured, 14, why);
    case DLT_RAW:
    case 14: /* DLT_RAW of OpenBSD */
    case 101:
        return by_version(bytes, captured, 0, "bad IP version", why);
    case DLT_IPV4:
        return by_version(bytes, captured, 0, "bad IPv4 version", why);
    case DLT_IPV6:
        return refuse(why, "not IPv4: IPv6");
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
        if (captured < (type == DLT_LINUX_SLL ? 16 : 20))
            return cut(why);
        value = be16(bytes + (type == DLT_LINUX_SLL ? 14 : 0));
        if (value < 1536 && value != 4)
            return refuse(why, "not IPv4: cooked frame without an ethertype");
        return ethertype(value, bytes, captured, type == DLT_LINUX_SLL ? 16 : 20, why);
    case DLT_NULL:
    case DLT_LOOP:
        return family(bytes, captured, why);
    case DLT_PPP:
        return serial(bytes, captured, why);
    case DLT_PPP_SERIAL:
        if (captured >= 2 && (bytes[0] == 0x0f || bytes[0] == 0x8f))
            return cisco_hdlc(bytes, captured, why);
        return serial(bytes, captured, why);
    case DLT_PPP_ETHER:
        return pppoe(bytes, captured, 0, why);
    case DLT_C_HDLC:
        return cisco_hdlc(bytes, captured, why);
    default:
        return refuse(why, "link type not supported");
    }
}

bool weir_link_supported(int type)
{
    static const int known[] = {
        DLT_EN10MB,     DLT_RAW,  14,       101,     DLT_IPV4,       DLT_IPV6,      DLT_LINUX_SLL,
        DLT_LINUX_SLL2, DLT_NULL, DLT_LOOP, DLT_PPP, DLT_PPP_SERIAL, DLT_PPP_ETHER, DLT_C_HDLC};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i] == type)
            return true;
    }
    return false;
}
