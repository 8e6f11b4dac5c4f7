"""An instance is created once, only its owner can read its private keys, and its name is in everything it signs."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from counterfoil import __version__
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.core.keys import key_id_of
from counterfoil.core.rules import LATEST
from counterfoil.errors import AlreadyInitialised, CounterfoilError, NotInitialised, UnsafeFile
from counterfoil.instance import Instance, read_private, write_private
from counterfoil.log.keys import SigningKey

HOST = "instance.example"


def entropy(name: str) -> bytes:
    """Keys derived from the name, so known to all."""
    return sha256(name.encode()).digest()


@pytest.fixture
def made(tmp_path: Path) -> Instance:
    return Instance.create(tmp_path / "home", HOST, "The operator", entropy)


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


def test_what_is_written_is_read(made: Instance) -> None:
    again = Instance(made.root)
    assert again.identity == made.identity
    assert json.loads((made.root / "instance.json").read_text()) == {
        "host": HOST,
        "operator_id": "operator",
        "operator_name": "The operator",
        "operator_key": SigningKey("operator", entropy("operator")).verify_key.public.hex(),
        "operator_recovery_key": SigningKey("x", entropy("operator-recovery")).verify_key.public.hex(),
        "rules": LATEST,
        "release": __version__,
        "vkeys": {service: {"main": made.log_key(LogId(service)).verify_key.vkey()} for service in SERVICES},
    }
    genesis = again.genesis()
    assert (genesis.rules, genesis.release) == (LATEST, __version__)
    assert (genesis.operator_id, genesis.operator_name) == ("operator", "The operator")
    assert key_id_of(genesis.operator_key) == key_id_of(SigningKey("x", again.seed("operator")).verify_key.public)
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
        instance.keep_seed("lab", b"l" * 32)
    finally:
        os.umask(old)
    keys = instance.root / "keys"
    assert keys.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in keys.iterdir()} == {
        "lab.seed", "operator.seed", *(f"log-{service}.skey" for service in SERVICES),
    }  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o610, 0o601])
def test_a_key_that_others_can_reach_is_not_used(made: Instance, mode: int) -> None:
    (made.root / "keys" / "log-ledger.skey").chmod(mode)
    (made.root / "keys" / "operator.seed").chmod(mode)
    with pytest.raises(UnsafeFile, match="chmod 600"):
        made.log_key(LogId("ledger"))
    with pytest.raises(UnsafeFile, match="chmod 600"):
        made.seed("operator")
    made.log_key(LogId("matching"))


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_its_owner_alone_can_read_is_used(made: Instance, mode: int) -> None:
    (made.root / "keys" / "operator.seed").chmod(mode)
    assert made.seed("operator") == entropy("operator")


def test_a_party_has_one_key_here(made: Instance) -> None:
    made.keep_seed("lab", b"l" * 32)
    with pytest.raises(FileExistsError):
        made.keep_seed("lab", b"m" * 32)
    assert made.seed("lab") == b"l" * 32
    with pytest.raises(FileNotFoundError):
        made.seed("nobody")


def test_private_text_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, "text")
    with pytest.raises(FileExistsError):
        write_private(path, "other")
    assert read_private(path) == "text"


def test_an_init_that_was_cut_short_says_what_to_do(tmp_path: Path) -> None:
    """Keys without an instance: nothing may be overwritten, since something may have been signed with them."""
    made = Instance.create(tmp_path / "home", HOST, "Op", entropy)
    (made.root / "instance.json").unlink()
    (made.root / "keys" / "log-redemption.skey").unlink()
    before = snapshot(made.root)
    with pytest.raises(AlreadyInitialised, match="keys"):
        Instance.create(made.root, HOST, "Op")
    assert snapshot(made.root) == before
    with pytest.raises(CounterfoilError):
        Instance(made.root)


def test_keys_of_parties_may_be_there_before_the_instance(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    write_private(tmp_path / "keys" / "lab.seed", "ab" * 32)
    assert Instance.create(tmp_path, HOST, "Op", entropy).seed("lab") == b"\xab" * 32


def test_every_path_is_below_the_home_directory(made: Instance) -> None:
    log = LogId("ledger")
    places = [made.database(log), made.views_database, made.log_directory(log), made.signer_directory(log)]
    assert [place.relative_to(made.root).as_posix() for place in places] == [
        "db/ledger.sqlite", "db/views.sqlite", "logs/ledger/main", "db/ledger-signer",
    ]  # fmt: skip
