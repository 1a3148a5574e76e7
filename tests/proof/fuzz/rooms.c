#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "rooms.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "input.h"

#define MOST_ROOMS 128
#define PAGE ((size_t)4096)
#define MARGIN ((size_t)64) /* of the bytes beside an array that are its pages' */
#define NOT_A_NUMBER 0xff   /* in every dtype: to read it shows */

static struct {
    uint8_t *start, *end; /* of the array */
    void *heap;           /* NULL where it lies on pages */
    uint8_t *pages;
} rooms[MOST_ROOMS];
static size_t used;

/* The same for each number of room, mapped when it is first wanted. */
static uint8_t *pages_of(size_t i)
{
    if (rooms[i].pages == NULL) {
        char *map = mmap(NULL, ROOM_MOST + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        expect(map != MAP_FAILED && mprotect(map + PAGE, ROOM_MOST, PROT_READ | PROT_WRITE) == 0,
               "no memory for the harness");
        rooms[i].pages = (uint8_t *)map + PAGE;
    }
    return rooms[i].pages;
}

void *room(unsigned place, size_t size, int fill)
{
    expect(used < MOST_ROOMS && size <= ROOM_MOST, "the harness wants %zu bytes", size);
    const size_t i = used++;
    uint8_t *at;
    rooms[i].heap = NULL;
    if (place == ROOM_ON_HEAP && size > 0) {
        at = malloc(size);
        expect(at != NULL, "no memory for the harness");
        rooms[i].heap = at;
    } else if (place == ROOM_BEHIND_PAGE && size > 0) {
        at = pages_of(i);
        memset(at + size, NOT_A_NUMBER, size + MARGIN <= ROOM_MOST ? MARGIN : ROOM_MOST - size);
    } else {
        at = pages_of(i) + ROOM_MOST - size;
        memset(at - MARGIN, NOT_A_NUMBER, size + MARGIN <= ROOM_MOST ? MARGIN : 0);
    }
    memset(at, fill, size);
    rooms[i].start = at;
    rooms[i].end = at + size;
    return at;
}

void rooms_check(void)
{
    for (size_t i = 0; i < used; i++) {
        if (rooms[i].heap != NULL) {
            continue;
        }
        const uint8_t *start = rooms[i].start, *end = rooms[i].end, *first = rooms[i].pages;
        const uint8_t *last = first + ROOM_MOST;
        for (size_t k = 1; k <= MARGIN && start != first && start - k >= first; k++) {
            expect(start[-(ptrdiff_t)k] == NOT_A_NUMBER, "written %zu bytes before an array", k);
        }
        for (size_t k = 0; k < MARGIN && end + k < last; k++) {
            expect(end[k] == NOT_A_NUMBER, "written %zu bytes behind an array", k);
        }
    }
}

void rooms_free(void)
{
    for (size_t i = 0; i < used; i++) {
        free(rooms[i].heap);
    }
    used = 0;
}
