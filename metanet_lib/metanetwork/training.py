"""The metanetwork: a meta-autoencoder trained on the weights of models (paper, section 4.3).

A model to interpret is a set of 16 filters of 256 weights. The meta-autoencoder squeezes it to 16
numbers in three moves, and mirrors them to get the model back:

1. the *unit-wise* meta-autoencoder turns each filter, seen as a 16x16 picture, into 3 numbers;
2. *filter sorting* puts the 16 triples in order of one of their axes, since the order of the
   filters means nothing to what the model does;
3. the *inter-unit* meta-autoencoder turns the 48 sorted numbers into 16, linearly.

The two autoencoders are trained one after the other, on weights alone: no label, no patch.
:func:`train` does it once for one seed, :func:`train_seeds` for several, and :func:`best` picks the
seed that reconstructs the training models best, a choice that needs no label.

Conventions: encoders ``[m, 256, 16]``, filters ``[n, 256]``, float32. Nothing here reads sound,
pictures or notebooks.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm.auto import tqdm

from metanet_lib import __version__
from metanet_lib.parameters import Parameters, decision
from metanet_lib.store import read_tensors, write_atomically
from metanet_lib.workers import side_by_side
from metanet_lib.zoo import CODES, INPUTS, checked_encoders

SIDE = 16
"""Side of a filter seen as a picture."""


@dataclass(frozen=True)
class MetanetworkParameters(Parameters):
    """The shape and the training of the meta-autoencoder. The defaults are the paper's.

    Examples
    --------
    >>> MetanetworkParameters().embedding
    16
    >>> MetanetworkParameters(kernel=2)
    Traceback (most recent call last):
    ValueError: MetanetworkParameters.kernel must be odd, got 2
    """

    filter_embedding: int = decision(
        3, "numbers for a filter, given by the unit-wise encoder", "section 4.3.1"
    )
    embedding: int = decision(
        16, "numbers for a model, given by the inter-unit encoder", "section 4.3.1"
    )
    channels: tuple[int, ...] = decision(
        (8, 16, 32),
        "channels of the convolutions, first to last",
        "open: three in section 4.3.1, without widths; doubled where the picture is halved",
    )
    kernel: int = decision(3, "side of a convolution's kernel, in pixels", "open: the usual 3x3")
    dense: int = decision(
        32, "width of the first of the two dense layers", "open: two layers in section 4.3.1"
    )
    embedding_activation: str = decision(
        "relu",
        "what follows the 3 numbers of a filter: relu or linear",
        "section 4.3.1: ReLU throughout except the output layer, taken by its letter",
    )
    sort_axis: int = decision(0, "axis on which filters are sorted", "section 4.3.2: the first")
    sort_descending: bool = decision(
        False, "sort from large to small", "open: the direction only mirrors the array"
    )
    unitwise_epochs: int = decision(
        50, "passes of the unit-wise training over all filters", "section 4.3.1"
    )
    interunit_epochs: int = decision(
        50, "passes of the inter-unit training over all models", "section 4.3.1"
    )
    batch_size: int = decision(
        32, "filters, or models, in a training step", "open: the default of Keras"
    )
    learning_rate: float = decision(1e-3, "Adam's step size", "open: the default of Adam")
    adam_epsilon: float = decision(1e-7, "Adam's epsilon", "open: the default of Keras")
    batch_norm_epsilon: float = decision(
        1e-3, "added to the variance in batch normalisation", "open: the default of Keras"
    )
    batch_norm_momentum: float = decision(
        0.01,
        "share of the newest batch in the running mean and variance",
        "open: the default of Keras; a short training needs more",
    )
    seeds: int = decision(
        5,
        "how many times the meta level is trained; the best reconstruction is the headline",
        "open: the method is sensitive to its own seed, so every seed is shown",
    )
    seed: int = decision(
        0, "first of these seeds: initial weights, order", "section 7: everything is seeded"
    )

    def __post_init__(self) -> None:
        self.require_positive(
            "filter_embedding",
            "embedding",
            "kernel",
            "dense",
            "unitwise_epochs",
            "interunit_epochs",
            "batch_size",
            "learning_rate",
            "adam_epsilon",
            "batch_norm_epsilon",
            "batch_norm_momentum",
            "seeds",
        )
        self.require(self.kernel % 2 == 1, "kernel", "odd")
        self.require(1 <= len(self.channels) <= 4, "channels", "one to four widths")
        self.require_one_of("embedding_activation", "relu", "linear")
        self.require(0 <= self.sort_axis < self.filter_embedding, "sort_axis", "an axis")


class UnitwiseAutoencoder(nn.Module):
    """Filters ``[n, 256]`` to 3 numbers each and back (section 4.3.1).

    Three times convolution, batch normalisation, ReLU and 2x2 max pooling (16x16 to 2x2), then two
    dense layers. The decoder mirrors it: two dense layers, then three times doubling and
    convolution; the last convolution is the linear output.

    Examples
    --------
    >>> unitwise = UnitwiseAutoencoder(MetanetworkParameters())
    >>> unitwise.encoder(torch.rand(5, 256)).shape, unitwise(torch.rand(5, 256)).shape
    (torch.Size([5, 3]), torch.Size([5, 256]))
    """

    def __init__(self, p: MetanetworkParameters) -> None:
        super().__init__()
        side = SIDE // 2 ** len(p.channels)
        flat = p.channels[-1] * side * side

        def convolution(inputs: int, outputs: int) -> nn.Conv2d:
            return nn.Conv2d(inputs, outputs, p.kernel, padding="same")

        def normalised(width: int) -> list[nn.Module]:
            norm = nn.BatchNorm2d(width, p.batch_norm_epsilon, p.batch_norm_momentum)
            return [norm, nn.ReLU()]

        down: list[nn.Module] = [nn.Unflatten(1, (1, SIDE, SIDE))]
        for inputs, outputs in zip((1, *p.channels), p.channels, strict=False):
            down += [convolution(inputs, outputs), *normalised(outputs), nn.MaxPool2d(2)]
        down += [nn.Flatten(), nn.Linear(flat, p.dense), nn.ReLU()]
        down += [nn.Linear(p.dense, p.filter_embedding)]
        down += [nn.ReLU()] if p.embedding_activation == "relu" else []

        up: list[nn.Module] = [nn.Linear(p.filter_embedding, p.dense), nn.ReLU()]
        up += [nn.Linear(p.dense, flat), nn.ReLU(), nn.Unflatten(1, (p.channels[-1], side, side))]
        mirrored = p.channels[::-1]
        for inputs, outputs in pairwise(mirrored):
            up += [nn.Upsample(scale_factor=2), convolution(inputs, outputs), *normalised(outputs)]
        up += [nn.Upsample(scale_factor=2), convolution(mirrored[-1], 1), nn.Flatten()]

        self.encoder, self.decoder = nn.Sequential(*down), nn.Sequential(*up)
        # A third faster on a CPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, filters: Tensor) -> Tensor:
        """Return the reconstructed filters ``[n, 256]``."""
        out: Tensor = self.decoder(self.encoder(filters))
        return out


class InterunitAutoencoder(nn.Module):
    """Sorted filter embeddings ``[m, 48]`` to 16 numbers and back: linear, with bias (4.3.1).

    Examples
    --------
    >>> InterunitAutoencoder(MetanetworkParameters()).encoder(torch.rand(5, 48)).shape
    torch.Size([5, 16])
    """

    def __init__(self, p: MetanetworkParameters) -> None:
        super().__init__()
        self.encoder = nn.Linear(CODES * p.filter_embedding, p.embedding)
        self.decoder = nn.Linear(p.embedding, CODES * p.filter_embedding)

    def forward(self, embedded: Tensor) -> Tensor:
        """Return the reconstructed filter embeddings ``[m, 48]``."""
        out: Tensor = self.decoder(self.encoder(embedded))
        return out


def sort_filters(embedded: Tensor, axis: int = 0, descending: bool = False) -> Tensor:
    """Return the order of a model's filters on one axis of their embeddings (section 4.3.2).

    Parameters
    ----------
    embedded
        ``[m, 16, 3]``: the embedded filters of ``m`` models.
    axis
        The axis to sort on.
    descending
        From large to small.

    Returns
    -------
    Tensor
        Indices ``[m, 16]`` that sort each model's filters. Ties are broken by the other axes, so
        that the order does not depend on how the filters came.

    Examples
    --------
    >>> sort_filters(torch.tensor([[[0.3, 1.0], [0.1, 5.0], [0.2, 2.0]]])).tolist()
    [[1, 2, 0]]
    """
    order = torch.arange(embedded.shape[1], device=embedded.device).expand(embedded.shape[:2])
    axes = [axis, *(a for a in range(embedded.shape[2]) if a != axis)]
    for key in reversed(axes):  # least significant first, each sort stable
        by = embedded[..., key].gather(1, order)
        order = order.gather(1, by.argsort(dim=1, descending=descending, stable=True))
    return order


class MetaAutoencoder(nn.Module):
    """Unit-wise encoder, filter sorting and inter-unit encoder, and the way back.

    Examples
    --------
    >>> model = MetaAutoencoder(MetanetworkParameters()).eval()
    >>> embeddings = model.encode(torch.from_numpy(encoders))
    >>> embeddings.shape, model.decode(embeddings).shape
    (torch.Size([24, 16]), torch.Size([24, 256, 16]))
    """

    def __init__(self, p: MetanetworkParameters) -> None:
        super().__init__()
        self.parameters_ = p
        self.unitwise = UnitwiseAutoencoder(p)
        self.interunit = InterunitAutoencoder(p)

    def embed_filters(self, encoders: Tensor) -> Tensor:
        """Return the embedded filters ``[m, 16, 3]`` of encoders ``[m, 256, 16]``, unsorted."""
        embedded: Tensor = self.unitwise.encoder(filters_of(encoders))
        return embedded.view(len(encoders), CODES, -1)

    def order(self, embedded: Tensor) -> Tensor:
        """Return the order ``[m, 16]`` in which filter sorting puts the embedded filters."""
        p = self.parameters_
        return sort_filters(embedded, p.sort_axis, p.sort_descending)

    def sorted_embeddings(self, encoders: Tensor) -> Tensor:
        """Return the sorted, flattened filter embeddings ``[m, 48]``."""
        embedded = self.embed_filters(encoders)
        order = self.order(embedded)[..., None].expand_as(embedded)
        return embedded.gather(1, order).flatten(1)

    def encode(self, encoders: Tensor) -> Tensor:
        """Return the embeddings ``[m, 16]`` of encoders ``[m, 256, 16]``: the meta-encoder."""
        out: Tensor = self.interunit.encoder(self.sorted_embeddings(encoders))
        return out

    def decode(self, embeddings: Tensor) -> Tensor:
        """Return the encoders ``[m, 256, 16]`` of embeddings, their filters in sorted order."""
        embedded = self.interunit.decoder(embeddings).view(len(embeddings) * CODES, -1)
        filters: Tensor = self.unitwise.decoder(embedded)
        return filters.view(-1, CODES, INPUTS).transpose(1, 2)


def filters_of(encoders: Tensor) -> Tensor:
    """Return all filters ``[m * 16, 256]`` of encoders ``[m, 256, 16]``.

    Examples
    --------
    >>> filters_of(torch.from_numpy(encoders)).shape
    torch.Size([384, 256])
    """
    return encoders.transpose(1, 2).reshape(-1, INPUTS)


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
        return self._in_chunks(self.model.encode, encoders)

    def embed_filters(self, encoders: np.ndarray) -> np.ndarray:
        """Return the embedded filters ``[m, 16, 3]`` of encoders ``[m, 256, 16]``, unsorted."""
        return self._in_chunks(self.model.embed_filters, encoders)

    def order(self, encoders: np.ndarray) -> np.ndarray:
        """Return the order ``[m, 16]`` in which filter sorting puts the encoders' filters."""
        return self._in_chunks(lambda e: self.model.order(self.model.embed_filters(e)), encoders)

    def in_order(self, encoders: np.ndarray) -> np.ndarray:
        """Return encoders ``[m, 256, 16]`` with their filters in sorted order."""
        return np.take_along_axis(encoders, self.order(encoders)[:, None, :], axis=2)

    def reconstruct(self, encoders: np.ndarray) -> np.ndarray:
        """Return encoders ``[m, 256, 16]`` after their way through 16 numbers, filters sorted."""
        return self._in_chunks(lambda e: self.model.decode(self.model.encode(e)), encoders)

    def decode(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the encoders ``[m, 256, 16]`` that embeddings ``[m, 16]`` stand for."""
        return self._in_chunks(self.model.decode, embeddings)

    def axes_in_use(self, encoders: np.ndarray) -> int:
        """Count a filter's numbers that vary, by over a twentieth of the one that varies most."""
        spread = self.embed_filters(encoders).std(axis=(0, 1))
        return int((spread > spread.max() / 20).sum())

    def reconstruction_loss(self, encoders: np.ndarray) -> float:
        """Return the mean squared error between weights and what comes back from 16 numbers.

        Both sides have their filters in sorted order.
        """
        return float(np.mean((self.reconstruct(encoders) - self.in_order(encoders)) ** 2))

    @staticmethod
    @torch.no_grad()
    def _in_chunks(function: Callable[[Tensor], Tensor], of_models: np.ndarray) -> np.ndarray:
        chunks = torch.from_numpy(np.ascontiguousarray(of_models)).split(64)
        return torch.cat([function(chunk) for chunk in chunks]).numpy()


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
    encoders = checked_encoders(encoders).astype(np.float32, copy=False)
    bad = np.flatnonzero(~np.isfinite(encoders).all((1, 2)))
    if len(bad):
        raise ValueError(f"the weights of {len(bad)} models are not finite, first: {bad[0]}")
    p, data = parameters, torch.from_numpy(encoders)
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
        Takes samples ``[n, d]``, gives reconstructions ``[n, d]``.
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
    adam = torch.optim.Adam(model.parameters(), p.learning_rate, eps=p.adam_epsilon, fused=True)
    model.train()
    curve = []
    with tqdm(total=epochs, desc=name, unit="epoch", disable=not progress) as bar:
        for epoch in range(epochs):
            total = torch.zeros(())
            order = torch.randperm(len(samples), generator=generator)
            for batch in order.split(p.batch_size):
                if len(batch) == 1 and len(samples) > 1:
                    continue  # batch normalisation needs two
                x = samples[batch]
                loss = nn.functional.mse_loss(model(x), x)
                adam.zero_grad()
                loss.backward()
                adam.step()
                total += loss.detach() * len(batch)
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


# --- On disk ----------------------------------------------------------------------------------


def save(metanetworks: Sequence[Metanetwork], path: Path | str) -> None:
    """Write trained metanetworks, all of the same parameters, to one safetensors file.

    Examples
    --------
    >>> save([metanetwork], folder / "metanetwork.safetensors")
    >>> load(folder / "metanetwork.safetensors")[0].loss == metanetwork.loss
    True
    """
    tensors = {
        f"{n.seed}.{name}": tensor.contiguous()
        for n in metanetworks
        for name, tensor in n.model.state_dict().items()
    }
    header = {
        "metanetwork": json.dumps(metanetworks[0].model.parameters_.as_dict()),
        "library_version": __version__,
        "seeds": json.dumps(
            [
                {
                    "seed": n.seed,
                    "loss": n.loss,
                    "unitwise_curve": n.unitwise_curve,
                    "interunit_curve": n.interunit_curve,
                }
                for n in metanetworks
            ]
        ),
    }
    with write_atomically(path) as temporary:
        save_file(tensors, temporary, header)


def load(path: Path | str) -> list[Metanetwork]:
    """Read the metanetworks of a file written by :func:`save`.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If the file is damaged or of another kind.

    Examples
    --------
    >>> save([metanetwork], folder / "metanetwork.safetensors")
    >>> (again,) = load(folder / "metanetwork.safetensors")
    >>> np.array_equal(again.embed(encoders), metanetwork.embed(encoders))
    True
    """
    absent = "no such file; chapter 03_meta_autoencoder makes it"
    header, tensors = read_tensors(Path(path), absent)
    if "metanetwork" not in header or "seeds" not in header:
        raise ValueError(f"{path}: holds no metanetwork; chapter 03_meta_autoencoder makes it")
    parameters = MetanetworkParameters.of(json.loads(header["metanetwork"]))
    loaded = []
    for entry in json.loads(header["seeds"]):
        model = MetaAutoencoder(parameters).eval()
        prefix = f"{entry['seed']}."
        model.load_state_dict(
            {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
        )
        loaded.append(
            Metanetwork(
                entry["seed"],
                model,
                tuple(entry["unitwise_curve"]),
                tuple(entry["interunit_curve"]),
                entry["loss"],
            )
        )
    return loaded
