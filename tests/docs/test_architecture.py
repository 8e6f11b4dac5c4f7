"""What ARCHITECTURE names is there: every module, and every function or class said to be in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "services" / "counterfoil"
NAMED = re.compile(r"`(?!tests/)((?:[\w*]+/)*\w+\.py)(?:: (\w+))?`")
"""A module in backticks, as in ``matching/bids.py: place_bid``."""
FILES = [path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob("*.py"))]


def named(document: str) -> list[tuple[str, str | None]]:
    text = (ROOT / "services" / document).read_text()
    return list(dict.fromkeys((module, name or None) for module, name in NAMED.findall(text)))


def places(module: str) -> list[str]:
    """The files that a name may stand for: a path below the package, or its end."""
    pattern = re.compile(r"(?:.*/)?" + re.escape(module).replace(r"\*", r"\w+"))
    return [path for path in FILES if pattern.fullmatch(path)]


def defined(path: str) -> set[str]:
    """The names that a module defines, methods included."""
    tree = ast.parse((PACKAGE / path).read_text())
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize(("module", "name"), named("ARCHITECTURE.md"), ids=str)
def test_it_is_there(module: str, name: str | None) -> None:
    found = places(module)
    assert found, f"there is no {module}"
    assert name is None or any(name in defined(path) for path in found), f"{module} has no {name}"


def test_names_are_found() -> None:
    assert len(named("ARCHITECTURE.md")) > 40
    assert places("nowhere.py") == []
    assert "place_bid" in defined("matching/bids.py")


def test_the_house_in_three_steps() -> None:
    """README, then ARCHITECTURE, then the module whose rule refuses a bid for a class outside the programme."""
    assert "services/ARCHITECTURE.md" in (ROOT / "README.md").read_text()
    assert ("matching/programmes.py", "not_in_programme") in named("ARCHITECTURE.md")
    assert "CLASS_NOT_IN_PROGRAMME" in (PACKAGE / "matching" / "programmes.py").read_text()
