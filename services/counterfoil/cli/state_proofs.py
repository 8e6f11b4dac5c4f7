"""A party's balance, proven by the ledger's state root, for people: from a gateway, or from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from counterfoil.cli.command import FOUND, Invalid, Out
from counterfoil.cli.gateway_session import GatewaySession
from counterfoil.cli.render import Record
from counterfoil.cli.values import in_units
from counterfoil.client.problems import NotProven
from counterfoil.client.states import StateRecord, verify_record
from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import format_time
from counterfoil.ledger.chart import cash, is_currency, owner

if TYPE_CHECKING:
    from counterfoil.log.keys import VerifyKey

_LEDGER: Final = LogId("ledger")
_POSITION: Final = "position/"
_COUNTERS: Final = ("debits_posted", "credits_posted", "debits_pending")
_PROVEN: Final = "the ledger's log commits to a state with this balance, and with no other under this key"
_NOT_PROVEN: Final = "what was posted after the entries that the state follows: `postings_since` is the gateway's word"


def prove_balance(session: GatewaySession, party: str, asset: str, save: Path | None) -> None:
    """Show what the ledger's state proves. Exit code 1 if the gateway shows another balance after the same posting.

    Raises `Invalid`, `NotProven`, and what the gateway's client raises.
    """
    account = cash(party) if is_currency(asset) else owner(party)
    rows: list[dict[str, Any]] = list(session.gateway.rows("balances", {"account": account, "asset": asset}))
    key, pinned = session.log_key(_LEDGER)
    state_key = f"{_POSITION}{asset}/{account}"
    answer = session.gateway.state(_LEDGER, state_key)
    record = verify_record(answer, key, state_key)
    if save is not None:
        try:
            save.write_text(json.dumps({**answer, "key": state_key}, indent=1) + "\n", encoding="utf-8")
        except OSError as problem:
            raise Invalid(f"cannot write {save}: {problem.strerror}") from problem
    balance = _balance(record)
    shown: dict[str, Any] = rows[0] if rows else {"n": 0, "posted": "0", "held": "0"}
    since = int(shown["n"]) - int(balance["n"])
    differs = since < 0 or (since == 0 and (shown["posted"], shown["held"]) != (balance["posted"], balance["held"]))
    _show(session.out, record, {"postings_since": since, "key_pinned": pinned, "differs": differs})
    if differs:
        raise typer.Exit(FOUND)


def record_in(text: str) -> dict[str, Any] | None:
    """What `balance prove --save` kept; None for a text that is no such file."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) and "siblings" in answer else None


def show_saved(out: Out, answer: Mapping[str, Any], keys: Mapping[str, VerifyKey]) -> None:
    """Show what a saved answer proves, without a network. Raises `Invalid`, `NotProven`."""
    origin, key = str(answer.get("origin")), str(answer.get("key"))
    if origin not in keys:
        raise Invalid(f"no key of {origin} is pinned")
    _show(out, verify_record(answer, keys[origin], key), {"verified": True})


def _balance(record: StateRecord) -> dict[str, str]:
    """The balance of a position (micro-units), zeros if there is none. Raises `NotProven` if it is not one."""
    if record.value is None:
        return {"n": "0", "posted": "0", "held": "0"}
    try:
        debits, credits_, held = (int(record.value[name]) for name in _COUNTERS)
        return {"n": str(int(record.value["n"])), "posted": str(credits_ - debits), "held": str(held)}
    except (KeyError, TypeError, ValueError) as problem:
        raise NotProven(f"{record.key} is no position") from problem


def _show(out: Out, record: StateRecord, more: Mapping[str, Any]) -> None:
    asset, _, account = record.key.removeprefix(_POSITION).partition("/")
    entry, head = record.proven.entry, record.proven.checkpoint
    said = {
        "asset": asset, "account": account, **_balance(record), "entries": record.entries,
        "time": format_time(entry.time), "log": head.origin, "tree_size": head.size, **more,
        "proven": _PROVEN, "not_proven": _NOT_PROVEN,
    }  # fmt: skip
    out.show(said, Record(in_units(said, ["posted", "held"])))
