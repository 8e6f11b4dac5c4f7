"""Bids of the story, and commands that must be refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from counterfoil.accelerators import bundled_class
from counterfoil.contract.accelerators import Collective, Requirement
from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.demo.accelerators import ACCELERATORS, CARDS_PER_NODE
from counterfoil.demo.cities import CURRENCY, REGIONS
from counterfoil.demo.model import (
    CNY,
    NATIVE,
    SUBSTITUTE,
    Firm,
    hours_of,
    limit_price,
    nodes_of,
    slack_hours,
)
from counterfoil.demo.trace import Task
from counterfoil.demo.world import World
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.ledger.commands import Withdraw
from counterfoil.matching.commands import CancelBid, PlaceBid
from counterfoil.matching.performance_commands import PlacePerformanceBid

_RULES: Final = RULES[LATEST]  # what the new logs of a story begin with
_BUNDLED: Final = {each.class_id: each.bundled for each in ACCELERATORS}
_PFLOPS: Final = 1_000_000  # milli-TFLOPS
MEASURED: Final = {
    each: bundled_class(_BUNDLED[each], each).bf16_mtflops_attested or 0 for each in (NATIVE, SUBSTITUTE)
}
"""Milli-TFLOPS of one card in BF16 matrix products, as somebody measured them."""
_REQUIRED: Final = Requirement(
    gpus_per_node=CARDS_PER_NODE, classes=(), min_mtflops=250_000, min_mem_mb=60_000,
    min_allreduce=(Collective(cards=8, mbps=60_000),), interconnects=(), origins=(), attested_only=True,
)  # fmt: skip
"""Memory, throughput and bandwidth between the cards of a whole node, all of them measured."""
_REPEATED_OF: Final = 30
_BAD_OF: Final = 8
"""Of so many bids one is sent again, and one is followed by a bad command."""


def bid(world: World, week: int, *, patient: bool = True) -> None:
    """Place the bids of next week's jobs; some commands in between must be refused, and some are sent again.

    `patient`: a start-up's bid waits until its last one is decided, since what that releases may pay for the next.
    Without it, the end depends on the speed of the services.
    """
    driver, rng = world.driver, world.rng
    waiting: set[str] = set()
    for task, firm in zip(world.tasks, world.owners, strict=True):
        if world.day(task) // 7 != week:
            continue
        if patient and firm.party_id in waiting:
            driver.settle()
            waiting.clear()
        waiting.add(firm.party_id)
        envelope = driver.send(firm.party_id, _bid(world, task, firm), must=False)
        world.bids += 1
        if world.bids % _REPEATED_OF == 0:
            driver.repeat(envelope)
        elif world.bids % _BAD_OF == 1:
            _misbehave(world, task, firm, world.bids // _BAD_OF % 8)
    driver.settle()
    for row in driver.rows("bids", status="open"):
        if rng.random() < 0.1:
            driver.send(str(row["beneficiary_id"]), CancelBid(bid_id=str(row["bid_id"])), must=False)
    driver.settle()


def _bid(world: World, task: Task, firm: Firm) -> PlaceBid | PlacePerformanceBid:
    if task.name in world.by_performance:
        return _by_performance(world, task, firm)
    return bid_for(task, firm.city.programme_id, world.hour(task), limit_price(task, world.rng))


def bid_for(task: Task, programme_id: str, earliest: int, limit: int) -> PlaceBid:
    """A bid for the job that a task stands for. `limit`: micro-CNY per card-hour."""
    return PlaceBid(
        programme_id=programme_id,
        voucher_ids=(),
        classes=task.classes,
        regions=REGIONS,
        nodes=nodes_of(task),
        hours=hours_of(task),
        earliest=earliest,
        latest=earliest + slack_hours(task),
        limit_price=limit,
        partial=False,
        min_nodes=1,
        tif="GTC",
        good_until=None,
        post_only=False,
        stp="taker",
    )


def _by_performance(world: World, task: Task, firm: Firm) -> PlacePerformanceBid:
    """For whole nodes that train as those of `NATIVE` do, whoever makes them, at what these may cost per PFLOP-hour."""
    earliest = world.hour(task)
    limit = limit_price(task, world.rng, (NATIVE,)) * _PFLOPS // MEASURED[NATIVE]
    return PlacePerformanceBid(
        programme_id=firm.city.programme_id, voucher_ids=(), require=_REQUIRED, regions=REGIONS, nodes=nodes_of(task),
        hours=hours_of(task), earliest=earliest, latest=earliest + slack_hours(task),
        limit_price=-(-limit // _RULES.price_tick) * _RULES.price_tick, partial=False, min_nodes=1, tif="GTC",
        good_until=None, post_only=False, stp="taker",
    )  # fmt: skip


def _misbehave(world: World, task: Task, firm: Firm, kind: int) -> None:
    """Send one bad command, of eight kinds in turn; it must be refused and change nothing."""
    driver, good = world.driver, _bid(world, task, firm)
    now = driver.clock.now()
    party = firm.party_id
    stranger = next(each.party_id for each in world.all_firms if each.party_id != party)
    if kind == 0:
        envelope = bytearray(driver.envelope(party, good))
        at = envelope.index(b'"sig":"') + 12
        envelope[at] = ord("A") if envelope[at] != ord("A") else ord("B")
        driver.post(bytes(envelope), "bad_signature")
    elif kind == 1:
        taken = Withdraw(party_id=party, currency=CURRENCY, amount=10**15, payment_reference="OUT-1")
        driver.post(driver.envelope("treasury", taken), "overdraft")
    elif kind == 2:
        driver.post(driver.envelope(party, good, issued_at=now - 3 * HOUR), "expired")
    elif kind == 3:
        driver.post(driver.envelope(party, good, issued_at=now + HOUR), "from_future")
    elif kind == 4:
        driver.post(driver.envelope(party, replace(good, limit_price=_RULES.price_tick + 1)), "off_tick")
    elif kind == 5:
        body: Body = IssueVoucher(programme_id=good.programme_id, beneficiary_id=party, amount=CNY)
        driver.post(driver.envelope(party, body), "foreign_role")
    elif kind == 6:
        driver.settle()
        for row in driver.rows("bids", beneficiary_id=stranger, status="open")[:1]:
            driver.post(driver.envelope(party, CancelBid(bid_id=str(row["bid_id"]))), "not_yours")
    else:
        driver.post(driver.envelope(party, good)[:-40], "malformed")
