"""The first operations of a published flow of orders as commands of the credit market: decided and applied.

The ledger judges each: who may hand on, funds, bounds; and each trade is a transfer against payment. It is the decider
alone, in time of the processor: nothing is signed, encoded or stored. The trades must be those of the price book alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, cast

from counterfoil.bench.figure import Figure, ReportFigure
from counterfoil.bench.strips import FLOWS, Operation, Traded, play, read_flow
from counterfoil.contract.ensure import ensure
from counterfoil.contract.events import DocumentPiecePut, PartyRegistered, ProgrammePublished
from counterfoil.contract.limits import BPS
from counterfoil.contract.record import Command, Event
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import BudgetAppropriated, VoucherIssued
from counterfoil.ledger.commands import Deposit
from counterfoil.ledger.credit_book import LOT, month_of
from counterfoil.ledger.credit_commands import BidForCredit, CancelCreditOrder, OfferCredit
from counterfoil.ledger.credit_events import CreditTraded
from counterfoil.ledger.price_book import PriceBook
from counterfoil.ledger.service import DECIDER
from counterfoil.programme.documents import cut
from counterfoil.programme.reading import read_document
from counterfoil.programme.rules import Rules, rules_of

_OPERATIONS: Final = 6_000
_PARTIES: Final = 60  # on each side
_PAR: Final = 100_000  # the price of the flow that is par
_START: Final = 1_800_000_000_000_000
_PLENTY: Final = 10**9 * LOT


def _document() -> dict[str, Any]:
    """A programme whose vouchers anybody may buy."""
    return {
        "schema": "counterfoil.programme/1",
        "id": "bench",
        "title": {"en": "Bench"},
        "issuer": {"name": "Bench"},
        "valid": {"start": "2026-01-01"},
        "unit": {"kind": "MONEY", "currency": "CNY"},
        "budget": {
            "envelopes": [{"id": "all", "period": {"kind": "PROGRAMME"}}],
            "exhaustion": {"mode": "FIRST_COME"},
        },
        "benefit": {
            "basis": "METERED_LINE",
            "tiers": [{"id": "all", "rate": "1/2"}],
            "rounding": {"mode": "TRUNCATE", "quantum": "0.01"},
        },
        "scope": {"classes": ["a100"], "regions": ["east"]},
        "providers": {"mode": "REGISTER", "registry": "Bench"},
        "redemption": {"model": "DEDUCT_AT_PROVIDER", "claimant": "PROVIDER"},
        "transfer": {"mode": "CLOSED_MARKET"},
        "expiry": {"rule": {"kind": "RELATIVE", "after_days": 365}},
    }


class _Ledger:
    """The ledger's decider with sellers, who have vouchers of one series, and buyers, who have cash."""

    def __init__(self) -> None:
        self.state = DECIDER.initial()
        self.state.rules = RULES[LATEST]
        self.entries = 0
        read = read_document(_document())
        rules = rules_of(read)
        pieces = cut(read.data)
        for name, role in (("issuer", "issuer"), ("treasury", "treasurer"), *_parties()):
            self._hear(PartyRegistered(party_id=name, name=name, roles=(role,), group_id=name))  # type: ignore[arg-type]
        for piece, octets in enumerate(pieces):
            self._hear(
                DocumentPiecePut(
                    document_id="doc-1-0", party_id="issuer", sha256=rules.digest, piece=piece, pieces=len(pieces),
                    octets=octets,
                )
            )  # fmt: skip
        self._hear(
            ProgrammePublished(
                programme_id="bench", version=1, issuer_id="issuer", document_id="doc-1-0", rules_hash=rules.digest,
                title=rules.title, unit=rules.unit, warnings=(),
            )
        )  # fmt: skip
        self._fund(rules)

    def _fund(self, rules: Rules) -> None:
        until = _START + 300 * DAY
        self.month = month_of(rules, until) or None
        self._hear(
            BudgetAppropriated(programme_id="bench", amount=_PLENTY * 100, document="bench", uncommitted_after=0)
        )
        for n in range(_PARTIES):
            self._hear(
                VoucherIssued(
                    voucher_id=f"vch-{n}", programme_id="bench", version=1, beneficiary_id=f"seller-{n}", face=_PLENTY,
                    not_before=_START, expires_at=until, issue_seq=n + 1, uncommitted_after=0,
                    group_issued_after=_PLENTY,
                )
            )  # fmt: skip
            body = Deposit(party_id=f"buyer-{n}", currency="CNY", amount=_PLENTY, payment_reference=f"{n}")
            self.give(body, "treasury")

    def give(self, body: Command, actor: str) -> list[Event]:
        """The events of a command and of all that follows at once; it must not be refused."""
        at = self._at()
        party = self.state.directory.parties[actor]
        decided = DECIDER.commands[type(body)](self.state, body, party, at)
        ensure(not isinstance(decided, Refusal), f"bench: {type(body).__name__} is refused: {decided}")
        events = self._apply(cast("Sequence[Event]", decided), at)
        while (due := DECIDER.due(self.state)) is not None and due[0] == 0:
            at = self._at()
            events += self._apply(DECIDER.timers[due[1]](self.state, at.time, at), at)
        return events

    def _hear(self, event: Event) -> None:
        at = self._at()
        (react,) = (table[type(event)] for table in DECIDER.reactions.values() if type(event) in table)
        self._apply(react(self.state, event, at), at)

    def _at(self) -> At:
        self.entries += 1
        return At(_START + self.entries, self.entries, 0)

    def _apply(self, events: Sequence[Event], at: At) -> list[Event]:
        for event in events:
            DECIDER.evolve[type(event)](self.state, event, at)
        return list(events)


def _parties() -> list[tuple[str, str]]:
    return [(f"{side}-{n}", "beneficiary") for n in range(_PARTIES) for side in ("seller", "buyer")]


class _Market:
    """The flow's orders as commands of many parties, and the trades that follow, by the numbers of the flow."""

    def __init__(self) -> None:
        self.ledger, self.trades = _Ledger(), list[Traded]()
        self._ids: dict[str, tuple[str, str]] = {}  # order of the flow -> party, order of the ledger
        self._flow: dict[str, str] = {}

    def give(self, n: int, operation: Operation) -> None:
        """One operation; an order that is over is not cancelled."""
        if not operation.adds:
            party, order_id = self._ids[operation.order_id]
            if order_id in self.ledger.state.credit.orders:
                self.ledger.give(CancelCreditOrder(order_id=order_id), party)
            return
        party = f"{'buyer' if operation.is_bid else 'seller'}-{n % _PARTIES}"
        terms: dict[str, Any] = {
            "amount": operation.quantity * LOT,
            "price_bps": BPS + operation.price - _PAR,
            "time_in_force": "GTC",
        }
        body: Command = OfferCredit(voucher_id=f"vch-{n % _PARTIES}", **terms)
        if operation.is_bid:
            body = BidForCredit(programme_id="bench", version=1, month=self.ledger.month, **terms)
        events: list[Any] = self.ledger.give(body, party)
        placed: str = events[0].order_id
        self._ids[operation.order_id], self._flow[placed] = (party, placed), operation.order_id
        for event in events:
            if isinstance(event, CreditTraded):
                maker, taker = event.offer_id, event.bid_id
                if maker == placed:
                    maker, taker = taker, maker
                price = event.price_bps - BPS + _PAR
                self.trades.append(Traded(self._flow[maker], self._flow[taker], event.amount // LOT, price))


def credit_market(report: ReportFigure) -> None:
    """Commands of the first flow through the ledger's decider; a trade that differs stops the benchmark."""
    operations, market = read_flow(FLOWS[0])[:_OPERATIONS], _Market()
    entries = market.ledger.entries
    began = time.process_time_ns()
    for n, operation in enumerate(operations):
        market.give(n, operation)
    spent = (time.process_time_ns() - began) // 1_000_000
    alone = [each for part in play(PriceBook(), operations) for each in part if isinstance(each, Traded)]
    if market.trades != alone:
        raise RuntimeError("the ledger makes other trades than the price book alone")
    note = f"{len(alone):,} trades, {market.ledger.entries - entries:,} entries; time of the processor"
    workload = f"commands of {FLOWS[0].name} by {2 * _PARTIES} parties, decided and applied by the ledger, unsigned"
    report(Figure("credit market", workload, len(operations), spent, note))
