"""The directory of parties' private keys: a file NAME.seed for each, which only its owner may read."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Final

from counterfoil.cli.command import Invalid
from counterfoil.client.author import Author
from counterfoil.instance import read_private, write_private

SUFFIX: Final = ".seed"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?", re.ASCII)


class Keyring:
    """The private keys in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def create(self, name: str) -> Author:
        """Make a new key. Raises `Invalid` if the name is taken."""
        seed = secrets.token_bytes(32)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            write_private(self.path(name), seed.hex())
        except FileExistsError:
            raise Invalid(f"{self.path(name)} exists already; nothing was changed") from None
        return Author(name, seed)

    def author(self, party_id: str, name: str | None = None) -> Author:
        """The signer of a party with the key `name`, by default the party's own. Raises `Invalid`, `UnsafeFile`."""
        path = self.path(name if name is not None else party_id)
        try:
            seed = bytes.fromhex(read_private(path))
        except FileNotFoundError:
            raise Invalid(f"no key {path}: make one with `counterfoil keys new {path.stem}`, or name --keys") from None
        except ValueError:
            raise Invalid(f"{path} is not a key file: 64 hexadecimal digits are expected") from None
        if len(seed) != 32:
            raise Invalid(f"{path} is not a key file: 64 hexadecimal digits are expected")
        return Author(party_id, seed)

    def names(self) -> list[str]:
        """The names of all keys, sorted."""
        return sorted(path.stem for path in self.directory.glob(f"*{SUFFIX}"))

    def path(self, name: str) -> Path:
        """The path of a key's file. Raises `Invalid` if `name` cannot be one."""
        if _NAME.fullmatch(name) is None:
            raise Invalid(f"{name!r} is not a name: lower case letters, digits, dots, dashes, at most 63")
        return self.directory / f"{name}{SUFFIX}"
