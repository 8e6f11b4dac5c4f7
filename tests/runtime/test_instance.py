"""An instance is created once, only its owner can read its private keys, and its name is in everything it signs."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from counterfoil import __version__
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.core.rules import LATEST
from counterfoil.errors import AlreadyInitialised, BadPrivateFile, CounterfoilError, NotInitialised
from counterfoil.instance import Instance
from counterfoil.key_files import read_key, write_key
from counterfoil.log.keys import SigningKey

HOST = "instance.example"


def entropy(name: str) -> bytes:
    """Keys derived from the name, so known to all."""
    return sha256(name.encode()).digest()


@pytest.fixture
def made(tmp_path: Path) -> Instance:
    return Instance.create(tmp_path / "home", HOST, "The operator", entropy)


def operator_key(instance: Instance) -> bytes:
    """The operator's private key."""
    return read_key(instance.root / "keys" / "operator.pem")


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_there_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(NotInitialised, match="init"):
        Instance(tmp_path)


def test_it_is_made_once(made: Instance) -> None:
    before = snapshot(made.root)
    with pytest.raises(AlreadyInitialised, match="nothing was changed"):
        Instance.create(made.root, "other.example", "Somebody else")
    assert snapshot(made.root) == before


def test_a_disclosure_that_nobody_knows_is_refused(made: Instance) -> None:
    path = made.root / "instance.json"
    path.write_text(path.read_text().replace('"restricted"', '"Public"'))
    with pytest.raises(NotInitialised, match="its disclosure is none of restricted, public"):
        Instance(made.root)


def test_what_is_written_is_read(made: Instance) -> None:
    again = Instance(made.root)
    assert again.identity == made.identity
    assert json.loads((made.root / "instance.json").read_text()) == {
        "host": HOST,
        "operator_id": "operator",
        "operator_name": "The operator",
        "operator_key": SigningKey("operator", entropy("operator")).verify_key.public.hex(),
        "operator_recovery_key": SigningKey("x", entropy("operator-recovery")).verify_key.public.hex(),
        "disclosure": "restricted",
        "rules": LATEST,
        "release": __version__,
        "vkeys": {service: {"main": made.log_key(LogId(service)).verify_key.vkey()} for service in SERVICES},
    }
    genesis = again.genesis()
    assert (genesis.rules, genesis.release) == (LATEST, __version__)
    assert (genesis.operator_id, genesis.operator_name) == ("operator", "The operator")
    assert key_id_of(genesis.operator_key) == key_id_of(SigningKey("x", operator_key(again)).verify_key.public)
    for service in SERVICES:
        key = again.log_key(LogId(service))
        assert key.name == again.origin(LogId(service)) == f"{HOST}/{service}/main"
        assert key.verify_key == SigningKey(key.name, entropy(f"log-{service}")).verify_key


def test_without_given_entropy_all_keys_differ(tmp_path: Path) -> None:
    public = set()
    for name in ("a", "b"):
        instance = Instance.create(tmp_path / name, HOST, "Op")
        public |= {instance.log_key(LogId(service)).verify_key.public for service in SERVICES}
        public.add(instance.genesis().operator_key)
    assert len(public) == 2 * (len(SERVICES) + 1)


def test_private_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        instance = Instance.create(tmp_path / "home", HOST, "Op", entropy)
    finally:
        os.umask(old)
    assert {path.relative_to(instance.root).as_posix() for path in instance.root.rglob("*.pem")} == {
        "operator-recovery.pem", "keys/operator.pem", *(f"log-keys/{service}.pem" for service in SERVICES),
    }  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in instance.root.rglob("*.pem")} == {0o600}
    assert {(instance.root / name).stat().st_mode & 0o777 for name in ("keys", "log-keys")} == {0o700}


def test_a_log_takes_no_key_but_its_own(made: Instance) -> None:
    keys = made.root / "log-keys"
    (keys / "matching.pem").replace(keys / "ledger.pem")
    with pytest.raises(BadPrivateFile, match=r"is not the key of .*: restore the one"):
        made.log_key(LogId("ledger"))


def test_all_keys_of_an_instance_have_its_passphrase(tmp_path: Path) -> None:
    passphrase = b"correct horse battery staple"
    made = Instance.create(tmp_path / "home", HOST, "Op", entropy, passphrase=passphrase)
    assert made.log_key(LogId("ledger")).name == f"{HOST}/ledger/main"
    assert Instance(made.root, lambda _path: passphrase).log_key(LogId("ledger")).name == f"{HOST}/ledger/main"
    with pytest.raises(BadPrivateFile, match="is encrypted"):
        Instance(made.root).log_key(LogId("ledger"))
    for path in made.root.rglob("*.pem"):
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes(), path
        assert len(read_key(path, lambda _path: passphrase)) == 32


def test_an_init_that_was_cut_short_says_what_to_do(tmp_path: Path) -> None:
    """Keys without an instance: nothing may be overwritten, since something may have been signed with them."""
    made = Instance.create(tmp_path / "home", HOST, "Op", entropy)
    (made.root / "instance.json").unlink()
    (made.root / "log-keys" / "redemption.pem").unlink()
    before = snapshot(made.root)
    with pytest.raises(AlreadyInitialised, match="keys"):
        Instance.create(made.root, HOST, "Op")
    assert snapshot(made.root) == before
    with pytest.raises(CounterfoilError):
        Instance(made.root)


def test_keys_of_parties_may_be_there_before_the_instance(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    write_key(tmp_path / "keys" / "lab.pem", b"l" * 32)
    Instance.create(tmp_path, HOST, "Op", entropy)
    assert read_key(tmp_path / "keys" / "lab.pem") == b"l" * 32


def test_every_path_is_below_the_home_directory(made: Instance) -> None:
    log = LogId("ledger")
    places = [made.database(log), made.views_database, made.log_directory(log), made.signer_directory(log)]
    assert [place.relative_to(made.root).as_posix() for place in places] == [
        "db/ledger.sqlite", "db/views.sqlite", "logs/ledger/main", "db/ledger-signer",
    ]  # fmt: skip
