"""A training step as PyTorch makes it: the one to be read."""

import torch
from torch import Tensor, nn

from metanet_lib.metanetwork.autoencoders import MetanetworkParameters


class PlainStep:
    """One training step of an autoencoder with MSE and Adam, on any device.

    Parameters
    ----------
    model
        The autoencoder, in training mode.
    p
        Adam's parameters.

    Examples
    --------
    >>> step = PlainStep(nn.Linear(4, 4), MetanetworkParameters())
    >>> x = torch.rand(8, 4)
    >>> bool(step(x) > step(x))
    True
    """

    def __init__(self, model: nn.Module, p: MetanetworkParameters) -> None:
        self._model = model
        self._adam = torch.optim.Adam(
            model.parameters(), p.learning_rate, p.adam_betas, p.adam_epsilon, fused=True
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Make one step on a batch ``[b, d]``; return the loss before it."""
        loss = nn.functional.mse_loss(self._model(x), x)
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()
        return loss.detach()
