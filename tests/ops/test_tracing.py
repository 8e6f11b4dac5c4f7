"""One trace from the command to the trade, sampled as decided at its start, and without delay for the services."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from counterfoil import __version__
from counterfoil.contract.entry import Cause, CommandCause, Entry, EntryCause, Outcome, TimerCause
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.ledger.events import HoldPlaced
from counterfoil.matching.events import BidAdmitted, BidReceived, TradeMatched
from counterfoil.ops.telemetry import Instruments
from counterfoil.ops.tracing import OPEN_FOR, OPEN_MAX, ROOT_RATIO, Tracing, to_collector
from counterfoil.runtime.telemetry import Telemetry
from tests.contract.samples import NOW, sample

TRACE_ID, PARENT_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE_ID}-{PARENT_ID}-01"
UNSAMPLED = f"00-{TRACE_ID}-{PARENT_ID}-00"
COMMAND = CommandCause(b"{}", bytes(64), "key")
ACCEPTED = (Outcome(1, None),)


class Now:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time


class Collected:
    """The hooks of a process, and the ended spans."""

    def __init__(self, ratio: float = 1.0) -> None:
        self.now = Now()
        self._exporter = InMemorySpanExporter()
        self.tracing = Tracing(SimpleSpanProcessor(self._exporter), ratio=ratio, clock=self.now)
        self.hooks = Instruments(self.tracing)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """The ended spans, in order."""
        return self._exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [span.name for span in self.spans]


def entry(
    service: str,
    index: int,
    cause: Cause,
    events: Sequence[type[Event]],
    outcomes: tuple[Outcome, ...] = (),
    subject: str = "matching",
) -> Entry:
    """An entry as a service makes it."""
    made = tuple(sample(event) for event in events)
    origin = f"counterfoil.example/{service}/main"
    return Entry(origin, index, f"{subject}/{index}", NOW, subject, cause, False, outcomes, made)


def context(span: ReadableSpan) -> SpanContext:
    """The context of a span."""
    found: SpanContext | None = span.context
    assert found is not None
    return found


def caused_by(service: str, index: int) -> EntryCause:
    """Event 0 of another log's entry."""
    return EntryCause(f"counterfoil.example/{service}/main", index, bytes(32), 0)


# ---------------------------------------------------------------- one trace


def test_one_trace_goes_from_the_command_to_the_trade_through_three_processes() -> None:
    gateway, matching, ledger = Collected(), Collected(ratio=0.0), Collected(ratio=0.0)

    carried = gateway.hooks.received(LogId("matching"), "", "PlaceBid")
    bid = entry("matching", 17, COMMAND, (BidReceived,), ACCEPTED, "startup-1/019ab000")
    to_ledger = matching.hooks.entry(LogId("matching"), bid, carried)
    gateway.hooks.answered(LogId("matching"), 0.02, carried)
    hold = entry("ledger", 40, caused_by("matching", 17), (HoldPlaced,))
    back = ledger.hooks.entry(LogId("ledger"), hold, to_ledger)
    trade = entry("matching", 18, caused_by("ledger", 40), (BidAdmitted, TradeMatched, TradeMatched), (), "ledger")
    onwards = matching.hooks.entry(LogId("matching"), trade, back)

    (root,), (first, third), (second,) = gateway.spans, matching.spans, ledger.spans
    assert [span.name for span in (root, first, second, third)] == [
        "PlaceBid",
        "BidReceived",
        "HoldPlaced",
        "BidAdmitted",
    ]
    assert root.parent is None
    for parent, child in ((root, first), (first, second), (second, third)):
        assert child.parent is not None
        assert child.parent.span_id == context(parent).span_id
        assert context(child).trace_id == context(root).trace_id
    assert [span.kind for span in (root, first, second, third)] == [SpanKind.SERVER, *[SpanKind.CONSUMER] * 3]
    assert [span.resource.attributes["service.name"] for span in (root, first, second)] == [
        "counterfoil-gateway",
        "counterfoil-matching",
        "counterfoil-ledger",
    ]
    assert root.resource.attributes["service.version"] == __version__
    assert dict(root.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/v1/commands",
        "counterfoil.service": "matching",
        "counterfoil.shard": "main",
    }
    assert dict(third.attributes or {}) == {
        "counterfoil.origin": "counterfoil.example/matching/main",
        "counterfoil.index": 18,
        "counterfoil.cause": "ledger/18",
        "counterfoil.outcome": "accepted",
        "counterfoil.events": ("BidAdmitted", "TradeMatched"),
    }
    assert onwards.startswith(f"00-{context(root).trace_id:032x}-{context(third).span_id:016x}-")
    assert int(onwards[-2:], 16) & TraceFlags.SAMPLED


def test_services_in_one_process_keep_their_own_names() -> None:
    process = Collected()
    for service in ("ledger", "matching", "ledger"):
        process.hooks.entry(LogId(service), entry(service, 1, COMMAND, (BidReceived,)), SAMPLED)
    names = [span.resource.attributes["service.name"] for span in process.spans]
    assert names == ["counterfoil-ledger", "counterfoil-matching", "counterfoil-ledger"]


def test_the_clients_trace_is_continued() -> None:
    process = Collected(ratio=0.0)
    carried = process.hooks.received(LogId("matching"), SAMPLED, "PlaceBid")
    assert carried.startswith(f"00-{TRACE_ID}-")
    assert PARENT_ID not in carried
    process.hooks.answered(LogId("matching"), 0.1, carried)
    (span,) = process.spans
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT_ID


@pytest.mark.parametrize(
    ("outcomes", "events", "name", "outcome"),
    [
        ((Outcome(0, Refusal(Code.KEY_REVOKED, ())),), (), "PlaceBid", "key_revoked"),
        ((Outcome(1, None), Outcome(0, Refusal(Code.KEY_REVOKED, ()))), (BidReceived,), "BidReceived", "key_revoked"),
        ((Outcome(1, None), Outcome(1, None)), (BidReceived, BidReceived), "BidReceived", "accepted"),
        ((), (), "PlaceBid", "accepted"),
    ],
)
def test_outcomes(outcomes: tuple[Outcome, ...], events: tuple[type[Event], ...], name: str, outcome: str) -> None:
    process = Collected()
    process.hooks.entry(LogId("matching"), entry("matching", 3, COMMAND, events, outcomes, "PlaceBid"), SAMPLED)
    (span,) = process.spans
    assert span.name == name
    assert (span.attributes or {})["counterfoil.outcome"] == outcome


# ---------------------------------------------------------------- what is sampled


def test_messages_that_are_not_sampled_carry_no_traceparent() -> None:
    process = Collected(ratio=1.0)
    bid = entry("matching", 17, COMMAND, (BidReceived,), ACCEPTED)
    assert process.hooks.received(LogId("matching"), UNSAMPLED, "PlaceBid") == ""
    assert process.hooks.entry(LogId("matching"), bid, "") == ""
    assert process.hooks.entry(LogId("matching"), bid, UNSAMPLED) == ""
    timer = entry("matching", 18, TimerCause("sweep", NOW), (), (), "sweep")
    assert process.hooks.entry(LogId("matching"), timer, "") == ""
    assert process.names == []


def test_a_hundredth_of_what_the_client_leaves_open_is_sampled() -> None:
    process = Collected(ratio=ROOT_RATIO)
    sampled = sum(bool(process.hooks.received(LogId("ledger"), "", "Deposit")) for _ in range(20_000))
    assert 100 < sampled < 300  # 200 expected, with a standard deviation of 14


MALFORMED = (
    "00-0-0-01",
    f"00-{'0' * 32}-{PARENT_ID}-01",
    f"00-{TRACE_ID}-{'0' * 16}-01",
    f"ff-{TRACE_ID}-{PARENT_ID}-01",
    f"00-{TRACE_ID.upper()}-{PARENT_ID}-01",
    f"00-{TRACE_ID}-{PARENT_ID}-01-more",
    f"00-{TRACE_ID}-{PARENT_ID}-01" * 1_000,
    "\x00\r\nX-Injected: 1",
)


@pytest.mark.parametrize("trace", MALFORMED)
def test_a_malformed_traceparent_is_no_parent(trace: str) -> None:
    process = Collected(ratio=1.0)
    assert process.hooks.entry(LogId("matching"), entry("matching", 1, COMMAND, (BidReceived,)), trace) == ""
    process.hooks.answered(LogId("matching"), 0.1, process.hooks.received(LogId("matching"), trace, "PlaceBid"))
    (span,) = process.spans
    assert span.parent is None


@given(trace=st.text(max_size=80))
def test_no_text_breaks_a_hook(trace: str) -> None:
    process = Collected(ratio=0.0)
    assert process.hooks.entry(LogId("matching"), entry("matching", 1, COMMAND, ()), trace) == ""
    assert process.hooks.received(LogId("matching"), trace, "PlaceBid") == ""
    process.hooks.answered(LogId("matching"), 0.1, trace)


def test_without_a_collector_nothing_is_traced() -> None:
    hooks: Telemetry = Instruments()
    assert hooks.received(LogId("matching"), SAMPLED, "PlaceBid") == ""
    assert hooks.entry(LogId("matching"), entry("matching", 1, COMMAND, (BidReceived,)), SAMPLED) == ""
    hooks.answered(LogId("matching"), 0.1, "")


# ---------------------------------------------------------------- spans of commands end


def test_a_commands_span_lasts_until_its_answer() -> None:
    process = Collected()
    carried = process.hooks.received(LogId("ledger"), "", "Deposit")
    assert process.names == []
    process.hooks.answered(LogId("ledger"), 0.1, carried)
    process.hooks.answered(LogId("ledger"), 0.1, carried)
    assert process.names == ["Deposit"]


def test_a_command_that_nobody_answers_ends_after_a_while() -> None:
    process = Collected()
    process.hooks.received(LogId("ledger"), "", "Deposit")
    process.now.time += OPEN_FOR - 0.1
    process.hooks.received(LogId("ledger"), "", "Withdraw")
    assert process.names == []
    process.now.time += 0.1
    process.hooks.received(LogId("ledger"), "", "Withdraw")
    assert process.names == ["Deposit"]
    process.hooks.close()
    assert process.names == ["Deposit", "Withdraw", "Withdraw"]


def test_a_bounded_number_of_commands_is_open() -> None:
    process = Collected()
    for _ in range(OPEN_MAX):
        process.hooks.received(LogId("ledger"), "", "Deposit")
    assert len(process.spans) == 0
    process.hooks.received(LogId("ledger"), "", "Deposit")
    assert len(process.spans) == 1


# ---------------------------------------------------------------- the collector


class Collector:
    """An OTLP/HTTP collector that keeps what it gets."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, ExportTraceServiceRequest]] = []
        kept = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept.append((self.path, ExportTraceServiceRequest.FromString(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; idempotent."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.stop()


def test_spans_reach_a_collector_with_the_services_they_are_of(collector: Collector) -> None:
    hooks = Instruments(Tracing(to_collector(collector.url), ratio=1.0))
    carried = hooks.received(LogId("ledger"), "", "Deposit")
    hooks.entry(LogId("ledger"), entry("ledger", 1, COMMAND, (HoldPlaced,), ACCEPTED), carried)
    hooks.answered(LogId("ledger"), 0.1, carried)
    hooks.close()
    hooks.close()
    assert {path for path, _ in collector.requests} == {"/v1/traces"}
    found = {
        attribute.value.string_value: [span.name for scope in each.scope_spans for span in scope.spans]
        for _, request in collector.requests
        for each in request.resource_spans
        for attribute in each.resource.attributes
        if attribute.key == "service.name"
    }
    assert found == {"counterfoil-gateway": ["Deposit"], "counterfoil-ledger": ["HoldPlaced"]}


@pytest.mark.parametrize("kind", ["gone", "silent"])
def test_an_unreachable_collector_delays_nothing(collector: Collector, kind: str) -> None:
    """More spans than the queue holds, for a collector that refuses connections or accepts them and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        collector.stop()
        url = collector.url if kind == "gone" else f"http://127.0.0.1:{silent.getsockname()[1]}"
        hooks = Instruments(Tracing(to_collector(url), ratio=1.0))
        one = entry("ledger", 1, COMMAND, (HoldPlaced,), ACCEPTED)
        began = time.monotonic()
        carried = {hooks.entry(LogId("ledger"), one, SAMPLED) for _ in range(5_000)}
        hooked = time.monotonic()
        hooks.close()
        closed = time.monotonic()
    assert len(carried) == 5_000
    assert hooked - began < 20  # a quarter of a second on a quiet machine; one request alone may take 3 s
    assert closed - hooked < 10  # 3 s is the bound
    for thread in threading.enumerate():  # its remaining threads must not affect other tests
        if thread.name == "counterfoil-traces":
            thread.join(60)
            assert not thread.is_alive()
