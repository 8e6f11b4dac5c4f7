"""The compose file and the Dockerfile as data: anchors merged, variables at their defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
_VARIABLE = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")


def load(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text())


def at_defaults(value: Any) -> Any:
    """The same with every `${NAME:-default}` replaced by its default."""
    if isinstance(value, str):
        return _VARIABLE.sub(r"\1", value)
    if isinstance(value, list):
        return [at_defaults(each) for each in value]
    if isinstance(value, dict):
        return {name: at_defaults(each) for name, each in value.items()}
    return value


COMPOSE = at_defaults(load(ROOT / "docker-compose.yml"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = ("secrets", "setup", "cli")
"""Containers that run once and end; all others keep running."""
OURS = ("issuance", "ledger", "matching", "redemption", "views", "gateway")
"""One container each, of the same image."""
