"""R4, the register of claims; R5, what each settlement pays to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from counterfoil.contract.times import HOUR, format_time
from counterfoil.programme.values import floor_of, share_of
from counterfoil.reports.folding import Folded
from counterfoil.reports.pattern import related
from counterfoil.reports.report import Report, columns, places
from counterfoil.reports.tables import Row

# R4 -------------------------------------------------------------------------------------------------------------------


def _register(folded: Folded, programme_id: str) -> Iterator[Row]:
    tables = folded.tables
    reports: dict[str, list[Row]] = defaultdict(list)
    for row in tables.rows("reports"):
        reports[row["contract_id"]].append(row)
    for row in tables.rows("claims", programme_id=programme_id):
        invoice = tables.get("invoice_claims", row["claim_id"])
        payment = tables.get("payments", row["settlement_id"], row["provider_id"]) or {}
        decided = row["status"] != "submitted"
        yield {
            "claim_id": row["claim_id"],
            "kind": "contracts" if invoice is None else "invoice",
            "payee_id": row["provider_id"],
            "submitted_at": row["submitted_at"],
            "invoice_number": row["invoice_number"],
            **(_of_contracts(folded, row, reports) if invoice is None else _of_invoice(folded, invoice)),
            "claimed": row["amount"],
            "approved": row["approved"],
            "denied": row["denied"],
            "cut": row["amount"] - row["approved"] if decided else None,
            "status": row["status"],
            "status_since": row["status_since"],
            "status_reason": row["status_reason"],
            "decided_by": folded.deciders.get(row["claim_id"]),
            "endorsed_by": sorted(
                each["endorsed_by"] for each in tables.rows("endorsements", object_id=row["claim_id"])
            ),
            "settlement_id": row["settlement_id"],
            "paid_on": payment.get("paid_on") if payment.get("status") == "paid" else None,
            "payment_reference": payment.get("payment_reference") if payment.get("status") == "paid" else None,
            "entries": places(tables.refs("claims", row["claim_id"])),
        }


def _of_contracts(folded: Folded, claim: Row, reports: dict[str, list[Row]]) -> dict[str, Any]:
    """What is known of the use that a claim on contracts is for."""
    lines, co_payment, hours, buyers = [], 0, list[int](), dict[str, None]()
    for line in claim["lines"]:
        contract = folded.tables.get("contracts", line["contract_id"])
        if contract is None:
            continue
        accepted = [each for each in reports[line["contract_id"]] if each["accepted_amount"] is not None]
        hours += [contract["first_hour"], contract["first_hour"] + contract["hours"]]
        buyers[contract["beneficiary_id"]] = None
        co_payment += sum(each["co_payment"] or 0 for each in accepted)
        lines.append(
            {
                "contract_id": line["contract_id"],
                "beneficiary_id": contract["beneficiary_id"],
                "amount": str(line["amount"]),
                "gpu_minutes": sum(each["accepted_gpu_minutes"] for each in accepted),
                "price": str(contract["price"]),
                "accepted_by": sorted({each["accepted_by"] for each in accepted}),
            }
        )
    return {
        "holders": list(buyers),
        "used_from": format_time(min(hours) * HOUR) if hours else None,
        "used_until": format_time(max(hours) * HOUR) if hours else None,
        "lines": lines,
        "invoice_key": None,
        "tax": None,
        "co_payment": co_payment,
        "related": any(related(folded, each, claim["provider_id"]) for each in buyers),
        "explanation": [],
        "rules_hash": None,
    }


def _of_invoice(folded: Folded, claim: Row) -> dict[str, Any]:
    """What is known of the use that a claim on an invoice is for."""
    lines = claim["basis"]["lines"]
    days = [each[name] for each in lines for name in ("starts", "ends") if each[name] is not None]
    named = {each["provider_id"] for each in lines if each["provider_id"] is not None} - {claim["holder_id"]}
    return {
        "holders": [claim["holder_id"]],
        "used_from": min(days, default=None),
        "used_until": max(days, default=None),
        "lines": lines,
        "invoice_key": claim["invoice_key"],
        "tax": sum(int(each["tax"]) for each in lines),
        "co_payment": claim["co_payment"],
        "related": any(related(folded, claim["holder_id"], each) for each in named),
        "explanation": claim["explanation"],
        "rules_hash": claim["rules_hash"],
    }


R4: Final = Report(
    id="R4",
    title="Claims register",
    readers="auditor",
    says="Every claim: for which use, by which invoice, what was claimed, approved and cut, why and by whom, and its"
    " payment.",
    columns=columns(
        "claim_id text: the claim",
        "kind text: on captures of contracts, or on an invoice",
        "payee_id text: who is to be paid",
        "holders json: whose vouchers pay",
        "submitted_at time: when",
        "invoice_number text: as the claimant states it",
        "invoice_key text: what makes an invoice the same in all programmes, hexadecimal; null of contracts",
        "used_from text: the first hour or day of the use",
        "used_until text: the end of the last hour, or the last day",
        "lines json: contracts with minutes, price and who accepted; or the lines of the invoice",
        "tax amount: of the invoice",
        "co_payment amount: what the holders bear; of contracts, of all that was captured of them",
        "claimed amount: what was claimed",
        "approved amount: what is to be paid of it",
        "denied amount: what ended",
        "cut amount: claimed less approved, once it was decided",
        "related json: whether holder and provider are of one group, as is known now",
        "explanation json: of an invoice, each step of the calculation, price ceilings among them",
        "rules_hash text: of the document that an invoice was judged by, hexadecimal",
        "status text: submitted, approved, rejected, batched, paid, returned or lapsed",
        "status_since time: since when",
        "status_reason text: why it was cut, rejected or returned",
        "decided_by text: who approved or rejected it last",
        "endorsed_by json: who was the first of two to sign",
        "settlement_id text: that pays it",
        "paid_on day: by the bank",
        "payment_reference text: of the payment",
        "entries json: of redemption, that made and changed it",
    ),
    rows=_register,
    lacks="The bank's reference of the co-payment of an invoice: the claim has the hash of its proof, where the"
    " document asks for one.",
)


# R5 -------------------------------------------------------------------------------------------------------------------


def _statements(folded: Folded, programme_id: str) -> Iterator[Row]:
    tables = folded.tables
    items: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in tables.rows("claims", programme_id=programme_id):
        if row["settlement_id"] is not None:
            item = {"claim_id": row["claim_id"], "approved": str(row["approved"])}
            items[row["settlement_id"], row["provider_id"]].append(item)
    for row in tables.rows("payments", programme_id=programme_id):
        key = row["settlement_id"], row["provider_id"]
        settlement = tables.get("settlements", row["settlement_id"]) or {}
        endorsed = tables.rows("endorsements", object_id=row["settlement_id"], provider_id=row["provider_id"])
        yield {
            "settlement_id": row["settlement_id"],
            "closed_at": settlement.get("closed_at"),
            "payee_id": row["provider_id"],
            "items": items[key],
            **{name: row[name] for name in ("claimed", "brought", "carried", "amount", "status", "status_since")},
            "payers": _payers(folded, row),
            **{name: row[name] for name in ("payment_reference", "paid_on", "return_reference", "return_reason")},
            "treasurer_id": row["treasurer_id"],
            "endorsed_by": sorted(each["endorsed_by"] for each in endorsed),
            "entries": places(tables.refs("payments", *key)),
        }


def _payers(folded: Folded, payment: Row) -> list[dict[str, Any]]:
    """What each payer pays; before settlements said so, by the shares of the newest document, the first the rest."""
    names = "payer", "status", "payment_reference", "paid_on", "refunds"
    shared = list(payer_shares(folded, payment))
    if shared:
        amounts = ({name: str(row[name]) for name in ("bears", "pays")} for row in shared)
        return [{**{name: row[name] for name in names}, **each} for row, each in zip(shared, amounts, strict=True)]
    rules, amount = folded.rules(payment["programme_id"]), payment["amount"]
    if rules is None:
        return [{"payer": "issuer", "bears": str(amount)}]
    parts = [(payer, floor_of(share_of(amount, share))) for payer, share in rules.shares]
    left = amount - sum(part for _, part in parts)
    return [{"payer": payer, "bears": str(part + (0 if nth else left))} for nth, (payer, part) in enumerate(parts)]


def payer_shares(folded: Folded, payment: Row) -> Iterator[Row]:
    """What each of several payers pays of a payment; nothing where one pays all."""
    names = ("settlement_id", "provider_id")
    return folded.tables.rows("payer_shares", **{name: payment[name] for name in names})


R5: Final = Report(
    id="R5",
    title="Settlement batch statement",
    readers="provider, treasury",
    says="Each settlement and payee: which claims it pays, what was brought from before, what is carried on, and the"
    " payment. amount = claimed + brought - carried.",
    columns=columns(
        "settlement_id text: the batch",
        "closed_at time: its cut-off",
        "payee_id text: who is paid",
        "items json: its claims, with what was approved of each; one that came back is paid later, as brought",
        "claimed amount: of claims in the batch",
        "brought amount: payable from before",
        "carried amount: less than a minor unit, payable later",
        "amount amount: what is paid",
        "payers json: what each payer bears and pays; where a settlement does not say so, by the newest document",
        "status text: due, paid, returned or carried",
        "status_since time: since when",
        "payment_reference text: at the bank",
        "paid_on day: by the bank",
        "return_reference text: of a payment that came back",
        "return_reason text: why it did",
        "treasurer_id text: who confirmed it",
        "endorsed_by json: who was the first of two to sign",
        "entries json: of redemption, that made and changed it",
    ),
    rows=_statements,
    lacks="The bank's file: its statement is compared in R6. What was set off before a claim came into a batch is in"
    " R10.",
)
