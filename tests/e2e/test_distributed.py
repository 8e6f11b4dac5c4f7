"""The distributed form from outside, on a secure cluster and with the least rights: a trade through the command line,
one trace, metrics, stops and take-overs, and secrets that must not be visible.
"""

from __future__ import annotations

import json
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka import Producer

from counterfoil.bootstrap.distributed import Distributed
from counterfoil.client.http import Gateway
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.contract.topics import commands_topic, entries_topic
from counterfoil.ops.metrics import NAMES
from counterfoil.runtime.clock import SystemClock
from counterfoil.settings import ADMIN, GATEWAY, VIEWS
from counterfoil.storage import read_log_store_on
from counterfoil.storage.lease import IDLE_SECONDS
from counterfoil.testbed.fleet import ServiceProcess
from counterfoil.transport.admin.client import configuration
from counterfoil.transport.asyncapi import specification
from counterfoil.transport.routes import group_of
from tests.e2e.collector import Collector, Span, collector
from tests.e2e.founding import NOW_HOUR, PROGRAMME, found_a_market, trade
from tests.e2e.running import eventually
from tests.e2e.secured import COMPONENTS, PASSPHRASE, Metrics, Secured, metrics, secured
from tests.gateway.world import BID, UNIT, deposit
from tests.servers.fixture import NewCluster

ROOT = Path(__file__).parents[2]
CLIENT = "b7ad6b7169203331"  # a client's own span
CLIENTS = 4
Samples = Counter[tuple[str, ...]]
"""A metric by the values of its labels, in the order of their names."""
HOUR = 3_600  # seconds
NOT_HERE = {"counterfoil_webhook_attempts_total"}
"""Nobody has a webhook: the series begins with the first attempt."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.xdist_group("servers"),
    pytest.mark.timeout(240),
]


@pytest.fixture(scope="module")
def traces() -> Iterator[Collector]:
    with collector() as made:
        yield made


@pytest.fixture(scope="module")
def founded(new_cluster: NewCluster, traces: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A market with one trade; all processes log everything, in JSON, and trace."""
    folder, watched = tmp_path_factory.mktemp("secured"), {"log_format": "json", "log_level": "DEBUG"}
    with new_cluster(secure=True) as cluster, secured(cluster, folder, otlp=traces.url, **watched) as made:
        found_a_market(made.shell, folder)
        trade(made.shell)
        eventually(lambda: made.shell.ok("usage", "contracts"))
        yield made


@pytest.fixture
def market(founded: Secured) -> Secured:
    """The market with every component running again."""
    founded.start_missing()
    return founded


# the main path ------------------------------------------------------------------------------------------------------


def test_a_trade_with_the_least_rights_is_visible_everywhere(market: Secured, tmp_path: Path) -> None:
    shell = market.shell
    (made,) = shell.ok("offer", "trades")
    (contract,) = shell.ok("usage", "contracts", "--where", "status=open")
    assert (contract["contract_id"], made["price"], made["nodes"]) == (made["trade_id"], "1800000", 1)
    eventually(lambda: shell.ok("balance", "show", "acme")["cash"][0]["held"] == "21600000")
    (voucher,) = shell.ok("balance", "show", "acme")["vouchers"]
    assert (voucher["available"], voucher["held"]) == ("935200000", "64800000")
    issue = ("voucher", "issue", "--programme", PROGRAMME, "--beneficiary", "acme", "--amount", "3")
    receipt = shell.ok(*issue, "--as", "springfield")
    assert receipt["key_pinned"] is True
    shell.ok("log", "receipt", "issuance", receipt["id"], "--save", tmp_path / "receipt")
    assert shell.ok("log", "verify", tmp_path / "receipt")["verified"] is True
    entry = shell.ok("log", "entry", "issuance", str(receipt["index"]))
    assert entry["id"] == receipt["id"]


def test_rights_and_tables_are_as_they_must_be(market: Secured) -> None:
    assert market.shell.ok("topics", "check") == {"findings": [], "rights_enforced": True}
    assert market.shell.ok("database", "check") == {"findings": []}


def test_every_process_reaches_kafka_by_aiokafka_alone(market: Secured) -> None:
    for member in market.fleet.processes.values():
        loaded = Path(f"/proc/{member.popen.pid}/maps").read_text()
        assert "aiokafka" in loaded
        assert "confluent_kafka" not in loaded


# one trace ----------------------------------------------------------------------------------------------------------


def test_one_trace_from_the_bid_to_the_trade(market: Secured, traces: Collector) -> None:
    trace, first = "0af7651916cd43dd8448eb211c80319c", NOW_HOUR + 5
    place = replace(BID, programme_id=PROGRAMME, classes=("a100-80gb",), regions=("eu-west",), earliest=first,
                    latest=first + 8, limit_price=2 * UNIT)  # fmt: skip
    answer = httpx.post(
        f"{market.shell.url}/v1/commands",
        content=market.sign("acme", place),
        headers={"traceparent": f"00-{trace}-{CLIENT}-01"},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text

    def under(parent: str) -> list[Span]:
        return [span for span in traces.of_trace(trace) if span.parent == parent]

    def path(parent: str) -> list[Span]:
        """The chain of spans from the client's on; where a span has several children, the first."""
        return [span for first in under(parent)[:1] for span in (first, *path(first.id))]

    names = ["PlaceBid", "BidReceived", "HoldPlaced", "BidAdmitted"]
    eventually(lambda: [span.name for span in path(CLIENT)][:4] == names)
    placed, received, held, admitted = path(CLIENT)[:4]
    services = [span.service for span in (placed, received, held, admitted)]
    assert services == [f"counterfoil-{name}" for name in ("gateway", "matching", "ledger", "matching")]
    assert admitted.events[:2] == ("BidAdmitted", "TradeMatched")
    reacted = eventually(lambda: {span.service: span for span in under(admitted.id)})
    assert set(reacted) <= {"counterfoil-ledger", "counterfoil-redemption"}
    spans = traces.of_trace(trace)
    assert {span.parent for span in spans} <= {CLIENT, *(span.id for span in spans)}
    assert len({span.id for span in spans}) == len(spans)


# metrics ------------------------------------------------------------------------------------------------------------


def samples(process: ServiceProcess, name: str) -> dict[tuple[str, ...], float]:
    """The values of one metric, by the values of its labels in the order of the labels' names."""
    found = metrics(process).items()
    return {tuple(value for _, value in sorted(labels)): at for (each, labels), at in found if each == name}


def published_size(market: Secured, service: str) -> int:
    return int((market.home / "logs" / service / "main" / "checkpoint").read_text().splitlines()[1])


def test_every_metric_is_right_in_every_process(market: Secured) -> None:
    processes = market.fleet.processes
    refused, set_aside = make_trouble(market)
    market.fleet.wait_ready()
    found = {user: metrics(processes[user]) for user in COMPONENTS}
    names = {name for user in COMPONENTS for name, _ in found[user]}
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in names} >= NAMES - NOT_HERE
    for user in COMPONENTS:
        check_own(user, found[user])
        eventually(lambda: set(samples(processes[user], "counterfoil_consumer_lag").values()) == {0})  # noqa: B023
    for service in SERVICES:
        eventually(lambda: of_one_log(market, service))  # noqa: B023
    assert refused == {
        ("exceeds_available", "ledger", "main", "decided"): 1,
        ("malformed", "ledger", "main", "intake"): 1,
    }
    assert set_aside == {
        ("malformed", "ledger"): 1,
        ("no_envelope", "ledger"): 1,
        **{("no_place", user): 1 for user in ("ledger", VIEWS, GATEWAY)},
    }
    assert samples(processes["ledger"], "counterfoil_recoveries_total")["ledger",] >= 1
    rows = market.shell.ok("dead-letters", "list", "ledger")
    assert {row["reason"] for row in rows} >= {"malformed", "no_envelope", "no_place"}


def make_trouble(market: Secured) -> tuple[Samples, Samples]:
    """Cause a lost lease, a refusal and dead letters; returns the increase of refusals and dead letters."""
    lose_the_lease(market, "ledger")
    market.fleet.wait_ready()
    before = [counted(market, name) for name in ("counterfoil_refusals_total", "counterfoil_dead_letters_total")]
    withdraw = (
        "balance",
        "withdraw",
        "acme",
        "--currency",
        "USD",
        "--amount",
        "90000",
        "--reference",
        "OUT-1",
        "--as",
        "treasury",
    )
    refused = market.shell.run(*withdraw, "--json")
    assert (refused.code, refused.error["code"]) == (4, "exceeds_available")
    producer = Producer(configuration(market.shell.settings.kafka_access(ADMIN)))
    commands, entries = commands_topic("ledger"), entries_topic("issuance")
    for topic, value in ((commands, b"junk"), (commands, b""), (entries, b"junk")):
        producer.produce(topic, value, b"main", 0)
    assert producer.flush(20) == 0
    eventually(lambda: sum((counted(market, "counterfoil_dead_letters_total") - before[1]).values()) == 5)
    return counted(market, "counterfoil_refusals_total") - before[0], (
        counted(market, "counterfoil_dead_letters_total") - before[1]
    )


def counted(market: Secured, name: str) -> Samples:
    """A counter of the ledger, the views and the gateway, which all read issuance's entries."""
    return Counter(
        {
            labels: int(value)
            for user in ("ledger", VIEWS, GATEWAY)
            for labels, value in samples(market.fleet.processes[user], name).items()
        }
    )


def check_own(user: str, found: Metrics) -> None:
    """A process shows only the components that it runs, no backlog, and no stuck consumer."""
    for (name, labels), value in found.items():
        assert all(text == user for label, text in labels if label in ("service", "consumer", "worker"))
        if name in ("counterfoil_receipt_seconds_count", "counterfoil_receipt_seconds_sum"):
            assert (value > 0) == (user == GATEWAY)
        if name in ("counterfoil_commands_waiting", "counterfoil_consumer_stuck"):
            assert value == 0


def of_one_log(market: Secured, service: str) -> bool:
    """Whether the figures of an idle service agree with each other and with its published log."""
    found = metrics(market.fleet.processes[service])
    own = frozenset({("service", service), ("shard", "main")})
    size = published_size(market, service)
    since = time.time() - found["counterfoil_checkpoint_timestamp_seconds", own]
    return (
        found["counterfoil_active", own] == 1
        and found["counterfoil_log_size", own] == found["counterfoil_published_size", own] == size
        and 0 < found["counterfoil_entries_total", own] == found["counterfoil_batch_entries_sum", own] <= size
        and 0 < found["counterfoil_batch_entries_count", own] == found["counterfoil_commit_seconds_count", own]
        and 0 < found["counterfoil_commit_seconds_sum", own] < HOUR
        and 0 < since < HOUR
        and any(name == "counterfoil_causes_total" and value > 0 for (name, _), value in found.items())
    )


def lose_the_lease(market: Secured, service: str) -> None:
    """Let PostgreSQL end the session that holds the lease."""
    access = market.shell.settings.database_access(ADMIN)
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
    with psycopg.connect(host=access.host, port=access.port, dbname=access.name, user=access.user,
                         password=access.password) as session:  # fmt: skip
        assert session.execute(query, [f"counterfoil-{service}-lease"]).fetchall() == [(True,)]
    eventually(lambda: samples(market.fleet.processes[service], "counterfoil_recoveries_total"))


# stopping -----------------------------------------------------------------------------------------------------------


def deposits(market: Secured, enough: Event) -> list[dict[str, Any]]:
    """One client that sends deposits and waits for each receipt: none may fail."""
    receipts = []
    with Gateway(market.shell.url, pauses=()) as gateway:
        while not enough.is_set():
            body = replace(deposit("acme", 1), payment_reference=f"LOAD-{market.number()}")
            receipts.append(gateway.submit(market.sign("treasury", body)))
            enough.wait(0.01)
    return receipts


def cash(market: Secured) -> int:
    (row,) = market.shell.ok("balance", "show", "acme")["cash"]
    return int(row["posted"])


def test_a_process_that_stops_under_load_leaves_nothing_undone(market: Secured) -> None:
    """First with a standby that takes over, then without one until it is restarted."""
    before, enough = cash(market), Event()
    market.start("ledger", "second")
    eventually(market.fleet.processes["ledger+second"].is_ready)
    assert market.fleet.processes["ledger+second"].role() == "standby"
    with ThreadPoolExecutor(CLIENTS) as pool, ExitStack() as ending:
        ending.callback(enough.set)
        clients = [pool.submit(deposits, market, enough) for _ in range(CLIENTS)]
        time.sleep(0.5)
        began = time.monotonic()
        assert market.fleet.stop("ledger") == {"ledger": 0}
        eventually(lambda: market.fleet.processes["ledger+second"].role() == "active")
        assert time.monotonic() - began < IDLE_SECONDS  # the lease was released, it did not expire
        time.sleep(0.5)
        assert market.fleet.stop("ledger+second") == {"ledger+second": 0}
        with closing(read_log_store_on(market.shell.settings.database_access(GATEWAY), LogId("ledger"))) as store:
            head = store.head()
        assert head is not None
        assert published_size(market, "ledger") == head.size
        market.start("ledger")
        market.fleet.wait_ready()
        time.sleep(0.5)
    receipts = [receipt for client in clients for receipt in client.result()]
    assert len({receipt["index"] for receipt in receipts}) == len(receipts) > 3 * CLIENTS
    eventually(lambda: cash(market) == before + len(receipts) * UNIT)


def test_a_gateway_that_stops_answers_what_it_took(market: Secured) -> None:
    bodies = [replace(deposit("acme", 1), payment_reference=f"LAST-{market.number()}") for _ in range(8)]
    envelopes = [market.sign("treasury", body) for body in bodies]
    send = partial(httpx.post, f"{market.shell.url}/v1/commands", timeout=30, trust_env=False)
    with ThreadPoolExecutor(len(envelopes)) as pool, ExitStack() as ending:
        market.fleet.kill("ledger", signal.SIGSTOP)
        ending.callback(market.fleet.kill, "ledger", signal.SIGCONT)
        sent = [pool.submit(send, content=envelope) for envelope in envelopes]
        gateway = market.fleet.processes[GATEWAY]
        eventually(lambda: samples(gateway, "counterfoil_commands_waiting") == {(): len(envelopes)})
        market.fleet.kill(GATEWAY, signal.SIGTERM)
        time.sleep(0.3)
    answers = [each.result() for each in sent]
    assert [answer.status_code for answer in answers] == [200] * len(envelopes)
    assert market.fleet.wait_ended(GATEWAY) == 0
    market.start_missing()
    with Gateway(market.shell.url) as again:
        for envelope, answer in zip(envelopes, answers, strict=True):
            assert again.submit(envelope)["index"] == answer.json()["index"]


# secrets ------------------------------------------------------------------------------------------------------------


def key_files(market: Secured) -> list[Path]:
    """Every private key; clients keep folders beside those of parties."""
    found = [path for name in ("keys", "log-keys") for path in (market.home / name).iterdir() if path.is_file()]
    assert len(found) > len(SERVICES)
    return found


def secrets_of(market: Secured) -> dict[str, str]:
    """Every password, and the secret part of every private key, as text."""
    assert market.cluster.secrets is not None
    passwords = {path.name: path.read_text() for path in market.cluster.secrets.glob("*-*") if path.suffix != ".pem"}
    files = key_files(market)
    keys = {str(path): path.read_text().splitlines()[1] for path in files}
    broker = (market.cluster.root / "kafka" / "broker.pem").read_text()
    found = {**passwords, **keys, "passphrase": PASSPHRASE, "broker.pem": broker.splitlines()[1]}
    return {name: text.strip() for name, text in found.items()}


def process_environments(pid: int) -> Iterator[tuple[Path, bytes]]:
    """The command lines and environments of a process and its children; some may just have ended."""
    process = Path(f"/proc/{pid}")
    with suppress(OSError):
        for name in ("cmdline", "environ"):
            yield process / name, (process / name).read_bytes()
        for children in process.glob("task/*/children"):
            for child in children.read_text().split():
                yield from process_environments(int(child))


def test_no_secret_is_in_a_log_a_command_line_or_an_environment(market: Secured) -> None:
    secrets = secrets_of(market)
    assert len(secrets) == 2 * 7 + len(key_files(market)) + 2
    assert min(map(len, secrets.values())) >= len(PASSPHRASE)
    pids = [*market.cluster.pids.values(), *(process.popen.pid for process in market.fleet.processes.values())]
    seen = dict(pair for pid in pids for pair in process_environments(pid))
    assert all(seen[Path(f"/proc/{pid}/{name}")] for pid in pids for name in ("cmdline", "environ"))
    assert len(pids) == len(COMPONENTS) + 2
    assert len(seen) > 2 * len(pids)  # PostgreSQL has children
    logs = [
        *(process.log for process in market.fleet.processes.values()),
        *(each.log for each in market.cluster.status()),
    ]
    seen |= {log: log.read_bytes() for log in logs}
    assert all(seen[log] for log in logs)
    found = [
        (place, name) for place, data in seen.items() for name, secret in secrets.items() if secret.encode() in data
    ]
    assert found == []


def test_logs_are_one_json_object_a_line(market: Secured) -> None:
    for user in COMPONENTS:
        lines = [json.loads(line) for line in market.fleet.processes[user].log.read_text().splitlines()]
        assert len(lines) > 10
        for line in lines:
            assert line.keys() >= {"time", "level", "logger", "message", "service"}
            assert line["service"] == user


# after all have stopped ---------------------------------------------------------------------------------------------


def test_after_an_orderly_stop_the_audit_is_clean(market: Secured) -> None:
    assert set(market.fleet.stop().values()) == {0}
    found = market.shell.ok("audit", market.home, "--vkeys", market.home / "vkeys")
    assert found["clean"], found["findings"]
    assert all(log["size"] > 1 for log in found["logs"])
    rows = market.shell.ok("dead-letters", "list")
    assert {row["preview"] for row in rows if row["reason"] != "unknown_key"} <= {"junk", ""}  # made by these tests


def test_the_running_components_match_the_asyncapi_document(founded: Secured) -> None:
    founded.fleet.stop()
    with closing(Distributed(founded.instance, SystemClock(), founded.shell.settings, COMPONENTS)) as system:
        assert system.start()
        eventually(lambda: all(each.active for each in system.components.values()))
        read = [each for component in system.components.values() for each in component.transport.reads]
        replies = system.gateway.hub.replies_broker
        assert replies is not None
        made = specification(replies, read)
    assert {group for _, group in read} == {group_of(part) for part in COMPONENTS}
    assert made["operations"] == json.loads((ROOT / "schemas" / "asyncapi.json").read_text())["operations"]
