"""`counterfoil init` and `counterfoil up`: make an instance, and serve it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.text import Text

from counterfoil.cli.command import Invalid, Out, local
from counterfoil.cli.options import Home, option
from counterfoil.cli.render import record
from counterfoil.contract.commands import SERVICES
from counterfoil.contract.scalars import Name, Origin
from counterfoil.instance import SHARD, Instance
from counterfoil.settings import Listen, parse_listen


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @local(app, "init", "counterfoil init --host vouchers.example.org --operator-name 'Example market'")
    def init(
        out: Out,
        home: Home = None,
        host: Annotated[
            str, option("--host", "The name that the logs bear for ever, such as your domain.", metavar="NAME")
        ] = "localhost",
        operator_name: Annotated[str, option("--operator-name", "Who runs it.", metavar="TEXT")] = "Market operator",
        if_missing: Annotated[
            bool, typer.Option("--if-missing", help="One that is there is shown, and no error.")
        ] = False,
    ) -> None:
        """Make a new instance: keys for its logs and its operator. It never changes one that is there."""
        root = home if home is not None else out.settings.home
        if if_missing and (root / "instance.json").exists():
            found = whereabouts(Instance(root))
            out.show(found, record(found))
            return
        try:
            TypeAdapter(Origin).validate_python(f"{host}/{SERVICES[0]}/{SHARD}")
            TypeAdapter(Name).validate_python(operator_name)
        except ValidationError as problem:
            raise Invalid("--host is a DNS name in lower case, --operator-name is text of at most 120") from problem
        try:
            instance = Instance.create(root, host, operator_name)
        except FileExistsError as problem:
            raise Invalid(
                f"{problem.filename} is left from an attempt before: remove it, or take another --home"
            ) from None
        except OSError as problem:
            raise Invalid(f"cannot write {problem.filename}: {problem.strerror}") from problem
        found = whereabouts(instance)
        out.show(found, record(found), Text("next: counterfoil up", style="dim"))

    @local(app, "up", "counterfoil up --port 8440")
    def up(
        out: Out,
        home: Home = None,
        host: Annotated[
            str | None,
            option("--host", "Where to listen. Default: COUNTERFOIL_LISTEN, or 127.0.0.1.", metavar="ADDRESS"),
        ] = None,
        port: Annotated[
            int | None,
            typer.Option("--port", min=0, max=65_535, metavar="N", help="0 takes a free one. Default: 8440."),
        ] = None,
    ) -> None:
        """Serve the instance, all services in this process, until interrupted.

        SIGINT and SIGTERM stop it cleanly: no new command is taken, those under way are answered, everything is
        published, exit code 0. Exit code 3: a service met something it must not go on from.
        """
        from counterfoil.cli.gateway_server import serve

        base = parse_listen(out.settings.listen)
        listen = Listen(base.host if host is None else host, base.port if port is None else port)
        serve(out, Instance(home if home is not None else out.settings.home), listen)


def whereabouts(instance: Instance) -> dict[str, Any]:
    """Where things lie and the logs' keys, which are also written to the file ``vkeys``: publish it, and pin it."""
    keys = [instance.verify_key(service).vkey() for service in SERVICES]
    vkeys = instance.root / "vkeys"
    if not vkeys.exists():
        vkeys.write_text("".join(f"{key}\n" for key in keys))
    return {
        "home": str(instance.root),
        "operator": instance.identity.operator_name,
        "databases": str(instance.database("views").parent),
        "private_keys": str(instance.root / "keys"),
        "published_logs": str(instance.root / "logs"),
        "log_keys": keys,
        "log_keys_file": str(vkeys),
    }
