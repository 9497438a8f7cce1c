"""Many models trained together: batched on a GPU, compiled on a CPU."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metanet_lib.data.bank import Bank
from metanet_lib.zoo.compiled import CompiledSteps
from metanet_lib.zoo.model import CODES, INPUTS, ModelSeed, ZooParameters
from metanet_lib.zoo.stack import Stack

LOSS_POINTS = 100
"""Points on a model's loss curve."""


class Population(Stack):
    """Many autoencoders trained side by side on one dataset, each on its own batches.

    The gradients of the loss ``mean((D'A' - X)^2)`` need no reconstruction. Write a model's decoder
    and bias as one matrix ``D'`` of 17 rows (the bias is the row of a code that is always 1) and
    its codes as ``A'``, 17 rows too. Then ``A'(A'^T D' - X)`` and ``(D'D'^T) A' - D'X^T`` need only
    17x17 Gram matrices besides two wide products with the patches, ``[W; D'] X^T`` and
    ``[dZ; A'] X``. Hence the layout of a :class:`~metanet_lib.zoo.stack.Stack`, whose ``weights``
    hold encoder, decoder and bias: each wide product is one batched matrix product, and Adam,
    which is elementwise, is one fused update.

    Parameters
    ----------
    parameters
        How to train.
    dataset_id
        The dataset; it seeds the models.
    indices
        Which models of the dataset: ``m`` indices.
    device
        Where to train.

    Examples
    --------
    >>> population = Population(ZooParameters(batch_size=32), "v:aer", range(3))
    >>> curve = population.train(Bank.of(torch.rand(256, 256)))
    >>> len(curve), population.tensors()["encoder"].shape
    (3, torch.Size([3, 256, 16]))
    """

    def __init__(
        self,
        parameters: ZooParameters,
        dataset_id: str,
        indices: range,
        device: str | torch.device = "cpu",
    ) -> None:
        self.parameters, self.dataset_id, self.indices = parameters, dataset_id, indices
        self._sources = [ModelSeed(parameters.seed, dataset_id, i) for i in indices]
        super().__init__(self._sources, device)

    def train(
        self,
        bank: Bank,
        advance: Callable[[int], Any] = lambda steps: None,
        loss_points: int = LOSS_POINTS,
    ) -> Tensor:
        """Train every model for all epochs.

        Parameters
        ----------
        bank
            The patches, on the population's device.
        advance
            Told now and then how many steps of a model were made since it was told last.
        loss_points
            How often the loss is watched.

        Returns
        -------
        Tensor
            The training loss of each model at evenly spaced steps, float32 ``[m, loss_points]``
            (fewer columns if there are fewer steps).

        Raises
        ------
        ValueError
            If there are fewer patches than a batch.
        """
        p, n = self.parameters, len(bank)
        steps_per_epoch = n // p.batch_size
        if steps_per_epoch == 0:
            raise ValueError(
                f"{self.dataset_id}: {n} patches are fewer than one batch of {p.batch_size}"
            )
        steps = steps_per_epoch * p.epochs
        watched = set(np.linspace(0, steps - 1, min(steps, loss_points)).astype(int).tolist())
        kind = CompiledSteps if self.weights.device.type == "cpu" else TensorSteps
        make_steps = kind(self, p, bank)
        curve: list[Tensor] = []
        orders = torch.empty(len(self.indices), n, dtype=torch.int32)
        with torch.no_grad():
            for epoch in range(p.epochs):
                for row, source in zip(orders, self._sources, strict=True):
                    row.copy_(source.order(n))
                windows = bank.draws[orders.to(bank.draws.device)]
                batches = windows[:, : steps_per_epoch * p.batch_size]
                batches = batches.unflatten(1, (steps_per_epoch, p.batch_size))
                watched_here = [w - epoch * steps_per_epoch for w in watched]
                watched_here = [w for w in watched_here if 0 <= w < steps_per_epoch]
                # The loss is that of the first step of those that are made at once.
                for first, end in pairwise(sorted({0, *watched_here, steps_per_epoch})):
                    loss = make_steps(batches[:, first:end])
                    if first in watched_here:
                        curve.append(loss)
                    advance(len(self.indices) * (end - first))
        return torch.stack(curve, dim=1).cpu()


class TensorSteps:
    """The training steps of a population on any device, in buffers that are allocated once.

    Nothing in it waits for the device.

    Examples
    --------
    >>> population = Population(ZooParameters(batch_size=8), "v:aer", range(2))
    >>> make_steps = TensorSteps(population, population.parameters, Bank.of(torch.rand(64, 256)))
    >>> with torch.no_grad():
    ...     make_steps(torch.arange(48, dtype=torch.int32).view(2, 3, 8)).shape
    torch.Size([2])
    """

    def __init__(self, stack: Stack, p: ZooParameters, bank: Bank) -> None:
        self.stack, self.bank, w = stack, bank, stack.weights
        m, b = len(w), p.batch_size
        self._momentum, self._epsilon = p.batch_norm_momentum, p.batch_norm_epsilon
        self._unbias = b / (b - 1)
        self._two_over_size = 2 / (b * INPUTS)
        self._x = w.new_empty(m, b, INPUTS)
        self._stored = bank.windows.new_empty(m * b, INPUTS)
        self._products = w.new_empty(m, 2 * CODES + 1, b)
        self._normal = w.new_empty(m, CODES, b)
        self._pre = w.new_empty(m, CODES, b)
        self._codes = w.new_ones(m, CODES + 1, b)
        self._d_codes = w.new_empty(m, CODES + 1, b)
        self._left = w.new_empty(m, 2 * CODES + 1, b)
        w.grad = self._d_weights = torch.empty_like(w)
        stack.scale.grad = self._d_scale = torch.empty_like(stack.scale)
        stack.shift.grad = self._d_shift = torch.empty_like(stack.shift)
        self._adam = torch.optim.Adam(
            [w, stack.scale, stack.shift],
            lr=p.learning_rate,
            betas=p.adam_betas,
            eps=p.adam_epsilon,
            fused=True,
        )

    def __call__(self, windows: Tensor) -> Tensor:
        """Make steps on these windows of the bank, int32 ``[m, steps, batch_size]``.

        Returns the loss ``[m]`` of the first step's batch, before that step.
        """
        for step, batch in enumerate(windows.unbind(1)):
            self._step(batch, watch=step == 0)
        return self._loss.square().mean((1, 2))

    def _step(self, windows: Tensor, watch: bool) -> None:
        stack, w = self.stack, self.stack.weights
        x, normal, codes, left = self._x, self._normal, self._codes, self._left
        decoder = w[:, CODES:]  # 17 rows: decoder and bias
        self.bank.gather(windows.reshape(-1), x.view(-1, INPUTS), self._stored)

        # Forward: the one wide product gives the pre-activations and D'X^T.
        torch.bmm(w, x.transpose(1, 2), out=self._products)
        z, decoded = self._products[:, :CODES], self._products[:, CODES:]
        mean = z.mean(2, keepdim=True)
        torch.sub(z, mean, out=normal)
        var = torch.mul(normal, normal, out=self._pre).mean(2, keepdim=True)
        stack.running_mean.lerp_(mean, self._momentum)
        stack.running_var.lerp_(var * self._unbias, self._momentum)
        inverse = var.add_(self._epsilon).rsqrt_()
        normal.mul_(inverse)
        torch.addcmul(stack.shift, normal, stack.scale, out=self._pre)
        torch.clamp_min(self._pre, 0, out=codes[:, :CODES])
        if watch:
            self._loss = torch.baddbmm(x, codes.transpose(1, 2), decoder, beta=-1)

        # Backward through decoder, ReLU and batch normalisation, in codes' space.
        gram = torch.bmm(decoder, decoder.transpose(1, 2))
        s = self._two_over_size
        torch.baddbmm(decoded, gram, codes, beta=-s, alpha=s, out=self._d_codes)
        d_pre = self._d_codes[:, :CODES].mul_(self._pre > 0)
        d_shift = torch.sum(d_pre, 2, keepdim=True)
        d_scale = torch.mul(d_pre, normal, out=self._pre).sum(2, keepdim=True)
        normal.mul_(d_scale).add_(d_shift).mul_(-1 / x.shape[1]).add_(d_pre)
        torch.mul(normal, inverse * stack.scale, out=left[:, :CODES])

        # The other wide product gives the gradients of encoder and decoder.
        torch.mul(codes, -s, out=left[:, CODES:])
        torch.bmm(left, x, out=self._d_weights)
        self._d_weights[:, CODES:].baddbmm_(
            torch.bmm(codes, codes.transpose(1, 2)), decoder, alpha=s
        )
        self._d_scale.copy_(d_scale)
        self._d_shift.copy_(d_shift)
        self._adam.step()
