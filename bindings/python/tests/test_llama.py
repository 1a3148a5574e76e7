"""The processors on a stand-in for llama-cpp-python, which hands over logits as a field of an array of records."""

import numpy as np
import pytest

import libentropy
from libentropy.llama import EntropyRecorder, EntropyTemperature
from reference import assert_close, row

RECORD = np.dtype([("id", np.intc), ("logit", np.single), ("p", np.single)], align=True)


class FakeLlama:
    """Draws the likeliest token of logits that are given in advance."""

    def __init__(self, logits):
        self.logits = logits

    def generate(self, tokens, logits_processor):
        tokens = list(tokens)
        for z in self.logits:
            candidates = np.recarray(z.size, RECORD)
            candidates.logit[:] = z
            for processor in logits_processor:
                candidates.logit[:] = processor(np.array(tokens, np.intc), candidates.logit)
            tokens.append(int(candidates.logit.argmax()))
            yield tokens[-1], candidates.logit.copy()


@pytest.fixture
def logits():
    z = (3 * np.random.default_rng(1).standard_normal((4, 500))).astype(np.float32)
    z[1, 7] = 40  # sure
    z[2] = 0  # open
    return z


def test_recorder(logits):
    watch = EntropyRecorder()
    seen = [z for _, z in FakeLlama(logits).generate([1], [watch])]
    assert np.array_equal(seen, logits), "the logits were changed"
    H, V = libentropy.stats(logits, "entropy", "varentropy")
    assert watch.entropy == H.tolist() and watch.varentropy == V.tolist()


def test_temperature(logits):
    sampler = EntropyTemperature(low=0.25, high=1.5, high_at=3.0)
    seen = [z for _, z in FakeLlama(logits).generate([1], [sampler])]
    assert abs(sampler.temperature[1] - 0.25) < 1e-6 and sampler.temperature[2] == 1.5
    for z, given, T, H in zip(seen, logits, sampler.temperature, sampler.entropy):
        assert_close("entropy", H, row(given))
        assert 0.25 <= T <= 1.5
        np.testing.assert_allclose(z, given / T, rtol=1e-6, equal_nan=False)
    cooled = libentropy.entropy(np.stack(seen))
    assert cooled[3] < sampler.entropy[3] or sampler.temperature[3] >= 1


def test_without_a_distribution_logits_pass(logits):
    z = np.full((1, 5), -np.inf, np.float32)
    sampler = EntropyTemperature()
    ((_, seen),) = FakeLlama(z).generate([1], [sampler])
    assert (seen == -np.inf).all() and np.isnan(sampler.entropy[0]) and sampler.temperature == [1.0]


@pytest.mark.parametrize(
    "options", [{"low": 0}, {"low": 2}, {"high": np.inf}, {"high_at": 0}, {"low": np.nan}, {"high_at": np.nan}]
)
def test_bad_temperatures(options):
    with pytest.raises(ValueError):
        EntropyTemperature(**options)
