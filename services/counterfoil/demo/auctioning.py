"""The class that is short: part of its nodes is sold day by day in auctions, while more and more start-ups want them.

Auctions of five delivery days, each with one price an hour, are opened a week ahead, as jobs are bid for. One provider
has half of the nodes, and asks much more from the third day on, when nobody can do without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.demo.accelerators import ACCELERATORS, CARDS_PER_NODE, published
from counterfoil.demo.cities import CITIES, CURRENCY, PAYS_BIDS, PROVIDERS, Provider
from counterfoil.demo.granting import listed
from counterfoil.demo.model import CNY, SCARCE, Firm, auctioned, supply_of
from counterfoil.demo.world import START, World
from counterfoil.ledger.commands import Deposit
from counterfoil.matching.auction_commands import BidInAuction, OfferInAuction, ReservePoint, ScheduleAuction

WEEK: Final = 3
"""Of the story: in it the auctions are opened; what they sell is delivered in the next."""
REGION: Final = "east"
_HOURS: Final = 24
_BIDDERS: Final = (2, 5, 9, 14, 8)
"""By day, Monday to Friday."""
_BY_HOUR: Final = (0, 2, 3, 4, 3)
"""So many of them, beside, bid for each hour of an evening."""
_EVENING: Final = range(10, 18)
"""Hours of the day in UTC: from six in the evening to two in the night in China."""
_DEAR_FROM: Final = 2
_SHARES: Final = (2, 1, 1)
_SIZES: Final = (12, 6, 4, 3)
"""A bid is for a twelfth to a third of what is offered."""
_PEAK: Final = ("H100-SXM", "2024-01")
_RESERVE: Final = ((8_000, 10_000), (10_000, 11_000))
_TICK: Final = RULES[LATEST].price_tick
LISTED: Final = next(each for each in ACCELERATORS if each.class_id == SCARCE)
SUPPLIERS: Final = tuple(each for each in PROVIDERS if each.region == REGION)
AUCTION_CITIES: Final = tuple(
    city for city in CITIES if city.party_id in PAYS_BIDS and all(each in listed(city) for each in SUPPLIERS)
)
"""Cities whose vouchers pay on the market, and that list every supplier: who offers here may sell to any bid."""
ASSUMED: Final = (
    f"{SCARCE}: one node in five is auctioned day by day; the auctions' bids are modelled, not of the trace",
    f"{SCARCE}: {', '.join(map(str, _BIDDERS))} start-ups bid there from Monday to Friday, for blocks of 6 to 24 hours",
    f"{SCARCE}: their limits are from its list price to the published peak of an H100 in {_PEAK[1]}",
)


def enter(world: World) -> None:
    """Open an auction for each of five days, and enter all orders."""
    nodes = auctioned(supply_of(world.nodes)[SCARCE])
    bidders = _bidders(world)
    if nodes < sum(_SHARES) or not bidders:
        return  # a part of the trace without any
    driver = world.driver
    driver.send_all("operator", [_auction(day) for day in range(len(_BIDDERS))])
    driver.settle()
    ids = [str(row["auction_id"]) for row in driver.rows("auctions", status="open")]
    for day, auction_id in enumerate(ids):
        for provider, share in zip(SUPPLIERS, _SHARES, strict=True):
            offer = _offer(auction_id, day, provider, nodes * share // sum(_SHARES))
            driver.send(provider.party_id, offer)
    driver.settle()
    bids = [each for day, auction_id in enumerate(ids) for each in _bids(world, auction_id, day, bidders, nodes)]
    _fund(world, bids)
    for firm, bodies in bids:  # nothing that one of them releases pays for another
        driver.send_all(firm.party_id, bodies)
    driver.settle()


def first_hour(day: int) -> int:
    """The first delivery hour of a day's auction."""
    return START // HOUR + 24 * (7 * (WEEK + 1) + day)


def _bidders(world: World) -> list[Firm]:
    """Who has a voucher of one of these cities, and is nobody's subsidiary."""
    holders = {str(row["beneficiary_id"]) for row in world.driver.rows("vouchers", status="active")}
    return [
        each
        for each in world.all_firms
        if each.city in AUCTION_CITIES and each.bought_by is None and each.party_id in holders
    ]


def _auction(day: int) -> ScheduleAuction:
    """What the operator lays down: in scarcity a group has a third of an hour's nodes at first."""
    eve = first_hour(day) * HOUR - DAY
    return ScheduleAuction(
        programmes=tuple(each.programme_id for each in AUCTION_CITIES), classes=(SCARCE,), region=REGION,
        first_hour=first_hour(day), hours=_HOURS, locks_at=eve + 10 * HOUR, clears_at=eve + 11 * HOUR,
        reference_price=LISTED.high, collar_bps=20_000, caps="pro_rata", cap_bps=3_400, rsi_bps=11_000,
        cover_bps=10_000, pivotal_bps=1_000, reserve_price=LISTED.low,
        reserve_points=tuple(ReservePoint(utilisation_bps=at, factor_bps=factor) for at, factor in _RESERVE),
    )  # fmt: skip


def _offer(auction_id: str, day: int, provider: Provider, nodes: int) -> OfferInAuction:
    dear = provider is SUPPLIERS[0] and day >= _DEAR_FROM
    price = published(*_PEAK)[0] if dear else LISTED.price(SUPPLIERS.index(provider), len(SUPPLIERS))
    return OfferInAuction(
        auction_id=auction_id, class_id=SCARCE, nodes=nodes, window_start=first_hour(day),
        window_end=first_hour(day) + _HOURS, price=price, bond_bps=RULES[LATEST].min_bond_bps,
    )  # fmt: skip


def _bids(
    world: World, auction_id: str, day: int, bidders: list[Firm], offered: int
) -> Iterator[tuple[Firm, list[BidInAuction]]]:
    """The day's bids by firm: each for a block, and of some one for each hour of the evening as well."""
    for nth, firm in enumerate(world.rng.sample(bidders, min(_BIDDERS[day], len(bidders)))):
        bodies = [_block(world.rng, auction_id, day, firm, offered)]
        if nth < _BY_HOUR[day]:
            bodies += _evening(world.rng, auction_id, day, firm, offered)
        yield firm, bodies


def _block(rng: Random, auction_id: str, day: int, firm: Firm, offered: int) -> BidInAuction:
    hours = rng.randint(6, _HOURS)
    earliest = first_hour(day) + rng.randint(0, _HOURS - hours)
    latest = min(earliest + rng.randint(0, 6), first_hour(day) + _HOURS - hours)
    return BidInAuction(
        auction_id=auction_id, programme_id=firm.city.programme_id, voucher_ids=(),
        nodes=max(offered // rng.choice(_SIZES), 1), hours=hours, earliest=earliest, latest=latest,
        limit_price=_limit(rng), divisible=False,
    )  # fmt: skip


def _evening(rng: Random, auction_id: str, day: int, firm: Firm, offered: int) -> Iterator[BidInAuction]:
    """What answers users while they are awake: hour by hour, in part if need be."""
    nodes, limit = max(offered // _SIZES[-1], 1), _limit(rng)
    for hour in _EVENING:
        at = first_hour(day) + hour
        yield BidInAuction(
            auction_id=auction_id, programme_id=firm.city.programme_id, voucher_ids=(), nodes=nodes, hours=1,
            earliest=at, latest=at, limit_price=limit, divisible=True,
        )  # fmt: skip


def _limit(rng: Random) -> int:
    return rng.randint(LISTED.low // _TICK, published(*_PEAK)[1] // _TICK) * _TICK


def _fund(world: World, bids: list[tuple[Firm, list[BidInAuction]]]) -> None:
    """Cash for what the vouchers do not pay of these bids."""
    needs: dict[str, int] = {}
    for firm, bodies in bids:
        cost = sum(each.limit_price * each.nodes * CARDS_PER_NODE * each.hours for each in bodies)
        needs[firm.party_id] = needs.get(firm.party_id, 0) + int(cost * (1 - firm.rate))
    deposits = [
        Deposit(
            party_id=party, currency=CURRENCY, amount=(need // CNY + 1) * CNY, payment_reference=f"IN-{party}-auctions"
        )
        for party, need in needs.items()
    ]
    world.driver.send_all("treasury", deposits)
    world.driver.settle()
