"""Models as black boxes: run on inputs that have nothing to do with their datasets."""

from metanet_lib.experiments.peers.choices import chosen
from metanet_lib.experiments.peers.peer import Peer, PeersParameters
from metanet_lib.representations.learned_probes import Know2Vec, LearnedProbes
from metanet_lib.representations.pairwise import GromovWasserstein
from metanet_lib.representations.probes import CKA, ActivationCodes


def black_box(p: PeersParameters) -> list[Peer]:
    """Return the rows that show models inputs and look at their answers.

    Examples
    --------
    >>> all(peer.name for peer in black_box(PeersParameters()))
    True
    """
    return [
        Peer(
            "cka",
            "Answers compared by CKA",
            "black box",
            "kornblith2019,lee2001",
            CKA(n_probes=p.probes),
            how=f"{p.probes} probes (white noise, pink noise, dead leaves), and for each two of "
            "them how alike a model's codes are; nearest is whom linear CKA calls most alike.",
            why="Which probes a model tells apart follows from where its filters point, free of "
            "their order and of how strong they are.",
            sixteen="What differs between two models of one dataset is spread over many pairs of "
            "probes; what differs between datasets lies in few directions and is kept.",
            forward_passes=True,
        ),
        Peer(
            "activation_codes",
            "Activation codes",
            "black box",
            "he2021",
            ActivationCodes(n_probes=p.probes),
            how="Which of the 16 units are active on each probe, a binary code, and for each two "
            "probes in how many units their codes differ.",
            why="Signs alone forget how strongly a unit answers. What is left is the directions "
            "of the filters, each with its random start in it.",
            sixteen="As with CKA, the reduction averages away what is a single model's own.",
            forward_passes=True,
        ),
        Peer(
            "gromov_wasserstein",
            f"Gromov-Wasserstein distances to {p.landmarks} models",
            "black box",
            "gao2024,memoli2011,flamary2021",
            GromovWasserstein(landmarks=p.landmarks),
            how=f"How well a model's geometry of 30 probes can be matched with that of each of "
            f"{p.landmarks} models that fit, whichever probe is matched with which.",
            why="It may match any probe with any other, so it uses less than CKA, which knows "
            "that both models saw the same ones. A comparison takes about a thousand times as "
            "long as a distance between vectors, hence few probes and landmarks.",
            forward_passes=True,
        ),
        Peer(
            "know2vec",
            "After Know2Vec",
            "black box",
            "shang2025",
            Know2Vec(n_probes=p.probes),
            how="The probes that excite each unit most, and those on the boundaries between "
            "units, as a small image network sees them, weighed by a discriminant analysis that "
            "is told the datasets.",
            why="It was made for classifiers, whose outputs mean something and whose boundaries "
            "carry their knowledge; the units of an autoencoder compete for nothing.",
            labels=True,
            forward_passes=True,
        ),
        Peer(
            "learned_probes",
            "Learned probes, after ProbeGen",
            "black box",
            "kahana2025",
            LearnedProbes(epochs=p.probe_epochs, **chosen("learned_probes")),
            how="Probes are learned, with a deep linear generator, so that the answers name the "
            "dataset through a head of six layers; the embedding is the layer before the last.",
            why="It is told the labels and learns what to ask. Whether that makes more of a black "
            "box than fixed probes without labels, the table says.",
            sixteen="A layer that tells 20 datasets apart needs few directions more.",
            deep=True,
            labels=True,
            forward_passes=True,
        ),
    ]
