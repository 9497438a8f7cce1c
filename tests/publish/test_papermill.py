"""The other way to the book: papermill runs its chapters, one after the other, and no graph."""

import pytest
from shared import made_once
from tiny_book import clone, command, killed_and_finished, tables

from metanet_lib.publish.graph import CHAPTERS

pytestmark = pytest.mark.book


def test_chapters_run_by_bare_papermill_have_the_tables_of_the_book_that_was_killed(
    tmp_path, tmp_path_factory
):
    clone(tmp_path)
    for name in CHAPTERS:
        done = command(
            "papermill",
            f"notebooks/{name}.ipynb",
            f"{name}.out.ipynb",
            "-f",
            "profiles/tiny.yaml",
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    book = made_once(tmp_path_factory, "book", killed_and_finished)
    assert tables(tmp_path) == tables(book / "first")
