"""What the deep peers of the metanetwork share: how they see a model, and how they are trained.

A peer reads weights only. It sees a model as its 16 filters, ``[16, 256]``, *standardised*: the
weights at each of the 256 inputs have mean 0 and standard deviation 1 over all filters of the
models that fit the peer. Filters have no order, so all 16 share the same statistics.

A :class:`Network` turns filters into an embedding and says its loss; a :class:`DeepRepresentation`
is the scikit-learn transformer around it. Training is a given number of steps of Adam with a
learning rate that falls to zero on half a cosine, in shuffled batches. All randomness comes from
``seed``; the global random state is left as it was. The result is the same to the last bit on the
same number of threads.
"""

import math
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from metanet_lib.zoo import checked_encoders, finite


class Network(nn.Module):
    """A network over the filters of models; see the modules that define one.

    Examples
    --------
    >>> class Mean(Network):
    ...     def encode(self, filters):
    ...         return filters.mean(1)
    >>> Mean().encode(torch.rand(5, 16, 256)).shape
    torch.Size([5, 256])
    """

    def encode(self, filters: Tensor) -> Tensor:
        """Return the embeddings ``[m, d]`` of standardised filters ``[m, 16, 256]``."""
        raise NotImplementedError

    def loss(self, filters: Tensor, labels: Tensor) -> Tensor:
        """Return the training loss of a batch; ``labels`` ``[m]`` are for supervised ones only."""
        raise NotImplementedError

    def error(self, filters: Tensor) -> Tensor:
        """Return the mean squared error of models that are rebuilt; supervised ones have none."""
        raise NotImplementedError


class DeepRepresentation(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encoders ``[m, 256, 16]`` to embeddings ``[m, d]``, by a network trained on ``fit``.

    A subclass has the parameters ``steps``, ``batch_size``, ``learning_rate``, ``weight_decay``
    and ``seed`` beside its own, and builds its network.

    Attributes
    ----------
    model_
        The trained :class:`Network`, in evaluation mode.
    mean_, scale_
        Of the standardisation, ``[256]``.
    loss_
        Mean squared error between the standardised weights of the models that fit and what comes
        back from their embeddings, after training: the label-free measure by which the paper
        chooses a seed. A supervised one has none.

    Examples
    --------
    >>> from metanet_lib.representations.sets import SetAutoencoder
    >>> peer = SetAutoencoder(steps=1).fit(encoders)
    >>> isinstance(peer, DeepRepresentation), peer.transform(encoders).shape
    (True, (24, 192))
    """

    supervised = False
    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    seed: int

    def _network(self, n_labels: int) -> Network:
        raise NotImplementedError

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Train on encoders, float32 ``[m, 256, 16]``; only a supervised one looks at ``y``.

        Raises
        ------
        ValueError
            If the encoders have another shape or hold values that are not finite, or a supervised
            one gets no labels.
        FloatingPointError
            If the loss stops being finite.
        """
        filters = _filters(finite(X))
        labels = torch.zeros(len(filters), dtype=torch.long)
        n_labels = 0
        if self.supervised:
            if y is None:
                raise ValueError(f"{type(self).__name__} is supervised: fit(X, y) needs labels")
            names, indices = np.unique(np.asarray(y), return_inverse=True)
            labels, n_labels = torch.from_numpy(indices), len(names)
        every = filters.flatten(0, 1)
        self.mean_, self.scale_ = every.mean(0).numpy(), every.std(0).clamp_min(1e-8).numpy()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.seed)
            self.model_ = self._network(n_labels)
            self._train(self._standardised(filters), labels)
        if not self.supervised:
            self.loss_ = self._error(filters)
        return self

    @torch.no_grad()
    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings, float32 ``[m, d]``."""
        check_is_fitted(self)
        chunks = self._standardised(_filters(X)).split(64)
        embeddings: np.ndarray = torch.cat([self.model_.encode(c) for c in chunks]).numpy()
        return embeddings

    def _standardised(self, filters: Tensor) -> Tensor:
        return (filters - torch.from_numpy(self.mean_)) / torch.from_numpy(self.scale_)

    @torch.no_grad()
    def _error(self, filters: Tensor) -> float:
        chunks = self._standardised(filters).split(64)
        return sum(len(c) * self.model_.error(c).item() for c in chunks) / len(filters)

    def _train(self, filters: Tensor, labels: Tensor) -> None:
        model = self.model_.train()
        adam = torch.optim.AdamW(
            model.parameters(), self.learning_rate, weight_decay=self.weight_decay, fused=True
        )
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, self.steps)
        some = batches(len(filters), self.batch_size)
        for step in range(self.steps):
            batch = next(some)
            loss = model.loss(filters[batch], labels[batch])
            if not math.isfinite(loss.item()):
                raise FloatingPointError(
                    f"{type(self).__name__}, seed {self.seed}: the loss is {loss.item()} in step "
                    f"{step + 1} of {self.steps}; try a smaller learning_rate"
                )
            adam.zero_grad()
            loss.backward()
            adam.step()
            falling.step()
        model.eval()


def batches(models: int, size: int, generator: torch.Generator | None = None) -> Iterator[Tensor]:
    """Yield shuffled batches of indices without end, each model once before any comes again.

    Examples
    --------
    >>> few = batches(models=5, size=3)
    >>> sorted(torch.cat([next(few), next(few)]).tolist())
    [0, 1, 2, 3, 4]
    """
    while True:
        yield from torch.randperm(models, generator=generator).split(size)


def _filters(encoders: np.ndarray) -> Tensor:
    """Return the filters ``[m, 16, 256]`` of encoders ``[m, 256, 16]``, float32."""
    checked = np.ascontiguousarray(checked_encoders(encoders).transpose(0, 2, 1), np.float32)
    return torch.from_numpy(checked)
