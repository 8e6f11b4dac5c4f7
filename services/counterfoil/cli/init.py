"""`counterfoil init`: makes an instance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from shlex import quote
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from counterfoil.cli.command import Invalid, Out, local
from counterfoil.cli.gateway_session import named_log
from counterfoil.cli.instance_files import instance_files
from counterfoil.cli.options import Home, option
from counterfoil.cli.passphrases import Encrypt, PassphraseFile, wanted_passphrase
from counterfoil.cli.render import Record, plain
from counterfoil.contract.disclosure import Disclosure
from counterfoil.contract.log_id import LogId
from counterfoil.contract.scalars import Name, Origin, decode_base64
from counterfoil.contract.services import SERVICES
from counterfoil.contract.text import unfit
from counterfoil.core.rules import LATEST
from counterfoil.instance import Instance
from counterfoil.log.errors import FormatError
from counterfoil.log.keys import check_public_key

Shard = Annotated[
    list[str] | None,
    typer.Option("--shard", metavar="SERVICE/SHARD", help="A shard beside `main`; of matching only. May be repeated."),
]
RecoveryKey = Annotated[
    bytes | None,
    option(
        "--recovery-key",
        "The operator's recovery key, its public half. Default: a new one, in a file to be moved offline.",
        parse=decode_base64,
        metavar="BASE64",
    ),
]
Who = Annotated[
    Disclosure | None,
    typer.Option(
        "--disclosure",
        help="Who may read what: everybody what concerns them, or everybody everything. Default: restricted, unless"
        " COUNTERFOIL_DISCLOSURE says otherwise.",
    ),
]


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
        shard: Shard = None,
        recovery_key: RecoveryKey = None,
        disclosure: Who = None,
        encrypt: Encrypt = False,
        passphrase_file: PassphraseFile = None,
        if_missing: Annotated[
            bool, typer.Option("--if-missing", help="If there is one already, show it instead of failing.")
        ] = False,
    ) -> None:
        """Make a new instance: keys for its logs and its operator. An existing one is never changed.

        The operator's recovery key alone can put another key in the place of the operator's, if that is lost or stolen.
        Its file is not needed to run the instance: keep it offline, and not on this machine. With --encrypt all key
        files get one passphrase; the services need that of the logs' keys. `keys passphrase` changes it for each file.
        """
        root = home if home is not None else out.settings.home
        if if_missing and (root / "instance.json").exists():
            found = instance_files(Instance(root))
            out.show(found, Record(found))
            return
        _check_names(host, operator_name)
        shards = [named_log(each) for each in shard or ()]
        _check_key(recovery_key)
        passphrase = wanted_passphrase(out, passphrase_file, encrypt)
        with _creating():
            instance = Instance.create(
                root,
                host,
                operator_name,
                None,
                rules,
                shards,
                recovery_key=recovery_key,
                passphrase=passphrase,
                disclosure=disclosure or out.settings.disclosure or "restricted",
            )
        found = instance_files(instance)
        start = "counterfoil up" if home is None else f"counterfoil up --home {quote(str(home))}"
        hints = [plain(f"next: {start}", "dim")]
        if recovery_key is None:
            found["operator_recovery_key"] = str(instance.recovery_file)
            hints.insert(0, plain(f"move {instance.recovery_file} offline, and delete it here", "bold"))
        out.show(found, Record(found), *hints)


@contextmanager
def _creating() -> Iterator[None]:
    try:
        yield
    except FileExistsError as problem:
        text = f"{problem.filename} is left from an earlier attempt: remove it, or take another --home"
        raise Invalid(text) from None
    except OSError as problem:
        raise Invalid(f"cannot write {problem.filename}: {problem.strerror}") from problem


def _check_key(public_key: bytes | None) -> None:
    try:
        if public_key is not None:
            check_public_key(public_key)
    except FormatError as problem:
        raise Invalid(f"--recovery-key: {problem}") from problem


def _check_names(host: str, operator_name: str) -> None:
    try:
        TypeAdapter(Origin).validate_python(LogId(SERVICES[0]).origin(host))
        TypeAdapter(Name).validate_python(operator_name)
    except ValidationError as problem:
        raise Invalid(
            "--host is a DNS name in lower case, --operator-name is text of at most 120 characters"
        ) from problem
    if (why := unfit(operator_name)) is not None:
        raise Invalid(f"--operator-name: {why}")
