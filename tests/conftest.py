import os
from pathlib import Path

import pytest

# Tests run side by side: threads of linear algebra would wait for each other on the same cores.
os.environ["OMP_NUM_THREADS"] = "1"

from shared import made_once

from metanet_lib.data.corpora import demo
from metanet_lib.store import Results
from metanet_lib.zoo.pipeline import make_corpus


def pytest_collection_modifyitems(items):
    """The longest come first: what follows them fills the other cores."""
    items.sort(key=lambda item: item.get_closest_marker("book") is None)


@pytest.fixture(scope="session")
def demo_corpus(tmp_path_factory):
    """The demo corpus with four files of each dataset, so that the tests are quick.

    It is made as a run makes it that finds none.
    """

    def write(root):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(demo, "FILES", 4)
            root.mkdir()
            patch.chdir(root)
            assert len(make_corpus(Results("tiny"), "all")) == 41

    return made_once(tmp_path_factory, "small", write) / "data" / "demo"


@pytest.fixture(scope="session")
def real_corpus():
    """Real photographs and recordings, where they lie beside the repository."""
    root = Path(__file__).parents[2] / "shared" / "real-corpus"
    if not root.is_dir():
        pytest.skip("no real corpus beside the repository")
    return root
