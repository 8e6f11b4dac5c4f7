"""secrets.sh makes only missing files, each readable by its user only; its certificates pass a TLS handshake."""

from __future__ import annotations

import re
import ssl
import stat
import subprocess
from pathlib import Path

import pytest

from counterfoil.settings import USERS, Settings
from tests.infra.compose import INFRA

CERTIFICATES = ("postgres/server.pem", *(f"kafka-{broker}/keystore.pem" for broker in (1, 2, 3)))


def secrets(directory: Path, *arguments: str, script: Path = INFRA / "secrets.sh") -> subprocess.CompletedProcess[str]:
    command = ["bash", str(script), str(directory), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


@pytest.fixture
def made(tmp_path: Path) -> Path:
    assert secrets(tmp_path).returncode == 0
    return tmp_path


def test_every_user_gets_its_own_files(made: Path) -> None:
    found = contents(made)
    for user in USERS:
        own = {name.partition("/")[2] for name in found if name.startswith(f"{user}/")}
        passwords = {f"{server}-{each}" for server in ("kafka", "postgres") for each in (user, *USERS)}
        assert own == {
            "kafka-ca.pem",
            "postgres-ca.pem",
            *(passwords if user == "admin" else (f"kafka-{user}", f"postgres-{user}")),
        }
        settings = Settings(kafka="kafka:9092", database="postgresql://postgres/counterfoil", secrets=made / user)
        access = settings.kafka_access(user)
        assert access.ca == made / user / "kafka-ca.pem"
        assert access.password == found[f"admin/kafka-{user}"].decode().strip()
        database = settings.database_access(user)
        assert database.ca == made / user / "postgres-ca.pem"
        assert database.password == found[f"admin/postgres-{user}"].decode().strip()
    assert found["postgres/postgres-admin"] == found["admin/postgres-admin"]
    assert len({found[f"admin/{server}-{user}"] for server in ("kafka", "postgres") for user in USERS}) == 2 * len(
        USERS
    )
    assert re.fullmatch(rb"[0-9a-f]{64}\n", found["grafana/admin"])


def test_no_other_user_can_read_them(made: Path) -> None:
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in made.rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_run_again_it_changes_nothing(made: Path) -> None:
    before = contents(made)
    assert secrets(made).returncode == 0
    assert contents(made) == before


def test_what_is_missing_is_made(made: Path) -> None:
    before = contents(made)
    (made / "admin" / "postgres-views").unlink()
    (made / "kafka-2" / "keystore.pem").unlink()
    (made / "postgres" / "server.pem").unlink()
    assert secrets(made).returncode == 0
    changed = {name for name, data in contents(made).items() if before[name] != data}
    assert changed == {"admin/postgres-views", "views/postgres-views", "kafka-2/keystore.pem", "postgres/server.pem"}


@pytest.mark.parametrize(("days", "renewed"), [(60, True), (61, False)])
def test_certificates_that_end_soon_are_renewed(tmp_path: Path, days: int, *, renewed: bool) -> None:
    script, made = tmp_path / "brief.sh", tmp_path / "made"
    text = (INFRA / "secrets.sh").read_text()
    assert text.count("SERVER_DAYS=730") == 1
    script.write_text(text.replace("SERVER_DAYS=730", f"SERVER_DAYS={days}"))
    made.mkdir()
    assert secrets(made, script=script).returncode == 0
    before = contents(made)
    assert secrets(made).returncode == 0
    changed = {name for name, data in contents(made).items() if before[name] != data}
    assert changed == (set(CERTIFICATES) if renewed else set())


def test_a_new_authority_renews_every_certificate(made: Path) -> None:
    before = contents(made)
    (made / "ca" / "ca.pem").unlink()
    assert secrets(made).returncode == 0
    changed = {name for name, data in contents(made).items() if before[name] != data}
    authorities = {f"{user}/{server}-ca.pem" for user in USERS for server in ("kafka", "postgres")}
    brokers = {f"kafka-{broker}/ca.pem" for broker in (1, 2, 3)}
    assert changed == {"ca/ca.pem", "ca/ca.key", *CERTIFICATES, *authorities, *brokers}


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        (
            ["--renew", "ledger"],
            {f"{place}/{server}-ledger" for place in ("admin", "ledger") for server in ("kafka", "postgres")},
        ),
        (
            ["--renew", "admin"],
            {"admin/kafka-admin", "admin/postgres-admin", "postgres/postgres-admin", "admin/kafka-admin.old"}
            | {f"kafka-{broker}/kafka-admin" for broker in (1, 2, 3)},
        ),
        (["--new-cluster"], {"ca/cluster", "kafka-1/cluster", "kafka-2/cluster", "kafka-3/cluster"}),
    ],
)
def test_what_is_asked_for_is_renewed(made: Path, arguments: list[str], changes: set[str]) -> None:
    before = contents(made)
    assert secrets(made, *arguments).returncode == 0
    after = contents(made)
    assert {name for name, data in after.items() if before.get(name) != data} == changes
    assert after.get("admin/kafka-admin.old", before["admin/kafka-admin"]) == before["admin/kafka-admin"]


def test_wrong_use_changes_nothing(made: Path) -> None:
    before = contents(made)
    for arguments in (["--renew", "nobody"], ["--renew"], ["--other"]):
        done = secrets(made, *arguments)
        assert done.returncode == 2
        assert done.stderr
    assert contents(made) == before


def test_ids_are_of_kafkas_form(made: Path) -> None:
    lines = (made / "kafka-1" / "cluster").read_text().splitlines()
    found = dict(line.split("=") for line in lines)
    assert list(found) == ["CLUSTER_ID", "DIRECTORY_1", "DIRECTORY_2", "DIRECTORY_3"]
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", value) for value in found.values())
    assert len(set(found.values())) == 4


def broker(directory: Path) -> ssl.SSLContext:
    """A broker's context, which requires a client certificate too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "keystore.pem")
    context.load_verify_locations(directory / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def handshake(context: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """A TLS handshake in memory with a server. Raises ssl.SSLError."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(back, there, server_hostname=name),
        context.wrap_bio(there, back, server_side=True),
    )
    done: set[ssl.SSLObject] = set()
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                continue
    assert done == set(ends)


def test_brokers_accept_only_each_other(made: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    own = ssl.create_default_context(cafile=str(made / "views" / "kafka-ca.pem"))
    own.load_cert_chain(made / "kafka-2" / "keystore.pem")
    for name in ("kafka-1", "kafka", "localhost"):
        handshake(broker(made / "kafka-1"), own, name)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(broker(made / "kafka-1"), own, "kafka-2")

    other = tmp_path_factory.mktemp("other")
    assert secrets(other).returncode == 0
    stranger = ssl.create_default_context(cafile=str(made / "views" / "kafka-ca.pem"))
    stranger.load_cert_chain(other / "kafka-2" / "keystore.pem")
    with pytest.raises(ssl.SSLError, match="certificate verify failed"):
        handshake(broker(made / "kafka-1"), stranger, "kafka-1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(broker(other / "kafka-1"), own, "kafka-1")


def test_postgresql_proves_its_own_name_and_is_no_client(made: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    postgres = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    postgres.load_cert_chain(made / "postgres" / "server.pem")
    postgres.minimum_version = ssl.TLSVersion.TLSv1_3
    client = ssl.create_default_context(cafile=str(made / "views" / "postgres-ca.pem"))
    handshake(postgres, client, "postgres")
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(postgres, client, "kafka-1")
    client.load_cert_chain(made / "kafka-2" / "keystore.pem")
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(broker(made / "kafka-1"), client, "postgres")  # no broker can impersonate it

    other = tmp_path_factory.mktemp("other")
    assert secrets(other).returncode == 0
    with pytest.raises(ssl.SSLCertVerificationError, match="verify failed"):
        handshake(postgres, ssl.create_default_context(cafile=str(other / "views" / "postgres-ca.pem")), "postgres")

    intruder = ssl.create_default_context(cafile=str(made / "views" / "kafka-ca.pem"))
    intruder.load_cert_chain(made / "postgres" / "server.pem")
    with pytest.raises(ssl.SSLError, match="verify failed"):
        handshake(broker(made / "kafka-1"), intruder, "kafka-1")
