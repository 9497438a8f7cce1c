"""Claims about the metanet command: a bad input ends with a message, not with a traceback."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from metanet_lib import cli


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["book", "--profile", "large"],
            "large.yaml: no such profile; there are: paper, quick, tiny",
        ),
        (
            ["book", "--corpus", "nowhere"],
            "nowhere: no such corpus folder; expected one that holds",
        ),
        (
            ["book", "--cluster", "nowhere"],
            "nowhere: no config.yaml there; see profiles/slurm",
        ),
        (
            ["patches", "v:xyz", "--corpus", ".", "--out", ".", "--parameters", "{}"],
            "unknown dataset 'v:xyz'",
        ),
        (
            ["patches", "v:aer", "--corpus", ".", "--out", ".", "--parameters", '{"size": 3}'],
            "PatchParameters has no parameter size; it has per_dataset",
        ),
        (
            ["interpret", "mine.npy", "--results", "nowhere"],
            "nowhere: expected the results of a run",
        ),
        (
            ["interpret", "mine.npy", "--results", "nowhere", "--representation", "gram"],
            "nowhere/metanetwork.safetensors: no such file; chapter 03_meta_autoencoder makes it",
        ),
        (["zoo", "none.safetensors", "--out", ".", "--parameters", "{}"], "none.safetensors"),
    ],
)
def test_a_bad_input_ends_with_a_message_and_no_traceback(words, message, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["metanet", *words])
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)  # it would outlast the test
    with pytest.raises(SystemExit, match=re.escape(message)):  # which Python prints, and no more
        cli.main()


def test_data_demo_refuses_a_folder_that_holds_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    command = [sys.executable, "-m", "metanet_lib.cli", "data", "demo", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "expected a new folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert Path(tmp_path / "thesis.txt").read_text() == "three years of work"
