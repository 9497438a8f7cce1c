"""Claims about the study of open decisions."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest

from metanet_lib import catalog, figures
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.open_decisions import StudyParameters, run_study, variants
from metanet_lib.interpret import InterpretParameters
from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.store import Results
from metanet_lib.zoo import ZooParameters, make_shard, pipeline

IDS = ("v:aer", "a:air", "a:cel")
SIZE = StudyParameters(per_dataset=512, models_fit=2, models_validation=1, seeds=1)
ZOO = ZooParameters(training_datasets=IDS, batch_size=64)
ASK = InterpretParameters(k=3)
CHOSEN = variants(PatchParameters(), ZOO, SIZE, ASK)
DECISIONS = [
    *("normalisation", "mel_scale", "batch_size", "samples seen", "voc_region", "modality_labels")
]


def test_a_variant_changes_one_decision_and_the_runs_own_choice_none():
    assert list(dict.fromkeys(v.decision for v in CHOSEN)) == DECISIONS
    usual = [v for v in CHOSEN if v.usual]
    assert [v.decision for v in usual] == DECISIONS
    assert len({(v.patches, v.zoo, v.interpret or ASK) for v in usual}) == 1
    for variant in CHOSEN:
        if not variant.usual:
            own, here = (
                asdict(v.patches) | asdict(v.zoo) | asdict(v.interpret or ASK)
                for v in (usual[0], variant)
            )
            changed = [name for name in own if own[name] != here[name]]
            expected = "per_dataset" if variant.decision == "samples seen" else variant.decision
            assert changed == [expected]


def test_a_study_needs_patches_for_its_largest_batch():
    with pytest.raises(ValueError, match=r"StudyParameters\.per_dataset must be at least a batch"):
        StudyParameters(per_dataset=100)


def test_every_choice_is_assessed_and_models_are_not_trained_twice(demo_corpus, tmp_path):
    results = Results("tiny", str(demo_corpus), tmp_path)
    small = MetanetworkParameters(
        channels=(2, 2, 2), dense=4, unitwise_epochs=1, interunit_epochs=1, seeds=1
    )
    datasets = [d for d in catalog.DATASETS if d.id in (*IDS, "v:tvm")]
    rows = run_study(results, datasets, CHOSEN, small, ASK)
    assert len(rows) == len(CHOSEN) * 2 * 4  # tasks, representations
    assert set(rows.n_fit) == {2 * 3}
    assert set(rows.hub) <= set(IDS)
    assert rows.hub_share.between(1 / 3, 1).all()
    own = rows[rows.usual].drop(columns=["decision", "value"])
    assert len(own.drop_duplicates()) == 8
    shards = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.safetensors")}
    assert len(shards) == 3 * len({v.slug for v in CHOSEN})
    again = run_study(results, datasets, CHOSEN, small, ASK)
    assert again.equals(rows)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.safetensors")} == shards
    by_vote = rows[rows.value == "dataset_id"]
    same = rows[rows.value == "modality"]
    assert by_vote.reconstruction_loss.equals(same.reconstruction_loss.set_axis(by_vote.index))
    figure = figures.accuracy_by_decision(rows)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == [v.value for v in CHOSEN]


def test_models_that_two_chapters_ask_for_at_once_are_trained_once(
    demo_corpus, tmp_path, monkeypatch
):
    trained = []
    monkeypatch.setattr(
        pipeline, "make_shard", lambda *a: (trained.append(1), make_shard(*a), time.sleep(0.2))
    )
    few = replace(ZOO, models_fit=2, models_validation=1)
    shard = tmp_path / "a-cel.safetensors"
    job = (demo_corpus, catalog.dataset("a:cel"), PatchParameters(per_dataset=64), few, shard)
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(pipeline.make_dataset, *job) for _ in range(2)]:
            done.result()
    assert trained == [1]
    assert shard.exists()


def test_models_that_cannot_be_trained_leave_no_patches_behind(demo_corpus, tmp_path):
    wild = replace(ZOO, models_fit=2, models_validation=1, learning_rate=1e30)
    shard, cello = tmp_path / "a-cel.safetensors", catalog.dataset("a:cel")
    with pytest.raises(FloatingPointError, match="a:cel: of 3 models, these diverged"):
        pipeline.make_dataset(demo_corpus, cello, PatchParameters(per_dataset=256), wild, shard)
    assert not list(tmp_path.glob("*.safetensors"))
