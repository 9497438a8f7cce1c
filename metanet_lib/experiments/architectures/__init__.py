"""Networks of other shapes, trained on the same patches, and what the zoo's code says of them.

``networks``
    the architectures
``training``
    all datasets' networks of one architecture, trained at once
``questions``
    how they are read, and what they are asked
"""
