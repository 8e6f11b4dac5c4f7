"""`counterfoil reversal`: captures reversed after the fact, and what providers owe since."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.late import group
from counterfoil.cli.options import Amount, PaymentReference, Programme, Reason, ReportId, argument, option
from counterfoil.cli.signing import signed
from counterfoil.contract.record import Command as Body
from counterfoil.redemption.commands import AgreeReversal, ConfirmRecovery, ProposeReversal, ReverseCapture

app = group("reversal")


@signed(app, "propose", "counterfoil reversal propose rep-3-0 --amount 12.50 --reason 'Counted twice' --as norn")
def propose(report: ReportId, amount: Amount, reason: Reason) -> Body:
    """Provider or beneficiary: reverse part of what was captured for a report, before its subsidy is claimed."""
    return ProposeReversal(report_id=report, amount=amount, reason=reason)


@signed(app, "agree", "counterfoil reversal agree rep-3-0 rev-40-0 --as acme")
def agree(report: ReportId, reversal: Annotated[str, argument("REVERSAL", "The reversal's id.")]) -> Body:
    """The other side: reverse the capture as proposed."""
    return AgreeReversal(report_id=report, reversal_id=reversal)


@signed(app, "decide", "counterfoil reversal decide rep-3-0 --amount 12.50 --reason 'Meter audit' --as operator")
def decide(report: ReportId, amount: Amount, reason: Reason) -> Body:
    """Operator: reverse part of a capture, claimed and paid or not."""
    return ReverseCapture(report_id=report, amount=amount, reason=reason)


@signed(
    app,
    "recover",
    "counterfoil reversal recover --programme springfield-2026 --provider norn --amount 12.50 --reference SEPA-4712"
    " --as treasury",
)
def recover(
    programme: Programme,
    provider: Annotated[str, option("--provider", "Who paid back: a party's id.", metavar="PARTY")],
    amount: Amount,
    reference: PaymentReference,
) -> Body:
    """Treasurer: confirm that a provider paid back, at the bank, part of what it owes a programme."""
    return ConfirmRecovery(programme_id=programme, provider_id=provider, amount=amount, payment_reference=reference)
