"""What moved in the accounts of a party in a month, from the ledger's views, checked against their balances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from counterfoil.client.problems import NotProven, NotThere
from counterfoil.ledger.chart import budget, claim, owner_of

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway

Row = Mapping[str, Any]

WORDS: Final[Mapping[str, str | tuple[str, str]]] = {
    "adjustment.posted": "adjustment",
    "amendment.funded": "hold changed for amended order",
    "amendment.settled": "hold changed after amended order",
    "appropriation.posted": "appropriation",
    "appropriation.reduced": "appropriation reduced",
    "bond.divided": ("part of bond forfeited", "part of bond of provider received"),
    "bond.held": "bond held for offer",
    "bond.released": "bond released",
    "bond.slashed": ("bond slashed", "bond of provider received"),
    "capture.reversed": "capture reversed",
    "cash.deposited": "deposit",
    "cash.withdrawn": "withdrawal",
    "claim.released": "claim denied",
    "claim.reopened": "payment returned",
    "claim.settled": "payment of settlement",
    "clawback.posted": "clawback",
    "clawback.undone": "clawback undone",
    "contract.funded": "hold reduced to price of contract",
    "contract.reclaimed": ("part of bond forfeited", "part of bond of provider received"),
    "credit.bid_placed": "held for bid for credit",
    "credit.offered": "held for offer of credit",
    "credit.order_closed": "order for credit ended",
    "credit.trade_failed": "trade of credit failed",
    "credit.traded": "taken from order for credit",
    "hold.captured cash": ("co-payment", "co-payment received"),
    "hold.captured": "subsidy captured",
    "hold.placed": "held for bid",
    "hold.reduced": "hold reduced",
    "hold.released": "hold released",
    "invoice.captured": "subsidy of invoice captured",
    "invoice.returned": "subsidy of invoice returned",
    "pledge.enforced": ("pledge taken", "pledge received"),
    "pledge.made": "held for pledge",
    "pledge.released": "pledge released",
    "programme.closed": "closing of programme",
    "receivable.offset": "set off",
    "receivable.recovered": "paid back",
    "receivable.written_off": "written off",
    "rest.lapsed": "rest lapsed",
    "tranche.lapsed": "tranche lapsed",
    "tranche.released": "tranche released",
    "tranche.withheld": "withheld until release",
    "transfer.accepted": ("handed on", "received from another holder"),
    "transfer.closed": "transfer ended",
    "transfer.proposed": "held for transfer",
    "unclaimed.released": "unclaimed, released",
    "use.captured": "subsidy of use captured",
    "voucher.cancelled": "voucher revoked or given back",
    "voucher.credited": "voucher issued",
    "voucher.expired": "voucher expired",
    "voucher.reissued": "issued anew",
    "voucher.restored": ("restored as another voucher", "restored after default"),
    "voucher.surrendered": "given up for a new voucher",
}
"""By event, and kind of account where that matters: what a movement is called, or a decrease and an increase."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One posting. Amounts are micro-units; `posted` and `held` are the balances after it."""

    time: str
    what: str
    object_id: str
    reference: str
    counter_account: str
    entry: int
    posted_change: int
    held_change: int
    posted: int
    held: int


@dataclass(frozen=True, slots=True)
class Section:
    """One account of a statement. `kind`: cash, vouchers, claims, receivables or budget; of a budget, `name` is the
    account. `opening`, `closing`: (postings so far, posted, held)."""

    kind: str
    name: str
    programme_id: str | None
    currency: str
    opening: tuple[int, int, int]
    closing: tuple[int, int, int]
    movements: Sequence[Movement]


def sections_of(gateway: Gateway, party_id: str, month: str, wait_for: Sequence[str] = ()) -> list[Section]:
    """The accounts of a party, and of the budgets that it appropriates, which moved in the month or are not empty.

    What comes after the balances were read is left out. Raises `NotProven` if they do not add up, `NotThere` for an
    unknown party, and what queries raise.
    """
    gateway.get("parties", party_id, wait_for=wait_for)
    programmes = {str(row["programme_id"]): row for row in gateway.rows("programmes")}
    own = list(_accounts(gateway, {"party_id": party_id}, month))
    for programme_id, row in programmes.items():
        if row["issuer_id"] == party_id:
            found = _accounts(gateway, {"programme_id": programme_id}, month)
            own += [each for each in found if each[0][1] == budget(programme_id)]
    vouchers = {str(row["voucher_id"]): row for row in gateway.rows("vouchers", {"beneficiary_id": party_id})}
    sections = []
    for (account, asset), opening, closing, rows in own:
        kind, name, programme_id_ = _named(gateway, account, asset, programmes, vouchers)
        currency = asset if programme_id_ is None else str(programmes[programme_id_]["currency"])
        movements = [_movement(row, kind) for row in rows]
        section = Section(kind, name, programme_id_, currency, opening, closing, movements)
        check(section, account, asset)
        if movements or any(opening[1:]) or any(closing[1:]):
            sections.append(section)
    return sorted(sections, key=lambda each: (_ORDER.index(each.kind), each.programme_id or "", each.name))


_ORDER: Final = ("cash", "vouchers", "claims", "receivables", "budget")


def check(section: Section, account: str, asset: str) -> None:
    """Raise `NotProven` unless each posting follows the one before, and all lead from opening to closing balance."""
    n, posted, held = section.opening
    for each in section.movements:
        n, posted, held = n + 1, posted + each.posted_change, held + each.held_change
        if (each.posted, each.held) != (posted, held):
            raise NotProven(f"{account} in {asset}: the balance after ledger:{each.entry} does not follow")
    if (n, posted, held) != section.closing:
        raise NotProven(f"{account} in {asset}: opening balance and movements do not make the closing balance")


Found = tuple[tuple[str, str], tuple[int, int, int], tuple[int, int, int], list[Row]]
"""(account, asset), opening, closing, the postings in order."""


def _accounts(gateway: Gateway, where: Mapping[str, str], month: str) -> Iterator[Found]:
    """Every account with these values. The balances are read before the postings: those never lack one."""
    nothing = (0, 0, 0)
    closings = sorted(gateway.rows("closing_balances", where), key=_position)
    postings: dict[tuple[str, str], list[Row]] = {}
    for row in gateway.rows("postings", {**where, "month": month}):
        postings.setdefault(_position(row), []).append(row)
    for position, rows in groupby(closings, _position):
        by_month = {row["month"]: (int(row["n"]), int(row["posted"]), int(row["held"])) for row in rows}
        before = max((each for each in by_month if each < month), default=None)
        opening = nothing if before is None else by_month[before]
        closing = by_month.get(month, opening)
        moved = sorted((row for row in postings.get(position, ()) if int(row["n"]) <= closing[0]), key=itemgetter("n"))
        yield position, opening, closing, moved


def _position(row: Row) -> tuple[str, str]:
    return str(row["account"]), str(row["asset"])


def _named(
    gateway: Gateway, account: str, asset: str, programmes: Mapping[str, Row], vouchers: Mapping[str, Row]
) -> tuple[str, str, str | None]:
    """(kind, name, programme) of an account."""
    if owner_of(account) is not None:
        row = vouchers.get(asset)
        try:
            known = gateway.get("vouchers", asset) if row is None else row
        except NotThere:
            raise NotProven(f"{asset}: there is a balance, and no such voucher") from None
        return "vouchers", asset, str(known["programme_id"])
    for programme_id in programmes:
        if asset == budget(programme_id):
            return "budget", account, programme_id
        if asset == claim(programme_id):
            return account.partition("/")[0], programme_id, programme_id
    return account.partition("/")[0], asset, None


def _movement(row: Row, kind: str) -> Movement:
    change = int(row["posted_change"])
    words = WORDS.get(f"{row['event']} {kind}") or WORDS.get(row["event"], str(row["event"]))
    return Movement(
        time=str(row["posted_at"]),
        what=words if isinstance(words, str) else words[change >= 0],
        object_id=row["object_id"] or "",
        reference=row["reference"] or "",
        counter_account=str(row["counter_account"]),
        entry=int(row["index"]),
        posted_change=change,
        held_change=int(row["held_change"]),
        posted=int(row["posted"]),
        held=int(row["held"]),
    )


@dataclass(frozen=True, slots=True)
class Total:
    """The sections of one kind, currency and programme together. Of budgets each account is one."""

    kind: str
    programme_id: str | None
    currency: str
    opening: int
    increases: int
    decreases: int
    closing: int
    held: int


def totals(sections: Sequence[Section]) -> list[Total]:
    """Opening + increases - decreases = closing, for what belongs together. Raises `NotProven` if it does not."""
    found: dict[tuple[str, str | None, str], list[Section]] = {}
    for each in sections:
        kind = f"budget: {each.name}" if each.kind == "budget" else each.kind
        found.setdefault((kind, each.programme_id, each.currency), []).append(each)
    made = []
    for names, parts in found.items():
        changes = [move.posted_change for part in parts for move in part.movements]
        opening, closing, held = (
            sum(values) for values in zip(*((p.opening[1], p.closing[1], p.closing[2]) for p in parts), strict=True)
        )
        up, down = sum(each for each in changes if each > 0), -sum(each for each in changes if each < 0)
        if opening + up - down != closing:
            raise NotProven(f"{' '.join(filter(None, names))}: the totals do not add up")
        made.append(Total(*names, opening, up, down, closing, held))
    return made
