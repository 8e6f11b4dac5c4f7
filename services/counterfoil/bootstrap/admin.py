"""What the command line needs of Kafka beside the services: the dead letters, and the AsyncAPI document.

The command line may not know the transport, so that it starts without Kafka's clients where nothing is asked of Kafka.
"""

from __future__ import annotations

from counterfoil.transport.admin.dead_letters import DEAD_LETTERS, Letter, Replayed, extent, newest, read, replay
from counterfoil.transport.asyncapi import document as asyncapi

__all__ = ["DEAD_LETTERS", "Letter", "Replayed", "asyncapi", "extent", "newest", "read", "replay"]
