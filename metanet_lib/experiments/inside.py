"""The inside: what is in a filter, and what of it its three numbers keep.

A trained filter is a small picture with a few plain properties (:func:`filter_properties`). It
began as noise that anyone can draw again from the model's seed (:func:`initial_zoo`), so one can
tell how much of that noise is still there (:func:`left_over`). :func:`what_is_encoded` says which
of these the unit-wise embedding follows, and :func:`axis_activity` which of its axes follow
anything. :func:`typical_models` and :func:`nearest_models` turn embeddings back into filters to
look at.

Conventions: encoders ``[m, 256, 16]``, filters ``[n, 256]``, float32.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsRegressor, NearestNeighbors

from metanet_lib.catalog import Dataset
from metanet_lib.metanetwork import SIDE, Metanetwork
from metanet_lib.representations.parts import untrained
from metanet_lib.zoo import ModelSeed, Shard, Zoo, ZooParameters


def filter_properties(encoders: np.ndarray) -> pd.DataFrame:
    """Return plain properties of every filter.

    Parameters
    ----------
    encoders
        ``[m, 256, 16]``.

    Returns
    -------
    DataFrame
        A row for each of the ``m * 16`` filters, model after model: ``norm`` of its weights;
        their ``mean``; spatial ``frequency``, the mean over its power spectrum without the
        constant, in cycles a pixel (0 to 0.71); and ``direction``, from -1 (changes along a row, or
        time, alone) to 1 (along a column, or mel bands, alone), 0 where it changes alike.

    Examples
    --------
    >>> list(filter_properties(encoders))
    ['norm', 'mean', 'frequency', 'direction']
    """
    pictures = encoders.transpose(0, 2, 1).reshape(-1, SIDE, SIDE)
    power = np.abs(np.fft.fft2(pictures)) ** 2
    power[:, 0, 0] = 0
    cycles = np.fft.fftfreq(SIDE)
    radius = np.hypot(cycles[:, None], cycles)
    down, along = ((np.diff(pictures, axis=axis) ** 2).sum((1, 2)) for axis in (1, 2))
    return pd.DataFrame(
        {
            "norm": np.linalg.norm(pictures, axis=(1, 2)),
            "mean": pictures.mean((1, 2)),
            "frequency": (power * radius).sum((1, 2)) / power.sum((1, 2)),
            "direction": (down - along) / (down + along),
        }
    )


def initial_zoo(folder: Path | str, datasets: Sequence[Dataset]) -> tuple[Zoo, Zoo]:
    """Return the models of a zoo as they were before their first training step.

    The seed in a shard's header draws a model's initial weights again.

    Parameters
    ----------
    folder, datasets
        As for :func:`~metanet_lib.zoo.shard.load_zoo`, whose models these are, in its order.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from metanet_lib.data.bank import Bank
    >>> from metanet_lib.catalog import dataset
    >>> from metanet_lib.zoo import make_shard
    >>> bank = replace(Bank.of(torch.rand(64, 256)), dataset="v:aer")
    >>> bank.save(folder / "bank.safetensors")
    >>> few = ZooParameters(models_fit=2, models_validation=1, batch_size=8)
    >>> _ = make_shard(folder / "bank.safetensors", folder / "v-aer.safetensors", few)
    >>> fit, validation = initial_zoo(folder, [dataset("v:aer")])
    >>> len(fit), len(validation)
    (2, 1)
    """
    drawn: list[list[tuple[np.ndarray, str]]] = [[], []]
    for dataset in datasets:
        shard = Shard.load(Path(folder) / f"{dataset.slug}.safetensors")
        seed = ZooParameters.of(json.loads(shard.header["zoo"])).seed
        for part, models in zip(drawn, shard.parts[:2], strict=True):
            numbers = np.arange(len(shard))[models]
            for i in numbers[shard.whole[models]]:
                encoder = ModelSeed(seed, dataset.id, int(i)).glorot().T.numpy()
                part.append((encoder, dataset.id))
    fit, validation = (Zoo(*map(np.array, zip(*part, strict=True))) for part in drawn)
    return fit, validation


def left_over(trained: np.ndarray, initial: np.ndarray) -> np.ndarray:
    """Return how much of each trained filter its initial weights explain, ``[m, 16]``.

    That is the squared correlation of the filter's 256 weights before and after training: 1 for a
    model that was not trained, about 1/255 for filters that have nothing to do with each other.

    Parameters
    ----------
    trained, initial
        The same models' encoders ``[m, 256, 16]``, after and before training.

    Examples
    --------
    >>> bool(np.allclose(left_over(encoders, encoders), 1, atol=1e-4))
    True
    """
    after, before = (e - e.mean(axis=1, keepdims=True) for e in (trained, initial))
    shared = (after * before).sum(1) ** 2
    share: np.ndarray = shared / ((after**2).sum(1) * (before**2).sum(1))
    return share


def what_is_encoded(
    metanetwork: Metanetwork, encoders: np.ndarray, properties: pd.DataFrame
) -> pd.DataFrame:
    """Return how a filter's numbers follow properties of the filter.

    Parameters
    ----------
    metanetwork
        Its unit-wise part embeds the filters.
    encoders
        ``[m, 256, 16]``, at least five models.
    properties
        A row for each of their filters, as :func:`filter_properties` has them.

    Returns
    -------
    DataFrame
        A row for each property: Spearman's correlation with every axis of the embedding (none where
        the axis is the same number for all filters), and ``together``, the share of the property's
        variance (R squared) that the ten nearest filters on all axes predict for filters of models
        held out, in five folds.

    Examples
    --------
    >>> table = what_is_encoded(metanetwork, encoders, filter_properties(encoders))
    >>> len(table)
    4
    """
    embedded = metanetwork.embed_filters(encoders)
    codes = embedded.reshape(-1, embedded.shape[-1])
    model_of = np.repeat(np.arange(len(encoders)), embedded.shape[1])
    alive = codes.std(0) > 0
    rows = {}
    for name, values in properties.items():
        along = {
            f"axis {a + 1}": spearmanr(codes[:, a], values)[0] if on else float("nan")
            for a, on in enumerate(alive)
        }
        r2 = cross_val_score(
            KNeighborsRegressor(10), codes, values, groups=model_of, cv=GroupKFold(5), scoring="r2"
        )
        rows[name] = {**along, "together": r2.mean()}
    return pd.DataFrame.from_dict(rows, orient="index")


def axis_activity(metanetwork: Metanetwork, encoders: np.ndarray) -> pd.DataFrame:
    """Return for which share of filters each axis of the embedding is not zero.

    After ReLU, an axis that is zero for every filter is dead: it tells nothing, and no gradient
    reaches what stands before it.

    Parameters
    ----------
    metanetwork
        A trained metanetwork.
    encoders
        ``[m, 256, 16]``.

    Returns
    -------
    DataFrame
        A row for each axis: ``axis`` (from 1), ``before`` the first training step (batch
        normalisation over all these filters, as in training) and ``after`` the last, 0 to 1.

    Examples
    --------
    >>> activity = axis_activity(metanetwork, encoders)
    >>> list(activity), len(activity)
    (['axis', 'before', 'after'], 3)
    """
    start = untrained(metanetwork.model.parameters_, metanetwork.seed).model.train()
    with torch.no_grad():
        before = start.embed_filters(torch.from_numpy(encoders)).numpy()
    shares = [(e != 0).mean((0, 1)) for e in (before, metanetwork.embed_filters(encoders))]
    axes = range(1, before.shape[-1] + 1)
    return pd.DataFrame({"axis": axes, "before": shares[0], "after": shares[1]})


def typical_models(metanetwork: Metanetwork, zoo: Zoo) -> dict[str, np.ndarray]:
    """Return the encoder ``[256, 16]`` decoded from the mean embedding of each dataset's models.

    Examples
    --------
    >>> models = typical_models(metanetwork, zoo)
    >>> len(models), models["v:aer"].shape
    (3, (256, 16))
    """
    embeddings = metanetwork.embed(zoo.encoders)
    ids = list(dict.fromkeys(zoo.datasets))
    means = np.stack([embeddings[zoo.datasets == i].mean(0) for i in ids])
    return dict(zip(ids, metanetwork.decode(means), strict=True))


def nearest_models(
    metanetwork: Metanetwork, fit: Zoo, encoder: np.ndarray, k: int, metric: str = "euclidean"
) -> np.ndarray:
    """Return the indices ``[k]`` in ``fit`` of the models nearest to an encoder ``[256, 16]``.

    Examples
    --------
    >>> int(nearest_models(metanetwork, zoo, encoders[5], k=3)[0])
    5
    """
    known = NearestNeighbors(n_neighbors=k, metric=metric).fit(metanetwork.embed(fit.encoders))
    asked = metanetwork.embed(encoder[None])
    nearest: np.ndarray = known.kneighbors(asked, return_distance=False)[0]
    return nearest
