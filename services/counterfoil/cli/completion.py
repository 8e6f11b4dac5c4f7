"""`counterfoil completion`: what a shell runs to complete commands and options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from counterfoil.cli.command import Out, local
from counterfoil.cli.options import argument


class Shell(StrEnum):
    """The shells that are known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @local(app, "completion", "counterfoil completion bash > ~/.local/share/bash-completion/completions/counterfoil")
    def completion(out: Out, shell: Annotated[Shell, argument("SHELL", "bash, zsh or fish.")]) -> None:
        """Print the completion script of a shell: its completion file, or a text for `eval`."""
        from typer._completion_shared import get_completion_script

        from counterfoil.cli.main import NAME, VARIABLE

        script = get_completion_script(prog_name=NAME, complete_var=VARIABLE, shell=shell.value)
        if out.json:
            out.show({"shell": shell.value, "script": script})
        else:
            print(script)
