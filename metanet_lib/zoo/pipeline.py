"""From raw corpus to zoo without the graph, for a chapter that is run on its own.

``make book`` makes the corpus and the zoo before the chapters run. Where a chapter runs alone,
these functions make what is missing, and leave alone what is there.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from metanet_lib.catalog import Dataset
from metanet_lib.data.bank import Bank
from metanet_lib.data.corpora import chosen, demo
from metanet_lib.data.patches import PatchParameters, bank_of, files_of, make_bank, write_banks
from metanet_lib.store import Results, locked
from metanet_lib.workers import side_by_side
from metanet_lib.zoo import ZooParameters, made_with, make_shard


def make_corpus(results: Results, datasets: str) -> tuple[Dataset, ...]:
    """Return the datasets of a run; write the demo corpus if the run is on it and it is not there.

    Parameters
    ----------
    results
        The run.
    datasets
        ``all``, or those ``available``: see :func:`metanet_lib.data.corpora.chosen`.

    Raises
    ------
    CorpusError
        If all datasets are asked for and some are missing.

    Examples
    --------
    >>> len(make_corpus(Results("mine", str(corpus)), "available"))
    41
    """
    if results.is_demo:
        demo.write(results.corpus_folder)
    return chosen(results.corpus_folder, datasets)


def make_zoo(
    results: Results, datasets: Sequence[Dataset], patches: PatchParameters, zoo: ZooParameters
) -> None:
    """Train the models of every dataset whose shard is not there or has other parameters.

    Examples
    --------
    >>> from metanet_lib.catalog import dataset
    >>> results = Results("mine", str(corpus), root=folder)
    >>> few = ZooParameters(models_fit=2, models_validation=1, batch_size=8)
    >>> make_zoo(results, [dataset("v:aer")], PatchParameters(per_dataset=64), few)
    >>> made_with(results.shard("v-aer"))["dataset"]
    'v:aer'
    """
    corpus = results.corpus_folder
    missing = [d for d in datasets if not _is_made(results.shard(d.slug), patches, zoo)]
    side_by_side(
        make_dataset,
        [(corpus, d, patches, zoo, results.shard(d.slug)) for d in missing],
        "model zoo",
        "dataset",
    )


def fresh_banks(
    results: Results, datasets: Sequence[Dataset], parameters: PatchParameters, seed: int
) -> dict[str, tuple[Bank, str]]:
    """Sample patches of datasets that no model of the run's zoo was trained on, as far as can be.

    Of the demo corpus, photographs and sounds are computed anew. Of a real one, photographs come
    from the listing that the run leaves out, where it leaves one out; else the files are the run's
    own, and the patches are other ones.

    Parameters
    ----------
    results
        The run.
    datasets
        The datasets.
    parameters
        How the run samples patches.
    seed
        Seed of the sampling, and of a new demo corpus: another than the run's.

    Returns
    -------
    dict
        For each dataset id, the bank, and in words what is new in it.

    Examples
    --------
    >>> from metanet_lib.catalog import dataset
    >>> results, few = Results("mine", str(corpus), root=folder), PatchParameters(per_dataset=64)
    >>> bank, new = fresh_banks(results, [dataset("a:cel")], few, seed=1)["a:cel"]
    >>> len(bank), new
    (64, 'other patches of the same files')
    """
    anew = replace(parameters, seed=seed)
    left_out = {"train": "val", "val": "train"}.get(parameters.voc_split)

    def bank(corpus: Path, dataset: Dataset) -> tuple[Bank, str]:
        if results.is_demo:
            new = "photographs" if dataset.modality == "vision" else "recordings"
            return make_bank(corpus, dataset.id, anew), f"{new} computed anew"
        if dataset.corpus == "voc" and left_out:
            other = replace(anew, voc_split=left_out)
            return make_bank(corpus, dataset.id, other), f"photographs of the listing {left_out!r}"
        same, _ = files_of(corpus, dataset, parameters)
        return bank_of(corpus, dataset, same, anew), "other patches of the same files"

    if not results.is_demo:
        return {d.id: bank(results.corpus_folder, d) for d in datasets}
    with TemporaryDirectory() as folder:
        corpus = Path(folder) / "demo"
        demo.write(corpus, seed, progress=False, datasets=datasets)
        return {d.id: bank(corpus, d) for d in datasets}


def make_dataset(
    corpus: Path, dataset: Dataset, patches: PatchParameters, zoo: ZooParameters, shard: Path
) -> None:
    """Train the models of one dataset, unless its shard is there with these parameters.

    Two chapters that ask for one shard at the same time train it once: one of them waits.

    Examples
    --------
    >>> from metanet_lib.catalog import dataset
    >>> few = ZooParameters(models_fit=2, models_validation=1, batch_size=8)
    >>> shard = folder / "a-cel.safetensors"
    >>> make_dataset(corpus, dataset("a:cel"), PatchParameters(per_dataset=64), few, shard)
    >>> made_with(shard)["dataset"]
    'a:cel'
    """
    with locked(shard.with_name(f".{dataset.slug}.lock")):
        if _is_made(shard, patches, zoo):
            return
        bank = shard.with_name(f".{dataset.slug}.bank.safetensors")
        fit, _, new = map(bool, zoo.models(dataset.id))
        try:
            write_banks(bank, corpus, dataset.id, patches, fit, new, threads=1)
            make_shard(bank, shard, zoo)
        finally:
            bank.unlink(missing_ok=True)


def _is_made(shard: Path, patches: PatchParameters, zoo: ZooParameters) -> bool:
    header = made_with(shard)
    if not header:
        return False
    of_patches = json.loads(json.loads(header["patches"])["parameters"])
    return (json.loads(header["zoo"]), of_patches) == (zoo.as_dict(), patches.as_dict())
