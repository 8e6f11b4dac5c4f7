"""Why a bid was, or was not, matched: all logs decided again, and what the rules looked at for one bid written down.

Every step is one of the decision made again. Where the published log has another, the audit's findings say so, and the
steps end there. The book is looked at when the matching rule is asked about the bid: as it arrives, as its pass goes
on, as an offer arrives, and whenever bids that rest meet the offers anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from counterfoil.audit.auction_reasons import reasons
from counterfoil.audit.auditor import Progress, missing, now_of, open_logs
from counterfoil.audit.obstacles import ELSEWHERE, Obstacle, obstacle
from counterfoil.audit.report import Finding
from counterfoil.audit.shares import Task, replayed
from counterfoil.catalogue import DECIDERS
from counterfoil.contract.codec import dump_event
from counterfoil.contract.entry import CommandCause, Entry
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Event
from counterfoil.contract.times import format_time
from counterfoil.core.decider import Decider
from counterfoil.ledger.events import HoldPlaced, HoldRefused, HoldRefusedV1
from counterfoil.log.keys import VerifyKey
from counterfoil.matching.amendment_events import BidAmendmentRequested
from counterfoil.matching.auction_events import AuctionCleared, AuctionLocked, AuctionOrderEntered
from counterfoil.matching.continuous import PriceTime
from counterfoil.matching.events import BidReceived, TradeMatched
from counterfoil.matching.halt_events import TradingHalted, TradingResumed
from counterfoil.matching.orders import Bid, BidTif, Match, Offer, OfferTif, Pass, Plan, Run, Tried
from counterfoil.matching.passes import pass_at
from counterfoil.matching.state import MatchingState

OFFERS_SHOWN: Final = 100
"""Offers of one look that are listed, the first in line first; the rest is counted by cause."""
_HOLDS: Final = (HoldPlaced, HoldRefused, HoldRefusedV1)


class Step(NamedTuple):
    """What happened to the bid in an entry of a log of matching, made at `time` (microseconds).

    `kind`: ``received``, ``traded``, ``closed`` and so on for an event of that name, with its members as `detail`;
    ``looked``: what the rule found in the book; ``funded``, ``not_funded``: the ledger's answer; ``refused``: of a
    command; ``auction_cleared``: prices, and how the bid stands to them; ``rests``: what the book has at the end.
    """

    log: str
    entry: int
    time: int
    kind: str
    detail: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The step as JSON values."""
        return {**self._asdict(), "time": format_time(self.time)}


class Explanation(NamedTuple):
    """All steps of a bid, how it stands at the end, and the findings of the audit that they are from.

    `bid_id`: None if the id is that of a command that was refused. `standing`: ``filled``, ``resting``,
    ``waiting_for_funds``, ``in_auction``, ``refused``, or the reason for which it was closed.
    """

    bid_id: str | None
    standing: str
    steps: list[Step]
    findings: list[Finding]

    def to_json(self) -> dict[str, Any]:
        """The explanation as JSON values."""
        return {
            "bid_id": self.bid_id,
            "standing": self.standing,
            "clean": not self.findings,
            "steps": [each.to_json() for each in self.steps],
            "findings": [asdict(each) for each in self.findings],
        }


class NoSuchBid(Exception):
    """No log has the bid, as far as it can be decided again; `findings`: why that may not be all of it."""

    def __init__(self, wanted: str, findings: list[Finding]) -> None:
        super().__init__(f"the logs have no bid and no command of a bid {wanted}")
        self.findings = findings


def explain(
    directory: Path, wanted: str, trusted: Mapping[str, VerifyKey] | None = None, progress: Progress | None = None
) -> Explanation:
    """Decide the logs below `directory` again, and explain a bid.

    `wanted`: the bid's id, or that of the command that placed it. `trusted`, `progress`: as `audit` takes them. Raises
    `NoSuchBid`, and as `audit`.
    """
    opened, _, at_once = open_logs(directory, trusted)
    findings = [each for found in at_once.values() for each in found]
    findings += missing(opened, trusted, {each.log for each in findings})
    watchers = {id_: Watcher(log.checkpoint.origin, wanted) for id_, log in opened.items() if id_.service == "matching"}
    deciders: dict[LogId, Decider[Any]] = {
        id_: watchers[id_].decider() if id_ in watchers else DECIDERS[id_.service] for id_ in opened
    }
    task = Task(opened, deciders, None, {}, now_of(opened.values()), {id_: each.seen for id_, each in watchers.items()})
    total, done = sum(map(task.remaining, opened)), [0]

    def tell(some: int) -> None:
        done[0] += some
        if progress is not None:
            progress("replay", some, total)

    found = replayed(task, tell)
    findings += [each for one in found.replayed.values() for each in one.findings]
    findings += [each for files in found.files.values() for each in files]
    for each in watchers.values():
        each.end()
        if each.steps:
            return Explanation(each.bid_id, each.standing(), each.steps, findings)
    raise NoSuchBid(wanted, findings)


class Watcher:
    """Follows one bid through the replay of a log of matching."""

    def __init__(self, log: str, wanted: str) -> None:
        """`log`: its origin; `wanted`: as `explain` takes it."""
        self._log, self._wanted, self._needle = log, wanted, wanted.encode()
        self._state = MatchingState()
        self._named = {wanted}  # the bid, and its amendments
        self._auction: str | None = None
        self._looks: list[dict[str, Any]] = []  # of the entry that is being decided
        self._causes: dict[str, Obstacle | None] = {}
        self._ranking: list[tuple[str, Obstacle | None]] = []  # of the last look at the whole book
        self._at = 0, 0
        self.bid_id: str | None = None
        self.steps: list[Step] = []

    def decider(self) -> Decider[Any]:
        """Matching's decider, whose rule tells this what it is asked about."""
        return replace(DECIDERS["matching"], initial=self._begin)

    def _begin(self) -> MatchingState:
        self._state = MatchingState(_Watched(self))
        return self._state

    # the rule -------------------------------------------------------------------------------------------------------

    def looks_at_all(self, bid: Bid, nodes: int, now: Pass, others: Sequence[Match] = ()) -> None:
        """The rule looks for offers for the bid; `others`: what bids before it in line take in the same entry."""
        self._ranking = list(self._ranked(bid, nodes, now.time, now.floor_hour))
        by = [each.bid_id for each in others if each.bid_id != bid.bid_id]
        own = {each.offer_id for each in others if each.bid_id == bid.bid_id}
        taken = {each.offer_id for each in others} - own
        found = [
            (offer_id, Obstacle("taken", {"by": by}) if why is None and offer_id in taken else why)
            for offer_id, why in self._ranking
        ]
        self._look(found)

    def offer_comes(self, bid: Bid, offer: Offer, left: Iterable[Run], now: Pass, plan: Plan) -> None:
        """An offer looks for bids, and the bid may be one of them."""
        why = obstacle(self._state, bid, bid.remaining, offer, left, now.time, now.floor_hour)
        met = {each.bid_id for each in plan.matches} | {each.bid_id for each in plan.prevented}
        if why is None and bid.bid_id not in met:
            if plan.more:
                return  # its turn may come in the next entry
            why = Obstacle("taken", {"by": [each.bid_id for each in plan.matches]})
        self._look([(offer.offer_id, why)])

    def _look(self, found: Sequence[tuple[str, Obstacle | None]]) -> None:
        """Write down what is new of it."""
        new = [(offer_id, why) for offer_id, why in found if self._causes.get(offer_id, ()) != why]
        self._causes.update(new)
        if new:
            self._looks.append(self._shown(new))

    def _shown(self, found: Sequence[tuple[str, Obstacle | None]]) -> dict[str, Any]:
        near = [each for each in found if each[1] is None or each[1].cause not in ELSEWHERE]
        listed = [
            {
                "offer_id": offer_id,
                "provider_id": self._state.offers[offer_id].provider_id,
                "price": str(self._state.offers[offer_id].price),
                "fits": why is None,
                "cause": None if why is None else why.cause,
                "figures": {} if why is None else why.figures,
            }
            for offer_id, why in near[:OFFERS_SHOWN]
        ]
        return {
            "offers": listed,
            "not_shown": _counted(why for _, why in near[OFFERS_SHOWN:]),
            "of_other_markets": len(found) - len(near),
        }

    def _ranked(self, bid: Bid, nodes: int, time: int, floor: int) -> Iterator[tuple[str, Obstacle | None]]:
        """Every offer on the book, by price (per milli-TFLOPS, of a bid by performance), then by time."""
        state = self._state
        mtflops = {each.class_id: each.mtflops for each in bid.performance}
        offers = [offer for offer_id in state.offers if (offer := state.book.offer(offer_id)) is not None]
        for offer in sorted(offers, key=lambda each: (Fraction(each.price, mtflops.get(each.class_id, 1)), each.seq)):
            left = state.book.residual(offer.offer_id)
            yield offer.offer_id, obstacle(state, bid, nodes, offer, left, time, floor)

    # the log --------------------------------------------------------------------------------------------------------

    def seen(self, entry: Entry, consumed: Event | None) -> None:
        """An entry was decided again, and is as published; `consumed`: the event of another log that it is about."""
        self._at, looks, self._looks = (entry.index, entry.time), self._looks, []
        if isinstance(entry.cause, CommandCause) and self._needle in entry.cause.payload:
            self._command(entry, entry.cause)
        if isinstance(consumed, _HOLDS) and consumed.hold_id in self._named:
            self._step("funded" if isinstance(consumed, HoldPlaced) else "not_funded", _without_legs(consumed))
        for look in looks:
            self._step("looked", look)
        for event in entry.events:
            self._event(event)

    def _command(self, entry: Entry, cause: CommandCause) -> None:
        """It placed the bid, or was to do something with it."""
        payload = orjson.loads(cause.payload)
        bodies = payload["body"] if entry.batch else [payload["body"]]
        is_placing = payload["command_id"] == self._wanted
        first = 0
        for nth, outcome in enumerate(entry.outcomes):
            events, first = entry.events[first : first + outcome.events], first + outcome.events
            for each in events if is_placing else ():
                if isinstance(each, BidReceived) and self.bid_id is None:
                    self._named.add(each.bid_id)
            body = bodies[nth] if isinstance(bodies, list) and nth < len(bodies) else {}
            if outcome.refusal is not None and (is_placing or self._wanted in orjson.dumps(body).decode()):
                refusal = {"code": outcome.refusal.code.value, "detail": dict(outcome.refusal.detail)}
                self._step("refused", {"command": payload["type"], "command_id": payload["command_id"], **refusal})

    def _event(self, event: Event) -> None:
        name = event.TYPE.rsplit(".", 1)[0]
        order_id = getattr(event, "bid_id", None) or getattr(event, "order_id", None)
        if order_id is not None and order_id in self._named:
            if isinstance(event, BidReceived):
                self.bid_id = event.bid_id
            if isinstance(event, AuctionOrderEntered):
                self._auction = event.auction_id
            if isinstance(event, BidAmendmentRequested):
                self._named.add(event.amendment_id)
            detail = {key: value for key, value in dump_event(event).items() if key != "type"}
            if isinstance(event, TradeMatched):
                detail |= self._chosen(event)
            self._step(_KINDS.get(name, name.replace(".", "_")), detail)
        elif isinstance(event, AuctionLocked | AuctionCleared) and event.auction_id == self._auction:
            detail = dump_event(event) | reasons(self._state, event, self.bid_id or "")
            self._step(name.replace(".", "_"), detail)
        elif isinstance(event, TradingHalted | TradingResumed) and self._is_resting() and self._concerns(event):
            self._step(name.replace(".", "_"), dump_event(event))

    def _chosen(self, trade: TradeMatched) -> dict[str, Any]:
        """By what rule a trade was chosen: of the better offers none fitted, or the bid was first in line for it."""
        if trade.taker == "offer":
            return {"rule": "first_bid_in_line", "passed_over": 0}
        better = []
        for offer_id, why in self._ranking:
            if offer_id == trade.offer_id:
                break
            if why is not None and why.cause not in ELSEWHERE:
                better.append(offer_id)
        return {"rule": "first_offer_in_line", "passed_over": len(better)}

    def _concerns(self, event: TradingHalted | TradingResumed) -> bool:
        received = self._state.bids[self.bid_id or ""]
        return (event.class_id is None or event.class_id in received.classes) and (
            event.region is None or event.region in received.regions
        )

    def _is_resting(self) -> bool:
        return self.bid_id is not None and self._state.book.bid(self.bid_id) is not None

    def _step(self, kind: str, detail: dict[str, Any]) -> None:
        self.steps.append(Step(self._log, *self._at, kind, detail))

    # the end --------------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Of a bid that rests, write down what the book has for it."""
        if not self._is_resting():
            return
        bid = self._state.book.bid(self.bid_id)
        now = pass_at(self._at[1], self._state.rules)
        self._step("rests", self._shown(list(self._ranked(bid, bid.remaining, now.time, now.floor_hour))))

    def standing(self) -> str:
        """See `Explanation`."""
        if self.bid_id is None:
            return "refused"
        if self._is_resting():
            return "resting"
        if self.bid_id in self._state.auctions.orders:
            return "in_auction"
        if self.bid_id in self._state.bids:
            return "waiting_for_funds"
        closed = [each.detail["reason"] for each in self.steps if each.kind == "closed"]
        return str(closed[-1]) if closed else "filled"

    def asks(self, bid_id: str) -> bool:
        """Whether it is about this bid."""
        return bid_id == self.bid_id


class _Watched(PriceTime):
    """PTW-1, which tells a watcher what it is asked."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def bid_arrives(self, book: Any, bid: Bid, tif: BidTif, now: Pass) -> Plan:
        if self._watcher.asks(bid.bid_id):
            self._watcher.looks_at_all(bid, bid.remaining, now)
        return super().bid_arrives(book, bid, tif, now)

    def offer_arrives(self, book: Any, offer: Offer, tif: OfferTif, now: Pass) -> Plan:
        plan = super().offer_arrives(book, offer, tif, now)
        whole = [(offer.window_start, offer.window_end - offer.window_start, offer.nodes)]
        self._offer_comes(book, offer, whole, now, plan)
        return plan

    def order_continues(self, book: Any, order_id: str, tif: BidTif, now: Pass) -> Plan:
        plan = super().order_continues(book, order_id, tif, now)
        if self._watcher.asks(order_id):
            bid = book.bid(order_id)
            self._watcher.looks_at_all(bid, bid.remaining, now)
        elif (offer := book.offer(order_id)) is not None:
            self._offer_comes(book, offer, book.residual(order_id), now, plan)
        return plan

    def fits(self, book: Any, bid: Bid, nodes: int, now: Pass) -> bool:
        if self._watcher.asks(bid.bid_id):
            self._watcher.looks_at_all(bid, nodes, now)
        return super().fits(book, bid, nodes, now)

    def bids_meet(self, book: Any, bid_ids: Sequence[str], now: Pass) -> Tried:
        tried = super().bids_meet(book, bid_ids, now)
        if self._watcher.bid_id in bid_ids[: tried.bids]:
            bid = book.bid(self._watcher.bid_id)
            self._watcher.looks_at_all(bid, bid.remaining, now, tried.matches)
        return tried

    def _offer_comes(self, book: Any, offer: Offer, left: Iterable[Run], now: Pass, plan: Plan) -> None:
        bid_id = self._watcher.bid_id
        bid = None if bid_id is None else book.bid(bid_id)
        if bid is not None:
            self._watcher.offer_comes(bid, offer, left, now, plan)


_KINDS: Final[Mapping[str, str]] = {
    "bid.received": "received",
    "bid.admitted": "admitted",
    "bid.reduced": "reduced",
    "bid.amended": "amended",
    "bid.closed": "closed",
    "bid_amendment.requested": "amendment_requested",
    "trade.matched": "traded",
    "trade.cleared": "traded",
    "match.prevented": "prevented",
    "match.continued": "continued",
    "auction_order.entered": "auction_entered",
    "auction_order.admitted": "admitted",
}
"""Events of a bid by shorter names."""


def _counted(causes: Iterable[Obstacle | None]) -> dict[str, int]:
    found: dict[str, int] = {}
    for why in causes:
        name = "fits" if why is None else why.cause
        found[name] = found.get(name, 0) + 1
    return found


def _without_legs(event: Event) -> dict[str, Any]:
    return {key: value for key, value in dump_event(event).items() if key not in ("type", "legs")}
