"""A session in a cookie: opened by a signature from a page of this host alone, and good for reading alone."""

from __future__ import annotations

import pytest

from counterfoil.gateway import readers
from counterfoil.gateway.readers import COOKIE, COOKIE_BY_TLS
from tests.console.browsing import SAME_ORIGIN, Browsing
from tests.gateway.harness import ENVELOPE


def test_a_browser_gets_a_cookie_that_no_script_reads(console: Browsing) -> None:
    answer = console.sign_in("lab-1", **SAME_ORIGIN)
    assert answer.status_code == 201
    assert answer.json().keys() == {"party_id", "roles", "expires_at"}
    assert answer.cookies[COOKIE] not in answer.text
    said = {each.strip().lower() for each in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/", "max-age=3600"} <= said
    assert "secure" not in said  # this came without TLS


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (SAME_ORIGIN, 201),
        ({"Origin": "http://gateway"}, 201),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://gateway"}, 400),
        ({"Sec-Fetch-Site": "same-site"}, 400),
        ({"Origin": "https://rival.example"}, 400),
        ({"Origin": "null"}, 400),
        ({"Origin": "http://["}, 400),
        ({}, 400),
    ],
)
def test_another_site_signs_nobody_in_or_out(console: Browsing, headers: dict[str, str], status: int) -> None:
    assert console.sign_in("lab-2", **headers).status_code == status
    if status == 400:
        assert console.browse("lab-1", "sign-out", "POST", headers=headers).status_code == 400
        assert console.browse("lab-1", "start-up").status_code == 200


def test_the_cookie_counts_for_reading_and_for_no_change(console: Browsing) -> None:
    assert console.browse("lab-1", "/v1/sessions").status_code == 200
    assert console.browse("lab-1", "/v1/vouchers").json()["items"]
    for method, path in (("DELETE", "/v1/sessions"), ("POST", "/v1/webhooks")):
        answer = console.browse("lab-1", path, method, json={})
        assert (answer.status_code, answer.json()["code"]) == (401, "session_required"), path
    assert console.browse("lab-1", "start-up").status_code == 200


def test_no_cache_keeps_what_a_reader_was_told(console: Browsing) -> None:
    told = console.browse("lab-1", "/v1/vouchers").headers
    assert (told["cache-control"], told["vary"]) == ("private, no-store", "Authorization, Cookie")
    told = console.browse(None, "/v1/rules").headers
    assert ("cache-control" in told, told["vary"]) == (False, "Authorization, Cookie")


def test_a_cookie_that_somebody_planted_hides_nothing_public(console: Browsing) -> None:
    for planted in ("bad", "x" * 44, ""):
        assert console.browse(None, "/v1/rules", headers={"Cookie": f"{COOKIE}={planted}"}).status_code == 200


def test_by_tls_only_this_host_can_set_the_cookie(console: Browsing) -> None:
    host = {**SAME_ORIGIN, **ENVELOPE}
    answer = console.browse(
        None, "https://gateway/console/session", "POST", content=console.envelope("lab-2"), headers=host
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["set-cookie"].startswith(f"{COOKIE_BY_TLS}=")
    assert "; Secure" in answer.headers["set-cookie"]


def test_a_session_that_is_over_reads_as_anybody_and_says_so(
    console: Browsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "READER_KNOWN_FOR", -1.0)
    console.cookie("gpu-2")
    ended = console.browse("gpu-2", "sign-out", "POST", headers=SAME_ORIGIN)
    assert (ended.status_code, ended.headers["location"]) == (303, "/console/market")
    answer = console.browse("gpu-2", "market")
    assert answer.status_code == 200
    assert "Your session has ended" in answer.text
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]
    assert console.browse("gpu-2", "/v1/vouchers").status_code == 401
    assert console.browse(None, "market", headers={"Cookie": f"{COOKIE}=x"}).status_code == 200


def test_a_choice_leads_back_into_the_console_only(console: Browsing) -> None:
    for back in (
        "//rival.example",
        "https://rival.example/console/",
        "/console/../v1",
        "/v1/limits",
        "/\\rival.example",
        "//[",
    ):
        answer = console.browse(None, "choose", params={"theme": "dark", "back": back})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/console/market", back
    answer = console.browse(None, "choose", params={"language": "zh-Hans", "back": "/console/logs?x=1"})
    assert answer.headers["location"] == "/console/logs?x=1"
    assert "counterfoil_language=zh-Hans" in answer.headers["set-cookie"]
    assert "set-cookie" not in console.browse(None, "choose", params={"language": "xx", "theme": "pink"}).headers
