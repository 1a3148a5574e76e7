/* Entropy over the ranks of an MPI communicator.
 *
 * SPDX-License-Identifier: MIT
 *
 * What the functions return is 0, a status of entropy.h (negative), or an error of MPI (positive),
 * where the communicator's error handler lets it return. */
#ifndef ENTROPY_MPI_H
#define ENTROPY_MPI_H

#include <entropy.h>
#include <mpi.h>

/* An entropy_state as an MPI datatype, and the merge of states as an operation on it, for
 * MPI_Reduce, MPI_Allreduce and MPI_Scan: the vocabulary of rank 0 comes first, then that of rank
 * 1, and so on. MPI may group the merges as it likes, so that two reductions agree within the error
 * of merged states, not to the last bit. */
int entropy_mpi_create(MPI_Datatype *state, MPI_Op *merge);
int entropy_mpi_free(MPI_Datatype *state, MPI_Op *merge);

/* Replaces states[i] by the merge of every rank's, in the order of the ranks, for every i < n: the
 * same bits on all ranks. n is the same on all. Takes memory for 1024 states of every rank, or n if
 * that is less. */
int entropy_mpi_merge_states(entropy_state *states, size_t n, MPI_Comm comm);

/* entropy_forward for rows whose vocabulary is sharded over the ranks of comm, in their order. Each
 * rank passes its own shard: vocab, logits and allowed are those of the shard, and the target is
 * counted from its first logit, negative where it lies in another. Temperatures and row_mask are
 * the same on all ranks. The results that a rank asks for are those of the whole row, argmax
 * counted from the first logit of rank 0, with the same bits on all ranks. Takes 128 bytes of
 * memory for every row, and what entropy_mpi_merge_states does.
 *
 * An error of one rank is returned by all of them, and nothing is written: the lowest status that a
 * rank has, or ENTROPY_ERR_SHAPE if the ranks have different numbers of rows. */
int entropy_mpi_forward(const entropy_args *args, MPI_Comm comm);

#endif
