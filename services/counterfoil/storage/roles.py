"""The roles on PostgreSQL: they may log in, with passwords hashed here, and have no other attribute or membership.

The hash is a SCRAM-SHA-256 verifier (RFC 5803, RFC 7677), so no statement and no server log contains a password.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from hashlib import pbkdf2_hmac, sha256
from typing import Final, NamedTuple

import psycopg
from sqlalchemy import Connection, text

from counterfoil.contract.ensure import ensure
from counterfoil.settings import VIEWS
from counterfoil.storage.grants import CLIENTS, role

_VERIFIER: Final = re.compile(r"SCRAM-SHA-256\$([0-9]+):([^$]+)\$([^:]+):[^:]+")
_KNOWN: Final = text("SELECT rolname FROM pg_roles WHERE rolcanlogin")
_ATTRIBUTES: Final = text("""\
SELECT rolsuper AS "SUPERUSER", rolcreatedb AS "CREATEDB", rolcreaterole AS "CREATEROLE",
    rolreplication AS "REPLICATION", rolbypassrls AS "BYPASSRLS"
FROM pg_roles WHERE rolname = :name""")
_GROUPS: Final = text("""\
SELECT quote_ident(r.rolname) FROM pg_auth_members JOIN pg_roles AS r ON r.oid = roleid
WHERE member = to_regrole(:name)""")


class Excess(NamedTuple):
    """An attribute or membership that a role should not have, and the statement that removes it."""

    text: str
    remedy: str


def make(connection: Connection, passwords: Mapping[str, str | None]) -> Iterator[str]:
    """Create missing roles, and remove excess attributes and memberships of existing ones; yields what was changed.

    A password is set if it differs. Only a superuser can tell; any other administrator sets it each time.
    """
    superuser = connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))
    known = set(connection.scalars(_KNOWN))
    for user in CLIENTS:
        name, password = role(user), passwords.get(user)
        if name not in known:
            connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
            yield f"role {name}: created"
        for excess in _excesses(connection, name):
            connection.exec_driver_sql(excess.remedy)
            yield f"role {name}: no longer {excess.text}"
        if password is not None and not (superuser and _fits(_verifier(connection, name), password)):
            connection.exec_driver_sql(f"ALTER ROLE {name} PASSWORD '{_hashed(connection, name, password)}'")
            yield f"role {name}: password set"
    if not superuser:
        connection.exec_driver_sql(f"GRANT {role(VIEWS)} TO CURRENT_USER")  # to create tables that it owns


def check(connection: Connection) -> Iterator[str]:
    """Missing roles, and excess attributes and memberships of the others."""
    known = set(connection.scalars(_KNOWN))
    for name in map(role, CLIENTS):
        if name not in known:
            yield f"role {name}: missing"
        else:
            yield from (f"role {name}: {excess.text}" for excess in _excesses(connection, name))


def _excesses(connection: Connection, name: str) -> Iterator[Excess]:
    attributes = connection.execute(_ATTRIBUTES, {"name": name}).mappings().one()
    for attribute, has in attributes.items():
        if has:
            yield Excess(attribute, f"ALTER ROLE {name} NO{attribute}")
    for group in list(connection.scalars(_GROUPS, {"name": name})):
        yield Excess(f"member of {group}", f"REVOKE {group} FROM {name}")


def _verifier(connection: Connection, name: str) -> str:
    return str(connection.scalar(text("SELECT rolpassword FROM pg_authid WHERE rolname = :name"), {"name": name}))


def _hashed(connection: Connection, name: str, password: str) -> str:
    """A new verifier; base64 and punctuation, which need no quoting."""
    driver = connection.connection.driver_connection
    ensure(driver is not None, "there is a connection")
    session: psycopg.Connection = driver  # type: ignore[assignment]
    return session.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()


def _fits(verifier: str, password: str) -> bool:
    """Whether a verifier is of this password; only for ASCII passwords, others always count as new."""
    found = _VERIFIER.fullmatch(verifier)
    if found is None:
        return False
    salted = pbkdf2_hmac("sha256", password.encode(), b64decode(found[2]), int(found[1]))
    stored = sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return hmac.compare_digest(b64encode(stored), found[3].encode())
