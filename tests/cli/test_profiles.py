"""Profiles, certificates, proxies and completion: where the command line takes its settings from, in which order."""

from __future__ import annotations

import os
import shlex
import signal
import ssl
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import trustme

from counterfoil.cli.command import Out
from counterfoil.cli.listing import is_local
from counterfoil.cli.profiles import MEMBERS, config_file
from counterfoil.client.connecting import BadAuthority, BadProxy, reaching, route_to
from counterfoil.settings import NAMES
from tests.cli.command_line import invoke


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of profiles, in a directory of the test."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in [each for each in os.environ if each.startswith("COUNTERFOIL_")]:
        monkeypatch.delenv(name)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return config_file()


def url() -> str:
    """The gateway that a command would use."""
    return Out(json=False).settings.url


def test_environment_before_profile_before_default(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert url() == "http://127.0.0.1:8440"
    assert invoke("profile", "set", "work", "url=https://work.example", "party=acme")[0] == 0
    assert invoke("profile", "set", "home", "url=https://home.example")[0] == 0
    assert url() == "http://127.0.0.1:8440"  # none is in use
    assert invoke("profile", "use", "work")[0] == 0
    assert (url(), Out(json=False).settings.party) == ("https://work.example", "acme")
    monkeypatch.setenv("COUNTERFOIL_PROFILE", "home")
    assert url() == "https://home.example"
    monkeypatch.setenv("COUNTERFOIL_URL", "https://other.example")
    assert url() == "https://other.example"
    assert tomllib.loads(config.read_text())["profiles"]["work"] == {"url": "https://work.example", "party": "acme"}
    assert config.stat().st_mode & 0o777 == 0o600
    assert invoke("profile", "set", "work", "party=")[0] == 0
    assert "party" not in tomllib.loads(config.read_text())["profiles"]["work"]


def test_a_profile_says_in_which_zone_times_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_local(Out(json=False), None)
    assert invoke("profile", "set", "work", "zone=local")[0] == 0
    assert invoke("profile", "use", "work")[0] == 0
    assert [is_local(Out(json=False), chosen) for chosen in (None, True, False)] == [True, True, False]
    monkeypatch.setenv("COUNTERFOIL_ZONE", "CET")
    assert "COUNTERFOIL_ZONE: one of utc, local is expected" in invoke("keys", "list")[2]


def test_local_tables_come_in_every_form() -> None:
    header = f"profile,in_use,{','.join(MEMBERS)}"
    assert invoke("profile", "list", "--output", "csv")[1].splitlines() == [header]
    invoke("profile", "set", "work", "party=acme")
    for form, comma in (("csv", ","), ("tsv", "\t")):
        names, row = (each.split(comma) for each in invoke("profile", "list", "--output", form)[1].splitlines())
        found = dict(zip(names, row, strict=True))
        assert (comma.join(names), found["profile"], found["in_use"], found["party"], found["url"]) == (
            header.replace(",", comma), "work", "false", "acme", "",
        )  # fmt: skip
    facts = invoke("programme", "facts", "--output", "tsv")[1].splitlines()
    assert (facts[0], len(facts) > 5) == ("name\tkind\tof\tmeaning", True)


def test_what_a_profile_says_are_settings() -> None:
    assert set(NAMES) >= MEMBERS.keys()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("profile", "set", "work", "colour=red"), "a profile has no colour: choose from"),
        (("profile", "set", "Work", "url=x"), "is no name of a profile"),
        (("profile", "set", "work", "keys=keys"), "keys: an absolute path is expected"),
        (("profile", "use", "none"), "there is no profile none in"),
        (("party", "list", "--profile", "none"), "there is no profile none in"),
    ],
)
def test_what_is_refused(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str) -> None:
    monkeypatch.setenv("COUNTERFOIL_PROFILE", "")
    code, _, err = invoke(*words)
    assert code == 2
    assert said in " ".join(err.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("use = 3", "are expected"),
        ("[other]", "are expected, not other"),
        ("[profiles.a]\nurl = 3", "has texts alone"),
        ("[profiles.a]\ncolour = 'red'", "a profile has no colour"),
        ("=", "is not TOML"),
    ],
)
def test_a_file_that_is_wrong_is_named(config: Path, text: str, said: str) -> None:
    config.parent.mkdir(parents=True)
    config.write_text(text)
    code, _, err = invoke("profile", "list")
    assert code == 2
    assert said in " ".join(err.split())
    assert str(config) in "".join(err.split()) or "colour" in said


def test_a_file_that_others_can_write_is_refused(config: Path) -> None:
    config.parent.mkdir(parents=True)
    config.write_text("")
    config.chmod(0o666)
    code, _, err = invoke("profile", "list")
    assert code == 2
    assert "chmod o-w" in err


@pytest.mark.parametrize(
    ("at", "proxy"),
    [
        ("http://127.0.0.1:1", None),
        ("https://[::1]:1", None),
        ("http://localhost", None),
        ("http://x.example", "http://plain.example:3128"),
        ("https://x.example:8443/below", "https://u:p@secret.example"),
        ("https://inside.example", None),
    ],
)
def test_the_environment_names_proxies_and_none_to_this_machine(
    at: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_proxies(monkeypatch)
    monkeypatch.setenv("HTTP_PROXY", "plain.example:3128")
    monkeypatch.setenv("ALL_PROXY", "https://u:p@secret.example")
    monkeypatch.setenv("NO_PROXY", "inside.example,other.example")
    route, of_httpx = route_to(at), reaching(at)
    assert (route.proxy_url, of_httpx["proxy"], of_httpx["trust_env"]) == (proxy, proxy, False)
    if proxy is not None and proxy.startswith("https:"):
        assert route.proxy == ("secret.example", 443, "secret.example")
        assert route.proxy_headers == {"Proxy-Authorization": "Basic dTpw"}
        assert isinstance(route.proxy_tls, ssl.SSLContext)
        assert (route.place, route.path) == (("x.example", 8443, "x.example:8443"), "/below")


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)
    for wrong in ("socks5://secret:word@p.example:1", "http://:3128", "http://p.example:port"):
        monkeypatch.setenv("ALL_PROXY", wrong)
        for way in (route_to, reaching):
            with pytest.raises(BadProxy, match="ALL_PROXY names cannot be used") as refused:
                way("http://x.example")
            assert "word" not in str(refused.value)
    code, _, err = invoke("party", "list", "--url", "http://x.example")
    assert (code, err.count("\n")) == (2, 1)


def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def test_an_authority_is_used_alone_or_named_as_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "wrong.pem").write_text("no certificate")
    assert route_to("http://x.example", tmp_path / "wrong.pem").tls is None
    assert reaching("http://x.example")["verify"] is False
    usual = route_to("https://x.example").tls
    assert usual is not None
    assert len(usual.get_ca_certs()) > 1
    found = route_to("https://x.example", tmp_path / "ca.pem").tls
    assert found is not None
    assert len(found.get_ca_certs()) == 1
    assert isinstance(reaching("https://x.example", tmp_path / "ca.pem")["verify"], ssl.SSLContext)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert len(reaching("https://localhost")["verify"].get_ca_certs()) == 1
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(BadAuthority, match="SSL_CERT_FILE is no"):
        route_to("https://localhost")
    for wrong in ("wrong.pem", "none.pem"):
        with pytest.raises(BadAuthority, match=wrong):
            route_to("https://x.example", tmp_path / wrong)
    code, _, err = invoke("party", "list", "--url", "https://x.example", "--ca", str(tmp_path / "none.pem"))
    assert code == 2
    assert "is no certificate of an authority" in " ".join(err.split())


@pytest.mark.parametrize(
    ("words", "found"),
    [("counterfoil pro", "profile"), ("counterfoil party li", "list"), ("counterfoil up --po", "--port")],
)
def test_a_shell_completes_commands_and_options(words: str, found: str) -> None:
    asked = {"_COUNTERFOIL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    ran = run(*COUNTERFOIL, **asked)
    assert found in ran.stdout.split(), ran


def test_the_script_of_a_shell_is_printed() -> None:
    assert invoke("completion", "fish")[1].startswith("complete ")


def test_an_interrupt_prints_no_traceback_and_is_130() -> None:
    ran = run("-c", INTERRUPTED)
    assert (ran.returncode, ran.stdout) == (128 + signal.SIGINT, "")
    assert "Traceback" not in ran.stderr


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    command = f"{shlex.join([sys.executable, *COUNTERFOIL])} schemas --help | true; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode in (0, 1, 141)
    assert "Traceback" not in ran.stderr


COUNTERFOIL = ("-m", "counterfoil")
INTERRUPTED = """
import os, signal, sys
from counterfoil.client.connections import Connections
Connections.send = lambda *a, **k: os.kill(os.getpid(), signal.SIGINT)
from counterfoil.cli.main import app
sys.argv = ["counterfoil", "party", "list"]
app()
"""
"""A command that is interrupted while it waits for an answer."""


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of the interpreter."""
    env = {**os.environ, **environment}
    return subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, check=False, timeout=60)
