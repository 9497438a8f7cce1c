"""The zoo of a run as a data set: a folder that others read without this library.

``models/*.safetensors`` hold the models, one file a dataset; ``index.csv`` has a row for each model
(one that diverged in training has none); ``README.md`` is the card; ``SHA256SUMS`` lets ``sha256sum
--check`` and :func:`check_zoo` verify that all came over whole. Nothing of the corpora is in it.
"""

import csv
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
from safetensors.numpy import load_file
from safetensors.torch import save_file

from metanet_lib import __version__, catalog
from metanet_lib.data.corpora.fetch import ARCHIVES
from metanet_lib.store import DEMO_CORPUS, Results, sha256
from metanet_lib.zoo.shard import TENSORS, Shard

COLUMNS = ("file", "row", "dataset", "role", "seed", "parameters", "final_loss")
"""Columns of ``index.csv``."""
ROLES = ("fit", "validation", "new files")
"""What a model is for: the parts of :attr:`metanet_lib.zoo.shard.Shard.parts`."""
_SUMS = "SHA256SUMS"
_READ = """import numpy as np
from safetensors.numpy import load_file
index = np.loadtxt("index.csv", str, delimiter=",", skiprows=1)
files = {file: load_file(file) for file in set(index[:, 0])}
encoders = np.stack([files[file]["encoder"][int(row)] for file, row in index[:, :2]])"""


def export_zoo(results: Path | str, out: Path | str) -> int:
    """Write the zoo of a run as a data set, whole or not at all.

    Parameters
    ----------
    results
        The folder of the run.
    out
        The folder that it becomes; it must not exist yet, or be empty.

    Returns
    -------
    int
        How many models were written.

    Raises
    ------
    FileNotFoundError
        If the run has no zoo.
    FileExistsError
        If ``out`` holds something.

    Examples
    --------
    >>> export_zoo(folder / "nowhere", folder / "out")
    Traceback (most recent call last):
    FileNotFoundError: ...nowhere/zoo: no shards; `make book` trains the zoo of a run
    """
    run, out = Results.at(results), Path(out)
    shards = run.shards
    if not shards:
        raise FileNotFoundError(f"{run.zoo}: no shards; `make book` trains the zoo of a run")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out}: expected a new or an empty folder, found one with files")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        place = Path(folder) / "zoo"
        (place / "models").mkdir(parents=True)
        rows: list[dict[str, str | int]] = []
        parameters: dict[str, str] = {}
        for path in shards:
            shard, file = Shard.load(path), f"models/{path.name}"
            known = json.dumps(_parameters(shard), sort_keys=True)
            name = parameters.setdefault(known, f"p{len(parameters)}")
            rows += list(_rows(shard, file, name))
            tensors = {n: getattr(shard, n).contiguous() for n in TENSORS}
            save_file(tensors, place / file, {"dataset": shard.dataset_id, "parameters": known})
        with open(place / "index.csv", "w", newline="") as index:
            writer = csv.DictWriter(index, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        named = {name: json.loads(known) for known, name in parameters.items()}
        (place / "parameters.json").write_text(json.dumps(named, indent=1) + "\n")
        (place / "README.md").write_text(_card(run, rows))
        (place / _SUMS).write_text("".join(f"{sha256(place / f)}  {f}\n" for f in _files(place)))
        if out.exists():
            out.rmdir()
        shutil.move(place, out)
    return len(rows)


def check_zoo(folder: Path | str) -> list[str]:
    """Return what is wrong with a data set that :func:`export_zoo` wrote; nothing if it is whole.

    Each line names the file, what was expected and what was found.

    Raises
    ------
    FileNotFoundError
        If the folder holds no such data set.

    Examples
    --------
    >>> check_zoo(folder)
    Traceback (most recent call last):
    FileNotFoundError: .../SHA256SUMS: no such file; expected a folder of `metanet zoo export`
    """
    place = Path(folder)
    if not (place / _SUMS).is_file():
        raise FileNotFoundError(
            f"{place / _SUMS}: no such file; expected a folder of `metanet zoo export`"
        )
    lines = (place / _SUMS).read_text().splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    there = set(_files(place))
    wrong = [f"{place / name}: expected by {_SUMS}, not found" for name in sorted({*sums} - there)]
    wrong += [f"{place / name}: found, not in {_SUMS}" for name in sorted(there - {*sums})]
    for name in sorted(there & {*sums}):
        if (found := sha256(place / name)) != sums[name]:
            wrong.append(f"{place / name}: expected SHA-256 {sums[name]}, found {found}")
    return wrong or [*_disagreements(place)]


def _disagreements(place: Path) -> Iterator[str]:
    """Yield where the index and the files differ."""
    with open(place / "index.csv", newline="") as index:
        rows = list(csv.DictReader(index))
    files = {file: load_file(place / file) for file in {row["file"] for row in rows}}
    for row in rows:
        i, tensors, where = int(row["row"]), files[row["file"]], f"{place / row['file']}, {row}"
        if i >= len(tensors["encoder"]):
            yield f"{where}: expected a model, found {len(tensors['encoder'])} models only"
        elif not all(np.isfinite(tensors[name][i]).all() for name in TENSORS):
            yield f"{where}: expected numbers that are finite, found others"
        elif row["final_loss"] != _loss(tensors["loss_curve"][i, -1]):
            yield f"{where}: found a final loss of {_loss(tensors['loss_curve'][i, -1])}"


def _rows(shard: Shard, file: str, parameters: str) -> Iterator[dict[str, str | int]]:
    seed = json.loads(shard.header["zoo"])["seed"]
    for role, part in zip(ROLES, shard.parts, strict=True):
        numbers = np.arange(len(shard))[part]
        for i in map(int, numbers[shard.whole[part]]):
            loss = _loss(float(shard.loss_curve[i, -1]))
            values = (file, i, shard.dataset_id, role, seed, parameters, loss)
            yield dict(zip(COLUMNS, values, strict=True))


def _loss(value: float) -> str:
    return f"{value:.9g}"  # a float32, whole


def _parameters(shard: Shard) -> dict[str, object]:
    """Return how the models were trained, and how their patches were made."""
    patches = json.loads(shard.header["patches"])
    return {
        "zoo": json.loads(shard.header["zoo"]),
        "patches": json.loads(patches["parameters"]),
        "library_version": shard.header["library_version"],
    }


def _files(place: Path) -> list[str]:
    files = (path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())
    return sorted(name for name in files if name != _SUMS)


def _card(run: Results, rows: list[dict[str, str | int]]) -> str:
    of_role = Counter(row["role"] for row in rows)
    ids = [d for d in catalog.DATASETS if any(row["dataset"] == d.id for row in rows)]
    return f"""# A zoo of {len(rows):,} autoencoders

Each model has learned to rebuild 16x16 patches of one class of photographs or of spectrograms of
sounds, through 16 numbers: a dense layer 256 to 16 (the *encoder*), batch normalisation, ReLU, and
a dense layer 16 to 256 (the *decoder*). By their roles there are
{", ".join(f"{count:,} *{role}*" for role, count in of_role.items())}: *fit* and *validation* saw
patches of the same files of their class, *new files* those of files that the others never saw.

{len(ids)} classes: {", ".join(f"{d.title} ({d.id})" for d in ids)}.

Made by metanet {__version__} with the profile `{run.folder.name}`, as the executable paper
"Metanetwork: a novel approach to interpreting neural networks" describes; every parameter stands in
`parameters.json`.

## Read it

```python
{_READ}
```

`index.csv` has a row for each model: {", ".join(f"`{c}`" for c in COLUMNS)}.
`seed`, `dataset` and `row` together seed its initial weights and the order of its patches;
`parameters` is a name in `parameters.json`; `final_loss` the mean squared error at the end of
training. Each file holds, with a row for each model,
{", ".join(f"`{t}`" for t in TENSORS)}.

## Where the patches came from

{_terms(run, {d.corpus for d in ids})}

No patch, picture or sound is in this folder. Whether terms of a corpus reach models trained on it
is not for this card to say.

## Cite

The paper "Metanetwork: a novel approach to interpreting neural networks" (anonymous authors, under
review), this executable edition of it, version {__version__}, and the corpora.
"""


def _terms(run: Results, corpora: set[str]) -> str:
    corpus = _corpus(run)
    if corpus == DEMO_CORPUS:
        return "From a synthetic corpus that the project computes itself; it has no other terms."
    archives = {name.removesuffix("2012"): archive for name, archive in ARCHIVES.items()}
    told = [archives[name] for name in sorted(corpora)]
    unsure = "" if corpus else "Which corpus it was is not recorded. If these:\n\n"
    return unsure + "\n".join(
        f"- {a.title}. {a.terms} <{a.terms_url}> Cite: {a.citation}" for a in told
    )


def _corpus(run: Results) -> str | None:
    """Return the corpus that a run's second chapter was given, if it has run."""
    chapter = run.folder / "chapters" / "02_model_zoo.ipynb"
    if not chapter.is_file():
        return None
    notebook = nbformat.read(chapter, as_version=4)
    corpus = notebook.metadata.get("papermill", {}).get("parameters", {}).get("corpus")
    return str(corpus) if corpus else None
