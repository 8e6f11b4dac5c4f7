"""kafka/run.sh: a broker's settings, which brokers it refuses to start, and that no command line shows a password."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.infra.compose import INFRA

PASSWORD = "0123456789abcdef"
JAVA = """#!/bin/bash
echo "$*" >>"$CALLS"
for word in "$@"; do case $word in @*) cat "${word#@}" >>"$CALLS.read" ;; esac; done
"""


class Box:
    """Directories in place of a container's, and a fake `java` that records its calls."""

    def __init__(self, root: Path) -> None:
        self.root, self.calls = root, root / "calls"
        for name in ("secrets", "data", "work", "bin"):
            (root / name).mkdir()
        self.cluster("AAAAAAAAAAAAAAAAAAAAAA")
        (root / "secrets" / "kafka-admin").write_text(f"{PASSWORD}\n")
        java = root / "bin" / "java"
        java.write_text(JAVA)
        java.chmod(0o755)
        text = (INFRA / "kafka" / "run.sh").read_text()
        places = {"/etc/kafka/secrets": "secrets", "/var/lib/kafka/data": "data", "/tmp/kafka": "work"}
        for path, name in places.items():
            assert path in text
            text = text.replace(path, str(root / name))
        (root / "run.sh").write_text(text)

    def cluster(self, name: str) -> None:
        ids = "".join(f"DIRECTORY_{node}=dir{node}\n" for node in (1, 2, 3))
        (self.root / "secrets" / "cluster").write_text(f"CLUSTER_ID={name}\n{ids}")

    def run(self, node: int, profiles: str = "") -> subprocess.CompletedProcess[str]:
        self.calls.write_text("")
        environment = {
            "PATH": f"{self.root / 'bin'}:/usr/bin:/bin", "CALLS": str(self.calls), "KAFKA_NODE": str(node),
            "PROFILES": profiles,
        }  # fmt: skip
        command = ["bash", str(self.root / "run.sh")]
        return subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=30)

    @property
    def properties(self) -> dict[str, str]:
        lines = (self.root / "work" / "server.properties").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_one_broker(box: Box) -> None:
    assert box.run(1, "observability").returncode == 0
    found = box.properties
    assert found["controller.quorum.bootstrap.servers"] == "kafka-1:9094"
    assert {found[name] for name in found if name.endswith(("replication.factor", ".isr", "min.insync.replicas"))} == {
        "1"
    }


def test_three_brokers(box: Box) -> None:
    assert box.run(3, "observability,three-brokers").returncode == 0
    found = box.properties
    assert found["node.id"] == "3"
    assert found["controller.quorum.bootstrap.servers"] == "kafka-1:9094,kafka-2:9094,kafka-3:9094"
    assert {found[name] for name in found if name.endswith("replication.factor")} == {"3"}
    assert {found[name] for name in found if name.endswith((".isr", "min.insync.replicas"))} == {"2"}
    voters = "1@kafka-1:9094:dir1,2@kafka-2:9094:dir2,3@kafka-3:9094:dir3"
    assert f"--initial-controllers {voters}\n" in Path(f"{box.calls}.read").read_text()


def test_clients_need_authentication_and_rights(box: Box) -> None:
    box.run(1)
    found = box.properties
    assert found["listener.security.protocol.map"] == "CLIENTS:SASL_SSL,BROKERS:SSL,CONTROLLER:SSL"
    assert found["ssl.client.auth"] == "required"
    assert found["sasl.enabled.mechanisms"] == "SCRAM-SHA-512"
    assert found["allow.everyone.if.no.acl.found"] == "false"
    assert found["super.users"].split(";")[0] == "User:counterfoil-admin"
    assert found["auto.create.topics.enable"] == found["unclean.leader.election.enable"] == "false"


def test_the_password_is_on_no_command_line_and_in_no_file(box: Box) -> None:
    done = box.run(1)
    assert f"password={PASSWORD}]" in Path(f"{box.calls}.read").read_text()  # read from the file by the launcher
    assert PASSWORD not in box.calls.read_text() + done.stdout + done.stderr
    kept = [path for name in ("work", "data") for path in (box.root / name).rglob("*") if path.is_file()]
    assert kept
    assert not any(PASSWORD in path.read_text() for path in kept)


def test_it_formats_once(box: Box) -> None:
    box.run(1)
    assert len(box.calls.read_text().splitlines()) == 2
    assert box.run(1).returncode == 0
    (started,) = box.calls.read_text().splitlines()
    assert started.endswith(f"kafka.Kafka {box.root / 'work' / 'server.properties'}")


def test_a_broker_that_the_profile_does_not_have_refuses(box: Box) -> None:
    done = box.run(2, "observability")
    assert done.returncode == 1
    assert "COMPOSE_PROFILES" in done.stderr
    assert box.calls.read_text() == ""


@pytest.mark.parametrize("change", ["count", "cluster"])
def test_storage_of_another_cluster_is_not_touched(box: Box, change: str) -> None:
    box.run(1)
    if change == "cluster":
        box.cluster("BBBBBBBBBBBBBBBBBBBBBB")
    done = box.run(1, "three-brokers" if change == "count" else "")
    assert done.returncode == 1
    assert "belongs to cluster" in done.stderr
    assert box.calls.read_text() == ""
