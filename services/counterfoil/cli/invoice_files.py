"""Files that say what is claimed on an invoice."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from counterfoil.cli.case_files import contract_of, day_of, line_of, other_support_of, read_case
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
    invoice = data["invoice"]
    return {
        "invoice": Invoice(
            issuer_tax_id=str(invoice["issuer_tax_id"]),
            number=str(invoice["number"]),
            issued_on=day_of(invoice["issued_on"]),
        ),
        "lines": tuple(map(line_of, data["lines"])),
        "other_support": other_support_of(data),
        "evidence": tuple(
            Evidence(type=kind, sha256=bytes.fromhex(digest)) for kind, digest in data.get("evidence", {}).items()
        ),
    }
