"""Hyper-representations: transformers that read weights as tokens, and need no labels.

Two of a family, which share their parts here. Both read a model as 16 tokens, one filter each, with
a learned position; both see two *views* of every model of a batch, its filters permuted and a
little spoilt; and both lower

    gamma * contrast + (1 - gamma) * reconstruction,

where the contrast is NT-Xent (Chen et al. 2020): of all views of a batch, the two of one model
shall be closest. A view is reconstructed in its own order, and without what spoilt it. Neither is
invariant under the order of filters by construction; the views teach it, more or less.

- :class:`HyperRepresentation` (Schürholt et al. 2021): the transformer's output at an extra
  *compression token* is squeezed to the embedding of the model, and the decoder spreads it over
  16 positions again. Views are spoilt by erasing a block of weights at random.
- :class:`SANE` (Schürholt et al. 2024), its successor: each token keeps an embedding of its own,
  from which it is decoded; the embedding of a model is the mean of its tokens'. Views are spoilt by
  multiplicative noise; one of the two keeps its filters in the order in which they came.

SANE's models are first put in one order of filters, as its authors do: see
:class:`~metanet_lib.representations.weights.AlignedWeights`; so it is invariant after all.

Not as in the papers, for both: one transformer layer and tokens 64 wide, where theirs have two to
eight layers and tokens 512 to 2,048 wide; batches of 32 models, theirs up to 500, so that a model
is contrasted with fewer others; no dropout; a learning rate that falls on half a cosine; a
projection head of two layers; weights standardised by place. For the hyper-representation: the
erased block lies within the row of a model's 4096 weights. For SANE: the projection head reads the
mean of the tokens (theirs: all of them in a row); a filter is one token, and all 16 make one
window, so that the position of a token is one number (SANE cuts large layers into tokens of equal
size, numbers them by place, layer and place in the layer, and trains on random windows of long
sequences).
"""

from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from metanet_lib.representations.deep import DeepRepresentation, Network
from metanet_lib.representations.weights import AlignedWeights
from metanet_lib.zoo import CODES, INPUTS, finite


def transformer(width: int, heads: int, layers: int) -> nn.TransformerEncoder:
    """Return a small transformer over tokens ``[m, t, width]``, normalised first.

    Examples
    --------
    >>> transformer(width=8, heads=2, layers=1)(torch.rand(5, 16, 8)).shape
    torch.Size([5, 16, 8])
    """
    layer = nn.TransformerEncoderLayer(
        width, heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)


def positions(n: int, width: int) -> nn.Parameter:
    """Return learned positions ``[n, width]``.

    Examples
    --------
    >>> positions(16, 8).shape
    torch.Size([16, 8])
    """
    return nn.Parameter(0.02 * torch.randn(n, width))


def nt_xent(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Return the NT-Xent loss of two views ``[m, d]`` of ``m`` models (Chen et al. 2020).

    Examples
    --------
    >>> one, other = torch.eye(4), torch.eye(4)
    >>> bool(nt_xent(one, other, 0.1) < nt_xent(one, other.flip(0), 0.1))
    True
    """
    views = nn.functional.normalize(torch.cat([one, other]), dim=1)
    alike = (views @ views.T / temperature).fill_diagonal_(-torch.inf)
    partner = torch.arange(len(views)).roll(len(one))
    return nn.functional.cross_entropy(alike, partner)


def permuted(filters: Tensor) -> Tensor:
    """Return each model's filters ``[m, 16, 256]`` in a random order of its own.

    Examples
    --------
    >>> filters = torch.rand(2, 16, 256)
    >>> torch.equal(permuted(filters).sort(1).values, filters.sort(1).values)
    True
    """
    order = torch.rand(filters.shape[:2]).argsort(1)
    return filters.gather(1, order[..., None].expand_as(filters))


def erased(
    filters: Tensor, probability: float = 0.5, least: float = 0.02, most: float = 0.33
) -> Tensor:
    """Return filters with, in half of the models, one run of weights set to zero.

    A run is between ``least`` and ``most`` of a model's weights long.

    Examples
    --------
    >>> bool((erased(torch.ones(2, 16, 256), probability=1.0) == 0).any())
    True
    """
    m, total = len(filters), filters[0].numel()
    length = torch.empty(m).uniform_(least, most).mul(total)
    begin = torch.rand(m) * (total - length)
    place = torch.arange(total)
    hit = (place >= begin[:, None]) & (place < (begin + length)[:, None])
    hit &= torch.rand(m, 1) < probability
    return filters.masked_fill(hit.view_as(filters), 0.0)


def noisy(filters: Tensor, share: float = 0.1) -> Tensor:
    """Return filters whose weights each are larger or smaller by about ``share`` of themselves.

    Examples
    --------
    >>> bool((noisy(torch.ones(2, 16, 256)) - 1).abs().mean() < 0.2)
    True
    """
    return filters * (1 + share * torch.randn_like(filters))


class TokenNetwork(Network):
    """What both have in common: tokens in, tokens out, a projection head, the loss.

    Examples
    --------
    >>> network = HyperNetwork(16, 8, 2, 1, 0.5, 0.1)
    >>> isinstance(network, TokenNetwork), network.encode(torch.rand(5, 16, 256)).shape
    (True, torch.Size([5, 16]))
    """

    def __init__(
        self, embedding: int, width: int, heads: int, layers: int, gamma: float, temperature: float
    ) -> None:
        super().__init__()
        self.gamma, self.temperature = gamma, temperature
        self.token = nn.Linear(INPUTS, width)
        self.reader = transformer(width, heads, layers)
        self.squeeze = nn.Linear(width, embedding)
        self.spread = nn.Linear(embedding, width)
        self.writer_positions = positions(CODES, width)
        self.writer = transformer(width, heads, layers)
        self.filter = nn.Linear(width, INPUTS)
        self.projection = nn.Sequential(
            nn.Linear(embedding, width), nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, width)
        )

    def latent(self, filters: Tensor) -> Tensor:
        """Return what the decoder starts from, ``[m, t, embedding]``: one token, or all 16."""
        raise NotImplementedError

    def views(self, filters: Tensor) -> tuple[Tensor, Tensor]:
        """Return two permuted views of filters ``[m, 16, 256]``, not yet spoilt."""
        raise NotImplementedError

    def spoilt(self, filters: Tensor) -> Tensor:
        """Return a spoilt view."""
        raise NotImplementedError

    def encode(self, filters: Tensor) -> Tensor:
        """Return the embeddings ``[m, embedding]``."""
        return self.latent(filters).mean(1)

    def decode(self, latent: Tensor) -> Tensor:
        """Return filters ``[m, 16, 256]``."""
        out: Tensor = self.filter(self.writer(self.spread(latent) + self.writer_positions))
        return out

    def loss(self, filters: Tensor, labels: Tensor) -> Tensor:
        """Return contrast and reconstruction of two views, weighed by ``gamma``."""
        target = torch.cat(self.views(filters))
        latent = self.latent(self.spoilt(target))
        one, other = self.projection(latent.mean(1)).chunk(2)
        contrast = nt_xent(one, other, self.temperature)
        reconstruction = nn.functional.mse_loss(self.decode(latent), target)
        return self.gamma * contrast + (1 - self.gamma) * reconstruction

    def error(self, filters: Tensor) -> Tensor:
        """Return the reconstruction's error alone, of models in the order they came, unspoilt."""
        return nn.functional.mse_loss(self.decode(self.latent(filters)), filters)


class HyperNetwork(TokenNetwork):
    """A compression token reads the model; see :class:`HyperRepresentation`.

    Examples
    --------
    >>> HyperNetwork(16, 8, 2, 1, 0.5, 0.1).encode(torch.rand(5, 16, 256)).shape
    torch.Size([5, 16])
    """

    def __init__(
        self, embedding: int, width: int, heads: int, layers: int, gamma: float, temperature: float
    ) -> None:
        super().__init__(embedding, width, heads, layers, gamma, temperature)
        self.compression = positions(1, width)
        self.reader_positions = positions(CODES, width)

    def latent(self, filters: Tensor) -> Tensor:
        """Return the output at the compression token, squeezed, ``[m, 1, embedding]``."""
        tokens = self.token(filters) + self.reader_positions
        compression = self.compression.expand(len(filters), 1, -1)
        read = self.reader(torch.cat([compression, tokens], 1))
        return torch.tanh(self.squeeze(read[:, :1]))

    def views(self, filters: Tensor) -> tuple[Tensor, Tensor]:
        """Return two views, each in an order of its own."""
        return permuted(filters), permuted(filters)

    def spoilt(self, filters: Tensor) -> Tensor:
        """Return filters with a run of weights erased."""
        return erased(filters)


class SANENetwork(TokenNetwork):
    """Each token keeps its embedding; see :class:`SANE`.

    Examples
    --------
    >>> SANENetwork(16, 8, 2, 1, 0.5, 0.1).latent(torch.rand(5, 16, 256)).shape[0]
    5
    """

    def __init__(
        self, embedding: int, width: int, heads: int, layers: int, gamma: float, temperature: float
    ) -> None:
        super().__init__(embedding, width, heads, layers, gamma, temperature)
        self.reader_positions = positions(CODES, width)

    def latent(self, filters: Tensor) -> Tensor:
        """Return the embedding of every token, ``[m, 16, embedding]``."""
        out: Tensor = self.squeeze(self.reader(self.token(filters) + self.reader_positions))
        return out

    def views(self, filters: Tensor) -> tuple[Tensor, Tensor]:
        """Return one view in an order of its own, and one as it came."""
        return permuted(filters), filters

    def spoilt(self, filters: Tensor) -> Tensor:
        """Return filters with multiplicative noise."""
        return noisy(filters)


class HyperRepresentation(DeepRepresentation):
    """The hyper-representation of Schürholt et al. (2021). Unsupervised.

    Parameters
    ----------
    embedding
        Numbers for a model; 1,200 is theirs for models of 4,970 weights.
    width, heads, layers
        Of the tokens, and of the two transformers.
    gamma
        Weight of the contrast; the rest is reconstruction.
    temperature
        Of the contrast.
    steps, batch_size, learning_rate, weight_decay, seed
        Of the training.

    Examples
    --------
    >>> HyperRepresentation(width=8, heads=2, steps=1).fit(encoders).transform(encoders).shape
    (24, 1200)
    """

    network: type[TokenNetwork] = HyperNetwork

    def __init__(
        self,
        embedding: int = 1200,
        width: int = 64,
        heads: int = 4,
        layers: int = 1,
        gamma: float = 0.5,
        temperature: float = 0.1,
        steps: int = 10_000,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.embedding = embedding
        self.width = width
        self.heads = heads
        self.layers = layers
        self.gamma = gamma
        self.temperature = temperature
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.seed = seed

    def _network(self, n_labels: int) -> Network:
        return self.network(
            self.embedding, self.width, self.heads, self.layers, self.gamma, self.temperature
        )


class SANE(HyperRepresentation):
    """Its token-wise successor, SANE (Schürholt et al. 2024). Unsupervised; parameters as there.

    The defaults of ``embedding`` and ``gamma`` are that paper's.

    Attributes
    ----------
    order_
        What puts the filters of every model in one order.

    Examples
    --------
    >>> SANE(width=8, heads=2, steps=1).fit(encoders).transform(encoders).shape
    (24, 128)
    """

    network = SANENetwork

    def __init__(
        self,
        embedding: int = 128,
        width: int = 64,
        heads: int = 4,
        layers: int = 1,
        gamma: float = 0.05,
        temperature: float = 0.1,
        steps: int = 10_000,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            embedding,
            width,
            heads,
            layers,
            gamma,
            temperature,
            steps,
            batch_size,
            learning_rate,
            weight_decay,
            seed,
        )

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Put the models in one order, and train; errors as for the other."""
        self.order_ = AlignedWeights(seed=self.seed).fit(finite(X))
        super().fit(self._in_order(X), y)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings, float32 ``[m, d]``."""
        check_is_fitted(self)
        return super().transform(self._in_order(X))

    def _in_order(self, encoders: np.ndarray) -> np.ndarray:
        ordered: np.ndarray = self.order_.transform(encoders)
        return ordered.reshape(encoders.shape)
