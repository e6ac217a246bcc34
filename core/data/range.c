/* Ranges of columns: exact for integers of 64 bits, whose values a double cannot hold. */
#include <math.h>
#include <weir/sampling.h>

uint64_t weir_integer_get(weir_type type, const void *data, size_t i)
{
    switch (weir_type_size(type)) {
    case 1:
        return ((const uint8_t *)data)[i];
    case 2:
        return ((const uint16_t *)data)[i];
    case 4:
        return ((const uint32_t *)data)[i];
    default:
        return ((const uint64_t *)data)[i];
    }
}

void weir_integer_put(weir_type type, void *data, size_t i, uint64_t value)
{
    switch (weir_type_size(type)) {
    case 1:
        ((uint8_t *)data)[i] = (uint8_t)value;
        break;
    case 2:
        ((uint16_t *)data)[i] = (uint16_t)value;
        break;
    case 4:
        ((uint32_t *)data)[i] = (uint32_t)value;
        break;
    default:
        ((uint64_t *)data)[i] = value;
    }
}

static bool is_real(weir_type type)
{
    return type == WEIR_F32 || type == WEIR_F64;
}

/* An I64 shares its bits with the union's unsigned member. */
static weir_number get(weir_type type, const void *data, size_t i)
{
    weir_number value = {0};

    if (type == WEIR_F32)
        value.f = (double)((const float *)data)[i];
    else if (type == WEIR_F64)
        value.f = ((const double *)data)[i];
    else
        value.u = weir_integer_get(type, data, i);
    return value;
}

static void put(weir_type type, void *data, size_t i, weir_number value)
{
    if (type == WEIR_F32)
        ((float *)data)[i] = (float)value.f;
    else if (type == WEIR_F64)
        ((double *)data)[i] = value.f;
    else
        weir_integer_put(type, data, i, value.u);
}

static bool less(weir_type type, weir_number a, weir_number b)
{
    if (is_real(type))
        return a.f < b.f;
    return type == WEIR_I64 ? a.i < b.i : a.u < b.u;
}

/* a - b of integers, a >= b: unsigned subtraction is right for both signs. */
static uint64_t distance(weir_type type, weir_number a, weir_number b)
{
    return type == WEIR_I64 ? (uint64_t)a.i - (uint64_t)b.i : a.u - b.u;
}

static weir_number above(const weir_range *range, uint64_t steps)
{
    weir_number value = range->low;

    if (range->type == WEIR_I64)
        value.i = (int64_t)((uint64_t)value.i + steps);
    else
        value.u += steps;
    return value;
}

double weir_range_span(const weir_range *range)
{
    return is_real(range->type) ? range->high.f - range->low.f
                                : (double)distance(range->type, range->high, range->low);
}

int weir_range_learn(weir_range *range, weir_type type, const void *data, size_t n, size_t stride,
                     weir_error *error)
{
    if (n == 0)
        return weir_error_set(error, WEIR_EDATA, "a range of no values");
    range->type = type;
    range->low = range->high = get(type, data, 0);
    for (size_t i = 0; i < n; i++) {
        weir_number value = get(type, data, i * stride);

        if (is_real(type) && !isfinite(value.f))
            return weir_error_set(error, WEIR_EDATA, "value %zu is not finite", i + 1);
        if (less(type, value, range->low))
            range->low = value;
        if (less(type, range->high, value))
            range->high = value;
    }
    if (!isfinite(weir_range_span(range)))
        return weir_error_set(error, WEIR_EDATA, "the values %g to %g are too far apart",
                              range->low.f, range->high.f);
    return WEIR_OK;
}

double weir_range_offset(const weir_range *range, const void *data, size_t i)
{
    weir_number value = get(range->type, data, i);

    if (less(range->type, value, range->low) || (is_real(range->type) && isnan(value.f)))
        return 0;
    if (!less(range->type, value, range->high))
        return weir_range_span(range);
    if (is_real(range->type))
        return value.f - range->low.f;
    return (double)distance(range->type, value, range->low);
}

void weir_range_set(const weir_range *range, void *data, size_t i, double offset)
{
    double span = weir_range_span(range);
    weir_number value = range->low;

    if (offset >= span)
        value = range->high;
    else if (offset > 0 && is_real(range->type))
        value.f = fmin(range->low.f + offset, range->high.f);
    else if (offset > 0) {
        /* Below the span, but rounding may reach it: then the bound itself. */
        double steps = rint(offset);

        value = steps >= span ? range->high : above(range, (uint64_t)steps);
    }
    put(range->type, data, i, value);
}

void weir_range_draw(const weir_range *range, weir_random *random, void *data, size_t i)
{
    weir_number value;

    if (is_real(range->type)) {
        value.f = fmin(range->low.f + weir_random_uniform(random) * weir_range_span(range),
                       range->high.f);
    } else {
        uint64_t n = distance(range->type, range->high, range->low);

        value = above(range,
                      n == UINT64_MAX ? weir_random_u64(random) : weir_random_below(random, n + 1));
    }
    put(range->type, data, i, value);
}

static weir_type stored_as(weir_type type)
{
    if (is_real(type))
        return WEIR_F64;
    return type == WEIR_I64 ? WEIR_I64 : WEIR_U64;
}

int weir_range_put(weir_archive *archive, const char *name, const weir_range *range)
{
    weir_number bounds[2] = {range->low, range->high};
    uint64_t shape[1] = {2};

    return weir_put_array(archive, name, stored_as(range->type), 1, shape, bounds);
}

int weir_range_get(weir_job *job, const weir_archive *archive, const char *name, weir_type type,
                   weir_range *range)
{
    uint64_t shape[1] = {2};
    weir_type stored = stored_as(type);
    const void *bounds = weir_get_array(archive, name, stored, 1, shape);
    static const uint64_t limits[] = {
        [WEIR_U8] = UINT8_MAX,   [WEIR_U16] = UINT16_MAX, [WEIR_U32] = UINT32_MAX,
        [WEIR_U64] = UINT64_MAX, [WEIR_I64] = UINT64_MAX, [WEIR_CATEGORY] = UINT32_MAX};

    if (!bounds)
        return weir_job_error(job)->status;
    range->type = type;
    range->low = get(stored, bounds, 0);
    range->high = get(stored, bounds, 1);
    if (less(type, range->high, range->low) ||
        (is_real(type) ? !isfinite(weir_range_span(range))
                       : stored == WEIR_U64 && range->high.u > limits[type]))
        return weir_fail(job, WEIR_EDATA, "'%s' is no range of %s", name, weir_type_name(type));
    return WEIR_OK;
}
