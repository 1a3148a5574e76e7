/* The library is unloaded, and its threads with it. */
#define _GNU_SOURCE
#include "suite.h"

#include <dlfcn.h>
#include <unistd.h>

#include "entropy.h"
#include "rows.h"

enum { VOCAB = 3000, ROWS = 100 }; /* enough for several threads */

static float rows[ROWS * VOCAB];
static float expected[ROWS]; /* entropies */

typedef int set_num_threads(int);
typedef int simple_call(const float *, size_t, size_t, size_t, float *);

static void test_unloading(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
        check(library != NULL, "%s", dlerror());
        set_num_threads *set_threads;
        simple_call *entropy_of;
        *(void **)&set_threads = dlsym(library, "entropy_set_num_threads");
        *(void **)&entropy_of = dlsym(library, "entropy_f32");
        assert_true(set_threads != NULL && entropy_of != NULL);
        float H[ROWS];
        assert_int_equal(set_threads(4), ENTROPY_OK);
        assert_int_equal(entropy_of(rows, 1, ROWS, VOCAB, H), ENTROPY_OK);
        assert_memory_equal(H, expected, sizeof H);
        assert_int_equal(dlclose(library), 0);
        assert_null(dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD));
        usleep(1000); /* a thread that was left would wake in code that is gone */
    }
}

int main(void)
{
    rng r = {11};
    fill_row(ORDINARY, rows, ROWS * VOCAB, &r);
    begin("test_unloading");
    entropy_set_num_threads(1);
    entropy_f32(rows, 1, ROWS, VOCAB, expected);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_unloading)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
