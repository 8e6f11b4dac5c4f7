"""`counterfoil log mirror` and `counterfoil audit URL` against a server of files: output and exit codes."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

import pytest

from tests.audit.forge import Forgery
from tests.cli.command_line import invoke
from tests.market import Market, play


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs of a story played to its end. Read only."""
    home = tmp_path_factory.mktemp("market") / "home"
    with Market(home) as market:
        play(market)
        market.system.seal()
        keys = market.system.instance.verify_keys()
    (home / "pinned").write_text("".join(f"{key.vkey()}\n" for key in keys.values()))
    return home


@pytest.fixture
def logs(played: Path, tmp_path: Path) -> Path:
    """A copy of them, which is served."""
    return Path(shutil.copytree(played / "logs", tmp_path / "served" / "log"))


class Quiet(SimpleHTTPRequestHandler):
    """Serves files."""

    def log_message(self, *_: object) -> None:
        """Nothing is written."""


class Cutting(Quiet):
    """Ends in the middle of every bundle."""

    def copyfile(self, source: IO[bytes], outputfile: IO[bytes]) -> None:  # type: ignore[override]
        """Send a body."""
        data = source.read()
        outputfile.write(data[: len(data) // 2] if "/entries/" in self.path else data)


@contextmanager
def served(logs: Path, handler: type[Quiet]) -> Iterator[str]:
    """A server of the logs on loopback; its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(logs.parent))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def url(logs: Path) -> Iterator[str]:
    with served(logs, Quiet) as found:
        yield found


def error(text: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(text)["error"]
    return found


def test_a_mirror_is_made_and_followed_and_audited(url: str, played: Path, tmp_path: Path) -> None:
    vkeys, to = str(played / "pinned"), str(tmp_path / "m")
    code, out, err = invoke("log", "mirror", url, to, "--vkeys", vkeys, "--json")
    assert (code, err) == (0, "")
    first = json.loads(out)
    assert first["directory"] == to
    assert [log["before"] for log in first["logs"]] == [0] * 4
    again = json.loads(invoke("log", "mirror", url, to, "--vkeys", vkeys, "--json")[1])
    assert [(log["before"], log["files"]) for log in again["logs"]] == [(log["size"], 0) for log in first["logs"]]
    sizes = {log["origin"]: log["size"] for log in first["logs"]}
    for words in (("audit", to), ("audit", url), ("audit", url, "--mirror", to, "--resume", str(tmp_path / "kept"))):
        code, out, _ = invoke(*words, "--vkeys", vkeys, "--json")
        assert code == 0, out
        assert {log["origin"]: log["size"] for log in json.loads(out)["logs"]} == sizes
    code, out, err = invoke("audit", url, "--mirror", to, "--resume", str(tmp_path / "kept"))
    assert code == 0
    assert "no pinned keys" in err
    assert "clean: everything was checked, nothing was found" in out


def test_a_forged_log_is_a_fork_to_who_knows_it_and_a_finding_to_who_does_not(
    url: str, logs: Path, tmp_path: Path
) -> None:
    to = str(tmp_path / "m")
    assert invoke("log", "mirror", url, to)[0] == 0
    forged = Forgery(logs, "ledger")
    forged.event(forged.find("cash.deposited.v1"))["amount"] = "1"
    forged.seal()
    for words in (("log", "mirror", url, to), ("audit", url, "--mirror", to)):
        code, out, err = invoke(*words, "--json")
        assert (code, out, error(err)["code"]) == (6, "", "forked")
        assert json.loads(Path(error(err)["evidence"]).read_text())["origin"] == forged.key.name
    code, out, _ = invoke("audit", url, "--json")
    assert code == 1
    assert "decision_differs" in {each["code"] for each in json.loads(out)["findings"]}


def test_a_changed_byte_is_refused_by_its_path(url: str, logs: Path, tmp_path: Path) -> None:
    bundle = max((logs / "matching" / "main" / "tile" / "entries").rglob("*.p/*"), key=lambda path: int(path.name))
    bundle.write_bytes(bundle.read_bytes().replace(b"lab-1", b"lab-2"))
    code, _, err = invoke("log", "mirror", url, str(tmp_path / "m"), "--json")
    assert (code, error(err)["code"]) == (1, "not_proven")
    assert bundle.relative_to(logs / "matching" / "main").as_posix() in error(err)["meaning"]
    assert "next run continues" in error(err)["advice"]


def test_an_answer_that_is_cut_short_is_no_file(logs: Path, tmp_path: Path) -> None:
    with served(logs, Cutting) as url:
        code, _, err = invoke("log", "mirror", url, str(tmp_path / "m"), "--json")
    assert (code, error(err)["code"]) == (5, "unreachable")
    assert "tile/entries/" in error(err)["meaning"]
    assert not list((tmp_path / "m").rglob("checkpoint"))


def test_what_cannot_be_mirrored(url: str, played: Path, tmp_path: Path) -> None:
    vkeys, to = str(played / "pinned"), str(tmp_path / "m")
    assert invoke("log", "mirror", "http://127.0.0.1:1", to)[0] == 5
    for words, text in (
        (("log", "mirror", "market.example", to), "a URL of the form"),
        (("log", "mirror", url, str(played)), "is no mirror"),
        (("log", "mirror", url, to, "--vkeys", vkeys, "--log", "matching/east"), "no key is pinned for matching/east"),
        (("log", "mirror", url, to, "--log", "mint"), "the services are"),
        (("audit", str(played), "--mirror", to), "for the logs at a URL"),
    ):
        code, _, err = invoke(*words)
        assert code == 2, err
        assert text in err
