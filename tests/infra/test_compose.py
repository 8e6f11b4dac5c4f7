"""The compose file keeps its rules: no container has more rights than it needs, or sees another's secrets."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from counterfoil.contract.services import SERVICES as LOGS
from counterfoil.settings import ADMIN, NAMES, USERS, read_settings
from tests.infra.compose import COMPOSE, INFRA, ONCE, OURS, ROOT, SERVICES

EVERY = pytest.mark.parametrize("name", SERVICES)
HOME = "/var/lib/counterfoil"


def mounts(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = SERVICES[name].get("volumes", [])
    return found


def subpaths(name: str, volume: str) -> dict[str, str]:
    """What a container mounts of a volume: {path in the volume: mount point}; an empty path is the whole volume."""
    return {
        each.get("volume", {}).get("subpath", ""): each["target"] for each in mounts(name) if each["source"] == volume
    }


def test_what_runs() -> None:
    profiles = {name: each.get("profiles", []) for name, each in SERVICES.items()}
    default = {name for name, found in profiles.items() if not found}
    assert default == {"secrets", "setup", "kafka-1", "postgres", *OURS}
    assert {found[0] for found in profiles.values() if found} == {"tools", "three-brokers", "observability"}
    assert {name for name in OURS if SERVICES[name]["command"] == ["serve", name]} == set(OURS)
    assert set(OURS) | {ADMIN} == set(USERS)


@EVERY
def test_nothing_has_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "ipc", "devices"} & service.keys()
    if name == "secrets":  # gives files to their readers, and is on no network
        assert (service["user"], service["network_mode"]) == ("0:0", "none")
        assert service["cap_add"] == ["CHOWN", "DAC_OVERRIDE", "FOWNER"]
    else:
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
        assert "cap_add" not in service


@EVERY
def test_images_are_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image == "counterfoil:local" or re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?", image)


def test_our_image_is_built_once_and_never_pulled() -> None:
    users = {name for name, each in SERVICES.items() if each["image"] == "counterfoil:local"}
    assert {name for name in users if "build" in SERVICES[name]} == {"secrets"}
    assert all(SERVICES[name]["pull_policy"] == "never" for name in users)  # for the builder too, or it would be pulled
    assert SERVICES["secrets"]["build"] == {"context": ".", "dockerfile": "infra/Dockerfile", "args": ["PIP_INDEX_URL"]}


@EVERY
def test_everything_is_bounded(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["pids_limit"] > 0
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    for place in service.get("tmpfs", []):
        assert re.search(r"size=\d+m", place)


@EVERY
def test_long_running_containers_are_checked_and_restarted(name: str) -> None:
    service = SERVICES[name]
    if name in ONCE:
        assert service["restart"] == "no"
        assert service["healthcheck"] == {"disable": True}
        return
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    if name in OURS:
        assert "/readyz" in service["healthcheck"]["test"][-1]
        assert service["stop_grace_period"] == "30s"


def test_published_ports_are_on_loopback() -> None:
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert published["gateway"] == ["127.0.0.1:8440:8440"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    always = [name for name in published if "profiles" not in SERVICES[name]]
    assert always == ["gateway"]
    assert COMPOSE["networks"]["back"] == {"internal": True}


@pytest.mark.parametrize("name", [*OURS, "setup", "cli"])
def test_settings_are_known_and_valid(name: str) -> None:
    given = {
        key.removeprefix("COUNTERFOIL_").lower(): value
        for key, value in SERVICES[name]["environment"].items()
        if key.startswith("COUNTERFOIL_")
    }
    assert given.keys() <= set(NAMES)
    settings = read_settings({key: value for key, value in given.items() if value is not None})
    assert settings.kafka is not None
    assert settings.database is not None
    assert str(settings.home) == HOME
    assert all(target.startswith(str(settings.secrets)) for target in subpaths(name, "secrets").values())


def test_each_service_sees_its_own_secrets_only() -> None:
    seen = {name: list(subpaths(name, "secrets")) for name in SERVICES if subpaths(name, "secrets")}
    owners = {"setup": ADMIN, "cli": ADMIN, "secrets": ""}
    assert seen == {name: [owners.get(name, name)] for name in seen}
    assert set(OURS) < seen.keys()


def test_each_service_sees_its_own_key_only() -> None:
    public = {"instance.json": f"{HOME}/instance.json"}
    own = ("log-keys/{}.pem", "logs/{}", "db/{}-signer")
    for name in OURS:
        expected = dict(public)
        if name in LOGS:
            expected |= {path.format(name): f"{HOME}/{path.format(name)}" for path in own}
        if name == "gateway":
            expected["logs"] = f"{HOME}/logs"
        assert subpaths(name, "home") == expected


def test_what_need_not_be_written_is_read_only() -> None:
    writable = {
        (name, each["target"]) for name in SERVICES for each in mounts(name) if not each.get("read_only", False)
    }
    logs = {(name, f"{HOME}/{path}") for name in LOGS for path in (f"logs/{name}", f"db/{name}-signer")}
    data = {
        *((f"kafka-{broker}", "/var/lib/kafka/data") for broker in (1, 2, 3)),
        ("postgres", "/var/lib/postgresql"),
        ("prometheus", "/prometheus"),
        ("grafana", "/var/lib/grafana"),
        ("secrets", "/secrets"),
        ("setup", HOME),
        ("cli", HOME),
    }
    assert writable == logs | data


@EVERY
def test_mounts_lead_somewhere(name: str) -> None:
    for each in mounts(name):
        if each["type"] == "bind":
            assert (ROOT / each["source"]).exists()
            assert each["read_only"] is True
        else:
            assert each["source"] in COMPOSE["volumes"]
            # Without this, the engine would look for the path when it creates the container, before the path exists.
            assert ("subpath" in each.get("volume", {})) == each.get("volume", {}).get("nocopy", False)


def test_everything_waits_for_what_it_needs() -> None:
    def waits(name: str) -> dict[str, str]:
        return {other: each["condition"] for other, each in SERVICES[name].get("depends_on", {}).items()}

    assert all(waits(name) == {"setup": "service_completed_successfully"} for name in OURS)
    # `docker compose run` always runs the dependencies: setup would migrate before `database check` looks.
    assert SERVICES["cli"]["depends_on"] == {}
    assert waits("setup") == {
        "secrets": "service_completed_successfully",
        **dict.fromkeys(("postgres", "kafka-1", "kafka-2", "kafka-3"), "service_healthy"),
    }
    optional = [name for name, each in SERVICES["setup"]["depends_on"].items() if not each.get("required", True)]
    assert optional == ["kafka-2", "kafka-3"]
    for name in SERVICES:
        if name != "cli" and subpaths(name, "secrets").keys() - {""}:
            assert "secrets" in waits(name) or "setup" in waits(name)


def test_postgresql_is_reached_by_tls_alone() -> None:
    program, *options = SERVICES["postgres"]["command"]
    settings = dict(each.removeprefix("--").split("=") for each in options)
    assert program == "postgres"
    assert settings["ssl"] == "on"
    assert settings["ssl_min_protocol_version"] == "TLSv1.3"
    (directory,) = subpaths("postgres", "secrets").values()
    assert settings["ssl_cert_file"] == settings["ssl_key_file"] == f"{directory}/server.pem"
    (rules,) = [each["source"] for each in mounts("postgres") if each["target"] == settings["hba_file"]]
    lines = [line.split() for line in (ROOT / rules).read_text().splitlines() if not line.startswith("#")]
    assert lines == [["local", "all", "postgres", "peer"], ["hostssl", "all", "all", "all", "scram-sha-256"]]


def test_passwords_come_in_files() -> None:
    for name, service in SERVICES.items():
        environment = service.get("environment", {})
        assert not [key for key in environment if "PASSWORD" in key and not key.endswith("FILE")], name


@pytest.mark.parametrize("script", sorted(INFRA.rglob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_sound(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert "set -euo pipefail" in script.read_text()
