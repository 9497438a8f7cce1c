"""Can a corpus be used? Every file of every dataset is read, as a run will read it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from metanet_lib.catalog import DATASETS, Dataset
from metanet_lib.data.corpora import CorpusError
from metanet_lib.data.patches import PatchParameters, bank_of, dataset_files


@dataclass(frozen=True)
class Finding:
    """What there is of a dataset.

    Attributes
    ----------
    dataset
        The dataset.
    problem
        Why it cannot be used; empty if it can.
    files
        How many files are listed.
    extent
        Pixels of its photographs, or seconds of its recordings.
    patches
        How many different patches its files have.
    skipped
        Name and reason of each file that cannot be used.

    Examples
    --------
    >>> print(Finding(DATASETS[0], "no such folder").usable)
    False
    """

    dataset: Dataset
    problem: str = ""
    files: int = 0
    extent: float = 0.0
    patches: int = 0
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def usable(self) -> bool:
        """Whether a run can use the dataset."""
        return not self.problem

    def __str__(self) -> str:
        """Return one line: id, name, files, pixels or seconds, patches possible, problems."""
        vision = self.dataset.modality == "vision"
        extent = f"{self.extent / 1e6:,.1f} Mpixel" if vision else f"{self.extent:,.1f} s"
        problems = f"{len(self.skipped)} skipped" if self.skipped else "no problem"
        return (
            f"{self.dataset.id}  {self.dataset.name:<16}  {self.files:6,} files  {extent:>15}  "
            f"{self.patches:13,} patches  {problems if self.usable else 'cannot be used'}"
        )


def check(root: Path | str, parameters: PatchParameters | None = None) -> Iterator[Finding]:
    """Read every file of the 41 datasets and yield what was found, dataset by dataset.

    Parameters
    ----------
    root
        The folder of the raw corpora.
    parameters
        How files are read; the paper's way by default.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.

    Examples
    --------
    >>> finding = next(check(corpus))
    >>> finding.dataset.id, finding.files, finding.usable
    ('v:aer', 4, True)
    """
    if not Path(root).is_dir():
        raise FileNotFoundError(f"{root}: no such folder")
    one_patch = replace(parameters or PatchParameters(), per_dataset=1)
    for dataset in DATASETS:
        try:
            sources = dataset_files(root, dataset, one_patch)  # same and new ones
            bank = bank_of(root, dataset, sources, one_patch)
        except CorpusError as error:
            yield Finding(dataset, str(error))
        else:
            files = bank.files_used + len(bank.skipped)
            yield Finding(dataset, "", files, bank.extent, bank.places, bank.skipped)


def summary(root: Path | str, findings: Sequence[Finding]) -> str:
    """Return every file that will be skipped, every dataset that cannot be used, and a verdict.

    Examples
    --------
    >>> print(summary("folder", [Finding(DATASETS[0])]).splitlines()[-1])
    folder: 1 of 1 datasets can be used, 0 files skipped
    """
    skipped = dict(each for finding in findings for each in finding.skipped)
    reasons = dict.fromkeys(f.problem for f in findings if not f.usable)
    lines = []
    if skipped:
        lines += ["", "Skipped and counted; the rest of their datasets is used:"]
        lines += [f"  {Path(root) / name}: {reason}" for name, reason in skipped.items()]
    if reasons:
        lines += ["", "Cannot be used (`make book DATASETS=available` takes the other datasets):"]
    for reason in reasons:
        ids = ", ".join(f.dataset.id for f in findings if f.problem == reason)
        lines.append(f"  {ids}: {reason}")
    usable = sum(f.usable for f in findings)
    verdict = f"{usable} of {len(findings)} datasets can be used, {len(skipped)} files skipped"
    return "\n".join([*lines, "", f"{root}: {verdict}"])
