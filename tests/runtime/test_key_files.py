"""Private key files: openssl reads ours, we read openssl's, and each file that is no usable key says why."""

from __future__ import annotations

import base64
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from counterfoil.errors import BadPrivateFile
from counterfoil.key_files import (
    PASSPHRASE_CHARS_MIN,
    PASSPHRASE_OCTETS_MAX,
    is_encrypted,
    no_passphrase,
    read_key,
    replace_key,
    write_key,
)
from counterfoil.log.keys import SigningKey, verify
from counterfoil.private_files import create_private, read_private, write_password

SEED = sha256(b"a private key that is public").digest()
PUBLIC = SigningKey("k", SEED).verify_key.public
SECRET = b"correct horse battery staple"
ENCRYPTED = BestAvailableEncryption(SECRET)


def given(_path: Path) -> bytes:
    return SECRET


def openssl(*words: str | Path) -> bytes:
    ran = subprocess.run(["openssl", *map(str, words)], check=False, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def signed_by_openssl(key: Path, folder: Path, *words: str) -> bytes:
    (folder / "message").write_bytes(b"a message")
    return openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", folder / "message", *words)


# openssl, both ways -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("passphrase", [None, SECRET], ids=["plain", "encrypted"])
def test_openssl_reads_and_signs_with_ours(tmp_path: Path, passphrase: bytes | None) -> None:
    path, file = tmp_path / "key.pem", tmp_path / "passphrase"
    write_key(path, SEED, passphrase)
    write_password(file, SECRET.decode())
    words = () if passphrase is None else ("-passin", f"file:{file}")
    text = openssl("pkey", "-in", path, "-noout", "-text", *words).decode()
    assert text.startswith("ED25519 Private-Key:")
    assert PUBLIC.hex(":") in "".join(text.split())
    assert verify(PUBLIC, b"a message", signed_by_openssl(path, tmp_path, *words))
    assert (path.stat().st_mode & 0o777, is_encrypted(path)) == (0o600, passphrase is not None)
    assert read_key(path, given) == SEED


@pytest.mark.parametrize(
    "words",
    [
        ("-nocrypt",),
        ("-scrypt",),
        ("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512", "-iter", "100000"),
    ],
    ids=["plain", "scrypt", "more rounds"],
)
def test_ours_reads_and_signs_with_openssls(tmp_path: Path, words: tuple[str, ...]) -> None:
    made, path, file = tmp_path / "made.pem", tmp_path / "key.pem", tmp_path / "passphrase"
    write_password(file, SECRET.decode())
    openssl("genpkey", "-algorithm", "ed25519", "-out", made)
    openssl("pkcs8", "-topk8", "-in", made, "-out", path, "-passout", f"file:{file}", *words)
    path.chmod(0o600)
    key = SigningKey("k", read_key(path, given))
    assert openssl("pkey", "-in", made, "-pubout", "-outform", "DER")[-32:] == key.verify_key.public
    assert key.sign(b"a message") == signed_by_openssl(made, tmp_path)


# what is no usable key ----------------------------------------------------------------------------------------------


def pem(key: Any, encryption: KeySerializationEncryption | None = None, kind: str = "PKCS8") -> bytes:
    made = key.private_bytes(Encoding.PEM, getattr(PrivateFormat, kind), encryption or NoEncryption())
    assert isinstance(made, bytes)
    return made


def block(label: str, data: bytes) -> bytes:
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label.encode(), base64.b64encode(data), label.encode())


KEY = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
OURS = pem(KEY)
RSA = rsa.generate_private_key(65_537, 2_048)
EXPECTED = "an Ed25519 private key, PKCS#8 in PEM, is expected"

BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", f"is not a key file: {EXPECTED}"),
    "hexadecimal": (SEED.hex().encode(), f"is not a key file: {EXPECTED}"),
    "raw": (SEED, f"is not a key file: {EXPECTED}"),
    "DER": (base64.b64decode(OURS.splitlines()[1]), f"is not a key file: {EXPECTED}"),
    "public": (block("PUBLIC KEY", PUBLIC), "holds a public key: name the file with its private key"),
    "certificate": (block("CERTIFICATE", PUBLIC), f"holds a block of another kind (CERTIFICATE): {EXPECTED}"),
    "OpenSSH": (pem(KEY, kind="OpenSSH"), f"holds a block of another kind (OPENSSH PRIVATE KEY): {EXPECTED}"),
    "traditional": (
        pem(ec.generate_private_key(ec.SECP256R1()), kind="TraditionalOpenSSL"),
        f"holds a block of another kind (EC PRIVATE KEY): {EXPECTED}",
    ),
    "RSA": (pem(RSA), f"holds a key of another kind: {EXPECTED}"),
    "RSA, encrypted": (pem(RSA, ENCRYPTED), f"holds a key of another kind: {EXPECTED}"),
    "P-256": (pem(ec.generate_private_key(ec.SECP256R1())), f"holds a key of another kind: {EXPECTED}"),
    "X25519": (pem(x25519.X25519PrivateKey.generate()), f"holds a key of another kind: {EXPECTED}"),
    "Ed448": (pem(ed448.Ed448PrivateKey.generate()), f"holds a key of another kind: {EXPECTED}"),
    "cut short": (OURS[:70], "is damaged: restore it from a copy"),
    "cut before its end": (OURS.replace(b"-----END", b""), "is damaged: restore it from a copy"),
    "a changed tag": (OURS.replace(b"MC4C", b"MC5C"), "is damaged: restore it from a copy"),
    "no base64": (OURS.replace(b"MC4C", b"M!4C"), "is damaged: restore it from a copy"),
    "two keys": (OURS + OURS, "is damaged: restore it from a copy"),
    "a short seed": (
        block("PRIVATE KEY", bytes.fromhex("302d020100300506032b65700421041f") + SEED[:31]),
        "is damaged: restore it from a copy",
    ),
    "another passphrase": (pem(KEY, BestAvailableEncryption(b"another")), "the passphrase does not open {path}: give"),
    "damaged, encrypted": (block("ENCRYPTED PRIVATE KEY", SEED), "the passphrase does not open {path}: give"),
    "too long": (OURS + b"\n" * 4_096, "is longer than 4096 octets"),
}


@pytest.mark.parametrize(("data", "meaning"), BAD.values(), ids=BAD)
def test_a_file_that_is_no_key_says_why_and_shows_nothing(tmp_path: Path, data: bytes, meaning: str) -> None:
    path = tmp_path / "key.pem"
    create_private(path, data)
    with pytest.raises(BadPrivateFile) as caught:
        read_key(path, given)
    message = str(caught.value)
    assert message.startswith(meaning.format(path=path) if "{path}" in meaning else f"{path} {meaning}")
    assert "\n" not in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    for secret in (SECRET.decode(), SEED.hex(), *data.decode(errors="replace").splitlines()[1:-1]):
        assert not secret or secret not in message


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path) -> None:
    write_key(tmp_path / "key.pem", SEED, SECRET)
    for open_it in (read_key, no_passphrase):
        with pytest.raises(BadPrivateFile, match=f"^{tmp_path / 'key.pem'} is encrypted: name a file with its passph"):
            open_it(tmp_path / "key.pem")


def test_a_wrong_passphrase_is_refused_each_time(tmp_path: Path) -> None:
    """One in 256 leaves padding that looks right; then what was decrypted is no key."""
    write_key(tmp_path / "key.pem", SEED, SECRET)
    for number in range(600):
        with pytest.raises(BadPrivateFile, match="the passphrase does not open"):
            read_key(tmp_path / "key.pem", lambda _path, n=number: b"%d" % n)  # type: ignore[misc]


def test_a_key_without_passphrase_asks_for_none(tmp_path: Path) -> None:
    write_key(tmp_path / "key.pem", SEED)
    assert read_key(tmp_path / "key.pem", no_passphrase) == read_key(tmp_path / "key.pem", given) == SEED
    with pytest.raises(FileNotFoundError):
        read_key(tmp_path / "nobody.pem")


# writing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passphrase", "allowed"),
    [
        (b"p" * (PASSPHRASE_CHARS_MIN - 1), False),
        (b"p" * PASSPHRASE_CHARS_MIN, True),
        ("ü".encode() * (PASSPHRASE_CHARS_MIN - 1), False),
        (b"p" * PASSPHRASE_OCTETS_MAX, True),
        (b"p" * (PASSPHRASE_OCTETS_MAX + 1), False),
        (b"", False),
    ],
)
def test_a_new_passphrase_has_its_limits(tmp_path: Path, passphrase: bytes, allowed: bool) -> None:
    path = tmp_path / "key.pem"
    if allowed:
        write_key(path, SEED, passphrase)
        assert read_key(path, lambda _path: passphrase) == SEED
        openssl("pkey", "-in", path, "-noout", "-passin", f"pass:{passphrase.decode()}")
    else:
        with pytest.raises(ValueError, match=f"{PASSPHRASE_CHARS_MIN} characters|{PASSPHRASE_OCTETS_MAX} octets"):
            write_key(path, SEED, passphrase)
        assert not path.exists()


CHANGES: list[tuple[bytes | None, bytes | None]] = [
    (None, SECRET),
    (SECRET, b"another horse, more staples"),
    (SECRET, None),
]


@pytest.mark.parametrize(("before", "after"), CHANGES, ids=["added", "changed", "removed"])
def test_a_passphrase_is_changed_and_the_key_is_not(tmp_path: Path, before: bytes | None, after: bytes | None) -> None:
    path = tmp_path / "key.pem"
    write_key(path, SEED, before)
    replace_key(path, SEED, after)
    assert is_encrypted(path) is (after is not None)
    assert read_key(path, lambda _path: after or b"") == SEED
    assert [each.name for each in tmp_path.iterdir()] == ["key.pem"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_change_that_was_cut_short_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.pem"
    write_key(path, SEED)
    before = read_private(path)

    def killed(_self: Path, _target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            replace_key(path, SEED, SECRET)
    with pytest.raises(BadPrivateFile, match=r"\.key\.pem\.new is left from an earlier attempt: remove it"):
        replace_key(path, SEED, SECRET)
    assert read_private(path) == before
