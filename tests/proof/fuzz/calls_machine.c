#include <stdbool.h>

#include "calls.h"
#include "entropy.h"
#include "machine.h"

static bool is_status(int status)
{
    return status <= ENTROPY_OK && status >= ENTROPY_ERR_NOMEM;
}

static void try_isa(input *in)
{
    static const char *const known[] = {"scalar", "avx2", "avx512", "neon"};
    char name[16] = "";
    const unsigned which = take8(in) % 8;
    if (which < 4) {
        strcpy(name, known[which]);
        name[7] = (char)take8(in); /* behind the end, or one letter too many */
    } else {
        take_bytes(in, name, sizeof name - 1);
    }
    use_isa(take8(in) % isas());
    const char *before = entropy_isa();
    const int status = entropy_set_isa(which == 7 ? NULL : name);
    const char *now = entropy_isa();
    if (status == ENTROPY_OK && which != 7) {
        expect(strcmp(now, name) == 0, "%s instead of %s", now, name);
    } else if (status == ENTROPY_OK) {
        use_isa(isas() - 1);
        expect(now == entropy_isa(), "%s is not the best", now);
    } else {
        expect(status == ENTROPY_ERR_ISA && now == before, "status %d, %s", status, now);
    }
}

static void try_threads(input *in)
{
    const int n = (int)take32(in), before = entropy_get_num_threads();
    expect(before >= 1, "%d threads", before);
    const int status = entropy_set_num_threads(n), now = entropy_get_num_threads();
    expect(status == (n < 0 ? ENTROPY_ERR_VALUE : ENTROPY_OK), "%d threads: status %d", n, status);
    expect(n < 0 ? now == before : n > 0 ? now == n : now >= 1, "%d threads: now %d", n, now);
    expect(entropy_set_num_threads(0) == ENTROPY_OK, "the default again");
}

void call_machine(input *in)
{
    const int status = take8(in) & 1 ? (int)take32(in) : -(int)take_below(in, 8);
    const char *text = entropy_strerror(status);
    expect(text != NULL && (strcmp(text, "unknown status") != 0) == is_status(status),
           "status %d: %s", status, text);
    expect(strcmp(entropy_version(), "0.1.0") == 0, "version %s", entropy_version());
    try_isa(in);
    try_threads(in);
}
