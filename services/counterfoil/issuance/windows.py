"""Windows in issuance's state: applications that are taken for some days, and decided together when these are over.

A window is open until its issuer closes it. Then a timer assesses its applications, if their amounts depend on each
other, and decides one an entry, in an order that nobody can change any more. A window that is settled is in the log
and the views, and no longer here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from counterfoil.core.at import At
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.form import AMOUNT, COUNT, OCTETS, TEXT, TEXTS, TIME, Form, one_of, optional, row
from counterfoil.core.table import Records, Table
from counterfoil.issuance.applying import Applications
from counterfoil.issuance.events import (
    ApplicationDecided,
    ApplicationSubmitted,
    WindowAssessed,
    WindowClosed,
    WindowOpened,
)
from counterfoil.programme.rules import Rules
from counterfoil.programme.sharing import Asked, allocate, chained, order_of

Phase = Literal["open", "assessing", "deciding"]


@dataclass(slots=True)
class Window:
    """A window whose applications are not all decided. Days are local to its programme, both included.

    `version`, `document_id`, `rules_hash`: what it was opened under, and is decided by. `chain`: of its applications.
    `day`: as on which day they are decided; `ordered`: how many took part when it was closed; `exhausted`: the
    envelopes from which nobody later in the order gets anything. `approved` to `granted`: so far.
    """

    programme_id: str
    version: int
    document_id: str
    rules_hash: bytes
    opens: int
    closes: int
    commitment: bytes | None
    phase: Phase = "open"
    chain: bytes = bytes(32)
    closed_at: int = 0
    entry: int = 0
    day: int = 0
    draw: bytes | None = None
    exhausted: tuple[str, ...] = ()
    ordered: int = 0
    approved: int = 0
    waitlisted: int = 0
    rejected: int = 0
    granted: int = 0

    @property
    def decided(self) -> int:
        """How many of its applications are decided."""
        return self.approved + self.waitlisted + self.rejected


WINDOW: Final = Form(
    "window",
    ("window_id",),
    row(
        Window, programme_id=TEXT, version=COUNT, document_id=TEXT, rules_hash=OCTETS, opens=COUNT, closes=COUNT,
        commitment=optional(OCTETS), phase=one_of("open", "assessing", "deciding"), chain=OCTETS,
        closed_at=TIME, entry=COUNT, day=COUNT, draw=optional(OCTETS), exhausted=TEXTS,
        ordered=COUNT, approved=COUNT, waitlisted=COUNT, rejected=COUNT, granted=AMOUNT,
    ),
    "a window whose applications are not all decided; `ordered`: how many of them took part when it was closed",
)  # fmt: skip


class Windows:
    """The windows of a state. `works`: whether the timer may work on a window."""

    __slots__ = ("_works", "by_programme", "due", "open", "orders")

    def __init__(self, works: Callable[[str], bool]) -> None:
        self._works = works
        self.open: Table[str, Window] = Table(WINDOW)
        self.by_programme: dict[str, dict[str, None]] = {}
        self.orders: dict[str, list[str]] = {}  # by window, the applications that come next, the first of them last
        self.due = Deadlines(works)

    def tables(self) -> tuple[Records, ...]:
        """What is state."""
        return (self.open,)

    def taking(self, programme_id: str, day: int) -> str | None:
        """The window of a programme that takes applications on a local day."""
        mine = ((each, self.open[each]) for each in self.by_programme.get(programme_id, ()))
        return next((each for each, one in mine if one.phase == "open" and one.opens <= day <= one.closes), None)

    # what follows from the tables -------------------------------------------------------------------------------------

    def arrange(self, window_id: str, rules: Rules, applications: Applications) -> None:
        """Put the applications of a closed window in order; those that were not corrected come last."""
        window, held = self.open[window_id], applications.in_window.get(window_id, {})
        order = [each.id for each in order_of(rules, asked_of(window_id, applications), window.draw or b"")]
        if window.phase == "assessing":
            order = [each for each in order if applications.open[each].asked is None]
        else:
            order += sorted(each for each in held if applications.open[each].status == "returned")
        self.orders[window_id] = order[::-1]

    def index(self, window_id: str) -> None:
        """Know a window by its programme, and that the timer is to work on it."""
        window = self.open[window_id]
        self.by_programme.setdefault(window.programme_id, {})[window_id] = None
        if self._works(window_id):
            self.due.add(window.closed_at, window.entry, 0, window_id)

    def reset(self) -> None:
        """Forget what is not in the tables."""
        self.by_programme, self.orders, self.due = {}, {}, Deadlines(self._works)

    # what events do ---------------------------------------------------------------------------------------------------

    def opened(self, each: WindowOpened) -> None:
        """Keep a window."""
        self.open[each.window_id] = Window(
            each.programme_id, each.version, each.document_id, each.rules_hash, each.opens, each.closes, each.commitment
        )
        self.index(each.window_id)

    def submitted(self, event: ApplicationSubmitted, at: At) -> None:
        """Chain an application to those before."""
        if event.window_id is not None and not event.corrects:
            window = self.open.edit(event.window_id)
            window.chain = chained(window.chain, event.application_id, at.time)

    def closed(self, event: WindowClosed, at: At, *, assess: bool) -> None:
        """Let the timer work on a window."""
        window = self.open.edit(event.window_id)
        window.phase = "assessing" if assess else "deciding"
        window.closed_at, window.entry, window.day, window.draw = at.time, at.index, event.day, event.draw
        window.ordered = event.applications
        self.index(event.window_id)

    def assessed(self, event: WindowAssessed) -> None:
        """Let all of them be decided."""
        self.open.edit(event.window_id).phase = "deciding"

    def decided(self, event: ApplicationDecided) -> None:
        """Count a decision of a window's."""
        window = self.open.edit(event.window_id or "")
        setattr(window, event.decision, getattr(window, event.decision) + 1)
        window.exhausted = (*window.exhausted, *event.exhausted)
        if event.decision == "approved":
            window.granted += event.subsidy

    def passed(self, window_id: str | None, application_id: str) -> None:
        """Take an application out of the order: it does not wait for its turn any more."""
        order = self.orders.get(window_id or "", [])
        if order and order[-1] == application_id:  # as a rule
            order.pop()
        elif application_id in order:
            order.remove(application_id)

    def settled(self, window_id: str) -> None:
        """Forget a window."""
        programme_id = self.open.pop(window_id).programme_id
        del self.by_programme[programme_id][window_id], self.orders[window_id]
        if not self.by_programme[programme_id]:
            del self.by_programme[programme_id]
        self.due.ended()


def asked_of(window_id: str, applications: Applications) -> list[Asked]:
    """The applications of a window that take part, by their place in time."""
    held = [(each, applications.open[each]) for each in applications.in_window.get(window_id, ())]
    taking = sorted((one.place, each) for each, one in held if one.status != "returned")
    return [
        Asked(
            each,
            sum(part.amount for part in applications.open[each].asked or ()),
            place,
            applications.open[each].points,
        )
        for place, (_, each) in enumerate(taking)
    ]


def shares_of(
    window_id: str, rules: Rules, left: Mapping[str, int], applications: Applications
) -> Iterator[tuple[str, int]]:
    """What each application gets: of several envelopes, as little as the one that has the least for it."""
    asked = asked_of(window_id, applications)
    parts = {each.id: dict(applications.open[each.id].asked or ()) for each in asked}
    given: dict[str, dict[str, int]] = {each.id: {} for each in asked}
    for envelope, amount in left.items():
        of_one = [each._replace(amount=parts[each.id][envelope]) for each in asked if envelope in parts[each.id]]
        for one in allocate(rules, of_one, amount):
            given[one.id][envelope] = one.amount
    for each in asked:
        of_each = (each.amount * given[each.id][name] // part for name, part in parts[each.id].items() if part)
        yield each.id, min(of_each, default=0)
