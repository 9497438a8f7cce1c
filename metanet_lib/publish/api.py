"""The list of the library: every public name of the library, as the book lists it.

A name is *public* if it is a function or a class with a docstring, has no leading underscore, and
is defined in a module of the library, in a room of :data:`ROOMS`. The commands of ``metanet``
are not listed: ``metanet --help`` tells them. What a page says comes from the docstrings, read by
Sphinx (autodoc, napoleon); here stands only which modules there are, and on which page.
"""

import inspect
from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOMS: dict[str, tuple[str, ...]] = {
    "ground": ("catalog", "parameters", "store", "workers", "provenance"),
    "data": ("data",),
    "zoo": ("zoo",),
    "metanetwork": ("metanetwork",),
    "representations": ("representations",),
    "interpret": ("interpret",),
    "experiments": ("experiments",),
    "figures": ("figures",),
    "publish": ("publish",),
}
"""The modules of each room of the library, from the ground up; ``book/api`` has a page for each.

A room imports only from rooms before it.
"""


def modules(layer: str) -> list[ModuleType]:
    """Return the modules of a layer that define public names, by name.

    Examples
    --------
    >>> [module.__name__ for module in modules("catalog")]
    ['metanet_lib.catalog']
    """
    base = Path(__file__).parents[1]
    files = sorted((base / layer).rglob("*.py")) or [base / f"{layer}.py"]
    names = [".".join(f.relative_to(base.parent).with_suffix("").parts) for f in files]
    found = [import_module(name.removesuffix(".__init__")) for name in names]
    return [module for module in found if public(module)]


def public(module: ModuleType) -> dict[str, object]:
    """Return the public functions and classes that a module defines, by name.

    Examples
    --------
    >>> sorted(public(modules("catalog")[0]))
    ['Dataset', 'dataset', 'modalities']
    """
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isroutine(inspect.unwrap(value)))
        and getattr(value, "__module__", None) == module.__name__
        and inspect.getdoc(value)
    }


def listing(layers: tuple[str, ...]) -> str:
    """Return Markdown that lists the modules of some layers, with a heading each.

    Examples
    --------
    >>> print(listing(("catalog",)).splitlines()[0])
    ## `catalog`
    """
    return "\n".join(
        f"## `{module.__name__.removeprefix('metanet_lib.')}`\n\n"
        f"```{{eval-rst}}\n.. automodule:: {module.__name__}\n   :members:\n```\n"
        for layer in layers
        for module in modules(layer)
    )
