"""The metanetwork: a meta-autoencoder trained on the weights of models (paper, section 4.3).

A model to interpret is a set of 16 filters of 256 weights. The meta-autoencoder squeezes it to 16
numbers in three moves, and mirrors them to get the model back:

1. the *unit-wise* meta-autoencoder turns each filter, seen as a 16x16 picture, into 3 numbers;
2. *filter sorting* puts the 16 triples in order of one of their axes, since the order of the
   filters means nothing to what the model does;
3. the *inter-unit* meta-autoencoder turns the 48 sorted numbers into 16, linearly.

The two (``autoencoders``) are trained one after the other, on weights alone: no label, no patch
(``training``). :func:`train` does it once for one seed, :func:`train_seeds` for several, and
:func:`best` picks the seed that reconstructs the training models best, a choice that needs no
label. :func:`save` and :func:`load` keep them in a file (``file``).

A training step is made in two ways, and they agree:

- :class:`PlainStep`, as PyTorch makes it, to be read (``step``);
- :class:`CompiledStep`, by hand and compiled, to be used on a CPU (``compiled``, ``loops``).

Conventions: encoders ``[m, 256, 16]``, filters ``[n, 256]``, float32. Nothing here reads sound,
pictures or notebooks.
"""

from metanet_lib.metanetwork.autoencoders import (
    SIDE,
    InterunitAutoencoder,
    MetaAutoencoder,
    MetanetworkParameters,
    UnitwiseAutoencoder,
    filters_of,
    sort_filters,
)
from metanet_lib.metanetwork.compiled import CompiledStep, compiled
from metanet_lib.metanetwork.file import load, save
from metanet_lib.metanetwork.step import PlainStep
from metanet_lib.metanetwork.training import (
    Metanetwork,
    best,
    fit_autoencoder,
    initialise,
    train,
    train_seeds,
)

__all__ = [
    "SIDE",
    "CompiledStep",
    "InterunitAutoencoder",
    "MetaAutoencoder",
    "Metanetwork",
    "MetanetworkParameters",
    "PlainStep",
    "UnitwiseAutoencoder",
    "best",
    "compiled",
    "filters_of",
    "fit_autoencoder",
    "initialise",
    "load",
    "save",
    "sort_filters",
    "train",
    "train_seeds",
]
