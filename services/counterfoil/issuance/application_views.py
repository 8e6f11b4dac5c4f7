"""Issuance's read models of applications: what was asked for, each signature of a review, the decision, and facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, get_args

from counterfoil.contract.forms import dump
from counterfoil.contract.times import SECOND, format_day
from counterfoil.core.at import At
from counterfoil.issuance.events import (
    ApplicationAssessed,
    ApplicationCapped,
    ApplicationDecided,
    ApplicationOverdue,
    ApplicationReturned,
    ApplicationReviewed,
    ApplicationScored,
    ApplicationStillWaits,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    FactAttested,
    WindowAssessed,
    WindowClosed,
    WindowOpened,
    WindowSettled,
)
from counterfoil.issuance.invoice_events import UseClaimed
from counterfoil.issuance.words import ApplicationStatus
from counterfoil.ports import Change, Put, Set, View
from counterfoil.readership import ANYBODY, Readers
from counterfoil.service import Reducers

APPLICATIONS: Final = View(
    name="applications",
    key=("application_id",),
    columns={
        "application_id": "text",
        "programme_id": "text",
        "version": "int",
        "beneficiary_id": "text",
        "project_id": "text?",
        "lines": "json",
        "contract": "json?",
        "other_support": "json",
        "evidence": "json",
        "claim": "json?",
        "submitted_at": "time",
        "ready": "bool",
        "review_by": "time?",
        "overdue_since": "time?",
        "status": "text",
        "status_since": "time",
        "status_reason": "text?",
        "rules_hash": "text?",
        "refusal": "text?",
        "eligible": "amount?",
        "subsidy": "amount?",
        "co_payment": "amount?",
        "facts": "json?",
        "explanation": "json?",
        "counters": "json?",
        "payers": "json?",
        "voucher_id": "text?",
        "window_id": "text?",
        "caps": "json?",
        "asked": "json?",
        "rank": "int?",
        "points": "amount?",
        "decided_at": "time?",
        "decided_after_seconds": "int?",
    },
    filters=("programme_id", "beneficiary_id", "status", "window_id"),
    readers=Readers(parties=("beneficiary_id",), programme="programme_id"),
    time="submitted_at",
    values={"status": get_args(ApplicationStatus)},
)
"""What was last submitted, and the last decision with all that it is founded on. `review_by`: when the step of the
review that is due is to be signed, by the document; `overdue_since`: it was not. `submitted_at`: first submitted, which
is its place; `ready`: no review comes before its decision any more. `refusal`: why the document grants nothing. `rank`
is its number in the order of its window, `points` the mean of its scores, in millionths, `asked` what it would get of
each envelope before a division. `decided_after_seconds`: from the first submission to the last decision.
`claim`: of a claim after use, its `invoice` with its `invoice_key`, and its `evidence` by type."""
APPLICATION_STEPS: Final = View(
    name="application_steps",
    key=("application_id", "step", "reviewer_id"),
    columns={
        "application_id": "text",
        "step": "int",
        "reviewer_id": "text",
        "programme_id": "text",
        "version": "int",
        "passes": "bool",
        "reason": "text",
        "reviewed_at": "time",
    },
    filters=("application_id", "programme_id", "reviewer_id"),
    readers=Readers(parties=("reviewer_id",), programme="programme_id", through={"applications": "application_id"}),
    time="reviewed_at",
)
"""The last signature of each reviewer under each step (from 0); those before the application was last returned do not
count."""
APPLICATION_SCORES: Final = View(
    name="application_scores",
    key=("application_id", "reviewer_id"),
    columns={
        "application_id": "text",
        "reviewer_id": "text",
        "programme_id": "text",
        "version": "int",
        "points": "amount",
        "reason": "text",
        "scored_at": "time",
    },
    filters=("application_id", "programme_id", "reviewer_id"),
    readers=Readers(parties=("reviewer_id",), programme="programme_id", through={"applications": "application_id"}),
    time="scored_at",
)
"""The last score of each reviewer, in millionths of a point; those before the application was last returned do not
count."""
APPLICATION_WINDOWS: Final = View(
    name="application_windows",
    key=("window_id",),
    columns={
        "window_id": "text",
        "programme_id": "text",
        "version": "int",
        "rules_hash": "text",
        "mode": "text",
        "opens": "text",
        "closes": "text",
        "status": "text",
        "commitment": "text?",
        "seed": "text?",
        "draw": "text?",
        "applications": "int?",
        "asked": "json?",
        "left": "json?",
        "approved": "int?",
        "waitlisted": "int?",
        "rejected": "int?",
        "granted": "amount?",
        "opened_at": "time",
        "closed_at": "time?",
        "settled_at": "time?",
    },
    filters=("programme_id", "status"),
    readers=ANYBODY,
    time="opened_at",
    values={"status": ("open", "closed", "settled")},
)
"""Windows of applications that are decided together. `applications`: how many took part when it was closed; `asked` and
`left`: of each envelope, where the budget is divided in proportion. By seed and log everybody can repeat a draw."""
FACTS: Final = View(
    name="facts",
    key=("party_id", "application_id", "line", "name", "attested_by"),
    columns={
        "party_id": "text",
        "application_id": "text",
        "line": "text",
        "name": "text",
        "attested_by": "text",
        "stated": "json",
        "since": "text",
        "source": "text",
        "attested_at": "time",
    },
    filters=("party_id", "application_id", "name", "attested_by"),
    readers=Readers(parties=("party_id", "attested_by"), through={"applications": "application_id"}),
    time="attested_at",
)
"""The last statement of each party; `stated` are its values as text, `since` is the day since when it is so.
Application and line are empty for what is known of the party itself."""
APPLICATION_VIEWS: Final[tuple[View, ...]] = (
    APPLICATIONS, APPLICATION_STEPS, APPLICATION_SCORES, APPLICATION_WINDOWS, FACTS,
)  # fmt: skip
_NOT_DUE: Final = dict.fromkeys(("review_by", "overdue_since"))
_UNDECIDED: Final = dict.fromkeys(
    (
        "status_reason", "rules_hash", "refusal", "eligible", "subsidy", "co_payment", "facts", "explanation",
        "counters", "payers", "voucher_id", "caps", "asked", "rank", "points", "decided_at",
        "decided_after_seconds",
    )
)  # fmt: skip


def _submitted(event: ApplicationSubmitted, at: At) -> Iterable[Change]:
    asked: dict[str, Any] = {
        "version": event.version,
        "project_id": event.project_id,
        "lines": [dump(each) for each in event.lines],
        "contract": None if event.contract is None else dump(event.contract),
        "other_support": [dump(each) for each in event.other_support],
        "evidence": [each.hex() for each in event.evidence],
        "ready": event.ready,
        "review_by": event.review_by,
        "overdue_since": None,
        "status": "submitted",
        "status_since": at.time,
        "window_id": event.window_id,
    }
    if event.corrects:
        yield Set(APPLICATIONS.name, (event.application_id,), {**asked, **_UNDECIDED})
        return
    names = {name: getattr(event, name) for name in ("application_id", "programme_id", "beneficiary_id")}
    yield Put(APPLICATIONS.name, {**names, **asked, "submitted_at": at.time, "claim": None, **_UNDECIDED})


def _use_claimed(event: UseClaimed, _at: At) -> Iterable[Change]:
    claim = {
        "invoice": dump(event.invoice),
        "invoice_key": event.invoice_key.hex(),
        "evidence": [dump(each) for each in event.evidence],
    }
    yield Set(APPLICATIONS.name, (event.application_id,), {"claim": claim})


def _ended(event: ApplicationReturned | ApplicationWithdrawn, at: At) -> Iterable[Change]:
    status = "returned" if isinstance(event, ApplicationReturned) else "withdrawn"
    values = {"status": status, "status_since": at.time, "status_reason": event.reason, "ready": False, **_NOT_DUE}
    yield Set(APPLICATIONS.name, (event.application_id,), values)


def _reviewed(event: ApplicationReviewed, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in APPLICATION_STEPS.columns if name != "reviewed_at"}
    yield Put(APPLICATION_STEPS.name, {**row, "reviewed_at": at.time})
    yield Set(
        APPLICATIONS.name, (event.application_id,), {**_NOT_DUE, "ready": event.complete, "review_by": event.review_by}
    )


def _decided(event: ApplicationDecided, at: At) -> Iterable[Change]:
    listed = {
        name: [dump(each) for each in getattr(event, name)]
        for name in ("facts", "explanation", "counters", "payers", "caps")
    }
    names = ("refusal", "eligible", "subsidy", "co_payment", "voucher_id", "rank", "points")
    plain = {name: getattr(event, name) for name in names}
    status = {
        "status": event.decision, "status_since": at.time, "status_reason": event.reason, "decided_at": at.time,
        **_NOT_DUE,
        "decided_after_seconds": (at.time - event.submitted_at) // SECOND,
    }  # fmt: skip
    values = {**status, "version": event.version, "rules_hash": event.rules_hash.hex(), **plain, **listed}
    yield Set(APPLICATIONS.name, (event.application_id,), values)


def _scored(event: ApplicationScored, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in APPLICATION_SCORES.columns if name != "scored_at"}
    yield Put(APPLICATION_SCORES.name, {**row, "scored_at": at.time})


def _opened(event: WindowOpened, at: At) -> Iterable[Change]:
    row: dict[str, Any] = dict.fromkeys(APPLICATION_WINDOWS.columns)
    row |= {name: getattr(event, name) for name in ("window_id", "programme_id", "version", "mode")}
    row |= {
        "rules_hash": event.rules_hash.hex(),
        "opens": format_day(event.opens),
        "closes": format_day(event.closes),
        "status": "open",
        "commitment": None if event.commitment is None else event.commitment.hex(),
        "opened_at": at.time,
    }
    yield Put(APPLICATION_WINDOWS.name, row)


def _closed(event: WindowClosed, at: At) -> Iterable[Change]:
    values = {
        "status": "closed",
        "seed": None if event.seed is None else event.seed.hex(),
        "draw": None if event.draw is None else event.draw.hex(),
        "applications": event.applications,
        "closed_at": at.time,
    }
    yield Set(APPLICATION_WINDOWS.name, (event.window_id,), values)


def _capped(event: ApplicationCapped, _at: At) -> Iterable[Change]:
    yield Set(APPLICATIONS.name, (event.application_id,), {"caps": [dump(each) for each in event.caps]})


def _asks(event: ApplicationAssessed, _at: At) -> Iterable[Change]:
    yield Set(APPLICATIONS.name, (event.application_id,), {"asked": [dump(each) for each in event.asked]})


def _overdue(event: ApplicationOverdue, _at: At) -> Iterable[Change]:
    yield Set(APPLICATIONS.name, (event.application_id,), {"overdue_since": event.since})


def _still_waits(event: ApplicationStillWaits, _at: At) -> Iterable[Change]:
    yield Set(APPLICATIONS.name, (event.application_id,), {"refusal": event.refusal})


def _assessed(event: WindowAssessed, _at: At) -> Iterable[Change]:
    values = {name: [dump(each) for each in getattr(event, name)] for name in ("asked", "left")}
    yield Set(APPLICATION_WINDOWS.name, (event.window_id,), values)


def _settled(event: WindowSettled, at: At) -> Iterable[Change]:
    values = {name: getattr(event, name) for name in ("approved", "waitlisted", "rejected", "granted")}
    yield Set(APPLICATION_WINDOWS.name, (event.window_id,), {**values, "status": "settled", "settled_at": at.time})


def _attested(event: FactAttested, at: At) -> Iterable[Change]:
    row = {
        "party_id": event.party_id,
        "application_id": event.application_id or "",
        "line": event.line or "",
        "name": event.name,
        "attested_by": event.attested_by,
        "stated": list(event.values),
        "since": format_day(event.on),
        "source": event.source,
        "attested_at": at.time,
    }
    yield Put(FACTS.name, row)


APPLICATION_REDUCERS: Final[Reducers] = {
    ApplicationSubmitted: _submitted,
    UseClaimed: _use_claimed,
    ApplicationReturned: _ended,
    ApplicationWithdrawn: _ended,
    ApplicationReviewed: _reviewed,
    ApplicationDecided: _decided,
    ApplicationScored: _scored,
    ApplicationCapped: _capped,
    ApplicationStillWaits: _still_waits,
    ApplicationOverdue: _overdue,
    ApplicationAssessed: _asks,
    WindowOpened: _opened,
    WindowClosed: _closed,
    WindowAssessed: _assessed,
    WindowSettled: _settled,
    FactAttested: _attested,
}
