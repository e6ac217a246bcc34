/* Convolutions by oneDNN's C API. */
#include "nn/cpu/conv.h"
#include <stdlib.h>

#ifdef NN_DOUBLE

struct nn_conv_plan {
    nn_convolution shape;
};

nn_conv_plan *nn_conv_new(const nn_convolution *shape, int threads, weir_error *error)
{
    nn_conv_plan *conv = calloc(1, sizeof *conv);

    (void)threads;
    if (!conv) {
        weir_error_memory(error, sizeof *conv, "a convolution");
        return NULL;
    }
    conv->shape = *shape;
    return conv;
}

void nn_conv_free(nn_conv_plan *conv)
{
    free(conv);
}

size_t nn_conv_scratch(const nn_conv_plan *conv)
{
    (void)conv;
    return 0;
}

const char *nn_conv_way(const nn_conv_plan *conv)
{
    (void)conv;
    return "loops";
}

int nn_conv_run(nn_conv_plan *conv, nn_real *x, nn_real *w, nn_real *y, nn_real *scratch,
                weir_error *error)
{
    (void)scratch, (void)error;
    nn_conv_plain(&conv->shape, x, w, y);
    return WEIR_OK;
}

#else

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <string.h>

#if DNNL_VERSION_MAJOR != 2
#error "core/nn/cpu/conv.c is written for oneDNN 2 (2.6 is Debian 12's); oneDNN 3 changed the C API"
#endif

enum { ALIGN = 16, ARGUMENTS = 4 }; /* elements; of one execution */

/* A step: the convolution, or a change of order of an operand before or after it. */
typedef struct step {
    dnnl_primitive_t primitive;
    int arguments;
    dnnl_exec_arg_t argument[ARGUMENTS];
} step;

struct nn_conv_plan {
    nn_convolution shape;
    int threads;
    bool plain; /* oneDNN has no way */
    const char *way;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t description, forward; /* forward: the hint of a gradient */
    dnnl_memory_t x, w, y;                      /* as the program has them */
    dnnl_memory_t ordered, space;               /* w as oneDNN wants it, its scratch */
    size_t ordered_size, space_size;            /* elements; ordered_size 0: w is right as it is */
    step before, step, after;
};

static int failed(dnnl_status_t status, const nn_convolution *shape, const char *what,
                  weir_error *error)
{
    if (status == dnnl_success)
        return WEIR_OK;
    return weir_error_set(error, status == dnnl_out_of_memory ? WEIR_ENOMEM : WEIR_EBUG,
                          "convolution of [%lld][%lld][%lld][%lld] with [%lld][%lld][%lld][%lld]: "
                          "oneDNN, %s: status %d",
                          (long long)shape->batch, (long long)shape->height,
                          (long long)shape->width, (long long)shape->in, (long long)shape->out,
                          (long long)shape->in, (long long)shape->kh, (long long)shape->kw, what,
                          (int)status);
}

/* The convolution's description; unimplemented where oneDNN has none. */
static dnnl_status_t describe(nn_conv_plan *conv)
{
    const nn_convolution *c = &conv->shape;
    const dnnl_dims_t x_size = {c->batch, c->in, c->height, c->width};
    const dnnl_dims_t w_size = {c->out, c->in, c->kh, c->kw};
    const dnnl_dims_t y_size = {c->batch, c->out, c->out_height, c->out_width};
    const dnnl_dims_t stride = {c->stride, c->stride}, pad = {c->pad, c->pad};
    const dnnl_alg_kind_t how = dnnl_convolution_direct;
    dnnl_memory_desc_t x, w, y;
    dnnl_convolution_desc_t forward, wanted;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&x, 4, x_size, dnnl_f32, dnnl_nhwc);

    if (!status)
        status = dnnl_memory_desc_init_by_tag(&w, 4, w_size, dnnl_f32, dnnl_format_tag_any);
    if (!status)
        status = dnnl_memory_desc_init_by_tag(&y, 4, y_size, dnnl_f32, dnnl_nhwc);
    if (!status)
        status = dnnl_primitive_attr_create(&attributes);
    if (!status)
        status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (!status)
        status = dnnl_convolution_forward_desc_init(&forward, dnnl_forward_training, how, &x, &w,
                                                    NULL, &y, stride, pad, pad);
    if (!status && c->op == NN_OP_CONV)
        status = dnnl_primitive_desc_create(&conv->description, &forward, attributes, conv->engine,
                                            NULL);
    else if (!status) {
        status =
            dnnl_primitive_desc_create(&conv->forward, &forward, attributes, conv->engine, NULL);
        if (!status)
            status = c->op == NN_OP_CONV_DATA
                         ? dnnl_convolution_backward_data_desc_init(&wanted, how, &x, &w, &y,
                                                                    stride, pad, pad)
                         : dnnl_convolution_backward_weights_desc_init(&wanted, how, &x, &w, NULL,
                                                                       &y, stride, pad, pad);
        if (!status)
            status = dnnl_primitive_desc_create(&conv->description, &wanted, attributes,
                                                conv->engine, conv->forward);
    }
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

static void add(step *s, int what, dnnl_memory_t memory)
{
    s->argument[s->arguments++] = (dnnl_exec_arg_t){what, memory};
}

static dnnl_status_t reorder(nn_conv_plan *conv, step *s, dnnl_memory_t from, dnnl_memory_t to)
{
    const dnnl_memory_desc_t *a, *b;
    dnnl_primitive_desc_t description = NULL;
    dnnl_status_t status = dnnl_memory_get_memory_desc(from, &a);

    if (!status)
        status = dnnl_memory_get_memory_desc(to, &b);
    if (!status)
        status = dnnl_reorder_primitive_desc_create(&description, a, conv->engine, b, conv->engine,
                                                    NULL);
    if (!status)
        status = dnnl_primitive_create(&s->primitive, description);
    dnnl_primitive_desc_destroy(description);
    add(s, DNNL_ARG_FROM, from);
    add(s, DNNL_ARG_TO, to);
    return status;
}

static dnnl_status_t memory(const nn_conv_plan *conv, dnnl_memory_t *made,
                            const dnnl_memory_desc_t *description)
{
    return dnnl_memory_create(made, description, conv->engine, DNNL_MEMORY_NONE);
}

static size_t elements(const dnnl_memory_desc_t *description)
{
    return (dnnl_memory_desc_get_size(description) / sizeof(nn_real) + ALIGN) / ALIGN * ALIGN;
}

/* Primitives and memory objects, once the description stands. */
static dnnl_status_t build(nn_conv_plan *conv)
{
    const nn_convolution *c = &conv->shape;
    bool gradient_w = c->op == NN_OP_CONV_WEIGHT, data = c->op == NN_OP_CONV_DATA;
    const dnnl_dims_t w_size = {c->out, c->in, c->kh, c->kw};
    dnnl_memory_desc_t w;
    const_dnnl_primitive_desc_t of = conv->description;
    const dnnl_memory_desc_t *x_wanted =
        dnnl_primitive_desc_query_md(of, data ? dnnl_query_diff_src_md : dnnl_query_src_md, 0);
    const dnnl_memory_desc_t *w_wanted = dnnl_primitive_desc_query_md(
        of, gradient_w ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
    const dnnl_memory_desc_t *y_wanted = dnnl_primitive_desc_query_md(
        of, c->op == NN_OP_CONV ? dnnl_query_dst_md : dnnl_query_diff_dst_md, 0);
    const dnnl_memory_desc_t *space = dnnl_primitive_desc_query_md(of, dnnl_query_scratchpad_md, 0);
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&w, 4, w_size, dnnl_f32, dnnl_oihw);

    if (!status)
        status = dnnl_primitive_desc_query(of, dnnl_query_impl_info_str, 0, (void *)&conv->way);
    if (!status)
        status = dnnl_primitive_create(&conv->step.primitive, of);
    if (!status)
        status = memory(conv, &conv->x, x_wanted);
    if (!status)
        status = memory(conv, &conv->y, y_wanted);
    if (!status)
        status = memory(conv, &conv->w, &w);
    if (!status)
        status = memory(conv, &conv->space, space);
    if (status)
        return status;
    conv->space_size = elements(space);
    if (!dnnl_memory_desc_equal(&w, w_wanted)) {
        status = memory(conv, &conv->ordered, w_wanted);
        conv->ordered_size = elements(w_wanted);
        if (!status)
            status = gradient_w ? reorder(conv, &conv->after, conv->ordered, conv->w)
                                : reorder(conv, &conv->before, conv->w, conv->ordered);
    }
    add(&conv->step, data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, conv->x);
    add(&conv->step, gradient_w ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS,
        conv->ordered ? conv->ordered : conv->w);
    add(&conv->step, c->op == NN_OP_CONV ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, conv->y);
    add(&conv->step, DNNL_ARG_SCRATCHPAD, conv->space);
    return status;
}

nn_conv_plan *nn_conv_new(const nn_convolution *shape, int threads, weir_error *error)
{
    nn_conv_plan *conv = calloc(1, sizeof *conv);
    int before = omp_get_max_threads(); /* oneDNN takes as many */

    if (!conv) {
        weir_error_memory(error, sizeof *conv, "a convolution");
        return NULL;
    }
    conv->shape = *shape;
    conv->threads = threads > 1 ? threads : 1;
    omp_set_num_threads(conv->threads);
    dnnl_status_t status = dnnl_engine_create(&conv->engine, dnnl_cpu, 0);
    if (!status)
        status = dnnl_stream_create(&conv->stream, conv->engine, dnnl_stream_default_flags);
    if (!status) {
        status = describe(conv);
        conv->plain = status == dnnl_unimplemented;
        if (conv->plain)
            conv->way = "loops";
    }
    if (!status)
        status = build(conv);
    omp_set_num_threads(before);
    if (!conv->plain && failed(status, shape, "preparing it", error)) {
        nn_conv_free(conv);
        return NULL;
    }
    return conv;
}

void nn_conv_free(nn_conv_plan *conv)
{
    if (!conv)
        return;
    step *steps[] = {&conv->before, &conv->step, &conv->after};
    dnnl_memory_t memories[] = {conv->x, conv->w, conv->y, conv->ordered, conv->space};

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i]->primitive)
            dnnl_primitive_destroy(steps[i]->primitive);
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (memories[i])
            dnnl_memory_destroy(memories[i]);
    if (conv->description)
        dnnl_primitive_desc_destroy(conv->description);
    if (conv->forward)
        dnnl_primitive_desc_destroy(conv->forward);
    if (conv->stream)
        dnnl_stream_destroy(conv->stream);
    if (conv->engine)
        dnnl_engine_destroy(conv->engine);
    free(conv);
}

size_t nn_conv_scratch(const nn_conv_plan *conv)
{
    return conv->plain ? 0 : conv->ordered_size + conv->space_size;
}

const char *nn_conv_way(const nn_conv_plan *conv)
{
    return conv->way;
}

static dnnl_status_t take(const nn_conv_plan *conv, const step *s)
{
    return s->primitive
               ? dnnl_primitive_execute(s->primitive, conv->stream, s->arguments, s->argument)
               : dnnl_success;
}

int nn_conv_run(nn_conv_plan *conv, nn_real *x, nn_real *w, nn_real *y, nn_real *scratch,
                weir_error *error)
{
    int threads = omp_get_max_threads();

    if (conv->plain) {
        nn_conv_plain(&conv->shape, x, w, y);
        return WEIR_OK;
    }
    dnnl_status_t status = dnnl_memory_set_data_handle(conv->x, x);
    if (!status)
        status = dnnl_memory_set_data_handle(conv->w, w);
    if (!status)
        status = dnnl_memory_set_data_handle(conv->y, y);
    if (!status && conv->ordered)
        status = dnnl_memory_set_data_handle(conv->ordered, scratch);
    if (!status)
        status = dnnl_memory_set_data_handle(conv->space, scratch + conv->ordered_size);
    omp_set_num_threads(conv->threads);
    if (!status)
        status = take(conv, &conv->before);
    if (!status)
        status = take(conv, &conv->step);
    if (!status)
        status = take(conv, &conv->after);
    if (!status)
        status = dnnl_stream_wait(conv->stream);
    omp_set_num_threads(threads);
    return failed(status, &conv->shape, "running it", error);
}

#endif
