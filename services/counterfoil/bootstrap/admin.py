"""Kafka tools for the command line: the dead letters and the AsyncAPI document.

The command line may not import the transport, so that commands that need no Kafka start without its clients.
The administrator's tools use their own client and load none of the clients that serve.
"""

from __future__ import annotations

from typing import Any

from counterfoil.transport.admin.dead_letters import DEAD_LETTERS, Letter, Replayed, extent, newest, read, replay

__all__ = ["DEAD_LETTERS", "Letter", "Replayed", "asyncapi", "extent", "newest", "read", "replay"]


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document of the distributed form."""
    from counterfoil.transport.asyncapi import document

    return document()
