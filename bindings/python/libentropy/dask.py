"""Entropy of dask arrays: lazy, chunked along the rows and along the vocabulary alike, larger than memory."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

import dask.array as da
import numpy as np

from . import _calls
from ._arrays import logits_of
from ._library import state_dtype
from ._state import State


def entropy(
    array: da.Array, axis: int = -1, temperature: float | None = None, *, split_every: int | None = None
) -> da.Array:
    """The Shannon entropy of softmax(array / temperature) along an axis, in nats: a lazy float32 array.

    With the vocabulary in one chunk the bits are those of `libentropy.entropy`. In several, each chunk is read once and
    leaves 128 bytes for each row, and the error is within twice the bounds of one sweep. `split_every` is that of
    dask.array.reduction.
    """
    return stats(array, "entropy", axis=axis, temperature=temperature, split_every=split_every)[0]


def stats(
    array: da.Array,
    *results: _calls.Result,
    axis: int = -1,
    temperature: float | None = None,
    split_every: int | None = None,
) -> Any:
    """Results of `libentropy.stats`, without a target, as lazy arrays in a named tuple.

    Compute them together, such as by ``dask.compute(*stats(array))``: they share one sweep over the chunks.
    """
    if not isinstance(array, da.Array):
        raise TypeError(f"a dask array is wanted, not {type(array).__name__}")
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(f"axis {axis} is out of bounds for logits of {array.ndim} dimensions")
    names = _calls.names_of(results, has_target=False)
    if "target_logprob" in names:
        raise ValueError("target_logprob needs a target, which dask arrays cannot have here")
    # What is wrong shall be an error now, not in a worker later.
    logits_of(np.empty(0, array.dtype))
    State(1.0 if temperature is None else temperature)
    axis %= array.ndim
    states = da.reduction(
        array,
        partial(_chunk, temperature=temperature),
        _merge,
        combine=_merge,
        axis=axis,
        keepdims=True,
        dtype=state_dtype,
        split_every=split_every,
        meta=np.empty((0,) * array.ndim, state_dtype),
    )
    return _calls.stats_tuple(
        {
            name: states.map_blocks(_result, name, axis, drop_axis=axis, dtype=_calls.result_dtypes[name])
            for name in names
        }
    )


def _chunk(x: np.ndarray, axis: tuple[int, ...], keepdims: bool, temperature: float | None) -> np.ndarray:
    x = np.moveaxis(x, axis[0], -1)
    if not logits_of(x).walkable:  # such as of dask.array.ones, which is one element
        x = np.ascontiguousarray(x)
    return np.expand_dims(_calls.states(x, temperature=temperature), axis[0])


def _merge(states: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    """States of neighbouring chunks, joined in the order of the vocabulary."""
    parts = np.moveaxis(states, axis[0], 0)
    return np.expand_dims(reduce(_calls.merge_states, [parts[i, ...] for i in range(len(parts))]), axis[0])


def _result(states: np.ndarray, name: _calls.Result, axis: int) -> np.ndarray:
    return np.asarray(_calls.stats_of_states(np.squeeze(states, axis), name)[0])
