"""`counterfoil cluster`: a real Apache Kafka and a real PostgreSQL on this machine, without Docker."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from counterfoil.cli.command import Out, local
from counterfoil.cli.extras import extra
from counterfoil.cli.instance_files import logs_here
from counterfoil.cli.late import group
from counterfoil.cli.options import option
from counterfoil.cli.progress import bars
from counterfoil.cli.render import Record, Rows, plain
from counterfoil.settings import ADMIN

if TYPE_CHECKING:
    from counterfoil.testbed.cluster.cluster import Cluster, ServerStatus

HOME: Final = Path("var/cluster")
_EXTRAS: Final = "cluster,distributed"
_COLUMNS: Final = ("name", "pid", "ports", "memory_mib", "disk_mib", "log")
_NUMBERS: Final = ("pid", "memory_mib", "disk_mib")
_MIB: Final = 1024 * 1024

app = group("cluster")

ClusterHome = Annotated[
    Path, typer.Option("--home", metavar="DIR", help="The cluster's directory, data included. Default: var/cluster.")
]


@local(app, "up", "counterfoil cluster up --brokers 3 --secure")
def up(
    out: Out,
    home: ClusterHome = HOME,
    brokers: Annotated[
        Literal["1", "3"] | None, option("--brokers", "How many Kafka brokers: 3 survive the loss of one. Default: 1.")
    ] = None,
    secure: Annotated[
        bool,
        typer.Option(
            "--secure", help="Passwords, rights, TLS to Kafka. Without it, every local program has all rights."
        ),
    ] = False,
) -> None:
    """Start what does not run, with topics, tables and rights, and print the settings for `counterfoil serve`.

    The first time, it downloads Kafka's jars (43 MB) and chooses ports, which stay the same. Everything listens on
    127.0.0.1 and runs until `counterfoil cluster down`.
    """
    with extra(_EXTRAS):  # all of them, before anything is started
        from counterfoil.bootstrap import provision
    cluster = _cluster(home)
    with bars(out) as shown:
        cluster.up(None if brokers is None else int(brokers), secure=secure or None, progress=shown.reach)
    settings = out.settings.changed(cluster.addresses)
    kafka, database = settings.kafka_access(ADMIN), settings.database_access(ADMIN)
    provision.apply(kafka, database, brokers=cluster.brokers, secrets=cluster.secrets, logs=logs_here(out))
    found = _variables(cluster)
    rows = [{"variable": name, "value": value} for name, value in found.items()]
    out.show(found, Rows("settings of the services", rows, ("variable", "value")))


@local(app, "env", "counterfoil cluster env")
def env(out: Out, home: ClusterHome = HOME) -> None:
    """Print the settings for `counterfoil serve` as shell commands: eval "$(counterfoil cluster env)"."""
    found = _variables(_cluster(home))
    out.show(found, *[plain(f"export {name}={shlex.quote(value)}") for name, value in found.items()])


@local(app, "down", "counterfoil cluster down --remove")
def down(
    out: Out,
    home: ClusterHome = HOME,
    remove: Annotated[bool, typer.Option("--remove", help="Delete the cluster too, with all its data.")] = False,
) -> None:
    """Stop the cluster; its data stay unless they are removed."""
    cluster = _cluster(home)
    stopped = sorted(cluster.pids)
    cluster.down()
    if remove:
        cluster.remove()
    found = {"home": str(cluster.root), "stopped": stopped, "removed": remove}
    out.show(found, Record(found))


@local(app, "status", "counterfoil cluster status", tabular=True)
def status(out: Out, home: ClusterHome = HOME) -> None:
    """Show which servers run, their ports, and the memory and disk they use."""
    cluster = _cluster(home)
    servers = [_row(each) for each in cluster.status()]
    found = {"home": str(cluster.root), "secure": cluster.secrets is not None, "servers": servers}
    advice = "everything runs" if len(cluster.pids) == len(servers) else "start what is down: counterfoil cluster up"
    table = Rows(str(cluster.root), servers, _COLUMNS, _NUMBERS)
    out.show(found, table, plain(advice, "dim"), columns=_COLUMNS, rows=servers)


def _variables(cluster: Cluster) -> dict[str, str]:
    return {f"COUNTERFOIL_{name.upper()}": str(value) for name, value in cluster.addresses.items() if value is not None}


def _row(server: ServerStatus) -> dict[str, Any]:
    return {
        "name": server.name,
        "pid": server.pid,
        "ports": list(server.ports),
        "memory_mib": None if server.memory is None else -(-server.memory // _MIB),
        "disk_mib": -(-server.disk // _MIB),
        "log": str(server.log),
    }


def _cluster(home: Path) -> Cluster:
    with extra(_EXTRAS):
        from counterfoil.testbed.cluster.cluster import Cluster
    return Cluster(home)
