/* The engine misused: each call either works or gives an error that names the mistake, and none
 * crashes. */
#include "unit/nn_misuse.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- operations with one operand, with two: of NULL, and of two graphs ---- */

static nn_node *product(nn_node *a, nn_node *b)
{
    return nn_matmul(a, b, false, false);
}

static nn_node *convolution(nn_node *a, nn_node *b)
{
    return nn_conv2d(a, b, 1, 0);
}

static nn_node *choice(nn_node *a, nn_node *b)
{
    return nn_select(a, b, b);
}

static nn_node *joined(nn_node *a, nn_node *b)
{
    return nn_concat(0, 2, (nn_node *[]){a, b});
}

static nn_node *scattered(nn_node *a, nn_node *b)
{
    return nn_scatter(a, b, 3);
}

static nn_node *mixed(nn_node *a, nn_node *b)
{
    return nn_mix(a, b, "mix");
}

static nn_node *penalty(nn_node *a, nn_node *b)
{
    return nn_gradient_penalty(a, 1, &b, 0);
}

static nn_node *derivative(nn_node *a, nn_node *b)
{
    nn_node *grad = NULL;
    nn_grad(a, 1, &b, &grad);
    return grad;
}

static nn_node *recurrent(nn_node *a, nn_node *b)
{
    return nn_lstm(&(nn_recurrent){.sequence = a, .h = b, .c = b, .hidden = 3}, "lstm").outputs;
}

static nn_node *gated(nn_node *a, nn_node *b)
{
    return nn_gru(&(nn_recurrent){.constant = a, .h = b, .steps = 2, .hidden = 3}, "gru").outputs;
}

static nn_node *warmed(nn_node *a, nn_node *b)
{
    return nn_schedule_warmup(a, b, 10);
}

static nn_node *(*const binary[])(nn_node *, nn_node *) = {
    nn_add,         nn_sub,      nn_mul,  nn_div,           nn_max,
    product,        convolution, choice,  joined,           nn_gather,
    scattered,      nn_assign,   nn_mse,  nn_cross_entropy, nn_binary_cross_entropy,
    nn_wgan_critic, mixed,       penalty, derivative,       recurrent,
    gated,          warmed};
enum { BINARIES = sizeof binary / sizeof binary[0] };

static nn_node *(*const unary[])(nn_node *) = {
    nn_exp,     nn_expm1,  nn_log,      nn_log1p,         nn_sqrt, nn_recip, nn_tanh,
    nn_sigmoid, nn_erf,    nn_sin,      nn_cos,           nn_abs,  nn_step,  nn_floor,
    nn_neg,     nn_square, nn_total,    nn_mean,          nn_stop, nn_relu,  nn_elu,
    nn_gelu,    nn_silu,   nn_softplus, nn_wgan_generator};
enum { UNARIES = sizeof unary / sizeof unary[0] };

/* What takes an operand and numbers. */
static void build_rest(nn_node *x, nn_node **out)
{
    const int64_t two[] = {2, 2};
    int n = 0;
    out[n++] = nn_scale(x, 2);
    out[n++] = nn_shift(x, 2);
    out[n++] = nn_sum(x, 1);
    out[n++] = nn_peak(x, 1);
    out[n++] = nn_mean_over(x, 1);
    out[n++] = nn_broadcast(x, 2, two);
    out[n++] = nn_reshape(x, 2, two);
    out[n++] = nn_permute(x, (int[]){1, 0});
    out[n++] = nn_slice(x, 0, 0, 1);
    out[n++] = nn_pad(x, 0, 1, 1);
    out[n++] = nn_leaky_relu(x, 0.1);
    out[n++] = nn_softmax(x, -1);
    out[n++] = nn_log_softmax(x, -1);
    out[n++] = nn_softmax_groups(x, 2, two);
    out[n++] = nn_gumbel_softmax(x, 1, true, "gumbel");
    out[n++] = nn_linear(x, 2, "linear");
    out[n++] = nn_conv(x, 2, 1, 1, 0, "conv");
    out[n++] = nn_upsample(x, 2);
    out[n++] = nn_downsample(x, 2);
    out[n++] = nn_batch_norm(x, 0, 0, "bn");
    out[n++] = nn_layer_norm(x, 0, "ln");
    out[n++] = nn_group_norm(x, 1, 0, "gn");
    out[n++] = nn_embedding(x, 2, 2, "emb");
    out[n++] = nn_dropout(x, 0.5, "drop");
    out[n++] = nn_attention(x, 1, true, "att");
    out[n++] = nn_time_embedding(x, 2);
    out[n++] = nn_schedule_step(x, 1, 1, 1);
    out[n++] = nn_schedule_cosine(x, 1, 0, 10);
    out[n++] = nn_sgd(x, "", &(nn_sgd_options){.rate = 1});
    out[n++] = nn_adam(x, "", NULL);
    out[n++] = nn_adamw(x, "", NULL);
    out[n++] = nn_conv2d_data(x, x, 2, 2, 1, 0);
    out[n++] = nn_conv2d_weight(x, x, 2, 2, 1, 0);
    out[n] = NULL;
}

static void without_a_graph_there_is_nothing(void **state)
{
    (void)state;
    nn_node *out[64];
    for (int i = 0; i < UNARIES; i++)
        assert_null(unary[i](NULL));
    for (int i = 0; i < BINARIES; i++)
        assert_null(binary[i](NULL, NULL));
    build_rest(NULL, out);
    assert_null(out[0]);
    assert_null(nn_input(NULL, "x", 0, NULL));
    assert_null(nn_parameter(NULL, "x", 0, NULL, nn_init_constant(0)));
    assert_null(nn_state(NULL, "x", 0, NULL, nn_init_constant(0)));
    assert_null(nn_scalar(NULL, 1));
    assert_null(nn_array(NULL, 0, NULL, (double[]){1}));
    assert_null(nn_noise_uniform(NULL, "x", 0, NULL));
    assert_null(nn_noise_normal(NULL, "x", 0, NULL));
    assert_null(nn_find(NULL, "x"));
    assert_int_equal(nn_parameters(NULL, "", 0, NULL), 0);
    assert_string_equal(nn_namef(NULL, "%d", 1), "");
    assert_null(nn_label(NULL, "x"));
    assert_null(nn_graph_of(NULL));
    assert_int_equal(nn_rank(NULL), 0);
    assert_int_equal(nn_size(NULL, 3), 1);
    assert_int_equal(nn_count(NULL), 1);
    assert_null(nn_group(NULL, 0, NULL));
    assert_null(nn_updates(NULL, ""));
    nn_training(NULL, true);
    assert_int_not_equal(nn_grad(NULL, 0, NULL, NULL), WEIR_OK);
    assert_null(nn_compile(NULL, 1, NULL));
    assert_int_not_equal(nn_run(NULL, 0), WEIR_OK);
    assert_int_not_equal(nn_read(NULL, NULL, NULL), WEIR_OK);
    assert_int_not_equal(nn_write(NULL, NULL), WEIR_OK);
    assert_int_not_equal(nn_value(NULL, NULL), WEIR_OK);
    assert_int_equal(nn_program_info(NULL).kernels, 0);
    assert_true(nn_stage_operations(NULL, 0) == 0);
    assert_int_not_equal(nn_program_print(NULL, "/dev/null"), WEIR_OK);
    nn_program_free(NULL);
    nn_graph_free(NULL);
    assert_int_not_equal(nn_status(NULL), WEIR_OK);
    assert_non_null(nn_error(NULL));
    assert_non_null(nn_device(NULL));
    nn_node *update = NULL;
    assert_null(nn_counter(NULL, "n", &update));
    assert_null(nn_ema(NULL, "", 0.9));
    assert_int_not_equal(nn_ema_swap(NULL, ""), WEIR_OK);
    assert_int_not_equal(nn_save(NULL, "", "/dev/null"), WEIR_OK);
    assert_int_not_equal(nn_load(NULL, "", "/dev/null"), WEIR_OK);
    assert_int_not_equal(nn_copy(NULL, NULL, ""), WEIR_OK);
    assert_int_not_equal(nn_checkpoint_save(NULL, "/dev/null"), WEIR_OK);
    assert_int_not_equal(nn_checkpoint_load(NULL, "/dev/null"), WEIR_OK);
    assert_null(nn_guard_new(NULL, 0, NULL, 0));
    assert_int_not_equal(nn_guard_step(NULL, 1, NULL), WEIR_OK);
    nn_guard_free(NULL);
    assert_null(nn_adam_apply(NULL, 0, NULL, NULL, "", NULL));
    assert_null(nn_private_step(NULL, "", NULL).apply);
    assert_int_equal(nn_private_examples(NULL, "", 8, 1000), 8);
    nn_node *h = NULL, *c = NULL;
    nn_lstm_step(NULL, &h, &c, "lstm");
    assert_null(h);
    nn_lstm(NULL, "lstm");
}

/* NULL has no graph to record the error in, so a layer of NULL alone is NULL. */
static void a_missing_operand_is_an_error(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * BINARIES; i++) {
        bool optional = binary[i / 2] == recurrent || binary[i / 2] == gated;
        nn_graph *g = new_graph();
        nn_node *x = nn_input(g, "x", 2, SHAPE(3, 3));
        nn_node *y = i % 2 ? binary[i / 2](NULL, x) : binary[i / 2](x, NULL);
        if (nn_status(g) == WEIR_OK && y && !optional)
            fail_msg("operation %d without its operand %d is no error", i / 2, 2 - i % 2);
        nn_graph_free(g);
    }
}

static void graphs_do_not_mix(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * BINARIES; i++) {
        nn_graph *g[2] = {new_graph(), new_graph()};
        nn_node *x[2];
        for (int k = 0; k < 2; k++)
            x[k] = nn_parameter(g[k], "x", 2, SHAPE(3, 3), nn_init_constant(1));
        binary[i / 2](x[i % 2], x[1 - i % 2]);
        if (nn_status(g[0]) == WEIR_OK && nn_status(g[1]) == WEIR_OK)
            fail_msg("operation %d takes nodes of two graphs", i / 2);
        nn_graph_free(g[0]);
        nn_graph_free(g[1]);
    }
    nn_graph *g = new_graph(), *other = new_graph();
    nn_node *x = nn_input(g, "x", 0, NULL), *y = nn_input(other, "y", 0, NULL);
    nn_group(g, 2, (nn_node *[]){x, y});
    must_fail(g, "another graph");
    g = new_graph();
    assert_null(nn_compile(g, 1, &(nn_stage){"s", 1, &y}));
    must_fail(g, "not of this graph");
    nn_graph_free(other);
}

static void after_an_error_all_is_accepted_and_nothing_runs(void **state)
{
    (void)state;
    nn_graph *g = new_graph();
    nn_node *x = nn_input(g, "x", 2, SHAPE(2, 2)), *out[64], *y = nn_tanh(x);
    nn_program *program = nn_compile(g, 1, &(nn_stage){"s", 1, &y});
    nn_real value[4] = {0};
    assert_non_null(program);
    nn_node *poison = nn_add(x, nn_input(g, "wrong", 1, SHAPE(5)));
    for (int i = 0; i < UNARIES; i++)
        assert_ptr_equal(unary[i](poison), poison);
    for (int i = 0; i < BINARIES; i++) {
        assert_ptr_equal(binary[i](poison, poison), poison);
        binary[i](x, poison);
        binary[i](poison, x);
        binary[i](poison, NULL);
        binary[i](NULL, poison);
    }
    build_rest(poison, out);
    for (int i = 0; out[i]; i++)
        assert_ptr_equal(out[i], poison);
    assert_int_not_equal(nn_run(program, 0), WEIR_OK);
    assert_int_not_equal(nn_read(program, y, value), WEIR_OK);
    assert_int_not_equal(nn_write(poison, value), WEIR_OK);
    assert_null(nn_compile(g, 1, &(nn_stage){"s", 1, &y}));
    must_fail(g, "add: ");
}

/* ---- names ---- */

static void names_collide(void **state)
{
    (void)state;
    nn_graph *g = new_graph();
    nn_input(g, "a", 0, NULL);
    nn_parameter(g, "a", 0, NULL, nn_init_constant(0));
    must_fail(g, "there is an input of this name");
    g = new_graph();
    nn_parameter(g, "a", 0, NULL, nn_init_constant(0));
    nn_input(g, "a", 0, NULL);
    must_fail(g, "of this name");
    g = new_graph();
    nn_parameter(g, "a", 0, NULL, nn_init_constant(0));
    nn_state(g, "a", 0, NULL, nn_init_constant(0));
    must_fail(g, "there is a parameter of this name");
    g = new_graph();
    nn_noise_normal(g, "a", 0, NULL);
    nn_noise_uniform(g, "a", 0, NULL);
    must_fail(g, "of this name");
    g = new_graph();
    nn_noise_normal(g, "a", 0, NULL); /* noises have names of their own */
    nn_node *b = nn_state(g, "b", 0, NULL, nn_init_constant(0));
    nn_input(g, "a", 0, NULL);
    assert_ptr_equal(nn_find(g, "a"), NULL); /* inputs are not found */
    assert_ptr_equal(nn_find(g, "b"), b);
    must_work(g);
}

/* ---- programs ---- */

static void stages_that_are_none(void **state)
{
    (void)state;
    nn_node *missing = NULL;
    nn_graph *g = new_graph();
    assert_null(nn_compile(g, 0, &(nn_stage){"s", 0, NULL}));
    must_fail(g, "at least one stage");
    g = new_graph();
    assert_null(nn_compile(g, -1, NULL));
    must_fail(g, "at least one stage");
    g = new_graph();
    assert_null(nn_compile(g, 1, NULL));
    must_fail(g, "nn_compile: ");
    g = new_graph();
    assert_null(nn_compile(g, 1, &(nn_stage){"s", 1, NULL}));
    must_fail(g, "nn_compile: ");
    g = new_graph();
    assert_null(nn_compile(g, 1, &(nn_stage){"s", -1, NULL}));
    must_fail(g, "nn_compile: ");
    g = new_graph();
    assert_null(nn_compile(g, 1, &(nn_stage){"s", 1, &missing}));
    must_fail(g, "output 0 of stage 0");
}

static void small_programs(void **state)
{
    (void)state;
    nn_graph *g = new_graph();
    nn_real four[4] = {1, 2, 3, 4}, read[4] = {0};
    nn_program *empty = nn_compile(g, 1, &(nn_stage){NULL, 0, NULL});
    assert_non_null(empty);
    assert_int_equal(nn_run(empty, 0), WEIR_OK);
    nn_node *x = nn_input(g, "x", 1, SHAPE(4));
    nn_node *w = nn_parameter(g, "w", 1, SHAPE(4), nn_init_constant(7));
    nn_node *out[] = {
        x, x, w, nn_scalar(g, 5), nn_array(g, 1, SHAPE(2), (double[]){8, 9}), nn_group(g, 0, NULL)};
    nn_program *all = nn_compile(g, 1, &(nn_stage){"all", 6, out});
    nn_write(x, four);
    assert_int_equal(nn_run(all, 0), WEIR_OK);
    assert_int_equal(nn_read(all, x, read), WEIR_OK);
    assert_true(read[3] == 4);
    assert_int_equal(nn_read(all, w, read), WEIR_OK);
    assert_true(read[3] == 7);
    assert_int_equal(nn_read(all, out[3], read), WEIR_OK);
    assert_true(read[0] == 5);
    assert_int_equal(nn_read(all, out[4], read), WEIR_OK);
    assert_true(read[1] == 9);
    for (int i = 0; i < 5; i++)
        assert_non_null(nn_compile(g, 1, &(nn_stage){"one", 1, &out[i]}));
    must_work(g);
}

static void programs_misread(void **state)
{
    (void)state;
    for (int kind = 0; kind < 10; kind++) {
        static const char *const part[] = {
            "no output", "no place for", "not an output", "has not been run",         "stage 1",
            "stage 2",   "stage -1",     "no variable",   "no input and no variable", "no numbers"};
        nn_graph *g = new_graph();
        nn_real value[4] = {0};
        nn_node *x = nn_input(g, "x", 1, SHAPE(4)), *y = nn_tanh(x), *z = nn_exp(y);
        const nn_stage stage[] = {{"a", 1, &y}, {"b", 1, &z}};
        nn_program *program = nn_compile(g, 2, stage);
        assert_non_null(program);
        if (kind != 4)
            assert_int_equal(nn_run(program, 0), WEIR_OK);
        int status = kind == 0   ? nn_read(program, NULL, value)
                     : kind == 1 ? nn_read(program, y, NULL)
                     : kind == 2 ? nn_read(program, nn_sin(x), value)
                     : kind == 3 ? nn_read(program, z, value)
                     : kind == 4 ? nn_run(program, 1)
                     : kind == 5 ? nn_run(program, 2)
                     : kind == 6 ? nn_run(program, -1)
                     : kind == 7 ? (nn_assign(y, y), nn_status(g))
                     : kind == 8 ? nn_write(y, value)
                                 : nn_write(x, NULL);
        assert_int_not_equal(status, WEIR_OK);
        must_fail(g, part[kind]);
    }
}

static void a_variable_is_assigned_once(void **state)
{
    (void)state;
    nn_graph *g = new_graph();
    nn_node *w = nn_parameter(g, "w", 0, NULL, nn_init_constant(1));
    nn_node *raise = nn_assign(w, nn_shift(w, 1)), *twice[] = {raise, raise};
    nn_program *program = nn_compile(g, 1, &(nn_stage){"s", 2, twice});
    nn_real value = 0;
    assert_int_equal(nn_run(program, 0), WEIR_OK);
    nn_value(w, &value);
    assert_true(value == 2); /* the same effect listed twice is one */
    nn_node *both[] = {raise, nn_assign(w, nn_scale(w, 2))};
    assert_null(nn_compile(g, 1, &(nn_stage){"s", 2, both}));
    must_fail(g, "assigns \"w\" twice");
}

/* Groups of groups: as deep as memory, and listed as often as one likes. */
static void groups_of_groups(void **state)
{
    (void)state;
    nn_graph *g = new_graph();
    nn_node *w = nn_parameter(g, "w", 0, NULL, nn_init_constant(1));
    nn_node *group = nn_group(g, 1, (nn_node *[]){nn_assign(w, nn_shift(w, 1))});
    for (int i = 0; i < 100000; i++)
        group = nn_group(g, 2, (nn_node *[]){group, group});
    nn_program *program = nn_compile(g, 1, &(nn_stage){"s", 1, &group});
    nn_real value = 0;
    assert_int_equal(nn_run(program, 0), WEIR_OK);
    nn_value(w, &value);
    assert_true(value == 2);
    must_work(g);
}

/* ---- settings ---- */

static void any_number_of_threads(void **state)
{
    (void)state;
    static const int threads[] = {0, -1, INT32_MIN, 10000, INT32_MAX};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        nn_graph *g =
            nn_graph_new(&(nn_settings){.seed = 1, .device = "cpu", .threads = threads[i]});
        nn_node *x = nn_input(g, "x", 2, SHAPE(64, 64));
        nn_node *y = nn_mean(nn_tanh(nn_linear(x, 64, "l")));
        nn_program *program = nn_compile(g, 1, &(nn_stage){"s", 1, &y});
        nn_real value;
        assert_int_equal(nn_run(program, 0), WEIR_OK);
        assert_int_equal(nn_read(program, y, &value), WEIR_OK);
        assert_true(isfinite((double)value));
        must_work(g);
    }
}

static void settings_that_mean_nothing(void **state)
{
    (void)state;
    static const char *const garbage[] = {"garbage", "-1", "16", "1x", "99999999999999999999"};
    nn_graph *g;
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        setenv("WEIR_NN_DEBUG", garbage[i], 1);
        g = new_graph();
        must_fail(g, "WEIR_NN_DEBUG");
    }
    setenv("WEIR_NN_DEBUG", "0x3", 1);
    must_work(new_graph());
    setenv("WEIR_NN_DEBUG", "", 1);
    must_work(new_graph());
    unsetenv("WEIR_NN_DEBUG");
    const char *before = getenv("WEIR_CPU");
    char kept[32] = "";
    if (before)
        strncat(kept, before, sizeof kept - 1);
    setenv("WEIR_CPU", "garbage", 1);
    g = new_graph();
    assert_string_equal(nn_device(g), "none");
    must_fail(g, "WEIR_CPU=garbage: not one of baseline");
    if (before)
        setenv("WEIR_CPU", kept, 1);
    else
        unsetenv("WEIR_CPU");
    g = nn_graph_new(&(nn_settings){.device = "toaster"});
    nn_device(g);
    must_fail(g, "toaster");
}

/* ---- size ---- */

static void *long_chains(void *context)
{
    nn_graph *g = context;
    nn_node *p = nn_parameter(g, "p", 1, SHAPE(2), nn_init_constant(0.5)), *x = p, *sum = p;
    for (int i = 0; i < 20000; i++)
        x = nn_sin(nn_shift(x, 0.1 * (i % 5)));
    for (int i = 0; i < 5000; i++)
        sum = nn_add(sum, nn_sin(nn_scale(p, i)));
    nn_node *loss = nn_mean(nn_add(x, sum));
    nn_node *out[] = {loss, nn_adam(loss, "p", NULL)};
    nn_program *program = nn_compile(g, 1, &(nn_stage){"s", 2, out});
    nn_run(program, 0);
    nn_real value = 0;
    nn_read(program, loss, &value);
    if (!isfinite((double)value))
        nn_parameter(g, "not finite", 0, NULL, nn_init_constant(0));
    return NULL;
}

/* Nothing goes as deep as a graph is long. */
static void a_small_stack_is_enough(void **state)
{
    (void)state;
    nn_graph *g = new_graph();
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 512 << 10), 0);
    assert_int_equal(pthread_create(&thread, &attributes, long_chains, g), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    must_work(g);
}

/* A GRU slices what it is given by step and by gate: twice the steps are twice the work. */
static void twice_the_steps_are_twice_the_work(void **state)
{
    (void)state;
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        nn_graph *g = new_graph();
        nn_node *x = nn_input(g, "x", 3, SHAPE(i ? 80 : 40, 2, 3));
        nn_node *y = nn_gru(&(nn_recurrent){.sequence = x, .hidden = 4}, "gru").outputs;
        nn_node *step = nn_adam(nn_mean(nn_square(y)), "gru.", NULL);
        bytes[i] = nn_program_info(nn_compile(g, 1, &(nn_stage){"s", 1, &step})).without_reuse;
        must_work(g);
    }
    assert_in_range(bytes[1], bytes[0], 5 * bytes[0] / 2);
}

/* In a process that may have 2 GiB: 64 GiB of an arena, of an input, of a variable. The exit status
 * counts the errors that are WEIR_ENOMEM. */
static int without_memory(void)
{
    int found = 0;
    if (setrlimit(RLIMIT_AS, &(struct rlimit){UINT64_C(2) << 30, UINT64_C(2) << 30}))
        return 99;
    for (int kind = 0; kind < 3; kind++) {
        nn_graph *g = new_graph();
        const int64_t shape[] = {INT64_C(1) << 34};
        nn_real none = 0;
        if (kind == 0) {
            nn_node *x = nn_noise_normal(g, "x", 1, shape);
            assert_null(nn_compile(g, 1, &(nn_stage){"s", 1, &x}));
        } else {
            nn_write(kind == 1 ? nn_input(g, "x", 1, shape)
                               : nn_parameter(g, "x", 1, shape, nn_init_constant(0)),
                     &none);
        }
        found += nn_status(g) == WEIR_ENOMEM && strstr(nn_error(g)->text, "out of memory");
        nn_graph_free(g);
    }
    return found;
}

static void no_memory_is_an_error(void **state)
{
    (void)state;
#if defined __SANITIZE_ADDRESS__
    skip(); /* its own address space is larger */
#endif
    int status = 0;
    pid_t child = fork();
    if (!child)
        _exit(without_memory());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_graph_there_is_nothing),
        cmocka_unit_test(a_missing_operand_is_an_error),
        cmocka_unit_test(graphs_do_not_mix),
        cmocka_unit_test(after_an_error_all_is_accepted_and_nothing_runs),
        cmocka_unit_test(names_collide),
        cmocka_unit_test(stages_that_are_none),
        cmocka_unit_test(small_programs),
        cmocka_unit_test(programs_misread),
        cmocka_unit_test(a_variable_is_assigned_once),
        cmocka_unit_test(groups_of_groups),
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(settings_that_mean_nothing),
        cmocka_unit_test(a_small_stack_is_enough),
        cmocka_unit_test(twice_the_steps_are_twice_the_work),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
