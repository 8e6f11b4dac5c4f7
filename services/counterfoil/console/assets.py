"""The console's own static files and those of others, under an address with the digest of all: kept for ever."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
VENDORED: Final = ("vendor/htmx.min.js",)
"""What the pages take of others; built from locked packages, and no part of the repository."""
MAKE: Final = "make console-assets"
"""The command that builds them in a checkout; a wheel has them."""


class Asset(NamedTuple):
    """A static file: its type, its bytes, and the same compressed."""

    media_type: str
    content: bytes
    compressed: bytes


class Assets:
    """All static files, read once. `digest`: of all, so that modules may import each other by relative names."""

    def __init__(self, root: Path = ROOT) -> None:
        files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix in _TYPES)
        self._files: Mapping[str, Asset] = {path.relative_to(root).as_posix(): _asset(path) for path in files}
        joined = sha256()
        for name, asset in self._files.items():
            joined.update(f"{name}\0{sha256(asset.content).hexdigest()}\n".encode())
        self.digest = joined.hexdigest()[:16]
        self.missing = tuple(name for name in VENDORED if name not in self._files)

    @property
    def names(self) -> tuple[str, ...]:
        """The paths of all."""
        return tuple(self._files)

    def get(self, name: str) -> Asset | None:
        """The file with this path below ``static``."""
        return self._files.get(name)

    def url(self, name: str) -> str:
        """Where a browser finds a file."""
        return f"/console/static/{self.digest}/{name}"

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return name in self._files


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(_TYPES[path.suffix], content, gzip.compress(content, mtime=0))
