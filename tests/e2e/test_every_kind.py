"""Commands of every kind, sent by the Python client through a proxy that loses, delays, repeats and cuts off."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from counterfoil.client import Author, Client, Kept, RefusedByService, Unreachable, Unsettled, parse_vkeys
from counterfoil.contract.entry import Entry
from counterfoil.contract.record import Command
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.key_files import read_key
from counterfoil.ledger.commands import Deposit
from counterfoil.vocabulary import CODEC
from tests.audit.forge import read_entries
from tests.e2e.founding import PARTIES, PROGRAMME, found_a_market
from tests.e2e.proxy import FATES, FaultyProxy
from tests.e2e.running import Shell, eventually, idle, serving
from tests.golden.cases import size_of

pytestmark = pytest.mark.e2e

COMMANDS: Final = int(os.environ.get("COMMANDS", "90"))
ATTEMPTS: Final = 60
ROLES: Final = {"operator": "operator", **{role: name for name, role in PARTIES.items()}}
GUEST: Final = "guest"
"""It gives the commands that need no role, such as the one that closes it."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A served instance."""
    folder = tmp_path_factory.mktemp("market")
    shell = Shell(folder / "home")
    shell.ok("init", "--host", "market.example")
    with serving(shell):
        found_a_market(shell, folder)
        shell.ok("keys", "new", GUEST)
        shell.ok("party", "register", GUEST, "--name", "Guest", "--role", "provider", "--as", "operator")
        yield shell


def samples() -> list[tuple[Command, ...]]:
    """One command of each kind, from the published vectors; the one that closes its actor last."""
    vectors = json.loads(Path("schemas/vectors/commands.json").read_bytes())["commands"]
    found = [CODEC.decode_payload(each["payload"].encode(), bytes(64)).bodies for each in vectors]
    return sorted(found, key=lambda bodies: bodies[0].TYPE == "close_party")


def accepted(nth: int) -> list[tuple[Command, ...]]:
    """Commands that are accepted, one of them a batch."""
    vouchers = [IssueVoucher(programme_id=PROGRAMME, beneficiary_id="acme", amount=10**6 + 2 * nth + n) for n in (0, 1)]
    paid_in = Deposit(party_id="acme", currency="USD", amount=10_000, payment_reference=f"K-{nth}")
    return [(vouchers[0],), tuple(vouchers), (paid_in,)]


class Told:
    """What the clients were told of each command that they sent."""

    def __init__(self) -> None:
        self.outcomes: dict[str, tuple[str, ...]] = {}
        """By its id: of each of its commands the refusal's code, or nothing; one code if it has no entry."""
        self._sent: list[str] = []

    def sending(self, kept: Kept) -> None:
        """Note the id, as a program would that asks for its outcome later; sent again, a command has the same."""
        if kept.header.command_id not in self._sent[-1:]:
            self._sent.append(kept.header.command_id)

    def send(self, client: Client, bodies: tuple[Command, ...]) -> None:
        """Send until its outcome is known: what was not sent is sent anew, what is unsettled is sent again."""
        before = len(self._sent)
        for _ in range(ATTEMPTS):
            try:
                told = self._settle(client, bodies)
            except Unsettled:
                raise
            except Unreachable:
                assert len(self._sent) == before, "it was sent, and nothing is kept of it"
                continue
            assert len(self._sent) == before + 1
            self.outcomes[self._sent[-1]] = told
            return
        raise AssertionError(f"{bodies[0].TYPE}: never sent")

    def _settle(self, client: Client, bodies: tuple[Command, ...]) -> tuple[str, ...]:
        try:
            try:
                entry = client.send(bodies if len(bodies) > 1 else bodies[0]).proven.entry
            except Unsettled:
                entry = self._again(client)
        except RefusedByService as refused:
            return (refused.code,)
        return codes(entry)

    def _again(self, client: Client) -> Entry:
        (kept,) = client.unsettled()
        for _ in range(ATTEMPTS):
            try:
                return client.resend(kept).proven.entry
            except Unreachable:
                continue
        raise AssertionError(f"{kept.header.command_id}: never settled")


def codes(entry: Entry) -> tuple[str, ...]:
    """What an entry says of each of its commands."""
    return tuple("" if each.refusal is None else each.refusal.code.value for each in entry.outcomes)


def logged(home: Path) -> list[Entry]:
    """All entries of all published logs."""
    logs = [(path.parent, size_of(path.read_bytes())) for path in sorted((home / "logs").glob("*/main/checkpoint"))]
    return [CODEC.decode_entry(data) for log, size in logs for data in read_entries(log, size)]


def test_each_took_effect_once_and_was_told_as_it_is_logged(market: Shell, tmp_path: Path) -> None:
    """COMMANDS=1000 plays a thousand, which takes some minutes."""
    pinned, told = parse_vkeys((market.home / "vkeys").read_text()), Told()
    with FaultyProxy(market.url, seed=11) as proxy, ExitStack() as opened:
        clients = {}
        for name in (*ROLES.values(), GUEST):
            author = Author(name, read_key(market.home / "keys" / f"{name}.pem"))
            client = Client(
                proxy.url, author, tmp_path / name, pinned=pinned, sending=told.sending, pauses=(0.0,) * 4,
                sleep=lambda seconds: time.sleep(min(seconds, 0.2)),
            )  # fmt: skip
            clients[name] = opened.enter_context(client)
        nth = 0
        while len(told.outcomes) < COMMANDS:
            for bodies in [*samples(), *accepted(nth)]:
                by = next((ROLES[role] for role in bodies[0].ROLES if role in ROLES), GUEST)
                told.send(clients[by], bodies)
            nth += 1
        assert all(proxy.fates[fate.__name__] for fate, _ in FATES), proxy.fates
        assert not any(client.unsettled() for client in clients.values())
    eventually(lambda: idle(market))
    entries: dict[str, list[Entry]] = {}
    for entry in eventually(lambda: _whole(market.home, told)):
        entries.setdefault(entry.id.rpartition("/")[2], []).append(entry)
    for command_id, outcome in told.outcomes.items():
        found = entries.get(command_id, [])
        assert len(found) <= 1, f"{command_id} is logged {len(found)} times"
        assert not found or codes(found[0]) == outcome, (command_id, outcome)
        assert found or outcome != ("",), f"{command_id} was accepted, and is in no log"
    assert len([None for outcome in told.outcomes.values() if set(outcome) == {""}]) >= 3 * nth
    faces = Counter(row["face"] for row in market.ok("voucher", "list", "--where", "beneficiary_id=acme"))
    for n in range(nth):
        assert (faces[str(10**6 + 2 * n)], faces[str(10**6 + 2 * n + 1)]) == (2, 1), faces


def _whole(home: Path, told: Told) -> list[Entry]:
    """The logs, once they are published as far as what was accepted."""
    entries = logged(home)
    there = {entry.id.rpartition("/")[2] for entry in entries}
    missing = [each for each, outcome in told.outcomes.items() if set(outcome) == {""} and each not in there]
    return [] if missing else entries
