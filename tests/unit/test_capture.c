/* Captures, frame by frame: link layers, headers, what is skipped and why.
 * Covers: core/data/capture.c core/data/link.c core/data/pcapng.c core/data/trace.c */
#include "traces.h"

#include "data/read.h"

#define MICRO 0xa1b2c3d4u
#define NANO 0xa1b23c4du

static capture made;

/* Reads one frame of a link type; gives the facts, NULL if it was refused with error. */
static json_t *read_frame(uint32_t link_type, const uint8_t *frame, uint32_t n, uint32_t wire,
                          weir_error *error)
{
    json_t *facts = NULL;

    capture_begin(&made, MICRO, link_type);
    capture_packet(&made, 10, 5, frame, n, wire);
    weir_dataset_free(read_path(write_bytes("frame.pcap", made.bytes, made.n), &facts, error));
    return facts;
}

/* The plain packet behind a link header is found. */
static void expect_found(uint32_t link_type, const uint8_t *head, uint32_t n)
{
    uint8_t frame[256];
    weir_error error;
    json_t *facts;

    memcpy(frame, head, n);
    memcpy(frame + n, plain_packet, sizeof plain_packet);
    facts = read_frame(link_type, frame, n + 28, n + 60, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(json_integer_value(json_object_get(facts, "ipv4")), 1);
    json_decref(facts);
    /* Every cut is refused with a reason, and none crashes. */
    for (uint32_t cut = 0; cut < n + 20; cut++) {
        assert_null(read_frame(link_type, frame, cut, n + 60, &error));
        assert_non_null(strstr(error.text, "no usable IPv4 among its 1 packets: 1 "));
    }
}

static void test_link_layers(void **state)
{
    static const uint8_t ethernet[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 0};
    static const uint8_t vlans[] = {1,    2, 3, 4,    5, 6, 7, 8,    9, 10, 11, 12, 0x88,
                                    0xa8, 0, 1, 0x81, 0, 0, 2, 0x91, 0, 0,  3,  8,  0};
    static const uint8_t mpls[] = {1,  2,    3,    4, 5, 6, 7,  8, 9, 10,   11,
                                   12, 0x88, 0x47, 0, 1, 0, 64, 0, 2, 0x01, 64};
    static const uint8_t pppoe[] = {1,  2,    3,    4,    5, 6, 7, 8, 9,  10, 11,
                                    12, 0x88, 0x64, 0x11, 0, 0, 1, 0, 62, 0,  0x21};
    static const uint8_t snap[] = {1,  2, 3,  4,    5,    6, 7, 8, 9, 10, 11,
                                   12, 0, 68, 0xaa, 0xaa, 3, 0, 0, 0, 8,  0};
    static const uint8_t sll[] = {0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0};
    static const uint8_t sll2[] = {8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t null_little[] = {2, 0, 0, 0}, null_big[] = {0, 0, 0, 2};
    static const uint8_t ppp[] = {0xff, 3, 0, 0x21}, short_ppp[] = {0x21};
    static const uint8_t hdlc[] = {0x0f, 0, 8, 0};

    (void)state;
    expect_found(1, ethernet, sizeof ethernet);
    expect_found(1, vlans, sizeof vlans);
    expect_found(1, mpls, sizeof mpls);
    expect_found(1, pppoe, sizeof pppoe);
    expect_found(1, snap, sizeof snap);
    expect_found(101, ethernet, 0);
    expect_found(228, ethernet, 0);
    expect_found(113, sll, sizeof sll);
    expect_found(276, sll2, sizeof sll2);
    expect_found(0, null_little, 4);
    expect_found(0, null_big, 4);
    expect_found(108, null_big, 4);
    expect_found(9, ppp, sizeof ppp);
    expect_found(9, short_ppp, sizeof short_ppp);
    expect_found(50, ppp, sizeof ppp);
    expect_found(50, hdlc, sizeof hdlc);
    expect_found(104, hdlc, sizeof hdlc);
}

static void expect_reason(uint32_t link_type, const uint8_t *frame, uint32_t n, const char *reason)
{
    weir_error error;

    assert_null(read_frame(link_type, frame, n, n, &error));
    if (!strstr(error.text, reason))
        fail_msg("'%s' lacks '%s'", error.text, reason);
    assert_int_equal(error.status, WEIR_EDATA);
}

static void test_reasons(void **state)
{
    uint8_t frame[64] = {0};

    (void)state;
    frame[12] = 8;
    frame[13] = 6;
    expect_reason(1, frame, 60, "1 not IPv4: ARP");
    frame[12] = 0x86;
    frame[13] = 0xdd;
    expect_reason(1, frame, 60, "1 not IPv4: IPv6");
    frame[12] = 0x12;
    frame[13] = 0x34;
    expect_reason(1, frame, 60, "1 not IPv4: ethertype 0x1234");
    memcpy(frame, plain_packet, 28);
    frame[0] = 0x55;
    expect_reason(228, frame, 28, "1 bad IPv4 version");
    frame[0] = 0x44;
    expect_reason(228, frame, 28, "1 bad IPv4 header length");
    frame[0] = 0x45;
    frame[3] = 19;
    expect_reason(228, frame, 28, "1 IPv4 total length below its header");
    expect_reason(105, frame, 28, "link type 105 (IEEE802_11, 802.11)");
    expect_reason(105, frame, 28, "supported: Ethernet, raw IP");
}

/* One packet on raw IP with fields changed; gives the dataset. */
static weir_dataset *read_raw(const uint8_t *frame, uint32_t n, uint32_t wire, json_t **facts)
{
    weir_error error;
    weir_dataset *dataset;

    capture_begin(&made, NANO, 101);
    capture_packet(&made, 10, 5, frame, n, wire);
    dataset = read_path(write_bytes("raw.pcap", made.bytes, made.n), facts, &error);
    assert_string_equal(error.text, "");
    return dataset;
}

static void test_columns(void **state)
{
    uint8_t frame[64] = {0};
    const weir_table *table;
    weir_dataset *dataset;
    json_t *facts;

    (void)state;
    memcpy(frame, plain_packet, 28);
    frame[9] = 6;
    frame[33] = 0x12; /* SYN, ACK */
    frame[1] = 0x28;
    dataset = read_raw(frame, 40, 60, &facts);
    table = weir_dataset_table(dataset);
    assert_true(weir_i64(table, "time")[0] == 10000000005);
    assert_int_equal(weir_u32(table, "srcip")[0], 0x0a000001);
    assert_int_equal(weir_u32(table, "dstip")[0], 0x0a000002);
    assert_int_equal(weir_u16(table, "srcport")[0], 1000);
    assert_int_equal(weir_u16(table, "dstport")[0], 2000);
    assert_int_equal(weir_u8(table, "proto")[0], 6);
    assert_int_equal(weir_u16(table, "pkt_len")[0], 60);
    assert_int_equal(weir_u8(table, "tos")[0], 0x28);
    assert_int_equal(weir_u8(table, "ttl")[0], 64);
    assert_int_equal(weir_u16(table, "id")[0], 7);
    assert_int_equal(weir_u8(table, "flag")[0], 2);
    assert_int_equal(weir_u16(table, "off")[0], 0);
    assert_int_equal(weir_u8(table, "tcp_flags")[0], 0x12);
    assert_string_equal(weir_dataset_name(dataset), "raw");
    assert_string_equal(json_string_value(json_object_get(facts, "first")),
                        "1970-01-01T00:00:10.000000005Z");
    weir_dataset_free(dataset);
    json_decref(facts);
}

static void test_ports_and_lengths(void **state)
{
    uint8_t frame[64] = {0};
    weir_dataset *dataset;
    json_t *facts;

    (void)state;
    memcpy(frame, plain_packet, 28);
    dataset = read_raw(frame, 22, 60, &facts); /* cut before the ports end */
    assert_int_equal(weir_u16(weir_dataset_table(dataset), "srcport")[0], 0);
    assert_int_equal(count_of(facts, "notes", "ports beyond the captured bytes"), 1);
    weir_dataset_free(dataset);
    json_decref(facts);
    frame[6] = 0x20 | 0x01; /* MF, and an offset of 256 */
    dataset = read_raw(frame, 28, 60, &facts);
    assert_int_equal(weir_u16(weir_dataset_table(dataset), "srcport")[0], 0);
    assert_int_equal(weir_u16(weir_dataset_table(dataset), "off")[0], 256);
    assert_int_equal(weir_u8(weir_dataset_table(dataset), "flag")[0], 1);
    assert_int_equal(count_of(facts, "notes", "later fragments, which have no ports"), 1);
    weir_dataset_free(dataset);
    json_decref(facts);
    frame[6] = 0x40;
    frame[2] = frame[3] = 0; /* segmentation offload */
    dataset = read_raw(frame, 28, 3000, &facts);
    assert_int_equal(weir_u16(weir_dataset_table(dataset), "pkt_len")[0], 3000);
    assert_int_equal(count_of(facts, "notes", "total length 0, taken from the frame"), 1);
    weir_dataset_free(dataset);
    json_decref(facts);
    dataset = read_raw(frame, 28, 80000, &facts);
    assert_int_equal(weir_u16(weir_dataset_table(dataset), "pkt_len")[0], 65535);
    weir_dataset_free(dataset);
    json_decref(facts);
    frame[2] = 100;
    dataset = read_raw(frame, 28, 60, &facts);
    assert_int_equal(weir_u16(weir_dataset_table(dataset), "pkt_len")[0], 25600);
    assert_int_equal(count_of(facts, "notes", "total length beyond the frame"), 1);
    weir_dataset_free(dataset);
    json_decref(facts);
    frame[2] = 0;
    frame[3] = 60;
    frame[9] = 1; /* ICMP has no ports */
    dataset = read_raw(frame, 28, 60, &facts);
    assert_int_equal(weir_u16(weir_dataset_table(dataset), "srcport")[0], 0);
    assert_int_equal(json_object_size(json_object_get(facts, "notes")), 0);
    weir_dataset_free(dataset);
    json_decref(facts);
}

static void test_times(void **state)
{
    weir_dataset *dataset;
    const int64_t *time;
    weir_error error;
    json_t *facts;

    (void)state;
    capture_begin(&made, MICRO, 101);
    capture_packet(&made, 20, 1, plain_packet, 28, 60);
    capture_packet(&made, 10, 2500000, plain_packet, 28, 60);    /* 2.5 s of microseconds */
    capture_packet(&made, 4000000000u, 7, plain_packet, 28, 60); /* after 2038 */
    dataset = read_path(write_bytes("times.pcap", made.bytes, made.n), &facts, &error);
    time = weir_i64(weir_dataset_table(dataset), "time");
    assert_true(time[0] == 12500000000);
    assert_true(time[1] == 20000001000);
    assert_true(time[2] == 4000000000000007000);
    assert_int_equal(count_of(facts, "notes", "out of order, put in place"), 1);
    assert_int_equal(count_of(facts, "notes", "fraction of a second above one, carried over"), 1);
    weir_dataset_free(dataset);
    json_decref(facts);
}

static void test_truncated(void **state)
{
    weir_read_options allow = {.allow_truncated = true};
    const char *path;
    weir_dataset *dataset;
    weir_error error;
    json_t *facts;

    (void)state;
    capture_begin(&made, MICRO, 101);
    for (uint32_t i = 0; i < 3; i++)
        capture_packet(&made, i, 0, plain_packet, 28, 60);
    for (size_t cut = 1; cut < 44; cut++) {
        char expected[64];
        path = write_bytes("cut.pcap", made.bytes, made.n - cut);
        assert_null(read_path(path, NULL, &error));
        snprintf(expected, sizeof expected, "cut.pcap: packet %d: the capture is cut short", 3);
        assert_non_null(strstr(error.text, expected));
        assert_int_equal(error.status, WEIR_EDATA);
        dataset = weir_trace_read(&path, 1, &allow, &facts, NULL);
        assert_int_equal(weir_dataset_rows(dataset), 2);
        assert_true(json_is_true(
            json_object_get(json_array_get(json_object_get(facts, "files"), 0), "truncated")));
        weir_dataset_free(dataset);
        json_decref(facts);
    }
}

static void refused(const char *path, const char *text, weir_status status)
{
    weir_error error;

    assert_null(read_path(path, NULL, &error));
    if (!strstr(error.text, text) || strncmp(error.text, path, strlen(path)))
        fail_msg("'%s' lacks '%s'", error.text, text);
    assert_int_equal(error.status, status);
    assert_null(strchr(error.text, '\n'));
}

static void test_refused_files(void **state)
{
    capture damaged;

    (void)state;
    refused(in_folder("absent.pcap"), "No such file", WEIR_EIO);
    refused(folder, "a folder", WEIR_EDATA);
    refused(write_bytes("none", "", 0), "empty", WEIR_EDATA);
    refused(write_bytes("text", "hello world\nagain\n", 18), "not a capture", WEIR_EDATA);
    refused(write_bytes("a.gz", "\x1f\x8b\x08\x00", 4), "compressed by gzip", WEIR_EDATA);
    capture_begin(&made, MICRO, 1);
    refused(write_bytes("empty.pcap", made.bytes, made.n), "it has no packets", WEIR_EDATA);
    refused(write_bytes("head.pcap", made.bytes, 12), "not a capture that can be read", WEIR_EDATA);
    capture_begin(&damaged, MICRO, 1);
    capture_packet(&damaged, 0, 0, plain_packet, 28, 60);
    memset(damaged.bytes + 24 + 8, 0xff, 4);
    refused(write_bytes("damaged.pcap", damaged.bytes, damaged.n), "packet 1: damaged", WEIR_EDATA);
}

static void test_merge_and_limit(void **state)
{
    const char *paths[2];
    weir_read_options two = {.packets = 3};
    const int64_t *time;
    weir_dataset *dataset;
    json_t *facts;

    (void)state;
    for (uint32_t file = 0; file < 2; file++) {
        capture_begin(&made, NANO, 101);
        for (uint32_t i = 0; i < 3; i++)
            capture_packet(&made, 2 * i + file, file, plain_packet, 28, 60);
        paths[file] = strdup(write_bytes(file ? "b.pcap" : "a.pcap", made.bytes, made.n));
    }
    dataset = weir_trace_read(paths, 2, NULL, &facts, NULL);
    time = weir_i64(weir_dataset_table(dataset), "time");
    assert_int_equal(weir_dataset_rows(dataset), 6);
    for (int i = 0; i < 6; i++)
        assert_true(time[i] == (int64_t)i * 1000000000 + i % 2);
    assert_int_equal(json_integer_value(json_object_get(facts, "flows")), 1);
    weir_dataset_free(dataset);
    json_decref(facts);
    dataset = weir_trace_read(paths, 2, &two, NULL, NULL);
    assert_int_equal(weir_dataset_rows(dataset), 3);
    assert_true(weir_i64(weir_dataset_table(dataset), "time")[2] == 2000000000);
    weir_dataset_free(dataset);
    free((void *)(uintptr_t)paths[0]);
    free((void *)(uintptr_t)paths[1]);
}

/* pcapng with an Ethernet and a raw IP interface, the second in milliseconds. */
static size_t make_mixed(uint32_t second_type)
{
    static const uint8_t ethernet[14] = {[12] = 8};
    uint32_t section[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX, 28};
    uint32_t first[] = {1, 20, 1, 65535, 20};
    uint32_t second[] = {1, 32, second_type, 96, 9 | 1 << 16, 3, 0, 32};
    uint32_t a[] = {6, 32 + 44, 0, 0, 5000000, 42, 74}, b[] = {6, 32 + 28, 1, 0, 3000, 28, 60};

    made.n = 0;
    for (size_t i = 0; i < 7; i++)
        capture_word(&made, section[i]);
    for (size_t i = 0; i < 5; i++)
        capture_word(&made, first[i]);
    for (size_t i = 0; i < 8; i++)
        capture_word(&made, second[i]);
    for (size_t i = 0; i < 7; i++)
        capture_word(&made, a[i]);
    memcpy(made.bytes + made.n, ethernet, 14);
    memcpy(made.bytes + made.n + 14, plain_packet, 28);
    memset(made.bytes + made.n + 42, 0, 2);
    made.n += 44;
    capture_word(&made, 32 + 44);
    for (size_t i = 0; i < 7; i++)
        capture_word(&made, b[i]);
    memcpy(made.bytes + made.n, plain_packet, 28);
    made.n += 28;
    capture_word(&made, 32 + 28);
    return made.n;
}

static void test_mixed_pcapng(void **state)
{
    size_t n = make_mixed(101);
    const char *path = write_bytes("mixed.pcapng", made.bytes, n);
    weir_dataset *dataset;
    const int64_t *time;
    weir_error error;
    json_t *facts;

    (void)state;
    assert_true(weir_pcapng_mixed(path));
    dataset = read_path(path, &facts, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(weir_dataset_rows(dataset), 2);
    time = weir_i64(weir_dataset_table(dataset), "time");
    assert_true(time[0] == 3000000000 && time[1] == 5000000000);
    assert_int_equal(json_array_size(json_object_get(facts, "link_types")), 2);
    weir_dataset_free(dataset);
    json_decref(facts);
    n = make_mixed(147);
    refused(write_bytes("mixed.pcapng", made.bytes, n), "packet 2: link type 147", WEIR_EDATA);
    n = make_mixed(101);
    refused(write_bytes("mixed.pcapng", made.bytes, n - 6), "packet 2: the capture is cut short",
            WEIR_EDATA);
    for (size_t at = 28; at < n; at++) { /* no byte changed goes further than an error */
        uint8_t kept = made.bytes[at];
        made.bytes[at] = 0xff;
        weir_dataset_free(read_path(write_bytes("x.pcapng", made.bytes, n), NULL, &error));
        made.bytes[at] = kept;
    }
}

static void test_table1(void **state)
{
    weir_dataset *dataset;
    weir_error error;
    json_t *table;

    (void)state;
    /* One flow of 5 packets in 2 of 200 bins, one of 1 packet: shares by hand. */
    capture_begin(&made, NANO, 101);
    for (uint32_t i = 0; i < 6; i++) {
        uint8_t frame[28];
        memcpy(frame, plain_packet, 28);
        frame[15] = i == 1 ? 9 : 1;
        capture_packet(&made, i < 4 ? 0 : 200, 0, frame, 28, 60);
    }
    dataset = read_path(write_bytes("t1.pcap", made.bytes, made.n), NULL, &error);
    table = weir_trace_table1(dataset, NULL);
    assert_int_equal(json_integer_value(json_object_get(table, "flows")), 2);
    assert_true(json_real_value(json_object_get(table, "packets_per_flow")) == 3);
    assert_true(json_real_value(json_object_get(table, "flows_of_5_packets")) == 0.5);
    assert_true(json_real_value(json_object_get(table, "packets_in_flows_of_5")) == 5.0 / 6);
    assert_true(json_real_value(json_object_get(table, "zeros_in_200_steps")) == 1 - 3.0 / 400);
    assert_true(json_real_value(json_object_get(table, "duration")) == 200);
    json_decref(table);
    weir_dataset_free(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_layers),   cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_columns),       cmocka_unit_test(test_ports_and_lengths),
        cmocka_unit_test(test_times),         cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_refused_files), cmocka_unit_test(test_merge_and_limit),
        cmocka_unit_test(test_mixed_pcapng),  cmocka_unit_test(test_table1),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
