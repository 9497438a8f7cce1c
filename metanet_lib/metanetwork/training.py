"""Training: one meta-autoencoder after the other, on weights alone, for every seed (4.3.1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from metanet_lib.metanetwork.autoencoders import (
    MetaAutoencoder,
    MetanetworkParameters,
    filters_of,
)
from metanet_lib.metanetwork.compiled import CompiledStep
from metanet_lib.metanetwork.step import PlainStep
from metanet_lib.workers import progress_bar, side_by_side
from metanet_lib.zoo import finite


@dataclass(frozen=True)
class Metanetwork:
    """A trained meta-autoencoder.

    Attributes
    ----------
    seed
        Its seed.
    model
        The meta-autoencoder, in evaluation mode.
    unitwise_curve, interunit_curve
        Mean training loss of every epoch.
    loss
        Mean squared error between the training models' weights and what comes back from their 16
        numbers: the label-free measure by which seeds are compared.

    Examples
    --------
    >>> metanetwork.embed(encoders).shape, metanetwork.order(encoders).shape
    ((24, 16), (24, 16))
    >>> metanetwork.reconstruction_loss(encoders) > 0
    True
    """

    seed: int
    model: MetaAutoencoder
    unitwise_curve: tuple[float, ...]
    interunit_curve: tuple[float, ...]
    loss: float

    def embed(self, encoders: np.ndarray) -> np.ndarray:
        """Return the embeddings ``[m, 16]`` of encoders ``[m, 256, 16]``."""
        return in_chunks(self.model.encode, encoders)

    def embed_filters(self, encoders: np.ndarray) -> np.ndarray:
        """Return the embedded filters ``[m, 16, 3]`` of encoders ``[m, 256, 16]``, unsorted."""
        return in_chunks(self.model.embed_filters, encoders)

    def order(self, encoders: np.ndarray) -> np.ndarray:
        """Return the order ``[m, 16]`` in which filter sorting puts the encoders' filters."""
        return in_chunks(lambda e: self.model.order(self.model.embed_filters(e)), encoders)

    def in_order(self, encoders: np.ndarray) -> np.ndarray:
        """Return encoders ``[m, 256, 16]`` with their filters in sorted order."""
        return np.take_along_axis(encoders, self.order(encoders)[:, None, :], axis=2)

    def reconstruct(self, encoders: np.ndarray) -> np.ndarray:
        """Return encoders ``[m, 256, 16]`` after their way through 16 numbers, filters sorted."""
        return in_chunks(lambda e: self.model.decode(self.model.encode(e)), encoders)

    def decode(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the encoders ``[m, 256, 16]`` that embeddings ``[m, 16]`` stand for."""
        return in_chunks(self.model.decode, embeddings)

    def axes_in_use(self, encoders: np.ndarray) -> int:
        """Count a filter's numbers that vary, by over a twentieth of the one that varies most."""
        spread = self.embed_filters(encoders).std(axis=(0, 1))
        return int((spread > spread.max() / 20).sum())

    def reconstruction_loss(self, encoders: np.ndarray) -> float:
        """Return the mean squared error between weights and what comes back from 16 numbers.

        Both sides have their filters in sorted order.
        """
        return float(np.mean((self.reconstruct(encoders) - self.in_order(encoders)) ** 2))


@torch.no_grad()
def in_chunks(function: Callable[[Tensor], Tensor], of_models: np.ndarray) -> np.ndarray:
    """Return what a network says of models ``[m, ...]``, of which it sees 64 at a time.

    Examples
    --------
    >>> in_chunks(torch.abs, np.array([-1, 2], np.float32))
    array([1., 2.], dtype=float32)
    """
    chunks = torch.from_numpy(np.ascontiguousarray(of_models, np.float32)).split(64)
    said: np.ndarray = torch.cat([function(chunk) for chunk in chunks]).numpy()
    return said


def train(
    encoders: np.ndarray, parameters: MetanetworkParameters, seed: int, progress: bool = False
) -> Metanetwork:
    """Train the unit-wise, then the inter-unit meta-autoencoder (section 4.3.1).

    Parameters
    ----------
    encoders
        The models that fit the meta level, float32 ``[m, 256, 16]``. No labels.
    parameters
        Shape and training.
    seed
        Seed of initial weights and order.
    progress
        Show a progress bar with the loss.

    Raises
    ------
    ValueError
        If the encoders have another shape or hold values that are not finite.
    FloatingPointError
        If the loss stops being finite.

    Examples
    --------
    >>> short = MetanetworkParameters(channels=(2,), unitwise_epochs=1, interunit_epochs=1)
    >>> train(encoders, short, seed=3).seed
    3
    """
    p, data = parameters, torch.from_numpy(finite(encoders).astype(np.float32, copy=False))
    generator = torch.Generator().manual_seed(seed)
    model = MetaAutoencoder(p)
    initialise(model, generator)

    def fit(part: nn.Module, samples: Tensor, epochs: int, name: str) -> tuple[float, ...]:
        return fit_autoencoder(
            part, samples, epochs, p, generator, f"{name}, seed {seed}", progress
        )

    unitwise = fit(model.unitwise, filters_of(data), p.unitwise_epochs, "unit-wise")
    with torch.no_grad():
        embedded = torch.cat([model.sorted_embeddings(chunk) for chunk in data.split(64)])
    interunit = fit(model.interunit, embedded, p.interunit_epochs, "inter-unit")
    trained = Metanetwork(seed, model.eval(), unitwise, interunit, loss=float("nan"))
    return replace(trained, loss=trained.reconstruction_loss(encoders))


def train_seeds(
    encoders: np.ndarray, parameters: MetanetworkParameters, progress: bool = False
) -> list[Metanetwork]:
    """Train once for every seed, side by side.

    Parameters, errors and results are those of :func:`train`, each with one thread.

    Examples
    --------
    >>> short = MetanetworkParameters(channels=(2,), unitwise_epochs=1, interunit_epochs=1, seeds=1)
    >>> [trained.seed for trained in train_seeds(encoders, short)]
    [0]
    """
    seeds = range(parameters.seed, parameters.seed + parameters.seeds)
    return side_by_side(
        train,
        [(encoders, parameters, seed, progress) for seed in seeds],
        "meta-autoencoder",
        "seed",
        note=lambda trained: f"loss={trained.loss:.6f}",
        progress=progress,
    )


def best(metanetworks: Sequence[Metanetwork]) -> Metanetwork:
    """Return the metanetwork with the lowest reconstruction loss: no label is looked at.

    Examples
    --------
    >>> worse = replace(metanetwork, seed=1, loss=metanetwork.loss + 1)
    >>> best([worse, metanetwork]).seed
    0
    """
    return min(metanetworks, key=lambda metanetwork: metanetwork.loss)


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Give a model Glorot uniform weights and zero biases (section 4.3.1).

    Examples
    --------
    >>> layer = nn.Linear(4, 2)
    >>> initialise(layer, torch.Generator().manual_seed(0))
    >>> layer.bias.tolist()
    [0.0, 0.0]
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def fit_autoencoder(
    model: nn.Module,
    samples: Tensor,
    epochs: int,
    p: MetanetworkParameters,
    generator: torch.Generator,
    name: str,
    progress: bool = False,
) -> tuple[float, ...]:
    """Train an autoencoder on samples with MSE and Adam; leave it in evaluation mode.

    Parameters
    ----------
    model
        Takes samples ``[n, d]``, gives reconstructions ``[n, d]``: layers one after the other, in
        the order of its modules.
    samples
        float32 ``[n, d]``.
    epochs
        Passes over the samples.
    p
        Batch size and Adam's parameters.
    generator
        The order of the samples.
    name
        What errors and the progress bar call it.
    progress
        Show a progress bar with the loss.

    Returns
    -------
    tuple of float
        Mean training loss of every epoch.

    Raises
    ------
    FloatingPointError
        If the loss stops being finite.

    Examples
    --------
    >>> p, generator = MetanetworkParameters(), torch.Generator().manual_seed(0)
    >>> curve = fit_autoencoder(nn.Linear(4, 4), torch.rand(64, 4), 20, p, generator, "linear")
    >>> len(curve), curve[-1] < curve[0]
    (20, True)
    """
    model.train()
    step: Callable[[Tensor], Tensor]
    by_hand = samples.is_cpu and p.upsampling == "nearest"
    step = CompiledStep(model, p) if by_hand else PlainStep(model, p)
    curve = []
    with progress_bar(total=epochs, desc=name, unit="epoch", disable=not progress) as bar:
        for epoch in range(epochs):
            total = torch.zeros((), device=samples.device)
            order = torch.randperm(len(samples), generator=generator)
            for batch in order.split(p.batch_size):
                if len(batch) == 1 and len(samples) > 1:
                    continue  # batch normalisation needs two
                total += step(samples[batch]) * len(batch)
            curve.append(total.item() / len(samples))
            if not np.isfinite(curve[-1]):
                raise FloatingPointError(
                    f"{name}: the loss is {curve[-1]} in epoch {epoch + 1} of {epochs}; "
                    "try a smaller learning_rate"
                )
            bar.set_postfix(loss=f"{curve[-1]:.6f}", refresh=False)
            bar.update()
    model.eval()
    return tuple(curve)
