/* Initial values, by the rules of Glorot and Bengio 2010 (Xavier) and He et al. 2015 (Kaiming). */
#include <math.h>
#include <weir/nn.h>

nn_init nn_init_constant(double value)
{
    return (nn_init){NN_CONSTANT, value, 0};
}

nn_init nn_init_uniform(double low, double high)
{
    return (nn_init){NN_UNIFORM, low, high};
}

nn_init nn_init_normal(double mean, double deviation)
{
    return (nn_init){NN_NORMAL, mean, deviation};
}

static nn_init within(double bound)
{
    return (nn_init){NN_UNIFORM, -bound, bound};
}

nn_init nn_init_fan_in(int64_t fan_in)
{
    return within(1 / sqrt((double)fan_in));
}

nn_init nn_init_xavier(int64_t fan_in, int64_t fan_out, double gain)
{
    return within(gain * sqrt(6 / ((double)fan_in + (double)fan_out)));
}

nn_init nn_init_kaiming(int64_t fan_in, double negative_slope)
{
    return within(sqrt(6 / ((1 + negative_slope * negative_slope) * (double)fan_in)));
}

nn_init nn_init_orthogonal(double gain)
{
    return (nn_init){NN_ORTHOGONAL, gain, 0};
}
