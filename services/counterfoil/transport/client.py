"""How every client of a serving process is made; each setting that decides about loss, order or waiting is set here.

By default the libraries commit offsets before a message is handled, start at the end of a topic, wait for one replica,
and create missing topics.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)
from faststream.kafka import KafkaBroker
from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLScram512

from counterfoil.contract.topics import MAX_MESSAGE_BYTES
from counterfoil.settings import BadSetting, KafkaAccess

REQUEST_TIMEOUT_MS: Final = 10_000
METADATA_AGE_MS: Final = 30_000  # how long a client may keep using a leader that is gone
RETRY_MS: Final = 100
PARTITION: Final = 0
"""Of the shard ``main``, and the only one of a topic that is not a shard's."""
_FETCH_WAIT_MS: Final = 500  # how long Kafka waits for records before it answers a fetch with none
_LOOKUP_WAIT_MS: Final = 10  # shorter for lookups: other requests on the connection wait behind a fetch
_faststream_log = logging.getLogger("counterfoil.kafka.faststream")
_faststream_log.setLevel(logging.ERROR)  # its warnings say that it creates no topics, which is intended
_FORBIDDEN: Final = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)


def partition(topic: str, number: int = PARTITION) -> TopicPartition:
    """A partition of a topic."""
    return TopicPartition(topic, number)


def name_of(where: TopicPartition) -> str:
    """A partition's name in messages, metrics and cursors: ``TOPIC`` for the first, ``TOPIC/NUMBER`` for others."""
    return str(where.topic) if where.partition == PARTITION else f"{where.topic}/{where.partition}"


def headers_of(record: Any) -> list[tuple[str, bytes]]:
    """The headers of a record that was read; Kafka allows a header without a value, which is empty here."""
    return [(name, value or b"") for name, value in record.headers]


def tls(access: KafkaAccess) -> ssl.SSLContext | None:
    """TLS that trusts the authority of `access` alone; None without TLS. Raises `BadSetting`."""
    if access.ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(access.ca))
    except ssl.SSLError as problem:
        raise BadSetting(f"COUNTERFOIL_SECRETS: {access.ca} is no certificate ({problem.reason})") from problem


def _security(access: KafkaAccess) -> BaseSecurity:
    """How to log in, in FastStream's words: it describes this in AsyncAPI, and translates it for aiokafka."""
    context = tls(access)
    if access.password is None:
        return BaseSecurity(ssl_context=context, use_ssl=context is not None)
    return SASLScram512(access.user, access.password, ssl_context=context, use_ssl=context is not None)


def _every(client_id: str) -> dict[str, Any]:
    """Settings of every client, FastStream's included."""
    return {
        "client_id": client_id,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "metadata_max_age_ms": METADATA_AGE_MS,
        "retry_backoff_ms": RETRY_MS,
    }


def _common(access: KafkaAccess, client_id: str) -> dict[str, Any]:
    """Settings of every aiokafka client."""
    servers = {"bootstrap_servers": access.servers.split(",")}
    return {**servers, **_every(client_id), **parse_security(_security(access))}


def explained(problem: Exception, access: KafkaAccess) -> str:
    """The error as text, with what to do about it where that is known."""
    if isinstance(problem, KafkaConnectionError):  # aiokafka raises the same for a wrong password
        return f"{problem}: is Kafka running, and does it accept {access.user} and the password in COUNTERFOIL_SECRETS?"
    if isinstance(problem, _FORBIDDEN):
        return f"{problem!r}: {access.user} lacks rights: run `counterfoil topics apply`"
    return repr(problem)


def make_producer(access: KafkaAccess, client_id: str) -> AIOKafkaProducer:
    """An idempotent producer: while it lives, records are neither lost nor repeated; in-sync replicas confirm them."""
    return AIOKafkaProducer(
        **_common(access, client_id),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,  # `producer.Sender` makes the batches
        compression_type=None,
        max_batch_size=MAX_MESSAGE_BYTES,
        max_request_size=MAX_MESSAGE_BYTES,
    )


def make_consumer(
    access: KafkaAccess, client_id: str, group: str | None, wait_ms: int = _FETCH_WAIT_MS
) -> AIOKafkaConsumer:
    """A consumer to assign partitions to and to seek with; only explicit commits reach a group."""
    return AIOKafkaConsumer(
        **_common(access, client_id),
        group_id=group,
        enable_auto_commit=False,  # an inbox acknowledges once the result of a message is durable
        auto_offset_reset="earliest",  # if a stored offset is gone: messages come again, none is skipped
        fetch_max_wait_ms=wait_ms,
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
    )


@asynccontextmanager
async def looking_up(access: KafkaAccess, client_id: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer outside every group for the length of the block. Raises what the client raises."""
    reader = make_consumer(access, client_id, None, _LOOKUP_WAIT_MS)
    try:
        await reader.start()
        yield reader
    finally:
        await reader.stop()


def make_admin(access: KafkaAccess, client_id: str) -> AIOKafkaAdminClient:
    """A client that asks about the cluster and its groups."""
    return AIOKafkaAdminClient(**_common(access, client_id))


def make_broker(access: KafkaAccess, client_id: str) -> KafkaBroker:
    """FastStream's broker for a subscriber: it creates no topics, and has neither a producer nor an admin client."""
    return KafkaBroker(
        access.servers.split(","),
        **_every(client_id),
        consumer_only=True,
        allow_auto_create_topics=False,
        graceful_timeout=5.0,
        security=_security(access),
        apply_types=False,  # a handler gets what the subscriber's decoder returns
        logger=_faststream_log,
        log_level=logging.DEBUG,  # of a line for every message
    )
