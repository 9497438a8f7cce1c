"""Every figure of the book, one function each, in one visual language.

A function returns a Matplotlib ``Figure``; :func:`show` stores it with a run's results (SVG, PNG,
and the numbers drawn as CSV) and gives what a page displays: the picture with its caption, its
alternative text and links to its files. :func:`save` writes it to a file of its own.
:func:`show_table` gives a table its title and its anchor.

A figure stands in the module that is called after its chapter, without the number. ``style`` has
what they share, ``shown`` how a page shows them, and ``interactive`` those that a browser draws, to
explore. The printed figures are offered here: ``figures.confusion``.
"""

from metanet_lib.figures.against_the_others import accuracy_and_cost, standings
from metanet_lib.figures.any_architecture import accuracy_by_architecture, accuracy_in_the_wild
from metanet_lib.figures.cost import scaling
from metanet_lib.figures.dataset_id import confusion
from metanet_lib.figures.dataset_or_files import accuracy_by_files, same_against_new
from metanet_lib.figures.datasets import contact_sheet, listen, patch_gallery, spectrograms
from metanet_lib.figures.from_numbers_to_models import (
    errors_of_candidates,
    how_new,
    made_and_tested,
    on_the_way,
)
from metanet_lib.figures.interpret_your_model import interpreted_models
from metanet_lib.figures.meta_autoencoder import (
    filter_embeddings,
    filter_sorting,
    metanetwork_diagram,
    rebuilt_filters,
    training_curves,
)
from metanet_lib.figures.modality import accuracy_by_seed, embedding_map
from metanet_lib.figures.model_zoo import filter_gallery, final_losses, loss_curves, reconstructions
from metanet_lib.figures.open_decisions import accuracy_by_decision
from metanet_lib.figures.shown import Shown, file_link, save, show, show_table
from metanet_lib.figures.style import COMPARED, HUES, WIDTH
from metanet_lib.figures.what_each_part_buys import accuracy_by_size, accuracy_by_variant
from metanet_lib.figures.what_is_inside import encoded_properties, filters_compared, left_over

__all__ = [
    "COMPARED",
    "HUES",
    "WIDTH",
    "Shown",
    "accuracy_and_cost",
    "accuracy_by_architecture",
    "accuracy_by_decision",
    "accuracy_by_files",
    "accuracy_by_seed",
    "accuracy_by_size",
    "accuracy_by_variant",
    "accuracy_in_the_wild",
    "confusion",
    "contact_sheet",
    "embedding_map",
    "encoded_properties",
    "errors_of_candidates",
    "file_link",
    "filter_embeddings",
    "filter_gallery",
    "filter_sorting",
    "filters_compared",
    "final_losses",
    "how_new",
    "interpreted_models",
    "left_over",
    "listen",
    "loss_curves",
    "made_and_tested",
    "metanetwork_diagram",
    "on_the_way",
    "patch_gallery",
    "rebuilt_filters",
    "reconstructions",
    "same_against_new",
    "save",
    "scaling",
    "show",
    "show_table",
    "spectrograms",
    "standings",
    "training_curves",
]
