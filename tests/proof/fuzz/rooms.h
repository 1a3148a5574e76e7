/* Arrays beside which nothing can be touched unnoticed: exactly as large as they are said to be, on
 * the heap between what the address sanitiser forbids, or ending or starting at a page that nobody
 * may touch, which also meets what it does not see: masked vector instructions. */
#ifndef ROOMS_H
#define ROOMS_H

#include <stddef.h>

enum { ROOM_ON_HEAP, ROOM_BEFORE_PAGE, ROOM_BEHIND_PAGE, ROOM_PLACES };

#define ROOM_MOST ((size_t)128 << 10)

/* What arrays for results hold until then: unlike any of them. */
#define ROOM_FILL 0x5a

/* Filled with that byte. A size of 0 gives a pointer that nobody may use. */
void *room(unsigned place, size_t size, int fill);

/* Nothing beside the arrays has been written. */
void rooms_check(void);

/* Frees all of them. */
void rooms_free(void);

#endif
