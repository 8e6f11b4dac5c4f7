"""Fresh topics for a test; those that exist are deleted first."""

from __future__ import annotations

import time

from confluent_kafka.admin import AdminClient, NewTopic

from counterfoil.contract.services import SERVICES
from counterfoil.contract.topics import CHECKPOINTS, REPLIES, commands_topic, dead_letters_topic, entries_topic

WITHIN = 20.0
DIVIDED = (commands_topic("matching"), entries_topic("matching"))
"""Topics of a service that has two shards here."""
NAMES = [
    CHECKPOINTS,
    REPLIES,
    *(name(service) for service in SERVICES for name in (commands_topic, entries_topic, dead_letters_topic)),
    *(dead_letters_topic(user) for user in ("gateway", "views")),
]


def fresh_topics(servers: str) -> None:
    """Recreate Counterfoil's topics, empty."""
    admin = AdminClient({"bootstrap.servers": servers})
    deadline = time.monotonic() + WITHIN
    found = [name for name in admin.list_topics(timeout=WITHIN).topics if name in NAMES]
    for future in admin.delete_topics(found).values() if found else ():
        future.result(WITHIN)
    wanted = set(NAMES)
    while wanted:
        for name, future in admin.create_topics(
            [NewTopic(name, 1 + (name in DIVIDED), 1) for name in sorted(wanted)]
        ).items():
            if future.exception(WITHIN) is None:
                wanted.discard(name)
        assert time.monotonic() < deadline, f"no fresh topics: {wanted}"
