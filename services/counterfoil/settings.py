"""The settings, read from the environment here and nowhere else; options of the command line come before them.

COUNTERFOIL_HOME        the instance's directory; default var/counterfoil
COUNTERFOIL_URL         the gateway that commands are sent to; default http://127.0.0.1:8440
COUNTERFOIL_LISTEN      HOST:PORT that `up` listens on; port 0 takes a free one; default 127.0.0.1:8440
COUNTERFOIL_KEYS        the directory of private keys; default: keys in the instance's directory
COUNTERFOIL_VKEYS       the file of pinned log keys, one a line; default: vkeys in the instance's directory, if any
COUNTERFOIL_LOG_LEVEL   what `up` logs on standard error: DEBUG, INFO, WARNING or ERROR; default WARNING
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from counterfoil.errors import CounterfoilError

_URL = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?", re.ASCII)
_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", re.ASCII)


class BadSetting(CounterfoilError):
    """A setting in the environment is not of its form or out of its range; the message names it."""


class Listen(NamedTuple):
    """Where `up` listens."""

    host: str
    port: int


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


class Settings(BaseSettings):
    """What the environment says; see the module's docstring."""

    model_config = SettingsConfigDict(env_prefix="COUNTERFOIL_", frozen=True)

    home: Annotated[Path, Field(description="The instance's directory.")] = Path("var/counterfoil")
    url: Annotated[str, AfterValidator(check_url), Field(description="The gateway that commands are sent to.")] = (
        "http://127.0.0.1:8440"
    )
    listen: Annotated[str, AfterValidator(_check_listen), Field(description="HOST:PORT that `up` listens on.")] = (
        "127.0.0.1:8440"
    )
    keys: Annotated[Path | None, Field(description="The directory of private keys.")] = None
    vkeys: Annotated[Path | None, Field(description="The file of pinned log keys.")] = None
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="What `up` logs on standard error.")
    ] = "WARNING"

    @property
    def key_directory(self) -> Path:
        """Where private keys lie."""
        return self.keys if self.keys is not None else self.home / "keys"

    @property
    def vkey_file(self) -> Path:
        """Where the pinned log keys are."""
        return self.vkeys if self.vkeys is not None else self.home / "vkeys"


def load_settings() -> Settings:
    """The settings of this process. Raises `BadSetting`."""
    try:
        return Settings()
    except ValidationError as problem:
        found = problem.errors(include_url=False, include_input=False)[0]
        name = "COUNTERFOIL_" + "_".join(str(part) for part in found["loc"]).upper()
        raise BadSetting(f"{name}: {found['msg']}") from None
