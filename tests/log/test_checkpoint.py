"""Checkpoints have one spelling, and are believed only with the signature of the log they name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.log.checkpoint import (
    Checkpoint,
    empty_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from counterfoil.log.errors import FormatError, SignatureError
from counterfoil.log.keys import SigningKey
from counterfoil.log.note import Note, NoteSignature, parse_note, sign_note
from tests.log.helpers import KEY, ORIGIN, OTHER_KEY, flips, format_note, refused

# Example of the C2SP tlog-checkpoint specification (CC BY 4.0).
C2SP_TEXT = b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

HEAD = Checkpoint(ORIGIN, 5, bytes(range(100, 132)))
TEXT = HEAD.text()
NOTE = sign_checkpoint(HEAD, KEY)


def test_the_example_of_the_specification() -> None:
    checkpoint = parse_checkpoint(C2SP_TEXT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.text() == C2SP_TEXT


@given(st.text("az.:/-é", min_size=1), st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_any_checkpoint_both_ways(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, size, root)
    assert parse_checkpoint(checkpoint.text()) == checkpoint


ROOT = TEXT.split(b"\n")[2]


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\n\n\n", TEXT[:-1], TEXT + b"\n", TEXT + b"extension\n", b"\n" + TEXT, TEXT.replace(b"\n", b"\r\n"),
        TEXT.replace(b"\n5\n", b"\n05\n"), TEXT.replace(b"\n5\n", b"\n+5\n"), TEXT.replace(b"\n5\n", b"\n-5\n"),
        TEXT.replace(b"\n5\n", b"\n 5\n"), TEXT.replace(b"\n5\n", b"\n5_0\n"), TEXT.replace(b"\n5\n", b"\n\n"),
        TEXT.replace(b"\n5\n", b"\n0x5\n"), TEXT.replace(b"\n5\n", "\n٥\n".encode()),
        TEXT.replace(b"\n5\n", b"\n9223372036854775808\n"), TEXT.replace(b"\n5\n", b"\n" + b"9" * 5_000 + b"\n"),
        TEXT.replace(b"\n5\n", b"\n0\n"), TEXT.replace(ROOT, ROOT[:-1]), TEXT.replace(ROOT, ROOT + b"="),
        TEXT.replace(ROOT, b"A" * 40), TEXT.replace(ROOT, b"A" * 44), TEXT.replace(ROOT, ROOT[:42] + b"9="),
        TEXT.replace(ROOT, b" " + ROOT), b"a b" + TEXT, b"a+b" + TEXT, b"\xff" + TEXT, b"\0" + TEXT,
    ],
)  # fmt: skip
def test_texts_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_checkpoint(text)


def test_the_largest_size_and_the_empty_log() -> None:
    assert parse_checkpoint(TEXT.replace(b"\n5\n", b"\n9223372036854775807\n")).size == 2**63 - 1
    empty = empty_checkpoint(ORIGIN)
    assert empty.text() == ORIGIN.encode() + b"\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert parse_checkpoint(empty.text()) == empty


def test_no_byte_of_a_signed_checkpoint_can_change() -> None:
    keys = [KEY.verify_key]
    assert open_checkpoint(NOTE, keys) == HEAD
    for at, changed in flips(NOTE):
        assert refused(open_checkpoint, changed, keys), at


def test_rotation_and_witnesses() -> None:
    new_key = SigningKey(ORIGIN, b"n" * 32)
    lines = [parse_note(sign_note(TEXT, key)).signatures[0] for key in (KEY, new_key, OTHER_KEY)]
    note = format_note(Note(TEXT, tuple(lines)))
    for keys in ([KEY], [new_key], [new_key, KEY], [OTHER_KEY, KEY]):
        assert open_checkpoint(note, [key.verify_key for key in keys]) == HEAD
    with pytest.raises(SignatureError, match=r"is signed by .*witness.* only"):
        open_checkpoint(note, [OTHER_KEY.verify_key])


def test_a_key_signs_for_its_own_log_only() -> None:
    with pytest.raises(InvariantViolation, match="does not sign for"):
        sign_checkpoint(HEAD, OTHER_KEY)
    with pytest.raises(FormatError):
        sign_checkpoint(Checkpoint(ORIGIN, 0, HEAD.root), KEY)
    foreign = sign_note(TEXT, OTHER_KEY)
    with pytest.raises(SignatureError, match="only"):
        open_checkpoint(foreign, [KEY.verify_key, OTHER_KEY.verify_key])


def test_a_signed_text_that_is_no_checkpoint() -> None:
    with pytest.raises(FormatError, match="three lines"):
        open_checkpoint(sign_note(TEXT + b"extension\n", KEY), [KEY.verify_key])
    unsigned = format_note(Note(TEXT, (NoteSignature("x", b"1234", b"5"),)))
    with pytest.raises(SignatureError):
        open_checkpoint(unsigned, [KEY.verify_key])
