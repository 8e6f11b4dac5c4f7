"""What the command line needs of Kafka beside the services: the dead letters, and the AsyncAPI document.

The command line may not know the transport, so that it starts without Kafka's clients where nothing is asked of Kafka.
The administrator's tools have a client of their own: they load none of those that serve.
"""

from __future__ import annotations

from typing import Any

from counterfoil.transport.admin.dead_letters import DEAD_LETTERS, Letter, Replayed, extent, newest, read, replay

__all__ = ["DEAD_LETTERS", "Letter", "Replayed", "asyncapi", "extent", "newest", "read", "replay"]


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document of the distributed form."""
    from counterfoil.transport.asyncapi import document

    return document()
