"""The names that are public on Kafka: topics, their keys, and the headers of their records.

| topic | key | value | who writes |
|---|---|---|---|
| `counterfoil.SERVICE.commands` | shard | a DSSE envelope, byte for byte | gateways |
| `counterfoil.SERVICE.entries` | shard | one entry of the service's log, byte for byte | the service |
| `counterfoil.SERVICE.dead-letters` | as it came | a record that could not be taken, byte for byte | its consumer |
| `counterfoil.checkpoints` | origin | a signed checkpoint; the topic is compacted | the services |
| `counterfoil.replies` | service | the answer to a command that made no entry | the services |

Topics of commands and entries have a partition for each shard of the service, `main` the first: the log of a shard has
one order. Every other topic has one: a gateway reads all replies.
"""

from __future__ import annotations

from typing import Final

MAX_MESSAGE_BYTES: Final = 1_048_576
"""Of one batch of records as Kafka takes it (`max.message.bytes`); a record is far smaller."""

CHECKPOINTS: Final = "counterfoil.checkpoints"
REPLIES: Final = "counterfoil.replies"

CONTENT_TYPE: Final = "content-type"
INDEX: Final = "index"
"""Of an entry: its index in the log, in decimal."""
BATCH: Final = "batch"
"""Of an entry: ``FIRST-SIZE``, the batch that it was committed and announced with: entries FIRST up to SIZE - 1."""
CHECKPOINT: Final = "checkpoint"
"""Of a batch's last entry: the signed note over a size of at least SIZE."""
FRONTIER: Final = "frontier"
"""Of a batch's last entry: the hashes of the perfect subtrees of the first FIRST entries, largest first, in a row."""
PROOF: Final = "proof"
"""Of a batch's last entry: the consistency proof from SIZE to the checkpoint's size, in a row; absent if they agree."""
TRACE: Final = "traceparent"
"""W3C Trace Context of what made the record; for observation, never for a decision."""

DEAD_TOPIC: Final = "dead-topic"
DEAD_PARTITION: Final = "dead-partition"
DEAD_OFFSET: Final = "dead-offset"
DEAD_REASON: Final = "dead-reason"
"""Of a dead letter: a stable code; its own headers are kept beside these."""
DEAD_TIME: Final = "dead-time"
"""Of a dead letter: when it was set aside, RFC 3339, UTC."""

ENVELOPE_TYPE: Final = "application/vnd.dsse.envelope.v1+json"
ENTRY_TYPE: Final = "application/cloudevents+json"
NOTE_TYPE: Final = "text/plain; charset=utf-8"


def commands_topic(service: str) -> str:
    """The topic of commands to a service."""
    return f"counterfoil.{service}.commands"


def entries_topic(service: str) -> str:
    """The topic on which a service announces its entries."""
    return f"counterfoil.{service}.entries"


def dead_letters_topic(service: str) -> str:
    """The topic of dead letters of a service, `gateway` or `views`."""
    return f"counterfoil.{service}.dead-letters"
