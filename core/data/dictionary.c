/* The strings of a category column and the way from a string to its code. */
#include "data/inside.h"
#include <stdlib.h>
#include <string.h>

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash ^ hash >> 29;
}

/* The slot of a text, or the free one where it belongs. */
static uint32_t find_slot(const weir_dictionary *dictionary, const char *text)
{
    uint32_t mask = dictionary->slot_count - 1, at = (uint32_t)hash_text(text) & mask;

    while (dictionary->slots[at] && strcmp(dictionary->texts[dictionary->slots[at] - 1], text))
        at = (at + 1) & mask;
    return at;
}

static bool grow_dictionary(weir_dictionary *dictionary)
{
    uint32_t count = dictionary->slot_count ? dictionary->slot_count * 2 : 16;
    uint32_t *slots = calloc(count, sizeof *slots);
    char **texts = realloc(dictionary->texts, count / 2 * sizeof *texts);

    if (texts) {
        dictionary->texts = texts;
        dictionary->capacity = count / 2;
    }
    if (!slots || !texts) {
        free(slots);
        return false;
    }
    free(dictionary->slots);
    dictionary->slots = slots;
    dictionary->slot_count = count;
    for (uint32_t code = 0; code < dictionary->count; code++)
        slots[find_slot(dictionary, dictionary->texts[code])] = code + 1;
    return true;
}

uint32_t weir_dictionary_add(weir_dictionary *dictionary, const char *text, weir_error *error)
{
    uint32_t at;

    if (dictionary->slot_count && dictionary->slots[at = find_slot(dictionary, text)])
        return dictionary->slots[at] - 1;
    if (dictionary->count >= dictionary->slot_count / 2 &&
        (dictionary->slot_count >= UINT32_C(1) << 30 || !grow_dictionary(dictionary))) {
        weir_error_memory(error, dictionary->count, "the strings of a category");
        return UINT32_MAX;
    }
    at = find_slot(dictionary, text);
    dictionary->texts[dictionary->count] = strdup(text);
    if (!dictionary->texts[dictionary->count]) {
        weir_error_memory(error, strlen(text), "the strings of a category");
        return UINT32_MAX;
    }
    dictionary->slots[at] = ++dictionary->count;
    return dictionary->count - 1;
}

void weir_dictionary_clear(weir_dictionary *dictionary)
{
    for (uint32_t code = 0; code < dictionary->count; code++)
        free(dictionary->texts[code]);
    free(dictionary->texts);
    free(dictionary->slots);
}

uint32_t weir_dictionary_find(const weir_dictionary *dictionary, const char *text)
{
    if (!dictionary->slot_count)
        return UINT32_MAX;
    return dictionary->slots[find_slot(dictionary, text)] - 1; /* 0 - 1: none */
}
