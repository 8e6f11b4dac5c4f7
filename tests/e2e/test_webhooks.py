"""Webhooks from the command line and the client, with a receiver that fails and a server that is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterfoil.client.asynchronous import AsyncGateway
from counterfoil.client.http import Gateway
from counterfoil.client.sessions import Tokens
from tests.e2e.running import Shell, eventually, serving
from tests.gateway.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An instance whose webhooks may name this machine, with a party."""
    made = Shell(tmp_path_factory.mktemp("market"), disclosure="restricted")
    made.more["COUNTERFOIL_WEBHOOKS"] = "loopback"
    made.ok("init", "--host", "market.example")
    return made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that fails now and then."""
    with receiving(lambda number: 503 if number == 1 else 204) as found:
        yield found


def deposit(shell: Shell, reference: str) -> None:
    words = ("acme", "--amount", "10", "--currency", "USD", "--reference", reference, "--as", "bank")
    shell.soon("balance", "deposit", *words)


def references(receiver: Receiver) -> list[str]:
    """What was deposited, as it came."""
    return [each.event["data"].get("payment_reference", "") for each in receiver.messages if each.status == 204]


def test_every_event_comes_although_the_server_is_killed(shell: Shell, receiver: Receiver, tmp_path: Path) -> None:
    with serving(shell) as process:
        for party, role in (("acme", "beneficiary"), ("bank", "treasurer")):
            shell.ok("keys", "new", party)
            shell.ok("party", "register", party, "--name", party, "--role", role, "--as", "operator")
        words = ("--type", "cash.deposited.v1", "--as", "acme")
        made = shell.soon("webhook", "create", receiver.url(), *words)
        for number in range(4):
            deposit(shell, f"P-{number}")
        eventually(lambda: len(receiver.messages) >= 2)
        process.kill()
    with serving(shell):
        for number in range(4, 6):
            deposit(shell, f"P-{number}")
        shell.ok("webhook", "resume", made["id"], "--as", "acme")
        eventually(lambda: list(dict.fromkeys(references(receiver))) == [f"P-{number}" for number in range(6)])
        eventually(lambda: shell.ok("webhook", "show", made["id"], "--as", "acme")["delivered"] >= 5)
        _commands(shell, made, receiver, tmp_path)
        _client(shell, receiver)


def _commands(shell: Shell, made: dict[str, Any], receiver: Receiver, tmp_path: Path) -> None:
    last = receiver.messages[-1]
    (tmp_path / "body").write_bytes(last.body)
    (tmp_path / "headers").write_text("".join(f"{name}: {value}\n" for name, value in last.headers.items()))
    (tmp_path / "secret").write_text(made["secret"] + "\n")
    words = ("webhook", "verify", tmp_path / "body", "--headers", tmp_path / "headers")
    checked = shell.ok(*words, "--secret-file", tmp_path / "secret", "--tolerance", "300")
    assert (checked["verified"], checked["event"]) == (True, last.event)
    (tmp_path / "body").write_bytes(last.body + b" ")
    refused = shell.run(*words, "--secret-file", tmp_path / "secret", "--json")
    assert (refused.code, refused.json["code"]) == (1, "bad_signature")

    (listed,) = shell.ok("webhook", "list", "--as", "acme")
    assert (listed["state"], listed["url"], "secret" in listed) == ("active", receiver.url(), False)
    assert shell.ok("webhook", "pause", made["id"], "--as", "acme")["state"] == "paused"
    assert shell.ok("webhook", "test", made["id"], "--as", "acme") == {"delivered": True, "status": "204"}
    assert shell.ok("webhook", "secret", made["id"], "--as", "acme")["secret"] != made["secret"]
    assert shell.ok("webhook", "resume", made["id"], "--as", "acme")["state"] == "active"
    count = len(references(receiver))
    shell.ok("webhook", "replay", made["id"], "--since", "1h", "--as", "acme")
    eventually(lambda: len(references(receiver)) == count + 6)
    assert shell.run("webhook", "replay", made["id"], "--as", "acme").code == 2
    assert shell.ok("webhook", "delete", made["id"], "--as", "acme") == {"deleted": made["id"]}
    assert shell.ok("webhook", "list", "--as", "acme") == []

    printed = shell.run("feed", "--since", "1h", "--as", "acme")
    assert printed.out.count("cash.deposited.v1") == 6
    assert len(shell.run("feed", "--count", "2", "--follow", "--as", "acme", "--json").out.splitlines()) == 2


def _client(shell: Shell, receiver: Receiver) -> None:
    token = _token(shell)
    with Gateway(shell.url, token=token) as gateway:
        types = [each["type"] for each in gateway.feed()]
        assert types.count("cash.deposited.v1") == 6
        made = gateway.create_webhook(receiver.url(), ["cash.deposited.v1"])
        assert gateway.webhook(made["id"])["position"] == gateway.feed_page("", wait=0)["next"]

    async def same() -> None:
        async with AsyncGateway(shell.url, token=token) as gateway:
            assert [each["id"] for each in await gateway.webhooks()] == [made["id"]]
            assert (await gateway.pause_webhook(made["id"]))["state"] == "paused"
            assert [each["type"] async for each in gateway.feed()] == types
            await gateway.delete_webhook(made["id"])

    asyncio.run(same())


def _token(shell: Shell) -> str:
    """The token that the commands before have kept."""
    kept = Tokens(shell.home / "keys" / "sessions").find(shell.url, "acme")
    assert kept is not None
    return kept.token
