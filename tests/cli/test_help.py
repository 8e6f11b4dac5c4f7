"""Every command and option has a help text, and every command accepts its example."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from counterfoil.cli import late
from counterfoil.cli.late_views import VIEWS
from counterfoil.cli.lists import LISTS
from counterfoil.cli.main import commands
from counterfoil.core.rules import LATEST, RULES
from counterfoil.settings import Settings
from counterfoil.vocabulary import VOCABULARY

DEFAULT = re.compile(r"Default: COUNTERFOIL_([A-Z]+), (?:or )?(\S+)\.(?=\s|$)")
ROOT: Any = typer.main.get_command(commands)


def every(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below, with its path."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, below in command.commands.items():
        yield from every(below, (*path, name))


EVERY = dict(every(ROOT))
GROUPS = [
    "keys",
    "profile",
    "session",
    "party",
    "class",
    "inventory",
    "programme",
    "application",
    "auction",
    "window",
    "fact",
    "aid",
    "voucher",
    "transfer",
    "credit",
    "pledge",
    "offer",
    "bid",
    "usage",
    "reversal",
    "clawback",
    "adjustment",
    "claim",
    "currency",
    "balance",
    "rules",
    "webhook",
    "log",
    "market",
    "proof",
    "report",
    "clock",
    "cluster",
    "topics",
    "database",
    "dead-letters",
]


KNOWING = ("participants", "counterparties", "holders", "document_pieces")
"""Views by which others are read: who knows whom, of `parties`; who holds what, of `vouchers`; the bytes of
`programme document`. No command lists them."""
TOGETHER = {
    ("publish_programme", 1), ("put_document", 1), ("suspend_voucher", 1), ("revoke_voucher", 1), ("register_class", 1),
    ("post_offer", 1), ("post_reclaimable_offer", 1), ("place_reclaimable_bid", 1),
    ("place_reclaimable_performance_bid", 1),
}  # fmt: skip
"""Commands that a verb gives beside, or in the place of, another one."""


def test_nothing_is_missing() -> None:
    bulk = {"import", "export", "statement", "quote"}
    alone = {
        "init",
        "up",
        "serve",
        "demo",
        "audit",
        "findings",
        "backup",
        "restore",
        "bench",
        "study",
        "schemas",
        "resend",
        "submit",
        "login",
        "logout",
        "completion",
        "feed",
        *bulk,
    }
    assert {path[0] for path in EVERY} == {*GROUPS, *alone}
    each_alone = {path: command for path, command in EVERY.items() if path[0] not in {*bulk, "submit"}}
    signing = [path for path, command in each_alone.items() if any(each.name == "as_" for each in command.params)]
    assert len(signing) == len(VOCABULARY.commands.keys() - RULES[LATEST].absent - TOGETHER)
    options = [{each.name for each in command.params} for command in each_alone.values()]
    listed = [view for name, view in VIEWS.items() if name not in KNOWING]
    assert sum({"limit", "wait"} <= names for names in options) == len(listed)
    assert sum("where" in names for names in options) == sum(bool(view.filters) for view in listed)


ALONE = """
import json, sys
from counterfoil.cli.late import all_commands

print(json.dumps(sorted(all_commands()[sys.argv[1]].commands)))
"""


def added_to_elsewhere() -> set[str]:
    """The groups to which other modules than their own add commands."""
    found = set()
    for path in Path(late.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and "app" in {each.name for each in node.names}:
                found.add(str(import_module(str(node.module)).app.info.name))
    return found & set(GROUPS)


def test_a_start_that_imports_one_group_has_all_its_commands() -> None:
    groups = added_to_elsewhere()
    assert groups
    for name in groups:
        ran = subprocess.run([sys.executable, "-c", ALONE, name], capture_output=True, text=True, check=True)
        assert json.loads(ran.stdout) == sorted(ROOT.commands[name].commands)


@pytest.mark.parametrize("name", LISTS)
def test_no_command_of_a_group_takes_the_place_of_another(name: str) -> None:
    app = getattr(import_module(f"counterfoil.cli.{late.COMMANDS[name].module}"), "app", None)
    names = [each.name for each in app.registered_commands] if app is not None else []
    names += [*late.COMMANDS[name].apart, *(each.name for each in LISTS[name])]
    names += ["show" for each in LISTS[name] if each.key]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("group", [(), *[(name,) for name in GROUPS]], ids="-".join)
def test_groups_explain_themselves(group: tuple[str, ...]) -> None:
    command: Any = ROOT
    for name in group:
        command = command.commands[name]
    assert len(command.help) > 15
    named = command.help.removesuffix(".").partition(": ")[2].split(", ")
    assert not group or set(named) <= set(command.commands)


@pytest.mark.parametrize("path", EVERY, ids="-".join)
def test_a_command_explains_itself(path: tuple[str, ...]) -> None:
    command = EVERY[path]
    assert len(command.help) > 15
    assert command.help.splitlines()[0][-1] in ".:"
    for each in command.params:
        if each.name != "help":
            assert len(each.help or "") > 5, f"{each.name} has no help text"
    flags = {flag for each in command.params for flag in each.opts}
    assert "--json" in flags


@pytest.mark.parametrize("path", EVERY, ids="-".join)
def test_the_example_of_a_command_is_accepted(path: tuple[str, ...]) -> None:
    command = EVERY[path]
    words = shlex.split(command.epilog.removeprefix("Example: ").partition(" > ")[0])
    assert words[: 1 + len(path)] == ["counterfoil", *path]
    command.make_context("x", words[1 + len(path) :])


def test_defaults_in_help_texts_are_those_of_the_settings() -> None:
    """A default that is named as "COUNTERFOIL_NAME, VALUE" or "COUNTERFOIL_NAME, or VALUE"."""
    texts = {each.help for command in EVERY.values() for each in command.params if each.help}
    named = [found.groups() for text in texts for found in DEFAULT.finditer(text)]
    literal = {(name, value) for name, value in named if name not in ("CLOCK", "KEYS", "VKEYS")}  # not literal
    assert {name for name, _ in literal} == {"HOME", "URL", "LISTEN", "ZONE"}
    settings = Settings()
    assert all(str(getattr(settings, name.lower())).startswith(value) for name, value in literal), literal
