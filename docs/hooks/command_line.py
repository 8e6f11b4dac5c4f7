"""The page of the command line: every command with its options, from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import typer

from counterfoil.cli.late import COMMANDS
from counterfoil.cli.main import commands
from docs.hooks.tables import code, table

_HEAD: Final = """# Command line

`counterfoil COMMAND --help` shows the same. Exit codes: 0 done, 1 an audit or proof found something, 2 wrong usage, 3 a
service failed for good, 4 refused, 5 the gateway cannot be reached, 6 a log has two histories.

"""
_GROUP: Final = "Each also takes the [options of most commands](../command-line.md#options-of-most-commands).\n\n"


def command_pages() -> dict[str, str]:
    """Markdown by path: a page of commands without a group, and one for each group; shared options are told once."""
    root: Any = typer.main.get_command(commands)
    every = list(_every(root))
    shared = _shared([command for _, command in every])
    groups = {name: each for name, each in root.commands.items() if hasattr(each, "commands")}
    rows = [[f"[{name}](command-line/{name}.md)", _paragraph(COMMANDS[name].help)] for name in groups]
    text = [_HEAD, "## Options of most commands\n\n", _options(list(shared.values()))]
    text += ["## Groups\n\n", table(["group", "has"], rows)]
    text += [f"## {path[0]}\n\n{_told(command, shared)}" for path, command in every if len(path) == 1]
    pages = {"reference/command-line.md": "".join(text)}
    for name in groups:
        told = [f"## {' '.join(path)}\n\n{_told(command, shared)}" for path, command in every if path[0] == name]
        pages[f"reference/command-line/{name}.md"] = f"# counterfoil {name}\n\n{_GROUP}{''.join(told)}"
    return pages


def _paragraph(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _every(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, below in command.commands.items():
        if not below.hidden:
            yield from _every(below, (*path, name))


def _shared(every: list[Any]) -> dict[str, Any]:
    """Options that at least a third of the commands have, all with the same text, by name and text."""
    count: dict[str, int] = {}
    found: dict[str, Any] = {}
    for command in every:
        for each in command.params:
            name = _identity(each)
            count[name] = count.get(name, 0) + 1
            found[name] = each
    return {name: each for name, each in found.items() if count[name] * 3 >= len(every)}


def _identity(parameter: Any) -> str:
    return f"{parameter.opts} {getattr(parameter, 'help', '')}"


def _told(command: Any, shared: dict[str, Any]) -> str:
    said, _, example = (command.help or "").partition("\n\n")
    found = re.search(r"counterfoil .*", _paragraph(command.epilog or example))
    own = [each for each in command.params if _identity(each) not in shared]
    shown = f'```text title="Example"\n{found[0].strip()}\n```\n\n' if found else ""
    return f"{_paragraph(said)}\n\n{_options(own) if own else ''}{shown}"


def _options(parameters: list[Any]) -> str:
    rows = []
    for each in parameters:
        names = each.opts if each.param_type_name == "option" else [each.metavar or each.name.upper()]
        needed = " Required." if each.required else ""
        plain = each.default in (None, False, (), []) or callable(each.default)
        default = "" if plain else f" Default: {code(each.default)}."
        rows.append([", ".join(map(code, names)), _paragraph(getattr(each, "help", None) or "") + needed + default])
    return table(["option", "meaning"], rows)
