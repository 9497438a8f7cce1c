"""What came out of fits, kept so that none is made twice.

A comparison at the paper's size fits for an hour. The answers of each fit lie in a file of
``results/<run>/fits`` whose name tells what they follow from. So a run that was killed goes on
where it stood, and a chapter whose words were changed is executed without fitting anew.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

import metanet_lib
from metanet_lib.representations.functional import FunctionalCode
from metanet_lib.store import Results, write_atomically

_LIBRARY = Path(metanet_lib.__file__).parent


def place(results: Results, fit: str, *made_of: Any) -> Path:
    """Return where the answers of a fit are kept, if they are.

    They follow from the library and from the run's models, told by names, sizes and times of
    files as in the graph of chapters; and from ``made_of``, told by its ``repr`` but for places in
    memory.

    Examples
    --------
    >>> first, other = (place(Results("mine"), "gram_0", k) for k in (10, 5))
    >>> first.name.split(".")[0], first == other
    ('gram_0', False)
    """
    digest = hashlib.sha256(re.sub(r" at 0x[0-9a-f]+", "", repr(made_of)).encode())
    modules = sorted(_LIBRARY.rglob("*.py"))
    for folder, paths in ((_LIBRARY, modules), (results.zoo, results.shards)):
        for path in paths:
            is_now = path.stat()
            name = path.relative_to(folder)
            digest.update(f"{name} {is_now.st_size} {is_now.st_mtime_ns}\n".encode())
    return results.folder / "fits" / f"{fit}.{digest.hexdigest()[:16]}.json"


def keep(at: Path, answers: Any) -> None:
    """Write plain values and NumPy's numbers to their place; what was there of that name goes.

    Examples
    --------
    >>> for k in (10, 5):
    ...     keep(place(Results("mine"), "gram_0", k), [{"right": np.int64(k)}])
    >>> [path.read_text() for path in (Results("mine").folder / "fits").iterdir()]
    ['[{"right": 5}]']
    """
    at.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(at) as temporary:
        temporary.write_text(json.dumps(answers, default=np.generic.item))
    for old in at.parent.glob(f"{at.name.split('.')[0]}.*.json"):
        if old != at:
            old.unlink(missing_ok=True)


def functional_code(results: Results, encoders: np.ndarray) -> FunctionalCode:
    """Return the functional code of a run: read if it is kept, else fitted and kept.

    Parameters
    ----------
    results
        The run, its zoo trained.
    encoders
        Its models that fit, ``[m, 256, 16]``.

    Examples
    --------
    >>> made = functional_code(Results("mine"), encoders)
    >>> functional_code(Results("mine"), encoders).loss_ == made.loss_
    True
    """
    code = FunctionalCode()
    at = place(results, "functional_code", code.get_params())
    if at.exists() and results.functional.exists():
        return FunctionalCode.load(results.functional)
    code.fit(encoders).save(results.functional)
    keep(at, code.fitted_to_)
    return code
