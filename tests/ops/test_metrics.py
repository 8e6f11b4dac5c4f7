"""Each hook makes exactly the series that dashboards and alerts use."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from prometheus_client.parser import text_string_to_metric_families

from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import SECOND
from counterfoil.ops.health import ConsumerStatus
from counterfoil.ops.metrics import BATCH_BUCKETS, COMMIT_BUCKETS, METRICS, NAMES, RECEIPT_BUCKETS, Metrics
from counterfoil.runtime.standstill import CODES
from counterfoil.runtime.telemetry import Telemetry

MATCHING = "counterfoil.example/matching/main"


def shown(metrics: Metrics) -> list[str]:
    """The project's series, as text."""
    return [line for line in metrics.render().decode().splitlines() if line.startswith("counterfoil_")]


def series(metrics: Metrics, name: str) -> list[str]:
    """The series of one metric."""
    return [line for line in shown(metrics) if re.split("[ {]", line)[0].startswith(name)]


def with_everything() -> Metrics:
    """Metrics after one call of every hook."""
    metrics = Metrics()
    telemetry: Telemetry = metrics
    telemetry.consumed(LogId("ledger"), MATCHING, 3)
    telemetry.committed(LogId("ledger"), 2, 0.004, 12)
    telemetry.published(LogId("ledger"), 12, 1_800_000_000 * SECOND + 500_000)
    telemetry.refused(LogId("ledger"), "bad_signature", "intake")
    telemetry.recovering("ledger")
    telemetry.cause_ahead(LogId("ledger"), MATCHING, 1_500_000)
    telemetry.standstill(LogId("ledger"), "clock_apart")
    telemetry.answered(LogId("matching"), 0.2, "")
    telemetry.webhook(delivered=True, seconds=0.2)
    metrics.active(LogId("ledger"), True)
    metrics.loaded(LogId("ledger"), 12, 12)
    metrics.dead_letter("ledger", "malformed")
    metrics.show_waiting(lambda: 7)
    metrics.show_consumers(lambda: [ConsumerStatus("ledger", MATCHING, 5, None)])
    return metrics


def test_every_metric_is_shown_under_its_name_with_its_meaning() -> None:
    text = with_everything().render().decode()
    explained = dict(re.findall(r"^# HELP (counterfoil_\w+) (.*)$", text, re.MULTILINE))
    assert explained == METRICS
    assert frozenset(METRICS) == NAMES
    suffixes = re.compile("_(bucket|sum|count)$")
    named = {re.split("[ {]", line)[0] for line in shown(with_everything())}
    assert {name if name in NAMES else suffixes.sub("", name) for name in named} == NAMES


def test_the_text_is_what_prometheus_reads() -> None:
    families = {family.name: family for family in text_string_to_metric_families(with_everything().render().decode())}
    kinds = {name: family.type for name, family in families.items() if name.startswith("counterfoil")}
    counters = {f"{name}_total" for name, kind in kinds.items() if kind == "counter"}
    assert counters == {name for name in NAMES if name.endswith("_total")}
    assert {name for name, kind in kinds.items() if kind == "histogram"} == {
        "counterfoil_batch_entries",
        "counterfoil_commit_seconds",
        "counterfoil_receipt_seconds",
        "counterfoil_webhook_seconds",
    }
    assert "process_resident_memory_bytes" in families
    assert not [name for name in families if name.endswith("_created")]


def test_causes() -> None:
    metrics = Metrics()
    metrics.consumed(LogId("ledger"), MATCHING, 3)
    metrics.consumed(LogId("ledger"), "commands", 1)
    metrics.consumed(LogId("ledger"), MATCHING, 4)
    assert series(metrics, "counterfoil_causes") == [
        f'counterfoil_causes_total{{service="ledger",shard="main",source="{MATCHING}"}} 7.0',
        'counterfoil_causes_total{service="ledger",shard="main",source="commands"} 1.0',
    ]


def test_commits() -> None:
    metrics = Metrics()
    metrics.committed(LogId("ledger"), 2, 0.004, 12)
    metrics.committed(LogId("ledger"), 512, 0.3, 524)
    metrics.committed(LogId("matching"), 1, 0.0001, 1)
    assert series(metrics, "counterfoil_entries") == [
        'counterfoil_entries_total{service="ledger",shard="main"} 514.0',
        'counterfoil_entries_total{service="matching",shard="main"} 1.0',
    ]
    assert series(metrics, "counterfoil_log_size") == [
        'counterfoil_log_size{service="ledger",shard="main"} 524.0',
        'counterfoil_log_size{service="matching",shard="main"} 1.0',
    ]
    ledger = [line for line in series(metrics, "counterfoil_commit_seconds") if "ledger" in line]
    assert ledger[0] == 'counterfoil_commit_seconds_bucket{le="0.0005",service="ledger",shard="main"} 0.0'
    assert 'counterfoil_commit_seconds_bucket{le="0.0025",service="ledger",shard="main"} 0.0' in ledger
    assert 'counterfoil_commit_seconds_bucket{le="0.005",service="ledger",shard="main"} 1.0' in ledger
    assert ledger[-4:] == [
        'counterfoil_commit_seconds_bucket{le="2.5",service="ledger",shard="main"} 2.0',
        'counterfoil_commit_seconds_bucket{le="+Inf",service="ledger",shard="main"} 2.0',
        'counterfoil_commit_seconds_count{service="ledger",shard="main"} 2.0',
        'counterfoil_commit_seconds_sum{service="ledger",shard="main"} 0.304',
    ]
    batches = [line for line in series(metrics, "counterfoil_batch_entries") if "ledger" in line]
    assert batches[0] == 'counterfoil_batch_entries_bucket{le="1.0",service="ledger",shard="main"} 0.0'
    assert batches[1] == 'counterfoil_batch_entries_bucket{le="2.0",service="ledger",shard="main"} 1.0'
    assert 'counterfoil_batch_entries_bucket{le="512.0",service="ledger",shard="main"} 2.0' in batches


def test_a_log_that_was_loaded_has_its_size_before_the_first_commit() -> None:
    metrics = Metrics()
    metrics.loaded(LogId("ledger"), 40, 30)
    assert shown(metrics)[:2] == [
        'counterfoil_log_size{service="ledger",shard="main"} 40.0',
        'counterfoil_folded_entries_total{service="ledger",shard="main"} 30.0',
    ]
    assert not series(metrics, "counterfoil_entries")
    assert not series(metrics, "counterfoil_checkpoint")


def test_checkpoints() -> None:
    metrics = Metrics()
    metrics.published(LogId("ledger"), 12, 1_800_000_000 * SECOND + 500_000)
    assert shown(metrics)[:2] == [
        'counterfoil_published_size{service="ledger",shard="main"} 12.0',
        'counterfoil_checkpoint_timestamp_seconds{service="ledger",shard="main"} 1.8000000005e+09',
    ]


def test_refusals_recoveries_dead_letters_and_roles() -> None:
    metrics = Metrics()
    metrics.refused(LogId("ledger"), "bad_signature", "intake")
    metrics.refused(LogId("ledger"), "insufficient_funds", "decided")
    metrics.refused(LogId("ledger"), "insufficient_funds", "decided")
    metrics.recovering("receipts")
    metrics.dead_letter("ledger", "malformed")
    metrics.active(LogId("ledger"), True)
    metrics.active(LogId("matching"), True)
    metrics.active(LogId("matching"), False)
    assert [line for line in shown(metrics) if not re.match("counterfoil_(receipt|commands|webhook)", line)] == [
        'counterfoil_refusals_total{code="bad_signature",service="ledger",shard="main",stage="intake"} 1.0',
        'counterfoil_refusals_total{code="insufficient_funds",service="ledger",shard="main",stage="decided"} 2.0',
        'counterfoil_recoveries_total{worker="receipts"} 1.0',
        'counterfoil_active{service="ledger",shard="main"} 1.0',
        'counterfoil_active{service="matching",shard="main"} 0.0',
        'counterfoil_dead_letters_total{reason="malformed",service="ledger"} 1.0',
    ]


def test_the_gateway() -> None:
    metrics, waiting = Metrics(), [0]
    metrics.show_waiting(lambda: waiting[0])
    for service, seconds in (("ledger", 0.0009), ("matching", 0.03), ("ledger", 31.0)):
        metrics.answered(LogId(service), seconds)
    waiting[0] = 3
    assert series(metrics, "counterfoil_commands_waiting") == ["counterfoil_commands_waiting 3.0"]
    receipts = series(metrics, "counterfoil_receipt_seconds")
    assert receipts[0] == 'counterfoil_receipt_seconds_bucket{le="0.001"} 1.0'
    assert receipts[-4:-1] == [
        'counterfoil_receipt_seconds_bucket{le="30.0"} 2.0',
        'counterfoil_receipt_seconds_bucket{le="+Inf"} 3.0',
        "counterfoil_receipt_seconds_count 3.0",
    ]


def test_consumers_are_shown_as_they_are_now_and_not_as_they_were() -> None:
    metrics = Metrics()
    statuses = [
        ConsumerStatus("ledger", MATCHING, 5, None),
        ConsumerStatus("views", MATCHING, 900, "no progress at 1 of 901 for 31 s"),
    ]
    metrics.show_consumers(lambda: statuses)
    assert series(metrics, "counterfoil_consumer") == [
        f'counterfoil_consumer_lag{{consumer="ledger",source="{MATCHING}"}} 5.0',
        f'counterfoil_consumer_lag{{consumer="views",source="{MATCHING}"}} 900.0',
        f'counterfoil_consumer_stuck{{consumer="ledger",source="{MATCHING}"}} 0.0',
        f'counterfoil_consumer_stuck{{consumer="views",source="{MATCHING}"}} 1.0',
    ]
    statuses[:] = [ConsumerStatus("views", MATCHING, 0, None)]
    assert series(metrics, "counterfoil_consumer") == [
        f'counterfoil_consumer_lag{{consumer="views",source="{MATCHING}"}} 0.0',
        f'counterfoil_consumer_stuck{{consumer="views",source="{MATCHING}"}} 0.0',
    ]


def test_a_standstill_ends() -> None:
    metrics = Metrics()
    for code in ("clock_apart", "disk_full", ""):
        metrics.standstill(LogId("ledger"), code)
        metrics.standstill(LogId("ledger", "two"), "clock_apart")
        assert sorted(series(metrics, "counterfoil_standstill")) == sorted(
            f'counterfoil_standstill{{code="{each}",service="ledger",shard="{shard}"}} {float(each == on)}'
            for shard, on in (("main", code), ("two", "clock_apart"))
            for each in CODES
        )


def test_processes_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.recovering("ledger")
    assert series(one, "counterfoil_recoveries")
    assert not series(other, "counterfoil_recoveries")


def test_threads_lose_no_count() -> None:
    metrics = Metrics()

    def work(number: int) -> None:
        for _ in range(1_000):
            metrics.consumed(LogId(f"service-{number % 2}"), "commands", 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert series(metrics, "counterfoil_causes") == [
        'counterfoil_causes_total{service="service-0",shard="main",source="commands"} 4000.0',
        'counterfoil_causes_total{service="service-1",shard="main",source="commands"} 4000.0',
    ]


def test_buckets_span_what_is_measured() -> None:
    assert (COMMIT_BUCKETS[0], COMMIT_BUCKETS[-1]) == (0.0005, 2.5)
    assert (BATCH_BUCKETS[0], BATCH_BUCKETS[-1]) == (1, 512)
    assert (RECEIPT_BUCKETS[0], RECEIPT_BUCKETS[-1]) == (0.001, 30.0)
    for buckets in (COMMIT_BUCKETS, BATCH_BUCKETS, RECEIPT_BUCKETS):
        assert list(buckets) == sorted(set(buckets))
