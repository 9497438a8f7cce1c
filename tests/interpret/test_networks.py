"""Claims about networks of any shape from outside."""

import json
import sys

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from metanet_lib import cli
from metanet_lib.interpret import networks
from metanet_lib.interpret.networks import read_network
from metanet_lib.representations.gradients import probes

SOURCE = """
import torch
from torch import nn

def linear():
    torch.manual_seed(0)
    return nn.Linear(256, 16, bias=False)

def coloured():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.BatchNorm2d(4), nn.GELU(), nn.Flatten())

def blind():
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 20), nn.Hardtanh(1e3, 2e3))

def many():
    return nn.Linear(256, 70_000)

def broken():
    return nn.Sequential(nn.Linear(256, 20), nn.Threshold(1e9, float("nan")))

def no_module():
    return 1

def wants(more):
    return nn.Linear(256, more)
"""


@pytest.fixture
def source(tmp_path, monkeypatch):
    (tmp_path / "somebodys.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "somebodys", raising=False)


def test_a_module_that_the_user_names_is_read_by_its_gradients(source):
    read = read_network("somebodys:linear", (256,))
    torch.manual_seed(0)
    weights = nn.Linear(256, 16, bias=False).weight.detach().numpy()
    np.testing.assert_allclose(read.encoder @ read.encoder.T, weights.T @ weights, atol=1e-4)
    assert (read.way, read.answers, read.directions) == ("differentiated", 16, 16)


def test_channels_are_all_grey_and_many_answers_are_read_by_differences(source, monkeypatch):
    exact = read_network("somebodys:coloured", (3, 16, 16))
    monkeypatch.setattr(networks, "INPUTS", 2)
    monkeypatch.setattr(networks, "_checked_window", lambda window: window)
    by_differences = read_network("somebodys:coloured", (3, 16, 16))
    assert exact.way, by_differences.way == ("differentiated", "by differences")
    one, other = (read.encoder @ read.encoder.T for read in (exact, by_differences))
    assert np.abs(one - other).max() < 1e-2 * np.abs(one).max()


@pytest.mark.parametrize(
    ("name", "window", "said"),
    [
        ("somebodys:linear", (32, 8), "no place for 16x16 windows"),
        ("somebodys:linear", (1, 16, 16), "refuses them"),
        ("somebodys:absent", (256,), "expected a function that makes a network"),
        ("nobodys_package:make", (256,), r"that makes a network.*ModuleNotFoundError"),
        ("somebodys:wants", (256,), r"that makes a network.*TypeError: wants\(\) missing"),
        ("somebodys:no_module", (256,), "expected a function that returns a torch.nn.Module"),
        ("somebodys:blind", (256,), "expected answers that depend on the window"),
        ("somebodys:broken", (256,), "expected answers that depend on the window|NaN"),
        ("somebodys:many", (256,), "expected at most 65,536 answers"),
    ],
)
def test_what_cannot_be_read_is_told(source, name, window, said):
    with pytest.raises(ValueError, match=said):
        read_network(name, window)


def test_an_onnx_file_needs_its_extra_and_a_file(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="expected an ONNX model"):
        read_network(str(tmp_path / "none.onnx"))
    (tmp_path / "some.onnx").write_bytes(b"nothing")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match="needs onnxruntime, which is not installed"):
        read_network(str(tmp_path / "some.onnx"))
    monkeypatch.setattr(networks, "LARGEST", 3)
    with pytest.raises(ValueError, match="expected at most 3 bytes, found 7"):
        read_network(str(tmp_path / "some.onnx"))


def test_an_onnx_network_is_asked_about_differences(tmp_path, monkeypatch):
    """Where onnxruntime is missing, what stands in for it answers as a linear network would."""
    weights = np.random.default_rng(0).normal(size=(256, 20)).astype(np.float32)

    class Session:
        def __init__(self, path, providers):
            pass

        def get_inputs(self):
            return [type("Input", (), {"name": "x", "shape": [1, 1, 16, 16]})]

        def run(self, names, given):
            assert given["x"].shape == (1, 1, 16, 16)
            return [given["x"].reshape(1, 256) @ weights]

    monkeypatch.setitem(
        sys.modules, "onnxruntime", type("Runtime", (), {"InferenceSession": Session})
    )
    monkeypatch.setattr(networks, "probes", lambda family, n: probes(family, 1))
    (tmp_path / "net.onnx").write_bytes(b"somebody's")
    read = read_network(str(tmp_path / "net.onnx"))
    assert (read.way, read.answers, read.directions) == ("by differences", 20, 20)


def test_the_command_says_which_way_a_network_was_read(source, small_run):
    words = ["interpret", "somebodys:coloured", "--window", "3,16,16", "--results", str(small_run)]
    said = CliRunner().invoke(cli.app, words)
    assert said.exit_code == 0, said.output
    assert "somebodys:coloured, differentiated: 36 answers to 64 white probes" in said.output
    answered = json.loads(CliRunner().invoke(cli.app, [*words, "--json"]).output)
    assert answered["models"][0]["name"].startswith("somebodys:coloured")
    wrong = CliRunner().invoke(
        cli.app, ["interpret", "somebodys:linear", "--results", str(small_run)]
    )
    assert wrong.exit_code == 1
    assert "refuses them" in wrong.output


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """The results of a run: shards of two datasets."""
    from safetensors.numpy import save_file

    folder = tmp_path_factory.mktemp("results") / "small"
    rng = np.random.default_rng(0)
    (folder / "zoo").mkdir(parents=True)
    m = 12
    like = {"decoder": (m, 16, 256), "decoder_bias": (m, 256), "loss_curve": (m, 2)}
    like |= {f"batch_norm_{part}": (m, 16) for part in ("scale", "shift", "mean", "var")}
    rest = {name: np.ones(shape, np.float32) for name, shape in like.items()}
    for i in ("v:aer", "a:air"):
        encoder = rng.normal(size=(m, 256, 16)).astype(np.float32)
        header = {"dataset": i, "models_fit": "10", "models_new": "0"}
        path = folder / "zoo" / f"{i.replace(':', '-')}.safetensors"
        save_file({"encoder": encoder, **rest}, path, header)
    return folder
