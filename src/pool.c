/* The threads that help a caller. They are started when they are first wanted and then sleep until
 * the next call wants them; none spins then. One call has them at a time, and whoever calls
 * meanwhile does its work alone: no more threads run than one caller asked for and the other
 * callers are.
 *
 * pthreadpool would have been a library for this, but its threads are missing in a forked child,
 * which then waits for them for ever. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "threads.h"

enum {
    MOST_WORKERS = 255,
    LOOKS = 100 /* that the caller takes, some 50 microseconds, before it sleeps until the last task
                   has ended: to be woken takes as long as small work does */
};

static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER; /* held by the call that has the threads */

/* `lock` is over all of it but `next`. */
static struct pool {
    pthread_mutex_t lock;
    pthread_cond_t start, end;
    pthread_t thread[MOST_WORKERS];
    int workers;
    int seats;          /* how many more may join in the job */
    atomic_int working; /* how many have, and are not done. Changed under `lock` */
    bool stopped;
    ent_task *task;
    void *context;
    size_t tasks;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .start = PTHREAD_COND_INITIALIZER,
          .end = PTHREAD_COND_INITIALIZER};

static atomic_size_t next; /* task of the job that nobody has taken */

static bool forgets; /* a forked child, what its parent held. There are no threads otherwise */

static void run_tasks(ent_task *task, void *context, size_t tasks)
{
    size_t i;
    while ((i = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed)) < tasks) {
        task(context, i);
    }
}

static void *work(void *unused)
{
    pthread_mutex_lock(&pool.lock);
    while (!pool.stopped) {
        if (pool.seats == 0) {
            pthread_cond_wait(&pool.start, &pool.lock);
            continue;
        }
        pool.seats--;
        pool.working++;
        ent_task *task = pool.task;
        void *context = pool.context;
        const size_t tasks = pool.tasks;
        pthread_mutex_unlock(&pool.lock);
        run_tasks(task, context, tasks);
        pthread_mutex_lock(&pool.lock);
        pool.seats = 0; /* nothing is left to take */
        if (--pool.working == 0) {
            pthread_cond_signal(&pool.end);
        }
    }
    pthread_mutex_unlock(&pool.lock);
    return unused;
}

/* None of the threads is in the child of a fork, and nothing that they or their caller held is
 * held. */
static void forget_all(void)
{
    busy = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    pool.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    pool.start = pool.end = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    pool.workers = pool.seats = 0;
    pool.working = 0;
}

/* Not in the first call that wants threads: a fork meanwhile would not know of it. */
__attribute__((constructor)) static void prepare(void)
{
    forgets = pthread_atfork(NULL, NULL, forget_all) == 0;
}

/* Before the library's code goes from memory, and when the process ends. */
__attribute__((destructor)) static void stop(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.stopped = true;
    const int workers = pool.workers;
    pthread_cond_broadcast(&pool.start);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < workers; i++) {
        pthread_join(pool.thread[i], NULL);
    }
}

/* As many as there can be, if not as many as wanted. Signals are for the program's own threads, but
 * for those that a thread raises itself, such as SIGBUS where a mapped file has shrunk. */
static void start_workers(int wanted)
{
    static const int own[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        sigdelset(&blocked, own[i]);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    while (forgets && pool.workers < wanted &&
           pthread_create(&pool.thread[pool.workers], NULL, work, NULL) == 0) {
        pool.workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int ent_pool_enter(int threads)
{
    if (threads < 2 || pthread_mutex_trylock(&busy) != 0) {
        return 1;
    }
    const int wanted = threads - 1 < MOST_WORKERS ? threads - 1 : MOST_WORKERS;
    pthread_mutex_lock(&pool.lock);
    if (pool.workers < wanted && !pool.stopped) {
        start_workers(wanted);
    }
    const int workers = pool.stopped ? 0 : pool.workers < wanted ? pool.workers : wanted;
    pthread_mutex_unlock(&pool.lock);
    if (workers == 0) {
        pthread_mutex_unlock(&busy);
    }
    return 1 + workers;
}

void ent_pool_leave(int threads)
{
    if (threads > 1) {
        pthread_mutex_unlock(&busy);
    }
}

void ent_run(ent_task *task, void *context, size_t tasks, int threads)
{
    if (threads < 2 || tasks < 2) {
        for (size_t i = 0; i < tasks; i++) {
            task(context, i);
        }
        return;
    }
    pthread_mutex_lock(&pool.lock);
    pool.task = task;
    pool.context = context;
    pool.tasks = tasks;
    pool.seats = tasks < (size_t)threads ? (int)tasks - 1 : threads - 1;
    atomic_store_explicit(&next, 0, memory_order_relaxed);
    pthread_cond_broadcast(&pool.start);
    pthread_mutex_unlock(&pool.lock);

    run_tasks(task, context, tasks);

    pthread_mutex_lock(&pool.lock);
    pool.seats = 0; /* who is late need not come */
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < LOOKS && pool.working > 0; i++) {
        sched_yield();
    }
    pthread_mutex_lock(&pool.lock);
    while (pool.working > 0) {
        pthread_cond_wait(&pool.end, &pool.lock);
    }
    pthread_mutex_unlock(&pool.lock);
}
