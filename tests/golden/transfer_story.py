"""The part of the golden story about vouchers that are handed on, pledged and given back."""

from __future__ import annotations

from typing import Any

from counterfoil.contract.refusals import Code
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, RevokeVoucherV1
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
from tests.documents import document, publishing, revoking
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

MODES = {"p11": "CLOSED_MARKET", "p12": "SURRENDER_REISSUE"}


def tell(world: GoldenWorld) -> None:
    """Two programmes: one lets vouchers change hands among those who may hold them, the other issues them anew."""
    vouchers = {programme_id: _programme(world, programme_id, mode) for programme_id, mode in MODES.items()}
    first, second = vouchers.values()
    done(world, "lab-2", AcceptTransfer(transfer_id=_propose(world, first, 300, price=200)))
    done(world, "lab-1", WithdrawTransfer(transfer_id=_propose(world, first, 10)))
    done(world, "lab-2", RejectTransfer(transfer_id=_propose(world, first, 10), reason="too dear"))
    again = _propose(world, second, 100)
    refused(world, "lab-2", Code.TRANSFER_NOT_PERMITTED, AcceptTransfer(transfer_id=again))
    done(world, "city", ApproveTransfer(transfer_id=again))
    done(world, "lab-2", AcceptTransfer(transfer_id=again))
    done(world, "bank", ReleasePledge(pledge_id=_pledge(world, first, 100)))
    done(world, "bank", EnforcePledge(pledge_id=_pledge(world, first, 50), reason="overdue"))
    refused(world, "bank", Code.UNKNOWN_PLEDGE, ReleasePledge(pledge_id="plg-0-0"))
    done(world, "lab-2", SurrenderVoucher(voucher_id=first, amount=20 * YUAN, reason="spare"))
    for actor, unknown in (("city", ApproveTransfer), ("lab-2", AcceptTransfer)):
        refused(world, actor, Code.UNKNOWN_TRANSFER, unknown(transfer_id=again))
    _pledge(world, first, 10)
    _propose(world, first, 10)
    named = world.state("issuance").rules.names_grounds
    revoke = revoking(first) if named else RevokeVoucherV1(voucher_id=first, reason="fraud")
    done(world, "city", revoke)  # the timer closes what is open of it


def _programme(world: GoldenWorld, programme_id: str, mode: str) -> str:
    """A programme that hands on, and a voucher of it."""
    transfer = {"mode": mode, "fee": "1%", "pledge": {"allowed": True}}
    cap = {"id": "each", "scope": "BENEFICIARY", "period": {"kind": "CALENDAR_YEAR"}, "amount": "2000"}
    done(world, "city", *publishing(document(id=programme_id, transfer=transfer, benefit__caps=[cap])))
    budget = AppropriateBudget(programme_id=programme_id, amount=10_000 * YUAN, document=f"budget of {programme_id}")
    done(world, "city", budget)
    issue = IssueVoucher(programme_id=programme_id, beneficiary_id="lab-1", amount=1_000 * YUAN)
    return str(done(world, "city", issue).voucher_id)


def _propose(world: GoldenWorld, voucher_id: str, amount: int, **other: Any) -> str:
    """A transfer that lab-1 proposes to lab-2, in units."""
    price = other.get("price", 0) * YUAN
    body = ProposeTransfer(voucher_id=voucher_id, amount=amount * YUAN, receiver_id="lab-2", price=price)
    return str(done(world, "lab-1", body).transfer_id)


def _pledge(world: GoldenWorld, voucher_id: str, amount: int) -> str:
    """A pledge of lab-1 to the bank, in units."""
    body = PledgeVoucher(voucher_id=voucher_id, amount=amount * YUAN, pledgee_id="bank")
    return str(done(world, "lab-1", body).pledge_id)
