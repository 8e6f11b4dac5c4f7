"""`counterfoil claim submit --all-delivered`: what a provider has not claimed yet, in as many claims as it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import typer

from counterfoil.cli.command import REFUSED
from counterfoil.cli.progress import bars
from counterfoil.cli.render import Rows
from counterfoil.cli.signing import SigningSession
from counterfoil.cli.values import in_units
from counterfoil.client.problems import RefusedByService
from counterfoil.contract.refusals import Code
from counterfoil.core.rules import LATEST, RULES
from counterfoil.redemption.commands import SubmitClaim
from counterfoil.redemption.events import ClaimOffset, ClaimSubmitted

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway

_COLUMNS: Final = ("invoice_number", "contracts", "amount", "outcome", "claim_id", "entry")


class Claim(NamedTuple):
    """A claim to be made: its invoice number, and what each contract brings in micro-units."""

    invoice_number: str
    contracts: dict[str, int]


def claim_all(session: SigningSession, programme_id: str, invoice: str, *, dry_run: bool) -> None:
    """Find, claim and show; with `dry_run` only show. Exit code 4 if a claim was refused."""
    claims = list(unclaimed(session.gateway, session.author.party_id, programme_id, invoice))
    rows: list[dict[str, Any]] = []
    with bars(session.out, "claims") as shown:
        for nth, each in enumerate(claims):
            rows.append(_row(each, "not sent") if dry_run else _submit(session, programme_id, each))
            shown.reach("claimed", nth + 1, len(claims))
    tables = [Rows("claims", [in_units(row, ("amount",)) for row in rows], _COLUMNS, ("contracts", "amount"))]
    if dry_run:
        lines = [
            {"invoice_number": each.invoice_number, "contract_id": contract_id, "amount": amount}
            for each in claims
            for contract_id, amount in each.contracts.items()
        ]
        columns = ("invoice_number", "contract_id", "amount")
        tables.append(Rows("contracts", [in_units(line, ("amount",)) for line in lines], columns, ("amount",)))
    session.out.show({"claims": rows}, *tables)
    if any(row["outcome"].startswith("refused") for row in rows):
        raise typer.Exit(REFUSED)


def unclaimed(gateway: Gateway, provider_id: str, programme_id: str, invoice: str) -> Iterator[Claim]:
    """The claims to make. Invoice numbers that the provider has used are passed over."""
    where = {"provider_id": provider_id, "programme_id": programme_id}
    left = {
        str(row["contract_id"]): int(row["unclaimed"])
        for row in gateway.rows("contracts", where)
        if int(row["unclaimed"]) > 0
    }
    used = {str(row["invoice_number"]) for row in gateway.rows("claims", {"provider_id": provider_id})}
    most, found = RULES[LATEST].max_contracts_per_claim, list(left.items())
    parts = [dict(found[start : start + most]) for start in range(0, len(found), most)]
    numbered = (number for nth in count(1) if (number := f"{invoice}/{nth}") not in used)
    alone = len(parts) == 1 and invoice not in used
    yield from (Claim(invoice if alone else next(numbered), part) for part in parts)


def _submit(session: SigningSession, programme_id: str, claim: Claim) -> dict[str, Any]:
    """Submit one claim; a contract of which nothing is left, as others were at work, is left out."""
    contracts = dict(claim.contracts)
    while contracts:
        body = SubmitClaim(
            programme_id=programme_id, invoice_number=claim.invoice_number, contract_ids=tuple(contracts)
        )
        try:
            settled = session.deliver(body, _words(session.words, body.invoice_number, body.contract_ids))
        except RefusedByService as problem:
            if problem.code != Code.NOTHING_TO_CLAIM.value or problem.fields.get("contract_id") not in contracts:
                return _row(claim, f"refused: {problem.code}", contracts)
            del contracts[problem.fields["contract_id"]]
            continue
        entry = settled.proven.entry
        made = [each for each in entry.events if isinstance(each, ClaimSubmitted)]
        owed = [each for each in entry.events if isinstance(each, ClaimOffset)]
        row = _row(claim, "set off" if owed else "claimed", contracts)
        row["amount"] = str(sum(each.amount for each in made))
        return {**row, "claim_id": made[0].claim_id if made else None, "entry": f"{entry.origin}:{entry.index}"}
    return _row(claim, "nothing to claim", contracts)


def _words(words: str | None, invoice_number: str, contract_ids: Sequence[str]) -> str:
    """What names the claim: the same again is the same command."""
    digest = sha256("\n".join(contract_ids).encode()).hexdigest()
    return f"claim all {invoice_number} {digest} {words or ''}"


def _row(claim: Claim, outcome: str, contracts: dict[str, int] | None = None) -> dict[str, Any]:
    named = claim.contracts if contracts is None else contracts
    amount = str(sum(named.values()))
    made = {"invoice_number": claim.invoice_number, "contracts": len(named), "amount": amount, "outcome": outcome}
    return {**made, "claim_id": None, "entry": None}
