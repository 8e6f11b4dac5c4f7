"""Whatever a log holds, what the commands print for people cannot steer a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from counterfoil.audit.report import Act, Alike, AuditReport, Finding, LogSummary, Outage, Recovery, Relation, Together
from counterfoil.cli import webhook
from counterfoil.cli.audit import tables
from counterfoil.cli.command import Out, guarded
from counterfoil.cli.gateway_session import GatewaySession
from counterfoil.cli.late_views import VIEWS
from counterfoil.cli.log import line, summary
from counterfoil.cli.render import Record, plain
from counterfoil.client.problems import NotProven, NotReady, RefusedByService, Unreachable
from counterfoil.contract.entry import Entry, TimerCause
from counterfoil.contract.events import PartyRegistered
from counterfoil.contract.text import is_visible
from counterfoil.errors import CounterfoilError, ServiceStopped
from tests.cli.command_line import invoke
from tests.cli.test_help import EVERY

FORGED = "\x1b[2J\x9b31m\u202egnp\u2066\r\nok\u2028\x07\U000e0041"
VALUES: dict[str, Any] = {
    "text": FORGED, "json": [FORGED, {FORGED: FORGED}], "int": 1, "amount": "1", "time": FORGED, "hour": FORGED,
    "bool": True,
}  # fmt: skip


class ForgedGateway:
    """Answers every query with rows whose texts are `FORGED`, and everything else with what is not proven."""

    exchanges = None

    def run(self, *_steps: object) -> object:
        raise NotProven(FORGED)

    def rows(self, view: str, *_filters: object, **_how: object) -> Iterator[dict[str, Any]]:
        yield self.get(view)

    def get(self, view: str, *_key: str, **_how: object) -> dict[str, Any]:
        row = {name: VALUES[kind.removesuffix("?")] for name, kind in VIEWS[view].columns.items()}
        return row | {name: [FORGED] for name, kind in VIEWS[view].columns.items() if kind == "json"}

    def depth(self, *_market: object, **_how: object) -> dict[str, Any]:
        level = {"price": "1", "nodes": 1, "orders": FORGED, "gpus_per_node": 1}
        return {"class_id": FORGED, "region": FORGED, "currency": FORGED, "offers": [level], "bids": [level]}

    def depth_by_hour(self, *_market: object, **_how: object) -> dict[str, Any]:
        hour = {"hour": FORGED, "nodes": 1, "lowest_price": "1", "nodes_at_lowest": 1}
        return {"class_id": FORGED, "region": FORGED, "currency": FORGED, "hours": [hour]}

    def index(self, *_market: object, **_how: object) -> dict[str, Any]:
        prices = dict.fromkeys(("index", "mean", "lowest", "highest"), "1")
        day = {"day": FORGED, **prices, "gpu_hours": 1, "trades": FORGED, "groups": FORGED}
        return {
            "class_id": FORGED,
            "region": FORGED,
            "currency": FORGED,
            "days": [day],
            "scarcity": {"rsi_bps": FORGED},
        }

    def feed(self, *_from: object, **_how: object) -> Iterator[dict[str, Any]]:
        yield dict.fromkeys(("time", "type", "subject"), FORGED)

    def webhooks(self) -> list[dict[str, Any]]:
        return [self.webhook()]

    def webhook(self, *_asked: object, **_how: object) -> dict[str, Any]:
        return dict.fromkeys((*webhook._COLUMNS, "position", "secret"), FORGED) | {"delivered": True}

    create_webhook = pause_webhook = resume_webhook = test_webhook = replay_webhook = rotate_webhook_secret = webhook

    def delete_webhook(self, *_asked: object) -> None:
        """Nothing is answered."""


OTHERS = (
    "log",
    "resend",
    "export",
    "login",
    "logout",
    "session",
)  # they ask no view, or show none: a file is for programs
COMPUTED = (
    ("programme", "totals"), ("programme", "show"), ("programme", "document"), ("voucher", "prove"),
    ("voucher", "trace"), ("balance", "prove"), ("transfer", "check"), ("offer", "search"), ("statement",),
    ("quote",), ("webhook", "delete"), ("aid", "total"),
)  # fmt: skip
"""They compute with what they read, so that forged rows are an error: it is printed, too. Or they print none of it."""
QUERIES = [
    path
    for path, command in EVERY.items()
    if "url" in (names := {each.name for each in command.params}) and "as_" not in names and path[0] not in OTHERS
]


def test_every_view_is_shown_by_a_command() -> None:
    assert len(QUERIES) >= len(VIEWS)


@pytest.mark.parametrize("path", QUERIES, ids=" ".join)
def test_no_query_prints_what_is_not_visible(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GatewaySession, "gateway", ForgedGateway())
    code, out, err = invoke(*shlex.split(EVERY[path].epilog.removeprefix("Example: counterfoil ").partition(" > ")[0]))
    if path in COMPUTED:
        assert all(is_visible(each) or each == "\n" for each in out + err)
        return
    assert (code, err) == (0, "")
    assert_escaped(out)


def test_nor_does_an_audit(capsys: pytest.CaptureFixture[str]) -> None:
    kinds: dict[str, Any] = {
        "outages": Outage, "recoveries": Recovery, "relations": Relation, "together": Together, "alike": Alike,
        "acts": Act,
    }  # fmt: skip
    listed: dict[str, Any] = {
        name: [kind(*(1 if each.type == "int" else FORGED for each in fields(kind)))] for name, kind in kinds.items()
    }
    log = LogSummary(origin=FORGED, root=FORGED, **listed)
    report = AuditReport([log], [Finding(FORGED, FORGED, FORGED, FORGED)], [FORGED])
    Out(json=False).show(None, *tables(report.to_json()))
    assert_escaped(capsys.readouterr().out)


@pytest.mark.parametrize(
    "problem",
    [
        RefusedByService(FORGED, FORGED, {FORGED: FORGED}, {"origin": FORGED, "index": 1}),
        NotReady(FORGED, FORGED),
        Unreachable(FORGED),
        NotProven(FORGED),
        ServiceStopped(FORGED),
        CounterfoilError(FORGED),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_nor_does_an_error(problem: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise problem

    assert guarded(Out(json=False), fail) > 0
    assert_escaped(capsys.readouterr().err)


def test_nor_does_an_entry(capsys: pytest.CaptureFixture[str]) -> None:
    event = PartyRegistered(party_id=FORGED, name=FORGED, roles=(), group_id=FORGED)
    cause = TimerCause(FORGED, 1)
    entry = Entry(f"{FORGED}/issuance/main", 1, FORGED, 1, FORGED, cause, False, (), (event,))
    out = Out(json=False)
    out.show(None, plain(line(entry)), Record(summary(entry)))
    out.note(FORGED)
    shown = capsys.readouterr()
    assert_escaped(shown.out)
    assert_escaped(shown.err)


def assert_escaped(text: str) -> None:
    """It shows `FORGED`, and nothing in it is more than a visible character or the end of a line."""
    assert "\\x1b[2J" in text.replace("\n", "")
    assert all(is_visible(each) or each == "\n" for each in text)
