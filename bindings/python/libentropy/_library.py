"""The C library: its structures and functions, as include/entropy.h declares them."""

from __future__ import annotations

import ctypes
import operator
import os
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_ssize_t, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

F32, F16, BF16 = 0, 1, 2

# fmt: off
state_dtype = np.dtype([
    ("version", "<u8"), ("temperature", "<f8"), ("max", "<f8"), ("ties", "<f8"), ("sum", "<f8"),
    ("first_moment", "<f8"), ("second_moment", "<f8"), ("argmax", "<i8"), ("support", "<i8"), ("length", "<i8"),
    ("target_logit", "<f8"), ("flags", "<u8"), ("reserved", "<u8", 4),
])
# fmt: on
"""One entropy_state, as an element of a structured NumPy array."""


class Args(ctypes.Structure):
    # fmt: off
    _fields_ = [
        ("size", c_size_t), ("logits", c_void_p), ("dtype", c_int), ("num_threads", c_int),
        ("batch", c_size_t), ("seq", c_size_t), ("vocab", c_size_t),
        ("batch_stride", c_ssize_t), ("seq_stride", c_ssize_t),
        ("temperature", c_void_p), ("temperature_stride", c_size_t), ("target", c_void_p), ("row_mask", c_void_p),
        ("allowed", c_void_p), ("allowed_stride", c_size_t),
        ("entropy", c_void_p), ("varentropy", c_void_p), ("logsumexp", c_void_p), ("max_logit", c_void_p),
        ("max_logprob", c_void_p), ("target_logprob", c_void_p), ("argmax", c_void_p), ("support", c_void_p),
    ]
    # fmt: on


class Grads(ctypes.Structure):
    # fmt: off
    _fields_ = [
        ("size", c_size_t), ("entropy", c_void_p), ("logsumexp", c_void_p), ("target_logprob", c_void_p),
        ("logits", c_void_p), ("batch_stride", c_ssize_t), ("seq_stride", c_ssize_t),
    ]
    # fmt: on


def _load() -> ctypes.CDLL:
    """What ENTROPY_LIBRARY names, else the library in the wheel, else the system's."""
    beside = Path(__file__).with_name("libentropy.so.0")
    return ctypes.CDLL(os.environ.get("ENTROPY_LIBRARY") or (str(beside) if beside.exists() else beside.name))


C = _load()
_functions: dict[str, tuple[Any, list[Any]]] = {
    "entropy_forward": (c_int, [POINTER(Args)]),
    "entropy_backward": (c_int, [POINTER(Args), POINTER(Grads)]),
    "entropy_forward_states": (c_int, [POINTER(Args), c_void_p]),
    "entropy_merge_states": (c_int, [c_void_p, c_void_p, c_size_t]),
    "entropy_results_of_states": (c_int, [c_void_p, c_size_t, POINTER(Args)]),
    "entropy_state_init": (None, [c_void_p]),
    "entropy_state_add_f32": (c_int, [c_void_p, c_void_p, c_size_t]),
    "entropy_state_add_f16": (c_int, [c_void_p, c_void_p, c_size_t]),
    "entropy_state_add_bf16": (c_int, [c_void_p, c_void_p, c_size_t]),
    "entropy_version": (c_char_p, []),
    "entropy_strerror": (c_char_p, [c_int]),
    "entropy_isa": (c_char_p, []),
    "entropy_set_isa": (c_int, [c_char_p]),
    "entropy_get_num_threads": (c_int, []),
    "entropy_set_num_threads": (c_int, [c_int]),
}
for _name, _types in _functions.items():
    _function = getattr(C, _name)
    _function.restype, _function.argtypes = _types

_exceptions = {-1: TypeError, -2: ValueError, -3: ValueError, -4: ValueError, -5: MemoryError}


def check(status: int, domain: str = "") -> None:
    """Raises what a status stands for; `domain` says which values the call takes."""
    if status:
        message = C.entropy_strerror(status).decode()
        raise _exceptions.get(status, RuntimeError)(f"{message}: {domain}" if status == -3 and domain else message)


def version() -> str:
    """The version of the C library, such as "0.1.0"."""
    return str(C.entropy_version(), "ascii")


def isa() -> str:
    """The instruction set in use: "scalar", "avx2", "avx512" or "neon"."""
    return str(C.entropy_isa(), "ascii")


def set_isa(name: str | None) -> None:
    """Chooses the instruction set of all threads; None: the best that this machine has. Results stay the same bits.

    Raises ValueError where this machine or build lacks it.
    """
    if not isinstance(name, (str, type(None))):
        raise TypeError(f"the name of an instruction set, not {name!r}")
    check(C.entropy_set_isa(None if name is None else name.encode()))


def num_threads() -> int:
    """How many threads a call may use at most."""
    return int(C.entropy_get_num_threads())


def set_num_threads(n: int) -> None:
    """Sets how many threads a call may use at most; 0: the default, ENTROPY_NUM_THREADS or the CPUs of the process."""
    if not 0 <= operator.index(n) < 2**31:
        raise ValueError(f"number of threads {n}")
    check(C.entropy_set_num_threads(n))
