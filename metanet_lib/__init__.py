"""The library behind the executable paper *Metanetwork* (a Jupyter Book).

Read it from the ground up; each module imports only from those above it:

``catalog``
    the 41 datasets of the paper
``store``
    where a run keeps what it makes, and how it is written
``corpora``
    raw photographs and recordings, one module a corpus
``patches``
    photographs and recordings to 16x16 patches (section 4.2)
``zoo``
    the population of models to interpret (section 4.1)
``metanetwork``
    the meta-autoencoder, trained on their weights (section 4.3)
``representations``
    every way to turn models into vectors, as scikit-learn transformers
``interpret``
    the meta-classifier and its accuracies (section 4.4)
``figures``
    every figure of the book
``cli``
    the ``metanet`` command
"""

__version__ = "0.1.0"
