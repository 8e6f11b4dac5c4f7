"""The settings, read from the environment here and nowhere else; options of the command line come before them.

COUNTERFOIL_HOME        the instance's directory; default var/counterfoil
COUNTERFOIL_URL         the gateway that commands are sent to; default http://127.0.0.1:8440
COUNTERFOIL_LISTEN      HOST:PORT that `up` listens on; port 0 takes a free one; default 127.0.0.1:8440
COUNTERFOIL_CA          a file in PEM: the authority that issued the gateway's certificate; default: those of the system
COUNTERFOIL_PARTY       the party that signs if --as is left out; default: none
COUNTERFOIL_PROFILE     the profile of the command line (`counterfoil profile`), which the other variables come before
COUNTERFOIL_KEYS        the directory of private keys; default: keys in the instance's directory
COUNTERFOIL_PASSPHRASE_FILE  a file (0600) with the passphrase of encrypted private keys, of logs and of parties;
                        default: it is asked for in a terminal
COUNTERFOIL_READER      the party that commands read as; default: the one that logged in last
COUNTERFOIL_ZONE        utc or local (this machine's): the zone of times in tables; default utc
COUNTERFOIL_VKEYS       the file of pinned log keys, one a line; default: vkeys in the instance's directory, if any
COUNTERFOIL_LONGEST_OUTAGE  hours; a log that was away for longer, by its clock, waits for `counterfoil clock accept`;
                        default 168, a week
COUNTERFOIL_HOSTS       NAME[,NAME...] by which the gateway may be asked, besides the instance's host, localhost, the
                        name that it listens on, and addresses
COUNTERFOIL_PROXIES     ADDRESS[,ADDRESS...] of reverse proxies in front of the gateway, believed about who asks
COUNTERFOIL_QUOTA_ENTRIES  entries that a party may cause in a second, on average, through one gateway; default 250
COUNTERFOIL_QUOTA_BYTES  the same in bytes; default 524288
COUNTERFOIL_WEBHOOKS    public or loopback: where webhooks may be sent; loopback lets them name this machine too, also
                        by http, for tests and demos; default public
COUNTERFOIL_DISCLOSURE  restricted or public: who may read what; of a new instance, and of a gateway in place of what
                        its instance says; default: what that says
COUNTERFOIL_LOG_LEVEL   what servers log on standard error: DEBUG, INFO, WARNING or ERROR; default WARNING
COUNTERFOIL_LOG_FORMAT  text or json (one object a line); default text
COUNTERFOIL_PROBES      HOST:PORT where a server shows health and metrics; default 127.0.0.1:0, any free port
COUNTERFOIL_OTLP        http://HOST:PORT of the OpenTelemetry collector for traces; default: no traces

Of the distributed form (`counterfoil serve`):

COUNTERFOIL_KAFKA       HOST:PORT[,HOST:PORT...], Kafka's bootstrap servers
COUNTERFOIL_DATABASE    postgresql://HOST:PORT/NAME, with neither user nor password
COUNTERFOIL_SECRETS     a directory: the passwords `kafka-USER` and `postgres-USER` (0600); `kafka-ca.pem` and
                        `postgres-ca.pem`, the authorities that issued the servers' certificates: TLS to Kafka, or
                        PostgreSQL, is used if its file is there, and only then; default: neither
COUNTERFOIL_CLOCK       a file with the time, for demos and drills in virtual time; default: the system's clock

A USER is a service's name, `gateway`, `views`, or `admin` for those who set up topics and tables. On Kafka it is called
`counterfoil-USER`, on PostgreSQL `counterfoil_USER`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args
from urllib.parse import urlsplit

from counterfoil.contract.disclosure import DISCLOSURES, Disclosure
from counterfoil.contract.services import SERVICES
from counterfoil.errors import CounterfoilError
from counterfoil.private_files import read_password

_URL = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(?:/[A-Za-z0-9._~/-]*)?", re.ASCII)
_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", re.ASCII)
_SERVERS = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}(?:,(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5})*"
)
_NAMES = re.compile(r"(?:[A-Za-z0-9._-]+(?:,[A-Za-z0-9._-]+)*)?", re.ASCII)
_DATABASE = re.compile(r"postgresql://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?/[a-z][a-z0-9_]{0,62}")

_MAX_PORT: Final = 65_535
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
LogFormat = Literal["text", "json"]
WebhookTargets = Literal["public", "loopback"]
Zone = Literal["utc", "local"]
PREFIX: Final = "COUNTERFOIL_"
GATEWAY: Final = "gateway"
VIEWS: Final = "views"
ADMIN: Final = "admin"
USERS: Final = (*SERVICES, GATEWAY, VIEWS, ADMIN)
"""The users of Kafka and PostgreSQL, each with its own rights."""


class BadSetting(CounterfoilError):
    """A setting in the environment or a profile is malformed or out of range; the message names it."""


class Listen(NamedTuple):
    """Where `up` listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """One user's access to Kafka: with SCRAM-SHA-512 if there is a password, with TLS if there is `ca`."""

    servers: str
    user: str
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """One user's access to PostgreSQL: with TLS and verification of the server's name if there is `ca`."""

    host: str
    port: int
    name: str
    user: str
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None


def check_url(text: str) -> str:
    """A gateway's base URL without a slash at its end. Raises ValueError."""
    found = _URL.fullmatch(text)
    if found is None or int(found[1] or 0) > _MAX_PORT:
        raise ValueError(f"a URL of the form http://HOST:PORT or https://HOST/PATH, a port at most {_MAX_PORT}")
    return text.rstrip("/")


def parse_listen(text: str) -> Listen:
    """HOST:PORT, an IPv6 address in brackets, the port from 0 to 65535. Raises ValueError."""
    found = _LISTEN.fullmatch(text)
    if found is None or int(found[3]) > _MAX_PORT:
        raise ValueError("HOST:PORT with a port from 0 to 65535")
    return Listen(found[1] or found[2], int(found[3]))


def _check_listen(text: str) -> str:
    parse_listen(text)
    return text


def _check_names(text: str) -> str:
    if _NAMES.fullmatch(text) is None:
        raise ValueError("NAME, or several with commas between them")
    return text.lower()


def _check_addresses(text: str) -> str:
    for each in filter(None, text.split(",")):
        ip_address(each)
    return text


def _check_servers(text: str) -> str:
    if _SERVERS.fullmatch(text) is None:
        raise ValueError("HOST:PORT, or several with commas between them")
    return text


def _check_database(text: str) -> str:
    if _DATABASE.fullmatch(text) is None:
        raise ValueError("postgresql://HOST:PORT/NAME, without user, password and options")
    return text


def _one_of(*known: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"one of {', '.join(known)} is expected")
        return text

    return read


def _number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if _DIGITS.fullmatch(text) is None or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high} is expected")
        return int(text)

    return read


def _of(read: Callable[[str], object], description: str) -> Mapping[str, Any]:
    """What a setting is, and how its text is read; `read` raises ValueError."""
    return {"read": read, "description": description}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings in the environment; see the module's docstring."""

    home: Path = field(default=Path("var/counterfoil"), metadata=_of(Path, "The instance's directory."))
    url: str = field(default="http://127.0.0.1:8440", metadata=_of(check_url, "The gateway that commands are sent to."))
    listen: str = field(default="127.0.0.1:8440", metadata=_of(_check_listen, "HOST:PORT that `up` listens on."))
    keys: Path | None = field(default=None, metadata=_of(Path, "The directory of private keys."))
    ca: Path | None = field(default=None, metadata=_of(Path, "The authority of the gateway's certificate."))
    party: str | None = field(default=None, metadata=_of(str, "Who signs if --as is left out."))
    passphrase_file: Path | None = field(default=None, metadata=_of(Path, "The passphrase of private keys."))
    reader: str | None = field(default=None, metadata=_of(str, "The party that commands read as."))
    zone: Zone = field(default="utc", metadata=_of(_one_of(*get_args(Zone)), "The zone of times in tables."))
    vkeys: Path | None = field(default=None, metadata=_of(Path, "The file of pinned log keys."))
    hosts: str = field(default="", metadata=_of(_check_names, "Names of the gateway."))
    proxies: str = field(default="", metadata=_of(_check_addresses, "Reverse proxies."))
    quota_entries: int = field(default=250, metadata=_of(_number(1, 1_000_000), "A party's entries per second."))
    quota_bytes: int = field(default=524_288, metadata=_of(_number(1_024, 2**40), "A party's bytes per second."))
    disclosure: Disclosure | None = field(default=None, metadata=_of(_one_of(*DISCLOSURES), "Who may read what."))
    webhooks: WebhookTargets = field(
        default="public", metadata=_of(_one_of(*get_args(WebhookTargets)), "Where webhooks may be sent.")
    )
    log_level: LogLevel = field(default="WARNING", metadata=_of(_one_of(*get_args(LogLevel)), "What servers log."))
    log_format: LogFormat = field(default="text", metadata=_of(_one_of(*get_args(LogFormat)), "How servers log."))
    longest_outage: int = field(default=168, metadata=_of(_number(1, 8_784), "Hours, after which a person is asked."))
    kafka: str | None = field(default=None, metadata=_of(_check_servers, "Kafka's servers."))
    database: str | None = field(default=None, metadata=_of(_check_database, "PostgreSQL."))
    secrets: Path | None = field(default=None, metadata=_of(Path, "The directory of passwords."))
    probes: str = field(default="127.0.0.1:0", metadata=_of(_check_listen, "Where health and metrics are shown."))
    otlp: str | None = field(default=None, metadata=_of(check_url, "Where traces go."))
    clock: Path | None = field(default=None, metadata=_of(Path, "A file with virtual time."))

    @property
    def key_directory(self) -> Path:
        """The directory of private keys."""
        return self.keys if self.keys is not None else self.home / "keys"

    @property
    def vkey_file(self) -> Path:
        """The file of pinned log keys."""
        return self.vkeys if self.vkeys is not None else self.home / "vkeys"

    def changed(self, changes: Mapping[str, Any]) -> Settings:
        """The same with other values, by name."""
        return replace(self, **changes)

    def kafka_access(self, user: str) -> KafkaAccess:
        """The access to Kafka of `user`, one of `USERS`. Raises `BadSetting`, `BadPrivateFile`."""
        if self.kafka is None:
            raise BadSetting("COUNTERFOIL_KAFKA: not set; it names Kafka's servers, HOST:PORT[,HOST:PORT...]")
        password, ca = self._password("kafka", user), self._authority("kafka")
        return KafkaAccess(self.kafka, f"counterfoil-{user}", password, ca)

    def database_access(self, user: str) -> DatabaseAccess:
        """The access to PostgreSQL of `user`, one of `USERS`. Raises `BadSetting`, `BadPrivateFile`."""
        if self.database is None:
            raise BadSetting("COUNTERFOIL_DATABASE: not set; it names the database, postgresql://HOST:PORT/NAME")
        url = urlsplit(self.database)
        name, host = url.path.removeprefix("/"), url.hostname or ""
        password, ca = self._password("postgres", user), self._authority("postgres")
        return DatabaseAccess(host, url.port or 5432, name, f"counterfoil_{user}", password, ca)

    def _password(self, server: str, user: str) -> str | None:
        if self.secrets is None:
            return None
        path = self.secrets / f"{server}-{user}"
        try:
            return read_password(path)
        except FileNotFoundError:
            raise BadSetting(f"COUNTERFOIL_SECRETS: there is no {path}, the password of {user} for {server}") from None

    def _authority(self, server: str) -> Path | None:
        """The authority's file, whose presence switches TLS on; None without it."""
        path = None if self.secrets is None else self.secrets / f"{server}-ca.pem"
        if path is None or not os.path.lexists(path):  # a dangling link must not switch TLS off
            return None
        import ssl  # slow, and most commands need none

        try:
            ssl.create_default_context(cafile=str(path))
        except OSError as problem:
            reason = getattr(problem, "reason", problem.strerror)
            raise BadSetting(f"COUNTERFOIL_SECRETS: {path} is no certificate ({reason})") from problem
        return path


NAMES: Final = tuple(each.name for each in fields(Settings))
"""The names of the settings."""


def override(name: str, text: str) -> None:
    """Let a setting have this value in this process, whatever the environment said: an option of the command line."""
    os.environ[f"{PREFIX}{name.upper()}"] = text


def profile_named() -> str:
    """The profile that the environment names; empty if it names none."""
    return os.environ.get(f"{PREFIX}PROFILE", "")


def config_directory() -> Path:
    """Where this user's settings are, by the XDG base directory specification."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        return (Path(base) if base.startswith("/") else Path.home() / ".config") / "counterfoil"
    except RuntimeError as problem:  # this user has no home
        raise BadSetting("HOME: not set; it is the directory below which profiles are") from problem


def environment(settings: Settings) -> dict[str, str]:
    """The environment for a child process with these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    values = {f"{PREFIX}{name.upper()}": value for name, value in asdict(settings).items()}
    return kept | {name: str(value) for name, value in values.items() if value is not None}


def load_settings(profile: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; the environment comes before `profile`. Raises `BadSetting`."""
    base = profile or {}
    given = {
        each.name: os.environ.get(f"{PREFIX}{each.name.upper()}", base.get(each.name)) for each in fields(Settings)
    }
    return read_settings({name: text for name, text in given.items() if text is not None})


def read_settings(texts: Mapping[str, str]) -> Settings:
    """Settings of their texts, by name. Raises `BadSetting`."""
    known = {each.name: each.metadata["read"] for each in fields(Settings)}
    values = {}
    for name, text in texts.items():
        try:
            values[name] = known[name](text)
        except ValueError as problem:
            raise BadSetting(f"{PREFIX}{name.upper()}: {problem}") from None
    return Settings(**values)
