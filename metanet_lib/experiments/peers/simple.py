"""The paper's representation, and what can be read off the weights without a network."""

from collections.abc import Sequence

from metanet_lib.experiments.peers.choices import chosen
from metanet_lib.experiments.peers.peer import Peer, PeersParameters
from metanet_lib.metanetwork import Metanetwork, MetanetworkParameters
from metanet_lib.representations import RawWeights
from metanet_lib.representations.paper import SeededMetaEncoder, TunedMetaEncoder
from metanet_lib.representations.weights import (
    AlignedWeights,
    flat,
    gram,
    projector,
    reduced,
    spectrum,
    weight_statistics,
)


def paper(metanetworks: Sequence[Metanetwork], seconds: float | None) -> Peer:
    """Return the row of the run's own metanetworks.

    Examples
    --------
    >>> paper([metanetwork], seconds=None).seeds
    (0,)
    """
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


def tuned(parameters: MetanetworkParameters) -> Peer:
    """Return the row of the paper's method with settings chosen by as many trials as the others'.

    ``parameters`` are the run's own, which the chosen settings replace.

    Examples
    --------
    >>> tuned(MetanetworkParameters()).name
    'metanetwork_tuned'
    """
    return Peer(
        "metanetwork_tuned",
        "Metanetwork, settings chosen",
        "weights only",
        "metanetwork",
        TunedMetaEncoder(parameters, **chosen("metanetwork_tuned")),
        how="The paper's method again, with the settings that won as many trials as those of the "
        "other networks.",
        why="It says how much of what parts it from the others lies in settings.",
        deep=True,
        reconstructs=True,
    )


def simple(p: PeersParameters) -> list[Peer]:
    """Return the rows that see weights only and train no network.

    Examples
    --------
    >>> any(peer.labels for peer in simple(PeersParameters()))
    False
    """
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
            sixteen="What is left of random starts is spread over thousands of directions, and "
            "cut off; what the models of a dataset have in common lies in few.",
        ),
        Peer(
            "raw_pca",
            "Raw weights, in 16 numbers",
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
