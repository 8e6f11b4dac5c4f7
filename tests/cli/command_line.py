"""Runs the command line inside the test, with the output that a user would see."""

from __future__ import annotations

from typer.testing import CliRunner

from counterfoil.cli.main import commands


def invoke(*words: str, typed: str = "") -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command; `typed`: its standard input."""
    result = CliRunner().invoke(commands, list(words), input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr
