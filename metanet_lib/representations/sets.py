"""A set autoencoder: the 16 filters of a model are a set, and come back as one.

After Janakarajan et al. (2022), whom the paper names and leaves aside (section 4.3.2). As there,
the encoder is a *process block* (Vinyals et al. 2016): each filter is written to a memory slot by
one linear map; a recurrent cell reads the memory again and again by content-based attention, so
that the order of the filters cannot matter. A recurrent decoder, fed with nothing but its state,
gives 16 filters one after the other, and the loss compares each with the filter it is matched to.

As there, too, a model's embedding is the whole state in which the encoder ends, and the decoder
begins from it.

Not as in the paper:

- the match of least total squared error is found exactly, by SciPy's Hungarian method; the original
  trains a network to approximate it, so that the whole is differentiable, which 16 filters do not
  call for. The gradient flows through the matched errors, not through the choice of the match;
- the memory is read ``reads`` times, which is a setting; the original reads once for each element,
  16 times here;
- plain LSTM cells, mean squared error, and no guess at how many elements there are: always 16;
- weight decay, a learning rate that falls on half a cosine, and standardised filters.
"""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from metanet_lib.representations.deep import DeepRepresentation, Network
from metanet_lib.zoo import CODES, INPUTS


class SetNetwork(Network):
    """Process block and recurrent decoder.

    Examples
    --------
    >>> network = SetNetwork(width=8, reads=1)
    >>> network.decode(network.encode(torch.rand(5, 16, 256))).shape
    torch.Size([5, 16, 256])
    """

    def __init__(self, width: int, reads: int) -> None:
        super().__init__()
        self.reads = reads
        self.memory = nn.Linear(INPUTS, width)
        self.reader = nn.LSTMCell(width, width)
        self.state = nn.Linear(3 * width, 2 * width)
        self.writer = nn.LSTM(1, width, batch_first=True)
        self.filter = nn.Linear(width, INPUTS)

    def encode(self, filters: Tensor) -> Tensor:
        """Read the memory ``reads`` times; the last state and reading make the embedding."""
        memory = self.memory(filters)
        read = hidden = cell = memory.new_zeros(len(memory), memory.shape[2])
        for _ in range(self.reads):
            hidden, cell = self.reader(read, (hidden, cell))
            attention = torch.einsum("msw,mw->ms", memory, hidden).softmax(1)
            read = torch.einsum("ms,msw->mw", attention, memory)
        return torch.cat([hidden, cell, read], 1)

    def decode(self, embeddings: Tensor) -> Tensor:
        """Return filters ``[m, 16, 256]``, in an order of the decoder's own."""
        hidden, cell = self.state(embeddings)[None].chunk(2, 2)
        nothing = embeddings.new_zeros(len(embeddings), CODES, 1)
        states, _ = self.writer(nothing, (hidden.tanh().contiguous(), cell.contiguous()))
        out: Tensor = self.filter(states)
        return out

    def loss(self, filters: Tensor, labels: Tensor) -> Tensor:
        """Return the mean squared error between filters and what they are matched to."""
        return self.error(filters)

    def error(self, filters: Tensor) -> Tensor:
        """Return the same."""
        return matched_error(self.decode(self.encode(filters)), filters)


def matched_error(decoded: Tensor, filters: Tensor) -> Tensor:
    """Return the mean squared error between two sets of filters, matched at least total error.

    Parameters
    ----------
    decoded, filters
        ``[m, 16, 256]``; neither's order of filters matters.

    Examples
    --------
    >>> filters = torch.rand(2, 16, 256)
    >>> round(float(matched_error(filters.flip(1), filters)), 6)
    0.0
    """
    with torch.no_grad():
        costs = torch.cdist(decoded, filters).square().numpy()
        match = torch.from_numpy(np.stack([linear_sum_assignment(cost)[1] for cost in costs]))
    matched = filters.gather(1, match[..., None].expand_as(filters))
    return nn.functional.mse_loss(decoded, matched)


class SetAutoencoder(DeepRepresentation):
    """The set autoencoder's embedding. Unsupervised.

    Parameters
    ----------
    width
        Of the memory slots and of both recurrent cells; a model's embedding has three times as many
        numbers.
    reads
        Times that the encoder reads the memory; the original reads once for each element.
    steps, batch_size, learning_rate, weight_decay, seed
        Of the training.

    Examples
    --------
    >>> SetAutoencoder(width=8, steps=1).fit(encoders).transform(encoders).shape
    (24, 24)
    """

    def __init__(
        self,
        width: int = 64,
        reads: int = 2,
        steps: int = 10_000,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.3,
        seed: int = 0,
    ) -> None:
        self.width = width
        self.reads = reads
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.seed = seed

    def _network(self, n_labels: int) -> Network:
        return SetNetwork(self.width, self.reads)
