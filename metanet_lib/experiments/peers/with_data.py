"""Upper references: what may be said of a model whose dataset one can look at."""

from metanet_lib.experiments.peers.choices import chosen
from metanet_lib.experiments.peers.peer import Peer, PeersParameters
from metanet_lib.representations.with_data import (
    STATISTICS,
    MeLA,
    Model2Vec,
    PatchStatistics,
    Task2Vec,
)


def with_data(p: PeersParameters, statistic: str = STATISTICS[0]) -> list[Peer]:
    """Return the rows that are shown patches of each model's own dataset.

    ``statistic`` is what the dataset itself is told by, of
    :data:`~metanet_lib.representations.with_data.STATISTICS`.

    Examples
    --------
    >>> any(peer.sees == "weights" for peer in with_data(PeersParameters()))
    False
    """
    return [
        Peer(
            "patch_statistics",
            "The dataset itself",
            "with data access",
            "",
            PatchStatistics(statistic),
            how=f"No model at all: {statistic} of {p.samples} patches of its dataset, reduced to "
            "16 principal components; of five statistics, the one that does best on files held out "
            "of those that fit (chapter [6](06_dataset_or_files.ipynb)).",
            why="What a small autoencoder can learn of patches are their second moments; here they "
            "are measured directly, on fewer patches than a model has seen.",
            sees="patches",
        ),
        Peer(
            "task2vec",
            "After TASK2VEC",
            "with data access",
            "achille2019",
            Task2Vec(**chosen("task2vec")),
            how="How sensitive each unit of one shared probe network is to the patches: the "
            "diagonal of its Fisher information.",
            why="It measures which features of the probe network a dataset excites, second "
            "moments again, with the noise of a small sample.",
            sixteen="Hypothesis: its numbers rise and fall together with how much patches vary, so "
            "that few directions hold most of what they tell.",
            sees="patches",
        ),
        Peer(
            "model2vec",
            "After MODEL2VEC",
            "with data access",
            "achille2019",
            Model2Vec(references=p.landmarks, **chosen("model2vec")),
            how="The same, and half the way to those of some reference datasets whose patches "
            "the model's codes rebuild well.",
            why="Hypothesis: the model's own part adds what its dataset's place does not say. It "
            "moves the embedding as well, so it may also take away: compare with TASK2VEC.",
            sixteen="Hypothesis: as with TASK2VEC, few directions hold most.",
            sees="both",
            forward_passes=True,
        ),
        Peer(
            "mela",
            "Latent of MeLA",
            "with data access",
            "wu2018",
            MeLA(epochs=p.epochs, **chosen("mela")),
            how="A network reads half of the patches, pools them to 16 numbers and makes of "
            "these an autoencoder that has to rebuild the other half.",
            why="The 16 numbers are trained to hold what helps to rebuild the dataset's patches, "
            "which is what the models to interpret have learned too.",
            sees="patches",
            deep=True,
        ),
    ]
