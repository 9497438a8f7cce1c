"""The metanetworks of a run in a safetensors file: every seed, with its parameters and curves."""

import json
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save_file

from metanet_lib import __version__
from metanet_lib.metanetwork.autoencoders import MetaAutoencoder, MetanetworkParameters
from metanet_lib.metanetwork.training import Metanetwork
from metanet_lib.store import read_tensors, write_atomically


def save(metanetworks: Sequence[Metanetwork], path: Path | str) -> None:
    """Write trained metanetworks, all of the same parameters, to one safetensors file.

    Examples
    --------
    >>> save([metanetwork], folder / "metanetwork.safetensors")
    >>> load(folder / "metanetwork.safetensors")[0].loss == metanetwork.loss
    True
    """
    tensors = {
        f"{n.seed}.{name}": tensor.contiguous()
        for n in metanetworks
        for name, tensor in n.model.state_dict().items()
    }
    header = {
        "metanetwork": json.dumps(metanetworks[0].model.parameters_.as_dict()),
        "library_version": __version__,
        "seeds": json.dumps(
            [
                {
                    "seed": n.seed,
                    "loss": n.loss,
                    "unitwise_curve": n.unitwise_curve,
                    "interunit_curve": n.interunit_curve,
                }
                for n in metanetworks
            ]
        ),
    }
    with write_atomically(path) as temporary:
        save_file(tensors, temporary, header)


def load(path: Path | str) -> list[Metanetwork]:
    """Read the metanetworks of a file written by :func:`save`.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If the file is damaged or of another kind.

    Examples
    --------
    >>> save([metanetwork], folder / "metanetwork.safetensors")
    >>> (again,) = load(folder / "metanetwork.safetensors")
    >>> (again.embed(encoders) == metanetwork.embed(encoders)).all()
    np.True_
    """
    absent = "no such file; chapter 03_meta_autoencoder makes it"
    header, tensors = read_tensors(Path(path), absent)
    if "metanetwork" not in header or "seeds" not in header:
        raise ValueError(f"{path}: holds no metanetwork; chapter 03_meta_autoencoder makes it")
    parameters = MetanetworkParameters.of(json.loads(header["metanetwork"]))
    loaded = []
    for entry in json.loads(header["seeds"]):
        model = MetaAutoencoder(parameters).eval()
        prefix = f"{entry['seed']}."
        model.load_state_dict(
            {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
        )
        loaded.append(
            Metanetwork(
                entry["seed"],
                model,
                tuple(entry["unitwise_curve"]),
                tuple(entry["interunit_curve"]),
                entry["loss"],
            )
        )
    return loaded
