"""The users on Kafka and their passwords (SCRAM-SHA-512): setting and checking them.

Kafka does not disclose passwords, so a password is checked by logging in with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from confluent_kafka.admin import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from counterfoil.access import KafkaAccess
from counterfoil.transport.admin.client import REQUEST_SECONDS, LoginRefused, answer, connect, settled

ITERATIONS: Final = 8_192
"""Iterations of SCRAM's hash; the passwords are long and random, so they need no more."""


def apply(access: KafkaAccess, passwords: Mapping[str, str]) -> list[str]:
    """Set each user's only password, by the user's name on Kafka; returns what was changed.

    Existing connections stay logged in; services log in again when they start. Raises `KafkaFailed`.
    """
    wrong = _wrong(access, passwords)
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    upserted: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(user, info, passwords[user].encode()) for user in wrong
    ]
    if upserted:
        client = connect(access)
        for future in client.alter_user_scram_credentials(upserted, request_timeout=REQUEST_SECONDS).values():
            answer(future)
        settled(lambda: not _wrong(access, passwords), "the passwords")
    return [f"{user}: password set" for user in wrong]


def renew(access: KafkaAccess, old: str) -> list[str]:
    """Set the password of `access` for its user, logging in with the `old` one if needed; returns what was changed.

    Raises `LoginRefused` if Kafka accepts neither, `KafkaFailed`.
    """
    if not _wrong(access, {access.user: access.password or ""}):
        return []
    return apply(replace(access, password=old), {access.user: access.password or ""})


def check(access: KafkaAccess, passwords: Mapping[str, str]) -> list[str]:
    """Users who cannot log in with their passwords. Raises `KafkaFailed`."""
    return [f"{user}: cannot log in with its password" for user in _wrong(access, passwords)]


def _wrong(access: KafkaAccess, passwords: Mapping[str, str]) -> list[str]:
    return [user for user, password in passwords.items() if not _lets_in(replace(access, user=user, password=password))]


def _lets_in(access: KafkaAccess) -> bool:
    try:
        connect(access)
    except LoginRefused:
        return False
    return True
