"""Black-box representations that learn from labels what to ask: ProbeGen and Know2Vec.

Both run models on inputs and look at no weight, and both are *supervised*: the dataset ids of the
models that fit shape them. They stand apart from the representations that are told nothing.

:class:`LearnedProbes` follows ProbeGen (Kahana et al. 2025): probes are not drawn but learned, as
the outputs of a generator that is deep yet linear, transposed convolutions without activation
between them, from learned latent codes; the linearity regularises. What the models answer is
classified by a head of six layers, and probes, generator and head are trained together, 150 epochs
by default, as theirs. The layer before the last is the embedding of a model. Not as in the paper:

- their head reads the answers in the order of the outputs, which mean the same in all their models.
  Units have no order here, so the answers of a unit are mapped linearly to a few features and the
  second moments of these over the 16 units are read, which do not depend on the order;
- the generator has three layers (theirs five or six), for probes of 16x16 pixels between 0 and 1;
- the answers of each unit are normalised over the probes before ReLU, as batch normalisation would.

:class:`Know2Vec` follows Shang et al. (2025): the knowledge of a black box lies in its decisions,
and decisions show at their boundaries. For some classes one takes an input of each and the inputs
at the boundary to each other class, embeds these images by a fixed network, encodes them as one
vector for the model, and trains that with labels. Simplified:

- a unit stands for a class, and the decision is the unit that answers most;
- the input of a unit is the shared probe that excites it most, and the one at a boundary lies on
  the straight line between two such probes (theirs are adversarial examples);
- the fixed image network is a principal component analysis of probes;
- the images are read by their mean and second moments, which do not depend on the order of units,
  in place of recurrent networks;
- the labelled training is a linear discriminant analysis with shrinkage.
"""

from itertools import pairwise
from typing import Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor, nn

from metanet_lib.representations.probes import responses, shared_probes
from metanet_lib.zoo import checked_encoders

_CHUNK = 64


class LearnedProbes(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Codes of learned probes, pooled over units: encoders to ``[m, embedding]``. Supervised.

    Parameters
    ----------
    n_probes
        How many probes are learned.
    embedding
        Width of the hidden layers of the head: numbers for a model.
    layers
        Of the head.
    features
        Numbers for a unit, whose second moments over units are read.
    width
        Channels of the generator's widest layer.
    epochs, batch_size, learning_rate
        Training with Adam on the cross-entropy of dataset ids.
    seed
        Seed of initial weights and order.

    Examples
    --------
    >>> LearnedProbes(n_probes=8, epochs=1).fit(encoders, zoo.datasets).transform(encoders).shape
    (24, 256)
    """

    def __init__(
        self,
        n_probes: int = 128,
        embedding: int = 256,
        layers: int = 6,
        features: int = 24,
        width: int = 64,
        epochs: int = 150,
        batch_size: int = 32,
        learning_rate: float = 3e-4,
        seed: int = 0,
    ) -> None:
        self.n_probes = n_probes
        self.embedding = embedding
        self.layers = layers
        self.features = features
        self.width = width
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Learn the probes on encoders ``[m, 256, 16]`` and their dataset ids ``[m]``."""
        filters = _filters(X)
        names, targets = np.unique(y, return_inverse=True)
        labels = torch.from_numpy(targets)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            widths = [self.embedding] * (self.layers - 1)
            sizes = (self.n_probes, self.width, self.features, widths, len(names))
            self.network_ = _ProbeNetwork(*sizes)
            adam = torch.optim.Adam(self.network_.parameters(), self.learning_rate)
            for _ in range(self.epochs):
                for batch in torch.randperm(len(filters)).split(self.batch_size):
                    scores = self.network_(filters[batch])
                    loss = nn.functional.cross_entropy(scores, labels[batch])
                    adam.zero_grad()
                    loss.backward()
                    adam.step()
        self.probes_ = self.network_.probes().detach().numpy()
        return self

    @torch.no_grad()
    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings of encoders ``[m, 256, 16]``."""
        chunks = _filters(X).split(_CHUNK)
        return torch.cat([self.network_.embed(chunk) for chunk in chunks]).numpy()


def _filters(encoders: np.ndarray) -> Tensor:
    """Return filters ``[m, 16, 256]``."""
    filters = checked_encoders(encoders).transpose(0, 2, 1)
    return torch.from_numpy(np.ascontiguousarray(filters, np.float32))


class _ProbeNetwork(nn.Module):
    def __init__(
        self, n_probes: int, width: int, features: int, widths: list[int], labels: int
    ) -> None:
        super().__init__()
        self.latent = nn.Parameter(torch.randn(n_probes, width // 2, 1, 1))
        self.generator = nn.Sequential(  # 1x1 to 4x4 to 8x8 to 16x16
            nn.ConvTranspose2d(width // 2, width, 4),
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1),
            nn.ConvTranspose2d(width // 2, 1, 4, stride=2, padding=1),
        )
        self.unit = nn.Linear(n_probes, features, bias=False)
        row, column = torch.triu_indices(features, features)
        self.register_buffer("upper", row * features + column)
        pairs = pairwise([len(row), *widths])
        self.hidden = nn.Sequential(*(m for a, b in pairs for m in (nn.Linear(a, b), nn.ReLU())))
        self.last = nn.Linear(widths[-1], labels)

    def probes(self) -> Tensor:
        """Return the probes ``[p, 256]``, in 0..1.

        The generator is linear but for its biases, so it need not see every code: it sees none and
        each direction of codes.
        """
        directions = torch.eye(self.latent.shape[1]).to(self.latent)
        of_none_and_each = torch.cat([torch.zeros_like(directions[:1]), directions])
        images = self.generator(of_none_and_each[:, :, None, None]).flatten(1)
        out = images[0] + self.latent.flatten(1) @ (images[1:] - images[0])
        return torch.sigmoid(out)

    def embed(self, filters: Tensor) -> Tensor:
        """Return embeddings ``[m, e]`` of filters ``[m, 16, 256]``, through codes alone."""
        answers = filters @ self.probes().T
        answers = answers - answers.mean(2, keepdim=True)
        codes = torch.relu(answers / (answers.pow(2).mean(2, keepdim=True) + 1e-6).sqrt())
        units = self.unit(codes - codes.mean(2, keepdim=True))
        moments = units.transpose(1, 2) @ units / units.shape[1]
        out: Tensor = self.hidden(moments.flatten(1)[:, self.upper])
        return out

    def forward(self, filters: Tensor) -> Tensor:
        """Return the scores of the labels."""
        out: Tensor = self.last(self.embed(filters))
        return out


class Know2Vec(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Inputs at the boundaries of a model's decisions: encoders to ``[m, labels - 1]``. Supervised.

    Parameters
    ----------
    n_probes
        How many shared probes are tried.
    components
        Numbers that an image is embedded to.
    seed
        Seed of the probes.

    Examples
    --------
    >>> Know2Vec(n_probes=32, components=4).fit(encoders, zoo.datasets).transform(encoders).shape
    (24, 2)
    """

    def __init__(self, n_probes: int = 256, components: int = 24, seed: int = 0) -> None:
        self.n_probes = n_probes
        self.components = components
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Draw the probes and learn from encoders ``[m, 256, 16]`` and dataset ids ``[m]``."""
        self.probes_ = shared_probes(self.n_probes, self.seed)
        components = min(self.components, self.n_probes)
        images = PCA(components, svd_solver="full", whiten=True).fit(self.probes_)
        self.images_ = images.transform(self.probes_).astype(np.float32)
        self.discriminant_ = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
        self.discriminant_.fit(self._knowledge(X), y)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings of encoders ``[m, 256, 16]``."""
        out: np.ndarray = self.discriminant_.transform(self._knowledge(X))
        return out.astype(np.float32)

    def _knowledge(self, encoders: np.ndarray) -> np.ndarray:
        chunks = np.array_split(checked_encoders(encoders), -(-len(encoders) // _CHUNK))
        return np.concatenate([self._knowledge_of(chunk) for chunk in chunks])

    def _knowledge_of(self, encoders: np.ndarray) -> np.ndarray:
        """Return mean and second moments of the embedded inputs at boundaries."""
        answers = responses(self.probes_, encoders)  # [m, p, 16]
        exciting = answers.argmax(1)  # of each unit, the probe [m, 16]
        at_own = np.take_along_axis(answers, exciting[:, :, None], axis=1)  # [m, probe of unit, 16]
        # On the way from the probe of unit i to that of unit j, the lead of i over j falls linearly
        # from `start` to `end` (answers before ReLU): at its zero the decision passes from i to j.
        own = np.diagonal(at_own, axis1=1, axis2=2)
        start = own[:, :, None] - at_own
        end = at_own.transpose(0, 2, 1) - own[:, None, :]
        way = np.clip(start / np.where(start > end, start - end, 1), 0, 1)[..., None]
        nodes = self.images_[exciting]
        inputs = (1 - way) * nodes[:, :, None] + way * nodes[:, None]  # [m, 16, 16, components]
        components = self.images_.shape[1]
        flat = inputs.reshape(len(encoders), -1, components)
        mean = flat.mean(1)
        moments = flat.transpose(0, 2, 1) @ flat / flat.shape[1]
        upper = np.triu_indices(components)
        return np.concatenate([mean, moments[:, upper[0], upper[1]]], axis=1)
