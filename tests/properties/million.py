"""A million generated commands: market, naive twin and the auditor's checks agree on each, under several hash seeds.

    python -m tests.properties.million --commands 1000000 --hash-seeds 0 1 2

Each flow is 2,000 steps from a seed: orders of every kind, amendments, reductions, listings, classes, halts, collars,
limits, expiries, cancellations of one and of all, and auctions with proposals from outside. After each step the two
deciders have decided the same, no pair of all that rest fits, each trade was allowed, and each auction that cleared is
checked as an audit does; at its end a flow is replayed from its events alone. That deciding writes nothing, and that
the records are all of the state, is compared in every sixteenth flow, since it takes four times as long as all else.
Small books use what large ones do. One process for each hash seed plays the same flows, and all must end with the same
digest. Where it was stopped, or the seconds are over, it says with which seed to go on.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from hashlib import sha256
from importlib import import_module
from itertools import count
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from counterfoil.audit.auctions import broken
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST
from counterfoil.matching.auction.book import Placement
from counterfoil.matching.auction_commands import (
    BidInAuction,
    CancelAuction,
    ImproveOrder,
    OfferInAuction,
    ScheduleAuction,
)
from counterfoil.matching.auction_events import AuctionCleared
from counterfoil.matching.collar_commands import SetPriceCollar
from counterfoil.matching.commands import CancelOrdersOf, CancelOwnOrders
from counterfoil.matching.events import BidReceived, OfferReceived
from counterfoil.matching.order_limit_commands import SetOrderLimit
from counterfoil.matching.position_commands import SetPositionLimit
from counterfoil.matching.solution_commands import PlacedBlock, ProposeSolution
from counterfoil.matching.solutions import digest_of
from counterfoil.matching.state import ANY
from tests.matching.test_sieve import LARGE
from tests.matching.world import YUAN
from tests.properties.test_matching_stateful import (
    BIDS,
    CHANGES,
    GROUPS,
    HALTS,
    OFFERS,
    OPERATOR,
    PERFORMANCE,
    Twins,
    one_of,
    small_bounds,
)

STEPS: Final = 2_000  # of a flow
_WATCHED_EVERY: Final = 16  # flows, by seed
PROVIDERS, BIDDERS = ("gpu-1", "gpu-2", "gpu-x"), ("lab-1", "lab-2", "lab-x")
TICK: Final = 10_000


class Markets(Twins):
    """The two markets, with auctions; counts what was given, and checks what an auction comes to."""

    def __init__(self, watched: bool = True) -> None:
        self.commands = 0
        super().__init__(small_bounds(LATEST))
        if not watched:
            self.market.unwatch()
            self.twin.unwatch()

    def both(self, what: str, *arguments: Any) -> None:
        """One step more."""
        self.commands += what == "when"
        super().both(what, *arguments)

    def _step(self, what: str, *arguments: Any) -> None:
        super()._step(what, *arguments)
        for event in self.market.last if not isinstance(self.market.last, Refusal) else ():
            if isinstance(event, AuctionCleared):
                assert list(broken(self.market.state, event)) == []

    def auction(self, chance: random.Random) -> None:
        """Schedule one, or do something in one that is open."""
        known = self.market.state.auctions.open
        if not known or (len(known) < 3 and chance.random() < 0.1):
            self.both("when", _scheduled(chance, self.now), OPERATOR.party_id)
            return
        auction_id = chance.choice(sorted(known))
        scheduled = known[auction_id].scheduled
        if known[auction_id].phase == "locked":
            (self._propose if chance.random() < 0.7 else self._improve)(chance, auction_id)
            return
        first = scheduled.first_hour + chance.randrange(scheduled.hours)
        hours = chance.randint(1, scheduled.first_hour + scheduled.hours - first)
        price = chance.randint(150, 300) * TICK
        match chance.randrange(12):
            case 0 | 1 | 2 | 3:
                self.both("when", OfferInAuction(
                    auction_id=auction_id, class_id="a100", nodes=chance.randint(2, 6),
                    window_start=scheduled.first_hour, window_end=scheduled.first_hour + scheduled.hours,
                    price=price, bond_bps=2_000,
                ), chance.choice(PROVIDERS))  # fmt: skip
            case 4 | 5 | 6 | 7 | 8:
                self.both("when", BidInAuction(
                    auction_id=auction_id, programme_id="p1", voucher_ids=(), nodes=chance.randint(1, 4), hours=hours,
                    earliest=first, latest=first, limit_price=price, divisible=hours == 1,
                ), chance.choice(BIDDERS))  # fmt: skip
            case 9:
                self._improve(chance, auction_id)
            case 10:
                self._propose(chance, auction_id)
            case _ if chance.random() < 0.1:
                self.both("when", CancelAuction(auction_id=auction_id, reason="why"), OPERATOR.party_id)
            case _:
                pass

    def _orders(self, auction_id: str, kind: type) -> list[str]:
        orders = self.market.state.auctions.orders
        return sorted(each for each in orders.owned(auction_id) if isinstance(orders[each].received, kind))

    def _improve(self, chance: random.Random, auction_id: str) -> None:
        side: type = chance.choice((OfferReceived, BidReceived))
        ids = self._orders(auction_id, side)
        if not ids:
            return
        order = self.market.state.auctions.orders[order_id := chance.choice(ids)]
        received, by = order.received, chance.choice((-1, 1, 5)) * TICK
        better = order.price - by if isinstance(received, OfferReceived) else order.price + by
        owner = received.provider_id if isinstance(received, OfferReceived) else received.beneficiary_id
        self.both("when", ImproveOrder(order_id=order_id, price=max(better, TICK)), owner)

    def _propose(self, chance: random.Random, auction_id: str) -> None:
        bids, offers = self._orders(auction_id, BidReceived), self._orders(auction_id, OfferReceived)
        if not bids or not offers:
            return
        base = self.market.state.auctions.open[auction_id].scheduled.first_hour
        placed = [
            PlacedBlock(
                bid_id=bid_id, first_hour=self.market.state.bids[bid_id].earliest, offer_id=chance.choice(offers)
            )
            for bid_id in chance.sample(bids, chance.randint(1, min(len(bids), 3)))
        ]
        blocks = [Placement(each.bid_id, each.first_hour - base, each.offer_id) for each in placed]
        self.both("when", ProposeSolution(
            auction_id=auction_id, solver="chance", sha256=digest_of(blocks), piece=0, pieces=1, blocks=tuple(placed)
        ), chance.choice((*PROVIDERS, *BIDDERS)))  # fmt: skip

    def cancel_all(self, chance: random.Random) -> None:
        """All orders of a party, by itself or for it."""
        party = chance.choice((*PROVIDERS, *BIDDERS))
        if chance.random() < 0.5:
            self.both("when", CancelOwnOrders(programme_id=None), party)
        else:
            body = CancelOrdersOf(party_id=party, programme_id=None, reason="why")
            self.both("when", body, OPERATOR.party_id)

    def collar(self, chance: random.Random) -> None:
        """Bind the prices of a market that trades, or let them go."""
        bps, price = chance.choice((None, 500, 5_000, 20_000)), chance.choice((None, 13 * YUAN, 15 * YUAN))
        self.both("when", SetPriceCollar(
            class_id=chance.choice(("a100", "h100")), region="east", currency="CNY", collar_bps=bps,
            reference_price=price, reason="why",
        ), OPERATOR.party_id)  # fmt: skip

    def limit(self, chance: random.Random) -> None:
        """Bound what a group holds of a market that trades, or let it hold what it gets."""
        share, least = chance.choice((None, 0, 1_000, 3_000)), chance.choice((0, 6, 24))
        self.both("when", SetPositionLimit(
            class_id=chance.choice(("a100", "h100")), region="east", share_bps=share, least=least, reason="why",
        ), OPERATOR.party_id)  # fmt: skip

    def order_limit(self, chance: random.Random) -> None:
        """Count orders, or do not; so many are free that none is refused."""
        ratio = chance.choice((None, 1, 50))
        self.both("when", SetOrderLimit(orders_per_trade=ratio, free=10_000, reason="why"), OPERATOR.party_id)

    def digest(self) -> str:
        """Of all that was decided."""
        told = sha256()
        for event, at in self.market.history:
            told.update(f"{at} {event}".encode())
        return told.hexdigest()


def _scheduled(chance: random.Random, now: int) -> ScheduleAuction:
    locks_at = now + chance.randint(2, 4) * HOUR // 4
    return ScheduleAuction(
        programmes=("p1",), classes=("a100",), region="east", first_hour=now // HOUR + 10, hours=chance.randint(1, 4),
        locks_at=locks_at, clears_at=locks_at + chance.randint(1, 2) * HOUR // 4, reference_price=2 * YUAN,
        collar_bps=10_000, caps=chance.choice(("none", "pro_rata", "maxmin")), cap_bps=4_000, rsi_bps=11_000,
        cover_bps=10_000, pivotal_bps=1_000, reserve_price=0, reserve_points=(),
    )  # fmt: skip


def _scope(halted: tuple[str, str, str]) -> tuple[str | None, str | None, str | None]:
    class_id, region, provider_id = (None if each == ANY else each for each in halted)
    return class_id, region, provider_id


def flow(seed: int, steps: int = STEPS, watched: bool = True) -> Markets:
    """A flow to its end: whatever is open has ended, and the events alone have made the same state."""
    chance, markets = random.Random(seed), Markets(watched)
    for _ in range(steps):
        _step(chance, markets)
    while markets.waiting:
        markets.answer(0, placed=True)
    markets.replay()
    markets.run_out()
    return markets


def _step(chance: random.Random, markets: Markets) -> None:  # noqa: C901
    match chance.randrange(44):
        case 0 | 1 | 2 | 3 | 4 | 5 | 6:
            markets.post(one_of(chance, OFFERS))
        case 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14:
            markets.place(one_of(chance, BIDS))
        case 15:
            if chance.random() < 0.2:
                markets.news(6 + chance.randrange(2))
            markets.place(one_of(chance, PERFORMANCE))
        case 16 | 17 | 18 | 19:
            markets.change(one_of(chance, CHANGES))
        case 20 | 36:
            markets.wait(chance.choice((1, HOUR // 2)))
            markets.pause = chance.choice((0, HOUR))
        case 21 | 22 | 23 | 37:
            markets.fire()
        case 24:
            markets.news(chance.randrange(6))
        case 25:
            markets.regroup(chance.choice(GROUPS))
        case 26:
            halted = sorted(markets.market.state.halts)  # a halt is seldom long
            if halted or chance.random() < 0.3:
                markets.halt(chance.choice(HALTS) if not halted else _scope(chance.choice(halted)))
        case 27 if chance.random() < 0.4:
            markets.cancel_all(chance)
        case 28 if chance.random() < 0.4:
            markets.collar(chance)
        case 35 if chance.random() < 0.4:
            markets.limit(chance)
        case 38 if chance.random() < 0.1:
            markets.order_limit(chance)
        case 29 | 30 | 31 | 32 | 33 | 34:
            markets.auction(chance)
        case _ if markets.waiting:
            markets.answer(chance.randrange(3), chance.random() < 0.95, chance.random() < 0.5)
        case _:
            pass


# by hand --------------------------------------------------------------------------------------------------------------


def play(first: int) -> Iterator[dict[str, Any]]:
    """The flows from this seed on, as each ends."""
    for seed in count(first):
        markets = flow(seed, watched=seed % _WATCHED_EVERY == 0)
        yield {"seed": seed, "commands": markets.commands, "digest": markets.digest()}


def compare(first: int, commands: int, hash_seeds: Sequence[str], seconds: float) -> int:
    """Play until so many commands were given, or the time is over; the exit code."""
    given, seed, ends = 0, first, time.monotonic() + seconds
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ExitStack() as stack, Progress(*columns) as progress:
        bar = progress.add_task("commands", total=commands)
        workers = [stack.enter_context(_worker(first, each)) for each in hash_seeds]
        for each in workers:
            stack.callback(each.terminate)  # before it is waited for
        try:
            while given < commands and time.monotonic() < ends:
                lines = [each.stdout.readline() for each in workers if each.stdout is not None]
                if not all(lines) or len(set(lines)) > 1:
                    progress.console.print(f"seed {seed} differs or failed: {lines}; go on with --from {seed + 1}")
                    return 1
                found = json.loads(lines[0])
                given, seed = given + found["commands"], found["seed"] + 1
                progress.update(bar, completed=given, description=f"seed {seed - 1}")
        except KeyboardInterrupt:
            progress.console.print(f"stopped after {given:,} commands; go on with --from {seed}")
            return 130
    played = f"{given:,} commands in flows {first} to {seed - 1}: {len(hash_seeds)} hash seeds agree"
    sys.stdout.write(f"{played}; go on with --from {seed}\n")
    return 0


def _worker(first: int, hash_seed: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.properties.million", "--from", str(first), "--worker"],
        env=os.environ | {"PYTHONHASHSEED": hash_seed}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=1_000_000)
    parser.add_argument("--from", dest="first", type=int, default=0, help="the seed of the first flow")
    parser.add_argument("--hash-seeds", nargs="+", default=["0", "1", "2"])
    parser.add_argument("--seconds", type=float, default=float("inf"), help="when to end, after the flow at hand")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    for name, value in LARGE.items():
        module, _, constant = name.rpartition(".")
        setattr(import_module(module), constant, value)
    if not given.worker:
        return compare(given.first, given.commands, given.hash_seeds, given.seconds)
    for found in play(given.first):
        sys.stdout.write(f"{json.dumps(found)}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
