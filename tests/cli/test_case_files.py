"""A file of an application or a claim that has another form is refused in words that say which form is wanted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from counterfoil.cli.command import Invalid
from counterfoil.cli.invoice_files import use_of

GIVEN: dict[str, Any] = {
    "invoice": {"issuer_tax_id": "TAX-1", "number": "2027-1", "issued_on": "2027-02-01"},
    "lines": [{"id": "1", "sku": "GPU_COMPUTE", "amount": "10"}],
    "contract": {"sha256": "00" * 32, "signed": "2027-01-01", "starts": "2027-01-01", "ends": "2027-01-31"},
    "other_support": {"elsewhere": "5"},
    "evidence": {"INVOICE": "11" * 32},
}


def read(tmp_path: Path, **changes: Any) -> Any:
    """What the file says with members changed."""
    file = tmp_path / "claim.json"
    file.write_text(json.dumps({**GIVEN, **changes}))
    return use_of(file, "springfield-2026", None)


def test_a_file_in_its_form(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.evidence[0].sha256 == b"\x11" * 32
    assert found.lines[0].amount == 10 * 10**6


@pytest.mark.parametrize(
    ("member", "given", "says"),
    [
        ("evidence", ["11" * 32], "`evidence` is SHA-256 digests by type of document"),
        ("evidence", {"INVOICE": ["11" * 32]}, "64 hexadecimal digits"),
        ("evidence", {"INVOICE": "11"}, "64 hexadecimal digits"),
        ("other_support", ["elsewhere"], "`other_support` is amounts by programme"),
        ("contract", "2027", "`contract` is its `sha256`, and the days"),
        ("contract", {"sha256": "00" * 32}, "`signed` of `contract` is missing"),
        ("invoice", "2027-1", "`invoice` is its `issuer_tax_id`"),
        ("invoice", {"number": "1"}, "`issuer_tax_id` of `invoice` is missing"),
        ("lines", ["1"], "each of `lines` has members"),
        ("lines", [{"sku": "GPU_COMPUTE"}], "`id` of `lines` is missing"),
        ("lines", "1", "a claim has an `invoice` and `lines`"),
    ],
)
def test_another_form_is_refused_in_words(tmp_path: Path, member: str, given: Any, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(tmp_path, **{member: given})
    assert says in str(refused.value)
    assert "object" not in str(refused.value), "no words of Python"
