"""The ledger's read model of the ends of programmes: how near each is, what bars it, and its final reconciliation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.core.at import At
from counterfoil.issuance.run_off_events import ProgrammeDecided, RunOffBegun
from counterfoil.ledger.closing_events import Books, ProgrammeClosed, ProgrammeClosing, ProgrammeStaysOpen
from counterfoil.ports import Change, Put, Set, View
from counterfoil.readership import ANYBODY
from counterfoil.redemption.closing_events import LastDaySet
from counterfoil.service import Reducers

_BOOKS: Final = tuple(Books.__annotations__)

RUN_OFFS: Final = View(
    name="run_offs",
    key=("programme_id",),
    columns={
        "programme_id": "text",
        "status": "text",
        "status_since": "time",
        "reason": "text",
        "begun_at": "time",
        "closing_reason": "text?",
        "open": "json",
        "claims_until": "time?",
        **dict.fromkeys(_BOOKS, "amount?"),
        "version": "int?",
        "rules_hash": "text?",
        "books_hash": "text?",
        "closed_at": "time?",
    },
    filters=("status",),
    readers=ANYBODY,
    time="begun_at",
    values={"status": ("run_off", "decided", "closing", "closed")},
)
"""Programmes in run-off, and closed ones. `decided`: all applications are; `closing`: the services agree on it.

`open`: the kinds of things that barred the last attempt to close it, once the ledger found nothing; no amounts, which
may be of one holder or claimant. `claims_until`: what of it is then neither claimed nor could be paid lapses, a later
day for what came since. Of a closed one, its final reconciliation: appropriated - reduced + recovered +
written_off = disbursed + lapsed + returned, and claimed + recovered + written_off = disbursed + denied + clawed_back;
`books_hash` is of these."""


def _begun(event: RunOffBegun, at: At) -> Iterable[Change]:
    row = {"programme_id": event.programme_id, "status": "run_off", "reason": event.reason, "open": []}
    yield Put(RUN_OFFS.name, {**dict.fromkeys(RUN_OFFS.columns), **row, "status_since": at.time, "begun_at": at.time})


def _is(programme_id: str, status: str, at: At, **values: object) -> Change:
    return Set(RUN_OFFS.name, (programme_id,), {"status": status, "status_since": at.time, **values})


def _decided(event: ProgrammeDecided, at: At) -> Iterable[Change]:
    yield _is(event.programme_id, "decided", at)


def _closing(event: ProgrammeClosing, at: At) -> Iterable[Change]:
    yield _is(event.programme_id, "closing", at, closing_reason=event.reason, open=[])


def _stays_open(event: ProgrammeStaysOpen, at: At) -> Iterable[Change]:
    yield _is(event.programme_id, "decided", at, open=[each.kind for each in event.open])


def closed(event: ProgrammeClosed, at: At) -> Iterable[Change]:
    """The final reconciliation."""
    books = {name: getattr(event.books, name) for name in _BOOKS}
    digests = {"rules_hash": event.rules_hash.hex(), "books_hash": event.books_hash.hex()}
    yield _is(event.programme_id, "closed", at, closed_at=at.time, version=event.version, **books, **digests)


def _last_day_set(event: LastDaySet, _at: At) -> Iterable[Change]:
    yield Set(RUN_OFFS.name, (event.programme_id,), {"claims_until": event.until})


CLOSING_REDUCERS: Final[Reducers] = {
    RunOffBegun: _begun,
    ProgrammeDecided: _decided,
    ProgrammeClosing: _closing,
    ProgrammeStaysOpen: _stays_open,
    LastDaySet: _last_day_set,
}
