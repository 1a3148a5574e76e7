/* A vocabulary in shards: states, results and gradients as those of the whole row, also from another
 * process; on one instruction set. */
#define _POSIX_C_SOURCE 200809L /* fork, pipe */
#include "suite.h"

#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include "logits.h"
#include "reference.h"

static entropy_state state_of(const float *z, size_t n)
{
    entropy_state s;
    entropy_state_init(&s);
    assert_int_equal(entropy_state_add_f32(&s, z, n), ENTROPY_OK);
    return s;
}

/* Many rows, every option, in three shards: as entropy_forward on the whole. */
static void test_states(void **unused)
{
    (void)unused;
    enum { ROWS = 42, VOCAB = 3 * 1024, SHARDS = 3, SHARD = VOCAB / SHARDS };
    static float z[ROWS * VOCAB], temperature[ROWS];
    static int64_t target[ROWS], local[ROWS];
    static uint8_t row_mask[ROWS];
    static uint32_t allowed[VOCAB / 32];
    static entropy_state states[ROWS], shard[ROWS];
    static results whole, merged;
    rng r = {21};
    for (size_t i = 0; i < ROWS; i++) {
        fill_row((row_kind)(i % KINDS), z + i * VOCAB, VOCAB, &r);
        temperature[i] = (float)(0.5 + random_unit(&r));
        target[i] = (int64_t)random_below(&r, VOCAB + 1) - 1;
        row_mask[i] = i % 9 != 4;
    }
    fill_mask(allowed, VOCAB, 5, &r);
    entropy_args a = args_of(ENTROPY_F32, z, ROWS, VOCAB);
    a.temperature = temperature;
    a.temperature_stride = 1;
    a.target = target;
    a.row_mask = row_mask;
    a.allowed = allowed;
    results_clear(&whole);
    results_clear(&merged);
    want(&a, &whole, ALL_RESULTS);
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    for (size_t k = 0; k < SHARDS; k++) {
        for (size_t i = 0; i < ROWS; i++) {
            const int64_t there = target[i] - (int64_t)(k * SHARD);
            local[i] = target[i] >= 0 && there >= 0 && there < SHARD ? there : -1;
        }
        entropy_args b = a;
        b.logits = z + k * SHARD;
        b.vocab = SHARD;
        b.seq_stride = VOCAB;
        b.target = local;
        b.allowed = allowed + k * SHARD / 32;
        assert_int_equal(entropy_forward_states(&b, k == 0 ? states : shard), ENTROPY_OK);
        if (k > 0) {
            assert_int_equal(entropy_merge_states(states, shard, ROWS), ENTROPY_OK);
        }
    }
    entropy_args out = {.size = sizeof out, .batch = ROWS / 6, .seq = 6};
    want(&out, &merged, ALL_RESULTS);
    assert_int_equal(entropy_results_of_states(states, ROWS, &out), ENTROPY_OK);
    for (size_t i = 0; i < ROWS; i++) {
#define NEAR(result, relative)                                                            \
    check((isnan((double)merged.result[i]) && isnan((double)whole.result[i])) ||          \
              (double)merged.result[i] == (double)whole.result[i] ||                      \
              fabs((double)merged.result[i] - (double)whole.result[i]) <=                 \
                  (relative)*fabs((double)whole.result[i]),                               \
          "row %zu: " #result " %.9g in shards, %.9g whole", i, (double)merged.result[i], \
          (double)whole.result[i]);
        NEAR(entropy, 1e-6)
        NEAR(varentropy, 1e-5)
        NEAR(logsumexp, 1e-6)
        NEAR(max_logit, 0)
        NEAR(max_logprob, 1e-6)
        NEAR(target_logprob, 1e-6)
        NEAR(argmax, 0)
        NEAR(support, 0)
    }
    /* one shard alone is the whole row, to the last bit */
    assert_int_equal(entropy_forward_states(&a, states), ENTROPY_OK);
    results_clear(&merged);
    assert_int_equal(entropy_results_of_states(states, ROWS, &out), ENTROPY_OK);
    assert_memory_equal(&merged, &whole, sizeof whole);
    /* but for one that is skipped now */
    static const uint8_t only_first[ROWS] = {1};
    out.row_mask = only_first;
    assert_int_equal(entropy_results_of_states(states, ROWS, &out), ENTROPY_OK);
    assert_true(bits_of(merged.entropy[0]) == bits_of(whole.entropy[0]));
    assert_true(bits_of(merged.entropy[1]) == 0 && bits_of(merged.logsumexp[1]) == 0);
    assert_true(merged.argmax[1] == 0 && merged.support[1] == 0 && whole.support[1] > 0);
    out.row_mask = NULL;
    /* a row skipped in one shard only is the rest */
    entropy_state skipped = states[4], rest = state_of(z, 10);
    assert_int_equal(bits_of(entropy_state_entropy(&skipped)), 0);
    assert_int_equal(entropy_state_argmax(&skipped), 0);
    const float H = entropy_state_entropy(&rest);
    entropy_state_merge(&skipped, &rest);
    assert_int_equal(bits_of(entropy_state_entropy(&skipped)), bits_of(H));
    entropy_state empty;
    entropy_state_init(&empty);
    entropy_state_merge(&empty, &states[4]);
    assert_int_equal(bits_of(entropy_state_entropy(&empty)), 0);
    entropy_state_merge(&rest, &states[4]);
    assert_int_equal(bits_of(entropy_state_entropy(&rest)), bits_of(H));

    results_clear(&whole);
    results_clear(&merged);
    assert_int_equal(entropy_forward_states(NULL, states), ENTROPY_ERR_NULL);
    assert_int_equal(entropy_forward_states(&a, NULL), ENTROPY_ERR_NULL);
    assert_int_equal(entropy_merge_states(NULL, NULL, 0), ENTROPY_OK);
    assert_int_equal(entropy_merge_states(states, NULL, 1), ENTROPY_ERR_NULL);
    assert_int_equal(entropy_merge_states(NULL, states, 1), ENTROPY_ERR_NULL);
    assert_int_equal(entropy_merge_states(states, shard, SIZE_MAX / 64), ENTROPY_ERR_SHAPE);
    assert_int_equal(entropy_results_of_states(states, ROWS, NULL), ENTROPY_ERR_NULL);
    assert_int_equal(entropy_results_of_states(NULL, ROWS, &out), ENTROPY_ERR_NULL);
    assert_int_equal(entropy_results_of_states(states, ROWS - 1, &out), ENTROPY_ERR_SHAPE);
    assert_int_equal(entropy_results_of_states(states, ROWS + 1, &out), ENTROPY_ERR_SHAPE);
    const size_t endless = SIZE_MAX / sizeof *states;
    out.batch = 1;
    out.seq = endless;
    assert_int_equal(entropy_results_of_states(NULL, endless, &out), ENTROPY_ERR_SHAPE);
    out.size--;
    assert_int_equal(entropy_results_of_states(states, ROWS, &out), ENTROPY_ERR_VALUE);
    assert_memory_equal(&merged, &whole, sizeof whole);
}

/* A vocabulary in shards: each gets the gradient it has in the whole row. */
static void test_gradients(void **state)
{
    (void)state;
    enum { N = 512, SHARD = 100 };
    static float z[N], whole[N], shard[N];
    rng r = {12};
    fill_row(ORDINARY, z, N, &r);
    const int64_t target = 250, none = -1;
    const float g[3] = {0.3f, -0.2f, 0.9f};
    float H, M, log_p;
    entropy_args a = args_of(ENTROPY_F32, z, 1, N);
    a.target = &target;
    a.entropy = &H;
    a.max_logit = &M;
    a.max_logprob = &log_p;
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    entropy_grads grads = {.size = sizeof grads,
                           .entropy = &g[0],
                           .logsumexp = &g[1],
                           .target_logprob = &g[2],
                           .logits = whole};
    assert_int_equal(entropy_backward(&a, &grads), ENTROPY_OK);
    for (size_t from = 0; from < N; from += SHARD) {
        const size_t n = N - from < SHARD ? N - from : SHARD;
        const int64_t there = target - (int64_t)from;
        /* a shard without the target has the -p of its term all the same */
        const float lse = there >= 0 && there < (int64_t)n ? g[1] : g[1] - g[2];
        a.logits = z + from;
        a.vocab = n;
        a.target = there >= 0 && there < (int64_t)n ? &there : &none;
        grads.logsumexp = &lse;
        grads.logits = shard + from;
        assert_int_equal(entropy_backward(&a, &grads), ENTROPY_OK);
    }
    for (size_t i = 0; i < N; i++) {
        check(fabsf(shard[i] - whole[i]) <= 1e-6f * fabsf(whole[i]) + 1e-9f, "%zu: %g and %g", i,
              shard[i], whole[i]);
    }
}

/* A child of this process sums one half of a vocabulary and sends its state through a pipe. */
static void test_two_processes(void **unused)
{
    (void)unused;
    enum { N = 5000, HALF = 2048 };
    static float z[N];
    rng r = {3};
    fill_row(ORDINARY, z, N, &r);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const entropy_state right = state_of(z + HALF, N - HALF);
        const bool sent = write(ends[1], &right, sizeof right) == sizeof right;
        _exit(sent ? 0 : 1);
    }
    close(ends[1]);
    entropy_state left = state_of(z, HALF), right;
    assert_int_equal(read(ends[0], &right, sizeof right), sizeof right);
    close(ends[0]);
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    const entropy_state own = state_of(z + HALF, N - HALF);
    assert_memory_equal(&right, &own, sizeof own);
    entropy_state_merge(&left, &right);
    double wide[N];
    widen(ENTROPY_F32, wide, z, NULL, N);
    const reference exact = reference_of(wide, N, 1, -1, true);
    const float H = entropy_state_entropy(&left);
    check(reference_accepts(H, exact.entropy), "%.9g, not %.9Lg", H, exact.entropy);
    assert_int_equal(entropy_state_argmax(&left), exact.argmax);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_two_processes),
    };
    begin("test_shards");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
