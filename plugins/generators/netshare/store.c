/* netshare's model in an archive. */
#include <stdio.h>

#include "netshare.h"

#define TALLIES 4

static int put_parts(weir_job *job, const struct model *model, weir_archive *to)
{
    int64_t windows[MOST_CHUNKS][2];
    double gaps[MOST_CHUNKS];
    uint32_t numbers[MOST_CHUNKS];
    const uint64_t shape[] = {model->count, 2};
    int status = WEIR_OK;

    for (uint32_t i = 0; i < model->count; i++) {
        const struct part *part = &model->parts[i];
        char name[32];

        windows[i][0] = part->window.begin;
        windows[i][1] = part->window.end;
        gaps[i] = part->most_gap;
        numbers[i] = part->chunk;
        snprintf(name, sizeof name, "network.%u", i);
        if (status == WEIR_OK)
            status = nn_doppelganger_put(job, to, part->network, name, !model->final);
    }
    if (status == WEIR_OK)
        status = weir_put_array(to, "windows", WEIR_I64, 2, shape, windows);
    if (status == WEIR_OK)
        status = weir_put_array(to, "gaps", WEIR_F64, 1, shape, gaps);
    return status == WEIR_OK ? weir_put_array(to, "parts", WEIR_U32, 1, shape, numbers) : status;
}

int netshare_save(weir_job *job, const void *state, weir_archive *to)
{
    const struct model *model = state;
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"length", model->length},
                   {"tags", model->tags},
                   {"final", model->final},
                   {"private", model->privacy.private},
                   {"epsilon", model->privacy.epsilon},
                   {"delta", model->privacy.delta},
                   {"noise", model->privacy.noise},
                   {"public_steps", (double)model->public_steps}};
    const int64_t span[] = {model->first, model->last};
    const uint64_t two = 2, shape[] = {model->chunks, TALLIES};
    uint64_t tallies[MOST_CHUNKS][TALLIES];
    int status = WEIR_OK;

    for (uint32_t c = 0; c < model->chunks; c++) {
        tallies[c][0] = model->tallies[c].pieces;
        tallies[c][1] = model->tallies[c].flows;
        tallies[c][2] = model->tallies[c].starts;
        tallies[c][3] = model->tallies[c].rows;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && status == WEIR_OK; i++)
        status = weir_put_number(to, numbers[i].name, numbers[i].value);
    if (status == WEIR_OK)
        status = weir_put_text(to, "leaks", model->privacy.leaks);
    if (status == WEIR_OK)
        status = weir_put_array(to, "span", WEIR_I64, 1, &two, span);
    if (status == WEIR_OK)
        status = weir_put_array(to, "tallies", WEIR_U64, 2, shape, tallies);
    if (status == WEIR_OK)
        status = netshare_put_codec(to, &model->codec);
    return status == WEIR_OK ? put_parts(job, model, to) : status;
}

static int get_tallies(weir_job *job, const weir_archive *from, struct model *model)
{
    uint64_t shape[] = {0, TALLIES};
    const uint64_t *tallies = weir_get_array(from, "tallies", WEIR_U64, 2, shape);

    if (!tallies)
        return weir_job_error(job)->status;
    if (shape[0] < 1 || shape[0] > MOST_CHUNKS)
        return weir_fail(job, WEIR_EDATA, "%llu chunks", (unsigned long long)shape[0]);
    model->chunks = (uint32_t)shape[0];
    for (uint32_t c = 0; c < model->chunks; c++, tallies += TALLIES) {
        for (int k = 0; k < TALLIES; k++)
            if (tallies[k] > UINT32_MAX)
                return weir_fail(job, WEIR_EDATA, "chunk %u: %llu pieces or rows", c,
                                 (unsigned long long)tallies[k]);
        model->tallies[c] = (struct tally){tallies[0], tallies[1], tallies[2], tallies[3], 0, 0};
    }
    return WEIR_OK;
}

static int get_parts(weir_job *job, const weir_archive *from, struct model *model)
{
    uint64_t shape[] = {0, 2};
    const uint32_t *numbers = weir_get_array(from, "parts", WEIR_U32, 1, shape);
    const int64_t *windows = numbers ? weir_get_array(from, "windows", WEIR_I64, 2, shape) : NULL;
    const double *gaps = windows ? weir_get_array(from, "gaps", WEIR_F64, 1, shape) : NULL;
    uint32_t n = (uint32_t)shape[0];

    if (!gaps)
        return weir_job_error(job)->status;
    if (shape[0] < 1 || shape[0] > model->chunks)
        return weir_fail(job, WEIR_EDATA, "%llu parts of %u chunks", (unsigned long long)shape[0],
                         model->chunks);
    model->parts = weir_alloc(job, n, sizeof *model->parts);
    for (uint32_t i = 0; model->parts && i < n; i++) {
        struct part *part = &model->parts[i];
        char name[32];

        *part = (struct part){numbers[i], {windows[2 * i], windows[2 * i + 1]}, gaps[i], NULL};
        if (part->chunk >= model->chunks || (i > 0 && part->chunk <= part[-1].chunk) ||
            part->window.begin < model->first || part->window.end <= part->window.begin ||
            part->window.end - 1 > model->last || !(part->most_gap >= 0 && part->most_gap < 1e19))
            return weir_fail(job, WEIR_EDATA, "part %u is of chunk %u, %lld to %lld ns", i,
                             part->chunk, (long long)part->window.begin,
                             (long long)part->window.end);
        snprintf(name, sizeof name, "network.%u", i);
        part->network = nn_doppelganger_get(job, from, name);
        if (!part->network)
            break;
        model->count++;
    }
    return weir_job_error(job)->status;
}

int netshare_load(weir_job *job, void *state, const weir_archive *from)
{
    struct model *model = state;
    double length, tags, final, private, public;
    uint64_t two = 2;
    const int64_t *span = weir_get_array(from, "span", WEIR_I64, 1, &two);

    model->privacy.leaks = span ? weir_get_text(from, "leaks") : NULL;
    if (!model->privacy.leaks || weir_get_number(from, "length", &length) != WEIR_OK ||
        weir_get_number(from, "tags", &tags) != WEIR_OK ||
        weir_get_number(from, "final", &final) != WEIR_OK ||
        weir_get_number(from, "private", &private) != WEIR_OK ||
        weir_get_number(from, "epsilon", &model->privacy.epsilon) != WEIR_OK ||
        weir_get_number(from, "delta", &model->privacy.delta) != WEIR_OK ||
        weir_get_number(from, "noise", &model->privacy.noise) != WEIR_OK ||
        weir_get_number(from, "public_steps", &public) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(length >= 1 && length <= UINT32_MAX) || !(public >= 0 && public < 1e15) ||
        span[0] > span[1] || (double)span[1] - (double)span[0] > 9e18)
        return weir_fail(job, WEIR_EDATA, "pieces of %g packets from %lld to %lld ns", length,
                         (long long)span[0], (long long)span[1]);
    model->first = span[0];
    model->last = span[1];
    model->length = (uint32_t)length;
    model->public_steps = (int64_t) public;
    model->tags = tags > 0;
    model->final = final > 0;
    model->privacy.private = private > 0;
    if (get_tallies(job, from, model) != WEIR_OK ||
        netshare_get_codec(job, from, &model->codec) != WEIR_OK)
        return weir_job_error(job)->status;
    return get_parts(job, from, model);
}

int netshare_check_networks(weir_job *job, const struct model *model,
                            const struct attributes *attributes)
{
    const weir_layout features = {model->codec.width, model->codec.count, model->codec.segments};

    for (uint32_t i = 0; i < model->count; i++)
        if (model->parts[i].network &&
            !nn_doppelganger_suits(model->parts[i].network, model->length, &attributes->layout,
                                   &features))
            return weir_fail(job, WEIR_EDATA,
                             "the network of chunk %u is not for pieces of %u packets of %u "
                             "numbers, with %u attributes",
                             model->parts[i].chunk, model->length, features.width,
                             attributes->layout.width);
    return WEIR_OK;
}
