/* netshare: chunks, tags, pieces cut and joined, features there and back, privacy that is counted
 * and refused, requests, and an elephant in little memory. */
#include "generator_test.h"
#include <math.h>
#include <sys/resource.h>

#include "../../plugins/generators/netshare/chunks.c"
#include "../../plugins/generators/netshare/features.c"
#include "../../plugins/generators/netshare/links.c"

#define BEGIN INT64_C(1700000000000000000)

/* Packets: flow i has counts[i] of them, from starts[i] ns on, gap gaps[i] ns apart. */
static weir_dataset *flows_of_packets(uint32_t n, const uint32_t *counts, const int64_t *starts,
                                      const int64_t *gaps)
{
    weir_error error = {0};
    weir_table *table;
    weir_dataset *data;
    size_t rows = 0, row = 0;

    for (uint32_t f = 0; f < n; f++)
        rows += counts[f];
    table = weir_table_new(WEIR_PACKETS, rows, &error);
    assert_non_null(table);
    assert_int_equal(weir_table_add(table, "ttl", WEIR_U8, 1, &error), WEIR_OK);
    assert_int_equal(weir_table_add(table, "flag", WEIR_U8, 1, &error), WEIR_OK);
    assert_int_equal(weir_table_add(table, "tcp_flags", WEIR_U8, 1, &error), WEIR_OK);
    for (uint32_t f = 0; f < n; f++)
        for (uint32_t k = 0; k < counts[f]; k++, row++) {
            weir_i64_out(table, "time")[row] = BEGIN + starts[f] + k * gaps[f];
            weir_u32_out(table, "srcip")[row] = 0x0a000000 + f;
            weir_u32_out(table, "dstip")[row] = 0xc0a80000 + f % 7;
            weir_u16_out(table, "srcport")[row] = (uint16_t)(1024 + f);
            weir_u16_out(table, "dstport")[row] = 443;
            weir_u8_out(table, "proto")[row] = 6;
            weir_u16_out(table, "pkt_len")[row] = (uint16_t)(40 + (37 * k + f) % 1461);
            weir_u8_out(table, "ttl")[row] = (uint8_t)(64 - f % 3);
            weir_u8_out(table, "flag")[row] = (uint8_t)(k % 4);
            weir_u8_out(table, "tcp_flags")[row] = (uint8_t)(k * 11);
        }
    data = weir_dataset_new(table, &error);
    assert_non_null(data);
    return data;
}

/* ---- Chunks ----------------------------------------------------------------------------------*/

static void edges_and_chunks_agree(void **state)
{
    static const int64_t spans[] = {0, 1, 9, 1000, INT64_C(60000000000), INT64_C(9000000000000000)};
    weir_random random = weir_random_new(1, "times");

    (void)state;
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        for (uint32_t count = 1; count <= MOST_CHUNKS; count += 9) {
            int64_t last = BEGIN + spans[i];

            assert_int_equal(netshare_edge(BEGIN, last, count, 0), BEGIN);
            assert_int_equal(netshare_edge(BEGIN, last, count, count), last + 1);
            for (int k = 0; k < 50; k++) {
                int64_t time = BEGIN + (int64_t)weir_random_below(&random, (uint64_t)spans[i] + 1);
                uint32_t c = netshare_chunk_of(BEGIN, last, count, k == 0 ? last : time);

                assert_true(c < count);
                assert_true(netshare_edge(BEGIN, last, count, c) <= (k == 0 ? last : time));
                assert_true((k == 0 ? last : time) < netshare_edge(BEGIN, last, count, c + 1));
            }
        }
}

/* Ten seconds in five chunks, of which the third is empty: the flows' tags are right, the numbers
 * of the chunks behind it do not move, and each packet lies in one piece. */
static void chunks_keep_every_packet(void **state)
{
    static const uint32_t counts[] = {4, 1, 1203, 10};
    static const int64_t starts[] = {0, 1000000000, 6000000000, 0};
    static const int64_t gaps[] = {1000000, 1, 1000000, 0};
    int64_t times[4];
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_dataset *data;
    struct chunks chunks;
    bool *seen;
    size_t total = 0;

    (void)state;
    memcpy(times, starts, sizeof times);
    times[3] = 9999999999; /* ten packets at the very end */
    data = flows_of_packets(4, counts, times, gaps);
    assert_int_equal(netshare_cut(job, data, 5, &chunks), WEIR_OK);
    seen = calloc(weir_dataset_rows(data), sizeof *seen);
    assert_non_null(seen);
    assert_int_equal(chunks.present[chunks.flows->flow_of[0]], 1); /* from the first packet on */
    for (uint32_t c = 0; c < 5; c++) {
        struct piece *pieces = NULL;
        struct tally tally;
        size_t n = 0;

        assert_int_equal(netshare_pieces(job, &chunks, c, 500, false, &pieces, &n, &tally),
                         WEIR_OK);
        assert_int_equal(n, tally.pieces);
        for (size_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < pieces[i].count; k++) {
                uint32_t row = chunks.flows->rows[pieces[i].first + k];

                assert_false(seen[row]);
                seen[row] = true;
                assert_int_equal(chunks.flows->flow_of[row], pieces[i].flow);
                assert_int_equal(netshare_chunk_of(chunks.first, chunks.last, 5, chunks.times[row]),
                                 c);
                assert_true(chunks.present[pieces[i].flow] >> c & 1);
                total++;
            }
        if (c == 1 || c == 2)
            assert_int_equal(tally.pieces, 0);
        if (c == 3) { /* cut: 500, 500, 203 */
            assert_int_equal(n, 3);
            for (uint32_t i = 0; i < 3; i++) {
                assert_int_equal(pieces[i].count, i < 2 ? 500 : 203);
                assert_int_equal(pieces[i].continues, i > 0);
                assert_int_equal(pieces[i].more, i < 2);
                assert_int_equal(pieces[i].first, pieces[0].first + 500 * i);
            }
            assert_int_equal(tally.cut, 1);
            free(pieces);
            pieces = NULL;
            n = 0;
            assert_int_equal(netshare_pieces(job, &chunks, c, 500, true, &pieces, &n, &tally),
                             WEIR_OK);
            assert_int_equal(n, 1);
            assert_int_equal(tally.lost, 703);
            assert_false(pieces[0].more);
        }
        free(pieces);
    }
    assert_int_equal(total, weir_dataset_rows(data));
    free(seen);
    weir_dataset_free(data);
    weir_job_free(job);
    weir_registry_free(registry);
}

/* A flow over two chunks is in both, and starts in the first alone. */
static void tags_follow_a_flow(void **state)
{
    static const uint32_t counts[] = {11, 2};
    static const int64_t starts[] = {0, 0}, gaps[] = {1000000000, 1000};
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_dataset *data = flows_of_packets(2, counts, starts, gaps);
    struct tally tally;
    struct chunks chunks;
    static const uint64_t flows[] = {2, 1, 1, 1}, begun[] = {2, 0, 0, 0};

    (void)state;
    assert_int_equal(netshare_cut(job, data, 4, &chunks), WEIR_OK);
    for (uint32_t c = 0; c < 4; c++) {
        assert_int_equal(netshare_pieces(job, &chunks, c, 2, false, NULL, NULL, &tally), WEIR_OK);
        assert_int_equal(tally.flows, flows[c]);
        assert_int_equal(tally.starts, begun[c]);
    }
    assert_int_equal(netshare_most_gap(job, &chunks, 4), 1000000000);
    weir_dataset_free(data);
    weir_job_free(job);
    weir_registry_free(registry);
}

/* ---- Features --------------------------------------------------------------------------------*/

/* A whole flow of packets, cut into pieces, encoded, decoded and put together again. */
static void encode_and_decode(const weir_dataset *data, uint32_t most, double tolerance)
{
    struct options o = {.gaps = GAPS_LOG, .logarithm = true};
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    const weir_table *real = weir_dataset_table(data);
    struct codec codec = {0};
    struct chunks chunks;
    struct piece *pieces = NULL;
    struct tally tally;
    struct bent bent = {0};
    weir_error error = {0};
    weir_table *out = weir_table_new(weir_table_schema(real), 0, &error);
    nn_real *numbers;
    size_t n = 0;
    double elapsed = 0;

    assert_int_equal(netshare_cut(job, data, 1, &chunks), WEIR_OK);
    assert_int_equal(netshare_pieces(job, &chunks, 0, most, false, &pieces, &n, &tally), WEIR_OK);
    assert_int_equal(netshare_learn_codec(job, &o, data, data, data,
                                          (double)netshare_most_gap(job, &chunks, 1), &codec),
                     WEIR_OK);
    assert_int_equal(weir_table_match(out, codec.names, &error), WEIR_OK);
    assert_int_equal(weir_table_resize(out, 1, &error), WEIR_OK);
    numbers = calloc((size_t)most * codec.width, sizeof *numbers);
    assert_non_null(numbers);
    for (size_t i = 0; i < n; i++) {
        memset(numbers, 0, (size_t)most * codec.width * sizeof *numbers);
        netshare_encode_piece(&codec, &chunks, &pieces[i], numbers, &bent);
        elapsed = pieces[i].continues ? elapsed : 0;
        for (uint32_t k = 0; k < pieces[i].count; k++) {
            uint32_t row = chunks.flows->rows[pieces[i].first + k];
            uint32_t first = chunks.flows->rows[chunks.flows->offsets[pieces[i].flow]];
            double since = (double)(chunks.times[row] - chunks.times[first]);

            elapsed += netshare_decode_packet(&codec, numbers + k * codec.width, out, 0);
            if (fabs(elapsed - since) > tolerance * (since + 1000))
                fail_msg("packet %u after %.0f ns instead of %.0f", k, elapsed, since);
            for (uint32_t c = 1; c < codec.count; c++) {
                const struct feature *f = &codec.features[c];
                const void *is = weir_table_read(out, f->name, f->type);
                const void *was = weir_table_read(real, f->name, f->type);

                if (f->type == WEIR_F64)
                    assert_true(fabs(*(const double *)is - ((const double *)was)[row]) <=
                                1e-5 * (1 + ((const double *)was)[row]));
                else if (f->type == WEIR_CATEGORY)
                    assert_string_equal(
                        weir_category_text(out, f->name, *(const uint32_t *)is),
                        weir_category_text(real, f->name, ((const uint32_t *)was)[row]));
                else
                    assert_int_equal(weir_integer_get(f->type, is, 0),
                                     weir_integer_get(f->type, was, row));
            }
        }
    }
    assert_int_equal(bent.negative + bent.unseen + bent.outside, 0);
    free(numbers);
    free(pieces);
    weir_table_free(codec.owned);
    weir_table_free(out);
    weir_job_free(job);
    weir_registry_free(registry);
}

static void flows_come_back(void **state)
{
    /* gaps of 1 us, 50 us and 2 s: the first would be lost on a line from 0 to 2 s */
    static const uint32_t counts[] = {1203, 60, 5};
    static const int64_t starts[] = {0, 5000, 70000}, gaps[] = {1000, 50000, 2000000000};
    weir_dataset *packets = flows_of_packets(3, counts, starts, gaps), *records = some_records(200);

    (void)state;
    encode_and_decode(packets, 500, 1e-3);
    encode_and_decode(packets, 7, 1e-3);
    encode_and_decode(records, 3, 1e-3);
    weir_dataset_free(packets);
    weir_dataset_free(records);
}

static void odd_values_are_counted(void **state)
{
    struct options o = {.gaps = GAPS_LOG, .logarithm = true};
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_dataset *train = some_records(20), *other = some_records(20);
    weir_table *table = (weir_table *)(uintptr_t)weir_dataset_table(other);
    struct codec codec = {0};
    struct chunks chunks;
    struct bent bent = {0};
    nn_real numbers[64] = {0};
    weir_error error = {0};
    struct piece piece = {.count = 1};

    (void)state;
    assert_int_equal(netshare_learn_codec(job, &o, train, train, train, 1e9, &codec), WEIR_OK);
    weir_f64_out(table, "td")[0] = -3;
    weir_codes_out(table, "label")[0] = weir_category_add(table, "label", "never seen", &error);
    assert_int_equal(netshare_cut(job, other, 1, &chunks), WEIR_OK);
    netshare_encode_piece(&codec, &chunks, &piece, numbers, &bent);
    assert_int_equal(bent.negative, 1);
    assert_int_equal(bent.unseen, 1);
    assert_true(bent.outside <= 1); /* 0 s, where training had none so short */
    weir_table_free(codec.owned);
    weir_dataset_free(train);
    weir_dataset_free(other);
    weir_job_free(job);
    weir_registry_free(registry);
}

/* ---- Joining ---------------------------------------------------------------------------------*/

static void pieces_are_joined(void **state)
{
    /* a head with more, a continuation with more, one without, a whole flow, and one too many */
    const struct made made[] = {{.more = true},      {.continues = true, .more = true},
                                {.continues = true}, {.start = 0.5},
                                {.continues = true}, {.more = true}};
    const bool keep[] = {true, true, true, true, true, true};
    const bool first_gone[] = {false, true, true, true, true, true};
    uint32_t order[6], alone, ended;
    bool heads[6];
    struct chain chain = {.order = order, .heads = heads};

    (void)state;
    netshare_chain(made, keep, 6, &chain, &alone, &ended);
    assert_int_equal(chain.count, 6);
    assert_int_equal(alone, 0);
    assert_int_equal(ended, 0);
    for (uint32_t i = 0; i < 6; i++) {
        static const uint32_t expected[] = {0, 1, 2, 3, 5, 4};

        assert_int_equal(order[i], expected[i]);
        assert_int_equal(heads[i], i == 0 || i == 3 || i == 4);
    }
    netshare_chain(made, first_gone, 6, &chain, &alone, &ended);
    assert_int_equal(chain.count, 5);
    assert_int_equal(alone, 1); /* the third continuation: 5 takes the first two */
    assert_int_equal(ended, 0);
    netshare_chain(made, keep, 1, &chain, &alone, &ended);
    assert_int_equal(ended, 1);
}

static void flows_go_on_in_later_chunks(void **state)
{
    const weir_tuple near = {1, 2, 3, 4, 6}, far = {~1u, ~2u, 3, 4, 6};
    weir_tuple like = {1, 3, 9, 4, 6};
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    struct linking linking = {0};

    (void)state;
    assert_int_equal(netshare_keep_link(job, &linking, 0, &far, 0x7), WEIR_OK);
    assert_int_equal(netshare_keep_link(job, &linking, 0, &near, 0x5), WEIR_OK);
    assert_int_equal(netshare_keep_link(job, &linking, 0, &near, 0x1), WEIR_OK); /* not later */
    assert_int_equal(linking.count, 2);
    assert_int_equal(netshare_end_links(&linking, 0), 0);
    assert_int_equal(netshare_end_links(&linking, 1), 1); /* `far` was to be in chunk 1 */
    assert_true(netshare_take_link(&linking, 2, &like));
    assert_int_equal(like.srcip, near.srcip);
    assert_int_equal(like.srcport, near.srcport);
    assert_true(netshare_take_link(&linking, 2, &like));
    assert_int_equal(like.dstip, far.dstip);
    assert_false(netshare_take_link(&linking, 2, &like));
    assert_int_equal(netshare_end_links(&linking, 2), 0);
    assert_int_equal(linking.count, 0);
    free(linking.list);
    weir_job_free(job);
    weir_registry_free(registry);
}

/* ---- The whole -------------------------------------------------------------------------------*/

static void requests_are_obeyed(void **state)
{
    weir_dataset *sets[] = {some_packets(120), some_records(300)};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const weir_table *table = weir_dataset_table(sets[i]);
        weir_request packets = {.packets = 777}, flows = {.flows = 20}, longer = {.duration = 45};
        weir_request shorter = {.duration = 5}, both = {.flows = 9, .duration = 7}, none = {0};
        weir_table *out = generate("netshare", "preset=tiny", sets[i], none, 1);

        assert_inside(out, table, 0);
        weir_table_free(out);
        out = generate("netshare", "preset=tiny", sets[i], packets, 1);
        assert_int_equal(weir_table_rows(out), 777);
        assert_inside(out, table, 0);
        weir_table_free(out);
        out = generate("netshare", "preset=tiny", sets[i], flows, 1);
        assert_int_equal(flows_of(out), 20);
        weir_table_free(out);
        out = generate("netshare", "preset=tiny", sets[i], longer, 1);
        assert_inside(out, table, 45);
        weir_table_free(out);
        out = generate("netshare", "preset=tiny", sets[i], shorter, 1);
        assert_inside(out, table, 5);
        assert_true(weir_table_rows(out) > 0);
        weir_table_free(out);
        out = generate("netshare", "preset=tiny", sets[i], both, 1);
        assert_inside(out, table, 7);
        assert_int_equal(flows_of(out), 9);
        weir_table_free(out);
        weir_dataset_free(sets[i]);
    }
}

/* As published: all the same, with the options that say so. */
static void published_options_work(void **state)
{
    weir_dataset *data = some_packets(80);
    weir_request none = {0};
    weir_table *out = generate("netshare",
                               "preset=tiny gaps=published timestamps=published link=none "
                               "duplicates=drop mixing=one momentum=0.9 logarithm=false "
                               "max_flow_packets=0 flow_tags=false",
                               data, none, 3);

    (void)state;
    assert_inside(out, weir_dataset_table(data), 0);
    weir_table_free(out);
    weir_dataset_free(data);
}

/* Two thousand flows and one of 20,000 packets: flows times the longest would be 3 GB. */
static void an_elephant_takes_little_memory(void **state)
{
    enum { FLOWS = 2000 };
    uint32_t *counts = calloc(FLOWS, sizeof *counts);
    int64_t *starts = calloc(FLOWS, sizeof *starts), *gaps = calloc(FLOWS, sizeof *gaps);
    weir_request none = {0};
    struct rusage before, after;
    weir_dataset *data;
    struct run run;

    (void)state;
    assert_true(counts && starts && gaps);
    for (uint32_t f = 0; f < FLOWS; f++) {
        counts[f] = f == 0 ? 20000 : 1 + f % 5;
        starts[f] = (int64_t)f * 1000000;
        gaps[f] = f == 0 ? 100000 : 1000000;
    }
    data = flows_of_packets(FLOWS, counts, starts, gaps);
    getrusage(RUSAGE_SELF, &before);
    run = run_generator("netshare", "preset=tiny max_flow_packets=500 sample_len=10 n_chunks=1",
                        data, &none, 1, false, 0);
    getrusage(RUSAGE_SELF, &after);
    if (run.status != WEIR_OK)
        fail_msg("%s", run.text);
    assert_true(weir_table_rows(run.out) > 0);
    if (after.ru_maxrss - before.ru_maxrss > 300 * 1024)
        fail_msg("%ld MB more", (after.ru_maxrss - before.ru_maxrss) / 1024);
    weir_table_free(run.out);
    weir_dataset_free(data);
    free(counts);
    free(starts);
    free(gaps);
}

static void one_flow_or_one_moment_is_enough(void **state)
{
    static const uint32_t counts[] = {30}, once[] = {1, 1, 1};
    static const int64_t starts[] = {0, 0, 0}, gaps[] = {1000000, 0, 0, 0};
    weir_dataset *sets[] = {flows_of_packets(1, counts, starts, gaps),
                            flows_of_packets(3, once, starts, gaps + 1)};
    weir_request none = {0}, longer = {.duration = 3};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct run run = run_generator("netshare", "preset=tiny", sets[i], &none, 1, true, 0);

        if (run.status != WEIR_OK)
            fail_msg("%s", run.text);
        assert_inside(run.out, weir_dataset_table(sets[i]), 0);
        weir_table_free(run.out);
        run = run_generator("netshare", "preset=tiny", sets[i], &longer, 1, true, 0);
        assert_int_equal(run.status, i == 0 ? WEIR_OK : WEIR_EOPTION); /* no rate to go on at */
        weir_table_free(run.out);
        weir_dataset_free(sets[i]);
    }
}

static void refusals_say_why(void **state)
{
    weir_dataset *data = some_packets(40);
    weir_request none = {0}, series = {.series = 2};
    static const struct {
        const char *options, *text;
    } cases[] = {
        {"preset=tiny epsilon=5", "its first and last time (span), how many flows there are"},
        {"preset=tiny epsilon=5 declared=span,counts max_flow_packets=0", "(lengths)"},
        {"preset=tiny epsilon=5 declared=span,counts ranges=train", "(ranges)"},
        {"preset=tiny epsilon=5 declared=span,counts dictionaries=train", "(dictionaries)"},
        {"preset=tiny epsilon=5 declared=span,counts gaps=published", "(ranges)"},
        {"preset=tiny epsilon=5 noise=1", "but not both"},
        {"preset=tiny noise=1 declared=spam", "'spam' is none of"},
        {"preset=tiny ranges=public", "there is no public_trace"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run run = run_generator("netshare", cases[i].options, data, &none, 1, false, 0);

        assert_int_equal(run.status, WEIR_EOPTION);
        if (!strstr(run.text, cases[i].text))
            fail_msg("%s: %s", cases[i].options, run.text);
    }
    assert_int_equal(run_generator("netshare", "preset=tiny", data, &series, 1, false, 0).status,
                     WEIR_EOPTION);
    weir_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_and_chunks_agree),
        cmocka_unit_test(chunks_keep_every_packet),
        cmocka_unit_test(tags_follow_a_flow),
        cmocka_unit_test(flows_come_back),
        cmocka_unit_test(odd_values_are_counted),
        cmocka_unit_test(pieces_are_joined),
        cmocka_unit_test(flows_go_on_in_later_chunks),
        cmocka_unit_test(requests_are_obeyed),
        cmocka_unit_test(published_options_work),
        cmocka_unit_test(an_elephant_takes_little_memory),
        cmocka_unit_test(one_flow_or_one_moment_is_enough),
        cmocka_unit_test(refusals_say_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
