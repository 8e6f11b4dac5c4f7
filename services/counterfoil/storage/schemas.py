"""The schemas on PostgreSQL: one for each log, one for the views, one for the gateways. No name needs quoting."""

from __future__ import annotations

from collections.abc import Iterable

from counterfoil.contract.log_id import MAIN, LogId
from counterfoil.settings import GATEWAY, VIEWS


def schema_of(log: LogId) -> str:
    """``matching`` for the shard ``main``; ``matching_cn_sh`` for ``cn.sh``, ``matching_us__east`` for ``us-east``.

    Names are unique: no service's name has an underscore, and a shard's dots and hyphens are never adjacent.
    """
    if log.shard == MAIN:
        return log.service
    return f"{log.service}_{log.shard.replace('-', '__').replace('.', '_')}"


def schemas_of(logs: Iterable[LogId]) -> tuple[str, ...]:
    """Every schema of an instance with these logs."""
    return (*map(schema_of, logs), VIEWS, GATEWAY)
