/* CSV: packets, flow records, series, Zeek and Argus; what is taken and what is refused where.
 * Covers: core/data/csv.c core/data/csv_fields.c core/data/csv_tables.c core/data/csv_series.c */
#include "traces.h"

#define HEADER "srcip,dstip,srcport,dstport,proto,time,pkt_len"

static weir_dataset *taken(const char *text, json_t **facts)
{
    weir_error error;
    weir_dataset *dataset = read_path(write_text("t.csv", text), facts, &error);

    if (!dataset)
        fail_msg("refused: %s", error.text);
    return dataset;
}

static void refused(const char *text, const char *wanted)
{
    weir_error error;
    weir_dataset *dataset = read_path(write_text("bad.csv", text), NULL, &error);

    assert_null(dataset);
    assert_int_equal(error.status, WEIR_EDATA);
    if (!strstr(error.text, wanted) || strchr(error.text, '\n'))
        fail_msg("'%s' lacks '%s'", error.text, wanted);
}

/* The sample rows that CascadeNet and NetShare publish, in form: integer and float times, integer
 * and dotted addresses, names of protocols, DF. */
static void test_packets(void **state)
{
    json_t *facts;
    weir_dataset *dataset =
        taken("\xef\xbb\xbf" HEADER ",version,ttl,flag,off\r\n"
              "2482664220,846812372,443,34294,6,1521118773289502,50,4,52,DF,0\r\n"
              "147.250.143.28,50.121.59.20,443.0,34294,TCP,1521118773289501.5,60.0,4,52,,0\r\n"
              "\r\n"
              "\"2482664220\",846812372,0,0,Icmp,1.5e15,1504,4,52,MF+DF,8191",
              &facts);
    const weir_table *table = weir_dataset_table(dataset);

    (void)state;
    assert_int_equal(weir_dataset_rows(dataset), 3);
    assert_true(weir_i64(table, "time")[0] == 1500000000000000000);
    assert_true(weir_i64(table, "time")[1] == 1521118773289501500);
    assert_true(weir_i64(table, "time")[2] == 1521118773289502000);
    assert_int_equal(weir_u32(table, "srcip")[1], 0x93fa8f1c);
    assert_int_equal(weir_u32(table, "srcip")[2], 2482664220u);
    assert_int_equal(weir_u8(table, "proto")[0], 1);
    assert_int_equal(weir_u8(table, "proto")[1], 6);
    assert_int_equal(weir_u16(table, "pkt_len")[1], 60);
    assert_int_equal(weir_u8(table, "flag")[0], 3);
    assert_int_equal(weir_u8(table, "flag")[1], 0);
    assert_int_equal(weir_u8(table, "flag")[2], 2);
    assert_int_equal(weir_u16(table, "off")[0], 8191);
    assert_null(weir_u16(table, "id")); /* a missing optional column is missing */
    assert_int_equal(json_array_size(json_object_get(facts, "ignored_columns")), 1);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(facts, "ignored_columns"), 0)), "version");
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(facts, "files"), 0), "time_unit")),
                        "us");
    json_decref(facts);
    weir_dataset_free(dataset);
}

static void test_time_units(void **state)
{
    static const char *const units[] = {"s", "ms", "us", "ns"};
    const char *path = write_text("u.csv", HEADER "\n1,2,3,4,6,12.5,60\n1,2,3,4,6,12,60\n");
    weir_error error = {0};
    int64_t scale = 1000000000;

    (void)state;
    for (int i = 0; i < 4; i++, scale /= 1000) {
        weir_read_options options = {0};
        weir_dataset *dataset;
        assert_true(weir_time_unit_parse(units[i], &options.time_unit));
        dataset = weir_trace_read(&path, 1, &options, NULL, NULL);
        assert_true(weir_i64(weir_dataset_table(dataset), "time")[0] == 12 * scale);
        assert_true(weir_i64(weir_dataset_table(dataset), "time")[1] ==
                    12 * scale + (scale + 1) / 2);
        weir_dataset_free(dataset);
    }
    weir_time_unit unit;
    assert_false(weir_time_unit_parse("minutes", &unit));
    path = write_text("n.csv", "srcip,dstip,srcport,dstport,proto,time_ns,pkt_len\n"
                               "1,2,3,4,6,1521118773289502123,60\n");
    weir_dataset *dataset = read_path(path, NULL, &error);
    assert_true(weir_i64(weir_dataset_table(dataset), "time")[0] == 1521118773289502123);
    weir_dataset_free(dataset);
    weir_read_options seconds = {.time_unit = WEIR_TIME_S};
    memset(&error, 0, sizeof error);
    assert_null(weir_trace_read(&path, 1, &seconds, NULL, &error));
    assert_int_equal(error.status, WEIR_EOPTION);
}

static void test_faults(void **state)
{
    (void)state;
    refused("srcip,dstip,srcport,proto,time,pkt_len\n1,2,3,6,1,60\n",
            "bad.csv:1: no column 'dstport'");
    refused(HEADER "\n1,2,3,4,6,1,60\n1,2,3,4,6,1\n",
            "bad.csv:3: 6 fields, but the header names 7");
    refused(HEADER "\n1,2,3,4,6,abc,60\n", "bad.csv:2: column 'time': 'abc' is not a time");
    refused(HEADER "\n1,2,3,4,6,1e300,60\n", "column 'time'");
    refused(HEADER "\n1,2,3,4,6,1,70000\n",
            "bad.csv:2: column 'pkt_len': '70000' is not in its range, 0 to 65535");
    refused(HEADER "\n1,2,3,4,6,1,60.5\n", "column 'pkt_len': '60.5' is not a whole number");
    refused(HEADER "\n1,2,-3,4,6,1,60\n", "column 'srcport': '-3' is not in its range");
    refused(HEADER "\n1,2,x,4,6,1,60\n", "column 'srcport': 'x' is not a number");
    refused(HEADER "\n1,2,,4,6,1,60\n", "column 'srcport': '' is not a number");
    refused(HEADER "\n1,2,3,4,300,1,60\n", "column 'proto': '300' is not a protocol number");
    refused(HEADER "\n1,2,3,4,tcpx,1,60\n", "column 'proto': 'tcpx'");
    refused(HEADER "\n1.2.3.400,2,3,4,6,1,60\n", "column 'srcip': '1.2.3.400' is not an IPv4");
    refused(HEADER "\n4294967296,2,3,4,6,1,60\n", "column 'srcip': '4294967296'");
    refused(HEADER ",flag\n1,2,3,4,6,1,60,XX\n", "column 'flag': 'XX' is not a flag");
    refused(HEADER ",off\n1,2,3,4,6,1,60,8192\n", "0 to 8191");
    refused(HEADER "\n\"1,2,3,4,6,1,60\n", "bad.csv:2: a quote that is never closed");
    refused(HEADER "\n\"1\"x,2,3,4,6,1,60\n", "bad.csv:2: text behind a closing quote");
    refused(HEADER ",a,b\n1\"2,\"a\"\"b\",3,4,6,1,\"c\"\"d\",\"e\"\"f\",\"g\"\"h\"\n",
            "bad.csv:2: column 'srcip': '1\"2'");
    refused(HEADER "\n", "it has no packets");
    refused("a,b\n1,2\n", "bad.csv:1: the header names no packets");
    refused(HEADER "\n::1,::2,3,4,6,1,60\n", "no usable IPv4");
    /* The least time that is too late, in every way of writing it. */
    refused(HEADER "\n1,2,3,4,6,9223372036854776,60\n", "column 'time'");
    refused(HEADER "\n1,2,3,4,6,9223372036854775.808,60\n", "column 'time'");
    refused(HEADER "\n1,2,3,4,6,-9223372036854775.809,60\n", "column 'time'");
    refused(HEADER ",TIME\n1,2,3,4,6,1,60,2\n", "bad.csv:1: column 'time' stands twice");
    /* A quoted line break counts as a line. */
    refused(HEADER ",note\n1,2,3,4,6,1,60,\"a\nb\"\n1,2,3,4,6,1,x,c\n", "bad.csv:4: column");
}

/* What lies at the edge of being taken. */
static void test_edges(void **state)
{
    weir_dataset *dataset = taken("\n\r\n" HEADER "\n1,2,+3,-0,006,9223372036854775.807,060\n"
                                  "1,2,3,4,6,-9223372036854775.808,6e1\n",
                                  NULL);
    const weir_table *table = weir_dataset_table(dataset);

    (void)state;
    assert_true(weir_i64(table, "time")[0] == INT64_MIN);
    assert_true(weir_i64(table, "time")[1] == INT64_MAX);
    assert_int_equal(weir_u16(table, "srcport")[1], 3);
    assert_int_equal(weir_u16(table, "dstport")[1], 0);
    assert_int_equal(weir_u16(table, "pkt_len")[0], 60);
    weir_dataset_free(dataset);
}

/* A text that does not fit is refused: cut, two labels could become one. */
static void test_texts(void **state)
{
    static const char flows[] = "ts,td,srcip,dstip,srcport,dstport,proto,pkt,byt,label\n"
                                "1,%s,1,2,3,4,6,5,60,%s%s\n";
    char line[600], label[256];
    weir_dataset *dataset;

    (void)state;
    memset(label, 'a', 255);
    label[255] = 0;
    snprintf(line, sizeof line, flows, "0", label, "");
    dataset = taken(line, NULL);
    assert_string_equal(weir_category_text(weir_dataset_table(dataset), "label", 0), label);
    weir_dataset_free(dataset);
    snprintf(line, sizeof line, flows, "0", label, "b");
    refused(line, "bad.csv:2: column 'label'");
    /* CIC-IDS2017 has a dash of Windows in its labels. */
    snprintf(line, sizeof line, flows, "0", "Web Attack \x96 XSS", "");
    dataset = taken(line, NULL);
    assert_string_equal(weir_category_text(weir_dataset_table(dataset), "label", 0),
                        "Web Attack ? XSS");
    weir_dataset_free(dataset);
    snprintf(line, sizeof line, flows, "-1e-9", "x", "");
    refused(line, "bad.csv:2: column 'td': '-1e-9' is not a number of seconds, 0 or more");
    snprintf(line, sizeof line, "series,label,step,size\n%sb,x,0,1\n", label);
    refused(line, "bad.csv:2: column 'series'");
    snprintf(line, sizeof line, "series,label,step,size\n1,%sb,0,1\n", label);
    refused(line, "bad.csv:2: column 'label'");
}

static void test_netflow(void **state)
{
    json_t *facts;
    weir_dataset *dataset =
        taken("srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,type\n"
              "1730436467,719036359,0,0,ICMP,1458298072364000.0,305.63599999999997,62,1736,bg\n"
              "1730436466,719036359,1,2,GRE,1458298072363000.0,0,18446744073709551615,9,"
              "\"a, \"\"b\"\"\"\n",
              &facts);
    const weir_table *table = weir_dataset_table(dataset);

    (void)state;
    assert_int_equal(weir_dataset_schema(dataset), WEIR_NETFLOW);
    assert_true(weir_dataset_holds(dataset) & WEIR_LABELS);
    assert_true(weir_i64(table, "ts")[1] == 1458298072364000000);
    assert_true(weir_f64(table, "td")[1] == 305.63599999999997);
    assert_true(weir_u64(table, "pkt")[0] == UINT64_MAX);
    assert_int_equal(weir_u8(table, "proto")[0], 47);
    assert_string_equal(weir_category_text(table, "type", weir_codes(table, "type")[0]),
                        "a, \"b\"");
    assert_null(weir_codes(table, "label"));
    json_decref(facts);
    weir_dataset_free(dataset);
}

static void test_zeek(void **state)
{
    json_t *facts;
    weir_dataset *dataset =
        taken("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
              "#path\tconn\n#open\t2018-12-21-15-50-14\n"
              "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\t"
              "orig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\tlabel\n"
              "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tinterval\tcount\tcount\tcount\t"
              "count\tstring\n"
              "1545403816.962094\tC1\t192.168.1.195\t41040\t185.244.25.235\t80\ttcp\t3.139211\t3\t"
              "180\t2\t100\tBenign\n"
              "1545403810.5\tC2\t10.0.0.1\t8\t10.0.0.2\t0\ticmp\t-\t1\t84\t-\t-\t-\n"
              "1545403811\tC3\tfe80::1\t1\tff02::2\t2\tudp\t-\t1\t84\t0\t0\tBenign\n"
              "#close\t2018-12-22-15-50-14\n",
              &facts);
    const weir_table *table = weir_dataset_table(dataset);

    (void)state;
    assert_int_equal(weir_dataset_rows(dataset), 2);
    assert_true(weir_i64(table, "ts")[0] == 1545403810500000000);
    assert_true(weir_i64(table, "ts")[1] == 1545403816962094000);
    assert_int_equal(weir_u16(table, "srcport")[0], 0); /* of ICMP: a type, no port */
    assert_int_equal(weir_u16(table, "srcport")[1], 41040);
    assert_true(weir_u64(table, "pkt")[1] == 5 && weir_u64(table, "byt")[1] == 280);
    assert_true(weir_f64(table, "td")[0] == 0 && weir_f64(table, "td")[1] == 3.139211);
    assert_int_equal(count_of(facts, "skipped", "not IPv4: another kind of address"), 1);
    assert_int_equal(count_of(facts, "notes", "durations that are not given, taken as 0"), 1);
    assert_string_equal(json_string_value(json_object_get(facts, "format")), "zeek conn");
    json_decref(facts);
    weir_dataset_free(dataset);
}

static void test_argus(void **state)
{
    json_t *facts;
    weir_dataset *dataset = taken(
        "StartTime\tDur\tProto\tSrcAddr\tSport\tDir\tDstAddr\tDport\tState\tsTos\tdTos\tTotPkts\t"
        "TotBytes\tSrcBytes\tSrcPkts\tLabel\n"
        "2018/05/10 10:52:47.283479\t0.045\tman\t0\t0\t\t0\t0\tSTA\t\t\t0\t0\t\t\t\n"
        "2018/05/10 "
        "10:52:48.5\t0.5\ticmp\t10.0.0.1\t0x0303\t->\t10.0.0.2\t0x46a2\tURP\t0\t\t1\t84\t"
        "84\t1\tflow=Background\n"
        "1970/01/01 "
        "01:00:00.000001\t0\tarp\t00:00:00:00:00:00\t0\t->\t10.0.0.2\t0\tINT\t\t\t1\t60\t"
        "60\t1\t\n"
        "2018/05/10 "
        "10:52:47\t0.5\tudp\t10.0.0.1\t0x0035\t->\t10.0.0.2\t53\tCON\t0\t0\t2\t142\t63\t1\t"
        "\n",
        &facts);
    const weir_table *table = weir_dataset_table(dataset);

    (void)state;
    assert_int_equal(weir_dataset_rows(dataset), 2);
    assert_true(weir_i64(table, "ts")[0] == 1525949567000000000);
    assert_true(weir_i64(table, "ts")[1] == 1525949568500000000);
    assert_int_equal(weir_u16(table, "srcport")[0], 53);
    assert_int_equal(weir_u16(table, "srcport")[1], 0);
    assert_string_equal(weir_category_text(table, "label", weir_codes(table, "label")[1]),
                        "flow=Background");
    assert_int_equal(json_object_size(json_object_get(facts, "skipped")), 2);
    json_decref(facts);
    weir_dataset_free(dataset);
}

#define CIDDS                                                                                      \
    "Date first seen,Duration,Proto,Src IP Addr,Src Pt,Dst IP Addr,Dst Pt,Packets,Bytes,Flows,"    \
    "Flags,Tos,class,attackType,attackID,attackDescription\n"

/* nfdump's spaces and letters, anonymised addresses, ports as reals. */
static void test_cidds(void **state)
{
    json_t *facts;
    weir_dataset *dataset = taken(
        CIDDS "2017-03-15 00:01:17.5,82.1,TCP  ,192.168.100.5,445,192.168.220.16,48888.0,  12,"
              "   2.1 M,1,.AP.SF,  0,normal,---,---,---\n"
              "2017-03-15 00:01:16.632,0.000,ICMP ,192.168.220.9,0,192.168.100.5,8.0,1,108,1,"
              "......,0,attacker,pingScan,25,\n"
              "2017-03-15 00:01:16.632,0.000,UDP  ,192.168.220.9,53,DNS,4000,1,108,1,......,0,"
              "normal,---,---,---\n"
              "2017-03-15 00:01:18,0.000,GRE  ,192.168.220.9,0,10042_57,0,1,108,1,......,0,"
              "normal,---,---,---\n",
        &facts);
    const weir_table *table = weir_dataset_table(dataset);

    (void)state;
    assert_int_equal(weir_dataset_rows(dataset), 2);
    assert_true(weir_i64(table, "ts")[0] == 1489536076632000000);
    assert_int_equal(weir_u8(table, "proto")[0], 1);
    assert_int_equal(weir_u16(table, "dstport")[0], 0); /* of ICMP: a type, no port */
    assert_int_equal(weir_u16(table, "dstport")[1], 48888);
    assert_true(weir_u64(table, "pkt")[1] == 12 && weir_u64(table, "byt")[1] == 2100000);
    assert_true(weir_f64(table, "td")[1] == 82.1);
    assert_string_equal(weir_category_text(table, "label", weir_codes(table, "label")[0]),
                        "attacker");
    assert_string_equal(weir_category_text(table, "type", weir_codes(table, "type")[0]),
                        "pingScan");
    assert_int_equal(count_of(facts, "skipped", "not IPv4: no address"), 2);
    assert_string_equal(json_string_value(json_object_get(facts, "format")), "cidds");
    json_decref(facts);
    weir_dataset_free(dataset);
    refused(CIDDS "2017-03-15 00:01:17,1,TCP,1.1.1.1,1,1.1.1.2,2,1,2.1 X,1,,0,,,,\n",
            "column 'Bytes': '2.1 X'");
    refused(CIDDS "2017-03-15 00:01:17,1,TCP,1.1.1.1,1,1.1.1.2,2,1,1.2345 K,1,,0,,,,\n",
            "a whole number");
    refused(CIDDS "2017-03-15 00:01:17,1,TCP,1.1.1.1,1,1.1.1.2,2,1,-1 M,1,,0,,,,\n", "range");
}

static void test_ton(void **state)
{
    json_t *facts;
    weir_dataset *dataset = taken(
        "ts,src_ip,src_port,dst_ip,dst_port,proto,service,duration,src_bytes,dst_bytes,conn_state,"
        "missed_bytes,src_pkts,src_ip_bytes,dst_pkts,dst_ip_bytes,label,type\n"
        "1554198358,3.122.49.24,1883,192.168.1.152,52976,tcp,-,80549.53026,1762852,41933215,OTH,0,"
        "252181,14911156,2,236,1,mitm\n"
        "1554198357,192.168.1.79,47260,192.168.1.255,15600,udp,-,0,0,0,S0,0,1,63,0,0,0,normal\n",
        &facts);
    const weir_table *table = weir_dataset_table(dataset);

    (void)state;
    assert_int_equal(weir_dataset_rows(dataset), 2);
    assert_true(weir_i64(table, "ts")[0] == 1554198357000000000);
    assert_int_equal(weir_u16(table, "srcport")[1], 1883);
    assert_true(weir_u64(table, "pkt")[1] == 252183 && weir_u64(table, "byt")[1] == 14911392);
    assert_string_equal(weir_category_text(table, "type", weir_codes(table, "type")[1]), "mitm");
    assert_string_equal(weir_category_text(table, "label", weir_codes(table, "label")[1]), "1");
    assert_string_equal(json_string_value(json_object_get(facts, "format")), "ton_iot");
    json_decref(facts);
    weir_dataset_free(dataset);
}

static void test_series(void **state)
{
    json_t *facts;
    weir_dataset *dataset = taken("series,label,step,size,gap,step_seconds,steps\n"
                                  "a,video/x,0,1.5,0,0.25,4\n"
                                  "b,web,1,7,8,0.25,4\n"
                                  "a,video/x,1,2.5,0.5,0.25,4\n"
                                  "b,web,0,5,6,0.25,4\n"
                                  "c,web,,,,0.25,4\n",
                                  &facts);
    const weir_table *table = weir_dataset_table(dataset);
    const weir_series_shape *shape = weir_table_series(table);

    (void)state;
    assert_int_equal(weir_dataset_rows(dataset), 3);
    assert_int_equal(shape->steps, 4);
    assert_int_equal(shape->channels, 2);
    assert_true(shape->step_seconds == 0.25);
    assert_string_equal(shape->names[1], "gap");
    assert_int_equal(weir_u32(table, "length")[0], 2);
    assert_int_equal(weir_u32(table, "length")[2], 0);
    assert_true(weir_f32(table, "values")[2] == 2.5f);
    assert_true(weir_f32(table, "values")[8 + 1] == 6);
    assert_string_equal(weir_category_text(table, "label", weir_codes(table, "label")[0]),
                        "video/x");
    json_decref(facts);
    weir_dataset_free(dataset);
    refused("series,label,step\n1,a,0\n", "at least one channel");
    refused("series,label,step,x\n1,a,0,1\n1,b,1,1\n", "bad.csv:3: column 'label': 'b'");
    refused("series,label,step,x\n1,a,0,1\n1,a,2,1\n", "one is missing or stands twice");
    refused("series,label,step,x\n1,a,0,1\n1,a,0,1\n", "one is missing or stands twice");
    refused("series,label,step,x\n1,a,-1,1\n", "column 'step': '-1'");
    refused("series,label,step,x\n1,a,0,nan\n", "bad.csv:2: column 'x': 'nan' is not a number");
    refused("series,label,step,x\n1,a,0,1e300\n", "column 'x'");
}

/* Files of one kind are merged and keep only the optional columns that all have. */
static void test_merge(void **state)
{
    const char *one = strdup(write_text("1.csv", HEADER ",ttl,tos\n1,2,3,4,6,20,60,64,0\n"));
    const char *two = write_text("2.csv", HEADER ",ttl\n1,2,3,4,6,10,61,65\n");
    const char *flows = write_text("3.csv", "srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt\n"
                                            "1,2,0,0,6,5,0,1,1\n");
    const char *paths[] = {one, two}, *unlike[] = {one, flows}, *same[] = {one, two, one};
    weir_error error = {0};
    weir_dataset *dataset = weir_trace_read(paths, 2, NULL, NULL, &error);

    (void)state;
    assert_int_equal(weir_dataset_rows(dataset), 2);
    assert_int_equal(weir_u8(weir_dataset_table(dataset), "ttl")[0], 65);
    assert_null(weir_u8(weir_dataset_table(dataset), "tos"));
    weir_dataset_free(dataset);
    assert_null(weir_trace_read(unlike, 2, NULL, NULL, &error));
    assert_non_null(
        strstr(error.text, "3.csv: holds netflow, but the files before it hold packets"));
    memset(&error, 0, sizeof error);
    assert_null(weir_trace_read(same, 3, NULL, NULL, &error));
    assert_non_null(strstr(error.text, "1.csv: the same file is given twice"));
    free((void *)(uintptr_t)one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets), cmocka_unit_test(test_time_units),
        cmocka_unit_test(test_faults),  cmocka_unit_test(test_edges),
        cmocka_unit_test(test_texts),   cmocka_unit_test(test_netflow),
        cmocka_unit_test(test_zeek),    cmocka_unit_test(test_argus),
        cmocka_unit_test(test_cidds),   cmocka_unit_test(test_ton),
        cmocka_unit_test(test_series),  cmocka_unit_test(test_merge),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
