"""Sessions: opened by a signature once, read by a token, over when they should be."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from counterfoil.client.author import Author
from counterfoil.contract.canonical import canonical
from counterfoil.contract.envelope import encode_envelope, signed_bytes
from counterfoil.contract.limits import MAX_OPEN_SESSION, MAX_OPEN_SESSION_BYTES
from counterfoil.contract.open_session import OPEN_SESSION_TYPE
from counterfoil.contract.scalars import decode_base64, encode_base64
from counterfoil.gateway import readers, sessions
from counterfoil.gateway.bounds import READER_KNOWN_FOR, SESSION_SECONDS, SESSIONS_PER_PARTY
from counterfoil.issuance.commands import AddKey, AppointAuditor, CloseParty, DismissAuditor, RevokeKey
from tests.gateway.harness import problem_of
from tests.gateway.readers import Reading, bearer, reading
from tests.gateway.world import HOST, seed_of


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """A restricted market, for tests that do not depend on its state."""
    with reading(tmp_path_factory.mktemp("market"), "restricted") as found:
        yield found


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every use of a token is looked up."""
    monkeypatch.setattr(readers, "READER_KNOWN_FOR", -1.0)


def test_a_signature_opens_a_session_for_its_party(restricted: Reading, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer = restricted.open("operator")
    opened = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert (opened["party_id"], opened["roles"]) == ("operator", ["operator"])
    mine = restricted.http.request("GET", "/v1/sessions", headers=bearer(opened["token"])).json()["items"]
    assert [(each["current"], each["expires_at"]) for each in mine] == [(True, opened["expires_at"])]
    stored = restricted.market.instance.sessions_database
    files = [each.read_bytes() for each in stored.parent.iterdir() if each.name.startswith(stored.name)]
    assert files
    assert not any(opened["token"].encode() in each for each in files)
    assert opened["token"] not in caplog.text


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"audience": "rival.example"}, 400, "wrong_audience"),
        ({"expires_in": -1}, 400, "open_session_expired"),
        ({"expires_in": MAX_OPEN_SESSION / 1e6 + 5}, 400, "open_session_too_long"),
        ({"author": Author("lab-1", seed_of("nobody"))}, 401, "unknown_key"),
        ({"author": Author("nobody", seed_of("lab-1"))}, 401, "unknown_key"),
        ({"expires_in": MAX_OPEN_SESSION / 1e6 - 5}, 201, None),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value),
)
def test_what_opens_none(restricted: Reading, changed: dict[str, object], status: int, code: str | None) -> None:
    answer = restricted.open("lab-1", **changed)
    assert answer.status_code == status
    if code is not None:
        assert problem_of(answer)["code"] == code


def test_a_document_opens_one_session(restricted: Reading) -> None:
    envelope = restricted.envelope("lab-1")
    token = restricted.post(envelope).json()["token"]
    assert problem_of(restricted.post(envelope))["code"] == "nonce_used"
    restricted.http.request("DELETE", "/v1/sessions", headers=bearer(token))
    assert problem_of(restricted.post(envelope))["code"] == "nonce_used"


def test_neither_a_command_nor_a_document_is_taken_for_the_other(restricted: Reading) -> None:
    document = restricted.envelope("lab-1")
    command = restricted.market.sign("operator", restricted.market.registration("new", "beneficiary"))
    assert problem_of(restricted.http.post(document))["code"] == "wrong_payload_type"
    parsed = json.loads(document)
    as_command = canonical({**parsed, "payloadType": "application/vnd.counterfoil.command.v1+json"})
    assert problem_of(restricted.http.post(as_command))["code"] not in (None, "wrong_payload_type")
    assert problem_of(restricted.post(command))["code"] in ("wrong_payload_type", "too_large")
    as_document = canonical({**json.loads(command), "payloadType": OPEN_SESSION_TYPE})
    assert restricted.post(as_document).status_code in (400, 413)


def test_a_signature_over_the_payload_as_a_command_opens_none(restricted: Reading) -> None:
    author, document = restricted.market.author("lab-1"), json.loads(restricted.envelope("lab-1"))
    payload = decode_base64(document["payload"])
    from nacl.bindings import crypto_sign

    signature = crypto_sign(signed_bytes(payload), author._secret)[:64]
    forged = encode_envelope(payload, signature, author.key_id, OPEN_SESSION_TYPE)
    assert problem_of(restricted.post(forged))["code"] == "bad_signature"


def test_the_form_is_strict_and_its_length_bounded(restricted: Reading) -> None:
    author = restricted.market.author("lab-1")

    def envelope(payload: bytes) -> bytes:
        return encode_envelope(payload, b"s" * 64, author.key_id, OPEN_SESSION_TYPE)

    good = json.loads(decode_base64(json.loads(restricted.envelope("lab-1"))["payload"]))
    for changed in (
        {**good, "more": 1},
        {name: value for name, value in good.items() if name != "nonce"},
        {**good, "nonce": encode_base64(b"n" * 15)},
        {**good, "nonce": encode_base64(b"n" * 17)},
        {**good, "party_id": "A"},
        {**good, "expires_at": 1},
    ):
        assert restricted.post(envelope(canonical(changed))).status_code == 400
    assert problem_of(restricted.post(envelope(json.dumps(good).encode())))["code"] == "not_canonical"
    full = restricted.envelope("lab-1")
    assert restricted.post(full + b" " * (MAX_OPEN_SESSION_BYTES - len(full))).status_code == 201
    over = restricted.post(full + b" " * (MAX_OPEN_SESSION_BYTES - len(full) + 1))
    assert problem_of(over)["code"] == "too_large"


@pytest.mark.parametrize(
    "header",
    ["Bearer " + "A" * 43, "Bearer " + "A" * 42, "Bearer", "Basic bGFiOng=", "", "Bearer ", "bearer  " + "A" * 43],
)
def test_a_wrong_token_is_never_nobody(restricted: Reading, header: str) -> None:
    for path in ("/v1/events", "/log/ledger/main/tile/entries/000.p/1", "/v1/sessions", "/v1/commands/ledger/a/b"):
        answer = restricted.http.request("GET", path, headers={"Authorization": header})
        assert (answer.status_code, problem_of(answer)["code"]) == (401, "unknown_session")
        assert answer.headers["www-authenticate"] == 'Bearer realm="counterfoil", error="invalid_token"'


@pytest.mark.parametrize("name", ["access_token", "token"])
def test_a_token_in_an_address_is_refused(restricted: Reading, name: str) -> None:
    token = restricted.token("operator")
    for path in ("/log/ledger/main/tile/entries/000.p/1", "/v1/sessions"):
        answer = restricted.http.get(path, **{name: token})
        assert problem_of(answer)["code"] == "token_in_url"


@pytest.mark.usefixtures("no_cache")
def test_a_session_ends_with_its_hour_its_key_or_its_party(
    restricted: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = restricted.market
    market.register("lab-3", "beneficiary")
    market.register("lab-4", "beneficiary")
    other = Author("lab-3", seed_of("lab-3/other"))
    market.ask("lab-3", AddKey(key=other.prove(HOST)))
    by_first, by_other = restricted.token("lab-3"), restricted.open("lab-3", author=other).json()["token"]
    of_lab_4 = restricted.token("lab-4")

    def ok(token: str) -> bool:
        return restricted.http.request("GET", "/v1/sessions", headers=bearer(token)).status_code == 200

    assert ok(by_first)
    market.ask("lab-3", RevokeKey(party_id="lab-3", key_id=other.key_id, reason="lost"))
    assert (ok(by_first), ok(by_other), ok(of_lab_4)) == (True, False, True)
    assert problem_of(restricted.open("lab-3", author=other))["code"] == "key_revoked"
    market.ask("lab-4", CloseParty(reason="merged"))
    assert (ok(by_first), ok(of_lab_4)) == (True, False)
    assert problem_of(restricted.open("lab-4"))["code"] == "party_closed"
    later = readers.session_time() + SESSION_SECONDS * 1_000_000
    monkeypatch.setattr(readers, "session_time", lambda: later)
    assert not ok(by_first)


@pytest.mark.usefixtures("no_cache")
def test_an_auditor_reads_all_while_it_is_appointed(restricted: Reading) -> None:
    market = restricted.market
    market.register("auditor-late", "auditor")
    market.system.seal()
    path = f"/log/ledger/main/tile/entries/000.p/{market.sizes()['ledger']}"

    def status() -> int:
        return restricted.http.request("GET", path, headers=bearer(restricted.token("auditor-late"))).status_code

    before = status()
    market.ask("operator", AppointAuditor(auditor_id="auditor-late", programme_id=None))
    appointed = status()
    market.ask("operator", DismissAuditor(auditor_id="auditor-late", programme_id=None, reason="done"))
    assert (before, appointed, status()) == (403, 200, 403)


def test_what_is_known_of_a_session_is_seconds_old_at_most() -> None:
    assert READER_KNOWN_FOR <= 2


def test_sessions_are_ended_one_or_all(restricted: Reading) -> None:
    first, second, other = (restricted.open(party).json()["token"] for party in ("city", "city", "treasury"))

    def end(token: str, **params: str) -> int:
        return restricted.http.request("DELETE", "/v1/sessions", headers=bearer(token), params=params).status_code

    assert (end(first), end(first), end(second)) == (204, 401, 204)
    third, fourth = (restricted.open("city").json()["token"] for _ in range(2))
    assert (end(third, all="true"), end(fourth), end(other)) == (204, 401, 204)
    assert problem_of(restricted.http.request("DELETE", "/v1/sessions"))["code"] == "session_required"


def test_a_party_has_so_many_sessions_and_takes_nobody_elses(
    restricted: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [restricted.open("gpu-1").json()["token"] for _ in range(SESSIONS_PER_PARTY)]
    refused = restricted.open("gpu-1")
    assert (refused.status_code, problem_of(refused)["code"]) == (429, "too_many_sessions")
    assert restricted.open("gpu-2").status_code == 201
    now = readers.session_time() + 3 * MAX_OPEN_SESSION
    monkeypatch.setattr(sessions, "session_time", lambda: now)
    assert restricted.open("gpu-1", expires_in=3 * MAX_OPEN_SESSION / 1e6 + 60).status_code == 201
    answers = [restricted.http.request("GET", "/v1/sessions", headers=bearer(token)) for token in tokens[:2]]
    assert [each.status_code for each in answers] == [401, 200]  # the oldest made room


def test_what_opens_none_leaves_nothing(restricted: Reading) -> None:
    """However many documents come: forged, of unknown keys and closed parties, over and again."""
    first = restricted.envelope("lab-2")
    assert restricted.post(first).status_code == 201
    forged = json.loads(restricted.envelope("lab-2"))
    forged["signatures"][0]["sig"] = encode_base64(b"s" * 64)
    unknown = restricted.envelope("lab-2", author=Author("lab-2", seed_of("nobody")))
    store = restricted.market.system.backend().sessions
    before = store.of("lab-2", readers.session_time())
    answers = [restricted.post(each) for each in (first, canonical(forged), unknown) for _ in range(30)]
    assert {each.status_code for each in answers} == {401, 409}
    assert store.of("lab-2", readers.session_time()) == before
