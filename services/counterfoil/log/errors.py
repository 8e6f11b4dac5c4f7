"""What this package raises about bytes it was given.

LogError
├── FormatError      the bytes do not follow their format, or break a limit
├── SignatureError   no trusted key signed, or the signature of a trusted key does not verify
├── ProofError       a proof, tile or bundle does not lead to the stated root
└── RollbackError    the signer was asked for something that does not extend its last head
"""

from __future__ import annotations


class LogError(Exception):
    """Something given to the log package was refused; the message holds the values."""


class FormatError(LogError):
    """The bytes do not follow their format, or break a limit."""


class SignatureError(LogError):
    """No trusted key signed, or the signature of a trusted key does not verify."""


class ProofError(LogError):
    """A proof, tile or bundle does not lead to the stated root."""


class RollbackError(LogError):
    """The signer was asked for something that does not extend its last head."""
