/* Memory of columns: aligned, zeroed, and growing in place where it is large. */
#include "data/inside.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE ((size_t)256 * 1024) /* from here on memory comes in pages of its own */
#define PAGE ((size_t)4096)
#define HUGE_PAGE ((size_t)2 * 1024 * 1024)

/* Huge pages need a length of whole huge pages: then the kernel aligns the map to them. */
static size_t whole_pages(size_t bytes)
{
    size_t page = bytes >= HUGE_PAGE ? HUGE_PAGE : PAGE;

    return (bytes + page - 1) / page * page;
}

/* A fault for 2 MB instead of 4 kB, where the kernel has them to give. */
static void *ask_huge(void *memory, size_t bytes)
{
    if (bytes >= HUGE_PAGE)
        madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

void *weir_huge_alloc(size_t bytes)
{
    size_t whole = bytes <= SIZE_MAX / 2 ? whole_pages(bytes) : 0;
    void *memory = bytes < HUGE_PAGE ? malloc(bytes)
                   : whole           ? aligned_alloc(HUGE_PAGE, whole)
                                     : NULL;

    return memory ? ask_huge(memory, whole) : NULL;
}

void *weir_pages_new(size_t bytes)
{
    void *pages;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    if (bytes < LARGE) {
        size_t rounded = bytes ? (bytes + 63) / 64 * 64 : 64;
        pages = aligned_alloc(64, rounded);
        return pages ? memset(pages, 0, rounded) : NULL;
    }
    pages =
        mmap(NULL, whole_pages(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : ask_huge(pages, whole_pages(bytes));
}

void weir_pages_free(void *pages, size_t bytes)
{
    if (pages && bytes >= LARGE)
        munmap(pages, whole_pages(bytes));
    else
        free(pages);
}

void *weir_pages_resize(void *pages, size_t old, size_t bytes)
{
    void *moved;

    if (old >= LARGE && bytes >= LARGE && bytes <= SIZE_MAX / 2) {
        moved = mremap(pages, whole_pages(old), whole_pages(bytes), MREMAP_MAYMOVE);
        if (moved == MAP_FAILED)
            return NULL;
        /* What a smaller size left in its last page is not zero. */
        if (bytes < old)
            memset((char *)moved + bytes, 0,
                   (old < whole_pages(bytes) ? old : whole_pages(bytes)) - bytes);
        return ask_huge(moved, whole_pages(bytes));
    }
    moved = weir_pages_new(bytes);
    if (!moved)
        return NULL;
    if (pages)
        memcpy(moved, pages, old < bytes ? old : bytes);
    weir_pages_free(pages, old);
    return moved;
}
