"""CPU tensors of PyTorch and JAX go in as they are."""

import ctypes

import ml_dtypes
import numpy as np
import pytest

import libentropy
from libentropy._arrays import _Tensor, logits_of

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")


@pytest.fixture(scope="module")
def x():
    return (3 * np.random.default_rng(1).standard_normal((2, 3, 40))).astype(np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("library", ["torch", "jax"])
def test_same_pointer_same_bits(x, library, dtype):
    numpy_type = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
    if library == "torch":
        tensor = torch.tensor(x).to(getattr(torch, dtype))
        pointer = tensor.data_ptr()
    else:
        tensor = jax.numpy.asarray(x, dtype)
        pointer = tensor.unsafe_buffer_pointer()
    assert logits_of(tensor).pointer == pointer
    expected = libentropy.stats(x.astype(numpy_type))
    for name, got in libentropy.stats(tensor)._asdict().items():
        assert got.tobytes() == getattr(expected, name).tobytes()
    g = libentropy.gradient(tensor, entropy=1)
    assert g.dtype == numpy_type and g.tobytes() == libentropy.gradient(x.astype(numpy_type), entropy=1).tobytes()
    assert libentropy.State().add(tensor[0, 0]).entropy == expected.entropy[0, 0]


def test_views_of_tensors(x):
    tensor = torch.tensor(x)
    for view, array in [
        (tensor[:, :-1], x[:, :-1]),
        (tensor.transpose(0, 1), x.transpose(1, 0, 2)),
        (tensor[..., 5:], x[..., 5:]),
        (tensor[1], x[1]),
    ]:
        assert logits_of(view).pointer == view.data_ptr()
        assert libentropy.entropy(view).tobytes() == libentropy.entropy(array).tobytes()
    assert (libentropy.entropy(tensor.permute(2, 0, 1), axis=0) == libentropy.entropy(x)).all()


class Producer:
    """A tensor that begins 8 bytes into its memory and leaves its strides out, as the standard allows."""

    def __init__(self, array, code=2, bits=32):
        class Managed(ctypes.Structure):
            _fields_ = [*_Tensor._fields_, ("manager", ctypes.c_void_p), ("deleter", ctypes.c_void_p)]

        self.memory = np.concatenate([np.full(2, np.nan, np.float32), array.ravel()])
        self.shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        self.tensor = Managed(
            data=self.memory.ctypes.data,
            device_type=1,
            ndim=array.ndim,
            code=code,
            bits=bits,
            lanes=1,
            shape=self.shape,
            byte_offset=8,
        )

    def __dlpack_device__(self):
        return 1, 0

    def __dlpack__(self):
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(self.tensor), b"dltensor", None)


def test_offsets_and_missing_strides(x):
    assert libentropy.entropy(Producer(x)).tobytes() == libentropy.entropy(x).tobytes()
    for code, bits in [(0, 32), (2, 64), (4, 32)]:
        with pytest.raises(TypeError):
            libentropy.entropy(Producer(x, code, bits))


def test_options_may_be_tensors(x):
    target, T = np.array([[1, 2, 3], [4, 5, 39]]), np.float32(0.5)
    got = libentropy.stats(torch.tensor(x), target=torch.tensor(target), temperature=torch.tensor(T))
    assert got.target_logprob.tobytes() == libentropy.stats(x, target=target, temperature=T).target_logprob.tobytes()
    again = libentropy.stats(jax.numpy.asarray(x), "target_logprob", target=jax.numpy.asarray(target), temperature=T)
    assert again.target_logprob.tobytes() == got.target_logprob.tobytes()


def test_the_tensor_may_be_let_go(x):
    assert libentropy.entropy(torch.tensor(x) + 0).tobytes() == libentropy.entropy(x).tobytes()
    array = logits_of(torch.tensor(x) + 1)
    torch.full((2, 3, 40), 9.0)  # would take the memory if nothing held it
    assert ctypes.string_at(array.pointer, x.nbytes) == (x + 1).tobytes()


@pytest.mark.parametrize(
    "make, error",
    [
        (lambda x: x.double(), TypeError),
        (lambda x: x.long(), TypeError),
        (lambda x: x.clone().requires_grad_(), BufferError),
        (lambda x: x.to("meta"), (ValueError, BufferError)),
        (lambda x: x.to_sparse(), BufferError),
        (lambda x: x[..., ::2], ValueError),
        (lambda x: x[:, :1].expand(-1, 3, -1), ValueError),
        (lambda x: x.transpose(1, 2), ValueError),
        (lambda x: x[0, 0, 0], ValueError),
    ],
)
def test_bad_tensors(x, make, error):
    tensor = make(torch.tensor(x))
    with pytest.raises(error):
        libentropy.entropy(tensor)
