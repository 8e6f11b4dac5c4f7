"""How long transport pauses before it asks or tries again, in seconds."""

from __future__ import annotations

from typing import Final

from counterfoil.runtime.backoff import Backoff

RETRY: Final = Backoff(first=0.1, longest=2.0)
"""Before another attempt at a client that could not connect, or failed."""
FULL: Final = 0.01
"""Before a consumer looks again whether one of its buffers has room, while all are full."""
COMMIT: Final = 0.25
"""Between commits of acknowledged offsets to the group."""
LAG: Final = 0.25
"""Between a gateway's looks at how far the services are with their commands."""
NEW_TOPIC: Final = 0.2
"""Before asking again for a topic that Kafka does not show yet."""
GATHER: Final = 0.005
"""From one request of a producer or consumer to the next: a first message goes at once, what follows goes together."""
