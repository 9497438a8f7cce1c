"""From 16 numbers back to a model: models made for a dataset, between two, or of a code (5.4).

The paper's last idea: a model that is made where it is already interpreted, from a place in the
space of codes. A :class:`Generator` is made from the results of a run::

    from metanet_lib.interpret import Generator

    generator = Generator.of("results/quick")
    encoders = generator.models(generator.sample("v:cat", 5, seed=0), seed=0)

**Which codes.** Those of a dataset have a density: normal, about the mean of the dataset's models
that fit, with a covariance that all datasets share (their own are too few), shrunk as Ledoit and
Wolf do. Between two datasets, codes lie on the line from mean to mean.

**Which model.** What a code says a model does is what the models do whose codes are nearest, on
average (as Nadaraya 1964 estimates a regression). Of that, :meth:`Generator.decode` keeps the 16
strongest directions; :meth:`Generator.models` draws others for every start
(:func:`~metanet_lib.representations.functional.draw`). How strong a model is along its directions
is taken from one of the nearest models, and how it mixes them into 16 filters from another: a
decoder undoes both, but a ReLU sees them, and of one model alone they would be a copy.

An encoder alone reconstructs nothing; :func:`~metanet_lib.zoo.readout.train_readouts` fits the
rest.
"""

import json
from pathlib import Path
from typing import Self

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from metanet_lib import catalog
from metanet_lib.interpret.interpreter import read_run
from metanet_lib.representations.functional import FunctionalCode, draw, leading
from metanet_lib.representations.weights import projectors
from metanet_lib.zoo import CODES, INPUTS, Zoo

_NEAREST = 10  # models after which one is made; as many vote on what a model was trained on


class Generator:
    """Makes models from codes of the functional code.

    Parameters
    ----------
    code
        The functional code, fitted.
    zoo
        The models that fit the meta level.

    Attributes
    ----------
    codes
        Codes of the zoo's models, ``[m, 16]``.
    means
        Mean code of each dataset by id.
    covariance
        Of codes about their dataset's mean, ``[16, 16]``.

    Examples
    --------
    >>> generator = Generator(FunctionalCode(4).fit(encoders), zoo)
    >>> codes = generator.sample("v:aer", 3, seed=0)
    >>> codes.shape, generator.models(codes, seed=0).shape
    ((3, 4), (3, 256, 16))
    """

    def __init__(self, code: FunctionalCode, zoo: Zoo) -> None:
        self.code = code
        self.codes = code.transform(zoo.encoders)
        names = list(dict.fromkeys(zoo.datasets.tolist()))
        self.means = {name: self.codes[zoo.datasets == name].mean(0) for name in names}
        apart = self.codes - np.stack([self.means[name] for name in zoo.datasets])
        self.covariance = LedoitWolf(assume_centered=True).fit(apart).covariance_
        self._encoders = zoo.encoders
        self._near = NearestNeighbors(n_neighbors=min(_NEAREST, len(zoo))).fit(self.codes)

    @classmethod
    def of(cls, folder: Path | str) -> Self:
        """Read the zoo and the functional code of a run, such as ``results/quick``.

        Errors are those of :meth:`~metanet_lib.interpret.interpreter.Interpreter.of`.
        """
        code, _, zoo, _ = read_run(folder)
        return cls(code, zoo)

    def mean(self, dataset_id: str) -> np.ndarray:
        """Return the mean code of a dataset's models, ``[16]``.

        Raises
        ------
        ValueError
            If there is no such dataset, or none of its models fits the meta level.
        """
        catalog.dataset(dataset_id)
        if dataset_id not in self.means:
            raise ValueError(
                f"{dataset_id}: none of its models fits this run's meta level, so it has no code; "
                f"there are {', '.join(self.means)}"
            )
        code: np.ndarray = self.means[dataset_id]
        return code

    def sample(self, dataset_id: str, n: int, seed: int) -> np.ndarray:
        """Return codes drawn from the density of a dataset, ``[n, 16]``; errors as :meth:`mean`."""
        drawn: np.ndarray = np.random.default_rng(seed).multivariate_normal(
            self.mean(dataset_id), self.covariance, n
        )
        return drawn

    def between(self, first: str, last: str, share: float) -> np.ndarray:
        """Return the code on the way from one dataset, at 0, to another, at 1; ``[16]``.

        Raises
        ------
        ValueError
            As :meth:`mean`, or if the share is not in 0..1.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"expected a share of the way from 0 to 1, found {share}")
        code: np.ndarray = (1 - share) * self.mean(first) + share * self.mean(last)
        return code

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return the most likely models of codes ``[m, 16]``, float32 ``[m, 256, 16]``.

        They are as strong along their directions as the nearest model, and mix them as the next.
        """
        near = self._near.kneighbors(codes, return_distance=False)
        return self._like(near, self._functions(near))

    def decode_nothing(self) -> np.ndarray:
        """Return the most likely model of the whole zoo, whatever the code; float32 ``[256, 16]``.

        Made as :meth:`decode` makes models, but after all of the zoo's: what a code adds to it is
        what the code is good for.
        """
        total = np.zeros((INPUTS, INPUTS))
        for some in np.array_split(self._encoders, -(-len(self._encoders) // 500)):
            total += projectors(some.astype(np.float64)).sum(0)
        near = self._near.kneighbors(self.codes.mean(0)[None], return_distance=False)
        encoder: np.ndarray = self._like(near, total[None] / len(self._encoders))[0]
        return encoder

    def models(self, codes: np.ndarray, seed: int) -> np.ndarray:
        """Return models drawn for codes ``[m, 16]``, float32 ``[m, 256, 16]``.

        Model ``i`` of a seed has the same random start whatever its code: along a way from code to
        code a model changes by what the codes say alone.
        """
        near = self._near.kneighbors(codes, return_distance=False)
        rng = np.random.default_rng(seed)
        starts = rng.normal(size=(len(codes), INPUTS, CODES))
        shuffled = rng.permuted(np.tile(np.arange(near.shape[1]), (len(codes), 1)), axis=1)
        chosen = np.take_along_axis(near, shuffled, axis=1)
        return self._filled(draw(self._functions(near), starts), chosen[:, 0], chosen[:, -1])

    def _functions(self, near: np.ndarray) -> np.ndarray:
        """Return what models ``[m, k]`` of the zoo do on average, ``[m, 256, 256]``."""
        return np.stack([projectors(self._encoders[k].astype(np.float64)).mean(0) for k in near])

    def _like(self, near: np.ndarray, functions: np.ndarray) -> np.ndarray:
        """Return the most likely models of functions, filled as the nearest two of the zoo are."""
        return self._filled(leading(functions), near[:, 0], near[:, :2][:, -1])

    def _filled(self, spaces: np.ndarray, one: np.ndarray, another: np.ndarray) -> np.ndarray:
        """Return encoders of column spaces, as strong as models of the zoo and mixed as others.

        Spaces are given by what spans them, ``[m, 256, 16]``, and turned to lie as near to the
        strong directions of the first models as they go (orthogonal Procrustes).
        """
        along, strengths, _ = np.linalg.svd(self._encoders[one], full_matrices=False)
        mixing = np.linalg.svd(self._encoders[another], full_matrices=False).Vh
        strengths, basis = strengths[:, None], np.linalg.qr(spaces).Q
        left, _, right = np.linalg.svd(basis.mT @ (along * strengths**2))
        encoders: np.ndarray = (basis @ left @ right * strengths) @ mixing
        return encoders.astype(np.float32)


def read_codes(path: Path | str, dimensions: int = 16) -> np.ndarray:
    """Read codes from a JSON file: one list of numbers, or a list of such lists; ``[m, 16]``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds something else, or numbers that are not finite.

    Examples
    --------
    >>> _ = (folder / "code.json").write_text("[1, 2, 3]")
    >>> read_codes(folder / "code.json", dimensions=3)
    array([[1., 2., 3.]])
    """
    path = Path(path)
    expected = f"expected a list of {dimensions} numbers, or several such lists"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; {expected}, in JSON")
    try:
        codes = np.array(json.loads(path.read_text()), float)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {expected}, in JSON ({error})") from error
    codes = codes[None] if codes.ndim == 1 else codes
    if codes.ndim != 2 or not len(codes) or codes.shape[1] != dimensions:
        raise ValueError(f"{path}: {expected}, found numbers of shape {list(codes.shape)}")
    if not np.isfinite(codes).all():
        raise ValueError(f"{path}: {expected}, all finite; found NaN or infinity")
    return codes
