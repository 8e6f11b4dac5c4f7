"""Passphrases of private key files: from a file, or typed in a terminal without echo. Never from the command line."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.command import Invalid, Out
from counterfoil.errors import BadPrivateFile
from counterfoil.key_files import Passphrase, check_passphrase, no_passphrase
from counterfoil.private_files import read_password

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="A file (0600) with the passphrase of encrypted key files. Default: COUNTERFOIL_PASSPHRASE_FILE; without"
        " either it is asked for.",
    ),
]
Encrypt = Annotated[
    bool,
    typer.Option("--encrypt", help="Encrypt it with a passphrase: that of --passphrase-file, or one that you type."),
]


def passphrase_of(out: Out, file: Path | None) -> Passphrase:
    """Gives the passphrase of key files: that in `file`, by default the setting's, or one typed for each of them."""

    def give(path: Path) -> bytes:
        source = file if file is not None else out.settings.passphrase_file
        if source is not None:
            return _in_file(source)
        return _typed(f"Passphrase of {path}: ") if sys.stdin.isatty() else no_passphrase(path)

    return give


def wanted_passphrase(out: Out, file: Path | None, encrypt: bool) -> bytes | None:
    """The passphrase of a key that is made, None if it is not to be encrypted. Raises `Invalid`, `BadPrivateFile`."""
    if not encrypt and file is not None:
        raise Invalid("--passphrase-file goes with --encrypt")
    return new_passphrase(file if file is not None else out.settings.passphrase_file) if encrypt else None


def new_passphrase(file: Path | None) -> bytes:
    """A passphrase to be used from now on: that in `file`, or one typed twice. Raises `Invalid`, `BadPrivateFile`."""
    if file is None and not sys.stdin.isatty():
        raise Invalid("a new passphrase comes from a file (0600) or is typed in a terminal, and there is neither")
    found = _in_file(file) if file is not None else _typed("New passphrase: ")
    try:
        check_passphrase(found)
    except ValueError as problem:
        raise Invalid(f"{problem}; nothing was changed") from None
    if file is None and _typed("The same again: ") != found:
        raise Invalid("the two passphrases differ; nothing was changed")
    return found


def _in_file(path: Path) -> bytes:
    try:
        return read_password(path).encode()
    except OSError as problem:
        raise BadPrivateFile(f"cannot read the passphrase in {path}: {problem.strerror}") from None


def _typed(prompt: str) -> bytes:
    try:
        return os.fsencode(getpass(prompt))
    except EOFError:
        raise BadPrivateFile("no passphrase was typed") from None
