"""What the training costs, and how near the zoo's comes to what the hardware can do.

Three engines train the same models on the same patches, in turns on one machine:

- ``serial``: the plain PyTorch loop, one model after the other, on one thread;
- ``vmap``: ``torch.func``, a population of modules stacked and mapped over, on all threads;
- ``population``: ours, one population a thread.

Beside them stands how fast the machine multiplies matrices, on all threads, whatever for:

- ``library``: one large float32 product a thread, by PyTorch's library;
- ``tiles``: the same by our own products, in the cache of each core.

The faster of the two is the ceiling. The work of a model's step on ``b`` patches is counted as that
of its two wide products, ``2 x 2 x b x 256 x 32`` operations, for every engine, so that rates
compare.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

import numpy as np
import pandas as pd
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import (
    functional_call,
    grad,
    replace_all_batch_norm_modules_,
    stack_module_state,
    vmap,
)

from metanet_lib.data.bank import Bank
from metanet_lib.metanetwork import MetanetworkParameters, train
from metanet_lib.parameters import Parameters, decision
from metanet_lib.workers import products_of_one_thread, single_threaded
from metanet_lib.zoo import (
    CODES,
    INPUTS,
    LOSS_POINTS,
    ModelSeed,
    Population,
    ZooParameters,
    groups_of,
    initial_model,
    population_size,
    train_one,
)
from metanet_lib.zoo.tiles import product

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class BenchParameters(Parameters):
    """How long the chapter on cost measures.

    Examples
    --------
    >>> BenchParameters().repeats
    5
    """

    seconds: float = decision(2.0, "of each measurement, about", "ours")
    repeats: int = decision(5, "times each is repeated", "ours: medians of some")

    def __post_init__(self) -> None:
        self.require_positive("seconds", "repeats")


def zoo_speed(
    bank: Bank,
    parameters: ZooParameters,
    batch_sizes: tuple[int, ...] = (32, 128, 512),
    threads: int = 2,
    seconds: float = 1.0,
    repeats: int = 3,
) -> pd.DataFrame:
    """Measure every engine at every batch size.

    Parameters
    ----------
    bank
        The patches.
    parameters
        How to train; the batch size is replaced.
    batch_sizes
        The batch sizes.
    threads
        CPU threads for all engines but ``serial``.
    seconds
        How long each measurement takes, about.
    repeats
        How often each is repeated; engines take turns.

    Returns
    -------
    DataFrame
        One row for each engine and batch size: ``engine``, ``batch_size``, ``population`` (models
        side by side), ``threads``, and the median of the repeats as ``seconds_per_million_patches``
        (per model), ``models_per_second`` (each on a million patches), ``gflops``,
        ``fraction_of_ceiling`` and ``times_serial`` (how many times as fast as ``serial`` in the
        same repeat); with the least and the most of the seconds.

    Examples
    --------
    >>> bank = Bank.of(torch.rand(64, 256))
    >>> table = zoo_speed(bank, ZooParameters(), (8,), threads=1, seconds=0.01, repeats=1)
    >>> set(table["batch_size"])
    {8}
    """
    group = population_size(parameters, "cpu")
    rows = []
    for batch_size in batch_sizes:
        p = replace(parameters, batch_size=batch_size)
        # What runs, with its arguments but the number of steps, and how many models and threads.
        engines: dict[str, tuple[Callable[[int], float], int, int]] = {
            "serial": (partial(_serial, bank, p), 1, 1),
            "vmap": (partial(_vmap, bank, p, group, threads), group, threads),
            "population": (partial(_population, bank, p, group, threads), group * threads, threads),
            "library": (partial(_matrices, _library, p, group, threads), group * threads, threads),
            "tiles": (partial(_matrices, _tiles, p, group, threads), group * threads, threads),
        }
        step_times: dict[str, list[float]] = {name: [] for name in engines}
        most = len(bank) // batch_size
        with products_of_one_thread():
            steps = {}
            for name, (run, models, _) in engines.items():
                run(2)  # compiles, and warms up
                steps[name] = max(2, min(most, int(seconds / models / run(min(10, most)))))
            for _ in range(repeats):
                for name, (run, _, _) in engines.items():
                    step_times[name].append(run(steps[name]))
        ceiling = min(median(step_times["library"]), median(step_times["tiles"]))
        for name, (_, models, on_threads) in engines.items():
            per_million = [1e6 / batch_size * t for t in step_times[name]]
            rows.append(
                {
                    "engine": name,
                    "batch_size": batch_size,
                    "population": models,
                    "threads": on_threads,
                    "seconds_per_million_patches": median(per_million),
                    "seconds_per_million_patches_min": min(per_million),
                    "seconds_per_million_patches_max": max(per_million),
                    "models_per_second": 1 / median(per_million),
                    "gflops": _work(p) / median(step_times[name]) / 1e9,
                    "fraction_of_ceiling": ceiling / median(step_times[name]),
                    "times_serial": median(
                        serial / ours
                        for serial, ours in zip(step_times["serial"], step_times[name], strict=True)
                    ),
                }
            )
    return pd.DataFrame(rows)


def zoo_scaling(
    bank: Bank,
    parameters: ZooParameters,
    models: Sequence[int],
    patches: Sequence[int],
    threads: int = 2,
) -> pd.DataFrame:
    """Measure what training costs for more and more models, and for more and more patches.

    Returns
    -------
    DataFrame
        ``models``, ``patches`` and ``seconds`` of training so many models on so many patches, once;
        first for each of ``models`` on the least of the patches, then for the least of the models
        on each of ``patches``.

    Examples
    --------
    >>> bank = Bank.of(torch.rand(64, 256))
    >>> list(zoo_scaling(bank, ZooParameters(batch_size=8), [1, 2], [32, 64], threads=1))
    ['models', 'patches', 'seconds']
    """
    p = replace(parameters, epochs=1)
    rows = []
    with products_of_one_thread(), single_threaded(threads) as pool:
        sizes = [(m, min(patches)) for m in models] + [(min(models), n) for n in patches]
        for m, n in [sizes[0], *sizes]:  # the first of all compiles, and is dropped
            some = replace(bank, draws=bank.draws[:n])
            groups = groups_of(m, threads, population_size(p, "cpu"))
            start = time.perf_counter()
            list(pool.map(lambda g, some=some: Population(p, "v:aer", g).train(some), groups))
            rows.append({"models": m, "patches": n, "seconds": time.perf_counter() - start})
    return pd.DataFrame(rows[1:])


def metanetwork_speed(parameters: MetanetworkParameters, models: int = 32) -> tuple[float, float]:
    """Measure the meta level on one thread, in time that a core works.

    Returns
    -------
    (float, float)
        Seconds for one filter and epoch of the unit-wise, and for one model and epoch of the
        inter-unit training.

    Examples
    --------
    >>> unitwise, interunit = metanetwork_speed(MetanetworkParameters(channels=(2,)), models=4)
    >>> unitwise > 0, interunit > 0
    (True, True)
    """
    encoders = torch.randn(models, INPUTS, CODES).numpy() / 16
    before = torch.get_num_threads()
    torch.set_num_threads(1)

    def seconds(unitwise: int, interunit: int) -> float:
        p = replace(parameters, unitwise_epochs=unitwise, interunit_epochs=interunit)
        start = time.thread_time()
        train(encoders, p, seed=0)
        return time.thread_time() - start

    def least(unitwise: int, interunit: int) -> float:
        return min(seconds(unitwise, interunit) for _ in range(3))

    try:
        seconds(1, 1)
        shortest = least(1, 1)
        of_filters = max(least(11, 1) - shortest, 0) / (10 * models * CODES)
        of_models = max(least(1, 301) - shortest, 0) / (300 * models)
        return of_filters, of_models
    finally:
        torch.set_num_threads(before)


def _few(bank: Bank, p: ZooParameters, steps: int) -> Bank:
    return replace(bank, draws=bank.draws[: steps * p.batch_size])


def _per_model_step(function: Callable[[], object], model_steps: int) -> float:
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) / model_steps


def _serial(bank: Bank, p: ZooParameters, steps: int) -> float:
    patches = _few(bank, p, steps).patches()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _per_model_step(lambda: train_one(patches, "v:aer", 0, replace(p, epochs=1)), steps)
    finally:
        torch.set_num_threads(threads)


def _vmap(bank: Bank, p: ZooParameters, models: int, threads: int, steps: int) -> float:
    patches = _few(bank, p, steps).patches()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return _per_model_step(
            lambda: train_stacked(patches, "v:aer", range(models), p), models * steps
        )
    finally:
        torch.set_num_threads(before)


def train_stacked(
    patches: Tensor, dataset_id: str, indices: range, parameters: ZooParameters
) -> dict[str, Tensor]:
    """Train models for one epoch with ``torch.func``: modules stacked, mapped over with ``vmap``.

    ``patches`` is float32 ``[n, 256]``. Returns the stacked parameters of the modules by name.

    Examples
    --------
    >>> models = train_stacked(torch.rand(64, 256), "v:aer", range(2), ZooParameters(batch_size=8))
    >>> models["encoder.weight"].shape
    torch.Size([2, 16, 256])
    """
    p = parameters
    sources = [ModelSeed(p.seed, dataset_id, i) for i in indices]
    modules = [initial_model(source, p).train() for source in sources]
    for module in modules:  # running statistics are written in place, which vmap forbids
        replace_all_batch_norm_modules_(module)
    stacked, buffers = stack_module_state(modules)
    adam = torch.optim.Adam(stacked.values(), p.learning_rate, p.adam_betas, p.adam_epsilon)

    def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        rebuilt = functional_call(modules[0], (parameters, buffers), (x,))
        return nn.functional.mse_loss(rebuilt, x)

    gradients = vmap(grad(loss))
    orders = torch.stack([source.order(len(patches)) for source in sources])
    for first in range(0, len(patches) // p.batch_size * p.batch_size, p.batch_size):
        x = patches[orders[:, first : first + p.batch_size]]
        for name, gradient in gradients(stacked, buffers, x).items():
            stacked[name].grad = gradient
        adam.step()
    return {name: tensor.detach() for name, tensor in stacked.items()}


def _population(bank: Bank, p: ZooParameters, models: int, threads: int, steps: int) -> float:
    few, once = _few(bank, p, steps), replace(p, epochs=1)
    groups = [
        Population(once, "v:aer", range(i * models, (i + 1) * models)) for i in range(threads)
    ]
    # The loss is watched as often as in a training on a million patches, so many times a step.
    points = max(1, round(LOSS_POINTS * steps * p.batch_size / 1e6))
    with single_threaded(threads) as pool:
        return _per_model_step(
            lambda: list(pool.map(lambda group: group.train(few, loss_points=points), groups)),
            models * threads * steps,
        )


def _work(p: ZooParameters) -> int:
    """Return the operations of a model's step that are counted."""
    return 2 * 2 * p.batch_size * INPUTS * 2 * CODES


def _matrices(
    multiply: Callable[[int], int], p: ZooParameters, models: int, threads: int, steps: int
) -> float:
    """Return the seconds that a step's work takes ``multiply``, on all threads at once."""
    operations = multiply(1)  # compiles, and warms up
    times = -(-steps * models * _work(p) // operations)
    with single_threaded(threads) as pool:
        seconds = _per_model_step(lambda: list(pool.map(multiply, [times] * threads)), times)
    return seconds / threads / operations * _work(p)


def _library(times: int) -> int:
    """Multiply large matrices so often; return the operations of one product."""
    a, b, out = (torch.rand(1024, 1024) for _ in range(3))
    for _ in range(times):
        torch.mm(a, b, out=out)
    return 2 * 1024**3


def _tiles(times: int) -> int:
    """Multiply 512 patches with 32 filters so often; return the operations of one product."""
    a, b, out = (torch.rand(shape).numpy() for shape in ((512, INPUTS), (INPUTS, 32), (512, 32)))
    _multiply_often(a, b, out, times)
    return 2 * 512 * INPUTS * 32


@njit(cache=True, nogil=True)
def _multiply_often(a: Floats, b: Floats, out: Floats, times: int) -> None:
    for _ in range(times):
        _multiply(a, b, out)


_multiply = product(2 * CODES)
