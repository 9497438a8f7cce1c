"""What a peer is: a representation, and what a reader must know to judge it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from sklearn.base import TransformerMixin, clone

from metanet_lib.parameters import Parameters, decision

Group = Literal["weights only", "black box", "with data access"]
GROUPS: tuple[Group, ...] = ("weights only", "black box", "with data access")
"""Groups of peers, by what they may look at, the least first; the order of the table."""

Sees = Literal["weights", "patches", "both", "patches in fitting"]


@dataclass(frozen=True)
class PeersParameters(Parameters):
    """The size of the comparison with other representations.

    Examples
    --------
    >>> PeersParameters().samples
    256
    """

    seeds: int = decision(
        3,
        "times each representation with randomness is fitted",
        "ours: at the paper's size, seeds of most rows differ by 0 to 3 points of dataset ID "
        "(standard deviation), where datasets drawn anew make about 25 (95 %)",
    )
    deep_seeds: int = decision(
        2,
        "times each is fitted whose training is as long as the metanetwork's, or so",
        "ours: fewer than `seeds`, since at the paper's size such a fit takes minutes",
    )
    copies: int = decision(
        5, "orders of its filters in which augmentation shows each model", "ours"
    )
    epochs: int = decision(
        50, "training epochs of the latent of MeLA, which reads patches", "ours: as the paper's"
    )
    probe_epochs: int = decision(150, "training epochs of learned probes", "their authors'")
    probes: int = decision(128, "inputs that black-box representations show to each model", "ours")
    landmarks: int = decision(
        40,
        "models that each model is compared with, where a comparison is costly",
        "ours: pairs grow with the square",
    )
    samples: int = decision(
        256, "patches of its dataset that are shown with each model, where data may be seen", "ours"
    )
    settings: Mapping[str, Mapping[str, Any]] = decision(
        {},
        "parameters of rows in place of their own, such as {sane: {temperature: 0.2}}",
        "ours: chapter 12 lists every row's own, its authors' or chosen once",
    )
    extra: tuple[str, ...] = decision(
        (),
        "rows of your own, each FILE.py:NAME, a scikit-learn transformer of encoders",
        "ours: chapter 17 writes one",
    )

    def __post_init__(self) -> None:
        self.require_positive(
            "seeds",
            "deep_seeds",
            "copies",
            "epochs",
            "probe_epochs",
            "probes",
            "landmarks",
            "samples",
        )
        ok = isinstance(self.settings, dict) and all(
            isinstance(values, dict) for values in self.settings.values()
        )
        self.require(ok, "settings", "parameters by row, as {row: {parameter: value}}")
        sources = isinstance(self.extra, tuple) and all(":" in str(each) for each in self.extra)
        self.require(sources, "extra", "a list of FILE.py:NAME")


@dataclass(frozen=True)
class Peer:
    """One row of the comparison, or two: see ``sixteen``.

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
        each model's dataset, ``[m, n, 256]``; or the tuple of both; or that in ``fit`` alone.
    labels
        Whether ``fit`` is told the dataset ids of the fit models. If not, ``y`` is None.
    forward_passes
        Whether models are run on inputs.
    invariant
        Whether the order of a model's filters changes nothing.
    sixteen
        Why its first 16 principal components, fitted on the fit models, land where they do. If
        given, they are a second row, of the same fit.
    deep
        Whether its training is long, and so it is fitted with ``deep_seeds`` seeds.
    reconstructs
        Whether the fitted representation has ``loss_``, the label-free measure by
        which the paper's rule chooses the headline among seeds.
    copies
        In how many orders of its filters each fit model is shown, to fitting and to k-NN.
    seeds
        Seeds to fit with, if they are given and not those of the run.
    fit_seconds
        Seconds that fitting took, where it was done before; otherwise they are measured.

    Examples
    --------
    >>> from metanet_lib.experiments.peers.simple import paper
    >>> paper([metanetwork], seconds=None).runs(PeersParameters())
    (0,)
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
    sixteen: str = ""
    deep: bool = False
    reconstructs: bool = False
    copies: int = 1
    seeds: tuple[int, ...] = ()
    fit_seconds: float | None = None

    def rows(self) -> "tuple[Peer, ...]":
        """Return its rows in the table: itself, and its 16 components where it has them.

        Both are called by what they keep, where there are two.
        """
        if not self.sixteen:
            return (self,)
        components = replace(
            self,
            name=f"{self.name}_pca",
            title=f"{self.title}, in 16 numbers",
            how="The same fit, reduced to the 16 directions in which the fit models vary most.",
            why=self.sixteen,
            sixteen="",
        )
        return replace(self, title=f"{self.title}, full width", sixteen=""), components

    @property
    def seed_names(self) -> list[str]:
        """The parameters of the representation that are seeds; none where nothing is random."""
        names = self.representation.get_params()
        return [name for name in names if name == "seed" or name.endswith("__seed")]

    def runs(self, parameters: PeersParameters) -> tuple[int, ...]:
        """Return the seeds with which it is fitted: one if nothing is random."""
        is_random = self.seed_names or self.copies > 1
        several = parameters.deep_seeds if self.deep else parameters.seeds
        return self.seeds or tuple(range(several if is_random else 1))

    def settings(self) -> dict[str, Any]:
        """Return what its representation is made with, but seeds: numbers and words by name.

        Examples
        --------
        >>> from metanet_lib.experiments.peers.deep import deep
        >>> deep(steps=9, batch_size=32)[0].settings()["steps"]
        9
        """
        kinds = (int, float, str, tuple)
        values = self.representation.get_params().items()
        return {n: v for n, v in values if isinstance(v, kinds) and n not in self.seed_names}

    def with_settings(self, values: Mapping[str, Any]) -> "Peer":
        """Return the row with other values in place of some of :meth:`settings`.

        Raises
        ------
        ValueError
            If it has no such setting; those it has are named.

        Examples
        --------
        >>> from metanet_lib.experiments.peers.deep import deep
        >>> deep(steps=9, batch_size=32)[0].with_settings({"steps": 4}).settings()["steps"]
        4
        """
        known = self.settings()
        if unknown := sorted(values.keys() - known.keys()):
            raise ValueError(
                f"row {self.name} has no setting {', '.join(unknown)}; "
                f"it has {', '.join(known) or 'none'}"
            )
        given = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
        return replace(self, representation=clone(self.representation).set_params(**given))

    def of_seed(self, seed: int) -> TransformerMixin:
        """Return the representation of a seed, not yet fitted."""
        return clone(self.representation).set_params(**dict.fromkeys(self.seed_names, seed))
