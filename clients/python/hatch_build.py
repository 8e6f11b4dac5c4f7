"""Fills the client's wheel from the source tree that it shares with the server; an editable one points to that tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SharedSource(BuildHookInterface[Any]):
    """`parts` in pyproject.toml lists the modules and folders of the package that are the client's."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the parts into a wheel; `version` is ``standard`` or ``editable``."""
        if version == "standard":
            package = (Path(self.root) / "../../services/counterfoil").resolve()
            for part in self.config["parts"]:
                build_data["force_include"][str(package / part)] = f"counterfoil/{part}"
