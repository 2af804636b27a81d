"""The section [mediator] of a run file, or several sections [[mediator]]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nuprop.errors import ConfigError
from nuprop.runfile.sections import build, choose, pop, table

#: Class and class method of each model of a mediator; None is the class itself.
MODELS = {
    "lmu-ltau": ("ZPrime", "lmu_ltau"),
    "le-lmu": ("ZPrime", "le_lmu"),
    "le-ltau": ("ZPrime", "le_ltau"),
    "b-minus-l": ("ZPrime", "b_minus_l"),
    "universal": ("ZPrime", "universal"),
    "single-flavor": ("ZPrime", "single_flavor"),
    "matrix": ("ZPrime", None),
    "scalar-universal": ("Scalar", "universal"),
    "scalar-single-flavor": ("Scalar", "single_flavor"),
    "scalar-diagonal": ("Scalar", "diagonal"),
    "scalar-matrix": ("Scalar", None),
}


def factory(model: str) -> Callable[..., Any]:
    """Give what builds a mediator of a model of `MODELS`: its arguments are the keys."""
    import nuprop

    kind, method = MODELS[model]
    cls: Callable[..., Any] = getattr(nuprop, kind)
    return cls if method is None else getattr(cls, method)


def mediators(content: Any) -> Any:
    """Build the mediator of a section [mediator], or a tuple of those of sections [[mediator]].

    Raises
    ------
    ConfigError
        Names the section, the key, its value, and what is allowed.
    """
    if not isinstance(content, list):
        return _mediator("mediator", content)
    if not content:
        raise ConfigError("mediator = []: a section with keys is needed")
    if len(content) == 1:
        return _mediator("mediator", content[0])
    return tuple(_mediator(f"mediator {n}", each) for n, each in enumerate(content, start=1))


def _mediator(section: str, content: Any) -> Any:
    values = table(section, content)
    model = pop(section, values, "model")
    choose(section, "model", model, MODELS)
    return build(section, factory(model), values)
