"""R8, what each undertaking got of subsidies that a ceiling of law bounds together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from counterfoil.contract.times import DAY, format_day
from counterfoil.reports.folding import Folded
from counterfoil.reports.report import Report, columns, places
from counterfoil.reports.tables import Row


def _cumulated(folded: Folded, programme_id: str) -> Iterator[Row]:
    """All aid of whoever has some of this programme, from wherever it is: what adds up is shown together."""
    tables, today = folded.tables, format_day(folded.time // DAY)
    here = {(row["regime"], row["subject"]) for row in tables.rows("aid", programme_id=programme_id)}
    found = sorted(
        (row for row in tables.rows("aid") if (row["regime"], row["subject"]) in here),
        key=lambda row: (row["regime"], row["subject"], row["granted_on"], row["grant_id"]),
    )
    totals: Counter[tuple[str, str]] = Counter()
    for row in found:
        totals[row["regime"], row["subject"]] += _counts(row, today)
    ceilings: dict[tuple[str, str], int] = {}
    for row in sorted(found, key=lambda row: int(row["recorded_at"])):
        if row["ceiling"] is not None:
            ceilings[row["regime"], row["subject"]] = row["ceiling"]
    for row in found:
        key = row["regime"], row["subject"]
        members = sorted(each["party_id"] for each in tables.rows("parties", group_id=row["subject"]))
        yield {
            "regime": row["regime"],
            "undertaking": row["subject"],
            "members": members or [row["subject"]],
            "grant_id": row["grant_id"],
            "programme_id": row["programme_id"],
            "party_id": row["party_id"],
            "granted_on": row["granted_on"],
            "counts_until": row["counts_until"],
            "currency": row["currency"],
            "amount": row["amount"],
            "freed": row["freed"],
            "withdrawn_at": row["withdrawn_at"],
            "counts": _counts(row, today),
            "counted_before": row["counted_before"],
            "total": totals[key],
            "ceiling": ceilings[key],
            "headroom": ceilings[key] - totals[key],
            "grantor": row["grantor"],
            "reference": row["reference"],
            "attested_by": row["attested_by"],
            "entries": places(tables.refs("aid", row["grant_id"], row["regime"])),
        }


def _counts(row: Row, today: str) -> int:
    """What of a grant counts on a day."""
    if row["withdrawn_at"] is not None or today >= row["counts_until"]:
        return 0
    return int(row["amount"] - row["freed"])


R8: Final = Report(
    id="R8",
    title="Subsidy cumulation",
    readers="authority, beneficiary",
    says="Of every undertaking with a grant of the programme that counts towards a ceiling of law: all that counts"
    " towards it, of this programme, of others, and attested from outside, with the total and what is left.",
    columns=columns(
        "regime text: the ceiling of law, by its code",
        "undertaking text: the group of related parties, or the party, for which it counts",
        "members json: the parties of that group, as is known now",
        "grant_id text: application, voucher, claim, or attested aid",
        "programme_id text: that granted it; null of aid from outside",
        "party_id text: who got it",
        "granted_on day: when the right to it arose",
        "counts_until day: from then on it counts no more",
        "currency text: of all amounts of the row",
        "amount amount: what was granted",
        "freed amount: of it, never used, and counting no more",
        "withdrawn_at time: since then it does not count",
        "counts amount: what of it counts on the day of `as_of`, in UTC",
        "counted_before amount: what was counted when it was decided",
        "total amount: of the undertaking on that day",
        "ceiling amount: that its last grant was judged by",
        "headroom amount: ceiling less total",
        "grantor text: of aid from outside, who gave it",
        "reference text: of aid from outside, its paper",
        "attested_by text: who attested aid from outside",
        "entries json: of issuance, that made and changed it",
    ),
    rows=_cumulated,
    lacks="Declarations and entries of registers of law outside: an attestation names its paper. Aid that nobody"
    " attested.",
)
