"""The mail tables of the agent's store: rows to resources and back. Dovecot reads ``mailbox`` and the probe tables."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, cast

from provisioning.agent.store import Key, Transaction
from provisioning.resources import Alias, InvalidResource, Item, Mailbox, MailDomain, Resource

SCHEMA = """
CREATE TABLE IF NOT EXISTS mail_domain (
    id TEXT PRIMARY KEY, generation INTEGER NOT NULL, name TEXT NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mailbox (
    id TEXT PRIMARY KEY, generation INTEGER NOT NULL, address TEXT NOT NULL UNIQUE, login TEXT NOT NULL,
    password_hash TEXT, quota_mb INTEGER NOT NULL, domain TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mailbox_domain ON mailbox (domain);
CREATE TABLE IF NOT EXISTS mailbox_grade (
    id TEXT PRIMARY KEY, grade TEXT NOT NULL, notice TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alias (
    id TEXT PRIMARY KEY, generation INTEGER NOT NULL, address TEXT NOT NULL UNIQUE, target TEXT NOT NULL,
    domain TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alias_target ON alias (target);
CREATE INDEX IF NOT EXISTS alias_domain ON alias (domain);
CREATE TABLE IF NOT EXISTS probe_login (
    number INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, network TEXT NOT NULL,
    expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS probe_token (
    mailbox_id TEXT PRIMARY KEY, token TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS probe_token_expires ON probe_token (expires_at);
CREATE TABLE IF NOT EXISTS todo (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, subject TEXT NOT NULL, value TEXT,
    kind TEXT NOT NULL, id TEXT NOT NULL, batch TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS map_file (name TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS foreign_entry (
    map TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (map, key)) WITHOUT ROWID;
"""
KINDS: dict[str, type[Resource]] = {"mail_domain": MailDomain, "mailbox": Mailbox, "alias": Alias}
# Few mailboxes are graded: theirs stand apart, and an earlier agent that is put back finds its table as it left it.
_GRADE = "coalesce(grade, ''), coalesce(notice, '')"
_WITH_GRADE = "LEFT JOIN mailbox_grade ON mailbox_grade.id = mailbox.id"
_WRITE_GRADE = "INSERT OR REPLACE INTO mailbox_grade VALUES (:id, :grade, :notice)"
_DELETE_GRADES = "DELETE FROM mailbox_grade WHERE id IN (SELECT value FROM json_each(?))"

_READ = {
    "mail_domain": "SELECT id, generation, name FROM mail_domain WHERE id IN (SELECT value FROM json_each(?))",
    "mailbox": f"SELECT mailbox.id, generation, address, login, password_hash, quota_mb, {_GRADE} FROM mailbox"
    f" {_WITH_GRADE} WHERE mailbox.id IN (SELECT value FROM json_each(?))",
    "alias": "SELECT id, generation, address, target FROM alias WHERE id IN (SELECT value FROM json_each(?))",
}
_FIELDS = {
    "mail_domain": ("id", "generation", "name"),
    "mailbox": ("id", "generation", "address", "login", "password_hash", "quota_mb", "grade", "notice"),
    "alias": ("id", "generation", "address", "target"),
}
_LINES = {
    "mail_domain": "SELECT 'mail_domain', id, name FROM mail_domain ORDER BY id",
    "mailbox": f"SELECT 'mailbox', mailbox.id, address, login, password_hash, quota_mb, {_GRADE} FROM mailbox"
    f" {_WITH_GRADE} ORDER BY mailbox.id",
    "alias": "SELECT 'alias', id, address, target FROM alias ORDER BY id",
}
_GENERATIONS = {
    "mail_domain": "SELECT id, generation FROM mail_domain",
    "mailbox": "SELECT id, generation FROM mailbox",
    "alias": "SELECT id, generation FROM alias",
}
_OF_SHARDS = " WHERE substr(id, -2) IN (SELECT value FROM json_each(?))"
_UNSOUND = {
    "mail_domain": "SELECT id FROM mail_domain WHERE typeof(generation) <> 'integer'",
    "mailbox": "SELECT id FROM mailbox"
    " WHERE typeof(generation) <> 'integer' OR substr(address, -length(domain) - 1) <> '@' || domain",
    "alias": "SELECT id FROM alias"
    " WHERE typeof(generation) <> 'integer' OR substr(address, -length(domain) - 1) <> '@' || domain",
}
_UNPLAIN = {
    "mail_domain": "SELECT id FROM mail_domain WHERE name GLOB '*[^a-z0-9.-]*'",
    "mailbox": "SELECT id FROM mailbox WHERE address GLOB '*[^a-z0-9@._-]*'",
    "alias": "SELECT id FROM alias WHERE address || target GLOB '*[^a-z0-9@._-]*'",
}
_WRITE = {
    "mail_domain": "INSERT INTO mail_domain VALUES (:id, :generation, :name)",
    "mailbox": "INSERT INTO mailbox VALUES (:id, :generation, :address, :login, :password_hash, :quota_mb, :domain)",
    "alias": "INSERT INTO alias VALUES (:id, :generation, :address, :target, :domain)",
}
_DELETE = {
    "mail_domain": "DELETE FROM mail_domain WHERE id IN (SELECT value FROM json_each(?))",
    "mailbox": "DELETE FROM mailbox WHERE id IN (SELECT value FROM json_each(?))",
    "alias": "DELETE FROM alias WHERE id IN (SELECT value FROM json_each(?))",
}
_COUNT = {
    "mail_domain": "SELECT count(*) FROM mail_domain",
    "mailbox": "SELECT count(*) FROM mailbox",
    "alias": "SELECT count(*) FROM alias",
}
_HOLDERS = (
    "SELECT address, 'mailbox', id FROM mailbox WHERE address IN (SELECT value FROM json_each(?1))"
    " UNION ALL SELECT address, 'alias', id FROM alias WHERE address IN (SELECT value FROM json_each(?1))"
)
_IDS_BY_NAME = {
    "mail_domain": "SELECT id FROM mail_domain WHERE name IN (SELECT value FROM json_each(?))",
    "mailbox": "SELECT id FROM mailbox WHERE address IN (SELECT value FROM json_each(?))",
    "alias": "SELECT id FROM alias WHERE address IN (SELECT value FROM json_each(?))",
}


def read(tx: Transaction, keys: Iterable[Key]) -> dict[Key, Resource]:
    """Return what is there now under these keys, read from the rows the daemons read."""
    by_kind: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for kind, id_ in keys:
        by_kind[kind].append(id_)
    return {
        (kind, row[0]): _resource(kind, dict(zip(_FIELDS[kind], row, strict=True)))
        for kind, ids in by_kind.items()
        if ids
        for row in tx.connection.execute(_READ[kind], (json.dumps(ids),))
    }


def lines(tx: Transaction, kind: str) -> Iterator[tuple[Any, ...]]:
    """Read all rows of a kind in the order of their ids, as `shards.line_of` takes them."""
    return tx.connection.execute(_LINES[kind])


def generations(tx: Transaction, kind: str, shards: Collection[str] | None = None) -> Iterator[tuple[str, Any]]:
    """Read id and generation of all rows of a kind, or of those of these shards."""
    if shards is None:
        return tx.connection.execute(_GENERATIONS[kind])
    return tx.connection.execute(_GENERATIONS[kind] + _OF_SHARDS, (json.dumps(list(shards)),))


def unsound(tx: Transaction, kind: str) -> set[str]:
    """Name the rows whose hidden parts somebody edited."""
    return {id_ for (id_,) in tx.connection.execute(_UNSOUND[kind])}


def unplain(tx: Transaction, kind: str) -> set[str]:
    """Name the rows that can be no row of a map. Slow for many rows."""
    return {id_ for (id_,) in tx.connection.execute(_UNPLAIN[kind])}


def write(tx: Transaction, kind: str, resources: Collection[Any]) -> None:
    """Insert rows; their ids and addresses must be free."""
    tx.connection.executemany(_WRITE[kind], map(_row, resources))
    if kind == "mailbox":
        tx.connection.executemany(_WRITE_GRADE, (_row(item) for item in resources if item.grade))


def delete(tx: Transaction, kind: str, ids: Collection[str]) -> None:
    """Delete rows by id."""
    if ids:
        tx.connection.execute(_DELETE[kind], (json.dumps(list(ids)),))
        if kind == "mailbox":
            tx.connection.execute(_DELETE_GRADES, (json.dumps(list(ids)),))


def count(tx: Transaction, kind: str) -> int:
    """Count the resources of a kind; reads them all, so only where many are about to go."""
    return int(tx.connection.execute(_COUNT[kind]).fetchone()[0])


def holders(tx: Transaction, addresses: Collection[str]) -> dict[str, Key]:
    """Tell which mailbox or alias holds each address."""
    rows = tx.connection.execute(_HOLDERS, (json.dumps(list(addresses)),))
    return {address: (kind, id_) for address, kind, id_ in rows}


def domain_holders(tx: Transaction, names: Collection[str]) -> dict[str, Key]:
    """Tell which resource holds each domain name."""
    rows = tx.connection.execute(
        "SELECT name, id FROM mail_domain WHERE name IN (SELECT value FROM json_each(?))", (json.dumps(list(names)),)
    )
    return {name: ("mail_domain", id_) for name, id_ in rows}


def domain_in_use(tx: Transaction, name: str) -> bool:
    """Tell whether a mailbox or alias lives in a domain."""
    row = tx.connection.execute(
        "SELECT EXISTS (SELECT 1 FROM mailbox WHERE domain = ?1) OR EXISTS (SELECT 1 FROM alias WHERE domain = ?1)",
        (name,),
    ).fetchone()
    return bool(row[0])


def ids_by_name(tx: Transaction, kind: str, names: Collection[str]) -> set[str]:
    """Name the resources of a kind that stand under these addresses or domain names."""
    return {id_ for (id_,) in tx.connection.execute(_IDS_BY_NAME[kind], (json.dumps(list(names)),))}


def address_of(item: Resource) -> str:
    """Return the address or domain name a resource is served under."""
    return item.name if isinstance(item, MailDomain) else cast("Mailbox | Alias", item).address


def domain_of(address: str) -> str:
    """Return the part after the ``@``."""
    return address.rpartition("@")[2]


def _resource(kind: str, values: dict[str, Any]) -> Resource:
    cls = KINDS[kind]
    try:
        return cls(**values)
    except InvalidResource:
        # Somebody edited the row: it is read as it is, so that its digest differs and the next put repairs it.
        found = object.__new__(cls)
        for name, value in values.items():
            object.__setattr__(found, name, value)
        return found


def _row(item: Item) -> Mapping[str, Any]:
    values = {name: getattr(item, name) for name in _FIELDS[item.kind]}
    if not isinstance(item, MailDomain):
        values["domain"] = domain_of(values["address"])
    return values
