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
COUNTERFOIL_VKEYS       the file of pinned log keys, one a line; default: vkeys in the instance's directory, if any
COUNTERFOIL_LONGEST_OUTAGE  hours; a log that was away for longer, by its clock, waits for `counterfoil clock accept`;
                        default 168, a week
COUNTERFOIL_HOSTS       NAME[,NAME...] by which the gateway may be asked, besides the instance's host, localhost, the
                        name that it listens on, and addresses
COUNTERFOIL_PROXIES     ADDRESS[,ADDRESS...] of reverse proxies in front of the gateway, believed about who asks
COUNTERFOIL_QUOTA_ENTRIES  entries that a party may cause in a second, on average, through one gateway; default 250
COUNTERFOIL_QUOTA_BYTES  the same in bytes; default 524288
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
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from counterfoil.contract.disclosure import Disclosure
from counterfoil.contract.services import SERVICES
from counterfoil.errors import CounterfoilError
from counterfoil.private_files import read_password

_URL = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?", re.ASCII)
_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", re.ASCII)
_SERVERS = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}(?:,(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5})*"
)
_NAMES = re.compile(r"(?:[A-Za-z0-9._-]+(?:,[A-Za-z0-9._-]+)*)?", re.ASCII)
_DATABASE = re.compile(r"postgresql://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?/[a-z][a-z0-9_]{0,62}")

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
    if _URL.fullmatch(text) is None:
        raise ValueError("a URL of the form http://HOST:PORT or https://HOST/PATH")
    return text.rstrip("/")


def parse_listen(text: str) -> Listen:
    """HOST:PORT, an IPv6 address in brackets, the port from 0 to 65535. Raises ValueError."""
    found = _LISTEN.fullmatch(text)
    if found is None or int(found[3]) > 65_535:
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


def _optional(check: Callable[[str], str]) -> Callable[[str | None], str | None]:
    return lambda text: None if text is None else check(text)


class Settings(BaseModel):
    """The settings in the environment; see the module's docstring."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Annotated[Path, Field(description="The instance's directory.")] = Path("var/counterfoil")
    url: Annotated[str, AfterValidator(check_url), Field(description="The gateway that commands are sent to.")] = (
        "http://127.0.0.1:8440"
    )
    listen: Annotated[str, AfterValidator(_check_listen), Field(description="HOST:PORT that `up` listens on.")] = (
        "127.0.0.1:8440"
    )
    keys: Annotated[Path | None, Field(description="The directory of private keys.")] = None
    ca: Annotated[Path | None, Field(description="The authority of the gateway's certificate.")] = None
    party: Annotated[str | None, Field(description="Who signs if --as is left out.")] = None
    passphrase_file: Annotated[Path | None, Field(description="The file with the passphrase of private keys.")] = None
    reader: Annotated[str | None, Field(description="The party that commands read as.")] = None
    vkeys: Annotated[Path | None, Field(description="The file of pinned log keys.")] = None
    hosts: Annotated[str, AfterValidator(_check_names), Field(description="Names of the gateway.")] = ""
    proxies: Annotated[str, AfterValidator(_check_addresses), Field(description="Reverse proxies.")] = ""
    quota_entries: Annotated[int, Field(ge=1, le=1_000_000, description="A party's entries per second.")] = 250
    quota_bytes: Annotated[int, Field(ge=1_024, le=2**40, description="A party's bytes per second.")] = 524_288
    disclosure: Annotated[Disclosure | None, Field(description="Who may read what.")] = None
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="What `up` logs on standard error.")
    ] = "WARNING"
    log_format: Annotated[Literal["text", "json"], Field(description="How servers log.")] = "text"
    longest_outage: Annotated[int, Field(ge=1, le=8_784, description="Hours, after which a person is asked.")] = 168
    kafka: Annotated[str | None, AfterValidator(_optional(_check_servers)), Field(description="Kafka's servers.")] = (
        None
    )
    database: Annotated[str | None, AfterValidator(_optional(_check_database)), Field(description="PostgreSQL.")] = None
    secrets: Annotated[Path | None, Field(description="The directory of passwords.")] = None
    probes: Annotated[str, AfterValidator(_check_listen), Field(description="Where health and metrics are shown.")] = (
        "127.0.0.1:0"
    )
    otlp: Annotated[str | None, AfterValidator(_optional(check_url)), Field(description="Where traces go.")] = None
    clock: Annotated[Path | None, Field(description="A file with virtual time.")] = None

    @property
    def key_directory(self) -> Path:
        """The directory of private keys."""
        return self.keys if self.keys is not None else self.home / "keys"

    @property
    def vkey_file(self) -> Path:
        """The file of pinned log keys."""
        return self.vkeys if self.vkeys is not None else self.home / "vkeys"

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
        try:
            ssl.create_default_context(cafile=str(path))
        except OSError as problem:
            reason = getattr(problem, "reason", problem.strerror)
            raise BadSetting(f"COUNTERFOIL_SECRETS: {path} is no certificate ({reason})") from problem
        return path


def override(name: str, text: str) -> None:
    """Let a setting have this value in this process, whatever the environment said: an option of the command line."""
    os.environ[f"{PREFIX}{name.upper()}"] = text


def profile_named() -> str:
    """The profile that the environment names; empty if it names none."""
    return os.environ.get(f"{PREFIX}PROFILE", "")


def config_directory() -> Path:
    """Where this user's settings are, by the XDG base directory specification."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "counterfoil"


def environment(settings: Settings) -> dict[str, str]:
    """The environment for a child process with these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    values = {f"{PREFIX}{name.upper()}": value for name, value in settings.model_dump(mode="json").items()}
    return kept | {name: str(value) for name, value in values.items() if value is not None}


def load_settings(profile: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; the environment comes before `profile`. Raises `BadSetting`."""
    base = profile or {}
    given = {name: os.environ.get(f"{PREFIX}{name.upper()}", base.get(name)) for name in Settings.model_fields}
    try:
        return Settings.model_validate({name: text for name, text in given.items() if text is not None})
    except ValidationError as problem:
        found = problem.errors(include_url=False, include_input=False)[0]
        name = PREFIX + "_".join(str(part) for part in found["loc"]).upper()
        raise BadSetting(f"{name}: {found['msg']}") from None
