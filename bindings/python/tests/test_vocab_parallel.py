"""Two processes on loopback, each with a part of the vocabulary."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reference import assert_close, row

torch = pytest.importorskip("torch")

import libentropy.torch as let  # noqa: E402

ROWS, VOCAB, SPLIT = 5, 3000, {"even": 1500, "uneven": 1024}


def whole():
    """The rows, their targets (in either shard, none) and the weights of a loss."""
    g = torch.Generator().manual_seed(1)
    logits = 3 * torch.randn(ROWS, VOCAB, generator=g)
    logits[1, 2000] = 60  # a row that is sure
    logits[2, :1500] = -torch.inf  # a shard without a token
    target = torch.tensor([3, 2000, 2999, -1, 1499])
    return logits, target, torch.randn(3, ROWS, generator=g)


def process(directory, rank):
    """What each process runs."""
    # The first call of an operator imports it. Imported while a group exists, it keeps that group for good, and gloo's
    # threads, alive at the end of the interpreter, may abort the process.
    import torch._dynamo
    import torch.distributed as dist

    store = dist.FileStore(f"{directory}/store", 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    logits, target, weights = whole()
    found = {}
    for name, split in SPLIT.items():
        begin, end = [(0, split), (split, VOCAB)][rank]
        shard = logits[:, begin:end].clone().requires_grad_()
        got = let.vocab_parallel_entropy(
            shard, None, target, temperature=0.9, vocab_start=None if name == "even" else begin
        )
        sum((w * x).sum() for w, x in zip(weights, got)).backward()
        found[name] = [x.detach() for x in got], shard.grad
    assert let.vocab_parallel_entropy(logits[:, :4]).target_logprob is None
    errors = []
    for call in [
        lambda: let.vocab_parallel_entropy(logits[:, : 4 + rank]),
        lambda: let.vocab_parallel_entropy(logits, vocab_start=7 + rank),
        lambda: let.vocab_parallel_entropy(logits[:, :4], None, torch.full((ROWS,), 8)),
        lambda: let.vocab_parallel_entropy(logits[:, :4], temperature=-1.0),
    ]:
        try:
            call()
        except ValueError as error:
            errors.append(str(error))
    found["errors"] = errors
    torch.save(found, f"{directory}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    directory = tmp_path_factory.mktemp("processes")
    loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    environment = os.environ | {"GLOO_SOCKET_IFNAME": loopback, "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, directory, str(rank)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=Path(__file__).parent,
        )
        for rank in range(2)
    ]
    try:
        output = [p.communicate(timeout=400)[0] for p in processes]
    finally:
        for p in processes:
            p.kill()
    assert [p.returncode for p in processes] == [0, 0], "\n".join(output)
    return [torch.load(directory / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("split", SPLIT)
def test_results_are_those_of_the_whole_rows(found, split):
    logits, target, _ = whole()
    (first, _), (second, _) = (f[split] for f in found)
    for a, b in zip(first, second):
        assert a.numpy().tobytes() == b.numpy().tobytes(), "the processes disagree"
    entropy, logsumexp, target_logprob = first
    for i in range(ROWS):
        expected = row(logits[i].numpy(), np.float32(0.9), int(target[i]))
        assert_close("entropy", entropy[i].item(), expected, times=2)
        assert_close("logsumexp", logsumexp[i].item(), expected, times=2)
        if target[i] < 0:
            assert target_logprob[i] == 0
        else:
            assert_close("target_logprob", target_logprob[i].item(), expected, times=2)


@pytest.mark.parametrize("split", SPLIT)
def test_gradients_are_those_of_the_whole_rows(found, split):
    logits, target, weights = whole()
    z = logits.clone().requires_grad_()
    sum((w * x).sum() for w, x in zip(weights, let.stats(z, target, temperature=0.9))).backward()
    got = torch.cat([f[split][1] for f in found], dim=-1)
    torch.testing.assert_close(got, z.grad, rtol=1e-5, atol=1e-7, equal_nan=False)
    sure = z.grad[1].abs()
    assert sure[sure > 0].max() > 1e-30


def test_errors_are_raised_in_every_process(found):
    for f in found:
        assert len(f["errors"]) == 4
        for error, word in zip(f["errors"], ["shards of sizes", "vocab_start is", "target", "temperature"]):
            assert word in error


if __name__ == "__main__":
    process(sys.argv[1], int(sys.argv[2]))
