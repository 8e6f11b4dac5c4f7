"""Structured logs: one JSON object per line on standard error for any message; text lines are unchanged."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from counterfoil.contract.text import is_visible
from counterfoil.contract.times import parse_time
from counterfoil.ops import logs

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
log = logging.getLogger("counterfoil.test")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:], root.level = handlers, level


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The logged objects."""
    out, err = capsys.readouterr()
    assert not out
    return [json.loads(line) for line in err.splitlines()]


def test_a_line_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json", "ledger")
    log.info("took %d of %s", 3, "commands")
    log.debug("not shown")
    (line,) = lines(capsys)
    time = line.pop("time")
    assert line == {
        "level": "INFO",
        "logger": "counterfoil.test",
        "message": "took 3 of commands",
        "service": "ledger",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time)


def test_the_time_is_that_of_the_event_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json", "ledger")
    record = log.makeRecord(log.name, logging.INFO, "x.py", 1, "then", (), None)
    for created in (1_800_000_000.0, 1_800_000_000.25):
        record.created = created
        log.handle(record)
    assert [parse_time(line["time"]) for line in lines(capsys)] == [1_800_000_000_000_000, 1_800_000_000_250_000]


def test_a_line_has_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json", "ledger")
    log.info("with", extra={logs.TRACE: f"00-{TRACE_ID}-b7ad6b7169203331-01"})
    log.info("without", extra={logs.TRACE: ""})
    traced, other = lines(capsys)
    assert (traced["trace_id"], logs.TRACE in traced) == (TRACE_ID, False)
    assert not {"trace_id", logs.TRACE} & other.keys()


@pytest.mark.parametrize(
    "message", ["two\nlines\r\nand more", '{"level": "ERROR"}', "\x00\x1b[31m", "\u2028\u0085", "\ud800", "Köln €"]
)
def test_no_message_breaks_its_line(capsys: pytest.CaptureFixture[str], message: str) -> None:
    logs.configure("INFO", "json", "ledger")
    log.info(message)
    log.info("%s", message)
    assert [line["message"] for line in lines(capsys)] == [message, message]


def test_exceptions_extras_and_warnings_are_in_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING", "json", "ledger")
    try:
        int("broken\nin two")
    except ValueError:
        log.exception("failed")
    log.warning("late", extra={"seconds": 1.5, "what": object(), "time": "never"})
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning("old", UserWarning, "x.py", 1)
    failed, late, warned = lines(capsys)
    assert failed["exc_info"].startswith("Traceback")
    assert "broken\\nin two" in failed["exc_info"]
    assert late["seconds"] == 1.5
    assert late["time"] != "never"
    assert "old" in warned["message"]


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING", "text", "ledger")
    log.info("not shown")
    log.warning("late by %d s", 3)
    _, err = capsys.readouterr()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING counterfoil.test late by 3 s\n", err)


def test_what_a_message_quotes_begins_no_line_and_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING", "text", "ledger")
    quoted = "x\n2026-01-01 00:00:00,000 WARNING forged\x1b[2J\u202e\u2028\x9b"
    log.warning("refused: %s", quoted)
    log.error("failed", exc_info=ValueError(quoted))
    _, err = capsys.readouterr()
    assert "refused: x\\n2026-01-01 00:00:00,000 WARNING forged\\x1b[2J\\u202e\\u2028\\x9b\n" in err
    assert all(is_visible(each) or each == "\n" for each in err)


def test_the_last_configuration_holds(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("DEBUG", "text", "ledger")
    logs.configure("INFO", "json", "ledger")
    log.debug("not shown")
    log.info("once")
    assert len(lines(capsys)) == 1


def test_the_embedded_form_imports_no_tracing_packages() -> None:
    """Imports no package of the extra; OpenTelemetry's API, a few empty classes, comes with FastAPI."""
    script = """
import sys
import counterfoil.bootstrap.monitor, counterfoil.bootstrap.embedded
import counterfoil.cli.main, counterfoil.cli.gateway_server, counterfoil.gateway.app
import counterfoil.ops.logs
counterfoil.ops.logs.configure("WARNING", "text", "up")
extra = ("opentelemetry.sdk", "opentelemetry.exporter")
print(sorted(name for name in sys.modules if name.startswith(extra)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout == "[]\n"
