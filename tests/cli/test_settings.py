"""The environment is read in one place, checked against its ranges, and errors name the variable."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from counterfoil import settings
from counterfoil.private_files import write_password
from counterfoil.settings import NAMES, BadSetting, Listen, Settings, load_settings, parse_listen


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("COUNTERFOIL_HOME", "/srv/market", "key_directory", Path("/srv/market/keys")),
        ("COUNTERFOIL_KEYS", "/srv/keys", "key_directory", Path("/srv/keys")),
        ("COUNTERFOIL_VKEYS", "/srv/vkeys", "vkey_file", Path("/srv/vkeys")),
        ("COUNTERFOIL_URL", "https://market.example/base/", "url", "https://market.example/base"),
        ("COUNTERFOIL_LISTEN", "[::1]:0", "listen", "[::1]:0"),
        ("COUNTERFOIL_HOSTS", "Market.example,other", "hosts", "market.example,other"),
        ("COUNTERFOIL_PROXIES", "127.0.0.1,::1", "proxies", "127.0.0.1,::1"),
        ("COUNTERFOIL_QUOTA_ENTRIES", "1", "quota_entries", 1),
        ("COUNTERFOIL_QUOTA_BYTES", "1024", "quota_bytes", 1_024),
        ("COUNTERFOIL_DISCLOSURE", "public", "disclosure", "public"),
        ("COUNTERFOIL_LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
    ],
)
def test_each_setting(monkeypatch: pytest.MonkeyPatch, name: str, text: str, field: str, value: object) -> None:
    monkeypatch.setenv(name, text)
    assert getattr(load_settings(), field) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("COUNTERFOIL_URL", "ftp://market.example"),
        ("COUNTERFOIL_URL", "http://user:secret@market.example"),
        ("COUNTERFOIL_URL", ""),
        ("COUNTERFOIL_LISTEN", "127.0.0.1"),
        ("COUNTERFOIL_LISTEN", "127.0.0.1:65536"),
        ("COUNTERFOIL_HOSTS", "market.example, other"),
        ("COUNTERFOIL_PROXIES", "127.0.0.1,proxy.example"),
        ("COUNTERFOIL_QUOTA_ENTRIES", "0"),
        ("COUNTERFOIL_QUOTA_BYTES", "1023"),
        ("COUNTERFOIL_DISCLOSURE", "Public"),
        ("COUNTERFOIL_LOG_LEVEL", "LOUD"),
    ],
)
def test_what_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(BadSetting, match=name) as caught:
        load_settings()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("server", ["kafka", "postgres"])
def test_an_authority_switches_tls_on_for_its_server_alone(tmp_path: Path, server: str) -> None:
    found = Settings(kafka="kafka.example:9092", database="postgresql://db.example/counterfoil", secrets=tmp_path)
    for each in ("kafka", "postgres"):
        write_password(tmp_path / f"{each}-ledger", "of the ledger")
    assert (found.kafka_access("ledger").ca, found.database_access("ledger").ca) == (None, None)
    authority = tmp_path / f"{server}-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    kafka, database = found.kafka_access("ledger"), found.database_access("ledger")
    assert (kafka.ca, database.ca) == ((authority, None) if server == "kafka" else (None, authority))
    assert (kafka.password, database.password) == ("of the ledger", "of the ledger")
    for garbage in ("", "garbage"):
        authority.write_text(garbage)
        with pytest.raises(BadSetting, match=f"COUNTERFOIL_SECRETS: {authority} is no certificate"):
            (found.kafka_access if server == "kafka" else found.database_access)("ledger")
    authority.unlink()
    authority.mkdir()
    with pytest.raises(BadSetting, match="is no certificate"):
        (found.kafka_access if server == "kafka" else found.database_access)("ledger")


def test_ports_at_their_limits() -> None:
    assert parse_listen("127.0.0.1:65535") == Listen("127.0.0.1", 65_535)
    assert parse_listen("[::1]:0") == Listen("::1", 0)


def test_every_setting_is_documented() -> None:
    for name in NAMES:
        assert f"COUNTERFOIL_{name.upper()} " in (settings.__doc__ or "")
