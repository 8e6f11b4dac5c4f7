"""How the administrator's clients (confluent-kafka) connect to Kafka, and the errors they raise.

aiokafka, which serves, has no API for ACLs and users.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from counterfoil.access import KafkaAccess
from counterfoil.errors import CounterfoilError

T = TypeVar("T")
CONNECT_SECONDS: Final = 10
"""How long Kafka may take to accept a login."""
REQUEST_SECONDS: Final = 30
"""How long Kafka may take to answer, and a change to become visible."""
_FUTURE_SECONDS: Final = REQUEST_SECONDS + 5  # the client's own limit comes first
_POLL_SECONDS: Final = 0.05
_NOT_LED_YET: Final = (KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION)


class KafkaFailed(CounterfoilError):
    """Kafka could not be reached, or refused a request; the message says which, and what to check."""


class LoginRefused(KafkaFailed):
    """Kafka does not accept this user with this password."""


def configuration(access: KafkaAccess) -> dict[str, Any]:
    """The configuration of every confluent-kafka client of this user."""
    found: dict[str, Any] = {
        "bootstrap.servers": access.servers,
        "client.id": access.user,
        "security.protocol": _protocol(access),
        "log_level": 0,  # errors come as exceptions
        "topic.metadata.refresh.interval.ms": 1_000,  # or it keeps waiting for a controller that has stopped
    }
    if access.password is not None:
        found |= {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": access.user,
            "sasl.password": access.password,
        }
    if access.ca is not None:
        found["ssl.ca.location"] = str(access.ca)
    return found


def _protocol(access: KafkaAccess) -> str:
    secure = "SSL" if access.ca is not None else "PLAINTEXT"
    return secure if access.password is None else f"SASL_{secure}"


def connect(access: KafkaAccess) -> AdminClient:
    """A client that is logged in. Raises `LoginRefused` or, after `CONNECT_SECONDS` at most, `KafkaFailed`."""
    said: list[KafkaError] = []
    try:
        client = AdminClient(configuration(access) | {"error_cb": said.append})
    except KafkaException as problem:  # such as a file that is not a certificate
        raise KafkaFailed(f"cannot speak to Kafka: {reason(problem)}") from problem
    asked = client.describe_cluster(request_timeout=CONNECT_SECONDS)
    deadline = time.monotonic() + CONNECT_SECONDS
    while not asked.done() and time.monotonic() < deadline:
        client.poll(_POLL_SECONDS)
        if any(each.name() == "_AUTHENTICATION" for each in said):
            raise LoginRefused(
                f"Kafka at {access.servers} does not let {access.user} in: the password in COUNTERFOIL_SECRETS is "
                "wrong, or there is no such user"
            )
    if asked.done() and asked.exception() is None:
        return client
    hints = [each.str() for each in said if each.name() != "_ALL_BROKERS_DOWN"]
    raise KafkaFailed(
        f"no Kafka answered {access.user} at {access.servers} by {_protocol(access)} within {CONNECT_SECONDS} s: is it "
        "running, is that its listener, and is the password right?" + (f" ({hints[-1]})" if hints else "")
    )


def answer(asked: Future[Any]) -> Any:
    """Kafka's answer. Raises `KafkaFailed` if it refuses, or does not answer in time."""
    try:
        return asked.result(_FUTURE_SECONDS)
    except KafkaException as problem:
        raise KafkaFailed(f"Kafka refused: {reason(problem)}") from problem
    except TimeoutError as problem:
        raise KafkaFailed(f"Kafka did not answer within {REQUEST_SECONDS} s") from problem


def until_led(ask: Callable[[], T]) -> T:
    """What `ask` returns, asked again while a partition that was just made has no leader, or its broker not the news.

    Raises `KafkaFailed` for any other refusal at once, and for this one after `REQUEST_SECONDS`.
    """
    deadline = time.monotonic() + REQUEST_SECONDS
    while True:
        try:
            return ask()
        except KafkaFailed as problem:
            cause = problem.__cause__
            code = cause.args[0].code() if isinstance(cause, KafkaException) else None
            if code not in _NOT_LED_YET or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)


def failed_with(asked: Future[Any], code: int) -> bool:
    """Whether Kafka answers with this error, a constant of `KafkaError`."""
    try:
        problem = asked.exception(_FUTURE_SECONDS)
    except TimeoutError:
        return False
    return isinstance(problem, KafkaException) and bool(problem.args[0].code() == code)


def reason(problem: KafkaException) -> str:
    """The error as librdkafka describes it."""
    error = problem.args[0]
    return str(error.str()) if isinstance(error, KafkaError) else str(error)


def settled(done: Callable[[], bool], what: str) -> None:
    """Wait until `done` is true: Kafka accepts a change first, and shows it a moment later. Raises `KafkaFailed`."""
    deadline = time.monotonic() + REQUEST_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise KafkaFailed(f"Kafka accepted {what}, but does not show them after {REQUEST_SECONDS} s")
        time.sleep(_POLL_SECONDS)
