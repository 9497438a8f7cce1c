"""A bank: the patches that one dataset's models are trained on, in one file.

A patch is drawn with replacement, so that one window of a photograph or spectrogram may be drawn
many times. A bank holds every window once and, apart from them, which window each draw took. Grey
levels stay what they are, one byte each, and become 0..1 when they are read; what a spectrogram
holds is float32 in 0..1 already. So a million patches of photographs take 260 MB on disk, and as
many of sounds far less, since recordings have fewer windows than draws.

The file is ``safetensors`` and is mapped into memory: what is not read is not loaded. Nothing here
reads sound or pictures, so that a bank can be trained on wherever torch runs.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count, takewhile
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import save_file
from torch import Tensor

from metanet_lib import __version__
from metanet_lib.store import read_tensors, write_atomically

_TENSORS = ("windows", "limits", "draws")
_HALF = "half {}."  # what the names of a half's tensors and facts begin with
_ABSENT = "no such bank of patches; `metanet patches` or `make book` makes it"


@dataclass(frozen=True)
class Bank:
    """Patches of one dataset, in random order.

    Attributes
    ----------
    windows
        The different windows drawn, ``[u, 256]``: grey levels, uint8, or float32 in 0..1.
    limits
        The grey levels that normalisation takes to 0 and 1, float32 ``[2, 1]``, or ``[2, u]`` if
        windows differ in them.
    draws
        Which window each patch is, int32 ``[n]``.
    dataset
        Id of the dataset.
    files_used
        How many files the patches are from.
    skipped
        Name (within the corpus) and reason of each file that could not be used.
    places
        How many different windows the files have.
    extent
        How much was read: pixels of the photographs, or seconds of the recordings used.
    parameters
        How the bank was made, as plain values.
    sha256
        Digest of the tensors, once they have been in a file.

    Examples
    --------
    >>> bank = Bank.of(torch.rand(100, 256))
    >>> bank.save(folder / "bank.safetensors")
    >>> torch.equal(Bank.load(folder / "bank.safetensors").patches(), bank.patches())
    True
    """

    windows: Tensor
    limits: Tensor
    draws: Tensor
    dataset: str = ""
    files_used: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    places: int = 0
    extent: float = 0.0
    parameters: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""

    @classmethod
    def of(cls, patches: Tensor) -> Self:
        """Return a bank of these patches, float32 ``[n, 256]`` in 0..1, in this order."""
        draws = torch.arange(len(patches), dtype=torch.int32)
        return cls(patches, torch.tensor([[0.0], [1.0]]), draws)

    def __len__(self) -> int:
        return len(self.draws)

    def to(self, device: str | torch.device) -> Self:
        """Return the bank on another device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in _TENSORS})

    def patches(self, which: slice = slice(None)) -> Tensor:
        """Return patches, float32 ``[n, 256]`` in 0..1: all of them, or these."""
        rows = self.draws[which]
        out = torch.empty(len(rows), self.windows.shape[1], device=rows.device)
        self.gather(rows, out, torch.empty_like(out, dtype=self.windows.dtype))
        return out

    def gather(self, windows: Tensor, out: Tensor, scratch: Tensor) -> None:
        """Write windows, in 0..1, into ``out``.

        Parameters
        ----------
        windows
            Which windows, int32 ``[k]``.
        out
            float32 ``[k, 256]``.
        scratch
            Room for what is on disk: ``[k, 256]``, of the type of ``windows``.
        """
        if self.windows.dtype == torch.float32:
            torch.index_select(self.windows, 0, windows, out=out)
            return
        torch.index_select(self.windows, 0, windows, out=scratch)
        one_scope = self.limits.shape[1] == 1
        low, high = self.limits if one_scope else self.limits[:, windows.long(), None]
        torch.sub(scratch, low, out=out)
        out.mul_(1 / (high - low))

    def facts(self) -> dict[str, str]:
        """Return what is known of the bank beside its tensors, as strings."""
        return {
            "dataset": self.dataset,
            "files_used": str(self.files_used),
            "skipped": json.dumps(self.skipped),
            "places": str(self.places),
            "extent": repr(self.extent),
            "parameters": json.dumps(self.parameters, sort_keys=True),
            "sha256": self.sha256,
            "library_version": __version__,
        }

    def save(
        self, path: Path | str, new: "Bank | None" = None, halves: Sequence["Bank"] = ()
    ) -> None:
        """Write the bank as one safetensors file, whole or not at all.

        ``new`` is the bank of the same dataset's new files, ``halves`` are those of halves of its
        same files, if it has any; they go into the file.
        """
        tensors: dict[str, Tensor] = {}
        facts: dict[str, str] = {}
        parts = {"": self, "new.": new, **{_HALF.format(i): half for i, half in enumerate(halves)}}
        for prefix, bank in parts.items():
            if bank is None:
                continue
            own = {n: getattr(bank, n).contiguous() for n in _TENSORS}
            digest = hashlib.sha256()
            for tensor in own.values():
                digest.update(tensor.numpy().data)
            told = {**bank.facts(), "sha256": digest.hexdigest()}
            tensors |= {prefix + name: tensor for name, tensor in own.items()}
            facts |= {prefix + name: fact for name, fact in told.items()}
        with write_atomically(path) as temporary:
            save_file(tensors, temporary, facts)

    @classmethod
    def load_new(cls, path: Path | str) -> Self | None:
        """Map the bank of new files that a file holds beside the other; None if it holds none."""
        facts, _ = read_tensors(Path(path), _ABSENT)
        return cls._of_file(path, "new.") if "new.dataset" in facts else None

    @classmethod
    def load_halves(cls, path: Path | str) -> list[Self]:
        """Map the banks of halves that a file holds beside the other; none if it holds none."""
        facts, _ = read_tensors(Path(path), _ABSENT)
        there = takewhile(lambda prefix: f"{prefix}dataset" in facts, map(_HALF.format, count()))
        return [cls._of_file(path, prefix) for prefix in there]

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Map a bank that :meth:`save` has written into memory.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If the file is cut short, or no bank.
        """
        return cls._of_file(path, "")

    @classmethod
    def _of_file(cls, path: Path | str, prefix: str) -> Self:
        facts, tensors = read_tensors(Path(path), _ABSENT)
        facts = {n.removeprefix(prefix): f for n, f in facts.items() if n.startswith(prefix)}
        try:
            return cls(
                **{name: tensors[prefix + name] for name in _TENSORS},
                dataset=facts["dataset"],
                files_used=int(facts["files_used"]),
                skipped=tuple((name, reason) for name, reason in json.loads(facts["skipped"])),
                places=int(facts["places"]),
                extent=float(facts["extent"]),
                parameters=json.loads(facts["parameters"]),
                sha256=facts["sha256"],
            )
        except KeyError as error:
            raise ValueError(f"{path}: not a bank of patches: it lacks {error}") from error
