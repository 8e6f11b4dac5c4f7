"""R13, what the document of a programme makes public of its grants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from counterfoil.contract.times import DAY, format_day
from counterfoil.programme.rules import Rules
from counterfoil.reports.outcome_reports import K_ANONYMOUS
from counterfoil.reports.report import Report, columns
from counterfoil.reports.tables import Row


class Rowed(Protocol):
    """Rows of the services' views."""

    def rows(self, view: str, **filters: object) -> Iterator[Row]:
        """The rows with these values."""

    def get(self, view: str, *key: object) -> Row | None:
        """A row."""


class Known(Protocol):
    """What is known of a programme's grants: logs that were folded, or views that a gateway keeps."""

    @property
    def tables(self) -> Rowed:
        """The rows."""

    @property
    def time(self) -> int:
        """Of the last entry, microseconds."""

    def rules(self, programme_id: str, version: int | None = None) -> Rules | None:
        """What the document of a version lays down; None for thin terms."""


def public_of(folded: Known, programme_id: str) -> Iterator[Row]:
    """A row per grant that is public, in the order of the vouchers, then one of all grants."""
    tables, by_version = folded.tables, dict[int, tuple[Sequence[str], int]]()
    applications = {row["voucher_id"]: row for row in tables.rows("applications", programme_id=programme_id)}
    groups, number, total = set[str](), 0, 0
    for row in tables.rows("vouchers", programme_id=programme_id):
        if row["version"] not in by_version:
            by_version[row["version"]] = _made_public(folded, programme_id, row["version"])
        fields, delay = by_version[row["version"]]
        if row["restored_from"] is not None or row["issued_at"] + delay > folded.time:
            continue
        groups.add(_group(folded, row["beneficiary_id"]))
        number, total = number + 1, total + row["face"]
        if fields:
            yield _grant(folded, row, applications.get(row["voucher_id"], {}), fields)
    enough = len(groups) >= K_ANONYMOUS
    blank = dict.fromkeys(each.name for each in R13.columns)
    yield {**blank, "kind": "all", "grants": number if enough else None, "amount": total if enough else None}


def _group(folded: Known, party_id: str) -> str:
    party = folded.tables.get("parties", party_id)
    return party_id if party is None else str(party["group_id"])


def _made_public(folded: Known, programme_id: str, version: int) -> tuple[Sequence[str], int]:
    """The fields that the document of a version makes public, and after which time."""
    rules = folded.rules(programme_id, version)
    publication = None if rules is None else rules.document.publication
    return ((), 0) if publication is None else (publication.fields, publication.delay_days * DAY)


def _grant(folded: Known, voucher: Row, application: Row, fields: Sequence[str]) -> Row:
    """What the document makes public of a grant, and nothing else."""
    party = folded.tables.get("parties", voucher["beneficiary_id"]) or {}
    lines = application.get("lines") or ()
    known: dict[str, dict[str, Any]] = {
        "BENEFICIARY": {"beneficiary": party.get("name")},
        "PROVIDER": {"providers": sorted({each["provider_id"] for each in lines if each["provider_id"] is not None})},
        "AMOUNT": {"amount": voucher["face"]},
        "DATE": {"granted_on": format_day(voucher["issued_at"] // DAY)},
        "PURPOSE": {"purpose": sorted({each["instrument"] for each in lines})},
        "DECISION": {"decision": application.get("status_reason")},
    }
    row = {**dict.fromkeys(each.name for each in R13.columns), "kind": "grant", "grants": 1}
    for name in fields:
        row |= known[name]
    return row


R13: Final = Report(
    id="R13",
    title="Public disclosure",
    readers="public",
    says="Each grant with the fields that the document of its version makes public, after its delay; beside them"
    f" the sum of all, once {K_ANONYMOUS} groups have one. Where a document makes nothing public, the sum alone.",
    columns=columns(
        "kind text: a grant, or all of them",
        "beneficiary text: by name, if BENEFICIARY is public",
        "providers json: that the application names, if PROVIDER is",
        "amount amount: if AMOUNT is; of all, the sum",
        "granted_on day: in UTC, if DATE is",
        "purpose json: the instruments applied for, if PURPOSE is",
        "decision text: its reason, if DECISION is",
        "grants int: how many",
    ),
    rows=public_of,
)
