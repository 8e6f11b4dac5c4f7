"""Traces with OpenTelemetry: from the command at the gateway through every entry that follows from it.

A span for each sampled command, named after its type, and one for each entry made because of it, named after its first
event: ``PlaceBid``, ``BidReceived``, ``HoldPlaced``, ``BidAdmitted`` with ``TradeMatched``. The transport carries the
`traceparent` (W3C Trace Context, version 00) from one to the next; `tracestate` and baggage are not carried.

Whether a trace is sampled is decided once, where it begins: by the client if its request says so, else at the gateway.
Messages that are not sampled carry no `traceparent`. Timers begin no trace.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanContext, SpanKind, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from counterfoil import __version__
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId
from counterfoil.settings import GATEWAY

ROOT_RATIO: Final = 0.01
"""The sampled share of commands whose request does not decide it."""
ACCEPTED: Final = "accepted"
"""The outcome of an entry without a refusal."""

OPEN_FOR: Final = 60.0  # seconds after which a command's span ends without an answer; the gateway waits for 30
OPEN_MAX: Final = 1_024  # open spans of commands; beyond that, the oldest is ended
_QUEUE: Final = 2_048  # queued spans; beyond that, the oldest is dropped
_BATCH: Final = 512  # spans per request to the collector
_EVERY_MS: Final = 2_000  # ms between two requests
_TIMEOUT: Final = 3.0  # seconds for a request with its retries
_CLOSE_WITHIN: Final = 3.0  # seconds to send queued spans when the process ends

_CONTEXT: Final = TraceContextTextMapPropagator()


def to_collector(url: str) -> SpanProcessor:
    """Sends spans to the OTLP/HTTP collector at `url` (http://HOST:PORT), from its own thread and bounded queue.

    If the collector is down or slow, spans are dropped, the oldest first; nothing else is affected.
    """
    exporter = OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces", timeout=_TIMEOUT)
    return BatchSpanProcessor(
        exporter,
        max_queue_size=_QUEUE,
        schedule_delay_millis=_EVERY_MS,
        max_export_batch_size=_BATCH,
        meter_provider=NoOpMeterProvider(),
    )


@dataclass(frozen=True, slots=True)
class _OpenSpan:
    span: Span
    since: float


class Tracing:
    """Makes the spans of this process's services, each with its own resource, and passes them to one processor.

    Thread-safe; the hooks neither block nor fail.
    """

    def __init__(
        self,
        processor: SpanProcessor,
        *,
        ratio: float = ROOT_RATIO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._processor, self._clock = processor, clock
        self._sampler = ParentBased(TraceIdRatioBased(ratio))
        self._tracers: dict[str, Tracer] = {}
        self._open: dict[str, _OpenSpan] = {}
        self._lock = Lock()  # guards _open

    def received(self, log: LogId, trace: str, kind: str) -> str:
        """Begin the span of a command of type `kind` for `log`; returns the `traceparent` to carry, or "".

        `trace` is the request's `traceparent`: the span's parent if it is well formed, otherwise ignored.
        """
        parent = _CONTEXT.extract({"traceparent": trace}) if trace else Context()
        span = self._tracer(GATEWAY).start_span(
            kind,
            context=parent,
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": "POST",
                "http.route": "/v1/commands",
                "counterfoil.service": log.service,
                "counterfoil.shard": log.shard,
            },
        )
        context = span.get_span_context()
        if not context.trace_flags.sampled:
            return ""
        own, now = _traceparent(context), self._clock()
        with self._lock:
            ended = self._overdue(now)
            self._open[own] = _OpenSpan(span, now)
        if ended is not None:
            ended.end()
        return own

    def answered(self, trace: str) -> None:
        """End the span of a command; `trace` is what `received` returned."""
        with self._lock:
            found = self._open.pop(trace, None)
        if found is not None:
            found.span.end()

    def entry(self, log: LogId, entry: Entry, trace: str) -> str:
        """Make the span of an entry caused by a message that carried `trace`; returns the entry's own `traceparent`.

        Makes no span and returns "" unless `trace` is well formed and sampled.
        """
        if not trace:
            return ""
        parent = _CONTEXT.extract({"traceparent": trace})
        if not get_current_span(parent).get_span_context().trace_flags.sampled:
            return ""
        events = list(dict.fromkeys(type(event).__name__ for event in entry.events))
        refused = (outcome.refusal.code.value for outcome in entry.outcomes if outcome.refusal is not None)
        span = self._tracer(log.service).start_span(
            events[0] if events else entry.subject,
            context=parent,
            kind=SpanKind.CONSUMER,
            attributes={
                "counterfoil.origin": entry.origin,
                "counterfoil.index": entry.index,
                "counterfoil.cause": entry.id,
                "counterfoil.outcome": next(refused, ACCEPTED),
                "counterfoil.events": events,
            },
        )
        span.end()
        return _traceparent(span.get_span_context())

    def close(self) -> None:
        """End open spans and send queued ones, for a few seconds at most. Idempotent."""
        with self._lock:
            opened, self._open = self._open, {}
        for each in opened.values():
            each.span.end()
        closing = Thread(target=self._processor.shutdown, name="counterfoil-traces", daemon=True)
        closing.start()
        closing.join(_CLOSE_WITHIN)

    def _overdue(self, now: float) -> Span | None:
        """Remove the oldest open span if it has timed out or there are too many; at most one per new span."""
        oldest = next(iter(self._open), None)
        if oldest is None or (now - self._open[oldest].since < OPEN_FOR and len(self._open) < OPEN_MAX):
            return None
        return self._open.pop(oldest).span

    def _tracer(self, service: str) -> Tracer:
        tracer = self._tracers.get(service)
        if tracer is None:
            resource = Resource({SERVICE_NAME: f"counterfoil-{service}", SERVICE_VERSION: __version__})
            provider = TracerProvider(
                sampler=self._sampler,
                resource=resource,
                shutdown_on_exit=False,
                meter_provider=NoOpMeterProvider(),
            )
            provider.add_span_processor(self._processor)
            tracer = self._tracers.setdefault(service, provider.get_tracer("counterfoil", __version__))
        return tracer


def _traceparent(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
