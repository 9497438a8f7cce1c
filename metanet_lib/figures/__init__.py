"""Every figure of the book, one function each, in one visual language.

A function returns a Matplotlib ``Figure``; :func:`show` stores it with a run's results (SVG, PNG,
and the numbers drawn as CSV) and gives what a page displays: the picture with its caption, its
alternative text and links to its files. :func:`save` writes it to a file of its own.

A figure stands in the module that is named as the module of the library whose numbers it draws:
``patches``, ``zoo``, ``metanetwork``, ``interpret``, ``ablation``, ``anatomy``, ``leaderboard``,
``study``, ``bench`` and ``interpreter``. What they share is in ``style``, and how a page shows them
in ``shown``. All are offered here: ``figures.confusion``.
"""

from metanet_lib.figures.ablation import accuracy_by_size, accuracy_by_variant
from metanet_lib.figures.anatomy import encoded_properties, filters_compared, left_over
from metanet_lib.figures.bench import scaling
from metanet_lib.figures.interpret import accuracy_by_seed, confusion, embedding_map
from metanet_lib.figures.interpreter import interpreted_models
from metanet_lib.figures.leaderboard import accuracy_and_cost
from metanet_lib.figures.metanetwork import (
    filter_embeddings,
    filter_sorting,
    metanetwork_diagram,
    rebuilt_filters,
    training_curves,
)
from metanet_lib.figures.patches import contact_sheet, listen, patch_gallery, spectrograms
from metanet_lib.figures.shown import Shown, file_link, save, show
from metanet_lib.figures.study import open_decisions
from metanet_lib.figures.style import HUES, WIDTH
from metanet_lib.figures.zoo import filter_gallery, final_losses, loss_curves, reconstructions

__all__ = [
    "HUES",
    "WIDTH",
    "Shown",
    "accuracy_and_cost",
    "accuracy_by_seed",
    "accuracy_by_size",
    "accuracy_by_variant",
    "confusion",
    "contact_sheet",
    "embedding_map",
    "encoded_properties",
    "file_link",
    "filter_embeddings",
    "filter_gallery",
    "filter_sorting",
    "filters_compared",
    "final_losses",
    "interpreted_models",
    "left_over",
    "listen",
    "loss_curves",
    "metanetwork_diagram",
    "open_decisions",
    "patch_gallery",
    "rebuilt_filters",
    "reconstructions",
    "save",
    "scaling",
    "show",
    "spectrograms",
    "training_curves",
]
