"""Claims about networks of other shapes, and what the zoo says of them."""

import numpy as np
import pytest
import torch

from metanet_lib import catalog, figures
from metanet_lib.experiments.architectures.networks import ARCHITECTURES
from metanet_lib.experiments.architectures.questions import (
    STATES,
    ask,
    choose_view,
    together,
)
from metanet_lib.experiments.architectures.training import train, untrained
from metanet_lib.interpret import InterpretParameters
from metanet_lib.zoo import Zoo

IDS = np.array(["v:aer", "v:bic", "a:air"])
PATCHES = torch.rand(3, 64, 256, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_networks_trained_together_learn_and_are_the_same_in_every_run(name):
    architecture = ARCHITECTURES[name]
    first, last = (train(architecture, PATCHES, IDS, steps, batch_size=16) for steps in (1, 25))
    assert (last.losses < first.losses).all()
    again = train(architecture, PATCHES, IDS, 25, batch_size=16)
    for tensor, same in zip(last.parameters.values(), again.parameters.values(), strict=True):
        assert torch.equal(tensor, same)


def test_a_network_of_a_stack_answers_as_it_does_alone():
    several = train(ARCHITECTURES["zoo"], PATCHES, IDS, 3, batch_size=16)
    windows = PATCHES[0, :5]
    answers = several.map(lambda network: network(windows))
    alone = ARCHITECTURES["zoo"].network().eval()
    for i, expected in enumerate(answers):
        state = several.parameters | several.buffers
        alone.load_state_dict({name: tensor[i] for name, tensor in state.items()})
        torch.testing.assert_close(alone(windows), expected, rtol=1e-4, atol=1e-5)


def test_shuffled_networks_have_the_same_numbers_elsewhere():
    network = untrained(ARCHITECTURES["tanh"], IDS)
    other = network.shuffled()
    for name, tensor in network.parameters.items():
        moved = other.parameters[name]
        assert torch.equal(tensor.flatten(1).sort().values, moved.flatten(1).sort().values)
        assert torch.equal(tensor, moved) == (tensor.dim() == 2), name


def smooth_zoo(seed, per_dataset=15):
    """Models of datasets that are told apart by the orientation of smooth filters."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:16, :16] / 16
    encoders, ids = [], [d.id for d in catalog.DATASETS[:6]]
    for k in range(len(ids)):
        angle = np.pi * k / len(ids)
        wave = 8 * (np.cos(angle) * rows + np.sin(angle) * columns)[..., None]
        for _ in range(per_dataset):
            phases = wave * rng.uniform(0.5, 1, 16) + rng.uniform(0, 6, 16)
            encoders.append(np.sin(phases).reshape(256, 16) + 0.01 * rng.normal(size=(256, 16)))
    return Zoo(0.1 * np.array(encoders, np.float32), np.repeat(ids, per_dataset))


def test_the_view_is_chosen_by_what_random_starts_leave_of_it():
    fit, asked = smooth_zoo(0), smooth_zoo(1, 3)
    view, tried = choose_view(fit, InterpretParameters(k=3))
    means = tried.groupby("view", sort=False).accuracy.mean()
    assert tried[tried.chosen]["view"].unique().tolist() == [means.idxmax()]
    rows, verdicts = ask(view, fit, {("a",): asked, ("b",): together([asked, asked])},
                         InterpretParameters(k=3))  # fmt: skip
    assert rows.networks.tolist() == [18, 36]
    assert rows.dataset_id[0] == rows.dataset_id[1] > 0.5
    assert verdicts["a",]["dataset_id"].correct.mean() == rows.dataset_id[0]
    assert (rows.dataset_id_low <= rows.dataset_id).all()


def test_the_figure_has_a_line_for_each_architecture():
    import pandas as pd

    ends = [f"{t}{end}" for t in ("modality", "dataset_id") for end in ("", "_low", "_high")]
    rows = pd.DataFrame(
        {"title": title, "state": state, **dict.fromkeys(ends, 0.5)}
        for title in ("tanh", "deep")
        for state in STATES
    )
    figure = figures.accuracy_by_architecture(rows, {"modality": 0.5, "dataset_id": 0.05})
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["tanh", "deep"]
    assert figure.axes[1].get_xlabel() == "dataset named, %"
