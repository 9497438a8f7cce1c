"""The wheel installs into an empty environment and answers there, far from the repository."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import save_file
from small_run import models, small_run
from tiny_book import clone

import metanet_lib

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A fresh virtual environment with the wheel in it; the folder of its commands."""
    folder = tmp_path_factory.mktemp("wheel")
    source = clone(folder / "source")
    subprocess.run([sys.executable, "-m", "build", "--wheel", source], check=True)
    (wheel,) = (source / "dist").glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    lock = Path("requirements.lock").resolve()
    install = ["-m", "pip", "install", "--quiet", "--constraint", lock, wheel]
    subprocess.run([folder / "venv/bin/python", *install], check=True)
    return folder / "venv/bin"


@pytest.fixture
def metanet(installed, tmp_path):
    """Calls the command in an empty folder."""

    def call(*words: object) -> str:
        command = [installed / "metanet", *map(str, words)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def test_its_version_is_the_librarys(installed, tmp_path):
    told = subprocess.run(
        [installed / "python", "-c", "import metanet_lib as m; print(m.__version__, m.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert told[0] == metanet_lib.__version__
    assert "site-packages" in told[1]


def test_it_tells_its_commands(metanet):
    told = metanet("--help")
    assert all(command in told for command in ("interpret", "generate", "rank", "compare"))


def test_it_interprets_a_model_by_the_results_of_a_run(metanet, tmp_path):
    results = small_run(tmp_path / "results").folder
    save_file({"encoder": models("a:air", 1, seed=1)[0]}, tmp_path / "mine.safetensors")
    told = json.loads(metanet("interpret", "mine.safetensors", "--results", results, "--json"))
    assert told["models"][0]["modality"] == "audio"


def test_it_prints_a_start_for_a_representation_of_ones_own(metanet):
    assert "class " in metanet("rank", "--template")


def test_what_pages_send_to_a_browser_is_in_it(installed):
    there = {p.name for p in installed.parent.rglob("site-packages/metanet_lib/**/*.js")}
    assert there == {p.name for p in Path("metanet_lib").rglob("*.js")} != set()
