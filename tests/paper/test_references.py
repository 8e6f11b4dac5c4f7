"""What may be a business reference, and when two are one: the same on every release of Python."""

from __future__ import annotations

from hashlib import sha256

import pytest

from counterfoil.contract.limits import MAX_REFERENCE
from counterfoil.contract.references import parse_reference, same_as


@pytest.mark.parametrize("text", ["SEPA-4711", "№ 17/б", "北京〔2026〕12号", "Änderung 3", "1", "x" * MAX_REFERENCE])
def test_a_reference_is_as_it_stands_on_paper(text: str) -> None:
    assert parse_reference(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "///", "x" * (MAX_REFERENCE + 1), "a\nb", "a\tb", "a\x7fb", "a\u200bb", "a\u00adb", "a\u202eb",
        "a\u2028b", "\ue000 1", "\ufeff1", "A\ufe0f1", "A\u3164", "e\u03011", "1 \U0001f5c3", "\ufdfa" * 5,
    ],
)  # fmt: skip
def test_what_cannot_be_seen_or_compared_is_not_one(text: str) -> None:
    with pytest.raises(ValueError, match="a reference"):
        parse_reference(text)


@pytest.mark.parametrize(
    "spellings",
    [
        ("INV-1", "inv 1", "Inv/1", "INV1", "ＩＮＶ－１", "inv\u00a0.1", "INV①"),
        ("№ 17", "no17", "NO. 17"),
        ("Straße 5", "STRASSE 5", "strasse5"),
        ("БЛ 7", "бл-7"),
    ],
)
def test_other_spellings_are_the_same_reference(spellings: tuple[str, ...]) -> None:
    assert len({same_as(spelling) for spelling in spellings}) == 1


def test_every_release_of_python_compares_alike() -> None:
    """Of each character of Unicode 3.2 that a reference may have; a release that changes one makes another digest."""
    digest, taken = sha256(), 0
    for each in map(chr, range(0x30000)):
        try:
            parse_reference(f"{each}1")
        except ValueError:
            continue
        digest.update(f"{each}{same_as(each)}\0".encode())
        taken += 1
    assert (taken, digest.hexdigest()) == (
        93_986, "0b8c2bfeba889a6790167ea09cb87a2f0a403a504d24c86ced97a5ca6f21b1ec",
    )  # fmt: skip
