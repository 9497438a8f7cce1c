"""A better metanetwork: what its code is asked beside the four tasks, and what comes back of it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin

from metanet_lib.interpret import EMBEDDED, InterpretParameters, assess, embedded
from metanet_lib.zoo import CODES, Zoo


def floor_and_unseen(
    fitted: Mapping[str, TransformerMixin],
    fit: Zoo,
    validation: Zoo,
    interpret: InterpretParameters,
    seed: int = 0,
) -> pd.DataFrame:
    """Ask for datasets with the labels that vote shuffled, and for datasets that nobody fitted.

    Of each dataset that the meta level never met, the first half of its validation models votes on
    the other half. As many neighbours vote as there are models of a dataset, or as ``interpret``
    says if that is less. A dataset of fewer than four validation models is not asked about.

    Parameters
    ----------
    fitted
        Fitted representations by name.
    fit, validation
        The models that fit, and those that validate, of all datasets.
    interpret
        The meta-classifier.
    seed
        Of the shuffling.

    Returns
    -------
    DataFrame
        One row for each representation and question (``labels shuffled``, ``unseen datasets``):
        ``representation``, ``question``, ``k``, and the columns of
        :func:`metanet_lib.interpret.classifier.assess`. Without unseen datasets to ask about, no
        such rows.

    Examples
    --------
    >>> from metanet_lib.representations import RawWeights
    >>> rows = floor_and_unseen({"raw": RawWeights()}, zoo, zoo, InterpretParameters(k=1))
    >>> list(rows["question"])
    ['labels shuffled']
    """
    order = np.random.default_rng(seed).permutation(len(fit))
    questions = {"labels shuffled": (Zoo(fit.encoders, fit.datasets[order]), validation, interpret)}
    of_unseen = [
        np.flatnonzero(validation.datasets == name)
        for name in dict.fromkeys(validation.datasets)
        if name not in set(fit.datasets)
    ]
    halves = [np.array_split(places, 2) for places in of_unseen if len(places) > 3]
    if halves:
        voters, asked = (
            Zoo(validation.encoders[places], validation.datasets[places])
            for places in map(np.concatenate, zip(*halves, strict=True))
        )
        k = min(interpret.k, min(len(first) for first, _ in halves))
        questions["unseen datasets"] = voters, asked, replace(interpret, k=k)
    rows = []
    for name, representation in fitted.items():
        for question, (voters, asked, how) in questions.items():
            known, told = embedded(representation, voters, asked)
            verdict = assess("dataset_id", name, EMBEDDED, known, told, how)
            rows.append({**verdict.row, "question": question, "k": how.k})
    return pd.DataFrame(rows)


def space_kept(decoded: np.ndarray, encoders: np.ndarray) -> np.ndarray:
    """Return which share of each model's column space its decoded model has, ``[m]``.

    ``||QᵀQ'||² / 16``: 1 if the spaces are one, 1/16 on average if one of them is random.

    Parameters
    ----------
    decoded, encoders
        ``[m, 256, 16]``.

    Examples
    --------
    >>> space_kept(2 * encoders, encoders).round(4).tolist() == [1.0] * len(encoders)
    True
    """
    return shared(basis(decoded), basis(encoders))


def basis(encoders: np.ndarray) -> np.ndarray:
    """Return orthonormal bases of the column spaces of models ``[m, 256, 16]``, in their shape.

    Examples
    --------
    >>> space = basis(encoders[:1])[0]
    >>> np.allclose(space.T @ space, np.eye(16))
    True
    """
    return np.linalg.qr(encoders.astype(np.float64)).Q


def shared(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return which share two column spaces have in common: see :func:`space_kept`.

    Parameters
    ----------
    one, other
        Bases ``[..., 256, 16]`` of :func:`basis`.

    Examples
    --------
    >>> space = basis(encoders[:2])
    >>> shared(space[0], space).round(4)[0]
    np.float64(1.0)
    """
    common: np.ndarray = np.square(np.swapaxes(one, -1, -2) @ other).sum((-2, -1)) / CODES
    return common
