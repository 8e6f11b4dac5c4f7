"""What a service declares of itself, in one place of its own folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from counterfoil.contract.record import Event
from counterfoil.core.decider import At, Decider
from counterfoil.ports import Change, View

Reducers = Mapping[type[Event], Callable[[Any, At], Iterable[Change]]]
"""Event of a service's log -> (event, its place and time) -> the changes it makes to the views."""


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """A service: what it decides and consumes (`decider`), and the views that its log is projected into."""

    decider: Decider[Any]
    views: tuple[View, ...]
    reducers: Reducers

    @property
    def name(self) -> str:
        """The service's name, as in its origin."""
        return self.decider.service
