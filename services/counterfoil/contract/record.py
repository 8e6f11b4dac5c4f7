"""The kinds of data that cross a boundary: frozen, slotted, keyword-only dataclasses, closed to new members.

A `record` is a value inside others. A `command` is what a party may ask for, an `event` is what was decided. Each
states its name on the wire where it is defined, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar, dataclass_transform

from counterfoil.contract.scalars import Role

T = TypeVar("T")
C = TypeVar("C", bound="Command")
E = TypeVar("E", bound="Event")


class Command:
    """Base of the command bodies.

    `TYPE` and `V` are the command's name and version on the wire. `ROLE` is the role that its actor needs; None where
    the decider judges by the object itself.
    """

    __slots__ = ()
    TYPE: ClassVar[str]
    V: ClassVar[int]
    ROLE: ClassVar[Role | None]


class Event:
    """Base of the events. `TYPE` is the event's versioned name on the wire."""

    __slots__ = ()
    TYPE: ClassVar[str]


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, slotted, keyword-only dataclass whose JSON form forbids members it does not name."""
    made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    made.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
    return made


@dataclass_transform(frozen_default=True, kw_only_default=True)
def command(name: str, *, role: Role | None, version: int = 1) -> Callable[[type[C]], type[C]]:
    """Make a class the record of a command body."""

    def make(cls: type[C]) -> type[C]:
        made = record(cls)
        made.TYPE, made.V, made.ROLE = name, version, role
        return made

    return make


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event(name: str) -> Callable[[type[E]], type[E]]:
    """Make a class the record of an event; `name` ends in its version, as in ``bid.received.v1``."""

    def make(cls: type[E]) -> type[E]:
        made = record(cls)
        made.TYPE = name
        return made

    return make
