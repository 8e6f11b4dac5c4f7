"""`counterfoil clawback`: payments that are taken back, contested, decided, or given up."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.late import group
from counterfoil.cli.options import Amount, Programme, Reason, argument, option
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_sha256
from counterfoil.contract.record import Command as Body
from counterfoil.redemption.commands import DecideAppeal, FileAppeal, OrderClawback, WriteOff

app = group("clawback")
ClawbackId = Annotated[str, argument("CLAWBACK", "The order's id.")]
Evidence = Annotated[
    list[bytes] | None,
    option("--evidence", "SHA-256 of a document, as sha256sum prints it. May be repeated.", parse_sha256, "HEX"),
]


@signed(
    app,
    "order",
    "counterfoil clawback order stl-25-0 norn --ground FRAUD --amount 80 --reason 'Invoice cancelled' --as springfield",
)
def order(
    settlement: Annotated[str, argument("SETTLEMENT", "The settlement's id.")],
    provider: Annotated[str, argument("PARTY", "Who was paid: a party's id.")],
    ground: Annotated[str, option("--ground", "One of the grounds that the programme's document names.")],
    amount: Amount,
    reason: Reason,
    evidence: Evidence = None,
) -> Body:
    """Issuer: take back part of what a settlement paid. It is owed at once, or when nobody contests it in time."""
    return OrderClawback(
        settlement_id=settlement, provider_id=provider, ground=ground, amount=amount,
        evidence=tuple(evidence or ()), reason=reason,
    )  # fmt: skip


@signed(app, "appeal", "counterfoil clawback appeal cbk-30-0 --reason 'It was delivered' --as norn")
def appeal(clawback: ClawbackId, reason: Reason, evidence: Evidence = None) -> Body:
    """Who is to give back: contest the order in time."""
    return FileAppeal(clawback_id=clawback, evidence=tuple(evidence or ()), reason=reason)


@signed(app, "decide", "counterfoil clawback decide cbk-30-0 --amount 40 --reason 'Half was delivered' --as operator")
def decide(clawback: ClawbackId, amount: Amount, reason: Reason) -> Body:
    """Operator: say how much of an order that is contested is upheld; 0 ends it."""
    return DecideAppeal(clawback_id=clawback, amount=amount, reason=reason)


@signed(
    app,
    "write-off",
    "counterfoil clawback write-off --programme springfield-2026 --provider norn --amount 40 --reason 'Dissolved'"
    " --as springfield",
)
def write_off(
    programme: Programme,
    provider: Annotated[str, option("--provider", "Who owes it: a party's id.", metavar="PARTY")],
    amount: Amount,
    reason: Reason,
) -> Body:
    """Issuer: give up so much of what a provider owes the programme."""
    return WriteOff(programme_id=programme, provider_id=provider, amount=amount, reason=reason)
