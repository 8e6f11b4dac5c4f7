"""Files of the command line: texts that are read within limits, and files that replace older ones when complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from counterfoil.cli.command import Invalid


def read_bytes(path: Path, most: int) -> bytes:
    """A file of at most so many bytes. Raises `Invalid`."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as problem:
        raise Invalid(f"cannot read {path}: {problem.strerror}") from problem
    if len(data) > most:
        raise Invalid(
            f"{path} is longer than {most >> 20} MiB" if most >> 20 else f"{path} is longer than {most >> 10} KiB"
        )
    return data


def read_text(path: Path, most: int) -> str:
    """The text of a file of at most so many bytes in UTF-8, with or without a mark. Raises `Invalid`."""
    data = read_bytes(path, most)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise Invalid(f"{path} is not UTF-8 at byte {problem.start}: save it as UTF-8") from problem
    if not text.strip():
        raise Invalid(f"{path} is empty")
    return text


@contextmanager
def replacing(file: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file to write in; afterwards it replaces `file`. If the block raises, there is no new file.

    Text is UTF-8 with line ends as written. Raises `Invalid` where it cannot be written.
    """
    new = file.with_name(f".{file.name}.new")
    try:
        with new.open("wb") if binary else new.open("w", newline="", encoding="utf-8") as target:
            yield target
        new.replace(file)
    except OSError as problem:
        raise Invalid(f"cannot write {file}: {problem.strerror}") from problem
    finally:
        if file.parent.is_dir():
            new.unlink(missing_ok=True)
