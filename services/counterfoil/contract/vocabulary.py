"""All commands and events of one system, and which service consumes which, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from counterfoil.contract.record import Command, Event

Subscriptions = Mapping[str, Mapping[str, tuple[type[Event], ...]]]
"""For each service and source service, the events that it consumes: each one, in order, exactly once."""


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Made by the catalogue from what each service declares.

    `commands`: (name, version) on the wire -> the record. `service_of`: the service that decides a command. `events`:
    name on the wire -> the record.
    """

    commands: Mapping[tuple[str, int], type[Command]]
    service_of: Mapping[type[Command], str]
    events: Mapping[str, type[Event]]
    subscriptions: Subscriptions
