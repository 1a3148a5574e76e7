"""For llama-cpp-python: logits processors that watch the entropy of every generated token, and act on it.

watch = EntropyRecorder()
llm.create_completion("Once upon a time", logits_processor=llama_cpp.LogitsProcessorList([watch]))
print(watch.entropy)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._calls import stats


class EntropyRecorder:
    """Records entropy and varentropy, in nats and nats^2, of the distribution that each generated token was drawn from.

    Processors see the logits before the sampler does: the values are those at temperature 1 over the whole vocabulary.
    """

    def __init__(self) -> None:
        self.entropy: list[float] = []
        self.varentropy: list[float] = []

    def __call__(self, input_ids: NDArray[np.intc], scores: NDArray[np.single]) -> NDArray[np.single]:
        # llama-cpp-python gives one field of an array of records, whose logits are not side by side.
        H, V = stats(np.ascontiguousarray(scores, np.float32), "entropy", "varentropy")
        self.entropy.append(float(H))
        self.varentropy.append(float(V))
        return scores


class EntropyTemperature(EntropyRecorder):
    """A sampler's temperature that follows the entropy: low where the model is sure, high where it is open.

    The temperature rises linearly from `low`, at entropy 0, to `high`, at `high_at` nats and above. Generate with
    ``temperature=1``, which leaves the logits as this has made them. The temperatures are recorded, too.
    """

    def __init__(self, low: float = 0.2, high: float = 1.0, high_at: float = 3.0) -> None:
        super().__init__()
        if not (0 < low <= high < np.inf and 0 < high_at < np.inf):
            raise ValueError(f"low {low}, high {high}, high_at {high_at}: 0 < low <= high and 0 < high_at must hold")
        self.low, self.high, self.high_at = low, high, high_at
        self.temperature: list[float] = []

    def __call__(self, input_ids: NDArray[np.intc], scores: NDArray[np.single]) -> Any:
        super().__call__(input_ids, scores)
        H = self.entropy[-1]
        # Where there is no entropy (no token is left, or a logit is NaN) the logits are passed on as they are.
        T = 1.0 if np.isnan(H) else self.low + (self.high - self.low) * min(H / self.high_at, 1.0)
        self.temperature.append(T)
        return scores / np.float32(T)
