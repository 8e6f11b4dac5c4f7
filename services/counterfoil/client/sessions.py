"""Tokens of sessions, kept in files below the directory of keys: one for each gateway and party.

A token lets whoever has it read as its party for an hour, so its file is as private as a key's.
"""

from __future__ import annotations

import os
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from counterfoil.contract.times import SECOND, parse_time
from counterfoil.errors import BadPrivateFile
from counterfoil.private_files import create_private, read_password, read_private

if TYPE_CHECKING:  # a command that reads with a token needs neither
    from counterfoil.client.author import Author
    from counterfoil.client.http import Gateway

VALID_SECONDS: Final = 120
"""How long a document is valid by which a session is opened."""
_SOON: Final = 60  # seconds before its end from which a token is not used any more


class Opened(NamedTuple):
    """A session: the gateway, its party, the token, and until when it is valid (UTC microseconds)."""

    url: str
    party_id: str
    token: str
    expires_at: int


def open_session(gateway: Gateway, author: Author, host: str) -> Opened:
    """Open a session with the instance `host` at a gateway. Raises `RefusedByService`, `Unreachable`.

    `host` comes from what the caller trusts, as a pinned key: a document for another host is worth nothing there.
    """
    now = time.time_ns() // 1_000
    found = gateway.open_session(author.open_session(host, now + VALID_SECONDS * SECOND, os.urandom(16)))
    return Opened(gateway.url, author.party_id, str(found["token"]), parse_time(str(found["expires_at"])))


class Tokens:
    """The tokens in `directory`, which is made at first use. Several processes may use it at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def find(self, url: str, party_id: str) -> Opened | None:
        """The session with a gateway of a party, if one is kept that goes on for a minute. Raises `BadPrivateFile`."""
        opened = self._read(self._path(url, party_id))
        if opened is None or (opened.url, opened.party_id) != (url, party_id):
            return None
        return opened if opened.expires_at > time.time_ns() // 1_000 + _SOON * SECOND else None

    def keep(self, opened: Opened) -> None:
        """Keep a session in place of the one before. Raises OSError."""
        self._replace(self._path(opened.url, opened.party_id), orjson.dumps(opened._asdict()))

    def last(self, url: str) -> str | None:
        """The party that logged in last at a gateway; None if none did, or it logged out."""
        try:
            return read_password(self._last(url))
        except FileNotFoundError:
            return None

    def set_last(self, url: str, party_id: str) -> None:
        """A party has logged in. Raises OSError."""
        self._replace(self._last(url), f"{party_id}\n".encode())

    def forget(self, url: str, party_id: str) -> None:
        """Remove what is kept of a party's session with a gateway. Idempotent."""
        self._path(url, party_id).unlink(missing_ok=True)
        if self.last(url) == party_id:
            self._last(url).unlink(missing_ok=True)

    def _replace(self, path: Path, data: bytes) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        create_private(draft, data)
        draft.replace(path)

    def _last(self, url: str) -> Path:
        return self.directory / f"last-{sha256(url.encode()).hexdigest()[:16]}"

    def _read(self, path: Path) -> Opened | None:
        try:
            return Opened(**orjson.loads(read_private(path)))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            raise BadPrivateFile(f"{path} holds no session: remove it, and log in again") from None

    def _path(self, url: str, party_id: str) -> Path:
        return self.directory / f"{party_id}-{sha256(url.encode()).hexdigest()[:16]}.json"
