"""Claims about the zoo as a data set: whole, read back without this library, and verified."""

import csv
import os
import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from typer.testing import CliRunner

from metanet_lib.cli import app
from metanet_lib.data.bank import Bank
from metanet_lib.publish.dataset import check_zoo, export_zoo
from metanet_lib.zoo import Shard, ZooParameters, make_shard

MODELS = ZooParameters(models_fit=2, models_validation=1, models_new=1, batch_size=8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "mine"
    for dataset in ("v:aer", "a:org"):
        bank, new = (
            replace(Bank.of(torch.rand(64, 256)), dataset=dataset, parameters={"seed": 0})
            for _ in range(2)
        )
        path = folder / "patches" / f"{dataset.replace(':', '-')}.safetensors"
        bank.save(path, new if dataset == "v:aer" else None)
        make_shard(path, folder / "zoo" / path.name, MODELS)
    return folder


@pytest.fixture
def exported(run, tmp_path):
    assert export_zoo(run, tmp_path / "zoo") == 5
    return tmp_path / "zoo"


def test_the_lines_of_the_card_read_every_model_back_without_this_library(run, exported):
    (lines,) = re.findall(r"```python\n(.*?)```", (exported / "README.md").read_text(), re.S)
    assert "metanet" not in lines
    found, before = {}, os.getcwd()
    os.chdir(exported)
    try:
        exec(lines, found)
    finally:
        os.chdir(before)
    shards = [Shard.load(run / "zoo" / f"{slug}.safetensors") for slug in ("a-org", "v-aer")]
    np.testing.assert_array_equal(found["encoders"], torch.cat([s.encoder for s in shards]))
    told = [(dataset, role, int(row)) for _, row, dataset, role, *_ in found["index"]]
    assert told == [
        ("a:org", "validation", 0),
        ("v:aer", "fit", 0),
        ("v:aer", "fit", 1),
        ("v:aer", "validation", 2),
        ("v:aer", "new files", 3),
    ]


def test_a_data_set_is_verified_and_what_is_wrong_is_named(exported):
    assert check_zoo(exported) == []
    assert (
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=exported).returncode
        == 0
    )
    (exported / "models" / "extra.txt").write_text("mine")
    (exported / "parameters.json").unlink()
    with open(exported / "README.md", "a") as card:
        card.write("more")
    missing, extra, changed = check_zoo(exported)
    assert missing.endswith("parameters.json: expected by SHA256SUMS, not found")
    assert extra.endswith("extra.txt: found, not in SHA256SUMS")
    assert "README.md: expected SHA-256 " in changed


def test_an_index_that_tells_another_story_than_the_files_is_found_out(exported):
    with open(exported / "index.csv", newline="") as index:
        rows = list(csv.reader(index))
    rows[1][-1], rows[2][1] = "0.5", "7"
    with open(exported / "index.csv", "w", newline="") as index:
        csv.writer(index, lineterminator="\n").writerows(rows)
    digest = subprocess.run(
        ["sha256sum", "index.csv"], cwd=exported, capture_output=True, text=True
    )
    sums = [
        digest.stdout.strip() if line.endswith("index.csv") else line
        for line in (exported / "SHA256SUMS").read_text().splitlines()
    ]
    (exported / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    loss, place = check_zoo(exported)
    assert "found a final loss of " in loss
    assert "expected a model, found 4 models only" in place


def test_nothing_of_a_corpus_goes_along(exported):
    for path in (exported / "models").iterdir():
        assert all(len(tensor) in (1, 4) for tensor in load_file(path).values())  # models, no patch
    assert not [p for p in exported.rglob("*") if p.suffix in {".jpg", ".wav", ".ipynb"}]


def test_the_card_tells_whose_terms_hold_where_the_corpus_is_not_known(exported):
    card = (exported / "README.md").read_text()
    assert "Which corpus it was is not recorded" in card
    assert [name in card for name in ("flickr", "IRMAS", "UrbanSound8K")] == [True, True, False]


def test_what_a_killed_run_was_writing_beside_the_shards_is_no_shard(run, tmp_path):
    unfinished = run / "zoo/.v-aer.bank.safetensors"
    unfinished.write_bytes(b"half of it")
    export_zoo(run, tmp_path / "out")
    unfinished.unlink()
    assert check_zoo(tmp_path / "out") == []


def test_a_folder_with_something_in_it_is_left_alone(run, exported):
    with pytest.raises(FileExistsError, match="expected a new or an empty folder"):
        export_zoo(run, exported)
    assert check_zoo(exported) == []


def test_the_command_exports_and_checks_and_still_trains_by_its_old_name(run, tmp_path):
    ask = CliRunner().invoke
    assert "5 models written" in ask(app, ["zoo", "export", str(run), str(tmp_path / "z")]).output
    assert ask(app, ["zoo", "check", str(tmp_path / "z")]).output.endswith("z: whole\n")
    (tmp_path / "z" / "index.csv").unlink()
    assert ask(app, ["zoo", "check", str(tmp_path / "z")]).exit_code == 1
    for words in (["zoo"], ["zoo", "train"]):
        done = ask(app, [*words, "none.safetensors", "--out", ".", "--parameters", "{}"])
        assert "no such bank of patches" in str(done.exception)
