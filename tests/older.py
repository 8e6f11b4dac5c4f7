"""Commands as older rules have them, so that one story can be told under any rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from counterfoil.contract.record import Command
from counterfoil.core.rule_fields import Rules
from counterfoil.issuance.commands import AddKey, AddKeyV1, RegisterParty, RegisterPartyV1
from counterfoil.redemption.commands import (
    ApproveClaim,
    ApproveClaimV1,
    CloseSettlement,
    CloseSettlementV1,
    ConfirmPayment,
    ConfirmPaymentV1,
    DisputeUsage,
    DisputeUsageV1,
    RejectClaim,
    RejectClaimV1,
)

_OLDER: dict[type[Command], Callable[[Any, str], Command]] = {
    RegisterParty: lambda body, _actor: RegisterPartyV1(
        party_id=body.party_id, name=body.name, roles=body.roles, group_id=body.group_id,
        public_key=body.key.public_key,
    ),
    DisputeUsage: lambda body, _actor: DisputeUsageV1(report_id=body.report_id, reason=body.reason),
    AddKey: lambda body, actor: AddKeyV1(party_id=actor, public_key=body.key.public_key),
    ApproveClaim: lambda body, _actor: ApproveClaimV1(claim_id=body.claim_id),
    RejectClaim: lambda body, _actor: RejectClaimV1(claim_id=body.claim_id, reason=body.reason),
    CloseSettlement: lambda body, _actor: CloseSettlementV1(programme_id=body.programme_id, claim_ids=body.claim_ids),
    ConfirmPayment: lambda body, _actor: ConfirmPaymentV1(
        settlement_id=body.settlement_id, payment_reference=body.payment_reference
    ),
}  # fmt: skip


def as_of(rules: Rules, body: Command, actor: str) -> Command:
    """The command of an actor in the version that the rules have."""
    older = _OLDER.get(type(body))
    return body if older is None or (body.TYPE, body.V) not in rules.absent else older(body, actor)
