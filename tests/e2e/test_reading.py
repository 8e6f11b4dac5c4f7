"""A restricted market through the command line: who reads as whom, and what it says where that is not enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterfoil.cli.command import Invalid
from counterfoil.cli.reading import trusted_host
from counterfoil.log.keys import SigningKey, VerifyKey
from tests.e2e.running import Shell, serving


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A served market with a party, and a passphrase in a file."""
    shell = Shell(tmp_path_factory.mktemp("market"), disclosure="restricted")
    shell.ok("init", "--host", "market.example")
    with serving(shell):
        shell.ok("keys", "new", "acme")
        shell.ok("party", "register", "acme", "--name", "Acme", "--role", "beneficiary", "--as", "operator")
        yield shell


def tokens(shell: Shell) -> list[Path]:
    """The files of tokens."""
    return sorted((shell.home / "keys" / "sessions").glob("*.json"))


def test_a_reader_is_named_logs_in_and_logs_out(market: Shell) -> None:
    assert market.run("log", "entry", "issuance", "0", "--json").error["code"] == "session_required"
    assert (
        market.soon("log", "entry", "issuance", "0", "--as", "operator")["source"] == "//market.example/issuance/main"
    )
    refused = market.run("log", "entry", "issuance", "0", "--as", "acme", "--json")
    assert (refused.code, refused.error["code"]) == (4, "not_for_this_reader")
    assert "--as PARTY" in refused.error["advice"]
    assert {each.stat().st_mode & 0o777 for each in tokens(market)} == {0o600}
    assert market.run("session", "show").code == 2
    market.ok("login", "operator")
    (current,) = [each for each in market.ok("session", "show")["sessions"] if each["current"]]
    assert current["id"]
    market.ok("log", "entry", "issuance", "0")
    market.ok("log", "tail", "--from", "issuance:0", "--count", "1")
    assert market.ok("logout", "--all")["ended"] == "all"
    assert market.run("log", "entry", "issuance", "0", "--json").error["code"] == "session_required"
    market.ok("log", "entry", "issuance", "0", "--as", "operator")  # another session, by itself


def test_a_token_that_was_ended_elsewhere_is_replaced(market: Shell) -> None:
    market.ok("log", "entry", "issuance", "0", "--as", "operator")
    (token,) = [each for each in tokens(market) if each.name.startswith("operator-")]
    before = token.read_bytes()
    market.ok("logout", "--all", "--as", "operator")
    token.write_bytes(before)
    token.chmod(0o600)
    market.ok("log", "entry", "issuance", "0", "--as", "operator")
    assert token.read_bytes() != before


def test_logs_are_mirrored_and_audited_by_who_reads_everything(market: Shell, tmp_path: Path) -> None:
    vkeys = tmp_path / "vkeys"
    vkeys.write_text("".join(path.read_text() for path in (market.home / "logs").glob("*/*/vkey")))
    for words in (("log", "mirror", market.url, tmp_path / "mirror"), ("audit", market.url)):
        assert market.run(*words, "--vkeys", vkeys, "--json").error["code"] == "session_required"
        refused = market.run(*words, "--vkeys", vkeys, "--as", "acme", "--json")
        assert (refused.code, refused.error["code"]) == (4, "not_for_this_reader")
        market.ok(*words, "--vkeys", vkeys, "--as", "operator")


def test_a_receipt_is_shown_to_who_signed_it(market: Shell) -> None:
    for party in ("norn", "gpu"):
        market.ok("keys", "new", party)
    sent = market.ok("party", "register", "norn", "--name", "Norn", "--role", "provider", "--as", "operator")
    id_ = market.ok("log", "entry", "issuance", str(sent["index"]), "--as", "operator")["id"]
    assert market.run("log", "receipt", "issuance", id_, "--as", "acme", "--json").error["code"] == "not_decided"
    market.ok("log", "receipt", "issuance", id_, "--as", "operator")
    words = ("party", "register", "gpu", "--name", "Gpu", "--role", "provider", "--as", "operator")
    first = market.ok(*words, "--idempotency-key", "one")
    assert market.ok(*words, "--idempotency-key", "one")["index"] == first["index"]  # it finds its own receipt


def test_a_key_with_a_passphrase_logs_in_first(market: Shell, tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse battery\n")
    secret.chmod(0o600)
    market.ok("keys", "new", "locked", "--encrypt", "--passphrase-file", secret)
    words = ("--name", "Locked", "--role", "beneficiary", "--as", "operator", "--passphrase-file", secret)
    market.ok("party", "register", "locked", *words)
    asked = market.run("party", "list", "--as", "locked", "--json")
    assert (asked.code, asked.error["code"]) == (2, "cannot_run")
    assert "`counterfoil login locked`" in asked.error["meaning"]
    market.soon("login", "locked", "--passphrase-file", secret)
    market.ok("party", "list", "--as", "locked")
    market.ok("logout", "--as", "locked")


def test_nothing_is_signed_for_a_host_that_only_an_unknown_gateway_names() -> None:
    def key(host: str) -> VerifyKey:
        return SigningKey(f"{host}/issuance/main", b"k" * 32).verify_key

    def ours() -> str:
        return "market.example"

    pinned = {"market.example/issuance/main": key("market.example")}
    assert trusted_host("https://rival.example", pinned, lambda: "rival.example") == "market.example"
    for url in ("http://127.0.0.1:8440", "http://localhost", "http://[::1]:1"):
        assert trusted_host(url, {}, ours) == "market.example"
    for url in ("https://rival.example", "http://127.0.0.1.rival.example", "http://10.0.0.1"):
        with pytest.raises(Invalid, match="no log keys are pinned"):
            trusted_host(url, {}, ours)
    with pytest.raises(Invalid, match="several markets"):
        trusted_host("http://127.0.0.1", {**pinned, "b.example/issuance/main": key("b.example")}, ours)
