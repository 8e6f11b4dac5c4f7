"""Redemption's state: contracts under delivery, usage that awaits acceptance, and the subsidy earned by it.

A contract stays open until it has ended and the ledger has captured every report accepted under it; then a small record
of it stays. What the captures earned is claimable by itself. Conservation per contract, at every index: captured
subsidy = claimable + in claims that were neither rejected nor denied + denied + set off + reversed unclaimed. Per
programme: what was approved = in claims + in payments, due or paid + payable. Per provider and programme: what was
reversed after it was claimed = set off + recovered + owed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple, cast

from counterfoil.contract.limits import BPS
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.form import (
    AMOUNT,
    BITS,
    COUNT,
    FLAG,
    OCTETS,
    TEXT,
    TEXTS,
    TIME,
    TRUE,
    Form,
    event,
    one_of,
    optional,
    row,
)
from counterfoil.core.outages import Outages
from counterfoil.core.programmes import FOUR_EYES, of_key, of_row
from counterfoil.core.table import CountedTable, OwnedTable, Table
from counterfoil.programme.control import sets_off
from counterfoil.programme.documents import ProgrammesState
from counterfoil.programme.rules import Rules
from counterfoil.redemption import taken_back
from counterfoil.redemption.captured import CAPTURED, Captured
from counterfoil.redemption.events import ClaimSubmitted, ContractOpened
from counterfoil.redemption.last_days import SENT_BACK, LastDays
from counterfoil.redemption.notices import Notices
from counterfoil.redemption.reported import REPORT, Report
from counterfoil.redemption.shared import SHARED, Shared
from counterfoil.redemption.unpaid import Unpaid

MINUTES_PER_HOUR = 60


class Cancellation(NamedTuple):
    """A party would cancel a contract; the other side may agree before `until`."""

    by: str
    until: int


@dataclass(slots=True)
class Contract:
    """A delivery contract: its terms, which of its hours were reported (bit i: hour first_hour + i), what is pending.

    `index` is that of the entry that opened it: contracts that are due at the same time are taken in that order.
    """

    terms: ContractOpened
    index: int
    reported: int = 0
    accepted: int = 0
    """GPU-minutes."""
    invoiced: int = 0
    """The price of those."""
    subsidised: int = 0
    """What the ledger captured of vouchers."""
    captured: int = 0
    """And in all, the co-payments included."""
    open_reports: int = 0
    """Reported, and neither accepted nor resolved yet."""
    uncaptured: int = 0
    """Accepted, and not captured by the ledger yet."""
    ended_at: int | None = None
    cancellation: Cancellation | None = None
    """The last that was proposed."""

    @property
    def sides(self) -> tuple[str, str]:
        """Beneficiary and provider."""
        return self.terms.beneficiary_id, self.terms.provider_id

    @property
    def programme_id(self) -> str:
        """Which programme pays its subsidy."""
        return self.terms.programme_id

    @property
    def ended(self) -> bool:
        """Whether it was completed, cancelled or defaulted on; captures may still come."""
        return self.ended_at is not None

    @property
    def missing_hours(self) -> int:
        """How many hours were not reported yet."""
        return self.terms.hours - self.reported.bit_count()

    @property
    def hour_capacity(self) -> int:
        """The most GPU-minutes of one hour."""
        return self.terms.nodes * self.terms.gpus_per_node * MINUTES_PER_HOUR

    def is_delivered(self, gpu_minutes: int, min_bps: int) -> bool:
        """Whether so much accepted usage is delivery; if not, it is a default even if every hour was reported."""
        return gpu_minutes * BPS >= self.hour_capacity * self.terms.hours * min_bps

    def amount(self, gpu_minutes: int) -> int:
        """The price of an amount of usage: floor(price x gpu_minutes / 60)."""
        return self.terms.price * gpu_minutes // MINUTES_PER_HOUR

    def until(self, hour: int, report_by: int) -> Contract:
        """What is left of it if nothing is delivered from an hour on, to be reported by then (microseconds)."""
        terms = replace(self.terms, hours=hour - self.terms.first_hour, report_by=report_by)
        return replace(self, terms=terms)


class EndedContract(NamedTuple):
    """A contract that ended and was captured to the last report: it never changes, but corrections may refer to it.

    Amounts are those of the whole contract; `captured` is subsidy and co-payments together.
    """

    beneficiary_id: str
    provider_id: str
    programme_id: str
    version: int
    invoiced: int
    subsidised: int
    captured: int
    ended_at: int

    @property
    def sides(self) -> tuple[str, str]:
        """Beneficiary and provider."""
        return self.beneficiary_id, self.provider_id


def put(table: Table[Any, int], key: str | tuple[str, str], amount: int) -> None:
    """Set an amount in a table that has only amounts above 0."""
    if amount:
        table[key] = amount
    elif key in table:
        del table[key]


@dataclass(slots=True)
class Claimable:
    """A contract's captured subsidy that is in no claim; `rejected` of it was once."""

    programme_id: str
    provider_id: str
    amount: int = 0
    rejected: int = 0


@dataclass(slots=True)
class Claim:
    """A claim until it is rejected or part of a settlement; `terms` have what is still claimed, or approved."""

    terms: ClaimSubmitted
    status: Literal["submitted", "approved"] = "submitted"


@dataclass(slots=True)
class Settlement:
    """A settlement until each of its payees was paid or returned: those that are still to be."""

    programme_id: str
    due: tuple[str, ...]


@dataclass(slots=True)
class Payment:
    """What a settlement pays to a provider, and for which claims; kept when `paid`, since it may come back."""

    programme_id: str
    amount: int
    claim_ids: tuple[str, ...]
    paid: bool = False


class Endorsement(NamedTuple):
    """Who was the first of two to sign an act, and the hash of the command."""

    endorsed_by: str
    content: bytes


CONTRACT: Final = Form(
    "contract",
    ("contract_id",),
    row(
        Contract, terms=event(ContractOpened), index=COUNT, reported=BITS, accepted=COUNT, invoiced=AMOUNT,
        subsidised=AMOUNT, captured=AMOUNT, open_reports=COUNT, uncaptured=COUNT, ended_at=optional(TIME),
        cancellation=optional(row(Cancellation, by=TEXT, until=TIME)),
    ),
    "a contract that has not ended, or of which the ledger has not captured all; `reported`: bit i is set if the hour"
    " `first_hour` + i was reported",
)  # fmt: skip
ENDED: Final = Form(
    "ended",
    ("contract_id",),
    row(
        EndedContract, beneficiary_id=TEXT, provider_id=TEXT, programme_id=TEXT, version=COUNT, invoiced=AMOUNT,
        subsidised=AMOUNT, captured=AMOUNT, ended_at=TIME,
    ),
    "a contract that has ended, all of it captured",
)  # fmt: skip
CLAIMABLE: Final = Form(
    "claimable",
    ("contract_id",),
    row(Claimable, programme_id=TEXT, provider_id=TEXT, amount=AMOUNT, rejected=AMOUNT),
    "subsidy that was captured and is in no claim; `rejected` of it was once",
)
CLAIM: Final = Form(
    "claim",
    ("claim_id",),
    row(Claim, terms=event(ClaimSubmitted), status=one_of("submitted", "approved")),
    "a claim that was neither rejected nor put into a settlement",
)
OWED: Final = Form(
    "owed", ("programme_id", "provider_id"), AMOUNT, "what a provider owes a programme after reversals, above 0"
)
REVERSIBLE: Final = Form(
    "reversible", ("contract_id",), AMOUNT, "subsidy that was captured and neither reversed nor denied, above 0"
)
SUSPENDED: Final = Form(
    "suspended", ("programme_id", "provider_id"), TRUE, "the programme has suspended the provider: its claims wait"
)
SETTLEMENT: Final = Form(
    "settlement",
    ("settlement_id",),
    row(Settlement, programme_id=TEXT, due=TEXTS),
    "a settlement of which some payees, those in `due`, were neither paid nor returned",
)
PAYMENT: Final = Form(
    "payment",
    ("settlement_id", "provider_id"),
    row(Payment, programme_id=TEXT, amount=AMOUNT, claim_ids=TEXTS, paid=FLAG),
    "what a settlement pays to a provider, unless it was returned",
)
PAYABLE: Final = Form(
    "payable",
    ("programme_id", "provider_id"),
    AMOUNT,
    "what was approved and is in no settlement: carried from one as less than a minor unit, returned by the bank, or"
    " taken back wrongly",
)
ENDORSEMENT: Final = Form(
    "endorsement",
    ("object_id", "provider_id"),
    row(Endorsement, endorsed_by=TEXT, content=OCTETS),
    "the first of two signatures under an act on a claim or a settlement; `content`: SHA-256 of the command",
)


class RedemptionState(ProgrammesState):
    """Redemption's whole state. `windows` and `reporting` index what contracts and reports hold."""

    __slots__ = (
        "adjusted", "appeals", "came_back", "captures", "claimable", "claims", "clawbacks", "contracts", "disputes",
        "drawn", "ended", "endorsements", "four_eyes", "last_days", "notices", "outages", "owed", "paid", "payable",
        "payments", "reporting", "reports", "reversible", "sent_back", "settled", "settlements", "shared", "suspended",
        "unpaid_claims", "windows",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.suspended: Table[tuple[str, str], bool] = self.keep(Table(SUSPENDED))  # by programme and provider
        self.contracts: CountedTable[str, Contract] = self.keep(CountedTable(CONTRACT, of_row))
        self.ended: Table[str, EndedContract] = self.keep(Table(ENDED))
        self.reports: Table[str, Report] = self.keep(Table(REPORT))
        self.captures: Table[str, Captured] = self.keep(Table(CAPTURED))  # by report, for ever
        self.claimable: OwnedTable[str, Claimable] = self.keep(OwnedTable(CLAIMABLE, of_row))
        self.claims: CountedTable[str, Claim] = self.keep(CountedTable(CLAIM, lambda _, row: row.terms.programme_id))
        self.owed: CountedTable[tuple[str, str], int] = self.keep(CountedTable(OWED, of_key))
        self.reversible: Table[str, int] = self.keep(Table(REVERSIBLE))  # by contract, above 0
        self.settlements: CountedTable[str, Settlement] = self.keep(CountedTable(SETTLEMENT, of_row))
        self.payments: Table[tuple[str, str], Payment] = self.keep(Table(PAYMENT))  # by settlement and provider
        self.shared: Table[tuple[str, str], Shared] = self.keep(Table(SHARED))  # as payments
        self.payable: OwnedTable[tuple[str, str], int] = self.keep(OwnedTable(PAYABLE, of_key))
        self.sent_back: Table[tuple[str, str], int] = self.keep(Table(SENT_BACK))  # as payable, of it
        self.four_eyes: Table[tuple[str, str], bool] = self.keep(Table(FOUR_EYES))  # by programme and act
        self.endorsements: Table[tuple[str, str], Endorsement] = self.keep(Table(ENDORSEMENT))  # as payments and claims
        self.paid: Table[tuple[str, str], taken_back.Paid] = self.keep(Table(taken_back.PAID))  # as payments
        self.clawbacks: CountedTable[str, taken_back.Clawback] = self.keep(CountedTable(taken_back.CLAWBACK, of_row))
        self.settled: Table[tuple[str, str], taken_back.Settled] = self.keep(Table(taken_back.SETTLED))  # as payments
        self.came_back: Table[tuple[str, str], taken_back.Settled] = self.keep(Table(taken_back.CAME_BACK))
        self.adjusted: Table[tuple[str, str], int] = self.keep(Table(taken_back.ADJUSTED))  # as payments
        self.drawn: Table[str, tuple[taken_back.Line, ...]] = self.keep(Table(taken_back.DRAWN))  # as clawbacks
        self.unpaid_claims = Unpaid(self.keep)
        self.outages = Outages()
        self.keep(self.outages.table)
        self.last_days = LastDays(self._lapses, self.outages)
        self.keep(self.last_days.table)
        self.windows = Deadlines(self._window_runs)
        self.disputes = Deadlines(self._resolution_awaited)
        self.reporting = Deadlines(self._reports_wanted)
        self.appeals = Deadlines(self._may_be_contested)
        self.notices = Notices(lambda contract_id: self.open_contract(contract_id) is not None, self._lacks_reports)
        self.keep(self.notices.table)

    def open_contract(self, contract_id: str) -> Contract | None:
        """The contract, unless it has ended."""
        contract = self.contracts.get(contract_id)
        return None if contract is None or contract.ended else contract

    def report_by(self, contract_id: str) -> int:
        """When the contract's hours must have been reported; they can be in full once the last is delivered."""
        terms = self.contracts[contract_id].terms
        return self.outages.extended((terms.first_hour + terms.hours) * HOUR, terms.report_by)

    def dispute_until(self, report_id: str) -> int:
        """When the report's window closes."""
        report = self.reports[report_id]
        window = self.contracts[report.contract_id].terms.dispute_window_seconds * SECOND
        return self.outages.extended(report.dispute_until - window, report.dispute_until)

    def resolve_by(self, report_id: str) -> int:
        """When the dispute lapses, of a report that is disputed."""
        resolve_by = cast("int", self.reports[report_id].resolve_by)
        return self.outages.extended(resolve_by - self.rules.resolution_window, resolve_by)

    def appeal_until(self, clawback_id: str) -> int:
        """When an order to give back can be contested no more."""
        clawback = self.clawbacks[clawback_id]
        return self.outages.extended(clawback.ordered_at, clawback.until)

    def keep_clawback(self, clawback_id: str, clawback: taken_back.Clawback) -> None:
        """Know an order that may be contested."""
        self.clawbacks[clawback_id] = clawback
        self.enforce_later(clawback_id)

    def _may_be_contested(self, clawback_id: str) -> bool:
        clawback = self.clawbacks.get(clawback_id)
        return clawback is not None and not (clawback.appealed or clawback.in_force)

    def enforce_later(self, clawback_id: str) -> None:
        """Let an order come into force that waits for an appeal, if there is none."""
        if self._may_be_contested(clawback_id):
            self.appeals.add(self.appeal_until(clawback_id), 0, 0, clawback_id)

    def sets_off(self, programme_id: str) -> bool:
        """Whether what is owed to a programme is set off against what it pays: its newest document may say no."""
        terms = self.terms(programme_id, max(self.programmes[programme_id]))
        return not isinstance(terms, Rules) or sets_off(terms)

    def takes_back(self, programme_id: str) -> bool:
        """Whether a programme's newest document lets its issuer take back what was paid."""
        terms = self.terms(programme_id, max(self.programmes[programme_id]))
        return isinstance(terms, Rules) and terms.document.control.clawback is not None

    def postpone(self) -> None:
        """Deadlines have moved: order the timers anew."""
        self.windows.postpone(self.dispute_until)
        self.disputes.postpone(self.resolve_by)
        self.reporting.postpone(self.report_by)
        self.notices.reporting.postpone(self.report_by)
        self.appeals.postpone(self.appeal_until)
        self.last_days.postpone()

    def earn(self, contract_id: str, programme_id: str, provider_id: str, amount: int, rejected: int = 0) -> None:
        """Make so much more of a contract's subsidy claimable, of which some was rejected."""
        if contract_id not in self.claimable:
            self.claimable[contract_id] = Claimable(programme_id, provider_id)
        claimable = self.claimable.edit(contract_id)
        claimable.amount += amount
        claimable.rejected += rejected

    def keep_reversible(self, contract_id: str, change: int) -> None:
        """Change how much of a contract's subsidy may be reversed."""
        put(self.reversible, contract_id, self.reversible.get(contract_id, 0) + change)

    def _lapses(self, programme_id: str) -> bool:
        """Whether a programme in run-off has something that lapses on its last day, or none is set."""
        if self.rules.unclaimed_days is None or self.phases.get(programme_id) != "run_off":
            return False
        return (
            programme_id not in self.last_days.table
            or self.claimable.number(programme_id) > 0
            or any(self.unpaid(key) for key in self.payable.owned(programme_id))
        )

    def unpaid(self, key: tuple[str, str]) -> int:
        """How much of what is payable to a payee lapses: what the bank sent back in the run-off, or is too little.

        The rest waits for the issuer, who alone can settle it; so does all of a provider that it suspended.
        """
        if key in self.suspended:
            return 0
        sent_back = self.sent_back.get(key, 0)
        rest = self.payable[key] - sent_back
        return sent_back + (rest if rest < (self.minor_unit(self.currency(key[0])) or 1) else 0)

    def keep_sent_back(self, programme_id: str, provider_id: str, amount: int) -> None:
        """Know that the bank sent so much back, if it lapses some day."""
        if self.rules.unclaimed_days is not None and programme_id in self.phases:
            key = (programme_id, provider_id)
            put(self.sent_back, key, self.sent_back.get(key, 0) + amount)

    def _window_runs(self, report_id: str) -> bool:
        report = self.reports.get(report_id)
        return report is not None and not report.disputed

    def _resolution_awaited(self, report_id: str) -> bool:
        report = self.reports.get(report_id)
        return report is not None and report.disputed

    def _reports_wanted(self, contract_id: str) -> bool:
        """Whether the contract defaults at its deadline, and not at that of what a reclaim has left of it."""
        return not self.notices.is_over(contract_id) and self._lacks_reports(contract_id)

    def _lacks_reports(self, contract_id: str) -> bool:
        """Whether hours are to be reported; while a report is open, that report's end decides."""
        contract = self.open_contract(contract_id)
        return contract is not None and contract.open_reports == 0 and contract.missing_hours > 0

    def next_due(self) -> tuple[int, str] | None:
        """The earliest (time, timer kind)."""
        times = (
            (self.windows.next(), "dispute_window"),
            (self.disputes.next(), "resolution_window"),
            (self.reporting.next(), "reporting"),
            (self.notices.reporting.next(), "reporting"),
            (self.notices.reclaiming.next(), "reclaim"),
            (self.appeals.next(), "appeal"),
            (self.last_days.next(), "last_day"),
        )
        return min(((time, kind) for time, kind in times if time is not None), default=None)

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        super().rebuild()
        self.outages.rebuild()
        self.windows = Deadlines(self._window_runs)
        self.disputes = Deadlines(self._resolution_awaited)
        self.reporting = Deadlines(self._reports_wanted)
        self.appeals = Deadlines(self._may_be_contested)
        for clawback_id in self.clawbacks:
            self.enforce_later(clawback_id)
        self.last_days.rebuild(self.phases if self.rules.unclaimed_days is not None else ())
        for report_id, report in self.reports.items():
            self.decide_later(report_id, report)
        self.notices.rebuild(self.contracts)
        for contract in self.contracts.values():
            self.default_later(contract)

    def overdue(self, cutoff: int, most: int) -> list[str]:
        """Contracts whose hours were to be reported by then, as many as one entry takes."""
        whole = self.reporting.reached(cutoff, most)
        return whole + self.notices.reporting.reached(cutoff, most - len(whole))

    def decide_later(self, report_id: str, report: Report) -> None:
        """Let a report be accepted once its window, or that of its dispute, is over."""
        if report.resolve_by is None:
            self.windows.add(self.dispute_until(report_id), report.index, report.item, report_id)
        else:
            self.disputes.add(self.resolve_by(report_id), report.index, report.item, report_id)

    def default_later(self, contract: Contract) -> None:
        """Let a contract be defaulted on at its deadline, if it still waits for reports."""
        contract_id = contract.terms.contract_id
        queue = self.notices.reporting if self.notices.is_over(contract_id) else self.reporting
        if self._lacks_reports(contract_id):
            queue.add(self.report_by(contract_id), contract.index, 0, contract_id)
