"""`counterfoil programme`: terms, budgets and accredited providers."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli import programme_files, programme_publish
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late import group
from counterfoil.cli.options import Amount, Reason, Save, argument, option
from counterfoil.cli.signing import signed
from counterfoil.contract.record import Command as Body
from counterfoil.contract.terms import FourEyesAct
from counterfoil.issuance.commands import (
    AppropriateBudget,
    DelistProvider,
    DemandFourEyes,
    ListProvider,
    PauseProgramme,
    ReduceBudget,
    ReinstateProvider,
    ResumeProgramme,
    SuspendProvider,
)
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.ledger.commands import CloseProgramme

app = group("programme")
ProgrammeId = Annotated[str, argument("PROGRAMME", "The programme's id.")]
ProviderId = Annotated[str, argument("PROVIDER", "The provider's party id.")]

Document = Annotated[str, option("--document", "The budget document's reference.", metavar="TEXT")]


@signed(
    app,
    "appropriate",
    "counterfoil programme appropriate springfield-2026 --amount 900000 --document B-12 --as springfield",
)
def appropriate(
    programme: ProgrammeId,
    amount: Amount,
    document: Document,
) -> Body:
    """Issuer: add to the programme's budget."""
    return AppropriateBudget(programme_id=programme, amount=amount, document=document)


@signed(
    app,
    "reduce",
    "counterfoil programme reduce springfield-2026 --amount 900000 --document B-13 --reason 'Typing error in B-12'"
    " --as springfield",
)
def reduce(programme: ProgrammeId, amount: Amount, document: Document, reason: Reason) -> Body:
    """Issuer: take back some of the budget, at most what no voucher has committed."""
    return ReduceBudget(programme_id=programme, amount=amount, document=document, reason=reason)


@signed(app, "list-provider", "counterfoil programme list-provider springfield-2026 norn --as springfield")
def list_provider(programme: ProgrammeId, provider: ProviderId) -> Body:
    """Issuer: accredit a provider for the programme."""
    return ListProvider(programme_id=programme, provider_id=provider)


@signed(
    app,
    "suspend-provider",
    "counterfoil programme suspend-provider springfield-2026 norn --reason 'meters disagree' --as springfield",
)
def suspend_provider(programme: ProgrammeId, provider: ProviderId, reason: Reason) -> Body:
    """Issuer: stop a provider for a time: the programme's bids do not meet its offers, and its claims wait.

    Contracts already made run on: it delivers, reports and claims. The reason is public, and every audit lists it.
    """
    return SuspendProvider(programme_id=programme, provider_id=provider, reason=reason)


@signed(
    app,
    "reinstate-provider",
    "counterfoil programme reinstate-provider springfield-2026 norn --reason 'meters checked' --as springfield",
)
def reinstate_provider(programme: ProgrammeId, provider: ProviderId, reason: Reason) -> Body:
    """Issuer: lift a provider's suspension. Orders that rest meet those that arrive from now on."""
    return ReinstateProvider(programme_id=programme, provider_id=provider, reason=reason)


@signed(
    app,
    "delist-provider",
    "counterfoil programme delist-provider springfield-2026 norn --reason 'forged readings' --as springfield",
)
def delist_provider(programme: ProgrammeId, provider: ProviderId, reason: Reason) -> Body:
    """Issuer: end a provider's listing: the programme's bids never meet its offers again.

    Contracts already made run on, and what was delivered can be claimed. A suspension is over with it.
    """
    return DelistProvider(programme_id=programme, provider_id=provider, reason=reason)


@signed(app, "pause", "counterfoil programme pause springfield-2026 --reason 'budget under review' --as springfield")
def pause(programme: ProgrammeId, reason: Reason) -> Body:
    """Issuer: issue no vouchers, and fund no new bids; the programme's bids leave the book. Contracts run on."""
    return PauseProgramme(programme_id=programme, reason=reason)


@signed(app, "resume", "counterfoil programme resume springfield-2026 --reason 'review is over' --as springfield")
def resume(programme: ProgrammeId, reason: Reason) -> Body:
    """Issuer: let a paused programme go on. Its bids do not come back."""
    return ResumeProgramme(programme_id=programme, reason=reason)


@signed(
    app, "run-off", "counterfoil programme run-off springfield-2026 --reason 'its last year is over' --as springfield"
)
def run_off(programme: ProgrammeId, reason: Reason) -> Body:
    """Issuer: let the programme grant nothing new, and finish what is open. It cannot be taken back.

    It takes no version, budget, window or application any more. Applications that are there are decided. Vouchers are
    spent and claimed until they end, but neither handed on nor pledged. See `counterfoil programme run-offs`.
    """
    return BeginRunOff(programme_id=programme, reason=reason)


@signed(app, "close", "counterfoil programme close springfield-2026 --reason 'all is paid' --as springfield")
def close(programme: ProgrammeId, reason: Reason) -> Body:
    """Issuer: close a programme in run-off. Refused with what is still open; what is not committed is returned.

    `counterfoil programme run-offs` shows when it is closed, with its final reconciliation and the hash of that.
    """
    return CloseProgramme(programme_id=programme, reason=reason)


@signed(app, "four-eyes", "counterfoil programme four-eyes springfield-2026 --act payment --as springfield")
def four_eyes(
    programme: ProgrammeId,
    act: Annotated[FourEyesAct, option("--act", "What needs two signatories.")],
) -> Body:
    """Issuer: demand two signatories for the approval of claims, or for payments. It cannot be taken back.

    A party stands for one signatory. Both sign the same command: of an approval, the issuer and a party of its group
    with the role of issuer, which the operator registers; of a payment, two treasurers.
    """
    return DemandFourEyes(programme_id=programme, act=act)


@remote(app, "totals", "counterfoil programme totals springfield-2026 --save springfield-2026.json")
def totals(session: GatewaySession, programme: ProgrammeId, save: Save = None) -> None:
    """Prove a programme's totals from the log: appropriated, issued, redeemed, paid, expired.

    Every entry about its budget and the claims on it is fetched and verified, as by `voucher prove`.
    """
    from counterfoil.cli.histories import assets_of_programme, prove

    prove(session, assets_of_programme(programme), save)


programme_files.add_to(app)
programme_publish.add_to(app)
