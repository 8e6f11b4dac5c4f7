"""One interface to drive a market on virtual time: services in this process, or behind a gateway (`http_system`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from counterfoil.bootstrap.embedded import Embedded
from counterfoil.catalogue import VIEWS
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Refusal
from counterfoil.ports import Clock, Row, View
from counterfoil.runtime.clock import VirtualClock
from counterfoil.runtime.receipts import Recorded

Answer = Entry | Refusal
"""A command's entry, proven by a receipt; or the refusal of a command that got no entry."""
VIEW_BY_NAME: Final[dict[str, View]] = {view.name: view for view in VIEWS}
_PAGE: Final = 500


class DrivenClock(Clock, Protocol):
    """Virtual time that only its owner moves."""

    def advance_to(self, time_us: int) -> None:
        """Move to a later time, microseconds; never back."""


class System(Protocol):
    """A market's services, the clock that all of them read, and their views."""

    @property
    def clock(self) -> DrivenClock:
        """The clock."""

    def origin(self, service: str) -> str:
        """The log that a service's commands are addressed to."""

    def submit(self, envelope: bytes) -> Callable[[], Answer]:
        """Send a command, and return a function that gives its answer once `settle` has returned.

        Commands to one service are decided in the order sent. Raises `Refused` if it is refused before it reaches an
        inbox.
        """

    def settle(self) -> None:
        """Let the services work until nothing is left to do at the current time of the clock."""

    def next_due(self) -> int | None:
        """When the next timer is due, None if there is none; call it after `settle`."""

    def rows(self, view: str, **filters: str) -> Iterator[Row]:
        """All rows of a view in its order, no older than the last `settle`."""

    def row(self, view: str, *key: str) -> Row:
        """The row with this key; raises KeyError."""


class EmbeddedSystem:
    """Every service in this process, stepped in one thread."""

    def __init__(self, embedded: Embedded, clock: VirtualClock) -> None:
        """`clock`: the one that `embedded` reads."""
        self.embedded, self.clock = embedded, clock

    def origin(self, service: str) -> str:
        """As in `System`."""
        return self.embedded.instance.origin(LogId(service))

    def submit(self, envelope: bytes) -> Callable[[], Answer]:
        """As in `System`."""
        future = self.embedded.submit(envelope)

        def answer() -> Answer:
            found = future.result(timeout=0)
            return found.entry if isinstance(found, Recorded) else found

        return answer

    def settle(self) -> None:
        """As in `System`."""
        self.embedded.settle()

    def next_due(self) -> int | None:
        """As in `System`."""
        due = [runner.next_due() for runner in self.embedded.runners.values()]
        return min((each for each in due if each is not None), default=None)

    def rows(self, view: str, **filters: str) -> Iterator[Row]:
        """As in `System`."""
        after: tuple[object, ...] | None = None
        while page := self.embedded.views.page(view, filters, after, _PAGE):
            yield from page
            after = VIEW_BY_NAME[view].place_of(page[-1])

    def row(self, view: str, *key: str) -> Row:
        """As in `System`."""
        found = self.embedded.views.get(view, key)
        if found is None:
            raise KeyError(key)
        return found
