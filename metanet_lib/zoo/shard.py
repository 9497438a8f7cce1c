"""The zoo on disk: one shard, a safetensors file, for each dataset."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from metanet_lib import __version__, catalog
from metanet_lib.bank import Bank
from metanet_lib.store import read_tensors, write_atomically
from metanet_lib.zoo.model import CODES, INPUTS, Autoencoder, ZooParameters
from metanet_lib.zoo.population import Population

MODELS_AT_ONCE = 64
"""Largest population trained side by side: bounds the memory and keeps a step in the cache."""


@dataclass(frozen=True)
class Shard:
    """The trained models of one dataset.

    The first ``models_fit`` models fit the meta level, the others validate it.

    Attributes
    ----------
    dataset_id
        The dataset.
    models_fit
        How many models fit the meta level (0 for an unseen dataset).
    header
        Strings: parameters, seeds, library version.
    encoder
        The models to interpret, float32 ``[m, 256, 16]``.
    decoder, decoder_bias
        float32 ``[m, 16, 256]`` and ``[m, 256]``.
    batch_norm_scale, batch_norm_shift, batch_norm_mean, batch_norm_var
        float32 ``[m, 16]``.
    loss_curve
        Training loss at evenly spaced steps, float32 ``[m, points]``.
    """

    dataset_id: str
    models_fit: int
    header: dict[str, str]
    encoder: Tensor
    decoder: Tensor
    decoder_bias: Tensor
    batch_norm_scale: Tensor
    batch_norm_shift: Tensor
    batch_norm_mean: Tensor
    batch_norm_var: Tensor
    loss_curve: Tensor

    def __len__(self) -> int:
        return len(self.encoder)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a shard.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If the file is not a shard, is damaged, or holds wrong shapes.
        """
        absent = "no such shard; `metanet zoo` or `make book` makes it"
        header, tensors = read_tensors(Path(path), absent)
        names = [f.name for f in fields(cls)][3:]
        missing = [n for n in names if n not in tensors] + [
            n for n in ("dataset", "models_fit") if n not in header
        ]
        if missing:
            raise ValueError(f"{path}: not a shard of the zoo: it lacks {', '.join(missing)}")
        encoder = tensors["encoder"]
        if encoder.ndim != 3 or encoder.shape[1:] != (INPUTS, CODES):
            raise ValueError(
                f"{path}: expected encoder [m, {INPUTS}, {CODES}], found {list(encoder.shape)}"
            )
        return cls(
            header["dataset"], int(header["models_fit"]), header, **{n: tensors[n] for n in names}
        )

    def model(self, i: int, parameters: ZooParameters | None = None) -> Autoencoder:
        """Return model ``i`` as a plain PyTorch module, ready to reconstruct patches."""
        model = Autoencoder(parameters).eval()
        model.load_state_dict(
            {
                "encoder.weight": self.encoder[i].T,
                "decoder.weight": self.decoder[i].T,
                "decoder.bias": self.decoder_bias[i],
                "batch_norm.weight": self.batch_norm_scale[i],
                "batch_norm.bias": self.batch_norm_shift[i],
                "batch_norm.running_mean": self.batch_norm_mean[i],
                "batch_norm.running_var": self.batch_norm_var[i],
                "batch_norm.num_batches_tracked": torch.tensor(0),
            }
        )
        return model


def make_shard(
    bank: Path | str,
    path: Path | str,
    parameters: ZooParameters,
    device: str = "cpu",
    progress: bool = False,
) -> bool:
    """Train the models of one dataset on its bank of patches and write its shard.

    Nothing is done if ``path`` already holds the shard of the same bank and parameters.

    Parameters
    ----------
    bank
        The file of the bank, see :class:`metanet_lib.bank.Bank`.
    path
        Where the shard goes; written whole or not at all.
    parameters
        How to train.
    device
        Where to train: ``cpu`` or ``cuda``.
    progress
        Show a progress bar.

    Returns
    -------
    bool
        Whether anything was trained.
    """
    patches = Bank.load(bank)
    models_fit, models_validation = parameters.models(patches.dataset)
    header = {
        "dataset": patches.dataset,
        "models_fit": str(models_fit),
        "models_validation": str(models_validation),
        "zoo": json.dumps(parameters.as_dict(), sort_keys=True),
        "patches": json.dumps(patches.facts(), sort_keys=True),
        "library_version": __version__,
    }
    if Path(path).is_file() and Shard.load(path).header == header:
        return False
    patches = patches.to(device)
    parts: list[dict[str, Tensor]] = []
    for indices in _groups(models_fit + models_validation):
        population = Population(parameters, patches.dataset, indices, device)
        curve = population.train(patches, progress)
        parts.append({**population.tensors(), "loss_curve": curve})
    tensors = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    with write_atomically(path) as temporary:
        save_file(tensors, temporary, header)
    return True


def _groups(models: int) -> Iterator[range]:
    """Split ``range(models)`` into groups of about equal size, none above MODELS_AT_ONCE."""
    groups = -(-models // MODELS_AT_ONCE)
    bounds = np.linspace(0, models, groups + 1).astype(int).tolist()
    return (range(a, b) for a, b in pairwise(bounds))


@dataclass(frozen=True)
class Zoo:
    """Models of several datasets, as the meta level sees them: weights and labels.

    Attributes
    ----------
    encoders
        float32 ``[m, 256, 16]``.
    datasets
        Dataset id of each model, ``[m]``.
    """

    encoders: np.ndarray
    datasets: np.ndarray

    def __len__(self) -> int:
        return len(self.encoders)

    @property
    def modalities(self) -> np.ndarray:
        """Modality of each model, ``[m]``."""
        return np.array(catalog.modalities(self.datasets))

    def of(self, dataset_ids: tuple[str, ...] | list[str]) -> "Zoo":
        """Return the models of these datasets only."""
        keep = np.isin(self.datasets, list(dataset_ids))
        return Zoo(self.encoders[keep], self.datasets[keep])


def load_zoo(
    folder: Path | str, datasets: Sequence[catalog.Dataset] = catalog.DATASETS
) -> tuple[Zoo, Zoo]:
    """Read the shards of these datasets, all 41 by default.

    Returns
    -------
    (Zoo, Zoo)
        The models that fit the meta level, and those that validate it.

    Raises
    ------
    FileNotFoundError
        If a dataset's shard is missing.
    ValueError
        If none of the datasets trains the meta level.
    """
    shards = [Shard.load(Path(folder) / f"{d.slug}.safetensors") for d in datasets]
    if not any(shard.models_fit for shard in shards):
        raise ValueError(
            f"{folder}: expected models of at least one training dataset, found none; "
            "zoo.training_datasets of the profile names them"
        )
    return _stack(shards, fit=True), _stack(shards, fit=False)


def _stack(shards: list[Shard], fit: bool) -> Zoo:
    parts = [
        (s.dataset_id, s.encoder[: s.models_fit] if fit else s.encoder[s.models_fit :])
        for s in shards
    ]
    return Zoo(
        np.concatenate([encoder.numpy() for _, encoder in parts]),
        np.concatenate([np.full(len(encoder), dataset_id) for dataset_id, encoder in parts]),
    )
