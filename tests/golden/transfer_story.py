"""The part of the golden story about vouchers that are handed on, pledged and given back."""

from __future__ import annotations

from counterfoil.contract.refusals import Code
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.ledger.commands import (
    AcceptTransfer,
    ApproveTransfer,
    EnforcePledge,
    PledgeVoucher,
    ProposeTransfer,
    RejectTransfer,
    ReleasePledge,
    SurrenderVoucher,
    WithdrawTransfer,
)
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN


def tell(world: GoldenWorld) -> None:
    """What a holder gives back; terms that are no document let nothing be handed on."""
    issue = IssueVoucher(programme_id="p1", beneficiary_id="lab-2", amount=50 * YUAN)
    voucher_id = done(world, "city", issue).voucher_id
    done(world, "lab-2", SurrenderVoucher(voucher_id=voucher_id, amount=20 * YUAN, reason="spare"))
    propose = ProposeTransfer(voucher_id=voucher_id, amount=YUAN, receiver_id="lab-1", price=0)
    pledge = PledgeVoucher(voucher_id=voucher_id, amount=YUAN, pledgee_id="bank")
    for body in (propose, pledge):
        refused(world, "lab-2", Code.TRANSFER_NOT_PERMITTED, body)
    for actor, unknown in (
        ("city", ApproveTransfer(transfer_id="tfr-0-0")),
        ("lab-1", AcceptTransfer(transfer_id="tfr-0-0")),
        ("lab-1", RejectTransfer(transfer_id="tfr-0-0", reason="too dear")),
        ("lab-2", WithdrawTransfer(transfer_id="tfr-0-0")),
    ):
        refused(world, actor, Code.UNKNOWN_TRANSFER, unknown)
    refused(world, "bank", Code.UNKNOWN_PLEDGE, ReleasePledge(pledge_id="plg-0-0"))
    refused(world, "bank", Code.UNKNOWN_PLEDGE, EnforcePledge(pledge_id="plg-0-0", reason="overdue"))
