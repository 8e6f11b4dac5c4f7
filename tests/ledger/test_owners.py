"""Who owns a voucher is a position: with a second owner, everything that happens to vouchers goes by each one's part.

Where it does not matter how a voucher came to its second owner, its position is made by a leg of its own.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.record import Command
from counterfoil.contract.refusals import Code
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import VoucherRevoked
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import ENDS as ENDINGS
from counterfoil.ledger.chart import owner
from counterfoil.ledger.commands import (
    AcceptTransfer,
    EnforcePledge,
    PledgeVoucher,
    ProposeTransfer,
    ReleasePledge,
    SurrenderVoucher,
    WithdrawTransfer,
)
from counterfoil.ledger.encumbrances import Transfer
from counterfoil.ledger.events import (
    CashDeposited,
    HoldCaptured,
    HoldPlaced,
    HoldReleased,
    VoucherCancelled,
    VoucherClosed,
    VoucherExpired,
    VoucherRestored,
)
from counterfoil.ledger.holds import total
from counterfoil.ledger.invariants import check_ledger
from counterfoil.ledger.notice_events import BondDivided
from counterfoil.ledger.service import DECIDER
from counterfoil.matching.events import BidClosed
from tests.documents import document, rules_from
from tests.ledger.story import (
    CLOSED,
    COMPLETED,
    DEFAULTED,
    ENDS,
    RETURNED,
    REVOKED,
    Story,
    accepted,
    bid,
    code,
    deposit,
    draws,
    expire,
    handed_on_by,
    issued,
    offer,
    party,
    reversal,
    story,
    trade,
)

MOST = RULES[LATEST].max_items_per_sweep
LIFETIME = RULES[LATEST].restored_for or 0


def gives(told: Story, voucher_id: str, amount: int, to: str, giver: str = "acme") -> Story:
    """Move part of a voucher by a leg in an event that may have any."""
    posting = Posting(told.state.accounts)
    posting.leg("post", voucher_id, owner(giver), owner(to), amount)
    moved = CashDeposited(
        party_id=to, currency="CNY", amount=1, payment_reference="move", treasurer_id="bank", legs=posting.take()
    )
    told._apply([moved], told._next(None))
    return told


def shared(**terms: Any) -> Story:
    """A voucher of 1,000: acme owns 600 of it and beta 400."""
    told = story(party("beta", "beneficiary"), issued("v1", 1_000), **terms)
    told.when(deposit("beta", 10_000), "treasury")
    return gives(told, "v1", 400, "beta")


def owned(told: Story, party_id: str) -> list[str]:
    """A party's vouchers, as a bid finds them."""
    return [voucher.voucher_id for voucher in told.state.vouchers.of(party_id, "city")]


def test_a_party_has_the_vouchers_that_it_has_a_position_in() -> None:
    told = story(party("beta", "beneficiary"), issued("v1", 1_000), issued("v2", 10, expires_at=ENDS + 1))
    assert (owned(told, "acme"), owned(told, "beta")) == (["v1", "v2"], [])
    gives(told, "v2", 4, "beta")
    gives(told, "v1", 1_000, "beta")
    assert (owned(told, "acme"), owned(told, "beta")) == (["v2"], ["v1", "v2"])
    gives(told, "v1", 1, "acme", giver="beta")
    assert (owned(told, "acme"), owned(told, "beta")) == (["v1", "v2"], ["v1", "v2"])


def test_each_owner_holds_and_spends_its_own_part() -> None:
    told = shared()
    told.hears(bid("mine", 900, beneficiary_id="beta", group_id="beta"))
    assert code(told) == Code.EXCEEDS_AVAILABLE
    told.hears(offer("offer", 100), bid("bid", 600, 1, "v1", beneficiary_id="beta", group_id="beta"))
    assert draws(told) == [("v1", 400)]
    told.hears(trade("trade", 600, beneficiary_id="beta"), accepted("trade", 300)).then_types(HoldCaptured)
    assert (told.voucher("v1", "acme")[:2], told.voucher("v1", "beta")[:3]) == ((600, 0), (0, 200, 200))
    told.hears(COMPLETED).then_types(HoldReleased, BondDivided)
    assert told.voucher("v1", "beta")[:2] == (200, 0)
    told.hears(bid("other", 900)).then_types(HoldPlaced)
    assert draws(told) == [("v1", 600)]


def test_nobody_names_a_voucher_that_it_owns_nothing_of() -> None:
    told = shared().hears(party("gamma", "beneficiary"))
    told.hears(bid("bid", 3, 1, "v1", beneficiary_id="gamma", group_id="gamma"))
    assert code(told) == Code.UNKNOWN_VOUCHER


@pytest.mark.parametrize("how", ["expired", "cancelled"])
def test_a_voucher_ends_for_every_owner_and_each_held_part_as_it_is_released(how: str) -> None:
    told = shared().hears(bid("bid", 150, 1, "v1"), bid("two", 300, 1, "v1", beneficiary_id="beta", group_id="beta"))
    ended: Any = expire(told) if how == "expired" else told.hears(REVOKED)
    (event,) = ended.said
    assert isinstance(event, VoucherExpired if how == "expired" else VoucherCancelled)
    assert [(leg.debit, leg.amount) for leg in event.legs[:2]] == [("owner/acme", 500), ("owner/beta", 200)]
    assert event.amount == 700
    assert (told.voucher("v1", "acme")[:2], told.voucher("v1", "beta")[:2]) == ((0, 100), (0, 200))
    told.hears(CLOSED)
    assert told.said[1].amount == 100
    assert "v1" in told.state.vouchers.open  # beta's part is still held
    told.hears(BidClosed(bid_id="two", reason="cancelled"))
    assert told.said[1].amount == 200
    assert "v1" not in told.state.vouchers.open
    assert (owned(told, "acme"), owned(told, "beta")) == ([], [])


def test_a_release_before_the_sweep_ends_only_its_owners_part() -> None:
    told = shared().hears(bid("bid", 150, 1, "v1"))
    told.hears(CLOSED, at=ENDS).then_types(HoldReleased, VoucherExpired)
    assert told.said[1].amount == 600
    assert told.voucher("v1", "beta")[:2] == (400, 0)
    assert DECIDER.due(told.state) == (ENDS, "voucher_expiry")
    told.hears(bid("late", 3, 1, "v1", beneficiary_id="beta", group_id="beta"))
    assert code(told) == Code.VOUCHER_EXPIRED
    expire(told).then_types(VoucherExpired, VoucherClosed)
    assert "v1" not in told.state.vouchers.open


@pytest.mark.parametrize("how", ["voucher_expiry", "voucher_cancellation"])
def test_many_owners_are_ended_a_bounded_number_to_an_entry(how: str) -> None:
    told = story(issued("v1", 1_000), issued("v2", 7, expires_at=ENDS + 9))
    names = [f"owner-{nth:02}" for nth in range(2 * MOST)]
    for name in names:
        gives(told, "v1", 2, name)
    if how == "voucher_cancellation":
        told.hears(VoucherRevoked(voucher_id="v1", reason="why"))
    else:
        expire(told)
    (first,) = told.said
    assert len(first.legs) == MOST + 1
    due = DECIDER.due(told.state)
    assert due is not None
    assert due[1] == how
    told.fires(how, ENDS)
    (second,) = told.said
    assert len(second.legs) == MOST + 1
    told.fires(how, ENDS)
    last, over = told.said
    assert over == VoucherClosed(voucher_id="v1")
    assert first.amount + second.amount + last.amount == 1_000
    assert "v1" not in told.state.vouchers.open
    assert DECIDER.due(told.state) == (ENDS + 9, "voucher_expiry")
    assert told.budget()[:1] + told.budget()[3:] == ((99_993, 0) if how == "voucher_cancellation" else (98_993, 1_000))


def test_one_sweep_ends_at_most_so_many_owners_of_all_its_vouchers() -> None:
    told = story(*(issued(f"v{nth}", 10, issue_seq=nth) for nth in range(MOST)))
    for nth in range(0, MOST, 2):
        gives(told, f"v{nth}", 1, "beta")
    swept = 0
    while (DECIDER.due(told.state) or (ENDS, ""))[1]:
        expire(told)
        parts = sum(len(event.legs) - 1 for event in told.said if isinstance(event, VoucherExpired))
        assert 1 <= parts <= MOST
        swept += parts
    assert swept == MOST + MOST // 2
    assert not told.state.vouchers.open


def test_each_owner_has_its_part_in_what_the_ledger_checks() -> None:
    told = shared()
    told.state.vouchers.open["v1"].face += 1
    assert "voucher v1: face 1001 is not the sum of [600, 400]" in check_ledger(told.state)


class Walk:
    """Three parties hand vouchers on, pledge and spend them, while vouchers end and what was captured comes back."""

    parties = ("acme", "beta", "gamma")

    def __init__(self, seed: int) -> None:
        self.chance, self.nth = random.Random(seed), 0
        self.told = story(*(party(name, "beneficiary") for name in ("beta", "gamma")), offer("offer", 5_000))
        for name in self.parties[1:]:
            self.told.when(deposit(name, 10_000), "treasury")
        for nth in range(6):
            self.told.hears(issued(f"v{nth}", 500, issue_seq=nth, expires_at=ENDS + 500 * nth))

    def step(self) -> None:
        """One thing that may happen; `Story` checks the whole ledger after it."""
        self.nth += 1
        told, chance, state = self.told, self.chance, self.told.state
        who = chance.choice(self.parties)
        mine = [voucher.voucher_id for voucher in state.vouchers.of(who, "city")]
        bids, contracts = sorted(state.holds.for_all("bid")), sorted(state.contracts)
        match chance.randrange(9):
            case 0 | 1 | 2 if mine:
                self.encumber(who, chance.choice(mine))
            case 3 | 4:
                cost = chance.randint(3, 400)
                told.hears(bid(f"bid-{self.nth}", cost, beneficiary_id=who, group_id=who))
            case 5 if bids:
                bid_id = chance.choice(bids)
                if chance.random() < 0.5:
                    told.hears(BidClosed(bid_id=bid_id, reason="cancelled"))
                else:
                    price = state.holds.of_bid(bid_id).terms.cost_per_node
                    told.hears(trade(f"trd-{self.nth}", chance.randint(1, price), 0, bid_id))
            case 6 if contracts:
                contract_id = chance.choice(contracts)
                hold = state.holds.open["contract", contract_id]
                told.hears(accepted(contract_id, chance.randint(0, total(hold.draws) + hold.cash), f"rep-{self.nth}"))
                told.hears(replace(chance.choice((COMPLETED, DEFAULTED)), contract_id=contract_id))
            case 7 if chance.random() < 0.3:
                told.hears(replace(chance.choice((REVOKED, RETURNED)), voucher_id=f"v{chance.randrange(6)}"))
            case _:
                self.refund()
        self.settle()
        if self.nth > 100:
            told.time += 40
            self.fire(max(told.time, ENDS + 20 * (self.nth - 100)))

    def encumber(self, who: str, voucher_id: str) -> None:
        """Propose a transfer, pledge, or give back: more than one has, now and then."""
        most = self.told.state.accounts.find(owner(who), voucher_id).available
        amount = self.chance.randint(1, most + 1)
        other = self.chance.choice([name for name in self.parties if name != who])
        body: Command = ProposeTransfer(voucher_id=voucher_id, amount=amount, receiver_id=other, price=amount // 2)
        kind = self.chance.randrange(6)
        if kind == 0:
            body = PledgeVoucher(voucher_id=voucher_id, amount=amount, pledgee_id=other)
        elif kind == 1:
            body = SurrenderVoucher(voucher_id=voucher_id, amount=amount, reason="spare")
        self.told.when(body, who)

    def settle(self) -> None:
        """One of the open transfers and pledges goes on, most of the time."""
        open_ = list(self.told.state.encumbrances.every())
        if not open_ or self.chance.random() < 0.3:
            return
        id_, each = self.chance.choice(open_)
        if isinstance(each, Transfer):
            accepts = (each.receiver_id, AcceptTransfer(transfer_id=id_))
            withdraws = (each.holder_id, WithdrawTransfer(transfer_id=id_))
            actor, body = self.chance.choice((accepts, accepts, withdraws))
            self.told.when(body, actor)
        elif self.chance.random() < 0.5:
            self.told.when(ReleasePledge(pledge_id=id_), each.pledgee_id)
        else:
            self.told.when(EnforcePledge(pledge_id=id_, reason="overdue"), each.pledgee_id)

    def refund(self) -> None:
        """Part of what was captured is reversed, whoever has its vouchers now."""
        captured = {name: total(each.draws) for name, each in self.told.state.captures.items() if each.draws}
        if captured:
            report_id = self.chance.choice(sorted(captured))
            amount = self.chance.randint(1, captured[report_id])
            contract_id = self.told.state.captures[report_id].contract_id
            self.told.hears(replace(reversal(report_id, amount, 0, 0, contract_id), reversal_id=f"rev-{self.nth}"))

    def fire(self, time: int) -> None:
        """Let every timer do what is due by a time."""
        while (due := DECIDER.due(self.told.state)) is not None and due[0] <= time:
            self.told.fires(due[1], time)


@pytest.mark.parametrize("seed", range(6))
def test_value_is_conserved_among_many_owners(seed: int) -> None:
    with handed_on_by(rules_from(document(transfer={"mode": "CLOSED_MARKET", "pledge": {"allowed": True}}))):
        walk = Walk(seed)
        for _ in range(250):
            walk.step()
    told = walk.told
    for bid_id in sorted(told.state.holds.for_all("bid")):
        told.hears(BidClosed(bid_id=bid_id, reason="cancelled"))
    for contract_id in sorted(told.state.contracts):
        told.hears(replace(COMPLETED, contract_id=contract_id))
    walk.fire(ENDS + 2 * LIFETIME)
    assert not told.state.vouchers.open
    faces = {f"v{nth}": 500 for nth in range(6)}
    faces |= {event.voucher_id: event.face for event, _ in told.decided if isinstance(event, VoucherRestored)}
    over = [event.voucher_id for event, _ in told.decided if isinstance(event, VoucherClosed)]
    assert sorted(over) == sorted(faces)
    for voucher_id, face in faces.items():
        assert sum(told.posted(account, voucher_id) for account in ENDINGS) == face
        assert all(told.posted(owner(name), voucher_id) == 0 for name in walk.parties)
