"""What was bought is delivered, disputed, missed, claimed and paid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.demo.cities import CITIES, PROVIDERS
from counterfoil.demo.story_driver import StoryDriver
from counterfoil.demo.world import World, number
from counterfoil.ports import Row
from counterfoil.redemption.commands import (
    AcceptUsage,
    ApproveClaim,
    CloseSettlement,
    ConfirmPayment,
    DisputeUsage,
    Reading,
    ReportUsage,
    ResolveDispute,
    SubmitClaim,
)
from counterfoil.redemption.payer_commands import ConfirmShare

_RULES: Final = RULES[LATEST]
_MISSES: Final = frozenset(each.party_id for each in PROVIDERS if each.misses_reports)
_MISSED_OF: Final = 16
"""Of so many contracts, a provider that misses reports misses those of one."""
_LOST_HOURS: Final = 2
_CLAIMS_AT_ONCE: Final = 8
_REPORTS_AT_ONCE: Final = 7
"""With their events these fit into an entry."""


def deliver(world: World) -> None:
    """Report what was delivered by now; accept some reports, dispute a few, leave the rest to the dispute window."""
    driver, now = world.driver, world.driver.clock.now()
    reports: dict[str, list[ReportUsage]] = {}
    for row in driver.rows("contracts", status="open"):
        contract_id, provider = str(row["contract_id"]), str(row["provider_id"])
        end = number(row["first_hour"]) + number(row["hours"])
        if contract_id in world.delivered or end * HOUR > now:
            continue
        world.delivered[contract_id] = row
        world.missed[provider] = world.missed.get(provider, -1) + 1
        if provider not in _MISSES or world.missed[provider] % _MISSED_OF != 1:
            reports.setdefault(provider, []).extend(_reports(row, end))
    for provider, bodies in reports.items():
        driver.send_all(provider, bodies, _REPORTS_AT_ONCE)
    driver.settle()
    _answer(world)
    driver.settle()
    _resolve(world)
    driver.settle()


def _reports(contract: Row, end: int) -> Iterator[ReportUsage]:
    full = _full(contract)
    for first in range(end - number(contract["hours"]), end, _RULES.max_readings):
        hours = range(first, min(first + _RULES.max_readings, end))
        readings = tuple(Reading(hour=hour, gpu_minutes=full) for hour in hours)
        yield ReportUsage(contract_id=str(contract["contract_id"]), readings=readings)


def _answer(world: World) -> None:
    """Each start-up accepts all new reports of a contract, disputes the first, or lets the window close."""
    driver, rng = world.driver, world.rng
    of_contract: dict[str, list[Row]] = {}
    for row in driver.rows("reports", status="open"):
        report_id = str(row["report_id"])
        if number(row["dispute_until"]) > driver.clock.now() and report_id not in world.minutes:
            world.minutes[report_id] = number(row["gpu_minutes"])
            of_contract.setdefault(str(row["contract_id"]), []).append(row)
    for contract_id, rows in of_contract.items():
        chance = rng.random()
        beneficiary = str(world.delivered[contract_id]["beneficiary_id"])
        if chance < 0.3:
            driver.send_all(beneficiary, [AcceptUsage(report_id=str(row["report_id"])) for row in rows])
        elif chance < 0.36:
            reason = "Two hours were unusable"
            body = DisputeUsage(report_id=str(rows[0]["report_id"]), hours=(), evidence=(), reason=reason)
            driver.send(beneficiary, body)


def _resolve(world: World) -> None:
    """The operator finds that two hours were lost, or all of fewer."""
    found = []
    for row in world.driver.rows("reports", status="disputed"):
        report_id, contract = str(row["report_id"]), world.delivered[str(row["contract_id"])]
        right = max(world.minutes[report_id] - _LOST_HOURS * _full(contract), 0)
        found.append(ResolveDispute(report_id=report_id, gpu_minutes=right, reason="Meter log"))
    world.driver.send_all("operator", found)


def _full(contract: Row) -> int:
    """The GPU-minutes of one hour of a contract."""
    return number(contract["nodes"]) * number(contract["gpus_per_node"]) * 60


def claim(world: World) -> None:
    """Each provider claims from each programme; the cities approve and settle, and the treasury pays."""
    driver = world.driver
    due: dict[tuple[str, str], list[str]] = {}
    claims: dict[str, list[SubmitClaim]] = {}
    for row in driver.rows("contracts"):
        if number(row["subsidy"]) > 0:
            due.setdefault((str(row["programme_id"]), str(row["provider_id"])), []).append(str(row["contract_id"]))
    for (programme_id, provider), contracts in sorted(due.items()):
        for nth in range(0, len(contracts), _RULES.max_contracts_per_claim):
            chunk = tuple(contracts[nth : nth + _RULES.max_contracts_per_claim])
            invoice = f"{provider}-{programme_id}-{nth}"[:64]
            body = SubmitClaim(programme_id=programme_id, invoice_number=invoice, contract_ids=chunk)
            claims.setdefault(provider, []).append(body)
    for provider, bodies in claims.items():
        driver.send_all(provider, bodies, _CLAIMS_AT_ONCE)
    driver.settle()
    for city in CITIES:
        submitted = driver.rows("claims", programme_id=city.programme_id, status="submitted")
        ids = [str(row["claim_id"]) for row in submitted]
        approvals = [ApproveClaim(claim_id=claim_id, lines=(), rest="claimable") for claim_id in ids]
        driver.send_all(city.party_id, approvals, _CLAIMS_AT_ONCE)
    driver.settle()
    for city in CITIES:
        approved = driver.rows("claims", programme_id=city.programme_id, status="approved")
        ids = [str(row["claim_id"]) for row in approved]
        for nth in range(0, len(ids), _RULES.max_claims_per_settlement):
            chunk = tuple(ids[nth : nth + _RULES.max_claims_per_settlement])
            settlement = CloseSettlement(programme_id=city.programme_id, claim_ids=chunk, payee_ids=())
            driver.send(city.party_id, settlement)
    driver.settle()
    _pay(driver)


def _pay(driver: StoryDriver) -> None:
    today = driver.clock.now() // DAY
    shares = driver.rows("payer_shares", status="due")
    several = {(row["settlement_id"], row["provider_id"]) for row in shares}
    parts = [
        ConfirmShare(
            settlement_id=str(row["settlement_id"]), provider_id=str(row["provider_id"]), payer=str(row["payer"]),
            amount=number(row["pays"]), paid_on=today,
            payment_reference=f"PAY {row['settlement_id']} {row['provider_id']} {row['payer']}"[:64],
        )
        for row in shares
    ]  # fmt: skip
    driver.send_all("treasury", parts, _CLAIMS_AT_ONCE)
    paid = [
        ConfirmPayment(
            settlement_id=str(row["settlement_id"]), provider_id=str(row["provider_id"]), amount=number(row["amount"]),
            payment_reference=f"PAY {row['settlement_id']} {row['provider_id']}"[:64], paid_on=today,
        )
        for row in driver.rows("payments", status="due")
        if (row["settlement_id"], row["provider_id"]) not in several
    ]  # fmt: skip
    driver.send_all("treasury", paid, _CLAIMS_AT_ONCE)
    driver.settle()
