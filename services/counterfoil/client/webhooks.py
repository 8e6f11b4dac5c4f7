"""What a receiver of webhooks needs: the check that a message is the gateway's, fresh and whole."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import orjson

from counterfoil.client.problems import NotVerified
from counterfoil.contract.webhook_signature import ID, SIGNATURE, TIMESTAMP, is_signed, parse_secret

TOLERANCE: Final = 300
"""Seconds by which a message may be older, or newer, than this machine's clock says."""


def verify_webhook(
    secret: str, headers: Mapping[str, str], body: bytes, tolerance: int = TOLERANCE, *, now: int | None = None
) -> dict[str, Any]:
    """The event of a message, after checking its signature and time: a CloudEvent 1.0, as a page of the feed has it.

    `secret`: ``whsec_...``. `headers`: of the request, names in any case. `body`: exactly the bytes that came: parsing
    and writing it again changes them. `tolerance`: seconds, 0 or more. `now`: Unix seconds, in place of the clock.

    An event comes at least once: its `id`, and the header ``webhook-id``, are the same each time. Raises `NotVerified`
    with a `code`: ``header_missing``, ``bad_timestamp``, ``too_old``, ``too_new``, ``bad_signature``, ``not_an_event``;
    ValueError for a secret that is none.
    """
    key = parse_secret(secret)
    given = {name.lower(): value for name, value in headers.items()}
    for name in (ID, TIMESTAMP, SIGNATURE):
        if not given.get(name):
            raise NotVerified("header_missing", f"there is no header {name}")
    text = given[TIMESTAMP]
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise NotVerified("bad_timestamp", f"{TIMESTAMP} is no number of seconds")
    sent, at = int(text), round(time.time()) if now is None else now
    if not is_signed(key, given[ID], sent, body, given[SIGNATURE].split(" ")):
        raise NotVerified("bad_signature", "no signature of the message is by this secret")
    if sent < at - tolerance:
        raise NotVerified("too_old", f"the message was signed {at - sent} s ago, {tolerance} at most are accepted")
    if sent > at + tolerance:
        raise NotVerified("too_new", f"the message was signed {sent - at} s ahead, {tolerance} at most are accepted")
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        raise NotVerified("not_an_event", "the body is no JSON object")
    return event
