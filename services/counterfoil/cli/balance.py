"""`counterfoil balance`: what a party owns, and deposits and withdrawals of currency."""

from __future__ import annotations

from counterfoil.cli.late import group
from counterfoil.cli.options import Amount, Currency, PartyId, PaymentReference
from counterfoil.cli.signing import signed
from counterfoil.contract.record import Command as Body
from counterfoil.ledger.commands import Deposit, Withdraw

app = group("balance")


@signed(app, "deposit", "counterfoil balance deposit acme --amount 500 --currency USD --reference IN-1 --as treasury")
def deposit(party: PartyId, amount: Amount, currency: Currency, reference: PaymentReference) -> Body:
    """Treasurer: record currency that came in for a party."""
    return Deposit(party_id=party, currency=currency, amount=amount, payment_reference=reference)


@signed(app, "withdraw", "counterfoil balance withdraw acme --amount 20 --currency USD --reference OUT-1 --as treasury")
def withdraw(party: PartyId, amount: Amount, currency: Currency, reference: PaymentReference) -> Body:
    """Treasurer: record currency that was paid out to a party."""
    return Withdraw(party_id=party, currency=currency, amount=amount, payment_reference=reference)
