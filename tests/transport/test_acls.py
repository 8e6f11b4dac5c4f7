"""Every user may do what it needs and nothing else, tried on a cluster that enforces rights; drift is found."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiokafka.errors import TopicAuthorizationFailedError
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from counterfoil.access import KafkaAccess
from counterfoil.transport.admin import acls
from counterfoil.transport.admin.acls import Right
from counterfoil.transport.admin.client import configuration, settled
from counterfoil.transport.client import make_producer
from tests.transport.secured import Secured

pytestmark = pytest.mark.xdist_group("servers")

TABLE = """
topic                    issuance  ledger  matching  redemption  gateway  views
issuance.commands        r         -       -         -           w        -
ledger.commands          -         r       -         -           w        -
matching.commands        -         -       r         -           w        -
redemption.commands      -         -       -         r           w        -
issuance.entries         rw        r       r         r           r        r
ledger.entries           r         rw      r         r           r        r
matching.entries         -         r       rw        r           r        r
redemption.entries       -         r       -         rw          r        r
issuance.dead-letters    w         -       -         -           -        -
ledger.dead-letters      -         w       -         -           -        -
matching.dead-letters    -         -       w         -           -        -
redemption.dead-letters  -         -       -         w           -        -
gateway.dead-letters     -         -       -         -           w        -
views.dead-letters       -         -       -         -           -        w
checkpoints              w         w       w         w           r        r
replies                  w         w       w         w           r        -
unheard-of               -         -       -         -           -        -
"""
(_, *USERS), *ROWS = [line.split() for line in TABLE.strip().splitlines()]
TOPICS = [f"counterfoil.{row[0]}" for row in ROWS]
WITHIN = 20.0


def allowed(user: str, letter: str) -> set[str]:
    """The topics at which the table has this letter for the user."""
    column = 1 + USERS.index(user)
    return {topic for topic, row in zip(TOPICS, ROWS, strict=True) if letter in row[column]}


@contextmanager
def topic(client: AdminClient, name: str) -> Iterator[None]:
    """A topic that is there while the block runs."""
    client.create_topics([NewTopic(name, 1, 1)])[name].result(WITHIN)
    yield
    client.delete_topics([name])[name].result(WITHIN)


@pytest.fixture
def everywhere(secured: Secured) -> Iterator[None]:
    """A record on every topic of the table."""
    with topic(secured.client, "counterfoil.unheard-of"):
        settled(lambda: not written(secured.admin) ^ set(TOPICS), "it")
        yield


def written(access: KafkaAccess) -> set[str]:
    """The topics that a user can write to; every other says that the right is missing."""
    outcomes: dict[str, KafkaError | None] = {}
    producer = Producer(configuration(access) | {"enable.idempotence": True, "message.timeout.ms": 15_000})

    def told(problem: KafkaError | None, message: Message) -> None:
        outcomes[message.topic() or ""] = problem

    for name in TOPICS:
        producer.produce(name, b"v", b"k", on_delivery=told)
    assert producer.flush(WITHIN) == 0
    problems = {name: problem for name, problem in outcomes.items() if problem is not None}
    assert {problem.code() for problem in problems.values()} <= {KafkaError.TOPIC_AUTHORIZATION_FAILED}, problems
    return outcomes.keys() - problems.keys()


def read(access: KafkaAccess) -> set[str]:
    """The topics that a user can read; others it does not see, or gets an error that the right is missing."""
    can, cannot = set[str](), set[str]()
    deadline = time.monotonic() + WITHIN
    with Consumer(configuration(access) | {"group.id": access.user.replace("-", ".")}) as consumer:
        seen = consumer.list_topics(timeout=WITHIN).topics.keys() & set(TOPICS)
        consumer.assign([TopicPartition(name, 0, 0) for name in seen])
        while can | cannot != seen:
            assert time.monotonic() < deadline, (can, cannot)
            message = consumer.poll(0.1)
            if message is not None:
                problem = message.error()
                assert problem is None or problem.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED, problem
                (can if problem is None else cannot).add(message.topic() or "")
    assert not can & cannot
    return can


@pytest.mark.usefixtures("everywhere")
def test_who_may_write_and_read_what(secured: Secured) -> None:
    for user in USERS:
        assert written(secured.access(user)) == allowed(user, "w"), user
        assert read(secured.access(user)) == allowed(user, "r"), user
    assert read(secured.admin) == set(TOPICS)


def test_the_clients_of_the_services_are_told_at_once(secured: Secured) -> None:
    async def send(name: str) -> None:
        async with make_producer(secured.access("matching"), "matching") as producer:
            await asyncio.wait_for(producer.send_and_wait(name, b"v", b"k"), WITHIN)

    asyncio.run(send("counterfoil.matching.entries"))
    with pytest.raises(TopicAuthorizationFailedError):
        asyncio.run(send("counterfoil.ledger.entries"))


def commits(client: AdminClient, group: str, name: str) -> bool:
    """Whether a user can commit an offset to the group, as its consumers do; waits for the group's coordinator."""
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(name, 0, 0)])
    ends = time.monotonic() + WITHIN
    while True:
        (future,) = client.alter_consumer_group_offsets([asked]).values()
        problem = future.exception(WITHIN) or future.result().topic_partitions[0].error
        if problem is None or "GROUP_AUTHORIZATION_FAILED" in str(problem):
            return problem is None
        assert time.monotonic() < ends, problem
        time.sleep(0.2)


def test_groups_are_their_users_own(secured: Secured) -> None:
    groups = [f"counterfoil.{owner}{rest}" for owner in USERS for rest in ("", ".another")]
    for user in USERS:
        client, name = AdminClient(configuration(secured.access(user))), min(allowed(user, "r"))
        mine = {group for group in (*groups, "counterfoil", "others") if commits(client, group, name)}
        assert mine == {f"counterfoil.{user}", f"counterfoil.{user}.another"}


@pytest.mark.parametrize(("user", "sees"), [("gateway", True), ("views", False), ("ledger", False)])
def test_gateways_see_how_far_the_services_are(secured: Secured, user: str, sees: bool) -> None:
    # The client crashes if no coordinator answers yet, so the group gets an offset first.
    issuance = AdminClient(configuration(secured.access("issuance")))
    assert commits(issuance, "counterfoil.issuance", "counterfoil.issuance.commands")
    client = AdminClient(configuration(secured.access(user)))
    asked = [ConsumerGroupTopicPartitions("counterfoil.issuance", [TopicPartition("counterfoil.issuance.commands", 0)])]
    (future,) = client.list_consumer_group_offsets(asked).values()
    if sees:
        assert future.result(WITHIN)
    else:
        with pytest.raises(KafkaException, match="GROUP_AUTHORIZATION_FAILED"):
            future.result(WITHIN)


@pytest.mark.parametrize("user", USERS)
def test_nobody_but_admin_changes_the_cluster(secured: Secured, user: str) -> None:
    client = AdminClient(configuration(secured.access(user)))
    mine = min(allowed(user, "w"))
    entry = ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)
    binding = AclBinding("topic", mine, "literal", "User:counterfoil-views", "*", "all", "allow")
    attempts: list[dict[Any, Any]] = [
        client.create_topics([NewTopic("counterfoil.more", 1, 1)]),
        client.delete_topics([mine]),
        client.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, mine, incremental_configs=[entry])]),
        client.create_acls([binding]),
        client.delete_acls([AclBindingFilter("any", None, "any", None, None, "any", "any")]),  # type: ignore[arg-type]
    ]
    for attempt in attempts:
        (future,) = attempt.values()
        with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
            future.result(WITHIN)


# drift -------------------------------------------------------------------------------------------------------------


def test_repeated_it_changes_nothing(secured: Secured) -> None:
    assert acls.apply(secured.admin) == acls.check(secured.admin) == []


def give(secured: Secured, *rights: Right) -> None:
    for future in secured.client.create_acls([AclBinding(*right) for right in rights]).values():
        future.result(WITHIN)
    settled(lambda: set(rights) <= acls._observe(secured.client), "it")


def take(secured: Secured, *rights: Right) -> None:
    for future in secured.client.delete_acls([AclBindingFilter(*right) for right in rights]).values():
        future.result(WITHIN)
    settled(lambda: not set(rights) & acls._observe(secured.client), "it")


def test_a_right_that_is_missing_is_given(secured: Secured) -> None:
    gone = Right("topic", "counterfoil.ledger.entries", "literal", "User:counterfoil-ledger", "*", "write", "allow")
    text = "User:counterfoil-ledger may write topic counterfoil.ledger.entries"
    take(secured, gone)
    assert acls.check(secured.admin) == [f"{text}: missing"]
    assert acls.apply(secured.admin) == [f"{text}: granted"]
    assert acls.apply(secured.admin) == acls.check(secured.admin) == []


BEYOND = {
    "User:counterfoil-views may write topic counterfoil.ledger.commands": Right(
        "topic", "counterfoil.ledger.commands", "literal", "User:counterfoil-views", "*", "write", "allow"
    ),
    "User:counterfoil-matching may all topic counterfoil....": Right(
        "topic", "counterfoil.", "prefixed", "User:counterfoil-matching", "*", "all", "allow"
    ),
    "User:counterfoil-ledger may not write topic counterfoil.ledger.entries": Right(
        "topic", "counterfoil.ledger.entries", "literal", "User:counterfoil-ledger", "*", "write", "deny"
    ),
    "User:counterfoil-gateway may create cluster kafka-cluster": Right(
        "broker", "kafka-cluster", "literal", "User:counterfoil-gateway", "*", "create", "allow"
    ),
    "User:counterfoil-ledger may write transactional_id any": Right(
        "transactional_id", "any", "literal", "User:counterfoil-ledger", "*", "write", "allow"
    ),
}


def test_what_our_users_have_beyond_their_rights_is_taken_away(secured: Secured) -> None:
    give(secured, *BEYOND.values())
    assert sorted(acls.check(secured.admin)) == sorted(f"{text}: too much" for text in BEYOND)
    assert sorted(acls.apply(secured.admin)) == sorted(f"{text}: revoked" for text in BEYOND)
    assert acls.apply(secured.admin) == acls.check(secured.admin) == []


STRANGERS = [
    Right("topic", "*", "literal", "User:stranger", "*", "read", "allow"),
    Right("topic", "count", "prefixed", "User:stranger", "*", "read", "allow"),
    Right("topic", "counterfoil.replies", "literal", "User:*", "127.0.0.1", "read", "allow"),
    Right("topic", "counterfoil.led", "prefixed", "User:stranger", "*", "write", "allow"),
    Right("group", "counterfoil.ledger", "literal", "User:stranger", "*", "delete", "allow"),
    Right("topic", "counterfoil.ledger.entries", "literal", "User:*", "*", "write", "deny"),
    Right("broker", "kafka-cluster", "literal", "User:stranger", "*", "alter", "allow"),
    Right("broker", "kafka-cluster", "literal", "User:stranger", "*", "all", "allow"),
]
NOT_OURS = [
    Right("topic", "counterfoils", "literal", "User:stranger", "*", "write", "allow"),
    Right("topic", "counterpoint", "prefixed", "User:stranger", "*", "write", "allow"),
    Right("group", "others", "literal", "User:*", "*", "read", "allow"),
    Right("broker", "kafka-cluster", "literal", "User:stranger", "*", "describe", "allow"),
    Right("transactional_id", "*", "literal", "User:stranger", "*", "write", "allow"),
]


def test_what_strangers_may_do_to_us_is_found_and_left_to_a_person(secured: Secured) -> None:
    give(secured, *STRANGERS, *NOT_OURS)
    try:
        assert acls.apply(secured.admin) == []
        assert sorted(acls.check(secured.admin)) == sorted(f"{right}: too much" for right in STRANGERS)
    finally:
        take(secured, *STRANGERS, *NOT_OURS)
    assert acls.check(secured.admin) == []


def test_where_nobody_asks_for_rights_nothing_is_done(secured: Secured, kafka_servers: str) -> None:
    plain = KafkaAccess(kafka_servers, "counterfoil-admin")
    assert acls.enforced(secured.admin)
    assert not acls.enforced(plain)
    work: Callable[[KafkaAccess], list[str]]
    for work in (acls.apply, acls.check):
        assert work(plain) == []
