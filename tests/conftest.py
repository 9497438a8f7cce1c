from pathlib import Path

import pytest

from metanet_lib.data.corpora import demo


@pytest.fixture(scope="session")
def demo_corpus(tmp_path_factory):
    """The demo corpus with four files of each dataset, so that the tests are quick."""
    root = tmp_path_factory.mktemp("corpus") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "FILES", 4)
        demo.write(root, progress=False)
    return root


@pytest.fixture(scope="session")
def real_corpus():
    """Real photographs and recordings, where they lie beside the repository."""
    root = Path(__file__).parents[2] / "shared" / "real-corpus"
    if not root.is_dir():
        pytest.skip("no real corpus beside the repository")
    return root
