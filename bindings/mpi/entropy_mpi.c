#include "entropy_mpi.h"

#include <stdlib.h>
#include <string.h>

enum { STATES_AT_ONCE = 1024 };

/* inout <- in merged with inout: `in` is of the lower ranks. */
static void merge_ranks(void *in, void *inout, int *n, MPI_Datatype *type)
{
    (void)type;
    const entropy_state *left = in;
    entropy_state *right = inout;
    for (int i = 0; i < *n; i++) {
        entropy_state both = left[i];
        entropy_state_merge(&both, &right[i]);
        right[i] = both;
    }
}

int entropy_mpi_create(MPI_Datatype *state, MPI_Op *merge)
{
    int error = MPI_Type_contiguous(sizeof(entropy_state), MPI_BYTE, state);
    if (error == MPI_SUCCESS) {
        error = MPI_Type_commit(state);
    }
    /* The order matters to argmax: not commutative. */
    return error != MPI_SUCCESS ? error : MPI_Op_create(merge_ranks, 0, merge);
}

int entropy_mpi_free(MPI_Datatype *state, MPI_Op *merge)
{
    const int of_op = MPI_Op_free(merge), of_type = MPI_Type_free(state);
    return of_op != MPI_SUCCESS ? of_op : of_type;
}

/* The lowest number of any rank, in each of n places. */
static int lowest(int64_t *numbers, int n, MPI_Comm comm)
{
    return MPI_Allreduce(MPI_IN_PLACE, numbers, n, MPI_INT64_T, MPI_MIN, comm);
}

int entropy_mpi_merge_states(entropy_state *states, size_t n, MPI_Comm comm)
{
    int ranks;
    int error = MPI_Comm_size(comm, &ranks);
    if (error != MPI_SUCCESS) {
        return error;
    }
    const size_t most = n < STATES_AT_ONCE ? n : STATES_AT_ONCE;
    entropy_state *all = malloc((size_t)ranks * (most > 0 ? most : 1) * sizeof *all);
    int64_t status = all != NULL ? ENTROPY_OK : ENTROPY_ERR_NOMEM;
    error = lowest(&status, 1, comm);
    for (size_t done = 0; done < n && error == MPI_SUCCESS && status == ENTROPY_OK; done += most) {
        const size_t now = n - done < most ? n - done : most;
        const int bytes = (int)(now * sizeof *all);
        error = MPI_Allgather(states + done, bytes, MPI_BYTE, all, bytes, MPI_BYTE, comm);
        if (error == MPI_SUCCESS) {
            memcpy(states + done, all, now * sizeof *all);
            for (size_t rank = 1; rank < (size_t)ranks; rank++) {
                entropy_merge_states(states + done, all + rank * now, now);
            }
        }
    }
    free(all);
    return error != MPI_SUCCESS ? error : (int)status;
}

/* The states of this rank's shard, and how many there are. */
static int states_of_shard(const entropy_args *args, entropy_state **states, size_t *rows)
{
    *states = NULL;
    *rows = 0;
    /* Without room for states the library refuses what is there, and only then says so. */
    const int status = entropy_forward_states(args, NULL);
    if (status != ENTROPY_ERR_NULL || args == NULL) {
        return status;
    }
    *rows = args->batch * args->seq;
    *states = malloc(*rows * sizeof **states);
    return *states == NULL ? ENTROPY_ERR_NOMEM : entropy_forward_states(args, *states);
}

int entropy_mpi_forward(const entropy_args *args, MPI_Comm comm)
{
    entropy_state *states;
    size_t rows;
    const int own = states_of_shard(args, &states, &rows);
    /* All ranks go on, or none: one that returned alone would leave the others waiting. */
    int64_t all[3] = {own, (int64_t)rows, -(int64_t)rows};
    int status = lowest(all, 3, comm);
    if (status == MPI_SUCCESS) {
        status = (int)all[0];
    }
    if (status == ENTROPY_OK && all[1] != -all[2]) {
        status = ENTROPY_ERR_SHAPE;
    }
    if (status == ENTROPY_OK) {
        status = entropy_mpi_merge_states(states, rows, comm);
    }
    if (status == ENTROPY_OK && rows > 0) {
        status = entropy_results_of_states(states, rows, args);
    }
    free(states);
    return status;
}
