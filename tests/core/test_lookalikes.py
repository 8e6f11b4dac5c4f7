"""Which names a reader may take for one another."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.confusables import CONFUSABLES
from counterfoil.core.lookalikes import look_of

# One name, another, and whether a reader may take them for one another.
NAMES = [
    ("Acme", "Аcme", True),  # a Cyrillic letter
    ("Acme", "ACME", True),
    ("Acme, Inc.", "acme inc", True),
    ("Acme", "Ac\u200bme", True),  # in a log of older rules
    ("Norn", "Nom", True),
    ("Al", "AI", True),
    ("AI Centre", "ai centre", True),
    ("Springfield", "Springfie1d", True),
    ("Lab 10", "Lab lO", True),
    ("ＡＢＣ", "abc", True),
    ("𝓗ello", "Hello", True),
    ("Straße", "STRASSE", True),
    ("Café", "Cafe\u0301", True),
    ("北京（AI）中心", "北京(AI)中心", True),
    ("Café", "Cafe", False),
    ("Lab 1", "Lab 2", False),
    ("北京", "南京", False),
    ("Springfield", "Springfeld", False),
]


@pytest.mark.parametrize(("one", "other", "alike"), NAMES)
def test_names_alike(one: str, other: str, alike: bool) -> None:
    assert (look_of(one) == look_of(other)) is alike


@given(st.text(st.sampled_from([chr(code) for code in CONFUSABLES] + list("abcmIl10"))))
def test_names_with_one_skeleton_by_uts_39_are_alike(name: str) -> None:
    skeleton = normalize("NFD", normalize("NFD", name).translate(CONFUSABLES))
    assert look_of(skeleton) == look_of(name)
