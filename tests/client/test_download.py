"""Published logs are downloaded as they are, within bounds; the checkpoint is verified, the rest is the audit's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from counterfoil.audit.auditor import audit
from counterfoil.client import download
from counterfoil.client.download import download_logs
from counterfoil.client.http import Gateway
from counterfoil.client.problems import NotProven, NotThere, Unreachable
from counterfoil.contract.log_id import LogId
from counterfoil.log.keys import SigningKey
from tests.market import Market, play


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A story played to its end, sealed and published."""
    with Market(tmp_path_factory.mktemp("market") / "home") as played:
        play(played)
        played.system.seal()
        yield played


class Published:
    """A gateway's `/log/` over a directory. `before` is called with each path, and may answer instead."""

    def __init__(self, logs: Path, before: Callable[[str], httpx.Response | None] = lambda _path: None) -> None:
        self.logs, self.before = logs, before

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/log/")
        instead = self.before(path)
        if instead is not None:
            return instead
        try:
            return httpx.Response(200, content=(self.logs / path).read_bytes())
        except FileNotFoundError:
            return missing()

    def gateway(self) -> Gateway:
        return Gateway("http://g", transport=httpx.MockTransport(self), sleep=lambda _seconds: None)


def missing() -> httpx.Response:
    body = {"type": "urn:counterfoil:problem:not_published", "title": "t", "status": 404, "code": "not_published"}
    return httpx.Response(404, content=orjson.dumps(body), headers={"content-type": "application/problem+json"})


def fetch(market: Market, published: Published, to: Path, more: int = 0) -> list[tuple[str, int, int]]:
    seen: list[tuple[str, int, int]] = []
    keys = {log: market.system.instance.verify_key(log) for log in market.system.instance.logs()}
    sizes = {log: runner.tree.size + more for log, runner in market.system.runners.items()}
    with published.gateway() as gateway:
        download_logs(gateway, keys, sizes, to, lambda what, done, total: seen.append((what, done, total)))
    return seen


def test_a_download_is_what_is_published_and_audits_clean(market: Market, tmp_path: Path) -> None:
    logs = market.home / "logs"
    seen = fetch(market, Published(logs), tmp_path / "logs")
    files = {path.relative_to(logs): path.read_bytes() for path in logs.rglob("*") if path.is_file()}
    copied = {path.relative_to(tmp_path / "logs"): path for path in (tmp_path / "logs").rglob("*")}
    assert all(path.read_bytes() == files[name] for name, path in copied.items() if path.is_file())
    trusted = market.system.instance.verify_keys()
    assert audit(tmp_path / "logs", trusted).clean
    assert sum(done for _, done, _ in seen) == seen[0][2] == len(seen)


def test_what_was_changed_on_the_way_is_found_by_the_audit(market: Market, tmp_path: Path) -> None:
    def spoil(path: str) -> httpx.Response | None:
        if not path.startswith("ledger/main/tile/entries/"):
            return None
        return httpx.Response(200, content=(market.home / "logs" / path).read_bytes().replace(b"lab-1", b"lab-2"))

    fetch(market, Published(market.home / "logs", spoil), tmp_path / "logs")
    findings = {(each.log, each.code) for each in audit(tmp_path / "logs").findings}
    assert ("ledger/main", "bundle_not_valid") in findings


def test_a_checkpoint_under_another_key_is_refused(market: Market, tmp_path: Path) -> None:
    other = SigningKey(market.system.instance.origin(LogId("issuance")), bytes(32)).verify_key
    with Published(market.home / "logs").gateway() as gateway, pytest.raises(NotProven, match="issuance"):
        download_logs(gateway, {LogId("issuance"): other}, {LogId("issuance"): 1}, tmp_path, lambda *_: None)


def test_a_log_that_lags_is_waited_for_a_bounded_time(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(download, "PUBLISHED_WITHIN", 0.3)
    published = Published(market.home / "logs", asked.append)
    with pytest.raises(Unreachable, match="are committed"):
        fetch(market, published, tmp_path / "logs", more=1)
    assert set(asked) == {"issuance/main/checkpoint"}
    assert len(asked) > 1


def test_a_log_that_grows_meanwhile_is_downloaded_again(market: Market, tmp_path: Path) -> None:
    gone: set[str] = set()

    def first_time(path: str) -> httpx.Response | None:
        if ".p/" not in path or path in gone:
            return None
        gone.add(path)
        return missing()

    with pytest.raises(NotThere):
        fetch(
            market, Published(market.home / "logs", lambda path: missing() if ".p/" in path else None), tmp_path / "a"
        )
    complete = tmp_path / "b"
    fetch(market, Published(market.home / "logs", first_time), complete)
    assert gone
    assert audit(complete).clean
