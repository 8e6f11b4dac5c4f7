"""How every client of Kafka is made: each setting that decides about loss, order or waiting is said here, and why.

Left to themselves the libraries acknowledge before they handle, begin at the end of a topic, wait for one replica, and
create topics on the way.
"""

from __future__ import annotations

import ssl
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
from faststream.security import BaseSecurity, SASLScram512

from counterfoil.contract.topics import MAX_MESSAGE_BYTES
from counterfoil.settings import BadSetting, KafkaAccess

REQUEST_TIMEOUT_MS: Final = 10_000
METADATA_AGE_MS: Final = 30_000  # how long a client may believe in a leader that has gone
RETRY_MS: Final = 100
PARTITION: Final = 0
"""Of every topic there is one."""
_FORBIDDEN: Final = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)


def partition(topic: str) -> TopicPartition:
    """The partition of a topic."""
    return TopicPartition(topic, PARTITION)


def headers_of(record: Any) -> list[tuple[str, bytes]]:
    """The headers of a record that was read; Kafka allows them to have no value, which here is an empty one."""
    return [(name, value or b"") for name, value in record.headers]


def tls(access: KafkaAccess) -> ssl.SSLContext | None:
    """Trust in Kafka's own authority alone; None where there is no TLS. Raises `BadSetting`."""
    if access.ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(access.ca))
    except ssl.SSLError as problem:
        raise BadSetting(f"COUNTERFOIL_SECRETS: {access.ca} is no certificate ({problem.reason})") from problem


def common(access: KafkaAccess, client_id: str) -> dict[str, Any]:
    """Settings of every aiokafka client."""
    secured: dict[str, Any] = {"security_protocol": "SSL" if access.ca else "PLAINTEXT"}
    if access.password is not None:
        secured = {
            "security_protocol": "SASL_SSL" if access.ca else "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": access.user,
            "sasl_plain_password": access.password,
        }
    return {
        "bootstrap_servers": access.servers.split(","),
        "client_id": client_id,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "metadata_max_age_ms": METADATA_AGE_MS,
        "retry_backoff_ms": RETRY_MS,
        "ssl_context": tls(access),
        **secured,
    }


def explained(problem: Exception, access: KafkaAccess) -> str:
    """What is wrong, with what to do about it where that is known."""
    if isinstance(problem, KafkaConnectionError):  # aiokafka says no more, also where a password is wrong
        return f"{problem}: is Kafka there, and does it let {access.user} in with the password in COUNTERFOIL_SECRETS?"
    if isinstance(problem, _FORBIDDEN):
        return f"{problem!r}: {access.user} has not its rights: run `counterfoil topics apply`"
    return repr(problem)


def make_producer(access: KafkaAccess, client_id: str) -> AIOKafkaProducer:
    """A producer that neither loses nor doubles while it lives: every in-sync replica has what it says is sent."""
    return AIOKafkaProducer(
        **common(access, client_id),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,  # batches are made by whoever sends
        compression_type=None,
        max_batch_size=MAX_MESSAGE_BYTES,
        max_request_size=MAX_MESSAGE_BYTES,
    )


def make_reader(access: KafkaAccess, client_id: str) -> AIOKafkaConsumer:
    """A consumer outside every group, to look things up."""
    return AIOKafkaConsumer(
        **common(access, client_id),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=10,  # other questions wait behind a fetch
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
    )


def make_admin(access: KafkaAccess, client_id: str) -> AIOKafkaAdminClient:
    """For questions about the cluster and its groups."""
    return AIOKafkaAdminClient(**common(access, client_id))


def make_broker(access: KafkaAccess, client_id: str) -> KafkaBroker:
    """FastStream's broker for consuming: it creates no topics, and has neither producer nor admin client."""
    return KafkaBroker(
        access.servers.split(","),
        client_id=client_id,
        consumer_only=True,
        allow_auto_create_topics=False,
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        metadata_max_age_ms=METADATA_AGE_MS,
        retry_backoff_ms=RETRY_MS,
        graceful_timeout=5.0,
        security=_security(access),
        apply_types=False,
        logger=None,
    )


def _security(access: KafkaAccess) -> BaseSecurity | None:
    context = tls(access)
    if access.password is not None:
        return SASLScram512(access.user, access.password, ssl_context=context, use_ssl=context is not None)
    return BaseSecurity(ssl_context=context, use_ssl=True) if context is not None else None
