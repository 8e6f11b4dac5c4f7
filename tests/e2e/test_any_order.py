"""Services started before Kafka and PostgreSQL: they wait, report for what and what to do, stop at once on a signal,
and become active as soon as these are available.
"""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from counterfoil.contract.services import SERVICES
from counterfoil.settings import GATEWAY, VIEWS, Settings, environment
from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.testbed.fleet import Fleet, ServiceProcess
from tests.e2e.running import EVENTUALLY, STARTS_WITHIN
from tests.e2e.secured import Operator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.xdist_group("servers"),
    pytest.mark.timeout(240),
]

AT_ONCE = 10  # seconds; on a busy machine an interpreter takes some to end
REST = ("issuance", "matching", "redemption")


class Begun:
    """An instance with a secure cluster that is planned but not running, and processes that wait for it."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.cluster = Cluster(root)
        self.cluster.make(1, secure=True)
        self.shell = Operator(Settings().changed({**self.cluster.addresses, "home": folder / "home"}))
        self.shell.ok("init", "--host", "patient.example")
        self.fleet = Fleet(self.shell.settings, folder / "processes")

    def start(self, *components: str, suffix: str = "", **changes: Any) -> ServiceProcess:
        """Start one process for these components."""
        return self.fleet.start(components, suffix, **changes)

    def bad_secrets(self, name: str, text: str | None) -> Path:
        """A copy of the passwords in which one is wrong, or missing."""
        assert self.cluster.secrets is not None
        copied = self.cluster.root / f"without-{name}"
        shutil.copytree(self.cluster.secrets, copied)
        (copied / name).unlink()
        if text is not None:
            (copied / name).write_text(text)
            (copied / name).chmod(0o600)
        return copied


def reasons(process: ServiceProcess) -> str:
    """Why the process is not ready; it must be live."""
    assert process.probe("livez").status_code == httpx.codes.OK
    answer = process.probe("readyz")
    if answer.status_code == httpx.codes.OK:
        return ""
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    return "; ".join(f"{name}: {found}" for name, found in answer.json()["checks"].items() if found != "ok")


def says(process: ServiceProcess, *words: str) -> None:
    """Wait until its readiness and its log contain these words; its log must have no traceback."""
    ends = time.monotonic() + EVENTUALLY
    while not all(word in (found := reasons(process)) for word in words):
        assert time.monotonic() < ends, f"{process.name} says {found!r}, not {words}"
        time.sleep(0.05)
    log = process.log.read_text()
    assert all(word in log for word in words)
    assert "Traceback" not in log


@pytest.fixture
def begun(cluster_directory: Path, tmp_path: Path) -> Iterator[Begun]:
    """Nothing runs yet; processes that the test starts are stopped after it."""
    made = Begun(cluster_directory / secrets.token_hex(4), tmp_path)
    try:
        with made.fleet:
            yield made
    finally:
        made.cluster.down(1)
        made.cluster.remove()


@pytest.mark.drill
def test_services_started_first_wait_and_become_active_later(begun: Begun, tmp_path: Path) -> None:
    ledger, rest, gateway = begun.start("ledger"), begun.start(*REST), begun.start(GATEWAY)
    for process in (ledger, rest, gateway):
        says(process, "Connection refused", str(begun.cluster.port))
    for components in (("ledger",), (GATEWAY,)):
        process = begun.start(*components, suffix="stopped")
        says(process, "Connection refused")
        ends_at_once(begun, process)
    with ThreadPoolExecutor(2) as pool:
        started = [pool.submit(begun.cluster.start_postgres), pool.submit(begun.cluster.start_broker, 1)]
    assert [each.result() for each in started] == [None, None]
    for process in (ledger, rest, gateway):
        says(process, "`counterfoil database apply`")
    assert begun.shell.ok("database", "apply")["findings"] == []
    says(ledger, "run `counterfoil topics apply`", "counterfoil.ledger.commands")
    says(rest, "run `counterfoil topics apply`", "counterfoil.matching.commands")
    says(gateway, "`counterfoil serve views`")
    views = begun.start(VIEWS)
    for process in (views, gateway):
        says(process, "run `counterfoil topics apply`", "counterfoil.ledger.entries")
    assert begun.shell.ok("topics", "apply")["findings"] == []
    begun.fleet.wait_ready(within=STARTS_WITHIN)
    assert [reasons(process) for process in (ledger, rest, views, gateway)] == [""] * 4
    begun.shell.url = begun.fleet.url
    begun.shell.ok("keys", "new", "acme")
    begun.shell.ok("party", "register", "acme", "--name", "Acme", "--role", "beneficiary", "--as", "operator")
    what_is_wrong_is_named(begun, tmp_path)
    assert set(begun.fleet.stop().values()) == {0}


def ends_at_once(begun: Begun, process: ServiceProcess) -> None:
    """It stops at once on SIGTERM, while it waits."""
    began = time.monotonic()
    begun.fleet.kill(process.name, signal.SIGTERM)
    assert begun.fleet.wait_ended(process.name) == 0
    assert time.monotonic() - began < AT_ONCE
    assert "Traceback" not in process.log.read_text()


def what_is_wrong_is_named(begun: Begun, folder: Path) -> None:
    """Faults in the setup of another gateway, a standby, or another instance are named."""
    for component, name, who in [
        (GATEWAY, "kafka-gateway", "counterfoil-gateway"),
        (GATEWAY, "postgres-gateway", "counterfoil_gateway"),
        ("ledger", "kafka-ledger", "counterfoil-ledger"),
    ]:
        process = begun.start(component, suffix=name, secrets=begun.bad_secrets(name, "wrong"))
        says(process, "the password in COUNTERFOIL_SECRETS", who)
        ends_at_once(begun, process)
    missing, garbage = begun.bad_secrets("postgres-views", None), begun.bad_secrets("kafka-ca.pem", "garbage")
    other = Operator(begun.shell.settings.changed({"home": folder / "other"}))
    other.ok("init", "--host", "patient.example")
    for component, changes, code, words in [
        (VIEWS, {"secrets": missing}, 2, f"there is no {missing / 'postgres-views'}"),
        (VIEWS, {"secrets": garbage}, 2, f"{garbage / 'kafka-ca.pem'} is no certificate"),
        (GATEWAY, {"home": other.home}, 2, "not this instance's patient.example/issuance/main"),
        ("ledger", {"home": other.home}, 3, "not this instance's patient.example/ledger/main"),
    ]:
        if component in SERVICES:
            assert begun.fleet.stop(component) == {component: 0}  # else the new one would be a standby
        process = begun.start(component, suffix=f"wrong-{code}-{len(words)}", **changes)
        assert begun.fleet.wait_ended(process.name) == code, process.tail()
        assert words in process.tail()
        assert "Traceback" not in process.tail()


def test_a_log_collector_gets_only_objects(begun: Begun) -> None:
    """The banner, the last message and warnings are objects, too; no line is plain text."""
    settings = begun.shell.settings.changed({"log_format": "json", "listen": "0.0.0.0:0"})
    command = [sys.executable, "-m", "counterfoil", "serve", "ledger", GATEWAY]
    with subprocess.Popen(
        command, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        banner = json.loads(process.stdout.readline())
        assert banner["serves"] == ["ledger", GATEWAY]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=EVENTUALLY)
    assert process.returncode == 0
    assert out == ""
    assert all({"time", "level", "message", "service"} <= json.loads(line).keys() for line in err.splitlines())
