"""`docs/who-may-do-what.md` has every command; `tests/authority` tries what it says."""

from __future__ import annotations

from tests.authority.cases import ABOUT
from tests.authority.stage import CELLS, COMMANDS
from tests.authority.table import deadlines, given_while_stopped, naming_stopped, rows


def test_every_command_is_in_it_and_is_tried() -> None:
    said = {(row.command, row.relation_to) for row in rows()}
    tried = {(command, about) for command, each in ABOUT.items() for about in each}
    for command in COMMANDS:
        assert command in {each for each, _ in said}, f"say in docs/who-may-do-what.md who may give {command}"
        assert command in ABOUT, f"say in tests/authority/cases.py how {command} is tried"
        assert any(cell.command == command and answer == "yes" for cell, answer in CELLS.items()), f"nobody: {command}"
    assert said == tried, "docs/who-may-do-what.md and tests/authority/cases.py differ"
    assert len(rows()) == len({(row.command, row.relation_to, row.role) for row in rows()}), "a row twice"


def test_it_has_no_others() -> None:
    named = {row.command for row in rows()} | deadlines().keys() | given_while_stopped() | naming_stopped().keys()
    assert named == COMMANDS.keys()
