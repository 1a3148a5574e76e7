"""A row that comes in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._arrays import address, logits_of
from ._calls import Result, merge_states, stats_of_states
from ._library import BF16, F16, F32, C, check, state_dtype

_add = {F32: C.entropy_state_add_f32, F16: C.entropy_state_add_f16, BF16: C.entropy_state_add_bf16}


def _result(name: Result, doc: str) -> Any:
    return property(lambda self: stats_of_states(self._state, name)[0], doc=doc)


class State:
    """What has been seen of one row of logits: enough for the entropy of the whole, in 128 bytes.

    >>> state = State()
    >>> for piece in np.split(np.zeros(4096, np.float32), 4):
    ...     state = state.add(piece)
    >>> state
    State(4096 logits, entropy 8.31777)

    States of other pieces are joined by `merge`. A state can be pickled and copied, and `bytes(state)` sent to another
    machine. Two threads must not use one state at once. If every piece but the last is a multiple of 1024 logits the
    results have the bits of the whole row's.
    """

    __slots__ = ("_state",)

    def __init__(self, temperature: float = 1.0) -> None:
        self._state = np.empty((), state_dtype)
        C.entropy_state_init(address(self._state))
        self._state["temperature"] = temperature
        check(_add[F32](address(self._state), None, 0), "a temperature must be in [2**-64, 2**64]")

    def add(self, logits: Any) -> State:
        """Appends logits, one-dimensional, to the row. Returns the state itself."""
        array = logits_of(logits)
        if len(array.shape) != 1:
            raise ValueError(f"a piece of a row has one dimension, not {len(array.shape)}")
        array = array.axis_last(0)
        check(_add[array.dtype](address(self._state), array.pointer, array.vocab))
        return self

    def merge(self, other: State) -> State:
        """Appends what `other` has seen. Returns the state itself.

        States of different temperatures merge to one whose results are NaN.
        """
        if not isinstance(other, State):
            raise TypeError(f"a State merges with a State, not with {type(other).__name__}")
        self._state = merge_states(self._state, other._state)
        return self

    entropy = _result("entropy", "H = -sum p log p, in nats.")
    varentropy = _result("varentropy", "sum p (log p + H)^2.")
    logsumexp = _result("logsumexp", "log sum exp(logits / temperature).")
    max_logit = _result("max_logit", "The largest logit.")
    max_logprob = _result("max_logprob", "log p of the largest logit.")
    argmax = _result("argmax", "The first index of the largest logit; -1 if there is none.")
    support = _result("support", "How many logits are above -inf.")

    @property
    def temperature(self) -> float:
        """What the logits are divided by."""
        return float(self._state["temperature"])

    def __len__(self) -> int:
        """How many logits have been added."""
        return int(self._state["length"])

    def __bytes__(self) -> bytes:
        """The entropy_state of the C library, little-endian."""
        return self._state.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> State:
        """The state that `bytes` was taken of."""
        if len(data) != state_dtype.itemsize:
            raise ValueError(f"a state has {state_dtype.itemsize} bytes, not {len(data)}")
        state = cls.__new__(cls)
        state._state = np.frombuffer(bytearray(data), state_dtype).reshape(())
        check(_add[F32](address(state._state), None, 0), "not a state of this version")
        return state

    def __reduce__(self) -> tuple[Any, ...]:
        return State.from_bytes, (bytes(self),)

    def __repr__(self) -> str:
        return f"State({len(self)} logits, entropy {self.entropy:.6g})"
