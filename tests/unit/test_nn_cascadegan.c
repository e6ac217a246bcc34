/* The networks and the joint training step of the generator cascadegan: shapes, masks, gradients
 * against PyTorch in float64 (tests/golden/nn/cascade.py).
 * Covers: plugins/generators/cascadegan/networks.c, stages.c */
#include "golden_gradients.h"
#include <weir/nn_plugin.h>

/* The encoders that the networks ask are layouts here. */
#define weir_encoder_layout layout_of
const weir_layout *layout_of(const weir_encoder *encoder);
#include "../../plugins/generators/cascadegan/networks.c"
#undef SHAPE
#define join join_of_stages
#include "../../plugins/generators/cascadegan/stages.c"

enum { STEPS_OF_SERIES = 7, MOST_SEGMENTS = 3 * STEPS_OF_SERIES };

static struct world {
    struct cascade_options options;
    struct cascade_model model;
    weir_layout layout[ROLES];
    weir_segment segment[ROLES][MOST_SEGMENTS];
} world;

const weir_layout *layout_of(const weir_encoder *encoder)
{
    return (const weir_layout *)(const void *)encoder;
}

static void add_segment(int role, uint32_t width, weir_activation activation)
{
    weir_layout *layout = &world.layout[role];

    assert_true(layout->count < MOST_SEGMENTS);
    world.segment[role][layout->count] = (weir_segment){.width = width, .activation = activation};
    layout->segments = world.segment[role];
    layout->count++;
    layout->width += width;
}

/* The sizes of cascade.py. */
static struct cascade_model *make_world(bool published)
{
    struct cascade_model *m = &world.model;

    memset(&world, 0, sizeof world);
    world.options = (struct cascade_options){.steps = STEPS_OF_SERIES,
                                             .sample_len = 3,
                                             .window = 5,
                                             .zero_inflation = published,
                                             .adjust = true,
                                             .conditions_from = FROM_REAL,
                                             .rate_backbone = published ? RATE_LSTM : RATE_MLP,
                                             .field_backbone = published ? FIELD_MLP : FIELD_LSTM,
                                             .penalty_over = published ? OVER_OUTPUTS : OVER_INPUTS,
                                             .width = 24,
                                             .critic_width = 24,
                                             .critic_layers = 2,
                                             .noise = 5,
                                             .batch = 16,
                                             .critic_steps = 5,
                                             .learning_rate = 1e-4,
                                             .beta1 = 0.9,
                                             .beta2 = 0.999,
                                             .penalty = 10,
                                             .alpha = 0.7,
                                             .beta = 1.3,
                                             .epochs_joint = 1};
    for (int role = 0; role < ROLES; role++)
        m->encoder[role] = (weir_encoder *)(void *)&world.layout[role];
    add_segment(ROLE_CONDITIONS, 3, WEIR_SIGMOID);
    for (int i = 0; i < 4; i++)
        add_segment(ROLE_ADDRESSES, 2, WEIR_SOFTMAX);
    add_segment(ROLE_PORTS, 6, WEIR_TANH);
    for (int t = 0; t < STEPS_OF_SERIES; t++) {
        add_segment(ROLE_SERIES, 4, WEIR_SIGMOID);
        if (published)
            add_segment(ROLE_SERIES, 2, WEIR_SOFTMAX);
        add_segment(ROLE_SERIES, 2, WEIR_SOFTMAX);
    }
    add_segment(ROLE_FIELDS, 2, WEIR_SIGMOID);
    add_segment(ROLE_FIELDS, 3, WEIR_SOFTMAX);
    add_segment(ROLE_FIELDS, 1, WEIR_SIGMOID);
    m->options = &world.options;
    m->conditions = 3;
    m->addresses = 8;
    m->ports = 6;
    m->tuple = 14;
    m->fields = 6;
    m->steps = STEPS_OF_SERIES;
    m->step_width = published ? 8 : 6;
    m->empty_pair = published;
    m->sequence = published ? 1 : 4;
    return m;
}

static nn_graph *new_graph(unsigned debug)
{
    nn_graph *g =
        nn_graph_new(&(nn_settings){.seed = 1, .device = "cpu", .threads = 1, .debug = debug});

    assert_non_null(g);
    return g;
}

static void check_status(const nn_graph *g)
{
    if (nn_status(g))
        fail_msg("%s", nn_error(g)->text);
}

/* ---- The joint step ---------------------------------------------------------------------------*/

static void write_index(const struct cascade_model *m, nn_node *index)
{
    nn_real rows[16 * 5];

    for (int i = 0; i < 16; i++)
        for (int k = 0; k < 5; k++)
            rows[5 * i + k] = (nn_real)(cascade_window_row(m, i, i * 3 % STEPS_OF_SERIES) + k);
    nn_write(index, rows);
}

static void check_joint(const char *name, bool published, unsigned debug)
{
    const struct cascade_model *m = make_world(published);
    json_t *document = golden_load("nn/cascade.json");
    const json_t *golden = json_object_get(document, name);
    struct cascade_graph built = {0};
    struct cascade_stage *stage = &built.stage[STAGE_JOINT];
    nn_graph *g = new_graph(debug);
    nn_program *program;

    cascade_build(g, m, &built);
    check_status(g);
    assert_int_equal(stage->fakes, 2);
    assert_int_equal(stage->runs, 4);
    assert_int_equal(stage->terms, 9);
    program = nn_compile(g, stage->runs, stage->run);
    set_weights(g);
    write_index(m, built.index);
    for (int run = 0; run < 3; run++)
        nn_run(program, run);
    check_status(g);
    check_gradients(g, golden, "critic", 0.9);
    set_weights(g); /* the generators' step is compared with the critics as they were */
    write_index(m, built.index);
    nn_run(program, 3);
    check_status(g);
    check_gradients(g, golden, "generator", 0.9);
    nn_graph_free(g);
    json_decref(document);
}

static void joint_step_as_published(void **state)
{
    (void)state;
    check_joint("published", true, 0);
    check_joint("published", true, NN_NO_REWRITE | NN_NO_FUSION | NN_NO_VIEWS);
}

static void joint_step_of_the_other_networks(void **state)
{
    (void)state;
    check_joint("other", false, 0);
    check_joint("other", false, NN_NO_REWRITE | NN_NO_FUSION | NN_NO_VIEWS);
}

/* ---- Shapes and masks -------------------------------------------------------------------------*/

static void assert_shape(nn_node *x, int rank, const int64_t *shape)
{
    assert_int_equal(nn_rank(x), rank);
    for (int i = 0; i < rank; i++)
        assert_int_equal(nn_size(x, i), shape[i]);
}

static nn_node *zeros(nn_graph *g, int64_t rows, int64_t width)
{
    return nn_broadcast(nn_scalar(g, 0), 2, (int64_t[]){rows, width});
}

/* For any number of rows; equal names share the weights. */
static void shapes_of_a_sampler(void **state)
{
    for (int published = 0; published < 2; published++) {
        const struct cascade_model *m = make_world(published);
        nn_graph *g = new_graph(0);
        nn_node *condition, *tuple, *series, *window;
        int weights;

        cascade_variables(g, m);
        weights = nn_parameters(g, "", 0, NULL);
        assert_int_equal(nn_parameters(g, "generator.", 0, NULL), weights);
        condition = zeros(g, 3, 3);
        window = zeros(g, 3, 5 * m->step_width);
        tuple = cascade_flow_network(m, condition, "noise.a");
        series = cascade_rate_network(m, condition, tuple, "noise.b");
        assert_shape(tuple, 2, (int64_t[]){3, 14});
        assert_shape(series, 2, (int64_t[]){3, 7 * m->step_width});
        assert_shape(
            cascade_field_network(m, condition, tuple, window, published ? 1 : 11, "noise.c"), 3,
            (int64_t[]){3, published ? 1 : 11, 6});
        assert_shape(cascade_condition_network(g, m, 9, "noise.d"), 2, (int64_t[]){9, 3});
        check_status(g);
        assert_int_equal(nn_parameters(g, "generator.flow", 0, NULL) +
                             nn_parameters(g, "generator.rate", 0, NULL) +
                             nn_parameters(g, "generator.field", 0, NULL),
                         weights);
        nn_graph_free(g);
    }
    (void)state;
}

/* A series of one flow, three steps, of 0.5 but for the pairs, masked; its gradient as well. */
struct masked {
    nn_real x[24], slope[24];
};

static struct masked mask(const struct cascade_model *m, const nn_real *pairs)
{
    int64_t wide = m->step_width, pair = wide - 4;
    struct masked result = {0};
    nn_graph *g = new_graph(0);
    nn_node *x = nn_input(g, "x", 3, (int64_t[]){1, 3, wide}), *y, *slope;
    nn_node *outputs[2];
    nn_real values[24];
    nn_program *program;

    for (int t = 0; t < 3; t++)
        for (int k = 0; k < wide; k++)
            values[t * wide + k] = k < 4 ? (nn_real)0.5 : pairs[t * pair + k - 4];
    y = masked_series(m, x);
    nn_grad(y, 1, &x, &slope);
    outputs[0] = y;
    outputs[1] = slope;
    program = nn_compile(g, 1, &(nn_stage){"mask", 2, outputs});
    nn_write(x, values);
    nn_run(program, 0);
    nn_read(program, y, result.x);
    nn_read(program, slope, result.slope);
    check_status(g);
    nn_graph_free(g);
    return result;
}

/* Both pairs of the first step say no, and it counts all the same. */
static void first_step_is_forced(void **state)
{
    struct masked r = mask(make_world(true), (nn_real[]){0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0});

    (void)state;
    for (int k = 0; k < 4; k++) {
        assert_true(r.x[k] == (nn_real)0.5 && r.slope[k] == 1);
        assert_true(r.x[8 + k] == (nn_real)0.5 && r.x[16 + k] == (nn_real)0.5);
    }
    assert_true(r.x[5] == 1 && r.x[7] == 1); /* what the pairs say stays */
}

/* Step 1 ends the flow: step 2, which says that it goes on, does not count. */
static void activity_has_no_gaps(void **state)
{
    struct masked r = mask(make_world(true), (nn_real[]){1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0});

    (void)state;
    for (int t = 1; t < 3; t++)
        for (int k = 0; k < 6; k++)
            assert_true(r.x[8 * t + k] == 0 && r.slope[8 * t + k] == 0);
    assert_true(r.x[8 + 7] == 1 && r.x[16 + 6] == 1); /* the last pair is never masked … */
    assert_true(r.slope[8 + 7] == 1 && r.slope[16 + 6] == 1);
    r = mask(make_world(false), (nn_real[]){1, 0, 0, 1, 1, 0});
    for (int t = 1; t < 3; t++)
        for (int k = 0; k < 4; k++)
            assert_true(r.x[6 * t + k] == 0 && r.slope[6 * t + k] == 0);
    assert_true(r.x[0] == (nn_real)0.5 && r.x[12 + 4] == 1);
}

/* Step 1 is empty: its values are 0, its pairs and step 2 are not touched. */
static void empty_steps_have_no_values(void **state)
{
    struct masked r = mask(make_world(true), (nn_real[]){1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0});

    (void)state;
    for (int k = 0; k < 4; k++) {
        assert_true(r.x[8 + k] == 0 && r.slope[8 + k] == 0);
        assert_true(r.x[16 + k] == (nn_real)0.5 && r.slope[16 + k] == 1);
    }
    assert_true(r.x[8 + 5] == 1 && r.slope[8 + 5] == 1);
    /* a series that does not begin with the flow may begin empty */
    make_world(true);
    world.options.adjust = false;
    r = mask(&world.model, (nn_real[]){0, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0});
    assert_true(r.x[0] == 0 && r.x[8] == (nn_real)0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joint_step_as_published),
        cmocka_unit_test(joint_step_of_the_other_networks),
        cmocka_unit_test(shapes_of_a_sampler),
        cmocka_unit_test(first_step_is_forced),
        cmocka_unit_test(activity_has_no_gaps),
        cmocka_unit_test(empty_steps_have_no_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
