import numpy as np
import pytest

import libentropy

torch = pytest.importorskip("torch")

import libentropy.torch as let  # noqa: E402

DTYPES = [torch.float32, torch.float16, torch.bfloat16]


@pytest.fixture
def g():
    return torch.Generator().manual_seed(1)


def normal(g, *shape, dtype=torch.float32):
    return (3 * torch.randn(shape, generator=g)).to(dtype)


def reference(logits, target=None, temperature=1.0):
    """In float64 by autograd: entropy, logsumexp, log p of the target."""
    log_p = (logits.double() / temperature).log_softmax(-1)
    p_log_p = torch.where(log_p == -torch.inf, 0.0, log_p.exp() * log_p)
    chosen = None if target is None else log_p.gather(-1, target[..., None]).squeeze(-1)
    return -p_log_p.sum(-1), (logits.double() / temperature).logsumexp(-1), chosen


def assert_near(got, expected, rtol=2e-6, atol=2e-6):
    torch.testing.assert_close(got.double(), expected.double(), rtol=rtol, atol=atol, equal_nan=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(9,), (4, 30), (2, 3, 50)])
def test_values_and_gradients(g, dtype, shape):
    x = normal(g, *shape, dtype=dtype).requires_grad_()
    target, T = torch.randint(0, shape[-1], shape[:-1], generator=g), 0.7
    weights = [torch.randn(shape[:-1], generator=g) for _ in range(3)]
    got = let.stats(x, target, temperature=T)
    y = x.detach().double().requires_grad_()
    expected = reference(y, target, np.float32(T).item())
    for a, b in zip(got, expected):
        assert a.dtype == torch.float32
        assert_near(a, b)
    sum((w * a).sum() for w, a in zip(weights, got)).backward()
    sum((w * a).sum() for w, a in zip(weights, expected)).backward()
    assert x.grad.dtype == dtype
    eps = {torch.float32: 3e-6, torch.float16: 2**-10, torch.bfloat16: 2**-7}[dtype]
    assert_near(x.grad, y.grad, rtol=eps, atol=eps * y.grad.abs().max().item())


def test_the_bits_are_those_of_numpy(g):
    x, target = normal(g, 2, 3, 2000), torch.tensor([[1, 2, 3], [4, -100, 1999]])
    expected = libentropy.stats(x.numpy(), "entropy", "logsumexp", "target_logprob", target=target.numpy())
    for a, b in zip(let.stats(x, target), expected):
        assert a.numpy().tobytes() == b.tobytes()
    z = x.clone().requires_grad_()
    let.entropy(z).sum().backward()
    assert z.grad.numpy().tobytes() == libentropy.gradient(x.numpy(), entropy=1).tobytes()


def test_the_default_dtype_and_device_do_not_matter(g):
    def results():
        z = torch.linspace(-3, 3, 60, dtype=torch.float32, device="cpu").reshape(3, 20).requires_grad_()
        H = let.stats(z, torch.arange(3, device="cpu"), temperature=0.7)
        (H.entropy + H.target_logprob).sum().backward()
        return [x.detach() for x in H] + [z.grad]

    expected = results()
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        got = results()
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    for a, b in zip(got, expected):
        assert torch.equal(a, b)


def test_finite_differences(g):
    x, eps = normal(g, 12), 1e-2
    z = x.clone().requires_grad_()
    let.entropy(z).backward()
    for i in range(12):
        d = torch.zeros(12, dtype=torch.float64)
        d[i] = eps
        numeric = (reference(x.double() + d)[0] - reference(x.double() - d)[0]) / (2 * eps)
        assert abs(z.grad[i] - numeric) <= 2e-4


@pytest.mark.parametrize("case", range(6))
def test_opcheck(g, case):
    x = normal(g, 2, 3, 40)
    target, T = torch.randint(0, 40, (2, 3), generator=g), torch.rand(2, 3, generator=g) + 0.5
    mask, allowed = torch.rand(2, 3, generator=g) < 0.7, torch.rand(2, 3, 40, generator=g) < 0.5
    args = [
        (x, None, None, None, None),
        (x, target, None, None, None),
        (x, target, T, mask, allowed),
        (x.bfloat16(), target, T, None, None),
        (x[:, :-1], None, None, None, None),
        (x.transpose(0, 1), None, None, None, None),
    ][case]
    logits = args[0].detach().requires_grad_()
    torch.library.opcheck(let._operators.forward, (logits, *args[1:]))
    entropy, _, _, top, log_p = let._operators.forward(*args)
    torch.library.opcheck(
        let._operators.gradient, (*args, entropy, top, log_p, *torch.randn(3, *entropy.shape, generator=g))
    )


def test_compile_fullgraph(g):
    x, target = normal(g, 4, 100), torch.randint(0, 100, (4,), generator=g)

    def loss(x, target):
        s = let.stats(2 * x, target, temperature=0.5)
        return (s.target_logprob - 0.1 * s.entropy).sum() + let.Categorical(
            logits=x, validate_args=False
        ).entropy().sum()

    grads = []
    for function in (loss, torch.compile(loss, fullgraph=True)):
        z = x.clone().requires_grad_()
        value = function(z, target)
        value.backward()
        grads.append((value.detach(), z.grad))
    assert_near(grads[1][0], grads[0][0], atol=0)
    assert_near(grads[1][1], grads[0][1])
    assert grads[0][1].abs().max() > 0.1


def test_vmap(g):
    x, target = normal(g, 5, 3, 20), torch.randint(0, 20, (3,), generator=g)
    got = torch.vmap(lambda z: let.stats(z, target).target_logprob)(x)
    assert torch.equal(got, let.stats(x, target.expand(5, 3)).target_logprob)
    assert torch.equal(torch.vmap(let.entropy, in_dims=1)(x), let.entropy(x).T)
    z = x[0].clone().requires_grad_()
    (jacobian,) = torch.autograd.grad(let.entropy(z), z, torch.eye(3), is_grads_batched=True)
    for i in range(3):
        (row,) = torch.autograd.grad(let.entropy(z)[i], z)
        assert torch.equal(jacobian[i], row) and row[i].abs().sum() > 0


def test_views_are_read_where_they_lie(g):
    x = normal(g, 3, 4, 64)
    for view in (x[:, :-1], x.transpose(0, 1), x[..., :50], x[:, ::2]):
        assert let._operators.readable(view) is view
        assert torch.equal(let.entropy(view), let.entropy(view.contiguous()))
        z = x.clone().requires_grad_()
        weights = torch.arange(view.shape[0] * view.shape[1], dtype=torch.float32).reshape(view.shape[:2])
        again = z.as_strided(view.shape, view.stride(), view.storage_offset())
        (weights * let.entropy(again)).sum().backward()
        expected = view.clone().requires_grad_()
        (weights * let.entropy(expected)).sum().backward()
        assert torch.equal(z.grad.as_strided(view.shape, view.stride(), view.storage_offset()), expected.grad)
    for view in (x[..., ::2], x.transpose(1, 2), x[:1].expand(3, -1, -1), x.flip(0)):
        assert torch.equal(let.entropy(view), let.entropy(view.contiguous()))


def test_masked_tokens_have_finite_gradients(g):
    x = normal(g, 3, 30)
    x[:, ::2] = -torch.inf
    z = x.requires_grad_()
    s = let.stats(z, torch.tensor([1, 3, 5]))
    (s.entropy + s.target_logprob).sum().backward()
    assert (z.grad[:, ::2] == 0).all() and z.grad.isfinite().all() and (z.grad[:, 1::2] != 0).all()
    same = let.stats(normal(g, 3, 30), allowed=torch.arange(30) % 2 == 1).entropy
    assert same.isfinite().all()


def test_mask_keeps_nan_from_the_weights():
    x = torch.tensor([[1.0, 2.0], [torch.nan, 0.0]], requires_grad=True)
    H = let.entropy(x, mask=torch.tensor([True, False]))
    H.sum().backward()
    assert H[1] == 0 and (x.grad[1] == 0).all() and x.grad.isfinite().all()


def test_entropy_from_logits(g):
    x = normal(g, 2, 5, 70)
    assert_near(let.entropy_from_logits(x, chunk_size=1), reference(x)[0])


def test_selective_log_softmax(g):
    x, index = normal(g, 2, 5, 70).requires_grad_(), torch.randint(0, 70, (2, 5, 3), generator=g)
    expected = x.detach().double().log_softmax(-1).gather(-1, index)
    assert_near(let.selective_log_softmax(x, index), expected)
    one = let.selective_log_softmax(x, index[..., 0])
    assert_near(one, expected[..., 0])
    one.sum().backward()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("shape", [(6,), (3, 6), (2, 3, 6)])
def test_categorical(g, shape):
    x = normal(g, *shape)
    ours, theirs = let.Categorical(logits=x), torch.distributions.Categorical(logits=x)
    assert isinstance(ours, torch.distributions.Categorical)
    assert ours.batch_shape == theirs.batch_shape and ours.param_shape == theirs.param_shape
    assert_near(ours.entropy(), theirs.entropy())
    assert_near(ours.probs, theirs.probs)
    assert_near(ours.logits, theirs.logits)
    assert torch.equal(ours.mode, theirs.mode)
    for sample_shape in [(), (4,), (2, 4)]:
        value = ours.sample(sample_shape)
        assert value.shape == theirs.sample(sample_shape).shape
        assert_near(ours.log_prob(value), theirs.log_prob(value))
    assert_near(torch.distributions.kl_divergence(ours, theirs), torch.zeros(shape[:-1]), atol=1e-6)
    wide = ours.expand((5, *shape[:-1]))
    assert_near(wide.entropy(), theirs.expand((5, *shape[:-1])).entropy())
    assert wide.sample().shape == (5, *shape[:-1])
    p = x.softmax(-1)
    assert_near(let.Categorical(probs=p).entropy(), torch.distributions.Categorical(probs=p).entropy())


def test_categorical_refuses(g):
    x = normal(g, 3, 6)
    with pytest.raises(ValueError):
        let.Categorical()
    with pytest.raises(ValueError):
        let.Categorical(probs=x.softmax(-1), logits=x)
    with pytest.raises(ValueError):
        let.Categorical(logits=torch.tensor(1.0))
    with pytest.raises(ValueError):
        let.Categorical(logits=torch.where(x > 2, torch.nan, x), validate_args=True)
    with pytest.raises(ValueError):
        let.Categorical(logits=torch.full((2, 3), -torch.inf), validate_args=True)
    with pytest.raises(ValueError):
        let.Categorical(logits=x, validate_args=True).log_prob(torch.tensor([0, 1, 6]))
    with pytest.raises(ValueError):
        let.Categorical(logits=x, validate_args=False).log_prob(torch.tensor([0, 1, 6]))
    masked = torch.where(torch.arange(6) < 2, x, -torch.inf)
    assert (let.Categorical(logits=masked).entropy() <= np.log(2) + 1e-6).all()


X = torch.zeros(2, 3, 4)


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda: let.entropy(X.double()), TypeError),
        (lambda: let.entropy(X.long()), TypeError),
        (lambda: let.entropy(X.numpy()), TypeError),
        (lambda: let.entropy(torch.tensor(1.0)), ValueError),
        (lambda: let.entropy(X[..., :0]), ValueError),
        (lambda: let.entropy(X, temperature=0.0), ValueError),
        (lambda: let.entropy(X, temperature=torch.ones(2)), ValueError),
        (lambda: let.entropy(X, temperature=torch.ones(2, 3, requires_grad=True)), ValueError),
        (lambda: let.entropy(X, mask=torch.ones(2, 3)), TypeError),
        (lambda: let.entropy(X, mask=torch.ones(4, dtype=torch.bool)), ValueError),
        (lambda: let.entropy(X, allowed=torch.ones(5, dtype=torch.bool)), ValueError),
        (lambda: let.entropy(X, allowed=torch.ones(4)), TypeError),
        (lambda: let.entropy(X, allowed=torch.tensor(True)), ValueError),
        (lambda: let.stats(X, torch.full((2, 3), 4)), ValueError),
        (lambda: let.stats(X, torch.zeros(2, 3)), TypeError),
        (lambda: let.stats(X, torch.zeros(3, 2, dtype=torch.int64)), ValueError),
        (lambda: let.stats(X, torch.zeros(2, 3, dtype=torch.int64, device="meta")), (ValueError, NotImplementedError)),
    ],
)
def test_bad_input(call, error):
    with pytest.raises(error):
        call()


def test_another_device():
    class Elsewhere(torch.Tensor):
        device = torch.device("cuda:0")

    with pytest.raises(ValueError, match="cuda:0"):
        let.entropy(torch.zeros(2, 3).as_subclass(Elsewhere))
    assert let.entropy(torch.zeros(2, 3, device="meta")).shape == (2,)


def test_empty():
    assert let.entropy(torch.zeros(0, 5)).shape == (0,)
    z = torch.zeros(3, 0, 5, requires_grad=True)
    let.entropy(z).sum().backward()
    assert z.grad.shape == (3, 0, 5)


def test_no_second_derivative(g):
    z = normal(g, 5).requires_grad_()
    (first,) = torch.autograd.grad(let.entropy(z), z, create_graph=True)
    with pytest.raises(RuntimeError):
        first.sum().backward()
