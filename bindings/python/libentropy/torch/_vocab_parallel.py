"""Rows of logits whose vocabulary is sharded over the processes of a group, as in tensor parallelism."""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from .._calls import merge_states, results_of
from .._library import state_dtype
from . import _operators
from ._calls import Stats, checked


def vocab_parallel_entropy(
    shard: Tensor,
    group: dist.ProcessGroup | None = None,
    target: Tensor | None = None,
    *,
    temperature: Tensor | float | None = None,
    vocab_start: int | None = None,
) -> Stats:
    """Entropy, logsumexp and the target's log-probability of rows whose vocabulary is sharded over a group.

    Every process of the group calls it, with its shard [..., shard size] and the same target and temperature, and gets
    the same bits: the results of the whole rows, within twice the bounds of one machine. One all-gather of 128 bytes a
    row is all that is sent; the gradient, which each process gets for its own shard, sends nothing.

    target : int64 [...], an index into the whole vocabulary; negative for none.
    vocab_start : the index of the shard's first token. Without it, shards are of one size and in the order of ranks.
    """
    shard, target, temperature, _, _ = checked(shard, target, temperature)
    entropy, logsumexp, target_logprob = _VocabParallel.apply(shard, target, temperature, group, vocab_start)
    return Stats(entropy, logsumexp, None if target is None else target_logprob)


class _VocabParallel(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, shard: Tensor, target: Tensor | None, temperature: Tensor | None, group: Any, vocab_start: int | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        size = shard.shape[-1]
        start = dist.get_rank(group) * size if vocab_start is None else vocab_start
        if target is None:
            target = torch.full(shard.shape[:-1], -1, device="cpu")
        here = (target >= start) & (target < start + size)
        local = torch.where(here, target - start, -1)
        states = _gather(_operators.rows_of(shard, temperature, local, None, None).states(), group)
        _check_shards(states, start, dist.get_rank(group), vocab_start, target)
        results = results_of(
            reduce(merge_states, states), ("entropy", "logsumexp", "target_logprob", "max_logit", "max_logprob")
        )
        entropy, logsumexp, target_logprob, max_logit, max_logprob = map(torch.from_numpy, results.values())
        ctx.save_for_backward(shard, local, temperature, (target >= 0) & ~here, entropy, max_logit, max_logprob)
        return entropy, logsumexp, target_logprob

    @staticmethod
    def backward(ctx: Any, grad_entropy: Tensor, grad_logsumexp: Tensor, grad_target_logprob: Tensor):
        shard, local, temperature, elsewhere, *known = ctx.saved_tensors
        # log p of a target in another shard depends on the logits of this one through logsumexp alone.
        grad_logsumexp = torch.where(elsewhere, grad_logsumexp - grad_target_logprob, grad_logsumexp)
        grad = _operators.gradient(
            shard, local, temperature, None, None, *known, grad_entropy, grad_logsumexp, grad_target_logprob
        )
        return grad, None, None, None, None


def _gather(states: Any, group: Any) -> list[Any]:
    """The states of every process, in the order of ranks."""
    sent = torch.from_numpy(states.reshape(-1).view("u1"))
    received = [torch.empty_like(sent) for _ in range(dist.get_world_size(group))]
    dist.all_gather(received, sent, group=group)
    return [tensor.numpy().view(state_dtype).reshape(states.shape) for tensor in received]


def _check_shards(states: list[Any], start: int, rank: int, vocab_start: int | None, target: Tensor) -> None:
    if not target.numel():
        return
    sizes = [int(state["length"].flat[0]) for state in states]
    if vocab_start is None and len(set(sizes)) > 1:
        raise ValueError(f"shards of sizes {sizes} need a vocab_start")
    if sum(sizes[:rank]) != start:
        raise ValueError(f"vocab_start is {start}, but the shards before have {sum(sizes[:rank])} tokens")
    if target.max() >= sum(sizes):
        raise ValueError(f"a target is beyond the vocabulary of {sum(sizes)}")
