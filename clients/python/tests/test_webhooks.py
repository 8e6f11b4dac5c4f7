"""Messages to a webhook are accepted and refused as the vectors say, and an example that others publish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from counterfoil.client import NotVerified, verify_webhook

VECTORS = json.loads((Path(__file__).parents[3] / "schemas" / "vectors" / "webhooks.json").read_bytes())


@pytest.mark.parametrize("each", VECTORS["messages"], ids=lambda each: each["why"])
def test_a_message(each: dict[str, Any]) -> None:
    headers = {name.title(): value for name, value in each["headers"].items() if value}

    def verify() -> dict[str, Any]:
        return verify_webhook(
            VECTORS["secret"], headers, each["body"].encode(), VECTORS["tolerance"], now=VECTORS["now"]
        )

    if each["code"] is None:
        assert verify() == json.loads(each["body"])
    else:
        with pytest.raises(NotVerified) as raised:
            verify()
        assert raised.value.code == each["code"]


@pytest.mark.parametrize("text", VECTORS["no_secrets"])
def test_what_is_no_secret_is_told_without_it(text: str) -> None:
    with pytest.raises(ValueError, match="a secret is `whsec_` and base64 of 24 to 64 octets"):
        verify_webhook(text, {}, b"")


def test_an_example_that_others_publish() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    body, secret = b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert verify_webhook(secret, headers, body, now=1_614_265_330) == {"test": 2432232314}
    with pytest.raises(NotVerified, match="ago"):
        verify_webhook(secret, headers, body)
