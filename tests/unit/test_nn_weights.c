/* Weights as files: they come back, Python's are read, and a file that does not fit sets nothing.
 * Covers: core/nn/train/weights.c core/nn/train/lasting.c */
#include "nn/graph.h"
#include "nn_files.h"

static void weights_come_back(void **state)
{
    nn_graph *a = some_variables(1), *b = some_variables(2);
    nn_real seven = 7, other[4], kept[4];
    weir_tensors tensors = {0};

    (void)state;
    nn_write(nn_find(a, "net.steps"), &seven);
    nn_value(nn_find(b, "other.weight"), kept);
    assert_int_equal(nn_save(a, "net.", in_folder("w.safetensors")), WEIR_OK);
    assert_int_equal(nn_load(b, "net.", in_folder("w.safetensors")), WEIR_OK);
    assert_same_value(a, b, "net.0.weight");
    assert_same_value(a, b, "net.0.bias");
    assert_same_value(a, b, "net.1.weight");
    assert_same_value(a, b, "net.1.bias");
    assert_same_value(a, b, "net.steps");
    nn_value(nn_find(b, "other.weight"), other); /* of another prefix: as it was */
    assert_memory_equal(other, kept, sizeof kept);

    assert_int_equal(weir_tensors_read(&tensors, in_folder("w.safetensors"), NULL), WEIR_OK);
    assert_int_equal(tensors.count, 5);
    assert_int_equal(weir_tensors_find(&tensors, "net.0.weight")->shape[1], 3);
    assert_int_equal(weir_tensors_find(&tensors, "net.steps")->rank, 0);
    assert_non_null(strstr(weir_tensors_noted(&tensors, "writer"), "weir "));
    assert_non_null(strstr(weir_tensors_noted(&tensors, "states"), " net.steps "));
    weir_tensors_free(&tensors);
    nn_graph_free(a);
    nn_graph_free(b);
}

/* tests/golden/weights.py made the file with Python's package. */
static void a_file_of_python_is_loaded(void **state)
{
    nn_graph *g = some_variables(1);
    nn_real weight[6], bias[2], steps;

    (void)state;
    assert_int_equal(nn_load(g, "net.", WEIR_SOURCE_DIR "/tests/golden/weights.safetensors"),
                     WEIR_OK);
    nn_value(nn_find(g, "net.0.weight"), weight);
    nn_value(nn_find(g, "net.0.bias"), bias);
    nn_value(nn_find(g, "net.steps"), &steps);
    for (int i = 0; i < 6; i++)
        assert_true(weight[i] == (nn_real)i / 4);
    assert_true(bias[0] == (nn_real)-1.5 && bias[1] == (nn_real)2.25 && steps == 7);
    nn_graph_free(g);
}

/* A sampler has no optimiser: states that it lacks are passed over, parameters are not. */
static void spare_states_are_passed_over(void **state)
{
    nn_graph *a = some_variables(1), *b;

    (void)state;
    nn_state(a, "net.adam.net.0.bias", 1, (int64_t[]){2}, from(0, 0));
    assert_int_equal(nn_save(a, "net.", in_folder("w.safetensors")), WEIR_OK);
    b = some_variables(2);
    assert_int_equal(nn_load(b, "net.", in_folder("w.safetensors")), WEIR_OK);
    assert_same_value(a, b, "net.0.weight");
    nn_graph_free(b);
    nn_parameter(a, "net.2.bias", 1, (int64_t[]){2}, from(0, 0));
    assert_int_equal(nn_save(a, "net.", in_folder("w.safetensors")), WEIR_OK);
    b = some_variables(2);
    nn_load(b, "net.", in_folder("w.safetensors"));
    assert_says(b, WEIR_EDATA, "w.safetensors: 'net.2.bias' is no variable", "of another model");
    nn_graph_free(b);
    nn_graph_free(a);
}

/* ---- What does not fit ------------------------------------------------------------------------*/

/* The file of some_variables with one array replaced. */
static void write_with(const char *name, const char *as, weir_type type, int rank,
                       const uint64_t *shape)
{
    weir_tensors all = {0}, made = {0};
    static const double zeros[64];

    assert_int_equal(weir_tensors_read(&all, in_folder("good.safetensors"), NULL), WEIR_OK);
    for (size_t i = 0; i < all.count; i++) {
        const weir_tensor *item = &all.items[i];
        if (strcmp(item->name, name) != 0)
            weir_tensors_add(&made, item->name, item->type, item->rank, item->shape, item->data,
                             NULL);
        else if (as)
            weir_tensors_add(&made, as, type, rank, shape, zeros, NULL);
    }
    assert_int_equal(weir_tensors_write(&made, in_folder("bad.safetensors"), NULL), WEIR_OK);
    weir_tensors_free(&all);
    weir_tensors_free(&made);
}

static void refused(const char *a, const char *b)
{
    nn_graph *g = some_variables(5), *untouched = some_variables(5);

    assert_int_not_equal(nn_load(g, "net.", in_folder("bad.safetensors")), WEIR_OK);
    assert_says(g, WEIR_EDATA, a, b);
    assert_non_null(strstr(nn_error(g)->text, "bad.safetensors"));
    g->error = (weir_error){0}; /* so that its values can be read */
    assert_same_value(g, untouched, "net.0.weight");
    assert_same_value(g, untouched, "net.1.bias");
    nn_graph_free(g);
    nn_graph_free(untouched);
}

static void what_does_not_fit_sets_nothing(void **state)
{
    const weir_type real = sizeof(nn_real) == 4 ? WEIR_F32 : WEIR_F64;
    nn_graph *g = some_variables(1);

    (void)state;
    assert_int_equal(nn_save(g, "net.", in_folder("good.safetensors")), WEIR_OK);
    nn_graph_free(g);
    write_with("net.1.weight", NULL, real, 0, NULL);
    refused("it has no parameter 'net.1.weight' [1][2]", "");
    write_with("net.steps", NULL, real, 0, NULL);
    refused("it has no state 'net.steps' []", "");
    write_with("net.1.weight", "net.1.weights", real, 2, (uint64_t[]){1, 2});
    refused("it has no parameter 'net.1.weight'", "");
    write_with("net.1.weight", "net.1.weight", real, 2, (uint64_t[]){2, 1});
    refused("'net.1.weight' is [2][1] there", "must be [1][2]");
    write_with("net.1.weight", "net.1.weight", real, 1, (uint64_t[]){2});
    refused("'net.1.weight' is [2] there", "must be [1][2]");
    write_with("net.1.bias", "net.1.bias", real, 0, NULL);
    refused("'net.1.bias' is [] there", "must be [1]");
    write_with("net.1.weight", "net.1.weight", WEIR_I64, 2, (uint64_t[]){1, 2});
    refused("'net.1.weight' is of type i64", "must be f32");
    write_with("net.1.weight", "net.1.weight", WEIR_F64, 2, (uint64_t[]){1, 2});
    if (sizeof(nn_real) == 4)
        refused("'net.1.weight' is of type f64", "must be f32");
    weir_file_write(in_folder("bad.safetensors"), "no", 2, NULL);
    refused("not a safetensors file", "");
}

static void what_cannot_be_written(void **state)
{
    nn_graph *g = some_variables(1);

    (void)state;
    nn_save(g, "nothing.", in_folder("x.safetensors"));
    assert_says(g, WEIR_EOPTION, "begins with 'nothing.'", "x.safetensors");
    nn_graph_free(g);
    g = some_variables(1);
    nn_save(g, "", in_folder("absent/x.safetensors"));
    assert_says(g, WEIR_EIO, "absent/x.safetensors", "No such file");
    assert_int_equal(nn_save(g, "", in_folder("y.safetensors")), WEIR_EIO); /* sticky */
    nn_graph_free(g);
}

static void a_graph_copies_another(void **state)
{
    nn_graph *a = some_variables(1), *b = some_variables(2), *c;
    nn_real other[4], kept[4];

    (void)state;
    nn_value(nn_find(b, "other.weight"), kept);
    assert_int_equal(nn_copy(b, a, "net."), WEIR_OK);
    assert_same_value(a, b, "net.0.weight");
    assert_same_value(a, b, "net.1.bias");
    nn_value(nn_find(b, "other.weight"), other);
    assert_memory_equal(other, kept, sizeof kept);
    nn_parameter(b, "net.more", 1, (int64_t[]){2}, from(0, 0));
    nn_copy(b, a, "net.");
    assert_says(b, WEIR_EOPTION, "has no parameter 'net.more' [2]", "");
    c = nn_graph_new(&(nn_settings){.device = "null"});
    nn_parameter(c, "net.0.bias", 1, (int64_t[]){3}, from(0, 0));
    nn_copy(c, a, "");
    assert_says(c, WEIR_EOPTION, "'net.0.bias' is [2]", "[3]");
    nn_graph_free(a);
    nn_graph_free(b);
    nn_graph_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_come_back),
        cmocka_unit_test(a_file_of_python_is_loaded),
        cmocka_unit_test(spare_states_are_passed_over),
        cmocka_unit_test(what_does_not_fit_sets_nothing),
        cmocka_unit_test(what_cannot_be_written),
        cmocka_unit_test(a_graph_copies_another),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
