"""What the paper leaves open, one module for each chapter of questions.

``files``
    is a dataset recognised, or its files?
``halves``
    which files a model saw shows in it: what can be told to look past them?
``parts``
    what does each part of the method buy?
``inside``
    what is in a filter, and what of it do its three numbers keep?
``open_decisions``
    what if an open decision had fallen otherwise?
``cost``
    what does the training cost, and how near is it to the hardware?
``beyond``
    what is a better metanetwork asked beside the four tasks, and what comes back of its code?
``leaderboard``
    all representations on one protocol, side by side; ``peers`` says who takes part
``fits``
    what came out of fits, kept so that none is made twice
``rank``
    a representation of somebody else's, in a run's table
``generation``
    models that are made of 16 numbers: do they work, are they new, are they recognised?
``architectures``
    what does the zoo say of networks of other shapes?
``wild``
    what does it say of networks that nobody here made?
``agreement``
    do the two ways to train the zoo train the same models?
``reference``
    what did the run find that is kept to compare with?
"""
