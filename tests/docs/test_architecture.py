"""Every module and function that ARCHITECTURE names with its room is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ROOT / "services" / "counterfoil"
NAMED = re.findall(r"`((?:\w+/)+\w+\.py)(?:: (\w+))?`", (ROOT / "services" / "ARCHITECTURE.md").read_text())


def is_there(path: str, name: str) -> bool:
    file = ROOT / path if path.startswith("tests/") else CODE / path
    return file.is_file() and (
        not name or re.search(rf"^\s*(async )?(def|class) {name}\b", file.read_text(), re.MULTILINE) is not None
    )


def test_what_architecture_names_is_there() -> None:
    assert len(NAMED) > 50
    assert [f"{path}: {name}" for path, name in NAMED if not is_there(path, name)] == []


def test_the_house_in_three_steps() -> None:
    """README -> ARCHITECTURE -> the module whose rule refuses a bid for a class outside the programme."""
    assert "services/ARCHITECTURE.md" in (ROOT / "README.md").read_text()
    assert ("matching/programmes.py", "not_in_programme") in NAMED
    assert "CLASS_NOT_IN_PROGRAMME" in (CODE / "matching" / "programmes.py").read_text()
