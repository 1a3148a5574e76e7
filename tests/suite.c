#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entropy.h"

size_t divided(size_t n)
{
    const char *text = getenv("ENTROPY_TEST_DIVIDE");
    const size_t by = text != NULL ? strtoul(text, NULL, 10) : 1;
    return by > 1 && n > by ? n / by : by > 1 ? 1 : n;
}

const char *isa_of(size_t i)
{
    static const char *const all[] = {"scalar", "avx2", "avx512", "neon"};
    const char *before = entropy_isa();
    const char *found = NULL;
    for (size_t k = 0; k < 4 && found == NULL; k++) {
        if (entropy_set_isa(all[k]) == ENTROPY_OK && i-- == 0) {
            found = all[k];
        }
    }
    entropy_set_isa(before);
    return found;
}

void begin(const char *program)
{
    const char *wanted = getenv("ENTROPY_ISA");
    if (wanted != NULL && strcmp(wanted, entropy_isa()) != 0) {
        printf("%s: skipped, this machine lacks %s\n", program, wanted);
        exit(SKIPPED);
    }
    printf("%s: instruction set %s; this machine has", program, entropy_isa());
    for (size_t i = 0; isa_of(i) != NULL; i++) {
        printf(" %s", isa_of(i));
    }
    printf("\n");
    fflush(stdout);
}

uint32_t bits_of(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

uint64_t hash_add(uint64_t hash, const void *bytes, size_t n)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ b[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

void hash_check(const row_hash *expected, size_t rows, uint64_t hash)
{
    while (expected->rows != 0 && expected->rows != rows) {
        expected++;
    }
    if (expected->rows == 0) {
        return;
    }
    printf("  %zu rows: %016llx\n", rows, (unsigned long long)hash);
#ifdef ENTROPY_WITH_SLEEF
    check(hash == expected->hash, "the first %zu rows hash to %016llx on %s", rows,
          (unsigned long long)hash, entropy_isa());
#endif
}
