"""Where an instance keeps what its operator needs, as `counterfoil init` and `counterfoil up` print it."""

from __future__ import annotations

from typing import Any

from counterfoil.contract.services import SERVICES
from counterfoil.instance import Instance


def instance_files(instance: Instance) -> dict[str, Any]:
    """The instance's paths and log keys. Writes the keys to its file ``vkeys``, which others pin, if it is missing."""
    keys = [instance.verify_key(service).vkey() for service in SERVICES]
    vkeys = instance.root / "vkeys"
    if not vkeys.exists():
        vkeys.write_text("".join(f"{key}\n" for key in keys))
    return {
        "home": str(instance.root),
        "operator": instance.identity.operator_name,
        "databases": str(instance.database("views").parent),
        "private_keys": str(instance.root / "keys"),
        "published_logs": str(instance.root / "logs"),
        "log_keys": keys,
        "log_keys_file": str(vkeys),
    }
