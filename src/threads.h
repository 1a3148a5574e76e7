/* Work that is shared among threads. */
#ifndef ENT_THREADS_H
#define ENT_THREADS_H

#include <stddef.h>

/* Does rows [first, end) of a call, each on so many threads. */
typedef void ent_rows(void *call, size_t first, size_t end, int threads);

/* Has all rows done: where the work is worth it many at a time, on one thread each, and the few
 * long ones that would leave threads idle one after another, on all threads. `wanted` is the
 * caller's number of threads, 0 if it has none in mind. */
void ent_share_rows(ent_rows *rows_of, void *call, size_t rows, size_t vocab, int wanted);

/* Calls task(context, i) for every i < tasks, on so many threads, and returns when all have
 * returned. */
typedef void ent_task(void *context, size_t i);
void ent_run(ent_task *task, void *context, size_t tasks, int threads);

/* The pool that ent_run takes its threads from is at work for one call at a time. Returns how many
 * threads this one has, its own included: 1 if the pool is not to be had. */
int ent_pool_enter(int threads);
void ent_pool_leave(int threads);

#endif
