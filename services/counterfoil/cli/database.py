"""`counterfoil database`: prepares PostgreSQL for the services, and checks for drift."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import typer

from counterfoil.access import DatabaseAccess
from counterfoil.cli.command import FOUND, Out, local
from counterfoil.cli.extras import extra
from counterfoil.cli.instance_files import logs_here
from counterfoil.cli.late import group
from counterfoil.cli.render import lines, plain
from counterfoil.settings import ADMIN

if TYPE_CHECKING:
    from rich.console import RenderableType

app = group("database")


@local(app, "apply", "counterfoil database apply")
def apply(out: Out) -> None:
    """Create or migrate the schemas, and give every role its password and exactly its rights, in one transaction.

    Run it again at any time: it changes only what differs. COUNTERFOIL_DATABASE says where PostgreSQL is; with
    COUNTERFOIL_SECRETS it logs in as admin, which is a superuser, or owns the database and may create roles. Exit code
    1: findings are left that it does not change by itself.
    """
    provision, access = _provision(out)
    changes = provision.apply_database(access, out.settings.secrets, logs_here(out))
    findings = provision.check_database(access, logs_here(out))
    done = lines(changes or ["nothing to change: no drift"])
    _show(out, {"changes": changes, "findings": findings}, done)


@local(app, "check", "counterfoil database check --json")
def check(out: Out) -> None:
    """Print what differs from what `apply` makes: versions, missing or excess rights, triggers, unsafe settings.

    Exit code 0: no drift; 1: findings.
    """
    provision, access = _provision(out)
    findings = provision.check_database(access, logs_here(out))
    _show(out, {"findings": findings}, *([] if findings else [plain("no drift")]))


def _provision(out: Out) -> tuple[ModuleType, DatabaseAccess]:
    with extra("distributed"):
        from counterfoil.bootstrap import provision
    return provision, out.settings.database_access(ADMIN)


def _show(out: Out, found: dict[str, Any], *people: RenderableType) -> None:
    findings = [plain(each, "bold red") for each in found["findings"]]
    out.show(found, *people, *findings)
    if findings:
        raise typer.Exit(FOUND)
