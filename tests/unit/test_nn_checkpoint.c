/* Checkpoints: all that lasts comes back, bit for bit, and one of another graph is told.
 * Covers: core/nn/train/checkpoint.c core/nn/train/lasting.c */
#include <math.h>

#include "nn/train/lasting.h"
#include "nn_files.h"

static nn_graph *a_model(uint64_t seed, int64_t noise_width)
{
    nn_graph *g = some_variables(seed);

    nn_input(g, "x", 2, (int64_t[]){8, 3});
    nn_noise_normal(g, "z", 2, (int64_t[]){8, noise_width});
    nn_noise_uniform(g, "drop", 1, (int64_t[]){8});
    return g;
}

static nn_node *noise_of(nn_graph *g, const char *name)
{
    int at = 0;

    return nn_next_leaf(g, NN_OP_NOISE, name, &at);
}

static void everything_comes_back(void **state)
{
    nn_graph *a = a_model(3, 5), *b = a_model(3, 5);
    uint64_t draws = 0;
    nn_real step = 41;

    (void)state;
    nn_write(nn_find(a, "net.steps"), &step);
    nn_write(nn_find(a, "other.weight"), (nn_real[]){1, NAN, -INFINITY, (nn_real)1e-38});
    nn_set_draws(noise_of(a, "z"), UINT64_C(1) << 60 | 3);
    nn_set_draws(noise_of(a, "drop"), 12);
    assert_int_equal(nn_checkpoint_save(a, in_folder("c.safetensors")), WEIR_OK);
    assert_int_equal(nn_checkpoint_load(b, in_folder("c.safetensors")), WEIR_OK);
    assert_same_value(a, b, "net.steps");
    assert_same_value(a, b, "net.0.weight");
    assert_same_value(a, b, "other.weight"); /* not finite values too */
    nn_draws(noise_of(b, "z"), &draws);
    assert_true(draws == (UINT64_C(1) << 60 | 3));
    nn_draws(noise_of(b, "drop"), &draws);
    assert_int_equal(draws, 12);
    /* what is saved again is the same file */
    assert_int_equal(nn_checkpoint_save(b, in_folder("d.safetensors")), WEIR_OK);
    {
        char *left = NULL, *right = NULL;
        size_t n[2] = {0};
        for (int i = 0; i < 2; i++) {
            FILE *file = fopen(in_folder(i ? "d.safetensors" : "c.safetensors"), "rb");
            char **text = i ? &right : &left;
            *text = malloc(1 << 16);
            n[i] = fread(*text, 1, 1 << 16, file);
            fclose(file);
        }
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(left, right, n[0]);
        free(left);
        free(right);
    }
    nn_graph_free(a);
    nn_graph_free(b);
}

static void refused(nn_graph *g, const char *a, const char *b)
{
    nn_graph *same = some_variables(g->settings.seed);

    assert_int_not_equal(nn_checkpoint_load(g, in_folder("c.safetensors")), WEIR_OK);
    assert_says(g, WEIR_EDATA, a, b);
    g->error = (weir_error){0};
    assert_same_value(g, same, "net.0.weight"); /* nothing was set */
    nn_graph_free(g);
    nn_graph_free(same);
}

static void another_graphs_is_refused(void **state)
{
    nn_graph *a = a_model(3, 5), *g;
    nn_real seven = 7;

    (void)state;
    for (int i = 0; i < 6; i++) /* so that it would be seen */
        nn_write(nn_find(a, "net.0.weight"), (nn_real[]){1, 2, 3, 4, 5, seven});
    assert_int_equal(nn_checkpoint_save(a, in_folder("c.safetensors")), WEIR_OK);
    nn_graph_free(a);
    refused(a_model(4, 5), "of seed 3", "seed 4");
    refused(a_model(3, 6), "other inputs or noises", "c.safetensors");
    g = a_model(3, 5);
    nn_noise_normal(g, "more", 0, NULL);
    refused(g, "no count of draws", "'more'");
    g = a_model(3, 5);
    nn_input(g, "more", 0, NULL);
    refused(g, "other inputs or noises", "");
    g = a_model(3, 5);
    nn_parameter(g, "net.2", 1, (int64_t[]){1}, from(0, 0));
    refused(g, "it has no parameter 'net.2' [1]", "");
    g = some_variables(3);
    nn_input(g, "x", 2, (int64_t[]){8, 3});
    nn_noise_normal(g, "z", 2, (int64_t[]){8, 5});
    refused(g, "draws of 2 noises", "has 1");

    a = a_model(3, 5);
    nn_state(a, "net.moment", 1, (int64_t[]){3}, from(0, 0));
    assert_int_equal(nn_checkpoint_save(a, in_folder("c.safetensors")), WEIR_OK);
    nn_graph_free(a);
    refused(a_model(3, 5), "'net.moment' is no variable", "another model");

    a = some_variables(3); /* weights are no checkpoint */
    assert_int_equal(nn_save(a, "", in_folder("c.safetensors")), WEIR_OK);
    nn_graph_free(a);
    refused(some_variables(3), "no checkpoint", "");
}

/* ---- A fit that goes on -----------------------------------------------------------------------
 */

/* Noise, dropout, batch statistics, moments, a schedule, an average: all that a fit carries along.
 */
static nn_program *a_fit(uint64_t seed, nn_graph **graph, nn_node **loss)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = seed, .device = "cpu", .threads = 2});
    nn_node *z = nn_noise_normal(g, "z", 2, (int64_t[]){8, 5}), *x = nn_input(g, "x", 0, NULL);
    nn_node *h = nn_batch_norm(nn_linear(z, 16, "net.0"), 0, 0, "net.norm");
    nn_node *tick, *t = nn_counter(g, "net.t", &tick), *out[5];

    h = nn_dropout(nn_relu(h), 0.3, "net.drop");
    *loss = nn_mean(nn_square(nn_sub(nn_linear(h, 1, "net.1"), x)));
    out[0] = *loss;
    out[1] = nn_adam(
        *loss, "net.",
        &(nn_adam_options){.update = {.rate = nn_schedule_cosine(t, 1e-2, 1e-4, 40), .clip = 0.5}});
    out[2] = nn_updates(g, "net.");
    out[3] = nn_ema(g, "net.", 0.9);
    out[4] = tick;
    *graph = g;
    return nn_compile(g, 1, &(nn_stage){"step", 5, out});
}

static void go(nn_graph *g, nn_program *program, int first, int last)
{
    nn_node *x = NULL;

    for (int i = 0; i < g->count; i++)
        if (g->nodes[i]->op == NN_OP_INPUT)
            x = g->nodes[i];
    for (int i = first; i < last; i++) {
        nn_real value = (nn_real)(i % 3);
        nn_write(x, &value);
        if (nn_run(program, 0) != WEIR_OK)
            fail_msg("%s", nn_error(g)->text);
    }
}

static size_t whole_file(const char *name, char *bytes, size_t size)
{
    FILE *file = fopen(in_folder(name), "rb");
    size_t n;

    assert_non_null(file);
    n = fread(bytes, 1, size, file);
    fclose(file);
    return n;
}

static void a_resumed_fit_is_the_uninterrupted_one(void **state)
{
    static char left[1 << 18], right[1 << 18];
    nn_graph *whole, *begun, *resumed;
    nn_node *loss[3];
    nn_program *programs[3] = {a_fit(6, &whole, &loss[0]), a_fit(6, &begun, &loss[1]),
                               a_fit(6, &resumed, &loss[2])};
    nn_real value[2];
    size_t n;

    (void)state;
    go(whole, programs[0], 0, 24);
    go(begun, programs[1], 0, 11);
    assert_int_equal(nn_checkpoint_save(begun, in_folder("c.safetensors")), WEIR_OK);
    if (nn_checkpoint_load(resumed, in_folder("c.safetensors")) != WEIR_OK)
        fail_msg("%s", nn_error(resumed)->text);
    go(resumed, programs[2], 11, 24);
    nn_read(programs[0], loss[0], &value[0]);
    nn_read(programs[2], loss[2], &value[1]);
    assert_memory_equal(&value[0], &value[1], sizeof value[0]);
    assert_int_equal(nn_checkpoint_save(whole, in_folder("a.safetensors")), WEIR_OK);
    assert_int_equal(nn_checkpoint_save(resumed, in_folder("b.safetensors")), WEIR_OK);
    n = whole_file("a.safetensors", left, sizeof left);
    assert_true(n > 1000 && n < sizeof left);
    assert_int_equal(whole_file("b.safetensors", right, sizeof right), n);
    assert_memory_equal(left, right, n);
    /* and not because nothing happens */
    go(resumed, programs[2], 24, 25);
    assert_int_equal(nn_checkpoint_save(resumed, in_folder("b.safetensors")), WEIR_OK);
    whole_file("b.safetensors", right, sizeof right);
    assert_true(memcmp(left, right, n) != 0);
    nn_graph_free(whole);
    nn_graph_free(begun);
    nn_graph_free(resumed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(another_graphs_is_refused),
        cmocka_unit_test(a_resumed_fit_is_the_uninterrupted_one),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
