"""The declaration of a service, which each service makes in its own folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ports import Change, View

if TYPE_CHECKING:
    from counterfoil.core.decider import Decider

Reducers = Mapping[type[Event], Callable[[Any, At], Iterable[Change]]]
"""By event type of a service's log, the reducer: (event, its place and time) -> the changes to the views."""


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """A service: what it decides and consumes (`decider`), and the views of its log."""

    decider: Decider[Any]
    views: tuple[View, ...]
    reducers: Reducers

    @property
    def name(self) -> str:
        """The service's name, as in its origin."""
        return self.decider.service
