"""The signed append-only log: pure bytes in, bytes out, usable on its own.

Nothing here opens a file, a socket or a clock; the caller reads and writes, this package hashes, signs and checks.
What it needs is the standard library and PyNaCl, so it can be lifted out and used by any writer, server, client or
auditor of a C2SP transparency log:

    merkle       RFC 6962 2.1: hashes, proofs and their verification
    tree         the writer's tree, with memory flat in the length of the log
    tiles        C2SP tlog-tiles: paths, tiles, entry bundles
    tilecache    full tiles, read back and checked against the hash above them
    note         C2SP signed-note: parse, format, verify
    checkpoint   C2SP tlog-checkpoint: origin, size, root
    keys         Ed25519 keys, their text forms, strict verification
    signer       a log's signature, given only for extensions of its last head
    proofs       C2SP tlog-proof: a receipt that verifies offline
    verify       what a reader of another party's log does

Hashes are 32 raw bytes of SHA-256, sizes and indices are integers below 2**63. Every refusal of foreign bytes is a
`LogError` (`errors`); an `InvariantViolation` is a bug of the caller.
"""
