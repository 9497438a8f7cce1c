"""Compile what is compiled at first use: once, at set-up, and not in each of a run's first steps.

``python -m metanet_lib.compile_ahead`` does it. What was compiled lies beside the modules, and is
compiled again where a module has changed.
"""

from dataclasses import replace

import librosa
import numpy as np
import torch

from metanet_lib.data.bank import Bank
from metanet_lib.data.corpora.demo.photographs import photograph, pink_noise
from metanet_lib.experiments.cost import zoo_speed
from metanet_lib.metanetwork import MetanetworkParameters, train
from metanet_lib.zoo import CODES, INPUTS, ZooParameters


def compile_ahead() -> None:
    """Use every compiled loop on as little as can be: of spectrograms, pictures, zoo, meta level.

    Examples
    --------
    >>> compile_ahead()  # in a moment, once all is compiled
    """
    librosa.feature.melspectrogram(y=np.zeros(4096))
    rng = np.random.default_rng(0)
    photograph(rng, "cat", pink_noise(rng))
    sounds = Bank.of(torch.rand(64, INPUTS))
    pictures = replace(sounds, windows=(255 * sounds.windows).byte())
    for bank in (sounds, pictures):
        zoo_speed(bank, ZooParameters(), (8,), threads=1, seconds=0, repeats=1)
    once = MetanetworkParameters(unitwise_epochs=1, interunit_epochs=1)
    train(rng.normal(size=(2, INPUTS, CODES)).astype(np.float32), once, seed=0)


if __name__ == "__main__":
    compile_ahead()
