"""R1, where the budget is; R6, five ways in which its figures must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from counterfoil.contract.references import same_as
from counterfoil.contract.times import DAY, format_day
from counterfoil.ledger.chart import APPROPRIATION, OBLIGATED, budget, claim, owner_of
from counterfoil.reports.amounts import Amounts, amounts, in_claim
from counterfoil.reports.budget_parts import by_envelope, by_payer, by_window
from counterfoil.reports.claim_reports import payer_shares
from counterfoil.reports.folding import Folded
from counterfoil.reports.report import Report, columns, share
from counterfoil.reports.tables import Row

_OF_BUDGET: Final = (
    "appropriated", "adjusted", "returned", "uncommitted", "held", "captured", "claimed", "payable", "paid", "lapsed",
    "owed", "recovered", "written_off", "difference",
)  # fmt: skip


def _budget(folded: Folded, programme_id: str) -> Iterator[Row]:
    found = amounts(folded, programme_id)
    vouchers: Counter[str] = Counter()
    for row in folded.tables.rows("vouchers_balance", programme_id=programme_id):
        vouchers.update({name: row[name] for name in ("expired", "cancelled")})
    waiting = folded.tables.rows("tranches", programme_id=programme_id, status="withheld")
    issued = (folded.programme(programme_id) or {}).get("issued", 0)
    recycled = folded.flows.budget[programme_id, OBLIGATED, APPROPRIATION]
    whole = found.appropriated - found.returned
    yield {
        "scope": "programme",
        **{name: getattr(found, name) for name in _OF_BUDGET},
        "issued": issued,
        "available": found.live - found.held,
        "withheld": sum(row["amount"] for row in waiting),
        "expired": vouchers["expired"],
        "revoked": vouchers["cancelled"],
        "recycled": recycled,
        "committed_bps": share(whole - found.uncommitted, whole),
        "paid_bps": share(found.paid, whole),
        "exhausted_on": _exhausted(folded, programme_id, found),
    }
    parts = (
        by_payer(folded, programme_id),
        by_envelope(folded, programme_id, found.uncommitted),
        by_window(folded, programme_id),
    )
    blank = dict.fromkeys(each.name for each in R1.columns)
    yield from ({**blank, **row} for row in chain(*parts))


def _exhausted(folded: Folded, programme_id: str, found: Amounts) -> str | None:
    """The day on which nothing is uncommitted any more, if as much is issued a day as was since the first issue."""
    vouchers = [
        row for row in folded.tables.rows("vouchers", programme_id=programme_id) if row["restored_from"] is None
    ]
    issued = sum(row["face"] for row in vouchers)
    if not issued or found.uncommitted < 0:
        return None
    elapsed = max(folded.time - min(row["issued_at"] for row in vouchers), DAY)
    day = (folded.time + found.uncommitted * elapsed // issued) // DAY
    return format_day(day) if day < _LAST_DAY else None


_LAST_DAY: Final = 2_900_000  # days that have a form with four digits of a year

R1: Final = Report(
    id="R1",
    title="Budget execution",
    readers="owner, finance",
    says="Where every unit of the appropriation is; `difference` is 0, or something is missing. A row per payer says"
    " what it bears. A row per envelope of the newest document, where it has several or one with an amount, and per"
    " window of applications says what was granted from it, and where that is; what was granted from several is divided"
    " in proportion.",
    columns=columns(
        "scope text: the programme, or one payer, envelope or window of it",
        "appropriated amount: all that was ever appropriated; of an envelope, what it gives out in the period of"
        " `as_of`, with those before if they roll over",
        "adjusted amount: given beside that for what was paid too little in earlier periods",
        "returned amount: taken back from the appropriation, or given back with the closing",
        "uncommitted amount: free to be issued, also from an envelope",
        "issued amount: face of all vouchers ever issued, less what was cancelled unspent; of a payer, what it bears of"
        " grants on applications",
        "available amount: of living vouchers, held by no order",
        "held amount: of living vouchers, held for orders, transfers and pledges, and until its release",
        "withheld amount: of that, what waits for its release",
        "captured amount: redeemed, or adjusted, and in no claim",
        "claimed amount: in claims that are not decided",
        "payable amount: approved, and not paid",
        "paid amount: disbursed, net of payments that came back; of an allocation in kind, what was metered; of a"
        " payer, what it bears of payments that it paid, or refunded to who did",
        "lapsed amount: ended, and not to be issued again",
        "expired amount: of ended vouchers, by their expiry; part of what lapsed or was recycled",
        "revoked amount: of ended vouchers, revoked or given back; part of what lapsed or was recycled",
        "recycled amount: came back from vouchers and claims, to be issued again",
        "owed amount: owed by providers after reversals, clawbacks and credit notes",
        "recovered amount: paid back by providers",
        "written_off amount: owed by providers, and given up",
        "difference amount: appropriated + adjusted - returned + owed + recovered + written_off, less uncommitted,"
        " available, held, captured, claimed, payable, paid and lapsed",
        "committed_bps bps: no longer uncommitted, of appropriated - returned; of an envelope, granted in its period",
        "paid_bps bps: paid, of appropriated - returned",
        "exhausted_on day: when nothing is uncommitted, at the mean rate of issue so far; null if too far away",
    ),
    rows=_budget,
    lacks="What was captured, claimed and paid of each envelope: a claim is on vouchers, not on envelopes.",
)


# R6 -------------------------------------------------------------------------------------------------------------------


def _line(check: str, subject: str, left: tuple[str, int], right: tuple[str, int | None], **more: Any) -> Row:
    (left_is, first), (right_is, second) = left, right
    difference = None if second is None else first - second
    return {
        "check": check, "subject": subject, "left_is": left_is, "left": first, "right_is": right_is, "right": second,
        "difference": difference, "since": None, "age_days": None, "owner": None, **more,
    }  # fmt: skip


def _agree(folded: Folded, programme_id: str) -> Iterator[Row]:
    yield from _approvals(folded, programme_id)
    yield from _accounts(folded, programme_id)
    yield from _payees(folded, programme_id)
    yield from _payments(folded, programme_id)
    found = amounts(folded, programme_id)
    into = found.appropriated + found.adjusted - found.returned + found.recovered + found.written_off + found.owed
    yield _line("total", "budget", ("what came in", into), ("where it is", into - found.difference), owner="issuer")
    parts = ("obligated", found.obligated), ("living vouchers, and unsettled", found.live + found.unsettled)
    yield _line("total", "obligations", *parts, owner="issuer")


def _approvals(folded: Folded, programme_id: str) -> Iterator[Row]:
    """(i) What was approved, and what was issued for it; and what issuance issued, and the ledger credited."""
    tables, granted = folded.tables, set()
    for row in tables.rows("applications", programme_id=programme_id, status="approved"):
        voucher = None if row["voucher_id"] is None else tables.get("vouchers", row["voucher_id"])
        if voucher is not None:
            granted.add(row["voucher_id"])
        face = 0 if voucher is None else voucher["face"]
        if face != row["subsidy"]:
            since = row["status_since"]
            parts = ("approved", row["subsidy"]), ("issued", face)
            yield _line(
                "approvals", row["application_id"], *parts, **_since(folded, since), owner=row["beneficiary_id"]
            )
    approved = list(tables.rows("applications", programme_id=programme_id, status="approved"))
    issued = [row for row in tables.rows("vouchers", programme_id=programme_id) if row["restored_from"] is None]
    for_them = sum(row["face"] for row in issued if row["voucher_id"] in granted)
    parts = ("approved", sum(row["subsidy"] for row in approved)), ("issued for them", for_them)
    yield _line("approvals", "applications", *parts, owner="issuer")
    credited = sum(
        row["face"] for row in tables.rows("vouchers_balance", programme_id=programme_id) if _is_issue(folded, row)
    )
    parts = ("issued", sum(row["face"] for row in issued)), ("credited by the ledger", credited)
    yield _line("approvals", "vouchers", *parts, owner="issuer")


def _is_issue(folded: Folded, row: Row) -> bool:
    voucher = folded.tables.get("vouchers", row["voucher_id"])
    return voucher is None or voucher["restored_from"] is None


def _since(folded: Folded, time: int) -> dict[str, Any]:
    return {"since": time, "age_days": (folded.time - time) // DAY}


def _accounts(folded: Folded, programme_id: str) -> Iterator[Row]:
    """(ii) Each account: what came in less what went out is the balance that its last posting states."""
    vouchers = {row["voucher_id"] for row in folded.tables.rows("vouchers_balance", programme_id=programme_id)}
    sums: dict[str, list[int]] = {}
    for each in folded.flows.accounts():
        if each.asset in vouchers:
            name = "vouchers of owners" if owner_of(each.account) is not None else f"vouchers {each.account}"
        elif each.asset in (budget(programme_id), claim(programme_id)):
            name = f"{each.account} in {each.asset}"
        else:
            continue
        known = sums.setdefault(name, [0, 0])
        known[0] += each.inward - each.outward
        known[1] += each.stated.posted
        if each.asset in vouchers and (each.inward - each.outward, each.held) != (each.stated.posted, each.stated.held):
            parts = ("in - out", each.inward - each.outward), ("stated", each.stated.posted)
            yield _line("accounts", f"{each.account} in {each.asset}", *parts, owner="ledger")
    for name, (moved, stated) in sums.items():
        yield _line("accounts", name, ("in - out", moved), ("stated", stated), owner="ledger")


def _payees(folded: Folded, programme_id: str) -> Iterator[Row]:
    """(iii) Each payee: what was captured for it, by both logs, and what became of it."""
    tables, ledger, earned = folded.tables, folded.flows.payees, folded.earned
    now: Counter[tuple[str, str]] = Counter()
    for row in tables.rows("claims", programme_id=programme_id):
        if row["status"] in ("submitted", "approved"):  # others are in a settlement, or over
            now["in_claims", row["provider_id"]] += in_claim(row)
    for row in tables.rows("payments", programme_id=programme_id):
        now[row["status"], row["provider_id"]] += row["amount"]
    for row in tables.rows("payable", programme_id=programme_id):
        now["payable", row["provider_id"]] += row["amount"]
    named = {payee for programme, payee, _ in (*ledger, *earned.sums) if programme == programme_id}
    for name in sorted(named):
        came = earned.of(programme_id, name, "captured", "refunded")
        ended = earned.of(programme_id, name, "returned", "denied", "set_off", "reversed", "claimable", "given_up")
        is_now = sum(now[each, name] for each in ("in_claims", "due", "paid", "payable"))
        captured, settled = (ledger[programme_id, name, each] for each in ("captured", "settled"))
        ended_there = sum(ledger[programme_id, name, each] for each in ("denied", "returned"))
        ended_here = earned.of(programme_id, name, "denied", "returned", "given_up")
        for left, right in (
            (("captured, ledger", captured), ("captured, redemption", earned.of(programme_id, name, "captured"))),
            (("captured", came), ("claimed, paid, payable, ended", ended + is_now)),
            (("paid, ledger", settled), ("paid, redemption", now["paid", name])),
            (("denied or returned, ledger", ended_there), ("denied or returned, redemption", ended_here)),
        ):
            yield _line("payees", name, left, right, owner=name)


def _payments(folded: Folded, programme_id: str) -> Iterator[Row]:
    """(iv) Each payment, or each payer's part of it, and the bank's lines with its references, if there are any."""
    bank, known = folded.given.bank, set[str]()
    for row in folded.tables.rows("payments"):
        shares = list(payer_shares(folded, row))
        for part, amount, references in _transfers(folded, row, shares):
            known |= references
            if row["programme_id"] != programme_id or row["status"] == "carried":
                continue
            found = None if bank is None else sum(bank.get(each, 0) for each in references)
            name = f"{row['settlement_id']} {part['payment_reference'] or part['status']}"
            who = {**_since(folded, part["status_since"]), "owner": part.get("payer", row["provider_id"])}
            yield _line("payments", name, ("paid", amount), ("bank statement", found), **who)
    others = [] if bank is None else [amount for name, amount in bank.items() if name not in known]
    if others:
        name = f"{len(others)} references of the bank that no payment in these logs has"
        right = "bank statement", sum(others)
        yield {**_line("payments", name, ("paid", 0), right, owner="treasury"), "left": None, "difference": None}


def _transfers(folded: Folded, payment: Row, shares: list[Row]) -> Iterator[tuple[Row, int, set[str]]]:
    """What was paid and did not come back, and under which references; a payment that came back as a whole is one."""
    came_back = payment["status"] == "returned"
    if came_back or not shares:
        payers = [None, *(each["payer"] for each in shares if each["pays"])]
        paid = payment["amount"] if payment["status"] == "paid" else 0
        yield payment, paid, _references(folded, payment, payers)
    for each in shares:
        if not (came_back and each["pays"]):
            amount = (each["pays"] or each["bears"]) if each["status"] == "paid" else 0
            yield each, amount, _references(folded, each, [each["payer"]])


def _references(folded: Folded, part: Row, payers: list[str | None]) -> set[str]:
    """Under which the bank made a payment, or a part of it, each time, and returned it."""
    known = {same_as(part[name]) for name in ("payment_reference", "return_reference") if part[name] is not None}
    key = part["settlement_id"], part["provider_id"]
    return known.union(*(folded.references.get((*key, payer), ()) for payer in payers))


R6: Final = Report(
    id="R6",
    title="Five-way reconciliation",
    readers="auditor",
    says="Five ways in which figures from different places must agree: approvals and issues, every account and its"
    " postings, payees in the ledger and in redemption, payments and the bank's statement, and the total.",
    columns=columns(
        "check text: approvals, accounts, payees, payments, or total",
        "subject text: the application, account, payee or payment that is compared",
        "left_is text: what the first figure is",
        "left amount: the first figure; of payments, less what came back",
        "right_is text: what the second figure is",
        "right amount: the second figure; null where nothing is known of it",
        "difference amount: the first less the second; null of lines of the bank that no payment has: they may be of"
        " programmes outside these logs",
        "since time: when the first figure came to be, of a single thing",
        "age_days int/days: for how long that is, at `as_of`",
        "owner text: who can explain a difference",
    ),
    rows=_agree,
    lacks="The bank's statement is outside the logs: `--bank FILE` gives it, as CSV with the columns reference and"
    " amount (in units, less than nothing of what came back); without it, payments have no second figure.",
)
