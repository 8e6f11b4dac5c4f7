"""The directory of parties' private keys: a file NAME.pem for each, which only its owner may read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from counterfoil.cli.command import Invalid
from counterfoil.client.author import Author
from counterfoil.key_files import SUFFIX, Passphrase, is_encrypted, read_key, replace_key, write_key
from counterfoil.owned import check_owned

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?", re.ASCII)


class Keyring:
    """The private keys in `directory`; `passphrase` is asked for those that are encrypted."""

    def __init__(self, directory: Path, passphrase: Passphrase) -> None:
        """Raises `BadPrivateFile` if others can change the directory."""
        check_owned(directory)
        self.directory, self._passphrase = directory, passphrase

    def create(self, name: str, passphrase: bytes | None) -> Author:
        """Make a new key, encrypted if there is a passphrase. Raises `Invalid` if the name is taken."""
        import secrets  # what signs with a key that is here makes none

        path, seed = self.path(name), secrets.token_bytes(32)
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as problem:
            raise Invalid(f"cannot make the directory {self.directory}: {problem.strerror}") from problem
        try:
            write_key(path, seed, passphrase)
        except FileExistsError:
            raise Invalid(f"{path} exists already; nothing was changed") from None
        except OSError as problem:
            raise Invalid(f"cannot write {path}: {problem.strerror}") from problem
        return Author(name, seed)

    def author(self, party_id: str, name: str | None = None) -> Author:
        """The signer of a party with the key `name`, by default its own. Raises `Invalid`, `BadPrivateFile`."""
        return Author(party_id, self._read(self.path(name if name is not None else party_id)))

    def encrypted(self, name: str) -> bool:
        """Whether a key is encrypted. Raises `Invalid`, `BadPrivateFile`."""
        path = self.path(name)
        with _reading(path):
            return is_encrypted(path)

    def encrypt(self, name: str, passphrase: Callable[[], bytes | None]) -> Author:
        """Encrypt a key with another passphrase, or with none; returns its signer. Raises `Invalid`, `BadPrivateFile`.

        `passphrase` is asked once the key has been read.
        """
        path = self.path(name)
        seed = self._read(path)
        found = passphrase()
        try:
            replace_key(path, seed, found)
        except OSError as problem:
            raise Invalid(f"cannot write {path}: {problem.strerror}") from problem
        return Author(name, seed)

    def names(self) -> list[str]:
        """The names of all keys, sorted."""
        return sorted(path.stem for path in self.directory.glob(f"*{SUFFIX}") if _NAME.fullmatch(path.stem))

    def path(self, name: str) -> Path:
        """The path of a key's file. Raises `Invalid` if `name` cannot be one."""
        if _NAME.fullmatch(name) is None:
            raise Invalid(f"{name!r} is not a name: lower case letters, digits, dots, dashes, at most 63")
        return self.directory / f"{name}{SUFFIX}"

    def _read(self, path: Path) -> bytes:
        with _reading(path):
            return read_key(path, self._passphrase)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Says of a key file that cannot be read what to do. Raises `Invalid`."""
    try:
        yield
    except FileNotFoundError:
        raise Invalid(f"no key {path}: make one with `counterfoil keys new {path.stem}`, or name --keys") from None
    except OSError as problem:
        raise Invalid(f"cannot read {path}: {problem.strerror}") from problem
