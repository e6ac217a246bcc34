/* The CPU's back end: opening it, memory, and running programs.
 *
 * Threads are OpenMP's. Their number is settings.threads, or as many CPUs as the process may use
 * and OpenMP allows. A kernel that is over in microseconds runs on the calling thread alone. Where
 * the threads are as many as the process's CPUs and OpenMP does not bind them itself
 * (OMP_PROC_BIND), each helper is bound to one CPU of the process's set, and the caller to the
 * first while a run lasts, because the system now and then keeps two busy threads on one CPU. How
 * long idle helpers spin before they sleep is OpenMP's affair (OMP_WAIT_POLICY, GOMP_SPINCOUNT),
 * decided before a process begins: core/run/process.c sets it for jobs.
 *
 * During a run denormal numbers count as zero, on every thread that takes part. */
#include "nn/cpu/cpu.h"
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#if defined __x86_64__
#include <immintrin.h>
#endif

enum { HUGE_BYTES = 4 << 20, MOST_THREADS = 1024 };

static const nn_vector *vector_of(nn_isa isa)
{
#if defined __x86_64__
    if (isa == NN_ISA_AVX512)
        return &nn_vector_avx512;
    if (isa == NN_ISA_AVX2)
        return &nn_vector_avx2;
#endif
    (void)isa;
    return &nn_vector_baseline;
}

/* ---- The device ------------------------------------------------------------------------------ */

static bool bind_to(size_t cpu)
{
    cpu_set_t own;

    CPU_ZERO(&own);
    CPU_SET(cpu, &own);
    return sched_setaffinity(0, sizeof own, &own) == 0;
}

/* Binds the helpers, whose threads are OpenMP's. first: the CPU that is left for the caller. */
static bool bind_helpers(int threads, size_t *first)
{
    cpu_set_t all;
    size_t cpu[CPU_SETSIZE], count = 0;

    if (omp_get_proc_bind() != omp_proc_bind_false || sched_getaffinity(0, sizeof all, &all))
        return false;
    for (size_t c = 0; c < CPU_SETSIZE; c++)
        if (CPU_ISSET(c, &all))
            cpu[count++] = c;
    if (threads < 2 || (size_t)threads != count)
        return false;
#pragma omp parallel num_threads(threads)
    if (omp_get_thread_num() > 0)
        bind_to(cpu[(size_t)omp_get_thread_num() % count]);
    *first = cpu[0];
    return true;
}

static void *open_cpu(const nn_settings *settings, char *description, size_t size,
                      weir_error *error)
{
    nn_cpu *cpu = calloc(1, sizeof *cpu);
    const char *profile = getenv("WEIR_NN_PROFILE");
    int most = omp_get_thread_limit() < MOST_THREADS ? omp_get_thread_limit() : MOST_THREADS;

    if (!cpu) {
        weir_error_memory(error, sizeof *cpu, "the CPU device");
        return NULL;
    }
    if (nn_isa_choose(&cpu->isa, error)) {
        free(cpu);
        return NULL;
    }
    cpu->threads = settings && settings->threads > 0 ? settings->threads : omp_get_max_threads();
    cpu->threads = cpu->threads > most ? most : cpu->threads;
    cpu->vector = vector_of(cpu->isa);
    cpu->profile = profile && *profile && strcmp(profile, "0") != 0;
    cpu->clock = profile && !strcmp(profile, "cpu") ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    cpu->bound = bind_helpers(cpu->threads, &cpu->first);
    snprintf(description, size, "cpu, %s, %d thread%s", nn_isa_name(cpu->isa), cpu->threads,
             cpu->threads == 1 ? "" : "s");
    return cpu;
}

static void close_cpu(void *device)
{
    free(device);
}

static void *allocate(void *device, size_t bytes, weir_error *error)
{
    size_t unit = bytes >= HUGE_BYTES ? HUGE_BYTES / 2 : 64;
    size_t whole = bytes > SIZE_MAX - unit ? 0 : (bytes + unit - 1) / unit * unit;
    void *memory;

    (void)device;
    if (bytes == 0)
        whole = unit;
    memory = whole ? aligned_alloc(unit, whole) : NULL;
    if (!memory) {
        weir_error_memory(error, bytes, "values on the CPU");
        return NULL;
    }
    if (bytes >= HUGE_BYTES)
        madvise(memory, whole, MADV_HUGEPAGE);
    return memset(memory, 0, whole);
}

static void release(void *device, void *memory)
{
    (void)device;
    free(memory);
}

static int copy(void *device, void *to, const void *from, size_t bytes, weir_error *error)
{
    (void)device, (void)error;
    memcpy(to, from, bytes);
    return WEIR_OK;
}

/* ---- Programs -------------------------------------------------------------------------------- */

static void discard(void *device, nn_program *program)
{
    nn_prepared *prepared = program->prepared;
    const nn_cpu *cpu = device;

    if (!prepared)
        return;
    if (cpu->profile && prepared->seconds && prepared->least && prepared->calls)
        nn_profile_print(program, prepared);
    for (int k = 0; k < prepared->kernels; k++) {
        free(prepared->ready[k].loop);
        free(prepared->ready[k].product);
        nn_conv_free(prepared->ready[k].conv);
    }
    for (int t = 0; prepared->work && t < cpu->threads; t++)
        free(prepared->work[t]);
    free(prepared->work);
    free(prepared->ready);
    free(prepared->seconds);
    free(prepared->least);
    free(prepared->calls);
    free(prepared);
    program->prepared = NULL;
}

static nn_real *memory_at(const nn_program *program, int buffer, int64_t offset)
{
    return buffer < 0 ? NULL : (nn_real *)nn_buffer_memory(program, buffer) + offset;
}

static int prepare_product(const nn_cpu *cpu, const nn_program *program, const nn_product *product,
                           nn_ready *ready)
{
    ready->product = calloc(1, sizeof *ready->product);
    if (!ready->product)
        return WEIR_ENOMEM;
    nn_product_plan_make(ready->product, product, cpu->isa, cpu->threads);
    ready->a = memory_at(program, product->a.buffer, product->a.offset);
    ready->b = memory_at(program, product->b.buffer, product->b.offset);
    ready->bias = memory_at(program, product->bias.buffer, product->bias.offset);
    ready->c = memory_at(program, product->c.buffer, product->c.offset);
    return WEIR_OK;
}

static int prepare_kernel(const nn_cpu *cpu, const nn_program *program, const nn_kernel *kernel,
                          nn_ready *ready, weir_error *error)
{
    int status = WEIR_OK;

    ready->scratch = memory_at(program, kernel->scratch, 0);
    switch (kernel->kind) {
    case NN_KERNEL_LOOP:
        ready->loop = nn_loop_plan_new(&kernel->loop, cpu->vector, cpu->threads);
        if (ready->loop)
            nn_loop_plan_bind(ready->loop, program, kernel);
        else
            status = WEIR_ENOMEM;
        break;
    case NN_KERNEL_PRODUCT:
        status = prepare_product(cpu, program, &kernel->product, ready);
        ready->packed = memory_at(program, kernel->product.packed, 0);
        break;
    case NN_KERNEL_PACK:
        status = prepare_product(cpu, program, &kernel->pack.product, ready);
        ready->c = memory_at(program, kernel->pack.to, 0);
        break;
    case NN_KERNEL_LOOKUP:
        ready->a = memory_at(program, kernel->lookup.source.buffer, kernel->lookup.source.offset);
        ready->b = memory_at(program, kernel->lookup.index.buffer, kernel->lookup.index.offset);
        ready->c = memory_at(program, kernel->lookup.result.buffer, kernel->lookup.result.offset);
        ready->threads = nn_lookup_threads(&kernel->lookup, cpu->threads);
        break;
    case NN_KERNEL_DRAW:
        ready->counter = nn_buffer_memory(program, kernel->draw.counter);
        ready->c = memory_at(program, kernel->draw.result.buffer, kernel->draw.result.offset);
        ready->threads = nn_draw_threads(&kernel->draw, cpu->threads);
        break;
    case NN_KERNEL_CONVOLUTION:
        ready->conv = nn_conv_new(&kernel->convolution, cpu->threads, error);
        if (!ready->conv)
            return error->status;
        ready->x = memory_at(program, kernel->convolution.x.buffer, kernel->convolution.x.offset);
        ready->w = memory_at(program, kernel->convolution.w.buffer, kernel->convolution.w.offset);
        ready->y = memory_at(program, kernel->convolution.y.buffer, kernel->convolution.y.offset);
        break;
    default:
        return weir_error_set(error, WEIR_EBUG, "the CPU back end has no kernel of kind %d",
                              (int)kernel->kind);
    }
    return status == WEIR_OK
               ? status
               : weir_error_memory(error, sizeof(nn_loop_plan), "the kernels of a program");
}

/* Whether several threads work on it. */
static bool divided(const nn_ready *ready)
{
    return (ready->loop && ready->loop->parts > 1) ||
           (ready->product && ready->product->threads > 1) || ready->conv || ready->threads > 1;
}

static int prepare(void *device, nn_program *program, weir_error *error)
{
    const nn_cpu *cpu = device;
    size_t kernels = (size_t)program->kernels + 1, work = 64;
    nn_prepared *prepared = calloc(1, sizeof *prepared);

    if (!prepared)
        return weir_error_memory(error, sizeof *prepared, "a program");
    program->prepared = prepared;
    prepared->kernels = program->kernels;
    prepared->ready = calloc(kernels, sizeof *prepared->ready);
    prepared->work = calloc((size_t)cpu->threads, sizeof *prepared->work);
    if (cpu->profile) {
        prepared->seconds = calloc(kernels, sizeof *prepared->seconds);
        prepared->least = calloc(kernels, sizeof *prepared->least);
        prepared->calls = calloc(kernels, sizeof *prepared->calls);
    }
    if (!prepared->ready || !prepared->work ||
        (cpu->profile && (!prepared->seconds || !prepared->least || !prepared->calls))) {
        prepared->kernels = prepared->ready ? prepared->kernels : 0;
        discard(device, program);
        return weir_error_memory(error, kernels * sizeof *prepared->ready, "a program's kernels");
    }
    for (int k = 0; k < program->kernels; k++) {
        int status = prepare_kernel(cpu, program, &program->kernel[k], &prepared->ready[k], error);
        if (status) {
            discard(device, program);
            return status;
        }
        prepared->divided = prepared->divided || divided(&prepared->ready[k]);
        if (prepared->ready[k].loop && prepared->ready[k].loop->work > work)
            work = prepared->ready[k].loop->work;
    }
    for (int t = 0; t < cpu->threads; t++) {
        prepared->work[t] = aligned_alloc(4096, (work + 4095) / 4096 * 4096);
        if (!prepared->work[t]) {
            discard(device, program);
            return weir_error_memory(error, work, "a thread's blocks");
        }
    }
    return WEIR_OK;
}

/* ---- Running --------------------------------------------------------------------------------- */

#if defined __x86_64__
enum { FLUSH = 0x8040 }; /* flush to zero, denormals are zero */

/* Turns flushing on; returns what the caller's thread had. */
static unsigned flush_denormals(int threads)
{
    unsigned before = _mm_getcsr();

    /* The caller first: clang's OpenMP gives its helpers the caller's state at each fork, and gives
     * the caller back what it had before. */
    _mm_setcsr(before | FLUSH);

#pragma omp parallel num_threads(threads) if (threads > 1)
    _mm_setcsr(_mm_getcsr() | FLUSH);
    return before;
}

static void restore_denormals(int threads, unsigned before)
{
#pragma omp parallel num_threads(threads) if (threads > 1)
    _mm_setcsr((_mm_getcsr() & ~(unsigned)FLUSH) | (before & FLUSH));
    _mm_setcsr(before);
}
#else
static unsigned flush_denormals(int threads)
{
    (void)threads;
    return 0;
}

static void restore_denormals(int threads, unsigned before)
{
    (void)threads, (void)before;
}
#endif

static int run_kernel(const nn_cpu *cpu, const nn_kernel *kernel, const nn_ready *ready,
                      void *const *work, weir_error *error)
{
    switch (kernel->kind) {
    case NN_KERNEL_LOOP:
        nn_loop_run(ready->loop, work);
        break;
    case NN_KERNEL_PRODUCT:
        nn_product_run(ready->product, ready->a, ready->b, ready->packed, ready->bias, ready->c,
                       ready->scratch);
        break;
    case NN_KERNEL_PACK:
        nn_product_pack(ready->product, ready->b, ready->c);
        break;
    case NN_KERNEL_LOOKUP:
        nn_lookup_run(&kernel->lookup, ready->a, ready->b, ready->c, ready->threads);
        break;
    case NN_KERNEL_DRAW:
        nn_draw_run(&kernel->draw, cpu->vector, ready->counter, ready->c, ready->threads);
        break;
    case NN_KERNEL_CONVOLUTION:
        return nn_conv_run(ready->conv, ready->x, ready->w, ready->y, ready->scratch, error);
    default:
        break;
    }
    return WEIR_OK;
}

static double clock_now(const nn_cpu *cpu)
{
    struct timespec now;

    clock_gettime(cpu->clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int run_stage(const nn_cpu *cpu, nn_program *program, int stage, weir_error *error)
{
    const nn_prepared *prepared = program->prepared;
    double then = prepared->seconds ? clock_now(cpu) : 0;
    int status = WEIR_OK;

    for (int k = program->start[stage]; status == WEIR_OK && k < program->start[stage + 1]; k++) {
        status = run_kernel(cpu, &program->kernel[k], &prepared->ready[k], prepared->work, error);
        if (prepared->seconds) {
            double now = clock_now(cpu);
            prepared->seconds[k] += now - then;
            if (prepared->calls[k] == 0 || now - then < prepared->least[k])
                prepared->least[k] = now - then;
            prepared->calls[k]++;
            then = now;
        }
    }
    return status;
}

static int run(void *device, nn_program *program, int stage, weir_error *error)
{
    const nn_cpu *cpu = device;
    const nn_prepared *prepared = program->prepared;
    int threads = prepared->divided ? cpu->threads : 1, status;
    cpu_set_t everywhere;
    bool bound = threads > 1 && cpu->bound &&
                 sched_getaffinity(0, sizeof everywhere, &everywhere) == 0 && bind_to(cpu->first);
    unsigned before = flush_denormals(threads);

    status = run_stage(cpu, program, stage, error);
    restore_denormals(threads, before);
    if (bound)
        sched_setaffinity(0, sizeof everywhere, &everywhere);
    return status;
}

const nn_backend nn_backend_cpu = {.abi = NN_BACKEND_ABI,
                                   .name = "cpu",
                                   .open = open_cpu,
                                   .close = close_cpu,
                                   .allocate = allocate,
                                   .release = release,
                                   .write = copy,
                                   .read = copy,
                                   .lower = nn_cpu_lower,
                                   .prepare = prepare,
                                   .run = run,
                                   .discard = discard};
