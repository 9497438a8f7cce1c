"""The zoo on disk: one shard, a safetensors file, for each dataset."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from metanet_lib import __version__, catalog
from metanet_lib.data.bank import Bank
from metanet_lib.store import read_tensors, write_atomically
from metanet_lib.workers import progress_bar, single_threaded
from metanet_lib.zoo.model import CODES, INPUTS, Autoencoder, ZooParameters
from metanet_lib.zoo.population import Population

MODELS_AT_ONCE = 16
"""Largest population trained together on a CPU: its calls cost little, its orders little memory."""


@dataclass(frozen=True)
class Shard:
    """The trained models of one dataset.

    The first ``models_fit`` models fit the meta level, the others validate it; the last
    ``models_new`` of these were trained on new files.

    Attributes
    ----------
    dataset_id
        The dataset.
    models_fit
        How many models fit the meta level (0 for an unseen dataset).
    models_new
        How many models were trained on new files (0 too if the dataset has too few files).
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

    Examples
    --------
    >>> Shard.load(folder / "absent.safetensors")
    Traceback (most recent call last):
    FileNotFoundError: ...: no such shard; `metanet zoo` or `make book` makes it
    """

    dataset_id: str
    models_fit: int
    models_new: int
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

    @property
    def whole(self) -> np.ndarray:
        """Which models did not diverge: all their weights are finite, bool ``[m]``."""
        return self.encoder.isfinite().all(2).all(1).numpy()

    @property
    def halves(self) -> np.ndarray:
        """Which half of the same files each model that fits has seen, ``[models_fit]``.

        -1 where models that fit have seen all of them.
        """
        models = np.arange(self.models_fit)
        halves = len(json.loads(self.header.get("half_patches", "[]")))
        return models % halves if halves else np.full_like(models, -1)

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
        missing = [n for n in TENSORS if n not in tensors] + [
            n for n in ("dataset", "models_fit", "models_new") if n not in header
        ]
        if missing:
            raise ValueError(f"{path}: not a shard of the zoo: it lacks {', '.join(missing)}")
        encoder = tensors["encoder"]
        if encoder.ndim != 3 or encoder.shape[1:] != (INPUTS, CODES):
            raise ValueError(
                f"{path}: expected encoder [m, {INPUTS}, {CODES}], found {list(encoder.shape)}"
            )
        return cls(
            header["dataset"],
            int(header["models_fit"]),
            int(header["models_new"]),
            header,
            **{n: tensors[n] for n in TENSORS},
        )

    @property
    def parts(self) -> tuple[slice, slice, slice]:
        """Which models fit, which validate on the same files, and which on new ones."""
        last = len(self) - self.models_new
        return slice(self.models_fit), slice(self.models_fit, last), slice(last, None)

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


TENSORS = tuple(f.name for f in fields(Shard) if f.type is Tensor)
"""The tensors of a shard."""


def make_shard(
    bank: Path | str,
    path: Path | str,
    parameters: ZooParameters,
    device: str = "cpu",
    threads: int = 1,
    progress: bool = False,
) -> bool:
    """Train the models of one dataset on its bank of patches and write its shard.

    The models for new files train on the bank of these, if the file holds one. If it holds banks of
    halves, model ``i`` of those that fit trains on the bank ``i`` modulo their number.

    Nothing is done if ``path`` already holds the shard of the same bank and parameters.

    Parameters
    ----------
    bank
        The file of the bank, see :class:`metanet_lib.data.bank.Bank`.
    path
        Where the shard goes; written whole or not at all.
    parameters
        How to train.
    device
        Where to train: ``cpu`` or ``cuda``.
    threads
        Populations trained at a time; the result does not depend on it.
    progress
        Show a progress bar.

    Returns
    -------
    bool
        Whether anything was trained.

    Raises
    ------
    FloatingPointError
        If all models diverge. One that does is reported with dataset, index and seed, and does not
        touch the others.

    Examples
    --------
    >>> from dataclasses import replace
    >>> bank = replace(Bank.of(torch.rand(64, 256)), dataset="v:aer")
    >>> bank.save(folder / "bank.safetensors")
    >>> few = ZooParameters(models_fit=2, models_validation=1, batch_size=8)
    >>> make_shard(folder / "bank.safetensors", folder / "v-aer.safetensors", few)
    True
    >>> Shard.load(folder / "v-aer.safetensors").encoder.shape
    torch.Size([3, 256, 16])
    """
    patches, new, halves = Bank.load(bank), Bank.load_new(bank), Bank.load_halves(bank)
    models_fit, models_validation, models_new = parameters.models(patches.dataset)
    models_new = models_new if new else 0
    header = {
        "dataset": patches.dataset,
        "models_fit": str(models_fit),
        "models_validation": str(models_validation),
        "models_new": str(models_new),
        "zoo": json.dumps(parameters.as_dict(), sort_keys=True),
        "patches": json.dumps(patches.facts(), sort_keys=True),
        "new_patches": json.dumps(new.facts() if new else None, sort_keys=True),
        "library_version": __version__,
    }
    if halves:
        header["half_patches"] = json.dumps([half.facts() for half in halves], sort_keys=True)
    if made_with(path) == header:
        return False
    models = models_fit + models_validation + models_new
    steps = models * parameters.epochs * (len(patches) // parameters.batch_size)
    validate, last = models_fit if halves else 0, models - models_new
    parts = [
        *((half, range(first, models_fit, len(halves))) for first, half in enumerate(halves)),
        (patches, range(validate, last)),
        *([(new, range(last, models))] if new else []),
    ]
    with (
        single_threaded(threads) as pool,
        progress_bar(total=steps, desc=patches.dataset, unit="step", disable=not progress) as bar,
    ):

        def train(bank: Bank, indices: range) -> dict[str, Tensor]:
            population = Population(parameters, patches.dataset, indices, device)
            curve = population.train(bank, bar.update)
            return {**population.tensors(), "loss_curve": curve}

        largest = population_size(parameters, device)
        groups = [
            (bank, indices[group.start : group.stop])
            for bank, indices in ((bank.to(device), indices) for bank, indices in parts)
            for group in groups_of(len(indices), threads, largest)
        ]
        trained = list(pool.map(train, *zip(*groups, strict=True)))
    place = torch.tensor([i for _, indices in groups for i in indices]).argsort()
    tensors = {name: torch.cat([of[name] for of in trained])[place] for name in trained[0]}
    diverged = (~tensors["encoder"].isfinite().all(2).all(1)).nonzero().flatten().tolist()
    if diverged:
        found = (
            f"{patches.dataset}: of {models} models, these diverged: {diverged} (seed "
            f"{parameters.seed}); a smaller learning_rate may help, and the patches bear a look"
        )
        if len(diverged) == models:
            raise FloatingPointError(found)
        print(f"{found}; they are left out of the zoo", file=sys.stderr)
    with write_atomically(path) as temporary:
        save_file(tensors, temporary, header)
    return True


def made_with(path: Path | str) -> dict[str, str]:
    """Return the header of a shard; none if there is no whole shard of this version's kind.

    Examples
    --------
    >>> made_with(folder / "absent.safetensors")
    {}
    """
    try:
        return Shard.load(path).header
    except (FileNotFoundError, ValueError):
        return {}


def population_size(parameters: ZooParameters, device: str) -> int:
    """Return how many models are best trained together.

    On a CPU :data:`MODELS_AT_ONCE`; on a GPU, as many as fit into four fifths of its free memory.

    Examples
    --------
    >>> population_size(ZooParameters(), "cpu")
    16
    """
    if torch.device(device).type == "cpu":
        return MODELS_AT_ONCE
    weights = 5 * (2 * CODES + 1) * INPUTS  # with gradients, Adam's moments and a temporary
    batch = parameters.batch_size * (2 * INPUTS + 12 * CODES)
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, int(0.8 * free / (4 * (weights + batch))))


def groups_of(models: int, threads: int, largest: int) -> list[range]:
    """Split ``range(models)`` into groups of about equal size, a whole number for each thread.

    No models are no groups.

    Examples
    --------
    >>> groups_of(models=20, threads=2, largest=16)
    [range(0, 10), range(10, 20)]
    """
    if not models:
        return []
    groups = min(models, threads * -(-models // (threads * largest)))
    bounds = np.linspace(0, models, groups + 1).astype(int).tolist()
    return [range(a, b) for a, b in pairwise(bounds)]


@dataclass(frozen=True)
class Zoo:
    """Models of several datasets, as the meta level sees them: weights and labels.

    Attributes
    ----------
    encoders
        float32 ``[m, 256, 16]``.
    datasets
        Dataset id of each model, ``[m]``.

    Examples
    --------
    >>> len(zoo), len(zoo.of(["a:air"]))
    (24, 8)
    >>> print(zoo.of(["a:air"]).modalities[0])
    audio
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
) -> tuple[Zoo, Zoo, Zoo]:
    """Read the shards of these datasets, all 41 by default, without models that diverged.

    Returns
    -------
    (Zoo, Zoo, Zoo)
        The models that fit the meta level; those that validate it on the same files; and those of
        training datasets that validate it on new files, none where a run has no such.

    Raises
    ------
    FileNotFoundError
        If a dataset's shard is missing.
    ValueError
        If none of the datasets trains the meta level.

    Examples
    --------
    >>> from dataclasses import replace
    >>> bank = replace(Bank.of(torch.rand(64, 256)), dataset="v:aer")
    >>> bank.save(folder / "bank.safetensors")
    >>> few = ZooParameters(models_fit=2, models_validation=1, batch_size=8)
    >>> _ = make_shard(folder / "bank.safetensors", folder / "v-aer.safetensors", few)
    >>> fit, validation, new = load_zoo(folder, [catalog.dataset("v:aer")])
    >>> len(fit), len(validation), len(new)
    (2, 1, 0)
    """
    shards = [Shard.load(Path(folder) / f"{d.slug}.safetensors") for d in datasets]
    if not any(shard.models_fit for shard in shards):
        raise ValueError(
            f"{folder}: expected models of at least one training dataset, found none; "
            "zoo.training_datasets of the profile names them"
        )
    fit, validation, new = (_stack(shards, part) for part in range(3))
    return fit, validation, new


def load_halves(folder: Path | str, datasets: Sequence[catalog.Dataset]) -> np.ndarray:
    """Return which half of its dataset's same files each model that fits has seen.

    The models are those that :func:`load_zoo` gives, in its order.

    Returns
    -------
    ndarray
        ``[m]``; -1 where models have seen all of the same files. Halves are numbered within a
        dataset.

    Raises
    ------
    FileNotFoundError
        If a dataset's shard is missing.

    Examples
    --------
    >>> from dataclasses import replace
    >>> whole, *halves = (replace(Bank.of(torch.rand(8, 256)), dataset="v:aer") for _ in range(3))
    >>> whole.save(folder / "bank.safetensors", halves=halves)
    >>> few = ZooParameters(models_fit=3, models_validation=1, batch_size=8)
    >>> _ = make_shard(folder / "bank.safetensors", folder / "v-aer.safetensors", few)
    >>> load_halves(folder, [catalog.dataset("v:aer")]).tolist()
    [0, 1, 0]
    """
    shards = [Shard.load(Path(folder) / f"{d.slug}.safetensors") for d in datasets]
    return np.concatenate([s.halves[s.whole[: s.models_fit]] for s in shards])


def _stack(shards: list[Shard], part: int) -> Zoo:
    parts = [s.encoder[s.parts[part]].numpy()[s.whole[s.parts[part]]] for s in shards]
    datasets = [np.full(len(own), s.dataset_id) for s, own in zip(shards, parts, strict=True)]
    return Zoo(np.concatenate(parts), np.concatenate(datasets))
