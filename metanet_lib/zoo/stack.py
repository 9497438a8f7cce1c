"""Many models in a few tensors, one upon the other, as they are trained side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor

from metanet_lib.zoo.model import CODES, INPUTS, ModelSeed


class Stack:
    """The weights of ``m`` autoencoders.

    Attributes
    ----------
    weights
        ``[m, 33, 256]``: the encoder (16 rows), the decoder (16 rows) and the bias (1 row).
    scale, shift, running_mean, running_var
        Those of batch normalisation, ``[m, 16, 1]`` each.

    Parameters
    ----------
    sources
        The randomness of each model; its encoder is drawn from it, then its decoder.
    device
        Where the tensors lie.

    Examples
    --------
    >>> Stack([ModelSeed(0, "v:aer", i) for i in range(3)]).tensors()["encoder"].shape
    torch.Size([3, 256, 16])
    """

    def __init__(self, sources: Sequence[ModelSeed], device: str | torch.device = "cpu") -> None:
        m = len(sources)
        weights = torch.zeros(m, 2 * CODES + 1, INPUTS)
        for model, source in zip(weights, sources, strict=True):
            model[:CODES] = source.glorot()
            model[CODES : 2 * CODES] = source.glorot()
        self.weights = weights.to(device)
        self.scale = torch.ones(m, CODES, 1, device=device)
        self.shift = torch.zeros(m, CODES, 1, device=device)
        self.running_mean = torch.zeros(m, CODES, 1, device=device)
        self.running_var = torch.ones(m, CODES, 1, device=device)

    def tensors(self) -> dict[str, Tensor]:
        """Return the models as a shard stores them (see :class:`~metanet_lib.zoo.shard.Shard`)."""
        w = self.weights.cpu()
        return {
            "encoder": w[:, :CODES].transpose(1, 2).contiguous(),
            "decoder": w[:, CODES:-1].contiguous(),
            "decoder_bias": w[:, -1].contiguous(),
            "batch_norm_scale": self.scale.cpu().squeeze(2),
            "batch_norm_shift": self.shift.cpu().squeeze(2),
            "batch_norm_mean": self.running_mean.cpu().squeeze(2),
            "batch_norm_var": self.running_var.cpu().squeeze(2),
        }
