"""The Shannon entropy of language-model logits, its relatives and its gradient, in one sweep on the CPU.

>>> import numpy as np, libentropy
>>> libentropy.entropy(np.array([[2, 1, 0.5, 0.3], [20, 0, 0, 0]], np.float32))
array([1.1442657e+00, 1.2985268e-07], dtype=float32)

`libentropy.torch`, `libentropy.dask` and `libentropy.llama` have what belongs to those libraries.
"""

from ._calls import entropy, gradient, merge_states, states, stats, stats_of_states
from ._library import isa, num_threads, set_isa, set_num_threads, state_dtype, version
from ._state import State

__version__ = version()
__all__ = [
    "State",
    "entropy",
    "gradient",
    "isa",
    "merge_states",
    "num_threads",
    "set_isa",
    "set_num_threads",
    "state_dtype",
    "states",
    "stats",
    "stats_of_states",
    "version",
]
