"""Every bound of the system, in one place; each is tested at n and n + 1. Sizes are bytes, times microseconds."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.times import DAY, HOUR, SECOND

# Bytes and shape, checked before anything is parsed.
MAX_ENTRY_BYTES: Final = 65_535  # C2SP tlog-tiles: the length prefix of a bundled entry is two bytes
MAX_ENVELOPE_BYTES: Final = 32_768
MAX_PAYLOAD_BYTES: Final = 6_144  # one command
MAX_BATCH_PAYLOAD_BYTES: Final = 20_480  # its base64 and its events fit into one entry
MAX_BATCH_COMMANDS: Final = 48
ENTRY_FRAME_BYTES: Final = 1_024  # an entry without its payload, outcomes and events, at most
OUTCOME_BYTES: Final = 320  # one command's outcome in a batch, at most
MAX_NESTING: Final = 8

# Amounts and counts.
MAX_AMOUNT: Final = 2**63 - 1
MAX_COUNT: Final = 2**53 - 1
MAX_PRICE: Final = 10**12  # micro-units per GPU-hour: one million units of the currency
PRICE_TICK: Final = 10_000  # 0.01 of the currency; divisible by 4, so that quarter hours stay exact
MAX_NODES: Final = 1_023
MAX_GPUS_PER_NODE: Final = 64
MAX_BID_HOURS: Final = 1_440
MAX_RATE_TERM: Final = 1_000_000
BPS: Final = 10_000

# Collections inside one message.
MAX_CLASSES: Final = 16
MAX_REGIONS: Final = 16
MAX_VOUCHERS_PER_HOLD: Final = 32
MAX_LEGS: Final = 64
MAX_READINGS: Final = 48
MAX_CONTRACTS_PER_CLAIM: Final = 48
MAX_CLAIMS_PER_SETTLEMENT: Final = 48
MAX_SOURCES: Final = 8

# Text.
MAX_NAME: Final = 120
MAX_REASON: Final = 240
MAX_REFERENCE: Final = 64

# Open state per owner, so that nobody can make the state of the services grow without bound.
MAX_KEYS_PER_PARTY: Final = 16  # in force
MAX_KEYS_EVER: Final = 256  # of one party, revoked ones included
MAX_OPEN_VOUCHERS_PER_PARTY: Final = 10_000

# Work per entry: what does not fit is continued by a timer entry.
MAX_ITEMS_PER_SWEEP: Final = 24

# Time.
TIMER_SLACK: Final = SECOND  # how late a timer may be while anything else is decided: one batch
CONSUME_WITHIN: Final = HOUR  # how long a service that goes on deciding may leave another one's event aside
CLOCK_SKEW: Final = 30 * SECOND  # how far `issued_at` may lie ahead of ledger time
MAX_VALIDITY: Final = 24 * HOUR  # `expires_at` - `issued_at`
MIN_BOND_BPS: Final = 200  # 2 % of an offer's notional
MIN_WINDOW: Final = HOUR  # reporting and dispute windows: time enough to act
RESOLUTION_WINDOW: Final = 7 * DAY  # a dispute that nobody resolved by then lapses, and the report stands
MIN_DELIVERED_BPS: Final = 5_000  # of a contract's GPU-minutes; with less, reporting every hour is no delivery
MAX_WINDOW: Final = 366 * DAY  # dispute windows, reporting deadlines

# Runtime.
BATCH_CAUSES: Final = 512  # causes per group commit
STATE_ROOT_EVERY: Final = 4_096  # entries between two state roots
CURSORS_EVERY: Final = 8_192  # messages that may be consumed without making an entry before the cursors are committed
INBOX_CAPACITY: Final = 8_192  # commands waiting at one service before new ones are turned away
