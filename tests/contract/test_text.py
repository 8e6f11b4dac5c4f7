"""What text may stand in a name or reason, how text is printed, and that no interpreter's own tables decide it."""

from __future__ import annotations

from hashlib import sha256
from unicodedata import category, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.canonical import Refused
from counterfoil.contract.forms import dump, free_texts
from counterfoil.contract.record import Command
from counterfoil.contract.text import is_visible, printable, unfit
from counterfoil.core.lookalikes import look_of
from counterfoil.vocabulary import CODEC, VOCABULARY
from tests.contract.samples import sample

EVERY = [chr(code) for code in range(0x110000)]
VISIBLE = [each for each in EVERY if is_visible(each)]

# A text, and why it may not stand in a log.
TEXTS: list[tuple[str, str | None]] = [
    ("Stadt Köln “Rechenzeit” €", None),
    ("北京算力券（试点）", None),
    ("𠮷野家", None),
    ("𝓗ello 😀", None),
    ("  x", None),
    ("a\tb", "U+0009"),
    ("a\x7fb", "U+007F"),
    ("a\x9bb", "U+009B"),  # the eight-bit form of escape and bracket
    ("a\u00adb", "U+00AD"),  # soft hyphen
    ("a\u200bb", "U+200B"),
    ("a\u202eb", "U+202E"),
    ("a\u2066b", "U+2066"),
    ("a\ufeffb", "U+FEFF"),
    ("a\u2028b", "U+2028"),
    ("a\u2029b", "U+2029"),
    ("a\ue000b", "U+E000"),  # private use
    ("a\U0010ffffb", "U+10FFFF"),
    ("a\U000e0041b", "U+E0041"),  # a tag
    ("a\ufe0fb", "U+FE0F"),  # a variation selector
    ("a\u3164b", "U+3164"),  # a letter that shows nothing
    ("a\u2800b", "U+2800"),
    ("a\u0378b", "U+0378"),  # no character
    ("a\U0001fae0b", "U+1FAE0"),  # of Unicode 14
    ("Cafe\u0301", "not NFC"),
    ("\u212b", "not NFC"),
    (" ", "blank"),
    ("\u00a0\u3000", "blank"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "why"), TEXTS)
def test_what_may_stand_in_a_log(text: str, why: str | None) -> None:
    assert unfit(text) == why


def test_what_shows_is_assigned_and_is_no_control_format_surrogate_or_private_character() -> None:
    assert {category(each)[0] for each in VISIBLE} == set("LMNPSZ")
    assert not {"Zl", "Zp"} & set(map(category, VISIBLE))


def test_every_interpreter_judges_alike() -> None:
    """The digest is over every character there is; it was computed with each Python that is supported."""
    found = sha256()
    for each in VISIBLE:
        found.update(f"{ord(each)} {unfit(each)} {look_of(each)}\n".encode())
    hidden = [each for each in EVERY if not is_visible(each)]
    assert {unfit(each) for each in hidden} == {f"U+{ord(each):04X}" for each in hidden}
    assert {look_of(each) for each in hidden} == {""}
    assert found.hexdigest() == "21cfb5e70115dde4299c41ba064226e6053f858208bc276db7b631ed7623413b"


@given(st.text())
def test_what_is_printed_is_visible_and_is_the_text_itself_if_that_was(text: str) -> None:
    assert all(map(is_visible, printable(text)))
    assert printable(text) == text or not all(map(is_visible, text))


@given(st.text(st.sampled_from(VISIBLE), min_size=1))
def test_text_that_may_stand_in_a_log_does_after_normalising(text: str) -> None:
    assert unfit(normalize("NFC", text)) in (None, "blank")


@pytest.mark.parametrize("kind", VOCABULARY.commands.values(), ids=lambda kind: f"{kind.TYPE} v{kind.V}")
def test_every_text_of_a_command_that_may_have_any_character_is_judged(kind: type[Command]) -> None:
    """Where the form takes a character that turns the direction of writing, the rules must refuse it."""
    body = dump(sample(kind))
    for path, changed in _with_each_text(body, "a\u202eb"):
        try:
            made = CODEC.load_body(kind.TYPE, kind.V, changed)
        except Refused:
            continue
        assert (path, "a\u202eb") in list(free_texts(made))


def _with_each_text(value: dict[str, object], text: str, path: str = "") -> list[tuple[str, dict[str, object]]]:
    """The value with another text in each place that has one, and the path of that place."""
    found = []
    for name, member in value.items():
        here = f"{path}.{name}" if path else name
        if isinstance(member, dict):
            found += [(at, value | {name: changed}) for at, changed in _with_each_text(member, text, here)]
        elif isinstance(member, str):
            found.append((here, value | {name: text}))
        elif isinstance(member, list) and member and isinstance(member[0], str):
            found.append((here, value | {name: [text]}))
    return found
