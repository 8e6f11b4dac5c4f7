"""Profiles: named settings of the command line in one file, for people who use several markets or parties.

The file is ``$XDG_CONFIG_HOME/counterfoil/config.toml``, by default in ``~/.config``: a table ``[profiles.NAME]`` for
each, and ``use``, the one that counts if none is named. An option comes before the environment, that before the
profile, and the profile before the default.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from counterfoil.owned import check_owned
from counterfoil.settings import BadSetting, config_directory, profile_named

MEMBERS: Final[Mapping[str, str]] = {
    "url": "the gateway",
    "home": "the instance's directory",
    "keys": "the directory of key files",
    "party": "who signs if --as is left out",
    "vkeys": "the file of pinned log keys",
    "zone": "utc or local: the zone of times in tables",
    "ca": "the authority of the gateway's certificate, a file in PEM",
}
"""What a profile may say: settings by the names that they have in the environment, in lower case."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)


def config_file() -> Path:
    """Where the profiles are."""
    return config_directory() / "config.toml"


class Profiles:
    """The profiles of this user, by name, and the one in use."""

    def __init__(self, path: Path) -> None:
        """Raises `BadSetting` for a file that is damaged, `BadPrivateFile` if others can write to it."""
        self.path = path
        self.by_name: dict[str, dict[str, str]] = {}
        self.use = ""
        check_owned(path)
        try:
            text = path.read_text()
        except FileNotFoundError:
            return
        import tomllib  # not for a start without profiles

        try:
            found = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
            raise BadSetting(f"{path} is not TOML: {problem}") from problem
        self._read(found)

    def _read(self, found: Mapping[str, Any]) -> None:
        profiles, self.use = found.get("profiles", {}), found.get("use", "")
        unknown = sorted(found.keys() - {"profiles", "use"})
        if unknown or not isinstance(profiles, dict) or not isinstance(self.use, str):
            wrong = f", not {unknown[0]}" if unknown else ""
            raise BadSetting(f"{self.path}: `use` and tables [profiles.NAME] are expected{wrong}")
        for name, values in profiles.items():
            check_name(name)
            if not isinstance(values, dict) or not all(isinstance(each, str) for each in values.values()):
                raise BadSetting(f"{self.path}: [profiles.{name}] has texts alone")
            check_members(values)
            self.by_name[name] = values

    def values(self, name: str) -> Mapping[str, str]:
        """What the profile `name` says, by default the one in use; nothing if there is none. Raises `BadSetting`."""
        wanted = name or self.use
        if wanted and wanted not in self.by_name:
            raise BadSetting(f"there is no profile {wanted} in {self.path}: see `counterfoil profile list`")
        return self.by_name.get(wanted, {})

    def write(self) -> None:
        """Replace the file. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = [f"use = {json.dumps(self.use)}"] if self.use else []
        for name, values in sorted(self.by_name.items()):
            lines += ["", f"[profiles.{name}]", *(f"{key} = {json.dumps(text)}" for key, text in values.items())]
        new = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        new.write_text("\n".join(lines) + "\n")
        new.chmod(0o600)
        new.replace(self.path)


def check_name(name: str) -> None:
    """Raises `BadSetting` unless `name` can be a profile's."""
    if _NAME.fullmatch(name) is None:
        raise BadSetting(f"{name!r} is no name of a profile: a-z, 0-9, dash and underscore, at most 63")


def check_members(names: Mapping[str, str]) -> None:
    """Raises `BadSetting` for what a profile cannot say."""
    if unknown := sorted(names.keys() - MEMBERS.keys()):
        raise BadSetting(f"a profile has no {unknown[0]}: choose from {', '.join(MEMBERS)}")


def chosen() -> Mapping[str, str]:
    """What the profile of this process says. Raises as `Profiles`."""
    return Profiles(config_file()).values(profile_named())
