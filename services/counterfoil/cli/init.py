"""`counterfoil init`: makes an instance."""

from __future__ import annotations

from shlex import quote
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.text import Text

from counterfoil.cli.command import Invalid, Out, local
from counterfoil.cli.gateway_session import named_log
from counterfoil.cli.instance_files import instance_files
from counterfoil.cli.options import Home, option
from counterfoil.cli.render import record
from counterfoil.contract.log_id import LogId
from counterfoil.contract.scalars import Name, Origin
from counterfoil.contract.services import SERVICES
from counterfoil.core.rules import LATEST
from counterfoil.instance import Instance


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @local(app, "init", "counterfoil init --host vouchers.example.org --operator-name 'Example market'")
    def init(
        out: Out,
        home: Home = None,
        host: Annotated[
            str, option("--host", "A name that its logs keep for ever, such as your domain.", metavar="NAME")
        ] = "localhost",
        operator_name: Annotated[str, option("--operator-name", "Who runs it.", metavar="TEXT")] = "Market operator",
        rules: Annotated[
            int,
            typer.Option("--rules", min=1, max=LATEST, metavar="VERSION", help="The rules version to begin with."),
        ] = LATEST,
        shard: Annotated[
            list[str] | None,
            typer.Option(
                "--shard", metavar="SERVICE/SHARD", help="A shard beside `main`; of matching only. May be repeated."
            ),
        ] = None,
        if_missing: Annotated[
            bool, typer.Option("--if-missing", help="If there is one already, show it instead of failing.")
        ] = False,
    ) -> None:
        """Make a new instance: keys for its logs and its operator. An existing one is never changed."""
        root = home if home is not None else out.settings.home
        if if_missing and (root / "instance.json").exists():
            found = instance_files(Instance(root))
            out.show(found, record(found))
            return
        _check_names(host, operator_name)
        shards = [named_log(each) for each in shard or ()]
        try:
            instance = Instance.create(root, host, operator_name, rules=rules, shards=shards)
        except FileExistsError as problem:
            raise Invalid(
                f"{problem.filename} is left from an earlier attempt: remove it, or take another --home"
            ) from None
        except OSError as problem:
            raise Invalid(f"cannot write {problem.filename}: {problem.strerror}") from problem
        found = instance_files(instance)
        start = "counterfoil up" if home is None else f"counterfoil up --home {quote(str(home))}"
        out.show(found, record(found), Text(f"next: {start}", style="dim"))


def _check_names(host: str, operator_name: str) -> None:
    try:
        TypeAdapter(Origin).validate_python(LogId(SERVICES[0]).origin(host))
        TypeAdapter(Name).validate_python(operator_name)
    except ValidationError as problem:
        raise Invalid(
            "--host is a DNS name in lower case, --operator-name is text of at most 120 characters"
        ) from problem
