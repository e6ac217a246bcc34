/* Which pieces make one flow: continuations in a chunk, and flows across chunks by their tags. */
#include <stdlib.h>

#include "sample.h"

/* Flows that are compared with a piece, at most. */
#define MOST_COMPARED 8192

/* Bits of addresses that differ; a port as half an address's, the protocol as a whole one's. */
static uint32_t distance(const weir_tuple *a, const weir_tuple *b)
{
    return (uint32_t)(__builtin_popcount(a->srcip ^ b->srcip) +
                      __builtin_popcount(a->dstip ^ b->dstip) + 16 * (a->srcport != b->srcport) +
                      16 * (a->dstport != b->dstport) + 32 * (a->proto != b->proto));
}

bool netshare_take_link(struct linking *linking, uint32_t c, weir_tuple *tuple)
{
    struct pending *best = NULL;
    uint32_t least = UINT32_MAX;
    size_t compared = 0;

    for (size_t i = 0; i < linking->count && compared < MOST_COMPARED; i++) {
        struct pending *flow = &linking->list[i];
        uint32_t far;

        if (!(flow->present >> c & 1))
            continue;
        compared++;
        far = distance(&flow->tuple, tuple);
        if (far < least) {
            least = far;
            best = flow;
        }
    }
    if (!best)
        return false;
    best->present &= ~(UINT64_C(1) << c);
    *tuple = best->tuple;
    return true;
}

int netshare_keep_link(weir_job *job, struct linking *linking, uint32_t c, const weir_tuple *tuple,
                       uint64_t present)
{
    struct pending *grown;

    present = c + 1 < 64 ? present >> (c + 1) << (c + 1) : 0;
    if (!present)
        return WEIR_OK;
    if (linking->count == linking->room) {
        linking->room = 2 * linking->room + 256;
        grown = realloc(linking->list, linking->room * sizeof *grown);
        if (!grown)
            return weir_error_memory(weir_job_error(job), linking->room * sizeof *grown,
                                     "flows across chunks");
        linking->list = grown;
    }
    linking->list[linking->count++] = (struct pending){*tuple, present};
    return WEIR_OK;
}

uint64_t netshare_end_links(struct linking *linking, uint32_t c)
{
    uint64_t missed = 0;
    size_t kept = 0;

    for (size_t i = 0; i < linking->count; i++) {
        struct pending flow = linking->list[i];

        missed += flow.present >> c & 1;
        flow.present = c + 1 < 64 ? flow.present >> (c + 1) << (c + 1) : 0;
        if (flow.present)
            linking->list[kept++] = flow;
    }
    linking->count = kept;
    return missed;
}

/* The next piece from *at on that is kept and continues: n if there is none. */
static uint32_t next_piece(const struct made *made, const bool *keep, uint32_t n, uint32_t at,
                           bool continues)
{
    while (at < n && !(keep[at] && made[at].continues == continues))
        at++;
    return at;
}

void netshare_chain(const struct made *made, const bool *keep, uint32_t n, struct chain *chain,
                    uint32_t *alone, uint32_t *ended)
{
    uint32_t queue = next_piece(made, keep, n, 0, true);

    *alone = *ended = chain->count = 0;
    for (uint32_t i = next_piece(made, keep, n, 0, false); i < n;
         i = next_piece(made, keep, n, i + 1, false)) {
        bool more = made[i].more;

        chain->heads[chain->count] = true;
        chain->order[chain->count++] = i;
        for (; more && queue < n; queue = next_piece(made, keep, n, queue + 1, true)) {
            chain->heads[chain->count] = false;
            chain->order[chain->count++] = queue;
            more = made[queue].more;
        }
        *ended += more;
    }
    for (; queue < n; queue = next_piece(made, keep, n, queue + 1, true)) {
        chain->heads[chain->count] = true;
        chain->order[chain->count++] = queue;
        ++*alone;
    }
}
