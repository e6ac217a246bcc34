/* pcapng files whose interfaces differ in link type or snapshot length: libpcap reads only those
 * where all are alike, but captures on several interfaces are common. The file is mapped and its
 * blocks walked. */
#include "data/read.h"
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTION 0x0a0d0d0au
#define INTERFACE 1u
#define OLD_PACKET 2u
#define SIMPLE_PACKET 3u
#define ENHANCED_PACKET 6u
#define MAX_INTERFACES 4096u
#define MAX_CAPTURED (16u * 1024 * 1024)

__extension__ typedef unsigned __int128 wide;

typedef struct interface {
    int type; /* DLT_ number */
    uint32_t snaplen;
    uint64_t units; /* of time in a second */
    int64_t offset; /* s to add */
} interface;

typedef struct walker {
    const uint8_t *at, *end; /* what is left of the file */
    bool swapped;
    interface *interfaces; /* of the section */
    uint32_t count;
    uint64_t packet; /* number of the one at hand */
    const char *fault;
    bool cut; /* the fault is that the file ends early */
} walker;

static uint32_t get32(const walker *walk, const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, 4);
    return walk->swapped ? __builtin_bswap32(value) : value;
}

static uint16_t get16(const walker *walk, const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, 2);
    return walk->swapped ? __builtin_bswap16(value) : value;
}

static bool fail(walker *walk, const char *fault, bool cut)
{
    walk->fault = fault;
    walk->cut = cut;
    return false;
}

/* The next block's type and body; false at the end of the file or with a fault. */
static bool next_block(walker *walk, uint32_t *type, const uint8_t **body, uint32_t *bytes)
{
    size_t left = (size_t)(walk->end - walk->at);
    uint32_t length;

    if (!left)
        return false;
    if (left < 12)
        return fail(walk, "the file ends inside a block", true);
    memcpy(type, walk->at, 4);
    if (*type == SECTION) { /* reads the same both ways; the next word tells the byte order */
        uint32_t order;
        memcpy(&order, walk->at + 8, 4);
        if (order != 0x1a2b3c4d && order != 0x4d3c2b1a)
            return fail(walk, "a section header without its byte-order mark", false);
        walk->swapped = order == 0x4d3c2b1a;
    }
    *type = get32(walk, walk->at);
    length = get32(walk, walk->at + 4);
    if (length < 12 || length % 4)
        return fail(walk, "a block of an impossible length", false);
    if (length > left)
        return fail(walk, "the file ends inside a block", true);
    if (get32(walk, walk->at + length - 4) != length)
        return fail(walk, "a block whose two lengths differ", false);
    *body = walk->at + 8;
    *bytes = length - 12;
    walk->at += length;
    return true;
}

static uint64_t units_of(uint8_t resolution)
{
    uint64_t units = 1;

    if (resolution & 0x80)
        return (resolution & 0x7f) < 64 ? UINT64_C(1) << (resolution & 0x7f) : 0;
    for (; resolution; resolution--) {
        if (units > UINT64_MAX / 10)
            return 0;
        units *= 10;
    }
    return units;
}

static bool add_interface(walker *walk, const uint8_t *body, uint32_t bytes)
{
    interface *in;

    if (bytes < 8)
        return fail(walk, "an interface block that is too short", false);
    if (walk->count == MAX_INTERFACES)
        return fail(walk, "more than 4096 interfaces", false);
    in = &walk->interfaces[walk->count++];
    *in =
        (interface){.type = get16(walk, body), .snaplen = get32(walk, body + 4), .units = 1000000};
    if (in->type == 101) /* LINKTYPE_ and DLT_ numbers differ for raw IP only, of those we know */
        in->type = DLT_RAW;
    for (uint32_t at = 8; bytes - at >= 4;) {
        uint32_t code = get16(walk, body + at), length = get16(walk, body + at + 2);
        at += 4;
        if (code == 0)
            break;
        if (length > bytes - at)
            return fail(walk, "an interface option longer than its block", false);
        if (code == 9 && length >= 1)
            in->units = units_of(body[at]);
        if (code == 14 && length >= 8) {
            uint32_t low = get32(walk, body + at), high = get32(walk, body + at + 4);
            in->offset =
                (int64_t)(walk->swapped ? (uint64_t)low << 32 | high : (uint64_t)high << 32 | low);
        }
        at += length + (4 - length % 4) % 4;
        if (at > bytes)
            break;
    }
    return in->units || fail(walk, "an interface with an impossible time resolution", false);
}

/* Maps the file and finds out whether it is pcapng; NULL otherwise. */
static void *map_pcapng(const char *path, size_t *bytes)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    void *map = MAP_FAILED;
    uint8_t magic[4] = {0};

    if (descriptor >= 0 && !fstat(descriptor, &info) && S_ISREG(info.st_mode) &&
        info.st_size >= 28 && pread(descriptor, magic, 4, 0) == 4 &&
        !memcmp(magic, "\x0a\x0d\x0d\x0a", 4)) {
        *bytes = (size_t)info.st_size;
        map = mmap(NULL, *bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
    }
    if (descriptor >= 0)
        close(descriptor);
    return map == MAP_FAILED ? NULL : map;
}

bool weir_pcapng_mixed(const char *path)
{
    interface one;
    size_t bytes;
    void *map = map_pcapng(path, &bytes);
    walker walk = {.at = map, .interfaces = &one};
    uint32_t type, length, seen = 0, snaplen = 0;
    const uint8_t *body;
    int link = 0;
    bool mixed = false;

    if (!map)
        return false;
    walk.end = walk.at + bytes;
    while (!mixed && next_block(&walk, &type, &body, &length)) {
        if (type != INTERFACE || length < 8)
            continue;
        mixed = seen++ && (link != get16(&walk, body) || snaplen != get32(&walk, body + 4));
        link = get16(&walk, body);
        snaplen = get32(&walk, body + 4);
    }
    munmap(map, bytes);
    return mixed;
}

/* Stamps of 2^63 and above are taken as times before 1970: that is what writers mean that count
 * from the start of a capture and subtract. */
static bool to_time(const interface *in, uint64_t stamp, int64_t *time)
{
    uint64_t size = stamp > INT64_MAX ? 0 - stamp : stamp;
    int64_t fraction = (int64_t)((wide)(size % in->units) * 1000000000u / in->units);
    int64_t seconds = (int64_t)(size / in->units), whole;

    if (stamp > INT64_MAX) {
        seconds = -seconds;
        fraction = -fraction;
    }
    return !__builtin_add_overflow(seconds, in->offset, &whole) &&
           !__builtin_mul_overflow(whole, INT64_C(1000000000), time) &&
           !__builtin_add_overflow(*time, fraction, time);
}

static int unsupported(const walker *walk, const interface *in, weir_error *error)
{
    const char *name = pcap_datalink_val_to_name(in->type);

    return weir_error_set(
        error, WEIR_EDATA,
        "packet %" PRIu64 ": link type %d (%s) of interface %ld is not supported; "
        "supported: " WEIR_LINK_SUPPORTED,
        walk->packet, in->type, name ? name : "no name", (long)(in - walk->interfaces));
}

static int take_packet(walker *walk, weir_reading *reading, uint32_t type, const uint8_t *body,
                       uint32_t bytes, weir_error *error)
{
    uint32_t fixed = type == SIMPLE_PACKET ? 4 : 20, number = 0, captured, wire;
    const interface *in;
    int64_t time = 0;

    walk->packet++;
    if (bytes < fixed) {
        fail(walk, "a packet block that is too short", false);
        return WEIR_EDATA;
    }
    if (type != SIMPLE_PACKET)
        number = type == ENHANCED_PACKET ? get32(walk, body) : get16(walk, body);
    if (number >= walk->count) {
        fail(walk, "a packet of an interface that was not described", false);
        return WEIR_EDATA;
    }
    in = &walk->interfaces[number];
    wire = get32(walk, type == SIMPLE_PACKET ? body : body + 16);
    captured = type == SIMPLE_PACKET ? wire : get32(walk, body + 12);
    if (type == SIMPLE_PACKET && in->snaplen && captured > in->snaplen)
        captured = in->snaplen;
    if (captured > bytes - fixed || captured > MAX_CAPTURED) {
        fail(walk, "a packet longer than its block", false);
        return WEIR_EDATA;
    }
    if (!weir_link_supported(in->type))
        return unsupported(walk, in, error);
    weir_link_note(reading, in->type);
    if (type != SIMPLE_PACKET &&
        !to_time(in, (uint64_t)get32(walk, body + 4) << 32 | get32(walk, body + 8), &time)) {
        reading->records++;
        weir_count(&reading->skipped, "time outside the years 1677 to 2262");
        return WEIR_OK;
    }
    return weir_packet_take(reading, in->type, time, body + fixed, captured, wire, error)
               ? WEIR_OK
               : WEIR_ENOMEM;
}

int weir_pcapng_read(weir_reading *reading, const char *path, weir_error *error)
{
    size_t bytes;
    uint8_t *map = map_pcapng(path, &bytes);
    walker walk = {.at = map};
    uint32_t type, length;
    const uint8_t *body;
    int status = WEIR_OK;

    if (!map)
        return weir_error_set(error, WEIR_EIO, "the file changed while it was read");
    walk.end = map + bytes;
    walk.interfaces = weir_pages_new(MAX_INTERFACES * sizeof *walk.interfaces);
    if (!walk.interfaces)
        status = weir_error_memory(error, MAX_INTERFACES * sizeof *walk.interfaces, "interfaces");
    while (!status && !walk.fault && next_block(&walk, &type, &body, &length)) {
        if (type == SECTION)
            walk.count = 0;
        else if (type == INTERFACE)
            add_interface(&walk, body, length);
        else if (type == OLD_PACKET || type == SIMPLE_PACKET || type == ENHANCED_PACKET)
            status = take_packet(&walk, reading, type, body, length, error);
    }
    if (walk.fault && walk.cut && reading->options->allow_truncated) {
        json_object_set_new(reading->file, "truncated", json_true());
    } else if (walk.fault && walk.cut) {
        status = weir_error_set(error, WEIR_EDATA,
                                "packet %" PRIu64 ": the capture is cut short (--allow-truncated "
                                "takes the %" PRIu64 " before it)",
                                walk.packet + 1, walk.packet);
    } else if (walk.fault) {
        status = weir_error_set(error, WEIR_EDATA, "packet %" PRIu64 ": damaged: %s", walk.packet,
                                walk.fault);
    }
    weir_pages_free(walk.interfaces, MAX_INTERFACES * sizeof *walk.interfaces);
    munmap(map, bytes);
    return status;
}
