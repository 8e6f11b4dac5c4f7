"""`counterfoil adjustment`: payments of earlier periods that were too small."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.late import group
from counterfoil.cli.options import Amount, Reason, argument, option
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_sha256
from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import parse_day
from counterfoil.redemption.adjustment_commands import AdjustPayment

app = group("adjustment")
_EXAMPLE = (
    "counterfoil adjustment make stl-25-0 norn --amount 80 --document B-9 --from 2026-01-01 --to 2026-03-31"
    " --reason 'Hours of March were left out' --as springfield"
)


@signed(app, "make", _EXAMPLE)
def make(
    settlement: Annotated[str, argument("SETTLEMENT", "The settlement that paid too little: its id.")],
    provider: Annotated[str, argument("PARTY", "Who was paid: a party's id.")],
    amount: Amount,
    document: Annotated[str, option("--document", "The decision that gives the budget for it; used once.")],
    starts: Annotated[int, option("--from", "First day of the period that it is for.", parse_day, "DAY")],
    ends: Annotated[int, option("--to", "Last day of the period, which is over.", parse_day, "DAY")],
    reason: Reason,
    evidence: Annotated[
        list[bytes] | None,
        option("--evidence", "SHA-256 of a document, as sha256sum prints it. May be repeated.", parse_sha256, "HEX"),
    ] = None,
) -> Body:
    """Issuer: pay more for an earlier period. A second party of the issuer's group signs the same command."""
    return AdjustPayment(
        settlement_id=settlement, provider_id=provider, amount=amount, document=document, period_starts=starts,
        period_ends=ends, evidence=tuple(evidence or ()), reason=reason,
    )  # fmt: skip
