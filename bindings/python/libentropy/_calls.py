"""entropy, stats, gradient, states: the calls on whole arrays."""

from __future__ import annotations

import ctypes
from collections import namedtuple
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._arrays import Array, Piece, address, allowed_words, logits_of, numpy_dtype, overlap, pieces, row_values
from ._library import Args, C, Grads, check, state_dtype

Result = Literal[
    "entropy", "varentropy", "logsumexp", "max_logit", "max_logprob", "target_logprob", "argmax", "support"
]
result_dtypes: dict[str, type] = {
    "entropy": np.float32,
    "varentropy": np.float32,
    "logsumexp": np.float32,
    "max_logit": np.float32,
    "max_logprob": np.float32,
    "target_logprob": np.float32,
    "argmax": np.int64,
    "support": np.int64,
}

if TYPE_CHECKING:

    class Stats(tuple[Any, ...]):
        """A named tuple of the results that were asked for, in that order."""

        entropy: NDArray[np.float32]
        varentropy: NDArray[np.float32]
        logsumexp: NDArray[np.float32]
        max_logit: NDArray[np.float32]
        max_logprob: NDArray[np.float32]
        target_logprob: NDArray[np.float32]
        argmax: NDArray[np.int64]
        support: NDArray[np.int64]


@cache
def _stats_type(names: tuple[str, ...]) -> type:
    body = {"__slots__": (), "__reduce__": lambda self: (stats_tuple, (dict(zip(names, self)),))}
    return type("Stats", (namedtuple("Stats", names),), body)


def stats_tuple(results: dict[str, Any]) -> Any:
    return _stats_type(tuple(results))(*results.values())


def names_of(results: tuple[str, ...], has_target: bool) -> tuple[str, ...]:
    """The results asked for; without any, all that there are."""
    if not results:
        return tuple(name for name in result_dtypes if has_target or name != "target_logprob")
    for name in results:
        if name not in result_dtypes:
            raise ValueError(f"no result is called {name!r}; there are {', '.join(result_dtypes)}")
    if len(set(results)) < len(results):
        raise ValueError("a result is asked for twice")
    return results


class Rows:
    """Logits and the options that say how they are read: everything in entropy_args but the results."""

    def __init__(
        self, logits: Array, temperature: Any = None, target: Any = None, mask: Any = None, allowed: Any = None
    ) -> None:
        self.logits, rows = logits, logits.rows
        self.inputs: dict[str, np.ndarray] = {}
        self.read: list[Array | np.ndarray] = [logits]  # the logits, and then all else that is read
        self.common = Args(size=ctypes.sizeof(Args), dtype=logits.dtype, vocab=logits.vocab)
        if temperature is not None:
            self.inputs["temperature"] = row_values("temperature", temperature, "fiu", np.float32, rows)
            self.common.temperature_stride = 1
        if target is not None:
            self.inputs["target"] = row_values("target", target, "iu", np.int64, rows)
        if mask is not None:
            self.inputs["row_mask"] = row_values("mask", mask, "biu", np.bool_, rows)
        self.read += self.inputs.values()
        if allowed is not None:
            words, self.common.allowed_stride = allowed_words(allowed, rows, logits.vocab)
            if self.common.allowed_stride:
                self.inputs["allowed"] = words
            else:
                self.common.allowed = address(words)
            self.read.append(words)

    def calls(self, results: dict[str, np.ndarray], *others: Array) -> Iterator[tuple[Args, Piece]]:
        """The arguments that read each piece and write its results, and the piece."""
        for piece in pieces(self.logits, *others):
            args = Args.from_buffer_copy(self.common)
            args.logits = self.logits.pointer + piece.offsets[0] * self.logits.itemsize
            args.batch, args.seq = piece.batch, piece.seq
            args.batch_stride, args.seq_stride = piece.batch_strides[0], piece.seq_strides[0]
            for name, array in (*self.inputs.items(), *results.items()):
                per_row = args.allowed_stride if name == "allowed" else 1
                setattr(args, name, address(array) + piece.first_row * per_row * array.itemsize)
            yield args, piece

    def forward(self, names: tuple[str, ...], results: dict[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
        if "target_logprob" in names and "target" not in self.inputs:
            raise ValueError("target_logprob needs a target")
        if results is None:
            results = {name: np.empty(self.logits.rows, result_dtypes[name]) for name in names}
        for args, _ in self.calls(results):
            check(C.entropy_forward(args), self.domain)
        return results

    def states(self) -> np.ndarray:
        states = np.empty(self.logits.rows, state_dtype)
        for args, piece in self.calls({}):
            check(C.entropy_forward_states(args, address(states) + piece.first_row * state_dtype.itemsize), self.domain)
        return states

    @property
    def domain(self) -> str:
        return f"a temperature must be in [2**-64, 2**64], a target below {self.logits.vocab}"


def entropy(
    logits: Any,
    axis: int = -1,
    temperature: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    out: NDArray[np.float32] | None = None,
    *,
    allowed: ArrayLike | None = None,
) -> NDArray[np.float32]:
    """The Shannon entropy of softmax(logits / temperature) along an axis, in nats.

    Parameters
    ----------
    logits : array of float32, float16 or bfloat16
        Of NumPy, or a CPU tensor of any library that speaks DLPack (PyTorch, JAX). It is not copied: rows may be
        strided as they like, such as ``logits[:, :-1]``, if the logits of each lie side by side in memory.
    axis : int
        The vocabulary.
    temperature : float, or one for each row
        In [2**-64, 2**64].
    mask : bool, broadcast to the rows
        Rows where it is False are not read; their result is 0.
    out : float32 array of the shape of the result
        Where the result is written.
    allowed : bool [..., vocab], or words of 32 bits [..., (vocab + 31) // 32]
        Which tokens take part; the leading axes are broadcast to the rows. Words are those of grammar engines, in
        uint32 or int32: bit i & 31 of word i >> 5 stands for token i. They are not copied.

    Returns
    -------
    float32, of the shape of logits without `axis`. NaN where no token takes part, and where one that does is NaN or
    +inf. A token at -inf is as if it were absent. Relative error at most 4e-7 + 7e-8 abs(log(entropy)).

    Raises
    ------
    TypeError, ValueError
        Before anything is written.
    """
    rows = Rows(logits_of(logits).axis_last(axis), temperature, None, mask, allowed)
    if out is None:
        return rows.forward(("entropy",))["entropy"][()]
    _check_out("out", out, np.dtype(np.float32), rows.logits.rows)
    if any(overlap(out, read) for read in rows.read):
        raise ValueError("out overlaps what is read")
    if out.flags.c_contiguous and out.flags.aligned and len(list(pieces(rows.logits))) == 1:
        rows.forward(("entropy",), {"entropy": out})
    else:
        out[...] = rows.forward(("entropy",))["entropy"]
    return out


def _check_out(name: str, out: Any, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    if not isinstance(out, np.ndarray) or out.dtype != dtype:
        raise TypeError(f"{name} must be a NumPy array of {dtype}, not {getattr(out, 'dtype', type(out).__name__)}")
    if out.shape != shape:
        raise ValueError(f"{name} has shape {out.shape}, the result has {shape}")
    if not out.flags.writeable:
        raise ValueError(f"{name} is read-only")


def stats(
    logits: Any,
    *results: Result,
    axis: int = -1,
    target: ArrayLike | None = None,
    temperature: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    allowed: ArrayLike | None = None,
) -> Stats:
    """Everything about softmax(logits / temperature) in one sweep: a named tuple of the results asked for.

    >>> logits = np.array([0, 0, 0, 0, -np.inf], np.float32)
    >>> stats(logits, "entropy", "support")
    Stats(entropy=np.float32(1.3862944), support=np.int64(4))

    Without names, all of them, target_logprob if there is a target:

    ==============  =======  =====================================================================================
    entropy         float32  H = -sum p log p, in nats
    varentropy      float32  sum p (log p + H)^2
    logsumexp       float32  log sum exp(logits / temperature)
    max_logit       float32  the largest logit that takes part, as given
    max_logprob     float32  its log p
    target_logprob  float32  log p of the target; 0 where it is negative, -inf where it takes no part
    argmax          int64    the first index of the largest logit; -1 where no token takes part
    support         int64    how many tokens take part
    ==============  =======  =====================================================================================

    target is an index for each row, negative for none. The other parameters are those of `entropy`.
    """
    rows = Rows(logits_of(logits).axis_last(axis), temperature, target, mask, allowed)
    return _stats_of(rows.forward(names_of(results, target is not None)))


def _stats_of(results: dict[str, np.ndarray]) -> Stats:
    return stats_tuple({name: array[()] for name, array in results.items()})


def gradient(
    logits: Any,
    *,
    entropy: ArrayLike | None = None,
    logsumexp: ArrayLike | None = None,
    target_logprob: ArrayLike | None = None,
    axis: int = -1,
    target: ArrayLike | None = None,
    temperature: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    allowed: ArrayLike | None = None,
    forward: Stats | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """The gradient, with respect to the logits, of a loss that depends on them through results of `stats`.

    Parameters
    ----------
    entropy, logsumexp, target_logprob : float, broadcast to the rows
        The gradients of the loss with respect to each; what is left out is 0.
    forward : what `stats` returned for the same logits and options
        With entropy, max_logit and max_logprob in it the rows need no sweep of their own; the bits are the same.
    out : array of the dtype and shape of logits
        Where the gradient is written; may be the logits themselves.

    The other parameters are those of `stats`. Returns an array of the dtype and shape of logits.
    """
    given = logits_of(logits)
    rows = Rows(given.axis_last(axis), temperature, target, mask, allowed)
    upstream = {
        name: row_values(name, value, "fiu", np.float32, rows.logits.rows)
        for name, value in [("entropy", entropy), ("logsumexp", logsumexp), ("target_logprob", target_logprob)]
        if value is not None
    }
    if target_logprob is not None and target is None:
        raise ValueError("the gradient of target_logprob needs a target")
    known: dict[str, np.ndarray] = {}
    if forward is not None:
        for name in ("entropy", "max_logit", "max_logprob"):
            if not hasattr(forward, name):
                raise ValueError(f"forward has no {name}")
            known[name] = row_values(name, getattr(forward, name), "f", np.float32, rows.logits.rows)
    dtype = numpy_dtype(given.dtype)
    if out is None:
        # Rows side by side, whichever axis the vocabulary is.
        out = np.moveaxis(np.empty(rows.logits.shape, dtype), -1, axis)
    else:
        _check_out("out", out, dtype, given.shape)
        in_place = address(out) == given.pointer and logits_of(out).strides == given.strides
        read = rows.read[1:] if in_place else rows.read
        if any(overlap(out, array) for array in (*read, *upstream.values(), *known.values())):
            raise ValueError("out overlaps what is read")
    backward(rows, logits_of(out).axis_last(axis), upstream, known)
    return out


def backward(rows: Rows, out: Array, upstream: dict[str, np.ndarray], known: dict[str, np.ndarray]) -> None:
    """entropy_backward into `out`, of the shape of the logits."""
    calls = list(rows.calls(known, out))
    if len(calls) > 1:  # a bad target or temperature in a later piece must be found before the first is written
        rows.forward(())
    for args, piece in calls:
        grads = Grads(
            size=ctypes.sizeof(Grads),
            logits=out.pointer + piece.offsets[1] * out.itemsize,
            batch_stride=piece.batch_strides[1],
            seq_stride=piece.seq_strides[1],
            **{name: address(array) + piece.first_row * array.itemsize for name, array in upstream.items()},
        )
        check(C.entropy_backward(args, grads), rows.domain)


def states(
    logits: Any,
    axis: int = -1,
    *,
    target: ArrayLike | None = None,
    temperature: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    allowed: ArrayLike | None = None,
) -> np.ndarray:
    """What has been seen of each row, as an array of `state_dtype`: for rows whose vocabulary lies in several places.

    The parameters are those of `stats`. Join the states of further pieces with `merge_states`, and get the results of
    whole rows with `stats_of_states`. They are plain data, and may be stored and sent.
    """
    return Rows(logits_of(logits).axis_last(axis), temperature, target, mask, allowed).states()


def merge_states(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The states of rows of which `left` has seen the first logits and `right` those that follow."""
    left, right = _states(left), _states(right)
    if left.shape != right.shape:
        raise ValueError(f"states of shapes {left.shape} and {right.shape}")
    into = left.copy()
    check(C.entropy_merge_states(address(into), address(right), into.size))
    return into


def stats_of_states(states: np.ndarray, *results: Result) -> Stats:
    """The results of rows from their states; without names, all of them. See `stats`."""
    return _stats_of(results_of(_states(states), names_of(results, True)))


def results_of(states: np.ndarray, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    results: dict[str, np.ndarray] = {name: np.empty(states.shape, result_dtypes[name]) for name in names}
    args = Args(size=ctypes.sizeof(Args), batch=1, seq=states.size, **{k: address(v) for k, v in results.items()})
    check(C.entropy_results_of_states(address(states), states.size, args))
    return results


def _states(states: np.ndarray) -> np.ndarray:
    if not isinstance(states, np.ndarray) or states.dtype != state_dtype:
        raise TypeError("states must be an array of state_dtype")
    states = np.ascontiguousarray(states).reshape(states.shape)
    return states if address(states) % 8 == 0 else states.copy()
