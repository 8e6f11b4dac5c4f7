"""Lets no wheel be built without what its pages load (`make console-assets`) or its documentation (`make docs`)."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = "services/counterfoil/console/static/vendor"
SITE = "services/counterfoil/site"


class ConsoleAssets(BuildHookInterface):
    """Before a wheel, not before an editable install: every listed file is there, whole."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Check the files. Raises RuntimeError."""
        if version != "standard":
            return
        if not (Path(self.root) / SITE / "index.html").is_file():
            raise RuntimeError(f"{SITE} is not there: run `make docs`, then build the wheel")
        if wrong := faults(Path(self.root) / VENDOR):
            raise RuntimeError(f"{VENDOR}: {', '.join(wrong)}: run `make console-assets`, then build the wheel")


def faults(folder: Path) -> list[str]:
    """What is missing, changed or not listed in the folder of assets."""
    try:
        listed: dict[str, dict[str, str]] = json.loads((folder / "assets.json").read_bytes())
    except (OSError, ValueError):
        return ["assets.json is not there"]
    there = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}
    del there["assets.json"]
    missing = [f"{name} is missing" for name in listed if name not in there]
    changed = [f"{name} was changed" for name in there if name in listed and there[name] != listed[name]["sha256"]]
    return [*missing, *changed, *(f"{name} is not listed" for name in there if name not in listed)]
