"""Claims about pairs: the edited side is carried over, and no edit is ever lost."""

import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from metanet_lib.publish.pairs import PairError, check_staged, sync

ROOT = Path(__file__).parents[2]
SCRIPT, NOTEBOOK = Path("notebooks/05_dataset_id.py"), Path("notebooks/05_dataset_id.ipynb")


def git(*words: str) -> None:
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *name, *words], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    """A checkout with one pair, committed in step."""
    monkeypatch.chdir(tmp_path)
    SCRIPT.parent.mkdir()
    for path in (SCRIPT, NOTEBOOK):
        shutil.copy(ROOT / path, path)
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "a pair in step")


def edit_script(text: str) -> None:
    SCRIPT.write_text(f"{SCRIPT.read_text()}\n# %% [markdown]\n# {text}\n")


def edit_notebook(text: str) -> None:
    notebook = nbformat.read(NOTEBOOK, 4)
    notebook.cells.append(nbformat.v4.new_markdown_cell(text))
    nbformat.write(notebook, NOTEBOOK)


def both_say(text: str) -> bool:
    return text in SCRIPT.read_text() and text in NOTEBOOK.read_text()


def test_a_pair_in_step_is_left_alone():
    before = SCRIPT.read_bytes(), NOTEBOOK.read_bytes()
    assert sync() == ["05_dataset_id: in step"]
    assert (SCRIPT.read_bytes(), NOTEBOOK.read_bytes()) == before


def test_an_edited_script_wins_also_when_the_notebook_was_touched_later():
    edit_script("by the script")
    NOTEBOOK.touch()
    assert sync() == ["05_dataset_id: the script won; the notebook was as before"]
    assert both_say("by the script")


def test_an_edited_notebook_wins_also_when_the_script_was_touched_later():
    edit_notebook("by the notebook")
    SCRIPT.touch()
    assert sync() == ["05_dataset_id: the notebook won; the script was as before"]
    assert both_say("by the notebook")


def test_each_of_several_edits_between_commits_is_carried_over():
    edit_script("first")
    sync()
    edit_notebook("second")
    assert sync() == ["05_dataset_id: the notebook won; the script was as before"]
    edit_script("third")
    assert sync() == ["05_dataset_id: the script won; the notebook was as before"]
    assert all(both_say(text) for text in ("first", "second", "third"))


def test_edits_of_both_sides_are_refused_and_kept():
    edit_script("by the script")
    edit_notebook("by the notebook")
    before = SCRIPT.read_bytes(), NOTEBOOK.read_bytes()
    with pytest.raises(PairError, match="05_dataset_id: both sides were edited since they were"):
        sync()
    assert (SCRIPT.read_bytes(), NOTEBOOK.read_bytes()) == before
    NOTEBOOK.unlink()  # what the message offers
    assert sync() == ["05_dataset_id: the script won; there was no notebook"]
    assert both_say("by the script")


def test_one_refused_pair_does_not_keep_the_others_apart():
    edit_script("by the script")
    edit_notebook("by the notebook")
    new = Path("notebooks/06_new.py")
    new.write_text("# %% [markdown]\n# # A new chapter\n")
    with pytest.raises(PairError, match="06_new: the script won; there was no notebook"):
        sync()
    assert new.with_suffix(".ipynb").is_file()


def test_a_new_chapter_gets_its_other_side_with_the_kernel_that_papermill_needs():
    new = Path("notebooks/06_new.py")
    new.write_text('# %% [markdown]\n# # A new chapter\n\n# %% tags=["parameters"]\nk = 1\n')
    assert "06_new: the script won; there was no notebook" in sync()
    notebook = nbformat.read(new.with_suffix(".ipynb"), 4)
    assert notebook.metadata.kernelspec == {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    assert notebook.cells[1].metadata.tags == ["parameters"]
    assert all("in step" in line for line in sync())


def test_outputs_of_a_notebook_are_no_edit_and_are_cleared():
    notebook = nbformat.read(NOTEBOOK, 4)
    cell = next(c for c in notebook.cells if c.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("stream", text="said")]
    nbformat.write(notebook, NOTEBOOK)
    edit_script("by the script")
    assert sync() == ["05_dataset_id: the script won; the notebook was as before"]
    assert not any(c.get("outputs") for c in nbformat.read(NOTEBOOK, 4).cells)


def test_a_notebook_that_cannot_be_read_is_named_and_kept():
    NOTEBOOK.write_text("<<<<<<< HEAD")
    with pytest.raises(PairError, match=r"05_dataset_id\.ipynb: not a readable \.ipynb file"):
        sync()
    assert NOTEBOOK.read_text() == "<<<<<<< HEAD"


def test_a_commit_with_a_pair_out_of_step_is_refused_by_the_hook():
    check_staged()
    edit_script("by the script")
    git("add", str(SCRIPT))
    with pytest.raises(PairError, match="out of step in this commit: 05_dataset_id"):
        check_staged()
    sync()
    with pytest.raises(PairError, match="git add notebooks"):
        check_staged()  # what counts is what is committed
    git("add", str(NOTEBOOK))
    check_staged()
