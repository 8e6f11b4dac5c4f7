"""What was bought is delivered, disputed, missed, claimed and paid."""

from __future__ import annotations

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

_RULES: Final = RULES[LATEST]
_MISSES: Final = frozenset(each.party_id for each in PROVIDERS if each.misses_reports)
_MISSED_OF: Final = 12
"""Of so many contracts, a provider that misses reports misses those of one."""
_LOST_HOURS: Final = 2


def deliver(world: World) -> None:
    """Report what was delivered by now; accept some reports, dispute a few, leave the rest to the dispute window."""
    driver, rng, now = world.driver, world.rng, world.driver.clock.now()
    for row in driver.rows("contracts", status="open"):
        contract_id, provider = str(row["contract_id"]), str(row["provider_id"])
        end = number(row["first_hour"]) + number(row["hours"])
        if contract_id in world.reported or end * HOUR > now:
            continue
        world.reported.add(contract_id)
        world.missed[provider] = world.missed.get(provider, -1) + 1
        if provider in _MISSES and world.missed[provider] % _MISSED_OF == 1:
            continue
        _report(driver, provider, row, end)
    driver.settle()
    for row in driver.rows("reports", status="open"):
        report_id = str(row["report_id"])
        if number(row["dispute_until"]) <= driver.clock.now() or report_id in world.minutes:
            continue
        chance = rng.random()
        contract = driver.row("contracts", str(row["contract_id"]))
        lost = _LOST_HOURS * _full(contract)
        world.minutes[report_id] = max(number(row["gpu_minutes"]) - lost, 0)
        beneficiary = str(contract["beneficiary_id"])
        if chance < 0.3:
            driver.send(beneficiary, AcceptUsage(report_id=report_id), must=False)
        elif chance < 0.34:
            driver.send(
                beneficiary,
                DisputeUsage(report_id=report_id, hours=(), evidence=(), reason="Two hours were unusable"),
                must=False,
            )
    driver.settle()
    for row in driver.rows("reports", status="disputed"):
        report_id = str(row["report_id"])
        body = ResolveDispute(report_id=report_id, gpu_minutes=world.minutes[report_id], reason="Meter log")
        driver.send("operator", body)
    driver.settle()


def _report(driver: StoryDriver, provider: str, contract: Row, end: int) -> None:
    full = _full(contract)
    for first in range(end - number(contract["hours"]), end, _RULES.max_readings):
        hours = range(first, min(first + _RULES.max_readings, end))
        readings = tuple(Reading(hour=hour, gpu_minutes=full) for hour in hours)
        driver.send(provider, ReportUsage(contract_id=str(contract["contract_id"]), readings=readings))


def _full(contract: Row) -> int:
    """The GPU-minutes of one hour of a contract."""
    return number(contract["nodes"]) * number(contract["gpus_per_node"]) * 60


def claim(world: World) -> None:
    """Each provider claims from each programme; the cities approve and settle, and the treasury pays."""
    driver = world.driver
    due: dict[tuple[str, str], list[str]] = {}
    for row in driver.rows("contracts"):
        if number(row["subsidy"]) > 0:
            due.setdefault((str(row["programme_id"]), str(row["provider_id"])), []).append(str(row["contract_id"]))
    for (programme_id, provider), contracts in sorted(due.items()):
        for nth in range(0, len(contracts), _RULES.max_contracts_per_claim):
            chunk = tuple(contracts[nth : nth + _RULES.max_contracts_per_claim])
            invoice = f"{provider}-{programme_id}-{nth}"[:64]
            driver.send(provider, SubmitClaim(programme_id=programme_id, invoice_number=invoice, contract_ids=chunk))
    driver.settle()
    for city in CITIES:
        submitted = driver.rows("claims", programme_id=city.programme_id, status="submitted")
        claims = [str(row["claim_id"]) for row in submitted]
        for claim_id in claims:
            driver.send(city.party_id, ApproveClaim(claim_id=claim_id, lines=(), rest="claimable"))
        driver.settle()
        for nth in range(0, len(claims), _RULES.max_claims_per_settlement):
            chunk = tuple(claims[nth : nth + _RULES.max_claims_per_settlement])
            body = CloseSettlement(programme_id=city.programme_id, claim_ids=chunk, payee_ids=())
            driver.send(city.party_id, body)
    driver.settle()
    _pay(driver)


def _pay(driver: StoryDriver) -> None:
    for row in driver.rows("payments", status="due"):
        settlement_id, provider = str(row["settlement_id"]), str(row["provider_id"])
        reference, today = f"PAY {settlement_id} {provider}"[:64], driver.clock.now() // DAY
        driver.send("treasury", ConfirmPayment(
            settlement_id=settlement_id, provider_id=provider, amount=number(row["amount"]),
            payment_reference=reference, paid_on=today,
        ))  # fmt: skip
    driver.settle()
