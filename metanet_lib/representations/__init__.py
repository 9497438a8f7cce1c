"""Every way to turn models into vectors, as scikit-learn transformers.

A representation takes encoders ``[m, 256, 16]`` and gives embeddings ``[m, d]``. It composes with
any classifier in a pipeline; ``make_pipeline(representation, KNeighborsClassifier(10))`` is the
paper's concatenated model (section 4.4). Its constructor takes plain hyper-parameters, and a
``seed`` where something is random; what it learns has a trailing underscore; it clones. Labels
reach it only if its module says so.

Offered here: :class:`MetaEncoder`, the paper's; :class:`RawWeights`, the baseline without it. The
others are in modules of their own, from ``weights``, what can be read off a matrix without
training, to ``functional``, the book's own.
"""

from metanet_lib.representations.paper import MetaEncoder, RawWeights

__all__ = ["MetaEncoder", "RawWeights"]
