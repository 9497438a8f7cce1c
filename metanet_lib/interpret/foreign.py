"""Read models that somebody else trained: encoders from a file, checked before they are believed.

A model to interpret is one matrix of 256x16 weights (paper, section 4.1). People keep it in other
files than ours, by other names and the other way round: :func:`read_models` reads

- ``.safetensors`` and ``.npy`` files, also the shards of a zoo;
- ``.pt`` and ``.pth`` files that hold a PyTorch ``state_dict``: names and tensors, nothing else.

A pickle can run code when it is opened. None is: an array of objects, a whole pickled module or a
bare pickle is refused.

**Which tensor.** ``[256, 16]`` is a model; so is ``[16, 256]``, as ``torch.nn.Linear`` keeps it,
which is turned. A first axis more, ``[m, 256, 16]`` or ``[m, 16, 256]``, counts models. The shape
alone tells the two ways round apart, but not an encoder from a decoder, which is as large and lies
the other way. So where several tensors have such a shape, the one that is *named* encoder is
meant; else the one that is not named decoder; and if that leaves several, the person is asked.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from metanet_lib.store import read_tensors
from metanet_lib.zoo import CODES, INPUTS

SUFFIXES = (".safetensors", ".npy", ".pt", ".pth")
"""The files that can be read."""

_EXPECTED = f"an encoder [{INPUTS}, {CODES}] or [{CODES}, {INPUTS}], or several [m, ...]"
_MOST_NAMES = 20  # in one message


@dataclass(frozen=True)
class ForeignModels:
    """Models read from a file.

    Attributes
    ----------
    path
        The file.
    tensor
        Name of the tensor in it; empty in a file that holds one without a name.
    shape
        Shape of that tensor, as it is in the file.
    indices
        Place of each model in the tensor, ``[m]``; 0 for a single one.
    encoders
        The models, float32 ``[m, 256, 16]``, finite, no filter all zero.

    Examples
    --------
    >>> np.save(folder / "my.npy", encoders)
    >>> read_models(folder / "my.npy", indices=[3]).indices.tolist()
    [3]
    """

    path: Path
    tensor: str
    shape: tuple[int, ...]
    indices: np.ndarray
    encoders: np.ndarray


def read_models(
    path: Path | str, tensor: str | None = None, indices: Sequence[int] = ()
) -> ForeignModels:
    """Read models from a file, 256x16 each.

    Parameters
    ----------
    path
        The file, see :data:`SUFFIXES`.
    tensor
        Name of the tensor that holds the encoders, where the file leaves a doubt.
    indices
        Which models of a file of many, counted from 0; all if empty.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is of another kind, cut short or a pickle; if no tensor of it, or more than one,
        can be the encoder; if the weights are no floating-point numbers, not finite, or leave a
        filter all zero; or if an index is out of range. The message says what to do.

    Examples
    --------
    >>> np.save(folder / "turned.npy", encoders[0].T)
    >>> models = read_models(folder / "turned.npy")
    >>> models.shape, models.encoders.shape
    ((16, 256), (1, 256, 16))
    """
    path = Path(path)
    tensors = _tensors(path)
    name = _choose(path, tensors, tensor)
    stored = tensors[name]
    shape = tuple(stored.shape)
    models = stored if len(shape) == 3 else stored[None]
    chosen = list(indices) or list(range(len(models)))
    outside = [i for i in chosen if not 0 <= i < len(models)]
    if outside:
        raise ValueError(
            f"{path}: expected an index in 0..{len(models) - 1}, for it holds {len(models)} "
            f"models; found {outside[0]}"
        )
    encoders = _floats(path, models[chosen])
    if shape[-1] == INPUTS:
        encoders = np.ascontiguousarray(encoders.transpose(0, 2, 1))
    _check_weights(path, encoders, chosen)
    return ForeignModels(path, name, shape, np.array(chosen), encoders)


# --- Files to tensors -------------------------------------------------------------------------


def _tensors(path: Path) -> Mapping[str, Tensor | np.ndarray]:
    """Return all tensors of a file by name."""
    absent = "no such file; expected one that holds an encoder"
    if path.is_dir():
        raise ValueError(f"{path}: expected a file, found a folder; name the files in it")
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"{path}: expected {', '.join(SUFFIXES)}, found {path.suffix or 'no suffix'}; save the "
            "weights with safetensors.torch.save_file or numpy.save. A pickle is never opened: it "
            "can run code"
        )
    if path.suffix == ".safetensors":
        return read_tensors(path, absent)[1]
    if not path.is_file():
        raise FileNotFoundError(f"{path}: {absent}")
    return {"": _array(path)} if path.suffix == ".npy" else _state_dict(path)


def _array(path: Path) -> np.ndarray:
    try:
        # Mapped into memory, so that a header that promises more than is there is found out first.
        return np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError) as error:
        raise ValueError(
            f"{path}: expected an array of numbers as numpy.save writes it, found a file that is "
            f"cut short, of objects (a pickle, which is never opened) or of another kind ({error})"
        ) from error


def _state_dict(path: Path) -> dict[str, Tensor]:
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of whatever kind: what the file holds decides
        raise ValueError(
            f"{path}: expected a PyTorch state_dict, found a file that is cut short or holds more "
            "than tensors, which is not opened: a pickle can run code. Save it anew with "
            "torch.save(model.state_dict(), path), or with safetensors.torch.save_file"
        ) from error
    tensors = dict(_flat(stored))
    if not tensors:
        kind = type(stored).__name__
        raise ValueError(f"{path}: expected a state_dict, found no tensor by name ({kind})")
    return tensors


def _flat(stored: object, name: str = "") -> list[tuple[str, Tensor]]:
    """Return the tensors of nested dictionaries, their names joined by dots."""
    if isinstance(stored, Tensor):
        return [(name, stored)]
    parts = stored.items() if isinstance(stored, Mapping) else ()
    return [found for key, value in parts for found in _flat(value, f"{name}.{key}".lstrip("."))]


# --- Which tensor, and is it sound? -----------------------------------------------------------


def _choose(path: Path, tensors: Mapping[str, Tensor | np.ndarray], wanted: str | None) -> str:
    """Return the name of the tensor that holds the encoders."""
    fitting = [name for name, stored in tensors.items() if _fits(tuple(stored.shape))]
    if wanted is not None:
        if wanted not in tensors:
            raise ValueError(f"{path}: no tensor {wanted!r}; found {_listed(tensors, tensors)}")
        if wanted not in fitting:
            raise ValueError(f"{path}: expected {_EXPECTED}, found {_listed([wanted], tensors)}")
        return wanted
    if not fitting:
        flat = any(
            stored.shape and stored.shape[-1] == INPUTS * CODES for stored in tensors.values()
        )
        hint = "; 4096 numbers in a row may lie either way: reshape them" if flat else ""
        raise ValueError(f"{path}: expected {_EXPECTED}, found {_listed(tensors, tensors)}{hint}")
    likely = [name for name in fitting if _is_named("encoder", name)] or [
        name for name in fitting if not _is_named("decoder", name)
    ]
    if len(likely) != 1:
        raise ValueError(
            f"{path}: expected one tensor that can be the encoder, found "
            f"{_listed(likely or fitting, tensors)}; name it with --tensor (tensor= in Python)"
        )
    return likely[0]


def _fits(shape: tuple[int, ...]) -> bool:
    two_ways = ((INPUTS, CODES), (CODES, INPUTS))
    return shape in two_ways or (len(shape) == 3 and shape[1:] in two_ways and shape[0] > 0)


def _is_named(word: str, name: str) -> bool:
    """Return whether a word is a part of a tensor's name: ``encoder`` is of ``encoder.weight``."""
    return word in re.split(r"[^a-z]+", name.lower())


def _listed(names: Sequence[str] | Mapping[str, object], tensors: Mapping[str, object]) -> str:
    """Return tensors with their shapes, as a message says them."""
    said = [f"{n} {list(tensors[n].shape)}".lstrip() for n in names]  # type: ignore[attr-defined]
    more = f" and {len(said) - _MOST_NAMES} more" if len(said) > _MOST_NAMES else ""
    return (", ".join(said[:_MOST_NAMES]) or "no tensor") + more


def _floats(path: Path, models: Tensor | np.ndarray) -> np.ndarray:
    """Return models as float32; what is too large for it becomes infinite."""
    if isinstance(models, Tensor):
        if models.is_floating_point() and models.layout == torch.strided:
            return models.detach().to(torch.float32).numpy()
    elif models.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return np.asarray(models, np.float32)
    raise ValueError(f"{path}: expected floating-point weights, found {models.dtype}")


def _check_weights(path: Path, encoders: np.ndarray, indices: Sequence[int]) -> None:
    for i, encoder in zip(indices, encoders, strict=True):
        which = f"{path}: " if len(encoders) == 1 else f"{path}, model {i}: "
        others = "" if len(encoders) == 1 else "; --index reads other models of this file alone"
        bad = int((~np.isfinite(encoder)).sum())
        if bad:
            raise ValueError(
                f"{which}expected {encoder.size:,} finite weights (float32), found {bad:,} that "
                f"are NaN or infinite; did its training diverge?{others}"
            )
        empty = np.flatnonzero((encoder == 0).all(0)).tolist()
        if empty:
            raise ValueError(
                f"{which}expected {CODES} filters with weights, found filters {empty} all zero; a "
                f"model that was pruned or never trained cannot be interpreted{others}"
            )
