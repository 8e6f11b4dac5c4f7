"""`counterfoil balance`: what a party owns, and deposits and withdrawals of currency."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late import group
from counterfoil.cli.options import Amount, Currency, PartyId, PaymentReference, argument
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


@remote(app, "prove", "counterfoil balance prove acme USD --save acme-usd.json")
def prove(
    session: GatewaySession,
    party: PartyId,
    asset: Annotated[str, argument("ASSET", "A currency, or a voucher's id.")],
    save: Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Keep the proof in FILE.")] = None,
) -> None:
    """Prove what a party had of a currency or voucher, by the last state root of the ledger of which the state is kept.

    State is read by auditors and the operator, or by everybody where the disclosure is public. Exit code 1 if the proof
    fails, or the gateway shows another balance after the same posting; `counterfoil proof verify` verifies the file.
    """
    from counterfoil.cli.state_proofs import prove_balance

    prove_balance(session, party, asset, save)
