"""The library behind the executable paper *Metanetwork* (a Jupyter Book).

Its rooms are the paper's sections. Read them from the ground up; a room imports only from those
above it:

``catalog``, ``parameters``, ``store``, ``workers``, ``provenance``
    the ground: the 41 datasets, decisions, where results lie, work side by side, what made them
``data``
    photographs and recordings, and the patches that models learn (section 4.2)
``zoo``
    the population of models to interpret, and their training (section 4.1)
``metanetwork``
    the meta-autoencoders, trained on the weights of models (section 4.3)
``representations``
    every way to turn models into vectors, as scikit-learn transformers (sections 4.3, 4.4)
``interpret``
    the meta-classifier, and answers for a model from outside (section 4.4)
``experiments``
    what the paper leaves open, one module for each chapter of questions
``figures``
    every picture, one module for each chapter (section 4.5)
``publish``
    how the book is run, paired and built
``cli``
    the ``metanet`` command
"""

import atexit
import gc

__version__ = "1.0.0"

# Modules are some 300,000 objects, and none of them is ever garbage. Python would look through them
# again and again as they are imported, and once more at the end: a third of a short process's time.
gc.set_threshold(20_000)
atexit.register(gc.freeze)
