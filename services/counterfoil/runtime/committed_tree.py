"""The tree of a committed log: from its leaves in the database, and from published tiles where these lead to its root.

The database is what is true. What is published spares reading all leaves, and whatever is wrong with it costs time.
"""

from __future__ import annotations

import logging
from typing import Final

from counterfoil.errors import Unusable
from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import FormatError, ProofError, SignatureError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.tilecache import ReadFullTile
from counterfoil.log.tiles import TILE_WIDTH, tile_path
from counterfoil.log.tree import Tree
from counterfoil.ports import Head, LogStore
from counterfoil.published_log import PublishedReader

_LEAVES_AT_ONCE: Final = 65_536

log = logging.getLogger("counterfoil.publisher")


def tile_reader(store: LogStore, published: PublishedReader) -> ReadFullTile:
    """Reads full tiles of level 0 from the database, those above as published: each holds 65,536 leaves or more."""

    def read_tile(level: int, index: int) -> bytes:
        if level:
            return published.get(tile_path(level, index))
        return b"".join(store.leaves(index * TILE_WIDTH, (index + 1) * TILE_WIDTH))

    return read_tile


def published_head(published: PublishedReader, key: VerifyKey) -> Checkpoint | None:
    """The published checkpoint; None if there is none, or one that is cut off: it is published again.

    Raises `SignatureError` if the log's key did not sign it.
    """
    note = published.checkpoint()
    try:
        return None if note is None else open_checkpoint(note, [key])
    except FormatError as problem:
        log.warning("%s/checkpoint is damaged, and is published again: %s", published.place, problem)
        return None
    except SignatureError as problem:
        raise SignatureError(
            f"{published.place}/checkpoint: {problem}: if it is damaged, remove it: it is published again"
        ) from problem


def load_tree(head: Head, store: LogStore, published: PublishedReader, published_size: int) -> Tree:
    """The tree of a committed head, of which tiles up to `published_size` are published.

    Where the tiles do not lead to the committed root, or cannot be read, all leaves are read, with a warning. Raises
    `ProofError` if these do not lead to it either.
    """
    start = min(head.size, published_size) & -TILE_WIDTH
    read_tile = tile_reader(store, published)
    problem: object = "the tiles do not lead to the committed root"
    try:
        tree = Tree.load(start, read_tile, [], start)
        _append_leaves(tree, store, head.size)
        if tree.root() == head.root:
            return tree
    except (Unusable, FormatError) as raised:
        problem = raised
    if start:
        log.warning("%s: all leaves are read from the database: %s", published.place, problem)
    tree = Tree(read_tile)
    _append_leaves(tree, store, head.size)
    if (tree.size, tree.root()) != (head.size, head.root):
        raise ProofError(f"{published.place}: the entries in the database do not hash to the committed root")
    return tree


def _append_leaves(tree: Tree, store: LogStore, size: int) -> None:
    """Append the leaves up to `size`, in bounded pieces: a log may be far ahead of what is published."""
    for first in range(tree.size, size, _LEAVES_AT_ONCE):
        tree.append(store.leaves(first, min(first + _LEAVES_AT_ONCE, size)))
