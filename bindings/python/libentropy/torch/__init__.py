"""Entropy of logits in PyTorch: differentiable, for CPU tensors of float32, float16 and bfloat16.

`entropy` and `stats` are the calls; `entropy_from_logits`, `selective_log_softmax` and `Categorical` stand in for those
of TRL, verl and torch.distributions; `vocab_parallel_entropy` takes a vocabulary that is sharded over processes.
"""

from ._calls import Stats, entropy, stats
from ._replacements import Categorical, entropy_from_logits, selective_log_softmax
from ._vocab_parallel import vocab_parallel_entropy

__all__ = [
    "Categorical",
    "Stats",
    "entropy",
    "entropy_from_logits",
    "selective_log_softmax",
    "stats",
    "vocab_parallel_entropy",
]
