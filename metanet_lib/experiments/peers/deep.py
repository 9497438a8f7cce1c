"""Networks that learn from weights alone, as the paper's does."""

from metanet_lib.experiments.peers.peer import Peer, PeersParameters
from metanet_lib.representations.equivariant import EquivariantAutoencoder, EquivariantClassifier
from metanet_lib.representations.hyper import SANE, HyperRepresentation
from metanet_lib.representations.sets import SetAutoencoder


def deep(p: PeersParameters) -> list[Peer]:
    """Return the rows that train a network on weights only.

    Examples
    --------
    >>> {peer.sees for peer in deep(PeersParameters())}
    {'weights'}
    """
    return [
        Peer(
            "set_autoencoder",
            "Set autoencoder",
            "weights only",
            "janakarajan2022",
            SetAutoencoder(epochs=2 * p.epochs),
            how="A recurrent cell reads the 16 filters by attention, whatever their order, and "
            "another writes 16 filters, each compared with the one that matches it best.",
            why="Nothing depends on the order of filters, but each of them must come back, with "
            "what is left of its random start: much of the 16 numbers goes to that.",
            reconstructs=True,
        ),
        Peer(
            "hyper_representation",
            "Hyper-representation",
            "weights only",
            "schuerholt2021,chen2020",
            HyperRepresentation(epochs=p.epochs),
            how="A transformer reads filters as tokens; it must rebuild them, and embed two "
            "permuted and partly erased views of a model alike.",
            why="Two views of one model are brought together, two models of one dataset are "
            "driven apart like any two: the contrast teaches the order away, not the random "
            "start.",
            invariant=False,
        ),
        Peer(
            "sane",
            "SANE",
            "weights only",
            "schuerholt2024",
            SANE(epochs=p.epochs),
            how="The same with an embedding for each token, from which it is rebuilt; the "
            "model's is their mean.",
            why="A mean over filters is nearly free of their order by itself, and what the "
            "filters of a model have in common outlives it, while their random starts average "
            "out.",
            invariant=False,
        ),
        Peer(
            "equivariant_autoencoder",
            "Equivariant autoencoder",
            "weights only",
            "navon2023,zhou2023,zaheer2017",
            EquivariantAutoencoder(epochs=2 * p.epochs),
            how="Layers that commute with permuting filters (those of DWSNets and NFN for one "
            "matrix) make 16 numbers for a model and 3 for each filter, from which the filters "
            "are rebuilt.",
            why="The 3 numbers of a filter take what is its own, so the model's 16 are left "
            "with what its filters share, which is where the dataset shows.",
            reconstructs=True,
        ),
        Peer(
            "equivariant_classifier",
            "Equivariant network, told the dataset",
            "weights only",
            "navon2023,zhou2023,zaheer2017",
            EquivariantClassifier(epochs=p.epochs),
            how="The same layers, trained to name the dataset; the embedding is the layer "
            "before the last.",
            why="It is told what to look for and learns to ignore the rest: a measure of what "
            "the weights hold, not a rival without labels.",
            labels=True,
        ),
    ]
