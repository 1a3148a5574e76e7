"""What others have under these names, in one sweep and without temporaries."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.distributions.utils import lazy_property, probs_to_logits

from ._calls import entropy, stats


def entropy_from_logits(logits: Tensor, chunk_size: int | None = None) -> Tensor:
    """The entropy along the last axis, as of TRL's and verl's functions of this name.

    The result is float32 whatever the logits are. `chunk_size` is taken and not needed: there are no temporaries.
    """
    return entropy(logits)


def selective_log_softmax(logits: Tensor, index: Tensor) -> Tensor:
    """log_softmax(logits)[index] along the last axis, as of TRL's function of this name.

    index : int64 [...], or [..., k] for k tokens of each row, each of which takes a sweep. The result is float32.
    """
    if index.ndim == logits.ndim - 1:
        return _logprob(logits, index)
    return torch.stack([_logprob(logits, token) for token in index.unbind(-1)], dim=-1)


def _logprob(logits: Tensor, target: Tensor) -> Tensor:
    logprob = stats(logits, target).target_logprob
    assert logprob is not None
    return logprob


class Categorical(torch.distributions.Categorical):
    """torch.distributions.Categorical whose entropy and log_prob take one sweep over the logits it was given.

    They are float32. `logits` and `probs`, which need temporaries of the size of the logits, are made when first used,
    such as by `sample`. Masked tokens may have logit -inf.
    """

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        if logits is None or probs is not None:
            super().__init__(probs=probs, logits=logits, validate_args=validate_args)
            self.given = probs_to_logits(self.probs)
            return
        if logits.dim() < 1:
            raise ValueError("`logits` parameter must be at least one-dimensional.")
        self.given = self._param = logits
        self._num_events = logits.shape[-1]
        Distribution.__init__(self, logits.shape[:-1], validate_args=validate_args)
        if self._validate_args and torch.isnan(entropy(logits.detach())).any():
            raise ValueError("logits contain NaN or +inf, or a row has no token above -inf")

    @lazy_property
    def logits(self) -> Tensor:
        """log p."""
        return self.given.log_softmax(dim=-1)

    @lazy_property
    def probs(self) -> Tensor:
        """p."""
        return self.given.softmax(dim=-1)

    def expand(self, batch_shape, _instance=None):
        new = type(self)(logits=self.given.expand(*batch_shape, self._num_events), validate_args=False)
        new._validate_args = self._validate_args
        return new

    def entropy(self) -> Tensor:
        return entropy(self.given)

    def log_prob(self, value: Tensor) -> Tensor:
        if value.shape != self.batch_shape:  # several samples of each row
            return super().log_prob(value)
        if self._validate_args:
            self._validate_sample(value)
        return _logprob(self.given, value.long())
