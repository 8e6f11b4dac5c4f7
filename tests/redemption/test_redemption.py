"""Delivery: the right decision, the first refusal that applies, and limits kept exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.core.rules import LATEST, RULES
from counterfoil.matching.events import TradeMatched
from counterfoil.redemption import acceptance, cancellations, contracts, corrections, disputes, reclaims, usage
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCancellation,
    AgreeCorrection,
    ProposeCancellation,
    ResolveDispute,
    WithdrawDelivery,
    WithdrawDispute,
)
from counterfoil.redemption.events import (
    CaptureRecorded,
    ClaimSubmitted,
    ContractCompleted,
    ContractOpened,
    DisputeRaised,
    ProviderDefaulted,
    UsageAccepted,
    UsageReported,
)
from counterfoil.redemption.notice_events import ContractWithdrawn
from counterfoil.redemption.service import DECIDER
from tests.given import Scenario, codes_in
from tests.redemption.world import (
    END,
    FIRST,
    FULL,
    PRICE,
    REP,
    REPORT_BY,
    T0,
    WINDOW,
    captured,
    carrying,
    claim,
    correction,
    dispute,
    disputed,
    earned,
    opened,
    pending,
    people,
    programme,
    reclaim,
    report,
    reported,
    short,
    trade,
)

MAX_READINGS = RULES[LATEST].max_readings
MAX_ITEMS_PER_SWEEP = RULES[LATEST].max_items_per_sweep

SOON = T0 + HOUR + 1
LAPSES = T0 + HOUR + 1 + 7 * DAY  # when the dispute of `disputed` does
HALF = 3 * FULL // 2  # of all that c1 can deliver: enough, and one GPU-minute less is not
ACCEPT, DISPUTE = AcceptUsage(report_id=REP), dispute(REP)
WITHDRAW = WithdrawDelivery(contract_id="c1", reason="fire")
WITHDRAWN = WithdrawDispute(report_id=REP)
AGREED = AgreeCorrection(report_id=REP, correction_id="cor-15-0")
CANCEL, CANCEL_TOO = ProposeCancellation(contract_id="c1", reason="fire"), AgreeCancellation(contract_id="c1")


def digests(count: int) -> tuple[bytes, ...]:
    return tuple(bytes([number]) * 32 for number in range(count))


def cancelling() -> Scenario:
    """Entry 14: the beneficiary would cancel c1, whose delivery begins in two hours."""
    return opened().when(CANCEL, "lab-1")


def resolve(gpu_minutes: int, report_id: str = REP) -> ResolveDispute:
    return ResolveDispute(report_id=report_id, gpu_minutes=gpu_minutes, reason="meter read")


def accepted(report_id: str, gpu_minutes: int, by: str, contract_id: str = "c1") -> UsageAccepted:
    amount = PRICE * gpu_minutes // 60
    return UsageAccepted(
        report_id=report_id, contract_id=contract_id, gpu_minutes=gpu_minutes, amount=amount, by=by  # type: ignore[arg-type]
    )  # fmt: skip


def defaulted(missing_hours: int, cause: str = "usage_not_reported") -> ProviderDefaulted:
    return ProviderDefaulted(contract_id="c1", provider_id="gpu-1", cause=cause, missing_hours=missing_hours)  # type: ignore[arg-type]


# refusals -------------------------------------------------------------------------------------------------------------

Row = tuple[Callable[[], Scenario], Body, str, int | None, Code]
LONG = tuple((hour, 1) for hour in range(MAX_READINGS + 1))

# Each row: the story so far, a command, its actor, when, the refusal. Two faults in one command: the first code counts.
REPORTING: list[Row] = [
    (opened, report("c9", (0, 1)), "gpu-1", END, Code.UNKNOWN_CONTRACT),
    (earned, report("c1", (0, 1)), "gpu-1", END, Code.UNKNOWN_CONTRACT),
    (opened, report("c1", (0, 1)), "gpu-2", END, Code.UNKNOWN_CONTRACT),
    (opened, report("c1"), "gpu-2", END, Code.UNKNOWN_CONTRACT),
    (opened, report("c1"), "gpu-1", END, Code.EMPTY_LIST),
    (opened, report("c1"), "gpu-1", REPORT_BY, Code.EMPTY_LIST),
    (opened, report("c1", *LONG), "gpu-1", END, Code.OVER_LIMIT),
    (opened, report("c1", (0, 1)), "gpu-1", T0 + HOUR - 1, Code.USAGE_NOT_DELIVERED_YET),
    (opened, report("c1", (-1, 1), (2, 1)), "gpu-1", END - 1, Code.USAGE_NOT_DELIVERED_YET),
    (opened, report("c1", (2, 1), (0, 1)), "gpu-1", END - 1, Code.USAGE_NOT_DELIVERED_YET),
    (opened, report("c1", (-1, 1)), "gpu-1", END, Code.HOUR_NOT_IN_CONTRACT),
    (opened, report("c1", (3, 1)), "gpu-1", END + HOUR, Code.HOUR_NOT_IN_CONTRACT),
    (reported, report("c1", (0, 1), (3, 1)), "gpu-1", END + HOUR, Code.HOUR_NOT_IN_CONTRACT),
    (reported, report("c1", (0, 1)), "gpu-1", END, Code.HOUR_ALREADY_REPORTED),
    (reported, report("c1", (1, 1), (0, 1)), "gpu-1", END, Code.HOUR_ALREADY_REPORTED),
    (opened, report("c1", (0, 1), (0, 1)), "gpu-1", END, Code.READINGS_NOT_ORDERED),
    (opened, report("c1", (1, FULL + 1), (0, 1)), "gpu-1", END, Code.READINGS_NOT_ORDERED),
    (opened, report("c1", (0, FULL), (1, FULL + 1)), "gpu-1", END, Code.EXCEEDS_CAPACITY),
    (opened, report("c1", (0, FULL + 1)), "gpu-1", REPORT_BY, Code.EXCEEDS_CAPACITY),
    (opened, report("c1", (0, FULL)), "gpu-1", REPORT_BY, Code.REPORTING_CLOSED),
    (opened, WithdrawDelivery(contract_id="c9", reason="x"), "gpu-1", None, Code.UNKNOWN_CONTRACT),
    (reported, WITHDRAW, "gpu-2", None, Code.UNKNOWN_CONTRACT),
    (reported, WITHDRAW, "gpu-1", None, Code.USAGE_OPEN),
    (disputed, WITHDRAW, "gpu-1", None, Code.USAGE_OPEN),
    (opened, WITHDRAW, "lab-1", None, Code.ROLE_NOT_ALLOWED),
]
DECIDING: list[Row] = [
    (opened, ACCEPT, "lab-1", None, Code.UNKNOWN_REPORT),
    (opened, DISPUTE, "lab-1", None, Code.UNKNOWN_REPORT),
    (lambda: reported().when(ACCEPT, "lab-1"), ACCEPT, "lab-1", None, Code.UNKNOWN_REPORT),
    (reported, ACCEPT, "lab-2", None, Code.UNKNOWN_REPORT),
    (disputed, DISPUTE, "lab-2", None, Code.UNKNOWN_REPORT),
    (disputed, ACCEPT, "lab-1", None, Code.REPORT_NOT_OPEN),
    (disputed, DISPUTE, "lab-1", None, Code.REPORT_NOT_OPEN),
    (reported, ACCEPT, "lab-1", T0 + HOUR + WINDOW, Code.REPORT_NOT_OPEN),
    (reported, DISPUTE, "lab-1", T0 + HOUR + WINDOW, Code.REPORT_NOT_OPEN),
    (opened, resolve(1), "op", None, Code.UNKNOWN_REPORT),
    (disputed, resolve(FULL + 1), "op", None, Code.EXCEEDS_CAPACITY),
    (reported, resolve(FULL + 1), "op", None, Code.EXCEEDS_CAPACITY),
    (reported, resolve(FULL), "op", None, Code.REPORT_NOT_DISPUTED),
    (disputed, resolve(FULL), "op", LAPSES, Code.REPORT_NOT_DISPUTED),  # it lapsed, although no sweep has run
    (disputed, resolve(FULL + 1), "op", LAPSES, Code.EXCEEDS_CAPACITY),
    (disputed, resolve(FULL), "lab-1", None, Code.ROLE_NOT_ALLOWED),
    (reported, dispute(REP, 0, 0), "lab-1", None, Code.DUPLICATE_ITEM),
    (reported, dispute(REP, 1, 1), "lab-1", None, Code.DUPLICATE_ITEM),
    (reported, dispute(REP, *range(MAX_READINGS + 1)), "lab-1", None, Code.OVER_LIMIT),
    (reported, dispute(REP, evidence=digests(17)), "lab-1", None, Code.OVER_LIMIT),
    (reported, dispute(REP, 1), "lab-1", None, Code.HOUR_NOT_IN_REPORT),
    (disputed, dispute(REP, 1), "lab-1", None, Code.HOUR_NOT_IN_REPORT),
    (opened, WITHDRAWN, "lab-1", None, Code.UNKNOWN_REPORT),
    (disputed, WITHDRAWN, "gpu-1", None, Code.UNKNOWN_REPORT),
    (reported, WITHDRAWN, "lab-2", None, Code.UNKNOWN_REPORT),
    (reported, WITHDRAWN, "lab-1", None, Code.REPORT_NOT_DISPUTED),
    (disputed, WITHDRAWN, "lab-1", LAPSES, Code.REPORT_NOT_DISPUTED),
    (short, ACCEPT, "lab-1", None, Code.CORRECTION_OPEN),
    (short, ACCEPT, "lab-1", T0 + HOUR + WINDOW, Code.REPORT_NOT_OPEN),
    (lambda: short().when(DISPUTE, "lab-1"), WITHDRAWN, "lab-1", None, Code.CORRECTION_OPEN),
]
CORRECTING: list[Row] = [
    (opened, correction(REP, (0, 1)), "gpu-1", None, Code.UNKNOWN_REPORT),
    (reported, correction(REP, (0, 1)), "gpu-2", None, Code.UNKNOWN_REPORT),
    (reported, correction(REP), "gpu-2", None, Code.UNKNOWN_REPORT),
    (reported, correction(REP), "gpu-1", None, Code.EMPTY_LIST),
    (reported, correction(REP, *LONG), "gpu-1", None, Code.OVER_LIMIT),
    (reported, correction(REP, (0, 1), (0, 1)), "gpu-1", None, Code.READINGS_NOT_ORDERED),
    (reported, correction(REP, (1, FULL + 1)), "gpu-1", None, Code.EXCEEDS_CAPACITY),
    (reported, correction(REP, (1, 1)), "gpu-1", None, Code.HOUR_NOT_IN_REPORT),
    (reported, correction(REP, (1, 1)), "gpu-1", T0 + HOUR + WINDOW, Code.HOUR_NOT_IN_REPORT),
    (reported, correction(REP, (0, 1)), "gpu-1", T0 + HOUR + WINDOW, Code.REPORT_NOT_OPEN),
    (disputed, correction(REP, (0, 1)), "gpu-1", LAPSES, Code.REPORT_NOT_OPEN),
    (opened, AGREED, "lab-1", None, Code.UNKNOWN_REPORT),
    (short, AGREED, "lab-2", None, Code.UNKNOWN_REPORT),
    (short, AGREED, "gpu-1", None, Code.UNKNOWN_PROPOSAL),  # who proposes cannot agree for the other side
    (reported, AGREED, "lab-1", None, Code.UNKNOWN_PROPOSAL),
    (lambda: short().when(correction(REP, (0, 7)), "gpu-1"), AGREED, "lab-1", None, Code.UNKNOWN_PROPOSAL),
    (short, AGREED, "lab-1", T0 + HOUR + WINDOW, Code.REPORT_NOT_OPEN),
]
CANCELLING: list[Row] = [
    (opened, CANCEL, "gpu-2", None, Code.UNKNOWN_CONTRACT),
    (earned, CANCEL, "gpu-1", None, Code.UNKNOWN_CONTRACT),
    (opened, CANCEL, "gpu-1", T0, Code.DELIVERY_BEGUN),
    (cancelling, CANCEL, "lab-1", None, Code.CANCELLATION_OPEN),
    (cancelling, CANCEL, "gpu-1", T0, Code.DELIVERY_BEGUN),
    (earned, CANCEL_TOO, "gpu-1", None, Code.UNKNOWN_CONTRACT),
    (cancelling, CANCEL_TOO, "gpu-2", None, Code.UNKNOWN_CONTRACT),
    (opened, CANCEL_TOO, "gpu-1", None, Code.UNKNOWN_PROPOSAL),
    (cancelling, CANCEL_TOO, "lab-1", None, Code.UNKNOWN_PROPOSAL),  # who proposes cannot agree for the other side
    (cancelling, CANCEL_TOO, "gpu-1", T0, Code.UNKNOWN_PROPOSAL),
]
RECLAIMING: list[Row] = [
    (carrying, reclaim(1), "gpu-2", None, Code.UNKNOWN_CONTRACT),
    (carrying, reclaim(3), "gpu-1", None, Code.HOUR_NOT_IN_CONTRACT),
    (opened, reclaim(1), "gpu-1", None, Code.NOT_RECLAIMABLE),
    (pending, reclaim(2), "gpu-1", None, Code.RECLAIM_PENDING),
    (carrying, reclaim(1), "gpu-1", T0 + 1, Code.RECLAIM_TOO_SOON),
    (carrying, WITHDRAW, "gpu-1", None, Code.NOTICE_NEEDED),
    (pending, WITHDRAW, "gpu-1", None, Code.RECLAIM_PENDING),
    (pending, report("c1", (1, FULL)), "gpu-1", END, Code.HOUR_NOT_IN_CONTRACT),
]
REFUSALS = [*REPORTING, *DECIDING, *CORRECTING, *CANCELLING, *RECLAIMING]


@pytest.mark.parametrize(("story", "command", "actor", "at", "code"), REFUSALS)
def test_refusals(story: Callable[[], Scenario], command: Body, actor: str, at: int | None, code: Code) -> None:
    scenario = story()
    assert not isinstance(scenario.last, Refusal), scenario.last
    before = scenario.records()
    scenario.when(command, actor, at).refused(code)
    assert scenario.records() == before


def test_every_refusal_is_in_the_tables() -> None:
    deciding = (acceptance, cancellations, contracts, corrections, disputes, reclaims, usage)
    assert codes_in(*deciding) == {code for *_, code in REFUSALS} - {Code.ROLE_NOT_ALLOWED}


# contracts and usage --------------------------------------------------------------------------------------------------


def test_a_trade_waits_for_the_programme_version_that_it_names() -> None:
    """Matching may have received it from issuance earlier."""
    scenario, later = people(), trade("c1", version=2)
    ready = DECIDER.ready[TradeMatched]
    assert ready(scenario.state, trade("c1"))
    assert not ready(scenario.state, later)
    assert not ready(scenario.state, trade("c1", programme_id="p9"))
    scenario.reacts_to(programme("p1", "city", 2, report_within_seconds=3_600))
    assert ready(scenario.state, later)
    scenario.reacts_to(later).then_types(ContractOpened)
    assert scenario.state.contracts["c1"].terms.report_by == REPORT_BY - HOUR


def test_a_trade_becomes_a_contract() -> None:
    people().reacts_to(trade("trd-7-0-1")).then(
        ContractOpened(
            contract_id="trd-7-0-1",
            beneficiary_id="lab-1",
            provider_id="gpu-1",
            programme_id="p1",
            version=1,
            currency="CNY",
            nodes=2,
            gpus_per_node=4,
            first_hour=FIRST,
            hours=3,
            price=PRICE,
            report_by=REPORT_BY,
            dispute_window_seconds=3_600,
        )
    )


def test_usage_is_priced_by_its_sum_rounded_down_once() -> None:
    command = report("c1", (0, 1), (2, 1))
    opened().when(command, "gpu-1", END).then(
        UsageReported(
            report_id=REP,
            contract_id="c1",
            readings=command.readings,
            gpu_minutes=2,
            amount=3_333,  # 2 x 100,001 / 60 = 3,333.36..., while a single minute is 1,666.68...
            dispute_until=END + WINDOW,
        )
    )


@pytest.mark.parametrize(
    ("command", "at"),
    [
        (report("c1", (0, FULL)), T0 + HOUR),  # the instant the hour ends
        (report("c1", (0, 0)), END),
        (report("c1", (0, FULL), (1, FULL), (2, FULL)), END),
        (report("c1", (2, FULL)), REPORT_BY - 1),
    ],
)
def test_usage_is_taken_up_to_the_bounds(command: Body, at: int) -> None:
    opened().when(command, "gpu-1", at).then_types(UsageReported)


def test_a_report_has_at_most_so_many_readings() -> None:
    scenario = opened(hours=MAX_READINGS + 1, dispute_window_seconds=0)
    late = T0 + (MAX_READINGS + 1) * HOUR
    scenario.when(report("c1", *LONG), "gpu-1", late).refused(Code.OVER_LIMIT)
    scenario.when(report("c1", *LONG[:-1]), "gpu-1").then_types(UsageReported)
    scenario.when(report("c1", LONG[-1]), "gpu-1").then_types(UsageReported)


def test_usage_is_accepted_by_the_beneficiary() -> None:
    reported().when(ACCEPT, "lab-1", T0 + HOUR + WINDOW - 1).then(accepted(REP, FULL, "beneficiary"))


def test_a_dispute_waits_for_the_operator() -> None:
    scenario = reported().when(DISPUTE, "lab-1", T0 + HOUR + WINDOW - 1)
    resolve_by = T0 + HOUR + WINDOW - 1 + 7 * DAY
    scenario.then(
        DisputeRaised(
            report_id=REP, contract_id="c1", raised_by="lab-1", evidence=(), reason="idle", resolve_by=resolve_by
        )
    )
    assert DECIDER.due(scenario.state) == (REPORT_BY, "reporting")  # of the other contracts: no window runs any more
    assert scenario.records()[f"report/{REP}"] == {
        "contract_id": "c1", "readings": [{"hour": FIRST, "gpu_minutes": FULL}], "dispute_until": T0 + HOUR + WINDOW,
        "index": scenario.index, "item": 0, "resolve_by": resolve_by, "disputed_by": "lab-1", "corrections": [],
    }  # fmt: skip
    scenario.fires("dispute_window", END).then()
    scenario.when(resolve(7), "op").then(accepted(REP, 7, "resolution"))
    assert DECIDER.due(scenario.state) == (REPORT_BY, "reporting")
    scenario.fires("resolution_window", resolve_by).then()


def test_a_dispute_that_nobody_resolves_lapses_and_the_report_stands() -> None:
    scenario = disputed()
    assert DECIDER.due(scenario.state) == (REPORT_BY, "reporting")
    scenario.fires("reporting", REPORT_BY).then_types(ProviderDefaulted, ProviderDefaulted)  # c2, c3
    assert DECIDER.due(scenario.state) == (LAPSES, "resolution_window")
    scenario.fires("dispute_window", LAPSES - 2).then()
    scenario.fires("resolution_window", LAPSES - 1).then()
    disputed().when(resolve(0), "op", LAPSES - 1).then(accepted(REP, 0, "resolution"), defaulted(2))
    scenario.fires("resolution_window", LAPSES).then(accepted(REP, FULL, "lapse"), defaulted(2))
    scenario.when(resolve(0), "op").refused(Code.UNKNOWN_REPORT)
    assert DECIDER.due(scenario.state) is None


def test_a_lapse_completes_a_contract_that_waited_for_nothing_else() -> None:
    scenario = disputed().when(report("c1", (1, FULL), (2, FULL)), "gpu-1", END)
    scenario.when(AcceptUsage(report_id="rep-16-0"), "lab-1").then(accepted("rep-16-0", 2 * FULL, "beneficiary"))
    scenario.fires("resolution_window", LAPSES)
    scenario.then(accepted(REP, FULL, "lapse"), ContractCompleted(contract_id="c1"))


@pytest.mark.parametrize("minutes", [0, FULL])
def test_a_resolution_accepts_at_most_what_was_reported(minutes: int) -> None:
    disputed().when(resolve(minutes), "op").then(accepted(REP, minutes, "resolution"))


# ends -----------------------------------------------------------------------------------------------------------------


def test_the_last_acceptance_completes_the_contract() -> None:
    scenario = reported().when(report("c1", (1, 120), (2, 120)), "gpu-1", END)  # rep-15-0
    scenario.fires("dispute_window", T0 + HOUR + WINDOW).then(accepted(REP, FULL, "window"))
    completed = ContractCompleted(contract_id="c1")
    scenario.when(AcceptUsage(report_id="rep-15-0"), "lab-1").then(accepted("rep-15-0", 240, "beneficiary"), completed)
    scenario.when(WITHDRAW, "gpu-1").refused(Code.UNKNOWN_CONTRACT)


def test_an_early_acceptance_waits_for_the_other_report() -> None:
    scenario = reported().when(report("c1", (1, 120), (2, 120)), "gpu-1", END).when(DISPUTE, "lab-1", SOON)
    scenario.refused(Code.REPORT_NOT_OPEN)  # its window closed at END - HOUR, swept or not
    scenario.when(AcceptUsage(report_id="rep-15-0"), "lab-1").then(accepted("rep-15-0", 240, "beneficiary"))
    completed = ContractCompleted(contract_id="c1")
    scenario.fires("dispute_window", END + 9).then(accepted(REP, FULL, "window"), completed)


ENDS: dict[int, ContractCompleted | ProviderDefaulted] = {
    HALF: ContractCompleted(contract_id="c1"),
    HALF - 1: defaulted(0, "not_delivered"),
}


@pytest.mark.parametrize("total", [HALF, HALF - 1])
def test_one_sweep_may_accept_all_reports_of_a_contract_and_ends_it_once(total: int) -> None:
    """The sweep counts what it accepts as it goes: enough by the last report is enough."""
    scenario = opened()
    minutes = (total - 479, 239, 240)
    for hour, each in enumerate(minutes):
        scenario.when(report("c1", (hour, each)), "gpu-1", END)
    scenario.fires("dispute_window", END + WINDOW + 3).then(
        *(accepted(f"rep-{14 + hour}-0", each, "window") for hour, each in enumerate(minutes)),
        ENDS[total],
    )


# How the last report is decided; c1's first two hours are accepted with 480 GPU-minutes.
DECISIONS: list[tuple[str, Callable[[Scenario], Scenario]]] = [
    ("beneficiary", lambda told: told.when(AcceptUsage(report_id="rep-16-0"), "lab-1")),
    ("window", lambda told: told.fires("dispute_window", END + WINDOW)),
    ("lapse", lambda told: contested(told).fires("resolution_window", END + 1 + 7 * DAY)),
]


def contested(told: Scenario) -> Scenario:
    """The last report is disputed."""
    told.when(dispute("rep-16-0"), "lab-1").then_types(DisputeRaised)
    return told


@pytest.mark.parametrize("total", [HALF, HALF - 1])
@pytest.mark.parametrize(("by", "decides"), DECISIONS, ids=[by for by, _ in DECISIONS])
def test_half_of_what_was_sold_is_delivery_and_less_is_not(
    total: int, by: str, decides: Callable[[Scenario], Scenario]
) -> None:
    scenario = reported().when(ACCEPT, "lab-1").when(report("c1", (1, 0), (2, total - FULL)), "gpu-1", END)
    decides(scenario).then(accepted("rep-16-0", total - FULL, by), ENDS[total])
    record: Any = scenario.records()["contract/c1"]
    members = ("reported", "accepted", "open_reports", "uncaptured")
    assert [record[member] for member in members] == ["7", total, 0, 2]
    assert scenario.state.contracts["c1"].ended_at == scenario.time


@pytest.mark.parametrize("resolved", [HALF - FULL, HALF - FULL - 1])
def test_what_counts_as_delivered_is_what_was_accepted_not_what_was_reported(resolved: int) -> None:
    scenario = reported().when(ACCEPT, "lab-1").when(report("c1", (1, FULL), (2, FULL)), "gpu-1", END)
    contested(scenario).when(resolve(resolved, "rep-16-0"), "op")
    scenario.then(accepted("rep-16-0", resolved, "resolution"), ENDS[FULL + resolved])


def test_readings_of_zero_are_no_delivery() -> None:
    """Otherwise a provider that delivers nothing would get its bond back by reporting zero usage."""
    scenario = opened().when(report("c1", (0, 0), (1, 0), (2, 0)), "gpu-1", END)
    scenario.when(ACCEPT, "lab-1").then(accepted(REP, 0, "beneficiary"), defaulted(0, "not_delivered"))
    scenario.when(WITHDRAW, "gpu-1").refused(Code.UNKNOWN_CONTRACT)


def test_missing_usage_is_a_default_at_the_deadline() -> None:
    scenario = reported()
    assert DECIDER.due(scenario.state) == (T0 + HOUR + WINDOW, "dispute_window")  # c1's own deadline is skipped
    scenario.when(ACCEPT, "lab-1")
    assert DECIDER.due(scenario.state) == (REPORT_BY, "reporting")
    scenario.fires("reporting", REPORT_BY - 1).then()
    scenario.fires("reporting", REPORT_BY)
    others = [("c2", "gpu-2"), ("c3", "gpu-1")]
    scenario.then(
        defaulted(2),
        *(
            ProviderDefaulted(contract_id=c, provider_id=p, cause="usage_not_reported", missing_hours=3)
            for c, p in others
        ),
    )
    assert DECIDER.due(scenario.state) is None


def test_an_acceptance_at_the_deadline_is_the_default_as_well() -> None:
    disputed().when(resolve(5), "op", REPORT_BY - 1).then(accepted(REP, 5, "resolution"))
    disputed().when(resolve(5), "op", REPORT_BY).then(accepted(REP, 5, "resolution"), defaulted(2))


def test_an_open_report_puts_the_default_off_until_it_is_decided() -> None:
    scenario = disputed()
    scenario.fires("reporting", REPORT_BY).then_types(ProviderDefaulted, ProviderDefaulted)  # c2, c3
    assert DECIDER.due(scenario.state) == (LAPSES, "resolution_window")
    scenario.when(resolve(5), "op").then(accepted(REP, 5, "resolution"), defaulted(2))
    assert DECIDER.due(scenario.state) is None


def test_a_window_that_closes_after_the_deadline_ends_the_contract() -> None:
    scenario = opened().when(report("c1", (2, 5)), "gpu-1", REPORT_BY - 1)
    closes = REPORT_BY - 1 + WINDOW
    assert DECIDER.due(scenario.state) == (REPORT_BY, "reporting")
    scenario.fires("reporting", closes - 1).then_types(ProviderDefaulted, ProviderDefaulted)  # c2, c3
    assert DECIDER.due(scenario.state) == (closes, "dispute_window")
    scenario.fires("dispute_window", closes).then(accepted(REP, 5, "window"), defaulted(2))
    assert DECIDER.due(scenario.state) is None


def test_a_fully_reported_contract_does_not_default() -> None:
    scenario = disputed().when(report("c1", (1, FULL), (2, FULL)), "gpu-1", REPORT_BY - 1)
    scenario.when(AcceptUsage(report_id="rep-16-0"), "lab-1", REPORT_BY).then_types(UsageAccepted)
    scenario.fires("reporting", REPORT_BY).then_types(ProviderDefaulted, ProviderDefaulted)  # c2, c3
    scenario.when(resolve(0), "op").then(accepted(REP, 0, "resolution"), ContractCompleted(contract_id="c1"))


def test_a_provider_may_withdraw_from_what_is_not_delivered() -> None:
    opened().when(WITHDRAW, "gpu-1").then(defaulted(3, "withdrawn"))
    scenario = reported().when(ACCEPT, "lab-1").when(WITHDRAW, "gpu-1").then(defaulted(2, "withdrawn"))
    scenario.when(report("c1", (1, 1)), "gpu-1", END).refused(Code.UNKNOWN_CONTRACT)


def test_sweeps_are_bounded_and_go_on_in_the_order_of_entries() -> None:
    count = MAX_ITEMS_PER_SWEEP + 1
    scenario = people()
    for n in range(count):
        scenario.reacts_to(trade(f"c{n}", hours=2))
    for n in range(count):  # entries 36 to 60
        scenario.when(report(f"c{n}", (0, n)), "gpu-1", END)
    reports = [f"rep-{count + 11 + n}-0" for n in range(count)]
    windows = [accepted(report_id, n, "window", f"c{n}") for n, report_id in enumerate(reports)]
    late = END + 2 * HOUR
    scenario.fires("dispute_window", late)  # past the reporting deadline as well: each acceptance is also a default
    assert not isinstance(scenario.last, Refusal)
    assert [event for event in scenario.last if isinstance(event, UsageAccepted)] == windows[:-1]
    assert len(scenario.last) == 2 * MAX_ITEMS_PER_SWEEP
    due = DECIDER.due(scenario.state)
    assert due is not None
    assert due[1] == "dispute_window"
    scenario.fires("dispute_window", late).then_types(UsageAccepted, ProviderDefaulted)
    assert DECIDER.due(scenario.state) is None


def test_sweeps_of_disputes_are_bounded_and_go_on_in_the_order_of_entries() -> None:
    count = MAX_ITEMS_PER_SWEEP + 1
    scenario = people()
    for n in range(count):
        scenario.reacts_to(trade(f"c{n}", hours=1))
    for n in range(count):
        scenario.when(report(f"c{n}", (0, n)), "gpu-1", T0 + HOUR)
    reports = [f"rep-{count + 11 + n}-0" for n in range(count)]
    for report_id in reports:
        scenario.when(dispute(report_id), "lab-1").then_types(DisputeRaised)
    late, swept = END + 8 * DAY, []
    for expected in (MAX_ITEMS_PER_SWEEP, 1, 0):
        scenario.fires("resolution_window", late)
        assert not isinstance(scenario.last, Refusal)
        assert len(scenario.last) == 2 * expected  # so little was delivered that each acceptance is also a default
        swept += [event.report_id for event in scenario.last if isinstance(event, UsageAccepted)]
    assert swept == reports
    assert DECIDER.due(scenario.state) is None


def test_windows_that_close_at_once_are_taken_by_the_number_of_their_entry() -> None:
    scenario = people().reacts_to(trade("c1")).reacts_to(programme("p1", "city", 2, dispute_window_seconds=3_599))
    scenario.reacts_to(trade("c2", version=2))
    scenario.index = 98
    scenario.when(report("c1", (0, 1)), "gpu-1", END).when(report("c2", (0, 1)), "gpu-1", END + SECOND)
    scenario.fires("dispute_window", END + HOUR - 1).then()
    scenario.fires("dispute_window", END + HOUR)  # "rep-100-0" comes first as text
    scenario.then(accepted("rep-99-0", 1, "window"), accepted("rep-100-0", 1, "window", "c2"))


def test_default_sweeps_are_bounded_and_go_on_in_the_order_of_entries() -> None:
    count = MAX_ITEMS_PER_SWEEP + 1
    scenario = people()
    for n in range(count):
        scenario.reacts_to(trade(f"c{n}"))
    swept: list[str] = []
    for expected in (MAX_ITEMS_PER_SWEEP, 1, 0):
        scenario.fires("reporting", REPORT_BY)
        assert not isinstance(scenario.last, Refusal)
        assert len(scenario.last) == expected
        swept += [event.contract_id for event in scenario.last if isinstance(event, ProviderDefaulted)]
    assert swept == [f"c{n}" for n in range(count)]


# captures -------------------------------------------------------------------------------------------------------------


def test_a_contract_is_kept_until_the_last_capture_and_its_subsidy_longer() -> None:
    scenario = reported().when(report("c1", (1, 120), (2, 120)), "gpu-1", END)
    scenario.fires("dispute_window", END + WINDOW).then_types(UsageAccepted, UsageAccepted, ContractCompleted)
    recorded = CaptureRecorded(contract_id="c1", report_id=REP, subsidy=400, co_payment=3)
    scenario.reacts_to(captured("c1", REP, 400, 3)).then(recorded)
    assert {"contract/c1", "claimable/c1"} <= set(scenario.records())
    scenario.reacts_to(captured("c1", "rep-15-0", 0)).then_types(CaptureRecorded)
    assert "contract/c1" not in scenario.records()
    record: Any = scenario.records()["ended/c1"]
    assert [*record.values()] == ["lab-1", "gpu-1", "p1", 1, "1200012", "400", "403", END + WINDOW]
    assert scenario.records()["claimable/c1"] == {
        "programme_id": "p1", "provider_id": "gpu-1", "amount": "400", "rejected": "0",
    }  # fmt: skip


def test_a_contract_that_ended_stays_findable_and_nothing_more_comes_of_it() -> None:
    scenario = reported().when(ACCEPT, "lab-1").when(WITHDRAW, "gpu-1").reacts_to(captured("c1", REP, 400, 3))
    scenario.when(claim("A", "c1"), "gpu-1").then_types(ClaimSubmitted)
    over = scenario.state.ended["c1"]
    assert (over.beneficiary_id, over.provider_id, over.programme_id, over.version) == ("lab-1", "gpu-1", "p1", 1)
    assert (over.subsidised, over.captured) == (400, 403)
    scenario.when(report("c1", (1, 1)), "gpu-1", END).refused(Code.UNKNOWN_CONTRACT)
    scenario.when(WITHDRAW, "gpu-1").refused(Code.UNKNOWN_CONTRACT)
    scenario.when(ACCEPT, "lab-1").refused(Code.UNKNOWN_REPORT)
    scenario.when(claim("B", "c1"), "gpu-1").refused(Code.NOTHING_TO_CLAIM)
    assert scenario.state.ended == {"c1": over}


def test_a_contract_that_earned_nothing_leaves_only_its_record() -> None:
    scenario = disputed().when(resolve(0), "op").when(WITHDRAW, "gpu-1").then_types(ProviderDefaulted)
    assert "contract/c1" in scenario.records()
    scenario.reacts_to(captured("c1", REP, 0))
    left = [key for key in scenario.records() if key.endswith("/c1") or key.startswith("report/")]
    assert left == ["ended/c1"]


@pytest.mark.parametrize(
    ("notice", "forfeits_bps"),
    [(72 * HOUR, 2_500), (72 * HOUR - 1, 5_000), (24 * HOUR, 5_000), (24 * HOUR - 1, None), (-HOUR, None)],
)
def test_a_contract_given_up_with_notice_is_no_default(notice: int, forfeits_bps: int | None) -> None:
    story = opened(first_hour=FIRST + 200).when(WITHDRAW, "gpu-1", T0 + 200 * HOUR - notice)
    if forfeits_bps is None:
        story.then(defaulted(3, "withdrawn"))
        return
    story.then(
        ContractWithdrawn(
            contract_id="c1", beneficiary_id="lab-1", provider_id="gpu-1", notice_hours=notice // HOUR,
            forfeits_bps=forfeits_bps,
        )
    )  # fmt: skip
    assert "c1" not in story.state.contracts
