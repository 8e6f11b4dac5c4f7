"""Laws over the whole history of a world that no state shows: read off the events of its logs, each with a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from counterfoil.contract.events import ProgrammePublished
from counterfoil.issuance.aid_events import AidCounted
from counterfoil.issuance.events import ApplicationDecided, VoucherGranted
from counterfoil.issuance.invoice_events import InvoiceClaimed, UseClaimed, UseGranted
from counterfoil.ledger.events import CaptureJudged, HoldCaptured, VoucherCredited, VoucherExpired, VoucherRestored
from counterfoil.ledger.extension_events import VoucherExtended
from counterfoil.ledger.transfer_events import TransferAccepted, VoucherReissued
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import parse_amount
from counterfoil.redemption.events import PaymentConfirmed, PaymentReturned, SettlementClosed
from counterfoil.vocabulary import CODEC
from tests.properties.world import World

JUDGED = (ApplicationDecided, VoucherGranted, InvoiceClaimed, UseGranted, CaptureJudged)
"""Decisions that name the document which they were made by."""


def check_laws(world: World) -> None:
    """All of them hold; a law that is broken is named."""
    broken = [*_of_issuance(world), *_of_the_ledger(world), *_of_redemption(world)]
    assert not broken, broken


def events(world: World, service: str) -> Iterator[tuple[int, Any]]:
    """All events of a log, each with its time."""
    for data in world.logs[service]:
        entry = CODEC.decode_entry(data)
        for event in entry.events:
            yield entry.time, event


def _of_issuance(world: World) -> Iterator[str]:
    published: dict[bytes, str] = {}
    for _, event in events(world, "issuance"):
        if isinstance(event, ProgrammePublished):
            published[event.rules_hash] = event.programme_id
        if isinstance(event, JUDGED) and published.get(event.rules_hash) != event.programme_id:  # type: ignore[union-attr]
            yield f"a decision names rules that were in force: {event}"
        if isinstance(event, AidCounted) and event.counted_before + event.amount > event.ceiling:
            yield f"no grant is above a ceiling of law: {event}"
        terms = None if not isinstance(event, JUDGED) else world.state("issuance").terms(event.programme_id)  # type: ignore[union-attr]
        limits = {} if not isinstance(terms, Rules) else {r.cap.id: r.cap.amount for r in terms.caps}
        for moved in getattr(event, "counters", ()):
            limit = limits.get(moved.cap)
            if limit is not None and moved.before < moved.after > parse_amount(limit):
                yield f"no counter exceeds its cap: {moved}"


def _of_the_ledger(world: World) -> Iterator[str]:
    ends: dict[str, int] = {}
    for time, event in events(world, "ledger"):
        if isinstance(event, VoucherCredited | VoucherRestored):
            ends[event.voucher_id] = event.expires_at
        if isinstance(event, VoucherExtended | VoucherReissued):
            ends[event.voucher_id] = event.expires_at
        if isinstance(event, TransferAccepted | VoucherReissued):
            of = event.reissued_from if isinstance(event, VoucherReissued) else event.voucher_id
            if event.expires_at != ends[of]:
                yield f"no transfer moves the end of a voucher: {event}"
        if isinstance(event, HoldCaptured) and event.subsidy + event.co_payment != event.invoice:
            yield f"subsidy and co-payment are the invoice: {event}"
        if isinstance(event, VoucherExpired) and time < ends[event.voucher_id]:
            yield f"nothing expires before its end: {event}"


def _of_redemption(world: World) -> Iterator[str]:
    keys = {
        event.claim_id if isinstance(event, InvoiceClaimed) else event.application_id: event.invoice_key
        for _, event in events(world, "issuance")
        if isinstance(event, InvoiceClaimed | UseClaimed)
    }
    settled, paid = Counter[str](), Counter[str]()
    used: dict[bytes, str] = {}
    for _, event in events(world, "redemption"):
        if isinstance(event, SettlementClosed):
            settled[event.programme_id] += event.amount
        if isinstance(event, PaymentReturned) and event.was_paid:
            paid[event.programme_id] -= event.amount
        if isinstance(event, PaymentConfirmed):
            paid[event.programme_id] += event.amount
            if paid[event.programme_id] > settled[event.programme_id]:
                yield f"no more is paid than was settled: {event}"
            for claim_id in event.claim_ids:
                if claim_id in keys and used.setdefault(keys[claim_id], claim_id) != claim_id:
                    yield f"an invoice is paid by one claim: {event}"
