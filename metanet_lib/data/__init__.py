"""The data: photographs and recordings, and the patches that models learn (paper, section 4.2).

``corpora``
    raw photographs and recordings, one module a corpus; the demo corpus; downloads
``patches``
    photographs and recordings to 16x16 patches
``bank``
    the patches of one dataset in a file, as the trainer maps it into memory
``check``
    can a corpus be used?
"""
