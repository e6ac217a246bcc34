/* Sets of 5-tuples: open addressing, numbered in order of addition. */
#include <stdlib.h>
#include <weir/sampling.h>

struct weir_tuples {
    weir_tuple *items; /* [room] in order of addition */
    uint32_t *slots;   /* [capacity] index + 1 into items, 0 for empty */
    uint32_t count, room;
    uint64_t capacity; /* a power of two, more than twice the count */
};

static uint64_t hash(const weir_tuple *tuple)
{
    uint64_t a = (uint64_t)tuple->srcip << 32 | tuple->dstip;
    uint64_t b = (uint64_t)tuple->srcport << 32 | (uint64_t)tuple->dstport << 8 | tuple->proto;

    a = (a ^ b * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    a = (a ^ a >> 32) * 0xc4ceb9fe1a85ec53u;
    return a ^ a >> 29;
}

static bool equal(const weir_tuple *a, const weir_tuple *b)
{
    return a->srcip == b->srcip && a->dstip == b->dstip && a->srcport == b->srcport &&
           a->dstport == b->dstport && a->proto == b->proto;
}

weir_tuples *weir_tuples_new(weir_error *error)
{
    weir_tuples *tuples = calloc(1, sizeof *tuples);

    if (!tuples) {
        weir_error_memory(error, sizeof *tuples, "a set of 5-tuples");
        return NULL;
    }
    tuples->room = 512;
    tuples->capacity = 2048;
    tuples->items = malloc(tuples->room * sizeof *tuples->items);
    tuples->slots = calloc(tuples->capacity, sizeof *tuples->slots);
    if (!tuples->items || !tuples->slots) {
        weir_error_memory(error, tuples->capacity * sizeof *tuples->slots, "a set of 5-tuples");
        weir_tuples_free(tuples);
        return NULL;
    }
    return tuples;
}

void weir_tuples_free(weir_tuples *tuples)
{
    if (!tuples)
        return;
    free(tuples->items);
    free(tuples->slots);
    free(tuples);
}

/* The slot that holds the tuple, or the empty one where it belongs. */
static uint64_t find(const weir_tuples *tuples, const weir_tuple *tuple)
{
    uint64_t mask = tuples->capacity - 1, at = hash(tuple) & mask;

    while (tuples->slots[at] && !equal(&tuples->items[tuples->slots[at] - 1], tuple))
        at = (at + 1) & mask;
    return at;
}

static int grow(weir_tuples *tuples, weir_error *error)
{
    uint32_t room = tuples->room * 2;
    uint64_t capacity = tuples->capacity * 2;
    weir_tuple *items;
    uint32_t *slots;

    if (room < tuples->room)
        return weir_error_set(error, WEIR_EDATA, "more than %u different 5-tuples", tuples->room);
    items = realloc(tuples->items, (size_t)room * sizeof *items);
    if (!items)
        return weir_error_memory(error, (size_t)room * sizeof *items, "a set of 5-tuples");
    tuples->items = items;
    slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return weir_error_memory(error, capacity * sizeof *slots, "a set of 5-tuples");
    free(tuples->slots);
    tuples->slots = slots;
    tuples->capacity = capacity;
    tuples->room = room;
    for (uint32_t i = 0; i < tuples->count; i++)
        slots[find(tuples, &items[i])] = i + 1;
    return WEIR_OK;
}

int weir_tuples_add(weir_tuples *tuples, const weir_tuple *tuple, uint32_t *index,
                    weir_error *error)
{
    uint64_t at = find(tuples, tuple);

    if (!tuples->slots[at]) {
        if (tuples->count == tuples->room) {
            int status = grow(tuples, error);

            if (status != WEIR_OK)
                return status;
            at = find(tuples, tuple);
        }
        tuples->items[tuples->count] = *tuple;
        tuples->slots[at] = ++tuples->count;
    }
    *index = tuples->slots[at] - 1;
    return WEIR_OK;
}

bool weir_tuples_has(const weir_tuples *tuples, const weir_tuple *tuple)
{
    return tuples->slots[find(tuples, tuple)] != 0;
}

uint32_t weir_tuples_count(const weir_tuples *tuples)
{
    return tuples->count;
}
