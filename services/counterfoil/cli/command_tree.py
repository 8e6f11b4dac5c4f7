"""The commands as Typer builds them: to look one up, and to read words as it would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from counterfoil.cli.command import Invalid
from counterfoil.cli.late import all_commands


def command_of(group: str, name: str) -> Any:
    """The command `counterfoil GROUP NAME`; None if there is none."""
    found = all_commands().get(group)
    return None if found is None else getattr(found, "commands", {}).get(name)


def import_all() -> None:
    """Import the modules of all commands, those of groups' commands too: each is read when it is asked for."""
    for each in all_commands().values():
        list(getattr(each, "commands", {}).values())


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
