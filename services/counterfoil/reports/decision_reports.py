"""R3, what was applied for and how it was decided; R10, what was taken back, contested, and who was stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from counterfoil.contract.times import HOUR, SECOND, format_time
from counterfoil.reports.folding import Folded
from counterfoil.reports.report import Report, columns, places
from counterfoil.reports.tables import Row

_OF_APPLICATION: Final = (
    "application_id", "beneficiary_id", "version", "submitted_at", "review_by", "overdue_since", "status",
    "status_reason", "refusal", "rules_hash", "facts", "explanation", "eligible", "subsidy", "co_payment", "counters",
    "payers", "window_id", "rank", "points", "decided_at", "voucher_id",
)  # fmt: skip


def _decisions(folded: Folded, programme_id: str) -> Iterator[Row]:
    tables = folded.tables
    for row in tables.rows("applications", programme_id=programme_id):
        name, seconds = row["application_id"], row["decided_after_seconds"]
        steps = list(tables.rows("application_steps", application_id=name))
        scores = list(tables.rows("application_scores", application_id=name))
        refs = (*tables.refs("applications", name), *tables.refs_of("application_steps", steps))
        yield {
            **{column: row[column] for column in _OF_APPLICATION},
            "decided_by": folded.deciders.get(name),
            "reviews": [_review(each) for each in steps],
            "scores": [{"reviewer_id": each["reviewer_id"], "points": str(each["points"])} for each in scores],
            "hours_to_decision": None if seconds is None else seconds * SECOND // HOUR,
            "entries": places(sorted(dict.fromkeys(refs))),
        }


def _review(row: Row) -> dict[str, Any]:
    said = {name: row[name] for name in ("step", "reviewer_id", "passes", "reason")}
    return {**said, "reviewed_at": format_time(row["reviewed_at"])}


R3: Final = Report(
    id="R3",
    title="Application and decision log",
    readers="auditor",
    says="Every application, each signature of its review, and the last decision with all that it is founded on.",
    columns=columns(
        "application_id text: the application",
        "beneficiary_id text: who applies",
        "version int: of the programme's document that it is judged by",
        "submitted_at time: first submitted",
        "reviews json: the last signature of each reviewer under each step, with its reason",
        "scores json: of each reviewer, in millionths of a point",
        "review_by time: when the step that is due is to be signed",
        "overdue_since time: since when it is late",
        "status text: submitted, returned, withdrawn, or how it was decided",
        "status_reason text: why, as who decided says",
        "refusal text: the code by which the document grants nothing",
        "rules_hash text: SHA-256 of the document that was decided by, hexadecimal",
        "facts json: that were judged on, each with who attested it, and the day",
        "explanation json: each step of the calculation, by its code",
        "eligible amount: what the document finds eligible",
        "subsidy amount: what was granted",
        "co_payment amount: what the beneficiary bears",
        "counters json: what counts towards each cap, before and after",
        "payers json: what each payer bears of it",
        "window_id text: of applications that are decided together",
        "rank int: its number in the order of its window",
        "points amount: the mean of its scores, millionths",
        "decided_by text: who gave the command; null of a decision that the log made by itself",
        "decided_at time: when",
        "hours_to_decision int/hours: from the first submission, rounded down",
        "voucher_id text: that was granted",
        "entries json: of issuance, that made and changed it",
    ),
    rows=_decisions,
)


# R10 ------------------------------------------------------------------------------------------------------------------


def _cases(folded: Folded, programme_id: str) -> Iterator[Row]:
    yield from _clawbacks(folded, programme_id)
    yield from _debts(folded, programme_id)
    yield from _stopped(folded, programme_id)


def _case(case: str, kind: str, party_id: str, status: str, since: int | None, **more: Any) -> Row:
    blank = dict.fromkeys(each.name for each in R10.columns)
    return {
        **blank,
        "case_id": case,
        "kind": kind,
        "party_id": party_id,
        "status": status,
        "status_since": since,
        **more,
    }


_OF_CLAWBACK: Final = (
    "ground", "reason", "ordered_by", "ordered_at", "amount", "in_force", "forgiven", "refunded", "appeal_until",
    "appeal_reason", "decided_by", "decision_reason",
)  # fmt: skip


def _clawbacks(folded: Folded, programme_id: str) -> Iterator[Row]:
    for row in folded.tables.rows("clawbacks", programme_id=programme_id):
        refs = folded.tables.refs("clawbacks", row["clawback_id"])
        said = {name: row[name] for name in _OF_CLAWBACK}
        place = row["clawback_id"], "clawback", row["provider_id"], row["status"], row["status_since"]
        yield _case(*place, **said, entries=places(refs))


def _debts(folded: Folded, programme_id: str) -> Iterator[Row]:
    """What each provider owed after reversals, clawbacks and credit notes, and what became of it."""
    for row in folded.tables.rows("receivables", programme_id=programme_id):
        name = row["provider_id"]
        came = folded.earned.of(programme_id, name, "owed_by_reversals", "owed_by_clawbacks", "owed_by_credits")
        ended = {each: folded.earned.of(programme_id, name, each) for each in ("set_off", "recovered", "written_off")}
        forgiven = folded.earned.of(programme_id, name, "forgiven")
        refs = folded.tables.refs("receivables", programme_id, name)
        amounts = {"amount": came, "forgiven": forgiven, **ended, "outstanding": row["owed"]}
        status = "owed" if row["owed"] else "over"
        amounts["difference"] = came - forgiven - sum(ended.values()) - row["owed"]
        yield _case(f"debt {name}", "debt", name, status, row["owed_since"], **amounts, entries=places(refs))


def _stopped(folded: Folded, programme_id: str) -> Iterator[Row]:
    tables = folded.tables
    for row in tables.rows("listings", programme_id=programme_id):
        if row["status"] != "listed":
            name, refs = row["provider_id"], tables.refs("listings", programme_id, row["provider_id"])
            place = f"listing {name}", "listing", name, row["status"], row["status_since"]
            yield _case(*place, reason=row["status_reason"], entries=places(refs))
    for row in tables.rows("vouchers", programme_id=programme_id):
        if row["status"] in ("suspended", "revoked"):
            balance = tables.get("vouchers_balance", row["voucher_id"]) or {}
            amount = balance.get("cancelled") if row["status"] == "revoked" else balance.get("available")
            refs = tables.refs("vouchers", row["voucher_id"])
            place = row["voucher_id"], "voucher", row["beneficiary_id"], row["status"], row["status_since"]
            yield _case(*place, reason=row["status_reason"], amount=amount, entries=places(refs))
    involved = {row["beneficiary_id"] for row in tables.rows("vouchers", programme_id=programme_id)}
    involved |= {row["provider_id"] for row in tables.rows("listings", programme_id=programme_id)}
    for party_id in sorted(involved):
        party = tables.get("parties", party_id) or {}
        if party.get("suspended_at") is not None:
            place = f"party {party_id}", "party", party_id, "suspended", party["suspended_at"]
            refs = tables.refs("parties", party_id)
            yield _case(*place, reason=party["suspended_because"], entries=places(refs))


R10: Final = Report(
    id="R10",
    title="Sanctions, clawback, appeals",
    readers="auditor; the public part is R13's to tell",
    says="Payments taken back, with their appeals; what each provider owes after reversals, clawbacks and"
    " credit notes, and what became of it; who and what is suspended, delisted or revoked.",
    columns=columns(
        "case_id text: the order, or what it is about",
        "kind text: clawback, debt, listing, voucher or party",
        "party_id text: against whom",
        "status text: how it stands",
        "status_since time: since when",
        "ground text: of the order, by the document's codes",
        "reason text: as who decided says",
        "ordered_by text: who ordered it",
        "ordered_at time: when",
        "amount amount: ordered to be given back; of a debt, all that reversals, clawbacks and credit notes brought",
        "in_force amount: of the order, owed since then",
        "forgiven amount: of that, no longer owed after an appeal",
        "refunded amount: payable again after an appeal",
        "set_off amount: taken from what was claimed or payable",
        "recovered amount: paid back",
        "written_off amount: given up",
        "outstanding amount: still owed",
        "difference amount: of a debt, what came less what became of it: 0, unless something is missing",
        "appeal_until time: until when it may be contested",
        "appeal_reason text: as who appeals says",
        "decided_by text: who decided on the appeal",
        "decision_reason text: why",
        "entries json: that made and changed it",
    ),
    rows=_cases,
    lacks="Interest, which no rule charges; bans across programmes, and cases that nobody entered into a log.",
)
