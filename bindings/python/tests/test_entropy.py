import pickle
import threading
import time

import ml_dtypes
import numpy as np
import pytest

import libentropy
from reference import assert_close, gradient, row

FLOATS = [np.float32, np.float16, ml_dtypes.bfloat16]
ALL = ["entropy", "varentropy", "logsumexp", "max_logit", "max_logprob", "target_logprob", "argmax", "support"]


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def same_bits(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def normal(rng, *shape, dtype=np.float32):
    return (3 * rng.standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(7,), (1, 1), (5, 1000), (2, 3, 77), (2, 1, 3, 33), (2, 2, 2, 2, 9)])
def test_every_result_of_every_shape(rng, dtype, shape):
    x = normal(rng, *shape, dtype=dtype)
    target = rng.integers(0, shape[-1], shape[:-1])
    got = libentropy.stats(x, target=target)
    assert list(got._fields) == ALL
    for i in np.ndindex(shape[:-1]):
        expected = row(x[i], target=target[i])
        for name in ALL:
            assert_close(name, getattr(got, name)[i], expected)
    assert got.entropy.shape == shape[:-1]
    assert same_bits(libentropy.entropy(x), got.entropy)


def test_rows_that_are_sure_or_masked():
    x = np.array(
        [[40, 0, 0, 0], [1, 1, -np.inf, -np.inf], [-np.inf] * 4, [0, np.nan, 0, 0], [np.inf, 0, 0, 0]], np.float32
    )
    got = libentropy.stats(x)
    assert_close("entropy", got.entropy[0], row(x[0]))
    assert got.entropy[1] == np.float32(np.log(2)) and got.support[1] == 2
    assert np.isnan(got.entropy[2:]).all()
    assert got.logsumexp[2] == -np.inf and got.logsumexp[4] == np.inf and list(got.argmax[2:]) == [-1, -1, 0]


def strided(rng):
    """Views of arrays whose bytes must not be copied."""
    x = normal(rng, 4, 5, 64)
    yield "last position left out", x[:, :-1]
    yield "padded vocabulary", x[..., :50]
    yield "every other row", x[:, ::2]
    yield "[seq, batch, vocab] as [batch, seq, vocab]", x.transpose(1, 0, 2)
    yield "vocabulary first", np.moveaxis(np.ascontiguousarray(x), -1, 0)
    yield "three strides", normal(rng, 3, 4, 5, 6, 40)[:2, :3, :4, :5]
    yield (
        "a window over rows",
        np.lib.stride_tricks.sliding_window_view(x.reshape(-1, 64), 3, axis=0).transpose(0, 2, 1),
    )
    yield "one row of many", x[1:2, ::3]


@pytest.mark.parametrize("name, x", list(strided(np.random.default_rng(2))))
def test_views_give_the_bits_of_their_copies(name, x):
    axis = 0 if name == "vocabulary first" else -1
    copy = np.ascontiguousarray(np.moveaxis(x, axis, -1))
    assert not x.flags.c_contiguous
    temperature = np.linspace(0.5, 2, copy[..., 0].size, dtype=np.float32).reshape(copy.shape[:-1])
    target = np.arange(copy[..., 0].size).reshape(copy.shape[:-1]) % copy.shape[-1]
    mask = target % 3 != 0
    allowed = np.random.default_rng(3).random(copy.shape) < 0.5
    allowed[..., 0] = True
    options = dict(temperature=temperature, target=target, mask=mask, allowed=allowed)
    got, expected = libentropy.stats(x, axis=axis, **options), libentropy.stats(copy, **options)
    for name in ALL:
        assert same_bits(getattr(got, name), getattr(expected, name))
    g = libentropy.gradient(x, axis=axis, entropy=1, target_logprob=temperature, **options)
    assert g.shape == x.shape
    assert same_bits(
        np.ascontiguousarray(np.moveaxis(g, axis, -1)),
        libentropy.gradient(copy, entropy=1, target_logprob=temperature, **options),
    )
    out = np.full((*copy.shape[:-1], 2), np.nan, np.float32)[..., 0]
    assert libentropy.entropy(x, axis, temperature, mask, out, allowed=allowed) is out
    assert same_bits(np.ascontiguousarray(out), expected.entropy)


def test_no_copy_is_made():
    x = np.zeros((64, 1 << 20), np.float32)  # untouched pages cost nothing: a copy would be 256 MB
    import tracemalloc

    tracemalloc.start()
    try:
        H = libentropy.entropy(x[:, :-1][::2], mask=np.arange(32) == 0)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert H[0] == np.float32(np.log((1 << 20) - 1)) and (H[1:] == 0).all()


def test_temperature(rng):
    x, T = normal(rng, 3, 100), np.array([0.5, 1, 2], np.float32)
    H = libentropy.entropy(x, temperature=T)
    for i in range(3):
        assert_close("entropy", H[i], row(x[i], T[i]))
        assert H[i] == libentropy.entropy(x[i], temperature=float(T[i]))
    assert same_bits(libentropy.entropy(x, temperature=1), libentropy.entropy(x))


def test_allowed_as_bools_and_as_words(rng):
    x = normal(rng, 2, 3, 70)
    allowed = rng.random((2, 3, 70)) < 0.4
    expected = libentropy.entropy(np.where(allowed, x, -np.inf).astype(np.float32))
    words = np.zeros((2, 3, 3), np.uint32)
    for i in range(70):
        words[..., i >> 5] |= allowed[..., i].astype(np.uint32) << (i & 31)
    for mask in (allowed, words, words.view(np.int32), np.pad(words, [(0, 0), (0, 0), (0, 2)])):
        assert same_bits(libentropy.entropy(x, allowed=mask), expected)
    one = libentropy.entropy(x, allowed=allowed[0, 0])
    assert same_bits(one, libentropy.entropy(x, allowed=words[0, 0]))
    assert same_bits(one, libentropy.entropy(x, allowed=np.broadcast_to(allowed[0, 0], x.shape)))
    assert same_bits(one, libentropy.entropy(x, allowed=allowed[:1, :1]))
    per_seq = libentropy.entropy(x, allowed=allowed[0])
    for i in range(3):
        assert same_bits(per_seq[:, i], libentropy.entropy(x, allowed=allowed[0, i])[:, i])
    assert one[0, 0] == expected[0, 0] and one[1, 0] != expected[1, 0]


def test_mask_leaves_rows_unread():
    x = np.array([[1, 2], [np.nan, np.nan]], np.float32)
    H = libentropy.entropy(x, mask=[1, 0], temperature=[1, -5])
    assert H[0] > 0 and H[1] == 0


def test_negative_target_is_none(rng):
    got = libentropy.stats(normal(rng, 2, 9), "target_logprob", target=[-100, 3]).target_logprob
    assert got[0] == 0 and got[1] < 0


def test_stats_is_a_named_tuple_of_what_was_asked(rng):
    x = normal(rng, 4, 10)
    V, H = got = libentropy.stats(x, "varentropy", "entropy")
    assert got._fields == ("varentropy", "entropy") and got.entropy is H and same_bits(H, libentropy.entropy(x))
    again = pickle.loads(pickle.dumps(got))
    assert again._fields == got._fields and same_bits(again.varentropy, V)
    assert isinstance(libentropy.entropy(x[0]), np.float32)
    with pytest.raises(ValueError, match="no result"):
        libentropy.stats(x, "perplexity")
    with pytest.raises(ValueError, match="twice"):
        libentropy.stats(x, "entropy", "entropy")


def test_empty_arrays():
    for shape in [(0, 5), (3, 0, 5), (0, 0)]:
        assert libentropy.entropy(np.zeros(shape, np.float32)).shape == shape[:-1]
        assert libentropy.gradient(np.zeros(shape, np.float32), entropy=1).shape == shape
        assert libentropy.states(np.zeros(shape, np.float32)).shape == shape[:-1]
    with pytest.raises(ValueError, match="vocabulary"):
        libentropy.entropy(np.zeros((3, 0), np.float32))


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradient(rng, dtype):
    x = normal(rng, 3, 50, dtype=dtype)
    x[1, 7] = -np.inf
    up = rng.standard_normal((3, 3)).astype(np.float32)
    target, T = np.array([1, 2, 49]), np.float32(0.7)
    options = dict(entropy=up[0], logsumexp=up[1], target_logprob=up[2], target=target, temperature=T)
    g = libentropy.gradient(x, **options)
    assert g.dtype == dtype and g.shape == x.shape
    eps = {np.float32: 2e-6, np.float16: 2**-11, ml_dtypes.bfloat16: 2**-8}[dtype]
    for i in range(3):
        expected = gradient(x[i], *up[:, i], target=target[i], temperature=T)
        assert (abs(g[i].astype(np.longdouble) - expected) <= eps * (abs(expected) + 0.1 * abs(expected).max())).all()
    assert g[1, 7] == 0
    forward = libentropy.stats(x, "entropy", "max_logit", "max_logprob", temperature=T)
    assert same_bits(libentropy.gradient(x, forward=forward, **options), g)
    other = libentropy.stats(-x, "entropy", "max_logit", "max_logprob", temperature=T)
    assert not same_bits(libentropy.gradient(x, forward=other, **options), g), "forward is not looked at"
    in_place = x.copy()
    assert libentropy.gradient(in_place, out=in_place, **options) is in_place
    assert same_bits(in_place, g)


def test_gradient_of_the_entropy_is_that_of_its_differences(rng):
    x, step = normal(rng, 20), 1e-3
    steps = step * np.eye(20)
    numeric = [float(row(x + d)["entropy"] - row(x - d)["entropy"]) / (2 * step) for d in steps]
    np.testing.assert_allclose(libentropy.gradient(x, entropy=1), numeric, rtol=1e-3, atol=1e-5, equal_nan=False)


def test_states_of_shards(rng):
    x, target = normal(rng, 3, 5000), np.array([4, 4999, -1])
    whole = libentropy.states(x, target=target)
    assert same_bits(libentropy.stats_of_states(whole).entropy, libentropy.entropy(x))
    left = libentropy.states(x[:, :2048], target=np.where(target < 2048, target, -1))
    right = libentropy.states(x[:, 2048:], target=np.where(target >= 2048, target - 2048, -1))
    before = left.tobytes()
    got = libentropy.stats_of_states(libentropy.merge_states(left, right))
    assert left.tobytes() == before
    assert got.target_logprob[2] == 0
    for i in range(2):
        for name in ALL:
            assert_close(name, getattr(got, name)[i], row(x[i], target=target[i]), times=2)
    with pytest.raises(ValueError):
        libentropy.merge_states(left, right[:2])
    with pytest.raises(TypeError):
        libentropy.stats_of_states(np.zeros(3))


def test_state(rng):
    x = normal(rng, 5000)
    state = libentropy.State()
    for i in range(0, 5000, 1024):
        state.add(x[i : i + 1024])
    expected = libentropy.stats(x)
    for name in ALL:
        if name != "target_logprob":
            assert same_bits(getattr(state, name), getattr(expected, name))
    assert len(state) == 5000 and len(bytes(state)) == 128
    again = pickle.loads(pickle.dumps(state))
    assert bytes(again) == bytes(state) and again.entropy == state.entropy
    before = bytes(state)
    assert again.merge(libentropy.State().add(x[:10])) is again and len(again) == 5010
    libentropy.State.from_bytes(before).add(x[:10])
    assert bytes(state) == before, "a copy is the same memory"
    hot = libentropy.State(temperature=2).add(x.astype(ml_dtypes.bfloat16))
    assert_close("entropy", hot.entropy, row(x.astype(ml_dtypes.bfloat16), 2), times=2)
    assert np.isnan(libentropy.State().entropy)
    doubled = libentropy.State().add(x)
    doubled.merge(doubled)
    assert abs(doubled.entropy - (expected.entropy + np.log(2))) < 1e-5


def test_state_refuses(rng):
    for bad in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError):
            libentropy.State(temperature=bad)
    state = libentropy.State().add(normal(rng, 9))
    before = bytes(state)
    for bad, error in [
        (np.zeros(3), TypeError),
        (np.zeros((2, 3), np.float32), ValueError),
        (np.zeros(8, np.float32)[::2], ValueError),
        ([1.0], TypeError),
        (np.zeros((), np.float32), ValueError),
    ]:
        with pytest.raises(error):
            state.add(bad)
    with pytest.raises(TypeError):
        state.merge(before)
    unaligned = np.frombuffer(b"-" + before, libentropy.state_dtype, 1, 1)
    assert libentropy.stats_of_states(unaligned).entropy == state.entropy
    for bad in (b"", bytes(128)):
        with pytest.raises(ValueError):
            libentropy.State.from_bytes(bad)
    assert bytes(state) == before


X = np.zeros((3, 4), np.float32)
THREE_STRIDES = np.zeros((3, 4, 4, 5), np.float32)[:2, :3, :3]


class OnAnotherDevice:
    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self):
        raise AssertionError("must not be asked for")


@pytest.mark.parametrize(
    "logits, options, error",
    [
        (X.astype(np.float64), {}, TypeError),
        (X.astype(">f4"), {}, TypeError),
        (X.astype(np.int32), {}, TypeError),
        (X.astype(np.complex64), {}, TypeError),
        (X.astype(object), {}, TypeError),
        (X.tolist(), {}, TypeError),
        (None, {}, TypeError),
        (np.ma.array(X, mask=X == 0), {}, TypeError),
        (OnAnotherDevice(), {}, ValueError),
        (np.float32(1), {}, TypeError),
        (np.zeros((), np.float32), {}, ValueError),
        (np.zeros((3, 8), np.float32)[:, ::2], {}, ValueError),
        (np.zeros((4, 3), np.float32).T, {}, ValueError),
        (X[:, ::-1], {}, ValueError),
        (X[::-1], {}, ValueError),
        (np.broadcast_to(X[0], (3, 4)), {}, ValueError),
        (np.broadcast_to(X[:, :1], (3, 4)), {}, ValueError),
        (np.broadcast_to(X[:, None], (3, 2, 4)), {}, ValueError),
        (np.lib.stride_tricks.sliding_window_view(X[0], 2), {}, ValueError),
        (np.zeros(3, [("a", np.int8), ("z", np.float32, 4)])["z"], {}, ValueError),
        (np.frombuffer(bytes(17), np.float32, 4, 1), {}, ValueError),
        (X, {"axis": 2}, ValueError),
        (X, {"axis": 0}, ValueError),
        (X, {"temperature": 0}, ValueError),
        (X, {"temperature": np.nan}, ValueError),
        (X, {"temperature": [1, 1, -1]}, ValueError),
        (X, {"temperature": [1, 1]}, ValueError),
        (X, {"temperature": np.ones((2, 3))}, ValueError),
        (X, {"temperature": "hot"}, TypeError),
        (X, {"mask": [True, False]}, ValueError),
        (X, {"mask": [0.5, 1, 1]}, TypeError),
        (X, {"allowed": np.ones(5, bool)}, ValueError),
        (X, {"allowed": np.ones((2, 4), bool)}, ValueError),
        (X, {"allowed": True}, ValueError),
        (X, {"allowed": np.broadcast_to(np.ones(4, bool), (2, 4))}, ValueError),
        (X, {"allowed": np.ones(1, np.int64)}, TypeError),
        (X, {"allowed": np.ones(0, np.uint32)}, ValueError),
        (X, {"out": np.full(2, 7, np.float32)}, ValueError),
        (X, {"out": np.full((3, 1), 7, np.float32)}, ValueError),
        (X, {"out": np.full(3, 7, np.float64)}, TypeError),
        (X, {"out": [0, 0, 0]}, TypeError),
        (X, {"out": X[:, 0]}, ValueError),
        (THREE_STRIDES, {"temperature": np.where(np.arange(18).reshape(2, 3, 3) == 17, 0, 1)}, ValueError),
    ],
)
def test_bad_input(logits, options, error):
    options = dict(options)
    if "out" not in options and isinstance(logits, np.ndarray) and logits.ndim:
        options["out"] = np.full(logits.shape[:-1] if options.get("axis") is None else (4,), 7, np.float32)
    out = options.get("out")
    before = np.copy(out) if isinstance(out, np.ndarray) else None
    with pytest.raises(error):
        libentropy.entropy(logits, **options)
    if before is not None:
        assert same_bits(before, np.copy(out))


@pytest.mark.parametrize(
    "target, error",
    [
        ([0, 1, 4], ValueError),
        ([0.0, 1, 2], TypeError),
        ([0, 1], ValueError),
        (np.array([0, 1, 2**63 + 5], np.uint64), TypeError),
    ],
)
def test_bad_target(target, error):
    with pytest.raises(error):
        libentropy.stats(X, "target_logprob", target=target)
    out = np.full_like(X, 7)
    with pytest.raises(error):
        libentropy.gradient(X, target_logprob=1, target=target, out=out)
    assert (out == 7).all()


def test_bad_gradient_arguments():
    read_only = np.zeros_like(X)
    read_only.flags.writeable = False
    buffer = np.zeros(13, np.float32)
    for options, error in [
        ({"target_logprob": 1}, ValueError),
        ({"entropy": [1, 2]}, ValueError),
        ({"entropy": "1"}, TypeError),
        ({"entropy": 1, "out": np.zeros((3, 5), np.float32)}, ValueError),
        ({"entropy": 1, "out": X.astype(np.float16)}, TypeError),
        ({"entropy": 1, "out": read_only}, ValueError),
        ({"entropy": 1, "out": np.broadcast_to(X[:1], (3, 4))}, ValueError),
        ({"entropy": 1, "forward": libentropy.stats(X, "entropy")}, ValueError),
    ]:
        with pytest.raises(error):
            libentropy.gradient(X, **options)
    with pytest.raises(ValueError, match="overlaps"):
        libentropy.gradient(buffer[:12].reshape(3, 4), entropy=1, out=buffer[1:].reshape(3, 4))
    with pytest.raises(ValueError, match="target_logprob"):
        libentropy.stats(X, "target_logprob")


def test_gradient_of_pieces_finds_a_bad_target_first():
    x = np.zeros((3, 3, 4, 4, 5), np.float32)[:2, :2, :3]
    target = np.zeros(x.shape[:-1], int)
    target[-1, -1, -1, -1] = 5
    out = np.full((3, 3, 4, 4, 5), 7, np.float32)[:2, :2, :3]
    with pytest.raises(ValueError, match="target"):
        libentropy.gradient(x, target_logprob=1, target=target, out=out)
    assert (out == 7).all()


def test_machine():
    assert libentropy.version() == libentropy.__version__ == "0.1.0"
    best = libentropy.isa()
    x = normal(np.random.default_rng(5), 5, 3000)
    expected = libentropy.entropy(x)
    try:
        libentropy.set_isa("scalar")
        assert libentropy.isa() == "scalar" and same_bits(libentropy.entropy(x), expected)
        with pytest.raises(ValueError, match="instruction set"):
            libentropy.set_isa("mmx")
        with pytest.raises(TypeError):
            libentropy.set_isa(2)
        assert libentropy.isa() == "scalar"
    finally:
        libentropy.set_isa(None)
    assert libentropy.isa() == best
    try:
        libentropy.set_num_threads(3)
        assert libentropy.num_threads() == 3
        with pytest.raises(ValueError):
            libentropy.set_num_threads(-1)
        for bad in (1.5, "2"):
            with pytest.raises(TypeError):
                libentropy.set_num_threads(bad)
        assert libentropy.num_threads() == 3
    finally:
        libentropy.set_num_threads(0)
    assert libentropy.num_threads() >= 1


def test_the_lock_is_released():
    """While a long call runs, another thread gets on. A busy machine may not let it, hence several tries."""
    x = np.zeros((100, 1 << 18), np.float32)
    x[:] = np.arange(1 << 18) % 97
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(1e-4)

    def ticks_amid_a_call():
        begin = time.perf_counter()
        libentropy.entropy(x)
        quarter = (time.perf_counter() - begin) / 4
        return sum(begin + quarter < t < begin + 3 * quarter for t in ticks)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        assert any(ticks_amid_a_call() >= 3 for _ in range(50))
    finally:
        done.set()
        thread.join()
