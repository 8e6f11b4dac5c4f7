"""`counterfoil topics`: prepares Kafka for the services, and checks for drift."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterfoil.access import KafkaAccess
from counterfoil.cli.command import FOUND, Out, local
from counterfoil.cli.extras import extra
from counterfoil.cli.instance_files import logs_here
from counterfoil.cli.late import group
from counterfoil.cli.render import lines, plain
from counterfoil.settings import ADMIN

if TYPE_CHECKING:
    from rich.console import RenderableType

app = group("topics")


@local(app, "apply", "counterfoil topics apply --brokers 3")
def apply(
    out: Out,
    brokers: Annotated[
        int | None,
        typer.Option(
            "--brokers",
            min=1,
            max=100,
            metavar="N",
            help="How many brokers there will be. Default: those that answer.",
        ),
    ] = None,
) -> None:
    """Create the topics that are missing, set what differs, and give every user its password and exactly its rights.

    Run it again at any time: it changes only what differs, and deletes no topic. COUNTERFOIL_KAFKA says where Kafka is;
    with COUNTERFOIL_SECRETS it logs in as admin. Exit code 1: findings are left that it does not change by itself.
    """
    provision, access = _provision(out)
    changes = provision.apply_topics(access, brokers, out.settings.secrets, logs_here(out))
    findings = provision.check_topics(access, out.settings.secrets, logs_here(out))
    done = lines(changes or ["nothing to change: no drift"])
    _show(out, provision, access, {"changes": changes, "findings": findings}, done)


@local(app, "check", "counterfoil topics check --json")
def check(out: Out) -> None:
    """Print what differs from what `apply` makes: topics, their settings, passwords, missing or excess rights.

    Exit code 0: no drift; 1: findings.
    """
    provision, access = _provision(out)
    findings = provision.check_topics(access, out.settings.secrets, logs_here(out))
    _show(out, provision, access, {"findings": findings}, *([] if findings else [plain("no drift")]))


def _provision(out: Out) -> tuple[ModuleType, KafkaAccess]:
    with extra("distributed"):
        from counterfoil.bootstrap import provision
    return provision, out.settings.kafka_access(ADMIN)


def _show(out: Out, provision: ModuleType, access: KafkaAccess, found: dict[str, Any], *people: RenderableType) -> None:
    enforced = provision.rights_enforced(access)
    if not enforced:
        out.note("this Kafka has no authorizer: anyone who reaches it may read and write everything")
    findings = [plain(each, "bold red") for each in found["findings"]]
    out.show({**found, "rights_enforced": enforced}, *people, *findings)
    if findings:
        raise typer.Exit(FOUND)
