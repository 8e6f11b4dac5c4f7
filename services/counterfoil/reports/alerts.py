"""R9: what the patterns find, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from counterfoil.reports.claim_patterns import F2, F6, F8, F10, F12, F14, F17
from counterfoil.reports.folding import Folded
from counterfoil.reports.paper_patterns import F9, F15, F16, F20
from counterfoil.reports.party_patterns import F3, F4, F7, F11, F18, F19
from counterfoil.reports.pattern import Alert, Pattern
from counterfoil.reports.report import Report, columns
from counterfoil.reports.tables import Ref, Row
from counterfoil.reports.use_patterns import F1, F5, F13

PATTERNS: Final[dict[str, Pattern]] = {
    each.id: each
    for each in (
        F1, F2, F3, F4, F5, F6, F7, F8, F9, F10, F11, F12, F13, F14, F15, F16, F17, F18, F19, F20,
    )
}  # fmt: skip
"""By number, in order."""


class Found(NamedTuple):
    """An alert, and the pattern that found it."""

    pattern: Pattern
    alert: Alert


def found(folded: Folded, programme_id: str | None = None, pattern: str | None = None) -> list[Found]:
    """The alerts of a programme, or of all, by the unit of what is at risk, the largest amount first.

    Of an alert that names no programme, the logs do not tell whose it is: it is in the list of all alone.
    """
    alerts = [
        Found(each, alert)
        for each in PATTERNS.values()
        if pattern in (None, each.id)
        for alert in each.alerts(folded)
        if programme_id is None or programme_id in alert.programmes
    ]
    once = {each.pattern.alert_id(each.alert): each for each in reversed(alerts)}
    return sorted(once.values(), key=lambda each: _place(folded, each))


def _place(folded: Folded, each: Found) -> tuple[str, int, str, str]:
    return _unit(folded, each.alert) or "", -each.alert.amount, each.pattern.id, each.alert.subject


def _unit(folded: Folded, alert: Alert) -> str | None:
    """Of what is at risk: as the pattern says, or that of its programmes."""
    units = {alert.unit} if alert.unit else {folded.unit(each) for each in alert.programmes}
    return (next(iter(units)) or None) if len(units) == 1 else None


def evidence(folded: Folded, refs: Iterable[Ref]) -> list[dict[str, Any]]:
    """Entries, each with its log, its index and its leaf's hash, by which its inclusion is proven."""
    return [
        {"log": ref.log.name, "index": ref.index, "leaf": folded.leaf(ref).hex()} for ref in sorted(dict.fromkeys(refs))
    ]


def alert_row(folded: Folded, each: Found) -> Row:
    """An alert as a row of R9."""
    pattern, alert = each
    return {
        "alert_id": pattern.alert_id(alert),
        "pattern": pattern.id,
        "title": pattern.title,
        "programmes": list(alert.programmes),
        "entities": list(alert.entities),
        "amount_at_risk": alert.amount,
        "unit": _unit(folded, alert),
        "says": alert.says,
        "evidence": evidence(folded, alert.refs),
        "acts": list(_acts(folded, alert)),
    }


def _acts(folded: Folded, alert: Alert) -> Iterator[str]:
    """What stands against those concerned, as the logs say."""
    tables = folded.tables
    for party_id in alert.entities:
        party = tables.get("parties", party_id) or {}
        if party.get("suspended_at") is not None:
            yield f"{party_id} is suspended: {party['suspended_because']}"
        if party.get("closed_at") is not None:
            yield f"{party_id} is closed: {party['closed_because']}"
        for programme_id in alert.programmes:
            listing = tables.get("listings", programme_id, party_id)
            if listing is not None and listing["status"] != "listed":
                yield f"{party_id} is {listing['status']} in {programme_id}: {listing['status_reason']}"


def _risks(folded: Folded, programme_id: str) -> Iterator[Row]:
    return (alert_row(folded, each) for each in found(folded, programme_id))


R9: Final = Report(
    id="R9",
    title="Risk and exceptions",
    readers="auditor",
    says="What the patterns of fraud find in the programme. An alert is a question and no verdict, and moves no value.",
    columns=columns(
        "alert_id text: the same in every report that finds the same",
        "pattern text: its number",
        "title text: what the pattern is",
        "programmes json: which are concerned",
        "entities json: which parties are concerned",
        "amount_at_risk amount: how much is concerned",
        "unit text: of that; null where nothing is, of several programmes with different units",
        "says text: what was found",
        "evidence json: the entries that show it: log, index, and the leaf's hash in hexadecimal",
        "acts json: what stands against those concerned: suspended, delisted, closed",
    ),
    rows=_risks,
    lacks="Deadlines, answers and outcomes of cases: who follows an alert up keeps them. Clawbacks and appeals are in"
    " R10.",
)
