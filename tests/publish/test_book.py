"""Claims about the book as a whole: the tiny profile, from the raw corpus to the site."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from htmlcheck import problems

from metanet_lib.publish.graph import CHAPTERS

pytestmark = pytest.mark.book

BIN = Path(sys.executable).parent
TABLES = ("accuracy", "accuracy_by_seed", "datasets", "metanetwork_losses", "zoo_losses")
MAKE = ("metanet", "book", "--profile", "tiny")
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "JUPYTER_PREFER_ENV_PATH": "1"}


def clone(folder: Path) -> Path:
    """Copy what git tracks into a folder, as a newcomer's clone has it."""
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True)
    for name in tracked.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(name, folder / name)
    return folder


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run(words, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True)


def make_book(cwd: Path) -> None:
    done = command(*MAKE, cwd=cwd)
    logs = cwd.glob("results/tiny/logs/*.log")
    tails = "\n".join(f"== {log.name}\n{log.read_text()[-2000:]}" for log in logs)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:] + tails


def written(folder: Path) -> dict[str, int]:
    """When each result was written."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for kind in (
            "results/tiny/zoo",
            "results/tiny/tables",
            "results/tiny/chapters",
            "_build/html",
        )
        for path in (folder / kind).glob("*")
        if path.is_file()
    }


def tables(folder: Path) -> dict[str, str]:
    return {name: (folder / f"results/tiny/tables/{name}.csv").read_text() for name in TABLES}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A clone in which a run was killed once it had made a shard, and what a second run said."""
    folder = clone(tmp_path_factory.mktemp("book"))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(MAKE, cwd=folder, env=ENVIRONMENT, **quiet)
    try:
        deadline = time.monotonic() + 600
        while not list(folder.glob("results/tiny/zoo/*.safetensors")):
            assert time.monotonic() < deadline, "no shard within ten minutes"
            time.sleep(0.1)
        beside = command(*MAKE, cwd=folder)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return folder, beside


@pytest.fixture(scope="module")
def book(killed):
    """The book that the other tests read: the killed one, finished."""
    folder, _ = killed
    make_book(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def expected_tables(book):
    """The tables of the book, read before any test edits it."""
    return tables(book)


def cpu_seconds() -> float:
    """What commands have used so far, the same beside other work as alone."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def planned(cwd: Path) -> set[str]:
    """The jobs that a run would do."""
    plan = command(*MAKE, "--dry-run", cwd=cwd).stdout
    return set(re.findall(r"^(\w+) +\d+$", plan, re.MULTILINE)) - {"total"}


@pytest.fixture
def another(book, tmp_path):
    """Another clone, with the demo corpus already in place."""
    clone(tmp_path)
    shutil.copytree(book / "data", tmp_path / "data", copy_function=shutil.copy2)
    return tmp_path


def test_a_run_beside_another_is_refused(killed):
    _, beside = killed
    assert beside.returncode != 0
    assert "another `make book` is at work" in beside.stderr


def test_the_book_has_its_shards_tables_figures_chapters_and_pages(book):
    results = book / "results/tiny"
    assert len(list(results.glob("zoo/*.safetensors"))) == 41
    for number in (3, 4, 5, 6):
        assert (results / f"figures/fig{number}.svg").stat().st_size > 5000
        assert (results / f"figures/fig{number}.png").stat().st_size > 5000
    assert [p.stem for p in sorted(results.glob("chapters/*.ipynb"))] == list(CHAPTERS)
    assert (book / "_build/html/index.html").is_file()
    assert not list(results.glob("patches/*")), "banks are temporary"


def test_the_accuracy_table_has_two_tasks_of_same_and_new_files_and_two_representations(book):
    accuracy = pd.read_csv(book / "results/tiny/tables/accuracy.csv")
    assert sorted(zip(accuracy.task, accuracy.representation, strict=True)) == [
        (f"{level}{files}", representation)
        for level in ("dataset_id", "modality")
        for files in ("", "_new_files")
        for representation in ("metanetwork", "raw_weights")
    ]
    assert list(accuracy.embedding_dim) == 4 * [16, 4096]
    assert set(accuracy.n_validation) == {2 * 41, 2 * 20}
    assert set(accuracy.n_fit) == {4 * 20}
    assert (accuracy.accuracy == accuracy.n_correct / accuracy.n_validation).all()
    assert (accuracy.ci_low <= accuracy.accuracy).all()
    assert (accuracy.accuracy <= accuracy.ci_high).all()
    of_new = accuracy.task.str.endswith("new_files")
    assert set(accuracy.paper_accuracy[~of_new]) == {1.0, 0.5, 0.254, 0.0785}
    assert accuracy.paper_accuracy[of_new].isna().all(), "the paper asks nothing of new files"


def test_every_seed_is_shown_and_the_headline_is_the_best_reconstruction(book):
    by_seed = pd.read_csv(book / "results/tiny/tables/accuracy_by_seed.csv")
    meta = by_seed[by_seed.representation == "metanetwork"]
    assert len(meta) == 2 * 4
    for _, rows in meta.groupby("task"):
        assert rows.reconstruction_loss[rows.headline].item() == rows.reconstruction_loss.min()


def test_every_page_is_whole_offline_and_says_what_it_was_made_from(book):
    html = book / "_build/html"
    assert problems(html) == []
    pages = [p for p in html.rglob("*.html") if "_static" not in p.parts]
    assert len(pages) >= len(CHAPTERS) + 4
    for page in pages:
        assert "synthetic demo corpus" in page.read_text(), page.name


def test_changing_nothing_does_nothing(book):
    before, start = written(book), cpu_seconds()
    make_book(book)
    assert written(book) == before
    assert cpu_seconds() - start < 30


def test_an_edited_chapter_reruns_itself_and_the_site_and_nothing_else(book):
    before = written(book)
    script = book / "notebooks/05_dataset_id.py"
    script.write_text(script.read_text() + "\n# %% [markdown]\n# An edit by a reader.\n")
    plan = planned(book)
    assert written(book) == before
    make_book(book)
    after = written(book)
    changed = {name for name in after if after[name] != before.get(name)}
    made = {name for name in changed if name.startswith("results")}
    assert made == {
        "results/tiny/chapters/05_dataset_id.ipynb",
        "results/tiny/tables/accuracy.csv",
        "results/tiny/tables/accuracy_by_seed.csv",
    }
    assert plan == {"chapter_05_dataset_id", "site"}
    assert "An edit by a reader." in (book / "_build/html/notebooks/05_dataset_id.html").read_text()


def test_a_changed_parameter_reruns_what_depends_on_it(book):
    before = written(book)
    path = book / "profiles/tiny.yaml"
    profile = yaml.safe_load(path.read_text())
    profile["interpret"]["k"] = 5
    path.write_text(yaml.dump(profile))
    plan = planned(book)
    assert {"chapter_04_modality", "chapter_05_dataset_id", "site"} <= plan
    assert {job for job in plan if not job.startswith("chapter")} == {"site"}
    assert not {f"chapter_{name}" for name in CHAPTERS[:3]} & plan
    as_far = ["snakemake", "results/tiny/tables/accuracy.csv", "--cores=2", "--config"]
    config = ["profile=tiny", "corpus=demo", "datasets=all", "cores=2", "device=cpu"]
    done = command(*as_far, *config, cwd=book)
    assert done.returncode == 0, done.stderr[-3000:]
    after = written(book)
    changed = {Path(n).stem for n in after if n.startswith("results") and after[n] != before[n]}
    tables_made = {"modality_by_seed", "accuracy", "accuracy_by_seed"}
    assert changed == {"04_modality", "05_dataset_id", *tables_made}


def test_chapters_run_by_bare_papermill_have_the_tables_of_the_book_that_was_killed(
    another, expected_tables
):
    for name in CHAPTERS:
        done = command(
            "papermill",
            f"notebooks/{name}.ipynb",
            f"{name}.out.ipynb",
            "-f",
            "profiles/tiny.yaml",
            cwd=another,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    assert tables(another) == expected_tables
