"""One installation on disk: its name, its keys, and where everything lies below its directory.

instance.json                 host, operator, the logs' public keys: public
keys/log-SERVICE.skey         the logs' private keys (0600)
keys/PARTY.seed               private keys of parties kept here, the operator's first (0600)
db/SERVICE.sqlite             the logs' databases; db/views.sqlite the read models
db/SERVICE-signer/            the signers' own memory
logs/SERVICE/SHARD/           the published logs
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from counterfoil import __version__
from counterfoil.contract.entry import GenesisCause
from counterfoil.contract.services import SERVICES
from counterfoil.core.rules import LATEST
from counterfoil.errors import AlreadyInitialised, NotInitialised, UnsafeFile
from counterfoil.log.keys import SigningKey, VerifyKey

SHARD: Final = "main"
OPERATOR: Final = "operator"


@dataclass(frozen=True, slots=True)
class Identity:
    """What `instance.json` says."""

    host: str
    operator_id: str
    operator_name: str
    operator_key: str
    rules: int
    """The version of the rules that the logs begin with."""
    release: str
    """The release that made the instance; it knows these rules."""
    vkeys: dict[str, str]
    """The logs' verifier keys, by service."""


class Instance:
    """An installation's directory."""

    def __init__(self, root: Path) -> None:
        """Open it. Raises `NotInitialised`."""
        self.root = root
        try:
            self.identity = Identity(**json.loads((root / "instance.json").read_text()))
        except FileNotFoundError:
            raise NotInitialised(f"no instance in {root}: run `counterfoil init --home {root}` first") from None

    @classmethod
    def create(
        cls,
        root: Path,
        host: str,
        operator_name: str,
        entropy: Callable[[str], bytes] | None = None,
        rules: int = LATEST,
    ) -> Instance:
        """Make a new one, whose logs begin with version `rules` of the rules.

        `entropy` (name -> 32 octets) is for reproducible demos only. Raises `AlreadyInitialised`.
        """
        seed_of = entropy if entropy is not None else lambda _name: secrets.token_bytes(32)
        if (root / "instance.json").exists():
            raise AlreadyInitialised(f"{root} holds an instance already; nothing was changed")
        if any((root / "keys").glob("log-*.skey")):
            raise AlreadyInitialised(
                f"{root} holds logs' keys without instance.json: bring that file back, or remove {root} if `init` was "
                "cut short there; nothing was changed"
            )
        (root / "keys").mkdir(parents=True, exist_ok=True, mode=0o700)
        vkeys = {}
        for service in SERVICES:
            key = SigningKey(f"{host}/{service}/{SHARD}", seed_of(f"log-{service}"))
            vkeys[service] = key.verify_key.vkey()
            write_private(root / "keys" / f"log-{service}.skey", key.skey())
        operator = seed_of(OPERATOR)
        write_private(root / "keys" / f"{OPERATOR}.seed", operator.hex())
        public = SigningKey("operator", operator).verify_key.public.hex()
        identity = Identity(host, OPERATOR, operator_name, public, rules, __version__, vkeys)
        draft = root / ".instance.json"
        draft.write_text(json.dumps(asdict(identity), indent=2) + "\n")
        draft.replace(root / "instance.json")  # last, and complete: from here on it is an instance
        return cls(root)

    def origin(self, service: str) -> str:
        """The origin of a service's log."""
        return f"{self.identity.host}/{service}/{SHARD}"

    def genesis(self) -> GenesisCause:
        """The cause of every log's first entry."""
        key = bytes.fromhex(self.identity.operator_key)
        identity = self.identity
        return GenesisCause(identity.operator_id, identity.operator_name, key, identity.rules, identity.release)

    def log_key(self, service: str) -> SigningKey:
        """A log's private key. Raises `UnsafeFile`."""
        return SigningKey.parse(read_private(self.root / "keys" / f"log-{service}.skey"))

    def verify_key(self, service: str) -> VerifyKey:
        """A log's public key."""
        return VerifyKey.parse(self.identity.vkeys[service])

    def verify_keys(self) -> dict[str, VerifyKey]:
        """The public key of every log, by origin."""
        return {self.origin(service): self.verify_key(service) for service in SERVICES}

    def seed(self, party_id: str) -> bytes:
        """The private key of a party kept here. Raises `UnsafeFile`, FileNotFoundError."""
        return bytes.fromhex(read_private(self.root / "keys" / f"{party_id}.seed"))

    def keep_seed(self, party_id: str, seed: bytes) -> None:
        """Keep a party's private key here."""
        write_private(self.root / "keys" / f"{party_id}.seed", seed.hex())

    def database(self, name: str) -> Path:
        """Where a database lies."""
        return self.root / "db" / f"{name}.sqlite"

    def log_directory(self, service: str) -> Path:
        """Where a log is published."""
        return self.root / "logs" / service / SHARD

    def signer_directory(self, service: str) -> Path:
        """Where a signer keeps its memory."""
        return self.root / "db" / f"{service}-signer"


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner can read. Raises FileExistsError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")


def read_private(path: Path) -> str:
    """Read a file that only its owner may read. Raises `UnsafeFile`, FileNotFoundError."""
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UnsafeFile(f"{path} can be read by others: run `chmod 600 {path}`, and replace the key if it leaked")
    return path.read_text().strip()
