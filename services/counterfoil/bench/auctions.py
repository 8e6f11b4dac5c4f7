"""An auction of a day: 10,000 hourly bids and 500 blocks against the offers of many providers, and its check."""

from __future__ import annotations

import random
import time
from typing import Final

from counterfoil.bench.figure import Figure, ReportFigure
from counterfoil.matching.auction.book import Ask, AuctionBook, Block, Caps, Hourly, Parameters
from counterfoil.matching.auction.certificate import bound, check, gap_bps
from counterfoil.matching.auction.settling import Prepared
from counterfoil.matching.auction.solving import solve

_HOURS: Final = 24
_BIDS: Final = 9_500
_ASKS: Final = 500
_BLOCKS: Final = 500
_TICK: Final = 10_000
_ROUNDS: Final = 3


def _book(seed: int, caps: Caps) -> AuctionBook:
    """Prices around 2.00, hours of which some are short of nodes; every other block may start at any hour of the day.

    `caps`: whether groups are capped at a twentieth of an hour where it is scarce, which it is judged to be.
    """
    rng = random.Random(seed)
    asks = [
        Ask(f"off-{n}", n, f"provider-{n % 60}", rng.randint(120, 260) * _TICK, rng.randint(2, 40), 0, _HOURS)
        for n in range(_ASKS)
    ]
    hourly = [
        Hourly(
            f"bid-{n}", n, f"firm-{n % 700}", rng.randint(130, 300) * _TICK, rng.randint(1, 30), rng.randrange(_HOURS)
        )
        for n in range(_ASKS, _ASKS + _BIDS)
    ]
    blocks = []
    for n in range(_ASKS + _BIDS, _ASKS + _BIDS + _BLOCKS):
        hours = rng.choice((2, 4, 6, 8, 12))
        first = rng.randrange(_HOURS - hours + 1)
        earliest, latest = (0, _HOURS - hours) if n % 2 else (first, first)
        limit, nodes = rng.randint(150, 300) * _TICK, rng.randint(1, 16)
        blocks.append(Block(f"blk-{n}", n, f"firm-{n % 700}", limit, nodes, hours, earliest, latest))
    parameters = Parameters(_TICK, 2 * 100 * _TICK)
    if caps != "none":
        parameters = parameters._replace(caps=caps, cap_bps=500, rsi_bps=20_000, cover_bps=20_000, pivotal_bps=1_000)
    return AuctionBook(_HOURS, tuple(asks), tuple(hourly), tuple(blocks), parameters)


def auctions(report: ReportFigure) -> None:
    """The built-in solver and the check of its outcome, the best of some rounds in time of the processor."""
    kinds: tuple[Caps, ...] = ("none", "pro_rata")
    for caps in kinds:
        found, checked, notes = [], [], ""
        for seed in range(_ROUNDS):
            book = _book(seed, caps)
            began = time.process_time_ns()
            outcome = solve(book)
            found.append(time.process_time_ns() - began)
            began = time.process_time_ns()
            prepared = Prepared(book)
            wrong = list(check(prepared, outcome))
            most = bound(prepared, [slot.price for slot in outcome.slots])
            checked.append(time.process_time_ns() - began)
            if wrong:
                raise RuntimeError(f"the outcome is wrong: {wrong[0]}")
            gap = gap_bps(outcome.surplus, most)
            notes = f"{len(outcome.placements)} blocks accepted, within {gap} basis points of the bound"
        of_groups = "groups are capped" if caps != "none" else "no caps"
        workload = f"{_ASKS + _BIDS:,} orders by hour and {_BLOCKS} blocks for {_HOURS} h, {of_groups}; processor time"
        for what, taken, note in (("solved", found, notes), ("checked", checked, "prepared, checked, bounded")):
            note = f"{note}; slowest of {_ROUNDS}: {max(taken) // 1_000_000:,} ms"
            count = _ASKS + _BIDS + _BLOCKS
            report(Figure(f"auction {what}, {of_groups}", workload, count, min(taken) // 1_000_000, note))
