"""Key files on the command line: encrypted on request, the passphrase from a file or typed, and never shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from counterfoil.contract.log_id import LogId
from counterfoil.contract.scalars import decode_base64
from counterfoil.instance import Instance
from counterfoil.key_files import PASSPHRASE_CHARS_MIN, is_encrypted, read_key
from counterfoil.private_files import write_password
from tests.cli.command_line import invoke

SECRET = "correct horse battery staple"
OTHER = "another horse, other staples"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The directory of key files; beside it are two files with passphrases."""
    write_password(tmp_path / "secret", SECRET)
    write_password(tmp_path / "other", OTHER)
    return tmp_path / "keys"


def ok(keys: Path, *words: str | Path) -> Any:
    code, out, error = invoke("keys", *map(str, words), "--keys", str(keys), "--json")
    assert code == 0, error
    return json.loads(out)


def refused(keys: Path, *words: str | Path) -> str:
    """The meaning of a command that cannot run, which never has the passphrase."""
    code, out, error = invoke("keys", *map(str, words), "--keys", str(keys), "--json")
    assert (code, out) == (2, "")
    found = json.loads(error)["error"]
    assert found["code"] == "cannot_run"
    assert SECRET not in error
    assert OTHER not in error
    return str(found["meaning"])


def test_a_key_is_encrypted_on_request(keys: Path) -> None:
    secret, other = keys.with_name("secret"), keys.with_name("other")
    assert ok(keys, "new", "plain")["encrypted"] is False
    made = ok(keys, "new", "lab", "--encrypt", "--passphrase-file", secret)
    assert (made["encrypted"], made["file"]) == (True, str(keys / "lab.pem"))
    assert ok(keys, "show", "lab", "--passphrase-file", secret) == made
    assert "keys/lab.pem is encrypted: name a file with its passphrase" in refused(keys, "show", "lab")
    assert "the passphrase does not open" in refused(keys, "show", "lab", "--passphrase-file", other)
    assert ok(keys, "show", "plain", "--passphrase-file", other)["name"] == "plain"
    listed = {row["name"]: (row["encrypted"], row["public_key"] is not None) for row in ok(keys, "list")}
    assert listed == {"lab": (True, False), "plain": (False, True)}


def test_the_setting_names_the_file_of_the_passphrase(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERFOIL_PASSPHRASE_FILE", str(keys.with_name("secret")))
    made = ok(keys, "new", "lab", "--encrypt")
    assert made["encrypted"]
    assert ok(keys, "show", "lab") == made
    assert "does not open" in refused(keys, "show", "lab", "--passphrase-file", keys.with_name("other"))
    assert ok(keys, "new", "plain")["encrypted"] is False


def test_a_passphrase_is_added_changed_and_removed(keys: Path) -> None:
    secret, other = keys.with_name("secret"), keys.with_name("other")
    made = ok(keys, "new", "lab")
    change = ("passphrase", "lab")
    assert ok(keys, *change, "--new-passphrase-file", secret) == {**made, "encrypted": True}
    assert "does not open" in refused(keys, *change, "--new-passphrase-file", other, "--passphrase-file", other)
    assert ok(keys, *change, "--new-passphrase-file", other, "--passphrase-file", secret)["encrypted"]
    assert read_key(keys / "lab.pem", lambda _path: OTHER.encode())
    assert "does not open" in refused(keys, *change, "--remove", "--passphrase-file", secret)
    assert ok(keys, *change, "--remove", "--passphrase-file", other) == made
    assert "is not encrypted; nothing was changed" in refused(keys, *change, "--remove")


def test_what_is_not_done_with_a_passphrase(keys: Path) -> None:
    secret, short, absent = (keys.with_name(name) for name in ("secret", "short", "absent"))
    write_password(short, "p" * (PASSPHRASE_CHARS_MIN - 1))
    assert "goes with --encrypt" in refused(keys, "new", "lab", "--passphrase-file", secret)
    assert "16 characters or more; nothing" in refused(keys, "new", "lab", "--encrypt", "--passphrase-file", short)
    assert "cannot read the passphrase" in refused(keys, "new", "lab", "--encrypt", "--passphrase-file", absent)
    assert "there is neither" in refused(keys, "new", "lab", "--encrypt")
    assert not keys.exists()
    ok(keys, "new", "lab")
    assert "there is neither" in refused(keys, "passphrase", "lab")
    assert "exclude each other" in refused(keys, "passphrase", "lab", "--remove", "--new-passphrase-file", secret)
    secret.chmod(0o644)
    assert "chmod 600" in refused(keys, "passphrase", "lab", "--new-passphrase-file", secret)
    assert not is_encrypted(keys / "lab.pem")
    assert "no key" in refused(keys, "passphrase", "nobody", "--remove")


def test_an_instance_with_encrypted_keys(tmp_path: Path, keys: Path) -> None:
    home = tmp_path / "home"
    words = ("init", "--home", str(home), "--encrypt", "--json")
    assert invoke(*words)[0] == 2
    assert not home.exists()
    assert invoke(*words, "--passphrase-file", str(keys.with_name("secret")))[0] == 0
    assert {is_encrypted(path) for path in home.rglob("*.pem")} == {True}
    logs = ok(home / "log-keys", "list")
    assert [row["name"] for row in logs] == ["issuance", "ledger", "matching", "redemption"]
    shown = ok(home / "log-keys", "show", "ledger", "--passphrase-file", keys.with_name("secret"))
    assert decode_base64(shown["public_key"]) == Instance(home).verify_key(LogId("ledger")).public


# typed ----------------------------------------------------------------------------------------------------------------


class Terminal:
    """A command whose standard input and error are a terminal."""

    def __init__(self, *words: str | Path) -> None:
        self._own, other = os.openpty()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERFOIL_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "counterfoil", *map(str, words), "--json"],
            stdin=other, stdout=subprocess.PIPE, stderr=other, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(other)
        self.seen = b""

    def type(self, prompt: str, text: str) -> None:
        """Wait for the prompt, and answer it."""
        self._until(prompt.encode())
        while termios.tcgetattr(self._own)[3] & termios.ECHO:
            assert self._process.poll() is None
        os.write(self._own, text.encode() + b"\n")

    def ended(self) -> tuple[int, str]:
        """The exit code and standard output, once it has ended."""
        assert self._process.stdout is not None
        out = self._process.stdout.read().decode()
        self._process.stdout.close()
        code = self._process.wait(60)
        self._until(None)
        return code, out

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        os.close(self._own)

    def _until(self, word: bytes | None) -> None:
        begins = len(self.seen)
        while word is None or word not in self.seen[begins:]:
            try:
                data = os.read(self._own, 4_096)
            except OSError:  # the other side is closed
                data = b""
            self.seen += data
            if not data:
                assert word is None, self.seen
                return


@contextmanager
def terminal(*words: str | Path) -> Iterator[Terminal]:
    made = Terminal(*words)
    try:
        yield made
    finally:
        made.close()
    assert SECRET.encode() not in made.seen
    assert OTHER.encode() not in made.seen


def test_a_passphrase_is_typed_twice_and_not_shown(keys: Path) -> None:
    with terminal("keys", "new", "lab", "--encrypt", "--keys", keys) as typed:
        typed.type("New passphrase: ", SECRET)
        typed.type("The same again: ", SECRET)
        code, out = typed.ended()
    assert (code, json.loads(out)["encrypted"]) == (0, True)
    with terminal("keys", "show", "lab", "--keys", keys) as typed:
        typed.type(f"Passphrase of {keys / 'lab.pem'}: ", SECRET)
        assert typed.ended() == (0, out)
    with terminal("keys", "passphrase", "lab", "--keys", keys) as typed:
        typed.type("Passphrase of ", SECRET)
        typed.type("New passphrase: ", OTHER)
        typed.type("The same again: ", SECRET)
        assert typed.ended() == (2, "")
    assert b"the two passphrases differ; nothing was changed" in typed.seen
    assert read_key(keys / "lab.pem", lambda _path: SECRET.encode())
