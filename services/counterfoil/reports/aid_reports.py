"""R8, what each undertaking got of subsidies that a ceiling of law bounds together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from counterfoil.contract.times import DAY, format_day
from counterfoil.reports.folding import Folded
from counterfoil.reports.pattern import group_of
from counterfoil.reports.report import Report, columns, places
from counterfoil.reports.tables import Row


def _cumulated(folded: Folded, programme_id: str) -> Iterator[Row]:
    """All aid of whoever has some of this programme, from wherever it is: what adds up is shown together."""
    tables, today, single = folded.tables, format_day(folded.time // DAY), _of_single_parties(folded, programme_id)
    aid: dict[tuple[str, str], list[Row]] = defaultdict(list)
    here = set()
    for row in tables.rows("aid"):
        keys = {(row["regime"], row["subject"])}
        if row["regime"] not in single:
            keys.add((row["regime"], group_of(folded, row["party_id"])))
        for key in keys:
            aid[key].append(row)
        here |= keys if row["programme_id"] == programme_id else set()
    found = [
        (key, row)
        for key in sorted(here)
        for row in sorted(aid[key], key=lambda row: (row["granted_on"], row["grant_id"]))
    ]
    totals: Counter[tuple[str, str]] = Counter()
    for key, row in found:
        totals[key] += _counts(row, today)
    ceilings: dict[tuple[str, str], int] = {}
    for key, row in sorted(found, key=lambda each: int(each[1]["recorded_at"])):
        if row["ceiling"] is not None:
            ceilings[key] = row["ceiling"]
    for key, row in found:
        regime, undertaking = key
        group = (each["party_id"] for each in tables.rows("parties", group_id=undertaking))
        yield {
            "regime": regime,
            "undertaking": undertaking,
            "members": [undertaking] if regime in single else sorted(group),
            "grant_id": row["grant_id"],
            "programme_id": row["programme_id"],
            "party_id": row["party_id"],
            "granted_on": row["granted_on"],
            "counts_until": row["counts_until"],
            "currency": row["currency"],
            "amount": row["amount"],
            "freed": row["freed"],
            "covered": row["covered"],
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


def _of_single_parties(folded: Folded, programme_id: str) -> set[str]:
    """The ceilings of the programme, in any version, that count for each party and not for its group."""
    versions = folded.tables.rows("programme_documents", programme_id=programme_id)
    documents = (folded.rules(programme_id, row["version"]) for row in versions)
    ceilings = (each.regime for rules in documents if rules is not None for each in rules.regimes)
    return {each.regime for each in ceilings if each.unit != "GROUP"}


def _counts(row: Row, today: str) -> int:
    """What of a grant counts on a day."""
    if row["withdrawn_at"] is not None or today >= row["counts_until"]:
        return 0
    return int(row["amount"] - row["freed"] - row["covered"])


R8: Final = Report(
    id="R8",
    title="Subsidy cumulation",
    readers="authority, beneficiary",
    says="Of every undertaking with a grant of the programme that counts towards a ceiling of law: all that counts"
    " towards it, of this programme, of others, and attested from outside, with the total and what is left. For a group"
    " counts what was granted to it, and what its members of today were granted in other groups.",
    columns=columns(
        "regime text: the ceiling of law, by its code",
        "undertaking text: the group of related parties, or the party, for which it counts",
        "members json: the parties of that group, as is known now; else the party",
        "grant_id text: application, voucher, claim, or attested aid",
        "programme_id text: that granted it; null of aid from outside",
        "party_id text: who got it",
        "granted_on day: when the right to it arose",
        "counts_until day: from then on it counts no more",
        "currency text: of all amounts of the row",
        "amount amount: what was granted",
        "freed amount: of it, never used, and counting no more",
        "covered amount: of it, counted by another attestation of the same grant",
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
