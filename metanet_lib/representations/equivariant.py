"""Equivariant networks over weights: what the order of filters cannot change, they cannot see.

After DWSNets (Navon et al. 2023) and NFN (Zhou et al. 2023), which give the linear maps between
weight spaces that commute with permuting hidden units. The weight space here is one matrix: its
256 inputs are the places of a patch and keep theirs, its 16 units may be permuted. All linear maps
that commute with that are those of Deep Sets (Zaheer et al. 2017), with a filter for an element:

    each filter:  A (this filter) + B (mean of all filters) + bias,

and what is invariant is a pooling over filters. So these are layers of both papers, in the one case
of this book; :class:`EquivariantLinear` is that map.

Two representations, on the same equivariant encoder, whose pooled features (mean and maximum over
filters) a dense layer makes an embedding:

- :class:`EquivariantClassifier`, **supervised**: it is trained to name the dataset; the embedding
  is the layer before the last. It says how much the weights tell to someone who is told what to
  look for.
- :class:`EquivariantAutoencoder`, unsupervised: a model's embedding, together with a few numbers
  for each filter (3, as many as the paper's unit-wise encoder gives, section 4.3.1), must give each
  filter back, through equivariant layers again. So the embedding holds what the filters of a model
  share, and no matching of filters is needed.

Not as in the papers: the layers alone are theirs. The autoencoder is ours, since they train with
labels, or contrast. No attention, no normalisation between layers, fewer layers, Adam's learning
rate falls on half a cosine, filters are standardised, and the classifier sees them with noise. A
model's embedding is 64 numbers. The library of NFN's
authors (``nfn`` 0.1.2 on PyPI) is not used: its layer that keeps inputs in place needs two matrices
or more, each with a bias, and this weight space has one matrix and none; the layer that is needed
is two lines here.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from metanet_lib.representations.deep import DeepRepresentation, Network
from metanet_lib.zoo import INPUTS


class EquivariantLinear(nn.Module):
    """The linear maps ``[m, 16, inputs]`` to ``[m, 16, outputs]`` that commute with permutation.

    Examples
    --------
    >>> layer, units = EquivariantLinear(256, 8), torch.rand(5, 16, 256)
    >>> torch.allclose(layer(units.flip(1)), layer(units).flip(1), atol=1e-5)
    True
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.each = nn.Linear(inputs, outputs)
        self.all = nn.Linear(inputs, outputs, bias=False)

    def forward(self, units: Tensor) -> Tensor:
        """Return the mapped units."""
        out: Tensor = self.each(units) + self.all(units.mean(1, keepdim=True))
        return out


class EquivariantEncoder(nn.Module):
    """Filters ``[m, 16, 256]`` to features of each ``[m, 16, width]`` and an embedding of all.

    Examples
    --------
    >>> features, embedding = EquivariantEncoder(16, 32, 2)(torch.rand(5, 16, 256))
    >>> features.shape, embedding.shape
    (torch.Size([5, 16, 32]), torch.Size([5, 16]))
    """

    def __init__(self, embedding: int, width: int, layers: int) -> None:
        super().__init__()
        widths = [INPUTS] + [width] * layers
        self.layers = nn.ModuleList(EquivariantLinear(a, b) for a, b in pairwise(widths))
        self.pooled = nn.Linear(2 * width, embedding)

    def forward(self, filters: Tensor) -> tuple[Tensor, Tensor]:
        """Return features, equivariant, and embeddings ``[m, embedding]``, invariant."""
        units = filters
        for layer in self.layers:
            units = torch.relu(layer(units))
        return units, self.pooled(torch.cat([units.mean(1), units.amax(1)], 1))


class ClassifierNetwork(Network):
    """Names datasets; the embedding is what the last layer sees.

    Examples
    --------
    >>> network, labels = ClassifierNetwork(16, 32, 1, 0.1, 3), torch.tensor([0, 1, 2, 0, 1])
    >>> network.loss(torch.rand(5, 16, 256), labels) > 0
    tensor(True)
    """

    def __init__(
        self, embedding: int, width: int, layers: int, noise: float, n_labels: int
    ) -> None:
        super().__init__()
        self.noise = noise
        self.encoder = EquivariantEncoder(embedding, width, layers)
        self.last = nn.Linear(embedding, n_labels)

    def encode(self, filters: Tensor) -> Tensor:
        """Return the embeddings, as the last layer sees them."""
        out: Tensor = self.encoder(filters)[1]
        return out

    def loss(self, filters: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of the named datasets; the filters get some noise."""
        spoilt = filters + self.noise * torch.randn_like(filters)
        return nn.functional.cross_entropy(self.last(self.encode(spoilt)), labels)


class AutoencoderNetwork(Network):
    """Gives each filter back from a code of its own and the embedding of its model.

    Examples
    --------
    >>> AutoencoderNetwork(16, 3, 32, 1).reconstruct(torch.rand(5, 16, 256)).shape
    torch.Size([5, 16, 256])
    """

    def __init__(self, embedding: int, code: int, width: int, layers: int) -> None:
        super().__init__()
        self.encoder = EquivariantEncoder(embedding, width, layers)
        self.code = EquivariantLinear(width, code)
        self.decoder = nn.Sequential(
            EquivariantLinear(code + embedding, width),
            nn.ReLU(),
            EquivariantLinear(width, width),
            nn.ReLU(),
            EquivariantLinear(width, INPUTS),
        )

    def encode(self, filters: Tensor) -> Tensor:
        """Return the embeddings."""
        out: Tensor = self.encoder(filters)[1]
        return out

    def reconstruct(self, filters: Tensor) -> Tensor:
        """Return the filters ``[m, 16, 256]`` that come back, in the order they came."""
        units, embedding = self.encoder(filters)
        shared = embedding[:, None].expand(-1, units.shape[1], -1)
        out: Tensor = self.decoder(torch.cat([self.code(units), shared], 2))
        return out

    def loss(self, filters: Tensor, labels: Tensor) -> Tensor:
        """Return the mean squared error between filters and what comes back."""
        return self.error(filters)

    def error(self, filters: Tensor) -> Tensor:
        """Return the same."""
        return nn.functional.mse_loss(self.reconstruct(filters), filters)


class EquivariantClassifier(DeepRepresentation):
    """An equivariant network's layer before the last. Supervised: ``fit`` needs the dataset ids.

    Parameters
    ----------
    embedding
        Numbers for a model.
    width, layers
        Of the equivariant encoder.
    noise
        Standard deviation of noise on the standardised weights, in training.
    steps, batch_size, learning_rate, weight_decay, seed
        Of the training.

    Examples
    --------
    >>> EquivariantClassifier(steps=1).fit(zoo.encoders, zoo.datasets).transform(encoders).shape
    (24, 64)
    """

    supervised = True

    def __init__(
        self,
        embedding: int = 64,
        width: int = 256,
        layers: int = 1,
        noise: float = 0.5,
        steps: int = 10_000,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        seed: int = 0,
    ) -> None:
        self.embedding = embedding
        self.width = width
        self.layers = layers
        self.noise = noise
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.seed = seed

    def _network(self, n_labels: int) -> Network:
        return ClassifierNetwork(self.embedding, self.width, self.layers, self.noise, n_labels)


class EquivariantAutoencoder(DeepRepresentation):
    """The invariant embedding of an equivariant autoencoder. Unsupervised.

    Parameters
    ----------
    embedding
        Numbers for a model.
    code
        Further numbers for each filter, which help to give it back and are not in the embedding.
    width, layers
        Of the equivariant encoder.
    steps, batch_size, learning_rate, weight_decay, seed
        Of the training.

    Examples
    --------
    >>> EquivariantAutoencoder(steps=1).fit(encoders).transform(encoders).shape
    (24, 64)
    """

    def __init__(
        self,
        embedding: int = 64,
        code: int = 3,
        width: int = 64,
        layers: int = 2,
        steps: int = 10_000,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.embedding = embedding
        self.code = code
        self.width = width
        self.layers = layers
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.seed = seed

    def _network(self, n_labels: int) -> Network:
        return AutoencoderNetwork(self.embedding, self.code, self.width, self.layers)
