"""Who takes part in the comparison: the paper's representation, and those of others.

A *peer* is a representation together with what a reader must know to judge it: what it is shown
(weights alone, or patches of a model's own dataset too), whether it is told labels, how it works,
and why it lands where it does. :func:`peers` lists them; :mod:`metanet_lib.leaderboard` runs the
list. One more peer is one more entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sklearn.base import TransformerMixin, clone

from metanet_lib.metanetwork import Metanetwork
from metanet_lib.parameters import Parameters, decision
from metanet_lib.representations import RawWeights
from metanet_lib.representations.paper import SeededMetaEncoder
from metanet_lib.representations.weights import (
    AlignedWeights,
    flat,
    gram,
    projector,
    reduced,
    spectrum,
    weight_statistics,
)

Group = Literal["weights only", "black box", "with data access"]
GROUPS: tuple[Group, ...] = ("weights only", "black box", "with data access")
"""Groups of peers, by what they may look at, the least first; the order of the table."""

Sees = Literal["weights", "patches", "both"]


@dataclass(frozen=True)
class PeersParameters(Parameters):
    """The size of the comparison with other representations."""

    seeds: int = decision(5, "times each representation with randomness is fitted", "ours")
    copies: int = decision(
        5, "orders of its filters in which augmentation shows each model", "ours"
    )
    epochs: int = decision(50, "training epochs of deep representations", "ours: as the paper's")
    probes: int = decision(256, "inputs that black-box representations show to each model", "ours")
    pairwise_models: int = decision(
        50,
        "models of each dataset that fit, and that validate, where each pair is compared",
        "ours: pairs grow with the square",
    )
    samples: int = decision(
        64, "patches of its dataset that are shown with each model, where data may be seen", "ours"
    )

    def __post_init__(self) -> None:
        self.require_positive("seeds", "copies", "epochs", "probes", "pairwise_models", "samples")


@dataclass(frozen=True)
class Peer:
    """One row of the comparison.

    Attributes
    ----------
    name, title
        In tables, and in words.
    group
        What it may look at.
    cite
        Keys of ``book/references.bib``, separated by commas; may be empty.
    representation
        A scikit-learn transformer, not yet fitted. If it has a parameter ``seed`` (or a step of a
        pipeline has), it is fitted with several.
    how, why
        A sentence each: how it works, and why it lands where it does; in Markdown.
    sees
        What ``fit`` and ``transform`` take: encoders ``[m, 256, 16]``; or samples of the patches of
        each model's dataset, ``[m, n, 256]``; or the tuple of both.
    labels
        Whether ``fit`` is told the dataset ids of the fit models. If not, ``y`` is None.
    forward_passes
        Whether models are run on inputs.
    invariant
        Whether the order of a model's filters changes nothing.
    reconstructs
        Whether the fitted representation has ``loss_``, the label-free measure by
        which the paper's rule chooses the headline among seeds.
    copies
        In how many orders of its filters each fit model is shown, to fitting and to k-NN.
    models_per_dataset
        How many models of each dataset it fits on, and how many it answers for, where all are too
        many.
    seeds
        Seeds to fit with, if they are given and not those of the run.
    fit_seconds
        Seconds that fitting took, where it was done before; otherwise they are measured.
    """

    name: str
    title: str
    group: Group
    cite: str
    representation: TransformerMixin
    how: str
    why: str
    sees: Sees = "weights"
    labels: bool = False
    forward_passes: bool = False
    invariant: bool = True
    reconstructs: bool = False
    copies: int = 1
    models_per_dataset: int | None = None
    seeds: tuple[int, ...] = ()
    fit_seconds: float | None = None

    @property
    def seed_names(self) -> list[str]:
        """The parameters of the representation that are seeds; none where nothing is random."""
        names = self.representation.get_params()
        return [name for name in names if name == "seed" or name.endswith("__seed")]

    def runs(self, parameters: PeersParameters) -> tuple[int, ...]:
        """Return the seeds with which it is fitted: one if nothing is random."""
        is_random = self.seed_names or self.copies > 1
        return self.seeds or tuple(range(parameters.seeds if is_random else 1))

    def of_seed(self, seed: int) -> TransformerMixin:
        """Return the representation of a seed, not yet fitted."""
        return clone(self.representation).set_params(**dict.fromkeys(self.seed_names, seed))


def peers(
    parameters: PeersParameters,
    metanetworks: Sequence[Metanetwork],
    metanetwork_seconds: float | None = None,
) -> list[Peer]:
    """Return all rows of the comparison, in the order of the table.

    Parameters
    ----------
    parameters
        Sizes.
    metanetworks
        The trained metanetworks of the run, one a seed: the paper's row.
    metanetwork_seconds
        Seconds that the training of one of them takes.
    """
    return [
        *_simple(parameters),
        _paper(metanetworks, metanetwork_seconds),
    ]


def _paper(metanetworks: Sequence[Metanetwork], seconds: float | None) -> Peer:
    return Peer(
        "metanetwork",
        "Metanetwork (the paper)",
        "weights only",
        "metanetwork",
        SeededMetaEncoder(tuple(metanetworks)),
        how="A convolutional autoencoder turns each filter into 3 numbers, the 16 triples are "
        "sorted, and a linear autoencoder turns them into 16 numbers.",
        why="Three numbers a filter keep what rebuilds it best on average, the strong, smooth "
        "filters; sorting lets one filter that changes rank shift all others; and what little "
        "tells apart two datasets of one modality has no weight in a mean squared error.",
        reconstructs=True,
        seeds=tuple(n.seed for n in metanetworks),
        fit_seconds=seconds,
    )


def _simple(p: PeersParameters) -> list[Peer]:
    """Weights only, and no network."""
    return [
        Peer(
            "raw_weights",
            "Raw weights",
            "weights only",
            "metanetwork",
            RawWeights(),
            how="The 4,096 weights as they are; the paper's baseline.",
            why="Random starts and the random order of filters set any two models far apart, so "
            "the models of smallest norm are everyone's neighbours (chapter "
            "[4](04_modality.ipynb)).",
            invariant=False,
        ),
        Peer(
            "raw_augmented",
            f"Raw weights in {p.copies} orders",
            "weights only",
            "",
            RawWeights(),
            how="Permutation augmentation: each fit model is there as it is and with its "
            f"filters in {p.copies - 1} other random orders, and the neighbours are sought "
            "among all of them.",
            why="A model's filters have 16! orders. A few more of them are as unlikely to match "
            "as the first.",
            invariant=False,
            copies=p.copies,
        ),
        Peer(
            "raw_aligned",
            "Raw weights, aligned",
            "weights only",
            "ainsworth2023",
            AlignedWeights(),
            how="Each model's filters are put in the order that matches a common reference "
            "best, the mean of the aligned fit models, by solving an assignment problem.",
            why="The order is gone, but the filters that are matched started from independent "
            "random weights, and what is left of these starts is in every distance.",
        ),
        Peer(
            "raw_pca",
            "Raw weights, 16 principal components",
            "weights only",
            "",
            reduced(flat),
            how="The 16 directions in which the raw weights of the fit models vary most.",
            why="It tells how many numbers are kept from how they are made. Noise in thousands "
            "of directions is cut off, and with it the hubs; the order of the filters is not.",
            invariant=False,
        ),
        Peer(
            "statistics",
            "Statistics of the weights",
            "weights only",
            "unterthiner2020",
            weight_statistics(),
            how="Mean, variance and the percentiles 0, 25, 50, 75 and 100 of all weights, each "
            "scaled to unit variance; 7 numbers.",
            why="How far weights grow depends on how bright and how varied the patches are, "
            "which differs between datasets; where in the patch they lie is lost.",
        ),
        Peer(
            "gram",
            "Gram matrix",
            "weights only",
            "",
            reduced(gram),
            how="`W Wᵀ`: for each two pixels, how alike they are weighted by all filters "
            "together, reduced to 16 principal components.",
            why="The order of the filters drops out exactly and their random starts average out "
            "over the 16 of them; what remains follows the covariance of the dataset's patches.",
        ),
        Peer(
            "projector",
            "Column space",
            "weights only",
            "",
            reduced(projector),
            how="The projector on the space that the filters span, reduced to 16 principal "
            "components.",
            why="An autoencoder's codes are good for as much as the space they span, and every "
            "mixing of filters that leaves it alone drops out, their scale too.",
        ),
        Peer(
            "spectrum",
            "Spectrum of the filters",
            "weights only",
            "",
            reduced(spectrum),
            how="The absolute 2-D Fourier transform of each filter, averaged over the 16 "
            "filters, reduced to 16 principal components.",
            why="Patches are taken at random places, so their statistics are nearly the same "
            "everywhere in the patch and a spectrum says what there is to say: which "
            "frequencies the dataset has, and how many of them the filters have learned.",
        ),
    ]
