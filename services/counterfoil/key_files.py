"""Private key files: an Ed25519 key as PKCS#8 in PEM (RFC 8410, RFC 7468), encrypted with a passphrase on request.

openssl reads what is written here, and what `openssl genpkey -algorithm ed25519` writes is read here. Of an encrypted
file nothing is known without its passphrase, its public key neither. No message shows any of a file's content.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from counterfoil.errors import BadPrivateFile
from counterfoil.private_files import create_private, read_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption

SUFFIX: Final = ".pem"
PASSPHRASE_CHARS_MIN: Final = 16
"""Of a new passphrase. Deriving a key from it takes 2,048 rounds only, so that the passphrase itself must be hard."""
PASSPHRASE_OCTETS_MAX: Final = 1_023
"""The longest that openssl accepts."""

Passphrase = Callable[[Path], bytes]
"""Gives the passphrase of an encrypted key file. Raises `BadPrivateFile` if there is none."""

_PLAIN: Final = "PRIVATE KEY"
_ENCRYPTED: Final = "ENCRYPTED PRIVATE KEY"
_BEGIN: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_WHOLE: Final = re.compile(rb"\s*-----BEGIN ([A-Z ]+)-----[A-Za-z0-9+/=\s]+-----END \1-----\s*")
_SEED_FOLLOWS: Final = bytes.fromhex("302e020100300506032b657004220420")
"""RFC 8410, section 7: version 0, the algorithm Ed25519, and the seed as an octet string in an octet string."""
_DER_BYTES: Final = 48
_EXPECTED: Final = "an Ed25519 private key, PKCS#8 in PEM, is expected, as `counterfoil keys new` makes it"


def no_passphrase(path: Path) -> bytes:
    """The `Passphrase` of those who have none."""
    raise BadPrivateFile(
        f"{path} is encrypted: name a file with its passphrase (--passphrase-file, COUNTERFOIL_PASSPHRASE_FILE), "
        "or run the command in a terminal"
    )


def check_passphrase(passphrase: bytes) -> None:
    """Check a passphrase that is to be used from now on. Raises ValueError."""
    if len(passphrase.decode(errors="replace")) < PASSPHRASE_CHARS_MIN:
        raise ValueError(f"a passphrase has {PASSPHRASE_CHARS_MIN} characters or more")
    if len(passphrase) > PASSPHRASE_OCTETS_MAX:
        raise ValueError(f"a passphrase has {PASSPHRASE_OCTETS_MAX} octets at most")


def write_key(path: Path, seed: bytes, passphrase: bytes | None = None) -> None:
    """Write a new key file of mode 0600; `seed`: the private key, 32 octets. Raises FileExistsError, ValueError."""
    create_private(path, _encode(seed, passphrase))


def read_key(path: Path, passphrase: Passphrase = no_passphrase) -> bytes:
    """The private key in a file, 32 octets. Raises `BadPrivateFile`, FileNotFoundError, OSError."""
    data = read_private(path)
    return _decode(path, data, passphrase(path) if _label(path, data) == _ENCRYPTED else None)


def is_encrypted(path: Path) -> bool:
    """Whether a key file is encrypted. Raises as `read_key`."""
    return _label(path, read_private(path)) == _ENCRYPTED


def replace_key(path: Path, seed: bytes, passphrase: bytes | None) -> None:
    """Write a key file anew with another passphrase, or none, in one step.

    Raises `BadPrivateFile` if an earlier attempt was cut short, ValueError.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        write_key(draft, seed, passphrase)
    except FileExistsError:
        raise BadPrivateFile(f"{draft} is left from an earlier attempt: remove it, {path} is unchanged") from None
    draft.replace(path)


def _encode(seed: bytes, passphrase: bytes | None) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        check_passphrase(passphrase)
        encryption = BestAvailableEncryption(passphrase)
    return Ed25519PrivateKey.from_private_bytes(seed).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _label(path: Path, data: bytes) -> str:
    """What kind of PKCS#8 block a file holds. Raises `BadPrivateFile` if it holds something else."""
    found = _BEGIN.search(data)
    if found is None:
        raise BadPrivateFile(f"{path} is not a key file: {_EXPECTED}")
    label = found[1].decode()
    if label.endswith("PUBLIC KEY"):
        raise BadPrivateFile(f"{path} holds a public key: name the file with its private key")
    if label not in (_PLAIN, _ENCRYPTED):
        raise BadPrivateFile(f"{path} holds a block of another kind ({label}): {_EXPECTED}")
    if _WHOLE.fullmatch(data) is None:
        raise _damaged(path)
    return label


def _decode(path: Path, data: bytes, passphrase: bytes | None) -> bytes:
    if passphrase is None and (seed := _as_written(data)) is not None:
        return seed
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(data, passphrase)
    except UnsupportedAlgorithm:
        raise BadPrivateFile(f"{path} has a key or an encryption that is not supported: {_EXPECTED}") from None
    except (ValueError, TypeError, InternalError):  # a wrong passphrase may also lead to bytes that are no key
        if passphrase is None:
            raise _damaged(path) from None
        text = f"the passphrase does not open {path}: give the right one, or restore the file if it is damaged"
        raise BadPrivateFile(text) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadPrivateFile(f"{path} holds a key of another kind: {_EXPECTED}")
    return key.private_bytes_raw()


def _as_written(data: bytes) -> bytes | None:
    """The seed of a plain key in the one form that this module and openssl write; None for any other form.

    A library that reads all forms takes a tenth of the time of a command to import.
    """
    try:
        der = b64decode(b"".join(line for line in data.splitlines() if not line.startswith(b"-----")), validate=True)
    except ValueError:
        return None
    return der[len(_SEED_FOLLOWS) :] if len(der) == _DER_BYTES and der.startswith(_SEED_FOLLOWS) else None


def _damaged(path: Path) -> BadPrivateFile:
    return BadPrivateFile(f"{path} is damaged: restore it from a copy; {_EXPECTED}")
