/* Pooling, convolutions by windows of two sides, and the classifier's network against PyTorch in
 * float64. Covers: core/nn/layers/pooling.c core/nn/models/classifier_network.c */
#include "golden_nn.h"
#include "nn/models/classify.h"

static const struct {
    const char *name;
    nn_sweep window;
} pools[] = {{"two", {2, 2, 2, 0, 0}},   {"three", {3, 3, 2, 0, 0}}, {"around", {3, 3, 1, 1, 1}},
             {"apart", {3, 3, 3, 1, 1}}, {"wide", {1, 2, 2, 0, 0}},  {"high", {5, 2, 1, 2, 1}}};

static void pool(golden *c, nn_node *x, const char *image, bool largest)
{
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
        const char *key =
            nn_namef(c->g, "%s.%s.%s", image, largest ? "max" : "mean", pools[i].name);
        nn_node *y =
            largest ? nn_max_pool(x, &pools[i].window) : nn_average_pool(x, &pools[i].window);
        nn_node *loss = nn_total(nn_mul(y, golden_input(c, key)));

        golden_expect(c, y, nn_namef(c->g, "out.%s", key));
        golden_expect_gradient(c, loss, x, nn_namef(c->g, "grad.%s", key));
    }
}

static void run_pooling(golden *c)
{
    static const struct {
        const char *name;
        nn_sweep window;
    } convolutions[] = {{"row", {1, 5, 1, 0, 2}},
                        {"column", {5, 1, 1, 2, 0}},
                        {"oblong", {3, 2, 2, 0, 1}},
                        {"same", {3, 3, 0, 1, 1}}}; /* a stride of 0 means 1 */
    nn_node *image = golden_input(c, "image"), *ties = golden_input(c, "ties");

    pool(c, image, "image", true);
    pool(c, image, "image", false);
    pool(c, ties, "ties", true);
    pool(c, ties, "ties", false);
    for (size_t i = 0; i < sizeof convolutions / sizeof convolutions[0]; i++) {
        const char *name = convolutions[i].name;
        nn_node *y = nn_conv_sweep(image, 4, &convolutions[i].window, false, name);
        nn_node *loss = nn_total(nn_mul(nn_square(y), golden_input(c, name)));

        golden_expect(c, y, nn_namef(c->g, "out.%s", name));
        golden_expect_gradient(c, loss, image, nn_namef(c->g, "grad.image.%s", name));
        assert_int_equal(golden_expect_gradients(c, loss, "grad.", name), 2);
    }
    golden_run(c, NULL);
}

static void pooling(void **state)
{
    (void)state;
    golden_each(run_pooling, "pooling");
}

static void refused(const nn_sweep *window, int which, const char *text)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.device = "cpu", .threads = 1});
    nn_node *x = nn_input(g, "x", 4, (int64_t[]){1, 4, 4, 2});
    nn_node *y = which == 0   ? nn_max_pool(x, window)
                 : which == 1 ? nn_average_pool(x, window)
                              : nn_conv_sweep(x, 2, window, true, "c");

    assert_int_equal(nn_status(g), WEIR_EOPTION);
    if (!strstr(nn_error(g)->text, text))
        fail_msg("%s", nn_error(g)->text);
    assert_ptr_equal(nn_max_pool(y, window), y); /* poison stays poison */
    nn_graph_free(g);
}

static void impossible_windows(void **state)
{
    (void)state;
    refused(&(nn_sweep){5, 5, 1, 0, 0}, 0, "max_pool: a window of 5 x 5");
    refused(&(nn_sweep){2, 2, 1, 2, 0}, 1, "average_pool: a window of 2 x 2, padding 2 and 0");
    refused(&(nn_sweep){2, -2, 1, 0, 0}, 1, "none can be negative");
    refused(&(nn_sweep){2, 2, -1, 0, 0}, 2, "conv(c): a window of 2 x 2, stride -1");
    refused(&(nn_sweep){9, 1, 1, 0, 0}, 2, "exceeds");
    refused(&(nn_sweep){1, 1, 1, INT64_MAX, 0}, 0, "does not fit");
    refused(&(nn_sweep){INT64_MAX, 1, 1, INT64_MAX / 2, 0}, 1, "pad: ");
}

static void run_classifier(golden *c)
{
    const weir_classifier_settings settings = {
        .kind = WEIR_CNN, .levels = 2, .base = 4, .width = 6};
    nn_node *x = golden_input(c, "x"), *label = golden_input(c, "label"), *features, *loss;

    loss = nn_cross_entropy(cl_logits(cl_features(x, &settings), 3, &settings), label);
    golden_expect(c, loss, "out.loss");
    assert_int_equal(golden_expect_gradients(c, loss, "grad.", "net."), 10);
    nn_training(c->g, false);
    features = cl_features(x, &settings);
    golden_expect(c, features, "out.features");
    golden_expect(c, nn_softmax(cl_logits(features, 3, &settings), -1), "out.probability");
    golden_run(c, NULL);
}

static void classifier(void **state)
{
    (void)state;
    golden_each(run_classifier, "classifier");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooling),
        cmocka_unit_test(impossible_windows),
        cmocka_unit_test(classifier),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
