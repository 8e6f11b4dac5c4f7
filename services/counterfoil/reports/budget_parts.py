"""Of a budget what its payers bear, and what was granted from each envelope and in each window."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from counterfoil.programme.bounds import days_of, given_out
from counterfoil.reports.envelopes import Granted
from counterfoil.reports.folding import Folded
from counterfoil.reports.report import share
from counterfoil.reports.tables import Row

_OF_BALANCE: Final = {"available": "available", "held": "held", "expired": "expired", "revoked": "cancelled"}
"""Columns, and what they are in the view of vouchers' balances."""


def by_payer(folded: Folded, programme_id: str) -> Iterator[Row]:
    """What each payer bears of what was granted, as the decisions divide it, and of what it paid or refunded."""
    bears, paid = Counter[str](), Counter[str]()
    for row in folded.tables.rows("applications", programme_id=programme_id, status="approved"):
        bears.update({each["payer"]: int(each["amount"]) for each in row["payers"] or ()})
    for row in folded.tables.rows("payer_shares", programme_id=programme_id, status="paid"):
        payment = folded.tables.get("payments", row["settlement_id"], row["provider_id"])
        paid[row["payer"]] += row["bears"] if payment is not None and payment["status"] == "paid" else 0
    for payer in sorted(bears | paid):
        yield {"scope": f"payer {payer}", "issued": bears[payer], "paid": paid[payer] if paid else None}


def by_envelope(folded: Folded, programme_id: str, uncommitted: int) -> Iterator[Row]:
    """What each envelope gives out, where a document has several or one of its own amount; by the newest document."""
    rules = folded.rules(programme_id)
    envelopes = () if rules is None else rules.document.budget.envelopes
    if rules is None or (len(envelopes) == 1 and envelopes[0].amount is None):
        return
    granted = {}
    for row in folded.tables.rows("vouchers", programme_id=programme_id):
        whole = folded.envelopes.granted.get(row["voucher_id"])
        if whole is not None:
            granted[row["voucher_id"]] = (
                whole if whole.day is not None else whole._replace(day=rules.day(row["issued_at"]))
            )
    sums, by_day = _sums(folded, programme_id, granted)
    today = rules.day(folded.time)
    for each in envelopes:
        known: dict[str, Any] = {"appropriated": None, "uncommitted": uncommitted, "committed_bps": None}
        if each.amount is not None:
            out, within = given_out(rules, each, today), days_of(rules, each, today)
            taken = sum(amount for (name, day), amount in by_day.items() if name == each.id and within.has(day or 0))
            left = max(min(uncommitted, out - taken), 0)
            known = {"appropriated": out, "uncommitted": left, "committed_bps": share(taken, out)}
        yield {"scope": f"envelope {each.id}", **known, **_shown(sums[each.id])}


def by_window(folded: Folded, programme_id: str) -> Iterator[Row]:
    """What was granted in each window of applications that are decided together, and what became of its vouchers."""
    windows = [row["window_id"] for row in folded.tables.rows("application_windows", programme_id=programme_id)]
    granted = {
        row["voucher_id"]: Granted(None, ((row["window_id"], 1),))
        for row in folded.tables.rows("applications", programme_id=programme_id)
        if row["voucher_id"] is not None and row["window_id"] is not None
    }
    sums, _ = _sums(folded, programme_id, granted)
    return ({"scope": f"window {name}", **_shown(sums[name])} for name in windows)


def _shown(sums: Counter[str]) -> Row:
    return {name: sums[name] for name in ("issued", *_OF_BALANCE)}


def _sums(
    folded: Folded, programme_id: str, granted: Mapping[str, Granted]
) -> tuple[dict[str, Counter[str]], Counter[tuple[str, int | None]]]:
    """By part what was issued less what was cancelled unspent, and where that is; and by part and day what was issued.

    A voucher in the place of another is of the same parts.
    """
    sums, by_day, parts = defaultdict[str, Counter[str]](Counter), Counter[tuple[str, int | None]](), dict(granted)
    vouchers = folded.tables.rows("vouchers", programme_id=programme_id)
    for row in sorted(vouchers, key=lambda row: int(row["issued_at"])):
        name = row["voucher_id"]
        whole = parts.get(name) or parts.get(row["restored_from"] or "")
        if whole is None:
            continue
        parts[name], balance = whole, folded.tables.get("vouchers_balance", name) or {}
        net = (row["face"] if row["restored_from"] is None else 0) - folded.envelopes.reversed[name]
        for part, amount in whole.divided(net).items():
            sums[part]["issued"] += amount
            by_day[part, whole.day] += amount
        for column, source in _OF_BALANCE.items():
            for part, amount in whole.divided(balance.get(source, 0)).items():
                sums[part][column] += amount
    return sums, by_day
