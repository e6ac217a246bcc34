/* The kernels written by hand. This text stands in front of the generated kernels of each program and is compiled
 * with them for the device at hand (module.c). It needs philox.h before it. */
#ifndef NAN
#define NAN __int_as_float(0x7fc00000)
#endif
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif
#ifndef KERNEL
#define KERNEL extern "C" __global__ void
#endif

typedef long long Int;

#define EACH(i, count)                                                                             \
    for (Int i = blockIdx.x * (Int)blockDim.x + threadIdx.x; i < (count); i += (Int)gridDim.x * blockDim.x)

/* Element 4 j … 4 j + 3 of a draw come from one block of random bits. */
KERNEL draw_uniform(float *to, const unsigned long long *draws, unsigned long long key, Int count)
{
    EACH(j, (count + 3) / 4)
    {
        unsigned word[4];
        nn_philox(key, *draws, (unsigned long long)j, word);
        for (int i = 0; i < 4; i++)
            if (4 * j + i < count)
                to[4 * j + i] = (float)(word[i] >> 8) * 0x1p-24f;
    }
}

KERNEL draw_normal(float *to, const unsigned long long *draws, unsigned long long key, Int count)
{
    EACH(j, (count + 3) / 4)
    {
        unsigned word[4];
        nn_philox(key, *draws, (unsigned long long)j, word);
        for (int i = 0; i < 4; i += 2) {
            const float u = (float)((word[i] >> 8) + 1) * 0x1p-24f, v = (float)(word[i + 1] >> 8) * 0x1p-24f;
            const float radius = sqrtf(-2.0f * logf(u));
            float sine, cosine;
            sincospif(2.0f * v, &sine, &cosine);
            if (4 * j + i < count)
                to[4 * j + i] = radius * cosine;
            if (4 * j + i + 1 < count)
                to[4 * j + i + 1] = radius * sine;
        }
    }
}

/* After all blocks of a draw have read it. */
KERNEL advance(unsigned long long *draws)
{
    *draws += 1;
}

/* result[i][:] = table[index[i]][:], zeros for an index outside. */
KERNEL gather(float *result, const float *table, const float *index, Int count, Int rows, Int width, Int table_row,
              Int result_row)
{
    EACH(e, count * width)
    {
        const Int i = e / width, column = e % width;
        const float at = index[i];
        result[i * result_row + column] =
            at >= 0.0f && at < (float)rows ? table[(Int)at * table_row + column] : 0.0f;
    }
}

/* result[r][:] = the sum of the values whose index is r, in their order: one thread an element, no atomics. */
KERNEL scatter(float *result, const float *values, const float *index, Int count, Int rows, Int width,
               Int values_row, Int result_row)
{
    EACH(e, rows * width)
    {
        const Int row = e / width, column = e % width;
        float sum = 0.0f;
        for (Int i = 0; i < count; i++)
            if (index[i] >= 0.0f && (Int)index[i] == row)
                sum += values[i * values_row + column];
        result[row * result_row + column] = sum;
    }
}

/* Convolutions for devices without cuDNN: x [batch][height][width][in], w [out][in][kh][kw], y
 * [batch][out_height][out_width][out]. One thread an element of the result. */
typedef struct Shape {
    Int batch, height, width, in, out, kh, kw, out_height, out_width, stride, pad;
} Shape;

KERNEL conv(float *y, const float *x, const float *w, Shape s)
{
    EACH(e, s.batch * s.out_height * s.out_width * s.out)
    {
        Int r = e;
        const Int out = r % s.out;
        r /= s.out;
        const Int ox = r % s.out_width;
        r /= s.out_width;
        const Int oy = r % s.out_height, b = r / s.out_height;
        float sum = 0.0f;
        for (Int ky = 0; ky < s.kh; ky++)
            for (Int kx = 0; kx < s.kw; kx++) {
                const Int iy = oy * s.stride + ky - s.pad, ix = ox * s.stride + kx - s.pad;
                if (iy < 0 || iy >= s.height || ix < 0 || ix >= s.width)
                    continue;
                for (Int c = 0; c < s.in; c++)
                    sum += x[((b * s.height + iy) * s.width + ix) * s.in + c] *
                           w[((out * s.in + c) * s.kh + ky) * s.kw + kx];
            }
        y[e] = sum;
    }
}

KERNEL conv_data(float *x, const float *y, const float *w, Shape s)
{
    EACH(e, s.batch * s.height * s.width * s.in)
    {
        Int r = e;
        const Int c = r % s.in;
        r /= s.in;
        const Int ix = r % s.width;
        r /= s.width;
        const Int iy = r % s.height, b = r / s.height;
        float sum = 0.0f;
        for (Int ky = 0; ky < s.kh; ky++)
            for (Int kx = 0; kx < s.kw; kx++) {
                const Int ty = iy + s.pad - ky, tx = ix + s.pad - kx;
                if (ty < 0 || tx < 0 || ty % s.stride || tx % s.stride || ty / s.stride >= s.out_height ||
                    tx / s.stride >= s.out_width)
                    continue;
                const Int at = ((b * s.out_height + ty / s.stride) * s.out_width + tx / s.stride) * s.out;
                for (Int out = 0; out < s.out; out++)
                    sum += y[at + out] * w[((out * s.in + c) * s.kh + ky) * s.kw + kx];
            }
        x[e] = sum;
    }
}

KERNEL conv_weight(float *w, const float *x, const float *y, Shape s)
{
    EACH(e, s.out * s.in * s.kh * s.kw)
    {
        Int r = e;
        const Int kx = r % s.kw;
        r /= s.kw;
        const Int ky = r % s.kh;
        r /= s.kh;
        const Int c = r % s.in, out = r / s.in;
        float sum = 0.0f;
        for (Int b = 0; b < s.batch; b++)
            for (Int oy = 0; oy < s.out_height; oy++) {
                const Int iy = oy * s.stride + ky - s.pad;
                if (iy < 0 || iy >= s.height)
                    continue;
                for (Int ox = 0; ox < s.out_width; ox++) {
                    const Int ix = ox * s.stride + kx - s.pad;
                    if (ix >= 0 && ix < s.width)
                        sum += x[((b * s.height + iy) * s.width + ix) * s.in + c] *
                               y[((b * s.out_height + oy) * s.out_width + ox) * s.out + out];
                }
            }
        w[e] = sum;
    }
}

/* Weights between our order [out][in][kh][kw] and that of libraries with channels last, [out][kh][kw][in]. */
KERNEL to_channels_last(float *to, const float *from, Shape s)
{
    EACH(e, s.out * s.in * s.kh * s.kw)
    {
        const Int c = e % s.in, k = e / s.in % (s.kh * s.kw), out = e / (s.in * s.kh * s.kw);
        to[e] = from[(out * s.in + c) * s.kh * s.kw + k];
    }
}

KERNEL from_channels_last(float *to, const float *from, Shape s)
{
    EACH(e, s.out * s.in * s.kh * s.kw)
    {
        const Int k = e % (s.kh * s.kw), c = e / (s.kh * s.kw) % s.in, out = e / (s.in * s.kh * s.kw);
        to[e] = from[(out * s.kh * s.kw + k) * s.in + c];
    }
}
