/* A trace cut into chunks of equal time, and flows into pieces of at most so many packets. */
#include <stdlib.h>

#include "netshare.h"

int64_t netshare_edge(int64_t first, int64_t last, uint32_t count, uint32_t c)
{
    uint64_t span = (uint64_t)last - (uint64_t)first + 1;

    return (int64_t)((uint64_t)first + span / count * c + span % count * c / count);
}

uint32_t netshare_chunk_of(int64_t first, int64_t last, uint32_t count, int64_t time)
{
    double share = ((double)time - (double)first) / ((double)last - (double)first + 1);
    uint32_t c = share <= 0 ? 0 : share >= 1 ? count - 1 : (uint32_t)(share * count);

    c = c < count ? c : count - 1;
    while (c > 0 && time < netshare_edge(first, last, count, c))
        c--;
    while (c + 1 < count && time >= netshare_edge(first, last, count, c + 1))
        c++;
    return c;
}

int netshare_cut(weir_job *job, const weir_dataset *data, uint32_t count, struct chunks *chunks)
{
    const char *name = weir_time_column(weir_dataset_schema(data));

    *chunks = (struct chunks){.data = data, .count = count};
    chunks->times = name ? weir_i64(weir_dataset_table(data), name) : NULL;
    if (!chunks->times)
        return weir_fail(job, WEIR_EDATA, "the data has no times");
    if (!weir_dataset_span(data, &chunks->first, &chunks->last))
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    if ((double)chunks->last - (double)chunks->first > 9e18)
        return weir_fail(job, WEIR_EDATA, "times lie more than 285 years apart");
    chunks->flows = weir_dataset_flows(data, weir_job_error(job));
    if (!chunks->flows)
        return weir_job_error(job)->status;
    chunks->present = weir_alloc(job, chunks->flows->count, sizeof *chunks->present);
    if (!chunks->present)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < weir_dataset_rows(data); i++) {
        uint32_t c = netshare_chunk_of(chunks->first, chunks->last, count, chunks->times[i]);

        chunks->present[chunks->flows->flow_of[i]] |= UINT64_C(1) << c;
        if (i % 65536 == 65535 && weir_progress(job, 0, 0) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

/* The first of a flow's rows [low, high) of flows->rows that is not before `time`. */
static uint32_t first_at(const struct chunks *chunks, uint32_t low, uint32_t high, int64_t time)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (chunks->times[chunks->flows->rows[middle]] < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The rows of flow f in chunk c: [*from, *to) of flows->rows. */
static void rows_in(const struct chunks *chunks, uint32_t f, uint32_t c, uint32_t *from,
                    uint32_t *to)
{
    int64_t begin = netshare_edge(chunks->first, chunks->last, chunks->count, c);
    int64_t end = netshare_edge(chunks->first, chunks->last, chunks->count, c + 1);
    const uint32_t *offsets = chunks->flows->offsets;

    *from = first_at(chunks, offsets[f], offsets[f + 1], begin);
    *to = c + 1 < chunks->count ? first_at(chunks, *from, offsets[f + 1], end) : offsets[f + 1];
}

static int grow(weir_job *job, struct piece **pieces, size_t count, size_t *room)
{
    struct piece *grown;

    if (count < *room)
        return WEIR_OK;
    *room = count + count / 2 + 256;
    grown = realloc(*pieces, *room * sizeof *grown);
    if (!grown)
        return weir_error_memory(weir_job_error(job), *room * sizeof *grown, "pieces of flows");
    *pieces = grown;
    return WEIR_OK;
}

int netshare_pieces(weir_job *job, const struct chunks *chunks, uint32_t c, uint32_t most,
                    bool single, struct piece **pieces, size_t *count, struct tally *tally)
{
    size_t room = 0;

    *tally = (struct tally){0};
    for (uint32_t f = 0; f < chunks->flows->count; f++) {
        uint32_t from, to;

        if (!(chunks->present[f] >> c & 1))
            continue;
        rows_in(chunks, f, c, &from, &to);
        tally->flows++;
        tally->starts += from == chunks->flows->offsets[f];
        if (single && to - from > most) {
            tally->lost += to - from - most;
            to = from + most;
        }
        tally->cut += to - from > most;
        tally->rows += to - from;
        for (uint32_t at = from, next; at < to; at = next, tally->pieces++) {
            next = to - at > most ? at + most : to;
            if (!pieces)
                continue;
            if (grow(job, pieces, *count, &room) != WEIR_OK)
                return weir_job_error(job)->status;
            (*pieces)[(*count)++] = (struct piece){.first = at,
                                                   .count = next - at,
                                                   .flow = f,
                                                   .chunk = c,
                                                   .continues = at > from,
                                                   .more = next < to};
        }
        if (f % 65536 == 65535 && weir_progress(job, 0, 0) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

struct window netshare_window(weir_job *job, const struct chunks *chunks, uint32_t c,
                              bool published)
{
    struct window window = {netshare_edge(chunks->first, chunks->last, chunks->count, c),
                            netshare_edge(chunks->first, chunks->last, chunks->count, c + 1)};
    int64_t low = window.end, high = window.begin;

    for (uint32_t f = 0; published && f < chunks->flows->count; f++) {
        uint32_t from, to;
        int64_t start;

        if (f % 65536 == 65535 && weir_progress(job, 0, 0) != WEIR_OK)
            break;
        if (!(chunks->present[f] >> c & 1))
            continue;
        rows_in(chunks, f, c, &from, &to);
        start = chunks->times[chunks->flows->rows[from]];
        low = start < low ? start : low;
        high = start > high ? start : high;
    }
    return published && low <= high ? (struct window){low, high + 1} : window;
}

int64_t netshare_most_gap(weir_job *job, const struct chunks *chunks, uint32_t c)
{
    const uint32_t *rows = chunks->flows->rows;
    int64_t most = 0;

    for (uint32_t f = 0; f < chunks->flows->count; f++) {
        uint32_t from = chunks->flows->offsets[f], to = chunks->flows->offsets[f + 1];

        if (c < chunks->count) {
            if (!(chunks->present[f] >> c & 1))
                continue;
            rows_in(chunks, f, c, &from, &to);
        }
        if (f % 65536 == 65535 && weir_progress(job, 0, 0) != WEIR_OK)
            break;
        for (uint32_t at = from + 1; at < to; at++) {
            int64_t before = chunks->times[rows[at - 1]], now = chunks->times[rows[at]];

            if (now - before > most &&
                netshare_chunk_of(chunks->first, chunks->last, chunks->count, before) ==
                    netshare_chunk_of(chunks->first, chunks->last, chunks->count, now))
                most = now - before;
        }
    }
    return most;
}
