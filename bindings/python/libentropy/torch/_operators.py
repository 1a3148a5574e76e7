"""The C library as two operators of torch.library."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._arrays import Array
from .._calls import Rows, backward
from .._library import BF16, F16, F32

dtypes = {torch.float32: F32, torch.float16: F16, torch.bfloat16: BF16}


def array_of(x: Tensor) -> Array:
    return Array(x.data_ptr(), dtypes[x.dtype], tuple(x.shape), x.stride(), x.is_contiguous(), x)


def readable(logits: Tensor) -> Tensor:
    """The logits themselves where the C library can walk them, else a copy."""
    return logits if array_of(logits).walkable else logits.contiguous()


def rows_of(
    logits: Tensor, temperature: Tensor | None, target: Tensor | None, mask: Tensor | None, allowed: Tensor | None
) -> Rows:
    options = (None if option is None else option.numpy() for option in (temperature, target, mask, allowed))
    return Rows(array_of(readable(logits)), *options)


@torch.library.custom_op("libentropy::forward", mutates_args=(), device_types="cpu")
def forward(
    logits: Tensor, target: Tensor | None, temperature: Tensor | None, mask: Tensor | None, allowed: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """entropy, logsumexp, target_logprob (0 without a target), max_logit and max_logprob of every row."""
    results = [torch.zeros(logits.shape[:-1], dtype=torch.float32, device="cpu") for _ in range(5)]
    names = ("entropy", "logsumexp", "target_logprob", "max_logit", "max_logprob")
    wanted = {name: tensor.numpy() for name, tensor in zip(names, results)}
    if target is None:
        del wanted["target_logprob"]
    rows_of(logits, temperature, target, mask, allowed).forward(tuple(wanted), wanted)
    return tuple(results)  # type: ignore[return-value]


@forward.register_fake
def _(logits, target, temperature, mask, allowed):
    return tuple(logits.new_empty(logits.shape[:-1], dtype=torch.float32) for _ in range(5))


@torch.library.custom_op("libentropy::backward", mutates_args=(), device_types="cpu")
def gradient(
    logits: Tensor,
    target: Tensor | None,
    temperature: Tensor | None,
    mask: Tensor | None,
    allowed: Tensor | None,
    entropy: Tensor,
    max_logit: Tensor,
    max_logprob: Tensor,
    grad_entropy: Tensor,
    grad_logsumexp: Tensor,
    grad_target_logprob: Tensor,
) -> Tensor:
    """The gradient with respect to the logits, from results of forward and the loss's gradients in three of them."""
    out = torch.empty(logits.shape, dtype=logits.dtype, device="cpu")
    upstream = {"entropy": values(grad_entropy), "logsumexp": values(grad_logsumexp)}
    if target is not None:
        upstream["target_logprob"] = values(grad_target_logprob)
    known = {"entropy": values(entropy), "max_logit": values(max_logit), "max_logprob": values(max_logprob)}
    backward(rows_of(logits, temperature, target, mask, allowed), array_of(out), upstream, known)
    return out


def values(x: Tensor) -> np.ndarray:
    return x.detach().float().contiguous().numpy()


@gradient.register_fake
def _(logits, *_):
    return logits.new_empty(logits.shape)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    entropy, _, _, max_logit, max_logprob = output
    ctx.save_for_backward(*inputs, entropy, max_logit, max_logprob)


def _backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
    return gradient(*ctx.saved_tensors, *grads[:3]), None, None, None, None


forward.register_autograd(_backward, setup_context=_setup_context)


def _under_vmap(operator: Any) -> None:
    """A batch axis is one more axis of rows."""

    @operator.register_vmap
    def _(info, in_dims, *args):
        def batched(x, axis):
            if x is None:
                return None
            return x.expand(info.batch_size, *x.shape) if axis is None else x.movedim(axis, 0)

        result = operator(*(batched(x, axis) for x, axis in zip(args, in_dims)))
        return result, (0,) * len(result) if isinstance(result, tuple) else 0


_under_vmap(forward)
_under_vmap(gradient)
