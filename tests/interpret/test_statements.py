"""Sentences follow the numbers: each is built from numbers that point one way, and the other."""

import pandas as pd
import pytest

from metanet_lib.interpret.statements import finding, reached, told_apart, width


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.01, 0.2, "more often"), (-0.2, -0.01, "less often"), (-0.1, 0.1, "not told apart")],
)
def test_an_interval_of_a_difference_without_0_tells_apart(low, high, said):
    assert finding(low, high).startswith(said)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.2, 0.3, "lies within"), (0.3, 0.4, "is surpassed"), (0.1, 0.2, "is not reached")],
)
def test_the_papers_number_is_reached_if_the_interval_holds_it(low, high, said):
    assert reached(low, high, paper=0.254).startswith(said)


def test_several_differences_are_grouped_by_what_is_found_of_each():
    apart = {"a": (0.1, 0.2), "b": (-0.2, -0.1), "c": (0.3, 0.4), "d": (-0.1, 0.1)}
    assert told_apart(apart) == (
        "more often (the interval leaves out 0): a and c; "
        "less often (the interval leaves out 0): b; not told apart: d"
    )
    assert told_apart({"d": (-0.1, 0.1)}) == "not told apart: d"


def test_the_width_of_intervals_is_that_of_the_middle_row():
    rows = pd.DataFrame({"bootstrap_low": [0.1, 0.2, 0.3], "bootstrap_high": [0.9, 0.3, 0.5]})
    assert width(rows) == "20 points"
