"""The fixtures of this package."""

from tests.readers.stores import postgresql, prepared, sqlite

__all__ = ["postgresql", "prepared", "sqlite"]
