"""Claims about the peers and the protocol that compares them."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from small_run import write_shard

from metanet_lib import catalog, figures
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments import leaderboard as leaderboards
from metanet_lib.experiments.leaderboard import (
    assess_peer,
    draw_samples,
    fitted_on_zoo,
    leaderboard,
    permuted_copies,
    run,
    training_seconds,
)
from metanet_lib.experiments.peers import GROUPS, Peer, PeersParameters, peers
from metanet_lib.experiments.peers.beyond import BeyondParameters, beyond
from metanet_lib.experiments.peers.choices import TRIALS, choices, chosen, trials
from metanet_lib.experiments.peers.simple import paper
from metanet_lib.interpret import InterpretParameters, wilson_interval
from metanet_lib.metanetwork import MetanetworkParameters, best, train
from metanet_lib.metanetwork.compiled import CompiledStep
from metanet_lib.representations.deep import DeepRepresentation
from metanet_lib.representations.weights import (
    AlignedWeights,
    Components,
    gram,
    projector,
    reduced,
    spectrum,
    statistics,
)
from metanet_lib.store import Results
from metanet_lib.zoo import CODES, INPUTS, Zoo, ZooParameters, load_zoo
from metanet_lib.zoo.pipeline import make_dataset

SMALL = PeersParameters(
    seeds=2, deep_seeds=2, copies=2, epochs=1, probe_epochs=1, probes=16, landmarks=4, samples=4
)
STEPS = 3
NET = MetanetworkParameters(
    channels=(2, 2, 2),
    dense=4,
    unitwise_epochs=1,
    interunit_epochs=1,
    embedding_activation="linear",
)
GENERATOR = np.random.default_rng(0)
FIT_IDS, ALL_IDS = (
    ("v:aer", "v:bic", "a:air", "a:cel"),
    ("v:aer", "v:bic", "v:tvm", "a:air", "a:cel"),
)


def zoo_of(ids, per_dataset):
    """Models whose filters are white noise, a louder one for each next dataset."""
    loudness = {d.id: 1 + i for i, d in enumerate(catalog.DATASETS)}
    encoders = [
        loudness[i] * GENERATOR.normal(size=(256, 16)) for i in ids for _ in range(per_dataset)
    ]
    return Zoo(np.array(encoders, np.float32), np.repeat(ids, per_dataset))


FIT, VALIDATION, NEW = zoo_of(FIT_IDS, 6), zoo_of(ALL_IDS, 3), zoo_of(FIT_IDS, 2)
ZOOS = FIT, VALIDATION, NEW
SAMPLES = {len(zoo): GENERATOR.random((len(zoo), 4, 256), np.float32) for zoo in ZOOS}
METANETWORKS = [train(FIT.encoders, NET, seed) for seed in (0, 1)]
STEPS_BEYOND = beyond(BeyondParameters(seeds=2, steps=STEPS), NET)
ROWS = [paper(METANETWORKS, None), *peers(SMALL, NET, STEPS), *STEPS_BEYOND]
PATCHES_ONLY = [peer for peer in ROWS if peer.sees == "patches"]


def each(some):
    return pytest.mark.parametrize("peer", some, ids=[peer.name for peer in some])


EACH = each(ROWS)
K = InterpretParameters(k=3)


def shown(peer, encoders, samples, fitting=False):
    both = (encoders, samples)
    sees = {"weights": encoders, "patches": samples, "both": both}
    return {**sees, "patches in fitting": both if fitting else encoders}[peer.sees]


def embed(peer, y=None):
    """The validation models, as the peer's first seed embeds them."""
    fitted = peer.of_seed(0).fit(shown(peer, FIT.encoders, SAMPLES[len(FIT)], fitting=True), y)
    return fitted, fitted.transform(shown(peer, VALIDATION.encoders, SAMPLES[len(VALIDATION)]))


class Untouchable:
    """Labels that nobody may look at."""

    def _refuse(self, *args, **kwargs):
        raise AssertionError("labels were looked at")

    __len__ = __iter__ = __getitem__ = __array__ = __eq__ = __bool__ = __getattr__ = _refuse
    __hash__ = None


@EACH
def test_a_row_embeds_models_in_finite_numbers_and_clones(peer):
    _, embeddings = embed(peer, FIT.datasets if peer.labels else None)
    assert embeddings.shape[0] == len(VALIDATION)
    assert embeddings.ndim == 2
    assert np.isfinite(embeddings).all()
    assert type(clone(peer.representation)) is type(peer.representation)


@EACH
def test_a_row_without_labels_never_looks_at_them(peer):
    if peer.labels:
        pytest.skip("this row is told labels, and says so")
    np.testing.assert_array_equal(embed(peer, Untouchable())[1], embed(peer)[1])


@each([peer for peer in ROWS if peer.sees != "patches"])
def test_a_row_called_invariant_does_not_see_the_order_of_filters(peer):
    fitted, embeddings = embed(peer, FIT.datasets if peer.labels else None)
    orders = GENERATOR.permuted(np.tile(np.arange(16), (len(VALIDATION), 1)), axis=1)
    permuted = np.take_along_axis(VALIDATION.encoders, orders[:, None], axis=2)
    again = fitted.transform(shown(peer, permuted, SAMPLES[len(VALIDATION)]))
    same = np.abs(again - embeddings).max() <= 1e-5 * np.abs(embeddings).max()
    assert same == peer.invariant


@each(PATCHES_ONLY)
def test_a_row_that_sees_patches_only_answers_the_same_whatever_the_weights_are(peer):
    of_loudness = rows_of([peer])
    without = rows_of(
        [peer], *(replace(z, encoders=np.nan * z.encoders) for z in (FIT, VALIDATION))
    )
    times = ["fit_seconds", "ms_per_model"]
    pd.testing.assert_frame_equal(without.drop(columns=times), of_loudness.drop(columns=times))
    assert peer.invariant


def test_rows_have_names_of_their_own_known_citations_and_their_group():
    every = [row for peer in ROWS for row in peer.rows()]
    assert len({row.name for row in every}) == len({row.title for row in every}) == len(every)
    assert len(every) > len(ROWS)
    bibliography = Path("book/references.bib").read_text()
    for peer in every:
        assert peer.group in GROUPS
        at_any_time = peer.sees not in ("weights", "patches in fitting")
        assert (peer.group == "with data access") == at_any_time
        assert peer.how.endswith(".")
        assert peer.why.endswith(".")
        for key in filter(None, peer.cite.split(",")):
            assert f"{{{key},\n" in bibliography


def test_the_gram_matrix_forgets_rotations_and_the_projector_every_mixing():
    encoders = VALIDATION.encoders
    rotation = np.linalg.qr(GENERATOR.normal(size=(16, 16))).Q
    mixing = GENERATOR.normal(size=(16, 16))
    np.testing.assert_allclose(gram(encoders @ rotation), gram(encoders), rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(projector(encoders @ mixing), projector(encoders), atol=1e-5)
    one = np.zeros((1, 256, 16), np.float32)
    one[0, :16] = np.eye(16)
    square = np.zeros((256, 256))
    square[np.triu_indices(256)] = projector(one)[0]
    np.testing.assert_allclose(square, np.diag([1.0] * 16 + [0.0] * 240), atol=1e-7)


def test_the_spectrum_forgets_where_a_filter_lies_and_keeps_its_frequency():
    x = np.arange(16)
    wave = np.cos(2 * np.pi * 3 * x / 16)[None, :] * np.ones((16, 1))
    encoder = np.repeat(wave.reshape(1, 256, 1), 16, axis=2)
    strongest = np.unravel_index(spectrum(encoder)[0].argmax(), (16, 16))
    assert strongest in {(0, 3), (0, 13)}
    moved = np.roll(VALIDATION.encoders.reshape(-1, 16, 16, 16), (5, 2), axis=(1, 2))
    again = spectrum(moved.reshape(VALIDATION.encoders.shape))
    np.testing.assert_allclose(again, spectrum(VALIDATION.encoders), rtol=1e-4, atol=1e-3)


def test_the_statistics_are_those_of_unterthiner():
    weights = np.arange(4096.0).reshape(1, 256, 16)
    expected = [2047.5, (4096**2 - 1) / 12, 0, 1023.75, 2047.5, 3071.25, 4095]
    np.testing.assert_allclose(statistics(weights)[0], expected)


def test_aligned_models_that_differ_in_order_alone_become_one():
    model = VALIDATION.encoders[0]
    several = np.stack([model[:, GENERATOR.permutation(16)] for _ in range(5)])
    aligned = AlignedWeights(rounds=1).fit_transform(several)
    assert np.ptp(aligned, axis=0).max() < 1e-6
    assert sorted(aligned[0].reshape(256, 16)[0]) == sorted(model[0])


def test_principal_components_are_those_of_the_whole_decomposition():
    small = reduced(spectrum, 3).fit_transform(FIT.encoders)
    centred = spectrum(FIT.encoders) - spectrum(FIT.encoders).mean(0)
    values = np.linalg.svd(centred.astype(float), compute_uv=False)[:3]
    np.testing.assert_allclose(np.linalg.norm(small, axis=0), values, rtol=1e-4)


def test_few_models_have_fewer_components():
    assert reduced(spectrum).fit_transform(FIT.encoders[:5]).shape == (5, 4)


def test_augmentation_keeps_every_model_and_adds_its_filters_in_other_orders():
    copies = permuted_copies(FIT, 3, seed=0)
    assert len(copies) == 3 * len(FIT)
    np.testing.assert_array_equal(copies.encoders[: len(FIT)], FIT.encoders)
    assert list(copies.datasets) == 3 * list(FIT.datasets)
    assert not np.array_equal(copies.encoders[len(FIT) :][: len(FIT)], FIT.encoders)
    np.testing.assert_array_equal(
        np.sort(copies.encoders.reshape(3, *FIT.encoders.shape), axis=3)[2],
        np.sort(FIT.encoders, axis=2),
    )


def test_a_peer_is_fitted_once_for_each_seed_if_anything_is_random():
    runs = {peer.name: peer.runs(SMALL) for peer in ROWS}
    assert runs["raw_weights"] == runs["gram"] == (0,)
    assert runs["raw_augmented"] == runs["raw_aligned"] == (0, 1)
    assert runs["metanetwork"] == (0, 1)
    nested = replace(ROWS[0], representation=FunctionTransformer(spectrum))
    assert nested.seed_names == []
    aligned = named("raw_aligned")
    assert aligned.of_seed(7).seed == 7
    assert aligned.representation.seed == 0


def rows_of(several, fit=FIT, validation=VALIDATION):
    return pd.DataFrame(
        row
        for peer in several
        for seed in peer.runs(SMALL)
        for row in assess_peer(
            peer, seed, (fit, validation, NEW), K, [SAMPLES[len(zoo)] for zoo in ZOOS]
        )
    )


def named(name):
    return next(peer for peer in ROWS if peer.name == name)


def test_the_headline_is_the_paper_s_rule_where_models_are_rebuilt_and_else_the_mean():
    some = [named(name) for name in ("metanetwork", "raw_aligned", "gram")]
    rows = rows_of(some)
    table = leaderboard(some, rows).set_index("row")
    assert table.headline.to_dict() == {
        "raw_aligned": "mean of seeds",
        "raw_aligned_pca": "mean of seeds",
        "gram": "the only run",
        "metanetwork": "best reconstruction",
    }
    for task, n in (("modality", 15), ("dataset_id", 12)):
        of_task = rows[rows.task == task].set_index(["representation", "seed"])
        expected = of_task.accuracy["metanetwork", best(METANETWORKS).seed]
        assert table.loc["metanetwork", task] == pytest.approx(expected)
        mean = of_task.n_correct["raw_aligned"].mean()
        assert table.loc["raw_aligned", task] == pytest.approx(mean / n)
        assert table.loc["raw_aligned", f"{task}_ci_low"] == wilson_interval(round(mean), n)[0]
        assert table.loc["metanetwork", f"{task}_best_reconstruction"] == pytest.approx(expected)
        both = of_task.accuracy["metanetwork"]
        assert table.loc["metanetwork", f"{task}_mean"] == pytest.approx(both.mean())
        assert table.loc["raw_aligned", f"{task}_mean"] == pytest.approx(mean / n)
        assert np.isnan(table.loc["gram", f"{task}_best_reconstruction"])
        assert (table[f"{task}_min"] <= table[task]).all()
        assert (table[task] <= table[f"{task}_max"]).all()
        assert set(table[f"{task}_n_validation"]) == {n}
    assert set(table.n_fit) == {len(FIT)}
    assert [t.get_text() for t in figures.accuracy_and_cost(table.reset_index()).axes[0].texts] == [
        "1",
        "2",
        "3",
        "4",
    ]


def test_the_table_is_sorted_by_the_mean_over_seeds_within_each_group():
    some = [named(name) for name in ("cka", "raw_weights", "raw_aligned", "metanetwork")]
    table = leaderboard(some, rows_of(some))
    assert list(table.group) == sorted(table.group, key=GROUPS.index)
    assert all(mean.is_monotonic_decreasing for _, mean in table.groupby("group").dataset_id_mean)


def test_whatever_rebuilds_models_is_chosen_by_how_well_it_does():
    rebuilding = {peer.name for peer in ROWS if peer.reconstructs}
    assert rebuilding == {
        "metanetwork",
        "metanetwork_tuned",
        "set_autoencoder",
        "hyper_representation",
        "sane",
        "equivariant_autoencoder",
        "joint",
        "sets",
        "functional_trained",
        "functional",
        "functional_two_views",
        "functional_weighed",
        "functional_refined",
        "task_aware",
    }
    for name in rebuilding:
        rows = rows_of([named(name)])
        assert rows.loss.notna().all()
        best_seed = rows.seed[rows.loss.idxmin()]
        table = leaderboard([named(name)], rows).set_index("row")
        of_best = rows[(rows.seed == best_seed) & (rows.task == "dataset_id")]
        for row, accuracy in of_best.set_index("representation").accuracy.items():
            assert table.dataset_id_best_reconstruction[row] == accuracy
            only = rows.seed.nunique() == 1
            assert table.headline[row] == ("the only run" if only else "best reconstruction")


def test_one_fit_is_read_at_full_width_and_in_sixteen_components(monkeypatch):
    fitted, fit = [], AlignedWeights.fit
    monkeypatch.setattr(AlignedWeights, "fit", lambda s, X, y=None: fitted.append(1) or fit(s, X))
    aligned = named("raw_aligned")
    answers = pd.DataFrame(assess_peer(aligned, 0, ZOOS, K))
    assert len(fitted) == 1
    assert dict(zip(answers.representation, answers.embedding_dim, strict=True)) == {
        "raw_aligned": 4096,
        "raw_aligned_pca": 16,
    }
    two = make_pipeline(AlignedWeights(seed=0), Components(16))
    alone = replace(aligned, name="raw_aligned_pca", representation=two, sixteen="")
    expected = pd.DataFrame(assess_peer(alone, 0, ZOOS, K))
    assert list(answers.n_correct[4:]) == list(expected.n_correct)


def test_every_deep_row_stands_at_full_width_and_in_sixteen_numbers_and_takes_the_steps_given():
    deep = [peer for peer in ROWS if isinstance(peer.representation, DeepRepresentation)]
    assert len(deep) == 5
    for peer in [*deep, named("learned_probes")]:
        assert [row.name for row in peer.rows()] == [peer.name, f"{peer.name}_pca"]
        assert peer.runs(replace(SMALL, deep_seeds=1)) == (0,)
    assert {peer.representation.steps for peer in deep} == {STEPS}


@pytest.mark.parametrize("more", [{}, {"unitwise_epochs": 2}, {"interunit_epochs": 4}])
def test_the_others_read_each_model_as_often_as_a_metanetwork_does(monkeypatch, more):
    read, step = [], CompiledStep.__call__

    def reading(self, samples):
        read.append(len(samples) / (CODES if samples.shape[1] == INPUTS else 1))
        return step(self, samples)

    monkeypatch.setattr(CompiledStep, "__call__", reading)
    p = replace(NET, batch_size=len(FIT) // 2, **more)
    train(FIT.encoders, p, 0)
    rows = fitted_on_zoo(SMALL, p, BeyondParameters(), len(FIT))
    deep = [row.settings() for row in rows if isinstance(row.representation, DeepRepresentation)]
    assert {of["steps"] * of["batch_size"] for of in deep} == {sum(read)}


def test_every_row_that_trains_a_network_had_four_trials_on_fit_models_and_has_what_won():
    others = [p for p in ROWS if p not in STEPS_BEYOND]  # these have the paper's settings
    trained = {p.name: p for p in others if "learning_rate" in p.representation.get_params()}
    table = trials()
    assert set(trained) == set(TRIALS) == set(table.row)
    assert set(choices().trials) == {4}
    assert table.models_fit.nunique() == table.models_asked.nunique() == 1
    assert (table.groupby("row").share.nunique() == 1).all()
    assert set(table.row[table.share == 1]) == {"task2vec", "model2vec"}
    assert table.share.nunique() == 2, "all others have one share of their training"
    for name, tried in TRIALS.items():
        of_row = table[table.row == name]
        assert [json.loads(s) for s in of_row.settings] == json.loads(json.dumps(tried))
        won = of_row.correct.argmax()
        assert chosen(name) == tried[won]
        parameters = trained[name].representation.get_params()
        assert {key: parameters[key] for key in tried[won]} == tried[won]


class Spy(TransformerMixin, BaseEstimator):
    """Embeds each model by the mean of its patches, and notes what it was given."""

    def fit(self, X, y=None):
        self.given_ = (X, y)
        return self

    def transform(self, X):
        return X.mean((1, 2))[:, None]


def test_a_peer_is_shown_what_its_row_says(monkeypatch):
    given = []
    monkeypatch.setattr(Spy, "fit", lambda self, X, y=None: given.append((X, y)) or self)
    peer = Peer("spy", "Spy", "with data access", "", Spy(), "How.", "Why.", sees="patches")
    rows_of([peer, replace(peer, labels=True)])
    assert given[0][0] is given[1][0] is SAMPLES[len(FIT)]
    assert given[0][1] is None
    assert list(given[1][1]) == list(FIT.datasets)


@pytest.fixture
def one_by_one(monkeypatch):
    """Work in this process, without others."""
    monkeypatch.setattr(
        "metanet_lib.experiments.leaderboard.side_by_side",
        lambda function, each, *_: [function(*a) for a in each],
    )


def test_each_model_is_given_patches_of_its_own_dataset(demo_corpus, tmp_path, one_by_one):
    zoos = FIT.of(["v:aer", "a:cel"]), VALIDATION.of(["v:aer"]), VALIDATION.of(["v:aer"])
    drawn = draw_samples(demo_corpus, zoos, PatchParameters(new_files=0.5), 300, tmp_path)
    assert [d.shape for d in drawn] == [(12, 300, 256), (3, 300, 256), (3, 300, 256)]
    levels = np.concatenate(drawn).mean((1, 2))
    sounds = np.concatenate([zoo.datasets for zoo in zoos]) == "a:cel"
    apart = np.abs(levels[~sounds, None] - levels[sounds]).min()
    assert max(np.ptp(levels[sounds]), np.ptp(levels[~sounds])) < apart
    assert len(np.unique(levels)) == len(levels), "each model has a sample of its own"


def test_the_comparison_of_a_run_is_that_of_its_peers_alone(demo_corpus, tmp_path, request):
    results = Results("tiny", str(demo_corpus), tmp_path)
    zoo = ZooParameters(training_datasets=FIT_IDS, batch_size=64, models_fit=3, models_validation=1)
    patches = PatchParameters(per_dataset=128)
    datasets = [d for d in catalog.DATASETS if d.id in FIT_IDS]
    for d in datasets:
        make_dataset(demo_corpus, d, patches, zoo, results.shard(d.slug))
    mean = FunctionTransformer(np.mean, kw_args={"axis": 1})
    peer = Peer("mean", "Mean patch", "with data access", "", mean, "How.", "Why.", sees="patches")
    gram_row = named("gram")
    rows = run(results, datasets, [gram_row, peer], patches, SMALL, K)
    zoos = load_zoo(results.zoo, datasets)
    request.getfixturevalue("one_by_one")
    drawn = draw_samples(demo_corpus, zoos, patches, SMALL.samples, tmp_path)
    alone = assess_peer(gram_row, 0, zoos, K) + assess_peer(peer, 0, zoos, K, drawn)
    times = ["fit_seconds", "ms_per_model"]
    pd.testing.assert_frame_equal(rows.drop(columns=times), pd.DataFrame(alone).drop(columns=times))
    assert {path.name for path in results.folder.iterdir()} == {"zoo", "fits"}


class Counting(TransformerMixin, BaseEstimator):
    """Embeds each model by its mean filter, and adds a line to a file; fails while another is."""

    def __init__(self, log, stop):
        self.log, self.stop = log, stop

    def fit(self, X, y=None):
        if self.stop.exists():
            raise RuntimeError("killed")
        with self.log.open("a") as file:
            file.write("fitted\n")
        return self

    def transform(self, X):
        return X.mean(2)


def test_no_fit_is_made_twice_unless_something_changed(tmp_path, one_by_one):
    results = Results("tiny", root=tmp_path)
    datasets = [catalog.dataset(name) for name in FIT_IDS]
    for d in datasets:
        write_shard(results.shard(d.slug), d.id, FIT.of([d.id]).encoders, models_fit=4)
    stop, logs = tmp_path / "stop", (tmp_path / "first", tmp_path / "second")
    first, second = (
        Peer(log.name, "Mean", "weights only", "", Counting(log, at), "How.", "Why.")
        for log, at in zip(logs, (tmp_path / "never", stop), strict=True)
    )

    def compared(interpret=K):
        return run(results, datasets, [first, second], PatchParameters(), SMALL, interpret)

    def fits():
        return [log.read_text().count("fitted") if log.exists() else 0 for log in logs]

    stop.touch()
    with pytest.raises(RuntimeError, match="killed"):
        compared()
    stop.unlink()
    rows = compared()
    assert fits() == [1, 1], "the first is not fitted again"
    again = compared()
    assert fits() == [1, 1]
    pd.testing.assert_frame_equal(rows, again)
    known = replace(first, fit_seconds=7.0)
    told = run(results, datasets, [known, second], PatchParameters(), SMALL, K)
    assert fits() == [1, 1], "how long it took is told, not measured: no other fit"
    assert set(told[told.representation == "first"].fit_seconds) == {7.0}
    compared(replace(K, k=2))
    assert fits() == [2, 2], "asked in another way, each is fitted anew"
    shard = results.shard(datasets[0].slug)
    os.utime(shard, ns=(0, shard.stat().st_mtime_ns + 1))
    compared(replace(K, k=2))
    assert fits() == [3, 3], "of other models, too"
    assert len(list((results.folder / "fits").iterdir())) == 2


def test_shares_of_the_fits_are_all_of_them_and_the_comparison_finds_them(
    tmp_path, one_by_one, monkeypatch
):
    results = Results("tiny", root=tmp_path)
    datasets = [catalog.dataset(name) for name in FIT_IDS]
    for d in datasets:
        write_shard(results.shard(d.slug), d.id, FIT.of([d.id]).encoders, models_fit=4)
    log, never = tmp_path / "log", tmp_path / "never"
    rows = [
        Peer(name, name, "weights only", "", Counting(log, never), "How.", "Why.")
        for name in ("a", "b", "c")
    ]
    seeing = replace(rows[0], name="d", sees="patches in fitting")
    monkeypatch.setattr(leaderboards, "draw_samples", lambda *to: None)
    monkeypatch.setattr(leaderboards, "_load_samples", lambda folder: [FIT.encoders] * 3)

    def made(share):
        run(results, datasets, [seeing, *rows], PatchParameters(), SMALL, K, share, shares=3)
        return {path.name.split(".")[0] for path in (results.folder / "fits").iterdir()}

    assert made(0) == {"a_0", "c_0"}
    assert made(1) == {"a_0", "b_0", "c_0"}
    assert made(2) == {"a_0", "b_0", "c_0", "d_0"}, "the last share has what sees patches"
    run(results, datasets, [seeing, *rows], PatchParameters(), SMALL, K)
    assert log.read_text().count("fitted") == 4


def test_the_training_time_of_a_metanetwork_is_that_of_its_filters_and_its_models(monkeypatch):
    monkeypatch.setattr(
        "metanet_lib.experiments.leaderboard.metanetwork_speed", lambda parameters: (2.0, 3.0)
    )
    p = MetanetworkParameters(unitwise_epochs=5, interunit_epochs=7)
    assert training_seconds(p, models=10) == 10 * (16 * 5 * 2.0 + 7 * 3.0)


def test_every_setting_of_a_row_can_be_another_in_a_profile():
    given = {"sane": {"temperature": 0.2}, "task2vec": {"widths": [8, 4]}}
    rows = {p.name: p for p in peers(replace(SMALL, settings=given), NET, STEPS)}
    assert rows["sane"].settings()["temperature"] == 0.2
    assert rows["task2vec"].of_seed(1).widths == (8, 4)
    assert named("sane").settings()["temperature"] != 0.2  # the list itself is as it was
    with pytest.raises(ValueError, match="unknown row 'sanr'; there are: raw_weights, "):
        peers(replace(SMALL, settings={"sanr": {}}), NET, STEPS)
    with pytest.raises(ValueError, match=r"row sane has no setting heat; it has .*temperature"):
        peers(replace(SMALL, settings={"sane": {"heat": 1}}), NET, STEPS)
    with pytest.raises(ValueError, match=r"settings must be parameters by row"):
        PeersParameters.of({"settings": {"sane": 0.2}})
