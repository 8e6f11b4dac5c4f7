"""The commands that `infra/README.md` and the documentation name in a line exist, with the options that they name."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.test_help import EVERY

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "infra" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GROUPS = {path[0] for path in EVERY if len(path) == 2}
INLINE = re.compile(r"`(?:counterfoil )?([a-z][a-z-]+(?: [^`]+)?)`")


def named() -> list[tuple[tuple[str, ...], str]]:
    """Every command of a group that the documents name, with what it is given."""
    found = []
    lines = [re.sub(r"```.*?```", "", each.read_text("utf-8"), flags=re.DOTALL) for each in DOCUMENTS]
    for text in (re.sub(r"\s+", " ", each) for page in lines for each in INLINE.findall(page)):
        path = tuple(text.split()[:2])
        if len(path) == 2 and path[0] in GROUPS and re.fullmatch("[a-z-]+", path[1]):
            found.append((path, text))
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(("path", "text"), named(), ids=[text for _, text in named()])
def test_a_command_and_its_options_exist(path: tuple[str, ...], text: str) -> None:
    assert path in EVERY
    command = EVERY[path]
    given = shlex.split(text.replace("'", ""))[2:]
    flags = {flag for each in command.params for flag in each.opts}
    assert {word for word in given if word.startswith("--")} <= flags


def test_there_are_some() -> None:
    assert len(named()) > 100
