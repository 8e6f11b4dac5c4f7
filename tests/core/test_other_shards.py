"""Events about another shard's orders, contracts and vouchers make entries without events, never an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.catalogue import DECIDERS
from counterfoil.contract.entry import EntryCause, GenesisCause
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Event
from counterfoil.core.engine import Engine
from counterfoil.issuance.events import VoucherReinstated, VoucherRevoked, VoucherSuspended
from counterfoil.ledger.events import (
    BondHeld,
    HoldCaptured,
    HoldPlaced,
    HoldRefused,
    VoucherCancelled,
    VoucherExpired,
)
from counterfoil.matching.events import BidClosed, BidReduced, OfferClosed, OfferReduced, TradeMatched
from counterfoil.redemption.events import PaymentConfirmed
from tests.strategies import records

HOST = "example.test"
GENESIS = GenesisCause("operator", "Operator", bytes(32), 2, "0.1.0")
NOT_OURS: dict[str, dict[str, tuple[type[Event], ...]]] = {
    "issuance": {"ledger": (VoucherExpired, VoucherCancelled)},
    "ledger": {
        "issuance": (VoucherSuspended, VoucherReinstated, VoucherRevoked),
        "matching": (OfferReduced, OfferClosed, BidReduced, BidClosed, TradeMatched),
        "redemption": (PaymentConfirmed,),
    },
    "matching": {"ledger": (HoldPlaced, BondHeld, HoldRefused)},
    "redemption": {"ledger": (HoldCaptured,)},
}
"""By consumer and source: events about things that one shard of the consumer has and the others have not."""
CASES = [
    (consumer, source, kind)
    for consumer, sources in NOT_OURS.items()
    for source, kinds in sources.items()
    for kind in kinds
]


def opened(service: str) -> Engine[Any]:
    """An empty log."""
    engine = Engine(DECIDERS[service], LogId(service, "cn.sh").origin(HOST), lambda _size: None)
    engine.genesis(GENESIS, 0)
    return engine


@pytest.mark.parametrize(("consumer", "source", "kind"), CASES)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_it_is_taken_and_nothing_follows(consumer: str, source: str, kind: type[Event], data: st.DataObject) -> None:
    event: Event = data.draw(records(kind))  # type: ignore[arg-type]
    engine = opened(consumer)
    cause = EntryCause(LogId(source, "us-east").origin(HOST), 7, bytes(32), 0)
    entry, _ = engine.react(cause, event, 1)
    taken_over = tuple(each for each in entry.events if each is not event)
    assert taken_over == ()
    assert entry.id == f"{source}/us-east/7/0"
    assert entry.subject == f"{source}/us-east"


def test_the_events_above_are_reactions_of_their_consumers() -> None:
    for consumer, source, kind in CASES:
        assert kind in DECIDERS[consumer].reactions[source]


def test_two_shards_at_the_same_place_make_two_entries() -> None:
    engine = opened("ledger")
    event = BidClosed(bid_id="bid-1-0", reason="cancelled")
    ids = {
        engine.react(EntryCause(LogId("matching", shard).origin(HOST), 7, bytes(32), 0), event, 1)[0].id
        for shard in ("main", "cn.sh", "us-east")
    }
    assert ids == {"matching/7/0", "matching/cn.sh/7/0", "matching/us-east/7/0"}
