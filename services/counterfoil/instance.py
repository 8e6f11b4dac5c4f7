"""One installation on disk: its name, its keys, and the layout of its directory.

instance.json                 host, operator, the shards of each service with their logs' public keys: public
keys/log-LOG.skey             the logs' private keys (0600)
keys/PARTY.seed               private keys of parties kept here, the operator's first (0600)
operator-recovery.seed        the operator's recovery key, until it is moved offline (0600)
db/LOG.sqlite                 the logs' databases; db/views.sqlite the read models
db/LOG-signer/                the signers' memory
logs/SERVICE/SHARD/           the published logs

LOG is the service for its shard ``main``, and ``SERVICE.SHARD`` for any other.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from counterfoil import __version__
from counterfoil.contract.entry import GenesisCause
from counterfoil.contract.log_id import MAIN, LogId, parse_log
from counterfoil.contract.services import DIVISIBLE, SERVICES
from counterfoil.core.rules import LATEST
from counterfoil.errors import AlreadyInitialised, NotDivisible, NotInitialised, UnsafeFile
from counterfoil.log.keys import SigningKey, VerifyKey

OPERATOR: Final = "operator"
RECOVERY: Final = "operator-recovery"


@dataclass(frozen=True, slots=True)
class Identity:
    """The content of `instance.json`."""

    host: str
    operator_id: str
    operator_name: str
    operator_key: str
    rules: int
    """The rules version that the logs begin with."""
    release: str
    """The release that created the instance; it knows these rules."""
    vkeys: dict[str, dict[str, str]]
    """The logs' verifier keys, by service and shard."""
    operator_recovery_key: str | None = None


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
        shards: Iterable[LogId] = (),
        recovery_key: bytes | None = None,
    ) -> Instance:
        """Create a new one, whose logs begin with rules version `rules`.

        `shards`: logs beside the shard ``main`` that every service has; their services must be `DIVISIBLE`. `entropy`
        (name -> 32 octets) is for reproducible demos only. `recovery_key`: the public half of the operator's recovery
        key; without it one is made, in a file that belongs offline. Raises `AlreadyInitialised`, `NotDivisible`, and
        ValueError for an invalid shard name.
        """
        beside = {parse_log(str(log)) for log in shards if log.shard != MAIN}
        if undivided := sorted(beside - {log for log in beside if log.service in DIVISIBLE}):
            raise NotDivisible(f"{undivided[0]}: only {', '.join(DIVISIBLE)} can have several shards yet")
        logs = _in_order({*map(LogId, SERVICES), *beside})
        seed_of = entropy if entropy is not None else lambda _name: secrets.token_bytes(32)
        if (root / "instance.json").exists():
            raise AlreadyInitialised(f"{root} holds an instance already; nothing was changed")
        if any((root / "keys").glob("log-*.skey")):
            raise AlreadyInitialised(
                f"{root} holds logs' keys without instance.json: bring that file back, or remove {root} if `init` was "
                "cut short there; nothing was changed"
            )
        (root / "keys").mkdir(parents=True, exist_ok=True, mode=0o700)
        vkeys: dict[str, dict[str, str]] = {service: {} for service in SERVICES}
        for log in logs:
            key = SigningKey(log.origin(host), seed_of(f"log-{log.stem}"))
            vkeys[log.service][log.shard] = key.verify_key.vkey()
            write_private(_key_file(root, log), key.skey())
        operator = seed_of(OPERATOR)
        write_private(root / "keys" / f"{OPERATOR}.seed", operator.hex())
        public = SigningKey("operator", operator).verify_key.public.hex()
        if recovery_key is None:
            recovery = seed_of(RECOVERY)
            write_private(_recovery_file(root), recovery.hex())
            recovery_key = SigningKey(RECOVERY, recovery).verify_key.public
        identity = Identity(host, OPERATOR, operator_name, public, rules, __version__, vkeys, recovery_key.hex())
        draft = root / ".instance.json"
        draft.write_text(json.dumps(asdict(identity), indent=2) + "\n")
        draft.replace(root / "instance.json")  # last and atomic: this makes the directory an instance
        return cls(root)

    def logs(self) -> tuple[LogId, ...]:
        """All logs, by service; each service's in the order of `instance.json`, ``main`` first.

        That order never changes: a shard's partition on Kafka follows from it.
        """
        return tuple(LogId(service, shard) for service in SERVICES for shard in self.identity.vkeys[service])

    def logs_of(self, service: str) -> tuple[LogId, ...]:
        """The logs of one service."""
        return tuple(log for log in self.logs() if log.service == service)

    def origin(self, log: LogId) -> str:
        """A log's origin."""
        return log.origin(self.identity.host)

    def origins_of(self, service: str) -> tuple[str, ...]:
        """The origins of one service's logs."""
        return tuple(self.origin(log) for log in self.logs_of(service))

    def genesis(self) -> GenesisCause:
        """The cause of every log's first entry."""
        identity = self.identity
        key, recovery = bytes.fromhex(identity.operator_key), identity.operator_recovery_key
        kept = None if recovery is None else bytes.fromhex(recovery)
        return GenesisCause(identity.operator_id, identity.operator_name, key, identity.rules, identity.release, kept)

    def log_key(self, log: LogId) -> SigningKey:
        """A log's private key. Raises `UnsafeFile`."""
        return SigningKey.parse(read_private(_key_file(self.root, log)))

    def verify_key(self, log: LogId) -> VerifyKey:
        """A log's public key."""
        return VerifyKey.parse(self.identity.vkeys[log.service][log.shard])

    def verify_keys(self) -> dict[str, VerifyKey]:
        """The public key of every log, by origin."""
        return {self.origin(log): self.verify_key(log) for log in self.logs()}

    def seed(self, party_id: str) -> bytes:
        """The private key of a party kept here. Raises `UnsafeFile`, FileNotFoundError."""
        return bytes.fromhex(read_private(self.root / "keys" / f"{party_id}.seed"))

    def keep_seed(self, party_id: str, seed: bytes) -> None:
        """Store a party's private key here."""
        write_private(self.root / "keys" / f"{party_id}.seed", seed.hex())

    @property
    def recovery_file(self) -> Path:
        """Where the operator's recovery key is until it is moved offline."""
        return _recovery_file(self.root)

    def database(self, log: LogId) -> Path:
        """The path of a log's database."""
        return self.root / "db" / f"{log.stem}.sqlite"

    def snapshot_database(self, log: LogId) -> Path:
        """The path of the snapshot of a log's state: a cache, which may be deleted while nothing runs."""
        return self.root / "db" / f"{log.stem}.snapshot"

    @property
    def views_database(self) -> Path:
        """The path of the views' database."""
        return self.root / "db" / "views.sqlite"

    def log_directory(self, log: LogId) -> Path:
        """The directory in which a log is published."""
        return self.root / "logs" / log.service / log.shard

    def signer_directory(self, log: LogId) -> Path:
        """The directory of a log's signer memory."""
        return self.root / "db" / f"{log.stem}-signer"


def _in_order(logs: Iterable[LogId]) -> tuple[LogId, ...]:
    return tuple(sorted(logs, key=lambda log: (SERVICES.index(log.service), log.shard != MAIN, log.shard)))


def _recovery_file(root: Path) -> Path:
    return root / f"{RECOVERY}.seed"


def _key_file(root: Path, log: LogId) -> Path:
    return root / "keys" / f"log-{log.stem}.skey"


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
