/* A program on the device: its loops as one module of kernels, its stages launched one kernel after
 * another, and from their second run on as a CUDA graph. */
#include "nn/cuda/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fixed_name[NN_CUDA_FIXED_COUNT] = {
    "draw_uniform", "draw_normal", "advance",     "gather",           "scatter",
    "conv",         "conv_data",   "conv_weight", "to_channels_last", "from_channels_last",
};

/* ---- arguments of launches: values and the pointers to them in one piece ---- */

typedef struct argument_value {
    union {
        void *pointer;
        unsigned long long number;
        nn_cuda_shape shape;
    };
} argument_value;

static int set_arguments(nn_cuda_launch *launch, int n, const argument_value *values,
                         weir_error *error)
{
    size_t bytes = (size_t)n * (sizeof(void *) + sizeof(argument_value));
    void **pointers = malloc(bytes);
    if (!pointers)
        return weir_error_memory(error, bytes, "the arguments of a kernel");
    argument_value *copies = (argument_value *)(void *)(pointers + n);
    for (int i = 0; i < n; i++) {
        copies[i] = values[i];
        pointers[i] = &copies[i];
    }
    launch->argument = pointers;
    return WEIR_OK;
}

static int set_fixed(const nn_cuda_program *prepared, nn_cuda_launch *launch, nn_cuda_fixed kernel,
                     int64_t elements, int n, const argument_value *values, weir_error *error)
{
    int64_t blocks = (elements + 255) / 256;
    launch->block = elements == 1 ? 1 : 256;
    launch->grid = (unsigned)(blocks < 1 ? 1 : blocks > 4096 ? 4096 : blocks);
    int status =
        nn_cuda_failed(cuModuleGetFunction(&launch->function, prepared->module, fixed_name[kernel]),
                       fixed_name[kernel], error);
    return status ? status : set_arguments(launch, n, values, error);
}

/* ---- loops ---- */

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 1469598103934665603u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

/* Names of kernels that the source has: an open-addressed set. */
typedef struct name_set {
    uint64_t *slot;
    size_t size;
} name_set;

static bool is_new(name_set *set, uint64_t hash)
{
    hash += !hash;
    size_t at = hash % set->size;
    while (set->slot[at] && set->slot[at] != hash)
        at = (at + 1) % set->size;
    bool fresh = !set->slot[at];
    set->slot[at] = hash;
    return fresh;
}

/* The name of a part's kernel, which is a name for its text. */
static int name_part(nn_text *scratch, const nn_loop *loop, const nn_cuda_part *part, char name[32],
                     uint64_t *hash, weir_error *error)
{
    scratch->length = 0;
    nn_cuda_generate(scratch, loop, part, "");
    if (scratch->failed)
        return weir_error_memory(error, scratch->capacity, "the text of a kernel");
    *hash = hash_text(scratch->text);
    snprintf(name, 32, "loop_%016llx", (unsigned long long)*hash);
    return WEIR_OK;
}

static int add_loop(nn_text *source, nn_text *scratch, name_set *set, const nn_kernel *kernel,
                    weir_error *error)
{
    nn_cuda_part part[NN_CUDA_MOST_PARTS];
    int parts = nn_cuda_parts(&kernel->loop, part);
    if (parts < 0)
        return weir_error_set(error, WEIR_EBUG, "CUDA: the loop of '%s' is too large for a kernel",
                              kernel->name ? kernel->name : "");
    for (int i = 0; i < parts; i++) {
        char name[32];
        uint64_t hash = 0;
        int status = name_part(scratch, &kernel->loop, &part[i], name, &hash, error);
        if (status)
            return status;
        if (is_new(set, hash))
            nn_cuda_generate(source, &kernel->loop, &part[i], name);
    }
    return source->failed ? weir_error_memory(error, source->capacity, "the text of the kernels")
                          : WEIR_OK;
}

static int load_module(nn_cuda *device, const nn_program *program, nn_cuda_program *prepared,
                       nn_text *scratch, weir_error *error)
{
    nn_text source = {0};
    name_set set = {.size = 16 * (size_t)program->kernels + 64};
    void *image = NULL;
    size_t size = 0;
    int status = WEIR_OK;
    if (!(set.slot = calloc(set.size, sizeof *set.slot)))
        status = weir_error_memory(error, set.size * sizeof *set.slot, "the names of kernels");
    nn_text_add(&source, "%s", nn_cuda_kernels());
    for (int i = 0; i < program->kernels && !status; i++)
        if (program->kernel[i].kind == NN_KERNEL_LOOP)
            status = add_loop(&source, scratch, &set, &program->kernel[i], error);
    if (!status && source.failed)
        status = weir_error_memory(error, source.capacity, "the text of the kernels");
    if (!status)
        status = nn_cuda_compile(source.text, device->architecture, &image, &size, error);
    if (!status)
        status =
            nn_cuda_failed(cuModuleLoadData(&prepared->module, image), "loading kernels", error);
    free(image);
    free(set.slot);
    nn_text_free(&source);
    return status;
}

static int prepare_loop(const nn_program *program, nn_cuda_program *prepared,
                        const nn_kernel *kernel, nn_cuda_work *work, nn_text *scratch,
                        weir_error *error)
{
    nn_cuda_part part[NN_CUDA_MOST_PARTS];
    int parts = nn_cuda_parts(&kernel->loop, part), status = WEIR_OK;
    for (int i = 0; i < parts && !status; i++) {
        nn_cuda_launch *launch = &work->launch[work->launches++];
        argument_value value[sizeof part->buffer / sizeof *part->buffer];
        char name[32];
        uint64_t hash = 0;
        launch->grid = part[i].grid;
        launch->block = part[i].block;
        for (int b = 0; b < part[i].buffers; b++)
            value[b].pointer = nn_cuda_at(program, part[i].buffer[b], 0);
        if (!(status = name_part(scratch, &kernel->loop, &part[i], name, &hash, error)) &&
            !(status = nn_cuda_failed(
                  cuModuleGetFunction(&launch->function, prepared->module, name), name, error)))
            status = set_arguments(launch, part[i].buffers, value, error);
    }
    return status;
}

/* ---- the other kernels ---- */

static int prepare_draw(const nn_program *program, const nn_cuda_program *prepared,
                        const nn_draw *draw, nn_cuda_work *work, weir_error *error)
{
    void *draws = nn_cuda_at(program, draw->counter, 0);
    const argument_value value[] = {
        {.pointer = nn_cuda_at(program, draw->result.buffer, draw->result.offset)},
        {.pointer = draws},
        {.number = draw->key},
        {.number = (unsigned long long)draw->count}};
    nn_cuda_fixed kernel =
        draw->kind == NN_NOISE_NORMAL ? NN_CUDA_DRAW_NORMAL : NN_CUDA_DRAW_UNIFORM;
    work->launches = 2;
    int status =
        set_fixed(prepared, &work->launch[0], kernel, (draw->count + 3) / 4 + 1, 4, value, error);
    return status ? status
                  : set_fixed(prepared, &work->launch[1], NN_CUDA_ADVANCE, 1, 1, &value[1], error);
}

static int prepare_lookup(const nn_program *program, const nn_cuda_program *prepared,
                          const nn_lookup *lookup, nn_cuda_work *work, weir_error *error)
{
    bool gather = lookup->op == NN_OP_GATHER;
    const argument_value value[] = {
        {.pointer = nn_cuda_at(program, lookup->result.buffer, lookup->result.offset)},
        {.pointer = nn_cuda_at(program, lookup->source.buffer, lookup->source.offset)},
        {.pointer = nn_cuda_at(program, lookup->index.buffer, lookup->index.offset)},
        {.number = (unsigned long long)lookup->count},
        {.number = (unsigned long long)lookup->rows},
        {.number = (unsigned long long)lookup->width},
        {.number = (unsigned long long)lookup->source_row},
        {.number = (unsigned long long)lookup->result_row}};
    work->launches = 1;
    return set_fixed(prepared, &work->launch[0], gather ? NN_CUDA_GATHER : NN_CUDA_SCATTER,
                     (gather ? lookup->count : lookup->rows) * lookup->width + 1, 8, value, error);
}

static int prepare_convolution(nn_cuda *device, const nn_program *program,
                               const nn_cuda_program *prepared, const nn_convolution *c,
                               nn_cuda_work *work, weir_error *error)
{
    argument_value x = {.pointer = nn_cuda_at(program, c->x.buffer, c->x.offset)};
    argument_value w = {.pointer = nn_cuda_at(program, c->w.buffer, c->w.offset)};
    argument_value y = {.pointer = nn_cuda_at(program, c->y.buffer, c->y.offset)};
    argument_value turned = {.pointer = prepared->weights};
    argument_value shape = {.shape = {c->batch, c->height, c->width, c->in, c->out, c->kh, c->kw,
                                      c->out_height, c->out_width, c->stride, c->pad}};
    int64_t weights = c->out * c->in * c->kh * c->kw;
    int status = nn_cuda_convolution_prepare(device, c, &work->convolution, error);
    if (status)
        return status;
    work->launches = 1;
    nn_cuda_launch *launch = &work->launch[0];
    if (work->convolution && c->op == NN_OP_CONV_WEIGHT)
        return set_fixed(prepared, launch, NN_CUDA_FROM_CHANNELS_LAST, weights + 1, 3,
                         (const argument_value[]){w, turned, shape}, error);
    if (work->convolution)
        return set_fixed(prepared, launch, NN_CUDA_TO_CHANNELS_LAST, weights + 1, 3,
                         (const argument_value[]){turned, w, shape}, error);
    if (c->op == NN_OP_CONV)
        return set_fixed(prepared, launch, NN_CUDA_CONV,
                         c->batch * c->out_height * c->out_width * c->out + 1, 4,
                         (const argument_value[]){y, x, w, shape}, error);
    if (c->op == NN_OP_CONV_DATA)
        return set_fixed(prepared, launch, NN_CUDA_CONV_DATA,
                         c->batch * c->height * c->width * c->in + 1, 4,
                         (const argument_value[]){x, y, w, shape}, error);
    return set_fixed(prepared, launch, NN_CUDA_CONV_WEIGHT, weights + 1, 4,
                     (const argument_value[]){w, x, y, shape}, error);
}

static int prepare_kernel(nn_cuda *device, const nn_program *program, nn_cuda_program *prepared,
                          int i, nn_text *scratch, weir_error *error)
{
    const nn_kernel *kernel = &program->kernel[i];
    nn_cuda_work *work = &prepared->work[i];
    switch (kernel->kind) {
    case NN_KERNEL_LOOP:
        return prepare_loop(program, prepared, kernel, work, scratch, error);
    case NN_KERNEL_PRODUCT:
        return nn_cuda_product_prepare(device, program, &kernel->product, &work->product, error);
    case NN_KERNEL_CONVOLUTION:
        return prepare_convolution(device, program, prepared, &kernel->convolution, work, error);
    case NN_KERNEL_LOOKUP:
        return prepare_lookup(program, prepared, &kernel->lookup, work, error);
    case NN_KERNEL_DRAW:
        return prepare_draw(program, prepared, &kernel->draw, work, error);
    case NN_KERNEL_PACK:
        break;
    }
    return weir_error_set(error, WEIR_EBUG, "CUDA: a kernel of an unknown kind");
}

/* Memory for the largest convolution's weights: they run one after another. */
static int take_weights(const nn_program *program, nn_cuda_program *prepared, weir_error *error)
{
    int64_t most = 0;
    for (int i = 0; i < program->kernels; i++) {
        const nn_convolution *c = &program->kernel[i].convolution;
        if (program->kernel[i].kind == NN_KERNEL_CONVOLUTION &&
            c->out * c->in * c->kh * c->kw > most)
            most = c->out * c->in * c->kh * c->kw;
    }
    CUdeviceptr memory = 0;
    int status = most ? nn_cuda_failed(cuMemAlloc(&memory, (size_t)most * sizeof(float)),
                                       "memory for the weights of a convolution", error)
                      : WEIR_OK;
    prepared->weights = (float *)memory;
    return status;
}

int nn_cuda_prepare(void *device, nn_program *program, weir_error *error)
{
    nn_cuda *cuda = device;
    nn_text scratch = {0};
    nn_cuda_program *prepared = calloc(1, sizeof *prepared);
    program->prepared = prepared;
    if (prepared) {
        prepared->work = calloc((size_t)program->kernels + 1, sizeof *prepared->work);
        prepared->stage = calloc((size_t)program->stages + 1, sizeof *prepared->stage);
    }
    int status = prepared && prepared->work && prepared->stage
                     ? nn_cuda_failed(cuCtxSetCurrent(cuda->context), "the context", error)
                     : weir_error_memory(error, (size_t)program->kernels * sizeof *prepared->work,
                                         "a program");
    if (!status)
        status = load_module(cuda, program, prepared, &scratch, error);
    if (!status)
        status = take_weights(program, prepared, error);
    for (int i = 0; i < program->kernels && !status; i++)
        status = prepare_kernel(cuda, program, prepared, i, &scratch, error);
    nn_text_free(&scratch);
    if (status)
        nn_cuda_discard(device, program);
    return status;
}

void nn_cuda_discard(void *device, nn_program *program)
{
    nn_cuda *cuda = device;
    nn_cuda_program *prepared = program->prepared;
    program->prepared = NULL;
    if (!prepared)
        return;
    cuCtxSetCurrent(cuda->context);
    cuStreamSynchronize(cuda->stream);
    for (int i = 0; prepared->work && i < program->kernels; i++) {
        nn_cuda_work *work = &prepared->work[i];
        for (int j = 0; j < work->launches; j++)
            free((void *)work->launch[j].argument);
        nn_cuda_product_free(&work->product);
        nn_cuda_convolution_free(work->convolution);
    }
    for (int s = 0; prepared->stage && s < program->stages; s++)
        if (prepared->stage[s].graph)
            cuGraphExecDestroy(prepared->stage[s].graph);
    if (prepared->weights)
        cuMemFree((CUdeviceptr)prepared->weights);
    if (prepared->module)
        cuModuleUnload(prepared->module);
    free(prepared->work);
    free(prepared->stage);
    free(prepared);
}

/* ---- running ---- */

int nn_cuda_launch_one(nn_cuda *device, const nn_cuda_launch *launch, weir_error *error)
{
    return nn_cuda_failed(cuLaunchKernel(launch->function, launch->grid, 1, 1, launch->block, 1, 1,
                                         0, device->stream, launch->argument, NULL),
                          "launching a kernel", error);
}

static int queue(nn_cuda *cuda, const nn_program *program, int stage, weir_error *error)
{
    const nn_cuda_program *prepared = program->prepared;
    int status = WEIR_OK;
    for (int i = program->start[stage]; i < program->start[stage + 1] && !status; i++) {
        const nn_kernel *kernel = &program->kernel[i];
        const nn_cuda_work *work = &prepared->work[i];
        if (kernel->kind == NN_KERNEL_PRODUCT)
            status = nn_cuda_product_run(cuda, program, &kernel->product, &work->product, error);
        else if (kernel->kind == NN_KERNEL_CONVOLUTION && work->convolution)
            status = nn_cuda_convolution_run(cuda, program, &kernel->convolution, work,
                                             prepared->weights, error);
        else
            for (int j = 0; j < work->launches && !status; j++)
                status = nn_cuda_launch_one(cuda, &work->launch[j], error);
        if (status)
            weir_error_prefix(error,
                              "'%s' in stage '%s': ", kernel->name ? kernel->name : "a kernel",
                              program->stage_name[stage] ? program->stage_name[stage] : "");
    }
    return status;
}

static int capture(nn_cuda *cuda, const nn_program *program, int stage, CUgraphExec *made,
                   weir_error *error)
{
    CUgraph graph = NULL;
    int status =
        nn_cuda_failed(cuStreamBeginCapture(cuda->stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                       "beginning a capture", error);
    if (status)
        return status;
    status = queue(cuda, program, stage, error);
    int ended = nn_cuda_failed(cuStreamEndCapture(cuda->stream, &graph), "ending a capture", error);
    if (!status)
        status = ended;
    if (!status)
        status = nn_cuda_failed(cuGraphInstantiate(made, graph, 0), "a graph", error);
    if (graph)
        cuGraphDestroy(graph);
    return status;
}

int nn_cuda_run(void *device, nn_program *program, int stage, weir_error *error)
{
    nn_cuda *cuda = device;
    nn_cuda_program *prepared = program->prepared;
    nn_cuda_stage *known = &prepared->stage[stage];
    int status = nn_cuda_failed(cuCtxSetCurrent(cuda->context), "the context", error);
    if (status)
        return status;
    if (!known->warm) {
        known->warm = true;
        return queue(cuda, program, stage, error);
    }
    if (!known->graph && (status = capture(cuda, program, stage, &known->graph, error)))
        return status;
    return nn_cuda_failed(cuGraphLaunch(known->graph, cuda->stream), "launching a graph", error);
}
