"""What the results should be, in 80-bit arithmetic, and the bounds that include/entropy.h states."""

import numpy as np


def softmax_logs(logits, temperature=1.0):
    """log p of one row, and its largest logit apart."""
    z = np.asarray(logits).astype(np.longdouble) / np.longdouble(temperature)
    d = z - z.max()
    rest = np.exp(d).sum()
    return d - np.log(rest), z.max() + np.log(rest)


def row(logits, temperature=1.0, target=0):
    """The results of one row, as a dictionary. Largest logit apart, so that nothing cancels in a row that is sure."""
    given = np.asarray(logits).astype(np.longdouble)
    z = given / np.longdouble(temperature)
    top = z.max()
    ties, d = (z == top).sum(), (z - top)[(z < top) & (z > -np.inf)]
    r, w = np.exp(d).sum(), (d * np.exp(d)).sum()
    log_total = np.log(np.longdouble(ties)) + np.log1p(r / ties)
    H = log_total - w / (ties + r)
    kept = z > -np.inf
    log_p = (z - top) - log_total
    p = np.exp(log_p)
    return {
        "entropy": H,
        "varentropy": (p[kept] * (log_p[kept] + H) ** 2).sum(),
        "logsumexp": top + log_total,
        "max_logit": given.max(),
        "max_logprob": -log_total,
        "target_logprob": log_p[target],
        "argmax": int(given.argmax()),
        "support": int(kept.sum()),
    }


def relative(x):
    return abs(x) * (4e-7 + 7e-8 * abs(np.log(abs(x)))) if x != 0 else 0


def ulp(x):
    return np.spacing(np.float32(abs(x)))


def assert_close(name, got, expected, times=1):
    """Within the bound of the header, `times` over; expected is the whole dictionary of one row. NaN is never close."""
    want = expected[name]
    H, top, lse = expected["entropy"], expected["max_logprob"], expected["logsumexp"]
    bound = {
        "entropy": relative(H),
        "max_logprob": relative(top),
        "varentropy": 2e-6 * (expected["varentropy"] + (H + top) ** 2),
        "logsumexp": ulp(max(abs(lse), abs(lse + top))) + 4e-7,
        "target_logprob": relative(top) + ulp(want),
        "max_logit": 0,
        "argmax": 0,
        "support": 0,
    }[name]
    assert abs(np.longdouble(got) - want) <= times * bound, f"{name}: {got}, expected {want}"


def gradient(logits, entropy=0.0, logsumexp=0.0, target_logprob=0.0, target=0, temperature=1.0):
    """The gradient of one row, in 80-bit arithmetic."""
    log_p, _ = softmax_logs(logits, temperature)
    p = np.exp(log_p)
    finite = np.where(np.isinf(log_p), 0, log_p)
    H = -(p * finite).sum()
    one_hot = np.arange(len(p)) == target
    return (-entropy * p * (finite + H) + logsumexp * p + target_logprob * (one_hot - p)) / np.longdouble(temperature)
