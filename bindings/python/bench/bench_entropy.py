"""Entropy of logits, by libentropy and by what people write today: time, and how far off it is.

    pip install scipy torch
    python bench_entropy.py [rows vocab]

One thread each. Forms are timed in turns; the table has medians of CPU time, as multiples of libentropy's. The error is
the worst relative one of rows of which half are open and half nearly certain, against 80-bit arithmetic.
"""

import statistics
import sys
import time

import numpy as np
import scipy.special
import scipy.stats
import torch

import libentropy
import libentropy.torch


def numpy_textbook(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    return -(p * np.log(p + 1e-12)).sum(-1)


def numpy_logsumexp(z):
    top = z.max(-1, keepdims=True)
    e = np.exp(z - top)
    total = e.sum(-1)
    return np.log(total) - (e * (z - top)).sum(-1) / total


def scipy_entropy(z):
    return scipy.stats.entropy(scipy.special.softmax(z, axis=-1), axis=-1)


def scipy_log_softmax(z):
    log_p = scipy.special.log_softmax(z, axis=-1)
    return -(np.exp(log_p) * log_p).sum(-1)


def torch_log_softmax(z):
    log_p = torch.log_softmax(z, dim=-1)
    return -(log_p.exp() * log_p).sum(-1)


def torch_logsumexp(z):
    return torch.logsumexp(z, dim=-1) - (torch.softmax(z, dim=-1) * z).sum(-1)


def torch_categorical(z):
    return torch.distributions.Categorical(logits=z, validate_args=False).entropy()


def backward(function):
    def both(z):
        z = z.detach().requires_grad_()
        function(z).sum().backward()
        return z.grad

    return both


def chosen_log_softmax(z):
    return torch.log_softmax(z, dim=-1)[:, 0]


def chosen(z):
    return libentropy.torch.selective_log_softmax(z, torch.zeros(len(z), dtype=torch.int64))


def exact(z):
    d = z.astype(np.longdouble)
    d -= d.max(-1, keepdims=True)
    log_p = d - np.log(np.exp(d).sum(-1, keepdims=True))
    return -(np.exp(log_p) * log_p).sum(-1)


def main() -> None:
    rows, vocab = (int(n) for n in sys.argv[1:] or (32, 151936))
    torch.set_num_threads(1)
    libentropy.set_num_threads(1)
    z = 3 * np.random.default_rng(1).standard_normal((rows, vocab), np.float32)
    z[::2, 7] = 40
    t = torch.from_numpy(z)
    bf16 = t.bfloat16()
    versions = f"NumPy {np.__version__}, SciPy {scipy.__version__}, torch {torch.__version__}"
    print(f"{rows} rows of {vocab} logits, {libentropy.isa()}, {versions}")
    truth = {"float32": exact(z), "bfloat16": exact(bf16.float().numpy())}
    groups = {
        "float32": [
            ("libentropy.entropy", libentropy.entropy, z),
            ("NumPy: -sum p log(p + 1e-12)", numpy_textbook, z),
            ("NumPy: log sum e - sum e d / sum e", numpy_logsumexp, z),
            ("scipy.stats.entropy(softmax)", scipy_entropy, z),
            ("scipy.special.log_softmax", scipy_log_softmax, z),
            ("torch: log_softmax", torch_log_softmax, t),
            ("torch: logsumexp - sum p z", torch_logsumexp, t),
            ("torch: Categorical.entropy", torch_categorical, t),
        ],
        "bfloat16": [
            ("libentropy.entropy", libentropy.entropy, bf16),
            ("torch: log_softmax", torch_log_softmax, bf16),
            ("torch: logsumexp - sum p z", torch_logsumexp, bf16),
        ],
        "float32, with the gradient": [
            ("libentropy.torch.entropy", backward(libentropy.torch.entropy), t),
            ("torch: log_softmax", backward(torch_log_softmax), t),
            ("torch: logsumexp - sum p z", backward(torch_logsumexp), t),
            ("torch: Categorical.entropy", backward(torch_categorical), t),
        ],
        "float32, log p of a target": [
            ("libentropy.torch.selective_log_softmax", chosen, t),
            ("torch: log_softmax", chosen_log_softmax, t),
        ],
    }
    for title, forms in groups.items():
        times = {name: [] for name, _, _ in forms}
        for _ in range(9):
            for name, function, x in forms:
                begin = time.thread_time()
                function(x)
                times[name].append(time.thread_time() - begin)
        median = {name: statistics.median(of) for name, of in times.items()}
        columns = [title, "time", "ns per logit"] + ["worst relative error"] * (title in truth)
        print(f"\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
        for name, function, x in forms:
            cells = [name, f"{median[name] / median[forms[0][0]]:.2f}", f"{1e9 * median[name] / z.size:.2f}"]
            if title in truth:
                H = torch.as_tensor(function(x)).double().numpy()
                cells.append(f"{float(np.max(abs(H - truth[title]) / truth[title])):.1e}")
            print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
