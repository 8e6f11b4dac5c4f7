"""Credit that finds an owner who can use it: in one city vouchers are sold on a book, below par.

In that city vouchers last three months. Who has no job left there, or cannot pay its part of one, offers what is left
of its voucher. Those with least left have a training run to come that is too large for it: they buy what is missing.
"""

from __future__ import annotations

from typing import Final

from counterfoil.contract.times import HOUR
from counterfoil.demo.accelerators import ACCELERATORS, CARDS_PER_NODE
from counterfoil.demo.cities import CITIES, CURRENCY, HANDED_ON, REGIONS
from counterfoil.demo.model import CNY, NATIVE, RATES, SUBSTITUTE
from counterfoil.demo.world import World, number
from counterfoil.ledger.commands import Deposit
from counterfoil.ledger.credit_commands import BidForCredit, OfferCredit
from counterfoil.matching.commands import PlaceBid
from counterfoil.ports import Row

WEEK: Final = 5
"""Of the story, after whose bids the book opens."""
CITY: Final = next(city for city in CITIES if city.party_id == HANDED_ON)
_LOT: Final = 1_000 * CNY
_ASKS: Final = (7_000, 7_500, 8_000, 8_500)
_BIDS: Final = (9_000, 8_500, 8_000)
"""In basis points of par."""
RUN_NODES: Final = 100
RUN_DAYS: Final = 14
_LIMIT: Final = next(each for each in ACCELERATORS if each.class_id == NATIVE).price(1, 2)
ASSUMED: Final = (
    f"{CITY.name}: vouchers may be sold below par to the city's other start-ups; no template lets them",
    f"{CITY.name}: sellers ask 70 to 85 % of par; the {len(_BIDS)} buyers bid 80 to 90 %, for what their voucher lacks",
    f"{CITY.name}: each buyer has one more job of {RUN_NODES} nodes for {RUN_DAYS} days",
)


def hand_on(world: World) -> None:
    """Offers of credit, bids for it, and bids for GPUs with what was bought."""
    driver = world.driver
    own = {each.party_id for each in world.all_firms if each.city is CITY and each.bought_by is None}
    left: dict[str, int] = {}
    largest: dict[str, Row] = {}
    for row in driver.rows("vouchers_balance", programme_id=CITY.programme_id):
        holder, available = str(row["beneficiary_id"]), number(row["available"])
        if holder in own:
            left[holder] = left.get(holder, 0) + available
            if holder not in largest or available > number(largest[holder]["available"]):
                largest[holder] = row
    needs = _LIMIT * RUN_NODES * CARDS_PER_NODE * 24 * RUN_DAYS
    short, busy = _short_of_cash(world), _busy(world)
    buyers = sorted((each for each in left if each not in short), key=lambda each: (left[each], each))[: len(_BIDS)]
    sellers = [each for each in left if each not in buyers and (each in short or each not in busy)]
    for nth, seller in enumerate(sellers):
        amount = number(largest[seller]["available"]) // _LOT * _LOT
        if amount:
            driver.send(seller, OfferCredit(
                voucher_id=str(largest[seller]["voucher_id"]), amount=amount, price_bps=_ASKS[nth % len(_ASKS)],
                time_in_force="GTC",
            ))  # fmt: skip
    driver.settle()
    offers = driver.rows("credit_orders", programme_id=CITY.programme_id, side="offer")
    if not offers:
        return  # a part of the trace in which nobody has any left
    missing = {each: int(needs * RATES[CITY.template]) - left[each] for each in buyers}
    _fund(world, buyers, needs)
    for buyer, price in zip(buyers, _BIDS, strict=False):
        if missing[buyer] > 0:
            driver.send(buyer, BidForCredit(
                programme_id=CITY.programme_id, version=number(offers[0]["version"]), month=str(offers[0]["month"]),
                amount=-(-missing[buyer] // _LOT) * _LOT, price_bps=price, time_in_force="GTC",
            ))  # fmt: skip
    driver.settle()
    for buyer in buyers:
        driver.send(buyer, _run(driver.clock.now() // HOUR + 24 * 7), must=False)
    driver.settle()


def _run(earliest: int) -> PlaceBid:
    """A training run on whole nodes of either class, in the two weeks after next or a little later."""
    return PlaceBid(
        programme_id=CITY.programme_id, voucher_ids=(), classes=(NATIVE, SUBSTITUTE), regions=REGIONS, nodes=RUN_NODES,
        hours=24 * RUN_DAYS, earliest=earliest, latest=earliest + 24 * 7, limit_price=_LIMIT, partial=False,
        min_nodes=1, tif="GTC", good_until=None, post_only=False, stp="taker",
    )  # fmt: skip


def _busy(world: World) -> set[str]:
    """Who has jobs that are not bid for yet."""
    return {firm.party_id for task, firm in zip(world.tasks, world.owners, strict=True) if world.day(task) // 7 > WEEK}


def _short_of_cash(world: World) -> set[str]:
    """Who could not pay its own part of a job."""
    return {str(row["party_id"]) for row in world.driver.rows("holds") if number(row["short_cash"] or 0)}


def _fund(world: World, buyers: list[str], amount: int) -> None:
    """Cash for the credit, and for what it does not pay of the run."""
    deposits = [
        Deposit(party_id=party, currency=CURRENCY, amount=amount, payment_reference=f"IN-{party}-credit")
        for party in buyers
    ]
    world.driver.send_all("treasury", deposits)
    world.driver.settle()
