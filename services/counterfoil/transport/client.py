"""How every aiokafka client is made; each setting that decides about loss, order or waiting is set here.

By default the libraries commit offsets before a message is handled, start at the end of a topic, wait for one replica,
and create missing topics.
"""

from __future__ import annotations

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

from counterfoil.access import KafkaAccess
from counterfoil.contract.topics import MAX_MESSAGE_BYTES
from counterfoil.settings import BadSetting

REQUEST_TIMEOUT_MS: Final = 10_000
METADATA_AGE_MS: Final = 30_000  # how long a client may keep using a leader that is gone
RETRY_MS: Final = 100
PARTITION: Final = 0
"""Of the shard ``main``, and the only one of a topic that is not a shard's."""
_FETCH_WAIT_MS: Final = 500  # how long Kafka waits for records before it answers a fetch with none
_LOOKUP_WAIT_MS: Final = 10  # shorter for lookups: other requests on the connection wait behind a fetch
_FORBIDDEN: Final = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)


def partition(topic: str, number: int = PARTITION) -> TopicPartition:
    """A partition of a topic."""
    return TopicPartition(topic, number)


def name_of(where: TopicPartition) -> str:
    """A partition's name in messages, metrics and cursors: ``TOPIC`` for the first, ``TOPIC/NUMBER`` for others."""
    return str(where.topic) if where.partition == PARTITION else f"{where.topic}/{where.partition}"


def tls(access: KafkaAccess) -> ssl.SSLContext | None:
    """TLS that trusts the authority of `access` alone; None without TLS. Raises `BadSetting`."""
    if access.ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(access.ca))
    except ssl.SSLError as problem:
        raise BadSetting(f"COUNTERFOIL_SECRETS: {access.ca} is no certificate ({problem.reason})") from problem


def _login(access: KafkaAccess) -> dict[str, Any]:
    """How to log in: SCRAM with a password, TLS with an authority."""
    context = tls(access)
    found: dict[str, Any] = {"security_protocol": "PLAINTEXT" if context is None else "SSL", "ssl_context": context}
    if access.password is None:
        return found
    return {
        **found,
        "security_protocol": f"SASL_{found['security_protocol']}",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": access.user,
        "sasl_plain_password": access.password,
    }


def every(client_id: str) -> dict[str, Any]:
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
    return {**servers, **every(client_id), **_login(access)}


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
