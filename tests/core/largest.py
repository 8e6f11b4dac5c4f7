"""Services in the state in which one cause makes the most bytes: ids, amounts and counters as long as they get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from counterfoil.contract import limits
from counterfoil.contract.codec import encode_payload
from counterfoil.contract.entry import Entry, EntryCause
from counterfoil.contract.events import PartyRegistered, ProgrammePublishedV1
from counterfoil.contract.limits import MAX_AMOUNT, MAX_COUNT
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.submission import BATCH, Header, Submission
from counterfoil.contract.terms import FixedExpiry, Rate
from counterfoil.contract.times import HOUR, SECOND, parse_time
from counterfoil.core.decider import Decider
from counterfoil.core.directory import Key
from counterfoil.core.engine import Engine
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import BudgetAppropriated, ClassRegisteredV1, VoucherIssued
from counterfoil.ledger.accounts import Position
from counterfoil.ledger.chart import cash
from counterfoil.matching.events import BidReceived, OfferReceived, TradeMatched
from counterfoil.vocabulary import CODEC
from tests.programmes import published

PRICE_TICK = RULES[LATEST].price_tick
MAX_CLASSES = RULES[LATEST].max_classes
MAX_REGIONS = RULES[LATEST].max_regions

ORIGIN = f"{'h' * 63}:65535/{'s' * 32}/{'m' * 32}"
T = 277_778 * HOUR
LAST_TIME = parse_time("2199-12-31T23:59:59.999999Z")
LATE = 10**15  # an index that no log will reach
WIDE = "\U0001f5c3"  # a character of four bytes


def long_id(head: str) -> str:
    """An id of the greatest length."""
    return f"{head}-".ljust(63, "x")


CITY, CLOUD, LAB, PROGRAMME, CURRENCY = long_id("city"), long_id("cloud"), long_id("lab"), long_id("p"), "CNY"


class Large:
    """An engine far along in a log with the longest origin; everything it makes is kept in `sizes` by subject."""

    def __init__(self, decider: Decider[Any], start: int = LATE) -> None:
        self.engine = Engine(decider, ORIGIN, lambda _size: None)
        self.engine.size, self.engine.time = start, T
        self.state = self.engine.state
        self.entries: list[tuple[Entry, bytes]] = []

    def hears(self, *events: Event, at: int = T) -> Entry:
        """The last entry that these events of other services make."""
        for event in events:
            cause = EntryCause(ORIGIN, MAX_COUNT, bytes(32), MAX_COUNT)
            self.entries.append(self.engine.react(cause, event, at))
        return self.entries[-1][0]

    def folds(self, *events: Event) -> None:
        """Apply own events without an entry."""
        for event in events:
            self.engine._evolve[type(event)](self.state, event, self.engine._at(T))

    def fires(self, kind: str, at: int) -> Entry:
        """The entry of a timer."""
        self.entries.append(self.engine.fire(kind, at))
        return self.entries[-1][0]

    def decides(self, actor: str, *bodies: Body, batch: bool = False, at: int = T) -> Entry:
        """The entry of a command, or of a batch."""
        self.entries.append(self.engine.submit(submission(actor, bodies, batch=batch, at=at), at))
        return self.entries[-1][0]

    @property
    def largest(self) -> int:
        """Bytes of the largest entry so far."""
        return max(len(data) for _, data in self.entries)


def submission(actor: str, bodies: Sequence[Body], *, batch: bool, at: int = T) -> Submission:
    """What an author may send at `at`: `Refused` if it is too large."""
    kind, version = (BATCH, 1) if batch else (bodies[0].TYPE, bodies[0].V)
    header = Header(
        type=kind, v=version, aud=ORIGIN, actor=actor, key_id="0" * 16,
        command_id="ffffffff-ffff-7fff-bfff-ffffffffffff",
        issued_at=at, expires_at=min(at + HOUR, LAST_TIME), seen=None,
    )  # fmt: skip
    return CODEC.decode_payload(encode_payload(header, tuple(bodies)), bytes(64))


def register(large: Large, *parties: tuple[str, str]) -> None:
    """Fold parties with a role each, and the key that `submission` names."""
    for party_id, role in parties:
        large.folds(
            PartyRegistered(party_id=party_id, name=WIDE * limits.MAX_NAME, roles=(role,), group_id=party_id)  # type: ignore[arg-type]
        )
        large.state.directory.parties[party_id].keys["0" * 16] = Key(bytes(32), True)


def programme(**changes: Any) -> ProgrammePublishedV1:
    """A programme whose every text is as long as it gets."""
    terms: dict[str, Any] = {
        "programme_id": PROGRAMME, "version": 1_000_000, "issuer_id": CITY,
        "title": WIDE * limits.MAX_NAME, "legal_basis": WIDE * limits.MAX_REASON, "currency": CURRENCY,
        "share": Rate(num=999_999, den=1_000_000), "beneficiary_cap": MAX_AMOUNT, "min_face": MAX_AMOUNT,
        "classes": tuple(long_id(f"c{n}") for n in range(MAX_CLASSES)),
        "regions": tuple(long_id(f"r{n}") for n in range(MAX_REGIONS)),
        "valid_from": 0, "valid_until": LAST_TIME, "expiry": FixedExpiry(kind="fixed", at=T + 1_000 * HOUR),
        "recycle": "appropriation", "hold_tolls_expiry": True,
        "report_within_seconds": limits.MAX_WINDOW // SECOND,
        "dispute_window_seconds": limits.MAX_WINDOW // SECOND,
    }  # fmt: skip
    return published(**(terms | changes))


def accelerators() -> list[ClassRegisteredV1]:
    """The classes of the programme."""
    return [
        ClassRegisteredV1(
            class_id=class_id, version=1_000_000, description=WIDE * limits.MAX_NAME, mem_mb=MAX_COUNT,
            gpus_per_node=64, bf16_mtflops_nominal=MAX_COUNT, bf16_mtflops_attested=MAX_COUNT,
            interconnect=WIDE * limits.MAX_NAME, sources=(WIDE * limits.MAX_NAME,) * RULES[LATEST].max_sources,
        )
        for class_id in programme().terms.classes
    ]  # fmt: skip


def bid(bid_id: str, **changes: Any) -> BidReceived:
    """A bid that names everything it may name."""
    terms: dict[str, Any] = {
        "bid_id": bid_id, "beneficiary_id": LAB, "group_id": LAB, "programme_id": PROGRAMME, "voucher_ids": (),
        "currency": CURRENCY, "classes": tuple(sorted(programme().terms.classes)),
        "regions": tuple(sorted(programme().terms.regions)), "nodes": limits.MAX_NODES,
        "gpus_per_node": 64, "hours": 1_000,
        "earliest": T // HOUR + 1_000, "latest": T // HOUR + 2_000, "limit_price": PRICE_TICK * 1_000,
        "cost_per_node": PRICE_TICK * 1_000 * 64 * 1_000, "partial": True, "min_nodes": 1, "tif": "GTD",
        "good_until": T + 2_000 * HOUR, "post_only": False, "stp": "maker",
    }  # fmt: skip
    return BidReceived(**(terms | changes))


def offer(offer_id: str, **changes: Any) -> OfferReceived:
    """An offer that such bids fit."""
    terms: dict[str, Any] = {
        "offer_id": offer_id, "provider_id": CLOUD, "group_id": CLOUD, "class_id": programme().terms.classes[0],
        "region": programme().terms.regions[0], "currency": CURRENCY, "nodes": limits.MAX_NODES, "gpus_per_node": 64,
        "window_start": T // HOUR + 1_000, "window_end": T // HOUR + 3_000, "price": PRICE_TICK * 1_000,
        "min_nodes": 1, "min_hours": 1_000, "bond_bps": 2_000, "bond": MAX_AMOUNT // 4, "tif": "GTD",
        "good_until": T + 2_000 * HOUR, "stp": "maker",
    }  # fmt: skip
    return OfferReceived(**(terms | changes))


def worn(large: Large) -> None:
    """Set the number of postings of every position to the largest that a log can count."""
    for accounts in large.state.accounts.assets.values():
        for position in accounts.values():
            position.n = LATE


def funded(large: Large, vouchers: int, share: Rate) -> None:
    """A ledger in which the lab has this many vouchers, nearly as large as amounts get, and both sides have cash."""
    register(large, (CITY, "issuer"), (LAB, "beneficiary"), (CLOUD, "provider"))
    face = MAX_AMOUNT // 2 // vouchers
    large.hears(
        programme(share=share),
        BudgetAppropriated(programme_id=PROGRAMME, amount=MAX_AMOUNT, document="d" * 64, uncommitted_after=MAX_AMOUNT),
    )
    for number in range(vouchers):
        large.hears(
            VoucherIssued(
                voucher_id=f"vch-{LATE + number}-47", programme_id=PROGRAMME, version=1_000_000, beneficiary_id=LAB,
                face=face, not_before=T, expires_at=T + 1_000 * HOUR, issue_seq=LATE + number,
                uncommitted_after=MAX_AMOUNT, group_issued_after=MAX_AMOUNT,
            )
        )  # fmt: skip
    for party_id in (LAB, CLOUD):
        large.state.accounts.assets.put((CURRENCY, cash(party_id)), Position(credits_posted=MAX_AMOUNT // 2))
    large.state.accounts.assets.put((CURRENCY, "bank"), Position(debits_posted=2 * (MAX_AMOUNT // 2)))
    worn(large)


def trade(bid_id: str, offer_id: str, **changes: Any) -> TradeMatched:
    """A trade between the two, with ids as long as they get."""
    terms: dict[str, Any] = {
        "trade_id": f"trd-{LATE}-47-23", "rule_set": "PTW-1", "taker": "offer", "bid_id": bid_id, "offer_id": offer_id,
        "beneficiary_id": LAB, "provider_id": CLOUD, "programme_id": PROGRAMME,
        "class_id": programme().terms.classes[0],
        "region": programme().terms.regions[0], "currency": CURRENCY, "nodes": 1, "gpus_per_node": 1,
        "first_hour": T // HOUR + 1_000, "hours": 1, "price": PRICE_TICK, "notional": PRICE_TICK,
        "bid_nodes_left": 0, "version": 1_000_000,
    }  # fmt: skip
    return TradeMatched(**(terms | changes))
