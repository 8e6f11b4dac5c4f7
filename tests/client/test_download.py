"""What the demo does over HTTP: sends without waiting, reads rows as the store has them, fetches logs as published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from counterfoil.audit.run import audit
from counterfoil.catalogue import VIEWS
from counterfoil.client import download as mirrors
from counterfoil.client.download import mirror
from counterfoil.client.http import PAUSES, Gateway
from counterfoil.client.problems import NotProven, NotThere, RefusedByService, Unreachable
from counterfoil.contract.commands import SERVICES
from counterfoil.gateway.rows import render
from counterfoil.log.keys import SigningKey
from counterfoil.testbed.http_system import Line, row_of
from tests.market import Market, play

ENVELOPE = b'{"payload":"AA=="}'
REFUSED = {"type": "urn:counterfoil:refusal:bad_signature", "title": "t", "status": 401, "code": "bad_signature"}
Outcome = httpx.Response | Exception


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A story played to its end, sealed and published."""
    with Market(tmp_path_factory.mktemp("market") / "home") as played:
        play(played)
        played.system.seal()
        yield played


# sending ------------------------------------------------------------------------------------------------------------


def taken() -> Outcome:
    return httpx.Response(202, json={"status": "pending"})


def busy() -> Outcome:
    return httpx.Response(503, json={}, headers={"content-type": "application/problem+json"})


def lost() -> Outcome:
    return httpx.ReadError("lost")


def refused() -> Outcome:
    headers = {"content-type": "application/problem+json"}
    return httpx.Response(401, content=orjson.dumps(REFUSED), headers=headers)


def line(outcomes: list[Callable[[], Outcome]]) -> tuple[Line, list[httpx.Request], list[float]]:
    left, requests, slept = list(outcomes), list[httpx.Request](), list[float]()

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        outcome = left.pop(0)()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Line("http://g", transport=httpx.MockTransport(handle), sleep=slept.append), requests, slept


@pytest.mark.parametrize(
    "outcomes", [[taken], [busy, taken], [lost, busy, taken], [lost] * len(PAUSES) + [taken]], ids=len
)
def test_the_same_bytes_are_sent_until_they_are_taken(outcomes: list[Callable[[], Outcome]]) -> None:
    gateway, requests, slept = line(outcomes)
    with gateway:
        gateway.send(ENVELOPE)
    assert [request.content for request in requests] == [ENVELOPE] * len(outcomes)
    assert all(request.headers["prefer"] == "respond-async" for request in requests)
    assert slept == list(PAUSES)[: len(outcomes) - 1]


@pytest.mark.parametrize("outcome", [lost, busy])
def test_sending_is_given_up_after_a_bounded_number_of_times(outcome: Callable[[], Outcome]) -> None:
    gateway, requests, slept = line([outcome] * (len(PAUSES) + 1))
    with gateway, pytest.raises(Unreachable):
        gateway.send(ENVELOPE)
    assert len(requests) == len(PAUSES) + 1
    assert slept == list(PAUSES)


def test_a_refusal_at_the_door_is_final() -> None:
    gateway, requests, _ = line([refused])
    with gateway, pytest.raises(RefusedByService) as caught:
        gateway.send(ENVELOPE)
    assert (caught.value.code, len(requests)) == ("bad_signature", 1)


# reading ------------------------------------------------------------------------------------------------------------


def test_rows_come_back_as_the_store_has_them(market: Market) -> None:
    for view in VIEWS:
        rows = market.system.views.page(view.name, {}, None, 500)
        assert [row_of(view.name, orjson.loads(orjson.dumps(render(view, row)))) for row in rows] == rows
        assert rows or view.name == "prevented_matches"


# fetching logs ------------------------------------------------------------------------------------------------------


class Published:
    """A gateway's `/log/` over a directory. `before`: is called with each path, and may answer instead."""

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
    keys = {service: market.system.instance.log_key(service).verify_key for service in SERVICES}
    sizes = {service: runner.tree.size + more for service, runner in market.system.runners.items()}
    with published.gateway() as gateway:
        mirror(gateway, keys, sizes, to, lambda what, done, total: seen.append((what, done, total)))
    return seen


def test_a_mirror_is_what_is_published_and_audits_clean(market: Market, tmp_path: Path) -> None:
    logs = market.home / "logs"
    seen = fetch(market, Published(logs), tmp_path / "mirror")
    files = {path.relative_to(logs): path.read_bytes() for path in logs.rglob("*") if path.is_file()}
    copied = {path.relative_to(tmp_path / "mirror"): path for path in (tmp_path / "mirror").rglob("*")}
    assert all(path.read_bytes() == files[name] for name, path in copied.items() if path.is_file())
    trusted = {key.name: key for key in (market.system.instance.log_key(name).verify_key for name in SERVICES)}
    assert audit(tmp_path / "mirror", trusted).clean
    assert sum(done for _, done, _ in seen) == seen[0][2] == len(seen)


def test_what_was_changed_on_the_way_is_found_by_the_audit(market: Market, tmp_path: Path) -> None:
    def spoil(path: str) -> httpx.Response | None:
        if not path.startswith("ledger/main/tile/entries/"):
            return None
        return httpx.Response(200, content=(market.home / "logs" / path).read_bytes().replace(b"lab-1", b"lab-2"))

    fetch(market, Published(market.home / "logs", spoil), tmp_path / "mirror")
    findings = {(each.log, each.code) for each in audit(tmp_path / "mirror").findings}
    assert ("ledger/main", "bundle_not_valid") in findings


def test_a_checkpoint_under_another_key_is_not_followed(market: Market, tmp_path: Path) -> None:
    other = SigningKey(market.system.instance.origin("issuance"), bytes(32)).verify_key
    with Published(market.home / "logs").gateway() as gateway, pytest.raises(NotProven, match="issuance"):
        mirror(gateway, {"issuance": other}, {"issuance": 1}, tmp_path, lambda *_: None)


def test_a_log_that_lags_is_waited_for_a_bounded_time(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(mirrors, "WITHIN", 0.3)
    published = Published(market.home / "logs", asked.append)
    with pytest.raises(Unreachable, match="are committed"):
        fetch(market, published, tmp_path / "mirror", more=1)
    assert set(asked) == {"issuance/main/checkpoint"}
    assert len(asked) > 1


def test_a_log_that_grows_meanwhile_is_fetched_anew(market: Market, tmp_path: Path) -> None:
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
    mirrors_left = tmp_path / "b"
    fetch(market, Published(market.home / "logs", first_time), mirrors_left)
    assert gone
    assert audit(mirrors_left).clean
