"""Files that take the place of older ones when they are complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from counterfoil.cli.command import Invalid


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
