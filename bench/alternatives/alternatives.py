"""The ways to compute the entropies of rows of logits, each under the name that its users know it by.

A way is a function that takes float32 rows [n, vocab] and returns a call without arguments, which computes the n
entropies. It raises ImportError where its library is not installed. What can be prepared (sessions, compiled functions,
tensors over the same memory) is prepared before the call.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

threads = int(os.environ.get("OMP_NUM_THREADS", "1"))


class Call:
    """A call of Python's."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function

    def result(self) -> np.ndarray:
        return np.asarray(self.function())

    def seconds(self, calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            self.function()
        return time.perf_counter() - start


class CCall(Call):
    """A C function with the signature of entropy_f32, repeated in C where there was a compiler."""

    def __init__(self, entropy: Any, rows: np.ndarray) -> None:
        self.rows, self.out = rows, np.full(len(rows), np.nan, np.float32)
        self.entropy = entropy
        self.arguments = (ctypes.c_void_p(rows.ctypes.data), *map(ctypes.c_size_t, (1, *rows.shape)),
                          ctypes.c_void_p(self.out.ctypes.data))
        super().__init__(lambda: entropy(*self.arguments))

    def result(self) -> np.ndarray:
        self.out.fill(np.nan)
        if status := self.function():
            raise RuntimeError(f"status {status}")
        return self.out

    def seconds(self, calls: int) -> float:
        if not has_harness():
            return super().seconds(calls)
        start = time.perf_counter()
        harness().repeat(ctypes.c_size_t(calls), self.entropy, *self.arguments)
        return time.perf_counter() - start


@dataclass(frozen=True)
class Alternative:
    name: str
    family: str
    prepare: Callable[[np.ndarray], Call]


all_in_python: list[Alternative] = []


def alternative(name: str, family: str):
    def register(prepare: Callable[[np.ndarray], Callable[[], Any]]):
        all_in_python.append(Alternative(name, family, lambda rows: Call(prepare(rows))))
        return prepare
    return register


# ---- C, from the directory that build.py fills.


libraries = Path(os.environ.get("ALTERNATIVES_LIBRARIES", "."))


@cache
def load(name: str) -> ctypes.CDLL:
    """Those that others need come first, so that none is looked for elsewhere."""
    if name not in (needed := ["libgomp.so.1", "libsleef.so.3"]):
        for other in needed:
            if (libraries / other).exists():
                load(other)
    return ctypes.CDLL(str(libraries / name))


def has_harness() -> bool:
    return (libraries / "harness.so").exists()


def harness() -> ctypes.CDLL:
    return load("harness.so")


def in_c() -> list[Alternative]:
    def entropy_f32(rows: np.ndarray) -> Call:
        return CCall(load("libentropy.so.0").entropy_f32, rows)

    found = [Alternative("libentropy", "libentropy", entropy_f32)]
    if not has_harness():
        return found
    reader_name = harness().reader_name
    reader_name.restype, reader_name.argtypes = ctypes.c_char_p, [ctypes.c_size_t]
    for i in range(6):
        if label := reader_name(i):
            function = getattr(harness(), f"read_rows_{i}")
            found.append(Alternative(f"plain read, {label.decode()}", "read", lambda rows, f=function: CCall(f, rows)))
    for path in sorted(libraries.glob("loop-*.so")):
        found.append(_loop(path))
    return found


def _loop(path: Path) -> Alternative:
    library = load(path.name)
    library.name.restype = ctypes.c_char_p

    def prepare(rows: np.ndarray) -> Call:
        if not library.supported():
            raise RuntimeError("this machine lacks the instructions")
        return CCall(library.rows_entropy, rows)

    return Alternative(library.name().decode(), "loop", prepare)


# ---- Python.


@alternative("libentropy, Python package", "libentropy-python")
def libentropy_python(rows):
    sys.path.append(str(Path(__file__).resolve().parents[2] / "bindings/python"))
    import libentropy
    return lambda: libentropy.entropy(rows)


@alternative("NumPy, log-softmax", "numpy")
def numpy_log_softmax(rows):
    def entropy():
        shifted = rows - rows.max(-1, keepdims=True)
        exponentials = np.exp(shifted)
        total = exponentials.sum(-1, keepdims=True)
        logps = shifted - np.log(total)
        return -(exponentials / total * logps).sum(-1)
    return entropy


@alternative("SciPy, scipy.stats.entropy(scipy.special.softmax(z))", "scipy")
def scipy_entropy(rows):
    from scipy.special import softmax
    from scipy.stats import entropy
    return lambda: entropy(softmax(rows, axis=-1), axis=-1)


@cache
def _torch():
    import torch
    torch.set_grad_enabled(False)
    torch.set_num_threads(threads)
    return torch


@alternative("PyTorch, Categorical(logits=z).entropy()", "torch")
def torch_categorical(rows):
    torch = _torch()
    z = torch.from_numpy(rows)
    return lambda: torch.distributions.Categorical(logits=z).entropy()


def log_softmax_form(z):
    import torch
    logps = torch.log_softmax(z, -1)
    return -(logps.exp() * logps).sum(-1)


def logsumexp_form(z):
    import torch
    return torch.logsumexp(z, -1) - (torch.softmax(z, -1) * z).sum(-1)


@alternative("PyTorch, TRL's entropy_from_logits (log-softmax, 128 rows at a time)", "torch")
def torch_trl(rows):
    torch = _torch()
    chunks = torch.from_numpy(rows).split(128)
    return lambda: torch.cat([log_softmax_form(chunk) for chunk in chunks])


@alternative("PyTorch, verl's entropy_from_logits (logsumexp - sum p z)", "torch")
def torch_verl(rows):
    z = _torch().from_numpy(rows)
    return lambda: logsumexp_form(z)


@cache
def _compiled(form):
    torch = _torch()
    config = torch._dynamo.config
    for limit in {"recompile_limit", "cache_size_limit"} & set(dir(config)):  # the latter in older versions
        setattr(config, limit, 64)
    return torch.compile(form, dynamic=False, fullgraph=True)


def _register_compiled(form, label):
    @alternative(f"torch.compile, {label}", "torch")
    def whole(rows):
        z, compiled = _torch().from_numpy(rows), _compiled(form)
        return lambda: compiled(z)

    @alternative(f"torch.compile, {label}, a row per thread at a time", "torch")
    def by_rows(rows):
        torch, compiled = _torch(), _compiled(form)
        chunks = torch.from_numpy(rows).split(threads)
        return lambda: torch.cat([compiled(chunk) for chunk in chunks])


_register_compiled(log_softmax_form, "TRL's form")
_register_compiled(logsumexp_form, "verl's form")


@alternative("JAX, jit of log-softmax", "jax")
def jax_jit(rows):
    import jax

    @jax.jit
    def entropy(z):
        logps = jax.nn.log_softmax(z)
        return -(jax.numpy.exp(logps) * logps).sum(-1)

    z = jax.dlpack.from_dlpack(rows)
    if z.unsafe_buffer_pointer() != rows.ctypes.data:
        raise RuntimeError("JAX copied the buffer")
    return lambda: entropy(z).block_until_ready()


@alternative("ONNX Runtime, LogSoftmax Exp Mul ReduceSum Neg", "onnxruntime")
def onnx_runtime(rows):
    import onnxruntime
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("LogSoftmax", ["z"], ["logps"], axis=-1),
        helper.make_node("Exp", ["logps"], ["p"]),
        helper.make_node("Mul", ["p", "logps"], ["terms"]),
        helper.make_node("ReduceSum", ["terms", "axis"], ["sum"], keepdims=0),
        helper.make_node("Neg", ["sum"], ["entropy"]),
    ]
    graph = helper.make_graph(
        nodes, "entropy",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["rows", "vocab"])],
        [helper.make_tensor_value_info("entropy", TensorProto.FLOAT, ["rows"])],
        [helper.make_tensor("axis", TensorProto.INT64, [1], [-1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"z": rows})[0]


def alternatives() -> list[Alternative]:
    return in_c() + all_in_python
