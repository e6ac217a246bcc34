/* The benchmarks' models at full size: the gradients of one critic and one generator step against
 * PyTorch in float64 (tests/golden/nn/full_size.py), on two threads, with all that the compiler
 * does. */
#include "../bench/nn_models.h"
#include "golden_gradients.h"

static void run_stage(const model *m, int stage)
{
    if (nn_run(m->program, stage))
        fail_msg("%s", nn_error(m->graph)->text);
}

/* critics: their names, ended by NULL. */
static void check_with(unsigned debug, const char *name, model (*build)(nn_graph *g),
                       const char *const *critics, double beta1)
{
    json_t *document = golden_load("nn/full_size.json");
    const json_t *golden = json_object_get(document, name);
    nn_graph *g =
        nn_graph_new(&(nn_settings){.seed = 1, .device = "cpu", .threads = 2, .debug = debug});
    model m = build(g);

    if (!m.program)
        fail_msg("%s: %s", name, nn_error(g)->text);
    set_weights(g);
    run_stage(&m, 0);
    run_stage(&m, 1);
    for (; *critics; critics++)
        check_gradients(g, golden, *critics, beta1);
    set_weights(g); /* the generator's step is compared with the critics as they were */
    run_stage(&m, 2);
    check_gradients(g, golden, "generator", beta1);
    nn_graph_free(g);
    json_decref(document);
}

static void check(const char *name, model (*build)(nn_graph *g), const char *const *critics,
                  double beta1)
{
    check_with(0, name, build, critics, beta1);
#ifndef NN_DOUBLE /* which takes five times as long */
    check_with(NN_NO_VIEWS, name, build, critics, beta1);
    check_with(NN_NO_REWRITE, name, build, critics, beta1);
#endif
}

static void flow(void **state)
{
    static const char *const critics[] = {"critic", NULL};

    (void)state;
    check("flow", cascade_flow, critics, 0.9);
}

static model short_rate(nn_graph *g)
{
    return cascade_rate(g, 40);
}

static void rate(void **state)
{
    static const char *const critics[] = {"critic", NULL};

    (void)state;
    check("rate", short_rate, critics, 0.9);
}

static void netshare_iteration(void **state)
{
    static const char *const critics[] = {"critic", "attribute_critic", NULL};

    (void)state;
    check("netshare", netshare, critics, 0.5);
}

#ifndef NN_DOUBLE /* whose convolutions are plain loops */
static void unet_step(void **state)
{
    json_t *document = golden_load("nn/full_size.json");
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 1, .device = "cpu", .threads = 2});
    model m = unet_training(g, 16);

    (void)state;
    if (!m.program)
        fail_msg("%s", nn_error(g)->text);
    set_weights(g);
    run_stage(&m, 0);
    check_gradients(g, json_object_get(document, "unet"), "net", 0.9);
    nn_graph_free(g);
    json_decref(document);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flow),
        cmocka_unit_test(rate),
        cmocka_unit_test(netshare_iteration),
#ifndef NN_DOUBLE
        cmocka_unit_test(unet_step),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
