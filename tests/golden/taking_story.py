"""The part of the golden story about who takes a voucher over, judged by what is attested of it."""

from __future__ import annotations

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, SECOND
from counterfoil.issuance.commands import AppropriateBudget, AttestFact, IssueVoucher
from counterfoil.ledger.commands import AcceptTransfer, EnforcePledge, PledgeVoucher, ProposeTransfer
from tests.documents import document, publishing
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

PROGRAMME = "p67"


def tell(world: GoldenWorld) -> None:
    """Nobody has said where the receiver is registered; once somebody has, it takes the value over."""
    registered = {"id": "registered", "when": {"fact": "registered_in", "is": "CN"}}
    done(world, "city", *publishing(document(
        id=PROGRAMME, transfer={"mode": "CLOSED_MARKET"}, eligibility=[registered]
    )))  # fmt: skip
    done(world, "city", AppropriateBudget(programme_id=PROGRAMME, amount=90 * YUAN, document=PROGRAMME))
    issue = IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-1", amount=90 * YUAN)
    voucher_id = str(done(world, "city", issue).voucher_id)
    world.clock += SECOND
    world.settle()
    offer = ProposeTransfer(voucher_id=voucher_id, amount=40 * YUAN, receiver_id="lab-2", price=0)
    accept = AcceptTransfer(transfer_id=str(done(world, "lab-1", offer).transfer_id))
    done(world, "lab-2", accept)
    world.settle()
    done(world, "operator", AttestFact(
        party_id="lab-2", application_id=None, line=None, name="registered_in", values=("CN",), on=world.clock // DAY,
        source="register",
    ))  # fmt: skip
    done(world, "lab-2", accept)
    world.settle()
    refused(world, "lab-2", Code.UNKNOWN_TRANSFER, accept)


def pledged(world: GoldenWorld) -> None:
    """A pledge is released since nobody has said that the pledgee is a bank; once somebody has, it stands."""
    value = document(
        id="p-pledged",
        transfer={"mode": "OPEN", "pledge": {"allowed": True, "to": {"fact": "licensed_bank", "is": True}}},
    )
    done(world, "city", *publishing(value))
    done(world, "city", AppropriateBudget(programme_id="p-pledged", amount=90 * YUAN, document="p-pledged"))
    issue = IssueVoucher(programme_id="p-pledged", beneficiary_id="lab-1", amount=90 * YUAN)
    voucher_id = str(done(world, "city", issue).voucher_id)
    world.clock += SECOND
    world.settle()
    pledge = PledgeVoucher(voucher_id=voucher_id, amount=40 * YUAN, pledgee_id="bank")
    done(world, "lab-1", pledge)
    world.settle()
    done(world, "operator", AttestFact(
        party_id="bank", application_id=None, line=None, name="licensed_bank", values=("true",),
        on=world.clock // DAY, source="register",
    ))  # fmt: skip
    pledge_id = str(done(world, "lab-1", pledge).pledge_id)
    world.settle()
    done(world, "bank", EnforcePledge(pledge_id=pledge_id, reason="the loan is overdue"))
