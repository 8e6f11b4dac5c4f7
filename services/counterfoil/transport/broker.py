"""How FastStream's broker is made: the gateway's subscriber to replies, and AsyncAPI. No other process imports it."""

from __future__ import annotations

import logging

from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLScram512

from counterfoil.access import KafkaAccess
from counterfoil.transport.client import every, tls

_log = logging.getLogger("counterfoil.kafka.faststream")
_log.setLevel(logging.ERROR)  # its warnings say that it creates no topics, which is intended


def make_broker(access: KafkaAccess, client_id: str) -> KafkaBroker:
    """FastStream's broker for a subscriber: it creates no topics, and has neither a producer nor an admin client."""
    return KafkaBroker(
        access.servers.split(","),
        **every(client_id),
        consumer_only=True,
        allow_auto_create_topics=False,
        graceful_timeout=5.0,
        security=_security(access),
        apply_types=False,  # a handler gets what the subscriber's decoder returns
        logger=_log,
        log_level=logging.DEBUG,  # of a line for every message
    )


def _security(access: KafkaAccess) -> BaseSecurity:
    """How to log in, in FastStream's words, for AsyncAPI describes this; as `client` logs in."""
    context = tls(access)
    if access.password is None:
        return BaseSecurity(ssl_context=context, use_ssl=context is not None)
    return SASLScram512(access.user, access.password, ssl_context=context, use_ssl=context is not None)
