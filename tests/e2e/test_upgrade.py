"""A running deployment is upgraded as infra/README.md says: old release, new release, adopt new rules, audit.

The new release is this source tree with one more version of the rules, installed in a folder of its own. Kafka and
PostgreSQL are real; every component is a process.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import counterfoil
from counterfoil.bootstrap import provision
from counterfoil.core.rules import LATEST
from counterfoil.instance import Instance
from counterfoil.settings import ADMIN, Settings
from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.testbed.fleet import ONE_COMPONENT_EACH, PROGRAM, Fleet
from tests.e2e.founding import found_a_market, trade
from tests.e2e.running import Shell, eventually
from tests.servers.fixture import NewCluster

OLD, NEW = LATEST, LATEST + 1
TAKEN_OVER_WITHIN = 60.0

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("faults"), pytest.mark.timeout(300)]


def new_release(folder: Path) -> Path:
    """A program that runs this release with one more rules version."""
    package = folder / "counterfoil"
    shutil.copytree(Path(counterfoil.__file__).parent, package)
    with (package / "core" / "rules.py").open("a") as rules:
        rules.write(f"\nRULES = {{**RULES, {NEW}: replace(RULES[{OLD}], number={NEW})}}\nLATEST = {NEW}\n")
    script = folder / "new.py"
    run = "runpy.run_module('counterfoil', run_name='__main__')"
    script.write_text(f"import runpy, sys\nsys.path.insert(0, {str(folder)!r})\n{run}\n")
    return script


@contextmanager
def deployed(cluster: Cluster, folder: Path) -> Iterator[tuple[Fleet, Instance]]:
    """Every component of an instance that begins with the old rules, each a process of the old release."""
    here = {"kafka": cluster.kafka, "database": cluster.database, "secrets": cluster.secrets}
    settings = Settings().changed(here)
    kafka, database = settings.kafka_access(ADMIN), settings.database_access(ADMIN)
    provision.apply(kafka, database, brokers=cluster.brokers, secrets=cluster.secrets)
    instance = Instance.create(
        folder / "home", "upgrade.example", "Market operator (fictional)", rules=OLD, disclosure="public"
    )
    given = settings.changed({"home": instance.root, "log_level": "INFO"})
    with Fleet(given, folder / "processes") as fleet:
        for process in [fleet.launch(components) for components in ONE_COMPONENT_EACH]:
            fleet.wait_started(process)
        fleet.wait_ready()
        yield fleet, instance


def replace(fleet: Fleet, components: tuple[str, ...], suffix: str, program: tuple[str, ...]) -> None:
    """A rolling upgrade of one component: the new process is a standby until the old one stops."""
    (old,) = [name for name in fleet.processes if name.partition("+")[0] == ",".join(components)]
    fleet.start(components, suffix, program=program)
    assert fleet.stop(old) == {old: 0}
    eventually(fleet.processes[f"{','.join(components)}+{suffix}"].is_active)


def audited(program: tuple[str, ...], shell: Shell, instance: Instance) -> subprocess.CompletedProcess[str]:
    """An audit by a release."""
    command = [sys.executable, *program, "audit", str(instance.root), "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=shell.environment, timeout=60)


def test_old_release_new_release_adopt_audit(new_cluster: NewCluster, tmp_path: Path) -> None:
    program = (str(new_release(tmp_path / "new")),)
    with new_cluster() as cluster, deployed(cluster, tmp_path) as (fleet, instance):
        shell = Shell(instance.root, fleet.url)
        found_a_market(shell, tmp_path)
        trade(shell)
        eventually(lambda: shell.ok("usage", "contracts"))
        adopt = ("rules", "adopt", str(NEW), "--replaces", str(OLD), "--as", "operator", "--json")

        # Too early: an old service does not know the rules and refuses the command without an entry.
        early = shell.run(*adopt)
        assert (early.code, early.error["code"]) == (4, "unknown_rules")

        # Upgrade every component while the market is open; an old standby of redemption is forgotten.
        for components in ONE_COMPONENT_EACH:
            replace(fleet, components, "new", program)
        shell.url = fleet.url
        fleet.start(("redemption",), "forgotten")
        assert [row["rules"] for row in shell.ok("rules", "list")] == [OLD]
        deposit = (
            "balance",
            "deposit",
            "acme",
            "--currency",
            "USD",
            "--amount",
            "100",
            "--reference",
            "BETWEEN",
            "--as",
            "treasury",
        )
        assert shell.ok(*deposit)["index"] > 0

        # Adopt: every log continues with the new rules, and so does the market.
        assert shell.ok(*adopt[:-1])["id"].startswith("operator/")
        eventually(lambda: [row["rules"] for row in shell.ok("rules", "list")] == [OLD, NEW])
        again = shell.run(*adopt)
        assert (again.code, again.error["code"]) == (4, "rules_not_in_force")
        trade(shell)
        eventually(lambda: len(shell.ok("usage", "contracts")) == 2)

        # The forgotten standby takes over, finds rules that it lacks, and stops before it writes anything.
        assert fleet.stop("redemption+new") == {"redemption+new": 0}
        size = len(shell.ok("usage", "contracts"))
        ended = fleet.processes["redemption+forgotten"]
        deadline = time.monotonic() + TAKEN_OVER_WITHIN
        while ended.popen.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert fleet.wait_ended(ended.name) == 3
        assert f"rules version {NEW} needs release {counterfoil.__version__} or later" in ended.tail()
        fleet.start(("redemption",), "again", program=program)
        fleet.wait_ready()
        assert len(shell.ok("usage", "contracts")) == size

        fleet.stop()
    ran = audited(program, shell, instance)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for log in json.loads(ran.stdout)["logs"]:
        assert [each["version"] for each in log["rules"]] == [OLD, NEW], log["origin"]
    ran = audited(PROGRAM, shell, instance)
    assert ran.returncode == 2, ran.stdout
    assert (
        f"install release {counterfoil.__version__}" in ran.stderr
        or f"needs release {counterfoil.__version__}" in ran.stderr
    )
