/* Writers: what is written reads back equal, and packets carry right lengths and checksums.
 * Covers: core/data/write_capture.c core/data/write_csv.c core/data/file.c */
#include "traces.h"

#include "data/file.h"
#include "data/write.h"
#include <dirent.h>
#include <pcap/pcap.h>
#include <weir/random.h>

/* Packets of every kind that a capture can hold. */
static weir_dataset *packets(size_t n)
{
    static const uint8_t protocols[] = {6, 17, 1, 47, 6, 17, 136, 132, 33, 2};
    weir_random random = weir_random_new(4, "packets");
    weir_table *table = weir_table_new(WEIR_PACKETS, n, NULL);

    weir_table_add(table, "tos", WEIR_U8, 1, NULL);
    weir_table_add(table, "ttl", WEIR_U8, 1, NULL);
    weir_table_add(table, "id", WEIR_U16, 1, NULL);
    weir_table_add(table, "flag", WEIR_U8, 1, NULL);
    weir_table_add(table, "off", WEIR_U16, 1, NULL);
    weir_table_add(table, "tcp_flags", WEIR_U8, 1, NULL);
    for (size_t i = 0; i < n; i++) {
        uint8_t proto = protocols[weir_random_below(&random, sizeof protocols)];
        bool later = weir_random_below(&random, 10) == 0;
        bool ports = !later && proto != 1 && proto != 47 && proto != 2;

        weir_i64_out(table, "time")[i] = 1700000000000000000 + (int64_t)i * 1234567;
        weir_u32_out(table, "srcip")[i] = weir_random_u32(&random);
        weir_u32_out(table, "dstip")[i] = weir_random_u32(&random);
        weir_u8_out(table, "proto")[i] = proto;
        weir_u16_out(table, "srcport")[i] = ports ? (uint16_t)weir_random_u32(&random) : 0;
        weir_u16_out(table, "dstport")[i] = ports ? (uint16_t)weir_random_u32(&random) : 0;
        weir_u16_out(table, "pkt_len")[i] = i % 3
                                                ? (uint16_t)(40 + weir_random_below(&random, 65496))
                                                : (uint16_t)(i % 6 ? 41 : 40);
        weir_u8_out(table, "tos")[i] = (uint8_t)weir_random_u32(&random);
        weir_u8_out(table, "ttl")[i] = (uint8_t)weir_random_u32(&random);
        weir_u16_out(table, "id")[i] = (uint16_t)weir_random_u32(&random);
        weir_u8_out(table, "flag")[i] = (uint8_t)weir_random_below(&random, 4);
        weir_u16_out(table, "off")[i] =
            later ? (uint16_t)(1 + weir_random_below(&random, 8191)) : 0;
        weir_u8_out(table, "tcp_flags")[i] =
            ports && proto == 6 ? (uint8_t)weir_random_u32(&random) : 0;
    }
    return weir_dataset_new(table, NULL);
}

static void round_trip(const weir_dataset *dataset, const char *name)
{
    const char *path = in_folder(name);
    weir_error error = {0};
    weir_dataset *back;

    if (weir_dataset_write(dataset, path, &error))
        fail_msg("%s", error.text);
    back = read_path(path, NULL, &error);
    if (!back)
        fail_msg("%s", error.text);
    assert_same_columns(dataset, back);
    weir_dataset_free(back);
}

static void test_packets_read_back(void **state)
{
    weir_dataset *dataset = packets(3000);

    (void)state;
    round_trip(dataset, "a.pcap");
    round_trip(dataset, "a.pcapng");
    round_trip(dataset, "a.csv");
    weir_dataset_free(dataset);
}

static uint32_t ones_sum(const uint8_t *bytes, uint32_t n, uint32_t sum)
{
    for (uint32_t i = 0; i < n; i++)
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* Rebuilds each packet with its payload of zeros and verifies every checksum and length. */
static void check_packet(const struct pcap_pkthdr *header, const u_char *captured, int counts[2])
{
    static uint8_t packet[65536];
    uint32_t length = header->len, payload = length - 20;
    uint8_t pseudo[12] = {0};
    bool fragment;

    assert_true(header->caplen >= 20 && header->caplen <= 40 && header->caplen <= length);
    memset(packet, 0, sizeof packet);
    memcpy(packet, captured, header->caplen);
    assert_int_equal(packet[0], 0x45);
    assert_int_equal(packet[2] << 8 | packet[3], length);
    assert_int_equal(ones_sum(packet, 20, 0), 0xffff);
    counts[0]++;
    fragment = (packet[6] & 0x3f) || packet[7];
    if (fragment)
        return;
    memcpy(pseudo, packet + 12, 8);
    pseudo[9] = packet[9];
    pseudo[10] = (uint8_t)(payload >> 8);
    pseudo[11] = (uint8_t)payload;
    switch (packet[9]) {
    case 6:
        assert_int_equal(packet[32] >> 4, 5);
        assert_int_equal(ones_sum(packet + 20, payload, ones_sum(pseudo, 12, 0)), 0xffff);
        break;
    case 17:
        assert_int_equal(packet[24] << 8 | packet[25], payload);
        assert_true(packet[26] || packet[27]);
        assert_int_equal(ones_sum(packet + 20, payload, ones_sum(pseudo, 12, 0)), 0xffff);
        break;
    case 136:
        assert_int_equal(ones_sum(packet + 20, 8, ones_sum(pseudo, 12, 0)), 0xffff);
        break;
    case 1:
        assert_int_equal(ones_sum(packet + 20, payload, 0), 0xffff);
        break;
    default:
        return;
    }
    counts[1]++;
}

static void test_checksums(void **state)
{
    static const char *const names[] = {"c.pcap", "c.pcapng"};
    weir_dataset *dataset = packets(3000);
    char text[PCAP_ERRBUF_SIZE];

    (void)state;
    for (int k = 0; k < 2; k++) {
        struct pcap_pkthdr *header;
        const u_char *bytes;
        pcap_t *pcap;
        int counts[2] = {0, 0};

        assert_int_equal(weir_dataset_write(dataset, in_folder(names[k]), NULL), WEIR_OK);
        pcap = pcap_open_offline_with_tstamp_precision(in_folder(names[k]),
                                                       PCAP_TSTAMP_PRECISION_NANO, text);
        assert_non_null(pcap);
        assert_int_equal(pcap_datalink(pcap), DLT_RAW);
        while (pcap_next_ex(pcap, &header, &bytes) == 1)
            check_packet(header, bytes, counts);
        pcap_close(pcap);
        assert_int_equal(counts[0], 3000);
        assert_true(counts[1] > 500);
    }
    weir_dataset_free(dataset);
}

/* What a capture cannot keep is told. */
static void test_notes(void **state)
{
    weir_table *table = weir_table_new(WEIR_PACKETS, 2, NULL);
    weir_dataset *dataset, *back;
    weir_error error;
    json_t *notes;

    (void)state;
    weir_u8_out(table, "proto")[0] = 6;
    weir_u16_out(table, "pkt_len")[0] = 21;
    weir_u8_out(table, "proto")[1] = 1;
    weir_u16_out(table, "pkt_len")[1] = 84;
    weir_u16_out(table, "srcport")[1] = 5;
    dataset = weir_dataset_new(table, NULL);
    assert_int_equal(weir_dataset_write_noted(dataset, in_folder("n.pcap"), &notes, NULL), WEIR_OK);
    assert_int_equal(json_object_size(notes), 2);
    json_decref(notes);
    back = read_path(in_folder("n.pcap"), NULL, &error);
    assert_int_equal(weir_u16(weir_dataset_table(back), "pkt_len")[0], 40);
    weir_dataset_free(back);
    weir_dataset_free(dataset);
}

static void test_netflow_reads_back(void **state)
{
    weir_random random = weir_random_new(5, "records");
    weir_table *table = weir_table_new(WEIR_NETFLOW, 500, NULL);
    weir_dataset *dataset;

    (void)state;
    weir_table_add(table, "label", WEIR_CATEGORY, 1, NULL);
    weir_category_add(table, "label", "plain", NULL);
    weir_category_add(table, "label", "a, \"b\"\nc", NULL);
    weir_category_add(table, "label", " spaces ", NULL);
    weir_category_add(table, "label", "", NULL);
    for (size_t i = 0; i < 500; i++) {
        weir_i64_out(table, "ts")[i] = (int64_t)i - 250;
        weir_f64_out(table, "td")[i] = weir_random_exponential(&random);
        weir_u32_out(table, "srcip")[i] = weir_random_u32(&random);
        weir_u8_out(table, "proto")[i] = (uint8_t)weir_random_u32(&random);
        weir_u64_out(table, "byt")[i] = weir_random_u64(&random);
        weir_codes_out(table, "label")[i] = (uint32_t)i % 4;
    }
    dataset = weir_dataset_new(table, NULL);
    round_trip(dataset, "f.csv");
    weir_dataset_free(dataset);
}

static void test_series_reads_back(void **state)
{
    for (uint32_t steps = 9; steps < 12; steps++) { /* the longest has 10, or less than the shape */
        weir_series_shape shape = {.steps = steps,
                                   .channels = 2,
                                   .step_seconds = steps == 9 ? 0 : 0.1,
                                   .names = {"size", "a,b"}};
        weir_random random = weir_random_new(steps, "series");
        weir_table *table = weir_table_new_series(&shape, 7, NULL);
        weir_dataset *dataset, *back;
        weir_error error;

        (void)state;
        weir_category_add(table, "label", "x/y", NULL);
        for (uint32_t row = 0; row < 7; row++) {
            weir_u32_out(table, "length")[row] = row + 3 < steps ? row + 3 : 0;
            for (uint32_t i = 0; i < 2 * weir_u32(table, "length")[row]; i++)
                weir_f32_out(table, "values")[row * steps * 2 + i] =
                    (float)weir_random_normal(&random);
        }
        dataset = weir_dataset_new(table, NULL);
        round_trip(dataset, "s.csv");
        back = read_path(in_folder("s.csv"), NULL, &error);
        assert_memory_equal(weir_table_series(weir_dataset_table(back)), &shape, sizeof shape);
        weir_dataset_free(back);
        weir_dataset_free(dataset);
    }
}

static void test_refused(void **state)
{
    weir_dataset *dataset = packets(10), *flows;
    weir_table *early = weir_table_new(WEIR_PACKETS, 1, NULL);
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_dataset_write(dataset, in_folder("x.txt"), &error), WEIR_EOPTION);
    memset(&error, 0, sizeof error);
    assert_int_equal(weir_dataset_write(dataset, "/dev/null/x.pcap", &error), WEIR_EIO);
    assert_int_equal(weir_dataset_write(dataset, folder, NULL), WEIR_EOPTION);
    weir_dataset_free(dataset);
    flows = weir_dataset_new(weir_table_new(WEIR_NETFLOW, 1, NULL), NULL);
    memset(&error, 0, sizeof error);
    assert_int_equal(weir_dataset_write(flows, in_folder("x.pcap"), &error), WEIR_EDATA);
    weir_dataset_free(flows);
    weir_i64_out(early, "time")[0] = -1;
    dataset = weir_dataset_new(early, NULL);
    memset(&error, 0, sizeof error);
    assert_int_equal(weir_dataset_write(dataset, in_folder("early.pcap"), &error), WEIR_EDATA);
    assert_non_null(strstr(error.text, "packet 1: its time does not fit"));
    assert_int_equal(access(in_folder("early.pcap"), F_OK), -1);
    weir_dataset_free(dataset);
}

/* A full disk leaves neither the file nor its temporary name. */
static void test_full_disk(void **state)
{
    weir_error error = {0};
    weir_file file;

    (void)state;
    assert_int_equal(weir_file_create(&file, in_folder("whole.csv"), &error), WEIR_OK);
    fputs("text", file.stream);
    weir_file_discard(&file);
    assert_int_equal(access(in_folder("whole.csv"), F_OK), -1);
    assert_int_equal(weir_file_create(&file, in_folder("whole.csv"), &error), WEIR_OK);
    file.stream = freopen("/dev/full", "w", file.stream);
    assert_non_null(file.stream);
    fputs("text", file.stream);
    assert_int_equal(weir_file_commit(&file, &error), WEIR_EIO);
    assert_non_null(strstr(error.text, "No space left on device"));
    assert_int_equal(access(in_folder("whole.csv"), F_OK), -1);
    for (DIR *all = opendir(folder); all;) {
        struct dirent *entry = readdir(all);
        if (!entry) {
            closedir(all);
            break;
        }
        assert_null(strstr(entry->d_name, ".tmp"));
    }
}

static void test_stems(void **state)
{
    static const struct {
        const char *path, *stem;
    } cases[] = {{"/a/b.pcap", "b"},
                 {"b", "b"},
                 {"a/b.tar.gz", "b.tar"},
                 {"/a/b/", "b"},
                 {".hidden", ".hidden"},
                 {"/", "/"},
                 {"a/new\nline\x1b.csv", "new_line_"}};
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_path_stem(cases[i].path, text, sizeof text);
        assert_string_equal(text, cases[i].stem);
    }
    assert_true(weir_path_ends("a.PCAP", ".pcap"));
    assert_false(weir_path_ends(".pcap", ".pcap"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets_read_back),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_netflow_reads_back),
        cmocka_unit_test(test_series_reads_back),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_stems),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
