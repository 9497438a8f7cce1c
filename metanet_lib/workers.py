"""Work side by side: as many processes as there are CPU cores for us, one thread in each.

The products of this project are too small for several threads to share one. One thread each also
makes a result the same on any number of cores, to the last bit. How far the work has come, a
progress bar tells.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from multiprocessing import get_context
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController
from tqdm.auto import tqdm

Result = TypeVar("Result")

PROCESSES = "METANET_PROCESSES"
"""The environment variable that says how many processes work side by side at most."""

SECONDS_A_LINE = 30.0
"""How often a progress bar writes a line where output is no terminal."""


def single_threaded(threads: int) -> ThreadPoolExecutor:
    """Return a pool of threads in each of which tensor operations use that thread alone.

    Examples
    --------
    >>> with single_threaded(2) as pool:
    ...     list(pool.map(abs, [-1, 2]))
    [1, 2]
    """
    return ThreadPoolExecutor(threads, initializer=_one_thread)


def products_of_one_thread() -> AbstractContextManager[Any]:
    """Return a context in which products of linear algebra have one thread; torch counts its own.

    Examples
    --------
    >>> import numpy as np
    >>> with products_of_one_thread():
    ...     float((np.ones((2, 2)) @ np.ones((2, 2))).sum())
    8.0
    """
    limited: AbstractContextManager[Any] = _libraries(len(sys.modules)).limit(limits=1)
    return limited


@lru_cache(1)
def _libraries(modules: int) -> ThreadpoolController:
    """Find the libraries with threads of their own, anew where modules came: it takes 4 ms."""
    return ThreadpoolController()


def side_by_side(
    function: Callable[..., Result],
    arguments: Sequence[tuple[Any, ...]],
    description: str,
    unit: str,
    note: Callable[[Result], str] = lambda result: "",
    progress: bool = True,
) -> list[Result]:
    """Call a function once for each tuple of arguments, in processes of one thread.

    There are as many processes as cores, but at most ``$METANET_PROCESSES`` where that is set. One
    alone is not started: its work is done here.

    Parameters
    ----------
    function
        A function of a module, so that another process can import it.
    arguments
        One tuple for each call.
    description, unit
        Of the progress bar.
    note
        What the bar says of a result as it comes in.
    progress
        Show the bar.

    Returns
    -------
    list
        The results, in the order of ``arguments``. The first error ends the work and is raised.

    Raises
    ------
    ValueError
        If ``$METANET_PROCESSES`` is no number of processes.

    Examples
    --------
    >>> side_by_side(abs, [(-1,), (2,)], "absolute values", "number", progress=False)
    [1, 2]
    """
    if not arguments:
        return []
    processes = min(len(arguments), _processes())
    with progress_bar(
        total=len(arguments), desc=description, unit=unit, disable=not progress
    ) as bar:

        def came(result: Result) -> Result:
            bar.set_postfix_str(note(result), refresh=False)
            bar.update()
            return result

        if processes == 1:
            with _thread_alone():
                return [came(function(*each)) for each in arguments]
        context = get_context("forkserver")  # one process imports what the others then have
        context.set_forkserver_preload([function.__module__])
        with ProcessPoolExecutor(
            processes, mp_context=context, initializer=_process_of_one_thread
        ) as pool:
            futures = [pool.submit(function, *each) for each in arguments]
            try:
                for future in as_completed(futures):
                    came(future.result())
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return [future.result() for future in futures]


def progress_bar(*arguments: Any, **keywords: Any) -> "tqdm[Any]":
    """Return a progress bar of tqdm; where output is no terminal, it writes a line now and then.

    A terminal, or the page of a notebook, draws the bar anew in its place. A log would keep every
    state of it, ten a second; it gets the first, one every :data:`SECONDS_A_LINE`, and the last.

    Parameters and result are those of tqdm.

    Examples
    --------
    >>> with progress_bar(total=2, desc="patches", disable=True) as bar:
    ...     bar.update(2)
    """
    if not (sys.stderr.isatty() or type(sys.stderr).__module__ == "ipykernel.iostream"):
        often = {"mininterval": SECONDS_A_LINE, "maxinterval": SECONDS_A_LINE}
        keywords |= {**often, "file": _Lines(), "position": 0}
    return tqdm(*arguments, **keywords)


def cores() -> int:
    """Return the number of cores this process may use: on a cluster, those its job was given.

    Examples
    --------
    >>> cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processes() -> int:
    most = os.environ.get(PROCESSES, "")
    if most and not (most.isdecimal() and int(most)):
        raise ValueError(f"${PROCESSES}: expected a number of processes, 1 or more, found {most!r}")
    return min(cores(), int(most or cores()))


def _one_thread() -> None:
    import torch  # slow to import, and not all who work side by side need it

    torch.set_num_threads(1)


def _process_of_one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # of what is imported from now on
    products_of_one_thread()  # of what is there; no `with`: for good
    if "torch" in sys.modules:
        _one_thread()


@contextmanager
def _thread_alone() -> Iterator[None]:
    """Meanwhile this process computes as one of several does."""
    import torch

    before = torch.get_num_threads()
    with products_of_one_thread():
        _one_thread()
        try:
            yield
        finally:
            torch.set_num_threads(before)


class _Lines:
    """Takes what tqdm writes and gives standard error each state of the bar as a line."""

    def write(self, text: str) -> None:
        if text.strip():
            sys.stderr.write(f"{text.strip()}\n")

    def flush(self) -> None:
        sys.stderr.flush()
