"""Signed notes: other people's notes verify here, and no byte of a note can change unnoticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.log.errors import FormatError, SignatureError
from counterfoil.log.keys import SigningKey, VerifyKey
from counterfoil.log.note import (
    NOTE_BYTES_MAX,
    Note,
    NoteSignature,
    Verifier,
    parse_note,
    sign_note,
    verify_note,
)
from counterfoil.log.wire import b64decode, b64encode
from tests.log.helpers import KEY, OTHER_KEY, flips, format_note, refused

# Example of golang.org/x/mod/sumdb/note (note_test.go, BSD-3-Clause), made by that implementation.
GO_SEED = "gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM="  # its skey, without name, key id and type
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    GO_TEXT
    + (
        "\n— PeterNeumann "
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    ).encode()
)

# Example of the C2SP signed-note specification (CC BY 4.0); its text holds a blank line.
C2SP_NOTE = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore "
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
).encode()

TEXT = b"one\n\ntwo\n"
NOTE = sign_note(TEXT, KEY)
LINE = NOTE[len(TEXT) + 1 :]
OTHER_LINE = sign_note(TEXT, OTHER_KEY)[len(TEXT) + 1 :]
FALSE_OTHER_LINE = NoteSignature(OTHER_KEY.name, OTHER_KEY.verify_key.key_id, bytes(64)).line()
TRUSTED = [KEY.verify_key]


def opened(data: bytes) -> list[VerifyKey]:
    return verify_note(parse_note(data), TRUSTED)


def test_a_note_of_another_implementation() -> None:
    assert verify_note(parse_note(GO_NOTE), [VerifyKey.parse(GO_VKEY)]) == [VerifyKey.parse(GO_VKEY)]
    assert sign_note(GO_TEXT, SigningKey("PeterNeumann", b64decode(GO_SEED.encode()))) == GO_NOTE


def test_the_note_of_the_specification() -> None:
    note = parse_note(C2SP_NOTE)
    assert note.text.endswith("sole:\n\ned è subito sera.\n".encode())
    assert [signature.name for signature in note.signatures] == ["quasimodo.example/salvatore"]
    assert format_note(note) == C2SP_NOTE


def test_no_byte_can_change() -> None:
    assert opened(NOTE) == TRUSTED
    for at, changed in flips(NOTE):
        assert refused(opened, changed), at
    for length in range(len(NOTE)):
        assert refused(opened, NOTE[:length]), length


@pytest.mark.parametrize(
    ("lines", "signed_by"),
    [
        (LINE + OTHER_LINE, [KEY]),  # unknown key: ignored
        (OTHER_LINE + LINE, [KEY]),
        (LINE + LINE, [KEY]),  # counted once
        (LINE + FALSE_OTHER_LINE, [KEY]),  # false signature of an unknown key: ignored
    ],
)
def test_unknown_signatures_are_ignored(lines: bytes, signed_by: list[SigningKey]) -> None:
    assert opened(TEXT + b"\n" + lines) == [key.verify_key for key in signed_by]


def test_a_false_signature_of_a_known_key_rejects_the_note() -> None:
    false = NoteSignature(KEY.name, KEY.verify_key.key_id, KEY.sign(b"other\n")).line()
    for lines in (LINE + false, false + LINE, false):
        with pytest.raises(SignatureError, match="does not verify"):
            opened(TEXT + b"\n" + lines)
    short = NoteSignature(KEY.name, KEY.verify_key.key_id, KEY.sign(TEXT)[:-1]).line()
    with pytest.raises(SignatureError, match="does not verify"):
        opened(TEXT + b"\n" + short)


def test_name_and_key_id_must_both_be_known() -> None:
    signature = KEY.sign(TEXT)
    for name, key_id in ((KEY.name, b"\0\0\0\0"), ("another.example", KEY.verify_key.key_id)):
        with pytest.raises(SignatureError, match="no signature by a trusted key"):
            opened(TEXT + b"\n" + NoteSignature(name, key_id, signature).line())
    with pytest.raises(SignatureError, match="no signature by a trusted key"):
        verify_note(parse_note(NOTE), [])


def test_two_trusted_keys_with_one_identity_are_refused() -> None:
    class Collision:
        name, key_id = KEY.name, KEY.verify_key.key_id

        def verify(self, message: bytes, signature: bytes) -> bool:
            return len(message) > len(signature)

    keys: list[Verifier] = [KEY.verify_key, Collision()]
    with pytest.raises(FormatError, match="two trusted keys"):
        verify_note(parse_note(NOTE), keys)
    assert verify_note(parse_note(NOTE), [KEY.verify_key, KEY.verify_key]) == TRUSTED


B64 = LINE.split(b" ")[2].rstrip(b"\n")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", b"\n\n", TEXT, TEXT + b"\n", LINE, b"\n" + LINE, TEXT + LINE, NOTE + b"\n", NOTE[:-1], NOTE + b"x",
        NOTE + b"x\n", TEXT + b"\n\r" + LINE, NOTE.replace(b"\n", b"\r\n"), b"a\tb\n\n" + LINE, b"a\0b\n\n" + LINE,
        b"\xff\n\n" + LINE, b"\xed\xa0\x80\n\n" + LINE, NOTE.replace(b" counter", b"  counter"),
        NOTE.replace("— ".encode(), b"- "), NOTE.replace("— ".encode(), "—".encode()), NOTE.replace(b"=\n", b"= \n"),
        NOTE.replace(b"main ", b"main x "), NOTE.replace(b"main ", "ma\u2003in ".encode()),
        NOTE.replace(b"main ", "ma\u0085in ".encode()), NOTE.replace(b"main ", b"ma+in "), NOTE.replace(b"=\n", b"\n"),
        NOTE.replace(B64, b""), NOTE.replace(B64, b64encode(b"abcd")), NOTE.replace(B64, B64 + b"===="),
        NOTE.replace(B64, B64[:20] + b"\xc2\xa0" + B64[20:]), NOTE.replace(B64, b"-_" + B64[2:]),
    ],
)  # fmt: skip
def test_bytes_that_are_no_note(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_note(data)


@given(
    st.text(st.characters(codec="utf-8", min_codepoint=32) | st.just("\n"), max_size=40),
    st.lists(
        st.tuples(st.text("aé./-1", min_size=1), st.binary(min_size=4, max_size=4), st.binary(min_size=1)), min_size=1
    ),
)
def test_notes_both_ways(text: str, signatures: list[tuple[str, bytes, bytes]]) -> None:
    note = Note(f"{text}\n".encode(), tuple(NoteSignature(*parts) for parts in signatures))
    assert parse_note(format_note(note)) == note


def test_what_is_no_note_is_refused_and_not_signed() -> None:
    signature = NoteSignature("a", b"1234", b"x")
    for wrong in (Note(b"no newline", (signature,)), Note(b"tab\t\n", (signature,)), Note(b"x\n", ())):
        with pytest.raises(FormatError):
            parse_note(format_note(wrong))
    for text in (b"", b"no newline", b"control \x00\n", b"\xff\n", b"x" * NOTE_BYTES_MAX + b"\n"):
        with pytest.raises(FormatError):
            sign_note(text, KEY)
    for name, key_id in (("a b", b"1234"), ("", b"1234"), ("a\nb", b"1234"), ("a", b"")):
        with pytest.raises(FormatError):
            parse_note(format_note(Note(b"x\n", (NoteSignature(name, key_id, b"x"),))))


def test_limits() -> None:
    parse_note(TEXT + b"\n" + LINE * 100)
    with pytest.raises(FormatError, match=r"1\.\.100 signature lines, not 101"):
        parse_note(TEXT + b"\n" + LINE * 101)
    fill = 1_000_000 - len(LINE) - 2
    assert len(parse_note(b"x" * fill + b"\n\n" + LINE).text) == fill + 1
    with pytest.raises(FormatError, match="at most 1000000 bytes, not 1000001"):
        parse_note(b"x" * (fill + 1) + b"\n\n" + LINE)
