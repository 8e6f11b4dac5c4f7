"""Duties that one party, or two that are related, may not hold together.

A decider that is about to bring duties together names who has them, or would have them; what it may not do is in the
table. Who is related is asked as of the entry. A party that becomes related to another later keeps what it has: the
acts that need both duties are refused from then on.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import permutations
from typing import Final, NamedTuple

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import ServiceState, refuse


class Duty(StrEnum):
    """What a party is to a programme, a claim, a payment, a dispute, or a relation that is attested."""

    ISSUER = "issuer"
    PROVIDER = "provider"
    BENEFICIARY = "beneficiary"
    APPROVER = "approver"
    CLAIMANT = "claimant"
    TREASURER = "treasurer"
    PAYEE = "payee"
    CASH_OWNER = "owner of the cash"
    RESOLVER = "resolver"
    DISPUTANT = "disputant"
    ATTESTER = "attester"
    ATTESTED = "attested"
    AUDITOR = "auditor"
    OPERATOR = "operator"


SEPARATE: Final[tuple[tuple[Duty, Duty], ...]] = (
    (Duty.ISSUER, Duty.PROVIDER),
    (Duty.ISSUER, Duty.BENEFICIARY),
    (Duty.PROVIDER, Duty.BENEFICIARY),
    (Duty.APPROVER, Duty.CLAIMANT),
    (Duty.TREASURER, Duty.PAYEE),
    (Duty.TREASURER, Duty.CASH_OWNER),
    (Duty.RESOLVER, Duty.DISPUTANT),
    (Duty.ATTESTER, Duty.ATTESTED),
    (Duty.AUDITOR, Duty.ISSUER),
    (Duty.AUDITOR, Duty.PROVIDER),
    (Duty.AUDITOR, Duty.BENEFICIARY),
    (Duty.AUDITOR, Duty.TREASURER),
    (Duty.AUDITOR, Duty.OPERATOR),
)
"""The first three are held in a programme: who funds it, who is listed for it, who was issued its vouchers. The next
five are held in one act: a decision on a claim, a payment, the resolution of a dispute, the attestation of a relation.
The last five are held as long as an auditor is appointed: for a programme, or for all of them."""


class Held(NamedTuple):
    """A duty, and a party that has it or would have it."""

    duty: Duty
    party_id: str


def not_separate(state: ServiceState, *held: Held) -> Refusal | None:
    """The refusal for the first of `held` that related parties may not hold together; None if there are none.

    `held`: duties in one programme, or in one act.
    """
    if not state.rules.separates_duties:
        return None
    for one, other in permutations(held, 2):
        if (one.duty, other.duty) in SEPARATE and state.directory.related(one.party_id, other.party_id):
            duties = f"{one.duty} and {other.duty}"
            return refuse(Code.DUTIES_NOT_SEPARATE, duties=duties, party_id=other.party_id, related_to=one.party_id)
    return None
