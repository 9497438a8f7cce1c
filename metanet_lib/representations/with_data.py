"""Representations that see data: patches of the dataset that a model was trained on.

The paper's question is what a model can do when its dataset is unknown, so these are no rivals but
upper references: they are shown, with each model, a random sample of the patches of its dataset.
Those that look at patches alone do not even need the model.

- :class:`PatchStatistics`: a statistic of the sample, reduced; the dataset itself.
- :class:`Task2Vec` (Achille et al. 2019): the diagonal of the Fisher information of a *probe
  network*, the same for all, on the sample, averaged over the weights of each filter. Theirs is a
  deep network trained on ImageNet, with a classifier trained anew for each task. Patches have no
  labels, so here it is a small autoencoder, trained once on the samples of all models that fit, and
  its output, the mean of a Gaussian, is what the Fisher information is of. Their distance compares
  the numbers of two tasks by their ratio; so does the logarithm, taken here.
- :class:`Model2Vec` (same paper) places models in the space of tasks: at the task that a model was
  trained on, plus a correction that draws it to the tasks which it does well. They learn the
  correction of each model from measured performances; to place unseen models too, it is worked out
  here: half the way to a mean of reference tasks, weighted by how well the model's codes rebuild
  their patches.
- :class:`MeLA` (Wu et al. 2018): a network reads a few samples and pools them to a *latent*, and a
  second network turns that into a model, trained so that the model does the task. Here the task is
  to rebuild other patches of the same dataset, the model is an autoencoder 256-16-256 without batch
  normalisation, and the latent is the embedding.

None looks at labels. Samples are float32 ``[m, n, 256]`` in 0..1, one sample a model.
"""

from itertools import pairwise
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from torch import Tensor, nn

from metanet_lib.representations.probes import codes
from metanet_lib.zoo import CODES, INPUTS

STATISTICS = (
    "mean and covariance",
    "covariance",
    "scaled covariance",
    "spectrum",
    "scaled spectrum",
)
"""What :class:`PatchStatistics` takes of a sample."""
_CHUNK = 64


def checked_samples(samples: np.ndarray) -> np.ndarray:
    """Return samples as a float32 array.

    Raises
    ------
    ValueError
        If their shape is not ``[m, n, 256]`` with n of 2 or more.

    Examples
    --------
    >>> checked_samples(np.zeros((3, 8, 256))).dtype
    dtype('float32')
    """
    samples = np.asarray(samples, np.float32)
    if samples.ndim != 3 or samples.shape[2] != INPUTS or samples.shape[1] < 2:
        raise ValueError(
            f"expected samples [m, n, {INPUTS}] of 2 patches or more, found {samples.shape}"
        )
    return samples


class PatchStatistics(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A statistic of a sample, reduced: samples to ``[m, embedding]``.

    Parameters
    ----------
    statistic
        Of :data:`STATISTICS`: mean and covariance; the covariance alone, as it is or divided by its
        trace; the mean absolute 2-D spectrum, as it is or divided by its sum.
    components
        Principal components of all patches, in which mean and covariance are taken.
    embedding
        Principal components of these statistics: numbers for a model.

    Examples
    --------
    >>> samples = np.random.default_rng(0).random((24, 8, 256))
    >>> PatchStatistics(components=4, embedding=2).fit_transform(samples).shape
    (24, 2)
    """

    def __init__(
        self,
        statistic: str = "mean and covariance",
        components: int = 32,
        embedding: int = 16,
    ) -> None:
        self.statistic = statistic
        self.components = components
        self.embedding = embedding

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Find the principal components; labels are not looked at."""
        X = checked_samples(X)
        self.patches_ = PCA(self.components, svd_solver="covariance_eigh")
        self.patches_.fit(X.reshape(-1, INPUTS))
        self.statistics_ = PCA(self.embedding, svd_solver="full").fit(self._statistics(X))
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings of samples ``[m, n, 256]``."""
        out: np.ndarray = self.statistics_.transform(self._statistics(checked_samples(X)))
        return out

    def _statistics(self, samples: np.ndarray) -> np.ndarray:
        if self.statistic not in STATISTICS:
            raise ValueError(f"statistic must be one of {STATISTICS}, got {self.statistic!r}")
        if "spectrum" in self.statistic:
            pictures = samples.reshape(*samples.shape[:2], 16, 16)
            spectra = np.stack([np.abs(np.fft.rfft2(p)).mean(0).ravel() for p in pictures])
            spectra[:, 0] = 0  # brightness is no frequency
            return spectra / (spectra.sum(1, keepdims=True) if "scaled" in self.statistic else 1)
        reduced = self.patches_.transform(samples.reshape(-1, INPUTS))
        reduced = reduced.reshape(*samples.shape[:2], -1)
        mean = reduced.mean(1)
        centred = reduced - mean[:, None]
        covariance = centred.transpose(0, 2, 1) @ centred / samples.shape[1]
        row, column = np.triu_indices(self.components)
        if "scaled" in self.statistic:
            covariance /= np.trace(covariance, axis1=1, axis2=2)[:, None, None]
        parts = [covariance[:, row, column]]
        return np.concatenate([mean, *parts] if "mean" in self.statistic else parts, axis=1)


class Task2Vec(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Log Fisher information of a probe network on a sample: samples to ``[m, filters]``.

    Parameters
    ----------
    widths
        Hidden layers of the probe network, which mirrors them; the embedding has one number for
        each of their units.
    epochs, batch_size, learning_rate
        Training of the probe network with Adam on the patches of the models that fit.
    seed
        Seed of its initial weights, of the order, and of the outputs that are drawn.

    Examples
    --------
    >>> samples = np.random.default_rng(0).random((24, 8, 256))
    >>> len(Task2Vec(widths=(8, 4), epochs=1).fit_transform(samples))
    24
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (64, 32),
        epochs: int = 5,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        seed: int = 0,
    ) -> None:
        self.widths = widths
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Train the probe network on samples ``[m, n, 256]``; labels are not looked at."""
        patches = torch.from_numpy(checked_samples(X)).reshape(-1, INPUTS)
        sizes = [INPUTS, *self.widths, *self.widths[-2::-1], INPUTS]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
            self.layers_ = nn.ModuleList(layers)
            adam = torch.optim.Adam(self.layers_.parameters(), self.learning_rate)
            for _ in range(self.epochs):
                for batch in torch.randperm(len(patches)).split(self.batch_size):
                    x = patches[batch]
                    loss = nn.functional.mse_loss(self._activations(x)[-1], x)
                    adam.zero_grad()
                    loss.backward()
                    adam.step()
        return self

    @torch.no_grad()
    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings of samples ``[m, n, 256]``."""
        chunks = torch.from_numpy(checked_samples(X)).split(_CHUNK)
        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(chunks[0].shape[1:], generator=generator)
        return torch.cat([self._log_fisher(chunk, noise) for chunk in chunks]).numpy()

    def _activations(self, patches: Tensor) -> list[Tensor]:
        out = [patches]
        for layer in self.layers_[:-1]:
            out.append(torch.relu(layer(out[-1])))
        return [*out, self.layers_[-1](out[-1])]

    def _log_fisher(self, samples: Tensor, noise: Tensor) -> Tensor:
        """Return the log of the mean squared gradient of each hidden filter's weights.

        The gradient is that of the log-likelihood of an output drawn from the network's own
        Gaussian: at the output it is the noise drawn. A dense layer's is the product of what comes
        in and what comes back, so that the square of each weight's needs no loop over patches.
        """
        inputs = self._activations(samples)
        back = noise.expand_as(samples)
        fisher: list[Tensor] = []
        for place in range(len(self.layers_) - 1, 0, -1):
            weight: Tensor = self.layers_[place].weight  # type: ignore[assignment]
            back = (back @ weight) * (inputs[place] > 0)
            energy = inputs[place - 1].pow(2).mean(2, keepdim=True)
            fisher.append((back.pow(2) * energy).mean(1))
        # A filter that no patch excites has none; its logarithm is kept finite.
        return torch.cat(fisher[::-1], dim=1).add(1e-6).log()


class Model2Vec(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Models among tasks: the tuple (encoders, samples) to ``[m, filters]``.

    Parameters
    ----------
    references
        How many samples of the models that fit are reference tasks.
    widths, epochs, learning_rate
        The probe network and its training, see :class:`Task2Vec`.
    seed
        Seed of the probe network and of the choice of references.

    Examples
    --------
    >>> samples = np.random.default_rng(0).random((24, 8, 256))
    >>> len(Model2Vec(references=4, epochs=1).fit_transform((encoders, samples)))
    24
    """

    def __init__(
        self,
        references: int = 40,
        widths: tuple[int, ...] = (64, 32),
        epochs: int = 5,
        learning_rate: float = 1e-3,
        seed: int = 0,
    ) -> None:
        self.references = references
        self.widths = widths
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, X: tuple[np.ndarray, np.ndarray], y: Any = None) -> Self:
        """Train the probe network and choose the references; labels are not looked at."""
        samples = checked_samples(X[1])
        self.tasks_ = Task2Vec(
            self.widths, self.epochs, learning_rate=self.learning_rate, seed=self.seed
        ).fit(samples)
        rng = np.random.default_rng(self.seed)
        chosen = rng.choice(len(samples), min(self.references, len(samples)), replace=False)
        self.samples_ = samples[chosen]
        self.places_ = self.tasks_.transform(self.samples_)
        return self

    def transform(self, X: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Return the embeddings of encoders ``[m, 256, 16]`` with samples ``[m, n, 256]``."""
        encoders, samples = X
        errors = np.stack([_unexplained(encoders, patches) for patches in self.samples_], axis=1)
        merit = -np.log(errors)  # against the other models that see the same, and the other tasks
        merit = (merit - merit.mean(1, keepdims=True)) / merit.std(1, keepdims=True)
        weights = np.exp(merit) / np.exp(merit).sum(1, keepdims=True)
        out: np.ndarray = (self.tasks_.transform(samples) + weights @ self.places_) / 2
        return out.astype(np.float32)


def _unexplained(encoders: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """Return the share ``[m]`` of the patches' variance that codes leave a linear decoder."""
    answers = codes(patches, encoders)
    answers = answers - answers.mean(1, keepdims=True)
    centred = patches - patches.mean(0)
    inner = answers.transpose(0, 2, 1) @ answers + 1e-3 * len(patches) * np.eye(CODES)
    outer = answers.transpose(0, 2, 1) @ centred
    explained = (outer * np.linalg.solve(inner, outer)).sum((1, 2))
    out: np.ndarray = np.maximum(1 - explained / (centred**2).sum(), 1e-6)
    return out


class MeLA(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The latent of a few samples: samples to ``[m, latent]``.

    Parameters
    ----------
    latent
        Numbers for a model.
    width
        Of the hidden layers of the network that reads samples.
    epochs, batch_size, learning_rate
        Training with Adam: a random half of a sample is read, the other half rebuilt.
    seed
        Seed of initial weights, order and halves.

    Examples
    --------
    >>> samples = np.random.default_rng(0).random((24, 8, 256))
    >>> MeLA(latent=4, epochs=1).fit_transform(samples).shape
    (24, 4)
    """

    def __init__(
        self,
        latent: int = 16,
        width: int = 64,
        epochs: int = 50,
        batch_size: int = 16,
        learning_rate: float = 1e-3,
        seed: int = 0,
    ) -> None:
        self.latent = latent
        self.width = width
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Train both networks on samples ``[m, n, 256]``; labels are not looked at."""
        samples = torch.from_numpy(checked_samples(X))
        read = samples.shape[1] // 2
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.network_ = _MetaLearner(self.latent, self.width)
            adam = torch.optim.Adam(self.network_.parameters(), self.learning_rate)
            for _ in range(self.epochs):
                for batch in torch.randperm(len(samples)).split(self.batch_size):
                    halves = samples[batch][:, torch.randperm(samples.shape[1])]
                    rest = halves[:, read:]
                    rebuilt = self.network_(halves[:, :read], rest)
                    loss = nn.functional.mse_loss(rebuilt, rest)
                    adam.zero_grad()
                    loss.backward()
                    adam.step()
        return self

    @torch.no_grad()
    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the latents of samples ``[m, n, 256]``."""
        chunks = torch.from_numpy(checked_samples(X)).split(_CHUNK)
        return torch.cat([self.network_.recognise(chunk) for chunk in chunks]).numpy()


class _MetaLearner(nn.Module):
    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.patch = nn.Sequential(
            nn.Linear(INPUTS, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.pooled = nn.Sequential(
            nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, latent)
        )
        self.generator = nn.Linear(latent, 2 * INPUTS * CODES + INPUTS)

    def recognise(self, samples: Tensor) -> Tensor:
        """Return latents ``[m, latent]`` of samples ``[m, n, 256]``."""
        read = self.patch(samples)
        # Mean and maximum do not depend on the order of the patches.
        out: Tensor = self.pooled(torch.cat([read.mean(1), read.amax(1)], dim=1))
        return out

    def forward(self, samples: Tensor, patches: Tensor) -> Tensor:
        """Rebuild patches ``[m, n, 256]`` by the models made from samples."""
        weights = self.generator(self.recognise(samples))
        matrices, bias = weights.split([2 * INPUTS * CODES, INPUTS], dim=1)
        encoder, decoder = matrices.view(-1, 2, INPUTS, CODES).unbind(1)
        out: Tensor = torch.relu(patches @ encoder) @ decoder.transpose(1, 2) + bias[:, None]
        return out
