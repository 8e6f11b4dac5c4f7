"""The metrics for Prometheus: one registry per process, nothing global.

| metric | kind | labels |
|---|---|---|
| `counterfoil_causes_total` | counter | service, shard, source |
| `counterfoil_entries_total` | counter | service, shard |
| `counterfoil_batch_entries` | histogram | service, shard |
| `counterfoil_commit_seconds` | histogram | service, shard |
| `counterfoil_refusals_total` | counter | service, shard, code, stage |
| `counterfoil_log_size` | gauge | service, shard |
| `counterfoil_folded_entries_total` | counter | service, shard |
| `counterfoil_published_size` | gauge | service, shard |
| `counterfoil_checkpoint_timestamp_seconds` | gauge | service, shard |
| `counterfoil_consumer_lag`, `counterfoil_consumer_stuck` | gauge | consumer, source |
| `counterfoil_recoveries_total` | counter | worker |
| `counterfoil_active` | gauge | service, shard |
| `counterfoil_dead_letters_total` | counter | service, reason |
| `counterfoil_receipt_seconds` | histogram | |
| `counterfoil_commands_waiting` | gauge | |
| `counterfoil_webhook_attempts_total` | counter | outcome |
| `counterfoil_webhook_seconds` | histogram | |

The source of a cause is an origin or ``commands``, that of a consumer a topic. Every label has a bounded set of values,
so that clients cannot create series.

A series begins with its first value, so that a process shows only the logs that it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import SECOND
from counterfoil.ops.health import ConsumerStatus
from counterfoil.runtime.standstill import CODES

METRICS: Final = {
    "counterfoil_causes_total": "Messages consumed: commands, and entries of other logs.",
    "counterfoil_entries_total": "Entries committed.",
    "counterfoil_batch_entries": "Entries per transaction.",
    "counterfoil_commit_seconds": "Duration of a transaction.",
    "counterfoil_refusals_total": "Commands refused, at stage intake (no entry) or decided (recorded).",
    "counterfoil_log_size": "Entries in the log.",
    "counterfoil_folded_entries_total": "Entries folded to have the state in memory: at a start, none after an error.",
    "counterfoil_published_size": "Entries that the published checkpoint covers.",
    "counterfoil_checkpoint_timestamp_seconds": "When the last checkpoint was published; an idle log has no new one.",
    "counterfoil_consumer_lag": "Backlog of a consumer, in messages.",
    "counterfoil_consumer_stuck": "1 if a consumer has a backlog and makes no progress, else 0.",
    "counterfoil_standstill": "1 while the log decides nothing for the reason `code`, else 0.",
    "counterfoil_cause_ahead_seconds": "How long the next event of a source waits for the clock of the log.",
    "counterfoil_recoveries_total": "Steps that failed because of the infrastructure and were retried.",
    "counterfoil_active": "1 if this process writes the log, 0 if it is a standby.",
    "counterfoil_dead_letters_total": "Messages dead-lettered because they could not be accepted.",
    "counterfoil_receipt_seconds": "Time from a command at the gateway to its answer.",
    "counterfoil_commands_waiting": "Commands at the gateway that are not answered yet.",
    "counterfoil_webhook_attempts_total": "Attempts to send an event to a webhook: delivered, or failed.",
    "counterfoil_webhook_seconds": "Duration of such an attempt.",
}
"""Help texts by metric name, as in a query; histograms without `_bucket`, `_sum` and `_count`."""
NAMES: Final = frozenset(METRICS)

COMMIT_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)  # seconds
BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)  # entries; a batch of causes may make a few more
RECEIPT_BUCKETS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip # seconds, up to the gateway's timeout

_LOG: Final = LogId._fields
"""The labels that name a log: a `LogId` can be used as the label values of a series."""

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

M = TypeVar("M", bound=MetricWrapperBase)


class _Children(dict[tuple[str, ...], M]):
    """A cache of a family's series by label values, since a lookup in the family is slow."""

    def __init__(self, family: M) -> None:
        super().__init__()
        self._family = family

    def __missing__(self, labels: tuple[str, ...]) -> M:
        child = self[labels] = self._family.labels(*labels)
        return child


class Metrics:
    """The metrics of one process; a `Telemetry` that counts and does not trace. Thread-safe."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._causes = self._counter("counterfoil_causes_total", *_LOG, "source")
        self._entries = self._counter("counterfoil_entries_total", *_LOG)
        self._batches = self._histogram("counterfoil_batch_entries", BATCH_BUCKETS, *_LOG)
        self._commits = self._histogram("counterfoil_commit_seconds", COMMIT_BUCKETS, *_LOG)
        self._refusals = self._counter("counterfoil_refusals_total", *_LOG, "code", "stage")
        self._sizes = self._gauge("counterfoil_log_size", *_LOG)
        self._folded = self._counter("counterfoil_folded_entries_total", *_LOG)
        self._published = self._gauge("counterfoil_published_size", *_LOG)
        self._checkpoints = self._gauge("counterfoil_checkpoint_timestamp_seconds", *_LOG)
        self._recoveries = self._counter("counterfoil_recoveries_total", "worker")
        self._active = self._gauge("counterfoil_active", *_LOG)
        self._standstill = self._gauge("counterfoil_standstill", *_LOG, "code")
        self._ahead = self._gauge("counterfoil_cause_ahead_seconds", *_LOG, "source")
        self._dead_letters = self._counter("counterfoil_dead_letters_total", "service", "reason")
        name = "counterfoil_receipt_seconds"
        self._receipts = Histogram(name, METRICS[name], registry=self._registry, buckets=RECEIPT_BUCKETS)
        name = "counterfoil_commands_waiting"
        self._waiting = Gauge(name, METRICS[name], registry=self._registry)
        self._webhooks = self._counter("counterfoil_webhook_attempts_total", "outcome")
        name = "counterfoil_webhook_seconds"
        self._webhook_seconds = Histogram(name, METRICS[name], registry=self._registry, buckets=RECEIPT_BUCKETS)

    # hooks of the shell ---------------------------------------------------------------------------------------------

    def consumed(self, log: LogId, source: str, count: int) -> None:
        """`count` messages of `source` were consumed."""
        self._causes[*log, source].inc(count)

    def committed(self, log: LogId, entries: int, seconds: float, size: int) -> None:
        """A transaction appended `entries` in `seconds`; the log now has `size` entries."""
        self._entries[log].inc(entries)
        self._batches[log].observe(entries)
        self._commits[log].observe(seconds)
        self._sizes[log].set(size)

    def published(self, log: LogId, size: int, time: int) -> None:
        """A checkpoint over `size` entries was published at `time`, UTC microseconds."""
        self._published[log].set(size)
        self._checkpoints[log].set(time / SECOND)

    def refused(self, log: LogId, code: str, stage: str) -> None:
        """A command was refused."""
        self._refusals[*log, code, stage].inc()

    def recovering(self, worker: str) -> None:
        """A worker's step failed because of the infrastructure."""
        self._recoveries[(worker,)].inc()

    def cause_ahead(self, log: LogId, source: str, wait: int) -> None:
        """The next event of `source` waits `wait` microseconds for the clock of the log."""
        self._ahead[*log, source].set(wait / SECOND)

    def standstill(self, log: LogId, code: str) -> None:
        """The log decides nothing, for the reason `code`; empty once it decides again."""
        for each in CODES:
            self._standstill[*log, each].set(each == code)

    def entry(self, log: LogId, entry: Entry, trace: str) -> str:
        """Does nothing: entries are counted when they are committed. No trace."""
        return ""

    def received(self, log: LogId, trace: str, kind: str) -> str:
        """Does nothing: commands are counted when they are consumed. No trace."""
        return ""

    def answered(self, log: LogId, seconds: float, trace: str = "") -> None:
        """A gateway answered a command after `seconds`."""
        self._receipts.observe(seconds)

    def webhook(self, *, delivered: bool, seconds: float) -> None:
        """A gateway tried for `seconds` to deliver an event to a webhook."""
        self._webhooks[("delivered" if delivered else "failed",)].inc()
        self._webhook_seconds.observe(seconds)

    # hooks of the rest of the process -------------------------------------------------------------------------------

    def loaded(self, log: LogId, size: int, folded: int) -> None:
        """A writer has begun with a log of `size` entries, of which it had to fold `folded`."""
        self._sizes[log].set(size)
        self._folded[log].inc(folded)

    def active(self, log: LogId, active: bool) -> None:
        """This process now writes the log, or is now a standby."""
        self._active[log].set(active)

    def dead_letter(self, service: str, reason: str) -> None:
        """A message of a service, `gateway` or `views` was dead-lettered; `reason` is the stable code in its header."""
        self._dead_letters[service, reason].inc()

    def show_waiting(self, count: Callable[[], int]) -> None:
        """Show the number of commands that wait for the gateway's answer; `count` is called on each scrape."""
        self._waiting.set_function(count)

    def show_consumers(self, look: Callable[[], Iterable[ConsumerStatus]]) -> None:
        """Show the consumers; `look` is called on each scrape; sources it leaves out are not shown. Call this once."""
        self._registry.register(_Consumers(look))

    def render(self) -> bytes:
        """All metrics in Prometheus' text format 0.0.4 (`CONTENT_TYPE`)."""
        return generate_latest(_WithoutCreation(self._registry))

    # inside ---------------------------------------------------------------------------------------------------------

    def _counter(self, name: str, *labels: str) -> _Children[Counter]:
        return _Children(Counter(name, METRICS[name], labels, registry=self._registry))

    def _gauge(self, name: str, *labels: str) -> _Children[Gauge]:
        return _Children(Gauge(name, METRICS[name], labels, registry=self._registry))

    def _histogram(self, name: str, buckets: Sequence[float], *labels: str) -> _Children[Histogram]:
        return _Children(Histogram(name, METRICS[name], labels, registry=self._registry, buckets=buckets))


class _Consumers(Collector):
    """The gauges of the consumers, created on each scrape, so that none outlives its source."""

    def __init__(self, look: Callable[[], Iterable[ConsumerStatus]]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        lag = _consumer_gauge("counterfoil_consumer_lag")
        halted = _consumer_gauge("counterfoil_consumer_stuck")
        for each in self._look():
            labels = (each.consumer, each.source)
            lag.add_metric(labels, each.lag)
            halted.add_metric(labels, each.reason is not None)
        yield lag
        yield halted


def _consumer_gauge(name: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, METRICS[name], labels=("consumer", "source"))


class _WithoutCreation(Collector):
    """A registry without the `_created` series, which would double the number of series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
