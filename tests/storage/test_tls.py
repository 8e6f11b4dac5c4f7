"""With an authority for PostgreSQL's certificates, clients send nothing to a server without such a certificate."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import trustme

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.storage import LeaseLost, StorageError, admin, open_log_store_on
from counterfoil.storage.dialect.postgresql import NETWORK
from counterfoil.storage.errors import first_line
from counterfoil.storage.lease import Lease
from tests.conformance.log_store import append, check_log, entries
from tests.storage.server import as_user
from tests.storage.tls_proxy import Answer, TlsProxy, certified

NAME = "localhost"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The authority that clients trust."""
    return trustme.CA()


@pytest.fixture
def trusting(database: DatabaseAccess, authority: trustme.CA, tmp_path: Path) -> DatabaseAccess:
    """The database for clients that trust only this authority."""
    path = tmp_path / "postgres-ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return replace(database, ca=path)


@pytest.fixture
def front(trusting: DatabaseAccess, authority: trustme.CA) -> Iterator[TlsProxy]:
    """A proxy with a valid certificate."""
    with closing(TlsProxy(trusting, certified(authority, NAME))) as made:
        yield made


def through(front: TlsProxy, user: str | None = None, host: str = NAME) -> DatabaseAccess:
    """The access of a client, or the superuser, through the proxy."""
    found = replace(front.access, host=host)
    return found if user is None else as_user(found, user)


@pytest.mark.parametrize("host", [NAME, "127.0.0.1"])
def test_all_goes_by_tls(front: TlsProxy, authority: trustme.CA, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "disable")  # libpq's own environment variables are ignored
    front.answer = certified(authority, host)
    access, lease = through(front, "ledger", host), Lease(through(front, "ledger", host), "ledger")
    with closing(open_log_store_on(access, LogId("ledger"))) as store:
        assert lease.acquire(0)
        append(store, 0, entries(0, 1_000))
        lease.check()
        check_log(store, entries(0, 1_000))
        lease.release()
    assert not [each for each in admin.check(through(front, host=host)) if "lease" in each]
    assert (front.versions, front.overheard) == ({"TLSv1.3"}, b"")


def older(authority: trustme.CA) -> ssl.SSLContext:
    made = certified(authority, NAME)
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    return made


ASKS = "is postgres-ca.pem in COUNTERFOIL_SECRETS the authority"
SWITCH = "postgres-ca.pem in COUNTERFOIL_SECRETS requires TLS 1.3: switch `ssl` on"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda _: certified(trustme.CA(), NAME), f"certificate verify failed; {ASKS}"),
        (lambda ours: certified(ours, NAME, datetime(2020, 1, 1, tzinfo=UTC)), f"certificate verify failed; {ASKS}"),
        (lambda ours: certified(ours, "db.example"), "not match host name .*; COUNTERFOIL_DATABASE must name"),
        (older, f"protocol version; {SWITCH}"),
        (lambda _: b"N", f"does not support SSL.*; {SWITCH}"),
        (lambda _: b"E", f"error response during SSL exchange; {SWITCH}"),
        (lambda _: b"?", f"invalid response to SSL negotiation.*; {SWITCH}"),
    ],
    ids=["another authority", "expired", "another name", "TLS 1.2", "no TLS", "an error", "nonsense"],
)
def test_a_server_that_does_not_prove_who_it_is(
    front: TlsProxy, authority: trustme.CA, answer: Callable[[trustme.CA], Answer], message: str
) -> None:
    front.answer = answer(authority)
    lease = Lease(through(front, "ledger"), "ledger")
    for use in (
        lambda: open_log_store_on(through(front, "ledger"), LogId("ledger")),
        lambda: lease.acquire(0),
        lambda: admin.check(through(front)),
        lambda: admin.apply(through(front), {}),
    ):
        with pytest.raises(StorageError, match=message):
            use()
    assert front.overheard == b""


def test_a_silent_server_times_out(front: TlsProxy) -> None:
    front.answer = b""
    began = time.monotonic()
    with pytest.raises(StorageError, match="timeout"):
        open_log_store_on(through(front, "ledger"), LogId("ledger"))
    assert time.monotonic() - began < int(NETWORK["connect_timeout"]) + 5
    assert front.overheard == b""


def test_a_reconnect_verifies_the_certificate_again(front: TlsProxy) -> None:
    right, lease = front.answer, Lease(through(front, "ledger"), "ledger")
    with closing(open_log_store_on(through(front, "ledger"), LogId("ledger"))) as store:
        assert lease.acquire(0)
        append(store, 0, entries(0, 2))
        front.answer = certified(trustme.CA(), NAME)
        front.drop()
        with pytest.raises(LeaseLost):
            lease.check()
        with pytest.raises(StorageError):
            append(store, 2, entries(2, 2))
        for _ in range(3):
            with pytest.raises(StorageError, match="certificate verify failed"):
                append(store, 2, entries(2, 2))
            with pytest.raises(StorageError, match="certificate verify failed"):
                lease.acquire(0)
        front.answer = right
        assert lease.acquire(10)
        append(store, 2, entries(2, 2))
        check_log(store, entries(0, 4))
        lease.release()
    assert front.overheard == b""


def test_a_missing_authority_does_not_switch_tls_off(front: TlsProxy) -> None:
    access = through(front, "ledger")
    assert access.ca is not None
    access.ca.unlink()
    with pytest.raises(StorageError, match=r"root certificate file .*; postgres-ca\.pem in COUNTERFOIL_SECRETS"):
        open_log_store_on(access, LogId("ledger"))
    assert front.overheard == b""


def test_without_an_authority_a_server_need_not_have_tls(
    database: DatabaseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    with closing(open_log_store_on(as_user(database, "ledger"), LogId("ledger"))) as store:
        append(store, 0, entries(0, 2))


def test_a_client_refused_without_tls_gets_advice() -> None:
    message = 'FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "a", database "b", no encryption'
    assert "COUNTERFOIL_SECRETS as postgres-ca.pem" in first_line(psycopg.OperationalError(message))
    elsewhere = message.replace("no encryption", "SSL encryption")
    assert first_line(psycopg.OperationalError(elsewhere)) == elsewhere
