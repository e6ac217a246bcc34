/* The generator markov: what every generator must do, that it learns what marginals cannot, and
 * that a damaged model is refused. */
#include "generator_test.h"
#include <math.h>
#include <weir/stats.h>

static void test_traces(void **state)
{
    (void)state;
    check_traces("markov", NULL, false);
}

static void test_options(void **state)
{
    weir_dataset *train = some_packets(120);

    (void)state;
    check_rows("markov", "gaps=lognormal", train, false);
    check_rows("markov", "classes=1 min_flows=2 size_bins=1 pieces=1 hosts=1", train, false);
    check_rows("markov", "min_flows=2 size_bins=64 pieces=4096 hosts=65536", train, false);
    weir_dataset_free(train);
}

/* Packets, duration and throughput (0 where it has no duration) of each flow, and all gaps. */
static size_t facts(const weir_dataset *data, double *packets, double *durations,
                    double *throughput, double *gaps)
{
    const uint16_t *lengths = weir_u16(weir_dataset_table(data), "pkt_len");
    weir_error error = {0};
    const weir_flows *flows = weir_dataset_flows(data, &error);
    const int64_t *time = weir_i64(weir_dataset_table(data), "time");
    size_t used = 0;

    assert_non_null(flows);
    for (uint32_t f = 0; f < flows->count; f++) {
        const uint32_t *rows = flows->rows + flows->offsets[f];
        uint32_t n = flows->offsets[f + 1] - flows->offsets[f];

        packets[f] = n;
        durations[f] = (double)(time[rows[n - 1]] - time[rows[0]]) / 1e9;
        throughput[f] = 0;
        for (uint32_t k = 0; durations[f] > 0 && k < n; k++)
            throughput[f] += lengths[rows[k]] / durations[f];
        for (uint32_t k = 1; k < n; k++)
            gaps[used++] = (double)(time[rows[k]] - time[rows[k - 1]]) / 1e9;
    }
    return used;
}

static double extreme(const double *values, size_t n, bool greatest)
{
    double found = greatest ? 0 : INFINITY;

    for (size_t i = 0; i < n; i++)
        found = greatest ? fmax(found, values[i]) : fmin(found, values[i]);
    return found;
}

static void test_beats_marginals(void **state)
{
    static double packets[3][20000], durations[3][20000], throughput[3][20000], gaps[3][20000];
    static const char *const names[] = {NULL, "marginals", "markov"};
    weir_dataset *data[3] = {some_packets(400)};
    size_t flows[3], used[3];
    double score[3][4];
    weir_error error = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        weir_request none = {0};

        if (i)
            data[i] = weir_dataset_new(generate(names[i], NULL, data[0], none, 1), &error);
        flows[i] = weir_dataset_flows(data[i], &error)->count;
        assert_true(weir_dataset_rows(data[i]) < 20000);
        used[i] = facts(data[i], packets[i], durations[i], throughput[i], gaps[i]);
        score[i][0] = weir_emd(packets[0], flows[0], packets[i], flows[i], &error);
        score[i][1] = weir_emd(durations[0], flows[0], durations[i], flows[i], &error);
        score[i][2] = weir_emd(gaps[0], used[0], gaps[i], used[i], &error);
        score[i][3] = weir_emd(throughput[0], flows[0], throughput[i], flows[i], &error);
    }
    assert_int_equal(error.status, WEIR_OK);
    for (int k = 0; k < 4; k++) {
        print_message("feature %d: marginals %g, markov %g\n", k, score[1][k], score[2][k]);
        assert_true(score[2][k] < 0.4 * score[1][k]);
    }
    /* No flow is faster, and no gap shorter, than in training. */
    assert_true(extreme(throughput[2], flows[2], true) <=
                extreme(throughput[0], flows[0], true) * (1 + 1e-9));
    assert_true(extreme(gaps[2], used[2], false) >= extreme(gaps[0], used[0], false));
    for (int i = 0; i < 3; i++)
        weir_dataset_free(data[i]);
}

/* What the service class shares does not hide what belongs to a source. */
static void test_ttl_of_source(void **state)
{
    weir_dataset *like = some_packets(400), *train, *made;
    weir_error error = {0};
    weir_request none = {0};
    size_t rows = weir_dataset_rows(like);
    uint32_t *all = malloc(rows * sizeof *all);
    weir_table *table;

    (void)state;
    assert_non_null(all);
    for (uint32_t i = 0; i < rows; i++)
        all[i] = i;
    table = weir_table_select(weir_dataset_table(like), all, rows, &error);
    assert_non_null(table);
    for (size_t i = 0; i < rows; i++)
        weir_u8_out(table, "ttl")[i] = (uint8_t)(weir_u32(table, "srcip")[i] % 251);
    train = weir_dataset_new(table, &error);
    assert_non_null(train);
    made = weir_dataset_new(generate("markov", NULL, train, none, 3), &error);
    assert_non_null(made);
    for (size_t i = 0; i < weir_dataset_rows(made); i++)
        assert_int_equal(weir_u8(weir_dataset_table(made), "ttl")[i],
                         weir_u32(weir_dataset_table(made), "srcip")[i] % 251);
    weir_dataset_free(made);
    weir_dataset_free(train);
    weir_dataset_free(like);
    free(all);
}

static void test_fields_belong_together(void **state)
{
    weir_dataset *train = some_packets(400);
    weir_error error = {0};
    weir_request none = {0};
    weir_dataset *made = weir_dataset_new(generate("markov", NULL, train, none, 5), &error);
    const weir_table *table = weir_dataset_table(made);
    const weir_flows *flows = weir_dataset_flows(made, &error);
    uint32_t counted = 0, long_flows = 0;

    (void)state;
    for (uint32_t f = 0; f < flows->count; f++) {
        const uint32_t *rows = flows->rows + flows->offsets[f];
        uint32_t n = flows->offsets[f + 1] - flows->offsets[f], first = rows[0];
        uint8_t proto = weir_u8(table, "proto")[first];

        if (proto == 1) {
            assert_int_equal(weir_u16(table, "srcport")[first], 0);
            assert_int_equal(weir_u16(table, "dstport")[first], 0);
        }
        if (proto == 17)
            assert_int_equal(weir_u16(table, "dstport")[first], 53);
        if (proto != 6) {
            assert_int_equal(weir_u8(table, "tcp_flags")[first], 0);
            continue;
        }
        assert_true((weir_u16(table, "srcport")[first] == 80) !=
                    (weir_u16(table, "dstport")[first] == 80));
        assert_int_equal(weir_u8(table, "ttl")[first],
                         weir_u16(table, "srcport")[first] == 80 ? 57 : 64);
        /* A flow begins with SYN, ends with FIN, and its identification counts. */
        assert_int_equal(weir_u8(table, "tcp_flags")[first], 2);
        for (uint32_t k = 1; k < n; k++)
            counted += (uint16_t)(weir_u16(table, "id")[rows[k]] -
                                  weir_u16(table, "id")[rows[k - 1]]) == 1;
        long_flows += n - 1;
        if (n > 1)
            assert_int_equal(weir_u8(table, "tcp_flags")[rows[n - 1]], 17);
    }
    /* Packets of one time may change places when the rows are sorted, but here they are few. */
    assert_true(counted > long_flows * 9 / 10);
    weir_dataset_free(made);
    weir_dataset_free(train);
}

static void test_records_belong_together(void **state)
{
    weir_dataset *train = some_records(600);
    weir_request none = {0};
    weir_table *out = generate("markov", NULL, train, none, 5);

    (void)state;
    for (size_t i = 0; i < weir_table_rows(out); i++) {
        const char *label = weir_category_text(out, "label", weir_codes(out, "label")[i]);
        const char *type = weir_category_text(out, "type", weir_codes(out, "type")[i]);

        assert_string_equal(label, weir_u16(out, "dstport")[i] == 23 ? "attack" : "benign");
        assert_string_equal(type, weir_u16(out, "dstport")[i] == 23 ? "scan" : "normal");
        assert_true(weir_u64(out, "byt")[i] >= 20 * weir_u64(out, "pkt")[i]);
        assert_true(weir_f64(out, "td")[i] >= 0);
    }
    weir_table_free(out);
    weir_dataset_free(train);
}

/* ---- Damaged models ---------------------------------------------------------------------------
 */

static char folder[] = "/tmp/weir-markov-XXXXXX";

/* A file of the model's folder, with a 0 behind it. */
static char *read_whole(const char *name, size_t *size)
{
    char path[64], *text;
    FILE *file;

    snprintf(path, sizeof path, "%s/model/%s", folder, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    text = calloc(*size + 1, 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, *size, file), *size);
    fclose(file);
    return text;
}

static void write_whole(const char *name, const char *text, size_t size)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof path, "%s/model/%s", folder, name);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* The status of loading the model, and of a sample if it loads; text: the error. */
static int load_model(const weir_dataset *train, char text[1024])
{
    weir_registry *registry;
    const weir_generator *generator = find_generator(&registry, "markov");
    weir_job *job = new_job(generator, registry, NULL, 1);
    const weir_request some = {.packets = 50};
    char path[64];
    void *model;
    weir_error error = {0};
    weir_table *out = empty_like(weir_dataset_table(train));

    snprintf(path, sizeof path, "%s/model", folder);
    model = weir_model_load(job, path);
    if (model) {
        weir_job_phase(job, "sample");
        weir_job_end(job, generator->sample(job, model, &some, out), &error);
    } else {
        error = *weir_job_error(job);
    }
    snprintf(text, 1024, "%s", error.text);
    weir_table_free(out);
    weir_job_free(job);
    weir_registry_free(registry);
    return error.status;
}

static void save_model(const weir_dataset *train)
{
    weir_registry *registry;
    const weir_generator *generator = find_generator(&registry, "markov");
    weir_job *job = new_job(generator, registry, NULL, 1);
    void *model = weir_job_state(job);
    json_t *about = json_object();
    char path[64];

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model", folder);
    weir_job_phase(job, "fit");
    assert_int_equal(generator->fit(job, train, model), WEIR_OK);
    assert_int_equal(weir_model_save(job, model, path, about), WEIR_OK);
    json_decref(about);
    weir_job_free(job);
    weir_registry_free(registry);
}

/* Where the data of an array begins in the safetensors file. */
static size_t data_of(const char *file, const char *name)
{
    uint64_t header;
    json_t *about, *offsets;
    size_t at;

    memcpy(&header, file, sizeof header);
    about = json_loadb(file + 8, (size_t)header, 0, NULL);
    offsets = json_object_get(json_object_get(about, name), "data_offsets");
    assert_non_null(offsets);
    at = 8 + (size_t)header + (size_t)json_integer_value(json_array_get(offsets, 0));
    json_decref(about);
    return at;
}

/* One value that makes no sense. */
static const struct damage {
    const char *array;
    size_t at;         /* bytes into it */
    double real;       /* that is put there, unless */
    uint32_t whole[2]; /* these are not 0 */
    const char *why;   /* in the message */
} damages[] = {
    {"class_spans", 0, 0, {UINT32_MAX, 2}, "outside its pool"},
    {"bin_spans", 0, 0, {0, UINT32_MAX}, "outside its pool"},
    {"kind_spans", 0, 0, {7, UINT32_MAX}, "outside its pool"},
    {"first_kind", 4, 0, {UINT32_MAX, 1}, "has no kinds"},
    {"first_kind", 0, 0, {UINT32_MAX, 1}, "has no kinds"},
    {"times", 8, -1, {0, 0}, "make no sense"},
    {"times", 16, 0, {0, 0}, "make no sense"},
    {"pieces", 0, 1.5, {0, 0}, "outside its range"},
    {"pieces", 8, 1e300, {0, 0}, "outside its range"},
    {"pieces", 24, NAN, {0, 0}, "not finite"},
    {"ends", 0, -1, {0, 0}, "'ends' has -1"},
    {"arrivals", 0, 1e300, {0, 0}, "'arrivals' has 1e+300"},
    {"class_numbers", 0, 2, {0, 0}, "'class_numbers' has 2"},
    {"kind_numbers", 0, -0.5, {0, 0}, "'kind_numbers' has -0.5"},
    {"kind_numbers", 40, -1e9, {0, 0}, "'kind_numbers' has -1e+09"},
    {"chain", 0, INFINITY, {0, 0}, "not finite"},
};

static void test_damaged_values(void **state)
{
    weir_dataset *train = some_packets(120);
    char text[1024];
    size_t size;
    char *file;

    (void)state;
    save_model(train);
    assert_int_equal(load_model(train, text), WEIR_OK);
    file = read_whole("arrays.safetensors", &size);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const struct damage *damage = &damages[i];
        size_t at = data_of(file, damage->array) + damage->at;
        char before[8];

        assert_true(at + 8 <= size);
        memcpy(before, file + at, 8);
        if (damage->whole[0] || damage->whole[1])
            memcpy(file + at, damage->whole, 8);
        else
            memcpy(file + at, &damage->real, 8);
        write_whole("arrays.safetensors", file, size);
        if (load_model(train, text) != WEIR_EDATA || !strstr(text, damage->why))
            fail_msg("%s + %zu: %s", damage->array, damage->at, text);
        memcpy(file + at, before, 8);
    }
    /* Any one byte of the values: refused or harmless, never a crash. */
    for (size_t at = data_of(file, "times"), step = (size - at) / 400 + 1; at < size; at += step) {
        file[at] = (char)(file[at] ^ 0x55);
        write_whole("arrays.safetensors", file, size);
        load_model(train, text);
        file[at] = (char)(file[at] ^ 0x55);
    }
    write_whole("arrays.safetensors", file, size);
    assert_int_equal(load_model(train, text), WEIR_OK);
    free(file);
    weir_dataset_free(train);
}

/* A model of the case before, with other numbers of classes, kinds and bins than its arrays have.
 */
static void test_damaged_sizes(void **state)
{
    static const struct {
        const char *name;
        double value;
        const char *why;
    } cases[] = {{"classes", 0, "'classes' is 0"},     {"classes", 1e5, "must be"},
                 {"classes", 1.5, "'classes' is 1.5"}, {"kinds", 1e6, "must be"},
                 {"bins", 65, "'bins' is 65"},         {"bins", 1, "must be"},
                 {"flows", 0, "make no sense"},        {"most_packets", 1e30, "make no sense"}};
    weir_dataset *train = some_packets(120);
    char text[1024], command[64];
    size_t size;
    char *file = read_whole("model.json", &size);
    json_t *model = json_loads(file, 0, NULL), *values = json_object_get(model, "values");

    (void)state;
    assert_non_null(values);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *before = json_incref(json_object_get(values, cases[i].name));
        char *changed;

        assert_non_null(before);
        json_object_set_new(values, cases[i].name, json_real(cases[i].value));
        changed = json_dumps(model, 0);
        write_whole("model.json", changed, strlen(changed));
        if (load_model(train, text) != WEIR_EDATA || !strstr(text, cases[i].why))
            fail_msg("%s = %g: %s", cases[i].name, cases[i].value, text);
        json_object_set_new(values, cases[i].name, before);
        free(changed);
    }
    write_whole("model.json", file, size);
    assert_int_equal(load_model(train, text), WEIR_OK);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    json_decref(model);
    free(file);
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_beats_marginals),
        cmocka_unit_test(test_fields_belong_together),
        cmocka_unit_test(test_records_belong_together),
        cmocka_unit_test(test_ttl_of_source),
        cmocka_unit_test(test_damaged_values),
        cmocka_unit_test(test_damaged_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
