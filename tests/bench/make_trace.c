/* Makes a trace for the benchmarks: N packets of F flows over a minute, Ethernet, headers only.
 *   make_trace PACKETS FLOWS SEED OUT.pcap [OUT.csv]
 * Flow sizes follow a power law, sources and destinations come from prefixes of several sizes,
 * lengths from the usual modes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/random.h>

typedef struct tuple {
    uint32_t source, destination;
    uint16_t source_port, destination_port;
    uint8_t protocol;
} tuple;

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

static tuple make_flow(weir_random *random)
{
    static const uint16_t services[] = {443, 80, 53, 22, 123, 8080, 25, 3306};
    tuple out;

    out.source = UINT32_C(0x0a000000) | (uint32_t)weir_random_below(random, 40000);
    out.destination = (uint32_t)weir_random_below(random, 3000) * 65537u + UINT32_C(0xc0000000);
    out.source_port = (uint16_t)(1024 + weir_random_below(random, 64000));
    out.destination_port = services[(size_t)(8 * pow(weir_random_uniform(random), 2))];
    out.protocol = out.destination_port == 53 || out.destination_port == 123 ? 17 : 6;
    return out;
}

static uint32_t make_frame(const tuple *flow, uint32_t length, uint32_t id, uint8_t frame[66])
{
    uint32_t header = flow->protocol == 6 ? 20 : 8;

    memset(frame, 0, 66);
    frame[0] = frame[6] = 2;
    put16(frame + 12, 0x0800);
    frame[14] = 0x45;
    put16(frame + 16, length);
    put16(frame + 18, id & 0xffff);
    put16(frame + 20, 0x4000);
    frame[22] = 64;
    frame[23] = flow->protocol;
    put32(frame + 26, flow->source);
    put32(frame + 30, flow->destination);
    put16(frame + 34, flow->source_port);
    put16(frame + 36, flow->destination_port);
    if (flow->protocol == 6) {
        frame[46] = 5 << 4;
        frame[47] = 0x10;
    } else {
        put16(frame + 38, length - 20);
    }
    return 14 + 20 + header;
}

int main(int argc, char **argv)
{
    static const uint16_t lengths[] = {40, 52, 60, 576, 1300, 1500};
    static const uint32_t file_header[] = {0xa1b2c3d4u, 2 | 4 << 16, 0, 0, 96, 1};
    size_t packets, flows;
    weir_random random;
    tuple *list;
    FILE *pcap, *csv = NULL;
    double now = 1.6e9;

    if (argc < 5) {
        fputs("usage: make_trace PACKETS FLOWS SEED OUT.pcap [OUT.csv]\n", stderr);
        return 2;
    }
    packets = (size_t)strtoull(argv[1], NULL, 10);
    flows = (size_t)strtoull(argv[2], NULL, 10);
    random = weir_random_new(strtoull(argv[3], NULL, 10), "trace");
    pcap = fopen(argv[4], "w");
    if (argc > 5)
        csv = fopen(argv[5], "w");
    list = calloc(flows + 1, sizeof *list);
    if (!pcap || (argc > 5 && !csv) || !list || !flows) {
        fputs("make_trace: cannot write, or no flows\n", stderr);
        return 1;
    }
    for (size_t i = 0; i < flows; i++)
        list[i] = make_flow(&random);
    fwrite(file_header, 4, 6, pcap);
    if (csv)
        fputs("srcip,dstip,srcport,dstport,proto,time,pkt_len,tos,id,flag,off,ttl\n", csv);
    for (size_t i = 0; i < packets; i++) {
        /* Every flow once, then more of those in front. */
        size_t at = i < flows ? i : (size_t)((double)flows * pow(weir_random_uniform(&random), 4));
        const tuple *flow = &list[at < flows ? at : flows - 1];
        uint32_t length = lengths[weir_random_below(&random, 6)];
        uint8_t frame[66];
        uint32_t n = make_frame(flow, length, (uint32_t)i, frame);
        uint32_t seconds = (uint32_t)now, micros = (uint32_t)((now - floor(now)) * 1e6);
        uint32_t record[] = {seconds, micros, n, length + 14};

        fwrite(record, 4, 4, pcap);
        fwrite(frame, 1, n, pcap);
        if (csv)
            fprintf(csv, "%u,%u,%u,%u,%u,%llu,%u,0,%u,DF,0,64\n", flow->source, flow->destination,
                    flow->source_port, flow->destination_port, flow->protocol,
                    (unsigned long long)seconds * 1000000 + micros, length, (unsigned)(i & 0xffff));
        now += 60 / (double)packets * weir_random_exponential(&random);
    }
    free(list);
    return fclose(pcap) || (csv && fclose(csv));
}
