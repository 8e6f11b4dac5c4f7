"""Commands whose modules are imported when they are named: a start pays for one group, not for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

MODULES: Final[Mapping[str, str]] = {
    "init": "init",
    "up": "up",
    "serve": "serve",
    "demo": "demo",
    "audit": "audit",
    "backup": "backup",
    "restore": "backup",
    "keys": "keys",
    "login": "login",
    "logout": "login",
    "session": "session",
    "profile": "profile",
    "completion": "completion",
    "party": "party",
    "class": "accelerator_class",
    "programme": "programme",
    "voucher": "voucher",
    "offer": "offer",
    "bid": "bid",
    "usage": "usage",
    "claim": "claim",
    "reversal": "reversal",
    "currency": "currency",
    "balance": "balance",
    "import": "bulk",
    "export": "export",
    "statement": "statement",
    "quote": "quote",
    "resend": "resend",
    "rules": "rules",
    "log": "mirror",
    "proof": "proof",
    "clock": "clock",
    "schemas": "schemas",
    "bench": "bench",
    "cluster": "cluster",
    "topics": "topics",
    "database": "database",
    "dead-letters": "dead_letters",
}
"""By the name of a command or group, in the order of the help: its module, which has an `app` or a `register`; of a
group of several modules, the one that imports the others."""


class LateCommands(Mapping[str, Any]):
    """The commands by name, each made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(name, import_module(f"counterfoil.cli.{MODULES[name]}"))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)

    def get(self, name: object, default: Any = None) -> Any:
        """None without an import for a name that is none."""
        return self[str(name)] if name in MODULES else default

    def __contains__(self, name: object) -> bool:
        return name in MODULES


class LateGroup(TyperGroup):
    """The group of all commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = LateCommands()  # type: ignore[assignment]


def _command(name: str, module: Any) -> Any:
    if hasattr(module, "app"):
        return typer.main.get_group(module.app)
    alone = typer.Typer(name=name)
    module.register(alone)
    return typer.main.get_group(alone).commands[name]
