"""What a vocabulary is: all commands and events of one system, and which service consumes which, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from counterfoil.contract.canonical import Refused
from counterfoil.contract.record import Command, Event
from counterfoil.contract.refusals import Code

Subscriptions = Mapping[str, Mapping[str, tuple[type[Event], ...]]]
"""For each service and source service, the events that it consumes: each one, in order, exactly once."""


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """By name and version on the wire the `commands`, by name the `events`; `service_of`: who decides a command."""

    commands: Mapping[tuple[str, int], type[Command]]
    service_of: Mapping[type[Command], str]
    events: Mapping[str, type[Event]]


def find_body(vocabulary: Vocabulary, kind: object, version: object, body: object) -> type:
    """The record of a command whose body is an object. Raises `Refused`."""
    known = isinstance(kind, str) and type(version) is int
    found = vocabulary.commands.get((kind, version)) if known else None  # type: ignore[arg-type]
    if found is None:
        raise Refused(Code.UNKNOWN_TYPE, type=str(kind)[:40], v=str(version)[:20])
    if not isinstance(body, dict):
        raise Refused(Code.MALFORMED, member="body", reason="not an object")
    return found
