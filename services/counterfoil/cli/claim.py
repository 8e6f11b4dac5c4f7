"""`counterfoil claim`: claims of providers and on invoices, and settlements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.command import Invalid, pairs
from counterfoil.cli.late import group
from counterfoil.cli.options import (
    Amount,
    ClaimId,
    PaymentReference,
    Programme,
    Reason,
    VoucherId,
    argument,
    option,
)
from counterfoil.cli.signing import SigningSession, add_signed, further, signed
from counterfoil.cli.values import parse_amount
from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import parse_day
from counterfoil.redemption.commands import (
    ApproveClaim,
    ApprovedLine,
    CloseSettlement,
    ConfirmPayment,
    RejectClaim,
    Rest,
    ReturnPayment,
    SubmitClaim,
    WithdrawApproval,
)
from counterfoil.redemption.payer_commands import ConfirmShare, ReturnShare

app = group("claim")
SettlementId = Annotated[str, argument("SETTLEMENT", "The settlement's id.")]
PayeeId = Annotated[str, argument("PROVIDER", "The provider's party id.")]
PayerName = Annotated[str, option("--payer", "One of several payers, by its name.", metavar="PAYER")]
PaidOn = Annotated[int, option("--paid-on", "The bank's date.", parse=parse_day, metavar="2027-01-14")]
ReturnReference = Annotated[str, option("--reference", "The return's reference at the bank.", metavar="TEXT")]
OptionalRest = Annotated[Rest, option("--rest", "Whether what is not approved ends or may be claimed once more.")]


def submit(
    programme: Programme,
    invoice: Annotated[str, option("--invoice", "The invoice's number, new for each claim.", metavar="TEXT")],
    contract: Annotated[
        list[str] | None, option("--contract", "A contract's id. May be repeated.", metavar="CONTRACT")
    ] = None,
) -> Body:
    """Provider: claim the captured and unclaimed subsidy of contracts, or of all that there is.

    With --all-delivered, of every contract of the programme with subsidy that was never claimed: in as many claims as
    that takes, numbered INVOICE/1, INVOICE/2 and so on if it is more than one. What was rejected may be claimed once
    more, by name only. Run it again after an interruption: nothing is claimed twice.
    """
    if not contract:
        raise Invalid("name contracts with --contract, or claim all there is with --all-delivered")
    return SubmitClaim(programme_id=programme, invoice_number=invoice, contract_ids=tuple(contract))


def _submit(
    session: SigningSession,
    programme: str,
    invoice: str,
    contract: list[str] | None,
    all_delivered: bool,
) -> None:
    if not all_delivered:
        session.send(submit(programme, invoice, contract))
        return
    if contract:
        raise Invalid("--all-delivered finds the contracts itself: leave out --contract")
    from counterfoil.cli.claim_all import claim_all

    claim_all(session, programme, invoice, dry_run=session.dry_run)


_ALL = Annotated[
    bool, typer.Option("--all-delivered", help="Claim every contract with subsidy that was never claimed.")
]
add_signed(
    app,
    "submit",
    "counterfoil claim submit --programme springfield-2026 --invoice 2027-001 --contract trd-15-0-0 --as norn",
    _submit,
    submit,
    *further({"all_delivered": (_ALL, False)}),
)


@signed(app, "invoice", "counterfoil claim invoice claim.yaml --voucher vch-12-0 --as acme")
def invoice(
    file: Annotated[Path, argument("FILE", "YAML, or JSON if its name ends in .json: `invoice`, `lines` and so on.")],
    voucher: Annotated[str, option("--voucher", "The voucher that pays.", metavar="VOUCHER")],
    amount: Annotated[
        int | None,
        option("--amount", "So much of it; else all that the programme pays.", parse=parse_amount, metavar="12.50"),
    ] = None,
) -> Body:
    """Beneficiary, or a provider that it permits: claim, of a voucher, what its programme pays of an invoice for use.

    FILE has `invoice` (`issuer_tax_id`, `number`, `issued_on`) and `lines`, as an application has them, each with the
    days of its use; and may have `other_support` (amounts by programme) and `evidence` (SHA-256 of documents,
    hexadecimal, by type). Amounts are in units. An invoice is claimed once, in all programmes.
    """
    from counterfoil.cli.invoice_files import claim_of  # not for every command about claims

    return claim_of(file, voucher, amount)


@signed(app, "after-use", "counterfoil claim after-use claim.yaml --programme springfield-2026 --as acme")
def after_use(
    file: Annotated[Path, argument("FILE", "YAML, or JSON if its name ends in .json: `invoice`, `lines` and so on.")],
    programme: Programme,
    corrects: Annotated[
        str | None, option("--corrects", "The claim that was returned, by its application.", metavar="APPLICATION")
    ] = None,
) -> Body:
    """Beneficiary: claim what a programme reimburses of an invoice for use that was had and paid, without a voucher.

    FILE is as for `claim invoice`, and may have `contract` (`sha256`, `signed`, `starts`, `ends`) and `project_id`. A
    line without days is of all of the contract. The claim is decided as an application is (`counterfoil application`),
    and has the id of one: its approval grants the voucher and makes it due, in one act.
    """
    from counterfoil.cli.invoice_files import use_of  # not for every command about claims

    return use_of(file, programme, corrects)


@signed(
    app,
    "credit",
    "counterfoil claim credit inv-12-0 --invoice 2027-001 --tax-id TAX-4711 --note 2027-009 --issued-on 2027-03-01"
    " --amount 500 --as springfield",
)
def credit(
    claim: ClaimId,
    invoice_number: Annotated[str, option("--invoice", "The number of the invoice that was claimed.", metavar="TEXT")],
    tax_id: Annotated[str, option("--tax-id", "The tax id of who issued both papers.", metavar="TEXT")],
    note: Annotated[str, option("--note", "The credit note's number.", metavar="TEXT")],
    issued_on: Annotated[int, option("--issued-on", "The credit note's day.", parse=parse_day, metavar="2027-03-01")],
    amount: Amount,
) -> Body:
    """Issuer: record a credit note on an invoice that was claimed; the claim is for less in proportion.

    What is in no settlement is cut; from then on it is owed, and set off or paid back as what is taken back is.
    """
    from counterfoil.contract.invoices import Invoice  # not for every command about claims
    from counterfoil.issuance.invoice_commands import RecordCreditNote

    paper = Invoice(issuer_tax_id=tax_id, number=note, issued_on=issued_on)
    return RecordCreditNote(claim_id=claim, invoice_number=invoice_number, credit_note=paper, amount=amount)


@signed(app, "permit", "counterfoil claim permit vch-12-0 --provider norn --amount 5000 --as acme")
def permit(
    voucher: VoucherId,
    provider: Annotated[str, option("--provider", "The provider's party id.", metavar="PROVIDER")],
    amount: Annotated[
        int, option("--amount", "At most so much; 0: nothing any more.", parse=parse_amount, metavar="5000")
    ],
) -> Body:
    """Beneficiary: let a provider claim, of a voucher, what its programme pays of its invoices.

    Where the document lets either side claim, only one of them does for the same days of use.
    """
    from counterfoil.issuance.invoice_commands import PermitClaim  # not for every command about claims

    return PermitClaim(voucher_id=voucher, provider_id=provider, amount=amount)


@signed(app, "approve", "counterfoil claim approve clm-21-0 --line trd-15-0-0=80 --rest ends --as springfield")
def approve(
    claim: ClaimId,
    line: Annotated[
        list[str] | None,
        option("--line", "Approve this much of a contract's line; all others in full.", metavar="CONTRACT=AMOUNT"),
    ] = None,
    rest: OptionalRest = "claimable",
) -> Body:
    """Issuer: approve a claim for payment, or a part of it."""
    lines = tuple(
        ApprovedLine(contract_id=contract, amount=_amount(text))
        for contract, text in pairs(line or (), "--line").items()
    )
    return ApproveClaim(claim_id=claim, lines=lines, rest=rest)


@signed(app, "withdraw-approval", "counterfoil claim withdraw-approval clm-21-0 --reason 'Too early' --as springfield")
def withdraw_approval(claim: ClaimId, reason: Reason) -> Body:
    """Issuer: take back an approval of a claim that is in no settlement."""
    return WithdrawApproval(claim_id=claim, reason=reason)


@signed(app, "reject", "counterfoil claim reject clm-21-0 --rest claimable --reason 'Wrong period' --as springfield")
def reject(
    claim: ClaimId,
    reason: Reason,
    rest: Annotated[Rest, option("--rest", "Whether its amounts end or may be claimed once more.")],
) -> Body:
    """Issuer: reject a claim; what was rejected before ends in any case."""
    return RejectClaim(claim_id=claim, reason=reason, rest=rest)


@signed(app, "settle", "counterfoil claim settle --programme springfield-2026 --claim clm-21-0 --as springfield")
def settle(
    programme: Programme,
    claim: Annotated[
        list[str] | None, option("--claim", "An approved claim. May be repeated.", metavar="CLAIM")
    ] = None,
    payee: Annotated[
        list[str] | None,
        option("--payee", "A provider to pay what it is owed, without a claim. May be repeated.", metavar="PROVIDER"),
    ] = None,
) -> Body:
    """Issuer: gather approved claims, and what is owed to providers, into one settlement."""
    return CloseSettlement(programme_id=programme, claim_ids=tuple(claim or ()), payee_ids=tuple(payee or ()))


@signed(
    app,
    "pay",
    "counterfoil claim pay stl-25-0 norn --amount 80 --reference SEPA-4711 --paid-on 2027-01-14 --as treasury",
)
def pay(
    settlement: SettlementId,
    provider: PayeeId,
    amount: Amount,
    reference: PaymentReference,
    paid_on: PaidOn,
) -> Body:
    """Treasurer: confirm that a provider was paid its part of a settlement at the bank.

    Where several payers pay, each part is confirmed by itself (`counterfoil claim pay-share`).
    """
    return ConfirmPayment(
        settlement_id=settlement, provider_id=provider, amount=amount, payment_reference=reference, paid_on=paid_on
    )


@signed(
    app,
    "return",
    "counterfoil claim return stl-25-0 norn --reference R-17 --reason 'Account closed' --as treasury",
)
def return_(
    settlement: SettlementId,
    provider: PayeeId,
    reference: ReturnReference,
    reason: Reason,
) -> Body:
    """Treasurer: a payment failed or came back; the provider is owed the amount again."""
    return ReturnPayment(settlement_id=settlement, provider_id=provider, return_reference=reference, reason=reason)


@signed(
    app,
    "pay-share",
    "counterfoil claim pay-share stl-25-0 norn --payer district --amount 40 --reference SEPA-4711"
    " --paid-on 2027-01-14 --as treasury",
)
def pay_share(
    settlement: SettlementId,
    provider: PayeeId,
    payer: PayerName,
    amount: Amount,
    reference: PaymentReference,
    paid_on: PaidOn,
) -> Body:
    """Treasurer: confirm what one of several payers paid to a provider, or refunded to the payer that paid for it.

    `counterfoil claim shares` lists what each pays. The provider is paid when every payer that does not refund has.
    """
    return ConfirmShare(
        settlement_id=settlement,
        provider_id=provider,
        payer=payer,
        amount=amount,
        payment_reference=reference,
        paid_on=paid_on,
    )


@signed(
    app,
    "return-share",
    "counterfoil claim return-share stl-25-0 norn --payer district --reference R-17 --reason 'Failed' --as treasury",
)
def return_share(
    settlement: SettlementId, provider: PayeeId, payer: PayerName, reference: ReturnReference, reason: Reason
) -> Body:
    """Treasurer: what one of several payers paid came back; it is due again, of the same payer."""
    return ReturnShare(
        settlement_id=settlement, provider_id=provider, payer=payer, return_reference=reference, reason=reason
    )


def _amount(text: str) -> int:
    try:
        return parse_amount(text)
    except ValueError as problem:
        raise Invalid(f"--line: {problem}") from problem
