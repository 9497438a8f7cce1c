"""The book as a thing that is made: run, paired, built; nothing here computes a result.

``graph``
    the whole paper as one graph: profiles, chapters, and how Snakemake is run
``chapter``
    one chapter executed
``pairs``
    a chapter's script and its notebook say the same
``site``
    executed chapters and prose pages become one HTML book
``pages``
    edit links, and what the theme leaves undone: an extension of Sphinx
``generated``
    the pages' Markdown that a run makes: its decisions, times and versions
``dataset``
    the zoo of a run as a data set, for others to read
``reference``
    a run kept in the repository, as the reference that others are compared with
``times``
    what each step of a run took, and would take on a cluster
``api``
    every public name of the library, as the book lists it
"""
