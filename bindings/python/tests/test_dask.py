import os
import signal
import time

import ml_dtypes
import numpy as np
import pytest

import libentropy
from reference import assert_close, row

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

import dask  # noqa: E402

import libentropy.dask as led  # noqa: E402

NAMES = ("entropy", "varentropy", "logsumexp", "max_logit", "max_logprob", "argmax", "support")


@pytest.fixture(scope="module")
def x():
    return (3 * np.random.default_rng(1).standard_normal((4, 6, 3000))).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_chunks_of_rows_keep_the_bits(x, dtype):
    x = x.astype(dtype)
    got = led.stats(da.from_array(x, chunks=(2, 4, -1)), temperature=0.5)
    assert got._fields == NAMES
    expected = libentropy.stats(x, temperature=0.5)
    for name, array in zip(NAMES, dask.compute(*got)):
        assert array.dtype == getattr(expected, name).dtype and array.tobytes() == getattr(expected, name).tobytes()


@pytest.mark.parametrize("chunk, split_every", [(1024, None), (700, None), (100, 2)])
def test_chunks_of_the_vocabulary_keep_the_bound(x, chunk, split_every):
    got = dask.compute(*led.stats(da.from_array(x, chunks=(3, 6, chunk)), split_every=split_every))
    for i in np.ndindex(4, 6):
        expected = row(x[i])
        for name, array in zip(NAMES, got):
            assert_close(name, array[i], expected, times=2)


def test_other_layouts(x):
    first = da.from_array(np.moveaxis(x, -1, 0), chunks=(1000, 2, 3))
    np.testing.assert_allclose(led.entropy(first, axis=0), libentropy.entropy(x), rtol=2e-6, equal_nan=False)
    fortran = da.from_array(np.asfortranarray(x), chunks=(2, 3, -1))
    assert led.entropy(fortran).compute().tobytes() == libentropy.entropy(x).tobytes()
    assert (
        led.entropy(da.ones((5, 64), dtype=np.float32, chunks=(2, 64))).compute().tolist()
        == [np.float32(np.log(64))] * 5
    )
    one = led.entropy(da.from_array(x[0, 0], chunks=1000))
    assert one.shape == () and abs(one.compute() - libentropy.entropy(x[0, 0])) < 1e-5


def test_it_is_lazy():
    def never(block):
        raise AssertionError("computed")

    empty = da.empty((10**6, 10**6), dtype=np.float32, chunks=10**5)
    huge = da.map_blocks(never, empty, dtype=np.float32, meta=np.empty((0, 0), np.float32))
    H = led.entropy(huge)
    assert isinstance(H, da.Array) and H.shape == (10**6,) and H.dtype == np.float32 and H.chunks == ((10**5,) * 10,)


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda a: led.entropy(a.astype(np.float64)), TypeError),
        (lambda a: led.entropy(a.compute()), TypeError),
        (lambda a: led.entropy(a, axis=3), ValueError),
        (lambda a: led.entropy(a, temperature=0), ValueError),
        (lambda a: led.stats(a, "target_logprob"), ValueError),
        (lambda a: led.stats(a, "perplexity"), ValueError),
        (lambda a: led.entropy(da.zeros((3, 0), dtype=np.float32)).compute(), ValueError),
    ],
)
def test_bad_input(x, call, error):
    with pytest.raises(error):
        call(da.from_array(x))


ROWS, VOCAB = 512, 1 << 19  # 1 GiB


def block(begin_row, begin_token, rows, tokens):
    """A part of an array that is nowhere in memory as a whole."""
    i = np.arange(begin_row, begin_row + rows, dtype=np.int64)[:, None]
    j = np.arange(begin_token, begin_token + tokens, dtype=np.int64)
    return ((i * 7919 + j * 37) % 6007).astype(np.float32) / np.float32(256) + (j == 1000 * i) * np.float32(20)


def made_in_the_worker(block_info, started):
    (begin_row, end_row), (begin_token, end_token) = block_info[None]["array-location"]
    with open(started, "ab") as file:
        file.write(b".")
    return block(begin_row, begin_token, end_row - begin_row, end_token - begin_token)


@pytest.mark.parametrize("chunks", [(16, VOCAB), (64, 1 << 17)])
def test_a_worker_dies_in_the_middle(tmp_path, chunks):
    """Two processes, each allowed less memory than half the array; one is killed; the numbers are right."""
    started = tmp_path / "started"
    started.touch()
    logits = da.map_blocks(
        made_in_the_worker,
        chunks=da.core.normalize_chunks(chunks, (ROWS, VOCAB)),
        dtype=np.float32,
        meta=np.empty((0, 0), np.float32),
        started=str(started),
    )
    assert logits.nbytes == 1 << 30
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 10, "distributed.comm.timeouts.connect": "60s"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, memory_limit="500MB"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = client.run(os.getpid)
        assert len(set(pids.values())) == 2 and os.getpid() not in pids.values()
        future = client.compute(led.entropy(logits))
        deadline = time.monotonic() + 120
        while started.stat().st_size < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert 8 <= started.stat().st_size < logits.npartitions, "not in the middle"
        victim = list(pids.values())[0]
        os.kill(victim, signal.SIGKILL)
        H = future.result(timeout=300)
        assert victim not in client.run(os.getpid).values()
    assert started.stat().st_size > logits.npartitions, "nothing was done again: the worker held nothing when it died"
    expected = np.concatenate([libentropy.entropy(block(i, 0, 4, VOCAB)) for i in range(0, ROWS, 4)])
    if chunks[1] == VOCAB:
        assert H.tobytes() == expected.tobytes()
    else:
        assert (abs(H - expected) <= 3 * expected * (4e-7 + 7e-8 * abs(np.log(expected)))).all()
