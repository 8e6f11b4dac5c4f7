"""What a vocabulary is: all commands and events of one system, and which service consumes which, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from counterfoil.contract.record import Command, Event

Subscriptions = Mapping[str, Mapping[str, tuple[type[Event], ...]]]
"""For each service and source service, the events that it consumes: each one, in order, exactly once."""


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """By name and version on the wire the `commands`, by name the `events`; `service_of`: who decides a command."""

    commands: Mapping[tuple[str, int], type[Command]]
    service_of: Mapping[type[Command], str]
    events: Mapping[str, type[Event]]
