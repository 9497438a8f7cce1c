"""A set autoencoder: the 16 filters of a model are a set, and come back as one.

After Janakarajan et al. (2022), whom the paper names and leaves aside (section 4.3.2). As there,
the encoder is a *process block* (Vinyals et al. 2016): each filter is written to a memory slot by
one linear map; a recurrent cell reads the memory again and again by content-based attention, so
that the order of the filters cannot matter. A recurrent decoder, fed with nothing but its state,
gives 16 filters one after the other, and the loss compares each with the filter it is matched to.

Simplified:

- the match of least total squared error is found exactly, by SciPy's Hungarian method; the original
  trains a network to approximate it, so that the whole is differentiable, which 16 filters do not
  call for. The gradient flows through the matched errors, not through the choice of the match;
- a linear bottleneck between encoder and decoder sets the size of the embedding; the original's is
  the whole state of its recurrent cell;
- plain LSTM cells, mean squared error, and no guess at how many elements there are: always 16.
"""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from metanet_lib.representations.deep import DeepRepresentation, Network
from metanet_lib.zoo import CODES, INPUTS


class SetNetwork(Network):
    """Process block, bottleneck, recurrent decoder.

    Examples
    --------
    >>> network = SetNetwork(embedding=16, width=8, reads=1)
    >>> network.decode(network.encode(torch.rand(5, 16, 256))).shape
    torch.Size([5, 16, 256])
    """

    def __init__(self, embedding: int, width: int, reads: int) -> None:
        super().__init__()
        self.reads = reads
        self.memory = nn.Linear(INPUTS, width)
        self.reader = nn.LSTMCell(width, width)
        self.bottleneck = nn.Linear(3 * width, embedding)
        self.state = nn.Linear(embedding, 2 * width)
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
        out: Tensor = self.bottleneck(torch.cat([hidden, cell, read], 1))
        return out

    def decode(self, embeddings: Tensor) -> Tensor:
        """Return filters ``[m, 16, 256]``, in an order of the decoder's own."""
        hidden, cell = self.state(embeddings)[None].chunk(2, 2)
        nothing = embeddings.new_zeros(len(embeddings), CODES, 1)
        states, _ = self.writer(nothing, (hidden.tanh().contiguous(), cell.contiguous()))
        out: Tensor = self.filter(states)
        return out

    def loss(self, filters: Tensor, labels: Tensor) -> Tensor:
        """Return the mean squared error between filters and what they are matched to."""
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
    embedding
        Numbers for a model.
    width
        Of the memory slots and of both recurrent cells.
    reads
        Times that the encoder reads the memory; the original reads once for each element.
    epochs, batch_size, learning_rate, weight_decay, seed
        Of the training.

    Examples
    --------
    >>> SetAutoencoder(width=8, epochs=1).fit(encoders).transform(encoders).shape
    (24, 16)
    """

    def __init__(
        self,
        embedding: int = 16,
        width: int = 64,
        reads: int = 2,
        epochs: int = 100,
        batch_size: int = 50,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.3,
        seed: int = 0,
    ) -> None:
        self.embedding = embedding
        self.width = width
        self.reads = reads
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.seed = seed

    def _network(self, n_labels: int) -> Network:
        return SetNetwork(self.embedding, self.width, self.reads)
