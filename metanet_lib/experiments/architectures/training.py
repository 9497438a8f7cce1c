"""Train networks of one architecture, one or more for each dataset, all at once.

The networks of an architecture are stacked: each tensor gets a leading axis that counts networks
(``torch.func.stack_module_state``), each network sees patches of its own dataset, and Adam, which
is elementwise, steps all as one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from metanet_lib import catalog
from metanet_lib.experiments.architectures.networks import Architecture, student

NOISE = 0.2
"""Standard deviation of the noise that a denoiser has to take off, in the patches' range 0..1."""
LEARNING_RATE = 5e-3
"""Adam's, falling to 0 on half a cosine."""
WEIGHT_DECAY = 0.1
"""Adam's, so that what of the random start training does not need fades."""

State = dict[str, Tensor]


@dataclass(frozen=True)
class Networks:
    """Networks of one architecture, stacked.

    Attributes
    ----------
    architecture
        Their shape.
    datasets
        The dataset of each, ``[m]``.
    parameters, buffers
        Tensors by name, each ``[m, ...]``.
    losses
        Of the last steps, ``[m]``; NaN of untrained ones.

    Examples
    --------
    >>> from metanet_lib.experiments.architectures.networks import ARCHITECTURES
    >>> few = untrained(ARCHITECTURES["plain"], np.array(["v:aer", "a:air"]))
    >>> few.map(lambda network: network(torch.rand(3, 256))).shape
    torch.Size([2, 3, 256])
    """

    architecture: Architecture
    datasets: np.ndarray
    parameters: State
    buffers: State
    losses: np.ndarray

    def __len__(self) -> int:
        return len(self.datasets)

    def map(
        self, function: Callable[[Callable[[Tensor], Tensor]], Tensor], units: bool = False
    ) -> Tensor:
        """Apply a function of a network to each, ``[m, ...]``: of its answers, or of its units."""
        network = self.architecture.network().eval()
        part = network.encoder if units else network
        prefix = "encoder." if units else ""

        def of_one(parameters: State, buffers: State) -> Tensor:
            state = {
                name.removeprefix(prefix): tensor
                for name, tensor in (parameters | buffers).items()
                if name.startswith(prefix)
            }
            return function(lambda windows: functional_call(part, state, (windows,)))

        return vmap(of_one, randomness="different")(self.parameters, self.buffers)

    def shuffled(self, seed: int = 0) -> "Networks":
        """Return the networks with the numbers of each weight tensor in another order.

        Vectors, such as biases, and buffers stay as they are.
        """
        generator = torch.Generator().manual_seed(seed)

        def shuffle(tensor: Tensor) -> Tensor:
            if tensor.dim() < 3:
                return tensor
            return torch.stack(
                [
                    each.flatten()[torch.randperm(each.numel(), generator=generator)].view_as(each)
                    for each in tensor
                ]
            )

        parameters = {name: shuffle(tensor) for name, tensor in self.parameters.items()}
        return Networks(self.architecture, self.datasets, parameters, self.buffers, self.losses)


def untrained(architecture: Architecture, datasets: np.ndarray, seed: int = 0) -> Networks:
    """Return networks with random weights, one for each entry of ``datasets`` ``[m]``.

    Examples
    --------
    >>> from metanet_lib.experiments.architectures.networks import ARCHITECTURES
    >>> len(untrained(ARCHITECTURES["transformer"], np.array(["v:aer"] * 3)))
    3
    """
    networks = [architecture.network(seed * 10_000 + i) for i in range(len(datasets))]
    parameters, buffers = stack_module_state(networks)
    return Networks(
        architecture,
        datasets,
        {name: tensor.detach() for name, tensor in parameters.items()},
        {name: tensor.detach() for name, tensor in buffers.items()},
        np.full(len(datasets), np.nan),
    )


def train(
    architecture: Architecture,
    patches: Tensor,
    datasets: np.ndarray,
    steps: int,
    batch_size: int,
    seed: int = 0,
) -> Networks:
    """Train networks of an architecture, each on patches of one dataset.

    Parameters
    ----------
    architecture
        Their shape, and what they are to do.
    patches
        Of each network's dataset, float32 ``[m, n, 256]``.
    datasets
        The dataset of each network, ``[m]``. A classifier is shown, in half of each batch, patches
        of networks of other datasets of its modality.
    steps, batch_size
        Of Adam.
    seed
        Of weights, batches and noise.

    Examples
    --------
    >>> from metanet_lib.experiments.architectures.networks import ARCHITECTURES
    >>> ids, patches = np.array(["v:aer", "a:air"]), torch.rand(2, 64, 256)
    >>> start = untrained(ARCHITECTURES["zoo"], ids)
    >>> trained = train(ARCHITECTURES["zoo"], patches, ids, steps=5, batch_size=8)
    >>> moved = trained.parameters["encoder.0.weight"] - start.parameters["encoder.0.weight"]
    >>> bool((moved.abs().amax((1, 2)) > 0).all())
    True
    """
    start = untrained(architecture, datasets, seed)
    return _fitted(start, _batches(architecture.duty, patches, datasets, batch_size, seed), steps)


def distil(networks: Networks, windows: Tensor, steps: int, batch_size: int) -> np.ndarray:
    """Return the canonical form of networks: the encoders ``[m, 256, 16]`` of their students.

    A student has the zoo's shape, 256-16-256 (256-16-1 for a classifier), and learns what its
    network answers to probes, scaled to unit variance (paper, section 5.3).

    Parameters
    ----------
    networks
        The networks.
    windows
        The probes, ``[n, 256]``.
    steps, batch_size
        Of Adam.

    Examples
    --------
    >>> from metanet_lib.experiments.architectures.networks import ARCHITECTURES
    >>> few = untrained(ARCHITECTURES["tanh"], np.array(["v:aer", "a:air"]))
    >>> distil(few, torch.rand(64, 256), steps=2, batch_size=8).shape
    (2, 256, 16)
    """
    with torch.no_grad():
        answers = networks.map(lambda network: network(windows))
    answers = answers - answers.mean((1, 2), keepdim=True)
    answers = answers / answers.std((1, 2), keepdim=True).clamp_min(1e-6)
    generator = torch.Generator().manual_seed(0)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            some = torch.randint(len(windows), (batch_size,), generator=generator)
            yield windows[some].expand(len(networks), -1, -1), answers[:, some]

    students = untrained(student(answers.shape[2]), networks.datasets)
    fitted = _fitted(students, batches(), steps).parameters["encoder.0.weight"]
    return fitted.transpose(1, 2).numpy()


def _fitted(start: Networks, batches: Iterator[tuple[Tensor, Tensor]], steps: int) -> Networks:
    """Train from these networks on, on batches of windows and what is to be answered."""
    architecture, buffers = start.architecture, {n: t.clone() for n, t in start.buffers.items()}
    parameters = {name: t.clone().requires_grad_() for name, t in start.parameters.items()}
    network = architecture.network().train()
    adam = torch.optim.AdamW(
        [*parameters.values()], LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    answers = vmap(lambda p, b, x: functional_call(network, (p, b), (x,)))
    for _ in range(steps):
        windows, wanted = next(batches)
        losses = _losses(architecture, answers(parameters, buffers, windows), wanted)
        adam.zero_grad()
        losses.sum().backward()
        adam.step()
        falling.step()
    done = {name: t.detach() for name, t in parameters.items()}
    return replace(start, parameters=done, buffers=buffers, losses=losses.detach().numpy())


def _batches(
    duty: str, patches: Tensor, datasets: np.ndarray, size: int, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches without end, windows ``[m, size, 256]`` and what is to be answered."""
    generator = torch.Generator().manual_seed(seed)
    m, n = patches.shape[:2]
    own = torch.arange(m)[:, None]
    modalities = np.array(catalog.modalities(datasets))
    others = [
        torch.from_numpy(np.flatnonzero((datasets != i) & (modalities == modality)))
        for i, modality in zip(datasets, modalities, strict=True)
    ]
    labels = (torch.arange(size) < size // 2).float().expand(m, size)[..., None]
    while True:
        of = own.expand(m, size).clone()
        if duty == "classify":
            for row, other in zip(of, others, strict=True):
                if len(other):  # of a modality's only dataset, all patches are its own
                    drawn = torch.randint(len(other), (size - size // 2,), generator=generator)
                    row[size // 2 :] = other[drawn]
        windows = patches[of, torch.randint(n, (m, size), generator=generator)]
        if duty == "denoise":
            yield windows + NOISE * torch.randn(windows.shape, generator=generator), windows
        else:
            yield windows, labels if duty == "classify" else windows


def _losses(architecture: Architecture, answers: Tensor, wanted: Tensor) -> Tensor:
    """Return the loss of each network ``[m]``."""
    if architecture.duty == "classify":
        each = nn.functional.binary_cross_entropy_with_logits(answers, wanted, reduction="none")
    else:
        each = (answers - wanted).square()
    return each.mean((1, 2))
