"""Files that say what is claimed on an invoice."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from counterfoil.cli.case_files import (
    contract_of,
    day_of,
    digest_of,
    line_of,
    member_of,
    other_support_of,
    part_of,
    read_case,
)
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.issuance.invoice_commands import ClaimAfterUse, ClaimInvoice

_MEMBERS: Final = {"invoice", "lines", "other_support", "evidence"}
_NEEDED: Final = "a claim has an `invoice` and `lines`"


def claim_of(file: Path, voucher: str, amount: int | None) -> ClaimInvoice:
    """The claim that a file says. Raises `Invalid`."""
    return read_case(
        file, _MEMBERS, _NEEDED, lambda data: ClaimInvoice(voucher_id=voucher, amount=amount, **_claim(data))
    )


def use_of(file: Path, programme: str, corrects: str | None) -> ClaimAfterUse:
    """The claim after use that a file says. Raises `Invalid`."""

    def made(data: dict[str, Any]) -> ClaimAfterUse:
        return ClaimAfterUse(
            programme_id=programme,
            corrects=corrects,
            project_id=data.get("project_id"),
            contract=contract_of(data),
            **_claim(data),
        )

    return read_case(file, _MEMBERS | {"contract", "project_id"}, _NEEDED, made)


def _claim(data: dict[str, Any]) -> dict[str, Any]:
    invoice = part_of(data, "invoice", dict, "its `issuer_tax_id`, `number` and `issued_on`")
    papers = part_of(data, "evidence", dict, "SHA-256 digests by type of document")
    return {
        "invoice": Invoice(
            issuer_tax_id=str(member_of(invoice, "issuer_tax_id", "invoice")),
            number=str(member_of(invoice, "number", "invoice")),
            issued_on=day_of(member_of(invoice, "issued_on", "invoice")),
        ),
        "lines": tuple(map(line_of, data["lines"])),
        "other_support": other_support_of(data),
        "evidence": tuple(Evidence(type=str(kind), sha256=digest_of(digest)) for kind, digest in papers.items()),
    }
