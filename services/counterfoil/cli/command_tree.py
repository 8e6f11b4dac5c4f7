"""The commands as Typer builds them: to look one up, and to read words as it would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from counterfoil.cli.command import Invalid


def command_of(app: typer.Typer, path: Sequence[str]) -> Any:
    """The command `path` below `app`. Raises KeyError."""
    found: Any = typer.main.get_command(app)
    for name in path:
        found = found.commands[name]
    return found


def parsed(command: Any, words: Sequence[str]) -> dict[str, Any]:
    """The values of a command's parameters, by name. Raises `Invalid` with the message that a user would see."""
    try:
        with command.make_context(command.name, list(words)) as context:
            return dict(context.params)
    except Exception as problem:  # usage errors of the copy of Click inside Typer, which has no public name
        say = getattr(problem, "format_message", None)
        if say is None:
            raise
        raise Invalid(str(say())) from problem
