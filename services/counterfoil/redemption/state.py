"""Redemption's state: contracts under delivery, usage that awaits acceptance, and the subsidy earned by it.

A contract stays open until it has ended and the ledger has captured every report accepted under it; then a small record
of it stays. What the captures earned is claimable by itself. Conservation per contract, at every index: captured
subsidy = claimable + in claims that were not rejected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

from counterfoil.contract.codec import dump_event
from counterfoil.contract.limits import BPS
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.decider import ServiceState
from counterfoil.core.outages import Outages
from counterfoil.issuance.events import ProgrammePublished
from counterfoil.redemption.events import (
    ClaimSubmitted,
    ContractOpened,
    SettlementClosed,
)

MINUTES_PER_HOUR = 60


class Contract:
    """A delivery contract: its terms, which of its hours were reported (bit i: hour first_hour + i), what is pending.

    `index` is that of the entry that opened it: contracts that are due at the same time are taken in that order.
    """

    __slots__ = (
        "accepted", "captured", "ended_at", "index", "invoiced", "open_reports", "reported", "subsidised", "terms",
        "uncaptured",
    )  # fmt: skip

    def __init__(self, terms: ContractOpened, index: int) -> None:
        self.terms, self.index = terms, index
        self.reported = 0
        self.accepted = 0  # GPU-minutes
        self.invoiced = 0  # the price of those
        self.subsidised = 0  # what the ledger captured of vouchers
        self.captured = 0  # and in all, the co-payments included
        self.open_reports = 0  # reported, and neither accepted nor resolved yet
        self.uncaptured = 0  # accepted, and not captured by the ledger yet
        self.ended_at: int | None = None

    @property
    def ended(self) -> bool:
        """Whether it was completed or defaulted on; captures may still come."""
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

    def record(self) -> object:
        """Canonical record."""
        progress = [f"{self.reported:x}", self.accepted, self.open_reports, self.uncaptured, self.ended_at]
        amounts = [str(self.invoiced), str(self.subsidised), str(self.captured)]
        return [dump_event(self.terms), self.index, *progress, *amounts]


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

    def record(self) -> object:
        """Canonical record."""
        whose = [self.beneficiary_id, self.provider_id, self.programme_id, self.version]
        return [*whose, str(self.invoiced), str(self.subsidised), str(self.captured), self.ended_at]


class Report:
    """A usage report that is open: its window runs, or it is disputed until `resolve_by`."""

    __slots__ = ("contract_id", "dispute_until", "gpu_minutes", "resolve_by")

    def __init__(self, contract_id: str, gpu_minutes: int, dispute_until: int) -> None:
        self.contract_id, self.gpu_minutes, self.dispute_until = contract_id, gpu_minutes, dispute_until
        self.resolve_by: int | None = None

    @property
    def disputed(self) -> bool:
        """Whether it awaits a resolution."""
        return self.resolve_by is not None


class Claimable:
    """A contract's captured subsidy that is in no claim."""

    __slots__ = ("amount", "programme_id", "provider_id")

    def __init__(self, programme_id: str, provider_id: str) -> None:
        self.programme_id, self.provider_id = programme_id, provider_id
        self.amount = 0


class Claim:
    """A claim until it is rejected or paid; `batched` once it is part of a settlement."""

    __slots__ = ("status", "terms")

    def __init__(self, terms: ClaimSubmitted) -> None:
        self.terms = terms
        self.status: Literal["submitted", "approved", "batched"] = "submitted"


class RedemptionState(ServiceState):
    """Redemption's whole state. `windows` and `reporting` index what contracts and reports hold."""

    __slots__ = (
        "claimable", "claims", "contracts", "disputes", "ended", "invoices", "outages", "programmes",
        "reporting", "reports", "settlements", "windows",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.programmes: dict[str, dict[int, ProgrammePublished]] = {}  # every version, by number
        self.contracts: dict[str, Contract] = {}
        self.ended: dict[str, EndedContract] = {}
        self.reports: dict[str, Report] = {}
        self.claimable: dict[str, Claimable] = {}  # by contract, only amounts above 0
        self.claims: dict[str, Claim] = {}
        self.settlements: dict[str, SettlementClosed] = {}
        self.invoices: dict[tuple[str, str], str] = {}  # (provider, invoice number) -> the claim that used it
        self.outages = Outages()
        self.windows = Deadlines(self._window_runs)
        self.disputes = Deadlines(self._resolution_awaited)
        self.reporting = Deadlines(self._reports_wanted)

    def terms(self, programme_id: str, version: int) -> ProgrammeTerms:
        """The terms of a programme version."""
        return self.programmes[programme_id][version].terms

    def programme(self, programme_id: str) -> ProgrammePublished:
        """Any version of a programme: issuer and currency are the same in all of them."""
        return next(iter(self.programmes[programme_id].values()))

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

    def postpone(self) -> None:
        """Deadlines have moved: order the timers anew."""
        self.windows.postpone(self.dispute_until)
        self.disputes.postpone(self.resolve_by)
        self.reporting.postpone(self.report_by)

    def _window_runs(self, report_id: str) -> bool:
        report = self.reports.get(report_id)
        return report is not None and not report.disputed

    def _resolution_awaited(self, report_id: str) -> bool:
        report = self.reports.get(report_id)
        return report is not None and report.disputed

    def _reports_wanted(self, contract_id: str) -> bool:
        """Whether the contract defaults at its deadline; while a report is open, that report's end decides."""
        contract = self.open_contract(contract_id)
        return contract is not None and contract.open_reports == 0 and contract.missing_hours > 0

    def next_due(self) -> tuple[int, str] | None:
        """The earliest (time, timer kind)."""
        times = (
            (self.windows.next(), "dispute_window"),
            (self.disputes.next(), "resolution_window"),
            (self.reporting.next(), "reporting"),
        )
        return min(((time, kind) for time, kind in times if time is not None), default=None)

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records."""
        yield from self.common_records()
        for programme_id, versions in self.programmes.items():
            for version, event in versions.items():
                yield f"programme/{programme_id}/{version}", [event.issuer_id, event.terms_hash.hex()]
        yield from self.outages.records()
        yield from ((f"contract/{name}", contract.record()) for name, contract in self.contracts.items())
        yield from ((f"ended/{name}", contract.record()) for name, contract in self.ended.items())
        for report_id, report in self.reports.items():
            value = [report.contract_id, report.gpu_minutes, report.dispute_until, report.resolve_by]
            yield f"report/{report_id}", value
        for contract_id, earned in self.claimable.items():
            yield f"claimable/{contract_id}", [earned.programme_id, earned.provider_id, str(earned.amount)]
        yield from ((f"claim/{name}", [dump_event(claim.terms), claim.status]) for name, claim in self.claims.items())
        yield from ((f"settlement/{name}", dump_event(batch)) for name, batch in self.settlements.items())
        yield from ((f"invoice/{owner}/{number}", claim) for (owner, number), claim in self.invoices.items())
