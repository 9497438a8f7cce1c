"""Every public name of the library has an example, and each example does what it says."""

import doctest
import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from metanet_lib import metanetwork
from metanet_lib.publish import api
from metanet_lib.zoo import Zoo

MODULES = {m.__name__: m for parts in api.ROOMS.values() for part in parts
           for m in api.modules(part)}  # fmt: skip
NAMES = [f"{module}.{name}" for module, m in MODULES.items() for name in api.public(m)]

WITHOUT: set[str] = set()
"""Names whose example is still to be written."""


@pytest.fixture(scope="session")
def at_hand(demo_corpus):
    """What every example may use, as book/api.md says it."""
    rng = np.random.default_rng(0)
    datasets = np.repeat(["v:aer", "v:bic", "a:air"], 8)
    scales = np.repeat([0.5, 1.0, 2.0], 8)[:, None, None]
    encoders = (scales * rng.normal(size=(24, 256, 16))).astype(np.float32)
    parameters = replace(
        metanetwork.MetanetworkParameters(),
        channels=(4, 8),
        embedding_activation="linear",
        unitwise_epochs=1,
        interunit_epochs=1,
    )
    return {
        "corpus": demo_corpus,
        "encoders": encoders,
        "zoo": Zoo(encoders, datasets),
        "metanetwork": metanetwork.train(encoders, parameters, seed=0),
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_an_example(name):
    module, _, own = name.rpartition(".")
    doc = inspect.getdoc(vars(MODULES[module])[own])
    has_one = "\nExamples\n--------\n" in doc and ">>>" in doc
    assert has_one != (name in WITHOUT), "WITHOUT lists the names without an example, no others"


@pytest.mark.parametrize("module", MODULES)
def test_examples_do_what_they_say(module, at_hand, tmp_path, monkeypatch):
    torch.manual_seed(0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said: list[str] = []
    names = {**vars(MODULES[module]), **at_hand}
    for number, test in enumerate(doctest.DocTestFinder().find(MODULES[module], extraglobs=names)):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        test.globs["folder"] = folder
        runner.run(test, out=said.append)
    assert runner.tries > 0
    assert not runner.failures, "".join(said)
