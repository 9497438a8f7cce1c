"""Claims about work side by side: the same results in any number of processes."""

import os

import pytest
import torch

from metanet_lib.workers import PROCESSES, cores, side_by_side


def place_and_sum(numbers: list[float]) -> tuple[int, int, float]:
    """The process, its threads, and a result that depends on the order of additions."""
    return os.getpid(), torch.get_num_threads(), torch.tensor(numbers).sum().item()


NUMBERS = [([0.1 * i * j for i in range(9999)],) for j in range(3)]


@pytest.fixture
def in_processes(monkeypatch):
    monkeypatch.setenv(PROCESSES, "2")
    return side_by_side(place_and_sum, NUMBERS, "sums", "sum", progress=False)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("most", "work"), [("1", NUMBERS), ("2", NUMBERS[:1])])
def test_one_process_alone_is_not_started_and_computes_the_same(
    most, work, in_processes, monkeypatch
):
    monkeypatch.setenv(PROCESSES, most)
    here = side_by_side(place_and_sum, work, "sums", "sum", progress=False)
    assert {pid for pid, *_ in here} == {os.getpid()}
    assert {pid for pid, *_ in in_processes} != {os.getpid()} or cores() == 1
    assert [computed for _, *computed in here] == [c for _, *c in in_processes[: len(work)]]
    assert torch.get_num_threads() == 2, "as before"


@pytest.mark.usefixtures("two_threads")
def test_an_error_ends_the_work_and_leaves_the_threads_as_they_were(monkeypatch):
    monkeypatch.setenv(PROCESSES, "1")
    done: list[int] = []
    with pytest.raises(TypeError):
        side_by_side(done.append, [(1,), (1, 2), (3,)], "errors", "error", progress=False)
    assert (done, torch.get_num_threads()) == ([1], 2)


@pytest.mark.parametrize("most", ["two", "0", "-1", "1.5"])
def test_a_number_of_processes_that_is_none_is_refused(most, monkeypatch):
    monkeypatch.setenv(PROCESSES, most)
    with pytest.raises(ValueError, match=f"METANET_PROCESSES: expected a number.*{most}"):
        side_by_side(abs, [(1,)], "absolute values", "number", progress=False)
