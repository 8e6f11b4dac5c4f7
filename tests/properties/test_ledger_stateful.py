"""Any events of the other services in any legal order: value is conserved, nothing dead is spent.

The machine plays the other services, keeps in plain dictionaries what they would know, and predicts from that and from
the balances on the ledger's receipts which holds are placed. After each step it checks every invariant of the ledger;
at the end it replays the entries from their bytes.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from counterfoil.contract.codec import encode_payload
from counterfoil.contract.entry import Entry, EntryCause, GenesisCause
from counterfoil.contract.events import KeyAdded, ProgrammePublishedV1
from counterfoil.contract.limits import BPS, MAX_AMOUNT
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Header
from counterfoil.contract.terms import Rate
from counterfoil.contract.times import HOUR
from counterfoil.core.engine import Engine
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import (
    VoucherIssued,
    VoucherReinstated,
    VoucherReturned,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.ledger.events import (
    ContractFunded,
    Draw,
    FundingEnded,
    HoldPlaced,
    HoldReduced,
    HoldRefused,
    HoldRefusedV1,
    HoldReleased,
    VoucherCancelled,
    VoucherClosed,
    VoucherExpired,
    VoucherRestored,
)
from counterfoil.ledger.holds import total
from counterfoil.ledger.invariants import check_ledger
from counterfoil.ledger.service import DECIDER
from counterfoil.ledger.state import LedgerState as State
from counterfoil.matching.events import BidClosed, BidReceived, BidReduced, OfferClosed, OfferReduced
from counterfoil.redemption.events import ContractCompleted, ProviderDefaulted
from counterfoil.vocabulary import CODEC
from tests.ledger.story import (
    Balances,
    T,
    accepted,
    appropriated,
    bid,
    claim_denied,
    deposit,
    issued,
    offer,
    paid,
    party,
    programme,
    returned,
    trade,
    withdraw,
)
from tests.rules import loose_paper
from tests.state_root import state_root

ORIGIN = "counterfoil.example/ledger/main"
REFUSED = (HoldRefused, HoldRefusedV1)
KEY_ID = "0" * 16
FIRMS, CLOUDS, PROGRAMMES = ("acme", "beta"), ("cloud", "grid"), ("city", "town")
AMOUNT = st.integers(1, 2_000)
SHARE = st.sampled_from(["2/3", "1/2", "1/1", "3/7", "999/1000"])


def fresh() -> Engine[State]:
    """An engine without entries."""
    return Engine(DECIDER, ORIGIN, lambda _size: None)


def root(engine: Engine[State]) -> tuple[int, bytes]:
    """The state root as it is."""
    return state_root(DECIDER.records(engine.state))


def subsidy(share: Rate, amount: int) -> int:
    """The vouchers' part of an amount."""
    return amount * share.num // share.den


def need(share: Rate, wanted: BidReceived) -> tuple[int, int]:
    """(vouchers, cash) that a bid must hold: a micro-unit more for each trade but the first, if parts can round."""
    whole = wanted.cost_per_node * wanted.nodes
    slack = wanted.nodes - 1 if wanted.partial and share.num != share.den else 0
    return subsidy(share, whole), whole - subsidy(share, whole) + slack


def given_back(event: Event) -> tuple[Draw, ...]:
    """What an event releases."""
    if isinstance(event, ContractFunded):
        return event.released_vouchers
    return event.vouchers if isinstance(event, HoldReduced | HoldReleased) else ()


class LedgerMachine(RuleBasedStateMachine):
    """Issuance, matching and redemption in dictionaries, before the real ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.paper = ExitStack()
        self.paper.enter_context(loose_paper())
        self.engine, self.clock = fresh(), T
        self.entries: list[bytes] = []
        self.balances = Balances()
        self.versions: dict[tuple[str, int], ProgrammePublishedV1] = {}
        self.uncommitted: dict[str, int] = {}
        self.vouchers: dict[str, VoucherIssued] = {}
        self.status: dict[str, str] = {}
        self.bids: dict[str, BidReceived] = {}
        self.bid_version: dict[str, int] = {}
        self.offers: dict[str, tuple[str, int, int, int]] = {}  # provider, price, nodes left, basis points
        self.contracts: dict[str, tuple[str, str, int]] = {}  # programme, provider, not yet invoiced
        self.claims: dict[tuple[str, str], int] = {}
        self.told: dict[str, str] = {}  # bids to be closed, because of which voucher
        self.closed: set[str] = set()
        self.captured: dict[str, tuple[str, str, int]] = {}  # programme, provider, version
        self.payments: list[tuple[str, str, int]] = []  # programme, provider, amount

    # the path of an entry -------------------------------------------------------------------------------------------

    @initialize(
        share=SHARE, tolls=st.booleans(), recycle=st.sampled_from(["appropriation", "lapsed"]),
        rules=st.sampled_from([LATEST, min(RULES)]),
    )  # fmt: skip
    def open(self, share: str, tolls: bool, recycle: str, rules: int) -> None:
        """The directory, some money, and one of everything that a trade needs."""
        self.keep(*self.engine.genesis(GenesisCause("operator", "Operator", bytes(32), rules, "0.1.0"), self.clock))
        self.hear(party("treasury", "treasurer"))
        self.hear(KeyAdded(party_id="treasury", key_id=KEY_ID, public_key=bytes(32)))
        for party_id in FIRMS + CLOUDS:
            self.hear(party(party_id))
            self.submit(deposit(party_id, 1_000))
        for programme_id in PROGRAMMES:
            self.govern(programme_id, share, tolls, recycle, 5_000)
            for firm in FIRMS:
                for amount, lasts in ((700, 12), (300, 24)):  # without tolling, they must outlast every window as well
                    self.issue(
                        programme_id, firm, amount, 0, lasts + (0 if tolls else RULES[LATEST].resolution_window // HOUR)
                    )
        for provider in CLOUDS:
            self.place_offer(provider, 60, 5, 3_333)
        start = self.clock // HOUR + 6
        for firm in FIRMS:
            self.ask(bid(f"{firm}-bid", 80, 5, beneficiary_id=firm, earliest=start, latest=start))
        self.fill("beta-bid", min(self.offers), 2, "bid")

    def hear(self, event: Event) -> list[Any]:
        """Let the ledger consume another service's event; returns its events."""
        ready = DECIDER.ready.get(type(event))
        assert ready is None or ready(self.engine.state, event)
        cause = EntryCause("counterfoil.example/other/main", self.engine.size, bytes(32), 0)
        return self.keep(*self.engine.react(cause, event, self.clock))

    def submit(self, body: Body) -> Entry:
        """A treasurer's command."""
        kind, version = (body.TYPE, body.V)
        header = Header(
            type=kind, v=version, aud=ORIGIN, actor="treasury", key_id=KEY_ID,
            command_id=f"00000000-0000-7000-8000-{len(self.entries):012}",
            issued_at=self.clock, expires_at=self.clock + HOUR, seen=None,
        )  # fmt: skip
        submission = CODEC.decode_payload(encode_payload(header, (body,)), bytes(64))
        entry, data = self.engine.submit(submission, self.clock)
        self.keep(entry, data)
        return entry

    def keep(self, entry: Entry, data: bytes) -> list[Any]:
        """Read an entry as any reader does; what ends follows the terms, and nothing dead can be spent afterwards."""
        self.entries.append(data)
        for event in entry.events:
            self.balances.read(event)
            if isinstance(event, VoucherCancelled | VoucherExpired):
                self.note_end(event)
            elif isinstance(event, VoucherRestored):
                self.note_restored(event)
            elif isinstance(event, VoucherClosed):
                assert event.voucher_id not in self.closed
                self.closed.add(event.voucher_id)
            elif isinstance(event, FundingEnded):
                assert event.bid_id in self.bids
                assert event.bid_id not in self.told
                self.told[event.bid_id] = event.voucher_id
        for event in entry.events:
            restores = self.engine.state.rules.restored_for is not None
            failed = isinstance(event, HoldReleased) and event.reason == "provider_default"
            for draw in () if failed and restores else given_back(event):
                voucher = self.vouchers[draw.voucher_id]
                if self.status[draw.voucher_id] == "revoked" or entry.time >= voucher.expires_at:
                    assert self.available(f"owner/{voucher.beneficiary_id}", draw.voucher_id) == 0
        return list(entry.events)

    def note_end(self, event: VoucherCancelled | VoucherExpired) -> None:
        """What was revoked is cancelled and may be issued again; what expired, only if its terms say so."""
        voucher = self.vouchers[event.voucher_id]
        again = self.versions[voucher.programme_id, voucher.version].terms.recycle == "appropriation"
        if isinstance(event, VoucherExpired):
            assert event.recycled is again
        assert isinstance(event, VoucherCancelled) is (self.status[event.voucher_id] == "revoked")
        if isinstance(event, VoucherCancelled) or again:
            self.uncommitted[event.programme_id] += event.amount

    def note_restored(self, event: VoucherRestored) -> None:
        """What came back lasts for as long as the rules say, on the terms of the voucher that it was part of."""
        former = self.vouchers[event.restored_from]
        assert self.status[event.restored_from] != "revoked"
        assert former.expires_at < event.expires_at == event.not_before + (RULES[LATEST].restored_for or 0)
        self.vouchers[event.voucher_id] = replace(
            former, voucher_id=event.voucher_id, face=event.face, not_before=event.not_before,
            expires_at=event.expires_at,
        )  # fmt: skip
        self.status[event.voucher_id] = "suspended" if event.suspended else "active"

    def available(self, account: str, asset: str) -> int:
        """What can be spent, by the receipts."""
        found = self.balances.known.get((account, asset))
        return 0 if found is None else found.posted - found.held

    # issuance -------------------------------------------------------------------------------------------------------

    @rule(
        programme_id=st.sampled_from(PROGRAMMES), share=SHARE, tolls=st.booleans(),
        recycle=st.sampled_from(["appropriation", "lapsed"]), amount=AMOUNT,
    )  # fmt: skip
    def govern(self, programme_id: str, share: str, tolls: bool, recycle: str, amount: int) -> None:
        version = 1 + sum(1 for known, _ in self.versions if known == programme_id)
        published = programme(share, programme_id=programme_id, version=version, tolls=tolls, recycle=recycle)
        self.versions[programme_id, version] = published
        self.hear(published)
        self.uncommitted[programme_id] = self.uncommitted.get(programme_id, 0) + amount
        self.hear(appropriated(amount, programme_id))

    @rule(
        programme_id=st.sampled_from(PROGRAMMES), firm=st.sampled_from(FIRMS), amount=AMOUNT,
        early=st.integers(0, 1), lasts=st.integers(1, 40) | st.integers(170, 230),
    )  # fmt: skip
    def issue(self, programme_id: str, firm: str, amount: int, early: int, lasts: int) -> None:
        if amount > self.uncommitted[programme_id]:
            return
        self.uncommitted[programme_id] -= amount
        starts = self.clock + early * HOUR
        voucher = issued(
            f"v{len(self.vouchers)}", amount, firm, programme_id=programme_id, issue_seq=len(self.vouchers),
            version=max(version for known, version in self.versions if known == programme_id),
            not_before=starts, expires_at=starts + lasts * HOUR,
        )  # fmt: skip
        self.vouchers[voucher.voucher_id], self.status[voucher.voucher_id] = voucher, "active"
        self.hear(voucher)

    @rule(data=st.data(), word=st.sampled_from(["suspended", "active", "revoked", "returned"]))
    def change(self, data: st.DataObject, word: str) -> None:
        voucher_id = data.draw(st.sampled_from(sorted(self.vouchers)))
        if self.status[voucher_id] in (word, "revoked") or self.clock >= self.vouchers[voucher_id].expires_at:
            return
        self.status[voucher_id] = "revoked" if word == "returned" else word
        if word == "suspended":
            self.hear(VoucherSuspended(voucher_id=voucher_id, reason="why"))
        elif word == "active":
            self.hear(VoucherReinstated(voucher_id=voucher_id))
        else:
            kind = VoucherRevoked if word == "revoked" else VoucherReturned
            self.hear(kind(voucher_id=voucher_id, reason="why"))
            assert self.available(f"owner/{self.vouchers[voucher_id].beneficiary_id}", voucher_id) == 0

    # matching -------------------------------------------------------------------------------------------------------

    @rule(
        provider=st.sampled_from(CLOUDS),
        price=st.integers(1, 150),
        nodes=st.integers(1, 5),
        bps=st.sampled_from([200, 3_333]),
    )
    def place_offer(self, provider: str, price: int, nodes: int, bps: int) -> None:
        offer_id, bond = f"off{len(self.entries)}", -(-price * nodes * bps // BPS)
        fits = bond <= self.available(f"cash/{provider}", "CNY")
        (event,) = self.hear(offer(offer_id, bond, bps, provider_id=provider, price=price, nodes=nodes))
        assert isinstance(event, REFUSED) is not fits
        if fits:
            self.offers[offer_id] = (provider, price, nodes, bps)

    @rule(
        data=st.data(), cost=st.integers(50, 300), pick=st.integers(0, 99),
        nodes=st.integers(1, 5), partial=st.booleans(), name_vouchers=st.booleans(), ahead=st.integers(1, 20),
    )  # fmt: skip
    def place_bid(
        self, data: st.DataObject, cost: int, pick: int, nodes: int, partial: bool, name_vouchers: bool, ahead: int
    ) -> None:
        some = list(self.vouchers.values())[pick % len(self.vouchers)]
        firm, programme_id = some.beneficiary_id, some.programme_id
        named: list[str] = []
        if name_vouchers:
            mine = (firm, programme_id)
            fitting = [name for name, v in self.vouchers.items() if (v.beneficiary_id, v.programme_id) == mine]
            named = data.draw(st.lists(st.sampled_from(fitting), unique=True, max_size=3))
        start = self.clock // HOUR + ahead
        wanted = bid(
            f"bid{len(self.entries)}", cost, nodes, *named, beneficiary_id=firm, programme_id=programme_id,
            partial=partial, earliest=start, latest=start,
        )  # fmt: skip
        self.ask(wanted)

    def ask(self, wanted: BidReceived) -> None:
        """A bid is held if and only if it can be paid, by the vouchers that come first."""
        expected = self.expected_draws(wanted, max(self.clock, self.engine.time + 1))
        (event,) = self.hear(wanted)
        if expected is None:
            assert isinstance(event, REFUSED)
            return
        assert isinstance(event, HoldPlaced)
        assert [(draw.voucher_id, draw.amount) for draw in event.vouchers] == expected
        self.bids[wanted.bid_id], self.bid_version[wanted.bid_id] = wanted, event.version

    def expected_draws(self, wanted: BidReceived, time: int) -> list[tuple[str, int]] | None:
        """Which vouchers must pay how much; None if the bid cannot be paid. By receipts and issuance's events alone."""

        def usable(voucher: VoucherIssued) -> bool:
            rules = self.versions[voucher.programme_id, voucher.version]
            settled = (wanted.latest + 1) * HOUR + 2 * HOUR + RULES[LATEST].resolution_window
            return (
                (voucher.beneficiary_id, voucher.programme_id) == (wanted.beneficiary_id, wanted.programme_id)
                and self.status[voucher.voucher_id] == "active"
                and voucher.not_before <= time < voucher.expires_at
                and (rules.terms.hold_tolls_expiry or settled < voucher.expires_at)
            )

        account = f"owner/{wanted.beneficiary_id}"
        if wanted.voucher_ids:
            lots = [self.vouchers[voucher_id] for voucher_id in wanted.voucher_ids]
            if not all(usable(lot) for lot in lots) or len({lot.version for lot in lots}) > 1:
                return None
        else:
            lots = [lot for lot in self.vouchers.values() if usable(lot) and self.available(account, lot.voucher_id)]
            lots.sort(key=lambda lot: (lot.expires_at, lot.not_before, lot.issue_seq))
        covers = {}  # by the place of the last voucher drawn on: what the vouchers of one version pay, and the rest
        for version in {lot.version for lot in lots}:
            left, money = need(self.versions[wanted.programme_id, version].terms.share, wanted)
            draws = []
            for place, lot in enumerate(lots):
                if lot.version == version and left:
                    taken = min(left, self.available(account, lot.voucher_id))
                    draws += [(lot.voucher_id, taken)] if taken else []
                    left -= taken
                    if not left:
                        covers[place] = (draws, money)
        if not covers:
            return None
        draws, money = covers[min(covers)]
        return draws if money <= self.available(f"cash/{wanted.beneficiary_id}", "CNY") else None

    @precondition(lambda self: self.bids and self.offers)
    @rule(data=st.data(), taker=st.sampled_from(["bid", "offer"]))
    def match(self, data: st.DataObject, taker: str) -> None:
        pairs = [
            (bid_id, offer_id)
            for bid_id, wanted in self.bids.items()
            for offer_id, (_, price, nodes, _) in self.offers.items()
            if price <= wanted.cost_per_node and nodes >= (1 if wanted.partial else wanted.nodes)
        ]
        if not pairs:
            return
        bid_id, offer_id = data.draw(st.sampled_from(pairs))
        wanted = self.bids[bid_id]
        most = min(wanted.nodes, self.offers[offer_id][2])
        self.fill(bid_id, offer_id, data.draw(st.integers(1, most)) if wanted.partial else wanted.nodes, taker)

    def fill(self, bid_id: str, offer_id: str, nodes: int, taker: str) -> None:
        """A trade at the resting order's price."""
        wanted, (provider, price, free, bps) = self.bids[bid_id], self.offers[offer_id]
        agreed = price if taker == "bid" else wanted.cost_per_node
        notional = agreed * nodes
        trade_id = f"trd{len(self.entries)}"
        self.hear(
            trade(
                trade_id, notional, wanted.nodes - nodes, bid_id, offer_id=offer_id, taker=taker, nodes=nodes,
                price=agreed, hours=1, beneficiary_id=wanted.beneficiary_id, provider_id=provider,
                programme_id=wanted.programme_id,
            )
        )  # fmt: skip
        self.contracts[trade_id] = (wanted.programme_id, provider, notional)
        self.offers[offer_id] = (provider, price, free - nodes, bps)
        if wanted.nodes == nodes:
            del self.bids[bid_id]
        else:
            self.bids[bid_id] = replace(wanted, nodes=wanted.nodes - nodes)

    @rule(data=st.data(), close=st.booleans())
    def take_back(self, data: st.DataObject, close: bool) -> None:
        orders = sorted([*self.bids, *self.offers])
        if not orders:
            return
        order_id = data.draw(st.sampled_from(orders))
        if order_id in self.bids:
            self.take_bid_back(order_id, 0 if close else self.bids[order_id].nodes - 1)
        else:
            self.take_offer_back(order_id, 0 if close else self.offers[order_id][2] - 1)

    def take_bid_back(self, bid_id: str, nodes_left: int) -> None:
        """Reduce a bid; to nothing closes it."""
        if nodes_left:
            self.bids[bid_id] = replace(self.bids[bid_id], nodes=nodes_left)
            self.hear(BidReduced(bid_id=bid_id, nodes_left=nodes_left))
        else:
            del self.bids[bid_id]
            self.hear(BidClosed(bid_id=bid_id, reason="cancelled"))

    def take_offer_back(self, offer_id: str, nodes_left: int) -> None:
        """Reduce an offer by a node; to nothing closes it."""
        provider, price, _, bps = self.offers[offer_id]
        if nodes_left > 0:
            self.offers[offer_id] = (provider, price, nodes_left, bps)
            self.hear(OfferReduced(offer_id=offer_id, reduced_by=1, bond_released=price * bps // BPS))
        else:
            del self.offers[offer_id]
            self.hear(OfferClosed(offer_id=offer_id, reason="cancelled"))

    # redemption -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.contracts)
    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        contract_id = data.draw(st.sampled_from(sorted(self.contracts)))
        programme_id, provider, left = self.contracts[contract_id]
        amount = data.draw(st.integers(0, left))
        event, *ends = self.hear(accepted(contract_id, amount, f"rep{len(self.entries)}"))
        assert {type(each) for each in ends} <= {VoucherClosed}  # ended before, and nothing is left
        assert event.subsidy + event.co_payment == amount
        self.contracts[contract_id] = (programme_id, provider, left - amount)
        self.claims[programme_id, provider] = self.claims.get((programme_id, provider), 0) + event.subsidy
        self.captured[contract_id] = (programme_id, provider, self.engine.state.contracts[contract_id].version)

    @precondition(lambda self: self.contracts)
    @rule(data=st.data(), defaults=st.booleans())
    def end(self, data: st.DataObject, defaults: bool) -> None:
        contract_id = data.draw(st.sampled_from(sorted(self.contracts)))
        _, provider, _ = self.contracts.pop(contract_id)
        if defaults:
            self.hear(
                ProviderDefaulted(contract_id=contract_id, provider_id=provider, cause="withdrawn", missing_hours=1)
            )
        else:
            self.hear(ContractCompleted(contract_id=contract_id))

    @rule(programme_id=st.sampled_from(PROGRAMMES), part=st.integers(1, 3))
    def pay(self, programme_id: str, part: int) -> None:
        due = {provider: self.claims.get((programme_id, provider), 0) // part for provider in CLOUDS}
        for provider, amount in due.items():
            if amount:
                self.claims[programme_id, provider] -= amount
                self.payments.append((programme_id, provider, amount))
                self.hear(paid(provider, amount, programme_id))

    @precondition(lambda self: self.payments)
    @rule(data=st.data())
    def money_comes_back(self, data: st.DataObject) -> None:
        programme_id, provider, amount = self.payments.pop(data.draw(st.integers(0, len(self.payments) - 1)))
        assert not self.hear(returned(provider, amount, was_paid=False, programme_id=programme_id))
        self.hear(returned(provider, amount, programme_id=programme_id))
        self.claims[programme_id, provider] += amount

    @precondition(lambda self: self.captured)
    @rule(data=st.data(), part=st.integers(1, 3))
    def deny(self, data: st.DataObject, part: int) -> None:
        """What is claimed of a contract ends; its budget goes where the terms of its version say."""
        contract_id = data.draw(st.sampled_from(sorted(self.captured)))
        programme_id, provider, version = self.captured[contract_id]
        amount = self.claims[programme_id, provider] // part
        if amount:
            self.claims[programme_id, provider] -= amount
            (event,) = self.hear(claim_denied(provider, (contract_id, amount), programme_id=programme_id))
            recycles = self.versions[programme_id, version].terms.recycles
            assert event.recycled == (amount if recycles else 0)
            self.uncommitted[programme_id] += event.recycled

    # time and money -------------------------------------------------------------------------------------------------

    @rule(hours=st.integers(1, 8))
    def wait(self, hours: int) -> None:
        self.clock += hours * HOUR

    @rule()
    def sweep(self) -> None:
        due = self.engine.due()
        if due is None or due[0] > self.clock:
            return
        for event in self.keep(*self.engine.fire(due[1], self.clock)):
            voucher = self.vouchers[event.voucher_id]
            if isinstance(event, FundingEnded):
                barred = self.status[event.voucher_id] != "active" or voucher.expires_at <= self.clock
                assert barred, "it may pay"
                continue
            assert voucher.expires_at <= self.clock
            assert self.available(f"owner/{voucher.beneficiary_id}", voucher.voucher_id) == 0

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def close_told(self, data: st.DataObject) -> None:
        """Matching hears of it, unless the bid was filled or closed before."""
        bid_id = data.draw(st.sampled_from(sorted(self.told)))
        del self.told[bid_id]
        if bid_id in self.bids:
            self.take_bid_back(bid_id, 0)

    @rule(which=st.integers(0, 5), party_id=st.sampled_from(FIRMS + CLOUDS), amount=AMOUNT)
    def ask_the_treasury(self, which: int, party_id: str, amount: int) -> None:
        """A refusal is an entry and changes nothing."""
        available = self.available(f"cash/{party_id}", "CNY")
        asked: list[tuple[Body, Code | None]] = [
            (deposit(party_id, amount), None),
            (withdraw(party_id, amount), None if amount <= available else Code.EXCEEDS_AVAILABLE),
            (withdraw(party_id, available + amount), Code.EXCEEDS_AVAILABLE),
            (deposit(party_id, MAX_AMOUNT), Code.AMOUNT_TOO_LARGE),
            (deposit("nobody", amount), Code.UNKNOWN_PARTY),
            (withdraw("nobody", amount), Code.UNKNOWN_PARTY),
        ]
        body, code = asked[which]
        before = root(self.engine)
        (outcome,) = self.submit(body).outcomes
        assert (None if outcome.refusal is None else outcome.refusal.code) == code
        assert (root(self.engine) == before) is (code is not None)

    # what holds always ----------------------------------------------------------------------------------------------

    @invariant()
    def everything_adds_up(self) -> None:
        assert check_ledger(self.engine.state) == []

    @invariant()
    def holds_are_those_of_the_open_orders_and_contracts(self) -> None:
        holds = self.engine.state.holds
        bids, prices = holds.for_all("bid"), holds.for_all("contract")
        assert bids.keys() == self.bids.keys()
        assert holds.for_all("offer").keys() == self.offers.keys()
        for bid_id, wanted in self.bids.items():
            share = self.versions[wanted.programme_id, self.bid_version[bid_id]].terms.share
            assert (total(bids[bid_id].draws), bids[bid_id].cash) == need(share, wanted)
            assert bids[bid_id].terms.nodes == wanted.nodes
        left = {contract_id: total(each.draws) + each.cash for contract_id, each in prices.items()}
        assert left == {contract_id: left for contract_id, (_, _, left) in self.contracts.items()}

    @invariant()
    def what_may_be_issued_is_what_was_appropriated_and_not_obligated(self) -> None:
        for programme_id, uncommitted in self.uncommitted.items():
            assert self.available("appropriation", f"budget:{programme_id}") == uncommitted

    @invariant()
    def the_ledger_knows_no_balance_that_no_receipt_states(self) -> None:
        for asset, accounts in self.engine.state.accounts.assets.items():
            for account, position in accounts.items():
                stated = self.balances.known[account, asset]
                assert (position.n, position.posted, position.debits_pending) == (stated.n, stated.posted, stated.held)

    def teardown(self) -> None:
        """The entries alone, from their bytes, give the same state."""
        with self.paper:
            again = fresh()
            for data in self.entries:
                again.replay(CODEC.decode_entry(data))
            assert root(again) == root(self.engine)
            assert (again.size, again.time) == (self.engine.size, self.engine.time)
        assert again.due() == self.engine.due()


LedgerMachine.TestCase.settings = settings(stateful_step_count=50)
TestLedger = LedgerMachine.TestCase
