"""Ed25519 as strict as the strictest verifier: all Wycheproof cases, torsion points, and one text form per key."""

from __future__ import annotations

from hashlib import sha512

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_core_ed25519_add, crypto_scalarmult_ed25519_base_noclamp

from counterfoil.log.errors import FormatError
from counterfoil.log.keys import SigningKey, VerifyKey, check_public_key, verify
from tests.log.helpers import KEY, flips, refused, vector

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19
SEED = bytes(range(32))

# The eight points of order 1, 8, 4, 8, 2, 8, 4, 8, canonically encoded.
_EIGHTH = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
_OTHER_EIGHTH = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
TORSION = [
    (1).to_bytes(32, "little"),
    (FIELD - 1).to_bytes(32, "little"),
    bytes(32),
    bytes(31) + b"\x80",
    _EIGHTH,
    _EIGHTH[:31] + bytes([_EIGHTH[31] | 0x80]),
    _OTHER_EIGHTH,
    _OTHER_EIGHTH[:31] + bytes([_OTHER_EIGHTH[31] | 0x80]),
]


def wycheproof() -> list[tuple[int, bytes, bytes, bytes, bool]]:
    return [
        (case["tcId"], bytes.fromhex(group["publicKey"]["pk"]), bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]),
         case["result"] == "valid")
        for group in vector("wycheproof-ed25519.json")["testGroups"]
        for case in group["tests"]
    ]  # fmt: skip


def test_all_wycheproof_cases() -> None:
    cases = wycheproof()
    assert len(cases) == 151
    assert {valid for *_, valid in cases} == {True, False}
    assert [case for case, *args, valid in cases if verify(*args) != valid] == []


def secret_scalar(seed: bytes) -> int:
    """RFC 8032 5.1.5, so that the tests can make signatures that no honest signer makes."""
    raw = bytearray(sha512(seed).digest()[:32])
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    return int.from_bytes(raw, "little")


def signature_with_torsion(nonce: int, torsion: bytes, message: bytes) -> bytes:
    """A signature whose R is off by a point of small order; a verifier with cofactor accepts every one of them."""
    public = SigningKey("k", SEED).verify_key.public
    point = torsion
    if nonce:
        point = crypto_core_ed25519_add(crypto_scalarmult_ed25519_base_noclamp(nonce.to_bytes(32, "little")), torsion)
    challenge = int.from_bytes(sha512(point + public + message).digest(), "little")
    return point + ((nonce + challenge * secret_scalar(SEED)) % GROUP_ORDER).to_bytes(32, "little")


def test_small_and_mixed_order_r_are_refused() -> None:
    public, message = SigningKey("k", SEED).verify_key.public, b"message"
    assert verify(public, message, signature_with_torsion(7, TORSION[0], message))  # torsion free: a good signature
    for torsion in TORSION[1:]:
        assert not verify(public, message, signature_with_torsion(7, torsion, message))
    for torsion in TORSION:
        assert not verify(public, message, signature_with_torsion(0, torsion, message))


def test_public_keys_are_canonical_and_of_prime_order() -> None:
    public = SigningKey("k", SEED).verify_key.public
    check_public_key(public)
    mixed = [crypto_core_ed25519_add(public, torsion) for torsion in TORSION[1:]]
    not_canonical = [(FIELD + y).to_bytes(32, "little") for y in (0, 1, 3, 18)]
    off_curve = [(2).to_bytes(32, "little")]
    for raw in (*TORSION, *mixed, *not_canonical, *off_curve, b"", public[:31], public + b"\0"):
        with pytest.raises(FormatError, match="prime order"):
            check_public_key(raw)
        with pytest.raises(FormatError, match="prime order"):
            VerifyKey("k", raw)


def test_lengths_are_checked_before_libsodium_sees_them() -> None:
    public, signature = KEY.verify_key.public, KEY.sign(b"m")
    assert verify(public, b"m", signature)
    for wrong in (public[:31], public + b"x", b""):
        assert not verify(wrong, b"m", signature)
    for cut in (63, 65):  # the same bytes in a row, cut elsewhere
        row = signature + b"m"
        assert not verify(public, row[cut:], row[:cut])
    assert not verify(public, b"", b"")


@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32))
def test_signing_and_changing(message: bytes, seed: bytes) -> None:
    key = SigningKey("k", seed)
    signature = key.sign(message)
    assert key.verify_key.verify(message, signature)
    assert not key.verify_key.verify(message + b"x", signature)
    assert not any(key.verify_key.verify(message, wrong) for _, wrong in flips(signature))


@given(st.text("aé./-", min_size=1), st.binary(min_size=32, max_size=32))
def test_key_texts_both_ways(name: str, seed: bytes) -> None:
    key = SigningKey(name, seed)
    assert VerifyKey.parse(key.verify_key.vkey()) == key.verify_key


VKEY = KEY.verify_key.vkey()
NAME, KEY_ID, DATA = VKEY.split("+", 2)


@pytest.mark.parametrize(
    "text",
    [
        "", "+", "++", NAME, f"{NAME}+{KEY_ID}", f"+{KEY_ID}+{DATA}", f"a b+{KEY_ID}+{DATA}", f" {VKEY}", f"{VKEY}\n",
        f"other+{KEY_ID}+{DATA}", f"{NAME}+00000000+{DATA}", f"{NAME}+{KEY_ID.upper()}+{DATA}",
        f"{NAME}+{KEY_ID}0+{DATA}",
        f"{NAME}+{KEY_ID}+{DATA[:-1]}", f"{NAME}+{KEY_ID}+{DATA}=", f"{NAME}+{KEY_ID}+B{DATA[1:]}",
        f"{NAME}+{KEY_ID}+AQ==", f"{NAME}+{KEY_ID}+é{DATA}", f"{'n' * 1_024}{VKEY}",
        "k+ee0f8d2e+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ],
)  # fmt: skip
def test_vkeys_refused(text: str) -> None:
    with pytest.raises(FormatError):
        VerifyKey.parse(text)


def test_a_vkey_has_one_spelling() -> None:
    assert VerifyKey.parse(VKEY) == KEY.verify_key
    for at, changed in flips(VKEY.encode()):
        if changed.isascii():
            assert refused(VerifyKey.parse, changed.decode()), at


def test_nothing_shows_a_secret() -> None:
    for text in (repr(KEY), str(KEY)):
        assert text == f"SigningKey({NAME!r}, {KEY_ID})"
    with pytest.raises(FormatError, match="32 bytes, not 31"):
        SigningKey("k", bytes(31))
