"""Settings that were chosen once: what was tried, on what it was chosen, and what won.

Each row that trains a network, the paper's too, got four trials: two settings with two values each.
A trial fits the row on three quarters of the fit models of each training dataset, with a quarter of
the training (all of it for TASK2VEC and MODEL2VEC, whose training is short), and asks it for the
dataset of the last quarter: the same k-NN vote as in the comparison, in 16 numbers where the row
has them. So labels of fit models were looked at; models that validate took no part. What was right
most often won, the earlier one where two are equal.

``benchmarks/choose.py`` runs the trials and writes ``choices.csv``, which lies beside this module.
:func:`chosen` reads what won, and the rows of the comparison are made with it.

Which view of a model the functional code takes was chosen once, too, among a few, on models of
files that no run of the book sees: ``benchmarks/candidates.py`` asked them and wrote
``candidates.csv``, which :func:`candidates` reads.
"""

import json
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from metanet_lib.interpret import percent

FILE = Path(__file__).with_name("choices.csv")
"""Every trial: its row, settings, what it was fitted on and asked, and what came out."""

CANDIDATES = Path(__file__).with_name("candidates.csv")
"""What was asked of each view that the functional code could have taken, and what came out."""


def _grid(**values: tuple[Any, ...]) -> tuple[dict[str, Any], ...]:
    return tuple(dict(zip(values, each, strict=True)) for each in product(*values.values()))


TRIALS: dict[str, tuple[dict[str, Any], ...]] = {
    "set_autoencoder": _grid(reads=(16, 2), learning_rate=(1e-3, 3e-3)),
    "hyper_representation": _grid(gamma=(0.5, 0.85), learning_rate=(3e-4, 1e-3)),
    "sane": _grid(gamma=(0.05, 0.5), learning_rate=(3e-4, 1e-3)),
    "equivariant_autoencoder": _grid(width=(64, 128), learning_rate=(1e-3, 3e-3)),
    "equivariant_classifier": _grid(width=(64, 128), learning_rate=(3e-4, 1e-3)),
    "metanetwork_tuned": _grid(embedding_activation=("relu", "linear"), learning_rate=(1e-3, 3e-3)),
    "learned_probes": _grid(n_probes=(128, 64), learning_rate=(3e-4, 1e-3)),
    "task2vec": _grid(widths=((64, 32), (128, 64)), learning_rate=(1e-3, 3e-3)),
    "model2vec": _grid(widths=((64, 32), (128, 64)), learning_rate=(1e-3, 3e-3)),
    "mela": _grid(width=(64, 128), learning_rate=(1e-3, 3e-3)),
}
"""What was tried for each row, first what its authors, or we before, had."""


@cache
def trials() -> pd.DataFrame:
    """Return every trial that was run.

    Returns
    -------
    DataFrame
        Columns ``row``, ``settings`` (JSON), ``share`` (of the training), ``models_fit``,
        ``models_asked``, ``correct`` (models named), ``loss`` (of reconstruction, if any) and
        ``seconds``.

    Examples
    --------
    >>> sorted(set(trials()["row"])) == sorted(TRIALS)
    True
    """
    return pd.read_csv(FILE)


def chosen(row: str) -> dict[str, Any]:
    """Return the settings of a row that won; the first, where no trial was run.

    Examples
    --------
    >>> sorted(chosen("sane"))
    ['gamma', 'learning_rate']
    """
    run = trials().query("row == @row").to_dict("records")
    right = {trial["settings"]: trial["correct"] for trial in run}
    return max(TRIALS[row], key=lambda settings: right.get(json.dumps(settings), -1))


def choices() -> pd.DataFrame:
    """Return the table of what was tried and what won, one line a row of the comparison.

    Returns
    -------
    DataFrame
        Columns ``row``; ``tried``, each trial's settings with its accuracy in per cent; ``won``;
        ``trials``, ``models_fit`` and ``models_asked``.

    Examples
    --------
    >>> set(choices()["trials"])
    {4}
    """
    lines = []
    for row, of_row in trials().groupby("row", sort=False):
        tried = [
            f"{_in_words(json.loads(t['settings']))}: {percent(t['correct'] / t['models_asked'])}"
            for t in of_row.to_dict("records")
        ]
        lines.append(
            {
                "row": row,
                "tried": "; ".join(tried),
                "won": _in_words(chosen(str(row))),
                "trials": len(of_row),
                "models_fit": of_row.models_fit.iloc[0],
                "models_asked": of_row.models_asked.iloc[0],
            }
        )
    return pd.DataFrame(lines)


def _in_words(settings: dict[str, Any]) -> str:
    def value(v: Any) -> str:
        return " and ".join(map(str, v)) if isinstance(v, list | tuple) else str(v)

    return ", ".join(f"{name.replace('_', ' ')} {value(v)}" for name, v in settings.items())


@cache
def candidates() -> pd.DataFrame:
    """Return what was asked of each view that the functional code could have taken.

    Returns
    -------
    DataFrame
        Columns ``candidate``, ``task``, ``n_fit``, ``n_validation``, ``n_correct``, ``accuracy``,
        ``bootstrap_low``, ``bootstrap_high``, ``worse_on_new_files`` (than the best there, by the
        paired interval) and ``chosen``.

    Examples
    --------
    >>> sorted(set(candidates()["task"]))
    ['dataset_id', 'dataset_id_new_files', 'modality', 'modality_new_files']
    """
    return pd.read_csv(CANDIDATES)
