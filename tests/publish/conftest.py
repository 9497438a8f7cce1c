"""What the tests of whole tiny books share."""

from functools import partial
from pathlib import Path

import pytest
from shared import made_once
from tiny_book import killed_and_finished

from metanet_lib.data.corpora import demo


@pytest.fixture(scope="session")
def whole_demo(tmp_path_factory) -> Path:
    """The demo corpus of a run, which no book has to make again."""
    return made_once(tmp_path_factory, "demo", partial(demo.write, progress=False))


@pytest.fixture(scope="session")
def book(tmp_path_factory, whole_demo) -> Path:
    """The tiny book, killed on its way and finished; what edits it comes last in its file."""
    return made_once(tmp_path_factory, "book", partial(killed_and_finished, demo=whole_demo))
