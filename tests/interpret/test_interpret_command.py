"""Claims about models from outside: what is read, what is refused, and what is answered."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from small_run import FIT, IDS, models, small_run, write_shard
from typer.testing import CliRunner

from metanet_lib import catalog, cli, figures, interpret, metanetwork
from metanet_lib.data.corpora import demo
from metanet_lib.data.patches import PatchParameters, make_bank
from metanet_lib.interpret import Interpreter, read_models
from metanet_lib.representations import MetaEncoder, RawWeights
from metanet_lib.representations.functional import FunctionalCode
from metanet_lib.store import Results
from metanet_lib.zoo import Autoencoder, load_zoo
from metanet_lib.zoo.pipeline import fresh_banks


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def interpreter(run):
    return Interpreter.of(run.folder)


@pytest.fixture(scope="module")
def by_paper(run):
    return Interpreter.of(run.folder, representation="paper")


@pytest.fixture
def encoder():
    return models("a:sax", 1, seed=1)[0]


# --- Reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".safetensors", ".npy", ".pt", ".pth"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("many", [False, True])
def test_a_model_is_the_same_in_every_kind_of_file_and_either_way_round(
    tmp_path, encoder, suffix, turned, many
):
    stored = np.ascontiguousarray(encoder.T if turned else encoder)
    stored = np.stack([stored, 2 * stored, 3 * stored]) if many else stored
    path = tmp_path / f"model{suffix}"
    if suffix == ".npy":
        np.save(path, stored.astype(">f8"))
    elif suffix == ".safetensors":
        save_file({"weight": stored}, path)
    else:
        torch.save({"weight": torch.nn.Parameter(torch.from_numpy(stored))}, path)
    read = read_models(path)
    expected = np.stack([encoder, 2 * encoder, 3 * encoder]) if many else encoder[None]
    np.testing.assert_array_equal(read.encoders, expected)
    assert read.encoders.dtype == np.float32
    assert read.shape == stored.shape
    np.testing.assert_array_equal(read_models(path, indices=[0]).encoders, encoder[None])


def test_sixteen_models_or_two_hundred_and_fifty_six_are_counted_by_the_first_axis(tmp_path):
    for m in (16, 256):
        several = np.random.default_rng(0).normal(size=(m, 256, 16)).astype(np.float32)
        np.save(tmp_path / "a.npy", several)
        np.save(tmp_path / "b.npy", several.transpose(0, 2, 1))
        for name in "ab":
            read = read_models(tmp_path / f"{name}.npy").encoders
            np.testing.assert_array_equal(read, several)


@pytest.mark.parametrize("nested", [False, True])
def test_of_a_whole_autoencoder_the_encoder_is_read_and_not_the_decoder(tmp_path, nested):
    model = Autoencoder()
    stored = model.state_dict()
    torch.save({"epoch": 3, "model": stored} if nested else stored, tmp_path / "model.pt")
    read = read_models(tmp_path / "model.pt")
    assert read.tensor == ("model." if nested else "") + "encoder.weight"
    np.testing.assert_array_equal(read.encoders[0], model.encoder.weight.detach().T)


def test_a_shard_of_the_zoo_holds_many_models(tmp_path):
    # Sixteen, so that the decoder's bias is as large as an encoder.
    encoder = models("v:aer", 16, seed=3)
    write_shard(tmp_path / "v-aer.safetensors", "v:aer", encoder, 8)
    read = read_models(tmp_path / "v-aer.safetensors", indices=[15, 3])
    assert read.tensor == "encoder"
    assert read.indices.tolist() == [15, 3]
    np.testing.assert_array_equal(read.encoders, encoder[[15, 3]])


def write(path, kind, encoder):
    """Write one of the files that cannot be read."""
    bad = encoder.copy()
    if kind == "shape":
        np.save(path, encoder[:, :15])
    elif kind == "flat":
        np.save(path, encoder.ravel())
    elif kind == "whole numbers":
        np.save(path, np.ones((256, 16), int))
    elif kind == "nan":
        bad[3, 4] = np.nan
        np.save(path, bad)
    elif kind == "inf":
        save_file({"w": np.stack([encoder, np.where(encoder > 0.2, np.inf, encoder)])}, path)
    elif kind == "too large":
        np.save(path, encoder.astype(float) * 1e60)
    elif kind == "zero filters":
        bad[:, [2, 7]] = 0
        np.save(path, bad)
    elif kind == "objects":
        np.save(path, np.array([encoder, None], dtype=object), allow_pickle=True)
    elif kind in ("pickle", "pickled module"):
        path.write_bytes(pickle.dumps(Trap()))
    elif kind == "several":
        save_file({"first": encoder, "second": encoder.T.copy(), "bias": encoder[0]}, path)
    elif kind == "decoder alone":
        save_file({"decoder.weight": encoder}, path)
    elif kind == "none fits":
        save_file({"a": encoder[:9], "b": encoder[:, :3].copy()}, path)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "no models":
        np.save(path, encoder[None][:0])
    elif kind == "bare list":
        torch.save([1, 2], path)
    else:
        assert kind == "cut short"
        if path.suffix == ".npy":
            np.save(path, encoder)
        elif path.suffix == ".pt":
            torch.save({"w": torch.from_numpy(encoder)}, path)
        else:
            save_file({"w": encoder}, path)
        path.write_bytes(path.read_bytes()[:-1000])


class Trap:
    """Whoever unpickles it notices."""

    def __reduce__(self):
        return (os._exit, (77,))


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("a.npy", "shape", r"expected an encoder \[256, 16\] or \[16, 256\].*found \[256, 15\]"),
        ("a.npy", "flat", r"found \[4096\]; 4096 numbers in a row may lie either way"),
        ("a.npy", "no models", r"found \[0, 256, 16\]"),
        ("a.npy", "whole numbers", "expected floating-point weights, found int64"),
        ("a.npy", "nan", "expected 4,096 finite weights .*found 1 that are NaN or infinite"),
        ("a.safetensors", "inf", "model 1: expected 4,096 finite.*--index reads other models"),
        ("a.npy", "too large", "NaN or infinite"),
        ("a.npy", "zero filters", r"found filters \[2, 7\] all zero"),
        ("a.npy", "objects", "of objects .a pickle, which is never opened"),
        ("a.npy", "pickle", "a pickle, which is never opened"),
        ("a.npy", "cut short", "cut short"),
        ("a.npy", "empty", "cut short"),
        ("a.safetensors", "cut short", "not a readable safetensors file"),
        ("a.safetensors", "pickle", "not a readable safetensors file"),
        ("a.pt", "cut short", "cut short or holds more than tensors"),
        ("a.pt", "pickled module", "not opened: a pickle can run code. Save it anew with"),
        ("a.pt", "bare list", r"expected a state_dict, found no tensor by name \(list\)"),
        ("a.pkl", "pickle", "expected .safetensors, .npy, .pt, .pth, found .pkl; .*never opened"),
        ("a", "pickle", "found no suffix"),
        ("a.safetensors", "several", r"first \[256, 16\], second \[16, 256\]; name it with --tens"),
        ("a.safetensors", "decoder alone", r"found decoder.weight \[256, 16\]; name it with"),
        ("a.safetensors", "none fits", r"found a \[9, 16\], b \[256, 3\]"),
    ],
)
def test_what_cannot_be_a_model_is_refused_with_its_file_and_what_to_do(
    tmp_path, encoder, name, kind, message
):
    path = tmp_path / name
    write(path, kind, encoder)
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        read_models(path)


def test_no_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.npy: no such file"):
        read_models(tmp_path / "gone.npy")
    with pytest.raises(ValueError, match="expected a file, found a folder"):
        read_models(tmp_path)


def test_a_tensor_can_be_named_and_a_wrong_name_lists_those_there_are(tmp_path, encoder):
    path = tmp_path / "a.safetensors"
    write(path, "several", encoder)
    for name in ("first", "second"):
        np.testing.assert_array_equal(read_models(path, tensor=name).encoders[0], encoder)
    with pytest.raises(ValueError, match=r"no tensor 'third'; found bias \[16\], first"):
        read_models(path, tensor="third")
    with pytest.raises(ValueError, match=r"expected an encoder.*found bias \[16\]"):
        read_models(path, tensor="bias")


def test_an_index_out_of_range_is_refused(tmp_path, encoder):
    np.save(tmp_path / "a.npy", encoder)
    for index in (1, -1):
        with pytest.raises(ValueError, match=rf"expected an index in 0\.\.0.*found {index}"):
            read_models(tmp_path / "a.npy", indices=[index])


# --- Answering --------------------------------------------------------------------------------


def their_own(run):
    """What each representation that a run keeps must answer as."""
    return {
        "functional": FunctionalCode.load(run.functional),
        "paper": MetaEncoder(metanetwork.best(metanetwork.load(run.metanetwork))),
    }


@pytest.mark.parametrize("name", interpret.STORED)
def test_the_answer_is_the_meta_classifiers(run, name):
    fit, validation, _ = load_zoo(run.zoo, [catalog.dataset(i) for i in IDS])
    interpreter, representation = Interpreter.of(run.folder, None, name), their_own(run)[name]
    answers = interpreter.interpret(validation.encoders, [""] * len(validation))
    assert interpreter.name == name
    np.testing.assert_array_equal(
        [a.embedding for a in answers], representation.transform(validation.encoders)
    )
    for task in ("modality", "dataset_id"):
        labels = fit.modalities if task == "modality" else fit.datasets
        classifier = interpret.meta_classifier(representation).fit(fit.encoders, labels)
        expected = classifier.predict(validation.encoders)
        told = [a.modality if task == "modality" else a.dataset for a in answers]
        assert told == expected.tolist()


def test_the_neighbours_are_those_of_the_shards_nearest_first(run, interpreter):
    answer = interpreter.read(run.shard("v-aer"), indices=[FIT - 1])[0]
    nearest = answer.neighbours[0]
    assert (nearest.dataset, nearest.model) == ("v:aer", FIT - 1), "itself; model 2 has diverged"
    assert nearest.distance == pytest.approx(0, abs=1e-4)
    distances = [n.distance for n in answer.neighbours]
    assert distances == sorted(distances)
    assert sum(answer.dataset_votes.values()) == sum(answer.modality_votes.values()) == 10
    assert next(iter(answer.dataset_votes.values())) == max(answer.dataset_votes.values())


def test_by_default_the_functional_code_answers_and_any_transformer_can(run, interpreter, encoder):
    raw = Interpreter.of(run.folder, representation=RawWeights())
    assert (interpreter.name, raw.name) == ("functional", "RawWeights")
    (answer,) = raw.interpret(encoder[None], [""])
    np.testing.assert_array_equal(answer.embedding, encoder.ravel())
    assert answer.modality == "audio"
    named = Interpreter.of(run.folder, representation=RawWeights(), name="as they are")
    assert named.name == "as they are"


def test_a_transformer_is_fitted_to_the_models_that_vote_and_told_their_datasets(run):
    class Noting(RawWeights):
        def fit(self, X, y=None):
            self.told = len(X), sorted(set(y))
            return self

    interpreter = Interpreter.of(run.folder, representation=Noting())
    assert interpreter.representation.told == (2 * FIT - 1, ["a:air", "v:aer"])


@pytest.mark.parametrize("of", ["interpreter", "by_paper"])
def test_the_order_of_filters_does_not_change_the_answer(of, encoder, request):
    shuffled = encoder[:, np.random.default_rng(1).permutation(16)]
    interpreter = request.getfixturevalue(of)
    one, other = interpreter.interpret(np.stack([encoder, shuffled]), ["", ""])
    np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-5)
    assert one.dataset_votes == other.dataset_votes
    assert one.more_than_shuffled == pytest.approx(other.more_than_shuffled, abs=1e-5)


@pytest.mark.parametrize("of", ["interpreter", "by_paper"])
def test_noise_is_unlike_anything_seen_whoever_answers(of, encoder, request):
    noise = np.random.default_rng(2).normal(size=(256, 16)).astype(np.float32)
    asked = np.stack(
        [encoder, noise, 100 * noise, encoder[np.random.default_rng(3).permutation(256)]]
    )
    mine, *others = request.getfixturevalue(of).interpret(asked, ["mine", *"abc"])
    assert not mine.unlike_anything_seen
    assert "UNLIKE" not in str(mine)
    assert mine.more_than_shuffled > mine.by_chance
    for other in others:
        assert other.unlike_anything_seen
        assert "UNLIKE ANYTHING SEEN: that its inputs have this order" in str(other)
        assert other.more_than_shuffled < other.by_chance
    assert others[0].more_than_shuffled == pytest.approx(others[1].more_than_shuffled, abs=1e-6)


def test_the_picture_shows_filters_and_a_model_beyond_the_map_at_its_edge(by_paper, encoder):
    interpreter = by_paper  # to which the size of the weights matters
    answers = interpreter.interpret(np.stack([encoder, 1000 * encoder]), ["mine", "far"])
    figure = figures.interpreted_models(interpreter, answers)
    *rows, plane = figure.axes
    assert [row.get_title(loc="left")[:7] for row in rows] == ["1  mine", "2  far:"]
    assert "fitted on the zoo alone" in plane.get_title()
    zoo, *stars = (points.get_offsets() for points in plane.collections)
    assert len(zoo) == len(interpreter.zoo)
    (left, right), (low, high) = plane.get_xlim(), plane.get_ylim()
    for star in np.concatenate(stars):
        assert left <= star[0] <= right
        assert low <= star[1] <= high


def test_of_very_many_models_the_filters_of_the_first_are_drawn_and_all_places(interpreter):
    many = models("v:tra", 30, seed=4)
    figure = figures.interpreted_models(interpreter, interpreter.interpret(many, ["m"] * 30))
    assert len(figure.axes) == 9
    assert len(figure.axes[-1].collections) == 31


# --- Results that do not do -------------------------------------------------------------------


def copied(run, tmp_path):
    results = Results("copy", root=tmp_path)
    for path in (*run.zoo.iterdir(), run.metanetwork, run.functional):
        to = results.folder / path.relative_to(run.folder)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(path.read_bytes())
    return results


def test_results_without_a_zoo_or_what_is_asked_for_say_how_to_make_them(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="found no shards in zoo/; `make book PROFILE="):
        Interpreter.of(tmp_path)
    results = copied(run, tmp_path)
    results.functional.unlink()
    message = r"copy: .*no functional\.safetensors; `make book PROFILE=.*`--representation paper`"
    with pytest.raises(FileNotFoundError, match=message):
        Interpreter.of(results.folder)
    assert Interpreter.of(results.folder, representation="paper").name == "paper"
    results.metanetwork.unlink()
    with pytest.raises(FileNotFoundError, match=r"found no metanetwork\.safetensors; `make book"):
        Interpreter.of(results.folder, representation="paper")


def test_a_name_of_no_representation_is_refused(run):
    with pytest.raises(ValueError, match="unknown representation 'gran'; expected functional, pap"):
        Interpreter.of(run.folder, representation="gran")


@pytest.mark.parametrize("name", interpret.STORED)
@pytest.mark.parametrize("change", ["another model", "a dataset less"])
def test_a_zoo_that_it_was_not_trained_on_is_found_out(run, tmp_path, change, name):
    results = copied(run, tmp_path)
    if change == "another model":
        write_shard(results.shard("a-air"), "a:air", models("a:air", FIT, seed=9), FIT)
    else:
        results.shard("a-air").unlink()
    kind = {"functional": "functional code", "paper": "metanetwork"}[name]
    message = f"copy: expected a {kind} trained on the models of this zoo, found one whose"
    with pytest.raises(ValueError, match=message):
        Interpreter.of(results.folder, representation=name)


def test_more_neighbours_than_the_zoo_has_models_are_refused(run):
    with pytest.raises(ValueError, match="k = 39 neighbours asked of 39 models"):
        Interpreter.of(run.folder, interpret.InterpretParameters(k=39))


# --- Patches for new models -------------------------------------------------------------------


def test_for_the_demo_new_pictures_are_made_and_of_a_real_corpus_what_is_left_is_taken(
    demo_corpus, monkeypatch
):
    monkeypatch.setattr(demo, "FILES", 3)
    datasets = [catalog.dataset(i) for i in ("v:boa", "a:flu")]
    usual = PatchParameters(per_dataset=500)
    old = {d.id: make_bank(demo_corpus, d.id, usual).windows for d in datasets}
    of_demo = fresh_banks(Results("tiny"), datasets, usual, seed=7)
    of_real = fresh_banks(Results("tiny", str(demo_corpus)), datasets, usual, seed=7)
    half = replace(usual, voc_split="train")
    of_half = fresh_banks(Results("tiny", str(demo_corpus)), datasets, half, seed=7)
    assert [new for _, new in of_demo.values()] == [
        "photographs computed anew",
        "recordings computed anew",
    ]
    assert {new for _, new in of_real.values()} == {"other patches of the same files"}
    assert of_half["v:boa"][1] == "photographs of the listing 'val'"
    assert of_half["v:boa"][0].parameters["voc_split"] == "val"
    assert of_half["a:flu"][1] == "other patches of the same files"
    for found in (of_demo, of_real, of_half):
        for dataset_id, (bank, _) in found.items():
            assert len(bank) == 500
            assert bank.parameters["seed"] == 7
            assert not np.array_equal(bank.windows, old[dataset_id])


# --- The command ------------------------------------------------------------------------------


def metanet(*words):
    command = [sys.executable, "-m", "metanet_lib.cli", "interpret", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_answers_in_json_for_many_and_a_bad_file_spoils_no_other(
    run, interpreter, tmp_path, encoder
):
    mine, bad, plot = tmp_path / "mine.npy", tmp_path / "bad.npy", tmp_path / "plot.svg"
    np.save(mine, encoder.T)
    write(bad, "pickle", encoder)
    shard = run.shard("v-tra")
    done = metanet(
        bad, mine, shard, "--index", 0, "--results", run.folder, "--json", "--plot", plot
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    assert list(told) == ["results", "representation", "k", "n_zoo", "models", "errors"]
    assert (told["representation"], told["k"], told["n_zoo"]) == ("functional", 10, 2 * FIT - 1)
    assert [m["name"] for m in told["models"]] == [str(mine), f"{shard}[0]"]
    expected = interpreter.read(mine)[0].as_dict()
    assert told["models"][0].keys() == expected.keys()
    assert told["models"][0]["dataset_votes"] == expected["dataset_votes"]
    assert told["models"][0]["embedding"] == pytest.approx(expected["embedding"], abs=1e-5)
    assert expected["more_than_shuffled"] > expected["by_chance"]
    assert len(told["models"][0]["neighbours"]) == 10
    assert [e["file"] for e in told["errors"]] == [str(bad)]
    assert told["errors"][0]["error"] in done.stderr
    assert plot.read_text().lstrip().startswith("<?xml")


@pytest.mark.parametrize(
    ("words", "by"),
    [
        ([], "the functional code"),
        (["--representation", "paper"], "the paper's metanetwork"),
        (["--representation", "gram"], "gram"),
    ],
)
def test_the_command_answers_in_words_and_ends_well(run, tmp_path, encoder, words, by):
    np.save(tmp_path / "mine.npy", encoder)
    done = metanet(tmp_path / "mine.npy", "--results", run.folder, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("asked: the 10 nearest of 39 models of ")
    assert done.stdout.splitlines()[0].endswith(f", by {by}")
    for word in ("mine.npy\n", "modality", "dataset", "votes", "nearest"):
        assert word in done.stdout


def test_what_concerns_all_files_ends_the_command_at_once(run):
    unknown = ["--results", str(run.folder), "--representation", "gran"]
    for words, message in (
        (["mine.npy", *unknown], "unknown representation 'gran'; there are: functional, paper, ra"),
        (["mine.npy", "--results", "nowhere"], "nowhere: expected the results of a run"),
        (["mine.npy", "--plot", "plot.pdf"], "expected a plot called .png or .svg, found '.pdf'"),
    ):
        done = CliRunner().invoke(cli.app, ["interpret", *words])
        assert done.exit_code == 1
        assert message in str(done.exception)
