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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

from counterfoil.contract.disclosure import DISCLOSURES, Disclosure
from counterfoil.contract.services import SERVICES
from counterfoil.errors import CounterfoilError
from counterfoil.private_files import read_password

if TYPE_CHECKING:  # most commands need no server but the gateway
    from counterfoil.access import DatabaseAccess, KafkaAccess

# Texts, not compiled: what the environment does not set is not read.
_NAME: Final = r"[A-Za-z0-9._-]+"
_HOST: Final = rf"(?:\[[0-9A-Fa-f:.]+\]|{_NAME})"
_URL: Final = rf"https?://{_HOST}(?::([0-9]{{1,5}}))?(?:/[A-Za-z0-9._~/-]*)?"
_LISTEN: Final = rf"(?:\[([0-9A-Fa-f:.]+)\]|({_NAME})):([0-9]{{1,5}})"
_SERVERS: Final = rf"{_HOST}:[0-9]{{1,5}}(?:,{_HOST}:[0-9]{{1,5}})*"
_NAMES: Final = rf"(?:{_NAME}(?:,{_NAME})*)?"
_DATABASE: Final = rf"postgresql://{_HOST}(?::[0-9]{{1,5}})?/[a-z][a-z0-9_]{{0,62}}"
_DIGITS: Final = r"[0-9]{1,18}"
_MAX_PORT: Final = 65_535

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


def check_url(text: str) -> str:
    """A gateway's base URL without a slash at its end. Raises ValueError."""
    found = re.fullmatch(_URL, text)
    if found is None or int(found[1] or 0) > _MAX_PORT:
        raise ValueError(f"a URL of the form http://HOST:PORT or https://HOST/PATH, a port at most {_MAX_PORT}")
    return text.rstrip("/")


def parse_listen(text: str) -> Listen:
    """HOST:PORT, an IPv6 address in brackets, the port from 0 to 65535. Raises ValueError."""
    found = re.fullmatch(_LISTEN, text)
    if found is None or int(found[3]) > _MAX_PORT:
        raise ValueError("HOST:PORT with a port from 0 to 65535")
    return Listen(found[1] or found[2], int(found[3]))


def _check_listen(text: str) -> str:
    parse_listen(text)
    return text


def _check_names(text: str) -> str:
    if re.fullmatch(_NAMES, text) is None:
        raise ValueError("NAME, or several with commas between them")
    return text.lower()


def _check_addresses(text: str) -> str:
    from ipaddress import ip_address

    for each in filter(None, text.split(",")):
        ip_address(each)
    return text


def _check_servers(text: str) -> str:
    if re.fullmatch(_SERVERS, text) is None:
        raise ValueError("HOST:PORT, or several with commas between them")
    return text


def _check_database(text: str) -> str:
    if re.fullmatch(_DATABASE, text) is None:
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
        if re.fullmatch(_DIGITS, text) is None or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high} is expected")
        return int(text)

    return read


class Settings(NamedTuple):
    """The settings in the environment; see the module's docstring."""

    home: Path = Path("var/counterfoil")
    url: str = "http://127.0.0.1:8440"
    listen: str = "127.0.0.1:8440"
    keys: Path | None = None
    ca: Path | None = None
    party: str | None = None
    passphrase_file: Path | None = None
    reader: str | None = None
    zone: Zone = "utc"
    vkeys: Path | None = None
    hosts: str = ""
    proxies: str = ""
    quota_entries: int = 250
    quota_bytes: int = 524_288
    disclosure: Disclosure | None = None
    webhooks: WebhookTargets = "public"
    log_level: LogLevel = "WARNING"
    log_format: LogFormat = "text"
    longest_outage: int = 168
    kafka: str | None = None
    database: str | None = None
    secrets: Path | None = None
    probes: str = "127.0.0.1:0"
    otlp: str | None = None
    clock: Path | None = None

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
        return self._replace(**changes)

    def kafka_access(self, user: str) -> KafkaAccess:
        """The access to Kafka of `user`, one of `USERS`. Raises `BadSetting`, `BadPrivateFile`."""
        if self.kafka is None:
            raise BadSetting("COUNTERFOIL_KAFKA: not set; it names Kafka's servers, HOST:PORT[,HOST:PORT...]")
        from counterfoil.access import KafkaAccess

        password, ca = self._password("kafka", user), self._authority("kafka")
        return KafkaAccess(self.kafka, f"counterfoil-{user}", password, ca)

    def database_access(self, user: str) -> DatabaseAccess:
        """The access to PostgreSQL of `user`, one of `USERS`. Raises `BadSetting`, `BadPrivateFile`."""
        if self.database is None:
            raise BadSetting("COUNTERFOIL_DATABASE: not set; it names the database, postgresql://HOST:PORT/NAME")
        from urllib.parse import urlsplit

        from counterfoil.access import DatabaseAccess

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


_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "home": Path,
    "url": check_url,
    "listen": _check_listen,
    "keys": Path,
    "ca": Path,
    "party": str,
    "passphrase_file": Path,
    "reader": str,
    "zone": _one_of(*get_args(Zone)),
    "vkeys": Path,
    "hosts": _check_names,
    "proxies": _check_addresses,
    "quota_entries": _number(1, 1_000_000),
    "quota_bytes": _number(1_024, 2**40),
    "disclosure": _one_of(*DISCLOSURES),
    "webhooks": _one_of(*get_args(WebhookTargets)),
    "log_level": _one_of(*get_args(LogLevel)),
    "log_format": _one_of(*get_args(LogFormat)),
    "longest_outage": _number(1, 8_784),
    "kafka": _check_servers,
    "database": _check_database,
    "secrets": Path,
    "probes": _check_listen,
    "otlp": check_url,
    "clock": Path,
}
"""How the text of each setting is read; each raises ValueError."""
NAMES: Final = Settings._fields
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
    values = {f"{PREFIX}{name.upper()}": value for name, value in settings._asdict().items()}
    return kept | {name: str(value) for name, value in values.items() if value is not None}


def load_settings(profile: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; the environment comes before `profile`. Raises `BadSetting`."""
    base = profile or {}
    given = {name: os.environ.get(f"{PREFIX}{name.upper()}", base.get(name)) for name in NAMES}
    return read_settings({name: text for name, text in given.items() if text is not None})


def read_settings(texts: Mapping[str, str]) -> Settings:
    """Settings of their texts, by name. Raises `BadSetting`."""
    values: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            values[name] = _READ[name](text)
        except ValueError as problem:
            raise BadSetting(f"{PREFIX}{name.upper()}: {problem}") from None
    return Settings(**values)
