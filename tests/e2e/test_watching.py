"""What is seen of `counterfoil up`: probes, metrics and logs, by the names of the distributed form."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from counterfoil.ops.metrics import NAMES
from tests.e2e.running import STOPS_WITHIN, Shell, eventually

pytestmark = pytest.mark.e2e

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_HERE = {"counterfoil_dead_letters_total", "counterfoil_recoveries_total"}
"""Metrics of what did not happen: their series begin with the first."""


@contextmanager
def watched(shell: Shell, *options: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """`up` with JSON logs; what it printed at its start."""
    command = [sys.executable, "-m", "counterfoil", "up", "--port", "0", *options]
    environment = {**shell.environment, "COUNTERFOIL_LOG_FORMAT": "json"}
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env=environment, **streams)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline()), process
    finally:
        process.kill()
        process.communicate(timeout=STOPS_WITHIN)


def test_up_is_watched_as_the_distributed_form_is(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    shell.ok("init", "--host", "watched.example")
    with watched(shell, "--request-log") as (found, process):
        probes, url = found["probes"], found["url"]
        assert probes.startswith("http://127.0.0.1:")
        eventually(lambda: httpx.get(f"{probes}/readyz").is_success)  # views follow a moment later
        bodies = {page: httpx.get(f"{probes}/{page}") for page in ("startupz", "livez", "readyz")}
        assert {page: each.status_code for page, each in bodies.items()} == dict.fromkeys(bodies, 200)
        checks = set(bodies["readyz"].json()["checks"])
        assert {"started", "ledger", "ledger-steps", "ledger-publication", "ledger-clock", "consumers"} <= checks
        assert {"views", "views-steps", "views-catching-up", "gateway", "gateway-steps"} <= checks

        refused = {"payload": "c2VjcmV0", "payloadType": "x", "signatures": []}
        httpx.post(f"{url}/v1/commands", json=refused, headers={"Authorization": "Bearer tok-secret"})
        for path in ("/v1/parties?group_id=secret", "/secret", "/v1/limits"):
            httpx.get(f"{url}{path}", headers={"traceparent": TRACE, "Authorization": "Bearer tok-secret"})
        families = {each.name for each in text_string_to_metric_families(httpx.get(f"{probes}/metrics").text)}
        assert {name.removesuffix("_total") for name in NAMES - NOT_HERE} <= families
        lag = {
            (each.labels["consumer"], each.labels["source"])
            for family in text_string_to_metric_families(httpx.get(f"{probes}/metrics").text)
            for each in family.samples
            if each.name == "counterfoil_consumer_lag"
        }
        assert ("ledger", "counterfoil.ledger.commands") in lag
        assert ("views", "counterfoil.matching.entries") in lag

        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=STOPS_WITHIN)
    assert (process.returncode, out) == (0, "")
    lines = [json.loads(line) for line in err.splitlines()]
    asked = [each for each in lines if each["logger"].startswith("counterfoil.requests")]
    routes = [(each["method"], each["route"], each["status"]) for each in asked]
    assert routes[0][:2] == ("POST", "/v1/commands")
    assert routes[1:] == [("GET", "/v1/parties", 401), ("GET", "-", 404), ("GET", "/v1/limits", 200)]
    assert asked[-1]["trace_id"] == TRACE[3:35]
    assert "secret" not in err


def test_requests_are_logged_only_where_that_is_asked_for_and_strangers_are_bounded(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    shell.ok("init", "--host", "watched.example")
    for options, lines in (((), 0), (("--request-log",), 5)):
        with watched(shell, *options) as (found, process):
            with httpx.Client() as client:
                for _ in range(20):
                    client.get(f"{found['url']}/{os.urandom(4).hex()}")
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=STOPS_WITHIN)[1].count("\n") == lines
