"""R15: a sample of claims that nobody could foresee and everybody can draw again, each with its whole chain of entries.

The seed is the auditor's. It publishes SHA-256 of it beforehand, as a commitment, so that neither it nor those audited
choose what is looked at: the order depends on the seed and on the roots of the logs, which come after the commitment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from counterfoil.reports.alerts import found
from counterfoil.reports.folding import Folded
from counterfoil.reports.report import Report, columns
from counterfoil.reports.tables import Ref, Row


def _pack(folded: Folded, programme_id: str) -> Iterator[Row]:
    for name, why, weight in drawn(folded, programme_id):
        claim = folded.tables.get("claims", name) or {}
        yield {
            "claim_id": name,
            "chosen": why,
            "weight": weight,
            "payee_id": claim.get("provider_id"),
            "amount": claim.get("amount"),
            "chain": [_proven(folded, ref) for ref in chain(folded, name)],
            "seed_commitment": sha256(folded.given.seed.encode()).hexdigest(),
        }


def drawn(folded: Folded, programme_id: str) -> list[tuple[str, str, int]]:
    """(claim, why, weight) of each claim in the sample, the random ones first.

    Half of the sample, rounded up, is random: the claims with the lowest hash of seed, roots and id. The other half is
    drawn by monetary units: each claim has its amount times one more than the alerts on it as its weight; from a start
    that the seed gives, every so many units the claim is taken in which the unit falls.
    """
    claims = list(folded.tables.rows("claims", programme_id=programme_id))
    size = folded.given.size
    ordered = sorted(claims, key=lambda row: _digest(folded, row["claim_id"]))
    chosen = {row["claim_id"]: ("random", 0) for row in ordered[: size - size // 2]}
    rest = [row for row in ordered if row["claim_id"] not in chosen]
    weights = _weights(folded, programme_id, rest)
    for name in by_units(weights, size // 2, int.from_bytes(_digest(folded, "start"))):
        chosen[name] = ("by risk", weights[name])
    return [(name, why, weight) for name, (why, weight) in chosen.items()]


def _digest(folded: Folded, text: str) -> bytes:
    roots = b"".join(folded.root(log) for log in sorted(folded.logs))
    return sha256(b"\n".join((folded.given.seed.encode(), roots, text.encode()))).digest()


def _weights(folded: Folded, programme_id: str, claims: Sequence[Row]) -> dict[str, int]:
    """What each claim weighs: its amount, once more for every alert of the programme on its payee."""
    alerts = found(folded, programme_id)
    on = {row["provider_id"]: 0 for row in claims}
    for each in alerts:
        for party_id in each.alert.entities:
            if party_id in on:
                on[party_id] += 1
    return {row["claim_id"]: row["amount"] * (1 + on[row["provider_id"]]) for row in claims}


def by_units(weights: Mapping[str, int], size: int, start: int) -> Iterator[str]:
    """The names in which every so-manieth unit falls, from the first that `start` gives.

    One that weighs more than the interval between two draws is taken for certain, and once.
    """
    whole = sum(weights.values())
    if not size or not whole:
        return
    interval = max(1, whole // size)
    at, passed = start % interval, 0
    for name, weight in weights.items():
        passed += weight
        if at < passed:
            yield name
            at += ((passed - at - 1) // interval + 1) * interval


def chain(folded: Folded, claim_id: str) -> tuple[Ref, ...]:
    """Every entry about a claim, from the grant of the vouchers that pay it to its payment, by log and index."""
    tables, refs = folded.tables, list[Ref]()
    claim = tables.get("claims", claim_id) or {}
    refs += tables.refs("claims", claim_id)
    refs += tables.refs("invoice_claims", claim_id)
    names = [claim_id, *(line["contract_id"] for line in claim.get("lines", ()))]
    for name in dict.fromkeys(names):
        refs += _use(folded, name)
        for voucher_id in folded.flows.drawn.get(name, ()):
            refs += _grant(folded, voucher_id)
    refs += tables.refs_of("endorsements", tables.rows("endorsements", object_id=claim_id))
    if claim.get("settlement_id") is not None:
        refs += tables.refs("settlements", claim["settlement_id"])
        refs += tables.refs("payments", claim["settlement_id"], claim["provider_id"])
    return tuple(sorted(dict.fromkeys(refs)))


def _use(folded: Folded, contract_id: str) -> list[Ref]:
    """The entries about a contract: order, trade, hold, usage."""
    tables, refs = folded.tables, list[Ref]()
    trade = tables.get("trades", contract_id)
    if trade is not None:
        refs += tables.refs("trades", contract_id)
        refs += tables.refs("bids", trade["bid_id"])
        refs += tables.refs("offers", trade["offer_id"])[:2]
        refs += tables.refs("holds", trade["bid_id"])
    refs += tables.refs("contracts", contract_id)
    refs += tables.refs("holds", contract_id)
    for view in ("reports", "corrections", "reversals", "credit_notes"):
        refs += tables.refs_of(view, tables.rows(view, contract_id=contract_id))
    return refs


def _grant(folded: Folded, voucher_id: str) -> list[Ref]:
    """The entries about a voucher: its application, review, issue and credit."""
    tables = folded.tables
    refs = [*tables.refs("vouchers", voucher_id), *tables.refs("vouchers_balance", voucher_id)[:1]]
    for row in tables.rows("applications", voucher_id=voucher_id):
        refs += tables.refs("applications", row["application_id"])
        steps = tables.rows("application_steps", application_id=row["application_id"])
        refs += tables.refs_of("application_steps", steps)
    return refs


def _proven(folded: Folded, ref: Ref) -> dict[str, Any]:
    """An entry by its leaf, and the hashes that lead from there to the root in the report's header."""
    path, leaf = folded.proof(ref), folded.leaf(ref).hex()
    return {"log": ref.log.name, "index": ref.index, "leaf": leaf, "proof": [each.hex() for each in path]}


R15: Final = Report(
    id="R15",
    title="Audit sample pack",
    readers="auditor",
    says="A sample of claims, half of it random, half by monetary units weighted with the alerts on the payee, each"
    " with all entries about it and their inclusion proofs. The seed decides, with the roots of the logs: whoever has"
    " both draws the same.",
    columns=columns(
        "claim_id text: the claim",
        "chosen text: random, or by risk",
        "weight amount: by which it was drawn: its amount, once more for every alert on its payee; 0 of random ones",
        "payee_id text: who is to be paid",
        "amount amount: what was claimed",
        "chain json: its entries: log, index, leaf and the hashes of the inclusion proof (RFC 6962), hexadecimal",
        "seed_commitment text: SHA-256 of the seed, to be published before the logs are read",
    ),
    rows=_pack,
    lacks="The documents: contracts, invoices and bank proofs are with the parties; entries have their hashes.",
)
