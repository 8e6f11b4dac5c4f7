"""A claim on an invoice, and all that it is judged by, as commands and events carry it."""

from __future__ import annotations

from hashlib import sha256

from counterfoil.contract.applications import ApplicationLine, CapSet, ContractDays, FactGiven, OtherSupport
from counterfoil.contract.record import record
from counterfoil.contract.references import same_as
from counterfoil.contract.scalars import Amount, Code, CountingEvent, Day, Digest, Flag, Id, Reason, Reference


@record
class Invoice:
    """An invoice as it stands on paper: the tax id of who issued it, its number, its day."""

    issuer_tax_id: Reference
    number: Reference
    issued_on: Day


@record
class Evidence:
    """A document that shows something: of which type, and its SHA-256. The document stays with the parties."""

    type: Code
    sha256: Digest


@record
class LineSeen:
    """What the log knew of a line of a claim: whether its provider is listed, and is related to the holder."""

    line: Id
    listed: Flag
    related: Flag


@record
class InScope:
    """Who a claim counts for in a scope of caps."""

    scope: Code
    subject: Id


@record
class CapCounted:
    """What counted towards a cap when a claim was judged: micro-units, or a number of grants."""

    cap: Reason
    subject: Id
    event: CountingEvent
    amount: Amount


@record
class TierUsed:
    """The day on which the holder first used a tier."""

    tier: Reason
    on: Day


@record
class ClaimBasis:
    """All that a claim is judged by beside the programme's document: who has both can judge it again.

    `day`: the programme's local day. `applied`: when the voucher was applied for. `caps`: the amounts of caps that the
    decision on the application set. `most`: what the claim may take at most, micro-units.
    """

    day: Day
    subjects: tuple[InScope, ...]
    applied: Day | None
    contract: ContractDays | None
    lines: tuple[ApplicationLine, ...]
    seen: tuple[LineSeen, ...]
    facts: tuple[FactGiven, ...]
    other_support: tuple[OtherSupport, ...]
    caps: tuple[CapSet, ...]
    counted: tuple[CapCounted, ...]
    used: tuple[TierUsed, ...]
    most: Amount


def invoice_key(invoice: Invoice) -> bytes:
    """What makes an invoice one and the same in all programmes, however its tax id and number are spelt: SHA-256."""
    return sha256(f"{same_as(invoice.issuer_tax_id)}\n{same_as(invoice.number)}".encode()).digest()
