"""The kinds of data that cross a boundary: frozen, slotted, keyword-only records, closed to new members.

A `record` is a value inside others. A `command` is what a party may ask for, an `event` is what was decided. Each
states its name on the wire where it is defined, and nowhere else.

Records are msgspec's structs: made and read several times faster than dataclasses. `dataclasses.fields` and `replace`
work for them all the same.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, ClassVar, Final, NamedTuple, Optional, TypeVar, cast, dataclass_transform, get_type_hints

import msgspec

from counterfoil.contract.scalars import Role
from counterfoil.contract.wire import wire_type

T = TypeVar("T")
C = TypeVar("C", bound="Command")
E = TypeVar("E", bound="Event")
ANY: Final[tuple[Role, ...]] = ()
"""Whatever its roles are, a party may give the command."""
_FIELDS: Final = "__dataclass_fields__"
"""Where the standard library looks for the members of a dataclass."""
_NOT_ITS_OWN = ("__annotations__", "__dict__", "__weakref__")  # of what a class statement puts into a class


class Command:
    """Base of the command bodies.

    `TYPE` and `V` are the command's name and version on the wire. Its actor needs one of `ROLES`; where there are none,
    any party may give it, and the decider judges by the object itself. `RECOVERY`: a recovery key signs it, and no
    other key does. `EXIT`: a party that is closed or suspended may still give it, since what it owes and is owed runs
    off.
    """

    __slots__ = ()
    TYPE: ClassVar[str]
    V: ClassVar[int]
    ROLES: ClassVar[tuple[Role, ...]]
    RECOVERY: ClassVar[bool]
    EXIT: ClassVar[bool]


class Event:
    """Base of the events. `TYPE` is the event's versioned name on the wire."""

    __slots__ = ()
    TYPE: ClassVar[str]


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, slotted, keyword-only record whose JSON form forbids members it does not name."""
    return _make(cls, {}, {})


@dataclass_transform(frozen_default=True, kw_only_default=True)
def command(
    name: str, *, role: Role | tuple[Role, ...], version: int = 1, recovery: bool = False, exits: bool = False
) -> Callable[[type[C]], type[C]]:
    """Make a class the record of a command body. `role`: one, several, or `ANY`."""
    roles = (role,) if isinstance(role, str) else role
    names = {"TYPE": name, "V": version, "ROLES": roles, "RECOVERY": recovery, "EXIT": exits}

    def make(cls: type[C]) -> type[C]:
        return _make(cls, names, {})

    return make


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event(name: str) -> Callable[[type[E]], type[E]]:
    """Make a class the record of an event; `name` ends in its version, as in ``bid.received.v1``."""

    def make(cls: type[E]) -> type[E]:
        return _make(cls, {"TYPE": name}, {"tag_field": "type", "tag": name})

    return make


def annotations_of(kind: type) -> dict[str, Any]:
    """The members of a record, and the type that each was declared with."""
    return dict(kind.MEMBERS)  # type: ignore[attr-defined]


def shape_of(kind: type) -> type:
    """The members of a record as a dataclass without methods: for pydantic, which knows no structs."""
    return cast(type, kind.SHAPE)  # type: ignore[attr-defined]


def _make(cls: type[T], names: dict[str, Any], tag: dict[str, str]) -> type[T]:
    own = {name: value for name, value in vars(cls).items() if name not in _NOT_ITS_OWN}
    declared = _members(cls)
    hints = {name: each.type for name, each in declared.items()}
    members = [(name, each.wire) for name, each in declared.items()]
    pydantic = classmethod(lambda kind, _source, handler: handler.generate_schema(kind.SHAPE))
    shapes = {
        "SHAPE": _Shaped(cls, lambda shape: shape),
        "__dataclass_fields__": _Shaped(cls, attrgetter("__dataclass_fields__")),
    }
    own |= {"MEMBERS": hints, "__get_pydantic_core_schema__": pydantic, **shapes, **names}
    closed: dict[str, Any] = {"frozen": True, "kw_only": True, "forbid_unknown_fields": True, **tag}
    # No record can be part of a cycle, so the garbage collector need not look at any.
    bases = (*(base for base in cls.__bases__ if base is not object), msgspec.Struct)
    made = msgspec.defstruct(cls.__name__, members, bases=bases, namespace=own, gc=False, **closed)
    return cast(type[T], made)


class _Member(NamedTuple):
    """The type that a member was declared with, and the one that it is read by."""

    type: Any
    wire: Any


def _members(cls: type) -> dict[str, _Member]:
    """The members of a class and its bases, without class variables; most texts of a module occur many times."""
    return {
        name: _evaluated(base.__module__, text)
        for base in reversed(cls.__mro__)
        for name, text in vars(base).get("__annotations__", {}).items()
        if not text.startswith("ClassVar[")
    }


@cache
def _evaluated(module: str, text: str) -> _Member:
    """Of a text that its module annotates with."""
    names = vars(sys.modules[module])
    found = _looked_up(text, names)
    if found is None:
        holder = SimpleNamespace(__annotations__={"it": text})
        found = get_type_hints(holder, names, include_extras=True)["it"]
    return _Member(found, wire_type(found))


def _looked_up(text: str, names: Mapping[str, Any]) -> Any:
    """What evaluating a text gives, several times faster: a name, perhaps or None, or a tuple of such; else None."""
    if text.endswith(" | None"):
        one = _looked_up(text.removesuffix(" | None"), names)
        return None if one is None else Optional[one]  # noqa: UP045 made from a value
    if text.startswith("tuple[") and text.endswith(", ...]"):
        one = _looked_up(text.removeprefix("tuple[").removesuffix(", ...]"), names)
        return None if one is None else tuple[one, ...]  # type: ignore[valid-type]
    found = names.get(text, getattr(builtins, text, None))
    return None if isinstance(found, str) else found  # of a text that stands for a type, the type is wanted


class _Shaped:
    """An attribute of a record that is made when it is first asked for, of its members as a dataclass.

    Only pydantic and `dataclasses.fields` ask, and to make it takes longer than to make the record.
    """

    def __init__(self, cls: type, made_of: Callable[[type], Any] = lambda shape: shape) -> None:
        self._cls, self._made_of = cls, made_of

    def __get__(self, _record: object, _kind: type) -> Any:
        return self._made_of(_shape(self._cls))


@cache
def _shape(cls: type) -> type:
    shape: Any = dataclass(init=False, repr=False, eq=False, match_args=False, kw_only=True)(cls)  # nobody makes one
    shape.__pydantic_config__ = {"extra": "forbid"}
    return cast(type, shape)
