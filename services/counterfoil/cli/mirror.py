"""`counterfoil log mirror`: a verified copy of published logs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from counterfoil.cli.command import Invalid, Out, local
from counterfoil.cli.gateway_session import GatewaySession, named_log, read_vkeys
from counterfoil.cli.log import app
from counterfoil.cli.options import argument
from counterfoil.cli.progress import bars
from counterfoil.cli.reading import ReaderOption
from counterfoil.cli.render import Rows
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.log.keys import VerifyKey
from counterfoil.settings import check_url

if TYPE_CHECKING:
    from counterfoil.client.mirror import Mirrored

Vkeys = Annotated[
    Path | None,
    typer.Option(
        "--vkeys", "--vkey", metavar="FILE", help="Pinned log keys, one a line. Default: COUNTERFOIL_VKEYS, if set."
    ),
]
Logs = Annotated[
    list[str] | None,
    typer.Option(
        "--log",
        metavar="SERVICE[/SHARD]",
        help="A log beside those with a pinned key and the shards `main`. May be repeated.",
    ),
]
_COLUMNS: Final = ("origin", "size", "before", "files", "root")
_ROOT: Final = 16  # digits of a root for people; JSON has all


@local(app, "mirror", "counterfoil log mirror https://market.example mirror --vkeys vkeys")
def mirror_command(
    out: Out,
    url: Annotated[str, argument("URL", "The gateway, or another server of the logs: URL/log/SERVICE/SHARD/.")],
    directory: Annotated[Path, argument("DIR", "The mirror; a new one is made.")],
    vkeys: Vkeys = None,
    logs: Logs = None,
    reader: ReaderOption = None,
) -> None:
    """Copy the published logs, verified, or bring the copy up to date.

    The logs may grow meanwhile: the copy is of the checkpoints that are fetched first. Every tile and entry is
    verified against them before it is written; an interrupted copy is continued. Without pinned keys each log must
    keep the key that it was first seen with.

    Exit code 1: the server sent what the log did not sign; 6: the log signed two histories, and the evidence
    is kept in DIR/evidence.
    """
    trusted = pinned_keys(out, vkeys)
    found = mirrored(out, url, directory, trusted, logs or (), reader)
    rows = [{"origin": each.origin, "size": each.size, "before": each.before, "files": each.files, "root": each.root}
            for each in found]  # fmt: skip
    shown = [{**row, "root": str(row["root"])[:_ROOT]} for row in rows]
    out.show(
        {"directory": str(directory), "logs": rows}, Rows(f"mirrored in {directory}", shown, _COLUMNS, _COLUMNS[1:4])
    )


def pinned_keys(out: Out, vkeys: Path | None) -> dict[str, VerifyKey] | None:
    """The pinned log keys by origin; None if no file is named. Raises `Invalid`."""
    path = vkeys if vkeys is not None else out.settings.vkeys
    return None if path is None else read_vkeys(path)


def mirrored(
    out: Out, url: str, directory: Path, trusted: dict[str, VerifyKey] | None, more: Sequence[str], reader: str | None
) -> list[Mirrored]:
    """Bring the mirror up to date, with a progress bar, as the party `reader`.

    Raises as `client.mirror.mirror`, and `Invalid`.
    """
    from counterfoil.client.log_server import LogServer
    from counterfoil.client.mirror import mirror

    try:
        base = check_url(url)
    except ValueError as problem:
        raise Invalid(f"{url}: {problem}") from problem
    pinned: dict[LogId, VerifyKey] = {}
    for origin, key in (trusted or {}).items():
        log = named_log("/".join(origin.split("/")[-2:]))
        if log in pinned:
            raise Invalid(f"keys of two logs {log.name} are pinned: name a file with the keys of one market")
        pinned[log] = key
    logs = dict.fromkeys([*MAIN_LOGS, *pinned, *map(named_log, more)])
    if trusted is None:
        out.note("no pinned keys: each log must keep the key that it was first seen with")
    elif unpinned := [log.name for log in logs if log not in pinned]:
        raise Invalid(f"no key is pinned for {', '.join(unpinned)}")
    session = GatewaySession(out, base, reader)
    if trusted is not None:
        session.pinned = trusted
    with LogServer(base, bearer=session.bearer(), ca=session.ca) as server, bars(out, "files") as shown:
        return mirror(server, directory, list(logs), pinned, shown.advance)
