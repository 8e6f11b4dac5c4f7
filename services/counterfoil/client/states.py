"""A record of a log's state, proven: from a gateway's answer and the log's key, and from nothing else.

What is proven: that the log has an entry which commits to the whole state in front of it, and that this state has
exactly this record under the key, or none. What was decided since is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from counterfoil.client.problems import NotProven
from counterfoil.client.verify import Proven, verify_answer
from counterfoil.contract.canonical import Refused, loads
from counterfoil.contract.events import StateRooted
from counterfoil.contract.scalars import decode_base64
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.state import StateProof, verify_state


class StateRecord(NamedTuple):
    """`value`: the record's JSON, None if the state has none under `key`. `entries`: how many the state follows.

    `proven`: the entry behind them, which commits to the state, and the checkpoint that covers it.
    """

    key: str
    value: Any
    entries: int
    proven: Proven


def verify_record(answer: Mapping[str, Any], log_key: VerifyKey, key: str) -> StateRecord:
    """What an answer of ``/v1/state`` proves about the record under `key`. Raises `NotProven`, `NotUnderstood`."""
    proven = verify_answer(answer, log_key)
    roots = [event for event in proven.entry.events if isinstance(event, StateRooted)]
    if len(roots) != 1 or roots[0].entries != proven.entry.index:
        raise NotProven(f"entry {proven.entry.index} of {log_key.name} does not commit to the state in front of it")
    try:
        value = answer["value"]
        data = None if value is None else str(value).encode()
        siblings = tuple(decode_base64(str(each)) for each in answer["siblings"])
        verify_state(roots[0].root, key, data, StateProof(decode_base64(str(answer["rows"])), siblings))
        parsed = None if data is None else loads(data)
    except LogError as problem:
        raise NotProven(f"{log_key.name}: {problem}") from problem
    except (KeyError, TypeError, ValueError, Refused) as problem:
        raise NotProven(f"not a record with its proof: {problem!r}") from problem
    return StateRecord(key, parsed, roots[0].entries, proven)
