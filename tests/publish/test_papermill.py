"""The other way to the book: papermill runs its chapters, one after the other, and no graph."""

import pytest
from tiny_book import clone, command, tables

from metanet_lib.publish.graph import CHAPTERS

pytestmark = pytest.mark.papermill


def test_chapters_run_by_bare_papermill_have_the_tables_of_the_book_that_was_killed(
    tmp_path, whole_demo, request
):
    clone(tmp_path, whole_demo)
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
    book = request.getfixturevalue("book")  # not before: it may be made beside this meanwhile
    assert tables(tmp_path) == tables(book / "first")
