"""The history of a voucher or programme, from entries that are proven to be in the ledger's log, and from nothing else.

What is proven: that the entries are in the log, that each posting of an asset follows from the one before it, and that
none is missing between the first and the last of an account: postings are numbered. That none follows the last one is
not: only who reads the whole log sees that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from counterfoil.client.problems import NotProven
from counterfoil.client.verify import Proven, verify_entry
from counterfoil.contract.scalars import decode_base64, encode_base64
from counterfoil.ledger.chart import CREDITED, DEBITED
from counterfoil.log.checkpoint import open_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.proofs import Receipt, format_receipt
from counterfoil.log.tiles import TILE_WIDTH, bundle_path, tile_path
from counterfoil.log.verify import TileTree

MAX_EVIDENCE_BYTES: Final = 256 * 1_048_576
"""Of a file with the evidence for one history."""


class Evidence(NamedTuple):
    """An entry's bytes, and its proof as tlog-proof."""

    entry: bytes
    proof: bytes


class Posting(NamedTuple):
    """One side of a leg: the entry, what it did to an account, and the balances after it (micro-units).

    `n` numbers the postings of the account in the asset from 1. Of a leg the debit comes first, its credit next.
    """

    entry: int
    time: int
    event: str
    asset: str
    side: Literal["debit", "credit"]
    account: str
    counter_account: str
    effect: str
    amount: int
    n: int
    posted: int
    held: int


@dataclass(slots=True)
class History:
    """All postings of some assets, and the last one of each account, by (asset, account)."""

    size: int = 0
    postings: list[Posting] = field(default_factory=list)
    last: dict[tuple[str, str], Posting] = field(default_factory=dict)

    def posted(self, asset: str, account: str) -> int:
        """The balance of an account; 0 if it has no postings."""
        found = self.last.get((asset, account))
        return 0 if found is None else found.posted

    def flow(self, asset: str, debit: str, credit: str, event: str = "") -> int:
        """What went from accounts to accounts whose names begin so, held amounts aside; all, or by one event."""
        return sum([
            each.amount
            for each in self.postings
            if (each.asset, each.side) == (asset, "debit") and each.effect in ("post", "capture")
            and each.account.startswith(debit) and each.counter_account.startswith(credit)
            and each.event.startswith(event)
        ])  # fmt: skip


def collect(read: Callable[[str], bytes], key: VerifyKey, indexes: Iterable[int]) -> list[Evidence]:
    """The entries of a log with their proofs, all under its last checkpoint, from its published files.

    `read`: a file of the log by its path. Raises `NotProven`, and what `read` raises.
    """
    note = read("checkpoint")
    try:
        tree = TileTree(open_checkpoint(note, [key]), lambda *tile: read(tile_path(*tile)))
        found, size = [], tree.checkpoint.size
        bundles: dict[int, list[bytes]] = {}
        for index in indexes:
            number, place = divmod(index, TILE_WIDTH)
            if number not in bundles:
                width = min(TILE_WIDTH, size - number * TILE_WIDTH)
                bundles = {number: tree.entries(number, read(bundle_path(number, width)))}
            proof = format_receipt(Receipt(index, tuple(tree.inclusion_proof(index, size)), note))
            found.append(Evidence(bundles[number][place], proof))
    except LogError as problem:
        raise NotProven(f"{key.name}: {problem}") from problem
    return found


def history(evidence: Sequence[Evidence], key: VerifyKey, assets: Sequence[str]) -> History:
    """What the entries prove about the assets. Raises `NotProven`, with the first thing that does not fit."""
    made = History()
    proven = sorted((verify_entry(each.entry, each.proof, key) for each in evidence), key=lambda each: each.entry.index)
    for each in proven:
        made.size = max(made.size, each.checkpoint.size)
        for posting in _postings(each, frozenset(assets)):
            _follow(made, posting)
    return made


def _postings(proven: Proven, assets: frozenset[str]) -> Iterator[Posting]:
    entry = proven.entry
    for event in entry.events:
        name = event.TYPE.rpartition(".")[0]
        for leg in getattr(event, "legs", ()):
            if leg.asset in assets:
                at = (entry.index, entry.time, name, leg.asset)
                debit, credit, what = leg.debit_after, leg.credit_after, (leg.effect, leg.amount)
                yield Posting(*at, "debit", leg.debit, leg.credit, *what, debit.n, debit.posted, debit.held)
                yield Posting(*at, "credit", leg.credit, leg.debit, *what, credit.n, credit.posted, credit.held)


def _follow(made: History, posting: Posting) -> None:
    """Take a posting. Raises `NotProven` unless it follows from the one before it."""
    where = (posting.asset, posting.account)
    before = made.last.get(where)
    n, posted, held = (0, 0, 0) if before is None else (before.n, before.posted, before.held)
    if posting.n != n + 1:
        raise NotProven(f"{posting.asset}, {posting.account}: posting {n + 1} is missing before entry {posting.entry}")
    by, of_held = (DEBITED if posting.side == "debit" else CREDITED)[posting.effect]
    if (posting.posted, posting.held) != (posted + by * posting.amount, held + of_held * posting.amount):
        raise NotProven(f"{posting.asset}, {posting.account}: the balances after entry {posting.entry} do not add up")
    made.postings.append(posting)
    made.last[where] = posting


def to_file(assets: Sequence[str], evidence: Sequence[Evidence]) -> bytes:
    """Evidence as a file that anybody can verify with the log's key."""
    entries = [{"entry": encode_base64(each.entry), "proof": each.proof.decode()} for each in evidence]
    return json.dumps({"assets": list(assets), "entries": entries}, indent=1).encode() + b"\n"


def from_file(data: bytes) -> tuple[list[str], list[Evidence]]:
    """The inverse. Raises `NotProven`."""
    if len(data) > MAX_EVIDENCE_BYTES:
        raise NotProven(f"evidence has at most {MAX_EVIDENCE_BYTES} bytes")
    try:
        found: dict[str, Any] = json.loads(data)
        entries = [Evidence(decode_base64(each["entry"]), each["proof"].encode()) for each in found["entries"]]
        return [str(asset) for asset in found["assets"]], entries
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise NotProven("not a file of evidence") from problem
