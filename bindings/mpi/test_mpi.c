/* Each rank has its part of the logits, and all of them, to compare: a vocabulary in shards gives the
 * results of the whole within the bounds of merged states, rows over ranks give their bits.
 *
 *     mpirun -n RANKS test_mpi RANKS */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entropy_mpi.h"
#include "test_problem.h"

static int rank, ranks, failures;

#define CHECK(condition, ...)                                             \
    do {                                                                  \
        if (!(condition)) {                                               \
            printf("rank %d, line %d: %s: ", rank, __LINE__, #condition); \
            printf(__VA_ARGS__);                                          \
            printf("\n");                                                 \
            failures++;                                                   \
        }                                                                 \
    } while (0)

/* ---- Comparison: entropy.h bounds the error of the whole row's result by `bound`, and that of merged
 * states by twice as much; they are within three times of each other. */

static int near(float got, float expected, double bound)
{
    return (isnan(got) && isnan(expected)) || got == expected ||
           fabs((double)got - (double)expected) <= 3 * bound;
}

static double relative(double x)
{
    return x == 0 ? 0 : fabs(x) * (4e-7 + 7e-8 * fabs(log(fabs(x))));
}

static double ulp(double x)
{
    const float f = (float)fabs(x);
    return (double)nextafterf(f, INFINITY) - (double)f;
}

static void compare(const results *got, const results *expected)
{
    for (size_t i = 0; i < ROWS; i++) {
        const double H = expected->entropy[i], V = expected->varentropy[i];
        const double p = expected->max_logprob[i], t = expected->target_logprob[i];
        const double lse = expected->logsumexp[i];
        const double top = row_mask[i] ? (double)expected->max_logit[i] / temperature[i] : 0;
#define NEAR(result, bound)                                                                        \
    CHECK(near(got->result[i], expected->result[i], bound), "row %zu: " #result " %.9g, not %.9g", \
          i, (double)got->result[i], (double)expected->result[i]);
        NEAR(entropy, relative(H))
        NEAR(varentropy, 2e-6 * (V + (H + p) * (H + p)))
        NEAR(logsumexp, ulp(fmax(fabs(lse), fabs(top))) + 4e-7)
        NEAR(max_logit, 0)
        NEAR(max_logprob, relative(p))
        NEAR(target_logprob, relative(p) + ulp(t))
        CHECK(got->argmax[i] == expected->argmax[i], "row %zu: argmax %lld, not %lld", i,
              (long long)got->argmax[i], (long long)expected->argmax[i]);
        CHECK(got->support[i] == expected->support[i], "row %zu: support %lld, not %lld", i,
              (long long)got->support[i], (long long)expected->support[i]);
    }
}

/* The bytes are those of rank 0. */
static int same_everywhere(const void *bytes, int n)
{
    void *of_0 = malloc((size_t)n);
    memcpy(of_0, bytes, (size_t)n);
    MPI_Bcast(of_0, n, MPI_BYTE, 0, MPI_COMM_WORLD);
    const int same = memcmp(of_0, bytes, (size_t)n) == 0;
    free(of_0);
    return same;
}

/* ---- Tests. */

static results expected, got;
static int64_t local[ROWS];
static entropy_state states[ROWS], shard[ROWS];

static void test_vocabulary_over_ranks(void)
{
    const entropy_args a = shard_of((size_t)rank, &got, local);
    CHECK(entropy_mpi_forward(&a, MPI_COMM_WORLD) == ENTROPY_OK, "failed");
    compare(&got, &expected);
    CHECK(same_everywhere(&got, sizeof got), "ranks differ");

    /* to the last bit what one process gets that merges the shards in order */
    static results serial;
    for (size_t owner = 0; owner < (size_t)ranks; owner++) {
        const entropy_args b = shard_of(owner, &serial, local);
        CHECK(entropy_forward_states(&b, owner == 0 ? states : shard) == ENTROPY_OK, "failed");
        if (owner > 0) {
            entropy_merge_states(states, shard, ROWS);
        }
    }
    const entropy_args out = whole(&serial);
    CHECK(entropy_results_of_states(states, ROWS, &out) == ENTROPY_OK, "failed");
    CHECK(memcmp(&serial, &got, sizeof got) == 0, "not the merge in the order of the ranks");
}

static void test_operation(void)
{
    MPI_Datatype type;
    MPI_Op merge;
    CHECK(entropy_mpi_create(&type, &merge) == 0, "failed");
    const entropy_args a = shard_of((size_t)rank, &got, local);
    CHECK(entropy_forward_states(&a, shard) == ENTROPY_OK, "failed");
    MPI_Allreduce(shard, states, ROWS, type, merge, MPI_COMM_WORLD);
    const entropy_args out = whole(&got);
    CHECK(entropy_results_of_states(states, ROWS, &out) == ENTROPY_OK, "failed");
    compare(&got, &expected);

    memset(states, 0, sizeof states);
    MPI_Reduce(shard, states, ROWS, type, merge, ranks - 1, MPI_COMM_WORLD);
    if (rank == ranks - 1) {
        whole(&got);
        CHECK(entropy_results_of_states(states, ROWS, &out) == ENTROPY_OK, "failed");
        compare(&got, &expected);
    }
    CHECK(entropy_mpi_free(&type, &merge) == 0, "failed");
    CHECK(type == MPI_DATATYPE_NULL && merge == MPI_OP_NULL, "not freed");
}

/* Rows need no exchange: each rank has some, and their results are gathered. */
static void test_rows_over_ranks(void)
{
    int counts[MOST_RANKS], first[MOST_RANKS];
    for (int k = 0; k < ranks; k++) {
        first[k] = ROWS * k / ranks;
        counts[k] = ROWS * (k + 1) / ranks - first[k];
    }
    const size_t from = (size_t)first[rank];
    entropy_args a = whole(&got);
    a.logits = z + from * vocab;
    a.batch = 1;
    a.seq = (size_t)counts[rank];
    a.temperature += from;
    a.target += from;
    a.row_mask += from;
    CHECK(entropy_forward(&a) == ENTROPY_OK, "failed");
    static results gathered;
#define GATHER(result, type)                                                             \
    MPI_Allgatherv(got.result, counts[rank], type, gathered.result, counts, first, type, \
                   MPI_COMM_WORLD);
    GATHER(entropy, MPI_FLOAT)
    GATHER(varentropy, MPI_FLOAT)
    GATHER(logsumexp, MPI_FLOAT)
    GATHER(max_logit, MPI_FLOAT)
    GATHER(max_logprob, MPI_FLOAT)
    GATHER(target_logprob, MPI_FLOAT)
    GATHER(argmax, MPI_INT64_T)
    GATHER(support, MPI_INT64_T)
    CHECK(memcmp(&gathered, &expected, sizeof expected) == 0, "rows have other bits");
}

/* Each rank's part of the gradient, from the results of the whole row. A shard without the target
 * has the -p of its term all the same: that of logsumexp. */
static void test_gradient(void)
{
    static float dH[ROWS], dlse[ROWS], dlog_p[ROWS], local_dlse[ROWS];
    static float of_whole[ROWS * MOST_VOCAB], of_shard[ROWS * SHARD];
    entropy_args a = shard_of((size_t)rank, &got, local);
    for (size_t i = 0; i < ROWS; i++) {
        dH[i] = (float)(i % 100) / 50 - 1;
        dlse[i] = 0.25f;
        dlog_p[i] = target[i] >= 0 ? -1 : 0;
        local_dlse[i] = local[i] >= 0 ? dlse[i] : dlse[i] - dlog_p[i];
    }
    entropy_args all = whole(&got);
    all.entropy = NULL;
    entropy_grads g = {.size = sizeof g,
                       .entropy = dH,
                       .logsumexp = dlse,
                       .target_logprob = dlog_p,
                       .logits = of_whole};
    CHECK(entropy_backward(&all, &g) == ENTROPY_OK, "failed");
    CHECK(entropy_mpi_forward(&a, MPI_COMM_WORLD) == ENTROPY_OK, "failed");
    g.logsumexp = local_dlse;
    g.logits = of_shard;
    CHECK(entropy_backward(&a, &g) == ENTROPY_OK, "failed");

    for (size_t i = 0; i < ROWS; i++) {
        const double H = expected.entropy[i], top = expected.max_logprob[i];
        const double T = row_mask[i] ? temperature[i] : 1;
        const double size_H = fabs((double)dH[i]), size_p = fabs((double)dlog_p[i]);
        for (size_t v = 0; v < SHARD; v++) {
            const size_t k = i * vocab + (size_t)rank * SHARD + v;
            const double log_p = ((double)z[k] - (double)expected.max_logit[i]) / T + top;
            const double p = exp(log_p) / T;
            const double terms = p * ((fabs(log_p) + H) * size_H + (double)dlse[i] + size_p) +
                                 ((int64_t)v == local[i] ? size_p / T : 0);
            const double bound = (1e-6 + 2e-7 * fabs(log_p)) * terms + relative(H) * p * size_H +
                                 relative(top) * p * (size_H + size_p) + ulp(of_whole[k]);
            CHECK(near(of_shard[i * SHARD + v], of_whole[k], bound), "row %zu: %.9g, not %.9g", i,
                  (double)of_shard[i * SHARD + v], (double)of_whole[k]);
        }
    }
}

/* One rank's error is everybody's, nobody waits for ever, and nothing is written. */
static void test_errors(void)
{
    static results untouched;
    entropy_args a = shard_of((size_t)rank, &got, local);
    memset(&untouched, 0x55, sizeof untouched);
    if (rank == ranks - 1) {
        local[5] = SHARD;
    }
    CHECK(entropy_mpi_forward(&a, MPI_COMM_WORLD) == ENTROPY_ERR_VALUE,
          "a target beyond the shard");
    a = shard_of((size_t)rank, &got, local);
    a.vocab = rank == 0 ? 0 : SHARD;
    CHECK(entropy_mpi_forward(&a, MPI_COMM_WORLD) == ENTROPY_ERR_SHAPE, "an empty shard");
    a = shard_of((size_t)rank, &got, local);
    a.logits = rank == 0 ? NULL : a.logits;
    CHECK(entropy_mpi_forward(&a, MPI_COMM_WORLD) == ENTROPY_ERR_NULL, "no logits");
    CHECK(entropy_mpi_forward(rank == 0 ? NULL : &a, MPI_COMM_WORLD) == ENTROPY_ERR_NULL,
          "no args");
    a = shard_of((size_t)rank, &got, local);
    a.batch = rank == 0 ? 2 : 3;
    CHECK(entropy_mpi_forward(&a, MPI_COMM_WORLD) == ENTROPY_ERR_SHAPE, "fewer rows");
    a.batch = rank == 0 ? 0 : 3;
    CHECK(entropy_mpi_forward(&a, MPI_COMM_WORLD) == ENTROPY_ERR_SHAPE, "no rows on one rank");
    CHECK(memcmp(&got, &untouched, sizeof got) == 0, "something was written");
    a.batch = 0;
    CHECK(entropy_mpi_forward(&a, MPI_COMM_WORLD) == ENTROPY_OK, "no rows");
    CHECK(entropy_mpi_merge_states(NULL, 0, MPI_COMM_WORLD) == ENTROPY_OK, "no states");
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    /* Another MPI's mpirun would start as many processes, each of them alone. */
    if (argc != 2 || ranks != atoi(argv[1]) || ranks > MOST_RANKS) {
        printf("%d ranks were started\n", ranks);
        return 2;
    }
    fill((size_t)ranks);
    const entropy_args a = whole(&expected);
    CHECK(entropy_forward(&a) == ENTROPY_OK, "failed");
    test_vocabulary_over_ranks();
    test_operation();
    test_rows_over_ranks();
    test_gradient();
    test_errors();
    MPI_Allreduce(MPI_IN_PLACE, &failures, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (rank == 0) {
        printf("%d ranks, %d rows of %zu logits: %d failures\n", ranks, ROWS, vocab, failures);
    }
    MPI_Finalize();
    return failures != 0;
}
