"""Every command takes effect once, and its outcome is told correctly, whatever happens between client and gateway."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from counterfoil.client.http import Gateway
from tests.e2e.founding import PROGRAMME, found_a_market
from tests.e2e.proxy import FATES, FaultyProxy, answer_lost
from tests.e2e.running import Ran, Shell, serving

pytestmark = pytest.mark.e2e

COMMANDS = int(os.environ.get("COMMANDS", "60"))
ATTEMPTS = 60
ISSUE = ("voucher", "issue", "--programme", PROGRAMME, "--beneficiary", "acme", "--amount")
DEPOSIT = ("balance", "deposit", "acme", "--currency", "USD", "--reference")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A served instance."""
    folder = tmp_path_factory.mktemp("market")
    shell = Shell(folder / "home")
    shell.ok("init", "--host", "market.example")
    with serving(shell):
        found_a_market(shell, folder)
        yield shell


def settled(shell: Shell, ran: Ran) -> Ran:
    """The outcome in the end: what is unsettled is sent again, as its message says."""
    for _ in range(ATTEMPTS):
        if ran.code != 5:
            return ran
        if ran.error["code"] != "unsettled":
            assert "Nothing was sent" in ran.error["advice"], ran.err
            return ran
        ran = shell.run("resend", ran.error["command_id"], "--json")
    raise AssertionError(ran.err)


def until_sent(shell: Shell, words: Sequence[str]) -> Ran:
    """Run a command until it was sent: one that could not even begin is begun again."""
    ran = Ran(5, "", "")
    for _ in range(ATTEMPTS):
        ran = settled(shell, shell.run(*words, "--json"))
        if ran.code != 5:
            return ran
    raise AssertionError(ran.err)


def test_what_is_lost_delayed_repeated_and_cut_off_happens_once(market: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """COMMANDS=999 plays as many, which takes some minutes."""
    monkeypatch.setitem(Gateway.__init__.__kwdefaults__ or {}, "pauses", (0.0,) * 4)
    play(market, COMMANDS, seed=7)


def play(market: Shell, commands: int, seed: int) -> Counter[str]:
    """Send commands of several kinds through the proxy, accepted and refused; compare what came of them."""
    before = {row["voucher_id"] for row in market.ok("voucher", "list", "--where", "beneficiary_id=acme")}
    cash = int(market.ok("balance", "show", "acme")["cash"][0]["posted"])
    told: Counter[str] = Counter()
    ids = set()
    with FaultyProxy(market.url, seed) as proxy:
        shell = Shell(market.home, proxy.url)
        for nth in range(commands):
            words = [
                (*ISSUE, f"1.{nth:04}", "--as", "springfield"),
                (*DEPOSIT, f"R-{seed}-{nth}", "--amount", "3", "--as", "treasury"),
                (*ISSUE, "9", "--as", "acme"),
            ][nth % 3]
            ran = until_sent(shell, words)
            if ran.code == 0:
                ids.add(ran.json["id"])
                told[ran.json["events"][0]["type"]] += 1
            else:
                assert (ran.code, ran.error["code"]) == (4, "role_not_allowed"), ran.err
                told["refused"] += 1
        assert all(proxy.fates[fate.__name__] for fate, _ in FATES), proxy.fates
    assert market.ok("resend") == []
    assert commands % 3 == 0, "as many of each kind"
    third = commands // 3
    assert told == {"voucher.granted.v1": third, "cash.deposited.v1": third, "refused": third}
    assert len(ids) == 2 * third
    issued = [row for row in market.ok("voucher", "list", "--where", "beneficiary_id=acme")
              if row["voucher_id"] not in before]  # fmt: skip
    assert sorted(int(row["face"]) for row in issued) == [10**6 + nth * 100 for nth in range(0, commands, 3)]
    assert int(market.ok("balance", "show", "acme")["cash"][0]["posted"]) == cash + third * 3_000_000
    return told


# one fault each -----------------------------------------------------------------------------------------------------


def test_an_idempotency_key_makes_one_command_on_every_machine(market: Shell, tmp_path: Path) -> None:
    words = (*ISSUE, "77", "--as", "springfield", "--idempotency-key", "Order 4711")
    first = market.ok(*words)
    assert market.ok(*words)["id"] == first["id"]
    other = Shell(tmp_path / "elsewhere", market.url)
    (other.home / "keys").mkdir(parents=True, mode=0o700)
    for file in market.home.glob("keys/springfield.*"):
        (other.home / "keys" / file.name).write_bytes(file.read_bytes())
        (other.home / "keys" / file.name).chmod(0o600)
    assert other.ok(*words)["index"] == first["index"]
    changed = market.run(*ISSUE, "78", *words[-4:], "--json")
    assert (changed.code, changed.error["code"]) == (2, "cannot_run")
    assert "another command" in changed.error["meaning"]
    assert len([row for row in market.ok("voucher", "list") if row["face"] == "77000000"]) == 1


def test_what_is_not_settled_is_kept_listed_and_sent_again(market: Shell) -> None:
    nowhere = Shell(market.home, market.url)
    assert market.ok("resend", "--list") == []
    with FaultyProxy(market.url, seed=1) as proxy:
        proxy.only = answer_lost
        ran = Shell(market.home, proxy.url).run(*ISSUE, "55", "--as", "springfield", "--json")
    assert (ran.code, ran.error["code"]) == (5, "unsettled")
    (kept,) = market.ok("resend", "--list")
    assert (kept["command_id"], kept["actor"], kept["type"]) == (
        ran.error["command_id"],
        "springfield",
        "issue_voucher",
    )
    (sent,) = nowhere.ok("resend")
    assert sent["outcome"].startswith("accepted: ")
    assert nowhere.ok("resend") == []
    gone = nowhere.run("resend", kept["command_id"], "--json")
    assert (gone.code, "its outcome is known" in gone.error["meaning"]) == (2, True)


def test_a_key_that_was_revoked_meanwhile_hides_no_outcome(market: Shell) -> None:
    """The gateway takes nothing more of the key, and the command was decided before."""
    spare = market.ok("keys", "new", "spare")
    market.ok("keys", "add", "spare", "--as", "springfield")
    with FaultyProxy(market.url, seed=1) as proxy:
        proxy.only = answer_lost
        ran = Shell(market.home, proxy.url).run(*ISSUE, "66", "--as", "springfield", "--key", "spare", "--json")
    assert (ran.code, ran.error["code"]) == (5, "unsettled")
    market.ok("keys", "revoke", "springfield", spare["key_id"], "--reason", "r", "--as", "springfield")
    later = (*ISSUE, "67", "--as", "springfield", "--key", "spare", "--json")
    assert market.run(*later).error["code"] == "key_revoked"
    told = market.ok("resend", ran.error["command_id"])
    assert told["events"][0]["face"] == "66000000"
    assert market.ok("resend", "--list") == []


# a log that goes back -----------------------------------------------------------------------------------------------


def test_a_restored_home_is_noticed_by_those_who_met_what_is_gone(tmp_path: Path) -> None:
    """Two instances with the same keys are what somebody has who restores an old copy, and goes on."""
    shell = Shell(tmp_path / "home")
    shell.ok("init", "--host", "market.example")
    old = tmp_path / "old"
    with serving(shell) as process:
        shell.ok("keys", "new", "first")
        process.terminate()
        process.wait()
    shutil.copytree(shell.home, old)
    register = ("party", "register", "--role", "beneficiary", "--as", "operator", "--name")
    with serving(shell) as process:
        shell.ok(*register, "First", "first")
        for verb in ("suspend", "reinstate"):  # more than the copy adds of itself, if it was away for a minute
            shell.ok("party", verb, "first", "--reason", "r", "--as", "operator")
        process.terminate()
        process.wait()
    restored = Shell(old)
    with serving(restored):
        user = Shell(shell.home, restored.url)
        ran = user.run("party", "suspend", "first", "--reason", "r", "--as", "operator", "--json")
        assert (ran.code, ran.error["code"]) == (1, "not_proven")
        assert "went back" in ran.error["meaning"]
        for name in ("second", "third", "fourth"):
            restored.ok("keys", "new", name)
            restored.ok(*register, name, name)
        ran = user.run("party", "suspend", "first", "--reason", "r", "--as", "operator", "--json")
        assert (ran.code, ran.error["code"]) in ((1, "not_proven"), (6, "forked"))
        assert "evidence" in json.dumps(ran.error)
    evidence = list((shell.home / "keys" / "checkpoints" / "evidence").iterdir())
    assert evidence  # both may be of the same two checkpoints: what is published lags behind
    assert all(json.loads(each.read_text())["origin"] == "market.example/issuance/main" for each in evidence)
