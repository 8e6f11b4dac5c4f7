"""Applications that are not decided, and facts, in issuance's state.

An application keeps its place, the entry of its first submission, when it is corrected. What was decided or withdrawn
is in the log and the views, and no longer here; nor are the facts about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from counterfoil.contract.applications import CapSet
from counterfoil.core.at import At
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.form import AMOUNT, COUNT, FLAG, TEXT, TEXTS, TIME, Form, event, listed, one_of, optional, row
from counterfoil.core.table import CountedTable, Records, Table
from counterfoil.issuance.events import (
    ApplicationAssessed,
    ApplicationCapped,
    ApplicationReviewed,
    ApplicationScored,
    ApplicationSubmitted,
    FactAttested,
)
from counterfoil.issuance.words import ApplicationStatus


class Review(NamedTuple):
    """A signature under a step of the review, by one version of the programme."""

    step: int
    version: int
    reviewer_id: str
    passes: bool


class Scored(NamedTuple):
    """What a reviewer thinks of an application, in millionths of a point."""

    reviewer_id: str
    points: int


class Part(NamedTuple):
    """An amount that is asked of an envelope, micro-units."""

    envelope: str
    amount: int


@dataclass(slots=True)
class Application:
    """An application: what it asks for, when and where it was first submitted, and what has become of it so far."""

    content: ApplicationSubmitted
    submitted_at: int
    entry: int
    item: int
    status: ApplicationStatus = "submitted"
    ready: bool = False
    reviews: tuple[Review, ...] = ()
    window_id: str | None = None
    scores: tuple[Scored, ...] = ()
    caps: tuple[CapSet, ...] = ()
    asked: tuple[Part, ...] | None = None
    """By its assessment in a window; none before."""
    review_by: int | None = None
    """When the step that is due is to be signed; none if no time is given, or it was overdue before."""
    share: int | None = None
    """What a division in proportion gives it, once all applications of its window were assessed."""

    @property
    def points(self) -> int:
        """The mean of its scores, in millionths of a point, rounded down."""
        return sum(each.points for each in self.scores) // len(self.scores) if self.scores else 0

    @property
    def place(self) -> tuple[int, int]:
        """Its place in time."""
        return self.entry, self.item


class Attested(NamedTuple):
    """What one party states: values as text, the day (of 1970) since when it is so, and where it is known from."""

    values: tuple[str, ...]
    on: int
    source: str


APPLICATION: Final = Form(
    "application",
    ("application_id",),
    row(
        Application, content=event(ApplicationSubmitted), submitted_at=TIME, entry=COUNT, item=COUNT,
        status=one_of("submitted", "returned", "waitlisted"), ready=FLAG,
        reviews=listed(row(Review, step=COUNT, version=COUNT, reviewer_id=TEXT, passes=FLAG)),
        window_id=optional(TEXT), scores=listed(row(Scored, reviewer_id=TEXT, points=COUNT)),
        caps=listed(row(CapSet, cap=TEXT, amount=AMOUNT)),
        asked=optional(listed(row(Part, envelope=TEXT, amount=AMOUNT))), share=optional(AMOUNT),
        review_by=optional(TIME),
    ),
    "an application that is not decided; `ready`: no review comes before its decision any more",
)  # fmt: skip
FACT: Final = Form(
    "fact",
    ("party_id", "application_id", "line", "name", "attested_by"),
    row(Attested, values=TEXTS, on=COUNT, source=TEXT),
    "what somebody states of a party; of one of its applications, or of a line of that, unless these are `-`",
)
NONE: Final = "-"
"""In the place of an application or a line: none. No id begins so."""
FactKey = tuple[str, str, str, str, str]
"""Party, application or `NONE`, line or `NONE`, name, attestor."""


class Applications:
    """The applications and facts of a state."""

    __slots__ = ("about", "facts", "in_window", "listed", "open", "opened", "reviews_due", "stated", "waiting")

    def __init__(self) -> None:
        self.open: CountedTable[str, Application] = CountedTable(APPLICATION, lambda _, row: row.content.programme_id)
        self.reviews_due = Deadlines(self._is_due)
        self.facts: Table[FactKey, Attested] = Table(FACT)
        self.opened: dict[tuple[str, str], int] = {}  # number by programme and party
        self.waiting: dict[str, dict[str, tuple[int, int]]] = {}  # by programme, the places of those that are ready
        self.listed: dict[str, dict[str, tuple[int, int]]] = {}  # by programme, the places of those on its waiting list
        self.in_window: dict[str, dict[str, None]] = {}  # by window
        self.about: dict[tuple[str, str, str], dict[FactKey, None]] = {}  # facts by party, application and line
        self.stated: dict[tuple[str, str], int] = {}  # number of facts by party and attestor

    def tables(self) -> tuple[Records, ...]:
        """What is state."""
        return self.open, self.facts

    def known(self, party_id: str, application_id: str = NONE, line: str = NONE) -> Iterator[tuple[FactKey, Attested]]:
        """The facts about exactly that, in the order of their keys."""
        return ((key, self.facts[key]) for key in sorted(self.about.get((party_id, application_id, line), ())))

    def earlier(self, programme_id: str, application: Application) -> str | None:
        """The first application of the programme that waits for its decision and came before this one."""
        waiting = self.waiting.get(programme_id, {})
        first = min(waiting, key=waiting.__getitem__, default=None)
        return first if first is not None and waiting[first] < application.place else None

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        self.reviews_due = Deadlines(self._is_due)
        self.opened, self.waiting, self.listed, self.in_window, self.about, self.stated = {}, {}, {}, {}, {}, {}
        for application_id, each in self.open.items():
            self._index(application_id, each)
        for key in self.facts:
            self._index_fact(key)

    def _index(self, application_id: str, each: Application) -> None:
        whose = (each.content.programme_id, each.content.beneficiary_id)
        self.opened[whose] = self.opened.get(whose, 0) + 1
        if each.window_id is not None:
            self.in_window.setdefault(each.window_id, {})[application_id] = None
        self.place(application_id)
        self.expect(application_id)

    def place(self, application_id: str) -> None:
        """Know whether an application waits for its decision, and for the budget."""
        each = self.open[application_id]
        if each.status == "waitlisted":
            self.listed.setdefault(each.content.programme_id, {})[application_id] = each.place
        if each.ready and each.status != "returned" and each.window_id is None:
            self.waiting.setdefault(each.content.programme_id, {})[application_id] = each.place
        else:
            self._waits_no_more(each.content.programme_id, application_id)

    def _waits_no_more(self, programme_id: str, application_id: str) -> None:
        for places in (self.waiting, self.listed):
            mine = places.get(programme_id, {})
            mine.pop(application_id, None)
            if not mine:
                places.pop(programme_id, None)

    def _index_fact(self, key: FactKey) -> None:
        self.about.setdefault(key[:3], {})[key] = None
        whose = (key[0], key[4])
        self.stated[whose] = self.stated.get(whose, 0) + 1

    # what events do ---------------------------------------------------------------------------------------------------

    def attested(self, each: FactAttested) -> None:
        """Keep a fact, in the place of what the same party stated before."""
        key = (each.party_id, each.application_id or NONE, each.line or NONE, each.name, each.attested_by)
        if key not in self.facts:
            self._index_fact(key)
        self.facts[key] = Attested(each.values, each.on, each.source)

    def submitted(self, each: ApplicationSubmitted, at: At) -> None:
        """Keep an application, or its correction."""
        if each.corrects:
            before = self.open.edit(each.application_id)
            before.content, before.status, before.ready, before.review_by = (
                each,
                "submitted",
                each.ready,
                each.review_by,
            )
            self.place(each.application_id)
            self.expect(each.application_id)
            return
        made = Application(each, at.time, at.index, at.item, ready=each.ready, window_id=each.window_id)
        made.review_by = each.review_by
        self.open[each.application_id] = made
        self._index(each.application_id, made)

    def returned(self, application_id: str) -> None:
        """Let an application wait for its correction."""
        each = self.open.edit(application_id)
        each.status, each.ready, each.reviews, each.scores, each.review_by = "returned", False, (), (), None
        each.caps = ()
        self.reviews_due.ended()
        self.place(application_id)

    def reviewed(self, event: ApplicationReviewed) -> None:
        """Keep a signature."""
        each = self.open.edit(event.application_id)
        each.reviews = (*each.reviews, Review(event.step, event.version, event.reviewer_id, event.passes))
        each.ready, each.review_by = event.complete, event.review_by
        self.reviews_due.ended()
        self.expect(event.application_id)
        self.place(event.application_id)

    def _is_due(self, due_id: str) -> bool:
        application_id, _, time = due_id.partition(" ")
        each = self.open.get(application_id)
        return each is not None and each.review_by == int(time)

    def expect(self, application_id: str) -> None:
        """Know when a step of a review is to be signed."""
        each = self.open[application_id]
        if each.review_by is not None:
            self.reviews_due.add(each.review_by, each.entry, each.item, f"{application_id} {each.review_by}")

    def overdue(self, application_id: str) -> None:
        """Know that it was said of a step that it is overdue."""
        self.open.edit(application_id).review_by = None
        self.reviews_due.ended()

    def scored(self, event: ApplicationScored) -> None:
        """Keep a score."""
        each = self.open.edit(event.application_id)
        each.scores = (*each.scores, Scored(event.reviewer_id, event.points))

    def capped(self, event: ApplicationCapped) -> None:
        """Keep the amounts of caps."""
        self.open.edit(event.application_id).caps = event.caps

    def assessed(self, event: ApplicationAssessed) -> None:
        """Keep what an application asks for."""
        self.open.edit(event.application_id).asked = tuple(Part(each.envelope, each.amount) for each in event.asked)

    def waitlisted(self, application_id: str, place: tuple[int, int] | None) -> None:
        """Let an application wait for the budget; from a window, in a new place."""
        each = self.open.edit(application_id)
        each.status = "waitlisted"
        if place is not None:
            self._leaves_window(each.window_id, application_id)
            each.window_id, (each.entry, each.item) = None, place
        self.place(application_id)

    def _leaves_window(self, window_id: str | None, application_id: str) -> None:
        if window_id is not None:
            del self.in_window[window_id][application_id]
            if not self.in_window[window_id]:
                del self.in_window[window_id]

    def ended(self, application_id: str) -> None:
        """Forget an application that was decided or withdrawn, and the facts about it."""
        each = self.open.pop(application_id)
        if each.review_by is not None:
            self.reviews_due.ended()
        whose = (each.content.programme_id, each.content.beneficiary_id)
        self.opened[whose] -= 1
        if not self.opened[whose]:
            del self.opened[whose]
        self._waits_no_more(each.content.programme_id, application_id)
        self._leaves_window(each.window_id, application_id)
        for line in (NONE, *(one.id for one in each.content.lines)):
            for key in self.about.pop((each.content.beneficiary_id, application_id, line), ()):
                self._forget(key)

    def _forget(self, key: FactKey) -> None:
        del self.facts[key]
        whose = (key[0], key[4])
        self.stated[whose] -= 1
        if not self.stated[whose]:
            del self.stated[whose]
