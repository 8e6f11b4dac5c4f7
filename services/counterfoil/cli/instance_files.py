"""The instance of a command: its logs, paths and log keys."""

from __future__ import annotations

from typing import Any

from counterfoil.cli.command import Out
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.errors import NotInitialised
from counterfoil.instance import LOG_KEYS, Instance


def logs_here(out: Out) -> tuple[LogId, ...]:
    """The logs of the instance in COUNTERFOIL_HOME; where there is none yet, those that every instance has."""
    try:
        return Instance(out.settings.home).logs()
    except NotInitialised:
        return MAIN_LOGS


def instance_files(instance: Instance) -> dict[str, Any]:
    """The instance's paths and log keys. Writes the keys to its file ``vkeys``, which others pin, if it is missing."""
    keys = [key.vkey() for key in instance.verify_keys().values()]
    vkeys = instance.root / "vkeys"
    if not vkeys.exists():
        vkeys.write_text("".join(f"{key}\n" for key in keys))
    return {
        "home": str(instance.root),
        "operator": instance.identity.operator_name,
        "disclosure": instance.identity.disclosure,
        "databases": str(instance.views_database.parent),
        "private_keys": str(instance.root / "keys"),
        "private_log_keys": str(instance.root / LOG_KEYS),
        "published_logs": str(instance.root / "logs"),
        "log_keys": keys,
        "log_keys_file": str(vkeys),
    }
