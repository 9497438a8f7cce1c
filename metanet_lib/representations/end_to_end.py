"""From the paper's metanetwork to one that knows what a model does, step by step (section 5.2).

Section 5.2 of the paper asks for one optimisation of the whole, without sorting, by a loss that
knows what a model can do. :class:`EndToEnd` trains such metanetworks, each a step on from the one
before it, with the paper's convolutions and Adam:

``joint``
    The paper's two parts, trained as one. Filters are sorted as there; the loss is that of the
    weights.
``set``
    No sorting. What the convolutions give of each filter is pooled over the filters, by mean and
    maximum, and 16 filters are decoded, each compared with the one that matches it best. A filter
    has 32 numbers without a ReLU, in place of 3 with one.
``functional``
    The loss compares what two encoders do: ``||P - P'||²`` of the projectors on their column
    spaces, which no mixing of filters changes.
``task``
    The loss is how badly the decoded model encodes patches of the dataset that the model was
    trained on: the share of their variance that the best linear decoder leaves. Patches are seen
    in fitting only.
"""

import math
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from torch import Tensor, nn

from metanet_lib.metanetwork import (
    MetaAutoencoder,
    MetanetworkParameters,
    compiled,
    initialise,
)
from metanet_lib.metanetwork.autoencoders import UnitwiseAutoencoder, filters_of
from metanet_lib.metanetwork.training import in_chunks
from metanet_lib.representations.deep import batches
from metanet_lib.representations.sets import matched_error
from metanet_lib.zoo import CODES, INPUTS, checked_encoders, finite

KINDS = ("joint", "set", "functional", "task")
"""The metanetworks, each a step on from the one before."""

_RIDGE = 1e-9
"""Beside squared singular values of columns, whose sum is 1."""


class EndToEnd(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A metanetwork trained as one: encoders ``[m, 256, 16]`` to ``[m, 16]`` and back.

    Parameters
    ----------
    kind
        Of :data:`KINDS`.
    parameters
        The paper's shape and Adam.
    steps
        Of the training.
    width
        Numbers for a filter before they are pooled.
    seed
        Seed of initial weights and order.

    Attributes
    ----------
    model_
        The trained network.
    loss_
        Its loss on the models that fit, by which the paper's rule chooses a seed.

    Examples
    --------
    >>> few = MetanetworkParameters(channels=(2,))
    >>> joint = EndToEnd("joint", few, steps=1).fit(encoders)
    >>> joint.transform(encoders).shape, joint.inverse_transform(joint.transform(encoders)).shape
    ((24, 16), (24, 256, 16))
    """

    def __init__(
        self,
        kind: str,
        parameters: MetanetworkParameters,
        steps: int = 1_000,
        width: int = 32,
        seed: int = 0,
    ) -> None:
        self.kind = kind
        self.parameters = parameters
        self.steps = steps
        self.width = width
        self.seed = seed

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on encoders ``[m, 256, 16]``; labels are not looked at.

        The kind ``task`` takes the tuple of encoders and of patches of each model's dataset,
        ``[m, n, 256]``.

        Raises
        ------
        ValueError
            If the kind is none of :data:`KINDS`, or the encoders have another shape or hold values
            that are not finite.
        FloatingPointError
            If the loss stops being finite.
        """
        if self.kind not in KINDS:
            raise ValueError(f"expected a kind of {', '.join(KINDS)}, found {self.kind!r}")
        encoders, samples = X if self.kind == "task" else (X, None)
        models = torch.from_numpy(finite(encoders).astype(np.float32, copy=False))
        patches = None if samples is None else torch.from_numpy(samples)
        p, generator = self.parameters, torch.Generator().manual_seed(self.seed)
        self.model_ = Joint(p) if self.kind == "joint" else OfSets(p, self.width)
        initialise(self.model_, generator)
        adam = torch.optim.Adam(
            self.model_.parameters(), p.learning_rate, p.adam_betas, p.adam_epsilon, fused=True
        )
        self.model_.train()
        some = batches(len(models), p.batch_size, generator)
        unitwise = self.model_.unitwise
        with compiled(unitwise.encoder, unitwise.decoder):
            for step in range(self.steps):
                loss = self._loss(models, patches, next(some))
                if not math.isfinite(loss.item()):
                    raise FloatingPointError(
                        f"the {self.kind} metanetwork, seed {self.seed}: the loss is {loss.item()} "
                        f"in step {step + 1} of {self.steps}; try a smaller learning_rate"
                    )
                adam.zero_grad(set_to_none=False)
                loss.backward()
                adam.step()
        self.model_.eval()
        with torch.no_grad():
            chunks = torch.arange(len(models)).split(64)
            total = sum(len(c) * self._loss(models, patches, c).item() for c in chunks)
        self.loss_ = total / len(models)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the codes ``[m, 16]`` of encoders ``[m, 256, 16]``."""
        return in_chunks(self.model_.encode, checked_encoders(X))

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Return the encoders ``[m, 256, 16]`` that codes ``[m, 16]`` stand for."""
        return in_chunks(self.model_.decode, X)

    def _loss(self, models: Tensor, patches: Tensor | None, batch: Tensor) -> Tensor:
        of_batch = models[batch]
        if isinstance(self.model_, Joint):
            return self.model_.loss(of_batch)
        decoded = self.model_.decode(self.model_.encode(of_batch))
        if self.kind == "set":
            return matched_error(decoded.transpose(1, 2), of_batch.transpose(1, 2))
        if self.kind == "functional":
            return projection_error(decoded, of_batch)
        assert patches is not None
        return encoding_error(decoded, patches[batch])


class Joint(MetaAutoencoder):
    """The paper's metanetwork with a loss of the whole.

    Examples
    --------
    >>> Joint(MetanetworkParameters()).loss(torch.rand(3, 256, 16)).ndim
    0
    """

    def loss(self, encoders: Tensor) -> Tensor:
        """Return the mean squared error between sorted filters and what comes back of them."""
        embedded = self.embed_filters(encoders)
        order = self.order(embedded)[..., None]
        code = self.interunit.encoder(embedded.gather(1, order.expand_as(embedded)).flatten(1))
        filters = filters_of(encoders).view(len(encoders), CODES, INPUTS)
        in_order = filters.gather(1, order.expand_as(filters))
        return nn.functional.mse_loss(self.decode(code).transpose(1, 2), in_order)


class OfSets(nn.Module):
    """The same convolutions for each filter, and a pooling that does not see their order.

    Examples
    --------
    >>> network = OfSets(MetanetworkParameters(), width=8).eval()
    >>> code = network.encode(torch.from_numpy(encoders))
    >>> torch.allclose(code, network.encode(torch.from_numpy(encoders).flip(2)), atol=1e-5)
    True
    """

    def __init__(self, p: MetanetworkParameters, width: int) -> None:
        super().__init__()
        shape = {**p.as_dict(), "filter_embedding": width, "embedding_activation": "linear"}
        self.unitwise = UnitwiseAutoencoder(MetanetworkParameters.of(shape))
        self.pooled = nn.Linear(2 * width, p.embedding)
        self.filters = nn.Linear(p.embedding, CODES * width)

    def encode(self, encoders: Tensor) -> Tensor:
        """Return the codes ``[m, 16]`` of encoders ``[m, 256, 16]``."""
        embedded = self.unitwise.encoder(filters_of(encoders)).view(len(encoders), CODES, -1)
        code: Tensor = self.pooled(torch.cat([embedded.mean(1), embedded.amax(1)], 1))
        return code

    def decode(self, codes: Tensor) -> Tensor:
        """Return encoders ``[m, 256, 16]`` of codes ``[m, 16]``, in an order of its own."""
        filters: Tensor = self.unitwise.decoder(self.filters(codes).view(len(codes) * CODES, -1))
        return filters.view(-1, CODES, INPUTS).transpose(1, 2)


def projection_error(decoded: Tensor, encoders: Tensor) -> Tensor:
    """Return the mean of ``||P - P'||²`` over models, as a share of its greatest value, 32.

    Examples
    --------
    >>> models, mixing = torch.rand(3, 256, 16), torch.rand(16, 16)
    >>> bool(projection_error(models @ mixing, models) < 1e-3)
    True
    """
    return 1 - _spanned(decoded, torch.linalg.qr(encoders).Q).mean()


def encoding_error(decoded: Tensor, patches: Tensor) -> Tensor:
    """Return the share of patches' variance that the best linear decoder leaves, mean over models.

    Parameters
    ----------
    decoded
        Encoders ``[m, 256, 16]``.
    patches
        ``[m, n, 256]``, of each model's dataset.

    Examples
    --------
    >>> patches = torch.rand(3, 64, 16) @ torch.rand(3, 16, 256)
    >>> bool(encoding_error(torch.linalg.pinv(patches)[..., :16], patches) < 1)
    True
    """
    centred = patches - patches.mean(1, keepdim=True)
    return 1 - _spanned(centred @ decoded, centred).mean()


def _spanned(columns: Tensor, target: Tensor) -> Tensor:
    """Return the share of ``target [m, n, t]`` in the span of ``columns [m, n, 16]``, ``[m]``.

    A ridge, so small that it changes no result, lets columns be alike: at first some are.
    """
    columns, target = columns.double(), target.double()
    columns = columns / columns.norm(dim=(1, 2), keepdim=True).clamp_min(1e-12)
    inner = columns.transpose(1, 2) @ columns + _RIDGE * torch.eye(CODES)
    with_target = columns.transpose(1, 2) @ target
    in_span = (with_target * torch.linalg.solve(inner, with_target)).sum((1, 2))
    share: Tensor = in_span / target.square().sum((1, 2))
    return share
