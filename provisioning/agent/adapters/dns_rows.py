"""The rows of zones in the agent's store, what is known of zones that were, and what has to follow a commit."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from provisioning.agent.store import Key, Transaction
from provisioning.resources import InvalidResource, Resource, Zone

SCHEMA = """
CREATE TABLE IF NOT EXISTS zone (
    id TEXT PRIMARY KEY, generation INTEGER NOT NULL, name TEXT NOT NULL UNIQUE, soa TEXT NOT NULL,
    records TEXT NOT NULL, dnssec INTEGER NOT NULL, leaving INTEGER NOT NULL, updates TEXT NOT NULL,
    floor INTEGER NOT NULL, first INTEGER NOT NULL, state TEXT NOT NULL, serial INTEGER, served TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS zone_past (id TEXT PRIMARY KEY, name TEXT NOT NULL, serial INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS zone_past_name ON zone_past (name);
CREATE INDEX IF NOT EXISTS zone_updates ON zone (updates) WHERE updates != '';
CREATE TABLE IF NOT EXISTS zone_key (name TEXT PRIMARY KEY, secret TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS zone_todo (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
    repair INTEGER NOT NULL, batch TEXT NOT NULL);
"""
QUEUED, SERVED, REFUSED = "queued", "served", "refused"
_COLUMNS = "id, generation, name, soa, records, dnssec, leaving, updates, floor, first, state, serial, served"
_HALF = 2**31


class Row(NamedTuple):
    """One zone as it stands in the store. ``first``: the serial it begins with where Knot knows none.

    ``serial`` and ``served``: which serial Knot came to, and the digest of what it answered then.
    """

    id: str
    generation: int
    name: str
    soa: str
    records: str
    dnssec: int
    leaving: int
    updates: str
    floor: int
    first: int
    state: str
    serial: int | None
    served: str | None

    @property
    def file(self) -> str:
        """The name of its zone file, by which Knot's configuration tells that it is ours."""
        return file_of(self.id)

    def content(self) -> str:
        """What `record_sets.content_digest` makes of it, from the row's texts as they are."""
        flags = ",".join(str(bool(flag)).lower() for flag in (self.dnssec, self.leaving))
        records = "[]" if self.updates else self.records
        return hashlib.sha256(f"[{self.soa},{records},{flags},{json.dumps(self.updates)}]".encode()).hexdigest()

    def zone(self) -> Zone:
        """Return the resource; an `EditedZone` where somebody made it by hand what no zone may be."""
        read = {"serial_floor": self.floor, "dnssec": bool(self.dnssec), "leaving": bool(self.leaving)}
        try:
            texts = {"soa": json.loads(self.soa), "records": json.loads(self.records)}
            return Zone.read(
                {"id": self.id, "generation": self.generation, "name": self.name, "updates": self.updates}
                | read
                | texts
            )
        except (InvalidResource, ValueError, TypeError):
            return EditedZone.of(self)


class EditedZone(Zone):
    """What somebody wrote into a row and no zone can be: told as it is, unlike all that could be wanted."""

    __slots__ = ("row",)
    row: Row

    @classmethod
    def of(cls, row: Row) -> EditedZone:
        """Keep the row as it is."""
        edited = object.__new__(cls)
        for name in ("id", "generation", "name", "updates"):
            object.__setattr__(edited, name, getattr(row, name))
        object.__setattr__(edited, "update_key", "")
        object.__setattr__(edited, "row", row)
        return edited

    @property
    def content(self) -> str:
        """What its texts come to."""
        return self.row.content()

    def plain(self) -> dict[str, Any]:
        """Return what stands in the row."""
        row = self.row
        flags = {"dnssec": bool(row.dnssec), "leaving": bool(row.leaving)}
        texts = {"name": row.name, "soa": row.soa, "records": row.records}
        return texts | flags | {"updates": row.updates, "serial_floor": row.floor}


class Todo(NamedTuple):
    """One thing to do about a zone: ``put``, ``remove`` or ``purge``."""

    what: str
    id: str
    name: str
    repair: bool


class Queued(NamedTuple):
    """A thing to do as it stands in the queue."""

    seq: int
    what: str
    id: str
    name: str
    repair: int
    batch: str

    @property
    def key(self) -> Key:
        """Whom it concerns."""
        return Zone.kind, self.id


def file_of(id_: str) -> str:
    """Name the zone file of the zone with this id."""
    return f"{id_}.zone"


def rows(tx: Transaction, ids: Collection[str] | None = None) -> Iterator[Row]:
    """Read the rows with these ids, or all, in the order of their ids."""
    if ids is None:
        found = tx.connection.execute(f"SELECT {_COLUMNS} FROM zone ORDER BY id")  # noqa: S608  # our own columns
    else:
        query = f"SELECT {_COLUMNS} FROM zone WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"  # noqa: S608  # our own columns
        found = tx.connection.execute(query, (json.dumps(list(ids)),))
    return (Row(*row) for row in found)


def holders(tx: Transaction, names: Iterable[str]) -> dict[str, str]:
    """Tell which zone, by id, has each of these names."""
    query = "SELECT name, id FROM zone WHERE name IN (SELECT value FROM json_each(?))"
    return dict(tx.connection.execute(query, (json.dumps(list(names)),)))


def write(tx: Transaction, zones: Sequence[Zone], before: Mapping[Key, Resource]) -> None:
    """Write rows; a name that was served once goes on from there, a new one begins above its floor."""
    new = [zone for zone in zones if (zone.kind, zone.id) not in before]
    past = _past_serials(tx, {zone.name for zone in new})
    now = int(time.time())
    firsts = {zone.id: first_serial(now, zone.serial_floor, past.get(zone.name)) for zone in new}
    tx.connection.executemany(
        f"INSERT INTO zone ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{QUEUED}', NULL, NULL)"  # noqa: S608  # our own columns
        " ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, name = excluded.name, soa = excluded.soa,"
        " records = excluded.records, dnssec = excluded.dnssec, leaving = excluded.leaving,"
        f" updates = excluded.updates, floor = excluded.floor, state = '{QUEUED}'",
        ((*_values(zone), firsts.get(zone.id, now)) for zone in zones),
    )


def updated(tx: Transaction, names: Iterable[str]) -> list[str]:
    """Choose of these zones those that programs change."""
    query = "SELECT name FROM zone WHERE updates != '' AND name IN (SELECT value FROM json_each(?)) ORDER BY name"
    return [name for (name,) in tx.connection.execute(query, (json.dumps(list(names)),))]


def write_keys(tx: Transaction, zones: Iterable[Zone]) -> None:
    """Keep the secrets of the keys by which programs change zones, until no zone is changed by them any more."""
    keys = [(zone.updates, zone.update_key) for zone in zones if zone.update_key]
    tx.connection.executemany("INSERT OR REPLACE INTO zone_key VALUES (?, ?)", keys)


def secrets(tx: Transaction) -> dict[str, str]:
    """Tell the secrets of the keys that were given to this node, by name."""
    return dict(tx.connection.execute("SELECT name, secret FROM zone_key"))


def unused_keys(tx: Transaction) -> list[str]:
    """Name the keys that were given to this node and by which no zone is changed any more."""
    used = "SELECT 1 FROM zone WHERE updates = zone_key.name AND updates != ''"
    query = f"SELECT name FROM zone_key WHERE NOT EXISTS ({used})"  # noqa: S608  # our own text
    return [name for (name,) in tx.connection.execute(query)]


def forget_keys(tx: Transaction, names: Iterable[str]) -> None:
    """Forget keys that were taken away."""
    tx.connection.executemany("DELETE FROM zone_key WHERE name = ?", ((name,) for name in names))


def delete(tx: Transaction, ids: Iterable[str]) -> None:
    """Take rows away, and remember what they were called and which serial they had come to."""
    ids = json.dumps(list(ids))
    where = "WHERE id IN (SELECT value FROM json_each(?))"
    tx.connection.execute(f"INSERT OR REPLACE INTO zone_past SELECT id, name, serial FROM zone {where}", (ids,))  # noqa: S608  # our own text
    tx.connection.execute(f"DELETE FROM zone {where}", (ids,))  # noqa: S608  # our own text


def past_names(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """Tell what zones were called that are no more."""
    query = "SELECT id, name FROM zone_past WHERE id IN (SELECT value FROM json_each(?))"
    return dict(tx.connection.execute(query, (json.dumps(list(ids)),)))


def note_past(tx: Transaction, serials: Iterable[tuple[str, int]]) -> None:
    """Remember the serials, by id, of zones that are no more."""
    tx.connection.executemany("UPDATE zone_past SET serial = ? WHERE id = ?", ((last, id_) for id_, last in serials))


def note(tx: Transaction, told: Iterable[tuple[str, int, str, int | None, str | None]]) -> None:
    """Note of rows, by id and generation, their state and what Knot serves of them."""
    tx.connection.executemany(
        "UPDATE zone SET state = ?3, serial = coalesce(?4, serial), served = coalesce(?5, served)"
        " WHERE id = ?1 AND generation = ?2",
        told,
    )


def add(tx: Transaction, batch: str, todos: Iterable[Todo]) -> None:
    """Queue things to do."""
    tx.connection.executemany(
        "INSERT INTO zone_todo (what, id, name, repair, batch) VALUES (?, ?, ?, ?, ?)",
        ((*todo, batch) for todo in todos),
    )


def pending(tx: Transaction) -> list[Queued]:
    """Read the queue."""
    return [Queued(*row) for row in tx.connection.execute("SELECT * FROM zone_todo ORDER BY seq")]


def clear(tx: Transaction, upto: int, left: Iterable[str]) -> None:
    """Take everything up to a number from the queue but for what concerns the zones that are left."""
    tx.connection.execute(
        "DELETE FROM zone_todo WHERE seq <= ? AND id NOT IN (SELECT value FROM json_each(?))",
        (upto, json.dumps(list(left))),
    )


def after(serial: int, floor: int) -> bool:
    """Tell whether a serial is above another (RFC 1982 3.2)."""
    return 0 < (serial - floor) % 2**32 < _HALF


def first_serial(now: int, *floors: int | None) -> int:
    """Return the present time, or where that is not above the floors, the next number that is."""
    serial = now % 2**32 or 1
    for floor in floors:
        if floor and not after(serial, floor):
            serial = (floor + 1) % 2**32 or 1
    return serial


def _past_serials(tx: Transaction, names: Collection[str]) -> dict[str, int]:
    query = "SELECT name, serial FROM zone_past WHERE serial IS NOT NULL AND name IN (SELECT value FROM json_each(?))"
    found: dict[str, int] = {}
    for name, serial in tx.connection.execute(query, (json.dumps(list(names)),)):
        if name not in found or after(serial, found[name]):
            found[name] = serial
    return found


def _values(zone: Zone) -> tuple[Any, ...]:
    soa, records = (json.dumps(part, separators=(",", ":")) for part in (zone.soa.plain(), _plain_records(zone)))
    flags = int(zone.dnssec), int(zone.leaving)
    return zone.id, zone.generation, zone.name, soa, records, *flags, zone.updates, zone.serial_floor


def _plain_records(zone: Zone) -> list[list[Any]]:
    return [one.plain() for one in zone.records]
