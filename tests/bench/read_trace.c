/* Times reading a capture: a bare libpcap loop, our reader, and the cache.
 *   read_trace FILE.pcap FILE.csv   one JSON line a figure
 *   read_trace --memory FILE  the peak resident bytes a packet of one read
 * Times are CPU seconds, which other processes disturb less; runs of a figure and its peer
 * alternate, and the median of each counts. */
#include "data/trace.h"
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RUNS 9

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *times)
{
    qsort(times, RUNS, sizeof *times, ascending);
    return times[RUNS / 2];
}

/* Packets that a bare loop sees. */
static uint64_t bare_loop(const char *path)
{
    char text[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(path, text);
    struct pcap_pkthdr *header;
    const u_char *bytes;
    uint64_t n = 0;

    while (pcap && pcap_next_ex(pcap, &header, &bytes) == 1)
        n += header->len > 0;
    if (pcap)
        pcap_close(pcap);
    return n;
}

static size_t read_once(const char *path, bool cached)
{
    weir_error error = {0};
    weir_dataset *dataset = cached ? weir_trace_open(&path, 1, NULL, NULL, NULL, &error)
                                   : weir_trace_read(&path, 1, NULL, NULL, &error);
    size_t rows = dataset ? weir_dataset_rows(dataset) : 0;

    if (!dataset || !weir_dataset_flows(dataset, &error)) {
        fprintf(stderr, "read_trace: %s\n", error.text);
        exit(1);
    }
    weir_dataset_free(dataset);
    return rows;
}

static void print(const char *name, double ours, double peer, const char *peer_name,
                  const char *unit)
{
    printf("{\"name\":\"%s\",\"ours\":%.6g,\"peer\":%.6g,\"peer_name\":\"%s\",\"unit\":\"%s\","
           "\"ratio\":%.4g}\n",
           name, ours, peer, peer_name, unit, ours / peer);
}

/* A line of /proc/self/status, in bytes. */
static double status_bytes(const char *key)
{
    FILE *stream = fopen("/proc/self/status", "r");
    char line[256];
    double bytes = 0;

    while (stream && fgets(line, sizeof line, stream)) {
        if (!strncmp(line, key, strlen(key)))
            bytes = strtod(line + strlen(key), NULL) * 1024;
    }
    if (stream)
        fclose(stream);
    return bytes;
}

int main(int argc, char **argv)
{
    double bare[RUNS], ours[RUNS], cached[RUNS], text[RUNS], from, before;
    uint64_t packets;

    if (argc == 3 && !strcmp(argv[1], "--memory")) {
        before = status_bytes("VmRSS:");
        packets = read_once(argv[2], false);
        print("read_memory", (status_bytes("VmHWM:") - before) / (double)packets, 64, "limit",
              "bytes a packet");
        return 0;
    }
    if (argc != 3) {
        fputs("usage: read_trace FILE.pcap FILE.csv, or --memory FILE\n", stderr);
        return 2;
    }
    packets = bare_loop(argv[1]);
    read_once(argv[1], true); /* fills the cache */
    for (int i = 0; i < RUNS; i++) {
        from = seconds();
        if (bare_loop(argv[1]) != packets)
            return 1;
        bare[i] = seconds() - from;
        from = seconds();
        read_once(argv[1], false);
        ours[i] = seconds() - from;
        from = seconds();
        read_once(argv[1], true);
        cached[i] = seconds() - from;
        from = seconds();
        read_once(argv[2], false);
        text[i] = seconds() - from;
    }
    print("read_capture", median(ours), median(bare), "bare pcap_next_ex loop", "s");
    print("read_csv", median(text), median(ours), "reading the capture", "s");
    print("read_cache", median(cached), median(ours), "reading the capture", "s");
    return 0;
}
