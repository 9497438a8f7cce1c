"""Claims about `metanet data check`."""

import shutil
import subprocess
import sys

import pytest

from metanet_lib import catalog
from metanet_lib.data.check import check


def metanet_check(*words):
    command = [sys.executable, "-m", "metanet_lib.cli", "data", "check", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def with_a_broken_file(demo_corpus, tmp_path_factory):
    root = tmp_path_factory.mktemp("broken") / "corpus"
    shutil.copytree(demo_corpus, root)
    broken = next((root / "IRMAS-TrainingData" / "cel").iterdir())
    broken.write_bytes(b"no sound")
    return root, broken


def test_a_whole_corpus_gets_a_line_for_each_dataset_and_status_0(demo_corpus):
    done = metanet_check(demo_corpus, "--strict")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for line, dataset in zip(lines, catalog.DATASETS, strict=False):
        assert line.split()[:2] == [dataset.id, dataset.name]
        assert ("Mpixel" in line) == (dataset.modality == "vision")
        assert line.endswith(" patches  no problem")
    assert lines[-1] == f"{demo_corpus}: 41 of 41 datasets can be used, 0 files skipped"


def test_a_broken_file_is_named_and_fails_only_the_strict(with_a_broken_file):
    root, broken = with_a_broken_file
    done = metanet_check(root)
    assert done.returncode == 0
    assert f"  {broken}: expected a recording, cannot read it" in done.stdout
    assert "Skipped and counted; the rest of their datasets is used:" in done.stdout
    assert "41 of 41 datasets can be used, 1 files skipped" in done.stdout
    assert metanet_check(root, "--strict").returncode == 1


def test_a_missing_corpus_fails_and_the_others_are_still_checked(demo_corpus, tmp_path):
    shutil.copytree(demo_corpus / "UrbanSound8K", tmp_path / "UrbanSound8K")
    done = metanet_check(tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "a:sir  siren" in done.stdout
    assert "v:aer, v:bic" in done.stdout
    assert f"{tmp_path}/VOCdevkit: expected the folder" in done.stdout
    assert "10 of 41 datasets can be used" in done.stdout


def test_a_folder_that_is_not_there_is_named(tmp_path):
    done = metanet_check(tmp_path / "absent")
    assert done.returncode == 1
    assert "absent: no such folder" in done.stderr


def test_the_real_corpus_can_be_used_whole(real_corpus):
    findings = list(check(real_corpus))
    assert [f.dataset.id for f in findings if not f.usable] == []
    assert sum(f.files for f in findings if f.dataset.corpus == "urbansound8k") == 150
    assert {reason.split(",")[1] for f in findings for _, reason in f.skipped} == {
        " too short for a patch of 16 frames (0.441 s)"
    }
