"""Choose the settings of the rows that train a network, once, with as many trials for each.

The models are those that fit the meta level in the ``quick`` profile, on the demo corpus: 20 of
each of the 20 training datasets, 128,000 patches eight times. The first three quarters of each
dataset's fit, the last quarter is asked; models that validate are not looked at. Each trial of
``metanet_lib.experiments.peers.choices.TRIALS`` is one fit with a quarter of the training (all of
it where that is short), on one core at low priority; what comes out is added to ``choices.csv`` at
once, and a trial that is there already is not run again. Run it as ``python benchmarks/choose.py``;
the trials take four minutes of a core, the zoo more.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.leaderboard import assess_peer, draw_samples, training_steps
from metanet_lib.experiments.peers import Peer, PeersParameters
from metanet_lib.experiments.peers.black_box import black_box
from metanet_lib.experiments.peers.choices import FILE, TRIALS, trials
from metanet_lib.experiments.peers.deep import deep
from metanet_lib.experiments.peers.simple import tuned
from metanet_lib.experiments.peers.with_data import with_data
from metanet_lib.interpret import InterpretParameters
from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.store import Results
from metanet_lib.zoo import Zoo, ZooParameters, load_zoo
from metanet_lib.zoo.pipeline import make_corpus, make_zoo

SHARE = 0.25
"""Of the training, in a trial."""

WHOLE = ("task2vec", "model2vec")
"""Rows whose training is five epochs, too short to be cut."""


def halves(zoo: Zoo) -> tuple[Zoo, Zoo]:
    """Split fit models: the first three quarters of each dataset's, and the last."""
    places = [np.flatnonzero(zoo.datasets == name) for name in dict.fromkeys(zoo.datasets)]
    fits = np.zeros(len(zoo), bool)
    fits[np.concatenate([p[: len(p) * 3 // 4] for p in places])] = True
    return Zoo(zoo.encoders[fits], zoo.datasets[fits]), Zoo(
        zoo.encoders[~fits], zoo.datasets[~fits]
    )


def rows(size: PeersParameters, net: MetanetworkParameters, models: int) -> dict[str, Peer]:
    """Return the rows that train a network, with a share of the training each."""
    share = replace(
        size, epochs=round(SHARE * size.epochs), probe_epochs=round(SHARE * size.probe_epochs)
    )
    short = replace(
        net,
        unitwise_epochs=round(SHARE * net.unitwise_epochs),
        interunit_epochs=round(SHARE * net.interunit_epochs),
    )
    peers = [
        *deep(training_steps(short, models), net.batch_size),
        tuned(short),
        *black_box(share),
        *with_data(share),
    ]
    return {peer.name: peer for peer in peers if peer.name in TRIALS}


def main() -> None:
    """Run the trials that are missing."""
    os.nice(10)
    torch.set_num_threads(1)
    profile = yaml.safe_load(Path("profiles/quick.yaml").read_text())
    results = Results("choose")
    patches = PatchParameters.of(profile["patches"])
    sizes = replace(ZooParameters.of(profile["zoo"]), models_validation=2, models_new=0)
    datasets = [d for d in make_corpus(results, "all") if d.id in sizes.training_datasets]
    make_zoo(results, datasets, patches, sizes)
    known, asked = halves(load_zoo(results.zoo, datasets)[0])
    parts = known, asked, asked.of([])
    size = PeersParameters.of(profile["peers"])
    drawn = draw_samples(results.corpus_folder, parts, patches, size.samples, results.folder)
    found = rows(size, MetanetworkParameters.of(profile["metanetwork"]), len(parts[0]))
    interpret = InterpretParameters.of(profile["interpret"])
    done = {(t.row, t.settings) for t in trials().itertuples()}
    for name, tried in TRIALS.items():
        for settings in tried:
            if (name, json.dumps(settings)) in done:
                continue
            peer = found[name]
            peer.representation.set_params(**settings)
            answers = pd.DataFrame(assess_peer(peer, 0, parts, interpret, drawn))
            answer = answers[answers.task == "dataset_id"].iloc[-1]  # in 16 numbers, if it can
            line = {
                "row": name,
                "settings": json.dumps(settings),
                "share": 1.0 if name in WHOLE else SHARE,
                "models_fit": len(parts[0]),
                "models_asked": len(parts[1]),
                "correct": answer.n_correct,
                "loss": answer.loss,
                "seconds": round(answer.fit_seconds, 1),
            }
            pd.DataFrame([line]).to_csv(FILE, mode="a", header=False, index=False)
            print(line, flush=True)


if __name__ == "__main__":
    main()
