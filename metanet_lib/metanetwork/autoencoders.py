"""The unit-wise and the inter-unit meta-autoencoder, with filter sorting between them (4.3)."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from metanet_lib.parameters import Parameters, decision
from metanet_lib.zoo import CODES, INPUTS

SIDE = 16
"""Side of a filter seen as a picture."""


@dataclass(frozen=True)
class MetanetworkParameters(Parameters):
    """The shape and the training of the meta-autoencoder. The defaults are the paper's.

    Examples
    --------
    >>> MetanetworkParameters().embedding
    16
    >>> MetanetworkParameters(kernel=2)
    Traceback (most recent call last):
    ValueError: MetanetworkParameters.kernel must be odd, got 2
    """

    filter_embedding: int = decision(
        3, "numbers for a filter, given by the unit-wise encoder", "section 4.3.1"
    )
    embedding: int = decision(
        16, "numbers for a model, given by the inter-unit encoder", "section 4.3.1"
    )
    channels: tuple[int, ...] = decision(
        (8, 16, 32),
        "channels of the convolutions, first to last",
        "open: three in section 4.3.1, without widths; doubled where the picture is halved",
    )
    kernel: int = decision(3, "side of a convolution's kernel, in pixels", "open: the usual 3x3")
    upsampling: str = decision(
        "nearest",
        "how the decoder doubles a picture: nearest, each pixel four times; or bilinear",
        'open: section 4.3.1 "mirrors" max pooling, which has no inverse; the default of Keras',
    )
    dense: int = decision(
        32, "width of the first of the two dense layers", "open: two layers in section 4.3.1"
    )
    embedding_activation: str = decision(
        "relu",
        "what follows the 3 numbers of a filter: relu or linear",
        "section 4.3.1: ReLU throughout except the output layer, taken by its letter",
    )
    sort_axis: int = decision(0, "axis on which filters are sorted", "section 4.3.2: the first")
    sort_descending: bool = decision(
        False, "sort from large to small", "open: the direction only mirrors the array"
    )
    unitwise_epochs: int = decision(
        50, "passes of the unit-wise training over all filters", "section 4.3.1"
    )
    interunit_epochs: int = decision(
        50, "passes of the inter-unit training over all models", "section 4.3.1"
    )
    batch_size: int = decision(
        32, "filters, or models, in a training step", "open: the default of Keras"
    )
    learning_rate: float = decision(1e-3, "Adam's step size", "open: the default of Adam")
    adam_betas: tuple[float, float] = decision(
        (0.9, 0.999),
        "decays of Adam's means of the gradient and of its square",
        "open: the defaults of Adam",
    )
    adam_epsilon: float = decision(1e-7, "Adam's epsilon", "open: the default of Keras")
    batch_norm_epsilon: float = decision(
        1e-3, "added to the variance in batch normalisation", "open: the default of Keras"
    )
    batch_norm_momentum: float = decision(
        0.01,
        "share of the newest batch in the running mean and variance",
        "open: the default of Keras; a short training needs more",
    )
    seeds: int = decision(
        5,
        "how many times the meta level is trained; the best reconstruction is the headline",
        "open: the method is sensitive to its own seed, so every seed is shown",
    )
    seed: int = decision(
        0, "first of these seeds: initial weights, order", "section 7: everything is seeded"
    )

    def __post_init__(self) -> None:
        self.require_positive(
            "filter_embedding",
            "embedding",
            "kernel",
            "dense",
            "unitwise_epochs",
            "interunit_epochs",
            "batch_size",
            "learning_rate",
            "adam_epsilon",
            "batch_norm_epsilon",
            "batch_norm_momentum",
            "seeds",
        )
        self.require(self.kernel % 2 == 1, "kernel", "odd")
        self.require(1 <= len(self.channels) <= 4, "channels", "one to four widths")
        self.require_one_of("upsampling", "nearest", "bilinear")
        self.require_one_of("embedding_activation", "relu", "linear")
        self.require_betas("adam_betas")
        self.require(0 <= self.sort_axis < self.filter_embedding, "sort_axis", "an axis")


class UnitwiseAutoencoder(nn.Module):
    """Filters ``[n, 256]`` to 3 numbers each and back (section 4.3.1).

    Three times convolution, batch normalisation, ReLU and 2x2 max pooling (16x16 to 2x2), then two
    dense layers. The decoder mirrors it: two dense layers, then three times doubling and
    convolution; the last convolution is the linear output.

    Examples
    --------
    >>> unitwise = UnitwiseAutoencoder(MetanetworkParameters())
    >>> unitwise.encoder(torch.rand(5, 256)).shape, unitwise(torch.rand(5, 256)).shape
    (torch.Size([5, 3]), torch.Size([5, 256]))
    """

    def __init__(self, p: MetanetworkParameters) -> None:
        super().__init__()
        side = SIDE // 2 ** len(p.channels)
        flat = p.channels[-1] * side * side

        def convolution(inputs: int, outputs: int) -> nn.Conv2d:
            return nn.Conv2d(inputs, outputs, p.kernel, padding="same")

        def doubling() -> nn.Module:
            return nn.Upsample(scale_factor=2, mode=p.upsampling)

        def normalised(width: int) -> list[nn.Module]:
            norm = nn.BatchNorm2d(width, p.batch_norm_epsilon, p.batch_norm_momentum)
            return [norm, nn.ReLU()]

        down: list[nn.Module] = [nn.Unflatten(1, (1, SIDE, SIDE))]
        for inputs, outputs in zip((1, *p.channels), p.channels, strict=False):
            down += [convolution(inputs, outputs), *normalised(outputs), nn.MaxPool2d(2)]
        down += [nn.Flatten(), nn.Linear(flat, p.dense), nn.ReLU()]
        down += [nn.Linear(p.dense, p.filter_embedding)]
        down += [nn.ReLU()] if p.embedding_activation == "relu" else []

        up: list[nn.Module] = [nn.Linear(p.filter_embedding, p.dense), nn.ReLU()]
        up += [nn.Linear(p.dense, flat), nn.ReLU(), nn.Unflatten(1, (p.channels[-1], side, side))]
        mirrored = p.channels[::-1]
        for inputs, outputs in pairwise(mirrored):
            up += [doubling(), convolution(inputs, outputs), *normalised(outputs)]
        up += [doubling(), convolution(mirrored[-1], 1), nn.Flatten()]

        self.encoder, self.decoder = nn.Sequential(*down), nn.Sequential(*up)
        # A third faster on a CPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, filters: Tensor) -> Tensor:
        """Return the reconstructed filters ``[n, 256]``."""
        out: Tensor = self.decoder(self.encoder(filters))
        return out


class InterunitAutoencoder(nn.Module):
    """Sorted filter embeddings ``[m, 48]`` to 16 numbers and back: linear, with bias (4.3.1).

    Examples
    --------
    >>> InterunitAutoencoder(MetanetworkParameters()).encoder(torch.rand(5, 48)).shape
    torch.Size([5, 16])
    """

    def __init__(self, p: MetanetworkParameters) -> None:
        super().__init__()
        self.encoder = nn.Linear(CODES * p.filter_embedding, p.embedding)
        self.decoder = nn.Linear(p.embedding, CODES * p.filter_embedding)

    def forward(self, embedded: Tensor) -> Tensor:
        """Return the reconstructed filter embeddings ``[m, 48]``."""
        out: Tensor = self.decoder(self.encoder(embedded))
        return out


def sort_filters(embedded: Tensor, axis: int = 0, descending: bool = False) -> Tensor:
    """Return the order of a model's filters on one axis of their embeddings (section 4.3.2).

    Parameters
    ----------
    embedded
        ``[m, 16, 3]``: the embedded filters of ``m`` models.
    axis
        The axis to sort on.
    descending
        From large to small.

    Returns
    -------
    Tensor
        Indices ``[m, 16]`` that sort each model's filters. Ties are broken by the other axes, so
        that the order does not depend on how the filters came.

    Examples
    --------
    >>> sort_filters(torch.tensor([[[0.3, 1.0], [0.1, 5.0], [0.2, 2.0]]])).tolist()
    [[1, 2, 0]]
    """
    order = torch.arange(embedded.shape[1], device=embedded.device).expand(embedded.shape[:2])
    axes = [axis, *(a for a in range(embedded.shape[2]) if a != axis)]
    for key in reversed(axes):  # least significant first, each sort stable
        by = embedded[..., key].gather(1, order)
        order = order.gather(1, by.argsort(dim=1, descending=descending, stable=True))
    return order


class MetaAutoencoder(nn.Module):
    """Unit-wise encoder, filter sorting and inter-unit encoder, and the way back.

    Examples
    --------
    >>> model = MetaAutoencoder(MetanetworkParameters()).eval()
    >>> embeddings = model.encode(torch.from_numpy(encoders))
    >>> embeddings.shape, model.decode(embeddings).shape
    (torch.Size([24, 16]), torch.Size([24, 256, 16]))
    """

    def __init__(self, p: MetanetworkParameters) -> None:
        super().__init__()
        self.parameters_ = p
        self.unitwise = UnitwiseAutoencoder(p)
        self.interunit = InterunitAutoencoder(p)

    def embed_filters(self, encoders: Tensor) -> Tensor:
        """Return the embedded filters ``[m, 16, 3]`` of encoders ``[m, 256, 16]``, unsorted."""
        embedded: Tensor = self.unitwise.encoder(filters_of(encoders))
        return embedded.view(len(encoders), CODES, -1)

    def order(self, embedded: Tensor) -> Tensor:
        """Return the order ``[m, 16]`` in which filter sorting puts the embedded filters."""
        p = self.parameters_
        return sort_filters(embedded, p.sort_axis, p.sort_descending)

    def sorted_embeddings(self, encoders: Tensor) -> Tensor:
        """Return the sorted, flattened filter embeddings ``[m, 48]``."""
        embedded = self.embed_filters(encoders)
        order = self.order(embedded)[..., None].expand_as(embedded)
        return embedded.gather(1, order).flatten(1)

    def encode(self, encoders: Tensor) -> Tensor:
        """Return the embeddings ``[m, 16]`` of encoders ``[m, 256, 16]``: the meta-encoder."""
        out: Tensor = self.interunit.encoder(self.sorted_embeddings(encoders))
        return out

    def decode(self, embeddings: Tensor) -> Tensor:
        """Return the encoders ``[m, 256, 16]`` of embeddings, their filters in sorted order."""
        embedded = self.interunit.decoder(embeddings).view(len(embeddings) * CODES, -1)
        filters: Tensor = self.unitwise.decoder(embedded)
        return filters.view(-1, CODES, INPUTS).transpose(1, 2)


def filters_of(encoders: Tensor) -> Tensor:
    """Return all filters ``[m * 16, 256]`` of encoders ``[m, 256, 16]``.

    Examples
    --------
    >>> filters_of(torch.from_numpy(encoders)).shape
    torch.Size([384, 256])
    """
    return encoders.transpose(1, 2).reshape(-1, INPUTS)
