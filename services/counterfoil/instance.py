"""One installation on disk: its name, its keys, and the layout of its directory.

instance.json                 host, operator, the shards of each service with their logs' public keys: public
log-keys/LOG.pem              the logs' private keys (0600)
keys/PARTY.pem                private keys of parties kept here, the operator's first (0600)
operator-recovery.pem         the operator's recovery key, until it is moved offline (0600)
db/LOG.sqlite                 the logs' databases; db/views.sqlite the read models,
                              db/sessions.sqlite who may read
db/LOG-signer/                the signers' memory
logs/SERVICE/SHARD/           the published logs

LOG is the service for its shard ``main``, and ``SERVICE.SHARD`` for any other.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from counterfoil import __version__
from counterfoil.contract.disclosure import DISCLOSURES, Disclosure
from counterfoil.contract.entry import GenesisCause
from counterfoil.contract.log_id import MAIN, LogId, parse_log
from counterfoil.contract.services import DIVISIBLE, SERVICES
from counterfoil.errors import AlreadyInitialised, BadPrivateFile, NotDivisible, NotInitialised
from counterfoil.key_files import SUFFIX, Passphrase, no_passphrase, read_key, write_key
from counterfoil.log.keys import SigningKey, VerifyKey
from counterfoil.owned import check_owned

OPERATOR: Final = "operator"
RECOVERY: Final = "operator-recovery"
LOG_KEYS: Final = "log-keys"


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
    disclosure: Disclosure = "restricted"
    """Who may read what."""


class Instance:
    """An installation's directory."""

    def __init__(self, root: Path, passphrase: Passphrase = no_passphrase) -> None:
        """Open it; `passphrase` is asked for encrypted keys of logs. Raises `NotInitialised`."""
        self.root, self._passphrase = root, passphrase
        check_owned(root)
        root.mkdir(parents=True, exist_ok=True, mode=0o755)  # whatever the umask is, nobody else may write there
        for name in ("keys", LOG_KEYS, "db", "logs"):
            check_owned(root / name)
        try:
            self.identity = Identity(**json.loads((root / "instance.json").read_text()))
        except (FileNotFoundError, NotADirectoryError):
            raise NotInitialised(f"no instance in {root}: run `counterfoil init --home {root}` first") from None
        except (ValueError, TypeError):
            path = root / "instance.json"
            raise NotInitialised(f"{path} is damaged: restore it from a copy") from None
        if self.identity.disclosure not in DISCLOSURES:
            raise NotInitialised(f"{root / 'instance.json'}: its disclosure is none of {', '.join(DISCLOSURES)}")

    @classmethod
    def create(
        cls,
        root: Path,
        host: str,
        operator_name: str,
        entropy: Callable[[str], bytes] | None = None,
        rules: int | None = None,
        shards: Iterable[LogId] = (),
        recovery_key: bytes | None = None,
        passphrase: bytes | None = None,
        disclosure: Disclosure = "restricted",
    ) -> Instance:
        """Create a new one, whose logs begin with rules version `rules`, by default the latest.

        `shards`: logs beside the shard ``main`` that every service has; their services must be `DIVISIBLE`. `entropy`
        (name -> 32 octets) is for reproducible demos only. `recovery_key`: the public half of the operator's recovery
        key; without it one is made, in a file that belongs offline. `passphrase` encrypts all key files. Raises
        `AlreadyInitialised`, `NotDivisible`, and ValueError for an invalid shard name or passphrase.
        """
        from counterfoil.core.rules import LATEST  # a command that signs reads keys here, and decides nothing

        begin = LATEST if rules is None else rules
        beside = {parse_log(str(log)) for log in shards if log.shard != MAIN}
        if undivided := sorted(beside - {log for log in beside if log.service in DIVISIBLE}):
            raise NotDivisible(f"{undivided[0]}: only {', '.join(DIVISIBLE)} can have several shards yet")
        logs = _in_order({*map(LogId, SERVICES), *beside})
        seed_of = entropy if entropy is not None else lambda _name: secrets.token_bytes(32)
        if (root / "instance.json").exists():
            raise AlreadyInitialised(f"{root} holds an instance already; nothing was changed")
        if any((root / LOG_KEYS).glob(f"*{SUFFIX}")):
            raise AlreadyInitialised(
                f"{root} holds logs' keys without instance.json: bring that file back, or remove {root} if `init` was "
                "cut short there; nothing was changed"
            )
        check_owned(root)
        root.mkdir(parents=True, exist_ok=True, mode=0o755)  # whatever the umask is, nobody else may write there
        for name in ("keys", LOG_KEYS, "db"):
            (root / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        vkeys: dict[str, dict[str, str]] = {service: {} for service in SERVICES}
        for log in logs:
            seed = seed_of(f"log-{log.stem}")
            vkeys[log.service][log.shard] = SigningKey(log.origin(host), seed).verify_key.vkey()
            write_key(_key_file(root, log), seed, passphrase)
        operator = seed_of(OPERATOR)
        write_key(root / "keys" / f"{OPERATOR}{SUFFIX}", operator, passphrase)
        public = SigningKey("operator", operator).verify_key.public.hex()
        if recovery_key is None:
            recovery = seed_of(RECOVERY)
            write_key(_recovery_file(root), recovery, passphrase)
            recovery_key = SigningKey(RECOVERY, recovery).verify_key.public
        identity = Identity(
            host,
            OPERATOR,
            operator_name,
            public,
            begin,
            __version__,
            vkeys,
            recovery_key.hex(),
            disclosure,
        )
        draft = root / ".instance.json"
        draft.write_text(json.dumps(asdict(identity), indent=2) + "\n")
        draft.replace(root / "instance.json")  # last and atomic: this makes the directory an instance
        return cls(root, no_passphrase if passphrase is None else lambda _path: passphrase)

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
        """A log's private key. Raises `BadPrivateFile`, also if it is not the key that `instance.json` has."""
        path = _key_file(self.root, log)
        key = SigningKey(self.origin(log), read_key(path, self._passphrase))
        if key.verify_key != self.verify_key(log):
            raise BadPrivateFile(f"{path} is not the key of {key.name}: restore the one that instance.json names")
        return key

    def verify_key(self, log: LogId) -> VerifyKey:
        """A log's public key."""
        return VerifyKey.parse(self.identity.vkeys[log.service][log.shard])

    def verify_keys(self) -> dict[str, VerifyKey]:
        """The public key of every log, by origin."""
        return {self.origin(log): self.verify_key(log) for log in self.logs()}

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

    @property
    def sessions_database(self) -> Path:
        """The path of the sessions' database."""
        return self.root / "db" / "sessions.sqlite"

    def log_directory(self, log: LogId) -> Path:
        """The directory in which a log is published."""
        return self.root / "logs" / log.service / log.shard

    def signer_directory(self, log: LogId) -> Path:
        """The directory of a log's signer memory."""
        return self.root / "db" / f"{log.stem}-signer"


def _in_order(logs: Iterable[LogId]) -> tuple[LogId, ...]:
    return tuple(sorted(logs, key=lambda log: (SERVICES.index(log.service), log.shard != MAIN, log.shard)))


def _recovery_file(root: Path) -> Path:
    return root / f"{RECOVERY}{SUFFIX}"


def _key_file(root: Path, log: LogId) -> Path:
    return root / LOG_KEYS / f"{log.stem}{SUFFIX}"
