/* Calls for callgrind to count, on the instruction set that ENTROPY_ISA names: instructions.sh.
 * Prints what `measured` calls, in that order. */
#include <stdio.h>
#include <stdlib.h>

#include "../logits.h"
#include "../suite.h"

enum { MOST = 151936, MOST_WORDS = MOST / 32, PIECE = 4096 };

typedef struct problem {
    entropy_args args;
    entropy_grads grads;
} problem;

static volatile int status;

/* callgrind counts this function and what it calls, and nothing else. It must not end in a jump,
 * which callgrind would not take for a call, nor be cloned under another name: hence the pointer. */
static void measured(int (*call)(const problem *), const problem *p)
{
    status = call(p);
}
static void (*volatile const measured_itself)(int (*)(const problem *), const problem *) = measured;

static int simple(const problem *p)
{
    const entropy_args *a = &p->args;
    switch (a->dtype) {
    case ENTROPY_F16: return entropy_f16(a->logits, a->batch, a->seq, a->vocab, a->entropy);
    case ENTROPY_BF16: return entropy_bf16(a->logits, a->batch, a->seq, a->vocab, a->entropy);
    default: return entropy_f32(a->logits, a->batch, a->seq, a->vocab, a->entropy);
    }
}

static int forward(const problem *p)
{
    return entropy_forward(&p->args);
}

static int backward(const problem *p)
{
    return entropy_backward(&p->args, &p->grads);
}

static int pieces(const problem *p)
{
    const float *logits = p->args.logits;
    const size_t n = p->args.seq * p->args.vocab;
    entropy_state state;
    int failed = ENTROPY_OK;
    entropy_state_init(&state);
    for (size_t i = 0; i < n && failed == ENTROPY_OK; i += PIECE) {
        failed = entropy_state_add_f32(&state, logits + i, i + PIECE < n ? PIECE : n - i);
    }
    *p->args.entropy = entropy_state_entropy(&state);
    return failed;
}

static void count(const char *name, int (*call)(const problem *), const problem *p)
{
    /* The first call binds symbols and chooses the instruction set. */
    const int first = call(p);
    measured_itself(call, p);
    if (first != ENTROPY_OK || status != ENTROPY_OK || !(*p->args.entropy > 0)) {
        fprintf(stderr, "%s of %zu logits failed\n", name, p->args.vocab);
        exit(1);
    }
    printf("%s %s %zu %zu\n", entropy_isa(), name, p->args.seq, p->args.vocab);
}

int main(void)
{
    static const struct {
        size_t rows, vocab;
    } shapes[] = {{64, 4}, {64, 32}, {64, 64}, {64, 100}, {16, 1000}, {4, 4096}, {1, MOST}};
    static float z[MOST], gradient[MOST], ones[MOST_ROWS];
    static uint16_t half[MOST];
    static uint32_t allowed[MOST_WORDS];
    static results r;
    const char *isa = getenv("ENTROPY_ISA");
    rng random = {1};

    begin("instructions"); /* exits where the instruction set is missing */
    if (isa == NULL) {
        return 1;
    }
    for (size_t i = 0; i < MOST_ROWS; i++) ones[i] = 1;
    fill_mask(allowed, MOST, 2, &random);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t rows = shapes[i].rows, vocab = shapes[i].vocab;
        for (size_t row = 0; row < rows; row++) fill_row(ORDINARY, z + row * vocab, vocab, &random);
        problem p = {.args = args_of(ENTROPY_F32, z, rows, vocab)};
        want(&p.args, &r, 1);
        count("f32", simple, &p);
        if (vocab != 1000 && vocab != MOST) {
            continue;
        }
        count("pieces", pieces, &p);
        p.args.varentropy = r.varentropy;
        count("varentropy", forward, &p);
        p.args.varentropy = NULL;
        p.args.allowed = allowed;
        count("allowed", forward, &p);
        p.args.allowed = NULL;
        want(&p.args, &r, ALL_RESULTS - 32); /* no target */
        count("all", forward, &p);
        p.grads = (entropy_grads){.size = sizeof p.grads, .entropy = ones, .logits = gradient};
        count("backward", backward, &p);
        for (int dtype = ENTROPY_F16; dtype <= ENTROPY_BF16; dtype++) {
            p.args = args_of(dtype, half, rows, vocab);
            want(&p.args, &r, 1);
            narrow(dtype, half, z, rows * vocab);
            count(dtype_names[dtype], simple, &p);
        }
    }
    return 0;
}
