"""CPU tensors of PyTorch and JAX go in as they are."""

import libentropy
import ml_dtypes
import numpy as np
import pytest
from libentropy._arrays import logits_of

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
    for view, array in [(tensor[:, :-1], x[:, :-1]), (tensor.transpose(0, 1), x.transpose(1, 0, 2)),
                        (tensor[..., 5:], x[..., 5:]), (tensor[1], x[1])]:
        assert logits_of(view).pointer == view.data_ptr()
        assert libentropy.entropy(view).tobytes() == libentropy.entropy(array).tobytes()
    assert (libentropy.entropy(tensor.permute(2, 0, 1), axis=0) == libentropy.entropy(x)).all()


def test_options_may_be_tensors(x):
    target, T = np.array([[1, 2, 3], [4, 5, 39]]), np.float32(0.5)
    got = libentropy.stats(torch.tensor(x), target=torch.tensor(target), temperature=torch.tensor(T))
    assert got.target_logprob.tobytes() == libentropy.stats(x, target=target, temperature=T).target_logprob.tobytes()
    assert libentropy.stats(jax.numpy.asarray(x), "target_logprob", target=jax.numpy.asarray(target)).target_logprob.shape == (2, 3)


def test_the_tensor_may_be_let_go(x):
    assert libentropy.entropy(torch.tensor(x) + 0).tobytes() == libentropy.entropy(x).tobytes()
    array = logits_of(torch.tensor(x) + 1)
    torch.full((2, 3, 40), 9.0)  # would take the memory if nothing held it
    assert np.ctypeslib.as_array((np.ctypeslib.ctypes.c_float * 240).from_address(array.pointer)).tobytes() == (x + 1).tobytes()


@pytest.mark.parametrize("make, error", [
    (lambda x: x.double(), TypeError),
    (lambda x: x.long(), TypeError),
    (lambda x: x.clone().requires_grad_(), BufferError),
    (lambda x: x.to("meta"), (ValueError, BufferError)),
    (lambda x: x.to_sparse(), BufferError),
    (lambda x: x[..., ::2], ValueError),
    (lambda x: x[:, :1].expand(-1, 3, -1), ValueError),
    (lambda x: x.transpose(1, 2), ValueError),
    (lambda x: x[0, 0, 0], ValueError),
])
def test_bad_tensors(x, make, error):
    tensor = make(torch.tensor(x))
    with pytest.raises(error):
        libentropy.entropy(tensor)
