"""Passwords on Kafka follow the files: a new one is set, and the one before no longer works."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.access import KafkaAccess
from counterfoil.bootstrap.provision import apply_topics, check_topics
from counterfoil.transport.admin import users
from counterfoil.transport.admin.client import LoginRefused, connect
from tests.transport.secured import Secured

pytestmark = pytest.mark.xdist_group("servers")


def lets_in(access: KafkaAccess) -> bool:
    try:
        return bool(connect(access).list_topics(timeout=10).brokers)
    except LoginRefused:
        return False


def write(path: Path, password: str) -> None:
    path.touch(mode=0o600)
    path.write_text(f"{password}\n")


def test_a_new_password_is_found_and_set(secured: Secured) -> None:
    file = secured.secrets / "kafka-views"
    before = secured.access("views")
    assert lets_in(before)
    write(file, "another-password")
    try:
        assert check_topics(secured.admin, secured.secrets) == ["counterfoil-views: cannot log in with its password"]
        assert apply_topics(secured.admin, secrets=secured.secrets) == ["counterfoil-views: password set"]
        assert apply_topics(secured.admin, secrets=secured.secrets) == []
        assert check_topics(secured.admin, secured.secrets) == []
        assert lets_in(secured.access("views"))
        assert not lets_in(before)
    finally:
        write(file, before.password or "")
        users.apply(secured.admin, {before.user: before.password or ""})


def test_a_user_without_a_file_here_is_left_alone(secured: Secured, tmp_path: Path) -> None:
    write(tmp_path / "kafka-gateway", secured.access("gateway").password or "")
    assert apply_topics(secured.admin, secrets=tmp_path) == []


def test_a_user_who_is_not_there_comes_to_be(secured: Secured) -> None:
    stranger = replace(secured.admin, user="counterfoil-new", password="its-password")
    assert users.check(secured.admin, {}) == []
    assert not lets_in(stranger)
    assert users.apply(secured.admin, {"counterfoil-new": "its-password"}) == ["counterfoil-new: password set"]
    assert lets_in(stranger)


def test_the_administrators_own_password_is_changed_with_the_one_before(secured: Secured) -> None:
    before, file, old = secured.admin, secured.secrets / "kafka-admin", secured.secrets / "kafka-admin.old"
    write(file, "the-next-one")
    try:
        with pytest.raises(LoginRefused):
            apply_topics(secured.admin, secrets=secured.secrets)
        write(old, before.password or "")
        assert apply_topics(secured.admin, secrets=secured.secrets) == ["counterfoil-admin: password set"]
        assert apply_topics(secured.admin, secrets=secured.secrets) == []
        assert not lets_in(before)
        write(old, "neither")
        write(file, "nor this")
        with pytest.raises(LoginRefused):
            apply_topics(secured.admin, secrets=secured.secrets)
    finally:
        old.unlink(missing_ok=True)
        users.renew(before, "the-next-one")
        write(file, before.password or "")
    assert lets_in(secured.admin)
