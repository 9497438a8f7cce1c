"""From the paper's metanetwork to a better one, step by step, each a change to the one before."""

from dataclasses import dataclass

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from metanet_lib.experiments.peers.peer import Peer
from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.parameters import Parameters, decision
from metanet_lib.representations.end_to_end import EndToEnd
from metanet_lib.representations.functional import (
    FunctionalCode,
    RefinedFunctionalCode,
    Views,
)
from metanet_lib.representations.views import stationary
from metanet_lib.representations.weights import Components, reduced

FUNCTIONAL = "functional"
"""The row of the representation that the steps lead to."""


@dataclass(frozen=True)
class BeyondParameters(Parameters):
    """The size of the steps to a better metanetwork.

    Examples
    --------
    >>> BeyondParameters().seeds
    10
    """

    seeds: int = decision(10, "times each metanetwork that is trained is trained", "ours")
    steps: int = decision(
        2_000,
        "training steps of each metanetwork that is trained as one",
        "ours: of 32 models, so of as many filters as 16 steps of the paper's",
    )

    def __post_init__(self) -> None:
        self.require_positive("seeds", "steps")


def beyond(p: BeyondParameters, paper: MetanetworkParameters) -> list[Peer]:
    """Return the steps, and what stands beside them; ``paper`` has its shape and Adam.

    Examples
    --------
    >>> rows = beyond(BeyondParameters(), MetanetworkParameters())
    >>> [row.name for row in rows if row.labels]
    ['functional_discriminants']
    """
    seeds = tuple(range(p.seeds))
    return [
        Peer(
            "joint",
            "One optimisation of the whole",
            "weights only",
            "metanetwork",
            EndToEnd("joint", paper, p.steps),
            how="The paper's two parts, trained as one with the loss of the whole.",
            why="What rebuilds weights best is still what the mean over all models rebuilds best, "
            "and the order of filters still jumps where two of them change places.",
            reconstructs=True,
            seeds=seeds,
        ),
        Peer(
            "sets",
            "No sorting",
            "weights only",
            "zaheer2017",
            EndToEnd("set", paper, p.steps),
            how="What the convolutions give of each filter is pooled over filters; 16 filters are "
            "decoded, each compared with the one that matches it best.",
            why="The order is gone from both sides. Each filter must still come back, with what is "
            "left of its random start.",
            reconstructs=True,
            seeds=seeds,
        ),
        Peer(
            "functional_trained",
            "A loss of what models do",
            "weights only",
            "",
            EndToEnd("functional", paper, p.steps),
            how="The same network; the loss compares the spaces that the filters span.",
            why="The loss no longer asks for what does not matter. How near training comes to its "
            "closed optimum, the row *Column space*, is another question.",
            reconstructs=True,
            seeds=seeds,
        ),
        Peer(
            "functional_averaged",
            "Averaged over places",
            "weights only",
            "",
            reduced(stationary),
            how="The projector on the column space, averaged over all places in the window, in 16 "
            "principal components.",
            why="Of 32,896 numbers 481 are left. What a model does at one place only is gone: "
            "much of it accident, not all.",
        ),
        Peer(
            "functional_weighed",
            "Changes over places weighed less",
            "weights only",
            "",
            FunctionalCode(spectra_weight=0, neighbours=0),
            how="The projector on the column space, its changes from place to place weighed less, "
            "in 16 principal components: the closed optimum of a linear autoencoder.",
            why="Patches come from random places, so what a model does at one place and not at "
            "another is more often accident than what it does everywhere.",
            reconstructs=True,
        ),
        Peer(
            "functional_refined",
            "Trained on",
            "weights only",
            "",
            RefinedFunctionalCode(),
            how="A network that begins at that closed optimum and is trained on, by its loss.",
            why="It rebuilds more. What it adds is bent to the models that fit.",
            reconstructs=True,
            seeds=seeds,
        ),
        Peer(
            "task_aware",
            "A loss of how models encode",
            "weights only",
            "",
            EndToEnd("task", paper, p.steps),
            how="The network of *No sorting*; the loss is how badly the decoded model encodes "
            "patches of the dataset, which are seen when it is fitted, and only then.",
            why="Many spaces encode nearly equally well, so the loss says little about which of "
            "them a model has.",
            sees="patches in fitting",
            reconstructs=True,
            seeds=seeds,
        ),
        Peer(
            "functional_two_views",
            "Two views",
            "weights only",
            "",
            FunctionalCode(neighbours=0),
            how="Beside what a model does, the frequencies at which its filters lie; 16 principal "
            "components of both.",
            why="How a model shares its space out among filters is its own choice, and the "
            "projector forgets it.",
            reconstructs=True,
        ),
        Peer(
            FUNCTIONAL,
            "Functional code",
            "weights only",
            "fisher1936",
            FunctionalCode(),
            how="Of 64 principal components of both views, the 16 directions that vary most over "
            "all models, beside how much they vary between a model and its nearest neighbours.",
            why="Nearest neighbours mostly learned from one dataset, whichever that is, so what "
            "parts them is the accident of a training.",
            reconstructs=True,
        ),
        Peer(
            "functional_full",
            "Functional code, all numbers",
            "weights only",
            "",
            Views(),
            how="Both views as they are, without the bottleneck.",
            why="What it names more than the functional code is the price of 16 numbers.",
        ),
        Peer(
            "functional_discriminants",
            "Functional code, told the dataset",
            "weights only",
            "",
            make_pipeline(
                Views(),
                Components(64),
                LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto"),
            ),
            how="64 principal components of both views, then the directions, one fewer "
            "than datasets, that best part the datasets of the fit models.",
            why="A ceiling: which numbers one would keep who knows the answers.",
            labels=True,
        ),
    ]
