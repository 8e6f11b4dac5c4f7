"""Times the block-bid book without anything around it: `python -m tests.benchmarks.bench_book [--seed N] [--bids N]`.

Nothing is asserted about time; every figure comes with its workload and its machine. As a check that the measured
thing is the right thing, a shorter flow is first run through the naive twin and must end in the same state.
"""

from __future__ import annotations

import argparse
import platform
import random
import sys
from dataclasses import replace
from os import cpu_count
from time import perf_counter_ns

from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.naive_book import NAIVE_PTW_1
from counterfoil.matching.orders import Bid, MatchingRule, Offer, Pass

FLOOR = 490_000
HORIZON = 90 * 24
NOW = Pass(time=0, floor_hour=FLOOR, most=64, continues=True, consents=True)
STANDARD_NODES = (1, 1, 1, 2, 2, 4, 8, 16)
STANDARD_HOURS = (4, 8, 12, 24, 48, 72, 168)
WORKLOAD = f"""\
one class, one region; offers: 4..64 nodes, windows of 7..90 days inside a horizon of {HORIZON} h, 401 price levels
bids: nodes {STANDARD_NODES}, hours {STANDARD_HOURS} (odd shapes: 1..16 nodes, 1..168 h),
      latest start 0..72 h after the earliest, limits over the upper half of the price range and 5 % above it
each bid is planned, then filled (and is gone); one offer is replaced for every 50 bids"""


def anybody(bid: Bid, offer: Offer, _time: int) -> bool:
    """Everybody may trade with everybody."""
    return bid.currency == offer.currency


def make_offer(rng: random.Random, n: int) -> Offer:
    """An offer of 4..64 nodes for 7..90 days; the price has 401 levels."""
    length = rng.randrange(7 * 24, HORIZON + 1)
    start = FLOOR + rng.randrange(HORIZON - length + 1)
    return Offer(
        offer_id=f"offer-{n}", seq=n, provider_id=f"provider-{n % 50}", group_id=f"group-{n % 50}",
        class_id="a100-80-sxm", region="cn-sh", currency="CNY", price=10_000_000 + 10_000 * rng.randrange(401),
        nodes=rng.randrange(4, 65), gpus_per_node=8, window_start=start, window_end=start + length,
    )  # fmt: skip


def make_bid(rng: random.Random, n: int, *, odd: bool) -> Bid:
    """A bid for one block that may start within three days."""
    nodes = rng.randrange(1, 17) if odd else rng.choice(STANDARD_NODES)
    hours = rng.randrange(1, 169) if odd else rng.choice(STANDARD_HOURS)
    earliest = FLOOR + rng.randrange(HORIZON - hours + 1)
    return Bid(
        bid_id=f"bid-{n}", seq=n, beneficiary_id=f"party-{n % 500}", group_id=f"party-{n % 500}", programme_id="city",
        currency="CNY", classes=("a100-80-sxm",), regions=("cn-sh",), nodes=nodes, hours=hours, earliest=earliest,
        latest=earliest + rng.randrange(73), limit_price=12_000_000 + 10_000 * rng.randrange(221),
    )  # fmt: skip


def run_bids(
    rule: MatchingRule, offers: int, bids: int, seed: int, *, odd: bool = False, warm_up: int = 0
) -> tuple[list[int], int, str]:
    """Nanoseconds of each bid after the warm-up (plan and fill), how many bids were filled, the book's digest."""
    rng, book = random.Random(seed), rule.new_book(anybody)
    for n in range(offers):
        book.add_offer(make_offer(rng, n))
    resting = [f"offer-{n}" for n in range(offers)]
    times, filled = [], 0
    for n in range(offers, offers + warm_up + bids):
        bid = make_bid(rng, n, odd=odd)
        begin = perf_counter_ns()
        plan = rule.bid_arrives(book, bid, "IOC", NOW)
        for match in plan.matches:
            book.fill(match.offer_id, match.bid_id, match.nodes, match.first_hour, bid.hours)
        if n % 50 == 0:
            position = rng.randrange(len(resting))
            book.remove_offer(resting[position])
            book.add_offer(make_offer(rng, n))
            resting[position] = f"offer-{n}"
        if n >= offers + warm_up:
            times.append(perf_counter_ns() - begin)
            filled += len(plan.matches)
    return times, filled, book.digest()


def run_offers(resting: int, offers: int, seed: int) -> tuple[list[int], int]:
    """Nanoseconds of each incoming offer against `resting` bids (plan, fill, remove), and the matches made."""
    rng = random.Random(seed)
    book = PTW_1.new_book(anybody)
    bids: dict[str, Bid] = {}
    for n in range(resting):
        bid = bids[f"bid-{n}"] = make_bid(rng, n, odd=False)
        book.add_bid(bid)
    times, made = [], 0
    for n in range(resting, resting + offers):
        offer = make_offer(rng, n)
        begin = perf_counter_ns()
        plan = PTW_1.offer_arrives(book, offer, "IOC", NOW)
        book.add_offer(offer)
        for match in plan.matches:
            book.fill(match.offer_id, match.bid_id, match.nodes, match.first_hour, bids[match.bid_id].hours)
        book.remove_offer(offer.offer_id)
        times.append(perf_counter_ns() - begin)
        made += len(plan.matches)
        for match in plan.matches:  # the filled bid's place is taken by an equal one
            filled = bids[match.bid_id]
            bids[match.bid_id] = equal = replace(filled, remaining=filled.nodes)
            book.add_bid(equal)
    return times, made


def figures(times: list[int]) -> str:
    """Rate and percentiles of a list of nanoseconds."""
    ordered = sorted(times)
    p50, p99, p999 = (ordered[min(len(ordered) - 1, len(ordered) * part // 1_000)] for part in (500, 990, 999))
    rate = len(times) * 1_000_000_000 // sum(times)
    return f"{rate:>7,}/s   p50 {p50 / 1_000:7.1f}   p99 {p99 / 1_000:7.1f}   p99.9 {p999 / 1_000:7.1f} us"


def report(line: str) -> None:
    """One line on standard output."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print workload, machine and figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--bids", type=int, default=10_000)
    args = parser.parse_args()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    report(f"machine  {platform.machine()}, {cpu_count()} cores, {platform.system()}; {python}, one thread")
    report("workload " + WORKLOAD.replace("\n", "\n         "))
    report(f"seed     {args.seed}")

    *_, fast = run_bids(PTW_1, 200, 300, args.seed)
    times, _, naive = run_bids(NAIVE_PTW_1, 200, 300, args.seed)
    if fast != naive:
        sys.exit("the two books differ")
    report(f"block bids,    200 offers, naive twin, same end state   {figures(times)}")
    for offers in (200, 2_000, 10_000):
        for odd in (False, True):
            times, filled, _ = run_bids(PTW_1, offers, args.bids, args.seed, odd=odd, warm_up=2_000)
            what = f"{'odd' if odd else 'standard'} shapes, {filled * 100 // len(times)} % filled"
            report(f"block bids, {offers:>6,} offers, {what:<28}  {figures(times)}")
    times, made = run_offers(5_000, 300, args.seed)
    report(f"offers against 5,000 resting bids, {made // 300} matches each   {figures(times)}")


if __name__ == "__main__":
    main()
