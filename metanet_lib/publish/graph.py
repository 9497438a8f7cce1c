"""The whole paper as one graph: profiles, chapters, and how Snakemake is run.

``Snakefile`` says what depends on what; this module has the few functions it calls. To rerun as
little as possible, a step depends on what it really uses: the library modules it imports
(:func:`library_files`), the sections of the profile that it names (:func:`chapter_sections`), and
the files of the corpus (:func:`corpus_fingerprint`).
"""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import yaml

from metanet_lib.catalog import DATASETS, Dataset
from metanet_lib.data import corpora
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.architectures.questions import ArchitecturesParameters
from metanet_lib.experiments.cost import BenchParameters
from metanet_lib.experiments.generation import GenerationParameters
from metanet_lib.experiments.open_decisions import StudyParameters
from metanet_lib.experiments.parts import AblationParameters
from metanet_lib.experiments.peers import PeersParameters
from metanet_lib.experiments.peers.beyond import BeyondParameters
from metanet_lib.interpret import InterpretParameters
from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.parameters import Parameters
from metanet_lib.store import Results, locked
from metanet_lib.zoo import ZooParameters

SECTIONS: dict[str, type[Parameters]] = {
    "patches": PatchParameters,
    "zoo": ZooParameters,
    "metanetwork": MetanetworkParameters,
    "interpret": InterpretParameters,
    "ablation": AblationParameters,
    "beyond": BeyondParameters,
    "generation": GenerationParameters,
    "peers": PeersParameters,
    "architectures": ArchitecturesParameters,
    "study": StudyParameters,
    "bench": BenchParameters,
}
"""The sections of a profile, and the parameters each holds."""

CHAPTERS = (
    "01_datasets",
    "02_model_zoo",
    "03_meta_autoencoder",
    "04_modality",
    "05_dataset_id",
    "06_dataset_or_files",
    "07_what_each_part_buys",
    "08_what_is_inside",
    "09_open_decisions",
    "10_cost",
    "11_a_better_metanetwork",
    "12_against_the_others",
    "13_from_numbers_to_models",
    "14_any_architecture",
    "15_interpret_your_model",
    "16_gallery",
    "17_bring_your_own",
)
"""The chapters, in reading order."""

SIDE_BY_SIDE = (
    "fits",
    "03_meta_autoencoder",
    "06_dataset_or_files",
    "07_what_each_part_buys",
    "09_open_decisions",
    "11_a_better_metanetwork",
    "12_against_the_others",
    "14_any_architecture",
)
"""The steps that train side by side, on as many cores as there are; each may take long."""

SHARES = 10
"""On a cluster, jobs that the fits of the comparisons are dealt out to."""

WAITS = {
    "zoo": ("patches",),
    "fits": ("zoo",),
    "02_model_zoo": ("zoo",),
    "03_meta_autoencoder": ("zoo",),
    "04_modality": ("03_meta_autoencoder",),
    "05_dataset_id": ("04_modality",),
    "06_dataset_or_files": ("03_meta_autoencoder",),
    "07_what_each_part_buys": ("03_meta_autoencoder",),
    "08_what_is_inside": ("07_what_each_part_buys",),
    "11_a_better_metanetwork": ("03_meta_autoencoder", "fits"),
    "12_against_the_others": ("03_meta_autoencoder", "fits"),
    "13_from_numbers_to_models": ("03_meta_autoencoder", "fits"),
    "14_any_architecture": ("zoo",),
    "15_interpret_your_model": ("03_meta_autoencoder", "fits"),
    "16_gallery": ("03_meta_autoencoder",),
    "17_bring_your_own": ("12_against_the_others",),
}
"""The last steps that each step waits for; the others can begin at once."""

_PLAIN_KEYS = ("profile", "corpus", "datasets", "datasets_per_job", "alone", "side_by_side")
_MARK = "METANET_BOOK"


def read_profile(
    name: str, corpus: str | None = None, datasets: str | None = None
) -> dict[str, Any]:
    """Read ``profiles/<name>.yaml``, with its corpus and datasets replaced if they are given.

    Raises
    ------
    FileNotFoundError
        If there is no such profile; the message lists those there are.
    ValueError
        If a key is unknown, missing or has a bad value.

    Examples
    --------
    >>> (folder / "profiles").mkdir()
    >>> read_profile("mine")
    Traceback (most recent call last):
    FileNotFoundError: profiles/mine.yaml: no such profile; there are: ...
    """
    path = Path("profiles") / f"{name}.yaml"
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in Path("profiles").glob("*.yaml")))
        raise FileNotFoundError(f"{path}: no such profile; there are: {there}")
    profile: dict[str, Any] = yaml.safe_load(path.read_text())
    expected = {*_PLAIN_KEYS, *SECTIONS}
    if profile.keys() != expected:
        difference = ", ".join(sorted(expected ^ profile.keys()))
        raise ValueError(f"{path}: unknown or missing keys: {difference}")
    if profile["profile"] != name:
        raise ValueError(
            f"{path}: expected 'profile: {name}', which names its results, "
            f"found 'profile: {profile['profile']}'"
        )
    if unknown := {*profile["alone"]} - {"fits", *CHAPTERS}:
        raise ValueError(
            f"{path}: expected under 'alone' chapters or fits, found {', '.join(sorted(unknown))}"
        )
    for section, parameters in SECTIONS.items():
        try:
            parameters.of(profile[section])
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}, section {section}: {error}") from error
    given = {"corpus": corpus, "datasets": datasets}
    chosen = {**profile, **{key: value for key, value in given.items() if value is not None}}
    corpora.check_choice(chosen["datasets"])
    return chosen


def chosen_datasets(profile: Mapping[str, Any]) -> tuple[Dataset, ...]:
    """Return the datasets of a run; the demo corpus, which the graph makes, has all.

    Raises
    ------
    CorpusError
        If all datasets are asked for and some are missing.

    Examples
    --------
    >>> len(chosen_datasets({"corpus": str(corpus), "datasets": "available", "profile": "mine"}))
    41
    """
    results = Results(profile["profile"], profile["corpus"])
    if results.is_demo:
        return DATASETS
    return corpora.chosen(_existing_corpus(results.corpus_folder), profile["datasets"])


def chapter_sections(script: Path | str) -> list[str]:
    """Return the names that a chapter's cell tagged ``parameters`` assigns.

    Examples
    --------
    >>> script = folder / "chapter.py"
    >>> _ = script.write_text('''# %% tags=["parameters"]
    ... profile = "tiny"
    ... seed = 0
    ... ''')
    >>> chapter_sections(script)
    ['profile', 'seed']
    """
    import jupytext

    cells = jupytext.read(script).cells
    source = [c.source for c in cells if "parameters" in c.metadata.get("tags", [])]
    if len(source) != 1:
        raise ValueError(f"{script}: expected one cell tagged 'parameters', found {len(source)}")
    statements = ast.parse(source[0]).body
    return [s.targets[0].id for s in statements if isinstance(s, ast.Assign)]  # type: ignore[attr-defined]


def cores_of(step: str, cores: int, alone: Sequence[str] = (), at_home: bool = True) -> int:
    """Return how many of so many cores a job of a step is given, a chapter or another.

    Training side by side keeps all cores busy, but neither before it nor after it: at home another
    chapter fits in there. A step that is to be ``alone`` has them all. On a cluster a job that
    trains has its machine for itself.

    Examples
    --------
    >>> step = "06_dataset_or_files"
    >>> cores_of(step, 4), cores_of(step, 4, alone=[step]), cores_of(step, 4, at_home=False)
    (3, 4, 4)
    """
    if step in alone:
        return cores
    if step == "zoo":
        return 1 if at_home else cores
    if step not in SIDE_BY_SIDE:
        return 1
    return max(1, cores - 1) if at_home else cores


def cores_used(cores: int, there: int) -> dict[str, tuple[int, int]]:
    """Return how many cores each step that can use several does use, at home and on a cluster.

    Whatever it was given, a step that trains side by side uses all the cores of a machine. What is
    dealt out to several jobs uses those of as many nodes.

    Parameters
    ----------
    cores
        At home.
    there
        Of each node.

    Examples
    --------
    >>> used = cores_used(cores=2, there=4)
    >>> used["zoo"], used["06_dataset_or_files"], used["fits"], "04_modality" in used
    ((1, 4), (2, 4), (2, 40), False)
    """
    used = dict.fromkeys(SIDE_BY_SIDE, (cores, there))
    return {**used, "zoo": (1, there), "fits": (cores, SHARES * there)}


def library_files(*entries: str) -> list[str]:
    """Return the files of the library that these scripts or modules import, directly or not.

    ``entries`` are paths of Python files, or module names such as ``metanet_lib.zoo``. The script
    that a module sends to the browser and the tables that it reads lie beside it and count too.

    Examples
    --------
    >>> _ = (folder / "plain.py").write_text("import json")
    >>> library_files(str(folder / "plain.py")) == [str(folder / "plain.py")]
    True
    """
    found: set[Path] = set()
    waiting = [Path(e) if e.endswith(".py") else _module_file(e) for e in entries]
    while waiting:
        path = waiting.pop()
        if path is None or path in found:
            continue
        found.add(path)
        waiting += [_module_file(name) for name in _imports(path.read_text())]
    scripts = {script for path in found if (script := path.with_suffix(".js")).is_file()}
    tables = {table for folder in {path.parent for path in found} for table in folder.glob("*.csv")}
    return sorted(str(path) for path in found | scripts | tables)


@cache
def _imports(code: str) -> list[str]:
    """Return what code imports of the library; of a name from a module, both as one."""
    names = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.startswith("metanet_lib.")]


def _module_file(name: str) -> Path | None:
    base = Path(*name.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((c for c in candidates if c.is_file()), None)


def corpus_fingerprint(folder: Path | str) -> str:
    """Return a digest of the names and sizes of all files in a corpus.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.

    Examples
    --------
    >>> _ = (folder / "a.wav").write_bytes(b"1234")
    >>> before = corpus_fingerprint(folder)
    >>> _ = (folder / "a.wav").write_bytes(b"12345")
    >>> corpus_fingerprint(folder) == before
    False
    """
    folder = _existing_corpus(Path(folder))
    lines = [
        f"{path.relative_to(folder)} {path.stat().st_size}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _existing_corpus(folder: Path) -> Path:
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no such corpus folder; expected one that holds VOCdevkit/, UrbanSound8K/ "
            "and IRMAS-TrainingData/ (make book CORPUS=folder)"
        )
    return folder


def run(
    profile: str,
    corpus: str | None,
    datasets: str | None,
    cores: int,
    device: str = "cpu",
    cluster: str | None = None,
    dry_run: bool = False,
) -> None:
    """Run the graph with Snakemake, from the raw corpus to the site, and exit with its status.

    Only one run at a time may work in a folder. What a killed run has left is cleared away first:
    its processes are stopped and its jobs on Slurm cancelled, its unfinished files are made again.

    Parameters
    ----------
    profile, corpus, datasets
        As in :func:`read_profile`.
    cores
        CPU cores to use; on a cluster, those of the largest job.
    device
        On what the zoo trains: ``cpu`` or ``cuda``.
    cluster
        Folder of a profile of Snakemake's own, such as ``profiles/slurm``; without it, the run is
        on this machine.
    dry_run
        Tell what would run, and run nothing.

    Raises
    ------
    CorpusError
        If the corpus lacks datasets that are asked for.
    FileNotFoundError
        If there is no such profile, corpus or cluster.
    BlockingIOError
        If a run is under way in this folder.
    TimeoutError
        If jobs that a killed run has left on Slurm do not end.

    Examples
    --------
    >>> (folder / "profiles").mkdir()
    >>> run("mine", None, None, cores=1)
    Traceback (most recent call last):
    FileNotFoundError: profiles/mine.yaml: no such profile; there are: ...
    """
    chosen = read_profile(profile, corpus, datasets)
    chosen_datasets(chosen)
    if cluster and not (Path(cluster) / "config.yaml").is_file():
        raise FileNotFoundError(f"{cluster}: no config.yaml there; see profiles/slurm")
    # In this process, which has imported already what the Snakefile imports.
    from snakemake.cli import main as snakemake

    where = [f"--workflow-profile={cluster}", f"--slurm-jobname-prefix={_job_prefix()}"]
    options = [
        *(where if cluster else [f"--cores={cores}"]),
        *(["--dry-run", "--quiet=rules"] if dry_run else ["--logger=rich"]),
        "--max-jobs-per-timespan=1000/5s",  # it looks again so often, and ends so late
        "--rerun-incomplete",
        "--nolock",
        "--show-failed-logs",
        "--config",
        f"profile={profile}",
        f"corpus={chosen['corpus']}",
        f"datasets={chosen['datasets']}",
        f"cores={cores}",
        f"device={device}",
        *([f"cluster={cluster}"] if cluster else []),
    ]
    commands = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([commands, os.environ.get("PATH", "")])
    os.environ[_MARK] = os.getcwd()
    if dry_run:
        snakemake(options)
    refusal = "another `make book` is at work in this folder; wait for it, or stop it"
    with locked(Path("results/.lock"), refusal):
        if cluster:
            cancel_jobs()
        stop_processes()
        clear_unfinished(Results(profile, chosen["corpus"]).folder)
        try:
            snakemake(options)
        finally:
            stop_processes()


def stop_processes() -> None:
    """Stop every process that a run in this folder has started and left behind.

    Examples
    --------
    >>> stop_processes()  # none was started here
    """
    orphans = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(_MARK) == os.getcwd() and process.pid != os.getpid():
                process.kill()
                orphans.append(process)
        except (psutil.Error, OSError):
            continue
    psutil.wait_procs(orphans, timeout=10)


def clear_unfinished(folder: Path) -> None:
    """Remove what a killed run was writing beside its place in a results folder.

    Examples
    --------
    >>> _ = (folder / ".05_dataset_id.1234.ipynb").write_text("half of it")
    >>> clear_unfinished(folder)
    >>> list(folder.iterdir())
    []
    """
    for path in sorted(folder.rglob(".*")):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()


def cancel_jobs() -> None:
    """Cancel every job on Slurm that a run in this folder has left behind, and wait for its end.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, PATH=""):  # where there is no Slurm, there is nothing to do
    ...     cancel_jobs()
    """
    if not shutil.which("squeue"):
        return
    deadline = time.monotonic() + 120
    while jobs := _jobs_left():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Slurm does not end the last run's jobs: {' '.join(jobs)}")
        subprocess.run(["scancel", *jobs], check=True)
        time.sleep(2)


def _jobs_left() -> list[str]:
    queue = ["squeue", "--me", "--noheader", "--format=%A %j"]
    listed = subprocess.run(queue, check=True, capture_output=True, text=True).stdout
    jobs = (line.split() for line in listed.splitlines())
    return [number for number, name in jobs if name.startswith(_job_prefix())]


def _job_prefix() -> str:
    return f"metanet-{hashlib.sha256(os.getcwd().encode()).hexdigest()[:12]}"
