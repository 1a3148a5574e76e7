"""Entropy of a file that is read in chunks, on one worker process and on two: time, and the memory of a worker.

pip install dask distributed
python bench_dask.py [GiB]
"""

import os
import resource
import sys
import tempfile
import time

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

import libentropy.dask

VOCAB, CHUNK_ROWS = 128_000, 64


def read(path: str, block_info: dict) -> np.ndarray:
    (begin, end), _ = block_info[None]["array-location"]
    return np.fromfile(path, np.float32, (end - begin) * VOCAB, offset=4 * begin * VOCAB).reshape(-1, VOCAB)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    rows = int(float((sys.argv[1:] or [2])[0]) * 2**30 / (4 * VOCAB)) // CHUNK_ROWS * CHUNK_ROWS
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "logits")
        with open(path, "wb") as file:
            for _ in range(rows // CHUNK_ROWS):
                rng.standard_normal((CHUNK_ROWS, VOCAB), np.float32).tofile(file)
        chunks = ((CHUNK_ROWS,) * (rows // CHUNK_ROWS), (VOCAB,))
        meta = np.empty((0, 0), np.float32)
        logits = da.map_blocks(read, path, chunks=chunks, dtype=np.float32, meta=meta)
        print(f"{rows} rows of {VOCAB} logits, {logits.nbytes / 2**30:.2f} GiB in chunks of {CHUNK_ROWS} rows\n")
        print("| workers | seconds | GB/s | peak memory of one, MB | after one chunk |")
        print("|---|---|---|---|---|")
        for workers in (1, 2):
            os.environ["ENTROPY_NUM_THREADS"] = "1"
            options = dict(n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
            with LocalCluster(**options) as cluster, Client(cluster) as client:
                client.compute(libentropy.dask.entropy(logits[:CHUNK_ROWS])).result()
                first = max(client.run(peak_megabytes).values())
                seconds = []
                for _ in range(3):
                    begin = time.perf_counter()
                    client.compute(libentropy.dask.entropy(logits)).result()
                    seconds.append(time.perf_counter() - begin)
                peak = max(client.run(peak_megabytes).values())
            best = min(seconds)
            print(
                f"| {workers} | {best:.2f} | {logits.nbytes / best / 1e9:.2f} | {peak:.0f} | {first:.0f} |", flush=True
            )


if __name__ == "__main__":
    main()
