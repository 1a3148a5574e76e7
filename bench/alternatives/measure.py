"""One process for one number of threads: checks every alternative against the oracle, then times all of them in turn."""

from __future__ import annotations

import contextlib
import gc
import mmap
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from alternatives import Alternative, Call, alternatives, threads

VOCAB = 151_936
DISTINCT = 16  # rows of a buffer; the others repeat them
HUGE_PAGE = 1 << 21
SETTLE = 0.02  # seconds; the threads of some libraries spin for a while after a call
TOLERANCE = 1e-3  # relative; further off, it is another quantity


def oracle(rows: np.ndarray) -> np.ndarray:
    """H = log S - W / S with S = sum e^d, W = sum d e^d, d = z - max z, in extended precision; -inf takes no part."""
    entropies = []
    for row in rows.astype(np.longdouble):
        d = row[row > -np.inf] - row.max()
        e = np.exp(d)
        entropies.append(np.log(e.sum()) - (d * e).sum() / e.sum())
    return np.array(entropies, np.longdouble)


def relative_error(results: np.ndarray, expected: np.ndarray) -> float:
    """The worst of all rows; NaN if any result is."""
    if results.shape != expected.shape:
        raise RuntimeError(f"results of shape {results.shape} for {len(expected)} rows")
    return float(np.max(np.abs(results - expected) / expected))  # np.max keeps NaN


def ordinary_rows(n: int, vocab: int = VOCAB) -> np.ndarray:
    """Normal with a standard deviation of 3: about 7.4 nats."""
    return np.random.default_rng(n).normal(0, 3, (n, vocab)).astype(np.float32)


def error_rows() -> dict[str, np.ndarray]:
    ordinary = ordinary_rows(4)
    certain = np.random.default_rng(1).normal(0, 1, ordinary.shape).astype(np.float32)
    certain[:, 1000] = certain.max(-1) + 25
    masked = ordinary.copy()
    masked[:, 77] = -np.inf
    return {
        "ordinary": ordinary,
        "shifted by 430": ordinary + np.float32(430),
        "shifted by 1e5": ordinary + np.float32(1e5),
        "nearly certain": certain,
        "one token masked": masked,
    }


def huge_array(n: int) -> np.ndarray:
    """Rows on huge pages, where the system has them for whoever asks."""
    size = n * VOCAB * 4
    memory = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(AttributeError, OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    whole = np.frombuffer(memory, np.uint8)
    begin = -whole.ctypes.data % HUGE_PAGE
    return whole[begin:begin + size].view(np.float32).reshape(n, VOCAB)


class Buffer:
    """Ordinary rows, and their entropies."""

    def __init__(self, n: int) -> None:
        self.rows = huge_array(n)
        distinct = ordinary_rows(min(n, DISTINCT))
        for i in range(0, n, DISTINCT):
            self.rows[i:i + DISTINCT] = distinct[:n - i]
        self.entropies = np.resize(oracle(distinct), n)


def share_on_huge_pages(array: np.ndarray) -> float:
    low, high = array.ctypes.data, array.ctypes.data + array.nbytes
    huge, inside = 0, False
    with contextlib.suppress(OSError), open("/proc/self/smaps") as mappings:
        for line in mappings:
            if mapping := re.match("([0-9a-f]+)-([0-9a-f]+) ", line):
                begin, end = (int(bound, 16) for bound in mapping.groups())
                inside = begin < high and low < end
            elif inside and line.startswith("AnonHugePages:"):
                huge += 1024 * int(line.split()[1])
    return min(1, huge / array.nbytes)


def check(alternative: Alternative, rows: np.ndarray, entropies: np.ndarray) -> Call:
    """The call, after its results were compared; raises where they are wrong, and it is not to be timed."""
    call = alternative.prepare(rows)
    results = call.result()
    if alternative.family == "read":
        sums, sizes = (np.array([f(row).sum(dtype=np.float64) for row in rows]) for f in (np.asarray, np.abs))
        error = relative_error(results - sums + sizes, sizes)
    else:
        error = relative_error(results, entropies)
    if not error <= TOLERANCE:
        raise RuntimeError(f"wrong: relative error {error:.1e}")
    return call


def interleaved(calls: dict[str, Call], repetitions: int, least_seconds: float,
                failures: dict[str, str]) -> dict[str, list[float]]:
    """Seconds of one call, repetitions times each, in an order that is drawn anew for each repetition."""
    counts = {name: max(1, round(least_seconds / call.seconds(1))) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repetitions):
        for name in random.sample(list(calls), len(calls)):
            if name in failures:
                continue
            time.sleep(SETTLE)
            try:
                if counts[name] > 1:
                    calls[name].seconds(1 + counts[name] // 8)  # its data in cache again, its threads awake
                samples[name].append(calls[name].seconds(counts[name]) / counts[name])
            except Exception as error:
                failures[name] = reason(error)
    return {name: seconds for name, seconds in samples.items() if name not in failures}


def reason(error: Exception) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"not installed: {text}" if isinstance(error, ImportError) else f"{type(error).__name__}: {text}"


def time_rows(chosen: list[Alternative], rows: np.ndarray, entropies: np.ndarray, repetitions: int,
              least_seconds: float) -> dict[str, Any]:
    """Nanoseconds per logit: {"samples": {name: [...]}, "failures": {name: why}}."""
    calls, failures = {}, {}
    for alternative in chosen:
        try:
            calls[alternative.name] = check(alternative, rows, entropies)
        except Exception as error:
            failures[alternative.name] = reason(error)
    if "libentropy" in failures:
        raise RuntimeError(f"libentropy: {failures['libentropy']}")
    seconds = interleaved(calls, repetitions, least_seconds, failures)
    samples = {name: [1e9 * s / rows.size for s in seconds[name]] for name in seconds}
    return {"samples": samples, "failures": failures, "rows": len(rows), "vocab": rows.shape[1]}


def errors(chosen: list[Alternative]) -> dict[str, Any]:
    worst: dict[str, dict[str, float]] = {}
    failures = {}
    for kind, values in error_rows().items():
        rows, expected = huge_array(len(values)), oracle(values)
        rows[:] = values
        for alternative in chosen:
            if alternative.family == "read" or alternative.name in failures:
                continue
            try:
                with np.errstate(all="ignore"):
                    error = relative_error(alternative.prepare(rows).result(), expected)
                worst.setdefault(alternative.name, {})[kind] = error
            except Exception as error:
                failures[alternative.name] = reason(error)
    return {"errors": worst, "failures": failures}


def best(chosen: list[Alternative], family: str, samples: dict[str, list[float]]) -> list[Alternative]:
    timed = [a for a in chosen if a.family == family and a.name in samples]
    return sorted(timed, key=lambda a: statistics.median(samples[a.name]))[:1]


def sizes(n: int) -> Iterator[tuple[int, int]]:
    """(rows, vocab): a row for each thread, first short ones; then more, up to n."""
    yield from ((threads, vocab) for vocab in (4096, 16384, 65536))
    rows = threads
    while rows < n:
        yield rows, VOCAB
        rows *= 4
    yield n, VOCAB


def measure(with_errors: bool, only: str, repetitions: int, least_seconds: float, nbytes: int,
            send: Callable[[dict[str, Any]], None]) -> None:
    gc.disable()
    chosen = [a for a in alternatives() if a.family == "libentropy" or re.search(only, a.name)]
    if with_errors:
        send({"part": "errors", "threads": threads, **errors(chosen)})

    cached = Buffer(threads)
    send({"part": "cache", "threads": threads,
          **time_rows(chosen, cached.rows, cached.entropies, repetitions, least_seconds)})

    n = max(1, nbytes // (4 * VOCAB * threads)) * threads
    buffer = Buffer(n)
    memory = time_rows(chosen, buffer.rows, buffer.entropies, repetitions, least_seconds)
    send({"part": "memory", "threads": threads, "huge_pages": share_on_huge_pages(buffer.rows), **memory})

    samples = memory["samples"]
    few = [a for a in chosen if a.family in ("libentropy", "read")]
    few += best(chosen, "loop", samples) + best(chosen, "torch", samples)
    for k, vocab in sizes(n):
        rows = buffer.rows.reshape(-1)[:k * vocab].reshape(k, vocab)
        entropies = buffer.entropies[:k] if vocab == VOCAB else oracle(rows)
        send({"part": "roofline", "threads": threads, **time_rows(few, rows, entropies, repetitions, least_seconds)})
