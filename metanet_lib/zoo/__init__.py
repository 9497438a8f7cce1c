"""The zoo: a population of models to interpret, trained on patches (paper, section 4.1).

A *model to interpret* is the encoder of a tiny autoencoder: 256 inputs, 16 codes, 256 outputs. The
encoder is dense without bias, then batch normalisation, then ReLU; the decoder is dense with bias.
What the paper interprets is the 256x16 encoder matrix alone; its 16 columns are the *filters*.

There are two ways to train one, and they agree:

- :class:`Autoencoder` with :func:`train_one`, the plain PyTorch reference, to be read (``model``);
- :class:`Population`, many at once in batched tensor code, to be used (``population``).

Each model has its own initialisation, sample order and optimiser state. Model ``i`` of dataset
``d`` depends on the seed, ``d``, ``i``, the parameters and the patches, and on nothing else (beside
others or alone, its weights agree to 1e-5 relative). :func:`make_shard` trains the models of one
dataset and stores them; :func:`load_zoo` reads all 41 datasets (``shard``).

Conventions: patches are float32 ``[n, 256]`` in 0..1; a leading axis ``m`` counts models; encoders
are stored as ``[m, 256, 16]``. Nothing here reads sound, pictures or notebooks.
"""

from metanet_lib.zoo.model import (
    CODES,
    INPUTS,
    Autoencoder,
    ModelSeed,
    ZooParameters,
    checked_encoders,
    finite,
    initial_model,
    train_one,
)
from metanet_lib.zoo.population import LOSS_POINTS, Population
from metanet_lib.zoo.readout import Moments, linear_error, train_readouts, trained_error
from metanet_lib.zoo.shard import (
    MODELS_AT_ONCE,
    Shard,
    Zoo,
    groups_of,
    load_halves,
    load_zoo,
    made_with,
    make_shard,
    population_size,
)

__all__ = [
    "CODES",
    "INPUTS",
    "LOSS_POINTS",
    "MODELS_AT_ONCE",
    "Autoencoder",
    "ModelSeed",
    "Moments",
    "Population",
    "Shard",
    "Zoo",
    "ZooParameters",
    "checked_encoders",
    "finite",
    "groups_of",
    "initial_model",
    "linear_error",
    "load_halves",
    "load_zoo",
    "made_with",
    "make_shard",
    "population_size",
    "train_one",
    "train_readouts",
    "trained_error",
]
