"""The book's one visual language: its colours and sizes, and the parts that figures share.

Vision is always blue and audio always orange, a pair that colour-blind readers tell apart. What is
here is for the other modules of the package; a page needs only :data:`HUES`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, ParamSpec

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from metanet_lib import catalog
from metanet_lib.interpret import TASKS, Task

HUES: dict[str, str] = {"vision": "#0072B2", "audio": "#D55E00"}
"""Vision's and audio's colour, in every figure."""
PAPERS = "#CC79A7"
"""The colour of the paper, its numbers and its method."""
WIDTH = 7.2
"""Width of a figure, inches."""
COMPARED: tuple[Task, ...] = ("modality", "dataset_id", "dataset_id_new_files")
"""The tasks by which representations are compared, in tables and figures."""

_STYLE: dict[str, Any] = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.dpi": 200,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "image.cmap": "gray",
    "legend.frameon": False,
    "svg.hashsalt": "metanet",
}

# Where a name may stand: points away from what it names, the nearest first.
_SHIFTS = [
    distance * np.array([np.cos(angle), np.sin(angle)])
    for distance in range(7, 120, 3)
    for angle in np.pi / 8 * np.array([2, 0, 4, 6, -2, 8, -4, -6, 1, 3, 5, -1, 7, -3, -5, -7])
]
_MARK = 3.5  # half a marker, points
_GAP = 0.5  # around a name, points
_NEAR = 12  # a name farther away gets a line, points

P = ParamSpec("P")


def book_style() -> AbstractContextManager[None]:
    """Return a context in which Matplotlib draws in the book's style, whatever the reader's is.

    Examples
    --------
    >>> with book_style():
    ...     Figure().get_facecolor()
    (1.0, 1.0, 1.0, 1.0)
    """
    return style.context(["default", _STYLE])


def styled(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Return a function that draws its figure in the book's style.

    Examples
    --------
    >>> @styled
    ... def empty(panels):
    ...     figure = Figure()
    ...     figure.subplots(1, panels)
    ...     return figure
    >>> len(empty(3).axes)
    3
    """

    @wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with book_style():
            return function(*args, **kwargs)

    return draw


def hue_of(dataset_id: str) -> str:
    """Return the colour of a dataset: its modality's.

    Examples
    --------
    >>> hue_of("a:air")
    '#D55E00'
    """
    return HUES[catalog.dataset(dataset_id).modality]


def hues_of(datasets: np.ndarray) -> list[str]:
    """Return the colour of each of several datasets.

    Examples
    --------
    >>> hues_of(np.array(["v:aer", "a:air"]))
    ['#0072B2', '#D55E00']
    """
    return [hue_of(i) for i in datasets]


def modality_legend(figure: Figure) -> None:
    """Tell below a figure which colour is which modality.

    Examples
    --------
    >>> figure = Figure(layout="constrained")
    >>> modality_legend(figure)
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['vision', 'audio']
    """
    handles = [Line2D([], [], marker="o", linestyle="", color=c, label=m) for m, c in HUES.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)


def grid(n: int, columns: int, height: float) -> tuple[Figure, np.ndarray]:
    """Return a figure with ``n`` axes in rows; further axes are hidden, ticks are off.

    Examples
    --------
    >>> figure, axes = grid(3, columns=2, height=1)
    >>> len(axes), [ax.get_visible() for ax in axes]
    (4, [True, True, True, False])
    """
    rows = -(-n // columns)
    figure = Figure(figsize=(WIDTH, height * rows), layout="constrained")
    axes: np.ndarray = figure.subplots(rows, columns, squeeze=False).ravel()
    for i, ax in enumerate(axes):
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_visible(i < n)
    return figure, axes


def name_dataset(ax: Axes, dataset_id: str) -> None:
    """Write a dataset's name and id above axes, in its colour.

    Examples
    --------
    >>> ax = Figure().subplots()
    >>> name_dataset(ax, "v:aer")
    >>> ax.get_title(loc="left")
    'aeroplane  v:aer'
    """
    dataset = catalog.dataset(dataset_id)
    title = f"{dataset.title}  {dataset_id}"
    ax.set_title(title, fontsize=8.5, color=HUES[dataset.modality], loc="left")


def two_rows_each(drawn: Mapping[str, tuple[np.ndarray, float, float]], name: str) -> Figure:
    """Draw two rows for each dataset: id to tiles ``[2, n, 16, 16]`` and their lowest and highest.

    The first row is called ``name``, the second "rebuilt".

    Examples
    --------
    >>> figure = two_rows_each({"v:aer": (np.zeros((2, 5, 16, 16)), 0, 1)}, "patch")
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['patch', 'rebuilt']
    """
    figure = Figure(figsize=(WIDTH, 0.4 + 0.75 * len(drawn)), layout="constrained")
    for ax, (dataset_id, (tiles, low, high)) in zip(
        np.atleast_1d(figure.subplots(len(drawn), 1)), drawn.items(), strict=True
    ):
        mosaic(ax, tiles, low, high)
        ax.set_yticks([8, 26], [name, "rebuilt"], fontsize=7)
        ax.set_title(dataset_id, color=hue_of(dataset_id), loc="left", fontsize=9)
    return figure


def mosaic(ax: Axes, tiles: np.ndarray, low: float, high: float) -> None:
    """Draw tiles ``[rows, columns, 16, 16]`` as one picture with thin gaps; hides the x axis.

    Examples
    --------
    >>> ax = Figure().subplots()
    >>> mosaic(ax, np.zeros((2, 3, 16, 16)), 0, 1)
    >>> ax.images[0].get_array().shape
    (34, 52)
    """
    rows, columns = tiles.shape[:2]
    picture = np.full((rows * 18 - 2, columns * 18 - 2), np.nan)
    for row in range(rows):
        for column in range(columns):
            picture[row * 18 :, column * 18 :][:16, :16] = tiles[row, column]
    ax.imshow(picture, vmin=low, vmax=high, interpolation="none")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def write_beside(ax: Axes, places: np.ndarray, names: Sequence[str], size: float) -> None:
    """Write the name of each point beside it, clear of all points and of the other names.

    A name that has to move away is tied to its point by a thin line. Where there is no room left
    within the axes, names overlap. To be called last: what is drawn or scaled afterwards is not
    kept clear of.

    Parameters
    ----------
    ax
        The axes.
    places
        The points ``[n, 2]``, in the axes' units.
    names
        What to write beside each.
    size
        Of the letters, points.

    Examples
    --------
    >>> ax = Figure().subplots()
    >>> write_beside(ax, np.array([[0.50, 0.5], [0.51, 0.5]]), ["one", "two"], size=7)
    >>> [text.get_text() for text in ax.texts]
    ['one', 'two']
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("expected axes of a figure")
    figure.draw_without_rendering()  # only now the axes have their place
    unit = 72 / figure.dpi  # all below is in points, 1/72 inch
    points = unit * ax.transData.transform(places)
    room = unit * np.array(ax.bbox.extents)
    taken = np.hstack([points - _MARK, points + _MARK])  # boxes: left, below, right, above
    looks: dict[str, Any] = {"textcoords": "offset points", "fontsize": size}
    looks |= {"horizontalalignment": "center", "verticalalignment": "center"}
    for name, place, at in zip(names, places, points, strict=True):
        tried = ax.annotate(name, place, (0, 0), **looks)
        box = tried.get_window_extent()
        tried.remove()
        half = unit * np.array([box.width, box.height]) / 2 + _GAP
        shift = next((s for s in _SHIFTS if _fits(at + s, half, room, taken)), _SHIFTS[0])
        taken = np.vstack([taken, np.hstack([at + shift - half, at + shift + half])])
        line = {"arrowstyle": "-", "linewidth": 0.5, "color": "#888888", "shrinkB": _MARK}
        far = np.hypot(*shift) > _NEAR
        text = ax.annotate(name, place, tuple(shift), arrowprops=line if far else None, **looks)
        text.set_in_layout(False)  # so that the axes stay where they are


def _fits(middle: np.ndarray, half: np.ndarray, room: np.ndarray, taken: np.ndarray) -> bool:
    """Say whether a box lies within the room and clear of the boxes taken."""
    low, high = middle - half, middle + half
    within = (low >= room[:2]).all() and (high <= room[2:]).all()
    return bool(within and not ((low < taken[:, 2:]) & (high > taken[:, :2])).all(1).any())


def panels_of(rows: pd.DataFrame) -> dict[str, str]:
    """Return the tasks that figures of two or three panels draw, with their titles.

    They are modality and dataset ID and, where ``rows`` have it, dataset ID on new files.

    Examples
    --------
    >>> panels_of(pd.DataFrame({"task": ["modality", "dataset_id"]}))
    {'modality': 'modality', 'dataset_id': 'dataset ID'}
    """
    return {task: TASKS[task] for task in COMPARED if task in set(rows.task)}
