"""`counterfoil database`: what it prints, what it refuses, and its exit codes, on a real PostgreSQL."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from counterfoil.access import DatabaseAccess
from counterfoil.private_files import write_password
from counterfoil.settings import USERS
from counterfoil.storage.tables import LOG_KIND
from tests.cli.command_line import invoke
from tests.servers.fixture import PostgresServer
from tests.storage.server import PASSWORDS, connect, roles_alone

Run = Callable[..., Any]


@pytest.fixture
def access(postgres: PostgresServer) -> Iterator[DatabaseAccess]:
    """An empty database, while no other test changes the roles."""
    with roles_alone():
        yield postgres.new_database()


@pytest.fixture
def run(access: DatabaseAccess, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line as the administrator: exit code, standard output, standard error."""
    monkeypatch.setenv("COUNTERFOIL_DATABASE", f"postgresql://{access.host}:{access.port}/{access.name}")

    return partial(invoke, "database")


def test_apply_says_what_it_did_and_check_agrees(run: Run) -> None:
    code, out, _ = run("check")
    assert code == 1
    assert "schema ledger: missing" in out
    code, out, _ = run("apply")
    assert code == 0
    assert f"schema ledger: {LOG_KIND.revision}" in out
    assert "schema views: views_2" in out
    code, out, _ = run("apply", "--json")
    assert (code, json.loads(out)) == (0, {"changes": [], "findings": []})
    assert run("check")[:2] == (0, "no drift\n")


def test_what_apply_cannot_mend_is_exit_code_1(run: Run, access: DatabaseAccess) -> None:
    run("apply")
    with connect(access) as session:
        session.execute("ALTER TABLE ledger.entries DISABLE TRIGGER entries_no_change")
    finding = "ledger.entries: trigger entries_no_change is missing or switched off"
    for command in ("apply", "check"):
        code, out, _ = run(command, "--json")
        assert (code, json.loads(out)["findings"]) == (1, [finding])


def test_passwords_come_from_files_that_only_their_owner_reads(
    run: Run, access: DatabaseAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFOIL_SECRETS", str(tmp_path))
    assert run("apply")[0] == 2  # there is no password of the administrator
    for user in USERS:
        write_password(tmp_path / f"postgres-{user}", PASSWORDS.get(user) or access.password or "not asked for")
    code, out, error = run("apply")
    assert code == 0
    assert "schema ledger: created" in out
    assert str(PASSWORDS["ledger"]) not in out + error
    assert run("apply")[1] == "nothing to change: no drift\n"
    os.chmod(tmp_path / "postgres-ledger", 0o644)  # noqa: PTH101
    code, _, error = run("apply")
    assert code == 2
    assert "can be read by others" in error


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, "COUNTERFOIL_DATABASE: not set"),
        ("postgresql://127.0.0.1:1/counterfoil", "refused"),
        ("postgresql://user:password@127.0.0.1/counterfoil", "without user"),
    ],
)
def test_a_server_that_cannot_be_reached(
    run: Run, monkeypatch: pytest.MonkeyPatch, url: str | None, message: str
) -> None:
    if url is None:
        monkeypatch.delenv("COUNTERFOIL_DATABASE")
    else:
        monkeypatch.setenv("COUNTERFOIL_DATABASE", url)
    for command in ("apply", "check"):
        code, out, error = run(command, "--json")
        assert (code, out) == (2, "")
        assert message in json.loads(error)["error"]["meaning"]
