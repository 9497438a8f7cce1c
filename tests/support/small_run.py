"""The results of a small run, as real files: what `metanet interpret` and its like read."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from metanet_lib import catalog, metanetwork
from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.representations.functional import FunctionalCode
from metanet_lib.store import Results
from metanet_lib.zoo import load_zoo

FIT, VALIDATION = 20, 4
IDS = ("v:aer", "v:tra", "a:air", "a:sax")  # of each modality, one trains and one does not
SMALL = MetanetworkParameters(
    channels=(4, 4, 4), dense=16, unitwise_epochs=4, interunit_epochs=20, batch_norm_momentum=0.1
)


def models(dataset_id, n, seed):
    """Models of a dataset: smooth filters for vision, striped ones for audio, and noise."""
    generator = np.random.default_rng([seed, IDS.index(dataset_id)])
    rows, columns = np.mgrid[:16, :16] / 16
    picture = np.sin(5 * columns + rows) if dataset_id[0] == "v" else np.sign(np.sin(30 * rows))
    loud = generator.uniform(0.3, 1, (n, 1, 16)) * generator.choice([-1, 1], (n, 1, 16))
    noise = generator.normal(0, 0.05, (n, 256, 16))
    return (0.2 * loud * picture.reshape(1, 256, 1) + noise).astype(np.float32)


def write_shard(path, dataset_id, encoder, models_fit):
    m = len(encoder)
    like = {
        "decoder": (m, 16, 256),
        "decoder_bias": (m, 256),
        "batch_norm_scale": (m, 16),
        "batch_norm_shift": (m, 16),
        "batch_norm_mean": (m, 16),
        "batch_norm_var": (m, 16),
        "loss_curve": (m, 2),
    }
    rest = {name: np.ones(shape, np.float32) for name, shape in like.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"dataset": dataset_id, "models_fit": str(models_fit), "models_new": "0"}
    save_file({"encoder": encoder, **rest}, path, header)


def small_run(root: Path) -> Results:
    """Write four shards, a metanetwork and a functional code."""
    results = Results("small", root=root)
    for dataset_id in IDS:
        fit = FIT if dataset_id in catalog.TRAINING_IDS else 0
        encoder = models(dataset_id, fit + VALIDATION, seed=0)
        if dataset_id == "v:aer":
            encoder[2, 5, 5] = np.nan  # one that diverged
        write_shard(results.shard(dataset_id.replace(":", "-")), dataset_id, encoder, fit)
    fit, *_ = load_zoo(results.zoo, [catalog.dataset(i) for i in IDS])
    metanetwork.save([metanetwork.train(fit.encoders, SMALL, seed=0)], results.metanetwork)
    FunctionalCode().fit(fit.encoders).save(results.functional)
    return results
