"""Files that say what is claimed on an invoice."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from counterfoil.cli.case_files import day_of, line_of, other_support_of, read_case
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.issuance.invoice_commands import ClaimInvoice

_MEMBERS: Final = {"invoice", "lines", "other_support", "evidence"}


def claim_of(file: Path, voucher: str, amount: int | None) -> ClaimInvoice:
    """The claim that a file says. Raises `Invalid`."""
    return read_case(file, _MEMBERS, "a claim has an `invoice` and `lines`", lambda data: _claim(data, voucher, amount))


def _claim(data: dict[str, Any], voucher: str, amount: int | None) -> ClaimInvoice:
    invoice = data["invoice"]
    return ClaimInvoice(
        voucher_id=voucher,
        amount=amount,
        invoice=Invoice(
            issuer_tax_id=str(invoice["issuer_tax_id"]),
            number=str(invoice["number"]),
            issued_on=day_of(invoice["issued_on"]),
        ),
        lines=tuple(map(line_of, data["lines"])),
        other_support=other_support_of(data),
        evidence=tuple(
            Evidence(type=kind, sha256=bytes.fromhex(digest)) for kind, digest in data.get("evidence", {}).items()
        ),
    )
