"""The topics are created as required, drift is found and corrected, and the largest message is as large as it says."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from counterfoil.access import KafkaAccess
from counterfoil.contract.limits import MAX_ENTRY_BYTES, MAX_ENVELOPE_BYTES
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.contract.topics import MAX_MESSAGE_BYTES
from counterfoil.transport.admin import topics
from counterfoil.transport.admin.client import KafkaFailed, LoginRefused, configuration, settled, until_led
from counterfoil.transport.dead_letter_headers import DEAD_HEADERS_BYTES, dead_letter
from counterfoil.transport.topic_settings import TOPICS
from tests.servers.fixture import NewCluster
from tests.transport.secured import Secured

pytestmark = pytest.mark.xdist_group("servers")

COMMANDS, ENTRIES, DEAD = (f"counterfoil.ledger.{kind}" for kind in ("commands", "entries", "dead-letters"))
DAY_MS = 86_400_000
# of one broker: cleanup.policy, retention.ms, retention.bytes, max.message.bytes
SETTINGS = {
    "commands": ("delete", 7 * DAY_MS, -1, 1_048_576),
    "entries": ("delete", -1, -1, 1_048_576),
    "dead-letters": ("delete", -1, -1, 1_049_088),
    "checkpoints": ("compact", -1, -1, 1_048_576),
    "replies": ("delete", 3_600_000, -1, 1_048_576),
}
ALIKE = {
    "compression.type": "uncompressed",
    "message.timestamp.type": "LogAppendTime",
    "min.insync.replicas": "1",
    "unclean.leader.election.enable": "false",
}
NAMES = [
    *(f"counterfoil.{each}.{kind}" for each in ("issuance", "ledger", "matching", "redemption") for kind in
      ("commands", "entries", "dead-letters")),
    "counterfoil.gateway.dead-letters",
    "counterfoil.views.dead-letters",
    "counterfoil.checkpoints",
    "counterfoil.replies",
]  # fmt: skip


def settings_of(client: AdminClient, name: str) -> dict[str, str]:
    asked = client.describe_configs([ConfigResource(ResourceType.TOPIC, name)])
    return {entry.name: entry.value for future in asked.values() for entry in future.result(10).values()}


def set_one(client: AdminClient, name: str, setting: str, value: str) -> None:
    entry = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
    for future in client.incremental_alter_configs([resource]).values():
        future.result(10)
    settled(lambda: settings_of(client, name)[setting] == value, "it")


def delete(client: AdminClient, name: str) -> None:
    client.delete_topics([name])[name].result(10)
    settled(lambda: name not in client.list_topics(timeout=10).topics, "it")


def test_topics_are_as_they_must_be_and_stay(secured: Secured) -> None:
    assert topics.apply(secured.admin) == topics.apply(secured.admin, brokers=1) == topics.check(secured.admin) == []
    there = secured.client.list_topics(timeout=10).topics
    assert sorted(name for name in there if name.startswith("counterfoil.")) == sorted(NAMES) == sorted(TOPICS)
    for name in NAMES:
        assert [len(each.replicas) for each in there[name].partitions.values()] == [1]
        found = settings_of(secured.client, name)
        wanted = SETTINGS[name.rpartition(".")[2]]
        names = ("cleanup.policy", "retention.ms", "retention.bytes", "max.message.bytes")
        assert tuple(found[each] for each in names) == tuple(map(str, wanted)), name
        assert ALIKE.items() <= found.items()


def test_drift_is_found_and_mended(secured: Secured) -> None:
    set_one(secured.client, ENTRIES, "retention.ms", "1000")
    set_one(secured.client, ENTRIES, "unclean.leader.election.enable", "true")
    delete(secured.client, DEAD)
    assert topics.check(secured.admin) == [
        f"{ENTRIES}: retention.ms is 1000, must be -1",
        f"{ENTRIES}: unclean.leader.election.enable is true, must be false",
        f"{DEAD}: missing",
    ]
    assert topics.apply(secured.admin) == [
        f"{DEAD}: created with 1 replica",
        f"{ENTRIES}: retention.ms set to -1",
        f"{ENTRIES}: unclean.leader.election.enable set to false",
    ]
    assert topics.apply(secured.admin) == topics.check(secured.admin) == []


def test_partitions_are_a_finding_and_nothing_is_done_about_them(secured: Secured) -> None:
    secured.client.create_partitions([NewPartitions(COMMANDS, 2)])[COMMANDS].result(10)
    settled(lambda: len(secured.client.list_topics(timeout=10).topics[COMMANDS].partitions) == 2, "it")
    try:
        assert topics.apply(secured.admin) == []
        assert topics.check(secured.admin) == [f"{COMMANDS}: 2 partitions, must be 1: one for each shard"]
    finally:
        delete(secured.client, COMMANDS)
        topics.apply(secured.admin)


def test_each_shard_has_a_partition_of_its_services_topics(new_cluster: NewCluster) -> None:
    logs = (*MAIN_LOGS, LogId("matching", "cn.sh"), LogId("matching", "us-east"))
    with new_cluster() as cluster:
        access = KafkaAccess(cluster.kafka, "counterfoil-admin")
        assert len(topics.apply(access, logs=logs)) == len(TOPICS)
        assert topics.check(access, logs) == []
        assert topics.apply(access, logs=logs) == []
        there = AdminClient(configuration(access)).list_topics(timeout=10).topics
        assert {name: len(there[name].partitions) for name in TOPICS} == {
            name: 3 if name in ("counterfoil.matching.commands", "counterfoil.matching.entries") else 1
            for name in TOPICS
        }
        assert topics.written(access, logs) == []
        assert sorted(topics.check(access)) == [
            f"counterfoil.matching.{kind}: 3 partitions, must be 1: one for each shard"
            for kind in ("commands", "entries")
        ]


def test_fewer_brokers_than_there_are_to_be(secured: Secured) -> None:
    with pytest.raises(KafkaFailed, match="1 of 2 brokers answer"):
        topics.apply(secured.admin, brokers=2)


@pytest.mark.slow
def test_three_brokers_keep_three_replicas_and_wait_for_two(new_cluster: NewCluster) -> None:
    with new_cluster(brokers=3) as cluster:
        access = KafkaAccess(cluster.kafka, "counterfoil-admin")
        made = topics.apply(access, brokers=3)
        assert sorted(made) == sorted(f"{name}: created with 3 replicas" for name in NAMES)
        assert topics.apply(access) == []
        client = AdminClient(configuration(access))
        assert {settings_of(client, name)["min.insync.replicas"] for name in NAMES} == {"2"}
        cluster.kill_broker(3, signal.SIGTERM)
        settled(lambda: len(client.list_topics(timeout=10).brokers) == 2, "it")
        # what is there stays as it is, also while only two answer
        assert topics.apply(access) == topics.check(access) == []
        with pytest.raises(KafkaFailed, match="2 of 3 brokers answer"):
            topics.apply(access, brokers=3)


# errors -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterfoil.transport.admin.client.CONNECT_SECONDS", 1)


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("work", [topics.apply, topics.check])
def test_nobody_answers(work: Any) -> None:
    with pytest.raises(KafkaFailed, match=r"no Kafka answered .* at 127\.0\.0\.1:1 .* password right.*refused"):
        work(KafkaAccess("127.0.0.1:1", "counterfoil-admin"))


@pytest.mark.usefixtures("hurry")
def test_the_wrong_protocol(secured: Secured) -> None:
    with pytest.raises(KafkaFailed, match="by PLAINTEXT within 1 s"):
        topics.check(KafkaAccess(secured.servers, "counterfoil-admin"))


def test_a_wrong_password_is_called_one_and_not_shown(secured: Secured) -> None:
    with pytest.raises(LoginRefused, match="does not let counterfoil-admin in") as caught:
        topics.check(replace(secured.admin, password="not-this-one"))
    assert "not-this-one" not in str(caught.value)


def test_a_certificate_authority_that_is_none(secured: Secured) -> None:
    with pytest.raises(KafkaFailed, match="cannot speak to Kafka"):
        topics.check(replace(secured.admin, ca=secured.secrets / "kafka-admin"))


def test_somebody_who_is_not_admin(secured: Secured) -> None:
    with pytest.raises(KafkaFailed, match="refused"):
        topics.check(secured.access("views"))


# how large a message may be ---------------------------------------------------------------------------------------

Sent = KafkaError | None
FRAME = 72  # octets of a batch with one record, without key and headers, beside its value (of 2^14 to 2^20 octets)


class Sender:
    """Sends one record, in a batch of its own, and says what Kafka says. It has no limit of its own."""

    def __init__(self, secured: Secured) -> None:
        self._settings = configuration(secured.admin) | {"message.max.bytes": 10_000_000, "acks": "all"}

    def __call__(self, topic: str, value: bytes, *, headers: Any = (), compression: str = "none") -> Sent:
        outcome: list[Sent] = []
        producer = Producer(self._settings | {"compression.type": compression})
        producer.produce(topic, value, headers=list(headers), on_delivery=lambda problem, _: outcome.append(problem))
        assert producer.flush(20) == 0
        return outcome[0]


@pytest.fixture
def send(secured: Secured) -> Iterator[Sender]:
    yield Sender(secured)
    for name in (COMMANDS, DEAD):  # nothing of this is for other tests
        delete(secured.client, name)
    topics.apply(secured.admin)


def test_messages_up_to_the_limit(send: Sender) -> None:
    largest = bytes(MAX_MESSAGE_BYTES - FRAME)
    assert send(COMMANDS, largest) is None
    refused = send(COMMANDS, largest + b"\0")
    assert refused is not None
    assert refused.code() == KafkaError.MSG_SIZE_TOO_LARGE


def test_a_message_does_not_unfold_to_more_than_the_limit(send: Sender) -> None:
    refused = send(COMMANDS, bytes(4 * MAX_MESSAGE_BYTES), compression="gzip")
    assert refused is not None
    assert refused.code() == KafkaError.MSG_SIZE_TOO_LARGE
    assert send(COMMANDS, bytes(MAX_ENVELOPE_BYTES), compression="gzip") is None


def test_any_record_of_another_topic_fits_a_dead_letter(send: Sender) -> None:
    """The largest record, with the longest that can be said of it."""
    value = bytes(MAX_MESSAGE_BYTES - FRAME)
    headers = dead_letter("t" * 249, 10**10 - 1, 2**63 - 1, [], "r" * 64, "2199-12-31T23:59:59.999999Z")
    added = sum(len(name) + len(text or b"") for name, text in headers)
    assert added < DEAD_HEADERS_BYTES
    assert send(DEAD, value, headers=headers) is None
    assert send(COMMANDS, value, headers=headers) is not None


def test_the_largest_entry_has_room_many_times() -> None:
    headers = 4_096 + 2 * 64 * 32 + 512  # checkpoint, frontier and proof at their longest, and the short ones
    assert 8 * (MAX_ENTRY_BYTES + headers) < MAX_MESSAGE_BYTES


def test_what_has_no_leader_yet_is_asked_again_and_no_other_refusal_is() -> None:
    """A broker may answer for a partition that was just made before it knows that it leads it."""

    def failed(code: int) -> KafkaFailed:
        problem = KafkaFailed("Kafka refused")
        problem.__cause__ = KafkaException(KafkaError(code))
        return problem

    answers = [failed(KafkaError.NOT_LEADER_FOR_PARTITION), failed(KafkaError.LEADER_NOT_AVAILABLE), None]

    def ask() -> str:
        if (problem := answers.pop(0)) is not None:
            raise problem
        return "led"

    assert until_led(ask) == "led"
    answers[:] = [failed(KafkaError.TOPIC_AUTHORIZATION_FAILED), None]
    with pytest.raises(KafkaFailed):
        until_led(ask)
    assert answers == [None]
