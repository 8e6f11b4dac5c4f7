"""R2, the register of vouchers; R7, what expires, has expired, or lies idle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from counterfoil.contract.times import DAY, format_time
from counterfoil.reports.folding import Folded
from counterfoil.reports.report import Report, columns, places
from counterfoil.reports.tables import Row

_OF_FACE: Final = ("available", "held", "redeemed", "expired", "cancelled", "restored")


def _register(folded: Folded, programme_id: str) -> Iterator[Row]:
    tables = folded.tables
    holders: dict[str, list[Row]] = defaultdict(list)
    for row in tables.rows("holdings", programme_id=programme_id):
        if row["available"] or row["held"]:
            holders[row["voucher_id"]].append(row)
    decided = {row["voucher_id"]: row for row in tables.rows("applications", programme_id=programme_id)}
    for row in tables.rows("vouchers", programme_id=programme_id):
        voucher_id, application = row["voucher_id"], decided.get(row["voucher_id"], {})
        balance = tables.get("vouchers_balance", voucher_id) or dict.fromkeys(_OF_FACE)
        refs = [*tables.refs("vouchers", voucher_id)[-1:], *tables.refs("vouchers_balance", voucher_id)[-1:]]
        contract = application.get("contract")
        lines = application.get("lines") or ()
        yield {
            "voucher_id": voucher_id,
            "restored_from": row["restored_from"],
            "beneficiary_id": row["beneficiary_id"],
            "group_id": (tables.get("parties", row["beneficiary_id"]) or {}).get("group_id"),
            "version": row["version"],
            "application_id": application.get("application_id"),
            "instruments": sorted({each["instrument"] for each in lines}),
            "tiers": _tiers(folded, row, application),
            "basis": application.get("eligible"),
            "contract_sha256": None if contract is None else contract["sha256"],
            "issued_at": row["issued_at"],
            "not_before": row["not_before"],
            "expires_at": row["expires_at"],
            "status": row["status"],
            "status_reason": row["status_reason"],
            "face": row["face"],
            **{name: balance[name] for name in _OF_FACE},
            "tranches": [_tranche(each) for each in tables.rows("tranches", voucher_id=voucher_id)],
            "holders": [_holder(each) for each in holders[voucher_id]],
            "last_entries": places(refs),
        }


def _tiers(folded: Folded, voucher: Row, application: Row) -> list[dict[str, str | None]]:
    rules = folded.rules(voucher["programme_id"], voucher["version"])
    rates = {} if rules is None else {each.tier.id: each.tier.rate for each in rules.tiers}
    used = folded.tiers.get(application.get("application_id", ""), ())
    return [{"tier": name, "rate": rates.get(name)} for name in used]


def _holder(row: Row) -> dict[str, str]:
    amounts = {name: str(row[name]) for name in ("available", "held", "in_transfer", "pledged", "withheld")}
    return {"holder_id": row["holder_id"], **amounts}


def _tranche(row: Row) -> dict[str, Any]:
    said = {name: row[name] for name in ("number", "release_on", "due_on", "attester_id", "status")}
    amounts = {name: None if row[name] is None else str(row[name]) for name in ("amount", "used")}
    return {**said, **amounts, "status_since": format_time(row["status_since"])}


R2: Final = Report(
    id="R2",
    title="Voucher register",
    readers="owner, auditor",
    says="Every voucher, the terms that it was issued on, and where all of its face is: face = available + held +"
    " redeemed + expired + cancelled + restored.",
    columns=columns(
        "voucher_id text: the voucher; it keeps its id through every hand",
        "restored_from text: the voucher that this one took the place of",
        "beneficiary_id text: to whom it was issued",
        "group_id text: the beneficiary's group of related parties",
        "version int: of the programme's document",
        "application_id text: on which it was granted",
        "instruments json: that the application names",
        "tiers json: of the document that the decision used, each with its rate",
        "basis amount: what the decision found eligible",
        "contract_sha256 text: of the contract that was applied for",
        "issued_at time: when it was issued",
        "not_before time: from when on it pays",
        "expires_at time: until when it pays",
        "status text: active, suspended, revoked, returned or expired",
        "status_reason text: why",
        "face amount: what it was issued with",
        "available amount: what its holders can spend",
        "held amount: for orders, transfers and pledges, and until its release",
        "redeemed amount: captured",
        "expired amount: ended by expiry",
        "cancelled amount: ended by revocation or return",
        "restored amount: goes on as another voucher",
        "tranches json: parts that are released later, each with what it waits for, and whether it was or has lapsed",
        "holders json: who has what of it; what is in transfer, pledged or withheld is part of what is held",
        "last_entries json: the last entries that changed it, of issuance and of the ledger",
    ),
    rows=_register,
    lacks="Serial ranges: a voucher is one lot, and a part of it is an amount of a holder. How tier and rate follow"
    " from facts, R3 explains.",
)


# R7 -------------------------------------------------------------------------------------------------------------------


def _expiry(folded: Folded, programme_id: str) -> Iterator[Row]:
    tables = folded.tables
    notices: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in tables.rows("expiry_notices", programme_id=programme_id):
        notices[row["voucher_id"], row["holder_id"]].append(row)
    for row in tables.rows("holdings", programme_id=programme_id):
        key = (row["voucher_id"], row["holder_id"])
        voucher = tables.get("vouchers", row["voucher_id"]) or {}
        balance = tables.get("vouchers_balance", row["voucher_id"]) or {}
        offline = tables.get("offline_vouchers", *key) or {}
        idle = balance.get("redeemed") == 0 and row["held"] == row["withheld"]
        ended = balance.get("expired") or 0
        if not row["available"] and not offline and not ended:
            continue
        yield {
            "voucher_id": row["voucher_id"],
            "holder_id": row["holder_id"],
            "status": voucher.get("status"),
            "amount": row["available"],
            "held": row["held"],
            "expires_at": row["expires_at"],
            "days_left": max(0, (row["expires_at"] - folded.time) // DAY) if row["available"] else None,
            "dormant_days": (folded.time - row["held_since"]) // DAY if idle and row["available"] else None,
            "notices": [_notice(folded, each) for each in notices[key]],
            "extensions": [_extension(folded, each) for each in tables.rows("extensions", voucher_id=key[0])],
            "offline_at": offline.get("offline_at"),
            "restored": offline.get("restored", 0),
            "expired": offline["expired"] if offline else ended,
            "recycled": offline.get("recycled"),
        }


def _notice(folded: Folded, row: Row) -> dict[str, object]:
    refs = folded.tables.refs("expiry_notices", row["voucher_id"], row["holder_id"], row["days"])
    return {"days": row["days"], "amount": str(row["amount"]), "entries": places(refs)}


def _extension(folded: Folded, row: Row) -> dict[str, object]:
    said = {name: row[name] for name in ("days", "ground", "reason", "extended_by")}
    refs = folded.tables.refs("extensions", row["voucher_id"], row["number"])
    return {**said, "expired_at": format_time(row["expired_at"]), "entries": places(refs)}


R7: Final = Report(
    id="R7",
    title="Expiry and dormancy",
    readers="owner",
    says="What is about to expire, what lies unused, which notices its holders had, and what became of what expired.",
    columns=columns(
        "voucher_id text: the voucher",
        "holder_id text: who has, or had, a part of it",
        "status text: of the voucher",
        "amount amount: what the holder can spend of it",
        "held amount: for orders, transfers and pledges, and until its release",
        "expires_at time: until when it pays",
        "days_left int/days: until then, at `as_of`; null where nothing is left",
        "dormant_days int/days: since the holder has it, where nothing of the voucher was ever spent, or is held but"
        " until its release",
        "notices json: each with the days before the end, the amount then, and the entry that tells it",
        "extensions json: of the voucher, each with its days, why, by whom, and when it would have ended",
        "offline_at time: from when on it paid for nothing new",
        "restored amount: of what was offline, brought back at the holder's request",
        "expired amount: ended; of a voucher that was never offline, of all its holders together",
        "recycled json: whether what was offline and ended may be issued again",
    ),
    rows=_expiry,
    lacks="By which channel a notice reached its holder: the log shows that it was due and was published to it.",
)
