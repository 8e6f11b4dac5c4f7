"""A provider that gives contracts up to keep its GPUs, and what becomes of those who had bought them.

In the middle of a week it takes its offers off the book and gives up what it has sold and not begun to deliver: some of
it half a day ahead, some more than three days. Who loses a contract gets part of the bond, and its credit back, and
bids for the same block again.
"""

from __future__ import annotations

from typing import Final

from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.demo.cities import PROVIDERS
from counterfoil.demo.world import START, World, number
from counterfoil.matching.commands import CancelOffer, PlaceBid
from counterfoil.ports import Row
from counterfoil.redemption.commands import WithdrawDelivery

WEEK: Final = 3
"""Of the story; on its Thursday at noon."""
PROVIDER: Final = PROVIDERS[0].party_id
KEPT: Final = "a800"
_NOON_OF_THURSDAY: Final = 3 * DAY + 12 * HOUR + HOUR // 60
_LATER: Final = 96
_PERCENT_MORE: Final = 125
_TICK: Final = RULES[LATEST].price_tick
ASSUMED: Final = (
    f"{PROVIDER} gives up all {KEPT} contracts that it has not begun to deliver, on the Thursday of week {WEEK + 1}",
    "who loses a contract bids again for the same block: up to a quarter more than it paid, up to four days later",
)


def withdraw(world: World) -> None:
    """Move on to that day; the provider gives up its contracts, and the start-ups bid again."""
    driver = world.driver
    driver.advance_to(START + WEEK * 7 * DAY + _NOON_OF_THURSDAY)
    now = driver.clock.now()
    trades = {row["trade_id"]: row for row in driver.rows("trades", provider_id=PROVIDER, class_id=KEPT)}
    lost = [
        row
        for row in driver.rows("contracts", provider_id=PROVIDER, status="open")
        if row["contract_id"] in trades and number(row["first_hour"]) * HOUR > now
    ]
    offers = driver.rows("offers", provider_id=PROVIDER, class_id=KEPT, status="open")
    driver.send_all(PROVIDER, [CancelOffer(offer_id=str(row["offer_id"])) for row in offers])
    driver.settle()  # else what it gives up would be replaced by its own offers
    given_up = [WithdrawDelivery(contract_id=str(row["contract_id"]), reason="Own use") for row in lost]
    driver.send_all(PROVIDER, given_up, 4)
    driver.settle()
    before = {row["bid_id"] for row in driver.rows("bids")}
    waiting: set[str] = set()
    for row in lost:
        if row["beneficiary_id"] in waiting:
            driver.settle()  # what its bid before releases may pay for this one
            waiting.clear()
        waiting.add(str(row["beneficiary_id"]))
        _bid_again(world, row, driver.row("bids", str(trades[row["contract_id"]]["bid_id"])))
    driver.settle()
    new = [row for row in driver.rows("bids") if row["bid_id"] not in before]
    for row in lost:
        same = [each for each in new if all(each[name] == row[name] for name in ("beneficiary_id", "nodes", "hours"))]
        world.again[str(row["contract_id"])] = str(same[0]["bid_id"]) if same else None
        new = [each for each in new if not same or each is not same[0]]


def _bid_again(world: World, lost: Row, first: Row) -> None:
    """Bid for the block that was lost; `World.again` says which bid that is, if it was taken."""
    driver, party = world.driver, str(lost["beneficiary_id"])
    earliest = max(number(lost["first_hour"]), driver.clock.now() // HOUR + 2)
    limit = max(number(first["limit_price"]), number(lost["price"]) * _PERCENT_MORE // 100)
    body = PlaceBid(
        programme_id=str(lost["programme_id"]), voucher_ids=(), classes=tuple(first["classes"]),  # type: ignore[arg-type]
        regions=tuple(first["regions"]), nodes=number(lost["nodes"]), hours=number(lost["hours"]),  # type: ignore[arg-type]
        earliest=earliest, latest=earliest + _LATER, limit_price=-(-limit // _TICK) * _TICK, partial=False,
        min_nodes=1, tif="GTC", good_until=None, post_only=False, stp="taker",
    )  # fmt: skip
    driver.send(party, body, must=False)
