"""Frozen values: the standard `@dataclass(frozen=True, slots=True)`, cheaper to make.

    from connector.frozen import dataclass

    @dataclass(frozen=True, slots=True)
    class Line:
        sku: str
        quantity: int = 1

The standard decorator compiles seven functions for every class. Some seventy classes exist by the time a
configuration is checked, and theirs was a tenth of the time that `connector validate` took. Here a class gets an
`__init__` of its own and shares the rest: it is made in a quarter of the time, and its values in two thirds
(`benchmarks/values.py`).

All else is as the standard has it: `field`, `fields`, `replace`, `asdict`, `match`, copying and pickling. There is no
`order`, no `kw_only` and no `InitVar`: a class that wants one of these takes the standard decorator.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, FrozenInstanceError, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NoReturn

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass  # type checkers know the standard one, which is what is promised
else:

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type], type]:
        """Return the decorator. Both arguments are true, and say what the class will be, as with the standard one."""
        if not (frozen and slots):
            raise TypeError("a class that is not frozen, or has no slots, takes the standard decorator")
        return _make


_LEFT_OUT: Final = object()
"""Stands for an argument whose default is made anew for each value."""


def _make(cls: Any) -> Any:
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    read = attrgetter(*(field.name for field in fields(made) if field.compare))

    def is_equal(self: Any, other: Any) -> Any:
        return read(self) == read(other) if other.__class__ is self.__class__ else NotImplemented

    def make_hash(self: Any) -> int:
        return hash(read(self))

    methods = {
        "__init__": _write_init(made),
        "__eq__": is_equal,
        "__hash__": make_hash,
        "__repr__": _show,
        "__setattr__": _refuse_to_set,
        "__delattr__": _refuse_to_delete,
        "__getstate__": _get_state,
        "__setstate__": _set_state,
    }
    for name, method in methods.items():
        if name not in cls.__dict__:
            setattr(made, name, method)
    return made


def _write_init(cls: Any) -> Any:
    """Return the `__init__` of a class, which puts values straight into the slots, past the refusal to set them."""
    scope: dict[str, Any] = {"__name__": cls.__module__, "_left_out": _LEFT_OUT}
    parameters, body = ["self"], ["pass"]
    for number, field in enumerate(fields(cls)):
        name, put, default = field.name, f"_put{number}", f"_default{number}"
        scope[put] = getattr(cls, name).__set__
        if field.default_factory is not MISSING:
            scope[default] = field.default_factory
            parameter, value = f"{name}=_left_out", f"{default}() if {name} is _left_out else {name}"
        elif field.default is not MISSING:
            scope[default] = field.default
            parameter, value = f"{name}={default}", name
        else:
            parameter = value = name
        if field.init:  # else `__post_init__` gives the value
            parameters.append(parameter)
            body.append(f"{put}(self, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}): {'; '.join(body)}", scope)  # noqa: S102 - as the standard does
    scope["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    return scope["__init__"]


def _show(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_to_set(self: Any, name: str, value: object) -> NoReturn:  # noqa: ARG001 - Python's signature
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> NoReturn:  # noqa: ARG001 - Python's signature
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
