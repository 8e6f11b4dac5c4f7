"""`counterfoil backup` and `restore`: the embedded form's instance, of which a copy is kept elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from counterfoil.cli.command import Out, local
from counterfoil.cli.options import Home, argument, option
from counterfoil.cli.render import Record, plain

Published = Annotated[
    Path | None,
    option(
        "--published", "Another place with its published logs, such as a mirror: it must not be ahead.", metavar="DIR"
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @local(app, "backup", "counterfoil backup /mnt/backup/2026-01-05")
    def backup(
        out: Out,
        directory: Annotated[Path, argument("DIRECTORY", "A new directory for the backup.")],
        home: Home = None,
        without_keys: Annotated[
            bool, typer.Option("--without-keys", help="Leave out the private keys, which you keep elsewhere.")
        ] = False,
    ) -> None:
        """Write a backup of the instance: all logs as of one instant, and its private keys. Services may run meanwhile.

        Every entry is compared with the signed head of its log before the backup appears under its name. Only its owner
        can read it; whoever has it can sign for the instance: keep it encrypted. The operator's recovery key is not in
        it. With PostgreSQL, back up that database.
        """
        from counterfoil.bootstrap.backup import back_up
        from counterfoil.instance import Instance

        root = home if home is not None else out.settings.home
        manifest = back_up(Instance(root), directory, keys=not without_keys)
        _show(out, manifest, {"backup": str(directory)})

    @local(app, "restore", "counterfoil restore /mnt/backup/2026-01-05 --published mirror")
    def restore(
        out: Out,
        directory: Annotated[Path, argument("DIRECTORY", "The backup.")],
        home: Home = None,
        published: Published = None,
        roll_back: Annotated[
            bool,
            typer.Option(
                "--roll-back", help="Restore although more was published: what was answered since is given up."
            ),
        ] = False,
    ) -> None:
        """Restore an instance from a backup, into a home that is missing, or has only its published logs.

        Nothing is written over. A backup that is older than what was published is refused: clients and mirrors keep
        the last checkpoint of each log, and would find that it went back. Audit the instance once it has started.
        """
        from counterfoil.bootstrap.backup import restore as restore_to

        root = home if home is not None else out.settings.home
        manifest = restore_to(directory, root, published=published, roll_back=roll_back)
        hints = [f"next: counterfoil up --home {root}", f"then: counterfoil audit {root}"]
        if not manifest["keys"]:
            hints.insert(0, f"put the private keys back first: {root}/log-keys and {root}/keys")
        _show(out, manifest, {"home": str(root)}, *hints)


def _show(out: Out, manifest: dict[str, Any], where: dict[str, str], *hints: str) -> None:
    found = {**where, "host": manifest["host"], "made_at": manifest["made_at"], "keys": manifest["keys"]}
    sizes = {name: log["size"] for name, log in manifest["logs"].items()}
    out.show({**found, "entries": sizes}, Record({**found, **sizes}), *(plain(hint, "dim") for hint in hints))
