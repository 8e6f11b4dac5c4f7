"""Files with a secret: created for their owner alone, never overwritten, read only while nobody else can reach them."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

from counterfoil.errors import BadPrivateFile
from counterfoil.syncing import sync_directory

PRIVATE_OCTETS_MAX: Final = 4_096
"""The longest file with a key, a password or a passphrase."""


def create_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read, and make it durable. Raises FileExistsError, for a link too."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(path.parent)  # a key that may be registered next must outlast a power failure
    except BaseException:
        path.unlink()
        raise


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read. Raises `BadPrivateFile` for a link, and for what is no file; FileNotFoundError, OSError."""
    try:
        # a named pipe must not make the reader wait
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise BadPrivateFile(f"{path} is a link: name the file that it leads to") from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BadPrivateFile(f"{path} is not a file")
    return os.fdopen(handle, "rb")


def read_private(path: Path) -> bytes:
    """Read a file that only its owner may read, of at most `PRIVATE_OCTETS_MAX`.

    Raises as `open_regular`, and `BadPrivateFile` if others can reach it, or it is too long.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            text = f"{path} can be read by others: run `chmod 600 {path}`, and replace what it holds if it leaked"
            raise BadPrivateFile(text)
        data = file.read(PRIVATE_OCTETS_MAX + 1)
    if len(data) > PRIVATE_OCTETS_MAX:
        raise BadPrivateFile(f"{path} is longer than {PRIVATE_OCTETS_MAX} octets: it holds no key and no password")
    return data


def write_password(path: Path, text: str) -> None:
    """Write a new file with one line that only its owner can read. Raises FileExistsError."""
    create_private(path, f"{text}\n".encode())


def read_password(path: Path) -> str:
    """The one line of a file with a password or a passphrase, without what ends the line.

    Raises as `read_private`, and `BadPrivateFile` unless it is one line of text.
    """
    try:
        text = read_private(path).decode()
    except UnicodeDecodeError:
        raise BadPrivateFile(f"{path} is not text in UTF-8: one line with the secret is expected") from None
    line = text.removesuffix("\n").removesuffix("\r")
    if not line or not line.isprintable():
        raise BadPrivateFile(f"{path} is not one line of text: write the secret, and nothing else, into it")
    return line
