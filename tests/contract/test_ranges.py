"""Every range of the contract at its ends and one beyond, as a command's author meets it."""

from __future__ import annotations

from functools import reduce
from operator import getitem
from typing import Any

import pytest

from counterfoil.contract import limits
from counterfoil.contract.canonical import Refused
from counterfoil.contract.forms import dump
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import SECOND
from counterfoil.vocabulary import CODEC, VOCABULARY
from tests.contract.samples import sample

A_YEAR = limits.MAX_WINDOW // SECOND
OUT, BAD = Code.OUT_OF_RANGE, Code.MALFORMED

# Command, member, its values at the ends, and what lies beyond with its code.
RANGES: list[tuple[str, str, list[Any], list[tuple[Any, Code]]]] = [
    ("deposit", "amount", ["1", str(2**63 - 1)], [("0", OUT), ("-1", OUT), (str(2**63), OUT), ("9" * 40, OUT)]),
    ("post_offer", "price", ["1", "1000000000000"], [("0", OUT), ("1000000000001", OUT)]),
    ("post_offer", "nodes", [1, 1_023], [(0, OUT), (1_024, OUT), (-1, OUT)]),
    ("post_offer", "min_hours", [1, 1_440], [(0, OUT), (1_441, OUT)]),
    ("post_reclaimable_offer", "reclaim_notice_hours", [1, 720], [(0, OUT), (721, OUT), (-1, OUT)]),
    ("place_reclaimable_bid", "min_reclaim_notice_hours", [1, 720], [(0, OUT), (721, OUT)]),
    ("place_reclaimable_performance_bid", "min_reclaim_notice_hours", [1, 720], [(0, OUT), (721, OUT)]),
    ("reclaim_delivery", "reason", ["maintenance", "decommissioning", "own_use", "other"], [("dearer", BAD)]),
    ("post_offer", "bond_bps", [0, 10_000], [(-1, OUT), (10_001, OUT)]),
    ("post_offer", "class_id", ["a", "a" * 63], [("a" * 64, OUT), ("", BAD), ("a-", BAD), ("A", BAD)]),
    ("post_offer", "currency", ["EUR", "GPU_HOUR"], [("EU", BAD), ("EURO", BAD), ("GPU_HOURS", OUT), ("eur", BAD)]),
    ("post_offer", "window_start", ["19700101T00Z", "21991231T23Z"], [("19691231T23Z", BAD), ("22000101T00Z", BAD)]),
    ("post_offer", "good_until", [None, "1970-01-01T00:00:00.000000Z"],
     [("1969-12-31T23:59:59.999999Z", BAD), (0, BAD)]),
    ("post_offer", "tif", ["GTC", "GTD", "IOC"], [("FOK", BAD), ("", BAD)]),
    ("place_bid", "tif", ["GTC", "GTD", "IOC", "FOK"], [("DAY", BAD)]),
    ("place_bid", "stp", ["taker", "maker", "both"], [("none", BAD)]),
    ("place_bid", "voucher_ids", [[], ["v-1"]], [("v-1", BAD), ([""], BAD)]),
    ("amend_bid", "reduce_nodes_by", [None, 1, 1_023], [(0, OUT), (1_024, OUT)]),
    ("resolve_dispute", "gpu_minutes", [0, 2**53 - 1], [(-1, OUT), (2**53, OUT), (2**63, OUT), (2**64, OUT)]),
    ("report_usage", "readings", [[], [{"hour": "20261123T08Z", "gpu_minutes": 1_023 * 64 * 60}]],
     [([{"hour": "20261123T08Z", "gpu_minutes": 1_023 * 64 * 60 + 1}], OUT)]),
    ("register_class", "gpus_per_node", [1, 64], [(0, OUT), (65, OUT)]),
    ("register_class", "version", [1, 1_000_000], [(0, OUT), (1_000_001, OUT)]),
    ("register_class", "interconnect", [None, "x", "é" * 120, "😀" * 120],
     [("é" * 121, OUT), ("", BAD), ("a\x7f", BAD)]),
    ("publish_programme", "terms.share", [{"num": 0, "den": 1}, {"num": 1_000_000, "den": 1_000_000}],
     [({"num": 1, "den": 0}, OUT), ({"num": 1_000_001, "den": 1}, OUT), ({"num": 1, "den": 1_000_001}, OUT)]),
    ("publish_programme", "terms.expiry", [{"kind": "relative", "after_seconds": A_YEAR}],
     [({"kind": "relative", "after_seconds": A_YEAR + 1}, OUT), ({"kind": "fixed", "at": "2026"}, BAD)]),
    ("publish_programme", "terms.report_within_seconds", [0, A_YEAR], [(-1, OUT), (A_YEAR + 1, OUT)]),
    ("put_document", "piece", [0, 42], [(-1, OUT), (43, OUT)]),
    ("put_document", "pieces", [1, 43], [(0, OUT), (44, OUT)]),
    ("put_document", "octets", ["AA==", "AAAA" * 1_024], [("", OUT), ("AAAA" * 1_024 + "AA==", OUT), ("AB==", BAD)]),
    ("suspend_voucher", "reason", ["x", "x" * 240], [("x" * 241, OUT), ("", BAD), ("a\nb", BAD)]),
    ("deposit", "payment_reference", ["1", "№ 1/б", "x" * 64],
     [("x" * 65, OUT), ("", OUT), ("!", OUT), ("a\nb", OUT), ("e\u0301", OUT)]),
    ("revoke_key", "key_id", ["0123456789abcdef"], [("0123456789abcde", BAD), ("0123456789abcdef0", OUT)]),
    ("register_party", "roles", [[], ["operator", "issuer", "provider", "beneficiary", "treasurer", "auditor"]],
     [(["owner"], BAD)]),
    ("add_key", "public_key", ["A" * 43 + "="], [("A" * 42 + "==", BAD), ("A" * 44, BAD), ("A" * 42 + "B=", BAD)]),
]  # fmt: skip
ACCEPTED = [(kind, member, value) for kind, member, values, _ in RANGES for value in values]
REFUSED = [(kind, member, value, code) for kind, member, _, beyond in RANGES for value, code in beyond]


def with_member(kind: str, path: str, value: Any) -> dict[str, Any]:
    """A sample body in which the member at a dotted path has another value."""
    body = dump(sample(VOCABULARY.commands[kind, 1]))
    *outer, member = path.split(".")
    record = reduce(getitem, outer, body)
    assert member in record
    record[member] = value
    return body


@pytest.mark.parametrize(("kind", "path", "value"), ACCEPTED)
def test_the_ends_of_a_range_are_accepted(kind: str, path: str, value: Any) -> None:
    body = with_member(kind, path, value)
    assert dump(CODEC.load_body(kind, 1, body)) == body


@pytest.mark.parametrize(("kind", "path", "value", "code"), REFUSED)
def test_one_beyond_is_refused(kind: str, path: str, value: Any, code: Code) -> None:
    with pytest.raises(Refused) as refused:
        CODEC.load_body(kind, 1, with_member(kind, path, value))
    assert refused.value.refusal.code is code
    assert f"{dict(refused.value.refusal.detail)['member']}.".startswith(f"{path}.")
