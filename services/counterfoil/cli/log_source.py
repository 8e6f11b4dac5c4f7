"""Where commands that read whole logs find them: a directory, or a URL whose logs are copied first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from counterfoil.cli.command import Command, Invalid, Out, Parameters, make
from counterfoil.cli.mirror import Logs, Vkeys, mirrored, pinned_keys
from counterfoil.cli.options import argument
from counterfoil.cli.progress import bars
from counterfoil.cli.reading import ReaderOption
from counterfoil.log.keys import VerifyKey

if TYPE_CHECKING:
    from counterfoil.reports.folding import Folded
    from counterfoil.reports.given import Given

_URLS: Final = ("http://", "https://")
LogsArgument = Annotated[
    str, argument("URL|DIR", "A gateway, or an instance, a mirror, or another directory with SERVICE/SHARD/ logs.")
]
MirrorOption = Annotated[
    Path | None,
    typer.Option(
        "--mirror", metavar="DIR", help="Of a URL: where the copy of its logs is kept. Default: it is not kept."
    ),
]


@contextmanager
def logs_at(
    out: Out,
    logs: str,
    trusted: dict[str, VerifyKey] | None,
    mirror: Path | None,
    more: Sequence[str] | None,
    reader: str | None,
) -> Iterator[Path]:
    """The directory of logs that are there, or of a verified copy of those at a URL.

    Raises as `cli.mirror.mirrored`, and `Invalid`.
    """
    if not logs.startswith(_URLS):
        if mirror is not None or more or reader:
            raise Invalid("--mirror, --log and --as are for the logs at a URL")
        yield Path(logs)
    elif mirror is not None:
        mirrored(out, logs, mirror, trusted, more or (), reader)
        yield mirror
    else:
        with TemporaryDirectory() as copy:
            mirrored(out, logs, Path(copy), trusted, more or (), reader)
            yield Path(copy)


@dataclass(frozen=True)
class LogSource:
    """The output of a command that reads logs, and the options that say how they are found and by which keys."""

    out: Out
    vkeys: Path | None
    mirror: Path | None
    more: list[str] | None
    reader: str | None

    @contextmanager
    def read(self, logs: str, given: Given, until: Mapping[str, tuple[int, bytes]] | None = None) -> Iterator[Folded]:
        """What reports need of the logs, whose files stay while the block runs; `until` is that of `fold`.

        Raises `Invalid`, `NotProven`.
        """
        from counterfoil.audit.files import CannotAudit
        from counterfoil.client.problems import NotProven
        from counterfoil.contract.canonical import Refused
        from counterfoil.reports.folding import NotTheLog, fold

        trusted = pinned_keys(self.out, self.vkeys)
        with logs_at(self.out, logs, trusted, self.mirror, self.more, self.reader) as directory:
            try:
                with bars(self.out, "entries") as shown:
                    folded = fold(directory, trusted, shown.advance, given, until)
            except CannotAudit as problem:
                raise Invalid(str(problem)) from problem
            except NotTheLog as problem:
                raise NotProven(f"{problem}; `counterfoil audit` lists all that is wrong") from problem
            except Refused as problem:
                raise Invalid(f"an entry cannot be read, perhaps one of a later release: {problem}") from problem
            if trusted is None:
                self.out.note("no pinned keys: each log was checked against its own `vkey`")
            for each in folded.backlog():
                self.out.note(f"{each}: figures of the two may differ")
            yield folded


def check_programme(folded: Folded, programme: str) -> None:
    """Refuse a programme that is in no log. Raises `Invalid`."""
    known = sorted(row["programme_id"] for row in folded.tables.rows("programmes"))
    if programme not in known:
        raise Invalid(f"the logs have no programme {programme}; they have {', '.join(known) or 'none'}")


SHARED: Final[Parameters] = {
    "vkeys": (Vkeys, None),
    "mirror": (MirrorOption, None),
    "more": (Logs, None),
    "reader": (ReaderOption, None),
}
"""The options of a `LogSource`."""


def reading_logs(app: typer.Typer, name: str, example: str) -> Callable[[Command], Command]:
    """A command that reads whole logs; its first parameter is a `LogSource`."""
    return make(app, name, example, SHARED, LogSource)
