"""Claims about the metanet command: a bad input ends with a message, not with a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def metanet(*words):
    command = [sys.executable, "-m", "metanet_lib.cli", *words]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"}
    )


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
        (["zoo", "none.safetensors", "--out", ".", "--parameters", "{}"], "none.safetensors"),
    ],
)
def test_a_bad_input_ends_with_a_message_and_no_traceback(words, message):
    done = metanet(*words)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_data_demo_refuses_a_folder_that_holds_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    done = metanet("data", "demo", str(tmp_path))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert Path(tmp_path / "thesis.txt").read_text() == "three years of work"
