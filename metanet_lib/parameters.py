"""Decisions: the parameters of a run, each with its default and its reason.

What the paper leaves open is a *decision*. Every decision is a field of one of the parameter
classes (``PatchParameters``, ``ZooParameters``, ...), declared with :func:`decision`, so that its
default, its meaning and its reason stand in one place; the book's table of decisions is made from
them. The defaults are the paper's values; a *profile* (``profiles/*.yaml``) has one section for
each class and names every field.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

# How a profile writes a value of each of these types.
_KINDS: dict[Any, tuple[tuple[type, ...], str]] = {
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    bool: ((bool,), "true or false"),
    str: ((str,), "a word"),
}


def decision(default: Any, what: str, why: str) -> Any:
    """Declare a parameter: its default, what it means (with units), and why it is so.

    ``why`` cites the paper's section where the paper says it, and begins with ``open:`` where the
    paper leaves it to us.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Tea(Parameters):
    ...     minutes: float = decision(3.0, "minutes that it draws", "open: as the packet says")
    >>> fields(Tea)[0].metadata["why"]
    'open: as the packet says'
    """
    told = {"what": what, "why": why}
    if isinstance(default, dict):  # each its own
        return field(default_factory=default.copy, metadata=told)
    return field(default=default, metadata=told)


@dataclass(frozen=True)
class Parameters:
    """Base of the parameter classes: strict about names and types, and able to explain itself.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Tea(Parameters):
    ...     minutes: float = decision(3.0, "minutes that it draws", "open: as the packet says")
    >>> Tea.of({"minutes": 5.0}).as_dict()
    {'minutes': 5.0}
    >>> Tea.of({"sugar": 2})
    Traceback (most recent call last):
    ValueError: Tea has no parameter sugar; it has minutes
    """

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Build the parameters from one section of a profile.

        Raises
        ------
        ValueError
            If a name is unknown or a value has the wrong type or range.
        """
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(
                f"{cls.__name__} has no parameter {', '.join(unknown)}; it has {', '.join(known)}"
            )
        for f in fields(cls):
            kinds, expected = _KINDS.get(f.type, ((), ""))
            if kinds and f.name in values and type(values[f.name]) not in kinds:
                raise ValueError(
                    f"{cls.__name__}.{f.name} must be {expected}, got {values[f.name]!r}"
                )
        return cls(**{n: tuple(v) if isinstance(v, list) else v for n, v in values.items()})

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters as plain values (tuples as lists), as a profile writes them."""
        return {n: list(v) if isinstance(v, tuple) else v for n, v in asdict(self).items()}

    def require(self, ok: bool, name: str, expected: str) -> None:
        """Raise a ``ValueError`` that names the parameter unless ``ok``."""
        if not ok:
            raise ValueError(
                f"{type(self).__name__}.{name} must be {expected}, got {getattr(self, name)!r}"
            )

    def require_positive(self, *names: str) -> None:
        """Require that each named parameter is a positive number."""
        for name in names:
            value = getattr(self, name)
            ok = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
            self.require(ok, name, "a positive number")

    def require_betas(self, name: str) -> None:
        """Require that the named parameter is the pair of Adam's decays."""
        value = getattr(self, name)
        ok = isinstance(value, tuple) and len(value) == 2 and all(0 <= b < 1 for b in value)
        self.require(ok, name, "two numbers from 0 to below 1")

    def require_one_of(self, name: str, *choices: Any) -> None:
        """Require that the named parameter is one of the choices."""
        self.require(
            getattr(self, name) in choices, name, f"one of {', '.join(map(repr, choices))}"
        )
