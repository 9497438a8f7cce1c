"""Work side by side: as many processes as there are CPU cores for us, one thread in each.

The products of this project are too small for several threads to share one. One thread each also
makes a result the same on any number of cores, to the last bit.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, TypeVar

import torch
from tqdm.auto import tqdm

Result = TypeVar("Result")


def single_threaded(threads: int) -> ThreadPoolExecutor:
    """Return a pool of threads in each of which tensor operations use that thread alone.

    Examples
    --------
    >>> with single_threaded(2) as pool:
    ...     list(pool.map(abs, [-1, 2]))
    [1, 2]
    """
    return ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))


def side_by_side(
    function: Callable[..., Result],
    arguments: Sequence[tuple[Any, ...]],
    description: str,
    unit: str,
    note: Callable[[Result], str] = lambda result: "",
    progress: bool = True,
) -> list[Result]:
    """Call a function once for each tuple of arguments, in processes of one thread.

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

    Examples
    --------
    >>> side_by_side(abs, [(-1,), (2,)], "absolute values", "number", progress=False)
    [1, 2]
    """
    if not arguments:
        return []
    context = get_context("forkserver")  # one process imports what the others then have
    context.set_forkserver_preload([function.__module__])
    with (
        ProcessPoolExecutor(
            min(len(arguments), cores()),
            mp_context=context,
            initializer=torch.set_num_threads,
            initargs=(1,),
        ) as pool,
        tqdm(total=len(arguments), desc=description, unit=unit, disable=not progress) as bar,
    ):
        futures = [pool.submit(function, *each) for each in arguments]
        try:
            for future in as_completed(futures):
                bar.set_postfix_str(note(future.result()), refresh=False)
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]


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
