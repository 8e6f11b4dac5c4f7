"""The group of all commands, and how the process ends: exit codes, and one line for words that are wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final

import typer

from counterfoil.cli.failures import BROKEN_PIPE, INTERRUPTED, discard_output, say, unwritten
from counterfoil.cli.late import LateGroup

_CANNOT: Final = 2


class Root(LateGroup):
    """All commands."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command of these words; by default those of the process, which ends with the exit code."""
        words = sys.argv[1:] if args is None else list(args)
        as_json = "--json" in words
        try:  # not in Typer's standalone mode, in which it prints errors itself
            code = super().main(words, prog_name, complete_var, False, windows_expand_args, **extra)
            sys.stdout.flush()
        except typer.Abort:
            code = INTERRUPTED
        except SystemExit as ended:  # a command's own is returned: this is Typer's, or Rich's, for a closed pipe
            code = BROKEN_PIPE if ended.code == 1 else ended.code
        except BrokenPipeError:
            code = BROKEN_PIPE
        except OSError as problem:
            code = _CANNOT
            if not unwritten(problem, as_json=as_json):
                raise
        except Exception as problem:
            code = _CANNOT
            if not hasattr(problem, "format_message"):
                raise
            if type(problem).__name__ != "NoArgsIsHelpError":  # the help text is printed
                _say_usage(problem, as_json=as_json)
        if code == BROKEN_PIPE:
            discard_output()
        if code == INTERRUPTED:
            print("interrupted", file=sys.stderr)
        sys.exit(code or 0)


def _say_usage(problem: Any, *, as_json: bool) -> None:
    meaning = " ".join(problem.format_message().split())
    context = getattr(problem, "ctx", None)
    path = "counterfoil" if context is None else context.command_path
    shown = {"code": "usage", "meaning": meaning}
    say(shown if as_json else {**shown, "advice": f"See {path} --help"}, as_json=as_json)
