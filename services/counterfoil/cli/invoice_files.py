"""Files that say what is claimed on an invoice."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from counterfoil.cli.application import day_of, line_of, other_support_of
from counterfoil.cli.command import Invalid
from counterfoil.cli.document_files import read_data
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.issuance.invoice_commands import ClaimInvoice

_MEMBERS: Final = {"invoice", "lines", "other_support", "evidence"}


def claim_of(file: Path, voucher: str, amount: int | None) -> ClaimInvoice:
    """The claim that a file says. Raises `Invalid`."""
    data = read_data(file)
    if not isinstance(data, dict) or not isinstance(data.get("lines"), list):
        raise Invalid(f"{file}: a claim has an `invoice` and `lines`")
    if strange := sorted(map(str, data.keys() - _MEMBERS)):
        raise Invalid(f"{file}: no member {strange[0]!r}; there are {', '.join(sorted(_MEMBERS))}")
    try:
        return _claim(data, voucher, amount)
    except (TypeError, ValueError, AttributeError, KeyError) as problem:
        raise Invalid(f"{file}: {problem}") from problem


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
