"""Claims about the book as a whole: the tiny profile, from the raw corpus to the site."""

import re
import resource
from pathlib import Path

import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from htmlcheck import problems
from tiny_book import MAKE, command, make_book

from metanet_lib.publish.graph import CHAPTERS

pytestmark = pytest.mark.book


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


def cpu_seconds() -> float:
    """What commands have used so far, the same beside other work as alone."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def planned(cwd: Path) -> set[str]:
    """The jobs that a run would do."""
    plan = command(*MAKE, "--dry-run", cwd=cwd).stdout
    return set(re.findall(r"^(\w+) +\d+$", plan, re.MULTILINE)) - {"total"}


def test_a_run_beside_another_is_refused(book):
    assert "another `make book` is at work" in (book / "refusal.txt").read_text()


def test_the_comparisons_find_what_was_fitted_ahead(book):
    made = (book / "results/tiny/fits").glob("*.json")
    ahead = (book / "results/tiny/fits/share_0.done").stat().st_mtime
    later = {path.name.rpartition("_")[0] for path in made if path.stat().st_mtime > ahead}
    assert later <= {"metanetwork", "patch_statistics"}, "which wait for other chapters"
    status = (book / "_build/html/book/status.html").read_text()
    assert "patches, 2 jobs" in status
    assert "fits, 1 job<" in status


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
    assert set(accuracy.n_validation) == {2 * 41, 2 * 8}
    assert set(accuracy.n_fit) == {4 * 8}
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


def test_every_table_of_a_chapter_has_a_number_a_title_and_an_anchor_of_its_own(book):
    anchors = []
    for chapter in CHAPTERS:
        page = BeautifulSoup(
            (book / f"_build/html/notebooks/{chapter}.html").read_text(), "html.parser"
        )
        of_pipelines = page.select(".sk-top-container table")  # in scikit-learn's own diagrams
        for table in [table for table in page.select("table") if table not in of_pipelines]:
            figure = table.find_parent("figure", class_="tabled")
            assert figure is not None, f"{chapter}: {str(table)[:300]}"
            assert re.match(r"Table \d+\.\d+\. \S", figure.figcaption.get_text())
        anchors += [figure["id"] for figure in page.select("figure[id]")]
    assert len(anchors) > 90
    assert len(set(anchors)) == len(anchors)


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
    assert {job for job in plan if not job.startswith("chapter")} == {"fits_0", "site"}
    assert not {f"chapter_{name}" for name in CHAPTERS[:3]} & plan
    as_far = ["snakemake", "results/tiny/tables/accuracy.csv", "--cores=2", "--config"]
    config = ["profile=tiny", "corpus=demo", "datasets=all", "cores=2", "device=cpu"]
    done = command(*as_far, *config, cwd=book)
    assert done.returncode == 0, done.stderr[-3000:]
    after = written(book)
    changed = {Path(n).stem for n in after if n.startswith("results") and after[n] != before[n]}
    tables_made = {"modality_by_seed", "accuracy", "accuracy_by_seed"}
    assert changed == {"04_modality", "05_dataset_id", *tables_made}
