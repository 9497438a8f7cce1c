"""Who takes part in the comparison: the paper's representation, and those of others.

A *peer* is a representation together with what a reader must know to judge it: what it is shown
(weights alone, or patches of a model's own dataset too), whether it is told labels, how it works,
and why it lands where it does. :func:`peers` lists them;
:mod:`metanet_lib.experiments.leaderboard` runs the list. One more peer is one more entry
in one of the modules here: ``simple`` (no network), ``deep`` (a network that learns from weights),
``black_box`` (answers to probes), ``with_data``. The settings of rows that train a network were
chosen once (``choices``).
"""

from metanet_lib.experiments.peers.black_box import black_box
from metanet_lib.experiments.peers.deep import deep
from metanet_lib.experiments.peers.peer import GROUPS, Group, Peer, PeersParameters, Sees
from metanet_lib.experiments.peers.simple import simple, tuned
from metanet_lib.experiments.peers.with_data import with_data
from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.representations.with_data import STATISTICS

__all__ = ["GROUPS", "Group", "Peer", "PeersParameters", "Sees", "peers"]


def peers(
    parameters: PeersParameters,
    metanetwork: MetanetworkParameters,
    steps: int,
    statistic: str = STATISTICS[0],
) -> list[Peer]:
    """Return all rows of the comparison but the run's own metanetworks, in the order of the table.

    Parameters
    ----------
    parameters
        Sizes.
    metanetwork
        The paper's method, as the run trains it.
    steps
        Training steps of deep representations.
    statistic
        What the dataset itself is told by.

    Raises
    ------
    ValueError
        If ``parameters.settings`` names a row that is not there, or a setting that it has not.

    Examples
    --------
    >>> rows = peers(PeersParameters(), MetanetworkParameters(), steps=100)
    >>> len(rows) > 10, len({row.name for row in rows}) == len(rows)
    (True, True)
    """
    rows = {
        peer.name: peer
        for peer in (
            *simple(parameters),
            *deep(steps, metanetwork.batch_size),
            tuned(metanetwork),
            *black_box(parameters),
            *with_data(parameters, statistic),
        )
    }
    for name, values in parameters.settings.items():
        if name not in rows:
            raise ValueError(f"settings: unknown row {name!r}; there are: {', '.join(rows)}")
        rows[name] = rows[name].with_settings(values)
    return list(rows.values())
