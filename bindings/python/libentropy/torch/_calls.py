"""The differentiable calls."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from . import _operators


class Stats(NamedTuple):
    """Results of one sweep, all differentiable. target_logprob is None without a target."""

    entropy: Tensor
    logsumexp: Tensor
    target_logprob: Tensor | None


def stats(
    logits: Tensor,
    target: Tensor | None = None,
    *,
    temperature: Tensor | float | None = None,
    mask: Tensor | None = None,
    allowed: Tensor | None = None,
) -> Stats:
    """Entropy, logsumexp and the target's log-probability of softmax(logits / temperature) in one sweep, float32.

    logits : [..., vocab], float32, float16 or bfloat16, on the CPU. Strided views of rows are not copied.
    target : int64 [...], negative for none: its log-probability is 0 and has no gradient.
    temperature : a float, or one for each row. Not differentiated.
    mask : bool [...]. Rows where it is False are not read; their results and gradients are 0.
    allowed : bool [..., vocab] or int32 words of a grammar engine's bitmask. The tokens that take part.

    The gradient has the dtype of the logits, and is 0 for tokens that take no part. There is no second derivative.
    """
    entropy, logsumexp, target_logprob, _, _ = _operators.forward(*checked(logits, target, temperature, mask, allowed))
    return Stats(entropy, logsumexp, None if target is None else target_logprob)


def checked(
    logits: Tensor,
    target: Tensor | None = None,
    temperature: Tensor | float | None = None,
    mask: Tensor | None = None,
    allowed: Tensor | None = None,
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
    """The arguments as the operators take them; an error where they are none."""
    if not isinstance(logits, Tensor) or logits.dtype not in _operators.dtypes:
        kind = getattr(logits, "dtype", type(logits).__name__)
        raise TypeError(f"logits must be a tensor of float32, float16 or bfloat16, not {kind}")
    if logits.device.type not in ("cpu", "meta"):
        raise ValueError(f"logits must be on the CPU, not on {logits.device}")
    if logits.ndim == 0:
        raise ValueError("logits need a vocabulary axis")
    rows = logits.shape[:-1]
    if target is not None:
        target = _tensor(target, logits)
        if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
            raise TypeError(f"target must be integers, not {target.dtype}")
        target = _per_row("target", target.long(), logits, rows)
    if temperature is not None:
        if isinstance(temperature, Tensor) and temperature.requires_grad:
            raise ValueError("there is no gradient with respect to the temperature: detach it")
        temperature = _per_row("temperature", _tensor(temperature, logits).to(torch.float32), logits, rows)
    if mask is not None:
        mask = _tensor(mask, logits)
        if mask.is_floating_point():
            raise TypeError(f"mask must be bool, not {mask.dtype}")
        mask = _per_row("mask", mask.bool(), logits, rows)
    if allowed is not None:
        allowed = _tensor(allowed, logits)
        if allowed.ndim == 0:
            raise ValueError("allowed needs a vocabulary axis")
        allowed = _per_row("allowed", allowed, logits, (*rows, allowed.shape[-1]))
    return logits, target, temperature, mask, allowed


def _tensor(x: Any, logits: Tensor) -> Tensor:
    return x if isinstance(x, Tensor) else torch.as_tensor(x, device=logits.device)


def _per_row(name: str, x: Tensor, logits: Tensor, shape: tuple[int, ...]) -> Tensor:
    if x.device != logits.device:
        raise ValueError(f"{name} is on {x.device}, logits are on {logits.device}")
    if len(shape) < x.ndim or any(m not in (1, n) for m, n in zip(reversed(x.shape), reversed(shape))):
        raise ValueError(f"{name} has shape {tuple(x.shape)}, which does not fit {tuple(shape)}")
    return x.expand(shape)


def entropy(
    logits: Tensor,
    *,
    temperature: Tensor | float | None = None,
    mask: Tensor | None = None,
    allowed: Tensor | None = None,
) -> Tensor:
    """The entropy of softmax(logits / temperature) along the last axis, in nats. See `stats`."""
    return stats(logits, temperature=temperature, mask=mask, allowed=allowed).entropy
