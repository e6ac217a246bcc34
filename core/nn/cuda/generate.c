/* CUDA C for fused loops. One thread an element where results are stored; where they are combined a
 * block holds columns of kept elements, and lanes that each walk a fixed share of the combined ones
 * and are joined in a tree: the same order in every run, and no atomics. */
#include "nn/cuda/generate.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, MOST_BLOCKS = 132 * 16 };

void nn_text_add(nn_text *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    size_t needed = text->length + (size_t)(length > 0 ? length : 0) + 1;
    if (!text->failed && length >= 0 && needed > text->capacity) {
        size_t capacity = needed * 2 + 4096;
        char *grown = realloc(text->text, capacity);
        text->failed = !grown;
        if (grown) {
            text->text = grown;
            text->capacity = capacity;
        }
    }
    if (!text->failed && length >= 0) {
        vsnprintf(text->text + text->length, text->capacity - text->length, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void nn_text_free(nn_text *text)
{
    free(text->text);
    *text = (nn_text){0};
}

/* The axes that a result is combined over. */
static unsigned combined_axes(const nn_loop *loop, const nn_result *result)
{
    unsigned mask = 0;
    if (result->combine != NN_STORE)
        for (int i = 0; i < loop->rank; i++)
            if (!result->view.stride[i] && loop->shape[i] > 1)
                mask |= 1u << i;
    return mask;
}

/* Which of the parts a result belongs to. */
static bool belongs(const nn_loop *loop, const nn_result *result, const nn_cuda_part *part)
{
    return combined_axes(loop, result) == part->combined;
}

static bool takes_buffer(nn_cuda_part *part, int buffer)
{
    for (int i = 0; i < part->buffers; i++)
        if (part->buffer[i] == buffer)
            return true;
    if (part->buffers == (int)(sizeof part->buffer / sizeof *part->buffer))
        return false;
    part->buffer[part->buffers++] = buffer;
    return true;
}

static int64_t product_of(const nn_loop *loop, unsigned mask)
{
    int64_t count = 1;
    for (int i = 0; i < loop->rank; i++)
        if (mask & 1u << i)
            count *= loop->shape[i];
    return count;
}

static unsigned power_at_least(int64_t n, unsigned most)
{
    unsigned power = 1;
    while (power < most && power < n)
        power *= 2;
    return power;
}

/* Lanes over combined elements in a block: many along a row, few where kept elements are neighbours
 * and so make the coalesced reads. */
static unsigned lanes_of(const nn_loop *loop, unsigned combined)
{
    bool along_rows = combined & 1u << (loop->rank - 1);
    return power_at_least(product_of(loop, combined), along_rows ? BLOCK : BLOCK / 32);
}

static void set_launch(const nn_loop *loop, nn_cuda_part *part)
{
    unsigned all = (1u << loop->rank) - 1;
    int64_t blocks;
    part->block = BLOCK;
    if (part->combined) {
        int64_t columns = BLOCK / lanes_of(loop, part->combined);
        blocks = (product_of(loop, all & ~part->combined) + columns - 1) / columns;
    } else {
        blocks = (product_of(loop, all) + BLOCK - 1) / BLOCK;
        if (blocks > MOST_BLOCKS)
            blocks = MOST_BLOCKS;
    }
    part->grid = (unsigned)blocks;
}

int nn_cuda_parts(const nn_loop *loop, nn_cuda_part part[NN_CUDA_MOST_PARTS])
{
    int parts = 0;
    unsigned seen[NN_CUDA_MOST_PARTS];
    for (int pass = 0; pass < 2; pass++) /* combined ones first */
        for (int r = 0; r < loop->results; r++) {
            unsigned mask = combined_axes(loop, &loop->result[r]);
            if ((pass == 0) != (mask != 0))
                continue;
            bool known = false;
            for (int i = 0; i < parts; i++)
                known |= seen[i] == mask;
            if (known)
                continue;
            if (parts == NN_CUDA_MOST_PARTS)
                return -1;
            seen[parts] = mask;
            part[parts++] = (nn_cuda_part){.combined = mask};
        }
    for (int p = 0; p < parts; p++) {
        for (int i = 0; i < loop->reads; i++)
            if (!takes_buffer(&part[p], loop->read[i].buffer))
                return -1;
        for (int r = 0; r < loop->results; r++)
            if (belongs(loop, &loop->result[r], &part[p]) &&
                !takes_buffer(&part[p], loop->result[r].view.buffer))
                return -1;
        set_launch(loop, &part[p]);
        if (product_of(loop, ((1u << loop->rank) - 1) & ~part[p].combined) / BLOCK > INT32_MAX)
            return -1;
    }
    return parts;
}

/* "b2[7 + i0 * 512 + i1]" */
static void add_place(nn_text *text, const nn_loop *loop, const nn_cuda_part *part,
                      const nn_view *view)
{
    int argument = 0;
    while (part->buffer[argument] != view->buffer)
        argument++;
    nn_text_add(text, "b%d[%lld", argument, (long long)view->offset);
    for (int i = 0; i < loop->rank; i++)
        if (view->stride[i] && loop->shape[i] > 1)
            nn_text_add(text, " + i%d * (I)%lld", i, (long long)view->stride[i]);
    nn_text_add(text, "]");
}

static void add_constant(nn_text *text, double value)
{
    if (isnan(value))
        nn_text_add(text, "NAN");
    else if (isinf(value))
        nn_text_add(text, value > 0 ? "INFINITY" : "-INFINITY");
    else
        nn_text_add(text, "%.9ef", value);
}

static void add_operation(nn_text *text, const nn_instruction *step)
{
    static const char *const form[NN_OP_COUNT] = {
        [NN_OP_EXP] = "expf(v%1$d)",
        [NN_OP_EXPM1] = "expm1f(v%1$d)",
        [NN_OP_LOG] = "logf(v%1$d)",
        [NN_OP_LOG1P] = "log1pf(v%1$d)",
        [NN_OP_SQRT] = "sqrtf(v%1$d)",
        [NN_OP_RECIP] = "1.0f / v%1$d",
        [NN_OP_TANH] = "tanhf(v%1$d)",
        [NN_OP_SIGMOID] = "1.0f / (1.0f + expf(-v%1$d))",
        [NN_OP_ERF] = "erff(v%1$d)",
        [NN_OP_SIN] = "sinf(v%1$d)",
        [NN_OP_COS] = "cosf(v%1$d)",
        [NN_OP_ABS] = "fabsf(v%1$d)",
        [NN_OP_STEP] = "v%1$d > 0.0f ? 1.0f : 0.0f",
        [NN_OP_FLOOR] = "floorf(v%1$d)",
        [NN_OP_ADD] = "v%1$d + v%2$d",
        [NN_OP_SUB] = "v%1$d - v%2$d",
        [NN_OP_MUL] = "v%1$d * v%2$d",
        [NN_OP_DIV] = "v%1$d / v%2$d",
        [NN_OP_MAX] = "v%1$d >= v%2$d || v%1$d != v%1$d ? v%1$d : v%2$d",
        [NN_OP_SELECT] = "v%1$d != 0.0f ? v%2$d : v%3$d",
    };
    /* The forms name their operands by number; a format may not leave out one before the last. */
    for (const char *c = form[step->op]; c && *c; c++)
        if (*c == '%') {
            nn_text_add(text, "%d", c[1] == '1' ? step->a : c[1] == '2' ? step->b : step->c);
            c += 3;
        } else {
            nn_text_add(text, "%c", *c);
        }
}

/* Splits the number `from` into indices of the axes in mask, the last the fastest. */
static void add_indices(nn_text *text, const nn_loop *loop, unsigned mask, const char *from)
{
    nn_text_add(text, "I r%s = %s;\n", from, from);
    for (int i = loop->rank - 1; i >= 0; i--)
        if (mask & 1u << i)
            nn_text_add(text, "const I i%d = r%s %% (I)%lld; r%s /= (I)%lld;\n", i, from,
                        (long long)loop->shape[i], from, (long long)loop->shape[i]);
}

/* Loads, constants and steps: registers v0 …. */
static void add_registers(nn_text *text, const nn_loop *loop, const nn_cuda_part *part)
{
    int v = 0;
    for (int i = 0; i < loop->reads; i++) {
        nn_text_add(text, "const float v%d = ", v++);
        add_place(text, loop, part, &loop->read[i]);
        nn_text_add(text, ";\n");
    }
    for (int i = 0; i < loop->constants; i++) {
        nn_text_add(text, "const float v%d = ", v++);
        add_constant(text, (double)loop->constant[i]);
        nn_text_add(text, ";\n");
    }
    for (int i = 0; i < loop->steps; i++) {
        nn_text_add(text, "const float v%d = ", v++);
        add_operation(text, &loop->step[i]);
        nn_text_add(text, ";\n");
    }
}

static void add_stores(nn_text *text, const nn_loop *loop, const nn_cuda_part *part)
{
    unsigned all = (1u << loop->rank) - 1;
    nn_text_add(
        text,
        "for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < (I)%lld; i += (I)gridDim.x * "
        "blockDim.x) {\n",
        (long long)product_of(loop, all));
    add_indices(text, loop, all, "i");
    add_registers(text, loop, part);
    for (int r = 0; r < loop->results; r++)
        if (belongs(loop, &loop->result[r], part)) {
            add_place(text, loop, part, &loop->result[r].view);
            nn_text_add(text, " = v%d;\n", loop->result[r].value);
        }
    nn_text_add(text, "}\n");
}

static void add_combined(nn_text *text, const nn_loop *loop, const nn_cuda_part *part)
{
    unsigned all = (1u << loop->rank) - 1, kept = all & ~part->combined;
    unsigned lanes = lanes_of(loop, part->combined), columns = BLOCK / lanes;
    nn_text_add(text, "const unsigned column = threadIdx.x %% %uu, lane = threadIdx.x / %uu;\n",
                columns, columns);
    nn_text_add(text,
                "const I k = blockIdx.x * (I)%u + column;\nconst bool inside = k < (I)%lld;\n",
                columns, (long long)product_of(loop, kept));
    add_indices(text, loop, kept, "k");
    for (int r = 0; r < loop->results; r++)
        if (belongs(loop, &loop->result[r], part))
            nn_text_add(text, "float a%d = %s;\n__shared__ float s%d[%d];\n", r,
                        loop->result[r].combine == NN_COMBINE_SUM ? "0.0f" : "-INFINITY", r, BLOCK);
    nn_text_add(text, "if (inside)\nfor (I m = lane; m < (I)%lld; m += %uu) {\n",
                (long long)product_of(loop, part->combined), lanes);
    add_indices(text, loop, part->combined, "m");
    add_registers(text, loop, part);
    for (int r = 0; r < loop->results; r++)
        if (belongs(loop, &loop->result[r], part)) {
            int v = loop->result[r].value;
            if (loop->result[r].combine == NN_COMBINE_SUM)
                nn_text_add(text, "a%d += v%d;\n", r, v);
            else
                nn_text_add(text, "a%d = a%d < v%d ? v%d : a%d;\n", r, r, v, v, r);
        }
    nn_text_add(text, "}\n");
    for (int r = 0; r < loop->results; r++) {
        const nn_result *result = &loop->result[r];
        if (!belongs(loop, result, part))
            continue;
        nn_text_add(text, "s%d[threadIdx.x] = a%d;\n__syncthreads();\n", r, r);
        nn_text_add(text, "for (unsigned h = %uu; h; h /= 2) {\nif (lane < h) {\n", lanes / 2);
        nn_text_add(text, "const float x = s%d[threadIdx.x], y = s%d[threadIdx.x + h * %uu];\n", r,
                    r, columns);
        nn_text_add(text, "s%d[threadIdx.x] = %s;\n}\n__syncthreads();\n}\n", r,
                    result->combine == NN_COMBINE_SUM ? "x + y" : "x < y ? y : x");
        nn_text_add(text, "if (inside && !lane)\n");
        add_place(text, loop, part, &result->view);
        nn_text_add(text, " = s%d[threadIdx.x];\n", r);
    }
}

/* Whether an index of 32 bits reaches every element that the loop touches. */
static bool fits_short_index(const nn_loop *loop)
{
    for (int v = 0; v < loop->reads + loop->results; v++) {
        const nn_view *view =
            v < loop->reads ? &loop->read[v] : &loop->result[v - loop->reads].view;
        int64_t furthest = view->offset;
        for (int i = 0; i < loop->rank; i++)
            furthest += (loop->shape[i] - 1) * view->stride[i];
        if (furthest >= INT32_MAX)
            return false;
    }
    return product_of(loop, (1u << loop->rank) - 1) < INT32_MAX / 2;
}

void nn_cuda_generate(nn_text *text, const nn_loop *loop, const nn_cuda_part *part,
                      const char *name)
{
    nn_text_add(text, "KERNEL %s(", name);
    for (int i = 0; i < part->buffers; i++)
        nn_text_add(text, "%sfloat *b%d", i ? ", " : "", i);
    nn_text_add(text, ")\n{\ntypedef %s I;\n",
                fits_short_index(loop) ? "unsigned" : "unsigned long long");
    if (part->combined)
        add_combined(text, loop, part);
    else
        add_stores(text, loop, part);
    nn_text_add(text, "}\n");
}
