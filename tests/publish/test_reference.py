"""A reference is whole, says where it comes from, and tells what of another run lies elsewhere."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from safetensors.numpy import save_file
from typer.testing import CliRunner

from metanet_lib.cli import app
from metanet_lib.experiments.reference import (
    Reference,
    accuracies,
    compare,
    findings,
    numbers,
    references,
)
from metanet_lib.interpret import TASKS
from metanet_lib.publish import reference
from metanet_lib.publish.graph import CHAPTERS, SECTIONS
from metanet_lib.publish.reference import readme_table
from metanet_lib.store import Results

KEPT = references()
MACHINE = "a processor, 2 cores, 4 GiB"


def accuracy(of_metanetwork: float) -> pd.DataFrame:
    rows = [("metanetwork", of_metanetwork), ("raw_weights", 0.1)]
    return pd.DataFrame(
        {
            "task": "dataset_id",
            "representation": name,
            "accuracy": share,
            "bootstrap_low": share - 0.1,
            "bootstrap_high": share + 0.1,
        }
        for name, share in rows
    )


def executed(run: Results, commit: str, day: str = "2026-01-02") -> None:
    """Write what a chapter leaves when it has run."""
    (run.folder / "chapters").mkdir(parents=True)
    (run.folder / "times").mkdir()
    for name in CHAPTERS:
        ran = {
            "papermill": {
                "parameters": {"profile": run.profile, "corpus": run.corpus},
                "end_time": f"{day}T03:04:05",
            },
            "metanet": {"commit": commit, "machine": MACHINE},
        }
        path = run.folder / "chapters" / f"{name}.ipynb"
        path.write_text(json.dumps({"metadata": ran, "cells": []}))
    head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    for step in ("zoo_0", "zoo_1", "03_meta_autoencoder"):
        line = "10.0\t0:00:10\t500.0\t1\t1\t1\t-\t-\t90\t9.0\n"
        (run.folder / "times" / f"{step}.tsv").write_text(head + line)


@pytest.fixture
def run(tmp_path, monkeypatch) -> Results:
    """A run of the tiny profile as the graph would leave it, in a folder of its own."""
    profiles = Path("profiles").resolve()
    monkeypatch.chdir(tmp_path)
    Path("profiles").symlink_to(profiles)
    demo = tmp_path / "data" / "demo"
    demo.mkdir(parents=True)
    (demo / "README.txt").write_text("synthetic")
    run = Results("tiny")
    executed(run, "0123456789ab")
    run.save_table(accuracy(0.5), "accuracy")
    run.save_figure(Figure(), "of_numbers", accuracy(0.5))
    run.save_figure(Figure(), "of_photographs", None)
    return run


def test_a_reference_has_tables_and_figures_of_numbers_and_no_picture_of_a_corpus(run):
    place = reference.keep(run.folder)
    assert place == Path("reference/demo")
    assert {p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()} == {
        "provenance.json",
        "tables/accuracy.csv",
        "figures/of_numbers.svg",
    }
    assert reference.check(place) == []


def test_its_provenance_says_what_was_run_where_and_for_how_long(run):
    told = Reference.at(reference.keep(run.folder)).provenance
    assert (told["profile"], told["corpus"]) == ("tiny", "synthetic demo corpus")
    assert (told["executed"], told["machine"]) == ("2026-01-02", MACHINE)
    assert set(told["commits"].values()) == {"0123456789ab"}
    zoo = told["steps"]["zoo"]
    measured = {"seconds": 20.0, "longest": 10.0, "core_seconds": 18.0, "megabytes": 500.0}
    assert zoo == {"jobs": 2, **measured}
    assert told["parameters"].keys() == SECTIONS.keys()


def test_a_file_that_was_changed_lost_or_added_is_found(run):
    place = reference.keep(run.folder)
    (place / "tables/accuracy.csv").write_text("better")
    (place / "figures/of_numbers.svg").unlink()
    (place / "note.txt").write_text("by hand")
    assert reference.check(place) == [
        "figures/of_numbers.svg: expected by provenance.json, not found",
        "note.txt: found, not in provenance.json",
        "tables/accuracy.csv: expected as it was written, found changed",
    ]


def test_a_new_reference_takes_the_place_of_the_old(run):
    reference.keep(run.folder)
    run.save_table(accuracy(0.6), "accuracy")
    place = reference.keep(run.folder)
    assert "60.0" in accuracies(place / "tables", "accuracy")["metanetwork", "dataset_id"]
    assert [p.name for p in Path("reference").iterdir()] == ["demo"]


@pytest.mark.parametrize("commit", ["unknown", "0123456789ab-dirty"])
def test_what_ran_on_files_that_no_commit_has_is_not_kept(run, tmp_path, commit):
    subprocess.run(["rm", "-r", run.folder / "chapters", run.folder / "times"], check=True)
    executed(run, commit)
    with pytest.raises(ValueError, match="expected to have run at a commit"):
        reference.keep(run.folder)
    assert not Path("reference/demo").exists()


def test_tables_come_first_then_the_papers_figures_and_what_has_no_room_is_named(run, monkeypatch):
    run.save_figure(Figure(figsize=(9, 9)), "fig4", accuracy(0.5))
    run.save_figure(Figure(figsize=(9, 9)), "fig5", accuracy(0.5))
    sizes = {p.stem: p.stat().st_size for p in (run.folder / "figures").glob("*.svg")}
    table = run.table("accuracy").stat().st_size
    monkeypatch.setattr(reference, "LARGEST", table + sizes["fig4"] + sizes["fig5"])
    place = reference.keep(run.folder)
    assert {p.stem for p in place.rglob("*.svg")} == {"fig4", "fig5"}
    assert Reference.at(place).provenance["figures_left_out"] == ["of_numbers"]
    monkeypatch.setattr(reference, "LARGEST", table - 1)
    with pytest.raises(ValueError, match=f"expected tables of at most {table - 1:,} bytes"):
        reference.keep(run.folder)


def test_a_run_that_is_not_finished_is_not_kept(run):
    (run.folder / "chapters" / "10_cost.ipynb").unlink()
    with pytest.raises(FileNotFoundError, match="not executed: 10_cost"):
        reference.keep(run.folder)


def with_models(run: Results, value: float) -> None:
    run.zoo.mkdir(exist_ok=True)
    save_file({"encoder": np.full((2, 256, 16), value, np.float32)}, run.zoo / "v-aer.safetensors")


def test_a_run_is_kept_in_parts_if_its_models_are_the_same(run, tmp_path):
    with_models(run, 0.5)
    cost = run.folder / "chapters" / "10_cost.ipynb"
    cost.rename(tmp_path / "later")
    place = reference.keep(run.folder, so_far=True)
    told = Reference.at(place).provenance
    assert told["not_executed"] == ["10_cost"]
    assert "10_cost" not in told["commits"]
    so_far = "(so far; 1 of the chapters are still to be executed)"
    assert so_far in readme_table(references())

    subprocess.run(["rm", "-r", run.folder], check=True)  # on another day, from the beginning
    executed(run, "ba9876543210", day="2026-01-05")
    for name in CHAPTERS:
        if name not in ("01_datasets", "10_cost"):
            (run.folder / "chapters" / f"{name}.ipynb").unlink()
    run.save_table(accuracy(0.7), "cost")
    with_models(run, 0.25)
    with pytest.raises(FileNotFoundError, match="not executed: 02_model_zoo"):
        reference.keep(run.folder)
    with_models(run, 0.5)
    told = Reference.at(reference.keep(run.folder)).provenance
    assert told["not_executed"] == []
    assert told["executed"] == "2026-01-02 to 2026-01-05"
    assert told["commits"]["10_cost"] == "ba9876543210"
    assert told["commits"]["03_meta_autoencoder"] == "0123456789ab"
    assert {p.name for p in place.rglob("*.*")} == {
        "provenance.json",
        "accuracy.csv",
        "cost.csv",
        "of_numbers.svg",
    }
    assert reference.check(place) == []


def test_a_number_within_the_interval_is_not_outside(run, tmp_path):
    accuracy(0.55).to_csv(tmp_path / "accuracy.csv")
    assert not compare(tmp_path, run.folder / "tables").outside.any()
    accuracy(0.39).to_csv(tmp_path / "accuracy.csv")
    both = compare(tmp_path, run.folder / "tables")
    assert both[both.outside].what.tolist() == ["metanetwork"]


def test_compare_ends_with_1_if_a_headline_lies_outside_and_else_with_0(run):
    reference.keep(run.folder)
    same = CliRunner().invoke(app, ["compare", str(run.folder)])
    assert (same.exit_code, same.stdout.count("\n")) == (0, 1)
    run.save_table(accuracy(0.3), "accuracy")
    other = CliRunner().invoke(app, ["compare", str(run.folder)])
    assert other.exit_code == 1
    assert other.stdout.splitlines() == [
        "accuracy, metanetwork, dataset_id: 30.0 %; reference 50.0 % (40.0 to 60.0): OUTSIDE, a "
        "headline",
        "results/tiny beside reference/demo (profile tiny): 1 of 2 accuracies lie outside, 1 of "
        "them headlines",
    ]


def test_a_run_without_a_reference_is_told_so(run):
    told = CliRunner().invoke(app, ["compare", str(run.folder)])
    assert "no reference is kept for synthetic demo corpus" in str(told.exception)


def test_the_readme_shows_the_paper_beside_the_reference_runs(run):
    Path("README.md").write_text("Before.\n{}\nold\n{}\nAfter.\n".format(*reference.MARKS))
    reference.keep(run.folder)
    told = Path("README.md").read_text()
    assert told.startswith("Before.\n")
    assert told.endswith("After.\n")
    assert "old" not in told
    found = "25.4\xa0% | 50.0\xa0% (40.0\xa0to\xa060.0)"
    assert f"| dataset ID | 16 numbers of the metanetwork | {found} |" in told
    assert "| task | k-NN on | paper | reference run, synthetic demo corpus |" in told


def test_the_readme_of_the_repository_has_the_table_of_what_is_kept():
    _, _, rest = Path("README.md").read_text().partition(reference.MARKS[0])
    assert rest.partition(reference.MARKS[1])[0].strip() == readme_of(KEPT)


def readme_of(kept: list[Reference]) -> str:
    return reference.readme_table(kept).strip() if kept else ""


def asked(run: Results, of_metanetwork: float) -> None:
    """Write what two seeds found: one the headline, the other right about half as often."""
    tasks = ("modality", "dataset_id")
    paper = {"modality": 1.0, "dataset_id": 0.254}
    both = pd.concat(
        accuracy(share).assign(task=task, headline=share == of_metanetwork)
        for share in (of_metanetwork, of_metanetwork / 2)
        for task in tasks
    ).assign(paper_accuracy=lambda rows: rows.task.map(paper))
    run.save_table(both, "accuracy_by_seed")
    run.save_table(both[both.headline], "accuracy")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (0.9, "is surpassed (seeds that reach it: 2 of 2)"),
        (0.2, "lies within the interval (seeds that reach it: 1 of 2)"),
        (0.05, "is not reached (seeds that reach it: 0 of 2)"),
    ],
)
def test_what_the_front_page_says_of_a_reference_follows_its_numbers(run, found, said):
    asked(run, found)
    kept = Reference.at(reference.keep(run.folder))
    assert findings(kept).endswith(f"where its 25.4\xa0% {said}.")


@pytest.mark.parametrize(("spectrum", "gram", "best"), [(0.8, 0.2, "S"), (0.2, 0.8, "G")])
def test_the_best_of_others_is_told_beside_what_is_beyond_the_paper(run, spectrum, gram, best):
    shares = {"functional": 0.9, "projector": 0.7, "spectrum": spectrum, "gram": gram}
    shares |= {"told": 1.0, "seen": 1.0}
    rows = pd.DataFrame(
        {
            "row": row,
            "title": row[0].upper(),
            "group": "weights only",
            "labels": row == "told",
            "data": row == "seen",
            **{
                f"{task}{part}": share + off
                for task in TASKS
                for part, off in {"": 0, "_bootstrap_low": -0.1, "_bootstrap_high": 0.1}.items()
            },
        }
        for row, share in shares.items()
    )
    asked(run, 0.5)
    run.save_table(rows, "leaderboard")
    run.save_table(rows[rows.row.isin(["functional", "projector"])], "beyond")
    kept = reference.keep(run.folder)
    said = findings(Reference.at(kept))
    new = [c for c in rows if "new_files" in c]
    rows.drop(columns=new).to_csv(kept / "tables/leaderboard.csv")  # a run that has no new files
    assert set(numbers(kept / "tables", "leaderboard").task) == {"modality", "dataset_id"}
    assert f"*{best}*, of 80.0\xa0% (70.0\xa0to\xa090.0) and 80.0\xa0%" in said
    assert "the functional code names the dataset of 90.0\xa0% (80.0\xa0to\xa0100.0)" in said


@pytest.mark.parametrize("kept", KEPT, ids=[kept.folder.name for kept in KEPT])
def test_what_the_repository_keeps_is_whole_and_as_its_provenance_says(kept):
    assert reference.check(kept.folder) == []
    sizes = {p: p.stat().st_size for p in kept.folder.rglob("*") if p.is_file()}
    assert sum(sizes.values()) <= 2_490_000
    assert sum(sizes.values()) - sizes[kept.folder / "provenance.json"] <= reference.LARGEST
    made = kept.provenance
    assert {*made["commits"], *made.get("not_executed", [])} == set(CHAPTERS)
    zoo, table = made["parameters"]["zoo"], pd.read_csv(kept.tables / "accuracy.csv")
    trains = zoo["training_datasets"]
    assert set(table.n_fit) == {zoo["models_fit"] * len(trains)}
    asked = table[table.task == "dataset_id"]
    assert set(asked.n_validation) == {zoo["models_validation"] * len(trains)}
    assert not numbers(kept.tables).empty
