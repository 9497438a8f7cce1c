"""The work of `metanet generate`: models made of codes, in a file, whole autoencoders if one likes.

:class:`Wish` says of what they are made, :func:`generate` makes them and writes them. The encoders
alone follow from a run's results. Batch normalisation and decoder need patches.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from metanet_lib import __version__, catalog
from metanet_lib.data.patches import PatchParameters, make_bank
from metanet_lib.interpret.generator import Generator, read_codes
from metanet_lib.store import Results, write_atomically
from metanet_lib.zoo import Shard, ZooParameters, train_readouts

READOUT_PATCHES = 16_384
"""On which batch normalisation and decoder are fitted."""
READOUT_STEPS = 1_000
"""Of their training: enough for shifts to grow, which open the ReLU."""


@dataclass(frozen=True)
class Wish:
    """What models are made of: a dataset, the way between two, or codes in a file.

    Attributes
    ----------
    dataset
        Id of a dataset.
    between, at
        Ids of two, and where on the way, 0..1.
    code
        A JSON file, see :func:`~metanet_lib.interpret.generator.read_codes`.
    n
        How many models; of each code of a file.
    seed
        Of sampled codes and random starts.

    Raises
    ------
    ValueError
        If not exactly one of the three is given, or a number is out of range.

    Examples
    --------
    >>> print(Wish(between=("v:cat", "a:flu"), at=0.25))
    between v:cat and a:flu at 0.25
    >>> Wish()
    Traceback (most recent call last):
    ValueError: expected one of --dataset, --between, --code; found 0 of them
    """

    dataset: str | None = None
    between: tuple[str, str] | None = None
    at: float = 0.5
    code: Path | None = None
    n: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        given = sum(what is not None for what in (self.dataset, self.between, self.code))
        if given != 1:
            raise ValueError(f"expected one of --dataset, --between, --code; found {given} of them")
        if self.n < 1 or self.seed < 0:
            raise ValueError(
                f"expected one model or more and a seed from 0, found {self.n} and {self.seed}"
            )

    def __str__(self) -> str:
        if self.between:
            return f"between {' and '.join(self.between)} at {self.at:g}"
        return f"for {self.dataset}" if self.dataset else f"of the code in {self.code}"

    @property
    def shares(self) -> dict[str, float]:
        """Share of each dataset; none if models are made of a code from a file."""
        if self.between:
            first, last = self.between
            return {first: 1 - self.at, last: self.at}
        return {self.dataset: 1.0} if self.dataset else {}

    def codes(self, generator: Generator) -> np.ndarray:
        """Return the codes to be decoded, ``[m, 16]``; errors as the generator's."""
        if self.dataset:
            return generator.sample(self.dataset, self.n, self.seed)
        if self.between:
            return np.repeat(generator.between(*self.between, self.at)[None], self.n, 0)
        assert self.code is not None
        return np.repeat(read_codes(self.code, generator.codes.shape[1]), self.n, 0)


def generate(wish: Wish, folder: Path | str, corpus: str | None, out: Path | str) -> int:
    """Make models of a run's codes, write them to a safetensors file, and return how many.

    Parameters
    ----------
    wish
        What they are made of.
    folder
        The results of a run.
    corpus
        ``demo`` or a folder: batch normalisation and decoder are trained for the encoders, on
        patches of the files that the run's models saw, and go into the file by the zoo's names.
    out
        The file; written whole or not at all.

    Raises
    ------
    FileNotFoundError
        If the results have no zoo, or no functional code.
    ValueError
        If there is no such corpus (:exc:`CorpusError`), if the wish cannot be met, if ``out`` is
        called otherwise, or if a decoder is to be fitted for a code without a dataset.

    Examples
    --------
    >>> generate(Wish("v:aer"), folder, None, folder / "made.safetensors")
    Traceback (most recent call last):
    FileNotFoundError: ...: expected the results of a run, ...
    """
    out = Path(out)
    if out.suffix != ".safetensors":
        raise ValueError(f"{out}: expected a file called .safetensors, found {out.suffix!r}")
    if corpus is not None and not wish.shares:
        raise ValueError(
            "--corpus fits a decoder on patches of a dataset, and a code from a file has none; "
            "leave --corpus out, or use --dataset or --between"
        )
    generator = Generator.of(folder)
    codes = wish.codes(generator)
    encoders = generator.models(codes, wish.seed)
    tensors = {"encoder": torch.from_numpy(encoders)}
    header = {
        "made": str(wish),
        "representation": "functional",
        "codes": json.dumps(codes.tolist()),
        "seed": str(wish.seed),
        "library_version": __version__,
    }
    if corpus is not None:
        tensors, told = _with_readouts(encoders, wish, Results.at(folder), corpus)
        header |= told
    with write_atomically(out) as temporary:
        save_file(tensors, temporary, header)
    return len(encoders)


def _with_readouts(
    encoders: np.ndarray, wish: Wish, results: Results, corpus: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return whole autoencoders by the zoo's names, and what the header says of their decoders."""
    place = Results("", corpus).corpus_folder
    parts = []
    for dataset_id, share in wish.shares.items():
        header = Shard.load(results.shard(catalog.dataset(dataset_id).slug)).header
        own = PatchParameters.of(json.loads(json.loads(header["patches"])["parameters"]))
        count = round(share * READOUT_PATCHES)
        if count:
            bank = make_bank(place, dataset_id, replace(own, per_dataset=count))
            parts.append(bank.patches())
    zoo = ZooParameters.of(json.loads(header["zoo"]))
    stack = train_readouts(encoders, torch.cat(parts), zoo, READOUT_STEPS, wish.seed)
    told = {"readout_steps": str(READOUT_STEPS), "readout_patches": str(READOUT_PATCHES)}
    return stack.tensors(), told
