"""The command `counterfoil`, with its groups of commands."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Final

import typer
from typer._completion_classes import completion_init

from counterfoil import __version__
from counterfoil.cli.failures import INTERRUPTED
from counterfoil.cli.root import Root

NAME: Final = "counterfoil"
VARIABLE: Final = "_COUNTERFOIL_COMPLETE"
"""What a shell sets where it asks for completions."""

# HTTPX imports its own command line (Click, Pygments, more of Rich) wherever that can be imported. None: it cannot be.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
# What is left at the end goes with the process: to collect it takes a sixth of the time of a short command.
atexit.register(gc.freeze)

commands = typer.Typer(
    name=NAME,
    cls=Root,
    help="Vouchers for GPU time: issued, matched, delivered, redeemed, and audited from a signed public log.",
    epilog="Exit codes: 0 done, 1 an audit or proof found something, 2 wrong usage or cannot run here, "
    "3 a service failed for good, 4 refused, 5 the gateway cannot be reached, "
    "6 a log has two histories, 130 interrupted, 141 nobody reads the output any more.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},  # of all commands: contexts inherit it
    pretty_exceptions_enable=False,  # its tracebacks show the values of variables, and so keys
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"counterfoil {__version__}")
        raise typer.Exit


@commands.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Vouchers for GPU time: issued, matched, delivered, redeemed, and audited from a signed public log."""


def app() -> None:
    """Run the command line and end the process with its exit code."""
    os.umask(os.umask(0o077) | 0o022)  # what it writes may be served to others, and is written by nobody else
    _check_streams()
    completion_init()
    try:
        commands(prog_name=NAME)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _check_streams() -> None:
    """Have all three streams, and characters that their encoding lacks escaped."""
    sys.stdin = sys.stdin or Path(os.devnull).open()  # noqa: SIM115 for the life of the process
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
