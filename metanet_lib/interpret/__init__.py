"""What was a model trained on? The answers of the paper's section 4.4.

``classifier``
    the meta-classifier, and how often it is right about models that nothing was fitted on
``statements``
    sentences about accuracies, which follow from them
``intervals``
    how sure an accuracy is, and the difference of two
``interpreter``
    :class:`Interpreter`, which answers for a model that somebody else trained
``familiar``
    :class:`Familiarity`, which tells whether such a model is like anything that the zoo knows
``foreign``
    such models, read from their files and checked
``generator``, ``generate``
    the way back: :class:`Generator`, which makes models of codes, and the work of its command
``networks``
    networks of any other shape, read by their gradients
"""

from metanet_lib.interpret.classifier import (
    EMBEDDED,
    PAPER_ACCURACY,
    TASKS,
    InterpretParameters,
    Task,
    Verdict,
    asked,
    assess,
    assess_all,
    embedded,
    in_words,
    meta_classifier,
    neighbours_by_dataset,
    percent,
    result_table,
    shares_right,
    span,
)
from metanet_lib.interpret.familiar import CHANCE, Familiarity
from metanet_lib.interpret.foreign import SUFFIXES, ForeignModels, read_models
from metanet_lib.interpret.generator import Generator, read_codes
from metanet_lib.interpret.interpreter import STORED, Answer, Interpreter, Neighbour
from metanet_lib.interpret.intervals import bootstrap_interval, paired_interval, wilson_interval

__all__ = [
    "CHANCE",
    "EMBEDDED",
    "PAPER_ACCURACY",
    "STORED",
    "SUFFIXES",
    "TASKS",
    "Answer",
    "Familiarity",
    "ForeignModels",
    "Generator",
    "InterpretParameters",
    "Interpreter",
    "Neighbour",
    "Task",
    "Verdict",
    "asked",
    "assess",
    "assess_all",
    "bootstrap_interval",
    "embedded",
    "in_words",
    "meta_classifier",
    "neighbours_by_dataset",
    "paired_interval",
    "percent",
    "read_codes",
    "read_models",
    "result_table",
    "shares_right",
    "span",
    "wilson_interval",
]
