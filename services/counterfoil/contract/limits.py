"""What bounds bytes, ranges and shapes in messages, each tested at n and n + 1. Sizes are bytes, times microseconds.

What else decides whether a command is accepted may differ by rules version: `counterfoil.core.rules`.
"""

from __future__ import annotations

from typing import Final

from counterfoil.contract.times import DAY, SECOND

# Bytes and shape, checked before anything is parsed.
MAX_ENTRY_BYTES: Final = 65_535  # C2SP tlog-tiles: the length prefix of a bundled entry is two bytes
MAX_ENVELOPE_BYTES: Final = 32_768
MAX_PAYLOAD_BYTES: Final = 6_144  # one command
MAX_BATCH_PAYLOAD_BYTES: Final = 20_480  # its base64 and its events fit into one entry
MAX_BATCH_COMMANDS: Final = 48
ENTRY_FRAME_BYTES: Final = 1_024  # an entry without its payload, outcomes and events, at most
OUTCOME_BYTES: Final = 320  # one command's outcome in a batch, at most
MAX_NESTING: Final = 8
MAX_PIECE_BYTES: Final = 3_072  # of a document, in one command
MAX_PIECES: Final = 43  # of one document
MAX_OPEN_SESSION_BYTES: Final = 1_024  # its envelope
MAX_OPEN_SESSION: Final = 300 * SECOND  # how long one may be valid

# Amounts and counts.
MICRO_DIGITS: Final = 6  # amounts are millionths of a currency's unit
MAX_AMOUNT: Final = 2**63 - 1
MAX_COUNT: Final = 2**53 - 1
MAX_PRICE: Final = 10**12  # micro-units per GPU-hour: one million units of the currency
MAX_NODES: Final = 1_023
MAX_GPUS_PER_NODE: Final = 64
MAX_BID_HOURS: Final = 1_440
MAX_NOTICE_HOURS: Final = 720
MAX_POSITION_DAYS: Final = 31  # of a market's count that its event tells
MAX_RATE_TERM: Final = 1_000_000
BPS: Final = 10_000
MAX_POINTS: Final = 100 * 10**MICRO_DIGITS  # of a score
MAX_LEGS: Final = 64  # in one event

# Text.
MAX_NAME: Final = 120
MAX_REASON: Final = 240
MAX_SENTENCE: Final = 400  # of an explanation
MAX_REFERENCE: Final = 64

# Time.
MAX_WINDOW: Final = 366 * DAY  # of a programme: to report usage, to dispute it, from a voucher's issue to its end
