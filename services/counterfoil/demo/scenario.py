"""The story: cities grant vouchers, providers post offers, start-ups bid, hours are delivered, claims are paid.

Week by week in virtual time: the bids of a week's jobs are placed a week ahead; what was delivered is reported,
accepted by the start-up or when the dispute window closes, captured, claimed and paid. Some providers default, some
commands are bad or repeated, and vouchers of three months expire.

Besides, part of the scarce class is auctioned (`auctioning`), a provider gives contracts up to keep its GPUs
(`withdrawing`), some start-ups bid by performance, so that a domestic class is a substitute (`bidding`), and in one
city credit is sold to who can use it (`handing_on`). All of it is in the first six weeks.

The services work at different speeds, and the story must end with the same balances at any of them. So it waits
wherever the order of two services' decisions would matter, and depends on the contents and order of rows, never on ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.demo import auctioning, granting, handing_on, withdrawing
from counterfoil.demo.accelerators import ACCELERATORS, Accelerator
from counterfoil.demo.bidding import bid
from counterfoil.demo.cities import CURRENCY, PAYS_BIDS, PROVIDERS, Provider
from counterfoil.demo.delivery import claim, deliver
from counterfoil.demo.invoicing import claim_invoices
from counterfoil.demo.model import CNY, SCARCE, WEEKS, admitting, auctioned, cost, deal, firms, supply_of
from counterfoil.demo.story_driver import StoryDriver
from counterfoil.demo.trace import Node
from counterfoil.demo.world import START, World
from counterfoil.issuance.commands import AttestGroup
from counterfoil.ledger.commands import Deposit
from counterfoil.matching.commands import PostOffer

_RULES: Final = RULES[LATEST]  # what the new logs of a story begin with
_STEPS: Final = WEEKS + 6
"""Weeks: of bidding, then until the last job has ended and the last dispute about it."""
_OFFER_NODES: Final = 200
"""A class has as many providers as can have this many nodes each."""
_OFFER_MOST: Final = 1_000


def play(world: World, weeks: int | None = None) -> None:
    """The whole story; or its first weeks, and then claims of what was delivered in them: the market goes on."""
    found(world)
    fund(world)
    offer(world)
    driver, world.by_performance = world.driver, admitting(world.tasks, world.rng)
    for week in range(_STEPS if weeks is None else weeks):
        driver.advance_to(START + week * 7 * DAY)
        if week == 1:
            buy(world)
        bid(world, week)
        if week == auctioning.WEEK:
            auctioning.enter(world)
        deliver(world)
        if week == withdrawing.WEEK:
            withdrawing.withdraw(world)
        if week == handing_on.WEEK:
            handing_on.hand_on(world)
        world.progress("weeks", week + 1, weeks or _STEPS)
    if weeks is None:
        claim_invoices(world)
    claim(world)
    if weeks is None:
        driver.advance_to(START + (_STEPS + 1) * 7 * DAY)
    driver.settle()


def found(world: World) -> None:
    """Parties, accelerator classes and programmes; then the start-ups apply, and the cities decide."""
    world.all_firms = firms(len(world.tasks), world.rng)
    granting.found(world.driver, world.all_firms)
    granting.grant(world.driver, world.all_firms)
    holders = {str(row["beneficiary_id"]) for row in world.driver.rows("vouchers")}
    bidders = [each for each in world.all_firms if each.party_id in holders and each.city.party_id in PAYS_BIDS]
    world.owners = deal(world.tasks, bidders, world.rng)


def fund(world: World) -> None:
    """Cash for bonds and co-payments. Every sixteenth start-up has a quarter of what its jobs may cost it.

    Then an hour passes: a voucher is valid from its issue on, in issuance's time, and the other logs must be later.
    """
    driver = world.driver
    deposits = [_deposit(provider.party_id, 200_000_000 * CNY) for provider in PROVIDERS]
    needs: dict[str, int] = {}
    for task, firm in zip(world.tasks, world.owners, strict=True):
        highest = max(each.high for each in ACCELERATORS if each.class_id in task.classes)
        needs[firm.party_id] = needs.get(firm.party_id, 0) + int(cost(task, highest) * (1 - firm.rate))
    for nth, firm in enumerate(world.all_firms):
        if firm.party_id in needs:
            cash = needs[firm.party_id] // (4 if nth % 16 == 3 else 1)
            deposits.append(_deposit(firm.party_id, (cash // CNY + 1) * CNY))
    driver.send_all("treasury", deposits)
    driver.advance_to(START + HOUR)


def _deposit(party_id: str, amount: int) -> Deposit:
    return Deposit(party_id=party_id, currency=CURRENCY, amount=amount, payment_reference=f"IN-{party_id}")


def offer(world: World) -> None:
    """The machines of a class are dealt to providers, who offer them at a price in its published range."""
    for accelerator, provider, nodes in offered(world.nodes):
        _offer(world.driver, accelerator, provider, nodes)
    world.driver.settle()


def offered(nodes: list[Node]) -> Iterator[tuple[Accelerator, Provider, int]]:
    """How many nodes of a class each provider offers on the book; of the scarce class, what is not auctioned."""
    totals = supply_of(nodes)
    totals[SCARCE] -= auctioned(totals[SCARCE])
    for nth, accelerator in enumerate(ACCELERATORS):
        total = totals[accelerator.class_id]
        count = min(max(total // _OFFER_NODES, 1), len(PROVIDERS))
        for share in range(count):
            mine = total // count + (share < total % count)
            provider = PROVIDERS[(share + 4 * (nth + 1)) % len(PROVIDERS)]
            while mine:
                yield accelerator, provider, min(mine, _OFFER_MOST)
                mine -= min(mine, _OFFER_MOST)


def _offer(driver: StoryDriver, accelerator: Accelerator, provider: Provider, nodes: int) -> None:
    start = START // HOUR + 24 * 7
    body = PostOffer(
        class_id=accelerator.class_id,
        region=provider.region,
        currency=CURRENCY,
        nodes=nodes,
        window_start=start,
        window_end=start + 24 * 7 * (WEEKS + 3),
        price=accelerator.price(PROVIDERS.index(provider), len(PROVIDERS)),
        min_nodes=1,
        min_hours=1,
        bond_bps=_RULES.min_bond_bps,
        tif="GTC",
        good_until=None,
        stp="taker",
    )
    driver.send(provider.party_id, body)


def buy(world: World) -> None:
    """Some start-ups are bought by a provider.

    What they have on the book does not meet its offers, and where it is listed for their city they bid no more.
    """
    source = "Company register (fictional)"
    bought = [
        AttestGroup(party_id=firm.party_id, group_id=firm.bought_by, since=None, source=source)
        for firm in world.all_firms
        if firm.bought_by is not None
    ]
    world.driver.send_all("operator", bought)
    world.driver.settle()
