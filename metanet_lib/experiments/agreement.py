"""Do the two ways to train the zoo agree? Models trained alone, and the same ones together.

The plain PyTorch loop and the population start from the same weights and see the same batches, but
add in another order, so they round otherwise, and each step hands what differs to the next. How far
that takes them apart depends on how many steps there are.
"""

import pandas as pd
import torch

from metanet_lib.data.bank import Bank
from metanet_lib.zoo import Autoencoder, Population, Shard, ZooParameters, train_one


def trainers_apart(
    bank: Bank, parameters: ZooParameters, dataset_id: str, models: range
) -> pd.DataFrame:
    """Train models alone and together, and compare what they end as.

    Parameters
    ----------
    bank
        The patches.
    parameters
        How to train.
    dataset_id
        The dataset; it seeds the models.
    models
        Which of its models.

    Returns
    -------
    DataFrame
        One row a model: ``model``, ``batch_size``, ``steps``; ``apart``, the norm of the difference
        of both encoders, relative to that of the encoder trained alone; ``filters``, the least
        correlation of a filter with itself; ``loss_alone`` and ``loss_together``, the mean squared
        error on the first 10,000 patches; and for a measure of the first, ``others_apart``: how far
        the encoder trained alone lies from that of the next model, the same way.

    Examples
    --------
    >>> bank = Bank.of(torch.rand(256, 256))
    >>> table = trainers_apart(bank, ZooParameters(batch_size=32), "v:aer", range(2))
    >>> table["steps"].tolist(), bool((table["apart"] < table["others_apart"]).all())
    ([8, 8], True)
    """
    patches = bank.patches()
    population = Population(parameters, dataset_id, models)
    curves = population.train(bank)
    together = Shard(dataset_id, 0, 0, {}, **population.tensors(), loss_curve=curves)
    alone = [train_one(patches, dataset_id, i, parameters).eval() for i in models]
    encoders = [model.encoder.weight.detach().T for model in alone]
    rows = []
    for i, model in enumerate(models):
        own, same = encoders[i], together.encoder[i]
        rows.append(
            {
                "model": model,
                "batch_size": parameters.batch_size,
                "steps": parameters.epochs * (len(bank) // parameters.batch_size),
                "apart": _apart(same, own),
                "filters": min(
                    torch.corrcoef(torch.stack([a, b]))[0, 1].item()
                    for a, b in zip(own.T, same.T, strict=True)
                ),
                "loss_alone": _loss(alone[i], patches[:10_000]),
                "loss_together": _loss(together.model(i, parameters), patches[:10_000]),
                "others_apart": _apart(encoders[(i + 1) % len(encoders)], own),
            }
        )
    return pd.DataFrame(rows)


def _apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


@torch.no_grad()
def _loss(model: Autoencoder, patches: torch.Tensor) -> float:
    return float((model(patches) - patches).square().mean())
