"""Wrong input of every kind: the words typed, the exit code, and the one line that says what to do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from unittest.mock import Mock, patch

import pytest

from counterfoil.client.http import Gateway
from tests.e2e.running import Shell

ISSUE = "voucher issue --programme p --beneficiary acme --as acme --amount"
POST = "offer post --class a --region r --nodes 1 --price 1 --currency USD --as acme --until 20270106T08Z --from"
IS_AMOUNT = "an amount in units of the currency, at most 13 digits and six decimals, such as 12.50"
IS_TIME = "a date such as 2026-01-05 or a time such as 2026-01-05T08:00:00Z"
NOT_UTF_8 = "is not UTF-8 at byte 0: save it as UTF-8"
FILES = {
    "empty.json": b"",
    "empty.csv": b" \n",
    "binary.json": b"\xff\x00\x01" * 100,
    "binary.csv": b"\xff\x00\x01" * 100,
    "utf16.json": '{"a": 1}'.encode("utf-16"),
    "utf16.csv": "a,b\n1,2\n".encode("utf-16"),
    "bom.json": b"\xef\xbb\xbf{}",
    "text.json": b"not JSON",
    "deep.json": b"[" * 5_000,
    "vkeys": b"garbage",
}
WRONG = [
    # amounts
    (f"{ISSUE} -5", f"Invalid value for '--amount': {IS_AMOUNT}"),
    (f"{ISSUE} 1.2345678", IS_AMOUNT),
    (f"{ISSUE} 1.000,50", IS_AMOUNT),
    (f"{ISSUE} 1'000", IS_AMOUNT),
    (f"{ISSUE} 12USD", IS_AMOUNT),
    (f"{ISSUE} 1e3", IS_AMOUNT),
    (f"{ISSUE} \u0661\u0662", IS_AMOUNT),
    (f"{ISSUE} 1,000", "a comma may be meant for thousands or for decimals: write 1000, 1,000.00 or 1.5"),
    (f"{ISSUE} 0", "amount: an amount from 0.000001 to 9223372036854.775807 (out_of_range)"),
    ("balance deposit acme --amount 1 --reference R --as acme", "Missing option '--currency'."),
    # names
    ("party register x --name X --role king --as acme", "a role is one of operator, issuer, provider"),
    ("voucher issue --programme P --beneficiary acme --amount 1 --as acme", "programme_id: an id: up to 63 of"),
    ("voucher list --as Acme", "'Acme' is not a name"),
    ("offer list --status lost", "status is one of received, open, in_auction, closed"),
    ("offer list --sort nope", "--sort nope: COLUMN, COLUMN:asc or COLUMN:desc, one of offer_id"),
    ("export nope x.csv", "there is no view nope; these are: adjustments, aid, amendments"),
    ("log entry nolog 1", "nolog: the services are issuance, ledger, matching, redemption"),
    (f"{ISSUE} 1 --key nokey", "nokey.pem: make one with `counterfoil keys new nokey`"),
    # dates and hours
    (f"{POST} 2026-02-31", f"day is out of range for month; {IS_TIME}"),
    (f"{POST} 20270105T25Z", IS_TIME),
    (f"{POST} 2027-01-05T08:00", "a time says its offset from UTC"),
    (f"{POST} 2027-01-05T08:30Z", "a delivery hour starts on the hour"),
    ("offer list --since tomorrow", "--since tomorrow: a span such as 30m"),
    # numbers and words
    ("offer list --limit x", "value for '--limit': 'x' is not a whole number. See counterfoil offer list --help"),
    ("offer list --limit 0", "Invalid value for '--limit': 0 is not at least 1."),
    ("up --port 65536", "Invalid value for '--port': 65536 is not from 0 to 65535."),
    ("offer list --limt 4", "No such option: --limt (Possible options: --limit, --wait)."),
    ("offr list", "No such command 'offr'. Did you mean 'offer'? See counterfoil --help"),
    ("offer lst", "No such command 'lst'. Did you mean 'list'? See counterfoil offer --help"),
    ("voucher issue", "Missing option '--programme'. See counterfoil voucher issue --help"),
    ("offer list --output xml", "--output xml: a format is one of table, json, csv, tsv"),
    ("party register \udcff --name X --role issuer --as acme", "is not text in utf-8"),
    # files
    *((f"programme publish {name}.json --as acme", f"{name}.json {what}")
      for name, what in (("empty", "is empty"), ("binary", NOT_UTF_8), ("utf16", NOT_UTF_8))),
    ("programme publish deep.json --as acme", "deep.json: "),
    *((f"proof verify {name}.json", f"{name}.json {what}")
      for name, what in (("empty", "is empty"), ("binary", NOT_UTF_8), ("utf16", NOT_UTF_8),
                         ("bom", "is not a file of evidence"), ("text", "is not a file of evidence"))),
    *((f"import voucher issue {name}.csv --as acme", f"{name}.csv {what}")
      for name, what in (("empty", "is empty"), ("binary", NOT_UTF_8), ("utf16", NOT_UTF_8))),
    ("programme publish missing.json --as acme", "cannot read missing.json: No such file or directory"),
    ("programme publish directory --as acme", "cannot read directory: Is a directory"),
    ("import voucher issue directory --as acme", "cannot read directory: Is a directory"),
    ("proof verify directory", "cannot read directory: Is a directory"),
    ("proof verify bom.json --vkeys binary.csv", "bom.json is not a file of evidence"),
    ("log verify bom.json --vkeys vkeys", "cannot read bom.json.tlog-proof: No such file or directory"),
    *((f"webhook verify bom.json --headers {headers} --secret-file {secret}", what)
      for headers, secret, what in (("binary.csv", "vkeys", NOT_UTF_8), ("vkeys", "binary.csv", NOT_UTF_8),
                                    ("missing", "vkeys", "cannot read missing: No such file or directory"),
                                    ("vkeys", "vkeys", "a secret is `whsec_` and base64 of 24 to 64 octets"))),
    ("webhook verify /dev/zero --headers vkeys --secret-file vkeys", "/dev/zero is longer than 1 MiB"),
    ("log verify /dev/zero --vkeys vkeys", "/dev/zero is longer than 63 KiB"),
    *((f"{command} --since 2h --from ledger:0 --as acme", "--since and --from exclude each other")
      for command in ("feed", "webhook create https://acme.example", "webhook replay wh_1")),
    ("keys new x --keys vkeys", "cannot make the directory vkeys: File exists"),
    ("keys new x --keys /proc/none", "cannot make the directory /proc/none: No such file or directory"),
    ("init --home /proc/none", "/proc/none"),
    ("up --home directory", "no instance in directory: run `counterfoil init --home directory` first"),
    ("audit missing", "missing is not a directory"),
    ("audit directory", "expected SERVICE/SHARD/checkpoint below it"),
    ("restore missing --home other", "missing is no backup: it has no manifest.json"),
    # addresses
    ("offer list --url http://127.0.0.1:65536", "a port at most 65535"),
    ("offer list --url market", "--url: a URL of the form http://HOST:PORT"),
    ("offer list --url https://127.0.0.1:9 --ca missing.pem", "missing.pem is no certificate of an authority in PEM"),
    ("offer list --url https://127.0.0.1:9 --ca vkeys", "vkeys is no certificate of an authority in PEM"),
    ("offer list --url http://127.0.0.1:9 --ca vkeys", "http://127.0.0.1:9 shows no certificate"),
    ("profile set work url=ftp://x", "url=ftp://x: a URL of the form"),
    ("profile set work zone=mars", "zone=mars: one of utc, local"),
]  # fmt: skip
UNREACHABLE = {
    "http://127.0.0.1:9": "Connection refused",
    "http://nowhere.invalid": "cannot reach http://nowhere.invalid: [Errno -2] Name or service not known",
    "{tls}": "[SSL: ",
    "{text}": "(unreachable)",
    "{page}": "(unreachable)",
    "{list}": "(unreachable)",
    "{cut}": "(unreachable)",
    "{endless}": "(unreachable)",
}
"""URLs of gateways that give no usable answer, and what is said."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
ANSWERS = {
    "text": HEAD + b"Content-Length: 5\r\n\r\nhello",
    "page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>",
    "list": HEAD + b"Content-Length: 9\r\n\r\n[1, 2, 3]",
    "cut": HEAD + b"Content-Length: 500\r\n\r\n{",
    "endless": HEAD + b"\r\n[" + b'{"offer_id": "off-1-0"},' * 4_000,
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Commands in a directory with wrong files, and with a key."""
    here = tmp_path_factory.mktemp("here")
    for name, data in FILES.items():
        (here / name).write_bytes(data)
    (here / "directory").mkdir()
    before = Path.cwd()
    os.chdir(here)
    made = Shell(here / "home")
    made.ok("keys", "new", "acme")
    yield made
    os.chdir(before)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """The URLs of servers that answer wrongly, each on a port of its own."""
    urls, open_ = {}, []
    for name, answer in {**ANSWERS, "tls": b""}.items():
        listening = socket.create_server(("127.0.0.1", 0))
        open_.append(listening)
        threading.Thread(target=_answer, args=(listening, answer, name == "endless"), daemon=True).start()
        urls[name] = f"{'https' if name == 'tls' else 'http'}://127.0.0.1:{listening.getsockname()[1]}"
    yield urls
    for each in open_:
        each.close()


def _answer(listening: socket.socket, answer: bytes, endless: bool) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with closing(connection), suppress(OSError):
                connection.recv(65_536)
                connection.sendall(answer or b"HTTP/1.1 400 Bad Request\r\n\r\n")
                while endless:
                    connection.sendall(answer)


def one_line(said: str) -> str:
    """What was said, which is one line and no traceback."""
    assert "Traceback" not in said
    assert said.endswith("\n"), said
    assert said.count("\n") == 1, said
    return said


@pytest.mark.parametrize(("typed", "says"), WRONG, ids=[typed.encode(errors="replace").decode() for typed, _ in WRONG])
def test_what_is_typed_wrongly(shell: Shell, typed: str, says: str) -> None:
    ran = shell.run(*typed.split())
    said = one_line(ran.err)
    assert said.startswith("error: ")
    assert says in said
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize("url", UNREACHABLE)
def test_what_gives_no_usable_answer(
    shell: Shell, servers: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if url.endswith(".invalid"):  # tests ask no resolver
        monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=socket.gaierror(-2, "Name or service not known")))
    monkeypatch.setitem(Gateway.__init__.__kwdefaults__ or {}, "pauses", (0.0,))
    ran = shell.run("offer", "list", "--url", url.format(**servers))
    assert UNREACHABLE[url] in one_line(ran.err)
    assert (ran.code, ran.out) == (5, "")


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ("COUNTERFOIL_QUOTA_BYTES=x", "COUNTERFOIL_QUOTA_BYTES: a whole number from 1024 to"),
        ("COUNTERFOIL_URL=ftp://x", "COUNTERFOIL_URL: a URL of the form"),
        ("COUNTERFOIL_VKEYS=binary.json", "binary.json is not UTF-8"),
        ("COUNTERFOIL_VKEYS=vkeys", "cannot read pinned keys from vkeys"),
        ("COUNTERFOIL_VKEYS=missing", "cannot read missing: No such file or directory"),
    ],
)
def test_wrong_settings(shell: Shell, variable: str, says: str) -> None:
    name, _, value = variable.partition("=")
    with patch.object(Shell, "environment", {**shell.environment, name: value}):
        ran = shell.run(*f"{ISSUE} 1".split())
    assert says in one_line(ran.err)
    assert ran.code == 2


def test_a_user_without_a_home(shell: Shell) -> None:
    environment = {name: value for name, value in shell.environment.items() if not name.startswith(("HOME", "XDG"))}
    with patch.object(Shell, "environment", environment), patch("os.path.expanduser", lambda path: path):
        assert "HOME: not set" in one_line(shell.run("profile", "list").err)
    with patch.object(Shell, "environment", {**environment, "HOME": "/proc"}):
        assert "cannot use /proc/.config" in one_line(shell.run("profile", "set", "x", "party=acme").err)


@pytest.mark.parametrize(
    ("words", "ending", "code"),
    [
        ("--version", "> /dev/full", 2),
        ("offer list --help", "> /dev/full", 2),
        ("keys list", "> /dev/full", 2),
        ("keys list", "| exec true", 141),
        ("keys list", ">&-", 0),
    ],
)
def test_an_output_that_nobody_takes(shell: Shell, words: str, ending: str, code: int) -> None:
    line = f'"$0" -m counterfoil {words} {ending}; exit ${{PIPESTATUS[0]}}'
    ran = subprocess.run(
        ["/bin/bash", "-c", line, sys.executable], check=False, env=shell.environment, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert ran.returncode == code
    if code == 2:
        assert "cannot write the output: No space left on device" in one_line(ran.stderr)
    else:
        assert ran.stderr == ""


def test_an_encoding_without_the_letter_a_narrow_terminal_and_no_input(shell: Shell) -> None:
    changed = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "COLUMNS": "20"}
    ran = subprocess.run(
        ["/bin/bash", "-c", '"$0" -m counterfoil offer list --status Ü <&-', sys.executable],
        check=False, env={**shell.environment, **changed}, capture_output=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr.count(b"\n") == 1
    assert b"is not text in ascii" in ran.stderr


@pytest.mark.parametrize("words", ["offer list --wait matching:5", "export offers offers.csv", f"{ISSUE} 1"])
def test_an_interrupt_is_said_in_one_word(shell: Shell, words: str) -> None:
    """While it waits for an answer that does not come. Nothing is left but what was there before."""
    there = set(Path.cwd().rglob("*"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "counterfoil", *words.split(), "--url", url]
        with subprocess.Popen(command, env=shell.environment, stderr=subprocess.PIPE, text=True) as waiting:
            asked, _ = silent.accept()
            waiting.send_signal(signal.SIGINT)
            assert waiting.communicate(timeout=30)[1] == "interrupted\n"
            asked.close()
    assert waiting.returncode == 130
    assert set(Path.cwd().rglob("*")) == there


def test_a_port_that_is_taken(shell: Shell, tmp_path: Path) -> None:
    shell.ok("init", "--host", "market.example", "--home", tmp_path / "home")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = shell.run("up", "--home", tmp_path / "home", "--port", port)
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in one_line(ran.err)
    assert (ran.code, ran.out) == (2, "")
