"""`topics` and `dead-letters`: what they print, what they refuse, and their exit codes, on a real Kafka."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from counterfoil.cli.dead_letters import as_text
from counterfoil.cli.main import commands
from counterfoil.contract.text import is_visible
from counterfoil.contract.topics import commands_topic, dead_letters_topic
from counterfoil.transport.admin import topics
from counterfoil.transport.admin.client import configuration, settled
from counterfoil.transport.dead_letter_headers import dead_letter
from tests.cli.command_line import invoke
from tests.transport.secured import Secured

pytestmark = pytest.mark.xdist_group("servers")

DEAD, SOURCE = dead_letters_topic("matching"), commands_topic("matching")
TIME = "2026-11-22T18:00:00.000000Z"
VALUE = b'{"payload":"\x1b]0;owned\x07 \xff'
Run = Callable[..., Any]


@pytest.fixture
def run(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line as the administrator: exit code, standard output, standard error."""
    monkeypatch.setenv("COUNTERFOIL_KAFKA", secured.servers)
    monkeypatch.setenv("COUNTERFOIL_SECRETS", str(secured.secrets))

    return invoke


@pytest.fixture
def aside(secured: Secured) -> None:
    """Three dead letters of matching: an awkward one, a plain one, and one without its source."""
    for future in secured.client.delete_topics([DEAD]).values():
        future.result(20)
    settled(lambda: DEAD not in secured.client.list_topics(timeout=10).topics, "it")
    topics.apply(secured.admin)
    producer = Producer(configuration(secured.admin) | {"acks": "all"})
    awkward, plain = (dead_letter(SOURCE, 0, at, [("own", b"\x1b[2J")], "no_envelope", TIME) for at in (7, 8))
    for value, headers in ((VALUE, awkward), (b"plain", plain), (b"lost", [])):
        producer.produce(DEAD, value, b"main", 0, headers=list(headers))
    assert producer.flush(20) == 0


# topics ------------------------------------------------------------------------------------------------------------


def test_topics_that_are_as_they_must_be(run: Run) -> None:
    assert run("topics", "check") == (0, "no drift\n", "")
    code, out, _ = run("topics", "check", "--json")
    assert (code, json.loads(out)) == (0, {"findings": [], "rights_enforced": True})
    assert run("topics", "apply", "--brokers", "1") == (0, "nothing to change: no drift\n", "")


def test_topics_that_are_not(run: Run, secured: Secured) -> None:
    for future in secured.client.delete_topics([DEAD]).values():
        future.result(20)
    settled(lambda: DEAD not in secured.client.list_topics(timeout=10).topics, "it")
    assert run("topics", "check") == (1, f"{DEAD}: missing\n", "")
    code, out, _ = run("topics", "apply", "--json")
    done = {"changes": [f"{DEAD}: created with 1 replica"], "findings": [], "rights_enforced": True}
    assert (code, json.loads(out)) == (0, done)


def test_without_an_authorizer_that_is_said(run: Run, kafka_servers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERFOIL_KAFKA", kafka_servers)
    monkeypatch.delenv("COUNTERFOIL_SECRETS")
    _, out, _ = run("topics", "check", "--json")
    assert not json.loads(out)["rights_enforced"]
    assert "anyone who reaches it may read and write everything" in run("topics", "check")[2]


def test_kafka_that_cannot_be_used(run: Run, secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = run("topics", "apply", "--brokers", "3")
    assert code == 2
    assert "1 of 3 brokers answer" in " ".join(err.split())
    assert run("topics", "apply", "--brokers", "0")[0] == run("topics", "apply", "--brokers", "101")[0] == 2
    monkeypatch.delenv("COUNTERFOIL_KAFKA")
    code, _, err = run("topics", "check", "--json")
    assert (code, json.loads(err)["error"]["code"]) == (2, "cannot_run")
    assert "COUNTERFOIL_KAFKA: not set" in err


WITHOUT_THE_EXTRA = "import sys; sys.modules['confluent_kafka'] = None; from counterfoil.cli.main import app; app()"


@pytest.mark.parametrize("words", [("topics", "check"), ("dead-letters", "list")])
def test_without_the_extra_it_says_what_to_install(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", WITHOUT_THE_EXTRA, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    text = "confluent_kafka is not installed: pip install 'counterfoil[distributed]', or in a clone `make setup-all`"
    assert text in " ".join(done.stderr.split())


# dead letters ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("aside")
def test_they_are_listed(run: Run) -> None:
    code, out, _ = run("dead-letters", "list", "matching", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [(row["offset"], row["source"], row["reason"], row["time"], row["size"]) for row in rows] == [
        (0, f"{SOURCE}/0@7", "no_envelope", TIME, len(VALUE)),
        (1, f"{SOURCE}/0@8", "no_envelope", TIME, 5),
        (2, None, None, None, 4),
    ]
    assert rows[0]["preview"] == '{"payload":"\\x1b]0;owned\\x07 \\xff'
    _, out, _ = run("dead-letters", "list")
    assert "\\x1b]0;owned" in out
    assert "\x1b" not in out
    assert [row["offset"] for row in json.loads(run("dead-letters", "list", DEAD, "--limit", "1", "--json")[1])] == [2]


@pytest.mark.usefixtures("aside")
def test_one_is_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run("dead-letters", "show", DEAD, "0", "--json")
    found = json.loads(out)
    assert code == 0
    assert base64.b64decode(found["value"]) == VALUE
    assert base64.b64decode(found["key"]) == b"main"
    assert [(name, base64.b64decode(value)) for name, value in found["headers"]] == [("own", b"\x1b[2J")]
    _, out, _ = run("dead-letters", "show", "matching", "0")
    assert "\\x1b[2J" in out
    assert "\x1b" not in out
    raw = CliRunner().invoke(commands, ["dead-letters", "show", "matching", "0", "--raw"])
    assert raw.stdout_bytes == VALUE


@pytest.mark.usefixtures("aside")
def test_they_are_replayed(run: Run, secured: Secured) -> None:
    assert run("dead-letters", "replay", "matching", "1", "--yes")[:2] == (0, "1 sent back\n")
    code, out, err = run("dead-letters", "replay", "matching", "0", typed="n\n")
    assert (code, out) == (2, " n\n")  # what was typed
    assert f"Send 1 of {DEAD} back to where they came from? [y/N]" in err
    assert run("dead-letters", "replay", "matching", "0")[0] == 2  # no terminal
    code, out, err = run("dead-letters", "replay", "matching", "--all", typed="y\n")
    assert code == 1
    assert out.startswith(" y\n2 sent back\n")
    assert "Send 3 of" in err
    code, out, _ = run("dead-letters", "replay", "matching", "--all", "--yes", "--json")
    left = [{"offset": 2, "reason": "its headers do not say where it came from"}]
    assert (code, json.loads(out)) == (1, {"sent": 2, "left": left})


@pytest.mark.usefixtures("aside")
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["replay", "matching"], "give an OFFSET, or --all"),
        (["replay", "matching", "1", "--all"], "give an OFFSET, or --all"),
        (["replay", "matching", "1", "--json"], "add --yes"),
        (["replay", "matching", "3", "--yes"], "no dead letter at offset 3: it has 0 to 2"),
        (["show", "matching", "3"], "no dead letter at offset 3: it has 0 to 2"),
        (["show", "matching", "0", "--raw", "--json"], "not both"),
        (["show", SOURCE, "0"], "no topic of dead letters"),
        (["list", "nobody"], "no topic of dead letters"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "--limit", "10001"], "--limit"),
    ],
    ids=" ".join,
)
def test_what_is_refused(run: Run, words: list[str], text: str) -> None:
    code, out, err = run("dead-letters", *words)
    assert (code, out) == (2, "")
    assert text in " ".join(err.split())


@given(st.binary() | st.text().map(str.encode))
def test_what_is_printed_cannot_steer_a_terminal(data: bytes) -> None:
    assert all(map(is_visible, as_text(data)))


@given(st.text().filter(lambda text: all(map(is_visible, text))))
def test_text_is_printed_as_it_is(text: str) -> None:
    assert as_text(text.encode()) == text
