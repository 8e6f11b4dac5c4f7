"""What the golden story is told with: commands that are accepted or refused, an offer and a bid."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from counterfoil.contract.accelerators import Requirement
from counterfoil.contract.record import Command
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.matching.commands import PlaceBid, PostOffer
from counterfoil.matching.performance_commands import PlacePerformanceBid
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN


def refused(world: GoldenWorld, actor: str, code: Code, *bodies: Command, **header: Any) -> None:
    """A command that is refused with a code, in an entry."""
    entry = world.submit(actor, *bodies, **header)
    assert entry is not None, f"{code}: no entry"
    (outcome,) = entry.outcomes
    assert outcome.refusal is not None, f"{code}: accepted {entry.events}"
    assert outcome.refusal.code is code, outcome.refusal


def done(world: GoldenWorld, actor: str, *bodies: Command, **header: Any) -> Any:
    """The last event of a command that must be accepted."""
    entry = world.submit(actor, *bodies, **header)
    assert entry is not None
    assert all(outcome.refusal is None for outcome in entry.outcomes), entry.outcomes
    return entry.events[-1] if entry.events else None


def hour(world: GoldenWorld) -> int:
    """The hour that it is."""
    return world.clock // HOUR


def offer(world: GoldenWorld, **changes: Any) -> PostOffer:
    """An offer of two nodes."""
    start = hour(world) + 4
    made = PostOffer(
        class_id="a100", region="east", currency="CNY", nodes=2, window_start=start, window_end=start + 6,
        price=3 * YUAN, min_nodes=1, min_hours=1, bond_bps=2_000, tif="GTC", good_until=None, stp="taker",
    )  # fmt: skip
    return replace(made, **changes)


def bid(world: GoldenWorld, **changes: Any) -> PlaceBid:
    """A bid for one node in p1."""
    start = hour(world) + 4
    made = PlaceBid(
        programme_id="p1", voucher_ids=(), classes=("a100",), regions=("east",), nodes=1, hours=2, earliest=start,
        latest=start + 2, limit_price=2 * YUAN, partial=False, min_nodes=1, tif="GTC", good_until=None,
        post_only=False, stp="taker",
    )  # fmt: skip
    return replace(made, **changes)


def performance_bid(world: GoldenWorld, **changes: Any) -> PlacePerformanceBid:
    """A bid for one node of eight GPUs with figures that are known."""
    usual = bid(world)
    same = {each.name: getattr(usual, each.name) for each in fields(usual) if each.name != "classes"}
    require = Requirement(
        gpus_per_node=8, classes=(), min_mtflops=0, min_mem_mb=0, min_allreduce=(), interconnects=(), origins=(),
        attested_only=False,
    )  # fmt: skip
    return replace(PlacePerformanceBid(require=require, **same), **changes)
