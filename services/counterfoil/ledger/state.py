"""The ledger's state: positions, vouchers, holds, contracts and the terms of programmes.

Conservation per voucher, at every index: face = owners' posted balances (of which what is pending is held) + redeemed +
expired + cancelled + restored.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from counterfoil.contract.refusals import Code
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.form import AMOUNT, COUNT, FLAG, TEXT, TIME, Form, by_name, listed, row
from counterfoil.core.programmes import of_row
from counterfoil.core.table import CountedTable, Table
from counterfoil.ledger.accounts import Accounts
from counterfoil.ledger.chart import owner, owner_of
from counterfoil.ledger.credit_book import CreditBooks, CreditOrder, month_of
from counterfoil.ledger.encumbrances import Encumbrance, Encumbrances
from counterfoil.ledger.events import Draw, Leg
from counterfoil.ledger.holds import Holds
from counterfoil.ledger.open_vouchers import Voucher, Vouchers
from counterfoil.programme.documents import ProgrammesState
from counterfoil.programme.expiry import NEVER, Timetable, timetable
from counterfoil.programme.paying import Purchase
from counterfoil.programme.rules import Rules


class Contract(NamedTuple):
    """A trade under delivery: whose it is, what was invoiced so far, and how much of that was subsidy.

    `reversed`: how much of that subsidy was reversed since.
    """

    beneficiary_id: str
    provider_id: str
    programme_id: str
    version: int
    invoiced: int = 0
    subsidised: int = 0
    reversed: int = 0


class EndedContract(NamedTuple):
    """A contract as it was when it ended: nothing more is captured for it, but corrections may refer to it."""

    contract: Contract
    ended_at: int


class Claimed(NamedTuple):
    """What was taken of a voucher for a claim on an invoice, less what went back to it."""

    programme_id: str
    version: int
    voucher_id: str
    holder_id: str
    amount: int


class Captured(NamedTuple):
    """What was captured for a report, less what was reversed since."""

    contract_id: str
    draws: tuple[Draw, ...]
    co_payment: int


class Expiry(NamedTuple):
    """How far a voucher is on the way to its end: the steps taken for all holders; the last holder told of the next.

    `restored`: it was brought back once, and is not taken offline again.
    """

    taken: int
    told: str
    restored: bool


Leaving = Literal[
    "party_closed", "party_suspended", "programme_in_run_off", "programme_paused", "series_changed", "voucher_ended",
    "voucher_offline", "voucher_suspended",
]  # fmt: skip
"""Why an order for credit has to leave its book, whoever else is on it."""

_CONTRACT: Final = row(
    Contract, beneficiary_id=TEXT, provider_id=TEXT, programme_id=TEXT, version=COUNT, invoiced=AMOUNT,
    subsidised=AMOUNT, reversed=AMOUNT,
)  # fmt: skip
CONTRACT: Final = Form(
    "contract", ("contract_id",), _CONTRACT, "a trade under delivery; `invoiced` less `subsidised` was paid in cash"
)
ENDED: Final = Form(
    "ended", ("contract_id",), row(EndedContract, contract=_CONTRACT, ended_at=TIME), "a contract that has ended"
)
CAPTURED: Final = Form(
    "captured",
    ("report_id",),
    row(Captured, contract_id=TEXT, draws=listed(row(Draw, voucher_id=TEXT, amount=AMOUNT)), co_payment=AMOUNT),
    "what was captured for a report, of which vouchers, less what was reversed",
)

CLAIMED: Final = Form(
    "claimed",
    ("claim_id",),
    row(Claimed, programme_id=TEXT, version=COUNT, voucher_id=TEXT, holder_id=TEXT, amount=AMOUNT),
    "what was taken of a voucher for a claim on an invoice, less what went back to it",
)

GAIN: Final = Form(
    "gain",
    ("programme_id", "party_id"),
    by_name(AMOUNT),
    "what a party was issued of a programme's vouchers, or got from another holder, by day (since 1970-01-01)",
)


PURCHASE: Final = Form(
    "purchase",
    ("contract_id",),
    row(
        Purchase, traded_at=TIME, class_id=TEXT, region=TEXT, provider_id=TEXT, first_hour=COUNT, hours=COUNT,
        gpu_hours=COUNT, amount=AMOUNT,
    ),
    "what a trade buys by a document's rules, while it is delivered; `gpu_hours` are millionths",
)  # fmt: skip

EXPIRY: Final = Form(
    "expiry",
    ("voucher_id",),
    row(Expiry, taken=COUNT, told=TEXT, restored=FLAG),
    "how many steps to its end an open voucher under a document has taken, and which holder was told last of the next",
)


ADJUSTED: Final = Form("adjusted", ("programme_id",), AMOUNT, "what a programme pays in addition for earlier periods")
EXTENDED: Final = Form("extended", ("voucher_id",), COUNT, "how often an open voucher was extended")


class LedgerState(ProgrammesState):
    """The ledger's whole state.

    `expiring` and `cancelling`: vouchers with unheld value that is still to end, by when it may. `unfunding`: vouchers
    that may pay for no more trades, with bids that are to be closed for it. `lapsing`: transfers and pledges, by when
    they lapse; `freeing`: vouchers that have ended with some of them. `stepping`: the next steps of vouchers to their
    end, `NUMBER:VOUCHER`.
    """

    __slots__ = (
        "accounts", "adjusted", "cancelling", "captures", "claimed", "contracts", "credit", "encumbrances", "ended",
        "endless", "expiries", "expiring", "extended", "freeing", "gains", "holds", "lapsing", "no_end",
        "purchases", "stepping", "unfunding", "vouchers",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.accounts = Accounts()
        self.vouchers = Vouchers()
        self.holds = Holds()
        for table in (self.accounts.assets, self.vouchers.open, *self.holds.tables()):
            self.keep(table)
        self.encumbrances = Encumbrances()
        self.credit = CreditBooks(self._leaves_book)
        for further in (*self.encumbrances.tables(), *self.credit.tables()):
            self.keep(further)
        self.gains: Table[tuple[str, str], dict[str, int]] = self.keep(Table(GAIN))
        self.contracts: CountedTable[str, Contract] = self.keep(CountedTable(CONTRACT, of_row))
        self.ended: Table[str, EndedContract] = self.keep(Table(ENDED))
        self.claimed: Table[str, Claimed] = self.keep(Table(CLAIMED))
        self.captures: Table[str, Captured] = self.keep(Table(CAPTURED))
        self.purchases: Table[str, Purchase] = self.keep(Table(PURCHASE))
        self.expiries: Table[str, Expiry] = self.keep(Table(EXPIRY))
        self.extended: Table[str, int] = self.keep(Table(EXTENDED))
        self.adjusted: Table[str, int] = self.keep(Table(ADJUSTED))
        self.stepping = Deadlines(self._is_next_step)
        self.endless = Deadlines(self.gets_end)
        self.no_end: dict[str, dict[str, None]] = {}  # open vouchers without an end, by programme
        self.expiring = Deadlines(self.expires)
        self.cancelling = Deadlines(self.cancels)
        self.unfunding = Deadlines(self.unfunds)
        self.lapsing = Deadlines(self._is_encumbrance)
        self.freeing = Deadlines(self.frees)

    def rules_of(self, voucher: Voucher) -> Rules | None:
        """The rules of the document under which a voucher was issued; None if its programme has no document."""
        terms = self.terms(voucher.programme_id, voucher.version)
        return terms if isinstance(terms, Rules) else None

    def contract(self, contract_id: str) -> Contract:
        """A contract, open or ended."""
        found = self.contracts.get(contract_id)
        return self.ended[contract_id].contract if found is None else found

    def source_of(self, contract_id: str) -> Contract | Claimed | None:
        """What a line of a claim is about: a contract, or by the claim's own id what was taken for an invoice."""
        ended = self.ended.get(contract_id)
        found = self.contracts.get(contract_id) if ended is None else ended.contract
        return self.claimed.get(contract_id) if found is None else found

    # ownership ------------------------------------------------------------------------------------------------------

    def book(self, legs: tuple[Leg, ...]) -> None:
        """Book an event's legs; the owners of a voucher follow from its positions."""
        self.accounts.apply(legs)
        for leg in legs:
            voucher = self.vouchers.open.get(leg.asset)
            if voucher is None:
                continue
            for account in (leg.debit, leg.credit):
                party_id = owner_of(account)
                if party_id is not None:
                    self._index(voucher, party_id)
                    if leg.effect not in ("hold", "release"):
                        self.step_later(voucher)

    def _index(self, voucher: Voucher, party_id: str) -> None:
        """Let the vouchers of a party be those that it has a position in."""
        position = self.accounts.find(owner(party_id), voucher.voucher_id)
        self.vouchers.set_owner(voucher, party_id, owns=position.posted > 0, spends=position.available > 0)

    def held_voucher(self, voucher_id: str, party_id: str) -> Voucher | None:
        """The open voucher, if the party has or had a part of it: of others it knows nothing."""
        voucher = self.vouchers.open.get(voucher_id)
        return voucher if owner(party_id) in self.accounts.assets.get(voucher_id, {}) else None

    def owners(self, voucher_id: str) -> list[str]:
        """The owners of a voucher, sorted."""
        positions = self.accounts.assets.get(voucher_id, {})
        owning = (owner_of(account) for account, position in positions.items() if position.posted > 0)
        return sorted(party_id for party_id in owning if party_id is not None)

    def unheld(self, voucher_id: str) -> list[str]:
        """The owners of a voucher with value that is not held, sorted."""
        owners = self.owners(voucher_id)
        return [each for each in owners if self.accounts.find(owner(each), voucher_id).available > 0]

    def expires(self, voucher_id: str) -> bool:
        """Whether the voucher, once its time is over, is still to end, or to end for more of its owners."""
        voucher = self.vouchers.open.get(voucher_id)
        return voucher is not None and (not voucher.dead or (voucher.expired and bool(self.unheld(voucher_id))))

    def cancels(self, voucher_id: str) -> bool:
        """Whether the voucher was revoked and is still to end for more of its owners."""
        voucher = self.vouchers.open.get(voucher_id)
        return voucher is not None and voucher.status == "revoked" and bool(self.unheld(voucher_id))

    def unfunds(self, voucher_id: str) -> bool:
        """Whether bids on the book are to be closed because the voucher may pay for no more trades."""
        voucher = self.vouchers.open.get(voucher_id)
        barred = voucher is not None and (voucher.status != "active" or self.offline(voucher))
        return barred and self.rules.ends_funding and bool(self.holds.bids_on(voucher_id))

    def next_due(self) -> tuple[int, str] | None:
        """The earliest (time, timer kind)."""
        if self.unfunding.next() is not None:
            return 0, "funding_end"
        times = (
            (self.freeing.next(), "encumbrance_end"),
            (self.lapsing.next(), "encumbrance_end"),
            (self.stepping.next(), "expiry_step"),
            (self.expiring.next(), "voucher_expiry"),
            (self.cancelling.next(), "voucher_cancellation"),
            (self.endless.next(), "voucher_end"),
            (self.credit.next_due(), "credit_step"),
        )
        return min(((time, kind) for time, kind in times if time is not None), default=None)

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        super().rebuild()
        self.vouchers.forget_owners()
        self.holds.rebuild()
        self.expiring, self.cancelling = Deadlines(self.expires), Deadlines(self.cancels)
        self.unfunding, self.stepping = Deadlines(self.unfunds), Deadlines(self._is_next_step)
        self.encumbrances.rebuild()
        self.lapsing, self.freeing = Deadlines(self._is_encumbrance), Deadlines(self.frees)
        self.endless, self.no_end = Deadlines(self.gets_end), {}
        for id_, each in self.encumbrances.every():
            self.lapsing.add(each.until, 0, 0, id_)
        for voucher_id, voucher in self.vouchers.open.items():
            for party_id in self.owners(voucher_id):
                self._index(voucher, party_id)
            self.expire_later(voucher)
            self.cancel_later(voucher)
            self.unfund_later(voucher)
            self.free_later(voucher)
            self.step_later(voucher)
            self.end_later(voucher)
        self.credit.rebuild()

    def expire_later(self, voucher: Voucher) -> None:
        """Let the voucher end at its time, if it expires; those of one time end in the order of their credit."""
        ends_at = self.timetable(voucher).ends_at
        if ends_at < NEVER and self.expires(voucher.voucher_id):
            self.expiring.add(ends_at, voucher.index, 0, voucher.voucher_id)

    def cancel_later(self, voucher: Voucher) -> None:
        """Let more of the voucher end, if it was revoked and some is left."""
        if voucher.ended_at is not None and self.cancels(voucher.voucher_id):
            self.cancelling.add(voucher.ended_at, 0, 0, voucher.voucher_id)

    def unfund_later(self, voucher: Voucher) -> None:
        """Let the bids that the voucher was to pay for be closed, before anything else is decided."""
        if self.unfunds(voucher.voucher_id):
            self.unfunding.add(0, voucher.index, 0, voucher.voucher_id)
        self.credit.leave_voucher(voucher.voucher_id)

    # the way to the end ---------------------------------------------------------------------------------------------

    def timetable(self, voucher: Voucher) -> Timetable:
        """When which step to the voucher's end comes; without a document there is the end alone."""
        expiry = self.expiries.get(voucher.voucher_id)
        terms = None if expiry is None else self.terms(voucher.programme_id, voucher.version)
        if expiry is None or not isinstance(terms, Rules):
            return Timetable((), voucher.expires_at, None, voucher.expires_at)
        return timetable(terms, voucher.expires_at, restored=expiry.restored)

    def begin_expiry(self, voucher: Voucher, time: int, *, restored: bool) -> None:
        """Let a new voucher go its way to its end, from its credit on."""
        terms = self.terms(voucher.programme_id, voucher.version)
        if isinstance(terms, Rules):
            missed = timetable(terms, voucher.expires_at, restored=restored).missed(time)
            self.expiries[voucher.voucher_id] = Expiry(missed, "", restored)
        self.expire_later(voucher)
        self.step_later(voucher)
        self.end_later(voucher)

    # without an end -------------------------------------------------------------------------------------------------

    def gets_end(self, voucher_id: str) -> bool:
        """Whether an open voucher has no end, though its programme is in run-off."""
        voucher = self.vouchers.open.get(voucher_id)
        if voucher is None or voucher.dead or self.rules.endless_days is None:
            return False
        return voucher.expires_at >= NEVER and voucher_id in self.expiries and voucher.programme_id in self.phases

    def end_later(self, voucher: Voucher) -> None:
        """Know a voucher without an end; in a run-off it gets one before anything else is decided."""
        if voucher.expires_at < NEVER:
            return
        self.no_end.setdefault(voucher.programme_id, {})[voucher.voucher_id] = None
        if voucher.programme_id in self.phases:
            self.endless.add(0, voucher.index, 0, voucher.voucher_id)

    def has_end(self, voucher: Voucher) -> None:
        """Forget that a voucher has no end."""
        mine = self.no_end.get(voucher.programme_id, {})
        mine.pop(voucher.voucher_id, None)
        if not mine:
            self.no_end.pop(voucher.programme_id, None)

    # the way to the end, moved --------------------------------------------------------------------------------------

    def move_end(self, voucher: Voucher, expires_at: int, time: int) -> None:
        """Let an open voucher end later, and go its way to its end from `time` on once more. O(open vouchers)."""
        voucher_id, unfunding = voucher.voucher_id, self.unfunds(voucher.voucher_id)
        self.expiring.forget(voucher_id.__eq__)
        self.stepping.forget(lambda step_id: step_id.partition(":")[2] == voucher_id)
        self._set_end(voucher, expires_at)
        if unfunding and not self.unfunds(voucher_id):
            self.unfunding.ended()
        self.begin_expiry(voucher, time, restored=self.expiries[voucher_id].restored)

    def give_end(self, voucher: Voucher, expires_at: int, time: int) -> None:
        """Let an open voucher without an end have one: there is no deadline of it to be found among all others."""
        self._set_end(voucher, expires_at)
        self.endless.ended()
        self.begin_expiry(voucher, time, restored=self.expiries[voucher.voucher_id].restored)

    def _set_end(self, voucher: Voucher, expires_at: int) -> None:
        voucher_id = voucher.voucher_id
        owners = self.owners(voucher_id)
        for each in owners:
            self.vouchers.set_owner(voucher, each, owns=False, spends=False)
        self.vouchers.open.edit(voucher_id).expires_at = expires_at
        self.has_end(voucher)
        for each in owners:
            self._index(voucher, each)
        self.credit.leave_voucher(voucher.voucher_id)

    def bar(self, voucher: Voucher, time: int) -> Code | None:
        """Why the voucher cannot be drawn on at `time`; by ledger time alone, swept or not."""
        if voucher.status == "active" and voucher.voucher_id in self.expiries and time >= voucher.not_before:
            table = self.timetable(voucher)
            if table.offline_at <= time < table.ends_at:
                return Code.VOUCHER_OFFLINE
        return voucher.bar(time)

    def over(self, voucher: Voucher, time: int) -> bool:
        """Whether value that comes back of the voucher ends."""
        return voucher.dead or time >= self.timetable(voucher).ends_at

    def offline(self, voucher: Voucher) -> bool:
        """Whether a holder of the voucher was told that it is offline."""
        expiry = self.expiries.get(voucher.voucher_id)
        if expiry is None:
            return False
        begun = self.timetable(voucher).steps[: expiry.taken + bool(expiry.told)]
        return any(step.days is None for step in begun)

    def untold(self, voucher_id: str) -> list[str]:
        """The holders of a voucher that are still to be told of its next step, sorted."""
        return [each for each in self.owners(voucher_id) if each > self.expiries[voucher_id].told]

    def told(self, voucher_id: str, holder_id: str) -> None:
        """Count that a holder was told; the step is taken when all are."""
        expiry = self.expiries[voucher_id] = self.expiries[voucher_id]._replace(told=holder_id)
        self.step_later(self.vouchers.open[voucher_id])
        if self.expiries[voucher_id].taken > expiry.taken:
            self.stepping.ended()

    def has_step(self, voucher_id: str) -> bool:
        """Whether there is a step left to the end of the voucher, and somebody to be told of it."""
        voucher, expiry = self.vouchers.open.get(voucher_id), self.expiries.get(voucher_id)
        if voucher is None or expiry is None or voucher.dead:
            return False
        return expiry.taken < len(self.timetable(voucher).steps) and bool(self.untold(voucher_id))

    def told_until(self, cutoff: int) -> int:
        """Up to when value ends at once: not as of the next step that is to be told, which comes first."""
        step = self.stepping.next() if self.rules.notifies_first else None
        return cutoff if step is None else min(cutoff, step - 1)

    def _is_next_step(self, step_id: str) -> bool:
        number, _, voucher_id = step_id.partition(":")
        expiry = self.expiries.get(voucher_id)
        return expiry is not None and expiry.taken == int(number) and self.has_step(voucher_id)

    def step_later(self, voucher: Voucher) -> None:
        """Let the voucher take its next step to its end; the one before is taken if whoever was not told has left."""
        expiry = self.expiries.get(voucher.voucher_id)
        if expiry is not None and expiry.told and not self.untold(voucher.voucher_id):
            self.expiries[voucher.voucher_id] = expiry._replace(taken=expiry.taken + 1, told="")
        if self.has_step(voucher.voucher_id):
            taken = self.expiries[voucher.voucher_id].taken
            step_id = f"{taken}:{voucher.voucher_id}"
            self.stepping.add(self.timetable(voucher).steps[taken].at, voucher.index, 0, step_id)

    # the credit market -----------------------------------------------------------------------------------------------

    def bars_order(self, order: CreditOrder) -> Leaving | None:
        """Why an order for credit has to leave its book; None if it may stay."""
        if not order.remaining and not order.pending:
            return "voucher_ended"  # what it had left its book for ever
        party = self.directory.parties[order.party_id]
        if party.closed or party.suspended:
            return "party_closed" if party.closed else "party_suspended"
        if order.programme_id in self.phases:
            return "programme_in_run_off"
        if order.programme_id in self.credit.paused:
            return "programme_paused"
        return None if order.voucher_id is None else self._bars_offer(order, order.voucher_id)

    def _bars_offer(self, order: CreditOrder, voucher_id: str) -> Leaving | None:
        voucher = self.vouchers.open.get(voucher_id)
        if voucher is None or voucher.status != "active":
            return "voucher_suspended" if voucher is not None and voucher.status == "frozen" else "voucher_ended"
        if self.offline(voucher):
            return "voucher_offline"
        rules = self.rules_of(voucher)
        return "series_changed" if rules is None or month_of(rules, voucher.expires_at) != order.month else None

    def _leaves_book(self, order_id: str) -> bool:
        order = self.credit.orders.get(order_id)
        return order is not None and self.bars_order(order) is not None

    # transfers and pledges ------------------------------------------------------------------------------------------

    def _is_encumbrance(self, id_: str) -> bool:
        return self.encumbrances.find(id_) is not None

    def frees(self, voucher_id: str) -> bool:
        """Whether the voucher has ended, and something of it is still encumbered."""
        voucher = self.vouchers.open.get(voucher_id)
        return voucher is not None and voucher.dead and bool(self.encumbrances.on(voucher_id))

    def free_later(self, voucher: Voucher) -> None:
        """Let all that encumbers the voucher be closed before anything else is decided, if it has ended."""
        if self.frees(voucher.voucher_id):
            self.freeing.add(0, voucher.index, 0, voucher.voucher_id)

    def encumber(self, id_: str, each: Encumbrance) -> None:
        """Know one more transfer, pledge or part that waits."""
        self.encumbrances.open(id_, each)
        self.lapsing.add(each.until, 0, 0, id_)

    def disencumber(self, id_: str) -> None:
        """Forget an encumbrance that is over."""
        voucher_id = self.encumbrances.voucher(id_)
        freeing = self.frees(voucher_id)
        self.encumbrances.close(id_)
        self.lapsing.ended()
        if freeing and not self.frees(voucher_id):
            self.freeing.ended()
