"""What each batch found before it changed it, so that the node's administrator can put it back without the panel.

Kept as long as the answers to batches, in one compressed row per batch, within a bound of its own. A purge is noted
without what it deleted: it cannot be undone, and what was to be deleted stays nowhere.
"""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from provisioning.agent.store import BATCHES_KEPT_SECONDS, Key, Tombstone, Transaction
from provisioning.resources import FIELDS, KINDS, Gone, Item, Resource

BYTES_MAX = 256 * 1024 * 1024
BATCHES_MAX = 50_000
_BYTES_COUNTED_FROM = 65_536
_COLUMNS = "SELECT batch, at, counts, undoes, undone_by FROM undo"

Verb = Literal["created", "changed", "removed", "purged", "restored"]


@dataclass(frozen=True, slots=True)
class Image:
    """One resource before a batch: ``row`` is generation and fields, None where there was none."""

    kind: str
    id: str
    verb: Verb
    row: Sequence[Any] | None
    tombstone: Tombstone | None

    @property
    def key(self) -> Key:
        """Whom it shows."""
        return self.kind, self.id

    def resource(self) -> Resource | None:
        """Return what was there. Raises InvalidResource if somebody had made it what no resource may be."""
        if self.row is None:
            return None
        generation, *values = self.row
        fields = dict(zip(FIELDS[self.kind], values, strict=True))
        return KINDS[self.kind].read({"id": self.id, "generation": generation, **fields})


@dataclass(frozen=True, slots=True)
class Kept:
    """A batch that can be undone, or was (``undone_by``), or that undid another (``undoes``). ``at`` is Unix time."""

    batch: str
    at: int
    counts: Mapping[str, int]
    undoes: str | None
    undone_by: str | None


def images_of(items: Iterable[Item], had: Mapping[Key, Resource], tombstones: Mapping[Key, Tombstone]) -> list[Image]:
    """Take the images of what these items change."""
    return [_image(item, had.get((item.kind, item.id)), tombstones.get((item.kind, item.id))) for item in items]


def keep(tx: Transaction, batch: str, images: Sequence[Image], *, undoes: str | None = None) -> None:
    """Keep the images of a batch, if it changed anything, and forget those that are too old or too many."""
    if not images:
        return
    counts = Counter(f"{image.kind} {image.verb}" for image in images)
    body = [[image.kind, image.id, image.verb, image.row, image.tombstone] for image in images]
    packed = zlib.compress(json.dumps(body, default=repr).encode(), 1)
    done = tx.connection.execute(
        "INSERT INTO undo (batch, at, counts, size, images, undoes) VALUES (?, ?, ?, ?, ?, ?)",
        (batch, int(time.time()), json.dumps(counts), len(packed), packed, undoes),
    )
    _forget_old(tx, done.lastrowid or 0, len(packed))


def listed(tx: Transaction, limit: int) -> list[Kept]:
    """Return the newest batches, newest first."""
    rows = tx.connection.execute(f"{_COLUMNS} ORDER BY seq DESC LIMIT ?", (limit,))
    return [Kept(batch, at, json.loads(counts), *rest) for batch, at, counts, *rest in rows]


def find(tx: Transaction, name: str) -> list[Kept]:
    """Return the batches whose id begins with ``name``."""
    rows = tx.connection.execute(f"{_COLUMNS} WHERE substr(batch, 1, ?) = ? ORDER BY seq DESC", (len(name), name))
    return [Kept(batch, at, json.loads(counts), *rest) for batch, at, counts, *rest in rows]


def newest(tx: Transaction) -> Kept | None:
    """Return the newest batch that was not undone and undid nothing itself."""
    rows = tx.connection.execute(f"{_COLUMNS} WHERE undone_by IS NULL AND undoes IS NULL ORDER BY seq DESC LIMIT 1")
    return next((Kept(batch, at, json.loads(counts), *rest) for batch, at, counts, *rest in rows), None)


def read(tx: Transaction, batch: str) -> list[Image]:
    """Return the images of a batch."""
    row = tx.connection.execute("SELECT images FROM undo WHERE batch = ?", (batch,)).fetchone()
    return _unpacked(row[0])


def changed_since(tx: Transaction, batch: str, keys: Collection[Key]) -> dict[Key, str]:
    """Tell which of these resources were changed by later batches that still stand, and by which."""
    later = tx.connection.execute(
        "SELECT batch, images FROM undo WHERE seq > (SELECT seq FROM undo WHERE batch = ?)"
        " AND undone_by IS NULL AND undoes IS NULL ORDER BY seq",
        (batch,),
    )
    return {image.key: name for name, images in later for image in _unpacked(images) if image.key in keys}


def mark(tx: Transaction, batch: str, *, undone_by: str | None) -> None:
    """Note that a batch was undone, or that it stands again."""
    tx.connection.execute("UPDATE undo SET undone_by = ? WHERE batch = ?", (undone_by, batch))


def _image(item: Item, had: Resource | None, tombstone: Tombstone | None) -> Image:
    purged = isinstance(item, Gone) and item.purge
    row = None
    if had is not None and not purged:
        row = [had.generation, *had.plain().values()]
    return Image(item.kind, item.id, _verb(item, had), row, tombstone)


def _verb(item: Item, had: Resource | None) -> Verb:
    if isinstance(item, Gone):
        return "purged" if item.purge else "removed"
    return "created" if had is None else "changed"


def _unpacked(packed: bytes) -> list[Image]:
    return [
        Image(kind, id_, verb, row, Tombstone(*tombstone) if tombstone else None)
        for kind, id_, verb, row, tombstone in json.loads(zlib.decompress(packed))
    ]


def _forget_old(tx: Transaction, seq: int, size: int) -> None:
    oldest = int(time.time()) - BATCHES_KEPT_SECONDS
    tx.connection.execute("DELETE FROM undo WHERE at < ? OR seq <= ?", (oldest, seq - BATCHES_MAX))
    if size >= _BYTES_COUNTED_FROM or seq % 100 == 0:
        # The newest stay that fit; this one is always among them.
        tx.connection.execute(
            "DELETE FROM undo WHERE seq < ? AND seq IN (SELECT seq FROM"
            " (SELECT seq, sum(size) OVER (ORDER BY seq DESC) AS together FROM undo) WHERE together > ?)",
            (seq, BYTES_MAX),
        )
