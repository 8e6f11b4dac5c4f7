"""A market whose key files are all encrypted: the services read their logs' keys, and parties sign with theirs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from counterfoil.key_files import is_encrypted
from counterfoil.private_files import write_password
from counterfoil.settings import Settings
from counterfoil.testbed.fleet import Fleet
from tests.e2e.running import Shell, eventually, serving

pytestmark = pytest.mark.e2e
SECRET = "correct horse battery staple"


class Encrypted(Shell):
    """Commands with the file of the passphrase in their environment."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "home")
        self.secret, self.other = folder / "secret", folder / "other"
        write_password(self.secret, SECRET)
        write_password(self.other, "another horse, other staples")
        self.ok("init", "--host", "market.example", "--encrypt")

    @property
    def environment(self) -> dict[str, str]:
        """That of a command, with the setting."""
        return {**super().environment, "COUNTERFOIL_PASSPHRASE_FILE": str(self.secret)}


@pytest.fixture
def shell(tmp_path: Path) -> Encrypted:
    return Encrypted(tmp_path)


def test_everything_signs_with_encrypted_keys(shell: Encrypted) -> None:
    assert {is_encrypted(path) for path in shell.home.rglob("*.pem")} == {True}
    with serving(shell) as process:
        shell.ok("keys", "new", "acme", "--encrypt")
        register = ("party", "register", "acme", "--name", "Acme", "--role", "beneficiary", "--as", "operator")
        wrong = shell.run(*register, "--passphrase-file", shell.other, "--json")
        assert (wrong.code, wrong.error["code"]) == (2, "cannot_run")
        assert "the passphrase does not open" in wrong.error["meaning"]
        assert shell.ok(*register)["key_pinned"] is True
        shell.ok("keys", "new", "acme-2")
        shell.ok("keys", "add", "acme-2", "--as", "acme", "--passphrase-file", shell.secret)
        process.terminate()
        assert process.wait(30) == 0
    assert shell.ok("audit", shell.home)["clean"]


def test_a_wrong_passphrase_is_exit_code_2_and_in_no_message(shell: Encrypted) -> None:
    for file, meaning in (("other", "does not open"), ("absent", "cannot read the passphrase in")):
        words = ("up", "--port", "0", "--json", "--passphrase-file", str(shell.home.with_name(file)))
        ran = subprocess.run(
            [sys.executable, "-m", "counterfoil", *words],
            check=False, stdin=subprocess.DEVNULL, capture_output=True, env=shell.environment, timeout=60,
        )  # fmt: skip
        assert (ran.returncode, ran.stdout) == (2, b"")
        error = json.loads(ran.stderr)["error"]
        assert error["code"] == "cannot_run"
        assert meaning in error["meaning"]
        assert "horse" not in ran.stderr.decode()


def test_a_service_of_its_own_reads_its_encrypted_key(shell: Encrypted, tmp_path: Path) -> None:
    """It starts, and looks for its servers, only with its log's key."""
    settings = Settings(
        home=shell.home, passphrase_file=shell.secret, kafka="127.0.0.1:9", database="postgresql://127.0.0.1:9/nowhere"
    )
    with Fleet(settings, tmp_path / "processes") as fleet:
        right = fleet.start(["ledger"])
        eventually(lambda: "lease of ledger: connection failed" in right.log.read_text())
        wrong = fleet.start(["ledger"], "wrong", passphrase_file=shell.other)
        assert fleet.wait_ended("ledger+wrong") == 2
        assert "the passphrase does not open" in wrong.tail()
