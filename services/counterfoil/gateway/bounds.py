"""All bounds of the gateway, each tested at n and n + 1. What bounds commands and entries is in `contract.limits`.

A *peer* is an IPv4 address, or the /64 network of an IPv6 address.
"""

from __future__ import annotations

from typing import Final

# Connections. Times are seconds.
MAX_CONNECTIONS: Final = 1_024
MAX_CONNECTIONS_PER_PEER: Final = 256
HEAD_WITHIN: Final = 10.0  # from the connection's begin, or the head's first byte
BODY_WITHIN: Final = 20.0  # from the end of the head
IDLE: Final = 15.0  # between an answer and the next request
READ_WITHIN: Final = 30.0  # for the peer to read what it was sent, before it counts as stalled
LINGER: Final = 5.0  # for a closed connection to send the rest
DRAIN: Final = 5  # for requests under way when the server stops
MAX_PIPELINED: Final = 8  # requests of a connection without an answer
RESERVED_DESCRIPTORS: Final = 512  # for databases, logs and Kafka

# Requests. Sizes are bytes.
MAX_HEAD_BYTES: Final = 65_536  # request line and header fields, as they come
MAX_HEADER_BYTES: Final = 16_384  # names and values of all header fields
MAX_TARGET_BYTES: Final = 8_192  # path and query

# Commands. The sizes of a party's quota are settings.
BURST_SECONDS: Final = 20  # a party may send at once what its quota permits in so many seconds
REFUSED_WEIGHS: Final = 10  # as much as an accepted command
PAUSE: Final = 1.0  # before the answer that a party is over its quota: its connections ask no more often
PARTIES_KEPT: Final = 16_384  # buckets, before those that are full are forgotten
KEYS_KEPT: Final = 16_384
CATCH_UP_WITHIN: Final = 2.0  # for the keys that a command may be signed by to become known
IN_INBOX: Final = 256  # commands of one log that this gateway has sent and that are not decided
ANSWER_WITHIN: Final = 30.0  # a sender waits for so long, then gets a 202 and fetches the receipt later

# Sessions. Times are seconds.
SESSION_SECONDS: Final = 3_600
SESSIONS_PER_PARTY: Final = 64  # those whose nonces must be remembered included; then the oldest is ended
READER_KNOWN_FOR: Final = 2.0  # so long a session counts after it was looked up, and no longer if its key is revoked
READERS_KEPT: Final = 4_096

# Requests under way, queries and streams.
UNDER_WAY_PER_PEER: Final = 16  # queries, and commands until they are checked; more wait
QUERIES_PER_SECOND: Final = 500  # of a peer, on average; more wait
PACE_SECONDS: Final = 2.0  # a peer may ask at once as often as in so many
PEERS_KEPT: Final = 16_384
KEY_THREADS: Final = 2
POINT_THREADS: Final = 4
SCAN_THREADS: Final = 2
WAITING: Final = 256  # reads that wait for a thread
SCANS_WAITING: Final = 64
SCAN_WITHIN: Final = 2.0  # seconds of the database
MAX_PAGE: Final = 500  # rows
STATE_KEY_CHARS: Final = 1_024  # of a record of a log's state
FEED_EVENTS: Final = 1_000  # that a page of a feed looks at; entries without any count as one
MAX_LEVELS: Final = 500  # of market depth, on each side
MIN_GROUPS: Final = 3  # of related parties, from which on bids at a price are shown to everybody
SHOWN_HOURS: Final = 720  # of what can be had, hour by hour
INDEX_DAYS: Final = 92
INDEX_TRADES: Final = 20_000  # of a market, that an answer about its index reads
DEPTH_KEPT: Final = 0.25  # seconds that an answer about depth is given again
MARKETS_KEPT: Final = 256  # with such an answer
MAX_FOLLOWED: Final = 64  # commands whose outcome is waited for
MAX_FOLLOWED_PER_PEER: Final = 16
MAX_FOLLOWED_PER_PARTY: Final = 16
MAX_WAIT: Final = 30  # seconds that a preference may ask for
MAX_FEEDS: Final = 128  # that are waited for beside what their peers ask; more wait in their peers' shares
MAX_FEEDS_PER_PEER: Final = 16
MAX_STREAMS: Final = 64
MAX_STREAMS_PER_PEER: Final = 16

# Webhooks. Times are seconds.
WEBHOOKS_PER_PARTY: Final = 8
WEBHOOK_BODY_BYTES: Final = 16_384  # of a request about one
WEBHOOK_URL_CHARS: Final = 1_024
WEBHOOK_TYPES: Final = 64  # event types that one names; without any it gets all
WEBHOOK_PORTS: Final = frozenset({443, 8443})
WEBHOOK_SECRET_OVERLAP: Final = 86_400  # for which an old secret still signs beside the new one
WEBHOOK_TEST_EVERY: Final = 10  # between two tests of one
WEBHOOK_TESTS: Final = 8  # under way
WEBHOOK_CONNECT_WITHIN: Final = 5.0
WEBHOOK_ATTEMPT_WITHIN: Final = 10.0  # from the look-up of the name to the end of the answer
WEBHOOK_LOOKUPS: Final = 64  # of names at once
WEBHOOK_ADDRESSES: Final = 3  # of one name that are tried
WEBHOOK_BODY_WITHIN: Final = 1.0  # for the body of an answer
WEBHOOK_ANSWER_BYTES: Final = 65_536  # of an answer that are read, and ignored
WEBHOOK_ATTEMPTS: Final = 128  # under way; more wait, in order
WEBHOOKS_HELD: Final = 4_096  # by one gateway
WEBHOOK_PAGE: Final = 100  # events that are read at once for one
WEBHOOK_READERS: Final = 2  # threads that read them
WEBHOOK_POLL: Final = 0.5  # between two looks for news and for webhooks of gateways that are gone
WEBHOOK_LEASE: Final = 30.0
WEBHOOK_RETRY_FIRST: Final = 5.0  # at most; then twice as much after each failure
WEBHOOK_RETRY_LONGEST: Final = 3_600.0
WEBHOOK_GIVE_UP: Final = 5 * 86_400.0  # of failures in a row, until it is paused
WEBHOOK_RECORDED_EVERY: Final = 30.0  # how far it is, while nothing is delivered

# Log lines about strangers, of one kind.
LINES: Final = 5
LINES_WITHIN: Final = 60.0
