"""Networks that learn from weights alone, as the paper's does.

Each reads every model as often as the metanetwork and has the settings that won its trials
(:mod:`metanet_lib.experiments.peers.choices`). A title begins with *After* where a row has the name
of its authors' method and not all of its parts; what differs is listed in the modules of the
representations.
"""

from metanet_lib.experiments.peers.choices import chosen
from metanet_lib.experiments.peers.peer import Peer
from metanet_lib.representations.equivariant import EquivariantAutoencoder, EquivariantClassifier
from metanet_lib.representations.hyper import SANE, HyperRepresentation
from metanet_lib.representations.sets import SetAutoencoder


def deep(steps: int, batch_size: int) -> list[Peer]:
    """Return the rows that train a network on weights only, for so many steps of so many models.

    Examples
    --------
    >>> {peer.sees for peer in deep(steps=100, batch_size=32)}
    {'weights'}
    """
    training = {"steps": steps, "batch_size": batch_size}
    return [
        Peer(
            "set_autoencoder",
            "After set autoencoders",
            "weights only",
            "janakarajan2022",
            SetAutoencoder(**training, **chosen("set_autoencoder")),
            how="A recurrent cell reads the 16 filters by attention, whatever their order, and "
            "another writes 16 filters, each compared with the one that matches it best.",
            why="Nothing depends on the order of filters, but each of them must come back, with "
            "what is left of its random start.",
            sixteen="The state varies most in what helps most to write the filters back.",
            deep=True,
            reconstructs=True,
        ),
        Peer(
            "hyper_representation",
            "After hyper-representations",
            "weights only",
            "schuerholt2021,chen2020",
            HyperRepresentation(**training, **chosen("hyper_representation")),
            how="A transformer reads filters as tokens; it must rebuild them, and embed two "
            "permuted and partly erased views of a model alike.",
            why="Two views of one model are brought together, two models of one dataset are "
            "driven apart like any two: the contrast teaches the order away, not the random "
            "start.",
            sixteen="What is a single model's own is spread over many directions, and cut off.",
            invariant=False,
            deep=True,
            reconstructs=True,
        ),
        Peer(
            "sane",
            "After SANE",
            "weights only",
            "schuerholt2024,ainsworth2023",
            SANE(**training, **chosen("sane")),
            how="The same with an embedding for each token, from which it is rebuilt; the "
            "model's is their mean. All models are first put in one order of filters.",
            why="What the filters of a model have in common outlives a mean over them, while "
            "their random starts average out.",
            sixteen="As with the hyper-representation, the rest is mostly random starts.",
            deep=True,
            reconstructs=True,
        ),
        Peer(
            "equivariant_autoencoder",
            "Equivariant autoencoder",
            "weights only",
            "navon2023,zhou2023,zaheer2017",
            EquivariantAutoencoder(**training, **chosen("equivariant_autoencoder")),
            how="Layers that commute with permuting filters (those of DWSNets and NFN for one "
            "matrix) make 64 numbers for a model and 3 for each filter, from which the filters "
            "are rebuilt.",
            why="The 3 numbers of a filter take what is its own, so the model's are left "
            "with what its filters share, which is where the dataset shows.",
            sixteen="What its filters share varies in few directions.",
            deep=True,
            reconstructs=True,
        ),
        Peer(
            "equivariant_classifier",
            "Equivariant network, told the dataset",
            "weights only",
            "navon2023,zhou2023,zaheer2017",
            EquivariantClassifier(**training, **chosen("equivariant_classifier")),
            how="The same layers, trained to name the dataset; the embedding is the layer "
            "before the last.",
            why="It is told what to look for and learns to ignore the rest: a measure of what "
            "the weights hold, not a rival without labels.",
            sixteen="A layer that tells 20 datasets apart needs few directions more.",
            labels=True,
            deep=True,
        ),
    ]
