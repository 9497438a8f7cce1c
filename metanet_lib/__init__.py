"""The library behind the executable paper *Metanetwork* (a Jupyter Book).

Read it from the ground up; each module imports only from those above it:

``catalog``
    the 41 datasets of the paper
``parameters``
    decisions: the parameters of a run, each with its default and its reason
``store``
    where a run keeps what it makes, and how it is written
``workers``
    work side by side, one thread a process
``corpora``
    raw photographs and recordings, one module a corpus
``bank``
    patches of one dataset in a file, as the trainer maps it into memory
``patches``
    photographs and recordings to 16x16 patches (section 4.2)
``check``
    can a corpus be used?
``zoo``
    the population of models to interpret (section 4.1)
``reader``
    models that somebody else trained, read from their files
``metanetwork``
    the meta-autoencoder, trained on their weights (section 4.3)
``bench``
    what the training costs, and how near it comes to the hardware
``pipeline``
    from raw corpus to zoo, for a chapter run on its own
``representations``
    every way to turn models into vectors, as scikit-learn transformers
``interpret``
    the meta-classifier and its accuracies (section 4.4)
``interpreter``
    what was this model trained on? The answer for a model from outside
``ablation``
    what does each part of the method buy?
``anatomy``
    the inside: what is in a filter, and what of it its three numbers keep
``peers``
    who takes part in the comparison of representations
``leaderboard``
    all representations on one protocol, side by side
``study``
    what if an open decision had fallen otherwise?
``figures``
    every figure of the book
``interactive``
    those of them that a browser draws, to explore
``gallery``
    every dataset on one page
``graph``
    the whole paper as one graph: profiles, chapters, and how Snakemake is run
``pairs``
    a chapter's script and its notebook say the same
``pages``
    edit links, and what the theme leaves undone: an extension of Sphinx
``generated``
    the pages' Markdown that a run makes: its decisions, times and versions
``reference``
    every public name of the library, as the book lists it
``site``
    executed chapters and prose pages become one HTML book
``cli``
    the ``metanet`` command
"""

__version__ = "0.1.0"
