"""Logits as the C library sees them, from NumPy arrays and from whatever speaks DLPack."""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ._library import BF16, F16, F32

_numpy_types = {np.dtype(np.float32): F32, np.dtype(np.float16): F16}
_dlpack_types = {(2, 32, 1): F32, (2, 16, 1): F16, (4, 16, 1): BF16}
_names = "float32, float16 or bfloat16"


class Array(NamedTuple):
    """Where the elements of an array lie; `owner` keeps them there."""

    pointer: int
    dtype: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in elements
    dense: bool  # C order without gaps
    owner: object

    @property
    def itemsize(self) -> int:
        return 4 if self.dtype == F32 else 2

    @property
    def rows(self) -> tuple[int, ...]:
        return self.shape[:-1]

    @property
    def vocab(self) -> int:
        return self.shape[-1]

    @property
    def walkable(self) -> bool:
        """The C library can walk these rows: each lies side by side, and none over another of its axis."""
        if self.dense or 0 in self.shape:
            return True
        side_by_side = self.strides[-1] == 1 or self.vocab == 1
        return side_by_side and all(s >= self.vocab for n, s in zip(self.rows, self.strides) if n > 1)

    def axis_last(self, axis: int) -> Array:
        """The same array with `axis`, the vocabulary, as the last one."""
        n = len(self.shape)
        if not -n <= axis < n:
            raise ValueError(f"axis {axis} is out of bounds for logits of {n} dimensions")
        if axis % n == n - 1 and self.dense:
            return self
        order = [i for i in range(n) if i != axis % n] + [axis % n]
        moved = self._replace(
            shape=tuple(self.shape[i] for i in order), strides=tuple(self.strides[i] for i in order), dense=False
        )
        if moved.vocab > 1 and moved.strides[-1] != 1 and 0 not in moved.shape:
            raise ValueError("the logits of a row are not contiguous: copy them, such as by np.ascontiguousarray")
        return moved

    def bounds(self) -> tuple[int, int]:
        """The addresses of the first byte and behind the last one."""
        return _bounds(self.pointer, self.shape, tuple(s * self.itemsize for s in self.strides), self.itemsize)


def _bounds(pointer: int, shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> tuple[int, int]:
    if 0 in shape:
        return pointer, pointer
    spans = [(n - 1) * s for n, s in zip(shape, strides)]
    return pointer + sum(s for s in spans if s < 0), pointer + sum(s for s in spans if s > 0) + itemsize


def overlap(x: np.ndarray, y: np.ndarray | Array) -> bool:
    """Whether their bytes may be the same."""
    (x0, x1), (y0, y1) = (
        a.bounds() if isinstance(a, Array) else _bounds(address(a), a.shape, a.strides, a.itemsize) for a in (x, y)
    )
    return x0 < y1 and y0 < x1


def numpy_dtype(dtype: int) -> np.dtype[Any]:
    """The NumPy type of a dtype of the C library."""
    if dtype != BF16:
        return np.dtype(np.float32 if dtype == F32 else np.float16)
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16)


def logits_of(x: Any) -> Array:
    """The array x, not copied: of NumPy, or of any library by DLPack."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError("a masked array: pass its data, and its mask, inverted, as mask or allowed")
    if isinstance(x, np.ndarray):
        return _of_numpy(x)
    if hasattr(x, "__dlpack__"):
        return _of_dlpack(x)
    raise TypeError(f"logits must be an array that NumPy or DLPack describes, not {type(x).__name__}")


def _of_numpy(x: np.ndarray) -> Array:
    dtype = _numpy_types.get(x.dtype)
    if dtype is None and x.dtype.name == "bfloat16":
        dtype = BF16
    if dtype is None:
        raise TypeError(f"logits must be {_names}, not {x.dtype}")
    flags, itemsize = x.flags, x.itemsize
    if not flags.aligned or any(stride % itemsize for stride in x.strides):
        raise ValueError("logits are not aligned: copy them, such as by np.ascontiguousarray")
    strides = tuple([stride // itemsize for stride in x.strides])
    return Array(address(x), dtype, x.shape, strides, flags.c_contiguous, x)


def address(x: np.ndarray) -> int:
    """Where the first element lies. `x.ctypes.data` takes six times as long."""
    return int(x.__array_interface__["data"][0])


class _Tensor(ctypes.Structure):
    """DLTensor, with which DLManagedTensor begins."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype, _capsule_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


def _of_dlpack(x: Any) -> Array:
    device, number = x.__dlpack_device__()
    if device != 1:  # kDLCPU
        raise ValueError(f"logits must be on the CPU, not on DLPack device ({int(device)}, {number}): move them there")
    # A capsule that nobody consumes gives its tensor back when it is destroyed: to keep it is all there is to do.
    capsule = x.__dlpack__()
    tensor = ctypes.cast(_capsule_pointer(capsule, b"dltensor"), ctypes.POINTER(_Tensor)).contents
    dtype = _dlpack_types.get((tensor.code, tensor.bits, tensor.lanes))
    if dtype is None:
        raise TypeError(f"logits must be {_names}, not {getattr(x, 'dtype', 'another type')}")
    shape = tuple(tensor.shape[: tensor.ndim])
    in_order = tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
    strides = tuple(tensor.strides[: tensor.ndim]) if tensor.strides else in_order
    return Array((tensor.data or 0) + tensor.byte_offset, dtype, shape, strides, strides == in_order, capsule)


class Piece(NamedTuple):
    """[batch, seq] rows that two strides describe."""

    first_row: int
    batch: int
    seq: int
    offsets: tuple[int, ...]  # of the first element, in each of the arrays
    batch_strides: tuple[int, ...]
    seq_strides: tuple[int, ...]


def pieces(*arrays: Array) -> Iterator[Piece]:
    """The rows of arrays of one shape, in C order: almost always one piece, as axes are joined where strides allow."""
    dense = (arrays[0].vocab,) * len(arrays)
    if all([array.dense for array in arrays]):
        yield Piece(0, 1, math.prod(arrays[0].rows), (0,) * len(arrays), dense, dense)
        return
    axes: list[tuple[int, tuple[int, ...]]] = []
    for n, *strides in zip(arrays[0].rows, *(array.strides[:-1] for array in arrays)):
        if axes and n > 1 and axes[-1][1] == tuple(n * s for s in strides):
            axes[-1] = axes[-1][0] * n, tuple(strides)
        elif n != 1:
            axes.append((n, tuple(strides)))
    if not all(array.walkable for array in arrays):
        raise ValueError("rows are broadcast, overlap or run backwards: copy them, such as by np.ascontiguousarray")
    seq, seq_strides = axes.pop() if axes else (1, dense)
    batch, batch_strides = axes.pop() if axes else (1, tuple(seq * s for s in seq_strides))
    for i, index in enumerate(itertools.product(*(range(n) for n, _ in axes))):
        offsets = tuple(sum(k * strides[a] for k, (_, strides) in zip(index, axes)) for a in range(len(arrays)))
        yield Piece(i * batch * seq, batch, seq, offsets, batch_strides, seq_strides)


def row_values(name: str, value: Any, kinds: str, dtype: type, rows: tuple[int, ...]) -> np.ndarray:
    """A value for each row, as the C library reads it: of type `dtype`, contiguous, broadcast where need be."""
    array = np.asarray(value)
    if array.dtype.kind not in kinds or array.dtype == np.uint64 and dtype is np.int64:
        raise TypeError(f"{name} has type {array.dtype}")
    try:
        return np.ascontiguousarray(np.broadcast_to(array.astype(dtype, copy=False), rows)).reshape(rows)
    except ValueError:
        raise ValueError(f"{name} has shape {array.shape}, which does not fit rows of shape {rows}") from None


def allowed_words(allowed: Any, rows: tuple[int, ...], vocab: int) -> tuple[np.ndarray, int]:
    """Masks of tokens as words of 32 bits, and how many words lie from one row's to the next (0: one for all rows)."""
    array = np.asarray(allowed)
    if array.ndim == 0:
        raise ValueError("allowed needs a vocabulary axis")
    try:
        per_row = np.broadcast_to(array, (*rows, array.shape[-1]))
    except ValueError:
        raise ValueError(f"allowed has shape {array.shape}, which does not fit rows of shape {rows}") from None
    one = all(n == 1 or stride == 0 for n, stride in zip(per_row.shape[:-1], per_row.strides)) and 0 not in rows
    masks = per_row[(0,) * len(rows)] if one else per_row
    words = (vocab + 31) // 32
    if masks.dtype == np.bool_:
        if masks.shape[-1] != vocab:
            raise ValueError(f"allowed has {masks.shape[-1]} tokens, logits have {vocab}")
        packed = np.zeros((*masks.shape[:-1], 4 * words), np.uint8)
        packed[..., : (vocab + 7) // 8] = np.packbits(masks, axis=-1, bitorder="little")
        masks = packed.view("<u4")
    elif masks.dtype not in (np.uint32, np.int32):
        raise TypeError(f"allowed must be bool, or words of 32 bits in uint32 or int32, not {masks.dtype}")
    elif masks.shape[-1] < words:
        raise ValueError(f"allowed has {masks.shape[-1]} words, a vocabulary of {vocab} needs {words}")
    return np.ascontiguousarray(masks), 0 if one else masks.shape[-1]
