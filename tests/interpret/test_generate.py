"""Claims about models that are made of 16 numbers, and about the command that makes them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from typer.testing import CliRunner

from metanet_lib import catalog, cli
from metanet_lib.data.patches import PatchParameters, make_bank
from metanet_lib.interpret import Generator, Interpreter, read_codes, read_models
from metanet_lib.representations.functional import FunctionalCode, draw
from metanet_lib.store import Results
from metanet_lib.zoo import Shard, Zoo, ZooParameters, load_zoo

IDS = ("v:aer", "a:air", "v:tra")  # the last does not train
FIT = 24
FEW, PATCHES = ZooParameters(batch_size=16), PatchParameters(per_dataset=2000)


def models(dataset_id, n):
    """Models of a dataset: six smooth directions of its own in filters with random starts."""
    rng = np.random.default_rng(IDS.index(dataset_id))
    row, column = np.divmod(np.arange(256), 16)
    waves = [np.cos(rng.normal() * row + rng.normal() * column + rng.normal()) for _ in range(6)]
    start = 0.05 * rng.normal(size=(n, 256, 16))
    return (start + 0.1 * np.stack(waves, 1) @ rng.normal(size=(n, 6, 16))).astype(np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of three datasets with its functional code, as real files."""
    results = Results("small", root=tmp_path_factory.mktemp("results"))
    for name in IDS:
        n = FIT if name in catalog.TRAINING_IDS else 0
        encoder = models(name, n + 2)
        m = len(encoder)
        shapes = {"decoder": (m, 16, 256), "decoder_bias": (m, 256), "loss_curve": (m, 2)}
        shapes |= {f"batch_norm_{part}": (m, 16) for part in ("scale", "shift", "mean", "var")}
        header = {
            "dataset": name,
            "models_fit": str(n),
            "models_new": "0",
            "zoo": json.dumps(FEW.as_dict()),
            "patches": json.dumps({"parameters": json.dumps(PATCHES.as_dict())}),
        }
        path = results.shard(catalog.dataset(name).slug)
        path.parent.mkdir(parents=True, exist_ok=True)
        rest = {part: np.ones(shape, np.float32) for part, shape in shapes.items()}
        save_file({"encoder": encoder, **rest}, path, header)
    fit, *_ = load_zoo(results.zoo, [catalog.dataset(i) for i in IDS])
    FunctionalCode().fit(fit.encoders).save(results.functional)
    return results


@pytest.fixture(scope="module")
def generator(run):
    return Generator.of(run.folder)


def invoke(*words):
    return CliRunner().invoke(cli.app, ["generate", *map(str, words)])


def test_drawn_models_have_on_average_the_function_that_they_are_drawn_for():
    generator = np.random.default_rng(0)
    vectors = np.linalg.qr(generator.normal(size=(256, 256))).Q
    shares = np.r_[np.full(8, 0.9), np.full(248, 8.8 / 248)]
    function = vectors * shares @ vectors.T
    starts = generator.normal(size=(60, 256, 16))
    basis = np.linalg.qr(draw(np.broadcast_to(function, (60, 256, 256)), starts)).Q
    kept = np.square(vectors.T @ basis).sum(2).mean(0)
    assert kept[:8].mean() == pytest.approx(0.9, abs=0.02)
    assert kept[8:].mean() == pytest.approx(8.8 / 248, rel=0.05)


def test_made_models_are_read_as_what_they_were_made_for_and_are_no_copies(run, generator):
    fit, *_ = load_zoo(run.zoo, [catalog.dataset(i) for i in IDS])
    for name in IDS[:2]:
        made = generator.models(generator.sample(name, 8, seed=1), seed=1)
        answers = Interpreter.of(run.folder).interpret(made, [name] * 8)
        assert np.mean([a.dataset == name for a in answers]) > 0.8
        own = np.linalg.norm(fit.of([name]).encoders, axis=(1, 2))
        size = np.linalg.norm(made, axis=(1, 2))
        assert (size > 0.9 * own.min()).all()
        assert (size < 1.1 * own.max()).all()
        spaces = np.linalg.qr(made).Q.transpose(0, 2, 1)[:, None] @ np.linalg.qr(fit.encoders).Q
        assert (np.square(spaces).sum((2, 3)) < 15).all(), "a copy would keep all 16"


def test_a_model_follows_from_its_code_and_seed(generator):
    codes = generator.sample("v:aer", 3, seed=0)
    np.testing.assert_array_equal(codes, generator.sample("v:aer", 3, seed=0))
    one, same, other = (generator.models(codes, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1
    near = generator.models(codes + 1e-6, 0)
    np.testing.assert_allclose(near, one, atol=1e-2)


def test_a_code_is_decoded_by_the_ten_models_nearest_to_it(generator):
    encoders = generator._encoders
    for code, decoded in zip(
        generator.codes[:3], generator.decode(generator.codes[:3]), strict=True
    ):
        near = np.linalg.norm(generator.codes - code, axis=1).argsort()[:10]
        bases = np.linalg.qr(encoders[near].astype(np.float64)).Q
        strongest = np.linalg.eigh((bases @ bases.mT).mean(0)).eigenvectors[:, -16:]
        kept = np.square(strongest.T @ np.linalg.qr(decoded).Q).sum()
        assert kept == pytest.approx(16, abs=1e-3)
        own, nearest = (np.linalg.svd(e, compute_uv=False) for e in (decoded, encoders[near[0]]))
        np.testing.assert_allclose(own, nearest, rtol=1e-4)


def test_the_way_leads_from_mean_to_mean(generator):
    first, last = (generator.mean(name) for name in IDS[:2])
    np.testing.assert_allclose(generator.between(*IDS[:2], 0), first)
    np.testing.assert_allclose(generator.between(*IDS[:2], 1), last)
    np.testing.assert_allclose(generator.between(*IDS[:2], 0.25), 0.75 * first + 0.25 * last)


def test_too_few_models_make_a_density_all_the_same(generator):
    zoo = Zoo(generator._encoders[[0, 1, 2]], np.array(["v:aer"] * 3))
    few = Generator(FunctionalCode(2).fit(zoo.encoders), zoo)
    assert np.isfinite(few.models(few.sample("v:aer", 2, 0), 0)).all()


def test_the_command_writes_what_interpret_reads_and_says_of_what_it_is(run, tmp_path):
    out = tmp_path / "made.safetensors"
    done = invoke(out, "--dataset", "v:aer", "-n", 3, "--seed", 7, "--results", run.folder)
    assert done.exit_code == 0, done.output
    assert read_models(out).encoders.shape == (3, 256, 16)
    with safe_open(out, "np") as file:
        header = file.metadata()
        assert set(file.keys()) == {"encoder"}
    assert (header["made"], header["seed"]) == ("for v:aer", "7")
    assert header["representation"] == "functional"
    assert np.array(json.loads(header["codes"])).shape == (3, 16)
    first = read_models(out).encoders
    invoke(out, "--dataset", "v:aer", "-n", 3, "--seed", 7, "--results", run.folder)
    np.testing.assert_array_equal(read_models(out).encoders, first)

    codes = tmp_path / "code.json"
    codes.write_text(header["codes"])
    again = tmp_path / "again.safetensors"
    invoke(again, "--code", codes, "--seed", 7, "--results", run.folder)
    np.testing.assert_allclose(read_models(again).encoders, read_models(out).encoders, atol=1e-4)


def test_with_a_corpus_whole_autoencoders_are_written(run, demo_corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("metanet_lib.interpret.generate.READOUT_PATCHES", 640)
    monkeypatch.setattr("metanet_lib.interpret.generate.READOUT_STEPS", 20)
    out = tmp_path / "made.safetensors"
    words = "--between", "v:aer", "a:air", "--at", 0.25, "-n", 2, "--corpus", demo_corpus
    done = invoke(out, *words, "--results", run.folder)
    assert done.exit_code == 0, done.output
    with safe_open(out, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        assert file.metadata()["made"] == "between v:aer and a:air at 0.25"
        assert file.metadata()["readout_steps"] == "20"
    shard = Shard.load(run.shard("v-aer"))
    assert {n: t.shape[1:] for n, t in tensors.items()} == {
        n: getattr(shard, n).shape[1:] for n in tensors
    }
    whole = replace(shard, **tensors, loss_curve=shard.loss_curve[:2]).model(0, FEW)
    patches = make_bank(demo_corpus, "v:aer", replace(PATCHES, per_dataset=200)).patches()
    left = (whole(patches) - patches).square().sum() / (patches - patches.mean(0)).square().sum()
    assert left.item() < 0.5
    assert len(read_models(out).encoders) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected one of --dataset, --between, --code; found 0"),
        (("--dataset", "v:aer", "--code", "x.json"), "found 2 of them"),
        (("--dataset", "v:unicorn"), "unknown dataset 'v:unicorn'"),
        (("--dataset", "v:tra"), "v:tra: none of its models fits this run's meta level"),
        (
            ("--between", "v:aer", "a:air", "--at", "1.5"),
            "a share of the way from 0 to 1, found 1.5",
        ),
        (("--dataset", "v:aer", "-n", "0"), "expected one model or more"),
        (("--code", "absent.json"), "absent.json: no such file"),
        (("--code", "absent.json", "--corpus", "demo"), "a code from a file has none"),
        (("--dataset", "v:aer", "--corpus", "nowhere"), "nowhere"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_and_nothing_is_written(run, tmp_path, words, message):
    out = tmp_path / "made.safetensors"
    done = invoke(out, *words, "--results", run.folder)
    assert done.exit_code != 0
    assert message in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_results_without_a_decoder_and_another_kind_of_file_are_refused(run, tmp_path):
    empty = Results("small", root=tmp_path)
    done = invoke(tmp_path / "a.safetensors", "--dataset", "v:aer", "--results", empty.folder)
    assert "expected the results of a run" in str(done.exception)
    empty.zoo.mkdir(parents=True)
    for path in run.zoo.iterdir():
        (empty.zoo / path.name).write_bytes(path.read_bytes())
    done = invoke(tmp_path / "a.safetensors", "--dataset", "v:aer", "--results", empty.folder)
    assert "found no functional.safetensors" in str(done.exception)
    done = invoke(tmp_path / "a.npy", "--dataset", "v:aer", "--results", run.folder)
    assert "expected a file called .safetensors, found '.npy'" in str(done.exception)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "in JSON"),
        ('{"code": 1}', "in JSON"),
        ("[1, 2]", r"found numbers of shape \[2\]|shape \[1, 2\]"),
        ("[]", "found numbers of shape"),
        ("[[1, 2, 3], [1]]", "in JSON"),
        ("[NaN, 1, 2]", "all finite"),
    ],
)
def test_a_file_that_is_no_code_is_refused_by_name(tmp_path, text, message):
    path = tmp_path / "code.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"code\.json: expected a list of 3 numbers.*({message})"):
        read_codes(path, dimensions=3)
