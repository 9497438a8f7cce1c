"""One model to interpret: its parameters, its randomness, and the reference way to train it."""

import zlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from metanet_lib import catalog
from metanet_lib.parameters import Parameters, decision

INPUTS = 256
"""Numbers in a patch: 16x16."""
CODES = 16
"""Filters of a model, and numbers in its code."""


@dataclass(frozen=True)
class ZooParameters(Parameters):
    """How the models to interpret are trained. The defaults are the paper's.

    Examples
    --------
    >>> ZooParameters().models("v:aer"), ZooParameters().models("v:tvm")
    ((500, 100, 100), (0, 100, 0))
    """

    models_fit: int = decision(
        500,
        "models of each training dataset that fit the meta level",
        "section 4.1: 500 of the 600 models of a dataset",
    )
    models_validation: int = decision(
        100,
        "models of each of the 41 datasets that validate it",
        "section 4.1: the other 100; the unseen datasets need only these",
    )
    models_new: int = decision(
        100,
        "models of each training dataset that train on its new files, and validate",
        "ours: as many as validate on the same files",
    )
    training_datasets: tuple[str, ...] = decision(
        catalog.TRAINING_IDS,
        "the datasets whose models train the meta level",
        "open: 10 + 5 + 5 in the paper, unnamed; the first of each corpus in its own order",
    )
    epochs: int = decision(
        1,
        "passes over a dataset's patches",
        "section 4.1: one epoch over 1,000,000 patches",
    )
    batch_size: int = decision(
        32,
        "patches in a training step; an incomplete last batch is dropped",
        "open: the default of Keras, whose words the paper uses",
    )
    learning_rate: float = decision(
        1e-3, "Adam's step size", "open: the default of Adam (Kingma and Ba 2014)"
    )
    adam_betas: tuple[float, float] = decision(
        (0.9, 0.999),
        "decays of Adam's means of the gradient and of its square",
        "open: the defaults of Adam (Kingma and Ba 2014)",
    )
    adam_epsilon: float = decision(1e-7, "Adam's epsilon", "open: the default of Keras")
    batch_norm_epsilon: float = decision(
        1e-3, "added to the variance in batch normalisation", "open: the default of Keras"
    )
    batch_norm_momentum: float = decision(
        0.01,
        "share of the newest batch in the running mean and variance",
        "open: the default of Keras; plays no part in the encoder matrix",
    )
    seed: int = decision(
        0, "base seed of initialisations and sample orders", "section 7: everything is seeded"
    )

    def __post_init__(self) -> None:
        self.require_positive(
            "models_validation",
            "epochs",
            "batch_size",
            "learning_rate",
            "adam_epsilon",
            "batch_norm_epsilon",
        )
        for name in ("models_fit", "models_new"):
            self.require(getattr(self, name) >= 0, name, "zero or more")
        self.require(self.batch_size > 1, "batch_size", "at least 2 (batch normalisation)")
        self.require(0 < self.batch_norm_momentum <= 1, "batch_norm_momentum", "in 0..1")
        self.require_betas("adam_betas")
        for dataset_id in self.training_datasets:
            catalog.dataset(dataset_id)

    def models(self, dataset_id: str) -> tuple[int, int, int]:
        """Return how many models of a dataset fit, validate, and validate on new files."""
        trains = dataset_id in self.training_datasets
        return self.models_fit * trains, self.models_validation, self.models_new * trains


class Autoencoder(nn.Module):
    """The autoencoder whose encoder is the model to interpret (section 4.1): 256-16-256.

    Takes patches ``[n, 256]``, gives reconstructions ``[n, 256]``.

    Examples
    --------
    >>> Autoencoder().codes(torch.rand(10, 256)).shape
    torch.Size([10, 16])
    """

    def __init__(self, parameters: ZooParameters | None = None) -> None:
        super().__init__()
        p = parameters or ZooParameters()
        self.encoder = nn.Linear(INPUTS, CODES, bias=False)
        self.batch_norm = nn.BatchNorm1d(CODES, p.batch_norm_epsilon, p.batch_norm_momentum)
        self.decoder = nn.Linear(CODES, INPUTS)

    def codes(self, patches: Tensor) -> Tensor:
        """Return the codes ``[n, 16]`` of patches ``[n, 256]``."""
        return torch.relu(self.batch_norm(self.encoder(patches)))

    def forward(self, patches: Tensor) -> Tensor:
        """Return the reconstructions of patches."""
        out: Tensor = self.decoder(self.codes(patches))
        return out


def checked_encoders(encoders: np.ndarray) -> np.ndarray:
    """Return encoders as an array.

    Raises
    ------
    ValueError
        If their shape is not ``[m, 256, 16]``.

    Examples
    --------
    >>> checked_encoders(encoders).shape
    (24, 256, 16)
    >>> checked_encoders(encoders[0])
    Traceback (most recent call last):
    ValueError: expected encoders [m, 256, 16], found (256, 16)
    """
    encoders = np.asarray(encoders)
    if encoders.ndim != 3 or encoders.shape[1:] != (INPUTS, CODES):
        raise ValueError(f"expected encoders [m, {INPUTS}, {CODES}], found {encoders.shape}")
    return encoders


def finite(encoders: np.ndarray) -> np.ndarray:
    """Return encoders ``[m, 256, 16]`` as they are.

    Raises
    ------
    ValueError
        If they have another shape or hold values that are not finite.

    Examples
    --------
    >>> finite(encoders).shape
    (24, 256, 16)
    """
    checked = checked_encoders(encoders)
    bad = np.flatnonzero(~np.isfinite(checked).all((1, 2)))
    if len(bad):
        raise ValueError(f"the weights of {len(bad)} models are not finite, first: {bad[0]}")
    return checked


class ModelSeed:
    """The randomness of one model: its initial weights, then its sample order, epoch by epoch.

    Examples
    --------
    >>> one, same, other = (ModelSeed(0, "v:aer", i).glorot() for i in (0, 0, 1))
    >>> torch.equal(one, same), torch.equal(one, other)
    (True, False)
    """

    def __init__(self, seed: int, dataset_id: str, index: int) -> None:
        self._generator = np.random.default_rng([seed, zlib.crc32(dataset_id.encode()), index])
        self._limit = float(np.sqrt(6 / (INPUTS + CODES)))

    def glorot(self) -> Tensor:
        """Return Glorot uniform weights ``[16, 256]`` (Glorot and Bengio 2010)."""
        drawn = self._generator.uniform(-self._limit, self._limit, (CODES, INPUTS))
        return torch.from_numpy(drawn.astype(np.float32))

    def order(self, n: int) -> Tensor:
        """Return the next epoch's order: a permutation of ``0..n-1``, int32 ``[n]``."""
        return torch.from_numpy(self._generator.permutation(np.arange(n, dtype=np.int32)))


def initial_model(source: ModelSeed, parameters: ZooParameters) -> Autoencoder:
    """Return a model before its first step: encoder, then decoder drawn from ``source``.

    Examples
    --------
    >>> initial_model(ModelSeed(0, "v:aer", 0), ZooParameters()).encoder.weight.shape
    torch.Size([16, 256])
    """
    model = Autoencoder(parameters)
    with torch.no_grad():
        model.encoder.weight.copy_(source.glorot())
        model.decoder.weight.copy_(source.glorot().T)
        model.decoder.bias.zero_()
    return model


def train_one(
    patches: Tensor, dataset_id: str, index: int, parameters: ZooParameters
) -> Autoencoder:
    """Train model ``index`` of a dataset with the plain PyTorch loop: the reference.

    ``patches`` is float32 ``[n, 256]``. Returns the trained model.

    Examples
    --------
    >>> model = train_one(torch.rand(256, 256), "v:aer", 0, ZooParameters(batch_size=32))
    >>> model(torch.rand(2, 256)).shape
    torch.Size([2, 256])
    """
    source = ModelSeed(parameters.seed, dataset_id, index)
    model = initial_model(source, parameters).train()
    adam = torch.optim.Adam(
        model.parameters(),
        lr=parameters.learning_rate,
        betas=parameters.adam_betas,
        eps=parameters.adam_epsilon,
    )
    steps = len(patches) // parameters.batch_size
    for _ in range(parameters.epochs):
        order = source.order(len(patches))
        for batch in order[: steps * parameters.batch_size].view(steps, -1):
            x = patches[batch]
            loss = nn.functional.mse_loss(model(x), x)
            adam.zero_grad()
            loss.backward()
            adam.step()
    return model
