"""Claims about ranking a representation of one's own: the protocol, and errors in its words."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from metanet_lib.catalog import DATASETS
from metanet_lib.cli import app
from metanet_lib.data.bank import Bank
from metanet_lib.experiments.leaderboard import assess_peer
from metanet_lib.experiments.peers import PeersParameters
from metanet_lib.experiments.peers.simple import simple
from metanet_lib.experiments.rank import TEMPLATE, from_file, from_table, rank
from metanet_lib.interpret import InterpretParameters
from metanet_lib.metanetwork import MetanetworkParameters, save, train
from metanet_lib.store import Results
from metanet_lib.zoo import Shard, ZooParameters, load_zoo, make_shard

ASK = InterpretParameters(k=3)
TRAINS = ("v:aer", "a:org")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two datasets and of two rows."""
    results = Results("mine", root=tmp_path_factory.mktemp("results"))
    zoo = ZooParameters(
        models_fit=6, models_validation=2, models_new=0, batch_size=8, training_datasets=TRAINS
    )
    for name in TRAINS:
        bank, slug = Bank.of(torch.rand(64, 256)), name.replace(":", "-")
        path = results.folder / "patches" / f"{slug}.safetensors"
        replace(bank, dataset=name, parameters={"seed": 0}).save(path)
        make_shard(path, results.shard(slug), zoo)
    zoos = load_zoo(results.zoo, [d for d in DATASETS if d.id in TRAINS])
    few = MetanetworkParameters(channels=(2,), unitwise_epochs=1, interunit_epochs=1)
    save([train(zoos[0].encoders, few, 0)], results.metanetwork)
    peers = [p for p in simple(PeersParameters()) if p.name in ("gram", "statistics")]
    rows = [row for peer in peers for row in assess_peer(peer, 0, zoos, ASK)]
    results.save_table(pd.DataFrame(rows), "leaderboard_by_seed")
    return results.folder


@pytest.fixture
def written(tmp_path):
    def write(body, name="mine.py"):
        path = tmp_path / name
        path.write_text(body)
        return path

    return write


def test_a_method_stands_among_the_rows_as_the_protocol_finds_it(run, written):
    peer = from_file(f"{written(TEMPLATE)}:MyRepresentation")
    ranked = rank(peer, run, seeds=3, interpret=ASK)
    assert set(ranked.table.row) == {"gram", "statistics", "yours"}
    (own,) = ranked.table[ranked.table.row == "yours"].to_dict("records")
    zoos = load_zoo(run / "zoo", [d for d in DATASETS if d.id in TRAINS])
    expected = {row["task"]: row["accuracy"] for row in assess_peer(peer, 0, zoos, ASK)}
    assert {task: own[task] for task in expected} == expected
    assert own["n_seeds"] == 1  # nothing in it is random
    apart = ranked.differences.set_index("row").difference
    others = ranked.table.set_index("row").dataset_id
    np.testing.assert_allclose(apart["gram"], others["gram"] - others["yours"])
    assert json.loads(ranked.as_json())["place"] == ranked.place


def test_it_is_asked_as_the_runs_comparison_was(run, written):
    peer = from_file(f"{written(TEMPLATE)}:MyRepresentation")
    chapter = run / "chapters/12_against_the_others.ipynb"
    chapter.parent.mkdir()
    for k in (1, 5):
        ran = {"papermill": {"parameters": {"interpret": {"k": k}}}}
        chapter.write_text(json.dumps({"metadata": ran}))
        by_the_run = rank(peer, run, seeds=1)
        given = rank(peer, run, seeds=1, interpret=InterpretParameters(k=k))
        columns = ["row", "dataset_id", "modality"]
        pd.testing.assert_frame_equal(by_the_run.table[columns], given.table[columns])
    chapter.unlink()


def test_embeddings_made_elsewhere_are_asked_like_the_transformer_that_made_them(run, written):
    peer = from_file(f"{written(TEMPLATE)}:MyRepresentation")
    lines = []
    for path in sorted((run / "zoo").glob("*.safetensors")):
        encoders = Shard.load(path).encoder.numpy()
        strengths = np.sort(np.linalg.norm(encoders, axis=1))[:, ::-1]
        lines += [
            f"models/{path.name},{i}," + ",".join(map(str, row)) for i, row in enumerate(strengths)
        ]
    header = "file,row," + ",".join(f"x{i}" for i in range(16))
    table = written("\n".join([header, *lines]), "table.csv")
    theirs = rank(from_table(table, run), run, 1, ASK).table.set_index("row").loc["yours"]
    ours = rank(peer, run, 1, ASK).table.set_index("row").loc["yours"]
    assert theirs.dataset_id == ours.dataset_id
    table.write_text("\n".join([header, *lines[1:]]))
    with pytest.raises(ValueError, match=r"found none for models/a-org\.safetensors, row 0"):
        from_table(table, run)
    table.write_text("\n".join([header, lines[0] + "x", *lines[1:]]))
    with pytest.raises(ValueError, match=r"table\.csv, line 2: expected finite numbers"):
        from_table(table, run)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return encoders", r"expected numbers \[12, d\], found float32 \[12, 256, 16\]"),
        ("return encoders[:, 0] * float('nan')", "NaN or infinity for 12 of 12 models, first: 0"),
        ("return encoders[:, 0] @ encoders", r"mine\.py, line 7: ValueError, in transform: "),
    ],
)
def test_an_error_names_the_users_file_and_what_was_expected(run, written, line, said):
    body = "from sklearn.base import BaseEstimator, TransformerMixin\n"
    body += (
        "class Mine(TransformerMixin, BaseEstimator):\n    def fit(self, encoders, labels=None):\n"
    )
    body += "        return self\n\n    def transform(self, encoders):\n"
    peer = from_file(f"{written(body + f'        {line}')}:Mine")
    with pytest.raises(ValueError, match=said):
        rank(peer, run, 1, ASK)


def test_labels_are_withheld_from_who_did_not_ask_for_them(run, written):
    path = written(TEMPLATE.replace("return self", "self.n_ = len(labels)\n        return self"))
    with pytest.raises(ValueError, match=r"line \d+: TypeError, in fit: .*`--labels` shows them"):
        rank(from_file(f"{path}:MyRepresentation"), run, 1, ASK)
    table = rank(from_file(f"{path}:MyRepresentation", labels=True), run, 1, ASK).table
    assert table[table.row == "yours"].labels.item()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("mine.py", "expected FILE.py:NAME"),
        ("absent.py:Mine", "no such file; `metanet rank --template`"),
        ("{path}:Absent", r"mine\.py: AttributeError: .*Absent"),
        ("{path}:Plain", "expected Plain to be a scikit-learn transformer, it lacks fit, tran"),
        ("{path}:Failing", r"mine\.py, line 6: ZeroDivisionError: division by zero"),
    ],
)
def test_a_source_that_is_no_transformer_is_refused(written, source, said):
    body = "class Plain:\n    pass\n\nclass Failing:\n    def __init__(self):\n        1 / 0\n"
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        from_file(source.format(path=written(body)))


def test_the_command_prints_a_start_that_runs(run, written):
    ask = CliRunner().invoke
    path = written(ask(app, ["rank", "--template"]).output)
    done = ask(app, ["rank", f"{path}:MyRepresentation", "--results", str(run)])
    assert "MyRepresentation (yours)" in done.output, done.exception
    told = ask(app, ["rank", f"{path}:MyRepresentation", "--results", str(run), "--json"])
    assert json.loads(told.output)["of"] == 3
    assert "expected either FILE.py:NAME" in str(ask(app, ["rank"]).exception)


def test_a_method_that_a_function_makes_goes_to_another_process(run, written):
    path = written(f"{TEMPLATE}\n\ndef tuned():\n    return MyRepresentation()\n")
    transformer = from_file(f"{path}:tuned").representation
    again = pickle.loads(pickle.dumps(transformer))
    (fit, *_) = load_zoo(run / "zoo", [d for d in DATASETS if d.id in TRAINS])
    np.testing.assert_array_equal(
        again.fit(fit.encoders).transform(fit.encoders),
        transformer.fit(fit.encoders).transform(fit.encoders),
    )
