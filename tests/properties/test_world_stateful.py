"""Four services, any commands, entries that arrive in any order: nothing is lost or made up, and all agree."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import ExitStack
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from counterfoil.contract.times import HOUR, SECOND
from counterfoil.core.rules import LATEST
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.ledger.chart import budget, claims, receivables
from counterfoil.ledger.chart import claim as claim_asset
from counterfoil.ledger.invariants import check_ledger
from counterfoil.matching.commands import PlaceBid, PostOffer
from counterfoil.matching.events import BidReceived, OfferReceived
from counterfoil.redemption.commands import WithdrawDelivery
from tests.properties.later_moves import later_move, reclaim_move
from tests.properties.moves import Build, Choice, move
from tests.properties.statements import check_statements
from tests.properties.winding import wind_down
from tests.properties.world import DECIDERS, PAIRS, SERVICE_OF, START, YUAN, Newest, World, opened, small_entries
from tests.reports.agreeing import check_reports


def check_always(world: World) -> None:
    """What holds at every index, whatever is unfinished."""
    assert check_ledger(world.state("ledger")) == []
    assert all(each.uncommitted >= 0 for each in world.state("issuance").programmes.values())


def check_settled(world: World) -> None:
    """What the services agree on once each has consumed everything."""
    issuance, ledger, matching, redemption = (world.state(name) for name in DECIDERS)
    directories = [each.directory.parties for each in (issuance, ledger, matching, redemption)]
    assert all(each == directories[0] for each in directories[1:])
    assert all(each.currencies == issuance.currencies for each in (ledger, matching, redemption))
    for programme_id, programme in issuance.programmes.items():
        assert programme.uncommitted == ledger.accounts.find("appropriation", budget(programme_id)).posted
    _check_vouchers(issuance, ledger, all_known=world.begins == LATEST)
    _check_orders(ledger, matching)
    _check_delivery(ledger, redemption)


def _check_vouchers(issuance: Any, ledger: Any, *, all_known: bool) -> None:
    """Both know the same vouchers: those that live, and by the newest rules those of which some is held besides."""
    called = {"suspended": "frozen", "returned": "revoked"}
    there = {name: voucher.status.removesuffix("_frozen") for name, voucher in ledger.vouchers.open.items()}
    here = {name: called.get(voucher.status, voucher.status) for name, voucher in issuance.vouchers.items()}
    for live in ("active", "frozen"):
        assert {name for name, status in there.items() if status == live} == {
            name for name, status in here.items() if status == live
        }
    assert here == there or not all_known
    if ledger.rules.ends_funding:
        for bid_id, hold in ledger.holds.for_all("bid").items():
            assert all(there[draw.voucher_id] == "active" for draw in hold.draws), bid_id


def _check_orders(ledger: Any, matching: Any) -> None:
    """Every open order is on the book or in an auction, and exactly its funds or bond are held."""
    auctioned = {name: each.received for name, each in matching.auctions.orders.items()}
    on_book = matching.offers.keys() | matching.bids.keys()
    assert matching.admitted.keys() == on_book - auctioned.keys()
    assert not matching.continuing
    nodes = {bid_id: matching.book.bid(bid_id).remaining for bid_id in matching.bids if bid_id not in auctioned}
    nodes |= {name: each.nodes for name, each in auctioned.items() if isinstance(each, BidReceived)}
    assert nodes == {bid_id: hold.terms.nodes for bid_id, hold in ledger.holds.for_all("bid").items()}
    offered = {name for name, each in auctioned.items() if isinstance(each, OfferReceived)}
    assert matching.offers.keys() | offered == ledger.holds.for_all("offer").keys()


def _check_delivery(ledger: Any, redemption: Any) -> None:
    """Every contract is funded to its last unit, and what providers are owed is what they claim or may claim."""
    assert redemption.contracts.keys() == ledger.contracts.keys()
    for contract_id, contract in redemption.contracts.items():
        terms, funds = contract.terms, ledger.contracts[contract_id]
        assert not contract.ended
        assert contract.uncaptured == 0
        assert (terms.beneficiary_id, terms.provider_id, terms.programme_id) == (
            funds.beneficiary_id, funds.provider_id, funds.programme_id,
        )  # fmt: skip
        price = ledger.holds.open["contract", contract_id]
        held = sum(draw.amount for draw in price.draws) + price.cash
        assert held + funds.invoiced == terms.price * terms.nodes * terms.gpus_per_node * terms.hours
    assert redemption.ended.keys() == ledger.ended.keys()
    for contract_id, over in redemption.ended.items():
        paid = ledger.ended[contract_id].contract
        assert (over.beneficiary_id, over.provider_id, over.programme_id, over.version) == paid[:4]
        assert (over.invoiced, over.subsidised, over.captured) == (paid.invoiced, paid.subsidised, paid.invoiced)
    owed = Counter[str]()
    for earned in redemption.claimable.values():
        owed[earned.provider_id] += earned.amount
    for claim in redemption.claims.values():
        owed[claim.terms.provider_id] += claim.terms.amount
    due_back = Counter[str]()
    for (_, provider_id), amount in redemption.owed.items():
        due_back[provider_id] -= amount
    for (_, provider_id), payment in redemption.payments.items():
        owed[provider_id] += 0 if payment.paid else payment.amount
    for (_, provider_id), amount in redemption.payable.items():
        owed[provider_id] += amount
    assets = ("CNY", *(claim_asset(programme_id) for programme_id in redemption.programmes))
    for provider_id in ("gpu-1", "gpu-2"):
        for account, amount in ((claims(provider_id), owed), (receivables(provider_id), due_back)):
            assert amount[provider_id] == sum(ledger.accounts.find(account, asset).posted for asset in assets)
    assert redemption.captures.keys() == ledger.captures.keys()
    for report_id, captured in redemption.captures.items():
        stands = ledger.captures[report_id]
        assert sum(draw.amount for draw in stands.draws) == captured.subsidy - captured.reversed_subsidy
        assert sum(draw.amount for draw in stands.draws) + stands.co_payment == captured.left


def check_replay(world: World) -> None:
    """Each log alone gives the state that deciding gave."""
    for service in DECIDERS:
        assert world.replayed_root(service) == world.root(service)


def give_commands(world: World, pick: Choice, make: Build = move) -> None:
    """One to four commands; now and then those of one party for one service go together, as a batch."""
    moves = [make(world, pick) for _ in range(pick.number(1, 4))]
    together = pick.number(0, 3) == 0
    while moves:
        actor, first = moves[0]
        same = [body for by, body in moves if by == actor and SERVICE_OF[type(body)] == SERVICE_OF[type(first)]]
        batch = same if together else [first]
        keys = world.state("issuance").directory.parties[actor].keys
        world.submit(actor, *batch, key_id=pick.one(sorted(keys)) if pick.rarely() else None)
        moves = [each for each in moves if each[0] != actor or not any(each[1] is body for body in batch)]


def pass_time(world: World, pick: Choice, _make: Build = move) -> None:
    """A moment, an hour, or until just before or after something is due; then perhaps some timers fire."""
    dues = [due[0] for engine in world.engines.values() if (due := engine.due()) is not None]
    ends = [(each.terms.first_hour + each.terms.hours) * HOUR for each in world.state("redemption").contracts.values()]
    target = world.clock + pick.one((1, 60 * SECOND, 1_200 * SECOND, HOUR))
    times = sorted(time for time in (*dues, *ends) if time > world.clock)
    if times and pick.number(0, 2) == 0:
        target = times[0] + pick.number(-1, 1)
    world.clock = max(world.clock, target)
    for service in DECIDERS:
        if pick.number(0, 1):
            world.fire(service, pick.number(1, 3))


def hand_over(world: World, pick: Choice, _make: Build = move) -> None:
    """Some entries of some logs reach some of their readers, or all of them all readers but one, who stays behind."""
    for _ in range(pick.number(1, 4)):
        world.deliver(*pick.one(PAIRS), pick.number(1, 6))
    if pick.number(0, 1):
        if world.slow is None:  # mostly the one that others may have to wait for
            world.slow = ("ledger", "matching") if pick.number(0, 1) else pick.one(PAIRS)
        world.deliver(*world.slow, pick.number(0, 6))
        world.deliver_most()


def walk(world: World, chance: random.Random, steps: int, make: Build = later_move) -> None:
    """As many steps at random, and now and then a moment at which every service has consumed everything."""
    pick = Choice(chance.randint)
    for step in range(steps):
        pick.one((give_commands, give_commands, give_commands, pass_time, hand_over, hand_over))(world, pick, make)
        check_always(world)
        if step % 12 == 11:
            world.settle()
            check_settled(world)
        if step % 80 == 5:
            world.restart()
        if step % 80 == 45:
            world.outage(pick.one(sorted(DECIDERS)))


class Worlds(RuleBasedStateMachine):
    """Any interleaving of what parties, time and the transport do."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.limits = ExitStack()
        self.limits.enter_context(small_entries())

    @initialize(seed=st.integers(0, 2**16), steps=st.sampled_from((0, 100, 200, 300)), newest=st.booleans())
    def open(self, seed: int, steps: int, newest: bool) -> None:
        """A market that has existed for a while: only then are there contracts, usage and claims to act on."""
        self.world = opened(Newest if newest else World)
        walk(self.world, random.Random(seed), steps)

    @rule(data=st.data())
    def commands(self, data: st.DataObject) -> None:
        give_commands(self.world, _choice(data))

    @rule(data=st.data())
    def more_commands(self, data: st.DataObject) -> None:
        give_commands(self.world, _choice(data))

    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        pass_time(self.world, _choice(data))

    @rule(data=st.data())
    def entries_arrive(self, data: st.DataObject) -> None:
        hand_over(self.world, _choice(data))

    @precondition(lambda self: self.world.left())
    @rule()
    def everything_arrives(self) -> None:
        self.world.settle()
        check_settled(self.world)

    @rule()
    def everything_restarts(self) -> None:
        self.world.restart()

    @rule(service=st.sampled_from(sorted(DECIDERS)))
    def a_service_was_away(self, service: str) -> None:
        self.world.outage(service)

    @invariant()
    def the_ledger_adds_up(self) -> None:
        check_always(self.world)

    def teardown(self) -> None:
        with self.limits:
            if hasattr(self, "world"):
                self.world.settle()
                check_settled(self.world)
                check_replay(self.world)
                check_statements(self.world)


def _choice(data: st.DataObject) -> Choice:
    return Choice(lambda low, high: data.draw(st.integers(low, high)))


TestWorlds = Worlds.TestCase
TestWorlds.settings = settings(max_examples=settings().max_examples // 3, stateful_step_count=30)


RECLAIMS: Final = (
    "OfferReclaimable", "BidReclaimable", "TradeReclaimable", "ContractReclaimable", "ReclaimBegun",
    "DeliveryReclaimed", "ContractReclaimed",
)  # fmt: skip


@pytest.mark.parametrize("seed", [2, 5])
def test_walks_reclaim_hours_among_everything_else(seed: int) -> None:
    """Whatever else happens to their orders, contracts and parties: money adds up, and each log gives its state."""
    with small_entries():
        world = opened(Newest)
        walk(world, random.Random(seed), 400, reclaim_move)
        world.settle()
        check_settled(world)
    check_replay(world)
    check_statements(world)
    assert set(RECLAIMS) <= world.events.keys(), set(RECLAIMS) - world.events.keys()


@pytest.mark.parametrize("seed", [1, 7])
def test_whatever_happened_every_programme_is_closed_in_the_end(seed: int) -> None:
    with small_entries():
        world = opened(Newest)
        walk(world, random.Random(seed), 250)
        world.settle()
        wind_down(world)
        check_settled(world)
    check_replay(world)
    check_reports(world.logs)
    assert {
        "RunOffBegun",
        "LastDaySet",
        "ProgrammeDecided",
        "ProgrammeClosing",
        "ProgrammeSettled",
        "ProgrammeClosed",
    } <= world.events.keys()


def test_the_ledger_waits_for_the_trade_that_a_default_is_about() -> None:
    world, hour = opened(), START // HOUR + 4
    world.submit("city", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=900 * YUAN))
    offer = PostOffer(
        class_id="a100", region="east", currency="CNY", nodes=1, window_start=hour, window_end=hour + 4, price=YUAN,
        min_nodes=1, min_hours=1, bond_bps=2_000, tif="GTC", good_until=None, stp="taker",
    )  # fmt: skip
    bid = PlaceBid(
        programme_id="p1", voucher_ids=(), classes=("a100",), regions=("east",), nodes=1, hours=2, earliest=hour,
        latest=hour, limit_price=YUAN, partial=False, min_nodes=1, tif="GTC", good_until=None, post_only=False,
        stp="taker",
    )  # fmt: skip
    world.submit("gpu-1", offer)
    world.settle()
    world.submit("lab-1", bid)
    world.deliver("ledger", "matching", 1_000)  # the bid, whose funds are held
    world.slow = ("ledger", "matching")
    world.deliver_most()
    (contract_id,) = world.state("redemption").contracts
    world.submit("gpu-1", WithdrawDelivery(contract_id=contract_id, reason="no power"))
    world.deliver_most()
    assert world.held_back
    assert world.left() == [("ledger", "matching"), ("ledger", "redemption")]
    check_always(world)
    world.settle()
    check_settled(world)
    assert not world.state("ledger").contracts
    assert world.events["BondSlashed"] == 1
