/* What every test program shares. */
#ifndef SUITE_H
#define SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The exit status by which ctest knows that a test was skipped. */
#define SKIPPED 77

/* How many rows of n to test: ENTROPY_TEST_DIVIDE in the environment makes emulated runs bearable.
 * Never less than 1. */
size_t divided(size_t n);

/* The name of the ith instruction set that this machine has, NULL behind the last. */
const char *isa_of(size_t i);

/* If ENTROPY_ISA names an instruction set that this machine lacks: says so, and exits with SKIPPED.
 * Says what is tested otherwise. */
void begin(const char *program);

uint32_t bits_of(float x);

/* A hash of all that was added, to compare with what another machine got: FNV-1a. */
#define HASH_INIT UINT64_C(14695981039346656037)
uint64_t hash_add(uint64_t hash, const void *bytes, size_t n);

/* The hash after some number of rows; a table of them ends with 0 rows. */
typedef struct row_hash {
    size_t rows;
    uint64_t hash;
} row_hash;

/* Fails if the table has another hash for this many rows. Without SLEEF it is only printed: the C
 * library's logarithms may differ in the last bit. */
void hash_check(const row_hash *expected, size_t rows, uint64_t hash);

/* A test is failed in these words, with the values that make it reproducible. */
#define check(condition, ...)      \
    do {                           \
        if (!(condition)) {        \
            fail_msg(__VA_ARGS__); \
        }                          \
    } while (0)

#endif
